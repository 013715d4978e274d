/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the careless vendor's library is a good one until it is told not to be,
 * and each of its faults can be seen by whoever looks for it.
 */
#include "rig.h"
#include "unit.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "hufu/sdf.h"

#define PASSWORD (unsigned char *)(uintptr_t)"careless", 8
#define NAP_NS 5000000
#define PATIENCE 4000 /* naps: only a real failure takes that long */

static struct {
	char path[RIG_PATH];
	void *device;
#define FUNCTION(name) __typeof__(SDF_##name) *name
	FUNCTION(OpenDevice);
	FUNCTION(OpenSession);
	FUNCTION(CloseSession);
	FUNCTION(GetDeviceInfo);
	FUNCTION(GenerateRandom);
	FUNCTION(GetPrivateKeyAccessRight);
	FUNCTION(ReleasePrivateKeyAccessRight);
	FUNCTION(ExportSignPublicKey_ECC);
	FUNCTION(ExportEncPublicKey_ECC);
	FUNCTION(InternalSign_ECC);
	FUNCTION(InternalVerify_ECC);
	FUNCTION(ExternalEncrypt_ECC);
	FUNCTION(InternalDecrypt_ECC);
	FUNCTION(GenerateKeyWithKEK);
	FUNCTION(ImportKeyWithKEK);
	FUNCTION(DestroyKey);
	FUNCTION(Encrypt);
#undef FUNCTION
} lib;

static unsigned char e[32] = "thirty-two bytes of some digest";

static void load(void)
{
	rig_library("careless", "careless", lib.path);
	void *so = dlopen(lib.path, RTLD_NOW | RTLD_LOCAL);
	if (!so)
		abort();
#define FUNCTION(name) *(void **)&lib.name = dlsym(so, "SDF_" #name)
	FUNCTION(OpenDevice);
	FUNCTION(OpenSession);
	FUNCTION(CloseSession);
	FUNCTION(GetDeviceInfo);
	FUNCTION(GenerateRandom);
	FUNCTION(GetPrivateKeyAccessRight);
	FUNCTION(ReleasePrivateKeyAccessRight);
	FUNCTION(ExportSignPublicKey_ECC);
	FUNCTION(ExportEncPublicKey_ECC);
	FUNCTION(InternalSign_ECC);
	FUNCTION(InternalVerify_ECC);
	FUNCTION(ExternalEncrypt_ECC);
	FUNCTION(InternalDecrypt_ECC);
	FUNCTION(GenerateKeyWithKEK);
	FUNCTION(ImportKeyWithKEK);
	FUNCTION(DestroyKey);
	FUNCTION(Encrypt);
#undef FUNCTION
	if (lib.OpenDevice(&lib.device) != SDR_OK)
		abort();
}

static void *session(void)
{
	void *made = NULL;

	CU_ASSERT(lib.OpenSession(lib.device, &made) == SDR_OK);
	return made;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = NAP_NS}, NULL);
}

static void test_well(void)
{
	ECCSignature sig;
	ECCrefPublicKey point;
	union {
		ECCCipher cipher;
		unsigned char bytes[419];
	} room;
	unsigned char out[64];
	unsigned len = 0;
	DEVICEINFO info;

	void *s = session();
	CU_ASSERT(lib.GetDeviceInfo(s, &info) == SDR_OK && strcmp((char *)info.IssuerName, "careless") == 0);
	CU_ASSERT(lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig) == SDR_OK);
	CU_ASSERT(lib.InternalVerify_ECC(s, 1, e, sizeof(e), &sig) == SDR_OK);
	CU_ASSERT(lib.InternalVerify_ECC(s, 2, e, sizeof(e), &sig) == SDR_VERIFYERR);
	CU_ASSERT(lib.ExportSignPublicKey_ECC(s, 4, &point) == SDR_KEYNOTEXIST);
	CU_ASSERT(lib.ExportEncPublicKey_ECC(s, 1, &point) == SDR_OK);
	memset(&room, 0xa5, sizeof(room));
	CU_ASSERT(lib.ExternalEncrypt_ECC(s, SGD_SM2_3, &point, e, sizeof(e), &room.cipher) == SDR_OK);
	CU_ASSERT(room.bytes[offsetof(ECCCipher, C) + sizeof(e)] == 0xa5);
	CU_ASSERT(lib.InternalDecrypt_ECC(s, 1, SGD_SM2_3, &room.cipher, out, &len) == SDR_OK);
	CU_ASSERT(len == sizeof(e) && memcmp(out, e, sizeof(e)) == 0);
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
	CU_ASSERT(lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig) == SDR_COMMFAIL);
}

