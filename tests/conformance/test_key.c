/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: keys are generated, wrapped and random numbers given as PKCS#11 5.18 and 5.19 say. */
#include "tests/conformance/face.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

static CK_BYTE value[16] = "0123456789abcdef", zero[64];

static void test_generate(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_KEY_TYPE makes;
		CK_ULONG len;
	} rows[] = {
		{CKM_HUFU_SM4_KEY_GEN, CKK_HUFU_SM4, 0}, {CKM_HUFU_ZUC_KEY_GEN, CKK_HUFU_ZUC, 0},
		{CKM_HUFU_SM3_KEY_GEN, CKK_HUFU_SM3_HMAC, 32},
		{CKM_HUFU_SM3_KEY_GEN, CKK_HUFU_SM3_HMAC, 100},
	};
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CK_MECHANISM m = {rows[i].type, NULL, 0};
		CK_ULONG len = rows[i].len, got_len = 0;
		CK_OBJECT_HANDLE a, b;
		CK_KEY_TYPE type = 0;
		CK_MECHANISM_TYPE by = 0;
		CK_BYTE va[128], vb[128];
		CK_ATTRIBUTE templ[] = {ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_VALUE_LEN, len)};
		OK(p11->C_GenerateKey(s, &m, templ, len ? 3 : 2, &a));
		OK(p11->C_GenerateKey(s, &m, templ, len ? 3 : 2, &b));
		CK_ATTRIBUTE of_a[] = {ATTR(CKA_VALUE, va), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_VALUE_LEN, got_len),
			ATTR(CKA_KEY_GEN_MECHANISM, by)};
		CK_ATTRIBUTE of_b[] = {ATTR(CKA_VALUE, vb)};
		OK(p11->C_GetAttributeValue(s, a, of_a, 4));
		OK(p11->C_GetAttributeValue(s, b, of_b, 1));
		CU_ASSERT_EQUAL(type, rows[i].makes);
		CU_ASSERT_EQUAL(by, rows[i].type);
		CU_ASSERT_EQUAL(got_len, len ? len : 16);
		CU_ASSERT_EQUAL(of_a[0].ulValueLen, got_len);
		CU_ASSERT_NOT_EQUAL(memcmp(va, vb, got_len), 0);
	}
}

static void test_generate_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0}, pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0},
	cbc = {CKM_HUFU_SM4_CBC, zero, 16};
	CK_MECHANISM with_parameter = {CKM_HUFU_SM4_KEY_GEN, zero, 4}, hmac_gen = {CKM_HUFU_SM3_KEY_GEN, NULL, 0};
	CK_OBJECT_CLASS wrong_class = CKO_PUBLIC_KEY;
	CK_KEY_TYPE wrong_type = CKK_AES;
	CK_ULONG wrong_len = 17;
	CK_OBJECT_HANDLE a, b;
	CK_ATTRIBUTE class[] = {ATTR(CKA_CLASS, wrong_class)}, type[] = {ATTR(CKA_KEY_TYPE, wrong_type)},
	with_value[] = {ATTR(CKA_VALUE, value)};
	CK_ATTRIBUTE len[] = {ATTR(CKA_VALUE_LEN, wrong_len)};
	IS(p11->C_GenerateKey(s, &cbc, NULL, 0, &a), CKR_MECHANISM_INVALID);
	IS(p11->C_GenerateKey(s, &pair, NULL, 0, &a), CKR_MECHANISM_INVALID);
	IS(p11->C_GenerateKeyPair(s, &gen, NULL, 0, NULL, 0, &a, &b), CKR_MECHANISM_INVALID);
	IS(p11->C_GenerateKey(s, &with_parameter, NULL, 0, &a), CKR_MECHANISM_PARAM_INVALID);
	IS(p11->C_GenerateKey(s, NULL, NULL, 0, &a), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateKey(s, &gen, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateKey(s, &gen, NULL, 1, &a), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateKey(s, &gen, class, 1, &a), CKR_TEMPLATE_INCONSISTENT);
	IS(p11->C_GenerateKey(s, &gen, type, 1, &a), CKR_TEMPLATE_INCONSISTENT);
	CK_RV rv = p11->C_GenerateKey(s, &gen, with_value, 1, &a);
	CU_ASSERT(rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_READ_ONLY);
	rv = p11->C_GenerateKey(s, &gen, len, 1, &a);
	CU_ASSERT(rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_KEY_SIZE_RANGE);
	IS(p11->C_GenerateKey(s, &hmac_gen, NULL, 0, &a), CKR_TEMPLATE_INCOMPLETE);
	IS(p11->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, NULL, &b), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, &a, NULL), CKR_ARGUMENTS_BAD);
}

