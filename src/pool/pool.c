/* SPDX-License-Identifier: Apache-2.0 */
/* The pool as a whole: made from the configuration, asked, taken through a fork. */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static struct device *device_new(struct pool *pool, unsigned index, const struct conf_device *conf)
{
	struct device *device = aligned_alloc(CACHE_LINE, (sizeof(*device) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	if (!device)
		return NULL;
	memset(device, 0, sizeof(*device));
	device->pool = pool;
	device->index = index;
	device->conf = conf;
	pthread_mutex_init(&device->open_lock, NULL);
	health_init(&device->health, conf->name, clock_now_ns() ^ (uint64_t)(uintptr_t)device);
	return device;
}

enum hufu_err pool_new(const struct conf *conf, const struct conf_token *token, struct pool **out)
{
	size_t n = token->ndevices;
	struct pool *pool;

	if (n > POOL_DEVICES_MAX) {
		log_error("token \"%s\" has %zu devices, at most %d are possible. Take some away", token->name ? token->name : "",
		          n, POOL_DEVICES_MAX);
		return HUFU_ERR_CONFIG;
	}
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return HUFU_ERR_NO_MEMORY;
	pool->deadline_ns = token->deadline_ms * NS_PER_MS;
	pool->token = token;
	pthread_mutex_init(&pool->keys_lock, NULL);
	for (size_t i = 0; i < n; i++) {
		pool->devices[i] = device_new(pool, (unsigned)i, &conf->devices[token->devices[i]]);
		if (!pool->devices[i]) {
			pool_free(pool);
			return HUFU_ERR_NO_MEMORY;
		}
		pool->ndevices++;
	}
	*out = pool;
	return HUFU_OK;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	key_evict_leftovers(pool);
	for (size_t i = 0; i < pool->ndevices; i++) {
		device_close(pool->devices[i]);
		free(pool->devices[i]);
	}
	checker_free(pool);
	pthread_mutex_destroy(&pool->keys_lock);
	free(pool);
}

/* One that could not be opened is tried again when its backoff is over: no op comes before what it can do is known. */
static bool is_at_hand(struct device *device)
{
	if (!atomic_load_explicit(&device->handle, memory_order_acquire)) {
		uint64_t now = clock_now_ns();

		device_probe_if_due(device, now, now + OPEN_TIME_NS);
		if (health_state(&device->health) == POOL_JOINING && device_open(device, now + OPEN_TIME_NS) != HUFU_OK)
			return false;
	}
	return atomic_load_explicit(&device->handle, memory_order_acquire) && health_state(&device->health) != POOL_QUARANTINED;
}

static bool can(struct pool *pool, uint64_t mechanism, enum hufu_verb verb, bool in_parts)
{
	for (size_t i = 0; i < pool->ndevices; i++)
		if (is_at_hand(pool->devices[i]) &&
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

bool pool_is_software(struct pool *pool)
{
	for (size_t i = 0; i < pool->ndevices; i++)
		if (!device_is_software(pool->devices[i]))
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
			.in_flight = lease_in_use(device),
			.ops = count_ops(device),
			.errors = atomic_load(&device->errors),
			.latency_ns = atomic_load(&device->latency_ns),
		};
		if (atomic_load_explicit(&device->handle, memory_order_acquire))
			status[i].info = device->info;
	}
	return pool->ndevices;
}

/* -- fork ------------------------------------------------------------------ */

void pool_before_fork(struct pool *pool)
{
	pthread_mutex_lock(&pool->keys_lock);
	for (size_t i = 0; i < pool->ndevices; i++) {
		pthread_mutex_lock(&pool->devices[i]->open_lock);
		pthread_mutex_lock(&pool->devices[i]->health.lock);
	}
}

void pool_after_fork_parent(struct pool *pool)
{
	for (size_t i = pool->ndevices; i-- > 0;) {
		pthread_mutex_unlock(&pool->devices[i]->health.lock);
		pthread_mutex_unlock(&pool->devices[i]->open_lock);
	}
	pthread_mutex_unlock(&pool->keys_lock);
}

/* The connection is the parent's: closing it here would close it there. */
static void abandon(struct pool *pool, struct device *device)
{
	lease_abandon(device);
	key_abandon_loaded(pool, device);
	atomic_fetch_add(&device->generation, 1);
	atomic_store(&device->handle, NULL);
	atomic_store(&device->health.state, POOL_JOINING);
}

void pool_after_fork_child(struct pool *pool)
{
	pthread_mutex_init(&pool->keys_lock, NULL);
	for (size_t i = 0; i < pool->ndevices; i++) {
		struct device *device = pool->devices[i];

		pthread_mutex_init(&device->open_lock, NULL);
		health_after_fork(&device->health);
		atomic_store(&device->in_flight, 0);
		if (atomic_load(&device->handle) && !(device->driver->flags & HUFU_DRIVER_FORK_SAFE))
			abandon(pool, device);
	}
}
