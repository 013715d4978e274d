/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/soft/cipher.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdio.h>

#include "crypto/context.h"

#define PIECE_LEN ((size_t)1 << 30) /* libcrypto counts in int; whole blocks of any cipher */

static const struct mode {
	const char *name; /* behind AES-128- */
	bool encrypt;
} modes[CIPHER_USES] = {
	[CIPHER_ECB_ENCRYPT] = {"ECB", true},      [CIPHER_ECB_DECRYPT] = {"ECB", false},
	[CIPHER_CBC_ENCRYPT] = {"CBC", true},      [CIPHER_CBC_DECRYPT] = {"CBC", false},
	[CIPHER_CTR] = {"CTR", true},
	[CIPHER_GCM_ENCRYPT] = {"GCM", true},      [CIPHER_GCM_DECRYPT] = {"GCM", false},
	[CIPHER_CCM_ENCRYPT] = {"CCM", true},      [CIPHER_CCM_DECRYPT] = {"CCM", false},
	[CIPHER_KW_ENCRYPT] = {"WRAP", true},      [CIPHER_KW_DECRYPT] = {"WRAP", false},
	[CIPHER_KWP_ENCRYPT] = {"WRAP-PAD", true}, [CIPHER_KWP_DECRYPT] = {"WRAP-PAD", false},
};

/* -- the loaded form ------------------------------------------------------- */

enum hufu_err cipher_expand(const struct soft_kind *kind, const struct hufu_key *key, void *loaded)
{
	(void)kind;
	(void)key;
	((struct cipher_key *)loaded)->epoch = libcrypto_epoch();
	return HUFU_OK;
}

void cipher_forget(void *loaded)
{
	struct cipher_key *key = loaded;

	for (size_t use = 0; use < CIPHER_USES; use++)
		for (size_t i = 0; i < CIPHER_SLOTS; i++)
			EVP_CIPHER_CTX_free(key->slots[use][i]);
}

/* -- contexts -------------------------------------------------------------- */

static EVP_CIPHER *fetch(OSSL_LIB_CTX *context, const struct hufu_key *key, enum cipher_use use)
{
	char name[32];

	if (key->type == HUFU_KEY_DES3)
		snprintf(name, sizeof(name), "DES-EDE3-%s", modes[use].name);
	else
		snprintf(name, sizeof(name), "AES-%zu-%s", 8 * key->blob_len, modes[use].name);
	return EVP_CIPHER_fetch(context, name, NULL);
}

static enum hufu_err make(const struct hufu_key *key, enum cipher_use use, EVP_CIPHER_CTX **out)
{
	OSSL_LIB_CTX *context = libcrypto_context();
	EVP_CIPHER *cipher = context ? fetch(context, key, use) : NULL;

	if (!cipher)
		return context ? HUFU_ERR_UNSUPPORTED : HUFU_ERR_NO_MEMORY;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	if (ctx)
		EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	bool good = ctx && EVP_CipherInit_ex2(ctx, cipher, key->blob, NULL, modes[use].encrypt, NULL) &&
	            EVP_CIPHER_CTX_set_padding(ctx, 0);
	EVP_CIPHER_free(cipher); /* the context holds it */
	if (!good) {
		EVP_CIPHER_CTX_free(ctx);
		return HUFU_ERR_NO_MEMORY;
	}
	*out = ctx;
	return HUFU_OK;
}

/* Where a thread looks first: threads that share a key keep out of each other's caches. */
static size_t first_slot(void)
{
	return (size_t)(((uint64_t)(uintptr_t)pthread_self() * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % CIPHER_SLOTS;
}

static EVP_CIPHER_CTX *take_slot(EVP_CIPHER_CTX *slots[CIPHER_SLOTS])
{
	for (size_t n = 0, i = first_slot(); n < CIPHER_SLOTS; n++, i = (i + 1) % CIPHER_SLOTS) {
		EVP_CIPHER_CTX *ctx = __atomic_load_n(&slots[i], __ATOMIC_RELAXED);

		if (ctx)
			ctx = __atomic_exchange_n(&slots[i], NULL, __ATOMIC_ACQUIRE);
		if (ctx)
			return ctx;
	}
	return NULL;
}

static bool fill_slot(EVP_CIPHER_CTX *slots[CIPHER_SLOTS], EVP_CIPHER_CTX *ctx)
{
	for (size_t n = 0, i = first_slot(); n < CIPHER_SLOTS; n++, i = (i + 1) % CIPHER_SLOTS) {
		EVP_CIPHER_CTX *none = NULL;

		if (!__atomic_load_n(&slots[i], __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&slots[i], &none, ctx, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	}
	return false;
}

enum hufu_err cipher_take(const struct hufu_host *host, const struct hufu_op *op, enum cipher_use use, struct cipher *cipher)
{
	const void *loaded;
	enum hufu_err err = soft_load(host, op->key, &loaded);

	if (err != HUFU_OK)
		return err;
	cipher->owner = (struct cipher_key *)(uintptr_t)loaded;
	cipher->use = use;
	ERR_set_mark();
	cipher->ctx = take_slot(cipher->owner->slots[use]);
	if (!cipher->ctx)
		err = make(op->key, use, &cipher->ctx);
	if (err != HUFU_OK)
		ERR_pop_to_mark();
	return err;
}

void cipher_give_back(struct cipher *cipher, enum hufu_err outcome)
{
	if (outcome != HUFU_OK || !fill_slot(cipher->owner->slots[cipher->use], cipher->ctx))
		EVP_CIPHER_CTX_free(cipher->ctx);
	ERR_pop_to_mark();
}

/* -- working with one -------------------------------------------------------- */

bool cipher_set_iv(const struct cipher *cipher, const uint8_t *iv)
{
	return EVP_CipherInit_ex2(cipher->ctx, NULL, NULL, iv, -1, NULL);
}

bool cipher_update(const struct cipher *cipher, const uint8_t *in, uint8_t *out, size_t len)
{
	while (len) {
		int piece = (int)(len < PIECE_LEN ? len : PIECE_LEN), n;

		if (!EVP_CipherUpdate(cipher->ctx, out, &n, in, piece) || n != piece)
			return false;
		in += piece;
		out = out ? out + piece : NULL;
		len -= (size_t)piece;
	}
	return true;
}

enum hufu_err cipher_run(const struct hufu_host *host, struct hufu_op *op, enum cipher_use use, const uint8_t *iv, size_t unit)
{
	struct cipher cipher;

	if (op->in_len % unit || (op->in_len && !op->in))
		return op->verb == HUFU_VERB_ENCRYPT ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = soft_room(op, op->in_len);
	if (err == HUFU_OK)
		err = cipher_take(host, op, use, &cipher);
	if (err != HUFU_OK)
		return err;
	if ((iv && !cipher_set_iv(&cipher, iv)) || !cipher_update(&cipher, op->in, op->out, op->in_len))
		err = HUFU_ERR_BUG;
	cipher_give_back(&cipher, err);
	return err;
}
