/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: AES in every mode, CMAC, key wrap and what is left of triple DES give
 * through the face what libcrypto gives, whole, in parts and in messages, and
 * end as PKCS#11 5.2 says.
 */
#include "tests/conformance/face.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#define ROOM 6000

static CK_BYTE text[ROOM], iv[16] = "an IV of 16 byte";
static const CK_BYTE key_value[32] = "a key of thirty-two bytes, or 16";
static const int key_lens[] = {16, 24, 32};

static void fill(void)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 17 + i / 251);
}

/* -- libcrypto's answer ------------------------------------------------------------------ */

static int libcrypto(const char *name, bool padded, const CK_BYTE *key, const CK_BYTE *first, const CK_BYTE *in, int len,
                     CK_BYTE *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	int n = 0, more = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(cipher);
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	CU_ASSERT_EQUAL(EVP_CipherInit_ex2(ctx, cipher, key, first, 1, NULL), 1);
	EVP_CIPHER_CTX_set_padding(ctx, padded);
	CU_ASSERT_EQUAL(EVP_CipherUpdate(ctx, out, &n, in, len), 1);
	CU_ASSERT_EQUAL(EVP_CipherFinal_ex(ctx, out + n, &more), 1);
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(ctx);
	return n + more;
}

static int libcrypto_aead(const char *name, const CK_BYTE *key, int iv_len, const CK_BYTE *aad, int aad_len, int len, int tag_len,
                          CK_BYTE *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	int n;
	bool ccm = strstr(name, "CCM") != NULL;
	CU_ASSERT_EQUAL(EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, iv_len, NULL), 1);
	if (ccm)
		CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, tag_len, NULL), 1);
	CU_ASSERT_EQUAL(EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL), 1);
	if (ccm)
		CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, NULL, &n, NULL, len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptUpdate(ctx, out, &n, text, len), 1);
	CU_ASSERT_EQUAL(EVP_EncryptFinal_ex(ctx, out + len, &n), 1);
	CU_ASSERT_EQUAL(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, tag_len, out + len), 1);
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(ctx);
	return len + tag_len;
}

/* -- through the face ---------------------------------------------------------------------- */

static void same(const CK_BYTE *got, CK_ULONG n, const CK_BYTE *want, CK_ULONG want_len)
{
	CU_ASSERT_EQUAL(n, want_len);
	if (n == want_len)
		CU_ASSERT_EQUAL(memcmp(got, want, n), 0);
}

static CK_RV init(CK_SESSION_HANDLE s, bool encrypts, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	return encrypts ? p11->C_EncryptInit(s, m, key) : p11->C_DecryptInit(s, m, key);
}

static CK_RV once(CK_SESSION_HANDLE s, bool encrypts, CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *n)
{
	return encrypts ? p11->C_Encrypt(s, in, len, out, n) : p11->C_Decrypt(s, in, len, out, n);
}

static CK_RV update(CK_SESSION_HANDLE s, bool encrypts, CK_BYTE *in, CK_ULONG len, CK_BYTE *out, CK_ULONG *n)
{
	return encrypts ? p11->C_EncryptUpdate(s, in, len, out, n) : p11->C_DecryptUpdate(s, in, len, out, n);
}

static CK_RV final(CK_SESSION_HANDLE s, bool encrypts, CK_BYTE *out, CK_ULONG *n)
{
	return encrypts ? p11->C_EncryptFinal(s, out, n) : p11->C_DecryptFinal(s, out, n);
}

static void check_parts(CK_SESSION_HANDLE s, bool encrypts, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG len,
                        const CK_BYTE *want, CK_ULONG want_len, CK_ULONG step)
{
	CK_BYTE out[ROOM + 32];
	CK_ULONG done = 0, n;
	OK(init(s, encrypts, m, key));
	for (CK_ULONG at = 0; at < len; at += step) {
		n = sizeof out - done;
		if (!OK(update(s, encrypts, in + at, len - at < step ? len - at : step, out + done, &n)))
			return;
		done += n;
	}
	n = sizeof out - done;
	OK(final(s, encrypts, out + done, &n));
	same(out, done + n, want, want_len);
}

