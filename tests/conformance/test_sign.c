/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: SM2 signatures and encryption, SM3, HMAC-SM3 and EIA3 through the face
 * give the published values, agree with libcrypto, and follow the order and the
 * codes of PKCS#11 5.12, 5.13 and 5.15.
 */
#include "tests/conformance/face.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

static CK_BYTE zero[64];
static CK_MECHANISM sm3 = {CKM_HUFU_SM3, NULL, 0}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0};
static CK_MECHANISM sm2 = {CKM_HUFU_SM2, NULL, 0}, sm2_sm3 = {CKM_HUFU_SM2_SM3, NULL, 0};

static void same_hex(const CK_BYTE *got, CK_ULONG n, const char *hex)
{
	CK_BYTE want[512];
	size_t len = unit_hex(hex, want);
	CU_ASSERT_EQUAL(n, len);
	if (n == len)
		CU_ASSERT_EQUAL(memcmp(got, want, n), 0);
}

/* -- SM3 ------------------------------------------------------------------------------- */

/* GB/T 32905 A.1 and A.2. */
static void test_sm3(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	CK_BYTE out[32], text[64];
	CK_ULONG n = sizeof out;
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_Digest(s, (CK_BYTE_PTR)"abc", 3, out, &n));
	same_hex(out, n, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	for (int i = 0; i < 16; i++)
		memcpy(text + 4 * i, "abcd", 4);
	for (CK_ULONG step = 1; step <= 64; step += 21) {
		OK(p11->C_DigestInit(s, &sm3));
		for (CK_ULONG at = 0; at < 64; at += step)
			OK(p11->C_DigestUpdate(s, text + at, 64 - at < step ? 64 - at : step));
		n = sizeof out;
		OK(p11->C_DigestFinal(s, out, &n));
		same_hex(out, n, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
	}
}

static void test_digest_order(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	CK_BYTE out[32];
	CK_ULONG n = sizeof out;
	CK_MECHANISM with_parameter = {CKM_HUFU_SM3, zero, 16}, not_digest = {CKM_HUFU_SM4_CBC, zero, 16};
	IS(p11->C_DigestInit(s, &with_parameter), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_DigestInit(s, &not_digest), CKR_MECHANISM_INVALID);
	IS(p11->C_Digest(s, zero, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DigestUpdate(s, zero, 1), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DigestKey(s, 1), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DigestFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DigestInit(s, &sm3));
	IS(p11->C_DigestInit(s, &sm3), CKR_OPERATION_ACTIVE);
	OK(p11->C_Digest(s, zero, 1, NULL, &n));
	CU_ASSERT_EQUAL(n, 32);
	n = 31;
	IS(p11->C_Digest(s, zero, 1, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 32);
	OK(p11->C_DigestUpdate(s, zero, 1));
	IS(p11->C_Digest(s, zero, 1, out, &n), CKR_OPERATION_ACTIVE);
	OK(p11->C_SessionCancel(s, CKF_DIGEST));
	OK(p11->C_DigestInit(s, &sm3));
	n = sizeof out;
	OK(p11->C_DigestFinal(s, out, &n));
	same_hex(out, n, "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"); /* of nothing: libcrypto */
}

static void test_digest_key(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE key[16] = "sixteen bytes...", out[32], want[32];
	CK_ULONG n = sizeof out, m = sizeof want;
	CK_OBJECT_HANDLE h = face_secret(s, CKK_GENERIC_SECRET, key, 16);
	OK(p11->C_DigestInit(s, &sm3));
	IS(p11->C_DigestKey(s, 0), CKR_KEY_HANDLE_INVALID);
	OK(p11->C_SessionCancel(s, CKF_DIGEST));
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_DigestKey(s, h));
	OK(p11->C_DigestFinal(s, out, &n));
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_Digest(s, key, 16, want, &m));
	CU_ASSERT_EQUAL(memcmp(out, want, 32), 0);
}

/* -- MACs -------------------------------------------------------------------------------- */

/* HMAC: GM/T 0042 D.3; EIA3: GM/T 0001.3 test sets 1 to 3. */
static const struct {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key_type;
	const char *key, *text, *mac;
	CK_HUFU_ZUC_PARAMS zuc;
} macs[] = {
	{CKM_HUFU_SM3_HMAC, CKK_HUFU_SM3_HMAC, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
	 "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071"
	 "6162636462636465636465666465666765666768666768696768696a68696a6b696a6b6c6a6b6c6d6b6c6d6e6c6d6e6f6d6e6f706e6f7071",
	        "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a", {0}},
	{CKM_HUFU_SM3_HMAC, CKK_HUFU_SM3_HMAC, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
	 "4869205468657265",
	 "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e", {0}},
	{CKM_HUFU_SM3_HMAC, CKK_GENERIC_SECRET, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	 "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882", {0}},
	{CKM_HUFU_ZUC_EIA3, CKK_HUFU_ZUC, "47054125561eb2dda94059da05097850", "000000000000000000000000", "6719a088",
	 {0x561eb2dd, 0x14, 0, 90}},
	{CKM_HUFU_ZUC_EIA3, CKK_HUFU_ZUC, "00000000000000000000000000000000", "00", "c8a9595e", {0, 0, 0, 1}},
	{CKM_HUFU_ZUC_EIA3, CKK_HUFU_ZUC, "c9e6cec4607c72db000aefa88385ab0a",
	 "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea07e941b7be91348f9fcb170e2217fecd9"
	 "7f9f68adb16e5d7d21e569d280ed775c"
	 "ebde3f4093c5388100", "fae8ff0b", {0xa94059da, 0xa, 1, 577}},
};

static void test_macs(void)
{
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
		CK_BYTE key[64], text[128], mac[32], out[32];
		CK_ULONG n = sizeof out;
		CK_HUFU_ZUC_PARAMS zuc = macs[i].zuc;
		bool eia3 = macs[i].type == CKM_HUFU_ZUC_EIA3;
		CK_MECHANISM m = {macs[i].type, eia3 ? &zuc : NULL, eia3 ? sizeof zuc : 0};
		CK_OBJECT_HANDLE h = face_secret(s, macs[i].key_type, key, unit_hex(macs[i].key, key));
		CK_ULONG len = unit_hex(macs[i].text, text), mac_len = unit_hex(macs[i].mac, mac);
		OK(p11->C_SignInit(s, &m, h));
		OK(p11->C_Sign(s, text, len, NULL, &n));
		CU_ASSERT_EQUAL(n, mac_len);
		n--;
		IS(p11->C_Sign(s, text, len, out, &n), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT_EQUAL(n, mac_len);
		OK(p11->C_Sign(s, text, len, out, &n));
		same_hex(out, n, macs[i].mac);
		for (CK_ULONG step = 1; step < 40; step += 7) {
			OK(p11->C_SignInit(s, &m, h));
			for (CK_ULONG at = 0; at < len; at += step)
				OK(p11->C_SignUpdate(s, text + at, len - at < step ? len - at : step));
			n = sizeof out;
			OK(p11->C_SignFinal(s, out, &n));
			same_hex(out, n, macs[i].mac);
		}
		OK(p11->C_VerifyInit(s, &m, h));
		OK(p11->C_Verify(s, text, len, mac, mac_len));
		OK(p11->C_VerifyInit(s, &m, h));
		OK(p11->C_VerifyUpdate(s, text, len));
		OK(p11->C_VerifyFinal(s, mac, mac_len));
		mac[mac_len - 1] ^= 1;
		OK(p11->C_VerifyInit(s, &m, h));
		IS(p11->C_Verify(s, text, len, mac, mac_len), CKR_SIGNATURE_INVALID);
		OK(p11->C_VerifyInit(s, &m, h));
		IS(p11->C_Verify(s, text, len, mac, mac_len - 1), CKR_SIGNATURE_LEN_RANGE);
		IS(p11->C_Verify(s, text, len, mac, mac_len), CKR_OPERATION_NOT_INITIALIZED);
	}
}

static void test_hmac_general(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE h = face_secret(s, CKK_HUFU_SM3_HMAC, (const CK_BYTE *)"Jefe", 4);
	CK_BYTE out[32];
	CK_MAC_GENERAL_PARAMS len = 0;
	CK_MECHANISM general = {CKM_HUFU_SM3_HMAC_GENERAL, &len, sizeof len};
	CK_BYTE_PTR text = (CK_BYTE_PTR)"what do ya want for nothing?";
	static const char whole[] = "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882";
	for (len = 1; len <= 32; len++) {
		CK_ULONG n = sizeof out;
		char cut[65];
		snprintf(cut, sizeof cut, "%.*s", (int)(2 * len), whole);
		OK(p11->C_SignInit(s, &general, h));
		OK(p11->C_Sign(s, text, 28, out, &n));
		same_hex(out, n, cut);
		OK(p11->C_VerifyInit(s, &general, h));
		OK(p11->C_Verify(s, text, 28, out, len));
	}
	CK_MAC_GENERAL_PARAMS bad[] = {0, 33, ~0UL};
	for (int i = 0; i < 3; i++) {
		len = bad[i];
		IS(p11->C_SignInit(s, &general, h), CKR_MECHANISM_PARAM_INVALID);
	}
	general = (CK_MECHANISM){CKM_HUFU_SM3_HMAC_GENERAL, NULL, 0};
	IS(p11->C_SignInit(s, &general, h), CKR_MECHANISM_PARAM_INVALID);
}

/* -- SM2 signatures ------------------------------------------------------------------------- */

/* GB/T 32918.5 A.2, with its e. */
static const char standard_e[] = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640";
static const char standard_signature[] = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
                                         "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
static const char standard_der[] = "3046022100F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
                                   "022100B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
static CK_BYTE_PTR message = (CK_BYTE_PTR)"message digest";

static void test_standard_signature(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		bool digest;
		const char *signature;
	} rows[] = {
		{CKM_HUFU_SM2, true, standard_signature}, {CKM_HUFU_SM2_DER, true, standard_der},
		{CKM_HUFU_SM2_SM3, false, standard_signature}, {CKM_HUFU_SM2_SM3_DER, false, standard_der},
	};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE e[32], signature[80];
	unit_hex(standard_e, e);
	face_standard_pair(s, &pub, &priv);
	for (int i = 0; i < 4; i++) {
		CK_MECHANISM m = {rows[i].type, NULL, 0};
		CK_BYTE_PTR data = rows[i].digest ? e : message;
		CK_ULONG len = rows[i].digest ? 32 : 14, n = unit_hex(rows[i].signature, signature);
		OK(p11->C_VerifyInit(s, &m, pub));
		OK(p11->C_Verify(s, data, len, signature, n));
		OK(p11->C_VerifySignatureInit(s, &m, pub, signature, n));
		OK(p11->C_VerifySignature(s, data, len));
		signature[n - 1] ^= 1;
		OK(p11->C_VerifyInit(s, &m, pub));
		IS(p11->C_Verify(s, data, len, signature, n), CKR_SIGNATURE_INVALID);
		OK(p11->C_VerifySignatureInit(s, &m, pub, signature, n));
		IS(p11->C_VerifySignature(s, data, len), CKR_SIGNATURE_INVALID);
	}
	CK_ULONG n = unit_hex(standard_signature, signature);
	OK(p11->C_VerifyInit(s, &sm2_sm3, pub));
	OK(p11->C_VerifyUpdate(s, message, 7));
	OK(p11->C_VerifyUpdate(s, message + 7, 7));
	OK(p11->C_VerifyFinal(s, signature, n));
	OK(p11->C_VerifySignatureInit(s, &sm2_sm3, pub, signature, n));
	OK(p11->C_VerifySignatureUpdate(s, message, 14));
	OK(p11->C_VerifySignatureFinal(s));
}

