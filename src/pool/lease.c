/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, kept in slots that are taken and filled by one atomic operation each. */
#include "pool/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "driver/driver.h"

unsigned lease_thread(void)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned mine; /* 0: not numbered yet */

	if (!mine)
		mine = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % (1u << 30);
	return mine;
}

static struct lease *take_parked(struct slot *slot)
{
	if (!atomic_load_explicit(&slot->lease, memory_order_relaxed))
		return NULL;
	return atomic_exchange_explicit(&slot->lease, NULL, memory_order_acquire);
}

uint32_t device_lease_limit(const struct device *device)
{
	uint32_t sessions = atomic_load_explicit(&device->sessions, memory_order_relaxed);
	uint64_t most = atomic_load_explicit(&device->max_leases, memory_order_relaxed);
	uint64_t share = most * atomic_load_explicit(&device->share, memory_order_relaxed) / 100;

	if (sessions)
		return sessions;
	return most && !share ? 1 : (uint32_t)share;
}

bool device_may_connect(struct device *device, uint64_t now_ns, uint64_t *wait_ns)
{
	/* A lease on a machine is memory of this process; connections are its link's, which counts them by the same setting. */
	if (device->driver->flags & HUFU_DRIVER_SOFTWARE || device->driver == &driver_net)
		return true;
	return bucket_take(&device->connects, atomic_load_explicit(&device->connects_per_s, memory_order_relaxed), now_ns, wait_ns);
}

/* Counts one in before it is made: two at once do not both take the last. */
static bool reserve(struct device *device)
{
	uint32_t limit = device_lease_limit(device);

	if (atomic_fetch_add_explicit(&device->nleases, 1, memory_order_relaxed) < limit || !limit)
		return true;
	atomic_fetch_sub_explicit(&device->nleases, 1, memory_order_relaxed);
	return false;
}

/* Of this opening, which is held, and counted. */
static enum hufu_err make(struct device *device, struct opening *opening, uint64_t deadline_ns, struct lease *lease)
{
	lease->opening = opening;
	if (!device_may_connect(device, clock_now_ns(), NULL))
		return HUFU_ERR_BUSY;
	return device->driver->lease(opening->handle, deadline_ns, &lease->handle);
}

static enum hufu_err lease_new(struct device *device, uint64_t deadline_ns, struct lease **out)
{
	/* Read before the lease is made: one that is made while the device falls counts as of before. */
	uint32_t generation = atomic_load(&device->generation);
	struct opening *opening = opening_hold(device);
	bool reserved = opening && reserve(device);
	struct lease *lease = reserved ? malloc(sizeof(*lease)) : NULL;
	enum hufu_err err = !opening ? HUFU_ERR_GONE : !reserved ? HUFU_ERR_BUSY : !lease ? HUFU_ERR_NO_MEMORY : HUFU_OK;

	if (err == HUFU_OK)
		err = make(device, opening, deadline_ns, lease);
	if (err == HUFU_OK) {
		lease->generation = generation;
		*out = lease;
		return HUFU_OK;
	}
	free(lease);
	if (reserved)
		atomic_fetch_sub_explicit(&device->nleases, 1, memory_order_relaxed);
	if (opening)
		opening_rele(opening);
	return err;
}

/* Begins at the slot of the thread: with at most as many threads as slots each finds its own lease. */
enum hufu_err lease_take(struct device *device, uint64_t deadline_ns, struct lease **out)
{
	unsigned home = lease_thread();

	for (unsigned i = 0; i < LEASE_SLOTS; i++) {
		struct lease *lease = take_parked(&device->slots[(home + i) % LEASE_SLOTS]);

		if (!lease)
			continue;
		if (lease->generation == atomic_load_explicit(&device->generation, memory_order_relaxed)) {
			*out = lease;
			return HUFU_OK;
		}
		lease_discard(device, lease);
	}
	return lease_new(device, deadline_ns, out);
}

void lease_put(struct device *device, struct lease *lease)
{
	unsigned home = lease_thread();
	bool current = lease->generation == atomic_load_explicit(&device->generation, memory_order_relaxed);

	for (unsigned i = 0; current && i < LEASE_SLOTS; i++) {
		struct slot *slot = &device->slots[(home + i) % LEASE_SLOTS];
		struct lease *empty = NULL;

		if (!atomic_load_explicit(&slot->lease, memory_order_relaxed) &&
		    atomic_compare_exchange_strong_explicit(&slot->lease, &empty, lease, memory_order_release,
		                                            memory_order_relaxed))
			return;
	}
	lease_discard(device, lease);
}

void lease_adopt(struct device *device, struct opening *opening, struct hufu_lease *handle)
{
	struct lease *lease = malloc(sizeof(*lease));

	if (!lease) {
		device->driver->release(handle);
		return;
	}
	*lease = (struct lease){.handle = handle, .opening = opening, .generation = atomic_load(&device->generation)};
	atomic_fetch_add(&opening->leases, 1);
	atomic_fetch_add_explicit(&device->nleases, 1, memory_order_relaxed);
	lease_put(device, lease);
}

void lease_discard(struct device *device, struct lease *lease)
{
	device->driver->release(lease->handle);
	opening_rele(lease->opening);
	atomic_fetch_sub_explicit(&device->nleases, 1, memory_order_relaxed);
	free(lease);
}

void lease_discard_parked(struct device *device)
{
	for (unsigned i = 0; i < LEASE_SLOTS; i++) {
		struct lease *lease = take_parked(&device->slots[i]);

		if (lease)
			lease_discard(device, lease);
	}
}

void lease_discard_stale(struct device *device)
{
	for (unsigned i = 0; i < LEASE_SLOTS; i++) {
		struct lease *lease = take_parked(&device->slots[i]);

		if (lease)
			lease_put(device, lease); /* which discards it, if it is stale */
	}
}

void lease_abandon(struct device *device)
{
	for (unsigned i = 0; i < LEASE_SLOTS; i++)
		free(take_parked(&device->slots[i]));
	atomic_store(&device->nleases, 0);
}

bool lease_survives(enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_HOST:
		return true;
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		break;
	}
	return false;
}

uint32_t lease_in_use(struct device *device)
{
	uint32_t parked = 0, all = atomic_load(&device->nleases);

	for (unsigned i = 0; i < LEASE_SLOTS; i++)
		parked += atomic_load_explicit(&device->slots[i].lease, memory_order_relaxed) != NULL;
	return all > parked ? all - parked : 0;
}
