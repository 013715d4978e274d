/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: the devices of one token; picks who runs an op, and who runs it
 * next when that one fails.
 *
 * pool_submit is the primitive, pool_run waits on it. Error groups decide
 * failover and nothing else does (hufu/driver.h, enum hufu_group). Output of a
 * failed attempt never reaches the caller's memory where it could be seen: an
 * op that more than one device may run writes into space of the pool's and is
 * copied out once, from the attempt that won.
 *
 * Thread-safe. No lock is shared by two callers on the way of an op: leases are
 * kept in slots taken by atomic exchange.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/conf.h"
#include "hufu/driver.h"

#define POOL_DEVICES_MAX 64
#define POOL_ATTEMPTS_MAX 3

struct pool;
struct pool_key;

/*
 * Opens nothing yet: devices are opened at their first op (listing slots makes
 * no connection). The configuration outlives the pool.
 */
enum hufu_err pool_new(const struct conf *, const struct conf_token *, struct pool **) MUST_CHECK;
/* No op is running, every pool_key has been given back. */
void pool_free(struct pool *);

/* -- keys ------------------------------------------------------------------ */

struct pool_copy {
	enum hufu_copy_kind kind;
	const char *domain;
	const uint8_t *data;       /* clear; copied into secret memory */
	size_t len;
};

/*
 * A key as the pool knows it: its copies, and each device's loaded form of it.
 * Starts with one reference; the last pool_key_rele evicts it from the devices.
 * Public keys have one copy with domain NULL: any device can use it.
 */
enum hufu_err pool_key_new(struct pool *, const uint8_t uuid[16], uint64_t version, enum hufu_key_type,
                           const struct pool_copy *, size_t ncopies, struct pool_key **) MUST_CHECK;
/*
 * The public point of an SM2 private key, by which signatures of devices that
 * are not software are verified before release; without it such devices do not
 * sign. Before the key's first op. HUFU_ERR_KEY_VALUE: not on the curve.
 */
enum hufu_err pool_key_set_point(struct pool_key *, const uint8_t point[64]) MUST_CHECK;
struct pool_key *pool_key_hold(struct pool_key *);
void pool_key_rele(struct pool_key *);
enum hufu_key_type pool_key_type(const struct pool_key *);
/* The copies, as views that live as long as the key. */
size_t pool_key_copies(const struct pool_key *, const struct pool_copy **);

/* -- ops ------------------------------------------------------------------- */

/*
 * A request: op is filled by the caller but for size, key, subject, attempt,
 * outcome (the pool's). deadline_ns 0: the token's deadline from now on, for
 * GENERATE at least 60 s. op_id all zero: the pool makes one for verbs that make
 * a key. in and out may overlap: the pool copies. On an error out, pub and
 * state_out hold nothing; out_len is 0 but with HUFU_ERR_BUFFER.
 */
struct pool_request {
	struct hufu_op op;
	struct pool_key *key, *subject;
	/* Only devices of this domain; NULL any. Where a new key's copy must be made; with state_in, who made the state. */
	const char *domain;
	/* answer */
	enum hufu_err err;
	const char *served_domain; /* of the device that answered; lives as long as the pool */
	const char *served_by;     /* its name, for the log */
	uint32_t attempts;
	/* completion */
	void (*done)(struct pool_request *, void *arg);
	void *arg;
};

/*
 * Calls req->done exactly once, perhaps before it returns; req lives until
 * then. Direct devices run in the calling thread.
 */
void pool_submit(struct pool *, struct pool_request *);
/* Submits and waits; gives req->err. done and arg are the pool's. */
enum hufu_err pool_run(struct pool *, struct pool_request *) MUST_CHECK;

/* Can any device of the token do this? For C_GetMechanismList; opens the devices. */
bool pool_can(struct pool *, uint64_t mechanism, enum hufu_verb);
/* The same, with HUFU_PHASE_FIRST, NEXT, LAST. */
bool pool_can_in_parts(struct pool *, uint64_t mechanism, enum hufu_verb);
/* All devices keep keys in this host's memory. */
bool pool_is_software(struct pool *);

/* -- states, for hufu status and the log ----------------------------------- */

enum pool_state { POOL_JOINING, POOL_UP, POOL_SUSPECT, POOL_EJECTED, POOL_PROBING, POOL_SLOW_START, POOL_QUARANTINED };
const char *pool_state_name(enum pool_state);

struct pool_device_status {
	const char *name, *driver, *domain;
	enum pool_state state;
	uint32_t in_flight;
	uint64_t ops, errors;      /* since the pool was made */
	uint64_t latency_ns;       /* moving average */
	struct hufu_device_info info; /* zero while it is not open */
};
size_t pool_status(struct pool *, struct pool_device_status *, size_t cap);

/* -- fork ------------------------------------------------------------------ */

void pool_before_fork(struct pool *);
void pool_after_fork_parent(struct pool *);
/* Leases and devices that are not fork-safe are abandoned (never closed) and opened again lazily. */
void pool_after_fork_child(struct pool *);

#endif
