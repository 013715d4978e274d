/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of GM/T 0005-2021 by linear algebra over bits: ranks of matrices, lengths of shift registers. */
#include "randomness/special.h"

#include <math.h>
#include <string.h>

#define SIDE 32

static unsigned rank_of(uint32_t rows[SIDE])
{
	unsigned rank = 0;

	for (unsigned column = 0; column < SIDE; column++) {
		uint32_t bit = 1u << column;
		unsigned pivot = rank;
		while (pivot < SIDE && !(rows[pivot] & bit))
			pivot++;
		if (pivot == SIDE)
			continue;
		uint32_t row = rows[pivot];
		rows[pivot] = rows[rank];
		rows[rank++] = row;
		for (unsigned i = rank; i < SIDE; i++)
			rows[i] ^= rows[i] & bit ? row : 0;
	}
	return rank;
}

static unsigned matrix_rank(const uint8_t *bits)
{
	uint32_t rows[SIDE] = {0};

	for (unsigned i = 0; i < SIDE * SIDE; i++)
		rows[i / SIDE] = rows[i / SIDE] << 1 | bits[i];
	return rank_of(rows);
}

struct randomness_value randomness_rank(const uint8_t *bits, size_t n, unsigned parameter)
{
	static const double share[] = {0.2888, 0.5776, 0.1336}; /* of full rank, one less, fewer */
	size_t matrices = n / (SIDE * SIDE);
	double count[3] = {0}, chi_square = 0;

	(void)parameter;
	if (matrices == 0)
		return value_none();
	for (size_t i = 0; i < matrices; i++) {
		unsigned lost = SIDE - matrix_rank(bits + i * SIDE * SIDE);
		count[lost < 2 ? lost : 2]++;
	}
	for (unsigned i = 0; i < 3; i++) {
		double expected = (double)matrices * share[i];
		chi_square += (count[i] - expected) * (count[i] - expected) / expected;
	}
	return value_chi_square(2, chi_square);
}

#define BLOCK_MAX 1024
#define WORDS (BLOCK_MAX / 64 + 1)

/* Bits as a polynomial, the lowest power in bit 0 of word 0. */
struct poly {
	uint64_t w[WORDS];
};

static void times_x(struct poly *p, uint64_t constant)
{
	for (size_t i = WORDS - 1; i > 0; i--)
		p->w[i] = p->w[i] << 1 | p->w[i - 1] >> 63;
	p->w[0] = p->w[0] << 1 | constant;
}

static bool odd_product(const struct poly *a, const struct poly *b)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < WORDS; i++)
		sum ^= a->w[i] & b->w[i];
	return __builtin_parityll(sum);
}

/* The length of the shortest linear feedback shift register that gives the bits: Berlekamp and Massey. */
static unsigned register_length(const uint8_t *bits, unsigned n)
{
	struct poly connection = {{1}}, before = {{1}}, window = {{0}};
	unsigned len = 0;

	for (unsigned i = 0; i < n; i++) {
		times_x(&window, bits[i]);
		times_x(&before, 0);
		if (!odd_product(&connection, &window))
			continue;
		struct poly was = connection;
		for (size_t w = 0; w < WORDS; w++)
			connection.w[w] ^= before.w[w];
		if (2 * len <= i) {
			len = i + 1 - len;
			before = was;
		}
	}
	return len;
}

/* T of a block falls in one of seven classes, bounded by -2.5, -1.5, ... 2.5. */
static unsigned complexity_class(unsigned len, unsigned m)
{
	double sign = m % 2 ? -1 : 1;
	double mean = m / 2.0 + (9 - sign) / 36 - (m / 3.0 + 2.0 / 9) / exp2(m);
	double t = sign * (len - mean) + 2.0 / 9, class = ceil(t + 2.5);

	return class < 0 ? 0 : class > 6 ? 6 : (unsigned)class;
}

struct randomness_value randomness_complexity(const uint8_t *bits, size_t n, unsigned m)
{
	static const double share[] = {0.010417, 0.03125, 0.125, 0.5, 0.25, 0.0625, 0.020833};
	size_t blocks = m ? n / m : 0;
	double count[7] = {0}, chi_square = 0;

	if (blocks == 0 || m > BLOCK_MAX)
		return value_none();
	for (size_t i = 0; i < blocks; i++)
		count[complexity_class(register_length(bits + i * m, m), m)]++;
	for (unsigned i = 0; i < 7; i++) {
		double expected = (double)blocks * share[i];
		chi_square += (count[i] - expected) * (count[i] - expected) / expected;
	}
	return value_chi_square(6, chi_square);
}
