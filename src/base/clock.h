/* SPDX-License-Identifier: Apache-2.0 */
/* Time, injectable: tests run on virtual time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define CLOCK_NEVER UINT64_MAX /* a time that does not come */

/* CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);
/* Seconds since 1970: for dates, and for what machines of one domain have to agree on. It may be set, back too. */
int64_t clock_wall_s(void);
/* Lets this much time pass. Under an injected clock it is for the injector to pass it. */
void clock_sleep_ns(uint64_t ns);
/* Replaces the monotonic clock; NULL brings the real one back. Before threads start. */
void clock_inject(uint64_t (*now_ns)(void));
/* Replaces the time of day likewise. */
void clock_inject_wall(int64_t (*wall_s)(void));
/* Replaces sleeping likewise. */
void clock_inject_sleep(void (*sleep_ns)(uint64_t ns));
/* A condition variable for clock_wait: its time is the monotonic clock's. */
void clock_cond_init(pthread_cond_t *);
/*
 * pthread_cond_wait until this time of clock_now_ns. False: it has come. True: woken, perhaps for
 * nothing, as POSIX allows; the caller looks again at what it waits for.
 */
bool clock_wait(pthread_cond_t *, pthread_mutex_t *, uint64_t until_ns);
/* Replaces waiting likewise; it is to wake up when the injector's time has come. */
void clock_inject_wait(bool (*wait)(pthread_cond_t *, pthread_mutex_t *, uint64_t until_ns));

#endif
