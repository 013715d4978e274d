/* SPDX-License-Identifier: Apache-2.0 */
#include "token/check_value.h"
#include "base/secret.h"
#include "crypto/context.h"
#include "crypto/hash.h"
#include "sm/sm4.h"
#include "token/object.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#define BLOCK_MAX 16

static const uint8_t zeros[BLOCK_MAX];

/* The ECB mode of a cipher; 0: such keys encrypt no blocks. */
static CK_MECHANISM_TYPE ecb_of(CK_KEY_TYPE type)
{
	return type == CKK_HUFU_SM4 ? CKM_HUFU_SM4_ECB : type == CKK_AES ? CKM_AES_ECB : type == CKK_DES3 ? CKM_DES3_ECB : 0;
}

static size_t block_len(CK_KEY_TYPE type)
{
	return type == CKK_DES3 ? 8 : 16;
}

/* -- on this host ----------------------------------------------------------------------- */

static enum hash_id hash_of(CK_KEY_TYPE type)
{
	return type == CKK_HUFU_SM3_HMAC || type == CKK_HUFU_ZUC ? HASH_SM3 : HASH_SHA1;
}

static void sm4_zeros(const uint8_t *value, uint8_t block[BLOCK_MAX])
{
	struct sm4_key key;
	sm4_key_init(&key, value);
	sm4_ecb_encrypt(&key, zeros, block, 1);
	secret_wipe(&key, sizeof key);
}

static bool evp_zeros(const char *cipher_name, size_t block, const uint8_t *value, uint8_t out[BLOCK_MAX])
{
	(void)ERR_set_mark(); /* the application's errors stay, ours go */
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(libcrypto_context(), cipher_name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = cipher && ctx && EVP_EncryptInit_ex2(ctx, cipher, value, NULL, NULL) == 1 &&
		EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_EncryptUpdate(ctx, out, &n, zeros, (int)block) == 1;
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	(void)ERR_pop_to_mark();
	return good && n == (int)block;
}

static bool encrypt_zeros(CK_KEY_TYPE type, const uint8_t *value, size_t len, uint8_t block[BLOCK_MAX])
{
	const char *aes = len == 16 ? "AES-128-ECB" : len == 24 ? "AES-192-ECB" : "AES-256-ECB";
	if (type != CKK_HUFU_SM4)
		return evp_zeros(type == CKK_DES3 ? "DES-EDE3-ECB" : aes, block_len(type), value, block);
	sm4_zeros(value, block);
	return true;
}

bool check_value_of(CK_KEY_TYPE type, const uint8_t *value, size_t len, uint8_t kcv[CHECK_VALUE_LEN])
{
	uint8_t out[HASH_LEN_MAX];
	bool good = ecb_of(type) ? encrypt_zeros(type, value, len, out) : hash_once(hash_of(type), value, len, out) == HUFU_OK;
	if (good)
		memcpy(kcv, out, CHECK_VALUE_LEN);
	secret_wipe(out, sizeof out);
	return good;
}

/* -- in a device ------------------------------------------------------------------------- */

static bool ask_zeros(struct pool *pool, CK_KEY_TYPE type, struct pool_key *key, uint8_t kcv[CHECK_VALUE_LEN])
{
	uint8_t block[BLOCK_MAX];
	struct pool_request req = {
		.op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = ecb_of(type), .in = zeros, .in_len = block_len(type), .out = block,
		       .out_cap = sizeof block, .repeatable = true},
		.key = key,
	};
	bool good = pool_run(pool, &req) == HUFU_OK && req.op.out_len == block_len(type);
	if (good)
		memcpy(kcv, block, CHECK_VALUE_LEN);
	secret_wipe(block, sizeof block);
	return good;
}

bool check_value_ask(struct token *token, CK_KEY_TYPE type, struct pool_key *key, bool may_export, uint8_t kcv[CHECK_VALUE_LEN])
{
	uint8_t *value;
	size_t len;
	if (ecb_of(type))
		return ask_zeros(token->pool, type, key, kcv);
	if (!may_export || key_export_clear(token->pool, key, NULL, 0, &value, &len) != HUFU_OK)
		return false;
	bool good = check_value_of(type, value, len, kcv);
	secret_free(value);
	return good;
}
