/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keys on curves have in common: the curves, and the forms of their keys
 * (PKCS#8 of RFC 5958, ECPrivateKey of RFC 5915, RFC 8410, SubjectPublicKeyInfo
 * of RFC 5280 and RFC 5480), read strictly and written one way.
 */
#ifndef DRIVER_SOFT_CURVE_H
#define DRIVER_SOFT_CURVE_H

#include "driver/soft/evp.h"

#define CURVE_LEN_MAX 66                        /* P-521 */
#define CURVE_POINT_MAX (1 + 2 * CURVE_LEN_MAX) /* 04 || x || y */

struct curve {
	enum hufu_key_type type;       /* of its private keys; that of its public ones is the next */
	int nid;                       /* libcrypto's number of an EC curve */
	const char *name;              /* of an RFC 8410 algorithm: its OID, which libcrypto looks for in providers alone */
	size_t len;                    /* of a scalar or coordinate; of an RFC 8410 key */
	const uint8_t *algorithm;      /* what is in its AlgorithmIdentifier; ends with the curve's OID */
	size_t algorithm_len, oid_len;
};

/* A key as read, or to be written: views. secret is not of a public key, public may be absent from a private one. */
struct curve_key {
	const struct curve *curve;
	const uint8_t *secret;
	size_t secret_len;             /* read: of an EC key 1 to curve->len, of RFC 8410 curve->len */
	const uint8_t *public;         /* EC: an encoded point; RFC 8410: the key */
	size_t public_len;
};

/* What the forms of keys on curves may take: attributes, which are dropped, have some room. */
#define CURVE_FORM_MIN 32
#define CURVE_FORM_MAX 1024

/* param of a GENERATE; type is that of a private key. HUFU_ERR_PARAM: no curve of it. */
enum hufu_err curve_of_param(const struct hufu_op *, enum hufu_key_type type, const struct curve **) MUST_CHECK;
/* The form of a key of this type, private or public. HUFU_ERR_KEY_VALUE. */
enum hufu_err curve_read(enum hufu_key_type, const uint8_t *der, size_t len, struct curve_key *) MUST_CHECK;
/* A private key as PKCS#8 -> op->out, a public one as SPKI; SPKI -> op->pub. public is known, secret_len is curve->len. */
enum hufu_err curve_give(struct hufu_op *, const struct curve_key *) MUST_CHECK;

/* -- rawkey.c: the keys of RFC 8410 in libcrypto ------------------------------- */

struct raw_key {
	struct soft_evp evp;
	const struct curve *curve;
};

void raw_key_forget(void *raw_key);
enum hufu_err raw_key_expand(const struct soft_kind *, const struct hufu_key *, void *raw_key) MUST_CHECK;
enum hufu_err raw_key_import(const struct hufu_host *, struct hufu_op *) MUST_CHECK;
/* A key pair of this type from host->random, given out when check (NULL: none) is content. */
enum hufu_err raw_key_generate(const struct hufu_host *, struct hufu_op *, enum hufu_key_type,
                               enum hufu_err (*check)(const struct raw_key *)) MUST_CHECK;

/* -- edwards.c, montgomery.c ----------------------------------------------------- */

/* Is it a point of the curve (RFC 8032 5.1.3, 5.2.3)? HUFU_ERR_KEY_VALUE, HUFU_ERR_NO_MEMORY. */
enum hufu_err edwards_check_point(const struct curve *, const uint8_t *point) MUST_CHECK;
/* DERIVE by X25519 and X448. */
enum hufu_err montgomery_agree(const struct hufu_host *, struct hufu_op *) MUST_CHECK;

#endif
