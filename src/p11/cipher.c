/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption and decryption (PKCS#11 3.1 5.8, 5.10). A NULL mechanism cancels the operation. */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, crypt_init(s, OP_ENCRYPT, mechanism, key));
}

EXPORT CK_RV C_Encrypt(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *encrypted,
                       CK_ULONG *encrypted_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || !encrypted_len)
		rv = bad_arguments(s, OP_ENCRYPT);
	else
		rv = crypt_once(s, OP_ENCRYPT, data, data_len, encrypted, encrypted_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_EncryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *encrypted,
                             CK_ULONG *encrypted_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || !encrypted_len)
		rv = bad_arguments(s, OP_ENCRYPT);
	else
		rv = crypt_update(s, OP_ENCRYPT, data, data_len, encrypted, encrypted_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_EncryptFinal(CK_SESSION_HANDLE handle, CK_BYTE *encrypted, CK_ULONG *encrypted_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, encrypted_len ? crypt_final(s, OP_ENCRYPT, encrypted, encrypted_len) : bad_arguments(s,
	                   OP_ENCRYPT));
}

EXPORT CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, crypt_init(s, OP_DECRYPT, mechanism, key));
}

EXPORT CK_RV C_Decrypt(CK_SESSION_HANDLE handle, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *data,
                       CK_ULONG *data_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(encrypted, encrypted_len) || !data_len)
		rv = bad_arguments(s, OP_DECRYPT);
	else
		rv = crypt_once(s, OP_DECRYPT, encrypted, encrypted_len, data, data_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptUpdate(CK_SESSION_HANDLE handle, CK_BYTE *encrypted, CK_ULONG encrypted_len, CK_BYTE *data,
                             CK_ULONG *data_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(encrypted, encrypted_len) || !data_len)
		rv = bad_arguments(s, OP_DECRYPT);
	else
		rv = crypt_update(s, OP_DECRYPT, encrypted, encrypted_len, data, data_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptFinal(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG *data_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, data_len ? crypt_final(s, OP_DECRYPT, data, data_len) : bad_arguments(s, OP_DECRYPT));
}
