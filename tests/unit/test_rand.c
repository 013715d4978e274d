/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers: health tests, forks, threads, and the sanity of what comes out. */
#include "base/clock.h"
#include "base/log.h"
#include "rand/rand.h"
#include "rand/repeat.h"
#include "rand/source.h"

#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- sources for tests ------------------------------------------------------------- */

static atomic_uint gathers;
static atomic_bool now_stuck, now_silent;

static bool yes(void)
{
	return true;
}

static bool no(void)
{
	return false;
}

static bool gather_good(uint8_t *out, size_t len)
{
	static atomic_uint_fast64_t state = 88172645463325252u;
	gathers++;
	if (now_silent)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t x = atomic_fetch_add(&state, 0x9e3779b97f4a7c15u);
		out[i] = now_stuck ? 0x55 : (uint8_t)((x ^ x >> 29) * 0xbf58476d1ce4e5b9u >> 56);
	}
	return true;
}

/* Good whatever becomes of gather_good. */
static bool gather_steady(uint8_t *out, size_t len)
{
	static atomic_uint_fast64_t state = 1;
	for (size_t i = 0; i < len; i++) {
		uint64_t x = atomic_fetch_add(&state, 0x9e3779b97f4a7c15u);
		out[i] = (uint8_t)((x ^ x >> 31) * 0x94d049bb133111ebu >> 56);
	}
	return true;
}

static bool gather_stuck(uint8_t *out, size_t len)
{
	memset(out, 0, len);
	return true;
}

/* Nine of ten samples are 7: no long runs, so that only the proportion shows it. */
static bool gather_biased(uint8_t *out, size_t len)
{
	static atomic_uint n;
	for (size_t i = 0; i < len; i++) {
		unsigned at = n++;
		out[i] = at % 10 == 3 ? (uint8_t)at : 7;
	}
	return true;
}

static bool gather_silent(uint8_t *out, size_t len)
{
	(void)out, (void)len;
	return false;
}

#define GOOD {"good", yes, gather_good, 48, true}
static const struct rand_source good[] = {GOOD, {0}};

static void use(const struct rand_source *sources)
{
	rand_stop();
	rand_replace_sources(sources);
	gathers = 0;
	now_stuck = now_silent = false;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	while (len && !*p)
		p++, len--;
	return len == 0;
}

/* Refused, zeroed, and refused again. */
static void expect_refused(void)
{
	uint8_t out[64];
	for (int i = 0; i < 2; i++) {
		memset(out, 0xee, sizeof(out));
		CU_ASSERT_EQUAL(rand_bytes(out, sizeof(out)), HUFU_ERR_RANDOM);
		CU_ASSERT_TRUE(is_zero(out, sizeof(out)));
		CU_ASSERT_EQUAL(rand_mix("x", 1), HUFU_ERR_RANDOM);
		CU_ASSERT_NOT_EQUAL(rand_for_sm2(NULL, out, sizeof(out)), 0);
	}
	rand_stop();
	CU_ASSERT_EQUAL(rand_start(), HUFU_ERR_RANDOM);
}

/* -- the cases ------------------------------------------------------------------------ */

static void test_output(void)
{
	uint8_t a[1000], b[1000];
	use(NULL);
	CU_ASSERT_EQUAL(rand_start(), HUFU_OK);
	CU_ASSERT_EQUAL(rand_start(), HUFU_OK);
	CU_ASSERT_EQUAL(strncmp(rand_sources(), "getrandom", 9), 0);
	for (size_t len = 16; len <= sizeof(a); len = len * 2 + 1) {
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		CU_ASSERT_EQUAL(rand_bytes(a, len), HUFU_OK);
		CU_ASSERT_EQUAL(rand_bytes(b, len), HUFU_OK);
		CU_ASSERT_NOT_EQUAL(memcmp(a, b, len), 0);
		CU_ASSERT_FALSE(is_zero(a + len - 16, 16)); /* the last bytes too */
		CU_ASSERT_TRUE(is_zero(a + len, sizeof(a) - len));
	}
	CU_ASSERT_EQUAL(rand_bytes(a, 0), HUFU_OK);
	CU_ASSERT_EQUAL(rand_mix("seed", 4), HUFU_OK);
	CU_ASSERT_EQUAL(rand_mix(NULL, 0), HUFU_OK);
	CU_ASSERT_EQUAL(rand_for_sm2(NULL, a, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, 32), 0);
	rand_stop();
	rand_stop();
	CU_ASSERT_EQUAL(rand_bytes(a, 32), HUFU_OK); /* starts by itself */
}

