/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: signatures, MACs and digests through the token are those of the standards and of libcrypto, however
 * the data comes; exact codes.
 */
#include "token_util.h"

#include "sm/sm2.h"
#include "sm/sm3.h"
#include "token/asn1.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

static uint8_t message[5000];

static void up(void)
{
	rng_fill(message, sizeof message);
	token_up_with_two();
}

/* -- digests ------------------------------------------------------------------------ */

static const CK_MECHANISM sm3_mech = {CKM_HUFU_SM3, NULL, 0};

static void test_digest(void)
{
	uint8_t out[32];
	CK_ULONG n = 0;
	/* GB/T 32905-2016 A.1 */
	OK(digest_init(session, &sm3_mech));
	OK(digest_once(session, (const CK_BYTE *)"abc", 3, NULL, &n));
	CU_ASSERT_EQUAL(n, 32);
	n = 31;
	IS(digest_once(session, (const CK_BYTE *)"abc", 3, out, &n), CKR_BUFFER_TOO_SMALL);
	OK(digest_once(session, (const CK_BYTE *)"abc", 3, out, &n));
	ASSERT_HEX(out, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	IS(digest_final(session, out, &n), CKR_OPERATION_NOT_INITIALIZED);

	for (size_t cut = 0; cut <= 64; cut++) { /* A.2: "abcd" 16 times */
		char text[65];
		for (int i = 0; i < 16; i++)
			memcpy(text + 4 * i, "abcd", 4);
		OK(digest_init(session, &sm3_mech));
		OK(digest_update(session, (const CK_BYTE *)text, cut));
		OK(digest_update(session, (const CK_BYTE *)text + cut, 64 - cut));
		IS(digest_once(session, message, 1, out, &n), CKR_OPERATION_ACTIVE);
		n = 1;
		IS(digest_final(session, out, &n), CKR_BUFFER_TOO_SMALL);
		OK(digest_final(session, out, &n));
		ASSERT_HEX(out, 32, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
	}
}

static void test_digest_codes(void)
{
	CK_MECHANISM hmac = {CKM_HUFU_SM3_HMAC, NULL, 0}, param = {CKM_HUFU_SM3, message, 1};
	uint8_t out[32];
	CK_ULONG n = 32;
	IS(digest_init(session, &hmac), CKR_MECHANISM_INVALID);
	IS(digest_init(session, &param), CKR_MECHANISM_PARAM_INVALID);
	IS(digest_update(session, message, 1), CKR_OPERATION_NOT_INITIALIZED);
	OK(digest_init(session, &sm3_mech));
	IS(digest_init(session, &sm3_mech), CKR_OPERATION_ACTIVE);
	OK(digest_init(session, NULL));
	IS(digest_once(session, message, 1, out, &n), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_digest_key(void)
{
	CK_ATTRIBUTE sensitive = {CKA_SENSITIVE, (void *)(uintptr_t)&yes, 1}, kept = {CKA_EXTRACTABLE, (void *)(uintptr_t)&no, 1};
	CK_OBJECT_HANDLE secret = make_secret(CKK_GENERIC_SECRET, "abc", 3, NULL, 0);
	CK_OBJECT_HANDLE bad[] = {make_secret(CKK_GENERIC_SECRET, "abc", 3, &sensitive, 1),
	                          make_secret(CKK_GENERIC_SECRET, "abc", 3, &kept, 1), sm2_private};
	uint8_t out[32];
	CK_ULONG n = 32;
	OK(digest_init(session, &sm3_mech));
	OK(digest_key(session, secret));
	OK(digest_final(session, out, &n));
	ASSERT_HEX(out, 32, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
	for (size_t i = 0; i < 3; i++) {
		OK(digest_init(session, &sm3_mech));
		IS(digest_key(session, bad[i]), CKR_KEY_INDIGESTIBLE);
	}
	OK(digest_init(session, &sm3_mech));
	IS(digest_key(session, 0x7ffffff0), CKR_KEY_HANDLE_INVALID);
}

/* -- MACs ------------------------------------------------------------------------------ */

static CK_RV sign_at_once(const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, uint8_t *sig, CK_ULONG *n)
{
	CK_RV rv = sign_init(session, m, key);
	return rv == CKR_OK ? sign_once(session, in, len, sig, n) : rv;
}

static CK_RV verify_at_once(const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, const uint8_t *sig,
                            size_t n)
{
	CK_RV rv = verify_init(session, m, key, NULL, 0);
	return rv == CKR_OK ? verify_once(session, in, len, sig, n) : rv;
}

static CK_RV sign_parts(const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, size_t a, size_t b,
                        uint8_t *sig, CK_ULONG *n)
{
	CK_RV rv = sign_init(session, m, key);
	if (rv == CKR_OK)
		rv = sign_update(session, in, a);
	if (rv == CKR_OK)
		rv = sign_update(session, in + a, b - a);
	if (rv == CKR_OK)
		rv = sign_update(session, in + b, len - b);
	return rv == CKR_OK ? sign_final(session, sig, n) : rv;
}

static CK_RV verify_parts(const CK_MECHANISM *m, CK_OBJECT_HANDLE key, const uint8_t *in, size_t len, size_t a,
                          const uint8_t *sig, size_t n)
{
	CK_RV rv = verify_init(session, m, key, NULL, 0);
	if (rv == CKR_OK)
		rv = verify_update(session, in, a);
	if (rv == CKR_OK)
		rv = verify_update(session, in + a, len - a);
	return rv == CKR_OK ? verify_final(session, sig, n) : rv;
}

/* GM/T 0042-2015 D.3 */
static void test_hmac_standard(void)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
	                           "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	static const char want[] = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a";
	CK_MECHANISM mech = {CKM_HUFU_SM3_HMAC, NULL, 0};
	const uint8_t *in = (const uint8_t *)text;
	size_t len = sizeof text - 1;
	uint8_t mac[32];
	CK_ULONG n = 32;
	OK(sign_at_once(&mech, hmac_key, in, len, mac, &n));
	CU_ASSERT_EQUAL(n, 32);
	ASSERT_HEX(mac, 32, want);
	OK(verify_at_once(&mech, hmac_key, in, len, mac, 32));
	for (size_t a = 0; a <= len; a += 3)
		for (size_t b = a; b <= len; b += 11) {
			n = 32;
			OK(sign_parts(&mech, hmac_key, in, len, a, b, mac, &n));
			ASSERT_HEX(mac, 32, want);
			OK(verify_parts(&mech, hmac_key, in, len, a, mac, 32));
		}
	CK_OBJECT_HANDLE jefe = make_secret(CKK_GENERIC_SECRET, "Jefe", 4, NULL, 0);
	n = 32;
	OK(sign_at_once(&mech, jefe, (const uint8_t *)"what do ya want for nothing?", 28, mac, &n));
	ASSERT_HEX(mac, 32, "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882");
}

static void reference_hmac(const uint8_t *in, size_t len, uint8_t mac[32])
{
	uint8_t key[32];
	size_t n = 0;
	for (size_t i = 0; i < 32; i++)
		key[i] = (uint8_t)(i + 1);
	CU_ASSERT_PTR_NOT_NULL(EVP_Q_mac(NULL, "HMAC", NULL, "SM3", NULL, key, 32, in, len, mac, 32, &n));
}

static void test_hmac_long(void)
{
	CK_MECHANISM mech = {CKM_HUFU_SM3_HMAC, NULL, 0};
	for (int round = 0; round < 60; round++) {
		size_t len = rng_below(sizeof message + 1), b = rng_below(len + 1), a = rng_below(b + 1);
		uint8_t want[32], mac[32];
		CK_ULONG n = 32;
		reference_hmac(message, len, want);
		OK(sign_at_once(&mech, hmac_key, message, len, mac, &n));
		ASSERT_SAME(mac, want, 32);
		n = 32;
		OK(sign_parts(&mech, hmac_key, message, len, a, b, mac, &n));
		ASSERT_SAME(mac, want, 32);
		OK(verify_parts(&mech, hmac_key, message, len, a, mac, 32));
		mac[rng_below(32)] ^= 1;
		IS(verify_parts(&mech, hmac_key, message, len, a, mac, 32), CKR_SIGNATURE_INVALID);
	}
}

static void test_hmac_general(void)
{
	uint8_t want[32], mac[32];
	reference_hmac(message, 100, want);
	for (CK_MAC_GENERAL_PARAMS len = 1; len <= 32; len++) {
		CK_MECHANISM mech = {CKM_HUFU_SM3_HMAC_GENERAL, &len, sizeof len};
		CK_ULONG n = 0;
		OK(sign_init(session, &mech, hmac_key));
		OK(sign_once(session, message, 100, NULL, &n));
		CU_ASSERT_EQUAL(n, len);
		OK(sign_once(session, message, 100, mac, &n));
		CU_ASSERT(n == len && memcmp(mac, want, len) == 0);
		OK(verify_at_once(&mech, hmac_key, message, 100, want, len));
		IS(verify_at_once(&mech, hmac_key, message, 100, want, len - 1), CKR_SIGNATURE_LEN_RANGE);
		IS(verify_at_once(&mech, hmac_key, message, 100, want, len + 1), CKR_SIGNATURE_LEN_RANGE);
	}
}

static void test_eia3(void)
{
	static const uint8_t zeros[16];
	CK_OBJECT_HANDLE key = make_secret(CKK_HUFU_ZUC, zeros, 16, NULL, 0);
	CK_HUFU_ZUC_PARAMS p = {.ulBits = 1};
	CK_MECHANISM mech = {CKM_HUFU_ZUC_EIA3, &p, sizeof p};
	uint8_t mac[4], in[4] = {0};
	CK_ULONG n = 4;
	/* GM/T 0001.3-2012, first set: one bit */
	for (size_t len = 1; len <= 4; len++) {
		n = 4;
		OK(sign_at_once(&mech, key, in, len, mac, &n));
		CU_ASSERT_EQUAL(n, 4);
		ASSERT_HEX(mac, 4, "c8a9595e");
		OK(verify_at_once(&mech, key, in, len, mac, 4));
	}
	IS(sign_at_once(&mech, key, in, 0, mac, &n), CKR_DATA_LEN_RANGE);
	IS(verify_at_once(&mech, key, in, 1, mac, 3), CKR_SIGNATURE_LEN_RANGE);
	mac[3] ^= 1;
	IS(verify_at_once(&mech, key, in, 1, mac, 4), CKR_SIGNATURE_INVALID);
}

/* Whatever length is told or not, the parts make no difference. */
static void test_eia3_parts(void)
{
	for (int round = 0; round < 200; round++) {
		size_t len = 1 + rng_below(round < 100 ? 40 : sizeof message), b = rng_below(len + 1), a = rng_below(b + 1);
		CK_HUFU_ZUC_PARAMS p = {.ulCount = 0xa94059da, .ulBearer = 0xa, .ulDirection = 1};
		p.ulBits = round % 2 ? 8 * len - rng_below(8) : 0;
		CK_MECHANISM mech = {CKM_HUFU_ZUC_EIA3, &p, sizeof p};
		uint8_t once[4], parts[4];
		CK_ULONG n = 4;
		OK(sign_at_once(&mech, zuc_key, message, len, once, &n));
		OK(sign_parts(&mech, zuc_key, message, len, a, b, parts, &n));
		ASSERT_SAME(once, parts, 4);
		OK(verify_parts(&mech, zuc_key, message, len, a, once, 4));
	}
}

/* -- SM2 ------------------------------------------------------------------------------------ */

static const CK_MECHANISM_TYPE digest_types[] = {CKM_HUFU_SM2, CKM_HUFU_SM2_DER};
static const CK_MECHANISM_TYPE message_types[] = {CKM_HUFU_SM2_SM3, CKM_HUFU_SM2_SM3_DER};

/* GB/T 32918.5-2017 A.2: e, r, s of "message digest" with the default ID. */
static const char *const standard_e = "F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640";
static const char *const standard_sig = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
                                        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";

static size_t standard_signature(bool der, uint8_t *out)
{
	uint8_t raw[64];
	unit_hex(standard_sig, raw);
	if (der)
		return asn1_sig_encode(raw, out);
	memcpy(out, raw, 64);
	return 64;
}

static void test_sm2_standard(void)
{
	static const uint8_t text[] = "message digest";
	for (int der = 0; der < 2; der++) {
		CK_MECHANISM of_digest = {digest_types[der], NULL, 0}, of_message = {message_types[der], NULL, 0};
		uint8_t e[32], sig[80];
		size_t n = standard_signature(der, sig);
		unit_hex(standard_e, e);
		OK(verify_at_once(&of_digest, sm2_public, e, 32, sig, n));
		for (size_t cut = 0; cut <= 14; cut++)
			OK(verify_parts(&of_message, sm2_public, text, 14, cut, sig, n));
		OK(verify_at_once(&of_message, sm2_public, text, 14, sig, n));
		for (size_t cut = 0; cut <= 32; cut++)
			OK(verify_parts(&of_digest, sm2_public, e, 32, cut, sig, n));
		for (size_t i = 0; i < n; i++) {
			sig[i] ^= 0x20;
			IS(verify_at_once(&of_message, sm2_public, text, 14, sig, n), CKR_SIGNATURE_INVALID);
			sig[i] ^= 0x20;
		}
		IS(verify_at_once(&of_message, sm2_public, text, 13, sig, n), CKR_SIGNATURE_INVALID);
		IS(verify_at_once(&of_message, sm2_public, text, 14, sig, n - 1),
		   der ? CKR_SIGNATURE_INVALID : CKR_SIGNATURE_LEN_RANGE);
		IS(verify_at_once(&of_message, sm2_public, text, 14, message, 73), CKR_SIGNATURE_LEN_RANGE);
		IS(verify_at_once(&of_digest, sm2_public, e, 31, sig, n), CKR_DATA_LEN_RANGE);
		IS(verify_at_once(&of_digest, sm2_public, message, 33, sig, n), CKR_DATA_LEN_RANGE);
	}
}

static void test_sm2_sign(void)
{
	for (int der = 0; der < 2; der++)
		for (int round = 0; round < 10; round++) {
			CK_MECHANISM of_digest = {digest_types[der], NULL, 0}, of_message = {message_types[der], NULL, 0};
			size_t len = rng_below(sizeof message);
			uint8_t sig[80];
			CK_ULONG n = 0;
			OK(sign_init(session, &of_message, sm2_private));
			OK(sign_once(session, message, len, NULL, &n));
			CU_ASSERT_EQUAL(n, der ? 72 : 64);
			n--;
			IS(sign_once(session, message, len, sig, &n), CKR_BUFFER_TOO_SMALL);
			OK(sign_once(session, message, len, sig, &n));
			OK(verify_at_once(&of_message, sm2_public, message, len, sig, n));
			n = sizeof sig;
			OK(sign_parts(&of_message, sm2_private, message, len, len / 3, len / 2, sig, &n));
			OK(verify_at_once(&of_message, sm2_public, message, len, sig, n));
			n = sizeof sig;
			OK(sign_parts(&of_digest, sm2_private, message, 32, 5, 20, sig, &n));
			OK(verify_at_once(&of_digest, sm2_public, message, 32, sig, n));
			n = sizeof sig;
			IS(sign_at_once(&of_digest, sm2_private, message, 31, sig, &n), CKR_DATA_LEN_RANGE);
			IS(sign_at_once(&of_digest, sm2_private, message, 33, sig, &n), CKR_DATA_LEN_RANGE);
		}
}

static EVP_PKEY *evp_key(void)
{
	uint8_t der[160];
	asn1_pkcs8_encode(standard_d, standard_point, der);
	const unsigned char *p = der;
	return d2i_AutoPrivateKey(NULL, &p, ASN1_PKCS8_LEN);
}

static EVP_MD_CTX *evp_context(EVP_PKEY *key, const uint8_t *id, size_t id_len, bool sign)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	EVP_PKEY_CTX_set1_id(c, id, (int)id_len);
	EVP_MD_CTX_set_pkey_ctx(md, c);
	if (sign)
		EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, key);
	else
		EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, key);
	return md;
}

static void evp_free(EVP_MD_CTX *md)
{
	EVP_PKEY_CTX_free(EVP_MD_CTX_get_pkey_ctx(md));
	EVP_MD_CTX_free(md);
}

/* Both ways, with identifiers of many lengths. */
static void test_sm2_libcrypto(void)
{
	static const size_t id_lens[] = {0, 1, 16, 18, 96, 97, 500, 8190}; /* libcrypto knows no 8191 */
	EVP_PKEY *key = evp_key();
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	for (size_t i = 0; i < sizeof id_lens / sizeof id_lens[0]; i++) {
		static uint8_t id[8190];
		CK_HUFU_SM2_SM3_PARAMS p = {.pId = id, .ulIdLen = id_lens[i]};
		CK_MECHANISM mech = {CKM_HUFU_SM2_SM3_DER, &p, sizeof p};
		size_t len = rng_below(sizeof message), theirs = 80;
		uint8_t sig[80];
		CK_ULONG n = 80;
		rng_fill(id, sizeof id);
		OK(sign_at_once(&mech, sm2_private, message, len, sig, &n));
		EVP_MD_CTX *md = evp_context(key, id, id_lens[i], false);
		CU_ASSERT_EQUAL(EVP_DigestVerify(md, sig, n, message, len), 1);
		evp_free(md);
		md = evp_context(key, id, id_lens[i], true);
		CU_ASSERT_EQUAL(EVP_DigestSign(md, sig, &theirs, message, len), 1);
		evp_free(md);
		OK(verify_at_once(&mech, sm2_public, message, len, sig, theirs));
		id[0] ^= 1;
		IS(verify_at_once(&mech, sm2_public, message, len, sig, theirs), id_lens[i] ? CKR_SIGNATURE_INVALID : CKR_OK);
	}
	EVP_PKEY_free(key);
}

/* -- Init, and signatures given beforehand --------------------------------------------------- */

static void test_codes(void)
{
	CK_MECHANISM sm2 = {CKM_HUFU_SM2, NULL, 0}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0}, ecdsa = {CKM_ECDSA, NULL, 0},
		ecb = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_ATTRIBUTE no_sign = {CKA_SIGN, (void *)(uintptr_t)&no, 1};
	CK_OBJECT_HANDLE mute = make_sm2_private(standard_d, &no_sign, 1);
	uint8_t sig[80];
	CK_ULONG n = 80;
	IS(sign_init(session, &ecdsa, sm2_private), CKR_KEY_TYPE_INCONSISTENT);
	IS(sign_init(session, &ecb, sm4_key), CKR_MECHANISM_INVALID);
	IS(sign_init(session, &sm2, sm2_public), CKR_KEY_TYPE_INCONSISTENT);
	IS(verify_init(session, &sm2, sm2_private, NULL, 0), CKR_KEY_TYPE_INCONSISTENT);
	IS(sign_init(session, &hmac, sm4_key), CKR_KEY_TYPE_INCONSISTENT);
	IS(sign_init(session, &sm2, 0), CKR_KEY_HANDLE_INVALID);
	IS(sign_init(session, &sm2, mute), CKR_KEY_FUNCTION_NOT_PERMITTED);
	IS(sign_once(session, message, 32, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(sign_final(session, sig, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(verify_once(session, message, 32, sig, 64), CKR_OPERATION_NOT_INITIALIZED);
	OK(sign_init(session, &hmac, hmac_key));
	IS(sign_init(session, &hmac, hmac_key), CKR_OPERATION_ACTIVE);
	OK(sign_update(session, message, 3));
	IS(sign_once(session, message, 3, sig, &n), CKR_OPERATION_ACTIVE);
	OK(sign_init(session, NULL, 0));
	IS(sign_update(session, message, 3), CKR_OPERATION_NOT_INITIALIZED);
}

static void test_verify_signature(void)
{
	static const uint8_t text[] = "message digest";
	CK_MECHANISM mech = {CKM_HUFU_SM2_SM3, NULL, 0};
	uint8_t sig[80];
	size_t n = standard_signature(false, sig);
	OK(verify_init(session, &mech, sm2_public, sig, n));
	OK(verify_signature_once(session, text, 14));
	OK(verify_init(session, &mech, sm2_public, sig, n));
	OK(verify_signature_update(session, text, 5));
	OK(verify_signature_update(session, text + 5, 9));
	OK(verify_signature_final(session));
	IS(verify_signature_final(session), CKR_OPERATION_NOT_INITIALIZED);
	OK(verify_init(session, &mech, sm2_public, sig, n));
	IS(verify_signature_once(session, text, 13), CKR_SIGNATURE_INVALID);
	IS(verify_init(session, &mech, sm2_public, message, 73), CKR_SIGNATURE_LEN_RANGE);
	OK(verify_init(session, &mech, sm2_public, message, 63));
	IS(verify_signature_once(session, text, 14), CKR_SIGNATURE_LEN_RANGE);
	/* the two ways are not mixed */
	OK(verify_init(session, &mech, sm2_public, sig, n));
	IS(verify_once(session, text, 14, sig, n), CKR_OPERATION_NOT_INITIALIZED);
	OK(verify_signature_once(session, text, 14));
	OK(verify_init(session, &mech, sm2_public, NULL, 0));
	IS(verify_signature_once(session, text, 14), CKR_OPERATION_NOT_INITIALIZED);
	OK(verify_once(session, text, 14, sig, n));
}

/* PKCS#11 4.9: a login for each use, and only for one. */
static void test_always_authenticate(void)
{
	CK_ATTRIBUTE always[] = {{CKA_ALWAYS_AUTHENTICATE, (void *)(uintptr_t)&yes, 1}, {CKA_PRIVATE, (void *)(uintptr_t)&yes, 1}};
	CK_OBJECT_HANDLE key = make_sm2_private(standard_d, always, 2);
	CK_MECHANISM mech = {CKM_HUFU_SM2, NULL, 0};
	uint8_t sig[64];
	CK_ULONG n = 64;
	for (int i = 0; i < 2; i++) {
		OK(sign_init(session, &mech, key));
		IS(sign_once(session, message, 32, sig, &n), CKR_USER_NOT_LOGGED_IN);
		IS(sign_update(session, message, 32), CKR_USER_NOT_LOGGED_IN);
		IS(session_login(session, CKU_CONTEXT_SPECIFIC, (const CK_BYTE *)"the wrong words", 15, NULL, 0),
		   CKR_PIN_INCORRECT);
		IS(sign_once(session, message, 32, sig, &n), CKR_USER_NOT_LOGGED_IN);
		OK(session_login(session, CKU_CONTEXT_SPECIFIC, (const CK_BYTE *)USER_PIN, strlen(USER_PIN), NULL, 0));
		OK(sign_once(session, message, 32, sig, &n));
		OK(verify_at_once(&mech, sm2_public, message, 32, sig, n));
	}
	IS(session_login(session, CKU_CONTEXT_SPECIFIC, (const CK_BYTE *)USER_PIN, strlen(USER_PIN), NULL, 0),
	   CKR_OPERATION_NOT_INITIALIZED);
}

/* -- two at once (5.17) ------------------------------------------------------------------------- */

static void digest_of(const uint8_t *in, size_t len, uint8_t out[32])
{
	sm3(in, len, out);
}

static void test_dual(void)
{
	static const uint8_t iv[16] = {1, 2, 3};
	CK_MECHANISM cbc = {CKM_HUFU_SM4_CBC_PAD, (void *)(uintptr_t)iv, 16}, hmac = {CKM_HUFU_SM3_HMAC, NULL, 0};
	uint8_t cipher[256], out[256], digest[32], want[32], mac[32];
	CK_ULONG n = sizeof cipher, m, k = 32;

	IS(dual_digest_encrypt(session, message, 20, cipher, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(digest_init(session, &sm3_mech));
	IS(dual_digest_encrypt(session, message, 20, cipher, &n), CKR_OPERATION_NOT_INITIALIZED);
	OK(crypt_init(session, OP_ENCRYPT, &cbc, sm4_key));
	n = 0;
	OK(dual_digest_encrypt(session, message, 100, NULL, &n));
	CU_ASSERT_EQUAL(n, 96);
	n = 95;
	IS(dual_digest_encrypt(session, message, 100, cipher, &n), CKR_BUFFER_TOO_SMALL);
	memcpy(cipher, message, 100);
	n = sizeof cipher;
	OK(dual_digest_encrypt(session, cipher, 100, cipher, &n)); /* in place: the plaintext is digested */
	m = sizeof cipher - n;
	OK(crypt_final(session, OP_ENCRYPT, cipher + n, &m));
	OK(digest_final(session, digest, &k));
	digest_of(message, 100, want);
	ASSERT_SAME(digest, want, 32);

	OK(digest_init(session, &sm3_mech));
	OK(crypt_init(session, OP_DECRYPT, &cbc, sm4_key));
	CK_ULONG plain_len = sizeof out, rest = sizeof out;
	OK(dual_decrypt_digest(session, cipher, n + m, out, &plain_len));
	OK(crypt_final(session, OP_DECRYPT, out + plain_len, &rest));
	OK(digest_update(session, out + plain_len, rest));
	OK(digest_final(session, digest, &k));
	CU_ASSERT(plain_len + rest == 100 && memcmp(out, message, 100) == 0 && memcmp(digest, want, 32) == 0);

	OK(sign_init(session, &hmac, hmac_key));
	OK(crypt_init(session, OP_ENCRYPT, &cbc, sm4_key));
	n = sizeof cipher;
	OK(dual_sign_encrypt(session, message, 112, cipher, &n));
	OK(sign_final(session, mac, &k));
	reference_hmac(message, 112, want);
	ASSERT_SAME(mac, want, 32);
	m = sizeof cipher - n;
	OK(crypt_final(session, OP_ENCRYPT, cipher + n, &m));

	OK(verify_init(session, &hmac, hmac_key, NULL, 0));
	OK(crypt_init(session, OP_DECRYPT, &cbc, sm4_key));
	plain_len = sizeof out;
	OK(dual_decrypt_verify(session, cipher, n + m, out, &plain_len));
	CU_ASSERT(plain_len == 112 && memcmp(out, message, 112) == 0);
	OK(verify_final(session, mac, 32));
	rest = sizeof out;
	OK(crypt_final(session, OP_DECRYPT, out, &rest));
	CU_ASSERT_EQUAL(rest, 0);
}

static const struct unit_case cases[] = {
	{"a token with two devices is made", up},
	{"SM3 of GB/T 32905, at every split", test_digest},
	{"digests answer with the specification's codes", test_digest_codes},
	{"C_DigestKey takes only values that may be read", test_digest_key},
	{"HMAC of GM/T 0042, at every split", test_hmac_standard},
	{"HMAC of long data is libcrypto's; a changed bit is told", test_hmac_long},
	{"HMAC of every general length", test_hmac_general},
	{"EIA3 of GM/T 0001.3", test_eia3},
	{"EIA3 is the same in parts", test_eia3_parts},
	{"SM2 verifies GB/T 32918.5 A.2, and nothing else", test_sm2_standard},
	{"SM2 signs digests and messages, at once and in parts", test_sm2_sign},
	{"SM2 signatures go to libcrypto and come from it, with any identifier", test_sm2_libcrypto},
	{"Init answers with the specification's codes", test_codes},
	{"a signature may be given beforehand", test_verify_signature},
	{"CKA_ALWAYS_AUTHENTICATE wants a login for each use", test_always_authenticate},
	{"two operations may be fed at once", test_dual},
	{"nothing secret is left", token_down},
	{0},
};
UNIT_MAIN("sign", cases)
