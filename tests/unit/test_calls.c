/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: no call outlasts its deadline whatever a driver does; what was lost goes
 * elsewhere, within a budget, once; hardware, software and tiers serve where they
 * should; a call that nobody waits in is done exactly once.
 */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/internal.h"
#include "vclock.h"

#define PATIENCE_MS 30000 /* what only a failure waits for */

/* -- a pool of a text --------------------------------------------------------- */

static struct {
	struct conf *conf;
	struct pool *pool;
	size_t secret_before;
} lab;

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

/* Fault, whose ops wait at a gate. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed;
	unsigned inside, tickets;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static struct hufu_driver gated;

static void gated_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	pthread_mutex_lock(&gate.lock);
	gate.inside++;
	pthread_cond_broadcast(&gate.changed);
	while (gate.closed && !gate.tickets)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.tickets -= gate.closed;
	gate.inside--;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	driver_fault.run(lease, ops, n);
}

static void gate_close(bool closed)
{
	pthread_mutex_lock(&gate.lock);
	gate.closed = closed;
	gate.tickets = 0;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static void gate_await(unsigned inside)
{
	pthread_mutex_lock(&gate.lock);
	while (gate.inside != inside)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void gate_let_one(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.tickets++;
	pthread_cond_broadcast(&gate.changed);
	while (gate.tickets)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static struct pool *start_as(const char *text, const char *driver)
{
	vclock_start(1000 * NS_PER_S);
	fault_reset();
	lab.secret_before = secret_in_use();
	if (conf_parse(text, "test", report, NULL, &lab.conf) != HUFU_OK)
		abort();
	for (size_t i = 0; driver && i < lab.conf->ndevices; i++) {
		free(lab.conf->devices[i].driver);
		lab.conf->devices[i].driver = strdup(driver);
	}
	if (pool_new(lab.conf, &lab.conf->tokens[0], &lab.pool) != HUFU_OK)
		abort();
	(void)!pool_can(lab.pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT); /* opens all */
	return lab.pool;
}

static struct pool *start(const char *text)
{
	return start_as(text, NULL);
}

/* Without threads, and the time passes while anybody sleeps. */
static struct pool *start_alone(const char *text)
{
	pool_allow_threads(false);
	start(text);
	vclock_sleep_passes(true);
	return lab.pool;
}

static void await_real(bool (*holds)(void *), void *arg)
{
	struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < PATIENCE_MS && !holds(arg); i++)
		nanosleep(&ms, NULL);
	CU_ASSERT(holds(arg));
}

static bool nothing_hangs(void *arg)
{
	(void)arg;
	return lanes_hung_ever() == 0;
}

static bool all_is_given_back(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < lab.conf->ndevices; i++) {
		struct fault_counts counts = fault_counts(lab.conf->devices[i].name);

		if (counts.leases != counts.releases || counts.opens != counts.closes)
			return false;
	}
	return secret_in_use() == lab.secret_before;
}

static void script(const char *device, const char *text)
{
	char why[256];

	if (fault_script(device, text, why, sizeof(why)) != HUFU_OK) {
		printf("# %s\n", why);
		abort();
	}
}

static void stop(void)
{
	for (size_t i = 0; i < lab.conf->ndevices; i++) {
		script(lab.conf->devices[i].name, ""); /* to give back what it holds */
		fault_release(lab.conf->devices[i].name);
	}
	await_real(nothing_hangs, NULL);
	pool_free(lab.pool);
	await_real(all_is_given_back, NULL); /* by the last thread that came back, if one hung meanwhile */
	conf_free(lab.conf);
	pool_allow_threads(true);
	vclock_stop();
}

static enum pool_state state_of(const char *name)
{
	for (size_t i = 0; i < lab.pool->ndevices; i++)
		if (strcmp(lab.pool->devices[i]->conf->name, name) == 0)
			return health_state(&lab.pool->devices[i]->health);
	abort();
}

static uint64_t counted(const char *name, enum stats_count what)
{
	for (size_t i = 0; i < lab.pool->ndevices; i++) {
		struct stats_device *stats = atomic_load(&lab.pool->devices[i]->stats);

		if (strcmp(lab.pool->devices[i]->conf->name, name) == 0)
			return stats ? atomic_load(&stats->counts[what]) : 0;
	}
	abort();
}

/* -- ops ---------------------------------------------------------------------- */

