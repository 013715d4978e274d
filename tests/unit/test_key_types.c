/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: keys of the international algorithms are generated, created, copied, wrapped and shown with the attributes that
 * PKCS#11 gives their types, agree with what libcrypto makes of them, and are refused with exact codes.
 */
#include "token_util.h"

#include "token/key_form.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY, private_class = CKO_PRIVATE_KEY, secret_class = CKO_SECRET_KEY;
static CK_OBJECT_HANDLE wrapping_key; /* AES */

#define A(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}
#define B(type, p, len) {type, (void *)(uintptr_t)(p), len}
#define N(list) (sizeof(list) / sizeof((list)[0]))

/* -- attributes ------------------------------------------------------------------------ */

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

static CK_RV code_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE a = {type, NULL, 0};
	return object_get_attributes(session, key, &a, 1);
}

struct value {
	uint8_t bytes[1280];
	size_t len;
};

static struct value value_of(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	struct value v;
	CK_ATTRIBUTE a = {type, v.bytes, sizeof v.bytes};
	OK(object_get_attributes(session, key, &a, 1));
	v.len = a.ulValueLen == CK_UNAVAILABLE_INFORMATION ? 0 : a.ulValueLen;
	return v;
}

static bool shows_same(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_TYPE type)
{
	struct value x = value_of(a, type), y = value_of(b, type);
	return x.len == y.len && x.len > 0 && memcmp(x.bytes, y.bytes, x.len) == 0;
}

/* -- keys of libcrypto's ------------------------------------------------------------------ */

static struct value number_of(const EVP_PKEY *pkey, const char *name)
{
	struct value v = {.len = 0};
	BIGNUM *n = NULL;
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(pkey, name, &n), 1);
	v.len = (size_t)BN_bn2bin(n, v.bytes);
	BN_clear_free(n);
	return v;
}

static bool is_number(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, const EVP_PKEY *pkey, const char *name)
{
	struct value is = value_of(key, type), want = number_of(pkey, name);
	return is.len == want.len && memcmp(is.bytes, want.bytes, is.len) == 0;
}

/* What the key shows as CKA_PUBLIC_KEY_INFO. */
static EVP_PKEY *public_of(CK_OBJECT_HANDLE key)
{
	struct value info = value_of(key, CKA_PUBLIC_KEY_INFO);
	const unsigned char *p = info.bytes;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)info.len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pkey);
	return pkey;
}

/* -- making --------------------------------------------------------------------------------- */

static CK_RV create(const CK_ATTRIBUTE *list, CK_ULONG n, CK_OBJECT_HANDLE *key)
{
	*key = 0;
	return object_create(session, list, n, key);
}

static CK_RV generate_pair(CK_MECHANISM_TYPE type, const CK_ATTRIBUTE *pub, CK_ULONG npub, const CK_ATTRIBUTE *priv,
                           CK_ULONG npriv, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	CK_MECHANISM m = {type, NULL, 0};
	return key_generate_pair(session, &m, pub, npub, priv, npriv, hpub, hpriv);
}

static void up(void)
{
	static const uint8_t value[32] = {1, 2, 3};
	token_up();
	wrapping_key = make_secret(CKK_AES, value, sizeof value, NULL, 0);
}

/* -- secrets ----------------------------------------------------------------------------------- */

static void test_secrets(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_KEY_TYPE key_type;
		CK_ULONG len;
	} rows[] = {
		{CKM_AES_KEY_GEN, CKK_AES, 16}, {CKM_AES_KEY_GEN, CKK_AES, 24}, {CKM_AES_KEY_GEN, CKK_AES, 32},
		{CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, 20}, {CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, 28},
		{CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 1}, {CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, 4096},
		{CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, 64}, {CKM_SHA512_224_KEY_GEN, CKK_SHA512_224_HMAC, 28},
		{CKM_SHA512_256_KEY_GEN, CKK_SHA512_256_HMAC, 32}, {CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, 28},
		{CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, 32}, {CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 48},
		{CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, 64}, {CKM_HKDF_KEY_GEN, CKK_HKDF, 32},
	};
	for (size_t i = 0; i < N(rows); i++) {
		CK_MECHANISM m = {rows[i].type, NULL, 0};
		CK_ATTRIBUTE templ[] = {A(CKA_VALUE_LEN, rows[i].len), A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
		CK_OBJECT_HANDLE key = 0, copy = 0;
		static uint8_t value[4096];
		CK_ATTRIBUTE a = {CKA_VALUE, value, sizeof value}, kcv = {CKA_CHECK_VALUE, value, 3};
		IS(key_generate(session, &m, NULL, 0, &key), CKR_TEMPLATE_INCOMPLETE);
		OK(key_generate(session, &m, templ, N(templ), &key));
		OK(object_get_attributes(session, key, &a, 1));
		CU_ASSERT(a.ulValueLen == rows[i].len && ulong_of(key, CKA_VALUE_LEN) == rows[i].len);
		CU_ASSERT(ulong_of(key, CKA_KEY_TYPE) == rows[i].key_type && ulong_of(key, CKA_KEY_GEN_MECHANISM) == rows[i].type);
		OK(object_copy(session, key, NULL, 0, &copy));
		OK(object_get_attributes(session, copy, &kcv, 1));
		CU_ASSERT_EQUAL(kcv.ulValueLen, 3);
	}
}

static void test_aes_lengths(void)
{
	CK_MECHANISM m = {CKM_AES_KEY_GEN, NULL, 0};
	CK_KEY_TYPE aes = CKK_AES;
	uint8_t value[48] = {0};
	for (CK_ULONG len = 0; len <= 40; len++) {
		bool good = len == 16 || len == 24 || len == 32;
		CK_ATTRIBUTE templ = A(CKA_VALUE_LEN, len);
		CK_ATTRIBUTE list[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, aes), B(CKA_VALUE, value, len)};
		CK_OBJECT_HANDLE key;
		IS(key_generate(session, &m, &templ, 1, &key), good ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID);
		IS(create(list, 3, &key), good ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID);
	}
}

