/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what RSA signs and encrypts through the face, libcrypto verifies and
 * decrypts, and the other way round, in every mechanism; sizes, order and codes
 * are those of PKCS#11 5.2, 5.8 to 5.15 and 6.1.
 */
#include "tests/conformance/face.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define K 256 /* bytes of the modulus */

static EVP_PKEY *pair;
static CK_OBJECT_HANDLE pub, priv;
static CK_BYTE text[3000];

/* -- the pair, in libcrypto and in the token ------------------------------------------------- */

struct number {
	CK_BYTE bytes[K];
	CK_ULONG len;
};

static struct number number(const char *name)
{
	struct number out = {.len = 0};
	BIGNUM *n = NULL;
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(pair, name, &n), 1);
	out.len = (CK_ULONG)BN_bn2bin(n, out.bytes);
	BN_clear_free(n);
	return out;
}

static CK_SESSION_HANDLE start(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_CLASS pub_class = CKO_PUBLIC_KEY, priv_class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_RSA;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(1 + i * 7 % 251);
	if (!pair)
		pair = EVP_RSA_gen(8 * K);
	struct number n = number(OSSL_PKEY_PARAM_RSA_N), e = number(OSSL_PKEY_PARAM_RSA_E), d = number(OSSL_PKEY_PARAM_RSA_D);
	struct number p = number(OSSL_PKEY_PARAM_RSA_FACTOR1), q = number(OSSL_PKEY_PARAM_RSA_FACTOR2);
	struct number dp = number(OSSL_PKEY_PARAM_RSA_EXPONENT1), dq = number(OSSL_PKEY_PARAM_RSA_EXPONENT2);
	struct number qi = number(OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
#define NUMBER(type, number) {type, number.bytes, number.len}
	CK_ATTRIBUTE pub_templ[] = {
		ATTR(CKA_CLASS, pub_class), ATTR(CKA_KEY_TYPE, type), NUMBER(CKA_MODULUS, n), NUMBER(CKA_PUBLIC_EXPONENT, e),
		ATTR(CKA_VERIFY, yes), ATTR(CKA_VERIFY_RECOVER, yes), ATTR(CKA_ENCRYPT, yes),
	};
	CK_ATTRIBUTE priv_templ[] = {
		ATTR(CKA_CLASS, priv_class), ATTR(CKA_KEY_TYPE, type), NUMBER(CKA_MODULUS, n), NUMBER(CKA_PUBLIC_EXPONENT, e),
		NUMBER(CKA_PRIVATE_EXPONENT, d), NUMBER(CKA_PRIME_1, p), NUMBER(CKA_PRIME_2, q), NUMBER(CKA_EXPONENT_1, dp),
		NUMBER(CKA_EXPONENT_2, dq), NUMBER(CKA_COEFFICIENT, qi), ATTR(CKA_SIGN, yes),
		ATTR(CKA_SIGN_RECOVER, yes), ATTR(CKA_DECRYPT, yes),
	};
	NEED(p11->C_CreateObject(s, pub_templ, 7, &pub));
	NEED(p11->C_CreateObject(s, priv_templ, 13, &priv));
	return s;
}

/* -- what is expected of every signature -------------------------------------------------------- */

static void verify_all_ways(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_BYTE *data, CK_ULONG len, CK_BYTE sig[K])
{
	OK(p11->C_VerifyInit(s, m, pub));
	OK(p11->C_Verify(s, data, len, sig, K));
	OK(p11->C_VerifyInit(s, m, pub));
	OK(p11->C_VerifyUpdate(s, data, len / 2));
	OK(p11->C_VerifyUpdate(s, data + len / 2, len - len / 2));
	OK(p11->C_VerifyFinal(s, sig, K));
	OK(p11->C_VerifySignatureInit(s, m, pub, sig, K));
	OK(p11->C_VerifySignature(s, data, len));
	OK(p11->C_VerifySignatureInit(s, m, pub, sig, K));
	OK(p11->C_VerifySignatureUpdate(s, data, len));
	OK(p11->C_VerifySignatureFinal(s));
	sig[K / 2] ^= 4;
	OK(p11->C_VerifyInit(s, m, pub));
	IS(p11->C_Verify(s, data, len, sig, K), CKR_SIGNATURE_INVALID);
	OK(p11->C_VerifySignatureInit(s, m, pub, sig, K));
	IS(p11->C_VerifySignature(s, data, len), CKR_SIGNATURE_INVALID);
	OK(p11->C_VerifyInit(s, m, pub));
	IS(p11->C_Verify(s, data, len, sig, K - 1), CKR_SIGNATURE_LEN_RANGE);
	IS(p11->C_Verify(s, data, len, sig, K), CKR_OPERATION_NOT_INITIALIZED);
	sig[K / 2] ^= 4;
}

static void sign_all_ways(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_BYTE *data, CK_ULONG len, CK_BYTE sig[K])
{
	CK_ULONG n = 0;
	OK(p11->C_SignInit(s, m, priv));
	OK(p11->C_Sign(s, data, len, NULL, &n));
	CU_ASSERT_EQUAL(n, K);
	n = K - 1;
	IS(p11->C_Sign(s, data, len, sig, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, K);
	OK(p11->C_Sign(s, data, len, sig, &n));
	CU_ASSERT_EQUAL(n, K);
	IS(p11->C_Sign(s, data, len, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	verify_all_ways(s, m, data, len, sig);
	OK(p11->C_SignInit(s, m, priv));
	OK(p11->C_SignUpdate(s, data, len / 3));
	OK(p11->C_SignUpdate(s, data + len / 3, len - len / 3));
	n = K;
	OK(p11->C_SignFinal(s, sig, &n));
	CU_ASSERT_EQUAL(n, K);
}

static EVP_PKEY_CTX *context_of(bool signs, int padding)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair, NULL);
	CU_ASSERT_EQUAL_FATAL(signs ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx), 1);
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
	return ctx;
}

/* -- signatures that hash ------------------------------------------------------------------------- */

static const struct {
	CK_MECHANISM_TYPE pkcs, pss, hash;
	CK_RSA_PKCS_MGF_TYPE mgf;
	const char *name;
} hashes[] = {
	{CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_SHA_1, CKG_MGF1_SHA1, "SHA1"},
	{CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_SHA224, CKG_MGF1_SHA224, "SHA224"},
	{CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, "SHA256"},
	{CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_SHA384, CKG_MGF1_SHA384, "SHA384"},
	{CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_SHA512, CKG_MGF1_SHA512, "SHA512"},
	{CKM_SHA3_224_RSA_PKCS, CKM_SHA3_224_RSA_PKCS_PSS, CKM_SHA3_224, CKG_MGF1_SHA3_224, "SHA3-224"},
	{CKM_SHA3_256_RSA_PKCS, CKM_SHA3_256_RSA_PKCS_PSS, CKM_SHA3_256, CKG_MGF1_SHA3_256, "SHA3-256"},
	{CKM_SHA3_384_RSA_PKCS, CKM_SHA3_384_RSA_PKCS_PSS, CKM_SHA3_384, CKG_MGF1_SHA3_384, "SHA3-384"},
	{CKM_SHA3_512_RSA_PKCS, CKM_SHA3_512_RSA_PKCS_PSS, CKM_SHA3_512, CKG_MGF1_SHA3_512, "SHA3-512"},
};
#define NHASHES (sizeof hashes / sizeof hashes[0])

/* salt_len < 0: PKCS #1 v1.5. */
static EVP_MD_CTX *digest_context(bool signs, const char *hash, const char *mgf, int salt_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;
	CU_ASSERT_EQUAL_FATAL((signs ? EVP_DigestSignInit_ex : EVP_DigestVerifyInit_ex)(md, &ctx, hash, NULL, NULL, pair, NULL), 1);
	if (salt_len < 0)
		return md;
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len), 1);
	return md;
}

