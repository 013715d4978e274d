/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench sdf: a vendor's GM/T 0018 library, straight and through the driver. */
#include "tools/bench/bench.h"
#include "tools/bench/failover.h"
#include "tools/io.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/table.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt bench_sdf_opts[] = {
	{"profile", 0, "NAME", "the vendor's profile, hufu-profile(5), default gmt0018-2012"},
	{"open-config", 0, "PATH", "what the profile's open call is to read"},
	{"index", 0, "N", "of the SM2 pair that signs, default 1"},
	{"password-file", 0, "FILE", "the access password of the index"},
	{"seconds", 0, "N", "about N seconds, default 30"},
	{0},
};

#define SETTING_UP_MS 500
#define PROMISED 0.95

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

/*
 * direct: the driver in the callers' threads; thread: the pool, with the driver on lanes. verify always: the pool verifies each
 * signature before it is released, which is this processor's work and is configured.
 */
static const struct row_kind {
	const char *isolation, *verify;
	unsigned threads;
} kinds[] = {
	{"direct", "never", 1}, {"direct", "never", 4}, {"direct", "never", 16},
	{"thread", "never", 1}, {"thread", "never", 4}, {"thread", "never", 16},
	{"thread", "always", 1}, {"thread", "always", 4}, {"thread", "always", 16},
};
#define NROWS (sizeof kinds / sizeof *kinds)

struct row {
	const struct row_kind *kind;
	double straight, driver, ratio;
	double call_us, cpu_us;     /* of a straight call: as long as it takes, and what this processor does of it */
};

/* Of a card that computes elsewhere: what the processor does is then hufu's. What verifying costs is said, not promised. */
static bool promised(const struct row *row)
{
	return row->kind->threads == 16 && !strcmp(row->kind->verify, "never") && row->cpu_us < row->call_us / 4;
}

/* -- run ------------------------------------------------------------------------------ */

static bool run_row(const struct args *args, const struct pin *password, unsigned ms, struct row *row)
{
	char *words[9] = {0};
	const char *argv[10] = {0};
	const char *profile = arg_get(args, "profile"), *index = arg_get(args, "index"), *config = arg_get(args, "open-config");
	int n = 0;

	bool good = asprintf(&words[n++], "library=%s", arg_target(args, 0)) > 0 &&
	            asprintf(&words[n++], "profile=%s", profile ? profile : "gmt0018-2012") > 0 &&
	            asprintf(&words[n++], "index=%s", index ? index : "1") > 0 &&
	            asprintf(&words[n++], "isolation=%s", row->kind->isolation) > 0 &&
	            asprintf(&words[n++], "verify=%s", row->kind->verify) > 0 &&
	            asprintf(&words[n++], "threads=%u", row->kind->threads) > 0 && asprintf(&words[n++], "ms=%u", ms) > 0 &&
	            (!password->len || asprintf(&words[n++], "password=stdin") > 0) &&
	            (!config || asprintf(&words[n++], "open_config=%s", config) > 0);
	for (int i = 0; i < n; i++)
		argv[i] = words[i];
	json_t *doc = good ? lab_run_with(place_fast(), "card", argv, password->len ? password : NULL) : NULL;
	good = doc && json_unpack(doc, "{s:F,s:F,s:F,s:F,s:F}", "straight_per_s", &row->straight, "driver_per_s", &row->driver,
	                          "ratio", &row->ratio, "call_us", &row->call_us, "cpu_us", &row->cpu_us) == 0;
	json_decref(doc);
	for (int i = 0; i < n; i++)
		free(words[i]);
	return good;
}

/* -- shown ------------------------------------------------------------------------------ */

static enum status as_json(const struct args *args, const struct row *rows, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:f,s:f,s:f}", "threads", (int)rows[i].kind->threads, "isolation",
		                                      rows[i].kind->isolation, "verify", rows[i].kind->verify, "straight_per_s",
		                                      rows[i].straight, "driver_per_s", rows[i].driver, "ratio", rows[i].ratio));
	return out_json(json_pack("{s:s,s:o,s:s,s:f,s:f,s:o}", "schema", "hufu-bench-sdf/1", "machine", bench_machine(), "library",
	                          arg_target(args, 0), "call_us", rows[0].call_us, "cpu_us", rows[0].cpu_us, "sm2_sign", list));
}

static enum status as_table(const struct row *rows, size_t n)
{
	static const char *const titles[] = {"ISOLATION", "VERIFY", "THREADS", "STRAIGHT/S", "DRIVER/S", "RATIO", "PROMISED", NULL};
	struct table table;

	table_init(&table, titles);
	for (size_t i = 0; i < n; i++) {
		char text[4][24], goal[24] = "";
		const char *cells[TABLE_COLUMNS] = {rows[i].kind->isolation, rows[i].kind->verify, text[0], text[1], text[2], text[3], goal};
		snprintf(text[0], sizeof *text, "%u", rows[i].kind->threads);
		snprintf(text[1], sizeof *text, "%.0f", rows[i].straight);
		snprintf(text[2], sizeof *text, "%.0f", rows[i].driver);
		snprintf(text[3], sizeof *text, "%.1f %%", 100 * rows[i].ratio);
		if (promised(&rows[i]))
			snprintf(goal, sizeof goal, "%.0f %%", 100 * PROMISED);
		table_row(&table, cells);
	}
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	printf("\nA straight call takes %.0f us, of which this processor works %.0f us: the card computes %s.\n", rows[0].call_us,
	       rows[0].cpu_us, rows[0].cpu_us < rows[0].call_us / 4 ? "elsewhere" : "here, in the same time as hufu");
	return status;
}

/* -- the command --------------------------------------------------------------------------- */

static enum status measure(const struct args *args, const struct pin *password, unsigned long seconds)
{
	struct row rows[NROWS] = {0};
	size_t n = 0;
	unsigned long each = seconds * 1000 / NROWS;
	bool tty = isatty(STDERR_FILENO);

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	for (size_t i = 0; i < NROWS && !stop; i++) {
		if (tty || arg_has(args, "progress"))
			fprintf(stderr, "%smeasurement %zu of %zu%s", tty ? "\r" : "", i + 1, NROWS, tty ? "\033[K" : "\n");
		rows[n] = (struct row){.kind = &kinds[i]};
		if (i > 0 && n == 0)
			break; /* what is wrong with the library was said */
		n += run_row(args, password, each > SETTING_UP_MS + 100 ? (unsigned)each - SETTING_UP_MS : 100, &rows[n]);
	}
	if (tty)
		fputs("\r\033[K", stderr);
	if (n == 0)
		return fail(ST_UNAVAILABLE, "Look at the messages above.", "nothing could be measured");
	enum status status = args->json ? as_json(args, rows, n) : as_table(rows, n);
	return status ? status : n < NROWS ? ST_PARTIAL : ST_OK;
}

enum status cmd_bench_sdf(const struct args *args)
{
	const char *path = arg_get(args, "password-file");
	struct pin password = {0};
	unsigned long seconds, index;
	enum status status = arg_number(args, "seconds", 1, 3600, 30, &seconds);

	if (!status)
		status = arg_number(args, "index", 1, 1023, 1, &index);
	if (!status && path)
		status = pin_from_file(path, &password);
	if (!status)
		status = measure(args, &password, seconds);
	pin_clear(&password);
	return status;
}
