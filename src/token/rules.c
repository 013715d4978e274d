/* SPDX-License-Identifier: Apache-2.0 */
#include "token/rules.h"

/* PKCS#11 3.1 4.4, storage objects. */
static const struct rule storage[] = {
	{CKA_CLASS, 0, DEFAULT_LATER},
	{CKA_TOKEN, COPY, DEFAULT_FALSE},
	{CKA_PRIVATE, COPY, DEFAULT_FALSE},
	{CKA_MODIFIABLE, COPY, DEFAULT_TRUE},
	{CKA_LABEL, F8, DEFAULT_EMPTY},
	{CKA_COPYABLE, F12, DEFAULT_TRUE},
	{CKA_DESTROYABLE, COPY, DEFAULT_TRUE},
	{CKA_UNIQUE_ID, F2 | F4 | F6, DEFAULT_LATER},
};

/* 4.5 */
static const struct rule data[] = {
	{CKA_APPLICATION, F8, DEFAULT_EMPTY},
	{CKA_OBJECT_ID, F8, DEFAULT_EMPTY},
	{CKA_VALUE, F8, DEFAULT_EMPTY},
};

/* 4.6.1 */
static const struct rule certificate[] = {
	{CKA_CERTIFICATE_TYPE, F1, DEFAULT_LATER},
	{CKA_TRUSTED, F10, DEFAULT_FALSE},
	{CKA_CERTIFICATE_CATEGORY, 0, DEFAULT_ZERO},
	{CKA_CHECK_VALUE, 0, DEFAULT_LATER},
	{CKA_START_DATE, 0, DEFAULT_EMPTY},
	{CKA_END_DATE, 0, DEFAULT_EMPTY},
	{CKA_PUBLIC_KEY_INFO, 0, DEFAULT_EMPTY},
};

/* 4.6.3 */
static const struct rule x509[] = {
	{CKA_SUBJECT, F1, DEFAULT_NONE},
	{CKA_ID, F8, DEFAULT_EMPTY},
	{CKA_ISSUER, F8, DEFAULT_EMPTY},
	{CKA_SERIAL_NUMBER, F8, DEFAULT_EMPTY},
	{CKA_VALUE, F1, DEFAULT_NONE},
	{CKA_URL, 0, DEFAULT_EMPTY},
	{CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, DEFAULT_EMPTY},
	{CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, DEFAULT_EMPTY},
	{CKA_JAVA_MIDP_SECURITY_DOMAIN, 0, DEFAULT_ZERO},
	{CKA_NAME_HASH_ALGORITHM, 0, DEFAULT_NONE},
};

/* 4.6.4 */
static const struct rule wtls[] = {
	{CKA_SUBJECT, F1, DEFAULT_NONE},
	{CKA_ISSUER, F8, DEFAULT_EMPTY},
	{CKA_VALUE, F1, DEFAULT_NONE},
	{CKA_URL, 0, DEFAULT_EMPTY},
	{CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, DEFAULT_EMPTY},
	{CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, DEFAULT_EMPTY},
	{CKA_NAME_HASH_ALGORITHM, 0, DEFAULT_NONE},
};

/* 4.6.5 */
static const struct rule attribute_certificate[] = {
	{CKA_OWNER, F1, DEFAULT_NONE},
	{CKA_AC_ISSUER, F8, DEFAULT_EMPTY},
	{CKA_SERIAL_NUMBER, F8, DEFAULT_EMPTY},
	{CKA_ATTR_TYPES, F8, DEFAULT_EMPTY},
	{CKA_VALUE, F1, DEFAULT_NONE},
};

