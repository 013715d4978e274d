/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM, SP 800-38D. What comes whole is libcrypto's; what comes in parts, or
 * with an IV longer than libcrypto takes, is put together from its CTR mode and
 * our GHASH, since libcrypto's GCM has no state that could be saved.
 */
#include "driver/soft/cipher.h"
#include "driver/soft/gcm.h"
#include "driver/soft/state.h"
#include "sm/bytes.h"
#include "sm/ghash.h"

#define BLOCK_LEN 16
#define LIBCRYPTO_IV_MAX 128

static const uint8_t zeros[BLOCK_LEN];

/* -- whole, by libcrypto ----------------------------------------------------- */

static bool start(const struct cipher *cipher, const struct hufu_param_gcm *param)
{
	int iv_len = (int)param->iv_len;

	if (EVP_CIPHER_CTX_get_iv_length(cipher->ctx) != iv_len &&
	    EVP_CIPHER_CTX_ctrl(cipher->ctx, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL) != 1)
		return false;
	return cipher_set_iv(cipher, param->iv) && cipher_update(cipher, param->aad, NULL, param->aad_len);
}

static bool seal(const struct cipher *cipher, const struct hufu_param_gcm *param, const struct hufu_op *op)
{
	uint8_t *tag = op->out + op->in_len;
	int n;

	return start(cipher, param) && cipher_update(cipher, op->in, op->out, op->in_len) &&
	       EVP_CipherFinal_ex(cipher->ctx, tag, &n) &&
	       EVP_CIPHER_CTX_ctrl(cipher->ctx, EVP_CTRL_AEAD_GET_TAG, (int)param->tag_len, tag) == 1;
}

static enum hufu_err encrypt_by_libcrypto(const struct hufu_host *host, struct hufu_op *op)
{
	struct cipher cipher;
	enum hufu_err err = cipher_take(host, op, CIPHER_GCM_ENCRYPT, &cipher);

	if (err != HUFU_OK)
		return err;
	if (!seal(&cipher, op->param, op))
		err = HUFU_ERR_BUG;
	cipher_give_back(&cipher, err);
	return err;
}

static enum hufu_err unseal(const struct cipher *cipher, const struct hufu_param_gcm *param, const struct hufu_op *op)
{
	size_t len = op->in_len - param->tag_len;
	uint8_t none[BLOCK_LEN];
	int n;

	if (!start(cipher, param) || !cipher_update(cipher, op->in, op->out, len) ||
	    EVP_CIPHER_CTX_ctrl(cipher->ctx, EVP_CTRL_AEAD_SET_TAG, (int)param->tag_len, (void *)(uintptr_t)(op->in + len)) != 1)
		return HUFU_ERR_BUG;
	return EVP_CipherFinal_ex(cipher->ctx, none, &n) ? HUFU_OK : HUFU_ERR_CIPHERTEXT;
}

/* libcrypto writes what it decrypts before it knows the tag: out is the core's, and wiped where the tag is wrong. */
static enum hufu_err decrypt_by_libcrypto(const struct hufu_host *host, struct hufu_op *op)
{
	struct cipher cipher;
	enum hufu_err err = cipher_take(host, op, CIPHER_GCM_DECRYPT, &cipher);

	if (err != HUFU_OK)
		return err;
	err = unseal(&cipher, op->param, op);
	if (err != HUFU_OK)
		secret_wipe(op->out, op->out_len);
	cipher_give_back(&cipher, err);
	return err;
}

/* -- from CTR and GHASH -------------------------------------------------------- */

struct gcm {
	uint8_t h[BLOCK_LEN];    /* the hash subkey */
	uint8_t j0[BLOCK_LEN];   /* the pre-counter block */
	uint8_t hash[BLOCK_LEN];
	uint64_t aad_len, text_len;
	size_t tag_len;
};

/* The block cipher itself: the first block of the keystream that begins at in. */
static bool encrypt_block(const struct cipher *ctr, const uint8_t in[BLOCK_LEN], uint8_t out[BLOCK_LEN])
{
	return cipher_set_iv(ctr, in) && cipher_update(ctr, zeros, out, BLOCK_LEN);
}

