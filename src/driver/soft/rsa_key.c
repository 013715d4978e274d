/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA keys: made, taken in, loaded, and the two functions that they are.
 *
 * With libcrypto's RSA, not its EVP layer: where an application has made an
 * engine the default one (openssl -engine does), EVP gives every RSA key of the
 * process to that engine, in all library contexts; it may be one that calls this
 * module. An RSA's method can be chosen; and, as an RSA that is not changed may
 * be used by any number of threads at once, no contexts are to be kept.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "driver/soft/rsa.h"

#include <openssl/core_names.h>

#include "crypto/context.h"
#include "driver/soft/rsa_der.h"

#define PRIVATE_MAX 5300 /* PKCS#8 of 8192 bits, the primes of any lengths: at most 5199 */

/* As libcrypto calls them, in the order of enum rsa_part. */
static const char *const param_names[RSA_NPARTS] = {
	OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,       OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

/* -- numbers to key ----------------------------------------------------------- */

/* By the object identifier (RFC 8017 A.1): engines are looked for by the name only. */
static EVP_PKEY_CTX *rsa_context(void)
{
	return EVP_PKEY_CTX_new_from_name(libcrypto_context(), "1.2.840.113549.1.1.1", NULL);
}

static EVP_PKEY *public_pkey(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = rsa_context();
	EVP_PKEY *pkey = NULL;

	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		(void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* By way of an EVP_PKEY: no constructor of RSA's takes a library context. NULL: out of memory. */
static RSA *public_rsa(const struct rsa_numbers *numbers)
{
	OSSL_PARAM params[RSA_NPUBLIC + 1];
	uint8_t room[RSA_NPUBLIC][RSA_MAX_LEN];

	for (size_t i = 0; i < RSA_NPUBLIC; i++) {
		int len = BN_num_bytes(numbers->part[i]);

		(void)BN_bn2nativepad(numbers->part[i], room[i], len);
		params[i] = OSSL_PARAM_construct_BN(param_names[i], room[i], (size_t)len);
	}
	params[RSA_NPUBLIC] = OSSL_PARAM_construct_end();
	EVP_PKEY *pkey = public_pkey(params);
	RSA *rsa = pkey ? EVP_PKEY_get1_RSA(pkey) : NULL;
	EVP_PKEY_free(pkey);
	if (rsa && RSA_set_method(rsa, RSA_PKCS1_OpenSSL()) == 1)
		return rsa;
	RSA_free(rsa);
	return NULL;
}

/* The setters adopt what they are given, and refuse only NULL. */
static bool add_private(RSA *rsa, const struct rsa_numbers *numbers)
{
	BIGNUM *part[RSA_NPARTS];
	bool complete = true;

	for (size_t i = RSA_NPUBLIC; i < RSA_NPARTS; i++) {
		part[i] = BN_dup(numbers->part[i]);
		complete &= part[i] != NULL;
	}
	if (complete)
		return RSA_set0_key(rsa, NULL, NULL, part[RSA_D]) == 1 && RSA_set0_factors(rsa, part[RSA_P], part[RSA_Q]) == 1 &&
		       RSA_set0_crt_params(rsa, part[RSA_DP], part[RSA_DQ], part[RSA_QINV]) == 1;
	for (size_t i = RSA_NPUBLIC; i < RSA_NPARTS; i++)
		BN_clear_free(part[i]);
	return false;
}

/* As the draft derives its key: from d in as many bytes as the modulus has. */
static enum hufu_err rejection_secret(struct rsa_key *key, const BIGNUM *d)
{
	uint8_t bytes[RSA_MAX_LEN];

	if (BN_bn2binpad(d, bytes, (int)key->len) < 0)
		return HUFU_ERR_KEY_VALUE;
	enum hufu_err err = hash_once(HASH_SHA256, bytes, key->len, key->rejection);
	secret_wipe(bytes, sizeof(bytes));
	return err;
}

/* Into zeroed memory, whose epoch is set whatever happens. */
static enum hufu_err key_init(struct rsa_key *key, const struct rsa_numbers *numbers)
{
	key->epoch = libcrypto_epoch();
	key->rsa = public_rsa(numbers);
	if (!key->rsa || (numbers->nparts == RSA_NPARTS && !add_private(key->rsa, numbers)))
		return HUFU_ERR_NO_MEMORY;
	key->nbits = (uint32_t)BN_num_bits(numbers->part[RSA_N]);
	key->len = (key->nbits + 7) / 8;
	(void)BN_bn2binpad(numbers->part[RSA_N], key->n, (int)key->len);
	return numbers->nparts == RSA_NPARTS ? rejection_secret(key, numbers->part[RSA_D]) : HUFU_OK;
}

static void key_free(struct rsa_key *key)
{
	if (key)
		RSA_free(key->rsa);
	secret_free(key);
}

/* -- the functions --------------------------------------------------------------- */

static enum hufu_err power(const struct rsa_key *key, bool private, const uint8_t *x, uint8_t *out)
{
	int len = (int)key->len;
	int done = private ? RSA_private_decrypt(len, x, out, key->rsa, RSA_NO_PADDING) :
	                     RSA_public_encrypt(len, x, out, key->rsa, RSA_NO_PADDING);

	return done == len ? HUFU_OK : HUFU_ERR_CORRUPT;
}

bool rsa_in_range(const struct rsa_key *key, const uint8_t *x)
{
	return memcmp(x, key->n, key->len) < 0;
}

enum hufu_err rsa_public(struct rsa_key *key, const uint8_t *x, uint8_t *out)
{
	soft_evp_begin();
	return soft_evp_end(power(key, false, x, out));
}

/*
 * libcrypto raises the CRT's result to e before it lets it go, and where that is not x gives x^d mod n instead
 * (rsa_ossl_mod_exp): a fault in one half of the CRT shows no prime. To do it again here would cost 3 to 8 parts in a
 * hundred. What IBM Z's coprocessor gives, newer versions let go as it is.
 */
#ifdef __s390x__
#define CRT_IS_CHECKED false
#else
#define CRT_IS_CHECKED true
#endif

static enum hufu_err undo(const struct rsa_key *key, const uint8_t *x, const uint8_t *out)
{
	uint8_t again[RSA_MAX_LEN];
	enum hufu_err err = power(key, false, out, again);

	if (err == HUFU_OK && !secret_equal(x, again, key->len))
		err = HUFU_ERR_CORRUPT;
	secret_wipe(again, sizeof(again));
	return err;
}

enum hufu_err rsa_private(struct rsa_key *key, const uint8_t *x, uint8_t *out)
{
	soft_evp_begin();
	enum hufu_err err = power(key, true, x, out);
	if (err == HUFU_OK && !CRT_IS_CHECKED)
		err = undo(key, x, out);
	if (err != HUFU_OK)
		secret_wipe(out, key->len);
	return soft_evp_end(err);
}

/* -- does the key undo what its public half does? ------------------------------------ */

/* No other check here finds out primes that are none. Any number serves that is below n and no small power. */
static enum hufu_err check_pair(const struct rsa_key *key)
{
	uint8_t x[RSA_MAX_LEN], y[RSA_MAX_LEN];

	memset(x, 0x55, key->len);
	x[0] = 0;
	enum hufu_err err = power(key, true, x, y);
	if (err == HUFU_OK)
		err = undo(key, x, y);
	secret_wipe(y, sizeof(y));
	return err;
}

/* -- loading ------------------------------------------------------------------- */

/* Copies are ours, checked when they were made: what is wrong with one is the store's fault, yet does no harm. */
static enum hufu_err check_copy(const struct rsa_numbers *numbers)
{
	enum hufu_err err = rsa_numbers_check(numbers);

	for (size_t i = 0; i < numbers->nparts && err == HUFU_OK; i++)
		if (BN_is_zero(numbers->part[i]))
			err = HUFU_ERR_KEY_VALUE;
	return err;
}

static enum hufu_err expand(const struct soft_kind *kind, const struct hufu_key *hufu_key, void *loaded)
{
	struct rsa_numbers numbers;

	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, kind->type == HUFU_KEY_RSA_PRIVATE ? RSA_NPARTS : RSA_NPUBLIC);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, hufu_key->blob, hufu_key->blob_len);
	if (err == HUFU_OK)
		err = check_copy(&numbers);
	if (err == HUFU_OK)
		err = key_init(loaded, &numbers);
	if (err == HUFU_OK && numbers.nparts == RSA_NPARTS)
		err = check_pair(loaded);
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

static void forget(void *loaded)
{
	RSA_free(((struct rsa_key *)loaded)->rsa);
}

enum hufu_err rsa_load(const struct hufu_host *host, struct hufu_op *op, struct rsa_key **out)
{
	const void *loaded;

	if ((op->in_len && !op->in) || (op->in2_len && !op->in2))
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = soft_load(host, op->key, &loaded);
	*out = (struct rsa_key *)(uintptr_t)loaded;
	return err;
}

/* -- taking in ---------------------------------------------------------------------- */

static enum hufu_err try_pair(const struct rsa_numbers *numbers)
{
	struct rsa_key *key = secret_alloc(sizeof(*key));
	enum hufu_err err = key ? key_init(key, numbers) : HUFU_ERR_NO_MEMORY;

	if (err == HUFU_OK)
		err = check_pair(key);
	key_free(key);
	return err == HUFU_ERR_CORRUPT ? HUFU_ERR_KEY_VALUE : err;
}

static void give_public(struct hufu_op *op, const struct rsa_numbers *numbers)
{
	uint8_t spki[HUFU_PUB_MAX];

	rsa_spki_write(numbers, spki);
	soft_give_public(op, spki, rsa_spki_len(numbers));
}

/* A private key with all its parts: tried, then both copies of it. */
static enum hufu_err give_pair(struct hufu_op *op, const struct rsa_numbers *numbers)
{
	enum hufu_err err = soft_room(op, rsa_pkcs8_len(numbers));

	if (err == HUFU_OK)
		err = try_pair(numbers);
	if (err != HUFU_OK)
		return err;
	rsa_pkcs8_write(numbers, op->out);
	give_public(op, numbers);
	return HUFU_OK;
}

static enum hufu_err import_private(const struct hufu_host *host, struct hufu_op *op)
{
	struct rsa_numbers numbers;

	(void)host;
	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPARTS);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, op->in, op->in_len);
	if (err == HUFU_OK)
		err = rsa_numbers_complete(&numbers);
	if (err == HUFU_OK)
		err = give_pair(op, &numbers);
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

/* What was read strictly is the normal form already. */
static enum hufu_err import_public(const struct hufu_host *host, struct hufu_op *op)
{
	struct rsa_numbers numbers;

	(void)host;
	soft_evp_begin();
	enum hufu_err err = rsa_numbers_init(&numbers, RSA_NPUBLIC);
	if (err == HUFU_OK)
		err = rsa_numbers_read(&numbers, op->in, op->in_len);
	if (err == HUFU_OK)
		err = rsa_numbers_check(&numbers);
	rsa_numbers_clear(&numbers);
	if (err == HUFU_OK) {
		memcpy(op->out, op->in, op->in_len);
		soft_give_public(op, op->in, op->in_len);
	}
	return soft_evp_end(err);
}

/* -- making ------------------------------------------------------------------------------ */

struct limit {
	const struct hufu_host *host;
	uint64_t deadline_ns;
};

static bool is_over(const struct limit *limit)
{
	return limit->deadline_ns && limit->host->now_ns() >= limit->deadline_ns;
}

/* Comes between candidates for a prime; 0 ends the search. */
static int go_on(EVP_PKEY_CTX *ctx)
{
	return !is_over(EVP_PKEY_CTX_get_app_data(ctx));
}

/* Primes from libcrypto's own random generator: it has no door for ours. */
static EVP_PKEY *make_pair(uint32_t nbits, BIGNUM *e, struct limit *limit)
{
	EVP_PKEY_CTX *ctx = rsa_context();
	EVP_PKEY *pkey = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)nbits) == 1 &&
	    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1) {
		EVP_PKEY_CTX_set_app_data(ctx, limit);
		EVP_PKEY_CTX_set_cb(ctx, go_on);
		(void)EVP_PKEY_keygen(ctx, &pkey);
	}
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* A failure of libcrypto's in time is one of its generator, or of memory. */
static enum hufu_err make_numbers(uint32_t nbits, struct limit *limit, struct rsa_numbers *numbers)
{
	EVP_PKEY *pkey = make_pair(nbits, numbers->part[RSA_E], limit);
	bool complete = pkey;

