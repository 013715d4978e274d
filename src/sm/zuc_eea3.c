/* SPDX-License-Identifier: Apache-2.0 */
/* Confidentiality: 128-EEA3, GM/T 0001.2-2012. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/zuc.h"

#define CHUNK_WORDS 32

void zuc_eea3_init(struct zuc_eea3 *e, const uint8_t key[ZUC_KEY_LEN], uint32_t count, uint32_t bearer, uint32_t direction)
{
	uint8_t iv[16] = {0};

	store_be32(iv, count);
	iv[4] = (uint8_t)(bearer << 3 | direction << 2);
	memcpy(iv + 8, iv, 8);
	zuc_init(&e->zuc, key, iv);
}

void zuc_eea3_update(struct zuc_eea3 *e, const uint8_t *in, uint8_t *out, uint64_t nbits)
{
	uint32_t words[CHUNK_WORDS];
	uint8_t keystream[4 * CHUNK_WORDS];
	uint64_t len = nbits / 8 + (nbits % 8 != 0);

	while (len) {
		size_t now = len < sizeof(keystream) ? (size_t)len : sizeof(keystream);
		size_t nwords = (now + 3) / 4;

		zuc_words(&e->zuc, words, nwords);
		for (size_t i = 0; i < nwords; i++)
			store_be32(keystream + 4 * i, words[i]);
		xor_bytes(out, in, keystream, now);
		in += now;
		out += now;
		len -= now;
	}
	if (nbits % 8)
		out[-1] &= (uint8_t)(0xff << (8 - nbits % 8));
	secret_wipe(words, sizeof(words));
	secret_wipe(keystream, sizeof(keystream));
}
