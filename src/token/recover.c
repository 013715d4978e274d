/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_VerifyRecover (PKCS#11 3.1 5.15.5): what an RSA signature was made of. The
 * public operation is the one that encrypts a number.
 */
#include "token/key_size.h"
#include "token/operation_impl.h"

#include <string.h>

CK_RV verify_recover_init(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	struct operation *op;
	if (!m)
		return operation_cancel(s, OP_VERIFY_RECOVER);
	return operation_begin(s, OP_VERIFY_RECOVER, m, key, NULL, &op);
}

static bool is_padded(const struct operation *op)
{
	return op->mech->device_mechanism == CKM_RSA_PKCS;
}

/* The number, into scratch. */
static CK_RV open_number(struct operation *op, const uint8_t *sig, size_t k)
{
	struct pool_request *req = operation_request(op, HUFU_VERB_ENCRYPT);
	req->op.mechanism = CKM_RSA_X_509;
	req->op.in = sig;
	req->op.in_len = k;
	req->op.out = op->scratch;
	req->op.out_cap = k;
	CK_RV rv = operation_submit(op, k);
	return rv == CKR_DATA_INVALID || rv == CKR_DATA_LEN_RANGE ? CKR_SIGNATURE_INVALID : rv;
}

/* RFC 8017 9.2: 00 01 FF ... FF 00 T, eight of FF or more. Nothing here is secret. NULL: it is none. */
static const uint8_t *unpad(const uint8_t *block, size_t k, size_t *len)
{
	size_t at = 2;
	if (block[0] != 0 || block[1] != 1)
		return NULL;
	while (at < k && block[at] == 0xff)
		at++;
	if (at == k || block[at] != 0 || at < 2 + 8)
		return NULL;
	*len = k - at - 1;
	return block + at + 1;
}

static CK_RV recover(struct operation *op, const uint8_t *sig, size_t k, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t len = k;
	CK_RV rv = open_number(op, sig, k);
	if (rv != CKR_OK)
		return rv;
	const uint8_t *data = is_padded(op) ? unpad(op->scratch, k, &len) : op->scratch;
	if (!data)
		return CKR_SIGNATURE_INVALID;
	rv = operation_fits(len, cap, out_len);
	if (rv == CKR_OK && len)
		memcpy(out, data, len);
	return rv;
}

CK_RV verify_recover(struct session *s, const CK_BYTE *sig, CK_ULONG sig_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *op;
	CK_RV rv = operation_current(s, OP_VERIFY_RECOVER, &op);
	if (rv != CKR_OK)
		return rv;
	size_t k = key_modulus_len(op->key), n = is_padded(op) ? k - 11 : k;
	if (sig_len != k || k > OP_SCRATCH)
		rv = CKR_SIGNATURE_LEN_RANGE;
	else if (out)
		rv = recover(op, sig, k, out, *out_len, &n);
	if (rv == CKR_OK || rv == CKR_BUFFER_TOO_SMALL)
		*out_len = n;
	return operation_settle(op, rv, out != NULL);
}
