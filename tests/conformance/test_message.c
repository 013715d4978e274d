/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: message-based encryption with SM4-GCM and signing with SM2 follow PKCS#11 3.1 5.9, 5.11, 5.14 and 5.16. */
#include "tests/conformance/face.h"

/* RFC 8998 A.1 */
#define KEY "0123456789abcdeffedcba9876543210"
#define IV "00001234567800000000abcd"
#define AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define PLAIN "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeee" \
              "aaaaaaaaaaaaaaaa"
#define CIPHER "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15" \
               "a56834cbcf98c397b4024a2691233b8d"
#define TAG "83de3541e4c2b58177e065a9bf7b62ec"

static CK_BYTE key_value[16], iv[12], aad[20], plain[64], cipher[64], tag[16];
static CK_MECHANISM gcm = {CKM_HUFU_SM4_GCM, NULL, 0}, sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};

static CK_OBJECT_HANDLE load(CK_SESSION_HANDLE s)
{
	unit_hex(KEY, key_value);
	unit_hex(IV, iv);
	unit_hex(AAD, aad);
	unit_hex(PLAIN, plain);
	unit_hex(CIPHER, cipher);
	unit_hex(TAG, tag);
	return face_secret(s, CKK_HUFU_SM4, key_value, 16);
}

static CK_GCM_MESSAGE_PARAMS given(CK_BYTE *tag_space)
{
	return (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag_space, 128};
}

#define P(params) &(params), sizeof(params)

