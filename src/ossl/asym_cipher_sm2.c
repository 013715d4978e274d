/* SPDX-License-Identifier: Apache-2.0 */
/* SM2 encryption (GB/T 32918.4) into SM2Cipher of GM/T 0009, as the default provider writes it. */
#include <openssl/core_names.h>
#include <stdlib.h>

#include "base/secret.h"
#include "ossl/asym_cipher.h"
#include "ossl/hash_name.h"
#include "rand/rand.h"
#include "sm/sm2.h"
#include "token/asn1.h"

#define TEXT_MAX ((size_t)1 << 30)

struct sm2_cipher {
	const struct provider *provider;
	struct key *key;
};

/* -- its life ---------------------------------------------------------------------- */

static void *new_context(void *provider)
{
	struct sm2_cipher *ctx = calloc(1, sizeof *ctx);

	if (ctx)
		ctx->provider = provider;
	return ctx;
}

static void free_context(void *arg)
{
	struct sm2_cipher *ctx = arg;

	if (ctx)
		key_rele(ctx->key);
	free(ctx);
}

static void *copy_context(void *arg)
{
	const struct sm2_cipher *from = arg;
	struct sm2_cipher *to = malloc(sizeof *to);

	if (!to)
		return NULL;
	*to = *from;
	if (to->key)
		key_hold(to->key);
	return to;
}

/* -- parameters: the hash function, which is SM3 ----------------------------------------- */

static int set_params(void *arg, const OSSL_PARAM params[])
{
	const struct sm2_cipher *ctx = arg;
	enum hash_id hash = HASH_SM3;

	if (!params)
		return 1;
	if (!hash_param(ctx->provider, params, OSSL_ASYM_CIPHER_PARAM_DIGEST, &hash))
		return 0;
	return hash == HASH_SM3 ? 1 : fail(ctx->provider, REASON_PARAMETER, "digest: SM2 encryption is done with SM3");
}

static const OSSL_PARAM *settable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PROPERTIES, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

static int get_params(void *ctx, OSSL_PARAM params[])
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_DIGEST);

	(void)ctx;
	return !p || OSSL_PARAM_set_utf8_string(p, hash_provider_name(HASH_SM3));
}

static const OSSL_PARAM *gettable_params(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_DIGEST, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

/* -- at work ------------------------------------------------------------------------- */

static int begin(struct sm2_cipher *ctx, struct key *key, const OSSL_PARAM params[])
{
	if (!key || key->kind != KEY_SM2)
		return fail(ctx->provider, REASON_KEY_TYPE, "SM2 encryption: an SM2 key is wanted");
	key_rele(ctx->key);
	ctx->key = key_hold(key);
	return set_params(ctx, params);
}

static int begin_encrypt(void *ctx, void *key, const OSSL_PARAM params[])
{
	return begin(ctx, key, params);
}

static int begin_decrypt(void *arg, void *key, const OSSL_PARAM params[])
{
	const struct sm2_cipher *ctx = arg;

	if (!begin(arg, key, params))
		return 0;
	return key_is_private(key) ? 1 : fail(ctx->provider, REASON_KEY_TYPE, "SM2 decryption: this is a public key");
}

static enum sm2_result encrypt_raw(const struct key *key, const uint8_t *in, size_t len, uint8_t *raw)
{
	const struct sm2_random random = {.fill = rand_for_sm2};
	struct sm2_public public;

	if (key->form.point.len != 1 + SM2_POINT_LEN || sm2_public_init(&public, key->form.point.p + 1) != SM2_OK)
		return SM2_BAD_KEY;
	return sm2_encrypt(&public, in, len, &random, raw);
}

static int encrypt(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	const struct sm2_cipher *ctx = arg;

	if (!ctx->key)
		return fail(ctx->provider, REASON_PARAMETER, "SM2 encryption: no key was given");
	if (!len || len > TEXT_MAX)
		return fail(ctx->provider, REASON_INPUT, "SM2 encrypts from 1 to %zu bytes", TEXT_MAX);
	*out_len = asn1_cipher_max(len);
	if (!out)
		return 1;
	if (room < asn1_cipher_max(len))
		return fail(ctx->provider, REASON_BUFFER, "SM2 encryption: %zu bytes are wanted for the result",
		            asn1_cipher_max(len));
	uint8_t *raw = malloc(len + SM2_CIPHER_OVERHEAD);
	if (!raw)
		return fail(ctx->provider, REASON_INTERNAL, "no memory");
	enum sm2_result result = encrypt_raw(ctx->key, in, len, raw);
	if (result == SM2_OK)
		*out_len = asn1_cipher_encode(raw, len + SM2_CIPHER_OVERHEAD, out);
	free(raw);
	return result == SM2_OK ? 1 : fail(ctx->provider, REASON_INTERNAL, "SM2 encryption: %s",
	                                   result == SM2_NO_RANDOM ? "no random numbers" : "the public key is none");
}

static int decrypt(void *arg, unsigned char *out, size_t *out_len, size_t room, const unsigned char *in, size_t len)
{
	static const CK_MECHANISM mechanism = {CKM_HUFU_SM2_ENC_DER, NULL, 0};
	const struct sm2_cipher *ctx = arg;
	size_t text_len;

	if (!ctx->key)
		return fail(ctx->provider, REASON_PARAMETER, "SM2 decryption: no key was given");
	if (!asn1_cipher_text_len(in, len, &text_len))
		return fail(ctx->provider, REASON_DECRYPTION, "SM2 decryption: this is no SM2Cipher (GM/T 0009) in DER");
	*out_len = text_len;
	if (!out)
		return 1;
	if (room < text_len)
		return fail(ctx->provider, REASON_BUFFER, "SM2 decryption: %zu bytes are wanted for the result", text_len);
	*out_len = room;
	return work_decrypt(ctx->key, &mechanism, in, len, out, out_len);
}

const OSSL_DISPATCH sm2_asym_cipher_functions[] = {
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
