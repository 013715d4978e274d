/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store of a token that lives on cipher machines: store.h's calls as
 * requests (wire/store_op.h), to one machine after another until one answers. Nothing is kept here but the
 * ticket of the login, in secret memory.
 *
 * What was not delivered goes to the next machine; what may have been, too, where that does no harm: inserts carry op
 * ids, a change names the version that it changes. A PIN that was set, and a token that was made, are not asked for twice.
 */
#ifndef STORE_NET_NET_H
#define STORE_NET_NET_H

#include <pthread.h>
#include <stdatomic.h>

#include "link/link.h"
#include "store/kind.h"
#include "wire/store_op.h"

#define NET_MACHINES_MAX 64

struct net {
	struct store base;             /* first: net_of */
	struct link *links[NET_MACHINES_MAX];
	size_t nlinks;
	char domain[STORE_DOMAIN_MAX + 1]; /* of the machines' devices: where all copies are, as the pool knows it */
	uint32_t deadline_ms;
	_Atomic unsigned preferred;    /* the machine that answered last */
	pthread_mutex_t lock;          /* all below */
	uint8_t *ticket;               /* secret memory, WIRE_TICKET_MAX; NULL: nobody is logged in */
	size_t ticket_len;
	bool lent;                     /* to a child by a fork: the parent's to give back */
	enum store_role role;
	uint64_t got_ns, ends_ns;      /* of the ticket */
	uint64_t set_s;                /* counts tickets, as store_credential.set_s */
	uint64_t changes;              /* counted here: machines count each for themselves */
	unsigned seen_machine;
	uint64_t seen_start, seen_counter;
};

static inline struct net *net_of(struct store *base)
{
	return (struct net *)base;
}

/* -- ask.c ------------------------------------------------------------------------- */

/* How an answer came. */
struct net_asked {
	unsigned machine;              /* who gave it */
	bool in_doubt;                 /* an attempt before it may have had its effect already */
};
/*
 * *reply is the machine's, freed by wire_store_reply_free, where the answer is HUFU_OK. r->op and what belongs to it are filled
 * in. asked may be NULL. HUFU_ERR_NO_DEVICE: no machine could be reached in time; LOST: nobody knows what became of it.
 */
enum hufu_err net_ask(struct net *, const struct wire_store *r, uint64_t deadline_ns, struct wire_store_reply **reply,
                      struct net_asked *asked) MUST_CHECK;
/* With the ticket of the login, if there is one. HUFU_ERR_LOCKED: it has ended, and the login with it. */
enum hufu_err net_ask_as(struct net *, struct wire_store *r, struct wire_store_reply **reply, struct net_asked *asked) MUST_CHECK;
/* The same, where nothing but the outcome matters. */
enum hufu_err net_tell(struct net *, struct wire_store *r) MUST_CHECK;
uint64_t net_deadline(const struct net *);

/* -- login.c: what struct store_kind says of these ------------------------------------------- */

enum hufu_err net_login(struct store *, enum store_role, const uint8_t *pin, size_t pin_len, bool sparing) MUST_CHECK;
void net_logout(struct store *);
bool net_unlocked(struct store *);
enum hufu_err net_init_pin(struct store *, const uint8_t *pin, size_t pin_len) MUST_CHECK;
enum hufu_err net_set_pin(struct store *, enum store_role, const uint8_t *old, size_t old_len, const uint8_t *pin, size_t pin_len)
	MUST_CHECK;
/* The ticket, as the machines' devices want to be told it. */
enum hufu_err net_credentials(struct store *, struct store_credential **, size_t *n) MUST_CHECK;

/* The present ticket, copied: *len 0 there is none. */
void net_ticket(struct net *, uint8_t ticket[WIRE_TICKET_MAX], size_t *len);
/* It is not taken any more, unless there is another by now. */
void net_drop_ticket(struct net *, const uint8_t *ticket, size_t len);
/* Half of its time is over: a new one, without the PIN. */
void net_renew(struct net *);

/* -- rows.c --------------------------------------------------------------------------------------- */

enum hufu_err net_token(struct store *, struct store_token *) MUST_CHECK;
enum hufu_err net_insert_all(struct store *, const struct store_draft *, size_t n, uint8_t (*uuids)[16]) MUST_CHECK;
enum hufu_err net_get(struct store *, const uint8_t uuid[16], struct store_row **) MUST_CHECK;
enum hufu_err net_update(struct store *, const uint8_t uuid[16], uint64_t version, const struct store_draft *) MUST_CHECK;
enum hufu_err net_remove(struct store *, const uint8_t uuid[16], uint64_t version) MUST_CHECK;
enum hufu_err net_version(struct store *, const uint8_t uuid[16], uint64_t *version) MUST_CHECK;
enum hufu_err net_find(struct store *, const struct store_attr *, size_t nattrs, bool with_private, uint8_t (**uuids)[16],
                       size_t *n) MUST_CHECK;
enum hufu_err net_change_counter(struct store *, uint64_t *counter) MUST_CHECK;

#endif
