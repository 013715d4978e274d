/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: src/token/asn1.c writes what the standards show and libcrypto reads, and takes DER alone. */
#include "token/asn1.h"

#include "unit.h"

#include <openssl/asn1t.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdint.h>

/* GB/T 32918.5-2017 A.2 */
static const char *const sign_r = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3";
static const char *const sign_s = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA";
/* GB/T 32918.5-2017 C.2, in the form of GM/T 0009 7.2 */
static const char *const c1_x = "04EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73";
static const char *const c1_y = "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0";
static const char *const c3 = "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766";
static const char *const c2 = "21886CA989CA9C7D58087307CA93092D651EFA";

static size_t append(uint8_t *out, size_t at, const char *hex)
{
	return at + unit_hex(hex, out + at);
}

static void test_sig_standard(void)
{
	uint8_t raw[64], der[ASN1_SIG_MAX], want[80], back[64];
	append(raw, append(raw, 0, sign_r), sign_s);
	size_t n = append(want, 0, "3046 022100");
	n = append(want, n, sign_r);
	n = append(want, n, "022100");
	n = append(want, n, sign_s);
	size_t len = asn1_sig_encode(raw, der);
	CU_ASSERT_EQUAL(len, n);
	CU_ASSERT_EQUAL(memcmp(der, want, n), 0);
	CU_ASSERT_TRUE(asn1_sig_decode(der, len, back));
	CU_ASSERT_EQUAL(memcmp(back, raw, 64), 0);
}

/* Random scalars with every number of leading zeros, so that all INTEGER lengths occur. */
static void test_sig_libcrypto(void)
{
	for (int i = 0; i < 64; i++) {
		uint8_t raw[64], der[ASN1_SIG_MAX], back[64];
		RAND_bytes(raw, sizeof raw);
		memset(raw, 0, (size_t)i % 32);
		memset(raw + 32, 0, (size_t)(i * 7) % 32);
		size_t len = asn1_sig_encode(raw, der);

		ECDSA_SIG *sig = ECDSA_SIG_new();
		ECDSA_SIG_set0(sig, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
		unsigned char *theirs = NULL;
		int their_len = i2d_ECDSA_SIG(sig, &theirs);
		CU_ASSERT_EQUAL((int)len, their_len);
		CU_ASSERT_EQUAL(memcmp(der, theirs, len), 0);
		CU_ASSERT_TRUE(asn1_sig_decode(theirs, (size_t)their_len, back));
		CU_ASSERT_EQUAL(memcmp(back, raw, 64), 0);
		OPENSSL_free(theirs);
		ECDSA_SIG_free(sig);
	}
}

static bool sig_refused(const char *hex)
{
	uint8_t der[128], raw[64];
	return !asn1_sig_decode(der, unit_hex(hex, der), raw);
}

static void test_sig_not_der(void)
{
	uint8_t der[16], raw[64];
	CU_ASSERT_TRUE(asn1_sig_decode(der, unit_hex("3006 020101 020102", der), raw));
	CU_ASSERT_TRUE(raw[31] == 1 && raw[63] == 2);

	CU_ASSERT_TRUE(sig_refused(""));
	CU_ASSERT_TRUE(sig_refused("30"));
	CU_ASSERT_TRUE(sig_refused("3006 020101 0201"));          /* cut short */
	CU_ASSERT_TRUE(sig_refused("3006 020101 020102 00"));     /* more behind it */
	CU_ASSERT_TRUE(sig_refused("3007 020101 020102 00"));     /* more inside */
	CU_ASSERT_TRUE(sig_refused("3009 020101 020102 020103")); /* a third number */
	CU_ASSERT_TRUE(sig_refused("3003 020101"));               /* one number */
	CU_ASSERT_TRUE(sig_refused("3106 020101 020102"));        /* a SET */
	CU_ASSERT_TRUE(sig_refused("3006 030101 020102"));        /* no INTEGER */
	CU_ASSERT_TRUE(sig_refused("3006 020181 020102"));        /* negative */
	CU_ASSERT_TRUE(sig_refused("3007 02020001 020102"));      /* a zero too many */
	CU_ASSERT_TRUE(sig_refused("3005 0200 020102"));          /* no octets */
	CU_ASSERT_TRUE(sig_refused("308106 020101 020102"));      /* length in the long form */
	CU_ASSERT_TRUE(sig_refused("3080 020101 020102 0000"));   /* indefinite length */
	CU_ASSERT_TRUE(sig_refused("30820006 020101 020102"));
	CU_ASSERT_TRUE(sig_refused("30850000000006 020101 020102"));
	CU_ASSERT_TRUE(sig_refused("3084ffffffff 020101 020102"));
	CU_ASSERT_TRUE(sig_refused("3027 0222 0001000000000000000000000000000000000000000000000000000000000000"
	                           "00ff 020102")); /* 257 bits */
}

static size_t standard_cipher(uint8_t *raw)
{
	size_t n = append(raw, 0, "04");
	n = append(raw, n, c1_x);
	n = append(raw, n, c1_y);
	n = append(raw, n, c3);
	return append(raw, n, c2);
}

static void test_cipher_standard(void)
{
	uint8_t raw[160], der[160], want[160], back[160];
	size_t raw_len = standard_cipher(raw), back_len = 0, text_len = 0;
	size_t n = append(want, 0, "307C 0220");
	n = append(want, n, c1_x);
	n = append(want, n, "022100");
	n = append(want, n, c1_y);
	n = append(want, n, "0420");
	n = append(want, n, c3);
	n = append(want, n, "0413");
	n = append(want, n, c2);

	size_t len = asn1_cipher_encode(raw, raw_len, der);
	CU_ASSERT_EQUAL(len, n);
	CU_ASSERT_EQUAL(memcmp(der, want, n), 0);
	CU_ASSERT_TRUE(len <= asn1_cipher_max(19));
	CU_ASSERT_TRUE(asn1_cipher_text_len(der, len, &text_len) && text_len == 19);
	CU_ASSERT_TRUE(asn1_cipher_decode(der, len, back, &back_len));
	CU_ASSERT_TRUE(back_len == raw_len && memcmp(back, raw, raw_len) == 0);
}

/* The header grows at 128 and at 256 bytes: the bound holds on both sides of each, and is met. */
static void test_cipher_bound(void)
{
	static const size_t lens[] = {1, 127 - 108, 128 - 108, 127, 128, 255, 256, 65535, 65536};
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		size_t raw_len = lens[i] + ASN1_CIPHER_RAW_OVERHEAD, back_len;
		uint8_t *raw = malloc(raw_len), *der = malloc(asn1_cipher_max(lens[i])), *back = malloc(raw_len);
		memset(raw, 0xee, raw_len);
		raw[0] = 4;
		size_t len = asn1_cipher_encode(raw, raw_len, der);
		CU_ASSERT_EQUAL(len, asn1_cipher_max(lens[i]));
		CU_ASSERT_TRUE(asn1_cipher_decode(der, len, back, &back_len));
		CU_ASSERT_TRUE(back_len == raw_len && memcmp(back, raw, raw_len) == 0);
		free(raw);
		free(der);
		free(back);
	}
}

