/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A budget of extra work: so many percent of the ops that come anyway, and a few
 * a second in any case. Retries have one, so that a pool that fails is not asked
 * three times as much; hedges have another.
 *
 * Looked at only when something is to be spent: ops that go well pay nothing
 * for it. Thread-safe.
 */
#ifndef POOL_BUDGET_H
#define POOL_BUDGET_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct budget {
	pthread_mutex_t lock;
	uint64_t since_ns;         /* when the window began */
	uint64_t ops;              /* there had been then */
	uint64_t allowed, used;    /* in this window */
};

void budget_init(struct budget *, uint64_t now_ns);
void budget_clear(struct budget *);
/* In a forked child: another thread may have held the lock. */
void budget_after_fork(struct budget *);
/* ops: all that there were, since whenever. False: nothing is left to spend. */
bool budget_take(struct budget *, uint64_t ops, uint32_t percent, uint32_t floor_per_s, uint64_t now_ns);

#endif
