/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/live.h"
#include "base/clock.h"
#include "tools/report.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#define INTERVAL_MIN 0.1
#define INTERVAL_MAX 3600.0

enum status live_parse(const struct args *args, struct live *live)
{
	const char *text = arg_get(args, "interval");
	char *end = NULL;
	double seconds = text ? strtod(text, &end) : 1.0;

	if (text && (end == text || *end || !(seconds >= INTERVAL_MIN) || !(seconds <= INTERVAL_MAX)))
		return fail(ST_USAGE, NULL, "--interval takes seconds from 0.1 to 3600, not \"%s\"", text);
	live->interval_ns = (uint64_t)(seconds * (double)NS_PER_S);
	live->next_ns = clock_now_ns() + live->interval_ns;
	return arg_number(args, "count", 1, ULONG_MAX, 0, &live->count);
}

uint64_t live_left(struct live *live)
{
	uint64_t now = clock_now_ns();

	if (now < live->next_ns)
		return live->next_ns - now;
	live->next_ns += live->interval_ns;
	if (live->next_ns <= now)
		live->next_ns = now + live->interval_ns;
	return 0;
}

void live_sleep(struct live *live)
{
	uint64_t left;

	while ((left = live_left(live)))
		nanosleep(&(struct timespec){.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)}, NULL);
}
