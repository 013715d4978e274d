/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: what is larger than a request gives what it gives whole; a batch has an outcome for each op; a machine that dies, hangs or
 * refuses is an error of the right group by the deadline, and one that is back serves again; a child of fork opens its own.
 */
#include "machines.h"
#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

#define NEED(call) CU_ASSERT_EQUAL_FATAL((call), HUFU_OK)
#define NS_PER_MS 1000000ull
#define GENEROUS_NS (20000 * NS_PER_MS) /* what only a real failure takes */

/* -- devices ------------------------------------------------------------------------------ */

static const char *const *options;

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (const char *const *option = options; option && *option; option += 2)
		if (strcmp(option[0], key) == 0)
			return option[1];
	return NULL;
}

static enum hufu_err open_with(const char *const *with, uint64_t deadline_ns, struct hufu_device **device)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = "machine", .get = get};

	options = with;
	return driver_net.open(driver_host(), &conf, deadline_ns, device);
}

static uint64_t in_ms(uint64_t ms)
{
	return clock_now_ns() + ms * NS_PER_MS;
}

/* Until it is there: it was started a moment ago. */
static struct hufu_device *open_machine(size_t nth, bool tls)
{
	const struct timespec moment = {.tv_nsec = 10 * NS_PER_MS};
	struct hufu_device *device = NULL;
	uint64_t end = clock_now_ns() + GENEROUS_NS;

	while (open_with(machine_options(nth, tls), in_ms(5000), &device) != HUFU_OK && clock_now_ns() < end)
		nanosleep(&moment, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(device);
	return device;
}

/* A device with a lease of it. */
struct bench {
	const struct hufu_driver *driver;
	struct hufu_device *device;
	struct hufu_lease *lease;
};

static struct bench bench_of(const struct hufu_driver *driver, struct hufu_device *device)
{
	struct bench b = {.driver = driver, .device = device};

	NEED(driver->lease(device, 0, &b.lease));
	return b;
}

static struct bench soft_bench(void)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = "soft", .get = get};
	struct hufu_device *device = NULL;

	NEED(driver_soft.open(driver_host(), &conf, 0, &device));
	return bench_of(&driver_soft, device);
}

static void end(struct bench *b)
{
	b->driver->release(b->lease);
	b->driver->close(b->device, 0);
}

static enum hufu_err run(const struct bench *b, struct hufu_op *op)
{
	op->size = sizeof(*op);
	op->outcome = HUFU_ERR_BUG;
	b->driver->run(b->lease, &op, 1);
	return op->outcome;
}

/* -- keys ------------------------------------------------------------------------------------ */

struct key {
	struct hufu_key key;
	uint8_t copy[512];
};

static void import(const struct bench *b, enum hufu_key_type type, size_t len, struct key *key)
{
	static const uint8_t clear[32] = "the same key on every device....";
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len, .out = key->copy,
	                     .out_cap = sizeof(key->copy), .pub = pub, .copy_kind = HUFU_COPY_BLOB};

	NEED(run(b, &op));
	key->key = (struct hufu_key){.size = sizeof(key->key), .uuid = {(uint8_t)type, (uint8_t)len}, .type = type,
	                             .copy_kind = op.copy_kind, .blob = key->copy, .blob_len = op.out_len};
}

static void evict(const struct bench *b, struct key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT, .key = &key->key};

	NEED(run(b, &op));
	CU_ASSERT_PTR_NULL(key->key.loaded);
}

/* -- much data --------------------------------------------------------------------------------- */

#define MUCH ((5u << 20) + 4096u) /* more than two requests take */

static const struct hufu_param_iv iv = {.iv = {1, 2, 3, [12] = 0xff, 0xff, 0xff, 0xf0}, .counter_bits = 32};
static const struct hufu_param_iv wide_iv = {.iv = {1, 2, 3, [11] = 0xff, 0xff, 0xff, 0xff, 0xf0}, .counter_bits = 128};
static const struct hufu_param_iv narrow_iv = {.iv = {1, [13] = 3, 0xff, 0xff}, .counter_bits = 19};
static const uint8_t nonce[12] = {7}, aad[40] = {8};
static const struct hufu_param_gcm gcm = {nonce, sizeof(nonce), aad, sizeof(aad), 16};
static const struct hufu_param_zuc zuc = {.count = 9, .bearer = 3, .direction = 1};
static const struct hufu_param_mac mac = {.mac_len = 16};

