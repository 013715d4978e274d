/* SPDX-License-Identifier: Apache-2.0 */
/* C_GetAttributeValue, C_SetAttributeValue, C_GetObjectSize (PKCS#11 3.1 5.7.4 to 5.7.6). */
#include "token/draft.h"
#include "token/handle.h"
#include "token/policy.h"
#include "token/rules.h"
#include "token/rv.h"
#include "token/show.h"
#include "token/vendor.h"

#include <string.h>

/* -- getting ---------------------------------------------------------------------------- */

static CK_RV unavailable(CK_ATTRIBUTE *to, CK_RV rv)
{
	to->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	return rv;
}

/* 5.7.5, cases 3 to 5: pValue NULL asks for the length. */
static CK_RV give(CK_ATTRIBUTE *to, const void *value, size_t len)
{
	if (!to->pValue) {
		to->ulValueLen = len;
		return CKR_OK;
	}
	if (to->ulValueLen < len)
		return unavailable(to, CKR_BUFFER_TOO_SMALL);
	if (len)
		memcpy(to->pValue, value, len);
	to->ulValueLen = len;
	return CKR_OK;
}

/* The last error that counts: one entry's does not keep the others from being filled. */
static CK_RV worse(CK_RV so_far, CK_RV rv)
{
	return rv == CKR_OK ? so_far : rv;
}

/* 5.7.5: the array that pValue points to has elements that are asked for, or filled, one by one. */
static CK_RV give_template(CK_ATTRIBUTE *to, const CK_ATTRIBUTE *list, size_t len)
{
	size_t n = len / sizeof *list;
	CK_ATTRIBUTE *out = to->pValue;
	CK_RV rv = CKR_OK;
	bool known;
	if (!out || to->ulValueLen < len)
		return give(to, list, len);
	for (size_t i = 0; i < n; i++) {
		out[i].type = list[i].type;
		bool nested = attr_kind(list[i].type, &known) == ATTR_TEMPLATE;
		rv = worse(rv, nested ? give_template(&out[i], list[i].pValue, list[i].ulValueLen)
		                      : give(&out[i], list[i].pValue, list[i].ulValueLen));
	}
	to->ulValueLen = len;
	return rv;
}

/* What ends the call instead of marking an entry: the device or the machine failed. */
static bool is_an_answer(CK_RV rv)
{
	return rv == CKR_OK || rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL;
}

static CK_RV give_attribute(const struct object *o, CK_ATTRIBUTE *to, const struct shown *shown)
{
	CK_ATTRIBUTE is = {.type = to->type, .pValue = (void *)(uintptr_t)shown->value, .ulValueLen = shown->len};
	struct attrs in_vendors;
	bool known;
	CK_RV rv = vendor_show(o->token->conf, &is, &in_vendors);
	if (rv != CKR_OK)
		rv = unavailable(to, rv);
	else if (attr_kind(is.type, &known) == ATTR_TEMPLATE)
		rv = give_template(to, is.pValue, is.ulValueLen);
	else
		rv = give(to, is.pValue, is.ulValueLen);
	attrs_clear(&in_vendors);
	return rv;
}

static CK_RV get_one(struct object *o, CK_ATTRIBUTE *to)
{
	struct shown shown;
	CK_RV rv = show(o, to->type, &shown);
	if (rv != CKR_OK)
		return unavailable(to, rv);
	rv = give_attribute(o, to, &shown);
	shown_clear(&shown);
	return rv;
}

CK_RV object_get_attributes(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct object *o;
	CK_RV rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	for (CK_ULONG i = 0; i < n && is_an_answer(rv); i++)
		rv = worse(rv, get_one(o, &templ[i]));
	object_rele(o);
	return rv;
}

/* What the object takes in the store, about: its attributes, each with type and length. */
CK_RV object_size(struct session *s, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
	struct object *o;
	const struct pool_copy *copies;
	CK_RV rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	*size = 0;
	for (size_t i = 0; i < o->attrs.n; i++)
		*size += o->attrs.list[i].ulValueLen + 12;
	size_t ncopies = o->key ? pool_key_copies(o->key, &copies) : 0;
	for (size_t i = 0; i < ncopies; i++)
		*size += copies[i].len;
	object_rele(o);
	return CKR_OK;
}

/* -- setting ---------------------------------------------------------------------------- */

/* Another process may change the object between our look and our change. */
#define TRIES 5

/* A change, and the rules that it must keep to. */
struct change {
	const CK_ATTRIBUTE *templ;
	CK_ULONG n;
	CK_RV (*check)(struct session *, const struct object *, const struct change *);
	const struct barred *barred;    /* of a latch */
};

