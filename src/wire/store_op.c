/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/store_op.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hufu/driver.h"
#include "wire/op_internal.h"
#include "wire/store.pb-c.h"

#define OP_ID_LEN 16u
#define REQUEST_LEN 32u

bool wire_store_repeatable(uint16_t op)
{
	return op != WIRE_STORE_INIT && op != WIRE_STORE_INIT_PIN && op != WIRE_STORE_SET_PIN;
}

static bool is_of(const ProtobufCBinaryData *data, size_t len)
{
	return data->len == len && data->data;
}

/* Empty, or of this length. */
static bool copy_fixed(const ProtobufCBinaryData *data, size_t len, void *out)
{
	if (data->len == 0)
		return true;
	if (!is_of(data, len))
		return false;
	memcpy(out, data->data, len);
	return true;
}

/* -- lists in messages: a pointer and an element each, in one block ------------------------------ */

/* *pointers: n of them, to elements of size behind them; free(). NULL: no memory, or n is 0. */
static void *list_new(size_t n, size_t size, void ***pointers)
{
	*pointers = n ? calloc(n, sizeof(void *) + size) : NULL;
	if (!*pointers)
		return NULL;
	uint8_t *elements = (uint8_t *)(*pointers + n);
	for (size_t i = 0; i < n; i++)
		(*pointers)[i] = elements + i * size;
	return elements;
}

/* -- attributes ------------------------------------------------------------------------------------- */

static bool put_attrs(const struct store_attr *attrs, size_t n, Hufu__Wire__Attribute ***out)
{
	void **pointers;
	Hufu__Wire__Attribute *list = list_new(n, sizeof *list, &pointers);
	for (size_t i = 0; i < n && list; i++) {
		hufu__wire__attribute__init(&list[i]);
		list[i].type = attrs[i].type;
		list[i].value = bytes_of(attrs[i].value, attrs[i].len);
		list[i].indexed = attrs[i].indexed;
	}
	*out = (Hufu__Wire__Attribute **)pointers;
	return n == 0 || list;
}

static enum hufu_err check_attrs(Hufu__Wire__Attribute *const *list, size_t n)
{
	if (n > STORE_ATTRS_MAX)
		return HUFU_ERR_DATA_LEN;
	for (size_t i = 0; i < n; i++)
		if (list[i]->value.len > STORE_VALUE_MAX)
			return HUFU_ERR_DATA_LEN;
	return HUFU_OK;
}

static void get_attrs(Hufu__Wire__Attribute *const *list, size_t n, struct store_attr *attrs)
{
	for (size_t i = 0; i < n; i++)
		attrs[i] = (struct store_attr){.type = list[i]->type, .value = list[i]->value.data, .len = list[i]->value.len,
		                               .indexed = list[i]->indexed};
}

/* -- drafts ------------------------------------------------------------------------------------------- */

static bool put_copies(const struct store_copy *copies, size_t n, Hufu__Wire__Copy ***out)
{
	void **pointers;
	Hufu__Wire__Copy *list = list_new(n, sizeof *list, &pointers);
	for (size_t i = 0; i < n && list; i++) {
		hufu__wire__copy__init(&list[i]);
		list[i].kind = copies[i].kind;
		list[i].data = bytes_of(copies[i].data, copies[i].len);
	}
	*out = (Hufu__Wire__Copy **)pointers;
	return n == 0 || list;
}

static bool put_draft(const struct store_draft *draft, Hufu__Wire__Draft *out)
{
	hufu__wire__draft__init(out);
	out->private_object = draft->private_object;
	out->object_class = draft->object_class;
	out->key_type = draft->key_type;
	out->policy = draft->policy;
	out->unproven = draft->unproven;
	out->op_id = bytes_of(draft->op_id, sizeof draft->op_id);
	out->request = bytes_of(draft->request, sizeof draft->request);
	out->n_attributes = draft->nattrs;
	out->n_copies = draft->ncopies;
	return put_attrs(draft->attrs, draft->nattrs, &out->attributes) && put_copies(draft->copies, draft->ncopies, &out->copies);
}

