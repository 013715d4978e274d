/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: every parser takes what its mechanism allows, copies it, and refuses everything else without reading beyond it. */
#include "base/secret.h"
#include "sm/sm2.h"
#include "token/param.h"

#include "unit.h"

typedef CK_RV (*parse_fn)(const CK_MECHANISM *, struct param *);

static CK_RV parse_into(parse_fn parse, void *p, CK_ULONG len, struct param *param)
{
	CK_MECHANISM m = {0, p, len};
	memset(param, 0, sizeof *param);
	return parse(&m, param);
}

/* The bytes stand in an allocation of just their size: a sanitizer sees a read beyond. */
static CK_RV parse(parse_fn f, const void *p, CK_ULONG len)
{
	struct param param;
	void *copy = malloc(len ? len : 1);
	if (len)
		memcpy(copy, p, len);
	CK_RV rv = parse_into(f, copy, len, &param);
	param_clear(&param);
	free(copy);
	return rv;
}

#define TAKEN(f, p, len) CU_ASSERT_EQUAL(parse(f, p, len), CKR_OK)
#define REFUSED(f, p, len) CU_ASSERT_EQUAL(parse(f, p, len), CKR_MECHANISM_PARAM_INVALID)

static const parse_fn all[] = {
	param_none, param_iv, param_iv8, param_ctr, param_gcm, param_ccm, param_zuc, param_mac, param_mac_general, param_sm2_id, param_pss,
	param_oaep, param_eddsa, param_key_wrap,
};
#define NALL (sizeof all / sizeof all[0])

