/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of scalars. The comparisons run in constant time; their answers may be known. */
#ifndef SM_SM2_SCALAR_H
#define SM_SM2_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "sm/declassify.h"
#include "sm/sm2_field.h"

/* In [1, n - 1]: nonces, and r and s of a signature. */
static inline bool scalar_is_nonce(const uint64_t k[4])
{
	uint64_t good = num_less(k, sm2_n) & ~num_is_zero(k);

	declassify(&good, sizeof(good));
	return good;
}

/* In [1, n - 2], GB/T 32918.1 clause 6.1: 1 + d must have an inverse. */
static inline bool scalar_is_private_key(const uint64_t d[4])
{
	static const uint64_t n_minus_1[4] = {0x53bbf40939d54122, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff};
	uint64_t good = num_less(d, n_minus_1) & ~num_is_zero(d);

	declassify(&good, sizeof(good));
	return good;
}

#endif
