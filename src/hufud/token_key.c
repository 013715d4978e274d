/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that a request names by their rows. */
#include <string.h>

#include "hufu/pkcs11-sm.h"
#include "hufud/token_internal.h"

#define UUID_LEN 16u

/* -- from a row to the pool's key --------------------------------------------------------- */

static const struct store_attr *find_attr(const struct store_row *row, uint64_t type)
{
	for (size_t i = 0; i < row->nattrs; i++)
		if (row->attrs[i].type == type)
			return &row->attrs[i];
	return NULL;
}

/* Of devices that are no software an answer is checked by it before it is released. */
static enum hufu_err set_public(struct pool_key *key, const struct store_row *row, enum hufu_key_type type)
{
	bool sm2 = type == HUFU_KEY_SM2_PRIVATE;
	const struct store_attr *a = find_attr(row, sm2 ? CKA_EC_POINT : CKA_PUBLIC_KEY_INFO);

	if (row->object_class != CKO_PRIVATE_KEY || !a || a->len == 0 || type == HUFU_KEY_MONTGOMERY_PRIVATE)
		return HUFU_OK;
	if (sm2)
		return a->len == 67 ? pool_key_set_point(key, a->value + 3) : HUFU_OK; /* OCTET STRING of 04 || x || y */
	return pool_key_set_public(key, a->value, a->len);
}

static enum hufu_err key_of_row(struct tenant *tenant, const struct store_row *row, const struct facts *facts,
                                struct pool_key **key)
{
	struct pool_copy copies[STORE_COPIES_MAX];
	bool fallback = tenant_conf(tenant)->pool.software_fallback && !facts->hardware_only;

	if (row->ncopies == 0)
		return HUFU_ERR_NO_KEY;
	for (size_t i = 0; i < row->ncopies; i++)
		copies[i] = (struct pool_copy){.kind = (enum hufu_copy_kind)row->copies[i].kind, .domain = row->copies[i].domain,
		                               .data = row->copies[i].data, .len = row->copies[i].len};
	enum hufu_err err = pool_key_new(tenant_pool(tenant), row->uuid, row->version, facts->type, copies, row->ncopies, key);
	if (err != HUFU_OK)
		return err;
	pool_key_set_policy(*key, facts->hardware_only, fallback);
	err = set_public(*key, row, facts->type);
	if (err != HUFU_OK) {
		pool_key_rele(*key);
		*key = NULL;
	}
	return err;
}

/* -- what is remembered, and what is not --------------------------------------------------- */

/* One key that an op names. */
struct wanted {
	const struct caller *caller;
	struct tenant *tenant;
	const struct hufu_op *op;
	uint8_t uuid[UUID_LEN];
	uint64_t version;              /* as the client knows it */
	bool is_subject;
	struct facts facts;
	struct pool_key *key;          /* held, once it was found */
};

static enum hufu_err allow(const struct wanted *w)
{
	if (w->facts.private_object && !w->caller->user)
		return HUFU_ERR_EXPIRED;
	return facts_allow(&w->facts, tenant_conf(w->tenant), w->op, w->is_subject);
}

/* One that a client knows to have changed since is looked at anew. */
static bool from_memory(struct wanted *w)
{
	struct token_side *side = w->caller->side;
	uint64_t version;

	if (!row_cache_get(side_rows(side), w->uuid, side_changes(side), &w->facts, &w->key, &version))
		return false;
	if (version >= w->version && allow(w) == HUFU_OK)
		return true;
	pool_key_rele(w->key);
	w->key = NULL;
	return false;
}

/* The store is down: what was known goes on. */
static enum hufu_err from_old_memory(struct wanted *w, enum hufu_err why)
{
	uint64_t version;

	if (hufu_err_group(why) != HUFU_GROUP_HOST || why == HUFU_ERR_NOT_FOUND || why == HUFU_ERR_LOCKED ||
	    why == HUFU_ERR_STORE_CORRUPT || !row_cache_get_stale(side_rows(w->caller->side), w->uuid, &w->facts, &w->key, &version))
		return why == HUFU_ERR_NOT_FOUND ? HUFU_ERR_NO_KEY : why == HUFU_ERR_LOCKED ? HUFU_ERR_EXPIRED : why;
	return HUFU_OK;
}

static enum hufu_err read_row(struct wanted *w)
{
	struct token_side *side = w->caller->side;
	uint64_t changes = side_changes(side); /* as it was before: what changes now is seen the next time */
	struct store_row *row;
	enum hufu_err err = store_get(w->caller->store, w->uuid, &row);

