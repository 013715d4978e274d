/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and MACs, made and verified (PKCS#11 3.1 5.13, 5.15; C_VerifySignature* of 3.2). */
#include "token/operation_impl.h"
#include "token/rv.h"

#include "sm/sm2.h"

#include <string.h>

#define DIGEST_LEN SM3_DIGEST_LEN
#define EIA3_LEN 4

/* -- absorbing ------------------------------------------------------------------------------ */

/* Z of GB/T 32918.2 5.5 needs the signer's public point; private SM2 keys carry it too. */
static CK_RV absorb_z(struct operation *op)
{
	uint8_t z[32];
	const CK_ATTRIBUTE *point = attrs_get(&op->key->attrs, CKA_EC_POINT);
	if (!point || point->ulValueLen != 3 + SM2_POINT_LEN) /* OCTET STRING of 04 || x || y */
		return CKR_KEY_TYPE_INCONSISTENT;
	sm2_z((const uint8_t *)point->pValue + 3, op->param.sm2.id, op->param.sm2.id_len, z);
	hash_update(&op->hash, z, sizeof z);
	return CKR_OK;
}

CK_RV sign_restart(struct operation *op)
{
	op->pending = 0;
	op->total = 0;
	op->have_state = false;
	if (op->mech->shape != SHAPE_SIGN_MESSAGE)
		return CKR_OK;
	hash_clear(&op->hash);
	enum hufu_err err = hash_init(&op->hash, op->mech->hash);
	return err == HUFU_OK ? absorb_z(op) : rv_of(err);
}

static void hold(struct operation *op, const uint8_t *in, size_t len)
{
	if (len)
		memcpy(op->scratch + op->pending, in, len);
	op->pending += len;
}

static enum hufu_verb verb_of(const struct operation *op)
{
	return op->kind == OP_SIGN || op->kind == OP_MESSAGE_SIGN ? HUFU_VERB_SIGN : HUFU_VERB_VERIFY;
}

static CK_RV mac_part(struct operation *op, const uint8_t *in, size_t len)
{
	return len ? operation_part(op, verb_of(op), false, &(struct part){.in = in, .len = len}) : CKR_OK;
}

/* What fits scratch waits there, so that a short message is one op; whole blocks go on otherwise. */
static CK_RV mac_absorb(struct operation *op, const uint8_t *in, size_t len)
{
	if (len <= OP_SCRATCH - op->pending) {
		hold(op, in, len);
		return CKR_OK;
	}
	size_t fill = op->pending ? OP_SCRATCH - op->pending : 0;
	hold(op, in, fill);
	CK_RV rv = mac_part(op, op->scratch, op->pending);
	op->pending = 0;
	size_t whole = (len - fill) / SM3_BLOCK_LEN * SM3_BLOCK_LEN;
	if (rv == CKR_OK)
		rv = mac_part(op, in + fill, whole);
	hold(op, in + fill + whole, len - fill - whole);
	return rv;
}

CK_RV sign_absorb(struct operation *op, const uint8_t *in, size_t len)
{
	op->total += len;
	switch (op->mech->shape) {
	case SHAPE_SIGN_MESSAGE:
		hash_update(&op->hash, in, len);
		return CKR_OK;
	case SHAPE_SIGN_DIGEST:
		if (op->total > DIGEST_LEN)
			return CKR_DATA_LEN_RANGE;
		hold(op, in, len);
		return CKR_OK;
	case SHAPE_MAC:
		return mac_absorb(op, in, len);
	case SHAPE_KEYGEN:
	case SHAPE_DIGEST:
	case SHAPE_BLOCK:
	case SHAPE_BLOCK_PAD:
	case SHAPE_STREAM:
	case SHAPE_STATE_STREAM:
	case SHAPE_AEAD:
	case SHAPE_SIGN_WHOLE:
	case SHAPE_KEY_WRAP:
	case SHAPE_DERIVE:
	case SHAPE_PK_CRYPT: break;
	}
	return CKR_GENERAL_ERROR; /* these have no CKF_SIGN in the table */
}

/* -- making and checking ---------------------------------------------------------------------- */

static size_t mac_len(const struct operation *op)
{
	return op->mech->device_mechanism == CKM_HUFU_ZUC_EIA3 ? EIA3_LEN : op->param.mac.mac_len;
}

size_t sign_len(const struct operation *op)
{
	if (op->mech->shape == SHAPE_MAC)
		return mac_len(op);
	return op->mech->encoding == ENC_DER ? ASN1_SIG_MAX : SM2_SIG_LEN;
}

/* LENGTH of GM/T 0001.3 4.1 has 32 bits; one that was told may not exceed what came. */
static CK_RV check_mac_input(const struct operation *op)
{
	if (op->mech->device_mechanism != CKM_HUFU_ZUC_EIA3)
		return CKR_OK;
	uint64_t most = UINT32_MAX, nbits = op->param.zuc.nbits;
	bool fits = nbits ? (nbits + 7) / 8 <= op->total : op->total <= most / 8;
	return fits ? CKR_OK : CKR_DATA_LEN_RANGE;
}

/* The e of what was absorbed. */
static CK_RV take_digest(struct operation *op, uint8_t e[DIGEST_LEN])
{
	if (op->mech->shape == SHAPE_SIGN_MESSAGE) {
		hash_final(&op->hash, e);
		return CKR_OK;
	}
	if (op->pending != DIGEST_LEN)
		return CKR_DATA_LEN_RANGE;
	memcpy(e, op->scratch, DIGEST_LEN);
	return CKR_OK;
}

static CK_RV sm2_make(struct operation *op, uint8_t *sig, size_t *sig_len)
{
	uint8_t e[DIGEST_LEN], raw[SM2_SIG_LEN];
	CK_RV rv = take_digest(op, e);
	if (rv != CKR_OK)
		return rv;
	struct pool_request *req = operation_request(op, HUFU_VERB_SIGN);
	req->op.in = e;
	req->op.in_len = sizeof e;
	req->op.out = raw;
	req->op.out_cap = sizeof raw;
	rv = operation_submit(op, sizeof raw);
	if (rv != CKR_OK)
		return rv;
	*sig_len = SM2_SIG_LEN;
	if (op->mech->encoding == ENC_DER)
		*sig_len = asn1_sig_encode(raw, sig);
	else
		memcpy(sig, raw, sizeof raw);
	return CKR_OK;
}

CK_RV sign_make(struct operation *op, uint8_t *sig, size_t *sig_len)
{
	if (op->mech->shape != SHAPE_MAC)
		return sm2_make(op, sig, sig_len);
	*sig_len = mac_len(op);
	struct part last = {.in = op->scratch, .len = op->pending, .out = sig, .out_len = *sig_len};
	CK_RV rv = check_mac_input(op);
	return rv == CKR_OK ? operation_part(op, HUFU_VERB_SIGN, true, &last) : rv;
}

/* A signature of a length that none has is told apart; everything else that is wrong with it is one code. */
static CK_RV decode_sig(const struct operation *op, const uint8_t *sig, size_t len, uint8_t raw[SM2_SIG_LEN])
{
	if (op->mech->encoding == ENC_DER) {
		if (len > ASN1_SIG_MAX)
			return CKR_SIGNATURE_LEN_RANGE;
		return asn1_sig_decode(sig, len, raw) ? CKR_OK : CKR_SIGNATURE_INVALID;
	}
	if (len != SM2_SIG_LEN)
		return CKR_SIGNATURE_LEN_RANGE;
	memcpy(raw, sig, SM2_SIG_LEN);
	return CKR_OK;
}

static CK_RV sm2_check(struct operation *op, const uint8_t *sig, size_t sig_len)
{
	uint8_t e[DIGEST_LEN], raw[SM2_SIG_LEN];
	CK_RV rv = decode_sig(op, sig, sig_len, raw);
	if (rv == CKR_OK)
		rv = take_digest(op, e);
	if (rv != CKR_OK)
		return rv;
	struct pool_request *req = operation_request(op, HUFU_VERB_VERIFY);
	req->op.in = e;
	req->op.in_len = sizeof e;
	req->op.in2 = raw;
	req->op.in2_len = sizeof raw;
	return operation_submit(op, 0);
}

CK_RV sign_check(struct operation *op, const uint8_t *sig, size_t sig_len)
{
	if (op->mech->shape != SHAPE_MAC)
		return sm2_check(op, sig, sig_len);
	if (sig_len != mac_len(op))
		return CKR_SIGNATURE_LEN_RANGE;
	struct part last = {.in = op->scratch, .len = op->pending, .sig = sig, .sig_len = sig_len};
	CK_RV rv = check_mac_input(op);
	return rv == CKR_OK ? operation_part(op, HUFU_VERB_VERIFY, true, &last) : rv;
}

/* -- signing ------------------------------------------------------------------------------------- */

static CK_RV init(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct operation **op)
{
	CK_RV rv = operation_begin(s, kind, m, key, NULL, op);
	return rv == CKR_OK ? operation_settle(*op, sign_restart(*op), false) : rv;
}

CK_RV sign_init(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, OP_SIGN);
	return init(s, OP_SIGN, m, key, &op);
}

