/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program written to GM/T 0018 and nothing else.
 *
 *	cc -o sdf sdf.c $(pkg-config --cflags --libs hufu-sdf)
 *	HUFU_SDF_CONF=/etc/hufu/hufu.conf ./sdf < password-of-index-1
 *
 * The configuration needs a section sdf, an sdf_key "1" with an SM2 pair for
 * signatures and one for encryption, and an sdf_kek "1"; see hufu-sdf(7). Each
 * line of output is one thing that worked.
 */
#include <hufu/sdf.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *device, *session;

/* Every function returns SDR_OK, or why not. */
static void must(const char *what, int result)
{
	if (result == SDR_OK)
		return;
	printf("not ok %s: SDR 0x%08x\n", what, (unsigned)result);
	exit(1);
}

/* What must fail, and with this code. */
static void must_not(const char *what, int result, int expected)
{
	printf("%s %s\n", result == expected ? "ok" : "not ok", what);
	if (result != expected)
		exit(1);
}

static void same(const char *what, const void *a, const void *b, size_t len)
{
	if (memcmp(a, b, len) != 0) {
		printf("not ok %s\n", what);
		exit(1);
	}
	printf("ok %s\n", what);
}

static void open_all(void)
{
	DEVICEINFO info;
	must("SDF_OpenDevice", SDF_OpenDevice(&device));
	must("SDF_OpenSession", SDF_OpenSession(device, &session));
	must("SDF_GetDeviceInfo", SDF_GetDeviceInfo(session, &info));
	printf("ok a session with %.16s of %.40s, serial number %.16s\n", (char *)info.DeviceName, (char *)info.IssuerName,
	       (char *)info.DeviceSerial);
}

/* The right to the private keys of index 1, for this session. */
static void get_right(void)
{
	unsigned char password[256];
	size_t len = fread(password, 1, sizeof password, stdin);
	if (len && password[len - 1] == '\n')
		len--;
	must("SDF_GetPrivateKeyAccessRight", SDF_GetPrivateKeyAccessRight(session, 1, password, (unsigned)len));
	memset(password, 0, sizeof password);
	printf("ok the right to the private keys of index 1\n");
}

/* What is signed is the hash of the message behind Z, which binds the signer's name and key. */
static void sign(void)
{
	unsigned char id[] = "1234567812345678", message[] = "message digest", e[32];
	unsigned int len = sizeof e;
	ECCrefPublicKey key;
	ECCSignature signature;
	must("SDF_ExportSignPublicKey_ECC", SDF_ExportSignPublicKey_ECC(session, 1, &key));
	must("SDF_HashInit", SDF_HashInit(session, SGD_SM3, &key, id, 16));
	must("SDF_HashUpdate", SDF_HashUpdate(session, message, sizeof message - 1));
	must("SDF_HashFinal", SDF_HashFinal(session, e, &len));
	must("SDF_InternalSign_ECC", SDF_InternalSign_ECC(session, 1, e, len, &signature));
	must("SDF_ExternalVerify_ECC", SDF_ExternalVerify_ECC(session, SGD_SM2_1, &key, e, len, &signature));
	printf("ok a signature that verifies\n");
	e[0] ^= 1;
	must_not("a changed message that does not", SDF_InternalVerify_ECC(session, 1, e, len, &signature), SDR_VERIFYERR);
}

/* A key that is used here and kept somewhere as ciphertext. The IV goes on from call to call. */
static void encrypt(void)
{
	unsigned char blob[16], iv[16] = {0}, text[32] = "two blocks of sixteen bytes each", cipher[32], back[32];
	unsigned int blob_len = sizeof blob, len = 16;
	void *key, *again;
	must("SDF_GenerateKeyWithKEK", SDF_GenerateKeyWithKEK(session, 128, SGD_SM4_ECB, 1, blob, &blob_len, &key));
	must("SDF_Encrypt", SDF_Encrypt(session, key, SGD_SM4_CBC, iv, text, 16, cipher, &len));
	must("SDF_Encrypt", SDF_Encrypt(session, key, SGD_SM4_CBC, iv, text + 16, 16, cipher + 16, &len));
	must("SDF_DestroyKey", SDF_DestroyKey(session, key));
	must("SDF_ImportKeyWithKEK", SDF_ImportKeyWithKEK(session, SGD_SM4_ECB, 1, blob, blob_len, &again));
	memset(iv, 0, sizeof iv);
	len = sizeof back;
	must("SDF_Decrypt", SDF_Decrypt(session, again, SGD_SM4_CBC, iv, cipher, 32, back, &len));
	same("a text under a key that came back from its key encryption key", text, back, sizeof text);
	must("SDF_DestroyKey", SDF_DestroyKey(session, again));
}

/* A key for somebody whose public key is known; here that is index 1. */
static void envelope(void)
{
	union { /* ECCCipher ends with its ciphertext: room for that behind it */
		ECCCipher cipher;
		unsigned char room[sizeof(ECCCipher) + 64];
	} sent;
	ECCrefPublicKey receiver;
	unsigned char nonce[12] = "once a day..", aad[] = "who it is for", text[] = "any length", cipher[16], tag[16], back[16];
	unsigned int len = sizeof cipher, tag_len = sizeof tag, back_len = sizeof back;
	void *ours, *theirs;
	must("SDF_ExportEncPublicKey_ECC", SDF_ExportEncPublicKey_ECC(session, 1, &receiver));
	must("SDF_GenerateKeyWithEPK_ECC", SDF_GenerateKeyWithEPK_ECC(session, 128, SGD_SM2_3, &receiver, &sent.cipher, &ours));
	must("SDF_ImportKeyWithISK_ECC", SDF_ImportKeyWithISK_ECC(session, 1, &sent.cipher, &theirs));
	must("SDF_AuthEnc", SDF_AuthEnc(session, ours, SGD_SM4_GCM, nonce, sizeof nonce, aad, sizeof aad, text, sizeof text, cipher, &len,
	                                tag, &tag_len));
	must("SDF_AuthDec", SDF_AuthDec(session, theirs, SGD_SM4_GCM, nonce, sizeof nonce, aad, sizeof aad, tag, &tag_len, cipher, len,
	                                back, &back_len));
	same("a message to a public key, and its tag", text, back, sizeof text);
	tag[0] ^= 1;
	int result = SDF_AuthDec(session, theirs, SGD_SM4_GCM, nonce, sizeof nonce, aad, sizeof aad, tag, &tag_len, cipher, len, back,
	                         &back_len);
	must_not("another tag is refused", result, SDR_MACERR);
}

/* Keys that were not destroyed go with their session, sessions with their device. */
static void close_all(void)
{
	must("SDF_ReleasePrivateKeyAccessRight", SDF_ReleasePrivateKeyAccessRight(session, 1));
	must("SDF_CloseSession", SDF_CloseSession(session));
	must("SDF_CloseDevice", SDF_CloseDevice(device));
	printf("ok all is closed\n");
}

int main(void)
{
	open_all();
	get_right();
	sign();
	encrypt();
	envelope();
	close_all();
	return 0;
}
