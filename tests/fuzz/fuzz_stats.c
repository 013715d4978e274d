/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: whatever a file of counters holds, a view of it has sound values, texts that end and no control characters. */
#include "stats/internal.h"

#include "fuzz.h"

#include <string.h>

static void check_text(const char *text, size_t len)
{
	if (strnlen(text, len) == len)
		abort();
	for (; *text; text++)
		if (*text < 0x20 || *text == 0x7f)
			abort();
}

static void on_view(const struct stats_view *view, void *arg)
{
	unsigned *seen = arg;
	if (++*seen > STATS_DEVICES_MAX || view->pid <= 0)
		abort();
	check_text(view->program, sizeof view->program);
	check_text(view->token, sizeof view->token);
	check_text(view->device, sizeof view->device);
	check_text(view->driver, sizeof view->driver);
	check_text(view->domain, sizeof view->domain);
	if (view->state >= STATS_STATES || view->admin >= STATS_ADMINS || view->nevents > STATS_EVENTS)
		abort();
	for (uint32_t i = 0; i < view->nevents; i++) {
		check_text(view->events[i].text, sizeof view->events[i].text);
		if (view->events[i].from >= STATS_STATES || view->events[i].to >= STATS_STATES)
			abort();
	}
	for (unsigned verb = 0; verb < STATS_VERBS; verb++)
		if (stats_percentile_ns(view->histogram[verb], 990) > stats_bucket_end_ns(STATS_BUCKETS - 1))
			abort();
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	unsigned seen = 0;
	if (!stats_parse(data, len, on_view, &seen) && seen)
		abort();
}
