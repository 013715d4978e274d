/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SM4's modes without a tag, GB/T 17964: the device's own, else composed of its ECB.
 * An op brings its IV and takes none away: the core chains.
 */
#include "driver/sdf/sdf.h"

#include "sm/bytes.h"

#define LOOK_EVERY 256 /* blocks between looks at the clock */
#define PIECE (SDF_SCRATCH_LEN / 2) /* the scratch memory holds what goes into the cipher, and what comes out */

/* -- what is there --------------------------------------------------------------------- */

static bool offers(const struct hufu_device *device, enum sdf_alg alg)
{
	return offers_symmetric(device) && device_has(device, alg);
}

bool offers_ecb(const struct hufu_device *device)
{
	return offers(device, SDF_ALG_SM4_ECB);
}

bool offers_cbc(const struct hufu_device *device)
{
	return offers(device, SDF_ALG_SM4_CBC);
}

static bool offers_cfb(const struct hufu_device *device)
{
	return offers(device, SDF_ALG_SM4_CFB) || offers_ecb(device);
}

static bool offers_ofb(const struct hufu_device *device)
{
	return offers(device, SDF_ALG_SM4_OFB) || offers_ecb(device);
}

static bool offers_ctr(const struct hufu_device *device)
{
	return offers(device, SDF_ALG_SM4_CTR) || offers_ecb(device);
}

/* -- the cipher, on secrets of the stream modes ------------------------------------------ */

/* blocks of scratch memory, encrypted into its other half. */
static enum hufu_err encrypt_scratch(struct hufu_lease *lease, void *handle, size_t len)
{
	return sdf_crypt(lease->session, handle, SDF_ALG_SM4_ECB, true, NULL, lease->scratch, len, lease->scratch + PIECE);
}

enum hufu_err sm4_block(struct hufu_lease *lease, void *handle, const uint8_t in[SDF_BLOCK_LEN], uint8_t out[SDF_BLOCK_LEN])
{
	return sdf_crypt(lease->session, handle, SDF_ALG_SM4_ECB, true, NULL, in, SDF_BLOCK_LEN, out);
}

/* In the low nbits of a big-endian block; those above stay. */
static void increment(uint8_t counter[SDF_BLOCK_LEN], uint32_t nbits)
{
	unsigned carry = 1;

	for (int i = SDF_BLOCK_LEN - 1; i >= 0 && nbits; i--) {
		unsigned width = nbits < 8 ? nbits : 8, mask = (1u << width) - 1, sum = (counter[i] & mask) + carry;

		counter[i] = (uint8_t)((counter[i] & ~mask) | (sum & mask));
		carry = sum >> width;
		nbits -= width;
	}
}

static size_t whole_blocks(size_t len)
{
	return (len + SDF_BLOCK_LEN - 1) / SDF_BLOCK_LEN * SDF_BLOCK_LEN;
}

enum hufu_err sm4_count(struct hufu_lease *lease, void *handle, uint8_t counter[SDF_BLOCK_LEN], uint32_t nbits, const uint8_t *in,
                        size_t len, uint8_t *out)
{
	enum hufu_err err = HUFU_OK;

	for (size_t at = 0; at < len && err == HUFU_OK; at += PIECE) {
		size_t n = len - at < PIECE ? len - at : PIECE;

		for (size_t i = 0; i < n; i += SDF_BLOCK_LEN) {
			memcpy(lease->scratch + i, counter, SDF_BLOCK_LEN);
			increment(counter, nbits);
		}
		err = encrypt_scratch(lease, handle, whole_blocks(n));
		if (err == HUFU_OK)
			xor_bytes(out + at, in + at, lease->scratch + PIECE, n);
	}
	secret_wipe(lease->scratch, SDF_SCRATCH_LEN);
	return err;
}

static bool is_late(const struct hufu_lease *lease)
{
	uint64_t deadline_ns = lease->session->deadline_ns;

	return deadline_ns && lease->device->host->now_ns() >= deadline_ns;
}

