/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New keys: a copy in every domain that takes one, sealed together for the client.
 * A machine that is asked twice makes two keys, and none stays with it: the client keeps one.
 */
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
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

/* -- the same key elsewhere ---------------------------------------------------------- */

static uint64_t more_time(const struct making *m)
{
	uint64_t until = clock_now_ns() + MORE_TIME_NS, deadline = m->wanted->op.deadline_ns;

	return deadline && deadline < until ? deadline : until;
}

static enum hufu_err export_value(struct making *m, uint8_t **value, size_t *len)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_EXPORT, .out_cap = COPY_MAX, .repeatable = true, .deadline_ns = more_time(m)}};
	uint8_t uuid[16];
	enum hufu_err err = rand_bytes(uuid, sizeof(uuid));

	*value = NULL;
	if (err == HUFU_OK)
		err = pool_key_new(m->tenant->pool, uuid, 0, m->wanted->op.new_type, m->copies, m->n, &req.key);
	if (err != HUFU_OK)
		return err;
	req.op.out = *value = secret_alloc(COPY_MAX);
	err = *value ? pool_run(m->tenant->pool, &req) : HUFU_ERR_NO_MEMORY;
	*len = req.op.out_len;
	pool_key_rele(req.key);
	return err;
}

/* A key of hardware alone stays in the domain that made it. One that no device gives out does, too. */
static void give_to_others(struct making *m, size_t from)
{
	struct pool_request req = {.op = {.verb = HUFU_VERB_IMPORT, .new_type = m->wanted->op.new_type, .repeatable = true}};
	uint8_t *value;
	size_t len;

	if (from == m->ndomains || m->hardware_only || m->copies[0].kind != HUFU_COPY_BLOB)
		return;
	if (export_value(m, &value, &len) == HUFU_OK)
		for (size_t i = from; i < m->ndomains; i++) {
			req.op.in = value;
			req.op.in_len = len;
			req.op.deadline_ns = more_time(m);
			if (m->domains[i].up)
				(void)!make_one(m, &req, m->domains[i].name);
		}
	secret_free(value);
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
	return hufu_err_group(err) == HUFU_GROUP_CALLER || err == HUFU_ERR_NO_MEMORY || err == HUFU_ERR_RANDOM || err == HUFU_ERR_DEADLINE;
}

static enum hufu_err make_all(struct making *m)
{
	enum hufu_err err = HUFU_ERR_NO_DEVICE;

	for (size_t i = 0; i < m->ndomains && m->n == 0; i++) {
		enum hufu_err one = make_as_wanted(m, m->domains[i].name, m->wanted->op.deadline_ns);

		if (one == HUFU_OK && m->wanted->op.verb == HUFU_VERB_GENERATE)
			give_to_others(m, i + 1);
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
	enum hufu_err err = tenant_seal_copy(m->tenant, op->new_type, m->hardware_only, m->copies, m->n, m->pub, m->pub_len, &sealed);
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
	for (size_t i = 0; i < m.n; i++)
		secret_free((void *)(uintptr_t)m.copies[i].data);
	return err;
}