/* 4.7 and 4.8. What a key may do is said by its type; what it does not name is false. */
static const struct rule public_key[] = {
	{CKA_KEY_TYPE, F5, DEFAULT_LATER},
	{CKA_ID, F8, DEFAULT_EMPTY},
	{CKA_START_DATE, F8, DEFAULT_EMPTY},
	{CKA_END_DATE, F8, DEFAULT_EMPTY},
	{CKA_DERIVE, F8, DEFAULT_FALSE},
	{CKA_LOCAL, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_KEY_GEN_MECHANISM, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_ALLOWED_MECHANISMS, 0, DEFAULT_NONE},
	{CKA_SUBJECT, F8, DEFAULT_EMPTY},
	{CKA_ENCRYPT, F8, DEFAULT_FALSE},
	{CKA_VERIFY, F8, DEFAULT_FALSE},
	{CKA_VERIFY_RECOVER, F8, DEFAULT_FALSE},
	{CKA_WRAP, F8, DEFAULT_FALSE},
	{CKA_ENCAPSULATE, F8, DEFAULT_FALSE},
	{CKA_TRUSTED, F10, DEFAULT_FALSE},
	{CKA_WRAP_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_ENCAPSULATE_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_PUBLIC_KEY_INFO, 0, DEFAULT_LATER},
};

/*
 * 4.7 and 4.9. Defaults left to the token: private, sensitive and not
 * extractable, as the widely used modules have it.
 */
static const struct rule private_key[] = {
	{CKA_KEY_TYPE, F5, DEFAULT_LATER},
	{CKA_PRIVATE, COPY, DEFAULT_TRUE},
	{CKA_ID, F8, DEFAULT_EMPTY},
	{CKA_START_DATE, F8, DEFAULT_EMPTY},
	{CKA_END_DATE, F8, DEFAULT_EMPTY},
	{CKA_DERIVE, F8, DEFAULT_FALSE},
	{CKA_LOCAL, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_KEY_GEN_MECHANISM, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_ALLOWED_MECHANISMS, 0, DEFAULT_NONE},
	{CKA_SUBJECT, F8, DEFAULT_EMPTY},
	{CKA_SENSITIVE, F11, DEFAULT_TRUE},
	{CKA_DECRYPT, F8, DEFAULT_FALSE},
	{CKA_SIGN, F8, DEFAULT_FALSE},
	{CKA_SIGN_RECOVER, F8, DEFAULT_FALSE},
	{CKA_UNWRAP, F8, DEFAULT_FALSE},
	{CKA_DECAPSULATE, F8, DEFAULT_FALSE},
	{CKA_EXTRACTABLE, F12, DEFAULT_FALSE},
	{CKA_ALWAYS_SENSITIVE, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_NEVER_EXTRACTABLE, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_WRAP_WITH_TRUSTED, F11, DEFAULT_FALSE},
	{CKA_UNWRAP_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_DERIVE_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_DECAPSULATE_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_ALWAYS_AUTHENTICATE, 0, DEFAULT_FALSE},
	{CKA_PUBLIC_KEY_INFO, 0, DEFAULT_LATER},
	/* <hufu/pkcs11-sm.h>: where it lives */
	{CKA_HUFU_HARDWARE_ONLY, 0, DEFAULT_FALSE},
	{CKA_HUFU_SOFTWARE_FALLBACK, F8, DEFAULT_LATER},
	{CKA_HUFU_DOMAINS, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_HUFU_RESIDENT, F2 | F4 | F6, DEFAULT_NONE},
};

/* 4.7 and 4.10 */
static const struct rule secret_key[] = {
	{CKA_KEY_TYPE, F5, DEFAULT_LATER},
	{CKA_PRIVATE, COPY, DEFAULT_TRUE},
	{CKA_ID, F8, DEFAULT_EMPTY},
	{CKA_START_DATE, F8, DEFAULT_EMPTY},
	{CKA_END_DATE, F8, DEFAULT_EMPTY},
	{CKA_DERIVE, F8, DEFAULT_FALSE},
	{CKA_LOCAL, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_KEY_GEN_MECHANISM, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_ALLOWED_MECHANISMS, 0, DEFAULT_NONE},
	{CKA_SENSITIVE, F11, DEFAULT_TRUE},
	{CKA_ENCRYPT, F8, DEFAULT_FALSE},
	{CKA_DECRYPT, F8, DEFAULT_FALSE},
	{CKA_SIGN, F8, DEFAULT_FALSE},
	{CKA_VERIFY, F8, DEFAULT_FALSE},
	{CKA_WRAP, F8, DEFAULT_FALSE},
	{CKA_UNWRAP, F8, DEFAULT_FALSE},
	{CKA_EXTRACTABLE, F12, DEFAULT_FALSE},
	{CKA_ALWAYS_SENSITIVE, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_NEVER_EXTRACTABLE, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_CHECK_VALUE, 0, DEFAULT_LATER},
	{CKA_WRAP_WITH_TRUSTED, F11, DEFAULT_FALSE},
	{CKA_TRUSTED, F10, DEFAULT_FALSE},
	{CKA_WRAP_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_UNWRAP_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_DERIVE_TEMPLATE, 0, DEFAULT_NONE},
	{CKA_VALUE, F1 | F4 | F6 | F7, DEFAULT_NONE},
	/* <hufu/pkcs11-sm.h>: where it lives */
	{CKA_HUFU_HARDWARE_ONLY, 0, DEFAULT_FALSE},
	{CKA_HUFU_SOFTWARE_FALLBACK, F8, DEFAULT_LATER},
	{CKA_HUFU_DOMAINS, F2 | F4 | F6, DEFAULT_LATER},
	{CKA_HUFU_RESIDENT, F2 | F4 | F6, DEFAULT_NONE},
};

