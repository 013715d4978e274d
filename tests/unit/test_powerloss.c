/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: after a power loss at any instant, whatever became of unsynced
 * writes, an acknowledged object is there and whole, one that was not is absent
 * or whole, PIN tries have not gone up, and verify is clean.
 */
#include <unistd.h>

#include "powerloss_vfs.h"
#include "store_util.h"
#include "unit.h"

#define OBJECTS 10

/* An object's fate, by points in time; 0: never. round 1 is an update that keeps, round 2 one that replaces the copies. */
struct history {
	uint8_t uuid[16];
	bool private_object;
	size_t begun[4], acked[4]; /* inserted, two updates, deleted */
};

/* A PIN try: what is left before and after, and when. */
struct attempt {
	size_t begun, acked;
	uint32_t before, after;
};

#define ATTEMPTS 8

static struct {
	struct place p;
	char replay[256], memory[256];
	struct history objects[OBJECTS];
	struct attempt attempts[ATTEMPTS];
	size_t nattempts;
} world;

static void step(struct history *h, unsigned what, unsigned number)
{
	struct sample m;
	enum hufu_err err;
	struct store *s = world.p.store;

	sample_init(&m, number, what, h->private_object);
	m.draft.ncopies = what == 1 ? 0 : 2;
	h->begun[what] = powerloss_now() + 1;
	if (what == 0)
		err = store_insert(s, &m.draft, h->uuid);
	else if (what < 3)
		err = store_update(s, h->uuid, what, &m.draft);
	else
		err = store_delete(s, h->uuid, 0);
	CU_ASSERT_EQUAL(err, HUFU_OK);
	h->acked[what] = powerloss_now();
}

static uint32_t tries_left(struct store *s)
{
	struct store_token t = {0};

	CU_ASSERT_EQUAL(store_token(s, &t), HUFU_OK);
	return t.roles[STORE_USER].tries_left;
}

static void attempt(bool right)
{
	struct attempt *a = &world.attempts[world.nattempts++];

	a->before = tries_left(world.p.store);
	a->begun = powerloss_now();
	CU_ASSERT_EQUAL(login(world.p.store, STORE_USER, right ? USER_PIN : "wrong"), right ? HUFU_OK : HUFU_ERR_PIN);
	a->acked = powerloss_now();
	a->after = tries_left(world.p.store);
}

/* Everything a store does, with checkpoints in between, while the disk is watched. */
static void live(void)
{
	place_init(&world.p);
	store_close(world.p.store);
	world.p.store = NULL;
	snprintf(world.replay, sizeof(world.replay), "%s/replay.db", world.p.dir);
	snprintf(world.memory, sizeof(world.memory), "%s/replay.head", world.p.dir);
	powerloss_register();
	world.p.conf.vfs = POWERLOSS_VFS;
	powerloss_start(world.p.path);
	place_reopen(&world.p);
	attempt(false);
	attempt(true);
	sqlite3_wal_autocheckpoint(file_of(world.p.store)->db, 12);
	for (unsigned i = 0; i < OBJECTS; i++) {
		struct history *h = &world.objects[i];
		h->private_object = i % 2;
		step(h, 0, i);
		if (i % 3 == 0)
			attempt(i % 2);
		if (i % 2)
			step(h, 1, i);
		if (i % 4 == 1)
			step(h, 2, i);
		if (i % 4 == 0)
			step(h, 3, i);
	}
	store_close(world.p.store); /* and its checkpoint */
	world.p.store = NULL;
}

/* May the object look like this at that point? what: as of insert or update 0..2, 3 gone, -1 not yet there. */
static bool possible(const struct history *h, int what, size_t at)
{
	if (what >= 0 && (!h->begun[what] || h->begun[what] > at))
		return false; /* from the future */
	for (int later = what + 1; later < 4; later++)
		if (h->acked[later] && h->acked[later] <= at)
			return false; /* acknowledged, and lost */
	return true;
}

