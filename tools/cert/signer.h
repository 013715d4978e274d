/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token's private key that signs what libcrypto makes. The module is asked
 * first which key is meant, what it may do, and whether the PIN is right; then the
 * provider has it sign.
 */
#ifndef SIGNER_H
#define SIGNER_H

#include "tools/cert/certs.h"
#include "tools/ossl.h"

/* What the module says of a key, and of the PIN. */
struct signer_key {
	char *uri, *label;
	bool sm2, may_sign, may_unwrap;
};

struct signer {
	const struct args *args;
	struct pin pin;
	struct signer_key key, other;   /* other: of --encryption-key, uri NULL without it */
	struct ossl ossl;
	struct sm2_id sm2_id;
};

/* The private key that the first target names, and that of the option other (or NULL). Clear it after success and failure alike. */
enum status signer_open(const struct args *, const char *other, struct signer *) MUST_USE;
void signer_clear(struct signer *);
/* ST_POLICY after a message: a certificate's key signs its own request. */
enum status signer_may_sign(const struct signer_key *) MUST_USE;
/* The key as libcrypto's; EVP_PKEY_free it, before signer_clear. */
enum status signer_load(struct signer *, const struct signer_key *, EVP_PKEY **) MUST_USE;
/* Ready for X509_sign_ctx and its like, with the options' hash, padding and identifier; EVP_MD_CTX_free it. */
enum status signer_begin(struct signer *, const struct signer_key *, EVP_PKEY *, EVP_MD_CTX **) MUST_USE;

#define OPTS_SIGNER \
	{"hash", 0, "HASH", "RSA, EC: sha256 (default), sha384, sha512, sha3-256, ..."}, \
	{"pss", 0, NULL, "RSA: PSS, in place of PKCS#1 v1.5"}, \
	OPT_SM2_ID

#endif
