/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA keys as numbers, and their DER forms: PKCS#8 with RFC 8017 A.1.2, SPKI
 * with A.1.1. Reading is strict: what is taken is what would be written.
 */
#ifndef DRIVER_SOFT_RSA_DER_H
#define DRIVER_SOFT_RSA_DER_H

#include <openssl/bn.h>

#include "driver/soft/soft.h"

/* In the order of the standard. */
enum rsa_part { RSA_N, RSA_E, RSA_D, RSA_P, RSA_Q, RSA_DP, RSA_DQ, RSA_QINV, RSA_NPARTS };
#define RSA_NPUBLIC RSA_D

/* All of it is treated as secret: computed with in constant time, wiped when freed. */
struct rsa_numbers {
	BIGNUM *part[RSA_NPARTS];
	size_t nparts; /* RSA_NPUBLIC or RSA_NPARTS */
	BN_CTX *ctx;
};

/* Zeros. HUFU_ERR_NO_MEMORY. */
enum hufu_err rsa_numbers_init(struct rsa_numbers *, size_t nparts) MUST_CHECK;
/* On zeroed memory too. */
void rsa_numbers_clear(struct rsa_numbers *);

/* Into initialised numbers; which form it is, nparts says. HUFU_ERR_KEY_VALUE, NO_MEMORY. */
enum hufu_err rsa_numbers_read(struct rsa_numbers *, const uint8_t *der, size_t len) MUST_CHECK;
size_t rsa_pkcs8_len(const struct rsa_numbers *);
size_t rsa_spki_len(const struct rsa_numbers *);
void rsa_pkcs8_write(const struct rsa_numbers *, uint8_t *out);
void rsa_spki_write(const struct rsa_numbers *, uint8_t *out);
/* Of any key whose modulus and public exponent have these lengths in bytes. */
size_t rsa_pkcs8_max(size_t n_len, size_t e_len);

/* Odd, at least 3, and no longer than what a modulus of nbits may have. */
bool rsa_exponent_fits(const BIGNUM *e, int nbits);
/*
 * Public: n and e in their ranges. Private: the rest too, what is 0 completed,
 * what is not held against it. HUFU_ERR_KEY_SIZE, KEY_VALUE, NO_MEMORY.
 */
enum hufu_err rsa_numbers_check(const struct rsa_numbers *) MUST_CHECK;
enum hufu_err rsa_numbers_complete(struct rsa_numbers *) MUST_CHECK;

#endif