static const struct large {
	enum hufu_verb verb;
	uint64_t mechanism;
	enum hufu_key_type type;
	size_t key_len;
	const void *param;
	size_t len, out_len;
} larges[] = {
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, HUFU_KEY_SM4, 16, NULL, MUCH, MUCH},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CBC, HUFU_KEY_SM4, 16, &iv, MUCH, MUCH},
	{HUFU_VERB_DECRYPT, CKM_HUFU_SM4_CBC, HUFU_KEY_SM4, 16, &iv, MUCH, MUCH},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, HUFU_KEY_SM4, 16, &iv, MUCH - 5, MUCH - 5},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CTR, HUFU_KEY_SM4, 16, &narrow_iv, MUCH - 5, MUCH - 5},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_CFB128, HUFU_KEY_SM4, 16, &iv, MUCH - 7, MUCH - 7},
	{HUFU_VERB_DECRYPT, CKM_HUFU_SM4_CFB128, HUFU_KEY_SM4, 16, &iv, MUCH - 7, MUCH - 7},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_OFB, HUFU_KEY_SM4, 16, &iv, MUCH - 1, MUCH - 1},
	{HUFU_VERB_DECRYPT, CKM_AES_CTR, HUFU_KEY_AES, 32, &wide_iv, MUCH - 15, MUCH - 15},
	{HUFU_VERB_DECRYPT, CKM_DES3_CBC, HUFU_KEY_DES3, 24, &iv, MUCH, MUCH},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_GCM, HUFU_KEY_SM4, 16, &gcm, MUCH - 3, MUCH - 3 + 16},
	{HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, HUFU_KEY_ZUC, 16, &zuc, MUCH, MUCH},
	{HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC, HUFU_KEY_SECRET, 32, NULL, MUCH - 9, 32},
	{HUFU_VERB_SIGN, CKM_AES_CMAC, HUFU_KEY_AES, 16, &mac, MUCH, 16},
	{HUFU_VERB_SIGN, CKM_HUFU_ZUC_EIA3, HUFU_KEY_ZUC, 16, &zuc, MUCH, 4},
};

static uint8_t *pattern(size_t len)
{
	uint8_t *data = malloc(len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	return data;
}

static enum hufu_err run_large(const struct bench *b, const struct large *l, struct key *key, const uint8_t *in, uint8_t *out, size_t cap,
                           size_t *len)
{
	struct hufu_op op = {.verb = l->verb, .mechanism = l->mechanism, .key = &key->key, .param = l->param, .in = in, .in_len = l->len,
	                     .out = out, .out_cap = cap};
	enum hufu_err err = run(b, &op);

	*len = op.out_len;
	return err;
}

static void try_large(const struct bench *net, const struct bench *soft, const struct large *l, const uint8_t *in, uint8_t *a, uint8_t *b)
{
	struct key remote, here;
	size_t a_len, b_len;

	import(net, l->type, l->key_len, &remote);
	import(soft, l->type, l->key_len, &here);
	CU_ASSERT_EQUAL(run_large(net, l, &remote, in, a, l->out_len, &a_len), HUFU_OK);
	CU_ASSERT_EQUAL(run_large(soft, l, &here, in, b, l->out_len, &b_len), HUFU_OK);
	bool same = a_len == l->out_len && b_len == l->out_len && memcmp(a, b, a_len) == 0;
	if (!same)
		printf("# verb %d of mechanism %#llx\n", l->verb, (unsigned long long)l->mechanism);
	CU_ASSERT(same);
	CU_ASSERT_EQUAL(run_large(net, l, &remote, in, a, l->out_len - 1, &a_len), HUFU_ERR_BUFFER);
	evict(net, &remote);
	evict(soft, &here);
}

static void test_large(void)
{
	struct bench net = bench_of(&driver_net, open_machine(0, true)), soft = soft_bench();
	uint8_t *in = pattern(MUCH), *a = malloc(MUCH + 16), *b = malloc(MUCH + 16);

	CU_ASSERT_FATAL(a && b);
	for (size_t i = 0; i < sizeof(larges) / sizeof(larges[0]); i++)
		try_large(&net, &soft, &larges[i], in, a, b);
	free(in);
	free(a);
	free(b);
	end(&net);
	end(&soft);
}

/* One part of an operation that is itself larger than a request: its state goes in at the front, and comes out at the end. */
static void test_large_parts(void)
{
	struct bench net = bench_of(&driver_net, open_machine(0, false)), soft = soft_bench();
	uint8_t *in = pattern(MUCH), want[32], got[32], states[2][HUFU_STATE_MAX];
	struct key remote, here;

	import(&net, HUFU_KEY_SECRET, 32, &remote);
	import(&soft, HUFU_KEY_SECRET, 32, &here);
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .phase = HUFU_PHASE_FIRST, .key = &remote.key,
	                     .in = in, .in_len = MUCH / 2, .state_out = states[0]};
	NEED(run(&net, &op));
	op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .phase = HUFU_PHASE_LAST, .key = &remote.key,
	                      .in = in + MUCH / 2, .in_len = MUCH - MUCH / 2, .state_in = states[0], .state_in_len = op.state_out_len,
	                      .out = got, .out_cap = sizeof(got)};
	NEED(run(&net, &op));
	op = (struct hufu_op){.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM3_HMAC, .key = &here.key, .in = in, .in_len = MUCH,
	                      .out = want, .out_cap = sizeof(want)};
	NEED(run(&soft, &op));
	CU_ASSERT(memcmp(want, got, sizeof(want)) == 0);
	op = (struct hufu_op){.verb = HUFU_VERB_VERIFY, .mechanism = CKM_HUFU_SM3_HMAC, .key = &remote.key, .in = in, .in_len = MUCH,
	                      .in2 = want, .in2_len = sizeof(want)};
	CU_ASSERT_EQUAL(run(&net, &op), HUFU_OK);
	in[MUCH - 1] ^= 1;
	CU_ASSERT_EQUAL(run(&net, &op), HUFU_ERR_SIGNATURE);
	free(in);
	evict(&net, &remote);
	evict(&soft, &here);
	end(&net);
	end(&soft);
}

