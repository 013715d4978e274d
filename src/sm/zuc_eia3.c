/* SPDX-License-Identifier: Apache-2.0 */
/* Integrity: 128-EIA3, GM/T 0001.3-2012. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/zuc.h"

void zuc_eia3_init(struct zuc_eia3 *e, const uint8_t key[ZUC_KEY_LEN], uint32_t count, uint32_t bearer, uint32_t direction)
{
	uint8_t iv[16] = {0};

	store_be32(iv, count);
	iv[4] = (uint8_t)(bearer << 3);
	memcpy(iv + 8, iv, 8);
	iv[8] ^= (uint8_t)(direction << 7);
	iv[14] ^= (uint8_t)(direction << 7);
	zuc_init(&e->zuc, key, iv);
	zuc_words(&e->zuc, &e->word0, 1);
	zuc_words(&e->zuc, &e->word1, 1);
	e->tag = 0;
	e->last_nbits = 0;
}

/* The 32 bits of keystream that begin n bits into the window, 0 <= n < 32. */
static uint32_t window(const struct zuc_eia3 *e, unsigned n)
{
	uint64_t both = (uint64_t)e->word0 << 32 | e->word1;

	return (uint32_t)(both >> (32 - n));
}

/* Adds the keystream at every bit of the message that is one. */
static void absorb(struct zuc_eia3 *e, uint32_t message)
{
	for (unsigned n = 0; n < 32; n++)
		e->tag ^= window(e, n) & -(message >> (31 - n) & 1);
}

void zuc_eia3_update(struct zuc_eia3 *e, const uint8_t *in, uint64_t nbits)
{
	uint8_t last[4] = {0};

	if (!nbits)
		return;
	for (; nbits >= 32; nbits -= 32, in += 4) {
		absorb(e, load_be32(in));
		e->word0 = e->word1;
		zuc_words(&e->zuc, &e->word1, 1);
	}
	e->last_nbits = (uint32_t)nbits;
	if (!nbits)
		return;
	memcpy(last, in, (size_t)(nbits + 7) / 8);
	absorb(e, load_be32(last) & ~(UINT32_MAX >> nbits));
	secret_wipe(last, sizeof(last));
}

/*
 * The keystream at bit LENGTH, and the last word of the standard's L =
 * ceil(LENGTH / 32) + 2: the one after the window if a short word was begun.
 */
void zuc_eia3_final(struct zuc_eia3 *e, uint8_t mac[4])
{
	uint32_t tag = e->tag ^ window(e, e->last_nbits);
	uint32_t last = e->word1;

	if (e->last_nbits)
		zuc_words(&e->zuc, &last, 1);
	store_be32(mac, tag ^ last);
	secret_wipe(e, sizeof(*e));
}
