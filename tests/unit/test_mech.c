/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: the table of mechanisms has a row for each that our header numbers, says of each what
 * C_GetMechanismInfo must, and fits keys as their attributes say.
 */
#include "token/digest_info.h"
#include "token/key_size.h"
#include "token/mech.h"

#include "unit.h"

#define NAMED(mechanism) {mechanism, #mechanism}
#define HASHES(name) NAMED(CKM_##name), NAMED(CKM_##name##_HMAC), NAMED(CKM_##name##_HMAC_GENERAL)
#define SIGNS(name) NAMED(CKM_##name##_RSA_PKCS), NAMED(CKM_##name##_RSA_PKCS_PSS), NAMED(CKM_ECDSA_##name)
static const struct {
	CK_MECHANISM_TYPE type;
	const char *name;
} numbered[] = {
	NAMED(CKM_HUFU_SM2_KEY_PAIR_GEN), NAMED(CKM_HUFU_SM2), NAMED(CKM_HUFU_SM2_DER), NAMED(CKM_HUFU_SM2_SM3),
	NAMED(CKM_HUFU_SM2_SM3_DER), NAMED(CKM_HUFU_SM2_SM3_NO_Z), NAMED(CKM_HUFU_SM2_SM3_NO_Z_DER), NAMED(CKM_HUFU_SM2_C1C3C2),
	NAMED(CKM_HUFU_SM2_C1C2C3), NAMED(CKM_HUFU_SM2_ENC_DER), NAMED(CKM_HUFU_SM2_KEY_AGREEMENT),
	NAMED(CKM_HUFU_SM2_ENVELOPED_KEY),
	HASHES(HUFU_SM3), NAMED(CKM_HUFU_SM3_KEY_GEN), NAMED(CKM_GENERIC_SECRET_KEY_GEN),
	NAMED(CKM_HUFU_SM4_KEY_GEN), NAMED(CKM_HUFU_SM4_ECB), NAMED(CKM_HUFU_SM4_CBC), NAMED(CKM_HUFU_SM4_CBC_PAD),
	NAMED(CKM_HUFU_SM4_CTR), NAMED(CKM_HUFU_SM4_CFB128), NAMED(CKM_HUFU_SM4_OFB), NAMED(CKM_HUFU_SM4_GCM),
	NAMED(CKM_HUFU_SM4_CCM), NAMED(CKM_HUFU_SM4_CMAC), NAMED(CKM_HUFU_SM4_CMAC_GENERAL), NAMED(CKM_HUFU_SM4_CBC_MAC),
	NAMED(CKM_HUFU_SM4_CBC_MAC_GENERAL),
	NAMED(CKM_HUFU_ZUC_KEY_GEN), NAMED(CKM_HUFU_ZUC_EEA3), NAMED(CKM_HUFU_ZUC_EIA3),
	HASHES(SHA_1), HASHES(SHA224), HASHES(SHA256), HASHES(SHA384), HASHES(SHA512), HASHES(SHA512_224), HASHES(SHA512_256),
	HASHES(SHA3_224), HASHES(SHA3_256), HASHES(SHA3_384), HASHES(SHA3_512),
	NAMED(CKM_RSA_PKCS), NAMED(CKM_RSA_X_509), NAMED(CKM_RSA_PKCS_OAEP), NAMED(CKM_RSA_AES_KEY_WRAP),
		NAMED(CKM_RSA_PKCS_PSS), NAMED(CKM_ECDSA), NAMED(CKM_EDDSA),
	SIGNS(SHA1), SIGNS(SHA224), SIGNS(SHA256), SIGNS(SHA384), SIGNS(SHA512),
	SIGNS(SHA3_224), SIGNS(SHA3_256), SIGNS(SHA3_384), SIGNS(SHA3_512),
	NAMED(CKM_AES_ECB), NAMED(CKM_AES_CBC), NAMED(CKM_AES_CBC_PAD), NAMED(CKM_AES_CTR), NAMED(CKM_AES_GCM), NAMED(CKM_AES_CCM),
	NAMED(CKM_AES_CMAC), NAMED(CKM_AES_CMAC_GENERAL), NAMED(CKM_AES_KEY_WRAP), NAMED(CKM_AES_KEY_WRAP_PAD),
	NAMED(CKM_AES_KEY_WRAP_KWP), NAMED(CKM_DES3_ECB), NAMED(CKM_DES3_CBC), NAMED(CKM_DES3_CBC_PAD),
	NAMED(CKM_SHA_1_KEY_GEN), NAMED(CKM_SHA224_KEY_GEN), NAMED(CKM_SHA256_KEY_GEN), NAMED(CKM_SHA384_KEY_GEN),
	NAMED(CKM_SHA512_KEY_GEN), NAMED(CKM_SHA512_224_KEY_GEN), NAMED(CKM_SHA512_256_KEY_GEN), NAMED(CKM_SHA3_224_KEY_GEN),
	NAMED(CKM_SHA3_256_KEY_GEN), NAMED(CKM_SHA3_384_KEY_GEN), NAMED(CKM_SHA3_512_KEY_GEN), NAMED(CKM_HKDF_KEY_GEN),
	NAMED(CKM_AES_KEY_GEN), NAMED(CKM_RSA_PKCS_KEY_PAIR_GEN), NAMED(CKM_EC_KEY_PAIR_GEN), NAMED(CKM_EC_EDWARDS_KEY_PAIR_GEN),
	NAMED(CKM_EC_MONTGOMERY_KEY_PAIR_GEN),
};
#define NNUMBERED (sizeof numbered / sizeof numbered[0])

