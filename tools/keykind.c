/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/keykind.h"

#include <string.h>

const unsigned char sm2_curve_oid[10] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};

#define SIGNS (CKF_SIGN | CKF_VERIFY)
#define CRYPTS (CKF_ENCRYPT | CKF_DECRYPT)

const struct key_kind key_kinds[] = {
	{"sm2", NULL, CKK_HUFU_SM2, true, CKM_HUFU_SM2_KEY_PAIR_GEN, 0, SIGNS | CRYPTS},
	{"sm4", NULL, CKK_HUFU_SM4, false, CKM_HUFU_SM4_KEY_GEN, 0, CRYPTS},
	{"zuc", NULL, CKK_HUFU_ZUC, false, CKM_HUFU_ZUC_KEY_GEN, 0, CRYPTS | SIGNS},
	{"hmac-sm3", "BITS", CKK_HUFU_SM3_HMAC, false, CKM_HUFU_SM3_KEY_GEN, 32, SIGNS},
	{"generic", "BITS", CKK_GENERIC_SECRET, false, CKM_GENERIC_SECRET_KEY_GEN, 32, SIGNS},
	{"aes", "BITS", CKK_AES, false, CKM_AES_KEY_GEN, 32, CRYPTS},
	{"ec", "CURVE", CKK_EC, true, CKM_EC_KEY_PAIR_GEN, 0, SIGNS},
	{"rsa", "BITS", CKK_RSA, true, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, SIGNS},
	{0},
};

const struct key_kind *key_kind_of(CK_KEY_TYPE type, const unsigned char *ec_params, CK_ULONG len)
{
	if (type == CKK_EC && len == sizeof sm2_curve_oid && ec_params && !memcmp(ec_params, sm2_curve_oid, len))
		type = CKK_HUFU_SM2;
	for (const struct key_kind *k = key_kinds; k->name; k++)
		if (k->type == type)
			return k;
	return NULL;
}

const struct key_kind *key_kind_parse(const char *text, const char **size)
{
	size_t len = strcspn(text, ":");

	*size = text[len] ? text + len + 1 : NULL;
	for (const struct key_kind *k = key_kinds; k->name; k++)
		if (strlen(k->name) == len && !strncmp(k->name, text, len))
			return *size && !k->sizes ? NULL : k;
	return NULL;
}
