/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key of several domains: made in one, with a copy for each enrolled one that
 * it may be in, exactly one key whatever fails on the way; hardware-only stays
 * out of software; domains enrolled later, or out then, get their copy at a
 * use. "fault" devices over soft are hardware to the pool, "fault-soft" software.
 */
#include "token_util.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "token/core.h"
#include "token/slot.h"

#include <ftw.h>
#include <sqlite3.h>
#include <unistd.h>

#define SO_PIN "staple of the officer"
#define DEVICE(name, driver, domain) "device \"" name "\" { driver = \"" driver "\" domain = \"" domain "\" }\n"
#define C1 DEVICE("d1", "fault", "cards")
#define C2 DEVICE("d2", "fault", "machines")
#define S DEVICE("s", "fault-soft", "soft")
#define ALL C1 C2 S
#define ALL_NAMES "\"d1\", \"d2\", \"s\""
#define EVERYWHERE "cards,machines,soft"

static const char *const device_names[] = {"d1", "d2", "s"};
static char dir[32];
static bool on_shelf; /* devices hold keys in secret memory, closed or not */
static CK_SLOT_ID slot;

/* -- the token ------------------------------------------------------------------ */

static const char *path_of(const char *name)
{
	static char path[2][80];
	static unsigned turn;
	char *out = path[turn++ % 2];

	snprintf(out, sizeof path[0], "%s/%s", dir, name);
	return out;
}

static void write_conf(const char *devices, const char *names, const char *more)
{
	FILE *f = fopen(path_of("hufu.conf"), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fprintf(f,
	        "log { to = \"file:%s\" level = \"info\" }\n%s"
	        "token \"test\" { store = \"sqlite:%s\" devices = { %s } deadline_ms = 2000 generate_deadline_ms = 3000"
	        " backoff_min_ms = 10 backoff_max_ms = 10 slow_start_ms = 0 %s }\n",
	        path_of("log"), devices, path_of("test.db"), names, more);
	fclose(f);
	setenv("HUFU_CONF", path_of("hufu.conf"), 1);
}

static bool log_has(const char *text)
{
	static char lines[1u << 18];
	FILE *f = fopen(path_of("log"), "r");
	size_t n = f ? fread(lines, 1, sizeof lines - 1, f) : 0;

	if (f)
		fclose(f);
	lines[n] = 0;
	return strstr(lines, text) != NULL;
}

static void script(const char *device, const char *text)
{
	char err[200];
	CU_ASSERT_EQUAL_FATAL(fault_script(device, text, err, sizeof err), HUFU_OK);
}

static void start(const char *devices, const char *names, const char *more)
{
	CK_ULONG n = 1;

	write_conf(devices, names, more);
	CU_ASSERT_EQUAL_FATAL(core_start(false), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(slot_list(false, &slot, &n), CKR_OK);
}

static void open_session(void)
{
	CK_SESSION_HANDLE h;

	CU_ASSERT_EQUAL_FATAL(session_open(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &h), CKR_OK);
	CU_ASSERT_EQUAL_FATAL(session_enter(h, &session), CKR_OK);
}

static void close_session(void)
{
	CK_SESSION_HANDLE h = session->handle;

	session_leave(session);
	OK(session_close(h));
}

static void login(CK_USER_TYPE type)
{
	const char *pin = type == CKU_SO ? SO_PIN : USER_PIN;

	OK(session_login(session, type, (const CK_BYTE *)pin, strlen(pin), NULL, 0));
}

static void init(void)
{
	CK_BYTE label[32];

	memset(label, ' ', sizeof label);
	OK(slot_init_token(slot, (const CK_BYTE *)SO_PIN, strlen(SO_PIN), label));
	open_session();
	login(CKU_SO);
	OK(session_init_pin(session, (const CK_BYTE *)USER_PIN, strlen(USER_PIN)));
	close_session();
}

/* A fresh token with the user logged in. */
static void up(const char *devices, const char *names, const char *more)
{
	fault_reset();
	strncpy(dir, "/tmp/hufu-domains-XXXXXX", sizeof dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	start(devices, names, more);
	init();
	open_session();
	login(CKU_USER);
}

/* A lane that was given up in a device that hung frees what it holds when it comes back, which core_stop does not wait for. */
static bool no_secret_is_left(void)
{
	for (unsigned tries = 0; tries < 6000 && secret_in_use(); tries++)
		usleep(5000);
	return secret_in_use() == 0;
}

static void stop(void)
{
	close_session();
	OK(core_stop());
	CU_ASSERT(on_shelf || no_secret_is_left());
}

/* Over the same store, with another configuration. */
static void again(const char *devices, const char *names, const char *more, CK_USER_TYPE type)
{
	stop();
	start(devices, names, more);
	open_session();
	login(type);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void down(void)
{
	for (unsigned i = 0; i < 3; i++)
		script(device_names[i], ""); /* what a device that is gone has loaded cannot be evicted */
	stop();
	log_close();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int64_t ask(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_of("test.db"), &db), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, "SELECT count(*) FROM domain", -1, &stmt, NULL), SQLITE_OK);
	int64_t n = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static int64_t enrolled(void)
{
	return ask("");
}

/* -- keys ------------------------------------------------------------------------- */

#define BOOL(type, value) {type, (void *)(uintptr_t)&(value), sizeof(CK_BBOOL)}

/* Token keys that may be taken out. */
static const CK_ATTRIBUTE token_key[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_ENCRYPT, yes),
                                          BOOL(CKA_SENSITIVE, no), BOOL(CKA_EXTRACTABLE, yes)};
/* That may not. */
static const CK_ATTRIBUTE kept_key[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_ENCRYPT, yes),
                                         BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, no)};
#define TOKEN_KEY token_key, 4
#define KEPT_KEY kept_key, 4

static CK_RV generate(const CK_ATTRIBUTE *list, CK_ULONG n, CK_OBJECT_HANDLE *h)
{
	CK_MECHANISM m = {CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	return key_generate(session, &m, list, n, h);
}

static CK_RV generate_pair(CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv)
{
	CK_MECHANISM m = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE p[] = {BOOL(CKA_TOKEN, yes)}, q[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_EXTRACTABLE, yes)};
	return key_generate_pair(session, &m, p, 1, q, 2, pub, priv);
}

static bool flag_of(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE a = {type, &value, sizeof value};
	OK(object_get_attributes(session, h, &a, 1));
	return value == CK_TRUE;
}

/* CKA_HUFU_DOMAINS is this list. */
static bool lives_in(CK_OBJECT_HANDLE h, const char *want)
{
	char names[200] = "";
	CK_ATTRIBUTE a = {CKA_HUFU_DOMAINS, names, sizeof names - 1};
	OK(object_get_attributes(session, h, &a, 1));
	names[a.ulValueLen < sizeof names ? a.ulValueLen : 0] = 0;
	if (strcmp(names, want) != 0)
		printf("# it lives in %s, not %s\n", names, want);
	return strcmp(names, want) == 0;
}

static CK_RV encrypt(CK_OBJECT_HANDLE h, uint8_t out[16])
{
	static const uint8_t block[16] = "sixteen bytes of";
	CK_MECHANISM m = {CKM_HUFU_SM4_ECB, NULL, 0};
	CK_ULONG len = 16;
	return crypt_at_once(OP_ENCRYPT, &m, h, block, sizeof block, out, &len);
}

static size_t count_objects(CK_OBJECT_CLASS object_class)
{
	CK_ATTRIBUTE wanted = {CKA_CLASS, &object_class, sizeof object_class};
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n = 0;
	OK(find_init(session, &wanted, 1));
	OK(find_next(session, found, 64, &n));
	OK(find_final(session));
	return n;
}

/* What was out is back, once it was probed. */
static void mend(void)
{
	struct pool_domain domains[4];

	for (unsigned i = 0; i < 3; i++)
		script(device_names[i], "");
	for (unsigned tries = 0; tries < 12000; tries++) {
		size_t n = pool_domains(session->token->pool, domains, 4), nup = 0;
		for (size_t i = 0; i < n; i++)
			nup += domains[i].up;
		if (nup == n)
			return;
		usleep(5000);
	}
	CU_FAIL_FATAL("a device does not come back");
}

