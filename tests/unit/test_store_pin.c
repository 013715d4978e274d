/* SPDX-License-Identifier: Apache-2.0 */
/* PINs: a try is counted before it is looked at, whatever happens then; a right one clears the count. */
#include "store_util.h"
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/internal.h"

static struct store_role_info role_of(struct store *s, enum store_role role)
{
	struct store_token t = {0};

	CU_ASSERT_EQUAL(store_token(s, &t), HUFU_OK);
	return t.roles[role];
}

static uint32_t left(struct store *s)
{
	return role_of(s, STORE_USER).tries_left;
}

static enum hufu_err set_pin(struct store *s, enum store_role role, const char *old, const char *pin)
{
	return store_set_pin(s, role, (const uint8_t *)old, strlen(old), (const uint8_t *)pin, strlen(pin));
}

static void test_login(void)
{
	struct place p;

	place_init(&p);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, USER_PIN), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, SO_PIN), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, ""), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, (enum store_role)2, USER_PIN), HUFU_ERR_ARGUMENT);
	CU_ASSERT_EQUAL(store_login(p.store, STORE_USER, NULL, 4), HUFU_ERR_ARGUMENT);
	place_clear(&p);
}

static void test_count_and_lock(void)
{
	struct place p;
	char longest[STORE_PIN_MAX + 2];

	place_init(&p);
	memset(longest, 'x', sizeof(longest));
	CU_ASSERT_EQUAL(left(p.store), 5);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(left(p.store), 3);
	/* Longer than any PIN: says nothing, costs nothing. */
	CU_ASSERT_EQUAL(store_login(p.store, STORE_USER, (const uint8_t *)longest, sizeof(longest)), HUFU_ERR_PIN_LEN);
	place_reopen(&p);
	CU_ASSERT_EQUAL(left(p.store), 3);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(left(p.store), 5);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(left(p.store), 0);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_LOCKED);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_ERR_PIN_LOCKED);
	CU_ASSERT_TRUE(log_has(&p, "locked after 5 wrong tries"));
	CU_ASSERT_FALSE(log_has(&p, USER_PIN));
	place_clear(&p);
}

static void test_so_unlocks(void)
{
	struct place p;
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	store_logout(p.store);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(store_init_pin(p.store, (const uint8_t *)"fresh", 5), HUFU_ERR_LOCKED);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(store_init_pin(p.store, (const uint8_t *)"abc", 3), HUFU_ERR_PIN_LEN);
	CU_ASSERT_EQUAL(store_init_pin(p.store, (const uint8_t *)"fresh", 5), HUFU_OK);
	CU_ASSERT_EQUAL(left(p.store), 5);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "fresh"), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	place_clear(&p);
}

static uint64_t epoch(struct store *s, enum store_role role)
{
	uint64_t n = 0;

	CU_ASSERT_EQUAL(store_role_epoch(s, role, &n), HUFU_OK);
	return n;
}

/* What a login opened can be opened again without the PIN, until the token is another; each PIN that is set has an epoch. */
static void test_unlock_by_key(void)
{
	struct place p;
	struct store_token t;
	uint8_t uuid[16], key[STORE_TOKEN_KEY_LEN];

	place_init(&p);
	CU_ASSERT_EQUAL(store_token_key(p.store, key), HUFU_ERR_LOCKED);
	place_login(&p);
	CU_ASSERT_EQUAL(store_token(p.store, &t), HUFU_OK);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(store_token_key(p.store, key), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_FALSE(store_unlocked(p.store));
	CU_ASSERT_EQUAL(store_unlock(p.store, t.id, key), HUFU_OK);
	CU_ASSERT_TRUE(store_unlocked(p.store));
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);

	uint64_t user = epoch(p.store, STORE_USER), so = epoch(p.store, STORE_SO);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(epoch(p.store, STORE_USER), user);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(epoch(p.store, STORE_USER), user);
	CU_ASSERT_EQUAL(epoch(p.store, STORE_SO), so);

	CU_ASSERT_EQUAL(store_init(&p.conf, (const uint8_t *)SO_PIN, strlen(SO_PIN), t.label), HUFU_OK);
	CU_ASSERT_EQUAL(store_unlock(p.store, t.id, key), HUFU_ERR_EXPIRED);
	CU_ASSERT_FALSE(store_unlocked(p.store));
	place_clear(&p);
}

static void test_set_pin(void)
{
	struct place p;
	uint8_t uuid[16];

	place_init(&p);
	place_login(&p);
	CU_ASSERT_EQUAL(sample_insert(p.store, 1, true, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, "wrong", "another"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(left(p.store), 4);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "abc"), HUFU_ERR_PIN_LEN);
	CU_ASSERT_EQUAL(left(p.store), 4);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_OK);
	CU_ASSERT_EQUAL(left(p.store), 5);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_SO, SO_PIN, "new officer"), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, "new officer"), HUFU_OK);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "another"), HUFU_OK);
	CU_ASSERT_EQUAL(sample_check(p.store, 1, 0, true, uuid), HUFU_OK);
	place_clear(&p);
}

