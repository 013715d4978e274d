/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of GM/T 0005-2021 that count how often each pattern of m bits occurs. */
#include "randomness/special.h"

#include <math.h>

#define M_MAX 16

static unsigned pattern(const uint8_t *bits, unsigned m)
{
	unsigned value = 0;

	for (unsigned i = 0; i < m; i++)
		value = value << 1 | bits[i];
	return value;
}

struct randomness_value randomness_poker(const uint8_t *bits, size_t n, unsigned m)
{
	size_t count[1u << 8] = {0}, blocks = m && m <= 8 ? n / m : 0;
	double squares = 0;

	if (blocks == 0)
		return value_none();
	for (size_t i = 0; i < blocks; i++)
		count[pattern(bits + i * m, m)]++;
	for (unsigned i = 0; i < 1u << m; i++)
		squares += (double)count[i] * (double)count[i];
	return value_chi_square((1u << m) - 1, (1u << m) * squares / (double)blocks - (double)blocks);
}

/* f over the shares of all patterns of m bits, the sequence closed to a ring; summed. */
static double over_patterns(const uint8_t *bits, size_t n, unsigned m, double (*f)(double share))
{
	size_t count[1u << M_MAX] = {0};
	unsigned mask = (1u << m) - 1, value = 0;
	double sum = 0;

	for (size_t i = 0; i < n + m - 1; i++) {
		value = (value << 1 | bits[i < n ? i : i - n]) & mask;
		if (i + 1 >= m)
			count[value]++;
	}
	for (unsigned i = 0; i <= mask; i++)
		sum += f((double)count[i] / (double)n);
	return sum;
}

static double square(double share)
{
	return share * share;
}

static double psi_square(const uint8_t *bits, size_t n, unsigned m)
{
	return m ? (double)n * ((1u << m) * over_patterns(bits, n, m, square) - 1) : 0;
}

struct randomness_value randomness_overlapping_1(const uint8_t *bits, size_t n, unsigned m)
{
	if (m < 2 || m > M_MAX || n < m)
		return value_none();
	return value_chi_square(1u << (m - 1), psi_square(bits, n, m) - psi_square(bits, n, m - 1));
}

struct randomness_value randomness_overlapping_2(const uint8_t *bits, size_t n, unsigned m)
{
	if (m < 2 || m > M_MAX || n < m)
		return value_none();
	return value_chi_square(1u << (m - 2),
	                        psi_square(bits, n, m) - 2 * psi_square(bits, n, m - 1) + psi_square(bits, n, m - 2));
}

static double entropy(double share)
{
	return share > 0 ? share * log(share) : 0;
}

struct randomness_value randomness_entropy(const uint8_t *bits, size_t n, unsigned m)
{
	if (m < 1 || m >= M_MAX || n <= m)
		return value_none();
	double entropy_rate = over_patterns(bits, n, m, entropy) - over_patterns(bits, n, m + 1, entropy);
	return value_chi_square(1u << m, 2 * (double)n * (M_LN2 - entropy_rate));
}

/* What the mean distance of blocks of L bits is in random data, and its variance: Maurer's table, for L = 6 and up. */
static const struct {
	double mean, variance;
} maurer[] = {{5.2177052, 2.954}, {6.1962507, 3.125}, {7.1836656, 3.238}, {8.1764248, 3.311}, {9.1723243, 3.356}};

/* Q = 10 * 2^L blocks fill the table of last places, the rest are counted. */
struct randomness_value randomness_universal(const uint8_t *bits, size_t n, unsigned l)
{
	size_t last[1u << 10] = {0}, blocks = l ? n / l : 0;
	double sum = 0;

	if (l < 6 || l > 10 || blocks <= (size_t)10 << l)
		return value_none();
	size_t start = (size_t)10 << l, counted = blocks - start;
	for (size_t i = 0; i < blocks; i++) {
		unsigned value = pattern(bits + i * l, l);
		if (i >= start)
			sum += log2((double)(i + 1 - last[value]));
		last[value] = i + 1;
	}
	double k = (double)counted, c = 0.7 - 0.8 / l + (4 + 32.0 / l) * pow(k, -3.0 / l) / 15;
	return value_normal((sum / k - maurer[l - 6].mean) / (c * sqrt(maurer[l - 6].variance / k)));
}
