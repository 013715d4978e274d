/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: attempts on one device after another until it is answered. The table
 * of error groups (hufu/driver.h) is the switch in judge().
 */
#include "pool/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "driver/driver.h"

#define TIMED_EVERY 16            /* where there is no choice, latency is for people only */
#define WAIT_MIN_NS NS_PER_MS
#define WAIT_MAX_NS (50 * NS_PER_MS)
#define SPACE_SMALL 1024
#define SPACE_BEYOND_INPUT 65536  /* no output but a random one is longer than its input by more */

enum verdict { ANSWERED, TRY_NEXT };

/* -- one attempt ----------------------------------------------------------- */

/* Before the op was delivered nothing was done, whatever the device calls it. */
static enum hufu_err as_undelivered(enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_HOST:
		return err;
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		break;
	}
	return HUFU_ERR_GONE;
}

/* A number that is no code is no answer. */
static enum hufu_err outcome_of(struct device *device, const struct pool_request *req)
{
	enum hufu_err err = req->op.outcome;

	if (err == HUFU_OK)
		return answer_is_sound(device, req) ? HUFU_OK : HUFU_ERR_CORRUPT;
	return (unsigned)err >> 8 >= HUFU_GROUP_CALLER && (unsigned)err >> 8 <= HUFU_GROUP_BUG ? err : HUFU_ERR_CORRUPT;
}

/* One op in TIMED_EVERY where nothing hangs on it. */
static bool is_timed(const struct call *call)
{
	static _Thread_local unsigned n;

	return call->pool->ndevices > 1 || n++ % TIMED_EVERY == 0;
}

static void note_latency(struct device *device, uint64_t ns)
{
	uint64_t average = atomic_load_explicit(&device->latency_ns, memory_order_relaxed);

	average = average ? average - average / 8 + ns / 8 : ns;
	atomic_store_explicit(&device->latency_ns, average ? average : 1, memory_order_relaxed);
}

static enum hufu_err run_op(struct call *call, struct device *device, struct lease *lease)
{
	struct pool_request *req = call->req;
	struct hufu_op *op = &req->op;

	op->key = req->key ? key_view(req->key, device) : NULL;
	op->subject = req->subject ? key_view(req->subject, device) : NULL;
	op->attempt = ++req->attempts;
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = HUFU_ERR_BUG; /* of a driver that forgets to say */
	if (call->pool->ndevices > 1)
		atomic_fetch_add_explicit(&device->in_flight, 1, memory_order_relaxed);
	device->driver->run(lease->handle, &op, 1);
	if (call->pool->ndevices > 1)
		atomic_fetch_sub_explicit(&device->in_flight, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&device->slots[lease_thread() % LEASE_SLOTS].ops, 1, memory_order_relaxed);
	return outcome_of(device, req);
}

/* A lease is used again unless what happened casts doubt on it. */
static void finish_lease(struct device *device, struct lease *lease, enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_HOST:
		lease_put(device, lease);
		return;
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		break;
	}
	lease_discard(device, lease);
}

static enum hufu_err attempt(struct call *call, struct device *device, bool *delivered)
{
	struct lease *lease;

	*delivered = false;
	enum hufu_err err = device_open(device, call->deadline_ns);
	if (err == HUFU_OK && !pick_can_run(device, call))
		return HUFU_ERR_UNSUPPORTED;
	if (err == HUFU_OK)
		err = lease_take(device, call->deadline_ns, &lease);
	if (err != HUFU_OK)
		return as_undelivered(err);
	*delivered = true;
	bool timed = is_timed(call);
	err = run_op(call, device, lease);
	if (timed && err == HUFU_OK)
		note_latency(device, clock_now_ns() - call->now_ns);
	finish_lease(device, lease, err);
	return err;
}

/* -- what follows from its error ------------------------------------------- */

static void set_aside(struct call *call, const struct device *device, bool passing)
{
	call->tried |= UINT64_C(1) << device->index;
	if (passing)
		call->passing |= UINT64_C(1) << device->index;
}

/* Every lease of before is as dead as this one; once a fall, whoever sees it first. */
static void fell(struct device *device, enum health_event event, uint64_t now_ns)
{
	if (health_state(&device->health) == POOL_EJECTED && event == HEALTH_HARD_ERROR)
		return;
	device_note(device, event, event == HEALTH_REFUSED ? HUFU_ERR_DENIED : HUFU_ERR_GONE, NULL, now_ns);
	lease_discard_parked(device);
}

