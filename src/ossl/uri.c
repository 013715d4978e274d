/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/uri.h"

#include <p11-kit/uri.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "token/object.h"
#include "token/slot.h"

struct uri {
	_Atomic uint32_t refs;
	P11KitUri *parsed;
	char *text;                     /* without what comes from the query: for messages */
	char *pin_source;
	char *pin_value;                /* secret memory, or NULL */
};

/* -- reading --------------------------------------------------------------------------- */

/* One attribute as a URI of its own, to find the one at fault: p11-kit says what is wrong, not where. */
static bool part_is_bad(const char *part, size_t len, bool in_query)
{
	char alone[URI_MAX + 16];
	P11KitUri *uri = p11_kit_uri_new();
	int n = snprintf(alone, sizeof alone, "pkcs11:%s%.*s", in_query ? "?" : "", (int)len, part);
	bool bad = !uri || n < 0 || (size_t)n >= sizeof alone || p11_kit_uri_parse(alone, P11_KIT_URI_FOR_ANY, uri) != P11_KIT_URI_OK ||
	           p11_kit_uri_any_unrecognized(uri);

	secret_wipe(alone, sizeof alone); /* it may be pin-value */
	p11_kit_uri_free(uri);
	return bad;
}

/* Where the first attribute stands that cannot be read; its name is told, never its value. */
static size_t find_fault(const char *text, size_t *name_len)
{
	bool in_query = false;
	size_t at = strlen("pkcs11:");

	while (text[at]) {
		size_t len = strcspn(text + at, in_query ? "&" : ";?");
		if (part_is_bad(text + at, len, in_query)) {
			*name_len = strcspn(text + at, "=;?&");
			return at;
		}
		in_query |= text[at + len] == '?';
		at += len + (text[at + len] != '\0');
	}
	*name_len = 0;
	return at;
}

static struct uri *fail_at_fault(const struct provider *provider, const char *text, const char *what)
{
	size_t name_len, at = find_fault(text, &name_len);

	fail(provider, REASON_URI, "%s at character %zu, \"%.*s\": a URI looks like pkcs11:token=LABEL;object=LABEL;type=private (RFC 7512)",
	     what, at + 1, (int)name_len, text + at);
	return NULL;
}

/* Out of p11-kit's memory, which is neither locked nor wiped. */
static bool take_pin_value(struct uri *uri)
{
	const char *value = p11_kit_uri_get_pin_value(uri->parsed);
	size_t len = value ? strlen(value) : 0;

	if (!value)
		return true;
	uri->pin_value = secret_alloc(len + 1);
	if (uri->pin_value)
		memcpy(uri->pin_value, value, len + 1);
	secret_wipe((char *)(uintptr_t)value, len);
	p11_kit_uri_set_pin_value(uri->parsed, NULL);
	return uri->pin_value != NULL;
}

static bool take_pin_source(struct uri *uri)
{
	const char *source = p11_kit_uri_get_pin_source(uri->parsed);

	if (!source)
		return true;
	uri->pin_source = strdup(source);
	p11_kit_uri_set_pin_source(uri->parsed, NULL);
	return uri->pin_source != NULL;
}

static bool keep(struct uri *uri)
{
	return take_pin_value(uri) && take_pin_source(uri) && p11_kit_uri_format(uri->parsed, P11_KIT_URI_FOR_ANY, &uri->text) == P11_KIT_URI_OK;
}

struct uri *uri_parse(const struct provider *provider, const char *text)
{
	if (strlen(text) > URI_MAX)
		return fail(provider, REASON_URI, "the URI is longer than %d characters", URI_MAX), NULL;
	if (strncmp(text, "pkcs11:", 7) != 0)
		return fail(provider, REASON_URI, "the URI does not begin with pkcs11: (RFC 7512)"), NULL;
	struct uri *uri = calloc(1, sizeof *uri);
	if (uri) {
		uri->refs = 1;
		uri->parsed = p11_kit_uri_new();
	}
	int bad = uri && uri->parsed ? p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri->parsed) : P11_KIT_URI_NO_MEMORY;
	/* RFC 7512 2.3: what is not understood matches nothing. To say so is better than to find nothing. */
	if (bad == P11_KIT_URI_OK && !p11_kit_uri_any_unrecognized(uri->parsed)) {
		if (keep(uri))
			return uri;
		bad = P11_KIT_URI_NO_MEMORY;
	}
	uri_rele(uri);
	if (bad == P11_KIT_URI_NO_MEMORY)
		return fail(provider, REASON_INTERNAL, "no memory"), NULL;
	return fail_at_fault(provider, text, bad ? p11_kit_uri_message(bad) : "unknown attribute");
}

struct uri *uri_hold(struct uri *uri)
{
	atomic_fetch_add_explicit(&uri->refs, 1, memory_order_relaxed);
	return uri;
}

void uri_rele(struct uri *uri)
{
	if (!uri || atomic_fetch_sub_explicit(&uri->refs, 1, memory_order_acq_rel) != 1)
		return;
	p11_kit_uri_free(uri->parsed);
	secret_free(uri->pin_value);
	free(uri->pin_source);
	free(uri->text);
	free(uri);
}

