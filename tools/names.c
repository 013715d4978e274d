/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct name {
	CK_ULONG number;
	const char *name;
};

static const struct name mechanisms[] = {
#define M(n) {CKM_##n, "CKM_" #n}
	M(RSA_PKCS_KEY_PAIR_GEN), M(RSA_PKCS), M(RSA_X_509), M(SHA1_RSA_PKCS), M(RSA_PKCS_OAEP), M(RSA_PKCS_PSS),
	M(SHA1_RSA_PKCS_PSS), M(DSA_KEY_PAIR_GEN), M(DSA_SHA1), M(DH_PKCS_KEY_PAIR_GEN), M(DH_PKCS_DERIVE), M(SHA256_RSA_PKCS),
	M(SHA384_RSA_PKCS), M(SHA512_RSA_PKCS), M(SHA256_RSA_PKCS_PSS), M(SHA384_RSA_PKCS_PSS), M(SHA512_RSA_PKCS_PSS),
	M(DES_KEY_GEN), M(DES_ECB), M(DES_CBC), M(DES_MAC), M(DES_MAC_GENERAL), M(DES_CBC_PAD), M(DES2_KEY_GEN),
	M(DES3_KEY_GEN), M(DES3_ECB), M(DES3_CBC), M(DES3_MAC), M(DES3_MAC_GENERAL), M(DES3_CBC_PAD), M(DES3_CMAC_GENERAL),
	M(DES3_CMAC), M(MD5), M(SHA_1), M(SHA_1_HMAC), M(SHA_1_HMAC_GENERAL), M(SHA256), M(SHA256_HMAC),
	M(SHA256_HMAC_GENERAL), M(SHA384), M(SHA384_HMAC), M(SHA384_HMAC_GENERAL), M(SHA512), M(SHA512_HMAC),
	M(SHA512_HMAC_GENERAL), M(GENERIC_SECRET_KEY_GEN), M(CONCATENATE_BASE_AND_KEY), M(CONCATENATE_BASE_AND_DATA),
	M(CONCATENATE_DATA_AND_BASE), M(XOR_BASE_AND_DATA), M(EXTRACT_KEY_FROM_KEY), M(TLS_PRE_MASTER_KEY_GEN),
	M(TLS_MASTER_KEY_DERIVE), M(TLS_KEY_AND_MAC_DERIVE), M(TLS_MASTER_KEY_DERIVE_DH), M(TLS_PRF), M(SHA1_KEY_DERIVATION),
	M(SHA256_KEY_DERIVATION), M(SHA384_KEY_DERIVATION), M(SHA512_KEY_DERIVATION), M(PKCS5_PBKD2), M(TLS12_MAC),
	M(TLS12_KDF), M(TLS12_MASTER_KEY_DERIVE), M(TLS12_KEY_AND_MAC_DERIVE), M(TLS12_MASTER_KEY_DERIVE_DH), M(TLS_MAC),
	M(TLS_KDF), M(EC_KEY_PAIR_GEN), M(ECDSA), M(ECDSA_SHA1), M(ECDSA_SHA224), M(ECDSA_SHA256), M(ECDSA_SHA384),
	M(ECDSA_SHA512), M(ECDH1_DERIVE), M(ECDH1_COFACTOR_DERIVE), M(ECDH_AES_KEY_WRAP), M(RSA_AES_KEY_WRAP), M(AES_KEY_GEN),
	M(AES_ECB), M(AES_CBC), M(AES_MAC), M(AES_MAC_GENERAL), M(AES_CBC_PAD), M(AES_CTR), M(AES_GCM), M(AES_CCM), M(AES_CTS),
	M(AES_CMAC), M(AES_CMAC_GENERAL), M(AES_XCBC_MAC), M(AES_XCBC_MAC_96), M(AES_GMAC), M(GOSTR3410_KEY_PAIR_GEN),
	M(GOSTR3410), M(GOSTR3410_WITH_GOSTR3411), M(GOSTR3410_KEY_WRAP), M(GOSTR3410_DERIVE), M(GOSTR3411), M(GOSTR3411_HMAC),
	M(GOST28147_KEY_GEN), M(GOST28147_ECB), M(GOST28147), M(GOST28147_MAC), M(GOST28147_KEY_WRAP), M(AES_ECB_ENCRYPT_DATA),
	M(AES_CBC_ENCRYPT_DATA), M(DES3_ECB_ENCRYPT_DATA), M(DES3_CBC_ENCRYPT_DATA), M(DES_ECB_ENCRYPT_DATA),
	M(DES_CBC_ENCRYPT_DATA), M(AES_OFB),
	M(AES_CFB128), M(SHA224), M(SHA224_HMAC), M(SHA224_HMAC_GENERAL), M(SHA224_RSA_PKCS), M(SHA224_RSA_PKCS_PSS),
	M(SHA224_KEY_DERIVATION), M(CAMELLIA_KEY_GEN), M(CAMELLIA_ECB), M(CAMELLIA_CBC), M(CAMELLIA_MAC),
	M(CAMELLIA_MAC_GENERAL), M(CAMELLIA_CBC_PAD), M(CAMELLIA_CTR), M(AES_KEY_WRAP), M(AES_KEY_WRAP_PAD),
	M(SHA_1_KEY_GEN), M(SHA224_KEY_GEN), M(SHA256_KEY_GEN), M(SHA384_KEY_GEN), M(SHA512_KEY_GEN), M(SHA512_224),
	M(SHA512_224_HMAC), M(SHA512_224_HMAC_GENERAL), M(SHA512_224_KEY_GEN), M(SHA512_256), M(SHA512_256_HMAC),
	M(SHA512_256_HMAC_GENERAL), M(SHA512_256_KEY_GEN), M(SHA3_224), M(SHA3_224_HMAC), M(SHA3_224_HMAC_GENERAL),
	M(SHA3_224_KEY_GEN), M(SHA3_256), M(SHA3_256_HMAC), M(SHA3_256_HMAC_GENERAL), M(SHA3_256_KEY_GEN), M(SHA3_384),
	M(SHA3_384_HMAC), M(SHA3_384_HMAC_GENERAL), M(SHA3_384_KEY_GEN), M(SHA3_512), M(SHA3_512_HMAC),
	M(SHA3_512_HMAC_GENERAL), M(SHA3_512_KEY_GEN), M(SHA3_224_RSA_PKCS), M(SHA3_224_RSA_PKCS_PSS), M(ECDSA_SHA3_224),
	M(SHA3_256_RSA_PKCS), M(SHA3_256_RSA_PKCS_PSS), M(ECDSA_SHA3_256), M(SHA3_384_RSA_PKCS), M(SHA3_384_RSA_PKCS_PSS),
	M(ECDSA_SHA3_384), M(SHA3_512_RSA_PKCS), M(SHA3_512_RSA_PKCS_PSS), M(ECDSA_SHA3_512), M(AES_KEY_WRAP_KWP),
	M(HKDF_KEY_GEN), M(HKDF_DERIVE), M(HKDF_DATA), M(EC_MONTGOMERY_KEY_PAIR_GEN), M(EC_KEY_PAIR_GEN_W_EXTRA_BITS),
	M(CHACHA20_KEY_GEN), M(CHACHA20), M(POLY1305_KEY_GEN), M(POLY1305), M(CHACHA20_POLY1305),
	M(SHAKE_128_KEY_DERIVATION), M(SHAKE_256_KEY_DERIVATION), M(SHA3_256_KEY_DERIVATION),
	M(EC_EDWARDS_KEY_PAIR_GEN), M(EDDSA), M(HUFU_SM2_KEY_PAIR_GEN), M(HUFU_SM2), M(HUFU_SM2_DER), M(HUFU_SM2_SM3),
	M(HUFU_SM2_SM3_DER), M(HUFU_SM2_SM3_NO_Z), M(HUFU_SM2_SM3_NO_Z_DER), M(HUFU_SM2_C1C3C2), M(HUFU_SM2_C1C2C3),
	M(HUFU_SM2_ENC_DER), M(HUFU_SM2_KEY_AGREEMENT), M(HUFU_SM2_ENVELOPED_KEY), M(HUFU_SM3), M(HUFU_SM3_HMAC),
	M(HUFU_SM3_HMAC_GENERAL), M(HUFU_SM3_KEY_GEN), M(HUFU_SM4_KEY_GEN), M(HUFU_SM4_ECB), M(HUFU_SM4_CBC),
	M(HUFU_SM4_CBC_PAD), M(HUFU_SM4_CTR), M(HUFU_SM4_CFB128), M(HUFU_SM4_OFB), M(HUFU_SM4_GCM), M(HUFU_SM4_CCM),
	M(HUFU_SM4_CMAC), M(HUFU_SM4_CMAC_GENERAL), M(HUFU_SM4_CBC_MAC), M(HUFU_SM4_CBC_MAC_GENERAL), M(HUFU_ZUC_KEY_GEN),
	M(HUFU_ZUC_EEA3), M(HUFU_ZUC_EIA3),
#undef M
};

