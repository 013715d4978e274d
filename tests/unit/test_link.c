/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: every call on a link ends by its deadline with the answer that belongs
 * to it, or with an error that says whether the machine may have carried it
 * out, whatever the machine and the line do.
 */
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "link/link.h"
#include "machine_util.h"
#include "tls_util.h"
#include "unit.h"

#define LONG_NS (60 * NS_PER_S) /* a bound that only a failure reaches */
#define BATCH 64

static struct link *link_to(const struct machine *m, const struct link_conf *more)
{
	struct link_conf conf = more ? *more : (struct link_conf){0};
	struct link *link = NULL;

	conf.device = "test";
	conf.address = m->address;
	conf.server_uid = (uid_t)-1;
	CU_ASSERT_EQUAL_FATAL(link_new(&conf, &link), HUFU_OK);
	return link;
}

static void fill_call(struct link_call *call, const void *body, size_t len, uint64_t time_ns)
{
	uint8_t header[WIRE_HEADER_LEN];

	*call = (struct link_call){.deadline_ns = clock_now_ns() + time_ns};
	writer_init(&call->frame, true);
	wire_header_put(&(struct wire_header){.type = WIRE_REQUEST, .op = WIRE_OP_INFO, .body_len = (uint32_t)len}, header);
	write_bytes(&call->frame, header, sizeof(header));
	write_bytes(&call->frame, body, len);
}

static void fill_numbers(struct link_call *calls, uint32_t n, uint32_t first, uint64_t time_ns)
{
	for (uint32_t i = 0; i < n; i++)
		fill_call(&calls[i], &(uint32_t){first + i}, sizeof(uint32_t), time_ns);
}

static bool has_number(const struct link_call *call, uint32_t number)
{
	return call->err == HUFU_OK && call->len == sizeof(number) && memcmp(call->body, &number, sizeof(number)) == 0;
}

static void clear_all(struct link_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		link_call_clear(&calls[i]);
}

/* One call with this body; its outcome. */
static enum hufu_err ask(struct link *link, const void *body, size_t len, uint64_t time_ns)
{
	struct link_call call;

	fill_call(&call, body, len, time_ns);
	link_run(link, &call, 1);
	const enum hufu_err err = call.err;
	if (err == HUFU_OK)
		CU_ASSERT(call.len == len && (len == 0 || memcmp(call.body, body, len) == 0));
	link_call_clear(&call);
	return err;
}

/* Waits for what another thread will make true; false only in a failure. */
static bool comes_true(bool (*look)(void *), void *arg)
{
	for (int i = 0; i < MACHINE_WAIT_MS; i++) {
		if (look(arg))
			return true;
		usleep(1000);
	}
	return false;
}

/* -- answers ----------------------------------------------------------------------------------- */

static void test_echo(void)
{
	struct machine m = {.serve = serve_echo};
	uint8_t body[200000];
	struct link_state state;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.token = "trading"});
	link_state(link, &state);
	CU_ASSERT(!state.up);
	RAND_bytes(body, sizeof(body));
	CU_ASSERT_EQUAL(ask(link, body, 88, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(ask(link, body, 0, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(ask(link, body, sizeof(body), LONG_NS), HUFU_OK);
	link_state(link, &state);
	CU_ASSERT(state.up && state.connections == 1 && state.handshakes == 1 && state.lost == 0);
	CU_ASSERT(state.max_body == WIRE_BODY_DEFAULT && state.window == 256 && state.start == m.start);
	CU_ASSERT_STRING_EQUAL(state.machine, "scripted");
	CU_ASSERT_STRING_EQUAL(state.token, "trading");
	CU_ASSERT_STRING_EQUAL(state.profile, "unix");
	CU_ASSERT_NOT_EQUAL(memcmp(state.domain_id, (uint8_t[16]){0}, 16), 0);
	link_free(link);
	machine_stop(&m);
}

/* Ids count up from 1; the time left stands in the header. */
static void serve_look(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	for (uint64_t id = 1; served_take_type(s, WIRE_REQUEST, &header, &body); id++) {
		const uint8_t good = header.id == id && header.deadline_ms > 0 && header.deadline_ms <= LONG_NS / NS_PER_MS && header.op == WIRE_OP_INFO;
		if (!served_frame(s, WIRE_REPLY, header.id, &good, 1))
			return;
	}
}

static void test_headers(void)
{
	struct machine m = {.serve = serve_look};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (int i = 0; i < 3; i++) {
		struct link_call call;
		fill_call(&call, "x", 1, LONG_NS);
		link_run(link, &call, 1);
		CU_ASSERT(call.err == HUFU_OK && call.len == 1 && call.body[0] == 1);
		link_call_clear(&call);
	}
	link_free(link);
	machine_stop(&m);
}

/* Answers the whole batch, last first. */
static void serve_reversed(struct served *s)
{
	struct wire_header headers[BATCH];
	uint32_t numbers[BATCH];
	const uint8_t *body;
	for (int i = 0; i < BATCH; i++) {
		if (!served_take_type(s, WIRE_REQUEST, &headers[i], &body))
			return;
		memcpy(&numbers[i], body, sizeof(numbers[i]));
	}
	*(unsigned *)s->machine->arg = s->reads;
	for (int i = BATCH; i-- > 0;)
		if (!served_frame(s, WIRE_REPLY, headers[i].id, &numbers[i], sizeof(numbers[i])))
			return;
	serve_echo(s);
}

static void test_batch(void)
{
	unsigned reads = 0;
	struct machine m = {.serve = serve_reversed, .arg = &reads};
	struct link_call calls[BATCH];

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	fill_numbers(calls, BATCH, 1000, LONG_NS);
	link_run(link, calls, BATCH);
	for (uint32_t i = 0; i < BATCH; i++)
		CU_ASSERT(has_number(&calls[i], 1000 + i));
	clear_all(calls, BATCH);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(reads, 3); /* HELLO, the probe's PING, and all the rest */
}

static void serve_noise(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take_type(s, WIRE_REQUEST, &header, &body)) {
		uint32_t number;
		memcpy(&number, body, sizeof(number));
		/* To what was never asked, to what is long answered, and once more than there was a question. */
		if (!served_frame(s, WIRE_REPLY, 777777, "other", 5) || !served_frame(s, WIRE_REPLY, 0, "zero", 4) ||
		    !served_frame(s, WIRE_PONG, header.id, NULL, 0) || !served_frame(s, WIRE_PROGRESS, header.id, NULL, 0) ||
		    !served_frame(s, WIRE_PING, 5, NULL, 0) || !served_frame(s, WIRE_REPLY, header.id, &number, sizeof(number)) ||
		    !served_frame(s, WIRE_REPLY, header.id, "again", 5))
			return;
		if (!served_take_type(s, WIRE_PONG, &header, &body) || header.id != 5)
			return; /* our PING was not answered: the next question ends in LOST */
	}
}

static void test_noise(void)
{
	struct machine m = {.serve = serve_noise, .window = 4};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (uint32_t i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(ask(link, &i, sizeof(i), LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 1);
}

/* A REPLY with a PING's number answers nothing. */
static void serve_reply_to_ping(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take(s, &header, &body))
		if (header.type != WIRE_PING || !served_frame(s, WIRE_REPLY, header.id, "unasked", 7) ||
		    !served_frame(s, WIRE_PONG, header.id, NULL, 0))
			return;
}

static void test_reply_to_ping(void)
{
	struct machine m = {.serve = serve_reply_to_ping};
	const size_t before = secret_in_use();

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connections = 1});
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 1);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static void serve_ping_flood(struct served *s)
{
	while (served_frame(s, WIRE_PING, 1, NULL, 0))
		;
}

static void test_ping_flood(void)
{
	struct machine m = {.serve = serve_ping_flood};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, "x", 1, 10 * LONG_NS), HUFU_ERR_LOST);
	link_free(link);
	machine_stop(&m); /* which waits for the flood to end */
}

