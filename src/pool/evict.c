/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys leave devices: the last who held one, a device that is taken away, or the
 * end of the pool. A claim makes a view one thread's to evict, and keeps the key
 * until it is done; whoever is the last to have a hand in a key frees it.
 */
#include "pool/internal.h"

#include <stdlib.h>

#include "base/log.h"

#define EVICT_TRIES 3 /* a device may be busy for a moment */

static bool is_loaded(const struct key_view *view)
{
	return __atomic_load_n(&view->key.loaded, __ATOMIC_ACQUIRE) != NULL;
}

static bool is_loaded_anywhere(const struct pool_key *key)
{
	for (struct key_views *views = key->views; views; views = atomic_load(&views->next))
		for (unsigned i = 0; i < views->n; i++)
			if (is_loaded(&views->views[i]))
				return true;
	return false;
}

/* True: it is the caller's to free. What stays loaded somewhere waits in the list for the device or the end. */
static bool unlink_if_done_locked(struct pool_key *key)
{
	if (atomic_load(&key->refs) || key->pins || is_loaded_anywhere(key))
		return false;
	*key->link = key->next;
	if (key->next)
		key->next->link = key->link;
	return true;
}

static void unpin(struct pool_key *key)
{
	struct pool *pool = key->pool;

	pthread_mutex_lock(&pool->keys_lock);
	key->pins--;
	bool done = unlink_if_done_locked(key);
	pthread_mutex_unlock(&pool->keys_lock);
	if (done)
		key_free(key);
}

static bool claim_locked(struct pool_key *key, struct key_view *view)
{
	if (!view || view->evicting || !is_loaded(view))
		return false;
	view->evicting = true;
	key->pins++;
	return true;
}

static void unclaim(struct pool_key *key, struct key_view *view)
{
	pthread_mutex_lock(&key->pool->keys_lock);
	view->evicting = false;
	pthread_mutex_unlock(&key->pool->keys_lock);
	unpin(key);
}

static void run_evict(const struct hufu_driver *driver, struct hufu_lease *lease, struct key_view *view, uint64_t deadline_ns)
{
	struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_EVICT, .key = &view->key, .deadline_ns = deadline_ns};
	struct hufu_op *ops = &op;

	driver->run(lease, &ops, 1);
}

/* -- on lanes ----------------------------------------------------------------- */

struct evict_job {
	struct job job;
	struct device *device;
	struct pool_key *key;
	struct key_view *view;
};

static void work(struct job *job, struct lane *lane)
{
	struct evict_job *evict = job->arg;
	struct hufu_lease *lease;

	job->err = lane_lease(lane, job->deadline_ns, &lease);
	if (job->err == HUFU_OK && !lane_is_given_up(lane))
		run_evict(evict->device->driver, lease, evict->view, job->deadline_ns);
}

static void destroy(struct job *job)
{
	struct evict_job *evict = job->arg;

	unclaim(evict->key, evict->view);
	free(evict);
}

/* Nobody waits for it: the caller's time is not spent on a device that may hang. */
static void evict_on_lane(struct device *device, struct pool_key *key, struct key_view *view)
{
	struct lanes *lanes = device_lanes(device);
	struct evict_job *evict = lanes ? calloc(1, sizeof(*evict)) : NULL;

	if (!evict) {
		unclaim(key, view);
		return;
	}
	*evict = (struct evict_job){.device = device, .key = key, .view = view};
	job_init(&evict->job);
	evict->job.work = work;
	evict->job.destroy = destroy;
	evict->job.arg = evict;
	evict->job.deadline_ns = clock_now_ns() + PROBE_TIME_NS;
	evict->job.unattended = true;
	(void)!lanes_submit(lanes, &evict->job); /* one that is full keeps the key until it is opened again, or the end */
	job_rele(&evict->job);
}

/* -- by the last holder ---------------------------------------------------------- */

static void evict_here(struct device *device, struct pool_key *key, struct key_view *view)
{
	uint64_t deadline = clock_now_ns() + PROBE_TIME_NS;
	struct lease *lease;

	if (lease_take(device, deadline, &lease) == HUFU_OK) {
		run_evict(device->driver, lease->handle, view, deadline);
		lease_put(device, lease);
	}
	unclaim(key, view);
}

static void evict_from(struct device *device, struct pool_key *key)
{
	struct key_view *view = key_view_slot(key, device);

	if (!view || !is_loaded(view) || !atomic_load(&device->handle) || atomic_load(&key->pool->ending))
		return;
	pthread_mutex_lock(&key->pool->keys_lock);
	bool claimed = claim_locked(key, view);
	pthread_mutex_unlock(&key->pool->keys_lock);
	if (claimed && device->threaded)
		evict_on_lane(device, key, view);
	else if (claimed)
		evict_here(device, key, view);
}

