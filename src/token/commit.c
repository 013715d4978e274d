/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan and its key material to an object that is there. */
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "sm/sm3.h"
#include "token/asn1.h"
#include "token/draft.h"
#include "token/handle.h"
#include "token/key_form.h"
#include "token/point.h"
#include "token/rv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- attributes that the material decides ------------------------------------------ */

CK_RV draft_set_unique_id(struct attrs *attrs)
{
	uint8_t r[16];
	char text[37];
	enum hufu_err err = rand_bytes(r, sizeof r);
	if (err != HUFU_OK)
		return rv_of(err);
	r[6] = (uint8_t)((r[6] & 0x0f) | 0x40); /* version 4, variant 10 */
	r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
	snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	         r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
	return attrs_set(attrs, CKA_UNIQUE_ID, text, 36) ? CKR_OK : CKR_HOST_MEMORY;
}

/* What the template said beforehand must be what came out. */
static CK_RV set_computed(struct attrs *attrs, CK_ATTRIBUTE_TYPE type, const uint8_t *value, size_t len)
{
	const CK_ATTRIBUTE *given = attrs_get(attrs, type);
	if (given)
		return given->ulValueLen == len && memcmp(given->pValue, value, len) == 0 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
	return attrs_set(attrs, type, value, len) ? CKR_OK : CKR_HOST_MEMORY;
}

static CK_RV set_sm2_point(struct attrs *attrs, const struct material *m)
{
	uint8_t der[POINT_DER_LEN], spki[ASN1_SPKI_LEN];
	if (m->copies->pub_len != 64)
		return CKR_OK;
	point_encode(m->copies->pub, der);
	asn1_spki_encode(m->copies->pub, spki);
	CK_RV rv = set_computed(attrs, CKA_EC_POINT, der, sizeof der);
	return rv == CKR_OK ? set_computed(attrs, CKA_PUBLIC_KEY_INFO, spki, sizeof spki) : rv;
}

static CK_RV set_point(struct attrs *attrs, const struct key_form *form)
{
	uint8_t der[CURVE_POINT_DER_MAX];
	size_t len = curve_point_encode(form->point, der);
	CK_RV rv = set_computed(attrs, CKA_EC_PARAMS, form->curve->oid.p, form->curve->oid.len);
	return rv == CKR_OK ? set_computed(attrs, CKA_EC_POINT, der, len) : rv;
}

static CK_RV set_modulus(struct attrs *attrs, CK_OBJECT_CLASS object_class, const struct key_form *form)
{
	CK_ULONG nbits = key_form_nbits(form->modulus);
	CK_RV rv = set_computed(attrs, CKA_MODULUS, form->modulus.p, form->modulus.len);
	if (rv == CKR_OK)
		rv = set_computed(attrs, CKA_PUBLIC_EXPONENT, form->public_exponent.p, form->public_exponent.len);
	if (rv == CKR_OK && object_class == CKO_PUBLIC_KEY)
		rv = set_computed(attrs, CKA_MODULUS_BITS, (const uint8_t *)&nbits, sizeof nbits);
	return rv;
}

/* Both halves of a pair show what the device tells of the public one. */
static CK_RV set_public(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	struct key_form form;
	const uint8_t *pub = m->copies->pub;
	size_t pub_len = m->copies->pub_len;
	if (plan->key_type == CKK_HUFU_SM2)
		return set_sm2_point(attrs, m);
	if (!key_form_read_public(pub, pub_len, &form) || form.type != plan->key_type)
		return CKR_DEVICE_ERROR;
	CK_RV rv = form.curve ? set_point(attrs, &form) : set_modulus(attrs, plan->object_class, &form);
	return rv == CKR_OK ? set_computed(attrs, CKA_PUBLIC_KEY_INFO, pub, pub_len) : rv;
}

/* 4.10.2: given of no length, there shall be none. */
static CK_RV set_check_value(struct attrs *attrs, const struct material *m)
{
	const CK_ATTRIBUTE *given = attrs_get(attrs, CKA_CHECK_VALUE);
	if (given && given->ulValueLen == 0) {
		attrs_remove(attrs, CKA_CHECK_VALUE);
		return CKR_OK;
	}
	if (!m->have_check_value)
		return given ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
	return set_computed(attrs, CKA_CHECK_VALUE, m->check_value, sizeof m->check_value);
}

/*
 * 4.9, 4.10: was it always so? Only generating says yes by itself, but not of a password, which somebody knows, nor of
 * what was made outside of the token's devices, or whose value has left one; what is derived or unwrapped inherits it.
 */
