/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/top.h"
#include "base/clock.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same device in the same program, one sample ago; NULL: it was not there. */
static const struct stats_view *earlier(const struct top *top, const struct stats_view *now)
{
	for (size_t i = 0; i < top->nbefore; i++) {
		const struct stats_view *b = &top->before[i];
		if (b->pid == now->pid && b->started_wall_ms == now->started_wall_ms && b->ops <= now->ops &&
		    b->errors <= now->errors && !strcmp(b->device, now->device) && !strcmp(b->token, now->token))
			return b;
	}
	return NULL;
}

/* What was counted since. The buckets wrap around, and so do their differences. */
static void add_difference(const struct stats_view *now, const struct stats_view *before, struct tally *sum)
{
	sum->ops += now->ops - (before ? before->ops : 0);
	sum->errors += now->errors - (before ? before->errors : 0);
	for (size_t verb = 0; verb < STATS_VERBS; verb++)
		for (size_t i = 0; i < STATS_BUCKETS; i++)
			sum->histogram[i] += now->histogram[verb][i] - (before ? before->histogram[verb][i] : 0);
}

static void row_fill(const struct top *top, struct top_row *row)
{
	struct tally sum = {0};

	for (size_t i = 0; i < row->member->nviews; i++)
		add_difference(row->member->views[i], earlier(top, row->member->views[i]), &sum);
	tally_close(&sum);
	memmove(row->history, row->history + 1, sizeof row->history - sizeof *row->history);
	row->ops_per_s = top->seconds > 0 ? (double)sum.ops / top->seconds : 0;
	row->errors_per_s = top->seconds > 0 ? (double)sum.errors / top->seconds : 0;
	row->p50_ns = top->seconds > 0 ? sum.p50_ns : 0;
	row->p99_ns = top->seconds > 0 ? sum.p99_ns : 0;
	row->history[TOP_HISTORY - 1] = (float)row->ops_per_s;
}

static enum status rows_make(struct top *top)
{
	struct top_row *rows = calloc(top->fleet.nmembers + 1, sizeof *rows);

	if (!rows)
		return fail_memory();
	for (size_t i = 0; i < top->fleet.nmembers; i++) {
		for (size_t k = 0; k < top->nrows; k++)
			if (!strcmp(top->rows[k].name, top->fleet.members[i].name))
				rows[i] = top->rows[k];
		snprintf(rows[i].name, sizeof rows[i].name, "%s", top->fleet.members[i].name);
		rows[i].member = &top->fleet.members[i];
		row_fill(top, &rows[i]);
	}
	free(top->rows);
	top->rows = rows;
	top->nrows = top->fleet.nmembers;
	return ST_OK;
}

static enum status keep_reports(struct top *top)
{
	size_t n = top->fleet.nviews;
	struct stats_view *copy = n ? reallocarray(top->before, n, sizeof *copy) : top->before;

	if (n && !copy)
		return fail_memory();
	if (n)
		memcpy(copy, top->fleet.views, n * sizeof *copy);
	top->before = copy;
	top->nbefore = n;
	return ST_OK;
}

enum status top_sample(struct top *top)
{
	uint64_t now = clock_now_ns();
	enum status status = top->fleet.conf ? fleet_reload(&top->fleet) : fleet_load(&top->fleet);

	if (status)
		return status;
	top->seconds = top->at_ns ? (double)(now - top->at_ns) / (double)NS_PER_S : 0;
	top->at_ns = now;
	status = rows_make(top);
	return status ? status : keep_reports(top);
}

void top_clear(struct top *top)
{
	free(top->rows);
	free(top->before);
	fleet_clear(&top->fleet);
}
