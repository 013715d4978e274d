/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/soft/curve.h"

#include <openssl/obj_mac.h>

#include "base/buf.h"

/* -- the curves ---------------------------------------------------------------- */

#define EC_PUBLIC_KEY 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 /* RFC 5480 2.1.1 */

static const uint8_t p256[] = {EC_PUBLIC_KEY, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {EC_PUBLIC_KEY, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t p521[] = {EC_PUBLIC_KEY, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
static const uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e}; /* RFC 8410 3: no parameters */
static const uint8_t x448[] = {0x06, 0x03, 0x2b, 0x65, 0x6f};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
static const uint8_t ed448[] = {0x06, 0x03, 0x2b, 0x65, 0x71};

#define ALGORITHM(bytes, oid_len) bytes, sizeof(bytes), oid_len

static const struct curve curves[] = {
	{HUFU_KEY_EC_PRIVATE, NID_X9_62_prime256v1, NULL, 32, ALGORITHM(p256, 10)},
	{HUFU_KEY_EC_PRIVATE, NID_secp384r1, NULL, 48, ALGORITHM(p384, 7)},
	{HUFU_KEY_EC_PRIVATE, NID_secp521r1, NULL, 66, ALGORITHM(p521, 7)},
	{HUFU_KEY_EDWARDS_PRIVATE, NID_undef, "1.3.101.112", 32, ALGORITHM(ed25519, 5)},
	{HUFU_KEY_EDWARDS_PRIVATE, NID_undef, "1.3.101.113", 57, ALGORITHM(ed448, 5)},
	{HUFU_KEY_MONTGOMERY_PRIVATE, NID_undef, "1.3.101.110", 32, ALGORITHM(x25519, 5)},
	{HUFU_KEY_MONTGOMERY_PRIVATE, NID_undef, "1.3.101.111", 56, ALGORITHM(x448, 5)},
};

static const uint8_t *oid_of(const struct curve *curve)
{
	return curve->algorithm + curve->algorithm_len - curve->oid_len;
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a && a_len == b_len && memcmp(a, b, b_len) == 0;
}

enum hufu_err curve_of_param(const struct hufu_op *op, enum hufu_key_type type, const struct curve **out)
{
	const struct hufu_param_curve *param = op->param;

	for (size_t i = 0; param && i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].type == type && same(param->oid, param->oid_len, oid_of(&curves[i]), curves[i].oid_len)) {
			*out = &curves[i];
			return HUFU_OK;
		}
	return HUFU_ERR_PARAM;
}

/* Parameters spelled out in full, or left to be inherited, are those of no curve. */
static const struct curve *curve_of_algorithm(enum hufu_key_type type, struct reader *algorithm)
{
	size_t len = algorithm->left;
	const uint8_t *bytes = read_bytes(algorithm, len);

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].type == type && same(bytes, len, curves[i].algorithm, curves[i].algorithm_len))
			return &curves[i];
	return NULL;
}

/* -- reading DER ------------------------------------------------------------------ */

enum {
	INTEGER = 0x02,
	BIT_STRING = 0x03,
	OCTET_STRING = 0x04,
	SEQUENCE = 0x30,
	ATTRIBUTES = 0xa0,     /* RFC 5958 2: [0] IMPLICIT */
	PUBLIC_KEY = 0x81,     /* RFC 5958 2: [1] IMPLICIT BIT STRING */
	EC_PARAMETERS = 0xa0,  /* RFC 5915 3: [0] EXPLICIT */
	EC_PUBLIC = 0xa1       /* RFC 5915 3: [1] EXPLICIT BIT STRING */
};

/* X.690 10.1: in the fewest bytes. No form here is longer than 64 KiB. */
static size_t read_length(struct reader *r)
{
	size_t first = read_u8(r), len = first;

	if (first == 0x81)
		len = read_u8(r);
	else if (first == 0x82)
		len = read_u16(r);
	else if (first >= 0x80)
		r->bad = true;
	if ((first == 0x81 && len < 0x80) || (first == 0x82 && len < 0x100))
		r->bad = true;
	return len;
}

