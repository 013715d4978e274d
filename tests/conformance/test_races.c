/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever threads do to one token at once, every answer is right or
 * one that the specification has for it, and nothing of the library is touched
 * after its end. The sanitizers judge the rest.
 *
 * What runs is bounded by numbers of rounds, never by time.
 */
#include "tests/conformance/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 150
#define RESTARTS 15

static CK_SLOT_ID slot;
static CK_OBJECT_HANDLE pub, priv, shared;
static _Atomic int wrong;
static _Atomic bool over;

/* CKR_OK, or one of these: a list that ends with CKR_OK. */
static CK_RV one_of(CK_RV rv, const CK_RV *allowed, const char *call)
{
	while (*allowed != CKR_OK && *allowed != rv)
		allowed++;
	if (rv != *allowed && wrong++ < 8)
		printf("# %s gives %s\n", call, face_rv_name(rv));
	return rv;
}

#define MAY(call, ...) one_of((call), (const CK_RV[]){__VA_ARGS__, CKR_OK}, #call)
#define MUST(call) one_of((call), (const CK_RV[]){CKR_OK}, #call)

static void must(bool right, const char *what)
{
	if (!right && wrong++ < 8)
		printf("# wrong: %s\n", what);
}

/* The codes for what a logout takes away. */
#define LOST_KEY CKR_KEY_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN
#define LOST_OPERATION CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN
#define LOST_OBJECT CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN
/* And for what C_Finalize, C_CloseAllSessions and C_CloseSession do. */
#define STOPPED CKR_CRYPTOKI_NOT_INITIALIZED
#define CLOSED CKR_SESSION_HANDLE_INVALID, STOPPED

/* -- what threads do: each with a session of its own ------------------------------------------ */

static void sign(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_BYTE text[40], signature[64];
	CK_ULONG n = sizeof signature;
	memset(text, seed, sizeof text);
	if (MAY(p11->C_SignInit(s, &sm2, priv), LOST_KEY) != CKR_OK)
		return;
	if (MAY(p11->C_Sign(s, text, sizeof text, signature, &n), LOST_OPERATION) != CKR_OK)
		return;
	MUST(p11->C_VerifyInit(s, &sm2, pub));
	MUST(p11->C_Verify(s, text, sizeof text, signature, n));
}

/* A public key outlives logouts, in parts too. */
static void encrypt(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_BYTE iv[16], text[100], out[128], back[128];
	CK_ULONG n = 64, m = sizeof out - 64, got = sizeof back;
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC_PAD, iv, sizeof iv};
	memset(iv, seed, sizeof iv);
	memset(text, seed, sizeof text);
	MUST(p11->C_EncryptInit(s, &cbc, shared));
	MUST(p11->C_EncryptUpdate(s, text, 70, out, &n));
	CK_ULONG more = sizeof out - n;
	MUST(p11->C_EncryptUpdate(s, text + 70, 30, out + n, &more));
	m = sizeof out - n - more;
	MUST(p11->C_EncryptFinal(s, out + n + more, &m));
	MUST(p11->C_DecryptInit(s, &cbc, shared));
	MUST(p11->C_Decrypt(s, out, n + more + m, back, &got));
	must(got == sizeof text && memcmp(back, text, got) == 0, "what was encrypted comes back");
}

static CK_OBJECT_HANDLE create(CK_SESSION_HANDLE s, CK_BBOOL token, CK_BBOOL private, CK_BYTE seed)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, token), ATTR(CKA_PRIVATE, private), ATTR(CKA_LABEL, seed), ATTR(CKA_VALUE, seed),
	};
	return MAY(p11->C_CreateObject(s, templ, 5, &h), CKR_USER_NOT_LOGGED_IN) == CKR_OK ? h : 0;
}

/* Its own object, which nobody else destroys but a logout: that the private one. */
static void own_object(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_BBOOL token = seed & 1 ? CK_TRUE : CK_FALSE, private = seed & 2 ? CK_TRUE : CK_FALSE;
	CK_BYTE got = 0, changed = (CK_BYTE)(seed + 100);
	CK_ATTRIBUTE ask = ATTR(CKA_LABEL, got), set = ATTR(CKA_LABEL, changed);
	CK_OBJECT_HANDLE h = create(s, token, private, seed);
	if (!h)
		return;
	CK_RV rv = p11->C_SetAttributeValue(s, h, &set, 1);
	if (rv == CKR_OK)
		rv = p11->C_GetAttributeValue(s, h, &ask, 1);
	if (rv == CKR_OK)
		must(got == changed, "an attribute reads as it was set");
	if (rv == CKR_OK)
		rv = p11->C_DestroyObject(s, h);
	if (rv != CKR_OK && private)
		MAY(rv, LOST_OBJECT);
	else
		MUST(rv);
}

