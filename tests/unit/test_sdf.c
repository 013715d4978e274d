/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: devices, sessions, rights, public keys, SM2 and hash functions are GM/T 0018's, known answers and refusals alike. */
#include "sdf_util.h"

#include <stddef.h>

#define BAD_HANDLE ((void *)0x12345678)

/* -- devices and sessions ------------------------------------------------------------- */

static void test_structs(void)
{
	_Static_assert(sizeof(DEVICEINFO) == 100, "DEVICEINFO");
	_Static_assert(sizeof(ECCrefPublicKey) == 132, "ECCrefPublicKey");
	_Static_assert(sizeof(ECCrefPrivateKey) == 68, "ECCrefPrivateKey");
	_Static_assert(offsetof(ECCCipher, C) == 164, "ECCCipher");
	_Static_assert(sizeof(ECCSignature) == 128, "ECCSignature");
	_Static_assert(sizeof(RSArefPublicKey) == 516, "RSArefPublicKey");
	_Static_assert(sizeof(RSArefPrivateKey) == 1412, "RSArefPrivateKey");
	_Static_assert(offsetof(EnvelopedECCKey, ECCCipherBlob) == 208, "EnvelopedECCKey");
}

static void test_handles(void)
{
	unsigned char byte;
	DEVICEINFO info;
	void *other, *dead;
	IS(sdf_face_open_session(BAD_HANDLE, &other), SDR_INARGERR);
	IS(sdf_face_open_session(NULL, &other), SDR_INARGERR);
	IS(sdf_face_open_session(session, &other), SDR_INARGERR);
	IS(sdf_face_open_session(device, NULL), SDR_OUTARGERR);
	IS(sdf_face_open_device(NULL, sdf_conf), SDR_OUTARGERR);
	IS(sdf_face_close_device(BAD_HANDLE), SDR_INARGERR);
	IS(sdf_face_close_device(session), SDR_INARGERR);
	IS(sdf_face_close_session(device), SDR_INARGERR);
	IS(sdf_face_generate_random(NULL, 1, &byte), SDR_INARGERR);
	IS(sdf_face_generate_random((void *)UINTPTR_MAX, 1, &byte), SDR_INARGERR);
	IS(sdf_face_get_device_info(device, &info), SDR_INARGERR);
	OK(sdf_face_open_session(device, &dead));
	OK(sdf_face_close_session(dead));
	IS(sdf_face_generate_random(dead, 1, &byte), SDR_INARGERR);
	IS(sdf_face_close_session(dead), SDR_INARGERR);
	OK(sdf_face_open_session(device, &other));
	CU_ASSERT_PTR_NOT_EQUAL(other, dead);
	OK(sdf_face_close_session(other));
}

static void test_devices(void)
{
	unsigned char byte;
	void *second, *its;
	OK(sdf_face_open_device(&second, sdf_conf));
	OK(sdf_face_open_session(second, &its));
	OK(sdf_face_generate_random(its, 1, &byte));
	OK(sdf_face_close_device(second));
	IS(sdf_face_generate_random(its, 1, &byte), SDR_INARGERR);
	IS(sdf_face_open_session(second, &its), SDR_INARGERR);
	OK(sdf_face_generate_random(session, 1, &byte));
	IS(sdf_face_open_device(&second, "/elsewhere/hufu.conf"), SDR_OPENDEVICE);
}

/* Bounded, and none of them lost. */
static void test_many_sessions(void)
{
	static void *all[16384];
	size_t n = 0;
	int result = SDR_OK;
	while (n < 16384 && (result = sdf_face_open_session(device, &all[n])) == SDR_OK)
		n++;
	CU_ASSERT_EQUAL(n, 16383); /* one is open already */
	CU_ASSERT_EQUAL(result, SDR_OPENSESSION);
	while (n > 0)
		OK(sdf_face_close_session(all[--n]));
}

static void test_info(void)
{
	DEVICEINFO info;
	OK(sdf_face_get_device_info(session, &info));
	IS(sdf_face_get_device_info(session, NULL), SDR_OUTARGERR);
	CU_ASSERT_STRING_EQUAL((char *)info.IssuerName, "hufu");
	CU_ASSERT_EQUAL(info.StandardVersion, 2);
	CU_ASSERT_EQUAL(info.AsymAlgAbility[0] & (SGD_SM2_1 | SGD_SM2_3 | SGD_RSA), SGD_SM2_1 | SGD_SM2_3 | SGD_RSA);
	CU_ASSERT_EQUAL(info.AsymAlgAbility[1], 256 | 1024 | 2048);
	CU_ASSERT_EQUAL(info.SymAlgAbility & 0x427, (SGD_SM4_ECB | SGD_SM4_CBC | SGD_SM4_CFB | SGD_SM4_CTR) & 0x427);
	CU_ASSERT_EQUAL(info.HashAlgAbility, SGD_SM3 | SGD_SHA1 | SGD_SHA256);
}

