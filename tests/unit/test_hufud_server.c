/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of hufud, spoken to in raw frames over a Unix socket: whatever a client sends, each request is answered
 * once, nobody else's are disturbed, and what makes no sense ends the one connection that it came on.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "hufud/server.h"
#include "unit.h"

#define PATIENCE_MS 60000          /* only a failure takes as long */
#define HELD_MAX 4096

/* -- a service that does as the test says ------------------------------------------------ */

#define ECHO (WIRE_OP_VERB + HUFU_VERB_RANDOM)  /* answered at once: the body comes back */
#define HOLD (WIRE_OP_VERB + HUFU_VERB_SIGN)    /* answered by release() */
#define BIG (WIRE_OP_VERB + HUFU_VERB_EXPORT)   /* a reply of 256 KiB */

static struct {
	pthread_mutex_t lock;
	struct request *held[HELD_MAX];
	size_t nheld;
	_Atomic uint32_t runs, byes, leaves, ends;
	atomic_bool refuse, busy, revoked;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void reply_with(struct request *req, const uint8_t *body, size_t len)
{
	const struct wire_header header = {.type = WIRE_REPLY, .id = req->id, .op = req->op, .body_len = (uint32_t)len};
	uint8_t head[WIRE_HEADER_LEN];
	wire_header_put(&header, head);
	write_bytes(&req->reply, head, sizeof(head));
	write_bytes(&req->reply, body, len);
	req->outcome = wire_status_of(HUFU_OK);
	request_answer(req);
}

static void run(struct request *req)
{
	static const uint8_t big[256 * 1024];
	atomic_fetch_add(&bench.runs, 1);
	if (req->op == ECHO)
		reply_with(req, req->body, req->len);
	else if (req->op == BIG)
		reply_with(req, big, sizeof(big));
	else if (req->op == HOLD) {
		pthread_mutex_lock(&bench.lock);
		bench.held[bench.nheld++ % HELD_MAX] = req;
		pthread_mutex_unlock(&bench.lock);
	} else {
		req->outcome = wire_status_of(HUFU_ERR_UNSUPPORTED);
		request_answer(req);
	}
}

static void bye(struct session *session)
{
	(void)session;
	atomic_fetch_add(&bench.byes, 1);
}

static const struct service service = {.name = "bench", .run = run, .bye = bye};

static struct request *take_held(size_t nth)
{
	pthread_mutex_lock(&bench.lock);
	struct request *req = nth < bench.nheld ? bench.held[nth] : NULL;
	for (size_t i = nth; req && i + 1 < bench.nheld; i++)
		bench.held[i] = bench.held[i + 1];
	bench.nheld -= req != NULL;
	pthread_mutex_unlock(&bench.lock);
	return req;
}

/* Until as many are held. */
static void wait_held(size_t n)
{
	for (int i = 0; i < PATIENCE_MS; i++) {
		pthread_mutex_lock(&bench.lock);
		bool there = bench.nheld >= n;
		pthread_mutex_unlock(&bench.lock);
		if (there)
			return;
		usleep(1000);
	}
	CU_FAIL("a request did not reach the service");
}

static void release(size_t nth)
{
	struct request *req = take_held(nth);
	CU_ASSERT_PTR_NOT_NULL_FATAL(req);
	reply_with(req, req->body, req->len);
}

static const struct service *admit(void *arg, struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok,
                                   char *why, size_t why_len)
{
	(void)arg;
	CU_ASSERT_TRUE(session->peer->local);
	if (atomic_load(&bench.refuse)) {
		snprintf(why, why_len, "nobody may");
		return NULL;
	}
	snprintf(ok->token, sizeof(ok->token), "%s", hello->token);
	return &service;
}

static void leave(void *arg, struct session *session)
{
	(void)arg;
	(void)session;
	atomic_fetch_add(&bench.leaves, 1);
}

static bool begin(void *arg, struct request *req)
{
	(void)arg;
	if (!req->deadline_ns)
		req->deadline_ns = req->arrived_ns + NS_PER_S;
	if (!atomic_load(&bench.busy))
		return true;
	req->outcome = wire_status_of(HUFU_ERR_BUSY);
	req->outcome.retry_ms = 77;
	return false;
}

static void end(void *arg, struct request *req)
{
	(void)arg;
	(void)req;
	atomic_fetch_add(&bench.ends, 1);
}

static bool stands(void *arg, const struct session *session)
{
	(void)arg;
	(void)session;
	return !atomic_load(&bench.revoked);
}

static void load(void *arg, const struct session *session, struct wire_load *out)
{
	(void)arg;
	(void)session;
	out->capacity = 7;
}

/* -- a server in this process ---------------------------------------------------------------- */

struct rig {
	struct event_base *base;
	struct server *server;
	pthread_t owner;
	struct conf_machine conf;
	char dir[64], path[96];
	sem_t done;
};

static struct conf_machine limits(void)
{
	static char name[] = "bench";
	return (struct conf_machine){.name = name, .workers = 2, .connections_max = 100, .handshakes_per_s = 100000, .hello_ms = 60000,
	                             .frame_ms = 60000, .idle_s = 600, .max_body = 1u << 20, .window = 64};
}

static void *own(void *arg)
{
	struct rig *rig = arg;
	event_base_loop(rig->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void rig_start(struct rig *rig, const struct conf_machine *conf)
{
	const struct server_rules rules = {.admit = admit, .leave = leave, .begin = begin, .end = end, .stands = stands, .load = load};
	char address[128], why[256];
	int fd;

	evthread_use_pthreads();
	snprintf(rig->dir, sizeof(rig->dir), "/tmp/hufud-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->dir);
	snprintf(address, sizeof(address), "unix:%s", rig->path);
	sem_init(&rig->done, 0, 0);
	rig->conf = *conf;
	rig->base = event_base_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(rig->base);
	CU_ASSERT_EQUAL_FATAL(server_new(rig->base, conf, &rules, &rig->server), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(channel_listen(address, &fd, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(server_listen(rig->server, fd), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(server_start(rig->server), HUFU_OK);
	pthread_create(&rig->owner, NULL, own, rig);
	atomic_store(&bench.refuse, false);
	atomic_store(&bench.busy, false);
	atomic_store(&bench.revoked, false);
	bench.nheld = 0;
	bench.runs = bench.byes = bench.leaves = bench.ends = 0;
}

/* In the owner's loop. */
static void rig_do(struct rig *rig, void (*fn)(evutil_socket_t, short, void *))
{
	const struct timeval now = {0};
	CU_ASSERT_EQUAL_FATAL(event_base_once(rig->base, -1, EV_TIMEOUT, fn, rig, &now), 0);
}

static void do_end(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	(void)fd;
	(void)what;
	event_base_loopbreak(rig->base); /* from within: a loop that has not begun yet forgets it when it does */
}

static void rig_stop(struct rig *rig)
{
	rig_do(rig, do_end);
	pthread_join(rig->owner, NULL);
	CU_ASSERT_TRUE(server_stop(rig->server));
	server_free(rig->server);
	event_base_free(rig->base);
	unlink(rig->path);
	rmdir(rig->dir);
	sem_destroy(&rig->done);
	CU_ASSERT_EQUAL(atomic_load(&bench.byes), atomic_load(&bench.leaves));
}

static void drained(void *arg, bool all)
{
	struct rig *rig = arg;
	CU_ASSERT_TRUE(all);
	sem_post(&rig->done);
}

static void do_drain(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	(void)fd;
	(void)what;
	server_drain(rig->server, rig->conf.drain_ms, drained, rig);
}

static void do_reconfigure(evutil_socket_t fd, short what, void *arg)
{
	struct rig *rig = arg;
	(void)fd;
	(void)what;
	server_reconfigure(rig->server, &rig->conf);
}

static bool is_drained(struct rig *rig)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_MS / 1000;
	while (sem_timedwait(&rig->done, &until) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

static void wait_connections(struct rig *rig, uint32_t n)
{
	struct server_state state;
	for (int i = 0; i < PATIENCE_MS; i++) {
		server_state(rig->server, &state);
		if (state.connections == n)
			return;
		usleep(1000);
	}
	CU_FAIL("a connection did not end");
}

/* -- a client, as bare as can be ------------------------------------------------------------------ */

static int dial(const struct rig *rig)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", rig->path);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* False: the server has closed. */
static bool put(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool get(int fd, void *data, size_t len)
{
	uint8_t *p = data;
	while (len) {
		ssize_t n = recv(fd, p, len, 0);
		if (n < 0)
			CU_ASSERT(errno == ECONNRESET || errno == EPIPE); /* and not that patience ran out */
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static uint8_t frame_body[1u << 20];

/* False: the connection is over. */
static bool get_frame(int fd, struct wire_header *header)
{
	uint8_t head[WIRE_HEADER_LEN];
	if (!get(fd, head, sizeof(head)))
		return false;
	CU_ASSERT_EQUAL_FATAL(wire_header_get(head, sizeof(frame_body), header), HUFU_OK);
	return get(fd, frame_body, header->body_len);
}

static size_t hello_frame_of(uint8_t *out, struct wire_hello hello)
{
	struct writer w;
	memset(hello.nonce, 5, sizeof(hello.nonce));
	writer_init(&w, false);
	CU_ASSERT_EQUAL_FATAL(wire_hello_put(&w, &hello), HUFU_OK);
	size_t len = w.len;
	memcpy(out, w.data, len);
	writer_clear(&w);
	return len;
}

static size_t hello_frame(uint8_t *out, uint32_t from, uint32_t to, uint64_t features)
{
	return hello_frame_of(out, (struct wire_hello){.version_min = from, .version_max = to, .features = features, .max_body = 1u << 20,
	                                               .client = "test"});
}

static struct wire_hello_ok greeting;

static int client_of(const struct rig *rig, const uint8_t *hello, size_t len)
{
	struct wire_header header;
	int fd = dial(rig);
	CU_ASSERT_TRUE(put(fd, hello, len));
	CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
	CU_ASSERT_EQUAL_FATAL(header.type, WIRE_HELLO_OK);
	CU_ASSERT_EQUAL_FATAL(wire_hello_ok_get(frame_body, header.body_len, &greeting), HUFU_OK);
	return fd;
}

static int client_with(const struct rig *rig, uint64_t features)
{
	uint8_t frame[512];
	return client_of(rig, frame, hello_frame(frame, 1, 1, features));
}

static int client(const struct rig *rig)
{
	int fd = client_with(rig, 0);
	CU_ASSERT_EQUAL_FATAL(greeting.status.err, HUFU_OK);
	return fd;
}

static bool put_frame(int fd, uint8_t type, uint64_t id, uint16_t op, const void *body, size_t len)
{
	const struct wire_header header = {.type = type, .id = id, .op = op, .body_len = (uint32_t)len};
	uint8_t head[WIRE_HEADER_LEN];
	wire_header_put(&header, head);
	return put(fd, head, sizeof(head)) && put(fd, body, len);
}

static void expect_goaway(int fd, enum wire_goaway reason, uint64_t last_id)
{
	struct wire_header header;
	uint64_t last = 0;
	uint32_t why = 99;
	do {
		CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
	} while (header.type == WIRE_REPLY);
	CU_ASSERT_EQUAL(header.type, WIRE_GOAWAY);
	CU_ASSERT_EQUAL(wire_goaway_get(frame_body, header.body_len, &last, &why), HUFU_OK);
	CU_ASSERT_EQUAL(why, reason);
	CU_ASSERT_EQUAL(last, last_id);
}

static void expect_echo(int fd, uint64_t id, const char *text)
{
	struct wire_header header = {0};
	CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
	CU_ASSERT_EQUAL(header.type, WIRE_REPLY);
	CU_ASSERT_EQUAL(header.id, id);
	CU_ASSERT_EQUAL(header.body_len, strlen(text));
	CU_ASSERT_EQUAL(memcmp(frame_body, text, strlen(text)), 0);
}

static void expect_status(int fd, uint64_t id, enum hufu_err err)
{
	struct wire_header header = {0};
	struct wire_load got;
	CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
	CU_ASSERT_EQUAL(header.type, WIRE_REPLY);
	CU_ASSERT_EQUAL(header.id, id);
	CU_ASSERT_EQUAL(wire_get_status(frame_body, header.body_len, &got), err);
	CU_ASSERT_EQUAL(got.capacity, 7);
}

/* Nobody else noticed. */
static void still_serves(const struct rig *rig)
{
	int fd = client(rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, ECHO, "still", 5));
	expect_echo(fd, 1, "still");
	close(fd);
}

/* A client that takes little is told what is too long for it; one that takes nothing at all is not served. */
static void test_small_answers(void)
{
	struct conf_machine conf = limits();
	struct wire_hello hello = {.version_min = 1, .version_max = 1, .max_body = WIRE_HELLO_MAX, .client = "small"};
	uint8_t frame[512];
	struct rig rig;
	rig_start(&rig, &conf);
	int fd = client_of(&rig, frame, hello_frame_of(frame, hello));
	CU_ASSERT_EQUAL(greeting.status.err, HUFU_OK);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, BIG, NULL, 0));
	expect_status(fd, 1, HUFU_ERR_DATA_LEN);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 2, ECHO, "more", 4));
	expect_echo(fd, 2, "more");
	close(fd);
	hello.max_body = 100;
	fd = client_of(&rig, frame, hello_frame_of(frame, hello));
	CU_ASSERT_EQUAL(greeting.status.err, HUFU_ERR_UNSUPPORTED);
	close(fd);
	rig_stop(&rig);
}

/* -- in good order ------------------------------------------------------------------------------------ */

static void test_out_of_order(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	CU_ASSERT_EQUAL(greeting.version, 1);
	CU_ASSERT_EQUAL(greeting.window, 64);
	CU_ASSERT_EQUAL(greeting.max_body, 1u << 20);
	CU_ASSERT_STRING_EQUAL(greeting.machine, "bench");
	CU_ASSERT_STRING_EQUAL(greeting.profile, "unix");
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, HOLD, "first", 5));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 2, HOLD, "second", 6));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 3, ECHO, "third", 5));
	expect_echo(fd, 3, "third");
	wait_held(2);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_PING, 99, 0, NULL, 0));
	struct wire_header header;
	CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
	CU_ASSERT(header.type == WIRE_PONG && header.id == 99);
	release(1);
	expect_echo(fd, 2, "second");
	release(0);
	expect_echo(fd, 1, "first");
	close(fd);
	wait_connections(&rig, 0);
	CU_ASSERT_EQUAL(atomic_load(&bench.byes), 1);
	CU_ASSERT_EQUAL(atomic_load(&bench.ends), 3);
	rig_stop(&rig);
}

