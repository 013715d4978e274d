/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pool adds to a call: pool_run against the driver's own run on a
 * lease that is held, both of the same op on a device that does nothing. The
 * least of many rounds, since all else that a machine does only adds.
 */
#include "tools/lab/lab.h"

#include "driver/driver.h"
#include "hufu/mechanisms.h"
#include "pool/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS 2000

/* -- a device that does nothing ------------------------------------------------------ */

static struct hufu_device *const nowhere = (struct hufu_device *)&(char){0};

static enum hufu_err idle_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                               struct hufu_device **out)
{
	(void)host;
	(void)conf;
	(void)deadline_ns;
	*out = nowhere;
	return HUFU_OK;
}

static void idle_close(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)device;
	(void)deadline_ns;
}

static enum hufu_err idle_info(struct hufu_device *device, struct hufu_device_info *info)
{
	static const struct hufu_capability caps[] = {{.mechanism = CKM_HUFU_SM4_CBC, .verbs = 1u << HUFU_VERB_ENCRYPT}};

	(void)device;
	info->caps = caps;
	info->ncaps = 1;
	return HUFU_OK;
}

static enum hufu_err idle_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)device;
	(void)deadline_ns;
	return HUFU_OK;
}

static enum hufu_err idle_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	(void)deadline_ns;
	*out = (struct hufu_lease *)device;
	return HUFU_OK;
}

static void idle_release(struct hufu_lease *lease)
{
	(void)lease;
}

static void idle_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	(void)lease;
	for (size_t i = 0; i < n; i++) {
		ops[i]->out_len = ops[i]->in_len;
		ops[i]->outcome = HUFU_OK;
	}
}

static const struct hufu_driver driver_idle = {
	.size = sizeof driver_idle,
	.abi = HUFU_DRIVER_ABI,
	.name = "idle",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE | HUFU_DRIVER_FORK_SAFE | HUFU_DRIVER_SOFTWARE,
	.open = idle_open,
	.close = idle_close,
	.info = idle_info,
	.probe = idle_probe,
	.lease = idle_lease,
	.release = idle_release,
	.run = idle_run,
};

/* -- the pool over it -------------------------------------------------------------------- */

static void say(void *arg, const char *message)
{
	(void)arg;
	lab_fail("%s", message);
}

static struct conf *configure(unsigned devices)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	struct conf *conf = NULL;

	if (!f)
		return NULL;
	for (unsigned i = 0; i < devices; i++)
		fprintf(f, "device \"d%u\" { driver = \"soft\" domain = \"lab\" isolation = direct }\n", i + 1);
	fputs("log { to = none }\ntoken \"lab\" { store = \"sqlite:/nowhere\" devices = {", f);
	for (unsigned i = 0; i < devices; i++)
		fprintf(f, "%s \"d%u\"", i ? "," : "", i + 1);
	fputs(" } }\n", f);
	if (fclose(f) == 0 && conf_parse(text, "lab", say, NULL, &conf) != HUFU_OK)
		conf = NULL;
	free(text);
	/* A configuration names no driver that is not hufu's or a file. */
	for (size_t i = 0; conf && i < conf->ndevices; i++) {
		free(conf->devices[i].driver);
		conf->devices[i].driver = strdup("idle");
	}
	return conf;
}

static bool make_pool(unsigned devices, struct pool **pool, struct pool_key **key)
{
	static const uint8_t uuid[16] = {1}, blob[16] = {2};
	const struct pool_copy copy = {HUFU_COPY_BLOB, "lab", blob, sizeof blob};
	struct conf *conf = configure(devices); /* the pool may look at it as long as it lives: to the end of the process */

	return conf && pool_new(conf, &conf->tokens[0], pool) == HUFU_OK &&
	       pool_key_new(*pool, uuid, 1, HUFU_KEY_SM4, &copy, 1, key) == HUFU_OK;
}

/* -- rounds ---------------------------------------------------------------------------------- */

static const struct hufu_param_iv iv = {.iv = {0}};
static uint8_t in[64], out[sizeof in];

static double pool_round(struct pool *pool, struct pool_key *key)
{
	uint64_t begin = clock_now_ns();

	for (unsigned i = 0; i < CALLS; i++) {
		struct pool_request req = {.key = key,
		                           .op = {.verb = HUFU_VERB_ENCRYPT,
		                                  .mechanism = CKM_HUFU_SM4_CBC,
		                                  .param = &iv,
		                                  .in = in,
		                                  .in_len = sizeof in,
		                                  .out = out,
		                                  .out_cap = sizeof out,
		                                  .repeatable = true}};
		if (pool_run(pool, &req) != HUFU_OK || req.op.out_len != sizeof in)
			return -1;
	}
	return (double)(clock_now_ns() - begin) / CALLS;
}

static double driver_round(void)
{
	/* Through a pointer that the compiler cannot see through, as the pool's. */
	const struct hufu_driver *volatile driver = &driver_idle;
	struct hufu_lease *lease = (struct hufu_lease *)nowhere;
	uint64_t begin = clock_now_ns();

	for (unsigned i = 0; i < CALLS; i++) {
		struct hufu_op op = {.size = sizeof op,
		                     .verb = HUFU_VERB_ENCRYPT,
		                     .mechanism = CKM_HUFU_SM4_CBC,
		                     .param = &iv,
		                     .in = in,
		                     .in_len = sizeof in,
		                     .out = out,
		                     .out_cap = sizeof out};
		struct hufu_op *const ops[] = {&op};
		driver->run(lease, ops, 1);
		if (op.outcome != HUFU_OK)
			return -1;
	}
	return (double)(clock_now_ns() - begin) / CALLS;
}

json_t *lab_overhead(const struct lab_args *args)
{
	unsigned devices = (unsigned)lab_number(args, "devices", 1, LAB_DEVICES_MAX, 1);
	uint64_t until = clock_now_ns() + lab_number(args, "ms", 1, 600000, 200) * NS_PER_MS;
	double pooled = 1e9, straight = 1e9;
	struct pool *pool;
	struct pool_key *key;

	if (driver_register(&driver_idle) != HUFU_OK || !make_pool(devices, &pool, &key))
		return lab_fail("no pool to be had"), NULL;
	do {
		double a = pool_round(pool, key), b = driver_round();
		if (a < 0 || b < 0)
			return lab_fail("a call of the pool failed"), NULL;
		pooled = a < pooled ? a : pooled;
		straight = b < straight ? b : straight;
	} while (clock_now_ns() < until);
	pool_key_rele(key);
	pool_free(pool);
	return json_pack("{s:f,s:f,s:f}", "pool_ns", pooled, "driver_ns", straight, "added_ns", pooled - straight);
}
