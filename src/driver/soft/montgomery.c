/* SPDX-License-Identifier: Apache-2.0 */
/* X25519 and X448 (RFC 7748). Their DERIVE is ECDH's: the rows are in ec.c. */
#include "driver/soft/curve.h"

#include "crypto/context.h"

/* RFC 7748 6.1, 6.2: a peer of small order gives all zeros, whatever our key; libcrypto gives nothing then. */
static enum hufu_err agree_with(struct raw_key *k, EVP_PKEY *peer, uint8_t *out)
{
	size_t len = k->curve->len;
	EVP_PKEY_CTX *ctx;
	enum hufu_err err = soft_evp_take(&k->evp, EVP_PKEY_derive_init, &ctx);

	if (err != HUFU_OK)
		return err;
	if (EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, &len) == 1) {
		soft_evp_put(&k->evp, ctx);
		return HUFU_OK;
	}
	EVP_PKEY_CTX_free(ctx);
	return HUFU_ERR_PARAM;
}

static enum hufu_err agree_with_bytes(struct raw_key *k, const struct hufu_param_agree *param, uint8_t *out)
{
	EVP_PKEY *peer =
		EVP_PKEY_new_raw_public_key_ex(libcrypto_context(), k->curve->name, NULL, param->peer, param->peer_len);
	enum hufu_err err = peer ? agree_with(k, peer, out) : HUFU_ERR_NO_MEMORY;

	EVP_PKEY_free(peer);
	return err;
}

enum hufu_err montgomery_agree(const struct hufu_host *host, struct hufu_op *op)
{
	const struct hufu_param_agree *param = op->param;
	const void *loaded;
	enum hufu_err err = soft_load(host, op->key, &loaded);

	if (err != HUFU_OK)
		return err;
	struct raw_key *k = (struct raw_key *)(uintptr_t)loaded;
	if (!param || !param->peer || param->peer_len != k->curve->len)
		return HUFU_ERR_PARAM;
	err = soft_room(op, k->curve->len);
	if (err != HUFU_OK)
		return err;
	soft_evp_begin();
	return soft_evp_end(agree_with_bytes(k, param, op->out));
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op)
{
	return raw_key_generate(host, op, HUFU_KEY_MONTGOMERY_PRIVATE, NULL);
}

#define KIND(type) \
	{type, CURVE_FORM_MIN, CURVE_FORM_MAX, sizeof(struct raw_key), raw_key_expand, raw_key_forget, raw_key_import, true}

const struct soft_kind soft_montgomery_kinds[] = {
	KIND(HUFU_KEY_MONTGOMERY_PRIVATE),
	KIND(HUFU_KEY_MONTGOMERY_PUBLIC),
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};

const struct soft_row soft_montgomery_rows[] = {
	{CKM_EC_MONTGOMERY_KEY_PAIR_GEN, HUFU_VERB_GENERATE, 0, false, generate, 255, 448},
	{0, 0, 0, false, NULL, 0, 0},
};