/* A block at a time: each is made of the one before, which takes a call each. cfb: of its ciphertext, else of its keystream. */
static enum hufu_err feed_back(struct hufu_lease *lease, void *handle, const uint8_t iv[SDF_BLOCK_LEN], bool cfb,
                               const struct hufu_op *op)
{
	uint8_t *keystream = lease->scratch;
	enum hufu_err err = HUFU_OK;

	memcpy(keystream, iv, SDF_BLOCK_LEN);
	for (size_t at = 0; at < op->in_len && err == HUFU_OK; at += SDF_BLOCK_LEN) {
		size_t n = op->in_len - at < SDF_BLOCK_LEN ? op->in_len - at : SDF_BLOCK_LEN;
		const uint8_t *before = cfb && at ? op->out + at - SDF_BLOCK_LEN : keystream;

		if (at / SDF_BLOCK_LEN % LOOK_EVERY == LOOK_EVERY - 1 && is_late(lease)) {
			err = HUFU_ERR_DEADLINE;
			break;
		}
		memcpy(keystream + SDF_BLOCK_LEN, before, SDF_BLOCK_LEN);
		err = sm4_block(lease, handle, keystream + SDF_BLOCK_LEN, keystream);
		if (err == HUFU_OK)
			xor_bytes(op->out + at, op->in + at, keystream, n);
	}
	secret_wipe(lease->scratch, SDF_SCRATCH_LEN);
	return err;
}

/* To decrypt CFB, all that goes into the cipher is there from the start: IV and ciphertext. */
static enum hufu_err cfb_decrypt(struct hufu_lease *lease, void *handle, const uint8_t iv[SDF_BLOCK_LEN], const struct hufu_op *op)
{
	enum hufu_err err = HUFU_OK;

	for (size_t at = 0; at < op->in_len && err == HUFU_OK; at += PIECE) {
		size_t n = op->in_len - at < PIECE ? op->in_len - at : PIECE, whole = whole_blocks(n);

		memcpy(lease->scratch, at ? op->in + at - SDF_BLOCK_LEN : iv, SDF_BLOCK_LEN);
		memcpy(lease->scratch + SDF_BLOCK_LEN, op->in + at, whole - SDF_BLOCK_LEN);
		err = encrypt_scratch(lease, handle, whole);
		if (err == HUFU_OK)
			xor_bytes(op->out + at, op->in + at, lease->scratch + PIECE, n);
	}
	secret_wipe(lease->scratch, SDF_SCRATCH_LEN);
	return err;
}

enum hufu_err sm4_chain(struct hufu_lease *lease, void *handle, uint8_t chain[SDF_BLOCK_LEN], const uint8_t *in, size_t len)
{
	enum hufu_err err = HUFU_OK;

	for (size_t at = 0; at < len && err == HUFU_OK; at += SDF_SCRATCH_LEN) {
		size_t n = len - at < SDF_SCRATCH_LEN ? len - at : SDF_SCRATCH_LEN;
		uint8_t iv[SDF_BLOCK_LEN];

		memcpy(iv, chain, sizeof(iv));
		err = sdf_crypt(lease->session, handle, SDF_ALG_SM4_CBC, true, iv, in + at, n, lease->scratch);
		if (err == HUFU_OK)
			memcpy(chain, lease->scratch + n - SDF_BLOCK_LEN, SDF_BLOCK_LEN);
	}
	secret_wipe(lease->scratch, SDF_SCRATCH_LEN);
	return err;
}

enum hufu_err sm4_may_expose(const struct hufu_op *op)
{
	return op->key->hardware_only ? HUFU_ERR_NO_KEY : HUFU_OK;
}

/* -- the modes ------------------------------------------------------------------------------ */

/* By the device alone; what is not there was not offered. */
static enum hufu_err native(struct hufu_lease *lease, void *handle, enum sdf_alg alg, const struct hufu_op *op)
{
	uint8_t iv[SDF_BLOCK_LEN] = {0};

	if (alg != SDF_ALG_SM4_ECB)
		memcpy(iv, ((const struct hufu_param_iv *)op->param)->iv, sizeof(iv));
	return sdf_crypt(lease->session, handle, alg, op->verb == HUFU_VERB_ENCRYPT, alg == SDF_ALG_SM4_ECB ? NULL : iv, op->in,
	                 op->in_len, op->out);
}

static enum hufu_err ecb_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	return native(lease, handle, SDF_ALG_SM4_ECB, op);
}

static enum hufu_err cbc_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	return native(lease, handle, SDF_ALG_SM4_CBC, op);
}