static void test_complete(void)
{
	for (size_t i = 0; i < NNUMBERED; i++) {
		const struct mech *mech = mech_find(numbered[i].type);
		CU_ASSERT_PTR_NOT_NULL_FATAL(mech);
		CU_ASSERT_STRING_EQUAL(mech->name, numbered[i].name);
	}
	CU_ASSERT_PTR_NULL(mech_find(CKM_DSA));
	CU_ASSERT_PTR_NULL(mech_find(HUFU_VENDOR));
	CU_ASSERT_PTR_NULL(mech_find((CK_ULONG)-1));
}

/* What a shape needs, its flags allow, and the other way round: no call finds itself without code. */
static CK_FLAGS flags_of(enum mech_shape shape)
{
	const CK_FLAGS crypt = CKF_ENCRYPT | CKF_DECRYPT, wrap = CKF_WRAP | CKF_UNWRAP, sign = CKF_SIGN | CKF_VERIFY;
	switch (shape) {
	case SHAPE_KEYGEN: return CKF_GENERATE | CKF_GENERATE_KEY_PAIR;
	case SHAPE_DIGEST: return CKF_DIGEST;
	case SHAPE_BLOCK:
	case SHAPE_BLOCK_PAD:
	case SHAPE_KEY_WRAP: return crypt | wrap;
	case SHAPE_PK_CRYPT: return crypt | wrap | sign | CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER;
	case SHAPE_STREAM:
	case SHAPE_STATE_STREAM: return crypt;
	case SHAPE_AEAD: return crypt | wrap | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
	case SHAPE_MAC:
	case SHAPE_SIGN_DIGEST:
	case SHAPE_SIGN_WHOLE: return sign;
	case SHAPE_DERIVE: return CKF_DERIVE;
	case SHAPE_SIGN_MESSAGE: return sign | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE;
	}
	return 0;
}