static void test_random(void)
{
	struct bench net = bench_of(&driver_net, open_machine(0, true));
	uint8_t *out = calloc(1, 200001);
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = 200000};
	unsigned zeros = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	NEED(run(&net, &op));
	CU_ASSERT_EQUAL(op.out_len, 200000);
	for (size_t i = 0; i < 200000; i++)
		zeros += !out[i];
	CU_ASSERT(zeros > 300 && zeros < 1300 && out[200000] == 0); /* 781 are to be expected */
	free(out);
	end(&net);
}

/* What cannot be cut says how much fits, and refuses more. */
static void test_unsplit(void)
{
	struct bench net = bench_of(&driver_net, open_machine(0, false));
	struct hufu_device_info info = {.size = sizeof(info)};
	const struct large l = {HUFU_VERB_DECRYPT, CKM_HUFU_SM4_GCM, HUFU_KEY_SM4, 16, &gcm, MUCH, MUCH};
	uint8_t *in = pattern(MUCH), *out = malloc(MUCH);
	unsigned limited = 0, unlimited = 0;
	struct key key;
	size_t len;

	NEED(driver_net.info(net.device, &info));
	for (size_t i = 0; i < info.ncaps; i++) {
		const struct hufu_capability *cap = &info.caps[i];

		if (cap->mechanism == CKM_HUFU_SM4_GCM && cap->verbs & 1u << HUFU_VERB_DECRYPT)
			limited += cap->max_in > 65536 && cap->max_in < MUCH;
		if (cap->mechanism == CKM_HUFU_SM4_CBC)
			unlimited += cap->max_in == 0;
	}
	CU_ASSERT(limited > 0 && unlimited > 0);
	import(&net, HUFU_KEY_SM4, 16, &key);
	CU_ASSERT_EQUAL(run_large(&net, &l, &key, in, out, MUCH, &len), HUFU_ERR_DATA_LEN);
	free(in);
	free(out);
	end(&net);
}

/* -- batches ------------------------------------------------------------------------------------- */

static void test_batch(void)
{
	enum { N = 50 };
	struct bench net = bench_of(&driver_net, open_machine(0, true));
	static struct hufu_op ops[N];
	static uint8_t out[N][16];
	struct hufu_op *list[N];
	struct key key;

	import(&net, HUFU_KEY_SM4, 16, &key);
	for (unsigned i = 0; i < N; i++) {
		bool bad = i % 3 == 1;

		ops[i] = (struct hufu_op){.size = sizeof(ops[i]), .verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB,
		                          .key = i % 7 == 6 ? NULL : &key.key, .in = key.key.uuid, .in_len = bad ? 15 : 16, .out = out[i],
		                          .out_cap = 16, .outcome = HUFU_ERR_BUG};
		list[i] = &ops[i];
	}
	driver_net.run(net.lease, list, N);
	for (unsigned i = 0; i < N; i++) {
		enum hufu_err want = i % 7 == 6 ? HUFU_ERR_ARGUMENT : i % 3 == 1 ? HUFU_ERR_DATA_LEN : HUFU_OK;

		CU_ASSERT_EQUAL(ops[i].outcome, want);
		CU_ASSERT(want != HUFU_OK || (ops[i].out_len == 16 && memcmp(out[i], out[0], 16) == 0));
	}
	end(&net);
}

