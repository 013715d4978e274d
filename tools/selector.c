/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/selector.h"
#include "tools/report.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_LEN 32

static enum status pin_of_uri(const char *text, const P11KitUri *uri, struct selector *s)
{
	const char *source = p11_kit_uri_get_pin_source(uri);

	/* RFC 7512 2.4 warns of it: argv is open to every user of the machine. */
	if (p11_kit_uri_get_pin_value(uri))
		return fail(ST_USAGE,
		            "Change that PIN, and give it with --pin-file, --pin-fd, --pin-credential or pin-source=file:/PATH.",
		            "the URI holds a PIN (pin-value), which the whole machine can read on the command line");
	if (!source)
		return ST_OK;
	if (!strncmp(source, "file:", 5))
		source += 5;
	if (!strncmp(source, "///", 3))
		source += 2;
	if (source[0] != '/')
		return fail(ST_USAGE, "Use pin-source=file:/PATH.", "the URI's pin-source is no absolute file: %s", text);
	free(s->pin_source);
	s->pin_source = strdup(source);
	return s->pin_source ? ST_OK : fail_memory();
}

static enum status from_uri(const char *text, struct selector *s, P11KitUri *uri)
{
	int bad = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri);

	if (bad)
		return fail(ST_USAGE, "A URI looks like pkcs11:token=LABEL;object=LABEL;type=private (RFC 7512).",
		            "bad URI \"%s\": %s", text, p11_kit_uri_message(bad));
	/* RFC 7512 2.3: what is not understood matches nothing; say so rather than find nothing. */
	if (p11_kit_uri_any_unrecognized(uri))
		return fail(ST_USAGE, "A URI looks like pkcs11:token=LABEL;object=LABEL;type=private (RFC 7512).",
		            "the URI \"%s\" has an attribute that is not known", text);
	return pin_of_uri(text, uri, s);
}

static enum status from_label(const char *label, enum selector_kind kind, P11KitUri *uri)
{
	size_t len = strlen(label);

	if (kind == SELECT_OBJECT) {
		CK_ATTRIBUTE attr = {CKA_LABEL, (void *)(size_t)label, len};
		return p11_kit_uri_set_attribute(uri, &attr) ? fail_memory() : ST_OK;
	}
	if (len == 0 || len > LABEL_LEN)
		return fail(ST_USAGE, NULL, "a token's label has 1 to %d bytes: \"%s\"", LABEL_LEN, label);
	CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
	memset(info->label, ' ', sizeof info->label);
	memcpy(info->label, label, len);
	return ST_OK;
}

static enum status parse(const char *text, enum selector_kind kind, struct selector *s, P11KitUri **uri)
{
	*uri = p11_kit_uri_new();
	if (!*uri)
		return fail_memory();
	return strncmp(text, "pkcs11:", 7) ? from_label(text, kind, *uri) : from_uri(text, s, *uri);
}

enum status selector_init(const struct args *args, const char *target, enum selector_kind kind, struct selector *s)
{
	const char *token = arg_get(args, "token");
	enum status status = ST_OK;

	*s = (struct selector){0};
	if (token)
		status = parse(token, SELECT_TOKEN, s, &s->token);
	if (status == ST_OK && target)
		status = parse(target, kind, s, &s->target);
	return status;
}

void selector_clear(struct selector *s)
{
	p11_kit_uri_free(s->token);
	p11_kit_uri_free(s->target);
	free(s->pin_source);
	*s = (struct selector){0};
}

static bool uri_match(P11KitUri *uri, const struct module *m, const struct slot *slot)
{
	if (!uri)
		return true;
	if (p11_kit_uri_get_slot_id(uri) != (CK_SLOT_ID)-1 && p11_kit_uri_get_slot_id(uri) != slot->id)
		return false;
	return p11_kit_uri_match_module_info(uri, &m->info) && p11_kit_uri_match_slot_info(uri, &slot->info) &&
	       (slot->present ? p11_kit_uri_match_token_info(uri, &slot->token) : p11_kit_uri_get_slot_id(uri) == slot->id);
}

bool selector_match_slot(const struct selector *s, const struct module *m, const struct slot *slot)
{
	return uri_match(s->token, m, slot) && uri_match(s->target, m, slot);
}

static bool names_token(P11KitUri *uri)
{
	if (!uri)
		return false;
	const CK_TOKEN_INFO *t = p11_kit_uri_get_token_info(uri);
	return t->label[0] || t->manufacturerID[0] || t->serialNumber[0] || t->model[0] ||
	       p11_kit_uri_get_slot_id(uri) != (CK_SLOT_ID)-1;
}

bool selector_names_token(const struct selector *s)
{
	return names_token(s->token) || names_token(s->target);
}

CK_ATTRIBUTE *selector_attributes(const struct selector *s, CK_ULONG *n)
{
	*n = 0;
	return s->target ? p11_kit_uri_get_attributes(s->target, n) : NULL;
}

static char *format(P11KitUri *uri, P11KitUriType type)
{
	char *text = NULL;

	if (p11_kit_uri_format(uri, type, &text))
		text = NULL;
	p11_kit_uri_free(uri);
	return text;
}

char *uri_of_token(const CK_TOKEN_INFO *info)
{
	P11KitUri *uri = p11_kit_uri_new();

	if (!uri)
		return NULL;
	*p11_kit_uri_get_token_info(uri) = *info;
	return format(uri, P11_KIT_URI_FOR_TOKEN);
}

/* The token by label and serial: model and manufacturer change with versions. */
char *uri_of_object(const CK_TOKEN_INFO *info, const CK_ATTRIBUTE *attrs, CK_ULONG n)
{
	P11KitUri *uri = p11_kit_uri_new();

	if (!uri)
		return NULL;
	CK_TOKEN_INFO *t = p11_kit_uri_get_token_info(uri);
	memcpy(t->label, info->label, sizeof t->label);
	memcpy(t->serialNumber, info->serialNumber, sizeof t->serialNumber);
	for (CK_ULONG i = 0; i < n; i++)
		if (attrs[i].ulValueLen && attrs[i].ulValueLen != (CK_ULONG)-1 &&
		    p11_kit_uri_set_attribute(uri, (CK_ATTRIBUTE *)(size_t)&attrs[i])) {
			p11_kit_uri_free(uri);
			return NULL;
		}
	return format(uri, P11_KIT_URI_FOR_OBJECT_ON_TOKEN);
}