static const struct name key_types[] = {
#define K(n) {CKK_##n, "CKK_" #n}
	K(RSA), K(DSA), K(DH), K(EC), K(GENERIC_SECRET), K(DES), K(DES2), K(DES3), K(AES), K(CAMELLIA), K(ARIA), K(SHA_1_HMAC),
	K(SHA256_HMAC), K(SHA384_HMAC), K(SHA512_HMAC), K(SHA224_HMAC), K(SEED), K(GOSTR3410), K(GOSTR3411), K(GOST28147),
	K(EC_EDWARDS), K(HUFU_SM2), K(HUFU_SM4), K(HUFU_ZUC), K(HUFU_SM3_HMAC),
	K(EC_MONTGOMERY), K(HKDF), K(SHA512_224_HMAC), K(SHA512_256_HMAC), K(SHA3_224_HMAC), K(SHA3_256_HMAC),
	K(SHA3_384_HMAC), K(SHA3_512_HMAC),
#undef K
};

static const struct name classes[] = {
	{CKO_DATA, "data"}, {CKO_CERTIFICATE, "certificate"}, {CKO_PUBLIC_KEY, "public"}, {CKO_PRIVATE_KEY, "private"},
	{CKO_SECRET_KEY, "secret"}, {CKO_HW_FEATURE, "hardware-feature"}, {CKO_DOMAIN_PARAMETERS, "domain-parameters"},
	{CKO_MECHANISM, "mechanism"},
};