/* The public half is public even to those who are not logged in; nothing is made when one half is refused. */
static void test_pair(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub, priv, all[16];
	CK_BBOOL private_pub = 7, private_priv = 7;
	CK_ULONG before = 0, after = 0;
	CK_ATTRIBUTE of_pub = ATTR(CKA_PRIVATE, private_pub), of_priv = ATTR(CKA_PRIVATE, private_priv),
	       bad[] = {ATTR(CKA_MODULUS, value)};
	NEED(p11->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, &pub, &priv));
	OK(p11->C_GetAttributeValue(s, pub, &of_pub, 1));
	OK(p11->C_GetAttributeValue(s, priv, &of_priv, 1));
	CU_ASSERT(private_pub == CK_FALSE && private_priv == CK_TRUE);
	OK(p11->C_FindObjectsInit(s, NULL, 0));
	OK(p11->C_FindObjects(s, all, 16, &before));
	OK(p11->C_FindObjectsFinal(s));
	CU_ASSERT_NOT_EQUAL(p11->C_GenerateKeyPair(s, &pair, NULL, 0, bad, 1, &pub, &priv), CKR_OK);
	CU_ASSERT_NOT_EQUAL(p11->C_GenerateKeyPair(s, &pair, bad, 1, NULL, 0, &pub, &priv), CKR_OK);
	OK(p11->C_FindObjectsInit(s, NULL, 0));
	OK(p11->C_FindObjects(s, all, 16, &after));
	OK(p11->C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(before, after);
}

static void test_without_login(void)
{
	CK_SESSION_HANDLE s = face_public(CKF_RW_SESSION);
	CK_MECHANISM gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0}, pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE a, b;
	CK_ATTRIBUTE public[] = {ATTR(CKA_PRIVATE, no)};
	IS(p11->C_GenerateKeyPair(s, &pair, NULL, 0, NULL, 0, &a, &b), CKR_USER_NOT_LOGGED_IN);
	OK(p11->C_GenerateKey(s, &gen, public, 1, &a));
}

static void test_wrap_codes(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM pad = {CKM_HUFU_SM4_CBC_PAD, zero, 16}, gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0},
	digest = {CKM_HUFU_SM3, NULL, 0};
	CK_OBJECT_HANDLE wrapping = face_secret(s, CKK_HUFU_SM4, value, 16), closed, h;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_EXTRACTABLE, no)};
	CK_BYTE out[128];
	CK_ULONG n = sizeof out;
	CK_MECHANISM_INFO info;
	NEED(p11->C_GenerateKey(s, &gen, templ, 1, &closed));
	IS(p11->C_WrapKey(s, &digest, wrapping, closed, out, &n), CKR_MECHANISM_INVALID);
	IS(p11->C_WrapKey(s, NULL, wrapping, closed, out, &n), CKR_ARGUMENTS_BAD);
	IS(p11->C_WrapKey(s, &pad, wrapping, closed, out, NULL), CKR_ARGUMENTS_BAD);
	IS(p11->C_UnwrapKey(s, &digest, wrapping, out, 32, NULL, 0, &h), CKR_MECHANISM_INVALID);
	IS(p11->C_DeriveKey(s, &digest, wrapping, NULL, 0, &h), CKR_MECHANISM_INVALID);
	NEED(p11->C_GetMechanismInfo(face_slot("test"), CKM_HUFU_SM4_CBC_PAD, &info));
	if (!(info.flags & CKF_WRAP))
		return;
	IS(p11->C_WrapKey(s, &pad, 0, closed, out, &n), CKR_WRAPPING_KEY_HANDLE_INVALID);
	IS(p11->C_WrapKey(s, &pad, wrapping, 0, out, &n), CKR_KEY_HANDLE_INVALID);
	IS(p11->C_WrapKey(s, &pad, wrapping, closed, out, &n), CKR_KEY_UNEXTRACTABLE);
	IS(p11->C_UnwrapKey(s, &pad, 0, out, 32, NULL, 0, &h), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
}

/* What libcrypto makes of it, without padding of its own unless pad. */
static int libcrypto_cbc(int encrypt, int pad, const CK_BYTE *in, CK_ULONG len, CK_BYTE *out)
{
	int n = 0, last = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	CU_ASSERT_FATAL(EVP_CipherInit_ex(ctx, EVP_sm4_cbc(), NULL, value, zero, encrypt) == 1);
	EVP_CIPHER_CTX_set_padding(ctx, pad);
	CU_ASSERT(EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && EVP_CipherFinal_ex(ctx, out + n, &last) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return n + last;
}

static CK_OBJECT_HANDLE unwrapped(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, CK_KEY_TYPE type, CK_BYTE *in,
                                  CK_ULONG len)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE h = 0;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes),
	};
	OK(p11->C_UnwrapKey(s, m, key, in, len, templ, 4, &h));
	return h;
}

