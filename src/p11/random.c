/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers (PKCS#11 3.1 5.19). */
#include "p11/entry.h"
#include "token/operation.h"

EXPORT CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG seed_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_input(seed, seed_len) ? CKR_ARGUMENTS_BAD : random_seed(s, seed, seed_len));
}

EXPORT CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_input(out, len) ? CKR_ARGUMENTS_BAD : random_fill(s, out, len));
}
