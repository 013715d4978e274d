/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4's modes without a tag, GB/T 17964. Each op is whole: the core keeps the
 * chain (IV, counter, residue) of a multi-part operation, which is what lets
 * another device continue it.
 */
#include "driver/soft/soft.h"

#include "sm/sm4.h"

/* Length, room and key: what every mode asks first. */
static enum hufu_err begin(const struct hufu_host *host, struct hufu_op *op, size_t multiple_of, const struct sm4_key **key)
{
	const void *loaded;

	if (op->in_len % multiple_of || (op->in_len && !op->in))
		return op->verb == HUFU_VERB_ENCRYPT ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = soft_room(op, op->in_len);
	if (err == HUFU_OK)
		err = soft_load(host, op->key, &loaded);
	if (err == HUFU_OK)
		*key = loaded;
	return err;
}

/* The same with an IV: a copy, since the kernels move it on. */
static enum hufu_err begin_chain(const struct hufu_host *host, struct hufu_op *op, size_t multiple_of, const struct sm4_key **key,
                                 struct hufu_param_iv *param)
{
	if (!op->param)
		return HUFU_ERR_PARAM;
	memcpy(param, op->param, sizeof(*param));
	return begin(host, op, multiple_of, key);
}

static enum hufu_err ecb(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	enum hufu_err err = begin(host, op, SM4_BLOCK_LEN, &key);

	if (err != HUFU_OK)
		return err;
	(op->verb == HUFU_VERB_ENCRYPT ? sm4_ecb_encrypt : sm4_ecb_decrypt)(key, op->in, op->out, op->in_len / SM4_BLOCK_LEN);
	return HUFU_OK;
}

static enum hufu_err cbc(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	struct hufu_param_iv param;
	enum hufu_err err = begin_chain(host, op, SM4_BLOCK_LEN, &key, &param);

	if (err != HUFU_OK)
		return err;
	(op->verb == HUFU_VERB_ENCRYPT ? sm4_cbc_encrypt : sm4_cbc_decrypt)(key, param.iv, op->in, op->out,
	                                                                    op->in_len / SM4_BLOCK_LEN);
	return HUFU_OK;
}

static enum hufu_err ctr(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	struct hufu_param_iv param;
	enum hufu_err err = begin_chain(host, op, 1, &key, &param);

	if (err != HUFU_OK)
		return err;
	if (param.counter_bits < 1 || param.counter_bits > 128)
		return HUFU_ERR_PARAM;
	sm4_ctr(key, param.iv, param.counter_bits, op->in, op->out, op->in_len);
	return HUFU_OK;
}

static enum hufu_err cfb128(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	struct hufu_param_iv param;
	enum hufu_err err = begin_chain(host, op, 1, &key, &param);

	if (err != HUFU_OK)
		return err;
	(op->verb == HUFU_VERB_ENCRYPT ? sm4_cfb128_encrypt : sm4_cfb128_decrypt)(key, param.iv, op->in, op->out, op->in_len);
	return HUFU_OK;
}

static enum hufu_err ofb(const struct hufu_host *host, struct hufu_op *op)
{
	const struct sm4_key *key;
	struct hufu_param_iv param;
	enum hufu_err err = begin_chain(host, op, 1, &key, &param);

	if (err == HUFU_OK)
		sm4_ofb(key, param.iv, op->in, op->out, op->in_len);
	return err;
}

#define BOTH_WAYS(mechanism, run) \
	{mechanism, HUFU_VERB_ENCRYPT, HUFU_KEY_SM4, false, run, 128, 128}, \
	{mechanism, HUFU_VERB_DECRYPT, HUFU_KEY_SM4, false, run, 128, 128}

const struct soft_row soft_sm4_rows[] = {
	BOTH_WAYS(CKM_HUFU_SM4_ECB, ecb),
	BOTH_WAYS(CKM_HUFU_SM4_CBC, cbc),
	BOTH_WAYS(CKM_HUFU_SM4_CTR, ctr),
	BOTH_WAYS(CKM_HUFU_SM4_CFB128, cfb128),
	BOTH_WAYS(CKM_HUFU_SM4_OFB, ofb),
	{0, 0, 0, false, NULL, 0, 0},
};
