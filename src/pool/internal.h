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
#define FIRST_LOOK_NS (2 * NS_PER_S) /* that a caller waits until all have been opened once */
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

/* What a connection was told of the credentials (credential.c). */
struct device_login {
	bool in;                         /* it has taken one */
	uint32_t dropped;                /* pool->credentials_dropped then */
	uint64_t presented;              /* the last one's serial */
};

/* A device's capability; UNSUPPORTED takes verbs away. */
struct capability {
	uint64_t mechanism, max_in;
	uint32_t min_nbits, max_nbits, cost_us;
	_Atomic uint32_t verbs;
	bool multi_part, permanent;
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
	struct device_login login;       /* to its present connection; the claimant's */
	_Atomic bool login_refused;      /* it is quarantined for its credential */
	bool threaded;                   /* runs on lanes; set with the driver */
	bool is_machine;                 /* it verifies what its devices sign; set with the driver */
	bool hosted;                     /* in a process of its own, and driver is the way there; set with the driver */
	_Atomic bool host_missed;        /* that its host is not there was logged */
	_Atomic bool needs_threads;      /* refused, because it would run on lanes and threads are forbidden */
	_Atomic uint32_t conf_priority, priority; /* in force: conf's, or the driver's */
	_Atomic uint32_t max_leases;     /* info's, without open_lock */
	_Atomic uint32_t weight, sessions, share, queue, connects_per_s, hung_max; /* conf's, as they are now */
	_Atomic(struct lanes *) lanes;   /* of its ops; NULL: none needed yet */
	struct lanes *care_lanes;        /* of its errands (care.h), one at a time; the keeper's */
	struct care *care;               /* its errand */
	bool cared;                      /* it has one, or somebody is about to give it one, who alone looks at these times */
	uint64_t care_until_ns, care_not_before_ns, emptied_ns;
	uint64_t asked_ns, answered_ns;  /* of its last errand, of its last known answers */
	_Atomic bool tried;              /* its first opening was waited for, whatever came of it */
	uint64_t open_ns;                /* what its last open took */
	uint64_t attempts_seen;
	_Atomic uint32_t proofs_asked;   /* pool->proofs_given when it was asked for them */
	uint32_t proofs_tried;           /* as there were when an errand was last begun for them; the claimant's */
	uint32_t dropped_tried;          /* pool->credentials_dropped then */
	_Atomic uint64_t wanted_ns;      /* an op found it closed and nothing better */
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

/* ANEW: since a fork, or since devices joined. */
enum keeping { KEEPING_UNKNOWN, KEEPING_ANEW, KEEPING_BY_KEEPER, KEEPING_BY_CALLERS };

struct pool {
	_Atomic uint64_t deadline_ns;    /* of a call, from its start */
	_Atomic(const struct conf_token *) token; /* its name, pool settings: a copy; one that was replaced stays to the end */
	struct retired *retired;         /* under members_lock */
	pthread_mutex_t members_lock;    /* who is in devices; first of all locks */
	_Atomic(struct checker *) checker; /* NULL until it is needed */
	pthread_mutex_t keys_lock;
	struct pool_key *keys;           /* all, to find what is loaded */
	unsigned nviews;                 /* given out so far; under keys_lock */
	struct proof *proofs;            /* under keys_lock */
	_Atomic uint32_t proofs_given;   /* so far */
	struct credential *credentials;  /* under keys_lock; in the order of their serials */
	uint64_t credential_serial;      /* of the last; under keys_lock */
	_Atomic uint32_t credentials_dropped; /* how often */
	struct refusal *refusals;        /* under keys_lock */
	uint8_t *refusal_key;            /* secret memory; NULL until something is refused; under keys_lock */
	struct device *stones;           /* removed devices whose place another has; freed with the pool */
	struct calls calls;
	_Atomic(enum keeping) keeping;
	_Atomic bool has_parking;        /* callers that park want a keeper, however few devices there are */
	struct pool *next_kept;          /* the keeper's */
	_Atomic uint64_t inline_due_ns;  /* keeper_inline looks again then */
	_Atomic bool ending;             /* devices are emptied one by one: nobody else evicts keys from them */
	_Atomic unsigned hanging;        /* parts of it that are waited for before it is freed, one of them its owner */
	_Atomic size_t ndevices;         /* grows only */
	_Atomic(struct device *) devices[POOL_DEVICES_MAX];
};

/* What it can do is known: it was opened once, and is not quarantined. */
bool device_is_known(const struct device *);
/* So that what they can do is known: opens what nobody has asked for yet, and waits for it. */
void pool_open_all(struct pool *);
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
/* It joins, in the place of one that was removed if there is one. HUFU_ERR_CONFIG: there are too many. */
enum hufu_err members_add(struct pool *, const struct conf_device *, enum pool_admin) MUST_CHECK;

/* -- a device (device.c) -------------------------------------------------------- */

/* It joins: no handle, no view yet. NULL: no memory. */
struct device *device_new(struct pool *, const struct conf_device *) MUST_CHECK;
/* Weight, priority and limits, from now on. */
void device_set_limits(struct device *, const struct conf_device *);
/* The administrator's wish for it, which may be what it was. */
void device_set_admin(struct device *, enum pool_admin);
/* No connection, not even one that it left behind, and no errand. */
bool device_is_closed(struct device *);
/* Nobody knows it any more, and it is closed. */
void device_free(struct device *);
/* NULL, once logged: there is none, or none that may run in the caller's thread. */
const struct hufu_driver *device_driver(struct device *);
/* Its driver's open: as its section says, or at its host. */
enum hufu_err device_connect(struct device *, uint64_t deadline_ns, struct hufu_device **) MUST_CHECK;
/*
 * An op needs it open. Where a keeper keeps the pool it is asked to, and pool_changed follows: BUSY, it is being opened;
 * GONE, it is out; CONFIG, for good. Else it is opened here and now, where nothing speaks against it.
 */
enum hufu_err device_open(struct device *, uint64_t deadline_ns) MUST_CHECK;
/* In the calling thread in any case, which may hang in the driver. */
enum hufu_err device_open_here(struct device *, uint64_t deadline_ns) MUST_CHECK;
/* One caller at a time finds out whether a suspect or ejected device is back. */
void device_probe_if_due(struct device *, uint64_t now_ns, uint64_t deadline_ns);
/* A connection was opened, and the device admitted: leases are made on it from now on. */
void device_adopt(struct device *, struct opening *, struct hufu_device *, const struct hufu_device_info *, struct capabilities *);
/* No lease is made on its connection from now on, and none that was is used again. */
void device_leave_opening(struct device *);
/* NULL: no memory. */
struct capabilities *device_capabilities_of(const struct hufu_device_info *) MUST_CHECK;
/* It has, or has not, shown what was to be shown when there were so many proofs. */
void device_set_proven(struct device *, bool proven, uint32_t proofs);
bool device_must_prove(const struct device *);
/* Something more is asked of the domain's devices before they use keys. Under keys_lock. */
void proof_ask_again_locked(struct pool *, const char *domain);
/*
 * It took them, and refused them when a key wanted one: whichever it was, all that it was told count as refused. Where
 * each key has its own that is more than need be, but another try of the wrong one may lock the key.
 */
void credentials_were_denied(struct device *);
/* At the end. */
void credentials_free(struct pool *);
/* A proof is open for this device, or is as soon as it is opened. */
bool proof_is_given_for(struct pool *, const char *domain);
/* After fork: threads of the parent's, and what they were doing in it, are not here. */
void device_forget_others(struct device *);
/* After fork, of a device that is not fork-safe: its connections are the parent's. */
void device_abandon_openings(struct device *);
/* The verbs that have no mechanism have none, whatever the caller wrote. */
uint64_t device_mechanism(uint64_t mechanism, enum hufu_verb);
struct capability *capabilities_find(struct capabilities *, uint64_t mechanism, enum hufu_verb, bool multi_part);
/* NULL: it cannot. The device was opened once. */
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
 * One thread a process, for pools of more than one device or with one on lanes,
 * started by the first op, ended with the last pool. It only looks at the clock and
 * hands out jobs: opens, probes, admissions (care.h), timers of calls that nobody waits in.
 * It never blocks in a driver.
 *
 * Pools that it does not keep, of one direct device or where threads are
 * forbidden, are kept by their callers: keeper_inline.
 */
/* At the first op, and harmless later: the keeper has it from now on, if it is one for the keeper. */
void keeper_add(struct pool *);
/* The same, and it is one for the keeper, since calls need timers. */
void keeper_add_for_parking(struct pool *);
/* Nothing of the pool's devices is begun by it any more. */
void keeper_remove(struct pool *);
/* Something may be due earlier than it thinks. */
void keeper_poke(void);
/* What is due now in a pool that the keeper does not keep, in the thread of one caller at a time. Cheap when nothing is. */
void keeper_inline(struct pool *, uint64_t now_ns, uint64_t deadline_ns);
/* In every pool's handlers; the first of them and the last do it. In the child no keeper runs and no timer is set. */
void keeper_before_fork(void);
void keeper_after_fork_parent(void);
void keeper_after_fork_child(void);
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
/* When it returns fn is not running and will not; from fn: will not again. */
void timer_cancel(struct timer *);

/* -- admission (admit.c) ----------------------------------------------------- */

/* A device that shows what it can, on a lease of its own, before it serves. */
struct admission {
	struct device *device;
	struct hufu_device *handle;
	struct hufu_lease *lease;        /* NULL until it is needed; the caller's to release */
	struct capabilities *caps;       /* of the connection */
	uint64_t deadline_ns;
	char *why;                       /* what was wrong, for people */
	size_t why_len;
	bool login_refused;              /* what is wrong is a credential */
};
/* As op says, within the deadline; only what the host has found wrong is called CORRUPT. */
enum hufu_err admit_run(struct admission *, struct hufu_op *op) MUST_CHECK;
bool admit_offers(const struct admission *, uint64_t mechanism, enum hufu_verb);
/*
 * Presents the credentials that it was not told yet, or has it forget those that were taken back. *asked: it took one.
 * HUFU_ERR_DENIED: it refused one.
 */
enum hufu_err admit_login(struct admission *, struct device_login *, bool *asked) MUST_CHECK;
/*
 * Known answers of what it offers. HUFU_ERR_CORRUPT: it is wrong, why says in what, and only then; what went wrong on the
 * way there has other codes.
 */
enum hufu_err admit_known_answers(struct admission *) MUST_CHECK;
/* Does it sign a fresh challenge with this key of SM2 so that point verifies it? An error: it did not come to that. */
enum hufu_err admit_signs(struct admission *, struct hufu_key *, const struct sm2_public *point, bool *signs) MUST_CHECK;
/* The same of a key of SM4 or AES: does it encrypt one block so? */
enum hufu_err admit_encrypts(struct admission *, struct hufu_key *, const uint8_t in[16], const uint8_t want[16], bool *right) MUST_CHECK;
/* Makes the lease, if it is not made. */
enum hufu_err admit_lease(struct admission *) MUST_CHECK;
/* Evicts it. */
void admit_forget(struct admission *, struct hufu_key *);
/* The proofs of its domain, as many as were given. HUFU_ERR_CORRUPT: it is of another domain, or has another key at an index. */
enum hufu_err admit_prove(struct admission *, uint32_t *proofs) MUST_CHECK;

/* -- leases ---------------------------------------------------------------- */

/* How many this process may have on it: sessions, else its share of what the open device has; 0: no limit. */
uint32_t device_lease_limit(const struct device *);
/*
 * May a lease be made now, or the device be opened (connects_per_s)? Takes the right to do so. False: *wait_ns
 * (or NULL) says how long until it may be. Always where leases make no connections: software, machines.
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
/* Those that are parked and of an earlier generation. */
void lease_discard_stale(struct device *);
/* One that was made by others than lease_take, on this opening, which is held: parked for the next op. */
void lease_adopt(struct device *, struct opening *, struct hufu_lease *);
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
	bool inherited;                  /* of before the fork: some refs may be those of threads that are not here */
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
	uint32_t pins;                   /* threads that evict it from somewhere; under keys_lock */
};

