/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA encryption with the paddings and parameters of the default provider. A
 * token's v1.5 decryption rejects implicitly: what is padded badly opens to bytes
 * that follow from the ciphertext, and is no error (token/crypt_rsa.c, drivers).
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/context.h"
#include "crypto/mechanism.h"
#include "ossl/asym_cipher.h"
#include "ossl/hash_name.h"
#include "ossl/octets.h"
#include "ossl/param.h"

#define IMPLICIT_REJECTION "implicit-rejection" /* OpenSSL 3.2's name */
#define LABEL_MAX 65536                         /* of OAEP; none was ever seen in the wild that is longer than a name */

struct rsa_cipher {
	const struct provider *provider;
	struct key *key;
	bool decrypts;
	int padding;
	enum hash_id oaep, mgf;         /* mgf HASH_NONE: the same */
	struct octets label;
	struct premaster_versions versions;
};

static const struct padding {
	int number;
	const char *name;
} paddings[] = {
	{RSA_PKCS1_PADDING, OSSL_PKEY_RSA_PAD_MODE_PKCSV15},
	{RSA_NO_PADDING, OSSL_PKEY_RSA_PAD_MODE_NONE},
	{RSA_PKCS1_OAEP_PADDING, OSSL_PKEY_RSA_PAD_MODE_OAEP},
	{RSA_PKCS1_OAEP_PADDING, "oeap"},       /* what OpenSSL 1.0 was made to take */
};
#define NPADDINGS (sizeof paddings / sizeof *paddings)

/* -- its life ---------------------------------------------------------------------- */

static void *new_context(void *provider)
{
	struct rsa_cipher *ctx = calloc(1, sizeof *ctx);

	if (ctx)
		*ctx = (struct rsa_cipher){.provider = provider, .padding = RSA_PKCS1_PADDING, .oaep = HASH_SHA1};
	return ctx;
}

static void free_context(void *arg)
{
	struct rsa_cipher *ctx = arg;

	if (!ctx)
		return;
	key_rele(ctx->key);
	octets_clear(&ctx->label);
	free(ctx);
}

static void *copy_context(void *arg)
{
	const struct rsa_cipher *from = arg;
	struct rsa_cipher *to = malloc(sizeof *to);

	if (!to)
		return NULL;
	*to = *from;
	if (!octets_copy(&to->label, &from->label)) {
		free(to);
		return NULL;
	}
	if (to->key)
		key_hold(to->key);
	return to;
}

static int set_params(void *, const OSSL_PARAM[]);

static int begin(struct rsa_cipher *ctx, struct key *key, const OSSL_PARAM params[], bool decrypts)
{
	if (!key || key->kind != KEY_RSA)
		return fail(ctx->provider, REASON_KEY_TYPE, "RSA encryption: an RSA key is wanted");
	if (decrypts && !key_is_private(key))
		return fail(ctx->provider, REASON_KEY_TYPE, "RSA decryption: this is a public key");
	key_rele(ctx->key);
	ctx->key = key_hold(key);
	ctx->decrypts = decrypts;
	ctx->padding = RSA_PKCS1_PADDING;
	return set_params(ctx, params);
}

static int begin_encrypt(void *ctx, void *key, const OSSL_PARAM params[])
{
	return begin(ctx, key, params, false);
}

static int begin_decrypt(void *ctx, void *key, const OSSL_PARAM params[])
{
	return begin(ctx, key, params, true);
}

/* -- parameters -------------------------------------------------------------------- */

/* By name, or by the number that EVP_PKEY_CTX_set_rsa_padding takes. -1: none such. */
static int read_padding(const OSSL_PARAM *p)
{
	char text[16];
	int number;

	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return param_int(p, &number) ? number : -1;
	if (!param_text(p, text, sizeof text))
		return -1;
	for (size_t i = 0; i < NPADDINGS; i++)
		if (strcmp(text, paddings[i].name) == 0)
			return paddings[i].number;
	return -1;
}

static int set_padding(struct rsa_cipher *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);

	if (!p)
		return 1;
	int padding = read_padding(p);
	switch (padding) {
	case RSA_PKCS1_PADDING:
	case RSA_NO_PADDING:
	case RSA_PKCS1_OAEP_PADDING:
	case RSA_PKCS1_WITH_TLS_PADDING:
		ctx->padding = padding;
		return 1;
	default:
		return fail(ctx->provider, REASON_PARAMETER, "pad-mode: RSA encryption pads by pkcs1, oaep or none");
	}
}

static int set_version(const struct rsa_cipher *ctx, const OSSL_PARAM params[], const char *name, unsigned *version)
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, name);

	if (p && (!param_uint(p, version) || *version > UINT16_MAX))
		return fail(ctx->provider, REASON_PARAMETER, "%s: a version of TLS is wanted, as two bytes", name);
	return 1;
}

