/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PINs: from a file, a descriptor, a systemd credential or the terminal; never
 * from argv or the environment. In locked memory, wiped when freed.
 */
#ifndef PIN_H
#define PIN_H

#include "tools/tool.h"

#define PIN_MAX 1024

struct pin {
	unsigned char *bytes; /* secret_alloc */
	size_t len;
};

void pin_clear(struct pin *);

/* Where one PIN comes from: the options --WHAT-file, --WHAT-fd, --WHAT-credential, or the terminal. */
struct pin_wish {
	const char *what;     /* "pin" (the user's), "so-pin", "new-pin", "passphrase" */
	const char *uri_file; /* a URI's pin-source, or NULL: counts when no option is given */
	const char *prompt;   /* "PIN of user on token \"x\"" */
	bool twice;           /* a new PIN: asked again on the terminal */
};

/* True when an option or the URI says where the PIN is. */
bool pin_given(const struct args *, const struct pin_wish *);
/* Reads it, or asks. ST_AUTH after a message. */
enum status pin_read(const struct args *, const struct pin_wish *, struct pin *) MUST_USE;

/* One line of a file whose mode shuts others out. */
enum status pin_from_file(const char *path, struct pin *) MUST_USE;
/* One line, and not a byte more: a second PIN may follow. */
enum status pin_from_fd(int fd, const char *name, struct pin *) MUST_USE;
/* From /dev/tty, without echo; for passphrases too. */
enum status pin_prompt(const char *prompt, bool twice, struct pin *) MUST_USE;

#endif
