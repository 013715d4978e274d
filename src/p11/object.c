/* SPDX-License-Identifier: Apache-2.0 */
/* Objects (PKCS#11 3.1 5.7). */
#include "p11/entry.h"
#include "token/object.h"

EXPORT CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *object)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_template(templ, n) || !object)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = object_create(s, templ, n, object);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ, CK_ULONG n,
                          CK_OBJECT_HANDLE *copy)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	if (bad_template(templ, n) || !copy)
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = object_copy(s, object, templ, n, copy);
	return entry_leave(s, rv);
}

EXPORT CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, object_destroy(s, object));
}

EXPORT CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, size ? object_size(s, object, size) : CKR_ARGUMENTS_BAD);
}

EXPORT CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_template(templ, n) ? CKR_ARGUMENTS_BAD : object_get_attributes(s, object, templ, n));
}

EXPORT CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_template(templ, n) ? CKR_ARGUMENTS_BAD : object_set_attributes(s, object, templ, n));
}

EXPORT CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, bad_template(templ, n) ? CKR_ARGUMENTS_BAD : find_init(s, templ, n));
}

EXPORT CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *n)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, (max && !objects) || !n ? CKR_ARGUMENTS_BAD : find_next(s, objects, max, n));
}

EXPORT CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = entry_session(handle, &s);
	if (rv != CKR_OK)
		return rv;
	return entry_leave(s, find_final(s));
}
