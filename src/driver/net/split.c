/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops that are larger than a request may be, piece by piece: random bytes; modes
 * whose next IV is seen here (NIST SP 800-38A 6.1 to 6.5); and whatever the machine
 * carries on by a state of its own. All else has to fit.
 */
#include "driver/net/net.h"

#include <string.h>

#include "base/secret.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

#define PIECE_MOST (1u << 20) /* no longer one: its connection is held up as long */
#define PIECE_UNIT 4096u
#define BLOCK_MAX 16u

enum manner { WHOLE, RANDOM, CHAIN, PHASES };

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Whole blocks of any cipher. */
static size_t piece_len(const struct hufu_device *device, const struct net_row *row)
{
	size_t fits = device->max_body > WIRE_ROOM ? device->max_body - WIRE_ROOM : 0;

	fits = smaller(fits, PIECE_MOST);
	if (row && row->max_in)
		fits = row->max_in < fits ? (size_t)row->max_in : fits;
	return fits / PIECE_UNIT * PIECE_UNIT;
}

static bool is_chained(uint64_t mechanism)
{
	switch (mechanism) {
	case CKM_HUFU_SM4_ECB:
	case CKM_HUFU_SM4_CBC:
	case CKM_HUFU_SM4_CTR:
	case CKM_HUFU_SM4_CFB128:
	case CKM_HUFU_SM4_OFB:
	case CKM_AES_ECB:
	case CKM_AES_CBC:
	case CKM_AES_CTR:
	case CKM_DES3_ECB:
	case CKM_DES3_CBC:
		return true;
	default:
		return false;
	}
}

#define CRYPT_VERBS (1u << HUFU_VERB_ENCRYPT | 1u << HUFU_VERB_DECRYPT)

static enum manner manner_of(const struct net_row *row, uint32_t verb_bit, enum hufu_phase phase)
{
	if (verb_bit == 1u << HUFU_VERB_RANDOM)
		return RANDOM;
	if (!row)
		return WHOLE;
	if (is_chained(row->mechanism) && !(verb_bit & ~CRYPT_VERBS) && phase == HUFU_PHASE_WHOLE)
		return CHAIN;
	return row->multi_part ? PHASES : WHOLE;
}

/* As the pool finds it: where it goes on, the row that can. */
static const struct net_row *row_of(const struct hufu_device *device, const struct hufu_op *op)
{
	const struct net_row *any = NULL;

	for (size_t i = 0; i < device->info.ncaps; i++) {
		const struct net_row *row = &device->rows[i];

		if (row->mechanism != op->mechanism || !(row->verbs & 1u << op->verb))
			continue;
		if (row->multi_part)
			return row;
		any = any ? any : row;
	}
	return any;
}

/* A row whose verbs are all had in pieces has no limit; RANDOM, IMPORT and their kin share one without a mechanism. */
void net_limit_capabilities(struct hufu_device *device)
{
	size_t limit = device->max_body > WIRE_ROOM ? device->max_body - WIRE_ROOM : 1;

	for (size_t i = 0; i < device->info.ncaps; i++) {
		struct hufu_capability *cap = &device->caps[i];
		enum manner manner = manner_of(&device->rows[i], cap->verbs, HUFU_PHASE_WHOLE);

		if (manner != WHOLE && piece_len(device, &device->rows[i]))
			cap->max_in = 0;
		else if (!cap->max_in || cap->max_in > limit)
			cap->max_in = limit;
	}
}

bool net_must_split(const struct hufu_device *device, const struct hufu_op *op)
{
	if (op->verb == HUFU_VERB_RANDOM)
		return op->out_cap > smaller(WIRE_RANDOM_MAX, piece_len(device, NULL)) && piece_len(device, NULL);
	if (op->in_len <= PIECE_UNIT)
		return false;
	const struct net_row *row = row_of(device, op);
	size_t len = piece_len(device, row);

	return len && op->in_len > len && manner_of(row, 1u << op->verb, op->phase) != WHOLE;
}

/* -- the IV of the next piece --------------------------------------------------------- */

/* The low nbits of the block count, and carry no further. */
static void add_blocks(uint8_t block[BLOCK_MAX], uint32_t nbits, uint64_t n)
{
	for (size_t i = BLOCK_MAX; i-- > 0 && nbits; nbits -= nbits < 8 ? nbits : 8) {
		uint8_t mask = (uint8_t)(nbits >= 8 ? 0xff : (1u << nbits) - 1);
		uint64_t sum = (block[i] & mask) + (n & 0xff);

		block[i] = (uint8_t)((block[i] & ~mask) | (sum & mask));
		n = (n >> 8) + (sum >> 8);
	}
}

static void move_iv(const struct hufu_op *piece, struct hufu_param_iv *iv)
{
	const size_t block = piece->mechanism == CKM_DES3_CBC ? 8 : BLOCK_MAX;
	const uint8_t *in = piece->in + piece->in_len - block, *out = piece->out + piece->out_len - block;

	switch (piece->mechanism) {
	case CKM_HUFU_SM4_CTR:
	case CKM_AES_CTR:
		add_blocks(iv->iv, iv->counter_bits, piece->in_len / BLOCK_MAX);
		break;
	case CKM_HUFU_SM4_OFB: /* the key stream's last block */
		for (size_t i = 0; i < block; i++)
			iv->iv[i] = in[i] ^ out[i];
		break;
	default: /* CBC and CFB: the last block of ciphertext */
		memcpy(iv->iv, piece->verb == HUFU_VERB_ENCRYPT ? out : in, block);
		break;
	}
}

