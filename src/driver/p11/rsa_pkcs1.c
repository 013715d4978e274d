/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA PKCS #1 v1.5 decryption, of what the token opens without looking at the
 * padding. Its own decryption of that kind tells by its answer whether the
 * padding was good, and so whoever may ask opens any ciphertext (Bleichenbacher
 * 1998). Here what is padded badly opens to a message all the same; it follows
 * from the ciphertext and from a secret that only the private key gives.
 */
#include "driver/p11/p11.h"

#include <string.h>

#include "base/secret.h"
#include "crypto/hash.h"
#include "driver/soft/rsa.h"

/* The private key's answer to a number that no padded message is. */
static enum hufu_err rejection_of(struct hufu_lease *lease, CK_MECHANISM *raw, CK_OBJECT_HANDLE object, struct rsa_key *key)
{
	static const char text[] = "hufu: implicit rejection";
	uint8_t number[RSA_MAX_LEN] = {0}, root[RSA_MAX_LEN];
	struct hash hash;
	size_t len;

	memcpy(number + key->len - sizeof(text), text, sizeof(text));
	enum hufu_err err = p11_decrypt_with(lease, raw, object, number, key->len, root, key->len, &len);
	if (err == HUFU_OK && len != key->len)
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		err = hash_init(&hash, HASH_SHA256);
	if (err == HUFU_OK) {
		hash_update(&hash, root, key->len);
		hash_final(&hash, key->rejection);
	}
	secret_wipe(root, sizeof(root));
	return err;
}

static enum hufu_err open_raw(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op, struct rsa_key *key,
                              uint8_t em[RSA_MAX_LEN])
{
	CK_MECHANISM raw = {offer->type, NULL, 0};
	CK_OBJECT_HANDLE object;
	size_t len;
	enum hufu_err err = p11_key_load(lease, op->key, &object);

	if (err == HUFU_OK)
		err = p11_decrypt_with(lease, &raw, object, op->in, op->in_len, em, key->len, &len);
	if (err == HUFU_OK && len != key->len)
		err = HUFU_ERR_CORRUPT;
	return err == HUFU_OK ? rejection_of(lease, &raw, object, key) : err;
}

/* How long the message is, only a check of it tells: so its end is given where there is room for all of it. */
static enum hufu_err give(struct hufu_op *op, const uint8_t *message, size_t len)
{
	op->out_len = len;
	if (len > op->out_cap)
		return HUFU_ERR_BUFFER;
	memcpy(op->out, message, len);
	return HUFU_OK;
}

enum hufu_err p11_decrypt_pkcs1(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	const struct hufu_host *host = lease->device->host;
	size_t start = 0;

	if (op->in_len < RSA_MIN_NBITS / 8 || op->in_len > RSA_MAX_LEN)
		return HUFU_ERR_CIPHERTEXT_LEN;
	struct rsa_key *key = host->secret_alloc(sizeof(*key) + RSA_MAX_LEN);
	if (!key)
		return HUFU_ERR_NO_MEMORY;
	uint8_t *em = (uint8_t *)(key + 1);
	key->len = op->in_len; /* the token refuses what is of another length than its modulus */
	enum hufu_err err = open_raw(lease, offer, op, key, em);
	if (err == HUFU_OK)
		err = rsa_unpad_pkcs1(key, op->in, em, &start);
	if (err == HUFU_OK)
		err = give(op, em + start, key->len - start);
	host->secret_free(key);
	return err;
}
