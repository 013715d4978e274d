/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM3 Hash_DRBG after GM/T 0105-2021 (seedlen 440 bits) and the health tests
 * of its entropy inputs (repetition count, adaptive proportion).
 *
 * Pure state machines: the caller gathers entropy (src/rand) and owns locking.
 */
#ifndef SM_DRBG_H
#define SM_DRBG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRBG_SEED_LEN 55      /* 440 bits */
#define DRBG_OUT_MAX 32       /* bytes of one generate call: one block */
#define DRBG_ENTROPY_MIN 32   /* 256 bits */

struct drbg {
	uint8_t v[DRBG_SEED_LEN];
	uint8_t c[DRBG_SEED_LEN];
	uint64_t reseed_counter;
};

/* entropy_len >= DRBG_ENTROPY_MIN, counted in bytes of full entropy. */
void drbg_instantiate(struct drbg *, const uint8_t *entropy, size_t entropy_len, const uint8_t *nonce, size_t nonce_len,
                      const uint8_t *personal, size_t personal_len);
void drbg_reseed(struct drbg *, const uint8_t *entropy, size_t entropy_len, const uint8_t *additional, size_t additional_len);
/* len <= DRBG_OUT_MAX. Whether a reseed is due is the caller's to ask (reseed_counter). */
void drbg_generate(struct drbg *, const uint8_t *additional, size_t additional_len, uint8_t *out, size_t len);

/* GM/T 0105 health tests over 8-bit samples: alpha 2^-20, h 0.5: RCT C = 41, APT W = 512, C = 410. */
struct drbg_health {
	uint32_t rct_count;
	uint8_t rct_sample;
	uint32_t apt_count, apt_seen;
	uint8_t apt_sample;
	bool started;
	bool failed;   /* sticky */
};
void drbg_health_init(struct drbg_health *);
/* False once any test has failed. */
bool drbg_health_feed(struct drbg_health *, const uint8_t *samples, size_t len);

#endif
