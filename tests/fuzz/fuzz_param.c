/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a parser refuses a parameter or gives one within the ranges that
 * drivers rely on, and frees what it held.
 *
 * Input: which parser, then the bytes of its parameter; pointers among them
 * are replaced by ones to the rest of the input, with lengths that it has or
 * that are refused.
 */
#include "base/secret.h"
#include "sm/sm2.h"
#include "token/param.h"

#include "fuzz.h"

#include <string.h>

static void claim(bool holds)
{
	if (!holds)
		abort();
}

/* A length that the rest of the input has, or one beyond what is ever read. */
static CK_ULONG honest(CK_ULONG len, size_t rest)
{
	return len <= rest || len > PARAM_AAD_MAX ? len : rest;
}

static void point_gcm(uint8_t *p, const uint8_t *rest, size_t rest_len)
{
	CK_GCM_PARAMS gcm;
	memcpy(&gcm, p, sizeof gcm);
	gcm.pIv = gcm.pIv ? (CK_BYTE *)(uintptr_t)rest : NULL;
	gcm.pAAD = gcm.pAAD ? (CK_BYTE *)(uintptr_t)rest : NULL;
	gcm.ulIvLen = honest(gcm.ulIvLen, rest_len);
	gcm.ulAADLen = honest(gcm.ulAADLen, rest_len);
	memcpy(p, &gcm, sizeof gcm);
}

static void point_sm2(uint8_t *p, const uint8_t *rest, size_t rest_len)
{
	CK_HUFU_SM2_SM3_PARAMS sm2;
	memcpy(&sm2, p, sizeof sm2);
	sm2.pId = sm2.pId ? (CK_BYTE *)(uintptr_t)rest : NULL;
	sm2.ulIdLen = honest(sm2.ulIdLen, rest_len);
	memcpy(p, &sm2, sizeof sm2);
}

static void point_ccm(uint8_t *p, const uint8_t *rest, size_t rest_len)
{
	CK_CCM_PARAMS ccm;
	memcpy(&ccm, p, sizeof ccm);
	ccm.pNonce = ccm.pNonce ? (CK_BYTE *)(uintptr_t)rest : NULL;
	ccm.pAAD = ccm.pAAD ? (CK_BYTE *)(uintptr_t)rest : NULL;
	ccm.ulNonceLen = honest(ccm.ulNonceLen, rest_len);
	ccm.ulAADLen = honest(ccm.ulAADLen, rest_len);
	memcpy(p, &ccm, sizeof ccm);
}

static void point_oaep(uint8_t *p, const uint8_t *rest, size_t rest_len)
{
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	memcpy(&oaep, p, sizeof oaep);
	oaep.pSourceData = oaep.pSourceData ? (CK_BYTE *)(uintptr_t)rest : NULL;
	oaep.ulSourceDataLen = honest(oaep.ulSourceDataLen, rest_len);
	memcpy(p, &oaep, sizeof oaep);
}

static void check_ccm(const struct param *p)
{
	claim(p->ccm.nonce_len >= 7 && p->ccm.nonce_len <= 13 && p->ccm.nonce_len + p->ccm.aad_len == p->bytes_len);
	claim(p->ccm.tag_len >= 4 && p->ccm.tag_len <= 16 && p->ccm.tag_len % 2 == 0);
}

static void check_pss(const struct param *p)
{
	claim(hash_of_digest(p->pss.hash) != HASH_NONE && hash_of_digest(p->pss.mgf_hash) != HASH_NONE);
	claim(p->pss.salt_len <= PARAM_SALT_MAX);
}

static void check_oaep(const struct param *p)
{
	claim(hash_of_digest(p->oaep.hash) != HASH_NONE && hash_of_digest(p->oaep.mgf_hash) != HASH_NONE);
	claim(p->oaep.label_len == p->bytes_len);
}

static void check_ctr(const struct param *p)
{
	claim(p->iv.counter_bits >= 1 && p->iv.counter_bits <= 128);
}

static void check_gcm(const struct param *p)
{
	claim(p->gcm.iv_len >= 1 && p->gcm.iv_len + p->gcm.aad_len == p->bytes_len && p->gcm.tag_len >= 4 && p->gcm.tag_len <= 16);
}

static void check_zuc(const struct param *p)
{
	claim(p->zuc.bearer <= 31 && p->zuc.direction <= 1 && p->zuc.nbits <= UINT32_MAX);
}

static void check_mac(const struct param *p)
{
	claim(p->mac.mac_len >= 1 && p->mac.mac_len <= HASH_LEN_MAX);
}

static void check_sm2(const struct param *p)
{
	claim(p->sm2.id_len <= SM2_ID_MAX);
}

static const struct {
	CK_RV (*parse)(const CK_MECHANISM *, struct param *);
	size_t pointers_size; /* of a struct with pointers */
	void (*point)(uint8_t *, const uint8_t *rest, size_t rest_len);
	void (*check)(const struct param *);
} parsers[] = {
	{param_none, 0, NULL, NULL},
	{param_iv, 0, NULL, NULL},
	{param_ctr, 0, NULL, check_ctr},
	{param_gcm, sizeof(CK_GCM_PARAMS), point_gcm, check_gcm},
	{param_zuc, 0, NULL, check_zuc},
	{param_mac, 0, NULL, check_mac},
	{param_mac_general, 0, NULL, check_mac},
	{param_sm2_id, sizeof(CK_HUFU_SM2_SM3_PARAMS), point_sm2, check_sm2},
	{param_iv8, 0, NULL, NULL},
	{param_ccm, sizeof(CK_CCM_PARAMS), point_ccm, check_ccm},
	{param_pss, 0, NULL, check_pss},
	{param_oaep, sizeof(CK_RSA_PKCS_OAEP_PARAMS), point_oaep, check_oaep},
	{param_eddsa, 0, NULL, NULL},
	{param_key_wrap, 0, NULL, NULL},
};

static void fuzz_one(const uint8_t *data, size_t len)
{
	struct param param = {0};
	if (len < 1)
		return;
	unsigned which = data[0] % (sizeof parsers / sizeof parsers[0]);
	size_t size = len - 1;
	if (parsers[which].point && size >= parsers[which].pointers_size)
		size = parsers[which].pointers_size;
	uint8_t *p = malloc(size ? size : 1);
	memcpy(p, data + 1, size);
	if (parsers[which].point && size == parsers[which].pointers_size)
		parsers[which].point(p, data + 1 + size, len - 1 - size);

	CK_MECHANISM m = {0, p, size};
	CK_RV rv = parsers[which].parse(&m, &param);
	claim(rv == CKR_OK || rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_HOST_MEMORY);
	free(p);
	if (rv == CKR_OK && parsers[which].check)
		parsers[which].check(&param);
	param_clear(&param);
	claim(secret_in_use() == 0);
}
