/* SPDX-License-Identifier: Apache-2.0 */
/* The module's lives in this process: a private directory, tokens, sessions. Whatever fails here ends the program. */
#include "chaos.h"

#include <ftw.h>
#include <time.h>
#include <unistd.h>

#include "driver/fault/fault.h"

CK_FUNCTION_LIST_3_2 *p11;
CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
char life_dir[64];

CK_RV C_GetInterface(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);

double life_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* -- the process -------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static pid_t owner;

static void remove_dir(void)
{
	if (getpid() == owner)
		nftw(life_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void life_need(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	printf("Bail out! %s gives 0x%lx where nothing should fail\n", what, rv);
	fflush(stdout);
	remove_dir();
	_exit(99); /* other threads are at work in libraries that exit would take apart */
}

static void *nothing(void *arg)
{
	return arg;
}

/* A sanitizer's own thread comes with the first one: it is no thread of ours that was left over. */
static void have_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
		life_need(CKR_HOST_MEMORY, "pthread_create");
}

void life_begin(void)
{
	const char *tmp = getenv("TMPDIR");
	CK_INTERFACE *interface = NULL;
	CK_VERSION version = {3, 2};

	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(life_dir, sizeof(life_dir), "%.40s/hufu-chaos.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(life_dir))
		life_need(CKR_FUNCTION_FAILED, "mkdtemp");
	owner = getpid();
	atexit(remove_dir);
	if (fault_register() != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, "fault_register");
	NEED(C_GetInterface((CK_UTF8CHAR *)(uintptr_t)"PKCS 11", &version, &interface, 0));
	p11 = interface->pFunctionList;
	oracle_start();
	have_threads();
}

static void conf_path(char path[96], const char *suffix)
{
	snprintf(path, 96, "%s/hufu.conf%s", life_dir, suffix);
}

FILE *life_conf(void)
{
	char path[96];

	conf_path(path, ".new");
	FILE *f = fopen(path, "w");
	if (!f)
		life_need(CKR_FUNCTION_FAILED, path);
	fprintf(f, "log { to = \"none\" }\n");
	return f;
}

void life_conf_done(FILE *f)
{
	char made[96], path[96];

	conf_path(made, ".new");
	conf_path(path, "");
	if (fclose(f) != 0 || rename(made, path) != 0)
		life_need(CKR_FUNCTION_FAILED, path);
	setenv("HUFU_CONF", path, 1);
	setenv("HUFU_LOG", "none", 0);
}

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

void life_wish(const char *device, enum conf_wish wish)
{
	char path[96], why[256];
	struct conf *conf;

	conf_path(path, "");
	if (conf_load_file(path, report, NULL, &conf) != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, path);
	if (conf_states_set(conf, device, wish, NULL, why, sizeof(why)) != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, why);
	conf_free(conf);
}

/* -- the module ---------------------------------------------------------------------- */

void life_start(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};

	NEED(p11->C_Initialize(&args));
}

CK_SLOT_ID life_slot(const char *token)
{
	CK_SLOT_ID ids[8];
	CK_ULONG n = 8;
	char want[64];

	snprintf(want, sizeof(want), "hufu: %s ", token);
	NEED(p11->C_GetSlotList(CK_FALSE, ids, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_SLOT_INFO info;
		NEED(p11->C_GetSlotInfo(ids[i], &info));
		if (memcmp(info.slotDescription, want, strlen(want)) == 0)
			return ids[i];
	}
	life_need(CKR_SLOT_ID_INVALID, token);
	return 0;
}

CK_SESSION_HANDLE life_session(const char *token)
{
	CK_SESSION_HANDLE s;

	NEED(p11->C_OpenSession(life_slot(token), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	return s;
}

void life_make_token(const char *name)
{
	CK_UTF8CHAR label[32];

	memset(label, ' ', sizeof(label));
	memcpy(label, name, strlen(name));
	NEED(p11->C_InitToken(life_slot(name), PIN(SO_PIN), label));
	CK_SESSION_HANDLE s = life_session(name);
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	NEED(p11->C_InitPIN(s, PIN(USER_PIN)));
	NEED(p11->C_CloseSession(s));
}

CK_SESSION_HANDLE life_log_in(const char *token)
{
	life_start();
	CK_SESSION_HANDLE s = life_session(token);
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	return s;
}