static void test_byte_by_byte(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	uint8_t frame[512];
	struct wire_header header = {.type = WIRE_REQUEST, .op = ECHO, .body_len = 3};
	rig_start(&rig, &conf);
	int fd = dial(&rig);
	size_t len = hello_frame(frame, 1, 1, 0);
	for (size_t i = 0; i < len; i++)
		CU_ASSERT_TRUE(put(fd, frame + i, 1));
	struct wire_header got;
	CU_ASSERT_TRUE(get_frame(fd, &got));
	CU_ASSERT_EQUAL(got.type, WIRE_HELLO_OK);
	for (uint64_t id = 1; id <= 3; id++) {
		header.id = id;
		wire_header_put(&header, frame);
		memcpy(frame + WIRE_HEADER_LEN, "abc", 3);
		for (size_t i = 0; i < WIRE_HEADER_LEN + 3; i++)
			CU_ASSERT_TRUE(put(fd, frame + i, 1));
		expect_echo(fd, id, "abc");
	}
	close(fd);
	rig_stop(&rig);
}

static void test_refusals(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	uint8_t frame[512];
	struct wire_header header;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, 0x7777, "x", 1));
	expect_status(fd, 1, HUFU_ERR_UNSUPPORTED);
	atomic_store(&bench.busy, true);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 2, ECHO, "x", 1));
	expect_status(fd, 2, HUFU_ERR_BUSY);
	atomic_store(&bench.busy, false);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 3, ECHO, "x", 1));
	expect_echo(fd, 3, "x");
	CU_ASSERT_EQUAL(atomic_load(&bench.runs), 1);
	close(fd);
	/* A version that is not spoken, and somebody who may not be here: told, and then closed. */
	fd = dial(&rig);
	CU_ASSERT_TRUE(put(fd, frame, hello_frame(frame, 2, 3, 0)));
	CU_ASSERT_TRUE(get_frame(fd, &header));
	CU_ASSERT_EQUAL(wire_hello_ok_get(frame_body, header.body_len, &greeting), HUFU_OK);
	CU_ASSERT_EQUAL(greeting.status.err, HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_FALSE(get_frame(fd, &header));
	close(fd);
	atomic_store(&bench.refuse, true);
	fd = client_with(&rig, 0);
	CU_ASSERT_EQUAL(greeting.status.err, HUFU_ERR_DENIED);
	CU_ASSERT_STRING_EQUAL(greeting.why, "nobody may");
	CU_ASSERT_FALSE(get_frame(fd, &header));
	close(fd);
	wait_connections(&rig, 0);
	CU_ASSERT_EQUAL(atomic_load(&bench.leaves), 1);
	rig_stop(&rig);
}

