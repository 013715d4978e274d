/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys there are to try: certificates are public, so nobody has to log in to see them. */
#include "tools/gateway/gateway.h"

#include "tools/object.h"
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>

struct uris {
	char **list;
	size_t n, tokens;
};

/* Two certificates of one key make one URI. */
static enum status add_uri(struct uris *uris, char *uri)
{
	for (size_t i = 0; uri && i < uris->n; i++)
		if (!strcmp(uris->list[i], uri)) {
			free(uri);
			return ST_OK;
		}
	char **more = uri ? reallocarray(uris->list, uris->n + 1, sizeof *more) : NULL;
	if (!more) {
		free(uri);
		return fail_memory();
	}
	uris->list = more;
	more[uris->n++] = uri;
	return ST_OK;
}

/* The private key with the certificate's CKA_ID, whether or not there is one. */
static enum status add_key_of(const struct session *s, CK_OBJECT_HANDLE certificate, struct uris *uris)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ULONG len;
	unsigned char *id = object_attribute(s, certificate, CKA_ID, &len);

	if (!id)
		return ST_OK;
	CK_ATTRIBUTE attrs[] = {{CKA_ID, id, len}, {CKA_CLASS, &class, sizeof class}};
	enum status status = add_uri(uris, uri_of_object(&s->slot.token, attrs, 2));
	free(id);
	return status;
}

static enum status add_token(struct session *s, struct uris *uris)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
	CK_OBJECT_HANDLE *found = NULL;
	CK_ULONG n = 0;
	enum status status = session_begin(s, false);

	if (status == ST_OK)
		status = objects_find(s, &wanted, 1, &found, &n);
	for (CK_ULONG i = 0; status == ST_OK && i < n; i++)
		status = add_key_of(s, found[i], uris);
	uris->tokens += n > 0;
	free(found);
	if (s->handle)
		s->f->C_CloseSession(s->handle);
	s->handle = 0;
	return status;
}

static bool is_meant(const struct session *s, const struct slot *slot)
{
	return slot->present && (slot->token.flags & CKF_TOKEN_INITIALIZED) && selector_match_slot(&s->selector, &s->module, slot);
}

static enum status add_tokens(struct session *s, struct uris *uris)
{
	struct slot *slots = NULL;
	CK_ULONG n = 0;
	enum status status = module_slots(&s->module, &slots, &n);

	for (CK_ULONG i = 0; status == ST_OK && i < n; i++) {
		if (!is_meant(s, &slots[i]))
			continue;
		s->slot = slots[i];
		text_clean(slots[i].token.label, sizeof slots[i].token.label, s->label, sizeof s->label);
		status = add_token(s, uris);
	}
	free(slots);
	return status;
}

/* A PIN is for one token, and each wrong try counts. */
static enum status one_pin_one_token(const struct args *args, const struct uris *uris)
{
	if (uris->tokens > 1 && pin_given(args, &(struct pin_wish){.what = "pin"}))
		return fail(ST_USAGE, "Name one with --token, or leave the PINs to what the server has.",
		            "one PIN is given, and %zu tokens have certificates", uris->tokens);
	return ST_OK;
}

enum status keys_with_certificate(const struct args *args, char ***list, size_t *n)
{
	struct session s = {0};
	struct uris uris = {0};
	enum status status = module_open(args, &s.module);

	s.f = s.module.f;
	if (status == ST_OK)
		status = selector_init(args, NULL, SELECT_TOKEN, &s.selector);
	if (status == ST_OK)
		status = add_tokens(&s, &uris);
	session_close(&s);
	if (status == ST_OK)
		status = one_pin_one_token(args, &uris);
	*list = uris.list;
	*n = uris.n;
	return status;
}
