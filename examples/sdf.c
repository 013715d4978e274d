/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program written to GM/T 0018 and nothing else.
 *
 *	cc -o sdf sdf.c $(pkg-config --cflags --libs hufu-sdf)
 *	HUFU_SDF_CONF=/etc/hufu/hufu.conf ./sdf < password-of-index-1
 *
 * The configuration needs a section sdf, an sdf_key "1" with an SM2 pair for
 * signatures, one for encryption and an RSA pair of 2048 bits for signatures, and
 * an sdf_kek "1"; see hufu-sdf(7). Each line of output is one thing that worked.
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

/* Not every device has every algorithm: 0, and said so, where none has it that the key may go to. */
static int has(const char *what, int result)
{
	if (result == SDR_ALGNOTSUPPORT)
		printf("ok no %s here\n", what);
	else
		must(what, result);
	return result == SDR_OK;
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

/* The stream cipher ZUC: its IV is COUNT, BEARER and DIRECTION (GM/T 0001.2 A.1). The MAC is of the same family. */
static void stream(void)
{
	unsigned char value[16] = {0x17, 0x3d, 0x14, 0xba, 0x50, 0x03, 0x73, 0x1d, 0x7a, 0x60, 0x04, 0x94, 0x70, 0xf0, 0x0a, 0x29};
	const unsigned char start[16] = {0x66, 0x03, 0x54, 0x92, 0x78, 0, 0, 0, 0x66, 0x03, 0x54, 0x92, 0x78};
	unsigned char text[24] = {0x6c, 0xf6, 0x53, 0x40, 0x73, 0x55, 0x52, 0xab, 0x0c, 0x97, 0x52, 0xfa,
	                          0x6f, 0x90, 0x25, 0xfe, 0x0b, 0xd6, 0x75, 0xd9, 0x00, 0x58, 0x75, 0xb2};
	const unsigned char expected[24] = {0xa6, 0xc8, 0x5f, 0xc6, 0x6a, 0xfb, 0x85, 0x33, 0xaa, 0xfc, 0x25, 0x18,
	                                    0xdf, 0xe7, 0x84, 0x94, 0x0e, 0xe1, 0xe4, 0xb0, 0x30, 0x23, 0x8c, 0xc8};
	unsigned char iv[16], cipher[24], mac[4], other[4];
	unsigned int len = sizeof cipher, mac_len = sizeof mac, other_len = sizeof other;
	void *key;
	must("SDF_ImportKey", SDF_ImportKey(session, value, sizeof value, &key));
	memcpy(iv, start, sizeof iv);
	if (!has("ZUC", SDF_Encrypt(session, key, SGD_ZUC_EEA3, iv, text, sizeof text, cipher, &len)))
		return;
	same("128-EEA3 as its standard has it", cipher, expected, sizeof cipher);
	memcpy(iv, start, sizeof iv);
	must("SDF_CalculateMAC", SDF_CalculateMAC(session, key, SGD_ZUC_EIA3, iv, text, sizeof text, mac, &mac_len));
	text[0] ^= 1;
	memcpy(iv, start, sizeof iv);
	must("SDF_CalculateMAC", SDF_CalculateMAC(session, key, SGD_ZUC_EIA3, iv, text, sizeof text, other, &other_len));
	must_not("128-EIA3 of a changed text is another", memcmp(mac, other, sizeof mac) == 0, 0);
	must("SDF_DestroyKey", SDF_DestroyKey(session, key));
}

/* RSA here is the bare operation: the block of RFC 8017 9.2 around a SHA-256 hash is the program's to make. */
static void rsa(void)
{
	static const unsigned char sha256_info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
	                                            0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
	const unsigned char expected[] = {0xba, 0x78, 0x16, 0xbf}; /* FIPS 180-4: ba7816bf 8f01cfea ... */
	unsigned char message[] = "abc", hash[32], block[256] = {0, 1}, signature[256], back[256];
	unsigned int hash_len = sizeof hash, len = sizeof signature, back_len = sizeof back;
	size_t tail = sizeof sha256_info + sizeof hash;
	RSArefPublicKey key;
	must("SDF_HashInit", SDF_HashInit(session, SGD_SHA256, NULL, NULL, 0));
	must("SDF_HashUpdate", SDF_HashUpdate(session, message, 3));
	must("SDF_HashFinal", SDF_HashFinal(session, hash, &hash_len));
	same("SHA-256 as its standard has it", hash, expected, sizeof expected);
	memset(block + 2, 0xff, sizeof block - 3 - tail);
	memcpy(block + sizeof block - tail, sha256_info, sizeof sha256_info);
	memcpy(block + sizeof block - sizeof hash, hash, sizeof hash);
	must("SDF_InternalPrivateKeyOperation_RSA", SDF_InternalPrivateKeyOperation_RSA(session, 1, block, sizeof block, signature, &len));
	must("SDF_ExportSignPublicKey_RSA", SDF_ExportSignPublicKey_RSA(session, 1, &key));
	if (has("RSA with public keys", SDF_ExternalPublicKeyOperation_RSA(session, &key, signature, len, back, &back_len)))
		same("an RSA signature of it that opens to it", block, back, sizeof block);
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
	stream();
	rsa();
	close_all();
	return 0;
}
