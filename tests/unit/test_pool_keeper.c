/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: devices are opened, probed, admitted and taken away beside the ops, which never wait for one that hangs.
 * On real time: what a test waits for is waited for as long as 20 s, and comes at once.
 */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf_states.h"
#include "base/log.h"
#include "base/secret.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "pool/internal.h"
#include "sm/sm2.h"

#define PATIENCE_NS (60 * NS_PER_S)
#define AWHILE_NS (30 * NS_PER_S)  /* nothing that hangs was waited for: it hangs until it is released */

#define TOKEN(devices) \
	"token t { store = \"sqlite:/nowhere/t.db\" devices = {" devices "} backoff_min_ms = 20 backoff_max_ms = 40 }\n"
#define DEVICE(name, more) "device " name " { driver = fault domain = d " more " }\n"
#define HANGING(name, more) "device " name " { driver = \"fault-hang\" domain = d " more " }\n"

static struct conf *conf;
static struct pool *pool;
static size_t secret_before, threads_before;

static void report(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
}

/* -- what can be seen ------------------------------------------------------- */

static size_t threads_now(void)
{
	DIR *dir = opendir("/proc/self/task");
	size_t n = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static struct pool_device_status status_of(const char *name)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	size_t n = pool_status(pool, status, POOL_DEVICES_MAX);

	for (size_t i = 0; i < n; i++)
		if (strcmp(status[i].name, name) == 0 && status[i].admin != POOL_REMOVED)
			return status[i];
	return (struct pool_device_status){.admin = POOL_REMOVED};
}

static bool is_ejected(const char *name)
{
	return status_of(name).state == POOL_EJECTED;
}

static bool is_quarantined(const char *name)
{
	return status_of(name).state == POOL_QUARANTINED;
}

static bool is_in_service(const char *name)
{
	enum pool_state state = status_of(name).state;

	return state == POOL_UP || state == POOL_SLOW_START;
}

static bool starts_slowly(const char *name)
{
	return status_of(name).state == POOL_SLOW_START;
}

static bool is_closed(const char *name)
{
	struct fault_counts counts = fault_counts(name);

	return counts.opens == counts.closes && counts.leases == counts.releases;
}

static bool hangs(const char *name)
{
	return fault_hung(name) > 0;
}

static bool threads_are_gone(const char *name)
{
	(void)name;
	return threads_now() == threads_before;
}

static bool wait_for(bool (*is)(const char *name), const char *name)
{
	uint64_t until = clock_now_ns() + PATIENCE_NS;

	while (!is(name) && clock_now_ns() < until)
		clock_sleep_ns(NS_PER_MS);
	return is(name);
}

/* -- pools ------------------------------------------------------------------- */

static struct conf *parse(const char *text)
{
	struct conf *parsed;

	CU_ASSERT_FATAL(conf_parse(text, "test", report, NULL, &parsed) == HUFU_OK);
	return parsed;
}

/* The first device under another driver, which no configuration may name; NULL: as text has it. */
static void up_as(const char *text, const char *driver)
{
	fault_reset();
	secret_before = secret_in_use();
	threads_before = threads_now();
	conf = parse(text);
	if (driver) {
		free(conf->devices[0].driver);
		conf->devices[0].driver = strdup(driver);
	}
	CU_ASSERT_FATAL(pool_new(conf, &conf->tokens[0], &pool) == HUFU_OK);
	conf_free(conf); /* the pool has its own copy */
}

static void up(const char *text)
{
	up_as(text, NULL);
}

static void down(void)
{
	pool_free(pool);
	CU_ASSERT(wait_for(threads_are_gone, ""));
	CU_ASSERT(secret_in_use() == secret_before);
	fault_reset();
}

