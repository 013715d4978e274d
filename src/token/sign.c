/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and MACs, made and verified (PKCS#11 3.1 5.13, 5.15; C_VerifySignature* of 3.2). */
#include "token/digest_info.h"
#include "token/key_size.h"
#include "token/operation_impl.h"
#include "token/rv.h"

#include "sm/sm2.h"

#include <string.h>

#define EIA3_LEN 4
#define ECDSA_SIG_MAX 132 /* P-521 */
/* Parts of a MAC go to devices in multiples of it: every hash's block divides it but SHA-3's. */
#define MAC_CHUNK 128

static bool is_sm2(const struct operation *op)
{
	return op->mech->key_types[0] == CKK_HUFU_SM2;
}

static bool is_eia3(const struct operation *op)
{
	return op->mech->device_mechanism == CKM_HUFU_ZUC_EIA3;
}

/* What a device gives: a MAC, r || s, or as many bytes as RSA's modulus has. */
static size_t raw_len(const struct operation *op)
{
	if (op->mech->shape == SHAPE_MAC)
		return is_eia3(op) ? EIA3_LEN : op->param.mac.mac_len;
	if (is_sm2(op))
		return SM2_SIG_LEN;
	return op->mech->key_types[0] == CKK_RSA ? key_modulus_len(op->key) : key_curve_sig_len(op->key);
}

size_t sign_len(const struct operation *op)
{
	return op->mech->encoding == ENC_DER ? ASN1_SIG_MAX : raw_len(op);
}

/* -- beginning ------------------------------------------------------------------------------ */

/* Those that take a signer's identifier hash it, with the point, before the message. */
static bool has_z(const struct operation *op)
{
	return op->mech->parse == param_sm2_id;
}

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

/* RFC 8017 9.1.1: emLen >= hLen + sLen + 2, where emLen is of a bit less than the modulus. */
static CK_RV check_salt(const struct operation *op)
{
	const struct hufu_param_pss *pss = &op->param.pss;
	size_t em_len = (key_nbits(op->key) + 6) / 8;
	return hash_len(hash_of_digest(pss->hash)) + pss->salt_len + 2 <= em_len ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV sign_restart(struct operation *op)
{
	op->pending = 0;
	op->total = 0;
	op->have_state = false;
	writer_clear(&op->held);
	if (raw_len(op) == 0) /* what a key must show for it, this one does not */
		return CKR_KEY_TYPE_INCONSISTENT;
	if (op->mech->device_mechanism == CKM_RSA_PKCS_PSS && check_salt(op) != CKR_OK)
		return CKR_MECHANISM_PARAM_INVALID;
	if (op->mech->shape != SHAPE_SIGN_MESSAGE)
		return CKR_OK;
	hash_clear(&op->hash);
	enum hufu_err err = hash_init(&op->hash, op->mech->hash);
	return err == HUFU_OK && has_z(op) ? absorb_z(op) : rv_of(err);
}

/* -- absorbing ------------------------------------------------------------------------------ */

static void hold(struct operation *op, const uint8_t *in, size_t len)
{
	if (len)
		memcpy(op->scratch + op->pending, in, len);
	op->pending += len;
}

static enum hufu_verb verb_of(const struct operation *op)
{
	return op->kind == OP_VERIFY || op->kind == OP_MESSAGE_VERIFY ? HUFU_VERB_VERIFY : HUFU_VERB_SIGN;
}

static CK_RV mac_part(struct operation *op, const uint8_t *in, size_t len)
{
	return len ? operation_part(op, verb_of(op), false, &(struct part){.in = in, .len = len}) : CKR_OK;
}

/* For a device that wants all at once. */
static CK_RV mac_keep(struct operation *op, const uint8_t *in, size_t len)
{
	CK_RV rv = operation_keep(op, op->scratch, op->pending, OP_REPLAY_MAX);
	op->pending = 0;
	return rv == CKR_OK ? operation_keep(op, in, len, OP_REPLAY_MAX) : rv;
}

/* What fits scratch waits there, so that a short message is one op; else something always waits for the last one. */
static CK_RV mac_absorb(struct operation *op, const uint8_t *in, size_t len)
{
	if (!op->held.len && len <= OP_SCRATCH - op->pending) {
		hold(op, in, len);
		return CKR_OK;
	}
	if (!operation_in_parts(op, verb_of(op)))
		return mac_keep(op, in, len);
	size_t fill = op->pending ? OP_SCRATCH - op->pending : 0;
	hold(op, in, fill);
	CK_RV rv = mac_part(op, op->scratch, op->pending);
	op->pending = 0;
	size_t whole = (len - fill - 1) / MAC_CHUNK * MAC_CHUNK;
	if (rv == CKR_OK)
		rv = mac_part(op, in + fill, whole);
	hold(op, in + fill + whole, len - fill - whole);
	return rv;
}

/* The longest input that is signed as it is; the device cuts what is longer than a curve's order (FIPS 186-4 6.4). */
static size_t short_max(const struct operation *op)
{
	switch (op->mech->device_mechanism) {
	case CKM_RSA_PKCS: return key_modulus_len(op->key) - 11; /* RFC 8017 9.2 */
	case CKM_RSA_X_509: return key_modulus_len(op->key);
	case CKM_RSA_PKCS_PSS: return hash_len(hash_of_digest(op->param.pss.hash));
	case CKM_HUFU_SM2: return SM3_DIGEST_LEN;
	default: return OP_SCRATCH;
	}
}

CK_RV sign_absorb(struct operation *op, const uint8_t *in, size_t len)
{
	op->total += len;
	switch (op->mech->shape) {
	case SHAPE_SIGN_MESSAGE:
		hash_update(&op->hash, in, len);
		return CKR_OK;
	case SHAPE_PK_CRYPT:
	case SHAPE_SIGN_DIGEST:
		if (op->total > short_max(op) || len > OP_SCRATCH - op->pending)
			return CKR_DATA_LEN_RANGE;
		hold(op, in, len);
		return CKR_OK;
	case SHAPE_SIGN_WHOLE:
		return operation_keep(op, in, len, OP_REPLAY_MAX);
	case SHAPE_MAC:
		return mac_absorb(op, in, len);
	case SHAPE_KEYGEN:
	case SHAPE_DIGEST:
	case SHAPE_BLOCK:
	case SHAPE_BLOCK_PAD:
	case SHAPE_STREAM:
	case SHAPE_STATE_STREAM:
	case SHAPE_AEAD:
	case SHAPE_KEY_WRAP:
	case SHAPE_DERIVE: break;
	}
	return CKR_GENERAL_ERROR; /* these have no CKF_SIGN in the table */
}

/* -- what a device is given ------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t len;
	uint8_t bytes[DIGEST_INFO_MAX];
};

/* LENGTH of GM/T 0001.3 4.1 has 32 bits; one that was told may not exceed what came. */
static CK_RV check_mac_input(const struct operation *op)
{
	if (!is_eia3(op))
		return CKR_OK;
	uint64_t most = UINT32_MAX, nbits = op->param.zuc.nbits;
	bool fits = nbits ? (nbits + 7) / 8 <= op->total : op->total <= most / 8;
	return fits ? CKR_OK : CKR_DATA_LEN_RANGE;
}

/* RFC 8017 9.2: what PKCS #1 v1.5 signs says which hash it is. */
static void take_digest(struct operation *op, struct input *input)
{
	bool wants_info = op->mech->device_mechanism == CKM_RSA_PKCS;
	size_t before = wants_info ? digest_info_prefix(op->mech->hash, input->bytes) : 0;
	hash_final(&op->hash, input->bytes + before);
	input->data = input->bytes;
	input->len = before + hash_len(op->mech->hash);
}

/* RSA takes a number: of as many bytes as the modulus, whatever was given of it (PKCS#11 3.1 6.1.7). */
static void pad_number(struct operation *op)
{
	size_t zeros = key_modulus_len(op->key) - op->pending;
	memmove(op->scratch + zeros, op->scratch, op->pending);
	memset(op->scratch, 0, zeros);
	op->pending += zeros;
}

static CK_RV take_short(struct operation *op, struct input *input)
{
	bool exact = op->mech->device_mechanism == CKM_HUFU_SM2 || op->mech->device_mechanism == CKM_RSA_PKCS_PSS;
	if (exact && op->pending != short_max(op))
		return CKR_DATA_LEN_RANGE;
	if (op->mech->device_mechanism == CKM_RSA_X_509)
		pad_number(op);
	input->data = op->scratch;
	input->len = op->pending;
	return CKR_OK;
}

static CK_RV take_input(struct operation *op, const uint8_t *in, size_t len, struct input *input)
{
	bool takes_any = op->mech->shape == SHAPE_MAC || op->mech->shape == SHAPE_SIGN_WHOLE;
	bool at_once = takes_any && op->total == 0; /* as it is, and of any length */
	CK_RV rv = CKR_OK;
	if (at_once)
		op->total = len;
	else
		rv = sign_absorb(op, in, len);
	if (rv != CKR_OK)
		return rv;
	if (op->mech->shape == SHAPE_SIGN_MESSAGE)
		take_digest(op, input);
	else if (!takes_any)
		return take_short(op, input);
	else {
		input->data = at_once ? in : op->held.len ? op->held.data : op->scratch;
		input->len = at_once ? len : op->held.len ? op->held.len : op->pending;
	}
	return check_mac_input(op);
}

/* -- making and checking ---------------------------------------------------------------------- */

CK_RV sign_make(struct operation *op, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t raw[SM2_SIG_LEN];
	struct input input;
	bool der = op->mech->encoding == ENC_DER;
	CK_RV rv = take_input(op, in, len, &input);
	struct part last = {.in = input.data, .len = input.len, .out = der ? raw : sig, .out_len = raw_len(op)};
	if (rv == CKR_OK)
		rv = operation_part(op, HUFU_VERB_SIGN, true, &last);
	if (rv == CKR_OK)
		*sig_len = der ? asn1_sig_encode(raw, sig) : last.out_len;
	return rv;
}

/*
 * A signature to verify "may have a shorter length but must be composed as specified" (PKCS#11 3.1 6.3.1): r and s
 * alike without leading zeros. Java's provider makes every fourth such on P-521.
 */
static CK_RV widen_ecdsa(const struct operation *op, const uint8_t **sig, size_t *len, uint8_t raw[ECDSA_SIG_MAX])
{
	size_t want = raw_len(op), half = *len / 2, zeros = want / 2 - half;
	if (op->mech->device_mechanism != CKM_ECDSA || *len == 0 || *len % 2 || *len > want || want > ECDSA_SIG_MAX)
		return CKR_SIGNATURE_LEN_RANGE;
	memset(raw, 0, want);
	memcpy(raw + zeros, *sig, half);
	memcpy(raw + want / 2 + zeros, *sig + half, half);
	*sig = raw;
	*len = want;
	return CKR_OK;
}

/* A signature of a length that none has is told apart; everything else that is wrong with it is one code. */
static CK_RV decode_sig(const struct operation *op, const uint8_t **sig, size_t *len, uint8_t raw[ECDSA_SIG_MAX])
{
	if (op->mech->encoding != ENC_DER)
		return *len == raw_len(op) ? CKR_OK : widen_ecdsa(op, sig, len, raw);
	if (*len > ASN1_SIG_MAX)
		return CKR_SIGNATURE_LEN_RANGE;
	if (!asn1_sig_decode(*sig, *len, raw))
		return CKR_SIGNATURE_INVALID;
	*sig = raw;
	*len = SM2_SIG_LEN;
	return CKR_OK;
}

CK_RV sign_check(struct operation *op, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t raw[ECDSA_SIG_MAX]; /* no shorter than SM2's */
	struct input input;
	CK_RV rv = decode_sig(op, &sig, &sig_len, raw);
	if (rv == CKR_OK)
		rv = take_input(op, in, len, &input);
	if (rv != CKR_OK)
		return rv;
	struct part last = {.in = input.data, .len = input.len, .sig = sig, .sig_len = sig_len};
	return operation_part(op, HUFU_VERB_VERIFY, true, &last);
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
		rv = sign_make(op, in, len, sig, &n);
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

/* The same signature: that it carries its data is for the one to use who verifies it. */
CK_RV sign_recover_init(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, OP_SIGN_RECOVER);
	return init(s, OP_SIGN_RECOVER, m, key, &op);
}

CK_RV sign_recover(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *sig, CK_ULONG *sig_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_SIGN_RECOVER, &op);
	return rv == CKR_OK ? sign_finish(op, in, len, sig, sig_len) : rv;
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
	rv = len <= sign_len(op) ? operation_keep_sig(op, signature, len) : CKR_SIGNATURE_LEN_RANGE;
	return operation_settle(op, rv, false);
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
	return operation_settle(op, sign_check(op, in, len, sig, sig_len), true);
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
