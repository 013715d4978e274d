/* SPDX-License-Identifier: Apache-2.0 */
/* RSA keys: made, taken in with what was left out, and those that are none. */
#include "driver_suite_rsa.h"

#include <openssl/core_names.h>

static enum hufu_err import(enum hufu_key_type type, const uint8_t *der, size_t len, struct output *out, size_t *out_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = der, .in_len = len, .out = out->bytes,
	                     .out_cap = sizeof(out->bytes), .pub = out->pub};
	enum hufu_err err = subject->run(&op, NULL);

	*out_len = op.out_len;
	return err;
}

/* -- PKCS#8 from numbers ---------------------------------------------------------- */

enum { N, E, D, P, Q, DP, DQ, QINV, NPARTS };

static const char *const names[NPARTS] = {
	OSSL_PKEY_PARAM_RSA_N,       OSSL_PKEY_PARAM_RSA_E,         OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};

struct numbers {
	BIGNUM *part[NPARTS];
};

static void numbers_of(const EVP_PKEY *pkey, struct numbers *numbers)
{
	*numbers = (struct numbers){0};
	for (size_t i = 0; i < NPARTS; i++)
		CU_ASSERT_FATAL(EVP_PKEY_get_bn_param(pkey, names[i], &numbers->part[i]) == 1);
}

static void numbers_free(struct numbers *numbers)
{
	for (size_t i = 0; i < NPARTS; i++)
		BN_free(numbers->part[i]);
}

static size_t put_head(uint8_t *out, uint8_t tag, size_t len)
{
	out[0] = tag;
	out[1] = 0x82;
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	if (len < 0x80)
		out[1] = out[3];
	else if (len < 0x100)
		out[1] = 0x81, out[2] = out[3];
	return len < 0x80 ? 2 : len < 0x100 ? 3 : 4;
}

/* What is behind p, as the content of one more element in front of it. */
static size_t wrap(uint8_t tag, const uint8_t *content, size_t len, uint8_t *out)
{
	size_t head = put_head(out, tag, len);

	memcpy(out + head, content, len);
	return head + len;
}

/* skip: a bit for each part that is written as 0. */
static size_t pkcs8_of(const struct numbers *numbers, unsigned skip, uint8_t out[RSA_DER_MAX])
{
	static const uint8_t front[] = {2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0};
	uint8_t a[RSA_DER_MAX] = {2, 1, 0}, b[RSA_DER_MAX];
	size_t len = 3;

	for (size_t i = 0; i < NPARTS; i++) {
		uint8_t bytes[1040] = {0};
		size_t n = skip >> i & 1 ? 1 : (size_t)BN_num_bits(numbers->part[i]) / 8 + 1;

		if (!(skip >> i & 1))
			CU_ASSERT(BN_bn2binpad(numbers->part[i], bytes, (int)n) >= 0);
		len += wrap(2, bytes, n, a + len);
	}
	len = wrap(0x30, a, len, b);
	memcpy(a, front, sizeof(front));
	len = sizeof(front) + wrap(4, b, len, a + sizeof(front));
	return wrap(0x30, a, len, out);
}

/* -- what is completed --------------------------------------------------------------- */

