/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a token that lives here: opened, watched, logged in to. */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "hufud/access.h"
#include "hufud/token_internal.h"

/* DESIGN 4, shared knowledge: what others change is seen within this time. */
#define FRESH_NS (100 * NS_PER_MS)

/* Tickets that were opened, so that an op need not open its own each time. */
#define TICKETS_KEPT 32u
struct kept_ticket {
	size_t len;                    /* 0: none */
	uint8_t sealed[TICKET_MAX];
	struct ticket ticket;
};

struct token_side {
	struct tenant *tenant;
	uint32_t ticket_s, stale_s;
	char *state_dir;
	struct row_cache *rows;
	struct login_memory *logins;
	_Atomic uint64_t changes, checked_ns, answered_ns; /* counted; when the store was last asked; when it last answered */
	atomic_bool failing;           /* the store did not answer when it was last asked */
	atomic_bool probing;           /* probe is on its way, or being run */
	struct request probe;          /* nobody's: has a lane ask the store whether it is back, or shut it */
	_Atomic int64_t open_until;    /* wall clock: the last ticket's end */
	pthread_mutex_t open_lock;     /* opening and closing the handles; taken before lock */
	pthread_mutex_t lock;          /* all below */
	struct store *shut, *open;     /* NULL: there is no token yet. Never replaced but by NULL, at the end */
	struct kept_ticket *tickets;   /* secret memory */
	uint64_t counter;
	struct store_token token;
	uint64_t epochs[2];
};

enum hufu_err token_side_new(struct tenant *tenant, const struct conf *conf, struct token_side **out)
{
	struct token_side *side = calloc(1, sizeof(*side));

	if (!side)
		return HUFU_ERR_NO_MEMORY;
	side->tenant = tenant;
	side->ticket_s = conf->machine.ticket_s;
	side->stale_s = conf->machine.stale_s;
	side->state_dir = conf->machine.state_dir ? strdup(conf->machine.state_dir) : NULL;
	pthread_mutex_init(&side->open_lock, NULL);
	pthread_mutex_init(&side->lock, NULL);
	side->tickets = secret_alloc(TICKETS_KEPT * sizeof(*side->tickets));
	enum hufu_err err = side->tickets ? row_cache_new(&side->rows) : HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = login_memory_new(&side->logins);
	if (err != HUFU_OK) {
		token_side_free(side);
		return err;
	}
	*out = side;
	return HUFU_OK;
}

void token_side_free(struct token_side *side)
{
	if (!side)
		return;
	row_cache_free(side->rows);
	login_memory_free(side->logins);
	free(side->state_dir);
	secret_free(side->tickets);
	store_close(side->open);
	store_close(side->shut);
	pthread_mutex_destroy(&side->lock);
	pthread_mutex_destroy(&side->open_lock);
	free(side);
}

struct row_cache *side_rows(struct token_side *side)
{
	return side->rows;
}

struct tenant *side_tenant(struct token_side *side)
{
	return side->tenant;
}

uint64_t side_changes(struct token_side *side)
{
	return atomic_load(&side->changes);
}

/* -- what is known of the store ------------------------------------------------------------ */

struct known {
	struct store_token token;
	uint64_t counter, epochs[2];
};

/* The counter first: what changes behind it is looked at the next time. */
static enum hufu_err look(struct store *store, struct known *known)
{
	enum hufu_err err = store_change_counter(store, &known->counter);

	if (err == HUFU_OK)
		err = store_token(store, &known->token);
	for (int role = STORE_SO; role <= STORE_USER && err == HUFU_OK; role++)
		err = store_role_epoch(store, (enum store_role)role, &known->epochs[role]);
	return err;
}

static void take(struct token_side *side, const struct known *known)
{
	pthread_mutex_lock(&side->lock);
	bool renewed = memcmp(side->token.id, known->token.id, sizeof(side->token.id)) != 0;
	if (renewed || side->counter != known->counter)
		atomic_fetch_add(&side->changes, 1);
	side->counter = known->counter;
	side->token = known->token;
	memcpy(side->epochs, known->epochs, sizeof(side->epochs));
	pthread_mutex_unlock(&side->lock);
	if (renewed)
		row_cache_drop_all(side->rows);
}

/* A store that is down keeps nobody from using what is known: until stale_s is over (conf_machine.h). */
static enum hufu_err bear(struct token_side *side, enum hufu_err err, uint64_t now)
{
	uint64_t answered = atomic_load(&side->answered_ns);

