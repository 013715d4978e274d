/* SPDX-License-Identifier: Apache-2.0 */
/* A PKCS#11 module: any, named by --module, hufu's own by default. */
#ifndef MODULE_H
#define MODULE_H

#include "hufu/pkcs11-sm.h"
#include "tools/tool.h"

struct module {
	char *path;
	CK_FUNCTION_LIST *f;        /* 2.40 or the first part of a later list */
	CK_VERSION interface;       /* of f */
	CK_INFO info;
};

/* A slot with what the module says of it and its token. */
struct slot {
	CK_SLOT_ID id;
	CK_SLOT_INFO info;
	bool present;               /* token is valid */
	CK_TOKEN_INFO token;
};

/* Loads and initialises. The caller closes it, also after a failure of what follows. */
enum status module_open(const struct args *, struct module *) MUST_USE;
/* By path; no options. NULL path: hufu's own. */
enum status module_load(const char *path, struct module *) MUST_USE;
void module_close(struct module *);

/* All slots; the caller frees *slots. */
enum status module_slots(const struct module *, struct slot **slots, CK_ULONG *n) MUST_USE;
/* Does the token offer it for this use (0: any)? */
bool module_offers(const struct module *, CK_SLOT_ID, CK_MECHANISM_TYPE, CK_FLAGS use);

#endif
