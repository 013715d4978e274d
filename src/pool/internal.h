/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the pool share. */
#ifndef POOL_INTERNAL_H
#define POOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "pool/checker.h"
#include "pool/bucket.h"
#include "pool/lane.h"
#include "pool/state.h"
#include "sm/sm2.h"
#include "stats/stats.h"

#define LEASE_SLOTS 64
#define CACHE_LINE 64
#define PROBE_TIME_NS NS_PER_S
#define OPEN_TIME_NS (5 * NS_PER_S)
#define GENERATE_TIME_NS (60 * NS_PER_S)

/* -- devices --------------------------------------------------------------- */

/* A session on a device, parked between ops. generation: of the device when it was made. */
struct lease {
	struct hufu_lease *handle;
	uint32_t generation;
};

/* Where a thread finds the lease it used last, and counts: one cache line, so that threads do not meet. */
struct slot {
	_Alignas(CACHE_LINE) _Atomic(struct lease *) lease;
	_Atomic uint64_t ops;
};

/* A device's capability; UNSUPPORTED takes verbs away. */
struct capability {
	uint64_t mechanism, max_in;
	_Atomic uint32_t verbs;
	bool multi_part;
};

/*
 * A device, from the day it joins to the end of the pool: one that is removed
 * stays as a stone in its place, closed, until another takes that place.
 *
 * Calls of its driver are made by whoever wants something where it is direct,
 * and by its lanes where it is not; opening, probing and admitting it is the
 * keeper's, on a lane, in both cases, unless threads are forbidden or there is
 * but one device, a direct one: then by the op that needs it.
 */
struct device {
	const struct conf_device *conf;  /* the pool's own copy */
	struct pool *pool;
	unsigned index;                  /* in pool->devices, and in the views of keys */
	_Atomic(enum pool_admin) admin;
	bool threaded;                   /* runs on lanes; set before the handle */
	uint32_t priority;               /* conf's, or the driver's */
	struct lanes *lanes;             /* NULL: none needed yet */
	_Atomic bool proven;             /* has shown that it belongs to its domain, since it was opened */
	struct stats_device *stats;      /* never NULL once it was opened */
	_Atomic(const struct hufu_driver *) driver;  /* NULL until it is looked for */
	_Atomic(struct hufu_device *) handle;        /* NULL until it is open; below: set before it */
	struct hufu_device_info info;
	struct capability *caps;
	size_t ncaps;
	pthread_mutex_t open_lock;
	struct health health;
	_Atomic uint32_t generation;     /* leases of an earlier one are not used again */
	_Atomic uint32_t nleases;        /* parked and in use, those of lanes too */
	struct bucket connects;          /* new leases and opens: bucket_take with conf->connects_per_s */
	_Atomic uint64_t errors;
	_Atomic uint64_t latency_ns;     /* moving average; 0: none measured */
	_Alignas(CACHE_LINE) _Atomic uint32_t in_flight; /* counted where there is a choice of devices */
	struct slot slots[LEASE_SLOTS];
};

struct pool {
	uint64_t deadline_ns;            /* of a call, from its start */
	const struct conf_token *token;  /* its name, pool settings: the pool's own copy */
	_Atomic(struct checker *) checker; /* NULL until it is needed */
	pthread_mutex_t keys_lock;
	struct pool_key *keys;           /* all, to find what is loaded */
	_Atomic size_t ndevices;         /* grows only */
	struct device *devices[POOL_DEVICES_MAX];
};

/* NULL, once logged: there is none, or none that may run in the caller's thread. */
const struct hufu_driver *device_driver(struct device *);
/* Opens it, if it is not open. */
enum hufu_err device_open(struct device *, uint64_t deadline_ns) MUST_CHECK;
/* One caller at a time finds out whether a suspect or ejected device is back. */
void device_probe_if_due(struct device *, uint64_t now_ns, uint64_t deadline_ns);
void device_close(struct device *);
/* The verbs that have no mechanism have none, whatever the caller wrote. */
uint64_t device_mechanism(uint64_t mechanism, enum hufu_verb);
/* NULL: it cannot. The device is open. */
struct capability *device_capability(struct device *, uint64_t mechanism, enum hufu_verb, bool multi_part);
bool device_is_software(struct device *);

/*
 * Something happened to it: its state follows (state.h), the log and its events say so, callers that wait look again,
 * the keeper is told. err: what the driver said, or 0; why: one short line for people, or NULL.
 */
void device_note(struct device *, enum health_event, enum hufu_err, const char *why, uint64_t now_ns);
/* May new work begin on it? Counts in when it does: device_leave follows. */
bool device_enter(struct device *);
void device_leave(struct device *);

/* An op wants it, and it is not open. True: it is now. False: the keeper opens it, pool_changed follows; or it cannot be had. */
bool device_wanted(struct device *, uint64_t deadline_ns);
/* Its lanes, made when they are first needed, of direct devices too; NULL: no memory, or threads are forbidden. */
struct lanes *device_lanes(struct device *);

/* -- calls that wait (wait.c) ------------------------------------------------ */

