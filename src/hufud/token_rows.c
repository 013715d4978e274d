/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as clients make, read and change them; their copies stay here. */
#include <stdlib.h>
#include <string.h>

#include "hufu/pkcs11-sm.h"
#include "hufud/access.h"
#include "hufud/token_internal.h"

#define POLICY_HARDWARE_ONLY 0x10u /* OBJECT_POLICY_HARDWARE_ONLY of the token layer */
#define UUID_LEN 16u

/* -- reading -------------------------------------------------------------------------- */

/* The open handle would give private rows to the security officer, too. */
enum hufu_err rows_get(const struct caller *caller, const uint8_t uuid[16], struct store_row **row)
{
	enum hufu_err err = store_get(caller->store, uuid, row);

	if (err == HUFU_OK && (*row)->private_object && !caller->user) {
		store_row_free(*row);
		*row = NULL;
		err = HUFU_ERR_LOCKED;
	}
	return err;
}

enum hufu_err rows_find(const struct caller *caller, const struct wire_store *r, uint8_t (**uuids)[16], size_t *n)
{
	return store_find(caller->store, r->attrs, r->nattrs, r->with_private && caller->user, uuids, n);
}

/* -- who may change what ------------------------------------------------------------------ */

static enum hufu_err may_store(struct request *req, const struct store_attr *attrs, size_t nattrs)
{
	char label[CONF_RULE_LABEL_MAX + 1];

	rules_label(attrs, nattrs, label);
	return request_allowed(req, label);
}

/* A rule that names a key is of no use against whoever may give the key, or a copy of it, another name. */
static enum hufu_err may_rename(struct request *req, const struct store_row *now, const struct store_draft *later)
{
	char from[CONF_RULE_LABEL_MAX + 1], to[CONF_RULE_LABEL_MAX + 1];

	rules_label(now->attrs, now->nattrs, from);
	rules_label(later->attrs, later->nattrs, to);
	req->denied = !access_keeps(req->session->identity, from, to);
	return req->denied ? HUFU_ERR_UNSUPPORTED : HUFU_OK;
}

/* -- the copies of what is inserted ------------------------------------------------------ */

/* A draft as the store takes it, and what it points to. */
struct incoming {
	struct store_draft draft;
	struct store_copy copies[STORE_COPIES_MAX];
	struct tenant_copy *opened;    /* made by an op of this tenant's, sealed */
	struct store_row *from;        /* the row whose copy it is */
};

static void incoming_clear(struct incoming *in)
{
	tenant_copy_free(in->opened);
	store_row_free(in->from);
}

static bool is_key(const struct store_draft *draft)
{
	return draft->object_class == CKO_PRIVATE_KEY || draft->object_class == CKO_SECRET_KEY;
}

static const struct store_attr *find_attr(const struct store_draft *draft, uint64_t type)
{
	for (size_t i = 0; i < draft->nattrs; i++)
		if (draft->attrs[i].type == type)
			return &draft->attrs[i];
	return NULL;
}

/* The row's public half is by what devices' answers are checked: a wrong one would have them taken for broken. */
static bool is_its_public(const struct store_draft *draft, const struct tenant_copy *copy)
{
	bool sm2 = copy->type == HUFU_KEY_SM2_PRIVATE;
	const struct store_attr *a = find_attr(draft, sm2 ? CKA_EC_POINT : CKA_PUBLIC_KEY_INFO);
	size_t head = sm2 ? 3 : 0; /* OCTET STRING of 04 || x || y */

	if (!a || copy->pub_len == 0)
		return true;
	return a->len == copy->pub_len + head && memcmp(a->value + head, copy->pub, copy->pub_len) == 0;
}

static enum hufu_err take_sealed(struct tenant *tenant, const struct store_copy *sealed, struct incoming *in)
{
	enum hufu_key_type type;
	enum hufu_err err = tenant_open_copy(tenant, sealed->data, sealed->len, &in->opened);

	if (err != HUFU_OK)
		return err;
	const struct tenant_copy *copy = in->opened;
	if (copy->n > STORE_COPIES_MAX || !rules_key_type(in->draft.object_class, in->draft.key_type, &type) || type != copy->type)
		return HUFU_ERR_KEY_TYPE;
	if ((in->draft.policy & POLICY_HARDWARE_ONLY && !copy->hardware_only) || !is_its_public(&in->draft, copy))
		return HUFU_ERR_KEY_USE;
	for (size_t i = 0; i < copy->n; i++)
		in->copies[i] = (struct store_copy){.kind = copy->copies[i].kind, .domain = copy->copies[i].domain,
		                                    .data = copy->copies[i].data, .len = copy->copies[i].len};
	in->draft.ncopies = copy->n;
	return HUFU_OK;
}

static enum hufu_err take_of_row(const struct caller *caller, struct request *req, const struct store_copy *index,
                                 struct incoming *in)
{
	if (index->len != UUID_LEN)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = rows_get(caller, index->data, &in->from);
	if (err == HUFU_OK)
		err = may_rename(req, in->from, &in->draft);
	if (err == HUFU_OK)
		err = rules_copy(caller, tenant_conf(req->session->tenant), in->from, &in->draft);
	if (err != HUFU_OK)
		return err;
	memcpy(in->copies, in->from->copies, in->from->ncopies * sizeof(in->copies[0]));
	in->draft.ncopies = in->from->ncopies;
	return HUFU_OK;
}

