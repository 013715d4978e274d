/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that hufud hosts on this machine, each in a process of its own. */
#include "driver/driver.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct hufu_driver hosted_software;

static void make_software(void)
{
	hosted_software = driver_net;
	hosted_software.flags |= HUFU_DRIVER_SOFTWARE;
}

const struct hufu_driver *driver_hosted(bool software)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_software);
	return software ? &hosted_software : &driver_net;
}

/* In a directory that others can write to, anybody might listen. */
static bool is_private(const char *path, uid_t *owner)
{
	char copy[PATH_MAX];
	struct stat st;

	snprintf(copy, sizeof(copy), "%s", path);
	if (stat(dirname(copy), &st) != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		return false;
	*owner = st.st_uid;
	return true;
}

enum hufu_err driver_host_find(const struct conf_device *device, struct driver_host_address *out, char *why, size_t why_len)
{
	char path[108];
	struct stat st;
	uid_t owner = 0;

	if (!conf_host_socket(device, path, sizeof(path))) {
		snprintf(why, why_len, "the path of its host's socket is too long. Give the machine a shorter host_dir");
		return HUFU_ERR_GONE;
	}
	if (stat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		snprintf(why, why_len, "no hufud hosts it: %s is not there. Start hufud with this configuration", path);
		return HUFU_ERR_GONE;
	}
	/* unix(7): to connect to a socket one must be able to write to it. */
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0) {
		snprintf(why, why_len, "%s is not for this user. Add identity \"name\" { user = \"%u\" roles = { devices } tokens = { \"*\" } }",
		         path, (unsigned)geteuid());
		return HUFU_ERR_GONE;
	}
	if (!is_private(path, &owner)) {
		snprintf(why, why_len, "others may write to the directory of %s, and listen there. Run chmod go-w on it", path);
		return HUFU_ERR_GONE;
	}
	snprintf(out->address, sizeof(out->address), "unix:%s", path);
	snprintf(out->server_uid, sizeof(out->server_uid), "%u", (unsigned)owner);
	return HUFU_OK;
}

static const char *get(const struct hufu_conf *conf, const char *key)
{
	const struct driver_host_address *address = conf->priv;

	if (strcmp(key, "address") == 0)
		return address->address;
	if (strcmp(key, "server_uid") == 0)
		return address->server_uid;
	return strcmp(key, "role") == 0 ? "host" : NULL;
}

struct hufu_conf driver_hosted_conf(const struct conf_device *device, const struct driver_host_address *address)
{
	return (struct hufu_conf){.size = sizeof(struct hufu_conf), .name = device->name, .get = get, .priv = address};
}
