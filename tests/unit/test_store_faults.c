/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full, broken or read-only: a clear error, nothing acknowledged is lost, and service returns with the disk. */
#include "powerloss_vfs.h"
#include "store_util.h"
#include "unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES_MAX 200

static void watched_init(struct place *p)
{
	powerloss_register();
	place_init(p);
	p->conf.vfs = POWERLOSS_VFS;
	place_reopen(p);
	place_login(p);
}

enum deed { DEED_INSERT, DEED_UPDATE, DEED_DELETE, DEED_LOGIN, DEED_SET_PIN, DEEDS };

static enum hufu_err do_deed(struct store *s, enum deed deed, const uint8_t uuid[16])
{
	struct sample m;
	uint8_t other[16];

	sample_init(&m, 1, 1, true);
	switch (deed) {
	case DEED_INSERT:
		return sample_insert(s, 2, true, other);
	case DEED_UPDATE:
		return store_update(s, uuid, 1, &m.draft);
	case DEED_DELETE:
		return store_delete(s, uuid, 0);
	case DEED_LOGIN:
		return login(s, STORE_USER, USER_PIN);
	case DEED_SET_PIN:
		return store_set_pin(s, STORE_USER, (const uint8_t *)USER_PIN, strlen(USER_PIN), (const uint8_t *)USER_PIN,
		                     strlen(USER_PIN));
	case DEEDS:
		break;
	}
	return HUFU_ERR_BUG;
}

/* The deed met a fault at its nth write (or sync, or read): what does it say, and how does it stand afterwards? */
static bool deed_with_fault(enum deed deed, enum powerloss_fault fault, unsigned n, enum hufu_err want)
{
	struct place p;
	uint8_t uuid[16];
	struct store_report r;

	watched_init(&p);
	/* The least log, so that checkpoints fail too. */
	sqlite3_wal_autocheckpoint(file_of(p.store)->db, 1);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	powerloss_fail(fault, n);
	enum hufu_err err = do_deed(p.store, deed, uuid);
	bool met = powerloss_failed();
	powerloss_fail(POWERLOSS_NO_FAULT, 0);
	/* An error in a checkpoint concerns nobody: the log has it all. */
	CU_ASSERT_TRUE(err == want || err == HUFU_OK);
	CU_ASSERT_TRUE(met || err == HUFU_OK);
	/* The disk is well again: the deed can be done. After a failed sync it may have been done, whole. */
	if (err) {
		err = do_deed(p.store, deed, uuid);
		bool was_done = (deed == DEED_UPDATE && err == HUFU_ERR_CONFLICT) ||
		                (deed == DEED_DELETE && err == HUFU_ERR_NOT_FOUND);
		CU_ASSERT_TRUE(err == HUFU_OK || (fault == POWERLOSS_BAD_SYNC && was_done));
	}
	place_reopen(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_EQUAL(r.rows, deed == DEED_INSERT ? 2 : deed == DEED_DELETE ? 0 : 1);
	if (deed != DEED_DELETE)
		CU_ASSERT_EQUAL(sample_check(p.store, 1, deed == DEED_UPDATE, true, uuid), HUFU_OK);
	place_clear(&p);
	return met;
}

static void every_fault(enum powerloss_fault fault, enum hufu_err want)
{
	for (int deed = 0; deed < DEEDS; deed++) {
		unsigned n = 0;
		while (n < TRIES_MAX && deed_with_fault((enum deed)deed, fault, n, want))
			n++;
		CU_ASSERT_TRUE(n > 0 && n < TRIES_MAX);
	}
}

static void test_full(void)
{
	every_fault(POWERLOSS_FULL, HUFU_ERR_STORE_FULL);
}

static void test_write_errors(void)
{
	every_fault(POWERLOSS_IO_ERROR, HUFU_ERR_STORE_IO);
}

static void test_sync_errors(void)
{
	every_fault(POWERLOSS_BAD_SYNC, HUFU_ERR_STORE_IO);
}

static void test_read_errors(void)
{
	struct place p;
	uint8_t uuid[16];
	unsigned n = 0;
	bool met = true;

	watched_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	for (; met && n < TRIES_MAX; n++) {
		struct store *s = NULL;
		powerloss_fail(POWERLOSS_BAD_READ, n);
		enum hufu_err err = store_open(&p.conf, &s);
		if (!err)
			err = sample_check(s, 1, 0, true, uuid);
		met = powerloss_failed();
		powerloss_fail(POWERLOSS_NO_FAULT, 0);
		CU_ASSERT_TRUE(met ? err != HUFU_OK : err == HUFU_ERR_LOCKED);
		store_close(s);
	}
	CU_ASSERT_TRUE(n > 1 && n < TRIES_MAX);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	place_clear(&p);
}

static void test_full_at_init(void)
{
	struct place p;
	struct store *s;
	unsigned n = 0;
	enum hufu_err err;

	powerloss_register();
	place_empty(&p);
	p.conf.vfs = POWERLOSS_VFS;
	do {
		powerloss_fail(POWERLOSS_FULL, n++);
		err = init(&p, SO_PIN);
		CU_ASSERT_TRUE(err == HUFU_OK || err == HUFU_ERR_STORE_FULL);
		powerloss_fail(POWERLOSS_NO_FAULT, 0);
		if (err)
			CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_MISSING);
	} while (err && n < TRIES_MAX);
	CU_ASSERT_TRUE(n > 1 && n < TRIES_MAX);
	place_reopen(&p);
	place_clear(&p);
}

