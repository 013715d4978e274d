/* SPDX-License-Identifier: Apache-2.0 */
#include "randomness/special.h"

#include <float.h>
#include <math.h>

#define STEPS_MAX 10000

/* P(a, x) as a power series: quick where x is below a + 1. */
static double series(double a, double x)
{
	double term = 1 / a, sum = term;

	for (int n = 1; n < STEPS_MAX && fabs(term) > fabs(sum) * DBL_EPSILON; n++) {
		term *= x / (a + n);
		sum += term;
	}
	return sum;
}

static double away_from_zero(double x)
{
	return fabs(x) < DBL_MIN ? DBL_MIN : x;
}

/* Q(a, x) as a continued fraction, by Lentz's method: quick above it. */
static double fraction(double a, double x)
{
	double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / away_from_zero(b), h = d;

	for (int n = 1; n < STEPS_MAX; n++) {
		double an = -n * (n - a);
		b += 2;
		d = 1 / away_from_zero(an * d + b);
		c = away_from_zero(b + an / c);
		h *= d * c;
		if (fabs(d * c - 1) < DBL_EPSILON)
			break;
	}
	return h;
}

double special_igamc(double a, double x)
{
	int sign;

	if (!(x > 0))
		return isnan(x) ? x : 1;
	double front = exp(a * log(x) - x - lgamma_r(a, &sign));
	return x < a + 1 ? 1 - front * series(a, x) : front * fraction(a, x);
}

double special_normal(double x)
{
	return erfc(-x / M_SQRT2) / 2;
}

struct randomness_value value_chi_square(double freedom, double chi_square)
{
	double p = special_igamc(freedom / 2, chi_square / 2);

	return (struct randomness_value){p, p};
}

struct randomness_value value_normal(double v)
{
	return (struct randomness_value){erfc(fabs(v) / M_SQRT2), erfc(v / M_SQRT2) / 2};
}

struct randomness_value value_none(void)
{
	return (struct randomness_value){NAN, NAN};
}