/* -- piece by piece ---------------------------------------------------------------------- */

static enum hufu_err run_piece(struct hufu_lease *lease, struct hufu_op *piece)
{
	net_run_requests(lease, &piece, 1);
	return piece->outcome;
}

static enum hufu_err run_random(struct hufu_lease *lease, struct hufu_op *op)
{
	const size_t most = smaller(WIRE_RANDOM_MAX, piece_len(lease->device, NULL));
	enum hufu_err err = HUFU_OK;

	for (size_t done = 0; err == HUFU_OK && done < op->out_cap; done += most) {
		struct hufu_op piece = *op;

		piece.out = op->out + done;
		piece.out_cap = smaller(most, op->out_cap - done);
		err = run_piece(lease, &piece);
		if (err == HUFU_OK && piece.out_len != piece.out_cap)
			err = HUFU_ERR_CORRUPT;
	}
	op->out_len = err == HUFU_OK ? op->out_cap : 0;
	return err;
}

static enum hufu_err run_chain(struct hufu_lease *lease, struct hufu_op *op, size_t most)
{
	struct hufu_param_iv iv = {0};

	if (op->out_cap < op->in_len) {
		op->out_len = op->in_len;
		return HUFU_ERR_BUFFER;
	}
	if (op->param)
		memcpy(&iv, op->param, sizeof(iv));
	for (size_t done = 0; done < op->in_len; done += most) {
		struct hufu_op piece = *op;

		piece.param = op->param ? &iv : NULL;
		piece.in = op->in + done;
		piece.in_len = smaller(most, op->in_len - done);
		piece.out = op->out + done;
		piece.out_cap = piece.in_len;
		enum hufu_err err = run_piece(lease, &piece);
		if (err == HUFU_OK && piece.out_len != piece.in_len)
			err = HUFU_ERR_CORRUPT;
		if (err != HUFU_OK)
			return err;
		if (op->param && piece.in_len == most)
			move_iv(&piece, &iv);
	}
	op->out_len = op->in_len;
	return HUFU_OK;
}

/* The phase of a piece: first and last as the whole op is, all between carried on. */
static enum hufu_phase phase_of(enum hufu_phase whole, bool first, bool last)
{
	bool begins = first && (whole == HUFU_PHASE_WHOLE || whole == HUFU_PHASE_FIRST);
	bool ends = last && (whole == HUFU_PHASE_WHOLE || whole == HUFU_PHASE_LAST);

	return ends ? HUFU_PHASE_LAST : begins ? HUFU_PHASE_FIRST : HUFU_PHASE_NEXT;
}

struct states {
	uint8_t bytes[2][HUFU_STATE_MAX];
	size_t len;
	unsigned at; /* which is the newest */
};

/* The op's own state goes in with its first piece and comes out of its last. */
static struct hufu_op cut_phase(const struct hufu_op *op, size_t done, size_t most, struct states *states)
{
	struct hufu_op piece = *op;
	bool first = done == 0, last = op->in_len - done <= most;

	piece.phase = phase_of(op->phase, first, last);
	piece.in = op->in + done;
	piece.in_len = smaller(most, op->in_len - done);
	piece.in2_len = last ? op->in2_len : 0;
	piece.in2 = last ? op->in2 : NULL;
	piece.param = first ? op->param : NULL;
	piece.state_in = first ? op->state_in : states->bytes[states->at];
	piece.state_in_len = first ? op->state_in_len : states->len;
	piece.state_out = piece.phase == HUFU_PHASE_LAST ? NULL : last ? op->state_out : states->bytes[!states->at];
	piece.out = op->out ? op->out + op->out_len : NULL;
	piece.out_cap = op->out_cap - op->out_len;
	return piece;
}

static enum hufu_err run_phases(struct hufu_lease *lease, struct hufu_op *op, size_t most)
{
	struct states states = {.len = 0};
	enum hufu_err err = HUFU_OK;

	for (size_t done = 0; err == HUFU_OK && done < op->in_len; done += most) {
		struct hufu_op piece = cut_phase(op, done, most, &states);

		err = run_piece(lease, &piece);
		op->out_len += err == HUFU_OK || err == HUFU_ERR_BUFFER ? piece.out_len : 0;
		op->state_out_len = states.len = piece.state_out_len;
		states.at = !states.at;
	}
	secret_wipe(&states, sizeof(states));
	op->state_out_len = err == HUFU_OK && op->state_out && op->phase != HUFU_PHASE_WHOLE ? op->state_out_len : 0;
	return err;
}

void net_run_split(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct net_row *row = row_of(lease->device, op);
	size_t most = piece_len(lease->device, row);
	enum hufu_err err = HUFU_ERR_BUG;

	switch (manner_of(row, 1u << op->verb, op->phase)) {
	case RANDOM:
		err = run_random(lease, op);
		break;
	case CHAIN:
		err = run_chain(lease, op, most);
		break;
	case PHASES:
		err = run_phases(lease, op, most);
		break;
	case WHOLE: /* net_must_split said otherwise */
		break;
	}
	op->outcome = err;
	if (err != HUFU_OK && err != HUFU_ERR_BUFFER)
		op->out_len = 0;
}
