/* SPDX-License-Identifier: Apache-2.0 */
#include "token/mech.h"
#include "token/param.h"

#include <string.h>

#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define WRAP (CKF_WRAP | CKF_UNWRAP)
#define MACS (CKF_SIGN | CKF_VERIFY)
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
#define AES_KEY 128, 256, 8, {CKK_AES, NO_KEY_TYPE}
#define RSA_KEY 2048, 4096, 1, {CKK_RSA, NO_KEY_TYPE} /* those that are made here; C_CreateObject takes others */
#define EC_KEY 256, 521, 1, {CKK_EC, NO_KEY_TYPE}
#define EDWARDS_KEY 255, 448, 1, {CKK_EC_EDWARDS, NO_KEY_TYPE}
#define MONTGOMERY_KEY 255, 448, 1, {CKK_EC_MONTGOMERY, NO_KEY_TYPE}
#define MAC_KEYS 8, 8 * 4096, 8, {CKK_HUFU_SM3_HMAC, CKK_GENERIC_SECRET, NO_KEY_TYPE}

#define EC_AGREEMENT_KEY 256, 521, 1, {CKK_EC, CKK_EC_MONTGOMERY, NO_KEY_TYPE}
#define AES_BASE_KEY 128, 256, 8, {CKK_AES, NO_KEY_TYPE}
/* Of any type: the class is checked, and that it may be exported. */
#define ANY_SECRET 8, 8 * 4096, 8, {ANY_KEY_TYPE, NO_KEY_TYPE}
/* No key, or none that the mechanism says: the template does. */
#define PASSWORD 0, 0, 1, {NO_KEY_TYPE}

#define ROW(mechanism) .type = CKM_##mechanism, .name = "CKM_" #mechanism

#define HMAC_KEYGEN(hash) \
	{ROW(hash##_KEY_GEN), CKF_GENERATE, 8, 8 * 4096, 8, {CKK_##hash##_HMAC, NO_KEY_TYPE}, SHAPE_KEYGEN, ENC_NONE, \
	 CKM_HUFU_SM3_KEY_GEN, param_none, HASH_NONE}

#define PAIR_GEN(algorithm, ...) \
	{ROW(algorithm##_KEY_PAIR_GEN), CKF_GENERATE_KEY_PAIR, __VA_ARGS__, SHAPE_KEYGEN, ENC_NONE, CKM_##algorithm##_KEY_PAIR_GEN, \
	 param_none, HASH_NONE}

static const struct mech table[] = {
	{ROW(HUFU_SM2_KEY_PAIR_GEN), CKF_GENERATE_KEY_PAIR, SM2_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_SM2_KEY_PAIR_GEN, param_none, HASH_NONE},
	{ROW(HUFU_SM2), MACS, SM2_KEY, SHAPE_SIGN_DIGEST, ENC_RAW, CKM_HUFU_SM2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_DER), MACS, SM2_KEY, SHAPE_SIGN_DIGEST, ENC_DER, CKM_HUFU_SM2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_SM3), MACS | MESSAGE_SIGN, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_RAW, CKM_HUFU_SM2, param_sm2_id, HASH_SM3},
	{ROW(HUFU_SM2_SM3_DER), MACS | MESSAGE_SIGN, SM2_KEY, SHAPE_SIGN_MESSAGE, ENC_DER, CKM_HUFU_SM2, param_sm2_id, HASH_SM3},
	{ROW(HUFU_SM2_C1C3C2), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_RAW, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_C1C2C3), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_C1C2C3, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},
	{ROW(HUFU_SM2_ENC_DER), CRYPT | WRAP, SM2_KEY, SHAPE_PK_CRYPT, ENC_DER, CKM_HUFU_SM2_C1C3C2, param_none, HASH_NONE},

	{ROW(HUFU_SM3), CKF_DIGEST, NO_KEY, SHAPE_DIGEST, ENC_NONE, CKM_HUFU_SM3, param_none, HASH_SM3},
	{ROW(HUFU_SM3_HMAC), MACS, MAC_KEYS, SHAPE_MAC, ENC_NONE, CKM_HUFU_SM3_HMAC, param_mac, HASH_SM3},
	{ROW(HUFU_SM3_HMAC_GENERAL), MACS, MAC_KEYS, SHAPE_MAC, ENC_NONE, CKM_HUFU_SM3_HMAC, param_mac_general, HASH_SM3},
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

	{ROW(ECDH1_DERIVE), CKF_DERIVE, EC_AGREEMENT_KEY, SHAPE_DERIVE, ENC_NONE, CKM_ECDH1_DERIVE, NULL, HASH_NONE},
	{ROW(ECDH1_COFACTOR_DERIVE), CKF_DERIVE, EC_AGREEMENT_KEY, SHAPE_DERIVE, ENC_NONE, CKM_ECDH1_COFACTOR_DERIVE, NULL, HASH_NONE},
	{ROW(AES_ECB_ENCRYPT_DATA), CKF_DERIVE, AES_BASE_KEY, SHAPE_DERIVE, ENC_NONE, CKM_AES_ECB, NULL, HASH_NONE},
	{ROW(AES_CBC_ENCRYPT_DATA), CKF_DERIVE, AES_BASE_KEY, SHAPE_DERIVE, ENC_NONE, CKM_AES_CBC, NULL, HASH_NONE},
	/* On this host: no device knows them. */
	{ROW(CONCATENATE_BASE_AND_KEY), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(CONCATENATE_BASE_AND_DATA), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(CONCATENATE_DATA_AND_BASE), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(XOR_BASE_AND_DATA), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(EXTRACT_KEY_FROM_KEY), CKF_DERIVE, ANY_SECRET, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(HKDF_DERIVE), CKF_DERIVE, GENERIC_KEY, SHAPE_DERIVE, ENC_NONE, 0, NULL, HASH_NONE},
	{ROW(PKCS5_PBKD2), CKF_GENERATE, PASSWORD, SHAPE_KEYGEN, ENC_NONE, 0, NULL, HASH_NONE},

	{ROW(HUFU_ZUC_KEY_GEN), CKF_GENERATE, ZUC_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_HUFU_ZUC_KEY_GEN, param_none, HASH_NONE},
	{ROW(HUFU_ZUC_EEA3), CRYPT, ZUC_KEY, SHAPE_STATE_STREAM, ENC_NONE, CKM_HUFU_ZUC_EEA3, param_zuc, HASH_NONE},
	{ROW(HUFU_ZUC_EIA3), MACS, ZUC_KEY, SHAPE_MAC, ENC_NONE, CKM_HUFU_ZUC_EIA3, param_zuc, HASH_NONE},

	{ROW(AES_KEY_GEN), CKF_GENERATE, AES_KEY, SHAPE_KEYGEN, ENC_NONE, CKM_AES_KEY_GEN, param_none, HASH_NONE},
	PAIR_GEN(RSA_PKCS, RSA_KEY), PAIR_GEN(EC, EC_KEY), PAIR_GEN(EC_EDWARDS, EDWARDS_KEY), PAIR_GEN(EC_MONTGOMERY, MONTGOMERY_KEY),
};
#define NROWS (sizeof table / sizeof table[0])