static void reconfigure(const char *text, const char *device, enum conf_wish wish)
{
	struct conf_state state = {.device = (char *)(uintptr_t)device, .wish = wish};
	struct conf_states states = {.states = &state, .n = device ? 1 : 0};

	conf = parse(text);
	CU_ASSERT(pool_reconfigure(pool, conf, &conf->tokens[0], &states) == HUFU_OK);
	conf_free(conf);
}

static void script(const char *device, const char *text)
{
	char why[256];

	CU_ASSERT_FATAL(fault_script(device, text, why, sizeof(why)) == HUFU_OK);
}

/* -- ops ---------------------------------------------------------------------- */

static enum hufu_err draw(char *served_by)
{
	uint8_t out[16];
	struct pool_request req = {.op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out), .repeatable = true}};
	enum hufu_err err = pool_run(pool, &req);

	if (served_by)
		served_by[0] = req.served_by ? req.served_by[0] : 0;
	return err;
}

static uint64_t asked(const char *device)
{
	return fault_counts(device).asked[HUFU_VERB_RANDOM];
}

static struct pool_key *sm4_key(void)
{
	static const uint8_t uuid[16] = {7};
	uint8_t clear[16];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = clear, .len = sizeof(clear)};
	struct pool_key *key;

	unit_hex("0123456789abcdeffedcba9876543210", clear);
	CU_ASSERT_FATAL(pool_key_new(pool, uuid, 1, HUFU_KEY_SM4, &copy, 1, &key) == HUFU_OK);
	return key;
}

/* GB/T 32907-2016 A.1 */
static bool encrypts(struct pool_key *key)
{
	uint8_t in[16], want[16], out[16];
	struct pool_request req = {.key = key, .op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .in = in,
	                                              .in_len = 16, .out = out, .out_cap = 16, .repeatable = true}};

	unit_hex("0123456789abcdeffedcba9876543210", in);
	unit_hex("681edf34d206965e86b3e94f536e4246", want);
	return pool_run(pool, &req) == HUFU_OK && memcmp(out, want, 16) == 0;
}

/* -- opening and probing -------------------------------------------------------- */

static void test_open_hangs(void)
{
	char by;

	up(HANGING("a", "script = \"open:hang\" priority = 1") DEVICE("b", "priority = 2") TOKEN("a, b"));
	uint64_t begun = clock_now_ns();
	CU_ASSERT(draw(&by) == HUFU_OK && by == 'b');
	CU_ASSERT(clock_now_ns() - begun < AWHILE_NS);
	CU_ASSERT(wait_for(hangs, "a"));
	script("a", "");
	fault_release("a");
	down();
}

static void test_probe_hangs(void)
{
	up(HANGING("a", "") DEVICE("b", "") DEVICE("c", "") TOKEN("a, b, c"));
	CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(wait_for(is_in_service, "a") && wait_for(is_in_service, "b") && wait_for(is_in_service, "c"));
	script("a", "run:lost; probe:hang");
	while (!hangs("a"))
		CU_ASSERT_FATAL(draw(NULL) == HUFU_OK);
	/* Another falls, and is back while that one hangs. */
	script("c", "run:gone; open:gone*2");
	while (status_of("c").state == POOL_UP)
		CU_ASSERT_FATAL(draw(NULL) == HUFU_OK);
	script("c", "");
	CU_ASSERT(wait_for(is_in_service, "c") && hangs("a"));
	CU_ASSERT(wait_for(is_ejected, "a") && draw(NULL) == HUFU_OK);
	script("a", "");
	fault_release("a");
	CU_ASSERT(wait_for(is_in_service, "a"));
	down();
}

/* What was dead is not used again: a connection of its own follows. */
static void test_fresh_connection(void)
{
	up(DEVICE("a", "priority = 1") DEVICE("b", "priority = 2") TOKEN("a, b"));
	struct pool_key *key = sm4_key();
	CU_ASSERT(encrypts(key));
	CU_ASSERT(wait_for(is_in_service, "a"));
	script("a", "run:device-gone=1@1");
	CU_ASSERT(encrypts(key));
	CU_ASSERT(wait_for(starts_slowly, "a") || wait_for(is_in_service, "a"));
	CU_ASSERT(fault_counts("a").opens == 2);
	script("a", "");
	CU_ASSERT(encrypts(key));
	pool_key_rele(key);
	down();
	CU_ASSERT(is_closed("a"));
}

