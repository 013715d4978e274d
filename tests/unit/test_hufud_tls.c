/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of hufud over TLS: whoever shows no certificate that counts is not heard, nor does he disturb those who have
 * one; and a certificate counts as long as it is good, and not as long as the connection lasts.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "hufud/server.h"
#include "tls_util.h"
#include "unit.h"

#define PATIENCE_MS 60000
#define ECHO (WIRE_OP_VERB + HUFU_VERB_RANDOM)

static struct tls_ca *ca, *other_ca;
static char seen_subject[256];

/* -- a server that gives back what it is sent ---------------------------------------------- */

static void run(struct request *req)
{
	const struct wire_header header = {.type = WIRE_REPLY, .id = req->id, .op = req->op, .body_len = (uint32_t)req->len};
	uint8_t head[WIRE_HEADER_LEN];
	wire_header_put(&header, head);
	write_bytes(&req->reply, head, sizeof(head));
	write_bytes(&req->reply, req->body, req->len);
	request_answer(req);
}

static const struct service service = {.name = "echo", .run = run};

static const struct service *admit(void *arg, struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok,
                                   char *why, size_t why_len)
{
	(void)arg;
	(void)hello;
	(void)ok;
	(void)why;
	(void)why_len;
	snprintf(seen_subject, sizeof(seen_subject), "%s", session->peer->subject);
	return &service;
}

static void leave(void *arg, struct session *session)
{
	(void)arg;
	(void)session;
}

static bool begin(void *arg, struct request *req)
{
	(void)arg;
	(void)req;
	return true;
}

static void end(void *arg, struct request *req)
{
	(void)arg;
	(void)req;
}

static bool stands(void *arg, const struct session *session)
{
	(void)arg;
	(void)session;
	return true;
}

static void load(void *arg, const struct session *session, struct wire_load *out)
{
	(void)arg;
	(void)session;
	(void)out;
}

struct rig {
	struct event_base *base;
	struct server *server;
	pthread_t owner;
	char address[64];
};

static struct channel_context *context_of(const struct tls_ca *from, const char *file, bool server)
{
	const struct channel_conf conf = {.server = server, .ca = ca->path, .cert = tls_path(from, file, "pem"),
	                                  .key = tls_path(from, file, "key")};
	struct channel_context *context = NULL;
	CU_ASSERT_EQUAL_FATAL(channel_context_new(&conf, &context), HUFU_OK);
	return context;
}

static void setup(void)
{
	if (ca)
		return;
	ca = tls_ca_new("the authority");
	other_ca = tls_ca_new("another authority");
	tls_make(ca, &(struct tls_ask){.file = "server", .subject = "machine", .names = "IP:127.0.0.1"});
	tls_make(ca, &(struct tls_ask){.file = "client", .subject = "client"});
	tls_make(ca, &(struct tls_ask){.file = "brief", .subject = "brief", .from_s = -60, .until_s = 4});
	tls_make(other_ca, &(struct tls_ask){.file = "stranger", .subject = "client"});
}

