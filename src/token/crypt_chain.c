/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ECB, CBC, CTR, CFB128 and OFB. The chain is kept here: every part is an op of
 * its own that begins at the IV where the last one ended, so a device may change
 * in between.
 */
#include "base/secret.h"
#include "token/operation_impl.h"

#include <string.h>

#define BLOCK_MAX 16
/* Long inputs go in pieces, so that no single op runs long. */
#define PIECE ((size_t)1 << 20)

static size_t block_len(const struct operation *op)
{
	bool des = op->mech->device_mechanism == CKM_DES3_ECB || op->mech->device_mechanism == CKM_DES3_CBC;
	return des ? 8 : 16;
}

/* One op from the chain's present IV, which stays. */
static CK_RV run(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	struct pool_request *req = operation_request(op, operation_crypt_verb(op));
	req->op.in = in;
	req->op.in_len = len;
	req->op.out = out;
	req->op.out_cap = len;
	return operation_submit(op, len);
}

static void counter_add(uint8_t counter[16], uint64_t n)
{
	for (int i = 15; i >= 0 && n; i--) {
		n += counter[i];
		counter[i] = (uint8_t)n;
		n >>= 8;
	}
}

/* The IV behind these blocks; in and out are their last ones. */
static void advance(struct operation *op, const uint8_t *in, const uint8_t *out, size_t nblocks)
{
	uint8_t *iv = op->param.iv.iv;
	switch (op->mech->device_mechanism) {
	case CKM_HUFU_SM4_CBC:
	case CKM_HUFU_SM4_CFB128:
	case CKM_AES_CBC:
	case CKM_DES3_CBC:
		memcpy(iv, op->kind == OP_ENCRYPT ? out : in, block_len(op));
		break;
	case CKM_HUFU_SM4_OFB:
		for (size_t i = 0; i < 16; i++)
			iv[i] = in[i] ^ out[i];
		break;
	case CKM_HUFU_SM4_CTR:
	case CKM_AES_CTR:
		counter_add(iv, nblocks);
		op->blocks_left -= nblocks;
		break;
	default: /* ECB has no chain */
		break;
	}
}

/* Runs and moves the chain by the whole blocks. A last block that is not whole ends what may be given to it at once. */
static CK_RV run_chained(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t last_in[BLOCK_MAX];
	size_t block = block_len(op);
	CK_RV rv = CKR_OK;
	while (len && rv == CKR_OK) {
		size_t n = len < PIECE ? len : PIECE, whole = n - n % block;
		if (whole)
			memcpy(last_in, in + whole - block, block); /* in place, it is gone afterwards */
		rv = run(op, in, n, out);
		if (rv == CKR_OK && whole)
			advance(op, last_in, out + whole - block, whole / block);
		in += n;
		out += n;
		len -= n;
	}
	secret_wipe(last_in, sizeof last_in);
	return rv;
}

/* -- whole blocks ---------------------------------------------------------------------- */

static CK_RV block_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = len;
	return len % block_len(op) ? operation_bad_len(op) : CKR_OK;
}

static CK_RV block_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	CK_RV rv = operation_fits(len, cap, out_len);
	return rv == CKR_OK ? run_chained(op, in, len, out) : rv;
}

static size_t block_keep(const struct operation *op, size_t len)
{
	return (op->residue_len + len) % block_len(op);
}

static CK_RV block_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = op->residue_len + len - block_keep(op, len);
	return CKR_OK;
}

static CK_RV block_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	return crypt_feed(op, in, len, block_keep(op, len), out, run_chained);
}

static CK_RV block_final_len(const struct operation *op, size_t *out_len)
{
	*out_len = 0;
	return op->residue_len ? operation_bad_len(op) : CKR_OK;
}

static CK_RV block_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	(void)op;
	(void)out;
	(void)cap;
	*out_len = 0;
	return CKR_OK;
}

const struct crypt_engine crypt_block = {
	.once_len = block_once_len, .once = block_once,
	.update_len = block_update_len, .update = block_update,
	.final_len = block_final_len, .final = block_final,
};

/* -- PKCS#7 padding ----------------------------------------------------------------------- */

/*
 * The length of the text in a padded block of this length; more than that when
 * the padding is wrong. Looks at every byte in the same way whatever they are.
 */
