/* SPDX-License-Identifier: Apache-2.0 */
#include "token/copies.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "token/draft.h"
#include "token/handle.h"
#include "token/rv.h"

#include <stdlib.h>
#include <string.h>

/* What a copy may take beyond the material that it holds; a driver that needs more says so. */
#define COPY_OVERHEAD 512u
/* A copy whose material is made in the device. */
#define COPY_MAX 8192u
/* The longest clear form as an SM2 ciphertext. */
#define WRAPPED_MAX (COPY_MAX + 97u)
/* Where a key has a copy already, another domain gets no longer for its own. */
#define MORE_TIME_NS (2 * NS_PER_S)
#define COMPLETE_TIME_NS NS_PER_S
#define COMPLETE_EVERY_NS (60 * NS_PER_S)
#define LOG_EVERY_NS (10 * NS_PER_S)

struct copy_policy copy_policy_of(const struct attrs *attrs)
{
	return (struct copy_policy){.hardware_only = attrs_bool(attrs, CKA_HUFU_HARDWARE_ONLY, false),
	                            .extractable = attrs_bool(attrs, CKA_EXTRACTABLE, false)};
}

bool copies_may_travel(struct copy_policy policy)
{
	return !policy.hardware_only || policy.extractable;
}

static const char *name_of(const struct token *token)
{
	return token->conf->name ? token->conf->name : "";
}

void copies_clear(struct copies *copies)
{
	for (size_t i = 0; i < copies->n; i++)
		secret_free((void *)(uintptr_t)copies->list[i].data);
	copies->n = 0;
	secret_wipe(copies->sample, sizeof copies->sample);
	copies->sample_len = 0;
}

/* -- one copy --------------------------------------------------------------------------- */

/* Takes over data. False, and it is freed: what the device told of the public half is not what the first one did. */
static bool add(struct copies *copies, enum hufu_copy_kind kind, const char *domain, uint8_t *data, size_t len, const uint8_t *pub,
                size_t pub_len)
{
	if (copies->n == 0) {
		memcpy(copies->pub, pub, pub_len);
		copies->pub_len = pub_len;
	} else if (pub_len != copies->pub_len || memcmp(pub, copies->pub, pub_len) != 0) {
		secret_free(data);
		return false;
	}
	copies->list[copies->n++] = (struct pool_copy){.kind = kind, .domain = domain, .data = data, .len = len};
	return true;
}

/* One op that makes a copy in a domain; *needed: more space than cap. */
static enum hufu_err make(struct pool *pool, struct pool_request *req, const char *domain, size_t cap, size_t *needed,
                          struct copies *copies)
{
	uint8_t pub[HUFU_PUB_MAX], *data = secret_alloc(cap);
	if (!data)
		return HUFU_ERR_NO_MEMORY;
	req->domain = domain;
	req->op.out = data;
	req->op.out_cap = cap;
	req->op.pub = pub;
	req->op.hardware_only = copies->hardware_only;
	req->op.repeatable = true; /* one key is kept, whoever made how many: the op id is unique in the store */
	enum hufu_err err = pool_run(pool, req);
	*needed = req->op.out_len;
	if (err != HUFU_OK) {
		secret_free(data);
		return err;
	}
	return add(copies, req->op.copy_kind, domain, data, req->op.out_len, pub, req->op.pub_len) ? HUFU_OK : HUFU_ERR_CORRUPT;
}

/* -- one key ------------------------------------------------------------------------------- */

/* Keys with a public half show by it that they are the same. False: there is no such op for a key of this type. */
static bool sample_op(enum hufu_key_type type, struct hufu_op *op)
{
	static const struct hufu_param_zuc zuc;
	static const struct {
		enum hufu_key_type type;
		enum hufu_verb verb;
		uint64_t mechanism;
		const void *param;
	} rows[] = {
		{HUFU_KEY_SM4, HUFU_VERB_ENCRYPT, CKM_HUFU_SM4_ECB, NULL},
		{HUFU_KEY_AES, HUFU_VERB_ENCRYPT, CKM_AES_ECB, NULL},
		{HUFU_KEY_DES3, HUFU_VERB_DECRYPT, CKM_DES3_ECB, NULL},
		{HUFU_KEY_ZUC, HUFU_VERB_ENCRYPT, CKM_HUFU_ZUC_EEA3, &zuc},
		{HUFU_KEY_SECRET, HUFU_VERB_SIGN, CKM_HUFU_SM3_HMAC, NULL},
	};
	static const uint8_t zeros[16];
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].type == type) {
			*op = (struct hufu_op){.verb = rows[i].verb, .mechanism = rows[i].mechanism, .param = rows[i].param,
			                       .in = zeros, .in_len = sizeof zeros, .repeatable = true};
			return true;
		}
	return false;
}