static void judge_object(struct store *s, unsigned i, size_t at)
{
	const struct history *h = &world.objects[i];
	bool fine = false;
	uint64_t version;

	if (!h->begun[0] || h->begun[0] > at)
		return;
	enum hufu_err err = store_version(s, h->uuid, &version);
	if (err == HUFU_ERR_NOT_FOUND)
		fine = possible(h, -1, at) || possible(h, 3, at);
	else if (!err && version >= 1 && version <= 3)
		fine = possible(h, (int)version - 1, at) &&
		       sample_check(s, i, (unsigned)version - 1, h->private_object, h->uuid) == HUFU_OK;
	CU_ASSERT_TRUE(fine);
}

/* What is left lies between what was acknowledged last and what is being acknowledged; more only by a right PIN. */
static void judge_tries(struct store *s, size_t at)
{
	uint32_t left = tries_left(s), most = world.attempts[0].before, least = most;

	for (size_t i = 0; i < world.nattempts; i++) {
		const struct attempt *a = &world.attempts[i];
		if (a->acked <= at)
			most = least = a->after;
		else if (a->begun < at) {
			most = a->before > a->after ? a->before : a->after;
			least = a->before - 1 < a->after ? a->before - 1 : a->after;
		}
	}
	CU_ASSERT_TRUE(left >= least && left <= most);
}

static void judge(size_t at)
{
	struct store *s = NULL;
	struct store_report r;
	struct store_conf conf = world.p.conf;

	conf.path = world.replay;
	conf.head = world.memory;
	conf.vfs = NULL;
	unlink(world.memory); /* each instant has a past of its own */
	CU_ASSERT_EQUAL(store_open(&conf, &s), HUFU_OK);
	if (!s)
		return;
	judge_tries(s, at);
	CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
	for (unsigned i = 0; i < OBJECTS; i++)
		judge_object(s, i, at);
	CU_ASSERT_EQUAL(store_verify(s, NULL, NULL, &r), HUFU_OK);
	/* And it can be used: the next write is not lost on what the last left behind. */
	if (at % 16 == 0) {
		uint8_t uuid[16];
		CU_ASSERT_EQUAL(sample_insert(s, 77, true, uuid), HUFU_OK);
		store_close(s);
		CU_ASSERT_EQUAL(store_open(&conf, &s), HUFU_OK);
		CU_ASSERT_EQUAL(login(s, STORE_USER, USER_PIN), HUFU_OK);
		CU_ASSERT_EQUAL(sample_check(s, 77, 0, true, uuid), HUFU_OK);
	}
	store_close(s);
}

static void each_instant(enum powerloss_fate fate, uint32_t seeds)
{
	for (size_t at = 0; at <= powerloss_now(); at++) {
		for (uint32_t seed = 1; seed <= seeds; seed++) {
			unsigned before = CU_get_number_of_failures();
			file_remove_db(world.replay);
			powerloss_replay(at, fate, (uint32_t)at * 31 + seed, world.replay);
			judge(at);
			if (CU_get_number_of_failures() > before) {
				printf("# fate %d, seed %u, at %zu of %zu\n", (int)fate, seed, at, powerloss_now());
				return;
			}
		}
	}
}

static void test_recorded(void)
{
	live();
	printf("# %zu events recorded\n", powerloss_now());
	CU_ASSERT_TRUE(powerloss_now() > 100);
}

static void test_lost(void)
{
	each_instant(POWERLOSS_LOST, 1);
}

static void test_kept(void)
{
	each_instant(POWERLOSS_KEPT, 1);
}

static void test_random(void)
{
	each_instant(POWERLOSS_RANDOM, 2);
}

static void test_torn(void)
{
	each_instant(POWERLOSS_TORN, 2);
}

static void test_end(void)
{
	powerloss_stop();
	place_clear(&world.p);
}

static const struct unit_case cases[] = {
	{"a life of a store is recorded: inserts, updates, deletes, logins, checkpoints", test_recorded},
	{"power loss at each instant, all unsynced writes lost", test_lost},
	{"power loss at each instant, all unsynced writes kept", test_kept},
	{"power loss at each instant, unsynced writes kept at random", test_random},
	{"power loss at each instant, unsynced writes torn by sectors", test_torn},
	{"the recording ends", test_end},
	{0},
};

UNIT_MAIN("powerloss", cases)
