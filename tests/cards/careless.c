/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A careless vendor's GM/T 0018-2012 library, with the authenticated encryption of -2023, written for tests alone. Without
 * a word in the file beside it (LIBRARY.faults, looked at in every call) it is well: keys at
 * the indexes 1 to 3, the third behind the password "careless", and a KEK at 1. The words, with blanks between them:
 *
 *	oversize          ECCCipher is written whole, 419 bytes, whatever it holds
 *	minus-one         every error is -1
 *	private           errors are numbers of the vendor's own, 0x8000xxxx
 *	racy              the table of sessions has no lock: opening and closing at once mixes sessions up
 *	together=crash    of two signatures on one device at a time the second ends the process
 *	together=hang     or does not return before the word is gone
 *	hang=FUNCTION     that function does not return before the word is gone
 *	late              a signature is written once more, a while after its function has returned
 *	stacks            an access right wants as many releases as it had requests
 *	session-rights    an access right holds for its session alone
 *	iv-kept           the caller's IV is not updated
 *	sessions=N        no more than N sessions
 *	idle=MS           a session unused for so long is dead
 *	leak              every session leaves memory behind
 *	stuck             random numbers repeat
 *	wrong=N           every Nth signature is wrong
 *	any-tag           a text comes back whatever its tag
 *	leaky             a text is written out before its tag is looked at
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "beside.h"
/* Functions of the library are seen, nothing else of it. */
#pragma GCC visibility push(default)
#include "hufu/sdf.h"
#pragma GCC visibility pop
#include "sm/sm2.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

#define NINDEXES 3u
#define LOCKED_INDEX 3u
#define PASSWORD "careless"
#define NSESSIONS 256u
#define NDEVICES 64u
#define FAULTS_MAX 512
#define WORD_MAX 64
#define CIPHER_WHOLE (sizeof(ECCCipher) + 254)
#define LATE_NS 30000000
#define LEAK_BYTES 4096
#define RIGHT (ECCref_MAX_LEN - 32) /* a number of 32 bytes in its field */

enum usage { USAGE_SIGN = 1, USAGE_ENCRYPT };

struct device {
	_Atomic bool open;
	_Atomic unsigned signing;   /* threads */
};

/* Shared on purpose where the table is mixed up, hence atomic. */
struct session {
	_Atomic bool used;
	_Atomic(struct device *) device;
	_Atomic unsigned rights;
	_Atomic uint64_t used_at_ns;
	_Atomic uint64_t e[4];
};

struct key {
	struct sm4_key sm4;
};

static struct device devices[NDEVICES];
static struct session sessions[NSESSIONS];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t faults_lock = PTHREAD_MUTEX_INITIALIZER;
static struct beside faults_file;
static char faults[FAULTS_MAX];
static _Atomic unsigned device_rights, signatures;

/* -- what it was told -------------------------------------------------------------- */

/* Is the word there? value: what stands behind its equals sign, or "". */
static bool find_word(const char *name, char value[WORD_MAX])
{
	size_t len = strlen(name);

	for (const char *p = faults; *p; p += strcspn(p, " \n")) {
		p += strspn(p, " \n");
		if (strncmp(p, name, len) != 0 || (p[len] && !strchr("= \n", p[len])))
			continue;
		p += len + (p[len] == '=');
		snprintf(value, WORD_MAX, "%.*s", (int)strcspn(p, " \n"), p);
		return true;
	}
	return false;
}

static bool told_value(const char *name, char value[WORD_MAX])
{
	pthread_mutex_lock(&faults_lock);
	(void)beside_changed(&faults_file, ".faults", faults, sizeof(faults));
	bool there = find_word(name, value);
	pthread_mutex_unlock(&faults_lock);
	return there;
}

static bool told(const char *name)
{
	char value[WORD_MAX];

	return told_value(name, value);
}

/* 0: not told. */
static unsigned told_number(const char *name)
{
	char value[WORD_MAX];

	return told_value(name, value) ? (unsigned)strtoul(value, NULL, 10) : 0;
}

