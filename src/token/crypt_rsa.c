/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA encryption (PKCS#11 3.1 6.1.6 to 6.1.8; RFC 8017 7). One block of the
 * modulus' length; in parts, all is kept to the end.
 */
#include "token/key_size.h"
#include "token/operation_impl.h"

#include <string.h>

/* What is not text: RFC 8017 7.1.1, 7.2.1. More than the modulus has when it is too short for the hash. */
static size_t overhead(const struct operation *op)
{
	switch (op->mech->device_mechanism) {
	case CKM_RSA_PKCS: return 11;
	case CKM_RSA_PKCS_OAEP: return 2 * hash_len(hash_of_digest(op->param.oaep.hash)) + 2;
	default: return 0;
	}
}

static bool is_raw(const struct operation *op)
{
	return op->mech->device_mechanism == CKM_RSA_X_509;
}

static CK_RV rsa_begin(struct operation *op)
{
	size_t k = key_modulus_len(op->key);
	return k && k <= KEY_SIG_MAX && k >= overhead(op) ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

/* A text's length is told by its padding alone: what is asked beforehand gets the bound. */
static CK_RV rsa_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	size_t k = key_modulus_len(op->key);
	if (operation_decrypts(op)) {
		*out_len = k - overhead(op);
		return len == k ? CKR_OK : CKR_ENCRYPTED_DATA_LEN_RANGE;
	}
	*out_len = k;
	return len <= k - overhead(op) ? CKR_OK : CKR_DATA_LEN_RANGE;
}

static struct pool_request *request(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap)
{
	struct pool_request *req = operation_request(op, operation_crypt_verb(op));
	req->op.in = in;
	req->op.in_len = len;
	req->op.out = out;
	req->op.out_cap = cap;
	return req;
}

/* PKCS#11 3.1 6.1.7: the number may be given without the zeros that it begins with. */
static CK_RV encrypt(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t k = key_modulus_len(op->key), zeros = is_raw(op) ? k - len : 0;
	CK_RV rv = operation_fits(k, cap, out_len);
	if (rv != CKR_OK)
		return rv;
	memset(op->scratch, 0, zeros);
	if (len)
		memcpy(op->scratch + zeros, in, len);
	request(op, op->scratch, zeros + len, out, k);
	return operation_submit(op, k);
}

/* Into scratch: how much there is to give shows only then. */
static CK_RV decrypt(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t n;
	request(op, in, len, op->scratch, OP_SCRATCH);
	CK_RV rv = operation_submit_any(op, &n);
	if (rv == CKR_OK)
		rv = operation_fits(n, cap, out_len);
	if (rv == CKR_OK && n)
		memcpy(out, op->scratch, n);
	return rv;
}

static CK_RV rsa_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	return operation_decrypts(op) ? decrypt(op, in, len, out, cap, out_len) : encrypt(op, in, len, out, cap, out_len);
}

static CK_RV rsa_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	(void)op;
	(void)len;
	*out_len = 0;
	return CKR_OK;
}

static CK_RV rsa_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	(void)out;
	size_t k = key_modulus_len(op->key);
	return operation_keep(op, in, len, operation_decrypts(op) ? k : k - overhead(op));
}

static CK_RV rsa_final_len(const struct operation *op, size_t *out_len)
{
	return rsa_once_len(op, op->held.len, out_len);
}

static CK_RV rsa_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	return rsa_once(op, op->held.data, op->held.len, out, cap, out_len);
}

const struct crypt_engine crypt_rsa = {
	.begin = rsa_begin,
	.once_len = rsa_once_len, .once = rsa_once,
	.update_len = rsa_update_len, .update = rsa_update,
	.final_len = rsa_final_len, .final = rsa_final,
};
