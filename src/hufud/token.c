/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role TOKEN. Requests to the store wait for it: all run on the tenant's
 * lanes. Ops are those of the role DEVICES (devices.c), whose keys may be named
 * by rows (token_key.c).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "hufud/token_internal.h"
#include "wire/hufu.pb-c.h"

#define RETRY_MS 50u                   /* of a login that is under way */

/* -- answers ---------------------------------------------------------------------------- */

/* What a store call ended with: but for a write that broke off, an error had no effect. */
static struct wire_status status_of(enum hufu_err err)
{
	struct wire_status status = wire_status_of(err);
	bool unknown = err == HUFU_ERR_STORE_IO || hufu_err_group(err) == HUFU_GROUP_LOST;

	if (err != HUFU_OK)
		status.certainty = unknown ? HUFU__WIRE__CERTAINTY__UNKNOWN : HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
	if (err == HUFU_ERR_BUSY)
		status.retry_ms = RETRY_MS;
	return status;
}

static void answer(struct request *req, struct wire_store_reply *reply, enum hufu_err err)
{
	reply->status = req->outcome = status_of(err);
	tenant_load(req->session->tenant, &reply->load);
	writer_init(&req->reply, true);
	if (wire_store_put_reply(&req->reply, req->id, req->op, reply) != HUFU_OK)
		writer_clear(&req->reply);
	request_answer(req);
}

/* -- one operation each ------------------------------------------------------------------- */

typedef enum hufu_err (*operation)(struct request *, const struct wire_store *, struct wire_store_reply *);

static enum hufu_err caller_for(struct request *req, const struct wire_store *r, struct caller *caller)
{
	return caller_of(req, r->ticket, r->ticket_len, caller);
}

static enum hufu_err op_token(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	enum hufu_err err = caller_of(req, NULL, 0, &caller);

	(void)r;
	if (err == HUFU_OK)
		side_token(caller.side, &reply->token);
	return err;
}

static enum hufu_err op_init(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	(void)reply;
	return side_init(req, r);
}

/* The reply points into ticket, which whoever runs the operation frees. */
static enum hufu_err ticket_op(struct request *req, const struct wire_store *r, struct wire_store_reply *reply,
                               enum hufu_err (*give)(struct request *, const struct wire_store *, struct writer *, uint32_t *))
{
	struct writer ticket;

	writer_init(&ticket, true);
	enum hufu_err err = give(req, r, &ticket, &reply->ticket_s);
	reply->ticket = writer_take(&ticket, &reply->ticket_len);
	return err;
}

static enum hufu_err op_login(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	return ticket_op(req, r, reply, side_login);
}

static enum hufu_err op_renew(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	return ticket_op(req, r, reply, side_renew);
}

static enum hufu_err op_logout(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	(void)reply;
	side_logout(req, r);
	return HUFU_OK;
}

static enum hufu_err op_init_pin(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	(void)reply;
	return side_init_pin(req, r);
}

static enum hufu_err op_set_pin(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	return ticket_op(req, r, reply, side_set_pin);
}

static enum hufu_err op_insert(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	uint8_t (*uuids)[16] = calloc(r->ndrafts, sizeof(*uuids));
	enum hufu_err err = uuids ? caller_for(req, r, &caller) : HUFU_ERR_NO_MEMORY;

	memcpy(req->op_id, r->drafts[0].op_id, sizeof(req->op_id));
	if (err == HUFU_OK)
		err = rows_insert(&caller, req, r, uuids);
	if (err == HUFU_OK) {
		req->made = (const uint8_t (*)[16])uuids;
		req->nmade = reply->nuuids = r->ndrafts;
		side_changed(caller.side);
	}
	reply->uuids = (const uint8_t (*)[16])uuids;
	return err;
}

static enum hufu_err op_get(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	struct store_row *row = NULL;
	enum hufu_err err = caller_for(req, r, &caller);

	if (err == HUFU_OK)
		err = rows_get(&caller, r->uuid, &row);
	reply->row = row;
	return err;
}

static enum hufu_err op_update(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	enum hufu_err err = caller_for(req, r, &caller);

	(void)reply;
	if (err == HUFU_OK)
		err = rows_update(&caller, req, r);
	if (err == HUFU_OK)
		side_changed(caller.side);
	return err;
}

static enum hufu_err op_delete(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	enum hufu_err err = caller_for(req, r, &caller);

	(void)reply;
	if (err == HUFU_OK)
		err = rows_delete(&caller, req, r);
	if (err == HUFU_OK)
		side_changed(caller.side);
	return err;
}

static enum hufu_err op_version(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	enum hufu_err err = caller_of(req, NULL, 0, &caller);

	return err == HUFU_OK ? key_version(&caller, r->uuid, &reply->version) : err;
}

