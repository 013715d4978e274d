/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench gateway: what a TLS server has of keys in tokens, beside keys in files. */
#include "base/clock.h"
#include "tools/bench/gateway.h"
#include "tools/report.h"

#include <openssl/async.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt bench_gateway_opts[] = {
	{"seconds", 0, "N", "about N seconds, default 60"},
	{"module", 0, "PATH", "that makes the tokens, default hufu's own"},
	{0},
};

#define ROUNDS 5
#define ROUNDS_QUICK 3
#define QUICK_SECONDS 10
#define CELLS_MAX 160
#define LEAST_NS (2 * NS_PER_MS)

struct cell {
	struct gateway_task task;
	size_t file;                    /* the cell that it is compared with */
	struct gateway_rate rates[ROUNDS];
};

struct bench {
	const struct args *args;
	struct gateway_place place;
	struct cell cells[CELLS_MAX];
	size_t n;
	unsigned rounds;
	uint64_t begin_ns, each_ns;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

/* -- what is measured ------------------------------------------------------------------------ */

static const unsigned flights[] = {0, 1, 8, GATEWAY_JOBS_MAX};
#define NFLIGHTS (sizeof flights / sizeof *flights)

static size_t add(struct bench *b, struct gateway_task task, size_t file)
{
	if (b->n == CELLS_MAX)
		abort();
	task.place = &b->place;
	b->cells[b->n] = (struct cell){.task = task, .file = file};
	return b->n++;
}

/* Neighbours in time are compared: the file's key first, then the same with every device, in jobs and without. */
static void add_group(struct bench *b, enum gateway_work work, enum gateway_key key)
{
	struct gateway_task task = {.work = work, .key = key};
	const size_t nflights = ASYNC_is_capable() ? NFLIGHTS : 1;

	for (size_t i = 0; b->place.keys[GATEWAY_FILE][key] && i < nflights; i++) {
		task.jobs = flights[i];
		task.device = GATEWAY_FILE;
		const size_t file = add(b, task, b->n);
		for (task.device = GATEWAY_SOFT; task.device <= GATEWAY_NET; task.device++)
			add(b, task, file);
		if (key == GATEWAY_P256 && work != GATEWAY_TLS12 && gateway_has_slow()) {
			task.device = GATEWAY_SLOW;
			add(b, task, file);
		}
		if (key == GATEWAY_SM2 && task.jobs == 0) {
			task.device = GATEWAY_KERNEL;
			add(b, task, file);
		}
	}
}

static void choose(struct bench *b)
{
	for (enum gateway_key key = 0; key < GATEWAY_KEYS; key++)
		add_group(b, GATEWAY_SIGN, key);
	for (enum gateway_work work = GATEWAY_TLS13; work <= GATEWAY_TLS12; work++)
		for (enum gateway_key key = GATEWAY_RSA; key <= GATEWAY_P256; key++)
			add_group(b, work, key);
}

/* -- rounds ------------------------------------------------------------------------------------ */

static void say(const struct bench *b, unsigned round)
{
	const bool tty = isatty(STDERR_FILENO);

	if (tty || arg_has(b->args, "progress"))
		fprintf(stderr, "%sround %u of %u, %.0f s%s", tty ? "\r" : "", round + 1, b->rounds, (double)(clock_now_ns() - b->begin_ns) / 1e9,
		        tty ? "\033[K" : "\n");
}

/* What has failed once is left out. */
static enum status measure(struct bench *b)
{
	bool failed = false;

	for (unsigned round = 0; round < b->rounds; round++) {
		say(b, round);
		for (size_t i = 0; i < b->n && !stop; i++) {
			struct cell *cell = &b->cells[i];
			if (round > 0 && cell->rates[round - 1].per_s <= 0)
				continue;
			cell->rates[round] = gateway_fly(&cell->task, b->each_ns);
			failed |= cell->rates[round].per_s <= 0;
		}
		if (stop)
			return fail(ST_PARTIAL, NULL, "stopped before all rounds were made");
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return failed ? ST_PARTIAL : ST_OK;
}

/* -- medians ------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double values[ROUNDS], unsigned n)
{
	qsort(values, n, sizeof *values, by_size);
	return values[n / 2];
}

static double quotient(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static struct gateway_row row_of(const struct bench *b, const struct cell *cell)
{
	const struct cell *file = &b->cells[cell->file];
	const unsigned n = b->rounds;
	double per_s[ROUNDS], busy_us[ROUNDS], ratio[ROUNDS], busy_ratio[ROUNDS];

	for (unsigned r = 0; r < n; r++) {
		per_s[r] = cell->rates[r].per_s;
		busy_us[r] = cell->rates[r].busy_us;
		ratio[r] = quotient(cell->rates[r].per_s, file->rates[r].per_s);
		busy_ratio[r] = quotient(file->rates[r].busy_us, cell->rates[r].busy_us);
	}
	return (struct gateway_row){cell->task, {median(per_s, n), median(busy_us, n)}, median(ratio, n), median(busy_ratio, n)};
}

/* What did not last all rounds is not shown. */
static enum status report(const struct bench *b)
{
	static struct gateway_row rows[CELLS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->cells[i].rates[b->rounds - 1].per_s > 0)
			rows[n++] = row_of(b, &b->cells[i]);
	return gateway_report(b->args, rows, n, b->rounds, (double)(clock_now_ns() - b->begin_ns) / 1e9);
}

/* -- the command ----------------------------------------------------------------------------------- */

static enum status run(struct bench *b, unsigned long seconds)
{
	const char *module = arg_get(b->args, "module");
	enum status status = gateway_begin(&b->place, module ? module : HUFU_MODULE_PATH);

	if (status)
		return status;
	b->begin_ns = clock_now_ns();
	choose(b);
	b->rounds = seconds < QUICK_SECONDS ? ROUNDS_QUICK : ROUNDS;
	b->each_ns = seconds * NS_PER_S / b->rounds / b->n;
	if (b->each_ns < LEAST_NS)
		b->each_ns = LEAST_NS;
	status = measure(b);
	const enum status shown = report(b);
	return status ? status : shown;
}

enum status cmd_bench_gateway(const struct args *args)
{
	static struct bench bench;
	unsigned long seconds;
	enum status status = arg_number(args, "seconds", 1, 3600, 60, &seconds);

	if (status)
		return status;
	bench.args = args;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	status = run(&bench, seconds);
	gateway_end(&bench.place);
	return status;
}
