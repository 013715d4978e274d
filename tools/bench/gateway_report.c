/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/gateway.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <string.h>

struct rows {
	const struct gateway_row *row;
	size_t n;
};

/* -- for programs ------------------------------------------------------------------------------ */

static json_t *number(double value)
{
	return value > 0 ? json_real(value) : json_null();
}

static json_t *json_of(const struct gateway_row *row)
{
	const struct gateway_task *task = &row->task;

	return json_pack("{s:s,s:s,s:s,s:I,s:f,s:o,s:o,s:o}", "work", gateway_work_names[task->work], "key", gateway_key_names[task->key],
	                 "device", gateway_device_names[task->device], "jobs", (json_int_t)task->jobs, "per_s", row->rate.per_s, "ratio",
	                 number(row->ratio), "cpu_us", number(row->rate.busy_us), "cpu_ratio", number(row->busy_ratio));
}

static enum status as_json(const struct rows *rows, unsigned rounds, double seconds)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->n; i++)
		json_array_append_new(list, json_of(&rows->row[i]));
	return out_json(json_pack("{s:s,s:o,s:I,s:f,s:o,s:o}", "schema", "hufu-bench-gateway/1", "machine", bench_machine(), "rounds",
	                          (json_int_t)rounds, "seconds", seconds, "slow_ms",
	                          gateway_has_slow() ? json_integer(GATEWAY_SLOW_MS) : json_null(), "rows", list));
}

/* -- for people -------------------------------------------------------------------------------- */

#define TEXT_MAX 32
static const unsigned flights[] = {0, 1, 8, GATEWAY_JOBS_MAX};
#define NFLIGHTS (sizeof flights / sizeof *flights)

static const struct gateway_row *find(const struct rows *rows, struct gateway_task task)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct gateway_task *t = &rows->row[i].task;
		if (t->work == task.work && t->key == task.key && t->device == task.device && t->jobs == task.jobs)
			return &rows->row[i];
	}
	return NULL;
}

static void put(char text[TEXT_MAX], double value, double ratio, bool compared)
{
	if (value <= 0)
		snprintf(text, TEXT_MAX, "-");
	else if (compared)
		snprintf(text, TEXT_MAX, "%.0f (%.2f)", value, ratio);
	else
		snprintf(text, TEXT_MAX, "%.0f", value);
}

/* One line: the same with every device. busy: not how many a second, but what one takes of this thread's processor time. */
static void add_line(struct table *table, const struct rows *rows, struct gateway_task task, bool busy)
{
	char text[GATEWAY_SLOW][TEXT_MAX], jobs[TEXT_MAX] = "-";
	const char *cells[TABLE_COLUMNS] = {gateway_work_names[task.work], gateway_key_names[task.key], jobs, busy ? "cpu us" : "per s"};
	bool any = false;

	if (task.jobs)
		snprintf(jobs, sizeof jobs, "%u", task.jobs);
	for (enum gateway_device device = GATEWAY_FILE; device < GATEWAY_SLOW; device++) {
		task.device = device;
		const struct gateway_row *row = find(rows, task);
		const double value = !row ? 0 : busy ? row->rate.busy_us : row->rate.per_s;
		put(text[device], value, !row ? 0 : busy ? row->busy_ratio : row->ratio, device != GATEWAY_FILE);
		cells[4 + device] = text[device];
		any |= value > 0;
	}
	if (any)
		table_row(table, cells);
}

static enum status show_devices(const struct rows *rows)
{
	const char *const titles[] = {"WORK", "KEY", "JOBS", "UNIT", "FILE", "SOFT", "SOFT, LANE", "NET", NULL};
	struct table table;

	table_init(&table, titles);
	for (enum gateway_work work = 0; work < GATEWAY_WORKS; work++)
		for (enum gateway_key key = 0; key < GATEWAY_KEYS; key++)
			for (size_t i = 0; i < NFLIGHTS; i++)
				for (int busy = 0; busy < 2; busy++)
					add_line(&table, rows, (struct gateway_task){.work = work, .key = key, .jobs = flights[i]}, busy);
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	return status;
}

static bool add_slow(struct table *table, const struct rows *rows, struct gateway_task task)
{
	char text[NFLIGHTS][TEXT_MAX];
	const char *cells[TABLE_COLUMNS] = {gateway_work_names[task.work], gateway_key_names[task.key]};
	const struct gateway_row *alone = find(rows, task);

	for (size_t i = 0; i < NFLIGHTS; i++) {
		task.jobs = flights[i];
		const struct gateway_row *row = find(rows, task);
		put(text[i], row ? row->rate.per_s : 0, row && alone ? row->rate.per_s / alone->rate.per_s : 0, i > 0);
		cells[2 + i] = text[i];
	}
	if (alone)
		table_row(table, cells);
	return alone;
}

static enum status show_slow(const struct rows *rows)
{
	const char *const titles[] = {"WORK", "KEY", "NO JOBS", "1", "8", "64", NULL};
	struct table table;

	if (!gateway_has_slow()) {
		printf("\nA slow device is measured where hufu was built with --enable-fault-driver.\n");
		return ST_OK;
	}
	table_init(&table, titles);
	for (enum gateway_work work = 0; work < GATEWAY_WORKS; work++)
		for (enum gateway_key key = 0; key < GATEWAY_KEYS; key++)
			add_slow(&table, rows, (struct gateway_task){.work = work, .key = key, .device = GATEWAY_SLOW});
	printf("\nA device that takes %d ms for each operation and does %d at once; a second, by jobs in flight (times without jobs):\n\n",
	       GATEWAY_SLOW_MS, GATEWAY_SLOW_SESSIONS);
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	return status;
}

static void remarks(const struct rows *rows, unsigned rounds, double seconds)
{
	const struct gateway_row *kernel = find(rows, (struct gateway_task){.work = GATEWAY_SIGN, .key = GATEWAY_SM2, .device = GATEWAY_KERNEL});
	const struct gateway_row *soft = find(rows, (struct gateway_task){.work = GATEWAY_SIGN, .key = GATEWAY_SM2, .device = GATEWAY_SOFT});
	json_t *machine = bench_machine();

	printf("\nIn brackets: times the file's key in as many jobs, more is faster, from the same run (%u rounds, medians, %.0f s).\n", rounds, seconds);
	if (kernel && soft)
		printf("SM2, by processor time: hufu's kernel alone signs %.1f times as fast as the default provider, the provider with it %.1f times.\n",
		       kernel->busy_ratio, soft->busy_ratio);
	printf("All in one thread; JOBS: ASYNC_JOBs in flight, none at \"-\". Handshakes are full and in memory, both ends in this process: \"per s\"\n"
	       "has both. \"cpu us\" is this thread's processor time for one, of a handshake the server's end alone: it holds on a busy machine,\n"
	       "and has nothing of lanes and machines.\n%s, %s, Linux %s.\n",
	       json_string_value(json_object_get(machine, "cpu")), json_string_value(json_object_get(machine, "libcrypto")),
	       json_string_value(json_object_get(machine, "kernel")));
	json_decref(machine);
}

enum status gateway_report(const struct args *args, const struct gateway_row *row, size_t n, unsigned rounds, double seconds)
{
	const struct rows rows = {row, n};

	if (args->json)
		return as_json(&rows, rounds, seconds);
	enum status status = show_devices(&rows);
	if (status == ST_OK)
		status = show_slow(&rows);
	if (status == ST_OK)
		remarks(&rows, rounds, seconds);
	return status;
}