/* -- admission -------------------------------------------------------------------- */

static void test_wrong_answers(void)
{
	static const char *const lies[] = {"sign:flip-out", "sign:wrong", "encrypt:wrong", "encrypt:flip-out", "decrypt:flip-out",
	                                   "generate:flip-pub", "encrypt:overlong"};
	char text[1024], by;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snprintf(text, sizeof(text), DEVICE("a", "priority = 1 script = \"%s\"") DEVICE("b", "priority = 2") TOKEN("a, b"),
		         lies[i]);
		up(text);
		CU_ASSERT(draw(&by) == HUFU_OK);
		CU_ASSERT(wait_for(is_quarantined, "a"));
		uint64_t before = asked("a");
		for (int n = 0; n < 20; n++)
			CU_ASSERT(draw(&by) == HUFU_OK && by == 'b');
		CU_ASSERT(asked("a") == before);
		down();
		CU_ASSERT(is_closed("a"));
	}
}

/* What cannot be asked is no wrong answer. */
static void test_not_asked(void)
{
	static const char *const excuses[] = {"import:unsupported", "generate:busy*2", "sign:unsupported", "encrypt:argument",
	                                      "generate:gone*1", "sign:lost*1"};
	char text[1024];

	for (size_t i = 0; i < sizeof(excuses) / sizeof(excuses[0]); i++) {
		snprintf(text, sizeof(text), DEVICE("a", "script = \"%s\"") DEVICE("b", "") TOKEN("a, b"), excuses[i]);
		up(text);
		CU_ASSERT(draw(NULL) == HUFU_OK);
		CU_ASSERT(wait_for(is_in_service, "a"));
		down();
	}
}

/* Fault, but whatever is made in it stays. */
static enum hufu_err hoard_info(struct hufu_device *device, struct hufu_device_info *info)
{
	static struct hufu_capability caps[256];
	enum hufu_err err = driver_fault.info(device, info);

	CU_ASSERT_FATAL(err == HUFU_OK && info->ncaps <= sizeof(caps) / sizeof(caps[0]));
	memcpy(caps, info->caps, info->ncaps * sizeof(caps[0]));
	for (size_t i = 0; i < info->ncaps; i++)
		caps[i].permanent = 1;
	info->caps = caps;
	return HUFU_OK;
}

/* driver.h, permanent: admission comes again and again, and would fill such a device up. */
static void test_keeps_for_good(void)
{
	static struct hufu_driver hoarder;

	hoarder = driver_fault;
	hoarder.name = "hoarder";
	hoarder.info = hoard_info;
	CU_ASSERT_FATAL(driver_register(&hoarder) == HUFU_OK);
	up_as(DEVICE("a", "") TOKEN("a"), hoarder.name);
	CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(wait_for(is_in_service, "a"));
	struct fault_counts counts = fault_counts("a");
	CU_ASSERT(counts.asked[HUFU_VERB_RANDOM] > 1 && counts.asked[HUFU_VERB_IMPORT] == 0 && counts.asked[HUFU_VERB_GENERATE] == 0);
	down();
}

/* What a domain's device has made: a copy of an SM2 key, and its point. */
static size_t make_proof(uint8_t copy[512], uint8_t point[HUFU_PUB_MAX])
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                  .new_type = HUFU_KEY_SM2_PRIVATE, .out = copy, .out_cap = 512, .pub = point}};

	up(DEVICE("a", "") TOKEN("a"));
	CU_ASSERT_FATAL(pool_run(pool, &req) == HUFU_OK && req.op.pub_len == SM2_POINT_LEN);
	down();
	return req.op.out_len;
}