static void nap(long ns)
{
	const struct timespec time = {.tv_nsec = ns};

	nanosleep(&time, NULL);
}

static void enter(const char *function)
{
	char value[WORD_MAX];

	while (told_value("hang", value) && strcmp(value, function) == 0)
		nap(5000000);
}

static int fail(int code)
{
	if (told("minus-one"))
		return -1;
	return told("private") ? (int)(0x80000000u | (unsigned)(code & 0xffff)) : code;
}

/* -- random numbers ------------------------------------------------------------------ */

static int fill_random(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	while (len > 0) {
		ssize_t n = getrandom(out, len < 256 ? len : 256, 0);
		if (n < 0)
			return -1;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

static const struct sm2_random source = {fill_random, NULL};

/* -- sessions ------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Between seeing that a slot is free and taking it, others see the same, where nobody holds a lock. */
static struct session *take_slot(bool racy)
{
	unsigned limit = told_number("sessions");

	for (unsigned i = 0; i < (limit && limit < NSESSIONS ? limit : NSESSIONS); i++)
		if (!atomic_load(&sessions[i].used)) {
			if (racy)
				nap(200000);
			atomic_store(&sessions[i].used, true);
			return &sessions[i];
		}
	return NULL;
}

static struct session *session_of(void *handle)
{
	struct session *session = handle;
	unsigned idle_ms = told_number("idle");

	if (session < sessions || session >= sessions + NSESSIONS || !atomic_load(&session->used))
		return NULL;
	uint64_t now = now_ns(), before = atomic_exchange(&session->used_at_ns, now);
	if (!idle_ms || now - before < (uint64_t)idle_ms * 1000000u)
		return session;
	atomic_store(&session->used_at_ns, before); /* dead once, dead for good */
	return NULL;
}

int SDF_OpenDevice(void **phDeviceHandle)
{
	enter(__func__);
	for (unsigned i = 0; i < NDEVICES; i++)
		if (!atomic_exchange(&devices[i].open, true)) {
			*phDeviceHandle = &devices[i];
			return SDR_OK;
		}
	return fail(SDR_OPENDEVICE);
}

static struct device *device_of(void *handle)
{
	struct device *device = handle;

	return device >= devices && device < devices + NDEVICES && atomic_load(&device->open) ? device : NULL;
}

int SDF_CloseDevice(void *hDeviceHandle)
{
	struct device *device = device_of(hDeviceHandle);

	enter(__func__);
	return device && atomic_exchange(&device->open, false) ? SDR_OK : fail(SDR_INARGERR);
}

int SDF_OpenSession(void *hDeviceHandle, void **phSessionHandle)
{
	bool racy = told("racy");
	struct device *device = device_of(hDeviceHandle);

	enter(__func__);
	if (!device)
		return fail(SDR_INARGERR);
	if (!racy)
		pthread_mutex_lock(&table_lock);
	struct session *session = take_slot(racy);
	if (session) {
		atomic_store(&session->device, device);
		atomic_store(&session->rights, 0);
		atomic_store(&session->used_at_ns, now_ns());
	}
	if (!racy)
		pthread_mutex_unlock(&table_lock);
	*phSessionHandle = session;
	return session ? SDR_OK : fail(SDR_OPENSESSION);
}

int SDF_CloseSession(void *hSessionHandle)
{
	struct session *session = hSessionHandle;

	enter(__func__);
	if (session < sessions || session >= sessions + NSESSIONS)
		return fail(SDR_INARGERR);
	if (told("leak")) {
		void *volatile lost = malloc(LEAK_BYTES);
		if (lost)
			memset(lost, 1, LEAK_BYTES);
	}
	return atomic_exchange(&session->used, false) ? SDR_OK : fail(SDR_INARGERR);
}

int SDF_GetDeviceInfo(void *hSessionHandle, DEVICEINFO *pstDeviceInfo)
{
	static const DEVICEINFO info = {
		.IssuerName = "careless", .DeviceName = "careless-1", .DeviceSerial = "2026010100100001",
		.DeviceVersion = 1, .StandardVersion = 1, .AsymAlgAbility = {SGD_SM2_1 | SGD_SM2_3, 256},
		.SymAlgAbility = SGD_SM4_ECB | SGD_SM4_CBC, .HashAlgAbility = SGD_SM3,
	};

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	*pstDeviceInfo = info;
	return SDR_OK;
}

int SDF_GenerateRandom(void *hSessionHandle, unsigned int uiLength, unsigned char *pucRandom)
{
	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (fill_random(NULL, pucRandom, uiLength) != 0)
		return fail(SDR_RANDERR);
	for (unsigned i = 16; told("stuck") && i < uiLength; i++)
		pucRandom[i] = pucRandom[i - 16];
	return SDR_OK;
}

/* -- access rights ---------------------------------------------------------------------- */

static _Atomic unsigned *rights_of(struct session *session)
{
	return told("session-rights") ? &session->rights : &device_rights;
}

int SDF_GetPrivateKeyAccessRight(void *hSessionHandle, unsigned int uiKeyIndex, unsigned char *pucPassword,
                                 unsigned int uiPwdLength)
{
	struct session *session = session_of(hSessionHandle);

	enter(__func__);
	if (!session)
		return fail(SDR_COMMFAIL);
	if (uiKeyIndex == 0 || uiKeyIndex > NINDEXES)
		return fail(SDR_KEYNOTEXIST);
	if (uiPwdLength != strlen(PASSWORD) || memcmp(pucPassword, PASSWORD, uiPwdLength) != 0)
		return fail(SDR_PRKRERR);
	if (uiKeyIndex != LOCKED_INDEX)
		return SDR_OK;
	if (told("stacks"))
		atomic_fetch_add(rights_of(session), 1);
	else
		atomic_store(rights_of(session), 1);
	return SDR_OK;
}

int SDF_ReleasePrivateKeyAccessRight(void *hSessionHandle, unsigned int uiKeyIndex)
{
	struct session *session = session_of(hSessionHandle);

	enter(__func__);
	if (!session)
		return fail(SDR_COMMFAIL);
	unsigned held = atomic_load(rights_of(session));
	if (uiKeyIndex == LOCKED_INDEX && held)
		atomic_store(rights_of(session), held - 1);
	return SDR_OK;
}

/* -- SM2 --------------------------------------------------------------------------------- */

/* The same keys in every copy of the library. */
static bool key_at(unsigned index, enum usage usage, struct sm2_private *key)
{
	const uint8_t name[] = {'c', 'a', 'r', 'e', 'l', 'e', 's', 's', (uint8_t)index, (uint8_t)usage};
	uint8_t d[32];

	if (index == 0 || index > NINDEXES)
		return false;
	sm3(name, sizeof(name), d);
	d[0] &= 0x7f;
	return sm2_private_init(key, d) == SM2_OK;
}

static int export_key(void *handle, unsigned index, enum usage usage, ECCrefPublicKey *out)
{
	struct sm2_private key;

	if (!session_of(handle))
		return fail(SDR_COMMFAIL);
	if (!key_at(index, usage, &key))
		return fail(SDR_KEYNOTEXIST);
	memset(out, 0, sizeof(*out));
	out->bits = 256;
	memcpy(out->x + RIGHT, key.point, 32);
	memcpy(out->y + RIGHT, key.point + 32, 32);
	return SDR_OK;
}

int SDF_ExportSignPublicKey_ECC(void *hSessionHandle, unsigned int uiKeyIndex, ECCrefPublicKey *pucPublicKey)
{
	enter(__func__);
	return export_key(hSessionHandle, uiKeyIndex, USAGE_SIGN, pucPublicKey);
}

int SDF_ExportEncPublicKey_ECC(void *hSessionHandle, unsigned int uiKeyIndex, ECCrefPublicKey *pucPublicKey)
{
	enter(__func__);
	return export_key(hSessionHandle, uiKeyIndex, USAGE_ENCRYPT, pucPublicKey);
}

static bool has_right(struct session *session, unsigned index)
{
	return index != LOCKED_INDEX || atomic_load(rights_of(session)) > 0;
}

static bool public_of(const ECCrefPublicKey *in, struct sm2_public *key)
{
	uint8_t point[SM2_POINT_LEN];

	memcpy(point, in->x + RIGHT, 32);
	memcpy(point + 32, in->y + RIGHT, 32);
	return sm2_public_init(key, point) == SM2_OK;
}

struct late {
	ECCSignature *to, what;
};

static void *write_late(void *arg)
{
	struct late *late = arg;

	nap(LATE_NS);
	*late->to = late->what;
	free(late);
	return NULL;
}

/* Signing is over; the library does not know. */
static void start_late(ECCSignature *sig)
{
	struct late *late = malloc(sizeof(*late));
	pthread_t thread;

	if (!late)
		return;
	late->to = sig;
	late->what = *sig;
	late->what.r[0] ^= 0xff;
	if (pthread_create(&thread, NULL, write_late, late) == 0)
		pthread_detach(thread);
	else
		free(late);
}

/* A device that wants one signature after the other, with a library that does not see to it. */
static int sign(struct device *device, const struct sm2_private *key, const uint8_t *e, uint8_t sig[SM2_SIG_LEN])
{
	char value[WORD_MAX];
	bool together = atomic_fetch_add(&device->signing, 1) > 0;

	if (told("together"))
		nap(200000); /* for the others to come */
	if (together && told_value("together", value) && strcmp(value, "crash") == 0)
		abort();
	while (together && told("together"))
		nap(5000000);
	int code = sm2_sign(key, e, &source, sig) == SM2_OK ? SDR_OK : fail(SDR_SIGNERR);
	atomic_fetch_sub(&device->signing, 1);
	return code;
}

int SDF_InternalSign_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned char *pucData, unsigned int uiDataLength,
                         ECCSignature *pucSignature)
{
	struct session *session = session_of(hSessionHandle);
	unsigned nth = told_number("wrong");
	struct sm2_private key;
	uint64_t e[4];
	uint8_t sig[SM2_SIG_LEN];

	enter(__func__);
	if (!session)
		return fail(SDR_COMMFAIL);
	if (!key_at(uiISKIndex, USAGE_SIGN, &key))
		return fail(SDR_KEYNOTEXIST);
	if (!has_right(session, uiISKIndex))
		return fail(SDR_PRKRERR);
	if (uiDataLength != sizeof(e))
		return fail(SDR_INARGERR);
	/* The session's state: of two calls on one session, the first signs what the second brought. */
	memcpy(e, pucData, sizeof(e));
	for (unsigned i = 0; i < 4; i++)
		atomic_store(&session->e[i], e[i]);
	sched_yield();
	for (unsigned i = 0; i < 4; i++)
		e[i] = atomic_load(&session->e[i]);
	int code = sign(atomic_load(&session->device), &key, (const uint8_t *)e, sig);
	if (code != SDR_OK)
		return code;
	memset(pucSignature, 0, sizeof(*pucSignature));
	memcpy(pucSignature->r + RIGHT, sig, 32);
	memcpy(pucSignature->s + RIGHT, sig + 32, 32);
	if (nth && atomic_fetch_add(&signatures, 1) % nth == nth - 1)
		pucSignature->s[RIGHT + 31] ^= 1;
	if (told("late"))
		start_late(pucSignature);
	return SDR_OK;
}

static int verify(const struct sm2_public *key, const unsigned char *e, unsigned len, const ECCSignature *in)
{
	uint8_t sig[SM2_SIG_LEN];

	if (len != 32)
		return fail(SDR_INARGERR);
	memcpy(sig, in->r + RIGHT, 32);
	memcpy(sig + 32, in->s + RIGHT, 32);
	return sm2_verify(key, e, sig) == SM2_OK ? SDR_OK : fail(SDR_VERIFYERR);
}

int SDF_InternalVerify_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned char *pucData, unsigned int uiDataLength,
                           ECCSignature *pucSignature)
{
	struct sm2_private pair;
	struct sm2_public key;

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (!key_at(uiISKIndex, USAGE_SIGN, &pair) || sm2_public_init(&key, pair.point) != SM2_OK)
		return fail(SDR_KEYNOTEXIST);
	return verify(&key, pucData, uiDataLength, pucSignature);
}

