/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: key_form.c and curve.c read what libcrypto writes and write what it reads, and take DER and sound keys alone. */
#include "token/key_form.h"

#include "base/secret.h"
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/* -- keys of libcrypto's ------------------------------------------------------------- */

static const struct {
	const char *algorithm, *group;
	CK_KEY_TYPE type;
	size_t scalar_len, point_len;
} kinds[] = {
	{"EC", "P-256", CKK_EC, 32, 65}, {"EC", "P-384", CKK_EC, 48, 97}, {"EC", "P-521", CKK_EC, 66, 133},
	{"ED25519", NULL, CKK_EC_EDWARDS, 32, 32}, {"ED448", NULL, CKK_EC_EDWARDS, 57, 57},
	{"X25519", NULL, CKK_EC_MONTGOMERY, 32, 32}, {"X448", NULL, CKK_EC_MONTGOMERY, 56, 56},
	{"SM2", NULL, CKK_HUFU_SM2, 32, 65}, {"RSA", NULL, CKK_RSA, 0, 0},
};
#define NKINDS (sizeof kinds / sizeof kinds[0])

static EVP_PKEY *generate(size_t i)
{
	EVP_PKEY *pkey = kinds[i].type == CKK_RSA ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024) :
		kinds[i].group ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[i].group) :
		EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].algorithm);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pkey);
	return pkey;
}

/* malloc'ed of exactly its length. */
static uint8_t *pkcs8_of(const EVP_PKEY *pkey, size_t *len)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	unsigned char *der = NULL;
	int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	CU_ASSERT_FATAL(n > 0);
	uint8_t *copy = malloc((size_t)n);
	memcpy(copy, der, (size_t)n);
	*len = (size_t)n;
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	return copy;
}

static uint8_t *spki_of(const EVP_PKEY *pkey, size_t *len)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);
	CU_ASSERT_FATAL(n > 0);
	uint8_t *copy = malloc((size_t)n);
	memcpy(copy, der, (size_t)n);
	*len = (size_t)n;
	OPENSSL_free(der);
	return copy;
}

/* -- forms ------------------------------------------------------------------------------ */

static void check_number(const EVP_PKEY *pkey, const char *name, struct der_view is)
{
	BIGNUM *want = NULL;
	uint8_t bytes[256];
	CU_ASSERT_EQUAL_FATAL(EVP_PKEY_get_bn_param(pkey, name, &want), 1);
	CU_ASSERT_EQUAL((size_t)BN_num_bytes(want), is.len);
	CU_ASSERT_EQUAL((size_t)BN_num_bits(want), key_form_nbits(is));
	BN_bn2bin(want, bytes);
	CU_ASSERT_EQUAL(memcmp(bytes, is.p, is.len), 0);
	BN_free(want);
}

static void check_rsa(const EVP_PKEY *pkey, const struct key_form *form)
{
	check_number(pkey, OSSL_PKEY_PARAM_RSA_N, form->modulus);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_E, form->public_exponent);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_D, form->private_exponent);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR1, form->prime_1);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_FACTOR2, form->prime_2);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT1, form->exponent_1);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_EXPONENT2, form->exponent_2);
	check_number(pkey, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, form->coefficient);
}

/* What we write, libcrypto takes for the key that it made; but for an EC key's point, which we leave out, it is the same. */
static void check_written(size_t i, const EVP_PKEY *pkey, const struct key_form *form, const uint8_t *theirs, size_t theirs_len)
{
	size_t len;
	uint8_t *der = key_form_write_private(form, &len);
	const unsigned char *p = der;
	CU_ASSERT_PTR_NOT_NULL_FATAL(der);
	if (kinds[i].type != CKK_EC && kinds[i].type != CKK_HUFU_SM2)
		CU_ASSERT(len == theirs_len && memcmp(der, theirs, len) == 0);
	EVP_PKEY *back = d2i_AutoPrivateKey(NULL, &p, (long)len);
	CU_ASSERT(back != NULL && EVP_PKEY_eq(back, pkey) == 1);
	EVP_PKEY_free(back);
	secret_free(der);
}

