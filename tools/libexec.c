/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/libexec.h"
#include "tools/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool find(const char *name, const char *installed, char *path, size_t len)
{
	ssize_t n = readlink("/proc/self/exe", path, len - 1);

	if (n > 0) {
		path[n] = 0;
		size_t dir = (size_t)(strrchr(path, '/') - path);
		if ((size_t)snprintf(path + dir, len - dir, "/%s", name) < len - dir && access(path, X_OK) == 0)
			return true;
	}
	if ((size_t)snprintf(path, len, "%s/%s", installed, name) < len && access(path, X_OK) == 0)
		return true;
	note("%s: %s; it is installed with hufu", path, strerror(errno));
	return false;
}

bool libexec_find(const char *name, char *path, size_t len)
{
	return find(name, HUFU_LIBEXEC_PATH, path, len);
}

bool program_find(const char *name, char *path, size_t len)
{
	return find(name, HUFU_SBIN_PATH, path, len);
}