static enum hufu_err op_find(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	uint8_t (*uuids)[16] = NULL;
	size_t n = 0;
	enum hufu_err err = caller_for(req, r, &caller);

	if (err == HUFU_OK)
		err = rows_find(&caller, r, &uuids, &n);
	size_t skip = r->skip < n ? (size_t)r->skip : n, most = (req->session->max_body - 1024) / sizeof(*uuids);
	most = most < WIRE_UUIDS_MAX ? most : WIRE_UUIDS_MAX;
	reply->nuuids = n - skip < most ? n - skip : most;
	reply->more = n - skip > most;
	if (skip && reply->nuuids)
		memmove(uuids, uuids + skip, reply->nuuids * sizeof(*uuids));
	reply->uuids = (const uint8_t (*)[16])uuids;
	return err;
}

/* The ticket's death is an answer, no error. */
static enum hufu_err op_changes(struct request *req, const struct wire_store *r, struct wire_store_reply *reply)
{
	struct caller caller;
	enum hufu_err err = caller_for(req, r, &caller);

	reply->logged_in = err == HUFU_OK && r->ticket_len;
	if (err == HUFU_ERR_EXPIRED)
		err = caller_of(req, NULL, 0, &caller);
	if (err == HUFU_OK)
		reply->counter = side_changes(caller.side);
	return err;
}

static const operation operations[] = {
	[WIRE_STORE_TOKEN - WIRE_OP_STORE] = op_token, [WIRE_STORE_INIT - WIRE_OP_STORE] = op_init,
	[WIRE_STORE_LOGIN - WIRE_OP_STORE] = op_login, [WIRE_STORE_RENEW - WIRE_OP_STORE] = op_renew,
	[WIRE_STORE_LOGOUT - WIRE_OP_STORE] = op_logout, [WIRE_STORE_INIT_PIN - WIRE_OP_STORE] = op_init_pin,
	[WIRE_STORE_SET_PIN - WIRE_OP_STORE] = op_set_pin, [WIRE_STORE_INSERT - WIRE_OP_STORE] = op_insert,
	[WIRE_STORE_GET - WIRE_OP_STORE] = op_get, [WIRE_STORE_UPDATE - WIRE_OP_STORE] = op_update,
	[WIRE_STORE_DELETE - WIRE_OP_STORE] = op_delete, [WIRE_STORE_VERSION - WIRE_OP_STORE] = op_version,
	[WIRE_STORE_FIND - WIRE_OP_STORE] = op_find, [WIRE_STORE_CHANGES - WIRE_OP_STORE] = op_changes,
};

/* -- the service ------------------------------------------------------------------------------- */

static void reply_clear(struct wire_store_reply *reply)
{
	secret_free((void *)(uintptr_t)reply->ticket);
	store_row_free((struct store_row *)(uintptr_t)reply->row);
	free((void *)(uintptr_t)reply->uuids);
}

/* For the audit trail. */
static void note(struct request *req, const struct wire_store *r)
{
	if (r->op == WIRE_STORE_LOGIN || r->op == WIRE_STORE_SET_PIN)
		req->detail = r->role == STORE_SO ? "as security officer" : "as user";
	if (r->op == WIRE_STORE_GET || r->op == WIRE_STORE_UPDATE || r->op == WIRE_STORE_DELETE)
		memcpy(req->key_uuid, r->uuid, sizeof(req->key_uuid));
}

static void run_on_lane(struct request *req)
{
	struct wire_store_reply reply = {.nuuids = 0};
	struct wire_store *r = NULL;
	enum hufu_err err = wire_store_take(req->op, req->body, req->len, &r);

	if (err == HUFU_OK)
		note(req, r);
	if (err == HUFU_OK && (atomic_load(&req->cancelled) || clock_now_ns() >= req->deadline_ns))
		err = HUFU_ERR_BUSY; /* nobody waits for it any more: it has not begun, and does not */
	if (err == HUFU_OK)
		err = operations[req->op - WIRE_OP_STORE](req, r, &reply);
	answer(req, &reply, err);
	reply_clear(&reply);
	wire_store_free(r);
}

static void run(struct request *req)
{
	if (req->op < WIRE_OP_STORE || req->op >= WIRE_STORE_END)
		service_devices.run(req);
	else if (!tenant_later(req->session->tenant, req, run_on_lane))
		answer(req, &(struct wire_store_reply){.nuuids = 0}, HUFU_ERR_BUSY);
}

static enum hufu_err hello(struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok)
{
	return tenant_token(session->tenant) ? service_devices.hello(session, hello, ok) : HUFU_ERR_UNSUPPORTED;
}

const struct service service_token = {.name = "token", .run = run, .hello = hello};
