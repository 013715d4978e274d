/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a device is fit to be used: its operational state, moved by what
 * happened to it and by time.
 *
 *	joining ----opened---> up ---soft error--> suspect ---served--> up
 *	   |                   |                    |   |
 *	   |                   |                    |   +--probe--> probing --ok--> up
 *	   +----hard error-----+-> ejected <--three soft errors,       |
 *	                             |         hard error,  <--failed--+
 *	                             |         failed probe
 *	                             +--backoff over: probe--> probing --ok--> slow start --10 s--> up
 *
 * Hard: refused or dead, for certain (group gone). Soft: an answer that was lost
 * or wrong (lost, corrupt), counted until an op is served. A device that refuses
 * our credential is quarantined until an administrator acts.
 *
 * Reading is lock-free; a change takes the device's own lock.
 */
#ifndef POOL_STATE_H
#define POOL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "pool/pool.h"

#define HEALTH_SOFT_MAX 3
#define HEALTH_BACKOFF_MIN_NS (NS_PER_S / 2)
#define HEALTH_BACKOFF_MAX_NS (15 * NS_PER_S)
#define HEALTH_JITTER_PERCENT 20
#define HEALTH_RAMP_NS (10 * NS_PER_S)
#define HEALTH_RAMP_PERCENT 10   /* where slow start begins */

enum health_event {
	HEALTH_OPENED,
	HEALTH_SERVED,
	HEALTH_SOFT_ERROR,
	HEALTH_HARD_ERROR,
	HEALTH_PROBE_OK,
	HEALTH_PROBE_FAILED,
	HEALTH_REFUSED
};

struct health {
	_Atomic(enum pool_state) state;
	_Atomic uint32_t soft_errors;  /* since the last op was served */
	_Atomic uint64_t until_ns;     /* EJECTED: may be probed from then on; SLOW_START: over then */
	uint32_t ejections;            /* in a row: no slow start was lived through */
	bool was_ejected;              /* PROBING: whence it came */
	uint64_t jitter;               /* state of a small generator: nothing secret */
	const char *name;              /* the device's, for the log */
	pthread_mutex_t lock;
};

void health_init(struct health *, const char *name, uint64_t seed);
void health_clear(struct health *);
/* In a forked child: a probe that another thread of the parent was making never ends here. */
void health_after_fork(struct health *);
/* Takes note. Logs when the state changes. */
void health_note(struct health *, enum health_event, uint64_t now_ns);
/* The way of every op: costs nothing while all is well. */
static inline void health_served(struct health *h, uint64_t now_ns)
{
	if (atomic_load_explicit(&h->state, memory_order_relaxed) != POOL_UP ||
	    atomic_load_explicit(&h->soft_errors, memory_order_relaxed) != 0)
		health_note(h, HEALTH_SERVED, now_ns);
}
static inline enum pool_state health_state(const struct health *h)
{
	return atomic_load_explicit(&h->state, memory_order_relaxed);
}
/*
 * Is a probe due (suspect, or ejected and the backoff is over)? True for one
 * caller at a time: the device is probing, and PROBE_OK or PROBE_FAILED follows.
 */
bool health_begin_probe(struct health *, uint64_t now_ns);
/* The share of its weight that it may bear now: 10 rising to 100 in slow start. */
uint32_t health_share_percent(const struct health *, uint64_t now_ns);

#endif
