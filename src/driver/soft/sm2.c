/* SPDX-License-Identifier: Apache-2.0 */
/* SM2: pairs, signatures of a digest, encryption C1C3C2, key exchange. */
#include "driver/soft/soft.h"

#define DIGEST_LEN 32

enum hufu_err soft_sm2_err(enum sm2_result result)
{
	switch (result) {
	case SM2_OK:
		return HUFU_OK;
	case SM2_NO_RANDOM:
		return HUFU_ERR_RANDOM;
	case SM2_BAD_KEY:
		return HUFU_ERR_KEY_VALUE;
	case SM2_BAD_SIGNATURE:
		return HUFU_ERR_SIGNATURE;
	case SM2_BAD_CIPHERTEXT:
		return HUFU_ERR_CIPHERTEXT;
	case SM2_FAULT:
		return HUFU_ERR_CORRUPT;
	}
	return HUFU_ERR_BUG;
}

static int fill(void *arg, uint8_t *out, size_t len)
{
	const struct hufu_host *host = arg;

	return host->random(out, len) == HUFU_OK ? 0 : -1;
}

static struct sm2_random random_of(const struct hufu_host *host)
{
	return (struct sm2_random){.fill = fill, .arg = (void *)(uintptr_t)host};
}

/* The pair signs and verifies, and d gives the point: a fault while it was made must not become a key. */
static enum hufu_err check_pair(const struct hufu_host *host, const struct sm2_private *private, const uint8_t point[SM2_POINT_LEN])
{
	static const uint8_t digest[DIGEST_LEN] = "pairwise consistency of SM2 key";
	struct sm2_random random = random_of(host);
	struct sm2_public public;
	uint8_t sig[SM2_SIG_LEN];

	if (memcmp(private->point, point, SM2_POINT_LEN) != 0)
		return HUFU_ERR_CORRUPT;
	enum hufu_err err = soft_sm2_err(sm2_sign(private, digest, &random, sig));
	if (err != HUFU_OK)
		return err;
	if (sm2_public_init(&public, point) != SM2_OK || sm2_verify(&public, digest, sig) != SM2_OK)
		return HUFU_ERR_CORRUPT;
	return HUFU_OK;
}

enum hufu_err soft_sm2_generate(const struct hufu_host *host, struct hufu_op *op)
{
	struct sm2_random random = random_of(host);
	struct sm2_private private = {0};
	uint8_t d[SM2_SCALAR_LEN], point[SM2_POINT_LEN];

	if (op->new_type != HUFU_KEY_SM2_PRIVATE)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = op->new_len == 0 || op->new_len == sizeof(d) ? soft_room(op, sizeof(d)) : HUFU_ERR_KEY_SIZE;
	if (err != HUFU_OK)
		return err;
	err = soft_sm2_err(sm2_generate(&random, d, point));
	if (err == HUFU_OK)
		err = soft_sm2_err(sm2_private_init(&private, d));
	if (err == HUFU_OK)
		err = check_pair(host, &private, point);
	if (err == HUFU_OK) {
		memcpy(op->out, d, sizeof(d));
		soft_give_public(op, point, sizeof(point));
	}
	secret_wipe(d, sizeof(d));
	secret_wipe(&private, sizeof(private));
	return err;
}

static enum hufu_err sign(const struct hufu_host *host, struct hufu_op *op)
{
	struct sm2_random random = random_of(host);
	const void *private;

	if (!op->in || op->in_len != DIGEST_LEN)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, SM2_SIG_LEN);
	if (err == HUFU_OK)
		err = soft_load(host, op->key, &private);
	return err == HUFU_OK ? soft_sm2_err(sm2_sign(private, op->in, &random, op->out)) : err;
}

static enum hufu_err verify(const struct hufu_host *host, struct hufu_op *op)
{
	const void *public;

	if (!op->in || op->in_len != DIGEST_LEN)
		return HUFU_ERR_DATA_LEN;
	if (!op->in2 || op->in2_len != SM2_SIG_LEN)
		return HUFU_ERR_SIGNATURE_LEN;
	enum hufu_err err = soft_load(host, op->key, &public);
	return err == HUFU_OK ? soft_sm2_err(sm2_verify(public, op->in, op->in2)) : err;
}

/* GB/T 32918.4 6.1: a message has at least one bit, so C2 is never empty. */
static enum hufu_err encrypt(const struct hufu_host *host, struct hufu_op *op)
{
	struct sm2_random random = random_of(host);
	const void *public;

	if (!op->in || op->in_len == 0 || op->in_len > SIZE_MAX - SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, op->in_len + SM2_CIPHER_OVERHEAD);
	if (err == HUFU_OK)
		err = soft_load(host, op->key, &public);
	return err == HUFU_OK ? soft_sm2_err(sm2_encrypt(public, op->in, op->in_len, &random, op->out)) : err;
}

static enum hufu_err decrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const void *private;

	if (!op->in || op->in_len <= SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = soft_room(op, op->in_len - SM2_CIPHER_OVERHEAD);
	if (err == HUFU_OK)
		err = soft_load(host, op->key, &private);
	return err == HUFU_OK ? soft_sm2_err(sm2_decrypt(private, op->in, op->in_len, op->out)) : err;
}