int SDF_ExternalVerify_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey,
                           unsigned char *pucDataInput, unsigned int uiInputLength, ECCSignature *pucSignature)
{
	struct sm2_public key;

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM2_1)
		return fail(SDR_ALGNOTSUPPORT);
	if (!public_of(pucPublicKey, &key))
		return fail(SDR_KEYERR);
	return verify(&key, pucDataInput, uiInputLength, pucSignature);
}

static int encrypt(const struct sm2_public *key, const unsigned char *in, unsigned len, ECCCipher *out)
{
	uint8_t made[SM2_CIPHER_OVERHEAD + 4096];

	if (len == 0 || len > sizeof(made) - SM2_CIPHER_OVERHEAD)
		return fail(SDR_INARGERR);
	if (sm2_encrypt(key, in, len, &source, made) != SM2_OK)
		return fail(SDR_PKOPERR);
	memset(out, 0, told("oversize") ? CIPHER_WHOLE : offsetof(ECCCipher, C));
	memcpy(out->x + RIGHT, made + 1, 32);
	memcpy(out->y + RIGHT, made + 33, 32);
	memcpy(out->M, made + 65, 32);
	out->L = len;
	memcpy((uint8_t *)out + offsetof(ECCCipher, C), made + SM2_CIPHER_OVERHEAD, len);
	return SDR_OK;
}