static void test_known_answer(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	CK_BYTE out[64], t[16];
	CK_ULONG n;
	CK_GCM_MESSAGE_PARAMS p = given(t);
	NEED(p11->C_MessageEncryptInit(s, &gcm, key));
	for (int i = 0; i < 3; i++) { /* one Init, many messages */
		memset(t, 0, sizeof t);
		OK(p11->C_EncryptMessage(s, P(p), aad, 20, plain, 64, NULL, &n));
		CU_ASSERT(n >= 64);
		n = 63;
		IS(p11->C_EncryptMessage(s, P(p), aad, 20, plain, 64, out, &n), CKR_BUFFER_TOO_SMALL);
		n = 64;
		OK(p11->C_EncryptMessage(s, P(p), aad, 20, plain, 64, out, &n));
		CU_ASSERT_EQUAL(n, 64);
		CU_ASSERT_EQUAL(memcmp(out, cipher, 64), 0);
		CU_ASSERT_EQUAL(memcmp(t, tag, 16), 0);
	}
	OK(p11->C_MessageEncryptFinal(s));
	IS(p11->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	NEED(p11->C_MessageDecryptInit(s, &gcm, key));
	n = sizeof out;
	OK(p11->C_DecryptMessage(s, P(p), aad, 20, cipher, 64, out, &n));
	CU_ASSERT_EQUAL(n, 64);
	CU_ASSERT_EQUAL(memcmp(out, plain, 64), 0);
	OK(p11->C_MessageDecryptFinal(s));
}

static void test_parts(void)
{
	static const CK_ULONG steps[] = {1, 7, 16, 33, 64};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	for (int i = 0; i < 5; i++) {
		CK_BYTE out[64], t[16] = {0};
		CK_ULONG done = 0, n;
		CK_GCM_MESSAGE_PARAMS p = given(t);
		NEED(p11->C_MessageEncryptInit(s, &gcm, key));
		OK(p11->C_EncryptMessageBegin(s, P(p), aad, 20));
		for (CK_ULONG at = 0; at < 64; at += steps[i]) {
			CK_ULONG len = 64 - at < steps[i] ? 64 - at : steps[i];
			n = sizeof out - done;
			OK(p11->C_EncryptMessageNext(s, P(p), plain + at, len, out + done, &n,
			                             at + len == 64 ? CKF_END_OF_MESSAGE : 0));
			done += n;
		}
		CU_ASSERT_EQUAL(done, 64);
		CU_ASSERT_EQUAL(memcmp(out, cipher, 64), 0);
		CU_ASSERT_EQUAL(memcmp(t, tag, 16), 0);
		OK(p11->C_MessageEncryptFinal(s));
		NEED(p11->C_MessageDecryptInit(s, &gcm, key));
		OK(p11->C_DecryptMessageBegin(s, P(p), aad, 20));
		done = 0;
		for (CK_ULONG at = 0; at < 64; at += steps[i]) {
			CK_ULONG len = 64 - at < steps[i] ? 64 - at : steps[i];
			n = sizeof out - done;
			OK(p11->C_DecryptMessageNext(s, P(p), cipher + at, len, out + done, &n,
			                             at + len == 64 ? CKF_END_OF_MESSAGE : 0));
			done += n;
		}
		CU_ASSERT_EQUAL(done, 64);
		CU_ASSERT_EQUAL(memcmp(out, plain, 64), 0);
		OK(p11->C_MessageDecryptFinal(s));
	}
}

static void test_forgery(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	CK_BYTE out[64], t[16];
	CK_ULONG n = sizeof out;
	CK_GCM_MESSAGE_PARAMS p = given(t);
	memcpy(t, tag, 16);
	t[15] ^= 1;
	memset(out, 0xa5, sizeof out);
	NEED(p11->C_MessageDecryptInit(s, &gcm, key));
	IS(p11->C_DecryptMessage(s, P(p), aad, 20, cipher, 64, out, &n), CKR_AEAD_DECRYPT_FAILED);
	CU_ASSERT_NOT_EQUAL(memcmp(out, plain, 16), 0);
	memcpy(t, tag, 16);
	n = sizeof out;
	IS(p11->C_DecryptMessage(s, P(p), aad, 19, cipher, 64, out, &n), CKR_AEAD_DECRYPT_FAILED);
	n = sizeof out;
	OK(p11->C_DecryptMessage(s, P(p), aad, 20, cipher, 64, out, &n)); /* the process goes on */
	CU_ASSERT_EQUAL(memcmp(out, plain, 64), 0);
}

/* What the IV of message number must be, for 32 fixed bits of 0x11; false: it is the token's choice. */
static bool iv_due(CK_GENERATOR_FUNCTION generator, CK_BYTE number, CK_BYTE want[12])
{
	memset(want, generator == CKG_GENERATE_COUNTER ? 0 : 0x11, 12);
	memset(want, 0x11, 4);
	want[11] ^= number;
	return generator == CKG_GENERATE_COUNTER || generator == CKG_GENERATE_COUNTER_XOR;
}

/* PKCS#11 3.1 6.13.2.3: both counters begin at zero. */
static void test_generated_iv(void)
{
	static const CK_GENERATOR_FUNCTION generators[] = {
		CKG_GENERATE, CKG_GENERATE_COUNTER, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER_XOR,
	};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	for (int i = 0; i < 4; i++) {
		CK_BYTE out[64], back[64], t[16], own[12], before[12] = {0}, want[12];
		memset(own, 0x11, sizeof own);
		CK_GCM_MESSAGE_PARAMS p = {own, 12, 32, generators[i], t, 128};
		NEED(p11->C_MessageEncryptInit(s, &gcm, key));
		for (CK_BYTE number = 0; number < 4; number++) {
			CK_ULONG n = sizeof out, m = sizeof back;
			NEED(p11->C_EncryptMessage(s, P(p), NULL, 0, plain, 64, out, &n));
			CU_ASSERT_NOT_EQUAL(memcmp(own, before, 12), 0);
			if (iv_due(generators[i], number, want))
				CU_ASSERT_EQUAL(memcmp(own, want, 12), 0);
			CU_ASSERT_EQUAL(memcmp(own, want, 4), 0);
			memcpy(before, own, 12);
			CK_GCM_MESSAGE_PARAMS q = {own, 12, 0, CKG_NO_GENERATE, t, 128};
			NEED(p11->C_MessageDecryptInit(s, &gcm, key));
			OK(p11->C_DecryptMessage(s, P(q), NULL, 0, out, n, back, &m));
			CU_ASSERT(m == 64 && memcmp(back, plain, 64) == 0);
			OK(p11->C_MessageDecryptFinal(s));
		}
		OK(p11->C_MessageEncryptFinal(s));
	}
}

static void test_order(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	CK_BYTE out[64], t[16];
	CK_ULONG n = sizeof out;
	CK_GCM_MESSAGE_PARAMS p = given(t);
	IS(p11->C_EncryptMessage(s, P(p), NULL, 0, plain, 64, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncryptMessageBegin(s, P(p), NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncryptMessageNext(s, P(p), plain, 16, out, &n, 0), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_MessageDecryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_MessageEncryptInit(s, &gcm, 0), CKR_KEY_HANDLE_INVALID);
	CK_MECHANISM ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	IS(p11->C_MessageEncryptInit(s, &ecb, key), CKR_MECHANISM_INVALID);
	NEED(p11->C_MessageEncryptInit(s, &gcm, key));
	IS(p11->C_MessageEncryptInit(s, &gcm, key), CKR_OPERATION_ACTIVE);
	IS(p11->C_EncryptMessageNext(s, P(p), plain, 16, out, &n, 0), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_EncryptMessageBegin(s, P(p), NULL, 0));
	IS(p11->C_EncryptMessage(s, P(p), NULL, 0, plain, 64, out, &n), CKR_OPERATION_ACTIVE);
	IS(p11->C_EncryptMessageBegin(s, P(p), NULL, 0), CKR_OPERATION_ACTIVE);
	OK(p11->C_MessageEncryptInit(s, NULL, 0)); /* cancels */
	IS(p11->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	NEED(p11->C_MessageEncryptInit(s, &gcm, key));
	OK(p11->C_SessionCancel(s, CKF_MESSAGE_ENCRYPT));
	IS(p11->C_MessageEncryptFinal(s), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_bad_parameters(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = load(s);
	CK_BYTE out[64], t[16];
	CK_ULONG n;
	CK_GCM_MESSAGE_PARAMS bad[] = {
		{NULL, 12, 0, CKG_NO_GENERATE, t, 128}, {iv, 0, 0, CKG_NO_GENERATE, t, 128}, {iv, ~0UL, 0, CKG_NO_GENERATE, t,
		 128},
		{iv, 12, 0, 99, t, 128}, {iv, 12, 97, CKG_GENERATE, t, 128}, {iv, 12, ~0UL, CKG_GENERATE, t, 128},
		{iv, 12, 0, CKG_NO_GENERATE, NULL, 128}, {iv, 12, 0, CKG_NO_GENERATE, t, 7}, {iv, 12, 0, CKG_NO_GENERATE, t,
		 ~0UL},
	};
	NEED(p11->C_MessageEncryptInit(s, &gcm, key));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		n = sizeof out;
		IS(p11->C_EncryptMessage(s, P(bad[i]), NULL, 0, plain, 64, out, &n), CKR_MECHANISM_PARAM_INVALID);
		IS(p11->C_EncryptMessageBegin(s, P(bad[i]), NULL, 0), CKR_MECHANISM_PARAM_INVALID);
	}
	CK_GCM_MESSAGE_PARAMS p = given(t);
	n = sizeof out;
	IS(p11->C_EncryptMessage(s, &p, sizeof p - 1, NULL, 0, plain, 64, out, &n), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_EncryptMessage(s, NULL, sizeof p, NULL, 0, plain, 64, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_EncryptMessage(s, P(p), NULL, 9, plain, 64, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_EncryptMessage(s, P(p), NULL, 0, plain, 64, out, NULL), CKR_ARGUMENTS_BAD);
	OK(p11->C_EncryptMessage(s, P(p), NULL, 0, plain, 64, out, &n));
}

/* -- signing --------------------------------------------------------------------------- */

static void test_sign_messages(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE signature[3][64], text[100];
	CK_ULONG n;
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	memset(text, 7, sizeof text);
	NEED(p11->C_MessageSignInit(s, &sm2, priv));
	for (CK_ULONG i = 0; i < 2; i++) {
		OK(p11->C_SignMessage(s, NULL, 0, text, 50 * i, NULL, &n));
		CU_ASSERT_EQUAL(n, 64);
		n = 10;
		IS(p11->C_SignMessage(s, NULL, 0, text, 50 * i, signature[i], &n), CKR_BUFFER_TOO_SMALL);
		n = 64;
		OK(p11->C_SignMessage(s, NULL, 0, text, 50 * i, signature[i], &n));
	}
	OK(p11->C_SignMessageBegin(s, NULL, 0));
	IS(p11->C_SignMessage(s, NULL, 0, text, 1, signature[2], &n), CKR_OPERATION_ACTIVE);
	OK(p11->C_SignMessageNext(s, NULL, 0, text, 30, NULL, NULL));
	OK(p11->C_SignMessageNext(s, NULL, 0, text, 70, NULL, &n));
	n = 64;
	OK(p11->C_SignMessageNext(s, NULL, 0, text, 70, signature[2], &n));
	OK(p11->C_MessageSignFinal(s));
	IS(p11->C_MessageSignFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	for (CK_ULONG i = 0; i < 3; i++) { /* the plain functions say the same */
		OK(p11->C_VerifyInit(s, &sm2, pub));
		OK(p11->C_Verify(s, text, 50 * i, signature[i], 64));
	}
	NEED(p11->C_MessageVerifyInit(s, &sm2, pub));
	for (CK_ULONG i = 0; i < 3; i++)
		OK(p11->C_VerifyMessage(s, NULL, 0, text, 50 * i, signature[i], 64));
	IS(p11->C_VerifyMessage(s, NULL, 0, text, 99, signature[2], 64), CKR_SIGNATURE_INVALID);
	IS(p11->C_VerifyMessage(s, NULL, 0, text, 100, signature[2], 63), CKR_SIGNATURE_LEN_RANGE);
	OK(p11->C_VerifyMessageBegin(s, NULL, 0));
	OK(p11->C_VerifyMessageNext(s, NULL, 0, text, 99, NULL, 0));
	OK(p11->C_VerifyMessageNext(s, NULL, 0, text, 1, signature[2], 64));
	OK(p11->C_MessageVerifyFinal(s));
	IS(p11->C_VerifyMessage(s, NULL, 0, text, 100, signature[2], 64), CKR_OPERATION_NOT_INITIALIZED);
	face_stop();
}

static const struct unit_case cases[] = {
	{"messages give the value of RFC 8998, with the tag apart, as many as wanted", test_known_answer},
	{"a message in parts is the message", test_parts},
	{"a forged message fails, gives nothing away and does not end the process", test_forgery},
	{"generated IVs are new for every message, count where they shall, and keep their fixed bits", test_generated_iv},
	{"messages have an order", test_order},
	{"bad message parameters are refused and do not end the process", test_bad_parameters},
	{"SM2 signs and verifies messages, whole and in parts", test_sign_messages},
	{0},
};

UNIT_MAIN("message", cases)
