/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: SM4 and ZUC-EEA3 through the face give the published values, whole and
 * in parts, and operations begin, ask for sizes and end as PKCS#11 5.2, 5.8 and
 * 5.10 say.
 */
#include "tests/conformance/face.h"

#define STANDARD_KEY "0123456789abcdeffedcba9876543210"
#define NIST_KEY "2b7e151628aed2a6abf7158809cf4f3c"
#define NIST_IV "000102030405060708090a0b0c0d0e0f"
#define NIST_TEXT "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef" \
                  "f69f2445df4f9b17ad2b417be66c3710"
#define STRIPES "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffff" \
                "eeeeeeeeeeeeeeee" \
                "aaaaaaaaaaaaaaaa"

/*
 * ECB: GB/T 32907 A.1; CBC, CFB, OFB, CTR: OpenSSL's and libgcrypt's published
 * SM4 values (the padded one by the openssl command); GCM: RFC 8998 A.1; EEA3:
 * GM/T 0001.2 test sets 1 and 2.
 */
static const struct vector {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE key_type;
	const char *key, *iv, *aad;
	CK_HUFU_ZUC_PARAMS zuc;
	const char *plain, *cipher;
} vectors[] = {
	{CKM_HUFU_SM4_ECB, CKK_HUFU_SM4, STANDARD_KEY, NULL, NULL, {0}, STANDARD_KEY, "681edf34d206965e86b3e94f536e4246"},
	{CKM_HUFU_SM4_CBC, CKK_HUFU_SM4, STANDARD_KEY, STANDARD_KEY, NULL, {0}, STANDARD_KEY STANDARD_KEY,
	 "2677f46b09c122cc975533105bd4a22af6125f7275ce552c3a2bbcf533de8a3b"},
	{CKM_HUFU_SM4_CBC_PAD, CKK_HUFU_SM4, STANDARD_KEY, STANDARD_KEY, NULL, {0}, STANDARD_KEY STANDARD_KEY,
	 "2677f46b09c122cc975533105bd4a22af6125f7275ce552c3a2bbcf533de8a3ba2da148e822f80b36e4b248d742bf4fb"},
	{CKM_HUFU_SM4_CFB128, CKK_HUFU_SM4, STANDARD_KEY, STANDARD_KEY, NULL, {0}, STANDARD_KEY STANDARD_KEY,
	 "693d9a535bad5bb1786f53d7253a70569ed258a85a0467cc92aab393dd978995"},
	{CKM_HUFU_SM4_OFB, CKK_HUFU_SM4, STANDARD_KEY, STANDARD_KEY, NULL, {0}, STANDARD_KEY STANDARD_KEY,
	 "693d9a535bad5bb1786f53d7253a7056f2075d28b5235f58d50027e4177d2bce"},
	{CKM_HUFU_SM4_OFB, CKK_HUFU_SM4, NIST_KEY, NIST_IV, NULL, {0}, NIST_TEXT,
	 "bc710d762d070b26361da82b54565e4607a0c62834740ad3240d239125e11621d476b21cc9f04951f0741d2ef9e09498"
	 "1584fc142bf13aa626b82f9d7d076cce"},
	{CKM_HUFU_SM4_CTR, CKK_HUFU_SM4, NIST_KEY, NIST_IV, NULL, {0}, NIST_TEXT,
	 "bc710d762d070b26361da82b54565e46b02b3dbddd50d5b458aeccb25da105e16ad70bc01175ad43b0806a2e7b9ca545"
	 "602459a06b7d130dde42a3e0476818d2"},
	{CKM_HUFU_SM4_GCM, CKK_HUFU_SM4, STANDARD_KEY, "00001234567800000000abcd", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	 {0}, STRIPES,
	 "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15"
	 "a56834cbcf98c397b4024a2691233b8d"
	 "83de3541e4c2b58177e065a9bf7b62ec"},
	{CKM_HUFU_ZUC_EEA3, CKK_HUFU_ZUC, "173d14ba5003731d7a60049470f00a29", NULL, NULL, {0x66035492, 0xf, 0, 193},
	 "6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200", "a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800"},
	{CKM_HUFU_ZUC_EEA3, CKK_HUFU_ZUC, "e5bd3ea0eb55ade866c6ac58bd54302a", NULL, NULL, {0x56823, 0x18, 1, 0},
	 "14a8ef693d678507bbe7270a7f67ff5006c3525b9807e467c4e56000ba338f5d429559036751822246c80d3b38f07f4b"
	 "e2d8ff5805f5132229bde93bbbdcaf38"
	 "2bf1ee972fbf9977bada8945847a2a6c9ad34a667554e04d1f7fa2c33241bd8f01ba220d",
	 "131d43e0dea1be5c5a1bfd971d852cbf712d7b4f57961fea3208afa8bca433f456ad09c7417e58bc69cf8866d1353f74"
	 "865e80781d202dfb3ecff7fcbc3b190f"
	 "e82a204ed0e350fc0f6f2613b2f2bca6df5a473a57a4a00d985ebad880d6f23864a07b01"},
};

