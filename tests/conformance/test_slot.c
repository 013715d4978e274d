/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: slots, tokens, mechanisms and slot events answer as PKCS#11 5.5 says, and listing them leaves no trace. */
#include "tests/conformance/face.h"

#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

static CK_ULONG list(CK_BBOOL present, CK_SLOT_ID ids[16])
{
	CK_ULONG n = 16;
	NEED(p11->C_GetSlotList(present, ids, &n));
	return n;
}

static unsigned files(void)
{
	unsigned n = 0;
	DIR *d = opendir(face_dir());
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void test_listing_leaves_no_trace(void)
{
	CK_SLOT_ID ids[16];
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	face_start();
	for (CK_ULONG i = 0, n = list(CK_FALSE, ids); i < n; i++) {
		OK(p11->C_GetSlotInfo(ids[i], &slot));
		CU_ASSERT(slot.flags & CKF_TOKEN_PRESENT);
		OK(p11->C_GetTokenInfo(ids[i], &token));
		CU_ASSERT_FALSE(token.flags & CKF_TOKEN_INITIALIZED);
		CU_ASSERT_FALSE(token.flags & CKF_USER_PIN_INITIALIZED);
	}
	CU_ASSERT_EQUAL(files(), 1);
}

static void test_list_sizes(void)
{
	CK_SLOT_ID ids[16], again[16];
	CK_ULONG n = 77;
	face_start();
	OK(p11->C_GetSlotList(CK_FALSE, NULL, &n));
	CU_ASSERT_EQUAL(n, 4);
	n--;
	IS(p11->C_GetSlotList(CK_FALSE, ids, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 4);
	n = 0;
	IS(p11->C_GetSlotList(CK_TRUE, ids, &n), CKR_BUFFER_TOO_SMALL);
	IS(p11->C_GetSlotList(CK_TRUE, ids, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(list(CK_TRUE, ids), 4);
	CU_ASSERT_EQUAL(list(CK_FALSE, again), 4);
	CU_ASSERT_EQUAL(memcmp(ids, again, 4 * sizeof ids[0]), 0);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT(ids[i] > 0 && ids[i] <= 0x7fffffff);
		CU_ASSERT(ids[i] != ids[(i + 1) % 4]);
	}
}

static void test_bad_slots(void)
{
	CK_SLOT_INFO slot;
	CK_TOKEN_INFO token;
	CK_ULONG n = 0;
	CK_MECHANISM_INFO mechanism;
	CK_SESSION_HANDLE s;
	CK_UTF8CHAR label[32];
	CK_SLOT_ID bad[] = {0, 1, ~0UL};
	face_start();
	memset(label, ' ', sizeof label);
	for (int i = 0; i < 3; i++) {
		IS(p11->C_GetSlotInfo(bad[i], &slot), CKR_SLOT_ID_INVALID);
		IS(p11->C_GetTokenInfo(bad[i], &token), CKR_SLOT_ID_INVALID);
		IS(p11->C_GetMechanismList(bad[i], NULL, &n), CKR_SLOT_ID_INVALID);
		IS(p11->C_GetMechanismInfo(bad[i], CKM_HUFU_SM3, &mechanism), CKR_SLOT_ID_INVALID);
		IS(p11->C_InitToken(bad[i], PIN(SO_PIN), label), CKR_SLOT_ID_INVALID);
		IS(p11->C_OpenSession(bad[i], CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_SLOT_ID_INVALID);
		IS(p11->C_CloseAllSessions(bad[i]), CKR_SLOT_ID_INVALID);
	}
}

static void test_uninitialised_token(void)
{
	CK_SESSION_HANDLE s;
	CK_ULONG n;
	face_start();
	CK_SLOT_ID slot = face_slot("test");
	IS(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_TOKEN_NOT_RECOGNIZED);
	OK(p11->C_GetMechanismList(slot, NULL, &n));
	OK(p11->C_CloseAllSessions(slot));
}

/* -- C_InitToken ----------------------------------------------------------------------- */

static void test_init_token(void)
{
	CK_UTF8CHAR label[32];
	CK_TOKEN_INFO info;
	CK_SESSION_HANDLE s;
	face_start();
	CK_SLOT_ID slot = face_slot("test");
	memset(label, ' ', sizeof label);
	memcpy(label, "first", 5);
	IS(p11->C_InitToken(slot, NULL, 0, label), CKR_ARGUMENTS_BAD);
	IS(p11->C_InitToken(slot, PIN(SO_PIN), NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_InitToken(slot, PIN("abc"), label), CKR_PIN_LEN_RANGE);
	IS(p11->C_InitToken(slot, PIN(""), label), CKR_PIN_LEN_RANGE);
	IS(p11->C_InitToken(slot, (CK_UTF8CHAR_PTR)SO_PIN, ~0UL, label), CKR_ARGUMENTS_BAD);
	OK(p11->C_InitToken(slot, PIN(SO_PIN), label));
	NEED(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_EQUAL(memcmp(info.label, label, 32), 0);
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	CU_ASSERT(info.flags & CKF_LOGIN_REQUIRED);
	CU_ASSERT(info.flags & CKF_RNG);
	CU_ASSERT_FALSE(info.flags & CKF_USER_PIN_INITIALIZED);
	IS(p11->C_InitToken(slot, PIN("not this pin"), label), CKR_PIN_INCORRECT);
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
	IS(p11->C_InitToken(slot, PIN(SO_PIN), label), CKR_SESSION_EXISTS);
	OK(p11->C_CloseSession(s));
	CU_ASSERT_EQUAL(face_slot("test"), slot);
}

static void test_init_again_empties(void)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, no)};
	CK_OBJECT_HANDLE object;
	CK_ULONG n = 1;
	CK_UTF8CHAR label[32];
	CK_SESSION_HANDLE s = face_user();
	CK_SLOT_ID slot = face_slot("test");
	NEED(p11->C_CreateObject(s, templ, 3, &object));
	OK(p11->C_CloseAllSessions(slot));
	memset(label, ' ', sizeof label);
	NEED(p11->C_InitToken(slot, PIN(SO_PIN), label));
	NEED(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	OK(p11->C_FindObjectsInit(s, templ, 1));
	OK(p11->C_FindObjects(s, &object, 1, &n));
	CU_ASSERT_EQUAL(n, 0);
	IS(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_USER_PIN_NOT_INITIALIZED);
}

static void test_stable_ids(void)
{
	CK_SLOT_ID before[16], after[16];
	face_token("test");
	CK_SLOT_ID spare = 0, test = face_slot("test"), other = face_slot("other"), strict = face_slot("strict");
	CK_ULONG n = list(CK_FALSE, before);
	for (CK_ULONG i = 0; i < n; i++)
		if (before[i] != test && before[i] != other && before[i] != strict)
			spare = before[i];
	CU_ASSERT_NOT_EQUAL_FATAL(spare, 0);
	CK_UTF8CHAR label[32];
	memset(label, ' ', sizeof label);
	NEED(p11->C_InitToken(spare, PIN(SO_PIN), label));
	CU_ASSERT_EQUAL(list(CK_FALSE, after), n + 1);
	CU_ASSERT_EQUAL(memcmp(before, after, n * sizeof before[0]), 0);
	face_stop();
	face_start();
	CU_ASSERT_EQUAL(list(CK_FALSE, after), n + 1);
	for (CK_ULONG i = 0; i < n; i++) {
		CK_SLOT_INFO info;
		OK(p11->C_GetSlotInfo(before[i], &info));
	}
	CK_TOKEN_INFO info;
	OK(p11->C_GetTokenInfo(spare, &info));
	CU_ASSERT(info.flags & CKF_TOKEN_INITIALIZED);
	CU_ASSERT_EQUAL(face_slot("test"), test);
}

/* -- mechanisms -------------------------------------------------------------------------- */

#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define SIGN (CKF_SIGN | CKF_VERIFY)

static const struct {
	CK_MECHANISM_TYPE type;
	CK_FLAGS needs;
} expected[] = {
	{CKM_HUFU_SM2_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR}, {CKM_HUFU_SM2, SIGN}, {CKM_HUFU_SM2_DER, SIGN},
	{CKM_HUFU_SM2_SM3, SIGN},
	{CKM_HUFU_SM2_SM3_DER, SIGN}, {CKM_HUFU_SM2_C1C3C2, CRYPT}, {CKM_HUFU_SM2_C1C2C3, CRYPT}, {CKM_HUFU_SM2_ENC_DER, CRYPT},
	{CKM_HUFU_SM3, CKF_DIGEST}, {CKM_HUFU_SM3_HMAC, SIGN}, {CKM_HUFU_SM3_HMAC_GENERAL, SIGN},
	{CKM_HUFU_SM3_KEY_GEN, CKF_GENERATE},
	{CKM_HUFU_SM4_KEY_GEN, CKF_GENERATE}, {CKM_HUFU_SM4_ECB, CRYPT}, {CKM_HUFU_SM4_CBC, CRYPT}, {CKM_HUFU_SM4_CBC_PAD, CRYPT},
	{CKM_HUFU_SM4_CTR, CRYPT}, {CKM_HUFU_SM4_CFB128, CRYPT}, {CKM_HUFU_SM4_OFB, CRYPT}, {CKM_HUFU_SM4_GCM, CRYPT},
	{CKM_HUFU_ZUC_KEY_GEN, CKF_GENERATE}, {CKM_HUFU_ZUC_EEA3, CRYPT}, {CKM_HUFU_ZUC_EIA3, SIGN},
};

static void test_mechanisms(void)
{
	CK_MECHANISM_TYPE types[512];
	CK_ULONG n = 0;
	face_start();
	CK_SLOT_ID slot = face_slot("test");
	NEED(p11->C_GetMechanismList(slot, NULL, &n));
	CU_ASSERT_FATAL(n >= 23 && n <= 512);
	CK_ULONG small = n - 1;
	IS(p11->C_GetMechanismList(slot, types, &small), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(small, n);
	NEED(p11->C_GetMechanismList(slot, types, &n));
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		CK_MECHANISM_INFO info;
		unsigned listed = 0;
		for (CK_ULONG j = 0; j < n; j++)
			listed += types[j] == expected[i].type;
		CU_ASSERT_EQUAL(listed, 1);
		if (OK(p11->C_GetMechanismInfo(slot, expected[i].type, &info))) {
			CU_ASSERT_EQUAL(info.flags & expected[i].needs, expected[i].needs);
			CU_ASSERT(info.ulMinKeySize <= info.ulMaxKeySize);
			CU_ASSERT_FALSE(info.flags & CKF_HW);
		}
	}
	for (CK_ULONG j = 0; j < n; j++) {
		CK_MECHANISM_INFO info;
		OK(p11->C_GetMechanismInfo(slot, types[j], &info));
	}
}

static void test_unknown_mechanism(void)
{
	CK_MECHANISM_INFO info;
	face_start();
	CK_SLOT_ID slot = face_slot("test");
	IS(p11->C_GetMechanismInfo(slot, CKM_AES_KEY_GEN + 0x7000, &info), CKR_MECHANISM_INVALID);
	IS(p11->C_GetMechanismInfo(slot, ~0UL, &info), CKR_MECHANISM_INVALID);
	IS(p11->C_GetMechanismInfo(slot, HUFU_VENDOR + 0xff, &info), CKR_MECHANISM_INVALID);
	IS(p11->C_GetMechanismInfo(slot, CKM_HUFU_SM3, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GetMechanismList(slot, NULL, NULL), CKR_ARGUMENTS_BAD);
}

/* -- C_WaitForSlotEvent ------------------------------------------------------------------- */

static void test_no_event(void)
{
	CK_SLOT_ID slot = 0;
	face_start();
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
	face_stop();
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	IS(p11->C_WaitForSlotEvent(0, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void *wait_event(void *rv)
{
	CK_SLOT_ID slot;
	*(CK_RV *)rv = p11->C_WaitForSlotEvent(0, &slot, NULL);
	return NULL;
}

/* Whether the thread waits already or not: either way it must come back with this code. */
static void test_finalize_wakes(void)
{
	pthread_t threads[4];
	CK_RV rv[4];
	face_start();
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, wait_event, &rv[i]), 0);
	usleep(20000);
	OK(p11->C_Finalize(NULL));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		IS(rv[i], CKR_CRYPTOKI_NOT_INITIALIZED);
	}
}

static char *store_of(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof path, "%s/%s", face_dir(), name);
	return path;
}

static void move_store(const char *from, const char *to)
{
	char old[4096];
	snprintf(old, sizeof old, "%s", store_of(from));
	CU_ASSERT_EQUAL_FATAL(rename(old, store_of(to)), 0);
}

static bool is_present(CK_SLOT_ID slot)
{
	CK_SLOT_INFO info = {0};
	CK_SLOT_ID ids[16];
	bool listed = false;
	NEED(p11->C_GetSlotInfo(slot, &info));
	for (CK_ULONG i = 0, n = list(CK_TRUE, ids); i < n; i++)
		listed |= ids[i] == slot;
	CU_ASSERT_EQUAL(listed, (info.flags & CKF_TOKEN_PRESENT) != 0);
	return listed;
}

static void test_token_goes_and_comes(void)
{
	CK_SLOT_ID slot = face_token("test"), event = 0, ids[16];
	CK_ULONG all = list(CK_FALSE, ids);
	CK_SESSION_HANDLE s;
	CK_TOKEN_INFO token;
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
	CU_ASSERT(is_present(slot));
	move_store("test.db", "away.db");
	CU_ASSERT_FALSE(is_present(slot));
	CU_ASSERT_EQUAL(list(CK_FALSE, ids), all);
	IS(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_TOKEN_NOT_PRESENT);
	IS(p11->C_GetTokenInfo(slot, &token), CKR_TOKEN_NOT_PRESENT);
	OK(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL));
	CU_ASSERT_EQUAL(event, slot);
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
	move_store("away.db", "test.db");
	event = 0;
	OK(p11->C_WaitForSlotEvent(0, &event, NULL)); /* it is there already: blocking does not wait */
	CU_ASSERT_EQUAL(event, slot);
	CU_ASSERT(is_present(slot));
	OK(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	OK(p11->C_CloseSession(s));
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
}

static void *wait_slot(void *slot)
{
	CK_RV rv = p11->C_WaitForSlotEvent(0, slot, NULL);
	if (rv != CKR_OK)
		*(CK_SLOT_ID *)slot = 0;
	return NULL;
}

static void test_waiting_sees_it(void)
{
	CK_SLOT_ID slot = face_token("test"), event = 0;
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_slot, &event), 0);
	move_store("test.db", "away.db");
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(event, slot);
	move_store("away.db", "test.db");
	OK(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL));
}

/* A token that is made, and one that never was, are there all the time. */
static void test_no_event_of_init(void)
{
	CK_SLOT_ID event;
	face_start();
	CU_ASSERT(is_present(face_slot("strict")));
	face_token("strict");
	CU_ASSERT(is_present(face_slot("strict")));
	IS(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
}

static const struct unit_case cases[] = {
	{"listing slots and asking about tokens makes no file", test_listing_leaves_no_trace},
	{"C_GetSlotList gives three configured slots and a spare one, with ids of 31 bits", test_list_sizes},
	{"a slot that is not there is CKR_SLOT_ID_INVALID everywhere", test_bad_slots},
	{"a token that is not initialised has mechanisms but no sessions", test_uninitialised_token},
	{"C_InitToken checks PIN and label, and keeps sessions from losing their token", test_init_token},
	{"C_InitToken on a token in use empties it and takes the user's PIN", test_init_again_empties},
	{"slot ids outlive C_InitToken and a new start, and a used spare slot gets a successor", test_stable_ids},
	{"every SM mechanism is listed once, and every listed one says what it can do", test_mechanisms},
	{"an unknown mechanism is CKR_MECHANISM_INVALID", test_unknown_mechanism},
	{"C_WaitForSlotEvent without blocking sees no event", test_no_event},
	{"a token whose store goes away is not present until it is back, and both are events", test_token_goes_and_comes},
	{"whoever waits for an event is told when a store goes away", test_waiting_sees_it},
	{"a token that is not initialised is present, and initialising it is no event", test_no_event_of_init},
	{"C_Finalize wakes whoever waits for an event", test_finalize_wakes},
	{0},
};

UNIT_MAIN("slot", cases)
