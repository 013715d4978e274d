/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what keys of the NIST and Edwards curves sign through the face,
 * libcrypto verifies, and the other way round; sizes, order and codes are those
 * of PKCS#11 5.13, 5.15 and 6.3.
 */
#include "tests/conformance/face.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

struct curve {
	const char *name;
	CK_BYTE oid[10];
	CK_ULONG oid_len, half; /* of r || s */
};
static const struct curve curves[] = {
	{"P-256", {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 10, 32},
	{"P-384", {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}, 7, 48},
	{"P-521", {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23}, 7, 66},
};
static const struct curve edwards[] = {
	{"ED25519", {0x06, 0x03, 0x2b, 0x65, 0x70}, 5, 32},
	{"ED448", {0x06, 0x03, 0x2b, 0x65, 0x71}, 5, 57},
};

struct pair {
	EVP_PKEY *libcrypto;
	CK_OBJECT_HANDLE pub, priv;
	CK_ULONG half;
};

static CK_BYTE text[3000];

static CK_SESSION_HANDLE start(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(1 + i * 7 % 251);
	return face_user();
}

static void create(CK_SESSION_HANDLE s, CK_KEY_TYPE type, const struct curve *curve, CK_BYTE *point, CK_ULONG point_len,
                   CK_BYTE *value, CK_ULONG value_len, struct pair *pair)
{
	CK_OBJECT_CLASS pub_class = CKO_PUBLIC_KEY, priv_class = CKO_PRIVATE_KEY;
	void *oid = (void *)(uintptr_t)curve->oid;
	CK_ATTRIBUTE pub_templ[] = {
		ATTR(CKA_CLASS, pub_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, oid, curve->oid_len),
		BYTES(CKA_EC_POINT, point, point_len), ATTR(CKA_VERIFY, yes),
	};
	CK_ATTRIBUTE priv_templ[] = {
		ATTR(CKA_CLASS, priv_class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_EC_PARAMS, oid, curve->oid_len),
		BYTES(CKA_VALUE, value, value_len), ATTR(CKA_SIGN, yes),
	};
	NEED(p11->C_CreateObject(s, pub_templ, 5, &pair->pub));
	NEED(p11->C_CreateObject(s, priv_templ, 5, &pair->priv));
	pair->half = curve->half;
}

/* OCTET STRING. */
static CK_ULONG wrapped(const CK_BYTE *point, size_t len, CK_BYTE *out)
{
	size_t at = 0;
	out[at++] = 0x04;
	if (len > 127)
		out[at++] = 0x81;
	out[at++] = (CK_BYTE)len;
	memcpy(out + at, point, len);
	return at + len;
}

static struct pair ec_pair(CK_SESSION_HANDLE s, const struct curve *curve)
{
	struct pair pair = {.libcrypto = EVP_EC_gen(curve->name)};
	CK_BYTE point[140], der[150], value[66];
	size_t len;
	BIGNUM *d = NULL;
	CU_ASSERT_EQUAL(EVP_PKEY_get_octet_string_param(pair.libcrypto, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_get_bn_param(pair.libcrypto, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	CU_ASSERT_EQUAL(BN_bn2binpad(d, value, (int)curve->half), (int)curve->half);
	BN_clear_free(d);
	create(s, CKK_EC, curve, der, wrapped(point, len, der), value, curve->half, &pair);
	return pair;
}

static struct pair edwards_pair(CK_SESSION_HANDLE s, const struct curve *curve)
{
	struct pair pair = {.libcrypto = EVP_PKEY_Q_keygen(NULL, NULL, curve->name)};
	CK_BYTE point[57], der[64], value[57];
	size_t len = sizeof point, value_len = sizeof value;
	CU_ASSERT_EQUAL(EVP_PKEY_get_raw_public_key(pair.libcrypto, point, &len), 1);
	CU_ASSERT_EQUAL(EVP_PKEY_get_raw_private_key(pair.libcrypto, value, &value_len), 1);
	create(s, CKK_EC_EDWARDS, curve, der, wrapped(point, len, der), value, value_len, &pair);
	return pair;
}

/* -- what is expected of every signature --------------------------------------------------- */

static void verify_all_ways(CK_SESSION_HANDLE s, CK_MECHANISM *m, const struct pair *pair, CK_BYTE *data, CK_ULONG len,
                            CK_BYTE *sig)
{
	CK_ULONG n = 2 * pair->half;
	OK(p11->C_VerifyInit(s, m, pair->pub));
	OK(p11->C_Verify(s, data, len, sig, n));
	OK(p11->C_VerifyInit(s, m, pair->pub));
	OK(p11->C_VerifyUpdate(s, data, len / 2));
	OK(p11->C_VerifyUpdate(s, data + len / 2, len - len / 2));
	OK(p11->C_VerifyFinal(s, sig, n));
	OK(p11->C_VerifySignatureInit(s, m, pair->pub, sig, n));
	OK(p11->C_VerifySignature(s, data, len));
	for (CK_ULONG at = 3; at < n; at += pair->half) { /* in r, in s */
		sig[at] ^= 4;
		OK(p11->C_VerifyInit(s, m, pair->pub));
		IS(p11->C_Verify(s, data, len, sig, n), CKR_SIGNATURE_INVALID);
		sig[at] ^= 4;
	}
	OK(p11->C_VerifyInit(s, m, pair->pub));
	IS(p11->C_Verify(s, data, len, sig, n - 1), CKR_SIGNATURE_LEN_RANGE);
	OK(p11->C_VerifyInit(s, m, pair->pub));
	IS(p11->C_Verify(s, data, len, sig, n + 1), CKR_SIGNATURE_LEN_RANGE);
	IS(p11->C_Verify(s, data, len, sig, n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifySignatureInit(s, m, pair->pub, sig, n + 1), CKR_SIGNATURE_LEN_RANGE);
}

static void sign_all_ways(CK_SESSION_HANDLE s, CK_MECHANISM *m, const struct pair *pair, CK_BYTE *data, CK_ULONG len,
                          CK_BYTE *sig)
{
	CK_ULONG want = 2 * pair->half, n = 0;
	OK(p11->C_SignInit(s, m, pair->priv));
	OK(p11->C_Sign(s, data, len, NULL, &n));
	CU_ASSERT_EQUAL(n, want);
	n = want - 1;
	IS(p11->C_Sign(s, data, len, sig, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, want);
	OK(p11->C_Sign(s, data, len, sig, &n));
	CU_ASSERT_EQUAL(n, want);
	IS(p11->C_Sign(s, data, len, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	verify_all_ways(s, m, pair, data, len, sig);
	OK(p11->C_SignInit(s, m, pair->priv));
	OK(p11->C_SignUpdate(s, data, len / 3));
	OK(p11->C_SignUpdate(s, data + len / 3, len - len / 3));
	n = want;
	OK(p11->C_SignFinal(s, sig, &n));
	CU_ASSERT_EQUAL(n, want);
}

/* -- ECDSA ------------------------------------------------------------------------------------- */

static int to_der(const CK_BYTE *sig, CK_ULONG half, CK_BYTE **der)
{
	ECDSA_SIG *numbers = ECDSA_SIG_new();
	ECDSA_SIG_set0(numbers, BN_bin2bn(sig, (int)half, NULL), BN_bin2bn(sig + half, (int)half, NULL));
	*der = NULL;
	int len = i2d_ECDSA_SIG(numbers, der);
	ECDSA_SIG_free(numbers);
	return len;
}

static void from_der(const CK_BYTE *der, long len, CK_ULONG half, CK_BYTE *sig)
{
	ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(numbers);
	BN_bn2binpad(ECDSA_SIG_get0_r(numbers), sig, (int)half);
	BN_bn2binpad(ECDSA_SIG_get0_s(numbers), sig + half, (int)half);
	ECDSA_SIG_free(numbers);
}

static bool libcrypto_verifies(const struct pair *pair, const CK_BYTE *digest, CK_ULONG len, const CK_BYTE *sig)
{
	CK_BYTE *der;
	int der_len = to_der(sig, pair->half, &der);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->libcrypto, NULL);
	bool good = EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_verify(ctx, der, (size_t)der_len, digest, len) == 1;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	return good;
}

static void libcrypto_signs(const struct pair *pair, const CK_BYTE *digest, CK_ULONG len, CK_BYTE *sig)
{
	CK_BYTE der[160];
	size_t der_len = sizeof der;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair->libcrypto, NULL);
	CU_ASSERT(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &der_len, digest, len) == 1);
	EVP_PKEY_CTX_free(ctx);
	from_der(der, (long)der_len, pair->half, sig);
}

/* Digests longer than the order are cut to it (FIPS 186-4 6.4). */
static void test_raw(void)
{
	static const CK_ULONG lens[] = {20, 28, 32, 48, 64, 66, 67, 128};
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	for (size_t c = 0; c < 3; c++) {
		struct pair pair = ec_pair(s, &curves[c]);
		for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
			CK_BYTE sig[132];
			sign_all_ways(s, &m, &pair, text, lens[i], sig);
			CU_ASSERT_TRUE(libcrypto_verifies(&pair, text, lens[i], sig));
			CU_ASSERT_FALSE(libcrypto_verifies(&pair, text + 1, lens[i], sig));
			libcrypto_signs(&pair, text, lens[i], sig);
			verify_all_ways(s, &m, &pair, text, lens[i], sig);
		}
		EVP_PKEY_free(pair.libcrypto);
	}
}

static void test_hashed(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *name;
	} hashes[] = {
		{CKM_ECDSA_SHA1, "SHA1"}, {CKM_ECDSA_SHA224, "SHA224"}, {CKM_ECDSA_SHA256, "SHA256"}, {CKM_ECDSA_SHA384, "SHA384"},
		{CKM_ECDSA_SHA512, "SHA512"}, {CKM_ECDSA_SHA3_224, "SHA3-224"}, {CKM_ECDSA_SHA3_256, "SHA3-256"},
		{CKM_ECDSA_SHA3_384, "SHA3-384"}, {CKM_ECDSA_SHA3_512, "SHA3-512"},
	};
	CK_SESSION_HANDLE s = start();
	for (size_t c = 0; c < 3; c++) {
		struct pair pair = ec_pair(s, &curves[c]);
		for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
			CK_MECHANISM m = {hashes[i].type, NULL, 0};
			CK_BYTE sig[132], digest[64];
			unsigned digest_len;
			EVP_Digest(text, 300 * i, digest, &digest_len, EVP_get_digestbyname(hashes[i].name), NULL);
			sign_all_ways(s, &m, &pair, text, 300 * i, sig);
			CU_ASSERT_TRUE(libcrypto_verifies(&pair, digest, digest_len, sig));
			libcrypto_signs(&pair, digest, digest_len, sig);
			verify_all_ways(s, &m, &pair, text, 300 * i, sig);
		}
		EVP_PKEY_free(pair.libcrypto);
	}
}

/* r and s without the zeros that both begin with: of 521 bits each, every fourth signature has one in both. */
static void test_ecdsa_short(void)
{
	CK_SESSION_HANDLE s = start();
	struct pair pair = ec_pair(s, &curves[2]);
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0};
	CK_BYTE sig[132];
	do
		libcrypto_signs(&pair, text, 64, sig);
	while (sig[0] || sig[66]);
	memmove(sig, sig + 1, 65);
	memmove(sig + 65, sig + 67, 65);
	OK(p11->C_VerifyInit(s, &m, pair.pub));
	OK(p11->C_Verify(s, text, 64, sig, 130));
	OK(p11->C_VerifySignatureInit(s, &m, pair.pub, sig, 130));
	OK(p11->C_VerifySignature(s, text, 64));
	OK(p11->C_VerifyInit(s, &m, pair.pub));
	IS(p11->C_Verify(s, text + 1, 64, sig, 130), CKR_SIGNATURE_INVALID);
	OK(p11->C_VerifyInit(s, &m, pair.pub));
	IS(p11->C_Verify(s, text, 64, sig, 128), CKR_SIGNATURE_INVALID);
	OK(p11->C_VerifyInit(s, &m, pair.pub));
	IS(p11->C_Verify(s, text, 64, sig, 129), CKR_SIGNATURE_LEN_RANGE);
	OK(p11->C_VerifyInit(s, &m, pair.pub));
	IS(p11->C_Verify(s, text, 64, sig, 0), CKR_SIGNATURE_LEN_RANGE);
	EVP_PKEY_free(pair.libcrypto);
}

static void test_ecdsa_codes(void)
{
	CK_SESSION_HANDLE s = start();
	struct pair pair = ec_pair(s, &curves[0]);
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0}, given = {CKM_ECDSA, text, 8}, sm2 = {CKM_HUFU_SM2, NULL, 0};
	CK_OBJECT_HANDLE sm2_pub, sm2_priv;
	CK_BYTE zeros[64] = {0};
	face_standard_pair(s, &sm2_pub, &sm2_priv);
	IS(p11->C_SignInit(s, &given, pair.priv), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_SignInit(s, &m, pair.pub), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_VerifyInit(s, &m, pair.priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &m, sm2_priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &sm2, pair.priv), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_VerifyInit(s, &m, pair.pub)); /* r and s of 0 sign nothing */
	IS(p11->C_Verify(s, text, 32, zeros, 64), CKR_SIGNATURE_INVALID);
	EVP_PKEY_free(pair.libcrypto);
}

