/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: SM2 wraps secret keys in each of its three forms, and private SM2 keys
 * as SM2EnvelopedKey of GB/T 35276; what an independent implementation in Python
 * wrapped is unwrapped, and what is garbled, or tells a public key that is not
 * the private one's, is refused.
 */
#include "face.h"

#include <string.h>

/* To the pair of GB/T 32918.5 A.2 with the k of A.2: the key of GB/T 32907 A.1, and with it the private key B of GB/T 32918.5 B.2. */
#define C1X "04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
#define C1Y "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
#define C3 "4423b448d18b4a1a86b0e264e928007803243a5a8d9d0b0e8953bfe4e928adcf"
#define C2 "45c54abc791125fbc9bae9ecc8a65559"
#define SM2_CIPHER "30790220" C1X "022100" C1Y "0420" C3 "0410" C2
#define SM4_KEY "0123456789abcdeffedcba9876543210"
#define POINT_B "6ae848c57c53c7b1b5fa99eb2286af078ba64c64591b8b566f7357d576f16dfb" \
                "ee489d771621a27b36c5c7992062e9cd09a9264386f3fbea54dff69305621c4d"
#define D_B "785129917d45a9ea5437a59356b82338eaadda6ceb199088f14ae10defa229b5"
#define REST(point) SM2_CIPHER "03420004" point "032100cc497521a3ed157b988f0f696b7c379fbfe7fdfa3b80b7d0a3681a3c74a7fbbf"
#define ECB_NULL "300c06082a811ccf550168010500"
#define ECB "300a06082a811ccf55016801"
#define SM4_NULL "300b06072a811ccf5501680500"
#define SM4 "300906072a811ccf550168"
#define CBC_NULL "300c06082a811ccf550168020500"

static CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY, secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE sm2_type = CKK_HUFU_SM2, ec_type = CKK_EC, sm4_type = CKK_HUFU_SM4, rsa_type = CKK_RSA;
static CK_MECHANISM enveloped = {CKM_HUFU_SM2_ENVELOPED_KEY, NULL, 0};

static void wrapping_pair(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_ATTRIBUTE wraps = ATTR(CKA_WRAP, yes), unwraps = ATTR(CKA_UNWRAP, yes);
	face_standard_pair(s, pub, priv);
	NEED(p11->C_SetAttributeValue(s, *pub, &wraps, 1));
	NEED(p11->C_SetAttributeValue(s, *priv, &unwraps, 1));
}

static CK_OBJECT_HANDLE private_b(CK_SESSION_HANDLE s, CK_BBOOL *extractable)
{
	CK_BYTE d[32];
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, private_class), ATTR(CKA_KEY_TYPE, sm2_type), BYTES(CKA_VALUE, d, 32),
	                        BYTES(CKA_EC_PARAMS, (CK_BYTE *)HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN),
	                        ATTR(CKA_EXTRACTABLE, *extractable)};
	unit_hex(D_B, d);
	NEED(p11->C_CreateObject(s, templ, 5, &h));
	return h;
}

static CK_RV unwrap_private(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_KEY_TYPE *type, CK_BYTE *in,
                            CK_ULONG len, CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, private_class), ATTR(CKA_KEY_TYPE, *type), ATTR(CKA_SENSITIVE, no),
	                        ATTR(CKA_EXTRACTABLE, yes)};
	return p11->C_UnwrapKey(s, m, with, in, len, templ, 4, key);
}

static CK_RV unwrap_sm4(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_BYTE *in, CK_ULONG len,
                        CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, sm4_type), ATTR(CKA_SENSITIVE, no),
	                        ATTR(CKA_EXTRACTABLE, yes)};
	return p11->C_UnwrapKey(s, m, with, in, len, templ, 4, key);
}

static void check_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, const char *hex)
{
	CK_BYTE value[64], want[64];
	CK_ATTRIBUTE shown = BYTES(CKA_VALUE, value, sizeof value);
	CK_ULONG len = unit_hex(hex, want);
	OK(p11->C_GetAttributeValue(s, key, &shown, 1));
	CU_ASSERT(shown.ulValueLen == len && memcmp(value, want, len) == 0);
}

/* -- secret keys -------------------------------------------------------------------- */

static const struct {
	CK_MECHANISM_TYPE type;
	const char *wrapped;
} forms[] = {
	{CKM_HUFU_SM2_C1C3C2, "04" C1X C1Y C3 C2},
	{CKM_HUFU_SM2_C1C2C3, "04" C1X C1Y C2 C3},
	{CKM_HUFU_SM2_ENC_DER, SM2_CIPHER},
};

