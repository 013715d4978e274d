/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EEA3, GCM and CCM: in parts, the driver's state goes from part to part. What a
 * device of the same domain made, another of it can go on from. What cannot be
 * done in parts is kept to the end.
 */
#include "token/operation_impl.h"

#include <string.h>

/* A part that gives as much as it takes. */
static CK_RV next(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	return operation_part(op, operation_crypt_verb(op), false,
	                      &(struct part){.in = in, .len = len, .out = out, .out_len = len});
}

static CK_RV last(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t out_len)
{
	return operation_part(op, operation_crypt_verb(op), true,
	                      &(struct part){.in = in, .len = len, .out = out, .out_len = out_len});
}

/* -- EEA3: ZUC gives words, so a part that ends within one waits for the rest -------- */

#define WORD 4

/* LENGTH of GM/T 0001.2 4.1 has 32 bits; one that was told may not exceed what came. */
static CK_RV check_bits(const struct operation *op, uint64_t len)
{
	uint64_t nbits = op->param.zuc.nbits ? op->param.zuc.nbits : 8 * len;
	return nbits > 8 * len || nbits > UINT32_MAX ? operation_bad_len(op) : CKR_OK;
}

static CK_RV eea3_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = len;
	return len > UINT32_MAX ? operation_bad_len(op) : check_bits(op, len);
}

static CK_RV eea3_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	CK_RV rv = operation_fits(len, cap, out_len);
	return rv == CKR_OK ? last(op, in, len, out, len) : rv;
}

static size_t eea3_keep(const struct operation *op, size_t len)
{
	return (op->residue_len + len) % WORD;
}

static CK_RV eea3_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = op->residue_len + len - eea3_keep(op, len);
	return op->total + len > UINT32_MAX / 8 && !op->param.zuc.nbits ? operation_bad_len(op) : CKR_OK;
}

static CK_RV eea3_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	return crypt_feed(op, in, len, eea3_keep(op, len), out, next);
}

static CK_RV eea3_final_len(const struct operation *op, size_t *out_len)
{
	*out_len = op->residue_len;
	return check_bits(op, op->total);
}

static CK_RV eea3_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	CK_RV rv = operation_fits(op->residue_len, cap, out_len);
	return rv == CKR_OK ? last(op, op->residue, op->residue_len, out, op->residue_len) : rv;
}

const struct crypt_engine crypt_state_stream = {
	.once_len = eea3_once_len, .once = eea3_once,
	.update_len = eea3_update_len, .update = eea3_update,
	.final_len = eea3_final_len, .final = eea3_final,
};

/* -- GCM, CCM ------------------------------------------------------------------------- */

/* SP 800-38D 5.2.1.1: a text has at most 2^39 - 256 bits. */
#define GCM_TEXT_MAX ((UINT64_C(1) << 36) - 32)

/* CCM's parameter told the length (PKCS#11 3.1 6.13.5). */
static bool text_fits(const struct operation *op, size_t len)
{
	return operation_is_ccm(op) ? len == op->param.data_len : len <= GCM_TEXT_MAX;
}

static CK_RV aead_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	size_t tag_len = operation_tag_len(op);
	if (operation_decrypts(op)) {
		*out_len = len - tag_len;
		return len < tag_len || !text_fits(op, len - tag_len) ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
	}
	*out_len = len + tag_len;
	return text_fits(op, len) ? CKR_OK : CKR_DATA_LEN_RANGE;
}

static CK_RV aead_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t need = operation_decrypts(op) ? len - operation_tag_len(op) : len + operation_tag_len(op);
	CK_RV rv = operation_fits(need, cap, out_len);
	return rv == CKR_OK ? last(op, in, len, out, need) : rv;
}

/* Decryption: nothing is released before the tag (SP 800-38D 7.2). CCM authenticates the text before it encrypts. */
static bool keeps_all(const struct operation *op)
{
	return operation_decrypts(op) || operation_is_ccm(op) || !operation_in_parts(op, HUFU_VERB_ENCRYPT);
}

static size_t keep_max(const struct operation *op)
{
	if (operation_decrypts(op))
		return OP_AEAD_MAX + operation_tag_len(op);
	return operation_is_ccm(op) ? OP_AEAD_MAX : OP_REPLAY_MAX;
}

static CK_RV aead_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	bool keeps = keeps_all(op);
	*out_len = keeps ? 0 : len;
	if (keeps)
		return op->held.len > keep_max(op) || len > keep_max(op) - op->held.len ? CKR_DATA_LEN_RANGE : CKR_OK;
	return op->total > GCM_TEXT_MAX - len ? CKR_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV aead_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	if (keeps_all(op))
		return operation_keep(op, in, len, keep_max(op));
	return len ? next(op, in, len, out) : CKR_OK;
}

static CK_RV aead_final_len(const struct operation *op, size_t *out_len)
{
	if (keeps_all(op))
		return aead_once_len(op, op->held.len, out_len);
	*out_len = operation_tag_len(op);
	return CKR_OK;
}

static CK_RV aead_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t tag_len = operation_tag_len(op);
	if (keeps_all(op))
		return aead_once(op, op->held.data, op->held.len, out, cap, out_len);
	CK_RV rv = operation_fits(tag_len, cap, out_len);
	return rv == CKR_OK ? last(op, NULL, 0, out, tag_len) : rv;
}

const struct crypt_engine crypt_aead = {
	.once_len = aead_once_len, .once = aead_once,
	.update_len = aead_update_len, .update = aead_update,
	.final_len = aead_final_len, .final = aead_final,
};
