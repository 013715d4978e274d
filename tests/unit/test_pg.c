/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a store in PostgreSQL loses nothing that it acknowledged, and a machine's copy serves while the database is away. */
#include "unit.h"

#include "store_util.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WRITERS 4
#define EVENT_S 60              /* only a real failure reaches it */
#define BOUND_MS 30000          /* what is dead or frozen is so for good: whoever waits for it waits longer */

static uint64_t now_ms(void)
{
	return clock_now_ns() / NS_PER_MS;
}

/* As a machine has it: with a copy of its own in dir/NAME. */
static enum hufu_err open_machine(struct place *p, const char *machine, struct store **s)
{
	struct store_conf conf = p->conf;

	conf.name = machine;
	conf.state_dir = p->dir;
	conf.stale_s = 3600;
	return store_open(&conf, s);
}

static struct store_status status_of(struct store *s)
{
	struct store_status status;

	CU_ASSERT_EQUAL(store_status(s, &status), HUFU_OK);
	return status;
}

static bool until_cached(struct store *s, bool cached)
{
	struct store_status status;
	uint64_t until = now_ms() + EVENT_S * 1000;

	while (store_status(s, &status) != HUFU_OK || status.cached != cached) {
		if (now_ms() > until)
			return false;
		clock_sleep_ns(20 * NS_PER_MS);
	}
	return true;
}

/* -- writers, while the server has a hard time -------------------------------------------------- */

struct writer_thread {
	struct place *p;
	pthread_t thread;
	unsigned first;
	atomic_uint n;              /* numbers of the samples that were acknowledged: first..first + n - 1 */
	unsigned refused;
	atomic_bool *stop;
};

/* As a client does: whatever fails is asked for again, under the same op id. */
static void *write_objects(void *arg)
{
	struct writer_thread *w = arg;
	struct store *s = NULL;
	uint8_t uuid[16];

	while (!atomic_load(w->stop) && (store_open(&w->p->conf, &s) || login(s, STORE_USER, USER_PIN))) {
		store_close(s);
		s = NULL;
	}
	while (s && !atomic_load(w->stop)) {
		if (sample_insert(s, w->first + w->n, true, uuid) == HUFU_OK) {
			w->n++;
		} else {
			w->refused++;
			clock_sleep_ns(2 * NS_PER_MS);
		}
	}
	store_close(s);
	return NULL;
}

static void begin_writers(struct place *p, struct writer_thread w[WRITERS], atomic_bool *stop)
{
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer_thread){.p = p, .first = 1000 * (i + 1), .stop = stop};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&w[i].thread, NULL, write_objects, &w[i]), 0);
	}
}

