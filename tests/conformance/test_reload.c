/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: while an application works, devices come, go and drain as the
 * configuration and the administrator say; a faulty file changes nothing; and
 * C_Finalize leaves no thread, descriptor or mapping behind.
 */
#include "tests/conformance/face.h"

#include "base/conf_states.h"
#include "pool/pool.h"
#include "stats/stats.h"

#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 6000            /* looks, 10 ms apart: only a failure takes as long */

static char conf_path[PATH_MAX], log_path[PATH_MAX], run_path[PATH_MAX];
static struct conf run_conf = {.run_dir = run_path};

#define SOFT(name) "device \"" name "\" { driver = soft domain = \"soft\" }\n"
#define LANES(name) "device \"" name "\" { driver = soft domain = \"soft\" isolation = thread }\n"

/* As an editor does it: a new file takes the place of the old one. */
static void write_conf(const char *devices, const char *rest)
{
	char beside[PATH_MAX + 8];
	snprintf(beside, sizeof beside, "%s.new", conf_path);
	FILE *f = fopen(beside, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "run_dir = \"%s\"\nlog { to = \"file:%s\" level = info }\n", run_path, log_path);
	fprintf(f, "defaults { allow_short_pin = true }\n");
	fprintf(f, "token \"test\" { store = \"sqlite:%s/test.db\" devices = { %s } }\n%s", face_dir(), devices, rest);
	fclose(f);
	CU_ASSERT_EQUAL_FATAL(rename(beside, conf_path), 0);
}

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;

static void make_key(void)
{
	static const CK_BYTE value[16] = {1, 2, 3};
	session = face_user();
	key = face_secret(session, CKK_HUFU_SM4, value, sizeof value);
}

static void begin(const char *devices, const char *rest)
{
	face_stop();
	snprintf(conf_path, sizeof conf_path, "%s/reload.conf", face_dir());
	snprintf(log_path, sizeof log_path, "%s/reload.log", face_dir());
	snprintf(run_path, sizeof run_path, "%s/run", face_dir());
	setenv("HUFU_CONF", conf_path, 1);
	unsetenv("HUFU_LOG");
	unlink(log_path);
	char states[PATH_MAX + 8];
	snprintf(states, sizeof states, "%s.states", conf_path);
	unlink(states);
	write_conf(devices, rest);
	face_start();
	make_key();
}

/* What went before, for whoever looks into a failure. */
static void show_log(void)
{
	char line[2048];
	FILE *f = fopen(log_path, "r");
	while (f && fgets(line, sizeof line, f))
		printf("# log: %s", line);
	if (f)
		fclose(f);
}

/* One op; the application notices nothing, whatever happens to devices. */
static void work(void)
{
	CK_MECHANISM ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_BYTE in[16] = {0}, out[16];
	CK_ULONG len = sizeof out;
	if (!OK(p11->C_EncryptInit(session, &ecb, key)) || !OK(p11->C_Encrypt(session, in, sizeof in, out, &len)))
		show_log();
}

/* -- what is seen from outside ------------------------------------------------------ */

struct looking {
	const char *device;
	bool found;
	struct stats_view view;
};

static void on_view(const struct stats_view *view, void *arg)
{
	struct looking *looking = arg;
	if (view->pid != getpid() || strcmp(view->device, looking->device) != 0 || view->admin == POOL_REMOVED)
		return;
	looking->found = true;
	looking->view = *view;
}

static struct looking look_at(const char *device)
{
	struct looking looking = {.device = device};
	CU_ASSERT_EQUAL(stats_read_all(&run_conf, on_view, &looking), HUFU_OK);
	return looking;
}

static bool serves(const char *device)
{
	struct looking before = look_at(device);
	for (int i = 0; i < 50; i++)
		work();
	struct looking now = look_at(device);
	return now.found && now.view.ops > (before.found ? before.view.ops : 0);
}

static bool has_admin(const char *device, uint32_t admin)
{
	struct looking now = look_at(device);
	return now.found && now.view.admin == admin;
}

static bool is_gone(const char *device)
{
	return !look_at(device).found;
}

static bool drains(const char *device)
{
	return has_admin(device, POOL_DRAINING) && !serves(device);
}

static unsigned told(const char *words)
{
	char line[2048];
	unsigned n = 0;
	FILE *f = fopen(log_path, "r");
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, words) != NULL;
	if (f)
		fclose(f);
	return n;
}

static bool was_told(const char *words)
{
	return told(words) > 0;
}

/* Works on until it is so. */
static bool comes(bool (*is_so)(const char *), const char *what)
{
	for (int i = 0; i < PATIENCE; i++) {
		work();
		if (is_so(what))
			return true;
		usleep(10000);
	}
	return false;
}