static void test_private(void)
{
	for (size_t i = 0; i < NKINDS; i++)
		for (int k = 0; k < 3; k++) {
			EVP_PKEY *pkey = generate(i);
			struct key_form form;
			size_t len;
			uint8_t *der = pkcs8_of(pkey, &len);
			CU_ASSERT_FATAL(key_form_read_private(der, len, &form));
			CU_ASSERT(form.type == kinds[i].type && (form.curve != NULL) == (kinds[i].type != CKK_RSA));
			CU_ASSERT_EQUAL(form.scalar.len, kinds[i].scalar_len);
			if (!form.curve)
				check_rsa(pkey, &form);
			check_written(i, pkey, &form, der, len);
			free(der);
			EVP_PKEY_free(pkey);
		}
}

static void test_public(void)
{
	for (size_t i = 0; i < NKINDS; i++) {
		EVP_PKEY *pkey = generate(i);
		struct key_form form;
		uint8_t spki[HUFU_PUB_MAX];
		size_t len;
		uint8_t *der = spki_of(pkey, &len);
		CU_ASSERT_FATAL(key_form_read_public(der, len, &form));
		CU_ASSERT(form.type == kinds[i].type && form.point.len == kinds[i].point_len);
		CU_ASSERT_EQUAL(key_form_write_public(&form, spki), len);
		CU_ASSERT_EQUAL(memcmp(spki, der, len), 0);
		CU_ASSERT_FALSE(key_form_read_private(der, len, &form));
		free(der);
		EVP_PKEY_free(pkey);
	}
}

/* Cut short anywhere, or longer by a byte. */
static void test_cut(void)
{
	for (size_t i = 0; i < NKINDS; i++) {
		EVP_PKEY *pkey = generate(i);
		struct key_form form;
		size_t len, public_len;
		uint8_t *der = pkcs8_of(pkey, &len), *spki = spki_of(pkey, &public_len);
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *part = malloc(cut ? cut : 1);
			memcpy(part, der, cut);
			CU_ASSERT_FALSE(key_form_read_private(part, cut, &form));
			free(part);
		}
		for (size_t cut = 0; cut < public_len; cut++)
			CU_ASSERT_FALSE(key_form_read_public(spki, cut, &form));
		der = realloc(der, len + 1);
		spki = realloc(spki, public_len + 1);
		der[len] = spki[public_len] = 0;
		CU_ASSERT_FALSE(key_form_read_private(der, len + 1, &form) || key_form_read_public(spki, public_len + 1, &form));
		free(der);
		free(spki);
		EVP_PKEY_free(pkey);
	}
}

static bool reads(const char *hex)
{
	uint8_t der[512];
	struct key_form form;
	return key_form_read_private(der, unit_hex(hex, der), &form);
}

/* RFC 8410 10.3: the private keys shown there, without and with attributes and public key. */
static void test_standard(void)
{
	CU_ASSERT_TRUE(reads("302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"));
	CU_ASSERT_TRUE(reads("3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
	                     "a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273"
	                     "81210019bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"));
	/* version 2; a scalar of 31 and of 33 bytes; another curve's OID; parameters where there are none */
	CU_ASSERT_FALSE(reads("302e020102300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"));
	CU_ASSERT_FALSE(reads("302d020100300506032b65700421041fd4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f447558"));
	CU_ASSERT_FALSE(reads("302f020100300506032b657004230421"
	                      "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f4475584200"));
	CU_ASSERT_FALSE(reads("302e020100300506032b657104220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"));
	CU_ASSERT_FALSE(reads("3030020100300706032b6570050004220420"
	                      "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"));
}

/* -- attributes ----------------------------------------------------------------------------- */

#define SET(list, type, p, len) CU_ASSERT_TRUE(attrs_set(list, type, p, len))

static CK_RV rsa_of(size_t modulus_len, uint8_t modulus_top, uint8_t modulus_end, const char *exponent)
{
	uint8_t modulus[1100] = {0}, e[64], d[1100] = {0};
	struct attrs attrs, material;
	struct key_form form;
	attrs_init(&attrs, false);
	attrs_init(&material, true);
	modulus[0] = modulus_top;
	modulus[modulus_len - 1] = modulus_end;
	d[modulus_len - 1] = 3;
	SET(&attrs, CKA_MODULUS, modulus, modulus_len);
	if (exponent)
		SET(&attrs, CKA_PUBLIC_EXPONENT, e, unit_hex(exponent, e));
	SET(&material, CKA_PRIVATE_EXPONENT, d, modulus_len);
	CK_RV rv = key_form_of_attrs(CKK_RSA, &attrs, &material, &form);
	if (rv == CKR_OK && !exponent)
		CU_ASSERT(form.public_exponent.len == 3 && memcmp(form.public_exponent.p, "\x01\x00\x01", 3) == 0);
	if (rv == CKR_OK)
		CU_ASSERT(form.modulus.p[0] != 0 && form.private_exponent.len == 1 && form.prime_1.len == 0);
	attrs_clear(&attrs);
	attrs_clear(&material);
	return rv;
}

