/* SPDX-License-Identifier: Apache-2.0 */
/* Are the numbers of a key one key? And those that were left out. */
#include "driver/soft/rsa.h"
#include "driver/soft/rsa_der.h"

#define E_MAX_NBITS 256      /* FIPS 186-5 A.1.1 */
#define E_MAX_NBITS_LARGE 64 /* libcrypto's bound for moduli above 3072 bits: verifying takes time in its length */
#define LARGE_NBITS 3072

bool rsa_exponent_fits(const BIGNUM *e, int nbits)
{
	return BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= (nbits > LARGE_NBITS ? E_MAX_NBITS_LARGE : E_MAX_NBITS);
}

enum hufu_err rsa_numbers_check(const struct rsa_numbers *k)
{
	int nbits = BN_num_bits(k->part[RSA_N]);

	if (nbits < RSA_MIN_NBITS || nbits > RSA_MAX_NBITS)
		return HUFU_ERR_KEY_SIZE;
	return BN_is_odd(k->part[RSA_N]) && rsa_exponent_fits(k->part[RSA_E], nbits) ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* -- primes from n, e, d (SP 800-56B C.1, made a loop over fixed bases) ------------ */

/* Each base splits a modulus of two primes with odds of one half, at least; for one that nothing splits this bounds the time. */
static const BN_ULONG bases[] = {
	2,  3,  5,  7,  11, 13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,  59,  61,  67,  71,
	73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173,
};

enum split { SPLIT_NO, SPLIT_YES, SPLIT_NEVER, SPLIT_FAILED };

/*
 * x = base^odd, squared until it is 1: the number before that is a root of 1,
 * and one other than 1 and -1 splits n. SPLIT_NEVER: base^(ed - 1) is not 1, so
 * that e, d and n do not belong together. The number of squarings is the power
 * of 2 in ed - 1, the one thing of d that this shows.
 */
static enum split try_base(struct rsa_numbers *k, BN_ULONG base, const BIGNUM *odd, int squarings, BIGNUM *x, BIGNUM *y)
{
	const BIGNUM *n = k->part[RSA_N];

	if (!BN_set_word(y, base) || !BN_mod_exp_mont_consttime(x, y, odd, n, k->ctx, NULL))
		return SPLIT_FAILED;
	if (BN_is_one(x))
		return SPLIT_NO;
	for (int i = 0; i < squarings; i++) {
		if (!BN_mod_sqr(y, x, n, k->ctx))
			return SPLIT_FAILED;
		if (BN_is_one(y)) {
			if (!BN_add_word(x, 1))
				return SPLIT_FAILED;
			if (BN_cmp(x, n) == 0)
				return SPLIT_NO;
			return BN_gcd(k->part[RSA_P], x, n, k->ctx) ? SPLIT_YES : SPLIT_FAILED;
		}
		BN_swap(x, y);
	}
	return SPLIT_NEVER;
}

static enum hufu_err split_by(struct rsa_numbers *k, BIGNUM *odd, BIGNUM *x, BIGNUM *y)
{
	int squarings = 0;

	if (!BN_mul(odd, k->part[RSA_E], k->part[RSA_D], k->ctx) || !BN_sub_word(odd, 1))
		return HUFU_ERR_NO_MEMORY;
	if (BN_is_zero(odd) || BN_is_odd(odd))
		return HUFU_ERR_KEY_VALUE;
	while (!BN_is_bit_set(odd, squarings))
		squarings++;
	if (!BN_rshift(odd, odd, squarings))
		return HUFU_ERR_NO_MEMORY;
	BN_set_flags(odd, BN_FLG_CONSTTIME);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		switch (try_base(k, bases[i], odd, squarings, x, y)) {
		case SPLIT_NO:
			break;
		case SPLIT_YES:
			return HUFU_OK;
		case SPLIT_NEVER:
			return HUFU_ERR_KEY_VALUE;
		case SPLIT_FAILED:
			return HUFU_ERR_NO_MEMORY;
		}
	return HUFU_ERR_KEY_VALUE;
}

static enum hufu_err split(struct rsa_numbers *k)
{
	BN_CTX_start(k->ctx);
	BIGNUM *odd = BN_CTX_get(k->ctx), *x = BN_CTX_get(k->ctx), *y = BN_CTX_get(k->ctx);
	enum hufu_err err = y ? split_by(k, odd, x, y) : HUFU_ERR_NO_MEMORY;