static const uint8_t clear_block[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                        0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
/* GB/T 32907 A.1: the block under itself as key. */
static const uint8_t sealed_block[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e,
                                         0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};

static struct pool_key *sm4_key(const char *const *domains, size_t n)
{
	struct pool_copy copies[4];
	struct pool_key *key;

	for (size_t i = 0; i < n; i++)
		copies[i] = (struct pool_copy){.kind = HUFU_COPY_BLOB, .domain = domains[i], .data = clear_block, .len = 16};
	if (pool_key_new(lab.pool, clear_block, 1, HUFU_KEY_SM4, copies, n, &key) != HUFU_OK)
		abort();
	return key;
}

static struct pool_key *key_of(const char *domain)
{
	return sm4_key(&domain, 1);
}

static struct pool_key *key_of_both(void)
{
	static const char *const both[] = {"hard", "soft"};

	return sm4_key(both, 2);
}

/* A call of a thread of its own. */
struct caller {
	pthread_t thread;
	struct pool_request req;
	uint8_t out[16];
	uint64_t ended_ns;
	_Atomic bool over;
};

static void fill(struct caller *caller, struct pool_key *key)
{
	*caller = (struct caller){.req = {.key = key,
	                                  .op = {.verb = HUFU_VERB_ENCRYPT,
	                                         .mechanism = CKM_HUFU_SM4_ECB,
	                                         .in = clear_block,
	                                         .in_len = 16,
	                                         .out = caller->out,
	                                         .out_cap = 16,
	                                         .repeatable = true}}};
}

static bool is_right(const struct caller *caller)
{
	return caller->req.err == HUFU_OK && caller->req.op.out_len == 16 && memcmp(caller->out, sealed_block, 16) == 0;
}

static void *call(void *arg)
{
	struct caller *caller = arg;

	(void)!pool_run(lab.pool, &caller->req);
	caller->ended_ns = vclock_now_ns();
	atomic_store(&caller->over, true);
	return NULL;
}

static void begin(struct caller *caller)
{
	if (pthread_create(&caller->thread, NULL, call, caller) != 0)
		abort();
}

static enum hufu_err encrypt(struct pool_key *key)
{
	struct caller caller;

	fill(&caller, key);
	enum hufu_err err = pool_run(lab.pool, &caller.req);
	return err == HUFU_OK && !is_right(&caller) ? HUFU_ERR_CORRUPT : err;
}

static const char *who_serves(struct pool_key *key)
{
	struct caller caller;

	fill(&caller, key);
	return pool_run(lab.pool, &caller.req) == HUFU_OK && is_right(&caller) ? caller.req.served_by : "nobody";
}

struct hung {
	const char *device;
	uint32_t n;
};

static bool as_many_hang(void *arg)
{
	struct hung *hung = arg;

	return fault_hung(hung->device) == hung->n;
}

static void await_hung(const char *device, uint32_t n)
{
	struct hung hung = {device, n};

	await_real(as_many_hang, &hung);
}

static _Atomic int order; /* in which calls ended */

struct number {
	uint64_t (*is)(void);
	uint64_t n;
};

static uint64_t waiting(void)
{
	return atomic_load(&lab.pool->calls.nwaiting);
}

static uint64_t served(void)
{
	return (uint64_t)atomic_load(&order);
}

static bool is_number(void *arg)
{
	struct number *number = arg;

	return number->is() == number->n;
}

static void await_number(uint64_t (*is)(void), uint64_t n)
{
	struct number number = {is, n};

	await_real(is_number, &number);
}

static uint64_t queued_on_a(void)
{
	struct lanes *lanes = atomic_load(&lab.pool->devices[0]->lanes);

	return lanes ? lanes_waiting(lanes) : 0;
}

#define TOKEN(devices, settings) "token \"t\" { store = \"sqlite:/t.db\" devices = {" devices "} " settings " }\n"
#define DEVICE(name, driver, domain, settings) \
	"device \"" name "\" { driver = \"" driver "\" domain = \"" domain "\" " settings " }\n"
/* Both always drawn; a's weight makes it the first. */
#define PAIR(driver) DEVICE("a", driver, "hard", "weight = 1000") DEVICE("b", driver, "hard", "weight = 1")

/* -- time limits ---------------------------------------------------------------- */

static void test_hang_goes_elsewhere(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	uint64_t begun = vclock_now_ns();
	CU_ASSERT(strcmp(who_serves(key), "a") == 0);
	script("a", "encrypt:hang@1");
	fill(&caller, key);
	begin(&caller);
	await_hung("a", 1);
	/* Too few samples for a percentile: attempt_max. */
	CU_ASSERT(vclock_await_between(begun + NS_PER_S, begun + NS_PER_S + 32 * LATENCY_NS_PER_BYTE));
	vclock_advance(NS_PER_S + 32 * LATENCY_NS_PER_BYTE);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(is_right(&caller) && strcmp(caller.req.served_by, "b") == 0 && caller.req.attempts == 2);
	CU_ASSERT(counted("a", STATS_TIMEOUTS) == 1 && counted("a", STATS_RETRIES) == 1);
	/* The late answer, written over all the space that the driver was given, reaches nobody. */
	memset(caller.out, 0x33, sizeof(caller.out));
	fault_release("a");
	await_real(nothing_hangs, NULL);
	CU_ASSERT(caller.out[0] == 0x33 && caller.out[15] == 0x33);
	pool_key_rele(key);
	stop();
}

static void test_deadline_holds(void)
{
	struct caller caller;

	start(TOKEN("\"a\"", "") DEVICE("a", "fault-hang", "hard", ""));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:hang@1");
	fill(&caller, key);
	uint64_t begun = vclock_now_ns();
	begin(&caller);
	await_hung("a", 1);
	/* Nobody else could serve: it has all the time there is, and looks now and then whether somebody is back. */
	for (int i = 0; i < 4; i++) {
		CU_ASSERT(vclock_await_between(vclock_now_ns() + NS_PER_S / 2, begun + 5 * NS_PER_S));
		vclock_advance(5 * NS_PER_S / 4);
	}
	pthread_join(caller.thread, NULL);
	CU_ASSERT(caller.req.err == HUFU_ERR_DEADLINE && caller.ended_ns == begun + 5 * NS_PER_S);
	CU_ASSERT(counted("a", STATS_TIMEOUTS) == 1);
	/* Another lane takes the place of the one that hangs. */
	CU_ASSERT(encrypt(key) == HUFU_OK);
	pool_key_rele(key);
	stop();
}

static void test_unrepeatable_is_lost(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	uint64_t before = fault_counts("b").asked[HUFU_VERB_ENCRYPT];
	script("a", "encrypt:hang@1");
	fill(&caller, key);
	caller.req.op.repeatable = false;
	begin(&caller);
	await_hung("a", 1);
	CU_ASSERT(vclock_await_between(vclock_now_ns() + NS_PER_S, vclock_now_ns() + NS_PER_S + NS_PER_MS));
	vclock_advance(NS_PER_S + NS_PER_MS);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(caller.req.err == HUFU_ERR_LOST && caller.req.attempts == 1 && caller.req.op.out_len == 0);
	CU_ASSERT(fault_counts("b").asked[HUFU_VERB_ENCRYPT] == before);
	pool_key_rele(key);
	stop();
}

/* No session was to be had in time: nothing was done, and what may not be repeated goes elsewhere. */
static void test_lease_hangs(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "retry_percent = 0 retry_floor = 0") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	script("a", "lease:hang@1");
	fill(&caller, key);
	caller.req.op.repeatable = false;
	begin(&caller);
	await_hung("a", 1);
	CU_ASSERT(vclock_await_between(vclock_now_ns() + NS_PER_S, vclock_now_ns() + NS_PER_S + NS_PER_MS));
	vclock_advance(NS_PER_S + NS_PER_MS);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(is_right(&caller) && strcmp(caller.req.served_by, "b") == 0);
	CU_ASSERT(counted("a", STATS_TIMEOUTS) == 1 && counted("a", STATS_RETRIES) == 0);
	pool_key_rele(key);
	stop();
}

