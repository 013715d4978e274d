/* SPDX-License-Identifier: Apache-2.0 */
/* What a device needs now. */
#include "pool/care_internal.h"

#define URGENT_NS (NS_PER_S / 4)       /* between errands to a device that somebody waits for */
#define PING_NS (15 * NS_PER_S)        /* a device that nobody asked for so long is asked whether it is there */

static uint64_t attempts_of(const struct device *device)
{
	uint64_t n = 0;

	for (size_t i = 0; i < LEASE_SLOTS; i++)
		n += atomic_load_explicit(&device->slots[i].entered, memory_order_relaxed);
	return n;
}

/* Nobody came by since it was last looked at, and that is long ago. */
static bool is_forgotten(struct device *device, uint64_t now_ns)
{
	uint64_t attempts = attempts_of(device);

	if (attempts != device->attempts_seen || device_is_software(device)) {
		device->attempts_seen = attempts;
		device->asked_ns = now_ns;
	}
	return now_ns >= device->asked_ns + PING_NS;
}

static bool answers_are_due(const struct device *device, uint64_t now_ns)
{
	uint64_t every = atomic_load(&device->pool->token)->pool.deep_probe_s * NS_PER_S;

	/* Where a caller would wait for it, software is believed from its opening on. */
	if (device->driver->flags & HUFU_DRIVER_SOFTWARE && atomic_load(&device->pool->keeping) != KEEPING_BY_KEEPER)
		return false;
	return every && now_ns >= device->answered_ns + every;
}

/* What others still use is looked at again later. */
static bool emptying_is_due(struct device *device, uint64_t now_ns)
{
	return care_has_left(device) && now_ns >= device->emptied_ns + (care_has_free(device) ? CARE_RETRY_NS : CARE_RETRY_NS / 10);
}

/* What a login has just brought is asked for at once: its caller waits for that. What was busy, later. */
static bool proofs_are_due(const struct device *device, uint64_t now_ns)
{
	bool is_new = device->proofs_tried != atomic_load(&device->pool->proofs_given);

	return device_must_prove(device) && (is_new || now_ns >= device->care_not_before_ns);
}

/* It was told credentials that were taken back since: at once, and again later where it was busy. */
static bool logout_is_due(const struct device *device, uint64_t now_ns)
{
	uint32_t dropped = atomic_load(&device->pool->credentials_dropped);

	return device->login.in && device->login.dropped != dropped &&
	       (device->dropped_tried != dropped || now_ns >= device->care_not_before_ns);
}

/* Is there an errand to a device in service? */
static bool due_in_service(struct device *device, enum care_kind *kind, uint64_t now_ns)
{
	/* It served once more as it fell. */
	if (!atomic_load(&device->opening))
		*kind = CARE_OPEN;
	else if (proofs_are_due(device, now_ns) || logout_is_due(device, now_ns))
		*kind = CARE_PROOFS;
	else if (answers_are_due(device, now_ns))
		*kind = CARE_ANSWERS;
	else if (is_forgotten(device, now_ns))
		*kind = CARE_PING;
	else
		return false;
	return true;
}

static bool due_out_of_service(struct device *device, enum care_kind *kind, uint64_t now_ns)
{
	if (!device_is_idle(device))
		return false;
	device_leave_opening(device);
	device_note(device, HEALTH_CLOSED, HUFU_OK, NULL, now_ns);
	*kind = CARE_CLOSE;
	return emptying_is_due(device, now_ns);
}

/* Drained: what it did is done, its sessions are given back; it stays open and is looked after. */
void care_give_back_sessions(struct device *device)
{
	if (atomic_load(&device->admin) != POOL_DRAINING || !atomic_load(&device->nleases) || !device_is_idle(device))
		return;
	atomic_fetch_add(&device->generation, 1);
	if (atomic_load(&device->lanes))
		lanes_refresh(device->lanes);
	lease_discard_stale(device);
}

static uint64_t urgent_every(const struct device *device)
{
	uint64_t backoff = atomic_load(&device->pool->token)->pool.backoff_min_ms * NS_PER_MS;

	return backoff < URGENT_NS ? backoff : URGENT_NS;
}

static bool due_by_state(struct device *device, bool urgent, uint64_t now_ns, enum care_kind *kind, bool *probing)
{
	enum pool_state state = health_state(&device->health);

	if (emptying_is_due(device, now_ns)) {
		*kind = CARE_EMPTY;
		return true;
	}
	if (state == POOL_UP || state == POOL_SLOW_START)
		return due_in_service(device, kind, now_ns);
	if (state == POOL_PROBING)
		return false;
	if (state == POOL_JOINING) {
		*kind = CARE_OPEN;
		return now_ns >= device->care_not_before_ns;
	}
	urgent = urgent && now_ns >= device->asked_ns + urgent_every(device);
	*probing = health_begin_probe(&device->health, urgent, now_ns);
	*kind = atomic_load(&device->opening) ? CARE_PROBE : CARE_OPEN;
	return *probing;
}

bool care_due(struct device *device, bool urgent, uint64_t now_ns, enum care_kind *kind, bool *probing)
{
	*probing = false;
	switch (atomic_load(&device->admin)) {
	case POOL_ENABLED:
	case POOL_DRAINING:
		break;
	case POOL_MAINTENANCE:
	case POOL_REMOVED:
		return due_out_of_service(device, kind, now_ns);
	}
	if (health_state(&device->health) == POOL_QUARANTINED)
		return due_out_of_service(device, kind, now_ns);
	if (health_state(&device->health) == POOL_SLOW_START)
		device_note(device, HEALTH_TIME, HUFU_OK, NULL, now_ns);
	return due_by_state(device, urgent, now_ns, kind, probing);
}

/* A device that is slow to open is given the time that it took before. */
uint64_t care_time_for(const struct device *device, enum care_kind kind)
{
	if (kind != CARE_OPEN)
		return PROBE_TIME_NS;
	if (!device->open_ns)
		return OPEN_TIME_NS;
	uint64_t ns = 2 * device->open_ns;
	return ns < PROBE_TIME_NS ? PROBE_TIME_NS : ns < OPEN_TIME_NS ? ns : OPEN_TIME_NS;
}
