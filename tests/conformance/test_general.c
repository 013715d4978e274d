/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: the module begins, ends and presents itself as PKCS#11 5.4 says, whatever form it is asked in. */
#include "tests/conformance/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* -- C_Initialize ------------------------------------------------------------------- */

static _Atomic int created, destroyed, depth, most, locked;

static CK_RV make_mutex(void **mutex)
{
	pthread_mutex_t *m = malloc(sizeof *m);
	if (!m || pthread_mutex_init(m, NULL) != 0)
		return CKR_HOST_MEMORY;
	created++;
	*mutex = m;
	return CKR_OK;
}

static CK_RV free_mutex(void *mutex)
{
	destroyed++;
	pthread_mutex_destroy(mutex);
	free(mutex);
	return CKR_OK;
}

static CK_RV lock_mutex(void *mutex)
{
	pthread_mutex_lock(mutex);
	locked++;
	if (++depth > most)
		most = depth;
	return CKR_OK;
}

static CK_RV unlock_mutex(void *mutex)
{
	depth--;
	pthread_mutex_unlock(mutex);
	return CKR_OK;
}

static CK_RV refuse_mutex(void **mutex)
{
	(void)mutex;
	return CKR_HOST_MEMORY;
}

static const CK_C_INITIALIZE_ARGS own_mutexes = {make_mutex, free_mutex, lock_mutex, unlock_mutex, 0, NULL};

static void test_forms(void)
{
	CK_C_INITIALIZE_ARGS forms[] = {
		{.flags = 0},
		{.flags = CKF_OS_LOCKING_OK},
		{.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS},
		{.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK},
		own_mutexes, own_mutexes,
	};
	forms[5].flags = CKF_OS_LOCKING_OK;
	face_stop();
	OK(p11->C_Initialize(NULL));
	OK(p11->C_Finalize(NULL));
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		OK(p11->C_Initialize(&forms[i]));
		IS(p11->C_Initialize(&forms[i]), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		OK(p11->C_Finalize(NULL));
	}
}

/* C_Initialize with this configuration where threads are forbidden; told: whether the log says why not. */
static CK_RV start_without_threads(const char *text, bool *told)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK};
	char conf[4096], log[4096], log_spec[4200], line[1024];
	const char *before = getenv("HUFU_CONF");
	char *conf_before = strdup(before ? before : ""), *log_before = strdup(getenv("HUFU_LOG"));
	snprintf(conf, sizeof conf, "%s/threads.conf", face_dir());
	snprintf(log, sizeof log, "%s/threads.log", face_dir());
	snprintf(log_spec, sizeof log_spec, "file:%s", log);
	FILE *f = fopen(conf, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	fclose(f);
	setenv("HUFU_CONF", conf, 1);
	setenv("HUFU_LOG", log_spec, 1);
	CK_RV rv = p11->C_Initialize(&args);
	if (rv == CKR_OK)
		p11->C_Finalize(NULL);
	setenv("HUFU_CONF", conf_before, 1);
	setenv("HUFU_LOG", log_before, 1);
	*told = false;
	f = fopen(log, "r");
	while (f && fgets(line, sizeof line, f))
		*told |= strstr(line, "CKF_LIBRARY_CANT_CREATE_OS_THREADS") && strstr(line, "\"needy\"");
	if (f)
		fclose(f);
	unlink(log);
	unlink(conf);
	free(conf_before);
	free(log_before);
	return rv;
}

#define DIRECT "device \"direct\" { driver = soft }\n"
#define LANES "device \"lanes\" { driver = soft isolation = thread }\n"