static void test_foreign(void)
{
	uint8_t bytes[512], point[HUFU_PUB_MAX];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = bytes, .len = make_proof(bytes, point)};

	up(DEVICE("a", "") DEVICE("b", "split = yes") TOKEN("a, b"));
	CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(wait_for(is_in_service, "a") && wait_for(is_in_service, "b"));
	CU_ASSERT(pool_add_proof(pool, &copy, point) == HUFU_OK);
	CU_ASSERT(wait_for(is_quarantined, "b"));
	struct pool_key *key = sm4_key();
	for (int i = 0; i < 20; i++)
		CU_ASSERT(encrypts(key)); /* by a, which has proven itself before the first */
	CU_ASSERT(is_in_service("a"));
	pool_key_rele(key);
	/* Forgotten at the last logout. The administrator's act brings it back, proof or not. */
	pool_drop_proofs(pool);
	reconfigure(DEVICE("a", "") DEVICE("b", "split = yes") TOKEN("a, b"), "b", CONF_WISH_MAINTENANCE);
	reconfigure(DEVICE("a", "") DEVICE("b", "split = yes") TOKEN("a, b"), NULL, CONF_WISH_ENABLED);
	CU_ASSERT(wait_for(is_in_service, "b"));
	/* A point that is none is refused. */
	memset(point, 1, SM2_POINT_LEN);
	CU_ASSERT(pool_add_proof(pool, &copy, point) == HUFU_ERR_KEY_VALUE);
	down();
}

/* A proof that was not answered is asked for again; one that cannot be given makes no caller wait. */
static void test_proof_not_given(void)
{
	uint8_t bytes[512], point[HUFU_PUB_MAX];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "d", .data = bytes, .len = make_proof(bytes, point)};

	up(DEVICE("a", "") DEVICE("b", "") TOKEN("a, b"));
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a") && wait_for(is_in_service, "b"));
	script("a", "sign:busy*2");
	script("b", "run:busy");
	CU_ASSERT(pool_add_proof(pool, &copy, point) == HUFU_OK);
	struct pool_key *key = sm4_key();
	CU_ASSERT(encrypts(key)); /* by a, the only one that does anything */
	pool_key_rele(key);
	down();

	up(DEVICE("a", "") DEVICE("b", "") TOKEN("a, b"));
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a") && wait_for(is_in_service, "b"));
	script("a", "sign:unsupported");
	script("b", "sign:unsupported");
	CU_ASSERT(pool_add_proof(pool, &copy, point) == HUFU_OK);
	key = sm4_key();
	uint64_t begun = clock_now_ns();
	CU_ASSERT(!encrypts(key) && clock_now_ns() - begun < AWHILE_NS);
	CU_ASSERT(draw(NULL) == HUFU_OK); /* what needs no key */
	pool_key_rele(key);
	down();
}

/* -- the administrator --------------------------------------------------------------- */

#define TWO DEVICE("a", "") DEVICE("b", "") TOKEN("a, b")

#define TWO_QUICK DEVICE("a", "") DEVICE("b", "") \
	"token t { store = \"sqlite:/nowhere/t.db\" devices = {a, b} slow_start_ms = 200 }\n"

static void test_drain(void)
{
	up(TWO_QUICK);
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a") && wait_for(is_in_service, "b"));
	reconfigure(TWO_QUICK, "a", CONF_WISH_DRAINING);
	CU_ASSERT(status_of("a").admin == POOL_DRAINING);
	uint64_t before = asked("a");
	for (int i = 0; i < 50; i++)
		CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(asked("a") == before && fault_counts("a").closes == 0); /* open, and idle */
	reconfigure(TWO_QUICK, NULL, CONF_WISH_ENABLED);
	CU_ASSERT(status_of("a").admin == POOL_ENABLED && is_in_service("a"));
	uint64_t until = clock_now_ns() + PATIENCE_NS;
	while (asked("a") == before && clock_now_ns() < until)
		CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(asked("a") > before);
	down();
}

