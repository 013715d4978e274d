/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever a program does with keys of a token through libcrypto (parameters of any type, length and
 * name, texts without an end, contexts that were never begun or begun anew, copies, threads, a provider that is gone) is
 * done or refused; nothing breaks, and the key goes on signing. Under AddressSanitizer that is worth most.
 */
#include "tests/conformance/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <pthread.h>

static const uint8_t message[100] = "hostile";

static bool signs(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[512];
	size_t len = sizeof sig;
	const char *md = EVP_PKEY_is_a(key, "SM2") ? "SM3" : EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC") ? "SHA256" : NULL;
	bool good = EVP_DigestSignInit_ex(ctx, NULL, md, with_hufu, NULL, key, NULL) == 1 &&
	            EVP_DigestSign(ctx, sig, &len, message, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

static EVP_PKEY_CTX *generation(const char *type)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(with_hufu, type, "provider=hufu");

	CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
	CU_ASSERT_EQUAL(EVP_PKEY_keygen_init(ctx), 1);
	return ctx;
}

/* -- parameters ---------------------------------------------------------------------------- */

/* A text as long as it says, and nothing behind it. */
static int set_unended(EVP_PKEY_CTX *ctx, const char *name, const char *text)
{
	size_t len = strlen(text);
	char *bare = malloc(len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(bare);
	memcpy(bare, text, len);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(name, bare, len), OSSL_PARAM_END};
	int set = EVP_PKEY_CTX_set_params(ctx, params);
	free(bare);
	return set;
}

static void test_texts_without_end(void)
{
	EVP_PKEY_CTX *ctx = generation("EC");
	EVP_PKEY *key = NULL;

	GOOD(set_unended(ctx, OSSL_PKEY_PARAM_GROUP_NAME, "P-256"));
	GOOD(set_unended(ctx, "pkcs11_key_usage", "digitalSignature"));
	FAILS(set_unended(ctx, OSSL_PKEY_PARAM_GROUP_NAME, "P-25") == 1, REASON_PARAMETER);
	GOOD(set_unended(ctx, OSSL_PKEY_PARAM_GROUP_NAME, "P-256"));
	FAILS(set_unended(ctx, "pkcs11_uri", "pkcs11:nothing=known") == 1, REASON_URI);
	EVP_PKEY_CTX_free(ctx);

	ctx = EVP_PKEY_CTX_new_from_name(with_hufu, "EC", "provider=hufu");
	char *bare = malloc(10);
	memcpy(bare, "prime256v1", 10);
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, bare, 10), OSSL_PARAM_END};
	CU_ASSERT_EQUAL(EVP_PKEY_fromdata_init(ctx), 1);
	GOOD(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEY_PARAMETERS, params));
	free(bare);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
}

static const unsigned types[] = {OSSL_PARAM_INTEGER, OSSL_PARAM_UNSIGNED_INTEGER, OSSL_PARAM_REAL, OSSL_PARAM_UTF8_STRING,
                                 OSSL_PARAM_OCTET_STRING, OSSL_PARAM_UTF8_PTR, OSSL_PARAM_OCTET_PTR, 99};
static const size_t sizes[] = {0, 1, 4, 8, 80};
#define NTYPES (sizeof types / sizeof *types)
#define NSIZES (sizeof sizes / sizeof *sizes)

/* Each parameter as every type and size, with data and without. */
static void with_each(const char *name, void (*try)(OSSL_PARAM *, void *), void *arg)
{
	char data[80], *const pointer = data;

	for (size_t t = 0; t < NTYPES; t++)
		for (size_t i = 0; i < 2 * NSIZES; i++) {
			memset(data, 'x', sizeof data);
			memcpy(data, &pointer, sizeof pointer);
			OSSL_PARAM params[] = {{name, types[t], i % 2 ? data : NULL, sizes[i / 2], OSSL_PARAM_UNMODIFIED}, OSSL_PARAM_END};
			try(params, arg);
			ERR_clear_error();
		}
}

static void try_generation(OSSL_PARAM *params, void *ctx)
{
	(void)EVP_PKEY_CTX_set_params(ctx, params);
}

