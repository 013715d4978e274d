/* SPDX-License-Identifier: Apache-2.0 */
/* From frame to answer: what the server keeps of a request, and the way back from whatever thread. */
#include "hufud/server_internal.h"

#include <string.h>

#include "base/log.h"
#include "base/secret.h"

#define PROGRESS_NS ((uint64_t)TICK_MS * NS_PER_MS)

struct job *job_new(struct worker *worker, struct session *session, const struct wire_header *header, const uint8_t *body)
{
	struct job *job = secret_alloc(sizeof(*job) + header->body_len);
	if (!job)
		return NULL;
	uint64_t now = clock_now_ns();
	job->worker = worker;
	job->progress_ns = now + PROGRESS_NS;
	job->request = (struct request){
		.session = session, .id = header->id, .op = header->op, .arrived_ns = now, .body = job->body, .len = header->body_len,
		.deadline_ns = header->deadline_ms ? now + header->deadline_ms * NS_PER_MS : 0,
	};
	writer_init(&job->request.reply, true);
	if (header->body_len)
		memcpy(job->body, body, header->body_len);
	atomic_fetch_add_explicit(&worker->in_flight, 1, memory_order_relaxed);
	return job;
}

static void job_free(struct job *job)
{
	atomic_fetch_sub_explicit(&job->worker->in_flight, 1, memory_order_relaxed);
	writer_clear(&job->request.reply);
	secret_free(job);
}

/* Why there is no answer, though one was meant. */
static enum hufu_err no_reply(const struct request *request)
{
	if (request->reply.bad)
		return HUFU_ERR_NO_MEMORY;
	return request->reply.len ? HUFU_ERR_DATA_LEN : log_bug(); /* more than the client said that it would take */
}

/* What the service wrote, or what it said where it wrote nothing that could be sent. */
static void append_reply(struct connection *c, struct request *request)
{
	const struct server_rules *rules = &c->worker->server->rules;
	struct writer *out = connection_out(c);
	struct wire_load load = {0};

	if (request->reply.len && !request->reply.bad && request->reply.len <= WIRE_HEADER_LEN + (size_t)c->session.max_body) {
		write_bytes(out, request->reply.data, request->reply.len);
		return;
	}
	if (request->outcome.err == HUFU_OK)
		request->outcome = wire_status_of(no_reply(request));
	rules->load(rules->arg, &c->session, &load);
	if (wire_put_status(out, request->id, request->op, &request->outcome, &load) != HUFU_OK)
		out->bad = true;
}

static void leave_connection(struct connection *c, struct job *job)
{
	TAILQ_REMOVE(&c->jobs, job, entry);
	c->outstanding--;
	c->bodies -= job->request.len;
	if (!c->outstanding) {
		LIST_REMOVE(c, busy_entry);
		c->is_busy = false;
		c->heard_ns = clock_now_ns(); /* an idle connection's time begins here */
	}
	connection_touch(c);
}

void job_finish(struct job *job)
{
	const struct server_rules *rules = &job->worker->server->rules;
	struct request *request = &job->request;
	struct connection *c = job->connection;

	metrics_op(job->worker, request->op, clock_now_ns() - request->arrived_ns);
	if (job->begun)
		rules->end(rules->arg, request);
	if (job->done)
		job->done(job->arg, request->outcome.err);
	if (c) {
		if (c->state != CONNECTION_DEAD && !c->cut)
			append_reply(c, request);
		leave_connection(c, job);
	}
	job_free(job);
}

void request_answer(struct request *request)
{
	struct job *job = (struct job *)(void *)request; /* its first member */
	const struct server_rules *rules = &job->worker->server->rules;
	if (job->begun && rules->answer)
		rules->answer(rules->arg, request, !worker_here());
	if (worker_here() == job->worker)
		job_finish(job);
	else
		worker_post(job);
}

void request_progress(struct request *request, uint32_t extend_ms)
{
	struct job *job = (struct job *)(void *)request;
	atomic_store_explicit(&job->extend_ms, extend_ms, memory_order_relaxed);
}
