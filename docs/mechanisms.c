/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/MECHANISMS.md, from the table of mechanisms and from what the soft driver says of itself. */
#include "driver/driver.h"
#include "token/param.h"
#include "tools/names.h"

#include <stdio.h>
#include <string.h>

/* -- parameters --------------------------------------------------------------------- */

static const struct {
	CK_RV (*parse)(const CK_MECHANISM *, struct param *);
	const char *text;
} parameters[] = {
	{param_none, "none"},
	{param_iv, "16-byte IV"},
	{param_iv8, "8-byte IV"},
	{param_ctr, "`CK_AES_CTR_PARAMS`"},
	{param_gcm, "`CK_GCM_PARAMS`; message-based `CK_GCM_MESSAGE_PARAMS`"},
	{param_ccm, "`CK_CCM_PARAMS`; message-based `CK_CCM_MESSAGE_PARAMS`"},
	{param_zuc, "`CK_HUFU_ZUC_PARAMS`"},
	{param_mac, "none: the whole MAC"},
	{param_mac_general, "`CK_MAC_GENERAL_PARAMS`"},
	{param_sm2_id, "`CK_HUFU_SM2_SM3_PARAMS`, or none: ID 1234567812345678"},
	{param_pss, "`CK_RSA_PKCS_PSS_PARAMS`"},
	{param_oaep, "`CK_RSA_PKCS_OAEP_PARAMS`"},
	{param_rsa_aes, "`CK_RSA_AES_KEY_WRAP_PARAMS`"},
	{param_eddsa, "none, or `CK_EDDSA_PARAMS` without prehash and context"},
	{param_key_wrap, "none, or the IV of RFC 3394 (8 bytes), RFC 5649 (4 bytes)"},
};

static const struct {
	CK_MECHANISM_TYPE type;
	const char *text;
} derivations[] = {
	{CKM_ECDH1_DERIVE, "`CK_ECDH1_DERIVE_PARAMS`; `CKD_NULL`, and X9.63 and SP 800-56C with each SHA"},
	{CKM_ECDH1_COFACTOR_DERIVE, "`CK_ECDH1_DERIVE_PARAMS`, as above"},
	{CKM_HUFU_SM2_KEY_AGREEMENT, "`CK_HUFU_SM2_KEY_AGREEMENT_PARAMS`, both roles"},
	{CKM_AES_ECB_ENCRYPT_DATA, "`CK_KEY_DERIVATION_STRING_DATA`, whole blocks"},
	{CKM_AES_CBC_ENCRYPT_DATA, "`CK_AES_CBC_ENCRYPT_DATA_PARAMS`, whole blocks"},
	{CKM_CONCATENATE_BASE_AND_KEY, "`CK_OBJECT_HANDLE`"},
	{CKM_CONCATENATE_BASE_AND_DATA, "`CK_KEY_DERIVATION_STRING_DATA`"},
	{CKM_CONCATENATE_DATA_AND_BASE, "`CK_KEY_DERIVATION_STRING_DATA`"},
	{CKM_XOR_BASE_AND_DATA, "`CK_KEY_DERIVATION_STRING_DATA`"},
	{CKM_EXTRACT_KEY_FROM_KEY, "`CK_EXTRACT_PARAMS`"},
	{CKM_HKDF_DERIVE, "`CK_HKDF_PARAMS`, each hash"},
	{CKM_PKCS5_PBKD2, "`CK_PKCS5_PBKD2_PARAMS2`, `CKZ_SALT_SPECIFIED`, HMAC with SHA-1 or SHA-2"},
};

/* NULL: this file does not know the mechanism yet. */
static const char *parameter(const struct mech *m)
{
	for (size_t i = 0; m->parse && i < sizeof parameters / sizeof parameters[0]; i++)
		if (parameters[i].parse == m->parse)
			return parameters[i].text;
	for (size_t i = 0; !m->parse && i < sizeof derivations / sizeof derivations[0]; i++)
		if (derivations[i].type == m->type)
			return derivations[i].text;
	return NULL;
}

/* -- columns -------------------------------------------------------------------------- */

static void print_key_types(const struct mech *m)
{
	char buf[NAME_LEN];
	for (const CK_KEY_TYPE *type = m->key_types; *type != NO_KEY_TYPE; type++) {
		if (*type == ANY_KEY_TYPE)
			printf("any secret key");
		else
			printf("%s%s", type == m->key_types ? "" : ", ", key_type_name(*type, buf));
	}
	if (m->type == CKM_PKCS5_PBKD2)
		printf("the template's");
}

static void print_sizes(const struct mech *m)
{
	CK_MECHANISM_INFO info;
	mech_info(m, false, &info);
	const char *unit = m->unit_nbits == 8 ? "bytes" : "bits";
	if (!info.ulMaxKeySize)
		return;
	if (info.ulMinKeySize == info.ulMaxKeySize)
		printf("%lu %s", info.ulMaxKeySize, unit);
	else
		printf("%lu to %lu %s", info.ulMinKeySize, info.ulMaxKeySize, unit);
}

static void print_uses(const struct mech *m)
{
	static const struct {
		CK_FLAGS flag;
		const char *text;
	} uses[] = {
		{CKF_ENCRYPT, "encrypt"}, {CKF_DECRYPT, "decrypt"}, {CKF_DIGEST, "digest"}, {CKF_SIGN, "sign"}, {CKF_VERIFY, "verify"},
		{CKF_SIGN_RECOVER, "sign-recover"}, {CKF_VERIFY_RECOVER, "verify-recover"}, {CKF_GENERATE, "generate"},
		{CKF_GENERATE_KEY_PAIR, "generate pair"}, {CKF_WRAP, "wrap"}, {CKF_UNWRAP, "unwrap"}, {CKF_DERIVE, "derive"},
		{CKF_MESSAGE_ENCRYPT, "message encrypt"}, {CKF_MESSAGE_DECRYPT, "message decrypt"},
		{CKF_MESSAGE_SIGN, "message sign"}, {CKF_MESSAGE_VERIFY, "message verify"},
	};
	const char *comma = "";
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
		if (m->flags & uses[i].flag) {
			printf("%s%s", comma, uses[i].text);
			comma = ", ";
		}
}

