/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a device is fit to be used: its operational state, moved by what
 * happened to it and by time.
 *
 *	joining --opened--> up ---soft error, timeout--> suspect ---served--> up
 *	   |                 |                            |   |
 *	   |                 |                            |   +--probe--> probing --ok--> up
 *	   +---hard error----+--> ejected <--soft errors,-+                 |
 *	       timeout               |       hard error                    |
 *	                             | <-----------------failed------------+
 *	                             +--backoff over: probe--> probing --ok--> slow start --10 s--> up
 *
 * Hard: refused or dead, for certain (group gone). Soft: an answer that was lost,
 * late or wrong (lost, corrupt), counted until an op is served. A suspect of
 * slow start returns to its slow start. The backoff doubles with each ejection
 * until a slow start was lived through, so one that comes and goes is left alone
 * for longer and longer.
 *
 * Quarantined: it refused our credential, gave a wrong known answer or is of
 * another domain. Only an administrator's act leads out (HEALTH_ENABLED), into
 * joining. What he takes out of service and closes (HEALTH_CLOSED) joins again, with slow start.
 *
 * Reading is lock-free; a change takes the device's own lock.
 */
#ifndef POOL_STATE_H
#define POOL_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "pool/pool.h"

#define HEALTH_JITTER_PERCENT 20

enum health_event {
	HEALTH_OPENED,
	HEALTH_SERVED,
	HEALTH_SOFT_ERROR,
	HEALTH_TIMEOUT,      /* an attempt or an open that was given up */
	HEALTH_HARD_ERROR,
	HEALTH_PROBE_OK,
	HEALTH_PROBE_FAILED,
	HEALTH_REFUSED,      /* for good: denied, wrong, foreign */
	HEALTH_CLOSED,       /* by the administrator's wish */
	HEALTH_ENABLED,      /* by his act: what was is forgiven */
	HEALTH_TIME          /* nothing but time has passed */
};

struct health {
	_Atomic(enum pool_state) state;
	_Atomic uint32_t soft_errors;  /* since the last op was served */
	_Atomic uint64_t until_ns;     /* EJECTED: may be probed from then on; SLOW_START: over then */
	_Atomic uint64_t ramp_ns;      /* how long slow start takes */
	_Atomic uint32_t ramp_percent; /* where it begins */
	uint32_t soft_max;
	uint64_t backoff_min_ns, backoff_max_ns;
	uint32_t ejections;            /* in a row: no slow start was lived through */
	_Atomic bool was_ejected;      /* PROBING: whence it came */
	bool returns;                  /* JOINING: it has served before, slow start follows */
	uint64_t jitter;               /* state of a small generator: nothing secret */
	pthread_mutex_t lock;
};

/* What an event did. */
struct health_change {
	enum pool_state from, to;
};

void health_init(struct health *, const struct conf_pool *, uint64_t seed);
void health_clear(struct health *);
/* From now on: other thresholds, backoff, slow start. */
void health_configure(struct health *, const struct conf_pool *);
/* In a forked child: a probe that another thread of the parent was making never ends here. */
void health_after_fork(struct health *);
/* Takes note. */
struct health_change health_note(struct health *, enum health_event, uint64_t now_ns);
/* Does an op that was served say anything new? Costs nothing while all is well. */
static inline bool health_minds_served(const struct health *h)
{
	return atomic_load_explicit(&h->state, memory_order_relaxed) != POOL_UP ||
	       atomic_load_explicit(&h->soft_errors, memory_order_relaxed) != 0;
}
static inline enum pool_state health_state(const struct health *h)
{
	return atomic_load_explicit(&h->state, memory_order_relaxed);
}
/*
 * Is a probe due (suspect, or ejected and the backoff is over)? True for one
 * caller at a time: the device is probing, and PROBE_OK or PROBE_FAILED follows.
 * urgent: nothing is fit and somebody waits, so the backoff is not waited for.
 */
bool health_begin_probe(struct health *, bool urgent, uint64_t now_ns);
/* The share of its weight that it may bear now: 10 rising to 100 in slow start. */
uint32_t health_share_percent(const struct health *, uint64_t now_ns);

#endif