static bool set_history(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	bool sensitive = attrs_bool(attrs, CKA_SENSITIVE, false), extractable = attrs_bool(attrs, CKA_EXTRACTABLE, false);
	bool kept = plan->origin == ORIGIN_GENERATE && m->mechanism != CKM_PKCS5_PBKD2 && !m->copies->on_host &&
	            !m->copies->left_device;
	return attrs_set_bool(attrs, CKA_ALWAYS_SENSITIVE, sensitive && (kept || m->always_sensitive)) &&
	       attrs_set_bool(attrs, CKA_NEVER_EXTRACTABLE, !extractable && (kept || m->never_extractable));
}

/*
 * 4.7: CKA_LOCAL is true of what was "generated locally (i.e., on the token)", and only such keys tell the mechanism. What
 * this host made for a token of devices (generate = host) was brought to it.
 */
static bool set_origin(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	bool local = plan->origin == ORIGIN_GENERATE && !m->copies->on_host;
	return attrs_set_bool(attrs, CKA_LOCAL, local) &&
	       attrs_set_ulong(attrs, CKA_KEY_GEN_MECHANISM, m->copies->on_host ? CK_UNAVAILABLE_INFORMATION : m->mechanism);
}

/* What a device made for good is one of the keys that it keeps: a look at those must know it by this. */
static bool set_resident(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	const struct pool_copy *only = m->copies->n == 1 && m->copies->list[0].kind == HUFU_COPY_INDEX ? &m->copies->list[0] : NULL;
	return plan->object_class == CKO_PUBLIC_KEY || !only ||
	       attrs_set(attrs, CKA_HUFU_RESIDENT, only->domain, strlen(only->domain));
}

static CK_RV complete_key(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	bool ok = set_origin(attrs, plan, m) && set_resident(attrs, plan, m);
	if (ok && plan->object_class != CKO_PUBLIC_KEY)
		ok = set_history(attrs, plan, m);
	if (ok && plan->object_class == CKO_SECRET_KEY)
		ok = attrs_set_ulong(attrs, CKA_VALUE_LEN, m->value_len);
	if (!ok)
		return CKR_HOST_MEMORY;
	return plan->object_class == CKO_SECRET_KEY ? set_check_value(attrs, m) : set_public(attrs, plan, m);
}

static CK_RV complete(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	if (!attrs_copy(attrs, &plan->attrs))
		return CKR_HOST_MEMORY;
	CK_RV rv = draft_set_unique_id(attrs);
	if (rv == CKR_OK && plan->object_class == CKO_DOMAIN_PARAMETERS)
		rv = attrs_set_bool(attrs, CKA_LOCAL, plan->origin == ORIGIN_GENERATE) ? CKR_OK : CKR_HOST_MEMORY;
	return rv == CKR_OK && m ? complete_key(attrs, plan, m) : rv;
}

static uint32_t policy_of(const struct attrs *attrs)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		uint32_t bit;
	} rows[] = {
		{CKA_SENSITIVE, OBJECT_POLICY_SENSITIVE}, {CKA_NEVER_EXTRACTABLE, OBJECT_POLICY_NEVER_EXTRACTABLE},
		{CKA_LOCAL, OBJECT_POLICY_LOCAL}, {CKA_WRAP_WITH_TRUSTED, OBJECT_POLICY_WRAP_WITH_TRUSTED},
		{CKA_HUFU_HARDWARE_ONLY, OBJECT_POLICY_HARDWARE_ONLY},
	};
	uint32_t policy = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (attrs_bool(attrs, rows[i].type, false))
			policy |= rows[i].bit;
	return policy;
}

/* -- what was asked for --------------------------------------------------------------- */

static void write_attrs(struct writer *w, const struct attrs *attrs)
{
	write_u32(w, (uint32_t)attrs->n);
	for (size_t i = 0; i < attrs->n; i++) {
		write_u64(w, attrs->list[i].type);
		write_u32(w, (uint32_t)attrs->list[i].ulValueLen);
		w->bad |= !attr_encode(&attrs->list[i], w);
	}
}

/* What an op id stands for: the plan, but not what a device made of it, which is another key at every try. */
static CK_RV digest_request(const struct plan *plan, uint8_t digest[SM3_DIGEST_LEN])
{
	struct writer w;
	writer_init(&w, true);
	write_u8(&w, (uint8_t)plan->origin);
	write_u64(&w, plan->object_class);
	write_u64(&w, plan->key_type);
	write_attrs(&w, &plan->attrs);
	write_attrs(&w, &plan->material);
	CK_RV rv = w.bad ? CKR_HOST_MEMORY : CKR_OK;
	if (rv == CKR_OK)
		sm3(w.data, w.len, digest);
	writer_clear(&w);
	return rv;
}

