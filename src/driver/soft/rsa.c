/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms of RSA: PKCS #1 v1.5, raw, PSS and OAEP. */
#include "driver/soft/rsa.h"

static enum hufu_err pad_to_sign(const struct hufu_host *host, const struct rsa_key *key, const struct hufu_op *op, uint8_t *em)
{
	switch (op->mechanism) {
	case CKM_RSA_PKCS:
		return rsa_pad_sign(key, op->in, op->in_len, em);
	case CKM_RSA_X_509:
		return rsa_pad_raw(key, op->in, op->in_len, em);
	default:
		return rsa_pad_pss(host, key, op->param, op->in, op->in_len, em);
	}
}

static enum hufu_err sign(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	struct rsa_key *key;
	enum hufu_err err = rsa_load(host, op, &key);

	if (err != HUFU_OK)
		return err;
	err = pad_to_sign(host, key, op, em);
	if (err == HUFU_OK)
		err = soft_room(op, key->len);
	if (err == HUFU_OK)
		err = rsa_private(key, em, op->out);
	secret_wipe(em, sizeof(em));
	return err;
}

/* What was signed is made anew and compared: nothing is parsed that the signer chose (RFC 8017 8.2.2). */
static enum hufu_err check_same(const struct rsa_key *key, const struct hufu_op *op, const uint8_t *em)
{
	uint8_t want[RSA_MAX_LEN];
	enum hufu_err err = pad_to_sign(NULL, key, op, want);

	if (err != HUFU_OK)
		return err;
	return memcmp(want, em, key->len) == 0 ? HUFU_OK : HUFU_ERR_SIGNATURE;
}

static enum hufu_err verify(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	struct rsa_key *key;
	enum hufu_err err = rsa_load(host, op, &key);

	if (err != HUFU_OK)
		return err;
	if (op->in2_len != key->len)
		return HUFU_ERR_SIGNATURE_LEN;
	if (!rsa_in_range(key, op->in2))
		return HUFU_ERR_SIGNATURE;
	err = rsa_public(key, op->in2, em);
	if (err != HUFU_OK)
		return err;
	return op->mechanism == CKM_RSA_PKCS_PSS ? rsa_check_pss(key, op->param, op->in, op->in_len, em) : check_same(key, op, em);
}

static enum hufu_err pad_to_encrypt(const struct hufu_host *host, const struct rsa_key *key, const struct hufu_op *op, uint8_t *em)
{
	switch (op->mechanism) {
	case CKM_RSA_PKCS:
		return rsa_pad_pkcs1(host, key, op->in, op->in_len, em);
	case CKM_RSA_X_509:
		return rsa_pad_raw(key, op->in, op->in_len, em);
	default:
		return rsa_pad_oaep(host, key, op->param, op->in, op->in_len, em);
	}
}

static enum hufu_err encrypt(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	struct rsa_key *key;
	enum hufu_err err = rsa_load(host, op, &key);

	if (err != HUFU_OK)
		return err;
	err = pad_to_encrypt(host, key, op, em);
	if (err == HUFU_OK)
		err = soft_room(op, key->len);
	if (err == HUFU_OK)
		err = rsa_public(key, em, op->out);
	secret_wipe(em, sizeof(em));
	return err;
}

static enum hufu_err unpad(const struct rsa_key *key, const struct hufu_op *op, uint8_t *em, size_t *start)
{
	switch (op->mechanism) {
	case CKM_RSA_PKCS:
		return rsa_unpad_pkcs1(key, op->in, em, start);
	case CKM_RSA_X_509:
		*start = 0;
		return HUFU_OK;
	default:
		return rsa_unpad_oaep(key, op->param, em, start);
	}
}

static enum hufu_err decrypt(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t em[RSA_MAX_LEN];
	size_t start = 0;
	struct rsa_key *key;
	enum hufu_err err = rsa_load(host, op, &key);

	if (err != HUFU_OK)
		return err;
	if (op->in_len != key->len)
		return HUFU_ERR_CIPHERTEXT_LEN;
	if (!rsa_in_range(key, op->in))
		return HUFU_ERR_CIPHERTEXT;
	err = rsa_private(key, op->in, em);
	if (err == HUFU_OK)
		err = unpad(key, op, em, &start);
	if (err == HUFU_OK)
		err = soft_room(op, key->len - start);
	if (err == HUFU_OK)
		memcpy(op->out, em + start, op->out_len);
	secret_wipe(em, sizeof(em));
	return err;
}

#define USE(mechanism, verb, type, run) {mechanism, HUFU_VERB_##verb, HUFU_KEY_RSA_##type, false, run, RSA_MIN_NBITS, RSA_MAX_NBITS}
#define SIGNS(mechanism) USE(mechanism, SIGN, PRIVATE, sign), USE(mechanism, VERIFY, PUBLIC, verify)
#define ENCRYPTS(mechanism) USE(mechanism, ENCRYPT, PUBLIC, encrypt), USE(mechanism, DECRYPT, PRIVATE, decrypt)

const struct soft_row soft_rsa_rows[] = {
	{CKM_RSA_PKCS_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, rsa_generate, RSA_GEN_MIN_NBITS, RSA_GEN_MAX_NBITS},
	SIGNS(CKM_RSA_PKCS), ENCRYPTS(CKM_RSA_PKCS),
	SIGNS(CKM_RSA_X_509), ENCRYPTS(CKM_RSA_X_509),
	SIGNS(CKM_RSA_PKCS_PSS),
	ENCRYPTS(CKM_RSA_PKCS_OAEP),
	{0, 0, 0, false, NULL, 0, 0},
};
