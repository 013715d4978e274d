/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench pool: what the pool and its lanes add, and how devices add up. */
#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/bench/failover.h"
#include "tools/report.h"
#include "tools/table.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt bench_pool_opts[] = {
	{"seconds", 0, "N", "about N seconds, default 15"},
	{"dir", 0, "DIR", "where the tokens lie, default in memory"},
	{0},
};

#define SERVICE_US 1000
#define CLIENTS_PER_DEVICE 4    /* a device never waits for work */
#define SETTING_UP_MS 500

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

enum group { OVERHEAD, HAND_OFF, DEVICES, SESSIONS, GROUPS };

static const struct row_kind {
	enum group group;
	unsigned devices, sessions, clients;
	bool threads;
	unsigned service_us;
} kinds[] = {
	{OVERHEAD, 1, 0, 1, false, 0},
	{OVERHEAD, 2, 0, 1, false, 0},
	{OVERHEAD, 4, 0, 1, false, 0},
	{HAND_OFF, 1, 1, 1, false, 0},
	{HAND_OFF, 1, 1, 1, true, 0},
	{DEVICES, 1, 1, 1 * CLIENTS_PER_DEVICE, true, SERVICE_US},
	{DEVICES, 2, 1, 2 * CLIENTS_PER_DEVICE, true, SERVICE_US},
	{DEVICES, 4, 1, 4 * CLIENTS_PER_DEVICE, true, SERVICE_US},
	{DEVICES, 8, 1, 8 * CLIENTS_PER_DEVICE, true, SERVICE_US},
	{SESSIONS, 1, 8, 1, true, SERVICE_US},
	{SESSIONS, 1, 8, 2, true, SERVICE_US},
	{SESSIONS, 1, 8, 8, true, SERVICE_US},
	{SESSIONS, 1, 8, 64, true, SERVICE_US},
};
#define NROWS (sizeof kinds / sizeof *kinds)

struct row {
	const struct row_kind *kind;
	double added_ns;            /* OVERHEAD */
	double ops_per_s, p50_us, p99_us;
	double ratio, efficiency;   /* to the group's first row; the ratio's share of what the numbers promise */
};

/* -- run ----------------------------------------------------------------------------- */

double pool_overhead_ns(const char *parent, unsigned devices, unsigned ms)
{
	char words[2][32];
	const char *argv[] = {words[0], words[1], NULL};
	double added = 0;

	snprintf(words[0], sizeof *words, "devices=%u", devices);
	snprintf(words[1], sizeof *words, "ms=%u", ms);
	json_t *doc = lab_run(parent, "overhead", argv);
	if (doc && json_unpack(doc, "{s:f}", "added_ns", &added))
		added = 0;
	json_decref(doc);
	return added;
}

static bool run_calls(const char *parent, const struct row_kind *kind, unsigned ms, struct row *row)
{
	char words[6][32];
	const char *argv[7] = {0};

	snprintf(words[0], sizeof *words, "devices=%u", kind->devices);
	snprintf(words[1], sizeof *words, "sessions=%u", kind->sessions);
	snprintf(words[2], sizeof *words, "clients=%u", kind->clients);
	snprintf(words[3], sizeof *words, "isolation=%s", kind->threads ? "thread" : "direct");
	snprintf(words[4], sizeof *words, "service_us=%u", kind->service_us);
	snprintf(words[5], sizeof *words, "ms=%u", ms);
	for (size_t i = 0; i < 6; i++)
		argv[i] = words[i];
	json_t *doc = lab_run(parent, "scaling", argv);
	bool good = doc && json_unpack(doc, "{s:F,s:F,s:F}", "ops_per_s", &row->ops_per_s, "p50_us", &row->p50_us, "p99_us",
	                               &row->p99_us) == 0;
	json_decref(doc);
	return good;
}

static bool run_row(const char *parent, unsigned ms, struct row *row)
{
	if (row->kind->group != OVERHEAD)
		return run_calls(parent, row->kind, ms, row);
	row->added_ns = pool_overhead_ns(parent, row->kind->devices, ms);
	return row->added_ns > 0;
}

static unsigned width_of(const struct row_kind *kind)
{
	unsigned sessions = kind->devices * kind->sessions;

	return kind->clients < sessions ? kind->clients : sessions;
}

static void compare(struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *first = &rows[i];
		while (first > rows && first[-1].kind->group == rows[i].kind->group)
			first--;
		if (rows[i].kind->group == OVERHEAD || first->ops_per_s <= 0)
			continue;
		rows[i].ratio = rows[i].ops_per_s / first->ops_per_s;
		rows[i].efficiency = rows[i].ratio * width_of(first->kind) / width_of(rows[i].kind);
	}
}

/* -- shown ---------------------------------------------------------------------------- */