/* Others destroy what is found here, and logouts hide it. */
static void find(CK_SESSION_HANDLE s, CK_BYTE seed)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE found[8];
	CK_BYTE label = 0;
	CK_ULONG n = 0;
	CK_ATTRIBUTE templ = ATTR(CKA_CLASS, class);
	MUST(p11->C_FindObjectsInit(s, &templ, 1));
	/* A logout of this session ends its search (and only that): C_Logout is not called on it. */
	MUST(p11->C_FindObjects(s, found, 8, &n));
	MUST(p11->C_FindObjectsFinal(s));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_ATTRIBUTE ask = ATTR(CKA_LABEL, label);
		MAY(p11->C_GetAttributeValue(s, found[i], &ask, 1), LOST_OBJECT, CKR_BUFFER_TOO_SMALL);
	}
	if (n && seed % 4 == 0)
		MAY(p11->C_CopyObject(s, found[0], NULL, 0, &found[1]), LOST_OBJECT);
}

static void *work(void *number)
{
	static void (*const jobs[])(CK_SESSION_HANDLE, CK_BYTE) = {sign, encrypt, own_object, find};
	uintptr_t me = (uintptr_t)number;
	for (unsigned round = 0; round < ROUNDS; round++) {
		CK_SESSION_HANDLE s;
		if (MUST(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s)) != CKR_OK)
			return NULL;
		for (unsigned i = 0; i < 4; i++)
			jobs[(me + round + i) % 4](s, (CK_BYTE)(me * 16 + round % 16));
		MUST(p11->C_CloseSession(s));
	}
	return NULL;
}