/* All but n, e and d may be missing, in any combination that the primes follow from. */
void suite_rsa_import_completes(void)
{
	struct rsa_pair pair = rsa_pair_of_bits(1024);
	uint8_t whole[RSA_DER_MAX], der[RSA_DER_MAX], *spki = NULL;
	size_t whole_len = rsa_pkcs8(pair.pkey, whole), len;
	int spki_len = i2d_PUBKEY(pair.pkey, &spki);
	struct numbers numbers;
	struct output out;

	numbers_of(pair.pkey, &numbers);
	if (BN_cmp(numbers.part[P], numbers.part[Q]) < 0)
		CU_FAIL("libcrypto has its primes the other way round");
	CU_ASSERT(pkcs8_of(&numbers, 0, der) == whole_len && memcmp(der, whole, whole_len) == 0);
	for (unsigned skip = 0; skip < 1u << NPARTS; skip += 1u << P) {
		struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = HUFU_KEY_RSA_PRIVATE, .in = der,
		                     .in_len = pkcs8_of(&numbers, skip, der)};

		CU_ASSERT(run_checked(&op, NULL, &out) == HUFU_OK && op.out_len == whole_len);
		ASSERT_SAME(out.bytes, whole, whole_len);
		CU_ASSERT(op.pub_len == (size_t)spki_len);
		ASSERT_SAME(out.pub, spki, (size_t)spki_len);
	}
	for (unsigned part = N; part <= D; part++)
		CU_ASSERT(import(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&numbers, 1u << part, der), &out, &len) != HUFU_OK);
	OPENSSL_free(spki);
	numbers_free(&numbers);
	rsa_pair_free(&pair);
}

/* Primes of 4096 bits: 3 * 2^4094 and a bit. The largest key there is, from n, e and d alone. */
void suite_rsa_import_largest(void)
{
	struct numbers numbers = {0};
	uint8_t der[RSA_DER_MAX], text[100];
	BN_CTX *ctx = BN_CTX_new();
	struct output out;
	size_t len;

	for (size_t i = 0; i < NPARTS; i++)
		CU_ASSERT_FATAL((numbers.part[i] = BN_new()) != NULL);
	BIGNUM *p = numbers.part[P], *q = numbers.part[Q], *phi = numbers.part[DP];
	CU_ASSERT_FATAL(ctx && BN_set_word(p, 3) && BN_lshift(p, p, 4094) && BN_copy(q, p));
	CU_ASSERT_FATAL(BN_add_word(p, 8099) && BN_add_word(q, 3389));
	CU_ASSERT(BN_mul(numbers.part[N], p, q, ctx) && BN_set_word(numbers.part[E], 65537) && BN_copy(phi, numbers.part[N]) &&
	          BN_sub(phi, phi, p) && BN_sub(phi, phi, q) && BN_add_word(phi, 1));
	CU_ASSERT_FATAL(BN_mod_inverse(numbers.part[D], numbers.part[E], phi, ctx) != NULL);
	CU_ASSERT_FATAL(import(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&numbers, 0xf8, der), &out, &len) == HUFU_OK);
	struct rsa_pair pair = rsa_pair_of_der(out.bytes, len);
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_RSA_PKCS, .in = text, .in_len = sizeof(text)};

	fill_pattern(text, sizeof(text), 1);
	CU_ASSERT(run_checked(&op, pair.public, &out) == HUFU_OK && op.out_len == 1024);
	op = (struct hufu_op){.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS, .in = memcpy(der, out.bytes, 1024), .in_len = 1024};
	CU_ASSERT(run_checked(&op, pair.private, &out) == HUFU_OK && op.out_len == sizeof(text));
	ASSERT_SAME(out.bytes, text, sizeof(text));
	rsa_pair_free(&pair);
	BN_CTX_free(ctx);
	numbers_free(&numbers);
}

/* -- what is none ---------------------------------------------------------------------- */

/* Each part one off, with the rest there and with the rest missing. */
static void refuse_numbers(const struct numbers *right)
{
	uint8_t der[RSA_DER_MAX];
	struct output out;
	size_t len;

	for (size_t i = 0; i < NPARTS; i++)
		for (BN_ULONG by = 1; by <= 2; by++) {
			struct numbers wrong = *right;

			wrong.part[i] = BN_dup(right->part[i]);
			CU_ASSERT_FATAL(wrong.part[i] && BN_add_word(wrong.part[i], by));
			CU_ASSERT(import(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&wrong, 0, der), &out, &len) == HUFU_ERR_KEY_VALUE);
			CU_ASSERT(import(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&wrong, 0xf8 & ~(1u << i), der), &out, &len) ==
			          HUFU_ERR_KEY_VALUE);
			BN_free(wrong.part[i]);
		}
}

