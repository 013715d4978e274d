/* SPDX-License-Identifier: Apache-2.0 */
/* What the host lends: thin coats over base and rand, so that a driver links nothing of ours. */
#include "driver/driver.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"

static enum hufu_err host_random(uint8_t *out, size_t len)
{
	return rand_bytes(out, len);
}

static const struct hufu_driver *host_driver(const char *name)
{
	char why[512];
	const struct hufu_driver *driver = driver_find(name, why, sizeof(why));

	if (!driver)
		log_error("%s", why);
	return driver;
}

const struct hufu_host *driver_host(void)
{
	static const struct hufu_host host = {
		.size = sizeof(host),
		.abi = HUFU_DRIVER_ABI,
		.secret_alloc = secret_alloc,
		.secret_free = secret_free,
		.random = host_random,
		.now_ns = clock_now_ns,
		.log = log_device,
		.driver = host_driver,
	};

	return &host;
}

static const char *conf_get(const struct hufu_conf *conf, const char *key)
{
	const struct conf_device *device = conf->priv;

	for (char **option = device->options; option && option[0]; option += 2)
		if (strcmp(option[0], key) == 0)
			return option[1];
	return NULL;
}

struct hufu_conf driver_conf(const struct conf_device *device)
{
	return (struct hufu_conf){.size = sizeof(struct hufu_conf), .name = device->name, .get = conf_get, .priv = device};
}
