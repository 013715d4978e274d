/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: keys are generated whole, wrapped only as policy allows, and come back the same; exact codes. */
#include "token_util.h"

#include "base/secret.h"
#include "token/asn1.h"

#include <openssl/evp.h>

static uint8_t message[64], iv[16];
static CK_GCM_PARAMS gcm_params;

static void up(void)
{
	rng_fill(message, sizeof message);
	rng_fill(iv, sizeof iv);
	gcm_params = (CK_GCM_PARAMS){.pIv = iv, .ulIvLen = 12, .ulTagBits = 128};
	token_up();
}

static CK_MECHANISM with_param(CK_MECHANISM_TYPE type)
{
	if (type == CKM_HUFU_SM4_GCM)
		return mechanism(type, &gcm_params, sizeof gcm_params);
	if (type == CKM_HUFU_SM4_CBC || type == CKM_HUFU_SM4_CBC_PAD)
		return mechanism(type, iv, 16);
	return mechanism(type, NULL, 0);
}

/* -- attributes ------------------------------------------------------------------------ */

#define A(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}

static CK_ULONG ulong_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE a = {type, &value, sizeof value};
	OK(object_get_attributes(session, key, &a, 1));
	return value;
}

static bool bool_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE a = {type, &value, sizeof value};
	OK(object_get_attributes(session, key, &a, 1));
	return value;
}

static CK_ULONG bytes_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, uint8_t *out, CK_ULONG room)
{
	CK_ATTRIBUTE a = {type, out, room};
	OK(object_get_attributes(session, key, &a, 1));
	return a.ulValueLen;
}

/* -- generating ----------------------------------------------------------------------------- */

static void test_generate_secret(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_KEY_TYPE key_type;
		CK_ULONG asked, len;
	} rows[] = {
		{CKM_HUFU_SM4_KEY_GEN, CKK_HUFU_SM4, 0, 16}, {CKM_HUFU_SM4_KEY_GEN, CKK_HUFU_SM4, 16, 16},
		{CKM_HUFU_ZUC_KEY_GEN, CKK_HUFU_ZUC, 0, 16},
		{CKM_HUFU_SM3_KEY_GEN, CKK_HUFU_SM3_HMAC, 1, 1}, {CKM_HUFU_SM3_KEY_GEN, CKK_HUFU_SM3_HMAC, 32, 32},
		{CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 4096, 4096},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CK_ATTRIBUTE templ[] = {A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes), A(CKA_VALUE_LEN, rows[i].asked)};
		CK_MECHANISM m = {rows[i].type, NULL, 0};
		CK_OBJECT_HANDLE a = 0, b = 0;
		static uint8_t one[4096], other[4096];
		OK(key_generate(session, &m, templ, rows[i].asked ? 3 : 2, &a));
		OK(key_generate(session, &m, templ, rows[i].asked ? 3 : 2, &b));
		CU_ASSERT(ulong_of(a, CKA_KEY_TYPE) == rows[i].key_type && ulong_of(a, CKA_VALUE_LEN) == rows[i].len);
		CU_ASSERT(bool_of(a, CKA_LOCAL) && ulong_of(a, CKA_KEY_GEN_MECHANISM) == rows[i].type);
		CU_ASSERT_EQUAL(bytes_of(a, CKA_VALUE, one, sizeof one), rows[i].len);
		CU_ASSERT_EQUAL(bytes_of(b, CKA_VALUE, other, sizeof other), rows[i].len);
		CU_ASSERT(rows[i].len == 1 || memcmp(one, other, rows[i].len) != 0);
	}
}

