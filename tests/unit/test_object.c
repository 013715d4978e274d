/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: objects are made, shown, changed, copied, found and destroyed by PKCS#11 3.1 4 and 5.7, with the exact codes. */
#include "base/clock.h"
#include "base/secret.h"
#include "token/core.h"
#include "token/object.h"
#include "token/operation.h"
#include "token/slot.h"

#include "unit.h"

#include <ftw.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#define SO_PIN "officer's pin"
#define USER_PIN "user's own pin"
#define N(array) (sizeof(array) / sizeof((array)[0]))
#define ATTR(type, v) {(type), &(v), sizeof(v)}
#define TEXT(type, text) {(type), (void *)(uintptr_t)(text), sizeof(text) - 1}
#define IS(call, want) CU_ASSERT_EQUAL(call, want)
#define OK(call) CU_ASSERT_EQUAL(call, CKR_OK)
/* What the rest stands on, in the other process too, where there is no CUnit. */
#define NEED(call) need((call), #call, __LINE__)

static void need(CK_RV rv, const char *call, int line)
{
	if (rv == CKR_OK)
		return;
	printf("Bail out! line %d: %s gives 0x%lx\n", line, call, rv);
	exit(98);
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS data = CKO_DATA, certificate = CKO_CERTIFICATE, public_key = CKO_PUBLIC_KEY, private_key = CKO_PRIVATE_KEY,
                       secret_key = CKO_SECRET_KEY, domain = CKO_DOMAIN_PARAMETERS, profile = CKO_PROFILE;
static CK_KEY_TYPE sm2 = CKK_HUFU_SM2, ec = CKK_EC, sm4 = CKK_HUFU_SM4, zuc = CKK_HUFU_ZUC, hmac = CKK_HUFU_SM3_HMAC,
                   generic = CKK_GENERIC_SECRET, sm3_hmac = CKK_HUFU_SM3_HMAC;
static CK_CERTIFICATE_TYPE x509 = CKC_X_509, wtls = CKC_WTLS, x509_attribute = CKC_X_509_ATTR_CERT;

/* The key of GB/T 32907 A.1. */
static uint8_t key16[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static uint8_t curve[] = "\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d"; /* 1.2.156.10197.1.301, GM/T 0006 */
#define CURVE(type) {(type), curve, 10}

/* GB/T 32918.5 A.2: the key pair of the example signature. */
static uint8_t scalar[32], point[67];

static void make_pair(void)
{
	unit_hex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8", scalar);
	unit_hex("044104 09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
	         "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13", point);
}

/* -- a place with two tokens ------------------------------------------------------------- */

static char dir[64];
static uint64_t now_ns = 1000 * NS_PER_S;

static uint64_t virtual_clock(void)
{
	return now_ns;
}

static void write_conf(void)
{
	char path[96];
	snprintf(path, sizeof path, "%s/hufu.conf", dir);
	FILE *f = fopen(path, "w");
	NEED(f ? CKR_OK : CKR_GENERAL_ERROR);
	fprintf(f, "log { to = \"none\" }\ndefaults { allow_short_pin = true }\n"
	           "token \"plain\" { store = \"sqlite:%s/plain.db\" devices = {\"soft0\"} }\n"
	           "token \"curve\" { store = \"sqlite:%s/curve.db\" devices = {\"soft0\"} sm2_key_type = \"ec\" }\n"
	           "device \"soft0\" { driver = \"soft\" domain = \"soft\" }\n", dir, dir);
	fclose(f);
	setenv("HUFU_CONF", path, 1);
	setenv("HUFU_LOG", "none", 1);
}

static CK_SLOT_ID slot_of(unsigned token)
{
	CK_SLOT_ID ids[16];
	CK_ULONG n = N(ids);
	NEED(slot_list(false, ids, &n));
	NEED(token < n ? CKR_OK : CKR_SLOT_ID_INVALID);
	return ids[token];
}

static struct session *open_session(unsigned token, bool rw)
{
	CK_SESSION_HANDLE handle;
	struct session *s;
	NEED(session_open(slot_of(token), CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), &handle));
	NEED(session_enter(handle, &s));
	return s;
}

static void close_session(struct session *s)
{
	CK_SESSION_HANDLE handle = s->handle;
	session_leave(s);
	NEED(session_close(handle));
}

static void login(struct session *s, CK_USER_TYPE who)
{
	const char *pin = who == CKU_SO ? SO_PIN : USER_PIN;
	NEED(session_login(s, who, (const CK_BYTE *)pin, strlen(pin), NULL, 0));
}

static void init_token(unsigned token)
{
	CK_BYTE label[32];
	memset(label, ' ', sizeof label);
	memcpy(label, "objects", 7);
	NEED(slot_init_token(slot_of(token), (const CK_BYTE *)SO_PIN, strlen(SO_PIN), label));
	struct session *s = open_session(token, true);
	login(s, CKU_SO);
	NEED(session_init_pin(s, (const CK_BYTE *)USER_PIN, strlen(USER_PIN)));
	close_session(s);
}

static struct session *user(void)
{
	struct session *s = open_session(0, true);
	login(s, CKU_USER);
	return s;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* -- short words ----------------------------------------------------------------------------- */

#define CREATE(s, h, ...) object_create((s), (CK_ATTRIBUTE[]){__VA_ARGS__}, N(((CK_ATTRIBUTE[]){__VA_ARGS__})), (h))
#define SET(s, h, ...) object_set_attributes((s), (h), (CK_ATTRIBUTE[]){__VA_ARGS__}, N(((CK_ATTRIBUTE[]){__VA_ARGS__})))
#define COPY_OF(s, h, out, ...) object_copy((s), (h), (CK_ATTRIBUTE[]){__VA_ARGS__}, N(((CK_ATTRIBUTE[]){__VA_ARGS__})), (out))
#define COUNT(s, ...) count((s), (CK_ATTRIBUTE[]){__VA_ARGS__}, N(((CK_ATTRIBUTE[]){__VA_ARGS__})))

static CK_RV get(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, void *value, size_t *len)
{
	CK_ATTRIBUTE a = {type, value, *len};
	CK_RV rv = object_get_attributes(s, h, &a, 1);
	*len = a.ulValueLen;
	return rv;
}

static CK_BBOOL get_bool(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 7;
	size_t len = sizeof value;
	OK(get(s, h, type, &value, &len));
	return value;
}

static CK_ULONG get_ulong(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0x7777;
	size_t len = sizeof value;
	OK(get(s, h, type, &value, &len));
	return value;
}

static bool has(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, const void *value, size_t want)
{
	uint8_t room[256];
	size_t len = sizeof room;
	CK_RV rv = get(s, h, type, room, &len);
	return rv == CKR_OK && len == want && (want == 0 || memcmp(room, value, want) == 0);
}

static CK_RV get_code(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	uint8_t room[256];
	size_t len = sizeof room;
	CK_RV rv = get(s, h, type, room, &len);
	if (rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID)
		CU_ASSERT_EQUAL(len, CK_UNAVAILABLE_INFORMATION);
	return rv;
}

/* The beginnings of templates. */
#define X509 ATTR(CKA_CLASS, certificate), ATTR(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_SUBJECT, "s")
#define SM4 ATTR(CKA_CLASS, secret_key), ATTR(CKA_KEY_TYPE, sm4)
#define SM2_PUBLIC ATTR(CKA_CLASS, public_key), ATTR(CKA_KEY_TYPE, sm2)
#define SM2_PRIVATE ATTR(CKA_CLASS, private_key), ATTR(CKA_KEY_TYPE, sm2)

static CK_ULONG search(struct session *s, const CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *all, CK_ULONG max)
{
	CK_ULONG found = 0;
	NEED(find_init(s, templ, n));
	NEED(find_next(s, all, max, &found));
	NEED(find_final(s));
	return found;
}

static CK_ULONG count(struct session *s, const CK_ATTRIBUTE *templ, CK_ULONG n)
{
	CK_OBJECT_HANDLE all[64];
	return search(s, templ, n, all, N(all));
}

static CK_OBJECT_HANDLE make_data(struct session *s, CK_BBOOL token, CK_BBOOL private, const char *label)
{
	CK_OBJECT_HANDLE h = 0;
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, data), ATTR(CKA_TOKEN, token), ATTR(CKA_PRIVATE, private),
	            {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}, TEXT(CKA_VALUE, "contents")));
	return h;
}

