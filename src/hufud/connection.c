/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: handshake, bytes in and out, time limits, the end. All of it on its worker's thread. */
#include "hufud/server_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/secret.h"

#define REFUSALS_PER_S 10 /* told of by each worker; more are told to who asks for all (level info) */
#define SPARE_MAX (4u * WORKER_BLOCK)      /* larger buffers are not kept */
#define BODIES_HIGH(c) (4u * (size_t)(c)->max_body)

void connection_touch(struct connection *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	LIST_INSERT_HEAD(&c->worker->dirty, c, dirty_entry);
}

/* -- out ---------------------------------------------------------------------------------- */

static size_t out_left(const struct connection *c)
{
	return c->out.len - c->out_at;
}

struct writer *connection_out(struct connection *c)
{
	struct worker *worker = c->worker;
	if (!c->out.len) {
		c->sent_ns = clock_now_ns();
		if (!c->out.data && worker->spare.data) {
			c->out = worker->spare;
			writer_init(&worker->spare, true);
		}
	}
	connection_touch(c);
	return &c->out;
}

/* An idle connection holds no buffer; the worker keeps one for whoever writes next. */
static void give_out_back(struct connection *c)
{
	struct worker *worker = c->worker;
	secret_wipe(c->out.data, c->out.len);
	c->out.len = c->out_at = 0;
	if (!worker->spare.data && c->out.cap <= SPARE_MAX) {
		worker->spare = c->out;
		writer_init(&c->out, true);
	} else
		writer_clear(&c->out);
}

/* What has gone leaves the buffer, so that a client that is always behind does not make it grow for ever. */
static void close_up(struct connection *c)
{
	size_t left = out_left(c);
	memmove(c->out.data, c->out.data + c->out_at, left);
	secret_wipe(c->out.data + left, c->out_at);
	c->out.len = left;
	c->out_at = 0;
}

void connection_flush(struct connection *c)
{
	while (c->state != CONNECTION_DEAD && c->state != CONNECTION_HANDSHAKE && out_left(c)) {
		enum channel_want want = CHANNEL_READY;
		size_t n = 0;
		if (c->out.bad || channel_write(c->channel, c->out.data + c->out_at, out_left(c), &n, &want) != HUFU_OK) {
			connection_end(c);
			return;
		}
		if (!n)
			break;
		c->out_at += n;
		c->sent_ns = clock_now_ns();
		count(&c->worker->counts.bytes_out, n);
	}
	if (c->out.len && !out_left(c))
		give_out_back(c);
	else if (c->out_at >= WORKER_BLOCK)
		close_up(c);
}

/* -- in ------------------------------------------------------------------------------------ */

bool connection_is_full(const struct connection *c)
{
	return out_left(c) > OUT_HIGH || c->bodies > BODIES_HIGH(c); /* 0 > 0: none before HELLO */
}

static void read_kept(struct connection *c, uint64_t until_ns)
{
	size_t used = frames_read(c, c->in.data, c->in.len, until_ns), left = c->in.len - used;
	if (!used)
		return;
	c->frame_ns = 0;
	if (!left) {
		writer_clear(&c->in);
		return;
	}
	memmove(c->in.data, c->in.data + used, left);
	secret_wipe(c->in.data + left, used);
	c->in.len = left;
}

static void feed(struct connection *c, const uint8_t *in, size_t len, uint64_t until_ns)
{
	if (!frames_wanted(c))
		return;
	if (c->in.len) {
		write_bytes(&c->in, in, len);
		if (!c->in.bad)
			read_kept(c, until_ns);
	} else {
		size_t used = frames_read(c, in, len, until_ns);
		write_bytes(&c->in, in + used, len - used);
	}
	if (c->in.bad)
		connection_end(c);
}

/* False: there is no more for now. */
static bool read_some(struct connection *c, uint64_t until_ns)
{
	struct worker *worker = c->worker;
	enum channel_want want = CHANNEL_READY;
	size_t n = 0;

	if (channel_read(c->channel, worker->block, WORKER_BLOCK, &n, &want) != HUFU_OK || (!n && want == CHANNEL_READY)) {
		connection_end(c);
		return false;
	}
	c->tls_wants_write = !n && want == CHANNEL_WRITE;
	if (!n)
		return false;
	count(&worker->counts.bytes_in, n);
	feed(c, worker->block, n, until_ns);
	secret_wipe(worker->block, n);
	return n == WORKER_BLOCK || channel_pending(c->channel);
}

static bool input_waits(const struct connection *c)
{
	return frames_wanted(c) && frames_waiting(c, c->in.data, c->in.len);
}

