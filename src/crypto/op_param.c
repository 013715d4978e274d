/* SPDX-License-Identifier: Apache-2.0 */
/* As hufu/driver.h has them: the parameters of ops. */
#include "crypto/op_param.h"

#include "crypto/mechanism.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

/* -- which, and how they are laid out ------------------------------------------ */

enum op_param op_param_of(enum hufu_verb verb, uint64_t mechanism)
{
	if (verb == HUFU_VERB_FIND)
		return OP_PARAM_FIND;
	switch (mechanism) {
	case CKM_HUFU_SM4_CBC:
	case CKM_HUFU_SM4_CTR:
	case CKM_HUFU_SM4_CFB128:
	case CKM_HUFU_SM4_OFB:
	case CKM_AES_CBC:
	case CKM_AES_CTR:
	case CKM_DES3_CBC:
		return OP_PARAM_IV;
	case CKM_HUFU_SM4_GCM:
	case CKM_AES_GCM:
		return OP_PARAM_GCM;
	case CKM_HUFU_SM4_CCM:
	case CKM_AES_CCM:
		return OP_PARAM_CCM;
	case CKM_HUFU_ZUC_EEA3:
	case CKM_HUFU_ZUC_EIA3:
		return OP_PARAM_ZUC;
	case CKM_HUFU_SM4_CMAC:
	case CKM_HUFU_SM4_CBC_MAC:
	case CKM_AES_CMAC:
		return OP_PARAM_MAC;
	case CKM_RSA_PKCS_KEY_PAIR_GEN: /* 0, as of verbs that have none */
		return verb == HUFU_VERB_GENERATE ? OP_PARAM_RSA_GEN : OP_PARAM_NONE;
	case CKM_EC_KEY_PAIR_GEN:
	case CKM_EC_EDWARDS_KEY_PAIR_GEN:
	case CKM_EC_MONTGOMERY_KEY_PAIR_GEN:
		return OP_PARAM_CURVE;
	case CKM_RSA_PKCS_PSS:
		return OP_PARAM_PSS;
	case CKM_RSA_PKCS_OAEP:
		return OP_PARAM_OAEP;
	case CKM_ECDH1_DERIVE:
	case CKM_ECDH1_COFACTOR_DERIVE:
		return OP_PARAM_AGREE;
	case CKM_HUFU_SM2_KEY_AGREEMENT:
		return OP_PARAM_SM2_AGREE;
	case CKM_HUFU_SM2_KEY_PAIR_GEN:
	case CKM_HUFU_SM2:
	case CKM_HUFU_SM2_C1C3C2:
	case CKM_HUFU_SM3_KEY_GEN:
	case CKM_HUFU_SM4_KEY_GEN:
	case CKM_HUFU_SM4_ECB:
	case CKM_HUFU_ZUC_KEY_GEN:
	case CKM_AES_KEY_GEN:
	case CKM_AES_ECB:
	case CKM_AES_KEY_WRAP:
	case CKM_AES_KEY_WRAP_KWP:
	case CKM_DES3_ECB:
	case CKM_RSA_PKCS:
	case CKM_RSA_X_509:
	case CKM_ECDSA:
	case CKM_EDDSA:
		return OP_PARAM_NONE;
	default:
		return hash_of_hmac(mechanism) != HASH_NONE ? OP_PARAM_MAC : OP_PARAM_UNKNOWN;
	}
}

#define REFERENCE(param, pointer, len) {offsetof(struct param, pointer), offsetof(struct param, len)}

static const struct op_param_shape shapes[] = {
	[OP_PARAM_UNKNOWN] = {0, 0, {{0}}},
	[OP_PARAM_NONE] = {0, 0, {{0}}},
	[OP_PARAM_IV] = {sizeof(struct hufu_param_iv), 0, {{0}}},
	[OP_PARAM_GCM] = {sizeof(struct hufu_param_gcm), 2,
		{REFERENCE(hufu_param_gcm, iv, iv_len), REFERENCE(hufu_param_gcm, aad, aad_len)}},
	[OP_PARAM_CCM] = {sizeof(struct hufu_param_ccm), 2,
		{REFERENCE(hufu_param_ccm, nonce, nonce_len), REFERENCE(hufu_param_ccm, aad, aad_len)}},
	[OP_PARAM_ZUC] = {sizeof(struct hufu_param_zuc), 0, {{0}}},
	[OP_PARAM_MAC] = {sizeof(struct hufu_param_mac), 0, {{0}}},
	[OP_PARAM_RSA_GEN] = {sizeof(struct hufu_param_rsa_gen), 1,
		{REFERENCE(hufu_param_rsa_gen, public_exponent, public_exponent_len)}},
	[OP_PARAM_CURVE] = {sizeof(struct hufu_param_curve), 1, {REFERENCE(hufu_param_curve, oid, oid_len)}},
	[OP_PARAM_PSS] = {sizeof(struct hufu_param_pss), 0, {{0}}},
	[OP_PARAM_OAEP] = {sizeof(struct hufu_param_oaep), 1, {REFERENCE(hufu_param_oaep, label, label_len)}},
	[OP_PARAM_AGREE] = {sizeof(struct hufu_param_agree), 1, {REFERENCE(hufu_param_agree, peer, peer_len)}},
	[OP_PARAM_SM2_AGREE] = {sizeof(struct hufu_param_sm2_agree), 2,
		{REFERENCE(hufu_param_sm2_agree, own_id, own_id_len), REFERENCE(hufu_param_sm2_agree, peer_id, peer_id_len)}},
	[OP_PARAM_FIND] = {sizeof(struct hufu_param_find), 0, {{0}}},
};

