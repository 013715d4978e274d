/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/bench.h"
#include "tools/bench/net.h"
#include "tools/io.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <string.h>

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static void put(char text[24], int decimals, double value)
{
	snprintf(text, 24, "%.*f", decimals, value);
}

/* What of the processors' time goes into the operation itself: it holds on a machine that is busy, where rates do not. */
static double cpu_share(const json_t *row)
{
	const json_t *wire = json_object_get(row, "wire");
	const double spent = real(wire, "client_us") + real(wire, "machine_us");

	const double share = spent > 0 ? real(json_object_get(row, "in_process"), "client_us") / spent : 0;

	return share < 1 ? share : 1; /* a machine does many at once cheaper than callers do one */
}

static void add_row(struct table *table, const json_t *row, const char *count)
{
	const json_t *wire = json_object_get(row, "wire"), *here = json_object_get(row, "in_process");
	char text[10][24];
	const char *cells[TABLE_COLUMNS] = {json_string_value(json_object_get(row, "op"))};

	snprintf(text[0], sizeof *text, "%lld", (long long)json_integer_value(json_object_get(row, count)));
	put(text[1], 0, real(wire, "per_s"));
	put(text[2], 0, real(wire, "p50_us"));
	put(text[3], 0, real(wire, "p99_us"));
	put(text[4], 0, real(wire, "p999_us"));
	put(text[5], 1, real(wire, "client_us"));
	put(text[6], 1, real(wire, "machine_us"));
	put(text[7], 0, real(here, "per_s"));
	put(text[8], 1, real(here, "client_us"));
	snprintf(text[9], sizeof *text, "%.0f %%", 100 * real(row, "ratio"));
	for (int i = 0; i < 10; i++)
		cells[i + 1] = text[i];
	table_row(table, cells);
}

static enum status show_rows(const json_t *rows, const char *count, const char *title)
{
	const char *const titles[] = {"OPERATION", title, "PER S", "P50 US", "P99", "P99.9", "CPU US CLIENT", "MACHINE", "IN-PROCESS/S", "CPU US",
	                              "RATIO", NULL};
	struct table table;
	const json_t *row;
	size_t i;

	table_init(&table, titles);
	json_array_foreach(rows, i, row)
		add_row(&table, row, count);
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	printf("\n");
	return status;
}

static void show_module(const json_t *modules, const char *key, const char *name)
{
	const json_t *m = json_object_get(modules, key), *here = json_object_get(modules, "in_process");
	const json_t *sign = json_object_get(m, "ecdsa_p256"), *random = json_object_get(m, "random");

	if (m)
		printf("  %-28s ECDSA P-256 %8.0f/s (%3.0f %%)   88 random bytes %8.0f/s (%3.0f %%)\n", name, real(sign, "per_s"),
		       100 * real(sign, "per_s") / real(json_object_get(here, "ecdsa_p256"), "per_s"), real(random, "per_s"),
		       100 * real(random, "per_s") / real(json_object_get(here, "random"), "per_s"));
}

static void show_modules(const json_t *modules)
{
	if (!json_is_object(modules))
		return;
	printf("\nThe same by PKCS#11, %lld threads:\n", (long long)json_integer_value(json_object_get(modules, "threads")));
	show_module(modules, "in_process", "hufu in the process");
	show_module(modules, "machine", "hufu over the machine");
	show_module(modules, "p11_kit_server", "hufu behind p11-kit server");
}

static void show_rest(const json_t *doc)
{
	const json_t *shake = json_object_get(doc, "handshakes"), *idle = json_object_get(doc, "idle"), *row;
	const json_int_t n = json_integer_value(json_object_get(idle, "connections")), wanted = json_integer_value(json_object_get(idle, "wanted"));
	size_t i;

	json_array_foreach(json_object_get(doc, "in_flight"), i, row)
		if (!strcmp(json_string_value(json_object_get(row, "op")), "sm2-sign"))
			printf("%lld in flight on one connection: of the processors' time %.0f %% is the signature's, %.0f %% the wire's.\n",
			       (long long)json_integer_value(json_object_get(row, "in_flight")), 100 * cpu_share(row), 100 - 100 * cpu_share(row));
	printf("A request for random numbers takes %lld bytes, its answer %lld, headers included.\n",
	       (long long)json_integer_value(json_object_get(doc, "request_bytes")),
	       (long long)json_integer_value(json_object_get(doc, "answer_bytes")));
	printf("Handshakes of mutual TLS, one after the other: %.0f/s full, %.0f/s resumed.\n", real(shake, "full_per_s"), real(shake, "resumed_per_s"));
	printf("A connection that does nothing takes %.1f KiB of the machine and %.1f KiB of a client without hufu's link; %lld of them%s, "
	       "made at %.0f/s.\n", real(idle, "machine_bytes") / 1024, real(idle, "client_bytes") / 1024, (long long)n,
	       n < wanted ? " (ulimit -n allows no more)" : "", real(idle, "connects_per_s"));
	show_modules(json_object_get(doc, "pkcs11"));
}

static enum status as_table(const json_t *doc)
{
	printf("SM2 signatures and 54 random bytes over mutual TLS on the loopback, beside the same in the process.\n\n"
	       "One connection:\n");
	enum status status = show_rows(json_object_get(doc, "in_flight"), "in_flight", "IN FLIGHT");
	if (status == ST_OK) {
		printf("Threads that call the pool, one connection:\n");
		status = show_rows(json_object_get(doc, "threads"), "threads", "THREADS");
	}
	if (status == ST_OK)
		show_rest(doc);
	return status;
}

static void add_shares(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		json_object_set_new(row, "cpu_ratio", json_real(cpu_share(row)));
}

enum status net_report(const struct args *args, json_t *doc)
{
	add_shares(json_object_get(doc, "in_flight"));
	add_shares(json_object_get(doc, "threads"));
	if (!args->json) {
		const enum status status = as_table(doc);
		json_decref(doc);
		return status;
	}
	json_object_set_new(doc, "schema", json_string("hufu-bench-net/1"));
	json_object_set_new(doc, "machine", bench_machine());
	return out_json(doc);
}