/* *len 0: no device does the op. */
static enum hufu_err take_sample(struct pool *pool, struct pool_key *key, uint64_t deadline_ns, uint8_t out[32], size_t *len)
{
	struct pool_request req = {.key = key};
	*len = 0;
	if (!sample_op(pool_key_type(key), &req.op))
		return HUFU_OK;
	req.op.out = out;
	req.op.out_cap = 32;
	req.op.deadline_ns = deadline_ns;
	enum hufu_err err = pool_run(pool, &req);
	if (hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED)
		return HUFU_OK;
	*len = err == HUFU_OK ? req.op.out_len : 0;
	return err;
}

static enum hufu_err sample_copy(struct pool *pool, const struct copies *copies, size_t i, uint64_t deadline_ns, uint8_t out[32],
                                 size_t *len)
{
	uint8_t uuid[16];
	struct pool_key *key;
	enum hufu_err err = rand_bytes(uuid, sizeof uuid);
	if (err == HUFU_OK)
		err = pool_key_new(pool, uuid, 0, copies->type, &copies->list[i], 1, &key);
	if (err != HUFU_OK)
		return err;
	err = take_sample(pool, key, deadline_ns, out, len);
	pool_key_rele(key);
	return err;
}

/* Is the last copy of the same key as those before? A device may have spoilt the value on its way; then it goes. */
static enum hufu_err check_last(struct pool *pool, struct copies *copies, uint64_t deadline_ns)
{
	uint8_t sample[32];
	size_t len = 0;
	enum hufu_err err = HUFU_OK;
	if (copies->sample_len == 0 && copies->n > 1)
		err = sample_copy(pool, copies, 0, deadline_ns, copies->sample, &copies->sample_len);
	if (err == HUFU_OK && copies->sample_len)
		err = sample_copy(pool, copies, copies->n - 1, deadline_ns, sample, &len);
	if (err == HUFU_OK && len && (len != copies->sample_len || !secret_equal(sample, copies->sample, len)))
		err = HUFU_ERR_CORRUPT;
	secret_wipe(sample, sizeof sample);
	if (err != HUFU_OK)
		secret_free((void *)(uintptr_t)copies->list[--copies->n].data);
	return err;
}

/* -- from a value ------------------------------------------------------------------------------ */

static enum hufu_err import_into(struct pool *pool, const char *domain, uint64_t deadline_ns, const uint8_t *value, size_t len,
                                 struct copies *copies)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_IMPORT, .new_type = copies->type, .in = value, .in_len = len,
	                                  .deadline_ns = deadline_ns}};
	size_t needed;
	enum hufu_err err = make(pool, &req, domain, len + COPY_OVERHEAD, &needed, copies);
	if (err == HUFU_ERR_BUFFER)
		err = make(pool, &req, domain, needed, &needed, copies);
	return err == HUFU_OK ? check_last(pool, copies, deadline_ns) : err;
}

/* -- where next, and for how long ---------------------------------------------------------- */

/*
 * Is it this one's turn? Once there is a copy, domains that are out wait until
 * they are back; before, each gets its share of what time is left.
 */
static bool has_turn(const struct copies *copies, size_t i)
{
	return copies->n == 0 || copies->targets.list[i].up;
}

static uint64_t share_of_time(const struct copies *copies, size_t i, uint64_t deadline_ns)
{
	uint64_t now = clock_now_ns(), left = deadline_ns > now ? deadline_ns - now : 0;
	if (copies->n && left > MORE_TIME_NS)
		return now + MORE_TIME_NS;
	return now + (copies->n ? left : left / (copies->targets.n - i));
}

