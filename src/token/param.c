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

static CK_RV set_mac_len(struct param *param, CK_ULONG len)
{
	if (len < 1 || len > 32)
		return CKR_MECHANISM_PARAM_INVALID;
	param->mac.mac_len = len;
	param->for_device = true;
	return CKR_OK;
}

CK_RV param_mac(const CK_MECHANISM *m, struct param *param)
{
	CK_RV rv = param_none(m, param);
	return rv == CKR_OK ? set_mac_len(param, 32) : rv;
}

CK_RV param_mac_general(const CK_MECHANISM *m, struct param *param)
{
	CK_MAC_GENERAL_PARAMS len;
	return take(m, &len, sizeof len) ? set_mac_len(param, len) : CKR_MECHANISM_PARAM_INVALID;
}

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