/* -- trouble --------------------------------------------------------------------------------------- */

static enum hufu_err encrypt(const struct bench *b, struct key *key, uint64_t deadline_ns)
{
	uint8_t in[16] = {1}, out[16];
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key->key, .in = in, .in_len = 16,
	                     .out = out, .out_cap = 16, .deadline_ns = deadline_ns};

	return run(b, &op);
}

static bool is_away(enum hufu_err err)
{
	enum hufu_group group = hufu_err_group(err);

	return group == HUFU_GROUP_GONE || group == HUFU_GROUP_LOST || group == HUFU_GROUP_BUSY;
}

/* The same device serves on when the machine is back: copies outlive it, since they are not in it. */
static void test_restart(void)
{
	struct bench net = bench_of(&driver_net, open_machine(1, true));
	uint64_t end_ns = clock_now_ns() + GENEROUS_NS;
	struct key key;

	import(&net, HUFU_KEY_SM4, 16, &key);
	CU_ASSERT_EQUAL(encrypt(&net, &key, in_ms(5000)), HUFU_OK);
	machine_kill(1);
	CU_ASSERT(is_away(encrypt(&net, &key, in_ms(300))));
	CU_ASSERT(is_away(driver_net.probe(net.device, in_ms(300))));
	CU_ASSERT(clock_now_ns() < end_ns);
	machine_start(1);
	while (driver_net.probe(net.device, in_ms(1000)) != HUFU_OK && clock_now_ns() < end_ns)
		usleep(10000);
	CU_ASSERT_EQUAL(encrypt(&net, &key, in_ms(5000)), HUFU_OK);
	end(&net);
}

/* A machine that stands still: nobody waits beyond his deadline, not even for its opening. */
static void test_standstill(void)
{
	struct bench net = bench_of(&driver_net, open_machine(1, false));
	struct hufu_device *other = NULL;
	uint64_t end_ns = clock_now_ns() + GENEROUS_NS;
	struct key key;

	import(&net, HUFU_KEY_SM4, 16, &key);
	machine_stop(1);
	CU_ASSERT(is_away(encrypt(&net, &key, in_ms(200))));
	CU_ASSERT(is_away(driver_net.probe(net.device, in_ms(200))));
	CU_ASSERT(is_away(open_with(machine_options(1, true), in_ms(200), &other)));
	CU_ASSERT(is_away(open_with(machine_options(1, false), in_ms(200), &other)));
	CU_ASSERT(clock_now_ns() < end_ns);
	machine_go_on(1);
	while (driver_net.probe(net.device, in_ms(1000)) != HUFU_OK && clock_now_ns() < end_ns)
		usleep(10000);
	CU_ASSERT_EQUAL(encrypt(&net, &key, in_ms(5000)), HUFU_OK);
	end(&net);
}

static void *run_encrypt(void *arg)
{
	struct {
		struct bench net;
		struct key *key;
		enum hufu_err err;
	} *job = arg;

	job->err = encrypt(&job->net, job->key, in_ms(60000));
	return NULL;
}

/* Whoever waits for a machine that stands still is called back. */
static void test_cancel(void)
{
	struct key key;
	struct {
		struct bench net;
		struct key *key;
		enum hufu_err err;
	} job = {.net = bench_of(&driver_net, open_machine(1, false)), .key = &key, .err = HUFU_ERR_BUG};
	uint64_t end_ns = clock_now_ns() + GENEROUS_NS;
	pthread_t thread;
	bool back = false;

	import(&job.net, HUFU_KEY_SM4, 16, &key);
	machine_stop(1);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_encrypt, &job), 0);
	for (; !back && clock_now_ns() < end_ns; usleep(1000)) {
		driver_net.cancel(job.net.lease);
		back = pthread_tryjoin_np(thread, NULL) == 0;
	}
	machine_go_on(1);
	CU_ASSERT_FATAL(back);
	CU_ASSERT(is_away(job.err));
	end(&job.net);
}