/* Both ways between the token and libcrypto. */
static void check_hashed(CK_SESSION_HANDLE s, CK_MECHANISM *m, const char *hash, const char *mgf, int salt_len, CK_ULONG len)
{
	CK_BYTE sig[K];
	size_t n = sizeof sig;
	sign_all_ways(s, m, text, len, sig);
	EVP_MD_CTX *md = digest_context(false, hash, mgf, salt_len);
	CU_ASSERT_EQUAL(EVP_DigestVerify(md, sig, K, text, len), 1);
	EVP_MD_CTX_free(md);
	md = digest_context(true, hash, mgf, salt_len);
	CU_ASSERT_EQUAL(EVP_DigestSign(md, sig, &n, text, len), 1);
	EVP_MD_CTX_free(md);
	verify_all_ways(s, m, text, len, sig);
}

static void test_hashed(void)
{
	CK_SESSION_HANDLE s = start();
	for (size_t i = 0; i < NHASHES; i++) {
		CK_MECHANISM m = {hashes[i].pkcs, NULL, 0};
		check_hashed(s, &m, hashes[i].name, NULL, -1, i * 300);
	}
}

static void test_hashed_pss(void)
{
	CK_SESSION_HANDLE s = start();
	for (size_t i = 0; i < NHASHES; i++) {
		size_t j = (i + 1) % NHASHES; /* the mask's hash is another */
		CK_RSA_PKCS_PSS_PARAMS pss = {hashes[i].hash, hashes[j].mgf, 11 * i};
		CK_MECHANISM m = {hashes[i].pss, &pss, sizeof pss};
		check_hashed(s, &m, hashes[i].name, hashes[j].name, (int)(11 * i), 1000);
	}
}

