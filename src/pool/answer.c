/* SPDX-License-Identifier: Apache-2.0 */
/* What a device answers is looked at before anybody sees it. */
#include "pool/internal.h"

#include "hufu/mechanisms.h"
#include "sm/sm3.h"

#define SAMPLE_EVERY 16 /* verify_after = sample */

/* Fewer random bytes, or a key cut short, would pass for whole ones. */
static bool is_whole(const struct hufu_op *op)
{
	const struct hufu_param_sm2_agree *agree = op->param;

	if (op->verb == HUFU_VERB_RANDOM)
		return op->out_len == op->out_cap;
	if (op->verb == HUFU_VERB_DERIVE && op->mechanism == CKM_HUFU_SM2_KEY_AGREEMENT)
		return agree && op->out_len == agree->key_len + 2 * SM3_DIGEST_LEN;
	return true;
}

static bool lengths_are_sound(const struct hufu_op *op)
{
	return op->out_len <= op->out_cap && op->pub_len <= (op->pub ? HUFU_PUB_MAX : 0) &&
	       op->state_out_len <= (op->state_out ? HUFU_STATE_MAX : 0) && is_whole(op);
}

/* -- signatures ------------------------------------------------------------ */

/*
 * A wrong one may give the key away (a fault while it was made: Boneh, DeMillo,
 * Lipton 1997 for RSA; Romailler, Pelissier 2017 for EdDSA), or be a lie: these two are checked always.
 */
static enum conf_verify how_often(const struct device *device, enum hufu_key_type type)
{
	const enum conf_verify wanted = device->pool->token->pool.verify_after;

	switch (type) {
	case HUFU_KEY_RSA_PRIVATE:
	case HUFU_KEY_EDWARDS_PRIVATE:
		return CONF_VERIFY_ALWAYS;
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_EC_PRIVATE:
		if (wanted == CONF_VERIFY_AUTO)
			return device->is_machine ? CONF_VERIFY_NEVER : CONF_VERIFY_ALWAYS;
		return wanted;
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_SM4:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_SECRET:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PRIVATE:
	case HUFU_KEY_MONTGOMERY_PUBLIC:
		break; /* a MAC is checked by who has the key */
	}
	return CONF_VERIFY_NEVER;
}

/* The one in SAMPLE_EVERY is whichever comes: who lies cannot know it. */
static bool is_sampled(void)
{
	static _Atomic unsigned n;

	return atomic_fetch_add_explicit(&n, 1, memory_order_relaxed) % SAMPLE_EVERY == 0;
}

bool answer_needs_public(struct device *device, const struct pool_request *req)
{
	return req->op.verb == HUFU_VERB_SIGN && req->key && !device_is_software(device) &&
	       how_often(device, req->key->type) != CONF_VERIFY_NEVER;
}

static bool signature_is_sound(const struct device *device, const struct pool_request *req)
{
	const struct hufu_op *op = &req->op;
	struct pool *pool = device->pool;

	if (how_often(device, req->key->type) == CONF_VERIFY_SAMPLE && !is_sampled())
		return true;
	if (req->key->type != HUFU_KEY_SM2_PRIVATE)
		return check_signature(pool, req->key->check, op);
	return op->in_len == 32 && op->out_len == SM2_SIG_LEN && sm2_verify(req->key->point, op->in, op->out) == SM2_OK;
}

/* -- new pairs ------------------------------------------------------------- */

static bool makes_key(const struct hufu_op *op)
{
	return op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT || op->verb == HUFU_VERB_UNWRAP;
}

static bool makes_pair(const struct hufu_op *op)
{
	return makes_key(op) && (op->new_type == HUFU_KEY_SM2_PRIVATE || check_public_type(op->new_type));
}

/* What is to be kept outlives the session that made it. */
bool answer_copy_is_sound(const struct hufu_op *op)
{
	switch (op->copy_kind) {
	case HUFU_COPY_BLOB:
		return true;
	case HUFU_COPY_INDEX:
	case HUFU_COPY_RECIPE:
		return op->out_len > 0;
	case HUFU_COPY_LIVE:
		break;
	}
	return false;
}

static bool public_is_sound(struct pool *pool, const struct hufu_op *op)
{
	struct sm2_public point;

	if (op->new_type == HUFU_KEY_SM2_PRIVATE)
		return op->pub_len == SM2_POINT_LEN && sm2_public_init(&point, op->pub) == SM2_OK;
	return check_public(pool, op->new_type, op->pub, op->pub_len);
}

bool answer_is_sound(struct device *device, const struct pool_request *req)
{
	if (!lengths_are_sound(&req->op) || (makes_key(&req->op) && !answer_copy_is_sound(&req->op)))
		return false;
	if (answer_needs_public(device, req))
		return signature_is_sound(device, req);
	return device_is_software(device) || !makes_pair(&req->op) || public_is_sound(device->pool, &req->op);
}
