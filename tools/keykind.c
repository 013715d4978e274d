/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/keykind.h"

#include <stdio.h>
#include <string.h>

const unsigned char sm2_curve_oid[10] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};

#define SIGNS (CKF_SIGN | CKF_VERIFY)
#define CRYPTS (CKF_ENCRYPT | CKF_DECRYPT)
/* oid: the last byte of RFC 8410 3, 1.3.101.110 to 113. */
#define CURVE(name, form, nbits, uses, oid, curve_name) \
	{name, NULL, CKK_EC_##form, true, CKM_EC_##form##_KEY_PAIR_GEN, 0, nbits, uses, 0, \
	 (const unsigned char[EDWARDS_OID_LEN]){0x06, 0x03, 0x2b, 0x65, oid}, curve_name}
#define HMAC(name, hash, len) \
	{name, "BITS", CKK_##hash##_HMAC, false, CKM_##hash##_KEY_GEN, len, 0, SIGNS, CKM_##hash##_HMAC, NULL, NULL}

const struct key_kind key_kinds[] = {
	{"sm2", NULL, CKK_HUFU_SM2, true, CKM_HUFU_SM2_KEY_PAIR_GEN, 0, 256, SIGNS | CRYPTS, 0, NULL, NULL},
	{"sm4", NULL, CKK_HUFU_SM4, false, CKM_HUFU_SM4_KEY_GEN, 0, 128, CRYPTS, CKM_HUFU_SM4_CMAC, NULL, NULL},
	{"zuc", NULL, CKK_HUFU_ZUC, false, CKM_HUFU_ZUC_KEY_GEN, 0, 128, CRYPTS | SIGNS, CKM_HUFU_ZUC_EIA3, NULL, NULL},
	{"hmac-sm3", "BITS", CKK_HUFU_SM3_HMAC, false, CKM_HUFU_SM3_KEY_GEN, 32, 0, SIGNS, CKM_HUFU_SM3_HMAC, NULL, NULL},
	{"rsa", "BITS", CKK_RSA, true, CKM_RSA_PKCS_KEY_PAIR_GEN, 0, 0, SIGNS | CRYPTS, 0, NULL, NULL},
	{"ec", "CURVE", CKK_EC, true, CKM_EC_KEY_PAIR_GEN, 0, 0, SIGNS, 0, NULL, NULL},
	CURVE("ed25519", EDWARDS, 255, SIGNS, 0x70, "edwards25519"), CURVE("ed448", EDWARDS, 448, SIGNS, 0x71, "edwards448"),
	CURVE("x25519", MONTGOMERY, 255, CKF_DERIVE, 0x6e, "curve25519"),
	CURVE("x448", MONTGOMERY, 448, CKF_DERIVE, 0x6f, "curve448"),
	{"aes", "BITS", CKK_AES, false, CKM_AES_KEY_GEN, 32, 0, CRYPTS, CKM_AES_CMAC, NULL, NULL},
	{"generic", "BITS", CKK_GENERIC_SECRET, false, CKM_GENERIC_SECRET_KEY_GEN, 32, 0, SIGNS, CKM_HUFU_SM3_HMAC, NULL, NULL},
	HMAC("hmac-sha1", SHA_1, 20), HMAC("hmac-sha224", SHA224, 28), HMAC("hmac-sha256", SHA256, 32),
	HMAC("hmac-sha384", SHA384, 48), HMAC("hmac-sha512", SHA512, 64), HMAC("hmac-sha3-224", SHA3_224, 28),
	HMAC("hmac-sha3-256", SHA3_256, 32), HMAC("hmac-sha3-384", SHA3_384, 48), HMAC("hmac-sha3-512", SHA3_512, 64),
	{0},
};

const char *key_kind_names(char buf[KEY_KIND_NAMES_MAX])
{
	size_t used = 0;

	buf[0] = 0;
	for (const struct key_kind *k = key_kinds; k->name && used < KEY_KIND_NAMES_MAX; k++)
		used += (size_t)snprintf(buf + used, KEY_KIND_NAMES_MAX - used, "%s%s", used ? ", " : "", k->name);
	return buf;
}

static bool is_curve(const struct key_kind *kind, const unsigned char *params, CK_ULONG len)
{
	size_t name_len = strlen(kind->curve_name);

	if (len == EDWARDS_OID_LEN)
		return !memcmp(params, kind->curve, len);
	return len == 2 + name_len && params[0] == 0x13 && params[1] == name_len && !memcmp(params + 2, kind->curve_name, name_len);
}

const struct key_kind *key_kind_of(CK_KEY_TYPE type, const unsigned char *ec_params, CK_ULONG len)
{
	if (type == CKK_EC && len == sizeof sm2_curve_oid && ec_params && !memcmp(ec_params, sm2_curve_oid, len))
		type = CKK_HUFU_SM2;
	for (const struct key_kind *k = key_kinds; k->name; k++)
		if (k->type == type && (!k->curve || (ec_params && is_curve(k, ec_params, len))))
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
