/* SPDX-License-Identifier: Apache-2.0 */
/* hufu key destroy, cert destroy: all that the name fits, both halves of a pair. */
#include "tools/confirm.h"
#include "tools/object.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kind {
	const char *noun;
	unsigned want;
	const char *schema, *name, *list;
};

static const struct kind kinds[] = {
	{"key", WANT_KEYS, "hufu-key-destroy/1", "Name the key by label, or by object= or id= in the URI.", "hufu key list shows the keys."},
	{"cert", WANT_CERTIFICATES, "hufu-cert-destroy/1", "Name the certificate by label, or by object= or id= in the URI.",
	 "hufu cert list shows the certificates."},
};

const struct opt key_destroy_opts[] = {
	OPT_YES,
	{0},
};

static void show(const struct session *s, const struct object *keys, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		char *uri = object_uri(s, &keys[i]);
		fprintf(stderr, "  %s\n", uri ? uri : "");
		free(uri);
	}
}

static enum status destroy(const struct args *args, const struct kind *kind, struct session *s, struct object *keys, CK_ULONG n)
{
	enum status status = ST_OK;
	CK_ULONG gone = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		CK_RV rv = s->f->C_DestroyObject(s->handle, keys[i].handle);
		if (rv == CKR_OK)
			gone++;
		else
			status = fail_rv(rv, "destroying %s %lu of %lu", kind->noun, i + 1, n);
	}
	if (status)
		return gone ? ST_PARTIAL : status;
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:I}", "schema", kind->schema, "token", s->label, "destroyed",
		                          (json_int_t)gone));
	printf("%lu object%s destroyed.\n", gone, gone == 1 ? "" : "s");
	return ST_OK;
}

enum status cmd_key_destroy(const struct args *args)
{
	const struct kind *kind = &kinds[!strcmp(args->command->noun, "cert")];
	const char *target = arg_target(args, 0);
	struct session s;
	struct object *keys = NULL;
	CK_ULONG n = 0, nattrs = 0;
	enum status status = session_open(args, target, SELECT_OBJECT, true, LOGIN_USER, &s);

	/* A URI that names no object would mean every key of the token. */
	if (status == ST_OK && (selector_attributes(&s.selector, &nattrs), nattrs == 0))
		status = fail(ST_USAGE, kind->name, "\"%s\" names no %s", target, kind->noun);
	if (status == ST_OK)
		status = keys_find(&s, kind->want, &keys, &n);
	if (status == ST_OK && n == 0)
		status = fail(ST_NOT_FOUND, kind->list, "there is no %s \"%s\" on token \"%s\"", kind->noun, target, s.label);
	if (status == ST_OK && !arg_has(args, "yes")) {
		show(&s, keys, n);
		status = confirm(args, "This destroys %lu object%s on token \"%s\" for good.", n, n == 1 ? "" : "s", s.label);
	}
	if (status == ST_OK)
		status = destroy(args, kind, &s, keys, n);
	keys_free(keys, n);
	session_close(&s);
	return status;
}
