/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/sm2_field.h"

void num_from_bytes(uint64_t r[4], const uint8_t bytes[32])
{
	for (int i = 0; i < 4; i++)
		r[i] = load_be64(bytes + 24 - 8 * i);
}

void num_to_bytes(uint8_t bytes[32], const uint64_t a[4])
{
	for (int i = 0; i < 4; i++)
		store_be64(bytes + 24 - 8 * i, a[i]);
}

/* t = a b, all 512 bits. */
static inline void product(uint64_t t[8], const uint64_t a[4], const uint64_t b[4])
{
	memset(t, 0, 4 * sizeof(t[0]));
	UNROLL(4)
	for (int i = 0; i < 4; i++) {
		uint64_t carry = 0;

		UNROLL(4)
		for (int j = 0; j < 4; j++) {
			struct wide w = wide_mul_add(a[i], b[j], t[i + j], carry);

			t[i + j] = w.lo;
			carry = w.hi;
		}
		t[i + 4] = carry;
	}
}

/*
 * r = t / R mod p. p = 2^256 - 2^224 - 2^96 + 2^64 - 1 is -1 modulo 2^64, so
 * adding the lowest word, m, times p clears that word; what m p adds above it
 * is m (2^192 - 2^160 - 2^32 + 1), made from shifts of m.
 */
static inline void reduce_p(uint64_t r[4], uint64_t t[8])
{
	uint64_t top = 0;

	UNROLL(4)
	for (int i = 0; i < 4; i++) {
		uint64_t m = t[i], low = m << 32, high = m >> 32, carry = 0, borrow = 0;
		uint64_t a0 = sub_borrow(m, low, &borrow);
		uint64_t a1 = sub_borrow(0, high, &borrow);
		uint64_t a2 = sub_borrow(0, low, &borrow);
		uint64_t a3 = sub_borrow(m, high, &borrow) + top;

		t[i + 1] = add_carry(t[i + 1], a0, &carry);
		t[i + 2] = add_carry(t[i + 2], a1, &carry);
		t[i + 3] = add_carry(t[i + 3], a2, &carry);
		t[i + 4] = add_carry(t[i + 4], a3, &carry);
		top = carry;
	}
	reduce_once(r, t + 4, top, sm2_p);
}

/* -1/n modulo 2^64. */
#define N_FACTOR UINT64_C(0x327f9e8872350975)

/* r = t / R mod n, word by word. */
static inline void reduce_n(uint64_t r[4], uint64_t t[8])
{
	uint64_t top = 0;

	UNROLL(4)
	for (int i = 0; i < 4; i++) {
		uint64_t m = t[i] * N_FACTOR, carry = 0;

		UNROLL(4)
		for (int j = 0; j < 4; j++) {
			struct wide w = wide_mul_add(m, sm2_n[j], t[i + j], carry);

			t[i + j] = w.lo;
			carry = w.hi;
		}
		t[i + 4] = add_carry(t[i + 4], carry, &top);
	}
	reduce_once(r, t + 4, top, sm2_n);
}

void modp_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	uint64_t t[8];

	product(t, a, b);
	reduce_p(r, t);
}

void modn_mul(uint64_t r[4], const uint64_t a[4], const uint64_t b[4])
{
	uint64_t t[8];

	product(t, a, b);
	reduce_n(r, t);
}

static const uint64_t one[4] = {1, 0, 0, 0};

void modp_to_mont(uint64_t r[4], const uint64_t a[4])
{
	/* R^2 mod p */
	static const uint64_t rr[4] = {0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002};

	modp_mul(r, a, rr);
}

void modp_from_mont(uint64_t r[4], const uint64_t a[4])
{
	modp_mul(r, a, one);
}

void modn_to_mont(uint64_t r[4], const uint64_t a[4])
{
	/* R^2 mod n */
	static const uint64_t rr[4] = {0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b};

	modn_mul(r, a, rr);
}

void modn_from_mont(uint64_t r[4], const uint64_t a[4])
{
	modn_mul(r, a, one);
}

typedef void (*mul_fn)(uint64_t r[4], const uint64_t a[4], const uint64_t b[4]);

/*
 * r = a^(m - 2), the inverse of a modulo the prime m (Fermat), four bits of the
 * exponent at a time. The exponent is public: which power is multiplied in may
 * show.
 */
static void invert(uint64_t r[4], const uint64_t a[4], const uint64_t m[4], const uint64_t mont_one[4], mul_fn mul)
{
	uint64_t power[16][4], x[4], exponent[4] = {m[0] - 2, m[1], m[2], m[3]};

	memcpy(power[0], mont_one, sizeof(power[0]));
	for (int i = 1; i < 16; i++)
		mul(power[i], power[i - 1], a);
	memcpy(x, mont_one, sizeof(x));
	for (int bit = 252; bit >= 0; bit -= 4) {
		for (int i = 0; i < 4; i++)
			mul(x, x, x);
		mul(x, x, power[exponent[bit / 64] >> bit % 64 & 15]);
	}
	memcpy(r, x, sizeof(x));
	secret_wipe(power, sizeof(power));
	secret_wipe(x, sizeof(x));
}

void modp_invert(uint64_t r[4], const uint64_t a[4])
{
	invert(r, a, sm2_p, modp_one, modp_mul);
}

void modn_invert(uint64_t r[4], const uint64_t a[4])
{
	invert(r, a, sm2_n, modn_one, modn_mul);
}
