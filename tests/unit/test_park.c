/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a thread that parks keeps as many calls in flight as it likes, each
 * parked once and posted once, whatever becomes of it; the driver of a device that is not
 * software never runs in that thread; what is answered at once, and what the caller
 * does not allow, parks nobody.
 */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/park.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/lane.h"

#define CALLS 16
#define PATIENCE_MS 30000 /* what only a failure waits for */

/* -- devices whose ops wait at a gate ------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool closed;
	unsigned inside;
	pthread_t caller;
	bool in_caller;              /* an op came in the thread that makes the calls */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct hufu_driver gated, gated_direct, gated_soft, gated_soft_lanes;

static void gated_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	pthread_mutex_lock(&gate.lock);
	gate.in_caller |= pthread_equal(gate.caller, pthread_self());
	gate.inside++;
	pthread_cond_broadcast(&gate.changed);
	while (gate.closed)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.inside--;
	pthread_mutex_unlock(&gate.lock);
	driver_fault.run(lease, ops, n);
}

static void gate_set(bool closed)
{
	pthread_mutex_lock(&gate.lock);
	gate.closed = closed;
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

/* -- a way to park: the next call is made while this one waits --------------------- */

struct bay {
	struct park park;            /* first */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned posts;
};

static struct {
	unsigned taken, ended, posted;
	bool broke;                  /* there is no memory for parks */
	void (*meanwhile)(void);
} parking;

static void bay_post(struct park *park)
{
	struct bay *bay = (struct bay *)park;

	pthread_mutex_lock(&bay->lock);
	bay->posts++;
	pthread_cond_signal(&bay->cond);
	pthread_mutex_unlock(&bay->lock);
}

static void bay_wait(struct park *park)
{
	struct bay *bay = (struct bay *)park;

	if (parking.meanwhile)
		parking.meanwhile();
	pthread_mutex_lock(&bay->lock);
	while (!bay->posts)
		pthread_cond_wait(&bay->cond, &bay->lock);
	parking.posted += bay->posts;
	pthread_mutex_unlock(&bay->lock);
	parking.ended++;
}

static struct park *bay_take(const struct park_way *way)
{
	static struct bay bays[CALLS];
	struct bay *bay = &bays[parking.taken % CALLS];

	(void)way;
	if (parking.broke)
		return NULL;
	parking.taken++;
	*bay = (struct bay){.park = {.post = bay_post, .wait = bay_wait}, .lock = PTHREAD_MUTEX_INITIALIZER,
	                    .cond = PTHREAD_COND_INITIALIZER};
	return &bay->park;
}

static const struct park_way way = {.take = bay_take};

/* -- a pool ----------------------------------------------------------------------- */

static struct {
	struct conf *conf;
	struct pool *pool;
	struct pool_key *key;
	size_t secret_before;
} lab;

/* GB/T 32907 A.1: the block under itself as key. */
static const uint8_t clear_block[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                        0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t sealed_block[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e,
                                         0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

static void register_as(struct hufu_driver *driver, const char *name, uint32_t flags)
{
	*driver = driver_fault;
	driver->name = name;
	driver->flags = flags;
	driver->run = gated_run;
	enum hufu_err err = driver_register(driver);
	if (err != HUFU_OK && err != HUFU_ERR_EXISTS)
		abort();
}

#define TOKEN(devices) "token \"t\" { store = \"sqlite:/t.db\" devices = {" devices "} }\n"
#define DEVICE(name) "device \"" name "\" { driver = \"fault\" domain = \"d\" sessions = 16 }\n"
#define ONE TOKEN("\"a\"") DEVICE("a")
#define TWO TOKEN("\"a\", \"b\"") DEVICE("a") DEVICE("b")

/* Configurations know no drivers of a test's own. */
static void start(const char *text, const char *driver)
{
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = clear_block, .len = 16};

	memset(&parking, 0, sizeof parking);
	gate.caller = pthread_self();
	register_as(&gated, "gated", driver_fault.flags & ~(uint32_t)HUFU_DRIVER_RETURNS_BY_DEADLINE);
	register_as(&gated_direct, "gated-direct", driver_fault.flags);
	register_as(&gated_soft, "gated-soft", driver_fault.flags | HUFU_DRIVER_SOFTWARE);
	register_as(&gated_soft_lanes, "gated-soft-lanes", HUFU_DRIVER_FORK_SAFE | HUFU_DRIVER_SOFTWARE);
	fault_reset();
	lab.secret_before = secret_in_use();
	if (conf_parse(text, "test", report, NULL, &lab.conf) != HUFU_OK)
		abort();
	for (size_t i = 0; i < lab.conf->ndevices; i++) {
		free(lab.conf->devices[i].driver);
		lab.conf->devices[i].driver = strdup(driver);
	}
	if (pool_new(lab.conf, &lab.conf->tokens[0], &lab.pool) != HUFU_OK ||
	    pool_key_new(lab.pool, clear_block, 1, HUFU_KEY_SM4, &copy, 1, &lab.key) != HUFU_OK)
		abort();
	(void)!pool_can(lab.pool, CKM_HUFU_SM4_ECB, HUFU_VERB_ENCRYPT); /* opens all */
	gate.in_caller = false;
}

static void await(bool (*holds)(void))
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int i = 0; i < PATIENCE_MS && !holds(); i++)
		nanosleep(&ms, NULL);
	CU_ASSERT(holds());
}

