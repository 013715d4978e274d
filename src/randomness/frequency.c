/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of GM/T 0005-2021 that count ones: in the whole, in blocks, in sums of neighbours, on the way. */
#include "randomness/special.h"

#include <math.h>
#include <stdlib.h>

static size_t ones(const uint8_t *bits, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += bits[i];
	return count;
}

/* n fair bits, so many of them ones. */
static struct randomness_value value_of_ones(size_t count, size_t n)
{
	return value_normal((2 * (double)count - (double)n) / sqrt((double)n));
}

struct randomness_value randomness_monobit(const uint8_t *bits, size_t n, unsigned parameter)
{
	(void)parameter;
	return n ? value_of_ones(ones(bits, n), n) : value_none();
}

struct randomness_value randomness_block_frequency(const uint8_t *bits, size_t n, unsigned m)
{
	size_t blocks = m ? n / m : 0;
	double sum = 0;

	for (size_t i = 0; i < blocks; i++) {
		double off = (double)ones(bits + i * m, m) / m - 0.5;
		sum += off * off;
	}
	return blocks ? value_chi_square((double)blocks, 4 * m * sum) : value_none();
}

/* Bit i of the derivative of order k is the sum of those of i..i+k whose binomial coefficient is odd: k & j == j (Lucas). */
static uint8_t derived(const uint8_t *bits, unsigned k)
{
	uint8_t bit = 0;

	for (unsigned j = 0; j <= k; j++)
		if ((k & j) == j)
			bit ^= bits[j];
	return bit;
}

struct randomness_value randomness_derivative(const uint8_t *bits, size_t n, unsigned k)
{
	size_t count = 0;

	if (n <= k)
		return value_none();
	for (size_t i = 0; i + k < n; i++)
		count += derived(bits + i, k);
	return value_of_ones(count, n - k);
}

struct randomness_value randomness_autocorrelation(const uint8_t *bits, size_t n, unsigned d)
{
	size_t count = 0;

	if (n <= d)
		return value_none();
	for (size_t i = 0; i + d < n; i++)
		count += bits[i] ^ bits[i + d];
	return value_of_ones(count, n - d);
}

/* How far the walk gets from its start. */
static double reach(const uint8_t *bits, size_t n, bool backward)
{
	long at = 0, far = 0;

	for (size_t i = 0; i < n; i++) {
		at += bits[backward ? n - 1 - i : i] ? 1 : -1;
		far = labs(at) > far ? labs(at) : far;
	}
	return (double)far;
}

/* The share of walks of n steps that get as far as z, by reflection. */
static struct randomness_value cusum(const uint8_t *bits, size_t n, bool backward)
{
	double z = reach(bits, n, backward), steps = (double)n, root = sqrt(steps), p = 1;

	if (n == 0)
		return value_none();
	for (double k = floor((-steps / z + 1) / 4); k <= floor((steps / z - 1) / 4); k++)
		p -= special_normal((4 * k + 1) * z / root) - special_normal((4 * k - 1) * z / root);
	for (double k = floor((-steps / z - 3) / 4); k <= floor((steps / z - 1) / 4); k++)
		p += special_normal((4 * k + 3) * z / root) - special_normal((4 * k + 1) * z / root);
	return (struct randomness_value){p, p};
}

struct randomness_value randomness_cusum_forward(const uint8_t *bits, size_t n, unsigned parameter)
{
	(void)parameter;
	return cusum(bits, n, false);
}

struct randomness_value randomness_cusum_backward(const uint8_t *bits, size_t n, unsigned parameter)
{
	(void)parameter;
	return cusum(bits, n, true);
}
