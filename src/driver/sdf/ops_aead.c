/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GCM and CCM (GB/T 36624): the device's own; GCM by opt-in composed of its ECB,
 * with the hash key H in this host's memory while the op runs.
 */
#include "driver/sdf/sdf.h"

#include "driver/soft/gcm.h"
#include "sm/bytes.h"
#include "sm/ghash.h"

#define GCM_IV_LEN 12 /* an IV that is not hashed */
#define COUNTER_BITS 32
#define OWN_IV_MAX 64 /* what library.h takes */

static bool has_own(const struct hufu_device *device, enum sdf_alg alg)
{
	return device_can(device, SDF_CAN_AUTH) && device_has(device, alg) &&
	       (device_can(device, SDF_CAN_IMPORT_KEK) || device_can(device, SDF_CAN_IMPORT_ISK));
}

static bool composes_gcm(const struct hufu_device *device)
{
	return device->settings.gcm && offers_ecb(device);
}

static bool offers_gcm(const struct hufu_device *device)
{
	return has_own(device, SDF_ALG_SM4_GCM) || composes_gcm(device);
}

static bool offers_ccm(const struct hufu_device *device)
{
	return has_own(device, SDF_ALG_SM4_CCM);
}

/* What is checked at its end cannot be cut. */
static uint64_t own_max(const struct hufu_device *device)
{
	return device->profile->data_max;
}

static uint64_t gcm_max(const struct hufu_device *device)
{
	return has_own(device, SDF_ALG_SM4_GCM) && !composes_gcm(device) ? own_max(device) : 0;
}

/* -- what both have ---------------------------------------------------------------------- */

struct aead {
	const uint8_t *iv, *aad;
	size_t iv_len, aad_len, tag_len;
};

static enum hufu_err gcm_of(const struct hufu_op *op, struct aead *aead)
{
	const struct hufu_param_gcm *param = op->param;
	enum hufu_err err = gcm_check_param(param);

	if (err == HUFU_OK)
		*aead = (struct aead){param->iv, param->aad, param->iv_len, param->aad_len, param->tag_len};
	return err;
}

static enum hufu_err ccm_of(const struct hufu_op *op, struct aead *aead)
{
	const struct hufu_param_ccm *param = op->param;

	if (!param || !param->nonce || param->nonce_len < 7 || param->nonce_len > 13 || (param->aad_len && !param->aad) ||
	    param->tag_len < 4 || param->tag_len > 16 || param->tag_len % 2)
		return HUFU_ERR_PARAM;
	*aead = (struct aead){param->nonce, param->aad, param->nonce_len, param->aad_len, param->tag_len};
	return HUFU_OK;
}

/* SP 800-38C A.1: the length of the text takes the q bytes that the nonce leaves of a block. */
static bool text_fits(size_t len, size_t nonce_len)
{
	size_t q = 15 - nonce_len;

	return q >= sizeof(len) || len >> 8 * q == 0;
}

static enum hufu_err make_room(struct hufu_op *op, const struct aead *aead)
{
	if (op->verb == HUFU_VERB_ENCRYPT)
		return op->in_len <= SIZE_MAX - aead->tag_len ? soft_room(op, op->in_len + aead->tag_len) : HUFU_ERR_DATA_LEN;
	return op->in_len >= aead->tag_len ? soft_room(op, op->in_len - aead->tag_len) : HUFU_ERR_CIPHERTEXT_LEN;
}

/* Nothing is let go of a text whose tag is wrong, whatever the device has written. */
static enum hufu_err own(struct hufu_lease *lease, void *handle, struct hufu_op *op, enum sdf_alg alg, const struct aead *a)
{
	size_t len = op->verb == HUFU_VERB_ENCRYPT ? op->in_len : op->out_len;
	enum hufu_err err;

	if (op->verb == HUFU_VERB_ENCRYPT)
		return sdf_auth_encrypt(lease->session, handle, alg, a->iv, a->iv_len, a->aad, a->aad_len, op->in, len, op->out,
		                        op->out + len, a->tag_len);
	err = sdf_auth_decrypt(lease->session, handle, alg, a->iv, a->iv_len, a->aad, a->aad_len, op->in, len, op->in + len,
	                       a->tag_len, op->out);
	if (err != HUFU_OK && len)
		secret_wipe(op->out, len);
	return err == HUFU_ERR_SIGNATURE ? HUFU_ERR_CIPHERTEXT : err; /* MACERR */
}

/* -- GCM composed of ECB ------------------------------------------------------------------------ */

struct gcm {
	uint8_t h[SDF_BLOCK_LEN], counter[SDF_BLOCK_LEN], mask[SDF_BLOCK_LEN]; /* mask: E(J0), what hides the tag */
};

/* GB/T 36624 clause 11, SP 800-38D 7.1 steps 1 to 3. */
static enum hufu_err gcm_start(struct hufu_lease *lease, void *handle, const struct aead *a, struct gcm *g)
{
	static const uint8_t zeros[SDF_BLOCK_LEN];
	enum hufu_err err = sm4_block(lease, handle, zeros, g->h);

	if (err != HUFU_OK)
		return err;
	memset(g->counter, 0, sizeof(g->counter));
	if (a->iv_len == GCM_IV_LEN) {
		memcpy(g->counter, a->iv, GCM_IV_LEN);
		g->counter[SDF_BLOCK_LEN - 1] = 1;
	} else {
		ghash_update(g->counter, g->h, 0, a->iv, a->iv_len);
		ghash_pad(g->counter, g->h, a->iv_len);
		ghash_lengths(g->counter, g->h, 0, a->iv_len);
	}
	return sm4_count(lease, handle, g->counter, COUNTER_BITS, zeros, sizeof(zeros), g->mask);
}

