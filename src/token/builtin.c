/* SPDX-License-Identifier: Apache-2.0 */
#include "token/builtin.h"
#include "rand/rand.h"
#include "token/draft.h"
#include "token/rv.h"

/* No session has this handle, so none takes them along when it ends. */
#define OWNER CK_UNAVAILABLE_INFORMATION

bool builtin_is(const struct object *o)
{
	return o->session == OWNER;
}

static bool made(struct token *token)
{
	bool found = false;
	pthread_mutex_lock(&token->lock);
	for (size_t i = 0; !found && i < token->nsession_objects; i++)
		found = token->session_objects[i].session == OWNER;
	pthread_mutex_unlock(&token->lock);
	return found;
}

static CK_RV describe_profile(struct attrs *attrs, CK_PROFILE_ID id)
{
	bool ok = attrs_set_ulong(attrs, CKA_CLASS, CKO_PROFILE) && attrs_set_ulong(attrs, CKA_PROFILE_ID, id) &&
	          attrs_set_bool(attrs, CKA_TOKEN, true) && attrs_set_bool(attrs, CKA_PRIVATE, false) &&
	          attrs_set_bool(attrs, CKA_MODIFIABLE, false) && attrs_set_bool(attrs, CKA_COPYABLE, false) &&
	          attrs_set_bool(attrs, CKA_DESTROYABLE, false) && attrs_set(attrs, CKA_LABEL, NULL, 0);
	return ok ? draft_set_unique_id(attrs) : CKR_HOST_MEMORY;
}

/* PKCS#11 Profiles 3.1, 2.1: what a Baseline Provider does, hufu does. */
static CK_RV make_profile(struct token *token)
{
	CK_OBJECT_HANDLE handle;
	struct object *o = object_new(token, false);
	if (!o)
		return CKR_HOST_MEMORY;
	o->session = OWNER;
	o->object_class = CKO_PROFILE;
	CK_RV rv = describe_profile(&o->attrs, CKP_BASELINE_PROVIDER);
	if (rv == CKR_OK)
		rv = rv_of(rand_bytes(o->uuid, sizeof o->uuid));
	if (rv != CKR_OK) {
		object_rele(o);
		return rv;
	}
	return object_adopt(o, &handle);
}

CK_RV builtin_make(struct token *token)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER; /* of two threads that ask first, one makes it */
	pthread_mutex_lock(&once);
	CK_RV rv = made(token) ? CKR_OK : make_profile(token);
	pthread_mutex_unlock(&once);
	return rv;
}
