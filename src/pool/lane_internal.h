/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the lanes share. Everything of a lane and its job is guarded by lanes->lock unless it says otherwise. */
#ifndef POOL_LANE_INTERNAL_H
#define POOL_LANE_INTERNAL_H

#include "pool/internal.h"

#include "base/clock.h"

#define LANE_IDLE_NS (10 * NS_PER_S)
#define LANE_STACK (256u << 10)
#define LANE_NAME "hufu-"
#define RELEASE_TIME_NS NS_PER_S

struct lane {
	struct lanes *lanes;
	struct lane *next, **link;       /* in lanes->all, then in lanes->finished */
	struct lane *idle_next;          /* in lanes->idle */
	pthread_t thread;                /* the thread's own to set, for who joins it */
	pthread_cond_t wake;
	struct job *job;                 /* handed over, or running */
	bool idle;
	bool hung;                       /* in a driver call that nobody waits for any more; it ends when it is back */
	bool cancel, cancelling;         /* driver->cancel is to be called, is being called on its lease */
	uint64_t release_until_ns;       /* of a release that is going on; else 0 */
	struct opening *opening;         /* which the lease is of, or will be */
	struct hufu_lease *lease;
	/* The thread's own, without the lock. */
	uint32_t generation;             /* of the device when the lease was made */
	bool drop;                       /* lane_drop_lease */
	bool token;                      /* it may make a lease */
};

struct lanes {
	struct device *device;
	pthread_mutex_t lock;
	uint32_t lanes_max, queue_max, hung_max;
	struct job *first, *last;        /* waiting, the earliest deadline first */
	uint32_t nwaiting;
	struct lane *all;                /* threads that live, hung ones and the canceller too */
	struct lane *idle;               /* the last to become so is the first to work again: the others may end */
	struct lane *finished;           /* threads at their end, to be joined */
	struct lane *canceller;
	uint32_t nlanes;                 /* without hung ones, without the canceller */
	uint32_t nhung;
	uint32_t nthreads;               /* in all */
	pthread_cond_t ended;            /* a thread is at its end, or hangs */
	bool stopping;
	bool given_up;                   /* by lanes_stop: the last one frees them, once it has called last_back */
	void (*last_back)(struct device *);
};

/* -- jobs (lane.c) ----------------------------------------------------------- */

/* Jobs taken off the lanes under the lock, to be ended without it. */
struct ended {
	struct job *jobs;
};
/* It is over: its waiter wakes. */
void job_over_locked(struct job *, enum hufu_err);
/* over, and the lane's reference. */
void job_end(struct job *);
void ended_clear(struct ended *);
/* The next job for this lane, running now; NULL: none. Those whose time has passed are ended. */
struct job *lanes_next_locked(struct lanes *, struct lane *, struct ended *);
/* One more lane hangs; one less. */
void lane_hangs_locked(struct lane *, struct ended *);
void lane_is_back_locked(struct lane *);
/* May another lane be started? */
bool lanes_may_start_locked(const struct lanes *);
void lanes_free(struct lanes *);

/* -- threads (lane_thread.c) --------------------------------------------------- */

/* Begins with job, or NULL. False: no thread to be had. */
bool lane_start_locked(struct lanes *, struct job *) MUST_CHECK;
void lanes_join(struct lane *finished);
/* Makes driver->cancel be called for it, by a thread that may hang in it. */
void lane_cancel_locked(struct lane *);

/* -- leases (lane_lease.c) ----------------------------------------------------- */

bool lane_lease_is_stale(const struct lane *);
/* Calls the driver, without the lock. */
void lane_release_locked(struct lane *);

#endif
