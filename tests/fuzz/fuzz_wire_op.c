/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: any body, of any operation, is an op that a driver may be given, or refused; and what was taken, sent again, is the same op.
 */
#include "wire/op.h"

#include "fuzz.h"

#include <string.h>

#define MAX_BODY WIRE_BODY_DEFAULT

/* All that a driver may read, and may write. */
static void touch(struct hufu_op *op)
{
	unsigned sum = 0;

	for (size_t i = 0; i < op->in_len; i++)
		sum += op->in[i];
	for (size_t i = 0; i < op->in2_len; i++)
		sum += op->in2[i];
	for (size_t i = 0; i < op->state_in_len; i++)
		sum += op->state_in[i];
	if (op->out)
		memset(op->out, (int)(sum & 0xff), op->out_cap);
	if (op->pub)
		memset(op->pub, 1, HUFU_PUB_MAX);
	if (op->state_out)
		memset(op->state_out, 2, HUFU_STATE_MAX);
	if (op->out_cap > MAX_BODY || op->state_in_len > HUFU_STATE_MAX || op->phase > HUFU_PHASE_LAST)
		abort();
}

static void check_same(const struct hufu_op *a, const struct hufu_op *b)
{
	if (a->verb != b->verb || a->mechanism != b->mechanism || a->phase != b->phase || a->in_len != b->in_len ||
	    a->in2_len != b->in2_len || a->state_in_len != b->state_in_len || a->out_cap != b->out_cap || a->new_type != b->new_type ||
	    !a->param != !b->param || (a->in_len && memcmp(a->in, b->in, a->in_len) != 0))
		abort();
}

static void send_again(struct wire_op *taken)
{
	struct hufu_op op = taken->op;
	struct wire_op *again;
	struct writer w;

	op.key = taken->has_key ? &taken->key : NULL;
	op.subject = taken->has_subject ? &taken->subject : NULL;
	writer_init(&w, true);
	if (wire_op_put(&w, 1, 0, WIRE_BODY_MAX, &op, &taken->extra) != HUFU_OK)
		abort();
	if (wire_op_take((uint16_t)(WIRE_OP_VERB + op.verb), w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, MAX_BODY, &again) !=
	    HUFU_OK)
		abort();
	check_same(&taken->op, &again->op);
	wire_op_free(again);
	writer_clear(&w);
}

/* The first byte says which operation. */
static void fuzz_one(const uint8_t *data, size_t len)
{
	struct wire_op *op;

	if (!len || wire_op_take((uint16_t)(WIRE_OP_VERB + data[0]), data + 1, len - 1, MAX_BODY, &op) != HUFU_OK)
		return;
	touch(&op->op);
	send_again(op);
	wire_op_free(op);
}
