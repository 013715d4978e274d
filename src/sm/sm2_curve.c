/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secret.h"
#include "sm/declassify.h"
#include "sm/sm2_curve.h"
#include "sm/sm2_field.h"
#include "sm/sm2_table.h"

/* GB/T 32918.5-2017 clause 2, in Montgomery form. */
static const uint64_t curve_b[4] = {0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8};

static inline void triple(uint64_t r[4], const uint64_t a[4])
{
	uint64_t t[4];

	modp_add(t, a, a);
	modp_add(r, t, a);
}

/* -- affine points ------------------------------------------------------- */

bool affine_on_curve(const struct sm2_affine *a)
{
	uint64_t left[4], right[4], t[4];

	modp_mul(left, a->y, a->y);
	modp_mul(right, a->x, a->x);
	modp_mul(right, right, a->x);
	triple(t, a->x);
	modp_sub(right, right, t);
	modp_add(right, right, curve_b);
	return num_equal(left, right);
}

bool affine_from_bytes(struct sm2_affine *a, const uint8_t bytes[64])
{
	uint64_t in_range;

	num_from_bytes(a->x, bytes);
	num_from_bytes(a->y, bytes + 32);
	in_range = num_less(a->x, sm2_p) & num_less(a->y, sm2_p);
	modp_to_mont(a->x, a->x);
	modp_to_mont(a->y, a->y);
	return in_range && affine_on_curve(a);
}

void affine_to_bytes(uint8_t bytes[64], const struct sm2_affine *a)
{
	uint64_t t[4];

	modp_from_mont(t, a->x);
	num_to_bytes(bytes, t);
	modp_from_mont(t, a->y);
	num_to_bytes(bytes + 32, t);
	secret_wipe(t, sizeof(t));
}

/* -- points -------------------------------------------------------------- */

static const struct sm2_point infinity = {
	.y = {0x0000000000000001, 0x00000000ffffffff, 0x0000000000000000, 0x0000000100000000}, /* 1 */
};

void point_from_affine(struct sm2_point *r, const struct sm2_affine *a)
{
	memcpy(r->x, a->x, sizeof(r->x));
	memcpy(r->y, a->y, sizeof(r->y));
	memcpy(r->z, modp_one, sizeof(r->z));
}

/* The inverse of zero is zero, so that infinity costs the same time. */
bool point_to_affine(struct sm2_affine *r, const struct sm2_point *a)
{
	uint64_t inverse[4], infinite = num_is_zero(a->z);

	modp_invert(inverse, a->z);
	modp_mul(r->x, a->x, inverse);
	modp_mul(r->y, a->y, inverse);
	secret_wipe(inverse, sizeof(inverse));
	declassify(&infinite, sizeof(infinite));
	return !infinite;
}

/* The six products of coordinates that an addition is made of: xy stands for x1 y2 + x2 y1, and so on. */
struct products {
	uint64_t xx[4], yy[4], zz[4], xy[4], yz[4], xz[4];
};

/*
 * Renes, Costello, Batina, "Complete addition formulas for prime order elliptic
 * curves" (Eurocrypt 2016), for a = -3: right for every pair of points of a
 * curve of odd order, so that there is no case to tell apart.
 *	u = 3 (xz - b zz), s = 3 (b xz - 3 zz - xx), t = 3 (xx - zz)
 *	x3 = xy (yy + u) - yz s
 *	y3 = (yy + u) (yy - u) + t s
 *	z3 = yz (yy - u) + xy t
 */
static inline void sum_of_products(struct sm2_point *r, const struct products *p)
{
	uint64_t u[4], s[4], t[4], plus[4], minus[4], zz3[4], tmp[4];

	modp_mul(u, curve_b, p->zz);
	modp_sub(u, p->xz, u);
	triple(u, u);
	triple(zz3, p->zz);
	modp_mul(s, curve_b, p->xz);
	modp_sub(s, s, zz3);
	modp_sub(s, s, p->xx);
	triple(s, s);
	triple(t, p->xx);
	modp_sub(t, t, zz3);
	modp_add(plus, p->yy, u);
	modp_sub(minus, p->yy, u);

	modp_mul(r->x, p->xy, plus);
	modp_mul(tmp, p->yz, s);
	modp_sub(r->x, r->x, tmp);
	modp_mul(r->y, plus, minus);
	modp_mul(tmp, t, s);
	modp_add(r->y, r->y, tmp);
	modp_mul(r->z, p->yz, minus);
	modp_mul(tmp, p->xy, t);
	modp_add(r->z, r->z, tmp);
}

/* r = a1 b2 + a2 b1, given a1 a2 and b1 b2. */
static inline void cross(uint64_t r[4], const uint64_t a1[4], const uint64_t b1[4], const uint64_t a2[4], const uint64_t b2[4],
                         const uint64_t aa[4], const uint64_t bb[4])
{
	uint64_t left[4], right[4];

	modp_add(left, a1, b1);
	modp_add(right, a2, b2);
	modp_mul(r, left, right);
	modp_sub(r, r, aa);
	modp_sub(r, r, bb);
}

