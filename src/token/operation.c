/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "token/key_size.h"
#include "token/operation_impl.h"
#include "token/policy.h"
#include "token/rv.h"

#include <string.h>

/* Secret memory comes in slots of powers of two, of which 24 bytes are not ours: the next one would be half empty. */
_Static_assert(sizeof(struct operation) <= 4096 - 24, "an operation fits a slot of 4 KiB");

/* -- what session.c asks ------------------------------------------------------------- */

bool operation_active(const struct operation *op)
{
	return op && op->active;
}

void operation_end(struct operation *op)
{
	if (!op || !op->active)
		return;
	object_rele(op->key);
	param_clear(&op->param);
	writer_clear(&op->held);
	writer_clear(&op->fed);
	hash_clear(&op->hash);
	secret_free(op->room);
	secret_free(op->sig);
	secret_wipe(op, sizeof *op);
}

void operation_free(struct operation *op)
{
	operation_end(op);
	secret_free(op);
}

bool operation_uses_private(const struct operation *op)
{
	return op->active && op->key && op->key->private_object;
}

bool operation_wants_login(const struct operation *op)
{
	return op->active && op->wants_login;
}

bool operation_is_later(const struct operation *op, const struct operation *than)
{
	return op->init > than->init;
}

void operation_authorise(struct operation *op)
{
	op->wants_login = false;
}

/* -- keys ---------------------------------------------------------------------------- */

#define BAD_KEY CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_SIZE_RANGE

const struct key_use *operation_use(enum op_kind kind)
{
	static const struct key_use uses[OP_KINDS] = {
		[OP_ENCRYPT] = {CKF_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_DECRYPT] = {CKF_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_DIGEST] = {.flag = CKF_DIGEST},
		[OP_SIGN] = {CKF_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_VERIFY] = {CKF_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_SIGN_RECOVER] = {CKF_SIGN_RECOVER, CKA_SIGN_RECOVER, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_VERIFY_RECOVER] = {CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_MESSAGE_ENCRYPT] = {CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT, CKO_PUBLIC_KEY, BAD_KEY},
		[OP_MESSAGE_DECRYPT] = {CKF_MESSAGE_DECRYPT, CKA_DECRYPT, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_MESSAGE_SIGN] = {CKF_MESSAGE_SIGN, CKA_SIGN, CKO_PRIVATE_KEY, BAD_KEY},
		[OP_MESSAGE_VERIFY] = {CKF_MESSAGE_VERIFY, CKA_VERIFY, CKO_PUBLIC_KEY, BAD_KEY},
	};
	return &uses[kind];
}

static bool is_key(const struct object *o)
{
	return o->object_class == CKO_PUBLIC_KEY || o->object_class == CKO_PRIVATE_KEY || o->object_class == CKO_SECRET_KEY;
}

static CK_RV check_key(const struct mech *mech, const struct key_use *use, const struct object *key)
{
	if (!is_key(key))
		return use->bad_handle;
	CK_OBJECT_CLASS wanted = mech_is_asymmetric(mech) ? use->pair_class : CKO_SECRET_KEY;
	if (key->object_class != wanted)
		return use->bad_type;
	CK_RV rv = mech_fits_key(mech, key);
	if (rv == CKR_KEY_TYPE_INCONSISTENT)
		return use->bad_type;
	if (rv == CKR_KEY_SIZE_RANGE)
		return use->bad_size;
	if (rv != CKR_OK)
		return rv;
	if (!attrs_bool(&key->attrs, use->permission, false))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!key->key) /* sealed: a secret key that is not private still needs a login where no host secret opens it */
		return CKR_USER_NOT_LOGGED_IN;
	return CKR_OK;
}

CK_RV operation_find_key(struct session *s, const struct mech *mech, const struct key_use *use, CK_OBJECT_HANDLE handle,
                         struct object **out)
{
	struct object *key;
	CK_RV rv = object_find(s, handle, use->bad_handle, &key);
	if (rv != CKR_OK)
		return rv;
	rv = check_key(mech, use, key);
	if (rv == CKR_OK)
		copies_complete(s, &key);
	if (rv != CKR_OK) {
		object_rele(key);
		return rv;
	}
	*out = key;
	return CKR_OK;
}

/* -- beginning and ending -------------------------------------------------------------- */

CK_RV operation_blank(struct session *s, enum op_kind kind, struct operation **out)
{
	if (!s->ops[kind])
		s->ops[kind] = secret_alloc(sizeof *s->ops[kind]);
	if (!s->ops[kind])
		return CKR_HOST_MEMORY;
	operation_end(s->ops[kind]);
	*out = s->ops[kind];
	(*out)->kind = kind;
	(*out)->token = s->token;
	return CKR_OK;
}

/* PKCS#11 4.9: a private key that wants its own login for each use. */
void operation_used(struct operation *op)
{
	const struct object *key = op->key;
	op->wants_login = key && key->object_class == CKO_PRIVATE_KEY && attrs_bool(&key->attrs, CKA_ALWAYS_AUTHENTICATE, false);
}

