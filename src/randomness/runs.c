/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of GM/T 0005-2021 that look at runs: stretches of equal bits. */
#include "randomness/special.h"

#include <math.h>

struct randomness_value randomness_runs(const uint8_t *bits, size_t n, unsigned parameter)
{
	size_t runs = 1, ones = n ? bits[0] : 0;

	(void)parameter;
	for (size_t i = 1; i < n; i++) {
		runs += bits[i] != bits[i - 1];
		ones += bits[i];
	}
	double len = (double)n, pi = (double)ones / len, spread = 2 * sqrt(len) * pi * (1 - pi);
	/* All bits alike: no generator gives that. */
	if (n && (ones == 0 || ones == n))
		return (struct randomness_value){0, 0};
	return n ? value_normal(((double)runs - 2 * len * pi * (1 - pi)) / spread) : value_none();
}

#define RUN_MAX 64

/* The longest runs that are counted by themselves: five of each are to be expected. */
static unsigned longest_counted(size_t n)
{
	unsigned k = 0;

	while (((double)n - (k + 1) + 3) / exp2(k + 3) >= 5)
		k++;
	return k;
}

struct randomness_value randomness_runs_distribution(const uint8_t *bits, size_t n, unsigned parameter)
{
	double count[2][RUN_MAX] = {{0}}, total = 0, chi_square = 0;
	unsigned k = longest_counted(n);

	(void)parameter;
	for (size_t i = 0, len = 1; i < n; i++, len++)
		if (i + 1 == n || bits[i] != bits[i + 1]) {
			count[bits[i]][len < k ? len : k]++;
			total++;
			len = 0;
		}
	if (k < 2)
		return value_none();
	for (unsigned i = 1; i <= k; i++) {
		/* Half of all runs are of zeros; half of them have one bit, a quarter two; the last class takes what remains. */
		double expected = total / exp2(i < k ? i + 1 : k);
		for (int bit = 0; bit < 2; bit++)
			chi_square += (count[bit][i] - expected) * (count[bit][i] - expected) / expected;
	}
	return value_chi_square(2 * (k - 1), chi_square);
}

static size_t longest(const uint8_t *bits, size_t n, uint8_t of)
{
	size_t run = 0, most = 0;

	for (size_t i = 0; i < n; i++) {
		run = bits[i] == of ? run + 1 : 0;
		most = run > most ? run : most;
	}
	return most;
}

#define CLASSES_MAX 7

/* How likely a block's longest run falls in a class: classes are from..from+n-1, the ends open. By counting
   the sequences without a longer run; the standard rounds to four digits where its sample has 8 or 128 bits. */
struct longest_table {
	unsigned m, from, n;
	double share[CLASSES_MAX];
};

static const struct longest_table longest_tables[] = {
	{8, 1, 4, {0.2148, 0.3672, 0.2305, 0.1875}},
	{128, 4, 6, {0.1174, 0.2430, 0.2494, 0.1752, 0.1027, 0.1124}},
	{10000, 10, 7, {0.086632, 0.208201, 0.248419, 0.193913, 0.121458, 0.068011, 0.073366}},
};

static struct randomness_value longest_run(const uint8_t *bits, size_t n, unsigned m, uint8_t of)
{
	const struct longest_table *t = longest_tables;
	double count[CLASSES_MAX] = {0}, chi_square = 0;
	size_t blocks = m ? n / m : 0;

	while (t->m != m)
		if (++t == longest_tables + sizeof longest_tables / sizeof *longest_tables)
			return value_none();
	if (blocks == 0)
		return value_none();
	for (size_t i = 0; i < blocks; i++) {
		size_t run = longest(bits + i * m, m, of), last = t->from + t->n - 1;
		count[(run < t->from ? t->from : run > last ? last : run) - t->from]++;
	}
	for (unsigned i = 0; i < t->n; i++) {
		double expected = (double)blocks * t->share[i];
		chi_square += (count[i] - expected) * (count[i] - expected) / expected;
	}
	return value_chi_square(t->n - 1, chi_square);
}

struct randomness_value randomness_longest_ones(const uint8_t *bits, size_t n, unsigned m)
{
	return longest_run(bits, n, m, 1);
}

struct randomness_value randomness_longest_zeros(const uint8_t *bits, size_t n, unsigned m)
{
	return longest_run(bits, n, m, 0);
}