const struct mech *mech_table(size_t *n)
{
	*n = NROWS;
	return table;
}

const struct mech *mech_find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < NROWS; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

/* What a device must do for a call; digests are made on this host. */
static const struct {
	CK_FLAGS flag;
	enum hufu_verb verb;
} needs[] = {
	{CKF_ENCRYPT, HUFU_VERB_ENCRYPT}, {CKF_MESSAGE_ENCRYPT, HUFU_VERB_ENCRYPT}, {CKF_WRAP, HUFU_VERB_ENCRYPT},
	{CKF_DECRYPT, HUFU_VERB_DECRYPT}, {CKF_MESSAGE_DECRYPT, HUFU_VERB_DECRYPT}, {CKF_UNWRAP, HUFU_VERB_DECRYPT},
	{CKF_SIGN, HUFU_VERB_SIGN}, {CKF_MESSAGE_SIGN, HUFU_VERB_SIGN},
	{CKF_VERIFY, HUFU_VERB_VERIFY}, {CKF_MESSAGE_VERIFY, HUFU_VERB_VERIFY},
	{CKF_GENERATE, HUFU_VERB_GENERATE}, {CKF_GENERATE_KEY_PAIR, HUFU_VERB_GENERATE}, {CKF_DERIVE, HUFU_VERB_DERIVE},
};

/* What is computed on this host needs the base key's value, and a device to take in the new one. */
static bool can_on_host(struct pool *pool)
{
	return pool_can(pool, 0, HUFU_VERB_EXPORT) && pool_can(pool, 0, HUFU_VERB_IMPORT);
}

/* One of the flags that the mechanism has, and a device for it. */
static bool can(struct pool *pool, const struct mech *mech, CK_FLAGS flags)
{
	flags &= mech->flags;
	if (flags & CKF_DIGEST)
		return true;
	if (flags && mech->device_mechanism == 0 && !mech->parse) /* 0 is CKM_RSA_PKCS_KEY_PAIR_GEN, too */
		return can_on_host(pool);
	if (flags & CKF_DERIVE && pool_can(pool, mech->device_mechanism, HUFU_VERB_ENCRYPT))
		return true;
	for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
		if (flags & needs[i].flag && pool_can(pool, mech->device_mechanism, needs[i].verb))
			return true;
	return false;
}

bool mech_offered(struct pool *pool, const struct mech *mech)
{
	return can(pool, mech, mech->flags);
}

CK_RV mech_check(struct token *token, const CK_MECHANISM *m, CK_FLAGS flag, const struct mech **out)
{
	const struct mech *mech = mech_find(m->mechanism);
	if (!mech || !can(token->pool, mech, flag))
		return CKR_MECHANISM_INVALID;
	*out = mech;
	return CKR_OK;
}

static bool of_curves(CK_KEY_TYPE type)
{
	return type == CKK_HUFU_SM2 || type == CKK_EC || type == CKK_EC_EDWARDS || type == CKK_EC_MONTGOMERY;
}

void mech_info(const struct mech *mech, bool hardware, CK_MECHANISM_INFO *info)
{
	info->ulMinKeySize = mech->min_nbits / mech->unit_nbits;
	info->ulMaxKeySize = mech->max_nbits / mech->unit_nbits;
	info->flags = mech->flags;
	if (hardware && mech->shape != SHAPE_DIGEST)
		info->flags |= CKF_HW;
	if (of_curves(mech->key_types[0])) /* 6.3: of the curve */
		info->flags |= CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
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
	CK_ULONG len = key->object_class == CKO_SECRET_KEY ? attrs_ulong(&key->attrs, CKA_VALUE_LEN, 0) : 0;
	if (len && (len < mech->min_nbits / 8 || len > mech->max_nbits / 8))
		return CKR_KEY_SIZE_RANGE;
	return CKR_OK;
}
