/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and tokens (PKCS#11 3.1 5.5). */
#include "p11/entry.h"
#include "token/core.h"
#include "token/slot.h"

EXPORT CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *slots, CK_ULONG *n)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(n ? slot_list(token_present, slots, n) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(info ? slot_info(slot, info) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(info ? slot_token_info(slot, info) : CKR_ARGUMENTS_BAD);
}

/* May wait for long: the application's mutex is not held. */
EXPORT CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	if (!core_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (!slot || reserved)
		return CKR_ARGUMENTS_BAD;
	return core_wait_event(!(flags & CKF_DONT_BLOCK), slot);
}

EXPORT CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *n)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(n ? slot_mechanisms(slot, list, n) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(info ? slot_mechanism_info(slot, type, info) : CKR_ARGUMENTS_BAD);
}

/* pin NULL asks for a protected authentication path, which there is none. */
EXPORT CK_RV C_InitToken(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	return entry_end(pin && !bad_input(pin, pin_len) && label ? slot_init_token(slot, pin, pin_len,
	                 label) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_InitPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, pin && !bad_input(pin, pin_len) ? session_init_pin(s, pin, pin_len) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_SetPIN(CK_SESSION_HANDLE handle, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (!old || bad_input(old, old_len) || !pin || bad_input(pin, pin_len))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = session_set_pin(s, old, old_len, pin, pin_len);
	return entry_leave(s, rv);
}
