/* SPDX-License-Identifier: Apache-2.0 */
#include "token/attr.h"
#include "base/secret.h"
#include "store/store.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Templates within templates (CKA_WRAP_TEMPLATE and kin): the specification knows no second level; two are let through. */
#define DEPTH_MAX 3
/* All values of one template together: what a row of the store can hold, with room for what we add. */
#define TEMPLATE_BYTES_MAX (2u << 20)

/* Sorted by type. rarity 0: not in the index; else the order in which a find asks, rarest first. */
static const struct attr_info {
	CK_ATTRIBUTE_TYPE type;
	enum attr_kind kind;
	unsigned rarity;
} infos[] = {
	{CKA_CLASS, ATTR_ULONG, 14},
	{CKA_TOKEN, ATTR_BOOL, 0},
	{CKA_PRIVATE, ATTR_BOOL, 0},
	{CKA_LABEL, ATTR_BYTES, 7},
	{CKA_UNIQUE_ID, ATTR_BYTES, 1},
	{CKA_APPLICATION, ATTR_BYTES, 11},
	{CKA_VALUE, ATTR_BYTES, 2},
	{CKA_OBJECT_ID, ATTR_BYTES, 10},
	{CKA_CERTIFICATE_TYPE, ATTR_ULONG, 13},
	{CKA_ISSUER, ATTR_BYTES, 9},
	{CKA_SERIAL_NUMBER, ATTR_BYTES, 5},
	{CKA_AC_ISSUER, ATTR_BYTES, 0},
	{CKA_OWNER, ATTR_BYTES, 0},
	{CKA_ATTR_TYPES, ATTR_BYTES, 0},
	{CKA_TRUSTED, ATTR_BOOL, 0},
	{CKA_CERTIFICATE_CATEGORY, ATTR_ULONG, 0},
	{CKA_JAVA_MIDP_SECURITY_DOMAIN, ATTR_ULONG, 0},
	{CKA_URL, ATTR_BYTES, 0},
	{CKA_HASH_OF_SUBJECT_PUBLIC_KEY, ATTR_BYTES, 0},
	{CKA_HASH_OF_ISSUER_PUBLIC_KEY, ATTR_BYTES, 0},
	{CKA_NAME_HASH_ALGORITHM, ATTR_ULONG, 0},
	{CKA_CHECK_VALUE, ATTR_BYTES, 0},
	{CKA_KEY_TYPE, ATTR_ULONG, 12},
	{CKA_SUBJECT, ATTR_BYTES, 8},
	{CKA_ID, ATTR_BYTES, 6},
	{CKA_SENSITIVE, ATTR_BOOL, 0},
	{CKA_ENCRYPT, ATTR_BOOL, 0},
	{CKA_DECRYPT, ATTR_BOOL, 0},
	{CKA_WRAP, ATTR_BOOL, 0},
	{CKA_UNWRAP, ATTR_BOOL, 0},
	{CKA_SIGN, ATTR_BOOL, 0},
	{CKA_SIGN_RECOVER, ATTR_BOOL, 0},
	{CKA_VERIFY, ATTR_BOOL, 0},
	{CKA_VERIFY_RECOVER, ATTR_BOOL, 0},
	{CKA_DERIVE, ATTR_BOOL, 0},
	{CKA_START_DATE, ATTR_DATE, 0},
	{CKA_END_DATE, ATTR_DATE, 0},
	{CKA_MODULUS, ATTR_BYTES, 4},
	{CKA_MODULUS_BITS, ATTR_ULONG, 0},
	{CKA_PUBLIC_EXPONENT, ATTR_BYTES, 0},
	{CKA_PRIVATE_EXPONENT, ATTR_BYTES, 0},
	{CKA_PRIME_1, ATTR_BYTES, 0},
	{CKA_PRIME_2, ATTR_BYTES, 0},
	{CKA_EXPONENT_1, ATTR_BYTES, 0},
	{CKA_EXPONENT_2, ATTR_BYTES, 0},
	{CKA_COEFFICIENT, ATTR_BYTES, 0},
	{CKA_PUBLIC_KEY_INFO, ATTR_BYTES, 0},
	{CKA_PRIME, ATTR_BYTES, 0},
	{CKA_SUBPRIME, ATTR_BYTES, 0},
	{CKA_BASE, ATTR_BYTES, 0},
	{CKA_PRIME_BITS, ATTR_ULONG, 0},
	{CKA_SUBPRIME_BITS, ATTR_ULONG, 0},
	{CKA_VALUE_BITS, ATTR_ULONG, 0},
	{CKA_VALUE_LEN, ATTR_ULONG, 0},
	{CKA_EXTRACTABLE, ATTR_BOOL, 0},
	{CKA_LOCAL, ATTR_BOOL, 0},
	{CKA_NEVER_EXTRACTABLE, ATTR_BOOL, 0},
	{CKA_ALWAYS_SENSITIVE, ATTR_BOOL, 0},
	{CKA_KEY_GEN_MECHANISM, ATTR_ULONG, 0},
	{CKA_MODIFIABLE, ATTR_BOOL, 0},
	{CKA_COPYABLE, ATTR_BOOL, 0},
	{CKA_DESTROYABLE, ATTR_BOOL, 0},
	{CKA_EC_PARAMS, ATTR_BYTES, 0},
	{CKA_EC_POINT, ATTR_BYTES, 3},
	{CKA_SECONDARY_AUTH, ATTR_BOOL, 0},
	{CKA_AUTH_PIN_FLAGS, ATTR_ULONG, 0},
	{CKA_ALWAYS_AUTHENTICATE, ATTR_BOOL, 0},
	{CKA_WRAP_WITH_TRUSTED, ATTR_BOOL, 0},
	{CKA_OTP_FORMAT, ATTR_ULONG, 0},
	{CKA_OTP_LENGTH, ATTR_ULONG, 0},
	{CKA_OTP_TIME_INTERVAL, ATTR_ULONG, 0},
	{CKA_OTP_USER_FRIENDLY_MODE, ATTR_BOOL, 0},
	{CKA_OTP_CHALLENGE_REQUIREMENT, ATTR_ULONG, 0},
	{CKA_OTP_TIME_REQUIREMENT, ATTR_ULONG, 0},
	{CKA_OTP_COUNTER_REQUIREMENT, ATTR_ULONG, 0},
	{CKA_OTP_PIN_REQUIREMENT, ATTR_ULONG, 0},
	{CKA_OTP_USER_IDENTIFIER, ATTR_BYTES, 0},
	{CKA_OTP_SERVICE_IDENTIFIER, ATTR_BYTES, 0},
	{CKA_OTP_SERVICE_LOGO, ATTR_BYTES, 0},
	{CKA_OTP_SERVICE_LOGO_TYPE, ATTR_BYTES, 0},
	{CKA_OTP_COUNTER, ATTR_BYTES, 0},
	{CKA_OTP_TIME, ATTR_BYTES, 0},
	{CKA_GOSTR3410_PARAMS, ATTR_BYTES, 0},
	{CKA_GOSTR3411_PARAMS, ATTR_BYTES, 0},
	{CKA_GOST28147_PARAMS, ATTR_BYTES, 0},
	{CKA_HW_FEATURE_TYPE, ATTR_ULONG, 0},
	{CKA_RESET_ON_INIT, ATTR_BOOL, 0},
	{CKA_HAS_RESET, ATTR_BOOL, 0},
	{CKA_PIXEL_X, ATTR_ULONG, 0},
	{CKA_PIXEL_Y, ATTR_ULONG, 0},
	{CKA_RESOLUTION, ATTR_ULONG, 0},
	{CKA_CHAR_ROWS, ATTR_ULONG, 0},
	{CKA_CHAR_COLUMNS, ATTR_ULONG, 0},
	{CKA_COLOR, ATTR_BOOL, 0},
	{CKA_BITS_PER_PIXEL, ATTR_ULONG, 0},
	{CKA_CHAR_SETS, ATTR_BYTES, 0},
	{CKA_ENCODING_METHODS, ATTR_BYTES, 0},
	{CKA_MIME_TYPES, ATTR_BYTES, 0},
	{CKA_MECHANISM_TYPE, ATTR_ULONG, 0},
	{CKA_REQUIRED_CMS_ATTRIBUTES, ATTR_BYTES, 0},
	{CKA_DEFAULT_CMS_ATTRIBUTES, ATTR_BYTES, 0},
	{CKA_SUPPORTED_CMS_ATTRIBUTES, ATTR_BYTES, 0},
	{CKA_PROFILE_ID, ATTR_ULONG, 0},
	{CKA_X2RATCHET_BAG, ATTR_BYTES, 0},
	{CKA_X2RATCHET_BAGSIZE, ATTR_ULONG, 0},
	{CKA_X2RATCHET_BOBS1STMSG, ATTR_BOOL, 0},
	{CKA_X2RATCHET_CKR, ATTR_BYTES, 0},
	{CKA_X2RATCHET_CKS, ATTR_BYTES, 0},
	{CKA_X2RATCHET_DHP, ATTR_BYTES, 0},
	{CKA_X2RATCHET_DHR, ATTR_BYTES, 0},
	{CKA_X2RATCHET_DHS, ATTR_BYTES, 0},
	{CKA_X2RATCHET_HKR, ATTR_BYTES, 0},
	{CKA_X2RATCHET_HKS, ATTR_BYTES, 0},
	{CKA_X2RATCHET_ISALICE, ATTR_BOOL, 0},
	{CKA_X2RATCHET_NHKR, ATTR_BYTES, 0},
	{CKA_X2RATCHET_NHKS, ATTR_BYTES, 0},
	{CKA_X2RATCHET_NR, ATTR_ULONG, 0},
	{CKA_X2RATCHET_NS, ATTR_ULONG, 0},
	{CKA_X2RATCHET_PNS, ATTR_ULONG, 0},
	{CKA_X2RATCHET_RK, ATTR_BYTES, 0},
	{CKA_HSS_LEVELS, ATTR_ULONG, 0},
	{CKA_HSS_LMS_TYPE, ATTR_ULONG, 0},
	{CKA_HSS_LMOTS_TYPE, ATTR_ULONG, 0},
	{CKA_HSS_LMS_TYPES, ATTR_ULONGS, 0},
	{CKA_HSS_LMOTS_TYPES, ATTR_ULONGS, 0},
	{CKA_HSS_KEYS_REMAINING, ATTR_ULONG, 0},
	{CKA_PARAMETER_SET, ATTR_ULONG, 0},
	{CKA_OBJECT_VALIDATION_FLAGS, ATTR_ULONG, 0},
	{CKA_VALIDATION_TYPE, ATTR_ULONG, 0},
	{CKA_VALIDATION_VERSION, ATTR_BYTES, 0},
	{CKA_VALIDATION_LEVEL, ATTR_ULONG, 0},
	{CKA_VALIDATION_MODULE_ID, ATTR_BYTES, 0},
	{CKA_VALIDATION_FLAG, ATTR_ULONG, 0},
	{CKA_VALIDATION_AUTHORITY_TYPE, ATTR_ULONG, 0},
	{CKA_VALIDATION_COUNTRY, ATTR_BYTES, 0},
	{CKA_VALIDATION_CERTIFICATE_IDENTIFIER, ATTR_BYTES, 0},
	{CKA_VALIDATION_CERTIFICATE_URI, ATTR_BYTES, 0},
	{CKA_VALIDATION_VENDOR_URI, ATTR_BYTES, 0},
	{CKA_VALIDATION_PROFILE, ATTR_BYTES, 0},
	{CKA_ENCAPSULATE_TEMPLATE, ATTR_TEMPLATE, 0},
	{CKA_DECAPSULATE_TEMPLATE, ATTR_TEMPLATE, 0},
	{CKA_TRUST_SERVER_AUTH, ATTR_ULONG, 0},
	{CKA_TRUST_CLIENT_AUTH, ATTR_ULONG, 0},
	{CKA_TRUST_CODE_SIGNING, ATTR_ULONG, 0},
	{CKA_TRUST_EMAIL_PROTECTION, ATTR_ULONG, 0},
	{CKA_TRUST_IPSEC_IKE, ATTR_ULONG, 0},
	{CKA_TRUST_TIME_STAMPING, ATTR_ULONG, 0},
	{CKA_TRUST_OCSP_SIGNING, ATTR_ULONG, 0},
	{CKA_ENCAPSULATE, ATTR_BOOL, 0},
	{CKA_DECAPSULATE, ATTR_BOOL, 0},
	{CKA_HASH_OF_CERTIFICATE, ATTR_BYTES, 0},
	{CKA_PUBLIC_CRC64_VALUE, ATTR_BYTES, 0},
	{CKA_SEED, ATTR_BYTES, 0},
	{CKA_WRAP_TEMPLATE, ATTR_TEMPLATE, 0},
	{CKA_UNWRAP_TEMPLATE, ATTR_TEMPLATE, 0},
	{CKA_DERIVE_TEMPLATE, ATTR_TEMPLATE, 0},
	{CKA_ALLOWED_MECHANISMS, ATTR_ULONGS, 0},
	{CKA_HUFU_HARDWARE_ONLY, ATTR_BOOL, 0},
	{CKA_HUFU_SOFTWARE_FALLBACK, ATTR_BOOL, 0},
	{CKA_HUFU_DOMAINS, ATTR_BYTES, 0},
	{CKA_HUFU_RESIDENT, ATTR_BYTES, 3},
};

