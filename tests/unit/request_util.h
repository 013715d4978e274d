/* SPDX-License-Identifier: Apache-2.0 */
/* Requests made by hand, for tests of services without a server: in place of its request_answer and request_progress. */
#ifndef REQUEST_UTIL_H
#define REQUEST_UTIL_H

#include "unit.h"

#include <pthread.h>

#include "base/clock.h"
#include "hufud/service.h"

#define REQUEST_BODY_MAX WIRE_BODY_DEFAULT

static struct channel_peer request_peer = {.local = true, .binding = {5}};

struct asked {
	struct request req;            /* first */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned answers;
	struct writer reply;
	struct wire_status outcome;
};

void request_answer(struct request *req)
{
	struct asked *asked = (struct asked *)(void *)req;

	pthread_mutex_lock(&asked->lock);
	asked->answers++;
	asked->reply = req->reply;
	asked->outcome = req->outcome;
	pthread_cond_signal(&asked->wake);
	pthread_mutex_unlock(&asked->lock);
}

void request_progress(struct request *req, uint32_t extend_ms)
{
	(void)req;
	(void)extend_ms;
}

static void ask(struct asked *asked, const struct service *service, struct session *session, uint16_t op,
                const uint8_t *body, size_t len, uint64_t deadline_ns)
{
	*asked = (struct asked){.req = {.session = session, .id = 7, .op = op, .deadline_ns = deadline_ns, .arrived_ns = clock_now_ns(),
	                                .body = body, .len = len}};
	pthread_mutex_init(&asked->lock, NULL);
	pthread_cond_init(&asked->wake, NULL);
	service->run(&asked->req);
}

/* A whole reply with its frame; *body points into asked->reply. */
static void await(struct asked *asked, const uint8_t **body, size_t *len)
{
	struct wire_header header;

	pthread_mutex_lock(&asked->lock);
	while (!asked->answers)
		pthread_cond_wait(&asked->wake, &asked->lock);
	pthread_mutex_unlock(&asked->lock);
	CU_ASSERT_EQUAL_FATAL(asked->reply.len >= WIRE_HEADER_LEN, true);
	CU_ASSERT_EQUAL(wire_header_get(asked->reply.data, REQUEST_BODY_MAX, &header), HUFU_OK);
	CU_ASSERT(header.type == WIRE_REPLY && header.id == 7 && header.op == asked->req.op);
	*body = asked->reply.data + WIRE_HEADER_LEN;
	*len = asked->reply.len - WIRE_HEADER_LEN;
}

/* A whole op, as a client's driver brings it. */
static enum hufu_err ask_op(const struct service *service, struct session *session, struct hufu_op *op, bool hardware_only,
                            uint64_t deadline_ns)
{
	const struct wire_extra extra = {.hardware_only = hardware_only};
	struct writer frame;
	struct asked asked;
	struct wire_load load;
	const uint8_t *body;
	size_t len;

	op->size = sizeof(*op);
	writer_init(&frame, true);
	if (wire_op_put(&frame, 7, 0, REQUEST_BODY_MAX, op, &extra) != HUFU_OK)
		abort();
	ask(&asked, service, session, (uint16_t)(WIRE_OP_VERB + op->verb), frame.data + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN,
	    deadline_ns);
	await(&asked, &body, &len);
	wire_op_get_reply(op, body, len, &load);
	CU_ASSERT_EQUAL(asked.answers, 1);
	writer_clear(&asked.reply);
	writer_clear(&frame);
	return op->outcome;
}

#endif