static enum hufu_err check_draft(const Hufu__Wire__Draft *draft)
{
	if (draft->n_copies > STORE_COPIES_MAX)
		return HUFU_ERR_DATA_LEN;
	for (size_t i = 0; i < draft->n_copies; i++)
		if (draft->copies[i]->data.len == 0 || draft->copies[i]->data.len > STORE_VALUE_MAX)
			return HUFU_ERR_DATA_LEN;
	if ((draft->op_id.len && !is_of(&draft->op_id, OP_ID_LEN)) || (draft->request.len && !is_of(&draft->request, REQUEST_LEN)))
		return HUFU_ERR_ARGUMENT;
	return check_attrs(draft->attributes, draft->n_attributes);
}

static void get_draft(const Hufu__Wire__Draft *in, struct store_attr *attrs, struct store_copy *copies, struct store_draft *draft)
{
	*draft = (struct store_draft){
		.private_object = in->private_object, .object_class = in->object_class, .key_type = in->key_type,
		.policy = in->policy,
		.attrs = attrs, .nattrs = in->n_attributes, .copies = copies, .ncopies = in->n_copies, .unproven = in->unproven,
	};
	get_attrs(in->attributes, in->n_attributes, attrs);
	for (size_t i = 0; i < in->n_copies; i++)
		copies[i] = (struct store_copy){.kind = in->copies[i]->kind, .data = in->copies[i]->data.data,
		                                .len = in->copies[i]->data.len};
	(void)copy_fixed(&in->op_id, OP_ID_LEN, draft->op_id); /* check_draft has seen to it */
	(void)copy_fixed(&in->request, REQUEST_LEN, draft->request);
}

/* -- a request, the client's side ------------------------------------------------------------------------ */

static bool put_drafts(const struct wire_store *r, Hufu__Wire__StoreRequest *m)
{
	void **pointers;
	Hufu__Wire__Draft *list = list_new(r->ndrafts, sizeof *list, &pointers);
	bool ok = r->ndrafts == 0 || list;
	for (size_t i = 0; i < r->ndrafts && list; i++)
		ok &= put_draft(&r->drafts[i], &list[i]);
	m->drafts = (Hufu__Wire__Draft **)pointers;
	m->n_drafts = list ? r->ndrafts : 0;
	return ok;
}

static void free_lists(Hufu__Wire__StoreRequest *m)
{
	for (size_t i = 0; i < m->n_drafts; i++) {
		free(m->drafts[i]->attributes);
		free(m->drafts[i]->copies);
	}
	free(m->drafts);
	free(m->attributes);
}

static enum hufu_err pack(struct writer *out, struct wire_header *header, uint32_t max_body, const ProtobufCMessage *m)
{
	return protobuf_c_message_get_packed_size(m) > max_body ? HUFU_ERR_DATA_LEN : wire_pack(out, header, m);
}

enum hufu_err wire_store_put(struct writer *out, uint64_t id, uint32_t deadline_ms, uint32_t max_body, const struct wire_store *r)
{
	static const uint8_t none[STORE_LABEL_LEN];
	struct wire_header header = {.type = WIRE_REQUEST, .id = id, .op = r->op, .deadline_ms = deadline_ms};
	Hufu__Wire__StoreRequest m = HUFU__WIRE__STORE_REQUEST__INIT;
	m.ticket = bytes_of(r->ticket, r->ticket_len);
	m.role = r->role;
	m.pin = bytes_of(r->pin, r->pin_len);
	m.old_pin = bytes_of(r->old_pin, r->old_pin_len);
	m.label = bytes_of(r->label, r->op == WIRE_STORE_INIT ? sizeof r->label : 0);
	m.op_id = bytes_of(r->op_id, memcmp(r->op_id, none, OP_ID_LEN) != 0 ? OP_ID_LEN : 0);
	m.uuid = bytes_of(r->uuid, memcmp(r->uuid, none, sizeof r->uuid) != 0 ? sizeof r->uuid : 0);
	m.version = r->version;
	m.with_private = r->with_private;
	m.sparing = r->sparing;
	m.skip = r->skip;
	m.n_attributes = r->nattrs;
	bool ok = put_attrs(r->attrs, r->nattrs, &m.attributes);
	ok &= put_drafts(r, &m);
	enum hufu_err err = ok ? pack(out, &header, max_body, &m.base) : HUFU_ERR_NO_MEMORY;
	free_lists(&m);
	return err;
}

