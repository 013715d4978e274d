/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices need threads of ours, and which may run in their callers'. */
#include "pool/internal.h"

#include "driver/driver.h"

const char *driver_why_not_direct(const struct hufu_driver *driver)
{
	if (!(driver->flags & HUFU_DRIVER_RETURNS_BY_DEADLINE))
		return "does not promise to return by its deadline";
	if (driver->flags & HUFU_DRIVER_THREAD_AFFINE)
		return "binds its sessions to threads";
	return NULL;
}

/* A driver that cannot be had needs nothing: what is wrong with it is told at its first use. */
static bool needs_threads(const struct conf_device *device)
{
	struct driver_host_address address;
	char why[512];
	if (device->isolation == CONF_ISOLATION_THREAD)
		return true;
	if (device->isolation == CONF_ISOLATION_PROCESS)
		return false;
	const struct hufu_driver *driver = driver_find(device->driver, why, sizeof(why));
	if (!driver || !driver_why_not_direct(driver))
		return false;
	return !conf_device_is_hosted(device) || driver_host_find(device, &address, why, sizeof(why)) != HUFU_OK;
}

bool pool_needs_threads_for(const struct conf *conf, const struct conf_token *token)
{
	for (size_t i = 0; i < token->ndevices; i++)
		if (!needs_threads(&conf->devices[token->devices[i]]))
			return false;
	return token->ndevices > 0;
}
