/* SPDX-License-Identifier: Apache-2.0 */
/* Rows, and whether they have changed. */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "store/net/net.h"

static void name(struct wire_store *r, const uint8_t uuid[16])
{
	memcpy(r->uuid, uuid, sizeof(r->uuid));
}

enum hufu_err net_token(struct store *base, struct store_token *token)
{
	struct wire_store r = {.op = WIRE_STORE_TOKEN};
	struct wire_store_reply *reply;
	enum hufu_err err = net_ask(net_of(base), &r, net_deadline(net_of(base)), &reply, NULL);

	if (err == HUFU_OK)
		*token = reply->token;
	wire_store_reply_free(reply);
	return err;
}

enum hufu_err net_insert_all(struct store *base, const struct store_draft *drafts, size_t n, uint8_t (*uuids)[16])
{
	struct wire_store r = {.op = WIRE_STORE_INSERT, .drafts = drafts, .ndrafts = n};
	struct wire_store_reply *reply;

	if (n == 0 || n > WIRE_DRAFTS_MAX)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = net_ask_as(net_of(base), &r, &reply, NULL);
	if (err == HUFU_OK && reply->nuuids != n)
		err = HUFU_ERR_CORRUPT;
	if (err == HUFU_OK)
		memcpy(uuids, reply->uuids, n * sizeof(*uuids));
	wire_store_reply_free(reply);
	return err;
}

/* What was asked for is what came. */
static enum hufu_err take_row(const struct net *net, const struct wire_store_reply *reply, const uint8_t uuid[16],
                              struct store_row **row)
{
	*row = wire_store_row(reply, net->domain);
	if (!*row)
		return HUFU_ERR_NO_MEMORY;
	if (memcmp((*row)->uuid, uuid, sizeof((*row)->uuid)) == 0)
		return HUFU_OK;
	secret_free(*row);
	*row = NULL;
	return HUFU_ERR_CORRUPT;
}

enum hufu_err net_get(struct store *base, const uint8_t uuid[16], struct store_row **row)
{
	struct net *net = net_of(base);
	struct wire_store r = {.op = WIRE_STORE_GET};
	struct wire_store_reply *reply;

	name(&r, uuid);
	enum hufu_err err = net_ask_as(net, &r, &reply, NULL);
	if (err == HUFU_OK)
		err = take_row(net, reply, uuid, row);
	wire_store_reply_free(reply);
	return err;
}

/* -- changing ------------------------------------------------------------------------ */

static bool is_as_drafted(const struct store_row *row, const struct store_draft *draft)
{
	if (row->nattrs != draft->nattrs)
		return false;
	for (size_t i = 0; i < row->nattrs; i++)
		if (row->attrs[i].type != draft->attrs[i].type || row->attrs[i].len != draft->attrs[i].len ||
		    (row->attrs[i].len && memcmp(row->attrs[i].value, draft->attrs[i].value, row->attrs[i].len) != 0))
			return false;
	return true;
}

/* The version is another by now: because an attempt before this one, whose answer was lost, has changed it to this? */
static enum hufu_err settle_update(struct store *base, const struct wire_store *r)
{
	struct store_row *row;
	enum hufu_err err = net_get(base, r->uuid, &row);

	if (err != HUFU_OK)
		return HUFU_ERR_CONFLICT;
	bool done = row->version == r->version + 1 && is_as_drafted(row, r->drafts);
	store_row_free(row);
	return done ? HUFU_OK : HUFU_ERR_CONFLICT;
}

enum hufu_err net_update(struct store *base, const uint8_t uuid[16], uint64_t version, const struct store_draft *draft)
{
	struct wire_store r = {.op = WIRE_STORE_UPDATE, .version = version, .drafts = draft, .ndrafts = 1};
	struct wire_store_reply *reply;
	struct net_asked asked = {.in_doubt = false};

	name(&r, uuid);
	enum hufu_err err = net_ask_as(net_of(base), &r, &reply, &asked);
	wire_store_reply_free(reply);
	return err == HUFU_ERR_CONFLICT && asked.in_doubt ? settle_update(base, &r) : err;
}

