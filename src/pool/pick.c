/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs an op: of the devices that can, in the first tier that is fit, the less loaded of two drawn at random. */
#include "pool/call.h"

#include <string.h>

#define LATENCY_FLOOR_NS 1000 /* so that a device never measured is tried, but not by everybody at once */
#define BIT(i) (UINT64_C(1) << (i))

bool pick_has_keys(const struct pool_request *req, const struct device *device)
{
	if (req->domain && strcmp(req->domain, device->conf->domain) != 0)
		return false;
	if (req->device && strcmp(req->device, device->conf->name) != 0)
		return false;
	if (req->key && !key_view(req->key, device))
		return false;
	return !req->subject || key_view(req->subject, device);
}

bool pick_can_run(struct device *device, const struct call *call)
{
	const struct pool_request *req = call->req;
	const struct capability *cap = device_capability(device, call->mechanism, req->op.verb, req->op.phase != HUFU_PHASE_WHOLE);

	return cap && req->op.in_len <= cap->max_in &&
	       (!answer_needs_public(device, req) || (req->key && (req->key->point || req->key->check)));
}

bool pick_must_prove(const struct device *device, const struct call *call)
{
	bool asks = route_uses_secret(call->req) || call->req->op.verb == HUFU_VERB_FIND;

	return asks && atomic_load_explicit(&call->pool->proofs_given, memory_order_relaxed) &&
	       !atomic_load_explicit(&device->proven, memory_order_relaxed);
}

/* What a device can do shows only when it was open once. */
static bool is_candidate(struct device *device, const struct call *call)
{
	if (call->tried & BIT(device->index) || health_state(&device->health) == POOL_QUARANTINED ||
	    atomic_load_explicit(&device->admin, memory_order_relaxed) != POOL_ENABLED || !pick_has_keys(call->req, device))
		return false;
	return !atomic_load_explicit(&device->caps, memory_order_acquire) || pick_can_run(device, call);
}

bool pick_is_fit(const struct device *device)
{
	enum pool_state state = health_state(&device->health);

	return state == POOL_UP || state == POOL_SLOW_START || state == POOL_JOINING;
}

/* -- the less loaded of two -------------------------------------------------- */

static uint64_t load(const struct device *device, const struct call *call)
{
	uint64_t latency = latency_average_ns(&device->latencies, call->op_class, call->now_ns);
	uint64_t weight = atomic_load_explicit(&device->weight, memory_order_relaxed);
	uint64_t work = (1 + (uint64_t)atomic_load_explicit(&device->in_flight, memory_order_relaxed)) *
	                (latency < LATENCY_FLOOR_NS ? LATENCY_FLOOR_NS : latency);
	struct hufu_key *view = call->req->key ? key_view(call->req->key, device) : NULL;

	/* A device that holds the key loaded spares loading it. */
	if (view && __atomic_load_n(&view->loaded, __ATOMIC_RELAXED))
		work /= 2;
	return work * 100000 / (weight ? weight : 1);
}

/* xorshift32 a thread: spreads load, no more. */
static uint32_t draw(uint32_t below)
{
	static _Thread_local uint32_t x;

	if (!x)
		x = lease_thread() * 2654435761u | 1;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return (uint32_t)((uint64_t)x * below >> 32);
}

/* The nth device of a set. */
static struct device *nth(const struct pool *pool, uint64_t set, uint32_t n)
{
	while (n--)
		set &= set - 1;
	return pool->devices[__builtin_ctzll(set)];
}

/*
 * Without those in slow start whose turn it is not: one that may bear a tenth is
 * drawn in every tenth call. As a weight its share would count for nothing while
 * the others are idle, and the device would come back all at once at the end.
 */
static uint64_t without_slow(const struct call *call, uint64_t set)
{
	uint64_t kept = set;

	for (uint64_t rest = set; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		uint32_t share = health_share_percent(&call->pool->devices[i]->health, call->now_ns);

		if (share < 100 && draw(100) >= share)
			kept &= ~BIT(i);
	}
	return kept ? kept : set;
}

static struct device *lighter_of_two(const struct call *call, uint64_t set)
{
	uint32_t n = (uint32_t)__builtin_popcountll(set);

