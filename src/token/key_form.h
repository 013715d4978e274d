/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of RSA and of curves between their attributes and the clear forms that
 * devices take and give (hufu/driver.h): PKCS#8 (RFC 5958) with RSAPrivateKey
 * (RFC 8017 A.1.2), ECPrivateKey (RFC 5915) or CurvePrivateKey (RFC 8410), and
 * SubjectPublicKeyInfo (RFC 5280).
 *
 * A struct key_form is a set of views of bytes that belong to others: of a DER
 * that was read, or of attributes.
 */
#ifndef TOKEN_KEY_FORM_H
#define TOKEN_KEY_FORM_H

#include "hufu/driver.h"
#include "token/attr.h"
#include "token/curve.h"

/* Bits of moduli. What is made here begins higher: mech.c. */
#define KEY_FORM_RSA_MIN 1024
#define KEY_FORM_RSA_MAX 8192
/* FIPS 186-5 5.1: 2^16 < e < 2^256; smaller ones are about, and need no rule of ours. */
#define KEY_FORM_EXPONENT_MAX 32

struct key_form {
	CK_KEY_TYPE type;               /* CKK_RSA, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_HUFU_SM2 */
	const struct curve *curve;      /* NULL: RSA */
	/* RSA: numbers without leading zeros; of no length where not told. */
	struct der_view modulus, public_exponent, private_exponent, prime_1, prime_2, exponent_1, exponent_2, coefficient;
	/* Curves: the private value, at most curve->scalar_len bytes; the point, or of no length. */
	struct der_view scalar, point;
};

/* Everything has a length that it may have, RSA numbers are odd where they must be. Not whether they fit each other: devices look. */
bool key_form_sound(const struct key_form *);

/* False: not such a key in DER, or not key_form_sound. Attributes behind the key (RFC 5958) say nothing about it. */
bool key_form_read_private(const uint8_t *pkcs8, size_t len, struct key_form *);
bool key_form_read_public(const uint8_t *spki, size_t len, struct key_form *);
/* secret_free it. The point is left out: devices tell it. NULL: out of memory. */
uint8_t *key_form_write_private(const struct key_form *, size_t *len);
/* The length; 0: longer than any key that is sound. */
size_t key_form_write_public(const struct key_form *, uint8_t spki[HUFU_PUB_MAX]);

/*
 * What attributes and material (may be NULL) say of a key of this type.
 * CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID.
 */
CK_RV key_form_of_attrs(CK_KEY_TYPE, const struct attrs *attrs, const struct attrs *material, struct key_form *);
/* The part that an attribute of a private key shows; false: none such, or it is not told. */
bool key_form_part(const struct key_form *, CK_ATTRIBUTE_TYPE, struct der_view *);

/* A big integer (PKCS#11 3.1 2.2) as it is stored: clients send leading zeros or leave them out. */
struct der_view key_form_number(const CK_ATTRIBUTE *);
size_t key_form_nbits(struct der_view number);

#endif