/* -- a request, the machine's side -------------------------------------------------------------------------- */

/* What an operation cannot do without. */
static bool is_complete(uint16_t op, const Hufu__Wire__StoreRequest *m)
{
	switch (op) {
	case WIRE_STORE_INIT:
		return is_of(&m->label, STORE_LABEL_LEN);
	case WIRE_STORE_LOGIN:
		return is_of(&m->op_id, OP_ID_LEN);
	case WIRE_STORE_RENEW:
	case WIRE_STORE_LOGOUT:
	case WIRE_STORE_INIT_PIN:
		return m->ticket.len != 0;
	case WIRE_STORE_INSERT:
		return m->n_drafts != 0;
	case WIRE_STORE_UPDATE:
		return m->n_drafts == 1 && is_of(&m->uuid, sizeof ((struct wire_store *)0)->uuid);
	case WIRE_STORE_GET:
	case WIRE_STORE_DELETE:
	case WIRE_STORE_VERSION:
		return is_of(&m->uuid, sizeof ((struct wire_store *)0)->uuid);
	default:
		return true;
	}
}

static enum hufu_err check_request(uint16_t op, const Hufu__Wire__StoreRequest *m)
{
	if (m->role > STORE_USER || !is_complete(op, m))
		return HUFU_ERR_ARGUMENT;
	if (m->pin.len > STORE_PIN_MAX || m->old_pin.len > STORE_PIN_MAX)
		return HUFU_ERR_PIN_LEN;
	if (m->ticket.len > WIRE_TICKET_MAX || m->n_drafts > WIRE_DRAFTS_MAX)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = check_attrs(m->attributes, m->n_attributes);
	for (size_t i = 0; i < m->n_drafts && err == HUFU_OK; i++)
		err = check_draft(m->drafts[i]);
	return err;
}

/* A request and the lists that it points to, in one block. */
struct taken {
	struct wire_store request;
	ProtobufCMessage *message;
	struct store_draft drafts[WIRE_DRAFTS_MAX];
	struct store_attr attrs[];     /* those of FIND, of the first draft and so on; behind them the copies */
};

static struct taken *taken_new(const Hufu__Wire__StoreRequest *m)
{
	size_t nattrs = m->n_attributes, ncopies = 0;
	for (size_t i = 0; i < m->n_drafts; i++) {
		nattrs += m->drafts[i]->n_attributes;
		ncopies += m->drafts[i]->n_copies;
	}
	struct taken *t = calloc(1, sizeof *t + nattrs * sizeof t->attrs[0] + ncopies * sizeof(struct store_copy));
	if (!t)
		return NULL;
	struct store_attr *attrs = t->attrs;
	struct store_copy *copies = (struct store_copy *)(t->attrs + nattrs);
	get_attrs(m->attributes, m->n_attributes, attrs);
	attrs += m->n_attributes;
	for (size_t i = 0; i < m->n_drafts; i++) {
		get_draft(m->drafts[i], attrs, copies, &t->drafts[i]);
		attrs += m->drafts[i]->n_attributes;
		copies += m->drafts[i]->n_copies;
	}
	return t;
}

static void fill_request(uint16_t op, const Hufu__Wire__StoreRequest *m, struct taken *t)
{
	struct wire_store *r = &t->request;
	*r = (struct wire_store){
		.op = op, .ticket = m->ticket.data, .ticket_len = m->ticket.len, .role = (enum store_role)m->role,
		.pin = m->pin.data,
		.pin_len = m->pin.len, .old_pin = m->old_pin.data, .old_pin_len = m->old_pin.len, .drafts = t->drafts,
		.ndrafts = m->n_drafts, .version = m->version, .attrs = t->attrs, .nattrs = m->n_attributes,
		.with_private = m->with_private, .sparing = m->sparing, .skip = m->skip, .priv = t,
	};
}

