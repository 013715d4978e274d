/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mechanism parameters, as an application hands them in: checked and copied.
 *
 * Each parser fills *param, which it finds cleared, and gives
 * CKR_MECHANISM_PARAM_INVALID for a parameter that is missing, of another
 * length than its struct, out of range, or there where none may be; or
 * CKR_HOST_MEMORY. It reads no more than the lengths say, and refuses lengths
 * that no parameter has.
 */
#ifndef TOKEN_PARAM_H
#define TOKEN_PARAM_H

#include "token/mech.h"

#define PARAM_GCM_IV_MAX (1u << 16)
#define PARAM_AAD_MAX (1u << 26)
#define PARAM_LABEL_MAX (1u << 16)
#define PARAM_SALT_MAX 1024 /* no key has room for more */

CK_RV param_none(const CK_MECHANISM *, struct param *);
CK_RV param_iv(const CK_MECHANISM *, struct param *);
/* Of DES: 8 bytes. */
CK_RV param_iv8(const CK_MECHANISM *, struct param *);
/* CK_AES_CTR_PARAMS */
CK_RV param_ctr(const CK_MECHANISM *, struct param *);
/* CK_GCM_PARAMS */
CK_RV param_gcm(const CK_MECHANISM *, struct param *);
/* CK_HUFU_ZUC_PARAMS */
CK_RV param_zuc(const CK_MECHANISM *, struct param *);
/* None; the whole HMAC, CMAC or CBC-MAC. */
CK_RV param_mac(const CK_MECHANISM *, struct param *);
/* CK_MAC_GENERAL_PARAMS */
CK_RV param_mac_general(const CK_MECHANISM *, struct param *);
/* None, or CK_HUFU_SM2_SM3_PARAMS. */
CK_RV param_sm2_id(const CK_MECHANISM *, struct param *);

/* CK_CCM_PARAMS */
CK_RV param_ccm(const CK_MECHANISM *, struct param *);
/* CK_RSA_PKCS_PSS_PARAMS, CK_RSA_PKCS_OAEP_PARAMS. Whether the key has room for it is for the operation to see. */
CK_RV param_pss(const CK_MECHANISM *, struct param *);
CK_RV param_oaep(const CK_MECHANISM *, struct param *);
/* CK_RSA_AES_KEY_WRAP_PARAMS */
CK_RV param_rsa_aes(const CK_MECHANISM *, struct param *);
/* None, or CK_EDDSA_PARAMS that say no more. */
CK_RV param_eddsa(const CK_MECHANISM *, struct param *);
/* None, or the default initial value. */
CK_RV param_key_wrap(const CK_MECHANISM *, struct param *);

/* What param_gcm and message-based GCM have in common. */
CK_RV param_set_gcm(struct param *, const CK_BYTE *iv, CK_ULONG iv_len, const CK_BYTE *aad, CK_ULONG aad_len, CK_ULONG tag_nbits);

CK_RV param_set_ccm(struct param *, CK_ULONG data_len, const CK_BYTE *nonce, CK_ULONG nonce_len, const CK_BYTE *aad,
                    CK_ULONG aad_len, CK_ULONG tag_len);
/* What a parameter and a saved state have in common. */
CK_RV param_set_pss(struct param *, enum hash_id, enum hash_id mgf, CK_ULONG salt_len);
CK_RV param_set_oaep(struct param *, enum hash_id, enum hash_id mgf, const CK_BYTE *label, CK_ULONG label_len);

/* Wipes and frees; as good as new. */
void param_clear(struct param *);

/* For hufu_op.param. */
static inline const void *param_for_device(const struct param *param)
{
	return param->for_device ? &param->iv : NULL;
}

#endif
