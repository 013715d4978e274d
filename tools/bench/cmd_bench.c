/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench */
#include "base/clock.h"
#include "tools/bench/bench.h"
#include "tools/bench/failover.h"
#include "tools/report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt bench_opts[] = {
	{"peer", 0, "PATH", "compare with this module too, in place of SoftHSM; may be given several times; none: with no module"},
	{"quick", 'q', NULL, "about 10 seconds, in place of 100"},
	{"seconds", 0, "N", "about N seconds"},
	{"objects", 0, "LIST", "how many objects for find and initialize, default 10,1000,100000 (--quick: 10,1000)"},
	{"peer-objects", 0, "N", "at most so many on other modules, default 1000 (--quick: 100)"},
	{"dir", 0, "DIR", "where tokens that are written to lie, default $TMPDIR or /tmp"},
	{0},
};

#define WORKERS_MAX 16
#define IMPLS_MAX 8
#define SIZES_MAX 8
#define ROUNDS 9
#define ROUNDS_QUICK 3
#define OBJECT_TARGET_NS (20 * NS_PER_MS)
#define OVERHEAD_MS 200
#define CRYPTO_SHARE 0.6        /* of the time; the rest is for making objects and looking for them */

struct bench {
	const struct args *args;
	bool quick;
	unsigned long seconds, peer_objects;
	size_t sizes[SIZES_MAX];
	size_t nsizes;
	struct bench_cell cells[BENCH_CELLS_MAX];
	size_t ncells;
	struct bench_worker workers[WORKERS_MAX];
	size_t impl_of[WORKERS_MAX]; /* column of a worker's results */
	size_t nworkers;
	const char *names[IMPLS_MAX];
	size_t nimpls;
	double samples[IMPLS_MAX][BENCH_CELLS_MAX][ROUNDS];
	unsigned taken[IMPLS_MAX][BENCH_CELLS_MAX];
	double ns[IMPLS_MAX][BENCH_CELLS_MAX], ratio[IMPLS_MAX][BENCH_CELLS_MAX], less[IMPLS_MAX][BENCH_CELLS_MAX];
	char *dirs[WORKERS_MAX];    /* to be removed */
	size_t ndirs;
	const char *dir;
	unsigned rounds;
	uint64_t begin_ns;
};

/* -- what is measured ------------------------------------------------------------------ */

static const struct bench_cell kinds[] = {
	{BENCH_SM2_SIGN, "sm2-sign", 32},
	{BENCH_SM2_VERIFY, "sm2-verify", 32},
	{BENCH_SM4_CBC, "sm4-cbc", 64},
	{BENCH_SM4_CBC, "sm4-cbc", 16384},
	{BENCH_SM4_CTR, "sm4-ctr", 64},
	{BENCH_SM4_CTR, "sm4-ctr", 16384},
	{BENCH_SM3, "sm3", 64},
	{BENCH_SM3, "sm3", 16384},
	{BENCH_ZUC, "zuc-eea3", 64},
	{BENCH_ZUC, "zuc-eea3", 16384},
	{BENCH_ECDSA_SIGN, "ecdsa-p256-sign", 32},
	{BENCH_ECDSA_SIGN_TOKEN, "ecdsa-p256-sign-token-key", 32},
	{BENCH_RSA_SIGN, "rsa-2048-sign", 51},
	{BENCH_RSA_SIGN_TOKEN, "rsa-2048-sign-token-key", 51},
	{BENCH_AES_CBC, "aes-cbc", 64},
	{BENCH_AES_CBC, "aes-cbc", 16384},
	{BENCH_AES_GCM, "aes-gcm", 64},
	{BENCH_AES_GCM, "aes-gcm", 16384},
	{BENCH_SHA256, "sha256", 64},
	{BENCH_SHA256, "sha256", 16384},
	{BENCH_RANDOM, "random", 32},
	{BENCH_SESSION, "session-open-close", 0},
	{BENCH_CREATE, "object-create", 64},
};

static void make_cells(struct bench *b)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (unsigned threads = 1; threads <= 2; threads++) {
			b->cells[b->ncells] = kinds[i];
			b->cells[b->ncells++].threads = threads;
		}
	for (size_t i = 0; i < b->nsizes; i++) {
		b->cells[b->ncells++] = (struct bench_cell){BENCH_FIND, "find", b->sizes[i], 1, true};
		b->cells[b->ncells++] = (struct bench_cell){BENCH_INITIALIZE, "initialize", b->sizes[i], 1, true};
	}
}

static enum status parse_sizes(struct bench *b)
{
	const char *text = arg_get(b->args, "objects");
	char *end;

	for (text = text ? text : b->quick ? "10,1000" : "10,1000,100000"; *text; text = end + (*end == ',')) {
		errno = 0;
		unsigned long n = strtoul(text, &end, 10);
		if (end == text || (*end && *end != ',') || errno || n == 0 || n > 10000000 || b->nsizes == SIZES_MAX ||
		    (b->nsizes && n <= b->sizes[b->nsizes - 1]))
			return fail(ST_USAGE, "For example --objects 10,1000,100000.",
			            "--objects takes growing numbers with commas between");
		b->sizes[b->nsizes++] = n;
	}
	return ST_OK;
}

