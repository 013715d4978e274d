/* SPDX-License-Identifier: Apache-2.0 */
/* A client that keeps a window of requests open on one connection: the protocol at its leanest, docs/PROTOCOL.md. */
#include "tools/lab/net.h"

#include "base/buf.h"
#include "hufu/mechanisms.h"
#include "rand/rand.h"
#include "wire/op.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000
#define IN_CAP 65536
#define WINDOW_MAX 256 /* as many as a machine grants by default */

struct net_remote {
	struct channel *channel;
	struct writer out;
	size_t sent;                /* of out */
	uint8_t *in;
	size_t in_len;
	uint64_t id;                /* of the last request */
	uint64_t begun_ns[WINDOW_MAX]; /* by id */
	unsigned under_way;
	size_t request_len, answer_len;
};

/* -- bytes ------------------------------------------------------------------------------ */

static bool wait_for(struct net_remote *r, enum channel_want want)
{
	struct pollfd p = {channel_fd(r->channel), want == CHANNEL_WRITE ? POLLOUT : POLLIN, 0};

	return poll(&p, 1, WAIT_MS) == 1 || lab_fail("the machine is silent");
}

/* Until all has gone, or the machine takes no more. */
static bool flush(struct net_remote *r, enum channel_want *want)
{
	*want = CHANNEL_READ;
	while (r->sent < r->out.len) {
		size_t n;
		if (channel_write(r->channel, r->out.data + r->sent, r->out.len - r->sent, &n, want) != HUFU_OK)
			return lab_fail("the connection is over");
		if (!n)
			return true;
		r->sent += n;
	}
	r->out.len = r->sent = 0;
	*want = CHANNEL_READ;
	return true;
}

static bool fill(struct net_remote *r, size_t *n)
{
	enum channel_want want;

	if (channel_read(r->channel, r->in + r->in_len, IN_CAP - r->in_len, n, &want) != HUFU_OK ||
	    (*n == 0 && want == CHANNEL_READY))
		return lab_fail("the connection is over");
	r->in_len += *n;
	return true;
}

/* The first frame that has come in whole; its length, or 0. */
static size_t whole_frame(const struct net_remote *r, size_t from, struct wire_header *header)
{
	if (r->in_len - from < WIRE_HEADER_LEN || wire_header_get(r->in + from, IN_CAP - WIRE_HEADER_LEN, header) != HUFU_OK)
		return 0;
	const size_t len = WIRE_HEADER_LEN + header->body_len;
	return r->in_len - from < len ? 0 : len;
}

/* -- the beginning ------------------------------------------------------------------------- */

struct channel_context *remote_context(const struct net_place *place)
{
	const struct channel_conf conf = {.ca = place->ca, .cert = place->cert, .key = place->key};
	struct channel_context *context = NULL;

	return channel_context_new(&conf, &context) == HUFU_OK ? context : NULL;
}

static bool shake_hands(struct net_remote *r)
{
	enum channel_want want = CHANNEL_READY;

	do {
		if (want != CHANNEL_READY && !wait_for(r, want))
			return false;
		if (channel_handshake(r->channel, &want) != HUFU_OK)
			return lab_fail("no handshake: %s", channel_why(r->channel));
	} while (want != CHANNEL_READY);
	return true;
}

static bool say_hello(struct net_remote *r, const struct net_place *place)
{
	struct wire_hello hello = {.version_min = WIRE_VERSION, .version_max = WIRE_VERSION, .max_body = WIRE_BODY_DEFAULT, .role = WIRE_DEVICES,
	                           .client = "hufu-lab", .process = (uint64_t)getpid()};
	struct wire_hello_ok ok;
	struct wire_header header;
	enum channel_want want;
	size_t n, len = 0;

	snprintf(hello.token, sizeof hello.token, "%s", place->token);
	if (rand_bytes(hello.nonce, sizeof hello.nonce) != HUFU_OK || wire_hello_put(&r->out, &hello) != HUFU_OK || !flush(r, &want))
		return false;
	while (!(len = whole_frame(r, 0, &header)))
		if (!wait_for(r, CHANNEL_READ) || !fill(r, &n))
			return false;
	if (header.type != WIRE_HELLO_OK || wire_hello_ok_get(r->in + WIRE_HEADER_LEN, header.body_len, &ok) != HUFU_OK || ok.status.err)
		return lab_fail("the machine does not want this client: %s", header.type == WIRE_HELLO_OK ? ok.why : "no HELLO_OK");
	memmove(r->in, r->in + len, r->in_len - len);
	r->in_len -= len;
	return true;
}

