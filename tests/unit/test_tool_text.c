/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: what others named cannot disturb the terminal or the JSON, and the command line is read as documented. */
#include "tools/curve.h"
#include "tools/hex.h"
#include "tools/keykind.h"
#include "tools/names.h"
#include "tools/report.h"
#include "tools/table.h"
#include "unit.h"


static void clean(const char *in, size_t len, const char *want)
{
	char out[64];

	CU_ASSERT_STRING_EQUAL(text_clean(in, len, out, sizeof out), want);
}

static void test_clean(void)
{
	clean("demo                            ", 32, "demo");
	clean("\x1b[2Jx", 5, "?[2Jx");
	clean("a\nb\x7f", 4, "a?b?");
	clean("\xe8\x99\x8e\xe7\xac\xa6", 6, "\xe8\x99\x8e\xe7\xac\xa6");
	clean("\xc2\x9b" "31m", 5, "?31m");              /* C1 CSI in UTF-8 */
	clean("\xe8\x99", 2, "??");                      /* cut */
	clean("\xc0\xaf\xed\xa0\x80\xf5", 6, "??????");  /* overlong, surrogate, beyond Unicode */
	clean("", 0, "");
}

static void test_clean_fits(void)
{
	char out[4];

	CU_ASSERT_STRING_EQUAL(text_clean("ab\xe8\x99\x8e", 5, out, sizeof out), "ab"); /* no half character */
	CU_ASSERT_STRING_EQUAL(text_clean("abcdef", 6, out, sizeof out), "abc");
}

static void test_json_text(void)
{
	json_t *s = json_text("\xff\xfe" "ok", 4);

	CU_ASSERT_STRING_EQUAL(json_string_value(s), "??ok");
	json_decref(s);
	s = json_text("a\"b\n", 4);
	CU_ASSERT_STRING_EQUAL(json_string_value(s), "a\"b\n"); /* jansson escapes */
	json_decref(s);
}

static void test_table(void)
{
	static const char *const titles[] = {"A", "BB", NULL};
	struct table t;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	table_init(&t, titles);
	table_row(&t, (const char *const[]){"long cell", "x"});
	table_row(&t, (const char *const[]){"\x1b", "y"});
	CU_ASSERT_EQUAL(table_print(&t, out, "none"), ST_OK);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "A          BB\nlong cell  x\n?          y\n");
	free(text);
	table_clear(&t);
}

static void test_empty_table(void)
{
	static const char *const titles[] = {"A", NULL};
	struct table t;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	table_init(&t, titles);
	CU_ASSERT_EQUAL(table_print(&t, out, "none"), ST_OK);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, "none\n");
	free(text);
	table_clear(&t);
}

static void test_hex(void)
{
	unsigned char out[4];
	size_t len;

	CU_ASSERT(hex_decode("00fF", 4, out, 4, &len) && len == 2 && out[0] == 0 && out[1] == 0xff);
	CU_ASSERT(hex_decode("01:02 03\n", 9, out, 4, &len) && len == 3);
	CU_ASSERT(hex_decode("", 0, out, 4, &len) && len == 0);
	CU_ASSERT_FALSE(hex_decode("0", 1, out, 4, &len));
	CU_ASSERT_FALSE(hex_decode("0g", 2, out, 4, &len));
	CU_ASSERT_FALSE(hex_decode("0102030405", 10, out, 4, &len));
	CU_ASSERT_FALSE(hex_decode("0 1", 3, out, 4, &len));
}

