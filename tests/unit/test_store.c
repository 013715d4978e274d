/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens and objects: what is stored comes back, to those who may have it, and is found. */
#include "store_util.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

/* -- tokens ----------------------------------------------------------------------------- */

static void test_missing_is_not_made(void)
{
	struct place p;
	struct store *s = NULL;

	place_empty(&p);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_MISSING);
	CU_ASSERT_NOT_EQUAL(access(p.path, F_OK), 0);
	CU_ASSERT_NOT_EQUAL(access(p.secret, F_OK), 0);
	place_clear(&p);
}

static void test_init_makes_token(void)
{
	ON_FILES_ONLY();
	struct place p;
	struct store_token t;
	struct stat st;
	char nested[256];

	place_empty(&p);
	snprintf(nested, sizeof(nested), "%s/sub/token.db", p.dir);
	p.conf.path = nested;
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(t.label, LABEL, STORE_LABEL_LEN), 0);
	CU_ASSERT_TRUE(t.roles[STORE_SO].pin_set);
	CU_ASSERT_EQUAL(t.roles[STORE_SO].tries_left, UINT32_MAX);
	CU_ASSERT_FALSE(t.roles[STORE_USER].pin_set);
	CU_ASSERT_EQUAL(t.roles[STORE_USER].tries_left, 5);
	CU_ASSERT_FALSE(t.read_only);
	CU_ASSERT_EQUAL(stat(nested, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(stat(p.secret, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(st.st_size, 32);
	*strrchr(nested, '/') = '\0';
	CU_ASSERT_EQUAL(stat(nested, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0700);
	place_clear(&p);
}

static void test_init_leaves_nothing_beside(void)
{
	ON_FILES_ONLY();
	struct place p;
	char name[256];
	static const char *const suffixes[] = {".init", ".init-wal", ".init-shm", ".init-journal", "-wal", "-shm"};

	place_empty(&p);
	/* A log of a token long gone must not be replayed into the new one. */
	snprintf(name, sizeof(name), "%s-wal", p.path);
	write_file(name, (const uint8_t *)"stale", 5);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", p.path, suffixes[i]);
		CU_ASSERT_NOT_EQUAL(access(name, F_OK), 0);
	}
	place_clear(&p);
}

static void test_init_checks_pin_length(void)
{
	struct place p;
	char pin[STORE_PIN_MAX + 2];

	place_empty(&p);
	memset(pin, 'x', sizeof(pin));
	pin[STORE_PIN_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(init(&p, "abc"), HUFU_ERR_PIN_LEN);
	CU_ASSERT_EQUAL(init(&p, ""), HUFU_ERR_PIN_LEN);
	CU_ASSERT_EQUAL(init(&p, "\xe8\x99\x8e\xe7\xac\xa6"), HUFU_ERR_PIN_LEN); /* two characters, six bytes */
	CU_ASSERT_EQUAL(init(&p, pin), HUFU_ERR_PIN_LEN);
	CU_ASSERT_NOT_EQUAL(access(p.path, F_OK), 0);
	pin[STORE_PIN_MAX] = '\0';
	CU_ASSERT_EQUAL(init(&p, pin), HUFU_OK);
	place_clear(&p);
}

static void test_renew(void)
{
	struct place p;
	struct store_token before, after;
	uint8_t uuid[16];
	uint8_t(*uuids)[16];
	size_t n;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_token(p.store, &before), HUFU_OK);
	CU_ASSERT_EQUAL(init(&p, "not the PIN"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);

	/* The connection that was open sees the new token, and that its login is over. */
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(store_token(p.store, &after), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(before.id, after.id, 16), 0);
	CU_ASSERT_FALSE(after.roles[STORE_USER].pin_set);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_ERR_LOCKED);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_UNSET);
	CU_ASSERT_EQUAL(store_find(p.store, NULL, 0, true, &uuids, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 0);
	free(uuids);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM lookup"), 0);
	place_clear(&p);
}

static void test_host_secret_refused(void)
{
	struct place p;
	struct store *s = NULL;
	uint8_t bytes[33] = {1};

	place_init(&p);
	store_close(p.store);
	p.store = NULL;
	chmod(p.secret, 0640);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(log_has(&p, "chmod 600"));
	chmod(p.secret, 0600);
	size_t len = read_file(p.secret, bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(len, 32);
	write_file(p.secret, bytes, 31);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(log_has(&p, "not 32 bytes"));
	bytes[0] ^= 1;
	write_file(p.secret, bytes, 32);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_TRUE(log_has(&p, "the host secret"));
	unlink(p.secret);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_CONFIG);
	CU_ASSERT_TRUE(log_has(&p, "it is missing"));
	CU_ASSERT_NOT_EQUAL(access(p.secret, F_OK), 0);
	p.conf.host_secret = NULL;
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	place_clear(&p);
}

static void test_without_host_secret(void)
{
	struct place p;
	uint8_t uuid[16];

	place_empty(&p);
	p.conf.host_secret = NULL;
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(access(p.secret, F_OK), 0);
	place_clear(&p);
}

static void test_secret_shared_by_tokens(void)
{
	struct place p;
	struct store_conf second;
	struct store *s = NULL;
	char path[256];

	place_init(&p);
	snprintf(path, sizeof(path), "%s/second.db", p.dir);
	second = p.conf;
	second.path = path;
	CU_ASSERT_EQUAL(store_init(&second, (const uint8_t *)SO_PIN, strlen(SO_PIN), LABEL), HUFU_OK);
	CU_ASSERT_EQUAL(store_open(&second, &s), HUFU_OK);
	place_reopen(&p);
	store_close(s);
	place_clear(&p);
}

/* -- objects ----------------------------------------------------------------------------- */

static void test_objects_come_back(void)
{
	struct place p;
	uint8_t uuid[4][16];

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 0, false, uuid[0]), HUFU_OK);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid[1]), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, uuid[2]), HUFU_OK);
	for (unsigned round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(sample_check(p.store, 0, 0, false, uuid[0]), HUFU_OK);
		CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, uuid[1]), HUFU_OK);
		CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, true, uuid[2]), HUFU_OK);
		place_reopen(&p);
		place_login(&p);
	}
	memset(uuid[3], 7, 16);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, true, uuid[3]), HUFU_ERR_NOT_FOUND);
	place_clear(&p);
}

