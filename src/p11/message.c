/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message-based functions (PKCS#11 3.1 5.9, 5.11, 5.14, 5.16). Nonsense in the
 * arguments of one message does not end the process that Init began.
 */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_init(s, OP_MESSAGE_ENCRYPT, mechanism, key));
}

EXPORT CK_RV C_EncryptMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
                              CK_ULONG aad_len, CK_BYTE *plaintext, CK_ULONG plaintext_len, CK_BYTE *ciphertext,
                              CK_ULONG *ciphertext_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(aad, aad_len) || bad_input(plaintext, plaintext_len) ||
	    !ciphertext_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt(s, OP_MESSAGE_ENCRYPT, parameter, parameter_len, aad, aad_len, plaintext, plaintext_len,
		                   ciphertext, ciphertext_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
                                   CK_ULONG aad_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(aad, aad_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt_begin(s, OP_MESSAGE_ENCRYPT, parameter, parameter_len, aad, aad_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *plaintext,
                                  CK_ULONG plaintext_len, CK_BYTE *ciphertext, CK_ULONG *ciphertext_len, CK_FLAGS flags)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(plaintext, plaintext_len) || !ciphertext_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt_next(s, OP_MESSAGE_ENCRYPT, parameter, parameter_len, plaintext, plaintext_len, ciphertext,
		                        ciphertext_len, flags);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_final(s, OP_MESSAGE_ENCRYPT));
}

EXPORT CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_init(s, OP_MESSAGE_DECRYPT, mechanism, key));
}

EXPORT CK_RV C_DecryptMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
                              CK_ULONG aad_len, CK_BYTE *ciphertext, CK_ULONG ciphertext_len, CK_BYTE *plaintext,
                              CK_ULONG *plaintext_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(aad, aad_len) || bad_input(ciphertext, ciphertext_len) ||
	    !plaintext_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt(s, OP_MESSAGE_DECRYPT, parameter, parameter_len, aad, aad_len, ciphertext, ciphertext_len,
		                   plaintext, plaintext_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
                                   CK_ULONG aad_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(aad, aad_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt_begin(s, OP_MESSAGE_DECRYPT, parameter, parameter_len, aad, aad_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *ciphertext,
                                  CK_ULONG ciphertext_len, CK_BYTE *plaintext, CK_ULONG *plaintext_len, CK_FLAGS flags)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(ciphertext, ciphertext_len) || !plaintext_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_crypt_next(s, OP_MESSAGE_DECRYPT, parameter, parameter_len, ciphertext, ciphertext_len, plaintext,
		                        plaintext_len, flags);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_final(s, OP_MESSAGE_DECRYPT));
}

EXPORT CK_RV C_MessageSignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_init(s, OP_MESSAGE_SIGN, mechanism, key));
}

EXPORT CK_RV C_SignMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
                           CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(data, data_len) || !signature_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_sign(s, parameter, parameter_len, data, data_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_SignMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_sign_begin(s, parameter, parameter_len);
	return entry_leave(s, rv);
}

/* signature_len NULL: more parts follow. */
EXPORT CK_RV C_SignMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *part,
                               CK_ULONG part_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(part, part_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_sign_next(s, parameter, parameter_len, part, part_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_MessageSignFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_final(s, OP_MESSAGE_SIGN));
}

EXPORT CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_init(s, OP_MESSAGE_VERIFY, mechanism, key));
}

EXPORT CK_RV C_VerifyMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
                             CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(data, data_len) || bad_input(signature, signature_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_verify(s, parameter, parameter_len, data, data_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_verify_begin(s, parameter, parameter_len);
	return entry_leave(s, rv);
}

/* signature NULL: more parts follow. */
EXPORT CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len, CK_BYTE *part,
                                 CK_ULONG part_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(parameter, parameter_len) || bad_input(part, part_len) || (signature && bad_input(signature,
	    signature_len)))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = message_verify_next(s, parameter, parameter_len, part, part_len, signature, signature_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, message_final(s, OP_MESSAGE_VERIFY));
}
