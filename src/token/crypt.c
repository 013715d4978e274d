/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption and decryption (PKCS#11 3.1 5.8, 5.10): the calls; how each shape of mechanism does it stands in crypt_*.c. */
#include "base/secret.h"
#include "token/operation_impl.h"

#include <string.h>

static const struct crypt_engine *engine_of(const struct operation *op)
{
	switch (op->mech->shape) {
	case SHAPE_BLOCK: return &crypt_block;
	case SHAPE_BLOCK_PAD: return &crypt_block_pad;
	case SHAPE_STREAM: return &crypt_stream;
	case SHAPE_STATE_STREAM: return &crypt_state_stream;
	case SHAPE_AEAD: return &crypt_aead;
	case SHAPE_PK_CRYPT: return op->mech->key_types[0] == CKK_RSA ? &crypt_rsa : &crypt_pk;
	case SHAPE_KEY_WRAP: return &crypt_wrap;
	case SHAPE_KEYGEN:
	case SHAPE_DIGEST:
	case SHAPE_MAC:
	case SHAPE_SIGN_DIGEST:
	case SHAPE_SIGN_MESSAGE:
	case SHAPE_SIGN_WHOLE:
	case SHAPE_DERIVE: break;
	}
	return NULL; /* these have no CKF_ENCRYPT in the table */
}

CK_RV crypt_init(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, kind);
	CK_RV rv = operation_begin(s, kind, m, key, NULL, &op);
	if (rv != CKR_OK || !engine_of(op)->begin)
		return rv;
	return operation_settle(op, engine_of(op)->begin(op), false);
}

static bool overlap(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
	return a_len && b_len && x < y + b_len && y < x + a_len;
}

/*
 * Output must not run into input that is still to be read. In place (out = in)
 * is safe as long as no residue shifts the output; otherwise the input is
 * copied, into *copy.
 */
static CK_RV shield(const struct operation *op, const uint8_t **in, size_t len, const uint8_t *out, size_t out_len, uint8_t **copy)
{
	*copy = NULL;
	if (!overlap(*in, len, out, out_len) || (*in == out && op->residue_len == 0))
		return CKR_OK;
	*copy = secret_alloc(len);
	if (!*copy)
		return CKR_HOST_MEMORY;
	memcpy(*copy, *in, len);
	*in = *copy;
	return CKR_OK;
}

/* *out_len: at first, what the call will give at most. */
static CK_RV once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint8_t *copy;
	CK_RV rv = shield(op, &in, len, out, cap < *out_len ? cap : *out_len, &copy);
	if (rv == CKR_OK)
		rv = engine_of(op)->once(op, in, len, out, cap, out_len);
	secret_free(copy);
	return rv;
}

/* 5.8.2: "cannot be used to terminate a multi-part operation": that one stays as it is. */
CK_RV crypt_once(struct session *s, enum op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	size_t n = 0;
	CK_RV rv = operation_current(s, kind, &op);
	if (rv != CKR_OK)
		return rv;
	if (op->multi)
		return CKR_OPERATION_ACTIVE;
	rv = engine_of(op)->once_len(op, len, &n);
	if (rv == CKR_OK && out)
		rv = once(op, in, len, out, *out_len, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	return operation_settle(op, rv, out != NULL);
}

static CK_RV update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t n)
{
	uint8_t *copy;
	CK_RV rv = shield(op, &in, len, out, n, &copy);
	if (rv == CKR_OK)
		rv = engine_of(op)->update(op, in, len, out);
	secret_free(copy);
	op->total += len;
	return rv;
}

CK_RV crypt_update(struct session *s, enum op_kind kind, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	size_t n = 0;
	CK_RV rv = operation_current(s, kind, &op);
	if (rv != CKR_OK)
		return rv;
	rv = engine_of(op)->update_len(op, len, &n);
	if (rv == CKR_OK && out) {
		rv = operation_fits(n, *out_len, &n);
		if (rv == CKR_OK) {
			op->multi = true;
			rv = update(op, in, len, out, n);
		}
	}
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	return operation_settle(op, rv, false);
}

CK_RV crypt_final(struct session *s, enum op_kind kind, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	size_t n = 0;
	CK_RV rv = operation_current(s, kind, &op);
	if (rv != CKR_OK)
		return rv;
	rv = engine_of(op)->final_len(op, &n);
	if (rv == CKR_OK && out)
		rv = engine_of(op)->final(op, out, *out_len, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	return operation_settle(op, rv, out != NULL);
}

CK_RV crypt_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	const struct crypt_engine *engine = engine_of(op);
	CK_RV rv = engine->begin ? engine->begin(op) : CKR_OK;
	if (rv == CKR_OK)
		rv = engine->once_len(op, len, out_len);
	return rv == CKR_OK && out ? engine->once(op, in, len, out, cap, out_len) : rv;
}

/* -- for the engines ------------------------------------------------------------------- */

/* residue || in[0..take) to f: put together in scratch, and the rest from where it is. */
static CK_RV give(struct operation *op, const uint8_t *in, size_t take, uint8_t *out, crypt_piece f)
{
	size_t before = op->residue_len;
	size_t first = take < OP_SCRATCH - before ? take : OP_SCRATCH - before;
	if (before == 0)
		return f(op, in, take, out);
	memcpy(op->scratch, op->residue, before);
	if (first)
		memcpy(op->scratch + before, in, first);
	CK_RV rv = f(op, op->scratch, before + first, out);
	if (rv == CKR_OK && first < take)
		rv = f(op, in + first, take - first, out + before + first);
	return rv;
}

CK_RV crypt_feed(struct operation *op, const uint8_t *in, size_t len, size_t keep, uint8_t *out, crypt_piece f)
{
	uint8_t tail[sizeof op->residue];
	size_t emit = op->residue_len + len - keep;

	if (emit == 0) {
		if (len)
			memcpy(op->residue + op->residue_len, in, len);
		op->residue_len = keep;
		return CKR_OK;
	}
	size_t take = emit - op->residue_len;
	if (keep)
		memcpy(tail, in + take, keep); /* before the output, which may lie over it */
	CK_RV rv = give(op, in, take, out, f);
	if (keep)
		memcpy(op->residue, tail, keep);
	op->residue_len = keep;
	secret_wipe(tail, sizeof tail);
	return rv;
}
