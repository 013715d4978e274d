/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from an attempt's error: the table of groups (hufu/driver.h) is the switch in judge(). */
#include "pool/call.h"

#include "base/log.h"

static void set_aside(struct call *call, const struct device *device, bool passing)
{
	call->tried |= UINT64_C(1) << device->index;
	if (passing)
		call->passing |= UINT64_C(1) << device->index;
}

static void count(struct device *device, enum stats_count what)
{
	struct stats_device *stats = atomic_load_explicit(&device->stats, memory_order_acquire);

	if (stats)
		stats_add(stats, what, 1);
}

/* Of a connection that was left meanwhile nothing is news: neither that it fell, nor that something still came back. */
static void note(const struct call *call, struct device *device, enum health_event event, const char *why)
{
	if (atomic_load(&device->generation) == call->generation)
		device_note(device, event, call->err, why, call->now_ns);
}

/* Every lease of before is as dead as this one; once a fall, whoever sees it first. */
static void fell(struct call *call, struct device *device, enum health_event event)
{
	if (health_state(&device->health) == POOL_EJECTED && event == HEALTH_HARD_ERROR)
		return;
	note(call, device, event, NULL);
	lease_discard_parked(device);
}

/* Others come first; but it is better than one that is out, of which nobody knows when it is back. */
static void set_aside_unlucky(struct call *call, const struct device *device)
{
	set_aside(call, device, false);
	call->unlucky |= UINT64_C(1) << device->index;
}

static enum verdict judge_unsupported(struct call *call, struct device *device, bool delivered)
{
	struct capability *cap = delivered ? device_capability(device, call->mechanism, call->req->op.verb,
	                                                       call->req->op.phase != HUFU_PHASE_WHOLE) : NULL;
	/* Keys of one type may be taken in where those of another are not. */
	bool of_type = call->req->op.verb == HUFU_VERB_IMPORT || call->req->op.verb == HUFU_VERB_UNWRAP;

	if (cap && !of_type) {
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
		set_aside_unlucky(call, device);
	call->renewed = true;
	return TRY_NEXT;
}

static enum verdict judge_busy(struct call *call, struct device *device)
{
	count(device, STATS_BUSY);
	call->busy |= UINT64_C(1) << device->index;
	set_aside(call, device, true);
	return TRY_NEXT;
}

/* A private key that is made or taken in: of others only a copy stays, which whoever has lost it leaves without effect. */
static bool brings_private_key(const struct hufu_op *op)
{
	switch (op->new_type) {
	case HUFU_KEY_SM2_PRIVATE:
	case HUFU_KEY_RSA_PRIVATE:
	case HUFU_KEY_EC_PRIVATE:
	case HUFU_KEY_EDWARDS_PRIVATE:
	case HUFU_KEY_MONTGOMERY_PRIVATE:
		return op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT || op->verb == HUFU_VERB_UNWRAP;
	case HUFU_KEY_SM2_PUBLIC:
	case HUFU_KEY_SM4:
	case HUFU_KEY_ZUC:
	case HUFU_KEY_SECRET:
	case HUFU_KEY_AES:
	case HUFU_KEY_DES3:
	case HUFU_KEY_RSA_PUBLIC:
	case HUFU_KEY_EC_PUBLIC:
	case HUFU_KEY_EDWARDS_PUBLIC:
	case HUFU_KEY_MONTGOMERY_PUBLIC:
		break;
	}
	return false;
}

/* A pair that stays in the device may be there, whatever came back: a second one would be found beside it for ever. */
bool call_may_repeat(const struct call *call, struct device *device)
{
	const struct hufu_op *op = &call->req->op;
	const struct capability *cap = device_capability(device, call->mechanism, op->verb, op->phase != HUFU_PHASE_WHOLE);

	return op->repeatable && !(cap && cap->permanent && brings_private_key(op));
}

static bool may_retry(struct call *call, struct device *device)
{
	struct pool *pool = call->pool;

	return call_may_repeat(call, device) && ++call->hard < call->conf->attempts &&
	       budget_take(&pool->calls.retries, attempts_so_far(pool), call->conf->retry_percent, call->conf->retry_floor,
	                   call->now_ns);
}

/* The effect is unknown, or the answer was wrong. What hung before the op was delivered had no effect. */
static enum verdict judge_lost(struct call *call, struct device *device, bool delivered)
{
	bool wrong = hufu_err_group(call->err) == HUFU_GROUP_CORRUPT;
	bool late = call->late && !wrong;

	if (wrong || late)
		count(device, wrong ? STATS_WRONG_ANSWERS : STATS_TIMEOUTS);
	note(call, device, late ? HEALTH_TIMEOUT : HEALTH_SOFT_ERROR, late ? "no answer in time" : NULL);
	if (call->trial == device || !delivered)
		set_aside(call, device, true); /* with nobody else it is asked again */
	else
		set_aside_unlucky(call, device);
	if (!delivered)
		return TRY_NEXT;
	if (!may_retry(call, device))
		return ANSWERED;
	count(device, STATS_RETRIES);
	return TRY_NEXT;
}

/* Configuration is one device's; memory and random numbers are the host's. */
static enum verdict judge_host(struct call *call, struct device *device, bool delivered)
{
	if (delivered || call->err != HUFU_ERR_CONFIG)
		return ANSWERED;
	set_aside(call, device, false);
	return TRY_NEXT;
}

/* A caller's mistake is found by a device that works, if it was asked. */
static void note_answer(struct call *call, struct device *device, bool delivered)
{
	enum hufu_group group = hufu_err_group(call->err);

	if (group == HUFU_GROUP_OK || group == HUFU_GROUP_CALLER) {
		if (delivered && health_minds_served(&device->health))
			note(call, device, HEALTH_SERVED, NULL);
	} else if (group != HUFU_GROUP_HOST) {
		atomic_fetch_add_explicit(&device->errors, 1, memory_order_relaxed);
	}
	call->req->served_by = device->conf->name;
	call->req->served_domain = device->conf->domain;
}

enum verdict judge(struct call *call, struct device *device, bool delivered)
{
	note_answer(call, device, delivered);
	switch (hufu_err_group(call->err)) {
	case HUFU_GROUP_OK:
		route_note_served(call, device);
		return ANSWERED;
	case HUFU_GROUP_CALLER:
		return ANSWERED;
	case HUFU_GROUP_UNSUPPORTED:
		return judge_unsupported(call, device, delivered);
	case HUFU_GROUP_NO_KEY:
		set_aside_unlucky(call, device);
		return TRY_NEXT;
	case HUFU_GROUP_DENIED:
		credentials_were_denied(device);
		fell(call, device, HEALTH_REFUSED);
		set_aside(call, device, false);
		return TRY_NEXT;
	case HUFU_GROUP_EXPIRED:
		return judge_expired(call, device);
	case HUFU_GROUP_BUSY:
		return judge_busy(call, device);
	case HUFU_GROUP_GONE:
		fell(call, device, HEALTH_HARD_ERROR);
		set_aside(call, device, true);
		return TRY_NEXT;
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
		return judge_lost(call, device, delivered);
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
