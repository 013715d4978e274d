/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that look again and again: --interval, --count. */
#ifndef LIVE_H
#define LIVE_H

#include "tools/tool.h"

#include <stdint.h>

struct live {
	uint64_t interval_ns;
	unsigned long count;  /* intervals to show; 0: until it is stopped */
	uint64_t next_ns;     /* when the present one is over */
};

/* ST_USAGE after a message. */
enum status live_parse(const struct args *, struct live *) MUST_USE;
/* Sleeps to the end of the interval. Intervals do not drift; one that took too long is skipped. */
void live_sleep(struct live *);
/* Nanoseconds to the end of the interval; at it, begins the next. */
uint64_t live_left(struct live *);

#endif
