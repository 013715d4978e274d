/* SPDX-License-Identifier: Apache-2.0 */
#include "sm/bytes.h"
#include "sm/ghash.h"
#include "sm/unroll.h"
#include "sm/wide.h"

/* Every fourth bit. */
#define NTH(i) (UINT64_C(0x1111111111111111) << (i))

/*
 * Product without carries, from ordinary multiplications: operands thinned to
 * every fourth bit leave three empty bits above each, where up to 15 ones that
 * meet can be counted; the lowest bit of the count is their XOR. 64 bits would
 * let 16 meet, so the top four of b go their own way.
 */
static inline struct wide product(uint64_t a, uint64_t b)
{
	struct wide r = {0, 0};

	UNROLL(4)
	for (int k = 0; k < 4; k++) {
		struct wide sum = {0, 0};

		UNROLL(4)
		for (int i = 0; i < 4; i++) {
			struct wide w = wide_mul(a & NTH(i), b & NTH((k - i) & 3) & (UINT64_MAX >> 4));

			sum.lo ^= w.lo;
			sum.hi ^= w.hi;
		}
		r.lo |= sum.lo & NTH(k);
		r.hi |= sum.hi & NTH(k);
	}
	UNROLL(4)
	for (int i = 60; i < 64; i++) {
		uint64_t chosen = a & -(b >> i & 1);

		r.lo ^= chosen << i;
		r.hi ^= chosen >> (64 - i);
	}
	return r;
}

/*
 * Adds z * x^128 into the two words above it, by x^128 = x^7 + x^2 + x + 1. The
 * first bit of a block is the coefficient of 1, so x^k is a shift to the right.
 */
static inline void fold(uint64_t *hi, uint64_t *lo, uint64_t z)
{
	*hi ^= z ^ z >> 1 ^ z >> 2 ^ z >> 7;
	*lo ^= z << 63 ^ z << 62 ^ z << 57;
}

static inline struct wide multiply(struct wide x, struct wide h)
{
	struct wide low = product(x.lo, h.lo), high = product(x.hi, h.hi), mid = product(x.lo ^ x.hi, h.lo ^ h.hi);
	uint64_t z[4] = {low.lo, low.hi ^ mid.lo ^ low.lo ^ high.lo, high.lo ^ mid.hi ^ low.hi ^ high.hi, high.hi};

	/* The product of two reflected polynomials comes out one bit low. */
	z[3] = z[3] << 1 | z[2] >> 63;
	z[2] = z[2] << 1 | z[1] >> 63;
	z[1] = z[1] << 1 | z[0] >> 63;
	z[0] = z[0] << 1;
	fold(&z[2], &z[1], z[0]);
	fold(&z[3], &z[2], z[1]);
	return (struct wide){z[2], z[3]};
}

static void absorb(uint8_t hash[16], const uint8_t h[16], const uint8_t *blocks, size_t n)
{
	struct wide x = {load_be64(hash + 8), load_be64(hash)};
	struct wide key = {load_be64(h + 8), load_be64(h)};

	for (; n; n--, blocks += 16) {
		x.lo ^= load_be64(blocks + 8);
		x.hi ^= load_be64(blocks);
		x = multiply(x, key);
	}
	store_be64(hash, x.hi);
	store_be64(hash + 8, x.lo);
}

const struct ghash_impl ghash_portable = {
	.name = "portable",
	.absorb = absorb,
};

const struct ghash_impl *ghash_impl(void)
{
	return &ghash_portable;
}