/* -- time ------------------------------------------------------------------------------------------ */

static atomic_uint cancels;
static void serve_count_cancels(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take_type(s, WIRE_CANCEL, &header, &body))
		atomic_fetch_add(&cancels, 1);
}

static bool three_cancels(void *arg)
{
	(void)arg;
	return atomic_load(&cancels) == 3;
}

static void test_deadline(void)
{
	struct machine m = {.serve = serve_count_cancels};
	struct link_call calls[3];

	atomic_store(&cancels, 0);
	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	const uint64_t begun = clock_now_ns();
	fill_numbers(calls, 3, 0, 100 * NS_PER_MS);
	link_run(link, calls, 3);
	const uint64_t took = clock_now_ns() - begun;
	CU_ASSERT(took >= 100 * NS_PER_MS && took < LONG_NS / 2);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(calls[i].err, HUFU_ERR_LOST); /* they went out: who knows */
	CU_ASSERT(comes_true(three_cancels, NULL));
	clear_all(calls, 3);
	link_free(link);
	machine_stop(&m);
}

static atomic_uint requests;
static void serve_and_count(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take_type(s, WIRE_REQUEST, &header, &body)) {
		atomic_fetch_add(&requests, 1);
		if (!served_frame(s, WIRE_REPLY, header.id, body, header.body_len))
			return;
	}
}

static void test_too_late(void)
{
	struct machine m = {.serve = serve_and_count};
	struct link_call calls[2];

	atomic_store(&requests, 0);
	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	fill_numbers(calls, 1, 0, 0);
	fill_numbers(calls + 1, 1, 1, LONG_NS);
	link_run(link, calls, 2);
	CU_ASSERT(calls[0].err == HUFU_ERR_BUSY && has_number(&calls[1], 1));
	clear_all(calls, 2);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(atomic_load(&requests), 1);
}

static void serve_silent(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	while (served_take(s, &header, &body))
		;
}

static void test_silence(void)
{
	struct machine m = {.serve = serve_silent};
	struct link_state state;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.ping_ms = 100});
	const uint64_t begun = clock_now_ns();
	CU_ASSERT_EQUAL(ask(link, "x", 1, 10 * LONG_NS), HUFU_ERR_LOST);
	CU_ASSERT(clock_now_ns() - begun >= 100 * NS_PER_MS);
	CU_ASSERT(clock_now_ns() - begun < LONG_NS);
	link_state(link, &state);
	CU_ASSERT(!state.up && state.lost == 1 && state.pings >= 1);
	link_free(link);
	machine_stop(&m);
}

/* A machine that works for long answers PINGs meanwhile, and is waited for. */
static void serve_slow(struct served *s)
{
	struct wire_header request, header;
	const uint8_t *body;

	if (!served_take_type(s, WIRE_REQUEST, &request, &body))
		return;
	for (int i = 0; i < 6; i++) /* one each quarter of the link's patience: longer than that in all */
		if (!served_take(s, &header, &body) || header.type != WIRE_PING || !served_frame(s, WIRE_PONG, header.id, NULL, 0))
			return;
	(void)served_frame(s, WIRE_REPLY, request.id, "x", 1);
	serve_echo(s);
}

static void test_patience(void)
{
	struct machine m = {.serve = serve_slow};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.ping_ms = 1000});
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 1);
}

/* Calls with less patience than the link has together find out that the machine is dead. */
static void test_short_calls_find_the_dead(void)
{
	struct machine m = {.serve = serve_silent};
	struct link_state state;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.ping_ms = 200});
	int i = 0;
	do {
		const enum hufu_err err = ask(link, "x", 1, 20 * NS_PER_MS);
		/* GONE: there was no time to connect; BUSY: none to send it. */
		CU_ASSERT(err == HUFU_ERR_LOST || err == HUFU_ERR_GONE || err == HUFU_ERR_BUSY);
		link_state(link, &state);
	} while (state.lost == 0 && ++i < 1000);
	CU_ASSERT_EQUAL(state.lost, 1);
	link_free(link);
	machine_stop(&m);
}

/* -- death -------------------------------------------------------------------------------------------- */

static void test_refused(void)
{
	struct machine m = {.serve = serve_echo};
	struct link_call calls[5];

	machine_start(&m, NULL);
	machine_deafen(&m);
	struct link *link = link_to(&m, NULL);
	fill_numbers(calls, 5, 0, LONG_NS);
	link_run(link, calls, 5);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(calls[i].err, HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_ERR_GONE);
	clear_all(calls, 5);
	link_free(link);
	machine_stop(&m);
}

