/* SPDX-License-Identifier: Apache-2.0 */
/* A device tried for an administrator, in his own thread whatever its isolation: he can interrupt it. */
#include "pool/internal.h"

#include <stdio.h>
#include <string.h>

static struct device *find(struct pool *pool, const char *name)
{
	for (size_t i = 0; i < atomic_load(&pool->ndevices); i++) {
		struct device *device = atomic_load(&pool->devices[i]);

		if (device && !strcmp(device->conf->name, name))
			return device;
	}
	return NULL;
}

static enum hufu_err ask(struct device *device, uint64_t deadline_ns)
{
	struct opening *opening = opening_hold(device);

	if (!opening)
		return HUFU_ERR_GONE;
	enum hufu_err err = device->driver->probe(opening->handle, deadline_ns);
	opening_rele(opening);
	return err;
}

static enum hufu_err session(struct device *device, uint64_t deadline_ns)
{
	struct lease *lease;
	enum hufu_err err = lease_take(device, deadline_ns, &lease);

	if (err == HUFU_OK)
		lease_put(device, lease);
	return err;
}

enum hufu_err pool_probe(struct pool *pool, const char *name, bool deep, uint64_t deadline_ns, char *why, size_t why_len)
{
	struct device *device = find(pool, name);
	const char *what = "";

	snprintf(why, why_len, "%s", "");
	if (!device)
		return HUFU_ERR_NOT_FOUND;
	enum hufu_err err = device_open_here(device, deadline_ns);
	if (err != HUFU_OK)
		what = "it cannot be opened";
	if (err == HUFU_OK && (err = ask(device, deadline_ns)) != HUFU_OK)
		what = "it does not answer its probe";
	if (err == HUFU_OK && deep && (err = session(device, deadline_ns)) != HUFU_OK)
		what = "it gives no session";
	snprintf(why, why_len, "%s", what);
	return err;
}
