/* SPDX-License-Identifier: Apache-2.0 */
#include "alias/alias.h"

#include <hufu/mechanisms.h>
#include <hufu/pkcs11.h>

#include <string.h>

#define ROWS(array) (array), sizeof(array) / sizeof((array)[0])
#define PROFILE(name) {#name, ROWS(name##_mechs), ROWS(name##_types)}

/* -- IBM EP11 (ep11.h); Sansec's modules take these as well ------------------------- */

#define IBM_MECHS \
	{0x8005000a, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME}, \
	{0x8005000b, CKM_HUFU_SM2, ALIAS_PARAM_SAME}, \
	{0x8005000c, CKM_HUFU_SM2_SM3, ALIAS_PARAM_ID}, \
	{0x8005000d, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME}, \
	{0x8005000e, CKM_HUFU_SM3, ALIAS_PARAM_SAME}, \
	{0x80050001, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME}, \
	{0x80050004, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME}, \
	{0x80050002, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME}

#define IBM_TYPES {0x80050002, CKK_HUFU_SM2}, {0x80050001, CKK_HUFU_SM4}

/*
 * ISO2_SM4_* pad with 0x80 00 .., which we do not; SM4_MAC is half a block, as CKM_DES_MAC is, ours a whole one; there is no
 * SM4_ECB_ENCRYPT_DATA. MAC_GENERAL pads with zeros; ours takes whole blocks only, and gives the same of those.
 */
