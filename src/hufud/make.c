/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New keys: a copy in every domain that takes one, sealed together for the client.
 * A machine that is asked twice makes two keys, and none stays with it: the client keeps one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "hufu/mechanisms.h"
#include "hufud/tenant_internal.h"
#include "rand/rand.h"

#define COPY_MAX 8192u               /* that a device makes beyond what it was given */
#define MORE_TIME_NS (2 * NS_PER_S)  /* for each further domain once there is a copy */

struct making {
	struct tenant *tenant;
	struct pool_request *wanted;
	bool hardware_only;
	struct pool_domain domains[POOL_DEVICES_MAX];
	size_t ndomains;
	struct pool_copy copies[POOL_DEVICES_MAX];
	size_t n;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

static bool may_have_copy(const struct making *m, const struct pool_domain *domain)
{
	return !(m->hardware_only && domain->exposed);
}

/* Hardware first: what is made there never was in memory. Of them those whose keys do not stay in the device for good. */
static int rank(const struct making *m, const struct pool_domain *domain)
{
	const struct hufu_op *op = &m->wanted->op;

	return (domain->up ? 0 : 4) + (domain->software ? 2 : 0) +
	       (op->verb == HUFU_VERB_GENERATE && pool_makes_for_good(m->tenant->pool, domain->name, op->mechanism) ? 1 : 0);
}

static void find_domains(struct making *m)
{
	struct pool_domain all[POOL_DEVICES_MAX];
	size_t n = pool_domains(m->tenant->pool, all, POOL_DEVICES_MAX);

	n = n < POOL_DEVICES_MAX ? n : POOL_DEVICES_MAX;
	for (int r = 0; r < 8; r++)
		for (size_t i = 0; i < n; i++)
			if (may_have_copy(m, &all[i]) && rank(m, &all[i]) == r)
				m->domains[m->ndomains++] = all[i];
}

/* -- one copy --------------------------------------------------------------------- */

/* What the second device tells of the public half is what the first did, or its copy is of another key. */
static bool same_public(struct making *m, const uint8_t *pub, size_t len)
{
	if (m->n == 0) {
		memcpy(m->pub, pub, len);
		m->pub_len = len;
		return true;
	}
	return len == m->pub_len && memcmp(pub, m->pub, len) == 0;
}

static enum hufu_err make_one(struct making *m, struct pool_request *req, const char *domain)
{
	size_t cap = req->op.in_len + COPY_MAX;
	uint8_t pub[HUFU_PUB_MAX], *data = secret_alloc(cap);

	if (!data)
		return HUFU_ERR_NO_MEMORY;
	req->domain = domain;
	req->op.out = data;
	req->op.out_cap = cap;
	req->op.pub = pub;
	req->op.copy_kind = HUFU_COPY_BLOB;
	enum hufu_err err = pool_run(m->tenant->pool, req);
	m->wanted->attempts += req->attempts;
	if (err == HUFU_OK && !same_public(m, pub, req->op.pub_len))
		err = HUFU_ERR_CORRUPT;
	if (err != HUFU_OK) {
		secret_free(data);
		return err;
	}
	m->wanted->served_by = req->served_by;
	m->copies[m->n++] = (struct pool_copy){.kind = req->op.copy_kind, .domain = domain, .data = data, .len = req->op.out_len};
	return HUFU_OK;
}

/* As the client asked, in this domain. */
static enum hufu_err make_as_wanted(struct making *m, const char *domain, uint64_t deadline_ns)
{
	struct pool_request req = *m->wanted;

	req.op.deadline_ns = deadline_ns;
	return make_one(m, &req, domain);
}

static void free_copies(struct making *m)
{
	for (size_t i = 0; i < m->n; i++)
		secret_free((void *)(uintptr_t)m->copies[i].data);
	m->n = 0;
}

/* -- the same key elsewhere ---------------------------------------------------------- */

static uint64_t more_time(const struct making *m)
{
	uint64_t until = clock_now_ns() + MORE_TIME_NS, deadline = m->wanted->op.deadline_ns;

	return deadline && deadline < until ? deadline : until;
}

/* The key as its first copy has it. */
static enum hufu_err hold_first(const struct making *m, struct pool_key **key)
{
	uint8_t uuid[16];
	enum hufu_err err = rand_bytes(uuid, sizeof(uuid));