static void *own(void *arg)
{
	struct rig *rig = arg;
	event_base_loop(rig->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static uint32_t frame_ms = 60000; /* as the next one is started with */

static void rig_start(struct rig *rig, uint32_t hello_ms)
{
	static char name[] = "bench";
	const struct conf_machine conf = {.name = name, .workers = 1, .connections_max = 100, .handshakes_per_s = 100000,
	                                  .hello_ms = hello_ms, .frame_ms = frame_ms, .idle_s = 600, .max_body = 1u << 20, .window = 64};
	const struct server_rules rules = {.admit = admit, .leave = leave, .begin = begin, .end = end, .stands = stands, .load = load};
	struct sockaddr_in in;
	socklen_t len = sizeof(in);
	char why[256];
	int fd;

	setup();
	evthread_use_pthreads();
	rig->base = event_base_new();
	CU_ASSERT_EQUAL_FATAL(server_new(rig->base, &conf, &rules, &rig->server), HUFU_OK);
	server_set_tls(rig->server, context_of(ca, "server", true));
	CU_ASSERT_EQUAL_FATAL(channel_listen("127.0.0.1:0", &fd, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(rig->address, sizeof(rig->address), "127.0.0.1:%u", ntohs(in.sin_port));
	CU_ASSERT_EQUAL_FATAL(server_listen(rig->server, fd), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(server_start(rig->server), HUFU_OK);
	pthread_create(&rig->owner, NULL, own, rig);
}

static void rig_stop(struct rig *rig)
{
	event_base_loopbreak(rig->base);
	pthread_join(rig->owner, NULL);
	CU_ASSERT_TRUE(server_stop(rig->server));
	server_free(rig->server);
	event_base_free(rig->base);
}

static void do_renew(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	(void)fd;
	(void)what;
	server_renew(rig->server);
}

/* -- a client ----------------------------------------------------------------------------------- */

static void wait_for(struct channel *ch, enum channel_want want)
{
	struct pollfd p = {.fd = channel_fd(ch), .events = want == CHANNEL_WRITE ? POLLOUT : POLLIN};
	CU_ASSERT_EQUAL_FATAL(poll(&p, 1, PATIENCE_MS), 1);
}

static int dial(const struct rig *rig)
{
	char why[256];
	int fd = -1;
	CU_ASSERT_EQUAL_FATAL(channel_dial(rig->address, clock_now_ns() + PATIENCE_MS * NS_PER_MS, &fd, why, sizeof(why)), HUFU_OK);
	return fd;
}

static bool put(struct channel *ch, const uint8_t *data, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		enum channel_want want = CHANNEL_READY;
		if (channel_write(ch, data + at, len - at, &n, &want) != HUFU_OK)
			return false;
		if (!n)
			wait_for(ch, want);
	}
	return true;
}

static bool get(struct channel *ch, uint8_t *data, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		enum channel_want want = CHANNEL_READY;
		if (channel_read(ch, data + at, len - at, &n, &want) != HUFU_OK || (!n && want == CHANNEL_READY))
			return false;
		if (!n)
			wait_for(ch, want);
	}
	return true;
}

static uint8_t body[4096];

/* False: the connection is over. */
static bool get_frame(struct channel *ch, struct wire_header *header)
{
	uint8_t head[WIRE_HEADER_LEN];
	return get(ch, head, sizeof(head)) && wire_header_get(head, sizeof(body), header) == HUFU_OK && get(ch, body, header->body_len);
}

static void shake_hands(struct channel *ch)
{
	enum channel_want want = CHANNEL_READY;
	while (channel_handshake(ch, &want) == HUFU_OK && want)
		wait_for(ch, want);
}

/* NULL: the server would not have it. In TLS 1.3 a client learns that when it reads. */
static struct channel *client(const struct rig *rig, const struct tls_ca *from, const char *file)
{
	struct channel_context *context = context_of(from, file, false);
	struct wire_hello hello = {.version_min = 1, .version_max = 1, .max_body = sizeof(body)};
	struct channel *ch = NULL;
	struct wire_header header = {0};
	struct writer w;

	CU_ASSERT_EQUAL_FATAL(channel_new(context, dial(rig), "127.0.0.1", NULL, &ch), HUFU_OK);
	channel_context_free(context);
	shake_hands(ch);
	memset(hello.nonce, 9, sizeof(hello.nonce));
	writer_init(&w, false);
	CU_ASSERT_EQUAL_FATAL(wire_hello_put(&w, &hello), HUFU_OK);
	bool heard = put(ch, w.data, w.len) && get_frame(ch, &header) && header.type == WIRE_HELLO_OK;
	writer_clear(&w);
	if (heard)
		return ch;
	channel_free(ch);
	return NULL;
}

static bool echoes(struct channel *ch, uint64_t id)
{
	struct wire_header header = {.type = WIRE_REQUEST, .id = id, .op = ECHO, .body_len = 4};
	uint8_t frame[WIRE_HEADER_LEN + 4] = {0};
	wire_header_put(&header, frame);
	memcpy(frame + WIRE_HEADER_LEN, "echo", 4);
	return put(ch, frame, sizeof(frame)) && get_frame(ch, &header) && header.type == WIRE_REPLY && header.id == id &&
	       memcmp(body, "echo", 4) == 0;
}

static void expect_goaway(struct channel *ch, enum wire_goaway reason)
{
	struct wire_header header = {0};
	uint64_t last;
	uint32_t why = 99;
	CU_ASSERT_TRUE_FATAL(get_frame(ch, &header));
	CU_ASSERT_EQUAL(header.type, WIRE_GOAWAY);
	CU_ASSERT_EQUAL(wire_goaway_get(body, header.body_len, &last, &why), HUFU_OK);
	CU_ASSERT_EQUAL(why, reason);
}

/* -- cases --------------------------------------------------------------------------------------------- */

static void test_mutual(void)
{
	struct rig rig;
	rig_start(&rig, 60000);
	struct channel *good = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(good);
	CU_ASSERT_STRING_EQUAL(seen_subject, "CN=client");
	CU_ASSERT_TRUE(echoes(good, 1));
	CU_ASSERT_PTR_NULL(client(&rig, other_ca, "stranger"));
	CU_ASSERT_TRUE(echoes(good, 2));
	struct server_counts counts = {0};
	for (int i = 0; i < PATIENCE_MS && !counts.refused_handshakes; i++, usleep(1000))
		server_counts(rig.server, &counts);
	CU_ASSERT_EQUAL(counts.refused_handshakes, 1);
	CU_ASSERT_EQUAL(counts.refused_hellos, 0);
	channel_free(good);
	rig_stop(&rig);
}

/* What is no TLS is refused at once; who says nothing, when his time is up. */
static void test_no_tls(void)
{
	struct rig rig;
	uint8_t byte;
	struct pollfd p = {.events = POLLIN};
	rig_start(&rig, 200);
	int babbles = dial(&rig), silent = dial(&rig);
	CU_ASSERT_EQUAL(send(babbles, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
	p.fd = babbles;
	while (poll(&p, 1, PATIENCE_MS) == 1 && recv(babbles, &byte, 1, 0) == 1)
		;
	p.fd = silent;
	CU_ASSERT_EQUAL(poll(&p, 1, PATIENCE_MS), 1);
	CU_ASSERT(recv(silent, &byte, 1, 0) <= 0);
	close(babbles);
	close(silent);
	struct channel *good = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(good);
	CU_ASSERT_TRUE(echoes(good, 1));
	channel_free(good);
	rig_stop(&rig);
}

/* An answer of many records, a request that is larger than one, and many requests in one write. */
static void test_large(void)
{
	struct rig rig;
	static uint8_t frames[200 * (WIRE_HEADER_LEN + 1000)];
	struct wire_header header = {.type = WIRE_REQUEST, .op = ECHO, .body_len = 1000};
	rig_start(&rig, 60000);
	struct channel *ch = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	for (size_t i = 0; i < 60; i++) {
		header.id = i + 1;
		wire_header_put(&header, frames + i * (WIRE_HEADER_LEN + 1000));
		memset(frames + i * (WIRE_HEADER_LEN + 1000) + WIRE_HEADER_LEN, (int)i, 1000);
	}
	CU_ASSERT_TRUE(put(ch, frames, 60 * (size_t)(WIRE_HEADER_LEN + 1000)));
	for (size_t i = 0; i < 60; i++) {
		CU_ASSERT_TRUE_FATAL(get_frame(ch, &header));
		CU_ASSERT(header.id == i + 1 && header.body_len == 1000 && body[0] == i && body[999] == i);
	}
	channel_free(ch);
	rig_stop(&rig);
}

static void test_renewed(void)
{
	struct rig rig;
	const struct timeval now = {0};
	rig_start(&rig, 60000);
	struct channel *ch = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	CU_ASSERT_TRUE(echoes(ch, 1));
	event_base_once(rig.base, -1, EV_TIMEOUT, do_renew, &rig, &now);
	expect_goaway(ch, WIRE_GOAWAY_DRAIN);
	channel_free(ch);
	ch = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	CU_ASSERT_TRUE(echoes(ch, 1));
	channel_free(ch);
	rig_stop(&rig);
}

/* Whoever is revoked, and has begun a handshake before the machine heard of it, is let in by nothing that he then ends it. */
static void test_renewed_amid_handshake(void)
{
	struct rig rig;
	const struct timeval now = {0};
	struct channel *slow = NULL;
	enum channel_want want = CHANNEL_READY;
	struct server_counts counts = {0};
	rig_start(&rig, 60000);
	struct channel_context *context = context_of(ca, "client", false);
	CU_ASSERT_EQUAL_FATAL(channel_new(context, dial(&rig), "127.0.0.1", NULL, &slow), HUFU_OK);
	channel_context_free(context);
	CU_ASSERT_EQUAL(channel_handshake(slow, &want), HUFU_OK);
	for (int i = 0; i < PATIENCE_MS && !counts.accepted; i++, usleep(1000))
		server_counts(rig.server, &counts);
	struct channel *ch = client(&rig, ca, "client"); /* tells when the worker has heard */
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	event_base_once(rig.base, -1, EV_TIMEOUT, do_renew, &rig, &now);
	expect_goaway(ch, WIRE_GOAWAY_DRAIN);
	channel_free(ch);
	shake_hands(slow);
	expect_goaway(slow, WIRE_GOAWAY_DRAIN);
	channel_free(slow);
	rig_stop(&rig);
}

static void test_expired(void)
{
	struct rig rig;
	rig_start(&rig, 60000);
	struct channel *brief = client(&rig, ca, "brief"), *other = client(&rig, ca, "client");
	if (!brief) {
		channel_free(other);
		rig_stop(&rig);
		UNIT_SKIP("this host took longer than the certificate lasts");
	}
	CU_ASSERT_TRUE(echoes(brief, 1));
	expect_goaway(brief, WIRE_GOAWAY_EXPIRED);
	CU_ASSERT_TRUE(echoes(other, 1));
	CU_ASSERT_PTR_NULL(client(&rig, ca, "brief"));
	channel_free(brief);
	channel_free(other);
	rig_stop(&rig);
}

/* Either it is understood or the connection ends; it never hangs, and nobody else is the worse for it. */
static void throw(const struct rig *rig, const uint8_t *frame, size_t len)
{
	struct wire_header header = {0};
	struct channel *ch = client(rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	(void)put(ch, frame, len);
	CU_ASSERT(shutdown(channel_fd(ch), SHUT_WR) == 0);
	while (get_frame(ch, &header))
		CU_ASSERT(header.type == WIRE_REPLY || header.type == WIRE_GOAWAY || header.type == WIRE_PONG);
	channel_free(ch);
}

static void test_malformed_anywhere(void)
{
	struct rig rig;
	const struct wire_header header = {.type = WIRE_REQUEST, .id = 1, .op = ECHO, .body_len = 4};
	uint8_t frame[WIRE_HEADER_LEN + 4] = {0}, copy[sizeof(frame)];
	wire_header_put(&header, frame);
	rig_start(&rig, 60000);
	struct channel *good = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(good);
	for (size_t at = 0; at < sizeof(frame); at++) {
		memcpy(copy, frame, sizeof(frame));
		copy[at] ^= 0xff;
		throw(&rig, copy, sizeof(copy));
		throw(&rig, frame, at);
		CU_ASSERT_TRUE(echoes(good, at + 1));
	}
	channel_free(good);
	rig_stop(&rig);
}

/* A record for each byte is understood; who stops amid a frame is told that his time is up, however slowly he went on. */
static void test_slow(void)
{
	struct rig rig;
	const struct wire_header header = {.type = WIRE_REQUEST, .id = 1, .op = ECHO, .body_len = 4};
	struct wire_header reply = {0};
	uint8_t frame[WIRE_HEADER_LEN + 4] = {0};
	wire_header_put(&header, frame);
	rig_start(&rig, 60000);
	struct channel *ch = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	for (size_t i = 0; i < sizeof(frame); i++)
		CU_ASSERT_TRUE_FATAL(put(ch, frame + i, 1));
	CU_ASSERT(get_frame(ch, &reply) && reply.type == WIRE_REPLY && reply.id == 1);
	channel_free(ch);
	rig_stop(&rig);
	frame_ms = 100;
	rig_start(&rig, 60000);
	frame_ms = 60000;
	ch = client(&rig, ca, "client");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ch);
	CU_ASSERT_TRUE(put(ch, frame, 10));
	expect_goaway(ch, WIRE_GOAWAY_PROTOCOL);
	channel_free(ch);
	rig_stop(&rig);
}

static void test_end(void)
{
	tls_ca_free(ca);
	tls_ca_free(other_ca);
}

static const struct unit_case cases[] = {
	{"a client whose certificate ends is told so, and not let in again", test_expired},
	{"a client with a certificate is served, one without is not heard", test_mutual},
	{"what speaks no TLS, or nothing, is ended", test_no_tls},
	{"a frame that is wrong, or cut off, at any byte ends one connection", test_malformed_anywhere},
	{"who goes slowly is understood, who stops amid a frame is ended", test_slow},
	{"requests and answers of many records arrive whole", test_large},
	{"changed certificates have clients come anew", test_renewed},
	{"changed certificates have those come anew who were amid their handshake", test_renewed_amid_handshake},
	{"the test's files are gone", test_end},
	{0},
};
UNIT_MAIN("hufud_tls", cases)
