/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: many threads share devices that fail, and no answer is wrong; a forked child goes on by itself. */
#include "pool_util.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "pool/internal.h"

#define THREADS 8
#define ROUNDS 150

struct worker {
	pthread_t thread;
	struct pool *pool;
	struct pool_key *sign, *encrypt;
	unsigned failed;
};

/* Keys of its own come and go, shared ones stay; each result is checked by the lab. */
static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct pool_request a = {.op = {.repeatable = true}}, b = a, c = a;
		struct pool_key *own = lab_sm4(w->pool, "soft");

		w->failed += lab_encrypt(w->pool, w->encrypt, &a) != HUFU_OK;
		w->failed += lab_random(w->pool, &b) != HUFU_OK;
		w->failed += lab_encrypt(w->pool, own, &c) != HUFU_OK;
		if (i % 8 == 0)
			w->failed += lab_sign(w->pool, w->sign, &a) != HUFU_OK;
		pool_key_rele(own);
	}
	return NULL;
}

static unsigned hammer(struct pool *pool)
{
	struct worker workers[THREADS] = {0};
	struct pool_key *sign = lab_private(pool), *encrypt = lab_sm4(pool, "soft");
	unsigned failed = 0;

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.pool = pool, .sign = sign, .encrypt = encrypt};
		CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		failed += workers[i].failed;
	}
	pool_key_rele(sign);
	pool_key_rele(encrypt);
	return failed;
}

static uint64_t ops_of(struct pool *pool, const char *name, uint32_t *in_flight)
{
	struct pool_device_status status[8];
	size_t n = pool_status(pool, status, 8);

	for (size_t i = 0; i < n; i++)
		if (strcmp(status[i].name, name) == 0) {
			*in_flight = status[i].in_flight;
			return status[i].ops;
		}
	return 0;
}

static uint64_t asked(const char *device)
{
	struct fault_counts counts = fault_counts(device);
	uint64_t n = 0;

	for (int verb = 0; verb < HUFU_VERB_EVICT; verb++)
		n += counts.asked[verb];
	return n;
}

static void test_one_device(void)
{
	struct pool *pool = lab_pool(
		(struct lab_device[]){{"a", "run:busy%50; run:gone%333; lease:busy%5; probe:gone%2", NULL, NULL, 0}, {0}});
	uint32_t in_flight;

	CU_ASSERT(hammer(pool) == 0);
	/* Known answers are asked for, too, each time it is opened. */
	CU_ASSERT(ops_of(pool, "a", &in_flight) <= asked("a") && in_flight == 0);
	lab_free(pool);
}

/* The third never loses an answer: every op has an end. */
static void test_failing_devices(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){
		{"a", "run:lost%31; sign:flip-out%3; open:gone*2; lease:gone%7", NULL, NULL, 300},
		{"b", "run:corrupt%37; run:no-key%41; sign:wrong%2; run:gone%101; probe:lost%2", NULL, NULL, 300},
		{"c", "run:busy%11; run:gone%211; run:delay=1ms%13; lease:busy%9", NULL, NULL, 300},
		{0}});
	uint32_t in_flight;

	CU_ASSERT(hammer(pool) == 0);
	for (const char *name = "abc"; *name; name++) {
		char device[] = {*name, 0};

		CU_ASSERT(ops_of(pool, device, &in_flight) <= asked(device) && in_flight == 0);
		CU_ASSERT(asked(device) > 0);
	}
	lab_free(pool);
}

static void test_software(void)
{
	struct pool *pool = lab_pool((struct lab_device[]){{"s", NULL, NULL, "soft", 0}, {0}});
	uint32_t in_flight;

	CU_ASSERT(pool_is_software(pool));
	CU_ASSERT(hammer(pool) == 0);
	CU_ASSERT(ops_of(pool, "s", &in_flight) == THREADS * (3 * ROUNDS + (ROUNDS + 7) / 8) && in_flight == 0);
	lab_free(pool);
}

/* -- fork ------------------------------------------------------------------ */

static void before_fork(struct pool *pool)
{
	pool_before_fork(pool);
	log_before_fork();
	secret_before_fork();
}

static pid_t fork_pool(struct pool *pool)
{
	before_fork(pool);
	pid_t pid = fork();
	if (pid == 0) {
		secret_after_fork_child();
		log_after_fork();
		pool_after_fork_child(pool);
	} else {
		secret_after_fork_parent();
		log_after_fork();
		pool_after_fork_parent(pool);
	}
	return pid;
}

