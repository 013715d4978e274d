/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting: on the real clock, and on the virtual one that other tests run on. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "vclock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
static bool flag;

struct waiting {
	pthread_t thread;
	uint64_t until_ns;
	bool woken;
	_Atomic bool back;
};

static void *wait_for_flag(void *arg)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&lock);
	w->woken = true;
	while (!flag && w->woken)
		w->woken = clock_wait(&cond, &lock, w->until_ns);
	pthread_mutex_unlock(&lock);
	atomic_store(&w->back, true);
	return NULL;
}

static void begin(struct waiting *w, uint64_t until_ns)
{
	w->until_ns = until_ns;
	atomic_store(&w->back, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&w->thread, NULL, wait_for_flag, w), 0);
}

static void set_flag(bool to)
{
	pthread_mutex_lock(&lock);
	flag = to;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

static void test_real_time(void)
{
	uint64_t before = clock_now_ns();
	struct waiting w;

	set_flag(false);
	begin(&w, before + 2 * NS_PER_MS);
	pthread_join(w.thread, NULL);
	CU_ASSERT_FALSE(w.woken);
	CU_ASSERT_TRUE(clock_now_ns() >= before + 2 * NS_PER_MS);
}

static void test_real_signal(void)
{
	struct waiting forever, long_time;

	set_flag(false);
	begin(&forever, CLOCK_NEVER);
	begin(&long_time, clock_now_ns() + 3600 * NS_PER_S);
	set_flag(true);
	pthread_join(forever.thread, NULL);
	pthread_join(long_time.thread, NULL);
	CU_ASSERT_TRUE(forever.woken);
	CU_ASSERT_TRUE(long_time.woken);
}

static void test_virtual_time(void)
{
	struct waiting early, late;

	vclock_start(NS_PER_S);
	set_flag(false);
	begin(&early, 3 * NS_PER_S);
	begin(&late, 5 * NS_PER_S);
	CU_ASSERT_TRUE(vclock_await_waiting(2));
	CU_ASSERT_EQUAL(vclock_next_ns(), 3 * NS_PER_S);
	vclock_advance(2 * NS_PER_S);
	pthread_join(early.thread, NULL);
	CU_ASSERT_FALSE(early.woken);
	CU_ASSERT_FALSE(atomic_load(&late.back));
	CU_ASSERT_EQUAL(vclock_waiting(), 1);
	CU_ASSERT_TRUE(vclock_await(5 * NS_PER_S));
	set_flag(true);
	pthread_join(late.thread, NULL);
	CU_ASSERT_TRUE(late.woken);
	CU_ASSERT_EQUAL(vclock_next_ns(), CLOCK_NEVER);
	CU_ASSERT_EQUAL(clock_now_ns(), 3 * NS_PER_S);
	vclock_stop();
}

static void *sleep_a_second(void *arg)
{
	clock_sleep_ns(NS_PER_S);
	atomic_store((_Atomic bool *)arg, true);
	return NULL;
}

static void test_virtual_sleep(void)
{
	_Atomic bool back = false;
	pthread_t thread;

	vclock_start(NS_PER_S);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, sleep_a_second, &back), 0);
	CU_ASSERT_TRUE(vclock_await(2 * NS_PER_S));
	vclock_advance(NS_PER_S - 1);
	CU_ASSERT_FALSE(atomic_load(&back));
	vclock_advance(1);
	pthread_join(thread, NULL);
	CU_ASSERT_TRUE(atomic_load(&back));
	vclock_sleep_passes(true);
	clock_sleep_ns(NS_PER_S);
	CU_ASSERT_EQUAL(clock_now_ns(), 3 * NS_PER_S);
	vclock_stop();
}

/* Each round a waiter is called exactly when it is due, whatever it is doing just then. */
static void test_virtual_races(void)
{
	vclock_start(0);
	set_flag(false);
	for (unsigned round = 0; round < 200; round++) {
		struct waiting w[4];
		uint64_t until = vclock_now_ns() + NS_PER_S;

		for (unsigned i = 0; i < 4; i++)
			begin(&w[i], until);
		vclock_advance(NS_PER_S);
		for (unsigned i = 0; i < 4; i++) {
			pthread_join(w[i].thread, NULL);
			CU_ASSERT_FALSE(w[i].woken);
		}
	}
	vclock_stop();
}

static const struct unit_case cases[] = {
	{"a wait ends when its time has come", test_real_time},
	{"a wait ends when it is signalled, with a time and without", test_real_signal},
	{"virtual time wakes those whose time it is and no others", test_virtual_time},
	{"a sleeper wakes when virtual time has passed", test_virtual_sleep},
	{"no waiter is missed, however it meets the advance", test_virtual_races},
	{0},
};

int main(void)
{
	clock_cond_init(&cond);
	return unit_main("clock", cases);
}
