/* SPDX-License-Identifier: Apache-2.0 */
/* The generator, GM/T 0001.1-2012. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/word_slices.h"
#include "sm/zuc.h"

#include "sm/gf256.h"
#include "sm/sbox_maps.h"

static inline void add(slice x[4], const slice f[4])
{
	UNROLL(4)
	for (int i = 0; i < 4; i++)
		x[i] ^= f[i];
}

/* S0: a Feistel network of three rounds over halves of four bits, and a rotation by 5. */
static inline void s0(slice x[8])
{
	slice *lo = x, *hi = x + 4, f[4], y[8];

	zuc_p1(lo, f);
	add(hi, f);
	zuc_p2(hi, f);
	add(lo, f);
	zuc_p3(lo, f);
	add(hi, f);
	UNROLL(8)
	for (int i = 0; i < 8; i++)
		y[(i + 5) % 8] = x[i];
	UNROLL(8)
	for (int i = 0; i < 8; i++)
		x[i] = y[i];
}

/* S1: an inversion between affine maps, like the S-box of AES. */
static inline void s1(slice x[8])
{
	slice y[8];

	zuc_s1_into_tower(x, y);
	gf256_invert(y);
	zuc_s1_out_of_tower(y, x);
}

static inline uint32_t on_word(void (*box)(slice x[8]), uint32_t word)
{
	slice x[8];

	word_to_slices(word, x);
	box(x);
	return slices_to_word(x);
}

/*
 * S = (S0, S1, S0, S1) on u and on v. The bytes that take the same box are
 * brought into one word.
 */
static inline void s_layer(uint32_t *u, uint32_t *v)
{
	const uint32_t even = 0x00ff00ff, odd = 0xff00ff00;
	uint32_t a = on_word(s0, (*u & odd) >> 8 | (*v & odd));
	uint32_t b = on_word(s1, (*u & even) | (*v & even) << 8);

	*u = (a & even) << 8 | (b & even);
	*v = (a & odd) | (b & odd) >> 8;
}

static inline uint32_t l1(uint32_t x)
{
	return x ^ rotl32(x, 2) ^ rotl32(x, 10) ^ rotl32(x, 18) ^ rotl32(x, 24);
}

static inline uint32_t l2(uint32_t x)
{
	return x ^ rotl32(x, 8) ^ rotl32(x, 14) ^ rotl32(x, 22) ^ rotl32(x, 30);
}

/* Bit reorganisation: upper and lower sixteen bits of 31. */
static inline uint32_t upper(uint32_t s)
{
	return s >> 15;
}

static inline uint32_t lower(uint32_t s)
{
	return s & 0xffff;
}

/* The nonlinear function F: gives W and moves r1, r2 on. */
static inline uint32_t f(struct zuc *z)
{
	const uint32_t *s = z->lfsr;
	uint32_t x0 = upper(s[15]) << 16 | lower(s[14]);
	uint32_t x1 = lower(s[11]) << 16 | upper(s[9]);
	uint32_t x2 = lower(s[7]) << 16 | upper(s[5]);
	uint32_t w = (x0 ^ z->r1) + z->r2;
	uint32_t w1 = z->r1 + x1, w2 = z->r2 ^ x2;

	z->r1 = l1(w1 << 16 | w2 >> 16);
	z->r2 = l2(w2 << 16 | w1 >> 16);
	s_layer(&z->r1, &z->r2);
	return w;
}

/*
 * One step of the LFSR over the field of 2^31 - 1, with u added in. Zero is
 * written 2^31 - 1, as the standard asks: a sum of numbers of which one is
 * positive stays positive when its upper part is folded onto the lower.
 */
static inline void lfsr_step(struct zuc *z, uint32_t u)
{
	const uint64_t p = 0x7fffffff;
	uint32_t *s = z->lfsr;
	uint64_t sum = ((uint64_t)s[15] << 15) + ((uint64_t)s[13] << 17) + ((uint64_t)s[10] << 21) + ((uint64_t)s[4] << 20) +
	               ((uint64_t)s[0] << 8) + s[0] + u;

	sum = (sum & p) + (sum >> 31);
	sum = (sum & p) + (sum >> 31);
	memmove(s, s + 1, 15 * sizeof(s[0]));
	s[15] = (uint32_t)sum;
}

void zuc_init(struct zuc *z, const uint8_t key[ZUC_KEY_LEN], const uint8_t iv[16])
{
	static const uint16_t d[16] = {
		0x44d7, 0x26bc, 0x626b, 0x135e, 0x5789, 0x35e2, 0x7135, 0x09af,
		0x4d78, 0x2f13, 0x6bc4, 0x1af1, 0x5e26, 0x3c4d, 0x789a, 0x47ac,
	};

	for (int i = 0; i < 16; i++)
		z->lfsr[i] = (uint32_t)key[i] << 23 | (uint32_t)d[i] << 8 | iv[i];
	z->r1 = z->r2 = 0;
	for (int i = 0; i < 32; i++)
		lfsr_step(z, f(z) >> 1);
	(void)f(z);
	lfsr_step(z, 0);
}

void zuc_words(struct zuc *z, uint32_t *out, size_t n)
{
	for (; n; n--) {
		uint32_t x3 = lower(z->lfsr[2]) << 16 | upper(z->lfsr[0]);

		*out++ = f(z) ^ x3;
		lfsr_step(z, 0);
	}
}
