/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: the rules answer as the footnotes of the specification's attribute tables say, class by class, with the exact code. */
#include "token/rules.h"

#include "unit.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_ULONG number = 16;
static uint8_t bytes[64];

/* A value of the right shape for the attribute: what is checked here is who may say it, not what. */
static CK_ATTRIBUTE any(CK_ATTRIBUTE_TYPE type)
{
	bool known;
	switch (attr_kind(type, &known)) {
	case ATTR_BOOL: return (CK_ATTRIBUTE){type, &yes, sizeof yes};
	case ATTR_ULONG: return (CK_ATTRIBUTE){type, &number, sizeof number};
	case ATTR_BYTES: return (CK_ATTRIBUTE){type, bytes, 16};
	case ATTR_DATE:
	case ATTR_ULONGS:
	case ATTR_TEMPLATE: break;
	}
	return (CK_ATTRIBUTE){type, NULL, 0};
}

/* All that must be given, and this one. */
static CK_RV check_with(const struct rule_set *set, enum origin origin, enum login login, uint32_t must, CK_ATTRIBUTE extra)
{
	CK_ATTRIBUTE list[64];
	const struct rule *rule;
	CK_ULONG n = 0;
	for (size_t i = 0; (rule = rules_at(set, i)) != NULL; i++)
		if (rule->flags & must && rule->type != extra.type)
			list[n++] = any(rule->type);
	list[n++] = extra;
	return rules_check_new(set, origin, login, list, n);
}

static const struct {
	CK_OBJECT_CLASS object_class;
	CK_ULONG kind;
} all[] = {
	{CKO_DATA, CK_UNAVAILABLE_INFORMATION}, {CKO_CERTIFICATE, CKC_X_509}, {CKO_CERTIFICATE, CKC_WTLS},
	{CKO_CERTIFICATE, CKC_X_509_ATTR_CERT}, {CKO_PUBLIC_KEY, CKK_HUFU_SM2}, {CKO_PRIVATE_KEY, CKK_HUFU_SM2},
	{CKO_SECRET_KEY, CKK_HUFU_SM4}, {CKO_SECRET_KEY, CKK_HUFU_ZUC}, {CKO_SECRET_KEY, CKK_HUFU_SM3_HMAC},
	{CKO_SECRET_KEY, CKK_GENERIC_SECRET}, {CKO_SECRET_KEY, CKK_SHA_1_HMAC}, {CKO_SECRET_KEY, CKK_SHA224_HMAC},
	{CKO_SECRET_KEY, CKK_SHA256_HMAC}, {CKO_SECRET_KEY, CKK_SHA384_HMAC}, {CKO_SECRET_KEY, CKK_SHA512_HMAC},
	{CKO_SECRET_KEY, CKK_SHA512_224_HMAC}, {CKO_SECRET_KEY, CKK_SHA512_256_HMAC}, {CKO_SECRET_KEY, CKK_SHA3_224_HMAC},
	{CKO_SECRET_KEY, CKK_SHA3_256_HMAC}, {CKO_SECRET_KEY, CKK_SHA3_384_HMAC}, {CKO_SECRET_KEY, CKK_SHA3_512_HMAC},
	{CKO_SECRET_KEY, CKK_HKDF}, {CKO_SECRET_KEY, CKK_AES}, {CKO_SECRET_KEY, CKK_DES3}, {CKO_DOMAIN_PARAMETERS, CKK_HUFU_SM2},
};
#define NALL (sizeof all / sizeof all[0])

