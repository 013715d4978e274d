/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES (FIPS 197): keys, the modes without a tag (SP 800-38A), key wrapping
 * (SP 800-38F; RFC 3394, RFC 5649). Each op is whole: of a multi-part operation
 * the core keeps the chain.
 */
#include "driver/soft/cipher.h"

#include <limits.h>

#define BLOCK_LEN 16
#define HALF_LEN 8 /* the semiblock of key wrapping */

/* -- keys ------------------------------------------------------------------ */

static enum hufu_err check_key_len(size_t len)
{
	return len == 16 || len == 24 || len == 32 ? HUFU_OK : HUFU_ERR_KEY_SIZE;
}

static enum hufu_err expand(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	enum hufu_err err = check_key_len(key->blob_len);

	return err == HUFU_OK ? cipher_expand(kind, key, loaded) : err;
}

static enum hufu_err import(const struct hufu_host *host, struct hufu_op *op)
{
	enum hufu_err err = check_key_len(op->in_len);

	(void)host;
	if (err == HUFU_OK)
		memcpy(op->out, op->in, op->in_len);
	return err;
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op)
{
	if (op->new_type != HUFU_KEY_AES)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = check_key_len(op->new_len);
	if (err == HUFU_OK)
		err = soft_room(op, op->new_len);
	return err == HUFU_OK ? host->random(op->out, op->new_len) : err;
}

const struct soft_kind soft_aes_kinds[] = {
	{HUFU_KEY_AES, 16, 32, sizeof(struct cipher_key), expand, cipher_forget, import, true},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

/* -- modes without a tag ----------------------------------------------------- */

static enum hufu_err ecb(const struct hufu_host *host, struct hufu_op *op)
{
	return cipher_run(host, op, op->verb == HUFU_VERB_ENCRYPT ? CIPHER_ECB_ENCRYPT : CIPHER_ECB_DECRYPT, NULL, BLOCK_LEN);
}

static enum hufu_err cbc(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;

	if (!param)
		return HUFU_ERR_PARAM;
	return cipher_run(host, op, op->verb == HUFU_VERB_ENCRYPT ? CIPHER_CBC_ENCRYPT : CIPHER_CBC_DECRYPT, param->iv, BLOCK_LEN);
}

/* libcrypto counts in all 128 bits: no difference, since the counter may not wrap. */
static enum hufu_err ctr(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;

	if (!param || param->counter_bits < 1 || param->counter_bits > 128)
		return HUFU_ERR_PARAM;
	return cipher_run(host, op, CIPHER_CTR, param->iv, 1);
}

/* -- key wrapping ------------------------------------------------------------ */

static size_t round_up(size_t len)
{
	return (len + HALF_LEN - 1) / HALF_LEN * HALF_LEN;
}

static enum hufu_err wrap(const struct hufu_host *host, struct hufu_op *op, enum cipher_use use)
{
	struct cipher cipher;
	int n;

	enum hufu_err err = soft_room(op, round_up(op->in_len) + HALF_LEN);
	if (err == HUFU_OK)
		err = cipher_take(host, op, use, &cipher);
	if (err != HUFU_OK)
		return err;
	if (EVP_CipherUpdate(cipher.ctx, op->out, &n, op->in, (int)op->in_len) != 1 || (size_t)n != op->out_len)
		err = HUFU_ERR_BUG;
	cipher_give_back(&cipher, err);
	return err;
}

/* out has room for all but the semiblock of the check value; what fails the check is wiped. */
static enum hufu_err unwrap_into(const struct hufu_host *host, struct hufu_op *op, enum cipher_use use, uint8_t *out)
{
	struct cipher cipher;
	int n;

	enum hufu_err err = cipher_take(host, op, use, &cipher);
	if (err != HUFU_OK)
		return err;
	if (EVP_CipherUpdate(cipher.ctx, out, &n, op->in, (int)op->in_len) == 1) {
		op->out_len = (size_t)n;
	} else {
		secret_wipe(out, op->in_len - HALF_LEN);
		err = HUFU_ERR_CIPHERTEXT;
	}
	cipher_give_back(&cipher, err);
	return err;
}

/* How much padding there was shows only behind the check: libcrypto needs room for it too. */
static enum hufu_err unwrap(const struct hufu_host *host, struct hufu_op *op, enum cipher_use use)
{
	size_t most = op->in_len - HALF_LEN;

	if (op->out_cap >= most)
		return unwrap_into(host, op, use, op->out);
	uint8_t *scratch = host->secret_alloc(most);
	enum hufu_err err = scratch ? unwrap_into(host, op, use, scratch) : HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = soft_room(op, op->out_len);
	if (err == HUFU_OK)
		memcpy(op->out, scratch, op->out_len);
	host->secret_free(scratch);
	return err;
}

/* in holds least bytes or more, and libcrypto counts in int. No parameter: the initial value is the standard's. */
static enum hufu_err check_wrap(const struct hufu_op *op, size_t least, enum hufu_err wrong_len)
{
	if (op->param)
		return HUFU_ERR_PARAM;
	return op->in && op->in_len >= least && op->in_len <= INT_MAX - 2 * HALF_LEN ? HUFU_OK : wrong_len;
}

/* SP 800-38F 5.3.1 table 1: KW takes two semiblocks at least. */
static enum hufu_err kw(const struct hufu_host *host, struct hufu_op *op)
{
	bool wraps = op->verb == HUFU_VERB_ENCRYPT;
	enum hufu_err wrong_len = wraps ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = check_wrap(op, (wraps ? 2 : 3) * HALF_LEN, wrong_len);

	if (err == HUFU_OK && op->in_len % HALF_LEN)
		err = wrong_len;
	if (err != HUFU_OK)
		return err;
	return wraps ? wrap(host, op, CIPHER_KW_ENCRYPT) : unwrap(host, op, CIPHER_KW_DECRYPT);
}

static enum hufu_err kwp_wrap(const struct hufu_host *host, struct hufu_op *op)
{
	enum hufu_err err = check_wrap(op, 1, HUFU_ERR_DATA_LEN);

	return err == HUFU_OK ? wrap(host, op, CIPHER_KWP_ENCRYPT) : err;
}

static enum hufu_err kwp_unwrap(const struct hufu_host *host, struct hufu_op *op)
{
	enum hufu_err err = check_wrap(op, 2 * HALF_LEN, HUFU_ERR_CIPHERTEXT_LEN);

	if (err == HUFU_OK && op->in_len % HALF_LEN)
		err = HUFU_ERR_CIPHERTEXT_LEN;
	return err == HUFU_OK ? unwrap(host, op, CIPHER_KWP_DECRYPT) : err;
}

#define BOTH_WAYS(mechanism, encrypt, decrypt) \
	{mechanism, HUFU_VERB_ENCRYPT, HUFU_KEY_AES, false, encrypt, 128, 256}, \
	{mechanism, HUFU_VERB_DECRYPT, HUFU_KEY_AES, false, decrypt, 128, 256}

const struct soft_row soft_aes_rows[] = {
	{CKM_AES_KEY_GEN, HUFU_VERB_GENERATE, 0, false, generate, 128, 256},
	BOTH_WAYS(CKM_AES_ECB, ecb, ecb),
	BOTH_WAYS(CKM_AES_CBC, cbc, cbc),
	BOTH_WAYS(CKM_AES_CTR, ctr, ctr),
	BOTH_WAYS(CKM_AES_KEY_WRAP, kw, kw),
	BOTH_WAYS(CKM_AES_KEY_WRAP_KWP, kwp_wrap, kwp_unwrap),
	{0, 0, 0, false, NULL, 0, 0},
};