/* Only this device lives; fails when the others' copies give another answer. */
static CK_RV encrypt_on(unsigned only, CK_OBJECT_HANDLE h, uint8_t out[16])
{
	for (unsigned i = 0; i < 3; i++)
		script(device_names[i], i == only ? "" : "any:gone");
	CK_RV rv = encrypt(h, out);
	mend();
	return rv;
}

/* -- enrolment ----------------------------------------------------------------------- */

static void test_init_enrols(void)
{
	up(ALL, ALL_NAMES, "");
	CU_ASSERT_EQUAL(enrolled(), 3);
	CU_ASSERT(log_has("domain \"cards\" is enrolled") && log_has("domain \"soft\" is enrolled"));
	CU_ASSERT_FALSE(log_has("without a proof"));
	down();
}

static void test_out_at_init(void)
{
	fault_reset();
	script("d2", "any:gone");
	strncpy(dir, "/tmp/hufu-domains-XXXXXX", sizeof dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	start(ALL, ALL_NAMES, "");
	CK_BYTE label[32];
	memset(label, ' ', sizeof label);
	OK(slot_init_token(slot, (const CK_BYTE *)SO_PIN, strlen(SO_PIN), label));
	CU_ASSERT_EQUAL(enrolled(), 2);
	CU_ASSERT(log_has("domain \"machines\" is not enrolled"));
	open_session();
	again(ALL, ALL_NAMES, "", CKU_SO); /* it is still out */
	CU_ASSERT_EQUAL(enrolled(), 2);
	script("d2", "");
	again(ALL, ALL_NAMES, "", CKU_SO);
	CU_ASSERT_EQUAL(enrolled(), 3);
	down();
}

static void test_without_sm2(void)
{
	fault_reset();
	strncpy(dir, "/tmp/hufu-domains-XXXXXX", sizeof dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	start(ALL, ALL_NAMES, "");
	script("d1", "generate:unsupported");
	init();
	CU_ASSERT_EQUAL(enrolled(), 3);
	CU_ASSERT(log_has("domain \"cards\" is enrolled, without a proof"));
	open_session();
	script("d1", ""); /* now they make some */
	again(ALL, ALL_NAMES, "", CKU_SO);
	CU_ASSERT(log_has("domain \"cards\" has a proof now"));
	CU_ASSERT_EQUAL(enrolled(), 3);
	down();
}

static void test_only_enrolled(void)
{
	CK_OBJECT_HANDLE h;

	up(C1 S, "\"d1\", \"s\"", "hardware_only = no");
	again(ALL, ALL_NAMES, "hardware_only = no", CKU_USER);
	CU_ASSERT_EQUAL(enrolled(), 2); /* the user enrols nothing */
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "cards,soft"));
	down();
}

static void test_enrolled_later(void)
{
	CK_OBJECT_HANDLE h, kept;
	uint8_t before[16], after[16];

	up(C1 S, "\"d1\", \"s\"", "hardware_only = no");
	OK(generate(TOKEN_KEY, &h));
	OK(encrypt(h, before));
	again(ALL, ALL_NAMES, "hardware_only = no", CKU_SO);
	CU_ASSERT_EQUAL(enrolled(), 3);
	again(ALL, ALL_NAMES, "hardware_only = no", CKU_USER);
	CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
	CK_ATTRIBUTE wanted = {CKA_CLASS, &object_class, sizeof object_class};
	CK_ULONG n = 0;
	OK(find_init(session, &wanted, 1));
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT(lives_in(h, "cards,soft")); /* looking at it is no use of it */
	OK(encrypt(h, after));
	CU_ASSERT_EQUAL(memcmp(before, after, 16), 0);
	CU_ASSERT(lives_in(h, "cards,soft,machines"));
	OK(encrypt_on(1, h, after));
	CU_ASSERT_EQUAL(memcmp(before, after, 16), 0);
	OK(generate(KEPT_KEY, &kept));
	down();
}

static void test_from_before(void)
{
	CK_OBJECT_HANDLE h;
	uint8_t out[16];

	up(C1 S, "\"d1\", \"s\"", "hardware_only = yes");
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "cards"));
	stop();
	ask("PRAGMA user_version = 1"); /* with the next line all that version 1 had */
	sqlite3 *db;
	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path_of("test.db"), &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "DROP TABLE domain; DROP TABLE credential; DROP TABLE journal", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	unlink(path_of("test.db.head"));
	start(ALL, ALL_NAMES, "");
	open_session();
	login(CKU_USER);
	CU_ASSERT_EQUAL(enrolled(), 1); /* what its keys have copies for */
	OK(find_init(session, NULL, 0));
	CK_ULONG n = 0;
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	CU_ASSERT_EQUAL_FATAL(n, 1);
	OK(encrypt(h, out));
	down();
}

/* -- proofs ---------------------------------------------------------------------------------- */

static enum pool_state state_of(const char *device)
{
	struct pool_device_status status[8];
	size_t n = pool_status(session->token->pool, status, 8);

	for (size_t i = 0; i < n && i < 8; i++)
		if (strcmp(status[i].name, device) == 0)
			return status[i].state;
	CU_FAIL_FATAL("no such device");
	return POOL_JOINING;
}

/* Until the device has come to this state. */
static bool becomes(const char *device, enum pool_state state)
{
	struct pool_domain domains[4];

	for (unsigned tries = 0; tries < 12000 && state_of(device) != state; tries++) {
		(void)pool_domains(session->token->pool, domains, 4);
		usleep(5000);
	}
	return state_of(device) == state;
}

/* One that has another master key than the rest of its domain. */
static void test_wrong_domain(void)
{
	CK_OBJECT_HANDLE h;
	uint8_t before[16], after[16];
	static const char split[] = C1 "device \"s\" { driver = \"fault\" domain = \"cards\" split = \"yes\" weight = 1000 }\n";

	up(C1 C2, "\"d1\", \"d2\"", "");
	OK(generate(KEPT_KEY, &h));
	OK(encrypt(h, before));
	again(split, "\"d1\", \"s\"", "", CKU_USER);
	CU_ASSERT(becomes("s", POOL_QUARANTINED));
	CU_ASSERT(becomes("d1", POOL_UP));
	CU_ASSERT(log_has("it belongs to another domain than \"cards\""));
	CK_ULONG n = 0;
	OK(find_init(session, NULL, 0));
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	for (int i = 0; i < 20; i++) {
		OK(encrypt(h, after));
		CU_ASSERT_EQUAL(memcmp(before, after, 16), 0);
	}
	down();
}

/* Devices that say themselves that they are others. */
static void test_other_identity(void)
{
	CK_OBJECT_HANDLE h;
	static const char other[] =
		C1 "device \"d2\" { driver = \"fault\" domain = \"machines\" domain_id = \"00112233445566778899aabbccddeeff\" }\n";
	static const char torn[] =
		C1 C2 "device \"s\" { driver = \"fault\" domain = \"machines\" domain_id = \"00112233445566778899aabbccddeeff\" }\n";

	up(C1 C2, "\"d1\", \"d2\"", "");
	again(other, "\"d1\", \"d2\"", "", CKU_USER);
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "cards"));
	CU_ASSERT(log_has("domain \"machines\" gets no copies"));
	down();

	up(torn, ALL_NAMES, "");
	CU_ASSERT_EQUAL(enrolled(), 1);
	CU_ASSERT(log_has("its devices say that they share no keys"));
	down();
}

/* -- copies ---------------------------------------------------------------------------- */

