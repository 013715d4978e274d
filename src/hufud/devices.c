/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role DEVICES: ops on keys whose sealed copies clients hold. A request is
 * an op of the tenant's pool. Where all its devices are software, what is done in a moment is done on the loop; all
 * else may wait, and goes to the tenant's lanes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "config.h"
#include "hufud/tenant_internal.h"
#include "hufud/token.h"

#define INLINE_LEN (64u << 10)       /* of input: less than a millisecond's work. No more random bytes are asked for at once */
#define BODY_OVERHEAD 4096u          /* of an op beside its input: key, parameters */
#define OFFERS_MAX 1024u             /* rows of an InfoReply */
#define BIT(verb) (1u << HUFU_VERB_##verb)
#define MAKES (BIT(GENERATE) | BIT(IMPORT) | BIT(UNWRAP))
#define RECORDED (MAKES | BIT(EXPORT) | BIT(WRAP)) /* before they are answered: record.h */
#define IN_PARTS (BIT(ENCRYPT) | BIT(DECRYPT) | BIT(SIGN) | BIT(VERIFY))
#define KEYLESS (BIT(RANDOM) | BIT(GENERATE) | BIT(IMPORT))
/* Keys that stay in devices, and logins to them, are of whoever has the devices: they are no clients' matter. */
#define CARRIED (KEYLESS | IN_PARTS | BIT(EXPORT) | BIT(WRAP) | BIT(UNWRAP) | BIT(DERIVE) | BIT(EVICT))

/* A request that is served; in secret memory. */
struct served {
	struct request *req;
	struct wire_op *wire;
	struct pool_request pool;
	bool on_loop;
	bool expired;                  /* the ticket: the client's login, no device's */
	uint8_t state_in[HUFU_STATE_MAX], state_out[HUFU_STATE_MAX]; /* as the device knows them */
};

static struct tenant *tenant_of(const struct request *req)
{
	return req->session->tenant;
}

/* -- the answer ---------------------------------------------------------------------- */

static void served_free(struct served *served)
{
	pool_key_rele(served->pool.key);
	pool_key_rele(served->pool.subject);
	wire_op_free(served->wire);
	secret_free(served);
}

static enum hufu_err seal_state_out(struct served *served)
{
	const struct pool_request *pool = &served->pool;

	return tenant_seal_state(tenant_of(served->req), &served->wire->op, pool->served_domain, pool->op.state_out,
	                         pool->op.state_out_len, served->wire->op.state_out, &served->wire->op.state_out_len);
}

static void note(struct request *req, const struct served *served, struct wire_status status)
{
	req->outcome = status;
	req->attempts = served->pool.attempts;
	req->served_by = served->pool.served_by;
}

static void finish(struct served *served, enum hufu_err err)
{
	struct request *req = served->req;
	struct hufu_op *op = &served->wire->op;
	struct wire_load load;

	op->state_out_len = 0;
	if (err == HUFU_OK && served->pool.op.state_out_len)
		err = seal_state_out(served);
	op->out_len = served->pool.op.out_len;
	op->pub_len = served->pool.op.pub_len;
	op->copy_kind = served->pool.op.copy_kind;
	op->outcome = err;
	note(req, served, served->expired ? wire_status_of(err) : answer_status(err, served->pool.attempts));
	tenant_load(tenant_of(req), &load);
	writer_init(&req->reply, true);
	if (wire_op_put_reply(&req->reply, req->id, op, &req->outcome, &load, (clock_now_ns() - req->arrived_ns) / 1000) != HUFU_OK)
		writer_clear(&req->reply);
	served_free(served);
	request_answer(req);
}

/* -- what came ------------------------------------------------------------------------ */

/* A public key is no key to be kept: whether it is one at all a device says. */
static bool looks_at_public(const struct hufu_op *op)
{
	return op->verb == HUFU_VERB_IMPORT && key_type_is_public(op->new_type);
}

