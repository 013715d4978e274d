/* SPDX-License-Identifier: Apache-2.0 */
/* Which tests with which parameters, and when a generator passes: GM/T 0005-2021 clauses 5 and 6, annex A. */
#include "randomness/special.h"

#include <math.h>

#define ROW(number, name, parameter, function) {number, name, parameter, randomness_##function}

static const struct randomness_test million[] = {
	ROW(1, "monobit frequency", 0, monobit),
	ROW(2, "frequency within blocks", 10000, block_frequency),
	ROW(3, "poker", 4, poker),
	ROW(3, "poker", 8, poker),
	ROW(4, "overlapping patterns, 1st difference", 3, overlapping_1),
	ROW(4, "overlapping patterns, 2nd difference", 3, overlapping_2),
	ROW(4, "overlapping patterns, 1st difference", 5, overlapping_1),
	ROW(4, "overlapping patterns, 2nd difference", 5, overlapping_2),
	ROW(5, "number of runs", 0, runs),
	ROW(6, "distribution of runs", 0, runs_distribution),
	ROW(7, "longest run of ones", 10000, longest_ones),
	ROW(7, "longest run of zeros", 10000, longest_zeros),
	ROW(8, "binary derivative", 3, derivative),
	ROW(8, "binary derivative", 7, derivative),
	ROW(9, "autocorrelation", 1, autocorrelation),
	ROW(9, "autocorrelation", 2, autocorrelation),
	ROW(9, "autocorrelation", 8, autocorrelation),
	ROW(9, "autocorrelation", 16, autocorrelation),
	ROW(10, "matrix rank", 32, rank),
	ROW(11, "cumulative sums, forward", 0, cusum_forward),
	ROW(11, "cumulative sums, backward", 0, cusum_backward),
	ROW(12, "approximate entropy", 2, entropy),
	ROW(12, "approximate entropy", 5, entropy),
	ROW(13, "linear complexity", 500, complexity),
	ROW(14, "Maurer's universal statistic", 7, universal),
	ROW(15, "discrete Fourier transform", 0, dft),
	{0},
};

/* 19 matrices and 40 registers are too few to count: no ranks, no complexity, no universal statistic. */
static const struct randomness_test twenty_thousand[] = {
	ROW(1, "monobit frequency", 0, monobit),
	ROW(2, "frequency within blocks", 1000, block_frequency),
	ROW(3, "poker", 4, poker),
	ROW(3, "poker", 8, poker),
	ROW(4, "overlapping patterns, 1st difference", 3, overlapping_1),
	ROW(4, "overlapping patterns, 2nd difference", 3, overlapping_2),
	ROW(4, "overlapping patterns, 1st difference", 5, overlapping_1),
	ROW(4, "overlapping patterns, 2nd difference", 5, overlapping_2),
	ROW(5, "number of runs", 0, runs),
	ROW(6, "distribution of runs", 0, runs_distribution),
	ROW(7, "longest run of ones", 128, longest_ones),
	ROW(7, "longest run of zeros", 128, longest_zeros),
	ROW(8, "binary derivative", 3, derivative),
	ROW(8, "binary derivative", 7, derivative),
	ROW(9, "autocorrelation", 2, autocorrelation),
	ROW(9, "autocorrelation", 8, autocorrelation),
	ROW(9, "autocorrelation", 16, autocorrelation),
	ROW(11, "cumulative sums, forward", 0, cusum_forward),
	ROW(11, "cumulative sums, backward", 0, cusum_backward),
	ROW(12, "approximate entropy", 2, entropy),
	ROW(12, "approximate entropy", 5, entropy),
	ROW(15, "discrete Fourier transform", 0, dft),
	{0},
};

const struct randomness_test *randomness_tests(size_t nbits)
{
	return nbits == 1000000 ? million : nbits == 20000 ? twenty_thousand : NULL;
}

size_t randomness_passes_needed(size_t sequences)
{
	double s = (double)sequences, alpha = RANDOMNESS_ALPHA;

	return sequences ? (size_t)ceil(s * (1 - alpha - 3 * sqrt(alpha * (1 - alpha) / s))) : 0;
}

#define INTERVALS 10

double randomness_uniformity(const double *q, size_t n)
{
	double count[INTERVALS] = {0}, expected = (double)n / INTERVALS, chi_square = 0;

	for (size_t i = 0; i < n; i++) {
		double at = q[i] * INTERVALS;
		count[at >= INTERVALS - 1 ? INTERVALS - 1 : at > 0 ? (unsigned)at : 0]++;
	}
	for (unsigned i = 0; n && i < INTERVALS; i++)
		chi_square += (count[i] - expected) * (count[i] - expected) / expected;
	return n ? special_igamc((INTERVALS - 1) / 2.0, chi_square / 2) : NAN;
}

void randomness_unpack(const uint8_t *bytes, size_t len, uint8_t *bits)
{
	for (size_t i = 0; i < 8 * len; i++)
		bits[i] = bytes[i / 8] >> (7 - i % 8) & 1;
}
