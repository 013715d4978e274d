/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys as libcrypto manages them (provider-keymgmt(7)), with the default provider's
 * names and parameters. The public half comes and goes as it likes; the private one is in a
 * token, so it is neither exported nor imported: libcrypto, which asks for it when the default provider is to work
 * with the key, comes to us then.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <string.h>

#include "crypto/context.h"
#include "ossl/key.h"
#include "ossl/maker.h"
#include "ossl/param.h"

#define GROUP_NAME_MAX 64

#define NEW(name, kind, names)                                                  \
	static void *new_##name(void *provider)                                 \
	{                                                                       \
		return key_new(provider, kind);                                 \
	}
KEY_KINDS_EACH(NEW)

#define MAKER(name, kind, names)                                                \
	static void *maker_new_##name(void *provider, int selection, const OSSL_PARAM params[]) \
	{                                                                       \
		return maker_new(provider, kind, selection, params);            \
	}
KEY_KINDS_EACH(MAKER)

static void release(void *key)
{
	key_rele(key);
}

/* Of our store or decoder, which see by the NULL that it is taken. */
static void *load(const void *reference, size_t len)
{
	struct key **given = (struct key **)(uintptr_t)reference;

	if (!reference || len != sizeof *given)
		return NULL;
	struct key *key = *given;
	*given = NULL;
	return key;
}

/* Parameters apart from the key have EC and SM2 alone. */
static bool has_group(const struct key *key)
{
	return key->kind == KEY_EC || key->kind == KEY_SM2;
}

static int has(const void *data, int selection)
{
	const struct key *key = data;

	if (!key)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && !key->spki)
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && !key_is_private(key))
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) || !has_group(key) || key->form.curve;
}

static int match(const void *data1, const void *data2, int selection)
{
	const struct key *a = data1, *b = data2;

	if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) && a->form.curve != b->form.curve)
		return 0;
	return !(selection & OSSL_KEYMGMT_SELECT_KEYPAIR) || key_public_equal(a, b);
}

/* The token answers for the private half. */
static int validate(const void *data, int selection, int check_type)
{
	const struct key *key = data;

	(void)check_type;
	if (!has(key, selection))
		return 0;
	if (!(selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY))
		return 1;
	EVP_PKEY *public = key_public(key);
	EVP_PKEY_CTX *context = public ? EVP_PKEY_CTX_new_from_pkey(libcrypto_context(), public, NULL) : NULL;
	int valid = context && EVP_PKEY_public_check(context) == 1;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(public);
	return valid;
}

/* -- what it tells ------------------------------------------------------------------------ */

static bool set_text(OSSL_PARAM params[], const char *name, const char *value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_utf8_string(p, value);
}

static bool set_number(OSSL_PARAM params[], const char *name, size_t value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || param_set_size(p, value);
}

static bool set_bytes(OSSL_PARAM params[], const char *name, struct der_view value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_octet_string(p, value.p, value.len);
}

/* An unsigned integer, which libcrypto's parameters have in the order of this machine. */
static bool set_integer(OSSL_PARAM params[], const char *name, struct der_view value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);
	BIGNUM *number = p ? BN_bin2bn(value.p, (int)value.len, NULL) : NULL;
	bool set = !p || (number && OSSL_PARAM_set_BN(p, number));

	BN_free(number);
	return set;
}

static bool tell_sizes(const struct key *key, OSSL_PARAM params[])
{
	return set_number(params, OSSL_PKEY_PARAM_BITS, key_size_nbits(key)) &&
	       set_number(params, OSSL_PKEY_PARAM_SECURITY_BITS, key_security_nbits(key)) &&
	       set_number(params, OSSL_PKEY_PARAM_MAX_SIZE, key_max_size(key));
}

/* EdDSA hashes for itself: a mandatory digest of no name (EVP_PKEY_get_default_digest_name(3)). */
static bool tell_digest(const struct key *key, OSSL_PARAM params[])
{
	if (key->kind == KEY_ED25519 || key->kind == KEY_ED448)
		return set_text(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, "");
	if (key->kind == KEY_X25519 || key->kind == KEY_X448)
		return true;
	return set_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, key->kind == KEY_SM2 ? "SM3" : "SHA256");
}

