/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/call.h"

#include "base/log.h"

#define PATIENCE_NS (NS_PER_S / 10) /* with devices that are out, while one that failed once is well */

enum hufu_err call_board(struct call *call, struct device *device)
{
	enum hufu_err err = device_open(device, call->deadline_ns);

	call->generation = atomic_load(&device->generation);
	if (err != HUFU_OK)
		return as_undelivered(err);
	if (!pick_can_run(device, call))
		return HUFU_ERR_UNSUPPORTED;
	if (pick_must_prove(device, call))
		return HUFU_ERR_BUSY; /* so soon: its keeper is at it */
	return device_enter(device) ? HUFU_OK : HUFU_ERR_BUSY;
}

/* -- an attempt, from picking the device to judging its answer --------------- */

static void end_trial(struct call *call)
{
	if (call->trial)
		atomic_store(&call->trial->on_trial, false);
	call->trial = NULL;
}

static enum verdict conclude(struct call *call, struct device *device, bool delivered)
{
	enum verdict verdict = judge(call, device, delivered);

	if (call->trial == device)
		end_trial(call);
	return verdict;
}

static enum verdict attempt(struct call *call, struct device *device)
{
	bool delivered = false;

	call->late = false;
	call->err = call_board(call, device);
	if (call->err != HUFU_OK)
		return conclude(call, device, false);
	if (!device->threaded && call->home && (!call->parks || device_is_software(device))) {
		call->err = attempt_direct(call, device, &delivered);
	} else {
		call->err = flight_start(call, device, &call->flights[0]);
		if (call->err == HUFU_OK)
			return TRY_NEXT; /* to look at it */
	}
	device_leave(device);
	return conclude(call, device, delivered);
}

/* Nobody has come back soon. Never with the last attempt: as long as the call waits somebody may, and it is answered. */
static void ask_unlucky_again(struct call *call)
{
	if (call->now_ns < call->start_ns + PATIENCE_NS || call->hard + 1 >= call->conf->attempts)
		return;
	call->tried &= ~call->unlucky;
	call->unlucky = 0;
}

/* Busy and gone may pass: those devices are tried again when there is news of them, or after a while that grows. */
static enum verdict wait_for_device(struct call *call)
{
	call->now_ns = clock_now_ns();
	call->wait_ns = call->wait_ns ? 2 * call->wait_ns : WAIT_MIN_NS;
	if (call->wait_ns > WAIT_MAX_NS)
		call->wait_ns = WAIT_MAX_NS;
	call->wake_ns = call->now_ns + call->wait_ns < call->deadline_ns ? call->now_ns + call->wait_ns : call->deadline_ns;
	enum hufu_err err = waiter_join(call);
	call->tried &= ~call->passing;
	call->passing = call->busy = 0;
	ask_unlucky_again(call);
	if (err == HUFU_OK)
		return MUST_WAIT;
	call->err = err;
	return ANSWERED;
}

/* The last error stands; but one that should have passed means no more than that nobody is left. */
static enum verdict nobody_is_left(struct call *call)
{
	enum hufu_group group = hufu_err_group(call->err);

	if (!call->tried)
		call->err = pick_why_none(call);
	else if (group == HUFU_GROUP_BUSY || group == HUFU_GROUP_GONE)
		call->err = HUFU_ERR_NO_DEVICE;
	return ANSWERED;
}

static enum verdict next(struct call *call)
{
	struct device *device = pick(call);

	if (device)
		return attempt(call, device);
	bool out_of_service = call->passing && !call->busy;

	if (call->passing && !(out_of_service && call->req->impatient))
		return wait_for_device(call);
	return nobody_is_left(call);
}

/* -- attempts on lanes ------------------------------------------------------- */

static bool is_flying(const struct call *call)
{
	return call->flights[0].job || call->flights[1].job;
}

/* The first answer wins; an attempt that failed leaves it to the other. */
static enum verdict look_at_flights(struct call *call)
{
	enum verdict verdict = TRY_NEXT;

	call->now_ns = clock_now_ns();
	call->wake_ns = call->deadline_ns;
	for (size_t i = 0; i < 2; i++) {
		struct flight *flight = &call->flights[i];
		bool delivered;

		if (!flight->job || !flight_over(call, flight, &delivered, &call->wake_ns))
			continue;
		call->generation = flight->generation;
		verdict = conclude(call, flight->device, delivered);
		enum hufu_group group = hufu_err_group(call->err);
		if (group == HUFU_GROUP_OK || group == HUFU_GROUP_CALLER)
			break;
	}
	if (is_flying(call) && call->err != HUFU_OK && hufu_err_group(call->err) != HUFU_GROUP_CALLER)
		return MUST_WAIT;
	return verdict;
}

static enum verdict watch(struct call *call)
{
	call->err = HUFU_ERR_DEADLINE; /* of flights that never end */
	enum verdict verdict = look_at_flights(call);
	if (verdict == MUST_WAIT)
		hedge(call, &call->wake_ns);
	return verdict;
}

static void drop_flights(struct call *call)
{
	flight_drop(call, &call->flights[0]);
	flight_drop(call, &call->flights[1]);
	end_trial(call); /* of one that another was quicker than */
}

/* -- all of it --------------------------------------------------------------- */

static bool out_of_time(struct call *call)
{
	call->now_ns = clock_now_ns();
	return call->now_ns >= call->deadline_ns;
}

static bool over(struct call *call, enum hufu_err err)
{
	drop_flights(call);
	call->err = err;
	return true;
}

bool call_advance(struct call *call)
{
	bool looks_again = call->wait_ns > 0;

	if (call->waiter.joined)
		waiter_leave(call);
	for (;;) {
		if (!is_flying(call) && looks_again && out_of_time(call))
			return over(call, HUFU_ERR_DEADLINE);
		enum verdict verdict = is_flying(call) ? watch(call) : next(call);
		if (verdict == ANSWERED)
			return over(call, call->err);
		if (verdict == MUST_WAIT)
			return false;
		looks_again = true;
	}
}

void call_abandon(struct call *call)
{
	if (call->waiter.joined)
		waiter_leave(call);
	drop_flights(call);
}