const struct op_param_shape *op_param_shape(enum op_param kind)
{
	return &shapes[kind];
}

/* -- what may stand in them --------------------------------------------------------- */

#define GCM_IV_MAX 65536u
#define AAD_MAX ((size_t)64 << 20)
#define OID_MAX 32u
#define EXPONENT_MAX 32u
#define LABEL_MAX 65536u
#define SALT_MAX 1024u
#define PEER_MAX 256u
#define SM2_ID_MAX 8191u
#define SM2_KEY_MAX 4096u

static bool iv_is_sound(const struct hufu_op *op)
{
	const struct hufu_param_iv *iv = op->param;
	bool is_counter = op->mechanism == CKM_HUFU_SM4_CTR || op->mechanism == CKM_AES_CTR;

	return !is_counter || (iv->counter_bits >= 1 && iv->counter_bits <= 128);
}

/* SP 800-38D 5.2.1.2, GB/T 36624 10.4. */
static bool gcm_is_sound(const struct hufu_param_gcm *gcm)
{
	return gcm->iv_len >= 1 && gcm->iv_len <= GCM_IV_MAX && gcm->aad_len <= AAD_MAX &&
	       (gcm->tag_len == 4 || gcm->tag_len == 8 || (gcm->tag_len >= 12 && gcm->tag_len <= 16));
}

/* SP 800-38C A.1. */
static bool ccm_is_sound(const struct hufu_param_ccm *ccm)
{
	return ccm->nonce_len >= 7 && ccm->nonce_len <= 13 && ccm->aad_len <= AAD_MAX && ccm->tag_len >= 4 && ccm->tag_len <= 16 &&
	       ccm->tag_len % 2 == 0;
}

/* GM/T 0001.2 and 0001.3: COUNT and LENGTH have 32 bits, BEARER 5, DIRECTION 1. */
static bool zuc_is_sound(const struct hufu_param_zuc *zuc)
{
	return zuc->bearer <= 31 && zuc->direction <= 1 && zuc->nbits <= UINT32_MAX;
}

static bool mac_is_sound(const struct hufu_op *op)
{
	const struct hufu_param_mac *mac = op->param;
	enum hash_id hash = hash_of_hmac(op->mechanism);

	return mac->mac_len >= 1 && mac->mac_len <= (hash == HASH_NONE ? 16 : hash_len(hash));
}

static bool pss_is_sound(const struct hufu_param_pss *pss)
{
	return hash_of_digest(pss->hash) != HASH_NONE && hash_of_digest(pss->mgf_hash) != HASH_NONE && pss->salt_len <= SALT_MAX;
}

static bool oaep_is_sound(const struct hufu_param_oaep *oaep)
{
	return hash_of_digest(oaep->hash) != HASH_NONE && hash_of_digest(oaep->mgf_hash) != HASH_NONE && oaep->label_len <= LABEL_MAX;
}

static bool sm2_agree_is_sound(const struct hufu_param_sm2_agree *agree)
{
	return agree->own_id_len <= SM2_ID_MAX && agree->peer_id_len <= SM2_ID_MAX && agree->key_len >= 1 &&
	       agree->key_len <= SM2_KEY_MAX;
}

/* Which lengths of keys a device makes is its own to say (HUFU_ERR_KEY_SIZE). */
static bool rsa_gen_is_sound(const struct hufu_param_rsa_gen *gen)
{
	return gen->nbits > 0 && gen->nbits % 8 == 0 && gen->public_exponent_len <= EXPONENT_MAX;
}

static bool curve_is_sound(const struct hufu_param_curve *curve)
{
	return curve->oid_len >= 1 && curve->oid_len <= OID_MAX;
}

static bool agree_is_sound(const struct hufu_param_agree *agree)
{
	return agree->peer_len >= 1 && agree->peer_len <= PEER_MAX;
}

bool op_param_is_sound(const struct hufu_op *op)
{
	switch (op_param_of(op->verb, op->mechanism)) {
	case OP_PARAM_IV:
		return iv_is_sound(op);
	case OP_PARAM_GCM:
		return gcm_is_sound(op->param);
	case OP_PARAM_CCM:
		return ccm_is_sound(op->param);
	case OP_PARAM_ZUC:
		return zuc_is_sound(op->param);
	case OP_PARAM_MAC:
		return mac_is_sound(op);
	case OP_PARAM_RSA_GEN:
		return rsa_gen_is_sound(op->param);
	case OP_PARAM_CURVE:
		return curve_is_sound(op->param);
	case OP_PARAM_PSS:
		return pss_is_sound(op->param);
	case OP_PARAM_OAEP:
		return oaep_is_sound(op->param);
	case OP_PARAM_AGREE:
		return agree_is_sound(op->param);
	case OP_PARAM_SM2_AGREE:
		return sm2_agree_is_sound(op->param);
	case OP_PARAM_FIND:
		return true;
	case OP_PARAM_UNKNOWN:
	case OP_PARAM_NONE:
		break;
	}
	return false;
}
