/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_util.h"

#include <pthread.h>

#include "base/secret.h"
#include "driver/driver.h"
#include "pool/internal.h"
#include "sm/sm2.h"

#define LAB_DEVICES_MAX 8

_Atomic uint64_t lab_now_ns = 1000 * NS_PER_S;
struct spied lab_spied;

static struct {
	struct conf conf;
	struct conf_device devices[LAB_DEVICES_MAX];
	char *options[LAB_DEVICES_MAX][5];
	size_t indexes[LAB_DEVICES_MAX];
	struct conf_token token;
	size_t secret_before;
	struct pool *pool;
} lab;

static void need(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t lab_now(void)
{
	return atomic_load(&lab_now_ns);
}

static void lab_sleep(uint64_t ns)
{
	atomic_fetch_add(&lab_now_ns, ns);
}

/* Nobody is there to signal but callers like this one: the time passes, and what is due then is done. */
static bool lab_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t until_ns)
{
	uint64_t now = lab_now();

	(void)cond;
	pthread_mutex_unlock(mutex);
	if (until_ns > now && until_ns != CLOCK_NEVER)
		lab_sleep(until_ns - now);
	pthread_mutex_lock(mutex);
	return false;
}

/* -- devices that are sound until they are admitted ------------------------- */

/*
 * What a script has for ops is for the pool's callers, not for the known
 * answers that come first: it holds from the first op of a device that was
 * admitted. What it has for open, lease and probe holds from the start.
 */
static struct arms {
	const char *script;
	bool armed;
	struct fault_counts before;
} arms[LAB_DEVICES_MAX];
static pthread_mutex_t arms_lock = PTHREAD_MUTEX_INITIALIZER;

static struct arms *arms_of(const char *name)
{
	for (size_t i = 0; i < lab.conf.ndevices; i++)
		if (strcmp(lab.devices[i].name, name) == 0)
			return &arms[i];
	abort();
}

/* "open:gone*2; sign:lost" -> "open:gone*2", or "sign:lost". */
static void part_of(const char *script, const char *const *places, bool want, char *out, size_t out_len)
{
	char copy[512];
	size_t len = 0;

	need(strlen(script) < sizeof(copy) && out_len >= sizeof(copy));
	memcpy(copy, script, strlen(script) + 1);
	out[0] = '\0';
	for (char *rest = NULL, *rule = strtok_r(copy, ";", &rest); rule; rule = strtok_r(NULL, ";", &rest)) {
		bool is_one = false;

		rule += strspn(rule, " ");
		for (size_t i = 0; places[i]; i++)
			is_one |= strncmp(rule, places[i], strlen(places[i])) == 0;
		if (is_one == want)
			len += (size_t)snprintf(out + len, out_len - len, "%s%s", len ? "; " : "", rule);
	}
}

static void set_script(const char *device, const char *script)
{
	char why[256];

	if (fault_script(device, script, why, sizeof(why)) != HUFU_OK) {
		printf("# %s\n", why);
		abort();
	}
}

static void arm_locked(const char *name, struct arms *a)
{
	static const char *const once[] = {"open:", NULL};
	char script[512];

	a->armed = true;
	part_of(a->script, once, false, script, sizeof(script));
	set_script(name, script);
	a->before = fault_counts(name);
}

/* Known answers are asked for before the pool takes the connection for its own. */
static void arm_admitted(void)
{
	pthread_mutex_lock(&arms_lock);
	for (size_t i = 0; lab.pool && i < lab.conf.ndevices; i++)
		if (!arms[i].armed && atomic_load(&atomic_load(&lab.pool->devices[i])->handle))
			arm_locked(lab.devices[i].name, &arms[i]);
	pthread_mutex_unlock(&arms_lock);
}

static void lab_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	arm_admitted();
	driver_fault.run(lease, ops, n);
}

/* -- the spy --------------------------------------------------------------- */

static bool is_admitting(void)
{
	for (size_t i = 0; i < lab.conf.ndevices; i++)
		if (atomic_load(&lab.pool->devices[i])->cared)
			return true;
	return false;
}

static void spy_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n && !is_admitting(); i++) {
		lab_spied.same_id = !lab_spied.n || memcmp(lab_spied.op_id, ops[i]->op_id, 16) == 0;
		memcpy(lab_spied.op_id, ops[i]->op_id, 16);
		lab_spied.attempts[lab_spied.n++ % 8] = ops[i]->attempt;
		lab_spied.deadline_ns = ops[i]->deadline_ns;
	}
	lab_run(lease, ops, n);
}