static void test_maintenance(void)
{
	up(TWO);
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a") && wait_for(is_in_service, "b"));
	reconfigure(TWO, "a", CONF_WISH_MAINTENANCE);
	CU_ASSERT(wait_for(is_closed, "a"));
	uint64_t opens = fault_counts("a").opens;
	for (int i = 0; i < 50; i++)
		CU_ASSERT(draw(NULL) == HUFU_OK);
	clock_sleep_ns(NS_PER_S / 4); /* rounds of the keeper go by */
	CU_ASSERT(fault_counts("a").opens == opens && status_of("a").admin == POOL_MAINTENANCE);
	reconfigure(TWO, NULL, CONF_WISH_ENABLED);
	CU_ASSERT(wait_for(starts_slowly, "a") && fault_counts("a").opens == opens + 1);
	down();
}

#define ONE_LIES DEVICE("a", "script = \"sign:wrong\"") DEVICE("b", "") TOKEN("a, b")

static void test_mended(void)
{
	up(ONE_LIES);
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_quarantined, "a"));
	script("a", "");
	reconfigure(ONE_LIES, "a", CONF_WISH_DRAINING);
	CU_ASSERT(is_quarantined("a"));
	reconfigure(ONE_LIES, NULL, CONF_WISH_ENABLED);
	CU_ASSERT(wait_for(is_in_service, "a"));
	down();
}

/* -- members ---------------------------------------------------------------------------- */

struct worker {
	pthread_t thread;
	_Atomic bool *stop;
	struct pool_key *key;
	unsigned long done, failed;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(w->stop)) {
		struct pool_key *own = sm4_key();

		w->failed += !encrypts(w->key) + !encrypts(own) + (draw(NULL) != HUFU_OK);
		w->done++;
		pool_key_rele(own);
	}
	return NULL;
}

static const char *const lives[] = {
	DEVICE("a", "") DEVICE("b", "") DEVICE("c", "") TOKEN("a, b, c"),              /* c joins */
	DEVICE("a", "") DEVICE("b", "") DEVICE("c", "weight = 7") TOKEN("b, c"),       /* a leaves, c is another weight */
	DEVICE("a", "isolation = thread") DEVICE("b", "") DEVICE("c", "") TOKEN("a, b, c"), /* a is back, on lanes */
	DEVICE("a", "isolation = thread") DEVICE("b", "wraps = soft") TOKEN("a, b"),   /* b's options changed, c leaves */
	TWO,
};

static void test_members_change(void)
{
	_Atomic bool stop = false;
	struct worker workers[4];

	up(TWO);
	struct pool_key *key = sm4_key();
	CU_ASSERT_FATAL(encrypts(key));
	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){.stop = &stop, .key = key};
		CU_ASSERT_FATAL(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
	}
	for (int i = 0; i < 20; i++) {
		reconfigure(lives[i % 5], NULL, CONF_WISH_ENABLED);
		clock_sleep_ns(20 * NS_PER_MS);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		CU_ASSERT(workers[i].failed == 0 && workers[i].done > 0);
	}
	CU_ASSERT(status_of("c").admin == POOL_REMOVED && wait_for(is_closed, "c"));
	CU_ASSERT(encrypts(key));
	pool_key_rele(key);
	down();
	for (const char *name = "abc"; *name; name++)
		CU_ASSERT(is_closed((char[]){*name, 0}));
}

/* The key was made when this device was not there yet; the only one it had goes. */
static void test_joins_later(void)
{
	char by;

	up(DEVICE("a", "") TOKEN("a"));
	struct pool_key *key = sm4_key();
	CU_ASSERT(encrypts(key));
	reconfigure(DEVICE("b", "") TOKEN("b"), NULL, CONF_WISH_ENABLED);
	CU_ASSERT(encrypts(key) && draw(&by) == HUFU_OK && by == 'b');
	CU_ASSERT(status_of("a").admin == POOL_REMOVED);
	for (int i = 0; i < 3 && !is_closed("a"); i++)
		CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(wait_for(is_closed, "a"));
	pool_key_rele(key);
	down();
}