static void test_system_sources(void)
{
	size_t n = 0;
	for (const struct rand_source *s = rand_system_sources; s->name; s++) {
		uint8_t samples[SOURCE_SEED_MAX] = {0};
		CU_ASSERT_TRUE(s->seed_len <= SOURCE_SEED_MAX);
		if (!s->available())
			continue;
		n++;
		CU_ASSERT_TRUE(s->gather(samples, sizeof(samples)));
		CU_ASSERT_FALSE(is_zero(samples, sizeof(samples)));
	}
	CU_ASSERT_TRUE(n >= 1);
	if (n < 2)
		UNIT_SKIP("this machine has one entropy source only: no processor instruction, and a coarse clock");
}

static void test_bad_at_start(void)
{
	static const struct rand_source stuck[] = {{"stuck", yes, gather_stuck, 48, true}, {0}};
	static const struct rand_source biased[] = {{"biased", yes, gather_biased, 48, true}, {0}};
	static const struct rand_source silent[] = {{"silent", yes, gather_silent, 48, true}, {0}};
	static const struct rand_source none[] = {{"none", no, gather_good, 48, true}, {0}};
	static const struct rand_source optional[] = {{"optional", yes, gather_good, 48, false}, {0}};
	static const struct rand_source *const tables[] = {stuck, biased, silent, none, optional};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		use(tables[i]);
		CU_ASSERT_EQUAL(rand_start(), HUFU_ERR_RANDOM);
		expect_refused();
	}
	use(good);
	CU_ASSERT_EQUAL(rand_start(), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, 1024 / SOURCE_SEED_MAX);
	CU_ASSERT_STRING_EQUAL(rand_sources(), "good");
}

static atomic_uint_fast64_t virtual_ns = 1;

static uint64_t virtual_now(void)
{
	return virtual_ns;
}

static void test_reseed_by_time(void)
{
	uint8_t out[32];
	clock_inject(virtual_now);
	use(good);
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	unsigned seeded = gathers;
	virtual_ns += 599 * NS_PER_S;
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, seeded);
	virtual_ns += 2 * NS_PER_S;
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, seeded + 1);
	clock_inject(NULL);
}

static void test_reseed_by_calls(void)
{
	size_t len = (32u << 20) - 32; /* 2^20 calls, with one made before */
	uint8_t *out = malloc(len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	clock_inject(virtual_now);
	use(good);
	CU_ASSERT_EQUAL(rand_bytes(out, 1), HUFU_OK);
	unsigned seeded = gathers;
	CU_ASSERT_EQUAL(rand_bytes(out, len), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, seeded);
	CU_ASSERT_EQUAL(rand_bytes(out, 1), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, seeded + 1);
	clock_inject(NULL);
	free(out);
}

/* Good at the start, bad at the next reseeding. */
static void bad_later(atomic_bool *how)
{
	uint8_t out[32];
	clock_inject(virtual_now);
	use(good);
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	*how = true;
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	virtual_ns += 601 * NS_PER_S;
	expect_refused();
	*how = false;
	expect_refused(); /* for good */
	clock_inject(NULL);
}

static void test_bad_later(void)
{
	bad_later(&now_stuck);
	bad_later(&now_silent);
}

static void test_optional_dry(void)
{
	static const struct rand_source sources[] = {GOOD, {"sometimes", yes, gather_good, 48, false}, {0}};
	uint8_t out[32];
	use(sources);
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(rand_sources(), "good sometimes");
}

/* What counts as nothing is left out when it fails: at the start, or later. */
static void test_optional_bad(void)
{
	static const struct rand_source at_start[] = {GOOD, {"stuck", yes, gather_stuck, 48, false}, {0}};
	static const struct rand_source later[] = {{"kernel", yes, gather_steady, 48, true}, {"later", yes, gather_good, 48, false}, {0}};
	uint8_t out[32];
	use(at_start);
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	CU_ASSERT_STRING_EQUAL(rand_sources(), "good");
	clock_inject(virtual_now);
	use(later);
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	now_stuck = true;
	virtual_ns += 601 * NS_PER_S;
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	unsigned before = gathers;
	virtual_ns += 601 * NS_PER_S;
	CU_ASSERT_EQUAL(rand_bytes(out, 32), HUFU_OK);
	CU_ASSERT_EQUAL(gathers, before); /* not asked any more */
	clock_inject(NULL);
}

static void test_logged_once(void)
{
	static const struct rand_source stuck[] = {{"stuck", yes, gather_stuck, 48, true}, {0}};
	char path[] = "/tmp/hufu-test-XXXXXX", to[64], err[256], text[4096] = "";
	int fd = mkstemp(path);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	snprintf(to, sizeof(to), "file:%s", path);
	CU_ASSERT_EQUAL(log_configure(to, HUFU_LOG_DEBUG, err, sizeof(err)), HUFU_OK);
	use(stuck);
	expect_refused();
	CU_ASSERT_TRUE(read(fd, text, sizeof(text) - 1) > 0);
	char *first = strchr(text, '\n');
	CU_ASSERT_PTR_NOT_NULL_FATAL(first);
	CU_ASSERT_EQUAL(first[1], '\0');
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "error: random numbers: stuck failed its test at the start"));
	CU_ASSERT_EQUAL(log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)), HUFU_OK);
	close(fd);
	unlink(path);
}