static void test_mechanisms(void)
{
	CK_MECHANISM_TYPE m;
	char buf[NAME_LEN];

	CU_ASSERT(mech_parse("CKM_AES_CBC", &m) && m == CKM_AES_CBC);
	CU_ASSERT(mech_parse("aes-cbc", &m) && m == CKM_AES_CBC);
	CU_ASSERT(mech_parse("CKM_HUFU_SM4_CBC", &m) && m == CKM_HUFU_SM4_CBC);
	CU_ASSERT(mech_parse("sm4-cbc", &m) && m == CKM_HUFU_SM4_CBC);
	CU_ASSERT(mech_parse("0xc8554605", &m) && m == CKM_HUFU_SM2_SM3_DER);
	CU_ASSERT(mech_parse("sha1", &m) && m == CKM_SHA_1);
	CU_ASSERT(mech_parse("sha-1-hmac", &m) && m == CKM_SHA_1_HMAC);
	CU_ASSERT(mech_parse("sha3-256", &m) && m == CKM_SHA3_256);
	CU_ASSERT(mech_parse("sha512-256", &m) && m == CKM_SHA512_256);
	CU_ASSERT(mech_parse("CKM_SHA3_384_RSA_PKCS_PSS", &m) && m == CKM_SHA3_384_RSA_PKCS_PSS);
	CU_ASSERT_FALSE(mech_parse("aes--cbc", &m));
	CU_ASSERT_FALSE(mech_parse("-aes-cbc", &m));
	CU_ASSERT_FALSE(mech_parse("aes-cb", &m));
	CU_ASSERT_FALSE(mech_parse("aes-cbc-", &m));
	CU_ASSERT_FALSE(mech_parse("0x12g", &m));
	CU_ASSERT_FALSE(mech_parse("", &m));
	CU_ASSERT_STRING_EQUAL(mech_name(CKM_HUFU_SM3, buf), "CKM_HUFU_SM3");
	CU_ASSERT_STRING_EQUAL(mech_name(0x80000042, buf), "0x80000042");
}

static void test_key_kinds(void)
{
	const char *size;
	const struct key_kind *kind = key_kind_parse("aes:256", &size);

	CU_ASSERT(kind && kind->type == CKK_AES && !strcmp(size, "256"));
	CU_ASSERT(key_kind_parse("sm2", &size) && !size);
	CU_ASSERT_PTR_NULL(key_kind_parse("sm2:256", &size));
	CU_ASSERT_PTR_NULL(key_kind_parse("sm", &size));
	CU_ASSERT(key_kind_of(CKK_EC, sm2_curve_oid, sizeof sm2_curve_oid)->type == CKK_HUFU_SM2);
	CU_ASSERT(key_kind_of(CKK_EC, NULL, 0)->type == CKK_EC);
}

/* RFC 8410 3: id-X25519 is 1.3.101.110, id-Ed448 1.3.101.113. */
static void test_edwards_kinds(void)
{
	static const unsigned char x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e}, ed448[] = {0x06, 0x03, 0x2b, 0x65, 0x71},
				   unknown[] = {0x06, 0x03, 0x2b, 0x65, 0x72};
	static const unsigned char name[] = "\x13\x0c" "edwards25519";
	const char *size;

	CU_ASSERT_PTR_EQUAL(key_kind_of(CKK_EC_MONTGOMERY, x25519, sizeof x25519), key_kind_parse("x25519", &size));
	CU_ASSERT_PTR_EQUAL(key_kind_of(CKK_EC_EDWARDS, ed448, sizeof ed448), key_kind_parse("ed448", &size));
	CU_ASSERT_PTR_EQUAL(key_kind_of(CKK_EC_EDWARDS, name, sizeof name - 1), key_kind_parse("ed25519", &size));
	CU_ASSERT_PTR_NULL(key_kind_of(CKK_EC_EDWARDS, x25519, sizeof x25519));
	CU_ASSERT_PTR_NULL(key_kind_of(CKK_EC_EDWARDS, unknown, sizeof unknown));
	CU_ASSERT_PTR_NULL(key_kind_of(CKK_EC_EDWARDS, name, sizeof name - 2));
	CU_ASSERT_PTR_NULL(key_kind_of(CKK_EC_EDWARDS, NULL, 0));
	CU_ASSERT_PTR_NULL(key_kind_parse("ed25519:255", &size));
}

static void test_kind_names(void)
{
	char names[KEY_KIND_NAMES_MAX];

	CU_ASSERT(strstr(key_kind_names(names), "ed25519, ed448, x25519, x448, aes, generic") != NULL);
	CU_ASSERT(strlen(names) + 1 < sizeof names);
	CU_ASSERT_STRING_EQUAL(names + strlen(names) - 13, "hmac-sha3-512");
}