static void serve_take_and_die(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	(void)served_take_type(s, WIRE_REQUEST, &header, &body);
}

static void test_death_mid_request(void)
{
	struct machine m = {.serve = serve_take_and_die};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(m.accepted, 3);
	link_free(link);
	machine_stop(&m);
}

static void serve_half_an_answer(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;
	uint8_t half[WIRE_HEADER_LEN + 4];

	if (!served_take_type(s, WIRE_REQUEST, &header, &body))
		return;
	memset(half, 'x', sizeof(half));
	wire_header_put(&(struct wire_header){.type = WIRE_REPLY, .id = header.id, .body_len = 8}, half);
	(void)served_send(s, half, body[0] == 'h' ? WIRE_HEADER_LEN / 2 : sizeof(half));
}

static void test_death_mid_reply(void)
{
	struct machine m = {.serve = serve_half_an_answer};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, "half a header", 13, LONG_NS), HUFU_ERR_LOST);
	CU_ASSERT_EQUAL(ask(link, "body", 4, LONG_NS), HUFU_ERR_LOST);
	link_free(link);
	machine_stop(&m);
}

/* Reads a little, so that the request is on its way, and dies: a request without its last byte was not carried out. */
static void serve_a_bite(struct served *s)
{
	uint8_t bite[1000];
	enum channel_want want;
	size_t n = 0;

	for (int i = 0; i < MACHINE_WAIT_MS && n == 0; i++) {
		if (channel_read(s->channel, bite, sizeof(bite), &n, &want) != HUFU_OK)
			return;
		usleep(1000);
	}
}

static void test_unsent_is_gone(void)
{
	struct machine m = {.serve = serve_a_bite};
	struct link_call calls[2];
	uint8_t *large = calloc(1, WIRE_BODY_DEFAULT);

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	fill_call(&calls[0], large, WIRE_BODY_DEFAULT, LONG_NS);
	fill_call(&calls[1], "behind it", 9, LONG_NS);
	link_run(link, calls, 2);
	CU_ASSERT_EQUAL(calls[0].err, HUFU_ERR_GONE);
	CU_ASSERT_EQUAL(calls[1].err, HUFU_ERR_GONE);
	clear_all(calls, 2);
	free(large);
	link_free(link);
	machine_stop(&m);
}

/* One that ended while nobody used it costs nobody a request. */
static void serve_once(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	if (served_take_type(s, WIRE_REQUEST, &header, &body))
		(void)served_frame(s, WIRE_REPLY, header.id, body, header.body_len);
}

static void test_end_while_idle(void)
{
	struct machine m = {.serve = serve_once};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
		for (int n = 0; n < MACHINE_WAIT_MS && atomic_load(&m.running) > 0; n++)
			usleep(1000);
		usleep(30000); /* longer than what counts as busy */
	}
	CU_ASSERT_EQUAL(m.accepted, 3);
	link_free(link);
	machine_stop(&m);
}

/* The first connection stops to answer once it has been idle: it is asked before it is used again. */
static void serve_then_sleep(struct served *s)
{
	if (s->nth > 0)
		serve_echo(s);
	else {
		struct wire_header header;
		const uint8_t *body;
		if (served_take_type(s, WIRE_REQUEST, &header, &body))
			(void)served_frame(s, WIRE_REPLY, header.id, body, header.body_len);
		serve_silent(s);
	}
}

static void test_idle_is_asked(void)
{
	struct machine m = {.serve = serve_then_sleep};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.ping_ms = 1000, .idle_ms = 100});
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	usleep(150000);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(m.accepted, 2);
	link_free(link);
	machine_stop(&m);
}

/* Works on the first request, and says nothing, until the second has come and its caller has given up. */
static void serve_second_thoughts(struct served *s)
{
	struct wire_header first, header;
	atomic_bool *begun = s->machine->arg;
	const uint8_t *body;

	if (!served_take(s, &first, &body) || first.type != WIRE_REQUEST)
		return;
	atomic_store(begun, true);
	do
		if (!served_take(s, &header, &body))
			return;
	while (header.type != WIRE_CANCEL);
	(void)served_frame(s, WIRE_REPLY, first.id, "long", 4);
	serve_silent(s);
}

static void *ask_long(void *arg)
{
	CU_ASSERT_EQUAL(ask(arg, "long", 4, 10 * LONG_NS), HUFU_OK);
	return NULL;
}

static bool is_true(void *arg)
{
	return atomic_load((atomic_bool *)arg);
}

static void test_impatience_ends_nothing(void)
{
	atomic_bool begun = false;
	struct machine m = {.serve = serve_second_thoughts, .arg = &begun};
	pthread_t thread;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connections = 1, .ping_ms = 10 * 20000, .idle_ms = 1});
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ask_long, link), 0);
	CU_ASSERT(comes_true(is_true, &begun));
	usleep(30000); /* longer than what counts as busy */
	CU_ASSERT_EQUAL(ask(link, "short", 5, 50 * NS_PER_MS), HUFU_ERR_LOST);
	pthread_join(thread, NULL);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 1);
}

/* -- frames that make no sense ----------------------------------------------------------------------- */

struct nonsense {
	uint8_t bytes[WIRE_HEADER_LEN + 8];
	size_t len;
};

static void serve_nonsense(struct served *s)
{
	const struct nonsense *n = s->machine->arg;
	struct wire_header header;
	const uint8_t *body;

	if (served_take_type(s, WIRE_REQUEST, &header, &body) && served_send(s, n->bytes, n->len))
		serve_silent(s);
}