	return err == HUFU_OK ? pool_key_new(m->tenant->pool, uuid, 0, m->wanted->op.new_type, m->copies, 1, key) : err;
}

/* Its value, on this host for as long as it takes. */
static enum hufu_err give_clear(struct making *m, struct pool_key *key, const char *domain)
{
	uint8_t *value = secret_alloc(COPY_MAX);
	struct pool_request export = {.key = key,
	                              .op = {.verb = HUFU_VERB_EXPORT, .out = value, .out_cap = COPY_MAX, .repeatable = true,
	                                     .deadline_ns = more_time(m)}};
	struct pool_request import = {.op = {.verb = HUFU_VERB_IMPORT, .new_type = m->wanted->op.new_type, .in = value,
	                                     .repeatable = true, .deadline_ns = more_time(m)}};
	enum hufu_err err = value ? pool_run(m->tenant->pool, &export) : HUFU_ERR_NO_MEMORY;

	if (err == HUFU_OK) {
		import.op.in_len = export.op.out_len;
		err = make_one(m, &import, domain);
	}
	secret_free(value);
	return err;
}

/* A pair of the other domain's, for one journey. */
struct transport {
	struct pool_request wanted;
	struct making making;
	struct pool_key *public, *private;
};

static enum hufu_err transport_init(struct transport *t, const struct making *m, const char *domain)
{
	struct pool *pool = m->tenant->pool;
	uint8_t uuid[16];

	t->wanted = (struct pool_request){.op = {.verb = HUFU_VERB_GENERATE, .mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN,
	                                         .new_type = HUFU_KEY_SM2_PRIVATE, .repeatable = true}};
	t->making = (struct making){.tenant = m->tenant, .wanted = &t->wanted};
	t->public = t->private = NULL;
	enum hufu_err err = rand_bytes(uuid, sizeof(uuid));
	if (err == HUFU_OK)
		err = make_as_wanted(&t->making, domain, more_time(m));
	if (err != HUFU_OK)
		return err;
	const struct pool_copy point = {.kind = HUFU_COPY_BLOB, .data = t->making.pub, .len = t->making.pub_len};
	err = pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PRIVATE, t->making.copies, t->making.n, &t->private);
	uuid[0] ^= 1;
	return err == HUFU_OK ? pool_key_new(pool, uuid, 1, HUFU_KEY_SM2_PUBLIC, &point, 1, &t->public) : err;
}

static void transport_clear(struct transport *t)
{
	pool_key_rele(t->public);
	pool_key_rele(t->private);
	free_copies(&t->making);
}

static enum hufu_err wrap_and_unwrap(struct making *m, struct transport *t, struct pool_key *key, const char *domain)
{
	uint8_t *wrapped = malloc(COPY_MAX);
	struct pool_request wrap = {.key = t->public, .subject = key,
	                            .op = {.verb = HUFU_VERB_WRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .out = wrapped,
	                                   .out_cap = COPY_MAX, .repeatable = true, .deadline_ns = more_time(m)}};
	struct pool_request unwrap = {.key = t->private,
	                              .op = {.verb = HUFU_VERB_UNWRAP, .mechanism = CKM_HUFU_SM2_C1C3C2, .in = wrapped,
	                                     .repeatable = true, .new_type = m->wanted->op.new_type, .deadline_ns = more_time(m)}};
	enum hufu_err err = wrapped ? pool_run(m->tenant->pool, &wrap) : HUFU_ERR_NO_MEMORY;

	if (err == HUFU_OK) {
		unwrap.op.in_len = wrap.op.out_len;
		err = make_one(m, &unwrap, domain);
	}
	free(wrapped);
	return err;
}

/* From device to device, encrypted for the other domain: this host sees neither the value nor the key that opens it. */
static enum hufu_err give_wrapped(struct making *m, struct pool_key *key, const char *domain)
{
	struct transport *t = malloc(sizeof(*t));

	if (!t)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = transport_init(t, m, domain);
	if (err == HUFU_OK)
		err = wrap_and_unwrap(m, t, key, domain);
	transport_clear(t);
	free(t);
	return err;
}