static void test_full_at_renewal(void)
{
	struct place p;
	unsigned n = 0;
	uint8_t uuid[16];
	enum hufu_err err;

	watched_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	do {
		powerloss_fail(POWERLOSS_FULL, n++);
		err = init(&p, SO_PIN);
		powerloss_fail(POWERLOSS_NO_FAULT, 0);
		CU_ASSERT_TRUE(err == HUFU_OK || err == HUFU_ERR_STORE_FULL || err == HUFU_ERR_PIN_LOCKED);
		CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), err ? HUFU_OK : HUFU_ERR_NOT_FOUND);
		/* Tries that could not be settled count: begin each round with none. */
		if (err)
			CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	} while (err && n < TRIES_MAX);
	CU_ASSERT_TRUE(n > 1 && n < TRIES_MAX);
	place_clear(&p);
}

static void test_full_at_backup(void)
{
	struct place p;
	char saved[256], part[256];
	unsigned n = 0;
	enum hufu_err err;

	watched_init(&p);
	snprintf(saved, sizeof(saved), "%s/saved.db", p.dir);
	snprintf(part, sizeof(part), "%s/saved.db.hufu-part", p.dir);
	do {
		powerloss_fail(POWERLOSS_FULL, n++);
		err = store_backup(p.store, saved);
		powerloss_fail(POWERLOSS_NO_FAULT, 0);
		CU_ASSERT_TRUE(err == HUFU_OK || err == HUFU_ERR_STORE_FULL);
		CU_ASSERT_EQUAL(access(saved, F_OK) == 0, err == HUFU_OK);
		CU_ASSERT_NOT_EQUAL(access(part, F_OK), 0);
	} while (err && n < TRIES_MAX);
	CU_ASSERT_TRUE(n > 1 && n < TRIES_MAX);
	place_clear(&p);
}

/* -- limits of the process -------------------------------------------------------------- */

/* Files may not grow beyond the limit: EFBIG, which SQLite takes for an I/O error. */
static int insert_until_limit(void *arg)
{
	struct place *p = arg;
	struct store *s;
	uint8_t uuid[16];
	struct rlimit limit = {300000, 300000};
	enum hufu_err err = HUFU_OK;
	unsigned n = 0;

	signal(SIGXFSZ, SIG_IGN);
	if (store_open(&p->conf, &s) || login(s, STORE_USER, USER_PIN) || setrlimit(RLIMIT_FSIZE, &limit))
		return 1;
	while (!err && n < 1000)
		err = sample_insert(s, 100 + n++, true, uuid);
	if (err != HUFU_ERR_STORE_FULL)
		return 2;
	for (unsigned i = 0; i + 1 < n; i++) {
		struct sample m;
		struct store_row *row;
		sample_init(&m, 100 + i, 0, true);
		ring_uuid(&sealed_of(s)->keys->host, m.draft.op_id, m.draft.request, uuid);
		if (store_get(s, uuid, &row))
			return 3;
		store_row_free(row);
	}
	return 0;
}

