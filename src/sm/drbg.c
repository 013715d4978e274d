/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/drbg.h"
#include "sm/sm3.h"

/* Inputs are hashed in parts, so that they need not be put together first. */
struct part {
	const void *data;
	size_t len;
};

#define PART(data, len) ((struct part){(data), (len)})

static void absorb(struct sm3 *s, const struct part *parts, size_t n)
{
	for (; n; n--, parts++)
		sm3_update(s, parts->data, parts->len);
}

/* SM3_df of GM/T 0105-2021: 440 bits out of any input. */
static void derive(const struct part *parts, size_t n, uint8_t seed[DRBG_SEED_LEN])
{
	uint8_t prefix[5], block[SM3_DIGEST_LEN];
	struct sm3 s;

	store_be32(prefix + 1, 8 * DRBG_SEED_LEN);
	for (size_t i = 0; i * SM3_DIGEST_LEN < DRBG_SEED_LEN; i++) {
		size_t left = DRBG_SEED_LEN - i * SM3_DIGEST_LEN;

		prefix[0] = (uint8_t)(i + 1);
		sm3_init(&s);
		sm3_update(&s, prefix, sizeof(prefix));
		absorb(&s, parts, n);
		sm3_final(&s, block);
		memcpy(seed + i * SM3_DIGEST_LEN, block, left < sizeof(block) ? left : sizeof(block));
	}
	secret_wipe(block, sizeof(block));
}

/* V = derive(parts), C = derive(0x00 || V). */
static void seed(struct drbg *d, const struct part *parts, size_t n)
{
	static const uint8_t zero = 0x00;
	uint8_t v[DRBG_SEED_LEN];

	derive(parts, n, v);
	memcpy(d->v, v, sizeof(v));
	derive((struct part[]){PART(&zero, 1), PART(d->v, sizeof(d->v))}, 2, d->c);
	d->reseed_counter = 1;
	secret_wipe(v, sizeof(v));
}

void drbg_instantiate(struct drbg *d, const uint8_t *entropy, size_t entropy_len, const uint8_t *nonce, size_t nonce_len,
                      const uint8_t *personal, size_t personal_len)
{
	seed(d, (struct part[]){PART(entropy, entropy_len), PART(nonce, nonce_len), PART(personal, personal_len)}, 3);
}

/* The entropy stands before V: GM/T 0105 differs here from NIST SP 800-90A. */
void drbg_reseed(struct drbg *d, const uint8_t *entropy, size_t entropy_len, const uint8_t *additional, size_t additional_len)
{
	static const uint8_t one = 0x01;

	seed(d,
	     (struct part[]){PART(&one, 1), PART(entropy, entropy_len), PART(d->v, sizeof(d->v)), PART(additional, additional_len)},
	     4);
}

/* V += x mod 2^440, big-endian. */
static void add_to_v(struct drbg *d, const uint8_t *x, size_t len)
{
	unsigned carry = 0;

	for (size_t i = 0; i < DRBG_SEED_LEN; i++) {
		carry += d->v[DRBG_SEED_LEN - 1 - i] + (i < len ? x[len - 1 - i] : 0u);
		d->v[DRBG_SEED_LEN - 1 - i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/* SM3(prefix || V || data). */
static void hash_v(const struct drbg *d, uint8_t prefix, const uint8_t *data, size_t len, uint8_t digest[SM3_DIGEST_LEN])
{
	struct sm3 s;

	sm3_init(&s);
	absorb(&s, (struct part[]){PART(&prefix, 1), PART(d->v, sizeof(d->v)), PART(data, len)}, 3);
	sm3_final(&s, digest);
}

void drbg_generate(struct drbg *d, const uint8_t *additional, size_t additional_len, uint8_t *out, size_t len)
{
	uint8_t digest[SM3_DIGEST_LEN], counter[8];

	if (additional_len) {
		hash_v(d, 0x02, additional, additional_len, digest);
		add_to_v(d, digest, sizeof(digest));
	}
	sm3(d->v, sizeof(d->v), digest);
	memcpy(out, digest, len);

	hash_v(d, 0x03, NULL, 0, digest);
	store_be64(counter, d->reseed_counter);
	add_to_v(d, digest, sizeof(digest));
	add_to_v(d, d->c, sizeof(d->c));
	add_to_v(d, counter, sizeof(counter));
	d->reseed_counter++;
	secret_wipe(digest, sizeof(digest));
}
