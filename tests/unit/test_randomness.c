/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the 15 tests of GM/T 0005-2021 give what the standard's samples say:
 * for its 128-bit sequence, the first 100 bits of pi, and the first 10^6 bits
 * of e, computed here by libcrypto's integers.
 */
#include "randomness/randomness.h"
#include "unit.h"

#include <math.h>
#include <openssl/bn.h>

#define CLOSE(value, want) CU_ASSERT(fabs((value) - (want)) < 0.0000015)

/* GM/T 0005-2021 annex: the sample of most tests. */
#define SAMPLE "cc156c4ce0024d5113d680d7cce6d8b2"
#define PI "c90fdaa22168c234c4c6628b80"
#define E_BITS 1000000

static uint8_t sample[128], pi[104], e[E_BITS];

static void sequence(const char *hex, uint8_t *bits)
{
	unsigned char bytes[16];

	randomness_unpack(bytes, unit_hex(hex, bytes), bits);
}

static void load(void)
{
	sequence(SAMPLE, sample);
	sequence(PI, pi);
}

/* sum over a < k <= b of b! / k! into p, and b! / a! into q: e - 1 = p / q from 0 to enough. */
static void split(unsigned a, unsigned b, BIGNUM *p, BIGNUM *q, BN_CTX *ctx)
{
	if (b - a == 1) {
		BN_one(p);
		BN_set_word(q, b);
		return;
	}
	BIGNUM *p2 = BN_new(), *q2 = BN_new();
	split(a, (a + b) / 2, p, q, ctx);
	split((a + b) / 2, b, p2, q2, ctx);
	BN_mul(p, p, q2, ctx);
	BN_add(p, p, p2);
	BN_mul(q, q, q2, ctx);
	BN_free(p2);
	BN_free(q2);
}

/* e = 10.101101111110000101..., its integer part included. */
static void expand_e(void)
{
	static const unsigned terms = 70000; /* terms! has more bits than are wanted */
	static unsigned char bytes[E_BITS / 8 + 64];
	const int extra = 64;

	if (e[0])
		return;
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p = BN_new(), *q = BN_new();
	split(0, terms, p, q, ctx);
	BN_add(p, p, q);
	/* Both cut to what the wanted bits can notice. */
	int cut = BN_num_bits(q) - (E_BITS + extra);
	BN_rshift(p, p, cut);
	BN_rshift(q, q, cut);
	BN_lshift(p, p, E_BITS - 2);
	BN_div(p, NULL, p, q, ctx);
	CU_ASSERT_EQUAL_FATAL(BN_num_bits(p), E_BITS);
	BN_bn2bin(p, bytes);
	randomness_unpack(bytes, E_BITS / 8, e);
	BN_free(p);
	BN_free(q);
	BN_CTX_free(ctx);
}

static void test_e(void)
{
	/* e = 2.b7e151628aed2a6abf7158809cf4f3c7..., the constant of RC5 and of RFC 3526. */
	static const char *const start = "adf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695";
	unsigned char bytes[24];
	uint8_t bits[192];

	expand_e();
	randomness_unpack(bytes, unit_hex(start, bytes), bits);
	CU_ASSERT(!memcmp(bits, e, sizeof bits));
}

static void test_frequency(void)
{
	struct randomness_value v = randomness_monobit(sample, 128, 0);

	CLOSE(v.p, 0.215925);
	CLOSE(v.q, 0.892038);
	CLOSE(randomness_block_frequency(pi, 100, 10).p, 0.706438);
	v = randomness_derivative(sample, 128, 3);
	CLOSE(v.p, 0.039669);
	CLOSE(v.q, 0.980166);
	v = randomness_autocorrelation(sample, 128, 1);
	CLOSE(v.p, 0.790080);
	CLOSE(v.q, 0.395040);
	CLOSE(randomness_cusum_forward(pi, 100, 0).p, 0.219194);
	CLOSE(randomness_cusum_backward(pi, 100, 0).p, 0.114866);
}

static void test_patterns(void)
{
	CLOSE(randomness_poker(sample, 128, 4).p, 0.213734);
	CLOSE(randomness_poker(sample, 128, 8).p, 0.221829);
	CLOSE(randomness_overlapping_1(sample, 128, 2).p, 0.436868);
	CLOSE(randomness_overlapping_2(sample, 128, 2).p, 0.723674);
	CLOSE(randomness_entropy(pi, 100, 2).p, 0.235301);
}