	for (size_t i = 0; i < RSA_NPARTS && complete; i++)
		complete = EVP_PKEY_get_bn_param(pkey, param_names[i], &numbers->part[i]);
	EVP_PKEY_free(pkey);
	if (!complete)
		return is_over(limit) ? HUFU_ERR_DEADLINE : HUFU_ERR_RANDOM;
	return (uint32_t)BN_num_bits(numbers->part[RSA_N]) == nbits ? HUFU_OK : HUFU_ERR_CORRUPT;
}

static enum hufu_err check_request(const struct hufu_op *op)
{
	const struct hufu_param_rsa_gen *param = op->param;

	if (op->new_type != HUFU_KEY_RSA_PRIVATE)
		return HUFU_ERR_KEY_TYPE;
	if (!param || (param->public_exponent && (!param->public_exponent_len || param->public_exponent_len > RSA_MAX_LEN)))
		return HUFU_ERR_PARAM;
	return param->nbits >= RSA_GEN_MIN_NBITS && param->nbits <= RSA_GEN_MAX_NBITS && param->nbits % 8 == 0 ? HUFU_OK :
	                                                                                                      HUFU_ERR_KEY_SIZE;
}

static enum hufu_err read_exponent(const struct hufu_param_rsa_gen *param, BIGNUM *e)
{
	static const uint8_t f4[] = {1, 0, 1};
	const uint8_t *bytes = param->public_exponent ? param->public_exponent : f4;
	size_t len = param->public_exponent ? param->public_exponent_len : sizeof(f4);

