/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures: GB/T 32918.1 and .2-2016. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/declassify.h"
#include "sm/sm2.h"
#include "sm/sm2_curve.h"
#include "sm/sm2_field.h"
#include "sm/sm2_scalar.h"
#include "sm/sm3.h"

/* -- keys ---------------------------------------------------------------- */

/* P = d G, 0 < d < n, checked to lie on the curve before anyone relies on it. */
static enum sm2_result public_point(const uint64_t d[4], uint8_t bytes[SM2_POINT_LEN])
{
	struct sm2_point p;
	struct sm2_affine a;
	bool good;

	point_mul_base(&p, d);
	good = point_to_affine(&a, &p);
	secret_wipe(&p, sizeof(p)); /* z tells more of d than x and y do */
	declassify(&a, sizeof(a));
	if (!good || !affine_on_curve(&a))
		return SM2_FAULT;
	affine_to_bytes(bytes, &a);
	return SM2_OK;
}

enum sm2_result sm2_private_init(struct sm2_private *key, const uint8_t bytes[SM2_SCALAR_LEN])
{
	uint64_t d[4];
	enum sm2_result result = SM2_BAD_KEY;

	num_from_bytes(d, bytes);
	if (scalar_is_private_key(d)) {
		memcpy(key->d, bytes, SM2_SCALAR_LEN);
		modn_to_mont(key->d_mont, d);
		modn_add(key->inv_1d_mont, key->d_mont, modn_one);
		modn_invert(key->inv_1d_mont, key->inv_1d_mont);
		result = public_point(d, key->point);
	}
	if (result != SM2_OK)
		secret_wipe(key, sizeof(*key));
	secret_wipe(d, sizeof(d));
	return result;
}

enum sm2_result sm2_public_init(struct sm2_public *key, const uint8_t point[SM2_POINT_LEN])
{
	struct sm2_affine a;

	if (!affine_from_bytes(&a, point))
		return SM2_BAD_KEY;
	memcpy(key->x_mont, a.x, sizeof(a.x));
	memcpy(key->y_mont, a.y, sizeof(a.y));
	memcpy(key->point, point, SM2_POINT_LEN);
	return SM2_OK;
}

enum sm2_result sm2_generate(const struct sm2_random *random, uint8_t bytes[SM2_SCALAR_LEN], uint8_t point[SM2_POINT_LEN])
{
	uint64_t d[4];
	enum sm2_result result;

	do {
		if (random->fill(random->arg, bytes, SM2_SCALAR_LEN) != 0) {
			result = SM2_NO_RANDOM;
			goto out;
		}
		num_from_bytes(d, bytes);
	} while (!scalar_is_private_key(d));
	result = public_point(d, point);
out:
	if (result != SM2_OK)
		secret_wipe(bytes, SM2_SCALAR_LEN);
	secret_wipe(d, sizeof(d));
	return result;
}

/* The curve's part of Z: a || b || xG || yG. */
static const uint8_t curve_parameters[128] = {
	0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc,
	0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf, 0x65, 0x09, 0xa7,
	0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41, 0x4d, 0x94, 0x0e, 0x93,
	0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04, 0x46, 0x6a, 0x39, 0xc9, 0x94,
	0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a, 0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7,
	0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59, 0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53,
	0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40, 0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0,
};

void sm2_z(const uint8_t point[SM2_POINT_LEN], const uint8_t *id, size_t id_len, uint8_t z[32])
{
	uint8_t entl[2] = {(uint8_t)(id_len >> 5), (uint8_t)(id_len << 3)};
	struct sm3 s;

	sm3_init(&s);
	sm3_update(&s, entl, sizeof(entl));
	sm3_update(&s, id, id_len);
	sm3_update(&s, curve_parameters, sizeof(curve_parameters));
	sm3_update(&s, point, SM2_POINT_LEN);
	sm3_final(&s, z);
}

/* -- signing, GB/T 32918.2 clause 6.1 ------------------------------------ */

/* r = (e + x1) mod n, with x1 of a point. */
static void add_x(uint64_t r[4], const uint64_t e[4], const struct sm2_affine *a)
{
	uint64_t x[4], reduced[4];

	modp_from_mont(x, a->x);
	modn_reduce(x, x);
	modn_reduce(reduced, e);
	modn_add(r, reduced, x);
}

/* A4, A5: r, and whether it may be used: not when r is 0 or r + k is n. */
static bool compute_r(uint64_t r[4], const uint64_t e[4], const uint64_t k[4])
{
	struct sm2_point p;
	struct sm2_affine a;
	uint64_t sum[4], unusable;

	point_mul_base(&p, k);
	(void)point_to_affine(&a, &p); /* 0 < k < n */
	add_x(r, e, &a);
	modn_add(sum, r, k);
	unusable = num_is_zero(r) | num_is_zero(sum);
	declassify(&unusable, sizeof(unusable));
	secret_wipe(&p, sizeof(p));
	secret_wipe(sum, sizeof(sum));
	return !unusable;
}

/* A6: s = (1 + d)^-1 (k - r d). False when s is 0. */
static bool compute_s(uint64_t s[4], const struct sm2_private *key, const uint64_t r[4], const uint64_t k[4])
{
	uint64_t rd[4], zero;

	modn_mul(rd, r, key->d_mont);
	modn_sub(s, k, rd);
	modn_mul(s, s, key->inv_1d_mont);
	zero = num_is_zero(s);
	declassify(&zero, sizeof(zero));
	secret_wipe(rd, sizeof(rd));
	return !zero;
}