/* Readable: not sensitive, extractable. */
static CK_OBJECT_HANDLE make_secret(struct session *s, CK_BBOOL token, CK_KEY_TYPE type, void *value, size_t len)
{
	CK_OBJECT_HANDLE h = 0;
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, secret_key), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_TOKEN, token), ATTR(CKA_SENSITIVE, no),
	            ATTR(CKA_EXTRACTABLE, yes), {CKA_VALUE, value, len}));
	return h;
}

static void destroy_all(struct session *s)
{
	CK_OBJECT_HANDLE all[64];
	CK_ULONG n = search(s, NULL, 0, all, N(all));
	for (CK_ULONG i = 0; i < n; i++)
		OK(object_destroy(s, all[i]));
}

/* -- creating ------------------------------------------------------------------------------------ */

static void test_data(void)
{
	struct session *s = open_session(0, true);
	CK_OBJECT_HANDLE h, g;
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, data), TEXT(CKA_APPLICATION, "app"), TEXT(CKA_VALUE, "x")));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_CLASS), CKO_DATA);
	CU_ASSERT_FALSE(get_bool(s, h, CKA_TOKEN));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_PRIVATE));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_MODIFIABLE) && get_bool(s, h, CKA_COPYABLE) && get_bool(s, h, CKA_DESTROYABLE));
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "", 0) && has(s, h, CKA_OBJECT_ID, "", 0) && has(s, h, CKA_APPLICATION, "app", 3));
	IS(get_code(s, h, CKA_SENSITIVE), CKR_ATTRIBUTE_TYPE_INVALID);
	NEED(CREATE(s, &g, ATTR(CKA_CLASS, data)));
	CU_ASSERT_NOT_EQUAL(g, h);
	uint8_t one[40], other[40];
	size_t len = sizeof one, other_len = sizeof other;
	OK(get(s, h, CKA_UNIQUE_ID, one, &len));
	OK(get(s, g, CKA_UNIQUE_ID, other, &other_len));
	CU_ASSERT_TRUE(len == 36 && other_len == 36 && memcmp(one, other, 36) != 0);
	close_session(s);
}

static void test_template_codes(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h = 0;
	CK_OBJECT_CLASS strange = 0x1234, hardware = CKO_HW_FEATURE, mechanism = CKO_MECHANISM, vendor = CKO_VENDOR_DEFINED;
	CK_KEY_TYPE rsa = CKK_RSA, des = CKK_DES;
	CK_BBOOL two = 2;
	CK_ULONG len = 16;
	IS(object_create(s, NULL, 0, &h), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_TOKEN, no)), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, strange)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, vendor)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, hardware)), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, mechanism)), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, profile)), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), ATTR(CKA_TOKEN, two)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), ATTR(CKA_CLASS, secret_key)), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), TEXT(CKA_MODULUS, "n")), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), TEXT(CKA_VENDOR_DEFINED, "v")), CKR_ATTRIBUTE_TYPE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), TEXT(CKA_UNIQUE_ID, "me")), CKR_ATTRIBUTE_READ_ONLY);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, secret_key), ATTR(CKA_VALUE, key16)), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, SM4), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, secret_key), ATTR(CKA_KEY_TYPE, des), ATTR(CKA_VALUE, key16)),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, public_key), ATTR(CKA_KEY_TYPE, rsa), TEXT(CKA_MODULUS, "n")),
	   CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_VALUE_LEN, len)), CKR_ATTRIBUTE_READ_ONLY);
	IS(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_LOCAL, yes)), CKR_ATTRIBUTE_READ_ONLY);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), TEXT(CKA_START_DATE, "20230101")), CKR_TEMPLATE_INCONSISTENT);
	IS(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), TEXT(CKA_START_DATE, "20230230")), CKR_ATTRIBUTE_VALUE_INVALID);
	close_session(s);
}

/* 5.6.1, table 6. */
static void test_who_may(void)
{
	struct session *ro = open_session(0, false);
	CK_OBJECT_HANDLE h;
	IS(CREATE(ro, &h, ATTR(CKA_CLASS, data), ATTR(CKA_TOKEN, yes)), CKR_SESSION_READ_ONLY);
	IS(CREATE(ro, &h, ATTR(CKA_CLASS, data), ATTR(CKA_PRIVATE, yes)), CKR_USER_NOT_LOGGED_IN);
	IS(CREATE(ro, &h, SM4, ATTR(CKA_VALUE, key16)), CKR_USER_NOT_LOGGED_IN);
	OK(CREATE(ro, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_PRIVATE, no)));
	OK(CREATE(ro, &h, ATTR(CKA_CLASS, data)));
	login(ro, CKU_USER);
	OK(CREATE(ro, &h, ATTR(CKA_CLASS, data), ATTR(CKA_PRIVATE, yes)));
	IS(CREATE(ro, &h, ATTR(CKA_CLASS, data), ATTR(CKA_PRIVATE, yes), ATTR(CKA_TOKEN, yes)), CKR_SESSION_READ_ONLY);
	close_session(ro);
	struct session *so = open_session(0, true);
	login(so, CKU_SO);
	IS(CREATE(so, &h, ATTR(CKA_CLASS, data), ATTR(CKA_PRIVATE, yes)), CKR_USER_NOT_LOGGED_IN);
	NEED(CREATE(so, &h, ATTR(CKA_CLASS, data), ATTR(CKA_TOKEN, yes)));
	OK(object_destroy(so, h));
	close_session(so);
}