static bool by_login(struct store *s, const uint8_t uuid[16])
{
	struct store_row *row;

	if (store_get(s, uuid, &row))
		return false;
	bool yes = row->by_login;
	store_row_free(row);
	return yes;
}

static enum hufu_err update(struct store *s, unsigned number, unsigned round, bool private_object, const uint8_t uuid[16],
                            uint64_t version, bool copies)
{
	struct sample m;

	sample_init(&m, number, round, private_object);
	if (!copies)
		m.draft.ncopies = 0;
	return store_update(s, uuid, version, &m.draft);
}

static void test_by_login(void)
{
	struct place p;
	uint8_t a[16], b[16], c[16];

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, a), HUFU_OK);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, false, b), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 3, true, c), HUFU_OK);
	CU_ASSERT_FALSE(by_login(p.store, a));
	CU_ASSERT_TRUE(by_login(p.store, b));
	CU_ASSERT_TRUE(by_login(p.store, c));
	store_logout(p.store);
	CU_ASSERT_TRUE(by_login(p.store, b));
	/* Whoever changes it without a login takes the mark away; a change under one gives it. */
	CU_ASSERT_EQUAL(update(p.store, 2, 1, false, b, 1, false), HUFU_OK);
	CU_ASSERT_FALSE(by_login(p.store, b));
	place_login(&p);
	CU_ASSERT_EQUAL(update(p.store, 1, 1, false, a, 1, false), HUFU_OK);
	CU_ASSERT_TRUE(by_login(p.store, a));
	place_clear(&p);
}

