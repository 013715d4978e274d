/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CCM with AES and SM4, SP 800-38C, GB/T 36624: whole, since the first block
 * that is hashed tells the length of the text.
 */
#include "driver/soft/cipher.h"
#include "sm/sm4.h"

#include <limits.h>

/* SP 800-38C A.1: the length of the text takes the q bytes that the nonce leaves of a block. libcrypto counts in int. */
static bool text_fits(size_t len, size_t nonce_len)
{
	size_t q = 15 - nonce_len;

	return len <= INT_MAX && (q >= sizeof(len) || len >> 8 * q == 0);
}

static enum hufu_err check_param(const struct hufu_param_ccm *param)
{
	if (!param || !param->nonce || param->nonce_len < 7 || param->nonce_len > 13)
		return HUFU_ERR_PARAM;
	if (param->tag_len < 4 || param->tag_len > 16 || param->tag_len % 2)
		return HUFU_ERR_PARAM;
	return param->aad_len <= INT_MAX && (!param->aad_len || param->aad) ? HUFU_OK : HUFU_ERR_PARAM;
}

/* -- AES, of libcrypto ------------------------------------------------------ */

/* The lengths go into libcrypto's key schedule: the key is set again. tag NULL: to encrypt. */
static bool start(const struct cipher *cipher, const struct hufu_key *key, const struct hufu_param_ccm *param,
                  const uint8_t *tag, size_t text_len)
{
	EVP_CIPHER_CTX *ctx = cipher->ctx;
	int n;

	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)param->nonce_len, NULL) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)param->tag_len, (void *)(uintptr_t)tag) == 1 &&
	       EVP_CipherInit_ex2(ctx, NULL, key->blob, param->nonce, -1, NULL) &&
	       EVP_CipherUpdate(ctx, NULL, &n, NULL, (int)text_len) &&
	       (!param->aad_len || EVP_CipherUpdate(ctx, NULL, &n, param->aad, (int)param->aad_len));
}

static enum hufu_err seal(const struct cipher *cipher, const struct hufu_param_ccm *param, const struct hufu_op *op)
{
	static const uint8_t empty[1];
	int n;

	/* libcrypto makes the tag with the text, be it empty; a text that is NULL would be no text yet. */
	if (!start(cipher, op->key, param, NULL, op->in_len) ||
	    !EVP_CipherUpdate(cipher->ctx, op->out, &n, op->in_len ? op->in : empty, (int)op->in_len) ||
	    EVP_CIPHER_CTX_ctrl(cipher->ctx, EVP_CTRL_AEAD_GET_TAG, (int)param->tag_len, op->out + op->in_len) != 1)
		return HUFU_ERR_BUG;
	return HUFU_OK;
}

/* The tag is compared before anything else, but what was decrypted has been written by then. */
static enum hufu_err unseal(const struct cipher *cipher, const struct hufu_param_ccm *param, const struct hufu_op *op)
{
	size_t len = op->out_len;
	uint8_t none[1];
	int n;

	if (!start(cipher, op->key, param, op->in + len, len))
		return HUFU_ERR_BUG;
	if (EVP_CipherUpdate(cipher->ctx, len ? op->out : none, &n, op->in, (int)len))
		return HUFU_OK;
	secret_wipe(op->out, len);
	return HUFU_ERR_CIPHERTEXT;
}

static enum hufu_err run_aes(const struct hufu_host *host, struct hufu_op *op)
{
	bool encrypts = op->verb == HUFU_VERB_ENCRYPT;
	struct cipher cipher;
	enum hufu_err err = cipher_take(host, op, encrypts ? CIPHER_CCM_ENCRYPT : CIPHER_CCM_DECRYPT, &cipher);

	if (err != HUFU_OK)
		return err;
	err = (encrypts ? seal : unseal)(&cipher, op->param, op);
	cipher_give_back(&cipher, err);
	return err;
}

/* -- SM4 -------------------------------------------------------------------- */

/* out_len is what soft_room made it. */
static enum hufu_err run_sm4(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_ccm *p = op->param;
	const void *key;
	enum hufu_err err = soft_load(host, op->key, &key);

	if (err != HUFU_OK)
		return err;
	if (op->verb == HUFU_VERB_ENCRYPT)
		return sm4_ccm_seal(key, p->nonce, p->nonce_len, p->aad, p->aad_len, op->in, op->in_len, op->out,
		                    op->out + op->in_len, p->tag_len) ? HUFU_OK : HUFU_ERR_DATA_LEN;
	return sm4_ccm_open(key, p->nonce, p->nonce_len, p->aad, p->aad_len, op->in, op->out_len, op->out,
	                    op->in + op->out_len, p->tag_len) ? HUFU_OK : HUFU_ERR_CIPHERTEXT;
}

/* -- either ----------------------------------------------------------------- */

static enum hufu_err run(const struct hufu_host *host, struct hufu_op *op)
{
	return op->key->type == HUFU_KEY_SM4 ? run_sm4(host, op) : run_aes(host, op);
}

static enum hufu_err encrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_ccm *param = op->param;
	enum hufu_err err = check_param(param);

	if (err == HUFU_OK && ((op->in_len && !op->in) || !text_fits(op->in_len, param->nonce_len)))
		err = HUFU_ERR_DATA_LEN;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len + param->tag_len);
	return err == HUFU_OK ? run(host, op) : err;
}

static enum hufu_err decrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_ccm *param = op->param;
	enum hufu_err err = check_param(param);

	if (err == HUFU_OK &&
	    (!op->in || op->in_len < param->tag_len || !text_fits(op->in_len - param->tag_len, param->nonce_len)))
		err = HUFU_ERR_CIPHERTEXT_LEN;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len - param->tag_len);
	return err == HUFU_OK ? run(host, op) : err;
}

const struct soft_row soft_ccm_rows[] = {
	{CKM_AES_CCM, HUFU_VERB_ENCRYPT, HUFU_KEY_AES, false, encrypt, 128, 256},
	{CKM_AES_CCM, HUFU_VERB_DECRYPT, HUFU_KEY_AES, false, decrypt, 128, 256},
	{CKM_HUFU_SM4_CCM, HUFU_VERB_ENCRYPT, HUFU_KEY_SM4, false, encrypt, 128, 128},
	{CKM_HUFU_SM4_CCM, HUFU_VERB_DECRYPT, HUFU_KEY_SM4, false, decrypt, 128, 128},
	{0, 0, 0, false, NULL, 0, 0},
};