static int set_rejection(const struct rsa_cipher *ctx, const OSSL_PARAM params[])
{
	const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, IMPLICIT_REJECTION);
	unsigned rejects = 1;

	if (p && (!param_uint(p, &rejects) || !rejects))
		return fail(ctx->provider, REASON_PARAMETER, IMPLICIT_REJECTION ": a token never tells good padding from bad");
	return 1;
}

static int set_params(void *arg, const OSSL_PARAM params[])
{
	struct rsa_cipher *ctx = arg;

	if (!params)
		return 1;
	return hash_param(ctx->provider, params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, &ctx->oaep) && set_padding(ctx, params) &&
	       hash_param(ctx->provider, params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, &ctx->mgf) &&
	       octets_param(ctx->provider, params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, LABEL_MAX, &ctx->label) &&
	       set_version(ctx, params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &ctx->versions.client) &&
	       set_version(ctx, params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &ctx->versions.negotiated) &&
	       set_rejection(ctx, params);
}

static const OSSL_PARAM *settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
		OSSL_PARAM_uint(IMPLICIT_REJECTION, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static bool get_padding(const struct rsa_cipher *ctx, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);

	if (!p)
		return true;
	if (p->data_type != OSSL_PARAM_UTF8_STRING)
		return param_set_int(p, ctx->padding);
	for (size_t i = 0; i < NPADDINGS; i++)
		if (paddings[i].number == ctx->padding)
			return OSSL_PARAM_set_utf8_string(p, paddings[i].name);
	return false;                   /* TLS's has no name */
}

static bool get_hash(OSSL_PARAM params[], const char *name, enum hash_id id)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_utf8_string(p, hash_provider_name(id));
}

static bool get_uint(OSSL_PARAM params[], const char *name, unsigned value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || param_set_uint(p, value);
}

static int get_params(void *arg, OSSL_PARAM params[])
{
	const struct rsa_cipher *ctx = arg;
	OSSL_PARAM *label = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);

	return get_padding(ctx, params) && get_hash(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, ctx->oaep) &&
	       get_hash(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, ctx->mgf ? ctx->mgf : ctx->oaep) &&
	       (!label || OSSL_PARAM_set_octet_ptr(label, ctx->label.data, ctx->label.len)) &&
	       get_uint(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, ctx->versions.client) &&
	       get_uint(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, ctx->versions.negotiated) &&
	       get_uint(params, IMPLICIT_REJECTION, 1);
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, OSSL_PARAM_OCTET_PTR, NULL, 0),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),
		OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),
		OSSL_PARAM_uint(IMPLICIT_REJECTION, NULL),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- encryption, on this host --------------------------------------------------------- */

static bool set_oaep(const struct rsa_cipher *ctx, EVP_PKEY_CTX *public)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST,
		                                 (char *)(uintptr_t)hash_provider_name(ctx->oaep), 0),
		OSSL_PARAM_construct_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST,
		                                 (char *)(uintptr_t)hash_provider_name(ctx->mgf ? ctx->mgf : ctx->oaep), 0),
		OSSL_PARAM_construct_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, ctx->label.data, ctx->label.len),
		OSSL_PARAM_construct_end(),
	};
	if (!ctx->label.len)
		params[2] = OSSL_PARAM_construct_end();
	return EVP_PKEY_CTX_set_params(public, params) > 0;
}

static bool encrypt_with(const struct rsa_cipher *ctx, EVP_PKEY_CTX *public, const uint8_t *in, size_t len, uint8_t *out,
                         size_t *out_len)
{
	return public && EVP_PKEY_encrypt_init(public) > 0 && EVP_PKEY_CTX_set_rsa_padding(public, ctx->padding) > 0 &&
	       (ctx->padding != RSA_PKCS1_OAEP_PADDING || set_oaep(ctx, public)) &&
	       EVP_PKEY_encrypt(public, out, out_len, in, len) > 0;
}

static int encrypt(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	const struct rsa_cipher *ctx = arg;
	size_t k = ctx->key ? key_octets(ctx->key) : 0;

	if (!k || ctx->padding == RSA_PKCS1_WITH_TLS_PADDING)
		return fail(ctx->provider, REASON_PARAMETER,
		            "RSA encryption: no key was given, or TLS's padding, which is for decryption");
	*out_len = k;
	if (!out)
		return 1;
	if (room < k)
		return fail(ctx->provider, REASON_BUFFER, "RSA encryption: %zu bytes are wanted for the result", k);
	EVP_PKEY *key = key_public(ctx->key);
	if (!key)
		return 0;
	EVP_PKEY_CTX *public = EVP_PKEY_CTX_new_from_pkey(libcrypto_context(), key, NULL);
	bool good = encrypt_with(ctx, public, in, len, out, out_len);
	EVP_PKEY_CTX_free(public);
	EVP_PKEY_free(key);
	return good ? 1 : fail(ctx->provider, REASON_INPUT, "RSA encryption: %zu bytes do not go into one block of %zu so padded",
	                       len, k);
}

