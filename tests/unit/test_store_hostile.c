/* SPDX-License-Identifier: Apache-2.0 */
/* The file is an enemy's: whatever is changed in it is refused and reported, and none of it runs. */
#include "store_util.h"
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

/* Rows 1 and 2 are public (the second made under a login), 3 and 4 private. */
struct four {
	struct place p;
	uint8_t uuid[4][16];
};

static void four_init(struct four *f)
{
	place_init(&f->p);
	CU_ASSERT_EQUAL(sample_insert(f->p.store, 0, false, f->uuid[0]), HUFU_OK);
	place_login(&f->p);
	for (unsigned i = 1; i < 4; i++)
		CU_ASSERT_EQUAL(sample_insert(f->p.store, i, i > 1, f->uuid[i]), HUFU_OK);
}

static enum hufu_err get(struct four *f, unsigned i)
{
	return sample_check(f->p.store, i, 0, i > 1, f->uuid[i]);
}

static unsigned reports;

static void count_report(void *arg, const char *message)
{
	(void)arg, (void)message;
	reports++;
}

static enum hufu_err verify(struct store *s, struct store_report *r)
{
	reports = 0;
	return store_verify(s, count_report, NULL, r);
}

/* Rows 1 and 2 change places, and 3 and 4. */
#define SWAP(column) \
	"UPDATE object SET " column " = (SELECT t." column " FROM t WHERE t.seq = object.seq - 1 + 2 * (object.seq % 2))"
#define FLIP(column, at)                                                                                       \
	"UPDATE object SET " column " = cast(substr(" column ", 1, " #at ") || CASE substr(" column ", " #at " + 1, 1)" \
	" WHEN x'ff' THEN x'00' ELSE x'ff' END || substr(" column ", " #at " + 2) AS BLOB)"

static const struct {
	const char *what, *sql;
} edits[] = {
	{"swapped bodies", SWAP("body")},
	{"swapped copies", SWAP("copies")},
	{"swapped index entries", SWAP("lookup")},
	{"swapped token MACs", SWAP("token_mac")},
	{"a later version", "UPDATE object SET version = version + 1"},
	{"a later version of the copies", "UPDATE object SET material = material + 1"},
	{"version 0", "UPDATE object SET version = 0"},
	{"a version below 0", "UPDATE object SET version = -1"},
	{"another class", FLIP("body", 1)},
	{"another key type", FLIP("body", 9)},
	{"another policy", FLIP("body", 17)},
	{"an edited attribute", FLIP("body", 60)},
	{"an edited copy", FLIP("copies", 60)},
	{"public made private and the reverse", "UPDATE object SET private = 1 - private"},
	{"neither public nor private", "UPDATE object SET private = 2"},
	{"a truncated body", "UPDATE object SET body = substr(body, 1, length(body) - 1)"},
	{"no body", "UPDATE object SET body = x''"},
	{"a longer body", "UPDATE object SET body = cast(body || x'00' AS BLOB)"},
	{"truncated copies", "UPDATE object SET copies = substr(copies, 1, length(copies) - 1)"},
	{"no copies", "UPDATE object SET copies = x''"},
	{"fewer index entries", "UPDATE object SET lookup = substr(lookup, 17)"},
	{"index entries of odd length", "UPDATE object SET lookup = substr(lookup, 2)"},
	{"no MACs", "UPDATE object SET host_mac = x'', token_mac = x''"},
	{"truncated MACs", "UPDATE object SET host_mac = ifnull(substr(host_mac, 2), x''), token_mac = ifnull(substr(token_mac, 2), x'')"},
	{"MACs in each other's place", "UPDATE object SET host_mac = token_mac, token_mac = host_mac"},
	{"another id", "UPDATE object SET uuid = randomblob(16)"},
};

