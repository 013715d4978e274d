/* SPDX-License-Identifier: Apache-2.0 */
/* The suite's ops through a pool. */
#include "driver_kit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/fault/fault.h"
#include "pool/pool.h"

struct kit_key {
	struct pool_key *key;
};

static const struct pooled *pooled;
static struct conf *conf;
static struct pool *pool;
static struct kit_key *subject;
static _Atomic unsigned long imports_served;

static void need(bool holds)
{
	if (!holds)
		abort();
}

void pooled_use(const struct pooled *how)
{
	pooled = how;
}

bool pooled_serves(struct pool *its, size_t n)
{
	struct pool_device_status status[POOL_DEVICES_MAX];
	size_t have = pool_status(its, status, POOL_DEVICES_MAX), serve = 0;

	for (size_t i = 0; i < have; i++)
		serve += status[i].state == POOL_UP || status[i].state == POOL_SLOW_START;
	return serve == n;
}

void pooled_break(struct pool *its, const char *const (*scripts)[2], size_t n)
{
	char why[256];

	need(pooled_serves(its, n));
	for (size_t i = 0; i < n; i++)
		need(fault_script(scripts[i][0], scripts[i][1], why, sizeof(why)) == HUFU_OK);
}

static void report(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "# %s\n", message);
}

static void open_pool(void)
{
	need(conf_parse(pooled->configuration, "test", report, NULL, &conf) == HUFU_OK);
	for (size_t i = 0; i < conf->ndevices && pooled->driver; i++) {
		free(conf->devices[i].driver);
		need((conf->devices[i].driver = strdup(pooled->driver)));
	}
	need(pool_new(conf, &conf->tokens[0], &pool) == HUFU_OK);
	if (pooled->opened)
		pooled->opened(pool);
}

static void close_pool(void)
{
	pool_free(pool);
	conf_free(conf);
	if (pooled->closed)
		pooled->closed();
}

/* The suite looks into the copies that it has made. */
static bool makes_key(enum hufu_verb verb)
{
	return verb == HUFU_VERB_GENERATE || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_UNWRAP;
}

static enum hufu_err run(struct hufu_op *op, struct kit_key *key)
{
	struct pool_request req = {.op = *op, .key = key ? key->key : NULL,
	                           .subject = subject ? subject->key : NULL};

	req.op.repeatable = true;
	if (pooled->imports && makes_key(op->verb))
		req.domain = "soft";
	enum hufu_err err = pool_run(pool, &req);
	*op = req.op;
	if (err == HUFU_OK && pooled->imports && key && strcmp(req.served_domain, pooled->imports) == 0)
		atomic_fetch_add(&imports_served, 1);
	return err;
}

unsigned long pooled_imports_served(void)
{
	return atomic_load(&imports_served);
}

static bool is_public(enum hufu_key_type type)
{
	return type == HUFU_KEY_SM2_PUBLIC || type == HUFU_KEY_RSA_PUBLIC || type == HUFU_KEY_EC_PUBLIC ||
	       type == HUFU_KEY_EDWARDS_PUBLIC || type == HUFU_KEY_MONTGOMERY_PUBLIC;
}

/* By which signatures are verified before release. A key that is wrong has none: that it is wrong is for its use to say. */
static void set_public(struct pool_key *key, enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	uint8_t out[8192], pub[HUFU_PUB_MAX];
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len,
	                     .out = out, .out_cap = sizeof(out), .pub = pub};
	bool signs = type == HUFU_KEY_RSA_PRIVATE || type == HUFU_KEY_EC_PRIVATE || type == HUFU_KEY_EDWARDS_PRIVATE;

	if ((!signs && type != HUFU_KEY_SM2_PRIVATE) || run(&op, NULL) != HUFU_OK)
		return;
	if (signs)
		need(pool_key_set_public(key, pub, op.pub_len) == HUFU_OK);
	else
		need(pool_key_set_point(key, pub) == HUFU_OK);
}

/* False: its devices do not take it in. */
static bool import(const char *domain, enum hufu_key_type type, struct pool_copy *copy, uint8_t *out, size_t cap)
{
	struct pool_request req = {.domain = domain, .op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = copy->data,
	                                                    .in_len = copy->len, .out = out, .out_cap = cap, .repeatable = true}};
	uint8_t pub[HUFU_PUB_MAX];

	req.op.pub = pub;
	if (pool_run(pool, &req) != HUFU_OK)
		return false;
	*copy = (struct pool_copy){.kind = req.op.copy_kind, .domain = domain, .data = out, .len = req.op.out_len};
	return true;
}

static struct kit_key *key_new(enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	static const uint8_t uuid[16] = {1};
	struct pool_copy copies[] = {
		{.kind = HUFU_COPY_BLOB, .domain = is_public(type) ? NULL : "soft", .data = clear, .len = len},
		{.kind = HUFU_COPY_BLOB, .domain = "other", .data = clear, .len = len},
	};
	struct kit_key *key = malloc(sizeof(*key));
	uint8_t imported[8192];
	size_t n = is_public(type) ? 1 : 2;

	if (n == 2 && pooled->imports)
		n = import(pooled->imports, type, &copies[1], imported, sizeof(imported)) ? 2 : 1;
	need(key && pool_key_new(pool, uuid, 1, type, copies, n, &key->key) == HUFU_OK);
	set_public(key->key, type, clear, len);
	return key;
}

static void key_free(struct kit_key *key)
{
	pool_key_rele(key->key);
	free(key);
}

static void set_subject(struct kit_key *key)
{
	subject = key;
}

const struct subject pooled_subject = {open_pool, close_pool, run, key_new, key_free, set_subject, NULL, NULL};
