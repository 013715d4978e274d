/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key show: one key's attributes, in the specification's words. */
#include "tools/object.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum shape { FLAG, BYTES, TEXT, MECHANISM, MECHANISMS };

/* Never a value: what is secret is not asked for. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	enum shape shape;
} shown[] = {
	{CKA_TOKEN, "token", FLAG},
	{CKA_PRIVATE, "private", FLAG},
	{CKA_MODIFIABLE, "modifiable", FLAG},
	{CKA_COPYABLE, "copyable", FLAG},
	{CKA_DESTROYABLE, "destroyable", FLAG},
	{CKA_SENSITIVE, "sensitive", FLAG},
	{CKA_ALWAYS_SENSITIVE, "always-sensitive", FLAG},
	{CKA_EXTRACTABLE, "extractable", FLAG},
	{CKA_NEVER_EXTRACTABLE, "never-extractable", FLAG},
	{CKA_LOCAL, "local", FLAG},
	{CKA_HUFU_HARDWARE_ONLY, "hardware-only", FLAG},
	{CKA_HUFU_SOFTWARE_FALLBACK, "software-fallback", FLAG},
	{CKA_HUFU_DOMAINS, "domains", TEXT},
	{CKA_HUFU_RESIDENT, "kept-in", TEXT},
	{CKA_TRUSTED, "trusted", FLAG},
	{CKA_ALWAYS_AUTHENTICATE, "always-authenticate", FLAG},
	{CKA_WRAP_WITH_TRUSTED, "wrap-with-trusted", FLAG},
	{CKA_ENCRYPT, "encrypt", FLAG},
	{CKA_DECRYPT, "decrypt", FLAG},
	{CKA_SIGN, "sign", FLAG},
	{CKA_VERIFY, "verify", FLAG},
	{CKA_WRAP, "wrap", FLAG},
	{CKA_UNWRAP, "unwrap", FLAG},
	{CKA_DERIVE, "derive", FLAG},
	{CKA_KEY_GEN_MECHANISM, "generated-by", MECHANISM},
	{CKA_ALLOWED_MECHANISMS, "allowed-mechanisms", MECHANISMS},
	{CKA_START_DATE, "start-date", TEXT},
	{CKA_END_DATE, "end-date", TEXT},
	{CKA_SUBJECT, "subject", BYTES},
	{CKA_EC_PARAMS, "ec-params", BYTES},
	{CKA_EC_POINT, "ec-point", BYTES},
	{CKA_MODULUS, "modulus", BYTES},
	{CKA_PUBLIC_EXPONENT, "public-exponent", BYTES},
	{CKA_CHECK_VALUE, "check-value", BYTES},
};

static json_t *mechanisms(const CK_MECHANISM_TYPE *list, CK_ULONG n)
{
	json_t *names = json_array();
	char buf[NAME_LEN];

	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(names, json_string(mech_name(list[i], buf)));
	return names;
}

static json_t *bytes(const unsigned char *value, CK_ULONG len)
{
	char *hex = hex_string(value, len);
	json_t *text = hex ? json_string(hex) : NULL;

	free(hex);
	return text;
}

/* NULL: the key does not have it. */
static json_t *attribute(const struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, enum shape shape)
{
	CK_MECHANISM_TYPE mech = CK_UNAVAILABLE_INFORMATION;
	CK_ULONG len = 0;
	char buf[NAME_LEN];

	if (shape == FLAG) {
		int flag = object_flag(s, h, type);
		return flag < 0 ? NULL : json_boolean(flag);
	}
	unsigned char *value = object_attribute(s, h, type, &len);
	json_t *doc = NULL;
	if (value && shape == TEXT)
		doc = json_text(value, len);
	else if (value && shape == BYTES)
		doc = bytes(value, len);
	else if (value && shape == MECHANISMS && len % sizeof mech == 0)
		doc = mechanisms((const CK_MECHANISM_TYPE *)(const void *)value, len / sizeof mech);
	else if (value && shape == MECHANISM && len == sizeof mech)
		memcpy(&mech, value, len);
	if (mech != CK_UNAVAILABLE_INFORMATION)
		doc = json_string(mech_name(mech, buf));
	free(value);
	return doc;
}

static json_t *describe(const struct session *s, const struct object *o)
{
	json_t *doc = object_json(s, o);

	for (size_t i = 0; doc && i < sizeof shown / sizeof *shown; i++) {
		json_t *value = attribute(s, o->handle, shown[i].type, shown[i].shape);
		if (value)
			json_object_set_new(doc, shown[i].name, value);
	}
	return doc;
}

static void print(const json_t *doc)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach((json_t *)(size_t)doc, name, value) {
		printf("%-20s ", name);
		if (json_is_boolean(value))
			printf("%s", json_is_true(value) ? "yes" : "no");
		else if (json_is_integer(value))
			printf("%lld", (long long)json_integer_value(value));
		else if (json_is_string(value))
			printf("%s", json_string_value(value));
		json_array_foreach(value, i, item)
			printf("%s%s", i ? ", " : "", json_string_value(item));
		putchar('\n');
	}
}

enum status cmd_key_show(const struct args *args)
{
	struct session s;
	struct object *keys = NULL;
	CK_ULONG n = 0;
	json_t *list = json_array();
	enum status status = session_open(args, arg_target(args, 0), SELECT_OBJECT, false, LOGIN_WISH, &s);

	if (status == ST_OK)
		status = keys_find(&s, WANT_KEYS, &keys, &n);
	if (status == ST_OK && n == 0)
		status = fail(ST_NOT_FOUND,
		              "hufu key list shows the keys; private and secret ones need a PIN (--login asks for it).",
		              "there is no key \"%s\" on token \"%s\"", arg_target(args, 0), s.label);
	for (CK_ULONG i = 0; status == ST_OK && i < n; i++) {
		json_t *doc = describe(&s, &keys[i]);
		if (doc && !args->json) {
			fputs(i ? "\n" : "", stdout);
			print(doc);
		}
		json_array_append_new(list, doc);
	}
	if (status == ST_OK && args->json)
		status = out_json(json_pack("{s:s,s:O}", "schema", "hufu-key/1", "keys", list));
	json_decref(list);
	keys_free(keys, n);
	session_close(&s);
	return status;
}
