/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a host lends its driver as it is: what a process brings reaches the driver and what the driver says comes back;
 * each process has a device of its own; leases that broke are not used again, nor is a device that is gone before it is
 * opened anew; keys are loaded once and evicted; and a call that does not come back is found. No server: requests are made by hand.
 */
#include "request_util.h"

#include "base/log.h"
#include "base/secret.h"
#include "driver/fault/fault.h"
#include "hufu/mechanisms.h"
#include "hufud/host_internal.h"

#define GRACE_NS (200 * NS_PER_MS)

static _Atomic bool is_hung;

/* A real one ends the process. */
static void note_hung(const char *device, const char *what)
{
	(void)device;
	(void)what;
	atomic_store(&is_hung, true);
	fault_release("card");
}

/* -- a host and its clients ----------------------------------------------------------- */

static struct conf *conf;

static void begin(const char *options)
{
	char text[512];

	snprintf(text, sizeof(text), "device \"card\" { driver = \"fault\" wraps = \"soft\" %s }\n", options);
	if (conf_parse(text, "t.conf", NULL, NULL, &conf) != HUFU_OK ||
	    host_start(&conf->devices[0], &driver_fault, GRACE_NS, note_hung) != HUFU_OK)
		abort();
	atomic_store(&is_hung, false);
}

static void end(void)
{
	size_t before;

	host_stop();
	conf_free(conf);
	struct fault_counts counts = fault_counts("card");
	CU_ASSERT_EQUAL(counts.opens, counts.closes);
	CU_ASSERT_EQUAL(counts.leases, counts.releases);
	before = secret_in_use();
	CU_ASSERT_EQUAL(before, 0);
	fault_reset();
}

static struct session connect_as(uint64_t process)
{
	struct session session = {.peer = &request_peer, .process = process, .max_body = REQUEST_BODY_MAX, .role = WIRE_HOST};
	const struct wire_hello hello = {.role = WIRE_HOST, .process = process};
	struct wire_hello_ok ok = {0};

	if (service_host.hello(&session, &hello, &ok) != HUFU_OK)
		abort();
	return session;
}

static uint64_t soon(void)
{
	return clock_now_ns() + 20 * NS_PER_S;
}

static enum hufu_err call(struct session *session, struct hufu_op *op)
{
	return ask_op(&service_host, session, op, false, soon());
}

static enum hufu_err plain(struct session *session, uint16_t op)
{
	struct asked asked;
	struct wire_load load;
	const uint8_t *body;
	size_t len;

	ask(&asked, &service_host, session, op, NULL, 0, soon());
	await(&asked, &body, &len);
	enum hufu_err err = wire_get_status(body, len, &load);
	writer_clear(&asked.reply);
	return err;
}

static void script(const char *text)
{
	char why[128];

	CU_ASSERT_EQUAL_FATAL(fault_script("card", text, why, sizeof(why)), HUFU_OK);
}

/* GB/T 32907-2016 A.1: soft's copy is the clear value. */
static const uint8_t sm4_key[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t sm4_out[16] = {0x68, 0x1e, 0xdf, 0x34, 0xd2, 0x06, 0x96, 0x5e, 0x86, 0xb3, 0xe9, 0x4f, 0x53, 0x6e, 0x42, 0x46};
static struct hufu_key key = {.size = sizeof(key), .uuid = {1}, .version = 1, .type = HUFU_KEY_SM4, .copy_kind = HUFU_COPY_BLOB,
                              .blob = sm4_key, .blob_len = 16};

static enum hufu_err encrypt(struct session *session)
{
	uint8_t out[16] = {0};
	struct hufu_op op = {.verb = HUFU_VERB_ENCRYPT, .mechanism = CKM_HUFU_SM4_ECB, .key = &key, .in = sm4_key, .in_len = 16,
	                     .out = out, .out_cap = 16};
	enum hufu_err err = call(session, &op);

	if (err == HUFU_OK)
		CU_ASSERT(op.out_len == 16 && memcmp(out, sm4_out, 16) == 0);
	return err;
}

static enum hufu_err draw(struct session *session)
{
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out)};

	return call(session, &op);
}

/* -- as it is ------------------------------------------------------------------------------ */

