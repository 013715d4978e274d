/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware or software: what the token's settings and the key's attributes let
 * a call use. Software in place of hardware that is out is seen in log and
 * counters.
 */
#include "pool/call.h"

#include "base/log.h"

#define BIT(device) (UINT64_C(1) << (device)->index)

bool route_uses_secret(const struct pool_request *req)
{
	return req->subject || (req->key && !key_type_is_public(req->key->type));
}

/* One that could as well be computed here. */
static bool need_not_travel(const struct call *call)
{
	const struct pool_request *req = call->req;
	enum hufu_verb verb = req->op.verb;

	if (!req->key || verb < HUFU_VERB_ENCRYPT || verb > HUFU_VERB_VERIFY)
		return false;
	if (key_type_is_public(req->key->type))
		return call->conf->keyless == CONF_KEYLESS_LOCAL;
	return req->op.in_len < call->conf->local_below;
}

static uint64_t software_of(const struct pool *pool)
{
	uint64_t software = 0;

	for (size_t i = 0; i < pool->ndevices; i++)
		if (device_is_software(pool->devices[i]))
			software |= UINT64_C(1) << i;
	return software;
}

static bool may_never_be_software(const struct pool_request *req)
{
	return (req->key && req->key->hardware_only) || (req->subject && req->subject->hardware_only);
}

static bool key_may_fall_back(const struct call *call, const struct pool_key *key)
{
	return !key || (key->has_policy ? key->fallback : call->conf->software_fallback);
}

static bool may_fall_back(const struct call *call)
{
	return key_may_fall_back(call, call->req->key) && key_may_fall_back(call, call->req->subject);
}

/* In this call, at least: busy is not out, and one that is being opened for the first time is given a while. */
static bool is_out(const struct call *call, const struct device *device)
{
	enum pool_state state = health_state(&device->health);

	if (atomic_load(&device->admin) != POOL_ENABLED || state == POOL_QUARANTINED || state == POOL_EJECTED)
		return true;
	if (state == POOL_PROBING && atomic_load(&device->health.was_ejected))
		return true;
	if (state == POOL_JOINING && call->now_ns - call->start_ns >= call->conf->attempt_max_ms * NS_PER_MS)
		return true;
	return call->tried & ~call->busy & BIT(device);
}

/* Hardware that has the key, and does this with it as far as is known. all_out: none of it serves. */
static uint64_t hardware_for(const struct call *call, uint64_t software, bool *all_out)
{
	uint64_t hardware = 0;

	*all_out = true;
	for (size_t i = 0; i < call->pool->ndevices; i++) {
		struct device *device = call->pool->devices[i];

		if (software >> i & 1 || atomic_load(&device->admin) == POOL_REMOVED || !pick_has_keys(call->req, device) ||
		    (atomic_load_explicit(&device->caps, memory_order_acquire) && !pick_can_run(device, call)))
			continue;
		hardware |= UINT64_C(1) << i;
		*all_out &= is_out(call, device);
	}
	return hardware;
}

static struct route secret_route(const struct call *call, uint64_t can, uint64_t software)
{
	bool all_out;

	if (may_never_be_software(call->req))
		return (struct route){.now = can & ~software};
	if (!software || !hardware_for(call, software, &all_out))
		return (struct route){.now = can};
	if (!may_fall_back(call))
		return (struct route){.now = can & ~software};
	if (all_out && can & software)
		return (struct route){.now = can & software, .fallback = true};
	return (struct route){.now = can & ~software, .later = can & software};
}

struct route route(const struct call *call, uint64_t can, uint64_t fit)
{
	uint64_t software = software_of(call->pool);

	if (need_not_travel(call) && !may_never_be_software(call->req) && can & fit & software)
		return (struct route){.now = can & software, .later = can & ~software};
	return route_uses_secret(call->req) ? secret_route(call, can, software) : (struct route){.now = can};
}

/* An event of the device, whose state stays as it is. */
static void tell(struct device *device, enum hufu_level level, const char *what)
{
	struct stats_device *stats = atomic_load_explicit(&device->stats, memory_order_acquire);
	enum pool_state state = health_state(&device->health);

	log_device(level, device->conf->name, "%s", what);
	if (stats)
		stats_event(stats, state, state, HUFU_OK, what);
}

static void count_fallback(struct device *device)
{
	struct stats_device *stats = atomic_load_explicit(&device->stats, memory_order_acquire);

	if (stats)
		stats_add(stats, STATS_FALLBACKS, 1);
}

void route_note_served(const struct call *call, struct device *device)
{
	_Atomic bool *falls_back = &call->pool->calls.falls_back;

	if (call->fallback) {
		count_fallback(device);
		if (!atomic_exchange(falls_back, true))
			tell(device, HUFU_LOG_WARNING, "software serves keys of hardware, all of which is out");
	} else if (atomic_load_explicit(falls_back, memory_order_relaxed) && route_uses_secret(call->req) &&
	           !device_is_software(device) && atomic_exchange(falls_back, false)) {
		tell(device, HUFU_LOG_NOTICE, "hardware serves its keys again, software no more");
	}
}