/* Opens: how many the child makes anew. The key was loaded before the fork; the child evicts and closes what is its own. */
static bool child_goes_on(struct pool *pool, struct pool_key *key, uint64_t opens)
{
	struct fault_counts before = fault_counts("a");
	struct pool_request req = {.op = {.repeatable = true}};

	if (lab_sign(pool, key, &req) != HUFU_OK || lab_random(pool, &req) != HUFU_OK)
		return false;
	pool_key_rele(key);
	pool_free(pool);
	struct fault_counts after = fault_counts("a");
	/* Leases and devices of before that cannot be used are abandoned, not given back. */
	uint64_t own_leases = opens ? after.leases - before.leases : after.leases;
	return after.opens - before.opens == opens && after.closes == 1 && after.releases == own_leases;
}

static void fork_with(const char *driver, uint64_t opens)
{
	UNIT_FORKS();
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "", NULL, driver, 0}, {0}});
	struct pool_key *key = lab_private(pool);
	struct pool_request req = {.op = {.repeatable = true}};
	int status = -1;

	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
	pid_t pid = fork_pool(pool);
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0)
		_exit(child_goes_on(pool, key, opens) ? 0 : 1);
	CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* The parent notices nothing. */
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
	CU_ASSERT(fault_counts("a").opens == 1 && fault_counts("a").leases == 1);
	pool_key_rele(key);
	lab_free(pool);
}

static void test_fork_safe(void)
{
	fork_with("fault", 0);
}

static void test_fork_unsafe(void)
{
	fork_with("unforkable", 1);
}

/* One that fell while somebody was inside is still open as the process forks. */
static void test_fork_left_behind(void)
{
	UNIT_FORKS();
	struct pool *pool = lab_pool((struct lab_device[]){{"a", "", NULL, "unforkable", 0}, {0}});
	struct pool_key *key = lab_private(pool);
	struct pool_request req = {.op = {.repeatable = true}};
	int status = -1;

	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK);
	struct opening *opening = opening_hold(pool->devices[0]);
	device_leave_opening(pool->devices[0]);
	pid_t pid = fork_pool(pool);
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0)
		_exit(child_goes_on(pool, key, 1) ? 0 : 1);
	CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	opening_rele(opening);
	CU_ASSERT(lab_sign(pool, key, &req) == HUFU_OK && fault_counts("a").closes == 1);
	pool_key_rele(key);
	lab_free(pool);
}

static bool is_empty(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size == 0;
}

/* Another thread of the parent was using the key: who holds it is not in the child, whose pool ends all the same. */
static void test_fork_held_key(void)
{
	UNIT_FORKS();
	struct pool *pool = lab_pool((struct lab_device[]){{"s", NULL, NULL, "soft", 0}, {0}});
	struct pool_key *key = lab_sm4(pool, "soft");
	char path[] = "/tmp/hufu-test.XXXXXX", to[64], why[128];
	int status = -1, fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	snprintf(to, sizeof to, "file:%s", path);
	CU_ASSERT(log_configure(to, HUFU_LOG_ERROR, why, sizeof why) == HUFU_OK);
	struct pool_key *held = pool_key_hold(key);
	pid_t pid = fork_pool(pool);
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		pool_key_rele(key);
		pool_free(pool);
		_exit(is_empty(path) ? 0 : 1);
	}
	CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	log_close();
	unlink(path);
	pool_key_rele(held);
	pool_key_rele(key);
	lab_free(pool);
}

/* While others work: the handlers wait for nobody but those inside a lock, and the child is whole. */
static void test_fork_under_load(void)
{
	UNIT_FORKS();
	struct pool *pool = lab_pool((struct lab_device[]){{"s", NULL, NULL, "soft", 0}, {0}});
	struct worker workers[4] = {0};
	struct pool_key *sign = lab_private(pool), *encrypt = lab_sm4(pool, "soft");

	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){.pool = pool, .sign = sign, .encrypt = encrypt};
		CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (int i = 0; i < 10; i++) {
		int status = -1;
		pid_t pid = fork_pool(pool);

		CU_ASSERT_FATAL(pid >= 0);
		if (pid == 0) {
			struct pool_request req = {.op = {.repeatable = true}};
			_exit(lab_encrypt(pool, encrypt, &req) == HUFU_OK && lab_random(pool, &req) == HUFU_OK ? 0 : 1);
		}
		CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT(workers[i].failed == 0);
	}
	pool_key_rele(sign);
	pool_key_rele(encrypt);
	lab_free(pool);
}

static const struct unit_case cases[] = {
	{"eight threads on one device that is often busy and sometimes gone", test_one_device},
	{"eight threads on three devices that lose, falsify, refuse and fall", test_failing_devices},
	{"eight threads on software", test_software},
	{"a child goes on with devices that survive a fork", test_fork_safe},
	{"a child opens anew what does not survive a fork", test_fork_unsafe},
	{"a child closes no connection that its parent has left behind", test_fork_left_behind},
	{"a child's pool ends, though a thread of the parent held a key", test_fork_held_key},
	{"a fork under load leaves a child that works", test_fork_under_load},
	{0},
};

int main(void)
{
	lab_start();
	lab_real_time();
	return unit_main("pool threads", cases);
}
