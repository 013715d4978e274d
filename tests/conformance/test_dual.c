/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: dual functions do two things at once (PKCS#11 5.17), and an operation's state can be taken along (5.6.7, 5.6.8). */
#include "tests/conformance/face.h"

static CK_BYTE iv[16] = {9}, text[200];
static CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC_PAD, iv, 16}, sm3 = {CKM_HUFU_SM3, NULL, 0}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0};

static CK_OBJECT_HANDLE sm4_key(CK_SESSION_HANDLE s)
{
	for (unsigned i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 5);
	return face_secret(s, CKK_HUFU_SM4, (const CK_BYTE *)"0123456789abcdef", 16);
}

static CK_OBJECT_HANDLE mac_key(CK_SESSION_HANDLE s)
{
	return face_secret(s, CKK_HUFU_SM3_HMAC, (const CK_BYTE *)"a key for MACs", 14);
}

/* What the single functions give. */
struct single {
	CK_BYTE cipher[256], digest[32], mac[32];
	CK_ULONG cipher_len;
};

static void alone(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE mac, struct single *o)
{
	CK_ULONG n = 32;
	o->cipher_len = sizeof o->cipher;
	NEED(p11->C_EncryptInit(s, &cbc, key));
	NEED(p11->C_Encrypt(s, text, sizeof text, o->cipher, &o->cipher_len));
	NEED(p11->C_DigestInit(s, &sm3));
	NEED(p11->C_Digest(s, text, sizeof text, o->digest, &n));
	NEED(p11->C_SignInit(s, &hmac, mac));
	NEED(p11->C_Sign(s, text, sizeof text, o->mac, &n));
}

typedef CK_RV (*dual_fn)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);

/* In parts of 33 bytes, each asked for its size and offered too little first: neither half may move then. */
static CK_ULONG run(CK_SESSION_HANDLE s, dual_fn dual, CK_BYTE *in, CK_ULONG len, CK_BYTE *out)
{
	CK_ULONG done = 0;
	for (CK_ULONG at = 0; at < len; at += 33) {
		CK_ULONG part = len - at < 33 ? len - at : 33, n = 0;
		OK(dual(s, in + at, part, NULL, &n));
		if (n > 16) {
			CK_ULONG small = 1;
			IS(dual(s, in + at, part, out + done, &small), CKR_BUFFER_TOO_SMALL);
		}
		n = 256 - done;
		OK(dual(s, in + at, part, out + done, &n));
		done += n;
	}
	return done;
}

static void test_digest_encrypt(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	struct single want;
	CK_BYTE out[256], digest[32];
	CK_ULONG n = sizeof out, m = 32;
	alone(s, key, mac_key(s), &want);
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_EncryptInit(s, &cbc, key));
	CK_ULONG done = run(s, p11->C_DigestEncryptUpdate, text, sizeof text, out);
	n = sizeof out - done;
	OK(p11->C_EncryptFinal(s, out + done, &n));
	CU_ASSERT(done + n == want.cipher_len && memcmp(out, want.cipher, want.cipher_len) == 0);
	OK(p11->C_DigestFinal(s, digest, &m));
	CU_ASSERT_EQUAL(memcmp(digest, want.digest, 32), 0);
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_DecryptInit(s, &cbc, key));
	done = run(s, p11->C_DecryptDigestUpdate, want.cipher, want.cipher_len, out);
	n = sizeof out - done;
	OK(p11->C_DecryptFinal(s, out + done, &n));
	CU_ASSERT(done + n == sizeof text && memcmp(out, text, sizeof text) == 0);
	/* What the digest has seen of the padding, 5.17.2 leaves open. */
	OK(p11->C_SessionCancel(s, CKF_DIGEST));
}