static void test_sets(void)
{
	for (size_t i = 0; i < NALL; i++) {
		const struct rule_set *set = rules_find(all[i].object_class, all[i].kind);
		CU_ASSERT_PTR_NOT_NULL_FATAL(set);
		CU_ASSERT_TRUE(rules_know_class(all[i].object_class));
		CU_ASSERT_PTR_NOT_NULL(rules_get(set, CKA_LABEL));
		CU_ASSERT_PTR_NULL(rules_get(set, CKA_MODULUS));
	}
	CU_ASSERT_PTR_NULL(rules_find(CKO_SECRET_KEY, CKK_DES));
	CU_ASSERT_PTR_NULL(rules_find(CKO_PRIVATE_KEY, CKK_DSA));
	CU_ASSERT_PTR_NULL(rules_find(CKO_PRIVATE_KEY, CKK_AES));
	CU_ASSERT_PTR_NULL(rules_find(CKO_PRIVATE_KEY, CKK_HUFU_SM4));
	CU_ASSERT_PTR_NULL(rules_find(CKO_CERTIFICATE, CKC_VENDOR_DEFINED));
	CU_ASSERT_FALSE(rules_know_class(CKO_HW_FEATURE));
	CU_ASSERT_FALSE(rules_know_class(CKO_MECHANISM));
	CU_ASSERT_FALSE(rules_know_class(CKO_PROFILE));
	CU_ASSERT_FALSE(rules_know_class(CKO_VENDOR_DEFINED));
}

/* Every attribute of every set is one of the specification, so its size is checked before. */
static void test_known(void)
{
	for (size_t i = 0; i < NALL; i++) {
		const struct rule_set *set = rules_find(all[i].object_class, all[i].kind);
		const struct rule *rule;
		for (size_t k = 0; (rule = rules_at(set, k)) != NULL; k++) {
			bool known;
			enum attr_kind kind = attr_kind(rule->type, &known);
			CU_ASSERT_TRUE(known);
			if (rule->fallback == DEFAULT_FALSE || rule->fallback == DEFAULT_TRUE || rule->flags & (F10 | F11 | F12))
				CU_ASSERT_EQUAL(kind, ATTR_BOOL);
		}
	}
}

/* Footnotes 2, 4, 6: read-only. */
static void test_forbidden(void)
{
	static const struct {
		enum origin origin;
		uint32_t must_not, must;
	} rows[] = {{ORIGIN_CREATE, F2, F1}, {ORIGIN_GENERATE, F4, F3}, {ORIGIN_UNWRAP, F6, F5}, {ORIGIN_DERIVE, F4, 0}};
	for (size_t i = 0; i < NALL; i++) {
		const struct rule_set *set = rules_find(all[i].object_class, all[i].kind);
		const struct rule *rule;
		for (size_t k = 0; (rule = rules_at(set, k)) != NULL; k++)
			for (size_t o = 0; o < sizeof rows / sizeof rows[0]; o++) {
				bool forbidden = rule->flags & rows[o].must_not;
				if (rules_get(set, rule->type) != rule)
					continue;
				CU_ASSERT_EQUAL(check_with(set, rows[o].origin, LOGIN_SO, rows[o].must, any(rule->type)),
				                forbidden ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK);
			}
	}
}