/* HUFU_ERR_ARGUMENT: of another length than it must have. */
static enum hufu_err fill_fixed(const Hufu__Wire__StoreRequest *m, struct wire_store *r)
{
	bool ok = copy_fixed(&m->uuid, sizeof r->uuid, r->uuid) && copy_fixed(&m->op_id, sizeof r->op_id, r->op_id) &&
	          copy_fixed(&m->label, sizeof r->label, r->label);
	return ok ? HUFU_OK : HUFU_ERR_ARGUMENT;
}

enum hufu_err wire_store_take(uint16_t op, const uint8_t *body, size_t len, struct wire_store **request)
{
	ProtobufCMessage *message;
	if (op < WIRE_STORE_TOKEN || op >= WIRE_STORE_END)
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = wire_unpack(&hufu__wire__store_request__descriptor, body, len, &message);
	if (err != HUFU_OK)
		return err;
	const Hufu__Wire__StoreRequest *m = (const Hufu__Wire__StoreRequest *)message;
	err = check_request(op, m);
	struct taken *t = err == HUFU_OK ? taken_new(m) : NULL;
	if (!t) {
		wire_free(message);
		return err == HUFU_OK ? HUFU_ERR_NO_MEMORY : err;
	}
	t->message = message;
	fill_request(op, m, t);
	err = fill_fixed(m, &t->request);
	if (err == HUFU_OK)
		*request = &t->request;
	else
		wire_store_free(&t->request);
	return err;
}

void wire_store_free(struct wire_store *r)
{
	if (!r)
		return;
	struct taken *t = r->priv;
	wire_free(t->message);
	free(t);
}

/* -- an answer, the machine's side ------------------------------------------------------------------------- */

/* The messages that a reply points to. */
struct reply_parts {
	Hufu__Wire__StoreReply reply;
	Hufu__Wire__Status status;
	Hufu__Wire__Load load;
	Hufu__Wire__RoleState roles[2], *role_list[2];
	Hufu__Wire__Row row;
};

static void put_status(struct reply_parts *p, const struct wire_store_reply *r)
{
	status_put(&r->status, &p->status);
	load_put(&r->load, &p->load);
	p->reply.status = &p->status;
	p->reply.load = &p->load;
}

static void put_token(struct reply_parts *p, const struct store_token *token)
{
	for (size_t i = 0; i < 2; i++) {
		const struct store_role_info *role = &token->roles[i];
		hufu__wire__role_state__init(&p->roles[i]);
		p->roles[i].pin_set = role->pin_set;
		p->roles[i].tries_left = role->tries_left;
		p->roles[i].tries_max = role->tries_max;
		p->roles[i].delay_s = role->delay_s;
		p->role_list[i] = &p->roles[i];
	}
	p->reply.token_id = bytes_of(token->id, sizeof token->id);
	p->reply.label = bytes_of(token->label, sizeof token->label);
	p->reply.roles = p->role_list;
	p->reply.n_roles = 2;
	p->reply.read_only = token->read_only;
}

static bool put_row(struct reply_parts *p, const struct store_row *row)
{
	hufu__wire__row__init(&p->row);
	p->row.uuid = bytes_of(row->uuid, sizeof row->uuid);
	p->row.version = row->version;
	p->row.private_object = row->private_object;
	p->row.by_login = row->by_login;
	p->row.object_class = row->object_class;
	p->row.key_type = row->key_type;
	p->row.policy = row->policy;
	p->row.has_copies = row->ncopies != 0;
	p->row.n_attributes = row->nattrs;
	p->reply.row = &p->row;
	return put_attrs(row->attrs, row->nattrs, &p->row.attributes);
}