static enum hufu_err cfb_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	const uint8_t *iv = ((const struct hufu_param_iv *)op->param)->iv;

	if (device_has(lease->device, SDF_ALG_SM4_CFB))
		return native(lease, handle, SDF_ALG_SM4_CFB, op);
	return op->verb == HUFU_VERB_ENCRYPT ? feed_back(lease, handle, iv, true, op) : cfb_decrypt(lease, handle, iv, op);
}

static enum hufu_err ofb_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	if (device_has(lease->device, SDF_ALG_SM4_OFB))
		return native(lease, handle, SDF_ALG_SM4_OFB, op);
	return feed_back(lease, handle, ((const struct hufu_param_iv *)op->param)->iv, false, op);
}

/*
 * In how many bits a device counts, the standard does not say (cards count in 32
 * and in 128): its own mode serves where no counting leaves the low 32 bits and the op says nothing else.
 */
static bool counts_alike(const struct hufu_param_iv *param, size_t len)
{
	uint64_t blocks = len / SDF_BLOCK_LEN + 1;

	return param->counter_bits >= 32 && load_be32(param->iv + 12) + blocks <= UINT32_MAX;
}

static enum hufu_err ctr_with(struct hufu_lease *lease, void *handle, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;
	uint8_t counter[SDF_BLOCK_LEN];

	if (device_has(lease->device, SDF_ALG_SM4_CTR) && counts_alike(param, op->in_len))
		return native(lease, handle, SDF_ALG_SM4_CTR, op);
	memcpy(counter, param->iv, sizeof(counter));
	return sm4_count(lease, handle, counter, param->counter_bits, op->in, op->in_len, op->out);
}

/* -- ops --------------------------------------------------------------------------------------- */

static enum hufu_err crypt(struct hufu_lease *lease, struct hufu_op *op, size_t unit, handle_fn run)
{
	if (op->in_len % unit)
		return op->verb == HUFU_VERB_ENCRYPT ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = soft_room(op, op->in_len);
	return err == HUFU_OK && op->in_len ? handles_run(lease, op, run) : err;
}

static enum hufu_err ecb(struct hufu_lease *lease, struct hufu_op *op)
{
	return crypt(lease, op, SDF_BLOCK_LEN, ecb_with);
}

static enum hufu_err cbc(struct hufu_lease *lease, struct hufu_op *op)
{
	return op->param ? crypt(lease, op, SDF_BLOCK_LEN, cbc_with) : HUFU_ERR_PARAM;
}

static enum hufu_err cfb(struct hufu_lease *lease, struct hufu_op *op)
{
	return op->param ? crypt(lease, op, 1, cfb_with) : HUFU_ERR_PARAM;
}

static enum hufu_err ofb(struct hufu_lease *lease, struct hufu_op *op)
{
	return op->param ? crypt(lease, op, 1, ofb_with) : HUFU_ERR_PARAM;
}

static enum hufu_err ctr(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;

	if (!param || param->counter_bits < 1 || param->counter_bits > 128)
		return HUFU_ERR_PARAM;
	if (!counts_alike(param, op->in_len) && !offers_ecb(lease->device))
		return HUFU_ERR_NO_KEY; /* in how many bits, only its vendor knows */
	return crypt(lease, op, 1, ctr_with);
}

#define BOTH_WAYS(mechanism, offered, run) \
	{mechanism, HUFU_VERB_ENCRYPT, HUFU_KEY_SM4, offered, run, 128, 128, NULL, NULL}, \
	{mechanism, HUFU_VERB_DECRYPT, HUFU_KEY_SM4, offered, run, 128, 128, NULL, NULL}

const struct sdf_row sdf_sm4_rows[] = {
	BOTH_WAYS(CKM_HUFU_SM4_ECB, offers_ecb, ecb),
	BOTH_WAYS(CKM_HUFU_SM4_CBC, offers_cbc, cbc),
	BOTH_WAYS(CKM_HUFU_SM4_CFB128, offers_cfb, cfb),
	BOTH_WAYS(CKM_HUFU_SM4_OFB, offers_ofb, ofb),
	BOTH_WAYS(CKM_HUFU_SM4_CTR, offers_ctr, ctr),
	{0, 0, 0, NULL, NULL, 0, 0, NULL, NULL},
};