/* Every form cut anywhere, or with a byte more, is refused; no changed bit leads outside the input (sanitizers watch). */
static void test_mutations(void)
{
	uint8_t raw[160], der[4][200], d[32], point[64];
	size_t lens[4], n;
	bool have;
	size_t raw_len = standard_cipher(raw);
	lens[0] = asn1_sig_encode(raw + 1, der[0]);
	lens[1] = asn1_cipher_encode(raw, raw_len, der[1]);
	asn1_pkcs8_encode(raw + 1, raw + 1, der[2]);
	lens[2] = ASN1_PKCS8_LEN;
	asn1_spki_encode(raw + 1, der[3]);
	lens[3] = ASN1_SPKI_LEN;

	for (int form = 0; form < 4; form++) {
		for (size_t len = 0; len <= lens[form] + 1; len++) {
			uint8_t *copy = malloc(len ? len : 1), out[200];
			memcpy(copy, der[form], len);
			bool ok = form == 0 ? asn1_sig_decode(copy, len, out) : form == 1 ? asn1_cipher_decode(copy, len, out, &n)
			        : form == 2 ? asn1_pkcs8_decode(copy, len, d, point, &have) : asn1_spki_decode(copy, len, point);
			CU_ASSERT_EQUAL(ok, len == lens[form]);
			free(copy);
		}
	}
}

struct key {
	EVP_PKEY *pkey;
	uint8_t d[32], point[64];
};

static void key_generate(struct key *k)
{
	BIGNUM *d = NULL;
	uint8_t pub[65];
	size_t n = 0;
	k->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	CU_ASSERT_PTR_NOT_NULL_FATAL(k->pkey);
	EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &d);
	BN_bn2binpad(d, k->d, 32);
	BN_free(d);
	EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, pub, sizeof pub, &n);
	CU_ASSERT_EQUAL_FATAL(n, 65);
	memcpy(k->point, pub + 1, 64);
}