static void has_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_BYTE *want, CK_ULONG len)
{
	CK_BYTE got[64];
	CK_ATTRIBUTE templ[] = {ATTR(CKA_VALUE, got)};
	if (OK(p11->C_GetAttributeValue(s, h, templ, 1)))
		CU_ASSERT(templ[0].ulValueLen == len && memcmp(got, want, len) == 0);
}

static void test_wrap_secret(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_GCM_PARAMS gcm = {zero, 12, 96, NULL, 0, 128};
	CK_MECHANISM pad = {CKM_HUFU_SM4_CBC_PAD, zero, 16}, cbc = {CKM_HUFU_SM4_CBC, zero, 16};
	CK_MECHANISM all[] = {pad, cbc, {CKM_HUFU_SM4_ECB, NULL, 0}, {CKM_HUFU_SM4_GCM, &gcm, sizeof gcm}};
	CK_BYTE secret[16] = "what is wrapped.", out[128], want[64];
	CK_OBJECT_HANDLE wrapping = face_secret(s, CKK_HUFU_SM4, value, 16), key = face_secret(s, CKK_HUFU_SM4, secret, 16);
	for (int i = 0; i < 4; i++) {
		CK_ULONG n = 0;
		OK(p11->C_WrapKey(s, &all[i], wrapping, key, NULL, &n));
		CU_ASSERT_FATAL(n >= 16 && n <= sizeof out);
		CK_ULONG small = 15;
		IS(p11->C_WrapKey(s, &all[i], wrapping, key, out, &small), CKR_BUFFER_TOO_SMALL);
		OK(p11->C_WrapKey(s, &all[i], wrapping, key, out, &n));
		if (i < 2)
			CU_ASSERT(libcrypto_cbc(1, i == 0, secret, 16, want) == (int)n && memcmp(out, want, n) == 0);
		has_value(s, unwrapped(s, &all[i], wrapping, CKK_HUFU_SM4, out, n), secret, 16);
	}
	CK_OBJECT_HANDLE h, odd = face_secret(s, CKK_GENERIC_SECRET, secret, 11);
	CK_ULONG n = sizeof out;
	OK(p11->C_WrapKey(s, &pad, wrapping, odd, out, &n));
	has_value(s, unwrapped(s, &pad, wrapping, CKK_GENERIC_SECRET, out, n), secret, 11);
	CK_RV rv = p11->C_UnwrapKey(s, &pad, wrapping, out, n - 1, NULL, 0, &h);
	CU_ASSERT(rv == CKR_WRAPPED_KEY_LEN_RANGE || rv == CKR_TEMPLATE_INCOMPLETE);
	out[n - 1] ^= 1;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type)};
	IS(p11->C_UnwrapKey(s, &pad, wrapping, out, n, templ, 2, &h), CKR_WRAPPED_KEY_INVALID);
	IS(p11->C_UnwrapKey(s, &pad, wrapping, out, n - 1, templ, 2, &h), CKR_WRAPPED_KEY_LEN_RANGE);
}

/* A private SM2 key travels as PKCS#8, which libcrypto reads. */
static void test_wrap_private(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_MECHANISM pad = {CKM_HUFU_SM4_CBC_PAD, zero, 16}, gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0},
	sm2 = {CKM_HUFU_SM2_SM3, NULL, 0};
	CK_OBJECT_HANDLE wrapping = face_secret(s, CKK_HUFU_SM4, value, 16), pub, priv, again = 0;
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM2;
	CK_ATTRIBUTE open[] = {ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_SIGN, yes)};
	CK_BYTE out[512], pkcs8[512], point[67], signature[64], *spki = NULL;
	const CK_BYTE *p = pkcs8;
	CK_ULONG n = sizeof out, m = sizeof signature;
	NEED(p11->C_GenerateKeyPair(s, &gen, NULL, 0, open, 2, &pub, &priv));
	NEED(p11->C_WrapKey(s, &pad, wrapping, priv, out, &n));
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, libcrypto_cbc(0, 1, out, n, pkcs8));
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	int spki_len = i2d_PUBKEY(key, &spki);
	CK_ATTRIBUTE of_pub[] = {ATTR(CKA_EC_POINT, point)};
	OK(p11->C_GetAttributeValue(s, pub, of_pub, 1));
	CU_ASSERT(spki_len > 65 && memcmp(spki + spki_len - 65, point + 2, 65) == 0);
	OPENSSL_free(spki);
	EVP_PKEY_free(key);
	OK(p11->C_UnwrapKey(s, &pad, wrapping, out, n, templ, 3, &again));
	OK(p11->C_SignInit(s, &sm2, again));
	OK(p11->C_Sign(s, value, 16, signature, &m));
	OK(p11->C_VerifyInit(s, &sm2, pub));
	OK(p11->C_Verify(s, value, 16, signature, 64));
}

