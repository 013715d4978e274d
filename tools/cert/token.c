/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates on a token, and the keys that they belong to. */
#include "tools/cert/certs.h"
#include "tools/keyfile.h"
#include "tools/report.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* -- finding them -------------------------------------------------------------------------- */

static X509 *cert_of_object(const struct session *s, const struct object *o)
{
	CK_ULONG len;
	unsigned char *der = object_attribute(s, o->handle, CKA_VALUE, &len);
	X509 *cert = der ? cert_of_der(der, len) : NULL;

	free(der);
	ERR_clear_error();
	return cert;
}

static void note_unreadable(const struct session *s, const struct object *o)
{
	char *uri = object_uri(s, o);

	note("%s is no X.509 certificate that can be read", uri ? uri : "a certificate");
	free(uri);
}

enum status token_certs_find(const struct session *s, struct token_certs *found)
{
	struct object *objects;
	CK_ULONG n;

	*found = (struct token_certs){0};
	enum status status = keys_find(s, WANT_CERTIFICATES, &objects, &n);
	if (status)
		return status;
	found->objects = objects;
	found->certs = calloc(n + 1, sizeof *found->certs);
	if (!found->certs) {
		keys_free(objects, n);
		found->objects = NULL;
		return fail_memory();
	}
	for (CK_ULONG i = 0; i < n; i++) {
		X509 *cert = cert_of_object(s, &objects[i]);
		if (cert) {
			struct object o = objects[i];
			objects[i] = (struct object){0};
			objects[found->n] = o;
			found->certs[found->n++] = cert;
		} else {
			note_unreadable(s, &objects[i]);
			object_clear(&objects[i]);
		}
	}
	return ST_OK;
}

void token_certs_clear(struct token_certs *found)
{
	for (CK_ULONG i = 0; i < found->n; i++)
		X509_free(found->certs[i]);
	free(found->certs);
	keys_free(found->objects, found->n);
	*found = (struct token_certs){0};
}

enum status token_cert_find_one(const struct session *s, const char *target, struct token_certs *found)
{
	enum status status = token_certs_find(s, found);

	if (status)
		return status;
	if (found->n == 0)
		return fail(ST_NOT_FOUND, "hufu cert list shows the certificates.",
		            "there is no certificate \"%s\" on token \"%s\"", target, s->label);
	if (found->n > 1)
		return fail(ST_USAGE, "Name one by its URI (object=, id=); hufu cert list -o json shows them.",
		            "%lu certificates fit \"%s\" on token \"%s\"", found->n, target, s->label);
	return ST_OK;
}

/* -- the key of a certificate ---------------------------------------------------------------- */

enum status id_option(const struct args *args, struct id *id)
{
	const char *text = arg_get(args, "id");

	id->len = 0;
	if (text && (!hex_decode(text, strlen(text), id->bytes, sizeof id->bytes, &id->len) || id->len == 0))
		return fail(ST_USAGE, "--id 01a2", "--id takes 1 to %zu bytes in hexadecimal, not \"%s\"", sizeof id->bytes, text);
	return ST_OK;
}

/* What a token's objects have of a public key: CKA_MODULUS, or CKA_EC_POINT with room for its DER header before it. */
struct public_half {
	CK_ATTRIBUTE_TYPE type;
	unsigned char bytes[2048];
	size_t len;                     /* 0: of no type that tokens have */
};
#define HEADER_MAX 3

static void take_modulus(EVP_PKEY *key, struct public_half *half)
{
	BIGNUM *n = NULL;

	half->type = CKA_MODULUS;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) && (size_t)BN_num_bytes(n) <= sizeof half->bytes)
		half->len = (size_t)BN_bn2bin(n, half->bytes);
	BN_free(n);
}

/* Certificates may hold points compressed; tokens never do. */
static void take_point(EVP_PKEY *key, struct public_half *half)
{
	unsigned char *point = half->bytes + HEADER_MAX;
	size_t len = 0;

	half->type = CKA_EC_POINT;
	if (EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "SM2"))
		EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
		                               OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, 255, &len) || len == 0)
		return;
	/* The DER OCTET STRING of 2.3.3, at most two octets of length, moved together with what it holds. */
	size_t header = len < 0x80 ? 2 : 3;
	half->bytes[0] = V_ASN1_OCTET_STRING;
	half->bytes[1] = len < 0x80 ? (unsigned char)len : 0x81;
	half->bytes[2] = (unsigned char)len;
	memmove(half->bytes + header, point, len);
	half->len = header + len;
}

static void public_half_of(X509 *cert, struct public_half *half)
{
	EVP_PKEY *key = X509_get_pubkey(cert);

	*half = (struct public_half){0};
	if (key && (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS")))
		take_modulus(key, half);
	else if (key)
		take_point(key, half);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

static enum status find_half(const struct session *s, CK_OBJECT_CLASS class, struct public_half *half, CK_OBJECT_HANDLE **found,
                             CK_ULONG *n)
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {half->type, half->bytes, half->len}};

	return objects_find(s, wanted, 2, found, n);
}

static enum status find_id(const struct session *s, CK_OBJECT_CLASS class, const struct object *like, CK_OBJECT_HANDLE **found,
                           CK_ULONG *n)
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, like->id, like->id_len}};

	return objects_find(s, wanted, 2, found, n);
}