/* Beside what wire_op_take has seen to. */
static enum hufu_err check(const struct hufu_op *op)
{
	if (1u << op->verb & MAKES && key_type_is_public(op->new_type) && !looks_at_public(op))
		return HUFU_ERR_KEY_TYPE;
	return op->phase == HUFU_PHASE_WHOLE || 1u << op->verb & IN_PARTS ? HUFU_OK : HUFU_ERR_ARGUMENT;
}

/* In the role TOKEN a copy of kind INDEX names a row. */
static bool is_of_row(const struct request *req, const struct hufu_key *key)
{
	return req->session->role == WIRE_TOKEN && key->copy_kind == HUFU_COPY_INDEX;
}

static enum hufu_err get_key(struct served *served, const struct hufu_key *key, struct pool_key **out, bool *hardware_only)
{
	if (is_of_row(served->req, key) && served->wire->op.verb == HUFU_VERB_EVICT)
		return HUFU_OK; /* what a row holds is this machine's to forget */
	if (is_of_row(served->req, key)) {
		enum hufu_err err = token_key_get(served->req, served->wire, key, out);
		served->expired = err == HUFU_ERR_EXPIRED;
		return err;
	}
	if (key->copy_kind != HUFU_COPY_BLOB)
		return HUFU_ERR_NO_KEY;
	struct tenant_key *held;
	enum hufu_err err = request_allowed(served->req, NULL); /* a sealed copy has no label */
	if (err == HUFU_OK)
		err = tenant_key_get(tenant_of(served->req), key, &held);
	if (err != HUFU_OK)
		return err;
	*out = pool_key_hold(held->key);
	*hardware_only = held->hardware_only;
	tenant_key_rele(held);
	return HUFU_OK;
}

static enum hufu_err get_keys(struct served *served)
{
	struct wire_op *wire = served->wire;
	bool hardware_only = false;
	enum hufu_err err = HUFU_OK;

	if (!wire->has_key)
		err = request_allowed(served->req, NULL);
	if (wire->has_key) {
		memcpy(served->req->key_uuid, wire->key.uuid, sizeof(served->req->key_uuid));
		err = get_key(served, &wire->key, &served->pool.key, &hardware_only);
	}
	/* Its value is in no host's memory, and no device is asked to bring it there. */
	if (err == HUFU_OK && hardware_only && wire->op.verb == HUFU_VERB_EXPORT)
		err = HUFU_ERR_KEY_USE;
	if (err == HUFU_OK && wire->has_subject)
		err = get_key(served, &wire->subject, &served->pool.subject, &hardware_only);
	return err;
}

static enum hufu_err open_state_in(struct served *served)
{
	struct pool_domain names[POOL_DEVICES_MAX];
	struct pool_request *pool = &served->pool;
	struct tenant *tenant = tenant_of(served->req);
	size_t n = pool_domains(tenant->pool, names, POOL_DEVICES_MAX);
	enum hufu_err err = tenant_open_state(tenant, &served->wire->op, names, n < POOL_DEVICES_MAX ? n : POOL_DEVICES_MAX,
	                                      &pool->domain, served->state_in, &pool->op.state_in_len);

	pool->op.state_in = served->state_in;
	return err == HUFU_OK && !pool->domain ? HUFU_ERR_NO_KEY : err; /* another machine may have that domain's devices */
}

/* The op as the tenant's pool is to run it. */
static enum hufu_err prepare(struct served *served)
{
	struct wire_op *wire = served->wire;
	struct request *req = served->req;
	enum hufu_err err = check(&wire->op);

	if (err != HUFU_OK)
		return err;
	if (wire->has_key)
		wire->op.key = &wire->key; /* seals of states name it */
	served->pool.op = wire->op;
	served->pool.op.key = NULL;
	served->pool.op.deadline_ns = req->deadline_ns;
	served->pool.op.state_in = NULL;
	served->pool.op.state_in_len = 0;
	served->pool.op.state_out = wire->op.state_out ? served->state_out : NULL;
	served->pool.impatient = true; /* the client may have another machine */
	req->mechanism = wire->op.mechanism;
	memcpy(req->op_id, wire->op.op_id, sizeof(req->op_id));
	err = get_keys(served);
	if (err == HUFU_OK && (wire->op.phase == HUFU_PHASE_NEXT || wire->op.phase == HUFU_PHASE_LAST))
		err = open_state_in(served);
	return err;
}

