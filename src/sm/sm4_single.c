/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4 on one block and its key schedule: bitsliced with a single block in the
 * slices, so that nothing secret ever indexes a table.
 */
#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/word_slices.h"

#include "sm/sm4_bitslice.h"

static inline slice key_slice(uint32_t rk, unsigned p)
{
	return rk >> p & EVERY_BYTE;
}

void sm4_single_block(const uint32_t rk[SM4_ROUNDS], const uint8_t in[16], uint8_t out[16])
{
	slice x[4][8];

	for (int i = 0; i < 4; i++)
		word_to_slices(load_be32(in + 4 * i), x[i]);
	sm4_rounds(x, rk);
	for (int i = 0; i < 4; i++)
		store_be32(out + 4 * i, slices_to_word(x[3 - i]));
	secret_wipe(x, sizeof(x));
}

/* T' of clause 7.3: the S-box, then L'(t) = t ^ t<<<13 ^ t<<<23. */
static uint32_t key_transform(uint32_t word)
{
	slice x[8];

	word_to_slices(word, x);
	tau(x);
	word = slices_to_word(x);
	secret_wipe(x, sizeof(x));
	return word ^ rotl32(word, 13) ^ rotl32(word, 23);
}

/* CK_i of clause 7.3: its byte j is (4i + j) * 7 mod 256. */
static uint32_t round_constant(unsigned i)
{
	uint32_t ck = 0;

	for (unsigned j = 0; j < 4; j++)
		ck = ck << 8 | ((4 * i + j) * 7 & 0xff);
	return ck;
}

void sm4_single_expand(uint32_t rk[SM4_ROUNDS], const uint8_t key[16])
{
	static const uint32_t fk[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
	uint32_t k[4];

	for (int i = 0; i < 4; i++)
		k[i] = load_be32(key + 4 * i) ^ fk[i];
	for (unsigned i = 0; i < SM4_ROUNDS; i++) {
		rk[i] = k[0] ^ key_transform(k[1] ^ k[2] ^ k[3] ^ round_constant(i));
		k[0] = k[1];
		k[1] = k[2];
		k[2] = k[3];
		k[3] = rk[i];
	}
	secret_wipe(k, sizeof(k));
}
