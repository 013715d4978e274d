/* SPDX-License-Identifier: Apache-2.0 */
/* The two functions that turn a statistic into a P-value. */
#ifndef RANDOMNESS_SPECIAL_H
#define RANDOMNESS_SPECIAL_H

#include "randomness/randomness.h"

/* The regularised upper incomplete gamma function Q(a, x), a > 0. */
double special_igamc(double a, double x);
/* The standard normal distribution's value below x. */
double special_normal(double x);

/* A chi-square statistic of so many degrees of freedom. */
struct randomness_value value_chi_square(double freedom, double chi_square);
/* A statistic that is normal: P looks at both sides, Q at one. */
struct randomness_value value_normal(double v);
struct randomness_value value_none(void);

#endif
