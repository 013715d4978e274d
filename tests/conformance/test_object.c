/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: objects are made, found, read, changed, copied and destroyed by the rules of PKCS#11 4 and 5.7. */
#include "tests/conformance/face.h"

static CK_OBJECT_CLASS data_class = CKO_DATA, secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE sm4 = CKK_HUFU_SM4;
static CK_BYTE value[16] = "0123456789abcdef";

#define N(array) (sizeof(array) / sizeof((array)[0]))

static CK_OBJECT_HANDLE data_object(CK_SESSION_HANDLE s, CK_BBOOL token, CK_BBOOL private, const char *label)
{
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, token), ATTR(CKA_PRIVATE, private),
		BYTES(CKA_LABEL, (void *)(uintptr_t)label, strlen(label)), BYTES(CKA_VALUE, value, 16),
	};
	NEED(p11->C_CreateObject(s, templ, N(templ), &h));
	return h;
}

static CK_ULONG found(CK_SESSION_HANDLE s, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *first)
{
	CK_OBJECT_HANDLE all[64];
	CK_ULONG count = 0;
	NEED(p11->C_FindObjectsInit(s, templ, n));
	NEED(p11->C_FindObjects(s, all, 64, &count));
	NEED(p11->C_FindObjectsFinal(s));
	if (count && first)
		*first = all[0];
	return count;
}

static CK_ULONG found_label(CK_SESSION_HANDLE s, const char *label)
{
	CK_ATTRIBUTE templ = {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};
	return found(s, &templ, 1, NULL);
}

/* -- creating ------------------------------------------------------------------------ */

static void test_create_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h;
	CK_OBJECT_CLASS odd_class = 0x1234;
	CK_KEY_TYPE odd_type = CKK_RC5;
	CK_BYTE long_value[17] = {0};
	CK_ULONG len = 16;
	CK_BYTE two = 2;
	CK_ATTRIBUTE no_class[] = {ATTR(CKA_TOKEN, no)};
	CK_ATTRIBUTE bad_class[] = {ATTR(CKA_CLASS, odd_class)};
	CK_ATTRIBUTE no_type[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_VALUE, value)};
	CK_ATTRIBUTE no_value[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, sm4)};
	CK_ATTRIBUTE bad_type[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, odd_type), ATTR(CKA_VALUE, value)};
	CK_ATTRIBUTE bad_len[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, sm4), ATTR(CKA_VALUE, long_value)};
	CK_ATTRIBUTE with_len[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, sm4), ATTR(CKA_VALUE, value),
		ATTR(CKA_VALUE_LEN, len)};
	CK_ATTRIBUTE local[] = {ATTR(CKA_CLASS, secret_class), ATTR(CKA_KEY_TYPE, sm4), ATTR(CKA_VALUE, value),
		ATTR(CKA_LOCAL, yes)};
	CK_ATTRIBUTE unique[] = {ATTR(CKA_CLASS, data_class), BYTES(CKA_UNIQUE_ID, value, 16)};
	CK_ATTRIBUTE wrong_kind[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_MODULUS, value)};
	CK_ATTRIBUTE unknown[] = {ATTR(CKA_CLASS, data_class), BYTES(0x7fffff00, value, 16)}; /* 4.1.1, step 1; the one above,
	       step 6 */
	CK_ATTRIBUTE odd_bool[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, two)};
	CK_ATTRIBUTE long_bool[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, len)};
	CK_ATTRIBUTE short_class[] = {BYTES(CKA_CLASS, &data_class, 4)};
	CK_ATTRIBUTE null_value[] = {ATTR(CKA_CLASS, data_class), {CKA_LABEL, NULL, 4}};
	CK_ATTRIBUTE long_len[] = {ATTR(CKA_CLASS, data_class), {CKA_LABEL, value, ~0UL}};
	CK_ATTRIBUTE twice[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, no), ATTR(CKA_TOKEN, yes)};
	const struct {
		CK_ATTRIBUTE *templ;
		CK_ULONG n;
		CK_RV rv;
	} rows[] = {
		{no_class, N(no_class), CKR_TEMPLATE_INCOMPLETE}, {NULL, 0, CKR_TEMPLATE_INCOMPLETE},
		{bad_class, N(bad_class), CKR_ATTRIBUTE_VALUE_INVALID}, {no_type, N(no_type), CKR_TEMPLATE_INCOMPLETE},
		{no_value, N(no_value), CKR_TEMPLATE_INCOMPLETE}, {bad_type, N(bad_type), CKR_ATTRIBUTE_VALUE_INVALID},
		{bad_len, N(bad_len), CKR_ATTRIBUTE_VALUE_INVALID}, {with_len, N(with_len), CKR_ATTRIBUTE_READ_ONLY},
		{local, N(local), CKR_ATTRIBUTE_READ_ONLY}, {unique, N(unique), CKR_ATTRIBUTE_READ_ONLY},
		{wrong_kind, N(wrong_kind), CKR_TEMPLATE_INCONSISTENT}, {odd_bool, N(odd_bool), CKR_ATTRIBUTE_VALUE_INVALID},
		{long_bool, N(long_bool), CKR_ATTRIBUTE_VALUE_INVALID}, {short_class, N(short_class),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{null_value, N(null_value), CKR_ATTRIBUTE_VALUE_INVALID}, {long_len, N(long_len), CKR_ATTRIBUTE_VALUE_INVALID},
		{twice, N(twice), CKR_TEMPLATE_INCONSISTENT}, {unknown, N(unknown), CKR_ATTRIBUTE_TYPE_INVALID},
	};
	for (size_t i = 0; i < N(rows); i++) {
		char which[64];
		snprintf(which, sizeof which, "C_CreateObject with template %zu", i);
		face_check(p11->C_CreateObject(s, rows[i].templ, rows[i].n, &h), rows[i].rv, which, __FILE__, __LINE__, false);
	}
	IS(p11->C_CreateObject(s, NULL, 3, &h), CKR_ARGUMENTS_BAD);
	IS(p11->C_CreateObject(s, no_class, ~0UL, &h), CKR_ARGUMENTS_BAD);
	IS(p11->C_CreateObject(s, no_class, 1, NULL), CKR_ARGUMENTS_BAD);
}