static void verbatim(void)
{
	begin("domain_id = \"000102030405060708090a0b0c0d0e0f\"");
	struct session session = connect_as(1);
	struct asked asked;
	struct hufu_device_info info = {.size = sizeof(info)};
	struct hufu_capability *caps;
	struct wire_load load;
	uint32_t flags;
	const uint8_t *body;
	size_t len;

	ask(&asked, &service_host, &session, WIRE_OP_INFO, NULL, 0, soon());
	await(&asked, &body, &len);
	CU_ASSERT_EQUAL_FATAL(wire_info_get_reply(body, len, &info, &caps, &flags, &load), HUFU_OK);
	CU_ASSERT(info.ncaps > 10 && info.domain_id[15] == 15);
	free(caps);
	writer_clear(&asked.reply);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_PROBE), HUFU_OK);
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK); /* the copy is the driver's own, not sealed */
	service_host.bye(&session);
	end();
}

static void codes(void)
{
	static const struct {
		const char *script;
		enum hufu_err err;
	} rows[] = {
		{"random:denied", HUFU_ERR_DENIED}, {"random:expired", HUFU_ERR_EXPIRED}, {"random:busy", HUFU_ERR_BUSY},
		{"random:lost", HUFU_ERR_LOST}, {"random:corrupt", HUFU_ERR_CORRUPT}, {"random:unsupported", HUFU_ERR_UNSUPPORTED},
		{"random:no-key", HUFU_ERR_NO_KEY}, {"random:argument", HUFU_ERR_ARGUMENT}, {"random:overlong", HUFU_ERR_CORRUPT},
	};

	begin("");
	struct session session = connect_as(1);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		script(rows[i].script);
		CU_ASSERT_EQUAL(draw(&session), rows[i].err);
		script("");
		CU_ASSERT_EQUAL(draw(&session), HUFU_OK);
	}
	service_host.bye(&session);
	end();
}

