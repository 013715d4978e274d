/* SPDX-License-Identifier: Apache-2.0 */
/* One op on one device: how long it may take, what is counted, what its answer is worth. */
#include "pool/call.h"

#include "base/log.h"
#include "base/secret.h"

#define TIMED_EVERY 16            /* where there is no choice, latency is for people only */
#define RATIO_OF_P99 8            /* an attempt may take so many times what 99 of 100 take */

enum hufu_err as_undelivered(enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUSY:
		return err;
	case HUFU_GROUP_HOST: /* an attempt's time is not the call's */
		return err == HUFU_ERR_DEADLINE ? HUFU_ERR_BUSY : err;
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
enum hufu_err attempt_outcome(struct device *device, const struct pool_request *req)
{
	enum hufu_err err = req->op.outcome;

	if (err == HUFU_OK)
		return answer_is_sound(device, req) ? HUFU_OK : HUFU_ERR_CORRUPT;
	return (unsigned)err >> 8 >= HUFU_GROUP_CALLER && (unsigned)err >> 8 <= HUFU_GROUP_BUG ? err : HUFU_ERR_CORRUPT;
}

/* -- time ------------------------------------------------------------------ */

/* RSA keys take seconds, and few devices say so. */
static uint64_t base_limit_ns(const struct call *call, const struct device *device)
{
	const struct hufu_op *op = &call->req->op;
	uint64_t min = call->conf->attempt_min_ms * NS_PER_MS, max = call->conf->attempt_max_ms * NS_PER_MS;
	uint64_t limit = RATIO_OF_P99 * latency_p99_ns(&device->latencies, call->op_class);

	if (op->verb == HUFU_VERB_GENERATE && op->new_type == HUFU_KEY_RSA_PRIVATE)
		return call->conf->generate_deadline_ms * NS_PER_MS / 3;
	if (!limit || limit > max)
		return max;
	return limit < min ? min : limit;
}

uint64_t attempt_limit_ns(const struct call *call, const struct device *device)
{
	return base_limit_ns(call, device) + latency_allowance_ns(call->req->op.in_len + call->req->op.out_cap);
}

/* Where nobody else could be asked it has all the time there is. */
static uint64_t attempt_deadline_ns(const struct call *call, const struct device *device)
{
	uint64_t limit = call->now_ns + (call->hurries ? attempt_limit_ns(call, device) : UINT64_MAX / 2);

	return limit < call->deadline_ns ? limit : call->deadline_ns;
}

/* One op in TIMED_EVERY where nothing hangs on it. */
static bool is_timed(const struct call *call)
{
	static _Thread_local unsigned n;

	return atomic_load_explicit(&call->pool->ndevices, memory_order_relaxed) > 1 || n++ % TIMED_EVERY == 0;
}

void attempt_note_latency(struct call *call, struct device *device, uint64_t ns, uint64_t now_ns)
{
	const struct hufu_op *op = &call->req->op;
	struct stats_device *stats = atomic_load_explicit(&device->stats, memory_order_acquire);
	uint64_t average = atomic_load_explicit(&device->latency_ns, memory_order_relaxed);

	average = average ? average - average / 8 + ns / 8 : ns;
	atomic_store_explicit(&device->latency_ns, average ? average : 1, memory_order_relaxed);
	latency_note(&device->latencies, call->op_class, ns, op->in_len + op->out_len, now_ns);
	if (!stats)
		return;
	atomic_store_explicit(&stats->latency_ns, average, memory_order_relaxed);
	atomic_fetch_add_explicit(&stats->histogram[op->verb % STATS_VERBS][stats_bucket(ns)], 1, memory_order_relaxed);
}

/* A device that may run in the caller's thread has promised to return in time. */
static void check_promise(struct call *call, struct device *device, uint64_t now_ns)
{
	uint64_t slack = call->conf->attempt_max_ms * NS_PER_MS;

	if (now_ns > call->req->op.deadline_ns + slack && !atomic_exchange(&device->overran, true))
		log_device(HUFU_LOG_WARNING, device->conf->name, "driver %s returned %llu ms after the deadline that it was given. "
		           "Set isolation = thread", device->driver->name,
		           (unsigned long long)((now_ns - call->req->op.deadline_ns) / NS_PER_MS));
}

/* -- counters ---------------------------------------------------------------- */

static struct stats_slot *stats_slot_of(struct device *device)
{
	struct stats_device *stats = atomic_load_explicit(&device->stats, memory_order_acquire);

	return stats ? &stats->slots[lease_thread() % STATS_SLOTS] : NULL;
}

void attempt_count_begun(struct device *device)
{
	struct stats_slot *slot = stats_slot_of(device);

	if (slot)
		atomic_fetch_add_explicit(&slot->started, 1, memory_order_relaxed);
}

void attempt_count_ended(struct device *device, const struct hufu_op *op, enum hufu_err err)
{
	struct stats_slot *slot = stats_slot_of(device);
	bool good = hufu_err_group(err) == HUFU_GROUP_OK || hufu_err_group(err) == HUFU_GROUP_CALLER;

	atomic_fetch_add_explicit(&device->slots[lease_thread() % LEASE_SLOTS].ops, 1, memory_order_relaxed);
	if (!slot)
		return;
	atomic_fetch_add_explicit(&slot->ended, 1, memory_order_relaxed);
	if (good)
		atomic_fetch_add_explicit(&slot->bytes, op->in_len + op->out_len, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&slot->errors, 1, memory_order_relaxed);
}

uint64_t attempts_so_far(const struct pool *pool)
{
	uint64_t n = 0;

	for (size_t i = 0; i < pool->ndevices; i++)
		for (size_t slot = 0; slot < LEASE_SLOTS; slot++)
			n += atomic_load_explicit(&pool->devices[i]->slots[slot].ops, memory_order_relaxed);
	return n;
}

/* -- in the caller's thread -------------------------------------------------- */

struct direct {
	struct call *call;
	struct device *device;
	struct lease *lease;
};

static enum hufu_err run_op(void *arg)
{
	struct direct *direct = arg;
	struct pool_request *req = direct->call->req;
	struct hufu_op *op = &req->op;

	op->key = req->key ? key_view(req->key, direct->device) : NULL;
	op->subject = req->subject ? key_view(req->subject, direct->device) : NULL;
	op->attempt = ++req->attempts;
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->copy_kind = HUFU_COPY_BLOB;
	op->outcome = HUFU_ERR_BUG; /* of a driver that forgets to say */
	direct->device->driver->run(direct->lease->handle, &op, 1);
	return attempt_outcome(direct->device, req);
}

/* Straight into the caller's space: only one device can write there. What a failure left is wiped. */
static enum hufu_err run_open(struct direct *direct)
{
	struct hufu_op *op = &direct->call->req->op;
	enum hufu_err err = run_op(direct);

	if (err != HUFU_OK) {
		secret_wipe(op->out, op->out_cap);
		secret_wipe(op->state_out, op->state_out ? HUFU_STATE_MAX : 0);
	}
	return err;
}

static enum hufu_err run_counted(struct direct *direct)
{
	struct hufu_op *op = &direct->call->req->op;
	struct device *device = direct->device;
	bool choice = atomic_load_explicit(&direct->call->pool->ndevices, memory_order_relaxed) > 1;

	if (choice)
		atomic_fetch_add_explicit(&device->in_flight, 1, memory_order_relaxed);
	attempt_count_begun(device);
	enum hufu_err err = space_is_needed(direct->call->pool, op) ? space_lend(op, run_op, direct) : run_open(direct);
	attempt_count_ended(device, op, err);
	if (choice)
		atomic_fetch_sub_explicit(&device->in_flight, 1, memory_order_relaxed);
	return err;
}

enum hufu_err attempt_direct(struct call *call, struct device *device, bool *delivered)
{
	struct direct direct = {.call = call, .device = device};
	struct hufu_op *op = &call->req->op;

	op->deadline_ns = attempt_deadline_ns(call, device);
	enum hufu_err err = lease_take(device, op->deadline_ns, &direct.lease);
	if (err != HUFU_OK)
		return as_undelivered(err);
	*delivered = true;
	bool timed = is_timed(call);
	err = run_counted(&direct);
	if (timed || err != HUFU_OK) {
		uint64_t now = clock_now_ns();

		call->late = now >= op->deadline_ns;
		check_promise(call, device, now);
		if (err == HUFU_OK || call->late)
			attempt_note_latency(call, device, now - call->now_ns, now);
		if (err != HUFU_OK)
			call->now_ns = now;
	}
	if (lease_survives(err))
		lease_put(device, direct.lease);
	else
		lease_discard(device, direct.lease);
	device_freed(device);
	return err;
}
