/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The function lists and the interfaces that carry them (PKCS#11 3.1 5.4.4 to
 * 5.4.6). They answer before C_Initialize too.
 */
#include "p11/entry.h"

#include <string.h>

#define POINTER(name) .name = name,

static const CK_FUNCTION_LIST list_2_40 = {
	.version = {2, 40},
	HUFU_CK_FUNCTIONS_2_40(POINTER)
};

static const CK_FUNCTION_LIST_3_0 list_3_0 = {
	.version = {3, 0},
	HUFU_CK_FUNCTIONS_2_40(POINTER)
	HUFU_CK_FUNCTIONS_3_0(POINTER)
};

static const CK_FUNCTION_LIST_3_2 list_3_2 = {
	.version = {3, 2},
	HUFU_CK_FUNCTIONS_2_40(POINTER)
	HUFU_CK_FUNCTIONS_3_0(POINTER)
	HUFU_CK_FUNCTIONS_3_2(POINTER)
};

static const char standard[] = "PKCS 11";

/*
 * The default first. CKF_INTERFACE_FORK_SAFE: a forked child goes on with its
 * sessions and logins (token/core.c).
 */
static const CK_INTERFACE interfaces[] = {
	{(CK_UTF8CHAR_PTR)standard, (void *)&list_3_2, CKF_INTERFACE_FORK_SAFE},
	{(CK_UTF8CHAR_PTR)standard, (void *)&list_3_0, CKF_INTERFACE_FORK_SAFE},
	{(CK_UTF8CHAR_PTR)standard, (void *)&list_2_40, CKF_INTERFACE_FORK_SAFE},
};

#define INTERFACES (sizeof interfaces / sizeof interfaces[0])

EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = (CK_FUNCTION_LIST *)&list_2_40;
	return CKR_OK;
}

EXPORT CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR n)
{
	if (!n)
		return CKR_ARGUMENTS_BAD;
	CK_ULONG room = *n;
	*n = INTERFACES;
	if (!list)
		return CKR_OK;
	if (room < INTERFACES)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, interfaces, sizeof interfaces);
	return CKR_OK;
}

static bool matches(const CK_INTERFACE *i, const CK_UTF8CHAR *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *own = i->pFunctionList;
	return (!name || strcmp((const char *)name, (const char *)i->pInterfaceName) == 0) &&
	       (!version || (version->major == own->major && version->minor == own->minor)) && (flags & i->flags) == flags;
}

EXPORT CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR interface, CK_FLAGS flags)
{
	if (!interface)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < INTERFACES; i++)
		if (matches(&interfaces[i], name, version, flags)) {
			*interface = (CK_INTERFACE *)&interfaces[i];
			return CKR_OK;
		}
	return CKR_ARGUMENTS_BAD;
}