/* Places are used again: more devices come and go than a token may have. */
static void test_places(void)
{
	char text[512];

	up(TWO);
	for (int i = 0; i < 3 * POOL_DEVICES_MAX; i++) {
		snprintf(text, sizeof(text), DEVICE("b", "") DEVICE("x%d", "") TOKEN("b, x%d"), i, i);
		reconfigure(text, NULL, CONF_WISH_ENABLED);
	}
	CU_ASSERT(pool_status(pool, NULL, 0) <= 8 && draw(NULL) == HUFU_OK);
	down();
}

/* -- threads ----------------------------------------------------------------------------- */

static void test_no_threads(void)
{
	pool_allow_threads(false);
	up(DEVICE("a", "priority = 1") DEVICE("b", "priority = 2") HANGING("h", "") TOKEN("a, b, h"));
	CU_ASSERT(draw(NULL) == HUFU_OK && threads_now() == threads_before);
	CU_ASSERT(is_quarantined("h"));
	script("a", "run:gone; open:gone*2");
	CU_ASSERT(draw(NULL) == HUFU_OK && is_ejected("a"));
	script("a", "");
	uint64_t until = clock_now_ns() + PATIENCE_NS;
	while (!is_in_service("a") && clock_now_ns() < until)
		CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(is_in_service("a") && threads_now() == threads_before);
	down();
	up(HANGING("h", "") TOKEN("h"));
	CU_ASSERT(draw(NULL) == HUFU_ERR_CONFIG);
	CU_ASSERT(draw(NULL) == HUFU_ERR_NEED_THREADS);
	down();
	pool_allow_threads(true);
}

static _Atomic bool no_thread_to_be_had;

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	return atomic_load(&no_thread_to_be_had) ? EAGAIN : __real_pthread_create(thread, attr, run, arg);
}

/* What may hang is not opened by callers instead, and later there may be one. */
static void test_no_keeper(void)
{
	uint8_t out[16];
	struct pool_request req = {.op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out), .repeatable = true}};

	up(HANGING("h", "") TOKEN("h"));
	atomic_store(&no_thread_to_be_had, true);
	req.op.deadline_ns = clock_now_ns() + NS_PER_S / 10;
	CU_ASSERT(pool_run(pool, &req) == HUFU_ERR_DEADLINE);
	CU_ASSERT(fault_counts("h").opens == 0);
	atomic_store(&no_thread_to_be_had, false);
	CU_ASSERT(draw(NULL) == HUFU_OK);
	down();
}

static void test_free_is_bounded(void)
{
	up(HANGING("a", "") DEVICE("b", "") TOKEN("a, b"));
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a"));
	script("a", "run:lost; probe:hang");
	while (!hangs("a"))
		CU_ASSERT_FATAL(draw(NULL) == HUFU_OK);
	uint64_t begun = clock_now_ns();
	pool_free(pool);
	CU_ASSERT(clock_now_ns() - begun < AWHILE_NS);
	CU_ASSERT(hangs("a") && lanes_hung_ever() > 0); /* left behind, and counted */
	script("a", "");
	fault_release("a");
	CU_ASSERT(wait_for(threads_are_gone, ""));
	CU_ASSERT(wait_for(is_closed, "a"));
	CU_ASSERT(secret_in_use() == secret_before);
	fault_reset();
}

static bool secrets_are_gone(const char *name)
{
	(void)name;
	return secret_in_use() == secret_before;
}

static void *release_a(void *arg)
{
	clock_sleep_ns(NS_PER_S / 4);
	fault_release("a");
	return arg;
}

