/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 15 randomness tests of GM/T 0005-2021.
 *
 * A sequence is one byte a bit, 0 or 1; randomness_unpack makes it. Every test
 * gives P (small: such a sequence is rare) and Q (evenly spread between 0 and
 * 1 over many random sequences; GM/T 0005 calls it the q-value): where the
 * statistic has two sides they differ, else they are equal. A sequence too
 * short for a test's parameter gives NANs.
 *
 * Nothing here is constant time: what is tested is not used for anything else.
 */
#ifndef RANDOMNESS_H
#define RANDOMNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct randomness_value {
	double p, q;
};

typedef struct randomness_value randomness_fn(const uint8_t *bits, size_t n, unsigned parameter);

/* The parameter: m, k, d or L of the standard; 0 where a test has none. */
randomness_fn randomness_monobit, randomness_block_frequency, randomness_poker;
randomness_fn randomness_overlapping_1, randomness_overlapping_2; /* the first and second difference of psi-square */
randomness_fn randomness_runs, randomness_runs_distribution, randomness_longest_ones, randomness_longest_zeros;
randomness_fn randomness_derivative, randomness_autocorrelation;
randomness_fn randomness_rank;
randomness_fn randomness_cusum_forward, randomness_cusum_backward;
randomness_fn randomness_entropy;
randomness_fn randomness_complexity;
randomness_fn randomness_universal;
randomness_fn randomness_dft;

/* One row: a test with its parameter. */
struct randomness_test {
	unsigned number;        /* 1..15: its place in the standard */
	const char *name;
	unsigned parameter;
	randomness_fn *run;
};

/* The rows for sequences of 10^6 bits (all 15 tests) and of 2*10^4 (12 of them). NULL for other lengths. Ends with number 0. */
const struct randomness_test *randomness_tests(size_t nbits);

/* alpha of the standard: a sequence passes a test with P at least this. */
#define RANDOMNESS_ALPHA 0.01
/* alpha_T: Q-values are evenly spread where their own P is at least this. */
#define RANDOMNESS_ALPHA_T 0.0001

/* How many of so many sequences have to pass. */
size_t randomness_passes_needed(size_t sequences);
/* How evenly the Q-values are spread over ten intervals: P_T. */
double randomness_uniformity(const double *q, size_t n);

/* bytes -> 8 * len bits, the most significant first. */
void randomness_unpack(const uint8_t *bytes, size_t len, uint8_t *bits);

#endif