static void test_where_objects_may_be(void)
{
	CK_SESSION_HANDLE ro = face_public(0), rw;
	CK_OBJECT_HANDLE h;
	CK_ATTRIBUTE token[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, no)};
	CK_ATTRIBUTE private[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, no), ATTR(CKA_PRIVATE, yes)};
	CK_ATTRIBUTE session[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_TOKEN, no), ATTR(CKA_PRIVATE, no)};
	IS(p11->C_CreateObject(ro, token, 3, &h), CKR_SESSION_READ_ONLY);
	IS(p11->C_CreateObject(ro, private, 3, &h), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_CreateObject(ro, session, 3, &h));
	NEED(p11->C_OpenSession(face_slot("test"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &rw));
	OK(p11->C_CreateObject(rw, token, 3, &h));
	IS(p11->C_DestroyObject(ro, h), CKR_SESSION_READ_ONLY);
	OK(p11->C_DestroyObject(rw, h));
	private[1].pValue = &yes;
	IS(p11->C_CreateObject(rw, private, 3, &h), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_CloseSession(ro));
	NEED(p11->C_Login(rw, CKU_SO, PIN(SO_PIN))); /* the officer sees no private objects */
	IS(p11->C_CreateObject(rw, private, 3, &h), CKR_USER_NOT_LOGGED_IN);
}

