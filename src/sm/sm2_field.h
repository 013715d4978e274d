/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic for SM2: 256-bit numbers, modulo p (the field) and modulo n (the
 * order of the base point). Numbers are four words, the lowest first. Modular
 * functions take and give numbers below the modulus; any operands may be the
 * same. All of it runs in constant time.
 *
 * modp_mul and modn_mul are Montgomery products a b / R, R = 2^256: a number is
 * "in Montgomery form" when it stands for itself times R. A product of one
 * factor in that form and one not is a plain product.
 */
#ifndef SM_SM2_FIELD_H
#define SM_SM2_FIELD_H

#include <stdint.h>

#include "sm/unroll.h"
#include "sm/wide.h"

/* GB/T 32918.5-2017 clause 2. */
static const uint64_t sm2_p[4] = {0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff};
static const uint64_t sm2_n[4] = {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff};
/* R mod p: 1 in Montgomery form. */
static const uint64_t modp_one[4] = {0x0000000000000001, 0x00000000ffffffff, 0x0000000000000000, 0x0000000100000000};
static const uint64_t modn_one[4] = {0xac440bf6c62abedd, 0x8dfc2094de39fad4, 0x0000000000000000, 0x0000000100000000};

/* -- numbers ------------------------------------------------------------- */

void num_from_bytes(uint64_t r[4], const uint8_t bytes[32]);
void num_to_bytes(uint8_t bytes[32], const uint64_t a[4]);

/* r = a + b; gives the carry. */
static inline uint64_t num_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	uint64_t carry = 0;

	UNROLL(4)
	for (int i = 0; i < 4; i++)
		r[i] = add_carry(a[i], b[i], &carry);
	return carry;
}

/* r = a - b; gives the borrow. */
static inline uint64_t num_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	uint64_t borrow = 0;

	UNROLL(4)
	for (int i = 0; i < 4; i++)
		r[i] = sub_borrow(a[i], b[i], &borrow);
	return borrow;
}

/* mask is all ones: r = a; zero: r stays. */
static inline void num_select(uint64_t r[4], uint64_t mask, const uint64_t a[4])
{
	UNROLL(4)
	for (int i = 0; i < 4; i++)
		r[i] ^= mask & (r[i] ^ a[i]);
}

/* All ones or zero. */
static inline uint64_t mask_if_zero(uint64_t x)
{
	return ((x | -x) >> 63) - 1;
}

static inline uint64_t num_is_zero(const uint64_t a[4])
{
	return mask_if_zero(a[0] | a[1] | a[2] | a[3]);
}

static inline uint64_t num_equal(const uint64_t a[4], const uint64_t b[4])
{
	return mask_if_zero((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static inline uint64_t num_less(const uint64_t a[4], const uint64_t b[4])
{
	uint64_t difference[4];

	return -num_sub(difference, a, b);
}

/* -- modulo either ------------------------------------------------------- */

/* a, with carry above it, is below 2m: r = a mod m. */
static inline void reduce_once(uint64_t r[4], const uint64_t a[4], uint64_t carry, const uint64_t m[4])
{
	uint64_t t[4], borrow = num_sub(t, a, m), below = carry - borrow;

	UNROLL(4)
	for (int i = 0; i < 4; i++)
		r[i] = (a[i] & below) | (t[i] & ~below);
}

static inline void mod_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
	uint64_t t[4], carry = num_add(t, a, b);

	reduce_once(r, t, carry, m);
}

static inline void mod_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4], const uint64_t m[4])
{
	uint64_t back[4], mask = -num_sub(r, a, b);

	UNROLL(4)
	for (int i = 0; i < 4; i++)
		back[i] = m[i] & mask;
	num_add(r, r, back);
}

/* -- modulo p ------------------------------------------------------------ */

static inline void modp_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	mod_add(r, a, b, sm2_p);
}

static inline void modp_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	mod_sub(r, a, b, sm2_p);
}

void modp_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);
void modp_to_mont(uint64_t r[4], const uint64_t a[4]);
void modp_from_mont(uint64_t r[4], const uint64_t a[4]);
/* In Montgomery form, a and r both. 0 gives 0. */
void modp_invert(uint64_t r[4], const uint64_t a[4]);

/* -- modulo n ------------------------------------------------------------ */

static inline void modn_add(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	mod_add(r, a, b, sm2_n);
}

static inline void modn_sub(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	mod_sub(r, a, b, sm2_n);
}

/* Any a below 2^256, which is less than 2n. */
static inline void modn_reduce(uint64_t r[4], const uint64_t a[4])
{
	reduce_once(r, a, 0, sm2_n);
}

void modn_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);
void modn_to_mont(uint64_t r[4], const uint64_t a[4]);
void modn_from_mont(uint64_t r[4], const uint64_t a[4]);
void modn_invert(uint64_t r[4], const uint64_t a[4]);

#endif