static void test_certificates(void)
{
	struct session *s = open_session(0, true);
	CK_OBJECT_HANDLE h;
	CK_ULONG four = 4;
	/* FIPS 180-4: SHA-1("abc") begins with a9993e. */
	NEED(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), TEXT(CKA_CHECK_VALUE, "\xa9\x99\x3e"), TEXT(CKA_START_DATE, "20240101")));
	CU_ASSERT_TRUE(has(s, h, CKA_START_DATE, "20240101", 8) && has(s, h, CKA_END_DATE, "", 0) && has(s, h, CKA_ID, "", 0));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_CERTIFICATE_CATEGORY), CK_CERTIFICATE_CATEGORY_UNSPECIFIED);
	CU_ASSERT_FALSE(get_bool(s, h, CKA_TRUSTED));
	NEED(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc")));
	CU_ASSERT_TRUE(has(s, h, CKA_CHECK_VALUE, "\xa9\x99\x3e", 3));
	NEED(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), {CKA_CHECK_VALUE, NULL, 0}));
	IS(get_code(s, h, CKA_CHECK_VALUE), CKR_ATTRIBUTE_TYPE_INVALID);
	IS(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), TEXT(CKA_CHECK_VALUE, "\xa9\x99\x3f")), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, certificate), ATTR(CKA_CERTIFICATE_TYPE, x509), TEXT(CKA_VALUE, "abc")),
	   CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, certificate), TEXT(CKA_SUBJECT, "s"), TEXT(CKA_VALUE, "abc")), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, certificate), ATTR(CKA_CERTIFICATE_TYPE, four), TEXT(CKA_VALUE, "abc")),
	   CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), ATTR(CKA_CERTIFICATE_CATEGORY, four)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, X509, {CKA_VALUE, NULL, 0}), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, X509, {CKA_VALUE, NULL, 0}, TEXT(CKA_URL, "http://a")), CKR_TEMPLATE_INCOMPLETE);
	OK(CREATE(s, &h, X509, {CKA_VALUE, NULL, 0},
	          TEXT(CKA_URL, "http://a"), TEXT(CKA_HASH_OF_SUBJECT_PUBLIC_KEY, "1"), TEXT(CKA_HASH_OF_ISSUER_PUBLIC_KEY, "2")));
	OK(CREATE(s, &h, ATTR(CKA_CLASS, certificate), ATTR(CKA_CERTIFICATE_TYPE, wtls), TEXT(CKA_SUBJECT, "s"),
	          TEXT(CKA_VALUE, "abc")));
	OK(CREATE(s, &h, ATTR(CKA_CLASS, certificate), ATTR(CKA_CERTIFICATE_TYPE, x509_attribute), TEXT(CKA_OWNER, "o"),
	          TEXT(CKA_VALUE, "abc")));
	close_session(s);
}

static void test_trusted(void)
{
	struct session *s = open_session(0, true);
	CK_OBJECT_HANDLE h, copy;
	IS(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), ATTR(CKA_TRUSTED, yes)), CKR_ATTRIBUTE_READ_ONLY);
	login(s, CKU_SO);
	NEED(CREATE(s, &h, X509, TEXT(CKA_VALUE, "abc"), ATTR(CKA_TOKEN, yes), ATTR(CKA_TRUSTED, yes)));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_TRUSTED));
	OK(session_logout(s));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_TRUSTED));
	/* Whoever changes it without a login takes its word's weight away. */
	OK(SET(s, h, TEXT(CKA_ID, "1")));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_TRUSTED));
	login(s, CKU_USER);
	IS(SET(s, h, ATTR(CKA_TRUSTED, yes)), CKR_ATTRIBUTE_READ_ONLY);
	/* Nor does a later change under a login give it back, nor a copy. */
	OK(SET(s, h, TEXT(CKA_ID, "2")));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_TRUSTED));
	NEED(object_copy(s, h, NULL, 0, &copy));
	CU_ASSERT_FALSE(get_bool(s, copy, CKA_TRUSTED));
	OK(object_destroy(s, copy));
	OK(session_logout(s));
	login(s, CKU_SO);
	OK(SET(s, h, ATTR(CKA_TRUSTED, yes)));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_TRUSTED));
	OK(object_destroy(s, h));
	close_session(s);
}

/* -- keys ------------------------------------------------------------------------------------------- */

static void test_secret_values(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h;
	static uint8_t big[4097];
	const struct {
		CK_KEY_TYPE type;
		size_t len;
		CK_RV rv;
	} rows[] = {
		{sm4, 16, CKR_OK}, {sm4, 15, CKR_ATTRIBUTE_VALUE_INVALID}, {sm4, 17, CKR_ATTRIBUTE_VALUE_INVALID},
		{sm4, 0, CKR_ATTRIBUTE_VALUE_INVALID},
		{zuc, 16, CKR_OK}, {zuc, 32, CKR_ATTRIBUTE_VALUE_INVALID}, {hmac, 1, CKR_OK}, {hmac, 4096, CKR_OK},
		{hmac, 4097, CKR_ATTRIBUTE_VALUE_INVALID}, {hmac, 0, CKR_ATTRIBUTE_VALUE_INVALID}, {generic, 1, CKR_OK},
		{generic, 4096, CKR_OK}, {generic, 4097, CKR_ATTRIBUTE_VALUE_INVALID},
	};
	for (size_t i = 0; i < N(rows); i++) {
		CK_KEY_TYPE type = rows[i].type;
		IS(CREATE(s, &h, ATTR(CKA_CLASS, secret_key), ATTR(CKA_KEY_TYPE, type), {CKA_VALUE, big, rows[i].len}), rows[i].rv);
		if (rows[i].rv == CKR_OK)
			CU_ASSERT_EQUAL(get_ulong(s, h, CKA_VALUE_LEN), rows[i].len);
	}
	close_session(s);
}