static void test_private_needs_login(void)
{
	ON_FILES_ONLY();
	struct place p;
	uint8_t uuid[16];
	struct store_row *row;
	uint64_t version;

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	store_logout(p.store);
	CU_ASSERT_EQUAL(store_get(p.store, uuid, &row), HUFU_ERR_LOCKED);
	CU_ASSERT_PTR_NULL(row);
	CU_ASSERT_EQUAL(update(p.store, 1, 1, true, uuid, 1, false), HUFU_ERR_LOCKED);
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 0), HUFU_ERR_LOCKED);
	CU_ASSERT_EQUAL(store_version(p.store, uuid, &version), HUFU_OK);
	CU_ASSERT_EQUAL(version, 1);
	/* Nothing of a private object stands in the file in the clear. */
	static uint8_t bytes[1u << 20];
	struct sample m;
	sample_init(&m, 1, 0, true);
	place_reopen(&p);
	size_t len = read_file(p.path, bytes, sizeof(bytes));
	CU_ASSERT_PTR_NULL(memmem(bytes, len, m.label, strlen(m.label)));
	CU_ASSERT_PTR_NULL(memmem(bytes, len, m.id, sizeof(m.id)));
	CU_ASSERT_PTR_NULL(memmem(bytes, len, m.key, sizeof(m.key)));
	place_clear(&p);
}

static void test_copies_are_sealed(void)
{
	ON_FILES_ONLY();
	struct place p;
	uint8_t uuid[16];
	static uint8_t bytes[1u << 20];
	struct sample m;

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	place_reopen(&p);
	sample_init(&m, 1, 0, false);
	size_t len = read_file(p.path, bytes, sizeof(bytes));
	CU_ASSERT_PTR_NOT_NULL(memmem(bytes, len, m.label, strlen(m.label)));
	CU_ASSERT_PTR_NULL(memmem(bytes, len, m.key, sizeof(m.key)));
	CU_ASSERT_PTR_NULL(memmem(bytes, len, m.blob, sizeof(m.blob)));
	place_clear(&p);
}

