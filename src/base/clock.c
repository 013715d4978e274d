/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static _Atomic(uint64_t (*)(void)) injected;
static _Atomic(int64_t (*)(void)) injected_wall;
static _Atomic(void (*)(uint64_t)) injected_sleep;
static _Atomic(bool (*)(pthread_cond_t *, pthread_mutex_t *, uint64_t)) injected_wait;

uint64_t clock_now_ns(void)
{
	uint64_t (*now_ns)(void) = atomic_load_explicit(&injected, memory_order_relaxed);
	if (now_ns)
		return now_ns();
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: the clock exists and ts is ours */
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Of the monotonic clock, so that a step of the wall clock neither ends nor prolongs it. */
void clock_sleep_ns(uint64_t ns)
{
	void (*sleep_ns)(uint64_t) = atomic_load_explicit(&injected_sleep, memory_order_relaxed);
	if (sleep_ns) {
		sleep_ns(ns);
		return;
	}
	struct timespec left = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_ns)
{
	bool (*wait)(pthread_cond_t *, pthread_mutex_t *, uint64_t) = atomic_load_explicit(&injected_wait, memory_order_relaxed);
	if (wait)
		return wait(cond, mutex, until_ns);
	if (until_ns == CLOCK_NEVER) {
		pthread_cond_wait(cond, mutex);
		return true;
	}
	struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
	return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}

int64_t clock_wall_s(void)
{
	int64_t (*wall_s)(void) = atomic_load_explicit(&injected_wall, memory_order_relaxed);
	if (wall_s)
		return wall_s();
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

void clock_inject(uint64_t (*now_ns)(void))
{
	atomic_store_explicit(&injected, now_ns, memory_order_relaxed);
}

void clock_inject_wall(int64_t (*wall_s)(void))
{
	atomic_store_explicit(&injected_wall, wall_s, memory_order_relaxed);
}

void clock_inject_sleep(void (*sleep_ns)(uint64_t ns))
{
	atomic_store_explicit(&injected_sleep, sleep_ns, memory_order_relaxed);
}

void clock_inject_wait(bool (*wait)(pthread_cond_t *, pthread_mutex_t *, uint64_t until_ns))
{
	atomic_store_explicit(&injected_wait, wait, memory_order_relaxed);
}
