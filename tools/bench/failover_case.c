/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a case's calls. */
#include "tools/bench/failover.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>

#define LATE_MS 250             /* what a busy machine may add to a deadline */

/* enum load_verdict of tools/lab/load.h. */
enum { UNJUDGED, GOOD, WRONG, MISSING, DOUBLE };

/* -- read ---------------------------------------------------------------------------- */

static bool read_call(const json_t *row, struct call_seen *call, double *noise_ms)
{
	json_int_t class, from, rv, verdict, late;
	json_t *ended;

	if (json_unpack((json_t *)(size_t)row, "[I,I,o,I,I,I!]", &class, &from, &ended, &rv, &verdict, &late))
		return false;
	*call = (struct call_seen){(enum call_class) class, (double)from / 1e3,
	                           json_is_null(ended) ? -1 : json_number_value(ended) / 1e3, (unsigned long)rv, (int)verdict};
	*noise_ms = (double)late / 1e3 > *noise_ms ? (double)late / 1e3 : *noise_ms;
	return true;
}

static bool read_calls(const json_t *rows, struct failover_case *c)
{
	for (size_t i = 0; i < json_array_size(rows); i++, c->ncalls++)
		if (!read_call(json_array_get(rows, i), &c->calls[c->ncalls], &c->noise_ms))
			return false;
	return true;
}

static bool other_form(void)
{
	note("hufu-lab gave an answer of another form: is it of the same build?");
	return false;
}

bool case_read(const json_t *doc, struct failover_case *c)
{
	json_int_t quiet, begin, end, stop;
	json_t *recovered, *calls, *keys;

	if (json_unpack((json_t *)(size_t)doc, "{s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "quiet_us", &quiet, "begin_us", &begin, "end_us",
	                &end, "stop_us", &stop, "recovered_us", &recovered, "calls", &calls, "keys", &keys))
		return other_form();
	c->quiet_ms = (double)quiet / 1e3;
	c->begin_ms = (double)begin / 1e3;
	c->end_ms = (double)end / 1e3;
	c->stop_ms = (double)stop / 1e3;
	c->recovered_ms = json_is_null(recovered) ? -1 : json_number_value(recovered) / 1e3;
	c->calls = calloc(json_array_size(calls) + json_array_size(keys) + 1, sizeof *c->calls);
	if (!c->calls)
		return false;
	return (read_calls(calls, c) && read_calls(keys, c)) || other_form();
}

void case_clear(struct failover_case *c)
{
	free(c->calls);
	*c = (struct failover_case){0};
}

void case_title(const struct failover_case *c, char *out, size_t len)
{
	snprintf(out, len, "%s, %u device%s, %s", c->fault ? c->fault->name : "all down", c->devices, c->devices == 1 ? "" : "s",
	         c->threads ? "thread" : "direct");
}

/* -- count --------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A call belongs to the fault as soon as the fault could touch it: all that had not ended when it began. */
static bool in_phase(const struct failover_case *c, const struct call_seen *call, int phase)
{
	int its = call->ended_ms <= c->begin_ms ? 0 : call->from_ms < c->end_ms ? 1 : 2;

	return call->from_ms >= c->quiet_ms && its == phase;
}

static struct latency measure(const struct failover_case *c, int phase)
{
	double *ms = calloc(c->ncalls + 1, sizeof *ms);
	struct latency l = {0};

	if (!ms)
		return l;
	for (size_t i = 0; i < c->ncalls; i++) {
		const struct call_seen *call = &c->calls[i];
		if (call->class != CALL_MAKE_KEY && call->ended_ms >= 0 && in_phase(c, call, phase))
			ms[l.n++] = call_ms(call);
	}
	qsort(ms, l.n, sizeof *ms, by_size);
	if (l.n) {
		l.p50_ms = ms[l.n / 2];
		l.p99_ms = ms[(l.n * 99 + 99) / 100 - 1];
		l.max_ms = ms[l.n - 1];
	}
	free(ms);
	return l;
}

static void count_call(struct failover_case *c, const struct call_seen *call)
{
	bool returned = call->ended_ms >= 0;

	c->ops++;
	c->keys += call->class == CALL_MAKE_KEY;
	c->caller_errors += returned && call->rv != 0;
	c->lost += !returned || call->verdict == MISSING;
	c->duplicated += call->verdict == DOUBLE;
	c->wrong += call->verdict == WRONG;
	if (returned && call_ms(call) > c->longest_ms)
		c->longest_ms = call_ms(call);
	if (returned && call->class == CALL_MAKE_KEY && call_ms(call) > c->generate_max_ms)
		c->generate_max_ms = call_ms(call);
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* With no device at all a call may fail, but by its deadline, and with a code that says why. */
static bool all_down_kept(const struct failover_case *c)
{
	bool clean = c->longest_ms <= c->deadline_ms + LATE_MS && c->service_ms >= 0 && c->service_ms <= ALL_DOWN_BACK_MS;

	for (size_t i = 0; i < c->ncalls; i++)
		clean = clean &&
		        (c->calls[i].rv == CKR_OK || c->calls[i].rv == CKR_DEVICE_ERROR || c->calls[i].rv == CKR_DEVICE_REMOVED);
	return clean;
}

/* From the end of the fault to the end of the first call that began after it or waited for it. */
static double service_after(const struct failover_case *c)
{
	double first = -1;

	for (size_t i = 0; i < c->ncalls; i++) {
		const struct call_seen *call = &c->calls[i];
		if (call->rv == CKR_OK && call->ended_ms >= c->end_ms && (first < 0 || call->ended_ms - c->end_ms < first))
			first = call->ended_ms - c->end_ms;
	}
	return first;
}

static void judge(struct failover_case *c)
{
	bool sound = c->lost == 0 && c->duplicated == 0 && c->wrong == 0;

	c->kept = sound && (!c->fault ? all_down_kept(c)
	                              : c->caller_errors == 0 && c->p99_added_ms <= c->fault->p99_ms &&
	                                        c->max_added_ms <= c->fault->max_ms);
}

void case_count(struct failover_case *c)
{
	c->runs = 1;
	for (size_t i = 0; i < c->ncalls; i++)
		count_call(c, &c->calls[i]);
	c->quiet = measure(c, 0);
	c->fault_phase = measure(c, 1);
	c->back = measure(c, 2);
	c->p99_added_ms = larger(c->fault_phase.p99_ms, c->back.p99_ms) - c->quiet.p99_ms;
	c->max_added_ms = larger(c->fault_phase.max_ms, c->back.max_ms) - c->quiet.max_ms;
	c->service_ms = service_after(c);
	judge(c);
}

void case_add_faults(struct failover_case *c, const struct failover_case *other)
{
	c->caller_errors += other->caller_errors;
	c->lost += other->lost;
	c->duplicated += other->duplicated;
	c->wrong += other->wrong;
	judge(c);
}