/* Fault under other names, with other flags. */
static struct hufu_driver sound, spy, slow, affine, unforkable;

static void register_as(struct hufu_driver *driver, const char *name, uint32_t flags)
{
	enum hufu_err err;

	if (driver != &driver_fault) {
		*driver = driver_fault;
		driver->name = name;
		driver->flags = flags;
		driver->run = lab_run;
	}
	err = driver_register(driver);
	need(err == HUFU_OK || err == HUFU_ERR_EXISTS);
}

static bool real_time;

void lab_real_time(void)
{
	real_time = true;
	clock_inject(NULL);
	clock_inject_sleep(NULL);
	clock_inject_wait(NULL);
}

void lab_start(void)
{
	need(fault_register() == HUFU_OK);
	pool_allow_threads(false); /* probes in the callers, in an order that tests can know */
	clock_inject(lab_now);
	clock_inject_sleep(lab_sleep);
	clock_inject_wait(lab_wait);
	register_as(&sound, "sound", driver_fault.flags);
	register_as(&spy, "spy", driver_fault.flags);
	spy.run = spy_run;
	register_as(&slow, "slow", HUFU_DRIVER_FORK_SAFE);
	register_as(&affine, "affine", driver_fault.flags | HUFU_DRIVER_THREAD_AFFINE);
	register_as(&unforkable, "unforkable", HUFU_DRIVER_RETURNS_BY_DEADLINE);
}

/* -- pools ----------------------------------------------------------------- */

/* The configuration as it would have been read. */
struct pool *lab_pool(const struct lab_device *devices)
{
	static const char *const calls[] = {"open:", "lease:", "probe:", NULL};
	static char call_scripts[LAB_DEVICES_MAX][512];
	struct pool *pool;
	size_t n = 0;

	lab.secret_before = secret_in_use();
	fault_reset();
	for (; devices[n].name; n++) {
		need(n < LAB_DEVICES_MAX);
		lab.options[n][0] = (char *)(uintptr_t)"script";
		bool sound_first = !devices[n].driver || (strcmp(devices[n].driver, "fault") && strcmp(devices[n].driver, "soft"));
		arms[n] = (struct arms){.script = devices[n].script ? devices[n].script : "", .armed = !sound_first};
		part_of(arms[n].script, calls, true, call_scripts[n], sizeof(call_scripts[n]));
		lab.options[n][1] = sound_first ? call_scripts[n] : (char *)(uintptr_t)arms[n].script;
		lab.options[n][2] = (char *)(uintptr_t)(devices[n].permanent ? "permanent" : NULL);
		lab.options[n][3] = (char *)(uintptr_t)(devices[n].permanent ? "yes" : NULL);
		struct conf_device *device = &lab.devices[n];
		*device = conf_device_defaults();
		device->name = (char *)(uintptr_t)devices[n].name;
		device->driver = (char *)(uintptr_t)(devices[n].driver ? devices[n].driver : "sound");
		device->domain = (char *)(uintptr_t)(devices[n].domain ? devices[n].domain : "soft");
		device->weight = devices[n].weight ? devices[n].weight : device->weight;
		device->options = lab.options[n];
		if (real_time)
			device->connects_per_s = 1000000; /* sessions fall often here */
		lab.indexes[n] = n;
	}
	lab.conf = (struct conf){.devices = lab.devices, .ndevices = n};
	lab.token = (struct conf_token){.devices = lab.indexes, .ndevices = n, .deadline_ms = 5000,
	                                .pool = conf_pool_defaults()};
	if (real_time) {
		lab.token.pool.backoff_min_ms = 1;
		lab.token.pool.backoff_max_ms = 5;
	}
	need(pool_new(&lab.conf, &lab.token, &pool) == HUFU_OK);
	lab.pool = pool;
	return pool;
}

void lab_free(struct pool *pool)
{
	lab.pool = NULL;
	pool_free(pool);
	for (size_t i = 0; i < lab.conf.ndevices; i++) {
		struct fault_counts counts = fault_counts(lab.devices[i].name);

		CU_ASSERT(counts.leases == counts.releases);
		CU_ASSERT(counts.opens == counts.closes);
	}
	CU_ASSERT(secret_in_use() == lab.secret_before);
}

void lab_script(const char *device, const char *script)
{
	arm_admitted(); /* what a test says later holds */
	set_script(device, script);
}

uint64_t lab_asked(const char *device, enum hufu_verb verb)
{
	arm_admitted();
	return fault_counts(device).asked[verb] - arms_of(device)->before.asked[verb];
}