/* 4.11, for the curve of SM2. */
static const struct rule domain_parameters[] = {
	{CKA_KEY_TYPE, F1, DEFAULT_LATER},
	{CKA_LOCAL, F2 | F4, DEFAULT_LATER},
	{CKA_EC_PARAMS, 0, DEFAULT_CURVE},
};

/*
 * 6.3.3 and 6.3.4, elliptic curve keys, for SM2: its vendor key type names the
 * curve, so CKA_EC_PARAMS need not be given. Beyond the specification a private
 * key shows its point.
 */
static const struct rule sm2_public[] = {
	{CKA_EC_PARAMS, 0, DEFAULT_CURVE},
	{CKA_EC_POINT, F1 | F4, DEFAULT_NONE},
	{CKA_ENCRYPT, F8, DEFAULT_TRUE},
	{CKA_VERIFY, F8, DEFAULT_TRUE},
};

static const struct rule sm2_private[] = {
	{CKA_EC_PARAMS, F4 | F6, DEFAULT_CURVE},
	{CKA_VALUE, F1 | F4 | F6 | F7, DEFAULT_NONE},
	{CKA_EC_POINT, F4 | F6, DEFAULT_LATER},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
	{CKA_SIGN, F8, DEFAULT_TRUE},
};

/* 6.1.2. The public exponent may be given when generating; it is 65537 otherwise. */
static const struct rule rsa_public[] = {
	{CKA_MODULUS, F1 | F4, DEFAULT_NONE},
	{CKA_MODULUS_BITS, F2 | F3, DEFAULT_LATER},
	{CKA_PUBLIC_EXPONENT, F1, DEFAULT_LATER},
	{CKA_ENCRYPT, F8, DEFAULT_TRUE},
	{CKA_VERIFY, F8, DEFAULT_TRUE},
};

/* 6.1.3 */
static const struct rule rsa_private[] = {
	{CKA_MODULUS, F1 | F4 | F6, DEFAULT_LATER},
	{CKA_PUBLIC_EXPONENT, F4 | F6, DEFAULT_LATER},
	{CKA_PRIVATE_EXPONENT, F1 | F4 | F6 | F7, DEFAULT_NONE},
	{CKA_PRIME_1, F4 | F6 | F7, DEFAULT_NONE},
	{CKA_PRIME_2, F4 | F6 | F7, DEFAULT_NONE},
	{CKA_EXPONENT_1, F4 | F6 | F7, DEFAULT_NONE},
	{CKA_EXPONENT_2, F4 | F6 | F7, DEFAULT_NONE},
	{CKA_COEFFICIENT, F4 | F6 | F7, DEFAULT_NONE},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
	{CKA_SIGN, F8, DEFAULT_TRUE},
};

/*
 * 6.3.3 to 6.3.8: keys of Weierstrass, Edwards and Montgomery curves have the
 * same attributes, and differ in what they do. Beyond the specification a
 * private key shows its point, as SM2 keys do.
 */