/* FIPS 197 and SP 800-67 by libcrypto's command line: zeros under these keys. FIPS 180: SHA-1("abc"). */
static void test_check_values(void)
{
	uint8_t value[32];
	for (size_t i = 0; i < sizeof value; i++)
		value[i] = (uint8_t)i;
	CK_OBJECT_HANDLE key = make_secret(CKK_AES, value, 16, NULL, 0);
	CU_ASSERT_EQUAL(memcmp(value_of(key, CKA_CHECK_VALUE).bytes, "\xc6\xa1\x3b", 3), 0);
	key = make_secret(CKK_AES, value, 32, NULL, 0);
	CU_ASSERT_EQUAL(memcmp(value_of(key, CKA_CHECK_VALUE).bytes, "\xf2\x90\x00", 3), 0);
	key = make_secret(CKK_SHA256_HMAC, "abc", 3, NULL, 0);
	CU_ASSERT_EQUAL(memcmp(value_of(key, CKA_CHECK_VALUE).bytes, "\xa9\x99\x3e", 3), 0);
}

/* hufu.conf(5): off unless asked for. */
static void test_des3_off(void)
{
	CK_KEY_TYPE des3 = CKK_DES3;
	uint8_t value[24] = {1};
	CK_ATTRIBUTE list[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, des3), A(CKA_VALUE, value)};
	CK_OBJECT_HANDLE key;
	IS(create(list, N(list), &key), CKR_ATTRIBUTE_VALUE_INVALID);
}

/* -- RSA ------------------------------------------------------------------------------------------ */

static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
} rsa_parts[] = {
	{CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D}, {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
	{CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2}, {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
	{CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2}, {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

static void test_rsa_generate(void)
{
	CK_ULONG nbits = 2048;
	CK_ATTRIBUTE pub[] = {A(CKA_MODULUS_BITS, nbits), A(CKA_TOKEN, yes)}, priv[] = {A(CKA_TOKEN, yes)};
	CK_OBJECT_HANDLE hpub = 0, hpriv = 0;
	OK(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, pub, 2, priv, 1, &hpub, &hpriv));
	CU_ASSERT(ulong_of(hpub, CKA_KEY_TYPE) == CKK_RSA && ulong_of(hpub, CKA_MODULUS_BITS) == 2048);
	CU_ASSERT_EQUAL(value_of(hpub, CKA_MODULUS).len, 256);
	CU_ASSERT(value_of(hpub, CKA_PUBLIC_EXPONENT).len == 3 &&
	          memcmp(value_of(hpub, CKA_PUBLIC_EXPONENT).bytes, "\x01\x00\x01", 3) == 0);
	CU_ASSERT(shows_same(hpub, hpriv, CKA_MODULUS) && shows_same(hpub, hpriv, CKA_PUBLIC_EXPONENT) &&
	          shows_same(hpub, hpriv, CKA_PUBLIC_KEY_INFO));
	EVP_PKEY *pkey = public_of(hpub);
	CU_ASSERT(is_number(hpub, CKA_MODULUS, pkey, OSSL_PKEY_PARAM_RSA_N));
	EVP_PKEY_free(pkey);
	IS(code_of(hpriv, CKA_MODULUS_BITS), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT(bool_of(hpriv, CKA_SIGN) && bool_of(hpriv, CKA_DECRYPT) && !bool_of(hpriv, CKA_UNWRAP) &&
	          !bool_of(hpriv, CKA_DERIVE));
	CU_ASSERT(bool_of(hpub, CKA_VERIFY) && bool_of(hpub, CKA_ENCRYPT) && !bool_of(hpub, CKA_WRAP));
	CU_ASSERT(bool_of(hpriv, CKA_SENSITIVE) && bool_of(hpriv, CKA_ALWAYS_SENSITIVE) && bool_of(hpriv, CKA_NEVER_EXTRACTABLE) &&
	          bool_of(hpriv, CKA_LOCAL) && ulong_of(hpriv, CKA_KEY_GEN_MECHANISM) == CKM_RSA_PKCS_KEY_PAIR_GEN);
	for (size_t i = 0; i < N(rsa_parts); i++)
		IS(code_of(hpriv, rsa_parts[i].type), CKR_ATTRIBUTE_SENSITIVE);
	OK(object_destroy(session, hpub));
	OK(object_destroy(session, hpriv));
}

/* 5.7.5: one entry that may not be shown does not keep the others from being filled. */
static void test_partial_answers(CK_OBJECT_HANDLE sensitive)
{
	uint8_t modulus[256], d[256], id[4];
	CK_ATTRIBUTE list[] = {A(CKA_MODULUS, modulus), A(CKA_PRIVATE_EXPONENT, d), {CKA_MODULUS, modulus, 255},
	                       {CKA_PRIME_1, NULL, 0}, A(CKA_ID, id), {CKA_PUBLIC_EXPONENT, NULL, 0}};
	CK_RV rv = object_get_attributes(session, sensitive, list, N(list));
	CU_ASSERT(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_BUFFER_TOO_SMALL);
	CU_ASSERT(list[0].ulValueLen == 256 && list[1].ulValueLen == CK_UNAVAILABLE_INFORMATION &&
	          list[2].ulValueLen == CK_UNAVAILABLE_INFORMATION && list[3].ulValueLen == CK_UNAVAILABLE_INFORMATION &&
	          list[4].ulValueLen == 0 && list[5].ulValueLen == 3);
}

static void test_rsa_generate_codes(void)
{
	static const CK_ULONG bad[] = {0, 1, 1024, 2040, 2049, 2052, 4104, 8192, (CK_ULONG)-1};
	static const uint8_t even[] = {4}, one[] = {0, 1}, modulus[256] = {0x80};
	CK_OBJECT_HANDLE a, b;
	CK_ULONG nbits = 2048;
	CK_ATTRIBUTE size = A(CKA_MODULUS_BITS, nbits);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0, NULL, 0, &a, &b), CKR_TEMPLATE_INCOMPLETE);
	for (size_t i = 0; i < N(bad); i++) {
		CK_ATTRIBUTE wrong = A(CKA_MODULUS_BITS, bad[i]);
		IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &wrong, 1, NULL, 0, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
	}
	CK_ATTRIBUTE e_even[] = {size, A(CKA_PUBLIC_EXPONENT, even)}, e_one[] = {size, A(CKA_PUBLIC_EXPONENT, one)},
		e_none[] = {size, {CKA_PUBLIC_EXPONENT, NULL, 0}}, given[] = {size, A(CKA_MODULUS, modulus)};
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, e_even, 2, NULL, 0, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, e_one, 2, NULL, 0, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, e_none, 2, NULL, 0, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, given, 2, NULL, 0, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	CK_ATTRIBUTE d = A(CKA_PRIVATE_EXPONENT, modulus), n = A(CKA_MODULUS, modulus), e = A(CKA_PUBLIC_EXPONENT, one);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &size, 1, &d, 1, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &size, 1, &n, 1, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &size, 1, &e, 1, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	IS(generate_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &size, 1, &size, 1, &a, &b), CKR_TEMPLATE_INCONSISTENT);
}

/* The key as attributes: with its factors, or with n, e and d alone; sensitive or not. */
static CK_RV create_rsa(const EVP_PKEY *pkey, bool whole, bool sensitive, unsigned zeros, CK_OBJECT_HANDLE *key)
{
	static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
	                                    OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_EXPONENT1,
	                                    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2,
	                                          CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT};
	CK_KEY_TYPE rsa = CKK_RSA;
	const CK_BBOOL *secret = sensitive ? &yes : &no, *leaves = sensitive ? &no : &yes;
	CK_ATTRIBUTE list[16] = {A(CKA_CLASS, private_class), A(CKA_KEY_TYPE, rsa), B(CKA_SENSITIVE, secret, 1),
	                         B(CKA_EXTRACTABLE, leaves, 1)};
	static uint8_t bytes[8][1280];
	size_t n = 4;
	for (size_t i = 0; i < (whole ? 8 : 3); i++) {
		struct value v = number_of(pkey, names[i]);
		memset(bytes[i], 0, zeros);
		memcpy(bytes[i] + zeros, v.bytes, v.len);
		list[n++] = (CK_ATTRIBUTE)B(types[i], bytes[i], v.len + zeros);
	}
	return create(list, n, key);
}