/* d that fits e, of a modulus that is one prime: no base splits it, and it ends all the same. */
static void refuse_prime_modulus(void)
{
	struct numbers numbers = {0};
	uint8_t der[RSA_DER_MAX];
	BN_CTX *ctx = BN_CTX_new();
	struct output out;
	size_t len;

	for (size_t i = 0; i < NPARTS; i++)
		CU_ASSERT_FATAL((numbers.part[i] = BN_new()) != NULL);
	do {
		CU_ASSERT_FATAL(BN_generate_prime_ex(numbers.part[N], 1024, 0, NULL, NULL, NULL) && BN_set_word(numbers.part[E], 65537));
		CU_ASSERT_FATAL(BN_copy(numbers.part[P], numbers.part[N]) && BN_sub_word(numbers.part[P], 1));
	} while (!BN_mod_inverse(numbers.part[D], numbers.part[E], numbers.part[P], ctx));
	CU_ASSERT(import(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&numbers, 0xf8, der), &out, &len) == HUFU_ERR_KEY_VALUE);
	BN_CTX_free(ctx);
	numbers_free(&numbers);
}

/* A byte turned over, a byte less, a byte more: nothing of it is a key. */
static void refuse_bytes(enum hufu_key_type type, uint8_t *der, size_t len, bool every_bit_counts)
{
	struct output out;
	size_t out_len;

	for (size_t n = 0; n < len; n++)
		CU_ASSERT(import(type, n ? der : NULL, n, &out, &out_len) != HUFU_OK);
	der[len] = 0;
	CU_ASSERT(import(type, der, len + 1, &out, &out_len) == HUFU_ERR_KEY_VALUE);
	for (size_t at = 0; at < len && every_bit_counts; at++) {
		der[at] ^= 4;
		enum hufu_err err = import(type, der, len, &out, &out_len);
		CU_ASSERT(err == HUFU_ERR_KEY_VALUE || err == HUFU_ERR_KEY_SIZE);
		der[at] ^= 4;
	}
}

void suite_rsa_import_refuses(void)
{
	struct rsa_pair pair = rsa_pair_of_bits(1024);
	uint8_t der[RSA_DER_MAX + 1], *spki = NULL;
	struct numbers numbers;
	size_t len = rsa_pkcs8(pair.pkey, der);
	int spki_len = i2d_PUBKEY(pair.pkey, &spki);

	refuse_bytes(HUFU_KEY_RSA_PRIVATE, der, len, true);
	memcpy(der, spki, (size_t)spki_len);
	refuse_bytes(HUFU_KEY_RSA_PUBLIC, der, (size_t)spki_len, false);
	numbers_of(pair.pkey, &numbers);
	refuse_numbers(&numbers);
	refuse_prime_modulus();
	OPENSSL_free(spki);
	numbers_free(&numbers);
	rsa_pair_free(&pair);
}

/*
 * A copy that came to harm on its way, past the checks of import: what it
 * computes is not let go, for a wrong half of a signature tells the primes.
 */
void suite_rsa_fault(void)
{
	if (!subject->driver)
		UNIT_SKIP("a pool tries again elsewhere what comes out corrupt");
	struct rsa_pair pair = rsa_pair_of_bits(1024);
	uint8_t der[RSA_DER_MAX], in[128] = {0};
	struct numbers numbers;

	numbers_of(pair.pkey, &numbers);
	CU_ASSERT_FATAL(BN_add_word(numbers.part[D], 2) && BN_add_word(numbers.part[DP], 2));
	struct kit_key *harmed = subject->key_new(HUFU_KEY_RSA_PRIVATE, der, pkcs8_of(&numbers, 0, der));
	struct output out = {.bytes = {0}};
	struct hufu_op ops[] = {
		{.verb = HUFU_VERB_SIGN, .mechanism = CKM_RSA_PKCS, .in = in, .in_len = 51},
		{.verb = HUFU_VERB_DECRYPT, .mechanism = CKM_RSA_PKCS, .in = in, .in_len = 128},
	};
	in[127] = 7;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		static const uint8_t nothing[128];

		ops[i].out = out.bytes;
		ops[i].out_cap = sizeof(out.bytes);
		CU_ASSERT(subject->run(&ops[i], harmed) == HUFU_ERR_CORRUPT && ops[i].out_len == 0);
		ASSERT_SAME(out.bytes, nothing, sizeof(nothing));
	}
	subject->key_free(harmed);
	numbers_free(&numbers);
	rsa_pair_free(&pair);
}

