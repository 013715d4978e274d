/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static _Atomic(uint64_t (*)(void)) injected;

uint64_t clock_now_ns(void)
{
	uint64_t (*now_ns)(void) = atomic_load_explicit(&injected, memory_order_relaxed);
	if (now_ns)
		return now_ns();
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: the clock exists and ts is ours */
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int64_t clock_wall_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

void clock_inject(uint64_t (*now_ns)(void))
{
	atomic_store_explicit(&injected, now_ns, memory_order_relaxed);
}
