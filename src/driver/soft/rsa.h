/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA (RFC 8017). libcrypto computes x^e and x^d modulo n and finds primes; key
 * forms and paddings are here: every hash function of the token serves.
 */
#ifndef DRIVER_SOFT_RSA_H
#define DRIVER_SOFT_RSA_H

#include "driver/soft/evp.h"

#include <openssl/rsa.h>

#include "crypto/hash.h"

#define RSA_MIN_NBITS 1024
#define RSA_MAX_NBITS 8192
#define RSA_MAX_LEN (RSA_MAX_NBITS / 8)
#define RSA_GEN_MIN_NBITS 2048
#define RSA_GEN_MAX_NBITS 4096

#define RSA_REJECTION_LEN 32

struct rsa_key {
	uint32_t epoch;
	uint32_t nbits;
	RSA *rsa;
	size_t len;                           /* k of RFC 8017: of the modulus, and of all that goes in and out */
	uint8_t n[RSA_MAX_LEN];
	uint8_t rejection[RSA_REJECTION_LEN]; /* private keys: SHA-256(d), see rsa_unpad_pkcs1 */
};

/* -- rsa_key.c: keys in and out, and the two functions ---------------------- */

enum hufu_err rsa_load(const struct hufu_host *, struct hufu_op *, struct rsa_key **) MUST_CHECK;
enum hufu_err rsa_generate(const struct hufu_host *, struct hufu_op *) MUST_CHECK;

/* Is x, key->len bytes, less than n? Not in constant time: both are public. */
bool rsa_in_range(const struct rsa_key *, const uint8_t *x);
/*
 * out = x^e, x^d mod n; len bytes, x < n. A fault in one half of the CRT gives
 * the primes away (Boneh, DeMillo, Lipton 1997), so its result is checked with the
 * public exponent before it is let go; and a private key is tried when it is
 * loaded, lest a copy that came to harm compute anything. HUFU_ERR_CORRUPT, NO_MEMORY.
 */
enum hufu_err rsa_public(struct rsa_key *, const uint8_t *x, uint8_t *out) MUST_CHECK;
enum hufu_err rsa_private(struct rsa_key *, const uint8_t *x, uint8_t *out) MUST_CHECK;

/* -- rsa_pad.c: encoded messages em of key->len bytes ------------------------ */

/* A number as it is: at most k bytes, less than n. HUFU_ERR_DATA_LEN, HUFU_ERR_DATA. */
enum hufu_err rsa_pad_raw(const struct rsa_key *, const uint8_t *in, size_t in_len, uint8_t *em) MUST_CHECK;
/* EMSA-PKCS1-v1_5 (9.2) without its hashing. HUFU_ERR_DATA_LEN. */
enum hufu_err rsa_pad_sign(const struct rsa_key *, const uint8_t *in, size_t in_len, uint8_t *em) MUST_CHECK;
/* RSAES-PKCS1-v1_5 (7.2.1). HUFU_ERR_DATA_LEN. */
enum hufu_err rsa_pad_pkcs1(const struct hufu_host *, const struct rsa_key *, const uint8_t *in, size_t in_len,
                            uint8_t *em) MUST_CHECK;
/*
 * RSAES-PKCS1-v1_5 (7.2.2) with implicit rejection (draft-irtf-cfrg-rsa-guidance):
 * what is padded badly opens to a message that the key and the ciphertext alone
 * decide, so that nobody learns that it was. em is overwritten; the message is
 * its end, from *start on.
 */
enum hufu_err rsa_unpad_pkcs1(const struct rsa_key *, const uint8_t *ciphertext, uint8_t *em, size_t *start) MUST_CHECK;

/* EMSA-PSS (9.1). HUFU_ERR_PARAM, DATA_LEN; rsa_check_pss: HUFU_ERR_SIGNATURE. */
enum hufu_err rsa_pad_pss(const struct hufu_host *, const struct rsa_key *, const struct hufu_param_pss *, const uint8_t *in,
                          size_t in_len, uint8_t *em) MUST_CHECK;
enum hufu_err rsa_check_pss(const struct rsa_key *, const struct hufu_param_pss *, const uint8_t *in, size_t in_len,
                            uint8_t *em) MUST_CHECK;

/* EME-OAEP (7.1). HUFU_ERR_PARAM, KEY_SIZE, DATA_LEN. */
enum hufu_err rsa_pad_oaep(const struct hufu_host *, const struct rsa_key *, const struct hufu_param_oaep *, const uint8_t *in,
                           size_t in_len, uint8_t *em) MUST_CHECK;
/* HUFU_ERR_CIPHERTEXT, whatever was wrong (Manger 2001); else as in rsa_unpad_pkcs1. */
enum hufu_err rsa_unpad_oaep(const struct rsa_key *, const struct hufu_param_oaep *, uint8_t *em, size_t *start) MUST_CHECK;

#endif