/* What hangs in one device holds the last of a key that the other has loaded, and comes back while that one is ended. */
static void test_free_with_key(void)
{
	pthread_t thread;

	up(HANGING("a", "") HANGING("b", "") TOKEN("a, b"));
	struct pool_key *key = sm4_key();
	while (!key_is_loaded_in(pool->devices[0]) || !key_is_loaded_in(pool->devices[1]))
		CU_ASSERT_FATAL(encrypts(key));
	script("a", "encrypt:hang");
	while (!hangs("a"))
		CU_ASSERT_FATAL(encrypts(key));
	script("b", "random:lost@1; probe:hang");
	while (!hangs("b"))
		CU_ASSERT_FATAL(draw(NULL) == HUFU_OK);
	pool_key_rele(key);
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, release_a, NULL) == 0);
	pool_free(pool);
	pthread_join(thread, NULL);
	fault_release("b");
	uint64_t begun = clock_now_ns();
	CU_ASSERT(wait_for(threads_are_gone, "") && clock_now_ns() - begun < AWHILE_NS);
	CU_ASSERT(wait_for(is_closed, "a") && wait_for(is_closed, "b") && wait_for(secrets_are_gone, ""));
	fault_reset();
}

static void test_lists_without_threads(void)
{
	up(TWO);
	CU_ASSERT(pool_status(pool, NULL, 0) == 2 && threads_now() == threads_before && fault_counts("a").opens == 0);
	down();
}

static _Atomic unsigned ticks;

static void on_tick(void)
{
	atomic_fetch_add(&ticks, 1);
}

static bool has_ticked(const char *name)
{
	(void)name;
	return atomic_load(&ticks) > 1;
}

static void test_tick(void)
{
	pool_on_tick(on_tick);
	up(TWO);
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(has_ticked, ""));
	down();
	pool_on_tick(NULL);
}

/* -- timers --------------------------------------------------------------------------------- */

static _Atomic unsigned fired;

static void count_fired(struct timer *timer)
{
	(void)timer;
	atomic_fetch_add(&fired, 1);
}

static bool both_fired(const char *name)
{
	(void)name;
	return atomic_load(&fired) == 2;
}

static void test_timers(void)
{
	struct timer timers[3] = {0};

	up(TWO);
	CU_ASSERT(!timer_set(&timers[0], clock_now_ns(), count_fired)); /* no keeper yet */
	CU_ASSERT(draw(NULL) == HUFU_OK);
	uint64_t now = clock_now_ns();
	CU_ASSERT(timer_set(&timers[0], now + 30 * NS_PER_MS, count_fired));
	CU_ASSERT(timer_set(&timers[1], now + 10 * NS_PER_MS, count_fired));
	CU_ASSERT(timer_set(&timers[2], now + 3600 * NS_PER_S, count_fired));
	CU_ASSERT(wait_for(both_fired, ""));
	timer_cancel(&timers[2]);
	timer_cancel(&timers[0]); /* over: nothing happens */
	CU_ASSERT(atomic_load(&fired) == 2);
	down();
}

static void set_anew(struct timer *timer)
{
	CU_ASSERT(timer_set(timer, clock_now_ns() + 3600 * NS_PER_S, count_fired));
	timer_cancel(timer);
	CU_ASSERT(timer_set(timer, clock_now_ns(), count_fired));
}

static bool one_fired(const char *name)
{
	(void)name;
	return atomic_load(&fired) == 1;
}

/* What a call waits for can change while its timer runs it. */
static void test_timer_set_anew(void)
{
	struct timer timer = {0};

	up(TWO);
	atomic_store(&fired, 0);
	CU_ASSERT(draw(NULL) == HUFU_OK);
	CU_ASSERT(timer_set(&timer, clock_now_ns(), set_anew));
	CU_ASSERT(wait_for(one_fired, ""));
	down();
}

/* -- fork ------------------------------------------------------------------------------------ */