/* The rest of the data, and the signature of all. */
static CK_RV sign_finish(struct operation *op, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	size_t n = sign_len(op);
	if (!sig) {
		*sig_len = n;
		return CKR_OK;
	}
	CK_RV rv = operation_fits(n, *sig_len, &n);
	if (rv == CKR_OK)
		rv = sign_absorb(op, in, len);
	if (rv == CKR_OK)
		rv = sign_make(op, sig, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*sig_len = n;
	return operation_settle(op, rv, true);
}

CK_RV sign_once(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_SIGN, &op);
	if (rv != CKR_OK)
		return rv;
	return op->multi ? CKR_OPERATION_ACTIVE : sign_finish(op, in, len, sig, sig_len);
}

static CK_RV absorb_part(struct session *s, enum op_kind kind, const CK_BYTE *in, CK_ULONG len, bool signature_given)
{
	struct operation *op;
	CK_RV rv = operation_current(s, kind, &op);
	if (rv != CKR_OK)
		return rv;
	if (op->signature_given != signature_given)
		return CKR_OPERATION_NOT_INITIALIZED;
	op->multi = true;
	return operation_settle(op, sign_absorb(op, in, len), false);
}

CK_RV sign_update(struct session *s, const CK_BYTE *in, CK_ULONG len)
{
	return absorb_part(s, OP_SIGN, in, len, false);
}