static json_t *row_json(const struct row *row)
{
	const struct row_kind *k = row->kind;

	if (k->group == OVERHEAD)
		return json_pack("{s:i,s:f}", "devices", (int)k->devices, "added_ns", row->added_ns);
	return json_pack("{s:i,s:i,s:i,s:s,s:i,s:f,s:f,s:f,s:f,s:f}", "devices", (int)k->devices, "sessions", (int)k->sessions,
	                 "clients", (int)k->clients, "isolation", k->threads ? "thread" : "direct", "service_us",
	                 (int)k->service_us, "ops_per_s", row->ops_per_s, "p50_us", row->p50_us, "p99_us", row->p99_us, "ratio",
	                 row->ratio, "efficiency", row->efficiency);
}

static enum status as_json(const struct row *rows, size_t n)
{
	static const char *const names[GROUPS] = {"overhead", "hand_off", "devices", "sessions"};
	json_t *doc = json_pack("{s:s,s:o}", "schema", "hufu-bench-pool/1", "machine", bench_machine());

	for (size_t g = 0; g < GROUPS; g++) {
		json_t *group = json_array();
		for (size_t i = 0; i < n; i++)
			if (rows[i].kind->group == g)
				json_array_append_new(group, row_json(&rows[i]));
		json_object_set_new(doc, names[g], group);
	}
	return out_json(doc);
}

static enum status print_calls(const struct row *rows, size_t n)
{
	static const char *const titles[] = {"DEVICES", "SESSIONS",   "CLIENTS", "ISOLATION", "SERVICE US", "OP/S",
	                                     "TIMES",   "EFFICIENCY", "P50 US",  "P99 US",    NULL};
	struct table table;

	table_init(&table, titles);
	for (size_t i = 0; i < n; i++) {
		const struct row_kind *k = rows[i].kind;
		char text[9][24];
		const char *cells[TABLE_COLUMNS] = {text[0], text[1], text[2], k->threads ? "thread" : "direct",
		                                    text[3], text[4], text[5], text[6],
		                                    text[7], text[8]};
		if (k->group == OVERHEAD)
			continue;
		snprintf(text[0], sizeof *text, "%u", k->devices);
		snprintf(text[1], sizeof *text, "%u", k->sessions);
		snprintf(text[2], sizeof *text, "%u", k->clients);
		snprintf(text[3], sizeof *text, "%u", k->service_us);
		snprintf(text[4], sizeof *text, "%.0f", rows[i].ops_per_s);
		snprintf(text[5], sizeof *text, "%.2f", rows[i].ratio);
		snprintf(text[6], sizeof *text, "%.0f %%", 100 * rows[i].efficiency);
		snprintf(text[7], sizeof *text, "%.1f", rows[i].p50_us);
		snprintf(text[8], sizeof *text, "%.1f", rows[i].p99_us);
		table_row(&table, cells);
	}
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	return status;
}

static enum status as_table(const struct row *rows, size_t n)
{
	const struct row *direct = NULL, *lane = NULL;
	enum status status = print_calls(rows, n);

	putchar('\n');
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind->group == OVERHEAD)
			printf("The pool adds %.0f ns to a call, with %u healthy direct device%s (promised: under 500).\n",
			       rows[i].added_ns, rows[i].kind->devices, rows[i].kind->devices == 1 ? "" : "s");
		if (rows[i].kind->group == HAND_OFF)
			*(rows[i].kind->threads ? &lane : &direct) = &rows[i];
	}
	if (direct && lane)
		printf("A lane adds %.1f us to a call (p99 %.1f us).\n", lane->p50_us - direct->p50_us,
		       lane->p99_us - direct->p99_us);
	return status;
}

enum status cmd_bench_pool(const struct args *args)
{
	const char *dir = arg_has(args, "dir") ? arg_get(args, "dir") : place_fast();
	struct row rows[NROWS] = {0};
	unsigned long seconds;
	size_t n = 0;
	enum status status = arg_number(args, "seconds", 1, 3600, 15, &seconds);

	if (status)
		return status;
	unsigned long each = seconds * 1000 / NROWS;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	bool tty = isatty(STDERR_FILENO);
	for (size_t i = 0; i < NROWS && !stop; i++) {
		if (tty || arg_has(args, "progress"))
			fprintf(stderr, "%smeasurement %zu of %zu%s", tty ? "\r" : "", i + 1, NROWS, tty ? "\033[K" : "\n");
		rows[n] = (struct row){.kind = &kinds[i]};
		n += run_row(dir, each > SETTING_UP_MS + 100 ? (unsigned)each - SETTING_UP_MS : 100, &rows[n]);
	}
	if (tty)
		fputs("\r\033[K", stderr);
	if (n == 0)
		return fail(ST_UNAVAILABLE, "Look at the messages above.", "nothing could be measured");
	compare(rows, n);
	status = args->json ? as_json(rows, n) : as_table(rows, n);
	return status ? status : n < NROWS ? ST_PARTIAL : ST_OK;
}
