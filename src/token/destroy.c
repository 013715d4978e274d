/* SPDX-License-Identifier: Apache-2.0 */
/* C_DestroyObject (PKCS#11 3.1 5.7.3). */
#include "token/handle.h"
#include "token/object.h"
#include "token/rv.h"

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

static CK_RV take_away(struct session *s, struct object *o)
{
	struct token *token = s->token;
	if (o->session == 0) {
		enum hufu_err err = store_delete(token->store, o->uuid, 0);
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
	if (!attrs_bool(&o->attrs, CKA_DESTROYABLE, true))
		return CKR_ACTION_PROHIBITED;
	return o->session == 0 && !session_rw(s) ? CKR_SESSION_READ_ONLY : CKR_OK;
}

CK_RV object_destroy(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct object *o;
	CK_RV rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	rv = may_destroy(s, o);
	if (rv == CKR_OK)
		rv = take_away(s, o);
	object_rele(o);
	return rv;
}

CK_RV object_undo(struct session *s, CK_OBJECT_HANDLE handle)
{
	struct object *o;
	CK_RV rv = object_find(s, handle, CKR_OBJECT_HANDLE_INVALID, &o);
	if (rv != CKR_OK)
		return rv;
	rv = take_away(s, o);
	object_rele(o);
	return rv;
}
