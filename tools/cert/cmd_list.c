/* SPDX-License-Identifier: Apache-2.0 */
/* hufu cert list: what is on a token, how long it holds, whether its key is there. */
#include "tools/cert/certs.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRING_MAX 36525

const struct opt cert_list_opts[] = {
	{"expiring", 'e', "DAYS", "those alone that expire within so many days, or have expired; exit code 8 if there are any"},
	{0},
};

enum key_state { KEY_HERE, KEY_NOT_HERE, KEY_OTHER_ID, KEY_FOREIGN, KEY_UNKNOWN };
static const char *const key_states[] = {
	[KEY_HERE] = "yes", [KEY_NOT_HERE] = "no", [KEY_OTHER_ID] = "other id", [KEY_FOREIGN] = "not its own", [KEY_UNKNOWN] = "?",
};

struct line {
	const struct object *object;
	X509 *cert;
	enum key_state key;
	int days;
};

struct list {
	const struct args *args;
	struct session s;
	struct token_certs found;
	struct line *lines;
	size_t n;
	unsigned long within;   /* --expiring */
};

/* -- the key ---------------------------------------------------------------------------- */

static enum status is_foreign(const struct session *s, const struct object *o, bool *foreign)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, o->id, o->id_len}};
	CK_OBJECT_HANDLE *handles = NULL;
	CK_ULONG n = 0;
	enum status status = o->id_len ? objects_find(s, wanted, 2, &handles, &n) : ST_OK;

	*foreign = n > 0;
	free(handles);
	return status;
}

static enum status look_for_key(const struct session *s, struct line *line)
{
	const struct object *o = line->object;
	struct object key;
	bool found, foreign = false;
	enum status status = token_key_of_cert(s, line->cert, NULL, &key, &found);

	if (status)
		return status;
	if (!found)
		status = is_foreign(s, o, &foreign);
	if (found)
		line->key = key.id_len == o->id_len && (!o->id_len || !memcmp(key.id, o->id, o->id_len)) ? KEY_HERE : KEY_OTHER_ID;
	else if (foreign)
		line->key = KEY_FOREIGN;
	else
		line->key = s->logged_in || !(s->slot.token.flags & CKF_LOGIN_REQUIRED) ? KEY_NOT_HERE : KEY_UNKNOWN;
	object_clear(&key);
	return status;
}

/* -- lines ------------------------------------------------------------------------------- */

static int by_days(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->days > y->days) - (x->days < y->days);
}

/* What ends first stands first. */
static enum status collect(struct list *l)
{
	bool all = !arg_has(l->args, "expiring");
	enum status status = token_certs_find(&l->s, &l->found);

	if (status)
		return status;
	l->lines = calloc(l->found.n + 1, sizeof *l->lines);
	if (!l->lines)
		return fail_memory();
	for (CK_ULONG i = 0; status == ST_OK && i < l->found.n; i++) {
		struct line *line = &l->lines[l->n];
		X509 *cert = l->found.certs[i];
		*line = (struct line){.object = &l->found.objects[i], .cert = cert, .days = days_left(cert)};
		if (!all && line->days > (int)l->within)
			continue;
		status = look_for_key(&l->s, line);
		l->n++;
	}
	qsort(l->lines, l->n, sizeof *l->lines, by_days);
	return status;
}

static json_t *json_of(const struct session *s, const struct line *line)
{
	const struct object *o = line->object;
	char *subject = name_text(X509_get_subject_name(line->cert)), *issuer = name_text(X509_get_issuer_name(line->cert));
	char *serial = serial_text(line->cert), *begin = time_text(X509_get0_notBefore(line->cert));
	char *end = time_text(X509_get0_notAfter(line->cert)), *uri = object_uri(s, o);
	char *id = hex_string(o->id, o->id_len);
	json_t *label = json_text(o->label ? (const char *)o->label : "", o->label_len);
	json_t *doc = json_pack("{s:o,s:s*,s:s*,s:s*,s:s*,s:s*,s:s*,s:i,s:s,s:s*}", "label", label, "id", id, "subject", subject,
	                        "issuer", issuer, "serial", serial, "not_before", begin, "not_after", end, "days_left", line->days,
	                        "key", key_states[line->key], "uri", uri);

	free(subject);
	free(issuer);
	free(serial);
	free(begin);
	free(end);
	free(uri);
	free(id);
	return doc;
}

static enum status as_json(const struct list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_of(&l->s, &l->lines[i]));
	return out_json(json_pack("{s:s,s:s,s:o}", "schema", "hufu-cert-list/1", "token", l->s.label, "certificates", list));
}

static void add_row(struct table *table, const struct line *line)
{
	char *label = object_label(line->object), *subject = name_text(X509_get_subject_name(line->cert));
	char *issuer = name_text(X509_get_issuer_name(line->cert)), *serial = serial_text(line->cert);
	char *end = time_text(X509_get0_notAfter(line->cert)), days[32] = "expired";

	if (line->days >= 0)
		snprintf(days, sizeof days, "%d", line->days);
	table_row(table,
	          (const char *const[]){label ? label : "", subject ? subject : "", issuer ? issuer : "", serial ? serial : "",
	                                end ? end : "", days, key_states[line->key]});
	free(label);
	free(subject);
	free(issuer);
	free(serial);
	free(end);
}

static enum status as_table(const struct list *l)
{
	static const char *const titles[] = {"LABEL", "SUBJECT", "ISSUER", "SERIAL", "NOT AFTER", "DAYS", "KEY", NULL};
	struct table table;
	char empty[80] = "No certificates are visible.";

	if (arg_has(l->args, "expiring"))
		snprintf(empty, sizeof empty, "No certificate expires within %lu days.", l->within);
	table_init(&table, titles);
	for (size_t i = 0; i < l->n; i++)
		add_row(&table, &l->lines[i]);
	enum status status = table_print(&table, stdout, empty);
	table_clear(&table);
	return status;
}

static void note_unknown(const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].key == KEY_UNKNOWN) {
			note("private keys are not seen without a login (--login, --pin-file, ...)");
			return;
		}
}

enum status cmd_cert_list(const struct args *args)
{
	struct list l = {.args = args};
	enum status status = arg_number(args, "expiring", 0, EXPIRING_MAX, 0, &l.within);

	if (status == ST_OK)
		status = session_open(args, arg_target(args, 0), SELECT_TOKEN, false, LOGIN_WISH, &l.s);
	if (status == ST_OK)
		status = collect(&l);
	if (status == ST_OK)
		status = args->json ? as_json(&l) : as_table(&l);
	if (status == ST_OK && !args->json)
		note_unknown(&l);
	if (status == ST_OK && arg_has(args, "expiring") && l.n)
		status = ST_EXPIRING;
	free(l.lines);
	token_certs_clear(&l.found);
	session_close(&l.s);
	return status;
}