/* -- who is measured ------------------------------------------------------------------- */

/* "/usr/lib/softhsm/libsofthsm2.so" -> "softhsm", "hufu-pkcs11.so" -> "hufu". malloc. */
static char *impl_name(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	base += !strncmp(base, "lib", 3) ? 3 : 0;
	size_t len = strcspn(base, ".");
	for (const char *suffix = "-pkcs11"; len > strlen(suffix) && !strncmp(base + len - strlen(suffix), suffix, strlen(suffix));)
		len -= strlen(suffix);
	while (len > 1 && base[len - 1] >= '0' && base[len - 1] <= '9')
		len--;
	return strndup(base, len);
}

static const char *own_dir(struct bench *b, const char *parent)
{
	char *dir = b->ndirs < WORKERS_MAX ? place_make(parent) : NULL;

	if (dir)
		b->dirs[b->ndirs++] = dir;
	return dir;
}

static void add_worker(struct bench *b, const struct bench_impl *impl, const char *module, const struct args *token, bool objects,
                       size_t objects_max)
{
	struct bench_worker *w = &b->workers[b->nworkers];
	bool needs_dir = impl == &bench_p11 && !token;
	const char *parent = objects ? place_fast() : b->dir;

	if (b->nworkers == WORKERS_MAX)
		return;
	*w = (struct bench_worker){.name = b->names[b->nimpls - 1], .impl = impl, .objects = objects, .objects_max = objects_max,
	                           .place = {module, needs_dir ? own_dir(b, parent) : NULL, token}};
	b->impl_of[b->nworkers] = b->nimpls - 1;
	if ((needs_dir && !w->place.dir) || !worker_start(w, b->cells, b->ncells))
		note("%s is left out%s", w->name, objects ? " where objects are counted" : "");
	else
		b->nworkers++;
}

static void add_impl(struct bench *b, const char *name, const struct bench_impl *impl, const char *module, const struct args *token,
                     size_t objects_max)
{
	if (b->nimpls == IMPLS_MAX)
		return;
	b->names[b->nimpls++] = name;
	add_worker(b, impl, module, token, false, 0);
	if (impl == &bench_p11 && !token)
		add_worker(b, impl, module, NULL, true, objects_max);
}

static void add_peers(struct bench *b)
{
	static const char *const softhsm[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
	                                      "/usr/lib64/pkcs11/libsofthsm2.so"};
	const char *path;

	for (int i = 0; (path = arg_nth(b->args, "peer", i)); i++)
		if (strcmp(path, "none"))
			add_impl(b, impl_name(path), &bench_p11, path, NULL, b->peer_objects);
	for (size_t i = 0; !arg_has(b->args, "peer") && i < sizeof softhsm / sizeof *softhsm; i++)
		if (access(softhsm[i], R_OK) == 0) {
			add_impl(b, impl_name(softhsm[i]), &bench_p11, softhsm[i], NULL, b->peer_objects);
			return;
		}
	if (!arg_has(b->args, "peer"))
		note("SoftHSM is not installed: its column is left out");
}

static enum status start_all(struct bench *b)
{
	const char *module = arg_get(b->args, "module");
	const struct args *token = arg_has(b->args, "token") ? b->args : NULL;

	add_impl(b, module ? impl_name(module) : strdup("hufu"), &bench_p11, module, token, (size_t)-1);
	if (b->nworkers == 0)
		return fail(ST_UNAVAILABLE, "Look at the messages above; --module PATH names another module.",
		            "the module cannot be measured");
	add_impl(b, strdup("kernel"), &bench_kernel, NULL, NULL, 0);
	add_impl(b, strdup("libcrypto"), &bench_libcrypto, NULL, NULL, 0);
	add_peers(b);
	return ST_OK;
}

/* -- measuring ------------------------------------------------------------------------- */

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static void say(const struct bench *b, const char *what, size_t n, size_t of)
{
	bool tty = isatty(STDERR_FILENO);

	if (tty || arg_has(b->args, "progress"))
		fprintf(stderr, "%s%s %zu of %zu, %.0f s%s", tty ? "\r" : "", what, n, of,
		        (double)(clock_now_ns() - b->begin_ns) / 1e9, tty ? "\033[K" : "\n");
}

/* Every worker in turn, for one cell. */
static void measure(struct bench *b, size_t cell, uint64_t target_ns)
{
	for (size_t i = 0; i < b->nworkers && !stop; i++) {
		size_t impl = b->impl_of[i];
		if (!b->workers[i].offers[cell] || !b->workers[i].pid || b->taken[impl][cell] == ROUNDS)
			continue;
		double ns = worker_measure(&b->workers[i], cell, target_ns);
		if (ns > 0)
			b->samples[impl][cell][b->taken[impl][cell]++] = ns;
	}
}