static void test_sm4(void)
{
	unsigned char wrapped[16], iv[16] = {0}, both[32], halves[32], in[32] = {1};
	void *s = session(), *made = NULL, *again = NULL;
	unsigned len;

	CU_ASSERT(lib.GenerateKeyWithKEK(s, 128, SGD_SM4_ECB, 1, wrapped, &len, &made) == SDR_OK);
	CU_ASSERT(lib.ImportKeyWithKEK(s, SGD_SM4_ECB, 1, wrapped, len, &again) == SDR_OK);
	CU_ASSERT(lib.Encrypt(s, made, SGD_SM4_CBC, iv, in, 32, both, &len) == SDR_OK);
	memset(iv, 0, sizeof(iv));
	CU_ASSERT(lib.Encrypt(s, again, SGD_SM4_CBC, iv, in, 16, halves, &len) == SDR_OK);
	CU_ASSERT(lib.Encrypt(s, again, SGD_SM4_CBC, iv, in + 16, 16, halves + 16, &len) == SDR_OK);
	CU_ASSERT(memcmp(both, halves, sizeof(both)) == 0);

	rig_faults(lib.path, "iv-kept");
	memset(iv, 0, sizeof(iv));
	CU_ASSERT(lib.Encrypt(s, again, SGD_SM4_CBC, iv, in, 16, halves, &len) == SDR_OK);
	CU_ASSERT(lib.Encrypt(s, again, SGD_SM4_CBC, iv, in + 16, 16, halves + 16, &len) == SDR_OK);
	CU_ASSERT(memcmp(both, halves, sizeof(both)) != 0);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.DestroyKey(s, made) == SDR_OK && lib.DestroyKey(s, again) == SDR_OK);
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static void test_codes(void)
{
	void *s = session();
	ECCrefPublicKey point;

	rig_faults(lib.path, "minus-one");
	CU_ASSERT(lib.ExportSignPublicKey_ECC(s, 9, &point) == -1);
	rig_faults(lib.path, "private");
	CU_ASSERT((unsigned)lib.ExportSignPublicKey_ECC(s, 9, &point) == 0x80000008u);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.ExportSignPublicKey_ECC(s, 9, &point) == SDR_KEYNOTEXIST);
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static void test_writes_too_much(void)
{
	union {
		ECCCipher cipher;
		unsigned char bytes[512];
	} room;
	ECCrefPublicKey point;
	void *s = session();

	rig_faults(lib.path, "oversize");
	memset(&room, 0xa5, sizeof(room));
	CU_ASSERT(lib.ExportEncPublicKey_ECC(s, 1, &point) == SDR_OK);
	CU_ASSERT(lib.ExternalEncrypt_ECC(s, SGD_SM2_3, &point, e, sizeof(e), &room.cipher) == SDR_OK);
	CU_ASSERT(room.bytes[418] == 0 && room.bytes[422] == 0xa5);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static void test_rights(void)
{
	void *s = session(), *t = session();
	ECCSignature sig;

	CU_ASSERT(lib.InternalSign_ECC(s, 3, e, sizeof(e), &sig) == SDR_PRKRERR);
	CU_ASSERT(lib.GetPrivateKeyAccessRight(s, 3, PASSWORD) == SDR_OK);
	CU_ASSERT(lib.GetPrivateKeyAccessRight(s, 3, PASSWORD) == SDR_OK);
	CU_ASSERT(lib.InternalSign_ECC(t, 3, e, sizeof(e), &sig) == SDR_OK);
	CU_ASSERT(lib.ReleasePrivateKeyAccessRight(s, 3) == SDR_OK);
	CU_ASSERT(lib.InternalSign_ECC(s, 3, e, sizeof(e), &sig) == SDR_PRKRERR);

	rig_faults(lib.path, "session-rights stacks");
	CU_ASSERT(lib.GetPrivateKeyAccessRight(s, 3, PASSWORD) == SDR_OK);
	CU_ASSERT(lib.GetPrivateKeyAccessRight(s, 3, PASSWORD) == SDR_OK);
	CU_ASSERT(lib.InternalSign_ECC(t, 3, e, sizeof(e), &sig) == SDR_PRKRERR);
	CU_ASSERT(lib.ReleasePrivateKeyAccessRight(s, 3) == SDR_OK);
	CU_ASSERT(lib.InternalSign_ECC(s, 3, e, sizeof(e), &sig) == SDR_OK);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.CloseSession(s) == SDR_OK && lib.CloseSession(t) == SDR_OK);
}