/* Whole, a byte too small, in place, in parts of several sizes. */
static void check(CK_SESSION_HANDLE s, bool encrypts, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_BYTE *in, CK_ULONG len,
                  const CK_BYTE *want, CK_ULONG want_len)
{
	static const CK_ULONG steps[] = {1, 7, 8, 16, 33, 1024, 2500};
	CK_BYTE out[ROOM + 32];
	CK_ULONG n = 0;
	OK(init(s, encrypts, m, key));
	OK(once(s, encrypts, in, len, NULL, &n));
	CU_ASSERT(n >= want_len);
	if (want_len) {
		n = want_len - 1;
		IS(once(s, encrypts, in, len, out, &n), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(n >= want_len);
	}
	n = sizeof out;
	OK(once(s, encrypts, in, len, out, &n));
	same(out, n, want, want_len);
	IS(once(s, encrypts, in, len, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	memcpy(out, in, len);
	n = sizeof out;
	OK(init(s, encrypts, m, key));
	OK(once(s, encrypts, out, len, out, &n));
	same(out, n, want, want_len);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
		if (len / steps[i] < 300)
			check_parts(s, encrypts, m, key, in, len, want, want_len, steps[i]);
}

/* -- modes ----------------------------------------------------------------------------------- */

static const struct mode {
	CK_MECHANISM_TYPE type;
	const char *name;
	bool whole_blocks, padded;
} modes[] = {
	{CKM_AES_ECB, "ECB", true, false}, {CKM_AES_CBC, "CBC", true, false}, {CKM_AES_CBC_PAD, "CBC", false, true},
	{CKM_AES_CTR, "CTR", false, false},
};
static const CK_ULONG lens[] = {0, 1, 15, 16, 17, 32, 1008, 1024, 1040, 4097, 5008};

static void check_mode(CK_SESSION_HANDLE s, const struct mode *mode, int key_len, CK_OBJECT_HANDLE key, CK_ULONG len)
{
	CK_BYTE cipher[ROOM];
	char name[24];
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 128};
	CK_MECHANISM m = {mode->type, iv, sizeof iv};
	memcpy(ctr.cb, iv, sizeof iv);
	if (mode->type == CKM_AES_CTR)
		m = (CK_MECHANISM){mode->type, &ctr, sizeof ctr};
	else if (mode->type == CKM_AES_ECB)
		m = (CK_MECHANISM){mode->type, NULL, 0};
	snprintf(name, sizeof name, "AES-%d-%s", 8 * key_len, mode->name);
	CK_ULONG n = (CK_ULONG)libcrypto(name, mode->padded, key_value, mode->type == CKM_AES_ECB ? NULL : iv, text, (int)len, cipher);
	check(s, true, &m, key, text, len, cipher, n);
	check(s, false, &m, key, cipher, n, text, len);
}

static void test_modes(void)
{
	CK_SESSION_HANDLE s = face_user();
	fill();
	for (int k = 0; k < 3; k++) {
		CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, (CK_ULONG)key_lens[k]);
		for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
			for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++)
				if (!modes[i].whole_blocks || lens[j] % 16 == 0)
					check_mode(s, &modes[i], key_lens[k], key, lens[j]);
	}
}

static void test_mode_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 16), sm4 = face_secret(s, CKK_HUFU_SM4, key_value, 16);
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, pad = {CKM_AES_CBC_PAD, iv, 16}, short_iv = {CKM_AES_CBC, iv, 8};
	CK_AES_CTR_PARAMS few = {.ulCounterBits = 1, .cb = {0}};
	CK_MECHANISM ctr = {CKM_AES_CTR, &few, sizeof few};
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	IS(p11->C_EncryptInit(s, &cbc, sm4), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_EncryptInit(s, &short_iv, key), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_EncryptInit(s, &cbc, key));
	IS(p11->C_Encrypt(s, text, 15, out, &n), CKR_DATA_LEN_RANGE);
	IS(p11->C_Encrypt(s, text, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DecryptInit(s, &pad, key));
	IS(p11->C_Decrypt(s, text, 15, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	OK(p11->C_DecryptInit(s, &pad, key));
	IS(p11->C_Decrypt(s, text, 16, out, &n), CKR_ENCRYPTED_DATA_INVALID);
	OK(p11->C_EncryptInit(s, &ctr, key)); /* two blocks, then the counter would repeat */
	IS(p11->C_Encrypt(s, text, 33, out, &n), CKR_DATA_LEN_RANGE);
}

/* -- AEAD -------------------------------------------------------------------------------------- */

static void test_gcm(void)
{
	static const CK_ULONG iv_lens[] = {1, 12, 16};
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE cipher[ROOM], aad[20] = "associated";
	fill();
	for (int k = 0; k < 3; k++) {
		CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, (CK_ULONG)key_lens[k]);
		for (size_t i = 0; i < 3; i++)
			for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j += 2) {
				CK_GCM_PARAMS gcm = {iv, iv_lens[i], 8 * iv_lens[i], aad, 7 * i, 128};
				CK_MECHANISM m = {CKM_AES_GCM, &gcm, sizeof gcm};
				char name[24];
				snprintf(name, sizeof name, "AES-%d-GCM", 8 * key_lens[k]);
				int n = libcrypto_aead(name, key_value, (int)iv_lens[i], aad, (int)(7 * i), (int)lens[j], 16, cipher);
				check(s, true, &m, key, text, lens[j], cipher, (CK_ULONG)n);
				check(s, false, &m, key, cipher, (CK_ULONG)n, text, lens[j]);
			}
	}
}

