/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: SM4-CCM through C_Encrypt and by messages, SM4-CMAC and CBC-MAC through
 * C_Sign and C_Verify, whole and in parts, give the published values (RFC 8998
 * A.2, GB/T 15852.1-2020 appendix B), and refuse what is not theirs.
 */
#include "face.h"

#include <string.h>

static CK_BYTE text[64], nonce[12], aad[20], sealed[80];

static CK_OBJECT_HANDLE sm4_key(CK_SESSION_HANDLE s)
{
	CK_BYTE value[16];
	unit_hex("0123456789abcdeffedcba9876543210", value);
	return face_secret(s, CKK_HUFU_SM4, value, sizeof value);
}

static void same(const CK_BYTE *got, CK_ULONG n, const void *want, CK_ULONG len)
{
	CU_ASSERT_EQUAL(n, len);
	CU_ASSERT_EQUAL(memcmp(got, want, n < len ? n : len), 0);
}

/* -- CCM ------------------------------------------------------------------------ */

static CK_OBJECT_HANDLE ccm_set_up(CK_SESSION_HANDLE s)
{
	unit_hex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"
	         "eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa", text);
	unit_hex("00001234567800000000abcd", nonce);
	unit_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad);
	unit_hex("48af93501fa62adbcd414cce6034d895dda1bf8f132f042098661572e7483094"
	         "fd12e518ce062c98acee28d95df4416bed31a2f04476c18bb40c84a74b97dc5b"
	         "16842d4fa186f56ab33256971fa110f4", sealed);
	return sm4_key(s);
}

static void test_ccm(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = ccm_set_up(s);
	CK_CCM_PARAMS ccm = {64, nonce, 12, aad, 20, 16};
	CK_MECHANISM m = {CKM_HUFU_SM4_CCM, &ccm, sizeof ccm};
	CK_BYTE out[96];
	CK_ULONG n = sizeof out, more;
	NEED(p11->C_EncryptInit(s, &m, key));
	OK(p11->C_Encrypt(s, text, 64, out, &n));
	same(out, n, sealed, 80);
	NEED(p11->C_EncryptInit(s, &m, key));
	n = 0;
	for (CK_ULONG at = 0; at < 64; at += 16) {
		more = sizeof out - n;
		OK(p11->C_EncryptUpdate(s, text + at, 16, out + n, &more));
		n += more;
	}
	more = sizeof out - n;
	OK(p11->C_EncryptFinal(s, out + n, &more));
	same(out, n + more, sealed, 80);
	NEED(p11->C_DecryptInit(s, &m, key));
	n = sizeof out;
	OK(p11->C_Decrypt(s, sealed, 80, out, &n));
	same(out, n, text, 64);
}

static void test_ccm_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = ccm_set_up(s);
	CK_CCM_PARAMS ccm = {64, nonce, 12, aad, 20, 16};
	CK_GCM_PARAMS gcm = {nonce, 12, 96, aad, 20, 128};
	CK_MECHANISM m = {CKM_HUFU_SM4_CCM, &ccm, sizeof ccm}, wrong = {CKM_HUFU_SM4_CCM, &gcm, sizeof gcm - 1};
	CK_BYTE out[96];
	CK_ULONG n = sizeof out;
	IS(p11->C_EncryptInit(s, &wrong, key), CKR_MECHANISM_PARAM_INVALID);
	OK(p11->C_EncryptInit(s, &m, key));
	IS(p11->C_Encrypt(s, text, 63, out, &n), CKR_DATA_LEN_RANGE);
	for (CK_ULONG at = 0; at < 80; at += 9) {
		sealed[at] ^= 1;
		n = sizeof out;
		OK(p11->C_DecryptInit(s, &m, key));
		IS(p11->C_Decrypt(s, sealed, 80, out, &n), CKR_ENCRYPTED_DATA_INVALID);
		sealed[at] ^= 1;
	}
	ccm.ulMACLen = 5;
	IS(p11->C_EncryptInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
}

static void test_ccm_messages(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = ccm_set_up(s);
	CK_BYTE out[96], tag[16];
	CK_CCM_MESSAGE_PARAMS ccm = {64, nonce, 12, 0, CKG_NO_GENERATE, tag, 16};
	CK_MECHANISM m = {CKM_HUFU_SM4_CCM, &ccm, sizeof ccm};
	CK_ULONG n = sizeof out;
	NEED(p11->C_MessageEncryptInit(s, &m, key));
	OK(p11->C_EncryptMessage(s, &ccm, sizeof ccm, aad, 20, text, 64, out, &n));
	same(out, n, sealed, 64);
	same(tag, 16, sealed + 64, 16);
	OK(p11->C_MessageEncryptFinal(s));
	NEED(p11->C_MessageDecryptInit(s, &m, key));
	n = sizeof out;
	OK(p11->C_DecryptMessage(s, &ccm, sizeof ccm, aad, 20, sealed, 64, out, &n));
	same(out, n, text, 64);
	tag[15] ^= 1;
	n = sizeof out;
	IS(p11->C_DecryptMessage(s, &ccm, sizeof ccm, aad, 20, sealed, 64, out, &n), CKR_AEAD_DECRYPT_FAILED);
	OK(p11->C_MessageDecryptFinal(s));
}