static void check_rsa_value(CK_OBJECT_HANDLE key, const EVP_PKEY *pkey)
{
	CU_ASSERT(is_number(key, CKA_MODULUS, pkey, OSSL_PKEY_PARAM_RSA_N) &&
	          is_number(key, CKA_PUBLIC_EXPONENT, pkey, OSSL_PKEY_PARAM_RSA_E));
	CU_ASSERT(is_number(key, CKA_PRIVATE_EXPONENT, pkey, OSSL_PKEY_PARAM_RSA_D));
	/* Without factors, the device finds them, in whichever order. */
	struct value p = value_of(key, CKA_PRIME_1), want = number_of(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1);
	bool same = p.len == want.len && memcmp(p.bytes, want.bytes, p.len) == 0;
	for (size_t i = 0; same && i < N(rsa_parts); i++)
		CU_ASSERT(is_number(key, rsa_parts[i].type, pkey, rsa_parts[i].name));
	CU_ASSERT(same || is_number(key, CKA_PRIME_1, pkey, OSSL_PKEY_PARAM_RSA_FACTOR2));
}

static CK_RV create_rsa_public(const EVP_PKEY *pkey, CK_OBJECT_HANDLE *key)
{
	CK_KEY_TYPE rsa = CKK_RSA;
	struct value n = number_of(pkey, OSSL_PKEY_PARAM_RSA_N), e = number_of(pkey, OSSL_PKEY_PARAM_RSA_E);
	CK_ATTRIBUTE list[] = {A(CKA_CLASS, public_class), A(CKA_KEY_TYPE, rsa), B(CKA_MODULUS, n.bytes, n.len),
	                       B(CKA_PUBLIC_EXPONENT, e.bytes, e.len)};
	return create(list, N(list), key);
}