static void test_edits_refused(void)
{
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct four f;
		struct store_report r;
		char sql[1024];
		unsigned good = 0;

		four_init(&f);
		snprintf(sql, sizeof(sql), "CREATE TEMP TABLE t AS SELECT * FROM main.object; %s", edits[i].sql);
		tamper(f.p.path, sql);
		for (unsigned k = 0; k < 4; k++) {
			enum hufu_err err = get(&f, k);
			good += err == HUFU_OK;
			CU_ASSERT_TRUE(err == HUFU_ERR_STORE_CORRUPT || err == HUFU_ERR_NOT_FOUND || err == HUFU_OK);
		}
		CU_ASSERT_EQUAL(verify(f.p.store, &r), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(r.rows_bad, 4 - good);
		CU_ASSERT_TRUE(reports > 0);
		if (good)
			printf("# %s: %u rows still read\n", edits[i].what, good);
		CU_ASSERT_EQUAL(good, 0);
		/* Without a login the public ones are refused all the same. */
		store_logout(f.p.store);
		CU_ASSERT_NOT_EQUAL(get(&f, 0), HUFU_OK);
		CU_ASSERT_NOT_EQUAL(get(&f, 1), HUFU_OK);
		place_clear(&f.p);
	}
}

static void test_refused_row_is_reported_and_can_go(void)
{
	struct four f;
	struct store_report r;

	four_init(&f);
	tamper(f.p.path, "UPDATE object SET version = 9 WHERE seq = 3");
	CU_ASSERT_EQUAL(get(&f, 2), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_TRUE(log_has(&f.p, "fails its check"));
	char text[2 * UUID_LEN + 1];
	CU_ASSERT_TRUE(log_has(&f.p, uuid_text(f.uuid[2], text)));
	CU_ASSERT_EQUAL(get(&f, 0) | get(&f, 1) | get(&f, 3), HUFU_OK);
	CU_ASSERT_EQUAL(verify(f.p.store, &r), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_TRUE(r.rows == 4 && r.rows_bad == 1 && r.rows_private == 2);
	CU_ASSERT_EQUAL(store_delete(f.p.store, f.uuid[2], 0), HUFU_OK);
	CU_ASSERT_EQUAL(verify(f.p.store, &r), HUFU_OK);
	place_clear(&f.p);
}

/* An enemy who has the host secret (another program of this user) but no PIN. */
static void remac(struct four *f, unsigned row, const uint8_t *token_mac)
{
	struct row_image image;
	bool found;
	uint8_t mac[MAC_LEN], blank[1] = {0};
	char hex[2][2 * MAC_LEN + 1] = {"", ""}, sql[512];

	CU_ASSERT_EQUAL(sealed_enter(sealed_of(f->p.store), TX_READ), HUFU_OK);
	struct cell cells[ASK_CELLS_MAX], arg = cell_bytes(f->uuid[row], UUID_LEN);
	CU_ASSERT_EQUAL(db_row(sealed_of(f->p.store), ASK_OBJECT_READ, &arg, cells, &found), HUFU_OK);
	CU_ASSERT_TRUE(found && object_columns(cells, &image));
	image.token_mac = (struct view){token_mac ? token_mac : blank, token_mac ? MAC_LEN : 0};
	row_host_mac(&sealed_of(f->p.store)->keys->host, sealed_of(f->p.store)->token_id, &image, mac);
	CU_ASSERT_EQUAL(sealed_leave(sealed_of(f->p.store), TX_READ, HUFU_OK), HUFU_OK);
	for (size_t i = 0; i < MAC_LEN; i++) {
		snprintf(hex[0] + 2 * i, 3, "%02x", mac[i]);
		if (token_mac)
			snprintf(hex[1] + 2 * i, 3, "%02x", token_mac[i]);
	}
	snprintf(sql, sizeof(sql), "UPDATE object SET host_mac = x'%s', token_mac = x'%s' WHERE seq = %u", hex[0], hex[1], row + 1);
	tamper(f->p.path, sql);
}

static bool is_by_login(struct four *f, unsigned i)
{
	struct store_row *row;

	CU_ASSERT_EQUAL_FATAL(store_get(f->p.store, f->uuid[i], &row), HUFU_OK);
	bool yes = row->by_login;
	store_row_free(row);
	return yes;
}

static void test_host_secret_makes_no_login(void)
{
	struct four f;
	uint8_t junk[MAC_LEN] = {1};

	four_init(&f);
	CU_ASSERT_TRUE(is_by_login(&f, 1));
	remac(&f, 1, NULL);
	CU_ASSERT_FALSE(is_by_login(&f, 1));
	/* A made-up MAC of the token ring is caught as soon as that ring is at hand. */
	remac(&f, 0, junk);
	CU_ASSERT_EQUAL(get(&f, 0), HUFU_ERR_STORE_CORRUPT);
	place_clear(&f.p);
}

static void test_stripped_token_mac(void)
{
	struct four f;

	four_init(&f);
	tamper(f.p.path, "UPDATE object SET token_mac = x'' WHERE seq = 2");
	CU_ASSERT_EQUAL(get(&f, 1), HUFU_ERR_STORE_CORRUPT);
	store_logout(f.p.store);
	CU_ASSERT_EQUAL(get(&f, 1), HUFU_ERR_STORE_CORRUPT);
	place_clear(&f.p);
}

static void test_rows_of_another_token(void)
{
	struct four f, g;
	char sql[512];

	four_init(&f);
	four_init(&g);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS g; DELETE FROM main.object; INSERT INTO main.object SELECT * FROM g.object",
	         g.p.path);
	tamper(f.p.path, sql);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(sample_check(f.p.store, i, 0, i > 1, g.uuid[i]), HUFU_ERR_STORE_CORRUPT);
	place_clear(&g.p);
	place_clear(&f.p);
}

/* The same host secret, the same objects: yet another token. */
static void test_rows_of_another_token_of_this_host(void)
{
	struct place p;
	struct store_conf second;
	struct store *s;
	char path[256], sql[512];
	uint8_t uuid[16];

	place_init(&p);
	snprintf(path, sizeof(path), "%s/second.db", p.dir);
	second = p.conf;
	second.path = path;
	CU_ASSERT_EQUAL(store_init(&second, (const uint8_t *)SO_PIN, strlen(SO_PIN), LABEL), HUFU_OK);
	CU_ASSERT_EQUAL(store_open(&second, &s), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 1, false, uuid), HUFU_OK);
	store_close(s);
	snprintf(sql, sizeof(sql), "ATTACH '%s' AS g; INSERT INTO main.object SELECT * FROM g.object", path);
	tamper(p.path, sql);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, uuid), HUFU_ERR_STORE_CORRUPT);
	place_clear(&p);
}

