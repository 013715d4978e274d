/* SPDX-License-Identifier: Apache-2.0 */
/* General-purpose functions (PKCS#11 3.1 5.4). The lists are in interface.c. */
#include "config.h"
#include "p11/entry.h"
#include "token/core.h"

#include <string.h>

/* The forms that 5.4.1 allows: no reserved pointer, mutex functions all or none. */
static bool args_bad(const CK_C_INITIALIZE_ARGS *args)
{
	int given = !!args->CreateMutex + !!args->DestroyMutex + !!args->LockMutex + !!args->UnlockMutex;
	return args->pReserved || (given != 0 && given != 4);
}

/* 5.4.1, case 3: the application's mutexes and no leave to use the system's. */
static bool wants_own_mutex(const CK_C_INITIALIZE_ARGS *args)
{
	return args->CreateMutex && !(args->flags & CKF_OS_LOCKING_OK);
}

/*
 * A module may be initialised from within its own initialisation (a library
 * that it loads loads it): the inner call is answered by core_start.
 */
EXPORT CK_RV C_Initialize(void *init_args)
{
	static const CK_C_INITIALIZE_ARGS none;
	const CK_C_INITIALIZE_ARGS *args = init_args ? init_args : &none;
	void *mutex = NULL;

	if (args_bad(args))
		return CKR_ARGUMENTS_BAD;
	if (wants_own_mutex(args)) {
		CK_RV rv = entry_mutex_new(args, &mutex);
		if (rv != CKR_OK)
			return rv;
	}
	CK_RV rv = core_start(args->flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS);
	if (rv == CKR_OK)
		entry_mutex_use(args, mutex);
	else if (mutex)
		entry_mutex_free(args, mutex);
	return rv;
}

EXPORT CK_RV C_Finalize(void *reserved)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	rv = reserved ? CKR_ARGUMENTS_BAD : core_stop();
	if (rv != CKR_OK)
		return entry_end(rv);
	entry_mutex_drop();
	return CKR_OK;
}

/* Text as PKCS#11 has it: padded with blanks, no NUL. */
static void blank_pad(unsigned char *to, size_t len, const char *text)
{
	memset(to, ' ', len);
	memcpy(to, text, strlen(text));
}

EXPORT CK_RV C_GetInfo(CK_INFO *info)
{
	CK_RV rv = entry_begin();
	if (rv != CKR_OK)
		return rv;
	if (!info)
		return entry_end(CKR_ARGUMENTS_BAD);
	memset(info, 0, sizeof *info);
	info->cryptokiVersion = (CK_VERSION){3, 2};
	blank_pad(info->manufacturerID, sizeof info->manufacturerID, "hufu");
	blank_pad(info->libraryDescription, sizeof info->libraryDescription, "SM2 SM3 SM4 ZUC over devices");
	info->libraryVersion = (CK_VERSION){HUFU_VERSION_MAJOR, HUFU_VERSION_MINOR};
	return entry_end(CKR_OK);
}
