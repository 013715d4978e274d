/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session keys (GM/T 0018-2023 6.3): made here, or opened with a key of the
 * token, and gone with their session. The standard gives them a length and no
 * type; the core's keys have one. So the face keeps the value, and the core is
 * given an object of it for each type that it is used as.
 */
#include "base/secret.h"
#include "sdf/agree.h"
#include "sdf/internal.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MIN 8u /* bytes: what is shorter is no key */

static void key_free(struct key *key)
{
	secret_free(key->value);
	agreement_free(key->agreement);
	free(key);
}

/* -- making ---------------------------------------------------------------------------- */

int key_add(struct face_session *session, struct key *key, void **handle)
{
	key->handle = table_new(HANDLE_KEY, key);
	if (!key->handle) {
		key_free(key);
		return SDR_NOBUFFER;
	}
	key->session = session;
	key->next = session->keys;
	session->keys = key;
	*handle = key->handle;
	return SDR_OK;
}

int key_new(struct face_session *session, const uint8_t *value, size_t len, void **handle)
{
	if (len < KEY_MIN || len > KEY_MAX)
		return SDR_KEYERR;
	struct key *key = calloc(1, sizeof *key);
	if (!key)
		return SDR_NOBUFFER;
	key->kind = KEY_SECRET;
	key->len = len;
	key->value = secret_alloc(len);
	if (!key->value) {
		key_free(key);
		return SDR_NOBUFFER;
	}
	memcpy(key->value, value, len);
	return key_add(session, key, handle);
}

int key_random(struct session *s, unsigned int nbits, uint8_t **value, size_t *len)
{
	if (nbits % 8 || nbits / 8 < KEY_MIN || nbits / 8 > KEY_MAX)
		return SDR_INARGERR;
	*len = nbits / 8;
	*value = secret_alloc(*len);
	if (!*value)
		return SDR_NOBUFFER;
	CK_RV rv = random_fill(s, *value, *len);
	if (rv == CKR_OK)
		return SDR_OK;
	secret_free(*value);
	return sdr_of(rv, SDR_RANDERR);
}

/* -- using --------------------------------------------------------------------------------- */

/* Nothing of it leaves the core again: what is asked for is use. Not CKA_PRIVATE: it is the session's, whoever is logged in. */
static CK_RV create_object(struct session *s, const struct key *key, CK_KEY_TYPE type, CK_OBJECT_HANDLE *object)
{
	static const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	bool crypts = type == CKK_HUFU_SM4 || type == CKK_HUFU_ZUC;
	const CK_BBOOL *encrypts = crypts ? &ck_true : &ck_false;
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_KEY_TYPE, type), ATTR_BYTES(CKA_VALUE, key->value, key->len),
		ATTR(CKA_PRIVATE, ck_false), ATTR(CKA_SENSITIVE, ck_true), ATTR(CKA_EXTRACTABLE, ck_false),
		ATTR(CKA_ENCRYPT, *encrypts), ATTR(CKA_DECRYPT, *encrypts), ATTR(CKA_SIGN, ck_true), ATTR(CKA_VERIFY, ck_true),
	};
	return object_create(s, templ, COUNT(templ), object);
}

static int object_of(struct session *s, struct key *key, CK_KEY_TYPE type, CK_OBJECT_HANDLE *object)
{
	size_t i = 0;
	while (i < COUNT(key->objects) && key->objects[i].object && key->objects[i].type != type)
		i++;
	if (i == COUNT(key->objects))
		return SDR_KEYTYPEERR;
	if (!key->objects[i].object) {
		CK_RV rv = create_object(s, key, type, object);
		if (rv != CKR_OK) /* SM4 and ZUC have one length */
			return rv == CKR_ATTRIBUTE_VALUE_INVALID ? SDR_KEYTYPEERR : sdr_of(rv, SDR_KEYERR);
		key->objects[i].type = type;
		key->objects[i].object = *object;
	}
	*object = key->objects[i].object;
	return SDR_OK;
}

/* The objects are the session's, too: a key that outlived it would lose them. So it serves no other. */
int key_object(const struct face_session *session, struct session *s, void *handle, CK_KEY_TYPE type, CK_OBJECT_HANDLE *object)
{
	struct key *key = table_enter(HANDLE_KEY, handle);
	if (!key)
		return SDR_KEYNOTEXIST;
	bool own = key->kind == KEY_SECRET && key->session == session;
	int result = own ? object_of(s, key, type, object) : SDR_KEYNOTEXIST;
	table_leave(HANDLE_KEY, handle);
	return result;
}

/* -- forgetting -------------------------------------------------------------------------------- */

static void unlink_key(struct face_session *session, const struct key *key)
{
	struct key **at = &session->keys;
	while (*at && *at != key)
		at = &(*at)->next;
	if (*at)
		*at = key->next;
}

static void destroy_objects(struct session *s, const struct key *key)
{
	for (size_t i = 0; i < COUNT(key->objects); i++)
		if (key->objects[i].object)
			object_destroy(s, key->objects[i].object);
}

/* Of its own session: in another's list it could not be unlinked without that one's lock. */
int key_take(struct face_session *session, void *handle, unsigned kinds, struct key **out)
{
	struct key *key = table_enter(HANDLE_KEY, handle);
	if (!key)
		return SDR_KEYNOTEXIST;
	if (key->session != session || !(key->kind & kinds)) {
		table_leave(HANDLE_KEY, handle);
		return SDR_KEYNOTEXIST;
	}
	table_close(HANDLE_KEY, handle);
	unlink_key(session, key);
	*out = key;
	return SDR_OK;
}

void key_end(struct session *s, struct key *key)
{
	destroy_objects(s, key);
	key_free(key);
}

/* The objects go with the core's session. */
void keys_drop(struct face_session *session)
{
	while (session->keys) {
		struct key *key = session->keys;
		session->keys = key->next;
		table_enter(HANDLE_KEY, key->handle);
		table_close(HANDLE_KEY, key->handle);
		key_free(key);
	}
}

/* An agreement as well: there is no other way to give one up. */
int key_destroy(struct face_session *session, struct session *s, void *handle)
{
	struct key *key;
	int result = key_take(session, handle, KEY_SECRET | KEY_AGREEMENT, &key);
	if (result == SDR_OK)
		key_end(s, key);
	return result;
}

int sdf_face_destroy_key(void *handle, void *key)
{
	struct face_session *session;
	struct session *s;
	int result = face_begin(handle, LANE_ONCE, &session, &s);
	if (result != SDR_OK)
		return result;
	return face_end(session, s, key_destroy(session, s, key));
}

/* In the clear: not in 2023, for whoever may give a device keys so may read them. */
int sdf_face_import_key(void *handle, unsigned char *value, unsigned int len, void **key)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	if (result != SDR_OK)
		return result;
	if (!value)
		result = SDR_INARGERR;
	else
		result = key ? key_new(session, value, len, key) : SDR_OUTARGERR;
	return face_leave(session, result);
}