static void test_copies_everywhere(void)
{
	CK_OBJECT_HANDLE h, pub, priv;
	uint8_t first[16], other[16];

	up(ALL, ALL_NAMES, "hardware_only = no");
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, EVERYWHERE));
	for (unsigned i = 0; i < 3; i++) {
		OK(encrypt_on(i, h, i ? other : first));
		CU_ASSERT(i == 0 || memcmp(first, other, 16) == 0);
	}
	OK(generate(token_key + 1, 3, &h)); /* of the session */
	CU_ASSERT(lives_in(h, EVERYWHERE));
	for (unsigned i = 0; i < 3; i++) {
		OK(encrypt_on(i, h, i ? other : first));
		CU_ASSERT(i == 0 || memcmp(first, other, 16) == 0);
	}
	OK(generate_pair(&pub, &priv));
	CU_ASSERT(lives_in(priv, EVERYWHERE));
	h = make_secret(CKK_HUFU_SM4, sm4_value, sizeof sm4_value, NULL, 0);
	CU_ASSERT(lives_in(h, EVERYWHERE));
	down();
}

static void test_one_is_dead(void)
{
	CK_OBJECT_HANDLE h;
	uint8_t before[16], after[16];

	up(ALL, ALL_NAMES, "hardware_only = no");
	script("d1", "any:gone");
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "machines,soft"));
	CU_ASSERT(log_has("a key has no copy for domain \"cards\" yet"));
	OK(encrypt(h, before));
	script("d1", "");
	again(ALL, ALL_NAMES, "hardware_only = no", CKU_USER);
	CK_ULONG n = 0;
	OK(find_init(session, NULL, 0));
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	OK(encrypt(h, after)); /* a use gives it the copy that it lacked */
	CU_ASSERT_EQUAL(memcmp(before, after, 16), 0);
	CU_ASSERT(lives_in(h, "machines,soft,cards"));
	script("d1", "any:gone");
	script("d2", "any:gone");
	script("s", "any:gone");
	IS(generate(TOKEN_KEY, &h), CKR_DEVICE_ERROR);
	CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 1);
	down();
}

/* -- where a key may live ----------------------------------------------------------------- */