/* One line a while for people, however many keys are made meanwhile. */
static void log_left_out(struct token *token, const struct target *target, enum hufu_err err)
{
	uint64_t now = clock_now_ns(), due = atomic_load_explicit(&token->copies_log_ns, memory_order_relaxed);
	bool is_due = now >= due && atomic_compare_exchange_strong(&token->copies_log_ns, &due, now + LOG_EVERY_NS);
	log_msg(is_due ? HUFU_LOG_NOTICE : HUFU_LOG_DEBUG, "token \"%s\": a key has no copy for domain \"%s\" yet: %s", name_of(token),
	        target->name, err == HUFU_OK ? "none of its devices is up" : err_text(err));
}

/* The request is wrong, or this host is out of memory: no other domain will think otherwise. */
static bool is_final(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_CALLER || err == HUFU_ERR_NO_MEMORY || err == HUFU_ERR_RANDOM;
}

/* Of several domains that fail, one that might have been able to tells more than one that never is. */
static enum hufu_err rather(enum hufu_err so_far, enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED && so_far != HUFU_OK ? so_far : err;
}

static void import_more(struct token *token, const uint8_t *value, size_t len, size_t from, uint64_t deadline_ns,
                        struct copies *copies)
{
	for (size_t i = from; i < copies->targets.n; i++) {
		const struct target *target = &copies->targets.list[i];
		enum hufu_err err = HUFU_OK;
		if (has_turn(copies, i))
			err = import_into(token->pool, target->name, share_of_time(copies, i, deadline_ns), value, len, copies);
		if (err != HUFU_OK || !has_turn(copies, i))
			log_left_out(token, target, err);
	}
}

/* -- a value that is here --------------------------------------------------------------------- */

CK_RV copies_import(struct token *token, struct copy_policy policy, enum hufu_key_type type, const uint8_t *value, size_t len,
                    struct copies *copies)
{
	uint64_t deadline_ns = clock_now_ns() + token->conf->deadline_ms * NS_PER_MS;
	enum hufu_err err = HUFU_OK;
	copies->type = type;
	copies->hardware_only = policy.hardware_only;
	copies->n = copies->pub_len = copies->sample_len = 0;
	CK_RV rv = domains_targets(token, policy.hardware_only, &copies->targets);
	for (size_t i = 0; rv == CKR_OK && i < copies->targets.n; i++) {
		const char *domain = copies->targets.list[i].name;
		enum hufu_err one = import_into(token->pool, domain, share_of_time(copies, i, deadline_ns), value, len, copies);
		err = one == HUFU_OK ? one : rather(err, one);
		if (one == HUFU_OK)
			import_more(token, value, len, i + 1, deadline_ns, copies);
		if (one == HUFU_OK || is_final(one))
			break;
		log_left_out(token, &copies->targets.list[i], one);
	}
	return rv == CKR_OK ? rv_of(err) : rv;
}

/* -- a key that is in devices ---------------------------------------------------------------- */

/* A key whose copy is to be made elsewhere. */
struct source {
	struct token *token;
	struct pool_key *key;
	const char *domain;             /* whose devices may give its value; NULL: any */
	bool may_be_clear;              /* may its value be on this host? */
	bool is_clear;                  /* it lies open there already */
	uint8_t *value;                 /* once it was needed */
	size_t len;
};

static void source_clear(struct source *source)
{
	secret_free(source->value);
	pool_key_rele(source->key);
}

/* A key pair of the other domain's, for this one journey. */
struct transport {
	struct copies copies;
	struct pool_key *public, *private;
};

static enum hufu_err transport_init(struct transport *t, struct pool *pool, const char *domain, uint64_t deadline_ns)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                  .new_type = HUFU_KEY_SM2_PRIVATE, .deadline_ns = deadline_ns}};
	uint8_t uuid[16];
	size_t needed;
	*t = (struct transport){.copies.type = HUFU_KEY_SM2_PRIVATE};
	enum hufu_err err = rand_bytes(uuid, sizeof uuid);
	if (err == HUFU_OK)
		err = make(pool, &req, domain, COPY_MAX, &needed, &t->copies);
	if (err != HUFU_OK)
		return err;
	struct pool_copy point = {.kind = HUFU_COPY_BLOB, .data = t->copies.pub, .len = t->copies.pub_len};
	err = pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, t->copies.list, t->copies.n, &t->private);
	uuid[0] ^= 1;
	return err == HUFU_OK ? pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PUBLIC, &point, 1, &t->public) : err;
}