/* The public key of the standard's pair as libcrypto has it, or of the point given. */
static EVP_PKEY *libcrypto_key(const CK_BYTE point[65])
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "SM2", 0);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	CU_ASSERT_FATAL(EVP_PKEY_fromdata_init(ctx) == 1 && EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

static bool libcrypto_verifies(const CK_BYTE point[65], const char *id, const CK_BYTE *data, size_t len, const CK_BYTE *der,
                               size_t der_len)
{
	EVP_PKEY *key = libcrypto_key(point);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	bool ok = EVP_PKEY_CTX_set1_id(ctx, id, (int)strlen(id)) == 1 && EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL,
	                                                                                      key) == 1 &&
	          EVP_DigestVerify(md, der, der_len, data, len) == 1;
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok;
}

static void point_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pub, CK_BYTE point[65])
{
	CK_BYTE der[67];
	CK_ATTRIBUTE templ[] = {ATTR(CKA_EC_POINT, der)};
	NEED(p11->C_GetAttributeValue(s, pub, templ, 1));
	CU_ASSERT_FATAL(templ[0].ulValueLen == 67 && der[0] == 0x04 && der[1] == 0x41);
	memcpy(point, der + 2, 65);
}

static void test_signatures_elsewhere(void)
{
	static const char *const ids[] = {NULL, "1234567812345678", "ALICE123@YAHOO.COM", "TLSv1.3+GM+Cipher+Suite"};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE point[65], text[300], signature[80];
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	point_of(s, pub, point);
	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)i;
	for (int i = 0; i < 4; i++)
		for (CK_ULONG len = 0; len <= 300; len += 75) {
			CK_HUFU_SM2_SM3_PARAMS id = {(CK_BYTE_PTR)(uintptr_t)ids[i], ids[i] ? strlen(ids[i]) : 0};
			CK_MECHANISM m = {CKM_HUFU_SM2_SM3_DER, ids[i] ? &id : NULL, ids[i] ? sizeof id : 0};
			CK_ULONG n = sizeof signature;
			OK(p11->C_SignInit(s, &m, priv));
			OK(p11->C_SignUpdate(s, text, len / 3));
			OK(p11->C_SignUpdate(s, text + len / 3, len - len / 3));
			OK(p11->C_SignFinal(s, signature, &n));
			CU_ASSERT(libcrypto_verifies(point, ids[i] ? ids[i] : ids[1], text, len, signature, n));
			OK(p11->C_VerifyInit(s, &m, pub));
			OK(p11->C_Verify(s, text, len, signature, n));
		}
}