/* The contents of the next element, which has this tag; r goes on behind it. */
static struct reader enter(struct reader *r, uint8_t tag)
{
	if (read_u8(r) != tag)
		r->bad = true;
	size_t len = read_length(r);
	const uint8_t *contents = r->bad ? NULL : read_bytes(r, len);
	struct reader inside = reader_of(contents, contents ? len : 0);
	inside.bad = !contents;
	return inside;
}

static bool next_is(const struct reader *r, uint8_t tag)
{
	return !r->bad && r->left && r->p[0] == tag;
}

/* An INTEGER of one byte. */
static uint8_t read_version(struct reader *r)
{
	struct reader version = enter(r, INTEGER);
	uint8_t value = read_u8(&version);

	if (!reader_done(&version))
		r->bad = true;
	return value;
}

/* What a BIT STRING of whole bytes holds. */
static void read_bits(struct reader *r, uint8_t tag, struct curve_key *key)
{
	struct reader bits = enter(r, tag);

	if (read_u8(&bits) != 0)
		r->bad = true;
	key->public_len = bits.left;
	key->public = read_bytes(&bits, bits.left);
}

static enum hufu_err read_spki(enum hufu_key_type type, struct reader *r, struct curve_key *key)
{
	struct reader spki = enter(r, SEQUENCE), algorithm = enter(&spki, SEQUENCE);

	key->curve = curve_of_algorithm((enum hufu_key_type)(type - 1), &algorithm);
	read_bits(&spki, BIT_STRING, key);
	return reader_done(&spki) && reader_done(r) && key->curve ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

/* RFC 5915 3. A scalar without its leading zeros is let pass: there are programs that write it so. */
static bool read_ec_private(struct reader *r, struct curve_key *key)
{
	struct reader ec = enter(r, SEQUENCE);

	if (read_version(&ec) != 1)
		return false;
	struct reader scalar = enter(&ec, OCTET_STRING);
	key->secret = scalar.p;
	key->secret_len = scalar.left;
	if (next_is(&ec, EC_PARAMETERS)) {
		struct reader parameters = enter(&ec, EC_PARAMETERS);
		if (!same(parameters.p, parameters.left, oid_of(key->curve), key->curve->oid_len))
			return false;
	}
	if (next_is(&ec, EC_PUBLIC)) {
		struct reader public = enter(&ec, EC_PUBLIC);
		read_bits(&public, BIT_STRING, key);
		ec.bad |= !reader_done(&public);
	}
	return reader_done(&ec) && key->secret_len >= 1 && key->secret_len <= key->curve->len;
}

/* RFC 8410 7. */
static bool read_raw_private(struct reader *r, struct curve_key *key)
{
	struct reader secret = enter(r, OCTET_STRING);

	key->secret = secret.p;
	key->secret_len = secret.left;
	return !secret.bad && key->secret_len == key->curve->len;
}

static bool read_curve_private(struct reader *r, struct curve_key *key)
{
	bool good = key->curve->type == HUFU_KEY_EC_PRIVATE ? read_ec_private(r, key) : read_raw_private(r, key);

	return good && reader_done(r);
}

/* RFC 5958 2: attributes are skipped; a public key behind them, and that alone, makes it version 1. */
static enum hufu_err read_pkcs8(enum hufu_key_type type, struct reader *r, struct curve_key *key)
{
	struct reader pkcs8 = enter(r, SEQUENCE);
	uint8_t version = read_version(&pkcs8);
	struct reader algorithm = enter(&pkcs8, SEQUENCE), private = enter(&pkcs8, OCTET_STRING);

