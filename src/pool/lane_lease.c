/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's lease: made, used and released by its thread alone. */
#include "pool/lane_internal.h"

bool lane_lease_is_stale(const struct lane *lane)
{
	return lane->generation != atomic_load_explicit(&lane->lanes->device->generation, memory_order_relaxed);
}

static void leave_opening_locked(struct lane *lane)
{
	opening_rele(lane->opening);
	lane->opening = NULL;
	atomic_fetch_sub_explicit(&lane->lanes->device->nleases, 1, memory_order_relaxed);
}

void lane_release_locked(struct lane *lane)
{
	struct lanes *lanes = lane->lanes;
	struct hufu_lease *lease = lane->lease;

	lane->drop = false;
	if (!lease)
		return;
	lane->lease = NULL;
	lane->release_until_ns = clock_now_ns() + RELEASE_TIME_NS;
	pthread_mutex_unlock(&lanes->lock);
	lanes->device->driver->release(lease);
	pthread_mutex_lock(&lanes->lock);
	leave_opening_locked(lane);
	lane->release_until_ns = 0;
}

void lane_drop_lease(struct lane *lane)
{
	lane->drop = true;
}

static bool has_current(const struct lane *lane)
{
	return lane->lease && !lane->drop && !lane_lease_is_stale(lane);
}

/* False: the job was given up, or all of this ends. */
static bool is_wanted_locked(const struct lane *lane)
{
	return !lane->hung && !lane->lanes->stopping;
}

static bool wait_until(struct lane *lane, uint64_t until_ns)
{
	struct lanes *lanes = lane->lanes;

	pthread_mutex_lock(&lanes->lock);
	while (is_wanted_locked(lane) && clock_wait(&lane->wake, &lanes->lock, until_ns))
		;
	bool wanted = is_wanted_locked(lane);
	pthread_mutex_unlock(&lanes->lock);
	return wanted;
}

enum hufu_err lane_ready(struct lane *lane, uint64_t deadline_ns)
{
	struct device *device = lane->lanes->device;
	uint64_t wait_ns;

	while (!lane->token && !has_current(lane)) {
		uint64_t now = clock_now_ns();

		lane->token = device_may_connect(device, now, &wait_ns);
		if (lane->token)
			break;
		if (deadline_ns && now + wait_ns >= deadline_ns)
			return HUFU_ERR_BUSY;
		if (!wait_until(lane, now + wait_ns))
			return HUFU_ERR_GONE;
	}
	return HUFU_OK;
}

/* Counted before it is made, and kept in the lane under the lock: for whoever cancels it, and for a fork. */
static enum hufu_err make(struct lane *lane, struct opening *opening, uint64_t deadline_ns)
{
	struct lanes *lanes = lane->lanes;
	struct hufu_lease *lease = NULL;

	pthread_mutex_lock(&lanes->lock);
	lane->opening = opening;
	atomic_fetch_add_explicit(&lanes->device->nleases, 1, memory_order_relaxed);
	pthread_mutex_unlock(&lanes->lock);
	enum hufu_err err = lanes->device->driver->lease(opening->handle, deadline_ns, &lease);
	pthread_mutex_lock(&lanes->lock);
	if (err == HUFU_OK)
		lane->lease = lease;
	else
		leave_opening_locked(lane);
	pthread_mutex_unlock(&lanes->lock);
	return err;
}

static enum hufu_err lease_new(struct lane *lane, uint64_t deadline_ns)
{
	struct device *device = lane->lanes->device;
	enum hufu_err err = lane_ready(lane, deadline_ns);

	if (err != HUFU_OK)
		return err;
	/* Read before the lease is made: one that is made while the device falls counts as of before. */
	lane->generation = atomic_load(&device->generation);
	struct opening *opening = opening_hold(device);
	if (!opening)
		return HUFU_ERR_GONE;
	lane->token = false;
	return make(lane, opening, deadline_ns);
}

bool lane_is_given_up(struct lane *lane)
{
	pthread_mutex_lock(&lane->lanes->lock);
	bool hung = lane->hung;
	pthread_mutex_unlock(&lane->lanes->lock);
	return hung;
}

enum hufu_err lane_lease(struct lane *lane, uint64_t deadline_ns, struct hufu_lease **out)
{
	enum hufu_err err = HUFU_OK;

	if (lane->lease && !has_current(lane)) {
		pthread_mutex_lock(&lane->lanes->lock);
		lane_release_locked(lane);
		pthread_mutex_unlock(&lane->lanes->lock);
	}
	if (!lane->lease)
		err = lease_new(lane, deadline_ns);
	*out = err == HUFU_OK ? lane->lease : NULL;
	return err;
}
