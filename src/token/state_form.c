/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation as bytes:
 *
 *	kind u8, mechanism u64, flags u8, uuid of its key (16, zero for digests),
 *	parameter, total u64, CTR's blocks left u64, then as lists of bytes with
 *	their length before them: residue, scratch, digest state, driver's state
 *	and its domain, held input, signature given.
 *
 * The parameter goes through the mechanism's own parser when it is read, so that
 * every range is checked in one place.
 */
#include "base/secret.h"
#include "sm/sm2.h"
#include "token/key_size.h"
#include "token/state_impl.h"

#include <string.h>

#define FLAG_MULTI 0x1u
#define FLAG_SIGNATURE 0x2u
#define FLAG_STATE 0x4u

static bool hashes(const struct operation *op)
{
	return op->mech->shape == SHAPE_DIGEST || op->mech->shape == SHAPE_SIGN_MESSAGE;
}

bool state_saveable(const struct operation *op)
{
	bool own_login = op->key && attrs_bool(&op->key->attrs, CKA_ALWAYS_AUTHENTICATE, false);
	bool unsaveable = hashes(op) && !hash_saveable(op->mech->hash);
	return !own_login && !unsaveable && op->held.len <= STATE_HELD_MAX;
}

/* -- parameters ------------------------------------------------------------------------------- */

enum param_form {
	FORM_NONE, FORM_IV, FORM_IV8, FORM_CTR, FORM_GCM, FORM_CCM, FORM_ZUC, FORM_MAC_GENERAL, FORM_PSS, FORM_OAEP, FORM_SM2_ID
};

static enum param_form form_of(const struct mech *mech)
{
	static const struct {
		CK_RV (*parse)(const CK_MECHANISM *, struct param *);
		enum param_form form;
	} forms[] = {
		{param_iv, FORM_IV}, {param_iv8, FORM_IV8}, {param_ctr, FORM_CTR}, {param_gcm, FORM_GCM}, {param_ccm, FORM_CCM},
		{param_zuc, FORM_ZUC}, {param_mac_general, FORM_MAC_GENERAL}, {param_pss, FORM_PSS}, {param_oaep, FORM_OAEP},
		{param_sm2_id, FORM_SM2_ID},
	};
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (forms[i].parse == mech->parse)
			return forms[i].form;
	return FORM_NONE;
}

static void write_list(struct writer *w, const void *bytes, size_t len)
{
	write_u32(w, (uint32_t)len);
	write_bytes(w, bytes, len);
}

static const uint8_t *read_list(struct reader *r, size_t most, size_t *len)
{
	*len = read_u32(r);
	if (*len > most) {
		r->bad = true;
		*len = 0;
		return NULL;
	}
	return read_bytes(r, *len);
}

/* A list into space of its own. */
static size_t read_into(struct reader *r, uint8_t *to, size_t most)
{
	size_t len;
	const uint8_t *p = read_list(r, most, &len);
	if (!p || !len)
		return 0;
	memcpy(to, p, len);
	return len;
}

static void write_param(const struct operation *op, struct writer *w)
{
	const struct param *p = &op->param;
	switch (form_of(op->mech)) {
	case FORM_NONE: break;
	case FORM_CTR: write_u32(w, p->iv.counter_bits); /* fall through */
	case FORM_IV: write_bytes(w, p->iv.iv, sizeof p->iv.iv); break;
	case FORM_IV8: write_bytes(w, p->iv.iv, 8); break;
	case FORM_CCM:
		write_u64(w, p->data_len);
		write_list(w, p->ccm.nonce, p->ccm.nonce_len);
		write_list(w, p->ccm.aad, p->ccm.aad_len);
		write_u8(w, (uint8_t)p->ccm.tag_len);
		break;
	case FORM_PSS:
		write_u64(w, p->pss.hash);
		write_u64(w, p->pss.mgf_hash);
		write_u32(w, (uint32_t)p->pss.salt_len);
		break;
	case FORM_OAEP:
		write_u64(w, p->oaep.hash);
		write_u64(w, p->oaep.mgf_hash);
		write_list(w, p->oaep.label, p->oaep.label_len);
		break;
	case FORM_GCM:
		write_list(w, p->gcm.iv, p->gcm.iv_len);
		write_list(w, p->gcm.aad, p->gcm.aad_len);
		write_u8(w, (uint8_t)p->gcm.tag_len);
		break;
	case FORM_ZUC:
		write_u32(w, p->zuc.count);
		write_u32(w, p->zuc.bearer);
		write_u32(w, p->zuc.direction);
		write_u64(w, p->zuc.nbits);
		break;
	case FORM_MAC_GENERAL: write_u8(w, (uint8_t)p->mac.mac_len); break;
	case FORM_SM2_ID: write_list(w, p->sm2.id, p->sm2.id_len); break;
	}
}