static pid_t fork_pool(void)
{
	pool_before_fork(pool);
	log_before_fork();
	secret_before_fork();
	stats_before_fork();
	pid_t pid = fork();
	if (pid == 0) {
		stats_after_fork_child();
		secret_after_fork_child();
		log_after_fork();
		pool_after_fork_child(pool);
	} else {
		stats_after_fork_parent();
		secret_after_fork_parent();
		log_after_fork();
		pool_after_fork_parent(pool);
	}
	return pid;
}

/* A keeper of its own brings back a device that fell here; the parent's timer is the parent's. */
static bool child_goes_on(void)
{
	uint64_t until = clock_now_ns() + PATIENCE_NS;

	if (threads_now() > 1 || draw(NULL) != HUFU_OK)
		return false;
	script("a", "run:device-gone=1@1");
	while (status_of("a").state != POOL_EJECTED && clock_now_ns() < until)
		if (draw(NULL) != HUFU_OK)
			return false;
	if (!wait_for(is_in_service, "a") || atomic_load(&fired) != 2)
		return false;
	pool_free(pool);
	return true;
}

static void test_fork(void)
{
	UNIT_FORKS();
	struct timer timer = {0};
	int status = -1;

	up(HANGING("a", "priority = 1") DEVICE("b", "priority = 2") TOKEN("a, b"));
	CU_ASSERT(draw(NULL) == HUFU_OK && wait_for(is_in_service, "a") && draw(NULL) == HUFU_OK);
	atomic_store(&fired, 2);
	CU_ASSERT(timer_set(&timer, clock_now_ns() + NS_PER_S / 5, count_fired));
	pid_t pid = fork_pool();
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0)
		_exit(child_goes_on() ? 0 : 1);
	CU_ASSERT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT(draw(NULL) == HUFU_OK && is_in_service("a"));
	timer_cancel(&timer);
	down();
}

static const struct unit_case cases[] = {
	{"a device whose open hangs delays nobody", test_open_hangs},
	{"a device whose probe hangs delays no op and no other's return", test_probe_hangs},
	{"a device that was gone serves on a fresh connection", test_fresh_connection},
	{"a device that gives a wrong known answer is quarantined and runs nothing", test_wrong_answers},
	{"what a device does not do, or not now, is no wrong answer", test_not_asked},
	{"in a device that keeps for good what is made in it nothing is made for a test", test_keeps_for_good},
	{"a device of another domain is quarantined", test_foreign},
	{"a proof that was not answered is asked for again", test_proof_not_given},
	{"a drained device gets no work, stays open, and comes back", test_drain},
	{"a device under maintenance is closed and left alone", test_maintenance},
	{"a quarantined device is back by the administrator's act", test_mended},
	{"devices join, leave and change under load, and no call fails", test_members_change},
	{"a device that joins later can use keys of before", test_joins_later},
	{"places of devices that left are used again", test_places},
	{"without threads devices are probed by callers, and those that need them are refused", test_no_threads},
	{"where no thread is to be had no caller opens a device that may hang", test_no_keeper},
	{"freeing a pool is bounded though a device hangs", test_free_is_bounded},
	{"a key that comes back while a pool is freed goes with it", test_free_with_key},
	{"listing devices makes no thread and opens nothing", test_lists_without_threads},
	{"the keeper ticks", test_tick},
	{"timers fire in their order, or not once they were cancelled", test_timers},
	{"a timer can be taken back and set anew while it fires", test_timer_set_anew},
	{"a forked child has a keeper of its own, and no timers", test_fork},
	{0},
};

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	pthread_t first;

	/* A sanitizer starts a thread of its own with the first one: it is not to be counted as ours. */
	if (fault_register() != HUFU_OK || pthread_create(&first, NULL, nothing, NULL) != 0)
		return 99;
	pthread_join(first, NULL);
	return unit_main("pool keeper", cases);
}