/* Some device may serve now that could not, or never will: every call that waits looks again. */
void pool_changed(struct pool *);
/* A session of it has become free (lease_put, lease_discard): the first call that waits for it looks again. Cheap when none does. */
void device_freed(struct device *);

/* -- the keeper: what must happen though nobody calls (keeper.c) ------------- */

/*
 * One thread a process, started when a pool first has something to keep (more
 * than one device, one on lanes, one that is not up), ended with the last pool. It only looks
 * at the clock and hands out jobs: opens, probes, admissions, timers of calls that
 * nobody waits in. It never blocks in a driver.
 */
void keeper_add(struct pool *);
void keeper_remove(struct pool *);
/* Something may be due earlier than it thinks. */
void keeper_poke(void);
/* Where threads are forbidden, or none was started: what is due now, in the caller's thread. Cheap when nothing is. */
void keeper_inline(struct pool *, uint64_t now_ns, uint64_t deadline_ns);
bool keeper_runs(void);
/*
 * fn runs on the keeper at the time; it must not block, and may set its timer again or free it. Not while it is set.
 * False: there is no keeper.
 */
struct timer {
	uint64_t at_ns;
	void (*fn)(struct timer *);
	struct timer *next;
	bool set;
};
bool timer_set(struct timer *, uint64_t at_ns, void (*fn)(struct timer *)) MUST_CHECK;
/* When it returns fn is not running and will not. Not from fn. */
void timer_cancel(struct timer *);

/* -- admission (admit.c) ----------------------------------------------------- */

/* On a lease of the device: known answers of what it offers. HUFU_ERR_CORRUPT: it is wrong; why says in what. */
enum hufu_err admit_known_answers(struct device *, struct hufu_lease *, uint64_t deadline_ns, char *why, size_t why_len) MUST_CHECK;
/* The proofs of its domain. HUFU_ERR_CORRUPT: it is of another domain, or has another key at an index. */
enum hufu_err admit_prove(struct device *, struct hufu_lease *, uint64_t deadline_ns, char *why, size_t why_len) MUST_CHECK;

/* -- leases ---------------------------------------------------------------- */

/* A parked one, or a new one from the device. */
enum hufu_err lease_take(struct device *, uint64_t deadline_ns, struct lease **) MUST_CHECK;
/* Parks it for the next op. */
void lease_put(struct device *, struct lease *);
/* Gives it back to the device: it is not to be trusted any more. */
void lease_discard(struct device *, struct lease *);
/* All that are parked. */
void lease_discard_parked(struct device *);
/* After fork, of a device that is not fork-safe: forgets what is parked. */
void lease_abandon(struct device *);
uint32_t lease_in_use(struct device *);
/* A small number of the calling thread's own. */
unsigned lease_thread(void);

/* -- keys ------------------------------------------------------------------ */

struct pool_key {
	struct pool *pool;
	struct pool_key *next, **link;   /* pool->keys */
	_Atomic uint32_t refs;
	enum hufu_key_type type;
	struct sm2_public *point;        /* pool_key_set_point's, or NULL */
	struct check_key *check;         /* pool_key_set_public's, or NULL */
	struct pool_copy *copies;
	size_t ncopies;
	void *secrets;                   /* the copies' bytes */
	struct hufu_key views[];         /* one a device; blob NULL: no copy for it */
};

/* The key as this device sees it; NULL: it has no copy. */
static inline struct hufu_key *key_view(struct pool_key *key, const struct device *device)
{
	return key->views[device->index].blob ? &key->views[device->index] : NULL;
}
/* At the end, with the device still open: evicts what could not be evicted earlier. */
void key_evict_leftovers(struct pool *);
/* After fork: the device was abandoned, with all that it had loaded. */
void key_abandon_loaded(struct pool *, const struct device *);

/* -- a call ---------------------------------------------------------------- */

struct call {
	struct pool *pool;
	struct pool_request *req;
	uint64_t mechanism;              /* as capabilities name it */
	uint64_t now_ns;                 /* the start, then the end of the last attempt */
	uint64_t deadline_ns;
	uint64_t given_deadline_ns;      /* the caller's, put back at the end */
	uint64_t wait_ns;                /* of the last wait */
	uint64_t tried;                  /* bit a device: has failed in this call */
	uint64_t passing;                /* those of them whose failure may pass: busy, gone */
	uint32_t hard;                   /* attempts that were lost or corrupt */
	bool renewed;                    /* EXPIRED: only once */
	enum hufu_err err;
};

/* The best device for the call that was not tried yet; NULL: none. Probes those that are due. */
struct device *pick(struct call *);
/* pick gave NULL at once: because of the key, the mechanism, or the devices' state? */
enum hufu_err pick_why_none(const struct call *);
/* Of an open device: does it do this, and can its answer be checked where it must be? */
bool pick_can_run(struct device *, const struct call *);
/* False: the answer is none that a sound device gives. */
bool answer_is_sound(struct device *, const struct pool_request *);
/* Is it a signature that may be verified before release? */
bool answer_needs_public(struct device *, const struct pool_request *);

#endif
