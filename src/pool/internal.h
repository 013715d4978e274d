/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the pool share. */
#ifndef POOL_INTERNAL_H
#define POOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "pool/checker.h"
#include "pool/bucket.h"
#include "pool/calls.h"
#include "pool/lane.h"
#include "pool/latency.h"
#include "pool/state.h"
#include "sm/sm2.h"
#include "stats/stats.h"

#define LEASE_SLOTS 64
#define CACHE_LINE 64
#define PROBE_TIME_NS NS_PER_S
#define OPEN_TIME_NS (5 * NS_PER_S)
#define GENERATE_TIME_NS (60 * NS_PER_S)
#define OPENINGS_MAX 8

/* -- devices --------------------------------------------------------------- */

/*
 * One connection to a device, from open to close. A device that is opened anew
 * leaves the old one behind until every lease on it has come back, which may take as long as a lane hangs in it.
 */
struct opening {
	_Atomic(struct hufu_device *) handle; /* NULL: free to be used again */
	_Atomic uint32_t leases;         /* on it, in use, parked or being made, and whoever else is inside */
};

/* A session on a device, parked between ops. generation: of the device when it was made. */
struct lease {
	struct hufu_lease *handle;
	struct opening *opening;
	uint32_t generation;
};

/* Where a thread finds the lease it used last, and counts: one cache line, so that threads do not meet. */
struct slot {
	_Alignas(CACHE_LINE) _Atomic(struct lease *) lease;
	_Atomic uint64_t ops;
	_Atomic uint64_t entered, left;  /* device_enter, device_leave */
};

/* A device's capability; UNSUPPORTED takes verbs away. */
struct capability {
	uint64_t mechanism, max_in;
	_Atomic uint32_t verbs;
	bool multi_part;
};

/* All of them, sorted; replaced as a whole, and kept as long as the device since readers take no lock. */
struct capabilities {
	struct capabilities *older;
	size_t n;
	struct capability rows[];
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
	const struct conf_device *conf;  /* the pool's own copy; what may change while it works is below */
	struct pool *pool;
	unsigned index;                  /* in pool->devices; free for another once this one is a stone */
	unsigned view;                   /* in the views of keys; never another's */
	_Atomic(enum pool_admin) admin;
	bool threaded;                   /* runs on lanes; set with the driver */
	_Atomic bool needs_threads;      /* refused, because it would run on lanes and threads are forbidden */
	_Atomic uint32_t conf_priority, priority; /* in force: conf's, or the driver's */
	_Atomic uint32_t max_leases;     /* info's, without open_lock */
	_Atomic uint32_t weight, sessions, share, queue, connects_per_s, hung_max; /* conf's, as they are now */
	struct lanes *lanes;             /* NULL: none needed yet */
	_Atomic bool proven;             /* has shown that it belongs to its domain, since it was opened */
	_Atomic(struct stats_device *) stats; /* NULL until it was opened */
	_Atomic(const struct hufu_driver *) driver;  /* NULL until it is looked for */
	_Atomic(struct hufu_device *) handle;        /* of the current opening; NULL: it is not open */
	_Atomic(struct opening *) opening;
	struct opening openings[OPENINGS_MAX];
	struct hufu_device_info info;    /* under open_lock */
	_Atomic(struct capabilities *) caps; /* NULL until it was opened once */
	pthread_mutex_t open_lock;
	struct health health;
	_Atomic uint32_t generation;     /* leases of an earlier one are not used again */
	_Atomic uint32_t nleases;        /* parked and in use, those of lanes too */
	struct bucket connects;          /* new leases and opens: device_may_connect */
	_Atomic uint64_t errors;
	_Atomic uint64_t latency_ns;     /* moving average; 0: none measured */
	struct latencies latencies;      /* of its classes of ops */
	_Atomic bool on_trial;           /* it is out, and a call finds out whether it is back */
	_Atomic bool overran;            /* its broken promise to return in time was logged */
	struct device *next_stone;
	_Alignas(CACHE_LINE) _Atomic uint32_t in_flight; /* counted where there is a choice of devices */
	struct slot slots[LEASE_SLOTS];
};