static void test_update(void)
{
	struct place p;
	uint8_t uuid[16];
	struct store_row *row;
	struct sample m;
	uint64_t version;

	place_init(&p);
	place_login(&p);
	for (int private_object = 0; private_object < 2; private_object++) {
		unsigned number = 10u + (unsigned)private_object;
		CU_ASSERT_EQUAL(sample_insert(p.store, number, private_object, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(update(p.store, number, 1, private_object, uuid, 1, false), HUFU_OK);
		/* Copies that the draft does not have stay as they were. */
		CU_ASSERT_EQUAL(sample_check(p.store, number, 1, private_object, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(update(p.store, number, 2, private_object, uuid, 2, true), HUFU_OK);
		CU_ASSERT_EQUAL(sample_check(p.store, number, 2, private_object, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(update(p.store, number, 3, private_object, uuid, 2, true), HUFU_ERR_CONFLICT);
		CU_ASSERT_EQUAL(update(p.store, number, 3, private_object, uuid, 4, true), HUFU_ERR_CONFLICT);
		CU_ASSERT_EQUAL(update(p.store, number, 3, !private_object, uuid, 3, true), HUFU_ERR_ARGUMENT);
		CU_ASSERT_EQUAL(sample_check(p.store, number, 2, private_object, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(store_version(p.store, uuid, &version), HUFU_OK);
		CU_ASSERT_EQUAL(version, 3);
	}
	/* One copy instead of two. */
	sample_init(&m, 11, 4, true);
	m.draft.ncopies = 1;
	CU_ASSERT_EQUAL(store_update(p.store, uuid, 3, &m.draft), HUFU_OK);
	CU_ASSERT_EQUAL(store_get(p.store, uuid, &row), HUFU_OK);
	CU_ASSERT_TRUE(sample_is(&m, row, true));
	store_row_free(row);
	m.draft.policy ^= 1;
	CU_ASSERT_EQUAL(store_update(p.store, uuid, 4, &m.draft), HUFU_ERR_ARGUMENT);
	uuid[0] ^= 1;
	CU_ASSERT_EQUAL(update(p.store, 11, 1, true, uuid, 1, false), HUFU_ERR_NOT_FOUND);
	place_clear(&p);
}

static void test_delete(void)
{
	struct place p;
	uint8_t a[16], b[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, a), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, false, b), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, a, 0), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, a, 0), HUFU_ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, a), HUFU_ERR_NOT_FOUND);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, false, b), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM lookup"), 3);
	/* A public object needs no login; the caller decides who may. */
	store_logout(p.store);
	CU_ASSERT_EQUAL(store_delete(p.store, b, 0), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM lookup"), 0);
	place_clear(&p);
}

static void test_deleted_content_is_overwritten(void)
{
	ON_FILES_ONLY();
	struct place p;
	uint8_t uuid[16];
	struct sample m;
	static uint8_t bytes[1u << 20];

	place_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	place_reopen(&p);
	sample_init(&m, 1, 0, false);
	CU_ASSERT_PTR_NOT_NULL(memmem(bytes, read_file(p.path, bytes, sizeof(bytes)), m.value, sizeof(m.value)));
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 0), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_PTR_NULL(memmem(bytes, read_file(p.path, bytes, sizeof(bytes)), m.value, 64));
	place_clear(&p);
}

static void test_op_id_makes_one_row(void)
{
	struct place p;
	uint8_t a[16], b[16], c[16];
	struct sample m;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, a), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, b), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(a, b, 16), 0);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, b), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(a, b, 16), 0);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 1);
	/* Without one, each insert is an object. */
	sample_init(&m, 2, 0, true);
	memset(m.draft.op_id, 0, 16);
	CU_ASSERT_EQUAL(store_insert(p.store, &m.draft, b), HUFU_OK);
	CU_ASSERT_EQUAL(store_insert(p.store, &m.draft, c), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(b, c, 16), 0);
	place_clear(&p);
}

/* Who asks for it so late was held up on the way: the op is over, by another way, and so is what it made. */
static void test_removed_is_not_made_again(void)
{
	struct place p;
	uint8_t a[16], b[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, a), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, a, 1), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, b), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(a, b, 16), 0);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 0);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, b), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 1);
	place_clear(&p);
}

static enum hufu_err insert_draft(struct store *s, const struct store_draft *d)
{
	uint8_t uuid[16];

	return store_insert(s, d, uuid);
}