static void test_rsa_create(void)
{
	static const size_t sizes[] = {1024, 1031, 2048, 3072};
	for (size_t i = 0; i < N(sizes); i++) {
		EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", sizes[i]), *is;
		CK_OBJECT_HANDLE key = 0, sensitive = 0, pub = 0;
		for (unsigned zeros = 0; zeros < 2; zeros++)
			for (int whole = 0; whole < 2; whole++) {
				OK(create_rsa(pkey, whole, false, zeros, &key));
				check_rsa_value(key, pkey);
				CU_ASSERT(!bool_of(key, CKA_LOCAL));
				CU_ASSERT_EQUAL(ulong_of(key, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
			}
		OK(create_rsa(pkey, true, true, 0, &sensitive));
		if (sizes[i] == 2048)
			test_partial_answers(sensitive);
		OK(create_rsa_public(pkey, &pub));
		CU_ASSERT_EQUAL(ulong_of(pub, CKA_MODULUS_BITS), sizes[i]);
		is = public_of(pub);
		CU_ASSERT_EQUAL(EVP_PKEY_eq(is, pkey), 1);
		EVP_PKEY_free(is);
		EVP_PKEY_free(pkey);
	}
}

/* n of 1024 bits that is p q, and numbers that do not belong to it. */
static void test_rsa_refused(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	struct value n = number_of(pkey, OSSL_PKEY_PARAM_RSA_N), d = number_of(pkey, OSSL_PKEY_PARAM_RSA_D);
	CK_KEY_TYPE rsa = CKK_RSA;
	uint8_t e3[] = {3}, even[] = {4};
	CK_ATTRIBUTE list[] = {A(CKA_CLASS, private_class), A(CKA_KEY_TYPE, rsa), B(CKA_MODULUS, n.bytes, n.len),
	                       B(CKA_PRIVATE_EXPONENT, d.bytes, d.len), A(CKA_PUBLIC_EXPONENT, e3)};
	CK_OBJECT_HANDLE key;
	IS(create(list, 3, &key), CKR_TEMPLATE_INCOMPLETE);
	OK(create(list, 4, &key)); /* 65537 it is */
	CU_ASSERT_EQUAL(value_of(key, CKA_PUBLIC_EXPONENT).len, 3);
	IS(create(list, 5, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	list[4] = (CK_ATTRIBUTE)A(CKA_PUBLIC_EXPONENT, even);
	IS(create(list, 5, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	d.bytes[d.len / 2] ^= 1;
	IS(create(list, 4, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	d.bytes[d.len / 2] ^= 1;
	list[2].ulValueLen = 127;
	IS(create(list, 4, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	CK_ATTRIBUTE bits = A(CKA_MODULUS_BITS, n.len);
	CK_ATTRIBUTE pub[] = {A(CKA_CLASS, public_class), A(CKA_KEY_TYPE, rsa), B(CKA_MODULUS, n.bytes, n.len),
	                      A(CKA_PUBLIC_EXPONENT, e3), bits};
	IS(create(pub, 5, &key), CKR_ATTRIBUTE_READ_ONLY);
	IS(create(pub, 3, &key), CKR_TEMPLATE_INCOMPLETE);
	pub[2].ulValueLen = 0;
	IS(create(pub, 4, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	EVP_PKEY_free(pkey);
}

/* The largest, as a token object: its copy and attributes fit a row. */
static void test_rsa_largest(void)
{
	uint8_t n[1024], e[] = {1, 0, 1};
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_OBJECT_HANDLE key, copy;
	memset(n, 0xff, sizeof n);
	CK_ATTRIBUTE list[] = {A(CKA_CLASS, public_class), A(CKA_KEY_TYPE, rsa), A(CKA_MODULUS, n), A(CKA_PUBLIC_EXPONENT, e),
	                       A(CKA_TOKEN, yes)};
	CK_ATTRIBUTE in_session = A(CKA_TOKEN, no);
	OK(create(list, N(list), &key));
	OK(object_copy(session, key, &in_session, 1, &copy));
	CU_ASSERT(ulong_of(key, CKA_MODULUS_BITS) == 8192 && shows_same(key, copy, CKA_PUBLIC_KEY_INFO));
	OK(object_destroy(session, key));
}

/* -- curves ------------------------------------------------------------------------------------------ */

static const struct {
	const char *algorithm, *group, *name;
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE type;
	size_t scalar_len, point_len;
	const void *oid;
	size_t oid_len;
} curves[] = {
	{"EC", "P-256", "prime256v1", CKM_EC_KEY_PAIR_GEN, CKK_EC, 32, 65, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10},
	{"EC", "P-384", "secp384r1", CKM_EC_KEY_PAIR_GEN, CKK_EC, 48, 97, "\x06\x05\x2b\x81\x04\x00\x22", 7},
	{"EC", "P-521", "secp521r1", CKM_EC_KEY_PAIR_GEN, CKK_EC, 66, 133, "\x06\x05\x2b\x81\x04\x00\x23", 7},
	{"ED25519", NULL, "edwards25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, 32, 32, "\x06\x03\x2b\x65\x70", 5},
	{"ED448", NULL, "edwards448", CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, 57, 57, "\x06\x03\x2b\x65\x71", 5},
	{"X25519", NULL, "curve25519", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, 32, 32, "\x06\x03\x2b\x65\x6e", 5},
	{"X448", NULL, "curve448", CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, 56, 56, "\x06\x03\x2b\x65\x6f", 5},
};

static CK_ATTRIBUTE params_by_name(size_t i, uint8_t room[32])
{
	size_t len = strlen(curves[i].name);
	room[0] = 0x13;
	room[1] = (uint8_t)len;
	memcpy(room + 2, curves[i].name, len);
	return (CK_ATTRIBUTE)B(CKA_EC_PARAMS, room, len + 2);
}

static void check_curve_key(size_t i, CK_OBJECT_HANDLE key)
{
	struct value params = value_of(key, CKA_EC_PARAMS), point = value_of(key, CKA_EC_POINT);
	CU_ASSERT(ulong_of(key, CKA_KEY_TYPE) == curves[i].type && params.len == curves[i].oid_len &&
	          memcmp(params.bytes, curves[i].oid, params.len) == 0);
	CU_ASSERT(point.len == curves[i].point_len + (curves[i].point_len < 128 ? 2 : 3) && point.bytes[0] == 0x04);
}

static void test_curve_generate(void)
{
	for (size_t i = 0; i < N(curves); i++)
		for (int by_name = 0; by_name < 2; by_name++) {
			uint8_t room[32];
			CK_ATTRIBUTE params = by_name ? params_by_name(i, room) :
				(CK_ATTRIBUTE)B(CKA_EC_PARAMS, curves[i].oid, curves[i].oid_len);
			CK_OBJECT_HANDLE pub = 0, priv = 0;
			OK(generate_pair(curves[i].mechanism, &params, 1, NULL, 0, &pub, &priv));
			check_curve_key(i, pub);
			check_curve_key(i, priv);
			CU_ASSERT(shows_same(pub, priv, CKA_EC_POINT) && shows_same(pub, priv, CKA_PUBLIC_KEY_INFO));
			CU_ASSERT(bool_of(priv, CKA_LOCAL) && ulong_of(pub, CKA_KEY_GEN_MECHANISM) == curves[i].mechanism);
			CU_ASSERT_EQUAL(bool_of(priv, CKA_SIGN), curves[i].type != CKK_EC_MONTGOMERY);
			CU_ASSERT_EQUAL(bool_of(priv, CKA_DERIVE), curves[i].type != CKK_EC_EDWARDS);
			IS(code_of(priv, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
			EVP_PKEY *pkey = public_of(pub);
			CU_ASSERT(EVP_PKEY_is_a(pkey, curves[i].algorithm));
			EVP_PKEY_free(pkey);
		}
}

/* The curve of SM2, by a mechanism that makes keys of others too. */
static void test_sm2_by_ec(void)
{
	CK_KEY_TYPE ec = CKK_EC;
	CK_ATTRIBUTE params = B(CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN), type = A(CKA_KEY_TYPE, ec);
	CK_ATTRIBUTE both[] = {params, type};
	CK_OBJECT_HANDLE pub = 0, priv = 0;
	CK_MECHANISM m = {CKM_HUFU_SM2_SM3, NULL, 0};
	uint8_t sig[64];
	CK_ULONG n = sizeof sig;
	OK(generate_pair(CKM_EC_KEY_PAIR_GEN, &params, 1, NULL, 0, &pub, &priv));
	OK(generate_pair(CKM_EC_KEY_PAIR_GEN, both, 2, &type, 1, &pub, &priv));
	CU_ASSERT(ulong_of(priv, CKA_KEY_TYPE) == CKK_HUFU_SM2 && ulong_of(pub, CKA_KEY_GEN_MECHANISM) == CKM_EC_KEY_PAIR_GEN);
	OK(sign_init(session, &m, priv));
	OK(sign_once(session, sig, 10, sig, &n));
	IS(generate_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &params, 1, NULL, 0, &pub, &priv), CKR_CURVE_NOT_SUPPORTED);
	OK(generate_pair(CKM_HUFU_SM2_KEY_PAIR_GEN, &type, 1, &type, 1, &pub, &priv));
}

static void test_curve_generate_codes(void)
{
	CK_OBJECT_HANDLE a, b;
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_ATTRIBUTE p256 = B(CKA_EC_PARAMS, curves[0].oid, curves[0].oid_len),
		k256 = B(CKA_EC_PARAMS, "\x06\x05\x2b\x81\x04\x00\x0a", 7),
		explicit = B(CKA_EC_PARAMS, "\x30\x03\x02\x01\x01", 5), broken = B(CKA_EC_PARAMS, "\x06\x09\x2b", 3);
	CK_ATTRIBUTE wrong_type[] = {p256, A(CKA_KEY_TYPE, rsa)}, value = B(CKA_VALUE, "abc", 3);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, NULL, 0, NULL, 0, &a, &b), CKR_TEMPLATE_INCOMPLETE);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, &k256, 1, NULL, 0, &a, &b), CKR_CURVE_NOT_SUPPORTED);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, &explicit, 1, NULL, 0, &a, &b), CKR_CURVE_NOT_SUPPORTED);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, &broken, 1, NULL, 0, &a, &b), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(generate_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, &p256, 1, NULL, 0, &a, &b), CKR_CURVE_NOT_SUPPORTED);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, wrong_type, 2, NULL, 0, &a, &b), CKR_TEMPLATE_INCONSISTENT);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, &p256, 1, &p256, 1, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
	IS(generate_pair(CKM_EC_KEY_PAIR_GEN, &p256, 1, &value, 1, &a, &b), CKR_ATTRIBUTE_READ_ONLY);
}

/* PKCS#8 and SPKI of libcrypto's key: where our attributes come from. */
static struct value pkcs8_of(const EVP_PKEY *pkey)
{
	struct value v;
	uint8_t *p = v.bytes;
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	v.len = (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &p);
	PKCS8_PRIV_KEY_INFO_free(info);
	return v;
}

static EVP_PKEY *libcrypto_curve_key(size_t i, struct value *scalar, struct value *point)
{
	EVP_PKEY *pkey = curves[i].group ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i].group) :
	                                   EVP_PKEY_Q_keygen(NULL, NULL, curves[i].algorithm);
	struct key_form form;
	struct value p8 = pkcs8_of(pkey);
	CU_ASSERT_FATAL(key_form_read_private(p8.bytes, p8.len, &form));
	memcpy(scalar->bytes, form.scalar.p, scalar->len = form.scalar.len);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point->bytes, sizeof point->bytes,
	                                                      &point->len), 1);
	return pkey;
}

