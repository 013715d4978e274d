/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the OpenSSL provider: the built one, loaded as an application would,
 * over the token "test" of face.h, whose keys the PKCS#11 module made. The default
 * provider in a context of its own is the independent side.
 */
#ifndef CONFORMANCE_PROVIDER_H
#define CONFORMANCE_PROVIDER_H

#include "ossl/error.h"
#include "tests/conformance/face.h"

#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>

/* With the default provider and hufu, in this order; and with the default provider alone. */
extern OSSL_LIB_CTX *with_hufu, *without_hufu;

/*
 * The pairs in the token, by their labels; each CKA_ID is the label, too. RSA has 2048 bits. They may do what their kind can:
 * sign, decrypt, derive.
 */
#define PAIRS "rsa", "p256", "p384", "p521", "sm2", "ed25519", "ed448", "x25519", "x448"
extern const char *const pairs[];       /* NULL at the end */

/* Set before provider_up: the provider that this program is linked with, in place of the built module. */
extern OSSL_provider_init_fn *provider_linked_in;
/* As the first and the last case of a program. */
void provider_up(void);
void provider_down(void);
/* Loaded by hand instead, into any context; the module's directory is the default search path from provider_up on. */
OSSL_PROVIDER *provider_load(OSSL_LIB_CTX *);

/* The URI of what has this label, of this type ("private", "public", "cert"; NULL: any), with the PIN's file. Lives until the next call. */
const char *provider_uri(const char *label, const char *type);
/* The file with the user PIN, 0600. */
const char *provider_pin_file(void);
/* The first thing at this URI of the kind (OSSL_STORE_INFO_...), as an application takes it. NULL: nothing, with the reason on the queue. */
EVP_PKEY *provider_key_at(const char *uri, int expect);
X509 *provider_certificate_at(const char *uri);
/* The token's private key of this label in with_hufu; fatal when there is none. */
EVP_PKEY *provider_private(const char *label);
/* Its public half as a key of the default provider's in without_hufu, which does not know where it comes from. */
EVP_PKEY *provider_public(const char *label);

/* The provider's own reason last put on the queue (0: none), whose text is printed when it is not the one wanted. Clears the queue. */
bool provider_reason_is(enum reason want, const char *call, const char *file, unsigned line);
#define FAILS(call, reason) provider_reason_is((call) ? 0 : (reason), #call, __FILE__, __LINE__)
/* libcrypto's 1; else the queue is printed. */
bool provider_ok(int got, const char *call, const char *file, unsigned line);
#define GOOD(call) provider_ok((call), #call, __FILE__, __LINE__)

#endif
