/* SPDX-License-Identifier: Apache-2.0 */
/* Where calls begin and end. */
#include "pool/call.h"

#include <string.h>

#include "base/secret.h"
#include "driver/driver.h"

static bool is_zero(const uint8_t id[16])
{
	uint64_t halves[2];

	memcpy(halves, id, sizeof(halves));
	return !(halves[0] | halves[1]);
}

static bool makes_key(enum hufu_verb verb)
{
	return verb == HUFU_VERB_GENERATE || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_UNWRAP || verb == HUFU_VERB_DERIVE;
}

static bool is_malformed(const struct hufu_op *op)
{
	return op->verb < HUFU_VERB_RANDOM || op->verb > HUFU_VERB_FIND || (op->out_cap && !op->out) || (op->in_len && !op->in) ||
	       (op->in2_len && !op->in2) || (op->state_in_len && !op->state_in);
}

static uint64_t default_deadline_ns(const struct call *call)
{
	uint64_t time = atomic_load_explicit(&call->pool->deadline_ns, memory_order_relaxed);
	uint64_t generate = call->conf->generate_deadline_ms * NS_PER_MS;

	return call->now_ns + (call->req->op.verb == HUFU_VERB_GENERATE && time < generate ? generate : time);
}

/* now_ns is the call's start until something has gone wrong: the clock is read once where all is well. */
enum hufu_err call_begin(struct call *call, struct pool *pool, struct pool_request *req)
{
	struct hufu_op *op = &req->op;

	*call = (struct call){.pool = pool, .req = req, .start_ns = clock_now_ns(), .given_deadline_ns = op->deadline_ns};
	call->now_ns = call->start_ns;
	call->conf = &atomic_load_explicit(&pool->token, memory_order_acquire)->pool;
	req->attempts = 0;
	req->served_by = req->served_domain = NULL;
	op->size = sizeof(*op);
	op->out_len = op->pub_len = op->state_out_len = 0;
	if (is_malformed(op))
		return HUFU_ERR_ARGUMENT;
	call->mechanism = op->mechanism = device_mechanism(op->mechanism, op->verb);
	call->op_class = latency_class(call->mechanism, op->verb);
	call->deadline_ns = op->deadline_ns ? op->deadline_ns : default_deadline_ns(call);
	if (call->now_ns >= call->deadline_ns)
		return HUFU_ERR_DEADLINE;
	keeper_inline(pool, call->now_ns, call->deadline_ns);
	return makes_key(op->verb) && is_zero(op->op_id) ? driver_host()->random(op->op_id, sizeof(op->op_id)) : HUFU_OK;
}

void call_end(struct call *call, enum hufu_err err)
{
	struct pool_request *req = call->req;
	struct hufu_op *op = &req->op;

	op->deadline_ns = call->given_deadline_ns;
	op->key = op->subject = NULL;
	op->outcome = req->err = err;
	if (err == HUFU_OK)
		return;
	op->pub_len = op->state_out_len = 0;
	if (op->pub)
		secret_wipe(op->pub, HUFU_PUB_MAX);
	if (err != HUFU_ERR_BUFFER)
		op->out_len = 0;
}

/* Software in the caller's thread waits for nobody. */
static bool pool_waits(struct pool *pool)
{
	for (size_t i = 0; i < pool->ndevices; i++)
		if (!device_is_software(pool->devices[i]) || pool->devices[i]->threaded)
			return true;
	return false;
}

enum hufu_err pool_run(struct pool *pool, struct pool_request *req)
{
	const struct park_way *way = req->may_park ? park_way() : NULL;
	struct call call;

	if (way && pool_waits(pool) && run_parked(pool, req, way))
		return req->err;
	enum hufu_err err = call_begin(&call, pool, req);

	if (err == HUFU_OK) {
		call.home = true;
		while (!call_advance(&call))
			wake_wait(call.wake, call.wake_ns);
		err = call.err;
	}
	call_end(&call, err);
	wake_rele(call.wake);
	return err;
}