static void test_key_defaults(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h;
	NEED(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16)));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_PRIVATE) && get_bool(s, h, CKA_SENSITIVE) && get_bool(s, h, CKA_ENCRYPT));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_EXTRACTABLE) || get_bool(s, h, CKA_WRAP) || get_bool(s, h, CKA_LOCAL));
	/* The application had it in the clear: it was not always sensitive. */
	CU_ASSERT_FALSE(get_bool(s, h, CKA_ALWAYS_SENSITIVE) || get_bool(s, h, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
	IS(get_code(s, h, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	IS(get_code(s, h, CKA_ALLOWED_MECHANISMS), CKR_ATTRIBUTE_TYPE_INVALID);
	IS(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, scalar), ATTR(CKA_PRIVATE, no),
	          ATTR(CKA_ALWAYS_AUTHENTICATE, yes)), CKR_TEMPLATE_INCONSISTENT);
	close_session(s);
}

/* A zero block under this key: openssl enc -sm4-ecb. SHA-1("abc"): FIPS 180. SM3("abc"): GB/T 32905 A.1. */
static void test_check_values(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h = make_secret(s, no, sm4, key16, 16);
	uint8_t kcv[3] = {0x26, 0x77, 0xf4}, abc[3] = {'a', 'b', 'c'};
	CU_ASSERT_TRUE(has(s, h, CKA_CHECK_VALUE, kcv, 3));
	OK(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_CHECK_VALUE, kcv)));
	kcv[2] ^= 1;
	IS(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_CHECK_VALUE, kcv)), CKR_ATTRIBUTE_VALUE_INVALID);
	NEED(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), {CKA_CHECK_VALUE, NULL, 0}));
	IS(get_code(s, h, CKA_CHECK_VALUE), CKR_ATTRIBUTE_TYPE_INVALID);
	h = make_secret(s, no, generic, abc, 3);
	CU_ASSERT_TRUE(has(s, h, CKA_CHECK_VALUE, "\xa9\x99\x3e", 3));
	h = make_secret(s, no, sm3_hmac, abc, 3);
	CU_ASSERT_TRUE(has(s, h, CKA_CHECK_VALUE, "\x66\xc7\xf0", 3));
	close_session(s);
}

static void test_readable_value(void)
{
	struct session *s = user();
	for (int token = 0; token <= 1; token++) {
		CK_OBJECT_HANDLE h = make_secret(s, token ? yes : no, sm4, key16, 16);
		CU_ASSERT_TRUE(has(s, h, CKA_VALUE, key16, 16));
		CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_VALUE, key16)), 1);
		OK(SET(s, h, ATTR(CKA_SENSITIVE, yes)));
		IS(get_code(s, h, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
		CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_VALUE, key16)), 0);
		OK(object_destroy(s, h));
		h = make_secret(s, token ? yes : no, sm4, key16, 16);
		OK(SET(s, h, ATTR(CKA_EXTRACTABLE, no)));
		IS(get_code(s, h, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
		OK(object_destroy(s, h));
	}
	close_session(s);
}

/* RFC 5480 with the curve's OID: what openssl ec -pubout writes for this point. */
static const char spki[] = "3059301306072a8648ce3d020106082a811ccf5501822d034200"
                           "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                           "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";

static void test_sm2_keys(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE pub, priv, h;
	uint8_t info[128];
	size_t info_len = unit_hex(spki, info);
	NEED(CREATE(s, &pub, SM2_PUBLIC, ATTR(CKA_EC_POINT, point)));
	NEED(CREATE(s, &priv, ATTR(CKA_CLASS, private_key), ATTR(CKA_KEY_TYPE, ec), CURVE(CKA_EC_PARAMS), ATTR(CKA_VALUE, scalar)));
	CU_ASSERT_EQUAL(get_ulong(s, pub, CKA_KEY_TYPE), CKK_HUFU_SM2);
	CU_ASSERT_EQUAL(get_ulong(s, priv, CKA_KEY_TYPE), CKK_HUFU_SM2);
	CU_ASSERT_TRUE(has(s, pub, CKA_EC_PARAMS, curve, 10) && has(s, priv, CKA_EC_PARAMS, curve, 10));
	CU_ASSERT_TRUE(has(s, pub, CKA_EC_POINT, point, 67) && has(s, priv, CKA_EC_POINT, point, 67));
	CU_ASSERT_TRUE(has(s, pub, CKA_PUBLIC_KEY_INFO, info, info_len) && has(s, priv, CKA_PUBLIC_KEY_INFO, info, info_len));
	CU_ASSERT_FALSE(get_bool(s, pub, CKA_PRIVATE));
	CU_ASSERT_TRUE(get_bool(s, pub, CKA_VERIFY) && get_bool(s, priv, CKA_SIGN) && get_bool(s, priv, CKA_PRIVATE));
	IS(get_code(s, priv, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	/* The bare point, as some clients send it. */
	NEED(CREATE(s, &h, SM2_PUBLIC, {CKA_EC_POINT, point + 2, 65}));
	CU_ASSERT_TRUE(has(s, h, CKA_EC_POINT, point, 67));
	NEED(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, scalar), ATTR(CKA_SENSITIVE, no),
	            ATTR(CKA_EXTRACTABLE, yes), ATTR(CKA_EC_POINT, point), {CKA_PUBLIC_KEY_INFO, info, info_len}));
	CU_ASSERT_TRUE(has(s, h, CKA_VALUE, scalar, 32));
	close_session(s);
}

static void test_sm2_refused(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h;
	uint8_t off[67], other[67], zero[32] = {0}, order[32], long_d[33] = {1};
	uint8_t p256[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", k256[] = "\x06\x05\x2b\x81\x04\x00\x0a";
	memcpy(off, point, 67);
	off[66] ^= 1;
	/* GB/T 32918.5 2: the base point, on the curve but not the key's; the order. */
	unit_hex("04410432C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
	         "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0", other);
	unit_hex("FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123", order);
	IS(CREATE(s, &h, SM2_PUBLIC), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, public_key), ATTR(CKA_KEY_TYPE, ec), ATTR(CKA_EC_POINT, point)), CKR_TEMPLATE_INCOMPLETE);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, public_key), ATTR(CKA_KEY_TYPE, ec), {CKA_EC_PARAMS, k256, 7}, ATTR(CKA_EC_POINT, point)),
	   CKR_CURVE_NOT_SUPPORTED);
	IS(CREATE(s, &h, SM2_PUBLIC, {CKA_EC_PARAMS, p256, 10}, ATTR(CKA_EC_POINT, point)), CKR_CURVE_NOT_SUPPORTED);
	IS(CREATE(s, &h, SM2_PUBLIC, {CKA_EC_PARAMS, zero, 10}, ATTR(CKA_EC_POINT, point)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PUBLIC, ATTR(CKA_EC_POINT, off)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PUBLIC, {CKA_EC_POINT, point, 66}), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PUBLIC, {CKA_EC_POINT, NULL, 0}), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PUBLIC, ATTR(CKA_EC_POINT, point), TEXT(CKA_PUBLIC_KEY_INFO, "x")), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, zero)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, order)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, long_d)), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(CREATE(s, &h, SM2_PRIVATE, ATTR(CKA_VALUE, scalar), ATTR(CKA_EC_POINT, other)), CKR_ATTRIBUTE_VALUE_INVALID);
	close_session(s);
}

static void test_domain_parameters(void)
{
	struct session *s = open_session(0, true);
	CK_OBJECT_HANDLE h;
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, domain), ATTR(CKA_KEY_TYPE, ec), CURVE(CKA_EC_PARAMS)));
	CU_ASSERT_TRUE(has(s, h, CKA_EC_PARAMS, curve, 10));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_LOCAL));
	IS(CREATE(s, &h, ATTR(CKA_CLASS, domain), CURVE(CKA_EC_PARAMS)), CKR_TEMPLATE_INCOMPLETE);
	close_session(s);
}