static const struct alias_mech ibm_mechs[] = {
	IBM_MECHS,
	{0x80050003, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
	{0x80050007, CKM_HUFU_SM4_CBC_MAC_GENERAL, ALIAS_PARAM_SAME},
	{0x8005000f, CKM_HUFU_SM2_SM3, ALIAS_PARAM_NEED_ID}, /* SM2_SM3_RFC: the identifier of RFC 8998 and kin is given */
};
static const struct alias_key_type ibm_types[] = {IBM_TYPES};

/* -- Sansec (swpkcs11.h) ------------------------------------------------------------- */

/*
 * CKM_SM3_SM2 and CKM_SM3_SM2_DER sign "with SM3 Digest", their brothers ..APPID1 "with SM3 Digest & Application ID
 * 1234567812345678": so the first two hash no Z.
 *
 * CKM_SM2_SIGN gives DER: the other one is called CKM_SM2_SIGN_NO_DER. CKM_SM2 (0x80008000), CKM_SM3 (0x80009000) and CKM_SM4
 * (0x8000a000) are bases that the header counts from, and no mechanisms.
 *
 * Lists of others differ: SM3 as 0x80009005, SM4-CBC-PAD as 0x8000a102. The vendor's header has it, and has what it calls the
 * builds of JIT (SM3 0x80000005) and iTrus (0x8000a001, ..100, ..200, CKK_SM4 0x80000006), whose numbers mean nothing else.
 */
static const struct alias_mech sansec_mechs[] = {
	{0x80008001, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80008105, CKM_HUFU_SM2, ALIAS_PARAM_SAME},
	{0x80008104, CKM_HUFU_SM2_DER, ALIAS_PARAM_SAME},
	{0x80008100, CKM_HUFU_SM2_SM3_NO_Z, ALIAS_PARAM_SAME},
	{0x80008101, CKM_HUFU_SM2_SM3_NO_Z_DER, ALIAS_PARAM_SAME},
	{0x80008102, CKM_HUFU_SM2_SM3, ALIAS_PARAM_SAME},
	{0x80008103, CKM_HUFU_SM2_SM3_DER, ALIAS_PARAM_SAME},
	{0x80008200, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0x80008201, CKM_HUFU_SM2_ENC_DER, ALIAS_PARAM_SAME},
	{0x80009001, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000005, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000107, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x80000108, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x80000109, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0x8000a201, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
	{0x8000010a, CKM_HUFU_SM4_CTR, ALIAS_PARAM_SAME},
	{0x8000a001, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x8000a100, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x8000a200, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	IBM_MECHS,
};
static const struct alias_key_type sansec_types[] = {
	{0x80000004, CKK_HUFU_SM2}, {0x80000106, CKK_HUFU_SM4}, {0x80000006, CKK_HUFU_SM4}, IBM_TYPES,
};

/* -- TASS ----------------------------------------------------------------------------- */

/*
 * Signatures are DER (xipki's profile of it: SM2_SIGNATURE_X962). 0x8000010a is a MAC of half a block here, and CTR at Sansec.
 * SM3_UID and SM3_MAC (0x80000006 to 08) and SM2_DERIVE: known under a number only.
 */
static const struct alias_mech tass_mechs[] = {
	{0x80008001, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80008000, CKM_HUFU_SM2_DER, ALIAS_PARAM_SAME},
	{0x80008100, CKM_HUFU_SM2_SM3_DER, ALIAS_PARAM_ID},
	{0x80008200, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0x80000005, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000107, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x80000108, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x80000109, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0x8000010b, CKM_HUFU_SM4_CBC_MAC_GENERAL, ALIAS_PARAM_SAME},
	{0x8000010c, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
};
static const struct alias_key_type tass_types[] = {{0x80000004, CKK_HUFU_SM2}, {0x80000002, CKK_HUFU_SM4}};

/* -- Koal (the interface definition of its HSM server) ---------------------------------- */

/* Names and numbers of SM2 are Sansec's, and read as there. 0x80008002 makes pairs that are meant to encrypt. */
static const struct alias_mech koal_mechs[] = {
	{0x80008001, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80008002, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80008104, CKM_HUFU_SM2_DER, ALIAS_PARAM_SAME},
	{0x80008100, CKM_HUFU_SM2_SM3_NO_Z, ALIAS_PARAM_SAME},
	{0x80008101, CKM_HUFU_SM2_SM3_NO_Z_DER, ALIAS_PARAM_SAME},
	{0x80008200, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0x80000005, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000006, CKM_HUFU_SM3, ALIAS_PARAM_SAME}, /* SM3_HASH */
	{0x80000107, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x80000108, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x80000109, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0x8000010c, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
	{0x8000010f, CKM_HUFU_SM4_GCM, ALIAS_PARAM_SAME},
};
static const struct alias_key_type koal_types[] = {{0x80000004, CKK_HUFU_SM2}, {0x80000002, CKK_HUFU_SM4}};

/* -- Westone and Raycom ------------------------------------------------------------------- */

/*
 * The header counts in decimal from 0x80000000, and has two numbers each for SM2: those of CKM_ECC_* and those of CKM_SM2_*.
 * One mechanism signs and encrypts; which of ours it is, the use tells.
 *
 * ZUC_EEA and ZUC_EIA take an IV that the vendor's cards read in ways of their own, HASH_SM3 a struct of identifier and public
 * key, HMAC_SM3 a key's handle: without the parameter HASH_SM3 is SM3, the others have no row.
 */
static const struct alias_mech westone_mechs[] = {
	{0x80000001, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80000003, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80000002, CKM_HUFU_SM2, ALIAS_PARAM_SAME},
	{0x80000002, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0x80000004, CKM_HUFU_SM2, ALIAS_PARAM_SAME},
	{0x80000004, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0x8000001f, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000028, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x80000029, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x8000002a, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0x8000002b, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
	{0x8000002d, CKM_HUFU_SM4_OFB, ALIAS_PARAM_SAME},
	{0x80000032, CKM_HUFU_ZUC_KEY_GEN, ALIAS_PARAM_SAME},
};
static const struct alias_key_type westone_types[] = {
	{0x80000001, CKK_HUFU_SM2}, {0x80000005, CKK_HUFU_SM4}, {0x80000006, CKK_HUFU_ZUC},
};

/* -- Thales Luna ------------------------------------------------------------------------------ */

static const struct alias_mech luna_mechs[] = {
	{0x80000b20, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0x80000b21, CKM_HUFU_SM2, ALIAS_PARAM_SAME},
	{0x80000b22, CKM_HUFU_SM2_SM3, ALIAS_PARAM_SAME},
	{0x80000b01, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0x80000b02, CKM_HUFU_SM3_HMAC, ALIAS_PARAM_SAME},
	{0x80000b03, CKM_HUFU_SM3_HMAC_GENERAL, ALIAS_PARAM_SAME},
	{0x80000b10, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0x80000b11, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0x80000b12, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0x80000b13, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
};
static const struct alias_key_type luna_types[] = {{0x80000016, CKK_HUFU_SM2}, {0x80000015, CKK_HUFU_SM4}};

/* -- xipki's own, which its wrapper maps to vendors' ------------------------------------------- */

static const struct alias_mech xipki_mechs[] = {
	{0xfffff001, CKM_HUFU_SM2_KEY_PAIR_GEN, ALIAS_PARAM_SAME},
	{0xfffff002, CKM_HUFU_SM2, ALIAS_PARAM_SAME},
	{0xfffff003, CKM_HUFU_SM2_SM3, ALIAS_PARAM_ID},
	{0xfffff004, CKM_HUFU_SM2_C1C3C2, ALIAS_PARAM_SAME},
	{0xfffff005, CKM_HUFU_SM3, ALIAS_PARAM_SAME},
	{0xfffff006, CKM_HUFU_SM4_KEY_GEN, ALIAS_PARAM_SAME},
	{0xfffff007, CKM_HUFU_SM4_ECB, ALIAS_PARAM_SAME},
	{0xfffff008, CKM_HUFU_SM4_CBC, ALIAS_PARAM_SAME},
	{0xfffff009, CKM_HUFU_SM4_CBC_MAC_GENERAL, ALIAS_PARAM_SAME},
	{0xfffff00b, CKM_HUFU_SM4_CBC_PAD, ALIAS_PARAM_SAME},
	{0xfffff00c, CKM_HUFU_SM4_CCM, ALIAS_PARAM_SAME},
	{0xfffff00d, CKM_HUFU_SM4_GCM, ALIAS_PARAM_SAME},
};
static const struct alias_key_type xipki_types[] = {{0xfffff001, CKK_HUFU_SM2}, {0xfffff002, CKK_HUFU_SM4}};

/* -- lookups -------------------------------------------------------------------------------------- */

static const struct alias_profile profiles[] = {
	PROFILE(sansec), PROFILE(tass), PROFILE(koal), PROFILE(westone), PROFILE(ibm), PROFILE(luna), PROFILE(xipki),
};

const struct alias_profile *alias_at(size_t i)
{
	return i < sizeof profiles / sizeof profiles[0] ? &profiles[i] : NULL;
}

const struct alias_profile *alias_find(const char *name)
{
	for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const struct alias_mech *alias_mech_next(const struct alias_profile *profile, uint64_t vendor, const struct alias_mech *after)
{
	if (!profile)
		return NULL;
	const struct alias_mech *end = profile->mechs + profile->nmechs;
	for (const struct alias_mech *row = after ? after + 1 : profile->mechs; row < end; row++)
		if (row->vendor == vendor)
			return row;
	return NULL;
}

const struct alias_mech *alias_mech_of_own(const struct alias_profile *profile, uint64_t own)
{
	for (size_t i = 0; profile && i < profile->nmechs; i++)
		if (profile->mechs[i].own == own)
			return &profile->mechs[i];
	return NULL;
}

uint64_t alias_key_type_own(const struct alias_profile *profile, uint64_t vendor)
{
	for (size_t i = 0; profile && i < profile->ntypes; i++)
		if (profile->types[i].vendor == vendor)
			return profile->types[i].own;
	return vendor;
}

uint64_t alias_key_type_vendor(const struct alias_profile *profile, uint64_t own)
{
	for (size_t i = 0; profile && i < profile->ntypes; i++)
		if (profile->types[i].own == own)
			return profile->types[i].vendor;
	return own;
}