static void await(bool (*is_so)(const char *), const char *what)
{
	if (comes(is_so, what))
		return;
	CU_FAIL("it did not come to be");
	printf("# waited for: %s\n", what);
	show_log();
}

/* -- devices ---------------------------------------------------------------------------- */

static void test_add_and_remove(void)
{
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	await(serves, "a");
	write_conf("\"a\", \"b\", \"c\"", SOFT("a") SOFT("b") SOFT("c"));
	await(serves, "c");
	write_conf("\"b\", \"c\"", SOFT("b") SOFT("c"));
	await(is_gone, "a");
	await(serves, "b");
	CU_ASSERT(was_told("reload.conf was changed and is in force"));
	face_stop();
}

/* A token with one device that is called directly has no thread: its callers look. */
static void test_single_device(void)
{
	begin("\"a\"", SOFT("a"));
	await(serves, "a");
	write_conf("\"a\", \"b\"", SOFT("a") SOFT("b"));
	await(serves, "b");
	write_conf("\"b\"", SOFT("b"));
	await(is_gone, "a");
	await(serves, "b");
	face_stop();
}

static void wish(const char *device, enum conf_wish wish)
{
	struct conf *conf = NULL;
	char why[1024] = "";
	CU_ASSERT_EQUAL_FATAL(conf_load_file(conf_path, NULL, NULL, &conf), HUFU_OK);
	CU_ASSERT_EQUAL(conf_states_set(conf, device, wish, "a test", why, sizeof why), HUFU_OK);
	conf_free(conf);
}

static void test_drain(void)
{
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	await(serves, "a");
	wish("a", CONF_WISH_DRAINING);
	await(drains, "a");
	await(serves, "b");
	wish("a", CONF_WISH_ENABLED);
	await(serves, "a");
	face_stop();
}

/* A wish that was there before the program is heeded from its first op on. */
static void test_wish_before_start(void)
{
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	wish("b", CONF_WISH_REMOVED);
	face_stop();
	face_start();
	make_key();
	await(serves, "a");
	CU_ASSERT(is_gone("b"));
	face_stop();
}

/* -- under load ----------------------------------------------------------------------------- */

#define WORKERS 4

static _Atomic bool enough;
static _Atomic unsigned failures, done;

/* A session of its own; the key is the process's. */
static void *work_on(void *slot)
{
	CK_MECHANISM ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_BYTE in[16] = {0}, out[16];
	CK_SESSION_HANDLE s;
	if (p11->C_OpenSession(*(CK_SLOT_ID *)slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK)
		failures++;
	while (!enough) {
		CK_ULONG len = sizeof out;
		CK_RV rv = p11->C_EncryptInit(s, &ecb, key);
		if (rv == CKR_OK)
			rv = p11->C_Encrypt(s, in, sizeof in, out, &len);
		if (rv != CKR_OK) {
			failures++;
			printf("# a worker got %s\n", face_rv_name(rv));
		}
		done++;
		if (done % 64 == 0)
			usleep(1000);
	}
	return NULL;
}

static void test_under_load(void)
{
	pthread_t threads[WORKERS];
	begin("\"a\", \"b\"", SOFT("a") LANES("b"));
	CK_SLOT_ID slot = face_slot("test");
	enough = false;
	failures = done = 0;
	for (int i = 0; i < WORKERS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work_on, &slot), 0);
	for (int i = 0; i < 3; i++) {
		write_conf("\"a\", \"c\"", SOFT("a") LANES("c"));
		await(is_gone, "b");
		await(serves, "c");
		write_conf("\"b\", \"c\"", LANES("b") SOFT("c")); /* c is made anew: it is isolated otherwise */
		await(is_gone, "a");
		await(serves, "b");
		wish("c", i % 2 ? CONF_WISH_MAINTENANCE : CONF_WISH_DRAINING);
		await(serves, "b");
		wish("c", CONF_WISH_ENABLED);
		await(serves, "c");
		write_conf("\"a\", \"b\"", SOFT("a") LANES("b"));
		await(serves, "a");
	}
	enough = true;
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(failures, 0);
	if (failures)
		show_log();
	CU_ASSERT(done > 100);
	face_stop();
}

/* -- files with mistakes ------------------------------------------------------------------ */