/* With as many lanes hung as may, nobody stays in the queue behind them. */
static void test_queue_behind_hung_lane(void)
{
	struct caller first, second;

	start(TOKEN("\"a\", \"b\"", "") DEVICE("a", "fault-hang", "hard", "weight = 1000 sessions = 1 hung_max = 1")
	      DEVICE("b", "fault-hang", "hard", "weight = 1"));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:hang");
	uint64_t begun = vclock_now_ns();
	fill(&first, key);
	begin(&first);
	await_hung("a", 1);
	fill(&second, key);
	begin(&second);
	await_number(queued_on_a, 1);
	vclock_advance(NS_PER_S + NS_PER_MS);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	CU_ASSERT(is_right(&first) && strcmp(first.req.served_by, "b") == 0);
	CU_ASSERT(is_right(&second) && strcmp(second.req.served_by, "b") == 0);
	CU_ASSERT(first.ended_ns == begun + NS_PER_S + NS_PER_MS && second.ended_ns == first.ended_ns);
	CU_ASSERT(counted("a", STATS_TIMEOUTS) == 1 && fault_hung("a") == 1);
	pool_key_rele(key);
	stop();
}

/* It says itself that it could not make a session in time. */
static void test_lease_in_time(void)
{
	start_alone(TOKEN("\"a\", \"b\"", "") PAIR("fault"));
	struct pool_key *key = key_of("hard");
	char code[32];

	CU_ASSERT(encrypt(key) == HUFU_OK);
	lease_discard_parked(lab.pool->devices[0]);
	snprintf(code, sizeof(code), "lease:code=0x%x", HUFU_ERR_DEADLINE);
	script("a", code);
	CU_ASSERT(strcmp(who_serves(key), "b") == 0);
	CU_ASSERT(health_state(&lab.pool->devices[0]->health) == POOL_UP);
	pool_key_rele(key);
	stop();
}