/* -- changes ------------------------------------------------------------------------- */

bool draft_change(struct attrs *attrs, const struct object *o, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	bool ok = attrs_copy(attrs, &o->attrs);
	if (ok && !o->by_login && attrs_get(attrs, CKA_TRUSTED))
		ok = attrs_set_bool(attrs, CKA_TRUSTED, false);
	for (CK_ULONG i = 0; ok && i < n; i++)
		ok = attrs_set(attrs, templ[i].type, templ[i].pValue, templ[i].ulValueLen);
	return ok;
}

bool draft_unproven(const struct object *o, const struct attrs *attrs)
{
	return !o->by_login && !attrs_bool(attrs, CKA_TRUSTED, false);
}

/* -- in the store ------------------------------------------------------------------- */

/* The store's view of a list of attributes; values lie in writer. */
struct columns {
	struct store_attr list[STORE_ATTRS_MAX];
	struct writer writer;
};

static enum hufu_err columns_init(struct columns *c, const struct attrs *attrs)
{
	writer_init(&c->writer, attrs->secret);
	if (attrs->n > STORE_ATTRS_MAX)
		return HUFU_ERR_STORE_FULL;
	for (size_t i = 0; i < attrs->n; i++) {
		const CK_ATTRIBUTE *a = &attrs->list[i];
		size_t start = c->writer.len;
		if (!attr_encode(a, &c->writer))
			return HUFU_ERR_NO_MEMORY;
		c->list[i] = (struct store_attr){.type = a->type, .len = c->writer.len - start,
		                                 .indexed = a->ulValueLen && attr_indexed(a->type)};
	}
	const uint8_t *p = c->writer.data; /* it moves no more */
	for (size_t i = 0; i < attrs->n; i++) {
		c->list[i].value = p;
		p += c->list[i].len;
	}
	return HUFU_OK;
}

static void columns_clear(struct columns *c)
{
	writer_clear(&c->writer);
}

/* An object larger than a row may be: there is no room for it. */
static enum hufu_err no_room(enum hufu_err err)
{
	return err == HUFU_ERR_DATA_LEN ? HUFU_ERR_STORE_FULL : err;
}

/* A draft as the store takes it, and what it points to. */
struct row {
	struct columns columns;
	struct store_copy copies[STORE_COPIES_MAX];
	struct store_draft draft;
};

static void row_set_copies(struct row *row, const struct pool_copy *copies, size_t n)
{
	for (size_t i = 0; i < n; i++)
		row->copies[i] = (struct store_copy){.kind = copies[i].kind, .domain = copies[i].domain, .data = copies[i].data,
		                                     .len = copies[i].len};
	row->draft.copies = row->copies;
	row->draft.ncopies = n;
}

/* row_clear, whatever the code. */
static enum hufu_err row_init(struct row *row, const struct draft *draft)
{
	row->draft = (struct store_draft){
		.private_object = draft->private_object, .object_class = draft->object_class, .key_type = draft->key_type,
		.policy = draft->policy, .attrs = row->columns.list, .nattrs = draft->attrs->n, .unproven = draft->unproven,
	};
	row_set_copies(row, draft->copies, draft->ncopies);
	memcpy(row->draft.request, draft->request, sizeof row->draft.request);
	enum hufu_err err = columns_init(&row->columns, draft->attrs);
	if (err == HUFU_OK && !draft->op_id)
		return rand_bytes(row->draft.op_id, sizeof row->draft.op_id);
	if (err == HUFU_OK)
		memcpy(row->draft.op_id, draft->op_id, sizeof row->draft.op_id);
	return err;
}

static void row_clear(struct row *row)
{
	columns_clear(&row->columns);
}

/* What became of an insert that ended in an I/O error is unknown; the same op ids again find what there is, or make it. */
static enum hufu_err insert_surely(struct store *store, const struct store_draft *rows, size_t n, uint8_t (*uuids)[16])
{
	enum hufu_err err = store_insert_all(store, rows, n, uuids);
	return err == HUFU_ERR_STORE_IO ? store_insert_all(store, rows, n, uuids) : err;
}

#define DRAFTS_MAX 2