static int compare_type(const void *key, const void *element)
{
	CK_ATTRIBUTE_TYPE type = *(const CK_ATTRIBUTE_TYPE *)key;
	const struct attr_info *info = element;
	return (type > info->type) - (type < info->type);
}

static const struct attr_info *info_of(CK_ATTRIBUTE_TYPE type)
{
	return bsearch(&type, infos, sizeof infos / sizeof infos[0], sizeof infos[0], compare_type);
}

static enum attr_kind kind_of(CK_ATTRIBUTE_TYPE type)
{
	const struct attr_info *info = info_of(type);
	return info ? info->kind : ATTR_BYTES;
}

enum attr_kind attr_kind(CK_ATTRIBUTE_TYPE type, bool *known)
{
	const struct attr_info *info = info_of(type);
	*known = info != NULL;
	return info ? info->kind : ATTR_BYTES;
}

bool attr_indexed(CK_ATTRIBUTE_TYPE type)
{
	const struct attr_info *info = info_of(type);
	return info && info->rarity;
}

unsigned attr_rarity(CK_ATTRIBUTE_TYPE type)
{
	const struct attr_info *info = info_of(type);
	return info && info->rarity ? info->rarity : UINT_MAX;
}

/* -- values ----------------------------------------------------------------- */

/* Flags, numbers and dates tell no secret: they spare the locked memory. */
static bool value_is_secret(CK_ATTRIBUTE_TYPE type, bool secret)
{
	return secret && kind_of(type) == ATTR_BYTES;
}

