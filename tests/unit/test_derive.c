/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_DeriveKey and CKM_PKCS5_PBKD2: values of RFC 5869, RFC 6070, RFC 7914, and
 * of arithmetic done by hand; and what policy refuses.
 */
#include "token_util.h"
#include "unit.h"

static const CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static const CK_KEY_TYPE generic = CKK_GENERIC_SECRET;

#define ATTR(type, value) {type, (void *)(uintptr_t)&(value), sizeof(value)}

static CK_OBJECT_HANDLE make_generic(const void *value, size_t len, CK_BBOOL sensitive, CK_BBOOL extractable)
{
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_SENSITIVE, sensitive),
		ATTR(CKA_EXTRACTABLE, extractable), ATTR(CKA_DERIVE, yes), {CKA_VALUE, (void *)(uintptr_t)value, len},
	};
	CK_OBJECT_HANDLE handle = 0;
	OK(object_create(session, templ, sizeof templ / sizeof templ[0], &handle));
	return handle;
}

/* A generic secret of len bytes (0: as many as come) that can be read. */
static CK_RV derive(CK_MECHANISM m, CK_OBJECT_HANDLE base, CK_ULONG len, CK_OBJECT_HANDLE *handle)
{
	CK_ATTRIBUTE templ[] = {ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_VALUE_LEN, len)};
	return key_derive(session, &m, base, templ, len ? 3 : 2, handle);
}

static void value_is(CK_OBJECT_HANDLE key, const char *hex)
{
	uint8_t want[256], value[256];
	CK_ATTRIBUTE a = {CKA_VALUE, value, sizeof value};
	size_t len = unit_hex(hex, want);
	OK(object_get_attributes(session, key, &a, 1));
	CU_ASSERT(a.ulValueLen == len && memcmp(value, want, len) == 0);
	OK(object_destroy(session, key));
}

static CK_MECHANISM with_data(CK_MECHANISM_TYPE type, CK_KEY_DERIVATION_STRING_DATA *p, const char *data, CK_ULONG len)
{
	p->pData = (CK_BYTE_PTR)(uintptr_t)data;
	p->ulLen = len;
	return mechanism(type, p, sizeof *p);
}

static void test_concatenate(void)
{
	CK_KEY_DERIVATION_STRING_DATA p;
	CK_OBJECT_HANDLE base = make_generic("\x01\x02\x03", 3, CK_FALSE, CK_TRUE), key;
	CK_OBJECT_HANDLE second = make_generic("\xaa\xbb", 2, CK_FALSE, CK_TRUE);
	CK_MECHANISM_TYPE all[] = {CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE};
	static const char *const whole[] = {"0102030708", "0708010203"}, *const cut[] = {"01020307", "07080102"};

	for (size_t i = 0; i < 2; i++) {
		OK(derive(with_data(all[i], &p, "\x07\x08", 2), base, 0, &key));
		value_is(key, whole[i]);
		OK(derive(with_data(all[i], &p, "\x07\x08", 2), base, 4, &key));
		value_is(key, cut[i]);
		IS(derive(with_data(all[i], &p, "\x07\x08", 2), base, 6, &key), CKR_KEY_SIZE_RANGE);
		IS(derive(with_data(all[i], &p, NULL, 2), base, 0, &key), CKR_MECHANISM_PARAM_INVALID);
		IS(derive(mechanism(all[i], NULL, 0), base, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	}
	OK(derive(mechanism(CKM_CONCATENATE_BASE_AND_KEY, &second, sizeof second), base, 0, &key));
	value_is(key, "010203aabb");
	second = 4711;
	IS(derive(mechanism(CKM_CONCATENATE_BASE_AND_KEY, &second, sizeof second), base, 0, &key), CKR_KEY_HANDLE_INVALID);
	IS(derive(mechanism(CKM_CONCATENATE_BASE_AND_KEY, &second, 3), base, 0, &key), CKR_MECHANISM_PARAM_INVALID);
}

static void test_xor_and_extract(void)
{
	CK_KEY_DERIVATION_STRING_DATA p;
	CK_OBJECT_HANDLE base = make_generic("\x32\x9f\x84\xa9", 4, CK_FALSE, CK_TRUE), key;
	CK_EXTRACT_PARAMS bit = 21, far = 32;

	OK(derive(with_data(CKM_XOR_BASE_AND_DATA, &p, "\xff\x01\x00\xa9\x55", 5), base, 0, &key));
	value_is(key, "cd9e8400");
	OK(derive(with_data(CKM_XOR_BASE_AND_DATA, &p, "\xff\x01", 2), base, 0, &key));
	value_is(key, "cd9e");
	/* The example of 6.43.6: bit 21 of 32 9f 84 a9, two bytes: 95 26. */
	OK(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit), base, 2, &key));
	value_is(key, "9526");
	bit = 0;
	OK(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit), base, 4, &key));
	value_is(key, "329f84a9");
	IS(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit), base, 0, &key), CKR_TEMPLATE_INCOMPLETE);
	IS(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit), base, 5, &key), CKR_KEY_SIZE_RANGE);
	IS(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &far, sizeof far), base, 1, &key), CKR_MECHANISM_PARAM_INVALID);
}

