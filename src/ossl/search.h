/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that a URI means, on all tokens that it means. */
#ifndef OSSL_SEARCH_H
#define OSSL_SEARCH_H

#include "ossl/key.h"

#define SEARCH_PRIVATE 0x1u             /* private keys: the user logs in */
#define SEARCH_PUBLIC 0x2u
#define SEARCH_CERTIFICATES 0x4u
#define SEARCH_SECRET 0x8u              /* keys of ciphers and MACs: the user logs in */

struct finding {
	struct desk *desk;
	CK_OBJECT_HANDLE handle;
	unsigned what;                  /* one of SEARCH_... */
};

struct search {
	const struct provider *provider;
	struct uri *uri;
	unsigned what;                  /* SEARCH_..., less what the URI's type leaves out */
	bool public_will_do;            /* where there is no PIN, what is public is enough */
	const char *label;              /* that the objects must have, too; or NULL */
	OSSL_PASSPHRASE_CALLBACK *ask;
	void *ask_arg;
	/* what was found: private keys, public ones, certificates, token by token */
	struct finding *findings;
	size_t n, cap;
};

/*
 * 0 after an error: no token, no login, or nothing found. Keys of types that OpenSSL does not have are left out. Where the
 * URI means several tokens, nobody logs in: a PIN is for one.
 */
int search_run(struct search *);
void search_clear(struct search *);

/* The whole of it, without its padding; NULL: any. */
bool search_token_has_label(const CK_TOKEN_INFO *, const char *label);
/*
 * The one token that a URI means; uri NULL: the provider's own, or the only one. The core is started. NULL after an error.
 */
struct desk *search_token(const struct provider *, struct uri *);

/* Exactly one key, SEARCH_PRIVATE or SEARCH_PUBLIC. NULL after an error. */
struct key *search_only(struct search *, unsigned what);
/* What was found as a key; the private one of a private object. NULL after an error. */
struct key *search_key(const struct search *, const struct finding *);
/* Raises that a URI which should mean one key means several. Always 0. */
int search_fail_several(const struct search *);

#endif
