/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4-GCM through PKCS#11: encryption that also notices every change.
 *
 *	cc -o sm4_encrypt sm4_encrypt.c $(pkg-config --cflags hufu p11-kit-1)
 *	./sm4_encrypt /usr/lib/pkcs11/hufu-pkcs11.so TOKEN-LABEL < pin-file
 *
 * Makes a key that lives as long as the session, encrypts a text, decrypts it,
 * and shows that a changed ciphertext gives nothing.
 */
#include <hufu/pkcs11-sm.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *p11;

/* Every PKCS#11 function says CKR_OK, or why not. */
static void must(const char *what, CK_RV rv)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: CKR 0x%lx\n", what, rv);
	exit(1);
}

/* A module is a shared object with one entry point that matters. */
static void load(const char *path)
{
	CK_RV (*get_function_list)(CK_FUNCTION_LIST **);
	void *library = dlopen(path, RTLD_NOW);
	void *entry = library ? dlsym(library, "C_GetFunctionList") : NULL;

	if (!entry) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	memcpy(&get_function_list, &entry, sizeof entry);
	must("C_GetFunctionList", get_function_list(&p11));
	must("C_Initialize", p11->C_Initialize(NULL));
}

/* Labels are 32 bytes, filled up with blanks. */
static CK_SLOT_ID find_token(const char *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG n = 64;
	CK_TOKEN_INFO info;
	char padded[33];

	snprintf(padded, sizeof padded, "%-32s", label);
	must("C_GetSlotList", p11->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++)
		if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK && !memcmp(info.label, padded, 32))
			return slots[i];
	fprintf(stderr, "there is no token \"%s\"\n", label);
	exit(1);
}

static CK_SESSION_HANDLE open_session(const char *label)
{
	CK_SESSION_HANDLE session;
	char pin[256] = "";

	if (!fgets(pin, sizeof pin, stdin))
		return 0;
	pin[strcspn(pin, "\r\n")] = 0;
	must("C_OpenSession", p11->C_OpenSession(find_token(label), CKF_SERIAL_SESSION, NULL, NULL, &session));
	must("C_Login", p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin)));
	explicit_bzero(pin, sizeof pin);
	return session;
}

int main(int argc, char **argv)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_OBJECT_HANDLE key;
	CK_BYTE text[] = "attack at dawn", iv[12], sealed[sizeof text + 16], opened[sizeof sealed];
	CK_ULONG sealed_len = sizeof sealed, opened_len = sizeof opened;

	if (argc != 3) {
		fprintf(stderr, "usage: %s MODULE TOKEN-LABEL < pin-file\n", argv[0]);
		return 2;
	}
	load(argv[1]);
	CK_SESSION_HANDLE session = open_session(argv[2]);

	/* CKA_TOKEN false: a session object, gone with the session. It never leaves the token. */
	CK_ATTRIBUTE template[] = {
		{CKA_TOKEN, &no, sizeof no}, {CKA_SENSITIVE, &yes, sizeof yes}, {CKA_EXTRACTABLE, &no, sizeof no},
		{CKA_ENCRYPT, &yes, sizeof yes}, {CKA_DECRYPT, &yes, sizeof yes},
	};
	CK_MECHANISM generate = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	must("C_GenerateKey", p11->C_GenerateKey(session, &generate, template, 5, &key));

	/*
	 * An IV must never serve twice under one key: 12 random bytes, drawn anew
	 * for every message and kept beside it. What is in aad is not hidden, but
	 * cannot be changed either. The ciphertext ends with the 16-byte tag.
	 */
	must("C_GenerateRandom", p11->C_GenerateRandom(session, iv, sizeof iv));
	CK_GCM_PARAMS gcm = {.pIv = iv,
	                     .ulIvLen = sizeof iv,
	                     .ulIvBits = 8 * sizeof iv,
	                     .pAAD = (CK_BYTE *)"to: the front",
	                     .ulAADLen = 13,
	                     .ulTagBits = 128};
	CK_MECHANISM mechanism = {CKM_HUFU_SM4_GCM, &gcm, sizeof gcm};
	must("C_EncryptInit", p11->C_EncryptInit(session, &mechanism, key));
	must("C_Encrypt", p11->C_Encrypt(session, text, sizeof text - 1, sealed, &sealed_len));

	printf("sealed ");
	for (CK_ULONG i = 0; i < sealed_len; i++)
		printf("%02x", sealed[i]);
	putchar('\n');

	must("C_DecryptInit", p11->C_DecryptInit(session, &mechanism, key));
	must("C_Decrypt", p11->C_Decrypt(session, sealed, sealed_len, opened, &opened_len));
	printf("opened %.*s\n", (int)opened_len, (char *)opened);

	sealed[0] ^= 1;
	opened_len = sizeof opened;
	must("C_DecryptInit", p11->C_DecryptInit(session, &mechanism, key));
	CK_RV rv = p11->C_Decrypt(session, sealed, sealed_len, opened, &opened_len);
	puts(rv != CKR_OK ? "a changed ciphertext is refused" : "a changed ciphertext is accepted?!");

	p11->C_Finalize(NULL);
	return rv != CKR_OK ? 0 : 1;
}
