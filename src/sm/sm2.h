/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 on sm2p256v1 (GB/T 32918.1 to .5).
 *
 * Points are x || y, 64 bytes big-endian; scalars and digests 32 bytes
 * big-endian. Whatever touches a private key or a nonce runs in constant time;
 * verification and encryption's point checks may not. Nothing allocates, locks
 * or keeps state; temporaries that held a secret are wiped.
 *
 * Random numbers come from the caller through sm2_random: it fills len bytes
 * and returns 0, or anything else, which ends the call with SM2_NO_RANDOM.
 */
#ifndef SM_SM2_H
#define SM_SM2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM2_POINT_LEN 64
#define SM2_SCALAR_LEN 32
#define SM2_SIG_LEN 64          /* r || s */
#define SM2_CIPHER_OVERHEAD 97  /* 04 || x || y || C3 */
#define SM2_DEFAULT_ID "1234567812345678"
#define SM2_DEFAULT_ID_LEN 16
#define SM2_ID_MAX 8191         /* ENTL counts bits in 16 bits */

enum sm2_result {
	SM2_OK = 0,
	SM2_NO_RANDOM,
	SM2_BAD_KEY,        /* scalar not in [1, n-2], point not on the curve or infinite */
	SM2_BAD_SIGNATURE,
	SM2_BAD_CIPHERTEXT, /* C1 not on the curve, KDF all zero, or C3 wrong: one code for all */
	SM2_FAULT           /* a result failed its own check: nothing was released */
};

typedef int (*sm2_random_fn)(void *arg, uint8_t *out, size_t len);
struct sm2_random {
	sm2_random_fn fill;
	void *arg;
};

/* A private key ready to sign: kept with the key, secret. */
struct sm2_private {
	uint8_t d[SM2_SCALAR_LEN];
	uint64_t d_mont[4];       /* Montgomery form mod n */
	uint64_t inv_1d_mont[4];  /* (1 + d)^-1 mod n, Montgomery form */
	uint8_t point[SM2_POINT_LEN];
};

/* A public key ready to verify: kept with the key. */
struct sm2_public {
	uint64_t x_mont[4], y_mont[4]; /* affine, Montgomery form mod p */
	uint8_t point[SM2_POINT_LEN];
};

enum sm2_result sm2_private_init(struct sm2_private *, const uint8_t d[SM2_SCALAR_LEN]);
enum sm2_result sm2_public_init(struct sm2_public *, const uint8_t point[SM2_POINT_LEN]);
enum sm2_result sm2_generate(const struct sm2_random *, uint8_t d[SM2_SCALAR_LEN], uint8_t point[SM2_POINT_LEN]);

/* Z of GB/T 32918.2 5.5. id_len <= SM2_ID_MAX. */
void sm2_z(const uint8_t point[SM2_POINT_LEN], const uint8_t *id, size_t id_len, uint8_t z[32]);

/*
 * Signs e. k is drawn from the caller's generator and mixed with the private
 * key and e (HMAC-SM3), so that a weak draw does not give the key away; the
 * result is checked by s(1 + d) + rd = k before it is released.
 */
enum sm2_result sm2_sign(const struct sm2_private *, const uint8_t e[32], const struct sm2_random *, uint8_t sig[SM2_SIG_LEN]);
enum sm2_result sm2_verify(const struct sm2_public *, const uint8_t e[32], const uint8_t sig[SM2_SIG_LEN]);

/* For known answers only: signs with this k. SM2_BAD_KEY also when k is not in [1, n-1] or gives no signature. */
enum sm2_result sm2_sign_with_k(const struct sm2_private *, const uint8_t e[32], const uint8_t k[32], uint8_t sig[SM2_SIG_LEN]);

/*
 * out: 04 || C1 || C3 || C2, len + SM2_CIPHER_OVERHEAD bytes, apart from in.
 * SM2_BAD_CIPHERTEXT when len is 0 or over (2^32 - 1) * 32: there is none.
 */
enum sm2_result sm2_encrypt(const struct sm2_public *, const uint8_t *in, size_t len, const struct sm2_random *, uint8_t *out);
/* in: as sm2_encrypt gives; len counts it whole. out: len - SM2_CIPHER_OVERHEAD bytes, written only on SM2_OK; may be in. */
enum sm2_result sm2_decrypt(const struct sm2_private *, const uint8_t *in, size_t len, uint8_t *out);
/* For known answers only. SM2_BAD_CIPHERTEXT also when this k makes the KDF give zeros. */
enum sm2_result sm2_encrypt_with_k(const struct sm2_public *, const uint8_t *in, size_t len, const uint8_t k[32], uint8_t *out);

/* The other side of a key exchange, GB/T 32918.3, and what it calls itself. IDs: at most SM2_ID_MAX bytes. */
struct sm2_agreement {
	bool initiator; /* this side is A */
	const uint8_t *own_id, *peer_id;
	size_t own_id_len, peer_id_len;
	const uint8_t *peer_static, *peer_ephemeral; /* points */
};

/*
 * The agreed key, of any length below 2^37; s1 = SB, which B sends and A
 * compares, s2 = SA, which A sends and B compares. SM2_BAD_KEY, with nothing
 * written: a point of the peer's is not on the curve, or what is agreed on would
 * be infinite.
 */
enum sm2_result sm2_agree(const struct sm2_private *own, const struct sm2_private *ephemeral, const struct sm2_agreement *,
                          uint8_t *key, size_t key_len, uint8_t s1[32], uint8_t s2[32]);

#endif
