/* SPDX-License-Identifier: Apache-2.0 */
/* Digests (PKCS#11 3.1 5.12). A NULL mechanism cancels the operation. */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_DigestInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, digest_init(s, mechanism));
}

EXPORT CK_RV C_Digest(CK_SESSION_HANDLE handle, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *digest, CK_ULONG *digest_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(data, data_len) || !digest_len)
		rv = bad_arguments(s, OP_DIGEST);
	else
		rv = digest_once(s, data, data_len, digest, digest_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DigestUpdate(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_input(part, part_len) ? bad_arguments(s, OP_DIGEST) : digest_update(s, part, part_len));
}

EXPORT CK_RV C_DigestKey(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, digest_key(s, key));
}

EXPORT CK_RV C_DigestFinal(CK_SESSION_HANDLE handle, CK_BYTE *digest, CK_ULONG *digest_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, digest_len ? digest_final(s, digest, digest_len) : bad_arguments(s, OP_DIGEST));
}