enum hufu_err wire_store_put_reply(struct writer *out, uint64_t id, uint16_t op, const struct wire_store_reply *r)
{
	struct wire_header header = {.type = WIRE_REPLY, .id = id, .op = op};
	struct reply_parts p = {.reply = HUFU__WIRE__STORE_REPLY__INIT, .row = HUFU__WIRE__ROW__INIT};
	bool ok = true;
	put_status(&p, r);
	if (op == WIRE_STORE_TOKEN && r->status.err == HUFU_OK)
		put_token(&p, &r->token);
	if (r->row)
		ok = put_row(&p, r->row);
	p.reply.ticket = bytes_of(r->ticket, r->ticket_len);
	p.reply.ticket_s = r->ticket_s;
	p.reply.uuids = bytes_of(r->uuids, r->nuuids * sizeof r->uuids[0]);
	p.reply.more = r->more;
	p.reply.version = r->version;
	p.reply.counter = r->counter;
	p.reply.logged_in = r->logged_in;
	enum hufu_err err = ok ? wire_pack(out, &header, &p.reply.base) : HUFU_ERR_NO_MEMORY;
	free(p.row.attributes);
	return err;
}

/* -- an answer, the client's side ------------------------------------------------------------------------------ */

/* The store's own codes are for its caller; another trouble of the machine's is as wire_err_in has it. */
static enum hufu_err err_in(const Hufu__Wire__Status *status)
{
	switch (status->error) {
	case HUFU_ERR_STORE_IO:
	case HUFU_ERR_STORE_FULL:
	case HUFU_ERR_STORE_READ_ONLY:
	case HUFU_ERR_STORE_BUSY:
	case HUFU_ERR_STORE_CORRUPT:
	case HUFU_ERR_STORE_VERSION:
	case HUFU_ERR_STORE_MISSING:
	case HUFU_ERR_NOT_FOUND:
	case HUFU_ERR_EXISTS:
	case HUFU_ERR_CONFLICT:
	case HUFU_ERR_LOCKED:
		return (enum hufu_err)status->error;
	default:
		return wire_err_in(status->error, (uint8_t)status->certainty);
	}
}

static void get_status(const Hufu__Wire__StoreReply *m, struct wire_store_reply *r)
{
	r->status = (struct wire_status){
		.err = err_in(m->status), .certainty = (uint8_t)m->status->certainty, .scope = (uint8_t)m->status->scope,
		.retry_ms = m->status->retry_ms, .vendor_code = m->status->vendor_code, .text = m->status->text,
	};
	load_get(m->load, &r->load);
}

static bool get_token(const Hufu__Wire__StoreReply *m, struct store_token *token)
{
	if (!is_of(&m->token_id, sizeof token->id) || !is_of(&m->label, sizeof token->label) || m->n_roles != 2)
		return false;
	memcpy(token->id, m->token_id.data, sizeof token->id);
	memcpy(token->label, m->label.data, sizeof token->label);
	token->read_only = m->read_only;
	for (size_t i = 0; i < 2; i++)
		token->roles[i] = (struct store_role_info){.pin_set = m->roles[i]->pin_set, .tries_left = m->roles[i]->tries_left,
		                                           .tries_max = m->roles[i]->tries_max, .delay_s = m->roles[i]->delay_s};
	return true;
}

static bool is_row(const Hufu__Wire__Row *row)
{
	return row && is_of(&row->uuid, sizeof ((struct store_row *)0)->uuid) && row->version != 0 &&
	       check_attrs(row->attributes, row->n_attributes) == HUFU_OK;
}

static bool is_uuids(const Hufu__Wire__StoreReply *m)
{
	return m->uuids.len % 16 == 0 && m->uuids.len / 16 <= WIRE_UUIDS_MAX;
}

