/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "sm/sm4.h"
#include "sm/sm4_impl.h"

/* A single block is cheaper by itself than as a group of one. */
static void portable_blocks(const uint32_t rk[SM4_ROUNDS], const uint8_t *in, uint8_t *out, size_t n)
{
	if (n == 1)
		sm4_single_block(rk, in, out);
	else
		sm4_bulk_blocks(rk, in, out, n);
}

const struct sm4_impl sm4_portable = {
	.name = "portable",
	.expand = sm4_single_expand,
	.block = sm4_single_block,
	.blocks = portable_blocks,
};

const struct sm4_impl *sm4_impl(void)
{
	return &sm4_portable;
}

void sm4_key_init(struct sm4_key *key, const uint8_t bytes[SM4_KEY_LEN])
{
	sm4_impl()->expand(key->rk, bytes);
}

void sm4_ecb_encrypt(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t n)
{
	sm4_impl()->blocks(key->rk, in, out, n);
}

void sm4_ecb_decrypt(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t n)
{
	uint32_t reversed[SM4_ROUNDS];

	for (int i = 0; i < SM4_ROUNDS; i++)
		reversed[i] = key->rk[SM4_ROUNDS - 1 - i];
	sm4_impl()->blocks(reversed, in, out, n);
	secret_wipe(reversed, sizeof(reversed));
}