static void test_nonsense(void)
{
	static const struct wire_header headers[] = {
		{.type = WIRE_REPLY, .id = 1, .body_len = WIRE_BODY_MAX + 1}, {.type = WIRE_REPLY, .id = 1, .body_len = UINT32_MAX},
		{.type = WIRE_GOAWAY, .body_len = 5000}, {.type = WIRE_REQUEST, .id = 1}, {.type = WIRE_HELLO_OK}, {.type = WIRE_HELLO},
		{.type = WIRE_CANCEL, .id = 1}, {.type = 0}, {.type = 99}, {.type = WIRE_PONG, .id = 1, .body_len = WIRE_HELLO_MAX + 1},
		{.type = WIRE_CREDIT, .body_len = 8}, {.type = WIRE_GOAWAY, .body_len = 8},
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) + 2; i++) {
		struct nonsense n = {.len = sizeof(n.bytes)};
		struct machine m = {.serve = serve_nonsense, .arg = &n};
		memset(n.bytes, 0xff, sizeof(n.bytes));
		wire_header_put(&headers[i < 12 ? i : 0], n.bytes);
		if (i >= 12)
			n.bytes[i == 12 ? 0 : 2] ^= 0x20; /* magic, version */
		machine_start(&m, NULL);
		struct link *link = link_to(&m, NULL);
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_LOST);
		link_free(link);
		machine_stop(&m);
	}
}

static void test_too_large(void)
{
	struct machine m = {.serve = serve_echo};
	uint8_t *large = calloc(1, WIRE_BODY_DEFAULT + 1);

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, large, WIRE_BODY_DEFAULT + 1, LONG_NS), HUFU_ERR_DATA_LEN);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
	free(large);
	CU_ASSERT_EQUAL(m.accepted, 1);
}

/* -- GOAWAY, credit ------------------------------------------------------------------------------------- */

static void serve_goaway(struct served *s)
{
	struct wire_header headers[10];
	struct writer out;
	const uint8_t *body;

	if (s->nth > 0) {
		serve_echo(s);
		return;
	}
	for (int i = 0; i < 10; i++)
		if (!served_take_type(s, WIRE_REQUEST, &headers[i], &body))
			return;
	writer_init(&out, false);
	if (wire_goaway_put(&out, 4, WIRE_GOAWAY_DRAIN, "tests") != HUFU_OK || !served_put(s, &out))
		return;
	for (uint32_t i = 0; i < 4; i++)
		if (!served_frame(s, WIRE_REPLY, headers[i].id, &i, sizeof(i)))
			return;
	serve_silent(s);
}

static void test_goaway(void)
{
	struct machine m = {.serve = serve_goaway};
	struct link_call calls[10];
	struct link_state state;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	fill_numbers(calls, 10, 0, LONG_NS);
	link_run(link, calls, 10);
	for (uint32_t i = 0; i < 10; i++)
		CU_ASSERT(i < 4 ? has_number(&calls[i], i) : calls[i].err == HUFU_ERR_GONE);
	link_state(link, &state);
	CU_ASSERT(!state.up && state.lost == 0);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(m.accepted, 2);
	clear_all(calls, 10);
	link_free(link);
	machine_stop(&m);
}

/* A machine that lets everybody in and leaves with the same breath, for longer than a link has connections. */
#define LEAVES 40
static bool greet_and_leave(struct served *s, struct wire_hello_ok *ok)
{
	struct writer out;

	if (s->nth >= LEAVES)
		return true;
	writer_init(&out, false);
	if (wire_hello_ok_put(&out, ok) == HUFU_OK && wire_goaway_put(&out, 0, WIRE_GOAWAY_DRAIN, "tests") == HUFU_OK)
		(void)served_put(s, &out);
	return false;
}

static void test_leaves_at_once(void)
{
	struct machine m = {.serve = serve_echo, .greet = greet_and_leave};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connects_per_s = 100000});
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(m.accepted, LEAVES + 1);
	link_free(link);
	machine_stop(&m);
}

/* Waits with its answers until the window is full and a PING comes: behind it was nothing more than the window allows. */
static atomic_uint rounds;
static void serve_window(struct served *s)
{
	struct wire_header headers[8], header;
	uint32_t numbers[8];
	const uint8_t *body;
	struct writer out;

	for (unsigned served = 0, window = 4; served < 32; window = 8) {
		const unsigned n = 32 - served < window ? 32 - served : window;
		for (unsigned i = 0; i < n; i++) {
			if (!served_take(s, &headers[i], &body) || headers[i].type != WIRE_REQUEST)
				return;
			memcpy(&numbers[i], body, sizeof(numbers[i]));
		}
		if (!served_take(s, &header, &body) || header.type != WIRE_PING || !served_frame(s, WIRE_PONG, header.id, NULL, 0))
			return;
		writer_init(&out, false);
		if (served == 0 && (wire_credit_put(&out, 8) != HUFU_OK || !served_put(s, &out)))
			return;
		for (unsigned i = 0; i < n; i++)
			if (!served_frame(s, WIRE_REPLY, headers[i].id, &numbers[i], sizeof(numbers[i])))
				return;
		served += n;
		atomic_fetch_add(&rounds, 1);
	}
	serve_echo(s);
}

static void test_credit(void)
{
	struct machine m = {.serve = serve_window, .window = 4};
	struct link_call calls[32];

	atomic_store(&rounds, 0);
	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.ping_ms = 1000});
	fill_numbers(calls, 32, 0, LONG_NS);
	link_run(link, calls, 32);
	for (uint32_t i = 0; i < 32; i++)
		CU_ASSERT(has_number(&calls[i], i));
	CU_ASSERT_EQUAL(atomic_load(&rounds), 5); /* 4, then 8, 8, 8, 4 */
	clear_all(calls, 32);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 1);
}

static void test_no_credit(void)
{
	struct machine m = {.serve = serve_mute, .window = 2};
	struct link_call calls[3];

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connections = 1});
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	fill_numbers(calls, 2, 0, 20 * NS_PER_MS);
	link_run(link, calls, 2);
	/* What was given up still counts with the machine, until it has answered it. */
	CU_ASSERT_EQUAL(ask(link, "x", 1, 50 * NS_PER_MS), HUFU_ERR_BUSY);
	clear_all(calls, 2);
	link_free(link);
	machine_stop(&m);
}

/* -- cancel, threads, forks ---------------------------------------------------------------------------------- */

struct canceller {
	struct link *link;
	struct link_call *calls;
	struct machine *machine;
	atomic_uint seen;
};

