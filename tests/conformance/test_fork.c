/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: CKF_INTERFACE_FORK_SAFE is true. A child goes on with the parent's
 * sessions, logins and keys; what would run a keystream twice is dropped; the
 * parent notices nothing; both see each other's objects.
 */
#include "tests/conformance/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static CK_BYTE iv[16], text[64] = "what both sides say";
static CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, iv, 16}, sm2 = {CKM_HUFU_SM2_SM3, NULL, 0}, sm3 = {CKM_HUFU_SM3, NULL, 0};

/* The child has no CUnit: it says where it failed by its exit status, a line number's low bits. */
#define CHILD(call, want) do { CK_RV rv_ = (call); if (rv_ != (want)) { child_failed(#call, rv_, __LINE__); } } while (0)

static void child_failed(const char *call, CK_RV rv, int line)
{
	fprintf(stderr, "# in the child, line %d: %s gives %s (0x%lx)\n", line, call, face_rv_name(rv), rv);
	_exit(1);
}

static bool child_succeeded(pid_t pid)
{
	int status = 0;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define IN_CHILD(body) do { pid_t pid_ = fork(); CU_ASSERT_FATAL(pid_ >= 0); if (pid_ == 0) { body; _exit(0); } \
	CU_ASSERT(child_succeeded(pid_)); } while (0)

static CK_OBJECT_HANDLE sm4_key(CK_SESSION_HANDLE s)
{
	return face_secret(s, CKK_HUFU_SM4, (const CK_BYTE *)"0123456789abcdef", 16);
}

static CK_OBJECT_HANDLE data_object(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes),
		BYTES(CKA_LABEL, (void *)(uintptr_t)label, strlen(label)),
	};
	return p11->C_CreateObject(s, templ, 4, &h) == CKR_OK ? h : 0;
}

static CK_ULONG found(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_HANDLE all[64];
	CK_ULONG n = 0;
	CK_ATTRIBUTE templ = {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};
	if (p11->C_FindObjectsInit(s, &templ, 1) != CKR_OK || p11->C_FindObjects(s, all, 64, &n) != CKR_OK)
		return 999;
	p11->C_FindObjectsFinal(s);
	return n;
}

static CK_RV signs(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
	CK_BYTE signature[64];
	CK_ULONG n = sizeof signature;
	CK_RV rv = p11->C_SignInit(s, &sm2, priv);
	if (rv == CKR_OK)
		rv = p11->C_Sign(s, text, sizeof text, signature, &n);
	if (rv == CKR_OK)
		rv = p11->C_VerifyInit(s, &sm2, pub);
	return rv == CKR_OK ? p11->C_Verify(s, text, sizeof text, signature, n) : rv;
}

/* -- what a child keeps ------------------------------------------------------------------ */

