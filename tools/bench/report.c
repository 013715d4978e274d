/* SPDX-License-Identifier: Apache-2.0 */
/* What the bench found: a table for people, hufu-bench/1 for programs. */
#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/report.h"
#include "tools/table.h"

#include "config.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

/* -- the machine ------------------------------------------------------------------ */

static void cpu_model(char *out, size_t len)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(out, len, "unknown");
	while (f && fgets(line, sizeof line, f)) {
		const char *value = strchr(line, ':');
		if (!value || (strncmp(line, "model name", 10) && strncmp(line, "Model", 5)))
			continue;
		text_clean(value + 2, strcspn(value + 2, "\n"), out, len);
		break;
	}
	if (f)
		fclose(f);
}

static const char *filesystem(const char *dir)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} known[] = {{0xef53, "ext4"},      {0x58465342, "xfs"},     {0x9123683e, "btrfs"},
	             {0x01021994, "tmpfs"}, {0x794c7630, "overlay"}, {0x6969, "nfs"}};
	struct statfs st;

	if (statfs(dir, &st))
		return "unknown";
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (known[i].magic == (unsigned long)st.f_type)
			return known[i].name;
	return "other";
}

/* Ticks of the time stamp counter in a nanosecond; 0: this processor has none that we read. */
static double ticks_per_ns(void)
{
#if defined(__x86_64__) || defined(__i386__)
	uint64_t ns = clock_now_ns(), ticks = __builtin_ia32_rdtsc();

	usleep(50000);
	return (double)(__builtin_ia32_rdtsc() - ticks) / (double)(clock_now_ns() - ns);
#else
	return 0;
#endif
}

json_t *bench_machine(void)
{
	char model[128];
	struct utsname name;

	cpu_model(model, sizeof model);
	uname(&name);
	return json_pack("{s:s,s:I,s:s,s:s,s:s,s:s}", "cpu", model, "cpus", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "arch",
	                 name.machine, "kernel", name.release, "libcrypto", OpenSSL_version(OPENSSL_VERSION), "hufu",
	                 PACKAGE_VERSION);
}

static json_t *machine(const struct bench_result *r, double ticks)
{
	json_t *doc = bench_machine();

	if (doc) {
		json_object_set_new(doc, "filesystem", json_string(filesystem(r->dir)));
		json_object_set_new(doc, "rounds", json_integer(r->rounds));
		json_object_set_new(doc, "seconds", json_real(r->seconds));
	}
	if (doc && ticks > 0)
		json_object_set_new(doc, "tsc_mhz", json_real(1000 * ticks));
	return doc;
}

/* -- rows --------------------------------------------------------------------------- */

static double shown(const struct bench_cell *cell, double ns)
{
	return cell->time ? ns / 1000 : 1e9 / ns;
}

static const char *unit(const struct bench_cell *cell)
{
	return cell->time ? "us" : "op/s";
}

static json_t *row(const char *op, size_t size, unsigned threads, const char *impl, double value, const char *unit_name,
                   double ratio)
{
	return json_pack("{s:s,s:I,s:I,s:s,s:f,s:s,s:o}", "op", op, "size", (json_int_t)size, "threads", (json_int_t)threads,
	                 "impl", impl, "value", value, "unit", unit_name, "ratio", ratio > 0 ? json_real(ratio) : json_null());
}

/* What the layers add to a few bytes of work: Init and one-shot together, two calls. */
#define LAYERS_MAX 6
struct layer {
	const char *name, *above;
	size_t cell;
	double ns;
};

static const struct layer_kind {
	enum bench_op op;
	size_t size;
	const char *name, *above; /* the implementation that does nothing but the work */
} layer_kinds[] = {
	{BENCH_SM2_SIGN, 32, "layers-sm2-sign", "kernel"},
	{BENCH_SM4_CBC, 64, "layers-sm4-cbc", "kernel"},
	{BENCH_SM3, 64, "layers-sm3", "kernel"},
	{BENCH_AES_CBC, 64, "layers-aes-cbc", "libcrypto"},
	{BENCH_AES_GCM, 64, "layers-aes-gcm", "libcrypto"},
	{BENCH_SHA256, 64, "layers-sha256", "libcrypto"},
};

static size_t impl_named(const struct bench_result *r, const char *name)
{
	size_t i = 0;

	while (i < r->nimpls && strcmp(r->names[i], name))
		i++;
	return i;
}

static size_t cell_of(const struct bench_result *r, const struct layer_kind *kind)
{
	size_t c = 0;

	while (c < r->ncells && (r->cells[c].op != kind->op || r->cells[c].size != kind->size || r->cells[c].threads != 1))
		c++;
	return c;
}

static size_t layers(const struct bench_result *r, struct layer out[LAYERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof layer_kinds / sizeof *layer_kinds; i++) {
		const struct layer_kind *kind = &layer_kinds[i];
		size_t below = impl_named(r, kind->above), c = cell_of(r, kind);
		if (below < r->nimpls && c < r->ncells && r->ns[0][c] > 0 && r->ns[below][c] > 0)
			out[n++] = (struct layer){kind->name, kind->above, c, r->less[below][c]};
	}
	return n;
}