static void test_hardware_only(void)
{
	CK_OBJECT_HANDLE h, copy, pub, priv;
	uint8_t out[16], other[16];

	up(ALL, ALL_NAMES, "");
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(flag_of(h, CKA_HUFU_HARDWARE_ONLY));
	CU_ASSERT_FALSE(flag_of(h, CKA_HUFU_SOFTWARE_FALLBACK));
	CU_ASSERT(lives_in(h, "cards,machines"));
	OK(encrypt_on(0, h, out));
	OK(encrypt_on(1, h, out));
	IS(encrypt_on(2, h, out), CKR_DEVICE_ERROR);
	uint64_t exports = fault_counts("d1").ops[HUFU_VERB_EXPORT];
	OK(generate(KEPT_KEY, &h));
	CU_ASSERT(lives_in(h, "cards,machines")); /* wrapped: its value was never here */
	CU_ASSERT_EQUAL(fault_counts("d1").ops[HUFU_VERB_EXPORT], exports);
	OK(encrypt_on(0, h, out));
	OK(encrypt_on(1, h, other));
	CU_ASSERT_EQUAL(memcmp(out, other, 16), 0);
	CU_ASSERT(flag_of(h, CKA_NEVER_EXTRACTABLE) && flag_of(h, CKA_ALWAYS_SENSITIVE) && flag_of(h, CKA_LOCAL));
	OK(generate_pair(&pub, &priv));
	CU_ASSERT(lives_in(priv, "cards,machines"));
	h = make_secret(CKK_HUFU_SM4, sm4_value, sizeof sm4_value, NULL, 0);
	CU_ASSERT(lives_in(h, "cards,machines"));

	CK_ATTRIBUTE relax = BOOL(CKA_HUFU_HARDWARE_ONLY, no), place = {CKA_HUFU_DOMAINS, "soft", 4};
	IS(object_set_attributes(session, h, &relax, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(object_copy(session, h, &relax, 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
	IS(object_set_attributes(session, h, &place, 1), CKR_ATTRIBUTE_READ_ONLY);
	IS(generate(&place, 1, &h), CKR_ATTRIBUTE_READ_ONLY);
	OK(object_copy(session, h, NULL, 0, &copy));
	CU_ASSERT(flag_of(copy, CKA_HUFU_HARDWARE_ONLY) && lives_in(copy, "cards,machines"));

	const CK_ATTRIBUTE anywhere[] = {token_key[0], token_key[1], token_key[2], token_key[3], BOOL(CKA_HUFU_HARDWARE_ONLY, no)};
	OK(generate(anywhere, 5, &h));
	CU_ASSERT(!flag_of(h, CKA_HUFU_HARDWARE_ONLY) && lives_in(h, EVERYWHERE));
	down();
}

/* A value that a device spoils on its way makes no copy: the key would be two keys. */
static void test_spoilt_on_the_way(void)
{
	static const char *const faults[] = {"export:flip-out", "import:flip-out", "unwrap:flip-out", "wrap:flip-out"};
	CK_OBJECT_HANDLE h;
	uint8_t first[16], other[16];

	up(C1 C2, "\"d1\", \"d2\"", "");
	for (size_t i = 0; i < 4; i++) {
		script("d1", i == 0 ? "wrap:unsupported; export:flip-out" : faults[i]);
		script("d2", i == 1 ? "unwrap:unsupported; import:flip-out" : i == 2 ? faults[i] : "");
		OK(generate(TOKEN_KEY, &h));
		mend();
		OK(encrypt_on(0, h, first));
		if (encrypt_on(1, h, other) == CKR_OK)
			CU_ASSERT_EQUAL(memcmp(first, other, 16), 0);
	}
	down();
}

/* Devices that wrap nothing keep a key that may not be taken out. */
static void test_nothing_wraps(void)
{
	CK_OBJECT_HANDLE h;
	uint8_t out[16];

	up(ALL, ALL_NAMES, "");
	script("d1", "wrap:unsupported");
	script("d2", "wrap:unsupported");
	OK(generate(KEPT_KEY, &h));
	CU_ASSERT(lives_in(h, "cards"));
	OK(encrypt(h, out));
	CU_ASSERT(lives_in(h, "cards")); /* nor does a use take it out */
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "cards,machines"));
	down();
}

/* A software device among hardware exposes the whole domain's copies. */
static void test_mixed_domain(void)
{
	CK_OBJECT_HANDLE h;

	up(C1 DEVICE("s", "fault-soft", "cards") C2, ALL_NAMES, "");
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(lives_in(h, "machines"));
	down();
}

static void test_no_hardware_makes_it(void)
{
	CK_OBJECT_HANDLE h;

	up(ALL, ALL_NAMES, "");
	script("d1", "generate:unsupported");
	script("d2", "generate:unsupported");
	uint64_t before = fault_counts("s").ops[HUFU_VERB_GENERATE];
	CU_ASSERT_NOT_EQUAL(generate(TOKEN_KEY, &h), CKR_OK);
	CU_ASSERT(log_has("no hardware makes keys of its kind"));
	CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 0);
	CU_ASSERT_EQUAL(fault_counts("s").ops[HUFU_VERB_GENERATE], before);
	again(S, "\"s\"", "hardware_only = yes", CKU_USER);
	IS(generate(TOKEN_KEY, &h), CKR_TEMPLATE_INCONSISTENT);
	CU_ASSERT(log_has("all its devices are software"));
	down();
}

static void test_fallback(void)
{
	CK_OBJECT_HANDLE yielding, firm, session_key;
	uint8_t out[16];
	CK_ATTRIBUTE never = BOOL(CKA_HUFU_SOFTWARE_FALLBACK, no), allow = BOOL(CKA_HUFU_SOFTWARE_FALLBACK, yes);

	up(ALL, ALL_NAMES, "hardware_only = no");
	OK(generate(TOKEN_KEY, &yielding));
	CU_ASSERT(flag_of(yielding, CKA_HUFU_SOFTWARE_FALLBACK));
	const CK_ATTRIBUTE firmly[] = {token_key[0], token_key[1], token_key[2], token_key[3], never};
	OK(generate(firmly, 5, &firm));
	CU_ASSERT_FALSE(flag_of(firm, CKA_HUFU_SOFTWARE_FALLBACK));
	OK(encrypt_on(2, yielding, out));
	IS(encrypt_on(2, firm, out), CKR_DEVICE_ERROR);
	OK(encrypt_on(0, firm, out));
	OK(object_set_attributes(session, firm, &allow, 1));
	OK(encrypt_on(2, firm, out));
	OK(generate(token_key + 1, 3, &session_key));
	OK(object_set_attributes(session, session_key, &never, 1));
	IS(encrypt_on(2, session_key, out), CKR_DEVICE_ERROR);
	down();

	up(ALL, ALL_NAMES, "hardware_only = no software_fallback = no");
	OK(generate(TOKEN_KEY, &firm));
	CU_ASSERT_FALSE(flag_of(firm, CKA_HUFU_SOFTWARE_FALLBACK));
	IS(encrypt_on(2, firm, out), CKR_DEVICE_ERROR);
	down();
}

/* -- what is true of them --------------------------------------------------------------------- */

static CK_ULONG number_of(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0;
	CK_ATTRIBUTE a = {type, &value, sizeof value};
	OK(object_get_attributes(session, h, &a, 1));
	return value;
}

static void test_made_on_host(void)
{
	CK_OBJECT_HANDLE h, pub, priv;

	uint64_t before[3];

	up(ALL, ALL_NAMES, "hardware_only = no generate = host");
	for (unsigned i = 0; i < 3; i++)
		before[i] = fault_counts(device_names[i]).ops[HUFU_VERB_GENERATE];
	OK(generate(KEPT_KEY, &h));
	CU_ASSERT(lives_in(h, EVERYWHERE));
	CU_ASSERT_FALSE(flag_of(h, CKA_LOCAL) || flag_of(h, CKA_ALWAYS_SENSITIVE) || flag_of(h, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(number_of(h, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
	OK(generate_pair(&pub, &priv));
	CU_ASSERT(lives_in(priv, EVERYWHERE) && !flag_of(priv, CKA_LOCAL) && !flag_of(pub, CKA_LOCAL));
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(fault_counts(device_names[i]).ops[HUFU_VERB_GENERATE], before[i]);
	const CK_ATTRIBUTE hard[] = {token_key[0], token_key[1], BOOL(CKA_HUFU_HARDWARE_ONLY, yes)};
	OK(generate(hard, 3, &h));
	CU_ASSERT(lives_in(h, "cards,machines") && flag_of(h, CKA_LOCAL));
	down();

	up(S, "\"s\"", "generate = host"); /* where the host is all there is, it is the token */
	OK(generate(KEPT_KEY, &h));
	CU_ASSERT(flag_of(h, CKA_LOCAL) && flag_of(h, CKA_ALWAYS_SENSITIVE) && flag_of(h, CKA_NEVER_EXTRACTABLE));
	down();
}

static void test_left_its_device(void)
{
	CK_OBJECT_HANDLE h;

	up(ALL, ALL_NAMES, "hardware_only = no");
	OK(generate(KEPT_KEY, &h));
	CU_ASSERT(lives_in(h, EVERYWHERE) && flag_of(h, CKA_LOCAL));
	CU_ASSERT_FALSE(flag_of(h, CKA_ALWAYS_SENSITIVE) || flag_of(h, CKA_NEVER_EXTRACTABLE));
	CU_ASSERT_EQUAL(number_of(h, CKA_KEY_GEN_MECHANISM), CKM_HUFU_SM4_KEY_GEN);
	down();
}

/* Whose check value is of the value itself, not of what the device does with it. */
static void test_stayed_for_its_check_value(void)
{
	CK_ULONG len = 32;
	CK_MECHANISM m = {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0};
	const CK_ATTRIBUTE kept[] = {{CKA_VALUE_LEN, &len, sizeof len}, BOOL(CKA_SENSITIVE, yes), BOOL(CKA_EXTRACTABLE, no)};
	const CK_ATTRIBUTE shown[] = {{CKA_VALUE_LEN, &len, sizeof len}, BOOL(CKA_SENSITIVE, no), BOOL(CKA_EXTRACTABLE, yes)};
	CK_BYTE check[3];
	CK_ATTRIBUTE a = {CKA_CHECK_VALUE, check, sizeof check};
	CK_OBJECT_HANDLE h;

	up(C1, "\"d1\"", "hardware_only = no");
	uint64_t exports = fault_counts("d1").asked[HUFU_VERB_EXPORT];
	OK(key_generate(session, &m, kept, 3, &h));
	CU_ASSERT_EQUAL(fault_counts("d1").asked[HUFU_VERB_EXPORT], exports);
	CU_ASSERT(flag_of(h, CKA_NEVER_EXTRACTABLE) && flag_of(h, CKA_ALWAYS_SENSITIVE));
	OK(key_generate(session, &m, shown, 3, &h));
	OK(object_get_attributes(session, h, &a, 1));
	CU_ASSERT_EQUAL(a.ulValueLen, 3);
	down();
}

/* -- exactly one ------------------------------------------------------------------------------- */

static void one_key_in_spite_of(const char *device, const char *fault)
{
	CK_OBJECT_HANDLE h = 0, pub = 0, priv = 0;
	uint8_t out[16];

	script(device, fault);
	OK(generate(TOKEN_KEY, &h));
	script(device, "");
	CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 1);
	OK(encrypt(h, out));
	script(device, fault);
	OK(generate_pair(&pub, &priv));
	script(device, "");
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 1);
	CU_ASSERT_EQUAL(count_objects(CKO_PUBLIC_KEY), 1);
	OK(object_destroy(session, h));
	OK(object_destroy(session, pub));
	OK(object_destroy(session, priv));
}

static void test_exactly_one_key(void)
{
	static const char *const faults[] = {
		"generate:lost@1", "generate:corrupt@1", "generate:gone@1", "generate:busy@1", "generate:flip-pub@1", "generate:overlong@1",
		"generate:code=0x777@1", "generate:no-key@1", "generate:expired@1",
		"wrap:lost@1", "wrap:gone@1", "wrap:unsupported", "wrap:flip-out@1", "unwrap:lost@1", "unwrap:flip-pub@1", "unwrap:unsupported",
		"export:lost@1", "export:gone@1", "export:unsupported", "export:flip-out@1",
		"import:lost@1", "import:gone@1", "import:corrupt@1", "import:flip-pub@1", "import:overlong@1", "import:unsupported",
		"lease:gone@1", "lease:busy@1", "run:lost@1", "run:lost@2", "run:lost@3",
	};
	up(ALL, ALL_NAMES, "hardware_only = no");
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		for (size_t d = 0; d < 3; d++)
			one_key_in_spite_of(device_names[d], faults[i]);
	down();
	for (size_t d = 0; d < 3; d++) { /* who refuses our credential is out until somebody looks at it */
		up(ALL, ALL_NAMES, "hardware_only = no");
		one_key_in_spite_of(device_names[d], "generate:denied@1");
		down();
	}
}

static void test_destroyed_and_changed(void)
{
	static const char *const faults[] = {"any:lost", "any:gone", "run:corrupt"};
	CK_OBJECT_HANDLE h;
	uint8_t out[16];
	CK_ATTRIBUTE label = {CKA_LABEL, "other", 5};

	up(ALL, ALL_NAMES, "hardware_only = no");
	for (size_t i = 0; i < 3; i++) {
		OK(generate(TOKEN_KEY, &h));
		OK(encrypt(h, out));
		for (unsigned d = 0; d < 3; d++)
			script(device_names[d], faults[i]);
		OK(object_set_attributes(session, h, &label, 1)); /* the store's business alone */
		OK(object_destroy(session, h));
		CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 0);
		for (unsigned d = 0; d < 3; d++)
			script(device_names[d], "");
		IS(encrypt(h, out), CKR_KEY_HANDLE_INVALID);
	}
	down(); /* no secret is left: the devices have evicted it */
}

/* -- what stays in a device -------------------------------------------------------------- */

#define SHELF "device \"d1\" { driver = \"fault\" domain = \"cards\" shelf = \"a\" }\n"

/* The device keeps it and gives out an index: no other domain gets a copy, at once or later, and the index serves again. */
static void test_index_copies(void)
{
	uint8_t before[16], after[16];
	CK_OBJECT_HANDLE h, pub, priv;

	on_shelf = true;
	up(SHELF C2 S, ALL_NAMES, "hardware_only = no");
	OK(generate(TOKEN_KEY, &h));
	OK(generate_pair(&pub, &priv));
	CU_ASSERT(lives_in(h, "cards") && lives_in(priv, "cards"));
	OK(encrypt(h, before));
	CU_ASSERT(lives_in(h, "cards"));
	again(SHELF C2 S, ALL_NAMES, "hardware_only = no", CKU_USER);
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_ATTRIBUTE wanted = {CKA_CLASS, &secret, sizeof secret};
	CK_ULONG n = 0;
	OK(find_init(session, &wanted, 1));
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	CU_ASSERT_EQUAL_FATAL(n, 1);
	OK(encrypt(h, after));
	CU_ASSERT(memcmp(before, after, 16) == 0 && lives_in(h, "cards"));
	down();
	on_shelf = false;
}

/* -- credentials ---------------------------------------------------------------------------- */

#define LOCKED "device \"d1\" { driver = \"fault\" domain = \"cards\" resident = 2 password = \"sesame\" }\n"

static void set_password_at(const char *value, uint64_t when_s)
{
	struct store_credential c = {.domain = "cards", .name = "user", .set_s = when_s, .value = (uint8_t *)(uintptr_t)value,
	                             .len = strlen(value)};
	CU_ASSERT_EQUAL_FATAL(store_credential_set(session->token->store, &c), HUFU_OK);
}

static void set_password(const char *value)
{
	set_password_at(value, 1);
}

static bool password_is_refused(void)
{
	struct store_credential *list;
	size_t n;
	CU_ASSERT_EQUAL_FATAL(store_credentials(session->token->store, &list, &n), HUFU_OK);
	bool refused = n == 1 && list[0].refused;
	store_credentials_free(list, n);
	return refused;
}

static bool is_asked(enum hufu_verb verb, uint64_t times)
{
	for (unsigned tries = 0; tries < 12000 && fault_counts("d1").asked[verb] < times; tries++)
		usleep(5000);
	return fault_counts("d1").asked[verb] == times;
}

/* Presented at a login, taken back at the logout; without threads, too. */
static void try_credentials(const char *devices, const char *names)
{
	up(devices, names, "");
	set_password("sesame");
	CU_ASSERT_EQUAL(fault_counts("d1").asked[HUFU_VERB_LOGIN], 0);
	OK(session_logout(session));
	login(CKU_USER);
	CK_OBJECT_HANDLE h;
	OK(generate(TOKEN_KEY, &h)); /* an op, where it is the callers who care for devices */
	CU_ASSERT(is_asked(HUFU_VERB_LOGIN, 1));
	OK(session_logout(session));
	CU_ASSERT(is_asked(HUFU_VERB_LOGOUT, 1));
	down();
}

static void test_credentials(void)
{
	try_credentials(LOCKED, "\"d1\"");
	try_credentials(LOCKED C2 S, ALL_NAMES);
}

/* However many processes come by: one of them presents the wrong one, once. */
static void test_refused(void)
{
	up(LOCKED C2, "\"d1\", \"d2\"", "");
	set_password("open");
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT(is_asked(HUFU_VERB_LOGIN, 1));
	for (unsigned tries = 0; tries < 12000 && !log_has("it refused the credential"); tries++)
		usleep(5000);
	for (unsigned i = 0; i < 2; i++) {
		again(LOCKED C2, "\"d1\", \"d2\"", "", CKU_USER);
		CK_OBJECT_HANDLE h;
		OK(generate(TOKEN_KEY, &h));
		CU_ASSERT_EQUAL(fault_counts("d1").asked[HUFU_VERB_LOGIN], 1);
	}
	CU_ASSERT(log_has("is not presented: a device refused it"));
	set_password("sesame");
	again(LOCKED C2, "\"d1\", \"d2\"", "", CKU_USER);
	CK_OBJECT_HANDLE h;
	OK(generate(TOKEN_KEY, &h));
	CU_ASSERT(is_asked(HUFU_VERB_LOGIN, 2));
	down();
}

/* -- proofs by a secret key ---------------------------------------------------------------------- */

#define NO_PAIRS "device \"d1\" { driver = \"fault\" domain = \"cards\" }\n"
/*
 * Refused while the card had another password; whoever mended the card sets the same one anew. The process that was
 * refused presents it, and takes it for refused no more. What it learnt it had kept at once: it may be killed any time.
 */
static void test_refused_set_anew(void)
{
	static const char locked[] = "device \"d1\" { driver = \"fault\" domain = \"cards\" resident = 1 password = \"sesame\" }\n";

	up(locked, "\"d1\"", "");
	set_password("sesame");
	script("d1", "login:denied@1");
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT(is_asked(HUFU_VERB_LOGIN, 1) && password_is_refused());
	script("d1", "");
	set_password_at("sesame", 2);
	OK(session_logout(session));
	CU_ASSERT(!password_is_refused());
	login(CKU_USER);
	CU_ASSERT(is_asked(HUFU_VERB_LOGIN, 2) && !password_is_refused());
	CU_ASSERT(log_has("it has another credential"));
	down();
}

#define SPLIT "device \"d1\" { driver = \"fault\" domain = \"cards\" split = yes }\n"

static void test_secret_proof(void)
{
	CK_OBJECT_HANDLE h;

	fault_reset();
	strncpy(dir, "/tmp/hufu-domains-XXXXXX", sizeof dir - 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	start(NO_PAIRS, "\"d1\"", "");
	script("d1", "generate:unsupported@2"); /* the first is a known answer's; then no pair, but a key */
	init();
	CU_ASSERT(log_has("domain \"cards\" is enrolled") && !log_has("without a proof"));
	open_session();
	login(CKU_USER);
	OK(generate(TOKEN_KEY, &h));
	again(SPLIT, "\"d1\"", "", CKU_USER); /* a card with another KEK in its place */
	CU_ASSERT_NOT_EQUAL(generate(TOKEN_KEY, &h), CKR_OK);
	CU_ASSERT(log_has("it belongs to another domain than \"cards\""));
	down();
}

/* -- resident keys ------------------------------------------------------------------------------- */

#define BORN_WITH(n, more) "device \"d1\" { driver = \"fault\" domain = \"cards\" resident = " n " " more " }\n"
#define JUST_D1 "\"d1\""

/* A login has a second to see them, which on a busy machine is not always enough. */
static bool shows(size_t n)
{
	for (unsigned tries = 0; tries < 1000 && count_objects(CKO_PRIVATE_KEY) < n; tries++) {
		usleep(20000); /* its device may be on its way yet */
		OK(session_logout(session));
		login(CKU_USER);
	}
	return count_objects(CKO_PRIVATE_KEY) == n;
}

static CK_OBJECT_HANDLE find_one(CK_OBJECT_CLASS object_class, const char *label)
{
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_OBJECT_HANDLE h = 0;
	CK_ULONG n = 0;
	OK(find_init(session, wanted, 2));
	OK(find_next(session, &h, 1, &n));
	OK(find_final(session));
	return n ? h : 0;
}

/* The private keys of this label, one or two. */
static size_t find_private(const char *label, CK_OBJECT_HANDLE found[2])
{
	CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private, sizeof private}, {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)}};
	CK_ULONG n = 0;
	OK(find_init(session, wanted, 2));
	OK(find_next(session, found, 2, &n));
	OK(find_final(session));
	return n;
}

