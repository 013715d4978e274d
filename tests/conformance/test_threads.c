/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: 64 threads work on their own sessions of one token at the same time, and none gets another's answer. */
#include "tests/conformance/face.h"

#include <pthread.h>
#include <stdatomic.h>

#define THREADS 64
#define ROUNDS 20

static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE pub, priv, shared;
static _Atomic int failures;

static bool expect(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return true;
	if (failures++ < 5)
		printf("# %s gives %s\n", what, face_rv_name(rv));
	return false;
}

#define DO(call) if (!expect((call), #call)) return false

/* Its own key, its own text: encrypt, decrypt, compare. */
static bool cipher(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_BYTE iv[16], key[16], text[1000], out[1100], back[1100];
	CK_ULONG n = sizeof out, m = sizeof back;
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC_PAD, iv, 16};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_OBJECT_HANDLE h;
	memset(iv, seed, sizeof iv);
	memset(key, seed ^ 0x55, sizeof key);
	memset(text, seed, sizeof text);
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, key), ATTR(CKA_ENCRYPT, yes),
		ATTR(CKA_DECRYPT, yes),
	};
	DO(p11->C_CreateObject(s, templ, 5, &h));
	DO(p11->C_EncryptInit(s, &cbc, h));
	DO(p11->C_Encrypt(s, text, sizeof text, out, &n));
	DO(p11->C_DecryptInit(s, &cbc, h));
	DO(p11->C_Decrypt(s, out, n, back, &m));
	DO(p11->C_DestroyObject(s, h));
	return m == sizeof text && memcmp(text, back, m) == 0;
}

static bool sign(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_BYTE text[100], signature[64];
	CK_ULONG n = sizeof signature;
	CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	memset(text, seed, sizeof text);
	DO(p11->C_SignInit(s, &sm2, priv));
	DO(p11->C_Sign(s, text, sizeof text, signature, &n));
	DO(p11->C_VerifyInit(s, &sm2, pub));
	DO(p11->C_Verify(s, text, sizeof text, signature, n));
	return true;
}

/* The shared key in parts: MACs of different texts must differ as the texts do. */
static bool mac(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_BYTE text[300], whole[32], parts[32];
	CK_ULONG n = 32;
	CK_MECHANISM hmac = {CKM_HUFU_SM3_HMAC, NULL, 0};
	memset(text, seed, sizeof text);
	DO(p11->C_SignInit(s, &hmac, shared));
	DO(p11->C_Sign(s, text, sizeof text, whole, &n));
	DO(p11->C_SignInit(s, &hmac, shared));
	for (int i = 0; i < 3; i++)
		DO(p11->C_SignUpdate(s, text + 100 * i, 100));
	DO(p11->C_SignFinal(s, parts, &n));
	return memcmp(whole, parts, 32) == 0;
}

static bool objects(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE h, found[4];
	CK_BYTE name[2] = {'#', seed}, got[2];
	CK_ULONG n = 0;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_LABEL, name), ATTR(CKA_TOKEN, no)}, read = ATTR(CKA_LABEL, got);
	DO(p11->C_CreateObject(s, templ, 3, &h));
	DO(p11->C_FindObjectsInit(s, templ, 2));
	DO(p11->C_FindObjects(s, found, 4, &n));
	DO(p11->C_FindObjectsFinal(s));
	DO(p11->C_GetAttributeValue(s, h, &read, 1));
	DO(p11->C_DestroyObject(s, h));
	return n == 1 && found[0] == h && got[1] == seed;
}

static bool info(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_TOKEN_INFO token;
	CK_SESSION_INFO session;
	CK_BYTE random[32];
	(void)seed;
	DO(p11->C_GetTokenInfo(slot, &token));
	DO(p11->C_GetSessionInfo(s, &session));
	DO(p11->C_GenerateRandom(s, random, sizeof random));
	return session.state == CKS_RW_USER_FUNCTIONS && token.ulSessionCount > 0;
}

