/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait on a connection. A futex each, and no condition variable:
 * whoever wakes a thread does so after it has let go of the connection's lock,
 * which the thread would run into at once, and need not take if it is done.
 */
#include "link/link_internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void waiter_init(struct link_waiter *w)
{
	memset(w, 0, sizeof(*w));
}

void waiter_enter_locked(struct link_conn *c, struct link_waiter *w)
{
	if (w->at)
		return;
	w->next = c->waiters;
	if (w->next)
		w->next->at = &w->next;
	w->at = &c->waiters;
	c->waiters = w;
}

void waiter_leave_locked(struct link_waiter *w)
{
	if (!w->at)
		return;
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->at = NULL;
}

void waiter_wake_locked(struct link_conn *c, struct link_waiter *w)
{
	if (!w->sleeping)
		return;
	w->sleeping = false;
	w->next_woken = c->woken;
	c->woken = w;
}

/* With the store its owner may go, and what stood on its stack with it: a wake-up of that address is then one for nothing. */
static void post(struct link_waiter *w)
{
	_Atomic uint32_t *word = &w->posted;

	atomic_store(word, 1);
	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void conn_lock(struct link_conn *c)
{
	pthread_mutex_lock(&c->lock);
}

void conn_unlock(struct link_conn *c)
{
	struct link_waiter *w = c->woken, *next;

	c->woken = NULL;
	pthread_mutex_unlock(&c->lock);
	for (; w; w = next) {
		next = w->next_woken;
		post(w);
	}
}

/* False: the time has come without a post. */
static bool await_post(struct link_waiter *w, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};

	/* FUTEX_WAIT_BITSET: the time is the monotonic clock's, not an interval. */
	while (atomic_load(&w->posted) == 0)
		if (syscall(SYS_futex, &w->posted, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, FUTEX_BITSET_MATCH_ANY) != 0 &&
		    errno == ETIMEDOUT)
			return false;
	atomic_store(&w->posted, 0);
	return true;
}

bool waiter_sleep_locked(struct link_conn *c, struct link_waiter *w, uint64_t until_ns)
{
	w->sleeping = true;
	conn_unlock(c);
	if (!await_post(w, until_ns)) {
		conn_lock(c);
		if (w->sleeping) {
			w->sleeping = false;
			return false;
		}
		conn_unlock(c); /* at the last moment: the post is to come, or here */
		(void)await_post(w, INT64_MAX);
	}
	if (atomic_load(&w->done))
		return true;
	conn_lock(c);
	return false;
}