/* More than any parameter has is refused before a device is asked: that one is out stands. */
static void test_not_asked(void)
{
	uint8_t out[64];

	start(TOKEN("\"a\"", "") DEVICE("a", "fault-hang", "hard", ""));
	struct pool_key *key = key_of("hard");
	struct hufu_param_gcm gcm = {.iv = out, .iv_len = 12, .aad = out, .aad_len = (size_t)1 << 40, .tag_len = 16};
	struct pool_request req = {.key = key, .op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_GCM, .param = &gcm,
	                                              .out = out, .out_cap = sizeof(out), .repeatable = true}};

	CU_ASSERT(encrypt(key) == HUFU_OK);
	(void)health_note(&lab.pool->devices[0]->health, HEALTH_SOFT_ERROR, vclock_now_ns());
	CU_ASSERT(pool_run(lab.pool, &req) == HUFU_ERR_PARAM);
	CU_ASSERT(atomic_load(&lab.pool->devices[0]->health.soft_errors) == 1);
	pool_key_rele(key);
	stop();
}

/* A direct driver is told the same limit, and keeps to it. */
static void test_direct_limit(void)
{
	start_alone(TOKEN("\"a\", \"b\"", "") PAIR("fault"));
	struct pool_key *key = key_of("hard");
	uint64_t begun = vclock_now_ns();

	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:delay=3s@1");
	CU_ASSERT(strcmp(who_serves(key), "b") == 0);
	CU_ASSERT(vclock_now_ns() == begun + NS_PER_S + 32 * LATENCY_NS_PER_BYTE);
	CU_ASSERT(counted("a", STATS_TIMEOUTS) == 1);
	pool_key_rele(key);
	stop();
}

static void test_limit_follows_p99(void)
{
	start_alone(TOKEN("\"a\", \"b\"", "") PAIR("fault"));
	struct pool_key *key = key_of("hard");

	script("a", "encrypt:delay=10ms");
	script("b", "encrypt:delay=10ms");
	for (int i = 0; i < 300; i++)
		CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:delay=3s");
	script("b", "");
	uint64_t begun = vclock_now_ns();
	CU_ASSERT(strcmp(who_serves(key), "b") == 0);
	/* 8 x 10 ms, as exact as a histogram is. */
	CU_ASSERT(vclock_now_ns() - begun >= 80 * NS_PER_MS && vclock_now_ns() - begun <= 115 * NS_PER_MS);
	pool_key_rele(key);
	stop();
}

/* -- budget ----------------------------------------------------------------------- */

static void test_budget(void)
{
	struct budget b;
	uint64_t now = 7 * NS_PER_S, ops = 1000;

	budget_init(&b, now);
	for (int i = 0; i < 10; i++)
		CU_ASSERT(budget_take(&b, ops, 0, 10, now));
	CU_ASSERT(!budget_take(&b, ops, 0, 10, now));
	/* A fifth of the thousand that came in this window. */
	for (int i = 10; i < 200; i++)
		CU_ASSERT(budget_take(&b, ops, 20, 10, now));
	CU_ASSERT(!budget_take(&b, ops, 20, 10, now));
	CU_ASSERT(!budget_take(&b, ops, 20, 10, now + NS_PER_S - 1));
	/* Two seconds later: it were 500 a second. */
	now += 2 * NS_PER_S;
	for (int i = 0; i < 100; i++)
		CU_ASSERT(budget_take(&b, ops, 20, 10, now));
	CU_ASSERT(!budget_take(&b, ops, 20, 10, now));
	/* Fewer than before: a device went, with its count. */
	CU_ASSERT(budget_take(&b, 5, 20, 10, now + NS_PER_S));
	CU_ASSERT(!budget_take(&b, 5, 0, 0, now + 9 * NS_PER_S));
	budget_clear(&b);
}

static void test_retries_run_out(void)
{
	start(TOKEN("\"a\", \"b\"", "retry_percent = 0 retry_floor = 3") PAIR("fault"));
	struct pool_key *key = key_of("hard");

	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:lost; probe:busy");
	unsigned served = 0, lost = 0;
	for (int i = 0; i < 20; i++) {
		enum hufu_err err = encrypt(key);

		served += err == HUFU_OK;
		lost += err == HUFU_ERR_LOST;
	}
	CU_ASSERT(served + lost == 20 && counted("a", STATS_RETRIES) <= 3);
	pool_key_rele(key);
	stop();
}

/* -- waiting ------------------------------------------------------------------------ */

struct turn {
	struct caller caller;
	int mine;
};

static void *take_turn(void *arg)
{
	struct turn *turn = arg;

	(void)!pool_run(lab.pool, &turn->caller.req);
	turn->mine = atomic_fetch_add(&order, 1);
	return NULL;
}

