/* SPDX-License-Identifier: Apache-2.0 */
/* The suite's ops straight on a driver's leases. */
#include "driver_kit.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "driver/driver.h"

struct kit_key {
	struct hufu_key key;
	uint8_t *copy;
};

static struct {
	const struct hufu_driver *driver;
	const char *const *options;
	struct hufu_device *device;
	struct kit_key *subject;
} direct;

static const char *get(const struct hufu_conf *conf, const char *key)
{
	(void)conf;
	for (const char *const *option = direct.options; option && *option; option += 2)
		if (strcmp(option[0], key) == 0)
			return option[1];
	return NULL;
}

static void need(bool holds)
{
	if (!holds)
		abort();
}

void direct_use(const struct hufu_driver *driver, const char *const *options)
{
	direct.driver = driver;
	direct.options = options;
}

static struct hufu_device *device(void)
{
	return direct.device;
}

static void open_device(void)
{
	struct hufu_conf conf = {.size = sizeof(conf), .name = "subject", .get = get};

	need(direct.driver->open(driver_host(), &conf, 0, &direct.device) == HUFU_OK);
}

static void close_device(void)
{
	direct.driver->close(direct.device, 0);
}

/* A lease of its own for each op: threads need not know of each other. */
static enum hufu_err run(struct hufu_op *op, struct kit_key *key)
{
	struct hufu_lease *lease;

	op->size = sizeof(*op);
	op->key = key ? &key->key : NULL;
	op->subject = direct.subject ? &direct.subject->key : NULL;
	op->outcome = HUFU_ERR_BUG;
	need(direct.driver->lease(direct.device, 0, &lease) == HUFU_OK);
	direct.driver->run(lease, &op, 1);
	direct.driver->release(lease);
	return op->outcome;
}

struct kit_key *direct_key(enum hufu_key_type type, enum hufu_copy_kind kind, const uint8_t *copy, size_t len)
{
	struct kit_key *key = calloc(1, sizeof(*key));

	need(key && (key->copy = secret_alloc(len)));
	memcpy(key->copy, copy, len);
	key->key = (struct hufu_key){
		.size = sizeof(key->key), .type = type, .copy_kind = kind, .blob = key->copy, .blob_len = len};
	return key;
}

static struct kit_key *key_new(enum hufu_key_type type, const uint8_t *clear, size_t len)
{
	return direct_key(type, HUFU_COPY_BLOB, clear, len);
}

static void key_free(struct kit_key *key)
{
	struct hufu_op op = {.verb = HUFU_VERB_EVICT};

	need(run(&op, key) == HUFU_OK && !key->key.loaded);
	secret_free(key->copy);
	free(key);
}

static void set_subject(struct kit_key *key)
{
	direct.subject = key;
}

const struct subject direct_subject = {open_device, close_device, run, key_new, key_free, set_subject, NULL, device};
