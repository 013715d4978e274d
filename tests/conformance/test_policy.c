/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what one without the PIN has made does not become trustworthy by
 * being used; a login is for what it was given for, and ends when the token that
 * it was for is gone; a dead handle stays dead.
 */
#include "tests/conformance/face.h"

#include <sys/wait.h>
#include <unistd.h>

static CK_BYTE key_value[16] = "0123456789abcdef", iv[12];

/* A public token key that anybody could have written. */
static CK_OBJECT_HANDLE plant_key(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, key_value), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, no),
		ATTR(CKA_WRAP, yes),
	};
	NEED(p11->C_CreateObject(s, templ, 6, &h));
	return h;
}

static CK_RV wrap_with(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE wrapping)
{
	CK_GCM_PARAMS gcm = {.pIv = iv, .ulIvLen = sizeof iv, .ulTagBits = 128};
	CK_MECHANISM m = {CKM_HUFU_SM4_GCM, &gcm, sizeof gcm}, gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_SENSITIVE, yes)};
	CK_OBJECT_HANDLE key;
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	NEED(p11->C_GenerateKey(s, &gen, templ, 2, &key));
	return p11->C_WrapKey(s, &m, wrapping, key, out, &n);
}

static void test_planted_key(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	CK_OBJECT_HANDLE planted = plant_key(s), copy, session_copy;
	CK_ATTRIBUTE label[] = {BYTES(CKA_LABEL, "mine now", 8)}, in_session[] = {ATTR(CKA_TOKEN, no)};
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	IS(wrap_with(s, planted), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_SetAttributeValue(s, planted, label, 1));
	IS(wrap_with(s, planted), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_CopyObject(s, planted, label, 1, &copy));
	IS(wrap_with(s, copy), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_CopyObject(s, planted, in_session, 1, &session_copy));
	IS(wrap_with(s, session_copy), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_SetAttributeValue(s, session_copy, label, 1));
	IS(wrap_with(s, session_copy), CKR_KEY_FUNCTION_NOT_PERMITTED);
	OK(p11->C_DestroyObject(s, copy));
	OK(p11->C_DestroyObject(s, planted));
}

/* The SO's word makes it good. */
static void test_vouched_key(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	CK_OBJECT_HANDLE planted = plant_key(s);
	CK_ATTRIBUTE trusted[] = {ATTR(CKA_TRUSTED, yes)};
	CK_BBOOL is = CK_FALSE;
	CK_ATTRIBUTE ask = ATTR(CKA_TRUSTED, is);
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_SetAttributeValue(s, planted, trusted, 1));
	OK(p11->C_Logout(s));
	OK(p11->C_GetAttributeValue(s, planted, &ask, 1));
	CU_ASSERT(is == CK_TRUE);
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	OK(wrap_with(s, planted));
	OK(p11->C_DestroyObject(s, planted));
}

