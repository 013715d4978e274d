/* SPDX-License-Identifier: Apache-2.0 */
/* The system's entropy sources: the kernel, the processor, the jitter of execution times. */
#include "rand/source.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

/* -- the kernel ------------------------------------------------------------------- */

static bool always(void)
{
	return true;
}

/* Waits, at boot, until the kernel's pool is seeded; never gives less than asked for (getrandom(2), up to 256 bytes). */
static bool gather_getrandom(uint8_t *out, size_t len)
{
	ssize_t n;
	do
		n = getrandom(out, len, 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len;
}

/* -- the processor -------------------------------------------------------------------- */

/* The instruction has nothing when many cores ask at once. Intel, DRNG Software Implementation Guide 5.3: try again. */
#define CPU_TRIES 1000

#if defined(__x86_64__)
static bool has_rdseed(void)
{
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_RDSEED);
}

static bool has_rdrand_only(void)
{
	unsigned a, b, c, d;
	return !has_rdseed() && __get_cpuid(1, &a, &b, &c, &d) && (c & bit_RDRND);
}

/* The 64-bit forms: on some AMD Zen 5 the 16- and 32-bit forms of RDSEED give 0 as a success (AMD-SB-7055). */
static bool rdseed(uint64_t *word)
{
	unsigned char ok;
	__asm__ volatile("rdseed %0; setc %1" : "=r"(*word), "=qm"(ok) : : "cc");
	return ok;
}

static bool rdrand(uint64_t *word)
{
	unsigned char ok;
	__asm__ volatile("rdrand %0; setc %1" : "=r"(*word), "=qm"(ok) : : "cc");
	return ok;
}
#elif defined(__aarch64__)
static bool has_rndrrs(void)
{
	return getauxval(AT_HWCAP2) & (1ul << 16); /* HWCAP2_RNG */
}

/* RNDRRS reseeds first; NZCV is 0 on success (Arm ARM, D13.2). */
static bool rndrrs(uint64_t *word)
{
	uint32_t ok;
	__asm__ volatile("mrs %0, s3_3_c2_c4_1; cset %w1, ne" : "=r"(*word), "=r"(ok) : : "cc");
	return ok;
}
#endif

#if defined(__x86_64__) || defined(__aarch64__)
static bool gather_words(bool (*read)(uint64_t *), uint8_t *out, size_t len)
{
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		uint64_t word;
		unsigned tries = CPU_TRIES;
		while (!read(&word))
			if (!--tries)
				return false;
		memcpy(out + at, &word, len - at < sizeof(word) ? len - at : sizeof(word));
	}
	return true;
}
#endif

#if defined(__x86_64__)
static bool gather_rdseed(uint8_t *out, size_t len)
{
	return gather_words(rdseed, out, len);
}

static bool gather_rdrand(uint8_t *out, size_t len)
{
	return gather_words(rdrand, out, len);
}
#elif defined(__aarch64__)
static bool gather_rndrrs(uint8_t *out, size_t len)
{
	return gather_words(rndrrs, out, len);
}
#endif

/* -- timing jitter ---------------------------------------------------------------------- */

/*
 * How long a walk through memory takes varies with caches, interrupts and
 * clock domains. A sample folds the low bytes of eight durations; measured, it
 * holds 3 to 7 bits. 0.5 is what the health tests ask for.
 */
#define WALK_BYTES 65536u
#define WALK_STEPS 16
#define DURATIONS 8

/* What is in it does not matter; atomic because threads share it. */
static atomic_uchar walk_memory[WALK_BYTES];

static uint64_t time_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts); /* never virtual time */
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t walk(uint32_t at)
{
	for (int i = 0; i < WALK_STEPS; i++) {
		atomic_uchar *place = &walk_memory[(at >> 16) % WALK_BYTES];
		at = at * 1664525u + 1013904223u + atomic_load_explicit(place, memory_order_relaxed);
		atomic_store_explicit(place, (unsigned char)at, memory_order_relaxed);
	}
	return at;
}

static bool gather_jitter(uint8_t *out, size_t len)
{
	uint64_t before = time_ns();
	uint32_t at = (uint32_t)before;
	for (size_t i = 0; i < len; i++) {
		uint8_t sample = 0;
		for (int d = 0; d < DURATIONS; d++) {
			at = walk(at);
			uint64_t now = time_ns();
			sample = (uint8_t)(sample << 3 | sample >> 5) ^ (uint8_t)(now - before);
			at ^= (uint32_t)(now - before);
			before = now;
		}
		out[i] = sample;
	}
	return true;
}

/* A clock of microseconds or worse shows no jitter: then the source does not exist, rather than fail its health test. */
static bool has_jitter(void)
{
	uint8_t samples[SOURCE_SEED_MAX];
	unsigned distinct = 0;
	(void)gather_jitter(samples, sizeof(samples));
	for (size_t i = 0; i < sizeof(samples); i++)
		distinct += !memchr(samples, samples[i], i);
	return distinct >= sizeof(samples) / 4;
}

const struct rand_source rand_system_sources[] = {
	{"getrandom", always, gather_getrandom, .seed_len = 48, .required = true},
#if defined(__x86_64__)
	{"rdseed", has_rdseed, gather_rdseed, .seed_len = 48},
	{"rdrand", has_rdrand_only, gather_rdrand, .seed_len = 48},
#elif defined(__aarch64__)
	{"rndrrs", has_rndrrs, gather_rndrrs, .seed_len = 48},
#endif
	{"jitter", has_jitter, gather_jitter, .seed_len = 64},
	{.name = NULL},
};
_Static_assert(sizeof(rand_system_sources) / sizeof(rand_system_sources[0]) <= SOURCES_MAX + 1, "all fit");