/* SM2 shown as CKK_EC is none of ECDSA's keys. */
static void test_sm2_as_ec(void)
{
	CK_OBJECT_HANDLE pub, priv;
	CK_SESSION_HANDLE s;
	CK_MECHANISM m = {CKM_ECDSA, NULL, 0}, hashed = {CKM_ECDSA_SHA256, NULL, 0};
	NEED(p11->C_OpenSession(face_token("other"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s));
	NEED(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	IS(p11->C_SignInit(s, &m, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_VerifyInit(s, &hashed, pub), CKR_KEY_TYPE_INCONSISTENT);
}

/* -- EdDSA ---------------------------------------------------------------------------------------- */

/* It leaves nothing to chance, so both make the same signature. */
static void test_eddsa(void)
{
	CK_SESSION_HANDLE s = start();
	CK_EDDSA_PARAMS plain = {CK_FALSE, 0, NULL};
	for (size_t c = 0; c < 2; c++) {
		struct pair pair = edwards_pair(s, &edwards[c]);
		for (CK_ULONG len = 0; len < sizeof text; len += 599) {
			CK_MECHANISM m = {CKM_EDDSA, len % 2 ? &plain : NULL, len % 2 ? sizeof plain : 0};
			CK_BYTE sig[114], want[114];
			size_t n = sizeof want;
			EVP_MD_CTX *md = EVP_MD_CTX_new();
			CU_ASSERT_EQUAL(EVP_DigestSignInit_ex(md, NULL, NULL, NULL, NULL, pair.libcrypto, NULL), 1);
			CU_ASSERT_EQUAL(EVP_DigestSign(md, want, &n, text, len), 1);
			EVP_MD_CTX_free(md);
			CU_ASSERT_EQUAL(n, 2 * pair.half);
			sign_all_ways(s, &m, &pair, text, len, sig);
			CU_ASSERT_EQUAL(memcmp(sig, want, n), 0);
		}
		EVP_PKEY_free(pair.libcrypto);
	}
}

/* RFC 8032 7.1 test 2, 7.4 "1 octet". */
static void test_rfc8032(void)
{
	static const struct {
		const char *value, *point, *sig;
		CK_BYTE message;
	} vectors[] = {
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		 "04203d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", 0x72},
		{"c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
		 "043943ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
		 "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd77980"
		 "5e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
		 0x03},
	};
	CK_SESSION_HANDLE s = start();
	CK_MECHANISM m = {CKM_EDDSA, NULL, 0};
	for (size_t i = 0; i < 2; i++) {
		CK_BYTE value[57], point[64], want[114], sig[114], message = vectors[i].message;
		struct pair pair = {0};
		CK_ULONG value_len = unit_hex(vectors[i].value, value), point_len = unit_hex(vectors[i].point, point);
		create(s, CKK_EC_EDWARDS, &edwards[i], point, point_len, value, value_len, &pair);
		CK_ULONG n = unit_hex(vectors[i].sig, want);
		sign_all_ways(s, &m, &pair, &message, 1, sig);
		CU_ASSERT_EQUAL(memcmp(sig, want, n), 0);
	}
}

static void test_eddsa_codes(void)
{
	static CK_BYTE large[(1 << 20) + 1];
	CK_SESSION_HANDLE s = start();
	struct pair pair = edwards_pair(s, &edwards[0]);
	CK_EDDSA_PARAMS prehash = {CK_TRUE, 0, NULL}, context = {CK_FALSE, 3, text};
	CK_MECHANISM m = {CKM_EDDSA, NULL, 0}, ph = {CKM_EDDSA, &prehash, sizeof prehash}, ctx = {CKM_EDDSA, &context, sizeof context};
	CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
	CK_BYTE sig[64];
	CK_ULONG n = sizeof sig;
	IS(p11->C_SignInit(s, &ph, pair.priv), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_SignInit(s, &ctx, pair.priv), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_SignInit(s, &ecdsa, pair.priv), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_SignInit(s, &m, pair.priv)); /* the message is kept, and so has a bound; at once it has none */
	OK(p11->C_SignUpdate(s, large, 1 << 20));
	IS(p11->C_SignUpdate(s, large, 1), CKR_DATA_LEN_RANGE);
	IS(p11->C_SignFinal(s, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &m, pair.priv));
	OK(p11->C_Sign(s, large, sizeof large, sig, &n));
	EVP_PKEY_free(pair.libcrypto);
}

/* PKCS#11 5.14, 5.16: one Init, many messages. */
static void test_messages(void)
{
	CK_SESSION_HANDLE s = start();
	struct pair pair = ec_pair(s, &curves[1]);
	CK_MECHANISM m = {CKM_ECDSA_SHA384, NULL, 0}, raw = {CKM_ECDSA, NULL, 0};
	CK_BYTE sig[96];
	CK_ULONG n;
	IS(p11->C_MessageSignInit(s, &raw, pair.priv), CKR_MECHANISM_INVALID);
	OK(p11->C_MessageSignInit(s, &m, pair.priv));
	OK(p11->C_MessageVerifyInit(s, &m, pair.pub));
	for (CK_ULONG len = 0; len < 3; len++) {
		n = sizeof sig;
		OK(p11->C_SignMessage(s, NULL, 0, text, len, sig, &n));
		OK(p11->C_VerifyMessage(s, NULL, 0, text, len, sig, n));
		IS(p11->C_VerifyMessage(s, NULL, 0, text, len + 1, sig, n), CKR_SIGNATURE_INVALID);
		OK(p11->C_SignMessageBegin(s, NULL, 0));
		OK(p11->C_SignMessageNext(s, NULL, 0, text, 500, NULL, NULL));
		n = sizeof sig;
		OK(p11->C_SignMessageNext(s, NULL, 0, text + 500, 500, sig, &n));
		verify_all_ways(s, &m, &pair, text, 1000, sig);
	}
	OK(p11->C_MessageSignFinal(s));
	OK(p11->C_MessageVerifyFinal(s));
	EVP_PKEY_free(pair.libcrypto);
}

static void test_states(void)
{
	CK_SESSION_HANDLE s = start();
	for (int i = 0; i < 2; i++) {
		struct pair pair = i ? edwards_pair(s, &edwards[1]) : ec_pair(s, &curves[2]);
		CK_MECHANISM m = {i ? CKM_EDDSA : CKM_ECDSA_SHA512, NULL, 0};
		CK_BYTE sig[132], state[4096];
		CK_ULONG n = sizeof state, sig_len = sizeof sig;
		OK(p11->C_SignInit(s, &m, pair.priv));
		OK(p11->C_SignUpdate(s, text, 777));
		OK(p11->C_GetOperationState(s, state, &n));
		OK(p11->C_SessionCancel(s, CKF_SIGN));
		OK(p11->C_SetOperationState(s, state, n, 0, pair.priv));
		OK(p11->C_SignUpdate(s, text + 777, 223));
		OK(p11->C_SignFinal(s, sig, &sig_len));
		verify_all_ways(s, &m, &pair, text, 1000, sig);
		EVP_PKEY_free(pair.libcrypto);
	}
	face_stop();
}

static const struct unit_case cases[] = {
	{"CKM_ECDSA signs digests of any length, as libcrypto does", test_raw},
	{"ECDSA hashes with every hash", test_hashed},
	{"ECDSA takes signatures without their leading zeros", test_ecdsa_short},
	{"ECDSA's codes", test_ecdsa_codes},
	{"SM2 keys that are shown as EC keys are no keys of ECDSA", test_sm2_as_ec},
	{"EdDSA is libcrypto's, at once and in parts", test_eddsa},
	{"EdDSA gives the signatures of RFC 8032", test_rfc8032},
	{"EdDSA's codes", test_eddsa_codes},
	{"messages are signed and verified, many after one Init", test_messages},
	{"signatures go on from saved states", test_states},
	{0},
};

UNIT_MAIN("ec", cases)