/* Private EC keys of other modules have no point (2.3.4 of PKCS#11 3.1): the public object leads to them by CKA_ID. */
static enum status find_by_public(const struct session *s, struct public_half *half, CK_OBJECT_HANDLE **found, CK_ULONG *n)
{
	CK_OBJECT_HANDLE *publics;
	struct object public = {0};
	enum status status = find_half(s, CKO_PUBLIC_KEY, half, &publics, n);

	*found = NULL;
	if (status == ST_OK && *n)
		status = object_load(s, publics[0], &public);
	*n = 0;
	if (status == ST_OK && public.id_len)
		status = find_id(s, CKO_PRIVATE_KEY, &public, found, n);
	object_clear(&public);
	free(publics);
	return status;
}

static bool has_id(const struct object *o, const struct id *id)
{
	return o->id_len == id->len && !memcmp(o->id, id->bytes, id->len);
}

static enum status choose(const struct session *s, const CK_OBJECT_HANDLE *handles, CK_ULONG n, const struct id *id,
                          struct object *key, bool *found)
{
	for (CK_ULONG i = 0; i < n; i++) {
		struct object o;
		enum status status = object_load(s, handles[i], &o);
		bool fits = status == ST_OK && (id ? !id->len || n == 1 || has_id(&o, id) : !*found);
		if (fits && !*found) {
			*found = true;
			*key = o;
			continue;
		}
		object_clear(&o);
		if (status)
			return status;
		if (fits)
			return fail(ST_USAGE, "Choose one by --id; hufu key list shows them.",
			            "token \"%s\" has the certificate's key %lu times", s->label, n);
	}
	return ST_OK;
}

enum status token_key_of_cert(const struct session *s, X509 *cert, const struct id *id, struct object *key, bool *found)
{
	struct public_half half;
	CK_OBJECT_HANDLE *handles = NULL;
	CK_ULONG n = 0;

	*found = false;
	*key = (struct object){0};
	public_half_of(cert, &half);
	if (half.len == 0)
		return ST_OK;
	enum status status = find_half(s, CKO_PRIVATE_KEY, &half, &handles, &n);
	if (status == ST_OK && n == 0) {
		free(handles);
		status = find_by_public(s, &half, &handles, &n);
	}
	if (status == ST_OK)
		status = choose(s, handles, n, id, key, found);
	free(handles);
	return status;
}

/* -- making one ------------------------------------------------------------------------------ */

/* The DER of what a certificate's object says of it (4.6.3 of PKCS#11 3.1). */
struct encoded {
	unsigned char *value, *subject, *issuer, *serial;
	int value_len, subject_len, issuer_len, serial_len;
};

static bool encode(X509 *cert, struct encoded *e)
{
	*e = (struct encoded){0};
	e->value_len = i2d_X509(cert, &e->value);
	e->subject_len = i2d_X509_NAME(X509_get_subject_name(cert), &e->subject);
	e->issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &e->issuer);
	e->serial_len = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &e->serial);
	return e->value_len > 0 && e->subject_len > 0 && e->issuer_len > 0 && e->serial_len > 0;
}

static void encoded_clear(struct encoded *e)
{
	OPENSSL_free(e->value);
	OPENSSL_free(e->subject);
	OPENSSL_free(e->issuer);
	OPENSSL_free(e->serial);
}

enum status token_cert_find(const struct session *s, X509 *cert, CK_OBJECT_HANDLE *handle, bool *there)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	unsigned char *value = NULL;
	int len = i2d_X509(cert, &value);
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_VALUE, value, (CK_ULONG)len}};
	CK_OBJECT_HANDLE *found = NULL;
	CK_ULONG n = 0;
	enum status status = len > 0 ? objects_find(s, wanted, 2, &found, &n) : fail_memory();

	OPENSSL_free(value);
	*there = status == ST_OK && n > 0;
	if (*there)
		*handle = found[0];
	free(found);
	return status;
}

enum status token_cert_store(const struct session *s, X509 *cert, const void *label, size_t label_len, const unsigned char *id,
                             size_t id_len, CK_OBJECT_HANDLE *handle, bool *there)
{
	static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	static const CK_CERTIFICATE_TYPE x509 = CKC_X_509;
	struct encoded e;
	struct template t = {0};
	enum status status = encode(cert, &e) ? token_cert_find(s, cert, handle, there) : fail_memory();

	if (status == ST_OK && !*there) {
		template_add(&t, CKA_CLASS, &class, sizeof class);
		template_add(&t, CKA_CERTIFICATE_TYPE, &x509, sizeof x509);
		template_flag(&t, CKA_TOKEN, true);
		template_flag(&t, CKA_PRIVATE, false);
		template_add(&t, CKA_LABEL, label, label_len);
		template_add(&t, CKA_ID, id, id_len);
		template_add(&t, CKA_SUBJECT, e.subject, (CK_ULONG)e.subject_len);
		template_add(&t, CKA_ISSUER, e.issuer, (CK_ULONG)e.issuer_len);
		template_add(&t, CKA_SERIAL_NUMBER, e.serial, (CK_ULONG)e.serial_len);
		template_add(&t, CKA_VALUE, e.value, (CK_ULONG)e.value_len);
		CK_RV rv = s->f->C_CreateObject(s->handle, t.attrs, t.n, handle);
		if (rv != CKR_OK)
			status = fail_rv(rv, "importing a certificate into token \"%s\"", s->label);
	}
	encoded_clear(&e);
	return status;
}