/* -- decryption, in the token ----------------------------------------------------------- */

static int decrypt_oaep(const struct rsa_cipher *ctx, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	enum hash_id mgf = ctx->mgf ? ctx->mgf : ctx->oaep;
	CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = hash_mechanism(ctx->oaep), .mgf = hash_mgf(mgf), .source = CKZ_DATA_SPECIFIED,
	                                .pSourceData = ctx->label.data, .ulSourceDataLen = ctx->label.len};
	const CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};

	if (!oaep.mgf)
		return fail(ctx->provider, REASON_PARAMETER, "mgf1-digest: PKCS#11 has no MGF1 with %s", hash_provider_name(mgf));
	return work_decrypt(ctx->key, &mechanism, in, len, out, out_len);
}

/* What a sender can bring about by what he sends; everything else is our trouble, and he may see it. */
static bool is_bad_ciphertext(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_DATA_INVALID ||
	       rv == CKR_DATA_LEN_RANGE;
}

/* The block as it is, where the token gives it: else what its own look at the padding leaves. text: k bytes, zeros. */
static int open_premaster(const struct rsa_cipher *ctx, const uint8_t *in, size_t k, uint8_t *text, uint8_t *out)
{
	bool raw = work_can(ctx->key, CKM_RSA_X_509, CKF_DECRYPT);
	const CK_MECHANISM mechanism = {raw ? CKM_RSA_X_509 : CKM_RSA_PKCS, NULL, 0};
	size_t len = k;
	char title[160];
	CK_RV rv = work_decrypt_silently(ctx->key, &mechanism, in, k, text, &len);

	if (rv != CKR_OK && !is_bad_ciphertext(rv))
		return fail_rv(ctx->provider, rv, "decrypt with %s", key_title(ctx->key, title));
	if (rv != CKR_OK)
		len = 0;
	int good = raw && len == k ? premaster_of_block(text, k, &ctx->versions, out) :
	                             premaster_of_text(text, len, &ctx->versions, out);
	return good ? 1 : fail(ctx->provider, REASON_INTERNAL, "no random numbers");
}

static int decrypt_premaster(const struct rsa_cipher *ctx, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	size_t k = key_octets(ctx->key);

	if (!ctx->versions.client)
		return fail(ctx->provider, REASON_PARAMETER, "%s is wanted with TLS's padding",
		            OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
	if (len != k)
		return fail(ctx->provider, REASON_DECRYPTION, "a premaster secret of %zu bytes, where the key makes %zu", len, k);
	uint8_t *text = secret_alloc(k);
	if (!text)
		return fail(ctx->provider, REASON_INTERNAL, "no memory");
	int good = open_premaster(ctx, in, k, text, out);
	secret_free(text);
	if (good)
		*out_len = PREMASTER_LEN;
	return good;
}

static int decrypt_by(const struct rsa_cipher *ctx, CK_MECHANISM_TYPE type, const uint8_t *in, size_t len, uint8_t *out,
                      size_t *out_len)
{
	const CK_MECHANISM mechanism = {type, NULL, 0};

	return work_decrypt(ctx->key, &mechanism, in, len, out, out_len);
}

static int decrypt(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	const struct rsa_cipher *ctx = arg;
	size_t wanted = ctx->padding == RSA_PKCS1_WITH_TLS_PADDING ? PREMASTER_LEN : ctx->key ? key_octets(ctx->key) : 0;

	if (!ctx->key)
		return fail(ctx->provider, REASON_PARAMETER, "RSA decryption: no key was given");
	*out_len = wanted;
	if (!out)
		return 1;
	if (room < wanted)
		return fail(ctx->provider, REASON_BUFFER, "RSA decryption: %zu bytes are wanted for the result", wanted);
	*out_len = room;
	switch (ctx->padding) {
	case RSA_PKCS1_WITH_TLS_PADDING: return decrypt_premaster(ctx, in, len, out, out_len);
	case RSA_PKCS1_OAEP_PADDING: return decrypt_oaep(ctx, in, len, out, out_len);
	case RSA_NO_PADDING: return decrypt_by(ctx, CKM_RSA_X_509, in, len, out, out_len);
	default: return decrypt_by(ctx, CKM_RSA_PKCS, in, len, out, out_len);
	}
}

const OSSL_DISPATCH rsa_asym_cipher_functions[] = {
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_NEWCTX, new_context),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_FREECTX, free_context),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_DUPCTX, copy_context),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, begin_encrypt),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_ENCRYPT, encrypt),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, begin_decrypt),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_DECRYPT, decrypt),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_SET_CTX_PARAMS, set_params),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_SETTABLE_CTX_PARAMS, settable_params),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_GET_CTX_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_ASYM_CIPHER_GETTABLE_CTX_PARAMS, gettable_params),
	END_OF_FUNCTIONS,
};