/* One copy, however many the key has here: the machines are one domain to the client. */
static enum hufu_err take_copies(const struct caller *caller, struct request *req, const struct store_draft *draft,
                                 struct incoming *in)
{
	in->draft.copies = in->copies;
	in->draft.ncopies = 0;
	if (draft->ncopies == 0)
		return HUFU_OK;
	if (draft->ncopies != 1 || !is_key(draft))
		return HUFU_ERR_ARGUMENT;
	switch (draft->copies[0].kind) {
	case HUFU_COPY_BLOB:
		return take_sealed(req->session->tenant, &draft->copies[0], in);
	case HUFU_COPY_INDEX:
		return take_of_row(caller, req, &draft->copies[0], in);
	default:
		return HUFU_ERR_ARGUMENT;
	}
}

/* -- making ---------------------------------------------------------------------------------- */

/*
 * DESIGN 4: scoped to token and identity, so that nobody gets, or blocks, what another has made. The store's uuids follow from its
 * token.
 */
static void scope_op_id(const struct request *req, const uint8_t op_id[16], uint8_t scoped[16])
{
	static const uint8_t none[16];
	static const char label[] = "hufu-op-1";
	const char *identity = access_name(req->session->identity);
	uint8_t digest[SM3_DIGEST_LEN];
	struct sm3 s;

	memset(scoped, 0, 16);
	if (memcmp(op_id, none, sizeof(none)) == 0)
		return;
	sm3_init(&s);
	sm3_update(&s, label, sizeof(label));
	sm3_update(&s, identity, strlen(identity) + 1);
	sm3_update(&s, op_id, sizeof(none));
	sm3_final(&s, digest);
	memcpy(scoped, digest, 16);
}

static enum hufu_err incoming_init(const struct caller *caller, struct request *req, const struct store_draft *draft,
                                   struct incoming *in)
{
	*in = (struct incoming){.draft = *draft};
	if (draft->private_object && !caller->user)
		return HUFU_ERR_LOCKED;
	scope_op_id(req, draft->op_id, in->draft.op_id);
	enum hufu_err err = may_store(req, draft->attrs, draft->nattrs);
	if (err == HUFU_OK)
		err = rules_new(caller, tenant_conf(req->session->tenant), draft);
	return err == HUFU_OK ? take_copies(caller, req, draft, in) : err;
}

enum hufu_err rows_insert(const struct caller *caller, struct request *req, const struct wire_store *r, uint8_t (*uuids)[16])
{
	struct incoming *in = calloc(r->ndrafts, sizeof(*in));
	struct store_draft drafts[WIRE_DRAFTS_MAX];
	enum hufu_err err = in ? HUFU_OK : HUFU_ERR_NO_MEMORY;
	size_t n = 0;

	for (; n < r->ndrafts && err == HUFU_OK; n++) {
		err = incoming_init(caller, req, &r->drafts[n], &in[n]);
		drafts[n] = in[n].draft;
		drafts[n].copies = in[n].copies;
	}
	if (err == HUFU_OK)
		err = store_insert_all(caller->store, drafts, r->ndrafts, uuids);
	for (size_t i = 0; i < n; i++)
		incoming_clear(&in[i]);
	free(in);
	return err;
}

/* -- changing ------------------------------------------------------------------------------------ */

/* What names the row itself leaves its copies as they are; nothing else may stand there. */
static bool leaves_copies(const struct store_draft *draft, const uint8_t uuid[16])
{
	return draft->ncopies == 0 || (draft->ncopies == 1 && draft->copies[0].kind == HUFU_COPY_INDEX &&
	                               draft->copies[0].len == UUID_LEN && memcmp(draft->copies[0].data, uuid, UUID_LEN) == 0);
}

enum hufu_err rows_update(const struct caller *caller, struct request *req, const struct wire_store *r)
{
	struct store_draft draft = r->drafts[0];
	struct store_row *now;
	enum hufu_err err = rows_get(caller, r->uuid, &now);

	if (err != HUFU_OK)
		return err;
	err = may_rename(req, now, &draft);
	if (err == HUFU_OK)
		err = leaves_copies(&draft, r->uuid) ? rules_change(caller, tenant_conf(side_tenant(caller->side)), now, &draft) :
			HUFU_ERR_ARGUMENT;
	if (err == HUFU_OK && now->version != r->version)
		err = HUFU_ERR_CONFLICT; /* what was checked is another row by now */
	draft.unproven |= !now->by_login && !caller->so; /* what was made without a login stays so, but for the officer's word */
	store_row_free(now);
	draft.ncopies = 0;
	if (err == HUFU_OK)
		err = store_update(caller->store, r->uuid, r->version, &draft);
	if (err == HUFU_OK)
		row_cache_drop(side_rows(caller->side), r->uuid);
	return err;
}

/* A damaged row goes, too, unless a rule might name it. */
static enum hufu_err may_delete(const struct caller *caller, struct request *req, const uint8_t uuid[16])
{
	struct store_row *now;
	enum hufu_err err = rows_get(caller, uuid, &now);

	if (err == HUFU_ERR_STORE_CORRUPT)
		return request_allowed(req, NULL);
	if (err != HUFU_OK)
		return err;
	err = may_store(req, now->attrs, now->nattrs);
	store_row_free(now);
	return err;
}

enum hufu_err rows_delete(const struct caller *caller, struct request *req, const struct wire_store *r)
{
	enum hufu_err err = may_delete(caller, req, r->uuid);

	if (err == HUFU_OK)
		err = store_delete(caller->store, r->uuid, r->version);
	if (err == HUFU_OK)
		row_cache_drop(side_rows(caller->side), r->uuid);
	return err;
}
