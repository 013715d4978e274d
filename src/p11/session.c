/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and logins (PKCS#11 3.1 5.6; C_GetSessionValidationFlags of 3.2). */
#include "p11/entry.h"
#include "token/operation.h"

/* No notification is ever given: nothing here surrenders. */
EXPORT CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *session)
{
	(void)application;
	(void)notify;
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(session ? session_open(slot, flags, session) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(session_close(handle));
}

EXPORT CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(session_close_all(slot));
}

EXPORT CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, info ? session_info(s, info) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, session_cancel(s, flags));
}

EXPORT CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG *state_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, state_len ? state_save(s, state, state_len) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG state_len,
                                 CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!state || bad_input(state, state_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = state_restore(s, state, state_len, encryption_key, authentication_key);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_len,
                         CK_UTF8CHAR *username, CK_ULONG username_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_input(pin, pin_len) || bad_input(username, username_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = session_login(s, type, pin, pin_len, username, username_len);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE type, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	return C_LoginUser(handle, type, pin, pin_len, NULL, 0);
}

EXPORT CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, session_logout(s));
}

/* The module claims no validation (CKO_VALIDATION): no operation is a validated one. */
EXPORT CK_RV C_GetSessionValidationFlags(CK_SESSION_HANDLE handle, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS_PTR flags)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!flags || type != CKS_LAST_VALIDATION_OK)
		return entry_leave(s, CKR_ARGUMENTS_BAD);
	*flags = 0;
	return entry_leave(s, CKR_OK);
}
