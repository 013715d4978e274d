/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/budget.h"

#include "base/clock.h"

#define WINDOW_NS NS_PER_S

void budget_init(struct budget *b, uint64_t now_ns)
{
	*b = (struct budget){.since_ns = now_ns};
	pthread_mutex_init(&b->lock, NULL);
}

void budget_clear(struct budget *b)
{
	pthread_mutex_destroy(&b->lock);
}

void budget_after_fork(struct budget *b)
{
	pthread_mutex_init(&b->lock, NULL);
}

static uint64_t share(uint64_t ops, uint32_t percent)
{
	return ops / 100 * percent + ops % 100 * percent / 100;
}

/* A new window is allowed what the rate since the last one began earns. */
static void roll_locked(struct budget *b, uint64_t ops, uint32_t percent, uint64_t elapsed_ns)
{
	double rate = (double)(ops - b->ops) * (double)WINDOW_NS / (double)elapsed_ns;

	b->allowed = share((uint64_t)rate, percent);
	b->since_ns += elapsed_ns;
	b->ops = ops;
	b->used = 0;
}

static bool take_locked(struct budget *b, uint64_t ops, uint32_t percent, uint32_t floor_per_s, uint64_t now_ns)
{
	if (ops < b->ops) /* a device that was removed took its count along */
		b->ops = ops;
	if (now_ns >= b->since_ns + WINDOW_NS)
		roll_locked(b, ops, percent, now_ns - b->since_ns);
	uint64_t allowed = share(ops - b->ops, percent);
	if (allowed < b->allowed)
		allowed = b->allowed;
	if (allowed < floor_per_s)
		allowed = floor_per_s;
	if (b->used >= allowed)
		return false;
	b->used++;
	return true;
}

bool budget_take(struct budget *b, uint64_t ops, uint32_t percent, uint32_t floor_per_s, uint64_t now_ns)
{
	pthread_mutex_lock(&b->lock);
	bool taken = take_locked(b, ops, percent, floor_per_s, now_ns);
	pthread_mutex_unlock(&b->lock);
	return taken;
}