static void test_bounds(void)
{
	struct place p;
	struct sample m;
	static struct store_attr attrs[STORE_ATTRS_MAX + 1];
	static struct store_copy copies[STORE_COPIES_MAX + 1];
	static uint8_t big[STORE_VALUE_MAX + 1];
	char domain[66];

	place_init(&p);
	memset(domain, 'd', 65);
	domain[65] = '\0';
	sample_init(&m, 1, 0, false);
	m.attrs[3] = (struct store_attr){ATTR_VALUE, big, STORE_VALUE_MAX + 1, false};
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_DATA_LEN);
	m.attrs[3].len = (size_t)-1;
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_DATA_LEN);
	m.attrs[3] = (struct store_attr){ATTR_VALUE, NULL, 1, false};
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_ARGUMENT);
	m.attrs[3] = (struct store_attr){ATTR_VALUE, NULL, 0, true};
	m.copies[0].domain = domain;
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_ARGUMENT);
	m.copies[0].domain = "";
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_ARGUMENT);
	m.copies[0].domain = domain + 1;
	m.copies[0].len = STORE_VALUE_MAX + 1;
	m.copies[0].data = big;
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_ERR_DATA_LEN);
	m.copies[0].len = 0;
	CU_ASSERT_EQUAL(insert_draft(p.store, &m.draft), HUFU_OK);

	for (size_t i = 0; i < STORE_ATTRS_MAX + 1; i++)
		attrs[i] = (struct store_attr){i, big, i, true};
	for (size_t i = 0; i < STORE_COPIES_MAX + 1; i++)
		copies[i] = (struct store_copy){1, "soft", big, i};
	struct store_draft d = {.attrs = attrs, .nattrs = STORE_ATTRS_MAX + 1};
	CU_ASSERT_EQUAL(insert_draft(p.store, &d), HUFU_ERR_DATA_LEN);
	d.nattrs = STORE_ATTRS_MAX;
	d.copies = copies;
	d.ncopies = STORE_COPIES_MAX + 1;
	CU_ASSERT_EQUAL(insert_draft(p.store, &d), HUFU_ERR_DATA_LEN);
	d.ncopies = STORE_COPIES_MAX;
	CU_ASSERT_EQUAL(insert_draft(p.store, &d), HUFU_OK);
	for (size_t i = 0; i < 5; i++)
		attrs[i].len = STORE_VALUE_MAX;
	CU_ASSERT_EQUAL(insert_draft(p.store, &d), HUFU_ERR_DATA_LEN); /* each allowed, not all together */
	place_clear(&p);
}