static void residents(void)
{
	begin("resident = 2 seed = \"s\" password = \"secret\"");
	struct session session = connect_as(1), other = connect_as(2);
	struct hufu_resident resident = {.size = sizeof(resident)};
	struct hufu_param_find nth = {.nth = 1};
	uint8_t pub[HUFU_PUB_MAX], sig[64], e[32] = {1};
	struct hufu_op find = {.verb = HUFU_VERB_FIND, .param = &nth, .out = (uint8_t *)&resident,
	                       .out_cap = sizeof(resident), .pub = pub};
	struct hufu_op login = {.verb = HUFU_VERB_LOGIN, .in = (const uint8_t *)"secret", .in_len = 6, .in2 = (const uint8_t *)"user",
	                        .in2_len = 4};

	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(plain(&other, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(call(&session, &find), HUFU_OK);
	CU_ASSERT_EQUAL(find.pub_len, 64);
	struct hufu_key index = {.size = sizeof(index), .uuid = {9}, .type = resident.type, .copy_kind = HUFU_COPY_INDEX,
	                         .blob = resident.copy, .blob_len = resident.copy_len};
	struct hufu_op sign = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &index, .in = e, .in_len = 32, .out = sig,
	                       .out_cap = 64};
	CU_ASSERT_EQUAL(call(&session, &sign), HUFU_ERR_NO_KEY);
	CU_ASSERT_EQUAL(call(&session, &login), HUFU_OK);
	CU_ASSERT_EQUAL(call(&session, &sign), HUFU_OK);
	/* One process's login opens nothing for another. */
	CU_ASSERT_EQUAL(call(&other, &sign), HUFU_ERR_NO_KEY);
	struct hufu_op logout = {.verb = HUFU_VERB_LOGOUT};
	CU_ASSERT_EQUAL(call(&session, &logout), HUFU_OK);
	CU_ASSERT_EQUAL(call(&session, &sign), HUFU_ERR_NO_KEY);
	login.in = (const uint8_t *)"Secret";
	CU_ASSERT_EQUAL(call(&session, &login), HUFU_ERR_DENIED);
	service_host.bye(&session);
	service_host.bye(&other);
	end();
}

/* -- devices and leases -------------------------------------------------------------------------- */

static void a_device_each(void)
{
	begin("");
	struct session a = connect_as(1), again = connect_as(1), b = connect_as(2);

	CU_ASSERT_EQUAL(plain(&a, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(plain(&again, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(fault_counts("card").opens, 1);
	CU_ASSERT_EQUAL(encrypt(&b), HUFU_ERR_GONE); /* it has opened nothing */
	CU_ASSERT_EQUAL(plain(&b, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(fault_counts("card").opens, 2);
	CU_ASSERT_EQUAL(encrypt(&again), HUFU_OK);
	service_host.bye(&a);
	CU_ASSERT_EQUAL(encrypt(&again), HUFU_OK);
	service_host.bye(&again);
	service_host.bye(&b);
	end();
}

static void broken_leases(void)
{
	begin("");
	struct session session = connect_as(1);

	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	for (unsigned i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(draw(&session), HUFU_OK);
	CU_ASSERT_EQUAL(fault_counts("card").leases, 1);
	script("random:lost@1");
	CU_ASSERT_EQUAL(draw(&session), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(draw(&session), HUFU_OK);
	CU_ASSERT_EQUAL(fault_counts("card").leases, 2);
	CU_ASSERT_EQUAL(fault_counts("card").opens, 1);
	service_host.bye(&session);
	end();
}

static void gone(void)
{
	begin("");
	struct session session = connect_as(1);

	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK);
	script("random:gone@1");
	CU_ASSERT_EQUAL(draw(&session), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(draw(&session), HUFU_ERR_GONE); /* nothing is opened behind the client's back: its logins are gone */
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_PROBE), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(fault_counts("card").opens, 2);
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK);
	service_host.bye(&session);
	end();
}

static void no_device(void)
{
	begin("script = \"open:gone*2\"");
	struct session session = connect_as(1);

	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	service_host.bye(&session);
	end();
}

struct worker {
	struct session *session;
	unsigned failures;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (unsigned i = 0; i < 50; i++)
		worker->failures += encrypt(worker->session) != HUFU_OK;
	return NULL;
}

static void few_sessions(void)
{
	struct worker workers[8];
	pthread_t threads[8];

	begin("sessions_max = 2");
	struct session session = connect_as(1);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	for (size_t i = 0; i < 8; i++) {
		workers[i] = (struct worker){.session = &session};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(workers[i].failures, 0);
	}
	service_host.bye(&session);
	end();
}

/* -- keys ------------------------------------------------------------------------------------------- */

static void keys(void)
{
	begin("");
	struct session session = connect_as(1);
	struct hufu_op evict = {.verb = HUFU_VERB_EVICT, .key = &key};

	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK);
	size_t loaded = secret_in_use();
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK);
	CU_ASSERT_EQUAL(secret_in_use(), loaded);
	CU_ASSERT_EQUAL(call(&session, &evict), HUFU_OK);
	CU_ASSERT_EQUAL(secret_in_use(), 0);
	CU_ASSERT_EQUAL(fault_counts("card").ops[HUFU_VERB_EVICT], 1);
	CU_ASSERT_EQUAL(encrypt(&session), HUFU_OK);
	service_host.bye(&session); /* and with the client, too */
	end();
}

/* -- what hangs ---------------------------------------------------------------------------------------- */

static void hangs(void)
{
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out)};

	begin("");
	struct session session = connect_as(1);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	script("random:hang@1");
	CU_ASSERT_NOT_EQUAL(ask_op(&service_host, &session, &op, false, clock_now_ns() + 50 * NS_PER_MS), HUFU_OK);
	CU_ASSERT_TRUE(atomic_load(&is_hung));
	service_host.bye(&session);
	end();
}

static void too_late(void)
{
	uint8_t out[16];
	struct hufu_op op = {.verb = HUFU_VERB_RANDOM, .out = out, .out_cap = sizeof(out)};

	begin("");
	struct session session = connect_as(1);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_INFO), HUFU_OK);
	CU_ASSERT_EQUAL(ask_op(&service_host, &session, &op, false, clock_now_ns() - 1), HUFU_ERR_BUSY);
	CU_ASSERT_EQUAL(fault_counts("card").asked[HUFU_VERB_RANDOM], 0);
	CU_ASSERT_EQUAL(plain(&session, WIRE_OP_STORE + 1), HUFU_ERR_UNSUPPORTED);
	service_host.bye(&session);
	end();
}

static const struct unit_case cases[] = {
	{"what the driver tells of itself, and does, comes through, with its own copies", verbatim},
	{"each of its codes comes through, and more output than there was room for is none", codes},
	{"resident keys are found, and a login opens them for the process that made it alone", residents},
	{"each process has a device of its own, from its first connection to its last", a_device_each},
	{"a lease serves again until it breaks", broken_leases},
	{"a device that is gone is opened by its client's INFO, and by nothing else", gone},
	{"a device that cannot be opened is gone, and tried again", no_device},
	{"ops wait for sessions, where the device has few", few_sessions},
	{"a key is loaded once, and evicted when its process says so, or ends", keys},
	{"a call that does not come back is found", hangs},
	{"what comes too late does not reach the driver, nor does what it has no word for", too_late},
	{0},
};

int main(void)
{
	char why[128];

	if (log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)) != HUFU_OK || fault_register() != HUFU_OK)
		return 99;
	return unit_main("host", cases);
}
