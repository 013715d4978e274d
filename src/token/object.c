/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/context.h"
#include "token/object.h"
#include "base/log.h"
#include "base/secret.h"
#include "token/handle.h"
#include "token/rv.h"

#include <stdlib.h>
#include <string.h>

struct object *object_new(struct token *token, bool private_object)
{
	struct object *o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	atomic_init(&o->refs, 1);
	o->token = token;
	o->private_object = private_object;
	o->key_type = CK_UNAVAILABLE_INFORMATION;
	o->born = libcrypto_epoch();
	attrs_init(&o->attrs, private_object);
	return o;
}

struct object *object_hold(struct object *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void object_rele(struct object *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	attrs_clear(&o->attrs);
	if (o->key)
		pool_key_rele(o->key);
	free(o);
}

/* -- from the store ---------------------------------------------------------- */

bool object_material_type(CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type, enum hufu_key_type *type)
{
	static const struct {
		CK_OBJECT_CLASS object_class;
		CK_KEY_TYPE key_type;
		enum hufu_key_type type;
	} rows[] = {
		{CKO_PRIVATE_KEY, CKK_HUFU_SM2, HUFU_KEY_SM2_PRIVATE},
		{CKO_PUBLIC_KEY, CKK_HUFU_SM2, HUFU_KEY_SM2_PUBLIC},
		{CKO_PRIVATE_KEY, CKK_RSA, HUFU_KEY_RSA_PRIVATE},
		{CKO_PUBLIC_KEY, CKK_RSA, HUFU_KEY_RSA_PUBLIC},
		{CKO_PRIVATE_KEY, CKK_EC, HUFU_KEY_EC_PRIVATE},
		{CKO_PUBLIC_KEY, CKK_EC, HUFU_KEY_EC_PUBLIC},
		{CKO_PRIVATE_KEY, CKK_EC_EDWARDS, HUFU_KEY_EDWARDS_PRIVATE},
		{CKO_PUBLIC_KEY, CKK_EC_EDWARDS, HUFU_KEY_EDWARDS_PUBLIC},
		{CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY, HUFU_KEY_MONTGOMERY_PRIVATE},
		{CKO_PUBLIC_KEY, CKK_EC_MONTGOMERY, HUFU_KEY_MONTGOMERY_PUBLIC},
		{CKO_SECRET_KEY, CKK_HUFU_SM4, HUFU_KEY_SM4},
		{CKO_SECRET_KEY, CKK_HUFU_ZUC, HUFU_KEY_ZUC},
		{CKO_SECRET_KEY, CKK_HUFU_SM3_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_GENERIC_SECRET, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA_1_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA224_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA256_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA384_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA512_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA512_224_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA512_256_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA3_224_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA3_256_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA3_384_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_SHA3_512_HMAC, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_HKDF, HUFU_KEY_SECRET},
		{CKO_SECRET_KEY, CKK_AES, HUFU_KEY_AES},
		{CKO_SECRET_KEY, CKK_DES3, HUFU_KEY_DES3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].object_class == object_class && rows[i].key_type == key_type) {
			*type = rows[i].type;
			return true;
		}
	return false;
}

/* Public and private SM2 keys carry their point: CKA_EC_POINT is the OCTET STRING of 04 || x || y. */
static const uint8_t *public_point(const struct attrs *attrs)
{
	const CK_ATTRIBUTE *point = attrs_get(attrs, CKA_EC_POINT);
	if (!point || point->ulValueLen != 67)
		return NULL;
	return (const uint8_t *)point->pValue + 3;
}

/* The clear form of a public key: SM2's point, others' SubjectPublicKeyInfo. */
static bool public_form(const struct object *o, struct pool_copy *copy)
{
	const CK_ATTRIBUTE *info = attrs_get(&o->attrs, CKA_PUBLIC_KEY_INFO);
	*copy = (struct pool_copy){.kind = HUFU_COPY_BLOB, .data = public_point(&o->attrs), .len = 64};
	if (o->key_type != CKK_HUFU_SM2) {
		copy->data = info ? info->pValue : NULL;
		copy->len = info ? info->ulValueLen : 0;
	}
	return copy->data != NULL;
}

/* What signatures of devices that are not software are verified under. */
static enum hufu_err set_public(struct object *o, enum hufu_key_type type)
{
	const uint8_t *point = public_point(&o->attrs);
	const CK_ATTRIBUTE *info = attrs_get(&o->attrs, CKA_PUBLIC_KEY_INFO);
	if (type == HUFU_KEY_SM2_PRIVATE)
		return point ? pool_key_set_point(o->key, point) : HUFU_OK;
	return info && info->ulValueLen ? pool_key_set_public(o->key, info->pValue, info->ulValueLen) : HUFU_OK;
}

bool object_falls_back(const struct object *o)
{
	bool hardware_only = o->policy & OBJECT_POLICY_HARDWARE_ONLY;
	return !hardware_only && attrs_bool(&o->attrs, CKA_HUFU_SOFTWARE_FALLBACK, o->token->conf->pool.software_fallback);
}

enum hufu_err object_attach_key(struct object *o, uint64_t version, const struct pool_copy *copies, size_t n)
{
	enum hufu_key_type type;
	struct pool_copy public;

	if (!object_material_type(o->object_class, o->key_type, &type))
		return HUFU_OK;
	if (o->object_class == CKO_PUBLIC_KEY) {
		if (!public_form(o, &public))
			return HUFU_ERR_STORE_CORRUPT;
		copies = &public;
		n = 1;
	}
	if (n == 0)
		return HUFU_OK;
	enum hufu_err err = pool_key_new(o->token->pool, o->uuid, version, type, copies, n, &o->key);
	if (err == HUFU_OK && o->object_class != CKO_PUBLIC_KEY)
		pool_key_set_policy(o->key, o->policy & OBJECT_POLICY_HARDWARE_ONLY, object_falls_back(o));
	return err == HUFU_OK && o->object_class == CKO_PRIVATE_KEY ? set_public(o, type) : err;
}

static enum hufu_err load_key(struct object *o, const struct store_row *row)
{
	struct pool_copy copies[STORE_COPIES_MAX];
	size_t n = 0;
	for (; n < row->ncopies && n < STORE_COPIES_MAX; n++)
		copies[n] = (struct pool_copy){.kind = (enum hufu_copy_kind)row->copies[n].kind, .domain = row->copies[n].domain,
		                               .data = row->copies[n].data, .len = row->copies[n].len};
	return object_attach_key(o, row->version, copies, n);
}

CK_RV object_from_row(struct token *token, CK_OBJECT_HANDLE handle, const struct store_row *row, struct object **out)
{
	struct object *o = object_new(token, row->private_object);
	if (!o)
		return CKR_HOST_MEMORY;
	enum hufu_err err = HUFU_ERR_STORE_CORRUPT;

	o->handle = handle;
	memcpy(o->uuid, row->uuid, sizeof o->uuid);
	o->version = row->version;
	o->by_login = row->by_login;
	o->object_class = (CK_OBJECT_CLASS)row->object_class;
	o->key_type = (CK_KEY_TYPE)row->key_type;
	o->policy = row->policy;
	for (size_t i = 0; i < row->nattrs; i++)
		if (!attr_decode((CK_ATTRIBUTE_TYPE)row->attrs[i].type, row->attrs[i].value, row->attrs[i].len, &o->attrs))
			goto fail;
	err = load_key(o, row);
	if (err != HUFU_OK)
		goto fail;
	*out = o;
	return CKR_OK;
fail:
	if (err == HUFU_ERR_STORE_CORRUPT)
		log_error("an object of slot 0x%lx cannot be read although its MAC is right: it was written by another version of hufu", token->slot);
	object_rele(o);
	return rv_of(err);
}

static void kill_handle(struct token *token, CK_OBJECT_HANDLE handle)
{
	pthread_mutex_lock(&token->lock);
	handle_kill(token, handle);
	pthread_mutex_unlock(&token->lock);
}

/* False: the handle has died meanwhile, or dies here. */
static bool publish(struct token *token, CK_OBJECT_HANDLE handle, struct object *o)
{
	struct object *older;
	uint8_t uuid[16];

	pthread_mutex_lock(&token->lock);
	bool alive = handle_get(token, handle, &older, uuid);
	if (alive)
		object_rele(older);
	/* PKCS#11 5.6.9: handles of private objects do not outlive a logout, not even for the next login. */
	if (alive && o->private_object && handle_login_epoch(handle) != atomic_load(&token->login_epoch)) {
		handle_kill(token, handle);
		alive = false;
	}
	if (alive)
		handle_put(handle, object_hold(o));
	pthread_mutex_unlock(&token->lock);
	return alive;
}

/* Reads the row and publishes it under its handle. NOT_FOUND kills the handle. */
static CK_RV load(struct token *token, CK_OBJECT_HANDLE handle, const uint8_t uuid[16], CK_RV invalid, struct object **out)
{
	struct store_row *row = NULL;
	uint64_t epoch = atomic_load(&token->epoch);
	enum hufu_err err = store_get(token->store, uuid, &row);
	if (err == HUFU_ERR_NOT_FOUND)
		kill_handle(token, handle);
	if (err == HUFU_ERR_NOT_FOUND || err == HUFU_ERR_LOCKED)
		return invalid;
	if (err != HUFU_OK)
		return rv_of(err);

	CK_RV rv = object_from_row(token, handle, row, out);
	store_row_free(row);
	if (rv != CKR_OK)
		return rv;
	(*out)->epoch = epoch;
	if (publish(token, handle, *out))
		return CKR_OK;
	object_rele(*out);
	return invalid;
}

/* The store changed since this snapshot was known to be current: is it still? */
static CK_RV revalidate(struct token *token, struct object **o, CK_RV invalid)
{
	uint64_t version = 0, epoch = atomic_load(&token->epoch);
	enum hufu_err err = store_version(token->store, (*o)->uuid, &version);
	if (err == HUFU_OK && version == (*o)->version) {
		__atomic_store_n(&(*o)->epoch, epoch, __ATOMIC_RELAXED);
		return CKR_OK;
	}
	struct object *stale = *o;
	CK_RV rv = err == HUFU_OK || err == HUFU_ERR_NOT_FOUND ? load(token, stale->handle, stale->uuid, invalid, o) : rv_of(err);
	object_rele(stale);
	return rv;
}

CK_RV object_find(struct session *s, CK_OBJECT_HANDLE handle, CK_RV invalid, struct object **out)
{
	struct token *token = s->token;
	struct object *o;
	uint8_t uuid[16];

	CK_RV rv = token_refresh(token, false);
	if (rv != CKR_OK)
		return rv;
	if (!handle_get(token, handle, &o, uuid))
		return invalid;
	if (!o)
		rv = load(token, handle, uuid, invalid, &o);
	else if (!o->session && __atomic_load_n(&o->epoch, __ATOMIC_RELAXED) != atomic_load(&token->epoch))
		rv = revalidate(token, &o, invalid);
	if (rv != CKR_OK)
		return rv;
	if (o->private_object && token_login(token) != LOGIN_USER) {
		object_rele(o);
		return invalid;
	}
	*out = o;
	return CKR_OK;
}

/* -- session objects ---------------------------------------------------------- */

CK_RV object_adopt(struct object *o, CK_OBJECT_HANDLE *handle)
{
	struct token *token = o->token;
	CK_RV rv = CKR_USER_NOT_LOGGED_IN;

	pthread_mutex_lock(&token->lock);
	if (o->private_object && token_login(token) != LOGIN_USER) /* logged out while it was made */
		goto out;
	rv = CKR_HOST_MEMORY;
	if (token->nsession_objects == token->cap_session_objects) {
		size_t cap = token->cap_session_objects ? token->cap_session_objects * 2 : 16;
		struct session_object *more = realloc(token->session_objects, cap * sizeof *more);
		if (!more)
			goto out;
		token->session_objects = more;
		token->cap_session_objects = cap;
	}
	*handle = handle_new(o);
	if (*handle == 0)
		goto out;
	token->session_objects[token->nsession_objects++] = (struct session_object){.handle = *handle, .session = o->session};
	o = NULL; /* the handle's */
	rv = CKR_OK;
out:
	pthread_mutex_unlock(&token->lock);
	object_rele(o);
	return rv;
}

static void drop_session_objects(struct token *token, bool (*drop)(struct token *, const struct session_object *, CK_SESSION_HANDLE),
                                 CK_SESSION_HANDLE session)
{
	size_t kept = 0;
	for (size_t i = 0; i < token->nsession_objects; i++) {
		struct session_object so = token->session_objects[i];
		if (drop(token, &so, session))
			handle_kill(token, so.handle);
		else
			token->session_objects[kept++] = so;
	}
	token->nsession_objects = kept;
}

static bool of_session(struct token *token, const struct session_object *so, CK_SESSION_HANDLE session)
{
	(void)token;
	return session == 0 || so->session == session;
}

/* Also what C_DestroyObject has killed already: such a handle finds nothing. */
static bool is_private_or_dead(struct token *token, const struct session_object *so, CK_SESSION_HANDLE session)
{
	(void)session;
	struct object *o;
	uint8_t uuid[16];
	if (!handle_get(token, so->handle, &o, uuid))
		return true;
	bool drop = o && o->private_object;
	object_rele(o);
	return drop;
}

void object_drop_session(struct token *token, CK_SESSION_HANDLE session)
{
	pthread_mutex_lock(&token->lock);
	if (token->nsession_objects)
		drop_session_objects(token, of_session, session);
	pthread_mutex_unlock(&token->lock);
}

static bool loaded_private(const struct object *o, void *arg)
{
	(void)arg;
	return o && o->private_object;
}

void object_drop_private(struct token *token)
{
	drop_session_objects(token, is_private_or_dead, 0);
	handle_kill_if(token, loaded_private, NULL);
}

static bool any(const struct object *o, void *arg)
{
	(void)o;
	(void)arg;
	return true;
}

void object_drop_all(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	token->nsession_objects = 0;
	handle_kill_if(token, any, NULL);
	pthread_mutex_unlock(&token->lock);
}