static void test_pkcs8_libcrypto(void)
{
	for (int i = 0; i < 8; i++) {
		struct key k;
		uint8_t ours[ASN1_PKCS8_LEN], d[32], point[64];
		bool have = false;
		key_generate(&k);
		PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(k.pkey);
		unsigned char *theirs = NULL;
		int len = i2d_PKCS8_PRIV_KEY_INFO(p8, &theirs);

		CU_ASSERT_TRUE(asn1_pkcs8_decode(theirs, (size_t)len, d, point, &have));
		CU_ASSERT_TRUE(have && memcmp(d, k.d, 32) == 0 && memcmp(point, k.point, 64) == 0);

		asn1_pkcs8_encode(k.d, k.point, ours);
		const unsigned char *p = ours;
		PKCS8_PRIV_KEY_INFO *back = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, sizeof ours);
		EVP_PKEY *again = back ? EVP_PKCS82PKEY(back) : NULL;
		CU_ASSERT_PTR_NOT_NULL_FATAL(again);
		CU_ASSERT_EQUAL(EVP_PKEY_eq(again, k.pkey), 1);

		PKCS8_PRIV_KEY_INFO_free(back);
		PKCS8_PRIV_KEY_INFO_free(p8);
		OPENSSL_free(theirs);
		EVP_PKEY_free(again);
		EVP_PKEY_free(k.pkey);
	}
}

static bool pkcs8_taken(const char *hex, bool *have)
{
	uint8_t der[256], d[32], point[64];
	return asn1_pkcs8_decode(der, unit_hex(hex, der), d, point, have);
}

#define D32 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
#define SM2_ALG "3013 06072a8648ce3d0201 06082a811ccf5501822d"

static void test_pkcs8_variants(void)
{
	bool have;
	CU_ASSERT_TRUE(pkcs8_taken("3041 020100 " SM2_ALG "0427 3025 020101 0420" D32, &have) && !have);
	/* the curve named again inside, RFC 5915 parameters */
	CU_ASSERT_TRUE(pkcs8_taken("304d 020100 " SM2_ALG "0433 3031 020101 0420" D32 "a00a 06082a811ccf5501822d", &have) && !have);
	/* attributes */
	CU_ASSERT_TRUE(pkcs8_taken("3043 020100 " SM2_ALG "0427 3025 020101 0420" D32 "a000", &have) && !have);

	CU_ASSERT_FALSE(pkcs8_taken("3041 020101 " SM2_ALG "0427 3025 020101 0420" D32, &have));   /* version */
	CU_ASSERT_FALSE(pkcs8_taken("3041 020100 " SM2_ALG "0427 3025 020102 0420" D32, &have));   /* inner version */
	CU_ASSERT_FALSE(pkcs8_taken("3042 020100 " SM2_ALG "0428 3026 020101 042100" D32, &have)); /* 33 octets */
	CU_ASSERT_FALSE(pkcs8_taken("3041 020100 3013 06072a8648ce3d0201 06082a8648ce3d030107 0427 3025 020101 0420" D32,
	                            &have)); /* P-256 */
	CU_ASSERT_FALSE(pkcs8_taken("304d 020100 " SM2_ALG "0433 3031 020101 0420" D32 "a00a 06082a8648ce3d030107", &have));
	CU_ASSERT_FALSE(pkcs8_taken("3043 020100 " SM2_ALG "0429 3027 020101 0420" D32 "a100", &have)); /* an empty public key */
}

static void test_spki_libcrypto(void)
{
	for (int i = 0; i < 8; i++) {
		struct key k;
		uint8_t ours[ASN1_SPKI_LEN], point[64];
		key_generate(&k);
		unsigned char *theirs = NULL;
		int len = i2d_PUBKEY(k.pkey, &theirs);
		asn1_spki_encode(k.point, ours);
		CU_ASSERT_TRUE(len == ASN1_SPKI_LEN && memcmp(ours, theirs, sizeof ours) == 0);
		CU_ASSERT_TRUE(asn1_spki_decode(theirs, (size_t)len, point));
		CU_ASSERT_EQUAL(memcmp(point, k.point, 64), 0);
		OPENSSL_free(theirs);
		EVP_PKEY_free(k.pkey);
	}
}

/* -- SM2EnvelopedKey -------------------------------------------------------------- */

/* From an independent implementation in Python: to the pair of GB/T 32918.5 A.2, the private key B of B.2. */
#define ENVELOPED_REST \
	"3079022004ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73022100e858f9d81e5430a57b36daab8f950a3c64e6ee6a" \
	"63094d99283aff767e124df004204423b448d18b4a1a86b0e264e928007803243a5a8d9d0b0e8953bfe4e928adcf041045c54abc791125fbc9bae9" \
	"ecc8a65559034200046ae848c57c53c7b1b5fa99eb2286af078ba64c64591b8b566f7357d576f16dfbee489d771621a27b36c5c7992062e9cd09a9" \
	"264386f3fbea54dff69305621c4d032100cc497521a3ed157b988f0f696b7c379fbfe7fdfa3b80b7d0a3681a3c74a7fbbf"