static void transport_clear(struct transport *t)
{
	pool_key_rele(t->public);
	pool_key_rele(t->private);
	copies_clear(&t->copies);
}

/* From device to device, encrypted for the other domain: this host sees neither value nor the key that opens it. */
static enum hufu_err wrap_into(const struct source *source, const char *domain, uint64_t deadline_ns, struct copies *copies)
{
	struct pool *pool = source->token->pool;
	struct transport t;
	uint8_t *wrapped = malloc(WRAPPED_MAX);
	size_t needed;
	struct pool_request wrap = {
		.op = {.verb = HUFU_VERB_WRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .out = wrapped, .out_cap = WRAPPED_MAX,
		       .deadline_ns = deadline_ns, .repeatable = true},
		.subject = source->key,
	};
	if (!wrapped)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = transport_init(&t, pool, domain, deadline_ns);
	wrap.key = t.public;
	if (err == HUFU_OK)
		err = pool_run(pool, &wrap);
	if (err == HUFU_OK) {
		struct pool_request unwrap = {
			.op = {.verb = HUFU_VERB_UNWRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .new_type = copies->type, .in = wrapped,
			       .in_len = wrap.op.out_len, .deadline_ns = deadline_ns},
			.key = t.private,
		};
		err = make(pool, &unwrap, domain, COPY_MAX, &needed, copies);
		if (err == HUFU_OK)
			err = check_last(pool, copies, deadline_ns);
	}
	transport_clear(&t);
	free(wrapped);
	return err;
}

static enum hufu_err give_clear(struct source *source, const char *domain, uint64_t deadline_ns, struct copies *copies)
{
	enum hufu_err err = HUFU_OK;
	if (!source->value)
		err = key_export_clear(source->token->pool, source->key, source->domain, deadline_ns, &source->value,
		                       &source->len);
	return err == HUFU_OK ? import_into(source->token->pool, domain, deadline_ns, source->value, source->len, copies) : err;
}

/* Wrapped where devices do that, else in the clear, if it may be. Software would hold a wrapped key in the clear, too. */
static enum hufu_err give(struct source *source, const struct target *target, uint64_t deadline_ns, struct copies *copies)
{
	struct pool *pool = source->token->pool;
	bool wraps = !source->is_clear && (source->may_be_clear || !target->exposed) &&
	             pool_can(pool, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_WRAP) && pool_can(pool, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_UNWRAP);
	enum hufu_err err = wraps ? wrap_into(source, target->name, deadline_ns, copies) : HUFU_ERR_UNSUPPORTED;
	return err != HUFU_OK && source->may_be_clear ? give_clear(source, target->name, deadline_ns, copies) : err;
}

/* -- a new one ---------------------------------------------------------------------------------- */

static uint64_t generate_deadline_ns(const struct token *token)
{
	uint32_t ms = token->conf->deadline_ms, own = token->conf->pool.generate_deadline_ms;
	return clock_now_ns() + (own > ms ? own : ms) * NS_PER_MS;
}

/* DESIGN 3, generate = host: made here, taken in everywhere, and wiped. */
static CK_RV generate_on_host(struct token *token, struct copy_policy policy, const struct hufu_op *wanted, struct copies *copies)
{
	uint8_t pub[HUFU_PUB_MAX];
	struct hufu_op op = *wanted;
	op.deadline_ns = generate_deadline_ns(token);
	op.pub = pub;
	op.out_cap = COPY_MAX;
	op.out = secret_alloc(op.out_cap);
	if (!op.out)
		return CKR_HOST_MEMORY;
	CK_RV rv = rv_of(pool_run_on_host(&op));
	if (rv == CKR_OK)
		rv = copies_import(token, policy, op.new_type, op.out, op.out_len, copies);
	if (rv == CKR_OK && (copies->pub_len != op.pub_len || memcmp(copies->pub, pub, op.pub_len) != 0))
		rv = CKR_DEVICE_ERROR;
	secret_free(op.out);
	copies->on_host = !pool_is_software(token->pool); /* there the host is the device */
	return rv;
}

