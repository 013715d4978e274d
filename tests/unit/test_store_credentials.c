/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's credentials of devices: their values come with a login only, one a
 * domain and name; one that was refused says so until it is set anew; what somebody
 * else wrote is refused; stores of before have none.
 */
#include "store_util.h"
#include "unit.h"

#include <sys/stat.h>

static struct store_credential credential(const char *domain, const char *name, const char *value)
{
	static uint8_t bytes[STORE_CREDENTIAL_MAX + 1];
	struct store_credential c = {.set_s = 1800000000, .value = bytes, .len = strlen(value)};

	memcpy(bytes, value, strlen(value));
	snprintf(c.domain, sizeof(c.domain), "%s", domain);
	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static enum hufu_err set(struct place *p, const char *domain, const char *name, const char *value)
{
	struct store_credential c = credential(domain, name, value);

	return store_credential_set(p->store, &c);
}

static size_t count(struct place *p)
{
	struct store_credential *list;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(store_credentials(p->store, &list, &n), HUFU_OK);
	store_credentials_free(list, n);
	return n;
}

/* Is the value of the nth this one, refused or not? NULL: it is not told. */
static bool holds(struct place *p, size_t nth, const char *value, bool refused)
{
	struct store_credential *list;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(store_credentials(p->store, &list, &n), HUFU_OK);
	CU_ASSERT_FATAL(nth < n);
	bool same = value ? list[nth].len == strlen(value) && memcmp(list[nth].value, value, list[nth].len) == 0 : !list[nth].value;
	same = same && list[nth].refused == refused;
	store_credentials_free(list, n);
	return same;
}

static void test_listed(void)
{
	struct place p;
	struct store_credential *list;
	size_t n;

	place_init(&p);
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "sesame"), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT_EQUAL(set(&p, "machines", "user", "open"), HUFU_OK);
	CU_ASSERT_EQUAL(set(&p, "cards", "sign:3", "index three"), HUFU_OK);
	CU_ASSERT_EQUAL(set(&p, "cards", "admin", "sesame"), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_EQUAL_FATAL(store_credentials(p.store, &list, &n), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(n, 3);
	CU_ASSERT(!strcmp(list[0].domain, "cards") && !strcmp(list[0].name, "admin") && list[0].set_s == 1800000000);
	CU_ASSERT(!strcmp(list[1].name, "sign:3") && !strcmp(list[2].domain, "machines"));
	CU_ASSERT(!list[0].value && !list[1].value && !list[2].value);
	store_credentials_free(list, n);
	CU_ASSERT_EQUAL(store_credential_remove(p.store, "cards", "admin"), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT(holds(&p, 0, "sesame", false) && holds(&p, 1, "index three", false) && holds(&p, 2, "open", false));
	CU_ASSERT_EQUAL(set(&p, "cards", "admin", "another"), HUFU_OK);
	CU_ASSERT(count(&p) == 3 && holds(&p, 0, "another", false));
	CU_ASSERT_EQUAL(store_credential_remove(p.store, "cards", "admin"), HUFU_OK);
	CU_ASSERT_EQUAL(store_credential_remove(p.store, "cards", "admin"), HUFU_ERR_NOT_FOUND);
	CU_ASSERT(count(&p) == 2 && holds(&p, 0, "index three", false));
	place_clear(&p);
}

static void test_refused(void)
{
	struct place p;
	struct store_credential c = credential("cards", "user", "wrong");

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_credential_refuse(p.store, &c), HUFU_ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "wrong"), HUFU_OK);
	CU_ASSERT_EQUAL(store_credential_refuse(p.store, &c), HUFU_OK);
	CU_ASSERT(holds(&p, 0, "wrong", true));
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "right"), HUFU_OK);
	CU_ASSERT(holds(&p, 0, "right", false));
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "wrong"), HUFU_OK); /* the same anew, at the same time */
	CU_ASSERT_EQUAL(store_credential_refuse(p.store, &c), HUFU_ERR_CONFLICT);
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "right"), HUFU_OK);
	c = credential("cards", "user", "wrong"); /* by a process that had read the former one */
	CU_ASSERT_EQUAL(store_credential_refuse(p.store, &c), HUFU_ERR_CONFLICT);
	CU_ASSERT(holds(&p, 0, "right", false));
	place_clear(&p);
}

