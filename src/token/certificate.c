/* SPDX-License-Identifier: Apache-2.0 */
#include "token/certificate.h"

#include "crypto/hash.h"

#include <string.h>

/* 4.6.2: the first three bytes of the SHA-1 of CKA_VALUE. */
static bool check_value(const CK_ATTRIBUTE *value, uint8_t check[3])
{
	uint8_t digest[HASH_LEN_MAX];
	if (hash_once(HASH_SHA1, value->pValue, value->ulValueLen, digest) != HUFU_OK)
		return false;
	memcpy(check, digest, 3);
	return true;
}

static size_t len_of(const struct attrs *attrs, CK_ATTRIBUTE_TYPE type)
{
	const CK_ATTRIBUTE *a = attrs_get(attrs, type);
	return a ? a->ulValueLen : 0;
}

/* 4.6.3, footnotes 2 to 4: the certificate itself, or where it is and how its keys are known. */
static CK_RV check_url(const struct attrs *attrs)
{
	bool attribute_certificate = attrs_ulong(attrs, CKA_CERTIFICATE_TYPE, 0) == CKC_X_509_ATTR_CERT;
	bool url = len_of(attrs, CKA_URL) != 0;
	if (!url && len_of(attrs, CKA_VALUE) == 0)
		return attribute_certificate ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_TEMPLATE_INCOMPLETE;
	if (url && (len_of(attrs, CKA_HASH_OF_SUBJECT_PUBLIC_KEY) == 0 || len_of(attrs, CKA_HASH_OF_ISSUER_PUBLIC_KEY) == 0))
		return CKR_TEMPLATE_INCOMPLETE;
	return CKR_OK;
}

/* One that is given of no length says that there shall be none. */
static CK_RV complete_check_value(struct attrs *attrs)
{
	uint8_t check[3];
	const CK_ATTRIBUTE *given = attrs_get(attrs, CKA_CHECK_VALUE), *value = attrs_get(attrs, CKA_VALUE);
	if (given && given->ulValueLen == 0) {
		attrs_remove(attrs, CKA_CHECK_VALUE);
		return CKR_OK;
	}
	bool known = value && value->ulValueLen && check_value(value, check);
	if (!given)
		return !known || attrs_set(attrs, CKA_CHECK_VALUE, check, sizeof check) ? CKR_OK : CKR_HOST_MEMORY;
	bool right = known && given->ulValueLen == sizeof check && memcmp(given->pValue, check, sizeof check) == 0;
	return right ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

CK_RV certificate_complete(struct attrs *attrs)
{
	if (attrs_ulong(attrs, CKA_CERTIFICATE_CATEGORY, 0) > CK_CERTIFICATE_CATEGORY_OTHER_ENTITY ||
	    attrs_ulong(attrs, CKA_JAVA_MIDP_SECURITY_DOMAIN, 0) > CK_SECURITY_DOMAIN_THIRD_PARTY)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	CK_RV rv = check_url(attrs);
	return rv == CKR_OK ? complete_check_value(attrs) : rv;
}
