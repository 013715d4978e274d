/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a tenant share; its tests look in here too. */
#ifndef HUFUD_TENANT_INTERNAL_H
#define HUFUD_TENANT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "hufud/key_cache.h"
#include "hufud/tenant.h"
#include "sm/sm2.h"
#include "sm/sm3.h"

/* In secret memory. */
struct tenant_secrets {
	uint8_t base[32];              /* all others are derived from it */
	struct sm3_hmac_key copies, states;
	struct sm2_private domain;
};

struct tenant {
	_Atomic(const struct conf_token *) conf; /* ours; one that was replaced stays to the end, since others may read it */
	struct tenant_conf *confs;     /* all of them */
	struct tenant_secrets *secrets;
	struct pool *pool;
	pthread_mutex_t lock;          /* of confs */
	struct token_side *token;      /* NULL: there is no store */
	struct tenant_lanes *lanes;
	struct key_cache *keys;
	_Atomic uint32_t in_flight;    /* ops that run on the loop; devices.c */
};

/* -- lanes.c: threads that may wait -------------------------------------------- */

struct tenant_lanes;

enum hufu_err tenant_lanes_new(const char *tenant, uint32_t threads, uint32_t queue, struct tenant_lanes **) MUST_CHECK;
/* What is queued is run before. NULL is ignored. */
void tenant_lanes_free(struct tenant_lanes *);
bool tenant_lanes_add(struct tenant_lanes *, struct request *, void (*fn)(struct request *)) MUST_CHECK;
/* queued: waiting; running: being worked on. */
void tenant_lanes_load(struct tenant_lanes *, uint32_t *queued, uint32_t *running, uint32_t *threads);

/* -- tenant_key.c: what clients' copies are to the pool ---------------------------- */

struct tenant_key {
	_Atomic uint32_t refs;
	struct pool_key *key;
	bool hardware_only;
};

/* For tenant->keys; arg: the tenant. */
extern const struct key_cache_ops tenant_key_ops;
/*
 * The pool's key of what a request brought: a public key as it is, any other as a sealed copy. HUFU_ERR_NO_KEY: no
 * copy of this tenant's, or of another type.
 */
enum hufu_err tenant_key_get(struct tenant *, const struct hufu_key *, struct tenant_key **) MUST_CHECK;
void tenant_key_rele(struct tenant_key *); /* NULL is ignored */

/* -- seal.c ---------------------------------------------------------------------- */

/*
 * The state of an operation in parts, as a client carries it: bound to the key, the mechanism and the verb, and to the
 * domain whose devices go on with it. HUFU_ERR_UNSUPPORTED: a device's state that leaves no room for a seal.
 */
enum hufu_err tenant_seal_state(struct tenant *, const struct hufu_op *, const char *domain, const uint8_t *state, size_t len,
                                uint8_t out[HUFU_STATE_MAX], size_t *out_len) MUST_CHECK;
/* HUFU_ERR_ARGUMENT: not such a state. *domain: of names, or NULL where none of them is meant. */
enum hufu_err tenant_open_state(struct tenant *, const struct hufu_op *, const struct pool_domain *names, size_t n,
                                const char **domain, uint8_t out[HUFU_STATE_MAX], size_t *len) MUST_CHECK;

/* -- make.c: new keys --------------------------------------------------------------- */

/*
 * GENERATE, IMPORT, UNWRAP for every domain of the tenant's devices that takes the key, at least one, and the codes of the
 * first otherwise; hardware_only: none of software. What is made is one sealed copy in wanted->op.out, the public part in
 * pub; wanted's answers are filled in as the pool does.
 */
enum hufu_err tenant_make(struct tenant *, struct pool_request *wanted, bool hardware_only) MUST_CHECK;

/* -- answer.c ------------------------------------------------------------------------- */

/*
 * What a client is told of the pool's outcome. Nothing that went wrong with a device behind the machine is the machine's own
 * refusal (DENIED, EXPIRED), which would have the client's pool put the whole machine out of service. attempts: that were delivered.
 */
struct wire_status answer_status(enum hufu_err, uint32_t attempts);
/* Do the client's rules allow what it asks for, with a key of this label (access.h)? HUFU_ERR_UNSUPPORTED. */
enum hufu_err request_allowed(struct request *, const char *key_label) MUST_CHECK;
/* An answer of a status alone. */
void answer_error(struct request *, enum hufu_err);

#endif
