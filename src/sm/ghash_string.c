/* SPDX-License-Identifier: Apache-2.0 */
#include "sm/bytes.h"
#include "sm/ghash.h"

#define BLOCK_LEN 16

static const uint8_t zeros[BLOCK_LEN];

/* A block that is not yet full lies XORed into the hash, waiting for its multiplication. */
void ghash_update(uint8_t hash[16], const uint8_t h[16], uint64_t done, const uint8_t *in, size_t len)
{
	size_t held = done % BLOCK_LEN;
	size_t fill = held ? BLOCK_LEN - held : 0;

	if (!len)
		return;
	if (fill > len)
		fill = len;
	xor_bytes(hash + held, hash + held, in, fill);
	if (fill && held + fill == BLOCK_LEN)
		ghash_impl()->absorb(hash, h, zeros, 1);
	in += fill;
	len -= fill;
	ghash_impl()->absorb(hash, h, in, len / BLOCK_LEN);
	in += len / BLOCK_LEN * BLOCK_LEN;
	xor_bytes(hash, hash, in, len % BLOCK_LEN);
}

void ghash_pad(uint8_t hash[16], const uint8_t h[16], uint64_t len)
{
	if (len % BLOCK_LEN)
		ghash_update(hash, h, len, zeros, BLOCK_LEN - len % BLOCK_LEN);
}

void ghash_lengths(uint8_t hash[16], const uint8_t h[16], uint64_t aad_len, uint64_t text_len)
{
	uint8_t block[BLOCK_LEN];

	store_be64(block, aad_len << 3);
	store_be64(block + 8, text_len << 3);
	ghash_impl()->absorb(hash, h, block, 1);
}