/* One session; who has least time left is next. */
static void test_queue_is_ordered(void)
{
	enum { N = 4 };
	static const unsigned seconds[N] = {9, 3, 7, 5};
	struct caller first;
	struct turn turns[N];

	start_as(TOKEN("\"a\"", "") DEVICE("a", "fault", "hard", "sessions = 1"), "gated");
	struct pool_key *key = key_of("hard");
	uint64_t now = vclock_now_ns();
	atomic_store(&order, 0);
	gate_close(true);
	fill(&first, key);
	begin(&first);
	gate_await(1);
	for (unsigned i = 0; i < N; i++) {
		fill(&turns[i].caller, key);
		turns[i].caller.req.op.deadline_ns = now + seconds[i] * NS_PER_S;
		CU_ASSERT_FATAL(pthread_create(&turns[i].caller.thread, NULL, take_turn, &turns[i]) == 0);
		await_number(waiting, i + 1);
	}
	for (unsigned i = 0; i < N; i++) {
		gate_let_one();
		gate_await(1); /* the next */
		await_number(served, i);
	}
	gate_close(false);
	pthread_join(first.thread, NULL);
	for (unsigned i = 0; i < N; i++)
		pthread_join(turns[i].caller.thread, NULL);
	CU_ASSERT(turns[1].mine < turns[3].mine && turns[3].mine < turns[2].mine && turns[2].mine < turns[0].mine);
	pool_key_rele(key);
	stop();
}

static void test_queue_is_bounded(void)
{
	struct caller first, second;

	start_as(TOKEN("\"a\"", "") DEVICE("a", "fault", "hard", "sessions = 1 queue = 1"), "gated");
	struct pool_key *key = key_of("hard");
	gate_close(true);
	fill(&first, key);
	begin(&first);
	gate_await(1);
	fill(&second, key);
	begin(&second);
	await_number(waiting, 1);
	CU_ASSERT(encrypt(key) == HUFU_ERR_BUSY);
	gate_close(false);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	CU_ASSERT(is_right(&second));
	pool_key_rele(key);
	stop();
}

/* One lost the op, the other was busy and is taken away meanwhile: that is an error, whatever was heard before. */
static void test_nobody_is_left(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "") PAIR("fault"));
	struct pool_key *key = key_of("hard");
	script("a", "encrypt:lost");
	script("b", "encrypt:busy");
	fill(&caller, key);
	begin(&caller);
	await_number(waiting, 1);
	atomic_store(&lab.pool->devices[1]->admin, POOL_DRAINING);
	while (!atomic_load(&caller.over)) {
		struct timespec ms = {.tv_nsec = 1000000};

		pool_changed(lab.pool);
		nanosleep(&ms, NULL);
	}
	pthread_join(caller.thread, NULL);
	CU_ASSERT(caller.req.err == HUFU_ERR_NO_DEVICE && caller.req.op.out_len == 0);
	atomic_store(&lab.pool->devices[1]->admin, POOL_ENABLED);
	pool_key_rele(key);
	stop();
}

/* -- tiers, hardware, software --------------------------------------------------------- */

static void test_tiers(void)
{
	start(TOKEN("\"a\", \"b\", \"c\"", "") DEVICE("a", "fault", "hard", "priority = 20") DEVICE("b", "fault", "hard", "priority = 5")
	      DEVICE("c", "fault", "hard", "priority = 5"));
	struct pool_key *key = key_of("hard");

	for (int i = 0; i < 20; i++)
		CU_ASSERT(strcmp(who_serves(key), "a") != 0);
	/* Busy: the next tier. Out: likewise, and back. */
	script("b", "encrypt:busy");
	script("c", "encrypt:busy");
	CU_ASSERT(strcmp(who_serves(key), "a") == 0);
	script("b", "any:gone");
	script("c", "any:gone");
	CU_ASSERT(strcmp(who_serves(key), "a") == 0 && state_of("b") == POOL_EJECTED && state_of("c") == POOL_EJECTED);
	CU_ASSERT(counted("a", STATS_FALLBACKS) == 0);
	pool_key_rele(key);
	stop();
}

#define HARD_AND_SOFT(settings) \
	TOKEN("\"h\", \"s\"", settings) DEVICE("h", "fault", "hard", "") DEVICE("s", "fault-soft", "soft", "")

static void test_fallback(void)
{
	start(HARD_AND_SOFT(""));
	struct pool_key *key = key_of_both();

	for (int i = 0; i < 5; i++)
		CU_ASSERT(strcmp(who_serves(key), "h") == 0);
	CU_ASSERT(!atomic_load(&lab.pool->calls.falls_back));
	/* Busy is not out: it waits, and software does not stand in. */
	script("h", "encrypt:busy@1");
	struct caller caller;
	fill(&caller, key);
	begin(&caller);
	CU_ASSERT(vclock_await_between(vclock_now_ns(), vclock_now_ns() + 50 * NS_PER_MS));
	vclock_advance(50 * NS_PER_MS);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(is_right(&caller) && strcmp(caller.req.served_by, "h") == 0);
	/* Gone is. */
	script("h", "any:gone");
	for (int i = 0; i < 5; i++)
		CU_ASSERT(strcmp(who_serves(key), "s") == 0);
	CU_ASSERT(counted("s", STATS_FALLBACKS) == 5 && atomic_load(&lab.pool->calls.falls_back));
	struct stats_device *stats = atomic_load(&lab.pool->devices[1]->stats);
	uint32_t last = atomic_load(&stats->nevents) - 1;
	CU_ASSERT(strstr(stats->events[last % STATS_EVENTS].text, "software serves") != NULL);
	/* Until it is back. */
	script("h", "");
	for (int i = 0; i < PATIENCE_MS && strcmp(who_serves(key), "h") != 0; i++) {
		struct timespec ms = {.tv_nsec = 1000000};

		vclock_advance(NS_PER_S);
		nanosleep(&ms, NULL);
	}
	CU_ASSERT(strcmp(who_serves(key), "h") == 0 && !atomic_load(&lab.pool->calls.falls_back));
	pool_key_rele(key);
	stop();
}