/* SP 800-38D 7.1, steps 1 and 2, and the AAD of step 5. */
static bool begin(struct gcm *g, const struct cipher *ctr, const struct hufu_param_gcm *param)
{
	if (!encrypt_block(ctr, zeros, g->h))
		return false;
	if (param->iv_len == 12) {
		memcpy(g->j0, param->iv, 12);
		g->j0[15] = 1;
	} else {
		ghash_update(g->j0, g->h, 0, param->iv, param->iv_len);
		ghash_pad(g->j0, g->h, param->iv_len);
		ghash_lengths(g->j0, g->h, 0, param->iv_len);
	}
	ghash_update(g->hash, g->h, 0, param->aad, param->aad_len);
	ghash_pad(g->hash, g->h, param->aad_len);
	g->aad_len = param->aad_len;
	g->tag_len = param->tag_len;
	return true;
}

/*
 * The keystream from byte at of the text on: 6.2 counts in the low 32 bits of
 * the block, libcrypto in all 128, so where the 32 wrap it is begun anew.
 */
static bool crypt(const struct gcm *g, const struct cipher *ctr, uint64_t at, const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t counter[BLOCK_LEN], skipped[BLOCK_LEN];
	bool good = true;

	memcpy(counter, g->j0, sizeof(counter));
	while (good && len) {
		uint32_t low = load_be32(g->j0 + 12) + 1 + (uint32_t)(at / BLOCK_LEN);
		uint64_t to_wrap = ((UINT64_C(1) << 32) - low) * BLOCK_LEN - at % BLOCK_LEN;
		size_t n = len < to_wrap ? len : (size_t)to_wrap;

		store_be32(counter + 12, low);
		good = cipher_set_iv(ctr, counter) && cipher_update(ctr, zeros, skipped, at % BLOCK_LEN) &&
		       cipher_update(ctr, in, out, n);
		in += n, out += n, len -= n, at += n;
	}
	secret_wipe(skipped, sizeof(skipped));
	return good;
}

static bool finish(struct gcm *g, const struct cipher *ctr, uint8_t tag[BLOCK_LEN])
{
	ghash_pad(g->hash, g->h, g->text_len);
	ghash_lengths(g->hash, g->h, g->aad_len, g->text_len);
	if (!encrypt_block(ctr, g->j0, tag))
		return false;
	xor_bytes(tag, tag, g->hash, BLOCK_LEN);
	return true;
}

/* The subkey follows from the key, the counter from the length: no state can contradict itself. */
static void save(struct hufu_op *op, const struct gcm *g)
{
	state_begin(op);
	put_bytes(op, g->j0, sizeof(g->j0));
	put_bytes(op, g->hash, sizeof(g->hash));
	put_u64(op, g->aad_len);
	put_u64(op, g->text_len);
	put_u8(op, (uint8_t)g->tag_len);
}

static enum hufu_err restore(struct gcm *g, const struct hufu_op *op, const struct cipher *ctr)
{
	struct reader r = state_read(op);

	read_copy(&r, g->j0, sizeof(g->j0));
	read_copy(&r, g->hash, sizeof(g->hash));
	g->aad_len = read_u64(&r);
	g->text_len = read_u64(&r);
	g->tag_len = read_u8(&r);
	if (!reader_done(&r) || !gcm_tag_len_allowed(g->tag_len) || g->text_len > GCM_TEXT_MAX || g->aad_len > UINT64_MAX / 8)
		return HUFU_ERR_DATA;
	return encrypt_block(ctr, zeros, g->h) ? HUFU_OK : HUFU_ERR_BUG;
}

/* Any phase: the text of this part, and at the end the tag. */
static enum hufu_err encrypt_part(struct gcm *g, const struct cipher *ctr, struct hufu_op *op)
{
	uint8_t tag[BLOCK_LEN];
	enum hufu_err err = soft_starts(op) ? begin(g, ctr, op->param) ? HUFU_OK : HUFU_ERR_BUG : restore(g, op, ctr);

