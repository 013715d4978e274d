/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: keys and certificates of a token are had by their URIs as from any store, their
 * public halves are what the default provider makes of the token's public objects, and their private halves stay.
 */
#include "tests/conformance/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- finding -------------------------------------------------------------------------------- */

static void test_all_kinds(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *private = provider_private(*label);
		EVP_PKEY *public = provider_key_at(provider_uri(*label, "public"), OSSL_STORE_INFO_PUBKEY);
		CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(private)), "hufu");
		if (GOOD(public != NULL)) {
			CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(public)), "default");
			GOOD(EVP_PKEY_eq(private, public));
			GOOD(EVP_PKEY_eq(public, private));
			CU_ASSERT_STRING_EQUAL(EVP_PKEY_get0_type_name(private), EVP_PKEY_get0_type_name(public));
		}
		EVP_PKEY_free(private);
		EVP_PKEY_free(public);
	}
}

static void test_unlike(void)
{
	EVP_PKEY *private = provider_private("p256"), *other = provider_public("p384"), *sm2 = provider_public("sm2");
	CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(private, other), 1);
	CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(private, sm2), 1);
	EVP_PKEY_free(private);
	EVP_PKEY_free(other);
	EVP_PKEY_free(sm2);
	ERR_clear_error();
}

static size_t count_at(const char *uri, int expect)
{
	size_t n = 0;
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, with_hufu, NULL, NULL, NULL, NULL, NULL, NULL);
	if (!GOOD(store != NULL))
		return 0;
	if (expect)
		GOOD(OSSL_STORE_expect(store, expect));
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		n += info != NULL;
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return n;
}

static void test_listing(void)
{
	char uri[4200];
	size_t npairs = sizeof (const char *[]){PAIRS} / sizeof (char *);
	snprintf(uri, sizeof uri, "pkcs11:token=test?pin-source=%s", provider_pin_file());
	CU_ASSERT_EQUAL(count_at(uri, 0), 2 * npairs);
	CU_ASSERT_EQUAL(count_at(uri, OSSL_STORE_INFO_PKEY), npairs);
	CU_ASSERT_EQUAL(count_at("pkcs11:token=test", OSSL_STORE_INFO_PUBKEY), npairs);
	CU_ASSERT_EQUAL(count_at("pkcs11:token=test;type=public", 0), npairs);
	ERR_clear_error();
}

static const struct unit_case cases[] = {
	{"the provider is loaded, over a token with keys of all kinds", provider_up},
	{"a private key comes from hufu, its public half is that of the token's public key, which is the default provider's", test_all_kinds},
	{"keys that do not belong together are not equal", test_unlike},
	{"without a name a token lists what it has, of the kind that is expected", test_listing},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("provider keys", cases)
