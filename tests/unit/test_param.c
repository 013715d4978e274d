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

static const parse_fn all[] = {param_none, param_iv, param_ctr, param_gcm, param_zuc, param_mac, param_mac_general, param_sm2_id};
#define NALL (sizeof all / sizeof all[0])

static void test_null(void)
{
	struct param param;
	for (size_t i = 0; i < NALL; i++) {
		bool optional = all[i] == param_none || all[i] == param_mac || all[i] == param_sm2_id;
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

static void test_mac(void)
{
	struct param param;
	CU_ASSERT_EQUAL(parse_into(param_mac, NULL, 0, &param), CKR_OK);
	CU_ASSERT_EQUAL(param.mac.mac_len, 32);
	for (CK_MAC_GENERAL_PARAMS len = 0; len < 40; len++)
		CU_ASSERT_EQUAL(parse(param_mac_general, &len, sizeof len),
		                len >= 1 && len <= 32 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
	CK_MAC_GENERAL_PARAMS huge = (CK_ULONG)-1;
	REFUSED(param_mac_general, &huge, sizeof huge);
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
	{"a MAC has 1 to 32 bytes", test_mac},
	{"an SM2 identifier has at most 8191 bytes; none is the default, an empty one is empty", test_sm2_id},
	{0},
};
UNIT_MAIN("param", cases)
