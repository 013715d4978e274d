/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4 on many blocks: bitsliced, eight blocks in each 32-bit lane of a vector.
 * The compiler maps the vectors to what the processor has; without vectors a
 * slice is one lane.
 */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"

#if defined(__GNUC__)
#define LANES 4
typedef uint32_t slice __attribute__((vector_size(4 * LANES)));
#else
#define LANES 1
typedef uint32_t slice;
#endif
#define GROUP (8 * LANES) /* blocks in flight */

#include "sm/sm4_bitslice.h"

/* Each bit as a byte of eight equal bits: one for each of the eight blocks of a lane. */
static inline slice key_slice(uint32_t rk, unsigned p)
{
	return (slice){0} + (rk >> p & UINT32_C(0x01010101)) * 0xff;
}

/* Exchanges the bits of a under mask with those of b that stand shift higher. */
#define SWAP(a, b, shift, mask) do {                                    \
	slice d = ((a) >> (shift) ^ (b)) & (mask);                      \
	(b) ^= d;                                                       \
	(a) ^= d << (shift);                                            \
} while (0)

/*
 * Transposes the 8x8 bits of each byte column: bit p of word i goes to bit i of
 * slice p, and the same again leads back.
 */
static inline void transpose(slice x[8])
{
	UNROLL(4)
	for (int i = 0; i < 8; i += 2)
		SWAP(x[i], x[i + 1], 1, UINT32_C(0x55555555));
	UNROLL(2)
	for (int i = 0; i < 8; i += 4) {
		SWAP(x[i], x[i + 2], 2, UINT32_C(0x33333333));
		SWAP(x[i + 1], x[i + 3], 2, UINT32_C(0x33333333));
	}
	UNROLL(4)
	for (int i = 0; i < 4; i++)
		SWAP(x[i], x[i + 4], 4, UINT32_C(0x0f0f0f0f));
}

/* Word w of block 8l + i is lane l of slice i; a short group is filled up with zeros. */
static void load(slice x[4][8], const uint8_t *in, size_t n)
{
	uint32_t words[4][8][LANES] = {{{0}}};

	for (size_t b = 0; b < n; b++)
		for (size_t w = 0; w < 4; w++)
			words[w][b % 8][b / 8] = load_be32(in + 16 * b + 4 * w);
	memcpy(x, words, sizeof(words));
	secret_wipe(words, sizeof(words));
}

/* The words of a block in reverse: the last step of clause 7.1. */
static void store(const slice x[4][8], uint8_t *out, size_t n)
{
	uint32_t words[4][8][LANES];

	memcpy(words, x, sizeof(words));
	for (size_t b = 0; b < n; b++)
		for (size_t w = 0; w < 4; w++)
			store_be32(out + 16 * b + 4 * w, words[3 - w][b % 8][b / 8]);
	secret_wipe(words, sizeof(words));
}

static void group(const uint32_t rk[SM4_ROUNDS], const uint8_t *in, uint8_t *out, size_t n)
{
	slice x[4][8];

	load(x, in, n);
	for (int w = 0; w < 4; w++)
		transpose(x[w]);
	sm4_rounds(x, rk);
	for (int w = 0; w < 4; w++)
		transpose(x[w]);
	store(x, out, n);
	secret_wipe(x, sizeof(x));
}

void sm4_bulk_blocks(const uint32_t rk[SM4_ROUNDS], const uint8_t *in, uint8_t *out, size_t n)
{
	while (n) {
		size_t now = n < GROUP ? n : GROUP;

		group(rk, in, out, now);
		in += 16 * now;
		out += 16 * now;
		n -= now;
	}
}