/* A key of one byte made of a chosen bit has few values: the sensitive key would be read from its check values. */
static void test_piecewise(void)
{
	CK_KEY_DERIVATION_STRING_DATA p;
	CK_EXTRACT_PARAMS bit = 0;
	CK_OBJECT_HANDLE readable = make_generic("\x01\x02\x03", 3, CK_FALSE, CK_TRUE), key;
	CK_OBJECT_HANDLE kept[] = {make_generic("\x01\x02\x03", 3, CK_TRUE, CK_TRUE), make_generic("\x01\x02\x03", 3, CK_FALSE, CK_FALSE)};
	CK_MECHANISM_TYPE all[] = {CKM_CONCATENATE_BASE_AND_DATA, CKM_CONCATENATE_DATA_AND_BASE, CKM_XOR_BASE_AND_DATA};

	for (size_t i = 0; i < 2; i++) {
		for (size_t j = 0; j < 3; j++)
			IS(derive(with_data(all[j], &p, "\x07", 1), kept[i], 1, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(derive(mechanism(CKM_EXTRACT_KEY_FROM_KEY, &bit, sizeof bit), kept[i], 1, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(derive(mechanism(CKM_CONCATENATE_BASE_AND_KEY, &readable, sizeof readable), kept[i], 1, &key),
		   CKR_KEY_FUNCTION_NOT_PERMITTED);
		IS(derive(mechanism(CKM_CONCATENATE_BASE_AND_KEY, &kept[i], sizeof kept[i]), readable, 1, &key),
		   CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

/* -- HKDF ------------------------------------------------------------------------------- */

#define PRK "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"
#define OKM "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"

static uint8_t ikm[22], salt[13], info[10];

static CK_HKDF_PARAMS rfc5869(void)
{
	memset(ikm, 0x0b, sizeof ikm);
	for (size_t i = 0; i < sizeof salt; i++)
		salt[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof info; i++)
		info[i] = (uint8_t)(0xf0 + i);
	return (CK_HKDF_PARAMS){.bExtract = CK_TRUE, .bExpand = CK_TRUE, .prfHashMechanism = CKM_SHA256,
	                        .ulSaltType = CKF_HKDF_SALT_DATA, .pSalt = salt, .ulSaltLen = sizeof salt, .pInfo = info,
	                        .ulInfoLen = sizeof info};
}

static void test_hkdf(void)
{
	CK_HKDF_PARAMS p = rfc5869();
	CK_OBJECT_HANDLE base = make_generic(ikm, sizeof ikm, CK_FALSE, CK_TRUE), key;

	OK(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 42, &key));
	value_is(key, OKM);
	p.bExpand = CK_FALSE;
	OK(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 0, &key));
	value_is(key, PRK);
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 31, &key), CKR_KEY_SIZE_RANGE);

	uint8_t prk[32];
	unit_hex(PRK, prk);
	CK_OBJECT_HANDLE middle = make_generic(prk, sizeof prk, CK_TRUE, CK_FALSE);
	p.bExtract = CK_FALSE;
	p.bExpand = CK_TRUE;
	OK(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), middle, 42, &key));
	value_is(key, OKM);
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), middle, 255 * 32 + 1, &key), CKR_ATTRIBUTE_VALUE_INVALID);
	p.bExpand = CK_FALSE;
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), middle, 0, &key), CKR_MECHANISM_PARAM_INVALID);
	p.bExpand = CK_TRUE;
	p.prfHashMechanism = CKM_SHA256_HMAC;
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), middle, 0, &key), CKR_MECHANISM_PARAM_INVALID);
}

