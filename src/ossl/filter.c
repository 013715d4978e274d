/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/filter.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include "crypto/context.h"
#include "ossl/param.h"
#include "ossl/search.h"

const OSSL_PARAM *filter_settable(void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
		OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_STORE_PARAM_ISSUER, NULL, 0),
		OSSL_PARAM_BN(OSSL_STORE_PARAM_SERIAL, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_ALIAS, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

static bool set_name(X509_NAME **name, const OSSL_PARAM *p)
{
	const void *der;
	size_t len;

	if (!p)
		return true;
	if (!OSSL_PARAM_get_octet_string_ptr(p, &der, &len))
		return false;
	const uint8_t *at = der;
	X509_NAME_free(*name);
	*name = d2i_X509_NAME(NULL, &at, (long)len);
	return *name != NULL;
}

static bool set_label(char **label, const OSSL_PARAM *p)
{
	if (!p)
		return true;
	OPENSSL_free(*label);
	*label = NULL;
	return OSSL_PARAM_get_utf8_string(p, label, 0);
}

int filter_set(struct filter *filter, const struct provider *provider, const OSSL_PARAM params[])
{
	const OSSL_PARAM *expect = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);
	const OSSL_PARAM *serial = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SERIAL);

	if ((!expect || param_int(expect, &filter->expect)) && (!serial || (serial->data && OSSL_PARAM_get_BN(serial, &filter->serial))) &&
	    set_name(&filter->subject, OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SUBJECT)) &&
	    set_name(&filter->issuer, OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ISSUER)) &&
	    set_label(&filter->label, OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_ALIAS)))
		return 1;
	return fail(provider, REASON_PARAMETER, "what is wanted of the store cannot be read");
}

void filter_clear(struct filter *filter)
{
	OPENSSL_free(filter->label);
	X509_NAME_free(filter->subject);
	X509_NAME_free(filter->issuer);
	BN_free(filter->serial);
}

static bool names_certificate(const struct filter *filter)
{
	return filter->subject || filter->issuer || filter->serial;
}

unsigned filter_wants(const struct filter *filter)
{
	unsigned what = SEARCH_PRIVATE | SEARCH_PUBLIC | SEARCH_CERTIFICATES;

	if (filter->expect == OSSL_STORE_INFO_PKEY)
		what = SEARCH_PRIVATE;
	else if (filter->expect == OSSL_STORE_INFO_PUBKEY)
		what = SEARCH_PUBLIC;
	else if (filter->expect == OSSL_STORE_INFO_CERT)
		what = SEARCH_CERTIFICATES;
	else if (filter->expect)
		what = 0;
	return names_certificate(filter) ? what & SEARCH_CERTIFICATES : what;
}

/* Names are compared as X.509 means them, whatever string types and case they are written in. */
static bool certificate_fits(const struct filter *filter, const X509 *certificate)
{
	if (filter->subject && X509_NAME_cmp(filter->subject, X509_get_subject_name(certificate)) != 0)
		return false;
	if (filter->issuer && X509_NAME_cmp(filter->issuer, X509_get_issuer_name(certificate)) != 0)
		return false;
	if (!filter->serial)
		return true;
	BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	bool fits = serial && BN_cmp(serial, filter->serial) == 0;
	BN_free(serial);
	return fits;
}

bool filter_takes(const struct filter *filter, const uint8_t *der, size_t len)
{
	if (!names_certificate(filter))
		return true;
	X509 *certificate = X509_new_ex(libcrypto_context(), NULL);
	bool fits = certificate && d2i_X509(&certificate, &der, (long)len) && certificate_fits(filter, certificate);
	X509_free(certificate);
	return fits;
}
