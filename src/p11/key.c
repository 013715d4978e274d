/* SPDX-License-Identifier: Apache-2.0 */
/* Keys (PKCS#11 3.1 5.18; encapsulation and authenticated wrapping of 3.2). */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *templ, CK_ULONG n,
                           CK_OBJECT_HANDLE *key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism || bad_template(templ, n) || !key)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = key_generate(s, mechanism, templ, n, key);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *pub, CK_ULONG npub,
                               CK_ATTRIBUTE *priv, CK_ULONG npriv, CK_OBJECT_HANDLE *public_key,
                               CK_OBJECT_HANDLE *private_key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism || bad_template(pub, npub) || bad_template(priv, npriv) || !public_key || !private_key)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = key_generate_pair(s, mechanism, pub, npub, priv, npriv, public_key, private_key);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
                       CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG *wrapped_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism || !wrapped_len)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = key_wrap(s, mechanism, wrapping_key, key, wrapped, wrapped_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key,
                         CK_BYTE *wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism || bad_input(wrapped, wrapped_len) || bad_template(templ, n) || !key)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = key_unwrap(s, mechanism, unwrapping_key, wrapped, wrapped_len, templ, n, key);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base_key, CK_ATTRIBUTE *templ,
                         CK_ULONG n, CK_OBJECT_HANDLE *key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism || bad_template(templ, n) || !key)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = key_derive(s, mechanism, base_key, templ, n, key);
	return entry_leave(s, rv);
}

/* -- what no mechanism of ours does ------------------------------------------- */

EXPORT CK_RV C_EncapsulateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE public_key,
                              CK_ATTRIBUTE *templ, CK_ULONG n, CK_BYTE *ciphertext, CK_ULONG *ciphertext_len,
                              CK_OBJECT_HANDLE *key)
{
	(void)public_key;
	(void)ciphertext;
	return entry_unsupported(handle, !mechanism || bad_template(templ, n) || !ciphertext_len || !key);
}

EXPORT CK_RV C_DecapsulateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE private_key,
                              CK_ATTRIBUTE *templ, CK_ULONG n, CK_BYTE *ciphertext, CK_ULONG ciphertext_len,
                              CK_OBJECT_HANDLE *key)
{
	(void)private_key;
	return entry_unsupported(handle, !mechanism || bad_template(templ, n) || bad_input(ciphertext, ciphertext_len) || !key);
}

EXPORT CK_RV C_WrapKeyAuthenticated(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
                                    CK_OBJECT_HANDLE key, CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *wrapped,
                                    CK_ULONG *wrapped_len)
{
	(void)wrapping_key;
	(void)key;
	(void)wrapped;
	return entry_unsupported(handle, !mechanism || bad_input(aad, aad_len) || !wrapped_len);
}

EXPORT CK_RV C_UnwrapKeyAuthenticated(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key,
                                      CK_BYTE *wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE *templ, CK_ULONG n, CK_BYTE *aad,
                                      CK_ULONG aad_len, CK_OBJECT_HANDLE *key)
{
	(void)unwrapping_key;
	return entry_unsupported(handle, !mechanism || bad_input(wrapped, wrapped_len) || bad_template(templ, n) ||
	                         bad_input(aad, aad_len) || !key);
}