static void test_ccm(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE cipher[ROOM], aad[20] = "associated";
	fill();
	for (int k = 0; k < 3; k++) {
		CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, (CK_ULONG)key_lens[k]);
		for (CK_ULONG nonce_len = 7; nonce_len <= 13; nonce_len += 3)
			for (size_t j = 1; j < sizeof lens / sizeof lens[0]; j += 2) {
				CK_ULONG tag_len = 4 + 2 * (j % 7);
				CK_CCM_PARAMS ccm = {lens[j], iv, nonce_len, aad, 9, tag_len};
				CK_MECHANISM m = {CKM_AES_CCM, &ccm, sizeof ccm};
				char name[24];
				snprintf(name, sizeof name, "AES-%d-CCM", 8 * key_lens[k]);
				int n = libcrypto_aead(name, key_value, (int)nonce_len, aad, 9, (int)lens[j], (int)tag_len, cipher);
				check(s, true, &m, key, text, lens[j], cipher, (CK_ULONG)n);
				check(s, false, &m, key, cipher, (CK_ULONG)n, text, lens[j]);
			}
	}
}

/* What was told beforehand is what must come; a wrong tag releases nothing. */
static void test_aead_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 16);
	CK_CCM_PARAMS ccm = {20, iv, 13, NULL, 0, 8};
	CK_GCM_PARAMS gcm = {iv, 12, 96, NULL, 0, 128};
	CK_MECHANISM m = {CKM_AES_CCM, &ccm, sizeof ccm}, g = {CKM_AES_GCM, &gcm, sizeof gcm};
	CK_BYTE cipher[64], out[64];
	CK_ULONG n = sizeof cipher, len;
	OK(p11->C_EncryptInit(s, &m, key));
	IS(p11->C_Encrypt(s, text, 19, cipher, &n), CKR_DATA_LEN_RANGE);
	OK(p11->C_EncryptInit(s, &m, key));
	OK(p11->C_EncryptUpdate(s, text, 21, cipher, &n));
	n = sizeof cipher;
	IS(p11->C_EncryptFinal(s, cipher, &n), CKR_DATA_LEN_RANGE);
	for (int i = 0; i < 2; i++) {
		CK_MECHANISM *aead = i ? &g : &m;
		len = sizeof cipher;
		OK(p11->C_EncryptInit(s, aead, key));
		OK(p11->C_Encrypt(s, text, 20, cipher, &len));
		for (CK_ULONG at = 0; at < len; at += 5) {
			cipher[at] ^= 1;
			n = sizeof out;
			OK(p11->C_DecryptInit(s, aead, key));
			IS(p11->C_Decrypt(s, cipher, len, out, &n), CKR_ENCRYPTED_DATA_INVALID);
			cipher[at] ^= 1;
		}
	}
	OK(p11->C_DecryptInit(s, &m, key));
	IS(p11->C_Decrypt(s, cipher, 27, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	ccm.ulNonceLen = 6;
	IS(p11->C_EncryptInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
}

/* -- messages ------------------------------------------------------------------------------------ */

/* The same answers as C_Encrypt's, the tag apart; parts of GCM come at once, CCM's with the last. */
static void check_messages(CK_SESSION_HANDLE s, CK_MECHANISM *init_with, CK_OBJECT_HANDLE key, void *param, CK_ULONG param_len,
                           CK_BYTE *tag, const CK_BYTE *want, CK_ULONG len)
{
	CK_BYTE out[ROOM], aad[9] = "associate";
	CK_ULONG n = sizeof out, more;
	NEED(p11->C_MessageEncryptInit(s, init_with, key));
	for (int i = 0; i < 2; i++) {
		n = sizeof out;
		memset(tag, 0, 16);
		OK(p11->C_EncryptMessage(s, param, param_len, aad, 9, text, len, out, &n));
		same(out, n, want, len);
		CU_ASSERT_EQUAL(memcmp(tag, want + len, 16), 0);
	}
	memset(tag, 0, 16);
	OK(p11->C_EncryptMessageBegin(s, param, param_len, aad, 9));
	n = sizeof out;
	OK(p11->C_EncryptMessageNext(s, param, param_len, text, len / 2, out, &n, 0));
	more = sizeof out - n;
	OK(p11->C_EncryptMessageNext(s, param, param_len, text + len / 2, len - len / 2, out + n, &more, CKF_END_OF_MESSAGE));
	same(out, n + more, want, len);
	CU_ASSERT_EQUAL(memcmp(tag, want + len, 16), 0);
	OK(p11->C_MessageEncryptFinal(s));
	NEED(p11->C_MessageDecryptInit(s, init_with, key));
	n = sizeof out;
	OK(p11->C_DecryptMessage(s, param, param_len, aad, 9, (CK_BYTE *)(uintptr_t)want, len, out, &n));
	same(out, n, text, len);
	OK(p11->C_DecryptMessageBegin(s, param, param_len, aad, 9));
	n = sizeof out;
	OK(p11->C_DecryptMessageNext(s, param, param_len, (CK_BYTE *)(uintptr_t)want, len / 2, out, &n, 0));
	CU_ASSERT_EQUAL(n, 0); /* nothing before its tag */
	n = sizeof out;
	OK(p11->C_DecryptMessageNext(s, param, param_len, (CK_BYTE *)(uintptr_t)want + len / 2, len - len / 2, out, &n,
	                             CKF_END_OF_MESSAGE));
	same(out, n, text, len);
	tag[3] ^= 1;
	n = sizeof out;
	IS(p11->C_DecryptMessage(s, param, param_len, aad, 9, (CK_BYTE *)(uintptr_t)want, len, out, &n), CKR_AEAD_DECRYPT_FAILED);
	OK(p11->C_MessageDecryptFinal(s));
}

static void test_messages(void)
{
	static const CK_ULONG message_lens[] = {0, 1, 40, 1024, 5000};
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 16);
	fill();
	for (size_t i = 0; i < sizeof message_lens / sizeof message_lens[0]; i++) {
		CK_BYTE want[ROOM], tag[16], aad[9] = "associate";
		CK_ULONG len = message_lens[i];
		CK_GCM_MESSAGE_PARAMS gcm = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};
		CK_CCM_MESSAGE_PARAMS ccm = {len, iv, 12, 0, CKG_NO_GENERATE, tag, 16};
		CK_MECHANISM g = {CKM_AES_GCM, NULL, 0}, c = {CKM_AES_CCM, NULL, 0};
		libcrypto_aead("AES-128-GCM", key_value, 12, aad, 9, (int)len, 16, want);
		check_messages(s, &g, key, &gcm, sizeof gcm, tag, want, len);
		libcrypto_aead("AES-128-CCM", key_value, 12, aad, 9, (int)len, 16, want);
		check_messages(s, &c, key, &ccm, sizeof ccm, tag, want, len);
	}
}