static void serve_and_tell(struct served *s)
{
	struct canceller *c = s->machine->arg;
	struct wire_header header;
	const uint8_t *body;

	while (served_take(s, &header, &body)) {
		if (header.type == WIRE_PING && !served_frame(s, WIRE_PONG, header.id, NULL, 0))
			return;
		if (header.type == WIRE_REQUEST)
			atomic_fetch_add(&c->seen, 1);
		if (header.type == WIRE_CANCEL)
			atomic_fetch_add(&cancels, 1);
	}
}

static bool three_seen(void *arg)
{
	return atomic_load(&((struct canceller *)arg)->seen) == 3;
}

static void *cancel_them(void *arg)
{
	struct canceller *c = arg;

	CU_ASSERT(comes_true(three_seen, c));
	link_cancel(c->link, c->calls, 3);
	return NULL;
}

static void test_cancel(void)
{
	struct link_call calls[3];
	struct canceller c = {.calls = calls};
	struct machine m = {.serve = serve_and_tell, .arg = &c};
	pthread_t thread;

	atomic_store(&cancels, 0);
	machine_start(&m, NULL);
	c.link = link_to(&m, NULL);
	fill_numbers(calls, 3, 0, 10 * LONG_NS);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, cancel_them, &c), 0);
	const uint64_t begun = clock_now_ns();
	link_run(c.link, calls, 3);
	CU_ASSERT(clock_now_ns() - begun < LONG_NS);
	pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(calls[i].err, HUFU_ERR_LOST);
	CU_ASSERT(comes_true(three_cancels, NULL));
	/* One that was cancelled before it went out has no effect. */
	clear_all(calls, 3);
	fill_numbers(calls, 3, 0, LONG_NS);
	link_cancel(c.link, calls, 3);
	link_run(c.link, calls, 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(calls[i].err, HUFU_ERR_GONE);
	clear_all(calls, 3);
	link_free(c.link);
	machine_stop(&m);
}

#define TALKERS 8
#define TALK_ROUNDS 100
struct talker {
	struct link *link;
	uint32_t first;
	unsigned wrong;
	bool gone[3 * TALK_ROUNDS];
};

static void *talk(void *arg)
{
	struct talker *t = arg;

	for (uint32_t round = 0; round < 200; round++) {
		struct link_call calls[5];
		const uint32_t n = 1 + round % 5;
		fill_numbers(calls, n, t->first + 5 * round, LONG_NS);
		if (round % 50 == 7) /* a body that fills the sockets, and takes many turns */
			write_bytes(&calls[0].frame, (uint8_t[100000]){0}, 100000),
				wire_header_put(&(struct wire_header){.type = WIRE_REQUEST, .op = 1, .body_len = 100004}, calls[0].frame.data);
		link_run(t->link, calls, n);
		for (uint32_t i = 0; i < n; i++) {
			const uint32_t want = t->first + 5 * round + i;
			t->wrong += calls[i].err != HUFU_OK || calls[i].len < 4 || memcmp(calls[i].body, &want, 4) != 0;
		}
		clear_all(calls, n);
	}
	return NULL;
}

static void threads_talk(struct link *link, unsigned nthreads)
{
	struct talker talkers[16];
	pthread_t threads[16];

	for (unsigned i = 0; i < nthreads; i++) {
		talkers[i] = (struct talker){.link = link, .first = i << 20};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, talk, &talkers[i]), 0);
	}
	for (unsigned i = 0; i < nthreads; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(talkers[i].wrong, 0);
	}
}

static void test_threads(void)
{
	struct machine m = {.serve = serve_echo, .window = 16};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	threads_talk(link, 16);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT(m.accepted <= 2);
}

/* One thread's calls, which another one cancels whenever there are any. */
struct cancelled {
	struct link *link;
	pthread_mutex_t lock;
	struct link_call calls[2];
	bool running;
	atomic_bool ended;
	unsigned wrong;
};

static void set_running(struct cancelled *c, bool running)
{
	pthread_mutex_lock(&c->lock);
	c->running = running;
	pthread_mutex_unlock(&c->lock);
}

static void *be_cancelled(void *arg)
{
	struct cancelled *c = arg;

	for (uint32_t round = 0; round < 2000; round++) {
		fill_numbers(c->calls, 2, round, LONG_NS);
		set_running(c, true);
		link_run(c->link, c->calls, 2);
		set_running(c, false);
		for (uint32_t i = 0; i < 2; i++)
			c->wrong += !has_number(&c->calls[i], round + i) && c->calls[i].err != HUFU_ERR_LOST &&
			            c->calls[i].err != HUFU_ERR_GONE;
		clear_all(c->calls, 2);
	}
	atomic_store(&c->ended, true);
	return NULL;
}

static void *cancel_on(void *arg)
{
	struct cancelled *c = arg;

	while (!atomic_load(&c->ended)) {
		pthread_mutex_lock(&c->lock);
		if (c->running)
			link_cancel(c->link, c->calls, 2);
		pthread_mutex_unlock(&c->lock);
		usleep(20);
	}
	return NULL;
}

/* Those who are not cancelled get their answers: nobody takes the reader's place with him. */
static void test_cancelled_among_others(void)
{
	struct machine m = {.serve = serve_echo};
	struct cancelled c[4];
	pthread_t runners[4], cancellers[4];

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connections = 1});
	for (int i = 0; i < 4; i++) {
		c[i] = (struct cancelled){.link = link};
		pthread_mutex_init(&c[i].lock, NULL);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&runners[i], NULL, be_cancelled, &c[i]), 0);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&cancellers[i], NULL, cancel_on, &c[i]), 0);
	}
	threads_talk(link, 8);
	for (int i = 0; i < 4; i++) {
		pthread_join(runners[i], NULL);
		pthread_join(cancellers[i], NULL);
		CU_ASSERT_EQUAL(c[i].wrong, 0);
		pthread_mutex_destroy(&c[i].lock);
	}
	link_free(link);
	machine_stop(&m);
}

/*
 * Each connection dies after some requests, as soon as it has taken the last of them; every call ends, in LOST or GONE at worst, and
 * none is GONE that the machine has taken.
 */
static atomic_bool taken[TALKERS][3 * TALK_ROUNDS];