#define VECTORS (sizeof vectors / sizeof vectors[0])
#define ROOM 512

/* A vector's mechanism with its parameter, and its texts. */
struct loaded {
	CK_MECHANISM mechanism;
	CK_OBJECT_HANDLE key;
	CK_BYTE iv[16], aad[32], plain[ROOM], cipher[ROOM];
	CK_ULONG plain_len, cipher_len;
	union {
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_HUFU_ZUC_PARAMS zuc;
	};
};

static void set_parameter(struct loaded *l, const struct vector *v)
{
	size_t iv_len = v->iv ? unit_hex(v->iv, l->iv) : 0;
	l->mechanism = (CK_MECHANISM){v->type, iv_len ? l->iv : NULL, iv_len};
	if (v->type == CKM_HUFU_SM4_CTR) {
		l->ctr.ulCounterBits = 128;
		memcpy(l->ctr.cb, l->iv, 16);
		l->mechanism = (CK_MECHANISM){v->type, &l->ctr, sizeof l->ctr};
	} else if (v->type == CKM_HUFU_SM4_GCM) {
		l->gcm = (CK_GCM_PARAMS){l->iv, iv_len, 8 * iv_len, l->aad, unit_hex(v->aad, l->aad), 128};
		l->mechanism = (CK_MECHANISM){v->type, &l->gcm, sizeof l->gcm};
	} else if (v->type == CKM_HUFU_ZUC_EEA3) {
		l->zuc = v->zuc;
		l->mechanism = (CK_MECHANISM){v->type, &l->zuc, sizeof l->zuc};
	}
}

static void load(CK_SESSION_HANDLE s, const struct vector *v, struct loaded *l)
{
	CK_BYTE key[16];
	memset(l, 0, sizeof *l);
	unit_hex(v->key, key);
	l->key = face_secret(s, v->key_type, key, 16);
	l->plain_len = unit_hex(v->plain, l->plain);
	l->cipher_len = unit_hex(v->cipher, l->cipher);
	set_parameter(l, v);
}

static void same(const CK_BYTE *got, CK_ULONG n, const CK_BYTE *want, CK_ULONG want_len)
{
	CU_ASSERT_EQUAL(n, want_len);
	if (n == want_len)
		CU_ASSERT_EQUAL(memcmp(got, want, n), 0);
}

/* -- known answers -------------------------------------------------------------------- */

static void test_one_shot(void)
{
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < VECTORS; i++) {
		struct loaded l;
		CK_BYTE out[ROOM];
		CK_ULONG n = sizeof out;
		load(s, &vectors[i], &l);
		OK(p11->C_EncryptInit(s, &l.mechanism, l.key));
		if (OK(p11->C_Encrypt(s, l.plain, l.plain_len, out, &n)))
			same(out, n, l.cipher, l.cipher_len);
		n = sizeof out;
		OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
		if (OK(p11->C_Decrypt(s, l.cipher, l.cipher_len, out, &n)))
			same(out, n, l.plain, l.plain_len);
	}
}

static void test_in_place(void)
{
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < VECTORS; i++) {
		struct loaded l;
		CK_BYTE text[ROOM];
		CK_ULONG n = sizeof text;
		load(s, &vectors[i], &l);
		memcpy(text, l.plain, l.plain_len);
		OK(p11->C_EncryptInit(s, &l.mechanism, l.key));
		if (OK(p11->C_Encrypt(s, text, l.plain_len, text, &n)))
			same(text, n, l.cipher, l.cipher_len);
		CK_ULONG len = n;
		n = sizeof text;
		OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
		if (OK(p11->C_Decrypt(s, text, len, text, &n)))
			same(text, n, l.plain, l.plain_len);
	}
}