/* The clear form of the subject, encrypted. */
static enum hufu_err wrap(const struct hufu_host *host, struct hufu_op *op)
{
	struct hufu_op inner = *op;
	enum hufu_err err = op->subject ? soft_check_copy(op->subject) : HUFU_ERR_ARGUMENT;

	if (err != HUFU_OK)
		return err;
	inner.in = op->subject->blob;
	inner.in_len = op->subject->blob_len;
	err = encrypt(host, &inner);
	op->out_len = inner.out_len;
	return err;
}

static enum hufu_err unwrap(const struct hufu_host *host, struct hufu_op *op)
{
	struct hufu_op inner = *op;

	if (!op->in || op->in_len <= SM2_CIPHER_OVERHEAD)
		return HUFU_ERR_CIPHERTEXT_LEN;
	inner.out_cap = op->in_len - SM2_CIPHER_OVERHEAD;
	inner.out = host->secret_alloc(inner.out_cap);
	if (!inner.out)
		return HUFU_ERR_NO_MEMORY;
	struct hufu_op outer = *op;
	enum hufu_err err = decrypt(host, &inner);
	outer.in = inner.out;
	outer.in_len = inner.out_len;
	if (err == HUFU_OK)
		err = soft_import(host, &outer);
	op->out_len = outer.out_len;
	op->pub_len = outer.pub_len;
	host->secret_free(inner.out);
	return err;
}

/* -- key exchange ------------------------------------------------------------ */

/* What is told of one's own keys is checked against them: a wrong point would give a key that nobody else has. */
static enum hufu_err check_agreement(const struct hufu_param_sm2_agree *p, const struct sm2_private *own,
                                     const struct sm2_private *ephemeral)
{
	bool mine = memcmp(p->own_static, own->point, SM2_POINT_LEN) == 0 &&
	            memcmp(p->own_ephemeral, ephemeral->point, SM2_POINT_LEN) == 0;
	bool named = p->own_id_len <= SM2_ID_MAX && p->peer_id_len <= SM2_ID_MAX && (p->own_id || !p->own_id_len) &&
	             (p->peer_id || !p->peer_id_len);

	return mine && named && p->key_len >= 1 && p->key_len <= SOFT_SECRET_MAX ? HUFU_OK : HUFU_ERR_PARAM;
}

static enum hufu_err agree_with(const struct sm2_private *own, const struct sm2_private *ephemeral, struct hufu_op *op)
{
	const struct hufu_param_sm2_agree *p = op->param;
	struct sm2_agreement a = {.initiator = p->initiator, .own_id = p->own_id, .own_id_len = p->own_id_len,
	                          .peer_id = p->peer_id, .peer_id_len = p->peer_id_len, .peer_static = p->peer_static,
	                          .peer_ephemeral = p->peer_ephemeral};
	enum hufu_err err = check_agreement(p, own, ephemeral);

	if (err == HUFU_OK)
		err = soft_room(op, p->key_len + 2 * DIGEST_LEN);
	if (err != HUFU_OK)
		return err;
	uint8_t *s1 = op->out + p->key_len, *s2 = s1 + DIGEST_LEN;
	return soft_sm2_err(sm2_agree(own, ephemeral, &a, op->out, p->key_len, s1, s2));
}

static enum hufu_err agree(const struct hufu_host *host, struct hufu_op *op)
{
	const void *own, *ephemeral;

	if (!op->param || !op->subject)
		return op->subject ? HUFU_ERR_PARAM : HUFU_ERR_ARGUMENT;
	if (op->subject->type != HUFU_KEY_SM2_PRIVATE)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = soft_load(host, op->key, &own);
	if (err == HUFU_OK)
		err = soft_load(host, op->subject, &ephemeral);
	return err == HUFU_OK ? agree_with(own, ephemeral, op) : err;
}

const struct soft_row soft_sm2_rows[] = {
	{CKM_HUFU_SM2, HUFU_VERB_SIGN, HUFU_KEY_SM2_PRIVATE, false, sign, 256, 256},
	{CKM_HUFU_SM2, HUFU_VERB_VERIFY, HUFU_KEY_SM2_PUBLIC, false, verify, 256, 256},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_ENCRYPT, HUFU_KEY_SM2_PUBLIC, false, encrypt, 256, 256},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_DECRYPT, HUFU_KEY_SM2_PRIVATE, false, decrypt, 256, 256},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_WRAP, HUFU_KEY_SM2_PUBLIC, false, wrap, 256, 256},
	{CKM_HUFU_SM2_C1C3C2, HUFU_VERB_UNWRAP, HUFU_KEY_SM2_PRIVATE, false, unwrap, 256, 256},
	{CKM_HUFU_SM2_KEY_AGREEMENT, HUFU_VERB_DERIVE, HUFU_KEY_SM2_PRIVATE, false, agree, 256, 256},
	{0, 0, 0, false, NULL, 0, 0},
};