static void test_runs(void)
{
	struct randomness_value v = randomness_runs(sample, 128, 0);

	CLOSE(v.p, 0.620729);
	CLOSE(v.q, 0.310364);
	CLOSE(randomness_runs_distribution(sample, 128, 0).p, 0.970152);
	CLOSE(randomness_longest_ones(sample, 128, 8).p, 0.180598);
	CLOSE(randomness_longest_zeros(sample, 128, 8).p, 0.839299);
}

static void test_long(void)
{
	expand_e();
	struct randomness_value v = randomness_universal(e, E_BITS, 7);
	CLOSE(v.p, 0.282568);
	CLOSE(v.q, 0.141284);
	CLOSE(randomness_rank(e, E_BITS, 0).p, 0.307543);
	CLOSE(randomness_complexity(e, E_BITS, 1000).p, 0.844721);
}

static void test_dft(void)
{
	struct randomness_value v = randomness_dft(pi, 100, 0);

	CLOSE(v.p, 0.654721);
	CLOSE(v.q, 0.327360);
	CU_ASSERT(isnan(randomness_dft(pi, 97, 0).p)); /* a prime: no transform of ours */
}

/* What no generator gives must fail; the digits of e must not. */
static void test_suites(void)
{
	static uint8_t bad[E_BITS];
	static const size_t sizes[] = {20000, E_BITS};

	expand_e();
	for (size_t i = 0; i < E_BITS; i++)
		bad[i] = i % 3 == 0;
	for (int s = 0; s < 2; s++) {
		const struct randomness_test *t = randomness_tests(sizes[s]);
		unsigned passed = 0, failed = 0, numbers = 0;
		for (; t->number; t++) {
			passed += t->run(e, sizes[s], t->parameter).p >= RANDOMNESS_ALPHA;
			failed += t->run(bad, sizes[s], t->parameter).p < RANDOMNESS_ALPHA;
			numbers |= 1u << t->number;
		}
		unsigned rows = (unsigned)(t - randomness_tests(sizes[s]));
		CU_ASSERT_EQUAL(passed, rows);
		CU_ASSERT_EQUAL(failed, rows);
		CU_ASSERT_EQUAL(numbers, s ? 0xfffeu : 0xfffeu & ~(1u << 10 | 1u << 13 | 1u << 14));
	}
	CU_ASSERT_PTR_NULL(randomness_tests(1000));
}

static void test_short(void)
{
	for (const struct randomness_test *t = randomness_tests(E_BITS); t->number; t++) {
		CU_ASSERT(isnan(t->run(sample, 0, t->parameter).p));
		(void)t->run(sample, 1, t->parameter);
	}
}

/* GM/T 0005-2021 clause 6: 981 of 1000; 48 of 50 and 19 of 20 follow from the same formula. */
static void test_judging(void)
{
	double q[100];

	CU_ASSERT_EQUAL(randomness_passes_needed(1000), 981);
	CU_ASSERT_EQUAL(randomness_passes_needed(50), 48);
	CU_ASSERT_EQUAL(randomness_passes_needed(20), 19);
	for (int i = 0; i < 100; i++)
		q[i] = (i + 0.5) / 100;
	CLOSE(randomness_uniformity(q, 100), 1);
	/* chi-square 25 of 9 degrees of freedom has 0.002971 above it. */
	for (int i = 0; i < 25; i++)
		q[i] = i < 15 ? 0.05 : 0.95;
	CU_ASSERT(randomness_uniformity(q, 25) < RANDOMNESS_ALPHA_T);
	/* Ten in ten classes, but for a class with 20 and one with 0: chi-square 20 of 9 degrees, 0.017912. */
	for (int i = 0; i < 100; i++)
		q[i] = i < 10 ? 0.15 : (i + 0.5) / 100;
	CLOSE(randomness_uniformity(q, 100), 0.017912);
}

static const struct unit_case cases[] = {
	{"e has the digits that others printed", test_e},
	{"monobit, block frequency, derivative, autocorrelation and cumulative sums give the standard's values", test_frequency},
	{"poker, overlapping patterns and approximate entropy give the standard's values", test_patterns},
	{"runs, their distribution and the longest of them give the standard's values", test_runs},
	{"rank, linear complexity and Maurer's statistic of 10^6 bits of e give the standard's values", test_long},
	{"the Fourier transform gives the standard's values", test_dft},
	{"the digits of e pass all tests, a pattern passes none", test_suites},
	{"sequences too short for a test give no value and read nothing beyond", test_short},
	{"the counts and the spread that the standard asks for", test_judging},
	{0},
};

int main(void)
{
	load();
	return unit_main("randomness", cases);
}
