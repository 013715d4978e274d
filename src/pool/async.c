/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that nobody waits in. Each lives on the heap until it is done; lanes
 * that end its jobs and the keeper's timer bring it news, and whoever brings
 * the first runs it until it waits again.
 */
#include "pool/call.h"

#include <stdlib.h>

struct async {
	struct wake wake;          /* first: the last reference frees all */
	struct call call;
	struct timer timer;        /* holds a reference while it is armed */
	_Atomic bool armed;
	uint64_t at_ns;            /* the timer's */
};

static struct async *async_of(struct wake *wake)
{
	return (struct async *)wake;
}

static void fired(struct timer *timer)
{
	struct async *async = (struct async *)(void *)((char *)timer - offsetof(struct async, timer));

	atomic_store(&async->armed, false);
	wake_post(&async->wake);
	wake_rele(&async->wake);
}

static void disarm(struct async *async)
{
	if (!atomic_load(&async->armed))
		return;
	timer_cancel(&async->timer);
	if (atomic_exchange(&async->armed, false))
		wake_rele(&async->wake);
}

/* One that fires too early does no harm. */
static bool arm(struct async *async)
{
	uint64_t at = async->call.wake_ns;

	if (atomic_load(&async->armed) && async->at_ns <= at)
		return true;
	disarm(async);
	async->at_ns = at;
	wake_hold(&async->wake);
	atomic_store(&async->armed, true);
	if (timer_set(&async->timer, at, fired))
		return true;
	atomic_store(&async->armed, false);
	wake_rele(&async->wake);
	return false;
}

static void finish(struct async *async, enum hufu_err err)
{
	struct pool_request *req = async->call.req;

	disarm(async);
	call_end(&async->call, err);
	wake_rele(&async->wake);
	req->done(req, req->arg);
}

/* Events that come after the end find some there already, and run nothing. */
static void run(struct wake *wake)
{
	struct async *async = async_of(wake);
	uint32_t seen;

	do {
		seen = atomic_load(&wake->events);
		if (call_advance(&async->call)) {
			finish(async, async->call.err);
			return;
		}
		if (!arm(async)) {
			finish(async, call_abandon(&async->call));
			return;
		}
		async->call.home = false; /* whoever comes next is not the caller */
	} while (!atomic_compare_exchange_strong(&wake->events, &seen, 0));
}

static void run_here(struct pool *pool, struct pool_request *req)
{
	(void)!pool_run(pool, req);
	req->done(req, req->arg);
}

void pool_submit(struct pool *pool, struct pool_request *req)
{
	keeper_add(pool);
	bool kept = atomic_load(&pool->keeping) == KEEPING_BY_KEEPER;
	struct async *async = kept ? malloc(sizeof(*async)) : NULL;

	if (!async) {
		run_here(pool, req);
		return;
	}
	wake_init(&async->wake, run);
	async->timer = (struct timer){0};
	atomic_init(&async->armed, false);
	enum hufu_err err = call_begin(&async->call, pool, req);
	async->call.wake = &async->wake;
	async->call.home = true;
	atomic_store(&async->wake.events, 1); /* this thread has it */
	if (err == HUFU_OK)
		run(&async->wake);
	else
		finish(async, err);
}
