/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: attribute lists own deep copies; a template is checked before anything looks into it; the portable form reads back. */
#include "base/secret.h"
#include "store/store.h"
#include "token/attr.h"

#include "unit.h"

static CK_BBOOL yes = CK_TRUE;
static CK_ULONG one = 1;

#define ATTR(type, p) {(type), (p), sizeof *(p)}
#define TEXT(type, text) {(type), (void *)(uintptr_t)(text), sizeof(text) - 1}
#define CHECK(...) template_check((CK_ATTRIBUTE[]){__VA_ARGS__}, sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE))

/* PKCS#11 3.2: the tables of section 4 and, for the mechanisms' own, of section 6. */
static void test_kinds(void)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		enum attr_kind kind;
	} rows[] = {
		{CKA_CLASS, ATTR_ULONG}, {CKA_TOKEN, ATTR_BOOL}, {CKA_LABEL, ATTR_BYTES}, {CKA_UNIQUE_ID, ATTR_BYTES},
		{CKA_CERTIFICATE_TYPE, ATTR_ULONG}, {CKA_TRUSTED, ATTR_BOOL}, {CKA_CHECK_VALUE, ATTR_BYTES},
		{CKA_KEY_TYPE, ATTR_ULONG},
		{CKA_SENSITIVE, ATTR_BOOL}, {CKA_VERIFY_RECOVER, ATTR_BOOL}, {CKA_START_DATE, ATTR_DATE}, {CKA_END_DATE, ATTR_DATE},
		{CKA_MODULUS, ATTR_BYTES}, {CKA_VALUE_LEN, ATTR_ULONG}, {CKA_KEY_GEN_MECHANISM, ATTR_ULONG},
		{CKA_COPYABLE, ATTR_BOOL},
		{CKA_EC_POINT, ATTR_BYTES}, {CKA_ALWAYS_AUTHENTICATE, ATTR_BOOL}, {CKA_WRAP_WITH_TRUSTED, ATTR_BOOL},
		{CKA_OTP_TIME, ATTR_BYTES}, {CKA_HW_FEATURE_TYPE, ATTR_ULONG}, {CKA_COLOR, ATTR_BOOL},
		{CKA_MECHANISM_TYPE, ATTR_ULONG},
		{CKA_PROFILE_ID, ATTR_ULONG}, {CKA_X2RATCHET_ISALICE, ATTR_BOOL}, {CKA_HSS_LMS_TYPES, ATTR_ULONGS},
		{CKA_PARAMETER_SET, ATTR_ULONG}, {CKA_VALIDATION_COUNTRY, ATTR_BYTES}, {CKA_ENCAPSULATE_TEMPLATE, ATTR_TEMPLATE},
		{CKA_DECAPSULATE, ATTR_BOOL}, {CKA_SEED, ATTR_BYTES}, {CKA_WRAP_TEMPLATE, ATTR_TEMPLATE},
		{CKA_DERIVE_TEMPLATE, ATTR_TEMPLATE}, {CKA_ALLOWED_MECHANISMS, ATTR_ULONGS},
	};
	bool known;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CU_ASSERT_EQUAL(attr_kind(rows[i].type, &known), rows[i].kind);
		CU_ASSERT_TRUE(known);
	}
	CU_ASSERT_EQUAL(attr_kind(CKA_VENDOR_DEFINED | 0x4e534350, &known), ATTR_BYTES);
	CU_ASSERT_FALSE(known);
	CU_ASSERT_EQUAL(attr_kind(0x5, &known), ATTR_BYTES);
	CU_ASSERT_FALSE(known);
}

static void test_index(void)
{
	CU_ASSERT_TRUE(attr_indexed(CKA_CLASS));
	CU_ASSERT_TRUE(attr_indexed(CKA_LABEL));
	CU_ASSERT_TRUE(attr_indexed(CKA_ID));
	CU_ASSERT_FALSE(attr_indexed(CKA_TOKEN));
	CU_ASSERT_FALSE(attr_indexed(CKA_VENDOR_DEFINED));
	CU_ASSERT_TRUE(attr_rarity(CKA_UNIQUE_ID) < attr_rarity(CKA_ID));
	CU_ASSERT_TRUE(attr_rarity(CKA_ID) < attr_rarity(CKA_LABEL));
	CU_ASSERT_TRUE(attr_rarity(CKA_LABEL) < attr_rarity(CKA_KEY_TYPE));
	CU_ASSERT_TRUE(attr_rarity(CKA_KEY_TYPE) < attr_rarity(CKA_CLASS));
	CU_ASSERT_TRUE(attr_rarity(CKA_CLASS) < attr_rarity(CKA_TOKEN));
}