static CK_RV sign_with(CK_OBJECT_HANDLE private, uint8_t sig[64])
{
	uint8_t e[32] = "a digest of what is to be signed";
	CK_MECHANISM m = {CKM_HUFU_SM2, NULL, 0};
	CK_ULONG len = 64;
	CK_RV rv = sign_init(session, &m, private);
	return rv == CKR_OK ? sign_once(session, e, sizeof e, sig, &len) : rv;
}

static bool signs(const char *label)
{
	uint8_t e[32] = "a digest of what is to be signed", sig[64];
	CK_MECHANISM m = {CKM_HUFU_SM2, NULL, 0};
	CK_OBJECT_HANDLE private = find_one(CKO_PRIVATE_KEY, label), public = find_one(CKO_PUBLIC_KEY, label);
	return private && public && sign_with(private, sig) == CKR_OK && verify_init(session, &m, public, NULL, 0) == CKR_OK &&
	       verify_once(session, e, sizeof e, sig, 64) == CKR_OK;
}

static void try_found(const char *devices, const char *names)
{
	up(devices, names, "");
	CU_ASSERT(shows(2) && count_objects(CKO_PUBLIC_KEY) == 2);
	CU_ASSERT(signs("cards sign 0") && signs("cards sign 1"));
	CK_OBJECT_HANDLE h = find_one(CKO_PRIVATE_KEY, "cards sign 1");
	static const CK_ATTRIBUTE_TYPE true_ones[] = {CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE,
		CKA_NEVER_EXTRACTABLE, CKA_HUFU_HARDWARE_ONLY, CKA_SIGN, CKA_DECRYPT};
	static const CK_ATTRIBUTE_TYPE false_ones[] = {CKA_EXTRACTABLE, CKA_LOCAL, CKA_DESTROYABLE, CKA_COPYABLE, CKA_DERIVE};
	for (size_t i = 0; i < sizeof true_ones / sizeof true_ones[0]; i++)
		CU_ASSERT(flag_of(h, true_ones[i]));
	for (size_t i = 0; i < sizeof false_ones / sizeof false_ones[0]; i++)
		CU_ASSERT(!flag_of(h, false_ones[i]));
	uint8_t id[4], domain[16];
	CK_ATTRIBUTE a[] = {{CKA_ID, id, sizeof id}, {CKA_HUFU_RESIDENT, domain, sizeof domain}};
	OK(object_get_attributes(session, h, a, 2));
	CU_ASSERT(a[0].ulValueLen == 2 && id[1] == 1 && a[1].ulValueLen == 5 && memcmp(domain, "cards", 5) == 0 && lives_in(h, "cards"));
	IS(object_destroy(session, h), CKR_ACTION_PROHIBITED);
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 2);
	again(devices, names, "", CKU_USER);
	CU_ASSERT(count_objects(CKO_PRIVATE_KEY) == 2 && count_objects(CKO_PUBLIC_KEY) == 2 && signs("cards sign 1"));
	CU_ASSERT(!log_has("ALARM") && !log_has("any more"));
	down();
}