static void test_no_fallback(void)
{
	static const struct {
		const char *text;
		bool set, hardware_only, fallback;
		enum hufu_err err;
	} rows[] = {
		{HARD_AND_SOFT("software_fallback = no"), false, false, false, HUFU_ERR_DEADLINE},
		{HARD_AND_SOFT("software_fallback = no"), true, false, true, HUFU_OK},
		{HARD_AND_SOFT(""), false, false, false, HUFU_OK},
		{HARD_AND_SOFT(""), true, false, false, HUFU_ERR_DEADLINE},
		{HARD_AND_SOFT(""), true, true, true, HUFU_ERR_DEADLINE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct caller caller;

		start(rows[i].text);
		struct pool_key *key = key_of_both();
		if (rows[i].set)
			pool_key_set_policy(key, rows[i].hardware_only, rows[i].fallback);
		CU_ASSERT(strcmp(who_serves(key), "h") == 0);
		script("h", "any:gone");
		fill(&caller, key);
		begin(&caller);
		while (!atomic_load(&caller.over)) {
			struct timespec ms = {.tv_nsec = 1000000};

			vclock_advance(100 * NS_PER_MS);
			nanosleep(&ms, NULL);
		}
		pthread_join(caller.thread, NULL);
		if (caller.req.err != rows[i].err)
			printf("# row %zu: %x\n", i, caller.req.err);
		CU_ASSERT(caller.req.err == rows[i].err);
		pool_key_rele(key);
		stop();
	}
}

/* A key that only software has is no business of hardware's. */
static void test_soft_key(void)
{
	start(HARD_AND_SOFT("software_fallback = no"));
	struct pool_key *key = key_of("soft");

	CU_ASSERT(strcmp(who_serves(key), "s") == 0 && counted("s", STATS_FALLBACKS) == 0);
	pool_key_set_policy(key, true, false);
	CU_ASSERT(strcmp(who_serves(key), "nobody") == 0);
	pool_key_rele(key);
	stop();
}

static void test_small_work_stays(void)
{
	start(HARD_AND_SOFT("local_below = 17"));
	struct pool_key *key = key_of_both();

	for (int i = 0; i < 5; i++)
		CU_ASSERT(strcmp(who_serves(key), "s") == 0);
	CU_ASSERT(counted("s", STATS_FALLBACKS) == 0);
	script("s", "any:gone");
	CU_ASSERT(strcmp(who_serves(key), "h") == 0);
	pool_key_set_policy(key, true, false);
	script("s", "");
	CU_ASSERT(strcmp(who_serves(key), "h") == 0);
	pool_key_rele(key);
	stop();
	start(HARD_AND_SOFT("local_below = 16"));
	key = key_of_both();
	CU_ASSERT(strcmp(who_serves(key), "h") == 0);
	pool_key_rele(key);
	stop();
}

/* A point of the curve: GB/T 32918.5 A.2. */
static struct pool_key *public_key(void)
{
	uint8_t point[64];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .data = point, .len = sizeof(point)};
	struct pool_key *key;

	for (size_t i = 0; i < 64; i++) {
		static const char hex[] = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
		                          "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
		unsigned byte;

		(void)!sscanf(hex + 2 * i, "%2x", &byte);
		point[i] = (uint8_t)byte;
	}
	if (pool_key_new(lab.pool, clear_block, 1, HUFU_KEY_SM2_PUBLIC, &copy, 1, &key) != HUFU_OK)
		abort();
	return key;
}

static const char *who_verifies(struct pool_key *key)
{
	static const uint8_t digest[32] = {1}, sig[64] = {1};
	struct pool_request req = {.key = key, .op = {.verb = HUFU_VERB_VERIFY, .mechanism = CKM_HUFU_SM2, .in = digest, .in_len = 32,
	                                              .in2 = sig, .in2_len = 64, .repeatable = true}};

	CU_ASSERT(pool_run(lab.pool, &req) == HUFU_ERR_SIGNATURE);
	return req.served_by;
}