static void test_cancel(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, HOLD, "a", 1));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 2, HOLD, "b", 1));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_CANCEL, 2, 0, NULL, 0));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_CANCEL, 7, 0, NULL, 0));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 3, ECHO, "c", 1));
	expect_echo(fd, 3, "c");
	wait_held(2);
	CU_ASSERT_FALSE(atomic_load(&bench.held[0]->cancelled));
	CU_ASSERT_TRUE(atomic_load(&bench.held[1]->cancelled));
	release(1);
	expect_echo(fd, 2, "b");
	/* The client goes: nobody waits for the other either, and it is the service's until it answers. */
	close(fd);
	for (int i = 0; i < PATIENCE_MS && !atomic_load(&bench.held[0]->cancelled); i++)
		usleep(1000);
	CU_ASSERT_TRUE(atomic_load(&bench.held[0]->cancelled));
	CU_ASSERT_EQUAL(atomic_load(&bench.byes), 0);
	CU_ASSERT_EQUAL(bench.held[0]->body[0], 'a');
	CU_ASSERT_TRUE(bench.held[0]->session->peer->local);
	release(0);
	wait_connections(&rig, 0);
	CU_ASSERT_EQUAL(atomic_load(&bench.byes), 1);
	rig_stop(&rig);
}

static void test_progress(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	struct wire_header header;
	uint32_t extend = 0;
	rig_start(&rig, &conf);
	int knows = client_with(&rig, WIRE_FEATURE_PROGRESS), old = client(&rig);
	CU_ASSERT_TRUE(put_frame(old, WIRE_REQUEST, 1, HOLD, "o", 1));
	wait_held(1);
	CU_ASSERT_TRUE(put_frame(knows, WIRE_REQUEST, 1, HOLD, "k", 1));
	wait_held(2);
	request_progress(bench.held[1], 4321);
	CU_ASSERT_TRUE_FATAL(get_frame(knows, &header));
	CU_ASSERT(header.type == WIRE_PROGRESS && header.id == 1);
	CU_ASSERT_EQUAL(wire_progress_get(frame_body, header.body_len, &extend), HUFU_OK);
	CU_ASSERT_EQUAL(extend, 4321);
	release(0);
	expect_echo(old, 1, "o"); /* and no PROGRESS before it */
	release(0);
	close(knows);
	close(old);
	rig_stop(&rig);
}