	BN_CTX_end(k->ctx);
	return err;
}

/* The other prime, once one is known. */
static enum hufu_err divide(struct rsa_numbers *k, enum rsa_part known, enum rsa_part other)
{
	return BN_div(k->part[other], NULL, k->part[RSA_N], k->part[known], k->ctx) ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static enum hufu_err find_primes(struct rsa_numbers *k)
{
	BIGNUM *p = k->part[RSA_P], *q = k->part[RSA_Q];

	if (!BN_is_zero(p))
		return BN_is_zero(q) ? divide(k, RSA_P, RSA_Q) : HUFU_OK;
	if (!BN_is_zero(q))
		return divide(k, RSA_Q, RSA_P);
	enum hufu_err err = split(k);
	if (err == HUFU_OK)
		err = divide(k, RSA_P, RSA_Q);
	if (err == HUFU_OK && BN_cmp(p, q) < 0)
		BN_swap(p, q); /* as most make them */
	return err;
}

/* -- what follows from the primes ------------------------------------------------- */

/* n = pq, both odd, not one and not the same. x: scratch */
static enum hufu_err check_primes(struct rsa_numbers *k, BIGNUM *x)
{
	const BIGNUM *p = k->part[RSA_P], *q = k->part[RSA_Q];

	if (!BN_is_odd(p) || !BN_is_odd(q) || BN_is_one(p) || BN_is_one(q) || BN_cmp(p, q) == 0 ||
	    BN_num_bits(p) + BN_num_bits(q) > RSA_MAX_NBITS + 1)
		return HUFU_ERR_KEY_VALUE;
	if (!BN_mul(x, p, q, k->ctx))
		return HUFU_ERR_NO_MEMORY;
	return BN_cmp(x, k->part[RSA_N]) == 0 ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* Takes the place of a 0, else must be what stands there. */
static enum hufu_err settle(BIGNUM *part, const BIGNUM *value)
{
	if (BN_is_zero(part))
		return BN_copy(part, value) ? HUFU_OK : HUFU_ERR_NO_MEMORY;
	return BN_cmp(part, value) == 0 ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* d mod (p - 1), by which e d = 1 there. less, x: scratch */
static enum hufu_err settle_exponent(struct rsa_numbers *k, enum rsa_part prime, enum rsa_part exponent, BIGNUM *less, BIGNUM *x)
{
	BIGNUM *given = k->part[exponent];

	if (!BN_copy(less, k->part[prime]) || !BN_sub_word(less, 1))
		return HUFU_ERR_NO_MEMORY;
	BN_set_flags(less, BN_FLG_CONSTTIME);
	if (!BN_mod(x, k->part[RSA_D], less, k->ctx))
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = settle(given, x);
	if (err != HUFU_OK)
		return err;
	if (!BN_mod_mul(x, given, k->part[RSA_E], less, k->ctx))
		return HUFU_ERR_NO_MEMORY;
	return BN_is_one(x) ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

static enum hufu_err settle_rest(struct rsa_numbers *k, BIGNUM *less, BIGNUM *x)
{
	enum hufu_err err = check_primes(k, x);

	if (err == HUFU_OK)
		err = settle_exponent(k, RSA_P, RSA_DP, less, x);
	if (err == HUFU_OK)
		err = settle_exponent(k, RSA_Q, RSA_DQ, less, x);
	if (err != HUFU_OK)
		return err;
	/* There is none where p and q have a divisor in common. */
	if (!BN_mod_inverse(x, k->part[RSA_Q], k->part[RSA_P], k->ctx))
		return HUFU_ERR_KEY_VALUE;
	return settle(k->part[RSA_QINV], x);
}

enum hufu_err rsa_numbers_complete(struct rsa_numbers *k)
{
	enum hufu_err err = rsa_numbers_check(k);

	if (err != HUFU_OK)
		return err;
	if (BN_num_bits(k->part[RSA_D]) < 2 || BN_cmp(k->part[RSA_D], k->part[RSA_N]) >= 0)
		return HUFU_ERR_KEY_VALUE;
	err = find_primes(k);
	if (err != HUFU_OK)
		return err;
	BN_CTX_start(k->ctx);
	BIGNUM *less = BN_CTX_get(k->ctx), *x = BN_CTX_get(k->ctx);
	err = x ? settle_rest(k, less, x) : HUFU_ERR_NO_MEMORY;
	BN_CTX_end(k->ctx);
	return err;
}
