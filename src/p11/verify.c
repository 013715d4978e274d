/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification (PKCS#11 3.1 5.15), and verification with the signature given
 * first (3.2). A NULL mechanism cancels the operation.
 */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_VerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, verify_init(s, mechanism, key, NULL, 0));
}

EXPORT CK_RV C_Verify(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || bad_input(signature, signature_len))
		rv = bad_arguments(s, OP_VERIFY);
	else
		rv = verify_once(s, data, data_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifyUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_input(part, part_len) ? bad_arguments(s, OP_VERIFY) : verify_update(s, part, part_len));
}

EXPORT CK_RV C_VerifyFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(signature, signature_len))
		rv = bad_arguments(s, OP_VERIFY);
	else
		rv = verify_final(s, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                                   CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (mechanism && (!signature || bad_input(signature, signature_len)))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = verify_init(s, mechanism, key, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifySignature(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len))
		rv = bad_arguments(s, OP_VERIFY);
	else
		rv = verify_signature_once(s, data, data_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(part, part_len))
		rv = bad_arguments(s, OP_VERIFY);
	else
		rv = verify_signature_update(s, part, part_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, verify_signature_final(s));
}

EXPORT CK_RV C_VerifyRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, verify_recover_init(s, mechanism, key));
}

EXPORT CK_RV C_VerifyRecover(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG signature_len, CK_BYTE *data,
                             CK_ULONG *data_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(signature, signature_len) || !data_len)
		rv = bad_arguments(s, OP_VERIFY_RECOVER);
	else
		rv = verify_recover(s, signature, signature_len, data, data_len);
	return entry_leave(s, rv);
}