/* A refused certificate has an owner who looks here for what to do about it; strangers are not to fill the log with theirs. */
static void tell_no_handshake(struct connection *c, enum hufu_err err)
{
	const bool tell = err == HUFU_ERR_DENIED && bucket_take(&c->worker->refusals, REFUSALS_PER_S, clock_now_ns(), NULL);

	log_msg(tell ? HUFU_LOG_WARNING : HUFU_LOG_INFO, "connection %llu: no handshake: %s", (unsigned long long)c->session.id,
	        channel_why(c->channel));
}

static void shake_hands(struct connection *c)
{
	enum channel_want want = CHANNEL_READY;
	const enum hufu_err err = channel_handshake(c->channel, &want);
	if (err != HUFU_OK) {
		count(&c->worker->counts.refused_handshakes, 1);
		tell_no_handshake(c, err);
		connection_end(c);
		return;
	}
	c->tls_wants_write = want == CHANNEL_WRITE;
	if (want != CHANNEL_READY)
		return;
	c->state = CONNECTION_HELLO;
	if (c->outdated && !channel_peer(c->channel)->local)
		connection_renew(c);
}

void connection_turn(struct connection *c)
{
	uint64_t until = clock_now_ns() + TURN_NS;
	connection_touch(c);
	if (c->state == CONNECTION_HANDSHAKE)
		shake_hands(c);
	if (c->state == CONNECTION_HANDSHAKE || c->state == CONNECTION_DEAD)
		return;
	if (input_waits(c))
		read_kept(c, until);
	bool more = !input_waits(c) && !connection_is_full(c);
	while (more && c->state != CONNECTION_DEAD)
		more = read_some(c, until) && !input_waits(c) && !connection_is_full(c) && clock_now_ns() < until;
}

/* -- time ------------------------------------------------------------------------------------- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t due_ns(const struct connection *c)
{
	const struct limits *limits = &c->worker->limits;
	uint64_t due = CLOCK_NEVER;

	switch (c->state) {
	case CONNECTION_HANDSHAKE:
	case CONNECTION_HELLO:
		return c->born_ns + limits->hello_ms * NS_PER_MS;
	case CONNECTION_LINGER:
		return c->linger_ns + LINGER_MS * NS_PER_MS;
	case CONNECTION_DEAD:
		return CLOCK_NEVER;
	case CONNECTION_OPEN:
		due = c->ends_ns;
		break;
	case CONNECTION_LEAVING:
		break;
	}
	if (c->frame_ns)
		due = earlier(due, c->frame_ns + limits->frame_ms * NS_PER_MS);
	if (out_left(c))
		due = earlier(due, c->sent_ns + limits->frame_ms * NS_PER_MS);
	if (!c->frame_ns && !out_left(c) && !c->outstanding)
		due = earlier(due, c->heard_ns + limits->idle_s * NS_PER_S);
	return due;
}

static const char *what_is_late(const struct connection *c)
{
	if (c->state == CONNECTION_HANDSHAKE || c->state == CONNECTION_HELLO)
		return "no HELLO came in time";
	return c->frame_ns ? "a frame did not come to its end in time" : "the client takes no answers";
}

static void time_is_up(struct connection *c)
{
	bool open = c->state == CONNECTION_OPEN;
	if (c->state == CONNECTION_LINGER) {
		connection_end(c);
		return;
	}
	if (open && c->ends_ns <= clock_now_ns()) {
		connection_leave(c, WIRE_GOAWAY_EXPIRED, "the client's certificate has ended");
		return;
	}
	if (open && !c->frame_ns && !out_left(c)) {
		connection_leave(c, WIRE_GOAWAY_IDLE, "nothing was heard for long");
		return;
	}
	count(&c->worker->counts.timeouts, 1);
	log_info("connection %llu: %s", (unsigned long long)c->session.id, what_is_late(c));
	if (open && c->frame_ns)
		connection_leave(c, WIRE_GOAWAY_PROTOCOL, what_is_late(c));
	else
		connection_end(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd;
	(void)what;
	c->timer_ns = CLOCK_NEVER;
	if (due_ns(c) <= clock_now_ns())
		time_is_up(c);
	connection_touch(c);
	worker_settle(c->worker);
}

/* Only ever to an earlier time: a timer that comes too early looks again, which is cheaper than to move it with each frame. */
static void set_timer(struct connection *c)
{
	uint64_t due = due_ns(c), now = clock_now_ns();
	if (due >= c->timer_ns)
		return;
	uint64_t left = due > now ? (due - now) / 1000 + 1 : 0;
	struct timeval tv = {.tv_sec = (time_t)(left / 1000000), .tv_usec = (suseconds_t)(left % 1000000)};
	c->timer_ns = due;
	event_add(&c->timer, &tv);
}

/* -- events ------------------------------------------------------------------------------------- */

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	(void)fd;
	if (!(what & EV_WRITE) || c->tls_wants_write)
		connection_turn(c);
	connection_touch(c);
	worker_settle(c->worker);
}

