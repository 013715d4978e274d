/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: every hash function of PKCS#11 and its HMAC give through the face what
 * libcrypto gives, at once and in parts, and keep to the order and the codes of
 * 5.12, 5.13 and 5.15.
 */
#include "tests/conformance/face.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const struct {
	CK_MECHANISM_TYPE digest, hmac, general;
	const char *name;
	CK_ULONG len;
	bool saveable;
} hashes[] = {
	{CKM_HUFU_SM3, CKM_HUFU_SM3_HMAC, CKM_HUFU_SM3_HMAC_GENERAL, "SM3", 32, true},
	{CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, "SHA1", 20, true},
	{CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_HMAC_GENERAL, "SHA224", 28, true},
	{CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, "SHA256", 32, true},
	{CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, "SHA384", 48, true},
	{CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, "SHA512", 64, true},
	{CKM_SHA512_224, CKM_SHA512_224_HMAC, CKM_SHA512_224_HMAC_GENERAL, "SHA512-224", 28, true},
	{CKM_SHA512_256, CKM_SHA512_256_HMAC, CKM_SHA512_256_HMAC_GENERAL, "SHA512-256", 32, true},
	{CKM_SHA3_224, CKM_SHA3_224_HMAC, CKM_SHA3_224_HMAC_GENERAL, "SHA3-224", 28, false},
	{CKM_SHA3_256, CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, "SHA3-256", 32, false},
	{CKM_SHA3_384, CKM_SHA3_384_HMAC, CKM_SHA3_384_HMAC_GENERAL, "SHA3-384", 48, false},
	{CKM_SHA3_512, CKM_SHA3_512_HMAC, CKM_SHA3_512_HMAC_GENERAL, "SHA3-512", 64, false},
};
#define NHASHES (sizeof hashes / sizeof hashes[0])

/* Around the ends of every hash's block, and beyond what waits for a single call. */
static const CK_ULONG lens[] = {0,   1,   55,  56,  63,  64,  65,  71,   72,   111,  112,
                                127, 128, 129, 136, 143, 144, 145, 1023, 1024, 1025, 5000};
#define NLENS (sizeof lens / sizeof lens[0])
static CK_BYTE text[5000];

static void fill(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 31 + i / 256);
}

/* -- digests --------------------------------------------------------------------------- */

static void digest_in_parts(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ULONG len, CK_ULONG step, const CK_BYTE *want,
                            CK_ULONG want_len)
{
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	OK(p11->C_DigestInit(s, m));
	for (CK_ULONG at = 0; at < len; at += step)
		OK(p11->C_DigestUpdate(s, text + at, len - at < step ? len - at : step));
	OK(p11->C_DigestFinal(s, out, &n));
	CU_ASSERT(n == want_len && memcmp(out, want, n) == 0);
}

static void test_digests(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	fill();
	for (size_t i = 0; i < NHASHES; i++)
		for (size_t j = 0; j < NLENS; j++) {
			CK_MECHANISM m = {hashes[i].digest, NULL, 0};
			CK_BYTE want[64], out[64];
			CK_ULONG n = sizeof out;
			CU_ASSERT_EQUAL(EVP_Digest(text, lens[j], want, NULL, EVP_get_digestbyname(hashes[i].name), NULL), 1);
			OK(p11->C_DigestInit(s, &m));
			OK(p11->C_Digest(s, text, lens[j], out, &n));
			CU_ASSERT(n == hashes[i].len && memcmp(out, want, n) == 0);
			digest_in_parts(s, &m, lens[j], 1 + lens[j] / 3, want, hashes[i].len);
			digest_in_parts(s, &m, lens[j], 128, want, hashes[i].len);
		}
}