static enum status as_json(const struct bench_result *r)
{
	double ticks = ticks_per_ns();
	struct layer layer[LAYERS_MAX];
	size_t nlayers = layers(r, layer);
	json_t *rows = json_array();

	for (size_t c = 0; c < r->ncells; c++)
		for (size_t i = 0; i < r->nimpls; i++) {
			const struct bench_cell *cell = &r->cells[c];
			if (r->ns[i][c] <= 0)
				continue;
			json_array_append_new(rows, row(cell->name, cell->size, cell->threads, r->names[i],
			                                shown(cell, r->ns[i][c]), unit(cell), r->ratio[i][c]));
		}
	for (size_t i = 0; i < nlayers; i++)
		json_array_append_new(rows, row(layer[i].name, r->cells[layer[i].cell].size, 1, r->names[0],
		                                ticks > 0 ? layer[i].ns * ticks : layer[i].ns, ticks > 0 ? "cycles" : "ns", 1));
	if (r->pool_ns > 0)
		json_array_append_new(rows, row("pool-overhead", 0, 1, r->names[0], r->pool_ns, "ns", 1));
	return out_json(json_pack("{s:s,s:o,s:o}", "schema", "hufu-bench/1", "machine", machine(r, ticks), "rows", rows));
}

/* ratio 0: nothing to compare with. */
static void value_cell(const struct bench_cell *cell, double ns, double ratio, char *out, size_t len)
{
	double value = ns > 0 ? shown(cell, ns) : 0;

	if (ns <= 0)
		snprintf(out, len, "-");
	else if (ratio > 0)
		snprintf(out, len, "%.*f (%.2f)", value < 100 ? 1 : 0, value, ratio);
	else
		snprintf(out, len, "%.*f", value < 100 ? 1 : 0, value);
}

static bool measured(const struct bench_result *r, size_t cell)
{
	for (size_t i = 0; i < r->nimpls; i++)
		if (r->ns[i][cell] > 0)
			return true;
	return false;
}

static enum status as_table(const struct bench_result *r)
{
	const char *titles[TABLE_COLUMNS + 1] = {"OPERATION", "SIZE", "THREADS", "UNIT"};
	size_t shown_impls = r->nimpls < TABLE_COLUMNS - 4 ? r->nimpls : TABLE_COLUMNS - 4;
	struct table table;

	for (size_t i = 0; i < shown_impls; i++)
		titles[4 + i] = r->names[i];
	table_init(&table, titles);
	for (size_t c = 0; c < r->ncells; c++) {
		if (!measured(r, c))
			continue;
		char size[24], threads[12], values[TABLE_COLUMNS][32];
		const char *cells[TABLE_COLUMNS] = {r->cells[c].name, size, threads, unit(&r->cells[c])};
		snprintf(size, sizeof size, "%zu", r->cells[c].size);
		snprintf(threads, sizeof threads, "%u", r->cells[c].threads);
		for (size_t i = 0; i < shown_impls; i++) {
			value_cell(&r->cells[c], r->ns[i][c], i ? r->ratio[i][c] : 0, values[i], sizeof values[i]);
			cells[4 + i] = values[i];
		}
		table_row(&table, cells);
	}
	enum status status = table_print(&table, stdout, "Nothing was measured.");
	table_clear(&table);
	return status;
}

static void remarks(const struct bench_result *r)
{
	double ticks = ticks_per_ns();
	struct layer layer[LAYERS_MAX];
	size_t n = layers(r, layer);
	char model[128];

	cpu_model(model, sizeof model);
	printf("\nIn brackets: %s's value over that column's, from the same run (%u rounds, medians, %.0f s).\n", r->names[0],
	       r->rounds, r->seconds);
	for (size_t i = 0; i < n; i++)
		printf("%s %s: %.0f %s above %s%s, for Init and one-shot together.\n", r->names[0], layer[i].name,
		       ticks > 0 ? layer[i].ns * ticks : layer[i].ns, ticks > 0 ? "cycles" : "ns",
		       strcmp(layer[i].above, "kernel") ? "" : "the ", layer[i].above);
	if (r->pool_ns > 0)
		printf("The pool adds %.0f ns to a call on a healthy direct device (hufu bench pool has more).\n", r->pool_ns);
	printf("In the rows of SM, modules without it run ECDSA P-256, AES-128 and SHA-256 in its place.\n"
	       "Objects are created on %s; finds and initialize count objects on a token in memory. %s.\n",
	       filesystem(r->dir), model);
}

enum status bench_report(const struct args *args, const struct bench_result *r)
{
	if (args->json)
		return as_json(r);
	enum status status = as_table(r);
	if (status == ST_OK)
		remarks(r);
	return status;
}