static void test_forged_index(void)
{
	struct four f;
	struct sample m;
	struct store_report r;
	uint8_t(*uuids)[16];
	size_t n;

	four_init(&f);
	/* Entries that point at a row they are not of, at none, and one taken away. */
	tamper(f.p.path, "UPDATE OR REPLACE lookup SET object = 4 WHERE object = 3; INSERT INTO lookup VALUES(randomblob(16), 99);"
	                 "INSERT INTO lookup VALUES(x'00', 1)");
	sample_init(&m, 2, 0, true);
	CU_ASSERT_EQUAL(store_find(f.p.store, m.attrs, 1, true, &uuids, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 1); /* proposed; whoever reads it sees what it is */
	CU_ASSERT_EQUAL(memcmp(uuids[0], f.uuid[3], 16), 0);
	free(uuids);
	CU_ASSERT_EQUAL(get(&f, 3), HUFU_OK);
	CU_ASSERT_EQUAL(verify(f.p.store, &r), HUFU_ERR_STORE_CORRUPT);
	place_clear(&f.p);
}

static void test_token_row(void)
{
	static const char *const sqls[] = {
		"UPDATE token SET label = cast(replace(label, 'test', 'evil') AS BLOB)",
		"UPDATE token SET id = randomblob(16)",
		"UPDATE token SET mac = randomblob(32)",
		"UPDATE token SET id = x''",
		"DELETE FROM token",
	};

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		struct place p;
		struct store *s = NULL;
		place_init(&p);
		tamper(p.path, sqls[i]);
		CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
		place_clear(&p);
	}
}