/* Trusted, then changed by somebody without a login: the SO's word was for what it was. */
static void test_trust_lost(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	CK_OBJECT_HANDLE planted = plant_key(s);
	CK_ATTRIBUTE trusted[] = {ATTR(CKA_TRUSTED, yes)}, label[] = {BYTES(CKA_LABEL, "another", 7)};
	CK_BBOOL is = CK_TRUE;
	CK_ATTRIBUTE ask = ATTR(CKA_TRUSTED, is);
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_SetAttributeValue(s, planted, trusted, 1));
	OK(p11->C_Logout(s));
	OK(p11->C_SetAttributeValue(s, planted, label, 1));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	OK(p11->C_SetAttributeValue(s, planted, label, 1));
	OK(p11->C_GetAttributeValue(s, planted, &ask, 1));
	CU_ASSERT(is == CK_FALSE);
	IS(p11->C_SetAttributeValue(s, planted, trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
	OK(p11->C_DestroyObject(s, planted));
}

/* -- handles ----------------------------------------------------------------------------- */

static void test_dead_handle(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE templ = ATTR(CKA_CLASS, class);
	CK_OBJECT_HANDLE dead, h = 0;
	NEED(p11->C_CreateObject(s, &templ, 1, &dead));
	NEED(p11->C_DestroyObject(s, dead));
	for (int i = 0; i < 20000 && h != dead; i++) {
		NEED(p11->C_CreateObject(s, &templ, 1, &h));
		NEED(p11->C_DestroyObject(s, h));
	}
	CU_ASSERT_NOT_EQUAL(h, dead);
}

/* -- two operations wait for their PIN ------------------------------------------------------ */

/* The login is for the one that was begun last, and for that alone. */
static void test_context_login(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0}, sm2 = {CKM_HUFU_SM2_SM3, NULL, 0}, crypt = {CKM_HUFU_SM2_C1C3C2, NULL, 0};
	CK_ATTRIBUTE always[] = {ATTR(CKA_ALWAYS_AUTHENTICATE, yes), ATTR(CKA_SIGN, yes), ATTR(CKA_DECRYPT, yes)};
	CK_BYTE text[16] = {0}, sig[64], sealed[128], back[64];
	CK_ULONG n = sizeof sealed, m = sizeof sig, k = sizeof back;
	NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, always, 3, &pub, &priv));
	NEED(p11->C_EncryptInit(s, &crypt, pub));
	NEED(p11->C_Encrypt(s, text, sizeof text, sealed, &n));

	OK(p11->C_DecryptInit(s, &crypt, priv));
	OK(p11->C_SignInit(s, &sm2, priv));
	IS(p11->C_Sign(s, text, sizeof text, sig, &m), CKR_USER_NOT_LOGGED_IN);
	IS(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN("not the user's")), CKR_PIN_INCORRECT);
	IS(p11->C_Sign(s, text, sizeof text, sig, &m), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)));
	OK(p11->C_Sign(s, text, sizeof text, sig, &m));
	IS(p11->C_Decrypt(s, sealed, n, back, &k), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)));
	OK(p11->C_Decrypt(s, sealed, n, back, &k));
	IS(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)), CKR_OPERATION_NOT_INITIALIZED);
}

/* -- another process renews the token ------------------------------------------------------- */

static bool renew_elsewhere(CK_SLOT_ID slot)
{
	CK_UTF8CHAR label[32];
	int status = 0;
	memset(label, ' ', sizeof label);
	pid_t pid = fork();
	if (pid == 0) {
		CK_RV rv = p11->C_CloseAllSessions(slot);
		_exit(rv == CKR_OK && p11->C_InitToken(slot, PIN(SO_PIN), label) == CKR_OK ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_renewed(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CK_SLOT_ID slot = face_slot("test");
	CK_OBJECT_HANDLE pub, priv, session_key = face_secret(s, CKK_HUFU_SM4, key_value, 16);
	CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_SESSION_INFO info;
	CK_BYTE text[10] = {0}, sig[64];
	CK_ULONG n = sizeof sig;
	CK_ATTRIBUTE ask = {CKA_LABEL, NULL, 0};
	face_sm2_pair(s, CK_TRUE, &pub, &priv);
	OK(p11->C_SignInit(s, &sm2, priv));
	CU_ASSERT_FATAL(renew_elsewhere(slot));

	OK(p11->C_FindObjectsInit(s, NULL, 0));
	OK(p11->C_FindObjectsFinal(s));
	OK(p11->C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.state, CKS_RW_PUBLIC_SESSION);
	IS(p11->C_Sign(s, text, sizeof text, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_SignInit(s, &sm2, priv), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_GetAttributeValue(s, session_key, &ask, 1), CKR_OBJECT_HANDLE_INVALID);
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
	OK(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_InitPIN(s, PIN(USER_PIN)));
	OK(p11->C_Logout(s));
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	face_stop();
}

/* A login, too, asks first whose token it is. */
static void test_login_renewed(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CU_ASSERT_FATAL(renew_elsewhere(face_slot("test")));
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
	OK(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_InitPIN(s, PIN(USER_PIN)));
	face_stop();
}

static const struct unit_case cases[] = {
	{"a key made without a login never wraps, whoever relabels or copies it", test_planted_key},
	{"unless the SO trusts it", test_vouched_key},
	{"trust does not outlive a change without a login", test_trust_lost},
	{"a dead handle names nothing else for long", test_dead_handle},
	{"a context-specific login is for the operation begun last", test_context_login},
	{"a token renewed by another process has nobody logged in", test_renewed},
	{"and a login to it is a new one", test_login_renewed},
	{0},
};

UNIT_MAIN("policy", cases)
