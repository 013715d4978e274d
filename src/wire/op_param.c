/* SPDX-License-Identifier: Apache-2.0 */
/* struct hufu_param_* as Param messages: one message for all, each with fields of its own. */
#include "wire/op_internal.h"

#include <string.h>

#include "crypto/op_param.h"

#define POINT_LEN 64u
_Static_assert(sizeof(((struct hufu_param_sm2_agree *)0)->peer_static) == POINT_LEN, "points are x || y");

/* -- out ---------------------------------------------------------------------------- */

static void put_iv(const struct hufu_param_iv *iv, Hufu__Wire__Param *message)
{
	message->iv = bytes_of(iv->iv, sizeof(iv->iv));
	message->counter_bits = iv->counter_bits;
}

static void put_gcm(const struct hufu_param_gcm *gcm, Hufu__Wire__Param *message)
{
	message->iv = bytes_of(gcm->iv, gcm->iv_len);
	message->aad = bytes_of(gcm->aad, gcm->aad_len);
	message->tag_len = gcm->tag_len;
}

static void put_ccm(const struct hufu_param_ccm *ccm, Hufu__Wire__Param *message)
{
	message->iv = bytes_of(ccm->nonce, ccm->nonce_len);
	message->aad = bytes_of(ccm->aad, ccm->aad_len);
	message->tag_len = ccm->tag_len;
}

static void put_zuc(const struct hufu_param_zuc *zuc, Hufu__Wire__Param *message)
{
	message->count = zuc->count;
	message->bearer = zuc->bearer;
	message->direction = zuc->direction;
	message->nbits = zuc->nbits;
}

static void put_rsa_gen(const struct hufu_param_rsa_gen *gen, Hufu__Wire__Param *message)
{
	message->nbits = gen->nbits;
	message->exponent = bytes_of(gen->public_exponent, gen->public_exponent_len);
}

static void put_pss(const struct hufu_param_pss *pss, Hufu__Wire__Param *message)
{
	message->hash = pss->hash;
	message->mgf_hash = pss->mgf_hash;
	message->tag_len = pss->salt_len;
}

static void put_oaep(const struct hufu_param_oaep *oaep, Hufu__Wire__Param *message)
{
	message->hash = oaep->hash;
	message->mgf_hash = oaep->mgf_hash;
	message->label = bytes_of(oaep->label, oaep->label_len);
}

static void put_agree(const struct hufu_param_agree *agree, Hufu__Wire__Param *message)
{
	message->peer_static = bytes_of(agree->peer, agree->peer_len);
	message->initiator = agree->cofactor;
}

static void put_sm2_agree(const struct hufu_param_sm2_agree *agree, Hufu__Wire__Param *message)
{
	message->initiator = agree->initiator;
	message->own_id = bytes_of(agree->own_id, agree->own_id_len);
	message->peer_id = bytes_of(agree->peer_id, agree->peer_id_len);
	message->own_static = bytes_of(agree->own_static, POINT_LEN);
	message->own_ephemeral = bytes_of(agree->own_ephemeral, POINT_LEN);
	message->peer_static = bytes_of(agree->peer_static, POINT_LEN);
	message->peer_ephemeral = bytes_of(agree->peer_ephemeral, POINT_LEN);
	message->tag_len = agree->key_len;
}

/* A length without bytes would arrive as none. */
static bool references_are_sound(const void *param, const struct op_param_shape *shape)
{
	for (size_t i = 0; i < shape->nreferences; i++) {
		const uint8_t *pointer;
		size_t len;

		memcpy(&pointer, (const uint8_t *)param + shape->references[i].pointer, sizeof(pointer));
		memcpy(&len, (const uint8_t *)param + shape->references[i].len, sizeof(len));
		if (!pointer && len)
			return false;
	}
	return true;
}

static void put(enum op_param kind, const void *param, Hufu__Wire__Param *message)
{
	switch (kind) {
	case OP_PARAM_UNKNOWN:
	case OP_PARAM_NONE:
		break;
	case OP_PARAM_IV:
		put_iv(param, message);
		break;
	case OP_PARAM_GCM:
		put_gcm(param, message);
		break;
	case OP_PARAM_CCM:
		put_ccm(param, message);
		break;
	case OP_PARAM_ZUC:
		put_zuc(param, message);
		break;
	case OP_PARAM_MAC:
		message->tag_len = ((const struct hufu_param_mac *)param)->mac_len;
		break;
	case OP_PARAM_RSA_GEN:
		put_rsa_gen(param, message);
		break;
	case OP_PARAM_CURVE:
		message->oid = bytes_of(((const struct hufu_param_curve *)param)->oid, ((const struct hufu_param_curve *)param)->oid_len);
		break;
	case OP_PARAM_PSS:
		put_pss(param, message);
		break;
	case OP_PARAM_OAEP:
		put_oaep(param, message);
		break;
	case OP_PARAM_AGREE:
		put_agree(param, message);
		break;
	case OP_PARAM_SM2_AGREE:
		put_sm2_agree(param, message);
		break;
	case OP_PARAM_FIND:
		message->nth = ((const struct hufu_param_find *)param)->nth;
		break;
	}
}

enum hufu_err param_put(const struct hufu_op *op, Hufu__Wire__Param *param, Hufu__Wire__Param **message)
{
	enum op_param kind = op_param_of(op->verb, op->mechanism);

	*message = NULL;
	if (!op->param)
		return HUFU_OK;
	if (kind == OP_PARAM_UNKNOWN)
		return HUFU_ERR_UNSUPPORTED;
	if (!references_are_sound(op->param, op_param_shape(kind)))
		return HUFU_ERR_PARAM;
	hufu__wire__param__init(param);
	put(kind, op->param, param);
	*message = param;
	return HUFU_OK;
}

