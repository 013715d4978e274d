/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key generate */
#include "tools/curve.h"
#include "tools/object.h"
#include "tools/report.h"
#include "tools/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* As wide as what help prints before an option's text. */
#define NEXT_LINE "                               "

const struct opt key_generate_opts[] = {
	{"type", 'T', "TYPE",
	 "sm2, sm4, zuc, hmac-sm3, rsa[:BITS], ec[:CURVE], ed25519, ed448, x25519, x448,\n" NEXT_LINE
	 "aes[:BITS], generic[:BITS], hmac-sha256[:BITS] and with other hashes;\n" NEXT_LINE
	 "rsa:3072, ec:P-256, aes:256 by default"},
	OPTS_KEY_WISH,
	{0},
};

/* What follows the colon of --type, in the form of the attribute that it becomes. */
struct key_size {
	CK_ULONG value_len, modulus_bits;
	unsigned char curve[CURVE_OID_MAX];
	CK_ULONG curve_len;
};

static enum status curve_of(const char *name, struct key_size *size)
{
	size->curve_len = curve_oid(name, size->curve);
	return size->curve_len ? ST_OK
	                       : fail(ST_USAGE, "For example ec:P-256, ec:P-384 or ec:P-521; see openssl ecparam -list_curves.",
	                              "unknown curve \"%s\"", name);
}

/* 6.10.2 of PKCS#11 3.1; the module's own word on it would be vaguer. */
static bool size_fits(const struct key_kind *kind, unsigned long bits)
{
	if (kind->type == CKK_AES)
		return bits == 128 || bits == 192 || bits == 256;
	return bits % 8 == 0 && bits >= 8 && bits <= 32768;
}

static enum status size_of(const struct key_kind *kind, const char *text, struct key_size *size)
{
	char *end = NULL;

	*size = (struct key_size){.value_len = kind->value_len, .modulus_bits = 3072};
	if (kind->type == CKK_EC)
		return curve_of(text ? text : "P-256", size);
	if (!text)
		return ST_OK;
	errno = 0;
	unsigned long bits = strtoul(text, &end, 10);
	if (*end || end == text || errno || !size_fits(kind, bits))
		return fail(ST_USAGE, NULL, "\"%s\" is no size in bits of a key of type %s", text, kind->name);
	size->value_len = bits / 8;
	size->modulus_bits = bits;
	return ST_OK;
}

static CK_RV generate_pair(struct session *s, const struct key_kind *kind, const struct key_size *size, const struct key_wish *wish,
                           CK_OBJECT_HANDLE *h)
{
	static const unsigned char f4[] = {1, 0, 1};
	CK_MECHANISM mech = {kind->generate, NULL, 0};
	struct template pub, priv;

	template_of(&pub, wish, CKO_PUBLIC_KEY, kind);
	template_of(&priv, wish, CKO_PRIVATE_KEY, kind);
	if (kind->type == CKK_EC)
		template_add(&pub, CKA_EC_PARAMS, size->curve, size->curve_len);
	if (kind->curve)
		template_add(&pub, CKA_EC_PARAMS, kind->curve, EDWARDS_OID_LEN);
	if (kind->type == CKK_RSA) {
		template_add(&pub, CKA_MODULUS_BITS, &size->modulus_bits, sizeof size->modulus_bits);
		template_add(&pub, CKA_PUBLIC_EXPONENT, f4, sizeof f4);
	}
	return s->f->C_GenerateKeyPair(s->handle, &mech, pub.attrs, pub.n, priv.attrs, priv.n, &h[0], &h[1]);
}

static CK_RV generate_secret(struct session *s, const struct key_kind *kind, const struct key_size *size,
                             const struct key_wish *wish, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM mech = {kind->generate, NULL, 0};
	struct template secret;

	template_of(&secret, wish, CKO_SECRET_KEY, kind);
	if (size->value_len)
		template_add(&secret, CKA_VALUE_LEN, &size->value_len, sizeof size->value_len);
	return s->f->C_GenerateKey(s->handle, &mech, secret.attrs, secret.n, &h[0]);
}

static enum status generate(const struct args *args, struct session *s, const struct key_kind *kind, const char *size_text)
{
	struct key_size size;
	struct key_wish wish;
	CK_OBJECT_HANDLE handles[2] = {0};
	enum status status = key_wish_init(args, kind, &wish);

	if (status == ST_OK)
		status = size_of(kind, size_text, &size);
	if (status)
		return status;
	CK_RV rv = kind->pair ? generate_pair(s, kind, &size, &wish, handles) : generate_secret(s, kind, &size, &wish, handles);
	if (rv != CKR_OK)
		return fail_rv(rv, "generating a key of type %s on token \"%s\"", kind->name, s->label);
	return objects_report(args, s, "hufu-key-generate/1", handles, kind->pair ? 2 : 1);
}

enum status cmd_key_generate(const struct args *args)
{
	const char *type = arg_get(args, "type"), *size = NULL;
	const struct key_kind *kind = type ? key_kind_parse(type, &size) : NULL;
	char names[KEY_KIND_NAMES_MAX];
	struct session s = {0};

	if (!type)
		return fail(ST_USAGE, "hufu help key generate lists the types; for example --type sm2.", "the key needs a type");
	if (!kind)
		return fail(ST_USAGE, key_kind_names(names), "unknown key type \"%s\"", type);
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, true, LOGIN_USER, &s);
	if (status == ST_OK)
		status = generate(args, &s, kind, size);
	session_close(&s);
	return status;
}