typedef CK_RV (*update_fn)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
typedef CK_RV (*final_fn)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);

/* In parts of step bytes, each output asked for its size first and once into too small a buffer. */
static CK_ULONG in_parts(CK_SESSION_HANDLE s, update_fn update, final_fn final, CK_BYTE *in, CK_ULONG len, CK_ULONG step,
                         CK_BYTE *out)
{
	CK_ULONG done = 0, n;
	for (CK_ULONG at = 0; at < len; at += step) {
		CK_ULONG part = len - at < step ? len - at : step;
		OK(update(s, in + at, part, NULL, &n));
		if (n > 0) {
			CK_ULONG small = 0;
			CK_RV rv = update(s, in + at, part, out + done, &small);
			if (rv == CKR_OK) { /* the size was an upper bound, nothing was due */
				CU_ASSERT_EQUAL(small, 0);
				continue;
			}
			IS(rv, CKR_BUFFER_TOO_SMALL);
			CU_ASSERT(small <= n && small > 0);
		}
		n = ROOM - done;
		if (!OK(update(s, in + at, part, out + done, &n)))
			return 0;
		done += n;
	}
	OK(final(s, NULL, &n));
	n = ROOM - done;
	return OK(final(s, out + done, &n)) ? done + n : 0;
}

static void test_parts(void)
{
	static const CK_ULONG steps[] = {1, 3, 15, 16, 17, 32, 100, 300};
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < VECTORS; i++)
		for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
			struct loaded l;
			CK_BYTE out[ROOM];
			load(s, &vectors[i], &l);
			OK(p11->C_EncryptInit(s, &l.mechanism, l.key));
			same(out, in_parts(s, p11->C_EncryptUpdate, p11->C_EncryptFinal, l.plain, l.plain_len, steps[j], out),
			     l.cipher, l.cipher_len);
			OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
			same(out, in_parts(s, p11->C_DecryptUpdate, p11->C_DecryptFinal, l.cipher, l.cipher_len, steps[j],
			                   out), l.plain, l.plain_len);
		}
}

/* -- sizes (5.2) ------------------------------------------------------------------------- */

static void test_sizes_keep(void)
{
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < VECTORS; i++) {
		struct loaded l;
		CK_BYTE out[ROOM];
		CK_ULONG n = 0;
		load(s, &vectors[i], &l);
		OK(p11->C_EncryptInit(s, &l.mechanism, l.key));
		OK(p11->C_Encrypt(s, l.plain, l.plain_len, NULL, &n));
		CU_ASSERT(n >= l.cipher_len);
		n = l.cipher_len - 1;
		IS(p11->C_Encrypt(s, l.plain, l.plain_len, out, &n), CKR_BUFFER_TOO_SMALL);
		CU_ASSERT(n >= l.cipher_len);
		n = 0;
		IS(p11->C_Encrypt(s, l.plain, l.plain_len, out, &n), CKR_BUFFER_TOO_SMALL);
		n = l.cipher_len;
		if (OK(p11->C_Encrypt(s, l.plain, l.plain_len, out, &n)))
			same(out, n, l.cipher, l.cipher_len);
		IS(p11->C_Encrypt(s, l.plain, l.plain_len, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
		OK(p11->C_Decrypt(s, l.cipher, l.cipher_len, NULL, &n));
		CU_ASSERT(n >= l.plain_len);
		n = 0;
		IS(p11->C_Decrypt(s, l.cipher, l.cipher_len, out, &n), CKR_BUFFER_TOO_SMALL);
		n = l.plain_len;
		if (OK(p11->C_Decrypt(s, l.cipher, l.cipher_len, out, &n)))
			same(out, n, l.plain, l.plain_len);
		IS(p11->C_Decrypt(s, l.cipher, l.cipher_len, NULL, &n), CKR_OPERATION_NOT_INITIALIZED);
	}
}

/* -- beginning and ending -------------------------------------------------------------------- */

static CK_BYTE zero[64];
static CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC, zero, 16}, ecb = {CKM_HUFU_SM4_ECB, NULL, 0};