enum hufu_err net_remove(struct store *base, const uint8_t uuid[16], uint64_t version)
{
	struct wire_store r = {.op = WIRE_STORE_DELETE, .version = version};
	struct wire_store_reply *reply;
	struct net_asked asked = {.in_doubt = false};

	name(&r, uuid);
	enum hufu_err err = net_ask_as(net_of(base), &r, &reply, &asked);
	wire_store_reply_free(reply);
	return err == HUFU_ERR_NOT_FOUND && asked.in_doubt ? HUFU_OK : err;
}

/* -- looking ----------------------------------------------------------------------------- */

enum hufu_err net_version(struct store *base, const uint8_t uuid[16], uint64_t *version)
{
	struct wire_store r = {.op = WIRE_STORE_VERSION};
	struct wire_store_reply *reply;

	name(&r, uuid);
	enum hufu_err err = net_ask(net_of(base), &r, net_deadline(net_of(base)), &reply, NULL);
	if (err == HUFU_OK)
		*version = reply->version;
	wire_store_reply_free(reply);
	return err;
}

static enum hufu_err append(uint8_t (**uuids)[16], size_t *n, const struct wire_store_reply *reply)
{
	uint8_t (*grown)[16] = reallocarray(*uuids, *n + reply->nuuids + 1, sizeof(**uuids));

	if (!grown)
		return HUFU_ERR_NO_MEMORY;
	*uuids = grown;
	if (reply->nuuids)
		memcpy(grown + *n, reply->uuids, reply->nuuids * sizeof(*grown));
	*n += reply->nuuids;
	return HUFU_OK;
}

enum hufu_err net_find(struct store *base, const struct store_attr *attrs, size_t nattrs, bool with_private,
                       uint8_t (**uuids)[16], size_t *n)
{
	struct wire_store r = {.op = WIRE_STORE_FIND, .attrs = attrs, .nattrs = nattrs, .with_private = with_private};
	enum hufu_err err = HUFU_OK;
	bool more = true;

	*uuids = NULL;
	*n = 0;
	while (err == HUFU_OK && more) {
		struct wire_store_reply *reply;
		r.skip = *n;
		err = net_ask_as(net_of(base), &r, &reply, NULL);
		if (err == HUFU_OK)
			err = append(uuids, n, reply);
		more = err == HUFU_OK && reply->more && reply->nuuids;
		wire_store_reply_free(reply);
	}
	if (err != HUFU_OK) {
		free(*uuids);
		*uuids = NULL;
		*n = 0;
	}
	return err;
}

/* -- changes ----------------------------------------------------------------------------- */

/* Each machine counts for itself, anew from each start: another one's number is a change, too. */
static void note_counter(struct net *net, unsigned machine, uint64_t counter, uint64_t *changes)
{
	struct link_state state;

	link_state(net->links[machine], &state);
	pthread_mutex_lock(&net->lock);
	if (net->seen_machine != machine || net->seen_start != state.start || net->seen_counter != counter)
		net->changes++;
	net->seen_machine = machine;
	net->seen_start = state.start;
	net->seen_counter = counter;
	*changes = net->changes;
	pthread_mutex_unlock(&net->lock);
}

enum hufu_err net_change_counter(struct store *base, uint64_t *counter)
{
	struct net *net = net_of(base);
	struct wire_store r = {.op = WIRE_STORE_CHANGES};
	struct wire_store_reply *reply;
	struct net_asked asked;
	uint8_t *ticket = secret_alloc(WIRE_TICKET_MAX);

	if (!ticket)
		return HUFU_ERR_NO_MEMORY;
	net_renew(net);
	net_ticket(net, ticket, &r.ticket_len);
	r.ticket = ticket;
	enum hufu_err err = net_ask(net, &r, net_deadline(net), &reply, &asked);
	if (err == HUFU_OK && r.ticket_len && !reply->logged_in)
		net_drop_ticket(net, ticket, r.ticket_len);
	if (err == HUFU_OK)
		note_counter(net, asked.machine, reply->counter, counter);
	wire_store_reply_free(reply);
	secret_free(ticket);
	return err;
}