static void value_free(CK_ATTRIBUTE *a, bool secret)
{
	if (kind_of(a->type) == ATTR_TEMPLATE) {
		CK_ATTRIBUTE *inner = a->pValue;
		for (size_t i = 0; i < a->ulValueLen / sizeof *inner; i++)
			value_free(&inner[i], secret);
	}
	if (value_is_secret(a->type, secret))
		secret_free(a->pValue);
	else
		free(a->pValue);
	a->pValue = NULL;
	a->ulValueLen = 0;
}

static bool value_copy(CK_ATTRIBUTE *to, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, bool secret);

static bool template_copy(CK_ATTRIBUTE *to, const CK_ATTRIBUTE *from, size_t n, bool secret)
{
	CK_ATTRIBUTE *inner = calloc(n, sizeof *inner);
	if (!inner)
		return false;
	to->pValue = inner;
	for (size_t i = 0; i < n; i++) {
		if (!value_copy(&inner[i], from[i].type, from[i].pValue, from[i].ulValueLen, secret)) {
			value_free(to, secret);
			return false;
		}
		to->ulValueLen += sizeof *inner;
	}
	return true;
}

/* to is overwritten. The values were checked (template_check, attr_decode): recursion is bounded. */
static bool value_copy(CK_ATTRIBUTE *to, CK_ATTRIBUTE_TYPE type, const void *value, size_t len, bool secret)
{
	*to = (CK_ATTRIBUTE){.type = type};
	if (len == 0)
		return true;
	if (kind_of(type) == ATTR_TEMPLATE)
		return template_copy(to, value, len / sizeof(CK_ATTRIBUTE), secret);
	to->pValue = value_is_secret(type, secret) ? secret_alloc(len) : malloc(len);
	if (!to->pValue)
		return false;
	memcpy(to->pValue, value, len);
	to->ulValueLen = len;
	return true;
}