/* n and e that no key has, or that would take too long. */
void suite_rsa_import_public(void)
{
	static const struct {
		int nbits, e_nbits;
		unsigned n_low, e_low; /* added to the highest bit */
		enum hufu_err err;
	} keys[] = {
		{1024, 2, 1, 1, HUFU_OK}, {8192, 17, 1, 1, HUFU_OK}, {3072, 256, 1, 1, HUFU_OK}, {8192, 64, 1, 1, HUFU_OK},
		{1023, 17, 1, 1, HUFU_ERR_KEY_SIZE}, {8193, 17, 1, 1, HUFU_ERR_KEY_SIZE}, {2048, 17, 0, 1, HUFU_ERR_KEY_VALUE},
		{2048, 17, 1, 0, HUFU_ERR_KEY_VALUE}, {2048, 1, 1, 0, HUFU_ERR_KEY_VALUE}, {3072, 257, 1, 1, HUFU_ERR_KEY_VALUE},
		{3080, 65, 1, 1, HUFU_ERR_KEY_VALUE},
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		static const uint8_t algorithm[] = {0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0};
		uint8_t n[1100] = {0}, e[130] = {0}, a[1200] = {0}, b[1200], der[1300];
		size_t n_len = (size_t)keys[i].nbits / 8 + 1, e_len = (size_t)keys[i].e_nbits / 8 + 1, len, out_len;
		struct output out;

		n[n_len - 1] = (uint8_t)keys[i].n_low;
		n[n_len - 1 - (size_t)(keys[i].nbits - 1) / 8] |= (uint8_t)(1 << (keys[i].nbits - 1) % 8);
		e[e_len - 1] = (uint8_t)keys[i].e_low;
		e[e_len - 1 - (size_t)(keys[i].e_nbits - 1) / 8] |= (uint8_t)(1 << (keys[i].e_nbits - 1) % 8);
		len = wrap(2, n, n_len, a);
		len += wrap(2, e, e_len, a + len);
		len = wrap(0x30, a, len, b + 1);
		b[0] = 0;
		memcpy(a, algorithm, sizeof(algorithm));
		len = sizeof(algorithm) + wrap(3, b, len + 1, a + sizeof(algorithm));
		len = wrap(0x30, a, len, der);
		CU_ASSERT(import(HUFU_KEY_RSA_PUBLIC, der, len, &out, &out_len) == keys[i].err);
		if (keys[i].err == HUFU_OK)
			CU_ASSERT(out_len == len && memcmp(out.bytes, der, len) == 0 && memcmp(out.pub, der, len) == 0);
	}
}

/* -- what is made ------------------------------------------------------------------------ */

static enum hufu_err generate(const void *param, enum hufu_key_type type, size_t room, struct output *out, size_t *len,
                              size_t *pub_len)
{
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .param = param, .new_type = type,
	                     .out = out->bytes, .out_cap = room, .pub = out->pub};
	enum hufu_err err = subject->run(&op, NULL);

	*len = op.out_len;
	*pub_len = op.pub_len;
	return err;
}