static void test_message_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 16);
	CK_BYTE tag[16], out[64], nonce[13] = "fixed";
	CK_ULONG n = sizeof out;
	CK_CCM_MESSAGE_PARAMS ccm = {10, nonce, 13, 40, CKG_GENERATE, tag, 8};
	CK_GCM_MESSAGE_PARAMS gcm = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};
	CK_MECHANISM c = {CKM_AES_CCM, NULL, 0}, cbc = {CKM_AES_CBC, iv, 16};
	IS(p11->C_MessageEncryptInit(s, &cbc, key), CKR_MECHANISM_INVALID);
	NEED(p11->C_MessageEncryptInit(s, &c, key));
	IS(p11->C_EncryptMessage(s, &gcm, sizeof gcm, NULL, 0, text, 10, out, &n), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_EncryptMessage(s, &ccm, sizeof ccm, NULL, 0, text, 10, out, &n));
	CU_ASSERT(memcmp(nonce, "fixed", 5) == 0 && memcmp(nonce + 5, "\0\0\0\0\0\0\0\0", 8) != 0);
	n = sizeof out;
	IS(p11->C_EncryptMessage(s, &ccm, sizeof ccm, NULL, 0, text, 11, out, &n), CKR_DATA_LEN_RANGE);
	ccm.ulMACLen = 5;
	IS(p11->C_EncryptMessage(s, &ccm, sizeof ccm, NULL, 0, text, 10, out, &n), CKR_MECHANISM_PARAM_INVALID);
	ccm.ulMACLen = (CK_ULONG)-1;
	IS(p11->C_EncryptMessage(s, &ccm, sizeof ccm, NULL, 0, text, 10, out, &n), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_MessageEncryptFinal(s));
}