static void test_secret_known(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key;
	CK_BYTE wrapped[256];
	wrapping_pair(s, &pub, &priv);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		CK_MECHANISM m = {forms[i].type, NULL, 0};
		CK_ULONG len = unit_hex(forms[i].wrapped, wrapped);
		NEED(unwrap_sm4(s, &m, priv, wrapped, len, &key));
		check_value(s, key, SM4_KEY);
		for (CK_ULONG at = 5; at < len; at += 11) {
			wrapped[at] ^= 1;
			IS(unwrap_sm4(s, &m, priv, wrapped, len, &key), CKR_WRAPPED_KEY_INVALID);
			wrapped[at] ^= 1;
		}
	}
}

static void test_secret_there_and_back(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key, secret;
	CK_BYTE value[16], wrapped[256];
	CK_ULONG n, needed;
	wrapping_pair(s, &pub, &priv);
	unit_hex(SM4_KEY, value);
	secret = face_secret(s, CKK_HUFU_SM4, value, sizeof value);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		CK_MECHANISM m = {forms[i].type, NULL, 0};
		OK(p11->C_WrapKey(s, &m, pub, secret, NULL, &needed));
		n = needed - 1;
		IS(p11->C_WrapKey(s, &m, pub, secret, wrapped, &n), CKR_BUFFER_TOO_SMALL);
		n = sizeof wrapped;
		NEED(p11->C_WrapKey(s, &m, pub, secret, wrapped, &n));
		CU_ASSERT(n <= needed);
		NEED(unwrap_sm4(s, &m, priv, wrapped, n, &key));
		check_value(s, key, SM4_KEY);
		/* An SM2 key as PKCS#8 under SM2 itself: there is an envelope for that. */
		n = sizeof wrapped;
		IS(p11->C_WrapKey(s, &m, pub, private_b(s, &yes), wrapped, &n), CKR_KEY_NOT_WRAPPABLE);
	}
}

/* -- SM2EnvelopedKey ----------------------------------------------------------------- */

static void test_enveloped_known(void)
{
	static const char *const good[] = {"3081f0" ECB_NULL REST(POINT_B), "3081ee" ECB REST(POINT_B), "3081ef" SM4_NULL REST(POINT_B),
	                                   "3081ed" SM4 REST(POINT_B)};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key;
	CK_BYTE wrapped[256], point[67], want[64];
	CK_ATTRIBUTE shown = BYTES(CKA_EC_POINT, point, sizeof point);
	wrapping_pair(s, &pub, &priv);
	unit_hex(POINT_B, want);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		CK_ULONG len = unit_hex(good[i], wrapped);
		NEED(unwrap_private(s, &enveloped, priv, i % 2 ? &ec_type : &sm2_type, wrapped, len, &key));
		check_value(s, key, D_B);
		OK(p11->C_GetAttributeValue(s, key, &shown, 1));
		CU_ASSERT(memcmp(point + 3, want, 64) == 0);
	}
}

/* What is in it is taken out by other mechanisms: the SM4 key by SM2 decryption, the private key by SM4 in ECB mode. */
static void check_inside(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE priv, CK_BYTE *wrapped, CK_ULONG len)
{
	CK_MECHANISM der = {CKM_HUFU_SM2_ENC_DER, NULL, 0}, ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_BYTE head[17], key[128], d[32], want[32], point[64];
	CK_ULONG cipher_len = len - 3 - 14 - 68 - 35, n = sizeof key;
	unit_hex(ECB_NULL, head);
	CU_ASSERT(wrapped[0] == 0x30 && wrapped[1] == 0x81 && wrapped[2] == len - 3 && memcmp(wrapped + 3, head, 14) == 0);
	OK(p11->C_DecryptInit(s, &der, priv));
	OK(p11->C_Decrypt(s, wrapped + 17, cipher_len, key, &n));
	CU_ASSERT_EQUAL_FATAL(n, 16);
	CK_OBJECT_HANDLE sm4 = face_secret(s, CKK_HUFU_SM4, key, 16);
	unit_hex("03420004", head);
	unit_hex(POINT_B, point);
	CU_ASSERT(memcmp(wrapped + 17 + cipher_len, head, 4) == 0 && memcmp(wrapped + 21 + cipher_len, point, 64) == 0);
	unit_hex("032100", head);
	CU_ASSERT(memcmp(wrapped + len - 35, head, 3) == 0);
	OK(p11->C_DecryptInit(s, &ecb, sm4));
	n = sizeof d;
	OK(p11->C_Decrypt(s, wrapped + len - 32, 32, d, &n));
	unit_hex(D_B, want);
	CU_ASSERT(n == 32 && memcmp(d, want, 32) == 0);
}