static void want(struct event *event, bool *has, bool wants)
{
	if (wants && !*has)
		event_add(event, NULL);
	else if (!wants && *has)
		event_del(event);
	*has = wants;
}

/* A socket that is closed with input unread takes away from the peer what it has not read: so it is the peer who closes first. */
static void linger(struct connection *c)
{
	c->state = CONNECTION_LINGER;
	c->linger_ns = clock_now_ns();
	if (channel_peer(c->channel)->local)
		shutdown(channel_fd(c->channel), SHUT_WR); /* TLS has a farewell of its own */
}

void connection_settle(struct connection *c)
{
	connection_flush(c);
	if (c->state == CONNECTION_LEAVING && !out_left(c) && (c->cut || !c->outstanding))
		linger(c);
	if (c->state == CONNECTION_DEAD)
		return;
	bool whole = input_waits(c), full = connection_is_full(c);
	if (!frames_wanted(c) || whole || !c->in.len)
		c->frame_ns = 0;
	else if (!c->frame_ns)
		c->frame_ns = clock_now_ns();
	/* What TLS has decrypted, or was left of the last turn, wakes nobody. */
	if (!full && (whole || channel_pending(c->channel)))
		worker_queue(c);
	want(&c->read, &c->wants_read, !full && !c->is_ready);
	want(&c->write, &c->wants_write, c->tls_wants_write || out_left(c));
	set_timer(c);
}

/* -- beginning and end ---------------------------------------------------------------------------- */

void connection_new(struct worker *worker, struct channel *channel)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct server *server = worker->server;
	if (!c) {
		channel_free(channel);
		atomic_fetch_sub(&server->connections, 1);
		return;
	}
	c->worker = worker;
	c->channel = channel;
	c->session.id = atomic_fetch_add(&server->sessions, 1) + 1;
	c->born_ns = c->heard_ns = clock_now_ns();
	c->timer_ns = c->ends_ns = CLOCK_NEVER;
	TAILQ_INIT(&c->jobs);
	writer_init(&c->in, true);
	writer_init(&c->out, true);
	event_assign(&c->read, worker->base, channel_fd(channel), EV_READ | EV_PERSIST, on_io, c);
	event_assign(&c->write, worker->base, channel_fd(channel), EV_WRITE | EV_PERSIST, on_io, c);
	evtimer_assign(&c->timer, worker->base, on_timer, c);
	LIST_INSERT_HEAD(&worker->connections, c, entry);
	atomic_fetch_add(&worker->nconnections, 1);
	count(&worker->counts.accepted, 1);
	connection_touch(c);
}

void connection_leave(struct connection *c, enum wire_goaway reason, const char *text)
{
	if (c->state == CONNECTION_HANDSHAKE) {
		connection_end(c);
		return;
	}
	if (c->state != CONNECTION_HELLO && c->state != CONNECTION_OPEN && (c->state != CONNECTION_LEAVING || c->cut))
		return;
	if (wire_goaway_put(connection_out(c), c->last_id, reason, text) != HUFU_OK) {
		connection_end(c);
		return;
	}
	c->cut = reason == WIRE_GOAWAY_PROTOCOL || c->state == CONNECTION_HELLO;
	c->state = CONNECTION_LEAVING;
	if (c->cut) {
		struct job *job;
		TAILQ_FOREACH(job, &c->jobs, entry)
			atomic_store(&job->request.cancelled, true);
	}
}

void connection_renew(struct connection *c)
{
	connection_leave(c, WIRE_GOAWAY_DRAIN, "the machine's certificates were changed");
}

void connection_end(struct connection *c)
{
	struct job *job;
	if (c->state == CONNECTION_DEAD)
		return;
	c->state = CONNECTION_DEAD;
	TAILQ_FOREACH(job, &c->jobs, entry)
		atomic_store(&job->request.cancelled, true);
	event_del(&c->read);
	event_del(&c->write);
	event_del(&c->timer);
	/* Sessions see the peer, which is the channel's, until all is answered; the client need not wait for that. */
	if (c->outstanding)
		shutdown(channel_fd(c->channel), SHUT_RDWR);
	connection_touch(c);
}

void connection_reap(struct connection *c)
{
	struct worker *worker = c->worker;
	const struct server_rules *rules = &worker->server->rules;
	if (c->is_ready)
		TAILQ_REMOVE(&worker->ready, c, ready_entry);
	if (c->service) {
		if (c->service->bye)
			c->service->bye(&c->session);
		rules->leave(rules->arg, &c->session);
	}
	LIST_REMOVE(c, entry);
	writer_clear(&c->in);
	writer_clear(&c->out);
	channel_free(c->channel);
	free(c);
	atomic_fetch_sub(&worker->nconnections, 1);
	atomic_fetch_sub(&worker->server->connections, 1);
}