/* NULL: it was answered. */
static struct served *take(struct request *req)
{
	struct served *served = secret_alloc(sizeof(*served));
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (served)
		err = wire_op_take(req->op, req->body, req->len, req->session->max_body, &served->wire);

	if (err == HUFU_OK) {
		served->req = req;
		return served;
	}
	secret_free(served);
	answer_error(req, err);
	return NULL;
}

/* -- running it ------------------------------------------------------------------------- */

/*
 * A client in the role DEVICES takes the machine for hardware, and says so of its keys by default: "not on my host". Where the
 * machine is an emulated one, that is all there is to it.
 */
static bool wants_hardware(const struct served *served)
{
	return served->wire->extra.hardware_only &&
	       (served->req->session->role != WIRE_DEVICES || !pool_is_software(tenant_of(served->req)->pool));
}

static enum hufu_err run_here(struct served *served)
{
	struct tenant *tenant = tenant_of(served->req);
	const enum hufu_verb verb = served->wire->op.verb;

	if (verb == HUFU_VERB_EVICT) {
		if (!is_of_row(served->req, &served->wire->key))
			key_cache_drop(tenant->keys, &served->wire->key);
		return HUFU_OK;
	}
	if (1u << verb & MAKES && !looks_at_public(&served->wire->op))
		return tenant_make(tenant, &served->pool, wants_hardware(served));
	return pool_run(tenant->pool, &served->pool);
}

/* Nobody waits for it any more: it has not begun, and does not. */
static bool is_too_late(struct request *req)
{
	return atomic_load(&req->cancelled) || clock_now_ns() >= req->deadline_ns;
}

static void run_on_lane(struct request *req)
{
	struct served *served = req->work;

	if (!served && is_too_late(req)) {
		answer_error(req, HUFU_ERR_DEADLINE);
		return;
	}
	if (!served && !(served = take(req)))
		return;
	enum hufu_err err = is_too_late(req) ? HUFU_ERR_DEADLINE : prepare(served);
	finish(served, err == HUFU_OK ? run_here(served) : err);
}

static void ran_on_loop(struct pool_request *pool, void *arg)
{
	struct served *served = arg;
	struct tenant *tenant = tenant_of(served->req);

	(void)pool;
	atomic_fetch_sub(&tenant->in_flight, 1);
	finish(served, served->pool.err);
}

static void run_on_loop(struct served *served)
{
	struct tenant *tenant = tenant_of(served->req);
	enum hufu_err err = prepare(served);

	if (err != HUFU_OK) {
		finish(served, err);
		return;
	}
	atomic_fetch_add(&tenant->in_flight, 1);
	served->pool.done = ran_on_loop;
	served->pool.arg = served;
	pool_submit(tenant->pool, &served->pool);
}

/* Long keys of the host's library take a millisecond and more; so may what is made, or derived with such a key. */
static bool is_quick(struct request *req, const struct wire_op *wire)
{
	const enum hufu_key_type type = wire->has_key ? wire->key.type : 0;

	if (1u << wire->op.verb & (RECORDED | BIT(EVICT)))
		return false;
	if (req->session->role == WIRE_TOKEN && !token_key_at_hand(req, wire))
		return false;
	return type != HUFU_KEY_RSA_PRIVATE && type != HUFU_KEY_EC_PRIVATE && wire->op.in_len <= INLINE_LEN;
}

static void later(struct request *req, void (*fn)(struct request *))
{
	if (tenant_later(tenant_of(req), req, fn))
		return;
	if (req->work)
		finish(req->work, HUFU_ERR_BUSY);
	else
		answer_error(req, HUFU_ERR_BUSY);
}