static void test_null(void)
{
	struct param param;
	for (size_t i = 0; i < NALL; i++) {
		bool optional = all[i] == param_none || all[i] == param_mac || all[i] == param_sm2_id || all[i] == param_eddsa ||
		                all[i] == param_key_wrap;
		CU_ASSERT_EQUAL(parse_into(all[i], NULL, 0, &param), optional ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		param_clear(&param);
		CU_ASSERT_EQUAL(parse_into(all[i], NULL, 1, &param), CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(parse_into(all[i], NULL, 16, &param), CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(parse_into(all[i], NULL, sizeof(CK_GCM_PARAMS), &param), CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(parse_into(all[i], NULL, (CK_ULONG)-1, &param), CKR_MECHANISM_PARAM_INVALID);
	}
}

/* No parser's struct has one of these sizes. */
static void test_lengths(void)
{
	uint8_t bytes[64] = {0};
	for (size_t i = 0; i < NALL; i++) {
		REFUSED(all[i], bytes, 1);
		REFUSED(all[i], bytes, 15);
		REFUSED(all[i], bytes, 17);
		REFUSED(all[i], bytes, 63);
		CU_ASSERT_EQUAL(parse_into(all[i], bytes, (CK_ULONG)-1, &(struct param){0}), CKR_MECHANISM_PARAM_INVALID);
	}
}

static void test_iv(void)
{
	uint8_t iv[16];
	struct param param;
	memset(iv, 0x5a, sizeof iv);
	CU_ASSERT_EQUAL_FATAL(parse_into(param_iv, iv, 16, &param), CKR_OK);
	CU_ASSERT_EQUAL(memcmp(param.iv.iv, iv, 16), 0);
	CU_ASSERT_PTR_EQUAL(param_for_device(&param), &param.iv);
	param_clear(&param);
	CU_ASSERT_PTR_NULL(param_for_device(&param));
}

static void test_ctr(void)
{
	CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 1};
	TAKEN(param_ctr, &ctr, sizeof ctr);
	ctr.ulCounterBits = 128;
	TAKEN(param_ctr, &ctr, sizeof ctr);
	static const CK_ULONG bad[] = {0, 129, 256, 0x100000001, (CK_ULONG)-1};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		ctr.ulCounterBits = bad[i];
		REFUSED(param_ctr, &ctr, sizeof ctr);
	}
}

static CK_GCM_PARAMS gcm_of(CK_BYTE *iv, CK_ULONG iv_len, CK_BYTE *aad, CK_ULONG aad_len, CK_ULONG tag_nbits)
{
	return (CK_GCM_PARAMS){.pIv = iv, .ulIvLen = iv_len, .ulIvBits = iv_len * 8, .pAAD = aad, .ulAADLen = aad_len,
	                       .ulTagBits = tag_nbits};
}

static void test_gcm_tags(void)
{
	CK_BYTE iv[12] = {0};
	for (CK_ULONG nbits = 0; nbits <= 300; nbits++) {
		CK_GCM_PARAMS gcm = gcm_of(iv, sizeof iv, NULL, 0, nbits);
		static const CK_ULONG fitting[] = {32, 64, 96, 104, 112, 120, 128};
		bool fits = false;
		for (size_t i = 0; i < sizeof fitting / sizeof fitting[0]; i++)
			fits |= nbits == fitting[i];
		CU_ASSERT_EQUAL(parse(param_gcm, &gcm, sizeof gcm), fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
	}
	CK_GCM_PARAMS gcm = gcm_of(iv, sizeof iv, NULL, 0, (CK_ULONG)-1);
	REFUSED(param_gcm, &gcm, sizeof gcm);
}

static void test_gcm_lengths(void)
{
	CK_BYTE bytes[16] = {0};
	CK_GCM_PARAMS gcm = gcm_of(bytes, 16, bytes, 16, 128);
	TAKEN(param_gcm, &gcm, sizeof gcm);
	gcm.ulIvBits = 0;
	TAKEN(param_gcm, &gcm, sizeof gcm);
	gcm.ulIvBits = 96;
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(NULL, 12, NULL, 0, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, 0, NULL, 0, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, PARAM_GCM_IV_MAX + 1, NULL, 0, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, (CK_ULONG)-1, NULL, 0, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, 12, NULL, 1, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, 12, bytes, PARAM_AAD_MAX + 1, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, 12, bytes, (CK_ULONG)-1, 128);
	REFUSED(param_gcm, &gcm, sizeof gcm);
	gcm = gcm_of(bytes, (CK_ULONG)-8, bytes, 16, 128); /* the sum overflows */
	REFUSED(param_gcm, &gcm, sizeof gcm);
}

/* Small ones live in the struct, larger ones in secret memory; both are copies, and both are given back. */
static void test_gcm_copies(void)
{
	static const CK_ULONG lens[] = {0, 1, 84, 85, 4096};
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		size_t before = secret_in_use();
		CK_BYTE iv[12], aad[4096];
		struct param param;
		memset(iv, 1, sizeof iv);
		memset(aad, 2, sizeof aad);
		CK_GCM_PARAMS gcm = gcm_of(iv, sizeof iv, aad, lens[i], 96);
		CU_ASSERT_EQUAL_FATAL(parse_into(param_gcm, &gcm, sizeof gcm, &param), CKR_OK);
		memset(iv, 0xff, sizeof iv);
		memset(aad, 0xff, sizeof aad);
		CU_ASSERT_TRUE(param.gcm.iv_len == 12 && param.gcm.iv[0] == 1 && param.gcm.iv[11] == 1);
		CU_ASSERT_TRUE(param.gcm.aad_len == lens[i] &&
		               (lens[i] == 0 || (param.gcm.aad[0] == 2 && param.gcm.aad[lens[i] - 1] == 2)));
		CU_ASSERT_EQUAL(param.gcm.tag_len, 12);
		param_clear(&param);
		CU_ASSERT_EQUAL(secret_in_use(), before);
	}
}

static void test_zuc(void)
{
	CK_HUFU_ZUC_PARAMS good = {.ulCount = UINT32_MAX, .ulBearer = 31, .ulDirection = 1, .ulBits = UINT32_MAX}, bad;
	TAKEN(param_zuc, &good, sizeof good);
	bad = good, bad.ulCount++;
	REFUSED(param_zuc, &bad, sizeof bad);
	bad = good, bad.ulBearer++;
	REFUSED(param_zuc, &bad, sizeof bad);
	bad = good, bad.ulDirection++;
	REFUSED(param_zuc, &bad, sizeof bad);
	bad = good, bad.ulBits++;
	REFUSED(param_zuc, &bad, sizeof bad);
	bad = good, bad.ulBearer = (CK_ULONG)-1;
	REFUSED(param_zuc, &bad, sizeof bad);
}

static CK_RV mac_of(CK_MECHANISM_TYPE type, CK_MAC_GENERAL_PARAMS *len, size_t *mac_len)
{
	struct param param = {0};
	CK_MECHANISM m = {type, len, len ? sizeof *len : 0};
	CK_RV rv = len ? param_mac_general(&m, &param) : param_mac(&m, &param);
	*mac_len = param.mac.mac_len;
	return rv;
}

static void test_mac(void)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		size_t len;
	} macs[] = {
		{CKM_HUFU_SM3_HMAC, 32}, {CKM_SHA_1_HMAC, 20}, {CKM_SHA224_HMAC, 28}, {CKM_SHA384_HMAC, 48}, {CKM_SHA512_HMAC, 64},
		{CKM_SHA512_224_HMAC, 28}, {CKM_SHA3_512_HMAC_GENERAL, 64}, {CKM_AES_CMAC, 16}, {CKM_AES_CMAC_GENERAL, 16},
		{CKM_HUFU_SM4_CMAC, 16}, {CKM_HUFU_SM4_CBC_MAC_GENERAL, 16},
	};
	for (size_t i = 0; i < sizeof macs / sizeof macs[0]; i++) {
		size_t got;
		CU_ASSERT_EQUAL(mac_of(macs[i].type, NULL, &got), CKR_OK);
		CU_ASSERT_EQUAL(got, macs[i].len);
		for (CK_MAC_GENERAL_PARAMS len = 0; len < 70; len++) {
			bool fits = len >= 1 && len <= macs[i].len;
			CU_ASSERT_EQUAL(mac_of(macs[i].type, &len, &got), fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		}
	}
	CK_MAC_GENERAL_PARAMS huge = (CK_ULONG)-1;
	REFUSED(param_mac_general, &huge, sizeof huge);
}

static void test_iv8(void)
{
	uint8_t iv[16] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct param param;
	CU_ASSERT_EQUAL_FATAL(parse_into(param_iv8, iv, 8, &param), CKR_OK);
	CU_ASSERT_EQUAL(memcmp(param.iv.iv, iv, 8), 0);
	param_clear(&param);
	REFUSED(param_iv8, iv, 16);
	REFUSED(param_iv8, iv, 7);
}

static CK_CCM_PARAMS ccm_of(CK_ULONG data_len, CK_BYTE *nonce, CK_ULONG nonce_len, CK_BYTE *aad, CK_ULONG aad_len, CK_ULONG tag_len)
{
	return (CK_CCM_PARAMS){data_len, nonce, nonce_len, aad, aad_len, tag_len};
}

static void test_ccm(void)
{
	CK_BYTE bytes[200] = {7};
	struct param param;
	size_t before = secret_in_use();
	for (CK_ULONG len = 0; len < 20; len++) {
		CK_CCM_PARAMS nonce = ccm_of(1, bytes, len, NULL, 0, 16), tag = ccm_of(1, bytes, 13, NULL, 0, len);
		CU_ASSERT_EQUAL(parse(param_ccm, &nonce, sizeof nonce), len >= 7 && len <= 13 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		CU_ASSERT_EQUAL(parse(param_ccm, &tag, sizeof tag),
		                len >= 4 && len <= 16 && len % 2 == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
	}
	static const struct {
		CK_ULONG nonce_len, most;
	} counts[] = {{13, 0xffff}, {12, 0xffffff}, {11, 0xffffffff}, {8, 0xffffffffffffff}, {7, (CK_ULONG)-1}};
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		CK_CCM_PARAMS ccm = ccm_of(counts[i].most, bytes, counts[i].nonce_len, NULL, 0, 8);
		TAKEN(param_ccm, &ccm, sizeof ccm);
		if (++ccm.ulDataLen)
			REFUSED(param_ccm, &ccm, sizeof ccm);
	}
	CK_CCM_PARAMS ccm = ccm_of(5, bytes, 12, bytes, 188, 8);
	CU_ASSERT_EQUAL_FATAL(parse_into(param_ccm, &ccm, sizeof ccm, &param), CKR_OK);
	CU_ASSERT_TRUE(param.data_len == 5 && param.ccm.nonce_len == 12 && param.ccm.nonce[0] == 7);
	CU_ASSERT_TRUE(param.ccm.aad_len == 188 && param.ccm.aad[0] == 7 && param.ccm.tag_len == 8);
	param_clear(&param);
	ccm = ccm_of(5, NULL, 12, NULL, 0, 8);
	REFUSED(param_ccm, &ccm, sizeof ccm);
	ccm = ccm_of(5, bytes, 12, NULL, 1, 8);
	REFUSED(param_ccm, &ccm, sizeof ccm);
	ccm = ccm_of(5, bytes, 12, bytes, (CK_ULONG)-1, 8);
	REFUSED(param_ccm, &ccm, sizeof ccm);
	ccm = ccm_of(5, bytes, (CK_ULONG)-1, bytes, 8, 8);
	REFUSED(param_ccm, &ccm, sizeof ccm);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static void test_pss(void)
{
	struct param param;
	CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA384, CKG_MGF1_SHA256, 48};
	CK_MECHANISM m = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
	CU_ASSERT_EQUAL_FATAL(param_pss(&m, memset(&param, 0, sizeof param)), CKR_OK);
	CU_ASSERT_TRUE(param.pss.hash == CKM_SHA384 && param.pss.mgf_hash == CKM_SHA256 && param.pss.salt_len == 48);
	CU_ASSERT_PTR_NOT_NULL(param_for_device(&param));
	m.mechanism = CKM_SHA256_RSA_PKCS_PSS; /* contradicts hashAlg */
	CU_ASSERT_EQUAL(param_pss(&m, memset(&param, 0, sizeof param)), CKR_MECHANISM_PARAM_INVALID);
	m.mechanism = CKM_SHA384_RSA_PKCS_PSS;
	CU_ASSERT_EQUAL(param_pss(&m, memset(&param, 0, sizeof param)), CKR_OK);
	static const CK_RSA_PKCS_PSS_PARAMS bad[] = {
		{CKM_SHA256_HMAC, CKG_MGF1_SHA256, 32}, {CKM_HUFU_SM3, CKG_MGF1_SHA256, 32}, {0, CKG_MGF1_SHA256, 32},
		{CKM_SHA256, 0, 32}, {CKM_SHA256, CKM_SHA256, 32}, {CKM_SHA256, (CK_ULONG)-1, 32},
		{CKM_SHA256, CKG_MGF1_SHA256, PARAM_SALT_MAX + 1}, {CKM_SHA256, CKG_MGF1_SHA256, (CK_ULONG)-1},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		REFUSED(param_pss, &bad[i], sizeof bad[i]);
}

static void test_oaep(void)
{
	static CK_BYTE label[PARAM_LABEL_MAX + 1] = "label";
	size_t before = secret_in_use();
	struct param param;
	CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, label, PARAM_LABEL_MAX}, bad;
	CU_ASSERT_EQUAL_FATAL(parse_into(param_oaep, &oaep, sizeof oaep, &param), CKR_OK);
	CU_ASSERT_TRUE(param.oaep.hash == CKM_SHA256 && param.oaep.mgf_hash == CKM_SHA_1);
	CU_ASSERT_TRUE(param.oaep.label_len == PARAM_LABEL_MAX && memcmp(param.oaep.label, label, PARAM_LABEL_MAX) == 0);
	param_clear(&param);
	bad = oaep, bad.ulSourceDataLen++;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.ulSourceDataLen = (CK_ULONG)-1;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.pSourceData = NULL;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.source = 0;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.source = 2;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.hashAlg = CKM_SHA512_256;
	REFUSED(param_oaep, &bad, sizeof bad);
	bad = oaep, bad.mgf = 0;
	REFUSED(param_oaep, &bad, sizeof bad);
	oaep.ulSourceDataLen = 0, oaep.pSourceData = NULL;
	TAKEN(param_oaep, &oaep, sizeof oaep);
	oaep.source = 0;
	TAKEN(param_oaep, &oaep, sizeof oaep);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static void test_eddsa(void)
{
	CK_EDDSA_PARAMS eddsa = {CK_FALSE, 0, NULL};
	TAKEN(param_eddsa, &eddsa, sizeof eddsa);
	eddsa.phFlag = CK_TRUE;
	REFUSED(param_eddsa, &eddsa, sizeof eddsa);
	eddsa = (CK_EDDSA_PARAMS){CK_FALSE, 1, (CK_BYTE *)"c"};
	REFUSED(param_eddsa, &eddsa, sizeof eddsa);
}

static void test_key_wrap(void)
{
	static const uint8_t kw[] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}, kwp[] = {0xa6, 0x59, 0x59, 0xa6};
	static const struct {
		CK_MECHANISM_TYPE type;
		const uint8_t *iv;
		CK_ULONG len;
		bool fits;
	} ivs[] = {
		{CKM_AES_KEY_WRAP, NULL, 0, true}, {CKM_AES_KEY_WRAP, kw, 8, true}, {CKM_AES_KEY_WRAP, kwp, 4, false},
		{CKM_AES_KEY_WRAP, kw, 7, false}, {CKM_AES_KEY_WRAP, (const uint8_t *)"8 others", 8, false},
		{CKM_AES_KEY_WRAP_KWP, kwp, 4, true}, {CKM_AES_KEY_WRAP_KWP, kw, 8, false}, {CKM_AES_KEY_WRAP_PAD, NULL, 0, true},
		{CKM_AES_KEY_WRAP_KWP, NULL, 4, false},
	};
	for (size_t i = 0; i < sizeof ivs / sizeof ivs[0]; i++) {
		struct param param = {0};
		CK_MECHANISM m = {ivs[i].type, (void *)(uintptr_t)ivs[i].iv, ivs[i].len};
		CU_ASSERT_EQUAL(param_key_wrap(&m, &param), ivs[i].fits ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
	}
}

static void test_sm2_id(void)
{
	struct param param;
	size_t before = secret_in_use();
	CU_ASSERT_EQUAL(parse_into(param_sm2_id, NULL, 0, &param), CKR_OK);
	CU_ASSERT_TRUE(param.sm2.id_len == 16 && memcmp(param.sm2.id, "1234567812345678", 16) == 0);
	param_clear(&param);

	CK_HUFU_SM2_SM3_PARAMS p = {NULL, 0};
	CU_ASSERT_EQUAL(parse_into(param_sm2_id, &p, sizeof p, &param), CKR_OK);
	CU_ASSERT_EQUAL(param.sm2.id_len, 0);
	param_clear(&param);

	static CK_BYTE id[SM2_ID_MAX + 1];
	memset(id, 'A', sizeof id);
	p = (CK_HUFU_SM2_SM3_PARAMS){id, SM2_ID_MAX};
	CU_ASSERT_EQUAL(parse_into(param_sm2_id, &p, sizeof p, &param), CKR_OK);
	CU_ASSERT_TRUE(param.sm2.id_len == SM2_ID_MAX && param.sm2.id != id && memcmp(param.sm2.id, id, SM2_ID_MAX) == 0);
	param_clear(&param);

	p.ulIdLen = SM2_ID_MAX + 1;
	REFUSED(param_sm2_id, &p, sizeof p);
	p.ulIdLen = (CK_ULONG)-1;
	REFUSED(param_sm2_id, &p, sizeof p);
	p = (CK_HUFU_SM2_SM3_PARAMS){NULL, 1};
	REFUSED(param_sm2_id, &p, sizeof p);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static const struct unit_case cases[] = {
	{"no parameter is taken only where there need be none", test_null},
	{"a parameter of another length than its struct is refused", test_lengths},
	{"an IV has 16 bytes and is copied", test_iv},
	{"CTR counts in 1 to 128 bits", test_ctr},
	{"a GCM tag has 32, 64 or 96 to 128 bits, in bytes", test_gcm_tags},
	{"GCM lengths that cannot be are refused, and ulIvBits that contradicts ulIvLen", test_gcm_lengths},
	{"GCM's IV and AAD are copied and given back", test_gcm_copies},
	{"ZUC's inputs are held to their widths", test_zuc},
	{"a MAC has a byte or more, and no more than its hash or its block", test_mac},
	{"DES' IV has 8 bytes", test_iv8},
	{"CCM's lengths fit each other (SP 800-38C A.1), its nonce and AAD are copied", test_ccm},
	{"PSS knows its hashes, and the one of a mechanism that hashes is that", test_pss},
	{"OAEP knows its hashes, and copies its label", test_oaep},
	{"EdDSA is pure and has no context", test_eddsa},
	{"key wrap has its standard's initial value", test_key_wrap},
	{"an SM2 identifier has at most 8191 bytes; none is the default, an empty one is empty", test_sm2_id},
	{0},
};
UNIT_MAIN("param", cases)