static size_t unpadded_len(const uint8_t *last, size_t block)
{
	uint32_t nbytes = (uint32_t)block, pad = last[block - 1];
	uint32_t wrong = (pad - 1) >> 31 | (nbytes - pad) >> 31; /* 0, or more than a block */
	for (uint32_t i = 0; i < nbytes; i++) {
		uint32_t in_pad = (i - pad) >> 31; /* i < pad */
		uint32_t differs = ((uint32_t)(last[nbytes - 1 - i] ^ pad) + 0xff) >> 8;
		wrong |= in_pad & differs;
	}
	uint32_t mask = 0u - wrong;
	return (mask & (nbytes + 1)) | (~mask & (nbytes - pad));
}

/* The last block under the IV before it, without moving the chain; gives its text in scratch. */
static CK_RV open_last(struct operation *op, const uint8_t *last, const uint8_t *before, size_t *text_len)
{
	uint8_t iv[BLOCK_MAX];
	size_t block = block_len(op);
	memcpy(iv, op->param.iv.iv, block);
	memmove(op->param.iv.iv, before, block); /* they are the same before the first block */
	CK_RV rv = run(op, last, block, op->scratch);
	memcpy(op->param.iv.iv, iv, block);
	if (rv != CKR_OK)
		return rv;
	*text_len = unpadded_len(op->scratch, block);
	return *text_len > block ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK;
}

static CK_RV pad_once_len(const struct operation *op, size_t len, size_t *out_len)
{
	size_t block = block_len(op);
	if (op->kind == OP_ENCRYPT)
		*out_len = len - len % block + block;
	else
		*out_len = len;
	return op->kind == OP_DECRYPT && (len == 0 || len % block) ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
}

/* The residue and its padding. */
static CK_RV pad_last(struct operation *op, uint8_t *out)
{
	size_t block = block_len(op), pad = block - op->residue_len;
	memcpy(op->scratch, op->residue, op->residue_len);
	memset(op->scratch + op->residue_len, (int)pad, pad);
	return run(op, op->scratch, block, out);
}

static CK_RV pad_encrypt_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t block = block_len(op), whole = len - len % block;
	CK_RV rv = operation_fits(whole + block, cap, out_len);
	if (rv != CKR_OK)
		return rv;
	if (whole + block <= OP_SCRATCH) { /* short: one op */
		size_t pad = whole + block - len;
		if (len)
			memcpy(op->scratch, in, len);
		memset(op->scratch + len, (int)pad, pad);
		return run(op, op->scratch, whole + block, out);
	}
	rv = crypt_feed(op, in, len, len - whole, out, run_chained);
	return rv == CKR_OK ? pad_last(op, out + whole) : rv;
}

static CK_RV pad_decrypt_short(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t block = block_len(op);
	CK_RV rv = run(op, in, len, op->scratch);
	if (rv != CKR_OK)
		return rv;
	size_t text_len = unpadded_len(op->scratch + len - block, block);
	if (text_len > block)
		return CKR_ENCRYPTED_DATA_INVALID;
	rv = operation_fits(len - block + text_len, cap, out_len);
	if (rv == CKR_OK)
		memcpy(out, op->scratch, *out_len);
	return rv;
}

/* The last block first: only it tells whether there is anything to release, and how much. */
static CK_RV pad_decrypt_long(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint8_t last[BLOCK_MAX];
	size_t block = block_len(op), whole = len - block, text_len;
	CK_RV rv = open_last(op, in + whole, in + whole - block, &text_len);
	if (rv == CKR_OK)
		rv = operation_fits(whole + text_len, cap, out_len);
	memcpy(last, op->scratch, block);
	if (rv == CKR_OK)
		rv = run_chained(op, in, whole, out);
	if (rv == CKR_OK && text_len)
		memcpy(out + whole, last, text_len);
	secret_wipe(last, sizeof last);
	return rv;
}

static CK_RV pad_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	if (op->kind == OP_ENCRYPT)
		return pad_encrypt_once(op, in, len, out, cap, out_len);
	if (len <= OP_SCRATCH)
		return pad_decrypt_short(op, in, len, out, cap, out_len);
	return pad_decrypt_long(op, in, len, out, cap, out_len);
}

/* Decryption holds a whole block back: it may be the last. */
static size_t pad_keep(const struct operation *op, size_t len)
{
	size_t total = op->residue_len + len, block = block_len(op);
	return op->kind == OP_DECRYPT && total && total % block == 0 ? block : total % block;
}

static CK_RV pad_update_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = op->residue_len + len - pad_keep(op, len);
	return CKR_OK;
}