	if (err == HUFU_ERR_STORE_MISSING || !answered || now - answered > side->stale_s * NS_PER_S)
		return err;
	return HUFU_OK;
}

static enum hufu_err ask_store(struct token_side *side)
{
	struct known known;
	enum hufu_err err = look(side->shut, &known);
	uint64_t now = clock_now_ns();

	atomic_store(&side->checked_ns, now);
	atomic_store(&side->failing, err != HUFU_OK);
	if (err != HUFU_OK)
		return bear(side, err, now);
	atomic_store(&side->answered_ns, now);
	take(side, &known);
	return HUFU_OK;
}

static struct token_side *side_of(struct request *probe)
{
	return (struct token_side *)(void *)((char *)probe - offsetof(struct token_side, probe));
}

/* The side's own request, which nobody answers. */
static void probe_store(struct request *probe)
{
	struct token_side *side = side_of(probe);
	enum hufu_err ignored = ask_store(side);

	(void)ignored;
	atomic_store(&side->probing, false);
}

static bool is_fresh(struct token_side *side)
{
	uint64_t checked = atomic_load(&side->checked_ns);

	return checked && clock_now_ns() - checked < FRESH_NS;
}

static void on_a_lane(struct token_side *side, void (*fn)(struct request *probe))
{
	bool idle = false;

	if (atomic_compare_exchange_strong(&side->probing, &idle, true) && !tenant_later(side->tenant, &side->probe, fn))
		atomic_store(&side->probing, false);
}

/* A store that does not answer holds up whoever finds that out, and from then on nobody: a lane asks from time to time. */
static enum hufu_err go_on(struct token_side *side)
{
	if (!is_fresh(side))
		on_a_lane(side, probe_store);
	return bear(side, HUFU_ERR_STORE_IO, clock_now_ns());
}

static enum hufu_err refresh(struct token_side *side)
{
	if (atomic_load(&side->failing))
		return go_on(side);
	return is_fresh(side) ? HUFU_OK : ask_store(side);
}

void side_changed(struct token_side *side)
{
	atomic_store(&side->checked_ns, 0);
	atomic_fetch_add(&side->changes, 1);
}

/* -- the handles --------------------------------------------------------------------------- */

static struct store *handle(struct token_side *side, bool open)
{
	pthread_mutex_lock(&side->lock);
	struct store *store = open ? side->open : side->shut;
	pthread_mutex_unlock(&side->lock);
	return store;
}

static struct store_conf conf_of(const struct token_side *side)
{
	struct store_conf conf = store_conf_of(tenant_conf(side->tenant));

	conf.state_dir = side->state_dir;
	conf.stale_s = side->stale_s;
	return conf;
}

static enum hufu_err open_handles(struct token_side *side)
{
	const struct store_conf conf = conf_of(side);
	struct store *shut = NULL, *open = NULL;
	enum hufu_err err = HUFU_OK;

	pthread_mutex_lock(&side->open_lock);
	if (!handle(side, false)) {
		err = store_open(&conf, &shut);
		if (err == HUFU_OK)
			err = store_open(&conf, &open);
		if (err == HUFU_OK) {
			pthread_mutex_lock(&side->lock);
			side->shut = shut;
			side->open = open;
			pthread_mutex_unlock(&side->lock);
		} else {
			store_close(shut);
		}
	}
	pthread_mutex_unlock(&side->open_lock);
	return err;
}

static bool is_over(int64_t until)
{
	return until && until <= clock_wall_s();
}

/* No ticket is left that it could serve. */
static void shut_if_over(struct token_side *side)
{
	int64_t until = atomic_load(&side->open_until);

	if (is_over(until) && atomic_compare_exchange_strong(&side->open_until, &until, 0)) {
		store_logout(handle(side, true));
		row_cache_drop_all(side->rows);
		pthread_mutex_lock(&side->lock);
		secret_wipe(side->tickets, TICKETS_KEPT * sizeof(*side->tickets));
		pthread_mutex_unlock(&side->lock);
	}
}

static void shut(struct request *probe)
{
	struct token_side *side = side_of(probe);

	shut_if_over(side);
	atomic_store(&side->probing, false);
}

void token_side_tend(struct token_side *side)
{
	if (side && is_over(atomic_load(&side->open_until)))
		on_a_lane(side, shut);
}

static enum hufu_err ready(struct token_side *side)
{
	enum hufu_err err = handle(side, false) ? HUFU_OK : open_handles(side);

