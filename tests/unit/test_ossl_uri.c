/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: the provider understands the URIs of RFC 7512, says where a wrong one is wrong, and shows no PIN. */
#include "unit.h"

#include "base/secret.h"
#include "ossl/uri_form.h"

#include <stdarg.h>

/* -- libcrypto's core, as far as errors go ------------------------------------------------ */

static char message[2048];
static uint32_t reason;

static void new_error(const OSSL_CORE_HANDLE *handle)
{
	(void)handle;
}

__attribute__((format(printf, 3, 0)))
static void vset_error(const OSSL_CORE_HANDLE *handle, uint32_t number, const char *format, va_list args)
{
	(void)handle;
	reason = number;
	vsnprintf(message, sizeof message, format, args);
}

static struct provider provider;

static void start(void)
{
	static const OSSL_DISPATCH in[] = {
		FUNCTION(OSSL_FUNC_CORE_NEW_ERROR, new_error), FUNCTION(OSSL_FUNC_CORE_VSET_ERROR, vset_error), END_OF_FUNCTIONS,
	};
	provider.upcalls = upcalls_new(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(provider.upcalls);
}

static void stop(void)
{
	upcalls_free((struct upcalls *)(uintptr_t)provider.upcalls);
	CU_ASSERT_EQUAL(secret_in_use(), 0);
}

/* -- what is understood --------------------------------------------------------------------- */

static bool names(const struct uri *uri, CK_ATTRIBUTE_TYPE type, const char *value)
{
	CK_ATTRIBUTE templ[URI_TEMPLATE_MAX];
	size_t n = uri_template(uri, templ);
	for (size_t i = 0; i < n; i++)
		if (templ[i].type == type)
			return templ[i].ulValueLen == strlen(value) && memcmp(templ[i].pValue, value, strlen(value)) == 0;
	return false;
}

/* RFC 7512 3, the examples that mean objects. */
static void test_examples(void)
{
	struct uri *uri = uri_parse(&provider, "pkcs11:object=my-pubkey;type=public");
	CU_ASSERT_PTR_NOT_NULL_FATAL(uri);
	CU_ASSERT(uri_wants_class(uri, CKO_PUBLIC_KEY) && !uri_wants_class(uri, CKO_PRIVATE_KEY));
	CU_ASSERT(uri_names_object(uri) && !uri_names_token(uri));
	CU_ASSERT(names(uri, CKA_LABEL, "my-pubkey"));
	uri_rele(uri);

	uri = uri_parse(&provider, "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
	                           "object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin");
	CU_ASSERT_PTR_NOT_NULL_FATAL(uri);
	CU_ASSERT(uri_wants_class(uri, CKO_CERTIFICATE) && uri_names_token(uri));
	CU_ASSERT(names(uri, CKA_ID, "\x69\x95\x3e\x5c\xf4\xbd\xec\x91"));
	CU_ASSERT_STRING_EQUAL(uri_pin_source(uri), "file:/etc/token_pin");
	CU_ASSERT_PTR_NULL(strstr(uri_text(uri), "token_pin"));
	uri_rele(uri);

	uri = uri_parse(&provider, "pkcs11:");
	CU_ASSERT_PTR_NOT_NULL_FATAL(uri);
	CU_ASSERT(uri_wants_class(uri, CKO_PRIVATE_KEY) && !uri_names_object(uri) && !uri_names_token(uri));
	uri_rele(uri);
}

static void test_pin_value(void)
{
	struct uri *uri = uri_parse(&provider, "pkcs11:token=t;object=k?pin-value=open%20sesame");
	CU_ASSERT_PTR_NOT_NULL_FATAL(uri);
	CU_ASSERT_STRING_EQUAL(uri_pin_value(uri), "open sesame");
	CU_ASSERT_PTR_NULL(uri_pin_source(uri));
	CU_ASSERT_PTR_NULL(strstr(uri_text(uri), "sesame"));
	char *written = uri_with_pin_source("pkcs11:token=t;object=k;type=private", uri);
	CU_ASSERT_PTR_NOT_NULL_FATAL(written);
	CU_ASSERT_PTR_NULL(strstr(written, "sesame"));
	free(written);
	uri_rele(uri);
}

static void test_wrong(void)
{
	static const struct {
		const char *text, *place;
	} wrong[] = {
		{"pkcs11:token=gw;objct=tls", "at character 17, \"objct\""},
		{"pkcs11:token=gw;object=%4", "at character 17, \"object\""},
		{"pkcs11:token=gw;type=key", "at character 17, \"type\""},
		{"pkcs11:token=gw;object=tls?pin-source=/p&pin-value=sesame%", "at character 42, \"pin-value\""},
		{"pkcs11:slot-id=first", "at character 8, \"slot-id\""},
		{"token=gw;object=tls", "does not begin with pkcs11:"},
		{"", "does not begin with pkcs11:"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		reason = 0;
		CU_ASSERT_PTR_NULL(uri_parse(&provider, wrong[i].text));
		CU_ASSERT_EQUAL(reason, REASON_URI);
		CU_ASSERT_PTR_NOT_NULL(strstr(message, wrong[i].place));
		if (!strstr(message, wrong[i].place))
			printf("# %s: %s\n", wrong[i].text, message);
		CU_ASSERT_PTR_NULL(strstr(message, "sesame"));
	}
}

static void test_too_long(void)
{
	char text[URI_MAX + 100] = "pkcs11:object=";
	memset(text + 14, 'a', sizeof text - 15);
	reason = 0;
	CU_ASSERT_PTR_NULL(uri_parse(&provider, text));
	CU_ASSERT_EQUAL(reason, REASON_URI);
}

/* -- the file ------------------------------------------------------------------------------------ */

/* As openssl asn1parse -genconf makes SEQUENCE { VISIBLESTRING:PKCS#11 Provider URI v1.0, UTF8:pkcs11:object=a }. */
static const char written[] =
	"302c1a19504b43532331312050726f7669646572205552492076312e300c0f706b637331313a6f626a6563743d61";

static void test_form(void)
{
	uint8_t want[64], got[URI_FORM_MAX];
	char text[URI_MAX + 1];
	size_t len = unit_hex(written, want);
	CU_ASSERT_EQUAL(uri_form_write("pkcs11:object=a", got), len);
	CU_ASSERT_EQUAL(memcmp(got, want, len), 0);
	CU_ASSERT(uri_form_read(want, len, text));
	CU_ASSERT_STRING_EQUAL(text, "pkcs11:object=a");
}

static void test_form_spoilt(void)
{
	uint8_t der[64], longer[65];
	char text[URI_MAX + 1];
	size_t len = unit_hex(written, der);
	for (size_t n = 0; n < len; n++)
		CU_ASSERT_FALSE(uri_form_read(der, n, text));
	memcpy(longer, der, len);
	longer[len] = 0;
	CU_ASSERT_FALSE(uri_form_read(longer, len + 1, text));
	for (size_t i = 0; i < 31; i++) { /* all but the URI's own characters */
		der[i] ^= 0x01;
		CU_ASSERT_FALSE(uri_form_read(der, len, text));
		der[i] ^= 0x01;
	}
	der[len - 3] = 0; /* a zero within */
	CU_ASSERT_FALSE(uri_form_read(der, len, text));
}

static const struct unit_case cases[] = {
	{"errors go to libcrypto's core", start},
	{"the examples of RFC 7512 mean what they say", test_examples},
	{"pin-value is understood, and never shown again", test_pin_value},
	{"a wrong URI is refused with the place of the fault, and without a PIN", test_wrong},
	{"a URI beyond 4096 characters is refused", test_too_long},
	{"the file with a URI is the DER that others write", test_form},
	{"a file with a URI that is cut, longer or changed is none", test_form_spoilt},
	{"no secret is left", stop},
	{0},
};
UNIT_MAIN("the provider's URIs", cases)