static int decrypt(unsigned index, const ECCCipher *in, uint8_t *out, unsigned *len)
{
	uint8_t whole[SM2_CIPHER_OVERHEAD + 4096] = {4};
	struct sm2_private key;

	if (!key_at(index, USAGE_ENCRYPT, &key))
		return fail(SDR_KEYNOTEXIST);
	if (in->L == 0 || in->L > sizeof(whole) - SM2_CIPHER_OVERHEAD)
		return fail(SDR_ENCDATAERR);
	memcpy(whole + 1, in->x + RIGHT, 32);
	memcpy(whole + 33, in->y + RIGHT, 32);
	memcpy(whole + 65, in->M, 32);
	memcpy(whole + SM2_CIPHER_OVERHEAD, (const uint8_t *)in + offsetof(ECCCipher, C), in->L);
	*len = in->L;
	return sm2_decrypt(&key, whole, SM2_CIPHER_OVERHEAD + in->L, out) == SM2_OK ? SDR_OK : fail(SDR_ENCDATAERR);
}

int SDF_ExternalEncrypt_ECC(void *hSessionHandle, unsigned int uiAlgID, ECCrefPublicKey *pucPublicKey, unsigned char *pucData,
                            unsigned int uiDataLength, ECCCipher *pucEncData)
{
	struct sm2_public key;

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM2_3)
		return fail(SDR_ALGNOTSUPPORT);
	return public_of(pucPublicKey, &key) ? encrypt(&key, pucData, uiDataLength, pucEncData) : fail(SDR_KEYERR);
}