static void serve_some(struct served *s)
{
	struct wire_header header;
	const uint8_t *body;

	for (unsigned left = 20 + s->nth % 7; left > 0 && served_take_type(s, WIRE_REQUEST, &header, &body); left--) {
		uint32_t number;
		memcpy(&number, body, sizeof(number));
		atomic_store(&taken[number >> 20][number & 0xfffff], true);
		if (left > 1 && !served_frame(s, WIRE_REPLY, header.id, body, header.body_len))
			return;
	}
}

static void *talk_on(void *arg)
{
	struct talker *t = arg;

	for (uint32_t round = 0; round < TALK_ROUNDS; round++) {
		struct link_call calls[3];
		fill_numbers(calls, 3, t->first + 3 * round, LONG_NS);
		link_run(t->link, calls, 3);
		for (uint32_t i = 0; i < 3; i++) {
			t->wrong += !has_number(&calls[i], t->first + 3 * round + i) && calls[i].err != HUFU_ERR_LOST &&
			            calls[i].err != HUFU_ERR_GONE;
			t->gone[3 * round + i] = calls[i].err == HUFU_ERR_GONE;
		}
		clear_all(calls, 3);
	}
	return NULL;
}

static void test_threads_and_deaths(void)
{
	struct machine m = {.serve = serve_some};
	static struct talker talkers[TALKERS];
	pthread_t threads[TALKERS];

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connects_per_s = 100000});
	for (unsigned i = 0; i < TALKERS; i++) {
		talkers[i] = (struct talker){.link = link, .first = i << 20};
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, talk_on, &talkers[i]), 0);
	}
	for (unsigned i = 0; i < TALKERS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(talkers[i].wrong, 0);
	}
	link_free(link);
	machine_stop(&m);
	CU_ASSERT(m.accepted > 10);
	for (unsigned i = 0; i < TALKERS; i++)
		for (unsigned k = 0; k < 3 * TALK_ROUNDS; k++)
			CU_ASSERT(!talkers[i].gone[k] || !atomic_load(&taken[i][k]));
}

/* How many descriptors are open. */
static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A child that never hears of the link, as when a driver that is not fork-safe is left alone in it. */
static void test_fork_leaves_nothing(void)
{
	UNIT_FORKS();
	struct machine m = {.serve = serve_echo};
	int status = 0;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	const unsigned before = descriptors();
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	const pid_t child = fork();
	if (child == 0) /* the machine's ends of both, which it did not have before, are there as well */
		_exit(descriptors() == before + 2 ? 0 : 1);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(ask(link, "parent", 6, LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
}

/* A fork handler of somebody's that waits for a thread to come to rest, which makes and frees a link meanwhile. */
static atomic_bool forking, forks_wait, made_one;

static void await_rest(void)
{
	if (!atomic_load(&forks_wait))
		return;
	atomic_store(&forking, true);
	for (int i = 0; i < MACHINE_WAIT_MS && !atomic_load(&made_one); i++)
		usleep(1000);
}

static void *make_one(void *arg)
{
	struct link *link;

	while (!atomic_load(&forking))
		usleep(1000);
	link = link_to(arg, NULL);
	link_free(link);
	atomic_store(&made_one, true);
	return NULL;
}

static void test_fork_waits_for_nobody(void)
{
	UNIT_FORKS();
	struct machine m = {.address = "unix:/nowhere"};
	pthread_t thread;
	int status = 0;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, make_one, &m), 0);
	atomic_store(&forks_wait, true);
	const pid_t child = fork();
	if (child == 0)
		_exit(atomic_load(&made_one) ? 0 : 1);
	atomic_store(&forks_wait, false);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_fork(void)
{
	UNIT_FORKS();
	struct machine m = {.serve = serve_echo};
	int status = 0;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, "before", 6, LONG_NS), HUFU_OK);
	link_before_fork(link);
	const pid_t child = fork();
	if (child == 0) {
		link_after_fork_child(link);
		struct link_state state;
		link_state(link, &state);
		const bool none = !state.up;
		_exit(none && ask(link, "child", 5, LONG_NS) == HUFU_OK ? 0 : 1);
	}
	link_after_fork_parent(link);
	CU_ASSERT_EQUAL(ask(link, "parent", 6, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(ask(link, "after", 5, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(m.accepted, 2);
	link_free(link);
	machine_stop(&m);
}

/* -- connections ------------------------------------------------------------------------------------------------ */

static void test_probe(void)
{
	struct machine m = {.serve = serve_echo};
	struct link_state state;

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connections = 3});
	for (unsigned i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
		link_state(link, &state);
		CU_ASSERT_EQUAL(state.connections, i < 2 ? i + 2 : 3);
	}
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 3);
}

static void test_bulk(void)
{
	struct machine m = {.serve = serve_echo};
	struct link_call calls[4];

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	fill_numbers(calls, 4, 0, LONG_NS);
	calls[1].bulk = calls[2].bulk = true;
	link_run(link, calls, 4);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT(has_number(&calls[i], i));
	clear_all(calls, 4);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(m.accepted, 2);
}

static void serve_nobody(struct served *s)
{
	(void)s;
}

static void test_dials_are_limited(void)
{
	struct machine m = {.serve = serve_nobody};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, &(struct link_conf){.connects_per_s = 10});
	const uint64_t begun = clock_now_ns();
	for (int i = 0; i < 30; i++)
		CU_ASSERT_NOT_EQUAL(ask(link, "x", 1, 20 * NS_PER_MS), HUFU_OK);
	const double took = (double)(clock_now_ns() - begun) / 1e9;
	CU_ASSERT((double)m.accepted <= 10 + 10 * took + 1);
	CU_ASSERT(m.accepted >= 5);
	link_free(link);
	machine_stop(&m);
}

/* -- HELLO -------------------------------------------------------------------------------------------------------- */

static _Atomic enum hufu_err refused_with;
static bool greet_refuse(struct served *s, struct wire_hello_ok *ok)
{
	(void)s;
	ok->status = wire_status_of(refused_with);
	return true;
}

