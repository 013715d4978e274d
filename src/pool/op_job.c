/* SPDX-License-Identifier: Apache-2.0 */
/* An op as a job: a copy of all that a driver reads or writes for one attempt. */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/op_param.h"

#define PIECE_ALIGN 16
#define BULK_MIN 12288 /* what the secret arena keeps without a mapping of its own */
#define REFERENCE_MAX (1u << 26)
#define NO_PARAM_SPACE 64

/* -- parameters ------------------------------------------------------------- */

static const void *pointer_at(const void *param, const struct op_param_reference *reference)
{
	const void *pointer;

	memcpy(&pointer, (const uint8_t *)param + reference->pointer, sizeof(pointer));
	return pointer;
}

static size_t len_at(const void *param, const struct op_param_reference *reference)
{
	size_t len;

	memcpy(&len, (const uint8_t *)param + reference->len, sizeof(len));
	return len;
}

/* -- pieces ---------------------------------------------------------------- */

/* Bytes, piece by piece: counted first, where base is NULL, then laid out. Sticky: overflow. */
struct layout {
	uint8_t *base;
	size_t at;
	bool overflow;
};

static void *space(struct layout *layout, size_t len)
{
	uint8_t *piece = layout->base ? layout->base + layout->at : NULL;
	size_t end;

	if (__builtin_add_overflow(layout->at, len, &end) || __builtin_add_overflow(end, PIECE_ALIGN - 1, &end))
		layout->overflow = true;
	else
		layout->at = end & ~(size_t)(PIECE_ALIGN - 1);
	return piece;
}

static void *copy(struct layout *layout, const void *data, size_t len)
{
	void *piece = space(layout, len);

	return piece && len ? memcpy(piece, data, len) : piece;
}

/* NULL stays NULL: to a driver it may mean something else than nothing. */
static void *copy_if(struct layout *layout, const void *data, size_t len)
{
	return data ? copy(layout, data, len) : NULL;
}

/* No parameter is as long (the core's bound on AAD): it is refused before anybody reads so far. */
static bool lens_are_sane(const void *param, const struct op_param_shape *shape)
{
	for (size_t i = 0; i < shape->nreferences; i++)
		if (len_at(param, &shape->references[i]) > REFERENCE_MAX)
			return false;
	return true;
}

/* That there is one where none belongs is for the driver to refuse. */
static const void *copy_param(struct layout *layout, const void *from, const struct op_param_shape *shape)
{
	uint8_t *param = !shape->size ? space(layout, NO_PARAM_SPACE) : copy(layout, from, shape->size);

	for (size_t i = 0; i < shape->nreferences; i++) {
		const struct op_param_reference *reference = &shape->references[i];
		const void *piece = copy_if(layout, pointer_at(from, reference), len_at(from, reference));

		if (param)
			memcpy(param + reference->pointer, &piece, sizeof(piece));
	}
	return param;
}

/*
 * Much data to be encrypted, signed and the like lies in ordinary memory, as it
 * does at the caller's: locking pages costs more than the cipher. It is wiped all the same.
 */
static bool is_bulk(const struct hufu_op *op, size_t len)
{
	bool is_data = op->verb == HUFU_VERB_ENCRYPT || op->verb == HUFU_VERB_DECRYPT || op->verb == HUFU_VERB_SIGN ||
	               op->verb == HUFU_VERB_VERIFY;

	return is_data && len > BULK_MIN;
}

/* Done twice, both: without memory, to know how much it takes, and with. */
static void lay_out_own(struct layout *layout, const struct hufu_op *from, const struct op_param_shape *shape, struct op_job *job)
{
	struct hufu_op *op = &job->op;

	space(layout, sizeof(*job));
	op->param = shape ? copy_param(layout, from->param, shape) : NULL;
	op->state_in = copy_if(layout, from->state_in, from->state_in_len);
	op->state_out = job->state_out = from->state_out ? space(layout, HUFU_STATE_MAX) : NULL;
	op->pub = job->pub = from->pub ? space(layout, HUFU_PUB_MAX) : NULL;
}

static void lay_out_data(struct layout *layout, const struct hufu_op *from, struct op_job *job)
{
	struct hufu_op *op = &job->op;

	op->in = copy_if(layout, from->in, from->in_len);
	op->in2 = copy_if(layout, from->in2, from->in2_len);
	op->out_cap = job->out_cap = space_for(from);
	op->out = job->out = from->out ? space(layout, op->out_cap) : NULL;
}

/* -- the job --------------------------------------------------------------- */

static struct op_job *op_job_of(struct job *job)
{
	return (struct op_job *)(void *)((uint8_t *)job - offsetof(struct op_job, job));
}

static void work(struct job *job, struct lane *lane)
{
	struct op_job *op_job = op_job_of(job);
	struct hufu_op *op = &op_job->op;
	struct hufu_lease *lease;

	job->err = lane_ready(lane, job->deadline_ns);
	if (job->err != HUFU_OK)
		return;
	uint64_t now = clock_now_ns(), limit = now + op_job->limit_ns;
	op->deadline_ns = job->deadline_ns && job->deadline_ns < limit ? job->deadline_ns : limit;
	atomic_store(&op_job->begun_ns, now);
	job->err = lane_lease(lane, op->deadline_ns, &lease);
	if (job->err != HUFU_OK)
		return;
	atomic_store(&op_job->asked, true);
	if (lane_is_given_up(lane))
		return;
	op_job->device->driver->run(lease, &op, 1);
	op_job->ended_ns = clock_now_ns();
	if (!lease_survives(op_job->op.outcome))
		lane_drop_lease(lane);
}

