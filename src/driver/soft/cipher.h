/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Block ciphers of libcrypto. With a key stay the contexts it was used with, by
 * mode and direction: the next op finds its cipher fetched and its key schedule
 * made, and sets an IV at most.
 */
#ifndef DRIVER_SOFT_CIPHER_H
#define DRIVER_SOFT_CIPHER_H

#include <openssl/evp.h>

#include "driver/soft/soft.h"

enum cipher_use {
	CIPHER_ECB_ENCRYPT,
	CIPHER_ECB_DECRYPT,
	CIPHER_CBC_ENCRYPT,
	CIPHER_CBC_DECRYPT,
	CIPHER_CTR,
	CIPHER_GCM_ENCRYPT,
	CIPHER_GCM_DECRYPT,
	CIPHER_CCM_ENCRYPT,
	CIPHER_CCM_DECRYPT,
	CIPHER_KW_ENCRYPT,
	CIPHER_KW_DECRYPT,
	CIPHER_KWP_ENCRYPT,
	CIPHER_KWP_DECRYPT,
	CIPHER_USES
};

#define CIPHER_SLOTS 8 /* a power of two */

/* The loaded form of HUFU_KEY_AES and HUFU_KEY_DES3. */
struct cipher_key {
	uint32_t epoch;
	EVP_CIPHER_CTX *slots[CIPHER_USES][CIPHER_SLOTS]; /* of each use, those that no lease works with; NULL: a free place */
};

struct cipher {
	EVP_CIPHER_CTX *ctx;
	struct cipher_key *owner;
	enum cipher_use use;
};

/* struct soft_kind's, for both types. */
enum hufu_err cipher_expand(const struct soft_kind *, const struct hufu_key *, void *loaded) MUST_CHECK;
void cipher_forget(void *loaded);

/*
 * The op's key, ready for the use, until cipher_give_back; in between, what
 * libcrypto says of errors stays out of the application's queue.
 * HUFU_ERR_UNSUPPORTED: libcrypto was built without it. HUFU_ERR_NO_MEMORY, and
 * what soft_load gives.
 */
enum hufu_err cipher_take(const struct hufu_host *, const struct hufu_op *, enum cipher_use, struct cipher *) MUST_CHECK;
/* A context that has failed is not used again. */
void cipher_give_back(struct cipher *, enum hufu_err outcome);

/* Of the length that the cipher's IV has. */
bool cipher_set_iv(const struct cipher *, const uint8_t *iv) MUST_CHECK;
/* Any length. out NULL: in is associated data. */
bool cipher_update(const struct cipher *, const uint8_t *in, uint8_t *out, size_t len) MUST_CHECK;

/* An op of a mode without a tag: iv NULL where it has none; in_len is a multiple of unit. */
enum hufu_err cipher_run(const struct hufu_host *, struct hufu_op *, enum cipher_use, const uint8_t *iv, size_t unit) MUST_CHECK;

#endif