static void test_unset(void)
{
	struct place p;

	place_empty(&p);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_OK);
	place_reopen(&p);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_UNSET);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_ERR_PIN_UNSET);
	CU_ASSERT_EQUAL(left(p.store), 5);
	place_clear(&p);
}

/* -- the officer's delay --------------------------------------------------------------- */

static uint64_t virtual_ns;

static uint64_t virtual_now(void)
{
	return virtual_ns;
}

static void test_so_delay(void)
{
	struct place p;

	place_init(&p);
	if (p.conf.engine == CONF_STORE_POSTGRES) {
		place_clear(&p);
		UNIT_SKIP("machines of a database wait by the wall clock, which the case before looks at");
	}
	virtual_ns = 1000 * NS_PER_S;
	clock_inject(virtual_now);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(role_of(p.store, STORE_SO).delay_s, 0);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, "wrong"), HUFU_ERR_PIN);
	}
	/* 1, 2, 4, ... seconds; not even the right PIN is looked at before. */
	for (uint32_t delay = 1; delay <= 512; delay *= 2) {
		CU_ASSERT_EQUAL(role_of(p.store, STORE_SO).delay_s, delay);
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_ERR_PIN_LOCKED);
		virtual_ns += delay * NS_PER_S - 1;
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_ERR_PIN_LOCKED);
		virtual_ns++;
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, "wrong"), HUFU_ERR_PIN);
	}
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(role_of(p.store, STORE_SO).delay_s, 900);
		virtual_ns += 900 * NS_PER_S;
		CU_ASSERT_EQUAL(login(p.store, STORE_SO, "wrong"), HUFU_ERR_PIN);
	}
	/* A boot begins the clock anew: the delay neither vanishes nor lasts for ever. */
	virtual_ns = 10 * NS_PER_S;
	CU_ASSERT_EQUAL(role_of(p.store, STORE_SO).delay_s, 890);
	CU_ASSERT_EQUAL(init(&p, SO_PIN), HUFU_ERR_PIN_LOCKED);
	virtual_ns = 900 * NS_PER_S;
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(role_of(p.store, STORE_SO).delay_s, 0);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, "wrong"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login(p.store, STORE_SO, SO_PIN), HUFU_OK);
	clock_inject(NULL);
	place_clear(&p);
}

/* Machines that share a database began their monotonic clocks at different times: whoever asks them in turn waits all the same. */
static void test_so_delay_of_machines(void)
{
	static const uint64_t up_s[] = {10, 100000000};
	struct sealed machine = {.conf.engine = CONF_STORE_POSTGRES}, host = {.conf.engine = CONF_STORE_SQLITE};
	const uint64_t wall_ns = (uint64_t)clock_wall_s() * NS_PER_S;

	clock_inject(virtual_now);
	for (size_t i = 0; i < sizeof(up_s) / sizeof(up_s[0]); i++) {
		virtual_ns = up_s[i] * NS_PER_S;
		struct role_row r = {.tries = 20, .failed_ns = wall_ns};
		CU_ASSERT(pin_delay_s(&machine, &r) > 800);
		r.failed_ns = wall_ns - 3600 * NS_PER_S;
		CU_ASSERT_EQUAL(pin_delay_s(&machine, &r), 0);
		r.failed_ns = wall_ns + 3600 * NS_PER_S; /* by another's clock, which is ahead */
		CU_ASSERT_EQUAL(pin_delay_s(&machine, &r), 900);
		r.failed_ns = wall_ns + 365 * 86400 * NS_PER_S; /* by one that was wrong */
		CU_ASSERT_EQUAL(pin_delay_s(&machine, &r), 0);
		r.failed_ns = virtual_ns;
		CU_ASSERT_EQUAL(pin_delay_s(&host, &r), 900);
	}
	clock_inject(NULL);
}

/* -- several processes -------------------------------------------------------------------- */

/* The PIN's row asks for so many iterations that nothing but a kill ends the check. */
static void make_slow(struct store *s)
{
	struct role_row r;

	CU_ASSERT_EQUAL(sealed_enter(sealed_of(s), TX_WRITE), HUFU_OK);
	CU_ASSERT_EQUAL(role_read(sealed_of(s), STORE_USER, &r), HUFU_OK);
	r.iterations = PIN_ITERATIONS_MAX;
	CU_ASSERT_EQUAL(sealed_leave(sealed_of(s), TX_WRITE, role_write(sealed_of(s), STORE_USER, &r)), HUFU_OK);
}