static void test_faulty(void)
{
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	await(serves, "a");
	write_conf("\"a\"", SOFT("a") "colour = blue\ndevice \"x\" { }\n");
	await(was_told, "what was in force before stays in force");
	CU_ASSERT_EQUAL(told("unknown key \"colour\""), 1);
	CU_ASSERT_EQUAL(told("device \"x\" has no driver"), 1);
	for (int i = 0; i < 50; i++) { /* five looks later it has not been told again */
		work();
		usleep(20000);
	}
	CU_ASSERT_EQUAL(told("what was in force before stays in force"), 1);
	await(serves, "b");
	write_conf("\"b\"", SOFT("b"));
	await(is_gone, "a");
	face_stop();
}

static void test_restart_needed(void)
{
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	work();
	write_conf("\"a\", \"b\"", SOFT("a") SOFT("b") "token \"later\" { store = \"sqlite:/nowhere/l.db\" }\n");
	await(was_told, "token later is new: this takes effect when the program starts again");
	CK_ULONG n = 0;
	OK(p11->C_GetSlotList(CK_FALSE, NULL, &n));
	CU_ASSERT_EQUAL(n, 1);
	face_stop();
}

/* -- fork ------------------------------------------------------------------------------------ */

/* The parent's thread that watches is not here, nor are its counters ours. */
static int child(void)
{
	if (!comes(serves, "b"))
		return 1;
	write_conf("\"a\", \"b\", \"c\"", SOFT("a") SOFT("b") SOFT("c"));
	return comes(serves, "c") ? 0 : 2;
}

static void test_fork(void)
{
	UNIT_FORKS();
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	await(serves, "a");
	pid_t pid = fork();
	if (pid == 0)
		_exit(child());
	int status = -1;
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	await(serves, "c"); /* the parent has seen it, too */
	face_stop();
}

/* -- nothing is left behind ---------------------------------------------------------------- */

static unsigned entries(const char *path)
{
	unsigned n = 0;
	DIR *d = opendir(path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* Of files in the private directory: stores, counters. */
static unsigned mappings(void)
{
	char line[PATH_MAX + 256];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, face_dir()) != NULL;
	fclose(f);
	return n;
}

/* A thread that was joined stays in /proc for a moment. */
static bool tasks_are(unsigned n)
{
	for (int i = 0; i < PATIENCE; i++) {
		if (entries("/proc/self/task") == n)
			return true;
		usleep(10000);
	}
	return false;
}

static void test_nothing_left(void)
{
	begin("\"a\", \"b\"", SOFT("a") LANES("b")); /* what is made once a process is there now */
	face_stop();
	unsigned fds = entries("/proc/self/fd"), tasks = entries("/proc/self/task"), maps = mappings();
	for (int i = 0; i < 3; i++) {
		begin("\"a\", \"b\"", SOFT("a") LANES("b"));
		await(serves, "b");
		CU_ASSERT(entries("/proc/self/task") > tasks);
		face_stop();
		CU_ASSERT_EQUAL(entries("/proc/self/fd"), fds);
		CU_ASSERT_EQUAL(mappings(), maps);
		CU_ASSERT(tasks_are(tasks));
		CU_ASSERT_EQUAL(entries(run_path), 0);
	}
}

/* Where threads are forbidden there is none, and files are watched all the same. */
static void test_threads_forbidden(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK};
	begin("\"a\", \"b\"", SOFT("a") SOFT("b"));
	face_stop();
	unsigned tasks = entries("/proc/self/task");
	NEED(p11->C_Initialize(&args));
	CK_SLOT_ID slot = face_slot("test");
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
	NEED(p11->C_Login(session, CKU_USER, PIN(USER_PIN)));
	static const CK_BYTE value[16] = {1, 2, 3};
	key = face_secret(session, CKK_HUFU_SM4, value, sizeof value);
	await(serves, "a");
	write_conf("\"b\"", SOFT("b"));
	await(is_gone, "a");
	await(serves, "b");
	CU_ASSERT_EQUAL(entries("/proc/self/task"), tasks);
	OK(p11->C_Finalize(NULL));
}

static const struct unit_case cases[] = {
	{"a device that the configuration gets serves, and one that it loses is gone, while the application works", test_add_and_remove},
	{"the callers of a single device look after the configuration themselves", test_single_device},
	{"a device that is drained serves nobody until it is enabled again", test_drain},
	{"a wish that was there before the program is heeded from the start", test_wish_before_start},
	{"threads that work see no error while devices come, go, change and drain", test_under_load},
	{"a configuration with mistakes is reported once, with all of them, and changes nothing", test_faulty},
	{"what cannot change while the library runs is named in the log", test_restart_needed},
	{"a forked child counts for itself, and sees changes as its parent does", test_fork},
	{"C_Finalize leaves no thread, descriptor or mapping behind", test_nothing_left},
	{"where threads are forbidden none is made, and the files are watched by the callers", test_threads_forbidden},
	{0},
};

UNIT_MAIN("reload", cases)
