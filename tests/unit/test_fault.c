/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a device of the fault driver misbehaves as fault.h says, in ways that outlast one call, too. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "sm/sm2.h"

#define LATE 0xdb

static _Atomic uint64_t now_ns;
static const char *const *options;

static uint64_t virtual_now(void)
{
	return atomic_load(&now_ns);
}

static void virtual_sleep(uint64_t ns)
{
	atomic_fetch_add(&now_ns, ns);
}

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (const char *const *option = options; *option; option += 2)
		if (strcmp(option[0], key) == 0)
			return option[1];
	return NULL;
}

static enum hufu_err try_open(const char *name, const char *const *its_options, struct hufu_device **device)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = name, .get = get};

	options = its_options;
	return driver_fault.open(driver_host(), &conf, 0, device);
}

static struct hufu_device *open_device(const char *name, const char *const *its_options)
{
	struct hufu_device *device = NULL;

	CU_ASSERT_FATAL(try_open(name, its_options, &device) == HUFU_OK);
	return device;
}

/* Of one device that has only a script. */
static struct hufu_device *scripted(const char *script)
{
	const char *const its_options[] = {"script", script, NULL};

	fault_reset();
	return open_device("one", its_options);
}

static struct hufu_lease *lease_of(struct hufu_device *device)
{
	struct hufu_lease *lease = NULL;

	CU_ASSERT_FATAL(driver_fault.lease(device, 0, &lease) == HUFU_OK);
	return lease;
}

static enum hufu_err run(struct hufu_lease *lease, struct hufu_op *op)
{
	op->size = sizeof(*op);
	driver_fault.run(lease, &op, 1);
	return op->outcome;
}

static enum hufu_err random_op(struct hufu_lease *lease)
{
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out)};

	return run(lease, &op);
}

static void end(struct hufu_device *device, struct hufu_lease *lease)
{
	if (lease)
		driver_fault.release(lease);
	driver_fault.close(device, 0);
}

/* -- sessions and devices that go ---------------------------------------------- */

static void test_session_lost(void)
{
	struct hufu_device *device = scripted("run:session-lost@2");
	struct hufu_lease *lease = lease_of(device), *other = lease_of(device);

	CU_ASSERT(random_op(lease) == HUFU_OK);
	CU_ASSERT(random_op(lease) == HUFU_ERR_EXPIRED && random_op(lease) == HUFU_ERR_EXPIRED);
	CU_ASSERT(random_op(other) == HUFU_OK);
	driver_fault.release(other);
	end(device, lease);
}

static void test_gone_for_calls(void)
{
	struct hufu_device *device = scripted("run:device-gone=2@2"), *again;
	struct hufu_lease *lease = lease_of(device), *other = NULL;
	static const char *const none[] = {NULL};

	CU_ASSERT(random_op(lease) == HUFU_OK && random_op(lease) == HUFU_ERR_GONE);
	CU_ASSERT(driver_fault.lease(device, 0, &other) == HUFU_ERR_GONE);
	CU_ASSERT(driver_fault.probe(device, 0) == HUFU_ERR_GONE);
	CU_ASSERT(try_open("one", none, &again) == HUFU_ERR_GONE);
	CU_ASSERT(driver_fault.probe(device, 0) == HUFU_OK);
	CU_ASSERT(random_op(lease) == HUFU_ERR_GONE); /* its session died with it */
	other = lease_of(device);
	CU_ASSERT(random_op(other) == HUFU_OK);
	driver_fault.release(other);
	end(device, lease);
}

static void test_gone_for_a_time(void)
{
	struct hufu_device *device = scripted("run:device-gone=3s@1");
	struct hufu_lease *lease = lease_of(device);

	CU_ASSERT(random_op(lease) == HUFU_ERR_GONE);
	virtual_sleep(3 * NS_PER_S - 1);
	CU_ASSERT(driver_fault.probe(device, 0) == HUFU_ERR_GONE);
	virtual_sleep(1);
	CU_ASSERT(driver_fault.probe(device, 0) == HUFU_OK);
	CU_ASSERT(random_op(lease) == HUFU_ERR_GONE);
	end(device, lease);
}

static void test_gone_for_good(void)
{
	struct hufu_device *device = scripted("probe:device-gone@1");

	for (int i = 0; i < 5; i++)
		CU_ASSERT(driver_fault.probe(device, 0) == HUFU_ERR_GONE);
	fault_release("one");
	CU_ASSERT(driver_fault.probe(device, 0) == HUFU_OK);
	end(device, NULL);
}