static void test_residents(void)
{
	try_found(BORN_WITH("2", ""), JUST_D1);
	try_found(BORN_WITH("2", "") C2 S, ALL_NAMES);
	/* What software keeps lies open on this host: nothing is shown of it. */
	up("device \"d1\" { driver = \"fault-soft\" domain = \"cards\" resident = 2 }\n", JUST_D1, "");
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 0);
	down();
}

static void test_residents_open_nothing(void)
{
	up(BORN_WITH("2", ""), JUST_D1, "");
	CU_ASSERT(shows(2));
	stop();
	start(BORN_WITH("2", ""), JUST_D1, "");
	open_session();
	uint64_t opens = fault_counts("d1").opens;
	CU_ASSERT_EQUAL(count_objects(CKO_PUBLIC_KEY), 2);
	CU_ASSERT_EQUAL(fault_counts("d1").opens, opens);
	down();
}

static void test_residents_password(void)
{
	uint8_t sig[64];

	up(BORN_WITH("1", "password = \"sesame\""), JUST_D1, "");
	CU_ASSERT(shows(1));
	IS(sign_with(find_one(CKO_PRIVATE_KEY, "cards sign 0"), sig), CKR_DEVICE_ERROR);
	set_password("sesame");
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT(signs("cards sign 0"));
	down();
}

static void test_residents_changed(void)
{
	uint8_t sig[64];
	CK_OBJECT_HANDLE found[2];

	up(BORN_WITH("1", ""), JUST_D1, "");
	CU_ASSERT(shows(1) && signs("cards sign 0"));
	again(BORN_WITH("1", "seed = \"new\""), JUST_D1, "", CKU_USER);
	CU_ASSERT(shows(2));
	CU_ASSERT(log_has("ALARM: where domain \"cards\" kept key \"cards sign 0\" there is another key now"));
	CU_ASSERT_EQUAL_FATAL(find_private("cards sign 0", found), 2);
	IS(sign_with(found[0], sig), CKR_DEVICE_ERROR);
	OK(sign_with(found[1], sig));
	CU_ASSERT(log_has("is refused: another key stands in its place"));
	/* As it was: the other way round. */
	again(BORN_WITH("1", ""), JUST_D1, "", CKU_USER);
	CU_ASSERT_EQUAL_FATAL(find_private("cards sign 0", found), 2);
	OK(sign_with(found[0], sig));
	IS(sign_with(found[1], sig), CKR_DEVICE_ERROR);
	IS(object_destroy(session, found[0]), CKR_ACTION_PROHIBITED);
	OK(object_destroy(session, found[1]));
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 1);
	down();
}

static void test_residents_gone(void)
{
	uint8_t sig[64];

	up(BORN_WITH("2", ""), JUST_D1, "");
	CU_ASSERT(shows(2));
	again(BORN_WITH("1", ""), JUST_D1, "", CKU_USER);
	CU_ASSERT(log_has("does not keep key \"cards sign 1\" any more"));
	CU_ASSERT(signs("cards sign 0"));
	IS(sign_with(find_one(CKO_PRIVATE_KEY, "cards sign 1"), sig), CKR_DEVICE_ERROR);
	again(BORN_WITH("2", ""), JUST_D1, "", CKU_USER);
	CU_ASSERT(signs("cards sign 0") && signs("cards sign 1"));
	down();
}

/* A card of the same domain that keeps others is not used: what the token knew proves it. */
static void test_residents_prove(void)
{
	static const char both[] = BORN_WITH("1", "") "device \"d2\" { driver = \"fault\" domain = \"cards\" resident = 1 seed = \"x\" }\n";

	up(BORN_WITH("1", ""), JUST_D1, "");
	CU_ASSERT(shows(1));
	again(both, "\"d1\", \"d2\"", "", CKU_USER);
	for (unsigned i = 0; i < 20; i++)
		CU_ASSERT(signs("cards sign 0"));
	for (unsigned tries = 0; tries < 12000 && !log_has("d2: up -> quarantined"); tries++)
		usleep(5000);
	CU_ASSERT(log_has("it holds another key than domain \"cards\""));
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 1);
	down();
}

/* A login waits for it no longer than a second (residents.c); its other keys serve on. */
static void test_residents_hang(void)
{
	static const char hanging[] = "device \"d1\" { driver = \"fault-hang\" domain = \"cards\" resident = 1 }\n" C2;

	up(hanging, "\"d1\", \"d2\"", "");
	CU_ASSERT(shows(1));
	stop();
	start(hanging, "\"d1\", \"d2\"", "");
	open_session();
	script("d1", "find:hang");
	uint64_t begun = clock_now_ns();
	login(CKU_USER);
	CU_ASSERT(clock_now_ns() - begun < 60 * NS_PER_S); /* it came back, which the device does not */
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 1); /* of before */
	fault_release("d1");
	down();
}

/* -- devices that tell strange things -------------------------------------------------------------- */

/* "fault" with another answer to FIND, and pairs that stay in it for good. */
static struct hufu_driver odd;
static const struct hufu_driver *even;
static enum { ODD_NOT, ODD_SENSELESS, ODD_ENDLESS, ODD_SM4, ODD_ZUC, ODD_RENAMED, ODD_KEEPS } oddity;
static uint8_t kept_pub[HUFU_PUB_MAX];