	key->curve = curve_of_algorithm(type, &algorithm);
	if (version > 1 || !key->curve || !read_curve_private(&private, key))
		return HUFU_ERR_KEY_VALUE;
	if (next_is(&pkcs8, ATTRIBUTES))
		enter(&pkcs8, ATTRIBUTES);
	if (version == 1)
		read_bits(&pkcs8, PUBLIC_KEY, key);
	return reader_done(&pkcs8) && reader_done(r) ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

static bool is_private(enum hufu_key_type type)
{
	return type == HUFU_KEY_EC_PRIVATE || type == HUFU_KEY_EDWARDS_PRIVATE || type == HUFU_KEY_MONTGOMERY_PRIVATE;
}

enum hufu_err curve_read(enum hufu_key_type type, const uint8_t *der, size_t len, struct curve_key *key)
{
	struct reader r = reader_of(der, len);

	*key = (struct curve_key){0};
	return is_private(type) ? read_pkcs8(type, &r, key) : read_spki(type, &r, key);
}

/* -- writing DER ------------------------------------------------------------------ */

/* Grows from its end to its front: what is wrapped is there, and its length known, before what wraps it. */
struct form {
	uint8_t bytes[320]; /* PKCS#8 of P-521 takes 241 */
	size_t at;
};

static size_t form_len(const struct form *form)
{
	return sizeof(form->bytes) - form->at;
}

static void put(struct form *form, const void *bytes, size_t len)
{
	form->at -= len;
	memcpy(form->bytes + form->at, bytes, len);
}

static void put_byte(struct form *form, uint8_t byte)
{
	put(form, &byte, 1);
}

/* Makes what was put since the form was `before` long the contents of an element. */
static void wrap(struct form *form, uint8_t tag, size_t before)
{
	size_t len = form_len(form) - before;

	put_byte(form, (uint8_t)len);
	if (len >= 0x80)
		put_byte(form, 0x81);
	put_byte(form, tag);
}

static void put_element(struct form *form, uint8_t tag, const void *bytes, size_t len)
{
	size_t before = form_len(form);

	put(form, bytes, len);
	wrap(form, tag, before);
}

static void put_bits(struct form *form, const struct curve_key *key)
{
	size_t before = form_len(form);

	put(form, key->public, key->public_len);
	put_byte(form, 0); /* unused bits */
	wrap(form, BIT_STRING, before);
}

static void put_version(struct form *form, uint8_t version)
{
	put_element(form, INTEGER, &version, 1);
}

static void write_spki(struct form *form, const struct curve_key *key)
{
	form->at = sizeof(form->bytes);
	put_bits(form, key);
	put_element(form, SEQUENCE, key->curve->algorithm, key->curve->algorithm_len);
	wrap(form, SEQUENCE, 0);
}

/* RFC 5915 3: parameters are left out inside of PKCS#8, which names the curve. */
static void put_ec_private(struct form *form, const struct curve_key *key)
{
	put_bits(form, key);
	wrap(form, EC_PUBLIC, 0);
	put_element(form, OCTET_STRING, key->secret, key->secret_len);
	put_version(form, 1);
	wrap(form, SEQUENCE, 0);
}

static void write_pkcs8(struct form *form, const struct curve_key *key)
{
	form->at = sizeof(form->bytes);
	if (key->curve->type == HUFU_KEY_EC_PRIVATE)
		put_ec_private(form, key);
	else
		put_element(form, OCTET_STRING, key->secret, key->secret_len);
	wrap(form, OCTET_STRING, 0);
	put_element(form, SEQUENCE, key->curve->algorithm, key->curve->algorithm_len);
	put_version(form, 0);
	wrap(form, SEQUENCE, 0);
}

static enum hufu_err give_form(struct hufu_op *op, const struct form *form)
{
	enum hufu_err err = soft_room(op, form_len(form));

	if (err == HUFU_OK)
		memcpy(op->out, form->bytes + form->at, form_len(form));
	return err;
}

enum hufu_err curve_give(struct hufu_op *op, const struct curve_key *key)
{
	struct form form;

	write_spki(&form, key);
	soft_give_public(op, form.bytes + form.at, form_len(&form));
	if (key->secret)
		write_pkcs8(&form, key);
	enum hufu_err err = give_form(op, &form);
	secret_wipe(&form, sizeof(form));
	return err;
}