static void test_generated(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h, pub, priv;
	CK_MECHANISM pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0}, gen = {CKM_HUFU_SM4_KEY_GEN, NULL, 0},
		mac = {CKM_HUFU_SM3_KEY_GEN, NULL, 0};
	CK_ULONG len = 20, wrong = 4097;
	CK_ATTRIBUTE both[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_KEY_TYPE, ec)},
		open[] = {ATTR(CKA_SENSITIVE, no), ATTR(CKA_EXTRACTABLE, yes)};
	CK_ATTRIBUTE with_len[] = {ATTR(CKA_VALUE_LEN, len)}, with_wrong[] = {ATTR(CKA_VALUE_LEN, wrong)},
		value[] = {ATTR(CKA_VALUE, key16)};
	CK_ATTRIBUTE other_type[] = {ATTR(CKA_KEY_TYPE, zuc)};
	uint8_t a[67], b[67];
	size_t alen = 67, blen = 67;
	NEED(key_generate_pair(s, &pair, both, 2, both, 2, &pub, &priv));
	OK(get(s, pub, CKA_EC_POINT, a, &alen));
	OK(get(s, priv, CKA_EC_POINT, b, &blen));
	CU_ASSERT_TRUE(alen == 67 && blen == 67 && memcmp(a, b, 67) == 0);
	CU_ASSERT_TRUE(get_bool(s, priv, CKA_LOCAL) && get_bool(s, pub, CKA_LOCAL) && get_bool(s, priv, CKA_ALWAYS_SENSITIVE) &&
	               get_bool(s, priv, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(get_ulong(s, priv, CKA_KEY_GEN_MECHANISM), CKM_HUFU_SM2_KEY_PAIR_GEN);
	NEED(key_generate(s, &gen, open, 2, &h));
	CU_ASSERT_TRUE(get_bool(s, h, CKA_LOCAL));
	CU_ASSERT_FALSE(get_bool(s, h, CKA_ALWAYS_SENSITIVE) || get_bool(s, h, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_VALUE_LEN), 16);
	IS(get_code(s, h, CKA_VALUE), CKR_OK);
	IS(get_code(s, h, CKA_CHECK_VALUE), CKR_OK);
	NEED(key_generate(s, &mac, with_len, 1, &h));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_VALUE_LEN), 20);
	IS(key_generate(s, &mac, NULL, 0, &h), CKR_TEMPLATE_INCOMPLETE);
	IS(key_generate(s, &mac, with_wrong, 1, &h), CKR_ATTRIBUTE_VALUE_INVALID);
	IS(key_generate(s, &gen, value, 1, &h), CKR_ATTRIBUTE_READ_ONLY);
	IS(key_generate(s, &gen, other_type, 1, &h), CKR_TEMPLATE_INCONSISTENT);
	destroy_all(s);
	close_session(s);
}

static void test_curve_view(void)
{
	struct session *s = open_session(1, true);
	CK_OBJECT_HANDLE pub, priv, h;
	CK_MECHANISM pair = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	login(s, CKU_USER);
	NEED(key_generate_pair(s, &pair, NULL, 0, NULL, 0, &pub, &priv));
	CU_ASSERT_EQUAL(get_ulong(s, pub, CKA_KEY_TYPE), CKK_EC);
	CU_ASSERT_EQUAL(get_ulong(s, priv, CKA_KEY_TYPE), CKK_EC);
	NEED(CREATE(s, &h, SM2_PUBLIC, ATTR(CKA_EC_POINT, point), ATTR(CKA_TOKEN, yes)));
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_KEY_TYPE), CKK_EC);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_KEY_TYPE, ec)), 3);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_KEY_TYPE, ec), ATTR(CKA_CLASS, private_key)), 1);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_KEY_TYPE, sm2)), 0);
	destroy_all(s);
	close_session(s);
}

/* -- reading --------------------------------------------------------------------------------------- */