static void test_bounds(void)
{
	struct place p;
	char name[STORE_CREDENTIAL_NAME_MAX + 1];
	struct store_credential c = credential("cards", "user", "");

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_credential_set(p.store, &c), HUFU_ERR_ARGUMENT);
	c.len = STORE_CREDENTIAL_MAX + 1;
	CU_ASSERT_EQUAL(store_credential_set(p.store, &c), HUFU_ERR_ARGUMENT);
	c.len = STORE_CREDENTIAL_MAX;
	CU_ASSERT_EQUAL(store_credential_set(p.store, &c), HUFU_OK);
	CU_ASSERT_EQUAL(set(&p, "", "user", "v"), HUFU_ERR_ARGUMENT);
	CU_ASSERT_EQUAL(set(&p, "cards", "", "v"), HUFU_ERR_ARGUMENT);
	memset(c.name, 'n', sizeof(c.name)); /* no end */
	CU_ASSERT_EQUAL(store_credential_set(p.store, &c), HUFU_ERR_ARGUMENT);
	for (unsigned i = 1; i < STORE_CREDENTIALS_MAX; i++) {
		snprintf(name, sizeof(name), "name %u", i);
		CU_ASSERT_EQUAL(set(&p, "cards", name, "v"), HUFU_OK);
	}
	CU_ASSERT_EQUAL(set(&p, "cards", "one more", "v"), HUFU_ERR_STORE_FULL);
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "in place of one"), HUFU_OK);
	CU_ASSERT_EQUAL(count(&p), STORE_CREDENTIALS_MAX);
	place_clear(&p);
}

static void test_tampered(void)
{
	ON_FILES_ONLY();
	static const char *const changes[] = {
		"UPDATE credential SET domain = CAST('soft' AS BLOB)", "UPDATE credential SET name = CAST('admin' AS BLOB)",
		"UPDATE credential SET changed = 1", "UPDATE credential SET refused = 1", "UPDATE credential SET refused = 2",
		"UPDATE credential SET sealed = zeroblob(length(sealed))", "UPDATE credential SET sealed = x''",
		"UPDATE credential SET host_mac = zeroblob(32)", "UPDATE credential SET token_mac = zeroblob(32)",
	};
	struct place p;
	struct store_report r;

	place_init(&p);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK); /* a renewed token has none */
		CU_ASSERT_EQUAL(count(&p), 0);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
		CU_ASSERT_EQUAL(set(&p, "cards", "user", "sesame"), HUFU_OK);
		CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
		CU_ASSERT(r.credentials == 1 && r.credentials_bad == 0);
		tamper(p.path, changes[i]);
		CU_ASSERT_EQUAL(count(&p), 0);
		CU_ASSERT_TRUE(log_has(&p, "fails its check and is refused"));
		CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(r.credentials_bad, 1);
		store_logout(p.store);
	}
	place_clear(&p);
}

static void test_migrated(void)
{
	ON_FILES_ONLY();
	struct place p;
	struct stat st;
	char copy[300];
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	tamper(p.path, "DROP TABLE credential; DROP TABLE journal; PRAGMA user_version = 2"); /* all that version 2 had */
	forget_head(&p);
	CU_ASSERT_EQUAL(store_open(&p.conf, &p.store), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
	snprintf(copy, sizeof(copy), "%s.v2", p.path);
	CU_ASSERT_EQUAL(stat(copy, &st), 0);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(count(&p), 0);
	CU_ASSERT_EQUAL(set(&p, "cards", "user", "sesame"), HUFU_OK);
	CU_ASSERT(holds(&p, 0, "sesame", false));
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"a credential is listed without a login, and its value comes with one", test_listed},
	{"one that was refused says so until it is set anew", test_refused},
	{"names, values and their number are bounded", test_bounds},
	{"a row that somebody else changed is none", test_tampered},
	{"a store of schema 2 is brought to this one", test_migrated},
	{0},
};

UNIT_MAIN("store-credentials", cases)