#define CURVE_PUBLIC \
	{CKA_EC_PARAMS, F1 | F3, DEFAULT_LATER}, \
	{CKA_EC_POINT, F1 | F4, DEFAULT_LATER}
#define CURVE_PRIVATE \
	{CKA_EC_PARAMS, F1 | F4 | F6, DEFAULT_LATER}, \
	{CKA_VALUE, F1 | F4 | F6 | F7, DEFAULT_NONE}, \
	{CKA_EC_POINT, F4 | F6, DEFAULT_LATER}
static const struct rule ec_public[] = {CURVE_PUBLIC, {CKA_VERIFY, F8, DEFAULT_TRUE}};
static const struct rule ec_private[] = {CURVE_PRIVATE, {CKA_SIGN, F8, DEFAULT_TRUE}, {CKA_DERIVE, F8, DEFAULT_TRUE}};
static const struct rule edwards_public[] = {CURVE_PUBLIC, {CKA_VERIFY, F8, DEFAULT_TRUE}};
static const struct rule edwards_private[] = {CURVE_PRIVATE, {CKA_SIGN, F8, DEFAULT_TRUE}};
static const struct rule montgomery_public[] = {CURVE_PUBLIC};
static const struct rule montgomery_private[] = {CURVE_PRIVATE, {CKA_DERIVE, F8, DEFAULT_TRUE}};

/* The length of an SM4 or ZUC key is no choice, but may be said. */
static const struct rule sm4[] = {
	{CKA_VALUE_LEN, F2, DEFAULT_LATER},
	{CKA_ENCRYPT, F8, DEFAULT_TRUE},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
};

static const struct rule zuc[] = {
	{CKA_VALUE_LEN, F2, DEFAULT_LATER},
	{CKA_ENCRYPT, F8, DEFAULT_TRUE},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
	{CKA_SIGN, F8, DEFAULT_TRUE},
	{CKA_VERIFY, F8, DEFAULT_TRUE},
};

/* 6.8.2, generic secret keys; HMAC keys alike. */
static const struct rule generic[] = {
	{CKA_VALUE_LEN, F2 | F3, DEFAULT_LATER},
	{CKA_SIGN, F8, DEFAULT_TRUE},
	{CKA_VERIFY, F8, DEFAULT_TRUE},
};

/* HKDF keys: for that alone. */
static const struct rule hkdf[] = {
	{CKA_VALUE_LEN, F2 | F3, DEFAULT_LATER},
	{CKA_DERIVE, F8, DEFAULT_TRUE},
};

/*
 * AES secret keys. Footnote 6 forbids CKA_VALUE_LEN at unwrapping, but the text truncates
 * by it what ECB and CBC bring: it is taken there.
 */
static const struct rule aes[] = {
	{CKA_VALUE_LEN, F2 | F3, DEFAULT_LATER},
	{CKA_ENCRYPT, F8, DEFAULT_TRUE},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
	{CKA_SIGN, F8, DEFAULT_TRUE},
	{CKA_VERIFY, F8, DEFAULT_TRUE},
};

/* Triple-length DES keys, to open what is old. Their length is no choice, but may be said. */
static const struct rule des3[] = {
	{CKA_VALUE_LEN, F2, DEFAULT_LATER},
	{CKA_DECRYPT, F8, DEFAULT_TRUE},
};

#define GROUP(rules) {rules, sizeof rules / sizeof rules[0]}
#define ANY CK_UNAVAILABLE_INFORMATION
#define HMAC(key_type) {CKO_SECRET_KEY, key_type, 1, 4096, {GROUP(generic), GROUP(secret_key), GROUP(storage)}}
#define PAIR(key_type, value_max, public, private) \
	{CKO_PUBLIC_KEY, key_type, 0, 0, {GROUP(public), GROUP(public_key), GROUP(storage)}}, \
	{CKO_PRIVATE_KEY, key_type, 1, value_max, {GROUP(private), GROUP(private_key), GROUP(storage)}}