/* Is it kept in the devices of one domain, or opened by a key that is? Then it lives there alone: nobody asks for its value. */
static bool stays_in_its_domain(const struct pool_copy *copies, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (copies[i].kind != HUFU_COPY_BLOB)
			return true;
	return false;
}

/* Copies of what a device has made, for the domains behind the one that made it. */
static void spread(struct token *token, struct copy_policy policy, const struct hufu_op *wanted, size_t made, uint64_t deadline_ns,
                   struct copies *copies)
{
	struct source source = {.token = token, .may_be_clear = copies_may_travel(policy), .is_clear = copies->targets.list[made].exposed};
	if (made + 1 == copies->targets.n || stays_in_its_domain(copies->list, copies->n) ||
	    pool_key_new(token->pool, wanted->op_id, 0, copies->type, copies->list, 1, &source.key) != HUFU_OK)
		return;
	pool_key_set_policy(source.key, policy.hardware_only, true);
	for (size_t i = made + 1; i < copies->targets.n; i++) {
		const struct target *target = &copies->targets.list[i];
		enum hufu_err err = HUFU_OK;
		bool has_its_turn = has_turn(copies, i);
		if (has_its_turn) {
			err = give(&source, target, share_of_time(copies, i, deadline_ns), copies);
			/* Whatever came of it: a value that was on this host has been there. */
			copies->left_device |= !source.is_clear && (source.value || target->exposed);
		}
		if (err != HUFU_OK || !has_its_turn)
			log_left_out(token, target, err);
	}
	source_clear(&source);
}

static CK_RV generate_in_device(struct token *token, struct copy_policy policy, const struct hufu_op *wanted,
                                struct copies *copies)
{
	uint64_t deadline_ns = generate_deadline_ns(token);
	enum hufu_err err = HUFU_OK;
	CK_RV rv = domains_targets(token, policy.hardware_only, &copies->targets);
	for (size_t i = 0; rv == CKR_OK && i < copies->targets.n; i++) {
		struct pool_request req = {.op = *wanted};
		size_t needed;
		req.op.deadline_ns = share_of_time(copies, i, deadline_ns);
		enum hufu_err one = make(token->pool, &req, copies->targets.list[i].name, COPY_MAX, &needed, copies);
		err = one == HUFU_OK ? one : rather(err, one);
		if (one == HUFU_OK)
			spread(token, policy, wanted, i, deadline_ns, copies);
		if (one == HUFU_OK || is_final(one))
			break;
		log_left_out(token, &copies->targets.list[i], one);
	}
	if (rv == CKR_OK && hufu_err_group(err) == HUFU_GROUP_UNSUPPORTED && policy.hardware_only)
		log_error("token \"%s\": a key that is to be hardware-only is not made: no hardware makes keys of its kind. Set "
		          "hardware_only = no (hufu.conf), or CKA_HUFU_HARDWARE_ONLY to false for this key", name_of(token));
	return rv == CKR_OK ? rv_of(err) : rv;
}

CK_RV copies_generate(struct token *token, struct copy_policy policy, const struct hufu_op *wanted, struct copies *copies)
{
	bool here = token->conf->pool.generate == CONF_GENERATE_HOST && !policy.hardware_only;
	copies->type = wanted->new_type;
	copies->hardware_only = policy.hardware_only;
	copies->n = copies->pub_len = copies->sample_len = 0;
	return here ? generate_on_host(token, policy, wanted, copies) : generate_in_device(token, policy, wanted, copies);
}

/* -- one that comes wrapped ----------------------------------------------------------------------- */

/* What came is wrong, wherever it is opened; else another way may lead to the key. */
static bool is_wrong(enum hufu_err err)
{
	return err == HUFU_ERR_CIPHERTEXT || err == HUFU_ERR_CIPHERTEXT_LEN;
}

static enum hufu_err unwrap_into(struct token *token, const struct pool_request *wanted, size_t i, uint64_t deadline_ns,
                                 struct copies *copies)
{
	struct pool_request req = *wanted;
	size_t needed;
	req.op.deadline_ns = share_of_time(copies, i, deadline_ns);
	return make(token->pool, &req, copies->targets.list[i].name, COPY_MAX, &needed, copies);
}