	if (err == HUFU_OK && op->in_len > GCM_TEXT_MAX - g->text_len)
		err = HUFU_ERR_DATA_LEN;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len + (soft_ends(op) ? g->tag_len : 0));
	if (err != HUFU_OK)
		return err;
	if (!crypt(g, ctr, g->text_len, op->in, op->out, op->in_len))
		return HUFU_ERR_BUG;
	ghash_update(g->hash, g->h, g->text_len, op->out, op->in_len);
	g->text_len += op->in_len;
	if (!soft_ends(op)) {
		save(op, g);
		return HUFU_OK;
	}
	if (!finish(g, ctr, tag))
		return HUFU_ERR_BUG;
	memcpy(op->out + op->in_len, tag, g->tag_len);
	return HUFU_OK;
}

/* The tag first: nothing unproven reaches out. */
static enum hufu_err decrypt_whole(struct gcm *g, const struct cipher *ctr, struct hufu_op *op)
{
	uint8_t tag[BLOCK_LEN];

	if (!begin(g, ctr, op->param))
		return HUFU_ERR_BUG;
	g->text_len = op->out_len;
	ghash_update(g->hash, g->h, 0, op->in, op->out_len);
	if (!finish(g, ctr, tag))
		return HUFU_ERR_BUG;
	bool same = secret_equal(tag, op->in + op->out_len, g->tag_len);
	secret_wipe(tag, sizeof(tag));
	if (!same)
		return HUFU_ERR_CIPHERTEXT;
	return crypt(g, ctr, 0, op->in, op->out, op->out_len) ? HUFU_OK : HUFU_ERR_BUG;
}

static enum hufu_err run_composed(const struct hufu_host *host, struct hufu_op *op)
{
	struct gcm g = {0};
	struct cipher ctr;
	enum hufu_err err = cipher_take(host, op, CIPHER_CTR, &ctr);

	if (err != HUFU_OK)
		return err;
	err = op->verb == HUFU_VERB_ENCRYPT ? encrypt_part(&g, &ctr, op) : decrypt_whole(&g, &ctr, op);
	secret_wipe(&g, sizeof(g));
	cipher_give_back(&ctr, err);
	return err;
}

/* -- ops --------------------------------------------------------------------- */

static bool libcrypto_can(const struct hufu_op *op)
{
	const struct hufu_param_gcm *param = op->param;

	return op->phase == HUFU_PHASE_WHOLE && param->iv_len <= LIBCRYPTO_IV_MAX;
}

static enum hufu_err encrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_gcm *param = op->param;
	enum hufu_err err = soft_starts(op) ? gcm_check_param(param) : HUFU_OK;

	if (err == HUFU_OK && ((op->in_len && !op->in) || op->in_len > GCM_TEXT_MAX))
		err = HUFU_ERR_DATA_LEN;
	if (err != HUFU_OK)
		return err;
	if (!libcrypto_can(op))
		return run_composed(host, op);
	err = soft_room(op, op->in_len + param->tag_len);
	return err == HUFU_OK ? encrypt_by_libcrypto(host, op) : err;
}

static enum hufu_err decrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_gcm *param = op->param;
	enum hufu_err err = gcm_check_param(param);

	if (err == HUFU_OK && (!op->in || op->in_len < param->tag_len || op->in_len - param->tag_len > GCM_TEXT_MAX))
		err = HUFU_ERR_CIPHERTEXT_LEN;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len - param->tag_len);
	if (err != HUFU_OK)
		return err;
	return libcrypto_can(op) ? decrypt_by_libcrypto(host, op) : run_composed(host, op);
}

const struct soft_row soft_aes_gcm_rows[] = {
	{CKM_AES_GCM, HUFU_VERB_ENCRYPT, HUFU_KEY_AES, true, encrypt, 128, 256},
	{CKM_AES_GCM, HUFU_VERB_DECRYPT, HUFU_KEY_AES, false, decrypt, 128, 256},
	{0, 0, 0, false, NULL, 0, 0},
};