static void test_role_rows(void)
{
	static const char *const sqls[] = {
		"UPDATE role SET tries = 0",
		"UPDATE role SET failed_ns = 0",
		"UPDATE role SET epoch = epoch + 1",
		"UPDATE role SET iterations = 1",
		"UPDATE role SET salt = randomblob(32)",
		"UPDATE role SET wrapped = x''",
		"UPDATE role SET wrapped = substr(wrapped, 2)",
		"UPDATE role SET tries = -1",
		"CREATE TEMP TABLE r AS SELECT * FROM main.role; UPDATE role SET wrapped = (SELECT wrapped FROM r WHERE r.role != role.role)",
		"DELETE FROM role",
	};

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		struct place p;
		struct store_report r;
		place_init(&p);
		CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, "wrong"), HUFU_ERR_PIN);
		tamper(p.path, sqls[i]);
		CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(verify(p.store, &r), HUFU_ERR_STORE_CORRUPT);
		place_clear(&p);
	}
}

/* -- the schema --------------------------------------------------------------------------- */

static void test_foreign_schema(void)
{
	static const char *const sqls[] = {
		"CREATE TRIGGER t AFTER INSERT ON object BEGIN DELETE FROM object; END",
		"CREATE VIEW v AS SELECT * FROM object",
		"CREATE TABLE extra(x)",
		"CREATE INDEX extra ON object(version)",
		"CREATE VIRTUAL TABLE f USING fts5(x)",
		"ALTER TABLE object ADD COLUMN extra BLOB",
		"ALTER TABLE role RENAME COLUMN salt TO sugar",
		"DROP TABLE lookup",
		"DROP INDEX object_uuid",
		"DROP TABLE token; CREATE VIEW token AS SELECT 1 one, zeroblob(16) id, zeroblob(32) label, zeroblob(32) mac",
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'CHECK(one = 1)', '')",
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE object(a' || hex(zeroblob(3000)) || ')'",
	};

	for (size_t i = 0; i < sizeof(sqls) / sizeof(sqls[0]); i++) {
		struct place p;
		struct store *s = NULL;
		place_init(&p);
		store_close(p.store);
		p.store = NULL;
		tamper(p.path, sqls[i]);
		enum hufu_err err = store_open(&p.conf, &s);
		if (err != HUFU_ERR_STORE_CORRUPT)
			printf("# %s: %s\n", sqls[i], err_name(err));
		CU_ASSERT_EQUAL(err, HUFU_ERR_STORE_CORRUPT);
		place_clear(&p);
	}
}

static void test_pages_of_another_table(void)
{
	struct four f;
	struct store_report r;

	four_init(&f);
	tamper(f.p.path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = "
	                 "(SELECT rootpage FROM sqlite_schema WHERE name = 'role') WHERE name = 'object'");
	store_close(f.p.store);
	CU_ASSERT_EQUAL(store_open(&f.p.conf, &f.p.store), HUFU_OK);
	for (unsigned i = 0; i < 4; i++)
		CU_ASSERT_NOT_EQUAL(get(&f, i), HUFU_OK);
	CU_ASSERT_EQUAL(verify(f.p.store, &r), HUFU_ERR_STORE_CORRUPT);
	place_clear(&f.p);
}

static void test_versions(void)
{
	struct place p;
	struct store *s = NULL;

	place_init(&p);
	store_close(p.store);
	p.store = NULL;
	tamper(p.path, "PRAGMA user_version = 5");
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_VERSION);
	CU_ASSERT_TRUE(log_has(&p, "newer hufu (schema 5"));
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_ERR_STORE_VERSION);
	CU_ASSERT_EQUAL(ask(p.path, "PRAGMA user_version"), 5);
	tamper(p.path, "PRAGMA user_version = 0");
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	tamper(p.path, "PRAGMA user_version = 4; PRAGMA application_id = 7");
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_TRUE(log_has(&p, "no hufu store"));
	place_clear(&p);
}