/* -- CMAC ---------------------------------------------------------------------------------------- */

static void libcrypto_cmac(int key_len, CK_ULONG len, CK_BYTE out[16])
{
	char name[] = "AES-000-CBC";
	size_t n;
	snprintf(name, sizeof name, "AES-%d-CBC", 8 * key_len);
	OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0), OSSL_PARAM_END};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
	CU_ASSERT_EQUAL(EVP_MAC_init(ctx, key_value, (size_t)key_len, params), 1);
	EVP_MAC_update(ctx, text, len);
	EVP_MAC_final(ctx, out, &n, 16);
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
}

static void check_cmac(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, int key_len, CK_ULONG len, CK_ULONG step)
{
	CK_BYTE want[16], out[16];
	CK_ULONG n = sizeof out;
	CK_MAC_GENERAL_PARAMS cut = 1 + len % 16;
	CK_MECHANISM m = {CKM_AES_CMAC, NULL, 0}, general = {CKM_AES_CMAC_GENERAL, &cut, sizeof cut};
	libcrypto_cmac(key_len, len, want);
	OK(p11->C_SignInit(s, &m, key));
	OK(p11->C_Sign(s, text, len, out, &n));
	same(out, n, want, 16);
	OK(p11->C_SignInit(s, &general, key));
	for (CK_ULONG at = 0; at < len; at += step)
		OK(p11->C_SignUpdate(s, text + at, len - at < step ? len - at : step));
	OK(p11->C_SignFinal(s, out, &n));
	same(out, n, want, cut);
	OK(p11->C_VerifyInit(s, &m, key));
	OK(p11->C_Verify(s, text, len, want, 16));
	want[15] ^= 1;
	OK(p11->C_VerifyInit(s, &m, key));
	IS(p11->C_Verify(s, text, len, want, 16), CKR_SIGNATURE_INVALID);
}

static void test_cmac(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MAC_GENERAL_PARAMS bad = 17;
	CK_MECHANISM general = {CKM_AES_CMAC_GENERAL, &bad, sizeof bad};
	CK_OBJECT_HANDLE key = 0;
	fill();
	for (int k = 0; k < 3; k++) {
		key = face_secret(s, CKK_AES, key_value, (CK_ULONG)key_lens[k]);
		for (size_t j = 0; j < sizeof lens / sizeof lens[0]; j++) {
			check_cmac(s, key, key_lens[k], lens[j], 1 + lens[j] / 3);
			check_cmac(s, key, key_lens[k], lens[j], 1024);
		}
	}
	IS(p11->C_SignInit(s, &general, key), CKR_MECHANISM_PARAM_INVALID);
}

/* -- key wrap -------------------------------------------------------------------------------------- */

static void test_key_wrap(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *pad;
		CK_ULONG step;
	} wraps[] = {{CKM_AES_KEY_WRAP, "", 8}, {CKM_AES_KEY_WRAP_KWP, "-PAD", 3}, {CKM_AES_KEY_WRAP_PAD, "-PAD", 5}};
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE cipher[256];
	fill();
	for (int k = 0; k < 3; k++) {
		CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, (CK_ULONG)key_lens[k]);
		for (size_t i = 0; i < 3; i++)
			for (CK_ULONG len = 16; len <= 200; len += wraps[i].step) {
				CK_MECHANISM m = {wraps[i].type, NULL, 0};
				char name[24];
				snprintf(name, sizeof name, "AES-%d-WRAP%s", 8 * key_lens[k], wraps[i].pad);
				CK_ULONG n = (CK_ULONG)libcrypto(name, false, key_value, NULL, text, (int)len, cipher);
				check(s, true, &m, key, text, len, cipher, n);
				check(s, false, &m, key, cipher, n, text, len);
			}
	}
}