static void test_read_only(void)
{
	const struct rule_set *key = rules_find(CKO_PRIVATE_KEY, CKK_HUFU_SM2);
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE,
	                                          CKA_UNIQUE_ID};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		CU_ASSERT_EQUAL(check_with(key, ORIGIN_CREATE, LOGIN_USER, F1, any(types[i])), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(check_with(key, ORIGIN_GENERATE, LOGIN_USER, F3, any(types[i])), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(check_with(key, ORIGIN_UNWRAP, LOGIN_USER, F5, any(types[i])), CKR_ATTRIBUTE_READ_ONLY);
	}
	CU_ASSERT_EQUAL(check_with(key, ORIGIN_GENERATE, LOGIN_USER, F3, any(CKA_VALUE)), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(check_with(rules_find(CKO_SECRET_KEY, CKK_HUFU_SM4), ORIGIN_CREATE, LOGIN_USER, F1, any(CKA_VALUE_LEN)),
	                CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(check_with(rules_find(CKO_PUBLIC_KEY, CKK_HUFU_SM2), ORIGIN_GENERATE, LOGIN_USER, F3, any(CKA_EC_POINT)),
	                CKR_ATTRIBUTE_READ_ONLY);
}

/* Footnotes 1, 3, 5. */
static void test_incomplete(void)
{
	static const struct {
		CK_OBJECT_CLASS object_class;
		CK_ULONG kind;
		enum origin origin;
		CK_ATTRIBUTE_TYPE missing;
	} rows[] = {
		{CKO_CERTIFICATE, CKC_X_509, ORIGIN_CREATE, CKA_SUBJECT},
		{CKO_CERTIFICATE, CKC_X_509, ORIGIN_CREATE, CKA_VALUE},
		{CKO_CERTIFICATE, CKC_X_509_ATTR_CERT, ORIGIN_CREATE, CKA_OWNER},
		{CKO_PUBLIC_KEY, CKK_HUFU_SM2, ORIGIN_CREATE, CKA_EC_POINT},
		{CKO_PRIVATE_KEY, CKK_HUFU_SM2, ORIGIN_CREATE, CKA_VALUE},
		{CKO_PRIVATE_KEY, CKK_HUFU_SM2, ORIGIN_UNWRAP, CKA_KEY_TYPE},
		{CKO_SECRET_KEY, CKK_HUFU_SM4, ORIGIN_CREATE, CKA_VALUE},
		{CKO_SECRET_KEY, CKK_GENERIC_SECRET, ORIGIN_GENERATE, CKA_VALUE_LEN},
		{CKO_SECRET_KEY, CKK_HUFU_SM3_HMAC, ORIGIN_GENERATE, CKA_VALUE_LEN},
		{CKO_SECRET_KEY, CKK_SHA256_HMAC, ORIGIN_GENERATE, CKA_VALUE_LEN},
		{CKO_SECRET_KEY, CKK_AES, ORIGIN_GENERATE, CKA_VALUE_LEN},
		{CKO_SECRET_KEY, CKK_AES, ORIGIN_CREATE, CKA_VALUE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct rule_set *set = rules_find(rows[i].object_class, rows[i].kind);
		uint32_t must = rows[i].origin == ORIGIN_CREATE ? F1 : rows[i].origin == ORIGIN_GENERATE ? F3 : F5;
		CK_ATTRIBUTE list[16];
		const struct rule *rule;
		CK_ULONG n = 0;
		for (size_t k = 0; (rule = rules_at(set, k)) != NULL; k++)
			if (rule->flags & must && rule->type != rows[i].missing)
				list[n++] = any(rule->type);
		CU_ASSERT_EQUAL(rules_check_new(set, rows[i].origin, LOGIN_USER, list, n), CKR_TEMPLATE_INCOMPLETE);
		list[n++] = any(rows[i].missing);
		CU_ASSERT_EQUAL(rules_check_new(set, rows[i].origin, LOGIN_USER, list, n), CKR_OK);
	}
	/* SM4 keys have one length only: it need not be said. */
	CU_ASSERT_EQUAL(rules_check_new(rules_find(CKO_SECRET_KEY, CKK_HUFU_SM4), ORIGIN_GENERATE, LOGIN_USER, NULL, 0), CKR_OK);
}

static void test_of_others(void)
{
	const struct rule_set *set = rules_find(CKO_DATA, CK_UNAVAILABLE_INFORMATION);
	CK_ATTRIBUTE modulus = any(CKA_MODULUS), sensitive = any(CKA_SENSITIVE), vendor = any(CKA_VENDOR_DEFINED | 1),
		hole = any(5);
	CU_ASSERT_EQUAL(rules_check_new(set, ORIGIN_CREATE, LOGIN_USER, &modulus, 1), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(rules_check_new(set, ORIGIN_CREATE, LOGIN_USER, &sensitive, 1), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(rules_check_new(set, ORIGIN_CREATE, LOGIN_USER, &vendor, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	CU_ASSERT_EQUAL(rules_check_new(set, ORIGIN_CREATE, LOGIN_USER, &hole, 1), CKR_ATTRIBUTE_TYPE_INVALID);
}

/* Footnote 10. */
static void test_trusted(void)
{
	const struct rule_set *set = rules_find(CKO_CERTIFICATE, CKC_X_509);
	CK_ATTRIBUTE trusted = {CKA_TRUSTED, &yes, sizeof yes}, not_trusted = {CKA_TRUSTED, &no, sizeof no};
	struct attrs now;
	CU_ASSERT_EQUAL(check_with(set, ORIGIN_CREATE, LOGIN_USER, F1, trusted), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(check_with(set, ORIGIN_CREATE, LOGIN_NONE, F1, trusted), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(check_with(set, ORIGIN_CREATE, LOGIN_SO, F1, trusted), CKR_OK);
	CU_ASSERT_EQUAL(check_with(set, ORIGIN_CREATE, LOGIN_USER, F1, not_trusted), CKR_OK);
	attrs_init(&now, false);
	CU_ASSERT_TRUE(attrs_set_bool(&now, CKA_TRUSTED, false));
	CU_ASSERT_EQUAL(rules_check_change(set, &now, false, LOGIN_USER, &trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(rules_check_change(set, &now, true, LOGIN_USER, &trusted, 1), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(rules_check_change(set, &now, false, LOGIN_SO, &trusted, 1), CKR_OK);
	CU_ASSERT_TRUE(attrs_set_bool(&now, CKA_TRUSTED, true));
	CU_ASSERT_EQUAL(rules_check_change(set, &now, false, LOGIN_USER, &not_trusted, 1), CKR_OK);
	attrs_clear(&now);
}

static CK_RV change(const struct rule_set *set, bool copying, CK_ATTRIBUTE_TYPE type, CK_BBOOL from, CK_BBOOL to)
{
	struct attrs now;
	CK_ATTRIBUTE a = {type, &to, sizeof to};
	attrs_init(&now, false);
	CU_ASSERT_TRUE(attrs_set_bool(&now, type, from));
	CK_RV rv = rules_check_change(set, &now, copying, LOGIN_USER, &a, 1);
	attrs_clear(&now);
	return rv;
}

/* Footnotes 11 and 12, in C_SetAttributeValue and in C_CopyObject. */
static void test_one_way(void)
{
	const struct rule_set *set = rules_find(CKO_PRIVATE_KEY, CKK_HUFU_SM2);
	for (int copying = 0; copying <= 1; copying++) {
		CU_ASSERT_EQUAL(change(set, copying, CKA_SENSITIVE, no, yes), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_SENSITIVE, yes, yes), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_SENSITIVE, yes, no), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(change(set, copying, CKA_WRAP_WITH_TRUSTED, no, yes), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_WRAP_WITH_TRUSTED, yes, no), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(change(set, copying, CKA_EXTRACTABLE, yes, no), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_EXTRACTABLE, no, no), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_EXTRACTABLE, no, yes), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(change(set, copying, CKA_COPYABLE, yes, no), CKR_OK);
		CU_ASSERT_EQUAL(change(set, copying, CKA_COPYABLE, no, yes), CKR_ATTRIBUTE_READ_ONLY);
	}
}

static void test_only_while_copying(void)
{
	const struct rule_set *set = rules_find(CKO_SECRET_KEY, CKK_HUFU_SM4);
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_TOKEN, CKA_MODIFIABLE, CKA_DESTROYABLE, CKA_PRIVATE};
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		CU_ASSERT_EQUAL(change(set, false, types[i], no, yes), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_EQUAL(change(set, true, types[i], no, yes), CKR_OK);
	}
	CU_ASSERT_EQUAL(change(set, true, CKA_TOKEN, yes, no), CKR_OK);
	CU_ASSERT_EQUAL(change(set, true, CKA_PRIVATE, yes, no), CKR_TEMPLATE_INCONSISTENT);
}

static CK_RV change_bytes(CK_OBJECT_CLASS object_class, CK_ULONG kind, CK_ATTRIBUTE_TYPE type)
{
	struct attrs now;
	CK_ATTRIBUTE a = any(type);
	attrs_init(&now, false);
	CK_RV rv = rules_check_change(rules_find(object_class, kind), &now, false, LOGIN_USER, &a, 1);
	attrs_clear(&now);
	return rv;
}

/* Footnote 8, and the words below the certificate tables: "only the ... may be modified". */
static void test_modifiable(void)
{
	CU_ASSERT_EQUAL(change_bytes(CKO_DATA, 0, CKA_VALUE), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_DATA, 0, CKA_LABEL), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_DATA, 0, CKA_CLASS), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_DATA, 0, CKA_UNIQUE_ID), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_ID), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_ISSUER), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_SERIAL_NUMBER), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_SUBJECT), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_VALUE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_CERTIFICATE, CKC_X_509, CKA_CERTIFICATE_TYPE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_ID), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_SIGN), CKR_OK);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_KEY_TYPE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_ALLOWED_MECHANISMS), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_ALWAYS_AUTHENTICATE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_VALUE), CKR_ATTRIBUTE_READ_ONLY);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_MODULUS), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT_EQUAL(change_bytes(CKO_PRIVATE_KEY, CKK_HUFU_SM2, CKA_VENDOR_DEFINED), CKR_ATTRIBUTE_TYPE_INVALID);
}