/* CKA_CHECK_VALUE of an SM4 key: the first three bytes of an encrypted block of zeros (4.10.2). */
static void test_check_value(void)
{
	CK_ATTRIBUTE templ[] = {A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
	CK_MECHANISM m = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_OBJECT_HANDLE key = 0;
	uint8_t value[16], kcv[3], block[32];
	static const uint8_t zeros[16];
	int n = 0;
	OK(key_generate(session, &m, templ, 2, &key));
	bytes_of(key, CKA_VALUE, value, 16);
	CU_ASSERT_EQUAL(bytes_of(key, CKA_CHECK_VALUE, kcv, 3), 3);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(c, EVP_sm4_ecb(), NULL, value, NULL);
	EVP_EncryptUpdate(c, block, &n, zeros, 16);
	EVP_CIPHER_CTX_free(c);
	ASSERT_SAME(kcv, block, 3);
}

static void test_generate_codes(void)
{
	CK_ULONG bad_lens[] = {0, 4097, (CK_ULONG)-1}, fifteen = 15;
	CK_MECHANISM sm4 = {CKM_HUFU_SM4_KEY_GEN, NULL, 0}, hmac = {CKM_HUFU_SM3_KEY_GEN, NULL, 0},
		pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_MECHANISM param = {CKM_HUFU_SM4_KEY_GEN, message, 1};
	CK_OBJECT_HANDLE key, other;
	CK_KEY_TYPE zuc = CKK_HUFU_ZUC;
	CK_ATTRIBUTE wrong_type = A(CKA_KEY_TYPE, zuc), wrong_len = A(CKA_VALUE_LEN, fifteen);
	CK_ATTRIBUTE value = {CKA_VALUE, message, 16};
	for (size_t i = 0; i < 3; i++) {
		CK_ATTRIBUTE len = A(CKA_VALUE_LEN, bad_lens[i]);
		IS(key_generate(session, &hmac, &len, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	}
	IS(key_generate(session, &sm4, &wrong_len, 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(key_generate(session, &sm4, &wrong_type, 1, &key), CKR_TEMPLATE_INCONSISTENT);
	IS(key_generate(session, &sm4, &value, 1, &key), CKR_ATTRIBUTE_READ_ONLY);
	IS(key_generate(session, &param, NULL, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	IS(key_generate(session, &pair, NULL, 0, &key), CKR_MECHANISM_INVALID);
	IS(key_generate_pair(session, &sm4, NULL, 0, NULL, 0, &key, &other), CKR_MECHANISM_INVALID);
	IS(key_derive(session, &sm4, sm4_key, NULL, 0, &key), CKR_MECHANISM_INVALID);
}

static void sign_and_verify(CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
	CK_MECHANISM m = {CKM_HUFU_SM2_SM3, NULL, 0};
	uint8_t sig[64];
	CK_ULONG n = 64;
	OK(sign_init(session, &m, priv));
	OK(sign_once(session, message, 64, sig, &n));
	OK(verify_init(session, &m, pub, NULL, 0));
	OK(verify_once(session, message, 64, sig, n));
}

static void test_generate_pair(void)
{
	CK_MECHANISM m = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	for (int on_token = 0; on_token < 2; on_token++) {
		CK_ATTRIBUTE templ[] = {{CKA_TOKEN, (void *)(uintptr_t)(on_token ? &yes : &no), 1}};
		CK_OBJECT_HANDLE pub = 0, priv = 0;
		uint8_t a[67], b[67];
		OK(key_generate_pair(session, &m, templ, 1, templ, 1, &pub, &priv));
		CU_ASSERT(pub != priv && ulong_of(pub, CKA_CLASS) == CKO_PUBLIC_KEY &&
		          ulong_of(priv, CKA_CLASS) == CKO_PRIVATE_KEY);
		CU_ASSERT(bool_of(priv, CKA_SENSITIVE) && bool_of(priv, CKA_ALWAYS_SENSITIVE) &&
		          bool_of(priv, CKA_NEVER_EXTRACTABLE) && bool_of(priv, CKA_LOCAL));
		CU_ASSERT(bytes_of(pub, CKA_EC_POINT, a, 67) == 67 && bytes_of(priv, CKA_EC_POINT, b, 67) == 67 &&
		          memcmp(a, b, 67) == 0);
		sign_and_verify(pub, priv);
	}
}

/* Both halves or none: the second template is as good as the first, or nothing is made. */
static void test_pair_is_whole(void)
{
	static const char label[] = "half a pair";
	CK_MECHANISM m = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub[] = {{CKA_LABEL, (void *)(uintptr_t)label, sizeof label}, A(CKA_TOKEN, yes)};
	CK_ATTRIBUTE priv[] = {{CKA_LABEL, (void *)(uintptr_t)label, sizeof label}, {CKA_VALUE, message, 32}};
	CK_OBJECT_HANDLE a, b, found[4];
	CK_ULONG n = 0;
	IS(key_generate_pair(session, &m, pub, 2, priv, 2, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	OK(find_init(session, pub, 1));
	OK(find_next(session, found, 4, &n));
	OK(find_final(session));
	CU_ASSERT_EQUAL(n, 0);
}

/* -- wrapping -------------------------------------------------------------------------------------- */

static CK_OBJECT_HANDLE unwrap_secret(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE with, const uint8_t *in, size_t len,
                                      CK_KEY_TYPE key_type, CK_RV want)
{
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE templ[] = {A(CKA_CLASS, object_class), A(CKA_KEY_TYPE, key_type), A(CKA_SENSITIVE, no),
	                        A(CKA_EXTRACTABLE, yes)};
	CK_MECHANISM m = with_param(type);
	CK_OBJECT_HANDLE key = 0;
	IS(key_unwrap(session, &m, with, in, len, templ, 4, &key), want);
	return key;
}

static void test_wrap_secret(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		bool sm2;
	} rows[] = {
		{CKM_HUFU_SM4_ECB, false}, {CKM_HUFU_SM4_CBC, false}, {CKM_HUFU_SM4_CBC_PAD, false}, {CKM_HUFU_SM4_GCM, false},
		{CKM_HUFU_SM2_C1C3C2, true}, {CKM_HUFU_SM2_C1C2C3, true}, {CKM_HUFU_SM2_ENC_DER, true},
	};
	static const CK_KEY_TYPE key_types[] = {CKK_HUFU_SM4, CKK_HUFU_ZUC, CKK_GENERIC_SECRET, CKK_HUFU_SM3_HMAC};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t k = 0; k < 4; k++) {
			size_t len = k < 2 ? 16 : 48;
			CK_OBJECT_HANDLE key = make_secret(key_types[k], message, len, NULL, 0);
			CK_MECHANISM m = with_param(rows[i].type);
			uint8_t wrapped[512], value[64];
			CK_ULONG need = 0, n;
			OK(key_wrap(session, &m, rows[i].sm2 ? sm2_public : sm4_key, key, NULL, &need));
			n = need - 1;
			IS(key_wrap(session, &m, rows[i].sm2 ? sm2_public : sm4_key, key, wrapped, &n), CKR_BUFFER_TOO_SMALL);
			CU_ASSERT_EQUAL(n, need);
			OK(key_wrap(session, &m, rows[i].sm2 ? sm2_public : sm4_key, key, wrapped, &n));
			CU_ASSERT(n <= need);
			CK_OBJECT_HANDLE back = unwrap_secret(rows[i].type, rows[i].sm2 ? sm2_private : sm4_key, wrapped, n,
			                                      key_types[k], CKR_OK);
			CU_ASSERT(bytes_of(back, CKA_VALUE, value, 64) == len && memcmp(value, message, len) == 0);
			CU_ASSERT(!bool_of(back, CKA_LOCAL) && !bool_of(back, CKA_ALWAYS_SENSITIVE) &&
			          !bool_of(back, CKA_NEVER_EXTRACTABLE));
		}
}

/* What was wrapped is the key's value, as C_Decrypt shows. */
static void test_wrap_is_encryption(void)
{
	CK_OBJECT_HANDLE key = make_secret(CKK_GENERIC_SECRET, message, 33, NULL, 0);
	CK_MECHANISM m = with_param(CKM_HUFU_SM4_GCM);
	uint8_t wrapped[64], clear[64];
	CK_ULONG n = sizeof wrapped, k = sizeof clear;
	OK(key_wrap(session, &m, sm4_key, key, wrapped, &n));
	OK(crypt_at_once(OP_DECRYPT, &m, sm4_key, wrapped, n, clear, &k));
	CU_ASSERT(k == 33 && memcmp(clear, message, 33) == 0);
}

static CK_RV unwrap_private(CK_MECHANISM_TYPE type, const uint8_t *in, size_t len, CK_OBJECT_HANDLE *key)
{
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE key_type = CKK_HUFU_SM2;
	CK_ATTRIBUTE templ[] = {A(CKA_CLASS, object_class), A(CKA_KEY_TYPE, key_type), A(CKA_SIGN, yes)};
	CK_MECHANISM m = with_param(type);
	return key_unwrap(session, &m, sm4_key, in, len, templ, 3, key);
}

static void test_wrap_private(void)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_HUFU_SM4_GCM, CKM_HUFU_SM4_CBC_PAD};
	for (size_t i = 0; i < 2; i++) {
		CK_MECHANISM m = with_param(types[i]);
		uint8_t wrapped[256], clear[256], want[ASN1_PKCS8_LEN];
		CK_ULONG n = 0, k = sizeof clear;
		CK_OBJECT_HANDLE back = 0;
		OK(key_wrap(session, &m, sm4_key, sm2_private, NULL, &n));
		CU_ASSERT_EQUAL(n, types[i] == CKM_HUFU_SM4_GCM ? 154 : 144);
		OK(key_wrap(session, &m, sm4_key, sm2_private, wrapped, &n));
		OK(crypt_at_once(OP_DECRYPT, &m, sm4_key, wrapped, n, clear, &k));
		asn1_pkcs8_encode(standard_d, standard_point, want);
		CU_ASSERT(k == ASN1_PKCS8_LEN && memcmp(clear, want, k) == 0);
		OK(unwrap_private(types[i], wrapped, n, &back));
		sign_and_verify(sm2_public, back);
	}
}

/* PKCS#8 made elsewhere, good and bad. */
static void test_unwrap_foreign(void)
{
	CK_MECHANISM m = with_param(CKM_HUFU_SM4_GCM);
	uint8_t der[ASN1_PKCS8_LEN], wrapped[256];
	CK_OBJECT_HANDLE key;
	for (size_t i = 0; i < ASN1_PKCS8_LEN; i++) {
		asn1_pkcs8_encode(standard_d, standard_point, der);
		der[i] ^= 0x08; /* structure, d or point: nothing of it may change */
		CK_ULONG n = sizeof wrapped;
		OK(crypt_at_once(OP_ENCRYPT, &m, sm4_key, der, sizeof der, wrapped, &n));
		IS(unwrap_private(CKM_HUFU_SM4_GCM, wrapped, n, &key), CKR_WRAPPED_KEY_INVALID);
	}
	asn1_pkcs8_encode(standard_d, standard_point, der);
	memset(der + 36, 0, 32); /* d = 0 */
	CK_ULONG n = sizeof wrapped;
	OK(crypt_at_once(OP_ENCRYPT, &m, sm4_key, der, sizeof der, wrapped, &n));
	IS(unwrap_private(CKM_HUFU_SM4_GCM, wrapped, n, &key), CKR_WRAPPED_KEY_INVALID);
	IS(unwrap_private(CKM_HUFU_SM4_GCM, wrapped, 15, &key), CKR_WRAPPED_KEY_LEN_RANGE);
	wrapped[0] ^= 1;
	IS(unwrap_private(CKM_HUFU_SM4_GCM, wrapped, n, &key), CKR_WRAPPED_KEY_INVALID);
}

static CK_RV wrap_with(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM m = with_param(type);
	uint8_t out[512];
	CK_ULONG n = sizeof out;
	return key_wrap(session, &m, with, key, out, &n);
}

static void test_wrap_policy(void)
{
	CK_ATTRIBUTE sensitive = A(CKA_SENSITIVE, yes), kept = A(CKA_EXTRACTABLE, no), mute = A(CKA_WRAP, no),
		deaf = A(CKA_UNWRAP, no);
	CK_ATTRIBUTE trusted_only = A(CKA_WRAP_WITH_TRUSTED, yes);
	CK_OBJECT_HANDLE secret = make_secret(CKK_GENERIC_SECRET, message, 32, &sensitive, 1);
	CK_OBJECT_HANDLE odd = make_secret(CKK_GENERIC_SECRET, message, 33, NULL, 0);
	CK_OBJECT_HANDLE unextractable = make_secret(CKK_HUFU_SM4, message, 16, &kept, 1);
	CK_OBJECT_HANDLE careful = make_secret(CKK_HUFU_SM4, message, 16, &trusted_only, 1);
	CK_OBJECT_HANDLE no_wrap = make_secret(CKK_HUFU_SM4, message, 16, &mute, 1),
		no_unwrap = make_secret(CKK_HUFU_SM4, message, 16, &deaf, 1);

	/* sensitive keys leave authenticated, or not at all */
	IS(wrap_with(CKM_HUFU_SM4_ECB, sm4_key, secret), CKR_KEY_NOT_WRAPPABLE);
	IS(wrap_with(CKM_HUFU_SM4_CBC, sm4_key, secret), CKR_KEY_NOT_WRAPPABLE);
	IS(wrap_with(CKM_HUFU_SM4_CBC_PAD, sm4_key, secret), CKR_KEY_NOT_WRAPPABLE);
	OK(wrap_with(CKM_HUFU_SM4_GCM, sm4_key, secret));
	OK(wrap_with(CKM_HUFU_SM2_C1C3C2, sm2_public, secret));

	IS(wrap_with(CKM_HUFU_SM4_GCM, sm4_key, unextractable), CKR_KEY_UNEXTRACTABLE);
	IS(wrap_with(CKM_HUFU_SM4_GCM, sm4_key, careful), CKR_KEY_NOT_WRAPPABLE);
	OK(wrap_with(CKM_HUFU_SM4_CBC, sm4_key, odd)); /* filled up with zeros */
	IS(wrap_with(CKM_HUFU_SM4_CBC, sm4_key, sm2_private), CKR_KEY_NOT_WRAPPABLE);
	IS(wrap_with(CKM_HUFU_SM2_C1C3C2, sm2_public, sm2_private), CKR_KEY_NOT_WRAPPABLE);
	IS(wrap_with(CKM_HUFU_SM4_GCM, sm4_key, sm2_public), CKR_KEY_NOT_WRAPPABLE);

	IS(wrap_with(CKM_HUFU_SM4_GCM, 0, odd), CKR_WRAPPING_KEY_HANDLE_INVALID);
	IS(wrap_with(CKM_HUFU_SM4_GCM, sm4_key, 0), CKR_KEY_HANDLE_INVALID);
	IS(wrap_with(CKM_HUFU_SM4_GCM, zuc_key, odd), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	IS(wrap_with(CKM_HUFU_SM2_C1C3C2, sm2_private, odd), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	IS(wrap_with(CKM_HUFU_SM4_GCM, no_wrap, odd), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(wrap_with(CKM_HUFU_SM4_CTR, sm4_key, odd), CKR_MECHANISM_INVALID);

	unwrap_secret(CKM_HUFU_SM4_GCM, 0, message, 32, CKK_HUFU_SM4, CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	unwrap_secret(CKM_HUFU_SM4_GCM, zuc_key, message, 32, CKK_HUFU_SM4, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	unwrap_secret(CKM_HUFU_SM2_C1C3C2, sm2_public, message, 32, CKK_HUFU_SM4, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	unwrap_secret(CKM_HUFU_SM4_GCM, no_unwrap, message, 32, CKK_HUFU_SM4, CKR_KEY_FUNCTION_NOT_PERMITTED);
	unwrap_secret(CKM_HUFU_SM4_GCM, sm4_key, message, 32, CKK_HUFU_SM4, CKR_WRAPPED_KEY_INVALID);
	unwrap_secret(CKM_HUFU_SM4_CBC, sm4_key, message, 17, CKK_HUFU_SM4, CKR_WRAPPED_KEY_LEN_RANGE);
	unwrap_secret(CKM_HUFU_SM4_CBC, sm4_key, message, 32, CKK_HUFU_SM4, CKR_WRAPPED_KEY_LEN_RANGE);
	unwrap_secret(CKM_HUFU_SM4_CBC, sm4_key, message, 32, CKK_HUFU_SM2, CKR_ATTRIBUTE_VALUE_INVALID);
}

/* 6.13.6: without padding, CKA_VALUE_LEN says where the key ends. */
static void test_unwrap_value_len(void)
{
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_KEY_TYPE key_type = CKK_GENERIC_SECRET;
	for (CK_ULONG len = 0; len <= 34; len++) {
		CK_ATTRIBUTE templ[] = {A(CKA_CLASS, object_class), A(CKA_KEY_TYPE, key_type), A(CKA_VALUE_LEN, len)};
		CK_MECHANISM cbc = with_param(CKM_HUFU_SM4_CBC), gcm = with_param(CKM_HUFU_SM4_GCM);
		uint8_t wrapped[64];
		CK_ULONG n = 48;
		CK_OBJECT_HANDLE key;
		CK_RV want = len == 0 ? CKR_ATTRIBUTE_VALUE_INVALID : len > 32 ? CKR_TEMPLATE_INCONSISTENT : CKR_OK;
		IS(key_unwrap(session, &cbc, sm4_key, message, 32, templ, 3, &key), want);
		CU_ASSERT(want != CKR_OK || ulong_of(key, CKA_VALUE_LEN) == len);
		OK(crypt_at_once(OP_ENCRYPT, &gcm, sm4_key, message, 32, wrapped, &n));
		want = len == 0 ? CKR_ATTRIBUTE_VALUE_INVALID : len == 32 ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
		IS(key_unwrap(session, &gcm, sm4_key, wrapped, n, templ, 3, &key), want);
	}
}

/* 5.18.3, 5.18.4 */
static void test_wrap_templates(void)
{
	CK_KEY_TYPE zuc = CKK_HUFU_ZUC;
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE only_zuc[] = {A(CKA_KEY_TYPE, zuc)};
	CK_ATTRIBUTE for_keys[] = {A(CKA_KEY_TYPE, zuc), A(CKA_EXTRACTABLE, no)};
	CK_ATTRIBUTE templates[] = {{CKA_WRAP_TEMPLATE, only_zuc, sizeof only_zuc},
	                            {CKA_UNWRAP_TEMPLATE, for_keys, sizeof for_keys}};
	CK_OBJECT_HANDLE wrapping = make_secret(CKK_HUFU_SM4, sm4_value, 16, templates, 2), key = 0;
	CK_MECHANISM m = with_param(CKM_HUFU_SM4_GCM);
	uint8_t wrapped[64];
	CK_ULONG n = sizeof wrapped;

	IS(wrap_with(CKM_HUFU_SM4_GCM, wrapping, hmac_key), CKR_KEY_HANDLE_INVALID);
	OK(key_wrap(session, &m, wrapping, zuc_key, wrapped, &n));

	/* By the rules of C_FindObjects: what a key shows counts, a default that is not stored too. */
	CK_ATTRIBUTE unlabelled[] = {A(CKA_KEY_TYPE, zuc), {CKA_LABEL, NULL, 0}};
	CK_ATTRIBUTE unlabelled_template = {CKA_WRAP_TEMPLATE, unlabelled, sizeof unlabelled};
	CK_OBJECT_HANDLE other = make_secret(CKK_HUFU_SM4, sm4_value, 16, &unlabelled_template, 1);
	OK(wrap_with(CKM_HUFU_SM4_GCM, other, zuc_key));
	IS(wrap_with(CKM_HUFU_SM4_GCM, other, hmac_key), CKR_KEY_HANDLE_INVALID);

	CK_ATTRIBUTE silent[] = {A(CKA_CLASS, object_class)};
	OK(key_unwrap(session, &m, wrapping, wrapped, n, silent, 1, &key));
	CU_ASSERT(ulong_of(key, CKA_KEY_TYPE) == CKK_HUFU_ZUC && !bool_of(key, CKA_EXTRACTABLE));
	CK_ATTRIBUTE same[] = {A(CKA_CLASS, object_class), A(CKA_KEY_TYPE, zuc), A(CKA_EXTRACTABLE, no)};
	OK(key_unwrap(session, &m, wrapping, wrapped, n, same, 3, &key));
	CK_ATTRIBUTE against[] = {A(CKA_CLASS, object_class), A(CKA_EXTRACTABLE, yes)};
	IS(key_unwrap(session, &m, wrapping, wrapped, n, against, 2, &key), CKR_TEMPLATE_INCONSISTENT);
	IS(key_unwrap(session, &m, wrapping, wrapped, n, NULL, 0, &key), CKR_TEMPLATE_INCOMPLETE);
}

/* -- random -------------------------------------------------------------------------------------------- */

static void test_random(void)
{
	static uint8_t a[3000000], b[32];
	OK(random_fill(session, a, 0));
	OK(random_fill(session, a, 32));
	OK(random_fill(session, b, 32));
	CU_ASSERT(memcmp(a, b, 32) != 0);
	OK(random_fill(session, a, sizeof a));
	CU_ASSERT(memcmp(a, a + (1 << 20), 32) != 0 && memcmp(a + sizeof a - 32, b, 32) != 0);
	OK(random_seed(session, b, 32));
	OK(random_seed(session, b, 0));
}

/* -- without a login ------------------------------------------------------------------------------------ */

/* What anybody could have made wraps nothing (DESIGN 3), and what a login lent ends with it. */
static void test_logged_out(void)
{
	CK_ATTRIBUTE public = A(CKA_PRIVATE, no);
	CK_OBJECT_HANDLE with_login = make_secret(CKK_HUFU_SM4, sm4_value, 16, &public, 1);
	CK_OBJECT_HANDLE key = make_secret(CKK_GENERIC_SECRET, message, 32, &public, 1);
	CK_MECHANISM cbc = with_param(CKM_HUFU_SM4_CBC), sm2 = with_param(CKM_HUFU_SM2), sm3 = with_param(CKM_HUFU_SM3);
	uint8_t out[64];
	CK_ULONG n = sizeof out;

	OK(crypt_init(session, OP_ENCRYPT, &cbc, with_login));
	OK(crypt_init(session, OP_DECRYPT, &cbc, sm4_key));
	OK(sign_init(session, &sm2, sm2_private));
	OK(digest_init(session, &sm3));
	OK(session_logout(session));
	IS(crypt_once(session, OP_DECRYPT, message, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(sign_once(session, message, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(crypt_once(session, OP_ENCRYPT, message, 16, out, &n));
	n = sizeof out;
	OK(digest_once(session, message, 16, out, &n));
	IS(crypt_init(session, OP_DECRYPT, &cbc, sm4_key), CKR_KEY_HANDLE_INVALID);

	CK_OBJECT_HANDLE without = make_secret(CKK_HUFU_SM4, sm4_value, 16, &public, 1);
	OK(wrap_with(CKM_HUFU_SM4_GCM, with_login, key));
	IS(wrap_with(CKM_HUFU_SM4_GCM, without, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(crypt_init(session, OP_ENCRYPT, &cbc, without)); /* it may do everything else */
	OK(crypt_init(session, OP_ENCRYPT, NULL, 0));
	OK(session_login(session, CKU_USER, (const CK_BYTE *)USER_PIN, strlen(USER_PIN), NULL, 0));
}

static const struct unit_case cases[] = {
	{"a token is made", up},
	{"secret keys of every type are made", test_generate_secret},
	{"a generated SM4 key has the check value of libcrypto", test_check_value},
	{"generating answers with the specification's codes", test_generate_codes},
	{"SM2 pairs are made, and sign", test_generate_pair},
	{"of a pair, both halves are made or none", test_pair_is_whole},
	{"secret keys leave wrapped by every mechanism, and come back", test_wrap_secret},
	{"what is wrapped is the value", test_wrap_is_encryption},
	{"private keys leave as PKCS#8, and come back", test_wrap_private},
	{"PKCS#8 that is wrong anywhere is refused", test_unwrap_foreign},
	{"policy and the specification's codes are kept", test_wrap_policy},
	{"CKA_VALUE_LEN cuts what came without padding", test_unwrap_value_len},
	{"CKA_WRAP_TEMPLATE and CKA_UNWRAP_TEMPLATE are kept", test_wrap_templates},
	{"random numbers differ", test_random},
	{"keys made without a login wrap nothing; a logout ends what it lent", test_logged_out},
	{"nothing secret is left", token_down},
	{0},
};
UNIT_MAIN("keys", cases)