/* OIDs of RFC 5480 2.1.1.1. */
static void test_curves(void)
{
	static const unsigned char p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07},
				   p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};
	static const char *const names[] = {"P-256", "secp256r1", "prime256v1", "1.2.840.10045.3.1.7"};
	unsigned char oid[CURVE_OID_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CU_ASSERT_EQUAL(curve_oid(names[i], oid), sizeof p256);
		CU_ASSERT(memcmp(oid, p256, sizeof p256) == 0);
	}
	CU_ASSERT_STRING_EQUAL(curve_name(p521, sizeof p521), "P-521");
	CU_ASSERT_EQUAL(curve_nbits(p521, sizeof p521), 521);
	CU_ASSERT_EQUAL(curve_oid("sha256", oid), 0);
	CU_ASSERT_EQUAL(curve_oid("P-257", oid), 0);
	CU_ASSERT_EQUAL(curve_oid("", oid), 0);
	CU_ASSERT_EQUAL(curve_nbits(p521, sizeof p521 - 1), 0);
	CU_ASSERT_PTR_NULL(curve_name(NULL, 0));
}

static const struct opt own[] = {{"count", 'n', "N", "help"}, {"yes", 'y', NULL, "help"}, {0}};
static const struct command command = {"noun", "verb", "[TARGET]", 0, 1, "summary", OPTS_TOKEN, own, NULL};

static enum status parse(int argc, const char *const *argv, struct args *args)
{
	bool help;

	return args_parse(&command, argc, (char **)(size_t)argv, args, &help);
}

static void test_args(void)
{
	struct args args;
	unsigned long n;
	const char *argv[] = {"verb", "--module", "m.so", "target", "-n", "7", "--yes", "-o", "json", NULL};

	CU_ASSERT_EQUAL_FATAL(parse(9, argv, &args), ST_OK);
	CU_ASSERT_STRING_EQUAL(arg_get(&args, "module"), "m.so");
	CU_ASSERT_STRING_EQUAL(arg_target(&args, 0), "target");
	CU_ASSERT(arg_has(&args, "yes") && args.json && !arg_has(&args, "token"));
	CU_ASSERT(arg_number(&args, "count", 0, 10, 3, &n) == ST_OK && n == 7);
	CU_ASSERT_EQUAL(arg_number(&args, "count", 0, 6, 3, &n), ST_USAGE);
	report_json(false);
}

static void test_bad_args(void)
{
	struct args args;
	const char *unknown[] = {"verb", "--nonsense", NULL}, *missing[] = {"verb", "--count", NULL},
		   *many[] = {"verb", "a", "b", NULL}, *foreign[] = {"verb", "--pin-file", "x", NULL},
		   *format[] = {"verb", "-o", "xml", NULL};

	CU_ASSERT_EQUAL(parse(2, unknown, &args), ST_USAGE);
	CU_ASSERT_EQUAL(parse(2, missing, &args), ST_USAGE);
	CU_ASSERT_EQUAL(parse(3, many, &args), ST_USAGE);
	CU_ASSERT_EQUAL(parse(3, foreign, &args), ST_USAGE); /* of a group that the command has not */
	CU_ASSERT_EQUAL(parse(3, format, &args), ST_USAGE);
}

static const struct unit_case cases[] = {
	{"labels cannot carry control characters or broken UTF-8 to the terminal", test_clean},
	{"a label that does not fit is cut between characters", test_clean_fits},
	{"JSON strings are valid whatever the bytes", test_json_text},
	{"columns are as wide as their widest cell", test_table},
	{"an empty table is a sentence", test_empty_table},
	{"hexadecimal is read whole or not at all", test_hex},
	{"mechanisms are named by name, short name or number", test_mechanisms},
	{"key types and sizes are read whole; SM2 shown as EC is SM2", test_key_kinds},
	{"the kinds of Edwards and Montgomery keys are known by their curve", test_edwards_kinds},
	{"all kinds of keys can be told in one message", test_kind_names},
	{"a curve has many names and one OID", test_curves},
	{"options and targets mix; the last of an option counts", test_args},
	{"what a command does not know is a usage error", test_bad_args},
	{0},
};
UNIT_MAIN("tool_text", cases)