/* One device's view. Never moves: drivers keep what they loaded in it. */
struct key_view {
	struct hufu_key key;             /* blob NULL: no copy for that device */
	bool evicting;                   /* under keys_lock */
};

/* By device->view. */
struct key_views {
	_Atomic(struct key_views *) next;
	unsigned first, n;
	struct key_view views[];
};

/* NULL: the key was made after the device had gone. */
static inline struct key_view *key_view_slot(struct pool_key *key, const struct device *device)
{
	struct key_views *views = key->views;

	while (views && device->view - views->first >= views->n) /* one subtraction for both bounds */
		views = atomic_load_explicit(&views->next, memory_order_acquire);
	return views ? &views->views[device->view - views->first] : NULL;
}
/* The key as this device sees it; NULL: it has no copy. */
static inline struct hufu_key *key_view(struct pool_key *key, const struct device *device)
{
	struct key_view *view = key_view_slot(key, device);

	return view && view->key.blob ? &view->key : NULL;
}
/* The device gets a view in every key and its place among the pool's devices. HUFU_ERR_NO_MEMORY. */
enum hufu_err key_join(struct device *, unsigned index) MUST_CHECK;
/* Nobody knows it any more. */
void key_free(struct pool_key *);
/* Nobody uses any key in the device: all that it holds loaded, on a lease of this connection. */
void key_evict_all(struct device *, struct hufu_device *, uint64_t deadline_ns);
/* Those that nobody holds any more and that could not be evicted when they were given up. */
void key_evict_unwanted(struct device *, struct hufu_lease *, uint64_t deadline_ns);
bool key_is_loaded_in(struct device *);
/* At the end, with all devices closed. */
void key_free_all(struct pool *);
/* After fork: nobody evicts anything here. */
void key_forget_evictions(struct pool *);
/* After fork: the device was abandoned, with all that it had loaded. */
void key_abandon_loaded(const struct device *);

/* -- answers (answer.c) ------------------------------------------------------ */

/* False: the answer is none that a sound device gives. */
bool answer_is_sound(struct device *, const struct pool_request *);
/* GENERATE, IMPORT, UNWRAP: is it the copy of a key, of a kind that can be kept? */
bool answer_copy_is_sound(const struct hufu_op *);
/* Is it a signature that may be verified before release? */
bool answer_needs_public(struct device *, const struct pool_request *);

#endif