static bool template_equal(const CK_ATTRIBUTE *a, const CK_ATTRIBUTE *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!attr_equal(&a[i], &b[i]))
			return false;
	return true;
}

bool attr_equal(const CK_ATTRIBUTE *a, const CK_ATTRIBUTE *b)
{
	if (a->type != b->type || a->ulValueLen != b->ulValueLen)
		return false;
	if (a->ulValueLen == 0)
		return true;
	if (kind_of(a->type) == ATTR_TEMPLATE)
		return template_equal(a->pValue, b->pValue, a->ulValueLen / sizeof(CK_ATTRIBUTE));
	return secret_equal(a->pValue, b->pValue, a->ulValueLen);
}

/* -- lists ------------------------------------------------------------------ */

void attrs_init(struct attrs *a, bool secret)
{
	*a = (struct attrs){.secret = secret};
}

void attrs_clear(struct attrs *a)
{
	for (size_t i = 0; i < a->n; i++)
		value_free(&a->list[i], a->secret);
	free(a->list);
	attrs_init(a, a->secret);
}

static CK_ATTRIBUTE *find(const struct attrs *a, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].type == type)
			return &a->list[i];
	return NULL;
}

const CK_ATTRIBUTE *attrs_get(const struct attrs *a, CK_ATTRIBUTE_TYPE type)
{
	return find(a, type);
}