static void test_not_a_store(void)
{
	struct place p;
	struct store *s = NULL;
	uint8_t junk[8192];

	place_init(&p);
	store_close(p.store);
	p.store = NULL;
	memset(junk, 'j', sizeof(junk));
	for (size_t len = 0; len <= sizeof(junk); len += 1024) {
		write_file(p.path, junk, len);
		CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
		/* Nor is it taken for a place where a token may be made. */
		CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_ERR_STORE_CORRUPT);
		CU_ASSERT_EQUAL(read_file(p.path, junk, sizeof(junk)), len);
	}
	unlink(p.path);
	CU_ASSERT_EQUAL(mkdir(p.path, 0700), 0);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_EQUAL(rmdir(p.path), 0);
	CU_ASSERT_EQUAL(mkfifo(p.path, 0600), 0);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_CORRUPT);
	place_clear(&p);
}

/* -- migration ------------------------------------------------------------------------------ */

#define NOTE "CREATE TABLE note(text TEXT NOT NULL) STRICT"

/* The present schema and one table more. */
static const struct schema_object *next_objects(void)
{
	static struct schema_object objects[16];
	size_t n = 0;

	for (; schema_current.objects[n].type; n++)
		objects[n] = schema_current.objects[n];
	objects[n] = (struct schema_object){"table", "note", NOTE};
	return objects;
}