static void test_lists(void)
{
	for (int secret = 0; secret <= 1; secret++) {
		struct attrs a, b;
		char label[] = "label";
		size_t before = secret_in_use();
		attrs_init(&a, secret);
		attrs_init(&b, !secret);
		CU_ASSERT_TRUE(attrs_set(&a, CKA_LABEL, label, 5));
		label[0] = 'x';
		CU_ASSERT_NSTRING_EQUAL(attrs_get(&a, CKA_LABEL)->pValue, "label", 5);
		CU_ASSERT_EQUAL(secret_in_use() > before, secret);
		CU_ASSERT_TRUE(attrs_set(&a, CKA_LABEL, "longer label", 12));
		CU_ASSERT_TRUE(attrs_set_bool(&a, CKA_TOKEN, true));
		CU_ASSERT_TRUE(attrs_set_ulong(&a, CKA_CLASS, CKO_DATA));
		CU_ASSERT_EQUAL(a.n, 3);
		CU_ASSERT_TRUE(attrs_bool(&a, CKA_TOKEN, false));
		CU_ASSERT_TRUE(attrs_bool(&a, CKA_PRIVATE, true));
		CU_ASSERT_EQUAL(attrs_ulong(&a, CKA_CLASS, 77), CKO_DATA);
		CU_ASSERT_EQUAL(attrs_ulong(&a, CKA_KEY_TYPE, 77), 77);
		CU_ASSERT_EQUAL(attrs_ulong(&a, CKA_LABEL, 77), 77);
		CU_ASSERT_TRUE(attrs_copy(&b, &a));
		attrs_remove(&a, CKA_LABEL);
		attrs_remove(&a, CKA_LABEL);
		CU_ASSERT_EQUAL(a.n, 2);
		CU_ASSERT_PTR_NULL(attrs_get(&a, CKA_LABEL));
		CU_ASSERT_NSTRING_EQUAL(attrs_get(&b, CKA_LABEL)->pValue, "longer label", 12);
		attrs_clear(&a);
		attrs_clear(&b);
		CU_ASSERT_EQUAL(a.n, 0);
		CU_ASSERT_EQUAL(secret_in_use(), before);
	}
}

static void test_nested_copy(void)
{
	struct attrs a, b;
	char value[] = "inner";
	CK_ATTRIBUTE inner[] = {{CKA_LABEL, value, 5}, ATTR(CKA_SENSITIVE, &yes)};
	attrs_init(&a, true);
	attrs_init(&b, false);
	CU_ASSERT_TRUE(attrs_set(&a, CKA_UNWRAP_TEMPLATE, inner, sizeof inner));
	CU_ASSERT_TRUE(attrs_copy(&b, &a));
	CU_ASSERT_TRUE(attr_equal(attrs_get(&a, CKA_UNWRAP_TEMPLATE), attrs_get(&b, CKA_UNWRAP_TEMPLATE)));
	value[0] = 'X';
	CK_ATTRIBUTE changed = {CKA_UNWRAP_TEMPLATE, inner, sizeof inner};
	CU_ASSERT_FALSE(attr_equal(attrs_get(&a, CKA_UNWRAP_TEMPLATE), &changed));
	attrs_clear(&a);
	attrs_clear(&b);
}

static void test_equal(void)
{
	CK_ATTRIBUTE a = TEXT(CKA_LABEL, "abc"), b = TEXT(CKA_LABEL, "abd"), c = TEXT(CKA_LABEL, "ab"), d = TEXT(CKA_ID, "abc");
	CK_ATTRIBUTE empty = {CKA_LABEL, NULL, 0}, also_empty = {CKA_LABEL, &a, 0};
	CU_ASSERT_TRUE(attr_equal(&a, &a));
	CU_ASSERT_FALSE(attr_equal(&a, &b));
	CU_ASSERT_FALSE(attr_equal(&a, &c));
	CU_ASSERT_FALSE(attr_equal(&a, &d));
	CU_ASSERT_TRUE(attr_equal(&empty, &also_empty));
}

