/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM3 (GB/T 32905-2016) and HMAC-SM3 (GB/T 15852.2, GM/T 0042).
 *
 * Contexts are plain memory: copying the struct forks the state. No function
 * allocates, locks or fails. A context that has absorbed a secret is wiped by
 * whoever owns it.
 */
#ifndef SM_SM3_H
#define SM_SM3_H

#include <stddef.h>
#include <stdint.h>

#define SM3_DIGEST_LEN 32
#define SM3_BLOCK_LEN 64

struct sm3 {
	uint32_t h[8];
	uint64_t nbytes;            /* absorbed so far */
	uint8_t block[SM3_BLOCK_LEN];
};

void sm3_init(struct sm3 *);
void sm3_update(struct sm3 *, const void *data, size_t len);
/* Leaves the context wiped. */
void sm3_final(struct sm3 *, uint8_t digest[SM3_DIGEST_LEN]);
void sm3(const void *data, size_t len, uint8_t digest[SM3_DIGEST_LEN]);

/* The portable form of a midstate, for operation state: fixed size, no padding. */
#define SM3_STATE_LEN (32 + 8 + 64)
void sm3_export(const struct sm3 *, uint8_t out[SM3_STATE_LEN]);
void sm3_import(struct sm3 *, const uint8_t in[SM3_STATE_LEN]);

/* The two padded-key states, kept with the key so that a short MAC costs three compressions. */
struct sm3_hmac_key {
	uint32_t inner[8], outer[8];
};

struct sm3_hmac {
	struct sm3 inner;
	uint32_t outer[8];
};

void sm3_hmac_key_init(struct sm3_hmac_key *, const void *key, size_t len);
void sm3_hmac_init(struct sm3_hmac *, const struct sm3_hmac_key *);
void sm3_hmac_update(struct sm3_hmac *, const void *data, size_t len);
/* Leaves the context wiped. */
void sm3_hmac_final(struct sm3_hmac *, uint8_t mac[SM3_DIGEST_LEN]);
/* One shot. */
void sm3_hmac(const struct sm3_hmac_key *, const void *data, size_t len, uint8_t mac[SM3_DIGEST_LEN]);

/* PBKDF2-HMAC-SM3 (RFC 8018 5.2): dk_len bytes; count >= 1. */
void sm3_pbkdf2(const void *pin, size_t pin_len, const void *salt, size_t salt_len, uint32_t count, uint8_t *dk, size_t dk_len);

/* KDF of GB/T 32918.4 5.4.3: SM3(z || counter), counter from 1. len < 2^37. */
void sm3_kdf(const void *z, size_t z_len, uint8_t *out, size_t len);

#endif
