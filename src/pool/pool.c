/* SPDX-License-Identifier: Apache-2.0 */
/* The pool as a whole: made from the configuration, asked, taken through a fork. */
#include "pool/care.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static _Atomic bool threads_forbidden;

void pool_allow_threads(bool allow)
{
	atomic_store(&threads_forbidden, !allow);
}

bool pool_may_have_threads(void)
{
	return !atomic_load_explicit(&threads_forbidden, memory_order_relaxed);
}

bool pool_needs_threads(const struct pool *pool)
{
	for (size_t i = 0; i < pool->ndevices; i++)
		if (!atomic_load(&pool->devices[i]->needs_threads))
			return false;
	return pool->ndevices > 0;
}

enum hufu_err pool_new(const struct conf *conf, const struct conf_token *token, struct pool **out)
{
	struct pool *pool;

	if (token->ndevices > POOL_DEVICES_MAX) {
		log_error("token \"%s\" has %zu devices, at most %d are possible. Take some away", token->name ? token->name : "",
		          token->ndevices, POOL_DEVICES_MAX);
		return HUFU_ERR_CONFIG;
	}
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&pool->members_lock, NULL);
	calls_init(&pool->calls, clock_now_ns());
	pthread_mutex_init(&pool->keys_lock, NULL);
	enum hufu_err err = members_set_token(pool, token);
	for (size_t i = 0; i < token->ndevices && err == HUFU_OK; i++)
		err = members_add(pool, &conf->devices[token->devices[i]], POOL_ENABLED);
	if (err != HUFU_OK) {
		pool_free(pool);
		return err;
	}
	*out = pool;
	return HUFU_OK;
}

/* Nothing of it runs any more, anywhere. */
static void pool_destroy(struct pool *pool)
{
	struct device *next;

	key_free_all(pool);
	pool_drop_proofs(pool);
	credentials_free(pool);
	for (size_t i = 0; i < pool->ndevices; i++)
		device_free(pool->devices[i]);
	for (struct device *stone = pool->stones; stone; stone = next) {
		next = stone->next_stone;
		device_free(stone);
	}
	members_free_settings(pool);
	checker_free(pool);
	pthread_mutex_destroy(&pool->keys_lock);
	pthread_mutex_destroy(&pool->members_lock);
	calls_clear(&pool->calls);
	free(pool);
}

static void part_is_over(struct pool *pool)
{
	if (atomic_fetch_sub(&pool->hanging, 1) == 1)
		pool_destroy(pool);
}

/* From the thread that came back last. */
static void device_is_back(struct device *device)
{
	care_last(device);
	part_is_over(device->pool);
}

static void end_device(struct device *device)
{
	struct pool *pool = device->pool;

	/* Counted before: what hangs may come back at any time. */
	atomic_fetch_add(&pool->hanging, CARE_LANES);
	unsigned hung = care_end(device, clock_now_ns() + PROBE_TIME_NS, device_is_back);
	if (hung)
		log_device(HUFU_LOG_WARNING, device->conf->name, "its driver hangs: what it holds stays until it returns");
	atomic_fetch_sub(&pool->hanging, CARE_LANES - hung);
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	keeper_remove(pool);
	atomic_store(&pool->ending, true);
	atomic_store(&pool->hanging, 1);
	for (size_t i = 0; i < pool->ndevices; i++)
		end_device(pool->devices[i]);
	for (struct device *stone = pool->stones; stone; stone = stone->next_stone)
		end_device(stone);
	part_is_over(pool);
}

/* What a device can do is known from its first open on. */
bool device_is_known(const struct device *device)
{
	return atomic_load_explicit(&device->caps, memory_order_acquire) && health_state(&device->health) != POOL_QUARANTINED;
}

/* Until all that follows from its first opening is done: what it can do is known a moment before it is up. */
static bool is_expected(const struct device *device)
{
	return !atomic_load(&device->tried) && health_state(&device->health) == POOL_JOINING &&
	       atomic_load(&device->admin) != POOL_MAINTENANCE && atomic_load(&device->admin) != POOL_REMOVED;
}

/*
 * So that what it can do is known: one that could not be opened is tried again
 * when its backoff is over, since no op comes before. Waited for once, and not
 * for long: whoever asks has a deadline, and others may do.
 */
void pool_open_all(struct pool *pool)
{
	uint64_t now = clock_now_ns(), until = now + FIRST_LOOK_NS;
	bool expected = true;

	keeper_inline(pool, now, until);
	for (size_t i = 0; i < pool->ndevices; i++)
		if (is_expected(pool->devices[i]))
			(void)!device_wanted(pool->devices[i], until);
	while (expected && atomic_load(&pool->keeping) == KEEPING_BY_KEEPER && clock_now_ns() < until) {
		expected = false;
		for (size_t i = 0; i < pool->ndevices; i++)
			expected |= is_expected(pool->devices[i]);
		if (expected)
			care_wait(until);
	}
	for (size_t i = 0; i < pool->ndevices; i++)
		if (is_expected(pool->devices[i]) && clock_now_ns() >= until)
			atomic_store(&pool->devices[i]->tried, true);
}