struct net_remote *remote_open(const struct net_place *place, struct channel_context *context)
{
	struct net_remote *r = calloc(1, sizeof *r);
	char why[256];
	int fd = -1;

	if (!r || !(r->in = malloc(IN_CAP)))
		return free(r), NULL;
	writer_init(&r->out, false);
	if (channel_dial(place->address, clock_now_ns() + WAIT_MS * NS_PER_MS, &fd, why, sizeof why) != HUFU_OK) {
		lab_fail("%s", why);
	} else if (channel_new(context, fd, "127.0.0.1", NULL, &r->channel) != HUFU_OK) {
		close(fd);
	} else if (shake_hands(r) && say_hello(r, place)) {
		return r;
	}
	remote_close(r);
	return NULL;
}

void remote_close(struct net_remote *r)
{
	if (!r)
		return;
	channel_free(r->channel);
	writer_clear(&r->out);
	free(r->in);
	free(r);
}

/* -- requests --------------------------------------------------------------------------------- */

static const uint8_t digest[32] = "the digest of some message, say";

/* What is asked again and again, and where the answer goes. */
struct question {
	struct hufu_key key;
	struct hufu_op op;
	uint8_t out[64];
};

static void ask(struct question *q, const struct net_key *key, enum net_op op)
{
	*q = (struct question){
		.key = {.size = sizeof q->key, .uuid = {1}, .version = 1, .type = HUFU_KEY_SM2_PRIVATE, .copy_kind = HUFU_COPY_BLOB,
	                .blob = key->copy, .blob_len = key->copy_len},
		.op = {.size = sizeof q->op, .verb = op == NET_SIGN ? HUFU_VERB_SIGN : HUFU_VERB_RANDOM, .repeatable = true},
	};
	q->op.out = q->out;
	q->op.out_cap = op == NET_SIGN ? sizeof q->out : NET_RANDOM_LEN;
	if (op != NET_SIGN)
		return;
	q->op.mechanism = CKM_HUFU_SM2;
	q->op.key = &q->key;
	q->op.in = digest;
	q->op.in_len = sizeof digest;
}

static bool send_one(struct net_remote *r, const struct question *q)
{
	const struct wire_extra extra = {0};
	const size_t before = r->out.len;

	if (wire_op_put(&r->out, ++r->id, WAIT_MS, WIRE_BODY_DEFAULT, &q->op, &extra) != HUFU_OK)
		return lab_fail("a request cannot be written");
	r->request_len = r->out.len - before;
	r->begun_ns[r->id % WINDOW_MAX] = clock_now_ns();
	r->under_way++;
	return true;
}

/* All answers that are there. */
static bool take_answers(struct net_remote *r, struct question *q, struct net_samples *samples)
{
	struct wire_header header;
	size_t at = 0, len;

	for (; (len = whole_frame(r, at, &header)); at += len) {
		if (header.type != WIRE_REPLY)
			continue; /* PROGRESS, where an operation takes long */
		wire_op_get_reply(&q->op, r->in + at + WIRE_HEADER_LEN, header.body_len, NULL);
		if (q->op.outcome != HUFU_OK)
			return lab_fail("the machine refuses: %#x", (unsigned)q->op.outcome);
		samples_add(samples, r->begun_ns[header.id % WINDOW_MAX], clock_now_ns());
		r->under_way--;
		r->answer_len = len;
	}
	memmove(r->in, r->in + at, r->in_len - at);
	r->in_len -= at;
	return true;
}

static bool take_some(struct net_remote *r, struct question *q, struct net_samples *samples, enum channel_want want)
{
	size_t n;

	if (!channel_pending(r->channel) && !wait_for(r, want))
		return false;
	return fill(r, &n) && take_answers(r, q, samples);
}

bool remote_run(struct net_remote *r, const struct net_key *key, enum net_op op, unsigned window, struct net_samples *samples)
{
	struct question q;
	enum channel_want want;

	ask(&q, key, op);
	while (clock_now_ns() < samples->to_ns || r->under_way) {
		while (clock_now_ns() < samples->to_ns && r->under_way < window)
			if (!send_one(r, &q))
				return false;
		if (!flush(r, &want) || !take_some(r, &q, samples, want))
			return false;
	}
	return true;
}

void remote_frames(const struct net_remote *r, size_t *request, size_t *answer)
{
	*request = r->request_len;
	*answer = r->answer_len;
}