static const struct rule_set sets[] = {
	{CKO_DATA, ANY, 0, 0, {GROUP(data), GROUP(storage)}},
	{CKO_CERTIFICATE, CKC_X_509, 0, 0, {GROUP(x509), GROUP(certificate), GROUP(storage)}},
	{CKO_CERTIFICATE, CKC_WTLS, 0, 0, {GROUP(wtls), GROUP(certificate), GROUP(storage)}},
	{CKO_CERTIFICATE, CKC_X_509_ATTR_CERT, 0, 0, {GROUP(attribute_certificate), GROUP(certificate), GROUP(storage)}},
	{CKO_PUBLIC_KEY, CKK_HUFU_SM2, 0, 0, {GROUP(sm2_public), GROUP(public_key), GROUP(storage)}},
	{CKO_PRIVATE_KEY, CKK_HUFU_SM2, 1, 33, {GROUP(sm2_private), GROUP(private_key), GROUP(storage)}},
	PAIR(CKK_RSA, 1025, rsa_public, rsa_private), /* 8192 bits, and a zero before them */
	PAIR(CKK_EC, 67, ec_public, ec_private),
	PAIR(CKK_EC_EDWARDS, 57, edwards_public, edwards_private),
	PAIR(CKK_EC_MONTGOMERY, 56, montgomery_public, montgomery_private),
	{CKO_SECRET_KEY, CKK_HUFU_SM4, 16, 16, {GROUP(sm4), GROUP(secret_key), GROUP(storage)}},
	{CKO_SECRET_KEY, CKK_HUFU_ZUC, 16, 16, {GROUP(zuc), GROUP(secret_key), GROUP(storage)}},
	{CKO_SECRET_KEY, CKK_HUFU_SM3_HMAC, 1, 4096, {GROUP(generic), GROUP(secret_key), GROUP(storage)}},
	{CKO_SECRET_KEY, CKK_GENERIC_SECRET, 1, 4096, {GROUP(generic), GROUP(secret_key), GROUP(storage)}},
	HMAC(CKK_SHA_1_HMAC), HMAC(CKK_SHA224_HMAC), HMAC(CKK_SHA256_HMAC), HMAC(CKK_SHA384_HMAC), HMAC(CKK_SHA512_HMAC),
	HMAC(CKK_SHA512_224_HMAC), HMAC(CKK_SHA512_256_HMAC), HMAC(CKK_SHA3_224_HMAC), HMAC(CKK_SHA3_256_HMAC),
	HMAC(CKK_SHA3_384_HMAC), HMAC(CKK_SHA3_512_HMAC),
	{CKO_SECRET_KEY, CKK_HKDF, 1, 4096, {GROUP(hkdf), GROUP(secret_key), GROUP(storage)}},
	{CKO_SECRET_KEY, CKK_AES, 16, 32, {GROUP(aes), GROUP(secret_key), GROUP(storage)}, .value_step = 8},
	{CKO_SECRET_KEY, CKK_DES3, 24, 24, {GROUP(des3), GROUP(secret_key), GROUP(storage)}},
	{CKO_DOMAIN_PARAMETERS, CKK_HUFU_SM2, 0, 0, {GROUP(domain_parameters), GROUP(storage)}},
};
#define NSETS (sizeof sets / sizeof sets[0])

const struct rule_set *rules_find(CK_OBJECT_CLASS object_class, CK_ULONG kind)
{
	for (size_t i = 0; i < NSETS; i++)
		if (sets[i].object_class == object_class && (sets[i].kind == kind || sets[i].kind == ANY))
			return &sets[i];
	return NULL;
}

const struct rule_set *rules_of(const struct object *o)
{
	CK_ULONG kind = o->key_type;
	if (o->object_class == CKO_CERTIFICATE)
		kind = attrs_ulong(&o->attrs, CKA_CERTIFICATE_TYPE, CK_UNAVAILABLE_INFORMATION);
	return rules_find(o->object_class, kind);
}

bool rules_value_fits(const struct rule_set *set, size_t len)
{
	size_t step = set->value_step ? set->value_step : 1;
	return len >= set->value_min && len <= set->value_max && (len - set->value_min) % step == 0;
}

bool rules_know_class(CK_OBJECT_CLASS object_class)
{
	for (size_t i = 0; i < NSETS; i++)
		if (sets[i].object_class == object_class)
			return true;
	return false;
}

