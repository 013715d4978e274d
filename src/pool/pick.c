/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs an op: of the devices that can, the less loaded of two drawn at random. */
#include "pool/internal.h"

#include <string.h>

#define LATENCY_FLOOR_NS 1000 /* so that a device never measured is tried, but not by everybody at once */

static bool is_tried(const struct call *call, const struct device *device)
{
	return call->tried >> device->index & 1;
}

/* The copy, the domain. */
static bool has_keys(const struct pool_request *req, const struct device *device)
{
	if (req->domain && strcmp(req->domain, device->conf->domain) != 0)
		return false;
	if (req->key && !key_view(req->key, device))
		return false;
	return !req->subject || key_view(req->subject, device);
}

bool pick_can_run(struct device *device, const struct call *call)
{
	const struct pool_request *req = call->req;
	const struct capability *cap = device_capability(device, call->mechanism, req->op.verb, req->op.phase != HUFU_PHASE_WHOLE);

	return cap && req->op.in_len <= cap->max_in && (!answer_needs_public(device, req) || req->key->point || req->key->check);
}

/* What a device can do shows only when it is open. */
static bool is_candidate(struct device *device, const struct call *call)
{
	if (is_tried(call, device) || health_state(&device->health) == POOL_QUARANTINED || !has_keys(call->req, device))
		return false;
	return !atomic_load_explicit(&device->handle, memory_order_acquire) || pick_can_run(device, call);
}

static bool is_fit(struct device *device)
{
	enum pool_state state = health_state(&device->health);

	return state == POOL_UP || state == POOL_SLOW_START || state == POOL_JOINING;
}

static uint64_t load(const struct device *device, const struct call *call)
{
	uint64_t latency = atomic_load_explicit(&device->latency_ns, memory_order_relaxed);
	uint64_t share = (uint64_t)atomic_load_explicit(&device->weight, memory_order_relaxed) * health_share_percent(&device->health, call->now_ns);
	uint64_t work = (1 + (uint64_t)atomic_load_explicit(&device->in_flight, memory_order_relaxed)) *
	                (latency < LATENCY_FLOOR_NS ? LATENCY_FLOOR_NS : latency);
	struct pool_key *key = call->req->key;

	/* A device that holds the key loaded spares loading it. */
	struct hufu_key *view = key ? key_view(key, device) : NULL;
	if (view && __atomic_load_n(&view->loaded, __ATOMIC_RELAXED))
		work /= 2;
	return work * 1000 / (share ? share : 1);
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

static struct device *lighter_of_two(const struct call *call, const uint8_t *candidates, uint32_t n)
{
	uint32_t a = draw(n), b = draw(n - 1);
	struct device *first = call->pool->devices[candidates[a]];
	struct device *second = call->pool->devices[candidates[b < a ? b : b + 1]];

	return load(second, call) < load(first, call) ? second : first;
}

/* With nothing fit: what there is, the one first whose backoff ends first. */
static struct device *least_unfit(const struct call *call, const uint8_t *candidates, uint32_t n)
{
	struct device *best = NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct device *device = call->pool->devices[candidates[i]];

		if (!best || atomic_load(&device->health.until_ns) < atomic_load(&best->health.until_ns))
			best = device;
	}
	return best;
}

enum hufu_err pick_why_none(const struct call *call)
{
	if (pool_needs_threads(call->pool))
		return HUFU_ERR_NEED_THREADS;
	enum hufu_err why = call->req->key ? HUFU_ERR_NO_KEY : HUFU_ERR_NO_DEVICE;

	for (size_t i = 0; i < call->pool->ndevices; i++) {
		struct device *device = call->pool->devices[i];

		if (!has_keys(call->req, device))
			continue;
		if (!atomic_load(&device->handle) || pick_can_run(device, call))
			return HUFU_ERR_NO_DEVICE;
		why = HUFU_ERR_UNSUPPORTED;
	}
	return why;
}

struct device *pick(struct call *call)
{
	uint8_t fit[POOL_DEVICES_MAX], unfit[POOL_DEVICES_MAX];
	uint32_t nfit = 0, nunfit = 0;

	for (size_t i = 0; i < call->pool->ndevices; i++) {
		struct device *device = call->pool->devices[i];

		if (!is_candidate(device, call))
			continue;
		device_probe_if_due(device, call->now_ns, call->deadline_ns);
		if (is_fit(device))
			fit[nfit++] = (uint8_t)i;
		else if (health_state(&device->health) != POOL_QUARANTINED)
			unfit[nunfit++] = (uint8_t)i;
	}
	if (nfit > 1)
		return lighter_of_two(call, fit, nfit);
	return nfit ? call->pool->devices[fit[0]] : least_unfit(call, unfit, nunfit);
}