static void test_ccm_wrap(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = ccm_set_up(s), back;
	CK_CCM_PARAMS ccm = {16, nonce, 12, aad, 20, 16};
	CK_MECHANISM m = {CKM_HUFU_SM4_CCM, &ccm, sizeof ccm};
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_BYTE value[16];
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, secret), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_ATTRIBUTE shown = BYTES(CKA_VALUE, value, sizeof value);
	CK_BYTE out[96];
	CK_ULONG n = sizeof out;
	OK(p11->C_WrapKey(s, &m, key, face_secret(s, CKK_HUFU_SM4, text, 16), out, &n));
	CU_ASSERT_EQUAL(n, 32);
	NEED(p11->C_UnwrapKey(s, &m, key, out, n, templ, 4, &back));
	OK(p11->C_GetAttributeValue(s, back, &shown, 1));
	same(value, 16, text, 16);
	out[3] ^= 1;
	IS(p11->C_UnwrapKey(s, &m, key, out, n, templ, 4, &back), CKR_WRAPPED_KEY_INVALID);
}

/* -- MACs ------------------------------------------------------------------------ */

/* CBC-MAC takes whole blocks: its messages are filled up here by the standard's padding method 2. */
static const struct {
	CK_MECHANISM_TYPE whole, general;
	const char *text;
	CK_ULONG len;
	const char *mac;
} macs[] = {
	{CKM_HUFU_SM4_CMAC, CKM_HUFU_SM4_CMAC_GENERAL, "", 0, "29e154322e5c7bd8ee6a25ba549b24bc"},
	{CKM_HUFU_SM4_CMAC, CKM_HUFU_SM4_CMAC_GENERAL, "This is the test message for mac", 32, "692c437100f3b5ee2b8abcef373d990c"},
	{CKM_HUFU_SM4_CMAC, CKM_HUFU_SM4_CMAC_GENERAL, "This is the test message ", 25, "4738a6c760b280fc0c8a8af3886e9f5d"},
	{CKM_HUFU_SM4_CBC_MAC, CKM_HUFU_SM4_CBC_MAC_GENERAL, "This is the test message \x80\0\0\0\0\0\0", 32,
	 "421ad1690aa152e2846fa2a5d83445a9"},
};

static void check_mac(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, size_t i, CK_ULONG step)
{
	CK_MAC_GENERAL_PARAMS cut = 4 + i;
	CK_MECHANISM m = {macs[i].whole, NULL, 0}, general = {macs[i].general, &cut, sizeof cut};
	CK_BYTE data[64], want[16], out[16];
	CK_ULONG n = sizeof out, len = macs[i].len;
	memcpy(data, macs[i].text, len);
	unit_hex(macs[i].mac, want);
	NEED(p11->C_SignInit(s, &m, key));
	OK(p11->C_Sign(s, data, len, out, &n));
	same(out, n, want, 16);
	NEED(p11->C_SignInit(s, &general, key));
	for (CK_ULONG at = 0; at < len; at += step)
		OK(p11->C_SignUpdate(s, data + at, len - at < step ? len - at : step));
	n = sizeof out;
	OK(p11->C_SignFinal(s, out, &n));
	same(out, n, want, cut);
	NEED(p11->C_VerifyInit(s, &general, key));
	for (CK_ULONG at = 0; at < len; at += step)
		OK(p11->C_VerifyUpdate(s, data + at, len - at < step ? len - at : step));
	OK(p11->C_VerifyFinal(s, want, cut));
	want[0] ^= 1;
	NEED(p11->C_VerifyInit(s, &m, key));
	IS(p11->C_Verify(s, data, len, want, 16), CKR_SIGNATURE_INVALID);
	NEED(p11->C_VerifyInit(s, &m, key));
	IS(p11->C_Verify(s, data, len, want, 15), CKR_SIGNATURE_LEN_RANGE);
}

static void test_macs(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++)
		for (CK_ULONG step = 1; step < 40; step += 5)
			check_mac(s, key, i, step);
}

static void test_mac_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), aes = face_secret(s, CKK_AES, text, 16);
	CK_MAC_GENERAL_PARAMS bad = 17;
	CK_MECHANISM m = {CKM_HUFU_SM4_CBC_MAC, NULL, 0}, general = {CKM_HUFU_SM4_CMAC_GENERAL, &bad, sizeof bad};
	CK_BYTE out[16];
	CK_ULONG n = sizeof out;
	IS(p11->C_SignInit(s, &general, key), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_SignInit(s, &m, aes), CKR_KEY_TYPE_INCONSISTENT);
	NEED(p11->C_SignInit(s, &m, key));
	IS(p11->C_Sign(s, text, 31, out, &n), CKR_DATA_LEN_RANGE);
	NEED(p11->C_SignInit(s, &m, key));
	n = sizeof out;
	IS(p11->C_Sign(s, text, 0, out, &n), CKR_DATA_LEN_RANGE);
	NEED(p11->C_SignInit(s, &m, key));
	OK(p11->C_SignUpdate(s, text, 17));
	n = sizeof out;
	IS(p11->C_SignFinal(s, out, &n), CKR_DATA_LEN_RANGE);
}

static const struct unit_case cases[] = {
	{"SM4-CCM gives the values of RFC 8998, whole and in parts", test_ccm},
	{"SM4-CCM refuses other lengths, and what was tampered with", test_ccm_codes},
	{"SM4-CCM by messages gives the same", test_ccm_messages},
	{"SM4-CCM wraps keys", test_ccm_wrap},
	{"SM4's CMAC and CBC-MAC give the values of GB/T 15852.1, whole, in parts, cut", test_macs},
	{"CBC-MAC takes whole blocks, and neither takes another's key or parameter", test_mac_codes},
	{0},
};

UNIT_MAIN("sm4-tags", cases)
