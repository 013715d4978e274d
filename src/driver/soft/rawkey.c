/* SPDX-License-Identifier: Apache-2.0 */
/* Edwards and Montgomery keys: a secret of random bytes, a public key that is computed from it (RFC 8410, 8032, 7748). */
#include "driver/soft/curve.h"

#include "crypto/context.h"

static enum hufu_err public_of(const struct raw_key *k, uint8_t public[CURVE_LEN_MAX])
{
	size_t len = CURVE_LEN_MAX;

	return EVP_PKEY_get_raw_public_key(k->evp.pkey, public, &len) == 1 && len == k->curve->len ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* A public key that came with a secret is that secret's. */
static enum hufu_err check_pair(const struct raw_key *k, const struct curve_key *key)
{
	uint8_t public[CURVE_LEN_MAX];

	if (!key->public)
		return HUFU_OK;
	enum hufu_err err = public_of(k, public);
	if (err != HUFU_OK)
		return err;
	return key->public_len == k->curve->len && memcmp(public, key->public, key->public_len) == 0 ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

static enum hufu_err load_private(const struct curve_key *key, struct raw_key *k)
{
	enum hufu_err err = soft_evp_init(&k->evp, EVP_PKEY_new_raw_private_key_ex(libcrypto_context(), key->curve->name, NULL,
	                                                                           key->secret, key->secret_len));

	return err == HUFU_OK ? check_pair(k, key) : err;
}

static enum hufu_err load_public(const struct curve_key *key, struct raw_key *k)
{
	if (key->public_len != key->curve->len)
		return HUFU_ERR_KEY_VALUE;
	if (key->curve->type == HUFU_KEY_EDWARDS_PRIVATE) {
		enum hufu_err err = edwards_check_point(key->curve, key->public);
		if (err != HUFU_OK)
			return err;
	}
	return soft_evp_init(&k->evp, EVP_PKEY_new_raw_public_key_ex(libcrypto_context(), key->curve->name, NULL, key->public,
	                                                             key->public_len));
}

/* *k is zero; what is made is freed by raw_key_forget even after an error. */
static enum hufu_err load(const struct curve_key *key, struct raw_key *k)
{
	if (!libcrypto_context())
		return HUFU_ERR_NO_MEMORY;
	k->curve = key->curve;
	soft_evp_begin();
	return soft_evp_end(key->secret ? load_private(key, k) : load_public(key, k));
}

void raw_key_forget(void *raw_key)
{
	soft_evp_clear(&((struct raw_key *)raw_key)->evp);
}

enum hufu_err raw_key_expand(const struct soft_kind *kind, const struct hufu_key *key, void *raw_key)
{
	struct curve_key read;
	enum hufu_err err = curve_read(kind->type, key->blob, key->blob_len, &read);

	return err == HUFU_OK ? load(&read, raw_key) : err;
}

static enum hufu_err give(struct hufu_op *op, const struct raw_key *k, struct curve_key *key)
{
	uint8_t public[CURVE_LEN_MAX];
	enum hufu_err err = public_of(k, public);

	if (err != HUFU_OK)
		return err;
	key->public = public;
	key->public_len = k->curve->len;
	return curve_give(op, key);
}

enum hufu_err raw_key_import(const struct hufu_host *host, struct hufu_op *op)
{
	struct curve_key key;
	struct raw_key k = {0};
	enum hufu_err err = curve_read(op->new_type, op->in, op->in_len, &key);

	(void)host;
	if (err == HUFU_OK)
		err = load(&key, &k);
	if (err == HUFU_OK)
		err = give(op, &k, &key);
	raw_key_forget(&k);
	return err;
}

enum hufu_err raw_key_generate(const struct hufu_host *host, struct hufu_op *op, enum hufu_key_type type,
                               enum hufu_err (*check)(const struct raw_key *))
{
	uint8_t secret[CURVE_LEN_MAX];
	struct raw_key k = {0};
	struct curve_key key = {.secret = secret};

	if (op->new_type != type)
		return HUFU_ERR_KEY_TYPE;
	enum hufu_err err = op->new_len ? HUFU_ERR_KEY_SIZE : curve_of_param(op, type, &key.curve);
	if (err != HUFU_OK)
		return err;
	key.secret_len = key.curve->len;
	err = host->random(secret, key.secret_len);
	if (err == HUFU_OK)
		err = load(&key, &k);
	if (err == HUFU_OK && check)
		err = check(&k);
	if (err == HUFU_OK)
		err = give(op, &k, &key);
	raw_key_forget(&k);
	secret_wipe(secret, sizeof(secret));
	return err;
}