CK_RV copies_unwrap(struct token *token, struct copy_policy policy, const struct pool_request *asked, struct copies *copies)
{
	uint64_t deadline_ns = clock_now_ns() + token->conf->deadline_ms * NS_PER_MS;
	struct pool_request wanted = *asked;
	wanted.op.verb = HUFU_VERB_UNWRAP;
	copies->type = asked->op.new_type;
	copies->hardware_only = policy.hardware_only;
	copies->n = copies->pub_len = copies->sample_len = 0;
	copies->on_host = copies->left_device = false;
	CK_RV rv = domains_targets(token, policy.hardware_only, &copies->targets);
	if (rv == CKR_OK)
		rv = rv_of(rand_bytes(wanted.op.op_id, sizeof wanted.op.op_id));
	for (size_t i = 0; rv == CKR_OK && i < copies->targets.n; i++) {
		const struct target *target = &copies->targets.list[i];
		if (target->exposed || !pool_opens(token->pool, target->name, asked->key, asked->op.mechanism))
			continue;
		enum hufu_err err = unwrap_into(token, &wanted, i, deadline_ns, copies);
		if (err == HUFU_OK)
			spread(token, policy, &wanted.op, i, deadline_ns, copies);
		if (err == HUFU_OK || is_wrong(err))
			return rv_of(err);
	}
	return rv == CKR_OK ? CKR_FUNCTION_NOT_SUPPORTED : rv;
}

/* -- what is missing ------------------------------------------------------------------------------ */

/* The targets that it has no copy for and that are up, into missing. False: nothing is to be done, or can be now. */
static bool find_missing(const struct object *o, const struct targets *targets, struct targets *missing)
{
	const struct pool_copy *have;
	size_t n = pool_key_copies(o->key, &have);
	missing->n = 0;
	for (size_t i = 0; i < targets->n && n + missing->n < STORE_COPIES_MAX; i++) {
		bool there = false;
		for (size_t k = 0; k < n; k++)
			there |= have[k].domain && strcmp(have[k].domain, targets->list[i].name) == 0;
		if (!there)
			missing->list[missing->n++] = targets->list[i];
	}
	return missing->n != 0;
}

/* Does one of its copies lie open on this host? Then its value comes from there. */
static const char *exposed_domain(const struct object *o, const struct targets *targets)
{
	const struct pool_copy *have;
	size_t n = pool_key_copies(o->key, &have);
	for (size_t i = 0; i < targets->n; i++)
		for (size_t k = 0; k < n; k++)
			if (targets->list[i].exposed && have[k].domain && strcmp(have[k].domain, targets->list[i].name) == 0)
				return targets->list[i].name;
	return NULL;
}

/* What a device makes of the value is the key that the object says it is. */
static bool is_public_half(const struct object *o, const struct copies *copies)
{
	const CK_ATTRIBUTE *info = attrs_get(&o->attrs, CKA_PUBLIC_KEY_INFO), *point = attrs_get(&o->attrs, CKA_EC_POINT);
	if (o->object_class != CKO_PRIVATE_KEY)
		return true;
	if (o->key_type == CKK_HUFU_SM2)
		return point && point->ulValueLen == 67 && copies->pub_len == 64 &&
		       memcmp((const uint8_t *)point->pValue + 3, copies->pub, 64) == 0;
	return info && info->ulValueLen == copies->pub_len && memcmp(info->pValue, copies->pub, copies->pub_len) == 0;
}

static enum hufu_err store_more(const struct object *o, const struct copies *copies)
{
	struct pool_copy all[STORE_COPIES_MAX];
	const struct pool_copy *have;
	size_t n = pool_key_copies(o->key, &have), total = 0;
	for (size_t i = 0; i < n && total < STORE_COPIES_MAX; i++)
		all[total++] = have[i];
	for (size_t i = 0; i < copies->n && total < STORE_COPIES_MAX; i++)
		all[total++] = copies->list[i];
	return draft_update_copies(o, all, total);
}

/*
 * HUFU_OK: the row has more copies than before. A value that was never on this host
 * does not come now: the key has told that it never was.
 */