static void goes_on(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
	CK_SESSION_INFO info;
	CHILD(p11->C_GetSessionInfo(s, &info), CKR_OK);
	CHILD(info.state, CKS_RW_USER_FUNCTIONS);
	CHILD(signs(s, pub, priv), CKR_OK);
	CHILD(p11->C_Login(s, CKU_USER, PIN(USER_PIN)), CKR_USER_ALREADY_LOGGED_IN);
	CHILD(p11->C_CloseSession(s), CKR_OK);
	CHILD(p11->C_Finalize(NULL), CKR_OK);
	CHILD(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void test_keeps_session(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	face_sm2_pair(s, CK_TRUE, &pub, &priv);
	IN_CHILD(goes_on(s, pub, priv));
	OK(signs(s, pub, priv));
	IN_CHILD(goes_on(s, pub, priv));
	OK(signs(s, pub, priv));
}

/* libp11 and others call C_Initialize again in a child, and then want their sessions or new ones. */
static void initializes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CHILD(p11->C_Initialize(&args), CKR_OK);
	CHILD(p11->C_Initialize(&args), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	CHILD(signs(s, pub, priv), CKR_OK);
}

static void test_initialize_in_child(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	IN_CHILD(initializes(s, pub, priv));
	OK(signs(s, pub, priv));
	IS(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

static void starts_over(void)
{
	CHILD(p11->C_Initialize(NULL), CKR_OK);
	CHILD(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	CHILD(p11->C_Finalize(NULL), CKR_OK);
}

static void test_not_initialised_parent(void)
{
	UNIT_FORKS();
	CK_INFO info;
	face_stop();
	IN_CHILD(starts_over());
	IS(p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* -- what a child drops -------------------------------------------------------------------- */

static void lacks_ciphers(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	CHILD(p11->C_EncryptUpdate(s, text, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	n = sizeof out;
	CHILD(p11->C_DecryptUpdate(s, text, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	n = sizeof out;
	CHILD(p11->C_DigestFinal(s, out, &n), CKR_OK);
	CHILD(p11->C_EncryptInit(s, &cbc, key), CKR_OK);
	n = sizeof out;
	CHILD(p11->C_Encrypt(s, text, 16, out, &n), CKR_OK);
}

static void test_drops_ciphers(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	CK_BYTE out[64], whole[64];
	CK_ULONG n = sizeof whole, done;
	NEED(p11->C_EncryptInit(s, &cbc, key));
	NEED(p11->C_Encrypt(s, text, 64, whole, &n));
	NEED(p11->C_EncryptInit(s, &cbc, key));
	n = sizeof out;
	NEED(p11->C_EncryptUpdate(s, text, 32, out, &n));
	done = n;
	NEED(p11->C_DecryptInit(s, &cbc, key));
	NEED(p11->C_DigestInit(s, &sm3));
	NEED(p11->C_DigestUpdate(s, text, 32));
	IN_CHILD(lacks_ciphers(s, key));
	n = sizeof out - done;
	OK(p11->C_EncryptUpdate(s, text + 32, 32, out + done, &n));
	done += n;
	n = sizeof out - done;
	OK(p11->C_EncryptFinal(s, out + done, &n));
	CU_ASSERT(done + n == 64 && memcmp(out, whole, 64) == 0);
	n = sizeof out;
	OK(p11->C_DigestFinal(s, out, &n));
}

static void gives_random(CK_SESSION_HANDLE s, int fd)
{
	CK_BYTE out[32];
	CHILD(p11->C_GenerateRandom(s, out, sizeof out), CKR_OK);
	if (write(fd, out, sizeof out) != sizeof out)
		_exit(2);
}

static void test_random_differs(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_public(0);
	CK_BYTE seen[5][32];
	int fd[2];
	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	OK(p11->C_GenerateRandom(s, seen[4], 32));
	for (int i = 0; i < 4; i++) {
		IN_CHILD(gives_random(s, fd[1]));
		CU_ASSERT_EQUAL(read(fd[0], seen[i], 32), 32);
	}
	OK(p11->C_GenerateRandom(s, seen[4], 32));
	for (int i = 0; i < 5; i++)
		for (int j = 0; j < i; j++)
			CU_ASSERT_NOT_EQUAL(memcmp(seen[i], seen[j], 32), 0);
	close(fd[0]);
	close(fd[1]);
}

/* -- the store on both sides ------------------------------------------------------------------- */

static void makes_object(CK_SESSION_HANDLE s)
{
	CHILD(found(s, "made before"), 1);
	CHILD(data_object(s, "made by the child") != 0, true);
	CHILD(found(s, "made by the child"), 1);
}

static void test_both_see_commits(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	CU_ASSERT_NOT_EQUAL(data_object(s, "made before"), 0);
	IN_CHILD(makes_object(s));
	CU_ASSERT_EQUAL(found(s, "made by the child"), 1);
	CU_ASSERT_NOT_EQUAL(data_object(s, "made after"), 0);
	face_stop();
	s = face_user();
	CU_ASSERT_EQUAL(found(s, "made before"), 1);
	CU_ASSERT_EQUAL(found(s, "made by the child"), 1);
	CU_ASSERT_EQUAL(found(s, "made after"), 1);
}

#define EACH 10

static void makes_many(CK_SESSION_HANDLE s)
{
	for (int i = 0; i < EACH; i++)
		CHILD(data_object(s, "one of many") != 0, true);
}

static void test_writing_at_once(void)
{
	UNIT_FORKS();
	CK_SESSION_HANDLE s = face_user();
	pid_t pids[3];
	for (int i = 0; i < 3; i++) {
		pids[i] = fork();
		CU_ASSERT_FATAL(pids[i] >= 0);
		if (pids[i] == 0) {
			makes_many(s);
			_exit(0);
		}
	}
	for (int i = 0; i < EACH; i++)
		CU_ASSERT_NOT_EQUAL(data_object(s, "one of many"), 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT(child_succeeded(pids[i]));
	CU_ASSERT_EQUAL(found(s, "one of many"), 4 * EACH);
}

/* -- forking while others work ------------------------------------------------------------------- */

static _Atomic bool stop;
static CK_OBJECT_HANDLE busy_pub, busy_priv;

static void *keep_busy(void *failed)
{
	CK_SESSION_HANDLE s;
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_OBJECT_HANDLE h;
	if (p11->C_OpenSession(face_slot("test"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
		return failed;
	while (!stop)
		if (signs(s, busy_pub, busy_priv) != CKR_OK || p11->C_GenerateKey(s, &gen, NULL, 0, &h) != CKR_OK ||
		    p11->C_DestroyObject(s, h) != CKR_OK)
			return failed;
	return NULL;
}

static void test_fork_while_busy(void)
{
	UNIT_FORKS_AMID_THREADS();
	CK_SESSION_HANDLE s = face_user();
	pthread_t threads[4];
	face_sm2_pair(s, CK_FALSE, &busy_pub, &busy_priv);
	stop = false;
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, keep_busy, &stop), 0);
	for (int i = 0; i < 20; i++)
		IN_CHILD(CHILD(signs(s, busy_pub, busy_priv), CKR_OK));
	stop = true;
	for (int i = 0; i < 4; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		CU_ASSERT_PTR_NULL(failed);
	}
	face_stop();
}

/* -- a program's own end --------------------------------------------------------------------------- */

static CK_SESSION_HANDLE last_session;

/* As OpenSSL's engines do: libraries' exit handlers call the module when main is long over. */
static void at_exit(void)
{
	CHILD(signs(last_session, busy_pub, busy_priv), CKR_OK);
	CHILD(p11->C_CloseSession(last_session), CKR_OK);
	CHILD(p11->C_Finalize(NULL), CKR_OK);
	CHILD(p11->C_CloseSession(last_session), CKR_CRYPTOKI_NOT_INITIALIZED);
}

static void test_exit_handler(void)
{
	UNIT_FORKS();
	last_session = face_user();
	face_sm2_pair(last_session, CK_FALSE, &busy_pub, &busy_priv);
	pid_t pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		atexit(at_exit);
		exit(0);
	}
	CU_ASSERT(child_succeeded(pid));
	OK(signs(last_session, busy_pub, busy_priv));
	face_stop();
}

static const struct unit_case cases[] = {
	{"a child goes on with session, login and keys, and its end is its own", test_keeps_session},
	{"C_Initialize in a child answers CKR_OK once and keeps state", test_initialize_in_child},
	{"a child of a parent that has not initialised starts by itself", test_not_initialised_parent},
	{"a child has no ciphers under way, the parent finishes its own", test_drops_ciphers},
	{"no two sides ever draw the same random numbers", test_random_differs},
	{"each side sees what the other has committed, and nothing is lost", test_both_see_commits},
	{"four processes write at once and lose nothing", test_writing_at_once},
	{"the module works in exit handlers, and after its own end says so", test_exit_handler},
	{"forking while threads work harms neither side", test_fork_while_busy},
	{0},
};

UNIT_MAIN("fork", cases)