/* -- out of order ------------------------------------------------------------------------------------------ */

/* Either it is understood or the connection ends with GOAWAY; it never hangs. */
static void throw(const struct rig *rig, bool greeted, const uint8_t *frame, size_t len)
{
	struct wire_header header;
	int fd = greeted ? client(rig) : dial(rig);
	(void)put(fd, frame, len);
	shutdown(fd, SHUT_WR);
	while (get_frame(fd, &header))
		CU_ASSERT(header.type == WIRE_HELLO_OK || header.type == WIRE_REPLY || header.type == WIRE_GOAWAY || header.type == WIRE_PONG);
	close(fd);
}

static void throw_variants(const struct rig *rig, bool greeted, const uint8_t *frame, size_t len)
{
	static const uint8_t flips[] = {0x01, 0x80, 0xff};
	uint8_t copy[512];
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < sizeof(flips); i++) {
			memcpy(copy, frame, len);
			copy[at] ^= flips[i];
			throw(rig, greeted, copy, len);
		}
		throw(rig, greeted, frame, at);
	}
}

static void test_malformed_anywhere(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	uint8_t frame[512];
	const struct wire_header header = {.type = WIRE_REQUEST, .id = 1, .op = ECHO, .body_len = 8};
	rig_start(&rig, &conf);
	throw_variants(&rig, false, frame, hello_frame(frame, 1, 1, 0));
	wire_header_put(&header, frame);
	memcpy(frame + WIRE_HEADER_LEN, "12345678", 8);
	throw_variants(&rig, true, frame, WIRE_HEADER_LEN + 8);
	still_serves(&rig);
	wait_connections(&rig, 0);
	rig_stop(&rig);
}