	if (err == HUFU_OK)
		err = refresh(side);
	if (err == HUFU_OK)
		shut_if_over(side);
	return err;
}

/* -- tickets --------------------------------------------------------------------------------- */

static bool has_role(const struct request *req, enum store_role role)
{
	return access_roles(req->session->identity) & (role == STORE_SO ? ACCESS_SO : ACCESS_USER);
}

static bool is_current(struct token_side *side, const struct ticket *ticket)
{
	pthread_mutex_lock(&side->lock);
	bool current = memcmp(side->token.id, ticket->token_id, sizeof(ticket->token_id)) == 0 &&
	               side->epochs[ticket->role] == ticket->epoch;
	pthread_mutex_unlock(&side->lock);
	return current;
}

/* By bytes that were drawn at random: a seal begins with its format and its salt. */
static struct kept_ticket *place_of(struct token_side *side, const uint8_t *sealed, size_t len)
{
	return &side->tickets[len > 1 ? sealed[1] % TICKETS_KEPT : 0];
}

static bool is_kept(struct token_side *side, const struct channel_peer *peer, const uint8_t *sealed, size_t len,
                    struct ticket *ticket)
{
	const struct kept_ticket *kept = place_of(side, sealed, len);

	pthread_mutex_lock(&side->lock);
	bool found = kept->len == len && secret_equal(kept->sealed, sealed, len) && kept->ticket.ends > clock_wall_s() &&
	             secret_equal(kept->ticket.client, peer->key_id, sizeof(peer->key_id));
	if (found)
		*ticket = kept->ticket;
	pthread_mutex_unlock(&side->lock);
	return found;
}

static void keep_ticket(struct token_side *side, const uint8_t *sealed, size_t len, const struct ticket *ticket)
{
	struct kept_ticket *kept = place_of(side, sealed, len);

	pthread_mutex_lock(&side->lock);
	kept->len = len;
	memcpy(kept->sealed, sealed, len);
	kept->ticket = *ticket;
	pthread_mutex_unlock(&side->lock);
}

static enum hufu_err open_ticket(struct request *req, struct token_side *side, const uint8_t *sealed, size_t len,
                                 struct ticket *ticket)
{
	const struct channel_peer *peer = req->session->peer;

	if (len && is_kept(side, peer, sealed, len, ticket))
		return HUFU_OK;
	enum hufu_err err = ticket_open(side->tenant, peer, sealed, len, ticket);
	if (err == HUFU_OK)
		keep_ticket(side, sealed, len, ticket);
	return err;
}

static enum hufu_err check_ticket(struct request *req, struct token_side *side, const uint8_t *sealed, size_t len,
                                  struct ticket *ticket)
{
	enum hufu_err err = open_ticket(req, side, sealed, len, ticket);

	if (err == HUFU_OK && (!is_current(side, ticket) || !has_role(req, (enum store_role)ticket->role) ||
	                       login_is_retired(side->logins, sealed, len)))
		err = HUFU_ERR_EXPIRED;
	return err;
}

static void open_longer(struct token_side *side, int64_t ends)
{
	int64_t until = atomic_load(&side->open_until);

	while (until < ends && !atomic_compare_exchange_weak(&side->open_until, &until, ends))
		;
}

static struct caller as(struct token_side *side, const struct ticket *ticket)
{
	return (struct caller){.side = side, .store = handle(side, true), .user = ticket->role == STORE_USER,
	                       .so = ticket->role == STORE_SO, .epoch = ticket->epoch};
}

/* A machine that never saw the PIN, or was started anew, opens by the ticket what the login opened. */
static enum hufu_err unlock(struct token_side *side, const struct ticket *ticket)
{
	struct store *open = handle(side, true);

	open_longer(side, ticket->ends);
	if (store_unlocked(open))
		return HUFU_OK;
	return store_unlock(open, ticket->token_id, ticket->token_key);
}

/* What another machine has given may be of a PIN, or a token, that this one has not heard of yet. */
static enum hufu_err check_ticket_again(struct request *req, struct token_side *side, const uint8_t *sealed, size_t len,
                                        struct ticket *ticket)
{
	atomic_store(&side->checked_ns, 0);
	enum hufu_err err = refresh(side);
	return err == HUFU_OK ? check_ticket(req, side, sealed, len, ticket) : err;
}

static enum hufu_err take_ticket(struct request *req, struct token_side *side, const uint8_t *sealed, size_t len,
                                 struct caller *caller)
{
	struct ticket *ticket = secret_alloc(sizeof(*ticket));