static void gcm_tag(const struct gcm *g, const struct aead *a, const uint8_t *text, size_t len, uint8_t tag[SDF_BLOCK_LEN])
{
	memset(tag, 0, SDF_BLOCK_LEN);
	if (a->aad_len)
		ghash_update(tag, g->h, 0, a->aad, a->aad_len);
	ghash_pad(tag, g->h, a->aad_len);
	if (len)
		ghash_update(tag, g->h, 0, text, len);
	ghash_pad(tag, g->h, len);
	ghash_lengths(tag, g->h, a->aad_len, len);
	xor_bytes(tag, tag, g->mask, SDF_BLOCK_LEN);
}

static enum hufu_err compose(struct hufu_lease *lease, void *handle, struct hufu_op *op, const struct aead *a, struct gcm *g)
{
	uint8_t tag[SDF_BLOCK_LEN];
	enum hufu_err err = gcm_start(lease, handle, a, g);

	if (err != HUFU_OK)
		return err;
	if (op->verb == HUFU_VERB_ENCRYPT) {
		err = sm4_count(lease, handle, g->counter, COUNTER_BITS, op->in, op->in_len, op->out);
		if (err == HUFU_OK) {
			gcm_tag(g, a, op->out, op->in_len, tag);
			memcpy(op->out + op->in_len, tag, a->tag_len);
		}
		return err;
	}
	gcm_tag(g, a, op->in, op->out_len, tag);
	bool right = secret_equal(tag, op->in + op->out_len, a->tag_len);
	secret_wipe(tag, sizeof(tag));
	return right ? sm4_count(lease, handle, g->counter, COUNTER_BITS, op->in, op->out_len, op->out) : HUFU_ERR_CIPHERTEXT;
}

static enum hufu_err composed(struct hufu_lease *lease, void *handle, struct hufu_op *op, const struct aead *a)
{
	struct gcm g;
	enum hufu_err err = op->in_len <= GCM_TEXT_MAX ? compose(lease, handle, op, a, &g) : HUFU_ERR_DATA_LEN;

	secret_wipe(&g, sizeof(g));
	return err;
}

/* -- ops ----------------------------------------------------------------------------------------- */

/* What the session's memory has no room for is for others: the device is as good as before for all else. */
static bool own_fits(const struct hufu_device *device, const struct hufu_op *op, const struct aead *a)
{
	return a->iv_len <= OWN_IV_MAX && a->aad_len <= SDF_SM2_MAX && op->in_len <= device->profile->data_max;
}

static bool takes_own(const struct hufu_device *device, const struct hufu_op *op, const struct aead *a)
{
	return has_own(device, SDF_ALG_SM4_GCM) && (own_fits(device, op, a) || !composes_gcm(device));
}

static enum hufu_err gcm_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	struct aead aead;
	enum hufu_err err = gcm_of(op, &aead);

	if (err != HUFU_OK)
		return err;
	return takes_own(lease->device, op, &aead) ? own(lease, handle, op, SDF_ALG_SM4_GCM, &aead) :
	                                             composed(lease, handle, op, &aead);
}

static enum hufu_err gcm(struct hufu_lease *lease, struct hufu_op *op)
{
	struct aead aead;
	enum hufu_err err = gcm_of(op, &aead);

	if (err == HUFU_OK)
		err = make_room(op, &aead);
	if (err == HUFU_OK && !takes_own(lease->device, op, &aead))
		err = sm4_may_expose(op);
	else if (err == HUFU_OK && !own_fits(lease->device, op, &aead))
		err = HUFU_ERR_NO_KEY;
	return err == HUFU_OK ? handles_run(lease, op, gcm_with) : err;
}

static enum hufu_err ccm_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	struct aead aead;
	enum hufu_err err = ccm_of(op, &aead);

	return err == HUFU_OK ? own(lease, handle, op, SDF_ALG_SM4_CCM, &aead) : err;
}

static enum hufu_err ccm(struct hufu_lease *lease, struct hufu_op *op)
{
	struct aead aead;
	enum hufu_err err = ccm_of(op, &aead);

	if (err == HUFU_OK)
		err = make_room(op, &aead);
	if (err == HUFU_OK && !text_fits(op->in_len, aead.iv_len))
		err = HUFU_ERR_DATA_LEN;
	if (err == HUFU_OK && !own_fits(lease->device, op, &aead))
		err = HUFU_ERR_NO_KEY;
	return err == HUFU_OK ? handles_run(lease, op, ccm_with) : err;
}

#define BOTH_WAYS(mechanism, offered, run, max) \
	{mechanism, HUFU_VERB_ENCRYPT, HUFU_KEY_SM4, offered, run, 128, 128, max, NULL}, \
	{mechanism, HUFU_VERB_DECRYPT, HUFU_KEY_SM4, offered, run, 128, 128, max, NULL}

const struct sdf_row sdf_aead_rows[] = {
	BOTH_WAYS(CKM_HUFU_SM4_GCM, offers_gcm, gcm, gcm_max),
	BOTH_WAYS(CKM_HUFU_SM4_CCM, offers_ccm, ccm, own_max),
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
