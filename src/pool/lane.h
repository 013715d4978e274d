/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: threads of a device that make its driver's calls, so that nobody who
 * waits for one waits longer than he wants to.
 *
 * A job is one call with all memory that it touches: the driver never sees the
 * caller's. Whoever submits a job holds it until job_rele; a lane holds it while
 * it has it. A caller that waits no longer calls job_give_up: the lane's answer,
 * if it ever comes, goes nowhere. A job in a driver's hands is never freed nor
 * its memory used again before the driver returned; when it does, the memory is
 * wiped and freed.
 *
 * A lane whose job was given up while the driver had it is hung: it counts no
 * more among the device's lanes and another takes its place, up to hung_max at
 * once; with hung_max of them the device takes no jobs (HUFU_ERR_BUSY) until one
 * returns. A lane that returns ends. Each lane has one lease at most, made, used
 * and released by it alone (HUFU_DRIVER_THREAD_AFFINE), of the device's current
 * generation.
 *
 * Waiting jobs are ordered by deadline, at most queue of them; one whose deadline
 * passed is ended with HUFU_ERR_DEADLINE, nothing done, by the next lane or submitter that comes
 * by (who waits for it needs a timer of his own). Lanes start when there is work, up to lanes_max at once, and end after 10 s without.
 *
 * Threads: all signals blocked, 256 KiB of stack, named "hufu-NAME".
 * Time comes from base/clock.h; tests run on virtual time.
 */
#ifndef POOL_LANE_H
#define POOL_LANE_H

#include <pthread.h>

#include "pool/pool.h"

struct device;
struct lanes;
struct lane;
struct job;

enum job_state { JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_GIVEN_UP };

struct job {
	/* In the lane: makes the call, writes err. Touches the job's own memory, the device, and nothing else. */
	void (*work)(struct job *, struct lane *);
	/*
	 * Once a job, from the lane, or from lanes_submit's or lanes_stop's caller: it is over,
	 * and was not given up. May submit jobs; must not block. NULL: nobody waits.
	 */
	void (*over)(struct job *);
	/* The last one who held it lets go: wipes, frees. */
	void (*destroy)(struct job *);
	void *arg;                       /* the submitter's */
	uint64_t deadline_ns;
	enum hufu_err err;
	bool open;                       /* needs no lease: opens, probes, closes */
	bool unattended;                 /* nobody gives it up: at its deadline it loses its lane to whoever wants one */
	/* lane.c's */
	_Atomic int state;               /* enum job_state */
	_Atomic uint32_t refs;
	struct job *next, *prev;         /* in the queue */
	struct lane *lane;               /* that has it, or is to begin it */
	pthread_cond_t *waiter;          /* job_wait's */
};

struct lanes *lanes_new(struct device *, uint32_t lanes_max, uint32_t queue, uint32_t hung_max) MUST_CHECK;
/* Other limits from now on. Lanes beyond a lower number end when they have nothing to do. */
void lanes_limit(struct lanes *, uint32_t lanes_max, uint32_t queue, uint32_t hung_max);
/*
 * Nobody submits or waits any more: ends idle lanes, waits for busy ones until deadline_ns, gives up the rest.
 * True: no lane is left. False: some hang in the driver. Device, pool and keys must live on (the device is not closed) until
 * last(device) is called, by the last of them when it has returned and released its lease. lanes is freed in both cases.
 */
bool lanes_stop(struct lanes *, uint64_t deadline_ns, void (*last)(struct device *)) MUST_CHECK;
/*
 * Takes a reference. HUFU_ERR_BUSY: the queue is full, or too many lanes hang;
 * HUFU_ERR_NO_MEMORY: no thread to be had and none running. over is not called then.
 */
enum hufu_err lanes_submit(struct lanes *, struct job *) MUST_CHECK;
/* Begins a job: state, one reference. */
void job_init(struct job *);
void job_hold(struct job *);
void job_rele(struct job *);
/*
 * True: given up; over will not be called. False: it is over already, its result
 * stands. A job that still waits leaves the queue; one in the driver's hands
 * makes its lane hung, and driver->cancel is called where there is one.
 */
