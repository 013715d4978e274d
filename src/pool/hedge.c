/* SPDX-License-Identifier: Apache-2.0 */
/* A second attempt elsewhere while the first is slow: whichever answers first wins. */
#include "pool/call.h"

#define HEDGE_MIN_NS (20 * NS_PER_MS)
#define HEDGE_RATIO_OF_P99 4
#define HEDGE_FLOOR_PER_S 1

/* 0: not at all. */
static uint64_t hedge_after_ns(const struct call *call, const struct device *device)
{
	uint64_t slow = HEDGE_RATIO_OF_P99 * latency_p99_ns(&device->latencies, call->op_class);

	if (!slow)
		return 0; /* what is usual there is not known yet */
	slow += latency_allowance_ns(call->req->op.in_len + call->req->op.out_cap);
	return slow > HEDGE_MIN_NS ? slow : HEDGE_MIN_NS;
}

static bool may_hedge(const struct call *call)
{
	return call->conf->hedge == CONF_HEDGE_SUSPECT && !call->hedged && call->flights[0].job && !call->flights[1].job &&
	       call_may_repeat(call, call->flights[0].device);
}

static bool is_within_budget(struct call *call)
{
	struct pool *pool = call->pool;

	return budget_take(&pool->calls.hedges, attempts_so_far(pool), call->conf->hedge_percent, HEDGE_FLOOR_PER_S, call->now_ns);
}

/* Of those that serve anyway: neither one that is out, nor software in place of hardware that is only slow. */
static struct device *pick_second(struct call *call, const struct device *first)
{
	uint64_t tried = call->tried, passing = call->passing;
	bool fallback = call->fallback;

	call->tried |= UINT64_C(1) << first->index;
	struct device *second = pick(call);
	call->tried = tried;
	call->passing = passing;
	if (call->trial) {
		atomic_store(&call->trial->on_trial, false);
		call->trial = NULL;
		second = NULL;
	}
	if (call->fallback != fallback)
		second = NULL;
	call->fallback = fallback;
	return second;
}

static void start(struct call *call)
{
	struct device *first = call->flights[0].device, *second = pick_second(call, first);
	struct stats_device *stats = atomic_load_explicit(&first->stats, memory_order_acquire);

	if (!second || !call_may_repeat(call, second) || !is_within_budget(call) || call_board(call, second) != HUFU_OK)
		return;
	if (flight_start(call, second, &call->flights[1]) != HUFU_OK) {
		device_leave(second);
		return;
	}
	if (stats)
		stats_add(stats, STATS_HEDGES, 1);
}

void hedge(struct call *call, uint64_t *look_ns)
{
	const struct flight *first = &call->flights[0];

	if (!may_hedge(call))
		return;
	uint64_t after = hedge_after_ns(call, first->device), begun = atomic_load(&first->job->begun_ns);
	uint64_t at = (begun ? begun : call->now_ns) + after;
	if (!after)
		return;
	if (call->now_ns < at) {
		*look_ns = at < *look_ns ? at : *look_ns;
		return;
	}
	call->hedged = true;
	start(call);
	*look_ns = call->now_ns; /* the second may be over already */
}
