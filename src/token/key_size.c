/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key_size.h"

#include <string.h>

/* CKA_EC_PARAMS as stored: the curve's OBJECT IDENTIFIER. SM2's are CKK_EC keys too, where tokens show them so. */
static const struct curve {
	const char *oid;
	size_t oid_len, nbits;
} curves[] = {
	{"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10, 256}, /* P-256, RFC 5480 2.1.1.1 */
	{"\x06\x05\x2b\x81\x04\x00\x22", 7, 384},              /* P-384 */
	{"\x06\x05\x2b\x81\x04\x00\x23", 7, 521},              /* P-521 */
	{HUFU_SM2_CURVE_OID, HUFU_SM2_CURVE_OID_LEN, 256},
	{"\x06\x03\x2b\x65\x6e", 5, 255}, /* X25519, RFC 8410 3 */
	{"\x06\x03\x2b\x65\x6f", 5, 448}, /* X448 */
	{"\x06\x03\x2b\x65\x70", 5, 255}, /* Ed25519 */
	{"\x06\x03\x2b\x65\x71", 5, 448}, /* Ed448 */
};

static size_t curve_nbits(const struct object *key)
{
	const CK_ATTRIBUTE *params = attrs_get(&key->attrs, CKA_EC_PARAMS);
	for (size_t i = 0; params && i < sizeof curves / sizeof curves[0]; i++)
		if (params->ulValueLen == curves[i].oid_len && memcmp(params->pValue, curves[i].oid, curves[i].oid_len) == 0)
			return curves[i].nbits;
	return 0;
}

/* Of a big integer, which may begin with zeros. */
static size_t modulus_nbits(const struct object *key)
{
	const CK_ATTRIBUTE *modulus = attrs_get(&key->attrs, CKA_MODULUS);
	const uint8_t *p = modulus ? modulus->pValue : NULL;
	size_t len = modulus ? modulus->ulValueLen : 0;
	while (len && *p == 0) {
		p++;
		len--;
	}
	return len ? 8 * len - (size_t)(__builtin_clz(*p) - 24) : 0;
}

size_t key_nbits(const struct object *key)
{
	switch (key->key_type) {
	case CKK_RSA: return modulus_nbits(key);
	case CKK_EC:
	case CKK_EC_EDWARDS:
	case CKK_EC_MONTGOMERY: return curve_nbits(key);
	default: return 8 * attrs_ulong(&key->attrs, CKA_VALUE_LEN, 0);
	}
}

size_t key_modulus_len(const struct object *key)
{
	return key->key_type == CKK_RSA ? (modulus_nbits(key) + 7) / 8 : 0;
}

size_t key_curve_sig_len(const struct object *key)
{
	if (key->key_type == CKK_EC)
		return 2 * ((curve_nbits(key) + 7) / 8);
	/* A point has a bit for the sign of x besides y: 32 and 57 bytes. */
	return key->key_type == CKK_EC_EDWARDS ? 2 * ((curve_nbits(key) + 8) / 8) : 0;
}