static void try_import(OSSL_PARAM *params, void *ctx)
{
	EVP_PKEY *key = NULL;

	(void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	CU_ASSERT(!key || !EVP_PKEY_eq(key, key) || EVP_PKEY_get_bits(key) >= 0);
	EVP_PKEY_free(key);
}

static void try_reading(OSSL_PARAM *params, void *key)
{
	(void)EVP_PKEY_get_params(key, params);
}

static const struct {
	const char *type, *label;
} kinds[] = {{"RSA", "rsa"}, {"EC", "p256"}, {"SM2", "sm2"}, {"ED25519", "ed25519"}, {"X448", "x448"}};
#define NKINDS (sizeof kinds / sizeof *kinds)

static void test_parameters(void)
{
	for (size_t k = 0; k < NKINDS; k++) {
		EVP_PKEY_CTX *ctx = generation(kinds[k].type);
		for (const OSSL_PARAM *p = EVP_PKEY_CTX_settable_params(ctx); p && p->key; p++)
			with_each(p->key, try_generation, ctx);
		EVP_PKEY_CTX_free(ctx);
		ctx = EVP_PKEY_CTX_new_from_name(with_hufu, kinds[k].type, "provider=hufu");
		CU_ASSERT_EQUAL(EVP_PKEY_fromdata_init(ctx), 1);
		for (const OSSL_PARAM *p = EVP_PKEY_fromdata_settable(ctx, EVP_PKEY_PUBLIC_KEY); p && p->key; p++)
			with_each(p->key, try_import, ctx);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY *key = provider_private(kinds[k].label);
		for (const OSSL_PARAM *p = EVP_PKEY_gettable_params(key); p && p->key; p++)
			with_each(p->key, try_reading, key);
		CU_ASSERT(strcmp(kinds[k].type, "X448") == 0 || signs(key));
		EVP_PKEY_free(key);
	}
}

static void test_nothing_makes_no_key(void)
{
	for (size_t k = 0; k < NKINDS; k++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(with_hufu, kinds[k].type, "provider=hufu");
		OSSL_PARAM none[] = {OSSL_PARAM_END};
		EVP_PKEY *key = NULL;
		CU_ASSERT_EQUAL(EVP_PKEY_fromdata_init(ctx), 1);
		FAILS(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, none) == 1, REASON_KEY_TYPE);
		EVP_PKEY_free(key);
		EVP_PKEY_CTX_free(ctx);
	}
}

/* -- contexts ------------------------------------------------------------------------------ */

static void test_contexts_not_begun(void)
{
	for (size_t k = 0; k < NKINDS; k++) {
		EVP_PKEY *key = provider_private(kinds[k].label);
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(with_hufu, key, "provider=hufu");
		uint8_t out[512];
		size_t len = sizeof out;
		CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
		CU_ASSERT(EVP_PKEY_sign(ctx, out, &len, message, 32) <= 0);
		CU_ASSERT(EVP_PKEY_verify(ctx, out, 64, message, 32) <= 0);
		CU_ASSERT(EVP_PKEY_decrypt(ctx, out, &len, message, 64) <= 0);
		CU_ASSERT(EVP_PKEY_derive(ctx, out, &len) <= 0);
		EVP_PKEY_CTX *copy = EVP_PKEY_CTX_dup(ctx);
		EVP_PKEY_CTX_free(ctx);
		EVP_PKEY_CTX_free(copy);
		CU_ASSERT(strcmp(kinds[k].type, "X448") == 0 || signs(key));
		EVP_PKEY_free(key);
	}
	ERR_clear_error();
}

/* An agreement whose other side was not given; and begun anew for a signature. */
static void test_contexts_amid(void)
{
	EVP_PKEY *key = provider_private("p256"), *parameters = EVP_PKEY_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(with_hufu, key, NULL);
	uint8_t out[512];
	size_t len = sizeof out;

	CU_ASSERT_EQUAL(EVP_PKEY_derive_init(ctx), 1);
	CU_ASSERT(EVP_PKEY_derive(ctx, out, &len) <= 0);
	CU_ASSERT_EQUAL(EVP_PKEY_copy_parameters(parameters, key), 1);
	CU_ASSERT(EVP_PKEY_derive_set_peer_ex(ctx, parameters, 0) <= 0);
	EVP_PKEY_CTX *copy = EVP_PKEY_CTX_dup(ctx);
	CU_ASSERT_PTR_NOT_NULL(copy);
	CU_ASSERT(EVP_PKEY_derive(copy, out, &len) <= 0);
	ERR_clear_error();
	GOOD(EVP_PKEY_sign_init(ctx));
	len = sizeof out;
	GOOD(EVP_PKEY_sign(ctx, out, &len, message, 32));
	EVP_PKEY_free(key); /* the contexts have it still */
	len = sizeof out;
	GOOD(EVP_PKEY_sign(ctx, out, &len, message, 32));
	EVP_PKEY_CTX_free(copy);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(parameters);
}