const struct rule *rules_at(const struct rule_set *set, size_t i)
{
	for (size_t g = 0; g < RULE_GROUPS_MAX; g++) {
		if (i < set->groups[g].n)
			return &set->groups[g].rules[i];
		i -= set->groups[g].n;
	}
	return NULL;
}

const struct rule *rules_get(const struct rule_set *set, CK_ATTRIBUTE_TYPE type)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rules_at(set, i)) != NULL; i++)
		if (rule->type == type)
			return rule;
	return NULL;
}

/* 4.1.1, 1 and 5: what nobody knows is invalid; what belongs to other objects is inconsistent. */
static CK_RV find_rule(const struct rule_set *set, CK_ATTRIBUTE_TYPE type, const struct rule **rule)
{
	bool known;
	*rule = rules_get(set, type);
	if (*rule)
		return CKR_OK;
	attr_kind(type, &known);
	return known ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_TYPE_INVALID;
}

static bool is_true(const CK_ATTRIBUTE *a)
{
	return a->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->pValue != CK_FALSE;
}

/* -- new objects -------------------------------------------------------------- */

static uint32_t forbidden_at(enum origin origin)
{
	switch (origin) {
	case ORIGIN_CREATE: return F2;
	case ORIGIN_GENERATE: return F4;
	case ORIGIN_UNWRAP: return F6;
	case ORIGIN_DERIVE: return F4; /* the footnotes forget C_DeriveKey: what generating decides, deriving does */
	}
	return ~0u;
}

static uint32_t required_at(enum origin origin)
{
	switch (origin) {
	case ORIGIN_CREATE: return F1;
	case ORIGIN_GENERATE: return F3;
	case ORIGIN_UNWRAP: return F5;
	case ORIGIN_DERIVE: return 0; /* the mechanism knows what it needs */
	}
	return 0;
}

static bool given(const CK_ATTRIBUTE *list, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
	for (CK_ULONG i = 0; i < n; i++)
		if (list[i].type == type)
			return true;
	return false;
}

static CK_RV check_complete(const struct rule_set *set, uint32_t required, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rules_at(set, i)) != NULL; i++)
		if (rule->flags & required && !given(list, n, rule->type))
			return CKR_TEMPLATE_INCOMPLETE;
	return CKR_OK;
}

CK_RV rules_check_new(const struct rule_set *set, enum origin origin, enum login login, const CK_ATTRIBUTE *list, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		const struct rule *rule;
		CK_RV rv = find_rule(set, list[i].type, &rule);
		if (rv != CKR_OK)
			return rv;
		if (rule->flags & forbidden_at(origin))
			return CKR_ATTRIBUTE_READ_ONLY;
		if (rule->flags & F10 && is_true(&list[i]) && login != LOGIN_SO)
			return CKR_ATTRIBUTE_READ_ONLY;
	}
	return check_complete(set, required_at(origin), list, n);
}

/* -- changes ------------------------------------------------------------------ */

static CK_RV check_one_change(const struct rule *rule, const struct attrs *now, bool copying, enum login login,
                              const CK_ATTRIBUTE *to)
{
	bool was = attrs_bool(now, to->type, rule->fallback == DEFAULT_TRUE), becomes = is_true(to);
	if (rule->flags & F11)
		return was && !becomes ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK;
	if (rule->flags & F12)
		return !was && becomes ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK;
	if (rule->flags & F10)
		return becomes && login != LOGIN_SO ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK;
	if (!(rule->flags & (copying ? F8 | COPY : F8)))
		return CKR_ATTRIBUTE_READ_ONLY;
	if (to->type == CKA_PRIVATE && was && !becomes)
		return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

CK_RV rules_check_change(const struct rule_set *set, const struct attrs *now, bool copying, enum login login,
                         const CK_ATTRIBUTE *list, CK_ULONG n)
{
	for (CK_ULONG i = 0; i < n; i++) {
		const struct rule *rule;
		CK_RV rv = find_rule(set, list[i].type, &rule);
		if (rv == CKR_OK)
			rv = check_one_change(rule, now, copying, login, &list[i]);
		if (rv != CKR_OK)
			return rv;
	}
	return CKR_OK;
}