const char *uri_text(const struct uri *uri)
{
	return uri->text;
}

/* -- what it means ----------------------------------------------------------------------- */

/* library-manufacturer and kin: as C_GetInfo of the PKCS#11 module has them. */
static bool matches_library(P11KitUri *parsed)
{
	CK_INFO info = {.manufacturerID = "hufu", .libraryDescription = "SM2 SM3 SM4 ZUC over devices",
	                .libraryVersion = p11_kit_uri_get_module_info(parsed)->libraryVersion};

	memset(info.manufacturerID + 4, ' ', sizeof info.manufacturerID - 4);
	memset(info.libraryDescription + 28, ' ', sizeof info.libraryDescription - 28);
	return p11_kit_uri_match_module_info(parsed, &info);
}

bool uri_matches_token(const struct uri *uri, CK_SLOT_ID slot, const CK_TOKEN_INFO *token)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri->parsed);
	CK_SLOT_INFO info;

	if (wanted != (CK_SLOT_ID)-1 && wanted != slot)
		return false;
	return slot_info(slot, &info) == CKR_OK && p11_kit_uri_match_slot_info(uri->parsed, &info) && matches_library(uri->parsed) &&
	       p11_kit_uri_match_token_info(uri->parsed, (CK_TOKEN_INFO *)(uintptr_t)token);
}

bool uri_wants_class(const struct uri *uri, CK_OBJECT_CLASS object_class)
{
	const CK_ATTRIBUTE *named = p11_kit_uri_get_attribute(uri->parsed, CKA_CLASS);

	return !named || (named->ulValueLen == sizeof object_class && memcmp(named->pValue, &object_class, sizeof object_class) == 0);
}

bool uri_names_token(const struct uri *uri)
{
	const CK_TOKEN_INFO *token = p11_kit_uri_get_token_info(uri->parsed);

	return token->label[0] || token->serialNumber[0] || token->manufacturerID[0] || token->model[0] ||
	       p11_kit_uri_get_slot_id(uri->parsed) != (CK_SLOT_ID)-1;
}

bool uri_names_object(const struct uri *uri)
{
	return p11_kit_uri_get_attribute(uri->parsed, CKA_LABEL) || p11_kit_uri_get_attribute(uri->parsed, CKA_ID);
}

size_t uri_template(const struct uri *uri, CK_ATTRIBUTE templ[URI_TEMPLATE_MAX])
{
	static const CK_ATTRIBUTE_TYPE types[URI_TEMPLATE_MAX] = {CKA_LABEL, CKA_ID};
	size_t n = 0;

	for (size_t i = 0; i < URI_TEMPLATE_MAX; i++) {
		const CK_ATTRIBUTE *named = p11_kit_uri_get_attribute(uri->parsed, types[i]);
		if (named)
			templ[n++] = *named;
	}
	return n;
}

const char *uri_pin_source(const struct uri *uri)
{
	return uri->pin_source;
}

const char *uri_pin_value(const struct uri *uri)
{
	return uri->pin_value;
}

/* -- writing ------------------------------------------------------------------------------- */

static char *format(P11KitUri *uri)
{
	char *text = NULL;

	if (uri && p11_kit_uri_format(uri, P11_KIT_URI_FOR_ANY, &text) != P11_KIT_URI_OK)
		text = NULL;
	p11_kit_uri_free(uri);
	return text;
}

/* The token by label and serial: model and manufacturer change with versions. */
static P11KitUri *describe(const struct object *object, const CK_TOKEN_INFO *token)
{
	P11KitUri *uri = p11_kit_uri_new();
	CK_ATTRIBUTE object_class = {CKA_CLASS, (void *)(uintptr_t)&object->object_class, sizeof object->object_class};
	const CK_ATTRIBUTE *named[] = {&object_class, attrs_get(&object->attrs, CKA_LABEL), attrs_get(&object->attrs, CKA_ID)};

	if (!uri)
		return NULL;
	memcpy(p11_kit_uri_get_token_info(uri)->label, token->label, sizeof token->label);
	memcpy(p11_kit_uri_get_token_info(uri)->serialNumber, token->serialNumber, sizeof token->serialNumber);
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (named[i] && named[i]->ulValueLen && p11_kit_uri_set_attribute(uri, (CK_ATTRIBUTE *)(uintptr_t)named[i])) {
			p11_kit_uri_free(uri);
			return NULL;
		}
	return uri;
}

char *uri_of_object(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct object *object;
	CK_TOKEN_INFO token = {.flags = 0};

	if (slot_describe_token(session->token, &token) != CKR_OK ||
	    object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object) != CKR_OK)
		return NULL;
	char *text = format(describe(object, &token));
	object_rele(object);
	return text;
}

char *uri_with_pin_source(const char *text, const struct uri *from)
{
	P11KitUri *uri = p11_kit_uri_new();

	if (uri && p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, uri) == P11_KIT_URI_OK) {
		if (from && uri_pin_source(from))
			p11_kit_uri_set_pin_source(uri, uri_pin_source(from));
		return format(uri);
	}
	p11_kit_uri_free(uri);
	return NULL;
}