static void test_hkdf_salt_key(void)
{
	CK_HKDF_PARAMS p = rfc5869();
	CK_OBJECT_HANDLE base = make_generic(ikm, sizeof ikm, CK_FALSE, CK_TRUE), key;
	const CK_BBOOL derives = CK_FALSE;
	CK_ATTRIBUTE change = ATTR(CKA_DERIVE, derives);

	p.ulSaltType = CKF_HKDF_SALT_KEY;
	p.hSaltKey = make_generic(salt, sizeof salt, CK_TRUE, CK_FALSE);
	OK(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 42, &key));
	value_is(key, OKM);
	OK(object_set_attributes(session, p.hSaltKey, &change, 1));
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 42, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	p.ulSaltType = 8;
	IS(derive(mechanism(CKM_HKDF_DERIVE, &p, sizeof p), base, 42, &key), CKR_MECHANISM_PARAM_INVALID);
}

/* -- PBKDF2 ----------------------------------------------------------------------------- */

static CK_RV of_measured_password(CK_ULONG prf, const char *password, CK_ULONG password_len, CK_ULONG iterations, CK_ULONG len,
                                  CK_OBJECT_HANDLE *key)
{
	CK_PKCS5_PBKD2_PARAMS2 p = {.saltSource = CKZ_SALT_SPECIFIED, .pSaltSourceData = "salt", .ulSaltSourceDataLen = 4,
	                            .iterations = iterations, .prf = prf, .pPassword = (CK_UTF8CHAR_PTR)(uintptr_t)password,
	                            .ulPasswordLen = password_len};
	CK_MECHANISM m = mechanism(CKM_PKCS5_PBKD2, &p, sizeof p);
	CK_ATTRIBUTE templ[] = {ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_KEY_TYPE, generic),
	                        ATTR(CKA_VALUE_LEN, len)};
	return key_generate(session, &m, templ, 4, key);
}

static CK_RV of_password(CK_ULONG prf, const char *password, CK_ULONG iterations, CK_ULONG len, CK_OBJECT_HANDLE *key)
{
	return of_measured_password(prf, password, strlen(password), iterations, len, key);
}