/* -- random -------------------------------------------------------------------------------------- */

static void test_random(void)
{
	CK_SESSION_HANDLE s = face_public(0);
	static CK_BYTE a[100000], b[100000];
	unsigned ones = 0;
	OK(p11->C_GenerateRandom(s, a, sizeof a));
	OK(p11->C_GenerateRandom(s, b, sizeof b));
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, 32), 0);
	for (size_t i = 0; i < sizeof a; i++)
		ones += (unsigned)__builtin_popcount(a[i]);
	CU_ASSERT(ones > 396000 && ones < 404000); /* 400,000 +- 9 standard deviations of 447 */
	OK(p11->C_GenerateRandom(s, a, 0));
	OK(p11->C_GenerateRandom(s, NULL, 0));
	IS(p11->C_GenerateRandom(s, NULL, 8), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateRandom(s, a, ~0UL), CKR_ARGUMENTS_BAD);
	IS(p11->C_GenerateRandom(0, a, 8), CKR_SESSION_HANDLE_INVALID);
	OK(p11->C_SeedRandom(s, value, 16));
	OK(p11->C_SeedRandom(s, value, 0));
	IS(p11->C_SeedRandom(s, NULL, 8), CKR_ARGUMENTS_BAD);
	OK(p11->C_GenerateRandom(s, b, 32));
	face_stop();
}

/* -- keys of the international algorithms --------------------------------------------- */

static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70},
	x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
static CK_ULONG rsa_nbits = 2048;

static const struct {
	CK_MECHANISM_TYPE type;
	CK_KEY_TYPE makes;
	CK_ATTRIBUTE what;              /* all that the public template must say */
	CK_ATTRIBUTE_TYPE shown, secret;
	const char *algorithm;          /* libcrypto's name of it */
} pairs[] = {
	{CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, ATTR(CKA_MODULUS_BITS, rsa_nbits), CKA_MODULUS, CKA_PRIVATE_EXPONENT, "RSA"},
	{CKM_EC_KEY_PAIR_GEN, CKK_EC, ATTR(CKA_EC_PARAMS, p256), CKA_EC_POINT, CKA_VALUE, "EC"},
	{CKM_EC_EDWARDS_KEY_PAIR_GEN, CKK_EC_EDWARDS, ATTR(CKA_EC_PARAMS, ed25519), CKA_EC_POINT, CKA_VALUE, "ED25519"},
	{CKM_EC_MONTGOMERY_KEY_PAIR_GEN, CKK_EC_MONTGOMERY, ATTR(CKA_EC_PARAMS, x25519), CKA_EC_POINT, CKA_VALUE, "X25519"},
};
#define NPAIRS (sizeof pairs / sizeof pairs[0])

/* SunPKCS11, NSS and OpenSSH look for the other half so. */
static CK_ULONG count_by(CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE type, CK_BYTE *bytes, CK_ULONG len, CK_OBJECT_HANDLE found[4])
{
	CK_ATTRIBUTE templ = {type, bytes, len};
	CK_ULONG n = 0;
	NEED(p11->C_FindObjectsInit(s, &templ, 1));
	OK(p11->C_FindObjects(s, found, 4, &n));
	OK(p11->C_FindObjectsFinal(s));
	return n;
}

