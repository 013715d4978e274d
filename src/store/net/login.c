/* SPDX-License-Identifier: Apache-2.0 */
/* Logins, and the ticket that they give. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "store/net/net.h"

#define LOGOUT_NS (250 * NS_PER_MS)

/* -- the ticket ------------------------------------------------------------------------- */

void net_ticket(struct net *net, uint8_t ticket[WIRE_TICKET_MAX], size_t *len)
{
	pthread_mutex_lock(&net->lock);
	*len = net->ticket ? net->ticket_len : 0;
	if (*len)
		memcpy(ticket, net->ticket, *len);
	pthread_mutex_unlock(&net->lock);
}

static void drop_locked(struct net *net)
{
	secret_free(net->ticket);
	net->ticket = NULL;
	net->ticket_len = 0;
	net->lent = false;
	net->changes++; /* whoever asks sees that the login has ended */
}

void net_drop_ticket(struct net *net, const uint8_t *ticket, size_t len)
{
	pthread_mutex_lock(&net->lock);
	if (net->ticket && net->ticket_len == len && secret_equal(net->ticket, ticket, len))
		drop_locked(net);
	pthread_mutex_unlock(&net->lock);
}

static enum hufu_err keep(struct net *net, enum store_role role, const struct wire_store_reply *reply)
{
	uint8_t *ticket = secret_alloc(WIRE_TICKET_MAX);
	uint64_t now = clock_now_ns();

	if (!ticket)
		return HUFU_ERR_NO_MEMORY;
	memcpy(ticket, reply->ticket, reply->ticket_len);
	pthread_mutex_lock(&net->lock);
	secret_free(net->ticket);
	net->ticket = ticket;
	net->ticket_len = reply->ticket_len;
	net->lent = false;
	net->role = role;
	net->got_ns = now;
	net->ends_ns = now + reply->ticket_s * NS_PER_S;
	net->set_s++;
	net->changes++;
	pthread_mutex_unlock(&net->lock);
	return HUFU_OK;
}

/* Whoever comes second while one is at it has the former ticket still. */
static bool is_due(struct net *net, enum store_role *role)
{
	uint64_t now = clock_now_ns();

	pthread_mutex_lock(&net->lock);
	bool due = net->ticket && now - net->got_ns >= (net->ends_ns - net->got_ns) / 2;
	if (due)
		net->got_ns = now; /* not again at once, should it fail */
	*role = net->role;
	pthread_mutex_unlock(&net->lock);
	return due;
}

void net_renew(struct net *net)
{
	struct wire_store r = {.op = WIRE_STORE_RENEW};
	struct wire_store_reply *reply;
	enum store_role role;

	if (!is_due(net, &role))
		return;
	enum hufu_err err = net_ask_as(net, &r, &reply, NULL);
	if (err == HUFU_OK)
		err = keep(net, role, reply);
	wire_store_reply_free(reply);
	if (err != HUFU_OK)
		log_notice("domain \"%s\": the login could not be renewed: %s", net->domain, err_text(err));
}

/* -- store.h ---------------------------------------------------------------------------------- */

/* With somebody logged in it is the PIN that is asked for, once more: of the same role, or it is another login. */
static bool is_checked_only(struct net *net, enum store_role role)
{
	pthread_mutex_lock(&net->lock);
	bool same = net->ticket && net->role == role;
	pthread_mutex_unlock(&net->lock);
	return same;
}

enum hufu_err net_login(struct store *base, enum store_role role, const uint8_t *pin, size_t pin_len, bool sparing)
{
	struct net *net = net_of(base);
	struct wire_store r = {.op = WIRE_STORE_LOGIN, .role = role, .pin = pin, .pin_len = pin_len, .sparing = sparing};
	struct wire_store_reply *reply = NULL;