static void test_sign_encrypt(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), mac = mac_key(s);
	struct single want;
	CK_BYTE out[256], got[32];
	CK_ULONG n, m = 32;
	alone(s, key, mac, &want);
	OK(p11->C_SignInit(s, &hmac, mac));
	OK(p11->C_EncryptInit(s, &cbc, key));
	CK_ULONG done = run(s, p11->C_SignEncryptUpdate, text, sizeof text, out);
	n = sizeof out - done;
	OK(p11->C_EncryptFinal(s, out + done, &n));
	CU_ASSERT(done + n == want.cipher_len && memcmp(out, want.cipher, want.cipher_len) == 0);
	OK(p11->C_SignFinal(s, got, &m));
	CU_ASSERT_EQUAL(memcmp(got, want.mac, 32), 0);
}

/* Without padding both halves see the same bytes. */
static void test_decrypt_verify(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), mac = mac_key(s);
	CK_MECHANISM plain_cbc = {CKM_HUFU_SM4_CBC, iv, 16};
	CK_BYTE cipher[192], out[256], tag[32], digest[32], want[32];
	CK_ULONG n = sizeof cipher, m = 32;
	NEED(p11->C_EncryptInit(s, &plain_cbc, key));
	NEED(p11->C_Encrypt(s, text, 192, cipher, &n));
	NEED(p11->C_SignInit(s, &hmac, mac));
	NEED(p11->C_Sign(s, text, 192, tag, &m));
	OK(p11->C_DecryptInit(s, &plain_cbc, key));
	OK(p11->C_VerifyInit(s, &hmac, mac));
	CK_ULONG done = run(s, p11->C_DecryptVerifyUpdate, cipher, 192, out);
	n = sizeof out - done;
	OK(p11->C_DecryptFinal(s, out + done, &n));
	CU_ASSERT(done + n == 192 && memcmp(out, text, 192) == 0);
	OK(p11->C_VerifyFinal(s, tag, 32));
	OK(p11->C_DecryptInit(s, &plain_cbc, key));
	OK(p11->C_DigestInit(s, &sm3));
	done = run(s, p11->C_DecryptDigestUpdate, cipher, 192, out);
	n = sizeof out - done;
	OK(p11->C_DecryptFinal(s, out + done, &n));
	m = 32;
	OK(p11->C_DigestFinal(s, digest, &m));
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_Digest(s, text, 192, want, &m));
	CU_ASSERT_EQUAL(memcmp(digest, want, 32), 0);
}