	if (!ticket)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = check_ticket(req, side, sealed, len, ticket);
	if (err == HUFU_ERR_EXPIRED)
		err = check_ticket_again(req, side, sealed, len, ticket);
	if (err == HUFU_OK)
		err = unlock(side, ticket);
	if (err == HUFU_OK)
		*caller = as(side, ticket);
	secret_free(ticket);
	return err;
}

enum hufu_err caller_of(struct request *req, const uint8_t *ticket, size_t len, struct caller *caller)
{
	struct token_side *side = tenant_token(req->session->tenant);
	enum hufu_err err = side ? ready(side) : HUFU_ERR_UNSUPPORTED;

	if (err != HUFU_OK)
		return err;
	if (len)
		return take_ticket(req, side, ticket, len, caller);
	*caller = (struct caller){.side = side, .store = handle(side, false)};
	return HUFU_OK;
}

enum hufu_err caller_from_memory(struct request *req, const uint8_t *sealed, size_t len, struct caller *caller)
{
	struct token_side *side = tenant_token(req->session->tenant);
	struct ticket ticket;

	if (!side || !handle(side, false) || (atomic_load(&side->failing) ? go_on(side) != HUFU_OK : !is_fresh(side)))
		return HUFU_ERR_BUSY;
	if (!len) {
		*caller = (struct caller){.side = side, .store = handle(side, false)};
		return HUFU_OK;
	}
	enum hufu_err err = check_ticket(req, side, sealed, len, &ticket);
	if (err == HUFU_OK)
		*caller = as(side, &ticket);
	secret_wipe(&ticket, sizeof(ticket));
	return err;
}

static enum hufu_err give_ticket(struct request *req, struct token_side *side, enum store_role role, uint64_t epoch,
                                 struct writer *out, uint32_t *ticket_s)
{
	struct ticket *ticket = secret_alloc(sizeof(*ticket));

	if (!ticket)
		return HUFU_ERR_NO_MEMORY;
	*ticket = (struct ticket){.epoch = epoch, .ends = clock_wall_s() + side->ticket_s, .role = (uint8_t)role};
	memcpy(ticket->client, req->session->peer->key_id, sizeof(ticket->client));
	pthread_mutex_lock(&side->lock);
	memcpy(ticket->token_id, side->token.id, sizeof(ticket->token_id));
	pthread_mutex_unlock(&side->lock);
	enum hufu_err err = store_token_key(handle(side, true), ticket->token_key);
	if (err == HUFU_OK)
		err = ticket_seal(side->tenant, ticket, out);
	if (err == HUFU_OK)
		open_longer(side, ticket->ends);
	*ticket_s = side->ticket_s;
	secret_free(ticket);
	return err;
}

/* -- logins ------------------------------------------------------------------------------------ */

static enum hufu_err log_in(struct request *req, struct token_side *side, const struct wire_store *r, uint64_t epoch, bool known,
                            struct writer *ticket, uint32_t *ticket_s)
{
	struct store *open = handle(side, true);
	enum hufu_err err = HUFU_OK;

	if (!known || !store_unlocked(open))
		err = (r->sparing ? store_login_sparing : store_login)(open, r->role, r->pin, r->pin_len);
	if (err == HUFU_OK && !r->ticket_len)
		err = give_ticket(req, side, r->role, epoch, ticket, ticket_s);
	return err;
}

/* The epoch from before the PIN is looked at: a PIN that is changed meanwhile ends the ticket. */
static enum hufu_err login_target(struct token_side *side, enum store_role role, struct login_target *target)
{
	pthread_mutex_lock(&side->lock);
	memcpy(target->token_id, side->token.id, sizeof(target->token_id));
	pthread_mutex_unlock(&side->lock);
	return store_role_epoch(handle(side, true), role, &target->epoch);
}

static enum hufu_err log_in_once(struct request *req, struct token_side *side, const struct wire_store *r, struct writer *ticket,
                                 uint32_t *ticket_s)
{
	const struct channel_peer *peer = req->session->peer;
	struct login_target target;
	enum hufu_err err = login_target(side, r->role, &target);

	if (err != HUFU_OK)
		return err;
	switch (login_begin(side->logins, peer, &target, r, &err)) {
	case LOGIN_UNDER_WAY:
		return HUFU_ERR_BUSY;
	case LOGIN_ANSWERED:
		return err == HUFU_OK ? log_in(req, side, r, target.epoch, true, ticket, ticket_s) : err;
	case LOGIN_NEW:
		break;
	}
	err = log_in(req, side, r, target.epoch, false, ticket, ticket_s);
	login_answer(side->logins, peer, &target, r, err);
	return err;
}

