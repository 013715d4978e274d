/* SPDX-License-Identifier: Apache-2.0 */
#include "token/key_form.h"
#include "base/secret.h"

#include <stddef.h>
#include <string.h>

/* The numbers of RSAPrivateKey, in its order; those of the public key come first. */
static const struct number {
	CK_ATTRIBUTE_TYPE type;
	size_t offset;
} numbers[] = {
	{CKA_MODULUS, offsetof(struct key_form, modulus)},
	{CKA_PUBLIC_EXPONENT, offsetof(struct key_form, public_exponent)},
	{CKA_PRIVATE_EXPONENT, offsetof(struct key_form, private_exponent)},
	{CKA_PRIME_1, offsetof(struct key_form, prime_1)},
	{CKA_PRIME_2, offsetof(struct key_form, prime_2)},
	{CKA_EXPONENT_1, offsetof(struct key_form, exponent_1)},
	{CKA_EXPONENT_2, offsetof(struct key_form, exponent_2)},
	{CKA_COEFFICIENT, offsetof(struct key_form, coefficient)},
};
#define NNUMBERS (sizeof numbers / sizeof numbers[0])
#define NPUBLIC 2

static struct der_view *number_at(struct key_form *form, size_t i)
{
	return (struct der_view *)(void *)((uint8_t *)form + numbers[i].offset);
}

static struct der_view number_in(const struct key_form *form, size_t i)
{
	return *(const struct der_view *)(const void *)((const uint8_t *)form + numbers[i].offset);
}

/* -- numbers ------------------------------------------------------------------- */

/* How many zeros a secret begins with shows in the length of its DER anyway. */
struct der_view key_form_number(const CK_ATTRIBUTE *a)
{
	struct der_view number = {a->pValue, a->ulValueLen};
	while (number.len && number.p[0] == 0) {
		number.p++;
		number.len--;
	}
	return number;
}

size_t key_form_nbits(struct der_view number)
{
	size_t nbits = number.len * 8;
	for (unsigned top = number.len ? number.p[0] : 0x80; !(top & 0x80); top <<= 1)
		nbits--;
	return nbits;
}

static bool odd(struct der_view number)
{
	return number.len && number.p[number.len - 1] & 1;
}

static bool rsa_sound(const struct key_form *form)
{
	size_t nbits = key_form_nbits(form->modulus);
	bool one = form->public_exponent.len == 1 && form->public_exponent.p[0] == 1;
	if (nbits < KEY_FORM_RSA_MIN || nbits > KEY_FORM_RSA_MAX || !odd(form->modulus))
		return false;
	if (!odd(form->public_exponent) || one || form->public_exponent.len > KEY_FORM_EXPONENT_MAX)
		return false;
	for (size_t i = NPUBLIC; i < NNUMBERS; i++)
		if (number_in(form, i).len > form->modulus.len)
			return false;
	return true;
}

bool key_form_sound(const struct key_form *form)
{
	if (!form->curve)
		return rsa_sound(form);
	return form->scalar.len <= form->curve->scalar_len && (form->point.len == 0 || form->point.len == form->curve->point_len);
}

/* -- algorithms: what PKCS#8 and SPKI have in common --------------------------------- */

