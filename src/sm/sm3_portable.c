/* SPDX-License-Identifier: Apache-2.0 */
/* The compression function of SM3, GB/T 32905-2016 clause 5.3, in plain C. */
#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/sm3.h"
#include "sm/sm3_impl.h"

#define T0 UINT32_C(0x79cc4519) /* T_j for j < 16, clause 4.2 */
#define T1 UINT32_C(0x7a879d8a) /* T_j for j >= 16 */

/* The boolean functions, clause 4.3; the second pair in forms with one operation less. */
#define FF0(x, y, z) ((x) ^ (y) ^ (z))
#define GG0(x, y, z) ((x) ^ (y) ^ (z))
#define FF1(x, y, z) (((x) & (y)) | (((x) | (y)) & (z)))
#define GG1(x, y, z) ((((y) ^ (z)) & (x)) ^ (z))

static inline uint32_t p0(uint32_t x)
{
	return x ^ rotl32(x, 9) ^ rotl32(x, 17);
}

static inline uint32_t p1(uint32_t x)
{
	return x ^ rotl32(x, 15) ^ rotl32(x, 23);
}

/*
 * One round. The standard moves all eight words on by one at its end; here the
 * words stay and the next round is called with their names moved on. t is
 * T_j <<< j, w is W_j, w4 is W_(j+4).
 */
#define ROUND(ff, gg, a, b, c, d, e, f, g, h, t, w, w4) do {            \
	uint32_t a12 = rotl32(a, 12);                                   \
	uint32_t ss1 = rotl32(a12 + e + (t), 7);                        \
	d += ff(a, b, c) + (ss1 ^ a12) + ((w) ^ (w4));                  \
	h = p0(h + gg(e, f, g) + ss1 + (w));                            \
	b = rotl32(b, 9);                                               \
	f = rotl32(f, 19);                                              \
} while (0)

/*
 * W_(i+16) takes the place of W_i, which round i was the last to need: sixteen
 * words of schedule are alive at a time.
 */
#define W(i) w[(i) & 15]
#define EXPAND(i) (W(i) = p1(W(i) ^ W((i) + 7) ^ rotl32(W((i) + 13), 15)) ^ rotl32(W((i) + 3), 7) ^ W((i) + 10))

#define STEP(ff, gg, a, b, c, d, e, f, g, h, t, i) do {                 \
	ROUND(ff, gg, a, b, c, d, e, f, g, h, t, W(i), W((i) + 4));     \
	EXPAND(i);                                                      \
} while (0)

#define FOUR(ff, gg, t, j, i) do {                                      \
	STEP(ff, gg, a, b, c, d, e, f, g, h, rotl32(t, (j) + (i)), (i));            \
	STEP(ff, gg, d, a, b, c, h, e, f, g, rotl32(t, (j) + (i) + 1), (i) + 1);    \
	STEP(ff, gg, c, d, a, b, g, h, e, f, rotl32(t, (j) + (i) + 2), (i) + 2);    \
	STEP(ff, gg, b, c, d, a, f, g, h, e, rotl32(t, (j) + (i) + 3), (i) + 3);    \
} while (0)

/* Rounds j to j + 15. */
#define SIXTEEN(ff, gg, t, j) do {                                      \
	FOUR(ff, gg, t, j, 0);                                          \
	FOUR(ff, gg, t, j, 4);                                          \
	FOUR(ff, gg, t, j, 8);                                          \
	FOUR(ff, gg, t, j, 12);                                         \
} while (0)

static void compress_block(uint32_t v[8], uint32_t w[16])
{
	uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];

	SIXTEEN(FF0, GG0, T0, 0);
	SIXTEEN(FF1, GG1, T1, 16);
	SIXTEEN(FF1, GG1, T1, 32);
	SIXTEEN(FF1, GG1, T1, 48);

	v[0] ^= a;
	v[1] ^= b;
	v[2] ^= c;
	v[3] ^= d;
	v[4] ^= e;
	v[5] ^= f;
	v[6] ^= g;
	v[7] ^= h;
}

static void compress(uint32_t h[8], const uint8_t *blocks, size_t n)
{
	uint32_t w[16];

	for (; n; n--, blocks += SM3_BLOCK_LEN) {
		for (int i = 0; i < 16; i++)
			w[i] = load_be32(blocks + 4 * i);
		compress_block(h, w);
	}
	secret_wipe(w, sizeof(w));
}

const struct sm3_impl sm3_portable = {
	.name = "portable",
	.compress = compress,
};