static void test_curve_create(void)
{
	for (size_t i = 0; i < N(curves); i++) {
		struct value scalar, point, shown;
		uint8_t room[32];
		CK_KEY_TYPE type = curves[i].type;
		CK_OBJECT_HANDLE priv, pub;
		EVP_PKEY *pkey = libcrypto_curve_key(i, &scalar, &point), *is;
		CK_ATTRIBUTE list[] = {A(CKA_CLASS, private_class), A(CKA_KEY_TYPE, type), params_by_name(i, room),
		                       B(CKA_VALUE, scalar.bytes, scalar.len), A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
		CK_ATTRIBUTE half[] = {A(CKA_CLASS, public_class), A(CKA_KEY_TYPE, type), params_by_name(i, room),
		                       B(CKA_EC_POINT, point.bytes, point.len)};
		OK(create(list, N(list), &priv));
		OK(create(half, N(half), &pub));
		check_curve_key(i, priv);
		check_curve_key(i, pub);
		CU_ASSERT(shows_same(priv, pub, CKA_PUBLIC_KEY_INFO));
		is = public_of(priv);
		CU_ASSERT_EQUAL(EVP_PKEY_eq(is, pkey), 1);
		EVP_PKEY_free(is);
		shown = value_of(priv, CKA_VALUE);
		CU_ASSERT(shown.len == scalar.len && memcmp(shown.bytes, scalar.bytes, shown.len) == 0);

		IS(create(list, 3, &priv), CKR_TEMPLATE_INCOMPLETE);
		IS(create(half, 3, &pub), CKR_TEMPLATE_INCOMPLETE);
		list[3].ulValueLen++;
		scalar.bytes[0] |= 1;
		IS(create(list, N(list), &priv), CKR_ATTRIBUTE_VALUE_INVALID);
		half[3].ulValueLen--;
		IS(create(half, N(half), &pub), CKR_ATTRIBUTE_VALUE_INVALID);
		if (type == CKK_EC) { /* off the curve */
			half[3].ulValueLen++;
			point.bytes[point.len - 1] ^= 1;
			IS(create(half, N(half), &pub), CKR_ATTRIBUTE_VALUE_INVALID);
		}
		EVP_PKEY_free(pkey);
	}
}

/* -- wrapping ----------------------------------------------------------------------------------------- */

static uint8_t iv[16] = {7};
static CK_GCM_PARAMS gcm = {.pIv = iv, .ulIvLen = 12, .ulTagBits = 128};

static CK_MECHANISM wrap_mechanism(CK_MECHANISM_TYPE type)
{
	if (type == CKM_AES_GCM)
		return mechanism(type, &gcm, sizeof gcm);
	bool has_iv = type == CKM_AES_CBC || type == CKM_AES_CBC_PAD;
	return mechanism(type, has_iv ? iv : NULL, has_iv ? 16 : 0);
}

static CK_RV unwrap_as(CK_MECHANISM_TYPE with, CK_OBJECT_CLASS object_class, CK_KEY_TYPE type, const uint8_t *in, CK_ULONG len,
                       CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE templ[] = {A(CKA_CLASS, object_class), A(CKA_KEY_TYPE, type), A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
	CK_MECHANISM m = wrap_mechanism(with);
	return key_unwrap(session, &m, wrapping_key, in, len, templ, N(templ), key);
}

/* Under every mechanism that carries private keys, there and back; as another type it is no key. */
static void wrap_private(CK_OBJECT_HANDLE key, CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE part)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_GCM, CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP_KWP};
	for (size_t i = 0; i < N(types); i++) {
		CK_MECHANISM m = wrap_mechanism(types[i]);
		static uint8_t wrapped[8192];
		CK_ULONG need = 0, n;
		CK_OBJECT_HANDLE back = 0;
		OK(key_wrap(session, &m, wrapping_key, key, NULL, &need));
		n = need - 1;
		IS(key_wrap(session, &m, wrapping_key, key, wrapped, &n), CKR_BUFFER_TOO_SMALL);
		OK(key_wrap(session, &m, wrapping_key, key, wrapped, &n));
		CU_ASSERT(n == need && need <= sizeof wrapped);
		OK(unwrap_as(types[i], CKO_PRIVATE_KEY, type, wrapped, n, &back));
		CU_ASSERT(shows_same(key, back, part) && shows_same(key, back, CKA_PUBLIC_KEY_INFO) && !bool_of(back, CKA_LOCAL));
		IS(unwrap_as(types[i], CKO_PRIVATE_KEY, type == CKK_RSA ? CKK_EC : CKK_RSA, wrapped, n, &back),
		   CKR_WRAPPED_KEY_INVALID);
		IS(unwrap_as(types[i], CKO_PRIVATE_KEY, CKK_HUFU_SM2, wrapped, n, &back), CKR_WRAPPED_KEY_INVALID);
		IS(unwrap_as(types[i], CKO_PUBLIC_KEY, type, wrapped, n, &back), CKR_TEMPLATE_INCONSISTENT);
	}
}

