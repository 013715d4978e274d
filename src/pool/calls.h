/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls of one pool share (wait.c, judge.c, route.c). None of it is touched by an op that goes well. */
#ifndef POOL_CALLS_H
#define POOL_CALLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "pool/budget.h"

struct pool;
struct wake;

/* A call for which no device is free, or none is up, in the order of deadlines. */
struct waiter {
	struct waiter *next;
	struct wake *wake;
	uint64_t deadline_ns;
	uint64_t devices;          /* bit a device: those that may serve it later */
	bool joined;               /* it counts among those that wait */
	bool queued;               /* and is in the list */
};

struct calls {
	pthread_mutex_t lock;      /* of the waiters */
	struct waiter *waiters;    /* the earliest deadline first */
	_Atomic uint32_t nwaiting;
	struct budget retries, hedges;
	_Atomic bool falls_back;   /* software serves keys that hardware has */
};

void calls_init(struct calls *, uint64_t now_ns);
void calls_clear(struct calls *);
void calls_before_fork(struct calls *);
void calls_after_fork_parent(struct calls *);
/* The callers who waited are not here. */
void calls_after_fork_child(struct calls *);

#endif
