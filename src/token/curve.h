/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The curves that keys lie on, and the forms in which PKCS#11 names them and
 * their points (3.1 6.3.1, 6.3.3; RFC 8410).
 */
#ifndef TOKEN_CURVE_H
#define TOKEN_CURVE_H

#include "hufu/pkcs11-sm.h"
#include "token/der.h"

/* A point of P-521: 04 || x || y. */
#define CURVE_POINT_MAX 133
#define CURVE_POINT_DER_MAX (CURVE_POINT_MAX + 3)

struct curve {
	CK_KEY_TYPE key_type;           /* CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_HUFU_SM2 */
	struct der_view oid;            /* the whole element: how CKA_EC_PARAMS is stored */
	struct der_view other_oid;      /* that older software has for it; or none */
	const char *names[3];           /* for CKA_EC_PARAMS as a PrintableString */
	size_t nbits;                   /* of the field: how the size of a key is told */
	size_t scalar_len;              /* of a private key */
	size_t point_len;
};

/*
 * CKA_EC_PARAMS as an application gives it: the OID, or a curve's name.
 * CKR_CURVE_NOT_SUPPORTED: other curves, or one spelt out; CKR_ATTRIBUTE_VALUE_INVALID: nothing of 6.3.1.
 */
CK_RV curve_of_params(const uint8_t *params, size_t len, const struct curve **);
/* The one with this OID, the element or NULL. */
const struct curve *curve_of_oid(struct der_view);

/* CKA_EC_POINT: the OCTET STRING, or the bare point that some clients send. Its length is right; whether it is on the curve is not looked at. */
bool curve_point_decode(const struct curve *, const uint8_t *value, size_t len, struct der_view *point);
/* The OCTET STRING's length. */
size_t curve_point_encode(struct der_view point, uint8_t der[CURVE_POINT_DER_MAX]);

#endif