struct pool {
	_Atomic uint64_t deadline_ns;    /* of a call, from its start */
	_Atomic(const struct conf_token *) token; /* its name, pool settings: the pool's own copy; one that was replaced stays to the end */
	struct retired *retired;         /* under members_lock */
	pthread_mutex_t members_lock;    /* who is in devices; first of all locks */
	_Atomic(struct checker *) checker; /* NULL until it is needed */
	pthread_mutex_t keys_lock;
	struct pool_key *keys;           /* all, to find what is loaded */
	unsigned nviews;                 /* given out so far; under keys_lock */
	struct device *stones;           /* removed devices whose place another has; freed with the pool */
	struct calls calls;
	_Atomic size_t ndevices;         /* grows only */
	_Atomic(struct device *) devices[POOL_DEVICES_MAX];
};

/* What a device can do is known from its first open on, which this may be. False: not yet, or it is quarantined. */
bool device_is_known(struct device *);
bool pool_may_have_threads(void);
/* Why its calls cannot be made in the callers' threads; NULL: they can. */
const char *driver_why_not_direct(const struct hufu_driver *);
/* It has devices, and every one was refused because it needs threads. */
bool pool_needs_threads(const struct pool *);

/* -- who belongs to it (members.c) -------------------------------------------- */

/* A deep copy; NULL: no memory. */
const struct conf_device *member_conf_copy(const struct conf_device *) MUST_CHECK;
void member_conf_free(const struct conf_device *);
/* From now on these are the pool's settings. members_lock is held, or nobody else knows the pool yet. */
enum hufu_err members_set_token(struct pool *, const struct conf_token *) MUST_CHECK;
void members_free_settings(struct pool *);

/* -- a device (device.c) -------------------------------------------------------- */

/* It joins: no handle, no view yet. NULL: no memory. */
struct device *device_new(struct pool *, const struct conf_device *) MUST_CHECK;
/* Weight, priority and limits, from now on. */
void device_set_limits(struct device *, const struct conf_device *);
/* Nobody knows it any more. Closes what is open. */
void device_free(struct device *);
/* NULL, once logged: there is none, or none that may run in the caller's thread. */
const struct hufu_driver *device_driver(struct device *);
/* Opens it, if it is not open. */
enum hufu_err device_open(struct device *, uint64_t deadline_ns) MUST_CHECK;
/* One caller at a time finds out whether a suspect or ejected device is back. */
void device_probe_if_due(struct device *, uint64_t now_ns, uint64_t deadline_ns);
/* After fork: threads of the parent's, and what they were doing in it, are not here. */
void device_forget_others(struct device *);
/* After fork, of a device that is not fork-safe: its connections are the parent's. */
void device_abandon_openings(struct device *);
/* The connections that it has left behind and that nobody uses any more. The caller holds open_lock. */
void device_close_left_locked(struct device *, uint64_t deadline_ns);
/* The verbs that have no mechanism have none, whatever the caller wrote. */
uint64_t device_mechanism(uint64_t mechanism, enum hufu_verb);
/* NULL: it cannot. The device is open. */
struct capability *device_capability(struct device *, uint64_t mechanism, enum hufu_verb, bool multi_part);
bool device_is_software(struct device *);

/*
 * Something happened to it: its state follows (state.h), the log and its events say so, callers that wait look again,
 * the keeper is told. err: what the driver said, or 0; why: one short line for people, or NULL. Where it falls (a hard
 * error, a refusal) the generation moves; what a lease of an earlier one says is no news and is not noted.
 */
void device_note(struct device *, enum health_event, enum hufu_err, const char *why, uint64_t now_ns);
/*
 * May new work begin on it: it is enabled, open, and not quarantined? Counts in when
 * it may: device_leave follows, perhaps in another thread. Nothing that a
 * device had when it was entered is closed, evicted or freed before.
 */
bool device_enter(struct device *);
void device_leave(struct device *);
/* Is nobody inside? Certain where nobody can enter any more. */
bool device_is_idle(const struct device *);
/* The connection it has now, which stays open until opening_rele; NULL: none. */
struct opening *opening_hold(struct device *);
void opening_rele(struct opening *);