static void test_random(void)
{
	unsigned char a[64] = {0}, b[64] = {0};
	OK(sdf_face_generate_random(session, sizeof a, a));
	OK(sdf_face_generate_random(session, sizeof b, b));
	CU_ASSERT(memcmp(a, b, sizeof a) != 0);
	IS(sdf_face_generate_random(session, 16, NULL), SDR_OUTARGERR);
}

/* -- rights ----------------------------------------------------------------------------- */

static int get_right(void *s, unsigned index, const char *password)
{
	return sdf_face_get_private_key_access_right(s, index, (unsigned char *)(uintptr_t)password, (unsigned)strlen(password));
}

static int sign_with(void *s, unsigned index)
{
	ECCSignature signature;
	return sdf_face_internal_sign_ecc(s, index, (unsigned char *)(uintptr_t)standard_e, 32, &signature);
}

static void test_rights(void)
{
	void *other;
	OK(sdf_face_open_session(device, &other));
	IS(sign_with(other, 1), SDR_PARDENY);
	IS(get_right(other, 1, "another password"), SDR_PRKRERR);
	IS(sign_with(other, 1), SDR_PARDENY);
	IS(get_right(other, 1, "short"), SDR_INARGERR);
	IS(sdf_face_get_private_key_access_right(other, 1, NULL, 16), SDR_INARGERR);
	IS(get_right(other, 9, PASSWORD_1), SDR_KEYNOTEXIST);
	OK(get_right(other, 1, PASSWORD_1));
	OK(sign_with(other, 1));
	IS(sign_with(other, 3), SDR_PARDENY);
	OK(sdf_face_release_private_key_access_right(other, 1));
	IS(sign_with(other, 1), SDR_PARDENY);
	OK(sign_with(session, 1));
	IS(sdf_face_release_private_key_access_right(other, 9), SDR_KEYNOTEXIST);
	OK(sign_with(other, 2)); /* free for all */
	OK(sdf_face_close_session(other));
}

static void test_pin_right(void)
{
	void *other;
	OK(sdf_face_open_session(device, &other));
	IS(get_right(other, 3, PASSWORD_1), SDR_PRKRERR);
	OK(get_right(other, 3, USER_PIN));
	OK(sign_with(other, 3));
	OK(sdf_face_close_session(other));
}

/* -- SM2 ---------------------------------------------------------------------------------- */

static void test_export(void)
{
	ECCrefPublicKey key, standard = public_of(standard_point);
	OK(sdf_face_export_sign_public_key_ecc(session, 2, &key));
	ASSERT_SAME(&key, &standard, sizeof key);
	OK(sdf_face_export_enc_public_key_ecc(session, 1, &key));
	CU_ASSERT(memcmp(&key, &standard, sizeof key) != 0);
	IS(sdf_face_export_sign_public_key_ecc(session, 9, &key), SDR_KEYNOTEXIST);
	IS(sdf_face_export_sign_public_key_ecc(session, 2, NULL), SDR_OUTARGERR);
}

static void test_sign(void)
{
	ECCSignature signature;
	ECCrefPublicKey key;
	unsigned char e[32];
	memcpy(e, standard_e, 32);
	OK(sdf_face_internal_sign_ecc(session, 1, e, 32, &signature));
	OK(sdf_face_internal_verify_ecc(session, 1, e, 32, &signature));
	OK(sdf_face_export_sign_public_key_ecc(session, 1, &key));
	OK(sdf_face_external_verify_ecc(session, SGD_SM2_1, &key, e, 32, &signature));
	OK(sdf_face_external_verify_ecc(session, SGD_SM2, &key, e, 32, &signature));
	e[0] ^= 1;
	IS(sdf_face_internal_verify_ecc(session, 1, e, 32, &signature), SDR_VERIFYERR);
	e[0] ^= 1;
	signature.r[0] = 1; /* a number of more than 256 bits */
	IS(sdf_face_internal_verify_ecc(session, 1, e, 32, &signature), SDR_VERIFYERR);
	IS(sdf_face_internal_sign_ecc(session, 1, e, 31, &signature), SDR_INARGERR);
	IS(sdf_face_internal_sign_ecc(session, 1, NULL, 32, &signature), SDR_INARGERR);
	IS(sdf_face_internal_sign_ecc(session, 1, e, 32, NULL), SDR_OUTARGERR);
	IS(sdf_face_external_verify_ecc(session, SGD_RSA, &key, e, 32, &signature), SDR_ALGNOTSUPPORT);
	IS(sdf_face_external_verify_ecc(session, SGD_SM2_1, NULL, e, 32, &signature), SDR_INARGERR);
	key.bits = 512;
	IS(sdf_face_external_verify_ecc(session, SGD_SM2_1, &key, e, 32, &signature), SDR_INARGERR);
}

