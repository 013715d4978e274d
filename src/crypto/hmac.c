/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/hash.h"

#include <string.h>

#include "base/secret.h"

/* FIPS 198-1 table 1, steps 1 to 3: the key as one block. */
static enum hufu_err block_of(enum hash_id id, const void *key, size_t len, uint8_t block[HASH_BLOCK_MAX])
{
	memset(block, 0, HASH_BLOCK_MAX);
	if (len > hash_block_len(id))
		return hash_once(id, key, len, block);
	if (len)
		memcpy(block, key, len);
	return HUFU_OK;
}

static enum hufu_err absorb_padded(struct hash *h, enum hash_id id, const uint8_t block[HASH_BLOCK_MAX], uint8_t pad)
{
	uint8_t padded[HASH_BLOCK_MAX];
	enum hufu_err err = hash_init(h, id);

	for (size_t i = 0; i < sizeof(padded); i++)
		padded[i] = block[i] ^ pad;
	if (err == HUFU_OK)
		hash_update(h, padded, hash_block_len(id));
	secret_wipe(padded, sizeof(padded));
	return err;
}

enum hufu_err hmac_key_init(struct hmac_key *k, enum hash_id id, const void *key, size_t len)
{
	uint8_t block[HASH_BLOCK_MAX];
	enum hufu_err err = block_of(id, key, len, block);

	if (err == HUFU_OK)
		err = absorb_padded(&k->inner, id, block, 0x36);
	if (err == HUFU_OK)
		err = absorb_padded(&k->outer, id, block, 0x5c);
	secret_wipe(block, sizeof(block));
	if (err != HUFU_OK)
		hmac_key_clear(k);
	return err;
}

void hmac_key_clear(struct hmac_key *k)
{
	hash_clear(&k->inner);
	hash_clear(&k->outer);
}

enum hufu_err hmac_init(struct hmac *h, const struct hmac_key *k)
{
	return hash_copy(&h->inner, &k->inner);
}

void hmac_update(struct hmac *h, const void *data, size_t len)
{
	hash_update(&h->inner, data, len);
}

enum hufu_err hmac_final(struct hmac *h, const struct hmac_key *k, uint8_t *mac)
{
	uint8_t digest[HASH_LEN_MAX];
	struct hash outer = {0};
	enum hufu_err err = hash_copy(&outer, &k->outer);

	hash_final(&h->inner, digest);
	if (err == HUFU_OK) {
		hash_update(&outer, digest, hash_len(outer.id));
		hash_final(&outer, mac);
	}
	hash_clear(&outer);
	hmac_clear(h);
	secret_wipe(digest, sizeof(digest));
	return err;
}

void hmac_clear(struct hmac *h)
{
	hash_clear(&h->inner);
}

enum hufu_err hmac_once(enum hash_id id, const void *key, size_t key_len, const void *data, size_t len, uint8_t *mac)
{
	struct hmac_key k = {0};
	struct hmac h = {0};
	enum hufu_err err = hmac_key_init(&k, id, key, key_len);

	if (err == HUFU_OK)
		err = hmac_init(&h, &k);
	if (err == HUFU_OK) {
		hmac_update(&h, data, len);
		err = hmac_final(&h, &k, mac);
	}
	hmac_clear(&h);
	hmac_key_clear(&k);
	return err;
}
