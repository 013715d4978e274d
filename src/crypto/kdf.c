/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/kdf.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "crypto/context.h"

#define PARAMS_MAX 6

/* The parameters of one derivation, ended by finish(). */
struct list {
	OSSL_PARAM params[PARAMS_MAX];
	size_t n;
};

static void add_bytes(struct list *l, const char *name, struct bytes_view v)
{
	if (v.len)
		l->params[l->n++] = OSSL_PARAM_construct_octet_string(name, (void *)(uintptr_t)v.data, v.len);
}

static void add_hash(struct list *l, enum hash_id hash)
{
	l->params[l->n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)hash_name(hash), 0);
}

/* What goes wrong here is told by our code alone: the application's queue of errors stays as it was. */
static enum hufu_err derive(const char *name, struct list *l, uint8_t *out, size_t out_len)
{
	OSSL_LIB_CTX *context = libcrypto_context();
	enum hufu_err err = HUFU_ERR_PARAM;

	if (!context)
		return HUFU_ERR_NO_MEMORY;
	l->params[l->n] = OSSL_PARAM_construct_end();
	ERR_set_mark();
	EVP_KDF *kdf = EVP_KDF_fetch(context, name, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	if (!ctx)
		err = kdf ? HUFU_ERR_NO_MEMORY : HUFU_ERR_UNSUPPORTED;
	else if (EVP_KDF_derive(ctx, out, out_len, l->params) > 0)
		err = HUFU_OK;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	ERR_pop_to_mark();
	return err;
}

enum hufu_err kdf_hkdf(enum hash_id hash, enum hkdf_mode mode, struct bytes_view key, struct bytes_view salt,
                       struct bytes_view info, uint8_t *out, size_t out_len)
{
	static const int modes[] = {[HKDF_EXTRACT_AND_EXPAND] = EVP_KDF_HKDF_MODE_EXTRACT_AND_EXPAND,
	                            [HKDF_EXTRACT_ONLY] = EVP_KDF_HKDF_MODE_EXTRACT_ONLY,
	                            [HKDF_EXPAND_ONLY] = EVP_KDF_HKDF_MODE_EXPAND_ONLY};
	struct list l = {.n = 0};
	int number = modes[mode];

	if (!hash_name(hash))
		return HUFU_ERR_UNSUPPORTED;
	add_hash(&l, hash);
	l.params[l.n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &number);
	add_bytes(&l, OSSL_KDF_PARAM_KEY, key);
	add_bytes(&l, OSSL_KDF_PARAM_SALT, salt);
	add_bytes(&l, OSSL_KDF_PARAM_INFO, info);
	return derive("HKDF", &l, out, out_len);
}

enum hufu_err kdf_pbkdf2(enum hash_id hash, struct bytes_view password, struct bytes_view salt, uint64_t iterations, uint8_t *out,
                         size_t out_len)
{
	struct list l = {.n = 0};
	int unchecked = 1; /* SP 800-132's least lengths are the caller's to keep */

	if (!hash_name(hash))
		return HUFU_ERR_UNSUPPORTED;
	add_hash(&l, hash);
	/* An empty password is one, too. */
	l.params[l.n++] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PASSWORD,
	                                                    password.len ? (void *)(uintptr_t)password.data : "", password.len);
	add_bytes(&l, OSSL_KDF_PARAM_SALT, salt);
	l.params[l.n++] = OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_ITER, &iterations);
	l.params[l.n++] = OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &unchecked);
	return derive("PBKDF2", &l, out, out_len);
}

static enum hufu_err counted(const char *name, enum hash_id hash, struct bytes_view z, struct bytes_view info, uint8_t *out,
                             size_t out_len)
{
	struct list l = {.n = 0};

	if (!hash_name(hash))
		return HUFU_ERR_UNSUPPORTED;
	add_hash(&l, hash);
	add_bytes(&l, OSSL_KDF_PARAM_KEY, z);
	add_bytes(&l, OSSL_KDF_PARAM_INFO, info);
	return derive(name, &l, out, out_len);
}

enum hufu_err kdf_x963(enum hash_id hash, struct bytes_view z, struct bytes_view info, uint8_t *out, size_t out_len)
{
	return counted("X963KDF", hash, z, info, out, out_len);
}

enum hufu_err kdf_single_step(enum hash_id hash, struct bytes_view z, struct bytes_view info, uint8_t *out, size_t out_len)
{
	return counted("SSKDF", hash, z, info, out, out_len);
}