static CK_RV check_set(struct session *s, const struct object *o, const struct change *change)
{
	const struct rule_set *set = rules_of(o);
	if (!attrs_bool(&o->attrs, CKA_MODIFIABLE, true) || !set)
		return CKR_ACTION_PROHIBITED;
	if (!o->session && !session_rw(s))
		return CKR_SESSION_READ_ONLY;
	CK_RV rv = rules_check_change(set, &o->attrs, false, token_login(s->token), change->templ, change->n);
	return rv == CKR_OK ? policy_check_change(o, change->templ, change->n) : rv;
}

/* The token's own mark: neither CKA_MODIFIABLE nor a read-only session keeps it off. */
static CK_RV check_latch(struct session *s, const struct object *o, const struct change *change)
{
	(void)s;
	for (size_t i = 0; i < change->barred->n; i++)
		if (attrs_bool(&o->attrs, change->barred->by[i], false))
			return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return CKR_OK;
}

/* Under token->lock: the handle may have died meanwhile, and been given to another object. NULL forgets what was loaded. */
static CK_RV replace(struct token *token, CK_OBJECT_HANDLE handle, struct object *newer)
{
	struct object *older;
	uint8_t uuid[16];
	if (!handle_get(token, handle, &older, uuid)) {
		object_rele(newer);
		return CKR_OBJECT_HANDLE_INVALID;
	}
	object_rele(older);
	handle_put(handle, newer);
	return CKR_OK;
}

static enum hufu_err set_on_token(struct object *o, const struct change *change)
{
	struct token *token = o->token;
	struct attrs attrs;
	attrs_init(&attrs, o->private_object);
	enum hufu_err err = draft_change(&attrs, o, change->templ, change->n) ? draft_update(o, &attrs) : HUFU_ERR_NO_MEMORY;
	attrs_clear(&attrs);
	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&token->lock);
	atomic_fetch_add(&token->epoch, 1); /* whoever has read the older row and not published it yet asks again */
	(void)replace(token, o->handle, NULL);
	pthread_mutex_unlock(&token->lock);
	return HUFU_OK;
}

/* The lock keeps two threads from each starting with the same snapshot. */
static CK_RV set_in_session(struct session *s, CK_OBJECT_HANDLE handle, const struct change *change)
{
	struct token *token = s->token;
	struct object *now = NULL, *newer = NULL;
	struct attrs attrs;
	uint8_t uuid[16];
	CK_RV rv = CKR_OBJECT_HANDLE_INVALID;

	attrs_init(&attrs, true);
	pthread_mutex_lock(&token->lock);
	if (!handle_get(token, handle, &now, uuid) || !now)
		goto out;
	rv = change->check(s, now, change);
	if (rv != CKR_OK)
		goto out;
	rv = CKR_HOST_MEMORY;
	newer = draft_change(&attrs, now, change->templ, change->n) ? draft_snapshot(now, &attrs) : NULL;
	if (newer)
		rv = replace(token, handle, newer);
out:
	pthread_mutex_unlock(&token->lock);
	object_rele(now);
	attrs_clear(&attrs);
	return rv;
}

/* CKR_OK with *again: another process changed it first. */
static CK_RV try_set(struct session *s, CK_OBJECT_HANDLE handle, const struct change *change, bool *again)
{
	struct object *o;
	*again = false;
	CK_RV rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	if (o->session) {
		rv = set_in_session(s, handle, change);
	} else {
		rv = change->check(s, o, change);
		enum hufu_err err = rv == CKR_OK ? set_on_token(o, change) : HUFU_OK;
		*again = err == HUFU_ERR_CONFLICT;
		if (err != HUFU_OK)
			rv = *again ? token_refresh(s->token, true) : rv_of(err);
	}
	object_rele(o);
	return rv;
}

static CK_RV set(struct session *s, CK_OBJECT_HANDLE handle, const struct change *change)
{
	bool again = true;
	CK_RV rv = CKR_OK;
	for (int i = 0; rv == CKR_OK && again && i < TRIES; i++)
		rv = try_set(s, handle, change, &again);
	return rv == CKR_OK && again ? CKR_FUNCTION_FAILED : rv;
}

CK_RV object_set_attributes(struct session *s, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	CK_RV rv = template_check(templ, n);
	return rv == CKR_OK ? set(s, handle, &(struct change){.templ = templ, .n = n, .check = check_set}) : rv;
}

CK_RV object_latch(struct session *s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE latch, const struct barred *barred)
{
	CK_BBOOL on = CK_TRUE;
	CK_ATTRIBUTE mark = {latch, &on, sizeof on};
	return set(s, handle, &(struct change){.templ = &mark, .n = 1, .check = check_latch, .barred = barred});
}