static const char *in_parts(const struct mech *m)
{
	switch (m->shape) {
	case SHAPE_DIGEST:
	case SHAPE_BLOCK:
	case SHAPE_BLOCK_PAD:
	case SHAPE_STREAM:
	case SHAPE_STATE_STREAM:
	case SHAPE_SIGN_MESSAGE: return "yes";
	case SHAPE_MAC: return "yes; where a device cannot, up to 1 MiB";
	case SHAPE_AEAD:
		return m->parse == param_ccm ? "kept to the end, up to 64 MiB" :
		                               "encryption; decryption is kept to its tag, up to 64 MiB";
	case SHAPE_SIGN_DIGEST:
	case SHAPE_SIGN_WHOLE:
	case SHAPE_PK_CRYPT:
	case SHAPE_KEY_WRAP: return m->flags & (CKF_ENCRYPT | CKF_SIGN | CKF_DECRYPT) ? "kept to the end" : "";
	case SHAPE_KEYGEN:
	case SHAPE_DERIVE: break;
	}
	return "";
}

static const char *drivers(const struct hufu_device_info *info, const struct mech *m)
{
	if (m->shape == SHAPE_DIGEST || m->device_mechanism == ON_HOST)
		return "this host";
	for (size_t i = 0; i < info->ncaps; i++)
		if (info->caps[i].mechanism == m->device_mechanism)
			return "soft";
	return NULL;
}

/* -- the page ------------------------------------------------------------------------- */

static const char head[] =
	"# Mechanisms\n\n"
	"Made from the table in `src/token/mech.c` by `docs/mechanisms`; `make check` holds this page against it.\n\n"
	"A token offers a mechanism where one of its devices does; `C_GetMechanismList` and `hufu mech list` tell.\n"
	"Sizes are as `C_GetMechanismInfo` tells them. *In parts* is about `C_*Update`. *Drivers*: who does the work;\n"
	"what is done on this host needs no device, but for a derivation a key that a device exports.\n"
	"CKK_DES3 keys are refused unless the configuration says `des3 = read`; `CKM_HUFU_SM2_SM3_NO_Z` and its like unless\n"
	"it says `alias` with a vendor that has them.\n\n"
	"| mechanism | number | parameter | keys | sizes | uses | in parts | drivers |\n"
	"|---|---|---|---|---|---|---|---|\n";

static int complain(const struct mech *m, const char *what)
{
	fprintf(stderr, "%s has no %s in docs/mechanisms.c\n", m->name, what);
	return 1;
}

static int print_row(const struct hufu_device_info *info, const struct mech *m)
{
	const char *param = parameter(m), *who = drivers(info, m);
	if (!param || !who)
		return complain(m, param ? "driver" : "parameter");
	printf("| `%s` | 0x%08lX | %s | ", m->name, m->type, param);
	print_key_types(m);
	printf(" | ");
	print_sizes(m);
	printf(" | ");
	print_uses(m);
	printf(" | %s | %s |\n", in_parts(m), who);
	return 0;
}

static const char *vendors_param(const struct alias_mech *row)
{
	switch (row->param) {
	case ALIAS_PARAM_ID: return "the ID's bytes, or none";
	case ALIAS_PARAM_NEED_ID: return "the ID's bytes";
	case ALIAS_PARAM_SAME: break;
	}
	return "the same";
}

static void print_vendor(const struct alias_profile *vendor)
{
	char buf[NAME_LEN];
	printf("\n### %s\n\n| number | is | parameter |\n|---|---|---|\n", vendor->name);
	for (size_t i = 0; i < vendor->nmechs; i++)
		printf("| 0x%08llX | `%s` | %s |\n", (unsigned long long)vendor->mechs[i].vendor, mech_find(vendor->mechs[i].own)->name,
		       vendors_param(&vendor->mechs[i]));
	printf("\nKey types:");
	for (size_t i = 0; i < vendor->ntypes; i++)
		printf("%s 0x%08llX is `%s`", i ? "," : "", (unsigned long long)vendor->types[i].vendor,
		       key_type_name(vendor->types[i].own, buf));
	printf(".\n");
}

static void print_vendors(void)
{
	const struct alias_profile *vendor;
	printf("\n## Vendors' numbers\n\n"
	       "From `src/alias/alias.c`: with `alias = \"sansec\"` and so on in a token's section the token takes\n"
	       "these beside hufu's own. A number with two rows signs or encrypts, as it is used.\n");
	for (size_t i = 0; (vendor = alias_at(i)) != NULL; i++)
		print_vendor(vendor);
}

int main(void)
{
	struct hufu_conf conf = {.size = sizeof conf, .name = "soft"};
	struct hufu_device_info info = {.size = sizeof info};
	struct hufu_device *device;
	size_t n;
	int failed = 0;
	const struct mech *table = mech_table(&n);
	if (driver_soft.open(driver_host(), &conf, 0, &device) != HUFU_OK || driver_soft.info(device, &info) != HUFU_OK)
		return 1;
	fputs(head, stdout);
	for (size_t i = 0; i < n; i++)
		failed |= print_row(&info, &table[i]);
	driver_soft.close(device, 0);
	print_vendors();
	return failed;
}