bool attrs_bool(const struct attrs *a, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	const CK_ATTRIBUTE *found = find(a, type);
	return found && found->ulValueLen == sizeof(CK_BBOOL) ? *(const CK_BBOOL *)found->pValue != CK_FALSE : otherwise;
}

CK_ULONG attrs_ulong(const struct attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise)
{
	CK_ULONG value;
	const CK_ATTRIBUTE *found = find(a, type);
	if (!found || found->ulValueLen != sizeof value)
		return otherwise;
	memcpy(&value, found->pValue, sizeof value);
	return value;
}

static bool reserve(struct attrs *a)
{
	if (a->n < a->cap)
		return true;
	size_t cap = a->cap ? a->cap * 2 : 16;
	CK_ATTRIBUTE *list = reallocarray(a->list, cap, sizeof *list);
	if (!list)
		return false;
	a->list = list;
	a->cap = cap;
	return true;
}

bool attrs_set(struct attrs *a, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	CK_ATTRIBUTE copy;
	CK_ATTRIBUTE *old = find(a, type);
	if (!old && !reserve(a))
		return false;
	if (!value_copy(&copy, type, value, len, a->secret))
		return false;
	if (old) {
		value_free(old, a->secret);
		*old = copy;
	} else {
		a->list[a->n++] = copy;
	}
	return true;
}

bool attrs_set_bool(struct attrs *a, CK_ATTRIBUTE_TYPE type, bool value)
{
	CK_BBOOL flag = value ? CK_TRUE : CK_FALSE;
	return attrs_set(a, type, &flag, sizeof flag);
}

bool attrs_set_ulong(struct attrs *a, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	return attrs_set(a, type, &value, sizeof value);
}

void attrs_remove(struct attrs *a, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE *old = find(a, type);
	if (!old)
		return;
	value_free(old, a->secret);
	*old = a->list[--a->n];
}

