/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inversion in a field of 256 elements, bitsliced: a slice holds one bit of
 * many elements, and every operation is a gate. No table, no branch.
 *
 * The field is the tower GF(((2^2)^2)^2) in normal bases:
 *	GF(4)   = {W^2, W},   W^2 + W = 1
 *	GF(16)  = {Z^4, Z},   Z^4 + Z = 1,  Z^5  = N  = W^2
 *	GF(256) = {Y^16, Y},  Y^16 + Y = 1, Y^17 = NU
 * hi is the coefficient of the higher power. In such a basis an element
 * h T^q + l T is inverted over its norm, N (h + l)^2 + h l, by swapping h and l.
 *
 * Whoever includes this has defined the type slice: an unsigned integer or a
 * vector of them. gen_sbox.py finds the ways into the tower and out of it.
 */
#ifndef SM_GF256_H
#define SM_GF256_H

struct gf4 {
	slice hi, lo;
};

struct gf16 {
	struct gf4 hi, lo;
};

static inline struct gf4 gf4_add(struct gf4 a, struct gf4 b)
{
	return (struct gf4){a.hi ^ b.hi, a.lo ^ b.lo};
}

static inline struct gf4 gf4_mul(struct gf4 a, struct gf4 b)
{
	slice cross = (a.hi ^ a.lo) & (b.hi ^ b.lo);

	return (struct gf4){(a.hi & b.hi) ^ cross, (a.lo & b.lo) ^ cross};
}

/* Also the inverse: a^3 = 1. */
static inline struct gf4 gf4_square(struct gf4 a)
{
	return (struct gf4){a.lo, a.hi};
}

static inline struct gf4 gf4_mul_n(struct gf4 a)
{
	return (struct gf4){a.lo, a.hi ^ a.lo};
}

static inline struct gf16 gf16_add(struct gf16 a, struct gf16 b)
{
	return (struct gf16){gf4_add(a.hi, b.hi), gf4_add(a.lo, b.lo)};
}

static inline struct gf16 gf16_mul(struct gf16 a, struct gf16 b)
{
	struct gf4 cross = gf4_mul_n(gf4_mul(gf4_add(a.hi, a.lo), gf4_add(b.hi, b.lo)));

	return (struct gf16){gf4_add(gf4_mul(a.hi, b.hi), cross), gf4_add(gf4_mul(a.lo, b.lo), cross)};
}

/* NU a^2; NU = Z^4 + (1 + N) Z is the choice that makes this and the maps around the tower short. */
static inline struct gf16 gf16_square_mul_nu(struct gf16 a)
{
	struct gf4 lo2 = gf4_square(a.lo);

	return (struct gf16){lo2, gf4_add(lo2, gf4_mul_n(gf4_square(a.hi)))};
}

static inline struct gf16 gf16_invert(struct gf16 a)
{
	struct gf4 norm = gf4_add(gf4_mul_n(gf4_square(gf4_add(a.hi, a.lo))), gf4_mul(a.hi, a.lo));
	struct gf4 inverse = gf4_square(norm);

	return (struct gf16){gf4_mul(inverse, a.lo), gf4_mul(inverse, a.hi)};
}

/* In place; x[0] is the lowest bit. 0 goes to 0, as the S-boxes want it. */
static inline void gf256_invert(slice x[8])
{
	struct gf16 hi = {{x[7], x[6]}, {x[5], x[4]}};
	struct gf16 lo = {{x[3], x[2]}, {x[1], x[0]}};
	struct gf16 norm = gf16_add(gf16_square_mul_nu(gf16_add(hi, lo)), gf16_mul(hi, lo));
	struct gf16 inverse = gf16_invert(norm);
	struct gf16 new_hi = gf16_mul(inverse, lo), new_lo = gf16_mul(inverse, hi);

	x[7] = new_hi.hi.hi;
	x[6] = new_hi.hi.lo;
	x[5] = new_hi.lo.hi;
	x[4] = new_hi.lo.lo;
	x[3] = new_lo.hi.hi;
	x[2] = new_lo.hi.lo;
	x[1] = new_lo.lo.hi;
	x[0] = new_lo.lo.lo;
}

#endif