/* CK_PKCS5_PBKD2_PARAMS, as NSS passes it; and lengths that are neither. */
static void test_pbkdf2_length_by_pointer(void)
{
	CK_OBJECT_HANDLE key;
	CK_ULONG len = 8, too_long = 1ul << 40;
	OK(of_measured_password(CKP_PKCS5_PBKD2_HMAC_SHA1, "password", (uintptr_t)&len, 2, 20, &key));
	value_is(key, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
	IS(of_measured_password(CKP_PKCS5_PBKD2_HMAC_SHA1, "password", (uintptr_t)&too_long, 2, 20, &key), CKR_MECHANISM_PARAM_INVALID);
	IS(of_measured_password(CKP_PKCS5_PBKD2_HMAC_SHA1, "password", UINT32_MAX, 2, 20, &key), CKR_MECHANISM_PARAM_INVALID);
	IS(of_measured_password(CKP_PKCS5_PBKD2_HMAC_SHA1, "password", CK_UNAVAILABLE_INFORMATION, 2, 20, &key),
	   CKR_MECHANISM_PARAM_INVALID);
}

static void test_pbkdf2(void)
{
	CK_OBJECT_HANDLE key;
	OK(of_password(CKP_PKCS5_PBKD2_HMAC_SHA1, "password", 2, 20, &key));
	value_is(key, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
	OK(of_password(CKP_PKCS5_PBKD2_HMAC_SHA256, "passwd", 1, 64, &key));
	value_is(key, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
	              "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
	OK(of_password(CKP_PKCS5_PBKD2_HMAC_SHA512, "", 3, 16, &key));
	value_is(key, "35728858479af699c1690e989eba0d10");
	IS(of_password(CKP_PKCS5_PBKD2_HMAC_GOSTR3411, "p", 1, 16, &key), CKR_MECHANISM_PARAM_INVALID);
	IS(of_password(CKP_PKCS5_PBKD2_HMAC_SHA256, "p", 0, 16, &key), CKR_MECHANISM_PARAM_INVALID);
	IS(of_password(CKP_PKCS5_PBKD2_HMAC_SHA256, "p", CK_UNAVAILABLE_INFORMATION, 16, &key), CKR_MECHANISM_PARAM_INVALID);
}

/* -- who may, and what becomes of it ------------------------------------------------------ */

static bool has(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL flag = CK_FALSE;
	CK_ATTRIBUTE a = {type, &flag, sizeof flag};
	OK(object_get_attributes(session, key, &a, 1));
	return flag;
}

static void test_history(void)
{
	CK_HKDF_PARAMS p = rfc5869();
	CK_MECHANISM m = mechanism(CKM_HKDF_DERIVE, &p, sizeof p), gen = mechanism(CKM_GENERIC_SECRET_KEY_GEN, NULL, 0);
	const CK_ULONG len = 32;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_VALUE_LEN, len), ATTR(CKA_DERIVE, yes)};
	CK_OBJECT_HANDLE born, imported = make_generic(ikm, sizeof ikm, CK_TRUE, CK_FALSE), key;

	OK(key_generate(session, &gen, templ, 2, &born));
	OK(key_derive(session, &m, born, NULL, 0, &key));
	CU_ASSERT(has(key, CKA_SENSITIVE) && has(key, CKA_ALWAYS_SENSITIVE) && has(key, CKA_NEVER_EXTRACTABLE) && !has(key, CKA_LOCAL));
	OK(key_derive(session, &m, imported, NULL, 0, &key));
	CU_ASSERT(has(key, CKA_SENSITIVE) && !has(key, CKA_ALWAYS_SENSITIVE) && !has(key, CKA_NEVER_EXTRACTABLE));
}

static void test_permission(void)
{
	CK_HKDF_PARAMS p = rfc5869();
	CK_MECHANISM m = mechanism(CKM_HKDF_DERIVE, &p, sizeof p);
	CK_OBJECT_HANDLE base = make_generic(ikm, sizeof ikm, CK_FALSE, CK_TRUE), key = 0;
	CK_ATTRIBUTE value = {CKA_VALUE, ikm, 16};
	const CK_KEY_TYPE sm4 = CKK_HUFU_SM4;
	const CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE of_sm4 = ATTR(CKA_KEY_TYPE, sm4), of_private = ATTR(CKA_CLASS, private_class);

	IS(key_derive(session, &m, 4711, NULL, 0, &key), CKR_KEY_HANDLE_INVALID);
	IS(key_derive(session, &m, sm4_key, NULL, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
	IS(key_derive(session, &m, sm2_private, NULL, 0, &key), CKR_KEY_TYPE_INCONSISTENT);
	IS(key_derive(session, &m, base, &value, 1, &key), CKR_ATTRIBUTE_READ_ONLY);
	IS(key_derive(session, &m, base, &of_private, 1, &key), CKR_TEMPLATE_INCONSISTENT);
	OK(key_derive(session, &m, base, &of_sm4, 1, &key));
	CK_ATTRIBUTE derives = ATTR(CKA_DERIVE, no);
	OK(object_set_attributes(session, base, &derives, 1));
	IS(key_derive(session, &m, base, NULL, 0, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* CKA_DERIVE_TEMPLATE: what it says is added, what contradicts it is refused. */
static void test_template(void)
{
	CK_HKDF_PARAMS p = rfc5869();
	CK_MECHANISM m = mechanism(CKM_HKDF_DERIVE, &p, sizeof p);
	CK_ATTRIBUTE inner[] = {ATTR(CKA_SENSITIVE, yes), {CKA_LABEL, "child", 5}};
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, generic), ATTR(CKA_DERIVE, yes), {CKA_VALUE, ikm, sizeof ikm},
		{CKA_DERIVE_TEMPLATE, inner, sizeof inner},
	};
	CK_OBJECT_HANDLE base, key;
	char label[8];
	CK_ATTRIBUTE a = {CKA_LABEL, label, sizeof label};

	OK(object_create(session, templ, 5, &base));
	IS(derive(m, base, 0, &key), CKR_TEMPLATE_INCONSISTENT);
	OK(key_derive(session, &m, base, NULL, 0, &key));
	OK(object_get_attributes(session, key, &a, 1));
	CU_ASSERT(a.ulValueLen == 5 && memcmp(label, "child", 5) == 0);
}

static const struct unit_case cases[] = {
	{"a token comes up", token_up},
	{"concatenations have their parts in order, and no more bytes than there are", test_concatenate},
	{"exclusive or and extraction give what the specification's examples give", test_xor_and_extract},
	{"no sensitive or unextractable key is taken to pieces", test_piecewise},
	{"HKDF gives the values of RFC 5869 A.1, in each of its modes", test_hkdf},
	{"HKDF takes a salt that is a key, if it may derive", test_hkdf_salt_key},
	{"PBKDF2 gives the values of RFC 6070 and RFC 7914", test_pbkdf2},
	{"PBKDF2 takes the password's length by a pointer too", test_pbkdf2_length_by_pointer},
	{"a derived key was always what its base always was", test_history},
	{"only keys that may derive do, and values are not given", test_permission},
	{"CKA_DERIVE_TEMPLATE is heeded", test_template},
	{"everything is given back", token_down},
	{0},
};
UNIT_MAIN("derive", cases)