static void test_rsa_attributes(void)
{
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, "010001"), CKR_OK);
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, NULL), CKR_OK);
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, "0000010001"), CKR_OK);
	CU_ASSERT_EQUAL(rsa_of(1024, 0xff, 1, "03"), CKR_OK);
	CU_ASSERT_EQUAL(rsa_of(128, 0x7f, 1, "03"), CKR_ATTRIBUTE_VALUE_INVALID);  /* 1023 bits */
	CU_ASSERT_EQUAL(rsa_of(1025, 0x01, 1, "03"), CKR_ATTRIBUTE_VALUE_INVALID); /* 8193 */
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 2, "03"), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, "01"), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, "02"), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(rsa_of(128, 0x80, 1, "01 0000000000000000000000000000000000000000000000000000000000000001"),
	                CKR_ATTRIBUTE_VALUE_INVALID); /* more than 256 bits */
}

static CK_RV scalar_of(const char *name, size_t len, uint8_t top, size_t *form_len)
{
	uint8_t params[32] = {0x13}, value[80] = {0};
	struct attrs attrs, material;
	struct key_form form;
	const struct curve *curve;
	params[1] = (uint8_t)strlen(name);
	memcpy(params + 2, name, strlen(name));
	CU_ASSERT_EQUAL_FATAL(curve_of_params(params, strlen(name) + 2, &curve), CKR_OK);
	attrs_init(&attrs, false);
	attrs_init(&material, true);
	value[0] = top;
	value[len - 1] = 1;
	SET(&attrs, CKA_EC_PARAMS, curve->oid.p, curve->oid.len);
	SET(&material, CKA_VALUE, value, len);
	CK_RV rv = key_form_of_attrs(curve->key_type, &attrs, &material, &form);
	*form_len = form.scalar.len;
	attrs_clear(&attrs);
	attrs_clear(&material);
	return rv;
}

