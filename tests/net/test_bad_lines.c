/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: whatever the line between a link and its machine does, at whatever
 * byte, each call ends within its deadline with its own answer, or GONE (BUSY
 * where time was up) if it had no effect, or LOST; never with another answer,
 * and never DENIED, which a broken line must not be taken for. When the line is
 * good again, so is the link.
 */
#include <openssl/rand.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "link/link.h"
#include "machine_util.h"
#include "proxy.h"
#include "tls_util.h"
#include "unit.h"

#define LONG_NS (60 * NS_PER_S)
#define BODY_LEN 5000

static struct tls_ca *ca;
static struct channel_context *context;

/* A machine, a line and a link through it. */
struct rig {
	struct machine machine;
	struct proxy *proxy;
	struct link *link;
	bool tls;
};

static void setup_tls(void)
{
	if (ca)
		return;
	ca = tls_ca_new("the authority");
	tls_make(ca, &(struct tls_ask){.file = "server", .subject = "machine", .names = "IP:127.0.0.1"});
	tls_make(ca, &(struct tls_ask){.file = "client", .subject = "client"});
	const struct channel_conf conf = {.server = true, .ca = ca->path, .cert = tls_path(ca, "server", "pem"),
	                                  .key = tls_path(ca, "server", "key")};
	CU_ASSERT_EQUAL_FATAL(channel_context_new(&conf, &context), HUFU_OK);
}

/* PATIENT: no machine that is only slow, on a host with much to do, is taken for dead. */
#define PATIENT 10000
static void rig_up_with(struct rig *rig, bool tls, uint32_t ping_ms)
{
	char listen[200];

	setup_tls();
	*rig = (struct rig){.machine = {.serve = serve_echo}, .tls = tls};
	machine_start(&rig->machine, tls ? context : NULL);
	snprintf(listen, sizeof(listen), tls ? "127.0.0.1:0" : "%s.line", rig->machine.address);
	rig->proxy = proxy_start(listen, rig->machine.address);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig->proxy);
	const struct link_conf conf = {.device = "test", .address = proxy_address(rig->proxy), .server_uid = (uid_t)-1, .ca = ca->path,
	                               .cert = tls_path(ca, "client", "pem"), .key = tls_path(ca, "client", "key"), .ping_ms = ping_ms,
	                               .idle_ms = 200, .connects_per_s = 10000};
	CU_ASSERT_EQUAL_FATAL(link_new(&conf, &rig->link), HUFU_OK);
}

static void rig_up(struct rig *rig, bool tls)
{
	rig_up_with(rig, tls, PATIENT);
}

static void rig_down(struct rig *rig)
{
	char path[200];

	link_free(rig->link);
	snprintf(path, sizeof(path), "%s", proxy_address(rig->proxy));
	proxy_stop(rig->proxy);
	if (!rig->tls)
		(void)unlink(path + strlen("unix:"));
	machine_stop(&rig->machine);
}

static void say(struct rig *rig, const char *line)
{
	CU_ASSERT_FATAL(proxy_command(rig->proxy, line, NULL, 0));
}

/* One call with a large body; its outcome. */
static enum hufu_err ask(struct rig *rig, uint64_t time_ns)
{
	uint8_t header[WIRE_HEADER_LEN], body[BODY_LEN];
	struct link_call call = {.deadline_ns = clock_now_ns() + time_ns};

	RAND_bytes(body, sizeof(body));
	writer_init(&call.frame, true);
	wire_header_put(&(struct wire_header){.type = WIRE_REQUEST, .op = WIRE_OP_INFO, .body_len = sizeof(body)}, header);
	write_bytes(&call.frame, header, sizeof(header));
	write_bytes(&call.frame, body, sizeof(body));
	link_run(rig->link, &call, 1);
	CU_ASSERT(clock_now_ns() < call.deadline_ns + LONG_NS);
	const enum hufu_err err = call.err;
	if (err == HUFU_OK)
		CU_ASSERT(call.len == sizeof(body) && memcmp(call.body, body, sizeof(body)) == 0);
	link_call_clear(&call);
	return err;
}

/* After the fault: the line is good, and so is the link, at once. */
static void recovers(struct rig *rig, const char *from)
{
	say(rig, "pass");
	say(rig, "kill");
	usleep(25000); /* the end is seen by whoever looks after a pause */
	const enum hufu_err err = ask(rig, LONG_NS);
	if (err)
		printf("# after \"%s\" it is not good again: %s\n", from, err_name(err));
	CU_ASSERT_EQUAL(err, HUFU_OK);
}