/* -- signatures of what is given ---------------------------------------------------------------------- */

/* PKCS#11 6.1.6: DigestInfo, or whatever else there is room for. */
static void test_pkcs(void)
{
	static const CK_ULONG lens[] = {0, 1, 20, 36, 51, K - 11};
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
	CK_BYTE sig[K], want[K];
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		size_t n = K;
		EVP_PKEY_CTX *ctx = context_of(true, RSA_PKCS1_PADDING);
		CU_ASSERT_EQUAL(EVP_PKEY_sign(ctx, want, &n, text, lens[i]), 1);
		EVP_PKEY_CTX_free(ctx);
		sign_all_ways(s, &m, text, lens[i], sig);
		CU_ASSERT_EQUAL(memcmp(sig, want, K), 0); /* without chance, so the same */
	}
	CK_ULONG n = K;
	OK(p11->C_SignInit(s, &m, priv));
	IS(p11->C_Sign(s, text, K - 10, sig, &n), CKR_DATA_LEN_RANGE);
	IS(p11->C_Sign(s, text, 1, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &m, priv));
	OK(p11->C_SignUpdate(s, text, K - 11));
	IS(p11->C_SignUpdate(s, text, 1), CKR_DATA_LEN_RANGE);
}

/* 6.1.7: the number itself, with or without the zeros that it begins with. */
static void test_raw(void)
{
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_RSA_X_509, NULL, 0};
	CK_BYTE sig[K], want[K], padded[K] = {0};
	size_t n = K;
	memcpy(padded + K - 40, text, 40);
	EVP_PKEY_CTX *ctx = context_of(true, RSA_NO_PADDING);
	CU_ASSERT_EQUAL(EVP_PKEY_sign(ctx, want, &n, padded, K), 1);
	EVP_PKEY_CTX_free(ctx);
	sign_all_ways(s, &m, text, 40, sig);
	CU_ASSERT_EQUAL(memcmp(sig, want, K), 0);
	sign_all_ways(s, &m, padded, K, sig);
	CU_ASSERT_EQUAL(memcmp(sig, want, K), 0);
	CK_ULONG len = K;
	CK_BYTE large[K + 1];
	memset(large, 0xff, sizeof large);
	OK(p11->C_SignInit(s, &m, priv));
	IS(p11->C_Sign(s, large, K + 1, sig, &len), CKR_DATA_LEN_RANGE);
	OK(p11->C_SignInit(s, &m, priv)); /* more than the modulus */
	IS(p11->C_Sign(s, large, K, sig, &len), CKR_DATA_INVALID);
}

