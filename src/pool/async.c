/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that nobody waits in, or somebody without a thread. Each lives on the heap until it is done; lanes
 * that end its jobs and the keeper's timer bring it news, and whoever brings
 * the first runs it until it waits again.
 */
#include "pool/call.h"

#include <stdlib.h>

#include "base/log.h"

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

/* It must wait. False: there were news meanwhile, and it goes on here. */
static bool let_go(struct async *async, uint32_t seen)
{
	if (!arm(async)) {
		call_abandon(&async->call);
		finish(async, log_bug());
		return true;
	}
	async->call.home = false; /* whoever comes next is not the caller */
	return atomic_compare_exchange_strong(&async->wake.events, &seen, 0);
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
	} while (!let_go(async, seen));
}

static void run_here(struct pool *pool, struct pool_request *req)
{
	(void)!pool_run(pool, req);
	req->done(req, req->arg);
}

/* With one event, its maker's, who so has the call to himself. NULL: no memory. */
static struct async *async_new(struct pool *pool, struct pool_request *req, enum hufu_err *err)
{
	struct async *async = malloc(sizeof(*async));

	if (!async)
		return NULL;
	wake_init(&async->wake, run);
	async->timer = (struct timer){0};
	atomic_init(&async->armed, false);
	*err = call_begin(&async->call, pool, req);
	async->call.wake = &async->wake;
	async->call.home = true;
	atomic_store(&async->wake.events, 1);
	return async;
}

void pool_submit(struct pool *pool, struct pool_request *req)
{
	enum hufu_err err;

	keeper_add(pool);
	bool kept = atomic_load(&pool->keeping) == KEEPING_BY_KEEPER;
	struct async *async = kept ? async_new(pool, req, &err) : NULL;
	if (!async)
		run_here(pool, req);
	else if (err == HUFU_OK)
		run(&async->wake);
	else
		finish(async, err);
}

/* -- a caller that parks --------------------------------------------------------- */

static void post(struct pool_request *req, void *arg)
{
	struct park *park = arg;

	(void)req;
	park->post(park);
}

/* Nobody has to be told. */
static void end_here(struct async *async, enum hufu_err err)
{
	call_end(&async->call, err);
	wake_rele(&async->wake);
}

static void park_for(struct async *async, uint32_t seen, const struct park_way *way)
{
	struct pool_request *req = async->call.req;
	struct park *park = way->take(way);

	if (!park) {
		call_abandon(&async->call);
		end_here(async, HUFU_ERR_NO_MEMORY);
		return;
	}
	req->done = post;
	req->arg = park;
	if (!let_go(async, seen))
		run(&async->wake);
	park->wait(park);
}

/* What is answered at once, as by software, needs no park. */
bool run_parked(struct pool *pool, struct pool_request *req, const struct park_way *way)
{
	enum hufu_err err;

	keeper_add_for_parking(pool);
	struct async *async = atomic_load(&pool->keeping) == KEEPING_BY_KEEPER ? async_new(pool, req, &err) : NULL;
	if (!async)
		return false;
	async->call.parks = true;
	uint32_t seen = atomic_load(&async->wake.events);
	if (err != HUFU_OK)
		end_here(async, err);
	else if (call_advance(&async->call))
		end_here(async, async->call.err);
	else
		park_for(async, seen, way);
	return true;
}
