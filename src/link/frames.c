/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that come in: put together, and handed to whom they are for. */
#include "link/link_internal.h"

#include <string.h>

#include "base/log.h"
#include "base/secret.h"

#define PONGS_MOST 16384 /* in the queue: whoever asks on and takes no answers is not to fill our memory */

/* PINGs are calls as well, which no REPLY answers. */
static struct link_call *request_find_locked(struct link_conn *c, uint64_t id)
{
	return id & LINK_PING_BIT ? NULL : call_find_locked(c, id);
}

/* Answers to what nobody waits for any more are passed over, whatever their length. */
static bool is_wanted(struct link_conn *c, const struct wire_header *h)
{
	if (h->type == WIRE_REPLY)
		return request_find_locked(c, h->id) != NULL;
	return h->type == WIRE_GOAWAY || h->type == WIRE_CREDIT;
}

static void take_reply(struct link_conn *c, struct link_frame *f)
{
	struct link_call *call = request_find_locked(c, f->header.id);

	/* Each request has one answer. More than that, or to what was not asked, count for nothing. */
	if (c->in_flight > 0 && f->header.id != 0 && f->header.id <= c->last_id)
		c->in_flight--;
	if (call && (f->body || f->header.body_len == 0)) {
		call->body = f->body;
		call->len = f->header.body_len;
		f->body = NULL;
		call_done_locked(c, call, HUFU_OK);
	} else if (call) {
		call_done_locked(c, call, HUFU_ERR_LOST);
	}
	wake_for_credit_locked(c);
}

/* "requests with a higher number were not executed" (hufu.proto, GoAway). */
static void take_goaway(struct link_conn *c, const struct link_frame *f)
{
	uint64_t last_id = 0;
	uint32_t reason = 0;

	if (!f->body || wire_goaway_get(f->body, f->header.body_len, &last_id, &reason) != HUFU_OK) {
		conn_die_locked(c, HUFU_LOG_WARNING, "a GOAWAY that makes no sense");
		return;
	}
	conn_drain_locked(c);
	if (reason != WIRE_GOAWAY_DRAIN && reason != WIRE_GOAWAY_IDLE)
		log_device(HUFU_LOG_WARNING, c->link->conf.device, "the machine ends the connection (reason %u)", reason);
	for (size_t i = 0; i < LINK_BUCKETS; i++) {
		for (struct link_call *call = c->calls[i], *next; call; call = next) {
			next = call->next;
			if (call->id > last_id && !(call->id & LINK_PING_BIT))
				call_done_locked(c, call, HUFU_ERR_GONE);
		}
	}
	wake_for_credit_locked(c);
}

static void take_credit(struct link_conn *c, const struct link_frame *f)
{
	uint32_t window = 0;

	if (!f->body || wire_credit_get(f->body, f->header.body_len, &window) != HUFU_OK) {
		conn_die_locked(c, HUFU_LOG_WARNING, "a CREDIT that makes no sense");
		return;
	}
	c->window = window < c->link->conf.window ? window : c->link->conf.window;
	wake_for_credit_locked(c);
}

static void take_ping(struct link_conn *c, uint64_t id)
{
	if (c->pongs++ >= PONGS_MOST)
		conn_die_locked(c, HUFU_LOG_WARNING, "it sends PINGs and does not take the answers");
	else if (wire_plain_put(&c->queue, WIRE_PONG, id) == HUFU_OK)
		c->queued += WIRE_HEADER_LEN;
}

static void take_frame(struct link_conn *c, struct link_frame *f)
{
	struct link_call *call;

	switch ((enum wire_type)f->header.type) {
	case WIRE_REPLY:
		take_reply(c, f);
		return;
	case WIRE_PONG:
		call = call_find_locked(c, f->header.id);
		if (call && (call->id & LINK_PING_BIT))
			call_done_locked(c, call, HUFU_OK);
		return;
	case WIRE_PING:
		take_ping(c, f->header.id);
		return;
	case WIRE_GOAWAY:
		take_goaway(c, f);
		return;
	case WIRE_CREDIT:
		take_credit(c, f);
		return;
	case WIRE_PROGRESS: /* a sign of life, which is all that we want of it: deadlines are the caller's */
		return;
	case WIRE_HELLO:
	case WIRE_HELLO_OK:
	case WIRE_REQUEST:
	case WIRE_CANCEL:
		break;
	}
	conn_die_locked(c, HUFU_LOG_WARNING, "a frame that only clients send, or a second HELLO_OK");
}

/* False: the header makes no sense, and nothing after it can be understood. */
static bool begin(struct link_conn *c, const uint8_t header[WIRE_HEADER_LEN])
{
	struct link_frame *f = &c->frame;

	*f = (struct link_frame){.begun = true};
	if (wire_header_get(header, WIRE_BODY_MAX, &f->header) != HUFU_OK ||
	    (f->header.type != WIRE_REPLY && f->header.body_len > WIRE_HELLO_MAX)) {
		conn_die_locked(c, HUFU_LOG_WARNING, "a frame that is malformed or too long");
		return false;
	}
	if (f->header.body_len > 0 && is_wanted(c, &f->header))
		f->body = secret_alloc(f->header.body_len);
	return true;
}

/* Of len bytes how many belong to the frame; what is complete is handed out. */
static size_t fill(struct link_conn *c, const uint8_t *in, size_t len)
{
	struct link_frame *f = &c->frame;
	const size_t want = f->header.body_len - f->got;
	const size_t n = len < want ? len : want;

	if (f->body)
		memcpy(f->body + f->got, in, n);
	f->got += n;
	if (f->got == f->header.body_len) {
		take_frame(c, f);
		secret_free(f->body);
		*f = (struct link_frame){0};
	}
	return n;
}

bool frames_take_locked(struct link_conn *c)
{
	size_t at = 0;

	while (!c->dead) {
		if (!c->frame.begun) {
			if (c->in_len - at < WIRE_HEADER_LEN)
				break;
			if (!begin(c, c->in + at))
				return false;
			at += WIRE_HEADER_LEN;
		}
		if (c->frame.header.body_len > 0 && at == c->in_len)
			break;
		at += fill(c, c->in + at, c->in_len - at);
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return !c->dead;
}