static enum hufu_err insert(struct token *token, const struct draft *const *drafts, size_t n, uint8_t (*uuids)[16])
{
	struct row rows[DRAFTS_MAX];
	struct store_draft list[DRAFTS_MAX];
	enum hufu_err err = HUFU_OK;
	for (size_t i = 0; i < n; i++) {
		enum hufu_err one = row_init(&rows[i], drafts[i]);
		err = err == HUFU_OK ? one : err;
		list[i] = rows[i].draft;
	}
	if (err == HUFU_OK)
		err = no_room(insert_surely(token->store, list, n, uuids));
	for (size_t i = 0; i < n; i++)
		row_clear(&rows[i]);
	return err;
}

/* All of them or none. */
static CK_RV publish_on_token(struct token *token, const struct draft *const *drafts, size_t n, CK_OBJECT_HANDLE *handles)
{
	uint8_t uuids[DRAFTS_MAX][16];
	CK_RV rv = rv_of(insert(token, drafts, n, uuids));
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; i < n; i++) {
		handles[i] = handle_of_uuid(token, uuids[i]);
		if (!handles[i])
			rv = CKR_HOST_MEMORY;
	}
	pthread_mutex_unlock(&token->lock);
	for (size_t i = 0; i < n && rv != CKR_OK; i++)
		if (store_delete(token->store, uuids[i], 0) != HUFU_OK)
			log_warning("an object that nobody was told of stays in the store: memory is out");
	return rv;
}

static enum hufu_err update(const struct object *o, const struct attrs *attrs, const struct pool_copy *copies, size_t n)
{
	struct row row = {.draft = {
		.private_object = o->private_object, .object_class = o->object_class, .key_type = o->key_type, .policy = o->policy,
		.attrs = row.columns.list, .nattrs = attrs->n, .unproven = draft_unproven(o, attrs),
	}};
	row_set_copies(&row, copies, n);
	enum hufu_err err = columns_init(&row.columns, attrs);
	if (err == HUFU_OK)
		err = no_room(store_update(o->token->store, o->uuid, o->version, &row.draft));
	row_clear(&row);
	return err;
}

enum hufu_err draft_update(const struct object *o, const struct attrs *attrs)
{
	return update(o, attrs, NULL, 0);
}

enum hufu_err draft_update_copies(const struct object *o, const struct pool_copy *copies, size_t n)
{
	return update(o, &o->attrs, copies, n);
}

/* -- among the session objects -------------------------------------------------------- */

static CK_RV publish_in_session(struct session *s, const struct draft *draft, CK_OBJECT_HANDLE *handle)
{
	struct object *o = object_new(s->token, draft->private_object);
	if (!o)
		return CKR_HOST_MEMORY;
	o->session = s->handle;
	o->by_login = token_login(s->token) != LOGIN_NONE && !draft->unproven;
	o->object_class = draft->object_class;
	o->key_type = draft->key_type;
	o->policy = draft->policy;
	enum hufu_err err = rand_bytes(o->uuid, sizeof o->uuid);
	if (err == HUFU_OK && !attrs_copy(&o->attrs, draft->attrs))
		err = HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = object_attach_key(o, 1, draft->copies, draft->ncopies);
	if (err != HUFU_OK) {
		object_rele(o);
		return rv_of(err);
	}
	return object_adopt(o, handle);
}

/* What the pool was told of a key stays: with another answer to who may serve it, it is another key there. */
static enum hufu_err snapshot_key(struct object *o, const struct object *older)
{
	const struct pool_copy *copies;
	if (older->key && object_falls_back(o) != object_falls_back(older)) {
		size_t n = pool_key_copies(older->key, &copies);
		return object_attach_key(o, 1, copies, n);
	}
	o->key = older->key ? pool_key_hold(older->key) : NULL;
	return HUFU_OK;
}

struct object *draft_snapshot(const struct object *older, const struct attrs *attrs)
{
	struct object *o = object_new(older->token, older->private_object);
	if (!o || !attrs_copy(&o->attrs, attrs)) {
		object_rele(o);
		return NULL;
	}
	o->handle = older->handle;
	memcpy(o->uuid, older->uuid, sizeof o->uuid);
	o->session = older->session;
	o->born = older->born;
	o->by_login = token_login(older->token) != LOGIN_NONE && !draft_unproven(older, attrs);
	o->object_class = older->object_class;
	o->key_type = older->key_type;
	o->policy = older->policy;
	if (snapshot_key(o, older) != HUFU_OK) {
		object_rele(o);
		return NULL;
	}
	return o;
}