/* What footnote 9 leaves to the token: documented in hufu-pkcs11(7). */
static void test_defaults(void)
{
	const struct rule_set *key = rules_find(CKO_PRIVATE_KEY, CKK_HUFU_SM2), *sm4 = rules_find(CKO_SECRET_KEY, CKK_HUFU_SM4);
	const struct rule_set *public = rules_find(CKO_PUBLIC_KEY, CKK_HUFU_SM2),
		*hmac = rules_find(CKO_SECRET_KEY, CKK_HUFU_SM3_HMAC);
	CU_ASSERT_EQUAL(rules_get(key, CKA_PRIVATE)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_SENSITIVE)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_EXTRACTABLE)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_SIGN)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_UNWRAP)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(public, CKA_PRIVATE)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(public, CKA_VERIFY)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(public, CKA_WRAP)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(sm4, CKA_PRIVATE)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(sm4, CKA_ENCRYPT)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(sm4, CKA_SIGN)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(sm4, CKA_WRAP)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(hmac, CKA_SIGN)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(hmac, CKA_ENCRYPT)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_TOKEN)->fallback, DEFAULT_FALSE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_MODIFIABLE)->fallback, DEFAULT_TRUE);
	CU_ASSERT_EQUAL(rules_get(key, CKA_DESTROYABLE)->fallback, DEFAULT_TRUE);
}