static bool tell_group(const struct key *key, OSSL_PARAM params[])
{
	OSSL_PARAM *explicit_curve = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS);

	if (!has_group(key) || !key->form.curve)
		return true;
	return set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, key_group(key)) &&
	       set_text(params, OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_EC_ENCODING_GROUP) &&
	       set_text(params, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) &&
	       set_text(params, OSSL_PKEY_PARAM_EC_FIELD_TYPE, SN_X9_62_prime_field) &&
	       (!explicit_curve || param_set_int(explicit_curve, 0));
}

static bool tell_public(const struct key *key, OSSL_PARAM params[])
{
	struct der_view point = key->form.point;
	size_t octets = key_octets(key);

	if (key->kind == KEY_RSA)
		return set_integer(params, OSSL_PKEY_PARAM_RSA_N, key->form.modulus) &&
		       set_integer(params, OSSL_PKEY_PARAM_RSA_E, key->form.public_exponent);
	bool agrees = key->kind != KEY_ED25519 && key->kind != KEY_ED448;
	if (!set_bytes(params, OSSL_PKEY_PARAM_PUB_KEY, point) ||
	    (agrees && !set_bytes(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point)))
		return false;
	return !has_group(key) || (set_integer(params, OSSL_PKEY_PARAM_EC_PUB_X, (struct der_view){point.p + 1, octets}) &&
	                           set_integer(params, OSSL_PKEY_PARAM_EC_PUB_Y, (struct der_view){point.p + 1 + octets, octets}));
}

static int get_params(void *data, OSSL_PARAM params[])
{
	const struct key *key = data;

	if (!tell_digest(key, params) || !tell_group(key, params))
		return 0;
	if (key->spki)
		return tell_sizes(key, params) && tell_public(key, params);
	return !key->form.curve || tell_sizes(key, params);
}

#define SIZES                                                                   \
	OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),                             \
	OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),                    \
	OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL)
#define RSA_PUBLIC                                                              \
	OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),                          \
	OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0)
#define GROUP OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0)
#define POINT OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0)

static const OSSL_PARAM *gettable_rsa(void *provider)
{
	static const OSSL_PARAM params[] = {
		SIZES, RSA_PUBLIC, OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0), OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

static const OSSL_PARAM *gettable_ec(void *provider)
{
	static const OSSL_PARAM params[] = {
		SIZES, GROUP, POINT,
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, NULL),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

static const OSSL_PARAM *gettable_other(void *provider)
{
	static const OSSL_PARAM params[] = {
		SIZES, POINT,
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

/* -- out and in ----------------------------------------------------------------------------- */

static const OSSL_PARAM *rsa_types(int selection)
{
	static const OSSL_PARAM params[] = {RSA_PUBLIC, OSSL_PARAM_END};

	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? params : NULL;
}

static const OSSL_PARAM *ec_types(int selection)
{
	static const OSSL_PARAM all[] = {GROUP, POINT, OSSL_PARAM_END}, group[] = {GROUP, OSSL_PARAM_END};

	if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
		return all;
	return selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS ? group : NULL;
}

static const OSSL_PARAM *other_types(int selection)
{
	static const OSSL_PARAM params[] = {POINT, OSSL_PARAM_END};

	return selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY ? params : NULL;
}

/* Little-endian or big-endian, as integers of parameters are on this machine. */
static OSSL_PARAM integer_param(const char *name, struct der_view number, uint8_t *space)
{
	BIGNUM *big = BN_bin2bn(number.p, (int)number.len, NULL);
	int len = big ? BN_bn2nativepad(big, space, (int)number.len) : 0;

	BN_free(big);
	return len > 0 ? OSSL_PARAM_construct_BN(name, space, (size_t)len) : OSSL_PARAM_construct_end();
}

static OSSL_PARAM bytes_param(const char *name, struct der_view value)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)value.p, value.len);
}

/*
 * Who wants the private half, too, gets nothing, and no error: libcrypto asks so of each key before it
 * does anything with it.
 */
static int export(void *data, int selection, OSSL_CALLBACK *take, void *take_arg)
{
	const struct key *key = data;
	uint8_t n[KEY_FORM_RSA_MAX / 8], e[KEY_FORM_EXPONENT_MAX];
	OSSL_PARAM params[3];
	size_t count = 0;

	if (!has(key, selection & ~OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
		return 0;
	if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) && key_is_private(key))
		return 0;
	if (has_group(key) && key->form.curve)
		params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key_group(key), 0);
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && key->kind == KEY_RSA) {
		params[count++] = integer_param(OSSL_PKEY_PARAM_RSA_N, key->form.modulus, n);
		params[count++] = integer_param(OSSL_PKEY_PARAM_RSA_E, key->form.public_exponent, e);
	} else if (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) {
		params[count++] = bytes_param(OSSL_PKEY_PARAM_PUB_KEY, key->form.point);
	}
	params[count] = OSSL_PARAM_construct_end();
	return take(params, take_arg);
}

