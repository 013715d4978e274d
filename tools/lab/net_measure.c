/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lab/net.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const net_op_names[NET_OPS] = {[NET_SIGN] = "sm2-sign", [NET_RANDOM] = "random"};

bool samples_make(struct net_samples *s, uint64_t from_ns, uint64_t to_ns, size_t max)
{
	*s = (struct net_samples){.ns = calloc(max, sizeof *s->ns), .max = max, .from_ns = from_ns, .to_ns = to_ns};
	return s->ns || lab_fail("no memory for %zu samples", max);
}

void samples_add(struct net_samples *s, uint64_t begun_ns, uint64_t now_ns)
{
	s->all++;
	if (begun_ns < s->from_ns || (now_ns >= s->to_ns && s->done))
		return;
	s->done++;
	s->last_ns = now_ns;
	if (s->n < s->max)
		s->ns[s->n++] = (uint32_t)(now_ns - begun_ns);
}

static uint64_t clock_of(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

struct net_cost cost_now(pid_t machine)
{
	struct net_cost cost = {.from_ns = clock_now_ns(), .own_ns = clock_of(CLOCK_PROCESS_CPUTIME_ID)};
	clockid_t clock;

	if (machine > 0 && clock_getcpuclockid(machine, &clock) == 0)
		cost.machine_ns = clock_of(clock);
	return cost;
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double at(const uint32_t *sorted, size_t n, unsigned per_mille)
{
	return n ? sorted[(n - 1) * per_mille / 1000] / 1e3 : 0;
}

json_t *samples_report(struct net_samples *s, size_t n, const struct net_cost *before, const struct net_cost *after)
{
	size_t total = 0, at_end = 0;
	uint64_t done = 0, every = 0, end_ns = s->to_ns;

	for (size_t i = 0; i < n; i++) {
		end_ns = s[i].last_ns > end_ns ? s[i].last_ns : end_ns;
		total += s[i].n;
		done += s[i].done;
		every += s[i].all;
	}
	uint32_t *all = calloc(total + 1, sizeof *all);
	for (size_t i = 0; i < n; i++) {
		if (all)
			memcpy(all + at_end, s[i].ns, s[i].n * sizeof *all);
		at_end += s[i].n;
		free(s[i].ns);
	}
	if (!all || !done) {
		free(all);
		return lab_fail("nothing was done in the time there was"), NULL;
	}
	qsort(all, total, sizeof *all, by_size);
	json_t *doc = json_pack("{s:f,s:f,s:f,s:f,s:f,s:f}", "per_s", (double)done * 1e9 / (double)(end_ns - s->from_ns), "p50_us",
	                        at(all, total, 500), "p99_us", at(all, total, 990), "p999_us", at(all, total, 999), "client_us",
	                        (double)(after->own_ns - before->own_ns) / 1e3 / (double)every, "machine_us",
	                        (double)(after->machine_ns - before->machine_ns) / 1e3 / (double)every);
	free(all);
	return doc;
}