static void test_consistent(void)
{
	size_t n;
	const struct mech *table = mech_table(&n);
	for (size_t i = 0; i < n; i++) {
		const struct mech *m = &table[i];
		CU_ASSERT_PTR_EQUAL(mech_find(m->type), m); /* no number twice */
		CU_ASSERT(m->flags != 0 && (m->flags & ~flags_of(m->shape)) == 0);
		CU_ASSERT((m->parse != NULL) == (m->shape != SHAPE_DERIVE && m->type != CKM_PKCS5_PBKD2));
		CU_ASSERT(m->device_mechanism != ON_HOST || !m->parse);
		CU_ASSERT(m->min_nbits <= m->max_nbits);
		CU_ASSERT(m->unit_nbits == 1 || m->unit_nbits == 8);
		CU_ASSERT((m->shape == SHAPE_DIGEST || m->type == CKM_PKCS5_PBKD2) == (m->key_types[0] == NO_KEY_TYPE));
		size_t types = 0;
		while (types < 4 && m->key_types[types] != NO_KEY_TYPE)
			types++;
		CU_ASSERT(types < 3);
	}
}

static void test_info(void)
{
	CK_MECHANISM_INFO info;
	mech_info(mech_find(CKM_HUFU_SM4_CBC), false, &info);
	CU_ASSERT(info.ulMinKeySize == 16 && info.ulMaxKeySize == 16);
	CU_ASSERT_EQUAL(info.flags, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP);
	mech_info(mech_find(CKM_HUFU_SM2_SM3), true, &info);
	CU_ASSERT(info.ulMinKeySize == 256 && info.ulMaxKeySize == 256);
	CU_ASSERT(info.flags & CKF_HW && info.flags & CKF_SIGN && info.flags & CKF_EC_F_P && !(info.flags & CKF_ENCRYPT));
	mech_info(mech_find(CKM_HUFU_SM3), true, &info); /* made on this host, whatever the device */
	CU_ASSERT(info.ulMinKeySize == 0 && info.ulMaxKeySize == 0 && info.flags == CKF_DIGEST);
	mech_info(mech_find(CKM_GENERIC_SECRET_KEY_GEN), false, &info); /* PKCS#11 3.1 6.8.4: in bits */
	CU_ASSERT(info.ulMinKeySize == 8 && info.ulMaxKeySize == 32768);
	mech_info(mech_find(CKM_HUFU_SM3_HMAC), false, &info);
	CU_ASSERT(info.ulMinKeySize == 1 && info.ulMaxKeySize == 4096);
	mech_info(mech_find(CKM_AES_GCM), false, &info); /* 6.13: in bytes */
	CU_ASSERT(info.ulMinKeySize == 16 && info.ulMaxKeySize == 32);
	mech_info(mech_find(CKM_SHA256_RSA_PKCS), false, &info); /* 6.1: in bits */
	CU_ASSERT(info.ulMinKeySize == 1024 && info.ulMaxKeySize == 8192 && !(info.flags & CKF_EC_F_P));
	mech_info(mech_find(CKM_ECDSA_SHA256), false, &info);
	CU_ASSERT(info.ulMinKeySize == 256 && info.ulMaxKeySize == 521);
	CU_ASSERT_EQUAL(info.flags & (CKF_EC_F_P | CKF_EC_F_2M | CKF_EC_OID | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS),
	                CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS);
	mech_info(mech_find(CKM_DES3_CBC), false, &info);
	CU_ASSERT_EQUAL(info.flags, CKF_DECRYPT | CKF_UNWRAP);
}

static CK_RV fits(CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type, CK_ULONG len, const CK_MECHANISM_TYPE *allowed, size_t nallowed)
{
	struct object key = {.object_class = CKO_SECRET_KEY, .key_type = key_type};
	attrs_init(&key.attrs, false);
	bool ok = attrs_set_ulong(&key.attrs, CKA_VALUE_LEN, len);
	if (allowed)
		ok = ok && attrs_set(&key.attrs, CKA_ALLOWED_MECHANISMS, allowed, nallowed * sizeof *allowed);
	CU_ASSERT(ok);
	CK_RV rv = mech_fits_key(mech_find(type), &key);
	attrs_clear(&key.attrs);
	return rv;
}

