/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a pool of devices that fail all the time, each in its own way, keeps
 * the contract as one good device does. The third never loses an answer, so
 * every op has an end.
 */
#include "driver_kit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "driver/driver.h"
#include "driver/fault/fault.h"
#include "pool/pool.h"

struct kit_key {
	struct pool_key *key;
};

#define DEVICE(name, script) "device \"" name "\" { driver = \"fault\"  domain = \"soft\"  script = \"" script "\" }\n"

static const char configuration[] =
	DEVICE("one", "run:lost%7; lease:busy%5; run:no-key%13; run:overlong%17")
	DEVICE("two", "open:gone*2; run:corrupt%11; run:gone%9; probe:gone%3")
	DEVICE("three", "run:busy%3; lease:gone%19; run:expired@8; any:delay=1ms%50")
	"token \"t\" { store = \"sqlite:/nowhere/t.db\"  devices = { \"one\", \"two\", \"three\" } }\n";

static struct conf *conf;
static struct pool *pool;

/* Virtual time: backoffs cost nothing. */
static _Atomic uint64_t now = NS_PER_S;

static uint64_t virtual_now(void)
{
	return atomic_fetch_add(&now, 1000);
}

static void virtual_sleep(uint64_t ns)
{
	atomic_fetch_add(&now, ns);
}

static void need(bool holds)
{
	if (!holds)
		abort();
}

static void report(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "# %s\n", message);
}

static void open_pool(void)
{
	need(conf_parse(configuration, "test", report, NULL, &conf) == HUFU_OK);
	need(pool_new(conf, &conf->tokens[0], &pool) == HUFU_OK);
}

static void close_pool(void)
{
	pool_free(pool);
	conf_free(conf);
	fault_reset();
}

static enum hufu_err run(struct hufu_op *op, struct kit_key *key)
{
	struct pool_request req = {.op = *op, .key = key ? key->key : NULL};

	req.op.repeatable = true;
	enum hufu_err err = pool_run(pool, &req);
	*op = req.op;
	return err;
}

static struct kit_key *key_new(enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	static const uint8_t uuid[16] = {1};
	struct pool_copy copy = {
		.kind = HUFU_COPY_BLOB, .domain = type == HUFU_KEY_SM2_PUBLIC ? NULL : "soft", .data = clear, .len = len};
	struct kit_key *key = malloc(sizeof(*key));
	struct hufu_op op = {.verb = HUFU_VERB_IMPORT, .new_type = type, .in = clear, .in_len = len};
	uint8_t out[4096], pub[HUFU_PUB_MAX];

	need(key && pool_key_new(pool, uuid, 1, type, &copy, 1, &key->key) == HUFU_OK);
	if (type != HUFU_KEY_SM2_PRIVATE)
		return key;
	op.out = out;
	op.out_cap = sizeof(out);
	op.pub = pub;
	if (run(&op, NULL) == HUFU_OK)
		need(pool_key_set_point(key->key, op.pub) == HUFU_OK);
	return key;
}

static void key_free(struct kit_key *key)
{
	pool_key_rele(key->key);
	free(key);
}

int main(void)
{
	static const struct subject subject = {open_pool, close_pool, run, key_new, key_free, NULL, NULL};

	clock_inject(virtual_now);
	clock_inject_sleep(virtual_sleep);
	need(fault_register() == HUFU_OK);
	return driver_suite("pool over failing devices", &subject);
}
