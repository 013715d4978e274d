/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C_FindObjects (PKCS#11 3.1 5.7.7 to 5.7.9).
 *
 * C_FindObjectsInit notes the candidates: the uuids that the store's index
 * gives for the template, and the session objects. Each is loaded and compared
 * with the whole template when its turn comes, since the index of a store is
 * not trusted: whoever can write it could put any object under any label.
 */
#include "token/builtin.h"
#include "token/handle.h"
#include "token/object.h"
#include "token/residents.h"
#include "token/rv.h"
#include "token/show.h"
#include "token/vendor.h"

#include <stdlib.h>
#include <string.h>

struct find {
	struct attrs wanted;
	CK_OBJECT_HANDLE *handles;      /* of session objects */
	size_t nhandles;
	uint8_t (*uuids)[16];           /* of token objects */
	size_t nuuids;
	size_t next;                    /* through handles, then uuids */
};

void find_free(struct find *find)
{
	if (!find)
		return;
	attrs_clear(&find->wanted);
	free(find->handles);
	free(find->uuids);
	free(find);
}

/* -- candidates --------------------------------------------------------------------------- */

static int by_rarity(const void *a, const void *b)
{
	unsigned x = attr_rarity((CK_ATTRIBUTE_TYPE)((const struct store_attr *)a)->type);
	unsigned y = attr_rarity((CK_ATTRIBUTE_TYPE)((const struct store_attr *)b)->type);
	return (x > y) - (x < y);
}

/* Where what is shown is not what is stored, the index does not know: SM2 keys shown as CKK_EC, and the value of a key. */
static bool asks_index(const struct token *token, const struct attrs *wanted, const CK_ATTRIBUTE *a)
{
	CK_OBJECT_CLASS object_class = attrs_ulong(wanted, CKA_CLASS, CKO_SECRET_KEY);
	if (a->type == CKA_KEY_TYPE && token->conf->sm2_view == CONF_SM2_EC)
		return false;
	if (a->type == CKA_VALUE && object_class != CKO_DATA && object_class != CKO_CERTIFICATE)
		return false;
	return a->ulValueLen && attr_indexed(a->type);
}

/* The values of the list lie in writer, one behind the other. */
static bool index_terms(const struct token *token, const struct attrs *wanted, struct store_attr *terms, size_t *n,
                        struct writer *w)
{
	*n = 0;
	for (size_t i = 0; i < wanted->n; i++) {
		const CK_ATTRIBUTE *a = &wanted->list[i];
		size_t start = w->len;
		if (!asks_index(token, wanted, a))
			continue;
		if (!attr_encode(a, w))
			return false;
		terms[(*n)++] = (struct store_attr){.type = a->type, .len = w->len - start};
	}
	const uint8_t *p = w->data;
	for (size_t i = 0; i < *n; i++) {
		terms[i].value = p;
		p += terms[i].len;
	}
	qsort(terms, *n, sizeof *terms, by_rarity);
	return true;
}

static CK_RV ask_store(struct session *s, struct find *find)
{
	struct token *token = s->token;
	struct store_attr terms[STORE_ATTRS_MAX];
	struct writer w;
	size_t n;
	if (!attrs_bool(&find->wanted, CKA_TOKEN, true))
		return CKR_OK;
	bool with_private = token_login(token) == LOGIN_USER && attrs_bool(&find->wanted, CKA_PRIVATE, true);
	writer_init(&w, true);
	enum hufu_err err = HUFU_ERR_NO_MEMORY;
	if (index_terms(token, &find->wanted, terms, &n, &w))
		err = store_find(token->store, terms, n, with_private, &find->uuids, &find->nuuids);
	writer_clear(&w);
	return rv_of(err);
}

static CK_RV note_session_objects(struct token *token, struct find *find)
{
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&token->lock);
	size_t n = token->nsession_objects;
	if (n) {
		find->handles = calloc(n, sizeof *find->handles);
		if (!find->handles)
			rv = CKR_HOST_MEMORY;
	}
	for (size_t i = 0; find->handles && i < n; i++)
		find->handles[find->nhandles++] = token->session_objects[i].handle;
	pthread_mutex_unlock(&token->lock);
	return rv;
}

/* NSS puts attributes of its own into templates: what no object has, none matches. */
static bool hopeless(const struct attrs *wanted)
{
	bool known;
	for (size_t i = 0; i < wanted->n; i++) {
		attr_kind(wanted->list[i].type, &known);
		if (!known)
			return true;
	}
	return false;
}

