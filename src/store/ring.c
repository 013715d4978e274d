/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ring.h"

#include <string.h>

#include "base/secret.h"

/* HMAC-SM3(secret, "hufu-1" 0 ring 0 purpose 0 token id): no two keys share a message. */
static void subkey(struct sm3_hmac_key *out, const struct sm3_hmac_key *secret, const char *ring, const char *purpose,
                   const uint8_t token_id[TOKEN_ID_LEN])
{
	static const char scheme[] = "hufu-1";
	struct sm3_hmac h;
	uint8_t key[SM3_DIGEST_LEN];

	sm3_hmac_init(&h, secret);
	sm3_hmac_update(&h, scheme, sizeof(scheme));
	sm3_hmac_update(&h, ring, strlen(ring) + 1);
	sm3_hmac_update(&h, purpose, strlen(purpose) + 1);
	sm3_hmac_update(&h, token_id, TOKEN_ID_LEN);
	sm3_hmac_final(&h, key);
	sm3_hmac_key_init(out, key, sizeof(key));
	secret_wipe(key, sizeof(key));
}

void ring_init(struct ring *ring, const char *name, const void *secret, size_t len, const uint8_t token_id[TOKEN_ID_LEN])
{
	struct sm3_hmac_key base;

	sm3_hmac_key_init(&base, secret, len);
	subkey(&ring->seal, &base, name, "seal", token_id);
	subkey(&ring->mac, &base, name, "row mac", token_id);
	subkey(&ring->lookup, &base, name, "lookup", token_id);
	subkey(&ring->uuid, &base, name, "uuid", token_id);
	secret_wipe(&base, sizeof(base));
}

void ring_lookup(const struct ring *ring, uint64_t type, const uint8_t *value, size_t len, uint8_t out[LOOKUP_LEN])
{
	struct sm3_hmac_key attr_key;
	uint8_t be[8], key[SM3_DIGEST_LEN], digest[SM3_DIGEST_LEN];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(type >> (56 - 8 * i));
	sm3_hmac(&ring->lookup, be, sizeof(be), key);
	sm3_hmac_key_init(&attr_key, key, sizeof(key));
	sm3_hmac(&attr_key, value, len, digest);
	memcpy(out, digest, LOOKUP_LEN);
	secret_wipe(key, sizeof(key));
	secret_wipe(&attr_key, sizeof(attr_key));
}

void ring_uuid(const struct ring *ring, const uint8_t op_id[16], const uint8_t request[SM3_DIGEST_LEN], uint8_t uuid[UUID_LEN])
{
	uint8_t both[16 + SM3_DIGEST_LEN], digest[SM3_DIGEST_LEN];

	memcpy(both, op_id, 16);
	memcpy(both + 16, request, SM3_DIGEST_LEN);
	sm3_hmac(&ring->uuid, op_id, 16, digest);
	memcpy(uuid, digest, UUID_OP_LEN);
	sm3_hmac(&ring->uuid, both, sizeof(both), digest);
	memcpy(uuid + UUID_OP_LEN, digest, UUID_LEN - UUID_OP_LEN);
}