#define COUNT(table) (sizeof (table) / sizeof *(table))

static const char *name_of(const struct name *table, size_t n, CK_ULONG number, char *buf, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].number == number)
			return table[i].name;
	snprintf(buf, len, "0x%08lx", number);
	return buf;
}

const char *mech_name(CK_MECHANISM_TYPE type, char buf[NAME_LEN])
{
	return name_of(mechanisms, COUNT(mechanisms), type, buf, NAME_LEN);
}

const char *key_type_name(CK_KEY_TYPE type, char buf[NAME_LEN])
{
	return name_of(key_types, COUNT(key_types), type, buf, NAME_LEN);
}

const char *class_name(CK_OBJECT_CLASS class, char buf[NAME_LEN])
{
	return name_of(classes, COUNT(classes), class, buf, NAME_LEN);
}

/* One, if something follows it. */
static const char *skip_separator(const char *s)
{
	return (*s == '-' || *s == '_') && s[1] ? s + 1 : s;
}

/* "CKM_SHA_1_HMAC" and "sha1-hmac" name the same: case, '-', '_' and the prefix do not count. */
static bool same_name(const char *full, const char *text)
{
	if (!strncasecmp(text, "CKM_", 4))
		text += 4;
	full += 4;
	while (*full && *full == toupper((unsigned char)*text)) {
		full = skip_separator(full + 1);
		text = skip_separator(text + 1);
	}
	return *full == *text;
}

bool mech_parse(const char *text, CK_MECHANISM_TYPE *type)
{
	char *end;

	if (text[0] >= '0' && text[0] <= '9') {
		errno = 0;
		*type = strtoul(text, &end, 0);
		return *end == 0 && errno == 0;
	}
	for (size_t i = 0; i < COUNT(mechanisms); i++) {
		const char *name = mechanisms[i].name;
		bool ours = !strncmp(name, "CKM_HUFU_", 9);
		/* hufu's own also by what follows the vendor's name: "sm4-cbc" */
		if (same_name(name, text) || (ours && same_name(name + 5, text))) {
			*type = mechanisms[i].number;
			return true;
		}
	}
	return false;
}