static void test_sessions(void)
{
	void *s = session(), *t = NULL;
	ECCSignature sig;

	rig_faults(lib.path, "sessions=1");
	CU_ASSERT(lib.OpenSession(lib.device, &t) == SDR_OPENSESSION);
	rig_faults(lib.path, "idle=1");
	nap();
	CU_ASSERT(lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig) == SDR_COMMFAIL);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static void test_answers(void)
{
	unsigned char random[64];
	void *s = session();
	ECCSignature sig;

	rig_faults(lib.path, "wrong=1 stuck");
	CU_ASSERT(lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig) == SDR_OK);
	CU_ASSERT(lib.InternalVerify_ECC(s, 1, e, sizeof(e), &sig) == SDR_VERIFYERR);
	CU_ASSERT(lib.GenerateRandom(s, sizeof(random), random) == SDR_OK && memcmp(random, random + 16, 48) == 0);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.GenerateRandom(s, sizeof(random), random) == SDR_OK && memcmp(random, random + 16, 48) != 0);
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static void test_late(void)
{
	/* Read byte by byte while the library may write: that is the fault. */
	static ECCSignature sig;
	void *s = session();
	bool seen = false;

	rig_faults(lib.path, "late");
	CU_ASSERT(lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig) == SDR_OK);
	for (unsigned i = 0; i < PATIENCE && !seen; i++) {
		nap();
		seen = *(volatile unsigned char *)&sig.r[0] == 0xff;
	}
	CU_ASSERT(seen);
	rig_faults(lib.path, "");
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static _Atomic bool returned;

static void *sign_once(void *s)
{
	ECCSignature sig;
	int code = lib.InternalSign_ECC(s, 1, e, sizeof(e), &sig);

	atomic_store(&returned, true);
	return code == SDR_OK ? s : NULL;
}

static void test_hang(void)
{
	void *s = session(), *result = NULL;
	pthread_t thread;

	rig_faults(lib.path, "hang=SDF_InternalSign_ECC");
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, sign_once, s) == 0);
	for (unsigned i = 0; i < 10; i++)
		nap();
	CU_ASSERT(!atomic_load(&returned));
	rig_faults(lib.path, "");
	CU_ASSERT(pthread_join(thread, &result) == 0 && result == s && atomic_load(&returned));
	CU_ASSERT(lib.CloseSession(s) == SDR_OK);
}

static _Atomic unsigned trouble;

static void *open_and_close(void *arg)
{
	for (unsigned i = 0; i < 100; i++) {
		void *s = NULL;
		if (lib.OpenSession(lib.device, &s) != SDR_OK || lib.CloseSession(s) != SDR_OK)
			atomic_fetch_add(&trouble, 1);
	}
	return arg;
}

static unsigned trouble_of_threads(void)
{
	pthread_t threads[8];

	atomic_store(&trouble, 0);
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT_FATAL(pthread_create(&threads[i], NULL, open_and_close, NULL) == 0);
	for (size_t i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	return atomic_load(&trouble);
}

static void test_racy(void)
{
	CU_ASSERT(trouble_of_threads() == 0);
	rig_faults(lib.path, "racy");
	CU_ASSERT(trouble_of_threads() > 0);
	rig_faults(lib.path, "");
}

static const struct unit_case cases[] = {
	{"told nothing, it does SM2 as it should", test_well},
	{"and SM4, until IVs are kept", test_sm4},
	{"errors are the standard's, -1 or private", test_codes},
	{"a ciphertext is written whole", test_writes_too_much},
	{"rights are the device's or a session's, and may stack", test_rights},
	{"sessions are few, and die of idleness", test_sessions},
	{"signatures are wrong, random numbers repeat", test_answers},
	{"a signature is written again after its call", test_late},
	{"a call hangs until it is told to go on", test_hang},
	{"sessions are mixed up when opened and closed at once", test_racy},
	{0},
};

int main(void)
{
	load();
	return unit_main("careless", cases);
}