	if ((role != STORE_SO && role != STORE_USER) || (pin_len && !pin))
		return HUFU_ERR_ARGUMENT;
	if (pin_len > STORE_PIN_MAX)
		return HUFU_ERR_PIN_LEN;
	enum hufu_err err = rand_bytes(r.op_id, sizeof(r.op_id));
	if (err != HUFU_OK)
		return err;
	const bool checked_only = is_checked_only(net, role);
	err = checked_only ? net_ask_as(net, &r, &reply, NULL) : net_ask(net, &r, net_deadline(net), &reply, NULL);
	if (err == HUFU_OK && reply->ticket_len) /* also where the login had just ended: then it was none that was checked, but a new one */
		err = keep(net, role, reply);
	else if (err == HUFU_OK && !checked_only)
		err = HUFU_ERR_CORRUPT;
	wire_store_reply_free(reply);
	return err;
}

/* The machine is told, but not waited for long; where it does not hear of it the ticket dies of age. */
void net_logout(struct store *base)
{
	struct net *net = net_of(base);
	uint8_t *ticket = secret_alloc(WIRE_TICKET_MAX);
	struct wire_store r = {.op = WIRE_STORE_LOGOUT, .ticket = ticket};
	struct wire_store_reply *reply = NULL;

	if (ticket)
		net_ticket(net, ticket, &r.ticket_len);
	if (r.ticket_len && !net->lent) {
		enum hufu_err ignored = net_ask(net, &r, clock_now_ns() + LOGOUT_NS, &reply, NULL);
		(void)ignored;
	}
	wire_store_reply_free(reply);
	secret_free(ticket);
	pthread_mutex_lock(&net->lock);
	if (net->ticket)
		drop_locked(net);
	pthread_mutex_unlock(&net->lock);
}

bool net_unlocked(struct store *base)
{
	struct net *net = net_of(base);

	pthread_mutex_lock(&net->lock);
	if (net->ticket && clock_now_ns() >= net->ends_ns)
		drop_locked(net);
	bool unlocked = net->ticket;
	pthread_mutex_unlock(&net->lock);
	return unlocked;
}

enum hufu_err net_init_pin(struct store *base, const uint8_t *pin, size_t pin_len)
{
	struct wire_store r = {.op = WIRE_STORE_INIT_PIN, .pin = pin, .pin_len = pin_len};

	return net_unlocked(base) ? net_tell(net_of(base), &r) : HUFU_ERR_LOCKED;
}

/* The login goes on, with a ticket of the new PIN. */
enum hufu_err net_set_pin(struct store *base, enum store_role role, const uint8_t *old, size_t old_len, const uint8_t *pin,
                          size_t pin_len)
{
	struct net *net = net_of(base);
	struct wire_store r = {.op = WIRE_STORE_SET_PIN, .role = role, .old_pin = old, .old_pin_len = old_len, .pin = pin,
	                       .pin_len = pin_len};
	struct wire_store_reply *reply;
	enum hufu_err err = net_ask_as(net, &r, &reply, NULL);

	if (err == HUFU_OK && reply->ticket_len)
		err = keep(net, role, reply);
	wire_store_reply_free(reply);
	return err;
}

/* -- for the machines' devices -------------------------------------------------------------------- */

enum hufu_err net_credentials(struct store *base, struct store_credential **list, size_t *n)
{
	struct net *net = net_of(base);
	struct store_credential *c = calloc(1, sizeof(*c));
	uint8_t *value = secret_alloc(WIRE_TICKET_MAX);

	*n = 0;
	if (!c || !value) {
		free(c);
		secret_free(value);
		return HUFU_ERR_NO_MEMORY;
	}
	pthread_mutex_lock(&net->lock);
	if (net->ticket) {
		memcpy(value, net->ticket, net->ticket_len);
		*c = (struct store_credential){.set_s = net->set_s, .value = value, .len = net->ticket_len};
		memcpy(c->domain, net->domain, sizeof(c->domain));
		memcpy(c->name, "ticket", sizeof("ticket"));
		*n = 1;
	}
	pthread_mutex_unlock(&net->lock);
	if (*n == 0)
		secret_free(value);
	*list = c;
	return HUFU_OK;
}