static void *work(void *number)
{
	static bool (*const jobs[])(CK_SESSION_HANDLE, CK_BYTE) = {cipher, sign, mac, objects, info};
	CK_BYTE seed = (CK_BYTE)(uintptr_t)number;
	for (int round = 0; round < ROUNDS; round++) {
		CK_SESSION_HANDLE s;
		if (!expect(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession"))
			return NULL;
		if (!jobs[(seed + round) % 5](s, seed))
			failures++;
		expect(p11->C_CloseSession(s), "C_CloseSession");
	}
	return NULL;
}

static void run(void *(*f)(void *))
{
	pthread_t threads[THREADS];
	failures = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, f, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(failures, 0);
}

static void test_mixed_work(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_TOKEN_INFO token;
	slot = face_slot("test");
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	shared = face_secret(s, CKK_HUFU_SM3_HMAC, (const CK_BYTE *)"shared by all", 13);
	run(work);
	OK(p11->C_GetTokenInfo(slot, &token));
	CU_ASSERT_EQUAL(token.ulSessionCount, 1);
}

/* -- one session in many hands: the specification leaves the answers open, not the crash ------------ */

static CK_SESSION_HANDLE common;

static void *disturb(void *number)
{
	CK_MECHANISM sm3 = {CKM_HUFU_SM3, NULL, 0};
	CK_BYTE out[32];
	for (int round = 0; round < 200; round++) {
		CK_ULONG n = sizeof out;
		switch (((uintptr_t)number + (unsigned)round) % 4) {
		case 0: p11->C_DigestInit(common, &sm3); break;
		case 1: p11->C_DigestUpdate(common, out, sizeof out); break;
		case 2: p11->C_DigestFinal(common, out, &n); break;
		default: p11->C_SessionCancel(common, ~0UL); break;
		}
	}
	return NULL;
}

static void test_one_session(void)
{
	CK_SESSION_INFO info_out;
	common = face_public(0);
	run(disturb);
	OK(p11->C_GetSessionInfo(common, &info_out));
}

/* -- logins and logouts under others' feet: every answer is a sane one --------------------------------- */

static void *use(void *unused)
{
	CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_SESSION_HANDLE s;
	CK_BYTE out[64];
	if (!expect(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), "C_OpenSession"))
		return unused;
	for (int round = 0; round < 100; round++) {
		CK_ULONG n = sizeof out;
		CK_RV rv = p11->C_SignInit(s, &sm2, priv);
		if (rv == CKR_OK)
			rv = p11->C_Sign(s, out, 10, out, &n);
		if (rv != CKR_OK && rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OPERATION_NOT_INITIALIZED &&
		    rv != CKR_USER_NOT_LOGGED_IN)
			expect(rv, "signing while others log out");
	}
	return unused;
}

static void test_logout_meanwhile(void)
{
	CK_SESSION_HANDLE s = face_user();
	pthread_t threads[8];
	failures = 0;
	slot = face_slot("test");
	face_sm2_pair(s, CK_TRUE, &pub, &priv);
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, use, NULL), 0);
	for (int i = 0; i < 3; i++) {
		OK(p11->C_Logout(s));
		OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(failures, 0);
}

/* -- the end of the library while others work: undefined by 5.4.2, but no crash, and memory stays ---------- */

static _Atomic bool ending;

static void *work_to_the_end(void *unused)
{
	CK_MECHANISM sm3 = {CKM_HUFU_SM3, NULL, 0};
	CK_SLOT_ID ids[16];
	CK_BYTE out[32];
	while (!ending) {
		CK_SESSION_HANDLE s = 0;
		CK_ULONG n = 16, len = sizeof out;
		p11->C_GetSlotList(CK_TRUE, ids, &n);
		CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s);
		if (rv == CKR_OK)
			rv = p11->C_DigestInit(s, &sm3);
		if (rv == CKR_OK)
			rv = p11->C_Digest(s, out, sizeof out, out, &len);
		if (rv == CKR_OK)
			rv = p11->C_CloseSession(s);
		if (rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED && rv != CKR_SESSION_HANDLE_INVALID)
			expect(rv, "working while the library ends");
	}
	return unused;
}

static void test_finalize_meanwhile(void)
{
	pthread_t threads[8];
	slot = face_token("test");
	failures = 0;
	ending = false;
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work_to_the_end, NULL), 0);
	for (int i = 0; i < 20; i++) {
		OK(p11->C_Finalize(NULL));
		OK(p11->C_Initialize(NULL));
	}
	ending = true;
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(failures, 0);
	face_stop();
}

static const struct unit_case cases[] = {
	{"64 threads cipher, sign, MAC, make and find objects at once", test_mixed_work},
	{"64 threads on one session do no harm", test_one_session},
	{"logging out while others sign ends their keys and nothing else", test_logout_meanwhile},
	{"C_Finalize under others' hands does no harm", test_finalize_meanwhile},
	{0},
};

UNIT_MAIN("threads", cases)