/* All that was acknowledged is there once; of what was not, at most the one that each was about. */
static void judge_writers(struct place *p, struct writer_thread w[WRITERS])
{
	unsigned acknowledged = 0, missing = 0;
	struct sample m;
	struct store_row *row;
	uint8_t uuid[16];

	place_reopen(p);
	place_login(p);
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(w[i].thread, NULL);
		acknowledged += w[i].n;
		for (unsigned k = 0; k < w[i].n; k++) {
			sample_init(&m, w[i].first + k, 0, true);
			ring_uuid(&sealed_of(p->store)->keys->host, m.draft.op_id, m.draft.request, uuid);
			if (store_get(p->store, uuid, &row) == HUFU_OK)
				store_row_free(row);
			else
				missing++;
		}
		printf("# writer %u: %u acknowledged, %u refused\n", i, atomic_load(&w[i].n), w[i].refused);
	}
	int64_t rows = ask(p->schema, "SELECT count(*) FROM hufu_object");
	CU_ASSERT_EQUAL(missing, 0);
	CU_ASSERT(acknowledged > WRITERS);
	CU_ASSERT(rows >= (int64_t)acknowledged && rows <= (int64_t)acknowledged + WRITERS);
	CU_ASSERT_EQUAL(ask(p->schema, "SELECT count(DISTINCT substring(uuid FROM 1 FOR 10)) FROM hufu_object"), rows);
	struct store_report r;
	CU_ASSERT_EQUAL(store_verify(p->store, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_FALSE(status_of(p->store).rolled_back);
}

static unsigned written(struct writer_thread w[WRITERS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < WRITERS; i++)
		n += atomic_load(&w[i].n);
	return n;
}

static bool until_written(struct writer_thread w[WRITERS], unsigned more)
{
	unsigned want = written(w) + more;
	uint64_t until = now_ms() + EVENT_S * 1000;

	while (written(w) < want && now_ms() < until)
		clock_sleep_ns(5 * NS_PER_MS);
	return written(w) >= want;
}

static void test_server_killed(void)
{
	struct place p;
	struct writer_thread w[WRITERS];
	atomic_bool stop = false;

	place_init(&p);
	begin_writers(&p, w, &stop);
	CU_ASSERT_TRUE(until_written(w, 10));
	for (int i = 0; i < 3; i++) {
		pg_stop(&pg, SIGKILL);
		pg_start(&pg);
		CU_ASSERT_TRUE(until_written(w, 20));
	}
	atomic_store(&stop, true);
	judge_writers(&p, w);
	place_clear(&p);
}

/* The connections die at any instant, the server lives: commits whose answers are lost among them. */
static void test_connections_killed(void)
{
	struct place p;
	struct writer_thread w[WRITERS];
	atomic_bool stop = false;

	place_init(&p);
	begin_writers(&p, w, &stop);
	CU_ASSERT_TRUE(until_written(w, 10));
	for (int i = 0; i < 60; i++) {
		pg_sql(&pg, "public", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hufu'");
		clock_sleep_ns((uint64_t)(5 + i % 7 * 3) * NS_PER_MS);
	}
	CU_ASSERT_TRUE(until_written(w, 20));
	atomic_store(&stop, true);
	judge_writers(&p, w);
	place_clear(&p);
}

/* A commit's answer that is lost, made certain: the answer is cut off after the server has committed. */
static void test_lost_answer(void)
{
	struct place p;
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	/* A deferred trigger runs within COMMIT, where it ends its own connection, once. */
	pg_sql(&pg, p.schema,
	       "CREATE TABLE once(n int); INSERT INTO once VALUES(1);"
	       "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
	       " IF (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hufu' AND pid = pg_backend_pid()) > 0 THEN"
	       " PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(0.01); END IF; RETURN NULL; END $$;"
	       "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON hufu_journal DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
	       " EXECUTE FUNCTION cut()");
	/* It never commits: the journal says so, and no acknowledgement is made up. */
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_ERR_STORE_IO);
	CU_ASSERT_TRUE(log_has(&p, "was not made"));
	pg_sql(&pg, p.schema, "DROP TRIGGER cut ON hufu_journal");
	CU_ASSERT_EQUAL(ask(p.schema, "SELECT count(*) FROM hufu_object"), 0);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	place_clear(&p);
}

/* -- machines ------------------------------------------------------------------------------------- */

static void test_two_machines(void)
{
	struct place p;
	struct store *a, *b;
	uint8_t uuid[16];
	uint64_t before, after;

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &a), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "b", &b), HUFU_OK);
	CU_ASSERT_EQUAL(login(a, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(login(b, STORE_USER, USER_PIN), HUFU_OK);
	for (unsigned i = 1; i <= 20; i++) { /* what one has acknowledged the other sees at once */
		struct store *made_by = i % 2 ? a : b, *read_by = i % 2 ? b : a;
		struct sample m;
		CU_ASSERT_EQUAL(store_change_counter(read_by, &before), HUFU_OK);
		CU_ASSERT_EQUAL(sample_insert(made_by, i, i % 3, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(store_change_counter(read_by, &after), HUFU_OK);
		CU_ASSERT_NOT_EQUAL(before, after);
		CU_ASSERT_EQUAL(sample_check(read_by, i, 0, i % 3, uuid), HUFU_OK);
		sample_init(&m, i, 1, i % 3);
		CU_ASSERT_EQUAL(store_update(read_by, uuid, 1, &m.draft), HUFU_OK);
		CU_ASSERT_EQUAL(store_update(made_by, uuid, 1, &m.draft), HUFU_ERR_CONFLICT);
		CU_ASSERT_EQUAL(sample_check(made_by, i, 1, i % 3, uuid), HUFU_OK);
		if (i % 4 == 0)
			CU_ASSERT_EQUAL(store_delete(made_by, uuid, 2), HUFU_OK);
		if (i % 4 == 0)
			CU_ASSERT_EQUAL(store_delete(read_by, uuid, 0), HUFU_ERR_NOT_FOUND);
	}
	CU_ASSERT_EQUAL(memcmp(status_of(a).chain, status_of(b).chain, 32), 0);
	/* The copies hold what the database holds. */
	char path[256];
	snprintf(path, sizeof(path), "%s/a.cache.db", p.dir);
	struct store_conf copy = p.conf;
	copy.engine = CONF_STORE_SQLITE;
	copy.path = path;
	struct store *s;
	struct store_report r;
	CU_ASSERT_EQUAL_FATAL(store_open(&copy, &s), HUFU_OK);
	CU_ASSERT_EQUAL(store_verify(s, NULL, NULL, &r), HUFU_OK);
	CU_ASSERT_EQUAL(r.rows, 15);
	store_close(s);
	store_close(a);
	store_close(b);
	place_clear(&p);
}

static void test_database_away(void)
{
	struct place p;
	struct store *s, *late;
	struct store_token token;
	uint8_t uuid[16], other[16];
	uint8_t(*uuids)[16];
	size_t n;

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	pg_stop(&pg, SIGKILL);

	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_token(s, &token), HUFU_OK);
	CU_ASSERT_TRUE(token.read_only);
	CU_ASSERT_EQUAL(store_find(s, NULL, 0, true, &uuids, &n), HUFU_OK);
	CU_ASSERT_EQUAL(n, 1);
	free(uuids);
	CU_ASSERT_TRUE(status_of(s).cached);
	for (int i = 0; i < 5; i++) {
		uint64_t began = now_ms();
		CU_ASSERT_EQUAL(sample_insert(s, 2, true, other), HUFU_ERR_STORE_IO);
		CU_ASSERT(now_ms() - began < BOUND_MS);
	}
	CU_ASSERT_EQUAL(login(s, STORE_SO, SO_PIN), HUFU_ERR_STORE_IO); /* no try can be counted */
	CU_ASSERT_TRUE(store_unlocked(s));
	/* A machine that starts now has what the last run has left. */
	store_close(s);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(store_find(s, NULL, 0, false, &uuids, &n), HUFU_OK);
	free(uuids);
	CU_ASSERT_EQUAL(open_machine(&p, "b", &late), HUFU_ERR_STORE_IO); /* another has nothing */

	pg_start(&pg);
	CU_ASSERT_TRUE(until_cached(s, false));
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 2, true, other), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 2, 0, true, other), HUFU_OK);
	store_close(s);
	place_clear(&p);
}

