/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: an older state of a store, or another branch of it, is noticed and not changed, until the officer accepts it. */
#include "unit.h"

#include "store_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct store_status status_of(struct store *s)
{
	struct store_status status;

	CU_ASSERT_EQUAL(store_status(s, &status), HUFU_OK);
	return status;
}

/* A place with two objects, and a copy of its file as it was after the first. Closed. */
static void with_past(struct place *p, char past[256])
{
	uint8_t uuid[16];

	snprintf(past, 256, "%s/past.db", (place_init(p), p->dir));
	place_login(p);
	CU_ASSERT_EQUAL(sample_insert(p->store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_backup(p->store, past), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p->store, 2, true, uuid), HUFU_OK);
	store_close(p->store);
	p->store = NULL;
}

static void put_back(const struct place *p, const char *past)
{
	file_remove_db(p->path);
	copy_file(past, p->path);
}

static void test_counts(void)
{
	struct place p;
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	struct store_status before = status_of(p.store);
	CU_ASSERT_STRING_EQUAL(before.engine, "sqlite");
	CU_ASSERT(before.revision > 0 && before.revision == before.remembered && !before.rolled_back && !before.read_only);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	struct store_status after = status_of(p.store);
	CU_ASSERT_EQUAL(after.revision, before.revision + 1);
	CU_ASSERT_NOT_EQUAL(memcmp(after.chain, before.chain, 32), 0);
	CU_ASSERT_EQUAL(memcmp(after.id, before.id, 16), 0);
	/* The same op again changes nothing. */
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(status_of(p.store).revision, after.revision);
	/* A token that is made anew is the same store, further on. */
	store_close(p.store);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	p.store = NULL;
	place_reopen(&p);
	CU_ASSERT(status_of(p.store).revision > after.revision);
	CU_ASSERT_EQUAL(memcmp(status_of(p.store).id, before.id, 16), 0);
	place_clear(&p);
}

static void test_put_back(void)
{
	struct place p;
	char past[256];
	uint8_t uuid[16];
	struct sample m;

	with_past(&p, past);
	put_back(&p, past);
	place_reopen(&p);
	struct store_status status = status_of(p.store);
	CU_ASSERT(status.rolled_back && status.read_only && status.remembered > status.revision);
	CU_ASSERT_TRUE(log_has(&p, "ALARM"));
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_EQUAL(sample_insert(p.store, 3, false, uuid), HUFU_ERR_STORE_READ_ONLY);
	sample_init(&m, 1, 0, true);
	size_t n;
	uint8_t(*uuids)[16];
	CU_ASSERT_EQUAL(store_find(p.store, NULL, 0, true, &uuids, &n), HUFU_OK); /* it can be read */
	free(uuids);

	CU_ASSERT_EQUAL(store_accept_head(p.store, (const uint8_t *)"wrong pin", 9), HUFU_ERR_PIN);
	CU_ASSERT_TRUE(status_of(p.store).rolled_back);
	CU_ASSERT_EQUAL(store_accept_head(p.store, (const uint8_t *)SO_PIN, strlen(SO_PIN)), HUFU_OK);
	CU_ASSERT_FALSE(status_of(p.store).rolled_back);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 3, true, uuid), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_FALSE(status_of(p.store).rolled_back);
	place_clear(&p);
}