/* s (1 + d) + r d = k: a fault in the making of s would give the key away. */
static bool signature_holds(const struct sm2_private *key, const uint64_t r[4], const uint64_t s[4], const uint64_t k[4])
{
	uint64_t sum[4], t[4], equal;

	modn_add(sum, r, s);
	modn_mul(t, sum, key->d_mont);
	modn_add(t, t, s);
	equal = num_equal(t, k);
	declassify(&equal, sizeof(equal));
	secret_wipe(t, sizeof(t));
	return equal;
}

/* SM2_BAD_KEY: this k gives no signature. */
static enum sm2_result sign_with(const struct sm2_private *key, const uint8_t e_bytes[32], const uint64_t k[4],
                                 uint8_t sig[SM2_SIG_LEN])
{
	uint64_t e[4], r[4], s[4];
	enum sm2_result result = SM2_BAD_KEY;

	num_from_bytes(e, e_bytes);
	if (compute_r(r, e, k) && compute_s(s, key, r, k)) {
		result = SM2_FAULT;
		if (signature_holds(key, r, s, k)) {
			num_to_bytes(sig, r);
			num_to_bytes(sig + 32, s);
			declassify(sig, SM2_SIG_LEN);
			result = SM2_OK;
		}
	}
	secret_wipe(r, sizeof(r));
	secret_wipe(s, sizeof(s));
	return result;
}

enum sm2_result sm2_sign_with_k(const struct sm2_private *key, const uint8_t e[32], const uint8_t k_bytes[32],
                                uint8_t sig[SM2_SIG_LEN])
{
	uint64_t k[4];
	enum sm2_result result = SM2_BAD_KEY;

	num_from_bytes(k, k_bytes);
	if (scalar_is_nonce(k))
		result = sign_with(key, e, k, sig);
	secret_wipe(k, sizeof(k));
	return result;
}

/*
 * k = HMAC-SM3(d, drawn || e || counter), 256 bits of it: unpredictable if
 * either the draw or d is, and different for different e even when the draw
 * repeats. Whoever gets a k that cannot be used asks for the next counter.
 */
static void derive_nonce(uint64_t k[4], const struct sm3_hmac_key *d, const uint8_t drawn[32], const uint8_t e[32],
                         uint32_t counter)
{
	uint8_t bytes[SM3_DIGEST_LEN], suffix[4];
	struct sm3_hmac mac;

	store_be32(suffix, counter);
	sm3_hmac_init(&mac, d);
	sm3_hmac_update(&mac, drawn, 32);
	sm3_hmac_update(&mac, e, 32);
	sm3_hmac_update(&mac, suffix, sizeof(suffix));
	sm3_hmac_final(&mac, bytes);
	num_from_bytes(k, bytes);
	secret_wipe(bytes, sizeof(bytes));
}

enum sm2_result sm2_sign(const struct sm2_private *key, const uint8_t e[32], const struct sm2_random *random,
                         uint8_t sig[SM2_SIG_LEN])
{
	uint8_t drawn[32];
	uint64_t k[4];
	struct sm3_hmac_key d;
	enum sm2_result result = SM2_BAD_KEY;

	if (random->fill(random->arg, drawn, sizeof(drawn)) != 0)
		return SM2_NO_RANDOM;
	sm3_hmac_key_init(&d, key->d, sizeof(key->d));
	for (uint32_t counter = 0; result == SM2_BAD_KEY; counter++) {
		derive_nonce(k, &d, drawn, e, counter);
		if (scalar_is_nonce(k))
			result = sign_with(key, e, k, sig);
	}
	secret_wipe(&d, sizeof(d));
	secret_wipe(k, sizeof(k));
	secret_wipe(drawn, sizeof(drawn));
	return result;
}

/* -- verification, GB/T 32918.2 clause 7.1 ------------------------------- */

/* R = s G + t P. False for infinity. */
static bool double_mul(struct sm2_affine *r, const uint64_t s[4], const uint64_t t[4], const struct sm2_public *key)
{
	struct sm2_affine public;
	struct sm2_point a, b;

	memcpy(public.x, key->x_mont, sizeof(public.x));
	memcpy(public.y, key->y_mont, sizeof(public.y));
	point_mul_base(&a, s);
	point_mul(&b, t, &public);
	point_add(&a, &a, &b);
	return point_to_affine(r, &a);
}

enum sm2_result sm2_verify(const struct sm2_public *key, const uint8_t e_bytes[32], const uint8_t sig[SM2_SIG_LEN])
{
	uint64_t e[4], r[4], s[4], t[4];
	struct sm2_affine point;

	num_from_bytes(e, e_bytes);
	num_from_bytes(r, sig);
	num_from_bytes(s, sig + 32);
	if (!scalar_is_nonce(r) || !scalar_is_nonce(s)) /* B1, B2 */
		return SM2_BAD_SIGNATURE;
	modn_add(t, r, s);
	if (num_is_zero(t)) /* B5 */
		return SM2_BAD_SIGNATURE;
	if (!double_mul(&point, s, t, key))
		return SM2_BAD_SIGNATURE;
	add_x(t, e, &point);
	return num_equal(t, r) ? SM2_OK : SM2_BAD_SIGNATURE; /* B7 */
}
