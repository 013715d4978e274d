/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time for tests with real threads.
 *
 * Time stands still until a test advances it. A thread in clock_wait really
 * waits: until it is signalled, or until the test's time has reached its own,
 * which wakes it whatever the real time. So an outcome hangs on the order of what
 * the test does, never on how fast the machine is:
 *
 *	vclock_start(NS_PER_S);
 *	... a thread calls pool_run, whose driver hangs ...
 *	vclock_await(caller_deadline_ns);      // it is waiting for just that
 *	vclock_advance(5 * NS_PER_S);          // it wakes
 *	... join it, look at its answer ...
 *	vclock_stop();
 */
#ifndef VCLOCK_H
#define VCLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Before threads start: the clock stands at now_ns, sleepers and waiters of base/clock.h are ours. */
void vclock_start(uint64_t now_ns);
/* The real clock again. Nobody waits any more. */
void vclock_stop(void);
uint64_t vclock_now_ns(void);
/* Wakes whoever waited or slept for a time up to the new one. Not with a mutex held that a waiter waits with. */
void vclock_advance(uint64_t ns);
/* Does a sleep let the time pass by itself? Default no: the sleeper waits for vclock_advance. For tests of one thread. */
void vclock_sleep_passes(bool);

/* Threads in clock_wait or asleep now: those, too, that were signalled and did not come to run yet. */
unsigned vclock_waiting(void);
/* The earliest time that one of them waits for; CLOCK_NEVER: none. */
uint64_t vclock_next_ns(void);
/* Waits, really, until a thread waits for a time from..to; false after 30 s, when the test has failed. */
bool vclock_await_between(uint64_t from_ns, uint64_t to_ns);
static inline bool vclock_await(uint64_t until_ns)
{
	return vclock_await_between(until_ns, until_ns);
}
/* The same, until n threads wait for whatever. */
bool vclock_await_waiting(unsigned n);

#endif
