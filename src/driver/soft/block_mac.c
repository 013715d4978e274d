/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MACs made of a chain of blocks: CMAC (SP 800-38B; algorithm 5 of GB/T 15852.1)
 * with AES and SM4, CBC-MAC (algorithm 1 of GB/T 15852.1) with SM4. AES is
 * composed of libcrypto's CBC mode, whose chain can be saved where that of its
 * own CMAC cannot.
 */
#include "driver/soft/cipher.h"
#include "driver/soft/state.h"
#include "sm/bytes.h"
#include "sm/sm4.h"

#define BLOCK_LEN 16

static const uint8_t zeros[BLOCK_LEN];

/* A key at work. */
struct blocks {
	const struct sm4_key *sm4; /* NULL: aes is it */
	struct cipher aes;
};

/* The last block, full or not, waits: only at the end is it known for the last. */
struct mac {
	uint8_t chain[BLOCK_LEN];
	uint8_t rest[BLOCK_LEN];
	size_t rest_len;
	size_t mac_len;
};

static enum hufu_err take(const struct hufu_host *host, const struct hufu_op *op, struct blocks *blocks)
{
	const void *loaded;

	*blocks = (struct blocks){.sm4 = NULL};
	if (op->key->type == HUFU_KEY_AES)
		return cipher_take(host, op, CIPHER_CBC_ENCRYPT, &blocks->aes);
	enum hufu_err err = soft_load(host, op->key, &loaded);
	if (err == HUFU_OK)
		blocks->sm4 = loaded;
	return err;
}

static void give_back(struct blocks *blocks, enum hufu_err outcome)
{
	if (!blocks->sm4)
		cipher_give_back(&blocks->aes, outcome);
}

/* The last block of their encryption in CBC mode. */
static bool absorb_aes(uint8_t chain[BLOCK_LEN], const struct cipher *aes, const uint8_t *in, size_t len)
{
	uint8_t scratch[32 * BLOCK_LEN];
	bool good = cipher_set_iv(aes, chain);

	while (good && len) {
		size_t n = len < sizeof(scratch) ? len : sizeof(scratch);

		good = cipher_update(aes, in, scratch, n);
		memcpy(chain, scratch + n - BLOCK_LEN, BLOCK_LEN);
		secret_wipe(scratch, n);
		in += n, len -= n;
	}
	return good;
}

/* Whole blocks. */
static bool absorb(uint8_t chain[BLOCK_LEN], const struct blocks *blocks, const uint8_t *in, size_t len)
{
	if (!blocks->sm4)
		return absorb_aes(chain, &blocks->aes, in, len);
	sm4_cbc_mac(blocks->sm4, chain, in, len / BLOCK_LEN);
	return true;
}

static bool update(struct mac *mac, const struct blocks *blocks, const uint8_t *in, size_t len)
{
	size_t fill = BLOCK_LEN - mac->rest_len;

	if (!len)
		return true;
	if (fill > len)
		fill = len;
	memcpy(mac->rest + mac->rest_len, in, fill);
	mac->rest_len += fill;
	in += fill, len -= fill;
	if (!len)
		return true;
	size_t whole = (len - 1) / BLOCK_LEN * BLOCK_LEN;
	if (!absorb(mac->chain, blocks, mac->rest, BLOCK_LEN) || !absorb(mac->chain, blocks, in, whole))
		return false;
	mac->rest_len = len - whole;
	memcpy(mac->rest, in + whole, mac->rest_len);
	return true;
}

/* SP 800-38B 6.1: times x in GF(2^128), R = 0^120 10000111. */
static void double_block(uint8_t block[BLOCK_LEN])
{
	uint64_t high = load_be64(block), low = load_be64(block + 8);
	uint64_t carry = -(high >> 63) & 0x87;

	store_be64(block, high << 1 | low >> 63);
	store_be64(block + 8, low << 1 ^ carry);
}

