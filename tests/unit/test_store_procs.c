/* SPDX-License-Identifier: Apache-2.0 */
/* Many processes and threads on one store: nobody's work is lost, nothing is done twice. */
#include "store_util.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define PROCESSES 8
#define EACH 20

typedef int (*child_fn)(struct place *, unsigned number);

/* Runs that many children at once; how many ended with status 0. */
static unsigned crowd(struct place *p, child_fn fn)
{
	unsigned good = 0;
	int status, gate[2];
	char byte;

	store_close(p->store);
	p->store = NULL;
	fflush(stdout);
	if (pipe(gate) != 0)
		abort();
	for (unsigned i = 0; i < PROCESSES; i++) {
		if (fork() == 0) {
			close(gate[1]);
			if (read(gate[0], &byte, 1) != 0) /* until all have been started */
				_exit(99);
			_exit(fn(p, i));
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (unsigned i = 0; i < PROCESSES; i++)
		good += wait(&status) > 0 && status == 0;
	return good;
}

static struct store *open_in(struct place *p)
{
	struct store *s;

	return store_open(&p->conf, &s) == HUFU_OK && login(s, STORE_SO, SO_PIN) == HUFU_OK ? s : NULL;
}

static int insert_same(struct place *p, unsigned number)
{
	struct store *s = open_in(p);
	uint8_t uuid[16];

	(void)number;
	for (unsigned i = 0; i < EACH; i++)
		if (!s || sample_insert(s, i, true, uuid) || sample_check(s, i, 0, true, uuid))
			return 1;
	store_close(s);
	return 0;
}

static void test_one_row_an_op(void)
{
	struct place p;

	place_init(&p);
	CU_ASSERT_EQUAL(crowd(&p, insert_same), PROCESSES);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM object"), EACH);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT count(*) FROM lookup"), 3 * EACH);
	place_clear(&p);
}

static int insert_own(struct place *p, unsigned number)
{
	struct store *s = open_in(p);
	uint8_t uuid[EACH][16];

	for (unsigned i = 0; i < EACH; i++)
		if (!s || sample_insert(s, number * EACH + i, i % 2, uuid[i]))
			return 1;
	for (unsigned i = 0; i < EACH; i++)
		if (sample_check(s, number * EACH + i, 0, i % 2, uuid[i]) || (i % 4 == 0 && store_delete(s, uuid[i], 0)))
			return 2;
	store_close(s);
	return 0;
}

static void test_all_rows_of_all(void)
{
	struct place p;
	struct store_report r;

	place_init(&p);
	CU_ASSERT_EQUAL(crowd(&p, insert_own), PROCESSES);
	place_reopen(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_EQUAL(r.rows, PROCESSES * EACH * 3 / 4);
	place_clear(&p);
}

/* Half of them change it all the time, the others see it for the first time again and again. */
static int change_or_look(struct place *p, unsigned number)
{
	struct store *s = open_in(p);
	struct store_status status;
	uint8_t uuid[16];
	int wrong = !s;

	for (unsigned i = 0; s && i < 4 * EACH; i++) {
		if (number % 2) {
			wrong += sample_insert(s, number * 4 * EACH + i, true, uuid) != HUFU_OK;
			continue;
		}
		struct store *fresh = NULL;
		wrong += store_open(&p->conf, &fresh) || store_status(fresh, &status) || status.rolled_back;
		store_close(fresh);
	}
	store_close(s);
	return wrong > 0;
}

static void test_nobody_is_alarmed(void)
{
	struct place p;

	place_init(&p);
	CU_ASSERT_EQUAL(crowd(&p, change_or_look), PROCESSES);
	CU_ASSERT_FALSE(log_has(&p, "ALARM"));
	place_clear(&p);
}

/* A counter kept in an attribute: each process adds to it by compare-and-set. */
static int count_up(struct place *p, unsigned number)
{
	struct store *s = open_in(p);
	struct sample m;
	uint8_t uuid[16];

	(void)number;
	if (!s || sample_insert(s, 0, true, uuid))
		return 1;
	for (unsigned done = 0; done < EACH;) {
		struct store_row *row;
		if (store_get(s, uuid, &row))
			return 2;
		uint64_t version = row->version;
		sample_init(&m, 0, 1, true);
		memcpy(m.value, row->attrs[3].value, sizeof(uint32_t));
		store_row_free(row);
		uint32_t count;
		memcpy(&count, m.value, sizeof(count));
		count++;
		memcpy(m.value, &count, sizeof(count));
		enum hufu_err err = store_update(s, uuid, version, &m.draft);
		if (err && err != HUFU_ERR_CONFLICT)
			return 3;
		done += !err;
	}
	store_close(s);
	return 0;
}

static void test_no_update_is_lost(void)
{
	struct place p;
	struct sample m;
	struct store_row *row;
	uint8_t uuid[16];
	uint32_t before, after;
	uint64_t version;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 0, true, uuid), HUFU_OK);
	sample_init(&m, 0, 0, true);
	memcpy(&before, m.value, sizeof(before));
	CU_ASSERT_EQUAL(crowd(&p, count_up), PROCESSES);
	place_reopen(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(store_version(p.store, uuid, &version), HUFU_OK);
	CU_ASSERT_EQUAL(version, 1 + PROCESSES * EACH);
	CU_ASSERT_EQUAL_FATAL(store_get(p.store, uuid, &row), HUFU_OK);
	memcpy(&after, row->attrs[3].value, sizeof(after));
	CU_ASSERT_EQUAL(after - before, PROCESSES * EACH);
	store_row_free(row);
	place_clear(&p);
}