static void test_wrap_private(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	CK_OBJECT_HANDLE key;
	OK(create_rsa(pkey, true, false, 0, &key));
	wrap_private(key, CKK_RSA, CKA_PRIVATE_EXPONENT);
	EVP_PKEY_free(pkey);
	for (size_t i = 0; i < N(curves); i++) {
		CK_ATTRIBUTE params = B(CKA_EC_PARAMS, curves[i].oid, curves[i].oid_len);
		CK_ATTRIBUTE open[] = {A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
		CK_OBJECT_HANDLE pub;
		OK(generate_pair(curves[i].mechanism, &params, 1, open, 2, &pub, &key));
		wrap_private(key, curves[i].type, CKA_VALUE);
	}
}

/* SM2 keys come back under either of their names. */
static void test_wrap_sm2(void)
{
	CK_MECHANISM m = wrap_mechanism(CKM_AES_GCM);
	uint8_t wrapped[256];
	CK_ULONG n = sizeof wrapped;
	CK_OBJECT_HANDLE back = 0;
	OK(key_wrap(session, &m, wrapping_key, sm2_private, wrapped, &n));
	OK(unwrap_as(CKM_AES_GCM, CKO_PRIVATE_KEY, CKK_EC, wrapped, n, &back));
	CU_ASSERT(ulong_of(back, CKA_KEY_TYPE) == CKK_HUFU_SM2 && shows_same(back, sm2_private, CKA_VALUE));
	OK(unwrap_as(CKM_AES_GCM, CKO_PRIVATE_KEY, CKK_HUFU_SM2, wrapped, n, &back));
	IS(unwrap_as(CKM_AES_GCM, CKO_PRIVATE_KEY, CKK_EC_EDWARDS, wrapped, n, &back), CKR_WRAPPED_KEY_INVALID);
}

/* libcrypto's PKCS#8 comes in. Broken anywhere, it is refused or is still that key (RSA's CRT parts are made anew). */
static void test_unwrap_foreign(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), *is;
	struct value der = pkcs8_of(pkey);
	CK_MECHANISM m = wrap_mechanism(CKM_AES_GCM);
	uint8_t wrapped[1280];
	CK_OBJECT_HANDLE key;
	for (size_t i = 0; i <= der.len; i += i < 64 ? 1 : 29) {
		CK_ULONG n = sizeof wrapped;
		if (i)
			der.bytes[i - 1] ^= 0x10;
		OK(crypt_at_once(OP_ENCRYPT, &m, wrapping_key, der.bytes, der.len, wrapped, &n));
		CK_RV rv = unwrap_as(CKM_AES_GCM, CKO_PRIVATE_KEY, CKK_RSA, wrapped, n, &key);
		CU_ASSERT(i == 0 ? rv == CKR_OK : rv == CKR_OK || rv == CKR_WRAPPED_KEY_INVALID);
		if (rv == CKR_OK) {
			is = public_of(key);
			CU_ASSERT_EQUAL(EVP_PKEY_eq(is, pkey), 1);
			EVP_PKEY_free(is);
		}
		if (i)
			der.bytes[i - 1] ^= 0x10;
	}
	EVP_PKEY_free(pkey);
}

static void test_wrap_policy(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_RV sensitive, open, private;
	} rows[] = {
		{CKM_AES_GCM, CKR_OK, CKR_OK, CKR_OK}, {CKM_AES_KEY_WRAP_KWP, CKR_OK, CKR_OK, CKR_OK},
		{CKM_AES_KEY_WRAP, CKR_OK, CKR_OK, CKR_KEY_SIZE_RANGE},
		{CKM_AES_CBC_PAD, CKR_KEY_NOT_WRAPPABLE, CKR_OK, CKR_KEY_NOT_WRAPPABLE},
		{CKM_AES_CBC, CKR_KEY_NOT_WRAPPABLE, CKR_OK, CKR_KEY_NOT_WRAPPABLE},
		{CKM_AES_ECB, CKR_KEY_NOT_WRAPPABLE, CKR_OK, CKR_KEY_NOT_WRAPPABLE},
	};
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	CK_ATTRIBUTE sensitive = A(CKA_SENSITIVE, yes);
	uint8_t value[24] = {9}, out[2048];
	CK_OBJECT_HANDLE secret = make_secret(CKK_AES, value, 24, &sensitive, 1), open = make_secret(CKK_AES, value, 24, NULL, 0),
		kept = 0, private = 0, open_private = 0;
	OK(create_rsa(pkey, true, true, 0, &kept));
	OK(create_rsa(pkey, true, false, 0, &open_private));
	OK(object_copy(session, open_private, &sensitive, 1, &private));
	for (size_t i = 0; i < N(rows); i++) {
		CK_MECHANISM m = wrap_mechanism(rows[i].type);
		CK_ULONG n = sizeof out;
		IS(key_wrap(session, &m, wrapping_key, secret, out, &n), rows[i].sensitive);
		n = sizeof out;
		IS(key_wrap(session, &m, wrapping_key, open, out, &n), rows[i].open);
		n = sizeof out;
		CK_RV rv = key_wrap(session, &m, wrapping_key, private, out, &n);
		CU_ASSERT(rv == rows[i].private || (rows[i].type == CKM_AES_KEY_WRAP && rv == CKR_OK));
		n = sizeof out;
		IS(key_wrap(session, &m, wrapping_key, kept, out, &n), CKR_KEY_UNEXTRACTABLE);
	}
	EVP_PKEY_free(pkey);
}

