/* SPDX-License-Identifier: Apache-2.0 */
#include "token/envelope.h"
#include "base/secret.h"
#include "crypto/context.h"
#include "rand/rand.h"
#include "token/key_size.h"
#include "token/rv.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define AES_MAX 32
#define SEMIBLOCK 8

/* RFC 5649 under a key that is on this host anyway. out holds len + 16 bytes. */
static bool key_wrap_padded(const uint8_t *key, size_t key_len, bool unwrap, const uint8_t *in, size_t len, uint8_t *out,
                            size_t *out_len)
{
	const char *name = key_len == 16 ? "AES-128-WRAP-PAD" : key_len == 24 ? "AES-192-WRAP-PAD" : "AES-256-WRAP-PAD";
	(void)ERR_set_mark(); /* the application's errors stay, ours go */
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(libcrypto_context(), name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	if (ctx)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	bool good = cipher && ctx && EVP_CipherInit_ex2(ctx, cipher, key, NULL, unwrap ? 0 : 1, NULL) == 1 &&
		EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && n > 0;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	(void)ERR_pop_to_mark();
	*out_len = good ? (size_t)n : 0;
	return good;
}

/* -- wrapping ------------------------------------------------------------------------ */

static size_t wrapped_len(const struct operation *op, size_t len)
{
	return key_modulus_len(op->key) + (len + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
}

static CK_RV wrap(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint8_t aes[AES_MAX];
	size_t k, n = 0;
	CK_RV rv = operation_fits(wrapped_len(op, len), cap, out_len);
	if (rv == CKR_OK)
		rv = rv_of(rand_bytes(aes, op->param.envelope_len));
	if (rv == CKR_OK)
		rv = crypt_whole(op, aes, op->param.envelope_len, out, cap, &k);
	if (rv == CKR_OK && !key_wrap_padded(aes, op->param.envelope_len, false, in, len, out + k, &n))
		rv = CKR_HOST_MEMORY;
	secret_wipe(aes, sizeof aes);
	return rv;
}

/* -- unwrapping ------------------------------------------------------------------------ */

static CK_RV unwrap_with(const uint8_t *aes, size_t aes_len, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (aes_len != 16 && aes_len != 24 && aes_len != 32)
		return CKR_ENCRYPTED_DATA_INVALID;
	uint8_t *text = secret_alloc(len + 2 * SEMIBLOCK);
	if (!text)
		return CKR_HOST_MEMORY;
	CK_RV rv = key_wrap_padded(aes, aes_len, true, in, len, text, out_len) ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
	if (rv == CKR_OK)
		rv = operation_fits(*out_len, cap, out_len);
	if (rv == CKR_OK)
		memcpy(out, text, *out_len);
	secret_free(text);
	return rv;
}

static CK_RV unwrap(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t k = key_modulus_len(op->key), aes_len;
	if (len < k + 2 * SEMIBLOCK || (len - k) % SEMIBLOCK || len - k > OP_PK_MAX)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	uint8_t *aes = secret_alloc(k);
	if (!aes)
		return CKR_HOST_MEMORY;
	CK_RV rv = crypt_whole(op, in, k, aes, k, &aes_len);
	if (rv == CKR_OK)
		rv = unwrap_with(aes, aes_len, in + k, len - k, out, cap, out_len);
	secret_free(aes);
	return rv;
}

CK_RV envelope_whole(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (operation_decrypts(op))
		return unwrap(op, in, len, out, cap, out_len);
	if (out)
		return wrap(op, in, len, out, cap, out_len);
	*out_len = wrapped_len(op, len);
	return CKR_OK;
}
