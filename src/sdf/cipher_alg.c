/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf/symmetric.h"

#include <string.h>

static const struct cipher_alg algs[] = {
	{SGD_SM4_ECB, CKM_HUFU_SM4_ECB, CKK_HUFU_SM4, 0, BLOCK, CHAIN_NONE},
	{SGD_SM4_CBC, CKM_HUFU_SM4_CBC, CKK_HUFU_SM4, BLOCK, BLOCK, CHAIN_CIPHERTEXT},
	{SGD_SM4_CFB, CKM_HUFU_SM4_CFB128, CKK_HUFU_SM4, BLOCK, BLOCK, CHAIN_CIPHERTEXT},
	{SGD_SM4_OFB, CKM_HUFU_SM4_OFB, CKK_HUFU_SM4, BLOCK, BLOCK, CHAIN_KEYSTREAM},
	{SGD_SM4_CTR, CKM_HUFU_SM4_CTR, CKK_HUFU_SM4, BLOCK, BLOCK, CHAIN_COUNTER},
	{SGD_ZUC_EEA3, CKM_HUFU_ZUC_EEA3, CKK_HUFU_ZUC, BLOCK, 1, CHAIN_NONE},
};

int cipher_alg_find(unsigned int id, const struct cipher_alg **alg)
{
	for (size_t i = 0; i < COUNT(algs); i++) {
		if (algs[i].id != id)
			continue;
		*alg = &algs[i];
		return SDR_OK;
	}
	bool sm4 = (id & 0xff00u) == 0x0400u;
	return sm4 ? SDR_ALGMODNOTSUPPORT : SDR_ALGNOTSUPPORT;
}

static uint32_t read_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* COUNT || BEARER || DIRECTION || 00, three zero bytes; the same again. */
bool zuc_read_eea3(const uint8_t iv[BLOCK], CK_HUFU_ZUC_PARAMS *zuc)
{
	*zuc = (CK_HUFU_ZUC_PARAMS){.ulCount = read_be32(iv), .ulBearer = iv[4] >> 3, .ulDirection = iv[4] >> 2 & 1};
	return (iv[4] & 3) == 0 && !(iv[5] | iv[6] | iv[7]) && memcmp(iv, iv + 8, 8) == 0;
}

/* COUNT || BEARER || 000, three zero bytes; the same again, with DIRECTION added to the first bit of bytes 8 and 14. */
bool zuc_read_eia3(const uint8_t iv[BLOCK], CK_HUFU_ZUC_PARAMS *zuc)
{
	uint8_t second[8];
	uint8_t direction = (iv[14] >> 7) & 1;
	*zuc = (CK_HUFU_ZUC_PARAMS){.ulCount = read_be32(iv), .ulBearer = iv[4] >> 3, .ulDirection = direction};
	memcpy(second, iv, 8);
	second[0] ^= (uint8_t)(direction << 7);
	second[6] ^= (uint8_t)(direction << 7);
	return (iv[4] & 7) == 0 && !(iv[5] | iv[6] | iv[7]) && memcmp(second, iv + 8, 8) == 0;
}

int cipher_mech_set(struct cipher_mech *c, const struct cipher_alg *alg, const uint8_t *iv, size_t iv_len)
{
	size_t param_len = alg->iv_len;
	if (alg->iv_len && (!iv || iv_len != alg->iv_len))
		return SDR_INARGERR;
	if (alg->mechanism == CKM_HUFU_SM4_CTR) {
		c->param.ctr.ulCounterBits = 128;
		memcpy(c->param.ctr.cb, iv, BLOCK);
		param_len = sizeof c->param.ctr;
	} else if (alg->mechanism == CKM_HUFU_ZUC_EEA3) {
		if (!zuc_read_eea3(iv, &c->param.zuc))
			return SDR_INARGERR;
		param_len = sizeof c->param.zuc;
	} else if (alg->iv_len) {
		memcpy(c->param.iv, iv, BLOCK);
	}
	c->m = (CK_MECHANISM){alg->mechanism, param_len ? &c->param : NULL, param_len};
	return SDR_OK;
}