/* Is all there that the operation answers with? */
static bool is_answer(uint16_t op, const Hufu__Wire__StoreReply *m, struct store_token *token)
{
	switch (op) {
	case WIRE_STORE_TOKEN:
		return get_token(m, token);
	case WIRE_STORE_RENEW:
		return m->ticket.len != 0;
	case WIRE_STORE_INSERT:
		return m->uuids.len != 0 && is_uuids(m);
	case WIRE_STORE_GET:
		return is_row(m->row);
	case WIRE_STORE_FIND:
		return is_uuids(m);
	case WIRE_STORE_VERSION:
		return m->version != 0;
	default:
		return true;
	}
}

static void fill_reply(const Hufu__Wire__StoreReply *m, struct wire_store_reply *r)
{
	r->ticket = m->ticket.data;
	r->ticket_len = m->ticket.len;
	r->ticket_s = m->ticket_s;
	r->uuids = (const uint8_t (*)[16])m->uuids.data;
	r->nuuids = m->uuids.len / 16;
	r->more = m->more;
	r->version = m->version;
	r->counter = m->counter;
	r->logged_in = m->logged_in;
}

enum hufu_err wire_store_get_reply(uint16_t op, const uint8_t *body, size_t len, struct wire_store_reply **reply)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__store_reply__descriptor, body, len, &message);
	if (err != HUFU_OK)
		return err;
	const Hufu__Wire__StoreReply *m = (const Hufu__Wire__StoreReply *)message;
	struct wire_store_reply *r = calloc(1, sizeof *r);
	if (!r || !m->status || m->ticket.len > WIRE_TICKET_MAX) {
		wire_free(message);
		free(r);
		return r ? HUFU_ERR_CORRUPT : HUFU_ERR_NO_MEMORY;
	}
	r->priv = message;
	get_status(m, r);
	if (r->status.err == HUFU_OK && is_answer(op, m, &r->token))
		fill_reply(m, r);
	else if (r->status.err == HUFU_OK)
		r->status.err = HUFU_ERR_CORRUPT;
	*reply = r;
	return HUFU_OK;
}

void wire_store_reply_free(struct wire_store_reply *r)
{
	if (!r)
		return;
	wire_free(r->priv);
	free(r);
}

/* -- a row as the store gives it ---------------------------------------------------------------------------------- */

static size_t row_size(const Hufu__Wire__Row *m, const char *domain)
{
	size_t len = sizeof(struct store_row) + m->n_attributes * sizeof(struct store_attr) + sizeof(struct store_copy);
	for (size_t i = 0; i < m->n_attributes; i++)
		len += m->attributes[i]->value.len;
	return len + m->uuid.len + strlen(domain) + 1;
}

static void *append(uint8_t **at, const void *data, size_t len)
{
	void *to = *at;
	if (len)
		memcpy(to, data, len);
	*at += len;
	return to;
}

struct store_row *wire_store_row(const struct wire_store_reply *r, const char *domain)
{
	const Hufu__Wire__Row *m = ((const Hufu__Wire__StoreReply *)r->priv)->row;
	struct store_row *row = secret_alloc(row_size(m, domain));
	if (!row)
		return NULL;
	*row = (struct store_row){
		.version = m->version, .private_object = m->private_object, .by_login = m->by_login,
		.object_class = m->object_class,
		.key_type = m->key_type, .policy = m->policy, .nattrs = m->n_attributes, .ncopies = m->has_copies ? 1 : 0,
	};
	memcpy(row->uuid, m->uuid.data, sizeof row->uuid);
	row->attrs = (struct store_attr *)(row + 1);
	row->copies = (struct store_copy *)(row->attrs + row->nattrs);
	uint8_t *at = (uint8_t *)(row->copies + 1);
	get_attrs(m->attributes, m->n_attributes, row->attrs);
	for (size_t i = 0; i < row->nattrs; i++)
		row->attrs[i].value = append(&at, row->attrs[i].value, row->attrs[i].len);
	row->copies[0] = (struct store_copy){.kind = HUFU_COPY_INDEX, .len = sizeof row->uuid};
	row->copies[0].data = append(&at, row->uuid, sizeof row->uuid);
	row->copies[0].domain = append(&at, domain, strlen(domain) + 1);
	return row;
}