static void protocol_error(const struct rig *rig, uint8_t type, uint64_t id, const void *body, size_t len)
{
	struct wire_header header;
	int fd = client(rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 5, ECHO, "x", 1));
	expect_echo(fd, 5, "x");
	CU_ASSERT_TRUE(put_frame(fd, type, id, ECHO, body, len));
	expect_goaway(fd, WIRE_GOAWAY_PROTOCOL, 5);
	(void)put_frame(fd, WIRE_REQUEST, 6, ECHO, "y", 1); /* not heard any more */
	CU_ASSERT_FALSE(get_frame(fd, &header));
	close(fd);
}

static void test_protocol_errors(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	uint8_t frame[512];
	rig_start(&rig, &conf);
	size_t len = hello_frame(frame, 1, 1, 0);
	protocol_error(&rig, WIRE_REQUEST, 5, "x", 1); /* a replay */
	protocol_error(&rig, WIRE_REQUEST, 4, "x", 1); /* a late one */
	protocol_error(&rig, WIRE_REQUEST, 0, "x", 1);
	protocol_error(&rig, WIRE_HELLO, 0, frame + WIRE_HEADER_LEN, len - WIRE_HEADER_LEN);
	protocol_error(&rig, WIRE_REPLY, 5, "x", 1);
	protocol_error(&rig, WIRE_HELLO_OK, 5, "x", 1);
	protocol_error(&rig, WIRE_PROGRESS, 5, "x", 1);
	protocol_error(&rig, WIRE_CREDIT, 5, "x", 1);
	protocol_error(&rig, WIRE_GOAWAY, 5, "x", 1);
	/* A request before HELLO. */
	struct wire_header header;
	int fd = dial(&rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, ECHO, "x", 1));
	expect_goaway(fd, WIRE_GOAWAY_PROTOCOL, 0);
	CU_ASSERT_FALSE(get_frame(fd, &header));
	close(fd);
	CU_ASSERT_EQUAL(atomic_load(&bench.runs), 9);
	still_serves(&rig);
	rig_stop(&rig);
}