static void test_killed_amid_check(void)
{
	struct place p;
	struct store *s;
	int status;

	place_init(&p);
	make_slow(p.store);
	fflush(stdout);
	store_before_fork(p.store);
	pid_t pid = fork();
	if (pid == 0)
		_exit(store_open(&p.conf, &s) != HUFU_OK || login(s, STORE_USER, USER_PIN) != HUFU_OK);
	store_after_fork_parent(p.store);
	while (left(p.store) == 5)
		usleep(1000);
	kill(pid, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(left(p.store), 4);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT settled FROM role WHERE role = 1"), 0);
	place_clear(&p);
}

/* Guesses until the role is locked; the status counts the guesses that were looked at. */
static int guess(const struct place *p)
{
	struct store *s;
	int wrong = 0;

	if (store_open(&p->conf, &s) != HUFU_OK)
		return 100;
	for (;;) {
		enum hufu_err err = login(s, STORE_USER, "wrong");
		if (err == HUFU_ERR_PIN)
			wrong++;
		else
			return err == HUFU_ERR_PIN_LOCKED ? wrong : 101;
	}
}

static void test_two_guess_at_once(void)
{
	struct place p;
	int total = 0, status;

	place_init(&p);
	store_close(p.store);
	p.store = NULL;
	fflush(stdout);
	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			_exit(guess(&p));
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) < 100);
		total += WEXITSTATUS(status);
	}
	CU_ASSERT_EQUAL(total, 5);
	place_reopen(&p);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_LOCKED);
	place_clear(&p);
}

static int login_rightly(const struct place *p)
{
	struct store *s;

	return store_open(&p->conf, &s) != HUFU_OK || login(s, STORE_USER, USER_PIN) != HUFU_OK;
}

static void test_burst_of_right_logins(void)
{
	struct place p;
	int status;

	place_init(&p);
	/* More processes than tries, and a check slow enough that they are all in it together. */
	p.conf.user_tries = 3;
	p.conf.pin_iterations = 20000;
	p.conf.deadline_ms = 60000;
	place_reopen(&p);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, USER_PIN), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	fflush(stdout);
	for (int i = 0; i < 12; i++)
		if (fork() == 0)
			_exit(login_rightly(&p));
	for (int i = 0; i < 12; i++)
		CU_ASSERT_TRUE(wait(&status) > 0 && status == 0);
	place_reopen(&p);
	CU_ASSERT_EQUAL(left(p.store), 3);
	place_clear(&p);
}

static enum hufu_err login_sparingly(const struct place *p, const char *pin)
{
	struct store *s;

	enum hufu_err err = store_open(&p->conf, &s);
	if (err != HUFU_OK)
		return err;
	err = store_login_sparing(s, STORE_USER, (const uint8_t *)pin, strlen(pin));
	store_close(s);
	return err;
}

/* As servers that start: 12 processes, 3 tries. The number of those whose answer was want. */
static int burst(const struct place *p, const char *pin, enum hufu_err want)
{
	int n = 0, status;

	fflush(stdout);
	for (int i = 0; i < 12; i++)
		if (fork() == 0)
			_exit(login_sparingly(p, pin) == want);
	for (int i = 0; i < 12; i++) {
		CU_ASSERT_TRUE(wait(&status) > 0 && WIFEXITED(status));
		n += WEXITSTATUS(status);
	}
	return n;
}

static void test_burst_of_sparing_logins(void)
{
	struct place p;

	place_init(&p);
	p.conf.user_tries = 3;
	p.conf.pin_iterations = 20000;
	p.conf.deadline_ms = 60000;
	place_reopen(&p);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, USER_PIN), HUFU_OK);
	store_close(p.store);
	p.store = NULL;
	CU_ASSERT_EQUAL(burst(&p, USER_PIN, HUFU_OK), 12);
	CU_ASSERT_EQUAL(burst(&p, "wrong", HUFU_ERR_PIN), 2);
	CU_ASSERT_EQUAL(burst(&p, "wrong", HUFU_ERR_PIN_LAST), 12);
	place_reopen(&p);
	CU_ASSERT_EQUAL(left(p.store), 1);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	CU_ASSERT_EQUAL(burst(&p, USER_PIN, HUFU_OK), 12);
	place_clear(&p);
}

/* Where the first wrong PIN locks: it would keep everybody out. */
static void test_sparing_with_one_try(void)
{
	struct place p;

	place_init(&p);
	p.conf.user_tries = 1;
	place_reopen(&p);
	CU_ASSERT_EQUAL(login_sparingly(&p, USER_PIN), HUFU_OK);
	place_clear(&p);
}

