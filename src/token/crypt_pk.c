/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM2 encryption (GB/T 32918.4). Devices know 04 || C1 || C3 || C2; the older
 * order and the DER of GM/T 0009 are made of it here. A ciphertext that is wrong
 * in whatever way gives one code, unless its length alone says so.
 */
#include "token/operation_impl.h"

#include <string.h>

#define OVERHEAD ASN1_CIPHER_RAW_OVERHEAD
#define C1_LEN 65
#define C3_LEN 32

/* C1C3C2 and C1C2C3 differ in where the last two stand. */
static void c1c3c2_to_c1c2c3(const uint8_t *raw, size_t len, uint8_t *out)
{
	size_t text_len = len - OVERHEAD;
	memcpy(out, raw, C1_LEN);
	memcpy(out + C1_LEN, raw + OVERHEAD, text_len);
	memcpy(out + C1_LEN + text_len, raw + C1_LEN, C3_LEN);
}

static void c1c2c3_to_c1c3c2(const uint8_t *in, size_t len, uint8_t *raw)
{
	size_t text_len = len - OVERHEAD;
	memcpy(raw, in, C1_LEN);
	memcpy(raw + C1_LEN, in + C1_LEN + text_len, C3_LEN);
	memcpy(raw + OVERHEAD, in + C1_LEN, text_len);
}

static CK_RV run(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t out_len)
{
	struct pool_request *req = operation_request(op, operation_crypt_verb(op));
	req->op.in = in;
	req->op.in_len = len;
	req->op.out = out;
	req->op.out_cap = out_len;
	return operation_submit(op, out_len);
}

/* -- encryption -------------------------------------------------------------------------- */

static size_t cipher_len(const struct operation *op, size_t text_len)
{
	return op->mech->encoding == ENC_DER ? asn1_cipher_max(text_len) : text_len + OVERHEAD;
}

static CK_RV encrypt(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	CK_RV rv = operation_fits(cipher_len(op, len), cap, out_len);
	if (rv != CKR_OK)
		return rv;
	if (op->mech->encoding == ENC_RAW)
		return run(op, in, len, out, len + OVERHEAD);
	uint8_t *raw = operation_room(op, len + OVERHEAD);
	if (!raw)
		return CKR_HOST_MEMORY;
	rv = run(op, in, len, raw, len + OVERHEAD);
	if (rv == CKR_OK && op->mech->encoding == ENC_DER)
		*out_len = asn1_cipher_encode(raw, len + OVERHEAD, out);
	else if (rv == CKR_OK)
		c1c3c2_to_c1c2c3(raw, len + OVERHEAD, out);
	return rv;
}

/* -- decryption -------------------------------------------------------------------------- */

CK_RV crypt_pk_raw(struct operation *op, const uint8_t *in, size_t len, const uint8_t **raw, size_t *raw_len)
{
	*raw = in;
	*raw_len = len;
	if (op->mech->encoding == ENC_RAW)
		return CKR_OK;
	uint8_t *room = operation_room(op, len + OVERHEAD);
	if (!room)
		return CKR_HOST_MEMORY;
	*raw = room;
	if (op->mech->encoding == ENC_DER)
		return asn1_cipher_decode(in, len, room, raw_len) && *raw_len > OVERHEAD ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
	c1c2c3_to_c1c3c2(in, len, room);
	return CKR_OK;
}

static CK_RV decrypt(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	const uint8_t *raw;
	size_t raw_len;
	CK_RV rv = crypt_pk_raw(op, in, len, &raw, &raw_len);
	if (rv == CKR_OK)
		rv = operation_fits(raw_len - OVERHEAD, cap, out_len);
	return rv == CKR_OK ? run(op, raw, raw_len, out, raw_len - OVERHEAD) : rv;
}

/* -- the engine ---------------------------------------------------------------------------- */

static CK_RV pk_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	if (!operation_decrypts(op)) {
		*out_len = len <= OP_PK_MAX ? cipher_len(op, len) : 0;
		return len < 1 || len > OP_PK_MAX ? CKR_DATA_LEN_RANGE : CKR_OK;
	}
	bool der = op->mech->encoding == ENC_DER;
	*out_len = der ? len : len - OVERHEAD;
	if (len > cipher_len(op, OP_PK_MAX) || (!der && len <= OVERHEAD))
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	return CKR_OK;
}

static CK_RV pk_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	return operation_decrypts(op) ? decrypt(op, in, len, out, cap, out_len) : encrypt(op, in, len, out, cap, out_len);
}

/* In parts, all is kept to the end. */
static CK_RV pk_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	(void)op;
	(void)len;
	*out_len = 0;
	return CKR_OK;
}

static CK_RV pk_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)out;
	return operation_keep(op, in, len, operation_decrypts(op) ? cipher_len(op, OP_PK_MAX) : OP_PK_MAX);
}

static CK_RV pk_final_len(const struct operation *op, size_t *out_len)
{
	return pk_once_len(op, op->held.len, out_len);
}

static CK_RV pk_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	return pk_once(op, op->held.data, op->held.len, out, cap, out_len);
}

const struct crypt_engine crypt_pk = {
	.once_len = pk_once_len, .once = pk_once,
	.update_len = pk_update_len, .update = pk_update,
	.final_len = pk_final_len, .final = pk_final,
};
