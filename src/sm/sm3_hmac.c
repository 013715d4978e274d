/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SM3: GB/T 15852.2 MAC algorithm 2, as GM/T 0042-2015 uses it. */
#include <string.h>

#include "base/secret.h"
#include "sm/sm3.h"
#include "sm/sm3_impl.h"

/* The state of SM3 after the key, padded to a block and XORed with pad. */
static void absorb_pad(uint32_t h[8], const uint8_t key[SM3_BLOCK_LEN], uint8_t pad)
{
	uint8_t block[SM3_BLOCK_LEN];
	struct sm3 s;

	for (int i = 0; i < SM3_BLOCK_LEN; i++)
		block[i] = key[i] ^ pad;
	sm3_init(&s);
	sm3_update(&s, block, sizeof(block));
	memcpy(h, s.h, sizeof(s.h));
	secret_wipe(block, sizeof(block));
	secret_wipe(&s, sizeof(s));
}

/* A state that has just absorbed one padded key. */
static void resume(struct sm3 *s, const uint32_t h[8])
{
	memcpy(s->h, h, sizeof(s->h));
	s->nbytes = SM3_BLOCK_LEN;
	memset(s->block, 0, sizeof(s->block));
}

void sm3_hmac_key_init(struct sm3_hmac_key *k, const void *key, size_t len)
{
	uint8_t block[SM3_BLOCK_LEN] = {0};

	if (len > SM3_BLOCK_LEN)
		sm3(key, len, block);
	else if (len)
		memcpy(block, key, len);
	absorb_pad(k->inner, block, 0x36);
	absorb_pad(k->outer, block, 0x5c);
	secret_wipe(block, sizeof(block));
}

void sm3_hmac_init(struct sm3_hmac *s, const struct sm3_hmac_key *k)
{
	resume(&s->inner, k->inner);
	memcpy(s->outer, k->outer, sizeof(s->outer));
}

void sm3_hmac_update(struct sm3_hmac *s, const void *data, size_t len)
{
	sm3_update(&s->inner, data, len);
}

void sm3_hmac_final(struct sm3_hmac *s, uint8_t mac[SM3_DIGEST_LEN])
{
	uint8_t digest[SM3_DIGEST_LEN];
	struct sm3 outer;

	sm3_final(&s->inner, digest);
	resume(&outer, s->outer);
	sm3_update(&outer, digest, sizeof(digest));
	sm3_final(&outer, mac);
	secret_wipe(digest, sizeof(digest));
	secret_wipe(s, sizeof(*s));
}

void sm3_hmac(const struct sm3_hmac_key *k, const void *data, size_t len, uint8_t mac[SM3_DIGEST_LEN])
{
	struct sm3_hmac s;

	sm3_hmac_init(&s, k);
	sm3_hmac_update(&s, data, len);
	sm3_hmac_final(&s, mac);
}
