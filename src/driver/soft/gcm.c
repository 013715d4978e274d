/* SPDX-License-Identifier: Apache-2.0 */
/* SM4-GCM, GB/T 36624. Encryption in parts travels as a state blob; decryption comes whole. */
#include "driver/soft/gcm.h"

#include "driver/soft/state.h"
#include "sm/sm4.h"

#define IV_MAX (1u << 16)

/* GB/T 36624 clause 11.2, SP 800-38D 5.2.1.2. */
bool gcm_tag_len_allowed(size_t len)
{
	return len == 4 || len == 8 || (len >= 12 && len <= 16);
}

enum hufu_err gcm_check_param(const struct hufu_param_gcm *param)
{
	if (!param || !param->iv || param->iv_len < 1 || param->iv_len > IV_MAX || (param->aad_len && !param->aad))
		return HUFU_ERR_PARAM;
	return gcm_tag_len_allowed(param->tag_len) ? HUFU_OK : HUFU_ERR_PARAM;
}

static enum hufu_err load(const struct hufu_host *host, struct hufu_op *op, const struct sm4_key **key)
{
	const void *loaded;
	enum hufu_err err = soft_load(host, op->key, &loaded);

	if (err == HUFU_OK)
		*key = loaded;
	return err;
}

static enum hufu_err encrypt_whole(const struct sm4_key *key, struct hufu_op *op)
{
	const struct hufu_param_gcm *param = op->param;

	if (op->in_len > GCM_TEXT_MAX)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, op->in_len + param->tag_len);
	if (err != HUFU_OK)
		return err;
	bool sealed = sm4_gcm_seal(key, param->iv, param->iv_len, param->aad, param->aad_len, op->in, op->in_len, op->out,
	                           op->out + op->in_len, param->tag_len);
	return sealed ? HUFU_OK : HUFU_ERR_DATA_LEN;
}

static enum hufu_err decrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_gcm *param = op->param;
	const struct sm4_key *key;
	enum hufu_err err = gcm_check_param(param);

	if (err == HUFU_OK && (!op->in || op->in_len < param->tag_len))
		err = HUFU_ERR_CIPHERTEXT_LEN;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len - param->tag_len);
	if (err == HUFU_OK)
		err = load(host, op, &key);
	if (err != HUFU_OK)
		return err;
	size_t len = op->in_len - param->tag_len;
	bool opened = sm4_gcm_open(key, param->iv, param->iv_len, param->aad, param->aad_len, op->in, len, op->out, op->in + len,
	                           param->tag_len);
	return opened ? HUFU_OK : HUFU_ERR_CIPHERTEXT;
}

/* -- in parts -------------------------------------------------------------- */

/* Counter block number n after the pre-counter block: clause 6.2 counts in its low 32 bits. */
static void counter_block(const uint8_t j0[16], uint32_t n, uint8_t out[16])
{
	uint32_t low = ((uint32_t)j0[12] << 24 | (uint32_t)j0[13] << 16 | (uint32_t)j0[14] << 8 | j0[15]) + n;

	memcpy(out, j0, 12);
	for (int i = 0; i < 4; i++)
		out[12 + i] = (uint8_t)(low >> (24 - 8 * i));
}

/*
 * Only what cannot be computed again is kept: the hash key, the counter and the
 * rest of the last block's keystream follow from key, j0 and the lengths, so no
 * state can contradict itself.
 */
static void save(struct hufu_op *op, const struct sm4_gcm *g, size_t tag_len)
{
	state_begin(op);
	put_bytes(op, g->j0, sizeof(g->j0));
	put_bytes(op, g->hash, sizeof(g->hash));
	put_u64(op, g->aad_len);
	put_u64(op, g->text_len);
	put_u8(op, (uint8_t)tag_len);
}

static enum hufu_err restore(const struct hufu_op *op, const struct sm4_key *key, struct sm4_gcm *g, size_t *tag_len)
{
	struct reader r = state_read(op);

	memset(g, 0, sizeof(*g));
	read_copy(&r, g->j0, sizeof(g->j0));
	read_copy(&r, g->hash, sizeof(g->hash));
	g->aad_len = read_u64(&r);
	g->text_len = read_u64(&r);
	*tag_len = read_u8(&r);
	if (!reader_done(&r) || !gcm_tag_len_allowed(*tag_len) || g->text_len > GCM_TEXT_MAX || g->aad_len > UINT64_MAX / 8)
		return HUFU_ERR_DATA;
	sm4_ecb_encrypt(key, g->h, g->h, 1);
	uint32_t blocks = (uint32_t)(g->text_len / SM4_BLOCK_LEN);
	if (g->text_len % SM4_BLOCK_LEN) {
		counter_block(g->j0, ++blocks, g->keystream);
		sm4_ecb_encrypt(key, g->keystream, g->keystream, 1);
	}
	counter_block(g->j0, blocks + 1, g->counter);
	return HUFU_OK;
}

static enum hufu_err encrypt_part(const struct sm4_key *key, struct hufu_op *op, struct sm4_gcm *g)
{
	const struct hufu_param_gcm *param = op->param;
	size_t tag_len;

	if (op->phase == HUFU_PHASE_FIRST) {
		sm4_gcm_init(g, key, param->iv, param->iv_len);
		sm4_gcm_aad(g, param->aad, param->aad_len);
		tag_len = param->tag_len;
	} else {
		enum hufu_err err = restore(op, key, g, &tag_len);
		if (err != HUFU_OK)
			return err;
	}
	if (op->in_len > GCM_TEXT_MAX - g->text_len)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_room(op, op->in_len + (op->phase == HUFU_PHASE_LAST ? tag_len : 0));
	if (err != HUFU_OK)
		return err;
	if (!sm4_gcm_encrypt(g, key, op->in, op->out, op->in_len))
		return HUFU_ERR_DATA_LEN;
	if (op->phase == HUFU_PHASE_LAST)
		sm4_gcm_final(g, key, op->out + op->in_len, tag_len);
	else
		save(op, g, tag_len);
	return HUFU_OK;
}

static enum hufu_err encrypt(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	struct sm4_gcm g = {0};
	enum hufu_err err = soft_starts(op) ? gcm_check_param(op->param) : HUFU_OK;

	if (err == HUFU_OK && op->in_len && !op->in)
		err = HUFU_ERR_DATA_LEN;
	if (err == HUFU_OK)
		err = load(host, op, &key);
	if (err != HUFU_OK)
		return err;
	if (op->phase == HUFU_PHASE_WHOLE)
		return encrypt_whole(key, op);
	err = encrypt_part(key, op, &g);
	secret_wipe(&g, sizeof(g));
	return err;
}

const struct soft_row soft_gcm_rows[] = {
	{CKM_HUFU_SM4_GCM, HUFU_VERB_ENCRYPT, HUFU_KEY_SM4, true, encrypt, 128, 128},
	{CKM_HUFU_SM4_GCM, HUFU_VERB_DECRYPT, HUFU_KEY_SM4, false, decrypt, 128, 128},
	{0, 0, 0, false, NULL, 0, 0},
};