static void test_keyless_work_stays(void)
{
	uint8_t out[16];
	struct pool_request random = {.op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = 16, .repeatable = true}};

	start(HARD_AND_SOFT(""));
	struct pool_key *key = public_key();
	CU_ASSERT(strcmp(who_verifies(key), "s") == 0);
	/* Random numbers are the hardware's. */
	CU_ASSERT(pool_run(lab.pool, &random) == HUFU_OK && strcmp(random.served_by, "h") == 0);
	pool_key_rele(key);
	stop();
	start(HARD_AND_SOFT("keyless = device"));
	key = public_key();
	CU_ASSERT(strcmp(who_verifies(key), "h") == 0);
	pool_key_rele(key);
	stop();
}

/* -- hedges ------------------------------------------------------------------------------ */

static void warm_up(struct pool_key *key)
{
	for (int i = 0; i < 300; i++)
		CU_ASSERT(encrypt(key) == HUFU_OK);
}

static void test_hedge(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "hedge = suspect") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	warm_up(key);
	script("a", "encrypt:hang@1");
	script("b", "encrypt:hang@1");
	fill(&caller, key);
	uint64_t begun = vclock_now_ns();
	begin(&caller);
	await_hung("a", 1);
	CU_ASSERT(vclock_await(begun + 20 * NS_PER_MS));
	script("b", "");
	vclock_advance(20 * NS_PER_MS);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(is_right(&caller) && strcmp(caller.req.served_by, "b") == 0 && caller.req.attempts == 2);
	CU_ASSERT(caller.ended_ns == begun + 20 * NS_PER_MS);
	CU_ASSERT(counted("a", STATS_HEDGES) == 1 && counted("a", STATS_TIMEOUTS) == 0 && state_of("a") == POOL_UP);
	pool_key_rele(key);
	stop();
}