/* What another process has seen counts for one that has not looked since before the old state was made. */
static void test_idle(void)
{
	struct place p;
	struct store *idle;
	char past[256];
	uint8_t uuid[16];

	place_init(&p);
	snprintf(past, sizeof(past), "%s/past.db", p.dir);
	place_login(&p);
	CU_ASSERT_EQUAL_FATAL(store_open(&p.conf, &idle), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_backup(p.store, past), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 2, true, uuid), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	put_back(&p, past);
	CU_ASSERT_EQUAL(login(idle, STORE_USER, USER_PIN), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_TRUE(status_of(idle).rolled_back);
	CU_ASSERT_TRUE(log_has(&p, "ALARM"));
	store_close(idle);
	place_clear(&p);
}

/* The old state was changed elsewhere until it is newer than what is remembered. */
static void test_branch(void)
{
	struct place p;
	char past[256];
	uint8_t uuid[16];

	with_past(&p, past);
	put_back(&p, past);
	struct store_conf elsewhere = p.conf;
	elsewhere.head = "/nonexistent/head";
	CU_ASSERT_EQUAL_FATAL(store_open(&elsewhere, &p.store), HUFU_OK);
	place_login(&p); /* two changes */
	for (unsigned i = 10; i < 20; i++)
		CU_ASSERT_EQUAL(sample_insert(p.store, i, true, uuid), HUFU_OK);
	CU_ASSERT_FALSE(status_of(p.store).rolled_back);
	place_reopen(&p);
	struct store_status status = status_of(p.store);
	CU_ASSERT(status.rolled_back && status.revision > status.remembered);
	place_clear(&p);
}

/* What another process changed follows, were it more than the journal keeps. */
static void test_follows(void)
{
	struct place p;
	struct store *other;
	uint8_t uuid[16];

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(store_open(&p.conf, &other), HUFU_OK);
	CU_ASSERT_FALSE(status_of(other).rolled_back);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(status_of(other).remembered, status_of(p.store).revision);
	for (unsigned version = 1; version < JOURNAL_KEPT + 10; version++) {
		struct sample m;
		sample_init(&m, 1, version, false);
		CU_ASSERT_EQUAL_FATAL(store_update(p.store, uuid, version, &m.draft), HUFU_OK);
	}
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM journal"), JOURNAL_KEPT);
	CU_ASSERT_FALSE(status_of(other).rolled_back);
	store_close(other);
	place_clear(&p);
}

/* An enemy's hand in the journal. */
static void test_tampered(void)
{
	static const char *const deeds[] = {
		"DELETE FROM journal",
		"DELETE FROM journal WHERE revision = (SELECT max(revision) FROM journal)",
		"UPDATE journal SET revision = revision + 1 WHERE revision = (SELECT max(revision) FROM journal)",
		"UPDATE journal SET chain = zeroblob(32) WHERE revision = (SELECT max(revision) FROM journal)",
		"UPDATE journal SET mac = zeroblob(32) WHERE revision = (SELECT max(revision) FROM journal)",
		"UPDATE journal SET id = zeroblob(16) WHERE revision = (SELECT max(revision) FROM journal)",
		"UPDATE journal SET time = 0 WHERE revision = (SELECT max(revision) FROM journal)",
	};

	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		struct place p;
		uint8_t uuid[16];
		place_init(&p);
		place_login(&p);
		tamper(p.path, deeds[i]);
		CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_ERR_STORE_READ_ONLY);
		CU_ASSERT_TRUE(status_of(p.store).rolled_back);
		place_clear(&p);
	}
}

/* A memory that is damaged is no reason to stop. */
static void test_memory(void)
{
	static const char *const lines[] = {"", "hufu-head 1 ", "nonsense\n", "hufu-head 1 zz 7 zz\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct place p;
		char memory[256];
		place_init(&p);
		snprintf(memory, sizeof(memory), "%s.head", p.path);
		write_file(memory, (const uint8_t *)lines[i], strlen(lines[i]));
		place_reopen(&p);
		CU_ASSERT_FALSE(status_of(p.store).rolled_back);
		place_login(&p);
		place_clear(&p);
	}
}

static const struct unit_case cases[] = {
	{"each change counts the revision up and carries the chain on", test_counts},
	{"an older copy is noticed, read, not changed, and accepted by the officer alone", test_put_back},
	{"also by a process that last looked before that state was made", test_idle},
	{"an older copy that was changed elsewhere is noticed, too", test_branch},
	{"what others changed follows, however much", test_follows},
	{"a journal that was changed by hand is noticed", test_tampered},
	{"a memory that cannot be read is made anew", test_memory},
	{0},
};

UNIT_MAIN("store-head", cases)