/* A server that neither answers nor refuses. */
static void test_database_frozen(void)
{
	struct place p;
	struct store *s;
	uint8_t uuid[16], other[16];

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	pg_freeze(&pg, true);
	uint64_t began = now_ms();
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT(now_ms() - began < BOUND_MS);
	began = now_ms();
	for (int i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 2, true, other), HUFU_ERR_STORE_IO);
	CU_ASSERT(now_ms() - began < BOUND_MS);
	pg_freeze(&pg, false);
	CU_ASSERT_TRUE(until_cached(s, false));
	CU_ASSERT_EQUAL(sample_insert(s, 2, true, other), HUFU_OK);
	store_close(s);
	place_clear(&p);
}

static void test_stale(void)
{
	struct place p;
	struct store *s;
	struct timespec old[2] = {{.tv_sec = time(NULL) - 7200}, {.tv_sec = time(NULL) - 7200}};
	char path[256];

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	store_close(s);
	pg_stop(&pg, SIGKILL);
	snprintf(path, sizeof(path), "%s/a.cache.db", p.dir);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, old, 0), 0);
	CU_ASSERT_EQUAL(open_machine(&p, "a", &s), HUFU_ERR_STORE_IO);
	CU_ASSERT_TRUE(log_has(&p, "older than stale_s"));
	pg_start(&pg);
	place_clear(&p);
}

/* A copy that somebody damaged is made anew. */
static void test_bad_copy(void)
{
	struct place p;
	struct store *s;
	char path[256];
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	snprintf(path, sizeof(path), "%s/a.cache.db", p.dir);
	write_file(path, (const uint8_t *)"this is no database, and long enough to be looked at as one ....................................", 96);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	store_close(s);
	place_clear(&p);
}