bool job_give_up(struct lanes *, struct job *) MUST_CHECK;
/* Waits until it is over or the time has come: true, it is over. Only for jobs without over; one thread a job. */
bool job_wait(struct lanes *, struct job *, uint64_t until_ns) MUST_CHECK;
/*
 * In work: waits until a lease may be made where one is needed (connects_per_s), in no driver's hands. HUFU_ERR_BUSY:
 * not before deadline_ns. lane_lease does the same if this was not called; an attempt's clock starts between the two.
 */
enum hufu_err lane_ready(struct lane *, uint64_t deadline_ns) MUST_CHECK;
/* In work: the lane's lease, made if it has none of this generation. */
enum hufu_err lane_lease(struct lane *, uint64_t deadline_ns, struct hufu_lease **) MUST_CHECK;
/*
 * In work: nobody wants the job any more. What work noted before it found that not so is seen by whoever gives it up
 * later: so an op that is not asked after job_give_up never will be.
 */
bool lane_is_given_up(struct lane *) MUST_CHECK;
/* In work: it is not to be trusted any more; released after work. */
void lane_drop_lease(struct lane *);
/* The device's generation has moved: idle lanes release theirs now, others before their next job. */
void lanes_refresh(struct lanes *);
uint32_t lanes_hung(struct lanes *);
uint32_t lanes_waiting(struct lanes *);

/* In the whole process, for hufu status and tests: lanes that hang now, of pools that were freed too. */
uint32_t lanes_hung_ever(void);

/*
 * In a forked child no lane lives. What waited or ran is forgotten with its memory (a thread that is not here may hold
 * parts of it), before the pool forgets the device's leases and openings; jobs of callers that fork while they wait do not exist: fork waits for them (core holds).
 */
void lanes_before_fork(struct lanes *);
void lanes_after_fork_parent(struct lanes *);
void lanes_after_fork_child(struct lanes *);

/* What an op's output may take, however much room the caller has (space.c). */
size_t space_for(const struct hufu_op *);

/* -- an op as a job (op_job.c) ------------------------------------------------- */

/*
 * Everything a driver may read or write for one attempt, copied: op, inputs,
 * parameters with what they point to, the state, space for the answers. Keys are
 * held. In secret memory, but for much data of the caller's, which is wiped as well.
 */
struct op_job {
	struct job job;
	struct device *device;
	struct pool_key *key, *subject;
	struct hufu_op op;
	uint64_t limit_ns;               /* of the attempt, from when it begins: waiting for a lane is no fault of the device's */
	_Atomic uint64_t begun_ns;       /* run() itself, or the making of its lease; 0: it has not begun */
	_Atomic bool asked;              /* the driver has it, or is about to */
	uint64_t ended_ns;
	/* Where the answer is, whatever a driver makes of op's pointers. */
	uint8_t *out, *pub, *state_out;
	size_t out_cap;
	uint8_t *bulk;                   /* much data, in memory of its own, or NULL */
	size_t bulk_len;
};

/*
 * HUFU_ERR_NO_MEMORY; HUFU_ERR_PARAM: a length in it is absurd; HUFU_ERR_BUG: its mechanism is not known to op_job.c. job.deadline_ns is the call's; the driver is told the moment it begins plus limit_ns, or that
 * if it is earlier.
 */
enum hufu_err op_job_new(struct device *, const struct pool_request *, uint32_t attempt, uint64_t limit_ns,
                         uint64_t deadline_ns, struct op_job **) MUST_CHECK;
/*
 * The answer into the request's own op: out, pub, state_out, lengths, outcome. Over, not given up, and job.err is HUFU_OK:
 * else the driver was not asked. More output than there was room: HUFU_ERR_CORRUPT.
 */
void op_job_collect(const struct op_job *, struct hufu_op *);

#endif
