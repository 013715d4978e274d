/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption: GB/T 32918.4-2016. */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/declassify.h"
#include "sm/sm2.h"
#include "sm/sm2_curve.h"
#include "sm/sm2_field.h"
#include "sm/sm2_scalar.h"
#include "sm/sm3.h"

#define C1_LEN (1 + SM2_POINT_LEN)
#define C3_LEN SM3_DIGEST_LEN
#define MESSAGE_MAX (UINT64_C(0xffffffff) * SM3_DIGEST_LEN) /* clause 5.4.3: the KDF's counter has 32 bits */

/* The KDF of clause 5.4.3 over x2 || y2, a digest at a time, and the hash C3 = SM3(x2 || M || y2). */
struct shared {
	uint8_t bytes[SM2_POINT_LEN]; /* x2 || y2 */
	struct sm3 kdf, c3;
	uint32_t counter;
	uint8_t any; /* all bits of the KDF's output ORed */
};

static void shared_begin(struct shared *s)
{
	sm3_init(&s->kdf);
	sm3_update(&s->kdf, s->bytes, sizeof(s->bytes));
	sm3_init(&s->c3);
	sm3_update(&s->c3, s->bytes, 32);
	s->counter = 0;
	s->any = 0;
}

/* out = in ^ t for the next len bytes, at most a digest of them; only the last call may have fewer. */
static void shared_mask(struct shared *s, const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t t[SM3_DIGEST_LEN], counter[4];
	struct sm3 h = s->kdf;

	store_be32(counter, ++s->counter);
	sm3_update(&h, counter, sizeof(counter));
	sm3_final(&h, t);
	for (size_t i = 0; i < len; i++)
		s->any |= t[i];
	xor_bytes(out, in, t, len);
	secret_wipe(t, sizeof(t));
}

/* Gives C3. False when the KDF gave nothing but zeros. */
static bool shared_end(struct shared *s, uint8_t c3[C3_LEN])
{
	bool usable = s->any != 0;

	sm3_update(&s->c3, s->bytes + 32, 32);
	sm3_final(&s->c3, c3);
	declassify(&usable, sizeof(usable));
	return usable;
}

static size_t digest_or_less(size_t len)
{
	return len < SM3_DIGEST_LEN ? len : SM3_DIGEST_LEN;
}

/* (x2, y2) = k P, as bytes. False for infinity. */
static bool shared_from(struct shared *s, const uint64_t k[4], const struct sm2_affine *p)
{
	struct sm2_point product;
	struct sm2_affine a;
	bool finite;

	point_mul(&product, k, p);
	finite = point_to_affine(&a, &product);
	affine_to_bytes(s->bytes, &a);
	secret_wipe(&product, sizeof(product));
	secret_wipe(&a, sizeof(a));
	return finite;
}

/* -- encryption, clause 6.1 ---------------------------------------------- */

/* A1 to A3: C1 and the shared point. */
static enum sm2_result encrypt_points(const struct sm2_public *key, const uint64_t k[4], uint8_t *c1, struct shared *s)
{
	struct sm2_affine a;
	struct sm2_point p;

	point_mul_base(&p, k);
	(void)point_to_affine(&a, &p); /* 0 < k < n */
	secret_wipe(&p, sizeof(p));
	declassify(&a, sizeof(a));
	c1[0] = 0x04;
	affine_to_bytes(c1 + 1, &a);
	memcpy(a.x, key->x_mont, sizeof(a.x));
	memcpy(a.y, key->y_mont, sizeof(a.y));
	return shared_from(s, k, &a) ? SM2_OK : SM2_BAD_KEY;
}

/* SM2_BAD_CIPHERTEXT: with this k the KDF gives zeros, A5. */
static enum sm2_result encrypt_with(const struct sm2_public *key, const uint8_t *in, size_t len, const uint64_t k[4], uint8_t *out)
{
	uint8_t *c3 = out + C1_LEN, *c2 = out + SM2_CIPHER_OVERHEAD;
	struct shared s;
	enum sm2_result result = encrypt_points(key, k, out, &s);

