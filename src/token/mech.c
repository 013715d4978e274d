/* SPDX-License-Identifier: Apache-2.0 */
#include "token/mech.h"
#include "token/key_size.h"
#include "token/param.h"

#include <pthread.h>
#include <string.h>

#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define WRAP (CKF_WRAP | CKF_UNWRAP)
#define MACS (CKF_SIGN | CKF_VERIFY)
#define RECOVER (CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER)
#define MESSAGE_CRYPT (CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)
#define MESSAGE_SIGN (CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)

/* Sizes of keys in bits, the unit in which they are told, types of keys. */
#define NO_KEY 0, 0, 1, {NO_KEY_TYPE}
#define SM2_KEY 256, 256, 1, {CKK_HUFU_SM2, NO_KEY_TYPE}
#define SM4_KEY 128, 128, 8, {CKK_HUFU_SM4, NO_KEY_TYPE}
#define ZUC_KEY 128, 128, 8, {CKK_HUFU_ZUC, NO_KEY_TYPE}
#define HMAC_KEY 8, 8 * 4096, 8, {CKK_HUFU_SM3_HMAC, NO_KEY_TYPE}
#define GENERIC_KEY 8, 8 * 4096, 1, {CKK_GENERIC_SECRET, NO_KEY_TYPE}
#define HKDF_KEY 8, 8 * 4096, 8, {CKK_HKDF, NO_KEY_TYPE}
#define MAC_KEYS(type) 8, 8 * 4096, 8, {type, CKK_GENERIC_SECRET, NO_KEY_TYPE}
#define RSA_KEY 1024, 8192, 1, {CKK_RSA, NO_KEY_TYPE}
#define NEW_RSA_KEY 2048, 4096, 1, {CKK_RSA, NO_KEY_TYPE} /* those that are made here; C_CreateObject takes others */
#define EC_KEY 256, 521, 1, {CKK_EC, NO_KEY_TYPE}
#define EDWARDS_KEY 255, 448, 1, {CKK_EC_EDWARDS, NO_KEY_TYPE}
#define MONTGOMERY_KEY 255, 448, 1, {CKK_EC_MONTGOMERY, NO_KEY_TYPE}
#define AES_KEY 128, 256, 8, {CKK_AES, NO_KEY_TYPE}
#define DES3_KEY 0, 0, 1, {CKK_DES3, NO_KEY_TYPE} /* 6.17.4 and on: the sizes are "not used" */

#define EC_AGREEMENT_KEY 255, 521, 1, {CKK_EC, CKK_EC_MONTGOMERY, NO_KEY_TYPE}
#define AES_BASE_KEY 128, 256, 8, {CKK_AES, NO_KEY_TYPE}
/* Of any type: the class is checked, and that it may be exported. */
#define ANY_SECRET 8, 8 * 4096, 8, {ANY_KEY_TYPE, NO_KEY_TYPE}
/* No key, or none that the mechanism says: the template does. */
#define HKDF_BASE_KEY 8, 8 * 4096, 8, {CKK_HKDF, CKK_GENERIC_SECRET, NO_KEY_TYPE}
#define PASSWORD 0, 0, 1, {NO_KEY_TYPE}

#define ROW(mechanism) .type = CKM_##mechanism, .name = "CKM_" #mechanism