static CK_RV read_gcm(struct reader *r, struct param *param)
{
	size_t iv_len, aad_len;
	const uint8_t *iv = read_list(r, PARAM_GCM_IV_MAX, &iv_len), *aad = read_list(r, PARAM_AAD_MAX, &aad_len);
	uint8_t tag_len = read_u8(r);
	return r->bad ? CKR_SAVED_STATE_INVALID : param_set_gcm(param, iv, iv_len, aad, aad_len, 8 * (CK_ULONG)tag_len);
}

static CK_RV read_ccm(struct reader *r, struct param *param)
{
	size_t nonce_len, aad_len;
	uint64_t data_len = read_u64(r);
	const uint8_t *nonce = read_list(r, 16, &nonce_len), *aad = read_list(r, PARAM_AAD_MAX, &aad_len);
	uint8_t tag_len = read_u8(r);
	return r->bad ? CKR_SAVED_STATE_INVALID : param_set_ccm(param, data_len, nonce, nonce_len, aad, aad_len, tag_len);
}

static CK_RV read_pss(struct reader *r, const struct mech *mech, struct param *param)
{
	enum hash_id hash = hash_of_digest(read_u64(r)), mgf = hash_of_digest(read_u64(r));
	uint32_t salt_len = read_u32(r);
	if (r->bad || (mech->hash != HASH_NONE && mech->hash != hash))
		return CKR_SAVED_STATE_INVALID;
	return param_set_pss(param, hash, mgf, salt_len);
}

static CK_RV read_oaep(struct reader *r, struct param *param)
{
	size_t label_len;
	enum hash_id hash = hash_of_digest(read_u64(r)), mgf = hash_of_digest(read_u64(r));
	const uint8_t *label = read_list(r, PARAM_LABEL_MAX, &label_len);
	return r->bad ? CKR_SAVED_STATE_INVALID : param_set_oaep(param, hash, mgf, label, label_len);
}

/* As C_*Init would have been given it. */
static CK_RV read_param(struct reader *r, const struct mech *mech, struct param *param)
{
	union {
		CK_BYTE iv[16];
		CK_AES_CTR_PARAMS ctr;
		CK_HUFU_ZUC_PARAMS zuc;
		CK_MAC_GENERAL_PARAMS mac;
		CK_HUFU_SM2_SM3_PARAMS sm2;
	} p = {0};
	CK_ULONG len = 0;
	size_t id_len;

	switch (form_of(mech)) {
	case FORM_NONE: break;
	case FORM_IV:
		len = sizeof p.iv;
		read_copy(r, p.iv, len);
		break;
	case FORM_CTR:
		len = sizeof p.ctr;
		p.ctr.ulCounterBits = read_u32(r);
		read_copy(r, p.ctr.cb, sizeof p.ctr.cb);
		break;
	case FORM_IV8:
		len = 8;
		read_copy(r, p.iv, len);
		break;
	case FORM_GCM: return read_gcm(r, param);
	case FORM_CCM: return read_ccm(r, param);
	case FORM_PSS: return read_pss(r, mech, param);
	case FORM_OAEP: return read_oaep(r, param);
	case FORM_ZUC:
		len = sizeof p.zuc;
		p.zuc.ulCount = read_u32(r);
		p.zuc.ulBearer = read_u32(r);
		p.zuc.ulDirection = read_u32(r);
		p.zuc.ulBits = read_u64(r);
		break;
	case FORM_MAC_GENERAL:
		len = sizeof p.mac;
		p.mac = read_u8(r);
		break;
	case FORM_SM2_ID:
		len = sizeof p.sm2;
		p.sm2.pId = (CK_BYTE *)(uintptr_t)read_list(r, SM2_ID_MAX, &id_len);
		p.sm2.ulIdLen = id_len;
		break;
	}
	CK_MECHANISM m = {mech->type, len ? &p : NULL, len};
	return r->bad ? CKR_SAVED_STATE_INVALID : mech->parse(&m, param);
}

/* -- the rest ------------------------------------------------------------------------------------- */

static void write_hash(const struct operation *op, struct writer *w)
{
	uint8_t midstate[HASH_STATE_MAX];
	write_list(w, midstate, hashes(op) ? hash_export(&op->hash, midstate) : 0);
	secret_wipe(midstate, sizeof midstate);
}

static void read_hash(struct reader *r, struct operation *op)
{
	uint8_t midstate[HASH_STATE_MAX];
	size_t len = read_into(r, midstate, sizeof midstate);
	if (hashes(op) ? !hash_import(&op->hash, op->mech->hash, midstate, len) : len != 0)
		r->bad = true;
	secret_wipe(midstate, sizeof midstate);
}

