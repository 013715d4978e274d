/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/keyfile.h"
#include "base/secret.h"
#include "tools/pin.h"
#include "tools/pubkey.h"
#include "tools/report.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

struct passphrase {
	const struct args *args;
	const char *path;
	enum status status;
};

/* pem_password_cb, called only for an encrypted file. */
static int passphrase(char *buf, int size, int writing, void *arg)
{
	struct passphrase *ask = arg;
	struct pin pin = {0};
	char prompt[256];

	(void)writing;
	snprintf(prompt, sizeof prompt, "passphrase of %s", ask->path);
	ask->status = pin_read(ask->args, &(struct pin_wish){.what = "passphrase", .prompt = prompt}, &pin);
	int len = ask->status || pin.len > (size_t)size ? -1 : (int)pin.len;
	if (len > 0)
		memcpy(buf, pin.bytes, pin.len);
	pin_clear(&pin);
	return len;
}

typedef EVP_PKEY *(*decode_fn)(BIO *, struct passphrase *);

static EVP_PKEY *pem_private(BIO *bio, struct passphrase *ask)
{
	return PEM_read_bio_PrivateKey(bio, NULL, passphrase, ask);
}

/* libcrypto asks for a passphrase of its own accord where it gets no callback, even here. */
static EVP_PKEY *pem_public(BIO *bio, struct passphrase *ask)
{
	return PEM_read_bio_PUBKEY(bio, NULL, passphrase, ask);
}

static EVP_PKEY *der_private(BIO *bio, struct passphrase *ask)
{
	(void)ask;
	return d2i_PrivateKey_bio(bio, NULL);
}

static EVP_PKEY *der_encrypted(BIO *bio, struct passphrase *ask)
{
	return d2i_PKCS8PrivateKey_bio(bio, NULL, passphrase, ask);
}

static EVP_PKEY *der_public(BIO *bio, struct passphrase *ask)
{
	(void)ask;
	return d2i_PUBKEY_bio(bio, NULL);
}

static bool is_pem(const unsigned char *file, size_t len)
{
	return memmem(file, len, "-----BEGIN ", 11) != NULL;
}

static enum status decode(const struct args *args, const char *path, const unsigned char *file, size_t len, struct keyfile *key)
{
	static const struct {
		decode_fn decode;
		bool pem, has_private;
	} forms[] = {
		{pem_private, true, true},  {pem_public, true, false},    {der_private, false, true},
		{der_public, false, false}, {der_encrypted, false, true},
	};
	struct passphrase ask = {.args = args, .path = path};

	for (size_t i = 0; !key->pkey && i < sizeof forms / sizeof *forms; i++) {
		if (forms[i].pem != is_pem(file, len))
			continue;
		BIO *bio = BIO_new_mem_buf(file, (int)len);
		key->pkey = bio ? forms[i].decode(bio, &ask) : NULL;
		key->has_private = forms[i].has_private;
		BIO_free(bio);
		if (ask.status)
			return ask.status;
	}
	if (key->pkey)
		return ST_OK;
	return fail(ST_USAGE,
	            "It must be a PKCS#8 or SPKI file, PEM or DER; for the value of a secret key give --type. "
	            "A wrong passphrase gives this error too.",
	            "%s holds no key that can be read: %s", path, libcrypto_error());
}

/* A number as padded big-endian bytes (pad 0: as short as it is), in secret memory. */
static bool number(const struct keyfile *key, const char *param, size_t pad, struct keyfile_number *out)
{
	BIGNUM *bn = NULL;
	bool good = false;

	if (EVP_PKEY_get_bn_param(key->pkey, param, &bn) == 1) {
		out->len = pad ? pad : (size_t)BN_num_bytes(bn);
		out->bytes = secret_alloc(out->len ? out->len : 1);
		good = out->bytes && BN_bn2binpad(bn, out->bytes, (int)out->len) >= 0;
	}
	BN_clear_free(bn);
	return good;
}

/* The header of an OCTET STRING of len bytes, 255 at most; what comes behind it is the caller's to write. */
static unsigned char *octet_string(unsigned char *p, size_t len)
{
	*p++ = V_ASN1_OCTET_STRING;
	if (len >= 0x80)
		*p++ = 0x81;
	*p++ = (unsigned char)len;
	return p;
}

/* x and y, not the encoded point: the file may hold it compressed. */
static bool point(struct keyfile *key, size_t field)
{
	struct keyfile_number x = {0}, y = {0};
	size_t len = 1 + 2 * field;
	bool good = len + 3 <= sizeof key->point && number(key, OSSL_PKEY_PARAM_EC_PUB_X, field, &x) &&
	            number(key, OSSL_PKEY_PARAM_EC_PUB_Y, field, &y);

	if (good) {
		unsigned char *p = octet_string(key->point, len);
		*p++ = POINT_CONVERSION_UNCOMPRESSED;
		memcpy(p, x.bytes, field);
		memcpy(p + field, y.bytes, field);
		key->point_len = (size_t)(p - key->point) + 2 * field;
	}
	secret_free(x.bytes);
	secret_free(y.bytes);
	return good;
}

