/* SPDX-License-Identifier: Apache-2.0 */
#include "token/param.h"
#include "base/secret.h"
#include "sm/sm2.h"

#include <string.h>

void param_clear(struct param *param)
{
	if (param->bytes != param->inlined)
		secret_free(param->bytes);
	secret_wipe(param, sizeof *param);
}

/* Room for what the parameter points to. */
static uint8_t *hold(struct param *param, size_t len)
{
	param->bytes = len <= sizeof param->inlined ? param->inlined : secret_alloc(len);
	param->bytes_len = param->bytes ? len : 0;
	return param->bytes;
}

/* The struct, out of memory that may be aligned in any way. False: there is none, or it has another size. */
static bool take(const CK_MECHANISM *m, void *to, size_t size)
{
	if (!m->pParameter || m->ulParameterLen != size)
		return false;
	memcpy(to, m->pParameter, size);
	return true;
}

CK_RV param_none(const CK_MECHANISM *m, struct param *param)
{
	(void)param;
	return m->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV param_iv(const CK_MECHANISM *m, struct param *param)
{
	if (!take(m, param->iv.iv, sizeof param->iv.iv))
		return CKR_MECHANISM_PARAM_INVALID;
	param->for_device = true;
	return CKR_OK;
}

CK_RV param_iv8(const CK_MECHANISM *m, struct param *param)
{
	if (!m->pParameter || m->ulParameterLen != 8)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(param->iv.iv, m->pParameter, 8);
	param->for_device = true;
	return CKR_OK;
}

/* PKCS#11 3.1 6.13.4: 0 < ulCounterBits <= 128. */
CK_RV param_ctr(const CK_MECHANISM *m, struct param *param)
{
	CK_AES_CTR_PARAMS ctr;
	if (!take(m, &ctr, sizeof ctr) || ctr.ulCounterBits < 1 || ctr.ulCounterBits > 128)
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(param->iv.iv, ctr.cb, sizeof param->iv.iv);
	param->iv.counter_bits = (uint32_t)ctr.ulCounterBits;
	param->for_device = true;
	return CKR_OK;
}

/* SP 800-38D 5.2.1.2, GB/T 36624 10.4. */
static bool gcm_tag_fits(CK_ULONG nbits)
{
	return nbits == 32 || nbits == 64 || (nbits >= 96 && nbits <= 128 && nbits % 8 == 0);
}

CK_RV param_set_gcm(struct param *param, const CK_BYTE *iv, CK_ULONG iv_len, const CK_BYTE *aad, CK_ULONG aad_len,
                    CK_ULONG tag_nbits)
{
	if (!iv || iv_len < 1 || iv_len > PARAM_GCM_IV_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	if (aad_len > PARAM_AAD_MAX || (aad_len && !aad) || !gcm_tag_fits(tag_nbits))
		return CKR_MECHANISM_PARAM_INVALID;
	uint8_t *bytes = hold(param, iv_len + aad_len);
	if (!bytes)
		return CKR_HOST_MEMORY;
	memcpy(bytes, iv, iv_len);
	if (aad_len)
		memcpy(bytes + iv_len, aad, aad_len);
	param->gcm = (struct hufu_param_gcm){.iv = bytes, .iv_len = iv_len, .aad = bytes + iv_len, .aad_len = aad_len,
	                                     .tag_len = tag_nbits / 8};
	param->for_device = true;
	return CKR_OK;
}

/* ulIvBits says once more what ulIvLen says; many callers leave it 0. */
CK_RV param_gcm(const CK_MECHANISM *m, struct param *param)
{
	CK_GCM_PARAMS gcm;
	if (!take(m, &gcm, sizeof gcm) || gcm.ulIvLen > PARAM_GCM_IV_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	if (gcm.ulIvBits != 0 && gcm.ulIvBits != gcm.ulIvLen * 8)
		return CKR_MECHANISM_PARAM_INVALID;
	return param_set_gcm(param, gcm.pIv, gcm.ulIvLen, gcm.pAAD, gcm.ulAADLen, gcm.ulTagBits);
}

/* GM/T 0001.2 and 0001.3: COUNT and LENGTH have 32 bits, BEARER 5, DIRECTION 1. */
CK_RV param_zuc(const CK_MECHANISM *m, struct param *param)
{
	CK_HUFU_ZUC_PARAMS zuc;
	if (!take(m, &zuc, sizeof zuc))
		return CKR_MECHANISM_PARAM_INVALID;
	if (zuc.ulCount > UINT32_MAX || zuc.ulBearer > 31 || zuc.ulDirection > 1 || zuc.ulBits > UINT32_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	param->zuc = (struct hufu_param_zuc){.count = (uint32_t)zuc.ulCount, .bearer = (uint32_t)zuc.ulBearer,
	                                     .direction = (uint32_t)zuc.ulDirection, .nbits = zuc.ulBits};
	param->for_device = true;
	return CKR_OK;
}

/* -- CCM --------------------------------------------------------------------- */

/* SP 800-38C A.1: what is left of the block beside the nonce counts the bytes of the text. */
static bool ccm_data_fits(uint64_t data_len, CK_ULONG nonce_len)
{
	unsigned nbits = 8 * (15 - (unsigned)nonce_len);
	return nbits >= 64 || data_len >> nbits == 0;
}

CK_RV param_set_ccm(struct param *param, CK_ULONG data_len, const CK_BYTE *nonce, CK_ULONG nonce_len, const CK_BYTE *aad,
                    CK_ULONG aad_len, CK_ULONG tag_len)
{
	if (!nonce || nonce_len < 7 || nonce_len > 13 || !ccm_data_fits(data_len, nonce_len))
		return CKR_MECHANISM_PARAM_INVALID;
	if (aad_len > PARAM_AAD_MAX || (aad_len && !aad) || tag_len < 4 || tag_len > 16 || tag_len % 2)
		return CKR_MECHANISM_PARAM_INVALID;
	uint8_t *bytes = hold(param, nonce_len + aad_len);
	if (!bytes)
		return CKR_HOST_MEMORY;
	memcpy(bytes, nonce, nonce_len);
	if (aad_len)
		memcpy(bytes + nonce_len, aad, aad_len);
	param->ccm = (struct hufu_param_ccm){.nonce = bytes, .nonce_len = nonce_len, .aad = bytes + nonce_len, .aad_len = aad_len,
	                                     .tag_len = tag_len};
	param->data_len = data_len;
	param->for_device = true;
	return CKR_OK;
}

CK_RV param_ccm(const CK_MECHANISM *m, struct param *param)
{
	CK_CCM_PARAMS ccm;
	if (!take(m, &ccm, sizeof ccm))
		return CKR_MECHANISM_PARAM_INVALID;
	return param_set_ccm(param, ccm.ulDataLen, ccm.pNonce, ccm.ulNonceLen, ccm.pAAD, ccm.ulAADLen, ccm.ulMACLen);
}

/* -- MACs -------------------------------------------------------------------- */

/* CMAC and CBC-MAC give a block, of AES or SM4. */
static size_t mac_max(CK_MECHANISM_TYPE type)
{
	enum hash_id hash = hash_of_hmac(type);
	return hash == HASH_NONE ? 16 : hash_len(hash);
}

static CK_RV set_mac_len(const CK_MECHANISM *m, struct param *param, CK_ULONG len)
{
	if (len < 1 || len > mac_max(m->mechanism))
		return CKR_MECHANISM_PARAM_INVALID;
	param->mac.mac_len = len;
	param->for_device = true;
	return CKR_OK;
}

CK_RV param_mac(const CK_MECHANISM *m, struct param *param)
{
	CK_RV rv = param_none(m, param);
	return rv == CKR_OK ? set_mac_len(m, param, mac_max(m->mechanism)) : rv;
}

CK_RV param_mac_general(const CK_MECHANISM *m, struct param *param)
{
	CK_MAC_GENERAL_PARAMS len;
	return take(m, &len, sizeof len) ? set_mac_len(m, param, len) : CKR_MECHANISM_PARAM_INVALID;
}

/* -- RSA --------------------------------------------------------------------- */

/* Those that PKCS#11 names a mask generation function for. SM3 is not one, nor are the short SHA-512s. */
static bool has_mgf(enum hash_id hash)
{
	return hash != HASH_NONE && hash != HASH_SM3 && hash != HASH_SHA512_224 && hash != HASH_SHA512_256;
}

CK_RV param_set_pss(struct param *param, enum hash_id hash, enum hash_id mgf, CK_ULONG salt_len)
{
	if (!has_mgf(hash) || !has_mgf(mgf) || salt_len > PARAM_SALT_MAX)
		return CKR_MECHANISM_PARAM_INVALID;
	param->pss = (struct hufu_param_pss){.hash = hash_mechanism(hash), .mgf_hash = hash_mechanism(mgf), .salt_len = salt_len};
	param->for_device = true;
	return CKR_OK;
}

/* PKCS#11 3.1 6.1.9: hashAlg of a mechanism that hashes is its own hash function. */
CK_RV param_pss(const CK_MECHANISM *m, struct param *param)
{
	const struct mech *mech = mech_find(m->mechanism);
	CK_RSA_PKCS_PSS_PARAMS pss;
	if (!take(m, &pss, sizeof pss))
		return CKR_MECHANISM_PARAM_INVALID;
	enum hash_id hash = hash_of_digest(pss.hashAlg);
	if (mech && mech->hash != HASH_NONE && mech->hash != hash)
		return CKR_MECHANISM_PARAM_INVALID;
	return param_set_pss(param, hash, hash_of_mgf(pss.mgf), pss.sLen);
}

CK_RV param_set_oaep(struct param *param, enum hash_id hash, enum hash_id mgf, const CK_BYTE *label, CK_ULONG label_len)
{
	if (!has_mgf(hash) || !has_mgf(mgf) || label_len > PARAM_LABEL_MAX || (label_len && !label))
		return CKR_MECHANISM_PARAM_INVALID;
	uint8_t *bytes = hold(param, label_len);
	if (!bytes)
		return CKR_HOST_MEMORY;
	if (label_len)
		memcpy(bytes, label, label_len);
	param->oaep = (struct hufu_param_oaep){.hash = hash_mechanism(hash), .mgf_hash = hash_mechanism(mgf), .label = bytes,
	                                       .label_len = label_len};
	param->for_device = true;
	return CKR_OK;
}

/* 6.1.8: a source of 0 is no label, CKZ_DATA_SPECIFIED the one given. */
CK_RV param_oaep(const CK_MECHANISM *m, struct param *param)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	if (!take(m, &oaep, sizeof oaep))
		return CKR_MECHANISM_PARAM_INVALID;
	if (oaep.source != CKZ_DATA_SPECIFIED && (oaep.source != 0 || oaep.ulSourceDataLen != 0))
		return CKR_MECHANISM_PARAM_INVALID;
	return param_set_oaep(param, hash_of_digest(oaep.hashAlg), hash_of_mgf(oaep.mgf), oaep.pSourceData, oaep.ulSourceDataLen);
}

CK_RV param_rsa_aes(const CK_MECHANISM *m, struct param *param)
{
	CK_RSA_AES_KEY_WRAP_PARAMS wrap;
	if (!take(m, &wrap, sizeof wrap) || !wrap.pOAEPParams)
		return CKR_MECHANISM_PARAM_INVALID;
	if (wrap.ulAESKeyBits != 128 && wrap.ulAESKeyBits != 192 && wrap.ulAESKeyBits != 256)
		return CKR_MECHANISM_PARAM_INVALID;
	param->envelope_len = wrap.ulAESKeyBits / 8;
	CK_MECHANISM oaep = {m->mechanism, wrap.pOAEPParams, sizeof *wrap.pOAEPParams};
	return param_oaep(&oaep, param);
}

/* -- what may only be left out ----------------------------------------------------- */

/* 6.3.16: pure EdDSA without a context, which is all that devices are asked for. */
CK_RV param_eddsa(const CK_MECHANISM *m, struct param *param)
{
	CK_EDDSA_PARAMS eddsa;
	if (m->ulParameterLen == 0)
		return param_none(m, param);
	if (!take(m, &eddsa, sizeof eddsa) || eddsa.phFlag || eddsa.ulContextDataLen)
		return CKR_MECHANISM_PARAM_INVALID;
	return CKR_OK;
}

/* 6.14.1: "default initial value" when there is none; RFC 3394 2.2.3.1, RFC 5649 3. */
CK_RV param_key_wrap(const CK_MECHANISM *m, struct param *param)
{
	static const uint8_t kw[] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, kwp[] = {0xa6, 0x59, 0x59, 0xa6};
	bool padded = m->mechanism != CKM_AES_KEY_WRAP;
	if (m->ulParameterLen == 0)
		return param_none(m, param);
	if (!m->pParameter || m->ulParameterLen != (padded ? sizeof kwp : sizeof kw))
		return CKR_MECHANISM_PARAM_INVALID;
	return memcmp(m->pParameter, padded ? kwp : kw, m->ulParameterLen) == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* -- SM2 --------------------------------------------------------------------- */

CK_RV param_sm2_id(const CK_MECHANISM *m, struct param *param)
{
	CK_HUFU_SM2_SM3_PARAMS sm2;
	if (m->ulParameterLen == 0) {
		param->sm2.id = (const uint8_t *)SM2_DEFAULT_ID;
		param->sm2.id_len = SM2_DEFAULT_ID_LEN;
		return CKR_OK;
	}
	if (!take(m, &sm2, sizeof sm2) || sm2.ulIdLen > SM2_ID_MAX || (sm2.ulIdLen && !sm2.pId))
		return CKR_MECHANISM_PARAM_INVALID;
	uint8_t *bytes = hold(param, sm2.ulIdLen);
	if (!bytes)
		return CKR_HOST_MEMORY;
	if (sm2.ulIdLen)
		memcpy(bytes, sm2.pId, sm2.ulIdLen);
	param->sm2.id = bytes;
	param->sm2.id_len = sm2.ulIdLen;
	return CKR_OK;
}