/* Z, and so the signature, depends on the identifier. */
static void test_identifiers(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE signature[64];
	CK_ULONG n = sizeof signature;
	CK_HUFU_SM2_SM3_PARAMS empty = {NULL, 0}, given = {(CK_BYTE_PTR)"1234567812345678", 16},
	bad[] = {{NULL, 5}, {zero, 8192}, {zero, ~0UL}};
	CK_MECHANISM with_empty = {CKM_HUFU_SM2_SM3, &empty, sizeof empty}, with_default = {CKM_HUFU_SM2_SM3, &given,
		sizeof given};
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	OK(p11->C_SignInit(s, &sm2_sm3, priv));
	OK(p11->C_Sign(s, message, 14, signature, &n));
	OK(p11->C_VerifyInit(s, &with_default, pub));
	OK(p11->C_Verify(s, message, 14, signature, 64));
	OK(p11->C_VerifyInit(s, &with_empty, pub));
	IS(p11->C_Verify(s, message, 14, signature, 64), CKR_SIGNATURE_INVALID);
	OK(p11->C_SignInit(s, &with_empty, priv));
	OK(p11->C_Sign(s, message, 14, signature, &n));
	OK(p11->C_VerifyInit(s, &with_empty, pub));
	OK(p11->C_Verify(s, message, 14, signature, 64));
	for (int i = 0; i < 3; i++) {
		CK_MECHANISM m = {CKM_HUFU_SM2_SM3, &bad[i], sizeof bad[i]};
		IS(p11->C_SignInit(s, &m, priv), CKR_MECHANISM_PARAM_INVALID);
	}
	CK_MECHANISM odd = {CKM_HUFU_SM2_SM3, &given, sizeof given - 1}, on_digest = {CKM_HUFU_SM2, &given, sizeof given};
	IS(p11->C_SignInit(s, &odd, priv), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_SignInit(s, &on_digest, priv), CKR_MECHANISM_PARAM_INVALID);
}