static void test_fits(void)
{
	static const CK_MECHANISM_TYPE list[] = {CKM_HUFU_SM4_CTR, CKM_HUFU_SM4_GCM};
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_ECB, CKK_HUFU_SM4, 16, NULL, 0), CKR_OK);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_ECB, CKK_AES, 16, NULL, 0), CKR_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM3_HMAC, CKK_GENERIC_SECRET, 1, NULL, 0), CKR_OK);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM3_HMAC, CKK_HUFU_SM3_HMAC, 4096, NULL, 0), CKR_OK);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM3_HMAC, CKK_HUFU_SM3_HMAC, 4097, NULL, 0), CKR_KEY_SIZE_RANGE);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_GCM, CKK_HUFU_SM4, 16, list, 2), CKR_OK);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_CTR, CKK_HUFU_SM4, 16, list, 1), CKR_OK);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_GCM, CKK_HUFU_SM4, 16, list, 1), CKR_MECHANISM_INVALID);
	CU_ASSERT_EQUAL(fits(CKM_HUFU_SM4_GCM, CKK_HUFU_SM4, 16, list, 0), CKR_OK);
}

/* An SM2 key is one under either of its names; a key of another curve is not. */
static void test_is_sm2(void)
{
	static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
	struct object key = {.object_class = CKO_PUBLIC_KEY, .key_type = CKK_HUFU_SM2};
	attrs_init(&key.attrs, false);
	CU_ASSERT_TRUE(mech_is_sm2(&key));
	key.key_type = CKK_EC;
	CU_ASSERT_FALSE(mech_is_sm2(&key));
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN));
	CU_ASSERT_TRUE(mech_is_sm2(&key));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_HUFU_SM2), &key), CKR_OK);
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_EC_PARAMS, p256, sizeof p256));
	CU_ASSERT_FALSE(mech_is_sm2(&key));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_HUFU_SM2), &key), CKR_KEY_TYPE_INCONSISTENT);
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_ECDSA), &key), CKR_OK);
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_EC_PARAMS, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_ECDSA), &key), CKR_KEY_TYPE_INCONSISTENT);
	attrs_clear(&key.attrs);
}

static size_t sized(CK_KEY_TYPE type, CK_ATTRIBUTE_TYPE attribute, const void *value, size_t len, size_t *modulus, size_t *sig)
{
	struct object key = {.object_class = CKO_PUBLIC_KEY, .key_type = type};
	attrs_init(&key.attrs, false);
	CU_ASSERT_TRUE(attrs_set(&key.attrs, attribute, value, len));
	size_t nbits = key_nbits(&key);
	*modulus = key_modulus_len(&key);
	*sig = key_curve_sig_len(&key);
	attrs_clear(&key.attrs);
	return nbits;
}

static void test_sizes(void)
{
	static const struct {
		const char *oid;
		size_t len, nbits, sig;
		CK_KEY_TYPE type;
	} curves[] = {
		{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, 256, 64, CKK_EC}, {"\x06\x05\x2b\x81\x04\x00\x22", 7, 384, 96, CKK_EC},
		{"\x06\x05\x2b\x81\x04\x00\x23", 7, 521, 132, CKK_EC}, {"\x06\x03\x2b\x65\x70", 5, 255, 64, CKK_EC_EDWARDS},
		{"\x06\x03\x2b\x65\x71", 5, 448, 114, CKK_EC_EDWARDS}, {"\x06\x03\x2b\x65\x6e", 5, 255, 0, CKK_EC_MONTGOMERY},
		{"\x06\x03\x2b\x65\x72", 5, 0, 0, CKK_EC},
	};
	size_t modulus, sig;
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
		CU_ASSERT_EQUAL(sized(curves[i].type, CKA_EC_PARAMS, curves[i].oid, curves[i].len, &modulus, &sig), curves[i].nbits);
		CU_ASSERT_TRUE(modulus == 0 && sig == curves[i].sig);
	}
	uint8_t n[258] = {0, 0, 0x80};
	CU_ASSERT_EQUAL(sized(CKK_RSA, CKA_MODULUS, n, sizeof n, &modulus, &sig), 2048);
	CU_ASSERT_TRUE(modulus == 256 && sig == 0);
	n[2] = 1;
	CU_ASSERT_EQUAL(sized(CKK_RSA, CKA_MODULUS, n, sizeof n, &modulus, &sig), 2041);
	CU_ASSERT_EQUAL(modulus, 256);
	CU_ASSERT_EQUAL(sized(CKK_RSA, CKA_MODULUS, n, 2, &modulus, &sig), 0);
	CU_ASSERT_EQUAL(sized(CKK_RSA, CKA_MODULUS, n, 0, &modulus, &sig), 0);
	CU_ASSERT_EQUAL(modulus, 0);
}