void point_add(struct sm2_point *r, const struct sm2_point *a, const struct sm2_point *b)
{
	struct products p;

	modp_mul(p.xx, a->x, b->x);
	modp_mul(p.yy, a->y, b->y);
	modp_mul(p.zz, a->z, b->z);
	cross(p.xy, a->x, a->y, b->x, b->y, p.xx, p.yy);
	cross(p.yz, a->y, a->z, b->y, b->z, p.yy, p.zz);
	cross(p.xz, a->x, a->z, b->x, b->z, p.xx, p.zz);
	sum_of_products(r, &p);
}

/* b has z = 1. */
static void point_add_affine(struct sm2_point *r, const struct sm2_point *a, const struct sm2_affine *b)
{
	struct products p;

	modp_mul(p.xx, a->x, b->x);
	modp_mul(p.yy, a->y, b->y);
	memcpy(p.zz, a->z, sizeof(p.zz));
	cross(p.xy, a->x, a->y, b->x, b->y, p.xx, p.yy);
	modp_mul(p.yz, a->z, b->y);
	modp_add(p.yz, p.yz, a->y);
	modp_mul(p.xz, a->z, b->x);
	modp_add(p.xz, p.xz, a->x);
	sum_of_products(r, &p);
}

void point_double(struct sm2_point *r, const struct sm2_point *a)
{
	struct products p;

	modp_mul(p.xx, a->x, a->x);
	modp_mul(p.yy, a->y, a->y);
	modp_mul(p.zz, a->z, a->z);
	modp_mul(p.xy, a->x, a->y);
	modp_add(p.xy, p.xy, p.xy);
	modp_mul(p.yz, a->y, a->z);
	modp_add(p.yz, p.yz, p.yz);
	modp_mul(p.xz, a->x, a->z);
	modp_add(p.xz, p.xz, p.xz);
	sum_of_products(r, &p);
}

/* -- multiples ----------------------------------------------------------- */

#define WINDOW 4 /* bits of the scalar at a time */
#define MULTIPLES (1 << WINDOW)

/* r = table[index], every entry read. */
static void lookup(struct sm2_point *r, const struct sm2_point table[MULTIPLES], uint64_t index)
{
	memset(r, 0, sizeof(*r));
	for (uint64_t i = 0; i < MULTIPLES; i++) {
		uint64_t mask = mask_if_zero(i ^ index);

		num_select(r->x, mask, table[i].x);
		num_select(r->y, mask, table[i].y);
		num_select(r->z, mask, table[i].z);
	}
}

void point_mul(struct sm2_point *r, const uint64_t k[4], const struct sm2_affine *a)
{
	struct sm2_point table[MULTIPLES], sum = infinity, chosen;

	table[0] = infinity;
	point_from_affine(&table[1], a);
	for (int i = 2; i < MULTIPLES; i++)
		point_add(&table[i], &table[i - 1], &table[1]);
	for (int bit = 256 - WINDOW; bit >= 0; bit -= WINDOW) {
		for (int i = 0; i < WINDOW; i++)
			point_double(&sum, &sum);
		lookup(&chosen, table, k[bit / 64] >> bit % 64 & (MULTIPLES - 1));
		point_add(&sum, &sum, &chosen);
	}
	*r = sum;
	secret_wipe(table, sizeof(table));
	secret_wipe(&sum, sizeof(sum));
	secret_wipe(&chosen, sizeof(chosen));
}

/* The bits of k under the teeth of the comb; beyond its end there are zeros. */
static uint64_t comb_digit(const uint64_t k[4], unsigned position)
{
	uint64_t digit = 0;

	for (unsigned tooth = 0; tooth < COMB_TEETH; tooth++) {
		unsigned bit = position + COMB_SPACING * tooth;

		if (bit < 256)
			digit |= (k[bit / 64] >> bit % 64 & 1) << tooth;
	}
	return digit;
}

/* r = the table's entry for digit, every entry read; for digit 0, which has none, zeros. */
static void comb_lookup(struct sm2_affine *r, unsigned block, uint64_t digit)
{
	memset(r, 0, sizeof(*r));
	for (uint64_t i = 1; i < 1 << COMB_TEETH; i++) {
		uint64_t mask = mask_if_zero(i ^ digit);

		num_select(r->x, mask, comb_table[block][i - 1]);
		num_select(r->y, mask, comb_table[block][i - 1] + 4);
	}
}

/* sum += the table's entry; for digit 0 the sum is computed and not taken. */
static void comb_add(struct sm2_point *sum, unsigned block, uint64_t digit)
{
	struct sm2_affine entry;
	struct sm2_point added;
	uint64_t mask = ~mask_if_zero(digit);

	comb_lookup(&entry, block, digit);
	point_add_affine(&added, sum, &entry);
	num_select(sum->x, mask, added.x);
	num_select(sum->y, mask, added.y);
	num_select(sum->z, mask, added.z);
	secret_wipe(&entry, sizeof(entry));
	secret_wipe(&added, sizeof(added));
}

void point_mul_base(struct sm2_point *r, const uint64_t k[4])
{
	struct sm2_point sum = infinity;

	for (unsigned step = COMB_STEPS; step--;) {
		point_double(&sum, &sum);
		for (unsigned block = 0; block < COMB_BLOCKS; block++)
			comb_add(&sum, block, comb_digit(k, step + COMB_STEPS * block));
	}
	*r = sum;
	secret_wipe(&sum, sizeof(sum));
}