static bool nothing_hangs(void)
{
	return lanes_hung_ever() == 0;
}

/* By the last thread that came back, if one hung. */
static bool secrets_are_gone(void)
{
	return secret_in_use() == lab.secret_before;
}

static void stop(void)
{
	gate_set(false);
	await(nothing_hangs);
	pool_key_rele(lab.key);
	pool_free(lab.pool);
	conf_free(lab.conf);
	await(secrets_are_gone);
	CU_ASSERT(park_way() == NULL);
}

static enum hufu_err encrypt(bool may_park, uint64_t deadline_ns)
{
	uint8_t out[16];
	struct pool_request req = {.key = lab.key, .may_park = may_park,
	                           .op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = clear_block, .in_len = 16,
	                                  .out = out, .out_cap = 16, .repeatable = true, .deadline_ns = deadline_ns}};
	enum hufu_err err = pool_run(lab.pool, &req);

	CU_ASSERT(err != HUFU_OK || (req.op.out_len == 16 && memcmp(out, sealed_block, 16) == 0));
	CU_ASSERT(req.err == err);
	return err;
}

static enum hufu_err encrypt_parking(uint64_t deadline_ns)
{
	const struct park_way *before = park_set_way(&way);
	enum hufu_err err = encrypt(true, deadline_ns);

	park_set_way(before);
	return err;
}

/* -- cases -------------------------------------------------------------------------- */

static unsigned nested;

/* One call within the other's wait; the gate opens once all are in the driver. */
static void one_more(void)
{
	if (++nested == CALLS) {
		gate_await(CALLS);
		gate_set(false);
		return;
	}
	CU_ASSERT(encrypt_parking(0) == HUFU_OK);
}

static void many_at_once(const char *text, const char *driver)
{
	start(text, driver);
	nested = 0;
	parking.meanwhile = one_more;
	gate_set(true);
	CU_ASSERT(encrypt_parking(0) == HUFU_OK);
	CU_ASSERT(nested == CALLS);
	CU_ASSERT(parking.taken == CALLS && parking.ended == CALLS && parking.posted == CALLS);
	CU_ASSERT(!gate.in_caller);
	stop();
}

static void test_lanes(void)
{
	many_at_once(ONE, "gated");
}

static void test_direct(void)
{
	many_at_once(TWO, "gated-direct");
}