static void test_get(void)
{
	struct session *s = user();
	uint8_t label[16], value[16];
	CK_OBJECT_HANDLE h = make_data(s, no, no, "a label"), key = make_secret(s, no, sm4, key16, 16);
	CK_ATTRIBUTE size[] = {{CKA_LABEL, NULL, 99}, {CKA_OBJECT_ID, NULL, 99}};
	OK(object_get_attributes(s, h, size, 2));
	CU_ASSERT_TRUE(size[0].ulValueLen == 7 && size[1].ulValueLen == 0);
	CK_ATTRIBUTE mixed[] = {{CKA_MODULUS, value, 16}, {CKA_LABEL, label, 6}, {CKA_VENDOR_DEFINED, NULL, 0},
	                        {CKA_VALUE, value, 16}};
	CK_RV rv = object_get_attributes(s, h, mixed, 4);
	CU_ASSERT_TRUE(rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(mixed[i].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	CU_ASSERT_TRUE(mixed[3].ulValueLen == 8 && memcmp(value, "contents", 8) == 0);
	CK_ATTRIBUTE small = {CKA_LABEL, label, 6};
	IS(object_get_attributes(s, h, &small, 1), CKR_BUFFER_TOO_SMALL);
	OK(SET(s, key, ATTR(CKA_SENSITIVE, yes)));
	CK_ATTRIBUTE hidden[] = {{CKA_VALUE, NULL, 0}, {CKA_LABEL, label, 16}};
	IS(object_get_attributes(s, key, hidden, 2), CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_TRUE(hidden[0].ulValueLen == CK_UNAVAILABLE_INFORMATION && hidden[1].ulValueLen == 0);
	OK(object_get_attributes(s, h, NULL, 0));
	IS(object_get_attributes(s, 0, size, 1), CKR_OBJECT_HANDLE_INVALID);
	CK_ULONG bytes = 0;
	OK(object_size(s, h, &bytes));
	CU_ASSERT_TRUE(bytes > 15);
	close_session(s);
}

static void test_get_nested(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h;
	CK_MECHANISM_TYPE allowed[] = {CKM_HUFU_SM4_CBC, CKM_HUFU_SM4_GCM};
	CK_ATTRIBUTE inner[] = {ATTR(CKA_SENSITIVE, yes), TEXT(CKA_LABEL, "unwrapped")};
	NEED(CREATE(s, &h, SM4, ATTR(CKA_VALUE, key16), ATTR(CKA_TOKEN, yes),
	            ATTR(CKA_UNWRAP_TEMPLATE, inner), ATTR(CKA_ALLOWED_MECHANISMS, allowed)));
	CU_ASSERT_TRUE(has(s, h, CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed));
	CK_ATTRIBUTE size = {CKA_UNWRAP_TEMPLATE, NULL, 0};
	OK(object_get_attributes(s, h, &size, 1));
	CU_ASSERT_EQUAL(size.ulValueLen, sizeof inner);
	/* 5.7.5: elements without a buffer are told their length, the others are filled. */
	CK_ATTRIBUTE got[2] = {{0}};
	CK_ATTRIBUTE all = {CKA_UNWRAP_TEMPLATE, got, sizeof got};
	OK(object_get_attributes(s, h, &all, 1));
	CU_ASSERT_TRUE(got[0].type == CKA_SENSITIVE && got[0].ulValueLen == 1 && got[1].type == CKA_LABEL &&
	               got[1].ulValueLen == 9);
	CK_BBOOL sensitive = 7;
	char label[9];
	got[0].pValue = &sensitive;
	got[1].pValue = label;
	OK(object_get_attributes(s, h, &all, 1));
	CU_ASSERT_TRUE(sensitive == CK_TRUE && memcmp(label, "unwrapped", 9) == 0);
	got[1].ulValueLen = 8;
	IS(object_get_attributes(s, h, &all, 1), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(got[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	all.ulValueLen = sizeof got[0];
	IS(object_get_attributes(s, h, &all, 1), CKR_BUFFER_TOO_SMALL);
	CU_ASSERT_EQUAL(all.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	OK(object_destroy(s, h));
	close_session(s);
}

/* -- changing ---------------------------------------------------------------------------------------- */

static void test_set(void)
{
	struct session *s = user();
	for (int token = 0; token <= 1; token++) {
		CK_OBJECT_HANDLE h = make_data(s, token ? yes : no, no, "before");
		OK(SET(s, h, TEXT(CKA_LABEL, "after"), TEXT(CKA_VALUE, "new")));
		CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "after", 5) && has(s, h, CKA_VALUE, "new", 3));
		CU_ASSERT_TRUE(COUNT(s, TEXT(CKA_LABEL, "before")) == 0 && COUNT(s, TEXT(CKA_LABEL, "after")) == 1);
		IS(SET(s, h, TEXT(CKA_LABEL, "never"), ATTR(CKA_CLASS, data)), CKR_ATTRIBUTE_READ_ONLY);
		CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "after", 5));
		IS(SET(s, h, ATTR(CKA_TOKEN, yes)), CKR_ATTRIBUTE_READ_ONLY);
		IS(SET(s, h, ATTR(CKA_PRIVATE, no)), CKR_ATTRIBUTE_READ_ONLY);
		IS(SET(s, h, ATTR(CKA_MODIFIABLE, no)), CKR_ATTRIBUTE_READ_ONLY);
		IS(SET(s, h, TEXT(CKA_UNIQUE_ID, "1")), CKR_ATTRIBUTE_READ_ONLY);
		IS(SET(s, h, TEXT(CKA_VENDOR_DEFINED, "1")), CKR_ATTRIBUTE_TYPE_INVALID);
		IS(SET(s, h, {CKA_LABEL, NULL, 3}), CKR_ATTRIBUTE_VALUE_INVALID);
		OK(SET(s, h, {CKA_LABEL, NULL, 0}));
		CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "", 0));
		OK(object_set_attributes(s, h, NULL, 0));
		OK(object_destroy(s, h));
		IS(SET(s, h, TEXT(CKA_LABEL, "x")), CKR_OBJECT_HANDLE_INVALID);
	}
	close_session(s);
}

/* store.h: a value takes a MiB; row.h: a row four. */
static void test_room(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h;
	size_t most = 1u << 20, nearly = most - 64, less = most - 1024;
	uint8_t *big = calloc(1, most + 1);
	NEED(big ? CKR_OK : CKR_HOST_MEMORY);
	IS(CREATE(s, &h, ATTR(CKA_CLASS, data), {CKA_VALUE, big, most + 1}), CKR_ATTRIBUTE_VALUE_INVALID);
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, data), ATTR(CKA_TOKEN, yes), {CKA_VALUE, big, most}, {CKA_APPLICATION, big, nearly}));
	IS(SET(s, h, {CKA_LABEL, big, most}, {CKA_OBJECT_ID, big, most}), CKR_DEVICE_MEMORY);
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "", 0));
	OK(SET(s, h, {CKA_LABEL, big, less}, {CKA_OBJECT_ID, big, less}));
	CK_ATTRIBUTE size = {CKA_LABEL, NULL, 0};
	OK(object_get_attributes(s, h, &size, 1));
	CU_ASSERT_EQUAL(size.ulValueLen, less);
	OK(object_destroy(s, h));
	free(big);
	close_session(s);
}

static void test_read_only_session(void)
{
	struct session *rw = user(), *ro = open_session(0, false);
	CK_OBJECT_HANDLE h = make_data(rw, yes, no, "kept"), here = make_data(ro, no, no, "mine"), copy;
	IS(SET(ro, h, TEXT(CKA_LABEL, "x")), CKR_SESSION_READ_ONLY);
	IS(object_destroy(ro, h), CKR_SESSION_READ_ONLY);
	IS(object_copy(ro, h, NULL, 0, &copy), CKR_SESSION_READ_ONLY);
	OK(COPY_OF(ro, h, &copy, ATTR(CKA_TOKEN, no)));
	OK(SET(ro, here, TEXT(CKA_LABEL, "x")));
	OK(object_destroy(ro, here));
	OK(object_destroy(rw, h));
	close_session(ro);
	close_session(rw);
}

static void test_prohibited(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h, copy;
	NEED(CREATE(s, &h, ATTR(CKA_CLASS, data), ATTR(CKA_MODIFIABLE, no), ATTR(CKA_COPYABLE, no), ATTR(CKA_DESTROYABLE, no)));
	IS(SET(s, h, TEXT(CKA_LABEL, "x")), CKR_ACTION_PROHIBITED);
	IS(object_copy(s, h, NULL, 0, &copy), CKR_ACTION_PROHIBITED);
	IS(object_destroy(s, h), CKR_ACTION_PROHIBITED);
	/* What the library takes back itself, half of a pair whose other half failed, goes all the same. */
	OK(object_undo(s, h));
	IS(object_destroy(s, h), CKR_OBJECT_HANDLE_INVALID);
	close_session(s);
}