static void test_dual_order(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), mac = mac_key(s);
	CK_BYTE out[256];
	CK_ULONG n = sizeof out;
	const dual_fn all[] = {p11->C_DigestEncryptUpdate, p11->C_DecryptDigestUpdate, p11->C_SignEncryptUpdate,
		p11->C_DecryptVerifyUpdate};
	for (int i = 0; i < 4; i++) {
		IS(all[i](s, text, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		IS(all[i](0, text, 16, out, &n), CKR_SESSION_HANDLE_INVALID);
	}
	OK(p11->C_EncryptInit(s, &cbc, key));
	OK(p11->C_DecryptInit(s, &cbc, key));
	for (int i = 0; i < 4; i++) { /* one half is not enough, and is left as it was */
		n = sizeof out;
		IS(all[i](s, text, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	}
	OK(p11->C_SessionCancel(s, CKF_ENCRYPT | CKF_DECRYPT));
	OK(p11->C_SignInit(s, &hmac, mac));
	OK(p11->C_EncryptInit(s, &cbc, key));
	IS(p11->C_SignEncryptUpdate(s, NULL, 16, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_SignFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

/* -- operation state ---------------------------------------------------------------------- */

static void test_digest_state(void)
{
	CK_SESSION_HANDLE s = face_user(), t;
	CK_BYTE state[2048], out[32], want[32];
	CK_ULONG len = 0, n = 32;
	sm4_key(s);
	NEED(p11->C_OpenSession(face_slot("test"), CKF_SERIAL_SESSION, NULL, NULL, &t));
	IS(p11->C_GetOperationState(s, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DigestInit(s, &sm3));
	OK(p11->C_DigestUpdate(s, text, 100));
	OK(p11->C_GetOperationState(s, NULL, &len));
	CU_ASSERT_FATAL(len > 1 && len <= sizeof state);
	CK_ULONG small = len - 1;
	IS(p11->C_GetOperationState(s, state, &small), CKR_BUFFER_TOO_SMALL);
	len = sizeof state;
	OK(p11->C_GetOperationState(s, state, &len));
	OK(p11->C_DigestUpdate(s, text + 100, 100));
	OK(p11->C_DigestFinal(s, want, &n));
	OK(p11->C_SetOperationState(t, state, len, 0, 0));
	OK(p11->C_DigestUpdate(t, text + 100, 100));
	OK(p11->C_DigestFinal(t, out, &n));
	CU_ASSERT_EQUAL(memcmp(out, want, 32), 0);
	IS(p11->C_SetOperationState(t, state, len, 1, 0), CKR_KEY_NOT_NEEDED);
	IS(p11->C_SetOperationState(t, state, len - 1, 0, 0), CKR_SAVED_STATE_INVALID);
	IS(p11->C_SetOperationState(t, state, 0, 0, 0), CKR_SAVED_STATE_INVALID);
	for (CK_ULONG at = 0; at < len; at += 13) {
		state[at] ^= 1;
		IS(p11->C_SetOperationState(t, state, len, 0, 0), CKR_SAVED_STATE_INVALID);
		state[at] ^= 1;
	}
	IS(p11->C_DigestUpdate(t, text, 1), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_keyed_state(void)
{
	CK_SESSION_HANDLE s = face_user(), t;
	CK_OBJECT_HANDLE key = sm4_key(s), mac = mac_key(s);
	struct single want;
	CK_BYTE state[2048], out[256], got[32];
	CK_ULONG len = sizeof state, n = sizeof out, done, m = 32;
	alone(s, key, mac, &want);
	NEED(p11->C_OpenSession(face_slot("test"), CKF_SERIAL_SESSION, NULL, NULL, &t));
	OK(p11->C_EncryptInit(s, &cbc, key));
	OK(p11->C_EncryptUpdate(s, text, 50, out, &n));
	done = n;
	OK(p11->C_GetOperationState(s, state, &len));
	IS(p11->C_SetOperationState(t, state, len, 0, 0), CKR_KEY_NEEDED);
	IS(p11->C_SetOperationState(t, state, len, mac, 0), CKR_KEY_CHANGED);
	OK(p11->C_SetOperationState(t, state, len, key, 0));
	n = sizeof out - done;
	OK(p11->C_EncryptUpdate(t, text + 50, 150, out + done, &n));
	done += n;
	n = sizeof out - done;
	OK(p11->C_EncryptFinal(t, out + done, &n));
	CU_ASSERT(done + n == want.cipher_len && memcmp(out, want.cipher, want.cipher_len) == 0);
	OK(p11->C_SessionCancel(s, CKF_ENCRYPT));
	OK(p11->C_SignInit(s, &hmac, mac));
	OK(p11->C_SignUpdate(s, text, 111));
	len = sizeof state;
	OK(p11->C_GetOperationState(s, state, &len));
	IS(p11->C_SetOperationState(t, state, len, 0, 0), CKR_KEY_NEEDED);
	OK(p11->C_SetOperationState(t, state, len, 0, mac));
	OK(p11->C_SignUpdate(t, text + 111, 89));
	OK(p11->C_SignFinal(t, got, &m));
	CU_ASSERT_EQUAL(memcmp(got, want.mac, 32), 0);
	face_stop();
}

static const struct unit_case cases[] = {
	{"digesting while encrypting gives both, and a small buffer moves neither", test_digest_encrypt},
	{"signing while encrypting gives both", test_sign_encrypt},
	{"verifying and digesting while decrypting see the plaintext", test_decrypt_verify},
	{"a dual function wants both operations, and bad arguments end both", test_dual_order},
	{"a digest goes on in another session from its saved state, an altered one not", test_digest_state},
	{"a keyed operation goes on from its saved state with its key and no other", test_keyed_state},
	{0},
};

UNIT_MAIN("dual", cases)