uint64_t lab_ops(const char *device, enum hufu_verb verb)
{
	arm_admitted();
	return fault_counts(device).ops[verb] - arms_of(device)->before.ops[verb];
}

enum pool_state lab_state(struct pool *pool, const char *device)
{
	struct pool_device_status status[LAB_DEVICES_MAX];
	size_t n = pool_status(pool, status, LAB_DEVICES_MAX);

	for (size_t i = 0; i < n; i++)
		if (strcmp(status[i].name, device) == 0)
			return status[i].state;
	abort();
}

/* -- keys ------------------------------------------------------------------ */

static const char *const sm2_d = "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8";
static const char *const sm2_point = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
                                     "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13";
static const uint8_t uuid[16] = {1, 2, 3};

struct pool_key *lab_private(struct pool *pool)
{
	uint8_t d[32], point[64];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "soft", .data = d, .len = unit_hex(sm2_d, d)};
	struct pool_key *key;

	unit_hex(sm2_point, point);
	need(pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, &copy, 1, &key) == HUFU_OK);
	need(pool_key_set_point(key, point) == HUFU_OK);
	return key;
}

struct pool_key *lab_public(struct pool *pool)
{
	uint8_t point[64];
	struct pool_copy copy = {.kind = HUFU_COPY_BLOB, .data = point, .len = unit_hex(sm2_point, point)};
	struct pool_key *key;

	need(pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PUBLIC, &copy, 1, &key) == HUFU_OK);
	return key;
}

struct pool_key *lab_sm4(struct pool *pool, const char *domains)
{
	struct pool_copy copies[4];
	uint8_t clear[16];
	char names[128];
	size_t n = 0, len = strlen(domains);
	struct pool_key *key;

	unit_hex("0123456789abcdeffedcba9876543210", clear);
	need(len < sizeof(names));
	memcpy(names, domains, len + 1);
	for (char *rest = NULL, *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		copies[n++] = (struct pool_copy){.kind = HUFU_COPY_BLOB, .domain = name, .data = clear, .len = 16};
	need(pool_key_new(pool, uuid, 1, HUFU_KEY_SM4, copies, n, &key) == HUFU_OK);
	return key;
}

/* -- ops ------------------------------------------------------------------- */

enum hufu_err lab_sign(struct pool *pool, struct pool_key *key, struct pool_request *req)
{
	uint8_t e[DIGEST_LEN] = {42}, sig[SIG_LEN], point[64];
	struct sm2_public public;

	req->key = key;
	req->op.verb = HUFU_VERB_SIGN;
	req->op.mechanism = CKM_HUFU_SM2;
	req->op.in = e;
	req->op.in_len = sizeof(e);
	req->op.out = sig;
	req->op.out_cap = sizeof(sig);
	enum hufu_err err = pool_run(pool, req);
	if (err != HUFU_OK)
		return err;
	unit_hex(sm2_point, point);
	need(sm2_public_init(&public, point) == SM2_OK);
	return req->op.out_len == SIG_LEN && sm2_verify(&public, e, sig) == SM2_OK ? HUFU_OK : HUFU_ERR_CORRUPT;
}

enum hufu_err lab_encrypt(struct pool *pool, struct pool_key *key, struct pool_request *req)
{
	uint8_t in[16], want[16], out[16];

	unit_hex("0123456789abcdeffedcba9876543210", in);
	unit_hex("681edf34d206965e86b3e94f536e4246", want);
	req->key = key;
	req->op.verb = HUFU_VERB_ENCRYPT;
	req->op.mechanism = CKM_HUFU_SM4_ECB;
	req->op.in = in;
	req->op.in_len = sizeof(in);
	req->op.out = out;
	req->op.out_cap = sizeof(out);
	enum hufu_err err = pool_run(pool, req);
	if (err != HUFU_OK)
		return err;
	return req->op.out_len == sizeof(out) && memcmp(out, want, sizeof(out)) == 0 ? HUFU_OK : HUFU_ERR_CORRUPT;
}

enum hufu_err lab_random(struct pool *pool, struct pool_request *req)
{
	uint8_t out[32] = {0}, none[32] = {0};

	req->op.verb = HUFU_VERB_RANDOM;
	req->op.out = out;
	req->op.out_cap = sizeof(out);
	enum hufu_err err = pool_run(pool, req);
	return err == HUFU_OK && memcmp(out, none, sizeof(out)) == 0 ? HUFU_ERR_CORRUPT : err;
}