	if (!BN_bin2bn(bytes, (int)len, e))
		return HUFU_ERR_NO_MEMORY;
	return rsa_exponent_fits(e, (int)param->nbits) ? HUFU_OK : HUFU_ERR_PARAM;
}

/* The room is looked at first: to make a key takes seconds. */
static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op, struct rsa_numbers *numbers)
{
	const struct hufu_param_rsa_gen *param = op->param;
	struct limit limit = {host, op->deadline_ns};
	enum hufu_err err = read_exponent(param, numbers->part[RSA_E]);

	if (err == HUFU_OK)
		err = soft_room(op, rsa_pkcs8_max(param->nbits / 8, (size_t)BN_num_bytes(numbers->part[RSA_E])));
	if (err == HUFU_OK)
		err = make_numbers(param->nbits, &limit, numbers);
	return err == HUFU_OK ? give_pair(op, numbers) : err;
}

enum hufu_err rsa_generate(const struct hufu_host *host, struct hufu_op *op)
{
	struct rsa_numbers numbers;
	enum hufu_err err = check_request(op);

	if (err != HUFU_OK)
		return err;
	if (!libcrypto_context())
		return HUFU_ERR_NO_MEMORY;
	soft_evp_begin();
	err = rsa_numbers_init(&numbers, RSA_NPARTS);
	if (err == HUFU_OK)
		err = generate(host, op, &numbers);
	rsa_numbers_clear(&numbers);
	return soft_evp_end(err);
}

const struct soft_kind soft_rsa_kinds[] = {
	{HUFU_KEY_RSA_PRIVATE, 1, PRIVATE_MAX, sizeof(struct rsa_key), expand, forget, import_private, true},
	{HUFU_KEY_RSA_PUBLIC, 1, HUFU_PUB_MAX, sizeof(struct rsa_key), expand, forget, import_public, true},
	{0, 0, 0, 0, NULL, NULL, NULL, false},
};