static int init_own(struct place *p, unsigned number)
{
	char pin[32];

	snprintf(pin, sizeof(pin), "officer %u", number);
	return init(p, pin) != HUFU_OK;
}

static void test_one_init_wins(void)
{
	struct place p;
	unsigned winners = 0;

	place_empty(&p);
	CU_ASSERT_EQUAL(crowd(&p, init_own), 1);
	place_reopen(&p);
	/* Past the delay that the losers' tries have brought: as the row then stands. */
	struct role_row r;
	CU_ASSERT_EQUAL(sealed_enter(sealed_of(p.store), TX_WRITE), HUFU_OK);
	CU_ASSERT_EQUAL(role_read(sealed_of(p.store), STORE_SO, &r), HUFU_OK);
	r.tries = r.settled = 0;
	CU_ASSERT_EQUAL(sealed_leave(sealed_of(p.store), TX_WRITE, role_write(sealed_of(p.store), STORE_SO, &r)), HUFU_OK);
	for (unsigned i = 0; i < PROCESSES && !winners; i++) {
		char pin[32];
		snprintf(pin, sizeof(pin), "officer %u", i);
		enum hufu_err err = login(p.store, STORE_SO, pin);
		winners += err == HUFU_OK;
		if (err)
			CU_ASSERT_EQUAL(sealed_enter(sealed_of(p.store), TX_WRITE), HUFU_OK);
		if (err)
			CU_ASSERT_EQUAL(sealed_leave(sealed_of(p.store), TX_WRITE, role_write(sealed_of(p.store), STORE_SO, &r)), HUFU_OK);
	}
	CU_ASSERT_EQUAL(winners, 1);
	place_clear(&p);
}

static void test_locked_by_another(void)
{
	ON_FILES_ONLY();
	struct place p;
	sqlite3 *db;
	uint8_t uuid[16];
	struct store_token t;

	place_init(&p);
	p.conf.deadline_ms = 50;
	place_reopen(&p);
	CU_ASSERT_EQUAL(sqlite3_open(p.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_ERR_STORE_BUSY);
	CU_ASSERT_TRUE(log_has(&p, "Another process keeps it locked"));
	CU_ASSERT_EQUAL(store_delete(p.store, uuid, 0), HUFU_ERR_STORE_BUSY);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_BUSY); /* a try must be counted */
	CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK); /* readers do not wait for writers */
	CU_ASSERT_EQUAL(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, false, uuid), HUFU_OK);
	sqlite3_close(db);
	place_clear(&p);
}

static void *insert_one(void *arg)
{
	uint8_t uuid[16];

	return sample_insert(arg, 1, false, uuid) == HUFU_OK ? arg : NULL;
}

/* With a deadline that only a failure reaches: a reader behind the writer would reach it, too. */
static void test_read_while_a_writer_waits(void)
{
	ON_FILES_ONLY();
	struct place p;
	struct store_token t;
	pthread_t writer;
	void *written;

	place_init(&p);
	p.conf.deadline_ms = 60000;
	place_reopen(&p);
	sqlite3 *db;
	CU_ASSERT_EQUAL(sqlite3_open(p.path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, insert_one, p.store), 0);
	for (int i = 0; i < 20; i++) {
		clock_sleep_ns(5 * NS_PER_MS);
		CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
	}
	CU_ASSERT_EQUAL(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL(pthread_join(writer, &written), 0);
	CU_ASSERT_PTR_NOT_NULL(written);
	sqlite3_close(db);
	place_clear(&p);
}

/* -- threads ---------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	struct store *store;
	unsigned number, wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	uint8_t uuid[16];

	for (unsigned i = 0; i < EACH; i++) {
		unsigned number = w->number * EACH + i;
		w->wrong += sample_insert(w->store, number, i % 2, uuid) != HUFU_OK;
		w->wrong += sample_check(w->store, number, 0, i % 2, uuid) != HUFU_OK;
		if (i % 5 == 0)
			w->wrong += login(w->store, STORE_USER, USER_PIN) != HUFU_OK;
	}
	return NULL;
}

static void test_threads(void)
{
	struct place p;
	struct worker workers[PROCESSES];
	struct store_report r;

	place_init(&p);
	p.conf.deadline_ms = 60000;
	p.conf.user_tries = 3; /* fewer than threads: right logins lock nobody out */
	place_reopen(&p);
	place_login(&p);
	for (unsigned i = 0; i < PROCESSES; i++) {
		workers[i] = (struct worker){.store = p.store, .number = i};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < PROCESSES; i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT_EQUAL(workers[i].wrong, 0);
	}
	CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_EQUAL(r.rows, PROCESSES * EACH);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"8 processes insert by the same op ids: exactly one row each", test_one_row_an_op},
	{"8 processes insert and delete their own: all is there", test_all_rows_of_all},
	{"who looks while others write takes nothing for an older state", test_nobody_is_alarmed},
	{"8 processes update one object by version: no update is lost", test_no_update_is_lost},
	{"8 processes make one token: exactly one of them has", test_one_init_wins},
	{"a store locked by another process is busy within the deadline, and read meanwhile", test_locked_by_another},
	{"also by others of the process of a writer who waits for that lock", test_read_while_a_writer_waits},
	{"8 threads use one store", test_threads},
	{0},
};

UNIT_MAIN("store-procs", cases)
