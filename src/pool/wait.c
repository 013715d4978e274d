/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that wait: each on a condition of its own, in the order of their deadlines. */
#include "pool/call.h"

#include <stdlib.h>

/* -- what wakes a call ------------------------------------------------------- */

void wake_init(struct wake *wake, void (*run)(struct wake *))
{
	*wake = (struct wake){.run = run};
	atomic_init(&wake->refs, 1);
	pthread_mutex_init(&wake->lock, NULL);
	clock_cond_init(&wake->cond);
}

struct wake *wake_of(struct call *call)
{
	if (call->wake)
		return call->wake;
	call->wake = malloc(sizeof(*call->wake));
	if (call->wake)
		wake_init(call->wake, NULL);
	return call->wake;
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
	if (wake->run) {
		if (atomic_fetch_add(&wake->events, 1) == 0)
			wake->run(wake);
		return;
	}
	pthread_mutex_lock(&wake->lock);
	atomic_store(&wake->events, 1);
	pthread_cond_signal(&wake->cond);
	pthread_mutex_unlock(&wake->lock);
}

void wake_wait(struct wake *wake, uint64_t until_ns)
{
	bool time_left = true;

	pthread_mutex_lock(&wake->lock);
	while (!atomic_load(&wake->events) && time_left)
		time_left = clock_wait(&wake->cond, &wake->lock, until_ns);
	atomic_store(&wake->events, 0);
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

static void enlist_locked(struct calls *calls, struct waiter *mine)
{
	struct waiter **link = &calls->waiters;

	while (*link && (*link)->deadline_ns <= mine->deadline_ns)
		link = &(*link)->next;
	mine->next = *link;
	*link = mine;
	mine->queued = true;
}

static void delist_locked(struct waiter **link)
{
	struct waiter *waiter = *link;

	*link = waiter->next;
	waiter->queued = false;
}

/* A call that nobody waits in has a timer, and no place in the list: news come under locks that it must not run under. */
enum hufu_err waiter_join(struct call *call)
{
	struct calls *calls = &call->pool->calls;
	struct waiter *mine = &call->waiter;

	if (!wake_of(call))
		return HUFU_ERR_NO_MEMORY;
	*mine = (struct waiter){.wake = call->wake, .deadline_ns = call->deadline_ns, .devices = call->passing};
	pthread_mutex_lock(&calls->lock);
	mine->joined = atomic_load(&calls->nwaiting) < places_for(call);
	if (mine->joined) {
		atomic_fetch_add(&calls->nwaiting, 1);
		if (!call->wake->run)
			enlist_locked(calls, mine);
	}
	pthread_mutex_unlock(&calls->lock);
	return mine->joined ? HUFU_OK : HUFU_ERR_BUSY;
}

void waiter_leave(struct call *call)
{
	struct calls *calls = &call->pool->calls;
	struct waiter **link = &calls->waiters;

	pthread_mutex_lock(&calls->lock);
	if (call->waiter.queued) {
		while (*link != &call->waiter)
			link = &(*link)->next;
		delist_locked(link);
	}
	atomic_fetch_sub(&calls->nwaiting, 1);
	pthread_mutex_unlock(&calls->lock);
	call->waiter.joined = false;
}

void pool_changed(struct pool *pool)
{
	struct calls *calls = &pool->calls;

	if (!atomic_load(&calls->nwaiting))
		return;
	pthread_mutex_lock(&calls->lock);
	while (calls->waiters) {
		wake_post(calls->waiters->wake);
		delist_locked(&calls->waiters);
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
		delist_locked(link);
	}
	pthread_mutex_unlock(&calls->lock);
}
