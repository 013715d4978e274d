/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SM3, GB/T 15852.2, whole and in parts. */
#include "driver/soft/state.h"

#include "sm/sm3.h"

struct mac {
	struct sm3_hmac hmac;
	size_t len;
};

static enum hufu_err start(const struct hufu_op *op, const struct sm3_hmac_key *key, struct mac *mac)
{
	const struct hufu_param_mac *param = op->param;

	mac->len = param ? param->mac_len : SM3_DIGEST_LEN;
	if (mac->len < 1 || mac->len > SM3_DIGEST_LEN)
		return HUFU_ERR_PARAM;
	sm3_hmac_init(&mac->hmac, key);
	return HUFU_OK;
}

static void save(struct hufu_op *op, const struct mac *mac)
{
	uint8_t inner[SM3_STATE_LEN];

	sm3_export(&mac->hmac.inner, inner);
	state_begin(op);
	put_u8(op, (uint8_t)mac->len);
	put_bytes(op, inner, sizeof(inner));
	secret_wipe(inner, sizeof(inner));
}

/* The outer half comes from the key. The inner has always absorbed the padded key, a block. */
static enum hufu_err restore(const struct hufu_op *op, const struct sm3_hmac_key *key, struct mac *mac)
{
	struct reader r = state_read(op);

	mac->len = read_u8(&r);
	const uint8_t *inner = read_bytes(&r, SM3_STATE_LEN);
	if (!reader_done(&r) || mac->len < 1 || mac->len > SM3_DIGEST_LEN)
		return HUFU_ERR_DATA;
	sm3_hmac_init(&mac->hmac, key);
	sm3_import(&mac->hmac.inner, inner);
	return mac->hmac.inner.nbytes >= SM3_BLOCK_LEN && mac->hmac.inner.nbytes <= UINT64_MAX / 8 ? HUFU_OK : HUFU_ERR_DATA;
}

static enum hufu_err finish(struct hufu_op *op, struct mac *mac)
{
	uint8_t digest[SM3_DIGEST_LEN];

	sm3_hmac_final(&mac->hmac, digest);
	enum hufu_err err = soft_give_mac(op, digest, mac->len);
	secret_wipe(digest, sizeof(digest));
	return err;
}

static enum hufu_err hmac(const struct hufu_host *host, struct hufu_op *op)
{
	const void *key;
	struct mac mac = {0};

	if (op->in_len && !op->in)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_load(host, op->key, &key);
	if (err == HUFU_OK)
		err = soft_starts(op) ? start(op, key, &mac) : restore(op, key, &mac);
	if (err == HUFU_OK)
		sm3_hmac_update(&mac.hmac, op->in, op->in_len);
	if (err == HUFU_OK && soft_ends(op))
		err = finish(op, &mac);
	else if (err == HUFU_OK)
		save(op, &mac);
	secret_wipe(&mac, sizeof(mac));
	return err;
}

const struct soft_row soft_hmac_rows[] = {
	{CKM_HUFU_SM3_HMAC, HUFU_VERB_SIGN, HUFU_KEY_SECRET, true, hmac, 8, 8 * SOFT_SECRET_MAX},
	{CKM_HUFU_SM3_HMAC, HUFU_VERB_VERIFY, HUFU_KEY_SECRET, true, hmac, 8, 8 * SOFT_SECRET_MAX},
	{0, 0, 0, false, NULL, 0, 0},
};