static void test_no_hedge(void)
{
	struct caller caller;

	start(TOKEN("\"a\", \"b\"", "") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	warm_up(key);
	uint64_t before = fault_counts("b").asked[HUFU_VERB_ENCRYPT];
	script("a", "encrypt:hang@1");
	fill(&caller, key);
	uint64_t begun = vclock_now_ns();
	begin(&caller);
	await_hung("a", 1);
	CU_ASSERT(vclock_await_between(begun + 50 * NS_PER_MS, begun + 51 * NS_PER_MS));
	CU_ASSERT(fault_counts("b").asked[HUFU_VERB_ENCRYPT] == before);
	vclock_advance(51 * NS_PER_MS);
	pthread_join(caller.thread, NULL);
	CU_ASSERT(is_right(&caller) && counted("a", STATS_HEDGES) == 0);
	pool_key_rele(key);
	stop();
}

/* -- nobody waits -------------------------------------------------------------------------- */

struct posted {
	struct caller caller;
	_Atomic int done;
};

static void note_done(struct pool_request *req, void *arg)
{
	struct posted *posted = arg;

	CU_ASSERT(req == &posted->caller.req);
	atomic_fetch_add(&posted->done, 1);
}

static bool is_done(void *arg)
{
	return atomic_load(&((struct posted *)arg)->done) > 0;
}

static void post(struct posted *posted, struct pool_key *key)
{
	fill(&posted->caller, key);
	atomic_init(&posted->done, 0);
	posted->caller.req.done = note_done;
	posted->caller.req.arg = posted;
	pool_submit(lab.pool, &posted->caller.req);
}

static void test_async(void)
{
	enum { N = 200 };
	static struct posted posted[N];

	start(TOKEN("\"a\", \"b\"", "") DEVICE("a", "fault-hang", "hard", "sessions = 4")
	      DEVICE("b", "fault-hang", "hard", "sessions = 4"));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:busy%7");
	script("b", "encrypt:no-key%5");
	for (int i = 0; i < N; i++)
		post(&posted[i], key);
	for (int i = 0; i < N; i++) {
		while (!is_done(&posted[i])) { /* those that wait for a device have a timer */
			struct timespec ms = {.tv_nsec = 1000000};

			vclock_advance(NS_PER_MS);
			nanosleep(&ms, NULL);
		}
		CU_ASSERT(is_right(&posted[i].caller));
	}
	pool_key_rele(key);
	stop();
	for (int i = 0; i < N; i++)
		CU_ASSERT(atomic_load(&posted[i].done) == 1);
}

static void test_async_hang(void)
{
	static struct posted posted;

	start(TOKEN("\"a\", \"b\"", "") PAIR("fault-hang"));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:hang@1");
	post(&posted, key);
	await_hung("a", 1);
	CU_ASSERT(!is_done(&posted));
	vclock_advance(NS_PER_S + NS_PER_MS);
	await_real(is_done, &posted);
	CU_ASSERT(is_right(&posted.caller) && strcmp(posted.caller.req.served_by, "b") == 0);
	pool_key_rele(key);
	stop();
	CU_ASSERT(atomic_load(&posted.done) == 1);
}

/* From whatever thread: a direct device's turn comes on one of its lanes, for the caller is elsewhere. */
static void test_async_mixed(void)
{
	static struct posted posted;

	start(TOKEN("\"a\", \"b\"", "") DEVICE("a", "fault-hang", "hard", "weight = 1000") DEVICE("b", "fault", "hard", "weight = 1"));
	struct pool_key *key = key_of("hard");
	CU_ASSERT(encrypt(key) == HUFU_OK);
	script("a", "encrypt:gone");
	post(&posted, key);
	await_real(is_done, &posted);
	CU_ASSERT(is_right(&posted.caller) && strcmp(posted.caller.req.served_by, "b") == 0);
	pool_key_rele(key);
	stop();
	CU_ASSERT(atomic_load(&posted.done) == 1);
}

/* -- latencies --------------------------------------------------------------------------------- */

static void test_latency(void)
{
	static struct latencies all;
	uint64_t now = 5 * NS_PER_S, a = latency_class(17, 3), b = latency_class(17, 4);

	CU_ASSERT(latency_average_ns(&all, a, now) == 0 && latency_p99_ns(&all, a) == 0);
	for (int i = 0; i < LATENCY_TRUSTED - 1; i++)
		latency_note(&all, a, NS_PER_MS, 0, now);
	CU_ASSERT(latency_p99_ns(&all, a) == 0);
	latency_note(&all, a, NS_PER_MS, 0, now);
	CU_ASSERT(latency_p99_ns(&all, a) >= NS_PER_MS && latency_p99_ns(&all, a) <= NS_PER_MS * 5 / 4);
	CU_ASSERT(latency_average_ns(&all, a, now) > NS_PER_MS * 9 / 10 && latency_average_ns(&all, b, now) == 0);
	/* Not measured, it is forgotten by halves. */
	CU_ASSERT(latency_average_ns(&all, a, now + 2 * NS_PER_S) <= NS_PER_MS / 4);
	CU_ASSERT(latency_average_ns(&all, a, now + 90 * NS_PER_S) == 0);
	/* What it was long ago does not count for ever. */
	for (int i = 0; i < 20000; i++)
		latency_note(&all, a, 10 * NS_PER_MS, 0, now);
	CU_ASSERT(latency_p99_ns(&all, a) >= 10 * NS_PER_MS);
	for (int i = 0; i < 40000; i++)
		latency_note(&all, a, NS_PER_MS, 0, now);
	CU_ASSERT(latency_p99_ns(&all, a) <= NS_PER_MS * 5 / 4);
	/* Size is no slowness. */
	for (int i = 0; i < 200; i++)
		latency_note(&all, b, 40 * NS_PER_MS, 400000, now);
	CU_ASSERT(latency_p99_ns(&all, b) < NS_PER_MS && latency_average_ns(&all, b, now) > 30 * NS_PER_MS);
	/* More classes than there is room for are not measured, and harm nobody. */
	for (uint64_t m = 0; m < 1000; m++)
		latency_note(&all, latency_class(m, 5), NS_PER_MS, 0, now);
	CU_ASSERT(latency_average_ns(&all, a, now) > 0);
	latency_clear(&all);
}

static const struct unit_case cases[] = {
	{"what hangs is given up in time, and served elsewhere", test_hang_goes_elsewhere},
	{"no call outlasts its deadline", test_deadline_holds},
	{"what may not be repeated is lost with the device that hangs", test_unrepeatable_is_lost},
	{"what was not delivered in time goes elsewhere, free of charge", test_lease_hangs},
	{"nobody waits behind lanes that hang", test_queue_behind_hung_lane},
	{"a session that a driver did not make in time is tried elsewhere", test_lease_in_time},
	{"a device that was not asked has not served", test_not_asked},
	{"a direct driver is told its limit", test_direct_limit},
	{"the limit of an attempt follows what is usual", test_limit_follows_p99},
	{"a budget is a share and a floor", test_budget},
	{"retries end with their budget", test_retries_run_out},
	{"who has least time left is served next", test_queue_is_ordered},
	{"no more calls wait than may", test_queue_is_bounded},
	{"with nobody left there is an error", test_nobody_is_left},
	{"devices of the lowest priority number serve", test_tiers},
	{"software stands in when all hardware is out, and is counted", test_fallback},
	{"it does not where token or key forbid it", test_no_fallback},
	{"a key of software alone is served by software alone", test_soft_key},
	{"small work stays in software", test_small_work_stays},
	{"work with public keys stays in software", test_keyless_work_stays},
	{"a slow attempt is hedged, and nobody blamed", test_hedge},
	{"nothing is hedged unasked", test_no_hedge},
	{"many calls of one thread are done, each once", test_async},
	{"a call that nobody waits in leaves a device that hangs", test_async_hang},
	{"it goes on with a device that is direct", test_async_mixed},
	{"latencies are recent, and of one class", test_latency},
	{0},
};

int main(void)
{
	gated = driver_fault;
	gated.name = "gated";
	gated.run = gated_run;
	if (fault_register() != HUFU_OK || driver_register(&gated) != HUFU_OK)
		abort();
	return unit_main("calls", cases);
}