/* Software would hold a wrapped key in the clear, too: to or from there it goes as it is. */
static enum hufu_err give(struct making *m, struct pool_key *key, const struct pool_domain *from, const struct pool_domain *to)
{
	struct pool *pool = m->tenant->pool;
	bool wraps = !from->software && !to->software && pool_can(pool, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_WRAP) &&
	             pool_can(pool, CKM_HUFU_SM2_C1C3C2, HUFU_VERB_UNWRAP);
	enum hufu_err err = wraps ? give_wrapped(m, key, to->name) : HUFU_ERR_UNSUPPORTED;

	return err != HUFU_OK && !m->hardware_only ? give_clear(m, key, to->name) : err;
}

/* What a device keeps, or does not give out, stays in its domain. */
static void give_to_others(struct making *m, size_t made)
{
	struct pool_key *key;

	if (made + 1 == m->ndomains || m->copies[0].kind != HUFU_COPY_BLOB || hold_first(m, &key) != HUFU_OK)
		return;
	if (m->hardware_only)
		pool_key_set_policy(key, true, false);
	for (size_t i = made + 1; i < m->ndomains; i++)
		if (m->domains[i].up)
			(void)!give(m, key, &m->domains[made], &m->domains[i]);
	pool_key_rele(key);
}

static void make_in_others(struct making *m, size_t from)
{
	for (size_t i = from; i < m->ndomains; i++)
		if (m->domains[i].up)
			(void)!make_as_wanted(m, m->domains[i].name, more_time(m));
}

/* The request is wrong, or this host is out of memory or time: no other domain will think otherwise. */
static bool is_final(enum hufu_err err)
{
	return hufu_err_group(err) == HUFU_GROUP_CALLER || err == HUFU_ERR_NO_MEMORY || err == HUFU_ERR_RANDOM ||
	       err == HUFU_ERR_DEADLINE;
}

static enum hufu_err make_all(struct making *m)
{
	enum hufu_err err = HUFU_ERR_NO_DEVICE;

	for (size_t i = 0; i < m->ndomains && m->n == 0; i++) {
		enum hufu_err one = make_as_wanted(m, m->domains[i].name, m->wanted->op.deadline_ns);

		if (one == HUFU_OK && m->wanted->op.verb == HUFU_VERB_GENERATE)
			give_to_others(m, i);
		else if (one == HUFU_OK)
			make_in_others(m, i + 1);
		/* Of several that fail, one that might have been able to tells more than one that never is. */
		if (one == HUFU_OK || hufu_err_group(one) != HUFU_GROUP_UNSUPPORTED || err == HUFU_ERR_NO_DEVICE)
			err = one;
		if (is_final(one))
			break;
	}
	return err;
}

/* -- the answer ------------------------------------------------------------------------ */

static enum hufu_err hand_out(struct making *m)
{
	struct hufu_op *op = &m->wanted->op;
	struct writer sealed;

	writer_init(&sealed, false);
	enum hufu_err err = tenant_seal_copy(m->tenant, op->new_type, m->hardware_only, m->copies, m->n, m->pub, m->pub_len,
	                                     &sealed);
	if (err == HUFU_OK) {
		op->out_len = sealed.len;
		err = sealed.len <= op->out_cap ? HUFU_OK : HUFU_ERR_BUFFER;
	}
	if (err == HUFU_OK) {
		memcpy(op->out, sealed.data, sealed.len);
		if (op->pub)
			memcpy(op->pub, m->pub, m->pub_len);
		op->pub_len = op->pub ? m->pub_len : 0;
		op->copy_kind = HUFU_COPY_BLOB;
	}
	writer_clear(&sealed);
	return err;
}

enum hufu_err tenant_make(struct tenant *tenant, struct pool_request *wanted, bool hardware_only)
{
	struct making m = {.tenant = tenant, .wanted = wanted, .hardware_only = hardware_only};

	wanted->attempts = 0;
	find_domains(&m);
	enum hufu_err err = make_all(&m);
	if (err == HUFU_OK)
		err = hand_out(&m);
	free_copies(&m);
	return err;
}
