/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto with hufu's provider beside the default one, in a context of its
 * own: what a server has that names the provider in its openssl.cnf.
 *
 * The provider has a core of its own, apart from that of a module which the
 * tool has loaded: a login there is none here.
 */
#ifndef OSSL_H
#define OSSL_H

#include "ossl/reason.h"
#include "tools/pin.h"

#include <openssl/evp.h>
#include <openssl/provider.h>

struct ossl {
	OSSL_LIB_CTX *context;
	OSSL_PROVIDER *base, *hufu;
};

/* Beside this program, as it was built; else where it was installed. Close it after success and failure alike. */
enum status ossl_open(struct ossl *) MUST_USE;
void ossl_close(struct ossl *);
/* The private key of this URI, logged in with the PIN (empty: there is none). EVP_PKEY_free it, before ossl_close. */
enum status ossl_private_key(struct ossl *, const char *uri, const struct pin *, EVP_PKEY **) MUST_USE;
/* What the queue says, and clears it: the provider's own sentence and its reason (0: it has none there), else libcrypto's. Gives out. */
const char *ossl_why(char *out, size_t out_len, enum reason *);
/* What failed, with what libcrypto's queue of errors says: the provider's own sentence where it has one. Clears the queue. */
enum status ossl_fail(enum status, const char *next, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
