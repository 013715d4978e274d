/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rounds of SM4 (GB/T 32907-2016 clause 7), bitsliced.
 *
 * A 32-bit word of the state is held as eight slices: slice p has bit p of each
 * of its four bytes. A slice is an unsigned 32-bit integer, or a vector of such;
 * in each integer bits 0 to 7 belong to the lowest byte of the word, 8 to 15 to
 * the next, and so on: eight blocks beside each other. Rotating a word by whole bytes
 * is then a rotation of every slice, by 8, 16 or 24, and by fewer bits a
 * renaming of slices.
 *
 * Whoever includes this has defined the type slice and key_slice().
 */
#ifndef SM_SM4_BITSLICE_H
#define SM_SM4_BITSLICE_H

#include "sm/gf256.h"
#include "sm/sbox_maps.h"
#include "sm/sm4_impl.h"
#include "sm/unroll.h"

/* Bit p of the bytes of a round key, the same in every block. */
static inline slice key_slice(uint32_t rk, unsigned p);

/* Clause 6.2 (a): the S-box on every byte. */
static inline void tau(slice x[8])
{
	slice y[8];

	sm4_into_tower(x, y);
	gf256_invert(y);
	sm4_out_of_tower(y, x);
}

static inline slice rotate(slice x, int n)
{
	return x << n | x >> (32 - n);
}

/*
 * Clause 6.2 (b): x ^= L(t), L(t) = t ^ t<<<2 ^ t<<<10 ^ t<<<18 ^ t<<<24. The
 * three in the middle are (t ^ t<<<8 ^ t<<<16) <<< 2; two of its slices cross
 * into the next byte.
 */
static inline void add_linear(slice x[8], const slice t[8])
{
	slice u[8];

	UNROLL(8)
	for (int p = 0; p < 8; p++)
		u[p] = t[p] ^ rotate(t[p] ^ rotate(t[p], 8), 8);
	x[0] ^= rotate(u[6], 8);
	x[1] ^= rotate(u[7], 8);
	UNROLL(6)
	for (int p = 2; p < 8; p++)
		x[p] ^= u[p - 2];
	UNROLL(8)
	for (int p = 0; p < 8; p++)
		x[p] ^= t[p] ^ rotate(t[p], 24);
}

/* Clause 6.1: x0 ^= T(x1 ^ x2 ^ x3 ^ rk). */
static inline void sm4_round(slice x0[8], const slice x1[8], const slice x2[8], const slice x3[8], uint32_t rk)
{
	slice t[8];

	UNROLL(8)
	for (unsigned p = 0; p < 8; p++)
		t[p] = x1[p] ^ x2[p] ^ x3[p] ^ key_slice(rk, p);
	tau(t);
	add_linear(x0, t);
}

/* Clause 7.1 without its final reversal: the result is x[3], x[2], x[1], x[0]. */
static inline void sm4_rounds(slice x[4][8], const uint32_t rk[SM4_ROUNDS])
{
	for (int i = 0; i < SM4_ROUNDS; i += 4) {
		sm4_round(x[0], x[1], x[2], x[3], rk[i]);
		sm4_round(x[1], x[2], x[3], x[0], rk[i + 1]);
		sm4_round(x[2], x[3], x[0], x[1], rk[i + 2]);
		sm4_round(x[3], x[0], x[1], x[2], rk[i + 3]);
	}
}

#endif
