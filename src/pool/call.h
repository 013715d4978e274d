/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: attempts on one device after another until it is answered.
 *
 *	submit.c   where it begins, waits and ends
 *	call.c     the state machine: what comes next
 *	judge.c    what follows from an error: the table of groups (hufu/driver.h)
 *	pick.c     which device
 *	route.c    hardware or software
 *	attempt.c  one op on one device
 *	space.c    where its output goes meanwhile
 *	wait.c     until a device may serve
 *
 * One thread at a time advances a call: the caller's own, in pool_run; in
 * pool_submit whoever brings news.
 */
#ifndef POOL_CALL_H
#define POOL_CALL_H

#include "pool/internal.h"

#define WAIT_MIN_NS NS_PER_MS
#define WAIT_MAX_NS (50 * NS_PER_MS)

/* How a call is woken: on the heap, for jobs that were given up may outlive the call. */
struct wake {
	_Atomic uint32_t refs;
	uint32_t events;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

struct call {
	struct pool *pool;
	const struct conf_pool *conf;    /* as it was when the call began */
	struct pool_request *req;
	uint64_t mechanism;              /* as capabilities name it */
	uint64_t op_class;               /* as latencies name it */
	uint64_t now_ns;                 /* the start, then the end of the last attempt that failed, or of the last wait */
	uint64_t deadline_ns;
	uint64_t given_deadline_ns;      /* the caller's, put back at the end */
	uint64_t wait_ns;                /* of the last wait */
	uint64_t wake_ns;                /* when to look again at the latest; 0: the call has not waited yet */
	uint64_t tried;                  /* bit a device: has failed in this call */
	uint64_t passing;                /* those of them whose failure may pass: busy, gone */
	uint64_t busy;                   /* those of them that are busy: not out of service */
	uint32_t hard;                   /* attempts that were lost or corrupt */
	bool renewed;                    /* EXPIRED: only once */
	bool others;                     /* another device that is fit could serve it */
	bool trial;                      /* the device that was picked is out: this call finds out whether it is back */
	bool fallback;                   /* software was picked because hardware is out */
	bool late;                       /* the last attempt ended at its time limit */
	enum hufu_err err;
	struct waiter waiter;
	struct wake *wake;               /* NULL: it never waited */
};

enum verdict { ANSWERED, TRY_NEXT, MUST_WAIT };

/* -- call.c ------------------------------------------------------------------ */

/* Until it is over (true, call->err is the answer) or must wait, until wake_ns at most, for a device or an answer. */
bool call_advance(struct call *);

/* -- judge.c ----------------------------------------------------------------- */

/* The device's answer was call->err. delivered: the op was in the driver's hands. */
enum verdict judge(struct call *, struct device *, bool delivered);

/* -- pick.c ------------------------------------------------------------------ */

/* The best device for the call that was not tried yet; NULL: none. Probes those that are due. */
struct device *pick(struct call *);
/* pick gave NULL at once: because of the key, the mechanism, or the devices' state? */
enum hufu_err pick_why_none(const struct call *);
/* Of a device that was opened once: does it do this, and can its answer be checked where it must be? */
bool pick_can_run(struct device *, const struct call *);
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
/* Of all devices, since they joined. */
uint64_t attempts_so_far(const struct pool *);

/* -- space.c ----------------------------------------------------------------- */

/* Must an op write into space of the pool's, or may it write straight into the caller's? */
bool space_is_needed(const struct pool *, const struct hufu_op *);
/* The op's outputs are space of ours for as long as run(arg) takes, and copied out if it gives HUFU_OK. */
enum hufu_err space_lend(struct hufu_op *, enum hufu_err (*run)(void *arg), void *arg) MUST_CHECK;

/* -- wait.c ------------------------------------------------------------------ */

/* NULL: no memory. */
struct wake *wake_new(void) MUST_CHECK;
void wake_hold(struct wake *);
/* NULL is ignored. */
void wake_rele(struct wake *);
void wake_post(struct wake *);
/* Until something was posted since it was last waited for, or the time has come. */
void wake_wait(struct wake *, uint64_t until_ns);
/* Joins those that wait for a device. HUFU_ERR_BUSY: as many wait as may. */
enum hufu_err waiter_join(struct call *) MUST_CHECK;
void waiter_leave(struct call *);

#endif