static void test_software_on_lanes(void)
{
	many_at_once(ONE, "gated-soft-lanes");
}

/* Its calls look after it until somebody parks, who needs a timer. */
static void test_one_direct(void)
{
	start(ONE, "gated-direct");
	CU_ASSERT(encrypt(true, 0) == HUFU_OK);
	CU_ASSERT(gate.in_caller);
	stop();
	many_at_once(ONE, "gated-direct");
}

static void test_software(void)
{
	start(TWO, "gated-soft");
	CU_ASSERT(encrypt_parking(0) == HUFU_OK);
	CU_ASSERT(parking.taken == 0 && gate.in_caller);
	stop();
}

static void test_not_allowed(void)
{
	start(ONE, "gated");
	const struct park_way *before = park_set_way(&way);
	CU_ASSERT(encrypt(false, 0) == HUFU_OK);
	CU_ASSERT(park_set_way(before) == &way);
	CU_ASSERT(encrypt(true, 0) == HUFU_OK);
	CU_ASSERT(parking.taken == 0);
	stop();
}

static void test_deadline(void)
{
	start(ONE, "gated");
	gate_set(true);
	enum hufu_err err = encrypt_parking(clock_now_ns() + 200 * NS_PER_MS);
	CU_ASSERT(err != HUFU_OK && hufu_err_group(err) != HUFU_GROUP_BUG);
	CU_ASSERT(parking.taken == 1 && parking.posted == 1);
	CU_ASSERT(encrypt_parking(1) == HUFU_ERR_DEADLINE);
	CU_ASSERT(parking.taken == 1);
	stop();
}

static void script(const char *device, const char *text)
{
	char why[256];

	if (fault_script(device, text, why, sizeof why) != HUFU_OK)
		abort();
}

static void test_failover(void)
{
	start(TWO, "gated");
	script("a", "encrypt:no-key%2");
	script("b", "encrypt:busy%3");
	for (unsigned i = 0; i < 8; i++)
		CU_ASSERT(encrypt_parking(0) == HUFU_OK);
	script("a", "encrypt:argument");
	script("b", "encrypt:argument");
	CU_ASSERT(encrypt_parking(0) == HUFU_ERR_ARGUMENT);
	CU_ASSERT(parking.posted == parking.taken && parking.ended == parking.taken); /* none where a lane was quick */
	stop();
}

static void test_no_memory(void)
{
	start(ONE, "gated");
	parking.broke = true;
	gate_set(true);
	CU_ASSERT(encrypt_parking(0) == HUFU_ERR_NO_MEMORY);
	gate_set(false);
	parking.broke = false;
	CU_ASSERT(encrypt_parking(0) == HUFU_OK);
	stop();
}

static void *look(void *arg)
{
	*(const struct park_way **)arg = park_way();
	return NULL;
}

static void test_thread(void)
{
	const struct park_way *seen = &way;
	pthread_t thread;

	CU_ASSERT(park_set_way(&way) == NULL);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, look, &seen) == 0);
	pthread_join(thread, NULL);
	CU_ASSERT(seen == NULL);
	CU_ASSERT(park_set_way(NULL) == &way);
}

static const struct unit_case cases[] = {
	{"the way to park is one thread's own", test_thread},
	{"one thread has 16 calls in the driver at once, on lanes", test_lanes},
	{"... of software, too", test_software_on_lanes},
	{"... and with devices that would run in the caller's thread", test_direct},
	{"... and with a single one of them, which runs there for whoever does not park", test_one_direct},
	{"what software answers parks nobody", test_software},
	{"nobody parks without a way, or without leave", test_not_allowed},
	{"a device that hangs is not waited for beyond the deadline", test_deadline},
	{"a call that goes elsewhere is posted once, with the answer or the error", test_failover},
	{"without memory for a park the call ends, and leaves nothing behind", test_no_memory},
	{0},
};
UNIT_MAIN("park", cases)