/* Neither file nor room for one: the database is read itself. The copy is kept again once it can be. */
static void test_no_copy(void)
{
	struct place p;
	struct store *s;
	struct store_token token;
	char path[256];
	uint8_t uuid[16];

	place_init(&p);
	snprintf(path, sizeof(path), "%s/a.cache.db", p.dir);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	for (unsigned i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(sample_insert(s, i, true, uuid), HUFU_OK);
		CU_ASSERT_EQUAL(sample_check(s, i, 0, true, uuid), HUFU_OK);
	}
	CU_ASSERT_FALSE(status_of(s).cached);
	CU_ASSERT_EQUAL(store_token(s, &token), HUFU_OK);
	CU_ASSERT_FALSE(token.read_only);
	CU_ASSERT_TRUE(log_has(&p, "cannot be kept up"));
	CU_ASSERT_EQUAL(rmdir(path), 0);
	uint64_t until = now_ms() + EVENT_S * 1000;
	while (!log_has(&p, "is kept up again") && now_ms() < until)
		clock_sleep_ns(20 * NS_PER_MS);
	pg_stop(&pg, SIGKILL);
	CU_ASSERT_EQUAL(sample_check(s, 2, 0, true, uuid), HUFU_OK);
	CU_ASSERT_TRUE(until_cached(s, true));
	store_close(s);
	pg_start(&pg);
	place_clear(&p);
}

/* A copy that is closed while the database is away is no newer for it, though its log is written into it then. */
static void test_age_of_a_closed_copy(void)
{
	struct place p;
	struct store *s;
	struct stat st;
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 1800}, {.tv_sec = time(NULL) - 1800}};
	char path[256], log[260];
	uint8_t uuid[16];

	place_init(&p);
	snprintf(path, sizeof(path), "%s/a.cache.db", p.dir);
	snprintf(log, sizeof(log), "%s-wal", path);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	store_before_fork(s); /* leaves the log as it is, as a process does that dies */
	store_after_fork_parent(s);
	store_close(s);
	CU_ASSERT_EQUAL(stat(log, &st), 0);
	CU_ASSERT(st.st_size > 0);
	pg_stop(&pg, SIGKILL);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, path, old, 0), 0);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_TRUE(status_of(s).cached);
	store_close(s);
	CU_ASSERT_NOT_EQUAL(stat(log, &st), 0);
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT(time(NULL) - st.st_mtime >= 1790);
	pg_start(&pg);
	place_clear(&p);
}

/* -- an old dump ------------------------------------------------------------------------------------ */

static const char *const dumped[] = {"token", "role", "object", "lookup", "domain", "credential", "journal"};

static void for_each_table(const struct place *p, const char *before, const char *between, const char *after)
{
	char sql[256];

	for (size_t i = 0; i < sizeof(dumped) / sizeof(dumped[0]); i++) {
		snprintf(sql, sizeof(sql), "%s%s%s%s%s", before, dumped[i], between, between[0] ? dumped[i] : "", after);
		pg_sql(&pg, p->schema, sql);
	}
}

static void test_old_dump(void)
{
	struct place p;
	struct store *s;
	uint8_t uuid[16], other[16];

	place_init(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 1, true, uuid), HUFU_OK);
	for_each_table(&p, "CREATE TABLE old_", " AS SELECT * FROM hufu_", "");
	CU_ASSERT_EQUAL(sample_insert(s, 2, true, other), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(s, 2, 0, true, other), HUFU_OK);
	for_each_table(&p, "DELETE FROM hufu_", "", "");
	for_each_table(&p, "INSERT INTO hufu_", " SELECT * FROM old_", "");

	CU_ASSERT_EQUAL(sample_check(s, 1, 0, true, uuid), HUFU_OK);
	CU_ASSERT_TRUE(status_of(s).rolled_back);
	CU_ASSERT_TRUE(log_has(&p, "ALARM"));
	CU_ASSERT_EQUAL(sample_insert(s, 3, true, other), HUFU_ERR_STORE_READ_ONLY);
	store_close(s); /* it is remembered over a restart */
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	CU_ASSERT_TRUE(status_of(s).rolled_back);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_ERR_STORE_READ_ONLY);
	CU_ASSERT_EQUAL(store_accept_head(s, (const uint8_t *)SO_PIN, strlen(SO_PIN)), HUFU_OK);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(s, 3, true, other), HUFU_OK);
	store_close(s);
	place_clear(&p);
}

/* -- from one engine to another ------------------------------------------------------------------------ */

