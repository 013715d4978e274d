/* SPDX-License-Identifier: Apache-2.0 */
/* Key exchange: GB/T 32918.3-2016. Steps are named as A takes them; B's are the same. */
#include <string.h>

#include "base/secret.h"
#include "sm/declassify.h"
#include "sm/sm2.h"
#include "sm/sm2_curve.h"
#include "sm/sm2_field.h"
#include "sm/sm2_scalar.h"
#include "sm/sm3.h"

/* What both hash: the parts in the order of A and B, whoever of them this is. */
struct transcript {
	uint8_t z[2][SM3_DIGEST_LEN];
	const uint8_t *ephemeral[2];
};

/* A4, A6: 2^w + (x & (2^w - 1)) with w = 127, half the order's length less one. */
static void half_x(uint64_t r[4], const uint8_t point[SM2_POINT_LEN])
{
	num_from_bytes(r, point);
	r[1] |= UINT64_C(1) << 63;
	r[2] = r[3] = 0;
}

/* A5: t = (d + x r) mod n. False for 0. */
static bool implicit_signature(uint64_t t[4], const struct sm2_private *own, const struct sm2_private *ephemeral)
{
	uint64_t d[4], x[4], usable;

	half_x(x, ephemeral->point);
	num_from_bytes(d, own->d);
	modn_mul(t, x, ephemeral->d_mont);
	modn_add(t, t, d);
	usable = ~num_is_zero(t);
	declassify(&usable, sizeof(usable));
	secret_wipe(d, sizeof(d));
	return usable;
}

/* A7, without the scalar: P + x R. False when one is not on the curve, or the sum is infinite. */
static bool peer_point(struct sm2_affine *sum, const struct sm2_agreement *a)
{
	struct sm2_affine fixed, ephemeral;
	struct sm2_point p, q;
	uint64_t x[4];

	if (!affine_from_bytes(&fixed, a->peer_static) || !affine_from_bytes(&ephemeral, a->peer_ephemeral))
		return false;
	half_x(x, a->peer_ephemeral);
	point_from_affine(&p, &fixed);
	point_mul(&q, x, &ephemeral);
	point_add(&p, &p, &q);
	return point_to_affine(sum, &p);
}

/* A7: U = t (P + x R), as bytes. The curve's cofactor is 1. */
static bool shared_point(uint8_t u[SM2_POINT_LEN], const struct sm2_private *own, const struct sm2_private *ephemeral,
                         const struct sm2_agreement *a)
{
	struct sm2_affine affine = {{0}, {0}};
	struct sm2_point product;
	uint64_t t[4];
	bool good = peer_point(&affine, a) && implicit_signature(t, own, ephemeral);

	if (good) {
		point_mul(&product, t, &affine);
		good = point_to_affine(&affine, &product);
		affine_to_bytes(u, &affine);
		secret_wipe(&product, sizeof(product));
	}
	secret_wipe(&affine, sizeof(affine));
	secret_wipe(t, sizeof(t));
	return good;
}

/* A8: K = KDF(xU || yU || ZA || ZB, klen). */
static void derive_key(const uint8_t u[SM2_POINT_LEN], const struct transcript *t, uint8_t *key, size_t len)
{
	uint8_t z[SM2_POINT_LEN + sizeof(t->z)];

	memcpy(z, u, SM2_POINT_LEN);
	memcpy(z + SM2_POINT_LEN, t->z, sizeof(t->z));
	sm3_kdf(z, sizeof(z), key, len);
	secret_wipe(z, sizeof(z));
}

/* A9, A10: Hash(tag || yU || Hash(xU || ZA || ZB || x1 || y1 || x2 || y2)). */
static void confirm(uint8_t tag, const uint8_t u[SM2_POINT_LEN], const struct transcript *t, uint8_t out[SM3_DIGEST_LEN])
{
	uint8_t inner[SM3_DIGEST_LEN];
	struct sm3 h;

	sm3_init(&h);
	sm3_update(&h, u, 32);
	sm3_update(&h, t->z, sizeof(t->z));
	sm3_update(&h, t->ephemeral[0], SM2_POINT_LEN);
	sm3_update(&h, t->ephemeral[1], SM2_POINT_LEN);
	sm3_final(&h, inner);
	sm3_init(&h);
	sm3_update(&h, &tag, 1);
	sm3_update(&h, u + 32, 32);
	sm3_update(&h, inner, sizeof(inner));
	sm3_final(&h, out);
	secret_wipe(inner, sizeof(inner));
}

enum sm2_result sm2_agree(const struct sm2_private *own, const struct sm2_private *ephemeral, const struct sm2_agreement *a,
                          uint8_t *key, size_t key_len, uint8_t s1[32], uint8_t s2[32])
{
	unsigned me = a->initiator ? 0 : 1, peer = 1 - me;
	uint8_t u[SM2_POINT_LEN];
	struct transcript t;
	enum sm2_result result = SM2_BAD_KEY;

	t.ephemeral[me] = ephemeral->point;
	t.ephemeral[peer] = a->peer_ephemeral;
	if (shared_point(u, own, ephemeral, a)) {
		sm2_z(own->point, a->own_id, a->own_id_len, t.z[me]);
		sm2_z(a->peer_static, a->peer_id, a->peer_id_len, t.z[peer]);
		derive_key(u, &t, key, key_len);
		confirm(0x02, u, &t, s1);
		confirm(0x03, u, &t, s2);
		result = SM2_OK;
	}
	secret_wipe(u, sizeof(u));
	return result;
}