/* GB/T 32918.5-2017 A.2. */
static void test_standard_signature(void)
{
	ECCrefPublicKey key = public_of(standard_point);
	ECCSignature signature = {{0}, {0}};
	unit_hex("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3", signature.r + 32);
	unit_hex("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa", signature.s + 32);
	OK(sdf_face_external_verify_ecc(session, SGD_SM2_1, &key, (unsigned char *)(uintptr_t)standard_e, 32, &signature));
	OK(sdf_face_internal_verify_ecc(session, 2, (unsigned char *)(uintptr_t)standard_e, 32, &signature));
	key.y[63] ^= 1;
	IS(sdf_face_external_verify_ecc(session, SGD_SM2_1, &key, (unsigned char *)(uintptr_t)standard_e, 32, &signature), SDR_KEYERR);
}

/* The same standard's encryption of "encryption standard". */
static void test_standard_decryption(void)
{
	union big_cipher in = {.bytes = {0}};
	unsigned char out[64];
	unsigned int len = sizeof out;
	unit_hex("04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73", in.c.x + 32);
	unit_hex("e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0", in.c.y + 32);
	unit_hex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766", in.c.M);
	in.c.L = (unsigned)unit_hex("21886ca989ca9c7d58087307ca93092d651efa", in.bytes + offsetof(ECCCipher, C));
	OK(sdf_face_internal_decrypt_ecc(session, 2, SGD_SM2_3, &in.c, out, &len));
	CU_ASSERT_EQUAL(len, 19);
	ASSERT_SAME(out, "encryption standard", 19);
	len = 18;
	IS(sdf_face_internal_decrypt_ecc(session, 2, SGD_SM2_3, &in.c, out, &len), SDR_NOBUFFER);
	CU_ASSERT_EQUAL(len, 19);
	in.c.M[0] ^= 1;
	IS(sdf_face_internal_decrypt_ecc(session, 2, SGD_SM2_3, &in.c, out, &len), SDR_ENCDATAERR);
	in.c.L = UINT32_MAX;
	len = UINT32_MAX;
	IS(sdf_face_internal_decrypt_ecc(session, 2, SGD_SM2_3, &in.c, out, &len), SDR_ENCDATAERR);
}

static void test_encrypt(void)
{
	union big_cipher c;
	ECCrefPublicKey key;
	unsigned char in[48], out[48];
	unsigned int len = sizeof out;
	rng_fill(in, sizeof in);
	OK(sdf_face_export_enc_public_key_ecc(session, 1, &key));
	OK(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, &key, in, sizeof in, &c.c));
	CU_ASSERT_EQUAL(c.c.L, sizeof in);
	OK(sdf_face_internal_decrypt_ecc(session, 1, SGD_SM2_3, &c.c, out, &len));
	ASSERT_SAME(in, out, sizeof in);
	OK(sdf_face_internal_encrypt_ecc(session, 1, SGD_SM2_3, in, sizeof in, &c.c));
	OK(sdf_face_internal_decrypt_ecc(session, 1, SGD_SM2_3, &c.c, out, &len));
	ASSERT_SAME(in, out, sizeof in);
	IS(sdf_face_external_encrypt_ecc(session, SGD_SM2_1, &key, in, sizeof in, &c.c), SDR_ALGNOTSUPPORT);
	IS(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, &key, in, 0, &c.c), SDR_INARGERR);
	IS(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, &key, in, UINT32_MAX, &c.c), SDR_INARGERR);
	IS(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, &key, in, sizeof in, NULL), SDR_OUTARGERR);
	IS(sdf_face_internal_decrypt_ecc(session, 3, SGD_SM2_3, &c.c, out, &len), SDR_PARDENY);
}

