/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan and its key material to an object that is there. */
#include "base/secret.h"
#include "rand/rand.h"
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
	if (m->pub_len != 64)
		return CKR_OK;
	point_encode(m->pub, der);
	asn1_spki_encode(m->pub, spki);
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
	if (plan->key_type == CKK_HUFU_SM2)
		return set_sm2_point(attrs, m);
	if (!key_form_read_public(m->pub, m->pub_len, &form) || form.type != plan->key_type)
		return CKR_DEVICE_ERROR;
	CK_RV rv = form.curve ? set_point(attrs, &form) : set_modulus(attrs, plan->object_class, &form);
	return rv == CKR_OK ? set_computed(attrs, CKA_PUBLIC_KEY_INFO, m->pub, m->pub_len) : rv;
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
 * 4.9, 4.10: was it always so? Only generating says yes by itself, but not of a password, which somebody knows; what is
 * derived or unwrapped inherits it.
 */
static bool set_history(struct attrs *attrs, enum origin origin, const struct material *m)
{
	bool sensitive = attrs_bool(attrs, CKA_SENSITIVE, false), extractable = attrs_bool(attrs, CKA_EXTRACTABLE, false);
	bool generated = origin == ORIGIN_GENERATE && m->mechanism != CKM_PKCS5_PBKD2;
	return attrs_set_bool(attrs, CKA_ALWAYS_SENSITIVE, sensitive && (generated || m->always_sensitive)) &&
	       attrs_set_bool(attrs, CKA_NEVER_EXTRACTABLE, !extractable && (generated || m->never_extractable));
}

static CK_RV complete_key(struct attrs *attrs, const struct plan *plan, const struct material *m)
{
	bool ok = attrs_set_bool(attrs, CKA_LOCAL, plan->origin == ORIGIN_GENERATE) &&
	          attrs_set_ulong(attrs, CKA_KEY_GEN_MECHANISM, m->mechanism);
	if (ok && plan->object_class != CKO_PUBLIC_KEY)
		ok = set_history(attrs, plan->origin, m);
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
	};
	uint32_t policy = 0;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (attrs_bool(attrs, rows[i].type, false))
			policy |= rows[i].bit;
	return policy;
}

CK_RV object_commit(struct session *s, const struct plan *plan, const struct material *m, const uint8_t *op_id,
                    CK_OBJECT_HANDLE *handle)
{
	struct attrs attrs;
	struct pool_copy copy = {0};
	attrs_init(&attrs, plan->private_object);
	CK_RV rv = complete(&attrs, plan, m);
	if (rv == CKR_OK) {
		if (m)
			copy = (struct pool_copy){.kind = m->copy_kind, .domain = m->domain, .data = m->data, .len = m->len};
		struct draft draft = {
			.on_token = plan->on_token, .private_object = plan->private_object, .object_class = plan->object_class,
			.key_type = plan->key_type, .policy = policy_of(&attrs), .attrs = &attrs, .op_id = op_id,
			.copies = &copy, .ncopies = m && m->domain ? 1 : 0,
		};
		rv = draft_publish(s, &draft, handle);
	}
	attrs_clear(&attrs);
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

static enum hufu_err insert(struct token *token, const struct draft *draft, uint8_t uuid[16])
{
	struct columns columns;
	struct store_copy copies[STORE_COPIES_MAX];
	struct store_draft row = {
		.private_object = draft->private_object, .object_class = draft->object_class, .key_type = draft->key_type,
		.policy = draft->policy, .attrs = columns.list, .nattrs = draft->attrs->n,
		.copies = copies, .ncopies = draft->ncopies, .unproven = draft->unproven,
	};
	for (size_t i = 0; i < draft->ncopies; i++)
		copies[i] = (struct store_copy){.kind = draft->copies[i].kind, .domain = draft->copies[i].domain,
		                                .data = draft->copies[i].data, .len = draft->copies[i].len};
	if (draft->op_id)
		memcpy(row.op_id, draft->op_id, sizeof row.op_id);
	enum hufu_err err = columns_init(&columns, draft->attrs);
	if (err == HUFU_OK)
		err = no_room(store_insert(token->store, &row, uuid));
	columns_clear(&columns);
	return err;
}

static CK_RV publish_on_token(struct token *token, const struct draft *draft, CK_OBJECT_HANDLE *handle)
{
	uint8_t uuid[16];
	CK_RV rv = rv_of(insert(token, draft, uuid));
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&token->lock);
	*handle = handle_of_uuid(token, uuid);
	pthread_mutex_unlock(&token->lock);
	return *handle ? CKR_OK : CKR_HOST_MEMORY;
}

enum hufu_err draft_update(const struct object *o, const struct attrs *attrs)
{
	struct columns columns;
	struct store_draft row = {
		.private_object = o->private_object, .object_class = o->object_class, .key_type = o->key_type, .policy = o->policy,
		.attrs = columns.list, .nattrs = attrs->n, .unproven = draft_unproven(o, attrs),
	};
	enum hufu_err err = columns_init(&columns, attrs);
	if (err == HUFU_OK)
		err = no_room(store_update(o->token->store, o->uuid, o->version, &row));
	columns_clear(&columns);
	return err;
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
	o->key = older->key ? pool_key_hold(older->key) : NULL;
	return o;
}

CK_RV draft_publish(struct session *s, const struct draft *draft, CK_OBJECT_HANDLE *handle)
{
	return draft->on_token ? publish_on_token(s->token, draft, handle) : publish_in_session(s, draft, handle);
}
