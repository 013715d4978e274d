/* SPDX-License-Identifier: Apache-2.0 */
/* Dual-function operations (PKCS#11 3.1 5.17): an error ends both halves. */
#include "p11/entry.h"
#include "token/operation.h"

static CK_RV both_bad(struct session *s, enum op_kind one, enum op_kind other)
{
	(void)bad_arguments(s, one);
	return bad_arguments(s, other);
}

EXPORT CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *encrypted,
                                   CK_ULONG *encrypted_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(part, part_len) || !encrypted_len)
		rv = both_bad(s, OP_DIGEST, OP_ENCRYPT);
	else
		rv = dual_digest_encrypt(s, part, part_len, encrypted, encrypted_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *part,
                                   CK_ULONG *part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(encrypted, encrypted_len) || !part_len)
		rv = both_bad(s, OP_DECRYPT, OP_DIGEST);
	else
		rv = dual_decrypt_digest(s, encrypted, encrypted_len, part, part_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *encrypted,
                                 CK_ULONG *encrypted_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(part, part_len) || !encrypted_len)
		rv = both_bad(s, OP_SIGN, OP_ENCRYPT);
	else
		rv = dual_sign_encrypt(s, part, part_len, encrypted, encrypted_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *part,
                                   CK_ULONG *part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(encrypted, encrypted_len) || !part_len)
		rv = both_bad(s, OP_DECRYPT, OP_VERIFY);
	else
		rv = dual_decrypt_verify(s, encrypted, encrypted_len, part, part_len);
	return entry_leave(s, rv);
}