static void test_file_size_limit(void)
{
	struct place p;

	place_init(&p);
	store_close(p.store);
	p.store = NULL;
	CU_ASSERT_EQUAL(in_child(insert_until_limit, &p), 0);
	CU_ASSERT_TRUE(log_has(&p, "Free some space"));
	struct store_report r;
	place_reopen(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_TRUE(r.rows > 10);
	place_clear(&p);
}

/* -- read-only ------------------------------------------------------------------------------ */

static void test_read_only(void)
{
	struct place p;
	struct store_token t;
	struct sample m;
	uint8_t a[16], b[16], other[16];
	uint8_t(*uuids)[16];
	size_t n;

	watched_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, a), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, b), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	powerloss_fail(POWERLOSS_READ_ONLY, 0);
	place_reopen(&p);
	CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
	CU_ASSERT_TRUE(t.read_only);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, a), HUFU_OK);
	sample_init(&m, 1, 0, false);
	CU_ASSERT_EQUAL(store_find(p.store, m.attrs, 2, true, &uuids, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 1);
	free(uuids);
	CU_ASSERT_EQUAL(store_get(p.store, b, &(struct store_row *){NULL}), HUFU_ERR_LOCKED);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_TRUE(log_has(&p, "no PIN try be counted: no login"));
	CU_ASSERT_EQUAL(sample_insert(p.store, 3, false, other), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_EQUAL(store_delete(p.store, a, 0), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_ERR_STORE_READ_ONLY);

	/* Somebody else can write it after all: that is seen, and nothing old is answered. */
	struct store_conf writer = p.conf;
	struct store *s;
	writer.vfs = NULL;
	CU_ASSERT_EQUAL(store_open(&writer, &s), HUFU_OK);
	CU_ASSERT_EQUAL(store_delete(s, a, 0), HUFU_OK);
	store_close(s);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, false, a), HUFU_ERR_NOT_FOUND);
	powerloss_fail(POWERLOSS_NO_FAULT, 0);
	place_clear(&p);
}

static void test_read_only_with_log(void)
{
	struct place p;
	struct store *s = NULL;
	uint8_t uuid[16];

	watched_init(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	/* Not closed cleanly, then made read-only: what only the log holds must not be overlooked. */
	db_close(file_of(p.store), true);
	powerloss_fail(POWERLOSS_READ_ONLY, 0);
	CU_ASSERT_EQUAL(store_open(&p.conf, &s), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_TRUE(log_has(&p, "not closed cleanly"));
	powerloss_fail(POWERLOSS_NO_FAULT, 0);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	place_clear(&p);
}

/* Odd characters in the path, which become part of a URI then. */
static void test_read_only_odd_path(void)
{
	struct place p;
	char path[256];
	struct store_token t;

	powerloss_register();
	place_empty(&p);
	snprintf(path, sizeof(path), "%s/a?b#c %%41;d&vfs=x \xe8\x99\x8e.db", p.dir);
	p.conf.path = path;
	p.conf.vfs = POWERLOSS_VFS;
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	powerloss_fail(POWERLOSS_READ_ONLY, 0);
	place_reopen(&p);
	CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
	CU_ASSERT_TRUE(t.read_only);
	powerloss_fail(POWERLOSS_NO_FAULT, 0);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"a disk full at any write: a clear error, all as before, and then on", test_full},
	{"an I/O error at any write: likewise", test_write_errors},
	{"an I/O error at any sync: likewise", test_sync_errors},
	{"an I/O error at any read is an error, and gone with its cause", test_read_errors},
	{"a disk full while a token is made leaves no token", test_full_at_init},
	{"a disk full while a token is renewed leaves the old one", test_full_at_renewal},
	{"a disk full while a backup is made leaves no backup", test_full_at_backup},
	{"a limit on the size of files is a full disk", test_file_size_limit},
	{"read-only media serve reading, refuse the rest, and notice a writer", test_read_only},
	{"read-only media with a log that cannot be read are refused", test_read_only_with_log},
	{"read-only media work whatever the path", test_read_only_odd_path},
	{0},
};

UNIT_MAIN("store-faults", cases)
