/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closed loop: so many clients, each calls again at once. How many calls a second
 * (the median of rounds: a machine that stands still for a moment is not measured),
 * and how long they take.
 */
#include "tools/lab/lab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS_MAX 128
#define WARM_NS (100 * NS_PER_MS)
#define SAMPLES_MAX 200000
#define ROUNDS 7

struct client {
	pthread_t thread;
	const struct bed *bed;
	CK_SESSION_HANDLE session;
	uint64_t from_ns, to_ns;    /* calls that begin and end between count */
	uint32_t *samples;          /* ns */
	size_t n, max;
	uint64_t rounds[ROUNDS];    /* calls that ended in each */
	CK_RV rv;                   /* the first that was not CKR_OK */
};

static void *client_run(void *arg)
{
	struct client *c = arg;
	uint8_t in[64] = {0}, out[sizeof in];
	uint64_t now = clock_now_ns();

	while (now < c->to_ns && c->rv == CKR_OK) {
		uint64_t begun = now;
		c->rv = bed_encrypt(c->bed, c->session, in, sizeof in, out);
		now = clock_now_ns();
		if (begun < c->from_ns || now >= c->to_ns)
			continue;
		c->rounds[(now - c->from_ns) * ROUNDS / (c->to_ns - c->from_ns)]++;
		if (c->n < c->max)
			c->samples[c->n++] = (uint32_t)(now - begun);
	}
	return NULL;
}

static bool start(struct client *c, const struct bed *bed, uint64_t from_ns, uint64_t to_ns, size_t max)
{
	*c = (struct client){
		.bed = bed, .from_ns = from_ns, .to_ns = to_ns, .max = max, .samples = calloc(max, sizeof *c->samples)};
	if (!c->samples || !bed_session(bed, &c->session))
		return false;
	return pthread_create(&c->thread, NULL, client_run, c) == 0 || lab_fail("no thread for a client");
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median_rate(const struct client *clients, unsigned n, uint64_t ns)
{
	uint32_t rounds[ROUNDS] = {0};

	for (unsigned i = 0; i < n; i++)
		for (size_t r = 0; r < ROUNDS; r++)
			rounds[r] += (uint32_t)clients[i].rounds[r];
	qsort(rounds, ROUNDS, sizeof *rounds, by_size);
	return (double)rounds[ROUNDS / 2] * ROUNDS * 1e9 / (double)ns;
}

static json_t *report(struct client *clients, unsigned n, uint64_t ns)
{
	uint32_t *all = calloc((size_t)n * clients[0].max + 1, sizeof *all);
	size_t calls = 0;

	if (!all)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		if (!lab_ok(clients[i].rv, "C_Encrypt"))
			return free(all), NULL;
		memcpy(all + calls, clients[i].samples, clients[i].n * sizeof *all);
		calls += clients[i].n;
	}
	qsort(all, calls, sizeof *all, by_size);
	json_t *doc = json_pack("{s:I,s:f,s:f,s:f}", "calls", (json_int_t)calls, "ops_per_s", median_rate(clients, n, ns), "p50_us",
	                        calls ? all[calls / 2] / 1e3 : 0, "p99_us", calls ? all[calls * 99 / 100] / 1e3 : 0);
	free(all);
	return doc;
}

static json_t *run(const struct bed *bed, unsigned nclients, uint64_t ns)
{
	static struct client clients[CLIENTS_MAX];
	uint64_t from = clock_now_ns() + WARM_NS;

	for (unsigned i = 0; i < nclients; i++)
		if (!start(&clients[i], bed, from, from + ns, SAMPLES_MAX / nclients))
			return NULL;
	for (unsigned i = 0; i < nclients; i++)
		pthread_join(clients[i].thread, NULL);
	return report(clients, nclients, ns);
}

json_t *lab_scaling(const struct lab_args *args)
{
	unsigned nclients = (unsigned)lab_number(args, "clients", 1, CLIENTS_MAX, 1);
	uint64_t ns = lab_number(args, "ms", 1, 600000, 500) * NS_PER_MS;
	struct bed_plan plan = {
		.dir = lab_text(args, "dir", "."),
		.devices = (unsigned)lab_number(args, "devices", 1, LAB_DEVICES_MAX, 1),
		.threads = !strcmp(lab_text(args, "isolation", "thread"), "thread"),
		.service_us = (unsigned)lab_number(args, "service_us", 0, 1000000, 1000),
		.sessions = (unsigned)lab_number(args, "sessions", 1, 64, 1),
		.deadline_ms = 5000,
	};
	struct bed bed;

	if (!bed_make(&plan, &bed))
		return NULL;
	json_t *doc = run(&bed, nclients, ns);
	return doc && lab_ok(C_Finalize(NULL), "C_Finalize") ? doc : NULL;
}
