/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of sm2p256v1, y^2 = x^3 - 3x + b. Coordinates are in Montgomery form
 * modulo p. All of it runs in constant time; scalars are any 256-bit number.
 */
#ifndef SM_SM2_CURVE_H
#define SM_SM2_CURVE_H

#include <stdbool.h>
#include <stdint.h>

/* Homogeneous: (x/z, y/z); infinity is (0 : 1 : 0). */
struct sm2_point {
	uint64_t x[4], y[4], z[4];
};

struct sm2_affine {
	uint64_t x[4], y[4];
};

/* False when a coordinate is not below p or the point is not on the curve. */
bool affine_from_bytes(struct sm2_affine *, const uint8_t bytes[64]);
void affine_to_bytes(uint8_t bytes[64], const struct sm2_affine *);
bool affine_on_curve(const struct sm2_affine *);

void point_from_affine(struct sm2_point *, const struct sm2_affine *);
/* False for infinity. */
bool point_to_affine(struct sm2_affine *, const struct sm2_point *);

/* r may be an operand. Right for all points: equal, opposite, infinite. */
void point_add(struct sm2_point *r, const struct sm2_point *a, const struct sm2_point *b);
void point_double(struct sm2_point *r, const struct sm2_point *a);

/* r = k a */
void point_mul(struct sm2_point *r, const uint64_t k[4], const struct sm2_affine *a);
/* r = k G */
void point_mul_base(struct sm2_point *r, const uint64_t k[4]);

#endif