static void test_sign_order(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE out[80];
	CK_ULONG n = sizeof out;
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	IS(p11->C_Sign(s, zero, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_SignUpdate(s, zero, 32), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_SignFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_Verify(s, zero, 32, out, 64), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifyUpdate(s, zero, 32), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifyFinal(s, out, 64), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifySignature(s, zero, 32), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifySignatureUpdate(s, zero, 32), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifySignatureFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_SignInit(s, &sm2_sm3, priv));
	IS(p11->C_SignInit(s, &sm2_sm3, priv), CKR_OPERATION_ACTIVE);
	OK(p11->C_Sign(s, zero, 5, NULL, &n));
	CU_ASSERT_EQUAL(n, 64);
	n = 63;
	IS(p11->C_Sign(s, zero, 5, out, &n), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(n, 64);
	OK(p11->C_SignUpdate(s, zero, 5));
	IS(p11->C_Sign(s, zero, 5, out, &n), CKR_OPERATION_ACTIVE);
	OK(p11->C_SessionCancel(s, CKF_SIGN));
	OK(p11->C_SignInit(s, &sm2, priv));
	n = sizeof out;
	IS(p11->C_Sign(s, zero, 31, out, &n), CKR_DATA_LEN_RANGE);
	OK(p11->C_SignInit(s, &sm2, priv));
	n = sizeof out;
	OK(p11->C_Sign(s, zero, 32, out, &n));
	CU_ASSERT_EQUAL(n, 64);
	OK(p11->C_VerifyInit(s, &sm2, pub));
	OK(p11->C_Verify(s, zero, 32, out, 64));
	OK(p11->C_VerifyInit(s, &sm2, pub));
	IS(p11->C_Verify(s, zero, 32, out, 63), CKR_SIGNATURE_LEN_RANGE);
	OK(p11->C_VerifyInit(s, &sm2, pub));
	IS(p11->C_Verify(s, zero, 32, NULL, 64), CKR_ARGUMENTS_BAD);
	IS(p11->C_Verify(s, zero, 32, out, 64), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_sign_init_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv, secret = face_secret(s, CKK_HUFU_SM4, zero, 16);
	CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0}, cbc = {CKM_HUFU_SM4_CBC, zero, 16};
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	IS(p11->C_SignInit(s, &sm2, 0), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_VerifyInit(s, &sm2, 0), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_SignInit(s, &sm2, secret), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &hmac, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &cbc, secret), CKR_MECHANISM_INVALID);
	IS(p11->C_SignInit(s, &sm3, priv), CKR_MECHANISM_INVALID);
	CK_RV rv = p11->C_SignInit(s, &ecdsa, priv);
	CU_ASSERT(rv == CKR_MECHANISM_INVALID || rv == CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_SignInit(s, &sm2, pub), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_VerifyInit(s, &sm2, priv), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_VerifySignatureInit(s, &sm2, pub, NULL, 64), CKR_ARGUMENTS_BAD);
}

/* No mechanism of ours encapsulates or wraps with associated data. */
static void test_unsupported(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	CK_OBJECT_HANDLE key;
	IS(p11->C_SignRecoverInit(s, &sm2, 1), CKR_MECHANISM_INVALID);
	IS(p11->C_SignRecover(s, zero, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_VerifyRecoverInit(s, &sm2, 1), CKR_MECHANISM_INVALID);
	IS(p11->C_VerifyRecover(s, zero, 32, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncapsulateKey(s, &sm2, 1, NULL, 0, out, &n, &key), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_DecapsulateKey(s, &sm2, 1, NULL, 0, out, n, &key), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_WrapKeyAuthenticated(s, &sm2, 1, 1, NULL, 0, out, &n), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_UnwrapKeyAuthenticated(s, &sm2, 1, out, n, NULL, 0, NULL, 0, &key), CKR_FUNCTION_NOT_SUPPORTED);
	IS(p11->C_SignRecover(0, zero, 32, out, &n), CKR_SESSION_HANDLE_INVALID);
	IS(p11->C_EncapsulateKey(s, NULL, 1, NULL, 0, out, &n, &key), CKR_ARGUMENTS_BAD);
}

/* -- SM2 encryption ---------------------------------------------------------------------------- */

/* GB/T 32918.5 C.2 as the standard orders it, in the draft's order and as GM/T 0009 has it. */
#define C1X "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
#define C1Y "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
#define C3 "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
#define C2 "21886CA989CA9C7D58087307CA93092D651EFA"

static const struct {
	CK_MECHANISM_TYPE type;
	const char *cipher;
} orders[] = {
	{CKM_HUFU_SM2_C1C3C2, "04" C1X C1Y C3 C2},
	{CKM_HUFU_SM2_C1C2C3, "04" C1X C1Y C2 C3},
	{CKM_HUFU_SM2_ENC_DER, "307C0220" C1X "022100" C1Y "0420" C3 "0413" C2},
};

static void test_standard_decryption(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	face_standard_pair(s, &pub, &priv);
	for (int i = 0; i < 3; i++) {
		CK_MECHANISM m = {orders[i].type, NULL, 0};
		CK_BYTE cipher[256], out[64];
		CK_ULONG n, len = unit_hex(orders[i].cipher, cipher);
		OK(p11->C_DecryptInit(s, &m, priv));
		OK(p11->C_Decrypt(s, cipher, len, NULL, &n));
		CU_ASSERT(n >= 19);
		n = 18;
		IS(p11->C_Decrypt(s, cipher, len, out, &n), CKR_BUFFER_TOO_SMALL);
		n = sizeof out;
		OK(p11->C_Decrypt(s, cipher, len, out, &n));
		CU_ASSERT_EQUAL(n, 19);
		CU_ASSERT_EQUAL(memcmp(out, "encryption standard", 19), 0);
		for (CK_ULONG at = 0; at < len; at += 11) { /* whatever is wrong, one code tells nothing apart */
			cipher[at] ^= 0x40;
			n = sizeof out;
			OK(p11->C_DecryptInit(s, &m, priv));
			CK_RV rv = p11->C_Decrypt(s, cipher, len, out, &n);
			CU_ASSERT(rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE);
			cipher[at] ^= 0x40;
		}
		n = sizeof out;
		OK(p11->C_DecryptInit(s, &m, priv));
		IS(p11->C_Decrypt(s, cipher, 10, out, &n), orders[i].type == CKM_HUFU_SM2_ENC_DER ? CKR_ENCRYPTED_DATA_INVALID
		                                                                                : CKR_ENCRYPTED_DATA_LEN_RANGE);
	}
}

static void test_encryption_round(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE pub, priv;
	CK_BYTE text[200], cipher[400], out[400];
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	memset(text, 0x5a, sizeof text);
	for (int i = 0; i < 3; i++)
		for (CK_ULONG len = 1; len <= 200; len += 33) {
			CK_MECHANISM m = {orders[i].type, NULL, 0};
			CK_ULONG n, m_len = sizeof out;
			OK(p11->C_EncryptInit(s, &m, pub));
			OK(p11->C_Encrypt(s, text, len, NULL, &n));
			CU_ASSERT_FATAL(n <= sizeof cipher);
			n = sizeof cipher;
			OK(p11->C_Encrypt(s, text, len, cipher, &n));
			if (orders[i].type != CKM_HUFU_SM2_ENC_DER)
				CU_ASSERT_EQUAL(n, len + 97);
			OK(p11->C_DecryptInit(s, &m, priv));
			OK(p11->C_Decrypt(s, cipher, n, out, &m_len));
			CU_ASSERT(m_len == len && memcmp(out, text, len) == 0);
		}
	CK_MECHANISM m = {CKM_HUFU_SM2_C1C3C2, NULL, 0};
	CK_ULONG n = sizeof out;
	OK(p11->C_EncryptInit(s, &m, pub));
	IS(p11->C_Encrypt(s, text, 0, cipher, &n), CKR_DATA_LEN_RANGE);
	face_stop();
}

static const struct unit_case cases[] = {
	{"SM3 gives the digests of GB/T 32905, whole and in parts", test_sm3},
	{"digests have an order, sizes and codes", test_digest_order},
	{"C_DigestKey digests the value of a key that may be read", test_digest_key},
	{"HMAC-SM3 and EIA3 give the standards' MACs and refuse others", test_macs},
	{"HMAC-SM3 of general length cuts to 1 to 32 bytes", test_hmac_general},
	{"the signature of GB/T 32918.5 verifies in all four mechanisms", test_standard_signature},
	{"libcrypto verifies what was signed here, with every identifier", test_signatures_elsewhere},
	{"the identifier enters the signature; the empty one is not the default", test_identifiers},
	{"signing has an order, sizes and codes", test_sign_order},
	{"signing refuses mechanism, key, type and use with their own codes", test_sign_init_codes},
	{"what no mechanism does is not supported, after session and arguments", test_unsupported},
	{"the ciphertext of GB/T 32918.5 decrypts in all three orders, a changed one in none", test_standard_decryption},
	{"SM2 encryption and decryption are inverse", test_encryption_round},
	{0},
};

UNIT_MAIN("sign", cases)