static bool tells_private(const OSSL_PARAM params[])
{
	return OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) || OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D);
}

static bool tells_public(const OSSL_PARAM params[])
{
	return OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY) || OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_N);
}

/* Through libcrypto, which looks whether a point is on its curve, and takes compressed ones. */
static uint8_t *spki_of_params(const struct key *key, const OSSL_PARAM params[], int *len)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(libcrypto_context(), key_kind_name(key->kind), NULL);
	EVP_PKEY *public = NULL;
	uint8_t *spki = NULL;

	if (context && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &public, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)(uintptr_t)params) == 1) {
		if (has_group(key))
			EVP_PKEY_set_utf8_string_param(public, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
			                               OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
		*len = i2d_PUBKEY(public, &spki);
	}
	EVP_PKEY_free(public);
	EVP_PKEY_CTX_free(context);
	return *len > 0 ? spki : NULL;
}

static int import_public(struct key *key, const OSSL_PARAM params[])
{
	int len = 0;
	uint8_t *spki = spki_of_params(key, params, &len);

	if (!spki)
		return fail(key->provider, REASON_KEY_TYPE, "these parameters make no public key of type %s", key_kind_name(key->kind));
	int done = key_set_public(key, spki, (size_t)len);
	OPENSSL_free(spki);
	return done;
}

static int import_group(struct key *key, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
	char name[GROUP_NAME_MAX] = "";
	const struct curve *curve = p && param_text(p, name, sizeof name) ? curve_of_group(name) : NULL;

	if (!curve || (curve->key_type == CKK_HUFU_SM2) != (key->kind == KEY_SM2))
		return fail(key->provider, REASON_KEY_TYPE, "keys of type %s on the curve \"%s\" are not for tokens", key_kind_name(key->kind),
		            name);
	if (key->form.curve && key->form.curve != curve)
		return fail(key->provider, REASON_KEY_MISMATCH, "the key is on another curve");
	key->form.curve = curve;
	return 1;
}

static int import(void *data, int selection, const OSSL_PARAM params[])
{
	struct key *key = data;

	if (tells_private(params))
		return fail(key->provider, REASON_NOT_EXPORTABLE, "private keys are not brought into a token this way: use \"hufu key import\", or "
		            "leave what is to be done with this key to the default provider");
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && !key->spki && tells_public(params))
		return import_public(key, params);
	if (has_group(key))
		return import_group(key, params);
	return key->spki || fail(key->provider, REASON_KEY_TYPE, "these parameters make no public key of type %s", key_kind_name(key->kind));
}