bool attrs_copy(struct attrs *to, const struct attrs *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (!attrs_set(to, from->list[i].type, from->list[i].pValue, from->list[i].ulValueLen))
			return false;
	return true;
}

/* -- what an application hands in ------------------------------------------- */

/* What a template may still hold, nested ones included. */
struct budget {
	size_t attrs, bytes;
};

static bool all_digits(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* CK_DATE (3.1 3.5): YYYYMMDD of the Gregorian calendar; of no length where there is none. */
static bool date_valid(const uint8_t *p, size_t len)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (len == 0)
		return true;
	if (len != sizeof(CK_DATE) || !all_digits(p, len))
		return false;
	unsigned year = (p[0] - '0') * 1000u + (p[1] - '0') * 100u + (p[2] - '0') * 10u + (p[3] - '0');
	unsigned month = (p[4] - '0') * 10u + (p[5] - '0');
	unsigned day = (p[6] - '0') * 10u + (p[7] - '0');
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

static CK_RV check_list(const CK_ATTRIBUTE *list, size_t n, unsigned depth, struct budget *);

static CK_RV check_nested(const CK_ATTRIBUTE *a, unsigned depth, struct budget *budget)
{
	if (a->ulValueLen % sizeof(CK_ATTRIBUTE) != 0 || depth == DEPTH_MAX)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	return check_list(a->pValue, a->ulValueLen / sizeof(CK_ATTRIBUTE), depth + 1, budget);
}

static CK_RV check_value(const CK_ATTRIBUTE *a, unsigned depth, struct budget *budget)
{
	bool good = true;
	if (a->ulValueLen > budget->bytes || a->ulValueLen > STORE_VALUE_MAX || (a->ulValueLen && !a->pValue))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	budget->bytes -= a->ulValueLen;
	switch (kind_of(a->type)) {
	case ATTR_BOOL: good = a->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->pValue <= CK_TRUE; break;
	case ATTR_ULONG: good = a->ulValueLen == sizeof(CK_ULONG); break;
	case ATTR_ULONGS: good = a->ulValueLen % sizeof(CK_ULONG) == 0; break;
	case ATTR_DATE: good = date_valid(a->pValue, a->ulValueLen); break;
	case ATTR_TEMPLATE: return check_nested(a, depth, budget);
	case ATTR_BYTES: break;
	}
	return good ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

/* 4.1.1, 5: two different values for one attribute are inconsistent. The same one twice is let through. */
static bool contradicts(const CK_ATTRIBUTE *list, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (list[j].type == list[i].type && !attr_equal(&list[j], &list[i]))
			return true;
	return false;
}

static CK_RV check_list(const CK_ATTRIBUTE *list, size_t n, unsigned depth, struct budget *budget)
{
	if (n > budget->attrs)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	budget->attrs -= n;
	for (size_t i = 0; i < n; i++) {
		CK_RV rv = check_value(&list[i], depth, budget);
		if (rv != CKR_OK)
			return rv;
		if (contradicts(list, i))
			return CKR_TEMPLATE_INCONSISTENT;
	}
	return CKR_OK;
}

CK_RV template_check(const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	struct budget budget = {.attrs = STORE_ATTRS_MAX, .bytes = TEMPLATE_BYTES_MAX};
	if (n > STORE_ATTRS_MAX || (n && !templ))
		return CKR_ARGUMENTS_BAD;
	return check_list(templ, n, 0, &budget);
}

/* -- the portable form ------------------------------------------------------- */

/* CK_UNAVAILABLE_INFORMATION is all ones whatever the width of a CK_ULONG. */
static void write_ulong(struct writer *w, const void *p)
{
	CK_ULONG value;
	memcpy(&value, p, sizeof value);
	write_u64(w, value == CK_UNAVAILABLE_INFORMATION ? UINT64_MAX : value);
}

static bool read_ulong(struct reader *r, CK_ULONG *value)
{
	uint64_t wide = read_u64(r);
	*value = (CK_ULONG)wide;
	return !r->bad && (wide == UINT64_MAX || *value == wide);
}

static bool encode_template(const CK_ATTRIBUTE *list, size_t n, struct writer *w)
{
	write_u16(w, (uint16_t)n);
	for (size_t i = 0; i < n; i++) {
		struct writer inner;
		writer_init(&inner, w->secret);
		bool ok = attr_encode(&list[i], &inner);
		write_ulong(w, &list[i].type);
		write_u32(w, (uint32_t)inner.len);
		write_bytes(w, inner.data, inner.len);
		writer_clear(&inner);
		if (!ok)
			return false;
	}
	return !w->bad;
}

bool attr_encode(const CK_ATTRIBUTE *a, struct writer *w)
{
	const uint8_t *p = a->pValue;
	switch (kind_of(a->type)) {
	case ATTR_ULONG:
	case ATTR_ULONGS:
		for (size_t i = 0; i + sizeof(CK_ULONG) <= a->ulValueLen; i += sizeof(CK_ULONG))
			write_ulong(w, p + i);
		break;
	case ATTR_TEMPLATE: return encode_template(a->pValue, a->ulValueLen / sizeof(CK_ATTRIBUTE), w);
	case ATTR_BOOL:
	case ATTR_BYTES:
	case ATTR_DATE: write_bytes(w, p, a->ulValueLen); break;
	}
	return !w->bad;
}

static bool decode(CK_ATTRIBUTE_TYPE, struct reader, unsigned depth, struct budget *, struct attrs *into);

static bool decode_ulongs(CK_ATTRIBUTE_TYPE type, struct reader r, struct attrs *into)
{
	size_t n = r.left / sizeof(uint64_t);
	CK_ULONG *values = n ? calloc(n, sizeof *values) : NULL;
	bool ok = r.left % sizeof(uint64_t) == 0 && (values || !n);
	for (size_t i = 0; ok && i < n; i++)
		ok = read_ulong(&r, &values[i]);
	ok = ok && attrs_set(into, type, values, n * sizeof *values);
	free(values);
	return ok;
}

static bool decode_member(struct reader *r, unsigned depth, struct budget *budget, struct attrs *list)
{
	CK_ATTRIBUTE_TYPE type;
	bool ok = read_ulong(r, &type);
	uint32_t len = read_u32(r);
	const uint8_t *value = read_bytes(r, len);
	return ok && !r->bad && !attrs_get(list, type) && decode(type, reader_of(value, len), depth, budget, list);
}

static bool decode_template(CK_ATTRIBUTE_TYPE type, struct reader r, unsigned depth, struct budget *budget, struct attrs *into)
{
	struct attrs list;
	size_t n = read_u16(&r);
	if (depth == DEPTH_MAX || n > budget->attrs)
		return false;
	budget->attrs -= n;
	attrs_init(&list, into->secret);
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++)
		ok = decode_member(&r, depth + 1, budget, &list);
	ok = ok && reader_done(&r) && attrs_set(into, type, list.list, list.n * sizeof *list.list);
	attrs_clear(&list);
	return ok;
}

static bool decode(CK_ATTRIBUTE_TYPE type, struct reader r, unsigned depth, struct budget *budget, struct attrs *into)
{
	enum attr_kind kind = kind_of(type);
	if (kind == ATTR_TEMPLATE)
		return decode_template(type, r, depth, budget, into);
	if (kind == ATTR_ULONGS || (kind == ATTR_ULONG && r.left == sizeof(uint64_t)))
		return decode_ulongs(type, r, into);
	CK_ATTRIBUTE a = {.type = type, .pValue = (void *)(uintptr_t)r.p, .ulValueLen = r.left};
	return kind != ATTR_ULONG && check_value(&a, depth, budget) == CKR_OK && attrs_set(into, type, r.p, r.left);
}

bool attr_decode(CK_ATTRIBUTE_TYPE type, const uint8_t *value, size_t len, struct attrs *into)
{
	struct budget budget = {.attrs = STORE_ATTRS_MAX - 1, .bytes = STORE_VALUE_MAX};
	return len <= STORE_VALUE_MAX && decode(type, reader_of(value, len), 0, &budget, into);
}