/* Zeros behind it, cut off by CKA_VALUE_LEN; they are no part of the key. */
static void test_wrap_fills_up(void)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_ECB, CKM_AES_CBC};
	uint8_t value[24] = {5, 6}, wrapped[64], clear[64];
	CK_OBJECT_HANDLE open = make_secret(CKK_AES, value, 24, NULL, 0), back = 0;
	CK_KEY_TYPE aes = CKK_AES;
	CK_ULONG len = 24;
	for (size_t i = 0; i < 2; i++) {
		CK_MECHANISM m = wrap_mechanism(types[i]);
		CK_ATTRIBUTE templ[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, aes), A(CKA_VALUE_LEN, len),
		                        A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
		CK_ULONG n = sizeof wrapped, k = sizeof clear;
		OK(key_wrap(session, &m, wrapping_key, open, wrapped, &n));
		CU_ASSERT_EQUAL(n, 32);
		OK(crypt_at_once(OP_DECRYPT, &m, wrapping_key, wrapped, n, clear, &k));
		CU_ASSERT(k == 32 && memcmp(clear, value, 24) == 0 && memcmp(clear + 24, "\0\0\0\0\0\0\0\0", 8) == 0);
		OK(key_unwrap(session, &m, wrapping_key, wrapped, n, templ, N(templ), &back));
		CU_ASSERT(shows_same(open, back, CKA_VALUE) && shows_same(open, back, CKA_CHECK_VALUE));
		OK(unwrap_as(types[i], CKO_SECRET_KEY, CKK_AES, wrapped, n, &back));
		CU_ASSERT_EQUAL(ulong_of(back, CKA_VALUE_LEN), 32); /* unsaid, all of it is */
	}
}

/* By RSA: a secret, not a private key; sensitive ones by OAEP alone. */
static void test_wrap_by_rsa(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .source = CKZ_DATA_SPECIFIED};
	CK_MECHANISM rows[] = {{CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep}, {CKM_RSA_PKCS, NULL, 0}, {CKM_RSA_X_509, NULL, 0}};
	CK_ATTRIBUTE sensitive = A(CKA_SENSITIVE, yes), may_wrap = A(CKA_WRAP, yes), may_unwrap = A(CKA_UNWRAP, yes);
	uint8_t value[24] = {9}, out[256];
	CK_OBJECT_HANDLE pub, priv, other, secret = make_secret(CKK_AES, value, 24, &sensitive, 1),
		open = make_secret(CKK_AES, value, 24, NULL, 0), back;
	CK_KEY_TYPE aes = CKK_AES;
	CK_ULONG len = 24;
	CK_ATTRIBUTE templ[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, aes), A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes),
	                        A(CKA_VALUE_LEN, len)};
	OK(create_rsa_public(pkey, &pub));
	OK(create_rsa(pkey, true, false, 0, &priv));
	OK(object_copy(session, priv, NULL, 0, &other));
	OK(object_set_attributes(session, pub, &may_wrap, 1));
	OK(object_set_attributes(session, priv, &may_unwrap, 1));
	for (size_t i = 0; i < N(rows); i++) {
		CK_ULONG n = sizeof out;
		IS(key_wrap(session, &rows[i], pub, secret, out, &n), i == 0 ? CKR_OK : CKR_KEY_NOT_WRAPPABLE);
		n = sizeof out;
		IS(key_wrap(session, &rows[i], pub, other, out, &n), CKR_KEY_NOT_WRAPPABLE);
		n = sizeof out;
		OK(key_wrap(session, &rows[i], pub, open, out, &n));
		OK(key_unwrap(session, &rows[i], priv, out, n, templ, N(templ), &back));
		CU_ASSERT(shows_same(open, back, CKA_VALUE));
	}
	EVP_PKEY_free(pkey);
}

/* Private keys by RSA too; libcrypto opens it: OAEP, then RFC 5649. */
static void test_rsa_aes(void)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .source = CKZ_DATA_SPECIFIED};
	CK_ATTRIBUTE may_wrap = A(CKA_WRAP, yes), may_unwrap = A(CKA_UNWRAP, yes), sensitive = A(CKA_SENSITIVE, yes);
	static uint8_t out[4096];
	CK_OBJECT_HANDLE pub, priv, key, kept, back = 0;
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_ATTRIBUTE templ[] = {A(CKA_CLASS, private_class), A(CKA_KEY_TYPE, rsa), A(CKA_SENSITIVE, no), A(CKA_EXTRACTABLE, yes)};
	OK(create_rsa_public(pkey, &pub));
	OK(create_rsa(pkey, true, false, 0, &priv));
	OK(object_copy(session, priv, NULL, 0, &key));
	OK(object_copy(session, priv, &sensitive, 1, &kept));
	OK(object_set_attributes(session, pub, &may_wrap, 1));
	OK(object_set_attributes(session, priv, &may_unwrap, 1));
	for (CK_ULONG nbits = 128; nbits <= 256; nbits += 64) {
		CK_RSA_AES_KEY_WRAP_PARAMS params = {nbits, &oaep};
		CK_MECHANISM m = {CKM_RSA_AES_KEY_WRAP, &params, sizeof params};
		CK_ULONG need = 0, n;
		OK(key_wrap(session, &m, pub, kept, NULL, &need));
		n = need - 1;
		IS(key_wrap(session, &m, pub, kept, out, &n), CKR_BUFFER_TOO_SMALL);
		n = need;
		OK(key_wrap(session, &m, pub, kept, out, &n));
		CU_ASSERT_EQUAL(n, need);
		OK(key_unwrap(session, &m, priv, out, n, templ, N(templ), &back));
		CU_ASSERT(shows_same(key, back, CKA_PRIVATE_EXPONENT));

		uint8_t aes[256], text[4096];
		size_t aes_len = sizeof aes;
		int text_len = 0;
		EVP_PKEY_CTX *open = EVP_PKEY_CTX_new(pkey, NULL);
		EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
		CU_ASSERT(EVP_PKEY_decrypt_init(open) == 1 && EVP_PKEY_CTX_set_rsa_padding(open, RSA_PKCS1_OAEP_PADDING) == 1 &&
		          EVP_PKEY_CTX_set_rsa_oaep_md(open, EVP_sha256()) == 1 &&
		          EVP_PKEY_CTX_set_rsa_mgf1_md(open, EVP_sha256()) == 1);
		CU_ASSERT(EVP_PKEY_decrypt(open, aes, &aes_len, out, 256) == 1 && aes_len == nbits / 8);
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
		CU_ASSERT_EQUAL(EVP_DecryptInit_ex(ctx, nbits == 128 ? EVP_aes_128_wrap_pad() : nbits == 192 ? EVP_aes_192_wrap_pad() :
		                                   EVP_aes_256_wrap_pad(), NULL, aes, NULL), 1);
		CU_ASSERT_EQUAL(EVP_DecryptUpdate(ctx, text, &text_len, out + 256, (int)(n - 256)), 1);
		struct key_form form;
		CU_ASSERT(key_form_read_private(text, (size_t)text_len, &form) && form.type == CKK_RSA);
		EVP_CIPHER_CTX_free(ctx);
		EVP_PKEY_CTX_free(open);

		out[300] ^= 1;
		IS(key_unwrap(session, &m, priv, out, n, templ, N(templ), &back), CKR_WRAPPED_KEY_INVALID);
		out[300] ^= 1;
		out[3] ^= 1;
		IS(key_unwrap(session, &m, priv, out, n, templ, N(templ), &back), CKR_WRAPPED_KEY_INVALID);
		IS(key_unwrap(session, &m, priv, out, n - 1, templ, N(templ), &back), CKR_WRAPPED_KEY_LEN_RANGE);
		IS(key_unwrap(session, &m, priv, out, 264, templ, N(templ), &back), CKR_WRAPPED_KEY_LEN_RANGE);
		IS(crypt_init(session, OP_ENCRYPT, &m, pub), CKR_MECHANISM_INVALID);
		params.ulAESKeyBits = nbits + 1;
		IS(key_wrap(session, &m, pub, key, out, &n), CKR_MECHANISM_PARAM_INVALID);
		params = (CK_RSA_AES_KEY_WRAP_PARAMS){nbits, NULL};
		IS(key_wrap(session, &m, pub, key, out, &n), CKR_MECHANISM_PARAM_INVALID);
	}
	EVP_PKEY_free(pkey);
}