static void test_refused(void)
{
	static const char *const nowhere[] = {"role", "devices", NULL};
	static const char *const role[] = {"address", "unix:/nowhere/socket", "role", "king", NULL};
	static const char *const absent[] = {"address", "unix:/nowhere/socket", NULL};
	const char *const *good = machine_options(0, false);
	const char *const stranger[] = {good[0], good[1], "tenant", "vault", NULL};
	const char *const token[] = {good[0], good[1], "role", "token", NULL};
	struct hufu_device *device = NULL;

	CU_ASSERT_EQUAL(open_with(nowhere, in_ms(5000), &device), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(open_with(role, in_ms(5000), &device), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(open_with(absent, in_ms(5000), &device), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(open_with(stranger, in_ms(5000), &device), HUFU_ERR_DENIED);
	CU_ASSERT_NOT_EQUAL(open_with(token, in_ms(5000), &device), HUFU_OK); /* nobody gave this identity that role */
	CU_ASSERT_PTR_NULL(device);
}

static void test_fork(void)
{
	UNIT_FORKS();
	struct bench net = bench_of(&driver_net, open_machine(0, true));
	struct key key;
	int status = -1;

	import(&net, HUFU_KEY_SM4, 16, &key);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		struct hufu_device *device = NULL;
		enum hufu_err err = open_with(machine_options(0, true), in_ms(10000), &device);

		if (err == HUFU_OK) {
			struct bench own = bench_of(&driver_net, device);
			err = encrypt(&own, &key, in_ms(10000));
		}
		_exit(err == HUFU_OK ? 0 : 1);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	CU_ASSERT_EQUAL(encrypt(&net, &key, in_ms(5000)), HUFU_OK);
	end(&net);
}

/* Machines of one domain: what one has sealed another opens; and both say so. */
static void test_domain(void)
{
	struct bench a = bench_of(&driver_net, open_machine(0, true)), b = bench_of(&driver_net, open_machine(1, false));
	struct hufu_device_info of_a = {.size = sizeof(of_a)}, of_b = {.size = sizeof(of_b)};
	static const uint8_t none[16];
	struct key key;

	NEED(driver_net.info(a.device, &of_a));
	NEED(driver_net.info(b.device, &of_b));
	CU_ASSERT(memcmp(of_a.domain_id, of_b.domain_id, 16) == 0 && memcmp(of_a.domain_id, none, 16) != 0);
	import(&a, HUFU_KEY_SM4, 16, &key);
	CU_ASSERT_PTR_NULL(memmem(key.copy, key.key.blob_len, "the same key", 12)); /* sealed */
	CU_ASSERT_EQUAL(encrypt(&a, &key, in_ms(5000)), HUFU_OK);
	CU_ASSERT_EQUAL(encrypt(&b, &key, in_ms(5000)), HUFU_OK);
	key.copy[key.key.blob_len / 2] ^= 1;
	CU_ASSERT_EQUAL(encrypt(&b, &key, in_ms(5000)), HUFU_ERR_NO_KEY);
	end(&a);
	end(&b);
}

/* To this host a machine is hardware, whatever is behind it. */
static void test_hardware_only(void)
{
	struct bench net = bench_of(&driver_net, open_machine(0, true));
	struct key key;

	import(&net, HUFU_KEY_SM4, 16, &key);
	key.key.hardware_only = true;
	CU_ASSERT_EQUAL(encrypt(&net, &key, in_ms(5000)), HUFU_OK);
	end(&net);
}

static const struct unit_case cases[] = {
	{"what is larger than a request gives what it gives whole", test_large},
	{"so does a part that is larger, and a signature over much", test_large_parts},
	{"random bytes come in pieces", test_random},
	{"what cannot be had in pieces says how much fits", test_unsplit},
	{"a batch has an outcome for each op", test_batch},
	{"a copy is good on every machine of the domain, and nowhere with a bit turned over", test_domain},
	{"a key that is hardware-only here is used by a machine that is all software", test_hardware_only},
	{"a machine that was killed is gone, and serves again when it is back", test_restart},
	{"nobody waits for a machine that stands still", test_standstill},
	{"whoever waits can be called back", test_cancel},
	{"what is refused is told", test_refused},
	{"a forked child opens its own", test_fork},
	{0},
};

int main(void)
{
	if (!machines_begin()) {
		printf("1..0 # SKIP hufud is not built\n");
		return 0;
	}
	machine_start(0);
	machine_start(1);
	return unit_main("net", cases);
}
