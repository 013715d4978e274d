/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 and Ed448 (RFC 8032; EVP_SIGNATURE-ED25519(7)): whole messages, and nothing to set. */
#include "ossl/signature.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "crypto/context.h"

static CK_RV sign_message(struct signature *s, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	static const CK_MECHANISM mechanism = {.mechanism = CKM_EDDSA};

	return work_sign_silently(s->key, &mechanism, in, len, sig, sig_len);
}

static int verify(struct signature *s, const uint8_t *in, size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_PKEY *public = key_public(s->key);
	EVP_MD_CTX *ctx = public ? EVP_MD_CTX_new() : NULL;
	bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, NULL, libcrypto_context(), NULL, public, NULL) == 1 &&
	            EVP_DigestVerify(ctx, sig, sig_len, in, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	return good;
}

/* RFC 8410 3: the same identifier as the key's, without parameters. */
static X509_ALGOR *algorithm(const struct signature *s)
{
	return signature_algorithm(s->type->kind == KEY_ED25519 ? NID_ED25519 : NID_ED448, false);
}

static const struct signature_type types[] = {
	{.kind = KEY_ED25519, .algorithm = algorithm, .verify = verify, .sign_message = sign_message},
	{.kind = KEY_ED448, .algorithm = algorithm, .verify = verify, .sign_message = sign_message},
};

static void *newctx_25519(void *provider, const char *properties)
{
	(void)properties;
	return signature_new(provider, &types[0]);
}

static void *newctx_448(void *provider, const char *properties)
{
	(void)properties;
	return signature_new(provider, &types[1]);
}

static const OSSL_PARAM *gettable(void *ctx, void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)ctx;
	(void)provider;
	return params;
}

#define FUNCTIONS(newctx) \
	SIGNATURE_LIFE(newctx), \
	SIGNATURE_OF_MESSAGES, \
	FUNCTION(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, signature_get_params), \
	FUNCTION(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, gettable), \
	END_OF_FUNCTIONS

const OSSL_DISPATCH signature_ed25519_functions[] = {FUNCTIONS(newctx_25519)};
const OSSL_DISPATCH signature_ed448_functions[] = {FUNCTIONS(newctx_448)};