static void test_value_lengths(void)
{
	static const struct {
		CK_KEY_TYPE type;
		const char *lengths; /* of those to 40 */
	} rows[] = {{CKK_AES, "\x10\x18\x20"}, {CKK_DES3, "\x18"}, {CKK_HUFU_SM4, "\x10"}, {CKK_HUFU_ZUC, "\x10"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct rule_set *set = rules_find(CKO_SECRET_KEY, rows[i].type);
		for (char len = 1; len <= 40; len++)
			CU_ASSERT_EQUAL(rules_value_fits(set, (size_t)len), strchr(rows[i].lengths, len) != NULL);
		CU_ASSERT_FALSE(rules_value_fits(set, 0) || rules_value_fits(set, (size_t)-1));
	}
	const struct rule_set *hmac = rules_find(CKO_SECRET_KEY, CKK_SHA256_HMAC);
	CU_ASSERT(!rules_value_fits(hmac, 0) && rules_value_fits(hmac, 1) && rules_value_fits(hmac, 4096) &&
	          !rules_value_fits(hmac, 4097));
}

static const struct unit_case cases[] = {
	{"every kind of object has its rules; what is not made here has none", test_sets},
	{"every attribute of a rule is one of the specification, of the right kind", test_known},
	{"footnotes 2, 4 and 6: what must not be given is CKR_ATTRIBUTE_READ_ONLY, all else is taken", test_forbidden},
	{"what the token computes is read-only at every origin", test_read_only},
	{"footnotes 1, 3 and 5: what is missing is CKR_TEMPLATE_INCOMPLETE", test_incomplete},
	{"another class's attribute is CKR_TEMPLATE_INCONSISTENT, nobody's CKR_ATTRIBUTE_TYPE_INVALID", test_of_others},
	{"footnote 10: only the SO makes trusted", test_trusted},
	{"footnotes 11 and 12: sensitive goes up, extractable goes down, never back", test_one_way},
	{"CKA_TOKEN, PRIVATE, MODIFIABLE, DESTROYABLE change while copying only, and never to less private",
	 test_only_while_copying},
	{"footnote 8: what may be modified, and what may not", test_modifiable},
	{"keys have the lengths of their type, and no other", test_value_lengths},
	{"defaults: keys are private, sensitive and stay; uses follow the key type; nothing wraps unasked", test_defaults},
	{0},
};

UNIT_MAIN("rules", cases)