	if (n < 2)
		return nth(call->pool, set, 0);
	uint32_t a = draw(n), b = draw(n - 1);
	struct device *first = nth(call->pool, set, a), *second = nth(call->pool, set, b < a ? b : b + 1);

	return load(second, call) < load(first, call) ? second : first;
}

/* Those of the lowest priority number. */
static uint64_t first_tier(const struct pool *pool, uint64_t set)
{
	uint32_t best = UINT32_MAX;
	uint64_t tier = 0;

	for (uint64_t rest = set; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		uint32_t priority = atomic_load_explicit(&pool->devices[i]->priority, memory_order_relaxed);

		if (priority < best)
			tier = 0;
		best = priority < best ? priority : best;
		if (priority == best)
			tier |= BIT(i);
	}
	return tier;
}

/* -- with nothing fit -------------------------------------------------------- */

/* Of one that is out, one call at a time finds out whether it is back. */
static bool needs_trial(const struct device *device)
{
	enum pool_state state = health_state(&device->health);

	return state == POOL_EJECTED || (state == POOL_PROBING && atomic_load(&device->health.was_ejected));
}

/* What there is, the one first whose backoff ends first. */
static struct device *least_unfit(struct call *call, uint64_t set)
{
	struct device *best = NULL;

	for (uint64_t rest = set; rest; rest &= rest - 1) {
		struct device *device = nth(call->pool, rest, 0);

		if (needs_trial(device) && atomic_load(&device->on_trial))
			call->passing |= BIT(device->index);
		else if (!best || atomic_load(&device->health.until_ns) < atomic_load(&best->health.until_ns))
			best = device;
	}
	if (!best || !needs_trial(best))
		return best;
	if (atomic_exchange(&best->on_trial, true)) {
		call->passing |= BIT(best->index);
		return NULL;
	}
	call->trial = best;
	return best;
}

/* -- all together ------------------------------------------------------------ */

enum hufu_err pick_why_none(const struct call *call)
{
	if (pool_needs_threads(call->pool))
		return HUFU_ERR_NEED_THREADS;
	enum hufu_err why = call->req->key ? HUFU_ERR_NO_KEY : HUFU_ERR_NO_DEVICE;

	for (size_t i = 0; i < call->pool->ndevices; i++) {
		struct device *device = call->pool->devices[i];

		if (!pick_has_keys(call->req, device))
			continue;
		if (!atomic_load(&device->caps) || pick_can_run(device, call))
			return HUFU_ERR_NO_DEVICE;
		why = HUFU_ERR_UNSUPPORTED;
	}
	return why;
}

static uint64_t candidates(struct call *call, uint64_t *fit)
{
	uint64_t can = 0;

	*fit = 0;
	for (size_t i = 0; i < call->pool->ndevices; i++) {
		struct device *device = call->pool->devices[i];

		if (!is_candidate(device, call))
			continue;
		if (atomic_load_explicit(&device->handle, memory_order_relaxed) && pick_must_prove(device, call)) {
			call->passing |= device_must_prove(device) ? BIT(i) : 0; /* else it was asked, and cannot */
			continue;
		}
		device_probe_if_due(device, call->now_ns, call->deadline_ns);
		if (health_state(&device->health) == POOL_QUARANTINED)
			continue;
		can |= BIT(i);
		*fit |= pick_is_fit(device) ? BIT(i) : 0;
	}
	return can;
}

struct device *pick(struct call *call)
{
	uint64_t fit, can = candidates(call, &fit);
	struct route ways = route(call, can, fit);
	uint64_t serve = ways.now & fit;
	struct device *device = serve ? lighter_of_two(call, without_slow(call, first_tier(call->pool, serve))) :
	                                least_unfit(call, ways.now);

	call->fallback = ways.fallback;
	call->hurries = device && (call->trial || (ways.now | ways.later) & fit & ~BIT(device->index));
	return device;
}

bool pick_has_other(struct call *call, const struct device *device)
{
	uint64_t fit, can = candidates(call, &fit);
	struct route ways = route(call, can, fit);

	return (ways.now | ways.later) & fit & ~BIT(device->index);
}