	shared_begin(&s);
	for (size_t done = 0, n; done < len; done += n) {
		n = digest_or_less(len - done);
		sm3_update(&s.c3, in + done, n);
		shared_mask(&s, in + done, c2 + done, n);
	}
	if (!shared_end(&s, c3) && result == SM2_OK)
		result = SM2_BAD_CIPHERTEXT;
	secret_wipe(&s, sizeof(s));
	if (result != SM2_OK)
		secret_wipe(out, len + SM2_CIPHER_OVERHEAD);
	return result;
}

enum sm2_result sm2_encrypt_with_k(const struct sm2_public *key, const uint8_t *in, size_t len, const uint8_t k_bytes[32],
                                   uint8_t *out)
{
	uint64_t k[4];
	enum sm2_result result = SM2_BAD_KEY;

	if (len == 0 || len > MESSAGE_MAX)
		return SM2_BAD_CIPHERTEXT;
	num_from_bytes(k, k_bytes);
	if (scalar_is_nonce(k))
		result = encrypt_with(key, in, len, k, out);
	secret_wipe(k, sizeof(k));
	return result;
}

enum sm2_result sm2_encrypt(const struct sm2_public *key, const uint8_t *in, size_t len, const struct sm2_random *random,
                            uint8_t *out)
{
	uint8_t bytes[32];
	uint64_t k[4];
	enum sm2_result result = SM2_BAD_CIPHERTEXT;

	if (len == 0 || len > MESSAGE_MAX)
		return SM2_BAD_CIPHERTEXT;
	while (result == SM2_BAD_CIPHERTEXT) {
		if (random->fill(random->arg, bytes, sizeof(bytes)) != 0) {
			result = SM2_NO_RANDOM;
			break;
		}
		num_from_bytes(k, bytes);
		if (scalar_is_nonce(k))
			result = encrypt_with(key, in, len, k, out);
	}
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(k, sizeof(k));
	return result;
}

/* -- decryption, clause 7.1 ---------------------------------------------- */

/* B4 to B6 without keeping the message: it is made again once it is known to be good. */
static bool message_good(struct shared *s, const uint8_t *c2, size_t len, const uint8_t c3[C3_LEN])
{
	uint8_t piece[SM3_DIGEST_LEN], expected[C3_LEN];
	bool usable, equal;

	shared_begin(s);
	for (size_t done = 0, n; done < len; done += n) {
		n = digest_or_less(len - done);
		shared_mask(s, c2 + done, piece, n);
		sm3_update(&s->c3, piece, n);
	}
	usable = shared_end(s, expected);
	equal = secret_equal(expected, c3, C3_LEN);
	declassify(&equal, sizeof(equal));
	secret_wipe(piece, sizeof(piece));
	secret_wipe(expected, sizeof(expected));
	return usable && equal;
}

static void message_release(struct shared *s, const uint8_t *c2, size_t len, uint8_t *out)
{
	shared_begin(s);
	for (size_t done = 0, n; done < len; done += n) {
		n = digest_or_less(len - done);
		shared_mask(s, c2 + done, out + done, n);
	}
}

enum sm2_result sm2_decrypt(const struct sm2_private *key, const uint8_t *in, size_t len, uint8_t *out)
{
	const uint8_t *c3 = in + C1_LEN, *c2 = in + SM2_CIPHER_OVERHEAD;
	struct sm2_affine c1;
	struct shared s;
	uint64_t d[4];
	enum sm2_result result = SM2_BAD_CIPHERTEXT;

	if (len <= SM2_CIPHER_OVERHEAD || len - SM2_CIPHER_OVERHEAD > MESSAGE_MAX)
		return SM2_BAD_CIPHERTEXT;
	if (in[0] != 0x04 || !affine_from_bytes(&c1, in + 1)) /* B1 */
		return SM2_BAD_CIPHERTEXT;
	num_from_bytes(d, key->d);
	if (shared_from(&s, d, &c1) && message_good(&s, c2, len - SM2_CIPHER_OVERHEAD, c3)) {
		message_release(&s, c2, len - SM2_CIPHER_OVERHEAD, out);
		result = SM2_OK;
	}
	secret_wipe(&s, sizeof(s));
	secret_wipe(d, sizeof(d));
	return result;
}