/* SP 800-38B 6.2, step 4: what the last block is masked with. */
static bool mask_last(struct mac *mac, const struct blocks *blocks)
{
	uint8_t subkey[BLOCK_LEN] = {0};
	bool good = absorb(subkey, blocks, zeros, BLOCK_LEN);

	double_block(subkey);
	if (mac->rest_len < BLOCK_LEN) {
		double_block(subkey);
		memset(mac->rest + mac->rest_len, 0, BLOCK_LEN - mac->rest_len);
		mac->rest[mac->rest_len] = 0x80;
	}
	xor_bytes(mac->rest, mac->rest, subkey, BLOCK_LEN);
	secret_wipe(subkey, sizeof(subkey));
	return good;
}

static bool is_cmac(const struct hufu_op *op)
{
	return op->mechanism != CKM_HUFU_SM4_CBC_MAC;
}

/* GB/T 15852.1 algorithm 1 takes whole blocks, one at least; how a message is filled up to them is its owner's choice. */
static enum hufu_err finish(struct mac *mac, const struct blocks *blocks, struct hufu_op *op)
{
	if (!is_cmac(op) && mac->rest_len < BLOCK_LEN)
		return HUFU_ERR_DATA_LEN;
	if (is_cmac(op) && !mask_last(mac, blocks))
		return HUFU_ERR_BUG;
	return absorb(mac->chain, blocks, mac->rest, BLOCK_LEN) ? soft_give_mac(op, mac->chain, mac->mac_len) : HUFU_ERR_BUG;
}

static void save(struct hufu_op *op, const struct mac *mac)
{
	state_begin(op);
	put_u8(op, (uint8_t)mac->mac_len);
	put_bytes(op, mac->chain, BLOCK_LEN);
	put_u8(op, (uint8_t)mac->rest_len);
	put_bytes(op, mac->rest, mac->rest_len);
}

/* A chain with nothing behind it is no state: one block at least waits. */
static enum hufu_err restore(struct mac *mac, const struct hufu_op *op)
{
	struct reader r = state_read(op);

	mac->mac_len = read_u8(&r);
	read_copy(&r, mac->chain, BLOCK_LEN);
	mac->rest_len = read_u8(&r);
	if (mac->rest_len > BLOCK_LEN || mac->mac_len < 1 || mac->mac_len > BLOCK_LEN)
		return HUFU_ERR_DATA;
	read_copy(&r, mac->rest, mac->rest_len);
	if (!reader_done(&r) || (!mac->rest_len && !secret_equal(mac->chain, zeros, BLOCK_LEN)))
		return HUFU_ERR_DATA;
	return HUFU_OK;
}

static enum hufu_err start(struct mac *mac, const struct hufu_op *op)
{
	const struct hufu_param_mac *param = op->param;

	mac->mac_len = param ? param->mac_len : BLOCK_LEN;
	return mac->mac_len >= 1 && mac->mac_len <= BLOCK_LEN ? HUFU_OK : HUFU_ERR_PARAM;
}

static enum hufu_err run(struct mac *mac, const struct blocks *blocks, struct hufu_op *op)
{
	if (!update(mac, blocks, op->in, op->in_len))
		return HUFU_ERR_BUG;
	if (soft_ends(op))
		return finish(mac, blocks, op);
	save(op, mac);
	return HUFU_OK;
}

static enum hufu_err block_mac(const struct hufu_host *host, struct hufu_op *op)
{
	struct mac mac = {0};
	struct blocks blocks;

	if (op->in_len && !op->in)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_starts(op) ? start(&mac, op) : restore(&mac, op);
	if (err == HUFU_OK)
		err = take(host, op, &blocks);
	if (err == HUFU_OK) {
		err = run(&mac, &blocks, op);
		give_back(&blocks, err);
	}
	secret_wipe(&mac, sizeof(mac));
	return err;
}

#define MAC(mechanism, key, max_nbits) \
	{mechanism, HUFU_VERB_SIGN, key, true, block_mac, 128, max_nbits}, \
	{mechanism, HUFU_VERB_VERIFY, key, true, block_mac, 128, max_nbits}

const struct soft_row soft_block_mac_rows[] = {
	MAC(CKM_AES_CMAC, HUFU_KEY_AES, 256),
	MAC(CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4, 128),
	MAC(CKM_HUFU_SM4_CBC_MAC, HUFU_KEY_SM4, 128),
	{0, 0, 0, false, NULL, 0, 0},
};