static void test_codes(void)
{
	struct hufu_device *device = scripted("run:code=0x07ee; lease:code=0x6300@2");
	struct hufu_lease *lease = lease_of(device), *other = NULL;

	CU_ASSERT((unsigned)random_op(lease) == 0x7ee);
	CU_ASSERT((unsigned)driver_fault.lease(device, 0, &other) == 0x6300 && !other);
	end(device, lease);
}

/* -- hanging ---------------------------------------------------------------------- */

struct hung_call {
	struct hufu_lease *lease;
	uint8_t out[16], pub[HUFU_PUB_MAX], state[HUFU_STATE_MAX];
	enum hufu_err err;
};

static void *call_that_hangs(void *arg)
{
	struct hung_call *call = arg;
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = call->out, .out_cap = sizeof(call->out), .pub = call->pub,
	                     .state_out = call->state, .deadline_ns = 1};

	call->err = run(call->lease, &op);
	return NULL;
}

static bool all_late(const uint8_t *bytes, size_t len)
{
	while (len && bytes[len - 1] == LATE)
		len--;
	return len == 0;
}

static void wait_hung(uint32_t n)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < 30000 && fault_hung("one") != n; i++)
		nanosleep(&moment, NULL);
	CU_ASSERT_FATAL(fault_hung("one") == n);
}

static void hang_until_released(const char *script, enum hufu_err meanwhile)
{
	static struct hung_call call;
	struct hufu_device *device = scripted(script);
	struct hufu_lease *other = lease_of(device);
	pthread_t thread;

	call = (struct hung_call){.lease = lease_of(device)};
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, call_that_hangs, &call) == 0);
	wait_hung(1);
	CU_ASSERT(random_op(other) == meanwhile);
	fault_release("one");
	CU_ASSERT_FATAL(pthread_join(thread, NULL) == 0);
	wait_hung(0);
	CU_ASSERT(call.err == HUFU_ERR_LOST);
	CU_ASSERT(all_late(call.out, sizeof(call.out)) && all_late(call.pub, sizeof(call.pub)) &&
	          all_late(call.state, sizeof(call.state)));
	CU_ASSERT(fault_counts("one").ops[HUFU_VERB_RANDOM] == (meanwhile == HUFU_OK));
	driver_fault.release(other);
	end(device, call.lease);
}

static void test_hang(void)
{
	hang_until_released("run:hang@1", HUFU_OK);
}

static void test_crash(void)
{
	hang_until_released("run:crash@1", HUFU_ERR_GONE);
}

static void test_hang_for_a_time(void)
{
	static struct hung_call call;
	struct hufu_device *device = scripted("run:hang=70s");
	uint64_t before = virtual_now();

	call = (struct hung_call){.lease = lease_of(device)};
	(void)call_that_hangs(&call);
	CU_ASSERT(virtual_now() == before + 70 * NS_PER_S && call.err == HUFU_ERR_LOST && all_late(call.out, sizeof(call.out)));
	end(device, call.lease);
}

/* -- options ---------------------------------------------------------------------- */

static void test_capacity(void)
{
	static const char *const limited[] = {"sessions_max", "2", "service", "3ms", "domain_id",
	                                      "000102030405060708090a0b0c0d0eff", NULL};
	struct hufu_device_info info = {.size = sizeof(info)};

	fault_reset();
	struct hufu_device *device = open_device("one", limited);
	struct hufu_lease *lease = lease_of(device), *second = lease_of(device), *third = NULL;
	CU_ASSERT(driver_fault.lease(device, 0, &third) == HUFU_ERR_BUSY && !third);
	driver_fault.release(second);
	second = lease_of(device);
	uint64_t before = virtual_now();
	CU_ASSERT(random_op(lease) == HUFU_OK && virtual_now() == before + 3 * NS_PER_MS);
	CU_ASSERT(driver_fault.info(device, &info) == HUFU_OK);
	CU_ASSERT(info.max_leases == 2 && info.domain_id[0] == 0 && info.domain_id[14] == 0x0e && info.domain_id[15] == 0xff);
	driver_fault.release(second);
	end(device, lease);
}