static bool enveloped_decodes(const char *hex, struct asn1_enveloped *e)
{
	uint8_t der[300];
	return asn1_enveloped_decode(der, unit_hex(hex, der), e);
}

static void test_enveloped(void)
{
	uint8_t der[ASN1_ENVELOPED_MAX], again[ASN1_ENVELOPED_MAX];
	struct asn1_enveloped e;
	size_t len = unit_hex("3081f0 300c06082a811ccf550168010500" ENVELOPED_REST, der);
	CU_ASSERT_EQUAL(asn1_cipher_max(16), ASN1_ENVELOPED_CIPHER_MAX);
	CU_ASSERT_TRUE_FATAL(asn1_enveloped_decode(der, len, &e));
	CU_ASSERT_EQUAL(asn1_enveloped_encode(&e, again), len);
	CU_ASSERT_EQUAL(memcmp(der, again, len), 0);
	for (size_t n = 0; n < len; n++)
		CU_ASSERT_FALSE(asn1_enveloped_decode(der, n, &e));
	/* The longest: both of C1's numbers have a sign octet. */
	memset(der, 0xff, ASN1_CIPHER_RAW_OVERHEAD + 16);
	e.cipher_len = asn1_cipher_encode(der, ASN1_CIPHER_RAW_OVERHEAD + 16, e.cipher);
	CU_ASSERT_EQUAL(e.cipher_len, ASN1_ENVELOPED_CIPHER_MAX);
	CU_ASSERT_EQUAL(asn1_enveloped_encode(&e, der), ASN1_ENVELOPED_MAX);
	CU_ASSERT_TRUE(asn1_enveloped_decode(der, ASN1_ENVELOPED_MAX, &e));
}

static void test_enveloped_algorithms(void)
{
	struct asn1_enveloped e;
	CU_ASSERT_TRUE(enveloped_decodes("3081ee 300a06082a811ccf55016801" ENVELOPED_REST, &e));
	CU_ASSERT_TRUE(enveloped_decodes("3081ed 300906072a811ccf550168" ENVELOPED_REST, &e));
	CU_ASSERT_TRUE(enveloped_decodes("3081ef 300b06072a811ccf5501680500" ENVELOPED_REST, &e));
	CU_ASSERT_FALSE(enveloped_decodes("3081f0 300c06082a811ccf550168020500" ENVELOPED_REST, &e)); /* CBC */
	CU_ASSERT_FALSE(enveloped_decodes("3081f0 300c06082a811ccf550168010400" ENVELOPED_REST, &e)); /* not NULL */
	CU_ASSERT_FALSE(enveloped_decodes("3081f2 300e06082a811ccf5501680105000500" ENVELOPED_REST, &e));
	CU_ASSERT_FALSE(enveloped_decodes("3081e4 3000" ENVELOPED_REST, &e));
	CU_ASSERT_FALSE(enveloped_decodes("3081f1 300c06082a811ccf550168010500" ENVELOPED_REST "00", &e));
	CU_ASSERT_FALSE(enveloped_decodes("3080 300c06082a811ccf550168010500" ENVELOPED_REST "0000", &e));
}

static const struct unit_case cases[] = {
	{"a signature of GB/T 32918.5 A.2 becomes SEQUENCE { r, s } and comes back", test_sig_standard},
	{"signatures with leading zeros are encoded as libcrypto does", test_sig_libcrypto},
	{"a signature that is not DER is refused", test_sig_not_der},
	{"a ciphertext of GB/T 32918.5 C.2 becomes GM/T 0009's SM2Cipher and comes back", test_cipher_standard},
	{"the bound on an SM2Cipher's length is exact where it is met", test_cipher_bound},
	{"every form is refused when it is cut or continued", test_mutations},
	{"private keys as PKCS#8 go to libcrypto and come from it", test_pkcs8_libcrypto},
	{"PKCS#8 without a public key, with parameters or attributes is taken, other keys are refused", test_pkcs8_variants},
	{"public keys as SPKI are those of libcrypto", test_spki_libcrypto},
	{"SM2EnvelopedKeys are written and read, to the longest", test_enveloped},
	{"SM2EnvelopedKeys name SM4 in four forms, and no other algorithm", test_enveloped_algorithms},
	{0},
};
UNIT_MAIN("asn1", cases)