/* A try whose process died after the count: as the row then stands. */
static void lose_a_try(struct store *s)
{
	struct role_row r;

	CU_ASSERT_EQUAL(sealed_enter(sealed_of(s), TX_WRITE), HUFU_OK);
	CU_ASSERT_EQUAL(role_read(sealed_of(s), STORE_USER, &r), HUFU_OK);
	r.tries++;
	CU_ASSERT_EQUAL(sealed_leave(sealed_of(s), TX_WRITE, role_write(sealed_of(s), STORE_USER, &r)), HUFU_OK);
}

static void test_lost_tries_lock_too(void)
{
	struct place p;

	place_init(&p);
	p.conf.deadline_ms = 100;
	place_reopen(&p);
	for (int i = 0; i < 5; i++)
		lose_a_try(p.store);
	CU_ASSERT_EQUAL(left(p.store), 0);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_LOCKED);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_PIN_LOCKED);
	CU_ASSERT_EQUAL(ask(p.path, "SELECT settled FROM role WHERE role = 1"), 5);
	place_clear(&p);
}

/* The PIN changes while the old one is being looked at: neither the count nor the login is the old PIN's. */
static void test_changed_meanwhile(void)
{
	struct place p;
	struct pin_proof proof = {0};
	struct role_row fresh;

	place_init(&p);
	CU_ASSERT_EQUAL(pin_prove(sealed_of(p.store), STORE_USER, (const uint8_t *)USER_PIN, strlen(USER_PIN), &proof), HUFU_OK);
	enum hufu_err err = pin_wrap(&p.conf, sealed_of(p.store)->keys, proof.token_id, STORE_USER, (const uint8_t *)"other", 5,
	                             proof.token_key, &fresh);
	CU_ASSERT_EQUAL(err, HUFU_OK);
	CU_ASSERT_EQUAL(sealed_enter(sealed_of(p.store), TX_WRITE), HUFU_OK);
	fresh.epoch = proof.row.epoch + 1;
	fresh.tries = 2;
	CU_ASSERT_EQUAL(sealed_leave(sealed_of(p.store), TX_WRITE, role_write(sealed_of(p.store), STORE_USER, &fresh)), HUFU_OK);
	CU_ASSERT_EQUAL(left(p.store), 3);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "third"), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(left(p.store), 2);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, "other"), HUFU_OK);
	place_clear(&p);
}

static void test_iterations_bounded(void)
{
	struct place p;

	place_init(&p);
	p.conf.pin_iterations = PIN_ITERATIONS_MAX + 1;
	place_reopen(&p);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_ERR_ARGUMENT);
	p.conf.pin_iterations = 0;
	place_reopen(&p);
	CU_ASSERT_EQUAL(set_pin(p.store, STORE_USER, USER_PIN, "another"), HUFU_ERR_ARGUMENT);
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_OK);
	/* A count that would keep us busy for years is damage, not work. */
	tamper(p.path, "UPDATE role SET iterations = 10000001 WHERE role = 1");
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_CORRUPT);
	tamper(p.path, "UPDATE role SET iterations = 0 WHERE role = 1");
	CU_ASSERT_EQUAL(login(p.store, STORE_USER, USER_PIN), HUFU_ERR_STORE_CORRUPT);
	place_clear(&p);
}

static const struct unit_case cases[] = {
	{"each role logs in with its own PIN only", test_login},
	{"wrong tries are counted across processes' lives and lock the user", test_count_and_lock},
	{"the security officer sets a new PIN and the objects are still there", test_so_unlocks},
	{"what a login opened opens again by its key, until the token is another", test_unlock_by_key},
	{"a role changes its own PIN, with the old one counted like a login", test_set_pin},
	{"a role without a PIN is told from one with a wrong PIN", test_unset},
	{"the security officer's wait is the same at all machines of a database", test_so_delay_of_machines},
	{"the security officer is never locked but waits 1, 2, 4 ... 900 seconds, across boots too", test_so_delay},
	{"a try is counted though its process is killed while the PIN is looked at", test_killed_amid_check},
	{"two processes that guess at once get no more tries than one", test_two_guess_at_once},
	{"more right logins at once than tries lock nobody out", test_burst_of_right_logins},
		{"PINs that nobody typed, of processes that start at once, do not lock the user, nor are the right ones refused",
		 test_burst_of_sparing_logins},
		{"but the only try that there is is theirs, too", test_sparing_with_one_try},
	{"tries whose process died lock the user like wrong ones", test_lost_tries_lock_too},
	{"a PIN changed while the old one is looked at stays changed", test_changed_meanwhile},
	{"iteration counts beyond the bounds are refused, not worked off", test_iterations_bounded},
	{0},
};

UNIT_MAIN("store-pin", cases)