/* The one that logs out and in, as long as the others work. */
static void *come_and_go(void *session)
{
	CK_SESSION_HANDLE s = *(CK_SESSION_HANDLE *)session;
	while (!over) {
		MUST(p11->C_Logout(s));
		MUST(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*f)(void *), void *arg)
{
	CU_ASSERT_EQUAL_FATAL(pthread_create(thread, NULL, f, arg), 0);
}

static void test_mixture(void)
{
	CK_SESSION_HANDLE s = face_user();
	pthread_t threads[THREADS], other;
	CK_TOKEN_INFO info;
	wrong = 0;
	over = false;
	slot = face_slot("test");
	CK_ATTRIBUTE public[] = {ATTR(CKA_PRIVATE, no)};
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	face_sm2_pair(s, CK_TRUE, &pub, &priv);
	NEED(p11->C_GenerateKey(s, &gen, public, 1, &shared));
	for (uintptr_t i = 0; i < THREADS; i++)
		start(&threads[i], work, (void *)i);
	start(&other, come_and_go, &s);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	over = true;
	pthread_join(other, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	OK(p11->C_GetTokenInfo(slot, &info));
	CU_ASSERT_EQUAL(info.ulSessionCount, 1);
}

/* -- the end comes while others are in ---------------------------------------------------------- */

/* A session, or 0 with an answer that says why not. */
static CK_SESSION_HANDLE open_or_not(void)
{
	CK_SESSION_HANDLE s = 0;
	CK_RV rv = p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s);
	return MAY(rv, STOPPED, CKR_TOKEN_NOT_RECOGNIZED) == CKR_OK ? s : 0;
}

static void digest_or_not(CK_SESSION_HANDLE s)
{
	CK_MECHANISM sm3 = {CKM_HUFU_SM3, NULL, 0};
	CK_BYTE out[32];
	CK_ULONG n = sizeof out;
	if (MAY(p11->C_DigestInit(s, &sm3), CLOSED) == CKR_OK)
		MAY(p11->C_Digest(s, out, sizeof out, out, &n), CLOSED);
}

/* CKR_OK from every call until the session is gone, and from then on never. */
static void *use_until_gone(void *unused)
{
	while (!over) {
		CK_OBJECT_CLASS class = CKO_DATA;
		CK_OBJECT_HANDLE h;
		CK_ATTRIBUTE templ = ATTR(CKA_CLASS, class);
		CK_SESSION_HANDLE s = open_or_not();
		if (!s)
			continue;
		digest_or_not(s);
		MAY(p11->C_CreateObject(s, &templ, 1, &h), CLOSED);
		MAY(p11->C_Login(s, CKU_USER, PIN("a wrong pin")), CLOSED, CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_USER_PIN_NOT_INITIALIZED,
		    CKR_USER_ALREADY_LOGGED_IN);
		MAY(p11->C_CloseSession(s), CLOSED);
	}
	return unused;
}

static void *use_lightly(void *unused)
{
	CK_MECHANISM_TYPE list[512];
	CK_SLOT_ID ids[16];
	CK_TOKEN_INFO info;
	while (!over) {
		CK_ULONG n = 16, m = sizeof list / sizeof list[0];
		CK_SESSION_HANDLE s = open_or_not();
		MAY(p11->C_GetSlotList(CK_TRUE, NULL, &n), STOPPED);
		n = 16;
		MAY(p11->C_GetSlotList(CK_TRUE, ids, &n), STOPPED);
		MAY(p11->C_GetTokenInfo(slot, &info), STOPPED);
		MAY(p11->C_GetMechanismList(slot, list, &m), STOPPED);
		if (s)
			digest_or_not(s);
		if (s)
			MAY(p11->C_CloseSession(s), CLOSED);
	}
	return unused;
}

static void *wait_for_slots(void *unused)
{
	CK_SLOT_ID id;
	while (!over)
		MAY(p11->C_WaitForSlotEvent(0, &id, NULL), STOPPED);
	return unused;
}

static void start_users(pthread_t threads[THREADS])
{
	wrong = 0;
	over = false;
	slot = face_token("test");
	for (int i = 0; i < THREADS - 2; i++)
		start(&threads[i], use_lightly, NULL);
	start(&threads[THREADS - 2], use_until_gone, NULL);
	start(&threads[THREADS - 1], wait_for_slots, NULL);
}

/* The last C_Finalize wakes who waits for slots. */
static void stop_users(pthread_t threads[THREADS])
{
	over = true;
	face_stop();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_finalize(void)
{
	pthread_t threads[THREADS];
	start_users(threads);
	for (int i = 0; i < RESTARTS; i++) {
		CK_SESSION_HANDLE s = open_or_not(); /* so that the token is open, too */
		digest_or_not(s);
		face_stop();
		face_start();
	}
	stop_users(threads);
}

static void test_close_all(void)
{
	pthread_t threads[THREADS];
	start_users(threads);
	for (int i = 0; i < ROUNDS; i++)
		OK(p11->C_CloseAllSessions(slot));
	stop_users(threads);
}

/* C_InitToken comes in between sessions, or is told that there are some. */
static void test_init_token(void)
{
	pthread_t threads[THREADS];
	CK_UTF8CHAR label[32];
	int made = 0;
	memset(label, ' ', sizeof label);
	start_users(threads);
	for (int i = 0; i < ROUNDS && made < 3; i++)
		if (MAY(p11->C_InitToken(slot, PIN(SO_PIN), label), CKR_SESSION_EXISTS) == CKR_OK)
			made++;
	stop_users(threads);
}

/* A child of a process whose other threads are in calls: its sessions are its own and work. */
static void test_fork(void)
{
	UNIT_FORKS_AMID_THREADS();
	pthread_t threads[THREADS];
	start_users(threads);
	for (int i = 0; i < RESTARTS; i++) {
		int status = 0;
		pid_t pid = fork();
		CU_ASSERT_FATAL(pid >= 0);
		if (pid == 0) {
			wrong = 0;
			CK_SESSION_HANDLE s = open_or_not();
			digest_or_not(s);
			MUST(p11->C_CloseAllSessions(slot));
			MUST(p11->C_Finalize(NULL));
			_exit(s != 0 && wrong == 0 ? 0 : 1);
		}
		CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	stop_users(threads);
}

static const struct unit_case cases[] = {
	{"8 threads sign, encrypt, find, make and destroy while one logs out and in", test_mixture},
	{"C_CloseAllSessions while others open, use and close", test_close_all},
	{"C_Finalize and C_Initialize while others are in calls", test_finalize},
	{"fork while others are in calls", test_fork},
	{"C_InitToken while others open and close", test_init_token},
	{0},
};

UNIT_MAIN("races", cases)
