/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of a driver that may hang. Nothing can be done for one that does: the
 * process ends, the kernel cleans up, and whoever waited for its answers goes elsewhere.
 *
 * Two threads look every 100 ms: one at deadlines; the other calls driver->cancel for
 * requests that were given up, which may hang as well.
 */
#include "hufud/host_internal.h"

#define LOOK_NS (100 * NS_PER_MS)

void watch_begin(struct watcher *w, struct watch *watch)
{
	pthread_mutex_lock(&w->lock);
	watch->next = w->all;
	watch->link = &w->all;
	if (watch->next)
		watch->next->link = &watch->next;
	w->all = watch;
	pthread_mutex_unlock(&w->lock);
}

void watch_end(struct watcher *w, struct watch *watch)
{
	pthread_mutex_lock(&w->lock);
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
	pthread_mutex_unlock(&w->lock);
}

void watch_lease(struct watcher *w, struct watch *watch, struct hufu_lease *lease)
{
	pthread_mutex_lock(&w->lock);
	while (watch->cancelling)
		pthread_cond_wait(&w->changed, &w->lock);
	watch->lease = lease;
	pthread_mutex_unlock(&w->lock);
}

/* -- who looks ------------------------------------------------------------------------ */

static const struct watch *find_hung_locked(const struct watcher *w, uint64_t now)
{
	for (const struct watch *watch = w->all; watch; watch = watch->next)
		if (now > watch->deadline_ns && now - watch->deadline_ns > w->grace_ns)
			return watch;
	return NULL;
}

static struct watch *find_cancelled_locked(const struct watcher *w)
{
	for (struct watch *watch = w->all; watch; watch = watch->next)
		if (watch->req && watch->lease && atomic_load(&watch->req->cancelled))
			return watch;
	return NULL;
}

static void *look_for_hung(void *arg)
{
	struct watcher *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		const struct watch *watch = find_hung_locked(w, clock_now_ns());

		if (watch)
			w->hung(w->device, watch->what);
		(void)clock_wait(&w->changed, &w->lock, clock_now_ns() + LOOK_NS);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Once a call: the lease is taken out of sight, and put back by nobody. */
static void *look_for_cancelled(void *arg)
{
	struct watcher *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->ending) {
		struct watch *watch = find_cancelled_locked(w);

		if (!watch) {
			(void)clock_wait(&w->changed, &w->lock, clock_now_ns() + LOOK_NS);
			continue;
		}
		struct hufu_lease *lease = watch->lease;
		watch->lease = NULL;
		watch->cancelling = true;
		pthread_mutex_unlock(&w->lock);
		w->driver->cancel(lease);
		pthread_mutex_lock(&w->lock);
		watch->cancelling = false;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* -- beginning and end -------------------------------------------------------------------- */

enum hufu_err watcher_start(struct watcher *w)
{
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->changed);
	if (pthread_create(&w->hang_thread, NULL, look_for_hung, w) != 0)
		return HUFU_ERR_NO_MEMORY;
	if (!w->driver->cancel || pthread_create(&w->cancel_thread, NULL, look_for_cancelled, w) == 0)
		return HUFU_OK;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->hang_thread, NULL);
	return HUFU_ERR_NO_MEMORY;
}

void watcher_stop(struct watcher *w)
{
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->hang_thread, NULL);
	if (w->driver->cancel)
		pthread_join(w->cancel_thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}