/* 5.13.5, 5.15.5: the signature of C_Sign, and the data out of it. */
static void check_recovery(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE type, CK_ULONG len, CK_ULONG most)
{
	CK_MECHANISM m = {type, NULL, 0};
	CK_BYTE sig[K], want[K], out[K], data[K] = {0};
	CK_ULONG n = K;
	memcpy(data + (type == CKM_RSA_PKCS ? 0 : K - len), text, len);
	CK_ULONG got = type == CKM_RSA_PKCS ? len : K;
	OK(p11->C_SignInit(s, &m, priv));
	OK(p11->C_Sign(s, text, len, want, &n));
	OK(p11->C_SignRecoverInit(s, &m, priv));
	OK(p11->C_SignRecover(s, text, len, NULL, &n));
	CU_ASSERT_EQUAL(n, K);
	n = K - 1;
	IS(p11->C_SignRecover(s, text, len, sig, &n), CKR_BUFFER_TOO_SMALL);
	OK(p11->C_SignRecover(s, text, len, sig, &n));
	CU_ASSERT(n == K && memcmp(sig, want, K) == 0);
	IS(p11->C_SignRecover(s, text, len, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_VerifyRecoverInit(s, &m, pub));
	OK(p11->C_VerifyRecover(s, sig, K, NULL, &n));
	CU_ASSERT_EQUAL(n, most);
	n = got - 1;
	IS(p11->C_VerifyRecover(s, sig, K, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, got);
	OK(p11->C_VerifyRecover(s, sig, K, out, &n));
	CU_ASSERT(n == got && memcmp(out, data, n) == 0);
	IS(p11->C_VerifyRecover(s, sig, K, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_VerifyRecoverInit(s, &m, pub));
	IS(p11->C_VerifyRecover(s, sig, K - 1, out, &n), CKR_SIGNATURE_LEN_RANGE);
}

static void test_recovery(void)
{
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0}, hashed = {CKM_SHA256_RSA_PKCS, NULL, 0};
	CK_BYTE sig[K], out[K];
	CK_ULONG n = K;
	check_recovery(s, CKM_RSA_PKCS, 20, K - 11);
	check_recovery(s, CKM_RSA_PKCS, K - 11, K - 11);
	check_recovery(s, CKM_RSA_X_509, 100, K);
	OK(p11->C_SignRecoverInit(s, &m, priv));
	OK(p11->C_SignRecover(s, text, 20, sig, &n));
	sig[77] ^= 1;
	OK(p11->C_VerifyRecoverInit(s, &m, pub));
	IS(p11->C_VerifyRecover(s, sig, K, out, &n), CKR_SIGNATURE_INVALID);
	memset(sig, 0xff, sizeof sig); /* more than the modulus */
	OK(p11->C_VerifyRecoverInit(s, &m, pub));
	IS(p11->C_VerifyRecover(s, sig, K, out, &n), CKR_SIGNATURE_INVALID);
	IS(p11->C_SignRecoverInit(s, &hashed, priv), CKR_MECHANISM_INVALID);
	IS(p11->C_SignRecoverInit(s, &m, pub), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_VerifyRecoverInit(s, &m, pub));
	OK(p11->C_VerifyRecoverInit(s, NULL, 0)); /* cancels */
	IS(p11->C_VerifyRecover(s, sig, K, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_pss(void)
{
	CK_SESSION_HANDLE s = start();
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
	CK_MECHANISM m = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
	CK_BYTE sig[K];
	CK_ULONG n = K;
	sign_all_ways(s, &m, text, 32, sig);
	EVP_PKEY_CTX *ctx = context_of(false, RSA_PKCS1_PSS_PADDING);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_verify(ctx, sig, K, text, 32), 1);
	EVP_PKEY_CTX_free(ctx);
	for (CK_ULONG len = 31; len <= 33; len += 2) { /* no digest of this hash */
		OK(p11->C_SignInit(s, &m, priv));
		IS(p11->C_Sign(s, text, len, sig, &n), CKR_DATA_LEN_RANGE);
	}
	pss.sLen = K - 32 - 2; /* the most that there is room for */
	sign_all_ways(s, &m, text, 32, sig);
	pss.sLen++;
	IS(p11->C_SignInit(s, &m, priv), CKR_MECHANISM_PARAM_INVALID);
	pss = (CK_RSA_PKCS_PSS_PARAMS){CKM_SHA256, 0, 32};
	IS(p11->C_SignInit(s, &m, priv), CKR_MECHANISM_PARAM_INVALID);
	pss = (CK_RSA_PKCS_PSS_PARAMS){CKM_SHA384, CKG_MGF1_SHA384, 48};
	m.mechanism = CKM_SHA256_RSA_PKCS_PSS;
	IS(p11->C_SignInit(s, &m, priv), CKR_MECHANISM_PARAM_INVALID);
}

/* -- encryption --------------------------------------------------------------------------------------------- */

struct padding {
	CK_MECHANISM mechanism;
	int padding;
	const char *hash, *mgf; /* OAEP */
	size_t label_len;
	CK_ULONG most;
};

static EVP_PKEY_CTX *cipher_context(const struct padding *p, bool encrypts)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair, NULL);
	CU_ASSERT_EQUAL_FATAL(encrypts ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_padding(ctx, p->padding), 1);
	if (!p->hash)
		return ctx;
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, p->hash, NULL), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, p->mgf, NULL), 1);
	if (p->label_len) {
		void *label = OPENSSL_memdup(text, p->label_len);
		CU_ASSERT_EQUAL(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)p->label_len), 1);
	}
	return ctx;
}