static CK_RV gather(struct session *s, struct find *find)
{
	residents_look_again(s->token);
	CK_RV rv = token_refresh(s->token, true);
	if (rv == CKR_OK && attrs_ulong(&find->wanted, CKA_CLASS, CKO_DATA) == CKO_PROFILE)
		rv = builtin_make(s->token);
	if (rv == CKR_OK)
		rv = note_session_objects(s->token, find);
	return rv == CKR_OK ? ask_store(s, find) : rv;
}

/* templ in our own numbers, checked. */
static CK_RV begin(struct session *s, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	CK_RV rv = CKR_OK;
	struct find *find = calloc(1, sizeof *find);
	if (!find)
		return CKR_HOST_MEMORY;
	attrs_init(&find->wanted, true);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++)
		if (!attrs_set(&find->wanted, templ[i].type, templ[i].pValue, templ[i].ulValueLen))
			rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK && !hopeless(&find->wanted))
		rv = gather(s, find);
	if (rv != CKR_OK) {
		find_free(find);
		return rv;
	}
	s->find = find;
	return CKR_OK;
}

CK_RV find_init(struct session *s, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct own_template own;
	if (s->find)
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = vendor_take_template(s->token->conf, templ, n, &own);
	if (rv != CKR_OK)
		return rv;
	rv = begin(s, own.list, own.n);
	own_template_clear(&own);
	return rv;
}

/* -- one by one ----------------------------------------------------------------------------- */

static CK_OBJECT_HANDLE handle_at(struct token *token, const struct find *find, size_t i)
{
	if (i < find->nhandles)
		return find->handles[i];
	pthread_mutex_lock(&token->lock);
	CK_OBJECT_HANDLE handle = handle_of_uuid(token, find->uuids[i - find->nhandles]);
	pthread_mutex_unlock(&token->lock);
	return handle;
}

/* 4.3, 4.12: applications that do not know such objects do not see them. Profiles, younger still, likewise. */
static bool hidden(const struct object *o, const struct attrs *wanted)
{
	return builtin_is(o) && !attrs_get(wanted, CKA_CLASS);
}

static bool matches(struct object *o, const struct attrs *wanted)
{
	if (hidden(o, wanted))
		return false;
	for (size_t i = 0; i < wanted->n; i++)
		if (!shows(o, &wanted->list[i]))
			return false;
	return true;
}

/* A handle that an earlier login left behind dies when it is looked at; the object has a new one then. */
static CK_RV load(struct session *s, const struct find *find, size_t i, CK_OBJECT_HANDLE *handle, struct object **o)
{
	*handle = handle_at(s->token, find, i);
	CK_RV rv = *handle ? object_find(s, *handle, CKR_OBJECT_HANDLE_INVALID, o) : CKR_HOST_MEMORY;
	if (rv != CKR_OBJECT_HANDLE_INVALID)
		return rv;
	CK_OBJECT_HANDLE dead = *handle;
	*handle = handle_at(s->token, find, i);
	if (*handle == 0)
		return CKR_HOST_MEMORY;
	return *handle == dead ? rv : object_find(s, *handle, CKR_OBJECT_HANDLE_INVALID, o);
}

/* A row that is gone, out of sight or refused (the store has reported it) is passed over; a store that fails is not. */
static CK_RV look_at(struct session *s, const struct find *find, size_t i, CK_OBJECT_HANDLE *found)
{
	struct object *o;
	CK_OBJECT_HANDLE handle;
	*found = 0;
	CK_RV rv = load(s, find, i, &handle, &o);
	if (rv == CKR_OBJECT_HANDLE_INVALID)
		return CKR_OK;
	if (rv == CKR_DEVICE_ERROR)
		return token_refresh(s->token, true);
	if (rv != CKR_OK)
		return rv;
	if (matches(o, &find->wanted))
		*found = handle;
	object_rele(o);
	return CKR_OK;
}

CK_RV find_next(struct session *s, CK_OBJECT_HANDLE *handles, CK_ULONG max, CK_ULONG *n)
{
	struct find *find = s->find;
	if (!find)
		return CKR_OPERATION_NOT_INITIALIZED;
	CK_ULONG count = 0;
	while (count < max && find->next < find->nhandles + find->nuuids) {
		CK_RV rv = look_at(s, find, find->next, &handles[count]);
		if (rv != CKR_OK)
			return rv;
		find->next++;
		if (handles[count])
			count++;
	}
	*n = count;
	return CKR_OK;
}

CK_RV find_final(struct session *s)
{
	if (!s->find)
		return CKR_OPERATION_NOT_INITIALIZED;
	find_free(s->find);
	s->find = NULL;
	return CKR_OK;
}
