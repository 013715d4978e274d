/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/call.h"

/* Opens the device where that is for the op to do. */
static enum hufu_err board(struct call *call, struct device *device)
{
	enum hufu_err err = device_open(device, call->deadline_ns);

	if (err != HUFU_OK)
		return as_undelivered(err);
	if (!pick_can_run(device, call))
		return HUFU_ERR_UNSUPPORTED;
	return device_enter(device) ? HUFU_OK : HUFU_ERR_BUSY;
}

static void end_trial(struct call *call, struct device *device)
{
	if (call->trial)
		atomic_store(&device->on_trial, false);
	call->trial = false;
}

static enum verdict attempt(struct call *call, struct device *device)
{
	bool delivered = false;

	call->late = false;
	call->err = board(call, device);
	if (call->err == HUFU_OK) {
		call->err = attempt_direct(call, device, &delivered);
		device_leave(device);
	}
	enum verdict verdict = judge(call, device, delivered);
	end_trial(call, device);
	return verdict;
}

/* Busy and gone may pass: those devices are tried again when there is news of them, or after a while that grows. */
static enum verdict wait_for_device(struct call *call)
{
	call->now_ns = clock_now_ns();
	call->wait_ns = call->wait_ns ? 2 * call->wait_ns : WAIT_MIN_NS;
	if (call->wait_ns > WAIT_MAX_NS)
		call->wait_ns = WAIT_MAX_NS;
	call->wake_ns = call->now_ns + call->wait_ns < call->deadline_ns ? call->now_ns + call->wait_ns : call->deadline_ns;
	call->err = waiter_join(call);
	call->tried &= ~call->passing;
	call->passing = call->busy = 0;
	return call->err == HUFU_OK ? MUST_WAIT : ANSWERED;
}

static enum verdict next(struct call *call)
{
	struct device *device = pick(call);

	if (device)
		return attempt(call, device);
	bool out_of_service = call->passing && !call->busy;

	if (call->passing && !(out_of_service && call->req->impatient))
		return wait_for_device(call);
	if (!call->tried)
		call->err = pick_why_none(call);
	return ANSWERED;
}

static bool out_of_time(struct call *call)
{
	call->now_ns = clock_now_ns();
	return call->now_ns >= call->deadline_ns;
}

bool call_advance(struct call *call)
{
	if (call->waiter.wake)
		waiter_leave(call);
	bool looks_again = call->wait_ns > 0;

	for (;;) {
		if (looks_again && out_of_time(call)) {
			call->err = HUFU_ERR_DEADLINE;
			return true;
		}
		enum verdict verdict = next(call);
		if (verdict != TRY_NEXT)
			return verdict == ANSWERED;
		looks_again = true;
	}
}
