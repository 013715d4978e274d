/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key list */
#include "tools/object.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <stdlib.h>

static enum status as_json(const struct session *s, const struct object *keys, CK_ULONG n)
{
	json_t *list = json_array();

	for (CK_ULONG i = 0; i < n; i++)
		json_array_append_new(list, object_json(s, &keys[i]));
	return out_json(json_pack("{s:s,s:s,s:o}", "schema", "hufu-key-list/1", "token", s->label, "keys", list));
}

static void row(struct table *table, const struct session *s, const struct object *o)
{
	char type_buf[NAME_LEN], class_buf[NAME_LEN], type[NAME_LEN + 16];
	char *label = object_label(o), *id = hex_string(o->id, o->id_len), *uri = object_uri(s, o);
	bool fixed = o->kind && !o->kind->sizes;

	if (o->curve)
		snprintf(type, sizeof type, "%s:%s", object_type(o, type_buf), o->curve);
	else if (o->nbits && !fixed)
		snprintf(type, sizeof type, "%s:%lu", object_type(o, type_buf), o->nbits);
	else
		snprintf(type, sizeof type, "%s", object_type(o, type_buf));
	table_row(table,
	          (const char *const[]){label ? label : "", class_name(o->class, class_buf), type, id ? id : "", uri ? uri : ""});
	free(label);
	free(id);
	free(uri);
}

static enum status as_table(const struct session *s, const struct object *keys, CK_ULONG n)
{
	static const char *const titles[] = {"LABEL", "CLASS", "TYPE", "ID", "URI", NULL};
	struct table table;

	table_init(&table, titles);
	for (CK_ULONG i = 0; i < n; i++)
		row(&table, s, &keys[i]);
	enum status status = table_print(&table, stdout, "No keys are visible.");
	table_clear(&table);
	return status;
}

enum status cmd_key_list(const struct args *args)
{
	struct session s;
	struct object *keys = NULL;
	CK_ULONG n = 0;
	enum status status = session_open(args, arg_target(args, 0), SELECT_TOKEN, false, LOGIN_WISH, &s);

	if (status == ST_OK)
		status = keys_find(&s, WANT_KEYS, &keys, &n);
	if (status == ST_OK)
		status = args->json ? as_json(&s, keys, n) : as_table(&s, keys, n);
	if (status == ST_OK && !args->json && (s.slot.token.flags & CKF_LOGIN_REQUIRED) && !s.logged_in)
		note("private keys are not shown without a login (--login, --pin-file, ...)");
	keys_free(keys, n);
	session_close(&s);
	return status;
}