void state_write(const struct operation *op, struct writer *w)
{
	write_u8(w, (uint8_t)op->kind);
	write_u64(w, op->mech->type);
	unsigned flags = (op->multi ? FLAG_MULTI : 0) | (op->signature_given ? FLAG_SIGNATURE : 0) |
	                 (op->have_state ? FLAG_STATE : 0);
	write_u8(w, (uint8_t)flags);
	write_bytes(w, op->key ? op->key->uuid : op->key_uuid, 16);
	write_param(op, w);
	write_u64(w, op->total);
	write_u64(w, op->blocks_left);
	write_list(w, op->residue, op->residue_len);
	write_list(w, op->scratch, op->pending);
	write_hash(op, w);
	write_list(w, op->states[op->state_now], op->have_state ? op->state_len : 0);
	write_list(w, op->state_domain, op->have_state && op->state_domain ? strlen(op->state_domain) : 0);
	write_list(w, op->held.data, op->held.len);
	write_list(w, op->sig, op->sig_len);
}

/* The pool's own name of a domain, which lives as long as requests that use it. */
static const char *domain_of(struct token *token, const char *name, size_t len)
{
	struct pool_device_status devices[POOL_DEVICES_MAX];
	size_t n = pool_status(token->pool, devices, POOL_DEVICES_MAX);
	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
		if (strlen(devices[i].domain) == len && memcmp(devices[i].domain, name, len) == 0)
			return devices[i].domain;
	return NULL;
}

static void read_domain(struct reader *r, struct token *token, struct operation *op)
{
	size_t len;
	const uint8_t *name = read_list(r, 64, &len);
	if (!name || !len)
		return;
	op->state_domain = domain_of(token, (const char *)name, len);
	if (!op->state_domain)
		r->bad = true;
}

static void read_held(struct reader *r, struct operation *op)
{
	size_t len;
	const uint8_t *held = read_list(r, STATE_HELD_MAX, &len);
	op->held.secret = true;
	if (held)
		write_bytes(&op->held, held, len);
}

/* False: out of memory. */
static bool read_sig(struct reader *r, struct operation *op)
{
	size_t len;
	bool given = op->signature_given;
	const uint8_t *sig = read_list(r, KEY_SIG_MAX, &len);
	if (r->bad || (!given && !len))
		return true;
	CK_RV rv = operation_keep_sig(op, sig, len);
	op->signature_given = given;
	return rv == CKR_OK;
}

/* Input that is signed as it is. */
static bool signs_short(const struct operation *op)
{
	bool signs = op->kind == OP_SIGN || op->kind == OP_VERIFY;
	return signs && (op->mech->shape == SHAPE_SIGN_DIGEST || op->mech->shape == SHAPE_PK_CRYPT);
}

/* What the writer makes, and the engines rely on. */
static bool consistent(const struct operation *op)
{
	bool streams = op->mech->shape == SHAPE_STREAM;
	const struct key_use *use = operation_use(op->kind);
	if (!(op->mech->flags & use->flag))
		return false;
	if (streams ? op->residue_len >= 16 || op->have_state : op->residue_len > 16)
		return false;
	if (op->mech->key_types[0] == CKK_DES3 && op->residue_len > 8)
		return false;
	if (signs_short(op) && op->pending != op->total)
		return false;
	return op->signature_given ? op->kind == OP_VERIFY : op->sig_len == 0;
}

static CK_RV read_fields(struct token *token, struct reader *r, struct operation *op)
{
	op->total = read_u64(r);
	op->blocks_left = read_u64(r);
	op->residue_len = read_into(r, op->residue, sizeof op->residue);
	op->pending = read_into(r, op->scratch, sizeof op->scratch);
	read_hash(r, op);
	op->state_len = read_into(r, op->states[0], sizeof op->states[0]);
	read_domain(r, token, op);
	read_held(r, op);
	bool memory = read_sig(r, op);
	if (op->held.bad || !memory)
		return CKR_HOST_MEMORY;
	return r->bad || !consistent(op) ? CKR_SAVED_STATE_INVALID : CKR_OK;
}

CK_RV state_read(struct token *token, struct reader *r, struct operation *op)
{
	uint8_t kind = read_u8(r);
	op->mech = mech_find((CK_MECHANISM_TYPE)read_u64(r));
	uint8_t flags = read_u8(r);
	read_copy(r, op->key_uuid, sizeof op->key_uuid);
	op->active = true;
	op->token = token;
	if (r->bad || kind >= OP_KINDS || !op->mech)
		return CKR_SAVED_STATE_INVALID;
	op->kind = (enum op_kind)kind;
	op->multi = flags & FLAG_MULTI;
	op->signature_given = flags & FLAG_SIGNATURE;
	op->have_state = flags & FLAG_STATE;
	CK_RV rv = read_param(r, op->mech, &op->param);
	if (rv == CKR_MECHANISM_PARAM_INVALID)
		return CKR_SAVED_STATE_INVALID;
	return rv == CKR_OK ? read_fields(token, r, op) : rv;
}