/* 1023 bits are too few, 8193 too many. */
static void test_rsa_sizes(void)
{
	struct object key = {.object_class = CKO_PRIVATE_KEY, .key_type = CKK_RSA};
	uint8_t n[1025] = {0x7f};
	attrs_init(&key.attrs, false);
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_MODULUS, n, 128));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_SHA256_RSA_PKCS), &key), CKR_KEY_SIZE_RANGE);
	n[0] = 0x80;
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_MODULUS, n, 128));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_SHA256_RSA_PKCS), &key), CKR_OK);
	n[0] = 1;
	CU_ASSERT_TRUE(attrs_set(&key.attrs, CKA_MODULUS, n, 1025));
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_SHA256_RSA_PKCS), &key), CKR_KEY_SIZE_RANGE);
	CU_ASSERT_EQUAL(mech_fits_key(mech_find(CKM_ECDSA), &key), CKR_KEY_TYPE_INCONSISTENT);
	attrs_clear(&key.attrs);
}

/* RFC 8017 9.2 note 1. */
static void test_digest_info(void)
{
	static const struct {
		enum hash_id hash;
		const char *prefix;
	} infos[] = {
		{HASH_SHA1, "3021300906052b0e03021a05000414"},
		{HASH_SHA224, "302d300d06096086480165030402040500041c"},
		{HASH_SHA256, "3031300d060960864801650304020105000420"},
		{HASH_SHA384, "3041300d060960864801650304020205000430"},
		{HASH_SHA512, "3051300d060960864801650304020305000440"},
		{HASH_SHA512_224, "302d300d06096086480165030402050500041c"},
		{HASH_SHA512_256, "3031300d060960864801650304020605000420"},
		{HASH_SHA3_256, "3031300d060960864801650304020805000420"}, /* the OID of FIPS 202's page of NIST */
		{HASH_SM3, ""},
	};
	uint8_t want[64], got[DIGEST_INFO_PREFIX_MAX];
	for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
		size_t len = unit_hex(infos[i].prefix, want);
		CU_ASSERT_EQUAL(digest_info_prefix(infos[i].hash, got), len);
		CU_ASSERT_EQUAL(memcmp(got, want, len), 0);
	}
}

static const struct unit_case cases[] = {
	{"every number of our header has a row", test_complete},
	{"no row contradicts itself", test_consistent},
	{"C_GetMechanismInfo tells sizes in the right unit, and the right flags", test_info},
	{"keys fit by type, size and CKA_ALLOWED_MECHANISMS", test_fits},
	{"SM2 keys are known by either name, and no other mechanism's", test_is_sm2},
	{"the size of a key, and of what it signs, follow from its attributes", test_sizes},
	{"RSA keys have 1024 to 8192 bits", test_rsa_sizes},
	{"the DigestInfo of each hash is that of RFC 8017", test_digest_info},
	{0},
};
UNIT_MAIN("mech", cases)