static void test_migration(void)
{
	struct four f;
	struct stat st;
	char copy[256];
	static const struct schema_step broken[] = {{4, NOTE "; CREATE TABLE nonsense("}, {0}};
	static const struct schema_step forgetful[] = {{4, "CREATE TABLE other(x)"}, {0}};
	static const struct schema_step right[] = {{4, NOTE}, {0}};
	struct schema next = {.version = 5, .objects = next_objects(), .steps = broken};

	four_init(&f);
	snprintf(copy, sizeof(copy), "%s.v4", f.p.path);
	/* A step that fails, or ends elsewhere, leaves all as it was; the copy stays. */
	CU_ASSERT_EQUAL(schema_ready(file_of(f.p.store), &next), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_EQUAL(stat(copy, &st), 0);
	CU_ASSERT_EQUAL(ask(f.p.path, "PRAGMA user_version"), 4);
	next.steps = forgetful;
	CU_ASSERT_EQUAL(schema_ready(file_of(f.p.store), &next), HUFU_ERR_STORE_CORRUPT);
	CU_ASSERT_EQUAL(ask(f.p.path, "PRAGMA user_version"), 4);
	CU_ASSERT_EQUAL(get(&f, 0) | get(&f, 3), HUFU_OK);

	next.steps = right;
	CU_ASSERT_EQUAL(schema_ready(file_of(f.p.store), &next), HUFU_OK);
	CU_ASSERT_EQUAL(schema_ready(file_of(f.p.store), &next), HUFU_OK);
	CU_ASSERT_EQUAL(ask(f.p.path, "PRAGMA user_version"), 5);
	CU_ASSERT_EQUAL(ask(f.p.path, "SELECT count(*) FROM note"), 0);
	snprintf(copy, sizeof(copy), "%s.v4.3", f.p.path);
	CU_ASSERT_EQUAL(ask(copy, "PRAGMA user_version"), 4);
	CU_ASSERT_EQUAL(ask(copy, "SELECT count(*) FROM object"), 4);
	place_clear(&f.p);
}

/* -- damage ---------------------------------------------------------------------------------- */

#define MANY 40

struct damage {
	struct place p;
	uint8_t uuid[MANY][16];
	uint8_t *bytes;
	size_t len;
};

static void damage_init(struct damage *d)
{
	place_init(&d->p);
	place_login(&d->p);
	for (unsigned i = 0; i < MANY; i++)
		CU_ASSERT_EQUAL(sample_insert(d->p.store, i, i % 2, d->uuid[i]), HUFU_OK);
	store_close(d->p.store);
	d->p.store = NULL;
	d->bytes = malloc(4u << 20);
	d->len = read_file(d->p.path, d->bytes, 4u << 20);
	CU_ASSERT_TRUE(d->len > 0 && d->len % 4096 == 0);
}

/* Nothing that is read is wrong, and if anything is missing, opening or verifying says so. */
static void damage_judge(struct damage *d, const uint8_t *bytes, size_t len)
{
	unsigned good = 0;
	struct store_report r;

	file_remove_db(d->p.path);
	write_file(d->p.path, bytes, len);
	if (store_open(&d->p.conf, &d->p.store) != HUFU_OK)
		return;
	enum hufu_err err = login(d->p.store, STORE_USER, USER_PIN);
	for (unsigned i = 0; !err && i < MANY; i++) {
		enum hufu_err got = sample_check(d->p.store, i, 0, i % 2, d->uuid[i]);
		CU_ASSERT_NOT_EQUAL(got, HUFU_ERR_BUG);
		good += got == HUFU_OK;
	}
	if (!err)
		err = verify(d->p.store, &r);
	CU_ASSERT_TRUE(err != HUFU_OK || good == MANY);
	store_close(d->p.store);
	d->p.store = NULL;
}

static void test_damaged_pages(void)
{
	struct damage d;
	uint32_t x = 12345;

	damage_init(&d);
	uint8_t *bytes = malloc(d.len);
	for (size_t page = 0; page < d.len / 4096; page++) {
		for (int kind = 0; kind < 4; kind++) {
			memcpy(bytes, d.bytes, d.len);
			uint8_t *at = bytes + page * 4096;
			if (kind == 0)
				memset(at, 0, 4096);
			for (size_t i = 0; kind == 1 && i < 4096; i++)
				at[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
			for (size_t i = 0; kind == 2 && i < 8; i++)
				at[(x = x * 1664525u + 1013904223u) >> 20] ^= (uint8_t)(1u << i);
			if (kind == 3)
				memcpy(at, d.bytes + (d.len / 4096 - 1 - page) * 4096, 4096);
			damage_judge(&d, bytes, d.len);
		}
	}
	free(bytes);
	free(d.bytes);
	place_clear(&d.p);
}

static void test_truncated_file(void)
{
	struct damage d;

	damage_init(&d);
	for (size_t len = 0; len < d.len; len += 3000)
		damage_judge(&d, d.bytes, len);
	damage_judge(&d, d.bytes, d.len);
	CU_ASSERT_TRUE(log_has(&d.p, "damaged"));
	free(d.bytes);
	place_clear(&d.p);
}

static void test_junk_log(void)
{
	struct damage d;
	char wal[256];

	damage_init(&d);
	snprintf(wal, sizeof(wal), "%s-wal", d.p.path);
	write_file(wal, d.bytes, 3 * 4096);
	CU_ASSERT_EQUAL(store_open(&d.p.conf, &d.p.store), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(d.p.store, 0, 0, false, d.uuid[0]), HUFU_OK);
	free(d.bytes);
	place_clear(&d.p);
}

static const struct unit_case cases[] = {
	{"whatever is edited, swapped or cut in a row is refused, with and without a login", test_edits_refused},
	{"a refused row is named in the log, spoils no other, and can be deleted", test_refused_row_is_reported_and_can_go},
	{"the host secret alone does not make a row look made under a login", test_host_secret_makes_no_login},
	{"a stripped token MAC is noticed without the token ring", test_stripped_token_mac},
	{"rows of another token are refused", test_rows_of_another_token},
	{"rows of another token with the same host secret are refused", test_rows_of_another_token_of_this_host},
	{"a forged index can hide and propose, and verify says so", test_forged_index},
	{"an edited token row is refused", test_token_row},
	{"edited PIN rows are refused: no count is set back, no PIN made easier", test_role_rows},
	{"triggers, views, other tables and columns are refused", test_foreign_schema},
	{"a table that was given another's pages is not read", test_pages_of_another_table},
	{"newer schemas and other applications' files are refused and left alone", test_versions},
	{"what is no store is neither opened nor overwritten", test_not_a_store},
	{"an older schema is migrated whole or not at all, after a copy beside it", test_migration},
	{"damage to any page is an error or harmless, never a wrong answer", test_damaged_pages},
	{"a file cut anywhere is an error or whole", test_truncated_file},
	{"junk in the place of the log is ignored", test_junk_log},
	{0},
};

UNIT_MAIN("store-hostile", cases)