static void tell_of_secret(struct hufu_op *op, enum hufu_key_type type)
{
	struct hufu_resident *told = (struct hufu_resident *)(void *)op->out;
	told->type = type;
	told->verbs = 1u << HUFU_VERB_ENCRYPT;
	op->pub_len = 0;
}

static void tell_of_kept(struct hufu_op *op)
{
	struct hufu_resident *told = (struct hufu_resident *)(void *)op->out;
	memcpy(told->copy, "kept:001", told->copy_len = 8);
	memcpy(op->pub, kept_pub, op->pub_len = 64);
}

static void find_oddly(struct hufu_lease *lease, struct hufu_op *op)
{
	struct hufu_param_find *param = (struct hufu_param_find *)(uintptr_t)op->param;
	uint32_t nth = param->nth;
	bool kept = oddity == ODD_KEEPS && nth == 1;
	struct hufu_resident *told = (struct hufu_resident *)(void *)op->out;

	param->nth = oddity == ODD_ENDLESS || kept ? 0 : nth;
	even->run(lease, (struct hufu_op *const[]){op}, 1);
	param->nth = nth;
	if (op->outcome != HUFU_OK)
		return;
	if (kept)
		tell_of_kept(op);
	else if (oddity == ODD_SENSELESS && nth == 0)
		told->type = (enum hufu_key_type)99;
	else if (oddity == ODD_RENAMED)
		strncpy(told->label, "a name of today", sizeof told->label - 1);
	else if (oddity == ODD_SM4 || oddity == ODD_ZUC)
		tell_of_secret(op, oddity == ODD_SM4 ? HUFU_KEY_SM4 : HUFU_KEY_ZUC);
}

static void run_oddly(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (ops[i]->verb == HUFU_VERB_FIND)
			find_oddly(lease, ops[i]);
		else
			even->run(lease, &ops[i], 1);
		if (oddity == ODD_KEEPS && ops[i]->verb == HUFU_VERB_GENERATE && ops[i]->new_type == HUFU_KEY_SM2_PRIVATE) {
			ops[i]->copy_kind = HUFU_COPY_INDEX;
			memcpy(kept_pub, ops[i]->pub, 64);
		}
	}
}

#define ODD(n) "device \"d1\" { driver = \"/odd\" domain = \"cards\" resident = " n " }\n"

/* One that makes no sense hides none of those behind it, and is not told of again and again. */
static void test_residents_senseless(void)
{
	up(BORN_WITH("2", ""), JUST_D1, "");
	CU_ASSERT(shows(2));
	oddity = ODD_SENSELESS;
	again(ODD("3"), JUST_D1, "", CKU_USER);
	CU_ASSERT(shows(3) && signs("cards sign 2"));
	CU_ASSERT(signs("cards sign 0")); /* of which nothing is known now */
	CU_ASSERT(log_has("1 keys that domain \"cards\" keeps are not shown"));
	oddity = ODD_NOT;
	down();
}

/* What is not reached in a list without an end is not lost. */
static void test_residents_endless(void)
{
	up(BORN_WITH("2", ""), JUST_D1, "");
	CU_ASSERT(shows(2));
	oddity = ODD_ENDLESS;
	again(ODD("2"), JUST_D1, "", CKU_USER);
	CU_ASSERT(count_objects(CKO_PRIVATE_KEY) == 2 && signs("cards sign 0") && signs("cards sign 1"));
	CU_ASSERT(!log_has("any more"));
	oddity = ODD_NOT;
	down();
}

/* A secret key has no public half by which it would show. */
static void test_residents_retyped(void)
{
	oddity = ODD_SM4;
	up(ODD("1"), JUST_D1, "");
	for (unsigned tries = 0; tries < 1000 && count_objects(CKO_SECRET_KEY) < 1; tries++)
		again(ODD("1"), JUST_D1, "", CKU_USER);
	CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 1);
	oddity = ODD_ZUC;
	for (unsigned tries = 0; tries < 1000 && count_objects(CKO_SECRET_KEY) < 2; tries++)
		again(ODD("1"), JUST_D1, "", CKU_USER);
	CU_ASSERT(log_has("ALARM: where domain \"cards\" kept key"));
	CU_ASSERT_EQUAL(count_objects(CKO_SECRET_KEY), 2);
	oddity = ODD_NOT;
	down();
}

/* The object of a lost key was destroyed; it comes back under another name. */
static void test_residents_return(void)
{
	up(ODD("2"), JUST_D1, "");
	CU_ASSERT(shows(2));
	again(ODD("1"), JUST_D1, "", CKU_USER);
	OK(object_destroy(session, find_one(CKO_PRIVATE_KEY, "cards sign 1")));
	oddity = ODD_RENAMED;
	again(ODD("2"), JUST_D1, "", CKU_USER);
	CU_ASSERT(shows(2) && find_one(CKO_PRIVATE_KEY, "cards a name of today") != 0);
	CU_ASSERT_EQUAL(count_objects(CKO_PUBLIC_KEY), 2);
	oddity = ODD_NOT;
	down();
}

/* A fresh card in the place of one of two: the other one serves its keys on. */
static void test_residents_one_empty(void)
{
	static const char both[] = BORN_WITH("2", "") "device \"d2\" { driver = \"fault\" domain = \"cards\" resident = 2 }\n",
	                  fresh[] = BORN_WITH("1", "") "device \"d2\" { driver = \"fault\" domain = \"cards\" resident = 2 }\n";

	up(both, "\"d1\", \"d2\"", "");
	CU_ASSERT(shows(2));
	again(fresh, "\"d1\", \"d2\"", "", CKU_USER);
	for (unsigned i = 0; i < 10; i++)
		CU_ASSERT(signs("cards sign 0") && signs("cards sign 1"));
	down();
}

/* What a device made for good, and tells of afterwards under another name, is one key and one object. */
static void test_residents_made_here(void)
{
	static char label[] = "made";
	CK_ATTRIBUTE p[] = {BOOL(CKA_TOKEN, yes), {CKA_LABEL, label, 4}},
	             q[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_SIGN, yes), {CKA_LABEL, label, 4}};
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_OBJECT_HANDLE pub, priv;

	up(ODD("1"), JUST_D1, "");
	CU_ASSERT(shows(1));
	oddity = ODD_KEEPS;
	OK(key_generate_pair(session, &gen, p, 2, q, 3, &pub, &priv));
	uint64_t asked = fault_counts("d1").asked[HUFU_VERB_FIND];
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT(fault_counts("d1").asked[HUFU_VERB_FIND] > asked);
	CU_ASSERT_EQUAL(count_objects(CKO_PRIVATE_KEY), 2);
	CU_ASSERT(signs("made"));
	oddity = ODD_NOT; /* one that does not tell of it does not lose it */
	OK(session_logout(session));
	login(CKU_USER);
	CU_ASSERT(signs("made"));
	down();
}

/* -- wrapped keys ----------------------------------------------------------------------------------- */

static CK_RV unwrap_sm4(CK_MECHANISM_TYPE type, CK_OBJECT_HANDLE private, const uint8_t *wrapped, size_t len, CK_OBJECT_HANDLE *h)
{
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_KEY_TYPE sm4 = CKK_HUFU_SM4;
	CK_ATTRIBUTE templ[] = {{CKA_CLASS, &secret, sizeof secret}, {CKA_KEY_TYPE, &sm4, sizeof sm4}, BOOL(CKA_TOKEN, yes),
	                        BOOL(CKA_ENCRYPT, yes)};
	CK_MECHANISM m = {type, NULL, 0};
	return key_unwrap(session, &m, private, wrapped, len, templ, 4, h);
}