static void generate_one(uint32_t nbits, const char *e_hex)
{
	uint8_t e_bytes[16];
	size_t e_len = unit_hex(e_hex, e_bytes), len, pub_len;
	const struct hufu_param_rsa_gen param = {nbits, e_len ? e_bytes : NULL, e_len};
	struct output out;
	BIGNUM *e = NULL, *want = e_len ? BN_bin2bn(e_bytes, (int)e_len, NULL) : BN_bin2bn((const uint8_t *)"\1\0\1", 3, NULL);

	CU_ASSERT_FATAL(generate(&param, HUFU_KEY_RSA_PRIVATE, sizeof(out.bytes), &out, &len, &pub_len) == HUFU_OK);
	struct rsa_pair pair = rsa_pair_of_der(out.bytes, len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair.pkey, NULL);
	uint8_t *spki = NULL;

	CU_ASSERT(EVP_PKEY_check(ctx) == 1 && EVP_PKEY_get_bits(pair.pkey) == (int)nbits);
	CU_ASSERT(EVP_PKEY_get_bn_param(pair.pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_cmp(e, want) == 0);
	CU_ASSERT(i2d_PUBKEY(pair.pkey, &spki) == (int)pub_len && memcmp(spki, out.pub, pub_len) == 0);
	struct hufu_op op = {.verb = HUFU_VERB_EXPORT};
	struct output back;
	CU_ASSERT(run_checked(&op, pair.private, &back) == HUFU_OK && op.out_len == len);
	ASSERT_SAME(back.bytes, out.bytes, len);
	OPENSSL_free(spki);
	EVP_PKEY_CTX_free(ctx);
	BN_free(e);
	BN_free(want);
	rsa_pair_free(&pair);
}

void suite_rsa_generate(void)
{
	static const uint8_t zero[1], one[] = {1}, even[] = {1, 0, 0}, odd[33] = {1, [32] = 1};
	static const struct {
		struct hufu_param_rsa_gen param;
		enum hufu_err err;
	} refused[] = {
		{{2040, NULL, 0}, HUFU_ERR_KEY_SIZE}, {{1024, NULL, 0}, HUFU_ERR_KEY_SIZE}, {{4104, NULL, 0}, HUFU_ERR_KEY_SIZE},
		{{2049, NULL, 0}, HUFU_ERR_KEY_SIZE}, {{0, NULL, 0}, HUFU_ERR_KEY_SIZE}, {{UINT32_MAX, NULL, 0}, HUFU_ERR_KEY_SIZE},
		{{2048, zero, 0}, HUFU_ERR_PARAM}, {{2048, zero, 1}, HUFU_ERR_PARAM}, {{2048, one, 1}, HUFU_ERR_PARAM},
		{{2048, even, 3}, HUFU_ERR_PARAM}, {{2048, odd, 33}, HUFU_ERR_PARAM}, {{2048, odd, SIZE_MAX}, HUFU_ERR_PARAM},
	};
	struct output out;
	size_t len, pub_len;

	generate_one(2048, "");
	generate_one(2056, "03");
	generate_one(2048, "0000010001");
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		CU_ASSERT(generate(&refused[i].param, HUFU_KEY_RSA_PRIVATE, sizeof(out.bytes), &out, &len, &pub_len) == refused[i].err);
	const struct hufu_param_rsa_gen param = {2048, NULL, 0};
	CU_ASSERT(generate(&param, HUFU_KEY_RSA_PUBLIC, sizeof(out.bytes), &out, &len, &pub_len) == HUFU_ERR_KEY_TYPE);
	CU_ASSERT(generate(NULL, HUFU_KEY_RSA_PRIVATE, sizeof(out.bytes), &out, &len, &pub_len) == HUFU_ERR_PARAM);
	/* Too small a room costs no key. */
	CU_ASSERT(generate(&param, HUFU_KEY_RSA_PRIVATE, 1200, &out, &len, &pub_len) == HUFU_ERR_BUFFER && len > 1200 && len < 1250);
}