static void test_options_refused(void)
{
	static const char *const bad[][3] = {
		{"sessions_max", "-1", NULL}, {"sessions_max", "x", NULL}, {"sessions_max", "1000001", NULL}, {"service", "3", NULL},
		{"service", "3 ms", NULL}, {"split", "maybe", NULL}, {"domain_id", "00", NULL},
		{"domain_id", "000102030405060708090a0b0c0d0e0f0", NULL}, {"script", "nonsense", NULL},
		{"wraps", "fault-hang", NULL}, {"wraps", "nothing", NULL},
	};
	struct hufu_device *device;

	fault_reset();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(try_open("one", bad[i], &device) == HUFU_ERR_CONFIG);
}

/* -- other copies -------------------------------------------------------------------- */

struct made {
	enum hufu_copy_kind kind;
	uint8_t copy[64], point[64];
	size_t len;
};

static void generate(struct hufu_device *device, struct made *made)
{
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_lease *lease = lease_of(device);
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .new_type = HUFU_KEY_SM2_PRIVATE,
	                     .out = made->copy, .out_cap = sizeof(made->copy), .pub = pub, .copy_kind = HUFU_COPY_BLOB};

	CU_ASSERT_FATAL(run(lease, &op) == HUFU_OK && op.pub_len == 64);
	made->kind = op.copy_kind;
	made->len = op.out_len;
	memcpy(made->point, pub, 64);
	driver_fault.release(lease);
}

/* SIGNATURE: by another key than that of the point. */
static enum hufu_err sign(struct hufu_device *device, const struct made *made)
{
	static const uint8_t e[32] = {7};
	struct hufu_key key = {.size = sizeof(key), .type = HUFU_KEY_SM2_PRIVATE, .copy_kind = made->kind, .blob = made->copy,
	                       .blob_len = made->len};
	struct hufu_lease *lease = lease_of(device);
	uint8_t sig[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &key, .in = e, .in_len = sizeof(e),
	                     .out = sig, .out_cap = sizeof(sig)};
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &key};
	struct sm2_public public;

	enum hufu_err err = run(lease, &op);
	CU_ASSERT(run(lease, &evict) == HUFU_OK && !key.loaded);
	driver_fault.release(lease);
	if (err != HUFU_OK)
		return err;
	CU_ASSERT_FATAL(sm2_public_init(&public, made->point) == SM2_OK);
	return sm2_verify(&public, e, sig) == SM2_OK ? HUFU_OK : HUFU_ERR_SIGNATURE;
}

static void test_split(void)
{
	static const char *const none[] = {NULL}, *const split[] = {"split", "yes", NULL};
	struct made by_whole, by_split;

	fault_reset();
	struct hufu_device *whole = open_device("one", none), *other = open_device("two", split);
	generate(whole, &by_whole);
	generate(other, &by_split);
	CU_ASSERT(sign(whole, &by_whole) == HUFU_OK && sign(other, &by_split) == HUFU_OK);
	CU_ASSERT(sign(whole, &by_split) == HUFU_ERR_SIGNATURE && sign(other, &by_whole) == HUFU_ERR_SIGNATURE);
	end(whole, NULL);
	end(other, NULL);
}

static void test_shelf(void)
{
	static const char *const a[] = {"shelf", "a", NULL}, *const b[] = {"shelf", "b", NULL};
	static const char *const wrong[] = {"shelf", "a", "split", "yes", NULL};
	struct made first, second;

	fault_reset();
	struct hufu_device *one = open_device("one", a), *two = open_device("two", a), *three = open_device("three", b),
	                   *four = open_device("four", wrong);
	generate(one, &first);
	generate(two, &second);
	CU_ASSERT(first.kind == HUFU_COPY_INDEX && first.len == 4 && second.len == 4 && memcmp(first.copy, second.copy, 4) != 0);
	CU_ASSERT(sign(one, &first) == HUFU_OK && sign(two, &first) == HUFU_OK && sign(one, &second) == HUFU_OK);
	CU_ASSERT(sign(three, &first) == HUFU_ERR_NO_KEY);
	CU_ASSERT(sign(four, &first) == HUFU_ERR_SIGNATURE);
	end(one, NULL);
	end(two, NULL);
	end(three, NULL);
	end(four, NULL);
	fault_reset();
}