/* EC's is a number, with or without zeros before it; the others' are strings of bytes. */
static void test_scalars(void)
{
	size_t len;
	CU_ASSERT(scalar_of("P-256", 32, 0x80, &len) == CKR_OK && len == 32);
	CU_ASSERT(scalar_of("P-256", 33, 0, &len) == CKR_OK && len == 1);
	CU_ASSERT(scalar_of("P-256", 1, 1, &len) == CKR_OK && len == 1);
	CU_ASSERT(scalar_of("P-521", 66, 1, &len) == CKR_OK && len == 66);
	CU_ASSERT_EQUAL(scalar_of("P-256", 33, 1, &len), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT(scalar_of("edwards25519", 32, 0, &len) == CKR_OK && len == 32);
	CU_ASSERT_EQUAL(scalar_of("edwards25519", 33, 0, &len), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(scalar_of("edwards25519", 31, 0, &len), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT(scalar_of("edwards448", 57, 0, &len) == CKR_OK && scalar_of("curve448", 56, 0, &len) == CKR_OK);
}

/* -- curves ----------------------------------------------------------------------------------- */

static CK_RV params(const char *hex, const struct curve **curve)
{
	uint8_t der[128];
	return curve_of_params(der, unit_hex(hex, der), curve);
}

static bool names(const char *name, const char *oid)
{
	const struct curve *by_name = NULL, *by_oid = NULL;
	uint8_t der[64] = {0x13, (uint8_t)strlen(name)};
	memcpy(der + 2, name, strlen(name));
	return curve_of_params(der, strlen(name) + 2, &by_name) == CKR_OK && params(oid, &by_oid) == CKR_OK && by_name == by_oid;
}

/* Numbers: RFC 5480 2.1.1.1, RFC 8410 3, GM/T 0006; GnuPG's for the two that it had before. */
static void test_curve_names(void)
{
	const struct curve *curve;
	CU_ASSERT(names("secp256r1", "06082a8648ce3d030107") && names("prime256v1", "06082a8648ce3d030107") &&
	          names("P-256", "06082a8648ce3d030107"));
	CU_ASSERT(names("secp384r1", "06052b81040022") && names("P-384", "06052b81040022"));
	CU_ASSERT(names("secp521r1", "06052b81040023") && names("P-521", "06052b81040023"));
	CU_ASSERT(names("edwards25519", "06032b6570") && names("Ed25519", "06092b06010401da470f01"));
	CU_ASSERT(names("edwards448", "06032b6571") && names("curve448", "06032b656f"));
	CU_ASSERT(names("curve25519", "06032b656e") && names("X25519", "060a2b060104019755010501"));
	CU_ASSERT(params("130b63757276653235353139", &curve) == CKR_OK && curve->key_type == CKK_EC_MONTGOMERY); /* pkcs11-tool's */
	CU_ASSERT(names("sm2p256v1", "06082a811ccf5501822d"));

	CU_ASSERT_EQUAL(params("06052b8104000a", &curve), CKR_CURVE_NOT_SUPPORTED);       /* secp256k1 */
	CU_ASSERT_EQUAL(params("1309736563703139327231", &curve), CKR_CURVE_NOT_SUPPORTED); /* secp192r1 */
	CU_ASSERT_EQUAL(params("3003020101", &curve), CKR_CURVE_NOT_SUPPORTED);           /* explicit */
	CU_ASSERT_EQUAL(params("", &curve), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(params("0500", &curve), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(params("06052b810400", &curve), CKR_ATTRIBUTE_VALUE_INVALID);     /* cut short */
	CU_ASSERT_EQUAL(params("06052b8104002200", &curve), CKR_ATTRIBUTE_VALUE_INVALID); /* a byte more */
}

static void test_points(void)
{
	for (size_t i = 0; i < NKINDS; i++) {
		uint8_t bare[140] = {0x04}, der[CURVE_POINT_DER_MAX];
		const struct curve *curve;
		struct der_view point, again;
		if (kinds[i].type == CKK_RSA)
			continue;
		EVP_PKEY *pkey = generate(i);
		size_t len;
		struct key_form form;
		uint8_t *spki = spki_of(pkey, &len);
		CU_ASSERT_FATAL(key_form_read_public(spki, len, &form));
		curve = form.curve;
		memcpy(bare, form.point.p, form.point.len);
		CU_ASSERT(curve_point_decode(curve, bare, curve->point_len, &point) && point.p == bare);
		size_t n = curve_point_encode(point, der);
		CU_ASSERT(n == curve->point_len + (curve->point_len < 128 ? 2 : 3));
		CU_ASSERT(curve_point_decode(curve, der, n, &again) && again.len == point.len &&
		          memcmp(again.p, point.p, point.len) == 0);
		CU_ASSERT_FALSE(curve_point_decode(curve, bare, curve->point_len - 1, &point) ||
		                curve_point_decode(curve, bare, curve->point_len + 1, &point) ||
		                curve_point_decode(curve, der, n - 1, &point) || curve_point_decode(curve, bare, 0, &point));
		bare[0] = 0x02; /* compressed, were it long enough for both */
		bool marked = curve->key_type == CKK_EC || curve->key_type == CKK_HUFU_SM2;
		CU_ASSERT_EQUAL(curve_point_decode(curve, bare, curve->point_len, &point), !marked);
		free(spki);
		EVP_PKEY_free(pkey);
	}
}

static const struct unit_case cases[] = {
	{"PKCS#8 of libcrypto is read, and read by it again", test_private},
	{"SubjectPublicKeyInfo likewise, to the byte", test_public},
	{"what is cut short or too long is refused", test_cut},
	{"the keys of RFC 8410 are read, and what is like them is not", test_standard},
	{"RSA's numbers come with zeros or without, and in sizes that may be", test_rsa_attributes},
	{"a curve's private value is a number or a string", test_scalars},
	{"curves have their numbers and names", test_curve_names},
	{"points come bare or wrapped", test_points},
	{0},
};
UNIT_MAIN("key_form", cases)
