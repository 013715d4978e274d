/* SPDX-License-Identifier: Apache-2.0 */
/* What clients send: frames of docs/PROTOCOL.md, each of them hostile until it is understood. */
#include "hufud/server_internal.h"

#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

static void protocol_error(struct connection *c, const char *text)
{
	count(&c->worker->counts.protocol_errors, 1);
	log_info("connection %llu: %s; it is ended", (unsigned long long)c->session.id, text);
	connection_leave(c, WIRE_GOAWAY_PROTOCOL, text);
}

/* -- HELLO ---------------------------------------------------------------------------- */

static bool versions_meet(const struct wire_hello *hello)
{
	return hello->version_min <= WIRE_VERSION && hello->version_max >= WIRE_VERSION;
}

static void refuse(struct wire_hello_ok *ok, enum hufu_err err, const char *text)
{
	ok->status = wire_status_of(err);
	ok->status.text = text;
}

/* A certificate that was good at the handshake ends some day, and its connection with it. */
static uint64_t ends_ns(int64_t not_after)
{
	const int64_t left = not_after - clock_wall_s(), most = INT64_MAX / (int64_t)NS_PER_S; /* RFC 5280 4.1.2.5: 99991231235959Z is none */
	return clock_now_ns() + (uint64_t)(left <= 0 ? 0 : left < most ? left : most) * NS_PER_S;
}

/* What the server itself knows of HELLO_OK; admit adds the rest. */
static void begin_session(struct connection *c, const struct wire_hello *hello, struct wire_hello_ok *ok)
{
	struct server *server = c->worker->server;
	uint32_t max_body = hello->max_body ? hello->max_body : WIRE_BODY_DEFAULT;

	c->session.peer = channel_peer(c->channel);
	if (c->session.peer->not_after)
		c->ends_ns = ends_ns(c->session.peer->not_after);
	c->session.role = hello->role;
	c->session.process = hello->process;
	c->max_body = c->worker->limits.max_body;
	c->session.max_body = max_body < c->max_body ? max_body : c->max_body;
	c->window = c->worker->limits.window;
	c->progress = hello->features & WIRE_FEATURE_PROGRESS;
	ok->version = WIRE_VERSION;
	ok->features = hello->features & (WIRE_FEATURE_PROGRESS | WIRE_FEATURE_TRACE);
	ok->max_body = c->max_body;
	ok->window = c->window;
	ok->start = server->start;
	snprintf(ok->machine, sizeof(ok->machine), "%s", server->name);
	snprintf(ok->profile, sizeof(ok->profile), "%s", c->session.peer->profile);
}

static bool admit(struct connection *c, const struct wire_hello *hello, struct wire_hello_ok *ok, char *why, size_t why_len)
{
	const struct server_rules *rules = &c->worker->server->rules;

	begin_session(c, hello, ok);
	if (rand_bytes(ok->nonce, sizeof(ok->nonce)) != HUFU_OK) {
		refuse(ok, HUFU_ERR_RANDOM, "no random numbers");
		return false;
	}
	if (!versions_meet(hello)) {
		refuse(ok, HUFU_ERR_UNSUPPORTED, "this machine speaks version 1 of the protocol");
		return false;
	}
	if (hello->max_body && hello->max_body < WIRE_HELLO_MAX) {
		refuse(ok, HUFU_ERR_UNSUPPORTED, "answers have up to 4,096 bytes at least");
		return false;
	}
	c->service = rules->admit(rules->arg, &c->session, hello, ok, why, why_len);
	if (c->service)
		return true;
	if (ok->status.err == HUFU_OK)
		refuse(ok, HUFU_ERR_DENIED, why);
	return false;
}

static void take_hello(struct connection *c, const uint8_t *body, size_t len)
{
	struct wire_hello hello;
	struct wire_hello_ok ok = {0};
	char why[256] = "";

	if (wire_hello_get(body, len, &hello) != HUFU_OK) {
		protocol_error(c, "a HELLO that makes no sense");
		return;
	}
	bool admitted = admit(c, &hello, &ok, why, sizeof(why));
	if (wire_hello_ok_put(connection_out(c), &ok) != HUFU_OK)
		connection_end(c);
	else if (admitted)
		c->state = CONNECTION_OPEN;
	else {
		count(&c->worker->counts.refused_hellos, 1);
		log_notice("connection %llu of %s is refused: %s", (unsigned long long)c->session.id,
		           c->session.peer->local ? "a local user" : c->session.peer->subject, ok.status.text ? ok.status.text : why);
		c->state = CONNECTION_LEAVING;
		c->cut = true;
	}
}

/* -- requests --------------------------------------------------------------------------- */

static bool operation_exists(uint16_t op)
{
	return op == WIRE_OP_INFO || op == WIRE_OP_PROBE || (op > WIRE_OP_VERB && op <= WIRE_OP_VERB + HUFU_VERB_LOGOUT) ||
	       (op >= WIRE_OP_STORE && op < WIRE_OP_STORE + 0x100);
}