static size_t measurements(const struct bench *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->nworkers; i++)
		for (size_t c = 0; c < b->ncells; c++)
			n += b->workers[i].offers[c] && !b->workers[i].objects;
	return n;
}

static bool counts_objects(const struct bench_cell *cell)
{
	return cell->op == BENCH_FIND || cell->op == BENCH_INITIALIZE;
}

/* One round more than counted: finding how often fits the time takes about as long. */
static void measure_crypto(struct bench *b)
{
	uint64_t target_ns = (uint64_t)((double)b->seconds * CRYPTO_SHARE * 1e9 / ((double)measurements(b) * (b->rounds + 1)));

	for (unsigned round = 0; round < b->rounds && !stop; round++)
		for (size_t c = 0; c < b->ncells && !stop; c++) {
			if (counts_objects(&b->cells[c]))
				continue;
			say(b, "round", round + 1, b->rounds);
			measure(b, c, target_ns);
		}
}

static void measure_objects(struct bench *b, size_t size)
{
	for (size_t c = 0; c < b->ncells && !stop; c++)
		for (size_t i = 0; counts_objects(&b->cells[c]) && b->cells[c].size == size && i < b->nworkers && !stop; i++) {
			say(b, "objects", size, b->sizes[b->nsizes - 1]);
			if (b->workers[i].offers[c])
				b->workers[i].offers[c] = worker_prepare(&b->workers[i], c);
		}
	for (unsigned round = 0; round < b->rounds && !stop; round++)
		for (size_t c = 0; c < b->ncells; c++)
			if (counts_objects(&b->cells[c]) && b->cells[c].size == size)
				measure(b, c, OBJECT_TARGET_NS);
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(const double *samples, unsigned n)
{
	double sorted[ROUNDS];

	memcpy(sorted, samples, n * sizeof *samples);
	qsort(sorted, n, sizeof *sorted, by_size);
	return n ? sorted[n / 2] : 0;
}

/* Neighbours in time share their disturbances: what compares two of them is made round by round. */
static void medians(struct bench *b)
{
	for (size_t i = 0; i < b->nimpls; i++)
		for (size_t c = 0; c < b->ncells; c++) {
			const double *own = b->samples[i][c], *first = b->samples[0][c];
			unsigned n = b->taken[i][c] < b->taken[0][c] ? b->taken[i][c] : b->taken[0][c];
			double ratio[ROUNDS], less[ROUNDS];
			for (unsigned r = 0; r < n; r++) {
				ratio[r] = b->cells[c].time ? first[r] / own[r] : own[r] / first[r];
				less[r] = first[r] - own[r];
			}
			b->ns[i][c] = median(own, b->taken[i][c]);
			b->ratio[i][c] = median(ratio, n);
			b->less[i][c] = median(less, n);
		}
}

static enum status run(struct bench *b)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	enum status status = start_all(b);
	if (status)
		return status;
	measure_crypto(b);
	for (size_t i = 0; i < b->nsizes && !stop; i++)
		measure_objects(b, b->sizes[i]);
	medians(b);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	status = bench_report(b->args, &(struct bench_result){b->cells, b->ncells, b->names, b->nimpls, b->ns, b->ratio, b->less,
	                                                      b->rounds, (double)(clock_now_ns() - b->begin_ns) / 1e9, b->dir,
	                                                      pool_overhead_ns(b->dir, 1, OVERHEAD_MS)});
	return status ? status : stop ? ST_PARTIAL : ST_OK;
}

static void finish(struct bench *b)
{
	for (size_t i = 0; i < b->nworkers; i++)
		worker_stop(&b->workers[i]);
	for (size_t i = 0; i < b->ndirs; i++) {
		place_remove(b->dirs[i]);
		free(b->dirs[i]);
	}
	for (size_t i = 0; i < b->nimpls; i++)
		free((char *)(size_t)b->names[i]);
}

enum status cmd_bench(const struct args *args)
{
	static struct bench bench;
	struct bench *b = &bench;
	const char *tmp = getenv("TMPDIR");

	b->args = args;
	b->quick = arg_has(args, "quick");
	b->begin_ns = clock_now_ns();
	b->rounds = b->quick ? ROUNDS_QUICK : ROUNDS;
	b->dir = arg_has(args, "dir") ? arg_get(args, "dir") : tmp && tmp[0] == '/' ? tmp : "/tmp";
	enum status status = arg_number(args, "seconds", 1, 3600, b->quick ? 10 : 100, &b->seconds);
	if (status == ST_OK)
		status = arg_number(args, "peer-objects", 0, 10000000, b->quick ? 100 : 1000, &b->peer_objects);
	if (status == ST_OK)
		status = parse_sizes(b);
	if (status)
		return status;
	make_cells(b);
	status = run(b);
	finish(b);
	return status;
}