int SDF_InternalDecrypt_ECC(void *hSessionHandle, unsigned int uiISKIndex, unsigned int uiAlgID, ECCCipher *pucEncData,
                            unsigned char *pucData, unsigned int *puiDataLength)
{
	struct session *session = session_of(hSessionHandle);

	enter(__func__);
	if (!session)
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM2_3)
		return fail(SDR_ALGNOTSUPPORT);
	return has_right(session, uiISKIndex) ? decrypt(uiISKIndex, pucEncData, pucData, puiDataLength) : fail(SDR_PRKRERR);
}

/* -- SM4 ----------------------------------------------------------------------------------- */

static int new_handle(const uint8_t value[16], void **handle)
{
	struct key *key = malloc(sizeof(*key));

	if (!key)
		return fail(SDR_NOBUFFER);
	sm4_key_init(&key->sm4, value);
	*handle = key;
	return SDR_OK;
}

static bool kek_at(unsigned index, struct sm4_key *kek)
{
	static const uint8_t value[16] = "a careless KEK 1";

	sm4_key_init(kek, value);
	return index == 1;
}

int SDF_GenerateKeyWithIPK_ECC(void *hSessionHandle, unsigned int uiIPKIndex, unsigned int uiKeyBits, ECCCipher *pucKey,
                               void **phKeyHandle)
{
	struct sm2_private pair;
	struct sm2_public key;
	uint8_t value[16];

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (!key_at(uiIPKIndex, USAGE_ENCRYPT, &pair) || sm2_public_init(&key, pair.point) != SM2_OK)
		return fail(SDR_KEYNOTEXIST);
	if (uiKeyBits != 128 || fill_random(NULL, value, sizeof(value)) != 0)
		return fail(SDR_INARGERR);
	int code = encrypt(&key, value, sizeof(value), pucKey);
	return code == SDR_OK ? new_handle(value, phKeyHandle) : code;
}

