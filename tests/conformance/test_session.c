/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: sessions, their states and logins follow PKCS#11 5.6 to the letter. */
#include "tests/conformance/face.h"

#define RO CKF_SERIAL_SESSION
#define RW (CKF_SERIAL_SESSION | CKF_RW_SESSION)

static CK_STATE state(CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info = {0};
	OK(p11->C_GetSessionInfo(s, &info));
	return info.state;
}

static CK_SESSION_HANDLE open_on(CK_SLOT_ID slot, CK_FLAGS flags)
{
	CK_SESSION_HANDLE s = 0;
	NEED(p11->C_OpenSession(slot, flags, NULL, NULL, &s));
	return s;
}

/* -- sessions ---------------------------------------------------------------------- */

static void test_flags(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_SESSION_HANDLE s;
	IS(p11->C_OpenSession(slot, 0, NULL, NULL, &s), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	IS(p11->C_OpenSession(slot, CKF_RW_SESSION, NULL, NULL, &s), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	IS(p11->C_OpenSession(slot, RO, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
	s = open_on(slot, RW);
	CK_SESSION_INFO info;
	NEED(p11->C_GetSessionInfo(s, &info));
	CU_ASSERT_EQUAL(info.slotID, slot);
	CU_ASSERT_EQUAL(info.flags, RW);
	CU_ASSERT_EQUAL(info.ulDeviceError, 0);
	IS(p11->C_GetSessionInfo(s, NULL), CKR_ARGUMENTS_BAD);
}

static void test_closed_handles(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_SESSION_HANDLE s = open_on(slot, RO), t = open_on(slot, RW), last = 0;
	CK_SESSION_INFO info;
	OK(p11->C_CloseSession(s));
	IS(p11->C_CloseSession(s), CKR_SESSION_HANDLE_INVALID);
	IS(p11->C_GetSessionInfo(s, &info), CKR_SESSION_HANDLE_INVALID);
	OK(p11->C_GetSessionInfo(t, &info));
	for (int i = 0; i < 1000; i++) { /* a dead handle is not given out again soon */
		last = open_on(slot, RO);
		CU_ASSERT_NOT_EQUAL(last, s);
		OK(p11->C_CloseSession(last));
	}
	OK(p11->C_CloseAllSessions(slot));
	IS(p11->C_GetSessionInfo(t, &info), CKR_SESSION_HANDLE_INVALID);
	CK_SESSION_HANDLE bad[] = {0, last, ~0UL, 0x80000000UL, 0x100000001UL};
	for (int i = 0; i < 5; i++) {
		IS(p11->C_GetSessionInfo(bad[i], &info), CKR_SESSION_HANDLE_INVALID);
		IS(p11->C_CloseSession(bad[i]), CKR_SESSION_HANDLE_INVALID);
		IS(p11->C_Logout(bad[i]), CKR_SESSION_HANDLE_INVALID);
	}
}

static void test_counts(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE s = open_on(slot, RO);
	open_on(slot, RW);
	open_on(slot, RW);
	NEED(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_EQUAL(info.ulSessionCount, 3);
	CU_ASSERT_EQUAL(info.ulRwSessionCount, 2);
	OK(p11->C_CloseSession(s));
	NEED(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_EQUAL(info.ulSessionCount, 2);
	OK(p11->C_CloseAllSessions(slot));
	NEED(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_EQUAL(info.ulSessionCount, 0);
	CU_ASSERT_EQUAL(info.ulRwSessionCount, 0);
}

/* SESSIONS_MAX; the specification lets a token have its limit. */
static void test_limit(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE s;
	CK_ULONG n = 0;
	CK_RV rv;
	NEED(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_FATAL(info.ulMaxSessionCount > 0 && info.ulMaxSessionCount <= 1000000);
	while ((rv = p11->C_OpenSession(slot, RO, NULL, NULL, &s)) == CKR_OK)
		n++;
	IS(rv, CKR_SESSION_COUNT);
	CU_ASSERT_EQUAL(n, info.ulMaxSessionCount);
	OK(p11->C_CloseAllSessions(slot));
	OK(p11->C_CloseSession(open_on(slot, RW)));
}

static void test_finalize_closes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_SESSION_INFO info;
	face_stop();
	IS(p11->C_GetSessionInfo(s, &info), CKR_CRYPTOKI_NOT_INITIALIZED);
	face_start();
	IS(p11->C_GetSessionInfo(s, &info), CKR_SESSION_HANDLE_INVALID);
	CU_ASSERT_EQUAL(state(open_on(face_slot("test"), RW)), CKS_RW_PUBLIC_SESSION);
}

/* -- logins -------------------------------------------------------------------------- */

static void test_user_states(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_SESSION_HANDLE ro = open_on(slot, RO), rw = open_on(slot, RW);
	CU_ASSERT_EQUAL(state(ro), CKS_RO_PUBLIC_SESSION);
	CU_ASSERT_EQUAL(state(rw), CKS_RW_PUBLIC_SESSION);
	IS(p11->C_Logout(ro), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Login(ro, CKU_USER, PIN(USER_PIN)));
	CU_ASSERT_EQUAL(state(ro), CKS_RO_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(state(rw), CKS_RW_USER_FUNCTIONS);
	CU_ASSERT_EQUAL(state(open_on(slot, RO)), CKS_RO_USER_FUNCTIONS);
	IS(p11->C_Login(rw, CKU_USER, PIN(USER_PIN)), CKR_USER_ALREADY_LOGGED_IN);
	IS(p11->C_Login(rw, CKU_SO, PIN(SO_PIN)), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	OK(p11->C_Logout(rw));
	CU_ASSERT_EQUAL(state(ro), CKS_RO_PUBLIC_SESSION);
	CU_ASSERT_EQUAL(state(rw), CKS_RW_PUBLIC_SESSION);
}

static void test_so_states(void)
{
	CK_SLOT_ID slot = face_token("test");
	CK_SESSION_HANDLE ro = open_on(slot, RO), rw = open_on(slot, RW), s;
	IS(p11->C_Login(rw, CKU_SO, PIN(SO_PIN)), CKR_SESSION_READ_ONLY_EXISTS);
	IS(p11->C_Login(ro, CKU_SO, PIN(SO_PIN)), CKR_SESSION_READ_ONLY_EXISTS);
	OK(p11->C_CloseSession(ro));
	OK(p11->C_Login(rw, CKU_SO, PIN(SO_PIN)));
	CU_ASSERT_EQUAL(state(rw), CKS_RW_SO_FUNCTIONS);
	IS(p11->C_OpenSession(slot, RO, NULL, NULL, &s), CKR_SESSION_READ_WRITE_SO_EXISTS);
	CU_ASSERT_EQUAL(state(open_on(slot, RW)), CKS_RW_SO_FUNCTIONS);
	IS(p11->C_Login(rw, CKU_SO, PIN(SO_PIN)), CKR_USER_ALREADY_LOGGED_IN);
	IS(p11->C_Login(rw, CKU_USER, PIN(USER_PIN)), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	OK(p11->C_Logout(rw));
	OK(p11->C_OpenSession(slot, RO, NULL, NULL, &s));
}

static void test_login_arguments(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	IS(p11->C_Login(s, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	IS(p11->C_Login(s, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
	IS(p11->C_Login(s, CKU_USER, (CK_UTF8CHAR_PTR)USER_PIN, ~0UL), CKR_ARGUMENTS_BAD);
	IS(p11->C_Login(s, 3, PIN(USER_PIN)), CKR_USER_TYPE_INVALID);
	IS(p11->C_Login(s, ~0UL, PIN(USER_PIN)), CKR_USER_TYPE_INVALID);
	IS(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_Login(s, CKU_USER, PIN("not the user's")), CKR_PIN_INCORRECT);
	IS(p11->C_Login(s, CKU_SO, PIN("not the officer's")), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(state(s), CKS_RW_PUBLIC_SESSION);
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
}

static void test_login_user(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	IS(p11->C_LoginUser(s, CKU_USER, PIN(USER_PIN), PIN("somebody")), CKR_USER_TYPE_INVALID);
	IS(p11->C_LoginUser(s, CKU_USER, PIN(USER_PIN), NULL, 5), CKR_ARGUMENTS_BAD);
	IS(p11->C_LoginUser(s, CKU_USER, PIN("not the user's"), NULL, 0), CKR_PIN_INCORRECT);
	OK(p11->C_LoginUser(s, CKU_USER, PIN(USER_PIN), NULL, 0));
	CU_ASSERT_EQUAL(state(s), CKS_RW_USER_FUNCTIONS);
	OK(p11->C_Logout(s));
	OK(p11->C_LoginUser(s, CKU_SO, PIN(SO_PIN), PIN("")));
	CU_ASSERT_EQUAL(state(s), CKS_RW_SO_FUNCTIONS);
}

static void test_last_session_logs_out(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_SLOT_ID slot = face_slot("test");
	CK_SESSION_HANDLE t = open_on(slot, RO);
	OK(p11->C_CloseSession(s));
	CU_ASSERT_EQUAL(state(t), CKS_RO_USER_FUNCTIONS);
	OK(p11->C_CloseSession(t));
	CU_ASSERT_EQUAL(state(open_on(slot, RW)), CKS_RW_PUBLIC_SESSION);
}

/* CKA_ALWAYS_AUTHENTICATE: a login for every single use (4.9). */
static void test_always_authenticate(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0}, sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_ALWAYS_AUTHENTICATE, yes), ATTR(CKA_SIGN, yes)};
	CK_BYTE out[64];
	NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, templ, 2, &pub, &priv));
	for (int i = 0; i < 2; i++) {
		CK_ULONG n = sizeof out;
		OK(p11->C_SignInit(s, &sm2, priv));
		IS(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN("not the user's")), CKR_PIN_INCORRECT);
		OK(p11->C_Login(s, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN)));
		OK(p11->C_Sign(s, out, 5, out, &n));
		OK(p11->C_SignInit(s, &sm2, priv));
		n = sizeof out;
		IS(p11->C_Sign(s, out, 5, out, &n), CKR_USER_NOT_LOGGED_IN);
		OK(p11->C_SessionCancel(s, CKF_SIGN));
	}
}

/* -- PINs ------------------------------------------------------------------------------ */

static void test_set_pin(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION), ro = open_on(face_slot("test"), RO);
	IS(p11->C_SetPIN(ro, PIN(USER_PIN), PIN("another pin")), CKR_SESSION_READ_ONLY);
	IS(p11->C_SetPIN(s, PIN("wrong"), PIN("another pin")), CKR_PIN_INCORRECT);
	IS(p11->C_SetPIN(s, PIN(USER_PIN), PIN("abc")), CKR_PIN_LEN_RANGE);
	IS(p11->C_SetPIN(s, NULL, 0, PIN("another pin")), CKR_ARGUMENTS_BAD);
	IS(p11->C_SetPIN(s, PIN(USER_PIN), NULL, 0), CKR_ARGUMENTS_BAD);
	OK(p11->C_SetPIN(s, PIN(USER_PIN), PIN("another pin")));
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_PIN_INCORRECT);
	OK(p11->C_Login(s, CKU_USER, PIN("another pin")));
	OK(p11->C_SetPIN(s, PIN("another pin"), PIN(USER_PIN)));
	OK(p11->C_Logout(s));
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
}

static void test_so_sets_own_pin(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_SetPIN(s, PIN(SO_PIN), PIN("the officer's second pin")));
	OK(p11->C_Logout(s));
	IS(p11->C_Login(s, CKU_SO, PIN(SO_PIN)), CKR_PIN_INCORRECT);
	NEED(p11->C_Login(s, CKU_SO, PIN("the officer's second pin")));
	OK(p11->C_SetPIN(s, PIN("the officer's second pin"), PIN(SO_PIN)));
}

static void test_init_pin(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	IS(p11->C_InitPIN(s, PIN(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	IS(p11->C_InitPIN(s, PIN(USER_PIN)), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_Logout(s));
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	IS(p11->C_InitPIN(s, PIN("abc")), CKR_PIN_LEN_RANGE);
	IS(p11->C_InitPIN(s, NULL, 0), CKR_ARGUMENTS_BAD);
	OK(p11->C_InitPIN(s, PIN(USER_PIN)));
}

static CK_FLAGS pin_flags(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info = {0};
	OK(p11->C_GetTokenInfo(slot, &info));
	return info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
}

/* Ten tries by default; a right PIN in between sets the count back. */
static void test_lockout(void)
{
	CK_SLOT_ID slot = face_token("other");
	CK_SESSION_HANDLE s = open_on(slot, RW);
	CU_ASSERT_EQUAL(pin_flags(slot), 0);
	IS(p11->C_Login(s, CKU_USER, PIN("wrong")), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_COUNT_LOW);
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	CU_ASSERT_EQUAL(pin_flags(slot), 0);
	OK(p11->C_Logout(s));
	for (int i = 0; i < 9; i++)
		IS(p11->C_Login(s, CKU_USER, PIN("wrong")), CKR_PIN_INCORRECT);
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	face_stop();
	face_start();
	s = open_on(slot, RW);
	CK_RV rv = p11->C_Login(s, CKU_USER, PIN("wrong"));
	CU_ASSERT(rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED);
	CU_ASSERT(pin_flags(slot) & CKF_USER_PIN_LOCKED);
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_PIN_LOCKED);
	NEED(p11->C_Login(s, CKU_SO, PIN(SO_PIN)));
	OK(p11->C_InitPIN(s, PIN(USER_PIN)));
	OK(p11->C_Logout(s));
	CU_ASSERT_EQUAL(pin_flags(slot), 0);
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
}

/* -- what ends operations ---------------------------------------------------------------- */

static const CK_BYTE key_value[16] = {1, 2, 3};

static void begin_all(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE mac_key)
{
	CK_BYTE iv[16] = {0};
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, iv, 16}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0}, sm3 = {CKM_HUFU_SM3, NULL, 0};
	NEED(p11->C_EncryptInit(s, &cbc, key));
	NEED(p11->C_DecryptInit(s, &cbc, key));
	NEED(p11->C_DigestInit(s, &sm3));
	NEED(p11->C_SignInit(s, &hmac, mac_key));
	NEED(p11->C_VerifyInit(s, &hmac, mac_key));
	NEED(p11->C_FindObjectsInit(s, NULL, 0));
}

/* Which of the six are active, a bit each; asks by what is refused while one is. */
static unsigned active(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE mac_key)
{
	CK_BYTE iv[16] = {0};
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, iv, 16}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0}, sm3 = {CKM_HUFU_SM3, NULL, 0};
	return (p11->C_EncryptInit(s, &cbc, key) == CKR_OPERATION_ACTIVE) |
	       (p11->C_DecryptInit(s, &cbc, key) == CKR_OPERATION_ACTIVE) << 1 |
	       (p11->C_DigestInit(s, &sm3) == CKR_OPERATION_ACTIVE) << 2 |
	       (p11->C_SignInit(s, &hmac, mac_key) == CKR_OPERATION_ACTIVE) << 3 |
	       (p11->C_VerifyInit(s, &hmac, mac_key) == CKR_OPERATION_ACTIVE) << 4 |
	       (p11->C_FindObjectsInit(s, NULL, 0) == CKR_OPERATION_ACTIVE) << 5;
}

static const CK_FLAGS cancels[] = {CKF_ENCRYPT, CKF_DECRYPT, CKF_DIGEST, CKF_SIGN, CKF_VERIFY, CKF_FIND_OBJECTS};

static void test_session_cancel(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_HUFU_SM4, key_value, 16);
	CK_OBJECT_HANDLE mac_key = face_secret(s, CKK_HUFU_SM3_HMAC, key_value, 16);
	OK(p11->C_SessionCancel(s, ~0UL));
	for (unsigned i = 0; i < 6; i++) {
		OK(p11->C_SessionCancel(s, CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST | CKF_SIGN | CKF_VERIFY | CKF_FIND_OBJECTS));
		begin_all(s, key, mac_key);
		OK(p11->C_SessionCancel(s, 0));
		OK(p11->C_SessionCancel(s, CKF_WRAP | CKF_MESSAGE_ENCRYPT));
		OK(p11->C_SessionCancel(s, cancels[i]));
		CU_ASSERT_EQUAL(active(s, key, mac_key), 0x3f & ~(1u << i));
	}
}

static void test_null_mechanism_cancels(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_HUFU_SM4, key_value, 16);
	CK_OBJECT_HANDLE mac_key = face_secret(s, CKK_HUFU_SM3_HMAC, key_value, 16);
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	begin_all(s, key, mac_key);
	OK(p11->C_EncryptInit(s, NULL, 0));
	OK(p11->C_DecryptInit(s, NULL, 0));
	OK(p11->C_DigestInit(s, NULL));
	OK(p11->C_SignInit(s, NULL, 0));
	OK(p11->C_VerifyInit(s, NULL, 0));
	IS(p11->C_EncryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DecryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DigestFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_SignFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifyFinal(s, out, 32), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_FindObjectsInit(s, NULL, 0), CKR_OPERATION_ACTIVE);
}

/* Private keys are gone with the login; what a digest has seen is not. */
static void test_logout_ends(void)
{
	CK_SESSION_HANDLE s = face_user(), t = open_on(face_slot("test"), RW);
	CK_OBJECT_HANDLE pub, priv;
	CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0}, sm3 = {CKM_HUFU_SM3, NULL, 0};
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	NEED(p11->C_SignInit(s, &sm2, priv));
	NEED(p11->C_SignInit(t, &sm2, priv));
	NEED(p11->C_DigestInit(s, &sm3));
	OK(p11->C_Logout(s));
	IS(p11->C_Sign(s, out, 4, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_Sign(t, out, 4, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	n = sizeof out;
	OK(p11->C_Digest(s, out, 4, out, &n));
	OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	IS(p11->C_SignInit(s, &sm2, priv), CKR_KEY_HANDLE_INVALID);
	face_stop();
}

static const struct unit_case cases[] = {
	{"C_OpenSession wants the serial flag, and sessions say what they are", test_flags},
	{"a closed handle is invalid and stays so", test_closed_handles},
	{"the token counts its sessions", test_counts},
	{"as many sessions as the token says, then CKR_SESSION_COUNT", test_limit},
	{"C_Finalize closes sessions and ends logins", test_finalize_closes},
	{"the user's login changes the state of all sessions", test_user_states},
	{"the officer's login and read-only sessions exclude each other", test_so_states},
	{"C_Login checks user type and PIN before it counts anything", test_login_arguments},
	{"C_LoginUser without a name is C_Login; nobody has a name", test_login_user},
	{"closing the last session logs out", test_last_session_logs_out},
	{"a key that always authenticates wants the PIN for every use", test_always_authenticate},
	{"C_SetPIN changes the user's PIN, with the old one, on a R/W session", test_set_pin},
	{"the officer changes the officer's own PIN", test_so_sets_own_pin},
	{"C_InitPIN is the officer's alone", test_init_pin},
	{"wrong PINs are counted across restarts, lock the user, and the officer unlocks", test_lockout},
	{"C_SessionCancel ends what its flags name and nothing else", test_session_cancel},
	{"a NULL mechanism ends the operation", test_null_mechanism_cancels},
	{"a logout ends operations with private keys in every session", test_logout_ends},
	{0},
};

UNIT_MAIN("session", cases)