static void enter_connection(struct connection *c, struct job *job)
{
	job->connection = c;
	TAILQ_INSERT_TAIL(&c->jobs, job, entry);
	c->bodies += job->request.len;
	if (c->outstanding++ == 0) {
		LIST_INSERT_HEAD(&c->worker->busy, c, busy_entry);
		c->is_busy = true;
	}
}

static void run(struct connection *c, struct job *job)
{
	const struct server_rules *rules = &c->worker->server->rules;
	if (!operation_exists(job->request.op)) {
		job->request.outcome = wire_status_of(HUFU_ERR_UNSUPPORTED);
		request_answer(&job->request);
		return;
	}
	job->begun = rules->begin(rules->arg, &job->request);
	if (job->begun)
		c->service->run(&job->request);
	else
		request_answer(&job->request);
}

static void take_request(struct connection *c, const struct wire_header *header, const uint8_t *body)
{
	/* "counted up from 1": one that comes again, or late, is a replay. */
	if (header->id <= c->last_id) {
		protocol_error(c, "a request's number was used before");
		return;
	}
	if (c->outstanding >= c->window) {
		protocol_error(c, "more requests than there is credit for");
		return;
	}
	c->last_id = header->id;
	struct job *job = job_new(c->worker, &c->session, header, body);
	if (!job) {
		log_error("memory is out: connection %llu is ended", (unsigned long long)c->session.id);
		connection_end(c);
		return;
	}
	enter_connection(c, job);
	run(c, job);
}

static void take_cancel(struct connection *c, uint64_t id)
{
	struct job *job;
	TAILQ_FOREACH(job, &c->jobs, entry) {
		if (job->request.id == id) {
			atomic_store(&job->request.cancelled, true);
			return;
		}
	}
}

/* -- frames ------------------------------------------------------------------------------- */

static void take_frame(struct connection *c, const struct wire_header *header, const uint8_t *body)
{
	switch ((enum wire_type)header->type) {
	case WIRE_REQUEST:
		take_request(c, header, body);
		return;
	case WIRE_CANCEL:
		take_cancel(c, header->id);
		return;
	case WIRE_PING:
		if (wire_plain_put(connection_out(c), WIRE_PONG, header->id) != HUFU_OK)
			connection_end(c);
		return;
	case WIRE_PONG:
		return;
	case WIRE_HELLO:
		protocol_error(c, "a second HELLO");
		return;
	case WIRE_HELLO_OK:
	case WIRE_REPLY:
	case WIRE_PROGRESS:
	case WIRE_GOAWAY:
	case WIRE_CREDIT:
		break;
	}
	protocol_error(c, "a frame that only a machine sends");
}

/* Of a client that was told to leave: pings are answered, and what is under way may be cancelled; requests came too late. */
static void take_late_frame(struct connection *c, const struct wire_header *header, const uint8_t *body)
{
	if (header->type == WIRE_PING || header->type == WIRE_CANCEL)
		take_frame(c, header, body);
}

static void dispatch(struct connection *c, const struct wire_header *header, const uint8_t *body)
{
	c->heard_ns = clock_now_ns();
	if (c->state == CONNECTION_OPEN)
		take_frame(c, header, body);
	else if (c->state == CONNECTION_LEAVING)
		take_late_frame(c, header, body);
	else if (c->state == CONNECTION_HELLO && header->type == WIRE_HELLO)
		take_hello(c, body, header->body_len);
	else if (c->state == CONNECTION_HELLO)
		protocol_error(c, "a frame before HELLO");
}

bool frames_wanted(const struct connection *c)
{
	return c->state == CONNECTION_HELLO || c->state == CONNECTION_OPEN || (c->state == CONNECTION_LEAVING && !c->cut);
}

static uint32_t body_limit(const struct connection *c)
{
	return c->state == CONNECTION_HELLO ? WIRE_HELLO_MAX : c->max_body;
}

bool frames_waiting(const struct connection *c, const uint8_t *in, size_t len)
{
	struct wire_header header;
	return len >= WIRE_HEADER_LEN && (wire_header_get(in, body_limit(c), &header) != HUFU_OK ||
	                                  len - WIRE_HEADER_LEN >= header.body_len);
}

size_t frames_read(struct connection *c, const uint8_t *in, size_t len, uint64_t until_ns)
{
	size_t used = 0;
	while (frames_wanted(c) && len - used >= WIRE_HEADER_LEN) {
		struct wire_header header;
		if (wire_header_get(in + used, body_limit(c), &header) != HUFU_OK) {
			protocol_error(c, "a frame that makes no sense");
			return len;
		}
		if (len - used - WIRE_HEADER_LEN < header.body_len)
			break;
		dispatch(c, &header, in + used + WIRE_HEADER_LEN);
		used += WIRE_HEADER_LEN + header.body_len;
		if (c->out.len - c->out_at >= WORKER_BLOCK)
			connection_flush(c);
		if (connection_is_full(c) || clock_now_ns() >= until_ns)
			break;
	}
	return frames_wanted(c) ? used : len;
}