static void test_sizes(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	struct wire_header header = {.type = WIRE_REQUEST, .id = 2, .op = ECHO, .body_len = (1u << 20) + 1};
	uint8_t head[WIRE_HEADER_LEN], *large = calloc(1, 1u << 20);
	rig_start(&rig, &conf);
	int fd = client(&rig);
	large[1000] = 7;
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, ECHO, large, 1u << 20));
	CU_ASSERT_TRUE_FATAL(get_frame(fd, &(struct wire_header){0}));
	CU_ASSERT_EQUAL(memcmp(frame_body, large, 1u << 20), 0);
	wire_header_put(&header, head);
	CU_ASSERT_TRUE(put(fd, head, sizeof(head)));
	expect_goaway(fd, WIRE_GOAWAY_PROTOCOL, 1); /* of its header alone: no memory is set aside for what is promised */
	close(fd);
	/* Before HELLO_OK a body is small. */
	header = (struct wire_header){.type = WIRE_HELLO, .body_len = WIRE_HELLO_MAX + 1};
	wire_header_put(&header, head);
	fd = dial(&rig);
	CU_ASSERT_TRUE(put(fd, head, sizeof(head)));
	expect_goaway(fd, WIRE_GOAWAY_PROTOCOL, 0);
	close(fd);
	free(large);
	rig_stop(&rig);
}

static void test_credit(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	conf.window = 4;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	CU_ASSERT_EQUAL(greeting.window, 4);
	for (uint64_t id = 1; id <= 4; id++)
		CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, id, HOLD, "x", 1));
	wait_held(4);
	release(0); /* an answer gives its credit back */
	expect_echo(fd, 1, "x");
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 5, HOLD, "x", 1));
	wait_held(4);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 6, HOLD, "x", 1));
	expect_goaway(fd, WIRE_GOAWAY_PROTOCOL, 5);
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_TRUE(atomic_load(&bench.held[0]->cancelled));
		release(0);
	}
	close(fd);
	still_serves(&rig);
	rig_stop(&rig);
}

static void test_slow(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	uint8_t frame[512];
	struct wire_header header;
	struct server_counts counts;
	conf.hello_ms = conf.frame_ms = 100;
	conf.idle_s = 1;
	rig_start(&rig, &conf);
	int silent = dial(&rig), half = dial(&rig), loris = client(&rig), idle = client(&rig), busy = client(&rig);
	CU_ASSERT_TRUE(put(half, frame, hello_frame(frame, 1, 1, 0) / 2));
	CU_ASSERT_TRUE(put(loris, frame, 10));
	CU_ASSERT_TRUE(put_frame(busy, WIRE_REQUEST, 1, HOLD, "b", 1));
	CU_ASSERT_FALSE(get_frame(silent, &header));
	CU_ASSERT_FALSE(get_frame(half, &header));
	expect_goaway(loris, WIRE_GOAWAY_PROTOCOL, 0);
	CU_ASSERT_FALSE(get_frame(loris, &header));
	expect_goaway(idle, WIRE_GOAWAY_IDLE, 0);
	/* Who waits for an answer is not idle. */
	wait_held(1);
	release(0);
	expect_echo(busy, 1, "b");
	server_counts(rig.server, &counts);
	CU_ASSERT_EQUAL(counts.timeouts, 3);
	close(silent);
	close(half);
	close(loris);
	close(idle);
	close(busy);
	rig_stop(&rig);
}

