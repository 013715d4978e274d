/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/object.h"
#include "base/secret.h"
#include "tools/curve.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIND_STEP 256

unsigned char *object_attribute(const struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, CK_ULONG *len)
{
	CK_ATTRIBUTE attr = {type, NULL, 0};

	*len = 0;
	if (s->f->C_GetAttributeValue(s->handle, h, &attr, 1) != CKR_OK || attr.ulValueLen == (CK_ULONG)-1 || attr.ulValueLen == 0)
		return NULL;
	attr.pValue = malloc(attr.ulValueLen);
	if (!attr.pValue || s->f->C_GetAttributeValue(s->handle, h, &attr, 1) != CKR_OK || attr.ulValueLen == (CK_ULONG)-1) {
		free(attr.pValue);
		return NULL;
	}
	*len = attr.ulValueLen;
	return attr.pValue;
}

int object_flag(const struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE attr = {type, &value, sizeof value};

	if (s->f->C_GetAttributeValue(s->handle, h, &attr, 1) != CKR_OK || attr.ulValueLen != sizeof value)
		return -1;
	return value != CK_FALSE;
}

static CK_ULONG number(const struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
	CK_ATTRIBUTE attr = {type, &value, sizeof value};

	if (s->f->C_GetAttributeValue(s->handle, h, &attr, 1) != CKR_OK || attr.ulValueLen != sizeof value)
		return CK_UNAVAILABLE_INFORMATION;
	return value;
}

static CK_RV find_all(const struct session *s, CK_OBJECT_HANDLE **all, CK_ULONG *found)
{
	CK_ULONG got;

	do {
		CK_OBJECT_HANDLE *more = reallocarray(*all, *found + FIND_STEP, sizeof **all);
		if (!more)
			return CKR_HOST_MEMORY;
		*all = more;
		CK_RV rv = s->f->C_FindObjects(s->handle, *all + *found, FIND_STEP, &got);
		if (rv != CKR_OK)
			return rv;
		*found += got;
	} while (got);
	return CKR_OK;
}

enum status objects_find(const struct session *s, const CK_ATTRIBUTE *attrs, CK_ULONG n, CK_OBJECT_HANDLE **all, CK_ULONG *found)
{
	CK_RV rv = s->f->C_FindObjectsInit(s->handle, (CK_ATTRIBUTE *)(size_t)attrs, n);

	*all = NULL;
	*found = 0;
	if (rv == CKR_OK) {
		rv = find_all(s, all, found);
		s->f->C_FindObjectsFinal(s->handle);
	}
	if (rv == CKR_OK)
		return ST_OK;
	free(*all);
	*all = NULL;
	return fail_rv(rv, "looking for objects on token \"%s\"", s->label);
}

static CK_ULONG key_nbits(const struct session *s, const struct object *o, const unsigned char *params, CK_ULONG params_len)
{
	CK_ULONG len, bits;

	if (o->kind && o->kind->nbits)
		return o->kind->nbits;
	switch (o->kind ? o->kind->type : o->key_type) {
	case CKK_RSA:
		bits = number(s, o->handle, CKA_MODULUS_BITS);
		if (bits != CK_UNAVAILABLE_INFORMATION)
			return bits;
		free(object_attribute(s, o->handle, CKA_MODULUS, &len));
		return 8 * len;
	case CKK_EC:
		return curve_nbits(params, params_len);
	default:
		len = number(s, o->handle, CKA_VALUE_LEN);
		return o->class == CKO_SECRET_KEY && len != CK_UNAVAILABLE_INFORMATION ? 8 * len : 0;
	}
}

static bool is_of_type(const struct session *s, unsigned char *unique_id, CK_ULONG len, CK_KEY_TYPE type)
{
	CK_ATTRIBUTE wanted[] = {{CKA_UNIQUE_ID, unique_id, len}, {CKA_KEY_TYPE, &type, sizeof type}};
	CK_OBJECT_HANDLE h;
	CK_ULONG n = 0;

	if (s->f->C_FindObjectsInit(s->handle, wanted, 2) != CKR_OK)
		return false;
	CK_RV rv = s->f->C_FindObjects(s->handle, &h, 1, &n);
	s->f->C_FindObjectsFinal(s->handle);
	return rv == CKR_OK && n == 1;
}

/* A token with an alias (hufu.conf) shows its vendor's number, which may be another vendor's of another type; it finds by ours. */
static CK_KEY_TYPE key_type(const struct session *s, CK_OBJECT_HANDLE h)
{
	static const CK_KEY_TYPE ours[] = {CKK_HUFU_SM2, CKK_HUFU_SM4, CKK_HUFU_ZUC};
	CK_KEY_TYPE type = number(s, h, CKA_KEY_TYPE);
	CK_ULONG len;
	unsigned char *unique_id;

	if (type == CK_UNAVAILABLE_INFORMATION || type < CKK_VENDOR_DEFINED || key_kind_of(type, NULL, 0))
		return type;
	unique_id = object_attribute(s, h, CKA_UNIQUE_ID, &len);
	for (size_t i = 0; unique_id && i < sizeof ours / sizeof *ours; i++)
		if (is_of_type(s, unique_id, len, ours[i])) {
			type = ours[i];
			break;
		}
	free(unique_id);
	return type;
}

enum status object_load(const struct session *s, CK_OBJECT_HANDLE h, struct object *o)
{
	unsigned char *params;
	CK_ULONG params_len;

