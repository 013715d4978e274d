/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES key wrap without and with padding (SP 800-38F 6.2, 6.3; RFC 3394, RFC 5649),
 * also as encryption (PKCS#11 3.1 6.14). Both look at all of the text at once: in
 * parts, it is kept to the end.
 */
#include "token/operation_impl.h"

#include <string.h>

#define SEMIBLOCK 8

static bool is_padded(const struct operation *op)
{
	return op->mech->device_mechanism == CKM_AES_KEY_WRAP_KWP;
}

static size_t padded_len(size_t len)
{
	return (len + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK;
}

/* SP 800-38F 5.3.1: KW takes two semiblocks or more, KWP a byte or more. */
static CK_RV wrap_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	if (len > OP_PK_MAX + SEMIBLOCK)
		return operation_bad_len(op);
	if (operation_decrypts(op)) {
		size_t least = (is_padded(op) ? 2 : 3) * SEMIBLOCK;
		*out_len = len - SEMIBLOCK;
		return len < least || len % SEMIBLOCK ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
	}
	*out_len = padded_len(len) + SEMIBLOCK;
	bool fits = is_padded(op) ? len >= 1 : len >= 2 * SEMIBLOCK && len % SEMIBLOCK == 0;
	return fits ? CKR_OK : CKR_DATA_LEN_RANGE;
}

static void request(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct pool_request *req = operation_request(op, operation_crypt_verb(op));
	req->op.in = in;
	req->op.in_len = len;
	req->op.out = out;
	req->op.out_cap = cap;
}

/* KWP's text is up to 7 bytes shorter than its ciphertext lets expect. */
static CK_RV unpad(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t n;
	uint8_t *text = operation_room(op, len);
	if (!text)
		return CKR_HOST_MEMORY;
	request(op, in, len, text, len);
	CK_RV rv = operation_submit_any(op, &n);
	if (rv == CKR_OK)
		rv = operation_fits(n, cap, out_len);
	if (rv == CKR_OK && n)
		memcpy(out, text, n);
	return rv;
}

static CK_RV wrap_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t need;
	CK_RV rv = wrap_once_len(op, len, &need);
	if (rv == CKR_OK && operation_decrypts(op) && is_padded(op))
		return unpad(op, in, len, out, cap, out_len);
	if (rv == CKR_OK)
		rv = operation_fits(need, cap, out_len);
	if (rv != CKR_OK)
		return rv;
	request(op, in, len, out, need);
	return operation_submit(op, need);
}

static CK_RV wrap_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	(void)op;
	(void)len;
	*out_len = 0;
	return CKR_OK;
}

static CK_RV wrap_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)out;
	return operation_keep(op, in, len, OP_PK_MAX + SEMIBLOCK);
}

static CK_RV wrap_final_len(const struct operation *op, size_t *out_len)
{
	return wrap_once_len(op, op->held.len, out_len);
}

static CK_RV wrap_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	return wrap_once(op, op->held.data, op->held.len, out, cap, out_len);
}

const struct crypt_engine crypt_wrap = {
	.once_len = wrap_once_len, .once = wrap_once,
	.update_len = wrap_update_len, .update = wrap_update,
	.final_len = wrap_final_len, .final = wrap_final,
};