static void test_copy(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h = make_secret(s, no, sm4, key16, 16), on_token, back, worse, pub, pub_copy;
	uint8_t one[36], other[36];
	size_t len = 36, other_len = 36;
	NEED(COPY_OF(s, h, &on_token, ATTR(CKA_TOKEN, yes), TEXT(CKA_LABEL, "copy")));
	CU_ASSERT_TRUE(get_bool(s, on_token, CKA_TOKEN) && has(s, on_token, CKA_LABEL, "copy", 4) &&
	               has(s, on_token, CKA_VALUE, key16, 16));
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "", 0));
	OK(get(s, h, CKA_UNIQUE_ID, one, &len));
	OK(get(s, on_token, CKA_UNIQUE_ID, other, &other_len));
	CU_ASSERT_NOT_EQUAL(memcmp(one, other, 36), 0);
	OK(object_destroy(s, h));
	NEED(COPY_OF(s, on_token, &back, ATTR(CKA_TOKEN, no), ATTR(CKA_SENSITIVE, yes)));
	IS(get_code(s, back, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	CU_ASSERT_TRUE(has(s, on_token, CKA_VALUE, key16, 16));
	IS(COPY_OF(s, back, &worse, ATTR(CKA_SENSITIVE, no)), CKR_ATTRIBUTE_READ_ONLY);
	IS(COPY_OF(s, back, &worse, ATTR(CKA_PRIVATE, no)), CKR_TEMPLATE_INCONSISTENT);
	IS(COPY_OF(s, back, &worse, ATTR(CKA_CLASS, data)), CKR_ATTRIBUTE_READ_ONLY);
	IS(COPY_OF(s, back, &worse, TEXT(CKA_VALUE, "0123456789abcdef")), CKR_ATTRIBUTE_READ_ONLY);
	OK(object_destroy(s, on_token));
	NEED(CREATE(s, &pub, SM2_PUBLIC, ATTR(CKA_EC_POINT, point)));
	NEED(COPY_OF(s, pub, &pub_copy, ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes)));
	CU_ASSERT_TRUE(has(s, pub_copy, CKA_EC_POINT, point, 67) && get_bool(s, pub_copy, CKA_PRIVATE));
	OK(object_destroy(s, pub_copy));
	close_session(s);
}

/* -- living and dying -------------------------------------------------------------------------------- */

static void test_sessions(void)
{
	struct session *s = open_session(0, true), *t = open_session(0, true);
	CK_OBJECT_HANDLE mine = make_data(s, no, no, "of s"), yours = make_data(t, no, no, "of t"),
		kept = make_data(s, yes, no, "kept");
	CU_ASSERT_TRUE(has(t, mine, CKA_LABEL, "of s", 4));
	CU_ASSERT_EQUAL(COUNT(t, TEXT(CKA_LABEL, "of s")), 1);
	close_session(s);
	IS(get_code(t, mine, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(COUNT(t, TEXT(CKA_LABEL, "of s")), 0);
	CU_ASSERT_TRUE(has(t, yours, CKA_LABEL, "of t", 4) && has(t, kept, CKA_LABEL, "kept", 4));
	OK(object_destroy(t, kept));
	close_session(t);
}

static void test_logout(void)
{
	struct session *s = user(), *t = open_session(0, true);
	CK_OBJECT_HANDLE all[8], token = make_data(s, yes, yes, "private"), session = make_data(s, no, yes, "private"),
	                         public = make_data(s, yes, no, "public"), got;
	const CK_ATTRIBUTE label[] = {TEXT(CKA_LABEL, "private")};
	CU_ASSERT_EQUAL(COUNT(t, TEXT(CKA_LABEL, "private")), 2);
	CK_ULONG n = 0;
	NEED(find_init(t, label, 1));
	OK(session_logout(s));
	OK(find_next(t, all, 8, &n));
	CU_ASSERT_EQUAL(n, 0);
	OK(find_final(t));
	IS(get_code(t, token, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	IS(get_code(t, session, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	CU_ASSERT_EQUAL(COUNT(t, TEXT(CKA_LABEL, "private")), 0);
	CU_ASSERT_TRUE(has(t, public, CKA_LABEL, "public", 6));
	login(s, CKU_SO);
	CU_ASSERT_EQUAL(COUNT(t, TEXT(CKA_LABEL, "private")), 0);
	OK(session_logout(s));
	login(s, CKU_USER);
	IS(get_code(t, token, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	NEED(search(t, label, 1, &got, 1) == 1 ? CKR_OK : CKR_GENERAL_ERROR);
	CU_ASSERT_NOT_EQUAL(got, token);
	OK(object_destroy(t, got));
	OK(object_destroy(t, public));
	close_session(t);
	close_session(s);
}

static void test_destroy(void)
{
	struct session *s = user();
	size_t before = secret_in_use();
	for (int i = 0; i < 100; i++) {
		CK_OBJECT_HANDLE h = make_secret(s, no, sm4, key16, 16);
		OK(object_destroy(s, h));
		IS(object_destroy(s, h), CKR_OBJECT_HANDLE_INVALID);
	}
	CU_ASSERT_EQUAL(s->token->nsession_objects, 0);
	CU_ASSERT_EQUAL(secret_in_use(), before);
	close_session(s);
}

/* -- finding ------------------------------------------------------------------------------------------- */

static void test_find(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE all[16];
	CK_ULONG n = 99;
	CK_BYTE nss[4] = {0};
	for (int i = 0; i < 3; i++) {
		make_data(s, no, no, "here");
		make_data(s, yes, i == 0 ? yes : no, "here");
	}
	make_secret(s, yes, sm4, key16, 16);
	IS(find_next(s, all, 16, &n), CKR_OPERATION_NOT_INITIALIZED);
	IS(find_final(s), CKR_OPERATION_NOT_INITIALIZED);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "here")), 6);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "here"), ATTR(CKA_TOKEN, yes)), 3);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "here"), ATTR(CKA_TOKEN, no)), 3);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "here"), ATTR(CKA_PRIVATE, yes)), 1);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "here"), ATTR(CKA_PRIVATE, no)), 5);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, data), TEXT(CKA_VALUE, "contents")), 6);
	CU_ASSERT_EQUAL(COUNT(s, SM4, ATTR(CKA_ENCRYPT, yes)), 1);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, secret_key), ATTR(CKA_ENCRYPT, no)), 0);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, secret_key), {CKA_LABEL, NULL, 0}), 1);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, secret_key), TEXT(CKA_LABEL, "here")), 0);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, data), ATTR(CKA_VENDOR_DEFINED | 0x4e534355, nss)), 0);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_MODULUS, "n")), 0);
	CU_ASSERT_EQUAL(count(s, NULL, 0), 7);
	IS(find_init(s, NULL, 1), CKR_ARGUMENTS_BAD);
	NEED(find_init(s, NULL, 0));
	IS(find_init(s, NULL, 0), CKR_OPERATION_ACTIVE);
	OK(find_next(s, all, 0, &n));
	CU_ASSERT_EQUAL(n, 0);
	OK(find_next(s, all, 4, &n));
	CU_ASSERT_EQUAL(n, 4);
	OK(find_next(s, all, 16, &n));
	CU_ASSERT_EQUAL(n, 3);
	OK(find_next(s, all, 16, &n));
	CU_ASSERT_EQUAL(n, 0);
	OK(find_final(s));
	destroy_all(s);
	CU_ASSERT_EQUAL(count(s, NULL, 0), 0);
	close_session(s);
}

