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
#include "base/conf_states.h"
#include "hufu/driver.h"

#define POOL_DEVICES_MAX 64

struct pool;
struct pool_key;

/*
 * May this process have threads of ours (CKF_LIBRARY_CANT_CREATE_OS_THREADS)?
 * Default yes. Without, devices are direct or refused, and probes run in the
 * callers' threads. While no pool exists.
 */
void pool_allow_threads(bool);
/* Can none of the token's devices run in the callers' threads? Looks their drivers up; opens nothing. */
bool pool_needs_threads_for(const struct conf *, const struct conf_token *);
/*
 * Run at most every 100 ms while the process works, by the keeper's thread where
 * there is one, else in a caller's: for whoever watches configuration. Must
 * not call a pool's ops. NULL: nobody. While no pool exists.
 */
void pool_on_tick(void (*)(void));

/*
 * Opens nothing yet: devices are opened at their first op (listing slots makes
 * no connection). The pool copies what it keeps of the configuration.
 */
enum hufu_err pool_new(const struct conf *, const struct conf_token *, struct pool **) MUST_CHECK;
/* No op is running, every pool_key has been given back. Bounded by a second a device, whatever hangs. */
void pool_free(struct pool *);
/*
 * The devices of this token as they are now to be: new ones join, those that are
 * gone are drained and closed, changed weights, priorities and limits hold from now
 * on; one whose driver, domain or options changed is taken away and added
 * anew. Ops that run are not disturbed. wish: the administrator's, for each. The pool copies what it keeps.
 */
enum hufu_err pool_reconfigure(struct pool *, const struct conf *, const struct conf_token *, const struct conf_states *) MUST_CHECK;

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
/*
 * The public key of an RSA, EC or Edwards private key (SPKI), for the same purpose. Before the key's first op.
 * Copied, and believed: it comes from a row whose MAC is right.
 */
enum hufu_err pool_key_set_public(struct pool_key *, const uint8_t *spki, size_t len) MUST_CHECK;
/*
 * What its attributes allow: hardware_only, never software, whatever copies there
 * are; fallback, software while all hardware is out. Default: no, and the token's software_fallback. Before the first op.
 */
void pool_key_set_policy(struct pool_key *, bool hardware_only, bool fallback);
struct pool_key *pool_key_hold(struct pool_key *);
void pool_key_rele(struct pool_key *);
enum hufu_key_type pool_key_type(const struct pool_key *);
/* What anybody may know: no secret or private key. */
bool key_type_is_public(enum hufu_key_type);
/* The copies, as views that live as long as the key. */
size_t pool_key_copies(const struct pool_key *, const struct pool_copy **);

/* -- ops ------------------------------------------------------------------- */

/*
 * A request: op is filled by the caller but for size, key, subject, attempt,
 * copy_kind, outcome (the pool's). deadline_ns 0: the token's deadline from now on, for
 * GENERATE at least 60 s. op_id all zero: the pool makes one for verbs that make
 * a key. in and out may overlap: the pool copies. On an error out, pub and
 * state_out hold nothing; out_len is 0 but with HUFU_ERR_BUFFER.
 */
