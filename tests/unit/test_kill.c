/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: kill -9 at any instant loses no acknowledged object, leaves none in
 * part, and leaves PIN tries no higher than they were.
 */
#include "store_util.h"
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define ROUNDS 60
#define OBJECTS_MAX 4096

/* What a writer says when a call has returned. */
struct ack {
	unsigned number;
	uint8_t uuid[16];
	uint32_t round;          /* as of the insert, an update, or deleted (2) */
};

static struct {
	struct ack acks[OBJECTS_MAX];
	unsigned n;
} known;

static void say(int fd, unsigned number, uint32_t round, const uint8_t uuid[16])
{
	struct ack a = {.number = number, .round = round};

	memcpy(a.uuid, uuid, 16);
	if (write(fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
		_exit(0);
}

/* Inserts, updates, deletes and guesses until it is killed. */
static void write_until_killed(const struct place *p, int fd, unsigned first)
{
	struct store *s;
	struct sample m;
	uint8_t uuid[16];

	if (store_open(&p->conf, &s) || login(s, STORE_USER, USER_PIN))
		_exit(3);
	sqlite3_wal_autocheckpoint(file_of(s)->db, 20);
	for (unsigned i = first;; i++) {
		sample_init(&m, i, 1, i % 2);
		if (sample_insert(s, i, i % 2, uuid))
			_exit(4);
		say(fd, i, 0, uuid);
		if (i % 3 == 0) {
			if (store_update(s, uuid, 1, &m.draft))
				_exit(5);
			say(fd, i, 1, uuid);
		}
		if (i % 5 == 0) {
			if (store_delete(s, uuid, 0))
				_exit(6);
			say(fd, i, 2, uuid);
		}
		if (i % 7 == 0 && (login(s, STORE_USER, "wrong") != HUFU_ERR_PIN || login(s, STORE_USER, USER_PIN)))
			_exit(7);
	}
}

static void remember(const struct ack *a)
{
	if (known.n && known.acks[known.n - 1].number == a->number)
		known.acks[known.n - 1] = *a;
	else if (known.n < OBJECTS_MAX)
		known.acks[known.n++] = *a;
}

/* Kills the writer after so many of its words: amid what comes next. */
static void kill_after(const struct place *p, unsigned words, unsigned spin)
{
	int fds[2];
	struct ack a;
	int status;
	unsigned first = known.n ? known.acks[known.n - 1].number + 2 : 0;

	if (pipe(fds) != 0)
		abort();
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		write_until_killed(p, fds[1], first);
	}
	close(fds[1]);
	while (words-- && read(fds[0], &a, sizeof(a)) == (ssize_t)sizeof(a))
		remember(&a);
	for (volatile unsigned i = 0; i < spin; i++)
		;
	kill(pid, SIGKILL);
	while (read(fds[0], &a, sizeof(a)) == (ssize_t)sizeof(a))
		remember(&a);
	close(fds[0]);
	CU_ASSERT_TRUE(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* As acknowledged, or one step further; nothing else. */
static bool judge(struct store *s, const struct ack *a)
{
	uint64_t version;
	enum hufu_err err = store_version(s, a->uuid, &version);

	if (err == HUFU_ERR_NOT_FOUND)
		return a->round == 2 || a->number % 5 == 0;
	if (err || a->round == 2 || version < a->round + 1 || version > 2)
		return false;
	return sample_check(s, a->number, (unsigned)version - 1, a->number % 2, a->uuid) == HUFU_OK;
}

static void test_kill(void)
{
	struct place p;
	struct store_report r;
	struct store_token t;
	uint32_t x = 20240229;

	place_init(&p);
	for (unsigned round = 0; round < ROUNDS; round++) {
		store_close(p.store);
		p.store = NULL;
		x = x * 1664525u + 1013904223u;
		kill_after(&p, 1 + (x >> 28), (x >> 8) % 200000);
		place_reopen(&p);
		CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
		CU_ASSERT_TRUE(t.roles[STORE_USER].tries_left >= 3); /* a wrong one and a right one at most */
		place_login(&p);
		CU_ASSERT_EQUAL(store_verify(p.store, NULL, NULL, &r), HUFU_OK);
	}
	for (unsigned i = 0; i < known.n; i++)
		CU_ASSERT_TRUE(judge(p.store, &known.acks[i]));
	printf("# %u objects acknowledged\n", known.n);
	CU_ASSERT_TRUE(known.n >= ROUNDS);
	place_clear(&p);
}

static uint64_t init_for(const struct place *p, uint64_t ns)
{
	int status;
	struct timespec ts = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
	uint64_t begin = clock_now_ns();

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(init(p, SO_PIN) != HUFU_OK);
	if (ns) {
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return clock_now_ns() - begin;
}

/* A token is made whole or not at all, and the next attempt succeeds. */
static void test_kill_init(void)
{
	struct place p;
	struct store *s;
	unsigned made = 0;

	place_empty(&p);
	uint64_t whole = init_for(&p, 0); /* only to spread the kills over it: nothing passes or fails by it */
	file_remove_db(p.path);
	for (unsigned round = 1; round <= 40; round++) {
		init_for(&p, whole * round / 32);
		enum hufu_err err = store_open(&p.conf, &s);
		CU_ASSERT_TRUE(err == HUFU_OK || err == HUFU_ERR_STORE_MISSING);
		if (err)
			continue;
		made++;
		CU_ASSERT_EQUAL(login(s, STORE_SO, SO_PIN), HUFU_OK);
		store_close(s);
		file_remove_db(p.path);
	}
	printf("# %u of 40 were made\n", made);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	place_reopen(&p);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"60 writers killed at random: what they were told is there, whole", test_kill},
	{"init killed at random: a token or none", test_kill_init},
	{0},
};

UNIT_MAIN("kill", cases)