static void run_op(struct request *req)
{
	const bool on_loop = pool_is_software(tenant_of(req)->pool) && req->len <= INLINE_LEN + BODY_OVERHEAD;
	struct served *served = on_loop ? take(req) : NULL;

	if (on_loop && !served)
		return;
	if (served && is_quick(req, served->wire)) {
		run_on_loop(served);
		return;
	}
	req->work = served;
	later(req, run_on_lane);
}

/* -- what it is -------------------------------------------------------------------------- */

static size_t only_carried(struct hufu_capability *rows, size_t n, uint32_t max_body)
{
	const uint64_t max_in = max_body > BODY_OVERHEAD ? max_body - BODY_OVERHEAD : 1;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		rows[i].verbs &= CARRIED;
		rows[i].permanent = false; /* what stays in a device behind it is this machine's to keep, not to tell */
		if (!rows[i].max_in || rows[i].max_in > max_in)
			rows[i].max_in = max_in;
		if (rows[i].verbs)
			rows[kept++] = rows[i];
	}
	return kept;
}

static void describe(struct tenant *tenant, struct hufu_device_info *info)
{
	uint8_t point[SM2_POINT_LEN], digest[SM3_DIGEST_LEN];

	*info = (struct hufu_device_info){.size = sizeof(*info), .vendor = "hufu", .model = "hufud"};
	snprintf(info->serial, sizeof(info->serial), "%.31s", tenant_name(tenant));
	snprintf(info->firmware, sizeof(info->firmware), "%s", PACKAGE_VERSION);
	tenant_domain_point(tenant, point);
	sm3(point, sizeof(point), digest);
	memcpy(info->domain_id, digest, sizeof(info->domain_id));
}

static void run_info(struct request *req)
{
	struct tenant *tenant = tenant_of(req);
	struct hufu_capability *rows = calloc(OFFERS_MAX, sizeof(*rows));
	struct hufu_device_info info;
	struct wire_load load;

	if (!rows) {
		answer_error(req, HUFU_ERR_NO_MEMORY);
		return;
	}
	describe(tenant, &info);
	info.caps = rows;
	info.ncaps = only_carried(rows, pool_offers(tenant->pool, rows, OFFERS_MAX), req->session->max_body);
	tenant_load(tenant, &load);
	req->outcome = wire_status_of(HUFU_OK);
	writer_init(&req->reply, true);
	const uint32_t flags = pool_is_software(tenant->pool) ? HUFU_DRIVER_SOFTWARE : 0;
	if (wire_info_put_reply(&req->reply, req->id, &info, flags, &load) != HUFU_OK)
		writer_clear(&req->reply);
	free(rows);
	request_answer(req);
}

static void run_probe(struct request *req)
{
	struct pool_domain domains[POOL_DEVICES_MAX];
	size_t n = pool_domains(tenant_of(req)->pool, domains, POOL_DEVICES_MAX);
	bool up = false;

	for (size_t i = 0; i < n && i < POOL_DEVICES_MAX; i++)
		up |= domains[i].up;
	answer_error(req, up ? HUFU_OK : HUFU_ERR_NO_DEVICE);
}

/* -- the service ---------------------------------------------------------------------------- */

static void run(struct request *req)
{
	const uint32_t verb = (uint32_t)req->op - WIRE_OP_VERB;

	if (req->op == WIRE_OP_INFO)
		later(req, run_info);
	else if (req->op == WIRE_OP_PROBE)
		later(req, run_probe);
	else if (req->op >= WIRE_OP_VERB && verb < 32 && 1u << verb & CARRIED)
		run_op(req);
	else
		answer_error(req, HUFU_ERR_UNSUPPORTED);
}

static enum hufu_err hello(struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok)
{
	uint8_t e[SM3_DIGEST_LEN];

	tenant_domain_point(session->tenant, ok->domain_point);
	wire_domain_digest(session->peer->binding, hello, ok, e);
	return tenant_domain_sign(session->tenant, e, ok->domain_proof);
}

/* No bye: keys are the tenant's, and other clients may use the same. */
const struct service service_devices = {.name = "devices", .run = run, .hello = hello};