static void test_threads_forbidden(void)
{
	bool told;
	face_stop();
	IS(start_without_threads("token \"needy\" { store = \"sqlite:/nowhere/n.db\" devices = { \"lanes\" } }\n" LANES, &told),
	   CKR_NEED_TO_CREATE_THREADS);
	CU_ASSERT(told);
	IS(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	OK(start_without_threads("token \"well\" { store = \"sqlite:/nowhere/n.db\" devices = { \"lanes\", \"direct\" } }\n" LANES
	                         DIRECT, &told));
	CU_ASSERT_FALSE(told);
	IS(start_without_threads("token \"well\" { store = \"sqlite:/nowhere/w.db\" devices = { \"direct\" } }\n"
	                         "token \"needy\" { store = \"sqlite:/nowhere/n.db\" devices = { \"lanes\" } }\n" LANES DIRECT,
	                         &told), CKR_NEED_TO_CREATE_THREADS);
	CU_ASSERT(told);
}

static void test_some_mutexes(void)
{
	face_stop();
	for (unsigned given = 1; given < 15; given++) {
		CK_C_INITIALIZE_ARGS args = {
			.CreateMutex = given & 1 ? make_mutex : NULL, .DestroyMutex = given & 2 ? free_mutex : NULL,
			.LockMutex = given & 4 ? lock_mutex : NULL, .UnlockMutex = given & 8 ? unlock_mutex : NULL,
		};
		IS(p11->C_Initialize(&args), CKR_ARGUMENTS_BAD);
		args.flags = CKF_OS_LOCKING_OK;
		IS(p11->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	}
	CK_C_INITIALIZE_ARGS reserved = {.flags = CKF_OS_LOCKING_OK, .pReserved = &reserved};
	IS(p11->C_Initialize(&reserved), CKR_ARGUMENTS_BAD);
	IS(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void test_no_mutex(void)
{
	CK_C_INITIALIZE_ARGS args = own_mutexes;
	face_stop();
	args.CreateMutex = refuse_mutex;
	IS(p11->C_Initialize(&args), CKR_CANT_LOCK);
	IS(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void *ask(void *unused)
{
	CK_INFO info;
	CK_ULONG n;
	for (int i = 0; i < 200; i++)
		if (p11->C_GetInfo(&info) != CKR_OK || p11->C_GetSlotList(CK_FALSE, NULL, &n) != CKR_OK)
			return &created;
	return unused;
}

static void test_own_mutexes(void)
{
	CK_C_INITIALIZE_ARGS args = own_mutexes;
	pthread_t threads[8];
	face_stop();
	created = destroyed = depth = most = locked = 0;
	NEED(p11->C_Initialize(&args));
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, ask, NULL), 0);
	for (int i = 0; i < 8; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
	OK(p11->C_Finalize(NULL));
	CU_ASSERT_EQUAL(most, 1);
	CU_ASSERT_EQUAL(depth, 0);
	CU_ASSERT(locked >= 8 * 400);
	CU_ASSERT(created > 0);
	CU_ASSERT_EQUAL(created, destroyed);
}

static CK_RV inner;

static CK_RV start_again(void **mutex)
{
	inner = p11->C_Initialize(NULL);
	return make_mutex(mutex);
}

/* A library that C_Initialize calls may be one that initialises this module itself. */
static void test_recursive(void)
{
	CK_C_INITIALIZE_ARGS args = own_mutexes;
	CK_INFO info;
	face_stop();
	args.CreateMutex = start_again;
	created = destroyed = 0;
	IS(p11->C_Initialize(&args), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	IS(inner, CKR_OK);
	CU_ASSERT_EQUAL(created, destroyed);
	OK(p11->C_GetInfo(&info));
	OK(p11->C_Finalize(NULL));
}

static void test_system_locks_preferred(void)
{
	CK_C_INITIALIZE_ARGS args = own_mutexes;
	CK_INFO info;
	face_stop();
	args.flags = CKF_OS_LOCKING_OK;
	locked = 0;
	NEED(p11->C_Initialize(&args));
	OK(p11->C_GetInfo(&info));
	OK(p11->C_Finalize(NULL));
	CU_ASSERT_EQUAL(locked, 0);
}

static void test_finalize(void)
{
	int reserved;
	face_stop();
	IS(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	face_start();
	IS(p11->C_Finalize(&reserved), CKR_ARGUMENTS_BAD);
	OK(p11->C_Finalize(NULL));
	IS(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void *start(void *won)
{
	CK_RV rv = p11->C_Initialize(NULL);
	if (rv == CKR_OK)
		(*(_Atomic int *)won)++;
	return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? NULL : won;
}

static void test_concurrent_start(void)
{
	face_stop();
	for (int round = 0; round < 20; round++) {
		_Atomic int won = 0;
		pthread_t threads[8];
		for (int i = 0; i < 8; i++)
			CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, start, &won), 0);
		for (int i = 0; i < 8; i++) {
			void *failed;
			pthread_join(threads[i], &failed);
			CU_ASSERT_PTR_NULL(failed);
		}
		CU_ASSERT_EQUAL(won, 1);
		OK(p11->C_Finalize(NULL));
	}
}

/* -- presenting itself ---------------------------------------------------------------- */

static void test_info(void)
{
	CK_INFO info;
	face_stop();
	IS(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	face_start();
	IS(p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	memset(&info, 0xa5, sizeof info);
	NEED(p11->C_GetInfo(&info));
	CU_ASSERT_EQUAL(info.cryptokiVersion.major, 3);
	CU_ASSERT_EQUAL(info.cryptokiVersion.minor, 2);
	CU_ASSERT_EQUAL(info.flags, 0);
	CU_ASSERT_EQUAL(memcmp(info.manufacturerID, "hufu                            ", 32), 0);
	CU_ASSERT_PTR_NULL(memchr(info.libraryDescription, 0, 32));
}

#define IN_LIST(name) if (!list->name) return #name; if ((void *)(uintptr_t)list->name != face_symbol(#name)) return #name;

static const char *wrong_2_40(const CK_FUNCTION_LIST *list)
{
	HUFU_CK_FUNCTIONS_2_40(IN_LIST)
	return NULL;
}

static const char *wrong_3_0(const CK_FUNCTION_LIST_3_0 *list)
{
	HUFU_CK_FUNCTIONS_2_40(IN_LIST)
	HUFU_CK_FUNCTIONS_3_0(IN_LIST)
	return NULL;
}

static const char *wrong_3_2(const CK_FUNCTION_LIST_3_2 *list)
{
	HUFU_CK_FUNCTIONS_2_40(IN_LIST)
	HUFU_CK_FUNCTIONS_3_0(IN_LIST)
	HUFU_CK_FUNCTIONS_3_2(IN_LIST)
	return NULL;
}

static void test_function_list(void)
{
	CK_FUNCTION_LIST *list = NULL;
	face_load();
	CK_C_GetFunctionList get = (CK_C_GetFunctionList)(uintptr_t)face_symbol("C_GetFunctionList");
	CU_ASSERT_PTR_NOT_NULL_FATAL(get);
	IS(get(NULL), CKR_ARGUMENTS_BAD);
	NEED(get(&list));
	CU_ASSERT_EQUAL(list->version.major, 2);
	CU_ASSERT_EQUAL(list->version.minor, 40);
	CU_ASSERT_PTR_NULL(wrong_2_40(list));
}

static void test_interface_list(void)
{
	CK_INTERFACE list[8];
	CK_ULONG n = 0;
	face_stop();
	IS(p11->C_GetInterfaceList(list, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	OK(p11->C_GetInterfaceList(NULL, &n));
	CU_ASSERT_EQUAL(n, 3);
	n = 2;
	IS(p11->C_GetInterfaceList(list, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 3);
	n = 8;
	OK(p11->C_GetInterfaceList(list, &n));
	CU_ASSERT_EQUAL(n, 3);
	for (CK_ULONG i = 0; i < n; i++) {
		const CK_VERSION *v = list[i].pFunctionList;
		CU_ASSERT_STRING_EQUAL((char *)list[i].pInterfaceName, "PKCS 11");
		CU_ASSERT_EQUAL(list[i].flags, CKF_INTERFACE_FORK_SAFE);
		const char *wrong = v->major == 2 ? wrong_2_40(list[i].pFunctionList)
		                  : v->minor == 0 ? wrong_3_0(list[i].pFunctionList) : wrong_3_2(list[i].pFunctionList);
		CU_ASSERT_PTR_NULL(wrong);
	}
}

static void test_interface_forms(void)
{
	static const struct {
		const char *name;
		CK_BYTE major, minor; /* 0, 0: no version */
		CK_FLAGS flags;
		CK_BYTE gives_major, gives_minor; /* 0, 0: CKR_ARGUMENTS_BAD */
	} rows[] = {
		{NULL, 0, 0, 0, 3, 2}, {"PKCS 11", 0, 0, 0, 3, 2},
		{"PKCS 11", 2, 40, 0, 2, 40}, {"PKCS 11", 3, 0, 0, 3, 0}, {"PKCS 11", 3, 2, 0, 3, 2}, {NULL, 3, 0, 0, 3, 0},
		{NULL, 0, 0, CKF_INTERFACE_FORK_SAFE, 3, 2}, {"PKCS 11", 2, 40, CKF_INTERFACE_FORK_SAFE, 2, 40},
		{"PKCS 11", 0, 0, 2, 0, 0}, {"PKCS 11", 0, 0, ~0UL, 0, 0}, {NULL, 0, 0, CKF_INTERFACE_FORK_SAFE | 4, 0, 0},
		{"PKCS 11", 3, 1, 0, 0, 0}, {"PKCS 11", 2, 20, 0, 0, 0}, {"PKCS 11", 255, 255, 0, 0, 0},
		{"", 0, 0, 0, 0, 0}, {"PKCS 1", 0, 0, 0, 0, 0}, {"PKCS 11 ", 0, 0, 0, 0, 0}, {"pkcs 11", 0, 0, 0, 0, 0},
		{"Vendor NSS Module Interface", 0, 0, 0, 0, 0}, {"Vendor NSS FIPS Interface", 0, 0, 0, 0, 0},
	};
	face_load();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CK_VERSION version = {rows[i].major, rows[i].minor};
		CK_INTERFACE_PTR interface = NULL;
		bool found = rows[i].gives_major;
		CK_UTF8CHAR_PTR name = (CK_UTF8CHAR_PTR)(uintptr_t)rows[i].name;
		IS(p11->C_GetInterface(name, rows[i].major ? &version : NULL, &interface, rows[i].flags),
		   found ? CKR_OK : CKR_ARGUMENTS_BAD);
		if (!found || !interface)
			continue;
		const CK_VERSION *v = interface->pFunctionList;
		CU_ASSERT_EQUAL(v->major, rows[i].gives_major);
		CU_ASSERT_EQUAL(v->minor, rows[i].gives_minor);
	}
	IS(p11->C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void test_parallel(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	IS(p11->C_GetFunctionStatus(s), CKR_FUNCTION_NOT_PARALLEL);
	IS(p11->C_CancelFunction(s), CKR_FUNCTION_NOT_PARALLEL);
	IS(p11->C_GetFunctionStatus(0), CKR_SESSION_HANDLE_INVALID);
	IS(p11->C_CancelFunction(0), CKR_SESSION_HANDLE_INVALID);
}

static void test_async(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	CK_ASYNC_DATA data = {0};
	CK_ULONG id;
	CK_UTF8CHAR_PTR name = (CK_UTF8CHAR_PTR)(uintptr_t)"C_Sign";
	CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_ASYNC_SESSION;
	IS(p11->C_OpenSession(face_slot("test"), flags, NULL, NULL, &id), CKR_SESSION_ASYNC_NOT_SUPPORTED);
	IS(p11->C_AsyncComplete(s, name, &data), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_AsyncGetID(s, name, &id), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_AsyncJoin(s, name, 1, NULL, 0), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_AsyncComplete(0, name, &data), CKR_SESSION_HANDLE_INVALID);
	IS(p11->C_AsyncGetID(s, NULL, &id), CKR_ARGUMENTS_BAD);
}

static void test_validation_flags(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	CK_FLAGS flags = 77;
	OK(p11->C_GetSessionValidationFlags(s, CKS_LAST_VALIDATION_OK, &flags));
	CU_ASSERT_EQUAL(flags, 0);
	IS(p11->C_GetSessionValidationFlags(s, 99, &flags), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetSessionValidationFlags(s, CKS_LAST_VALIDATION_OK, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetSessionValidationFlags(0, CKS_LAST_VALIDATION_OK, &flags), CKR_SESSION_HANDLE_INVALID);
	face_stop();
}

static const struct unit_case cases[] = {
	{"C_Initialize takes every form of arguments, once at a time", test_forms},
	{"where threads are forbidden, a token whose devices all need them is CKR_NEED_TO_CREATE_THREADS, with a reason logged",
	 test_threads_forbidden},
	{"some mutex functions without the others, or a reserved pointer, are bad arguments", test_some_mutexes},
	{"without a mutex from the application the library does not start", test_no_mutex},
	{"the application's mutexes serialise every entry and are given back", test_own_mutexes},
	{"C_Initialize from within C_Initialize starts the library once", test_recursive},
	{"with leave to use the system's locks the application's are left alone", test_system_locks_preferred},
	{"C_Finalize ends once, and only without a reserved pointer", test_finalize},
	{"of threads that start at once, one starts the library", test_concurrent_start},
	{"C_GetInfo tells version 3.2 in blank-padded text", test_info},
	{"C_GetFunctionList gives the 2.40 list, every entry the exported one", test_function_list},
	{"C_GetInterfaceList gives three interfaces whose layout matches their version", test_interface_list},
	{"C_GetInterface finds by name, version and flags, and refuses unknown ones", test_interface_forms},
	{"the parallel functions answer that nothing is parallel", test_parallel},
	{"asynchronous sessions and functions are declined", test_async},
	{"no operation is claimed to be validated", test_validation_flags},
	{0},
};

UNIT_MAIN("general", cases)
