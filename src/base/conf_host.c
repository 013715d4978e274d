/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that run in processes of their own: which, and where they are found. */
#include "base/conf_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define SYSTEM_DIR "/run/hufu/devices"

bool conf_host_settle(struct conf *conf)
{
	for (size_t i = 0; i < conf->ndevices; i++) {
		char **dir = &conf->devices[i].host_dir;

		if (conf->machine.given)
			*dir = strdup(conf->machine.host_dir);
		else if (conf->run_dir && asprintf(dir, "%s/devices", conf->run_dir) < 0)
			*dir = NULL;
		if (!*dir && (conf->machine.given || conf->run_dir))
			return false;
	}
	return true;
}

/* hufu/driver.h is open to all: what comes from elsewhere is taken for a vendor's. */
static bool is_vendors(const char *driver)
{
	return driver[0] == '/' || strcmp(driver, "sdf") == 0 || strcmp(driver, "p11") == 0;
}

bool conf_device_is_hosted(const struct conf_device *device)
{
	return device->isolation == CONF_ISOLATION_PROCESS ||
	       (device->isolation == CONF_ISOLATION_AUTO && is_vendors(device->driver));
}

static bool join(const char *dir, const char *more, const char *name, char *path, size_t len)
{
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path);
	int n = snprintf(path, len, "%s%s/%s.sock", dir, more, name);

	return n > 0 && (size_t)n < len && (size_t)n < most;
}

bool conf_host_socket(const struct conf_device *device, char *path, size_t len)
{
	const char *session = geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : NULL;

	if (device->host_dir)
		return join(device->host_dir, "", device->name, path, len);
	/* XDG base directory specification: a relative path is to be ignored. */
	if (join(SYSTEM_DIR, "", device->name, path, len) && (!session || session[0] != '/' || access(path, F_OK) == 0))
		return true;
	return session && session[0] == '/' && join(session, "/hufu/devices", device->name, path, len);
}
