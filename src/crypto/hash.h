/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every hash function of the token, on this host: SM3 from src/sm, SHA-1, SHA-2
 * and SHA-3 from libcrypto. HMAC with each (RFC 2104, FIPS 198-1).
 *
 * The states of SM3, SHA-1 and SHA-2 are plain memory: they may be copied, and
 * saved. SHA-3's belongs to libcrypto, which has no form to save it in before
 * its version 4.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <openssl/sha.h>
#include <openssl/types.h>
#include <stdbool.h>

#include "base/err.h"
#include "sm/sm3.h"

enum hash_id {
	HASH_NONE,
	HASH_SM3,
	HASH_SHA1,
	HASH_SHA224,
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASH_SHA512_224,
	HASH_SHA512_256,
	HASH_SHA3_224,
	HASH_SHA3_256,
	HASH_SHA3_384,
	HASH_SHA3_512,
	HASH_COUNT
};

#define HASH_LEN_MAX 64
#define HASH_BLOCK_MAX 144 /* SHA3-224 */
#define HASH_STATE_MAX 224

/* Bytes; 0 for HASH_NONE. */
size_t hash_len(enum hash_id);
size_t hash_block_len(enum hash_id);
/* "SHA256", as libcrypto calls it. */
const char *hash_name(enum hash_id);

struct hash {
	enum hash_id id;
	union {
		struct sm3 sm3;
		SHA_CTX sha1;
		SHA256_CTX sha256;
		SHA512_CTX sha512;
		EVP_MD_CTX *evp; /* SHA-3 */
	};
};

/* *h is zero, or was cleared. HUFU_ERR_NO_MEMORY, HUFU_ERR_UNSUPPORTED (libcrypto was built without it). */
enum hufu_err hash_init(struct hash *h, enum hash_id) MUST_CHECK;
void hash_update(struct hash *, const void *data, size_t len);
/* hash_len bytes. Nothing is left but to clear it. */
void hash_final(struct hash *, uint8_t *digest);
/* Wipes. Any number of times, and on zeroed memory. */
void hash_clear(struct hash *);
/* to is zero or cleared. HUFU_ERR_NO_MEMORY. */
enum hufu_err hash_copy(struct hash *to, const struct hash *from) MUST_CHECK;

/* All at once. */
enum hufu_err hash_once(enum hash_id, const void *data, size_t len, uint8_t *digest) MUST_CHECK;

/* The length written, at most HASH_STATE_MAX; 0: cannot be saved. */
size_t hash_export(const struct hash *, uint8_t state[HASH_STATE_MAX]);
/* State is foreign input: false when no hash can have it. *h is zero or cleared. */
bool hash_import(struct hash *h, enum hash_id, const uint8_t *state, size_t len);
bool hash_saveable(enum hash_id);

/* -- HMAC ------------------------------------------------------------------ */

struct hmac_key {
	struct hash inner, outer; /* that have absorbed the padded key */
};

struct hmac {
	struct hash inner;
};

/* *k is zero or cleared; the same for *h below. */
enum hufu_err hmac_key_init(struct hmac_key *k, enum hash_id, const void *key, size_t len) MUST_CHECK;
void hmac_key_clear(struct hmac_key *);
enum hufu_err hmac_init(struct hmac *h, const struct hmac_key *) MUST_CHECK;
void hmac_update(struct hmac *, const void *data, size_t len);
/* hash_len bytes; the key is the one it was begun with. Clears h. */
enum hufu_err hmac_final(struct hmac *h, const struct hmac_key *, uint8_t *mac) MUST_CHECK;
void hmac_clear(struct hmac *);

enum hufu_err hmac_once(enum hash_id, const void *key, size_t key_len, const void *data, size_t len, uint8_t *mac) MUST_CHECK;

#endif