static void test_profile(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h, other;
	const CK_ATTRIBUTE wanted[] = {ATTR(CKA_CLASS, profile)};
	CK_OBJECT_CLASS hardware = CKO_HW_FEATURE;
	CU_ASSERT_EQUAL_FATAL(search(s, wanted, 1, &h, 1), 1);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, profile)), 1);
	CU_ASSERT_EQUAL(count(s, NULL, 0), 0);
	CU_ASSERT_EQUAL(COUNT(s, ATTR(CKA_CLASS, hardware)), 0);
	CU_ASSERT_EQUAL(get_ulong(s, h, CKA_PROFILE_ID), CKP_BASELINE_PROVIDER);
	CU_ASSERT_TRUE(get_bool(s, h, CKA_TOKEN));
	IS(SET(s, h, TEXT(CKA_LABEL, "x")), CKR_ACTION_PROHIBITED);
	IS(object_copy(s, h, NULL, 0, &other), CKR_ACTION_PROHIBITED);
	IS(object_destroy(s, h), CKR_ACTION_PROHIBITED);
	close_session(s);
}

static void tamper(const char *sql)
{
	char path[96];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/plain.db", dir);
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_find_passes_over_damage(void)
{
	struct session *s = user();
	make_data(s, yes, no, "whole");
	make_data(s, yes, no, "broken");
	/* The newest row's bytes, and with them its MAC, are wrong now. */
	tamper("UPDATE object SET body = zeroblob(length(body)) WHERE seq = (SELECT max(seq) FROM object)");
	CU_ASSERT_EQUAL(count(s, NULL, 0), 1);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "broken")), 0);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "whole")), 1);
	tamper("DELETE FROM object WHERE seq = (SELECT max(seq) FROM object)");
	destroy_all(s);
	close_session(s);
}

/* -- another process --------------------------------------------------------------------------------------- */

/* What the other process does: with the object of that label. */
static int other_process(const char *verb, const char *label)
{
	CK_OBJECT_HANDLE h = 0;
	const CK_ATTRIBUTE wanted[] = {{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	if (core_start(false) != CKR_OK)
		return 10;
	struct session *s = user();
	if (strcmp(verb, "create") == 0)
		make_data(s, yes, yes, label);
	else if (search(s, wanted, 1, &h, 1) != 1)
		return 11;
	if (strcmp(verb, "relabel") == 0 && SET(s, h, TEXT(CKA_LABEL, "elsewhere")) != CKR_OK)
		return 12;
	if (strcmp(verb, "destroy") == 0 && object_destroy(s, h) != CKR_OK)
		return 13;
	close_session(s);
	return core_stop() == CKR_OK ? 0 : 14;
}

/* posix_spawn and not fork, whose handlers would wait for the sessions that this test has entered. */
static void elsewhere(const char *verb, const char *label)
{
	int status = -1;
	pid_t pid;
	char *argv[] = {(char *)(uintptr_t)"test_object", (char *)(uintptr_t)verb, (char *)(uintptr_t)label, NULL};
	CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

static void test_other_process(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h = make_data(s, yes, no, "ours");
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "ours", 4));
	elsewhere("create", "theirs");
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "theirs")), 1);
	elsewhere("relabel", "ours");
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "ours")), 0);
	CU_ASSERT_EQUAL(COUNT(s, TEXT(CKA_LABEL, "elsewhere")), 1);
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "elsewhere", 9));
	/* Ours, made on what theirs left: the version is read again. */
	OK(SET(s, h, TEXT(CKA_LABEL, "ours")));
	CU_ASSERT_TRUE(has(s, h, CKA_VALUE, "contents", 8));
	elsewhere("relabel", "ours");
	OK(SET(s, h, TEXT(CKA_VALUE, "both")));
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "elsewhere", 9) && has(s, h, CKA_VALUE, "both", 4));
	destroy_all(s);
	close_session(s);
}

static void test_within_100_ms(void)
{
	struct session *s = user();
	CK_OBJECT_HANDLE h = make_data(s, yes, no, "ours");
	now_ns += NS_PER_S;
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "ours", 4));
	elsewhere("relabel", "ours");
	now_ns += 99 * NS_PER_MS;
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "ours", 4));
	now_ns += NS_PER_MS;
	CU_ASSERT_TRUE(has(s, h, CKA_LABEL, "elsewhere", 9));
	elsewhere("destroy", "elsewhere");
	now_ns += 100 * NS_PER_MS;
	IS(get_code(s, h, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	IS(object_destroy(s, h), CKR_OBJECT_HANDLE_INVALID);
	close_session(s);
}

static const struct unit_case cases[] = {
	{"a data object has the defaults of the specification and an id of its own", test_data},
	{"a template that does not fit is refused with the code for what is wrong", test_template_codes},
	{"who may make what: sessions and logins", test_who_may},
	{"certificates: what must be there, and the check value", test_certificates},
	{"only the SO trusts, and a change without login ends it", test_trusted},
	{"secret keys have the lengths of their types", test_secret_values},
	{"keys are private, sensitive and unextractable unless said otherwise", test_key_defaults},
	{"a key check value is right, or refused, or left out", test_check_values},
	{"a key's value shows while it is neither sensitive nor unextractable, also to a search", test_readable_value},
	{"an SM2 key is taken in either spelling, and shows curve, point and key info", test_sm2_keys},
	{"an SM2 key that is none is refused", test_sm2_refused},
	{"domain parameters of the SM2 curve are an object", test_domain_parameters},
	{"generated keys know that they are", test_generated},
	{"SM2 keys show as CKK_EC where the configuration says so", test_curve_view},
	{"every attribute asked for has its own answer", test_get},
	{"nested templates are given element by element", test_get_nested},
	{"attributes change all or none, on the token and in a session", test_set},
	{"an object may be large, a value at most a MiB", test_room},
	{"a R/O session changes no token object", test_read_only_session},
	{"what may not be changed, copied or destroyed is not", test_prohibited},
	{"a copy lives on its own, and is never looser", test_copy},
	{"session objects are everybody's and end with their session", test_sessions},
	{"a logout takes private objects and their handles", test_logout},
	{"what is destroyed leaves nothing behind", test_destroy},
	{"finding: by index, by the rest, and by nothing", test_find},
	{"a profile shows itself to whoever asks for profiles", test_profile},
	{"a damaged row is passed over", test_find_passes_over_damage},
	{"another process's changes are seen at a search, and built upon", test_other_process},
	{"another process's changes are seen within 100 ms", test_within_100_ms},
	{0},
};

int main(int argc, char **argv)
{
	make_pair();
	clock_inject(virtual_clock);
	if (argc == 3)
		return other_process(argv[1], argv[2]);
	snprintf(dir, sizeof dir, "/tmp/hufu-object-XXXXXX");
	if (!mkdtemp(dir))
		return 99;
	write_conf();
	if (core_start(false) != CKR_OK)
		return 99;
	init_token(0);
	init_token(1);
	int status = unit_main("object", cases);
	core_stop();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return status;
}
