/* SPDX-License-Identifier: Apache-2.0 */
/* hufu top: what the devices did in each interval. */
#ifndef TOP_H
#define TOP_H

#include "tools/fleet.h"
#include "tools/live.h"

#define TOP_HISTORY 60

struct top_row {
	char name[STATS_NAME];
	double ops_per_s, errors_per_s;
	uint64_t p50_ns, p99_ns;          /* of the interval; 0: nothing was timed */
	float history[TOP_HISTORY];       /* ops a second, the latest last */
	const struct member *member;      /* until the next sample */
};

struct top {
	struct fleet fleet;
	struct top_row *rows;             /* in the order of the fleet */
	size_t nrows;
	struct stats_view *before;        /* the reports of the sample before */
	size_t nbefore;
	uint64_t at_ns;                   /* of the sample; 0: none yet */
	double seconds;                   /* from the sample before */
};

/* Looks once more. After a message. */
enum status top_sample(struct top *) MUST_USE;
void top_clear(struct top *);

/* The screen, until it is left, or count intervals are over. *shown false: this terminal cannot have one, or this build. */
enum status top_screen(struct top *, struct live *, bool *shown) MUST_USE;

#endif
