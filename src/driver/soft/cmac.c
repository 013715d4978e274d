/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CMAC with AES, SP 800-38B: composed from libcrypto's CBC mode, whose chain can
 * be saved where that of its own CMAC cannot.
 */
#include "driver/soft/cipher.h"
#include "driver/soft/state.h"
#include "sm/bytes.h"

#define BLOCK_LEN 16

static const uint8_t zeros[BLOCK_LEN];

/* The last block, full or not, waits: only at the end is it known for the last. */
struct cmac {
	uint8_t chain[BLOCK_LEN];
	uint8_t rest[BLOCK_LEN];
	size_t rest_len;
	size_t mac_len;
};

/* Whole blocks into the chain, at which cbc stands: the last block of their encryption. */
static bool absorb(struct cmac *mac, const struct cipher *cbc, const uint8_t *in, size_t len)
{
	uint8_t scratch[32 * BLOCK_LEN];
	bool good = true;

	while (good && len) {
		size_t n = len < sizeof(scratch) ? len : sizeof(scratch);

		good = cipher_update(cbc, in, scratch, n);
		memcpy(mac->chain, scratch + n - BLOCK_LEN, BLOCK_LEN);
		secret_wipe(scratch, n);
		in += n, len -= n;
	}
	return good;
}

static bool update(struct cmac *mac, const struct cipher *cbc, const uint8_t *in, size_t len)
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
	if (!cipher_set_iv(cbc, mac->chain) || !absorb(mac, cbc, mac->rest, BLOCK_LEN) || !absorb(mac, cbc, in, whole))
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

/* SP 800-38B 6.2, steps 4 to 6. */
static bool finish(struct cmac *mac, const struct cipher *cbc)
{
	uint8_t subkey[BLOCK_LEN];
	bool good = cipher_set_iv(cbc, zeros) && cipher_update(cbc, zeros, subkey, BLOCK_LEN);

	double_block(subkey);
	if (mac->rest_len < BLOCK_LEN) {
		double_block(subkey);
		memset(mac->rest + mac->rest_len, 0, BLOCK_LEN - mac->rest_len);
		mac->rest[mac->rest_len] = 0x80;
	}
	xor_bytes(mac->rest, mac->rest, subkey, BLOCK_LEN);
	secret_wipe(subkey, sizeof(subkey));
	return good && cipher_set_iv(cbc, mac->chain) && absorb(mac, cbc, mac->rest, BLOCK_LEN);
}

static void save(struct hufu_op *op, const struct cmac *mac)
{
	state_begin(op);
	put_u8(op, (uint8_t)mac->mac_len);
	put_bytes(op, mac->chain, BLOCK_LEN);
	put_u8(op, (uint8_t)mac->rest_len);
	put_bytes(op, mac->rest, mac->rest_len);
}

/* A chain with nothing behind it is no state: one block at least waits. */
static enum hufu_err restore(struct cmac *mac, const struct hufu_op *op)
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

static enum hufu_err start(struct cmac *mac, const struct hufu_op *op)
{
	const struct hufu_param_mac *param = op->param;

	mac->mac_len = param ? param->mac_len : BLOCK_LEN;
	return mac->mac_len >= 1 && mac->mac_len <= BLOCK_LEN ? HUFU_OK : HUFU_ERR_PARAM;
}

static enum hufu_err run(struct cmac *mac, const struct cipher *cbc, struct hufu_op *op)
{
	if (!update(mac, cbc, op->in, op->in_len))
		return HUFU_ERR_BUG;
	if (!soft_ends(op)) {
		save(op, mac);
		return HUFU_OK;
	}
	return finish(mac, cbc) ? soft_give_mac(op, mac->chain, mac->mac_len) : HUFU_ERR_BUG;
}

static enum hufu_err cmac(const struct hufu_host *host, struct hufu_op *op)
{
	struct cmac mac = {0};
	struct cipher cbc;

	if (op->in_len && !op->in)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = soft_starts(op) ? start(&mac, op) : restore(&mac, op);
	if (err == HUFU_OK)
		err = cipher_take(host, op, CIPHER_CBC_ENCRYPT, &cbc);
	if (err == HUFU_OK) {
		err = run(&mac, &cbc, op);
		cipher_give_back(&cbc, err);
	}
	secret_wipe(&mac, sizeof(mac));
	return err;
}

const struct soft_row soft_cmac_rows[] = {
	{CKM_AES_CMAC, HUFU_VERB_SIGN, HUFU_KEY_AES, true, cmac, 128, 256},
	{CKM_AES_CMAC, HUFU_VERB_VERIFY, HUFU_KEY_AES, true, cmac, 128, 256},
	{0, 0, 0, false, NULL, 0, 0},
};
