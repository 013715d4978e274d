/* SPDX-License-Identifier: Apache-2.0 */
/* Time, injectable: tests run on virtual time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);
/* Seconds since 1970, for dates shown to people only. */
int64_t clock_wall_s(void);
/* Replaces the monotonic clock; NULL brings the real one back. Before threads start. */
void clock_inject(uint64_t (*now_ns)(void));

#endif