static bool curve(struct keyfile *key)
{
	char group[80];
	size_t group_len;

	if (EVP_PKEY_get_group_name(key->pkey, group, sizeof group, &group_len) != 1)
		return false;
	key->params_len = curve_oid(group, key->params);
	return key->params_len > 0;
}

static bool take_ec(struct keyfile *key)
{
	size_t field = ((size_t)EVP_PKEY_get_bits(key->pkey) + 7) / 8;

	if (!curve(key) || !point(key, field))
		return false;
	key->kind = key_kind_of(CKK_EC, key->params, key->params_len);
	return key->kind && (!key->has_private || number(key, OSSL_PKEY_PARAM_PRIV_KEY, field, &key->numbers[0]));
}

/* RFC 8410: the bytes of either half, as they are. */
static bool take_raw(struct keyfile *key, const struct key_kind *kind)
{
	unsigned char bytes[64], *p;
	size_t len = sizeof bytes;
	struct keyfile_number *value = &key->numbers[0];

	key->kind = kind;
	key->params_len = EDWARDS_OID_LEN;
	memcpy(key->params, kind->curve, EDWARDS_OID_LEN);
	if (EVP_PKEY_get_raw_public_key(key->pkey, bytes, &len) != 1)
		return false;
	p = octet_string(key->point, len);
	memcpy(p, bytes, len);
	key->point_len = (size_t)(p - key->point) + len;
	if (!key->has_private)
		return true;
	value->len = sizeof bytes;
	value->bytes = secret_alloc(value->len);
	return value->bytes && EVP_PKEY_get_raw_private_key(key->pkey, value->bytes, &value->len) == 1;
}

static bool take_rsa(struct keyfile *key)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,
		OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
		OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
		OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	key->kind = key_kind_of(CKK_RSA, NULL, 0);
	for (size_t i = 0; i < (key->has_private ? 8 : 2); i++)
		if (!number(key, names[i], 0, &key->numbers[i]))
			return false;
	return true;
}

static bool take(struct keyfile *key)
{
	if (EVP_PKEY_is_a(key->pkey, "SM2") || EVP_PKEY_is_a(key->pkey, "EC"))
		return take_ec(key);
	if (EVP_PKEY_is_a(key->pkey, "RSA"))
		return take_rsa(key);
	for (const struct key_kind *k = key_kinds; k->name; k++)
		if (k->curve && EVP_PKEY_is_a(key->pkey, k->name))
			return take_raw(key, k);
	return false;
}

enum status keyfile_read(const struct args *args, const char *path, const unsigned char *file, size_t len, struct keyfile *key)
{
	*key = (struct keyfile){0};
	enum status status = decode(args, path, file, len, key);
	if (status)
		return status;
	return take(key) ? ST_OK
	                 : fail(ST_USAGE, "SM2, RSA, EC, Ed25519, Ed448, X25519 and X448 keys can be imported.",
	                        "%s holds a key of a type or curve that is not supported", path);
}

static const CK_ATTRIBUTE_TYPE rsa_attributes[] = {
	CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
	CKA_PRIME_2, CKA_EXPONENT_1,      CKA_EXPONENT_2,       CKA_COEFFICIENT,
};

void keyfile_attributes(const struct keyfile *key, CK_OBJECT_CLASS class, struct template *t)
{
	bool public_key = class == CKO_PUBLIC_KEY;

	if (key->kind->type == CKK_RSA) {
		for (size_t i = 0; i < (public_key ? 2 : 8); i++)
			template_add(t, rsa_attributes[i], key->numbers[i].bytes, key->numbers[i].len);
		return;
	}
	template_add(t, CKA_EC_PARAMS, key->params, key->params_len);
	if (!public_key)
		template_add(t, CKA_VALUE, key->numbers[0].bytes, key->numbers[0].len);
	/* 2.3.4 of PKCS#11 3.1 has no CKA_EC_POINT in private keys; hufu's SM2 keys carry it, so that both halves know it. */
	if (public_key || key->kind->type == CKK_HUFU_SM2)
		template_add(t, CKA_EC_POINT, key->point, key->point_len);
}

void keyfile_clear(struct keyfile *key)
{
	for (size_t i = 0; i < sizeof key->numbers / sizeof *key->numbers; i++)
		secret_free(key->numbers[i].bytes);
	EVP_PKEY_free(key->pkey);
	*key = (struct keyfile){0};
}