static void test_key_wrap_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 16);
	CK_MECHANISM kw = {CKM_AES_KEY_WRAP, NULL, 0}, kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0};
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	OK(p11->C_EncryptInit(s, &kw, key));
	IS(p11->C_Encrypt(s, text, 8, out, &n), CKR_DATA_LEN_RANGE);
	OK(p11->C_EncryptInit(s, &kw, key));
	IS(p11->C_Encrypt(s, text, 17, out, &n), CKR_DATA_LEN_RANGE);
	OK(p11->C_EncryptInit(s, &kwp, key));
	IS(p11->C_Encrypt(s, text, 0, out, &n), CKR_DATA_LEN_RANGE);
	OK(p11->C_DecryptInit(s, &kw, key));
	IS(p11->C_Decrypt(s, text, 16, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	OK(p11->C_DecryptInit(s, &kw, key));
	IS(p11->C_Decrypt(s, text, 24, out, &n), CKR_ENCRYPTED_DATA_INVALID);
	OK(p11->C_DecryptInit(s, &kwp, key));
	IS(p11->C_Decrypt(s, text, 16, out, &n), CKR_ENCRYPTED_DATA_INVALID);
}

/* -- states, two operations at once ------------------------------------------------------------------ */

/* Encrypts with a state saved, cancelled and restored in the middle. */
static void test_states(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 24);
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 64, .cb = {1}};
	CK_GCM_PARAMS gcm = {iv, 12, 96, text, 9, 96};
	CK_CCM_PARAMS ccm = {3000, iv, 11, text, 9, 10};
	CK_MECHANISM with[] = {
		{CKM_AES_ECB, NULL, 0}, {CKM_AES_CBC, iv, 16}, {CKM_AES_CBC_PAD, iv, 16}, {CKM_AES_CTR, &ctr, sizeof ctr},
		{CKM_AES_GCM, &gcm, sizeof gcm}, {CKM_AES_CCM, &ccm, sizeof ccm},
	};
	fill();
	for (size_t i = 0; i < sizeof with / sizeof with[0]; i++) {
		static CK_BYTE want[ROOM], out[ROOM], state[8192];
		CK_ULONG len = i < 2 ? 2992 : 3000, want_len = sizeof want, n = sizeof out, m, state_len = sizeof state;
		OK(p11->C_EncryptInit(s, &with[i], key));
		OK(p11->C_Encrypt(s, text, len, want, &want_len));
		OK(p11->C_EncryptInit(s, &with[i], key));
		OK(p11->C_EncryptUpdate(s, text, 1009, out, &n));
		OK(p11->C_GetOperationState(s, state, &state_len));
		OK(p11->C_SessionCancel(s, CKF_ENCRYPT));
		OK(p11->C_SetOperationState(s, state, state_len, key, 0));
		m = sizeof out - n;
		OK(p11->C_EncryptUpdate(s, text + 1009, len - 1009, out + n, &m));
		n += m;
		m = sizeof out - n;
		OK(p11->C_EncryptFinal(s, out + n, &m));
		same(out, n + m, want, want_len);
	}
}

