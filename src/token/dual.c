/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dual-function operations (PKCS#11 3.1 5.17): two active operations of the
 * session, fed at once. Nothing goes into either before it is sure that the
 * output fits.
 */
#include "token/operation_impl.h"

static CK_RV both(struct session *s, enum op_kind one, enum op_kind other)
{
	struct operation *op;
	CK_RV rv = operation_current(s, one, &op);
	return rv == CKR_OK ? operation_current(s, other, &op) : rv;
}

typedef CK_RV (*absorb_fn)(struct session *, const CK_BYTE *in, CK_ULONG len);

/* The plaintext is absorbed first: encryption in place overwrites it. */
static CK_RV absorb_encrypt(struct session *s, absorb_fn absorb, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_ULONG need;
	CK_RV rv = crypt_update(s, OP_ENCRYPT, in, len, NULL, &need);
	if (rv != CKR_OK)
		return rv;
	if (!out || *out_len < need) {
		*out_len = need;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	rv = absorb(s, in, len);
	return rv == CKR_OK ? crypt_update(s, OP_ENCRYPT, in, len, out, out_len) : rv;
}

static CK_RV decrypt_absorb(struct session *s, absorb_fn absorb, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = crypt_update(s, OP_DECRYPT, in, len, out, out_len);
	return rv == CKR_OK && out ? absorb(s, out, *out_len) : rv;
}

CK_RV dual_digest_encrypt(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = both(s, OP_DIGEST, OP_ENCRYPT);
	return rv == CKR_OK ? absorb_encrypt(s, digest_update, in, len, out, out_len) : rv;
}

CK_RV dual_decrypt_digest(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = both(s, OP_DECRYPT, OP_DIGEST);
	return rv == CKR_OK ? decrypt_absorb(s, digest_update, in, len, out, out_len) : rv;
}

CK_RV dual_sign_encrypt(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = both(s, OP_SIGN, OP_ENCRYPT);
	return rv == CKR_OK ? absorb_encrypt(s, sign_update, in, len, out, out_len) : rv;
}

CK_RV dual_decrypt_verify(struct session *s, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = both(s, OP_DECRYPT, OP_VERIFY);
	return rv == CKR_OK ? decrypt_absorb(s, verify_update, in, len, out, out_len) : rv;
}
