/* SPDX-License-Identifier: Apache-2.0 */
#include "vclock.h"

#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

#include "base/clock.h"

#define PATIENCE_S 30

/* On the waiting thread's stack, in the list for as long as it waits. */
struct waiter {
	struct waiter *next;
	pthread_cond_t *cond;
	pthread_mutex_t *mutex;
	uint64_t until_ns;
	bool called; /* by vclock_advance: once is enough, it does not go on waiting */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;      /* somebody began to wait */
	struct waiter *waiters;
	uint64_t now_ns;
	bool sleep_passes;
} vclock = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

uint64_t vclock_now_ns(void)
{
	pthread_mutex_lock(&vclock.lock);
	uint64_t now = vclock.now_ns;
	pthread_mutex_unlock(&vclock.lock);
	return now;
}

/* False: the time has come already. */
static bool begin_waiting(struct waiter *waiter)
{
	pthread_mutex_lock(&vclock.lock);
	bool waits = waiter->until_ns > vclock.now_ns;
	if (waits) {
		waiter->next = vclock.waiters;
		vclock.waiters = waiter;
		pthread_cond_broadcast(&vclock.changed);
	}
	pthread_mutex_unlock(&vclock.lock);
	return waits;
}

static bool end_waiting(struct waiter *waiter)
{
	pthread_mutex_lock(&vclock.lock);
	for (struct waiter **w = &vclock.waiters; *w; w = &(*w)->next)
		if (*w == waiter) {
			*w = waiter->next;
			break;
		}
	bool in_time = waiter->until_ns > vclock.now_ns;
	pthread_mutex_unlock(&vclock.lock);
	return in_time;
}

static bool wait_virtually(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_ns)
{
	struct waiter waiter = {.cond = cond, .mutex = mutex, .until_ns = until_ns};

	if (!begin_waiting(&waiter))
		return false;
	pthread_cond_wait(cond, mutex);
	return end_waiting(&waiter);
}

static void sleep_virtually(uint64_t ns)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	uint64_t until = vclock_now_ns() + ns;

	if (vclock.sleep_passes) {
		vclock_advance(ns);
		return;
	}
	pthread_mutex_lock(&mutex);
	while (wait_virtually(&cond, &mutex, until))
		;
	pthread_mutex_unlock(&mutex);
}

/*
 * A waiter holds its mutex from before it is in the list until pthread_cond_wait lets go of it, so
 * the broadcast is not lost. While the list is locked no waiter leaves it: its mutex is alive. But
 * it may be held by one who wants the list: so it is tried, not waited for.
 */
static bool call_due_locked(void)
{
	bool all = true;

	for (struct waiter *w = vclock.waiters; w; w = w->next) {
		if (w->called || w->until_ns > vclock.now_ns)
			continue;
		w->called = pthread_mutex_trylock(w->mutex) == 0;
		if (w->called) {
			pthread_cond_broadcast(w->cond);
			pthread_mutex_unlock(w->mutex);
		}
		all &= w->called;
	}
	return all;
}

void vclock_advance(uint64_t ns)
{
	pthread_mutex_lock(&vclock.lock);
	vclock.now_ns += ns;
	while (!call_due_locked()) {
		pthread_mutex_unlock(&vclock.lock);
		sched_yield();
		pthread_mutex_lock(&vclock.lock);
	}
	pthread_mutex_unlock(&vclock.lock);
}

void vclock_start(uint64_t now_ns)
{
	vclock.now_ns = now_ns;
	vclock.sleep_passes = false;
	clock_inject(vclock_now_ns);
	clock_inject_sleep(sleep_virtually);
	clock_inject_wait(wait_virtually);
}

void vclock_stop(void)
{
	clock_inject(NULL);
	clock_inject_sleep(NULL);
	clock_inject_wait(NULL);
}

void vclock_sleep_passes(bool passes)
{
	vclock.sleep_passes = passes;
}

/* -- what a test may wait for -------------------------------------------------- */

static unsigned count_locked(uint64_t from_ns, uint64_t to_ns)
{
	unsigned n = 0;

	for (const struct waiter *w = vclock.waiters; w; w = w->next)
		n += w->until_ns >= from_ns && w->until_ns <= to_ns;
	return n;
}

unsigned vclock_waiting(void)
{
	pthread_mutex_lock(&vclock.lock);
	unsigned n = count_locked(0, CLOCK_NEVER);
	pthread_mutex_unlock(&vclock.lock);
	return n;
}

uint64_t vclock_next_ns(void)
{
	uint64_t next = CLOCK_NEVER;

	pthread_mutex_lock(&vclock.lock);
	for (const struct waiter *w = vclock.waiters; w; w = w->next)
		if (w->until_ns < next)
			next = w->until_ns;
	pthread_mutex_unlock(&vclock.lock);
	return next;
}

static bool await(unsigned n, uint64_t from_ns, uint64_t to_ns)
{
	struct timespec until;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&vclock.lock);
	while (count_locked(from_ns, to_ns) < n && err == 0)
		err = pthread_cond_timedwait(&vclock.changed, &vclock.lock, &until);
	bool there = count_locked(from_ns, to_ns) >= n;
	pthread_mutex_unlock(&vclock.lock);
	return there;
}

bool vclock_await_between(uint64_t from_ns, uint64_t to_ns)
{
	return await(1, from_ns, to_ns);
}

bool vclock_await_waiting(unsigned n)
{
	return await(n, 0, CLOCK_NEVER);
}
