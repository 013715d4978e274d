/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, kept in slots that are taken and filled by one atomic operation each. */
#include "pool/internal.h"

#include <stdlib.h>

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

static enum hufu_err lease_new(struct device *device, uint64_t deadline_ns, struct lease **out)
{
	/* Read before the lease is made: one that is made while the device falls counts as of before. */
	uint32_t generation = atomic_load(&device->generation);
	struct opening *opening = opening_hold(device);

	if (!opening)
		return HUFU_ERR_GONE;
	struct lease *lease = malloc(sizeof(*lease));
	enum hufu_err err = lease ? device->driver->lease(opening->handle, deadline_ns, &lease->handle) : HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK) {
		free(lease);
		opening_rele(opening);
		return err;
	}
	lease->opening = opening;
	lease->generation = generation;
	atomic_fetch_add_explicit(&device->nleases, 1, memory_order_relaxed);
	*out = lease;
	return HUFU_OK;
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

void lease_abandon(struct device *device)
{
	for (unsigned i = 0; i < LEASE_SLOTS; i++)
		free(take_parked(&device->slots[i]));
	atomic_store(&device->nleases, 0);
}

uint32_t lease_in_use(struct device *device)
{
	uint32_t parked = 0, all = atomic_load(&device->nleases);

	for (unsigned i = 0; i < LEASE_SLOTS; i++)
		parked += atomic_load_explicit(&device->slots[i].lease, memory_order_relaxed) != NULL;
	return all > parked ? all - parked : 0;
}