static void test_digest_sizes(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	for (size_t i = 0; i < NHASHES; i++) {
		CK_MECHANISM m = {hashes[i].digest, NULL, 0}, given = {hashes[i].digest, text, 1};
		CK_BYTE out[64];
		CK_ULONG n = 0;
		IS(p11->C_DigestInit(s, &given), CKR_MECHANISM_PARAM_INVALID);
		OK(p11->C_DigestInit(s, &m));
		OK(p11->C_Digest(s, text, 1, NULL, &n));
		CU_ASSERT_EQUAL(n, hashes[i].len);
		n--;
		IS(p11->C_Digest(s, text, 1, out, &n), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT_EQUAL(n, hashes[i].len);
		OK(p11->C_Digest(s, text, 1, out, &n));
		IS(p11->C_Digest(s, text, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	}
}

/* libcrypto has no form for the state of SHA-3. */
static void test_digest_states(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	fill();
	for (size_t i = 0; i < NHASHES; i++) {
		CK_MECHANISM m = {hashes[i].digest, NULL, 0};
		CK_BYTE state[1024], want[64], out[64];
		CK_ULONG n = sizeof state, out_len = sizeof out;
		OK(p11->C_DigestInit(s, &m));
		OK(p11->C_DigestUpdate(s, text, 1000));
		IS(p11->C_GetOperationState(s, state, &n), hashes[i].saveable ? CKR_OK : CKR_STATE_UNSAVEABLE);
		OK(p11->C_SessionCancel(s, CKF_DIGEST));
		if (!hashes[i].saveable)
			continue;
		OK(p11->C_SetOperationState(s, state, n, 0, 0));
		OK(p11->C_DigestUpdate(s, text + 1000, 500));
		OK(p11->C_DigestFinal(s, out, &out_len));
		EVP_Digest(text, 1500, want, NULL, EVP_get_digestbyname(hashes[i].name), NULL);
		CU_ASSERT(out_len == hashes[i].len && memcmp(out, want, out_len) == 0);
	}
}

/* -- HMAC ------------------------------------------------------------------------------ */

static void sign_in_parts(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_ULONG len, CK_ULONG step,
                          const CK_BYTE *want, CK_ULONG want_len)
{
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	OK(p11->C_SignInit(s, m, key));
	for (CK_ULONG at = 0; at < len; at += step)
		OK(p11->C_SignUpdate(s, text + at, len - at < step ? len - at : step));
	OK(p11->C_SignFinal(s, out, &n));
	CU_ASSERT(n == want_len && memcmp(out, want, n) == 0);
}

static void check_hmac(CK_SESSION_HANDLE s, size_t i, CK_OBJECT_HANDLE key, const CK_BYTE *key_value, int key_len, CK_ULONG len)
{
	CK_MECHANISM m = {hashes[i].hmac, NULL, 0};
	CK_BYTE want[64], out[64];
	CK_ULONG n = sizeof out;
	CU_ASSERT_PTR_NOT_NULL(HMAC(EVP_get_digestbyname(hashes[i].name), key_value, key_len, text, len, want, NULL));
	OK(p11->C_SignInit(s, &m, key));
	OK(p11->C_Sign(s, text, len, out, &n));
	CU_ASSERT(n == hashes[i].len && memcmp(out, want, n) == 0);
	sign_in_parts(s, &m, key, len, 1 + len / 3, want, n);
	sign_in_parts(s, &m, key, len, 1500, want, n);
	OK(p11->C_VerifyInit(s, &m, key));
	OK(p11->C_VerifyUpdate(s, text, len));
	OK(p11->C_VerifyFinal(s, want, n));
	want[0] ^= 1;
	OK(p11->C_VerifyInit(s, &m, key));
	IS(p11->C_Verify(s, text, len, want, n), CKR_SIGNATURE_INVALID);
	OK(p11->C_VerifyInit(s, &m, key));
	IS(p11->C_Verify(s, text, len, want, n - 1), CKR_SIGNATURE_LEN_RANGE);
	IS(p11->C_Verify(s, text, len, want, n), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_hmacs(void)
{
	static const int key_lens[] = {1, 20, 64, 145, 200};
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE value[200];
	memset(value, 0xa7, sizeof value);
	fill();
	for (size_t k = 0; k < sizeof key_lens / sizeof key_lens[0]; k++) {
		CK_OBJECT_HANDLE key = face_secret(s, CKK_GENERIC_SECRET, value, (CK_ULONG)key_lens[k]);
		for (size_t i = 0; i < NHASHES; i++)
			for (size_t j = 0; j < NLENS; j += 3)
				check_hmac(s, i, key, value, key_lens[k], lens[j]);
	}
}

static void test_general(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_GENERIC_SECRET, (const CK_BYTE *)"Jefe", 4);
	for (size_t i = 0; i < NHASHES; i++) {
		CK_BYTE want[64], out[64];
		CK_MAC_GENERAL_PARAMS len = 0;
		CK_MECHANISM m = {hashes[i].general, &len, sizeof len};
		HMAC(EVP_get_digestbyname(hashes[i].name), "Jefe", 4, text, 100, want, NULL);
		for (len = 1; len <= hashes[i].len; len += 9) {
			CK_ULONG n = sizeof out;
			OK(p11->C_SignInit(s, &m, key));
			OK(p11->C_Sign(s, text, 100, out, &n));
			CU_ASSERT(n == len && memcmp(out, want, n) == 0);
			OK(p11->C_VerifyInit(s, &m, key));
			OK(p11->C_Verify(s, text, 100, want, len));
		}
		len = hashes[i].len + 1;
		IS(p11->C_SignInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
	}
}

/* A device that takes no parts is given all at the end: of a bounded length in parts, of any at once. */
static void test_kept(void)
{
	static CK_BYTE large[(2 << 20) + 1];
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_GENERIC_SECRET, (const CK_BYTE *)"Jefe", 4);
	CK_MECHANISM m = {CKM_SHA3_256_HMAC, NULL, 0};
	CK_BYTE want[64], out[64];
	CK_ULONG n = sizeof out, most = 1 << 20;
	HMAC(EVP_sha3_256(), "Jefe", 4, large, most, want, NULL);
	OK(p11->C_SignInit(s, &m, key));
	OK(p11->C_SignUpdate(s, large, most - 1));
	OK(p11->C_SignUpdate(s, large, 1));
	OK(p11->C_SignFinal(s, out, &n));
	CU_ASSERT(n == 32 && memcmp(out, want, n) == 0);
	OK(p11->C_SignInit(s, &m, key));
	OK(p11->C_SignUpdate(s, large, most));
	IS(p11->C_SignUpdate(s, large, 1), CKR_DATA_LEN_RANGE);
	IS(p11->C_SignUpdate(s, large, 1), CKR_OPERATION_NOT_INITIALIZED);
	if (face_machines())
		return; /* a request has its bounds */
	HMAC(EVP_sha3_256(), "Jefe", 4, large, sizeof large, want, NULL);
	OK(p11->C_SignInit(s, &m, key));
	OK(p11->C_Sign(s, large, sizeof large, out, &n));
	CU_ASSERT(n == 32 && memcmp(out, want, n) == 0);
}

static void test_hmac_keys(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE sm4 = face_secret(s, CKK_HUFU_SM4, text, 16), sm3 = face_secret(s, CKK_HUFU_SM3_HMAC, text, 16);
	CK_MECHANISM sha256 = {CKM_SHA256_HMAC, NULL, 0}, hmac_sm3 = {CKM_HUFU_SM3_HMAC, NULL, 0};
	IS(p11->C_SignInit(s, &sha256, sm4), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &sha256, sm3), CKR_KEY_TYPE_INCONSISTENT);
	OK(p11->C_SignInit(s, &hmac_sm3, sm3));
	face_stop();
}

static const struct unit_case cases[] = {
	{"every digest is libcrypto's, whole and in parts", test_digests},
	{"digests have sizes, and one end", test_digest_sizes},
	{"digests but SHA-3 go on from a saved state", test_digest_states},
	{"every HMAC is libcrypto's, whole and in parts, with keys of any length", test_hmacs},
	{"HMACs of general length are cut to it", test_general},
	{"what a device takes only whole is kept, up to a bound", test_kept},
	{"HMAC takes keys of its own hash, and generic ones", test_hmac_keys},
	{0},
};

UNIT_MAIN("hash", cases)