/* -- threads and forks ------------------------------------------------------------------- */

#define NTHREADS 8
static uint8_t blocks[2 * NTHREADS + 8][64];

static void *fill_block(void *block)
{
	return rand_bytes(block, sizeof(blocks[0])) == HUFU_OK ? block : NULL;
}

static bool all_differ(size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (memcmp(blocks[i], blocks[j], 32) == 0 || memcmp(blocks[i], blocks[j] + 32, 32) == 0)
				return false;
	return true;
}

static void run_threads(size_t from)
{
	pthread_t thread[NTHREADS];
	for (size_t i = 0; i < NTHREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, fill_block, blocks[from + i]), 0);
	for (size_t i = 0; i < NTHREADS; i++) {
		void *result = NULL;
		pthread_join(thread[i], &result);
		CU_ASSERT_PTR_EQUAL(result, blocks[from + i]);
	}
}

/* rand_start by all of them at once, too. */
static void test_threads(void)
{
	use(NULL);
	run_threads(0);
	run_threads(NTHREADS);
	CU_ASSERT_TRUE(all_differ(2 * NTHREADS));
}

/* What a child's rand_bytes gives, after as many generations of forks. */
static bool child_block(uint8_t *block, int generations)
{
	int fd[2], status = -1;
	if (pipe(fd) != 0)
		return false;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		bool done = generations > 1 ? child_block(block, generations - 1) : rand_bytes(block, 64) == HUFU_OK;
		_exit(done && write(fd[1], block, 64) == 64 ? 0 : 1);
	}
	close(fd[1]);
	bool got = pid > 0 && read(fd[0], block, 64) == 64;
	close(fd[0]);
	return pid > 0 && waitpid(pid, &status, 0) == pid && got && status == 0;
}

static void test_fork(void)
{
	use(NULL);
	CU_ASSERT_EQUAL(rand_bytes(blocks[0], 64), HUFU_OK);
	CU_ASSERT_TRUE(child_block(blocks[1], 1));
	CU_ASSERT_TRUE(child_block(blocks[2], 1));
	CU_ASSERT_TRUE(child_block(blocks[3], 2));
	CU_ASSERT_EQUAL(rand_bytes(blocks[4], 64), HUFU_OK);
	CU_ASSERT_TRUE(child_block(blocks[5], 3));
	CU_ASSERT_EQUAL(rand_bytes(blocks[6], 64), HUFU_OK);
	CU_ASSERT_TRUE(all_differ(7));
}

static atomic_bool stop_busy;

static void *busy(void *arg)
{
	uint8_t out[64];
	while (!stop_busy)
		if (rand_bytes(out, sizeof(out)) != HUFU_OK)
			return NULL;
	return arg;
}

static void *busy_with_threads(void *arg)
{
	pthread_t thread;
	while (!stop_busy) {
		void *result;
		if (pthread_create(&thread, NULL, fill_block, blocks[20]) != 0)
			continue;
		pthread_join(thread, &result);
	}
	return arg;
}

/* Whatever lock another thread held at the fork, the child goes on. */
static void test_fork_while_busy(void)
{
	pthread_t thread[2];
	void *result = NULL;
	use(NULL);
	stop_busy = false;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[0], NULL, busy, &stop_busy), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[1], NULL, busy_with_threads, &stop_busy), 0);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_TRUE(child_block(blocks[i], 1));
	stop_busy = true;
	pthread_join(thread[0], &result);
	CU_ASSERT_PTR_NOT_NULL(result);
	pthread_join(thread[1], &result);
	CU_ASSERT_TRUE(all_differ(20));
}

/* A child does not lose the parent's failure. */
static void test_fork_after_failure(void)
{
	static const struct rand_source stuck[] = {{"stuck", yes, gather_stuck, 48, true}, {0}};
	use(stuck);
	CU_ASSERT_EQUAL(rand_start(), HUFU_ERR_RANDOM);
	CU_ASSERT_FALSE(child_block(blocks[0], 1));
	use(NULL);
}

static long locked_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void test_thread_exit(void)
{
	use(NULL);
	CU_ASSERT_EQUAL(rand_bytes(blocks[0], 64), HUFU_OK);
	long before = locked_kib();
	if (before <= 0)
		UNIT_SKIP("RLIMIT_MEMLOCK (or a sanitizer) does not let memory be locked here");
	for (int i = 0; i < 4; i++)
		run_threads(0);
	CU_ASSERT_EQUAL(locked_kib(), before);
	rand_stop();
	CU_ASSERT_TRUE(locked_kib() < before);
}

