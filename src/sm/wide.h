/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products of 64-bit words. Constant time where the processor's multiplication
 * is: true of x86-64, AArch64, POWER, LoongArch and RISC-V cores of servers.
 */
#ifndef SM_WIDE_H
#define SM_WIDE_H

#include <stdint.h>

struct wide {
	uint64_t lo, hi;
};

#if defined(__SIZEOF_INT128__) && !defined(SM_NO_INT128)

__extension__ typedef unsigned __int128 uint128;

/* a * b + c + d, which always fits. */
static inline struct wide wide_mul_add(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint128 r = (uint128)a * b + c + d;

	return (struct wide){(uint64_t)r, (uint64_t)(r >> 64)};
}

#else

static inline struct wide wide_mul_add(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t al = a & 0xffffffff, ah = a >> 32, bl = b & 0xffffffff, bh = b >> 32;
	uint64_t low = al * bl, mid = ah * bl + (low >> 32);
	uint64_t mid2 = al * bh + (mid & 0xffffffff);
	struct wide r = {mid2 << 32 | (low & 0xffffffff), ah * bh + (mid >> 32) + (mid2 >> 32)};

	r.lo += c;
	r.hi += r.lo < c;
	r.lo += d;
	r.hi += r.lo < d;
	return r;
}

#endif

static inline struct wide wide_mul(uint64_t a, uint64_t b)
{
	return wide_mul_add(a, b, 0, 0);
}

#endif