	*o = (struct object){.handle = h, .class = number(s, h, CKA_CLASS), .key_type = key_type(s, h)};
	if (o->class == CK_UNAVAILABLE_INFORMATION)
		return fail(ST_NOT_FOUND, NULL, "an object has gone while it was looked at");
	o->label = object_attribute(s, h, CKA_LABEL, &o->label_len);
	o->id = object_attribute(s, h, CKA_ID, &o->id_len);
	params = object_attribute(s, h, CKA_EC_PARAMS, &params_len);
	o->kind = key_kind_of(o->key_type, params, params_len);
	o->nbits = key_nbits(s, o, params, params_len);
	if (o->kind && o->kind->type == CKK_EC)
		o->curve = curve_name(params, params_len);
	free(params);
	return ST_OK;
}

void object_clear(struct object *o)
{
	free(o->label);
	free(o->id);
	*o = (struct object){0};
}

void keys_free(struct object *keys, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++)
		object_clear(&keys[i]);
	free(keys);
}

static bool wanted(const struct object *o, unsigned want)
{
	return o->class <= CKO_SECRET_KEY && (want & (1u << o->class));
}

enum status keys_find(const struct session *s, unsigned want, struct object **keys, CK_ULONG *n)
{
	CK_OBJECT_HANDLE *all;
	CK_ULONG nattrs, found;
	CK_ATTRIBUTE *attrs = selector_attributes(&s->selector, &nattrs);
	enum status status = objects_find(s, attrs, nattrs, &all, &found);

	*keys = NULL;
	*n = 0;
	if (status)
		return status;
	*keys = calloc(found + 1, sizeof **keys);
	if (!*keys)
		status = fail_memory();
	for (CK_ULONG i = 0; status == ST_OK && i < found; i++) {
		struct object *o = &(*keys)[*n];
		status = object_load(s, all[i], o);
		if (status == ST_OK && wanted(o, want))
			(*n)++;
		else
			object_clear(o);
	}
	free(all);
	if (status) {
		keys_free(*keys, *n);
		*keys = NULL;
		*n = 0;
	}
	return status;
}

enum status key_find_one(const struct session *s, unsigned want, const char *target, struct object *o)
{
	struct object *keys;
	CK_ULONG n;
	enum status status = keys_find(s, want, &keys, &n);

	*o = (struct object){0};
	if (status)
		return status;
	if (n == 0)
		status = fail(ST_NOT_FOUND,
		              "hufu key list shows the keys; private and secret ones need a PIN (--login asks for it).",
		              "there is no fitting key \"%s\" on token \"%s\"", target, s->label);
	else if (n > 1)
		status = fail(ST_USAGE, "Name one by its URI (id=, type=); hufu key list shows them.",
		              "%lu keys fit \"%s\" on token \"%s\"", n, target, s->label);
	else {
		*o = keys[0];
		keys[0] = (struct object){0}; /* transferred */
	}
	keys_free(keys, n);
	return status;
}

static enum status login_for(const struct args *args, unsigned want, struct session *s)
{
	struct object *keys;
	CK_ULONG n;
	enum status status = want == WANT_PUBLIC ? ST_OK : keys_find(s, want, &keys, &n);

	if (status || want == WANT_PUBLIC)
		return status;
	keys_free(keys, n);
	return n || s->logged_in ? ST_OK : session_login(args, s, LOGIN_USER);
}

enum status key_open(const struct args *args, unsigned want, struct session *s, struct object *key)
{
	const char *target = arg_target(args, 0);
	enum status status = session_open(args, target, SELECT_OBJECT, false, LOGIN_WISH, s);

	*key = (struct object){0};
	if (status == ST_OK)
		status = login_for(args, want, s);
	return status ? status : key_find_one(s, want, target, key);
}

const char *object_type(const struct object *o, char buf[NAME_LEN])
{
	if (o->class == CKO_CERTIFICATE)
		return "x509";
	return o->kind ? o->kind->name : key_type_name(o->key_type, buf);
}

char *object_uri(const struct session *s, const struct object *o)
{
	CK_OBJECT_CLASS class = o->class;
	CK_ATTRIBUTE attrs[] = {
		{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, o->label, o->label_len}, {CKA_ID, o->id, o->id_len},
	};

	return uri_of_object(&s->slot.token, attrs, 3);
}

char *object_label(const struct object *o)
{
	char *out = malloc(o->label_len + 1);

	return out ? text_clean(o->label, o->label_len, out, o->label_len + 1) : NULL;
}

json_t *object_json(const struct session *s, const struct object *o)
{
	char class[NAME_LEN], type[NAME_LEN];
	char *uri = object_uri(s, o), *id = hex_string(o->id, o->id_len);
	json_t *doc =
		json_pack("{s:s,s:s,s:I,s:o,s:s,s:s}", "class", class_name(o->class, class), "type", object_type(o, type), "bits",
	                  (json_int_t)o->nbits, "label", json_text(o->label ? (const char *)o->label : "", o->label_len), "id",
	                  id ? id : "", "uri", uri ? uri : "");

	if (doc && o->curve)
		json_object_set_new(doc, "curve", json_string(o->curve));
	free(uri);
	free(id);
	return doc;
}

enum status objects_report(const struct args *args, const struct session *s, const char *schema, const CK_OBJECT_HANDLE *handles,
                           size_t n)
{
	json_t *list = json_array();
	enum status status = ST_OK;

	for (size_t i = 0; status == ST_OK && i < n; i++) {
		struct object o;
		status = object_load(s, handles[i], &o);
		char *uri = status == ST_OK ? object_uri(s, &o) : NULL;
		if (uri && args->json)
			json_array_append_new(list, object_json(s, &o));
		else if (uri)
			puts(uri);
		free(uri);
		object_clear(&o);
	}
	if (status == ST_OK && args->json)
		return out_json(json_pack("{s:s,s:o}", "schema", schema, "objects", list));
	json_decref(list);
	return status;
}