/* Who takes no answers is not read from either, and keeps what it asked for; nobody else waits for it. */
static void test_slow_reader(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	conf.window = 64;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	for (uint64_t id = 1; id <= 64; id++)
		CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, id, BIG, NULL, 0));
	still_serves(&rig);
	uint32_t runs = atomic_load(&bench.runs);
	CU_ASSERT(runs < 20); /* 64 answers are 16 MiB: about one waits, and what the socket holds */
	for (uint64_t id = 1; id <= 64; id++) {
		struct wire_header header = {0};
		CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
		CU_ASSERT(header.type == WIRE_REPLY && header.id == id && header.body_len == 256 * 1024);
	}
	close(fd);
	rig_stop(&rig);
}

/* -- many at once --------------------------------------------------------------------------------------------- */

static atomic_bool answering;

static void *answerer(void *arg)
{
	(void)arg;
	while (atomic_load(&answering)) {
		struct request *req = take_held(0);
		if (req)
			reply_with(req, req->body, req->len);
		else
			usleep(100);
	}
	return NULL;
}

#define MANY 5000u

static void test_many_threads(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	pthread_t threads[4];
	static bool seen[MANY + 1];
	rig_start(&rig, &conf);
	atomic_store(&answering, true);
	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, answerer, NULL);
	int fd = client(&rig);
	uint64_t sent = 0, got = 0;
	memset(seen, 0, sizeof(seen));
	while (got < MANY) {
		for (; sent < MANY && sent - got < 64; sent++)
			CU_ASSERT_TRUE_FATAL(put_frame(fd, WIRE_REQUEST, sent + 1, sent % 3 ? HOLD : ECHO, &sent, sizeof(sent)));
		struct wire_header header = {0};
		uint64_t value;
		CU_ASSERT_TRUE_FATAL(get_frame(fd, &header));
		memcpy(&value, frame_body, sizeof(value));
		CU_ASSERT_FATAL(header.type == WIRE_REPLY && header.id == value + 1 && value < MANY && !seen[value]);
		seen[value] = true;
		got++;
	}
	atomic_store(&answering, false);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	struct server_counts counts;
	server_counts(rig.server, &counts);
	CU_ASSERT(counts.wakeups <= counts.answers_posted + 100);
	close(fd);
	wait_connections(&rig, 0);
	struct server_state state;
	server_state(rig.server, &state);
	CU_ASSERT_EQUAL(state.in_flight, 0);
	rig_stop(&rig);
}

/* More than may be here wait until one has gone. */
static void test_crowd(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	int fds[3];
	struct pollfd waits;
	uint8_t frame[512];
	struct wire_header header;
	conf.connections_max = 2;
	rig_start(&rig, &conf);
	fds[0] = client(&rig);
	fds[1] = client(&rig);
	fds[2] = dial(&rig);
	CU_ASSERT_TRUE(put(fds[2], frame, hello_frame(frame, 1, 1, 0)));
	waits = (struct pollfd){.fd = fds[2], .events = POLLIN};
	CU_ASSERT_EQUAL(poll(&waits, 1, 100), 0);
	close(fds[0]);
	CU_ASSERT_TRUE(get_frame(fds[2], &header));
	CU_ASSERT_EQUAL(header.type, WIRE_HELLO_OK);
	close(fds[1]);
	close(fds[2]);
	rig_stop(&rig);
}

/* -- change and end ------------------------------------------------------------------------------------------------ */

static void test_revoked(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	struct wire_header header;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	rig.conf.window = 3;
	rig_do(&rig, do_reconfigure);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, ECHO, "x", 1));
	expect_echo(fd, 1, "x");
	atomic_store(&bench.revoked, true);
	rig_do(&rig, do_reconfigure);
	expect_goaway(fd, WIRE_GOAWAY_REVOKED, 1);
	CU_ASSERT_FALSE(get_frame(fd, &header));
	close(fd);
	fd = client(&rig);
	CU_ASSERT_EQUAL(greeting.window, 3);
	close(fd);
	rig_stop(&rig);
}

static void test_drain(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	conf.drain_ms = 60000;
	rig_start(&rig, &conf);
	int fd = client(&rig), idle = client(&rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, HOLD, "under way", 9));
	wait_held(1);
	rig_do(&rig, do_drain);
	expect_goaway(fd, WIRE_GOAWAY_DRAIN, 1);
	expect_goaway(idle, WIRE_GOAWAY_DRAIN, 0);
	close(idle);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 2, ECHO, "late", 4));
	CU_ASSERT_TRUE(put_frame(fd, WIRE_PING, 3, 0, NULL, 0));
	struct wire_header header = {0};
	CU_ASSERT_TRUE(get_frame(fd, &header));
	CU_ASSERT_EQUAL(header.type, WIRE_PONG);
	release(0);
	expect_echo(fd, 1, "under way");
	CU_ASSERT_EQUAL(atomic_load(&bench.runs), 1); /* what came after the GOAWAY was not executed, as that said */
	close(fd);
	CU_ASSERT_TRUE(is_drained(&rig));
	rig_stop(&rig);
}