static enum hufu_err find(struct hufu_device *device, uint32_t nth, struct made *made)
{
	struct hufu_param_find param = {.nth = nth};
	struct hufu_resident resident;
	struct hufu_lease *lease = lease_of(device);
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_FIND, .param = &param, .out = (uint8_t *)&resident, .out_cap = sizeof(resident),
	                     .pub = pub};
	enum hufu_err err = run(lease, &op);

	driver_fault.release(lease);
	if (err != HUFU_OK)
		return err;
	CU_ASSERT(op.out_len == sizeof(resident) && resident.type == HUFU_KEY_SM2_PRIVATE && op.pub_len == 64);
	made->kind = HUFU_COPY_INDEX;
	memcpy(made->copy, resident.copy, made->len = resident.copy_len);
	memcpy(made->point, pub, 64);
	return HUFU_OK;
}

static enum hufu_err login(struct hufu_device *device, enum hufu_verb verb, const char *password)
{
	struct hufu_lease *lease = lease_of(device);
	struct hufu_op op = {.verb = verb, .in = (const uint8_t *)password, .in_len = strlen(password),
	                     .in2 = (const uint8_t *)"user", .in2_len = 4};
	enum hufu_err err = run(lease, &op);

	driver_fault.release(lease);
	return err;
}

static void test_residents(void)
{
	static const char *const a[] = {"resident", "2", NULL}, *const b[] = {"resident", "2", "seed", "other", NULL};
	static const char *const locked[] = {"resident", "2", "password", "sesame", NULL};
	struct made first, second, other;

	fault_reset();
	struct hufu_device *one = open_device("one", a), *two = open_device("two", b), *three = open_device("three", locked);
	CU_ASSERT_FATAL(find(one, 0, &first) == HUFU_OK && find(one, 1, &second) == HUFU_OK && find(two, 0, &other) == HUFU_OK);
	CU_ASSERT(find(one, 2, &first) == HUFU_ERR_NO_KEY);
	CU_ASSERT(sign(one, &first) == HUFU_OK && sign(one, &second) == HUFU_OK);
	CU_ASSERT(sign(two, &first) == HUFU_ERR_SIGNATURE && sign(two, &other) == HUFU_OK);
	CU_ASSERT(sign(three, &first) == HUFU_ERR_NO_KEY);
	CU_ASSERT(login(three, HUFU_VERB_LOGIN, "open") == HUFU_ERR_DENIED && sign(three, &first) == HUFU_ERR_NO_KEY);
	CU_ASSERT(login(three, HUFU_VERB_LOGIN, "sesame") == HUFU_OK && sign(three, &first) == HUFU_OK);
	CU_ASSERT(login(three, HUFU_VERB_LOGOUT, "") == HUFU_OK && sign(three, &first) == HUFU_ERR_NO_KEY);
	CU_ASSERT(login(one, HUFU_VERB_LOGIN, "sesame") == HUFU_ERR_UNSUPPORTED);
	end(one, NULL);
	end(two, NULL);
	end(three, NULL);
}

static void test_names(void)
{
	CU_ASSERT(fault_register() == HUFU_OK && fault_register() == HUFU_OK);
	CU_ASSERT(!(driver_fault.flags & HUFU_DRIVER_SOFTWARE) && (driver_fault.flags & HUFU_DRIVER_RETURNS_BY_DEADLINE));
	CU_ASSERT((driver_fault_soft.flags & HUFU_DRIVER_SOFTWARE) && (driver_fault_soft.flags & HUFU_DRIVER_RETURNS_BY_DEADLINE));
	CU_ASSERT(!(driver_fault_hang.flags & (HUFU_DRIVER_SOFTWARE | HUFU_DRIVER_RETURNS_BY_DEADLINE)));
}

static const struct unit_case cases[] = {
	{"a lost session answers expired, the others go on", test_session_lost},
	{"a device that went comes back after so many calls, its sessions never", test_gone_for_calls},
	{"... after a time", test_gone_for_a_time},
	{"... or when it is released", test_gone_for_good},
	{"any number can be an outcome", test_codes},
	{"what hangs returns when it is released, and writes late", test_hang},
	{"a crash hangs and takes the device along", test_crash},
	{"what hangs for a time minds no deadline", test_hang_for_a_time},
	{"sessions, time of service and domain are options", test_capacity},
	{"options that mean nothing are refused", test_options_refused},
	{"a split device has another KEK", test_split},
	{"devices of a shelf share keys by index", test_shelf},
	{"keys that are kept in the device are found, and wait for a password where there is one", test_residents},
	{"three names, three promises", test_names},
	{0},
};

int main(void)
{
	clock_inject(virtual_now);
	clock_inject_sleep(virtual_sleep);
	atomic_store(&now_ns, NS_PER_S);
	return unit_main("fault driver", cases);
}
