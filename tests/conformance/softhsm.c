/* SPDX-License-Identifier: Apache-2.0 */
#include "softhsm.h"

#include <dirent.h>
#include <dlfcn.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

CK_FUNCTION_LIST *softhsm;
static char dir[128];
static pid_t owner;

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! SoftHSM: %s\n", what);
	exit(99);
}
#define OK(call) need((call) == CKR_OK, #call)

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	if (getpid() == owner)
		nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char path[160];
	snprintf(dir, sizeof dir, "%.60s/hufu-softhsm.XXXXXX", tmp ? tmp : "/tmp");
	need(mkdtemp(dir) != NULL, "no private directory can be made");
	owner = getpid();
	atexit(remove_dir);
	snprintf(path, sizeof path, "%s/softhsm2.conf", dir);
	FILE *f = fopen(path, "w");
	need(f != NULL, "its configuration cannot be written");
	fprintf(f, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", dir);
	fclose(f);
	setenv("SOFTHSM2_CONF", path, 1);
}

const char *softhsm_module(void)
{
	static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
	                                     "/usr/lib64/pkcs11/libsofthsm2.so"};
	const char *found = NULL;
	for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++)
		if (access(places[i], R_OK) == 0)
			found = places[i];
	if (found && !owner)
		make_dir();
	return found;
}

void softhsm_start(void)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	if (!softhsm) {
		void *library = dlopen(softhsm_module(), RTLD_NOW | RTLD_LOCAL);
		CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)(uintptr_t)dlsym(library, "C_GetFunctionList") : NULL;
		need(get != NULL, "it cannot be loaded");
		OK(get(&softhsm));
	}
	OK(softhsm->C_Initialize(&args));
}

void softhsm_stop(void)
{
	OK(softhsm->C_Finalize(NULL));
}

static CK_SLOT_ID slot_of(const char *label, bool initialised)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n;
	OK(softhsm->C_GetSlotList(CK_TRUE, NULL, &n)); /* which is when it looks for new ones */
	n = 16;
	OK(softhsm->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		OK(softhsm->C_GetTokenInfo(slots[i], &info));
		bool is = info.flags & CKF_TOKEN_INITIALIZED;
		if (is == initialised && (!initialised || memcmp(info.label, label, strlen(label)) == 0))
			return slots[i];
	}
	need(false, "no such slot");
	return 0;
}

/* The directory that was not there before. */
static void list(char names[16][64], size_t *n)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	*n = 0;
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && *n < 16)
			snprintf(names[(*n)++], 64, "%.63s", e->d_name);
	closedir(d);
}

static void new_dir(char before[16][64], size_t nbefore, char path[256])
{
	char now[16][64] = {{0}};
	size_t n;
	list(now, &n);
	for (size_t i = 0; i < n; i++) {
		bool old = false;
		for (size_t j = 0; j < nbefore; j++)
			old |= strcmp(now[i], before[j]) == 0;
		if (!old)
			snprintf(path, 256, "%.127s/%.63s", dir, now[i]);
	}
}

void softhsm_token(const char *label, char path[256])
{
	CK_UTF8CHAR padded[32];
	CK_SESSION_HANDLE s;
	CK_UTF8CHAR so[] = "the officer's", user[] = SOFTHSM_PIN;
	char before[16][64] = {{0}};
	size_t nbefore;
	memset(padded, ' ', sizeof padded);
	memcpy(padded, label, strlen(label));
	list(before, &nbefore);
	CK_SLOT_ID slot = slot_of(NULL, false);
	OK(softhsm->C_InitToken(slot, so, sizeof so - 1, padded));
	new_dir(before, nbefore, path);
	slot = slot_of(label, true);
	OK(softhsm->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	OK(softhsm->C_Login(s, CKU_SO, so, sizeof so - 1));
	OK(softhsm->C_InitPIN(s, user, sizeof user - 1));
	OK(softhsm->C_CloseSession(s));
}

CK_SESSION_HANDLE softhsm_session(const char *label)
{
	CK_UTF8CHAR user[] = SOFTHSM_PIN;
	CK_SESSION_HANDLE s;
	OK(softhsm->C_OpenSession(slot_of(label, true), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	CK_RV rv = softhsm->C_Login(s, CKU_USER, user, sizeof user - 1);
	need(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN, "the user cannot log in");
	return s;
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
#define FLAG(type, flag) {(type), &(flag), sizeof(flag)}
#define TEXT(type, text) {(type), (void *)(uintptr_t)(text), strlen(text)}

CK_OBJECT_HANDLE softhsm_aes(CK_SESSION_HANDLE s, const char *label, uint8_t id, const uint8_t value[32])
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE templ[] = {
		{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, FLAG(CKA_TOKEN, yes), FLAG(CKA_PRIVATE, yes),
		FLAG(CKA_ENCRYPT, yes), FLAG(CKA_DECRYPT, yes), FLAG(CKA_WRAP, yes), FLAG(CKA_UNWRAP, yes), FLAG(CKA_SENSITIVE, yes),
		FLAG(CKA_EXTRACTABLE, no), TEXT(CKA_LABEL, label), {CKA_ID, &id, 1}, {CKA_VALUE, (void *)(uintptr_t)value, 32},
	};
	OK(softhsm->C_CreateObject(s, templ, sizeof templ / sizeof templ[0], &key));
	return key;
}

static void make_pair(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE how, CK_ATTRIBUTE *what, size_t nwhat, const char *label, uint8_t id)
{
	CK_MECHANISM m = {how, NULL, 0};
	CK_OBJECT_HANDLE a, b;
	CK_ATTRIBUTE pub[8] = {FLAG(CKA_TOKEN, yes), FLAG(CKA_VERIFY, yes), FLAG(CKA_ENCRYPT, yes), {CKA_ID, &id, 1}};
	CK_ATTRIBUTE priv[] = {FLAG(CKA_TOKEN, yes), FLAG(CKA_PRIVATE, yes), FLAG(CKA_SIGN, yes), FLAG(CKA_DECRYPT, yes),
	                       TEXT(CKA_LABEL, label), {CKA_ID, &id, 1}};
	memcpy(pub + 4, what, nwhat * sizeof *what);
	OK(softhsm->C_GenerateKeyPair(s, &m, pub, 4 + nwhat, priv, sizeof priv / sizeof priv[0], &a, &b));
}

void softhsm_ec(CK_SESSION_HANDLE s, const char *label, uint8_t id, const void *curve, size_t curve_len)
{
	CK_ATTRIBUTE what[] = {{CKA_EC_PARAMS, (void *)(uintptr_t)curve, curve_len}};
	make_pair(s, CKM_EC_KEY_PAIR_GEN, what, 1, label, id);
}

void softhsm_edwards(CK_SESSION_HANDLE s, const char *label, uint8_t id, const void *curve, size_t curve_len)
{
	CK_ATTRIBUTE what[] = {{CKA_EC_PARAMS, (void *)(uintptr_t)curve, curve_len}};
	make_pair(s, CKM_EC_EDWARDS_KEY_PAIR_GEN, what, 1, label, id);
}

void softhsm_rsa(CK_SESSION_HANDLE s, const char *label, uint8_t id)
{
	CK_ULONG nbits = 2048;
	CK_BYTE f4[] = {1, 0, 1};
	CK_ATTRIBUTE what[] = {{CKA_MODULUS_BITS, &nbits, sizeof nbits}, {CKA_PUBLIC_EXPONENT, f4, sizeof f4}};
	make_pair(s, CKM_RSA_PKCS_KEY_PAIR_GEN, what, 2, label, id);
}