static enum verdict judge_unsupported(struct call *call, struct device *device, bool delivered)
{
	struct capability *cap = delivered ? device_capability(device, call->mechanism, call->req->op.verb,
	                                                       call->req->op.phase != HUFU_PHASE_WHOLE) : NULL;

	if (cap) {
		atomic_fetch_and(&cap->verbs, ~(1u << call->req->op.verb));
		log_device(HUFU_LOG_NOTICE, device->conf->name, "does not do verb %d of mechanism 0x%llx after all",
		           call->req->op.verb, (unsigned long long)call->mechanism);
	}
	set_aside(call, device, false);
	return TRY_NEXT;
}

static enum verdict judge_expired(struct call *call, struct device *device)
{
	if (call->renewed)
		set_aside(call, device, false);
	call->renewed = true;
	return TRY_NEXT;
}

/* The effect is unknown, or the answer was wrong. */
static enum verdict judge_lost(struct call *call, struct device *device)
{
	device_note(device, HEALTH_SOFT_ERROR, call->err, NULL, call->now_ns);
	set_aside(call, device, false);
	return call->req->op.repeatable && ++call->hard < POOL_ATTEMPTS_MAX ? TRY_NEXT : ANSWERED;
}

/* Configuration is one device's; memory and random numbers are the host's. */
static enum verdict judge_host(struct call *call, struct device *device, bool delivered)
{
	if (delivered || call->err != HUFU_ERR_CONFIG)
		return ANSWERED;
	set_aside(call, device, false);
	return TRY_NEXT;
}

static enum verdict judge(struct call *call, struct device *device, bool delivered)
{
	switch (hufu_err_group(call->err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
		return ANSWERED;
	case HUFU_GROUP_UNSUPPORTED:
		return judge_unsupported(call, device, delivered);
	case HUFU_GROUP_NO_KEY:
		set_aside(call, device, false);
		return TRY_NEXT;
	case HUFU_GROUP_DENIED:
		fell(device, HEALTH_REFUSED, call->now_ns);
		set_aside(call, device, false);
		return TRY_NEXT;
	case HUFU_GROUP_EXPIRED:
		return judge_expired(call, device);
	case HUFU_GROUP_BUSY:
		set_aside(call, device, true);
		return TRY_NEXT;
	case HUFU_GROUP_GONE:
		fell(device, HEALTH_HARD_ERROR, call->now_ns);
		set_aside(call, device, true);
		return TRY_NEXT;
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
		return judge_lost(call, device);
	case HUFU_GROUP_HOST:
		return judge_host(call, device, delivered);
	case HUFU_GROUP_BUG:
		log_device(HUFU_LOG_ERROR, device->conf->name,
		           "verb %d of mechanism 0x%llx ended in what cannot happen. Report this to the driver's vendor",
		           call->req->op.verb, (unsigned long long)call->mechanism);
		return ANSWERED;
	}
	return ANSWERED;
}

/* -- all attempts ---------------------------------------------------------- */

static bool out_of_time(struct call *call)
{
	call->now_ns = clock_now_ns();
	return call->now_ns >= call->deadline_ns;
}

/* Busy and gone may pass: those devices are tried again, after a while that grows. */
static void wait_for_change(struct call *call)
{
	uint64_t left = call->deadline_ns - call->now_ns;

	call->wait_ns = call->wait_ns ? 2 * call->wait_ns : WAIT_MIN_NS;
	if (call->wait_ns > WAIT_MAX_NS)
		call->wait_ns = WAIT_MAX_NS;
	clock_sleep_ns(call->wait_ns < left ? call->wait_ns : left);
	call->tried &= ~call->passing;
	call->passing = 0;
}

/* A caller's mistake is found by a device that works. */
static void note_answer(struct call *call, struct device *device)
{
	enum hufu_group group = hufu_err_group(call->err);

	if (group == HUFU_GROUP_OK || group == HUFU_GROUP_CALLER) {
		if (health_minds_served(&device->health))
			device_note(device, HEALTH_SERVED, HUFU_OK, NULL, call->now_ns);
	} else if (group != HUFU_GROUP_HOST) {
		atomic_fetch_add_explicit(&device->errors, 1, memory_order_relaxed);
	}
	call->req->served_by = device->conf->name;
	call->req->served_domain = device->conf->domain;
}

static enum hufu_err run_attempts(struct call *call)
{
	for (;;) {
		struct device *device = pick(call);
		bool delivered;

		if (!device && !call->passing)
			return call->tried ? call->err : pick_why_none(call);
		if (device) {
			call->err = attempt(call, device, &delivered);
			note_answer(call, device);
			if (judge(call, device, delivered) == ANSWERED)
				return call->err;
		} else {
			wait_for_change(call);
		}
		if (out_of_time(call))
			return HUFU_ERR_DEADLINE;
	}
}

/* -- outputs --------------------------------------------------------------- */

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

static size_t space_needed(const struct hufu_op *op)
{
	if (op->verb == HUFU_VERB_RANDOM || op->out_cap <= SPACE_BEYOND_INPUT || op->out_cap - SPACE_BEYOND_INPUT <= op->in_len)
		return op->out_cap;
	return op->in_len + SPACE_BEYOND_INPUT;
}

/* Into space of ours; copied out once, from the attempt that won. */
static __attribute__((noinline)) enum hufu_err run_shielded(struct call *call)
{
	struct hufu_op *op = &call->req->op;
	uint8_t *out = op->out, *state_out = op->state_out;
	size_t out_cap = op->out_cap, space = space_needed(op);
	uint8_t small[SPACE_SMALL], state[HUFU_STATE_MAX];
	uint8_t *large = space > sizeof(small) ? secret_alloc(space) : NULL;

	if (space > sizeof(small) && !large)
		return HUFU_ERR_NO_MEMORY;
	op->out = !out ? NULL : large ? large : small;
	op->out_cap = space;
	op->state_out = state_out ? state : NULL;
	enum hufu_err err = run_attempts(call);
	if (err == HUFU_OK && op->out_len)
		memcpy(out, op->out, op->out_len);
	if (err == HUFU_OK && op->state_out_len)
		memcpy(state_out, state, op->state_out_len);
	op->out = out;
	op->out_cap = out_cap;
	op->state_out = state_out;
	secret_free(large);
	secret_wipe(small, space < sizeof(small) ? space : sizeof(small));
	secret_wipe(state, sizeof(state));
	return err;
}

/* Straight into the caller's space: only one device can write there, once. What a failure left is wiped. */
static enum hufu_err run_open(struct call *call)
{
	struct hufu_op *op = &call->req->op;
	enum hufu_err err = run_attempts(call);