#define HMAC_KEYGEN(hash) \
	{ROW(hash##_KEY_GEN), CKF_GENERATE, 8, 8 * 4096, 8, {CKK_##hash##_HMAC, NO_KEY_TYPE}, SHAPE_KEYGEN, ENC_NONE, \
	 CKM_HUFU_SM3_KEY_GEN, param_none, HASH_NONE}

#define PAIR_GEN(algorithm, ...) \
	{ROW(algorithm##_KEY_PAIR_GEN), CKF_GENERATE_KEY_PAIR, __VA_ARGS__, SHAPE_KEYGEN, ENC_NONE, CKM_##algorithm##_KEY_PAIR_GEN, \
	 param_none, HASH_NONE}

/* What comes with every hash function. */
#define DIGEST(name, hash) {ROW(name), CKF_DIGEST, NO_KEY, SHAPE_DIGEST, ENC_NONE, CKM_##name, param_none, hash}
#define HMAC(name, key, hash) \
	{ROW(name##_HMAC), MACS, MAC_KEYS(key), SHAPE_MAC, ENC_NONE, CKM_##name##_HMAC, param_mac, hash}, \
	{ROW(name##_HMAC_GENERAL), MACS, MAC_KEYS(key), SHAPE_MAC, ENC_NONE, CKM_##name##_HMAC, param_mac_general, hash}
#define BLOCK_MAC(name, ...) \
	{ROW(name), MACS, __VA_ARGS__, SHAPE_MAC, ENC_NONE, CKM_##name, param_mac, HASH_NONE}, \
	{ROW(name##_GENERAL), MACS, __VA_ARGS__, SHAPE_MAC, ENC_NONE, CKM_##name, param_mac_general, HASH_NONE}
#define RSA_HASHED(name, hash) \
	{ROW(name##_RSA_PKCS), MACS | MESSAGE_SIGN, RSA_KEY, SHAPE_SIGN_MESSAGE, ENC_NONE, CKM_RSA_PKCS, param_none, hash}, \
	{ROW(name##_RSA_PKCS_PSS), MACS | MESSAGE_SIGN, RSA_KEY, SHAPE_SIGN_MESSAGE, ENC_NONE, CKM_RSA_PKCS_PSS, param_pss, hash}
#define ECDSA_HASHED(name, hash) \
	{ROW(ECDSA_##name), MACS | MESSAGE_SIGN, EC_KEY, SHAPE_SIGN_MESSAGE, ENC_RAW, CKM_ECDSA, param_none, hash}

static const struct mech table[] = {
	{ROW(HUFU_SM2_KEY_PAIR_GEN), CKF_GENERATE_KEY_PAIR, SM2_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM2_KEY_PAIR_GEN, param_none, HASH_NONE},
	{ROW(HUFU_SM2), MACS, SM2_KEY, SHAPE_SIGN_DIGEST, ENC_RAW, CKM_HUFU_SM2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_DER), MACS, SM2_KEY, SHAPE_SIGN_DIGEST, ENC_DER, CKM_HUFU_SM2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_SM3), MACS | MESSAGE_SIGN, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_RAW, CKM_HUFU_SM2, param_sm2_id, HASH_SM3},
	{ROW(HUFU_SM2_SM3_DER), MACS | MESSAGE_SIGN, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_DER, CKM_HUFU_SM2, param_sm2_id, HASH_SM3},
	{ROW(HUFU_SM2_SM3_NO_Z), MACS, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_RAW, CKM_HUFU_SM2, param_none, HASH_SM3},
	{ROW(HUFU_SM2_SM3_NO_Z_DER), MACS, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_DER, CKM_HUFU_SM2, param_none, HASH_SM3},
	{ROW(HUFU_SM2_C1C3C2), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_RAW, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_C1C2C3), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_C1C2C3, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_ENC_DER), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_DER, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_ENVELOPED_KEY), WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_DER, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_KEY_AGREEMENT), CKF_DERIVE, SM2_KEY, SHAPE_DERIVE, ENC_NONE, CKM_HUFU_SM2_KEY_AGREEMENT, NULL, HASH_NONE},

	DIGEST(HUFU_SM3, HASH_SM3), HMAC(HUFU_SM3, CKK_HUFU_SM3_HMAC, HASH_SM3),
	{ROW(HUFU_SM3_KEY_GEN), CKF_GENERATE, HMAC_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM3_KEY_GEN, param_none, HASH_NONE},
	/* A generic secret is as good as any for HMAC; devices know one way to make either. */
	{ROW(GENERIC_SECRET_KEY_GEN), CKF_GENERATE, GENERIC_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM3_KEY_GEN, param_none, HASH_NONE},
	HMAC_KEYGEN(SHA_1), HMAC_KEYGEN(SHA224), HMAC_KEYGEN(SHA256), HMAC_KEYGEN(SHA384), HMAC_KEYGEN(SHA512), HMAC_KEYGEN(SHA512_224),
	HMAC_KEYGEN(SHA512_256), HMAC_KEYGEN(SHA3_224), HMAC_KEYGEN(SHA3_256), HMAC_KEYGEN(SHA3_384), HMAC_KEYGEN(SHA3_512),
	{ROW(HKDF_KEY_GEN), CKF_GENERATE, HKDF_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM3_KEY_GEN, param_none, HASH_NONE},

	{ROW(HUFU_SM4_KEY_GEN), CKF_GENERATE, SM4_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM4_KEY_GEN, param_none, HASH_NONE},
	{ROW(HUFU_SM4_ECB), CRYPT | WRAP, SM4_KEY, SHAPE_BLOCK, ENC_NONE, CKM_HUFU_SM4_ECB, param_none, HASH_NONE},
	{ROW(HUFU_SM4_CBC), CRYPT | WRAP, SM4_KEY, SHAPE_BLOCK, ENC_NONE, CKM_HUFU_SM4_CBC, param_iv, HASH_NONE},
	{ROW(HUFU_SM4_CBC_PAD), CRYPT | WRAP, SM4_KEY, SHAPE_BLOCK_PAD, ENC_NONE, CKM_HUFU_SM4_CBC, param_iv, HASH_NONE},
	{ROW(HUFU_SM4_CTR), CRYPT, SM4_KEY, SHAPE_STREAM, ENC_NONE, CKM_HUFU_SM4_CTR, param_ctr, HASH_NONE},
	{ROW(HUFU_SM4_CFB128), CRYPT, SM4_KEY, SHAPE_STREAM, ENC_NONE, CKM_HUFU_SM4_CFB128, param_iv, HASH_NONE},
	{ROW(HUFU_SM4_OFB), CRYPT, SM4_KEY, SHAPE_STREAM, ENC_NONE, CKM_HUFU_SM4_OFB, param_iv, HASH_NONE},
	{ROW(HUFU_SM4_GCM), CRYPT | WRAP | MESSAGE_CRYPT, SM4_KEY, SHAPE_AEAD, ENC_NONE, CKM_HUFU_SM4_GCM, param_gcm, HASH_NONE},
	{ROW(HUFU_SM4_CCM), CRYPT | WRAP | MESSAGE_CRYPT, SM4_KEY, SHAPE_AEAD, ENC_NONE, CKM_HUFU_SM4_CCM, param_ccm, HASH_NONE},
	BLOCK_MAC(HUFU_SM4_CMAC, SM4_KEY), BLOCK_MAC(HUFU_SM4_CBC_MAC, SM4_KEY),

	{ROW(ECDH1_DERIVE), CKF_DERIVE, EC_AGREEMENT_KEY, SHAPE_DERIVE, ENC_NONE, CKM_ECDH1_DERIVE, NULL, HASH_NONE},
	{ROW(ECDH1_COFACTOR_DERIVE), CKF_DERIVE, EC_AGREEMENT_KEY, SHAPE_DERIVE, ENC_NONE, CKM_ECDH1_COFACTOR_DERIVE, NULL, HASH_NONE},
	{ROW(AES_ECB_ENCRYPT_DATA), CKF_DERIVE, AES_BASE_KEY, SHAPE_DERIVE, ENC_NONE, CKM_AES_ECB, NULL, HASH_NONE},
	{ROW(AES_CBC_ENCRYPT_DATA), CKF_DERIVE, AES_BASE_KEY, SHAPE_DERIVE, ENC_NONE, CKM_AES_CBC, NULL, HASH_NONE},
	/* On this host: no device knows them. */
	{ROW(CONCATENATE_BASE_AND_KEY), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(CONCATENATE_BASE_AND_DATA), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(CONCATENATE_DATA_AND_BASE), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(XOR_BASE_AND_DATA), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(EXTRACT_KEY_FROM_KEY), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(HKDF_DERIVE), CKF_DERIVE, HKDF_BASE_KEY, SHAPE_DERIVE, ENC_NONE, ON_HOST, NULL, HASH_NONE},
	{ROW(PKCS5_PBKD2), CKF_GENERATE, PASSWORD, SHAPE_KEYGEN, ENC_NONE, ON_HOST, NULL, HASH_NONE},

	{ROW(HUFU_ZUC_KEY_GEN), CKF_GENERATE, ZUC_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_ZUC_KEY_GEN, param_none, HASH_NONE},
	{ROW(HUFU_ZUC_EEA3), CRYPT, ZUC_KEY, SHAPE_STATE_STREAM, ENC_NONE, CKM_HUFU_ZUC_EEA3, param_zuc, HASH_NONE},
	{ROW(HUFU_ZUC_EIA3), MACS, ZUC_KEY, SHAPE_MAC, ENC_NONE, CKM_HUFU_ZUC_EIA3, param_zuc, HASH_NONE},

	{ROW(AES_KEY_GEN), CKF_GENERATE, AES_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_AES_KEY_GEN, param_none, HASH_NONE},
	PAIR_GEN(RSA_PKCS, NEW_RSA_KEY), PAIR_GEN(EC, EC_KEY), PAIR_GEN(EC_EDWARDS, EDWARDS_KEY), PAIR_GEN(EC_MONTGOMERY, MONTGOMERY_KEY),

	/* PKCS#11 3.1 6.19 to 6.30 */
	DIGEST(SHA_1, HASH_SHA1), HMAC(SHA_1, CKK_SHA_1_HMAC, HASH_SHA1),
	DIGEST(SHA224, HASH_SHA224), HMAC(SHA224, CKK_SHA224_HMAC, HASH_SHA224),
	DIGEST(SHA256, HASH_SHA256), HMAC(SHA256, CKK_SHA256_HMAC, HASH_SHA256),
	DIGEST(SHA384, HASH_SHA384), HMAC(SHA384, CKK_SHA384_HMAC, HASH_SHA384),
	DIGEST(SHA512, HASH_SHA512), HMAC(SHA512, CKK_SHA512_HMAC, HASH_SHA512),
	DIGEST(SHA512_224, HASH_SHA512_224), HMAC(SHA512_224, CKK_SHA512_224_HMAC, HASH_SHA512_224),
	DIGEST(SHA512_256, HASH_SHA512_256), HMAC(SHA512_256, CKK_SHA512_256_HMAC, HASH_SHA512_256),
	DIGEST(SHA3_224, HASH_SHA3_224), HMAC(SHA3_224, CKK_SHA3_224_HMAC, HASH_SHA3_224),
	DIGEST(SHA3_256, HASH_SHA3_256), HMAC(SHA3_256, CKK_SHA3_256_HMAC, HASH_SHA3_256),
	DIGEST(SHA3_384, HASH_SHA3_384), HMAC(SHA3_384, CKK_SHA3_384_HMAC, HASH_SHA3_384),
	DIGEST(SHA3_512, HASH_SHA3_512), HMAC(SHA3_512, CKK_SHA3_512_HMAC, HASH_SHA3_512),

	/* 6.1 */
	{ROW(RSA_PKCS), CRYPT | WRAP | MACS | RECOVER, RSA_KEY, SHAPE_PK_CRYPT, ENC_NONE, CKM_RSA_PKCS, param_none, HASH_NONE},
	{ROW(RSA_X_509), CRYPT | WRAP | MACS | RECOVER, RSA_KEY, SHAPE_PK_CRYPT, ENC_NONE, CKM_RSA_X_509, param_none, HASH_NONE},
	{ROW(RSA_PKCS_OAEP), CRYPT | WRAP, RSA_KEY, SHAPE_PK_CRYPT, ENC_NONE, CKM_RSA_PKCS_OAEP, param_oaep, HASH_NONE},
	{ROW(RSA_AES_KEY_WRAP), WRAP, RSA_KEY, SHAPE_PK_CRYPT, ENC_NONE, CKM_RSA_PKCS_OAEP, param_rsa_aes, HASH_NONE},
	{ROW(RSA_PKCS_PSS), MACS, RSA_KEY, SHAPE_SIGN_DIGEST, ENC_NONE, CKM_RSA_PKCS_PSS, param_pss, HASH_NONE},
	RSA_HASHED(SHA1, HASH_SHA1), RSA_HASHED(SHA224, HASH_SHA224), RSA_HASHED(SHA256, HASH_SHA256),
	RSA_HASHED(SHA384, HASH_SHA384), RSA_HASHED(SHA512, HASH_SHA512), RSA_HASHED(SHA3_224, HASH_SHA3_224),
	RSA_HASHED(SHA3_256, HASH_SHA3_256), RSA_HASHED(SHA3_384, HASH_SHA3_384), RSA_HASHED(SHA3_512, HASH_SHA3_512),

	/* 6.3 */
	{ROW(ECDSA), MACS, EC_KEY, SHAPE_SIGN_DIGEST, ENC_RAW, CKM_ECDSA, param_none, HASH_NONE},
	ECDSA_HASHED(SHA1, HASH_SHA1), ECDSA_HASHED(SHA224, HASH_SHA224), ECDSA_HASHED(SHA256, HASH_SHA256),
	ECDSA_HASHED(SHA384, HASH_SHA384), ECDSA_HASHED(SHA512, HASH_SHA512), ECDSA_HASHED(SHA3_224, HASH_SHA3_224),
	ECDSA_HASHED(SHA3_256, HASH_SHA3_256), ECDSA_HASHED(SHA3_384, HASH_SHA3_384), ECDSA_HASHED(SHA3_512, HASH_SHA3_512),
	{ROW(EDDSA), MACS, EDWARDS_KEY, SHAPE_SIGN_WHOLE, ENC_RAW, CKM_EDDSA, param_eddsa, HASH_NONE},

	/* 6.10 to 6.14 */
	{ROW(AES_ECB), CRYPT | WRAP, AES_KEY, SHAPE_BLOCK, ENC_NONE, CKM_AES_ECB, param_none, HASH_NONE},
	{ROW(AES_CBC), CRYPT | WRAP, AES_KEY, SHAPE_BLOCK, ENC_NONE, CKM_AES_CBC, param_iv, HASH_NONE},
	{ROW(AES_CBC_PAD), CRYPT | WRAP, AES_KEY, SHAPE_BLOCK_PAD, ENC_NONE, CKM_AES_CBC, param_iv, HASH_NONE},
	{ROW(AES_CTR), CRYPT, AES_KEY, SHAPE_STREAM, ENC_NONE, CKM_AES_CTR, param_ctr, HASH_NONE},
	{ROW(AES_GCM), CRYPT | WRAP | MESSAGE_CRYPT, AES_KEY, SHAPE_AEAD, ENC_NONE, CKM_AES_GCM, param_gcm, HASH_NONE},
	{ROW(AES_CCM), CRYPT | WRAP | MESSAGE_CRYPT, AES_KEY, SHAPE_AEAD, ENC_NONE, CKM_AES_CCM, param_ccm, HASH_NONE},
	BLOCK_MAC(AES_CMAC, AES_KEY),
	{ROW(AES_KEY_WRAP), CRYPT | WRAP, AES_KEY, SHAPE_KEY_WRAP, ENC_NONE, CKM_AES_KEY_WRAP, param_key_wrap, HASH_NONE},
	{ROW(AES_KEY_WRAP_PAD), CRYPT | WRAP, AES_KEY, SHAPE_KEY_WRAP, ENC_NONE, CKM_AES_KEY_WRAP_KWP, param_key_wrap, HASH_NONE},
	{ROW(AES_KEY_WRAP_KWP), CRYPT | WRAP, AES_KEY, SHAPE_KEY_WRAP, ENC_NONE, CKM_AES_KEY_WRAP_KWP, param_key_wrap, HASH_NONE},

	/* 6.17: nothing new is encrypted with it */
	{ROW(DES3_ECB), CKF_DECRYPT | CKF_UNWRAP, DES3_KEY, SHAPE_BLOCK, ENC_NONE, CKM_DES3_ECB, param_none, HASH_NONE},
	{ROW(DES3_CBC), CKF_DECRYPT | CKF_UNWRAP, DES3_KEY, SHAPE_BLOCK, ENC_NONE, CKM_DES3_CBC, param_iv8, HASH_NONE},
	{ROW(DES3_CBC_PAD), CKF_DECRYPT | CKF_UNWRAP, DES3_KEY, SHAPE_BLOCK_PAD, ENC_NONE, CKM_DES3_CBC, param_iv8, HASH_NONE},
};
#define NROWS (sizeof table / sizeof table[0])

const struct mech *mech_table(size_t *n)
{
	*n = NROWS;
	return table;
}

/* Rows by their numbers: each in the slot that its number hashes to, or one behind it. Filled once, for every Init asks. */
#define SLOTS 512
_Static_assert(NROWS <= SLOTS / 2, "the slots are half empty");
static const struct mech *slots[SLOTS];
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

/* The row's, or the empty one where it would be. */
static const struct mech **slot_of(CK_MECHANISM_TYPE type)
{
	size_t i = (type ^ type >> 9) % SLOTS;
	while (slots[i] && slots[i]->type != type)
		i = (i + 1) % SLOTS;
	return &slots[i];
}

static void fill_slots(void)
{
	for (size_t i = 0; i < NROWS; i++)
		*slot_of(table[i].type) = &table[i];
}

const struct mech *mech_find(CK_MECHANISM_TYPE type)
{
	pthread_once(&slots_once, fill_slots);
	return *slot_of(type);
}

/* What a device must do for a call; digests are made on this host. */
static const struct {
	CK_FLAGS flag;
	enum hufu_verb verb;
} needs[] = {
	{CKF_ENCRYPT, HUFU_VERB_ENCRYPT}, {CKF_MESSAGE_ENCRYPT, HUFU_VERB_ENCRYPT}, {CKF_WRAP, HUFU_VERB_ENCRYPT},
	{CKF_DECRYPT, HUFU_VERB_DECRYPT}, {CKF_MESSAGE_DECRYPT, HUFU_VERB_DECRYPT}, {CKF_UNWRAP, HUFU_VERB_DECRYPT},
	{CKF_SIGN_RECOVER, HUFU_VERB_SIGN}, {CKF_VERIFY_RECOVER, HUFU_VERB_ENCRYPT}, /* recover.c */
	{CKF_SIGN, HUFU_VERB_SIGN}, {CKF_MESSAGE_SIGN, HUFU_VERB_SIGN},
	{CKF_VERIFY, HUFU_VERB_VERIFY}, {CKF_MESSAGE_VERIFY, HUFU_VERB_VERIFY},
	{CKF_GENERATE, HUFU_VERB_GENERATE}, {CKF_GENERATE_KEY_PAIR, HUFU_VERB_GENERATE}, {CKF_DERIVE, HUFU_VERB_DERIVE},
};

/* What is computed on this host needs the base key's value, and a device to take in the new one. */
static bool can_on_host(struct pool *pool)
{
	return pool_can(pool, 0, HUFU_VERB_EXPORT) && pool_can(pool, 0, HUFU_VERB_IMPORT);
}

/* mechanisms.h: what no standard has is there for programs that were written to a vendor's header. */
static bool is_vendors(const struct mech *mech)
{
	return mech->type == CKM_HUFU_SM2_SM3_NO_Z || mech->type == CKM_HUFU_SM2_SM3_NO_Z_DER;
}

static bool is_allowed(const struct conf_token *conf, const struct mech *mech)
{
	if (is_vendors(mech) && !alias_mech_of_own(vendor_of(conf), mech->type))
		return false;
	return mech->key_types[0] != CKK_DES3 || conf->des3 == CONF_DES3_READ;
}

/* One of the flags that the mechanism has, and a device for it. */
static bool can(struct pool *pool, const struct mech *mech, CK_FLAGS flags)
{
	flags &= mech->flags;
	if (flags & CKF_DIGEST)
		return true;
	if (flags && mech->device_mechanism == ON_HOST)
		return can_on_host(pool);
	if (flags & CKF_DERIVE && pool_can(pool, mech->device_mechanism, HUFU_VERB_ENCRYPT))
		return true;
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
		if (flags & needs[i].flag && pool_can(pool, mech->device_mechanism, needs[i].verb))
			return true;
	return false;
}

bool mech_offered(const struct conf_token *conf, struct pool *pool, const struct mech *mech)
{
	return is_allowed(conf, mech) && can(pool, mech, mech->flags);
}

/* The meaning of it that has flag. */
static CK_RV find_meant(const struct conf_token *conf, const CK_MECHANISM *said, CK_FLAGS flag, struct own_mechanism *own,
                        const struct mech **out)
{
	const struct alias_mech *row = NULL;
	while ((row = alias_mech_next(vendor_of(conf), said->mechanism, row)) != NULL) {
		*out = mech_find(row->own);
		if (*out && (*out)->flags & flag)
			return vendor_take_mechanism(row, said, own);
	}
	own->m = *said;
	*out = mech_find(said->mechanism);
	return *out && (*out)->flags & flag ? CKR_OK : CKR_MECHANISM_INVALID;
}

CK_RV mech_check(struct token *token, const CK_MECHANISM *said, CK_FLAGS flag, struct own_mechanism *own, const struct mech **out)
{
	const struct mech *mech;
	CK_RV rv = find_meant(token->conf, said, flag, own, &mech);
	if (rv != CKR_OK)
		return rv;
	if (!is_allowed(token->conf, mech))
		return CKR_MECHANISM_INVALID;
	/*
	 * While a device could not be reached yet nobody knows: the operation will wait for it, and find out. Asked
	 * again, since the last one may have become known between the two questions.
	 */
	if (!can(token->pool, mech, flag) && pool_knows_all(token->pool) && !can(token->pool, mech, flag))
		return CKR_MECHANISM_INVALID;
	*out = mech;
	return CKR_OK;
}

/* 6.3.1, of the curves: those of Edwards and Montgomery have one form of point, half as long. */
static CK_FLAGS curve_flags(CK_KEY_TYPE type)
{
	if (type == CKK_HUFU_SM2 || type == CKK_EC)
		return CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
	if (type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY)
		return CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_COMPRESS;
	return 0;
}

void mech_info(const struct mech *mech, bool hardware, CK_MECHANISM_INFO *info)
{
	info->ulMinKeySize = mech->min_nbits / mech->unit_nbits;
	info->ulMaxKeySize = mech->max_nbits / mech->unit_nbits;
	info->flags = mech->flags;
	if (hardware && mech->shape != SHAPE_DIGEST)
		info->flags |= CKF_HW;
	info->flags |= curve_flags(mech->key_types[0]);
}

bool mech_is_asymmetric(const struct mech *mech)
{
	switch (mech->key_types[0]) {
	case CKK_HUFU_SM2:
	case CKK_RSA:
	case CKK_EC:
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY: return true;
	default: return false;
	}
}

bool mech_is_sm2(const struct object *key)
{
	if (key->key_type == CKK_HUFU_SM2)
		return true;
	const CK_ATTRIBUTE *curve = key->key_type == CKK_EC ? attrs_get(&key->attrs, CKA_EC_PARAMS) : NULL;
	return curve && curve->ulValueLen == HUFU_SM2_CURVE_OID_LEN &&
	       memcmp(curve->pValue, HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN) == 0;
}

/* An empty list is no list: that is how other modules show a key without one. */
static bool allowed(const struct object *key, CK_MECHANISM_TYPE type)
{
	const CK_ATTRIBUTE *list = attrs_get(&key->attrs, CKA_ALLOWED_MECHANISMS);
	if (!list || list->ulValueLen == 0)
		return true;
	for (size_t at = 0; at + sizeof type <= list->ulValueLen; at += sizeof type)
		if (memcmp((const uint8_t *)list->pValue + at, &type, sizeof type) == 0)
			return true;
	return false;
}

CK_RV mech_fits_key(const struct mech *mech, const struct object *key)
{
	CK_KEY_TYPE type = mech_is_sm2(key) ? CKK_HUFU_SM2 : key->key_type;
	const CK_KEY_TYPE *accepted = mech->key_types;

	while (*accepted != NO_KEY_TYPE && *accepted != ANY_KEY_TYPE && *accepted != type)
		accepted++;
	if (*accepted == NO_KEY_TYPE)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!allowed(key, mech->type))
		return CKR_MECHANISM_INVALID;
	size_t nbits = key_nbits(key);
	bool sized = nbits && mech->max_nbits;
	return sized && (nbits < mech->min_nbits || nbits > mech->max_nbits) ? CKR_KEY_SIZE_RANGE : CKR_OK;
}