static void test_drain_cut(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	struct wire_header header;
	conf.drain_ms = 50;
	rig_start(&rig, &conf);
	int fd = client(&rig);
	CU_ASSERT_TRUE(put_frame(fd, WIRE_REQUEST, 1, HOLD, "for ever", 8));
	wait_held(1);
	rig_do(&rig, do_drain);
	expect_goaway(fd, WIRE_GOAWAY_DRAIN, 1);
	CU_ASSERT_FALSE(get_frame(fd, &header));
	CU_ASSERT_TRUE(atomic_load(&bench.held[0]->cancelled));
	release(0);
	CU_ASSERT_TRUE(is_drained(&rig));
	close(fd);
	rig_stop(&rig);
}

static void asked(void *arg, enum hufu_err err)
{
	struct rig *rig = arg;
	CU_ASSERT_EQUAL(err, HUFU_OK);
	sem_post(&rig->done);
}

static void test_asked(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	struct session session = {.max_body = 1000};
	const struct wire_header held = {.op = HOLD, .body_len = 1, .deadline_ms = 1}, echo = {.op = ECHO, .body_len = 1};
	rig_start(&rig, &conf);
	CU_ASSERT_TRUE(server_ask(rig.server, &session, &service, &held, (const uint8_t *)"x", asked, &rig));
	CU_ASSERT_FALSE(server_ask(rig.server, &session, &service, &held, (const uint8_t *)"x", asked, &rig));
	wait_held(1);
	release(0);
	CU_ASSERT_TRUE(is_drained(&rig));
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_TRUE(server_ask(rig.server, &session, &service, &echo, (const uint8_t *)"x", asked, &rig));
		CU_ASSERT_TRUE(is_drained(&rig));
	}
	rig_stop(&rig);
}

static void test_nothing_left(void)
{
	struct conf_machine conf = limits();
	struct rig rig;
	size_t before = secret_in_use();
	rig_start(&rig, &conf);
	int fds[20];
	for (int i = 0; i < 20; i++)
		fds[i] = client(&rig);
	size_t idle = secret_in_use();
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(put_frame(fds[i], WIRE_REQUEST, 1, ECHO, "x", 1));
		expect_echo(fds[i], 1, "x");
	}
	for (int i = 0; i < PATIENCE_MS && secret_in_use() > idle; i++)
		usleep(1000); /* the answer is there before its buffer is given back */
	CU_ASSERT_EQUAL(secret_in_use(), idle); /* an idle connection holds no buffer, before its first request as after it */
	for (int i = 0; i < 20; i++)
		close(fds[i]);
	wait_connections(&rig, 0);
	rig_stop(&rig);
	CU_ASSERT_EQUAL(secret_in_use(), before);
}

static const struct unit_case cases[] = {
	{"an answer that is longer than a client takes is an error of its own", test_small_answers},
	{"answers come in any order, and a ping is answered before what waits", test_out_of_order},
	{"frames that come byte by byte are understood", test_byte_by_byte},
	{"unknown operations, other versions and strangers are refused in words", test_refusals},
	{"a cancelled request is told so, and so are those whose client has gone", test_cancel},
	{"long work is told of, to clients that know of it", test_progress},
	{"a frame that is wrong, or cut off, at any byte ends one connection", test_malformed_anywhere},
	{"replays, second HELLOs and a machine's frames end the connection", test_protocol_errors},
	{"bodies are as long as was agreed, and not a byte more", test_sizes},
	{"more requests than credit end the connection; an answer gives credit back", test_credit},
	{"who is slow to say HELLO or to end a frame, or says nothing, is ended", test_slow},
	{"who does not take its answers is not read from", test_slow_reader},
	{"answers of many threads arrive once each", test_many_threads},
	{"connections beyond the limit wait", test_crowd},
	{"a change of the rules ends those that no longer stand", test_revoked},
	{"a drain ends what is under way and executes nothing new", test_drain},
	{"a drain has an end", test_drain_cut},
	{"the machine's own requests go the same way", test_asked},
	{"nothing is left of connections, nor held by idle ones", test_nothing_left},
	{0},
};
UNIT_MAIN("hufud_server", cases)
