/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in an ASYNC_JOB an operation that waits for a card pauses the job and wakes its
 * descriptor; one thread has as many in flight as it has jobs; whatever the
 * application does with a job in between (resumes it early, blocks pausing, forks, gives it up, ends) nothing
 * hangs, and nothing is left behind; and libcrypto's 32 KiB are enough.
 */
#include "tests/conformance/provider_jobs.h"

#include <dirent.h>
#include <openssl/err.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS 16u
#define JOB_STACK 32768u                /* libcrypto 3.0, async_posix.c */
#define KEEP_FREE 8192u

/* -- a card whose ops wait at a gate --------------------------------------------------- */

static char gate[64];

static void gate_close(void)
{
	FILE *f = fopen(gate, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fclose(f);
}

static void gate_open(void)
{
	CU_ASSERT_EQUAL(unlink(gate), 0);
}

static void up(void)
{
	static char card[256];

	snprintf(gate, sizeof gate, "/tmp/hufu-gate.%ld", (long)getpid());
	snprintf(card, sizeof card, "device \"card\" { driver = \"fault-hang\" domain = \"cards\" sessions = 16 hung_max = 64 "
	         "gate = \"%s\" }\n", gate);
	face_use_devices("devices = {\"card\"} deadline_ms = 3000", card);
	provider_up();
}

/* -- jobs -------------------------------------------------------------------------------- */

static struct task tasks[JOBS];
static struct signing signings[JOBS];

static const struct {
	const char *label, *md;
} signers[] = {{"rsa", "SHA256"}, {"p256", "SHA256"}, {"p384", "SHA384"}, {"sm2", "SM3"}, {"ed25519", NULL}};
#define SIGNERS (sizeof signers / sizeof *signers)
enum { P256 = 1, SM2 = 3 };

static void prepare(size_t signer, EVP_PKEY *key)
{
	for (unsigned i = 0; i < JOBS; i++) {
		signings[i] = (struct signing){.key = key, .md = signers[signer].md};
		tasks[i] = (struct task){.run = sign_in_job, .arg = &signings[i]};
	}
}

static void clear(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		task_clear(&tasks[i]);
}

/* While the gate is closed all are paused, or something is wrong. */
static void pause_all(unsigned n)
{
	gate_close();
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(task_start(&tasks[i]));
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(!task_is_ready(&tasks[i], 0));
}

static void finish_all(unsigned n)
{
	gate_open();
	CU_ASSERT_EQUAL(tasks_finish(tasks, n), n);
}

static void all_are_right(unsigned n, EVP_PKEY *public)
{
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(signature_is_right(&signings[i], public));
}

/* -- cases ------------------------------------------------------------------------------ */

static void test_many(void)
{
	for (size_t k = 0; k < SIGNERS; k++) {
		EVP_PKEY *key = provider_private(signers[k].label), *public = provider_public(signers[k].label);

		prepare(k, key);
		pause_all(JOBS);
		finish_all(JOBS);
		all_are_right(JOBS, public);
		clear(JOBS);
		EVP_PKEY_free(key);
		EVP_PKEY_free(public);
	}
}

/* A job's second operation, and its ASYNC_WAIT_CTX's next job, use the descriptor that the application has already. */
static int sign_thrice(void *arg)
{
	return sign_in_job(arg) && sign_in_job(arg) && sign_in_job(arg);
}

static void test_again(void)
{
	EVP_PKEY *key = provider_private("sm2");

	prepare(SM2, key);
	tasks[0].run = sign_thrice;
	int fd = -1;
	for (int round = 0; round < 2; round++) {
		pause_all(1);
		CU_ASSERT(fd < 0 || task_fd(&tasks[0]) == fd);
		fd = task_fd(&tasks[0]);
		CU_ASSERT(fd >= 0);
		finish_all(1);
		CU_ASSERT_EQUAL(task_fd(&tasks[0]), fd);
		CU_ASSERT(!task_is_ready(&tasks[0], 0));
	}
	clear(1);
	EVP_PKEY_free(key);
}

static void test_outside(void)
{
	EVP_PKEY *key = provider_private("p256"), *public = provider_public("p256");

	prepare(P256, key);
	pause_all(4);
	gate_open();
	CU_ASSERT_EQUAL(sign_in_job(&signings[5]), 1); /* which is none: it waits, and pauses nobody */
	CU_ASSERT(signature_is_right(&signings[5], public));
	CU_ASSERT_EQUAL(tasks_finish(tasks, 4), 4);
	all_are_right(4, public);
	clear(4);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}

static void test_early(void)
{
	EVP_PKEY *key = provider_private("p256"), *public = provider_public("p256");

	prepare(P256, key);
	pause_all(JOBS);
	for (int round = 0; round < 4; round++)
		for (unsigned i = 0; i < JOBS; i++)
			CU_ASSERT(task_start(&tasks[i]));
	finish_all(JOBS);
	all_are_right(JOBS, public);
	clear(JOBS);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}

static int sign_blocked(void *arg)
{
	ASYNC_block_pause();
	int good = sign_in_job(arg);
	ASYNC_unblock_pause();
	return good;
}

static void test_blocked(void)
{
	EVP_PKEY *key = provider_private("p256"), *public = provider_public("p256");

	prepare(P256, key);
	tasks[0].run = sign_blocked;
	CU_ASSERT(!task_start(&tasks[0]));
	CU_ASSERT_EQUAL(tasks[0].status, ASYNC_FINISH);
	CU_ASSERT_EQUAL(tasks[0].ret, 1);
	all_are_right(1, public);
	clear(1);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}

/* The card is out for a while then. */
static bool works_again(void)
{
	for (int i = 0; i < 20; i++) {
		task_start(&tasks[0]);
		if (tasks_finish(tasks, 1) == 1)
			return true;
		ERR_clear_error();
	}
	return false;
}

static void test_deadline(void)
{
	EVP_PKEY *key = provider_private("p256");

	prepare(P256, key);
	pause_all(4);
	CU_ASSERT_EQUAL(tasks_finish(tasks, 4), 0);
	FAILS(0, REASON_DEVICE);
	gate_open();
	CU_ASSERT(works_again());
	clear(4);
	EVP_PKEY_free(key);
}

/* -- jobs that are given up ------------------------------------------------------------------ */

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *dir = opendir("/proc/self/fd");

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void test_given_up(void)
{
	EVP_PKEY *key = provider_private("sm2");

	prepare(SM2, key);
	task_start(&tasks[0]); /* what opens files for good has been done then */
	CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
	clear(1);
	unsigned before = descriptors();
	pause_all(JOBS);
	CU_ASSERT_EQUAL(descriptors(), before + JOBS);
	clear(JOBS);
	gate_open();
	for (int i = 0; i < 1000 && descriptors() > before; i++) { /* the next jobs clear up after those that are over */
		prepare(SM2, key);
		task_start(&tasks[0]);
		CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
		clear(1);
	}
	CU_ASSERT_EQUAL(descriptors(), before);
	EVP_PKEY_free(key);
}

/* -- processes --------------------------------------------------------------------------------- */

static void expect_good_end(pid_t pid)
{
	int status = -1;

	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int child(EVP_PKEY *key)
{
	prepare(SM2, key);
	for (unsigned i = 0; i < 4; i++)
		task_start(&tasks[i]);
	return tasks_finish(tasks, 4) == 4 ? 0 : 1;
}

static void test_fork(void)
{
	UNIT_FORKS_AMID_THREADS();
	EVP_PKEY *key = provider_private("sm2"), *public = provider_public("sm2");

	prepare(SM2, key);
	pause_all(JOBS);
	pid_t pid = fork();
	if (pid == 0)
		_exit(child(key));
	finish_all(JOBS);
	all_are_right(JOBS, public);
	expect_good_end(pid);
	clear(JOBS);
	EVP_PKEY_free(key);
	EVP_PKEY_free(public);
}

static void test_exit(void)
{
	UNIT_FORKS_AMID_THREADS();
	EVP_PKEY *key = provider_private("sm2");
	pid_t pid = fork();

	if (pid == 0) {
		prepare(SM2, key);
		pause_all(JOBS);
		EVP_PKEY_free(key);
		provider_down();
		exit(CU_get_number_of_failures() ? 1 : 0);
	}
	expect_good_end(pid);
	gate_open();
	EVP_PKEY_free(key);
}

/* -- stack -------------------------------------------------------------------------------------- */

#define PAINT 0xa5
static size_t used, deepest;

/* What is below the caller's frame, as far as it is the job's for certain. */
__attribute__((noinline)) static uint8_t *below(void)
{
	return (uint8_t *)__builtin_frame_address(0) - 512;
}

__attribute__((noinline, no_sanitize("address"))) static void paint(volatile uint8_t *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*(from - i) = PAINT;
}

__attribute__((noinline, no_sanitize("address"))) static size_t painted(const volatile uint8_t *from, size_t len)
{
	size_t i = len;

	while (i > 0 && *(from - (i - 1)) == PAINT)
		i--;
	return i;
}

/* The job has used less than 1 KiB before it comes here. */
static int sign_on_painted_stack(void *arg)
{
	uint8_t *from = below();
	size_t len = JOB_STACK - 2048;

	paint(from, len);
	int good = sign_in_job(arg);
	used = painted(from, len) + (JOB_STACK - len - 1024);
	return good;
}

static void test_stack(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	UNIT_SKIP("sanitizers take much more");
#endif
	for (size_t k = 0; k < SIGNERS; k++) {
		EVP_PKEY *key = provider_private(signers[k].label);

		prepare(k, key);
		tasks[0].run = sign_on_painted_stack;
		task_start(&tasks[0]);
		CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
		printf("# %s: %zu of %u bytes of a job's stack\n", signers[k].label, used, JOB_STACK);
		deepest = used > deepest ? used : deepest;
		clear(1);
		EVP_PKEY_free(key);
	}
	CU_ASSERT(deepest < JOB_STACK - KEEP_FREE);
}

static const struct unit_case cases[] = {
	{"a token on a card whose operations wait, and the provider over it", up},
	{"16 jobs of one thread are paused at once, and all sign right, with each kind of key", test_many},
	{"a descriptor serves all operations of its ASYNC_WAIT_CTX", test_again},
	{"while jobs are paused their thread works outside of them", test_outside},
	{"a job that is resumed early pauses again", test_early},
	{"where pausing is blocked the thread waits", test_blocked},
	{"what a card does not answer in time wakes its job, with an error", test_deadline},
	{"a job that is given up leaves no descriptor behind", test_given_up},
	{"a process forks while jobs are paused, and both go on", test_fork},
	{"a process ends while jobs are paused", test_exit},
	{"8 KiB of a job's stack remain free", test_stack},
	{"the provider goes", provider_down},
	{0},
};
UNIT_MAIN("provider_async", cases)