/* -- hash functions -------------------------------------------------------------------------- */

static void digest(unsigned int alg, const char *text, unsigned char *out, unsigned int *len)
{
	OK(sdf_face_hash_init(session, alg, NULL, NULL, 0));
	for (size_t i = 0; i < strlen(text); i++)
		OK(sdf_face_hash_update(session, (unsigned char *)(uintptr_t)text + i, 1));
	OK(sdf_face_hash_final(session, out, len));
}

static void test_hash(void)
{
	unsigned char out[64];
	unsigned int len = sizeof out;
	digest(SGD_SM3, "abc", out, &len); /* GB/T 32905 A.1 */
	ASSERT_HEX(out, len, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	len = sizeof out;
	digest(SGD_SHA256, "abc", out, &len); /* FIPS 180-2 B.1, A.1 */
	ASSERT_HEX(out, len, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	len = sizeof out;
	digest(SGD_SHA1, "abc", out, &len);
	ASSERT_HEX(out, len, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* e = SM3(Z || M), GB/T 32918.5-2017 A.2. */
static void test_hash_with_z(void)
{
	ECCrefPublicKey key = public_of(standard_point);
	unsigned char out[32];
	unsigned int len = sizeof out;
	unsigned char id[] = "1234567812345678", message[] = "message digest";
	OK(sdf_face_hash_init(session, SGD_SM3, &key, id, 16));
	OK(sdf_face_hash_update(session, message, 14));
	OK(sdf_face_hash_final(session, out, &len));
	ASSERT_SAME(out, standard_e, 32);
	IS(sdf_face_hash_init(session, SGD_SM3, NULL, id, 16), SDR_INARGERR);
	IS(sdf_face_hash_init(session, SGD_SM3, &key, NULL, 16), SDR_INARGERR);
	IS(sdf_face_hash_init(session, SGD_SM3, &key, id, 8192), SDR_INARGERR);
}

static void test_hash_steps(void)
{
	unsigned char out[32], byte = 0;
	unsigned int len = 31;
	IS(sdf_face_hash_update(session, &byte, 1), SDR_STEPERR);
	IS(sdf_face_hash_final(session, out, &len), SDR_STEPERR);
	IS(sdf_face_hash_init(session, SGD_SM4_ECB, NULL, NULL, 0), SDR_ALGNOTSUPPORT);
	OK(sdf_face_hash_init(session, SGD_SM3, NULL, NULL, 0));
	IS(sdf_face_hash_update(session, NULL, 1), SDR_INARGERR);
	IS(sdf_face_hash_final(session, out, NULL), SDR_OUTARGERR);
	IS(sdf_face_hash_final(session, out, &len), SDR_NOBUFFER);
	CU_ASSERT_EQUAL(len, 32);
	OK(sdf_face_hash_final(session, NULL, &len));
	OK(sdf_face_hash_init(session, SGD_SM3, NULL, NULL, 0)); /* begins anew */
	OK(sdf_face_hash_final(session, out, &len));
	IS(sdf_face_hash_final(session, out, &len), SDR_STEPERR);
}

static const struct unit_case cases[] = {
	{"a token is made, and a device of it opened", sdf_up},
	{"the structs have the sizes of the standard", test_structs},
	{"handles that are none are told apart, and nothing else happens", test_handles},
	{"devices beside each other share the token, and close for themselves", test_devices},
	{"sessions are many, and not without end", test_many_sessions},
	{"a device says what it can", test_info},
	{"random numbers differ", test_random},
	{"private keys are used with the right to them only, session by session", test_rights},
	{"where the configuration has no password, the user PIN is it", test_pin_right},
	{"public keys are exported", test_export},
	{"signatures verify, changed ones do not", test_sign},
	{"the signature of GB/T 32918.5 A.2 verifies", test_standard_signature},
	{"the ciphertext of GB/T 32918.5 A.2 is decrypted", test_standard_decryption},
	{"what is encrypted to an index is decrypted with it", test_encrypt},
	{"hash values are those of their standards", test_hash},
	{"a hash with a public key and an ID is that of a signature", test_hash_with_z},
	{"a hash has a beginning and an end", test_hash_steps},
	{"all is closed, and no secret left", sdf_down},
	{0},
};
UNIT_MAIN("sdf", cases)