/* The last one is pinned as it is given up: a device that is emptied frees what nobody has a hand in. */
static bool give_up(struct pool_key *key)
{
	uint32_t refs = atomic_load_explicit(&key->refs, memory_order_relaxed);

	while (refs > 1)
		if (atomic_compare_exchange_weak_explicit(&key->refs, &refs, refs - 1, memory_order_release, memory_order_relaxed))
			return false;
	pthread_mutex_lock(&key->pool->keys_lock);
	bool last = atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) == 1;
	key->pins += last;
	pthread_mutex_unlock(&key->pool->keys_lock);
	return last;
}

void pool_key_rele(struct pool_key *key)
{
	if (!key || !give_up(key))
		return;
	for (size_t i = 0; i < key->pool->ndevices; i++)
		evict_from(atomic_load(&key->pool->devices[i]), key);
	unpin(key);
}

/* -- by a device ------------------------------------------------------------------ */

/* The next key from this one on that is loaded there. Claimed. */
static struct pool_key *claim_next_locked(struct device *device, struct pool_key *key, bool unwanted_only)
{
	for (; key; key = key->next)
		if ((!unwanted_only || !atomic_load(&key->refs)) && claim_locked(key, key_view_slot(key, device)))
			return key;
	return NULL;
}

static void evict_each(struct device *device, struct hufu_lease *lease, bool unwanted_only, uint64_t deadline_ns)
{
	struct pool *pool = device->pool;

	pthread_mutex_lock(&pool->keys_lock);
	struct pool_key *key = claim_next_locked(device, pool->keys, unwanted_only), *next;
	pthread_mutex_unlock(&pool->keys_lock);
	for (; key; key = next) {
		run_evict(device->driver, lease, key_view_slot(key, device), deadline_ns);
		pthread_mutex_lock(&pool->keys_lock);
		next = claim_next_locked(device, key->next, unwanted_only);
		pthread_mutex_unlock(&pool->keys_lock);
		unclaim(key, key_view_slot(key, device));
	}
}

void key_evict_unwanted(struct device *device, struct hufu_lease *lease, uint64_t deadline_ns)
{
	evict_each(device, lease, true, deadline_ns);
}

void key_evict_all(struct device *device, struct hufu_device *handle, uint64_t deadline_ns)
{
	struct hufu_lease *lease;
	enum hufu_err err = HUFU_ERR_BUSY;

	if (!key_is_loaded_in(device))
		return;
	for (int i = 0; i < EVICT_TRIES && err != HUFU_OK; i++)
		err = device->driver->lease(handle, deadline_ns, &lease);
	if (err != HUFU_OK)
		return;
	evict_each(device, lease, false, deadline_ns);
	device->driver->release(lease);
}

bool key_is_loaded_in(struct device *device)
{
	bool loaded = false;

	pthread_mutex_lock(&device->pool->keys_lock);
	for (struct pool_key *key = device->pool->keys; key && !loaded; key = key->next) {
		const struct key_view *view = key_view_slot(key, device);

		loaded = view && is_loaded(view);
	}
	pthread_mutex_unlock(&device->pool->keys_lock);
	return loaded;
}

/* -- the end ----------------------------------------------------------------------- */

/* A device that was gone let nothing be evicted: what is in this host's memory goes all the same. Nobody uses the key. */
static void forget(struct pool_key *key, const struct device *device)
{
	struct key_view *view = key_view_slot(key, device);

	if (view && is_loaded(view) && device->driver && device->driver->forget)
		device->driver->forget(&view->key);
}

static void forget_everywhere(struct pool_key *key)
{
	struct pool *pool = key->pool;

	for (size_t i = 0; i < pool->ndevices; i++)
		forget(key, pool->devices[i]);
	for (const struct device *stone = pool->stones; stone; stone = stone->next_stone)
		forget(key, stone);
}

void key_free_all(struct pool *pool)
{
	struct pool_key *next;
	bool kept = false;

	for (struct pool_key *key = pool->keys; key; key = next) {
		next = key->next;
		bool held = atomic_load(&key->refs) && !key->inherited;
		if (!held)
			forget_everywhere(key);
		kept |= is_loaded_anywhere(key);
		if (held)
			(void)log_bug(); /* somebody still holds it: freeing it would make matters worse */
		else
			key_free(key);
	}
	pool->keys = NULL;
	if (kept)
		log_warning("a device that is gone keeps keys loaded");
}

/* -- fork --------------------------------------------------------------------------- */

/* What another thread was about to evict may be half freed. */
void key_forget_evictions(struct pool *pool)
{
	for (struct pool_key *key = pool->keys; key; key = key->next) {
		key->pins = 0;
		key->inherited = true;
		for (struct key_views *views = key->views; views; views = atomic_load(&views->next))
			for (unsigned i = 0; i < views->n; i++)
				if (views->views[i].evicting) {
					views->views[i].evicting = false;
					__atomic_store_n(&views->views[i].key.loaded, NULL, __ATOMIC_RELAXED);
				}
	}
}

void key_abandon_loaded(const struct device *device)
{
	for (struct pool_key *key = device->pool->keys; key; key = key->next) {
		struct key_view *view = key_view_slot(key, device);

		if (view)
			__atomic_store_n(&view->key.loaded, NULL, __ATOMIC_RELAXED);
	}
}
