/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait: each on a condition of its own, in the order of their deadlines. */
#include "pool/call.h"

#include <stdlib.h>

/* -- what wakes a call ------------------------------------------------------- */

struct wake *wake_new(void)
{
	struct wake *wake = calloc(1, sizeof(*wake));

	if (!wake)
		return NULL;
	atomic_init(&wake->refs, 1);
	pthread_mutex_init(&wake->lock, NULL);
	clock_cond_init(&wake->cond);
	return wake;
}

void wake_hold(struct wake *wake)
{
	atomic_fetch_add_explicit(&wake->refs, 1, memory_order_relaxed);
}

void wake_rele(struct wake *wake)
{
	if (!wake || atomic_fetch_sub_explicit(&wake->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_cond_destroy(&wake->cond);
	pthread_mutex_destroy(&wake->lock);
	free(wake);
}

void wake_post(struct wake *wake)
{
	pthread_mutex_lock(&wake->lock);
	wake->events++;
	pthread_cond_signal(&wake->cond);
	pthread_mutex_unlock(&wake->lock);
}

void wake_wait(struct wake *wake, uint64_t until_ns)
{
	bool time_left = true;

	pthread_mutex_lock(&wake->lock);
	while (!wake->events && time_left)
		time_left = clock_wait(&wake->cond, &wake->lock, until_ns);
	wake->events = 0;
	pthread_mutex_unlock(&wake->lock);
}

/* -- those who wait for a device --------------------------------------------- */

void calls_init(struct calls *calls, uint64_t now_ns)
{
	pthread_mutex_init(&calls->lock, NULL);
	budget_init(&calls->retries, now_ns);
	budget_init(&calls->hedges, now_ns);
}

void calls_clear(struct calls *calls)
{
	budget_clear(&calls->hedges);
	budget_clear(&calls->retries);
	pthread_mutex_destroy(&calls->lock);
}

void calls_before_fork(struct calls *calls)
{
	pthread_mutex_lock(&calls->lock);
}

void calls_after_fork_parent(struct calls *calls)
{
	pthread_mutex_unlock(&calls->lock);
}

void calls_after_fork_child(struct calls *calls)
{
	pthread_mutex_init(&calls->lock, NULL);
	calls->waiters = NULL;
	atomic_store(&calls->nwaiting, 0);
	budget_after_fork(&calls->retries);
	budget_after_fork(&calls->hedges);
}

/* As many as the queues of all devices that it waits for together. */
static uint32_t places_for(const struct call *call)
{
	uint32_t places = 0;

	for (size_t i = 0; i < call->pool->ndevices; i++)
		if (call->waiter.devices >> i & 1)
			places += atomic_load(&call->pool->devices[i]->queue);
	return places;
}

enum hufu_err waiter_join(struct call *call)
{
	struct calls *calls = &call->pool->calls;
	struct waiter *mine = &call->waiter, **link = &calls->waiters;

	if (!call->wake && !(call->wake = wake_new()))
		return HUFU_ERR_NO_MEMORY;
	mine->wake = call->wake;
	mine->deadline_ns = call->deadline_ns;
	mine->devices = call->passing;
	pthread_mutex_lock(&calls->lock);
	bool room = atomic_load(&calls->nwaiting) < places_for(call);
	if (room) {
		while (*link && (*link)->deadline_ns <= mine->deadline_ns)
			link = &(*link)->next;
		mine->next = *link;
		*link = mine;
		mine->queued = true;
		atomic_fetch_add(&calls->nwaiting, 1);
	}
	pthread_mutex_unlock(&calls->lock);
	return room ? HUFU_OK : HUFU_ERR_BUSY;
}

static void unlink_locked(struct calls *calls, struct waiter **link)
{
	struct waiter *waiter = *link;

	*link = waiter->next;
	waiter->queued = false;
	atomic_fetch_sub(&calls->nwaiting, 1);
}

void waiter_leave(struct call *call)
{
	struct calls *calls = &call->pool->calls;
	struct waiter **link = &calls->waiters;

	pthread_mutex_lock(&calls->lock);
	if (call->waiter.queued) {
		while (*link != &call->waiter)
			link = &(*link)->next;
		unlink_locked(calls, link);
	}
	pthread_mutex_unlock(&calls->lock);
}

void pool_changed(struct pool *pool)
{
	struct calls *calls = &pool->calls;

	if (!atomic_load(&calls->nwaiting))
		return;
	pthread_mutex_lock(&calls->lock);
	while (calls->waiters) {
		wake_post(calls->waiters->wake);
		unlink_locked(calls, &calls->waiters);
	}
	pthread_mutex_unlock(&calls->lock);
}

/* The first of them only: there is one session. Whom it misses looks again by himself, after WAIT_MAX_NS at most. */
void device_freed(struct device *device)
{
	struct calls *calls = &device->pool->calls;
	struct waiter **link = &calls->waiters;

	if (!atomic_load(&calls->nwaiting))
		return;
	pthread_mutex_lock(&calls->lock);
	while (*link && !((*link)->devices >> device->index & 1))
		link = &(*link)->next;
	if (*link) {
		wake_post((*link)->wake);
		unlink_locked(calls, link);
	}
	pthread_mutex_unlock(&calls->lock);
}
