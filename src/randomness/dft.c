/* SPDX-License-Identifier: Apache-2.0 */
/* The discrete Fourier transform test of GM/T 0005-2021. */
#include "randomness/special.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>

/* x of n = the product of small primes; roots: the nth roots of unity. */
struct dft {
	const double complex *roots;
	size_t n;
};

static size_t smallest_factor(size_t n)
{
	for (size_t p = 2; p * p <= n; p++)
		if (n % p == 0)
			return p;
	return n;
}

#define FACTOR_MAX 64

/* Every stride-th bit -> n values: Cooley and Tukey's, by decimation in time. False: a prime factor is too large. */
static bool transform(const struct dft *d, const uint8_t *bits, size_t stride, double complex *out, size_t n)
{
	size_t p = smallest_factor(n), part = n / p;
	double complex in[FACTOR_MAX];

	if (n == 1) {
		*out = bits[0] ? 1 : -1;
		return true;
	}
	if (p > FACTOR_MAX)
		return false;
	for (size_t r = 0; r < p; r++)
		if (!transform(d, bits + r * stride, stride * p, out + r * part, part))
			return false;
	for (size_t k = 0; k < part; k++) {
		for (size_t r = 0; r < p; r++)
			in[r] = out[r * part + k] * d->roots[r * k * stride % d->n];
		for (size_t q = 0; q < p; q++) {
			double complex sum = 0;
			for (size_t r = 0; r < p; r++)
				sum += in[r] * d->roots[r * q * part * stride % d->n];
			out[q * part + k] = sum;
		}
	}
	return true;
}

/* How many of the first half's amplitudes are below what 95 % of them are below. */
static struct randomness_value judge(const double complex *f, size_t n)
{
	double len = (double)n, threshold = sqrt(2.995732274 * len), below = 0;

	for (size_t i = 0; i < n / 2; i++)
		below += cabs(f[i]) < threshold;
	return value_normal((below - 0.95 * len / 2) / sqrt(0.95 * 0.05 * len / 3.8));
}

struct randomness_value randomness_dft(const uint8_t *bits, size_t n, unsigned parameter)
{
	double complex *roots = calloc(n ? n : 1, sizeof *roots), *f = calloc(n ? n : 1, sizeof *f);
	struct randomness_value value = value_none();

	(void)parameter;
	for (size_t i = 0; roots && i < n; i++)
		roots[i] = cexp(-2 * M_PI * I * (double)i / (double)n);
	if (n && roots && f && transform(&(struct dft){roots, n}, bits, 1, f, n))
		value = judge(f, n);
	free(roots);
	free(f);
	return value;
}
