/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever text is given for a URI, or file for one that holds a URI, is understood or refused; a file that is
 * understood is what we write, to the byte; and the URI that is understood, written again, is understood as the same.
 */
#include "ossl/uri_form.h"

#include "fuzz.h"

#include <string.h>

static const struct upcalls *upcalls(void)
{
	static const OSSL_DISPATCH none[] = {END_OF_FUNCTIONS};
	static struct upcalls *made;
	if (!made)
		made = upcalls_new(none);
	return made;
}

static void check_uri(const char *text)
{
	struct provider provider = {.upcalls = upcalls()};
	struct uri *uri = uri_parse(&provider, text);
	if (!uri)
		return;
	CK_ATTRIBUTE a[URI_TEMPLATE_MAX], b[URI_TEMPLATE_MAX];
	size_t n = uri_template(uri, a);
	/* escaped, a text may be three times as long, and then too long to be read again */
	struct uri *again = strlen(uri_text(uri)) <= URI_MAX ? uri_parse(&provider, uri_text(uri)) : NULL;
	if (again && uri_template(again, b) != n)
		abort();
	for (size_t i = 0; again && i < n; i++)
		if (a[i].type != b[i].type || a[i].ulValueLen != b[i].ulValueLen || memcmp(a[i].pValue, b[i].pValue, a[i].ulValueLen) != 0)
			abort();
	if (!again && strlen(uri_text(uri)) <= URI_MAX)
		abort();
	if (again && (uri_pin_source(again) || uri_pin_value(again)))
		abort();
	uri_rele(again);
	uri_rele(uri);
}

static void fuzz_one(const uint8_t *data, size_t len)
{
	char text[URI_MAX + 1];
	uint8_t der[URI_FORM_MAX];
	if (uri_form_read(data, len, text)) {
		if (uri_form_write(text, der) != len || memcmp(der, data, len) != 0)
			abort();
		check_uri(text);
	}
	char *raw = strndup((const char *)data, len);
	if (raw)
		check_uri(raw);
	free(raw);
}