/* 1.2.840.113549.1.1.1 with its NULL; 1.2.840.10045.2.1 */
static const uint8_t rsa_algorithm[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t ec_oid[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
#define RSA_OID_LEN 11

static bool is(struct der_view oid, const uint8_t *bytes, size_t len)
{
	return oid.len == len && memcmp(oid.p, bytes, len) == 0;
}

/* An OBJECT IDENTIFIER with its head. */
static struct der_view read_oid(struct reader *r)
{
	const uint8_t *start = r->p;
	struct reader in = der_enter(r, DER_OID);
	return in.bad ? (struct der_view){0} : (struct der_view){start, (size_t)(r->p - start)};
}

static bool of_ec(const struct curve *curve)
{
	return curve->key_type == CKK_EC || curve->key_type == CKK_HUFU_SM2;
}

static void set_curve(struct reader *r, struct key_form *form, struct der_view oid, bool ec)
{
	form->curve = curve_of_oid(oid);
	if (!form->curve || of_ec(form->curve) != ec)
		r->bad = true;
	else
		form->type = form->curve->key_type;
}

/* RFC 8017 A.1: NULL "SHALL be" there; some leave it out. RFC 8410 3: no parameters. */
static void read_algorithm(struct reader *r, struct key_form *form)
{
	struct reader in = der_enter(r, DER_SEQUENCE);
	struct der_view oid = read_oid(&in);
	if (is(oid, rsa_algorithm, RSA_OID_LEN)) {
		form->type = CKK_RSA;
		if (in.left)
			der_expect(&in, rsa_algorithm + RSA_OID_LEN, sizeof rsa_algorithm - RSA_OID_LEN);
	} else if (is(oid, ec_oid, sizeof ec_oid)) {
		set_curve(&in, form, read_oid(&in), true);
	} else {
		set_curve(&in, form, oid, false);
	}
	der_leave(r, &in);
}

static size_t algorithm_len(const struct key_form *form)
{
	if (!form->curve)
		return sizeof rsa_algorithm;
	return (of_ec(form->curve) ? sizeof ec_oid : 0) + form->curve->oid.len;
}

static uint8_t *put_algorithm(uint8_t *p, const struct key_form *form)
{
	p = der_put_header(p, DER_SEQUENCE, algorithm_len(form));
	if (!form->curve)
		return der_put(p, rsa_algorithm, sizeof rsa_algorithm);
	if (of_ec(form->curve))
		p = der_put(p, ec_oid, sizeof ec_oid);
	return der_put(p, form->curve->oid.p, form->curve->oid.len);
}

/* -- reading -------------------------------------------------------------------- */

static void read_numbers(struct reader *r, struct key_form *form, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*number_at(form, i) = der_read_integer(r);
}

/* A BIT STRING of whole octets: a point. */
static void read_bits(struct reader *r, enum der_tag tag, struct der_view *point)
{
	struct reader in = der_enter(r, tag);
	if (read_u8(&in) != 0)
		r->bad = true;
	*point = (struct der_view){in.p, in.left};
}

static struct der_view strip(struct der_view value, size_t len)
{
	while (value.len > len && value.p[0] == 0) {
		value.p++;
		value.len--;
	}
	return value;
}

/* ECPrivateKey: the curve again, and the public key, if they like. */
static void read_ec_private_key(struct reader *r, struct key_form *form)
{
	struct reader key = der_enter(r, DER_SEQUENCE);
	der_read_small_integer(&key, 1);
	struct reader scalar = der_enter(&key, DER_OCTET_STRING);
	form->scalar = strip((struct der_view){scalar.p, scalar.left}, form->curve->scalar_len);
	if (der_next_is(&key, DER_CONTEXT_0)) {
		struct reader params = der_enter(&key, DER_CONTEXT_0);
		if (curve_of_oid(read_oid(&params)) != form->curve)
			params.bad = true;
		der_leave(&key, &params);
	}
	if (der_next_is(&key, DER_CONTEXT_1)) {
		struct reader public = der_enter(&key, DER_CONTEXT_1);
		read_bits(&public, DER_BIT_STRING, &form->point);
		der_leave(&key, &public);
	}
	der_leave(r, &key);
}

static void read_rsa_private_key(struct reader *r, struct key_form *form)
{
	struct reader key = der_enter(r, DER_SEQUENCE);
	der_read_small_integer(&key, 0); /* two primes */
	read_numbers(&key, form, NNUMBERS);
	der_leave(r, &key);
}

/* RFC 8410 7: an OCTET STRING within, of exactly the curve's length. */
static void read_curve_private_key(struct reader *r, struct key_form *form)
{
	struct reader in = der_enter(r, DER_OCTET_STRING);
	form->scalar = (struct der_view){in.p, in.left};
	if (in.left != form->curve->scalar_len)
		r->bad = true;
}

static void read_private_key(struct reader *r, struct key_form *form)
{
	struct reader in = der_enter(r, DER_OCTET_STRING);
	if (r->bad)
		return;
	if (!form->curve)
		read_rsa_private_key(&in, form);
	else if (of_ec(form->curve))
		read_ec_private_key(&in, form);
	else
		read_curve_private_key(&in, form);
	der_leave(r, &in);
}

/* RFC 5958 2: version 1, with the public key, is for RFC 8410; RFC 5208 knows 0 alone. */
static void read_version(struct reader *r)
{
	struct der_view version = der_read_integer(r);
	if (version.len > 1 || (version.len && version.p[0] != 1))
		r->bad = true;
}

bool key_form_read_private(const uint8_t *pkcs8, size_t len, struct key_form *form)
{
	struct reader r = reader_of(pkcs8, len);
	struct reader info = der_enter(&r, DER_SEQUENCE);
	*form = (struct key_form){.type = CK_UNAVAILABLE_INFORMATION};
	read_version(&info);
	read_algorithm(&info, form);
	if (!info.bad)
		read_private_key(&info, form);
	if (der_next_is(&info, DER_CONTEXT_0))
		(void)der_enter(&info, DER_CONTEXT_0);
	if (der_next_is(&info, DER_IMPLICIT_1) && form->curve)
		read_bits(&info, DER_IMPLICIT_1, &form->point);
	der_leave(&r, &info);
	return reader_done(&r) && key_form_sound(form);
}

static void read_public_key(struct reader *r, struct key_form *form)
{
	struct der_view key;
	read_bits(r, DER_BIT_STRING, &key);
	if (r->bad)
		return;
	if (form->curve) {
		form->point = key;
		return;
	}
	struct reader in = reader_of(key.p, key.len);
	struct reader seq = der_enter(&in, DER_SEQUENCE);
	read_numbers(&seq, form, NPUBLIC);
	der_leave(&in, &seq);
	if (!reader_done(&in))
		r->bad = true;
}

bool key_form_read_public(const uint8_t *spki, size_t len, struct key_form *form)
{
	struct reader r = reader_of(spki, len);
	struct reader info = der_enter(&r, DER_SEQUENCE);
	*form = (struct key_form){.type = CK_UNAVAILABLE_INFORMATION};
	read_algorithm(&info, form);
	if (!info.bad)
		read_public_key(&info, form);
	der_leave(&r, &info);
	return reader_done(&r) && key_form_sound(form) && (!form->curve || form->point.len);
}

/* -- writing ---------------------------------------------------------------------- */

static size_t numbers_len(const struct key_form *form, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += der_integer_len(number_in(form, i));
	return len;
}

static uint8_t *put_numbers(uint8_t *p, const struct key_form *form, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p = der_put_integer(p, number_in(form, i));
	return p;
}

/* In as many octets as the field has: RFC 5915 3. */
static uint8_t *put_scalar(uint8_t *p, const struct key_form *form)
{
	size_t zeros = form->curve->scalar_len - form->scalar.len;
	p = der_put_header(p, DER_OCTET_STRING, form->curve->scalar_len);
	memset(p, 0, zeros);
	return der_put(p + zeros, form->scalar.p, form->scalar.len);
}

#define VERSION_LEN 3 /* INTEGER of one octet */

/* The content of what lies in the PrivateKeyInfo's OCTET STRING. */
static size_t private_content_len(const struct key_form *form)
{
	if (!form->curve)
		return VERSION_LEN + numbers_len(form, NNUMBERS);
	return (of_ec(form->curve) ? VERSION_LEN : 0) + der_element_len(form->curve->scalar_len);
}

/* A CurvePrivateKey is the OCTET STRING of the scalar itself; the others are sequences. */
static bool in_sequence(const struct key_form *form)
{
	return !form->curve || of_ec(form->curve);
}

static uint8_t *put_version(uint8_t *p, uint8_t version)
{
	const uint8_t number[] = {DER_INTEGER, 1, version};
	return der_put(p, number, sizeof number);
}

static uint8_t *put_private_key(uint8_t *p, const struct key_form *form)
{
	if (in_sequence(form)) {
		p = der_put_header(p, DER_SEQUENCE, private_content_len(form));
		p = put_version(p, form->curve ? 1 : 0);
	}
	return form->curve ? put_scalar(p, form) : put_numbers(p, form, NNUMBERS);
}

uint8_t *key_form_write_private(const struct key_form *form, size_t *len)
{
	size_t key_len = private_content_len(form);
	if (in_sequence(form))
		key_len = der_element_len(key_len);
	size_t content = VERSION_LEN + der_element_len(algorithm_len(form)) + der_element_len(key_len);
	*len = der_element_len(content);
	uint8_t *der = secret_alloc(*len);
	if (!der)
		return NULL;
	uint8_t *p = put_version(der_put_header(der, DER_SEQUENCE, content), 0);
	p = put_algorithm(p, form);
	put_private_key(der_put_header(p, DER_OCTET_STRING, key_len), form);
	return der;
}

size_t key_form_write_public(const struct key_form *form, uint8_t spki[HUFU_PUB_MAX])
{
	size_t numbers_content = numbers_len(form, NPUBLIC);
	size_t key_len = form->curve ? form->point.len : der_element_len(numbers_content);
	size_t content = der_element_len(algorithm_len(form)) + der_element_len(1 + key_len);
	if (der_element_len(content) > HUFU_PUB_MAX)
		return 0;
	uint8_t *p = put_algorithm(der_put_header(spki, DER_SEQUENCE, content), form);
	p = der_put_header(p, DER_BIT_STRING, 1 + key_len);
	*p++ = 0; /* unused bits */
	if (form->curve)
		p = der_put(p, form->point.p, form->point.len);
	else
		p = put_numbers(der_put_header(p, DER_SEQUENCE, numbers_content), form, NPUBLIC);
	return (size_t)(p - spki);
}

/* -- attributes -------------------------------------------------------------------- */

static const CK_ATTRIBUTE *find(const struct attrs *attrs, const struct attrs *material, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *a = attrs_get(attrs, type);
	return !a && material ? attrs_get(material, type) : a;
}

/* 6.1.3 lets the public exponent of a private key be left out: then it is the one that nearly all have. */
static void rsa_of_attrs(const struct attrs *attrs, const struct attrs *material, struct key_form *form)
{
	static const uint8_t f4[] = {0x01, 0x00, 0x01};
	for (size_t i = 0; i < NNUMBERS; i++) {
		const CK_ATTRIBUTE *a = find(attrs, material, numbers[i].type);
		if (a)
			*number_at(form, i) = key_form_number(a);
	}
	if (!form->public_exponent.len && form->private_exponent.len)
		form->public_exponent = (struct der_view){f4, sizeof f4};
}

/*
 * CKA_VALUE of an EC key is a big integer, shorter or longer by zeros; that of
 * the others is a string of bytes (RFC 8032 5.1.5, RFC 7748 5).
 */
static CK_RV scalar_of_attr(const CK_ATTRIBUTE *value, struct key_form *form)
{
	form->scalar = (struct der_view){value->pValue, value->ulValueLen};
	if (of_ec(form->curve))
		form->scalar = key_form_number(value);
	else if (value->ulValueLen != form->curve->scalar_len)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return CKR_OK;
}

static CK_RV curve_of_attrs(const struct attrs *attrs, const struct attrs *material, struct key_form *form)
{
	const CK_ATTRIBUTE *params = attrs_get(attrs, CKA_EC_PARAMS), *point = attrs_get(attrs, CKA_EC_POINT);
	const CK_ATTRIBUTE *value = material ? attrs_get(material, CKA_VALUE) : NULL;
	if (!params || (!point && !value))
		return CKR_TEMPLATE_INCOMPLETE;
	CK_RV rv = curve_of_params(params->pValue, params->ulValueLen, &form->curve);
	if (rv != CKR_OK)
		return rv;
	if (point && !curve_point_decode(form->curve, point->pValue, point->ulValueLen, &form->point))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return value ? scalar_of_attr(value, form) : CKR_OK;
}

CK_RV key_form_of_attrs(CK_KEY_TYPE type, const struct attrs *attrs, const struct attrs *material, struct key_form *form)
{
	CK_RV rv = CKR_OK;
	*form = (struct key_form){.type = type};
	if (type == CKK_RSA)
		rsa_of_attrs(attrs, material, form);
	else
		rv = curve_of_attrs(attrs, material, form);
	if (rv != CKR_OK)
		return rv;
	return key_form_sound(form) ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

bool key_form_part(const struct key_form *form, CK_ATTRIBUTE_TYPE type, struct der_view *part)
{
	*part = (struct der_view){0};
	if (type == CKA_VALUE)
		*part = form->scalar;
	for (size_t i = 0; i < NNUMBERS; i++)
		if (numbers[i].type == type)
			*part = number_in(form, i);
	return part->len != 0;
}
