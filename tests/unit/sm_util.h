/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of src/sm share: repeatable random input, comparison with hex. */
#ifndef SM_UTIL_H
#define SM_UTIL_H

#include "unit.h"

#include <stdbool.h>
#include <stdint.h>

/* xorshift64*: the same numbers in every run, so that a failure can be looked at again. */
__attribute__((unused)) static uint64_t rng_next(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	return x * 0x2545f4914f6cdd1d;
}

__attribute__((unused)) static size_t rng_below(size_t n)
{
	return (size_t)(rng_next() >> 33) % n;
}

__attribute__((unused)) static void rng_fill(void *out, size_t len)
{
	for (uint8_t *p = out; len; len--)
		*p++ = (uint8_t)(rng_next() >> 56);
}

__attribute__((unused)) static bool equals_hex(const void *got, size_t len, const char *hex)
{
	uint8_t want[4096];

	if (strlen(hex) > 2 * sizeof(want) || unit_hex(hex, want) != len)
		return false;
	return memcmp(got, want, len) == 0;
}

#define ASSERT_HEX(got, len, hex) CU_ASSERT(equals_hex((got), (len), (hex)))
#define ASSERT_SAME(a, b, len) CU_ASSERT(memcmp((a), (b), (len)) == 0)

#endif