/* With nothing but what the context has: the same key and digest once more, in the midst of a message, too. */
static void test_begun_anew(void)
{
	EVP_PKEY *key = provider_private("sm2");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[512];

	GOOD(EVP_DigestSignInit_ex(ctx, NULL, "SM3", with_hufu, NULL, key, NULL));
	EVP_PKEY_free(key);
	for (int i = 0; i < 3; i++) {
		size_t len = sizeof sig;
		GOOD(EVP_DigestSignUpdate(ctx, message, sizeof message));
		GOOD(EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, NULL, NULL));
		GOOD(EVP_DigestSignUpdate(ctx, NULL, 0));
		GOOD(EVP_DigestSignFinal(ctx, sig, &len));
		CU_ASSERT(len > 0);
	}
	EVP_MD_CTX_free(ctx);
}

/* -- copies -------------------------------------------------------------------------------- */

static void test_copies_are_apart(void)
{
	EVP_PKEY *key = provider_private("p256"), *other = provider_private("p256"), *first = EVP_PKEY_new();
	uint8_t *point = NULL;

	GOOD(EVP_PKEY_copy_parameters(first, key));
	EVP_PKEY *second = EVP_PKEY_dup(first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	size_t len = EVP_PKEY_get1_encoded_public_key(other, &point);
	GOOD(EVP_PKEY_set1_encoded_public_key(second, point, len));
	CU_ASSERT_EQUAL(EVP_PKEY_eq(second, other), 1);
	CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(first, other), 1);
	EVP_PKEY *third = EVP_PKEY_new(); /* with the parameters of one that is public, and nothing else of it */
	GOOD(EVP_PKEY_copy_parameters(third, second));
	GOOD(EVP_PKEY_set1_encoded_public_key(third, point, len));
	OPENSSL_free(point);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(first);
	EVP_PKEY_free(second);
	EVP_PKEY_free(third);
}

/* -- threads, and the provider's end --------------------------------------------------------- */

static void *sign_and_free(void *arg)
{
	EVP_PKEY *key = arg;
	uintptr_t n = 0;

	for (int i = 0; i < 20; i++)
		n += signs(key);
	EVP_PKEY_free(key);
	return (void *)n;
}

static void test_threads_on_one_key(void)
{
	EVP_PKEY *key = provider_private("p256");
	pthread_t threads[4];
	void *n;

	for (int i = 0; i < 4; i++) {
		EVP_PKEY_up_ref(key);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, sign_and_free, key), 0);
	}
	EVP_PKEY_free(key);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &n);
		CU_ASSERT_EQUAL((uintptr_t)n, 20);
	}
}

/* libcrypto keeps a provider until the last of its keys has gone, though it was unloaded. */
static void test_key_outlives_provider(void)
{
	OSSL_LIB_CTX *own = OSSL_LIB_CTX_new(), *before = with_hufu;
	char modules[512];

	snprintf(modules, sizeof modules, "%s/.libs", getenv("top_builddir") ? getenv("top_builddir") : ".");
	GOOD(OSSL_PROVIDER_set_default_search_path(own, modules));
	OSSL_PROVIDER *standard = OSSL_PROVIDER_load(own, "default"), *hufu = provider_load(own);
	with_hufu = own;
	EVP_PKEY *key = provider_private("sm2");
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	GOOD(EVP_DigestSignInit_ex(ctx, NULL, "SM3", own, NULL, key, NULL));
	CU_ASSERT_EQUAL(OSSL_PROVIDER_unload(hufu), 1);
	uint8_t sig[512];
	size_t len = sizeof sig;
	GOOD(EVP_DigestSign(ctx, sig, &len, message, sizeof message));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	OSSL_PROVIDER_unload(standard);
	OSSL_LIB_CTX_free(own);
	with_hufu = before;
}

static const struct unit_case cases[] = {
	{"the provider is loaded, over a token with keys of all kinds", provider_up},
	{"texts of parameters that have no zero behind them are read to their end", test_texts_without_end},
	{"parameters of any type and size, to make, take over and read keys, break nothing", test_parameters},
	{"without parameters no key comes of them", test_nothing_makes_no_key},
	{"contexts that were never begun refuse", test_contexts_not_begun},
	{"an agreement without another side refuses, and its context signs", test_contexts_amid},
	{"a signature is begun anew with what its context has", test_begun_anew},
	{"copies of a key's parameters do not share what is done to one of them", test_copies_are_apart},
	{"threads sign with one key, whoever frees it first", test_threads_on_one_key},
	{"a key serves though its provider was unloaded", test_key_outlives_provider},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("hostile programs", cases)
