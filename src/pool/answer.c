/* SPDX-License-Identifier: Apache-2.0 */
/* What a device answers is looked at before anybody sees it. */
#include "pool/internal.h"

#include "hufu/mechanisms.h"

static bool lengths_are_sound(const struct hufu_op *op)
{
	if (op->out_len > op->out_cap || op->pub_len > (op->pub ? HUFU_PUB_MAX : 0) || op->state_out_len > HUFU_STATE_MAX)
		return false;
	return op->verb != HUFU_VERB_RANDOM || op->out_len == op->out_cap;
}

/* A wrong signature may give the key away (a fault while it was made), or be a lie. */
static bool signature_is_sound(const struct pool_request *req)
{
	const struct hufu_op *op = &req->op;

	return op->in_len == 32 && op->out_len == SM2_SIG_LEN && sm2_verify(req->key->point, op->in, op->out) == SM2_OK;
}

static bool makes_sm2_pair(const struct hufu_op *op)
{
	bool makes = op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT || op->verb == HUFU_VERB_UNWRAP;

	return makes && op->new_type == HUFU_KEY_SM2_PRIVATE;
}

static bool point_is_sound(const struct hufu_op *op)
{
	struct sm2_public point;

	return op->pub_len == SM2_POINT_LEN && sm2_public_init(&point, op->pub) == SM2_OK;
}

bool answer_needs_point(struct device *device, const struct pool_request *req)
{
	return req->op.verb == HUFU_VERB_SIGN && req->op.mechanism == CKM_HUFU_SM2 && !device_is_software(device);
}

bool answer_is_sound(struct device *device, const struct pool_request *req)
{
	if (!lengths_are_sound(&req->op))
		return false;
	if (answer_needs_point(device, req))
		return signature_is_sound(req);
	return device_is_software(device) || !makes_sm2_pair(&req->op) || point_is_sound(&req->op);
}