/* The link is connected; then comes the fault, at a byte of the request or of its answer. */
static void in_service_for(uint64_t time_ns, uint32_t ping_ms, bool tls, const char *fault, enum hufu_err expected)
{
	struct rig rig;

	rig_up_with(&rig, tls, ping_ms);
	CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
	say(&rig, fault);
	const enum hufu_err err = ask(&rig, time_ns);
	if (err != expected)
		printf("# \"%s\" over %s ended in %s\n", fault, tls ? "TLS" : "a Unix socket", err_name(err));
	CU_ASSERT_EQUAL(err, expected);
	recovers(&rig, fault);
	rig_down(&rig);
}

static void in_service(bool tls, const char *fault, enum hufu_err expected)
{
	in_service_for(LONG_NS, PATIENT, tls, fault, expected);
}

static void both_ways(const char *fault, enum hufu_err expected)
{
	in_service(true, fault, expected);
	in_service(false, fault, expected);
}

static void test_good_line(void)
{
	struct rig rig;
	char stats[100];

	for (int tls = 0; tls < 2; tls++) {
		rig_up(&rig, tls);
		for (int i = 0; i < 20; i++)
			CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
		CU_ASSERT(proxy_command(rig.proxy, "stats", stats, sizeof(stats)));
		CU_ASSERT_EQUAL(strncmp(stats, "connections 1 up 10", 19), 0); /* 20 times 5,024 bytes and some */
		CU_ASSERT(!proxy_command(rig.proxy, "nonsense", NULL, 0));
		CU_ASSERT(!proxy_command(rig.proxy, "flip up", NULL, 0));
		CU_ASSERT(!proxy_command(rig.proxy, "flip sideways 1 1", NULL, 0));
		rig_down(&rig);
	}
}

static void test_refused(void)
{
	struct rig rig;

	for (int tls = 0; tls < 2; tls++) {
		rig_up(&rig, tls);
		say(&rig, "refuse");
		CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_ERR_GONE);
		say(&rig, "listen");
		CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
		rig_down(&rig);
	}
}

static void test_nobody_behind(void)
{
	struct rig rig;

	rig_up(&rig, true);
	say(&rig, "mute");
	CU_ASSERT_EQUAL(ask(&rig, 200 * NS_PER_MS), HUFU_ERR_GONE);
	say(&rig, "pass");
	CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
	rig_down(&rig);
}

static void test_ends(void)
{
	static const char *const ends[] = {"reset", "close"};
	static const unsigned at[] = {1, 24, 2000};
	char fault[40];

	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 3; k++) {
			snprintf(fault, sizeof(fault), "%s up %u", ends[i], at[k]);
			both_ways(fault, HUFU_ERR_LOST); /* the kernel had it all: what arrived, who knows */
			snprintf(fault, sizeof(fault), "%s down %u", ends[i], at[k]);
			both_ways(fault, HUFU_ERR_LOST);
		}
	}
}

static void test_black_holes(void)
{
	static const char *const holes[] = {"hole up 0", "hole up 2000", "hole down 0", "hole down 2000", "hole both 0", "stall up 100",
	                                    "stall down 100"};

	for (unsigned i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		in_service_for(LONG_NS, 1000, true, holes[i], HUFU_ERR_LOST);
		in_service_for(LONG_NS, 1000, false, holes[i], HUFU_ERR_LOST);
	}
}

static void test_slow(void)
{
	both_ways("delay both 20", HUFU_OK);
	both_ways("trickle down 0", HUFU_OK);
	both_ways("trickle up 0", HUFU_OK);
}

static void test_changed(void)
{
	char fault[40];

	/* Under TLS each of them is found by the record's tag. */
	for (unsigned at = 0; at < 5000; at += 311) {
		snprintf(fault, sizeof(fault), "flip up %u %u", at, at % 8);
		in_service(true, fault, HUFU_ERR_LOST);
		snprintf(fault, sizeof(fault), "flip down %u %u", at, at % 8);
		in_service(true, fault, HUFU_ERR_LOST);
	}
	in_service(true, "cut up 100 50", HUFU_ERR_LOST);
	in_service(true, "cut down 100 50", HUFU_ERR_LOST);
	in_service(true, "insert up 100 50", HUFU_ERR_LOST);
	in_service(true, "insert down 100 50", HUFU_ERR_LOST);
	/* Without it, what breaks the frames. */
	in_service(false, "flip down 0 3", HUFU_ERR_LOST);
	in_service(false, "flip down 2 0", HUFU_ERR_LOST);
	in_service(false, "flip down 4 7", HUFU_ERR_LOST);
	in_service_for(300 * NS_PER_MS, PATIENT, false, "flip down 15 0", HUFU_ERR_LOST); /* an answer to somebody else: it is waited for */
	in_service(false, "insert down 0 100", HUFU_ERR_LOST);
	in_service_for(300 * NS_PER_MS, PATIENT, false, "cut down 10 24", HUFU_ERR_LOST);
}

