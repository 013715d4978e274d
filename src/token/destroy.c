/* SPDX-License-Identifier: Apache-2.0 */
/* C_DestroyObject (PKCS#11 3.1 5.7.3). */
#include "token/handle.h"
#include "token/object.h"
#include "token/residents.h"
#include "token/rv.h"

/* Another process may change the object between our look and our change. */
#define TRIES 5

/* The last one takes the place: nothing depends on their order. */
static void unlist(struct token *token, CK_OBJECT_HANDLE handle)
{
	for (size_t i = token->nsession_objects; i-- > 0;) {
		if (token->session_objects[i].handle != handle)
			continue;
		token->session_objects[i] = token->session_objects[--token->nsession_objects];
		return;
	}
}

/* *changed: the row is not what we looked at any more. */
static CK_RV take_away(struct session *s, struct object *o, bool *changed)
{
	struct token *token = s->token;
	*changed = false;
	if (o->session == 0) {
		enum hufu_err err = store_delete(token->store, o->uuid, o->version);
		*changed = err == HUFU_ERR_CONFLICT;
		if (err != HUFU_OK && err != HUFU_ERR_NOT_FOUND) /* another process was faster: it is gone all the same */
			return rv_of(err);
	}
	pthread_mutex_lock(&token->lock);
	if (o->session)
		unlist(token, o->handle);
	handle_kill(token, o->handle);
	pthread_mutex_unlock(&token->lock);
	return CKR_OK;
}

/* May this session destroy it? */
static CK_RV may_destroy(const struct session *s, const struct object *o)
{
	if (!attrs_bool(&o->attrs, CKA_DESTROYABLE, true) && !residents_is_lost(o))
		return CKR_ACTION_PROHIBITED;
	return o->session == 0 && !session_rw(s) ? CKR_SESSION_READ_ONLY : CKR_OK;
}

/* CKA_DESTROYABLE is no matter for what nobody was told of. */
static CK_RV may_undo(const struct session *s, const struct object *o)
{
	(void)s;
	(void)o;
	return CKR_OK;
}

static CK_RV destroy(struct session *s, CK_OBJECT_HANDLE handle, CK_RV (*check)(const struct session *, const struct object *))
{
	CK_RV rv = CKR_OK;
	bool changed = true;
	for (int i = 0; rv == CKR_OK && changed && i < TRIES; i++) {
		struct object *o;
		rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
		if (rv != CKR_OK)
			return rv;
		rv = check(s, o);
		changed = false;
		if (rv == CKR_OK)
			rv = take_away(s, o, &changed);
		if (changed)
			rv = token_refresh(s->token, true);
		object_rele(o);
	}
	return rv == CKR_OK && changed ? CKR_FUNCTION_FAILED : rv;
}

CK_RV object_destroy(struct session *s, CK_OBJECT_HANDLE handle)
{
	return destroy(s, handle, may_destroy);
}

CK_RV object_undo(struct session *s, CK_OBJECT_HANDLE handle)
{
	return destroy(s, handle, may_undo);
}