/* -- triple DES ---------------------------------------------------------------------------------------- */

/* SP 800-67's example key. */
static const uint8_t des3_value[24] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x23, 0x45, 0x67, 0x89,
                                       0xab, 0xcd, 0xef, 0x01, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23};

static void test_des3_read(void)
{
	CK_KEY_TYPE des3 = CKK_DES3;
	CK_ATTRIBUTE list[] = {A(CKA_CLASS, secret_class), A(CKA_KEY_TYPE, des3), A(CKA_VALUE, des3_value), A(CKA_SENSITIVE, no),
	                       A(CKA_EXTRACTABLE, yes), A(CKA_ENCRYPT, yes), A(CKA_WRAP, yes)};
	CK_MECHANISM ecb = {CKM_DES3_ECB, NULL, 0}, make = {CKM_DES3_KEY_GEN, NULL, 0};
	uint8_t block[8] = {0}, out[8];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE key;
	OK(create(list, N(list), &key));
	CU_ASSERT(bool_of(key, CKA_DECRYPT) && ulong_of(key, CKA_VALUE_LEN) == 24 && value_of(key, CKA_CHECK_VALUE).len == 3);
	CU_ASSERT_EQUAL(memcmp(value_of(key, CKA_VALUE).bytes, des3_value, 24), 0);
	OK(crypt_at_once(OP_DECRYPT, &ecb, key, block, 8, out, &n));
	IS(crypt_at_once(OP_ENCRYPT, &ecb, key, block, 8, out, &n), CKR_MECHANISM_INVALID);
	IS(key_wrap(session, &ecb, key, sm4_key, out, &n), CKR_MECHANISM_INVALID);
	IS(key_generate(session, &make, NULL, 0, &key), CKR_MECHANISM_INVALID);
	list[2].ulValueLen = 16;
	IS(create(list, N(list), &key), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_des3_check_value(void)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	CK_OBJECT_HANDLE key = make_secret(CKK_DES3, des3_value, 24, NULL, 0);
	uint8_t block[16];
	int n = 0;
	CU_ASSERT_EQUAL(EVP_EncryptInit_ex(ctx, EVP_des_ede3_ecb(), NULL, des3_value, NULL), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, block, &n, (const uint8_t[8]){0}, 8), 1);
	CU_ASSERT(n == 8 && memcmp(value_of(key, CKA_CHECK_VALUE).bytes, block, 3) == 0);
	EVP_CIPHER_CTX_free(ctx);
}

static const struct unit_case cases[] = {
	{"a token is made", up},
	{"secrets of every type are generated, and copied", test_secrets},
	{"AES has three lengths", test_aes_lengths},
	{"check values are the standards'", test_check_values},
	{"triple DES is off", test_des3_off},
	{"RSA pairs are generated with their attributes", test_rsa_generate},
	{"RSA generation answers with the specification's codes", test_rsa_generate_codes},
	{"RSA keys of libcrypto's come in, whole or by n, e and d", test_rsa_create},
	{"RSA keys that are none are refused", test_rsa_refused},
	{"the largest RSA key fits", test_rsa_largest},
	{"keys of every curve are generated, named by OID or by name", test_curve_generate},
	{"an EC generation for the curve of SM2 makes an SM2 key", test_sm2_by_ec},
	{"curve generation answers with the specification's codes", test_curve_generate_codes},
	{"keys of every curve come in from libcrypto", test_curve_create},
	{"private keys leave wrapped, and come back as what they were", test_wrap_private},
	{"SM2 keys too, under either name", test_wrap_sm2},
	{"PKCS#8 of libcrypto comes in, broken ones do not", test_unwrap_foreign},
	{"what may leave by what", test_wrap_policy},
	{"keys of no block's length are filled up", test_wrap_fills_up},
	{"RSA wraps secrets", test_wrap_by_rsa},
	{"RSA with AES wraps private keys", test_rsa_aes},
	{"nothing secret is left", token_down},
	{"a token that takes triple DES is made", token_up_des3},
	{"keys of triple DES come in, and only decrypt", test_des3_read},
	{"their check value is libcrypto's", test_des3_check_value},
	{"nothing secret is left", token_down},
	{0},
};
UNIT_MAIN("key types", cases)
