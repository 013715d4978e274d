/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums, differences and products of 64-bit words with what they carry. Constant
 * time where the processor's multiplication is: true of the x86-64, AArch64,
 * POWER, LoongArch and RISC-V cores of servers.
 *
 * SM_PLAIN_C leaves only standard C; the tests use it.
 */
#ifndef SM_WIDE_H
#define SM_WIDE_H

#include <stdint.h>
#if defined(__x86_64__) && defined(__GNUC__) && !defined(SM_PLAIN_C)
#include <immintrin.h>
#endif

struct wide {
	uint64_t lo, hi;
};

#if defined(__SIZEOF_INT128__) && !defined(SM_PLAIN_C)

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

/*
 * add_carry: a + b + *carry, which is 0 or 1 before and after. sub_borrow: a -
 * b - *borrow, likewise. Compilers find a processor's carry chains only when told.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(SM_PLAIN_C)

static inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t *carry)
{
	unsigned long long r;

	*carry = _addcarry_u64((unsigned char)*carry, a, b, &r);
	return r;
}

static inline uint64_t sub_borrow(uint64_t a, uint64_t b, uint64_t *borrow)
{
	unsigned long long r;

	*borrow = _subborrow_u64((unsigned char)*borrow, a, b, &r);
	return r;
}

#else

static inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t *carry)
{
	uint64_t sum = a + b, r = sum + *carry;

	*carry = (uint64_t)(sum < a) | (uint64_t)(r < sum);
	return r;
}

static inline uint64_t sub_borrow(uint64_t a, uint64_t b, uint64_t *borrow)
{
	uint64_t difference = a - b, r = difference - *borrow;

	*borrow = (uint64_t)(a < b) | (uint64_t)(difference < *borrow);
	return r;
}

#endif

#endif
