/* SPDX-License-Identifier: Apache-2.0 */
/* The secret arena. What must end the process is tried in a child. */
#include "base/log.h"
#include "base/secret.h"

#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#define LARGE 50000

static bool all_zero(const volatile uint8_t *p, size_t len)
{
	uint8_t any = 0;
	for (size_t i = 0; i < len; i++)
		any |= p[i];
	return any == 0;
}

/* How a child that runs fn ends: wait status. Its complaints go nowhere. */
static int in_child(void (*fn)(void))
{
	fflush(stdout);
	secret_before_fork();
	pid_t pid = fork();
	if (pid == 0) {
		char err[64];
		secret_after_fork_child();
		if (log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)) != HUFU_OK || !freopen("/dev/null", "w", stderr))
			_exit(99);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		fn();
		_exit(0);
	}
	secret_after_fork_parent();
	int status = -1;
	waitpid(pid, &status, 0);
	return status;
}

/* Killed by the signal, or, under a sanitizer, ended by its report. */
static bool died(int status, int sig)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == sig || WTERMSIG(status) == SIGABRT;
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 99;
}

static void test_alloc(void)
{
	static const size_t sizes[] = {0, 1, 16, 39, 40, 41, 100, 1000, 4096, 16360, 16361, 16384, LARGE, 1 << 20};
	void *p[sizeof(sizes) / sizeof(sizes[0])];
	size_t n = sizeof(sizes) / sizeof(sizes[0]), total = 0;
	for (size_t i = 0; i < n; i++) {
		p[i] = secret_alloc(sizes[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p[i]);
		CU_ASSERT_EQUAL((uintptr_t)p[i] % 16, 0);
		CU_ASSERT_TRUE(all_zero(p[i], sizes[i]));
		memset(p[i], 0xa5, sizes[i]);
		total += sizes[i];
	}
	CU_ASSERT_EQUAL(secret_in_use(), total);
	for (size_t i = 0; i < n; i++) {
		bool kept = true;
		for (size_t j = 0; j < sizes[i]; j++)
			kept &= ((uint8_t *)p[i])[j] == 0xa5;
		CU_ASSERT_TRUE(kept);
		secret_free(p[i]);
	}
	secret_free(NULL);
	CU_ASSERT_EQUAL(secret_in_use(), 0);
	CU_ASSERT_PTR_NULL(secret_alloc(SIZE_MAX));
	CU_ASSERT_PTR_NULL(secret_alloc(SIZE_MAX / 8));
}

static void test_wiped(void)
{
	if (WITH_ASAN)
		UNIT_SKIP("the address sanitizer guards freed memory itself");
	uint8_t *p = secret_alloc(48), seen[48];
	uintptr_t place = (uintptr_t)p;
	int fd[2];
	memset(p, 0x5a, 48);
	secret_free(p);
	/* The kernel reads the freed bytes for us: the compiler has no say. The first word links the free list. */
	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	CU_ASSERT_EQUAL(write(fd[1], (void *)place, 48), 48);
	CU_ASSERT_EQUAL(read(fd[0], seen, 48), 48);
	CU_ASSERT_TRUE(all_zero(seen + 8, 40));
	close(fd[0]);
	close(fd[1]);
	uint8_t *again = secret_alloc(48);
	CU_ASSERT_EQUAL((uintptr_t)again, place);
	CU_ASSERT_TRUE(all_zero(again, 48));
	secret_free(again);
}

static void overrun_small(void)
{
	volatile uint8_t *p = secret_alloc(40);
	p[40] ^= 1;
	secret_free((void *)(uintptr_t)p);
}

static void overrun_large(void)
{
	volatile uint8_t *p = secret_alloc(LARGE);
	for (size_t i = LARGE; i < LARGE + 64; i++)
		p[i] ^= 1;
}

static void overrun_large_by_one(void)
{
	volatile uint8_t *p = secret_alloc(LARGE);
	p[LARGE] ^= 1;
	secret_free((void *)(uintptr_t)p);
}

static void underrun(void)
{
	volatile uint8_t *p = secret_alloc(40);
	p[-1] ^= 1;
	secret_free((void *)(uintptr_t)p);
}

static void free_twice(void)
{
	void *p = secret_alloc(40);
	uintptr_t again = (uintptr_t)p;
	secret_free(p);
	secret_free((void *)again);
}

static void use_large_after_free(void)
{
	uint8_t *p = secret_alloc(LARGE);
	volatile uint8_t *again = (uint8_t *)(uintptr_t)p;
	secret_free(p);
	again[0] = 1;
}

static void test_faults(void)
{
	CU_ASSERT_TRUE(died(in_child(overrun_large), SIGSEGV));
	CU_ASSERT_TRUE(died(in_child(use_large_after_free), SIGSEGV));
	CU_ASSERT_TRUE(died(in_child(overrun_large_by_one), SIGABRT));
	CU_ASSERT_TRUE(died(in_child(overrun_small), SIGABRT));
	CU_ASSERT_TRUE(died(in_child(underrun), SIGABRT));
	CU_ASSERT_TRUE(died(in_child(free_twice), SIGABRT));
}

/* VmLck of /proc/self/status in KiB, -1 where the kernel does not say. */
static long locked_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

/* Does mlock claim to work? */
static bool may_lock(void)
{
	void *p = mmap(NULL, 4 * LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool may = p != MAP_FAILED && mlock(p, 4 * LARGE) == 0;
	if (p != MAP_FAILED)
		munmap(p, 4 * LARGE);
	return may;
}

static long locked_before_fork;

static void expect_locked(void)
{
	_exit(locked_kib() >= locked_before_fork ? 0 : 1);
}

static void test_locked(void)
{
	if (!may_lock() || locked_kib() < 0)
		UNIT_SKIP("RLIMIT_MEMLOCK (or a sanitizer) does not let memory be locked here");
	void *small = secret_alloc(32);
	long before = locked_kib();
	if (before == 0) {
		secret_free(small);
		UNIT_SKIP("a sanitizer turns mlock into nothing");
	}
	void *large = secret_alloc(LARGE);
	CU_ASSERT_TRUE(locked_kib() >= before + LARGE / 1024);
	locked_before_fork = locked_kib();
	int status = in_child(expect_locked);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	secret_free(large);
	CU_ASSERT_EQUAL(locked_kib(), before);
	secret_free(small);
}

/* A mapping's flags in /proc/self/smaps: "dd" is "do not dump". */
static void test_undumpable(void)
{
	uint8_t *p = secret_alloc(LARGE);
	char line[512];
	unsigned long from, to;
	bool inside = false, found = false;
	FILE *f = fopen("/proc/self/smaps", "re");
	if (!f)
		UNIT_SKIP("no /proc/self/smaps");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)p >= from && (uintptr_t)p < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	fclose(f);
	CU_ASSERT_TRUE(found);
	secret_free(p);
}

#define SKIPPED 77

static void use_without_limit(void)
{
	char path[] = "/tmp/hufu-test-XXXXXX", to[64], err[256], text[512] = "";
	setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){0});
	if (geteuid() == 0 && setuid(65534) != 0)
		_exit(2);
	if (may_lock())
		_exit(SKIPPED);
	int fd = mkstemp(path);
	snprintf(to, sizeof(to), "file:%s", path);
	log_close();
	if (fd < 0 || log_configure(to, HUFU_LOG_WARNING, err, sizeof(err)) != HUFU_OK)
		_exit(3);
	for (int i = 0; i < 3; i++)
		secret_free(secret_alloc(LARGE));
	if (read(fd, text, sizeof(text) - 1) < 0)
		_exit(4);
	unlink(path);
	char *warning = strstr(text, "RLIMIT_MEMLOCK");
	_exit(warning && !strstr(warning + 1, "RLIMIT_MEMLOCK") ? 0 : 1);
}