static void destroy(struct job *job)
{
	struct op_job *op_job = op_job_of(job);
	struct pool_key *key = op_job->key, *subject = op_job->subject;

	secret_wipe(op_job->bulk, op_job->bulk_len);
	free(op_job->bulk);
	secret_free(op_job);
	pool_key_rele(key);
	pool_key_rele(subject);
}

static void adopt(struct op_job *op_job, struct device *device, const struct pool_request *req)
{
	op_job->device = device;
	op_job->key = req->key ? pool_key_hold(req->key) : NULL;
	op_job->subject = req->subject ? pool_key_hold(req->subject) : NULL;
	op_job->op.size = sizeof(op_job->op);
	op_job->op.key = req->key ? key_view(req->key, device) : NULL;
	op_job->op.subject = req->subject ? key_view(req->subject, device) : NULL;
	op_job->op.out_len = op_job->op.pub_len = op_job->op.state_out_len = 0;
	op_job->op.copy_kind = HUFU_COPY_BLOB;
	op_job->op.outcome = HUFU_ERR_BUG; /* of a driver that forgets to say */
	job_init(&op_job->job);
	op_job->job.work = work;
	op_job->job.destroy = destroy;
}

/* A draft holds what does not hang on where the pieces lie. NULL: no memory. */
static struct op_job *make(const struct op_job *draft, const struct hufu_op *from, const struct op_param_shape *shape)
{
	struct layout own = {0}, data = {0};
	struct op_job sizing = *draft;
	size_t len;

	lay_out_own(&own, from, shape, &sizing);
	lay_out_data(&data, from, &sizing);
	bool bulk = is_bulk(from, data.at);
	if (own.overflow || data.overflow || __builtin_add_overflow(own.at, bulk ? 0 : data.at, &len))
		return NULL;
	struct op_job *job = secret_alloc(len);
	uint8_t *memory = !job ? NULL : bulk ? malloc(data.at) : (uint8_t *)job + own.at;
	if (!memory) {
		secret_free(job);
		return NULL;
	}
	*job = *draft;
	job->bulk = bulk ? memory : NULL;
	job->bulk_len = bulk ? data.at : 0;
	own = (struct layout){.base = (uint8_t *)job};
	data = (struct layout){.base = memory};
	lay_out_own(&own, from, shape, job);
	lay_out_data(&data, from, job);
	return job;
}

enum hufu_err op_job_new(struct device *device, const struct pool_request *req, uint32_t attempt, uint64_t limit_ns,
                         uint64_t deadline_ns, struct op_job **out)
{
	enum op_param kind = req->op.param ? op_param_of(req->op.verb, req->op.mechanism) : OP_PARAM_UNKNOWN;
	const struct op_param_shape *shape = kind != OP_PARAM_UNKNOWN ? op_param_shape(kind) : NULL;
	struct op_job draft = {.op = req->op, .limit_ns = limit_ns, .job.deadline_ns = deadline_ns};

	if (req->op.param && !shape)
		return log_bug(); /* how much of it to copy nobody knows */
	if (shape && !lens_are_sane(req->op.param, shape))
		return HUFU_ERR_PARAM;
	draft.op.attempt = attempt;
	*out = make(&draft, &req->op, shape);
	if (!*out)
		return HUFU_ERR_NO_MEMORY;
	adopt(*out, device, req);
	return HUFU_OK;
}

/* What a driver claims is no reason to read beyond what it was given. */
static bool lengths_fit(const struct op_job *op_job)
{
	const struct hufu_op *op = &op_job->op;

	return op->out_len <= (op_job->out ? op_job->out_cap : 0) && op->pub_len <= (op_job->pub ? HUFU_PUB_MAX : 0) &&
	       op->state_out_len <= (op_job->state_out ? HUFU_STATE_MAX : 0);
}

static size_t give(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len)
		memcpy(to, from, len);
	return len;
}

void op_job_collect(const struct op_job *op_job, struct hufu_op *op)
{
	bool answered = op_job->op.outcome == HUFU_OK, fits = lengths_fit(op_job);

	op->outcome = answered && !fits ? HUFU_ERR_CORRUPT : op_job->op.outcome;
	op->out_len = op->outcome == HUFU_ERR_BUFFER ? op_job->op.out_len : 0;
	op->pub_len = op->state_out_len = 0;
	if (op->outcome != HUFU_OK)
		return;
	op->copy_kind = op_job->op.copy_kind;
	op->out_len = give(op->out, op_job->out, op_job->op.out_len);
	op->pub_len = give(op->pub, op_job->pub, op_job->op.pub_len);
	op->state_out_len = give(op->state_out, op_job->state_out, op_job->op.state_out_len);
}