static bool can(struct pool *pool, uint64_t mechanism, enum hufu_verb verb, bool in_parts)
{
	pool_open_all(pool);
	for (size_t i = 0; i < pool->ndevices; i++)
		if (atomic_load(&pool->devices[i]->admin) != POOL_REMOVED && device_is_known(pool->devices[i]) &&
		    device_capability(pool->devices[i], device_mechanism(mechanism, verb), verb, in_parts))
			return true;
	return false;
}

bool pool_can(struct pool *pool, uint64_t mechanism, enum hufu_verb verb)
{
	return can(pool, mechanism, verb, false);
}

bool pool_can_in_parts(struct pool *pool, uint64_t mechanism, enum hufu_verb verb)
{
	return can(pool, mechanism, verb, true);
}

bool pool_knows_all(struct pool *pool)
{
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = pool->devices[i];

		if (!atomic_load_explicit(&device->caps, memory_order_acquire) && atomic_load(&device->admin) == POOL_ENABLED &&
		    health_state(&device->health) != POOL_QUARANTINED)
			return false;
	}
	return true;
}

bool pool_is_software(struct pool *pool)
{
	for (size_t i = 0; i < pool->ndevices; i++)
		if (atomic_load(&pool->devices[i]->admin) != POOL_REMOVED && !device_is_software(pool->devices[i]))
			return false;
	return true;
}

static uint64_t count_ops(const struct device *device)
{
	uint64_t ops = 0;

	for (size_t i = 0; i < LEASE_SLOTS; i++)
		ops += atomic_load_explicit(&device->slots[i].ops, memory_order_relaxed);
	return ops;
}

size_t pool_status(struct pool *pool, struct pool_device_status *status, size_t cap)
{
	for (size_t i = 0; i < pool->ndevices && i < cap; i++) {
		struct device *device = pool->devices[i];

		status[i] = (struct pool_device_status){
			.name = device->conf->name,
			.driver = device->conf->driver,
			.domain = device->conf->domain,
			.state = health_state(&device->health),
			.admin = atomic_load(&device->admin),
			.in_flight = lease_in_use(device),
			.ops = count_ops(device),
			.errors = atomic_load(&device->errors),
			.latency_ns = atomic_load(&device->latency_ns),
		};
		pthread_mutex_lock(&device->open_lock);
		if (atomic_load(&device->handle))
			status[i].info = device->info;
		pthread_mutex_unlock(&device->open_lock);
	}
	return pool->ndevices;
}

/* -- fork ------------------------------------------------------------------ */

static void for_lanes(struct device *device, void (*each)(struct lanes *))
{
	if (atomic_load(&device->lanes))
		each(atomic_load(&device->lanes));
	if (device->care_lanes)
		each(device->care_lanes);
}

/* Those that were removed, too: lanes of theirs may not have ended yet. */
static void for_devices(struct pool *pool, void (*each)(struct device *))
{
	for (size_t i = 0; i < pool->ndevices; i++)
		each(atomic_load(&pool->devices[i]));
	for (struct device *stone = pool->stones; stone; stone = stone->next_stone)
		each(stone);
}

static void lock_device(struct device *device)
{
	pthread_mutex_lock(&device->open_lock);
	pthread_mutex_lock(&device->health.lock);
	for_lanes(device, lanes_before_fork);
}

static void unlock_device(struct device *device)
{
	for_lanes(device, lanes_after_fork_parent);
	pthread_mutex_unlock(&device->health.lock);
	pthread_mutex_unlock(&device->open_lock);
}

/* In the order in which they are ever taken together: the keeper's, members, keys, then each device's. */
void pool_before_fork(struct pool *pool)
{
	keeper_before_fork();
	pthread_mutex_lock(&pool->members_lock);
	pthread_mutex_lock(&pool->keys_lock);
	for_devices(pool, lock_device);
	calls_before_fork(&pool->calls);
}

void pool_after_fork_parent(struct pool *pool)
{
	calls_after_fork_parent(&pool->calls);
	for_devices(pool, unlock_device);
	pthread_mutex_unlock(&pool->keys_lock);
	pthread_mutex_unlock(&pool->members_lock);
	keeper_after_fork_parent();
}

/* Its connections are the parent's, those that it left behind too: closing one here would close it there. */
static void abandon(struct device *device)
{
	bool was_open = atomic_load(&device->handle);

	lease_abandon(device);
	key_abandon_loaded(device);
	atomic_fetch_add(&device->generation, 1);
	device_abandon_openings(device);
	if (was_open)
		atomic_store(&device->health.state, POOL_JOINING);
}

static void renew_device(struct device *device)
{
	pthread_mutex_init(&device->open_lock, NULL);
	health_after_fork(&device->health);
	for_lanes(device, lanes_after_fork_child);
	device_forget_others(device);
	if (device->driver && !(device->driver->flags & HUFU_DRIVER_FORK_SAFE))
		abandon(device);
}

void pool_after_fork_child(struct pool *pool)
{
	keeper_after_fork_child();
	if (atomic_load(&pool->keeping) != KEEPING_UNKNOWN)
		atomic_store(&pool->keeping, KEEPING_ANEW);
	pthread_mutex_init(&pool->members_lock, NULL);
	pthread_mutex_init(&pool->keys_lock, NULL);
	calls_after_fork_child(&pool->calls);
	for_devices(pool, renew_device);
	key_forget_evictions(pool);
}