/* Hardware opens a wrapped key itself: nothing is decrypted into this host's memory, in whichever form it came. */
static void test_unwrap_in_device(void)
{
	static const CK_MECHANISM_TYPE forms[] = {CKM_HUFU_SM2_C1C3C2, CKM_HUFU_SM2_C1C2C3, CKM_HUFU_SM2_ENC_DER};
	static const uint8_t value[16] = "a key of sixteen";
	CK_ATTRIBUTE p[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_ENCRYPT, yes)}, q[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_UNWRAP, yes)};
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	uint8_t wrapped[300], out[2][16];
	CK_OBJECT_HANDLE pub, priv, h;

	up(C1, "\"d1\"", "");
	OK(key_generate_pair(session, &gen, p, 2, q, 2, &pub, &priv));
	CK_OBJECT_HANDLE same = make_secret(CKK_HUFU_SM4, value, sizeof value, &(CK_ATTRIBUTE)BOOL(CKA_HUFU_HARDWARE_ONLY, yes), 1);
	OK(encrypt(same, out[0]));
	for (size_t i = 0; i < 3; i++) {
		CK_MECHANISM m = {forms[i], NULL, 0};
		CK_ULONG len = sizeof wrapped;
		OK(crypt_at_once(OP_ENCRYPT, &m, pub, value, sizeof value, wrapped, &len));
		struct fault_counts before = fault_counts("d1");
		OK(unwrap_sm4(forms[i], priv, wrapped, len, &h));
		CU_ASSERT_EQUAL(fault_counts("d1").ops[HUFU_VERB_UNWRAP], before.ops[HUFU_VERB_UNWRAP] + 1);
		CU_ASSERT_EQUAL(fault_counts("d1").ops[HUFU_VERB_DECRYPT], before.ops[HUFU_VERB_DECRYPT]);
		OK(encrypt(h, out[1]));
		CU_ASSERT(memcmp(out[0], out[1], 16) == 0 && flag_of(h, CKA_HUFU_HARDWARE_ONLY) && !flag_of(h, CKA_LOCAL));
		wrapped[len - 1] ^= 1;
		IS(unwrap_sm4(forms[i], priv, wrapped, len, &h), CKR_WRAPPED_KEY_INVALID);
	}
	/* One that does not do it leaves the way over this host. */
	CK_MECHANISM m = {CKM_HUFU_SM2_C1C3C2, NULL, 0};
	CK_ULONG len = sizeof wrapped;
	OK(crypt_at_once(OP_ENCRYPT, &m, pub, value, sizeof value, wrapped, &len));
	script("d1", "unwrap:unsupported");
	OK(unwrap_sm4(CKM_HUFU_SM2_C1C3C2, priv, wrapped, len, &h));
	OK(encrypt(h, out[1]));
	CU_ASSERT(memcmp(out[0], out[1], 16) == 0);
	/* A key of another length than what is in it is none. */
	OK(crypt_at_once(OP_ENCRYPT, &m, pub, value, 15, wrapped, &len));
	CU_ASSERT_NOT_EQUAL(unwrap_sm4(CKM_HUFU_SM2_C1C3C2, priv, wrapped, len, &h), CKR_OK);
	down();
}

/* A check value that the template gives is compared, though no device computes it of such a key. */
static void test_unwrap_checked(void)
{
	static const uint8_t value[16] = "a key of sixteen";
	static uint8_t kcv[3] = {0x44, 0xdf, 0x73}; /* PKCS#11 4.10.2: SHA-1 of it */
	CK_ATTRIBUTE p[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_ENCRYPT, yes)}, q[] = {BOOL(CKA_TOKEN, yes), BOOL(CKA_UNWRAP, yes)};
	CK_MECHANISM gen = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0}, m = {CKM_HUFU_SM2_C1C3C2, NULL, 0};
	CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	CK_ATTRIBUTE templ[] = {{CKA_CLASS, &secret, sizeof secret}, {CKA_KEY_TYPE, &generic, sizeof generic},
	                        {CKA_CHECK_VALUE, kcv, sizeof kcv}, BOOL(CKA_EXTRACTABLE, no)};
	uint8_t wrapped[300];
	CK_ULONG len = sizeof wrapped;
	CK_OBJECT_HANDLE pub, priv, h;

	up(C1, "\"d1\"", "");
	OK(key_generate_pair(session, &gen, p, 2, q, 2, &pub, &priv));
	OK(crypt_at_once(OP_ENCRYPT, &m, pub, value, sizeof value, wrapped, &len));
	OK(key_unwrap(session, &m, priv, wrapped, len, templ, 4, &h));
	kcv[2] ^= 1;
	IS(key_unwrap(session, &m, priv, wrapped, len, templ, 4, &h), CKR_ATTRIBUTE_VALUE_INVALID);
	down();
}

static void register_drivers(void)
{
	char err[100];
	CU_ASSERT_EQUAL_FATAL(fault_register(), HUFU_OK);
	even = driver_find("fault", err, sizeof err);
	odd = *even;
	odd.name = "/odd"; /* as a file: no other name is free in a configuration */
	odd.run = run_oddly;
	CU_ASSERT_EQUAL_FATAL(driver_register(&odd), HUFU_OK);
}

static const struct unit_case cases[] = {
	{"the fault drivers are there", register_drivers},
	{"whoever initialises a token enrols its domains", test_init_enrols},
	{"a domain that is out then is enrolled at a later login of the security officer", test_out_at_init},
	{"devices that make no keys are enrolled without a proof, and get it when they do", test_without_sm2},
	{"copies go into enrolled domains only", test_only_enrolled},
	{"a domain that is enrolled later gets its copy when the key is used", test_enrolled_later},
	{"a token of schema 1 enrols the domains of its keys", test_from_before},
	{"a device of another domain is quarantined after the login, and no answer is wrong", test_wrong_domain},
	{"a domain whose devices say that they are others gets no copies", test_other_identity},
	{"a key has a copy in every domain, and they are one key", test_copies_everywhere},
	{"a domain that is dead is left out, and gets its copy when it is back", test_one_is_dead},
	{"a hardware-only key is never in software, and stays so", test_hardware_only},
	{"copies that are not of one key are none", test_spoilt_on_the_way},
	{"a key stays where devices neither wrap it nor may give it away", test_nothing_wraps},
	{"a domain with a software device in it is none for a hardware-only key", test_mixed_domain},
	{"what no hardware makes is refused, with a reason", test_no_hardware_makes_it},
	{"software serves while all hardware is out, by token and by key", test_fallback},
	{"what the host has made for devices is not local", test_made_on_host},
	{"what has left a device was not never extractable", test_left_its_device},
	{"a key that never leaves its device does not for its check value", test_stayed_for_its_check_value},
	{"any single fault makes one key or one pair", test_exactly_one_key},
	{"destroying and changing a key needs no device", test_destroyed_and_changed},
	{"a key that its device keeps lives there alone", test_index_copies},
	{"credentials are presented at login and forgotten at logout", test_credentials},
	{"one that was refused is presented by no process again, until it is set anew", test_refused},
	{"one that was set anew to the same value is presented anew", test_refused_set_anew},
	{"where devices make no pairs a secret key proves their domain", test_secret_proof},
	{"keys that devices keep become objects at a login, once", test_residents},
	{"without a login no device is opened for them", test_residents_open_nothing},
	{"those behind a password serve once it was set", test_residents_password},
	{"where another key stands in its place the old one is refused, with an alarm", test_residents_changed},
	{"one that is not found any more says so when it is used", test_residents_gone},
	{"known ones prove the devices of their domain", test_residents_prove},
	{"a device that hangs does not keep a login from coming back", test_residents_hang},
	{"one that makes no sense hides none", test_residents_senseless},
	{"a list without an end loses none", test_residents_endless},
	{"a secret key that became one of another type is another key", test_residents_retyped},
	{"one whose object was destroyed comes back with the key", test_residents_return},
	{"a card that keeps nothing takes no key from the other one of its domain", test_residents_one_empty},
	{"what a device made for good is found as what it is", test_residents_made_here},
	{"hardware opens wrapped keys itself", test_unwrap_in_device},
	{"of such a key, too, the check value is compared", test_unwrap_checked},
	{0},
};

UNIT_MAIN("domains", cases)