static enum hufu_err add_missing(struct token *token, const struct object *o, const char *open, struct copies *copies)
{
	struct source source = {.token = token, .key = pool_key_hold(o->key), .domain = open, .is_clear = open != NULL,
	                        .may_be_clear = open || copy_policy_of(&o->attrs).extractable};
	uint64_t deadline_ns = clock_now_ns() + COMPLETE_TIME_NS;
	enum hufu_err err = HUFU_ERR_NO_DEVICE;
	enum hufu_err sampled = take_sample(token->pool, o->key, deadline_ns, copies->sample, &copies->sample_len);
	for (size_t i = 0; i < copies->targets.n && sampled == HUFU_OK; i++)
		if (copies->targets.list[i].up)
			err = give(&source, &copies->targets.list[i], deadline_ns, copies);
	source_clear(&source);
	if (copies->n == 0)
		return sampled == HUFU_OK ? err : sampled;
	return is_public_half(o, copies) ? store_more(o, copies) : HUFU_ERR_CORRUPT;
}

/* Whoever looks the handle up next reads the row anew. */
static void forget_snapshot(struct session *s, struct object **key)
{
	struct object *newer, *older;
	uint8_t uuid[16];
	CK_OBJECT_HANDLE handle = (*key)->handle;
	pthread_mutex_lock(&s->token->lock);
	atomic_fetch_add(&s->token->epoch, 1);
	if (handle_get(s->token, handle, &older, uuid)) {
		object_rele(older);
		handle_put(handle, NULL);
	}
	pthread_mutex_unlock(&s->token->lock);
	if (object_find(s, handle, CKR_KEY_HANDLE_INVALID, &newer) != CKR_OK)
		return;
	object_rele(*key);
	*key = newer;
}

static void complete(struct session *s, struct object **key, const struct targets *targets, struct copies *copies)
{
	struct object *o = *key;
	struct token *token = s->token;
	if (!object_material_type(o->object_class, o->key_type, &copies->type))
		return;
	enum hufu_err err = add_missing(token, o, exposed_domain(o, targets), copies);
	for (size_t i = 0; i < copies->n && err == HUFU_OK; i++)
		log_notice("token \"%s\": a key got its copy for domain \"%s\"", name_of(token), copies->list[i].domain);
	if (err == HUFU_OK)
		forget_snapshot(s, key);
	else if (err != HUFU_ERR_CONFLICT) /* changed meanwhile: the next use looks again */
		log_info("token \"%s\": a key lacks copies still: %s", name_of(token), err_text(err));
}

static bool is_settled(const struct object *o, uint64_t generation)
{
	const struct pool_copy *have;
	if (o->session || !o->key || o->object_class == CKO_PUBLIC_KEY)
		return true;
	size_t n = pool_key_copies(o->key, &have);
	if (stays_in_its_domain(have, n))
		return true;
	return atomic_load_explicit(&o->copies_of, memory_order_relaxed) == generation &&
	       atomic_load_explicit(&o->copies_due_ns, memory_order_relaxed) == CLOCK_NEVER;
}

/* One of the uses in a while looks, and the first after a change of what is enrolled. */
static bool is_due(struct object *o, uint64_t generation)
{
	uint64_t now = clock_now_ns(), due = atomic_load_explicit(&o->copies_due_ns, memory_order_relaxed);
	if (atomic_exchange_explicit(&o->copies_of, generation, memory_order_relaxed) == generation && now < due)
		return false;
	return atomic_compare_exchange_strong(&o->copies_due_ns, &due, now + COMPLETE_EVERY_NS);
}

void copies_complete(struct session *s, struct object **key)
{
	struct object *o = *key;
	struct targets targets;
	struct copies copies = {.n = 0};
	uint64_t generation = domains_generation(s->token);
	if (is_settled(o, generation) || token_login(s->token) == LOGIN_NONE || !is_due(o, generation) ||
	    domains_targets(s->token, o->policy & OBJECT_POLICY_HARDWARE_ONLY, &targets) != CKR_OK)
		return;
	if (find_missing(o, &targets, &copies.targets))
		complete(s, key, &targets, &copies);
	else
		atomic_store_explicit(&o->copies_due_ns, CLOCK_NEVER, memory_order_relaxed);
	copies_clear(&copies);
}