/* EVP_PKEY_set1_encoded_public_key(3): the other side's point, in a key that has our parameters and nothing else yet. */
static int set_params(void *data, const OSSL_PARAM params[])
{
	struct key *key = data;
	const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) : NULL;
	const void *point;
	size_t len;

	if (!p)
		return 1;
	if (key->kind == KEY_RSA || key->spki)
		return fail(key->provider, REASON_PARAMETER, "the public half of this key is not to be changed");
	if (!OSSL_PARAM_get_octet_string_ptr(p, &point, &len))
		return fail(key->provider, REASON_PARAMETER, "the public key is no string of octets");
	OSSL_PARAM public[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point, len),
		OSSL_PARAM_construct_end(), OSSL_PARAM_construct_end(),
	};
	if (has_group(key) && key->form.curve)
		public[1] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key_group(key), 0);
	return import_public(key, public);
}

static const OSSL_PARAM *settable(void *provider)
{
	static const OSSL_PARAM params[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END};

	(void)provider;
	return params;
}

static void *dup(const void *data, int selection)
{
	const struct key *key = data;
	struct key *copy;

	/* the same, unless it may still be given a public half (set_params), which must not become another's */
	if (key->spki && ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || !key_is_private(key)) &&
	    (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY))
		return key_hold((struct key *)(uintptr_t)key);
	if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && key->spki)
		return key_of_spki(key->provider, key->kind, key->spki, key->spki_len);
	copy = key_new(key->provider, key->kind);
	if (copy)
		copy->form.curve = key->form.curve;
	return copy;
}

static const char *operation_of_ec(int operation)
{
	return operation == OSSL_OP_KEYEXCH ? "ECDH" : operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* -- the tables ------------------------------------------------------------------------------ */

/* family: rsa, ec, other */
#define COMMON(name, family)                                                    \
	FUNCTION(OSSL_FUNC_KEYMGMT_NEW, new_##name),                            \
	FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, gettable_##family),         \
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, family##_types),               \
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, family##_types),               \
	FUNCTION(OSSL_FUNC_KEYMGMT_FREE, release),                              \
	FUNCTION(OSSL_FUNC_KEYMGMT_LOAD, load),                                 \
	FUNCTION(OSSL_FUNC_KEYMGMT_HAS, has),                                   \
	FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, match),                               \
	FUNCTION(OSSL_FUNC_KEYMGMT_VALIDATE, validate),                         \
	FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_params),                     \
	FUNCTION(OSSL_FUNC_KEYMGMT_EXPORT, export),                             \
	FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, import),                             \
	FUNCTION(OSSL_FUNC_KEYMGMT_DUP, dup),                                   \
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN_INIT, maker_new_##name),                 \
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, maker_set_params),           \
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, maker_settable_##family), \
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN, maker_make),                            \
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, maker_free)

#define SETTABLE                                                                \
	FUNCTION(OSSL_FUNC_KEYMGMT_SET_PARAMS, set_params),                     \
	FUNCTION(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, settable)

static const OSSL_DISPATCH rsa_functions[] = {COMMON(rsa, rsa), END_OF_FUNCTIONS};
static const OSSL_DISPATCH ec_functions[] = {
	COMMON(ec, ec), SETTABLE,
	FUNCTION(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, maker_set_template),
	FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, operation_of_ec),
	END_OF_FUNCTIONS,
};
static const OSSL_DISPATCH sm2_functions[] = {
	COMMON(sm2, ec), SETTABLE, FUNCTION(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, maker_set_template), END_OF_FUNCTIONS,
};
static const OSSL_DISPATCH ed25519_functions[] = {COMMON(ed25519, other), END_OF_FUNCTIONS};
static const OSSL_DISPATCH ed448_functions[] = {COMMON(ed448, other), END_OF_FUNCTIONS};
static const OSSL_DISPATCH x25519_functions[] = {COMMON(x25519, other), SETTABLE, END_OF_FUNCTIONS};
static const OSSL_DISPATCH x448_functions[] = {COMMON(x448, other), SETTABLE, END_OF_FUNCTIONS};

#define ROW(name, kind, names) ALGORITHM(names, name##_functions, "keys in tokens"),
const OSSL_ALGORITHM keymgmt_algorithms[] = {KEY_KINDS_EACH(ROW){NULL, NULL, NULL, NULL}};
