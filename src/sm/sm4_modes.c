/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modes of GB/T 17964-2021. Where blocks do not wait for each other they go to
 * the cipher SM4_BULK_BLOCKS at a time, through a buffer on the stack.
 */
#include <string.h>

#include "base/secret.h"
#include "sm/bytes.h"
#include "sm/sm4.h"
#include "sm/sm4_impl.h"

#define BULK_LEN (SM4_BULK_BLOCKS * SM4_BLOCK_LEN)

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Clause 6. */
void sm4_cbc_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
	for (; n; n--, in += SM4_BLOCK_LEN, out += SM4_BLOCK_LEN) {
		xor_bytes(iv, iv, in, SM4_BLOCK_LEN);
		sm4_impl()->block(key->rk, iv, iv);
		memcpy(out, iv, SM4_BLOCK_LEN);
	}
}

/* GB/T 15852.1: output transformation 1 of a chain that begins with zeros is CBC-MAC. */
void sm4_cbc_mac(const struct sm4_key *key, uint8_t chain[16], const uint8_t *in, size_t n)
{
	for (; n; n--, in += SM4_BLOCK_LEN) {
		xor_bytes(chain, chain, in, SM4_BLOCK_LEN);
		sm4_impl()->block(key->rk, chain, chain);
	}
}

void sm4_cbc_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
	uint8_t plain[BULK_LEN], next_iv[SM4_BLOCK_LEN];

	while (n) {
		size_t now = smaller(n, SM4_BULK_BLOCKS), len = now * SM4_BLOCK_LEN;

		sm4_ecb_decrypt(key, in, plain, now);
		memcpy(next_iv, in + len - SM4_BLOCK_LEN, SM4_BLOCK_LEN);
		/* From the end, for in may be out: a block's predecessor is still ciphertext. */
		for (size_t at = len - SM4_BLOCK_LEN; at; at -= SM4_BLOCK_LEN)
			xor_bytes(out + at, plain + at, in + at - SM4_BLOCK_LEN, SM4_BLOCK_LEN);
		xor_bytes(out, plain, iv, SM4_BLOCK_LEN);
		memcpy(iv, next_iv, SM4_BLOCK_LEN);
		in += len;
		out += len;
		n -= now;
	}
	secret_wipe(plain, sizeof(plain));
}

/* Clause 7, with j = k = 128. */
void sm4_cfb128_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len)
{
	while (len) {
		size_t now = smaller(len, SM4_BLOCK_LEN);

		sm4_impl()->block(key->rk, iv, iv);
		xor_bytes(iv, iv, in, now);
		memcpy(out, iv, now);
		in += now;
		out += now;
		len -= now;
	}
}

void sm4_cfb128_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t keystream[BULK_LEN];

	while (len) {
		size_t now = smaller(len, BULK_LEN), nblocks = (now + SM4_BLOCK_LEN - 1) / SM4_BLOCK_LEN;

		memcpy(keystream, iv, SM4_BLOCK_LEN);
		memcpy(keystream + SM4_BLOCK_LEN, in, (nblocks - 1) * SM4_BLOCK_LEN);
		if (now == nblocks * SM4_BLOCK_LEN)
			memcpy(iv, in + now - SM4_BLOCK_LEN, SM4_BLOCK_LEN);
		sm4_ecb_encrypt(key, keystream, keystream, nblocks);
		xor_bytes(out, in, keystream, now);
		in += now;
		out += now;
		len -= now;
	}
	secret_wipe(keystream, sizeof(keystream));
}

/* Clause 8. The chaining value is keystream: iv is a secret from here on. */
void sm4_ofb(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t len)
{
	while (len) {
		size_t now = smaller(len, SM4_BLOCK_LEN);

		sm4_impl()->block(key->rk, iv, iv);
		xor_bytes(out, in, iv, now);
		in += now;
		out += now;
		len -= now;
	}
}

static uint64_t low_bits(unsigned n)
{
	return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* Adds one to the low nbits of the block; the others keep. */
static void count_up(uint8_t block[16], unsigned nbits)
{
	uint64_t hi = load_be64(block), lo = load_be64(block + 8);
	uint64_t next_lo = lo + 1, next_hi = hi + (next_lo == 0);
	uint64_t mask_lo = low_bits(nbits), mask_hi = nbits > 64 ? low_bits(nbits - 64) : 0;

	store_be64(block, (hi & ~mask_hi) | (next_hi & mask_hi));
	store_be64(block + 8, (lo & ~mask_lo) | (next_lo & mask_lo));
}

/* Clause 9. */
void sm4_ctr(const struct sm4_key *key, uint8_t iv[16], unsigned nbits, const uint8_t *in, uint8_t *out, size_t len)
{
	uint8_t keystream[BULK_LEN];

	while (len) {
		size_t now = smaller(len, BULK_LEN), nblocks = (now + SM4_BLOCK_LEN - 1) / SM4_BLOCK_LEN;

		for (size_t b = 0; b < nblocks; b++) {
			memcpy(keystream + b * SM4_BLOCK_LEN, iv, SM4_BLOCK_LEN);
			count_up(iv, nbits);
		}
		sm4_ecb_encrypt(key, keystream, keystream, nblocks);
		xor_bytes(out, in, keystream, now);
		in += now;
		out += now;
		len -= now;
	}
	secret_wipe(keystream, sizeof(keystream));
}
