/* SPDX-License-Identifier: Apache-2.0 */
#include "token/curve.h"

#include <string.h>

#define OID(...) {(const uint8_t[]){DER_OID, sizeof (const uint8_t[]){__VA_ARGS__}, __VA_ARGS__}, \
                  2 + sizeof (const uint8_t[]){__VA_ARGS__}}
#define NO_OID {NULL, 0}

/* What pkcs11-tool 0.23 sends for curve25519: a PrintableString that says it is a byte longer. */
static const uint8_t opensc_curve25519[] = {0x13, 0x0b, 'c', 'u', 'r', 'v', 'e', '2', '5', '5', '1', '9'};

static const struct curve curves[] = {
	/* 1.2.840.10045.3.1.7, 1.3.132.0.34, 1.3.132.0.35 */
	{CKK_EC, OID(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07), NO_OID, {"secp256r1", "prime256v1", "P-256"}, 256, 32, 65},
	{CKK_EC, OID(0x2b, 0x81, 0x04, 0x00, 0x22), NO_OID, {"secp384r1", "P-384"}, 384, 48, 97},
	{CKK_EC, OID(0x2b, 0x81, 0x04, 0x00, 0x23), NO_OID, {"secp521r1", "P-521"}, 521, 66, 133},
	/* 1.2.156.10197.1.301 */
	{CKK_HUFU_SM2, OID(0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d), NO_OID, {"sm2p256v1", "SM2"}, 256, 32, 65},
	/* RFC 8410: 1.3.101.110 to 113. Software of the time before it: 1.3.6.1.4.1.11591.15.1 and 1.3.6.1.4.1.3029.1.5.1. */
	{CKK_EC_EDWARDS, OID(0x2b, 0x65, 0x70), OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01),
	 {"edwards25519", "Ed25519"}, 255, 32, 32},
	{CKK_EC_EDWARDS, OID(0x2b, 0x65, 0x71), NO_OID, {"edwards448", "Ed448"}, 448, 57, 57},
	{CKK_EC_MONTGOMERY, OID(0x2b, 0x65, 0x6e), OID(0x2b, 0x06, 0x01, 0x04, 0x01, 0x97, 0x55, 0x01, 0x05, 0x01),
	 {"curve25519", "X25519"}, 255, 32, 32},
	{CKK_EC_MONTGOMERY, OID(0x2b, 0x65, 0x6f), NO_OID, {"curve448", "X448"}, 448, 56, 56},
};
#define NCURVES (sizeof curves / sizeof curves[0])

static bool same(struct der_view a, struct der_view b)
{
	return a.len == b.len && a.len != 0 && memcmp(a.p, b.p, a.len) == 0;
}

const struct curve *curve_of_oid(struct der_view oid)
{
	for (size_t i = 0; i < NCURVES; i++)
		if (same(curves[i].oid, oid) || same(curves[i].other_oid, oid))
			return &curves[i];
	return NULL;
}

static bool has_name(const struct curve *curve, struct der_view name)
{
	for (size_t i = 0; i < sizeof curve->names / sizeof curve->names[0] && curve->names[i]; i++)
		if (strlen(curve->names[i]) == name.len && memcmp(curve->names[i], name.p, name.len) == 0)
			return true;
	return false;
}

static const struct curve *of_name(struct der_view name)
{
	for (size_t i = 0; i < NCURVES; i++)
		if (has_name(&curves[i], name))
			return &curves[i];
	return NULL;
}

/* The content of the one element that value is. */
static bool whole(const uint8_t *value, size_t len, enum der_tag tag, struct der_view *content)
{
	struct reader r = reader_of(value, len);
	struct reader in = der_enter(&r, tag);
	*content = (struct der_view){in.p, in.left};
	return !in.bad && reader_done(&r);
}

CK_RV curve_of_params(const uint8_t *params, size_t len, const struct curve **curve)
{
	static const uint8_t x25519[] = {DER_OID, 3, 0x2b, 0x65, 0x6e};
	struct der_view content, given = {params, len};
	*curve = NULL;
	if (same(given, (struct der_view){opensc_curve25519, sizeof opensc_curve25519}))
		*curve = curve_of_oid((struct der_view){x25519, sizeof x25519});
	else if (whole(params, len, DER_OID, &content))
		*curve = curve_of_oid(given);
	else if (whole(params, len, DER_PRINTABLE_STRING, &content))
		*curve = of_name(content);
	else if (!whole(params, len, DER_SEQUENCE, &content)) /* explicit parameters */
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return *curve ? CKR_OK : CKR_CURVE_NOT_SUPPORTED;
}

/* X9.62 marks points of Weierstrass curves; those of RFC 7748 and RFC 8032 are bare numbers. */
static bool uncompressed(const struct curve *curve, struct der_view point)
{
	bool marked = curve->key_type == CKK_EC || curve->key_type == CKK_HUFU_SM2;
	return point.len == curve->point_len && (!marked || point.p[0] == 0x04);
}

bool curve_point_decode(const struct curve *curve, const uint8_t *value, size_t len, struct der_view *point)
{
	*point = (struct der_view){value, len};
	if (len == curve->point_len)
		return uncompressed(curve, *point);
	return whole(value, len, DER_OCTET_STRING, point) && uncompressed(curve, *point);
}

size_t curve_point_encode(struct der_view point, uint8_t der[CURVE_POINT_DER_MAX])
{
	uint8_t *p = der_put_header(der, DER_OCTET_STRING, point.len);
	return (size_t)(der_put(p, point.p, point.len) - der);
}