CK_RV draft_publish(struct session *s, const struct draft *draft, CK_OBJECT_HANDLE *handle)
{
	return draft->on_token ? publish_on_token(s->token, &draft, 1, handle) : publish_in_session(s, draft, handle);
}

/* -- new objects ------------------------------------------------------------------------- */

/* A draft and the attributes that it points to. */
struct built {
	struct attrs attrs;
	struct draft draft;
};

/* built_clear, whatever the code. */
static CK_RV build(struct built *b, const struct plan *plan, const struct material *m, const uint8_t *op_id)
{
	bool has_copies = m && plan->object_class != CKO_PUBLIC_KEY;
	attrs_init(&b->attrs, plan->private_object);
	CK_RV rv = complete(&b->attrs, plan, m);
	if (rv != CKR_OK)
		return rv;
	b->draft = (struct draft){
		.on_token = plan->on_token, .private_object = plan->private_object, .object_class = plan->object_class,
		.key_type = plan->key_type, .policy = policy_of(&b->attrs), .attrs = &b->attrs, .op_id = op_id,
		.copies = has_copies ? m->copies->list : NULL, .ncopies = has_copies ? m->copies->n : 0,
	};
	return plan->on_token ? digest_request(plan, b->draft.request) : CKR_OK;
}

static void built_clear(struct built *b)
{
	attrs_clear(&b->attrs);
}

CK_RV object_commit(struct session *s, const struct plan *plan, const struct material *m, const uint8_t *op_id,
                    CK_OBJECT_HANDLE *handle)
{
	struct built b;
	CK_RV rv = build(&b, plan, m, op_id);
	if (rv == CKR_OK)
		rv = draft_publish(s, &b.draft, handle);
	built_clear(&b);
	return rv;
}

/* Each half is a row of its own, under an id of its own. */
static void other_op_id(const uint8_t op_id[16], uint8_t other[16])
{
	memcpy(other, op_id, 16);
	other[15] ^= 1;
}

/* Of two rows the store sees to it that both are there or none; a session object can be taken back. */
static CK_RV publish_pair(struct session *s, const struct draft *pub, const struct draft *priv, CK_OBJECT_HANDLE *hpub,
                          CK_OBJECT_HANDLE *hpriv)
{
	const struct draft *both[] = {pub, priv};
	CK_OBJECT_HANDLE handles[2];
	CK_RV rv;
	if (pub->on_token && priv->on_token) {
		rv = publish_on_token(s->token, both, 2, handles);
	} else {
		int first = pub->on_token; /* the row last: it cannot be taken back without a trace */
		rv = draft_publish(s, both[first], &handles[first]);
		if (rv != CKR_OK)
			return rv;
		rv = draft_publish(s, both[!first], &handles[!first]);
		if (rv != CKR_OK)
			(void)object_undo(s, handles[first]); /* the first error is the answer */
	}
	if (rv == CKR_OK) {
		*hpub = handles[0];
		*hpriv = handles[1];
	}
	return rv;
}

CK_RV object_commit_pair(struct session *s, const struct plan *pub, const struct plan *priv, const struct material *m,
                         const uint8_t *op_id, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv)
{
	struct built public, private;
	uint8_t pub_op_id[16];
	other_op_id(op_id, pub_op_id);
	CK_RV rv = build(&public, pub, m, pub_op_id);
	CK_RV rv_private = build(&private, priv, m, op_id);
	if (rv == CKR_OK)
		rv = rv_private;
	if (rv == CKR_OK)
		rv = publish_pair(s, &public.draft, &private.draft, hpub, hpriv);
	built_clear(&public);
	built_clear(&private);
	return rv;
}

enum hufu_err object_commit_resident(struct token *token, const struct plan *pub, const struct plan *key, const struct material *m,
                                     const uint8_t op_id[16])
{
	struct built public, private;
	uint8_t pub_op_id[16], uuids[DRAFTS_MAX][16];
	const struct draft *drafts[] = {&private.draft, &public.draft};
	CK_RV rv = build(&private, key, m, op_id);
	other_op_id(op_id, pub_op_id);
	attrs_init(&public.attrs, false);
	if (rv == CKR_OK && pub)
		rv = build(&public, pub, m, pub_op_id);
	enum hufu_err err = rv == CKR_OK ? insert(token, drafts, pub ? 2 : 1, uuids) :
	                                   rv == CKR_HOST_MEMORY ? HUFU_ERR_NO_MEMORY : HUFU_ERR_CORRUPT;
	built_clear(&public);
	built_clear(&private);
	return err;
}