	if (err != HUFU_OK)
		return from_old_memory(w, err);
	err = facts_of(row, &w->facts);
	if (err == HUFU_OK)
		err = key_of_row(w->tenant, row, &w->facts, &w->key);
	if (err == HUFU_OK)
		row_cache_put(side_rows(side), w->uuid, row->version, changes, &w->facts, w->key);
	store_row_free(row);
	return err;
}

/* Its row has changed no more than another: the devices may keep it loaded. */
static bool is_unchanged(struct wanted *w)
{
	struct token_side *side = w->caller->side;
	uint64_t kept, now, changes = side_changes(side);

	if (!row_cache_get_stale(side_rows(side), w->uuid, &w->facts, &w->key, &kept))
		return false;
	if (kept >= w->version && allow(w) == HUFU_OK && store_version(w->caller->store, w->uuid, &now) == HUFU_OK && now == kept) {
		row_cache_confirm(side_rows(side), w->uuid, kept, changes);
		return true;
	}
	pool_key_rele(w->key);
	w->key = NULL;
	return false;
}

static enum hufu_err find_key(struct wanted *w)
{
	if (from_memory(w) || is_unchanged(w))
		return HUFU_OK;
	enum hufu_err err = read_row(w);
	if (err == HUFU_OK)
		err = allow(w);
	if (err != HUFU_OK && w->key) {
		pool_key_rele(w->key);
		w->key = NULL;
	}
	return err;
}

/* A session's copy of a row's key has a uuid of its own: the copy says which row is meant. */
static void name_row(const struct hufu_key *key, uint8_t uuid[UUID_LEN])
{
	memcpy(uuid, key->blob_len == UUID_LEN ? key->blob : key->uuid, UUID_LEN);
}

/* Whose login has ended is anybody: keys that are not private go on. */
static enum hufu_err caller_for(struct request *req, const struct wire_op *wire, struct caller *caller)
{
	enum hufu_err err = caller_from_memory(req, wire->extra.ticket, wire->extra.ticket_len, caller);

	if (err == HUFU_ERR_BUSY || err == HUFU_ERR_EXPIRED)
		err = caller_of(req, wire->extra.ticket, wire->extra.ticket_len, caller);
	return err == HUFU_ERR_EXPIRED ? caller_of(req, NULL, 0, caller) : err;
}

enum hufu_err token_key_get(struct request *req, const struct wire_op *wire, const struct hufu_key *key, struct pool_key **out)
{
	struct caller caller;
	struct wanted w = {.caller = &caller, .tenant = req->session->tenant, .op = &wire->op, .version = key->version,
	                   .is_subject = key == &wire->subject};

	name_row(key, w.uuid);
	if (!w.is_subject)
		memcpy(req->key_uuid, w.uuid, sizeof(req->key_uuid)); /* the trail names the row, whatever the client calls its key */
	enum hufu_err err = caller_for(req, wire, &caller);
	if (err != HUFU_OK)
		return err;
	err = find_key(&w);
	if (err != HUFU_OK)
		return err;
	err = pool_key_type(w.key) == key->type ? request_allowed(req, w.facts.label) : HUFU_ERR_KEY_TYPE;
	if (err == HUFU_OK)
		*out = w.key;
	else
		pool_key_rele(w.key);
	return err;
}

static bool is_at_hand(const struct caller *caller, const struct wire_op *wire, const struct hufu_key *key)
{
	struct wanted w = {.caller = caller, .tenant = side_tenant(caller->side), .op = &wire->op, .version = key->version,
	                   .is_subject = key == &wire->subject};

	name_row(key, w.uuid);
	bool found = from_memory(&w);
	pool_key_rele(w.key);
	return found;
}

bool token_key_at_hand(struct request *req, const struct wire_op *wire)
{
	struct caller caller;

	if (caller_from_memory(req, wire->extra.ticket, wire->extra.ticket_len, &caller) != HUFU_OK)
		return false;
	return (!wire->has_key || wire->key.copy_kind != HUFU_COPY_INDEX || is_at_hand(&caller, wire, &wire->key)) &&
	       (!wire->has_subject || wire->subject.copy_kind != HUFU_COPY_INDEX || is_at_hand(&caller, wire, &wire->subject));
}

enum hufu_err key_version(const struct caller *caller, const uint8_t uuid[16], uint64_t *version)
{
	struct facts facts;
	struct pool_key *key;
	enum hufu_err err = store_version(caller->store, uuid, version);

	if (err == HUFU_OK || err == HUFU_ERR_NOT_FOUND ||
	    !row_cache_get_stale(side_rows(caller->side), uuid, &facts, &key, version))
		return err;
	pool_key_rele(key);
	return HUFU_OK;
}