static void decrypt_all_ways(CK_SESSION_HANDLE s, const struct padding *p, CK_BYTE cipher[K], CK_ULONG len)
{
	CK_MECHANISM m = p->mechanism;
	CK_BYTE out[K];
	CK_ULONG n = 0;
	OK(p11->C_DecryptInit(s, &m, priv));
	OK(p11->C_Decrypt(s, cipher, K, NULL, &n));
	CU_ASSERT(n >= len && n <= p->most);
	if (len) {
		n = len - 1;
		IS(p11->C_Decrypt(s, cipher, K, out, &n), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(n >= len);
	}
	n = len; /* room for what there is will do */
	OK(p11->C_Decrypt(s, cipher, K, out, &n));
	CU_ASSERT(n == len && memcmp(out, text, len) == 0);
	IS(p11->C_Decrypt(s, cipher, K, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DecryptInit(s, &m, priv));
	n = sizeof out;
	OK(p11->C_DecryptUpdate(s, cipher, 100, out, &n));
	CU_ASSERT_EQUAL(n, 0);
	n = sizeof out;
	OK(p11->C_DecryptUpdate(s, cipher + 100, K - 100, out, &n));
	n = sizeof out;
	OK(p11->C_DecryptFinal(s, out, &n));
	CU_ASSERT(n == len && memcmp(out, text, len) == 0);
	OK(p11->C_DecryptInit(s, &m, priv));
	IS(p11->C_Decrypt(s, cipher, K - 1, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void check_encryption(CK_SESSION_HANDLE s, const struct padding *p, CK_ULONG len)
{
	CK_MECHANISM m = p->mechanism;
	CK_BYTE cipher[K], out[K];
	CK_ULONG n = K - 1;
	size_t got = K;
	OK(p11->C_EncryptInit(s, &m, pub));
	IS(p11->C_Encrypt(s, text, len, cipher, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, K);
	OK(p11->C_Encrypt(s, text, len, cipher, &n));
	CU_ASSERT_EQUAL(n, K);
	EVP_PKEY_CTX *ctx = cipher_context(p, false);
	CU_ASSERT_EQUAL(EVP_PKEY_decrypt(ctx, out, &got, cipher, K), 1);
	CU_ASSERT(got == len && memcmp(out, text, len) == 0);
	EVP_PKEY_CTX_free(ctx);
	decrypt_all_ways(s, p, cipher, len);
	ctx = cipher_context(p, true);
	got = K;
	CU_ASSERT_EQUAL(EVP_PKEY_encrypt(ctx, cipher, &got, text, len), 1);
	EVP_PKEY_CTX_free(ctx);
	decrypt_all_ways(s, p, cipher, len);
}

static void test_encryption(void)
{
	CK_SESSION_HANDLE s = start();
	struct padding pkcs = {{CKM_RSA_PKCS, NULL, 0}, RSA_PKCS1_PADDING, NULL, NULL, 0, K - 11};
	CK_BYTE cipher[K];
	CK_ULONG n = K;
	for (CK_ULONG len = 0; len <= K - 11; len += 49)
		check_encryption(s, &pkcs, len);
	OK(p11->C_EncryptInit(s, &pkcs.mechanism, pub));
	IS(p11->C_Encrypt(s, text, K - 10, cipher, &n), CKR_DATA_LEN_RANGE);
}

static void test_oaep(void)
{
	CK_SESSION_HANDLE s = start();
	for (size_t i = 0; i < NHASHES; i++) {
		size_t j = (i + 1) % NHASHES, label_len = i * 20;
		CK_RSA_PKCS_OAEP_PARAMS oaep = {hashes[i].hash, hashes[j].mgf, CKZ_DATA_SPECIFIED, label_len ? text : NULL, label_len};
		CK_ULONG most = K - 2 - 2 * (CK_ULONG)EVP_MD_get_size(EVP_get_digestbyname(hashes[i].name)), n = K;
		struct padding p = {{CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep}, RSA_PKCS1_OAEP_PADDING, hashes[i].name, hashes[j].name, label_len,
		                    most};
		CK_BYTE cipher[K];
		check_encryption(s, &p, 0);
		check_encryption(s, &p, 16);
		check_encryption(s, &p, most);
		OK(p11->C_EncryptInit(s, &p.mechanism, pub));
		IS(p11->C_Encrypt(s, text, most + 1, cipher, &n), CKR_DATA_LEN_RANGE);
	}
}

static void test_oaep_codes(void)
{
	CK_SESSION_HANDLE s = start();
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, text, 5};
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep}, none = {CKM_RSA_PKCS_OAEP, NULL, 0};
	CK_BYTE cipher[K], out[K];
	CK_ULONG n = K;
	OK(p11->C_EncryptInit(s, &m, pub));
	OK(p11->C_Encrypt(s, text, 16, cipher, &n));
	oaep.ulSourceDataLen = 4; /* another label */
	OK(p11->C_DecryptInit(s, &m, priv));
	IS(p11->C_Decrypt(s, cipher, K, out, &n), CKR_ENCRYPTED_DATA_INVALID);
	oaep.ulSourceDataLen = 5;
	cipher[9] ^= 1;
	OK(p11->C_DecryptInit(s, &m, priv));
	IS(p11->C_Decrypt(s, cipher, K, out, &n), CKR_ENCRYPTED_DATA_INVALID);
	IS(p11->C_EncryptInit(s, &none, pub), CKR_MECHANISM_PARAM_INVALID);
	oaep.source = 3;
	IS(p11->C_EncryptInit(s, &m, pub), CKR_MECHANISM_PARAM_INVALID);
}

static void test_raw_encryption(void)
{
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_RSA_X_509, NULL, 0};
	CK_BYTE cipher[K], out[K];
	CK_ULONG n = K;
	size_t got = K;
	struct padding none = {m, RSA_NO_PADDING, NULL, NULL, 0, K};
	OK(p11->C_EncryptInit(s, &m, pub));
	OK(p11->C_Encrypt(s, text, 40, cipher, &n));
	EVP_PKEY_CTX *ctx = cipher_context(&none, false);
	CU_ASSERT_EQUAL(EVP_PKEY_decrypt(ctx, out, &got, cipher, K), 1);
	EVP_PKEY_CTX_free(ctx);
	CU_ASSERT(got == K && out[0] == 0 && memcmp(out + K - 40, text, 40) == 0);
	memset(out, 0, sizeof out);
	OK(p11->C_DecryptInit(s, &m, priv));
	OK(p11->C_Decrypt(s, cipher, K, out, &n));
	CU_ASSERT(n == K && out[0] == 0 && memcmp(out + K - 40, text, 40) == 0);
	memset(cipher, 0xff, K); /* more than the modulus */
	OK(p11->C_DecryptInit(s, &m, priv));
	IS(p11->C_Decrypt(s, cipher, K, out, &n), CKR_ENCRYPTED_DATA_INVALID);
}

/* -- keys and states ------------------------------------------------------------------------------------------ */

static void test_keys(void)
{
	CK_SESSION_HANDLE s = start();
	CK_OBJECT_HANDLE sm2_pub, sm2_priv, secret = face_secret(s, CKK_GENERIC_SECRET, text, 16);
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS, NULL, 0}, sm2 = {CKM_HUFU_SM2, NULL, 0}, crypt = {CKM_RSA_PKCS, NULL, 0};
	face_standard_pair(s, &sm2_pub, &sm2_priv);
	IS(p11->C_SignInit(s, &m, pub), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_VerifyInit(s, &m, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &m, sm2_priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &m, secret), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &sm2, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_EncryptInit(s, &crypt, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_DecryptInit(s, &crypt, pub), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &m, 0), CKR_KEY_HANDLE_INVALID);
}

/* A signature that hashes goes on from a saved state, with its parameter, and one that was given beforehand. */
static void test_states(void)
{
	CK_SESSION_HANDLE s = start();
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA384, 20};
	CK_MECHANISM m = {CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss};
	CK_BYTE sig[K], state[4096];
	CK_ULONG n = sizeof state, sig_len = K;
	OK(p11->C_SignInit(s, &m, priv));
	OK(p11->C_SignUpdate(s, text, 777));
	OK(p11->C_GetOperationState(s, state, &n));
	OK(p11->C_SessionCancel(s, CKF_SIGN));
	IS(p11->C_SetOperationState(s, state, n, 0, 0), CKR_KEY_NEEDED);
	OK(p11->C_SetOperationState(s, state, n, 0, priv));
	OK(p11->C_SignUpdate(s, text + 777, 223));
	OK(p11->C_SignFinal(s, sig, &sig_len));
	verify_all_ways(s, &m, text, 1000, sig);
	OK(p11->C_VerifySignatureInit(s, &m, pub, sig, K));
	OK(p11->C_VerifySignatureUpdate(s, text, 100));
	n = sizeof state;
	OK(p11->C_GetOperationState(s, state, &n));
	OK(p11->C_SessionCancel(s, CKF_VERIFY));
	OK(p11->C_SetOperationState(s, state, n, 0, pub));
	OK(p11->C_VerifySignatureUpdate(s, text + 100, 900));
	OK(p11->C_VerifySignatureFinal(s));
}

static void test_waiting_states(void)
{
	CK_SESSION_HANDLE s = start();
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, text, 9};
	CK_MECHANISM m = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
	CK_BYTE cipher[K], out[K], state[4096];
	CK_ULONG n = K, len = sizeof state;
	OK(p11->C_EncryptInit(s, &m, pub));
	OK(p11->C_Encrypt(s, text, 16, cipher, &n));
	OK(p11->C_DecryptInit(s, &m, priv));
	n = K;
	OK(p11->C_DecryptUpdate(s, cipher, 200, out, &n));
	OK(p11->C_GetOperationState(s, state, &len));
	OK(p11->C_SessionCancel(s, CKF_DECRYPT));
	OK(p11->C_SetOperationState(s, state, len, priv, 0));
	n = K;
	OK(p11->C_DecryptUpdate(s, cipher + 200, K - 200, out, &n));
	n = K;
	OK(p11->C_DecryptFinal(s, out, &n));
	CU_ASSERT(n == 16 && memcmp(out, text, 16) == 0);
	EVP_PKEY_free(pair);
	face_stop();
}

static const struct unit_case cases[] = {
	{"libcrypto verifies PKCS #1 v1.5 with every hash, and the token libcrypto's", test_hashed},
	{"so it does PSS, with every hash and another for the mask", test_hashed_pss},
	{"CKM_RSA_PKCS signs what is given, as libcrypto does", test_pkcs},
	{"CKM_RSA_X_509 signs a number", test_raw},
	{"signatures give back the data that they carry", test_recovery},
	{"PSS of a digest, and how much salt there is room for", test_pss},
	{"PKCS #1 v1.5 encrypts and decrypts as libcrypto", test_encryption},
	{"so does OAEP with every hash and label", test_oaep},
	{"OAEP's codes: one for whatever is wrong", test_oaep_codes},
	{"CKM_RSA_X_509 encrypts a number", test_raw_encryption},
	{"mechanisms and keys of different kinds do not meet", test_keys},
	{"signatures go on from saved states", test_states},
	{"so does what waits to be decrypted", test_waiting_states},
	{0},
};

UNIT_MAIN("rsa", cases)