static void test_without_limit(void)
{
	int status = in_child(use_without_limit);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED)
		UNIT_SKIP("a sanitizer turns mlock into nothing");
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

static void *churn(void *arg)
{
	uint8_t *held[64] = {0};
	uint32_t x = (uint32_t)(uintptr_t)arg * 2654435761u + 1;
	bool good = true;
	for (int i = 0; i < 20000; i++) {
		x = x * 1664525u + 1013904223u;
		size_t slot = x >> 26, len = (x >> 8) % 700 + 1;
		if (held[slot]) {
			good &= held[slot][0] == (uint8_t)slot;
			secret_free(held[slot]);
		}
		held[slot] = secret_alloc(len);
		good &= held[slot] && all_zero(held[slot], len);
		memset(held[slot], (int)slot, len);
	}
	for (size_t i = 0; i < 64; i++)
		secret_free(held[i]);
	return good ? arg : NULL;
}

static void test_threads(void)
{
	pthread_t thread[4];
	for (uintptr_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, churn, (void *)(i + 1)), 0);
	for (uintptr_t i = 0; i < 4; i++) {
		void *result = NULL;
		pthread_join(thread[i], &result);
		CU_ASSERT_PTR_EQUAL(result, (void *)(i + 1));
	}
	CU_ASSERT_EQUAL(secret_in_use(), 0);
}

static void test_equal_and_wipe(void)
{
	uint8_t a[33], b[33];
	memset(a, 7, sizeof(a));
	memcpy(b, a, sizeof(b));
	CU_ASSERT_TRUE(secret_equal(a, b, sizeof(a)));
	CU_ASSERT_TRUE(secret_equal(a, b, 0));
	b[32] ^= 0x80;
	CU_ASSERT_FALSE(secret_equal(a, b, sizeof(a)));
	CU_ASSERT_TRUE(secret_equal(a, b, 32));
	secret_wipe(a, sizeof(a));
	CU_ASSERT_TRUE(all_zero(a, sizeof(a)));
}

static const struct unit_case cases[] = {
	/* First: a process warns once. */
	{"without a right to lock, memory is given unlocked with one warning", test_without_limit},
	{"memory comes zeroed, aligned and of every size, and is counted", test_alloc},
	{"memory is wiped when freed, and used again", test_wiped},
	{"overruns, underruns, double frees and use after free end the process", test_faults},
	{"memory is locked, in a forked child too", test_locked},
	{"memory is kept out of core dumps", test_undumpable},
	{"four threads allocate and free without losing a byte", test_threads},
	{"wiping wipes, comparing compares every byte", test_equal_and_wipe},
	{0},
};
UNIT_MAIN("secret", cases)
