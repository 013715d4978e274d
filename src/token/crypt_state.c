/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EEA3 and GCM: in parts, the driver's state goes from part to part. What a
 * device of the same domain made, another of it can go on from.
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

/* -- GCM -------------------------------------------------------------------------------- */

/* SP 800-38D 5.2.1.1: a text has at most 2^39 - 256 bits. */
#define GCM_TEXT_MAX ((UINT64_C(1) << 36) - 32)

static CK_RV aead_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	size_t tag_len = op->param.gcm.tag_len;
	if (operation_decrypts(op)) {
		*out_len = len - tag_len;
		return len < tag_len || len - tag_len > GCM_TEXT_MAX ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
	}
	*out_len = len + tag_len;
	return len > GCM_TEXT_MAX ? CKR_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV aead_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t need = operation_decrypts(op) ? len - op->param.gcm.tag_len : len + op->param.gcm.tag_len;
	CK_RV rv = operation_fits(need, cap, out_len);
	return rv == CKR_OK ? last(op, in, len, out, need) : rv;
}

/* Decryption keeps all to the end: nothing is released before the tag (SP 800-38D 7.2). */
static CK_RV aead_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	if (operation_decrypts(op)) {
		size_t most = OP_AEAD_MAX + op->param.gcm.tag_len;
		*out_len = 0;
		return op->held.len > most || len > most - op->held.len ? CKR_DATA_LEN_RANGE : CKR_OK;
	}
	*out_len = len;
	return op->total > GCM_TEXT_MAX - len ? CKR_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV aead_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	if (!operation_decrypts(op))
		return len ? next(op, in, len, out) : CKR_OK;
	write_bytes(&op->held, in, len);
	return op->held.bad ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV aead_final_len(const struct operation *op, size_t *out_len)
{
	if (operation_decrypts(op))
		return aead_once_len(op, op->held.len, out_len);
	*out_len = op->param.gcm.tag_len;
	return CKR_OK;
}

static CK_RV aead_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	if (operation_decrypts(op))
		return aead_once(op, op->held.data, op->held.len, out, cap, out_len);
	CK_RV rv = operation_fits(op->param.gcm.tag_len, cap, out_len);
	return rv == CKR_OK ? last(op, NULL, 0, out, op->param.gcm.tag_len) : rv;
}

const struct crypt_engine crypt_aead = {
	.once_len = aead_once_len, .once = aead_once,
	.update_len = aead_update_len, .update = aead_update,
	.final_len = aead_final_len, .final = aead_final,
};