	if (err != HUFU_OK) {
		secret_wipe(op->out, op->out_cap);
		secret_wipe(op->state_out, op->state_out ? HUFU_STATE_MAX : 0);
	}
	return err;
}

/* -- calls ----------------------------------------------------------------- */

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

/* now_ns is the call's start until something has gone wrong: the clock is read once where all is well. */
static enum hufu_err begin(struct call *call, struct pool *pool, struct pool_request *req)
{
	struct hufu_op *op = &req->op;

	*call = (struct call){.pool = pool, .req = req, .now_ns = clock_now_ns(), .given_deadline_ns = req->op.deadline_ns};
	req->attempts = 0;
	req->served_by = req->served_domain = NULL;
	op->size = sizeof(*op);
	op->out_len = op->pub_len = op->state_out_len = 0;
	if (op->verb < HUFU_VERB_RANDOM || op->verb > HUFU_VERB_EVICT || (op->out_cap && !op->out) || (op->in_len && !op->in) ||
	    (op->in2_len && !op->in2) || (op->state_in_len && !op->state_in))
		return HUFU_ERR_ARGUMENT;
	call->mechanism = op->mechanism = device_mechanism(op->mechanism, op->verb);
	if (!op->deadline_ns)
		op->deadline_ns = call->now_ns + (op->verb == HUFU_VERB_GENERATE && pool->deadline_ns < GENERATE_TIME_NS ?
		                                          GENERATE_TIME_NS : pool->deadline_ns);
	call->deadline_ns = op->deadline_ns;
	if (call->now_ns >= call->deadline_ns)
		return HUFU_ERR_DEADLINE;
	return makes_key(op->verb) && is_zero(op->op_id) ? driver_host()->random(op->op_id, sizeof(op->op_id)) : HUFU_OK;
}

static void end(const struct call *call, enum hufu_err err)
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

void pool_submit(struct pool *pool, struct pool_request *req)
{
	struct call call;
	enum hufu_err err = begin(&call, pool, req);

	if (err == HUFU_OK)
		err = pool->ndevices > 1 || outputs_overlap(&req->op) ? run_shielded(&call) : run_open(&call);
	end(&call, err);
	req->done(req, req->arg);
}

static void completed(struct pool_request *req, void *arg)
{
	(void)req;
	(void)arg;
}

/* Direct devices, all that there are, have answered when pool_submit returns. */
enum hufu_err pool_run(struct pool *pool, struct pool_request *req)
{
	req->done = completed;
	req->arg = NULL;
	pool_submit(pool, req);
	return req->err;
}