/* An op wants it, and it is not open. True: it is now. False: the keeper opens it, pool_changed follows; or it cannot be had. */
bool device_wanted(struct device *, uint64_t deadline_ns);
/* Its lanes, made when they are first needed, of direct devices too; NULL: no memory, or threads are forbidden. */
struct lanes *device_lanes(struct device *);

/* -- calls that wait (wait.c) ------------------------------------------------ */

/* Some device may serve now that could not, or never will: every call that waits looks again. */
void pool_changed(struct pool *);
/* A session of it has become free: the first call that waits for it looks again. Cheap when none does. */
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

/* How many this process may have on it: sessions, else its share of what the open device has; 0: no limit. */
uint32_t device_lease_limit(const struct device *);
/*
 * May a lease be made now, or the device be opened (connects_per_s)? Takes the right to do so. False: *wait_ns
 * (or NULL) says how long until it may be. Software makes no connections: always.
 */
bool device_may_connect(struct device *, uint64_t now_ns, uint64_t *wait_ns);
/* A parked one, or a new one from the device. HUFU_ERR_BUSY: the limit is reached, or it connects too often. */
enum hufu_err lease_take(struct device *, uint64_t deadline_ns, struct lease **) MUST_CHECK;
/* Parks it for the next op. */
void lease_put(struct device *, struct lease *);
/* Gives it back to the device: it is not to be trusted any more. */
void lease_discard(struct device *, struct lease *);
/* All that are parked. */
void lease_discard_parked(struct device *);
/* After fork, of a device that is not fork-safe: forgets what is parked. */
void lease_abandon(struct device *);
/* Is it used again after an op that ended so? */
bool lease_survives(enum hufu_err);
uint32_t lease_in_use(struct device *);
/* A small number of the calling thread's own. */
unsigned lease_thread(void);

/* -- keys ------------------------------------------------------------------ */

struct pool_key {
	struct pool *pool;
	struct pool_key *next, **link;   /* pool->keys */
	_Atomic uint32_t refs;
	uint8_t uuid[16];
	uint64_t version;
	enum hufu_key_type type;
	bool hardware_only, fallback;    /* pool_key_set_policy's */
	bool has_policy;
	struct sm2_public *point;        /* pool_key_set_point's, or NULL */
	struct check_key *check;         /* pool_key_set_public's, or NULL */
	struct pool_copy *copies;
	size_t ncopies;
	void *secrets;                   /* the copies' bytes */
	struct key_views *views;         /* those of the devices that there were, then of those that joined later */
};

/* The key as devices see it, by device->view. Never moves: drivers keep what they loaded in it. */
struct key_views {
	_Atomic(struct key_views *) next;
	unsigned first, n;
	struct hufu_key views[];         /* blob NULL: no copy for that device */
};

/* The key as this device sees it; NULL: it has no copy. */
static inline struct hufu_key *key_view(struct pool_key *key, const struct device *device)
{
	struct key_views *views = key->views;

	while (views && device->view - views->first >= views->n) /* one subtraction for both bounds */
		views = atomic_load_explicit(&views->next, memory_order_acquire);
	return views && views->views[device->view - views->first].blob ? &views->views[device->view - views->first] : NULL;
}
/* The device gets a view in every key and its place among the pool's devices. HUFU_ERR_NO_MEMORY. */
enum hufu_err key_join(struct device *, unsigned index) MUST_CHECK;
/* At the end, with the device still open: evicts what could not be evicted earlier. */
void key_evict_leftovers(struct pool *);
/* After fork: the device was abandoned, with all that it had loaded. */
void key_abandon_loaded(const struct device *);

/* -- answers (answer.c) ------------------------------------------------------ */

/* False: the answer is none that a sound device gives. */
bool answer_is_sound(struct device *, const struct pool_request *);
/* Is it a signature that may be verified before release? */
bool answer_needs_public(struct device *, const struct pool_request *);

#endif
