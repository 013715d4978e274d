/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/uri_form.h"

#include <string.h>

#include "token/der.h"

static const char version[] = "PKCS#11 Provider URI v1.0";
#define VERSION_LEN (sizeof version - 1)

size_t uri_form_write(const char *uri, uint8_t der[URI_FORM_MAX])
{
	size_t len = strlen(uri);

	if (len > URI_MAX)
		return 0;
	uint8_t *p = der_put_header(der, DER_SEQUENCE, der_element_len(VERSION_LEN) + der_element_len(len));
	p = der_put(der_put_header(p, DER_VISIBLE_STRING, VERSION_LEN), (const uint8_t *)version, VERSION_LEN);
	p = der_put(der_put_header(p, DER_UTF8_STRING, len), (const uint8_t *)uri, len);
	return (size_t)(p - der);
}

bool uri_form_read(const uint8_t *der, size_t len, char uri[URI_MAX + 1])
{
	struct reader whole = reader_of(der, len), r = der_enter(&whole, DER_SEQUENCE);
	struct reader written = der_enter(&r, DER_VISIBLE_STRING), text = der_enter(&r, DER_UTF8_STRING);

	if (written.bad || text.bad || !reader_done(&r) || !reader_done(&whole))
		return false;
	if (written.left != VERSION_LEN || memcmp(written.p, version, VERSION_LEN) != 0)
		return false;
	if (text.left == 0 || text.left > URI_MAX || memchr(text.p, '\0', text.left))
		return false;
	memcpy(uri, text.p, text.left);
	uri[text.left] = '\0';
	return true;
}