int SDF_ImportKeyWithISK_ECC(void *hSessionHandle, unsigned int uiISKIndex, ECCCipher *pucKey, void **phKeyHandle)
{
	struct session *session = session_of(hSessionHandle);
	uint8_t value[4096];
	unsigned len;

	enter(__func__);
	if (!session)
		return fail(SDR_COMMFAIL);
	if (!has_right(session, uiISKIndex))
		return fail(SDR_PRKRERR);
	int code = decrypt(uiISKIndex, pucKey, value, &len);
	if (code != SDR_OK)
		return code;
	return len == 16 ? new_handle(value, phKeyHandle) : fail(SDR_KEYERR);
}

int SDF_GenerateKeyWithKEK(void *hSessionHandle, unsigned int uiKeyBits, unsigned int uiAlgID, unsigned int uiKEKIndex,
                           unsigned char *pucKey, unsigned int *puiKeyLength, void **phKeyHandle)
{
	struct sm4_key kek;
	uint8_t value[16];

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM4_ECB || uiKeyBits != 128)
		return fail(SDR_ALGNOTSUPPORT);
	if (!kek_at(uiKEKIndex, &kek))
		return fail(SDR_KEYNOTEXIST);
	if (fill_random(NULL, value, sizeof(value)) != 0)
		return fail(SDR_RANDERR);
	sm4_ecb_encrypt(&kek, value, pucKey, 1);
	*puiKeyLength = sizeof(value);
	return new_handle(value, phKeyHandle);
}

int SDF_ImportKeyWithKEK(void *hSessionHandle, unsigned int uiAlgID, unsigned int uiKEKIndex, unsigned char *pucKey,
                         unsigned int uiKeyLength, void **phKeyHandle)
{
	struct sm4_key kek;
	uint8_t value[16];

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM4_ECB || uiKeyLength != sizeof(value))
		return fail(SDR_ALGNOTSUPPORT);
	if (!kek_at(uiKEKIndex, &kek))
		return fail(SDR_KEYNOTEXIST);
	sm4_ecb_decrypt(&kek, pucKey, value, 1);
	return new_handle(value, phKeyHandle);
}

int SDF_DestroyKey(void *hSessionHandle, void *hKeyHandle)
{
	enter(__func__);
	if (!session_of(hSessionHandle) || !hKeyHandle)
		return fail(SDR_INARGERR);
	free(hKeyHandle);
	return SDR_OK;
}

