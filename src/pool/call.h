/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: attempts on one device after another until it is answered.
 *
 *	submit.c   where it begins and ends, and where a caller waits in it
 *	async.c    where nobody waits in it
 *	call.c     the state machine: what comes next
 *	judge.c    what follows from an error: the table of groups (hufu/driver.h)
 *	pick.c     which device
 *	route.c    hardware or software
 *	attempt.c  one op on one device, in the caller's thread
 *	flight.c   the same on a lane, while nobody waits or somebody does
 *	hedge.c    a second attempt beside a slow one
 *	space.c    where its output goes meanwhile
 *	wait.c     until a device may serve
 *
 * One thread at a time advances a call: the caller's own, in pool_run; in
 * pool_submit whoever brings news.
 */
#ifndef POOL_CALL_H
#define POOL_CALL_H

#include "base/park.h"
#include "pool/internal.h"

#define WAIT_MIN_NS NS_PER_MS
#define WAIT_MAX_NS (50 * NS_PER_MS)

/*
 * How a call is woken: on the heap, for a job may outlive the call. Events
 * are counted; of a call that nobody waits in, whoever brings the first one
 * runs it, and has it to himself until it waits again with none left.
 */
struct wake {
	_Atomic uint32_t refs;
	_Atomic uint32_t events;
	void (*run)(struct wake *);      /* NULL: a thread waits on cond */
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

/* An attempt on a lane. */
struct flight {
	struct op_job *job;              /* NULL: none */
	struct device *device;
	uint32_t generation;             /* of the device when it began */
	struct lanes *lanes;
	uint64_t submitted_ns;
	uint64_t limit_ns;               /* how long it may run */
	uint64_t blame_ns;               /* how long it may before the device is to blame */
	uint64_t patience_ns;            /* how long it may wait for a lane */
	bool may_leave;                  /* it may go elsewhere instead */
	bool alone;                      /* so far nobody else could serve: no limit but the deadline holds */
};

struct call {
	struct pool *pool;
	const struct conf_pool *conf;    /* as it was when the call began */
	struct pool_request *req;
	uint64_t mechanism;              /* as capabilities name it */
	uint64_t op_class;               /* as latencies name it */
	uint64_t start_ns;
	uint64_t now_ns;                 /* the start, then the end of the last attempt that failed, or of the last wait */
	uint64_t deadline_ns;
	uint64_t given_deadline_ns;      /* the caller's, put back at the end */
	uint64_t wait_ns;                /* of the last wait */
	uint64_t wake_ns;                /* when to look again at the latest; 0: the call has not waited yet */
	uint64_t tried;                  /* bit a device: has failed in this call */
	uint64_t passing;                /* those of them whose failure may pass: busy, gone */
	uint64_t unlucky;                /* those that failed this once: asked again before a call waits in vain for others */
	uint64_t busy;                   /* those of them that are busy: not out of service */
	uint32_t hard;                   /* attempts that were lost or corrupt */
	bool renewed;                    /* EXPIRED: only once */
	bool hurries;                    /* another device is fit to serve it, or this one is out: attempts have limits */
	bool home;                       /* the thread that advances it is the caller's own: direct devices may run here */
	bool parks;                      /* but only software: the thread has more to do than to wait for others */
	bool hedged;                     /* it was tried: once a call */
	struct device *trial;            /* it is out, and this call finds out whether it is back */
	bool fallback;                   /* software was picked because hardware is out */
	bool late;                       /* the last attempt ended at its time limit */
	uint32_t generation;             /* of its device when it began */
	enum hufu_err err;
	struct flight flights[2];        /* an attempt, and the one that hedges it */
	struct waiter waiter;
	struct wake *wake;               /* NULL: it never waited */
};

/* -- submit.c ---------------------------------------------------------------- */

/* HUFU_OK: it may be advanced. */
enum hufu_err call_begin(struct call *, struct pool *, struct pool_request *) MUST_CHECK;
/* The request is the caller's again, but for done. */
void call_end(struct call *, enum hufu_err);

enum verdict { ANSWERED, TRY_NEXT, MUST_WAIT };

/* -- async.c ----------------------------------------------------------------- */

/* pool_run for a thread that parks. False: the pool has no keeper, and nothing was done. */
bool run_parked(struct pool *, struct pool_request *, const struct park_way *) MUST_CHECK;

/* -- call.c ------------------------------------------------------------------ */

/* Until it is over (true, call->err is the answer) or must wait, until wake_ns at most, for a device or an answer. */
bool call_advance(struct call *);
/* Nobody waits for it, or will ever wake it. */
void call_abandon(struct call *);
/* Opens the device where that is for the op to do, and enters it. */
enum hufu_err call_board(struct call *, struct device *) MUST_CHECK;

/* -- judge.c ----------------------------------------------------------------- */

/* The device's answer was call->err. delivered: the op was in the driver's hands. */
enum verdict judge(struct call *, struct device *, bool delivered);
/* After an attempt there whose effect is unknown: may there be another, anywhere? */
bool call_may_repeat(const struct call *, struct device *);

/* -- pick.c ------------------------------------------------------------------ */

/* The best device for the call that was not tried yet; NULL: none. */
struct device *pick(struct call *);
/* While an attempt on this device runs: could another serve now? */
bool pick_has_other(struct call *, const struct device *);
/* pick gave NULL at once: because of the key, the mechanism, or the devices' state? */
enum hufu_err pick_why_none(const struct call *);
/* Of a device that was opened once: does it do this, and can its answer be checked where it must be? */
bool pick_can_run(struct device *, const struct call *);
bool pick_is_fit(const struct device *);
/* It is still to show that it belongs to its domain, and that before it uses this key. */
bool pick_must_prove(const struct device *, const struct call *);
/* The copy, the domain. */
bool pick_has_keys(const struct pool_request *, const struct device *);

/* -- route.c ----------------------------------------------------------------- */

/* Sets of devices, a bit each. */
struct route {
	uint64_t now;              /* one of these is to serve */
	uint64_t later;            /* these may, when none of those does */
	bool fallback;             /* now is software, in place of hardware */
};
/* can: those that are able to; fit: those of them that serve. */
struct route route(const struct call *, uint64_t can, uint64_t fit);
/* Does it use a key that is not public? */
bool route_uses_secret(const struct pool_request *);
/* It was served by this device: does software stand in for hardware, or no more? */
void route_note_served(const struct call *, struct device *);

/* -- attempt.c --------------------------------------------------------------- */

/* Before the op was delivered nothing was done, whatever the device calls it: of open, lease. */
enum hufu_err as_undelivered(enum hufu_err) MUST_CHECK;
/* In the calling thread. */
enum hufu_err attempt_direct(struct call *, struct device *, bool *delivered) MUST_CHECK;
/* How long one attempt should take there at most, whatever time is left. */
uint64_t attempt_limit_ns(const struct call *, const struct device *);
/* What the driver's outcome is worth. */
enum hufu_err attempt_outcome(struct device *, const struct pool_request *);
void attempt_note_latency(struct call *, struct device *, uint64_t ns, uint64_t now_ns);
void attempt_count_begun(struct device *);
void attempt_count_ended(struct device *, const struct hufu_op *, enum hufu_err);
/* Of all devices, since they joined. */
uint64_t attempts_so_far(const struct pool *);

/* -- flight.c ---------------------------------------------------------------- */

/* The device has been entered, and is left when the flight is over. */
enum hufu_err flight_start(struct call *, struct device *, struct flight *) MUST_CHECK;
/* True: it is over, call->err is how; it may have been given up just now. False: look again at *look_ns, or before. */
bool flight_over(struct call *, struct flight *, bool *delivered, uint64_t *look_ns);
/* Nobody wants its answer any more, and the device is not to blame. */
void flight_drop(struct call *, struct flight *);

/* -- hedge.c ----------------------------------------------------------------- */

/* Starts a second attempt if it is time for one; *look_ns: not after that. */
void hedge(struct call *, uint64_t *look_ns);

/* -- space.c ----------------------------------------------------------------- */

/* Must an op write into space of the pool's, or may it write straight into the caller's? */
bool space_is_needed(const struct pool *, const struct hufu_op *);
/* The op's outputs are space of ours for as long as run(arg) takes, and copied out if it gives HUFU_OK. */
enum hufu_err space_lend(struct hufu_op *, enum hufu_err (*run)(void *arg), void *arg) MUST_CHECK;

/* -- wait.c ------------------------------------------------------------------ */

void wake_init(struct wake *, void (*run)(struct wake *));
/* The call's, made if it has none; NULL: no memory. */
struct wake *wake_of(struct call *) MUST_CHECK;
void wake_hold(struct wake *);
/* NULL is ignored. The last one frees what begins with it. */
void wake_rele(struct wake *);
void wake_post(struct wake *);
/* Until something was posted since it was last waited for, or the time has come. */
void wake_wait(struct wake *, uint64_t until_ns);
/* Joins those that wait for a device. HUFU_ERR_BUSY: as many wait as may. */
enum hufu_err waiter_join(struct call *) MUST_CHECK;
void waiter_leave(struct call *);

#endif
