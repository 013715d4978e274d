/* SPDX-License-Identifier: Apache-2.0 */
/* Output of an attempt that may fail: into space of ours, and copied out once, from the attempt that won. */
#include "pool/call.h"

#include <string.h>

#include "base/secret.h"

#define SPACE_SMALL 1024
#define SPACE_BEYOND_INPUT 65536  /* no output but a random one is longer than its input by more (hufu/driver.h) */

static bool overlap(const void *a, size_t a_len, const void *b, size_t b_len)
{
	uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;

	return a_len && b_len && x < y + b_len && y < x + a_len;
}

static bool outputs_overlap(const struct hufu_op *op)
{
	return overlap(op->out, op->out_cap, op->in, op->in_len) || overlap(op->out, op->out_cap, op->in2, op->in2_len) ||
	       overlap(op->state_out, op->state_out ? HUFU_STATE_MAX : 0, op->state_in, op->state_in_len);
}

bool space_is_needed(const struct pool *pool, const struct hufu_op *op)
{
	return atomic_load_explicit(&pool->ndevices, memory_order_relaxed) > 1 || outputs_overlap(op);
}

size_t space_for(const struct hufu_op *op)
{
	if (op->verb == HUFU_VERB_RANDOM || op->out_cap <= SPACE_BEYOND_INPUT || op->out_cap - SPACE_BEYOND_INPUT <= op->in_len)
		return op->out_cap;
	return op->in_len + SPACE_BEYOND_INPUT;
}

enum hufu_err space_lend(struct hufu_op *op, enum hufu_err (*run)(void *arg), void *arg)
{
	uint8_t *out = op->out, *state_out = op->state_out;
	size_t out_cap = op->out_cap, space = space_for(op);
	uint8_t small[SPACE_SMALL], state[HUFU_STATE_MAX];
	uint8_t *large = space > sizeof(small) ? secret_alloc(space) : NULL;

	if (space > sizeof(small) && !large)
		return HUFU_ERR_NO_MEMORY;
	op->out = !out ? NULL : large ? large : small;
	op->out_cap = space;
	op->state_out = state_out ? state : NULL;
	enum hufu_err err = run(arg);
	if (err == HUFU_OK && op->out_len)
		memcpy(out, op->out, op->out_len);
	if (err == HUFU_OK && op->state_out_len)
		memcpy(state_out, state, op->state_out_len);
	op->out = out;
	op->out_cap = out_cap;
	op->state_out = state_out;
	secret_free(large);
	secret_wipe(small, space < sizeof(small) ? space : sizeof(small));
	secret_wipe(state, state_out ? sizeof(state) : 0);
	return err;
}