static CK_OBJECT_HANDLE sm4_key(CK_SESSION_HANDLE s)
{
	return face_secret(s, CKK_HUFU_SM4, (const CK_BYTE *)"0123456789abcdef", 16);
}

static void test_order(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	IS(p11->C_Encrypt(s, zero, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncryptUpdate(s, zero, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_EncryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_Decrypt(s, zero, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DecryptUpdate(s, zero, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(p11->C_DecryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_EncryptInit(s, &cbc, key));
	IS(p11->C_EncryptInit(s, &cbc, key), CKR_OPERATION_ACTIVE);
	OK(p11->C_DecryptInit(s, &cbc, key));
	n = sizeof out;
	OK(p11->C_EncryptUpdate(s, zero, 16, out, &n));
	n = sizeof out;
	IS(p11->C_Encrypt(s, zero, 16, out, &n), CKR_OPERATION_ACTIVE);
	n = sizeof out;
	OK(p11->C_DecryptUpdate(s, zero, 16, out, &n));
	n = sizeof out;
	IS(p11->C_Decrypt(s, zero, 16, out, &n), CKR_OPERATION_ACTIVE);
}

static void test_init_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), zuc = face_secret(s, CKK_HUFU_ZUC, zero, 16), pub, priv;
	CK_MECHANISM unknown = {HUFU_VENDOR + 0xff, NULL, 0}, digest = {CKM_HUFU_SM3, NULL, 0}, hmac = {CKM_HUFU_SM3_HMAC,
		NULL, 0};
	face_sm2_pair(s, CK_FALSE, &pub, &priv);
	IS(p11->C_EncryptInit(s, &unknown, key), CKR_MECHANISM_INVALID);
	IS(p11->C_EncryptInit(s, &digest, key), CKR_MECHANISM_INVALID);
	IS(p11->C_EncryptInit(s, &hmac, key), CKR_MECHANISM_INVALID);
	IS(p11->C_EncryptInit(s, &cbc, 0), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_EncryptInit(s, &cbc, ~0UL), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_DecryptInit(s, &cbc, 0x7fffffff), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_EncryptInit(s, &cbc, zuc), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_EncryptInit(s, &cbc, pub), CKR_KEY_TYPE_INCONSISTENT);
	IS(p11->C_DecryptInit(s, &cbc, priv), CKR_KEY_TYPE_INCONSISTENT);
}

static void test_bad_parameters(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s), zuc = face_secret(s, CKK_HUFU_ZUC, zero, 16);
	CK_AES_CTR_PARAMS ctr[] = {{.ulCounterBits = 0}, {.ulCounterBits = 129}, {.ulCounterBits = ~0UL}};
	CK_GCM_PARAMS gcm[] = {
		{zero, 0, 0, NULL, 0, 128}, {NULL, 12, 96, NULL, 0, 128}, {zero, 12, 96, NULL, 5, 128},
		{zero, 12, 96, NULL, 0, 0},
		{zero, 12, 96, NULL, 0, 24}, {zero, 12, 96, NULL, 0, 129}, {zero, 12, 96, NULL, 0, ~0UL},
		{zero, ~0UL, 96, NULL, 0, 128},
		{zero, 12, 96, zero, ~0UL, 128},
	};
	CK_HUFU_ZUC_PARAMS eea3[] = {{1UL << 32, 0, 0, 0}, {0, 32, 0, 0}, {0, 0, 2, 0}, {~0UL, ~0UL, ~0UL, ~0UL}};
	CK_MECHANISM bad[] = {
		{CKM_HUFU_SM4_CBC, NULL, 0}, {CKM_HUFU_SM4_CBC, NULL, 16}, {CKM_HUFU_SM4_CBC, zero, 15},
		{CKM_HUFU_SM4_CBC, zero, 17},
		{CKM_HUFU_SM4_CBC, zero, 0}, {CKM_HUFU_SM4_CBC, zero, ~0UL}, {CKM_HUFU_SM4_ECB, zero, 16},
		{CKM_HUFU_SM4_OFB, NULL, 0},
		{CKM_HUFU_SM4_CFB128, zero, 8}, {CKM_HUFU_SM4_CBC_PAD, NULL, 0}, {CKM_HUFU_SM4_CTR, NULL, 0},
		{CKM_HUFU_SM4_CTR, zero, 16},
		{CKM_HUFU_SM4_GCM, NULL, 0}, {CKM_HUFU_SM4_GCM, zero, 12},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		IS(p11->C_EncryptInit(s, &bad[i], key), CKR_MECHANISM_PARAM_INVALID);
		IS(p11->C_DecryptInit(s, &bad[i], key), CKR_MECHANISM_PARAM_INVALID);
	}
	for (size_t i = 0; i < sizeof ctr / sizeof ctr[0]; i++) {
		CK_MECHANISM m = {CKM_HUFU_SM4_CTR, &ctr[i], sizeof ctr[i]};
		IS(p11->C_EncryptInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
	}
	for (size_t i = 0; i < sizeof gcm / sizeof gcm[0]; i++) {
		CK_MECHANISM m = {CKM_HUFU_SM4_GCM, &gcm[i], sizeof gcm[i]};
		IS(p11->C_EncryptInit(s, &m, key), CKR_MECHANISM_PARAM_INVALID);
	}
	for (size_t i = 0; i < sizeof eea3 / sizeof eea3[0]; i++) {
		CK_MECHANISM m = {CKM_HUFU_ZUC_EEA3, &eea3[i], sizeof eea3[i]};
		IS(p11->C_EncryptInit(s, &m, zuc), CKR_MECHANISM_PARAM_INVALID);
	}
}

static void test_permissions(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_MECHANISM_TYPE only[] = {CKM_HUFU_SM4_ECB};
	CK_OBJECT_HANDLE encrypts, decrypts, narrow;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), BYTES(CKA_VALUE, zero, 16), ATTR(CKA_ENCRYPT, yes),
		ATTR(CKA_DECRYPT, no),
		ATTR(CKA_ALLOWED_MECHANISMS, only),
	};
	NEED(p11->C_CreateObject(s, templ, 5, &encrypts));
	NEED(p11->C_CreateObject(s, templ, 6, &narrow));
	templ[3].pValue = &no;
	templ[4].pValue = &yes;
	NEED(p11->C_CreateObject(s, templ, 5, &decrypts));
	IS(p11->C_DecryptInit(s, &cbc, encrypts), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(p11->C_EncryptInit(s, &cbc, decrypts), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(p11->C_EncryptInit(s, &cbc, narrow), CKR_MECHANISM_INVALID);
	OK(p11->C_EncryptInit(s, &ecb, narrow));
	OK(p11->C_DecryptInit(s, &cbc, decrypts));
}

static void test_lengths(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	CK_MECHANISM pad = {CKM_HUFU_SM4_CBC_PAD, zero, 16};
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	CK_MECHANISM *blocks[] = {&cbc, &ecb};
	for (int i = 0; i < 2; i++) {
		OK(p11->C_EncryptInit(s, blocks[i], key));
		n = sizeof out;
		IS(p11->C_Encrypt(s, zero, 15, out, &n), CKR_DATA_LEN_RANGE);
		OK(p11->C_DecryptInit(s, blocks[i], key));
		n = sizeof out;
		IS(p11->C_Decrypt(s, zero, 17, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
		OK(p11->C_EncryptInit(s, blocks[i], key));
		n = sizeof out;
		OK(p11->C_EncryptUpdate(s, zero, 15, out, &n));
		CU_ASSERT_EQUAL(n, 0);
		n = sizeof out;
		IS(p11->C_EncryptFinal(s, out, &n), CKR_DATA_LEN_RANGE);
		OK(p11->C_DecryptInit(s, blocks[i], key));
		n = sizeof out;
		OK(p11->C_DecryptUpdate(s, zero, 17, out, &n));
		n = sizeof out;
		IS(p11->C_DecryptFinal(s, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
		OK(p11->C_EncryptInit(s, blocks[i], key)); /* the errors above have ended what was active */
		n = sizeof out;
		OK(p11->C_Encrypt(s, NULL, 0, out, &n));
		CU_ASSERT_EQUAL(n, 0);
	}
	OK(p11->C_EncryptInit(s, &pad, key));
	n = sizeof out;
	OK(p11->C_Encrypt(s, NULL, 0, out, &n));
	CU_ASSERT_EQUAL(n, 16);
	OK(p11->C_DecryptInit(s, &pad, key));
	OK(p11->C_Decrypt(s, out, 16, out, &n));
	CU_ASSERT_EQUAL(n, 0);
	OK(p11->C_DecryptInit(s, &pad, key));
	n = sizeof out;
	IS(p11->C_Decrypt(s, zero, 15, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
	OK(p11->C_DecryptInit(s, &pad, key));
	n = sizeof out;
	IS(p11->C_Decrypt(s, zero, 16, out, &n), CKR_ENCRYPTED_DATA_INVALID);
}

static void test_bad_arguments_end(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE key = sm4_key(s);
	CK_BYTE out[64];
	CK_ULONG n = sizeof out;
	OK(p11->C_EncryptInit(s, &cbc, key));
	IS(p11->C_Encrypt(s, NULL, 16, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_Encrypt(s, zero, 16, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_EncryptInit(s, &cbc, key));
	IS(p11->C_EncryptUpdate(s, zero, ~0UL, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_EncryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(p11->C_DecryptInit(s, &cbc, key));
	IS(p11->C_DecryptFinal(s, out, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_DecryptFinal(s, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

/* -- GCM ------------------------------------------------------------------------------------- */

static const struct vector *gcm_vector(void)
{
	const struct vector *v = vectors;
	while (v->type != CKM_HUFU_SM4_GCM)
		v++;
	return v;
}

static void test_gcm_forgery(void)
{
	CK_SESSION_HANDLE s = face_user();
	struct loaded l;
	CK_BYTE out[ROOM];
	CK_ULONG n;
	load(s, gcm_vector(), &l);
	for (CK_ULONG bit = 0; bit < 8 * l.cipher_len; bit += 37) {
		l.cipher[bit / 8] ^= (CK_BYTE)(1 << bit % 8);
		memset(out, 0xa5, sizeof out);
		n = sizeof out;
		OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
		IS(p11->C_Decrypt(s, l.cipher, l.cipher_len, out, &n), CKR_ENCRYPTED_DATA_INVALID);
		CU_ASSERT_NOT_EQUAL(memcmp(out, l.plain, 16), 0);
		n = sizeof out;
		IS(p11->C_Decrypt(s, l.cipher, l.cipher_len, out, &n), CKR_OPERATION_NOT_INITIALIZED);
		l.cipher[bit / 8] ^= (CK_BYTE)(1 << bit % 8);
	}
	n = sizeof out;
	OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
	IS(p11->C_Decrypt(s, l.cipher, 15, out, &n), CKR_ENCRYPTED_DATA_LEN_RANGE);
}

static void test_gcm_releases_late(void)
{
	CK_SESSION_HANDLE s = face_user();
	struct loaded l;
	CK_BYTE out[ROOM];
	CK_ULONG n = sizeof out;
	load(s, gcm_vector(), &l);
	OK(p11->C_DecryptInit(s, &l.mechanism, l.key));
	OK(p11->C_DecryptUpdate(s, l.cipher, l.cipher_len, out, &n));
	CU_ASSERT_EQUAL(n, 0);
	n = sizeof out;
	if (OK(p11->C_DecryptFinal(s, out, &n)))
		same(out, n, l.plain, l.plain_len);
	face_stop();
}

static const struct unit_case cases[] = {
	{"SM4 and EEA3 give the standards' values in one shot, both ways", test_one_shot},
	{"they do so in place", test_in_place},
	{"they do so in parts of any length, each asked for its size first", test_parts},
	{"asking for the size, and too small a buffer, keep the operation", test_sizes_keep},
	{"operations have an order: begin once, no one-shot after an update", test_order},
	{"mechanism, key handle and key type are refused with their own codes", test_init_codes},
	{"every bad parameter is CKR_MECHANISM_PARAM_INVALID", test_bad_parameters},
	{"a key does what its attributes permit, with the mechanisms they allow", test_permissions},
	{"lengths that do not fit are told apart, and end the operation", test_lengths},
	{"bad arguments end the operation", test_bad_arguments_end},
	{"GCM refuses any flipped bit and gives nothing away", test_gcm_forgery},
	{"GCM in parts releases nothing before the tag", test_gcm_releases_late},
	{0},
};

UNIT_MAIN("cipher", cases)