static void test_hello_refused(void)
{
	static const enum hufu_err told[] = {HUFU_ERR_BUSY, HUFU_ERR_DENIED, HUFU_ERR_NO_KEY, HUFU_ERR_GONE};
	static const enum hufu_err seen[] = {HUFU_ERR_BUSY, HUFU_ERR_DENIED, HUFU_ERR_DENIED, HUFU_ERR_GONE};
	struct machine m = {.serve = serve_echo, .greet = greet_refuse};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (int i = 0; i < 4; i++) {
		refused_with = told[i];
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), seen[i]);
	}
	link_free(link);
	machine_stop(&m);
}

static atomic_int break_what;
static bool greet_break(struct served *s, struct wire_hello_ok *ok)
{
	switch (atomic_load(&break_what)) {
	case 0:
		ok->domain_proof[40] ^= 1;
		return true;
	case 1:
		memset(ok->domain_point, 0, sizeof(ok->domain_point));
		return true;
	case 2:
		ok->domain_point[3] ^= 1; /* not on the curve */
		return true;
	case 3:
		ok->version = 2;
		return true;
	case 4:
		ok->window = 0;
		return true;
	case 5:
		return served_send(s, "HTTP/1.1 400 Bad Request\r\n\r\n", 28) && false;
	default:
		return false;
	}
}

static void test_hello_broken(void)
{
	static const enum hufu_err seen[] = {HUFU_ERR_DENIED, HUFU_ERR_DENIED, HUFU_ERR_DENIED, HUFU_ERR_GONE, HUFU_ERR_GONE,
	                                     HUFU_ERR_GONE, HUFU_ERR_GONE};
	struct machine m = {.serve = serve_echo, .greet = greet_break};

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	for (break_what = 0; break_what < 7; break_what++)
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), seen[break_what]);
	link_free(link);
	machine_stop(&m);
}

/* A machine with another master key at the same address is not the one that we know. */
static void test_domain(void)
{
	struct machine m = {.serve = serve_once}, other = {.serve = serve_echo};
	struct link_state state;
	char hex[33];

	machine_start(&m, NULL);
	machine_start(&other, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	link_state(link, &state);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", state.domain_id[i]);
	for (int n = 0; n < MACHINE_WAIT_MS && atomic_load(&m.running) > 0; n++)
		usleep(1000);
	usleep(30000);
	m.key = other.key;
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_DENIED);
	link_free(link);
	link = link_to(&other, &(struct link_conf){.domain_id = hex});
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_DENIED);
	link_free(link);
	machine_stop(&m);
	machine_stop(&other);
}

/* -- TLS ------------------------------------------------------------------------------------------------------------ */

static void test_tls(void)
{
	struct tls_ca *ca = tls_ca_new("the authority"), *wrong = tls_ca_new("another");
	struct machine m = {.serve = serve_echo};
	struct channel_context *context;
	struct link_state state;
	struct link_conf conf;
	int status = 0;

	tls_make(ca, &(struct tls_ask){.file = "server", .subject = "machine", .names = "IP:127.0.0.1"});
	tls_make(ca, &(struct tls_ask){.file = "client", .subject = "client"});
	tls_make(wrong, &(struct tls_ask){.file = "client", .subject = "client"});
	const struct channel_conf server = {.server = true, .ca = ca->path, .cert = tls_path(ca, "server", "pem"),
	                                    .key = tls_path(ca, "server", "key")};
	CU_ASSERT_EQUAL_FATAL(channel_context_new(&server, &context), HUFU_OK);
	machine_start(&m, context);
	conf = (struct link_conf){.ca = ca->path, .cert = tls_path(ca, "client", "pem"), .key = tls_path(ca, "client", "key")};
	struct link *link = link_to(&m, &conf);
	CU_ASSERT_EQUAL(ask(link, "over TLS", 8, LONG_NS), HUFU_OK);
	CU_ASSERT_EQUAL(link_probe(link, clock_now_ns() + LONG_NS), HUFU_OK);
	link_state(link, &state);
	CU_ASSERT(state.handshakes == 2 && state.resumed == 1 && state.not_after > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(state.profile, "TLSv1.3"));
	threads_talk(link, 8);
	if (!getenv("HUFU_TEST_NO_FORK")) {
		link_before_fork(link);
		const pid_t child = fork();
		if (child == 0) {
			link_after_fork_child(link);
			_exit(ask(link, "child", 5, LONG_NS) == HUFU_OK ? 0 : 1);
		}
		link_after_fork_parent(link);
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		CU_ASSERT_EQUAL(ask(link, "parent", 6, LONG_NS), HUFU_OK);
	}
	link_free(link);
	conf.name = "another.example";
	link = link_to(&m, &conf);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_DENIED);
	link_free(link);
	conf = (struct link_conf){.ca = ca->path, .cert = tls_path(wrong, "client", "pem"), .key = tls_path(wrong, "client", "key")};
	link = link_to(&m, &conf);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_ERR_DENIED);
	link_free(link);
	machine_stop(&m);
	channel_context_free(context);
	tls_ca_free(ca);
	tls_ca_free(wrong);
}

/* The machine's authority is exchanged: the link's file is written anew, and the next connection is good. */
static void test_renewal(void)
{
	struct tls_ca *ca = tls_ca_new("the authority"), *next = tls_ca_new("the next authority");
	struct machine m = {.serve = serve_echo};
	struct channel_context *context;
	struct link_conf conf;
	char pem[4096];

	tls_make(next, &(struct tls_ask){.file = "server", .subject = "machine", .names = "IP:127.0.0.1"});
	tls_make(ca, &(struct tls_ask){.file = "client", .subject = "client"});
	const struct channel_conf server = {.server = true, .ca = ca->path, .cert = tls_path(next, "server", "pem"),
	                                    .key = tls_path(next, "server", "key")};
	CU_ASSERT_EQUAL_FATAL(channel_context_new(&server, &context), HUFU_OK);
	machine_start(&m, context);
	conf = (struct link_conf){.ca = tls_path(ca, "trusted", "pem"), .cert = tls_path(ca, "client", "pem"),
	                          .key = tls_path(ca, "client", "key")};
	struct copy {
		const char *from;
		enum hufu_err seen;
	} copies[] = {{ca->path, HUFU_ERR_DENIED}, {next->path, HUFU_OK}};
	struct link *link = NULL;
	for (int i = 0; i < 2; i++) {
		FILE *in = fopen(copies[i].from, "re"), *out = fopen(conf.ca, "we");
		CU_ASSERT_FATAL(in && out);
		const size_t len = fread(pem, 1, sizeof(pem), in);
		CU_ASSERT_EQUAL(fwrite(pem, 1, len, out), len);
		fclose(in);
		fclose(out);
		if (!link)
			link = link_to(&m, &conf);
		CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), copies[i].seen);
	}
	link_free(link);
	machine_stop(&m);
	channel_context_free(context);
	tls_ca_free(ca);
	tls_ca_free(next);
}