CK_RV sign_final(struct session *s, CK_BYTE *sig, CK_ULONG *sig_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_SIGN, &op);
	return rv == CKR_OK ? sign_finish(op, NULL, 0, sig, sig_len) : rv;
}

/* -- verifying --------------------------------------------------------------------------------------- */

CK_RV verify_init(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const CK_BYTE *signature, CK_ULONG len)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, OP_VERIFY);
	CK_RV rv = init(s, OP_VERIFY, m, key, &op);
	if (rv != CKR_OK || !signature)
		return rv;
	if (len > sizeof op->sig)
		return operation_settle(op, CKR_SIGNATURE_LEN_RANGE, true);
	memcpy(op->sig, signature, len);
	op->sig_len = len;
	op->signature_given = true;
	return CKR_OK;
}

/* A verification that was begun in one of the two ways goes on in the same. */
static CK_RV verify_current(struct session *s, bool signature_given, struct operation **op)
{
	CK_RV rv = operation_current(s, OP_VERIFY, op);
	if (rv == CKR_OK && (*op)->signature_given != signature_given)
		rv = CKR_OPERATION_NOT_INITIALIZED;
	return rv;
}

static CK_RV verify_finish(struct operation *op, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len)
{
	CK_RV rv = sign_absorb(op, in, len);
	if (rv == CKR_OK)
		rv = sign_check(op, sig, sig_len);
	return operation_settle(op, rv, true);
}

CK_RV verify_once(struct session *s, const CK_BYTE *in, CK_ULONG len, const CK_BYTE *sig, CK_ULONG sig_len)
{
	struct operation *op;
	CK_RV rv = verify_current(s, false, &op);
	if (rv != CKR_OK)
		return rv;
	return op->multi ? CKR_OPERATION_ACTIVE : verify_finish(op, in, len, sig, sig_len);
}

CK_RV verify_update(struct session *s, const CK_BYTE *in, CK_ULONG len)
{
	return absorb_part(s, OP_VERIFY, in, len, false);
}

CK_RV verify_final(struct session *s, const CK_BYTE *sig, CK_ULONG sig_len)
{
	struct operation *op;
	CK_RV rv = verify_current(s, false, &op);
	return rv == CKR_OK ? verify_finish(op, NULL, 0, sig, sig_len) : rv;
}

CK_RV verify_signature_once(struct session *s, const CK_BYTE *in, CK_ULONG len)
{
	struct operation *op;
	CK_RV rv = verify_current(s, true, &op);
	if (rv != CKR_OK)
		return rv;
	return op->multi ? CKR_OPERATION_ACTIVE : verify_finish(op, in, len, op->sig, op->sig_len);
}

CK_RV verify_signature_update(struct session *s, const CK_BYTE *in, CK_ULONG len)
{
	return absorb_part(s, OP_VERIFY, in, len, true);
}

CK_RV verify_signature_final(struct session *s)
{
	struct operation *op;
	CK_RV rv = verify_current(s, true, &op);
	return rv == CKR_OK ? verify_finish(op, NULL, 0, op->sig, op->sig_len) : rv;
}