CK_RV operation_begin(struct session *s, enum op_kind kind, const CK_MECHANISM *m, CK_OBJECT_HANDLE handle, operation_parse parse,
                      struct operation **out)
{
	const struct key_use *use = operation_use(kind);
	const struct mech *mech;
	struct operation *op;
	struct object *key = NULL;

	if (operation_active(s->ops[kind]))
		return CKR_OPERATION_ACTIVE;
	CK_RV rv = mech_check(s->token, m, use->flag, &mech);
	if (rv == CKR_OK && kind != OP_DIGEST)
		rv = operation_find_key(s, mech, use, handle, &key);
	if (rv != CKR_OK)
		return rv;
	rv = operation_blank(s, kind, &op);
	if (rv != CKR_OK) {
		object_rele(key);
		return rv;
	}
	op->active = true;
	op->init = ++s->ninits;
	op->mech = mech;
	op->key = key;
	operation_used(op);
	rv = parse ? parse(m, &op->param) : mech->parse(m, &op->param);
	if (rv == CKR_OK && key)
		rv = policy_use(s, mech, key, use->flag);
	if (rv != CKR_OK) {
		operation_end(op);
		return rv;
	}
	*out = op;
	return CKR_OK;
}

CK_RV operation_cancel(struct session *s, enum op_kind kind)
{
	operation_end(s->ops[kind]);
	return CKR_OK;
}

CK_RV operation_current(struct session *s, enum op_kind kind, struct operation **out)
{
	struct operation *op = s->ops[kind];
	if (!operation_active(op))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (op->wants_login)
		return CKR_USER_NOT_LOGGED_IN;
	*out = op;
	return CKR_OK;
}

CK_RV operation_settle(struct operation *op, CK_RV rv, bool last)
{
	if (rv != CKR_BUFFER_TOO_SMALL && (rv != CKR_OK || last))
		operation_end(op);
	return rv;
}

/* -- running ---------------------------------------------------------------------------- */

struct pool_request *operation_request(struct operation *op, enum hufu_verb verb)
{
	struct pool_request *req = &op->req;
	memset(req, 0, sizeof *req);
	req->key = op->key->key;
	req->op.verb = verb;
	req->op.mechanism = op->mech->device_mechanism;
	req->op.param = param_for_device(&op->param);
	req->op.repeatable = true;
	return req;
}

/* The codes of C_Decrypt for what a device says of its input. */
static CK_RV rv_of_op(const struct operation *op, enum hufu_err err)
{
	if (operation_decrypts(op) && err == HUFU_ERR_DATA_LEN)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (operation_decrypts(op) && err == HUFU_ERR_DATA)
		return CKR_ENCRYPTED_DATA_INVALID;
	if (err == HUFU_ERR_BUFFER) /* the space is ours, and enough */
		return CKR_DEVICE_ERROR;
	return rv_of(err);
}

CK_RV operation_submit_any(struct operation *op, size_t *out_len)
{
	struct pool_request *req = &op->req;
	enum hufu_err err = pool_run(op->token->pool, req);
	*out_len = req->op.out_len;
	return err == HUFU_OK ? CKR_OK : rv_of_op(op, err);
}

CK_RV operation_submit(struct operation *op, size_t expect)
{
	size_t out_len;
	CK_RV rv = operation_submit_any(op, &out_len);
	if (rv != CKR_OK || out_len == expect)
		return rv;
	log_error("device %s answered %s with %zu bytes in place of %zu", op->req.served_by, op->mech->name, out_len, expect);
	return CKR_DEVICE_ERROR;
}

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

bool operation_in_parts(const struct operation *op, enum hufu_verb verb)
{
	if (op->have_state || op->held.len)
		return op->have_state;
	return pool_can_in_parts(op->token->pool, op->mech->device_mechanism, verb);
}

CK_RV operation_keep(struct operation *op, const uint8_t *in, size_t len, size_t most)
{
	if (op->held.len > most || len > most - op->held.len)
		return operation_bad_len(op);
	if (!op->held.data)
		op->held.secret = !operation_decrypts(op);
	write_bytes(&op->held, in, len);
	return op->held.bad ? CKR_HOST_MEMORY : CKR_OK;
}

CK_RV operation_keep_sig(struct operation *op, const uint8_t *sig, size_t len)
{
	if (len > KEY_SIG_MAX)
		return CKR_SIGNATURE_LEN_RANGE;
	op->sig = secret_alloc(len ? len : 1);
	if (!op->sig)
		return CKR_HOST_MEMORY;
	if (len)
		memcpy(op->sig, sig, len);
	op->sig_len = len;
	op->signature_given = true;
	return CKR_OK;
}

uint8_t *operation_room(struct operation *op, size_t len)
{
	if (len <= OP_SCRATCH)
		return op->scratch;
	secret_free(op->room);
	op->room = secret_alloc(len);
	return op->room;
}
