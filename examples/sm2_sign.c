/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An SM2 signature through PKCS#11.
 *
 *	cc -o sm2_sign sm2_sign.c $(pkg-config --cflags hufu p11-kit-1)
 *	./sm2_sign /usr/lib/pkcs11/hufu-pkcs11.so TOKEN-LABEL < pin-file
 *
 * Makes a key pair that lives as long as the session, signs a message with SM2
 * and SM3, verifies the signature, and shows that a changed message fails.
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
	CK_OBJECT_HANDLE public_key, private_key;
	CK_BYTE message[] = "the tiger tally has two halves";
	CK_BYTE signature[64];
	CK_ULONG len = sizeof signature;

	if (argc != 3) {
		fprintf(stderr, "usage: %s MODULE TOKEN-LABEL < pin-file\n", argv[0]);
		return 2;
	}
	load(argv[1]);
	CK_SESSION_HANDLE session = open_session(argv[2]);

	/* CKA_TOKEN false: a session object, gone with the session. */
	CK_ATTRIBUTE public_template[] = {{CKA_TOKEN, &no, sizeof no}, {CKA_VERIFY, &yes, sizeof yes}};
	CK_ATTRIBUTE private_template[] = {
		{CKA_TOKEN, &no, sizeof no}, {CKA_SIGN, &yes, sizeof yes}, {CKA_SENSITIVE, &yes, sizeof yes}};
	CK_MECHANISM generate = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	must("C_GenerateKeyPair",
	     p11->C_GenerateKeyPair(session, &generate, public_template, 2, private_template, 3, &public_key, &private_key));

	/*
	 * The whole message goes in; the token makes Z of the signer's ID and the
	 * public key and digests both with SM3 (GB/T 32918.2). A NULL parameter
	 * instead would stand for the usual ID, 1234567812345678. The result is
	 * r || s; CKM_HUFU_SM2_SM3_DER gives the SEQUENCE that OpenSSL takes.
	 */
	CK_HUFU_SM2_SM3_PARAMS id = {(CK_BYTE *)"alice@example.org", 17};
	CK_MECHANISM sign = {CKM_HUFU_SM2_SM3, &id, sizeof id};
	must("C_SignInit", p11->C_SignInit(session, &sign, private_key));
	must("C_Sign", p11->C_Sign(session, message, sizeof message - 1, signature, &len));

	printf("signature ");
	for (CK_ULONG i = 0; i < len; i++)
		printf("%02x", signature[i]);
	putchar('\n');

	must("C_VerifyInit", p11->C_VerifyInit(session, &sign, public_key));
	must("C_Verify", p11->C_Verify(session, message, sizeof message - 1, signature, len));
	puts("verified");

	message[0] ^= 1;
	must("C_VerifyInit", p11->C_VerifyInit(session, &sign, public_key));
	CK_RV rv = p11->C_Verify(session, message, sizeof message - 1, signature, len);
	puts(rv == CKR_SIGNATURE_INVALID ? "a changed message is refused" : "a changed message is accepted?!");

	p11->C_Finalize(NULL);
	return rv == CKR_SIGNATURE_INVALID ? 0 : 1;
}