static CK_RV pad_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	return crypt_feed(op, in, len, pad_keep(op, len), out, run_chained);
}

static CK_RV pad_final_len(const struct operation *op, size_t *out_len)
{
	*out_len = block_len(op);
	return op->kind == OP_DECRYPT && op->residue_len != block_len(op) ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_OK;
}

static CK_RV pad_final(struct operation *op, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t text_len;
	CK_RV rv;
	if (op->kind == OP_ENCRYPT) {
		rv = operation_fits(block_len(op), cap, out_len);
		return rv == CKR_OK ? pad_last(op, out) : rv;
	}
	rv = open_last(op, op->residue, op->param.iv.iv, &text_len);
	if (rv == CKR_OK)
		rv = operation_fits(text_len, cap, out_len);
	if (rv == CKR_OK && text_len)
		memcpy(out, op->scratch, text_len);
	return rv;
}

const struct crypt_engine crypt_block_pad = {
	.once_len = pad_once_len, .once = pad_once,
	.update_len = pad_update_len, .update = pad_update,
	.final_len = pad_final_len, .final = pad_final,
};

/* -- streams: every byte comes out at once -------------------------------------------------- */

#define STREAM_BLOCK 16 /* of SM4 and AES: DES3 has no such mode here */

/*
 * Blocks until the counting bits have run through: after that the keystream
 * would begin to repeat. UINT64_MAX stands for more than anyone can ask for.
 */
static uint64_t counter_left(const uint8_t counter[STREAM_BLOCK], uint32_t nbits)
{
	uint64_t high = 0, low = 0;
	for (uint32_t i = 0; i < STREAM_BLOCK; i++) {
		uint32_t bit = 8 * (STREAM_BLOCK - 1 - i); /* of the byte's lowest bit */
		uint32_t counts = nbits <= bit ? 0 : nbits - bit >= 8 ? 0xff : (1u << (nbits - bit)) - 1;
		uint64_t left = ~(uint32_t)counter[i] & counts;
		high = high << 8 | low >> 56;
		low = low << 8 | left;
	}
	return high || low == UINT64_MAX ? UINT64_MAX : low + 1;
}

static CK_RV stream_begin(struct operation *op)
{
	bool counts = op->mech->parse == param_ctr;
	op->blocks_left = counts ? counter_left(op->param.iv.iv, op->param.iv.counter_bits) : UINT64_MAX;
	return CKR_OK;
}

static CK_RV stream_len(const struct operation *op, size_t len, size_t *out_len)
{
	*out_len = len;
	return ((uint64_t)op->residue_len + len + STREAM_BLOCK - 1) / STREAM_BLOCK > op->blocks_left ? operation_bad_len(op) : CKR_OK;
}

static CK_RV stream_once(struct operation *op, const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	CK_RV rv = operation_fits(len, cap, out_len);
	return rv == CKR_OK ? run_chained(op, in, len, out) : rv;
}

/* From a block's beginning. What is behind the last whole block is kept, to begin there again. */
static CK_RV stream_from_block(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	size_t tail = len % STREAM_BLOCK;
	if (tail)
		memcpy(op->residue, in + len - tail, tail);
	op->residue_len = tail;
	return run_chained(op, in, len, out);
}

/*
 * In the middle of a block: its beginning, which the residue holds, is run
 * again with what follows, and what comes of it is thrown away.
 */
static CK_RV stream_update(struct operation *op, const uint8_t *in, size_t len, uint8_t *out)
{
	size_t before = op->residue_len;
	if (len == 0)
		return CKR_OK;
	if (before == 0)
		return stream_from_block(op, in, len, out);
	size_t first = before + len <= OP_SCRATCH ? len : STREAM_BLOCK - before;
	memcpy(op->scratch, op->residue, before);
	memcpy(op->scratch + before, in, first);
	CK_RV rv = stream_from_block(op, op->scratch, before + first, op->spill);
	if (rv != CKR_OK)
		return rv;
	memcpy(out, op->spill + before, first);
	return first < len ? stream_from_block(op, in + first, len - first, out + first) : CKR_OK;
}

static CK_RV stream_final_len(const struct operation *op, size_t *out_len)
{
	(void)op;
	*out_len = 0;
	return CKR_OK;
}

const struct crypt_engine crypt_stream = {
	.begin = stream_begin,
	.once_len = stream_len, .once = stream_once,
	.update_len = stream_len, .update = stream_update,
	.final_len = stream_final_len, .final = block_final,
};