static void test_check_arguments(void)
{
	CK_ATTRIBUTE many[STORE_ATTRS_MAX + 1];
	for (size_t i = 0; i < STORE_ATTRS_MAX + 1; i++)
		many[i] = (CK_ATTRIBUTE){CKA_VENDOR_DEFINED | i, &one, sizeof one};
	CU_ASSERT_EQUAL(template_check(NULL, 0), CKR_OK);
	CU_ASSERT_EQUAL(template_check(NULL, 1), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(template_check(many, (CK_ULONG)-1), CKR_ARGUMENTS_BAD);
	CU_ASSERT_EQUAL(template_check(many, STORE_ATTRS_MAX), CKR_OK);
	CU_ASSERT_EQUAL(template_check(many, STORE_ATTRS_MAX + 1), CKR_ARGUMENTS_BAD);
}

static void test_check_values(void)
{
	CK_BBOOL two = 2;
	CU_ASSERT_EQUAL(CHECK(ATTR(CKA_TOKEN, &yes), ATTR(CKA_CLASS, &one), {CKA_LABEL, NULL, 0}), CKR_OK);
	CU_ASSERT_EQUAL(CHECK(ATTR(CKA_TOKEN, &two)), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_TOKEN, NULL, 1}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_TOKEN, &yes, 0}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_TOKEN, NULL, 0}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_TOKEN, &one, sizeof one}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_CLASS, &one, 4}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_CLASS, NULL, 0}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_LABEL, NULL, 5}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_LABEL, &one, (CK_ULONG)-1}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_LABEL, &one, STORE_VALUE_MAX + 1}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_ALLOWED_MECHANISMS, &one, sizeof one}), CKR_OK);
	CU_ASSERT_EQUAL(CHECK({CKA_ALLOWED_MECHANISMS, NULL, 0}), CKR_OK);
	CU_ASSERT_EQUAL(CHECK({CKA_ALLOWED_MECHANISMS, &one, 7}), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_check_dates(void)
{
	static const struct {
		const char *date;
		CK_RV rv;
	} rows[] = {
		{"20240229", CKR_OK}, {"20000229", CKR_OK}, {"19991231", CKR_OK}, {"", CKR_OK},
		{"20230229", CKR_ATTRIBUTE_VALUE_INVALID}, {"19000229", CKR_ATTRIBUTE_VALUE_INVALID},
		{"20241301", CKR_ATTRIBUTE_VALUE_INVALID}, {"20240001", CKR_ATTRIBUTE_VALUE_INVALID},
		{"20240100", CKR_ATTRIBUTE_VALUE_INVALID}, {"20240431", CKR_ATTRIBUTE_VALUE_INVALID},
		{"2024-1-1", CKR_ATTRIBUTE_VALUE_INVALID}, {"2024010", CKR_ATTRIBUTE_VALUE_INVALID},
		{"202401011", CKR_ATTRIBUTE_VALUE_INVALID},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		CK_ATTRIBUTE a = {CKA_START_DATE, (void *)(uintptr_t)rows[i].date, strlen(rows[i].date)};
		CU_ASSERT_EQUAL(template_check(&a, 1), rows[i].rv);
	}
}

static void test_check_twice(void)
{
	CU_ASSERT_EQUAL(CHECK(TEXT(CKA_LABEL, "a"), TEXT(CKA_LABEL, "a")), CKR_OK);
	CU_ASSERT_EQUAL(CHECK(TEXT(CKA_LABEL, "a"), TEXT(CKA_ID, "1"), TEXT(CKA_LABEL, "b")), CKR_TEMPLATE_INCONSISTENT);
}

static void test_check_nested(void)
{
	CK_ATTRIBUTE good[] = {ATTR(CKA_TOKEN, &yes)}, bad[] = {{CKA_TOKEN, &one, sizeof one}};
	CK_ATTRIBUTE loop = {CKA_WRAP_TEMPLATE, &loop, sizeof loop};
	CK_ATTRIBUTE many[STORE_ATTRS_MAX];
	for (size_t i = 0; i < STORE_ATTRS_MAX; i++)
		many[i] = (CK_ATTRIBUTE){CKA_VENDOR_DEFINED | i, NULL, 0};
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, good, sizeof good}), CKR_OK);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, NULL, 0}), CKR_OK);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, good, sizeof good - 1}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, NULL, sizeof good}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, bad, sizeof bad}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK(loop), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, many, sizeof many}), CKR_ATTRIBUTE_VALUE_INVALID);
	CU_ASSERT_EQUAL(CHECK({CKA_WRAP_TEMPLATE, many, sizeof many - sizeof many[0]}), CKR_OK);
}

