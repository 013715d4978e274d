/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and MACs (PKCS#11 3.1 5.13). A NULL mechanism cancels the operation. */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, sign_init(s, mechanism, key));
}

EXPORT CK_RV C_Sign(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || !signature_len)
		rv = bad_arguments(s, OP_SIGN);
	else
		rv = sign_once(s, data, data_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_input(part, part_len) ? bad_arguments(s, OP_SIGN) : sign_update(s, part, part_len));
}

EXPORT CK_RV C_SignFinal(CK_SESSION_HANDLE handle, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, signature_len ? sign_final(s, signature, signature_len) : bad_arguments(s, OP_SIGN));
}

EXPORT CK_RV C_SignRecoverInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, sign_recover_init(s, mechanism, key));
}

EXPORT CK_RV C_SignRecover(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
                           CK_ULONG *signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || !signature_len)
		rv = bad_arguments(s, OP_SIGN_RECOVER);
	else
		rv = sign_recover(s, data, data_len, signature, signature_len);
	return entry_leave(s, rv);
}