/* 5.17: one digests or signs what the other encrypts. */
static void test_dual(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = face_secret(s, CKK_AES, key_value, 32);
	CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, 16}, sha = {CKM_SHA384, NULL, 0}, cmac = {CKM_AES_CMAC, NULL, 0};
	CK_BYTE want[ROOM], out[ROOM], digest[64], mac[16];
	CK_ULONG n = sizeof out, m, digest_len = sizeof digest, mac_len = sizeof mac;
	fill();
	CK_ULONG want_len = (CK_ULONG)libcrypto("AES-256-CBC", true, key_value, iv, text, 100, want);
	EVP_Digest(text, 100, want + 1000, NULL, EVP_sha384(), NULL);
	OK(p11->C_EncryptInit(s, &cbc, key));
	OK(p11->C_DigestInit(s, &sha));
	OK(p11->C_DigestEncryptUpdate(s, text, 100, out, &n));
	m = sizeof out - n;
	OK(p11->C_EncryptFinal(s, out + n, &m));
	OK(p11->C_DigestFinal(s, digest, &digest_len));
	same(out, n + m, want, want_len);
	same(digest, digest_len, want + 1000, 48);
	OK(p11->C_DecryptInit(s, &cbc, key));
	OK(p11->C_VerifyInit(s, &cmac, key));
	libcrypto_cmac(32, 96, mac);
	n = sizeof out;
	OK(p11->C_DecryptVerifyUpdate(s, want, want_len, out, &n));
	CU_ASSERT_EQUAL(n, 96);
	OK(p11->C_VerifyFinal(s, mac, mac_len));
	m = sizeof out - n;
	OK(p11->C_DecryptFinal(s, out + n, &m));
	same(out, n + m, text, 100);
}

/* -- triple DES --------------------------------------------------------------------------------------- */

static void test_des3(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *name;
		bool padded;
	} olds[] = {{CKM_DES3_ECB, "DES-EDE3-ECB", false}, {CKM_DES3_CBC, "DES-EDE3-CBC", false}, {CKM_DES3_CBC_PAD, "DES-EDE3-CBC", true}};
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE value[24], cipher[ROOM];
	for (size_t i = 0; i < sizeof value; i++) /* odd parity of every byte */
		value[i] = (CK_BYTE)((key_value[i] & 0xfe) | !(__builtin_popcount(key_value[i] & 0xfe) & 1));
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_DES3;
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE, value), ATTR(CKA_DECRYPT, yes), ATTR(CKA_UNWRAP, yes),
	};
	NEED(p11->C_CreateObject(s, templ, 5, &key));
	fill();
	for (size_t i = 0; i < 3; i++)
		for (CK_ULONG len = 0; len < 1100; len += olds[i].padded ? 13 : 8) {
			bool ecb = olds[i].type == CKM_DES3_ECB;
			CK_MECHANISM m = {olds[i].type, ecb ? NULL : iv, ecb ? 0 : 8};
			CK_ULONG n =
				(CK_ULONG)libcrypto(olds[i].name, olds[i].padded, value, ecb ? NULL : iv, text, (int)len, cipher);
			IS(p11->C_EncryptInit(s, &m, key), CKR_MECHANISM_INVALID);
			check(s, false, &m, key, cipher, n, text, len);
		}
	CK_MECHANISM m = {CKM_DES3_CBC, iv, 16};
	IS(p11->C_DecryptInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
}

/* hufu.conf(5), des3: off unless a token says so. */
static void test_des3_off(void)
{
	CK_MECHANISM_INFO info;
	face_start();
	IS(p11->C_GetMechanismInfo(face_slot("other"), CKM_DES3_CBC, &info), CKR_MECHANISM_INVALID);
	OK(p11->C_GetMechanismInfo(face_slot("test"), CKM_DES3_CBC, &info));
	CU_ASSERT_EQUAL(info.flags, CKF_DECRYPT | CKF_UNWRAP | (face_machines() ? CKF_HW : 0u));
	face_stop();
}

static const struct unit_case cases[] = {
	{"ECB, CBC, CBC with padding and CTR are libcrypto's, whole, in place and in parts", test_modes},
	{"the modes' codes", test_mode_codes},
	{"GCM is libcrypto's, with IVs of any length", test_gcm},
	{"CCM is libcrypto's, with nonces and tags of any length", test_ccm},
	{"AEADs hold what was told beforehand, and release nothing with a wrong tag", test_aead_codes},
	{"messages are those of C_Encrypt, the tag apart", test_messages},
	{"messages' codes, and nonces that are made here", test_message_codes},
	{"CMAC is libcrypto's, whole, in parts and cut", test_cmac},
	{"key wrap is libcrypto's, with and without padding", test_key_wrap},
	{"key wrap's codes", test_key_wrap_codes},
	{"every mode goes on from a saved state", test_states},
	{"encryption goes along with digests and CMAC", test_dual},
	{"triple DES opens what libcrypto closed, and closes nothing", test_des3},
	{"triple DES is off unless configured", test_des3_off},
	{0},
};

UNIT_MAIN("aes", cases)
