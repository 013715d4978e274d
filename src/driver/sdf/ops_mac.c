/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MACs: HMAC-SM3 (GB/T 15852.2), CBC-MAC (GB/T 15852.1 algorithm 1) by the
 * device's own or as the last block of its CBC, and by opt-in CMAC (SP 800-38B) of both, whose
 * subkeys come into this host's memory.
 */
#include "driver/sdf/sdf.h"

#include "sm/bytes.h"

#define HMAC_LEN 32

static enum hufu_err mac_len_of(const struct hufu_op *op, size_t most, size_t *len)
{
	const struct hufu_param_mac *param = op->param;

	*len = param ? param->mac_len : most;
	return *len >= 1 && *len <= most ? HUFU_OK : HUFU_ERR_PARAM;
}

/* -- HMAC ------------------------------------------------------------------------------- */

static bool offers_hmac(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_HMAC) && (device_can(device, SDF_CAN_IMPORT_KEK) || device_can(device,
	                                                                                                 SDF_CAN_IMPORT_ISK));
}

static enum hufu_err hmac_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	uint8_t mac[HMAC_LEN];
	size_t len;
	enum hufu_err err = mac_len_of(op, sizeof(mac), &len);

	if (err == HUFU_OK)
		err = sdf_hmac(lease->session, handle, op->in, op->in_len, mac);
	if (err == HUFU_OK)
		err = soft_give_mac(op, mac, len);
	secret_wipe(mac, sizeof(mac));
	return err;
}

static enum hufu_err hmac(struct hufu_lease *lease, struct hufu_op *op)
{
	return handles_run(lease, op, hmac_with);
}

/* -- CBC-MAC ------------------------------------------------------------------------------ */

static bool has_mac(const struct hufu_device *device)
{
	return device_can(device, SDF_CAN_MAC) && device->profile->macs_in_device && device_has(device, SDF_ALG_SM4_MAC);
}

static bool offers_cbc_mac(const struct hufu_device *device)
{
	return offers_cbc(device) || (offers_symmetric(device) && has_mac(device));
}

/* Whole blocks into the chain. */
static enum hufu_err absorb(struct hufu_lease *lease, void *handle, uint8_t chain[SDF_BLOCK_LEN], const uint8_t *in, size_t len)
{
	uint8_t mac[SDF_BLOCK_LEN];

	if (!len)
		return HUFU_OK;
	if (!has_mac(lease->device))
		return sm4_chain(lease, handle, chain, in, len);
	enum hufu_err err = sdf_mac(lease->session, handle, SDF_ALG_SM4_MAC, chain, in, len, mac);
	if (err == HUFU_OK)
		memcpy(chain, mac, sizeof(mac));
	secret_wipe(mac, sizeof(mac));
	return err;
}

static enum hufu_err cbc_mac_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	uint8_t chain[SDF_BLOCK_LEN] = {0};
	size_t len;
	enum hufu_err err = mac_len_of(op, sizeof(chain), &len);

	if (err == HUFU_OK)
		err = absorb(lease, handle, chain, op->in, op->in_len);
	if (err == HUFU_OK)
		err = soft_give_mac(op, chain, len);
	secret_wipe(chain, sizeof(chain));
	return err;
}

/* How a message is filled up to whole blocks is its owner's choice; it has one at least. */
static enum hufu_err cbc_mac(struct hufu_lease *lease, struct hufu_op *op)
{
	return op->in_len && op->in_len % SDF_BLOCK_LEN == 0 ? handles_run(lease, op, cbc_mac_with) : HUFU_ERR_DATA_LEN;
}

/* -- CMAC ----------------------------------------------------------------------------------- */

static bool offers_cmac(const struct hufu_device *device)
{
	return device->settings.cmac && offers_ecb(device) && offers_cbc_mac(device);
}

/* SP 800-38B 6.1: times x in GF(2^128), R = 0^120 10000111. */
static void double_block(uint8_t block[SDF_BLOCK_LEN])
{
	uint64_t high = load_be64(block), low = load_be64(block + 8), carry = -(high >> 63) & 0x87;

	high = high << 1 | low >> 63;
	low = low << 1 ^ carry;
	store_be32(block, (uint32_t)(high >> 32));
	store_be32(block + 4, (uint32_t)high);
	store_be32(block + 8, (uint32_t)(low >> 32));
	store_be32(block + 12, (uint32_t)low);
}

/* SP 800-38B 6.2, steps 2 to 4: the last block, filled up, masked with its subkey. */
static enum hufu_err make_last(struct hufu_lease *lease, void *handle, const uint8_t *rest, size_t len, uint8_t last[SDF_BLOCK_LEN])
{
	static const uint8_t zeros[SDF_BLOCK_LEN];
	uint8_t subkey[SDF_BLOCK_LEN];
	enum hufu_err err = sm4_block(lease, handle, zeros, subkey);

	if (err != HUFU_OK)
		return err;
	double_block(subkey);
	memset(last, 0, SDF_BLOCK_LEN);
	if (len)
		memcpy(last, rest, len);
	if (len < SDF_BLOCK_LEN) {
		double_block(subkey);
		last[len] = 0x80;
	}
	xor_bytes(last, last, subkey, SDF_BLOCK_LEN);
	secret_wipe(subkey, sizeof(subkey));
	return HUFU_OK;
}

static enum hufu_err cmac_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	uint8_t chain[SDF_BLOCK_LEN] = {0}, last[SDF_BLOCK_LEN];
	size_t whole = op->in_len ? (op->in_len - 1) / SDF_BLOCK_LEN * SDF_BLOCK_LEN : 0, len;
	enum hufu_err err = mac_len_of(op, sizeof(chain), &len);

	if (err == HUFU_OK)
		err = absorb(lease, handle, chain, op->in, whole);
	if (err == HUFU_OK)
		err = make_last(lease, handle, op->in_len ? op->in + whole : NULL, op->in_len - whole, last);
	if (err == HUFU_OK)
		err = absorb(lease, handle, chain, last, sizeof(last));
	if (err == HUFU_OK)
		err = soft_give_mac(op, chain, len);
	secret_wipe(chain, sizeof(chain));
	secret_wipe(last, sizeof(last));
	return err;
}

static enum hufu_err cmac(struct hufu_lease *lease, struct hufu_op *op)
{
	enum hufu_err err = sm4_may_expose(op);

	return err == HUFU_OK ? handles_run(lease, op, cmac_with) : err;
}

#define MAC(mechanism, key, offered, run, min_nbits, max_nbits) \
	{mechanism, HUFU_VERB_SIGN, key, offered, run, min_nbits, max_nbits, NULL, NULL}, \
	{mechanism, HUFU_VERB_VERIFY, key, offered, run, min_nbits, max_nbits, NULL, NULL}

const struct sdf_row sdf_mac_rows[] = {
	MAC(CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET, offers_hmac, hmac, 8, 8 * SDF_KEY_MAX),
	MAC(CKM_HUFU_SM4_CBC_MAC, HUFU_KEY_SM4, offers_cbc_mac, cbc_mac, 128, 128),
	MAC(CKM_HUFU_SM4_CMAC, HUFU_KEY_SM4, offers_cmac, cmac, 128, 128),
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