static void test_lifetimes(void)
{
	CK_SESSION_HANDLE s = face_user(), t;
	CK_SLOT_ID slot = face_slot("test");
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t));
	CK_OBJECT_HANDLE temporary = data_object(s, CK_FALSE, CK_FALSE, "session object"), size;
	CK_OBJECT_HANDLE lasting = data_object(s, CK_TRUE, CK_TRUE, "token object");
	OK(p11->C_GetObjectSize(t, temporary, &size));
	CU_ASSERT_EQUAL(found_label(t, "session object"), 1);
	OK(p11->C_CloseSession(s));
	IS(p11->C_GetObjectSize(t, temporary, &size), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(found_label(t, "session object"), 0);
	OK(p11->C_GetObjectSize(t, lasting, &size));
	OK(p11->C_Logout(t));
	IS(p11->C_GetObjectSize(t, lasting, &size), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(found_label(t, "token object"), 0);
	face_stop();
	s = face_user();
	CU_ASSERT_EQUAL(found_label(s, "token object"), 1);
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, (void *)(uintptr_t)"token object", 12);
	CU_ASSERT_EQUAL(found(s, &templ, 1, &lasting), 1);
	OK(p11->C_DestroyObject(s, lasting));
	IS(p11->C_DestroyObject(s, lasting), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(found_label(s, "token object"), 0);
}

/* -- reading -------------------------------------------------------------------------- */

static void test_get_attributes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h = data_object(s, CK_FALSE, CK_FALSE, "a label");
	CK_BYTE label[16], got[16];
	CK_ATTRIBUTE one[] = {{CKA_LABEL, NULL, 99}};
	OK(p11->C_GetAttributeValue(s, h, one, 1));
	CU_ASSERT_EQUAL(one[0].ulValueLen, 7);
	one[0] = (CK_ATTRIBUTE){CKA_LABEL, label, 6};
	IS(p11->C_GetAttributeValue(s, h, one, 1), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(one[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CK_ATTRIBUTE mixed[] = {{CKA_MODULUS, got, 16}, {CKA_LABEL, label, 16}, {0x7fffffff, NULL, 0}, {CKA_VALUE, got, 16}};
	IS(p11->C_GetAttributeValue(s, h, mixed, 4), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(mixed[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(mixed[1].ulValueLen, 7);
	CU_ASSERT_EQUAL(memcmp(label, "a label", 7), 0);
	CU_ASSERT_EQUAL(mixed[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(mixed[3].ulValueLen, 16);
	CU_ASSERT_EQUAL(memcmp(got, value, 16), 0);
	OK(p11->C_GetAttributeValue(s, h, NULL, 0));
	IS(p11->C_GetAttributeValue(s, h, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetAttributeValue(s, h, mixed, ~0UL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetAttributeValue(s, 0, one, 1), CKR_OBJECT_HANDLE_INVALID);
	IS(p11->C_GetAttributeValue(s, ~0UL, one, 1), CKR_OBJECT_HANDLE_INVALID);
	IS(p11->C_GetAttributeValue(0, h, one, 1), CKR_SESSION_HANDLE_INVALID);
}

static void test_sensitive(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_OBJECT_HANDLE h, open = face_secret(s, CKK_HUFU_SM4, value, 16);
	CK_BYTE got[16];
	CK_BBOOL b[4];
	CK_ULONG len;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_SENSITIVE, yes), ATTR(CKA_EXTRACTABLE, no)};
	NEED(p11->C_GenerateKey(s, &gen, templ, 2, &h));
	CK_ATTRIBUTE secret[] = {{CKA_VALUE, got, 16}, {CKA_VALUE_LEN, &len, sizeof len}};
	IS(p11->C_GetAttributeValue(s, h, secret, 2), CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_EQUAL(secret[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(len, 16);
	secret[0].pValue = NULL;
	IS(p11->C_GetAttributeValue(s, h, secret, 1), CKR_ATTRIBUTE_SENSITIVE);
	CK_ATTRIBUTE history[] = {
		{CKA_ALWAYS_SENSITIVE, &b[0], 1}, {CKA_NEVER_EXTRACTABLE, &b[1], 1}, {CKA_LOCAL, &b[2], 1},
		{CKA_PRIVATE, &b[3], 1},
	};
	OK(p11->C_GetAttributeValue(s, h, history, 4));
	CU_ASSERT(b[0] == CK_TRUE && b[1] == CK_TRUE && b[2] == CK_TRUE && b[3] == CK_TRUE);
	secret[0] = (CK_ATTRIBUTE){CKA_VALUE, got, 16};
	OK(p11->C_GetAttributeValue(s, open, secret, 1));
	CU_ASSERT_EQUAL(memcmp(got, value, 16), 0);
	OK(p11->C_GetAttributeValue(s, open, history, 3));
	CU_ASSERT(b[0] == CK_FALSE && b[1] == CK_FALSE && b[2] == CK_FALSE);
}

/* <hufu/pkcs11-sm.h>; the token has software alone. */
static void test_where_a_key_lives(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_OBJECT_HANDLE h, copy, pub, priv;
	CK_BYTE domains[16];
	CK_BBOOL hard = 2, falls_back = 2;
	CK_ULONG n;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_HUFU_HARDWARE_ONLY, no), ATTR(CKA_EXTRACTABLE, no)};
	NEED(p11->C_GenerateKey(s, &gen, templ, 2, &h));
	CK_ATTRIBUTE lives[] = {{CKA_HUFU_DOMAINS, NULL, 0}, ATTR(CKA_HUFU_HARDWARE_ONLY, hard), ATTR(CKA_HUFU_SOFTWARE_FALLBACK, falls_back)};
	OK(p11->C_GetAttributeValue(s, h, lives, 3));
	CU_ASSERT_EQUAL(lives[0].ulValueLen, 4);
	CU_ASSERT(hard == CK_FALSE && falls_back == CK_TRUE);
	lives[0] = (CK_ATTRIBUTE){CKA_HUFU_DOMAINS, domains, 3};
	IS(p11->C_GetAttributeValue(s, h, lives, 1), CKR_BUFFER_TOO_SMALL);
	lives[0] = (CK_ATTRIBUTE)ATTR(CKA_HUFU_DOMAINS, domains);
	OK(p11->C_GetAttributeValue(s, h, lives, 1));
	CU_ASSERT(lives[0].ulValueLen == 4 && memcmp(domains, face_machines() ? "test" : "soft", 4) == 0);

	OK(p11->C_FindObjectsInit(s, lives, 1)); /* it can be looked for */
	OK(p11->C_FindObjects(s, &copy, 1, &n));
	CU_ASSERT_EQUAL(n, 1);
	OK(p11->C_FindObjectsFinal(s));

	CK_ATTRIBUTE set_hard = ATTR(CKA_HUFU_HARDWARE_ONLY, yes), set_domains = {CKA_HUFU_DOMAINS, domains, 4},
	             set_fallback = ATTR(CKA_HUFU_SOFTWARE_FALLBACK, no), odd = {CKA_HUFU_HARDWARE_ONLY, &n, sizeof n};
	IS(p11->C_SetAttributeValue(s, h, &set_hard, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_CopyObject(s, h, &set_hard, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_SetAttributeValue(s, h, &set_domains, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_GenerateKey(s, &gen, &set_domains, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_GenerateKey(s, &gen, &odd, 1, &copy), CKR_ATTRIBUTE_VALUE_INVALID);
	/* There is no hardware: here, or, so far as this host knows, nowhere today. */
	IS(p11->C_GenerateKey(s, &gen, &set_hard, 1, &copy), face_machines() ? CKR_DEVICE_ERROR : CKR_TEMPLATE_INCONSISTENT);
	OK(p11->C_SetAttributeValue(s, h, &set_fallback, 1));
	OK(p11->C_GetAttributeValue(s, h, lives + 1, 2));
	CU_ASSERT(hard == CK_FALSE && falls_back == CK_FALSE);
	OK(p11->C_DestroyObject(s, h));

	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	OK(p11->C_GetAttributeValue(s, priv, lives, 3));
	lives[0] = (CK_ATTRIBUTE)ATTR(CKA_HUFU_DOMAINS, domains);
	IS(p11->C_GetAttributeValue(s, pub, lives, 1), CKR_ATTRIBUTE_TYPE_INVALID); /* a public key lives nowhere */
}

static void test_sm2_attributes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE curve[10], point[67], d[32], info[128];
	CK_KEY_TYPE type = 0;
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	CK_ATTRIBUTE of_pub[] = {ATTR(CKA_EC_PARAMS, curve), ATTR(CKA_EC_POINT, point), ATTR(CKA_KEY_TYPE, type),
		{CKA_PUBLIC_KEY_INFO, info, 128}};
	OK(p11->C_GetAttributeValue(s, pub, of_pub, 4));
	CU_ASSERT_EQUAL(memcmp(curve, HUFU_SM2_CURVE_OID, 10), 0);
	CU_ASSERT(point[0] == 4 && point[1] == 65 && point[2] == 4);
	CU_ASSERT_EQUAL(type, CKK_HUFU_SM2);
	CU_ASSERT_EQUAL(of_pub[3].ulValueLen, 91); /* RFC 5480 SubjectPublicKeyInfo */
	CK_ATTRIBUTE of_priv[] = {{CKA_VALUE, d, 32}, {CKA_EC_PARAMS, curve, 10}};
	IS(p11->C_GetAttributeValue(s, priv, of_priv, 2), CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_EQUAL(of_priv[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_EQUAL(of_priv[1].ulValueLen, 10);
}

/* The same curve as CKK_EC, where the configuration says so. */
static void test_sm2_as_ec(void)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE pub, priv;
	CK_KEY_TYPE type = 0;
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0}, ecdsa = {CKM_ECDSA, NULL, 0}, sm2 = {CKM_HUFU_SM2, NULL, 0};
	CK_ATTRIBUTE templ = ATTR(CKA_KEY_TYPE, type);
	NEED(p11->C_OpenSession(face_token("other"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, NULL, 0, &pub, &priv));
	OK(p11->C_GetAttributeValue(s, pub, &templ, 1));
	CU_ASSERT_EQUAL(type, CKK_EC);
	OK(p11->C_SignInit(s, &sm2, priv));
	OK(p11->C_SessionCancel(s, CKF_SIGN));
	CK_RV rv = p11->C_SignInit(s, &ecdsa, priv);
	CU_ASSERT(rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(found(s, &templ, 1, NULL), 2);
}

/* -- changing, copying, destroying ------------------------------------------------------- */

static void test_set_attributes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h = data_object(s, CK_TRUE, CK_FALSE, "before"), key = face_secret(s, CKK_HUFU_SM4, value, 16);
	CK_ATTRIBUTE label[] = {BYTES(CKA_LABEL, (void *)(uintptr_t)"after", 5)};
	OK(p11->C_SetAttributeValue(s, h, label, 1));
	CU_ASSERT_EQUAL(found_label(s, "before"), 0);
	CU_ASSERT_EQUAL(found_label(s, "after"), 1);
	CK_ATTRIBUTE class[] = {ATTR(CKA_CLASS, secret_class)}, token[] = {ATTR(CKA_TOKEN, no)},
	modulus[] = {ATTR(CKA_MODULUS, value)};
	IS(p11->C_SetAttributeValue(s, h, class, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_SetAttributeValue(s, h, token, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_SetAttributeValue(s, h, modulus, 1), CKR_TEMPLATE_INCONSISTENT);
	IS(p11->C_SetAttributeValue(s, 0, label, 1), CKR_OBJECT_HANDLE_INVALID);
	CK_ATTRIBUTE half[] = {BYTES(CKA_LABEL, (void *)(uintptr_t)"never", 5), ATTR(CKA_CLASS, data_class)};
	IS(p11->C_SetAttributeValue(s, h, half, 2), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(found_label(s, "never"), 0);
	/* One way only: sensitive and not extractable stay so (table 10, footnotes 11 and 12). */
	CK_ATTRIBUTE sensitive[] = {ATTR(CKA_SENSITIVE, yes)}, open[] = {ATTR(CKA_SENSITIVE, no)};
	CK_ATTRIBUTE closed[] = {ATTR(CKA_EXTRACTABLE, no)}, extractable[] = {ATTR(CKA_EXTRACTABLE, yes)};
	OK(p11->C_SetAttributeValue(s, key, sensitive, 1));
	IS(p11->C_SetAttributeValue(s, key, open, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_SetAttributeValue(s, key, closed, 1));
	IS(p11->C_SetAttributeValue(s, key, extractable, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_DestroyObject(s, h));
}

static void test_forbidden_actions(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h, copy;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, data_class), ATTR(CKA_MODIFIABLE, no), ATTR(CKA_COPYABLE, no),
		ATTR(CKA_DESTROYABLE, no)};
	CK_ATTRIBUTE label[] = {BYTES(CKA_LABEL, (void *)(uintptr_t)"x", 1)};
	NEED(p11->C_CreateObject(s, templ, 4, &h));
	IS(p11->C_SetAttributeValue(s, h, label, 1), CKR_ACTION_PROHIBITED);
	IS(p11->C_CopyObject(s, h, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	IS(p11->C_DestroyObject(s, h), CKR_ACTION_PROHIBITED);
}

static void test_copy(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h = face_secret(s, CKK_HUFU_SM4, value, 16), copy, worse;
	CK_ATTRIBUTE change[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_SENSITIVE, yes), BYTES(CKA_LABEL, (void *)(uintptr_t)"copy", 4)};
	CK_ATTRIBUTE looser[] = {ATTR(CKA_SENSITIVE, no)}, class[] = {ATTR(CKA_CLASS, data_class)};
	CK_BYTE iv[16] = {0}, a[16], b[16];
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, iv, 16};
	CK_ULONG n = 16;
	NEED(p11->C_CopyObject(s, h, change, 3, &copy));
	CU_ASSERT_NOT_EQUAL(copy, h);
	IS(p11->C_CopyObject(s, copy, looser, 1, &worse), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_CopyObject(s, copy, class, 1, &worse), CKR_ATTRIBUTE_READ_ONLY);
	IS(p11->C_CopyObject(s, 0, NULL, 0, &worse), CKR_OBJECT_HANDLE_INVALID);
	IS(p11->C_CopyObject(s, h, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	OK(p11->C_EncryptInit(s, &cbc, h));
	OK(p11->C_Encrypt(s, value, 16, a, &n));
	OK(p11->C_DestroyObject(s, h));
	OK(p11->C_EncryptInit(s, &cbc, copy));
	OK(p11->C_Encrypt(s, value, 16, b, &n));
	CU_ASSERT_EQUAL(memcmp(a, b, 16), 0);
	OK(p11->C_DestroyObject(s, copy));
}

/* -- finding --------------------------------------------------------------------------------- */

static void test_find(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE all[8];
	CK_ULONG n = 9;
	for (int i = 0; i < 5; i++)
		data_object(s, CK_FALSE, CK_FALSE, "five of these");
	IS(p11->C_FindObjects(s, all, 8, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	CK_ATTRIBUTE label[] = {BYTES(CKA_LABEL, (void *)(uintptr_t)"five of these", 13)};
	NEED(p11->C_FindObjectsInit(s, label, 1));
	IS(p11->C_FindObjectsInit(s, label, 1), CKR_OPERATION_ACTIVE);
	IS(p11->C_FindObjects(s, NULL, 8, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_FindObjects(s, all, 8, NULL), CKR_ARGUMENTS_BAD);
	OK(p11->C_FindObjects(s, all, 2, &n));
	CU_ASSERT_EQUAL(n, 2);
	OK(p11->C_FindObjects(s, all + 2, 6, &n));
	CU_ASSERT_EQUAL(n, 3);
	for (int i = 1; i < 5; i++)
		CU_ASSERT(all[i] && all[i] != all[0]);
	OK(p11->C_FindObjects(s, all, 8, &n));
	CU_ASSERT_EQUAL(n, 0);
	OK(p11->C_FindObjectsFinal(s));
	IS(p11->C_FindObjectsFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	CK_ATTRIBUTE unknown[] = {ATTR(CKA_CLASS, data_class), {0xce534355, value, 4}}; /* NSS asks for its own attributes */
	CU_ASSERT_EQUAL(found(s, unknown, 2, NULL), 0);
	CK_ATTRIBUTE wrong_size[] = {BYTES(CKA_TOKEN, value, 16)};
	CK_RV rv = p11->C_FindObjectsInit(s, wrong_size, 1);
	CU_ASSERT(rv == CKR_OK || rv == CKR_ATTRIBUTE_VALUE_INVALID);
	OK(p11->C_SessionCancel(s, CKF_FIND_OBJECTS));
	IS(p11->C_FindObjectsInit(s, NULL, 1), CKR_ARGUMENTS_BAD);
	IS(p11->C_FindObjectsInit(s, label, ~0UL), CKR_ARGUMENTS_BAD);
	CU_ASSERT(found(s, NULL, 0, NULL) >= 5);
}

/* A search is made up at its beginning; what goes in the meantime is no longer given out or is invalid, never a crash. */
static void test_find_while_destroying(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h[4], got[8], size;
	CK_ULONG n = 0;
	for (int i = 0; i < 4; i++)
		h[i] = data_object(s, CK_TRUE, CK_TRUE, "going");
	CK_ATTRIBUTE label[] = {BYTES(CKA_LABEL, (void *)(uintptr_t)"going", 5)};
	NEED(p11->C_FindObjectsInit(s, label, 1));
	for (int i = 0; i < 4; i++)
		OK(p11->C_DestroyObject(s, h[i]));
	OK(p11->C_FindObjects(s, got, 8, &n));
	for (CK_ULONG i = 0; i < n; i++)
		IS(p11->C_GetObjectSize(s, got[i], &size), CKR_OBJECT_HANDLE_INVALID);
	OK(p11->C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(found_label(s, "going"), 0);
	face_stop();
}

static const struct unit_case cases[] = {
	{"a template that does not fit is refused with the code for what is wrong", test_create_codes},
	{"token objects want a R/W session, private ones the user", test_where_objects_may_be},
	{"session objects end with their session, private handles with the login", test_lifetimes},
	{"reading gives each attribute its own answer", test_get_attributes},
	{"a sensitive value is never read, and a key knows its history", test_sensitive},
	{"a key tells where it lives, and stays as hard as it was made", test_where_a_key_lives},
	{"an SM2 key shows curve, point and public key info", test_sm2_attributes},
	{"an SM2 key is CKK_EC where the configuration says so, and still no ECDSA key", test_sm2_as_ec},
	{"attributes change where they may, whole templates or not at all", test_set_attributes},
	{"what may not be changed, copied or destroyed is not", test_forbidden_actions},
	{"a copy lives on its own and is never looser", test_copy},
	{"finding has an order, and unknown attributes match nothing", test_find},
	{"objects that go during a search do no harm", test_find_while_destroying},
	{0},
};

UNIT_MAIN("object", cases)