/* Any byte of the handshake, either way: no connection, or one that is good. */
static void test_handshake(void)
{
	static const char *const faults[] = {"flip up %u 2", "flip down %u 2", "cut up %u 3", "cut down %u 3", "insert up %u 20",
	                                     "insert down %u 20", "reset up %u 0", "close down %u 0"};
	struct rig rig;
	char fault[40];

	rig_up(&rig, true);
	for (unsigned at = 0; at < 1800; at += 37) {
		const char *form = faults[at / 37 % 8];
		say(&rig, "pass");
		say(&rig, "kill");
		usleep(25000);
		snprintf(fault, sizeof(fault), "new ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(fault + 4, sizeof(fault) - 4, form, at);
#pragma GCC diagnostic pop
		say(&rig, fault);
		const enum hufu_err err = ask(&rig, 500 * NS_PER_MS);
		const bool expected = err == HUFU_OK || err == HUFU_ERR_GONE || err == HUFU_ERR_BUSY || err == HUFU_ERR_LOST;
		if (!expected)
			printf("# \"%s\" ended in %s\n", fault, err_name(err));
		CU_ASSERT(expected);
	}
	recovers(&rig, "all that");
	rig_down(&rig);
}

/* A firewall that has forgotten an idle connection tells nobody. */
static void test_forgotten(void)
{
	struct rig rig;
	struct link_state state;

	for (int tls = 0; tls < 2; tls++) {
		rig_up_with(&rig, tls, 1000);
		CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
		say(&rig, "old hole both 0");
		usleep(250000); /* beyond idle_ms */
		CU_ASSERT_EQUAL(ask(&rig, LONG_NS), HUFU_OK);
		link_state(rig.link, &state);
		CU_ASSERT_EQUAL(state.handshakes, 2);
		rig_down(&rig);
	}
}

struct load {
	struct rig *rig;
	atomic_bool stop;
	atomic_uint good, bad;
};

static void *load(void *arg)
{
	struct load *l = arg;

	while (!atomic_load(&l->stop)) {
		const enum hufu_err err = ask(l->rig, LONG_NS);
		if (err == HUFU_OK)
			atomic_fetch_add(&l->good, 1);
		else if (err != HUFU_ERR_GONE && err != HUFU_ERR_LOST)
			atomic_fetch_add(&l->bad, 1);
	}
	return NULL;
}

/* Goes on until it was good so often again. */
static bool gets_better(struct load *l)
{
	const unsigned before = atomic_load(&l->good);

	for (int i = 0; i < MACHINE_WAIT_MS; i++) {
		if (atomic_load(&l->good) >= before + 20)
			return true;
		usleep(1000);
	}
	return false;
}

static void test_under_load(void)
{
	static const char *const faults[] = {"kill", "reset down 30000", "hole both 10000", "flip down 7000 1", "stall up 9000", "kill",
	                                     "cut up 12345 1", "refuse"};
	struct rig rig;
	struct load l = {.rig = &rig};
	pthread_t threads[4];

	rig_up_with(&rig, true, 500);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, load, &l), 0);
	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		CU_ASSERT(gets_better(&l));
		say(&rig, faults[i]);
		usleep(20000);
		say(&rig, "pass");
		say(&rig, "listen");
		CU_ASSERT(gets_better(&l));
	}
	atomic_store(&l.stop, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(atomic_load(&l.bad), 0);
	rig_down(&rig);
}

static const struct unit_case cases[] = {
	{"a good line passes everything on", test_good_line},
	{"refused: GONE", test_refused},
	{"taken, with nobody behind it: GONE at the deadline", test_nobody_behind},
	{"resets and ends, in a request and in an answer: LOST", test_ends},
	{"black holes and full buffers, either way: LOST, long before the deadline", test_black_holes},
	{"late and byte by byte: the answer", test_slow},
	{"flipped, missing and additional bytes: LOST, never another answer", test_changed},
	{"faults at any byte of the handshake: GONE or LOST, never DENIED", test_handshake},
	{"an idle connection that was forgotten costs no request", test_forgotten},
	{"threads under load outlive all of them", test_under_load},
	{0},
};

int main(void)
{
	char err[200];

	if (!getenv("HUFU_LOG"))
		(void)!log_configure("none", HUFU_LOG_ERROR, err, sizeof(err));
	const int result = unit_main("bad_lines", cases);
	if (ca) {
		channel_context_free(context);
		tls_ca_free(ca);
	}
	return result;
}