static void test_pairs_found(void)
{
	CK_SESSION_HANDLE s = face_user();
	for (size_t i = 0; i < NPAIRS; i++) {
		CK_MECHANISM m = {pairs[i].type, NULL, 0};
		CK_OBJECT_HANDLE pub, priv, found[4];
		CK_KEY_TYPE type = 0;
		CK_BYTE bytes[512], secret[512];
		CK_ATTRIBUTE half[] = {pairs[i].what, ATTR(CKA_TOKEN, yes)}, on_token = ATTR(CKA_TOKEN, yes);
		NEED(p11->C_GenerateKeyPair(s, &m, half, 2, &on_token, 1, &pub, &priv));
		/* 5.7.5: what may not be shown is marked, all else is there. */
		CK_ATTRIBUTE of[] = {{pairs[i].secret, secret, sizeof secret}, {pairs[i].shown, bytes, sizeof bytes},
			ATTR(CKA_KEY_TYPE, type)};
		IS(p11->C_GetAttributeValue(s, priv, of, 3), CKR_ATTRIBUTE_SENSITIVE);
		CU_ASSERT(of[0].ulValueLen == CK_UNAVAILABLE_INFORMATION && of[1].ulValueLen > 32 && type == pairs[i].makes);
		CU_ASSERT_EQUAL(count_by(s, pairs[i].shown, bytes, of[1].ulValueLen, found), 2);
		OK(p11->C_Logout(s));
		CU_ASSERT(count_by(s, pairs[i].shown, bytes, of[1].ulValueLen, found) == 1 && found[0] == pub);
		IS(p11->C_GetAttributeValue(s, priv, of, 3), CKR_OBJECT_HANDLE_INVALID);
		OK(p11->C_Login(s, CKU_USER, PIN(USER_PIN)));
		CU_ASSERT_EQUAL(count_by(s, pairs[i].shown, bytes, of[1].ulValueLen, found), 2);
		OK(p11->C_DestroyObject(s, found[0]));
		OK(p11->C_DestroyObject(s, found[1]));
	}
}

/* RFC 5649 by libcrypto; the text's length. */
static size_t open_kwp(const CK_BYTE key[32], const CK_BYTE *wrapped, CK_ULONG len, CK_BYTE *text)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	CU_ASSERT_EQUAL(EVP_DecryptInit_ex2(ctx, cipher, key, NULL, NULL), 1);
	CU_ASSERT_EQUAL(EVP_DecryptUpdate(ctx, text, &n, wrapped, (int)len), 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return (size_t)n;
}

/* A sensitive private key leaves under key wrap; what arrives is the private half of the public key, says libcrypto. */
static void test_wrap_pairs(void)
{
	CK_SESSION_HANDLE s = face_user();
	CK_BYTE kek_value[32] = {3}, wrapped[2048], text[2048], info[1024];
	CK_OBJECT_HANDLE kek = face_secret(s, CKK_AES, kek_value, sizeof kek_value);
	CK_MECHANISM kwp = {CKM_AES_KEY_WRAP_KWP, NULL, 0}, cbc = {CKM_AES_CBC_PAD, zero, 16};
	for (size_t i = 0; i < NPAIRS; i++) {
		CK_MECHANISM m = {pairs[i].type, NULL, 0};
		CK_OBJECT_HANDLE pub, priv;
		CK_ATTRIBUTE what = pairs[i].what, leaves = ATTR(CKA_EXTRACTABLE, yes), spki = ATTR(CKA_PUBLIC_KEY_INFO, info);
		CK_ULONG len = sizeof wrapped;
		NEED(p11->C_GenerateKeyPair(s, &m, &what, 1, &leaves, 1, &pub, &priv));
		IS(p11->C_WrapKey(s, &cbc, kek, priv, wrapped, &len), CKR_KEY_NOT_WRAPPABLE);
		len = sizeof wrapped;
		NEED(p11->C_WrapKey(s, &kwp, kek, priv, wrapped, &len));
		NEED(p11->C_GetAttributeValue(s, pub, &spki, 1));
		const unsigned char *p = text, *q = info;
		size_t text_len = open_kwp(kek_value, wrapped, len, text);
		EVP_PKEY *private = d2i_AutoPrivateKey(NULL, &p, (long)text_len), *public = d2i_PUBKEY(NULL, &q, (long)spki.ulValueLen);
		CU_ASSERT(private && public && EVP_PKEY_is_a(private, pairs[i].algorithm) && EVP_PKEY_eq(private, public) == 1);
		EVP_PKEY_free(private);
		EVP_PKEY_free(public);
	}
}

static const struct unit_case cases[] = {
	{"secret keys are generated at random, with type, length and origin", test_generate},
	{"key generation refuses mechanism and template with their own codes", test_generate_codes},
	{"a key pair is made whole or not at all, its public half public", test_pair},
	{"private keys want a login, public ones do not", test_without_login},
	{"wrapping and deriving refuse with their own codes", test_wrap_codes},
	{"secret keys are wrapped as libcrypto would, and come back", test_wrap_secret},
	{"a private SM2 key is wrapped as PKCS#8, which libcrypto reads", test_wrap_private},
	{"pairs of RSA and of curves are found by their public half, whose private one keeps its secret", test_pairs_found},
	{"their private halves are wrapped as PKCS#8, which libcrypto reads", test_wrap_pairs},
	{"random numbers come in any length; a seed is mixed in", test_random},
	{0},
};

UNIT_MAIN("key", cases)
