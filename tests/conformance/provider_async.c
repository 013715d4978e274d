/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in an ASYNC_JOB an operation that waits for a card or a machine pauses the job and wakes its
 * descriptor; one thread has as many in flight as it has jobs; whatever the
 * application does with a job in between (resumes it early, blocks pausing, forks, gives it up, ends) nothing
 * hangs, and nothing is left behind; and libcrypto's 32 KiB are enough.
 */
#include "tests/conformance/provider_jobs.h"

#include <dirent.h>
#include <openssl/err.h>
#include <sys/wait.h>
#include <unistd.h>

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
	gate_set(true);
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(task_start(&tasks[i]) || face_machines());
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT(!task_is_ready(&tasks[i], 0) || face_machines());
}

static void finish_all(unsigned n)
{
	gate_set(false);
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
		CU_ASSERT(fd >= 0 || face_machines());
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
	gate_set(false);
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
	NEEDS_GATE();
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
	NEEDS_GATE();
	EVP_PKEY *key = provider_private("p256");

	prepare(P256, key);
	pause_all(4);
	CU_ASSERT_EQUAL(tasks_finish(tasks, 4), 0);
	FAILS(0, REASON_DEVICE);
	gate_set(false);
	CU_ASSERT(works_again());
	clear(4);
	EVP_PKEY_free(key);
}

static EVP_PKEY *own, *peer;

static int derive(void *arg)
{
	uint8_t secret[32];
	size_t len = sizeof secret;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(with_hufu, own, NULL);
	int good = EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	           EVP_PKEY_derive(ctx, secret, &len) == 1;

	(void)arg;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static void test_lost(void)
{
	NEEDS_GATE();
	own = provider_private("p256");
	peer = provider_public("p256");
	prepare(P256, own);
	tasks[0].run = derive;
	for (int i = 0; i < 3; i++) {
		task_start(&tasks[0]);
		CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 0);
		FAILS(0, REASON_DEVICE);
	}
	CU_ASSERT(works_again());
	clear(1);
	EVP_PKEY_free(own);
	EVP_PKEY_free(peer);
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

/* The keeper has a file open now and then. */
static bool comes_to(unsigned wanted)
{
	for (int i = 0; i < 6000 && descriptors() != wanted; i++)
		usleep(5000);
	return descriptors() == wanted;
}

/* libcrypto neither frees them nor keeps track of them. */
static ASYNC_JOB *given_up[JOBS];

static void test_given_up(void)
{
	EVP_PKEY *key = provider_private("sm2");

	prepare(SM2, key);
	task_start(&tasks[0]); /* what opens files for good has been done then */
	CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
	clear(1);
	unsigned before = descriptors();
	pause_all(JOBS);
	CU_ASSERT(face_machines() || comes_to(before + JOBS)); /* over machines connections come and go */
	for (unsigned i = 0; i < JOBS; i++)
		given_up[i] = tasks[i].job;
	clear(JOBS);
	gate_set(false);
	for (int i = 0; i < 1000 && descriptors() > before; i++) { /* the next jobs clear up after those that are over */
		prepare(SM2, key);
		task_start(&tasks[0]);
		CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
		clear(1);
	}
	CU_ASSERT(face_machines() || comes_to(before));
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
	gate_after_fork();
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
		gate_after_fork();
		prepare(SM2, key);
		pause_all(JOBS);
		EVP_PKEY_free(key);
		provider_down();
		exit(CU_get_number_of_failures() ? 1 : 0);
	}
	expect_good_end(pid);
	EVP_PKEY_free(key);
}

/* -- stack -------------------------------------------------------------------------------------- */

static size_t used;

static int sign_on_painted_stack(void *arg)
{
	used = jobs_stack_used(sign_in_job, arg);
	return 1;
}

static void test_stack(void)
{
	JOBS_NEED_PLAIN_STACK();
	size_t deepest = 0;

	for (size_t k = 0; k < SIGNERS; k++) {
		EVP_PKEY *key = provider_private(signers[k].label);

		prepare(k, key);
		tasks[0].run = sign_on_painted_stack;
		task_start(&tasks[0]);
		CU_ASSERT_EQUAL(tasks_finish(tasks, 1), 1);
		printf("# %s: %zu of %u bytes of a job's stack\n", signers[k].label, used, JOBS_STACK);
		deepest = used > deepest ? used : deepest;
		clear(1);
		EVP_PKEY_free(key);
	}
	CU_ASSERT(deepest <= JOBS_STACK - 8192);
}

static const struct unit_case cases[] = {
	{"a token on a card whose operations wait, or on machines, and the provider over it", jobs_up},
	{"16 jobs of one thread are paused at once, and all sign right, with each kind of key", test_many},
	{"a descriptor serves all operations of its ASYNC_WAIT_CTX", test_again},
	{"while jobs are paused their thread works outside of them", test_outside},
	{"a job that is resumed early pauses again", test_early},
	{"where pausing is blocked the thread waits", test_blocked},
	{"what a card does not answer in time wakes its job, with an error", test_deadline},
	{"what a card loses is an error in the job that asked", test_lost},
	{"a job that is given up leaves no descriptor behind", test_given_up},
	{"a process forks while jobs are paused, and both go on", test_fork},
	{"a process ends while jobs are paused", test_exit},
	{"8 KiB of a job's stack remain free", test_stack},
	{"the provider goes", provider_down},
	{0},
};

JOBS_MAIN("provider_async", cases)