/* -- statistics ------------------------------------------------------------------------------ */

/* The regularised upper incomplete gamma function, by its series or its continued fraction. */
static double igamc(double a, double x)
{
	double scale = exp(a * log(x) - x - lgamma(a));
	if (x < a + 1) {
		double term = 1 / a, sum = term;
		for (double n = a + 1; fabs(term) > fabs(sum) * 1e-15; n++)
			sum += term *= x / n;
		return 1 - sum * scale;
	}
	double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
	for (int i = 1; i < 10000; i++) {
		double an = -i * (i - a);
		b += 2;
		d = 1 / (an * d + b);
		c = b + an / c;
		h *= d * c;
		if (fabs(d * c - 1) < 1e-15)
			break;
	}
	return scale * h;
}

/* GM/T 0005-2021, poker test: P of the frequencies of m-bit parts (m = 2, 4, 8). */
static double poker(const uint8_t *data, size_t len, unsigned m)
{
	double count[256] = {0}, sum = 0, n = (double)(len * 8 / m), cells = 1u << m;
	for (size_t i = 0; i < len; i++)
		for (unsigned at = 0; at < 8; at += m)
			count[data[i] >> at & ((1u << m) - 1)]++;
	for (unsigned i = 0; i < 1u << m; i++)
		sum += count[i] * count[i];
	return igamc((cells - 1) / 2, (cells / n * sum - n) / 2);
}

static void test_poker_sample(void)
{
	uint8_t sample[16];
	/* GM/T 0005-2021 gives these P for this sequence. */
	unit_hex("cc156c4ce0024d5113d680d7cce6d8b2", sample);
	CU_ASSERT_DOUBLE_EQUAL(poker(sample, sizeof(sample), 4), 0.213734, 0.000001);
	CU_ASSERT_DOUBLE_EQUAL(poker(sample, sizeof(sample), 8), 0.221829, 0.000001);
}

/* 10^6 bits of the generator at a fixed seed: the same every time, so it cannot flake. */
static void test_statistics(void)
{
	static uint8_t data[125024];
	struct drbg drbg;
	drbg_instantiate(&drbg, (const uint8_t *)"0123456789abcdef0123456789abcdef", 32, NULL, 0, NULL, 0);
	for (size_t at = 0; at < sizeof(data); at += DRBG_OUT_MAX)
		drbg_generate(&drbg, NULL, 0, data + at, DRBG_OUT_MAX);
	CU_ASSERT_TRUE(poker(data, 125000, 2) >= 0.01);
	CU_ASSERT_TRUE(poker(data, 125000, 4) >= 0.01);
	CU_ASSERT_TRUE(poker(data, 125000, 8) >= 0.01);
	memset(data, 0x11, 20000);
	CU_ASSERT_TRUE(poker(data, 125000, 8) < 0.0001);
}

static void test_repeat(void)
{
	struct repeat_test test = {0};
	uint8_t block[DRBG_OUT_MAX] = {0};
	CU_ASSERT_TRUE(repeat_test_feed(&test, block));
	block[31] = 1;
	CU_ASSERT_TRUE(repeat_test_feed(&test, block));
	CU_ASSERT_FALSE(repeat_test_feed(&test, block));
	block[31] = 2;
	CU_ASSERT_TRUE(repeat_test_feed(&test, block));
}

static void quiet(void)
{
	char err[64];
	CU_ASSERT_EQUAL(log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)), HUFU_OK);
}

static const struct unit_case cases[] = {
	{"the log is quiet", quiet},
	{"bytes of every length come, and never the same twice", test_output},
	{"the machine's sources give samples", test_system_sources},
	{"a stuck, biased, silent or missing source at the start: no output, for good", test_bad_at_start},
	{"a source that goes bad later is found at the next reseeding", test_bad_later},
	{"more than one source is used", test_optional_dry},
	{"a source that counts as nothing is left out when it fails, and output goes on", test_optional_bad},
	{"a failure is logged once, with the source's name", test_logged_once},
	{"the generator is reseeded after 600 s", test_reseed_by_time},
	{"the generator is reseeded after 2^20 calls", test_reseed_by_calls},
	{"two equal blocks in a row are found", test_repeat},
	{"threads give different numbers", test_threads},
	{"parent and child, twin children and grandchildren give different numbers", test_fork},
	{"a fork while other threads are busy leaves a child that works", test_fork_while_busy},
	{"a child keeps a failure of its parent", test_fork_after_failure},
	{"the state of a thread goes with the thread, all with rand_stop", test_thread_exit},
	{"the poker test gives the sample values of GM/T 0005", test_poker_sample},
	{"10^6 bits pass the poker test, a planted pattern does not", test_statistics},
	{0},
};
UNIT_MAIN("rand", cases)
