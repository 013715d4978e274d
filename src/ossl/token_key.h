/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A secret key in a token, for ciphers and MACs: named by the parameter "uri", where the
 * default provider is given the key's bytes. Counted by reference; thread-safe.
 */
#ifndef OSSL_TOKEN_KEY_H
#define OSSL_TOKEN_KEY_H

#include <openssl/params.h>

#include "ossl/seat.h"

#define PARAM_URI "uri"

struct token_key;

/* NULL after an error: none, several, no login. */
struct token_key *token_key_find(const struct provider *, const char *uri);
/* The one that the parameter names, in place of *key; nothing where it is not among them. 0 after an error. */
int token_key_param(const struct provider *, const OSSL_PARAM params[], struct token_key **key);
struct token_key *token_key_hold(struct token_key *);
void token_key_rele(struct token_key *);
CK_KEY_TYPE token_key_type(const struct token_key *);
/* CKA_VALUE_LEN, bytes; 0: its type has but one length. */
size_t token_key_len(const struct token_key *);
struct desk *token_key_desk(const struct token_key *);

/* An operation with it, or a part of one. */
struct token_work {
	CK_RV (*begin)(struct session *, CK_OBJECT_HANDLE, void *arg); /* crypt_init and kin, on a session that is taken for it */
	CK_RV (*run)(struct session *, void *arg);      /* one call of the core; NULL: it is only begun */
	void *arg;
	struct seat *seat;              /* the session is kept there from the beginning on; NULL: all is done in one go */
	const char *what;               /* for errors: "encrypt" */
};
/*
 * 0 after an error. Where the key is no longer known, or the login has ended, it is looked for once more. In an ASYNC_JOB
 * that waits for a device, run pauses the job: what it reads and writes must not be the application's (pause.h).
 */
int token_key_work(struct token_key *, const struct token_work *);
/* Raises what the core answered. Always 0. */
int token_key_fail(const struct token_key *, CK_RV, const char *what);

#endif
