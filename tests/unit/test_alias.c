/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: the tables of vendors' numbers say what the vendors' headers do, are read both ways, name only mechanisms that
 * there are, and never take a number from what has it already.
 */
#include "alias/alias.h"
#include "base/conf.h"
#include "token/mech.h"

#include "unit.h"

/* Of the headers and lists that the tables' comments name. */
static const struct {
	const char *vendor;
	uint64_t number, own;
} known[] = {
	{"sansec", 0x80008001, CKM_HUFU_SM2_KEY_PAIR_GEN}, {"sansec", 0x80008104, CKM_HUFU_SM2_DER},
	{"sansec", 0x80008105, CKM_HUFU_SM2}, {"sansec", 0x80008100, CKM_HUFU_SM2_SM3_NO_Z},
	{"sansec", 0x80008103, CKM_HUFU_SM2_SM3_DER}, {"sansec", 0x80009001, CKM_HUFU_SM3},
	{"sansec", 0x8000a201, CKM_HUFU_SM4_CBC_PAD}, {"sansec", 0x8005000a, CKM_HUFU_SM2_KEY_PAIR_GEN},
	{"tass", 0x80008100, CKM_HUFU_SM2_SM3_DER}, {"tass", 0x8000010c, CKM_HUFU_SM4_CBC_PAD},
	{"koal", 0x8000010f, CKM_HUFU_SM4_GCM}, {"koal", 0x80000005, CKM_HUFU_SM3},
	{"westone", 0x8000001f, CKM_HUFU_SM3}, {"westone", 0x80000028, CKM_HUFU_SM4_KEY_GEN},
	{"ibm", 0x8005000b, CKM_HUFU_SM2}, {"ibm", 0x80050002, CKM_HUFU_SM4_CBC},
	{"luna", 0x80000b22, CKM_HUFU_SM2_SM3}, {"luna", 0x80000b03, CKM_HUFU_SM3_HMAC_GENERAL},
	{"xipki", 0xfffff003, CKM_HUFU_SM2_SM3}, {"xipki", 0xfffff00d, CKM_HUFU_SM4_GCM},
};

static void test_known(void)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		const struct alias_profile *p = alias_find(known[i].vendor);
		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		const struct alias_mech *row = alias_mech_next(p, known[i].number, NULL);
		CU_ASSERT_PTR_NOT_NULL_FATAL(row);
		CU_ASSERT_EQUAL(row->own, known[i].own);
	}
	CU_ASSERT_PTR_NULL(alias_find("nobody"));
	CU_ASSERT_PTR_NULL(alias_find("none"));
}

/* One that signs and encrypts, and an application that does either knows which it wants. */
static void test_two_meanings(void)
{
	const struct alias_profile *p = alias_find("westone");
	const struct alias_mech *first = alias_mech_next(p, 0x80000002, NULL), *second = alias_mech_next(p, 0x80000002, first);
	CU_ASSERT_PTR_NOT_NULL_FATAL(second);
	CU_ASSERT(first->own == CKM_HUFU_SM2 && second->own == CKM_HUFU_SM2_C1C3C2);
	CU_ASSERT_PTR_NULL(alias_mech_next(p, 0x80000002, second));
}

#define EACH_PROFILE(p) size_t at = 0; for (const struct alias_profile *p; (p = alias_at(at)) != NULL; at++)

static void test_both_ways(void)
{
	EACH_PROFILE(p) {
		for (size_t i = 0; i < p->nmechs; i++) {
			const struct alias_mech *row = &p->mechs[i], *shown = alias_mech_of_own(p, row->own), *back = NULL;
			CU_ASSERT_PTR_NOT_NULL_FATAL(shown);
			CU_ASSERT_EQUAL(shown->own, row->own);
			while ((back = alias_mech_next(p, row->vendor, back)) != NULL && back != row)
				;
			CU_ASSERT_PTR_EQUAL(back, row);
		}
		for (size_t i = 0; i < p->ntypes; i++) {
			CU_ASSERT_EQUAL(alias_key_type_own(p, p->types[i].vendor), p->types[i].own);
			CU_ASSERT_EQUAL(alias_key_type_own(p, alias_key_type_vendor(p, p->types[i].own)), p->types[i].own);
		}
		CU_ASSERT_EQUAL(alias_key_type_own(p, CKK_AES), CKK_AES);
		CU_ASSERT_EQUAL(alias_key_type_vendor(p, CKK_AES), CKK_AES);
		CU_ASSERT_PTR_NULL(alias_mech_of_own(p, CKM_AES_GCM));
		CU_ASSERT_PTR_NULL(alias_mech_next(p, CKM_AES_GCM, NULL));
	}
	CU_ASSERT_PTR_NULL(alias_mech_of_own(NULL, CKM_HUFU_SM2));
	CU_ASSERT_PTR_NULL(alias_mech_next(NULL, CKM_HUFU_SM2, NULL));
	CU_ASSERT_EQUAL(alias_key_type_own(NULL, 7), 7);
}

static void test_rows(void)
{
	EACH_PROFILE(p) {
		for (size_t i = 0; i < p->nmechs; i++) {
			const struct alias_mech *row = &p->mechs[i], *other = NULL;
			const struct mech *mech = mech_find(row->own);
			CU_ASSERT_PTR_NOT_NULL_FATAL(mech);
			CU_ASSERT(row->vendor >= CKM_VENDOR_DEFINED && row->vendor <= UINT32_MAX);
			CU_ASSERT_PTR_NULL(mech_find(row->vendor));
			/* A number's meanings have no use in common. */
			while ((other = alias_mech_next(p, row->vendor, other)) != NULL)
				CU_ASSERT(other == row || (mech_find(other->own)->flags & mech->flags) == 0);
			CU_ASSERT(row->param == ALIAS_PARAM_SAME || row->own == CKM_HUFU_SM2_SM3 || row->own == CKM_HUFU_SM2_SM3_DER);
		}
		for (size_t i = 0; i < p->ntypes; i++) {
			for (size_t j = 0; j < i; j++)
				CU_ASSERT_NOT_EQUAL(p->types[i].vendor, p->types[j].vendor);
			CU_ASSERT(p->types[i].own >= CKK_HUFU_SM2 && p->types[i].own <= CKK_HUFU_SM3_HMAC);
		}
	}
}

static void no_report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
	CU_FAIL("the configuration was refused");
}

/* src/base knows the names, not the tables: they stand in the same order. */
static void test_configured(void)
{
	EACH_PROFILE(p) {
		char text[128];
		struct conf *conf;
		snprintf(text, sizeof text, "token \"t\" { store = \"sqlite:/t.db\" alias = \"%s\" }", p->name);
		CU_ASSERT_EQUAL_FATAL(conf_parse(text, "t.conf", no_report, NULL, &conf), HUFU_OK);
		CU_ASSERT_PTR_EQUAL(vendor_of(&conf->tokens[0]), p);
		CU_ASSERT_PTR_NULL(vendor_of(&conf->defaults));
		conf_free(conf);
	}
}

static const struct unit_case cases[] = {
	{"vendors' numbers mean what their headers say", test_known},
	{"a number with two meanings gives both", test_two_meanings},
	{"what is read one way is read the other way", test_both_ways},
	{"each row names a mechanism that there is, by a number that is nobody else's", test_rows},
	{"the configuration's names are the tables'", test_configured},
	{0},
};
UNIT_MAIN("alias", cases)