static void test_largest_and_smallest(void)
{
	struct place p;
	static uint8_t big[STORE_VALUE_MAX];
	uint8_t uuid[16];
	struct store_row *row;
	struct store_attr a = {ATTR_VALUE, big, sizeof(big), true};
	struct store_copy c = {HUFU_COPY_BLOB, "soft", big, sizeof(big)};

	place_init(&p);
	place_login(&p);
	memset(big, 0xa5, sizeof(big));
	for (int private_object = 0; private_object < 2; private_object++) {
		struct store_draft d = {.private_object = private_object, .attrs = &a, .nattrs = 1, .copies = &c, .ncopies = 1};
		CU_ASSERT_EQUAL(store_insert(p.store, &d, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(store_get(p.store, uuid, &row), HUFU_OK);
		CU_ASSERT_EQUAL(row->attrs[0].len, sizeof(big));
		CU_ASSERT_EQUAL(memcmp(row->attrs[0].value, big, sizeof(big)), 0);
		CU_ASSERT_EQUAL(memcmp(row->copies[0].data, big, sizeof(big)), 0);
		store_row_free(row);
		d = (struct store_draft){.private_object = private_object};
		CU_ASSERT_EQUAL(store_insert(p.store, &d, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(store_get(p.store, uuid, &row), HUFU_OK);
		CU_ASSERT_EQUAL(row->nattrs, 0);
		CU_ASSERT_EQUAL(row->ncopies, 0);
		store_row_free(row);
	}
	place_clear(&p);
}

/* -- finding -------------------------------------------------------------------------------- */

static size_t found(struct store *s, const struct store_attr *attrs, size_t n, bool with_private, uint8_t first[16])
{
	uint8_t(*uuids)[16];
	size_t count;

	if (store_find(s, attrs, n, with_private, &uuids, &count))
		return 9999;
	if (count && first)
		memcpy(first, uuids[0], 16);
	free(uuids);
	return count;
}

static void test_find(void)
{
	struct place p;
	struct sample m;
	uint8_t uuid[6][16], first[16];

	place_init(&p);
	place_login(&p);
	for (unsigned i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(sample_insert(p.store, i, i % 2, uuid[i]), HUFU_OK);
	sample_init(&m, 3, 0, true);
	CU_ASSERT_EQUAL(found(p.store, m.attrs, 1, true, first), 1);
	CU_ASSERT_EQUAL(memcmp(first, uuid[3], 16), 0);
	CU_ASSERT_EQUAL(found(p.store, m.attrs, 3, true, NULL), 1);
	CU_ASSERT_EQUAL(found(p.store, m.attrs, 3, false, NULL), 0);
	CU_ASSERT_EQUAL(found(p.store, &m.attrs[2], 1, true, first), 6);
	CU_ASSERT_EQUAL(memcmp(first, uuid[0], 16), 0);
	CU_ASSERT_EQUAL(found(p.store, &m.attrs[2], 1, false, first), 3);
	CU_ASSERT_EQUAL(found(p.store, NULL, 0, true, NULL), 6);
	CU_ASSERT_EQUAL(found(p.store, NULL, 0, false, NULL), 3);
	/* Not indexed: not found. Another's label with this one's id: none has both. */
	CU_ASSERT_EQUAL(found(p.store, &m.attrs[3], 1, true, NULL), 0);
	struct sample other;
	sample_init(&other, 2, 0, false);
	struct store_attr both[2] = {m.attrs[1], other.attrs[0]};
	CU_ASSERT_EQUAL(found(p.store, both, 2, true, NULL), 0);
	/* The same bytes under another type are another thing. */
	struct store_attr moved = m.attrs[0];
	moved.type = ATTR_ID;
	CU_ASSERT_EQUAL(found(p.store, &moved, 1, true, NULL), 0);

	store_logout(p.store);
	CU_ASSERT_EQUAL(found(p.store, m.attrs, 1, true, NULL), 0);
	CU_ASSERT_EQUAL(found(p.store, NULL, 0, true, NULL), 3);
	CU_ASSERT_EQUAL(found(p.store, other.attrs, 1, true, NULL), 1);
	place_clear(&p);
}

static void test_find_follows_update(void)
{
	struct place p;
	struct sample before, after;
	uint8_t uuid[16], first[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(update(p.store, 1, 1, true, uuid, 1, false), HUFU_OK);
	sample_init(&before, 1, 0, true);
	sample_init(&after, 1, 1, true);
	CU_ASSERT_EQUAL(found(p.store, before.attrs, 1, true, NULL), 0);
	CU_ASSERT_EQUAL(found(p.store, after.attrs, 3, true, first), 1);
	CU_ASSERT_EQUAL(memcmp(first, uuid, 16), 0);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM lookup"), 3);
	place_clear(&p);
}

static uint64_t steps;

static int count_step(void *arg)
{
	(void)arg;
	steps++;
	return 0;
}

static uint64_t steps_to_find(struct store *s, const struct store_attr *attrs, size_t n)
{
	steps = 0;
	sqlite3_progress_handler(file_of(s)->db, 1, count_step, NULL);
	CU_ASSERT_EQUAL(found(s, attrs, n, true, NULL), 1);
	sqlite3_progress_handler(file_of(s)->db, 0, NULL, NULL);
	return steps;
}

/* Rows as the enemy would make them, all of one class: their MACs are never asked for here. */
static void crowd(const struct place *p, const struct store_attr *class_attr, unsigned from, unsigned to)
{
	uint8_t hash[LOOKUP_LEN];
	char hex[2 * UUID_LEN + 1], sql[1024];

	ring_lookup(&sealed_of(p->store)->keys->token, class_attr->type, class_attr->value, class_attr->len, hash);
	snprintf(sql, sizeof(sql),
	         "WITH RECURSIVE n(i) AS (VALUES(%u) UNION ALL SELECT i + 1 FROM n WHERE i < %u) "
	         "INSERT INTO object(uuid, private, version, material, host_mac, token_mac, lookup, copies, body) "
	         "SELECT randomblob(16), 1, 1, 1, x'', randomblob(32), x'', x'', zeroblob(300) FROM n;"
	         "INSERT INTO lookup SELECT x'%s', seq FROM object WHERE seq >= %u;"
	         "INSERT INTO lookup SELECT randomblob(16), seq FROM object WHERE seq >= %u",
	         from, to, uuid_text(hash, hex), from, from);
	tamper(p->path, sql);
}

static void test_find_is_flat(void)
{
	ON_FILES_ONLY();
	struct place p;
	struct sample m;
	uint8_t uuid[16];
	static const unsigned counts[] = {10, 1000, 20000};
	uint64_t took[3][2];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	sample_init(&m, 1, 0, true);
	for (unsigned i = 0, have = 1; i < 3; have = counts[i++]) {
		crowd(&p, &m.attrs[2], have + 1, counts[i]);
		CU_ASSERT_EQUAL(found(p.store, NULL, 0, true, NULL), counts[i]);
		found(p.store, m.attrs, 3, true, NULL); /* prepares the statements */
		took[i][0] = steps_to_find(p.store, m.attrs, 1);
		took[i][1] = steps_to_find(p.store, m.attrs, 3);
	}
	for (int k = 0; k < 2; k++) {
		/* A few more or less: whether a seek ends before another entry or at the index's end. */
		CU_ASSERT_TRUE(took[0][k] > 0 && took[0][k] < 300);
		CU_ASSERT_TRUE(took[1][k] < took[0][k] + 16);
		CU_ASSERT_TRUE(took[2][k] < took[0][k] + 16);
	}
	place_clear(&p);
}

/* -- several of them ---------------------------------------------------------------------------- */

static void test_change_counter(void)
{
	struct place p;
	struct store *other;
	uint8_t uuid[16];
	uint64_t a, b;

	place_init(&p);
	CU_ASSERT_EQUAL(store_open(&p.conf, &other), HUFU_OK);
	CU_ASSERT_EQUAL(store_change_counter(p.store, &a), HUFU_OK);
	CU_ASSERT_EQUAL(store_change_counter(p.store, &b), HUFU_OK);
	CU_ASSERT_EQUAL(a, b);
	CU_ASSERT_EQUAL(sample_insert(other, 1, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_change_counter(p.store, &b), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(a, b);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_change_counter(p.store, &a), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(a, b);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_change_counter(p.store, &b), HUFU_OK);
	CU_ASSERT_EQUAL(a, b);
	store_close(other);
	place_clear(&p);
}

static void test_replaced_file_is_noticed(void)
{
	ON_FILES_ONLY();
	struct place p;
	uint8_t uuid[16];
	char saved[256];

	place_init(&p);
	snprintf(saved, sizeof(saved), "%s/saved.db", p.dir);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_backup(p.store, saved), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 0), HUFU_OK);
	/* Restored by an administrator, under a process that has it open. */
	file_remove_db(p.path);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, uuid), HUFU_ERR_STORE_MISSING);
	CU_ASSERT_EQUAL(rename(saved, p.path), 0);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, uuid), HUFU_OK);
	place_clear(&p);
}

static void test_backup_and_verify(void)
{
	struct place p;
	struct store_report r;
	struct store_conf conf;
	struct store *copy;
	uint8_t a[16], b[16];
	char saved[256];
	struct stat st;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, a), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, b), HUFU_OK);
	CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_TRUE(r.rows == 2 && r.rows_private == 1 && r.copies == 4 && !r.rows_bad && !r.copies_bad && !r.rows_unchecked);
	snprintf(saved, sizeof(saved), "%s/saved.db", p.dir);
	CU_ASSERT_EQUAL(store_backup(p.store, saved), HUFU_OK);
	CU_ASSERT_EQUAL(store_backup(p.store, saved), HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL(stat(saved, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	conf = p.conf;
	conf.engine = CONF_STORE_SQLITE;
	conf.path = saved;
	CU_ASSERT_EQUAL(store_open(&conf, &copy), HUFU_OK);
	CU_ASSERT_EQUAL(store_verify(copy, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_EQUAL(r.rows_unchecked, 1);
	CU_ASSERT_EQUAL(login(copy, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(copy, 1, 0, false, a), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(copy, 2, 0, true, b), HUFU_OK);
	store_close(copy);
	snprintf(saved, sizeof(saved), "%s/nowhere/saved.db", p.dir);
	CU_ASSERT_NOT_EQUAL(store_backup(p.store, saved), HUFU_OK);
	CU_ASSERT_EQUAL(store_backup(p.store, "relative.db"), HUFU_ERR_ARGUMENT);
	place_clear(&p);
}

struct forked {
	struct store *store;
	const uint8_t *uuid;
};

static int child_uses_store(void *arg)
{
	struct forked *f = arg;
	uint8_t uuid[16];

	store_after_fork_child(f->store);
	/* The login came along; acknowledged rows are there; new ones can be made. */
	if (sample_check(f->store, 1, 0, true, f->uuid) || sample_insert(f->store, 2, true, uuid))
		return 1;
	store_close(f->store);
	return 0;
}

static void test_fork(void)
{
	UNIT_FORKS();
	struct place p;
	uint8_t uuid[16], other[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	struct forked f = {p.store, uuid};
	store_before_fork(p.store);
#ifndef STORE_OVER_POSTGRES
	CU_ASSERT_PTR_NULL(file_of(p.store)->db);
#endif
	int status = in_child(child_uses_store, &f);
	store_after_fork_parent(p.store);
	CU_ASSERT_EQUAL(status, 0);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, other), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 2, 0, true, other), HUFU_OK);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), 2);
	place_clear(&p);
}

static void test_no_secret_is_left(void)
{
	struct place p;
	uint8_t uuid[16];
	size_t before = secret_in_use();

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(update(p.store, 1, 1, true, uuid, 1, true), HUFU_OK);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	place_clear(&p);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static const struct unit_case cases[] = {
	{"a missing store is reported and nothing is made", test_missing_is_not_made},
	{"init makes a token, its directory and host secret for this user alone", test_init_makes_token},
	{"init leaves nothing beside the file, and removes a stale log", test_init_leaves_nothing_beside},
	{"init refuses PINs outside the bounds, counted in characters", test_init_checks_pin_length},
	{"renewing empties the token, gives it a new id and ends logins of other processes", test_renew},
	{"a host secret that is open to others, short, wrong or missing is refused with a reason", test_host_secret_refused},
	{"a token works without a host secret where that is configured", test_without_host_secret},
	{"two tokens may share a host secret", test_secret_shared_by_tokens},
	{"what was stored comes back whole, also after reopening", test_objects_come_back},
	{"rows made or changed without a login are marked so", test_by_login},
	{"private objects need a login, and stand nowhere in the clear", test_private_needs_login},
	{"copies of public objects are sealed too", test_copies_are_sealed},
	{"update replaces by version, keeps or replaces copies, and changes nothing that is immutable", test_update},
	{"delete removes row and index entries", test_delete},
	{"deleted content is overwritten in the file", test_deleted_content_is_overwritten},
	{"one op id makes one row", test_op_id_makes_one_row},
	{"what was made and removed is not made again by the same op id", test_removed_is_not_made_again},
	{"drafts beyond the bounds are refused", test_bounds},
	{"the largest value and the emptiest object come back", test_largest_and_smallest},
	{"find gives exactly the objects with all attributes, oldest first, private ones with a login", test_find},
	{"find follows an update", test_find_follows_update},
	{"find takes no more steps among 1000 and 20000 objects than among 10", test_find_is_flat},
	{"the change counter moves with changes of this and other connections, and only then", test_change_counter},
	{"a file put in the place of an open one is noticed", test_replaced_file_is_noticed},
	{"a backup of a live store is whole and verifies", test_backup_and_verify},
	{"both sides of a fork go on with the login and all objects", test_fork},
	{"no secret memory is left behind", test_no_secret_is_left},
	{0},
};

UNIT_MAIN("store", cases)
