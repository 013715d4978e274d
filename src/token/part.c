/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations in parts: a driver's state goes from part to part, and where the
 * domain that made it has gone, all that was fed goes to another.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "token/operation_impl.h"
#include "token/rv.h"

#include <string.h>

static void set_phase(struct operation *op, bool last, struct pool_request *req)
{
	if (op->have_state) {
		req->op.phase = last ? HUFU_PHASE_LAST : HUFU_PHASE_NEXT;
		req->op.state_in = op->states[op->state_now];
		req->op.state_in_len = op->state_len;
		req->domain = op->state_domain;
	} else
		req->op.phase = last ? HUFU_PHASE_WHOLE : HUFU_PHASE_FIRST;
	if (!last)
		req->op.state_out = op->states[op->state_now ^ 1];
}

static struct pool_request *part_request(struct operation *op, enum hufu_verb verb, const struct part *part)
{
	struct pool_request *req = operation_request(op, verb);
	req->op.in = part->in;
	req->op.in_len = part->len;
	req->op.in2 = part->sig;
	req->op.in2_len = part->sig_len;
	req->op.out = part->out;
	req->op.out_cap = part->out_len;
	return req;
}

static CK_RV adopt_state(struct operation *op)
{
	const struct pool_request *req = &op->req;
	if (req->op.state_out_len > HUFU_STATE_MAX)
		return rv_of(log_bug());
	op->have_state = true;
	op->state_now ^= 1;
	op->state_len = req->op.state_out_len;
	op->state_domain = req->served_domain;
	return CKR_OK;
}

/* -- replay: the domain that made the state has gone ------------------------------------- */

static bool has_other_domains(const struct operation *op)
{
	const struct pool_copy *copies;
	return op->key && pool_key_copies(op->key->key, &copies) > 1;
}

/* What the state holds, as long as it is not too much to be fed again. */
static void note_fed(struct operation *op, const struct part *part, bool first)
{
	if (first) {
		writer_clear(&op->fed);
		op->can_replay = has_other_domains(op);
		op->fed.secret = true;
	}
	op->can_replay = op->can_replay && part->len <= OP_REPLAY_MAX - op->fed.len;
	if (op->can_replay)
		write_bytes(&op->fed, part->in, part->len);
	op->can_replay = op->can_replay && !op->fed.bad;
	if (!op->can_replay)
		writer_clear(&op->fed);
}

/* Nobody of the domain could, or answered in time. */
static bool domain_has_gone(const struct operation *op)
{
	switch (hufu_err_group(op->req.err)) {
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
		return true;
	case HUFU_GROUP_HOST:
		return op->req.err == HUFU_ERR_DEADLINE || op->req.err == HUFU_ERR_NO_DEVICE;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_BUG:
		break;
	}
	return false;
}

/* Ciphers give again what they gave; a MAC gave nothing yet. */
static size_t given_before(const struct operation *op, enum hufu_verb verb)
{
	return verb == HUFU_VERB_ENCRYPT || verb == HUFU_VERB_DECRYPT ? op->fed.len : 0;
}

static CK_RV replay_into(struct operation *op, enum hufu_verb verb, bool last, const struct part *all, uint64_t deadline_ns)
{
	struct pool_request *req = part_request(op, verb, all);
	req->op.deadline_ns = deadline_ns;
	req->op.phase = last ? HUFU_PHASE_WHOLE : HUFU_PHASE_FIRST;
	if (!last)
		req->op.state_out = op->states[op->state_now ^ 1];
	return operation_submit(op, all->out_len);
}

/* From the beginning, by whoever has a copy of the key. */
static CK_RV replay(struct operation *op, enum hufu_verb verb, bool last, const struct part *part, uint64_t deadline_ns)
{
	size_t before = given_before(op, verb);
	struct part all = {.len = op->fed.len + part->len, .out_len = before + part->out_len, .sig = part->sig,
	                   .sig_len = part->sig_len};
	uint8_t *in = secret_alloc(all.len + 1), *out = secret_alloc(all.out_len + 1);
	CK_RV rv = in && out ? CKR_OK : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		if (op->fed.len)
			memcpy(in, op->fed.data, op->fed.len);
		if (part->len)
			memcpy(in + op->fed.len, part->in, part->len);
		all.in = in;
		all.out = out;
		rv = replay_into(op, verb, last, &all, deadline_ns);
	}
	if (rv == CKR_OK && part->out_len)
		memcpy(part->out, out + before, part->out_len);
	secret_free(in);
	secret_free(out);
	return rv;
}

/* -- parts --------------------------------------------------------------------------------- */

CK_RV operation_part(struct operation *op, enum hufu_verb verb, bool last, const struct part *part)
{
	struct pool_request *req = part_request(op, verb, part);
	bool first = !op->have_state, can_replay = op->have_state && op->can_replay;
	uint64_t now = can_replay ? clock_now_ns() : 0, time = op->token->conf->deadline_ms * NS_PER_MS;
	set_phase(op, last, req);
	req->impatient = can_replay;
	if (can_replay)
		req->op.deadline_ns = now + time / 2; /* the other half is the replay's */
	CK_RV rv = operation_submit(op, part->out_len);
	if (rv != CKR_OK && can_replay && domain_has_gone(op))
		rv = replay(op, verb, last, part, now + time);
	if (rv != CKR_OK || last)
		return rv;
	note_fed(op, part, first);
	return adopt_state(op);
}