struct pool_request {
	struct hufu_op op;
	struct pool_key *key, *subject;
	/* Only devices of this domain; NULL any. Where a new key's copy must be made; with state_in, who made the state. */
	const char *domain;
	/* Only the device of this name; NULL any. */
	const char *device;
	/* The caller has another way: where all that could are out of service, it is told so at once. */
	bool impatient;
	/*
	 * In pool_run a thread that has a way to park (base/park.h) may: the caller holds no lock meanwhile that anything else
	 * of this thread's could want, and comes back perhaps in another one.
	 */
	bool may_park;
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

/*
 * The op by this host's own software, which is no device of the token's: for keys that shall be made here. The copy
 * that it makes is the clear form.
 */
enum hufu_err pool_run_on_host(struct hufu_op *) MUST_CHECK;

/* Does a device of the domain keep for good what it makes by this? No key is made there without need. */
bool pool_makes_for_good(struct pool *, const char *domain, uint64_t mechanism);
/* Does a device of the domain that is no software open what the key has wrapped (HUFU_VERB_UNWRAP), as far as is known? */
bool pool_opens(struct pool *, const char *domain, struct pool_key *, uint64_t mechanism);
/* Can any device of the token do this? For C_GetMechanismList; opens the devices. */
bool pool_can(struct pool *, uint64_t mechanism, enum hufu_verb);
/* The same, with HUFU_PHASE_FIRST, NEXT, LAST. */
bool pool_can_in_parts(struct pool *, uint64_t mechanism, enum hufu_verb);
/* What they can do between them, at most max rows, none of a kind twice; opens the devices. For whoever offers it to others. */
size_t pool_offers(struct pool *, struct hufu_capability *, size_t max);
/* Has each device that is enabled, and not quarantined, been open once? Of one that was not nobody can say what it does. */
bool pool_knows_all(struct pool *);
/* All devices keep keys in this host's memory. */
bool pool_is_software(struct pool *);

/* -- domains --------------------------------------------------------------- */

struct pool_domain {
	const char *name;
	bool software;         /* all its devices are */
	bool exposed;          /* one of them is: copies for it can be read on this host */
	bool up;               /* one of them can be used now */
	bool proof;            /* a proof was given */
};
/* Of the token's devices; opens them. Returns how many there are; fills at most cap. */
size_t pool_domains(struct pool *, struct pool_domain *, size_t cap);

/*
 * How a device shows that it belongs to a domain, or holds the key it should at
 * an index: it signs a fresh challenge with this copy of an SM2 key, and the
 * signature must verify under point. From now on a device of the domain runs no op on a private or secret
 * key before it has proven every proof of its domain; one that fails is
 * quarantined, loudly. The pool copies it, into secret memory. HUFU_ERR_KEY_VALUE: point.
 */
enum hufu_err pool_add_proof(struct pool *, const struct pool_copy *, const uint8_t point[64]) MUST_CHECK;
/* Forgets them, at the last logout: from then on, until another is given, no device has anything to prove. */
void pool_drop_proofs(struct pool *);
/*
 * For an administrator who asks, on a pool of his own, in his thread: each device of the domain (NULL: all) proves all
 * proofs of its domain; HUFU_ERR_CORRUPT: it fails one; else: it cannot be asked. each is called once a device.
 */
enum hufu_err pool_verify_domain(struct pool *, const char *domain,
                                 void (*each)(const char *device, const char *domain, enum hufu_err, void *arg), void *arg) MUST_CHECK;

/*
 * Proof by a secret key, where devices make no SM2 pairs: every device of the domain can use this copy of a key of SM4 or AES
 * and encrypts in to out (ECB). Otherwise as pool_add_proof. HUFU_ERR_KEY_TYPE: another type.
 */
enum hufu_err pool_add_secret_proof(struct pool *, enum hufu_key_type, const struct pool_copy *, const uint8_t in[16],
                                    const uint8_t out[16]) MUST_CHECK;
/*
 * Proof by a key that was found in the devices (HUFU_COPY_INDEX): as pool_add_proof, but a device that cannot use it
 * (it wants a credential, or lost the key) proves nothing by it and is not refused for that; one that holds another key there is.
 */
enum hufu_err pool_add_resident_proof(struct pool *, const struct pool_copy *, const uint8_t point[64]) MUST_CHECK;

/* -- credentials and resident keys ----------------------------------------- */

/*
 * What the devices of a domain want to be told before they let their keys be used: HUFU_VERB_LOGIN, on each of
 * them, when it is opened and now; one that refuses is quarantined and is not asked again with the same. The pool
 * copies it, into secret memory. A credential of the same domain and name is replaced; another one gives devices that
 * were quarantined for the former a new chance. It is another with another value, or another set_s: whoever sets the same
 * value anew says by this that it is the right one now. HUFU_ERR_ARGUMENT: name is not 1 to 64 bytes, value not 1 to 4096.
 */
enum hufu_err pool_add_credential(struct pool *, const char *domain, const char *name, uint64_t set_s, const uint8_t *value,
                                  size_t len) MUST_CHECK;
/* Has a device of the domain refused exactly this? domain NULL: has any refused anything? */
bool pool_refused_credential(struct pool *, const char *domain, const char *name, uint64_t set_s, const uint8_t *value, size_t len);
/* At the last logout: forgets them, and has the devices forget them (HUFU_VERB_LOGOUT). */
void pool_drop_credentials(struct pool *);
/*
 * The keys that are kept in the devices of a domain, of one of them that is up, one after another (HUFU_VERB_FIND);
 * HUFU_ERR_NO_KEY ends the list, UNSUPPORTED: its devices tell of none, KEY_VALUE: what is told of this one makes no sense. pub: HUFU_PUB_MAX bytes. Asked of a device that has
 * taken the credentials and proven what it has to; where all are out the answer comes at once.
 */
enum hufu_err pool_resident(struct pool *, const char *domain, uint32_t nth, uint64_t deadline_ns, struct hufu_resident *,
                            uint8_t *pub, size_t *pub_len) MUST_CHECK;

/* -- states, for hufu status and the log ----------------------------------- */

enum pool_state { POOL_JOINING, POOL_UP, POOL_SUSPECT, POOL_EJECTED, POOL_PROBING, POOL_SLOW_START, POOL_QUARANTINED };
const char *pool_state_name(enum pool_state);
enum pool_admin { POOL_ENABLED, POOL_DRAINING, POOL_MAINTENANCE, POOL_REMOVED };
const char *pool_admin_name(enum pool_admin);

struct pool_device_status {
	const char *name, *driver, *domain;
	enum pool_state state;
	enum pool_admin admin;
	uint32_t in_flight;
	uint64_t ops, errors;      /* since the pool was made */
	uint64_t latency_ns;       /* moving average */
	struct hufu_device_info info; /* zero while it is not open */
};
size_t pool_status(struct pool *, struct pool_device_status *, size_t cap);
/*
 * For an administrator who asks, on a pool of his own: opens the device, probes it and, deep, compares known answers;
 * all in the caller's thread. why: what is wrong, one line, or "". HUFU_ERR_NOT_FOUND: the pool has no such device.
 */
enum hufu_err pool_probe(struct pool *, const char *device, bool deep, uint64_t deadline_ns, char *why, size_t why_len) MUST_CHECK;

/* -- fork ------------------------------------------------------------------ */

void pool_before_fork(struct pool *);
void pool_after_fork_parent(struct pool *);
/* Leases and devices that are not fork-safe are abandoned (never closed) and opened again lazily. */
void pool_after_fork_child(struct pool *);

#endif
