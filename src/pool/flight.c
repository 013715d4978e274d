/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts on lanes. The job has all memory that the driver touches; the answer
 * comes out of it once, when the flight is over and was not given up.
 */
#include "pool/call.h"

#include <string.h>

/* From the lane. The call may be over and gone; what wakes it is not. */
static void job_is_over(struct job *job)
{
	struct wake *wake = job->arg;

	wake_post(wake);
	wake_rele(wake);
}

static void plan(struct call *call, struct device *device, struct flight *flight)
{
	uint64_t now = clock_now_ns(), left = call->deadline_ns > now ? call->deadline_ns - now : 0;
	uint64_t limit = attempt_limit_ns(call, device), patience = call->conf->attempt_max_ms * NS_PER_MS;

	*flight = (struct flight){.device = device, .generation = call->generation, .submitted_ns = now, .blame_ns = limit};
	flight->alone = !call->hurries;
	flight->limit_ns = limit < left ? limit : left;
	/* What may not be repeated stays where it is: a job that is about to begin could be given up too late. */
	flight->may_leave = call_may_repeat(call, device);
	flight->patience_ns = flight->may_leave && patience < left ? patience : left;
}

static enum hufu_err submit(struct call *call, struct flight *flight, struct wake *wake)
{
	struct device *device = flight->device;
	uint64_t limit = flight->alone ? CLOCK_NEVER / 2 : flight->limit_ns; /* the call's deadline holds in any case */
	enum hufu_err err = op_job_new(device, call->req, call->req->attempts + 1, limit, call->deadline_ns, &flight->job);

	if (err != HUFU_OK)
		return err;
	flight->job->job.over = job_is_over;
	flight->job->job.arg = wake;
	wake_hold(wake);
	atomic_fetch_add_explicit(&device->in_flight, 1, memory_order_relaxed);
	if (lanes_submit(flight->lanes, &flight->job->job) == HUFU_OK)
		return HUFU_OK;
	atomic_fetch_sub_explicit(&device->in_flight, 1, memory_order_relaxed);
	wake_rele(wake);
	job_rele(&flight->job->job);
	flight->job = NULL;
	return HUFU_ERR_BUSY; /* for want of a thread, too: there may be one elsewhere, or later */
}

enum hufu_err flight_start(struct call *call, struct device *device, struct flight *flight)
{
	struct lanes *lanes = device_lanes(device);
	struct wake *wake = wake_of(call);

	if (!wake)
		return HUFU_ERR_NO_MEMORY;
	if (!lanes)
		return HUFU_ERR_BUSY;
	plan(call, device, flight);
	flight->lanes = lanes;
	enum hufu_err err = submit(call, flight, wake);
	if (err != HUFU_OK)
		return err;
	call->req->attempts++;
	attempt_count_begun(device);
	return HUFU_OK;
}

/* -- its end ----------------------------------------------------------------- */

static void finish(struct flight *flight, const struct hufu_op *op, enum hufu_err err)
{
	attempt_count_ended(flight->device, op, err);
	atomic_fetch_sub_explicit(&flight->device->in_flight, 1, memory_order_relaxed);
	job_rele(&flight->job->job);
	flight->job = NULL;
	device_leave(flight->device);
}

static uint64_t begun_ns(const struct flight *flight)
{
	return atomic_load(&flight->job->begun_ns);
}

/* Looked at where the driver put it; only what is sound comes out. */
static enum hufu_err collect(struct call *call, struct flight *flight)
{
	struct op_job *job = flight->job;
	struct pool_request answer = *call->req;

	answer.op = job->op;
	answer.op.out = job->out;
	answer.op.out_cap = job->out_cap;
	answer.op.pub = job->pub;
	answer.op.state_out = job->state_out;
	enum hufu_err err = attempt_outcome(flight->device, &answer);
	if (err != HUFU_OK && err != HUFU_ERR_BUFFER)
		return err;
	op_job_collect(job, &call->req->op);
	return call->req->op.outcome;
}

static void land(struct call *call, struct flight *flight, bool *delivered)
{
	struct op_job *job = flight->job;

	*delivered = job->job.err == HUFU_OK;
	call->err = *delivered ? collect(call, flight) : as_undelivered(job->job.err);
	uint64_t ran = *delivered ? job->ended_ns - begun_ns(flight) : 0;
	call->late = ran >= flight->blame_ns;
	if (*delivered && (call->err == HUFU_OK || call->late))
		attempt_note_latency(call, flight->device, ran, call->now_ns);
	finish(flight, &call->req->op, call->err);
}

/* A queue is no fault of the device's, nor is a caller in a hurry. */
static void give_up(struct call *call, struct flight *flight, bool *delivered)
{
	uint64_t begun = begun_ns(flight), ran = begun && call->now_ns > begun ? call->now_ns - begun : 0;

	wake_rele(flight->job->job.arg);
	*delivered = atomic_load(&flight->job->asked);
	call->late = ran >= flight->blame_ns;
	call->err = call->late ? HUFU_ERR_LOST : call->now_ns >= call->deadline_ns ? HUFU_ERR_DEADLINE : HUFU_ERR_BUSY;
	if (call->late)
		attempt_note_latency(call, flight->device, ran, call->now_ns);
	finish(flight, &call->req->op, call->err);
}

/* Where nobody else can serve there is nothing to hurry for; but somebody may come back meanwhile. */
static bool is_alone(struct call *call, struct flight *flight)
{
	if (flight->alone)
		flight->alone = !pick_has_other(call, flight->device);
	return flight->alone;
}

/* When it is given up. */
static uint64_t due_ns(struct call *call, struct flight *flight)
{
	uint64_t begun = begun_ns(flight);

	if (is_alone(call, flight))
		return call->deadline_ns;
	if (!begun && flight->may_leave && !pick_is_fit(flight->device) && call->trial != flight->device)
		return call->now_ns; /* those that have a lane are stuck there */
	uint64_t due = begun ? begun + flight->limit_ns : flight->submitted_ns + flight->patience_ns;

	return due < call->deadline_ns ? due : call->deadline_ns;
}

bool flight_over(struct call *call, struct flight *flight, bool *delivered, uint64_t *look_ns)
{
	struct job *job = &flight->job->job;
	bool done = atomic_load_explicit(&job->state, memory_order_acquire) == JOB_DONE;
	uint64_t due = due_ns(call, flight);

	if (!done && call->now_ns < due) {
		/* Nobody tells when it begins, but no sooner than now: then it has its whole limit. Nor that another device is back. */
		uint64_t look = begun_ns(flight) && !flight->alone ? due : call->now_ns + flight->limit_ns;

		look = look < due ? look : due;
		*look_ns = look < *look_ns ? look : *look_ns;
		return false;
	}
	if (!done && job_give_up(flight->lanes, job))
		give_up(call, flight, delivered);
	else
		land(call, flight, delivered);
	return true;
}

void flight_drop(struct call *call, struct flight *flight)
{
	if (!flight->job)
		return;
	uint64_t begun = begun_ns(flight);
	if (job_give_up(flight->lanes, &flight->job->job)) {
		wake_rele(flight->job->job.arg);
		if (begun && call->now_ns > begun)
			attempt_note_latency(call, flight->device, call->now_ns - begun, call->now_ns);
	}
	finish(flight, &call->req->op, HUFU_OK);
}
