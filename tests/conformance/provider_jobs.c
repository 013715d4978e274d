/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/provider_jobs.h"

#include <limits.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "driver/fault/fault.h"

OSSL_provider_init_fn OSSL_provider_init;

#define PATIENCE_MS 60000               /* what only a failure waits for */

static const uint8_t message[] = "what the jobs sign";

/* -- the gate ------------------------------------------------------------------------------ */

#define GATE_NS 777000                  /* nobody else sleeps for as long */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool closed;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};

static void sleep_at_gate(uint64_t ns)
{
	const struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};

	if (ns != GATE_NS) {
		nanosleep(&time, NULL);
		return;
	}
	pthread_mutex_lock(&gate.lock);
	while (gate.closed)
		pthread_cond_wait(&gate.opened, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

void gate_set(bool closed)
{
	pthread_mutex_lock(&gate.lock);
	gate.closed = closed && !face_machines();
	pthread_cond_broadcast(&gate.opened);
	pthread_mutex_unlock(&gate.lock);
}

/* Whoever held the lock or waits is the parent's. */
void gate_after_fork(void)
{
	pthread_mutex_init(&gate.lock, NULL);
	pthread_cond_init(&gate.opened, NULL);
	gate.closed = false;
}

/* The token's keys were made by a soft device; what wraps one can use them. */
static void write_conf(const char *path)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f, "log { to = \"none\" }\n"
	           "token \"test\" { store = \"sqlite:%s/test.db\" devices = {\"card\"} deadline_ms = 3000 allow_short_pin = true }\n"
	           "device \"card\" { driver = \"fault-hang\" domain = \"soft\" sessions = %u hung_max = 64\n"
	           "	script = \"sign:delay=777us; decrypt:delay=777us; derive:lost*3\" }\n", face_dir(), JOBS);
	CU_ASSERT_EQUAL_FATAL(fclose(f), 0);
}

void jobs_up(void)
{
	static char path[PATH_MAX];

	clock_inject_sleep(sleep_at_gate);
	CU_ASSERT_EQUAL_FATAL(fault_register(), HUFU_OK);
	provider_linked_in = OSSL_provider_init;
	provider_up();
	if (face_machines())
		return;
	snprintf(path, sizeof path, "%s/card.conf", face_dir());
	write_conf(path);
	setenv("HUFU_CONF", path, 1); /* read when the first key is asked for */
}

/* -- jobs ---------------------------------------------------------------------------------- */

/* libcrypto copies what a job is given. */
static int enter(void *copy)
{
	struct task *task;

	memcpy(&task, copy, sizeof task);
	return task->run(task->arg);
}

bool task_start(struct task *task)
{
	if (!task->wait)
		task->wait = ASYNC_WAIT_CTX_new();
	task->status = ASYNC_start_job(&task->job, task->wait, &task->ret, enter, &task, sizeof task);
	return task->status == ASYNC_PAUSE;
}

int task_fd(const struct task *task)
{
	OSSL_ASYNC_FD fd = -1;
	size_t n = 0;

	if (ASYNC_WAIT_CTX_get_all_fds(task->wait, NULL, &n) == 1 && n == 1)
		(void)ASYNC_WAIT_CTX_get_all_fds(task->wait, &fd, &n);
	return fd;
}

bool task_is_ready(const struct task *task, int timeout_ms)
{
	struct pollfd p = {.fd = task_fd(task), .events = POLLIN};

	return p.fd >= 0 && poll(&p, 1, timeout_ms) == 1 && p.revents & POLLIN;
}

unsigned tasks_finish(struct task *tasks, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		while (tasks[i].status == ASYNC_PAUSE && task_is_ready(&tasks[i], PATIENCE_MS))
			task_start(&tasks[i]);
		CU_ASSERT_EQUAL(tasks[i].status, ASYNC_FINISH);
		good += tasks[i].status == ASYNC_FINISH && tasks[i].ret == 1;
	}
	return good;
}

void task_clear(struct task *task)
{
	ASYNC_WAIT_CTX_free(task->wait);
	task->wait = NULL;
	task->job = NULL;
}

int sign_in_job(void *arg)
{
	struct signing *signing = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	signing->len = sizeof signing->sig;
	int good = EVP_DigestSignInit_ex(ctx, NULL, signing->md, with_hufu, NULL, signing->key, NULL) == 1 &&
	           EVP_DigestSign(ctx, signing->sig, &signing->len, message, sizeof message) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

bool signature_is_right(const struct signing *signing, EVP_PKEY *public)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool right = EVP_DigestVerifyInit_ex(ctx, NULL, signing->md, without_hufu, NULL, public, NULL) == 1 &&
	             EVP_DigestVerify(ctx, signing->sig, signing->len, message, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	return right;
}

/* -- stack ----------------------------------------------------------------------------------- */

#define PAINT 0xa5

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

/* A job has used less than 1 KiB before it comes here. */
size_t jobs_stack_used(int (*run)(void *arg), void *arg)
{
	uint8_t *from = below();
	size_t len = JOBS_STACK - 2048;

	paint(from, len);
	return run(arg) == 1 ? painted(from, len) + (JOBS_STACK - len - 1024) : JOBS_STACK;
}