static void test_enveloped_wrap(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key, b = private_b(s, &yes);
	CK_BYTE wrapped[256], again[256];
	CK_ULONG n = sizeof wrapped, m = sizeof again, needed;
	wrapping_pair(s, &pub, &priv);
	OK(p11->C_WrapKey(s, &enveloped, pub, b, NULL, &needed));
	CU_ASSERT_EQUAL(needed, 244);
	n = needed - 1;
	IS(p11->C_WrapKey(s, &enveloped, pub, b, wrapped, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 244);
	NEED(p11->C_WrapKey(s, &enveloped, pub, b, wrapped, &n));
	check_inside(s, priv, wrapped, n);
	NEED(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, n, &key));
	check_value(s, key, D_B);
	/* The SM4 key is a fresh one each time. */
	OK(p11->C_WrapKey(s, &enveloped, pub, b, again, &m));
	CU_ASSERT(memcmp(wrapped + n - 32, again + m - 32, 32) != 0);
}

static void test_enveloped_garbled(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key;
	CK_BYTE wrapped[300] = {0};
	wrapping_pair(s, &pub, &priv);
	CK_ULONG len = unit_hex("3081f0" ECB_NULL REST(POINT_B), wrapped);
	for (CK_ULONG at = 0; at < len; at++) {
		wrapped[at] ^= 1;
		IS(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, len, &key), CKR_WRAPPED_KEY_INVALID);
		wrapped[at] ^= 1;
	}
	for (CK_ULONG n = 1; n < len; n += 7)
		IS(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, n, &key), CKR_WRAPPED_KEY_INVALID);
	IS(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, len + 1, &key), CKR_WRAPPED_KEY_INVALID);
	len = unit_hex("3081f0" ECB_NULL REST(STANDARD_POINT), wrapped); /* another's public key */
	IS(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, len, &key), CKR_WRAPPED_KEY_INVALID);
	len = unit_hex("3081f0" CBC_NULL REST(POINT_B), wrapped);
	IS(unwrap_private(s, &enveloped, priv, &sm2_type, wrapped, len, &key), CKR_WRAPPED_KEY_INVALID);
}

static void test_enveloped_refused(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, key, b = private_b(s, &yes);
	CK_MECHANISM with_parameter = {CKM_HUFU_SM2_ENVELOPED_KEY, &b, sizeof b};
	CK_BYTE wrapped[256], value[16] = {1};
	CK_ULONG n = sizeof wrapped, len;
	wrapping_pair(s, &pub, &priv);
	len = unit_hex("3081f0" ECB_NULL REST(POINT_B), wrapped);
	IS(unwrap_sm4(s, &enveloped, priv, wrapped, len, &key), CKR_TEMPLATE_INCONSISTENT);
	IS(unwrap_private(s, &enveloped, priv, &rsa_type, wrapped, len, &key), CKR_WRAPPED_KEY_INVALID);
	IS(unwrap_private(s, &enveloped, pub, &sm2_type, wrapped, len, &key), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	IS(p11->C_WrapKey(s, &enveloped, pub, face_secret(s, CKK_HUFU_SM4, value, 16), wrapped, &n), CKR_KEY_NOT_WRAPPABLE);
	IS(p11->C_WrapKey(s, &enveloped, pub, private_b(s, &no), wrapped, &n), CKR_KEY_UNEXTRACTABLE);
	IS(p11->C_WrapKey(s, &enveloped, priv, b, wrapped, &n), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	IS(p11->C_WrapKey(s, &with_parameter, pub, b, wrapped, &n), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_EncryptInit(s, &enveloped, pub), CKR_MECHANISM_INVALID);
}

static const struct unit_case cases[] = {
	{"secret keys that others wrapped with SM2 are unwrapped, in three forms", test_secret_known},
	{"secret keys wrapped with SM2 come back", test_secret_there_and_back},
	{"SM2EnvelopedKeys that others made are unwrapped, with each form of the algorithm", test_enveloped_known},
	{"an SM2EnvelopedKey holds what GB/T 35276 says, and comes back", test_enveloped_wrap},
	{"an SM2EnvelopedKey with a bit turned over, or of another pair, is refused", test_enveloped_garbled},
	{"it carries private SM2 keys alone", test_enveloped_refused},
	{0},
};

UNIT_MAIN("envelope", cases)