/* -- in ------------------------------------------------------------------------------- */

static bool get_iv(const Hufu__Wire__Param *message, struct hufu_param_iv *iv)
{
	iv->counter_bits = message->counter_bits;
	return bytes_get(&message->iv, iv->iv, sizeof(iv->iv), false);
}

static struct hufu_param_gcm get_gcm(const Hufu__Wire__Param *message)
{
	return (struct hufu_param_gcm){.iv = data_of(&message->iv), .iv_len = message->iv.len, .aad = data_of(&message->aad),
	                               .aad_len = message->aad.len, .tag_len = message->tag_len};
}

static struct hufu_param_ccm get_ccm(const Hufu__Wire__Param *message)
{
	return (struct hufu_param_ccm){.nonce = data_of(&message->iv), .nonce_len = message->iv.len, .aad = data_of(&message->aad),
	                               .aad_len = message->aad.len, .tag_len = message->tag_len};
}

static struct hufu_param_zuc get_zuc(const Hufu__Wire__Param *message)
{
	return (struct hufu_param_zuc){.count = message->count, .bearer = message->bearer, .direction = message->direction,
	                               .nbits = message->nbits};
}

static bool get_rsa_gen(const Hufu__Wire__Param *message, struct hufu_param_rsa_gen *gen)
{
	*gen = (struct hufu_param_rsa_gen){.nbits = (uint32_t)message->nbits, .public_exponent = data_of(&message->exponent),
	                                   .public_exponent_len = message->exponent.len};
	return message->nbits <= UINT32_MAX;
}

static struct hufu_param_oaep get_oaep(const Hufu__Wire__Param *message)
{
	return (struct hufu_param_oaep){.hash = message->hash, .mgf_hash = message->mgf_hash, .label = data_of(&message->label),
	                                .label_len = message->label.len};
}

static struct hufu_param_agree get_agree(const Hufu__Wire__Param *message)
{
	return (struct hufu_param_agree){.peer = data_of(&message->peer_static), .peer_len = message->peer_static.len,
	                                 .cofactor = message->initiator};
}

static bool get_sm2_agree(const Hufu__Wire__Param *message, struct hufu_param_sm2_agree *agree)
{
	*agree = (struct hufu_param_sm2_agree){.initiator = message->initiator, .own_id = data_of(&message->own_id),
	                                       .own_id_len = message->own_id.len, .peer_id = data_of(&message->peer_id),
	                                       .peer_id_len = message->peer_id.len, .key_len = message->tag_len};
	return bytes_get(&message->own_static, agree->own_static, POINT_LEN, false) &&
	       bytes_get(&message->own_ephemeral, agree->own_ephemeral, POINT_LEN, false) &&
	       bytes_get(&message->peer_static, agree->peer_static, POINT_LEN, false) &&
	       bytes_get(&message->peer_ephemeral, agree->peer_ephemeral, POINT_LEN, false);
}

static bool get(enum op_param kind, const Hufu__Wire__Param *message, union op_params *param)
{
	switch (kind) {
	case OP_PARAM_UNKNOWN:
	case OP_PARAM_NONE:
		return false;
	case OP_PARAM_IV:
		return get_iv(message, &param->iv);
	case OP_PARAM_GCM:
		param->gcm = get_gcm(message);
		return true;
	case OP_PARAM_CCM:
		param->ccm = get_ccm(message);
		return true;
	case OP_PARAM_ZUC:
		param->zuc = get_zuc(message);
		return true;
	case OP_PARAM_MAC:
		param->mac = (struct hufu_param_mac){.mac_len = message->tag_len};
		return true;
	case OP_PARAM_RSA_GEN:
		return get_rsa_gen(message, &param->rsa_gen);
	case OP_PARAM_CURVE:
		param->curve = (struct hufu_param_curve){.oid = data_of(&message->oid), .oid_len = message->oid.len};
		return true;
	case OP_PARAM_PSS:
		param->pss = (struct hufu_param_pss){.hash = message->hash, .mgf_hash = message->mgf_hash, .salt_len = message->tag_len};
		return true;
	case OP_PARAM_OAEP:
		param->oaep = get_oaep(message);
		return true;
	case OP_PARAM_AGREE:
		param->agree = get_agree(message);
		return true;
	case OP_PARAM_SM2_AGREE:
		return get_sm2_agree(message, &param->sm2_agree);
	case OP_PARAM_FIND:
		param->find = (struct hufu_param_find){.nth = message->nth};
		return true;
	}
	return false;
}

/* Later parts have it in their state; a MAC without is whole. */
static bool may_lack(const struct hufu_op *op, enum op_param kind)
{
	return kind == OP_PARAM_NONE || kind == OP_PARAM_MAC || op->phase == HUFU_PHASE_NEXT || op->phase == HUFU_PHASE_LAST;
}

enum hufu_err param_get(struct hufu_op *op, const Hufu__Wire__Param *message, union op_params *param)
{
	enum op_param kind = op_param_of(op->verb, op->mechanism);

	op->param = NULL;
	if (kind == OP_PARAM_UNKNOWN)
		return HUFU_ERR_UNSUPPORTED;
	if (!message)
		return may_lack(op, kind) ? HUFU_OK : HUFU_ERR_PARAM;
	op->param = param;
	if (kind == OP_PARAM_NONE) /* that there is one where none belongs is for the driver to refuse */
		return HUFU_OK;
	if (!get(kind, message, param))
		return HUFU_ERR_PARAM;
	return op_param_is_sound(op) ? HUFU_OK : HUFU_ERR_PARAM;
}
