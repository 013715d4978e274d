/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parallel functions (PKCS#11 3.1 5.20), long gone but for their code, and
 * asynchronous ones (3.2), for which no session here is made: C_OpenSession
 * refuses CKF_ASYNC_SESSION.
 */
#include "p11/entry.h"

static CK_RV not_parallel(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, CKR_FUNCTION_NOT_PARALLEL);
}

EXPORT CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE handle)
{
	return not_parallel(handle);
}

EXPORT CK_RV C_CancelFunction(CK_SESSION_HANDLE handle)
{
	return not_parallel(handle);
}

EXPORT CK_RV C_AsyncComplete(CK_SESSION_HANDLE handle, CK_UTF8CHAR *function, CK_ASYNC_DATA *result)
{
	(void)result;
	return entry_unsupported(handle, !function);
}

EXPORT CK_RV C_AsyncGetID(CK_SESSION_HANDLE handle, CK_UTF8CHAR *function, CK_ULONG *id)
{
	return entry_unsupported(handle, !function || !id);
}

EXPORT CK_RV C_AsyncJoin(CK_SESSION_HANDLE handle, CK_UTF8CHAR *function, CK_ULONG id, CK_BYTE *data, CK_ULONG data_len)
{
	(void)id;
	return entry_unsupported(handle, !function || bad_input(data, data_len));
}