static bool holds(const struct store_conf *conf, const uint8_t uuids[3][16])
{
	struct store *s;
	struct store_report r;

	if (store_open(conf, &s) != HUFU_OK)
		return false;
	bool good = login(s, STORE_USER, USER_PIN) == HUFU_OK && store_verify(s, NULL, NULL, &r) == HUFU_OK && r.rows == 3;
	for (unsigned i = 0; good && i < 3; i++)
		good = sample_check(s, i, 0, i % 2, uuids[i]) == HUFU_OK;
	store_close(s);
	return good;
}

static void test_migrate(void)
{
	struct place p, other;
	struct store *s;
	char path[256];
	uint8_t uuids[3][16];

	place_init(&p);
	place_login(&p);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(sample_insert(p.store, i, i % 2, uuids[i]), HUFU_OK);
	struct store_status from = status_of(p.store);
	snprintf(path, sizeof(path), "%s/moved.db", p.dir);
	struct store_conf file = p.conf;
	file.engine = CONF_STORE_SQLITE;
	file.path = path;
	CU_ASSERT_EQUAL(store_migrate(p.store, &file), HUFU_OK);
	CU_ASSERT_EQUAL(store_migrate(p.store, &file), HUFU_ERR_EXISTS);
	CU_ASSERT_EQUAL_FATAL(store_open(&file, &s), HUFU_OK);
	struct store_status there = status_of(s);
	CU_ASSERT(there.revision == from.revision && !memcmp(there.chain, from.chain, 32) && !memcmp(there.id, from.id, 16));
	CU_ASSERT_TRUE(holds(&file, uuids));

	place_empty(&other); /* and into another database: with the same host secret */
	other.conf.host_secret = p.conf.host_secret;
	CU_ASSERT_EQUAL(store_migrate(s, &other.conf), HUFU_OK);
	CU_ASSERT_EQUAL(store_migrate(s, &other.conf), HUFU_ERR_EXISTS);
	CU_ASSERT_TRUE(holds(&other.conf, uuids));
	store_close(s);
	place_clear(&other);
	place_clear(&p);
}

/* Nobody asks the machine for anything. */
static void test_watched(void)
{
	struct place p;
	struct store *s;
	uint8_t uuid[16];
	uint64_t until = now_ms() + EVENT_S * 1000;

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL_FATAL(open_machine(&p, "a", &s), HUFU_OK);
	for_each_table(&p, "CREATE TABLE old_", " AS SELECT * FROM hufu_", "");
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	char memory[256], line[256] = "", revision[32];
	snprintf(memory, sizeof(memory), "%s/a.head", p.dir);
	snprintf(revision, sizeof(revision), "%020lu", status_of(p.store).revision);
	while (!strstr(line, revision) && now_ms() < until) {
		line[read_file(memory, (uint8_t *)line, sizeof(line) - 1)] = '\0';
		clock_sleep_ns(10 * NS_PER_MS);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(line, revision));
	for_each_table(&p, "DELETE FROM hufu_", "", "");
	for_each_table(&p, "INSERT INTO hufu_", " SELECT * FROM old_", "");
	while (!log_has(&p, "ALARM") && now_ms() < until)
		clock_sleep_ns(10 * NS_PER_MS);
	CU_ASSERT_TRUE(log_has(&p, "ALARM"));
	store_close(s);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"the server is killed and started again under load: nothing acknowledged is lost, one row an op", test_server_killed},
	{"connections are killed under load: likewise", test_connections_killed},
	{"a commit whose answer is lost is looked up", test_lost_answer},
	{"two machines see each other's changes at once, and their copies are whole", test_two_machines},
	{"with the database away a machine reads, and refuses changes at once", test_database_away},
	{"with a database that hangs likewise", test_database_frozen},
	{"a copy older than stale_s is not used", test_stale},
	{"a copy that is damaged is made anew", test_bad_copy},
	{"a copy that cannot be kept keeps nobody from the database", test_no_copy},
	{"a copy that is closed while the database is away stays as old as it is", test_age_of_a_closed_copy},
	{"an old dump is noticed, and used only after the officer's word", test_old_dump},
	{"a machine that nobody asks remembers what others change, and notices an old dump", test_watched},
	{"a store moves from one engine to the other and back, and overwrites nothing", test_migrate},
	{0},
};

UNIT_MAIN("pg", cases)