/* -- configuration ---------------------------------------------------------------------------------------------------- */

static const char *const *options;
static const char *option(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (size_t i = 0; options[i]; i += 2)
		if (strcmp(options[i], key) == 0)
			return options[i + 1];
	return NULL;
}

static enum hufu_err read_options(const char *const *list, struct link_conf *out)
{
	const struct hufu_conf conf = {.size = sizeof(conf), .name = "hsm", .get = option};

	options = list;
	return link_conf_of(&conf, out);
}

static void test_conf(void)
{
	struct link_conf conf;
	struct link *link = NULL;

	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "h:1", "tenant", "t", "role", "token", "connections", "3", "ping_ms",
	                             "500", "server_uid", "0", NULL}, &conf), HUFU_OK);
	CU_ASSERT(conf.role == WIRE_TOKEN && conf.connections == 3 && conf.ping_ms == 500 && conf.server_uid == 0);
	CU_ASSERT_STRING_EQUAL(conf.token, "t");
	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "unix:/a", NULL}, &conf), HUFU_OK);
	CU_ASSERT(conf.role == WIRE_DEVICES && conf.server_uid == (uid_t)-1);
	CU_ASSERT_EQUAL(read_options((const char *const[]){NULL}, &conf), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "h:1", "role", "king", NULL}, &conf), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "h:1", "connections", "17", NULL}, &conf), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "h:1", "window", "12x", NULL}, &conf), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(read_options((const char *const[]){"address", "h:1", "window", "-1", NULL}, &conf), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(link_new(&(struct link_conf){.address = "nowhere"}, &link), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(link_new(&(struct link_conf){.address = "unix:/a", .domain_id = "12"}, &link), HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(link_new(&(struct link_conf){.address = "unix:/a", .domain_id = "zz000000000000000000000000000000"}, &link),
	                HUFU_ERR_CONFIG);
	CU_ASSERT_EQUAL(link_new(&(struct link_conf){.address = "h:1"}, &link), HUFU_ERR_CONFIG); /* no certificates */
	CU_ASSERT_PTR_NULL(link);
}

static void test_nothing_left(void)
{
	struct machine m = {.serve = serve_echo};
	const size_t before = secret_in_use();

	machine_start(&m, NULL);
	struct link *link = link_to(&m, NULL);
	CU_ASSERT_EQUAL(ask(link, "x", 1, LONG_NS), HUFU_OK);
	link_free(link);
	machine_stop(&m);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static const struct unit_case cases[] = {
	{"an answer is its question's, whatever their length", test_echo},
	{"ids count up from 1, and what is left of the time is told", test_headers},
	{"64 calls are one write; answers in any order find their calls", test_batch},
	{"answers to nothing, doubled ones and PINGs change nothing", test_noise},
	{"a REPLY with a PING's number answers nothing, and is not kept", test_reply_to_ping},
	{"a machine that sends PINGs and takes no answers is given up", test_ping_flood},
	{"calls end at their deadline, LOST, and the machine is told", test_deadline},
	{"a call whose time is up is not sent, BUSY", test_too_late},
	{"a machine that does not answer PINGs is given up", test_silence},
	{"a machine that answers PINGs is waited for", test_patience},
	{"calls with little patience find out together", test_short_calls_find_the_dead},
	{"no machine: GONE, at once", test_refused},
	{"death with the request: LOST", test_death_mid_request},
	{"death in the middle of an answer: LOST", test_death_mid_reply},
	{"what was not sent to its last byte is GONE", test_unsent_is_gone},
	{"a connection that ended while idle costs nobody a request", test_end_while_idle},
	{"a connection that was idle for long is asked before it is used", test_idle_is_asked},
	{"a connection that serves somebody is not ended by another's impatience", test_impatience_ends_nothing},
	{"frames that make no sense end the connection, and what was outstanding is LOST", test_nonsense},
	{"a request that the machine would not take is not sent", test_too_large},
	{"GOAWAY: what was executed is answered, all else GONE, and the next connection is made", test_goaway},
	{"a machine that leaves as soon as it has greeted is dialled until it stays", test_leaves_at_once},
	{"never more requests than the window allows, and CREDIT changes it", test_credit},
	{"no room in the window until the deadline: BUSY", test_no_credit},
	{"cancelled calls return, and the machine is told", test_cancel},
	{"sixteen threads get their own answers", test_threads},
	{"those who are not cancelled get their answers among many who are", test_cancelled_among_others},
	{"threads whose connections die get answers, LOST, or GONE where the machine has not taken it", test_threads_and_deaths},
	{"a forked child has its own connection, the parent keeps its", test_fork},
	{"a fork that waits for threads, which make and free links, comes about", test_fork_waits_for_nobody},
	{"a child that does not know of the link holds none of its sockets", test_fork_leaves_nothing},
	{"probes make the spare connections, and no more", test_probe},
	{"bulk goes by its own connection", test_bulk},
	{"dials are limited", test_dials_are_limited},
	{"a refused HELLO ends as the machine's reason says", test_hello_refused},
	{"a HELLO_OK without proof, or none, is refused", test_hello_broken},
	{"a machine of another domain is refused", test_domain},
	{"all that over TLS, resumed, and by threads; strangers refuse each other", test_tls},
	{"files that were renewed count from the next connection on", test_renewal},
	{"options are read, and refused", test_conf},
	{"no secret memory is left", test_nothing_left},
	{0},
};

int main(void)
{
	char err[200];

	pthread_atfork(await_rest, NULL, NULL); /* before the link's own: it runs after them */
	if (!getenv("HUFU_LOG"))
		(void)!log_configure("none", HUFU_LOG_ERROR, err, sizeof(err));
	return unit_main("link", cases);
}