static void expect_form(const CK_ATTRIBUTE *a, const char *hex)
{
	uint8_t want[64];
	size_t len = unit_hex(hex, want);
	struct writer w;
	struct attrs back;
	writer_init(&w, false);
	CU_ASSERT_TRUE(attr_encode(a, &w));
	CU_ASSERT_EQUAL_FATAL(w.len, len);
	CU_ASSERT_TRUE(len == 0 || memcmp(w.data, want, len) == 0);
	attrs_init(&back, true);
	CU_ASSERT_TRUE_FATAL(attr_decode(a->type, w.data, w.len, &back));
	CU_ASSERT_TRUE(attr_equal(&back.list[0], a));
	attrs_clear(&back);
	writer_clear(&w);
}

static void test_form(void)
{
	CK_ULONG none = CK_UNAVAILABLE_INFORMATION, list[] = {1, 0x1234};
	CK_ATTRIBUTE inner[] = {ATTR(CKA_TOKEN, &yes), TEXT(CKA_LABEL, "a")};
	expect_form(&(CK_ATTRIBUTE)ATTR(CKA_TOKEN, &yes), "01");
	expect_form(&(CK_ATTRIBUTE)ATTR(CKA_CLASS, &one), "0000000000000001");
	expect_form(&(CK_ATTRIBUTE)ATTR(CKA_KEY_GEN_MECHANISM, &none), "ffffffffffffffff");
	expect_form(&(CK_ATTRIBUTE)TEXT(CKA_LABEL, "ab"), "6162");
	expect_form(&(CK_ATTRIBUTE){CKA_LABEL, NULL, 0}, "");
	expect_form(&(CK_ATTRIBUTE)TEXT(CKA_END_DATE, "20240229"), "3230323430323239");
	expect_form(&(CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, list, sizeof list}, "0000000000000001 0000000000001234");
	expect_form(&(CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, inner, sizeof inner},
	            "0002 0000000000000001 00000001 01 0000000000000003 00000001 61");
}

static void refuse_form(CK_ATTRIBUTE_TYPE type, const char *hex)
{
	uint8_t bytes[64];
	struct attrs into;
	attrs_init(&into, false);
	CU_ASSERT_FALSE(attr_decode(type, bytes, unit_hex(hex, bytes), &into));
	CU_ASSERT_EQUAL(into.n, 0);
	attrs_clear(&into);
}

static void test_form_refused(void)
{
	refuse_form(CKA_TOKEN, "");
	refuse_form(CKA_TOKEN, "02");
	refuse_form(CKA_TOKEN, "0101");
	refuse_form(CKA_CLASS, "");
	refuse_form(CKA_CLASS, "00000001");
	refuse_form(CKA_CLASS, "00000000000000010000000000000001");
	refuse_form(CKA_START_DATE, "3230323330323239");
	refuse_form(CKA_ALLOWED_MECHANISMS, "00");
	refuse_form(CKA_WRAP_TEMPLATE, "");
	refuse_form(CKA_WRAP_TEMPLATE, "0001");
	refuse_form(CKA_WRAP_TEMPLATE, "ffff 0000000000000001 00000001 01");
	refuse_form(CKA_WRAP_TEMPLATE, "0001 0000000000000001 00000001 02");
	refuse_form(CKA_WRAP_TEMPLATE, "0001 0000000000000001 00000002 01");
	refuse_form(CKA_WRAP_TEMPLATE, "0001 0000000000000001 ffffffff 01");
	refuse_form(CKA_WRAP_TEMPLATE, "0001 0000000000000001 00000001 01 00");
	refuse_form(CKA_WRAP_TEMPLATE, "0002 0000000000000001 00000001 01 0000000000000001 00000001 01");
}

static const struct unit_case cases[] = {
	{"every attribute of the specification has its kind; others are unknown bytes", test_kinds},
	{"what is found by is indexed, rarest first", test_index},
	{"a list owns copies, and leaves no secret memory behind", test_lists},
	{"nested templates are copied whole", test_nested_copy},
	{"attributes are equal by type, length and bytes", test_equal},
	{"a template that is not there, or impossibly long, is CKR_ARGUMENTS_BAD", test_check_arguments},
	{"a value of the wrong size is CKR_ATTRIBUTE_VALUE_INVALID", test_check_values},
	{"a date is of the calendar, or empty", test_check_dates},
	{"two values for one attribute are CKR_TEMPLATE_INCONSISTENT, one value twice is not", test_check_twice},
	{"nested templates are checked, bounded in depth and number", test_check_nested},
	{"the portable form is as documented and reads back", test_form},
	{"a damaged portable form is refused", test_form_refused},
	{0},
};

UNIT_MAIN("attr", cases)
