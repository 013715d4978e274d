/* SPDX-License-Identifier: Apache-2.0 */
/* Ops: run by the wrapped driver, and spoilt as the script says. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "driver/fault/internal.h"

#define LATE 0xdb  /* what is written by a call that nobody waits for any more */

static void run_inner(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;

	lab_count_op(device->subject, op->verb, true);
	if (residents_run(device, op))
		return;
	if (copies_are_own(device))
		copies_run(lease, op);
	else
		device->driver->run(lease->inner, &op, 1);
}

static void fail(struct hufu_op *op, enum hufu_err err)
{
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = err;
}

/* The device did it, and then the answer went astray: half of the output stands where it was going. */
static void run_and_lose(struct hufu_lease *lease, struct hufu_op *op, enum hufu_err err)
{
	run_inner(lease, op);
	if (op->outcome == HUFU_OK && op->out_len)
		memset(op->out + op->out_len / 2, 0xa5, op->out_len - op->out_len / 2);
	op->outcome = err;
}

/* The answer to an input with one bit turned over, or bytes without chance where there is no input. */
static void run_wrong(struct hufu_lease *lease, struct hufu_op *op)
{
	const uint8_t *in = op->in;
	uint8_t *other = op->in_len ? malloc(op->in_len) : NULL;

	if (other) {
		memcpy(other, in, op->in_len);
		other[0] ^= 1;
		op->in = other;
	}
	run_inner(lease, op);
	op->in = in;
	if (!other && op->outcome == HUFU_OK && op->out_len)
		memset(op->out, 0x42, op->out_len);
	free(other);
}

static void flip(uint8_t *bytes, size_t len)
{
	if (bytes && len)
		bytes[len / 2] ^= 0x10;
}

static void run_and_falsify(struct hufu_lease *lease, struct hufu_op *op, enum fault_what what)
{
	run_inner(lease, op);
	if (op->outcome != HUFU_OK)
		return;
	if (what == WHAT_FLIP_OUT)
		flip(op->out, op->out_len);
	if (what == WHAT_FLIP_PUB)
		flip(op->pub, op->pub_len);
	if (what == WHAT_FLIP_STATE)
		flip(op->state_out, op->state_out_len);
	if (what == WHAT_COPY_LIVE)
		op->copy_kind = HUFU_COPY_LIVE;
	if (what == WHAT_OVERLONG)
		op->out_len = op->out_cap + 1;
}

/* Nothing ran; then every byte that the op may have is written, and it is called lost. */
static void hang(struct hufu_lease *lease, struct hufu_op *op, uint64_t time_ns)
{
	lab_hang(lease->device->subject, time_ns);
	if (op->out)
		memset(op->out, LATE, op->out_cap);
	if (op->pub)
		memset(op->pub, LATE, HUFU_PUB_MAX);
	if (op->state_out)
		memset(op->state_out, LATE, HUFU_STATE_MAX);
	fail(op, HUFU_ERR_LOST);
}

static bool has_effect(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_LOST || hufu_err_group(err) == HUFU_GROUP_CORRUPT;
}

static void misbehave(struct hufu_lease *lease, struct hufu_op *op, const struct fault *fault)
{
	if (fault->what == WHAT_HANG || fault->what == WHAT_CRASH)
		hang(lease, op, fault->time_ns);
	else if (fault->what == WHAT_WRONG)
		run_wrong(lease, op);
	else if (fault->what != WHAT_ERROR)
		run_and_falsify(lease, op, fault->what);
	else if (has_effect(fault->err))
		run_and_lose(lease, op, fault->err);
	else
		fail(op, fault->err);
}

static void run_struck(struct hufu_lease *lease, struct hufu_op *op, const struct strike *strike)
{
	if (!lab_wait(lease->device->service_ns + strike->delay_ns, op->deadline_ns))
		fail(op, HUFU_ERR_LOST);
	else if (strike->fault.what == WHAT_NONE)
		run_inner(lease, op);
	else
		misbehave(lease, op, &strike->fault);
}

static void run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	lab_count_op(lease->device->subject, op->verb, false);
	if (op->verb == HUFU_VERB_EVICT || op->verb == HUFU_VERB_LOGOUT) { /* which cannot fail */
		run_inner(lease, op);
		return;
	}
	struct strike strike = lab_strike(lease->device->subject, (unsigned)op->verb, lease);
	uint64_t begun_ns = strike.slow > 1 ? clock_now_ns() : 0;

	run_struck(lease, op, &strike);
	if (strike.slow > 1 && !lab_wait((strike.slow - 1) * (clock_now_ns() - begun_ns), op->deadline_ns))
		op->outcome = HUFU_ERR_LOST;
}

void fault_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_one(lease, ops[i]);
}