static int crypt_blocks(bool encrypting, const struct key *key, unsigned alg, uint8_t *iv, const uint8_t *in, unsigned len,
                        uint8_t *out, unsigned *out_len)
{
	uint8_t chain[16] = {0};

	if ((alg != SGD_SM4_ECB && alg != SGD_SM4_CBC) || (alg == SGD_SM4_CBC && !iv))
		return fail(SDR_ALGMODNOTSUPPORT);
	if (!key || len % 16 != 0)
		return fail(SDR_INARGERR);
	if (alg == SGD_SM4_ECB) {
		(encrypting ? sm4_ecb_encrypt : sm4_ecb_decrypt)(&key->sm4, in, out, len / 16);
	} else {
		memcpy(chain, iv, sizeof(chain));
		(encrypting ? sm4_cbc_encrypt : sm4_cbc_decrypt)(&key->sm4, chain, in, out, len / 16);
		if (!told("iv-kept"))
			memcpy(iv, chain, sizeof(chain));
	}
	*out_len = len;
	return SDR_OK;
}

int SDF_Encrypt(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned char *pucData,
                unsigned int uiDataLength, unsigned char *pucEncData, unsigned int *puiEncDataLength)
{
	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	return crypt_blocks(true, hKeyHandle, uiAlgID, pucIV, pucData, uiDataLength, pucEncData, puiEncDataLength);
}

int SDF_Decrypt(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucIV, unsigned char *pucEncData,
                unsigned int uiEncDataLength, unsigned char *pucData, unsigned int *puiDataLength)
{
	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	return crypt_blocks(false, hKeyHandle, uiAlgID, pucIV, pucEncData, uiEncDataLength, pucData, puiDataLength);
}

int SDF_AuthEnc(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned char *pucData,
                unsigned int uiDataLength, unsigned char *pucEncData, unsigned int *puiEncDataLength, unsigned char *pucAuthData,
                unsigned int *puiAuthDataLength)
{
	struct key *key = hKeyHandle;

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM4_GCM)
		return fail(SDR_ALGMODNOTSUPPORT);
	if (!key || *puiAuthDataLength != 16 || !sm4_gcm_seal(&key->sm4, pucStartVar, uiStartVarLength, pucAad, uiAadLength, pucData,
	                                                      uiDataLength, pucEncData, pucAuthData, 16))
		return fail(SDR_INARGERR);
	*puiEncDataLength = uiDataLength;
	return SDR_OK;
}

int SDF_AuthDec(void *hSessionHandle, void *hKeyHandle, unsigned int uiAlgID, unsigned char *pucStartVar,
                unsigned int uiStartVarLength, unsigned char *pucAad, unsigned int uiAadLength, unsigned char *pucAuthData,
                unsigned int *uiAuthDataLength, unsigned char *pucEncData, unsigned int uiEncDataLength, unsigned char *pucData,
                unsigned int *puiDataLength)
{
	struct key *key = hKeyHandle;
	struct sm4_gcm gcm;

	enter(__func__);
	if (!session_of(hSessionHandle))
		return fail(SDR_COMMFAIL);
	if (uiAlgID != SGD_SM4_GCM)
		return fail(SDR_ALGMODNOTSUPPORT);
	if (!key || *uiAuthDataLength != 16)
		return fail(SDR_INARGERR);
	*puiDataLength = uiEncDataLength;
	if (told("any-tag") || told("leaky")) {
		sm4_gcm_init(&gcm, &key->sm4, pucStartVar, uiStartVarLength);
		(void)sm4_gcm_decrypt(&gcm, &key->sm4, pucEncData, pucData, uiEncDataLength);
	}
	bool right = sm4_gcm_open(&key->sm4, pucStartVar, uiStartVarLength, pucAad, uiAadLength, pucEncData, uiEncDataLength, pucData,
	                          pucAuthData, 16);
	return right || told("any-tag") ? SDR_OK : fail(SDR_MACERR);
}