enum hufu_err side_login(struct request *req, const struct wire_store *r, struct writer *ticket, uint32_t *ticket_s)
{
	struct caller caller;
	enum hufu_err err = caller_of(req, r->ticket, r->ticket_len, &caller);

	if (err != HUFU_OK)
		return err;
	if (r->ticket_len && (r->role == STORE_SO ? !caller.so : !caller.user))
		return HUFU_ERR_ARGUMENT;
	if (!has_role(req, r->role)) {
		log_notice("identity \"%s\" may not log in to token \"%s\" as %s", access_name(req->session->identity),
		           tenant_name(req->session->tenant), r->role == STORE_SO ? "security officer" : "user");
		return HUFU_ERR_PIN_LOCKED; /* for this client it is */
	}
	return log_in_once(req, caller.side, r, ticket, ticket_s);
}

/* Of the former one's epoch: a PIN that is changed meanwhile ends both. */
enum hufu_err side_renew(struct request *req, const struct wire_store *r, struct writer *ticket, uint32_t *ticket_s)
{
	struct caller caller;
	enum hufu_err err = caller_of(req, r->ticket, r->ticket_len, &caller);

	if (err != HUFU_OK)
		return err;
	return give_ticket(req, caller.side, caller.so ? STORE_SO : STORE_USER, caller.epoch, ticket, ticket_s);
}

void side_logout(struct request *req, const struct wire_store *r)
{
	struct token_side *side = tenant_token(req->session->tenant);
	struct ticket ticket;

	if (!side || ticket_open(side->tenant, req->session->peer, r->ticket, r->ticket_len, &ticket) != HUFU_OK)
		return;
	login_retire(side->logins, r->ticket, r->ticket_len, ticket.ends);
	secret_wipe(&ticket, sizeof(ticket));
}

/* -- PINs, and the token itself -------------------------------------------------------------------- */

enum hufu_err side_init(struct request *req, const struct wire_store *r)
{
	struct token_side *side = tenant_token(req->session->tenant);

	if (!side)
		return HUFU_ERR_UNSUPPORTED;
	const struct store_conf conf = conf_of(side);
	if (!has_role(req, STORE_SO))
		return HUFU_ERR_PIN_LOCKED;
	enum hufu_err err = store_init(&conf, r->pin, r->pin_len, r->label);
	if (err != HUFU_OK)
		return err;
	side_changed(side);
	return ready(side);
}

void side_token(struct token_side *side, struct store_token *token)
{
	if (store_token(handle(side, false), token) == HUFU_OK)
		return;
	pthread_mutex_lock(&side->lock);
	*token = side->token; /* ready has said that it is borne that the store does not answer */
	pthread_mutex_unlock(&side->lock);
}

enum hufu_err side_init_pin(struct request *req, const struct wire_store *r)
{
	struct caller caller;
	enum hufu_err err = caller_of(req, r->ticket, r->ticket_len, &caller);

	if (err != HUFU_OK)
		return err;
	if (!caller.so)
		return HUFU_ERR_LOCKED;
	err = store_init_pin(caller.store, r->pin, r->pin_len);
	side_changed(caller.side);
	return err;
}

/*
 * Whoever is logged in stays so (PKCS#11 5.6.8 ends no login), but his ticket was of the former PIN. The new one is of the epoch
 * that this change has made, and no later one: where the security officer has set another PIN meanwhile, it is dead.
 */
enum hufu_err side_set_pin(struct request *req, const struct wire_store *r, struct writer *ticket, uint32_t *ticket_s)
{
	struct caller caller;
	uint64_t epoch;
	enum hufu_err err = caller_of(req, r->ticket, r->ticket_len, &caller);

	if (err != HUFU_OK)
		return err;
	if (!has_role(req, r->role))
		return HUFU_ERR_PIN_LOCKED;
	err = store_role_epoch(caller.store, r->role, &epoch);
	if (err == HUFU_OK)
		err = store_set_pin(caller.store, r->role, r->old_pin, r->old_pin_len, r->pin, r->pin_len);
	side_changed(caller.side);
	if (err != HUFU_OK || !(r->role == STORE_SO ? caller.so : caller.user))
		return err;
	return give_ticket(req, caller.side, r->role, epoch + 1, ticket, ticket_s);
}
