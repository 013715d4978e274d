/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a token that lives on two machines works while one of them is killed and started again: no call fails, each key is
 * made exactly once, and what was acknowledged is there.
 */
#include "tests/conformance/face.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define KEYS 60
#define KILLS 4

static CK_MECHANISM sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
static CK_BYTE text[] = "troops move when both halves of the tally match";

/* -- a machine that comes and goes ------------------------------------------------------------------ */

static _Atomic unsigned progress;      /* calls that were answered */
static atomic_bool over;

/* Each time after some more calls, so that there is work under way whenever one dies. In the thread that started the first. */
static void kill_and_start(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	for (unsigned i = 0; i < KILLS && !over; i++) {
		unsigned before = progress;
		while (!over && progress < before + 3)
			nanosleep(&pause, NULL);
		if (!face_machine_restart(i % 2))
			abort();
	}
}

static struct {
	void (*work)(CK_SESSION_HANDLE);
	CK_SESSION_HANDLE session;
} job;

static void *run_job(void *arg)
{
	(void)arg;
	job.work(job.session);
	over = true;
	return NULL;
}

static void under_fire(void (*work)(CK_SESSION_HANDLE), CK_SESSION_HANDLE s)
{
	pthread_t thread;
	over = false;
	job.work = work;
	job.session = s;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_job, NULL), 0);
	kill_and_start();
	pthread_join(thread, NULL);
}

/* -- keys ---------------------------------------------------------------------------------------------- */

static CK_ULONG count(CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, CK_BYTE *label, CK_ULONG len)
{
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), BYTES(CKA_LABEL, label, len)};
	CK_OBJECT_HANDLE found[2 * KEYS];
	CK_ULONG n = 0;
	NEED(p11->C_FindObjectsInit(s, templ, 2));
	OK(p11->C_FindObjects(s, found, 2 * KEYS, &n));
	OK(p11->C_FindObjectsFinal(s));
	return n;
}

static CK_RV make_pair(CK_SESSION_HANDLE s, CK_BYTE *label, CK_ULONG len, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, len), ATTR(CKA_VERIFY, yes)};
	CK_ATTRIBUTE priv_templ[] = {ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, label, len), ATTR(CKA_SIGN, yes)};
	return p11->C_GenerateKeyPair(s, &gen, pub_templ, 3, priv_templ, 3, pub, priv);
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv)
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

/* Exactly one row a half, whichever machine died when. */
static void make_keys(CK_SESSION_HANDLE s)
{
	for (CK_BYTE i = 0; i < KEYS; i++) {
		CK_OBJECT_HANDLE pub = 0, priv = 0;
		OK(make_pair(s, &i, 1, &pub, &priv));
		OK(sign(s, pub, priv));
		progress++;
	}
}

static void test_one_key(void)
{
	CK_SESSION_HANDLE s = face_user();
	under_fire(make_keys, s);
	for (CK_BYTE i = 0; i < KEYS; i++) {
		CU_ASSERT_EQUAL(count(s, CKO_PRIVATE_KEY, &i, 1), 1);
		CU_ASSERT_EQUAL(count(s, CKO_PUBLIC_KEY, &i, 1), 1);
	}
}

/* -- objects ----------------------------------------------------------------------------------------------- */

/* Made, changed, copied, found, destroyed; each by its own request. */
static void use_objects(CK_SESSION_HANDLE s)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BYTE name[] = "data", other[] = "other", got[8];
	for (CK_BYTE i = 0; i < KEYS; i++) {
		CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_TOKEN, yes), BYTES(CKA_LABEL, name, 4),
		                        BYTES(CKA_VALUE, &i, 1)};
		CK_ATTRIBUTE set = BYTES(CKA_LABEL, other, 5), ask = BYTES(CKA_LABEL, got, sizeof got);
		CK_OBJECT_HANDLE h = 0, copy = 0;
		OK(p11->C_CreateObject(s, templ, 4, &h));
		OK(p11->C_SetAttributeValue(s, h, &set, 1));
		OK(p11->C_GetAttributeValue(s, h, &ask, 1));
		CU_ASSERT(ask.ulValueLen == 5 && memcmp(got, other, 5) == 0);
		OK(p11->C_CopyObject(s, h, templ + 2, 1, &copy));
		OK(p11->C_DestroyObject(s, h));
		IS(p11->C_GetAttributeValue(s, h, &ask, 1), CKR_OBJECT_HANDLE_INVALID);
		progress++;
	}
}

static void test_objects(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE name[] = "data", other[] = "other";
	under_fire(use_objects, s);
	CU_ASSERT_EQUAL(count(s, CKO_DATA, name, 4), KEYS);
	CU_ASSERT_EQUAL(count(s, CKO_DATA, other, 5), 0);
}

/* -- logins ---------------------------------------------------------------------------------------------------- */

static void log_in_and_out(CK_SESSION_HANDLE s)
{
	for (int i = 0; i < KEYS / 2; i++) {
		OK(p11->C_Logout(s));
		OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
		progress++;
	}
}

static void test_logins(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_TOKEN_INFO info;
	under_fire(log_in_and_out, s);
	OK(p11->C_GetTokenInfo(face_slot("test"), &info));
	CU_ASSERT_FALSE(info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED));
}

/* Both gone: an error, in time; and work again when one is back. */
static void test_all_down(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE label[] = "down";
	NEED(make_pair(s, label, 4, &pub, &priv));
	face_machine_kill(0);
	face_machine_kill(1);
	IS(sign(s, pub, priv), CKR_DEVICE_ERROR);
	CU_ASSERT_TRUE_FATAL(face_machine_restart(1));
	OK(sign(s, pub, priv));
	CU_ASSERT_TRUE_FATAL(face_machine_restart(0));
}

static const struct unit_case cases[] = {
	{"keys are made exactly once, and sign, while machines die", test_one_key},
	{"objects are made, changed, copied and destroyed while machines die", test_objects},
	{"logins come and go, and no try is counted, while machines die", test_logins},
	{"with all machines down a call ends, and the next one works when one is back", test_all_down},
	{0},
};

int main(void)
{
	setenv("HUFU_FACE_MACHINES", "2", 1);
	return unit_main("machines", cases);
}
