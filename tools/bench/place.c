/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/bench.h"
#include "tools/report.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *place_make(const char *parent)
{
	char *path = NULL;

	if (asprintf(&path, "%s/hufu-bench.XXXXXX", parent) < 0)
		return NULL;
	if (mkdtemp(path))
		return path;
	fail_errno("Name another place with --dir.", "making a directory in %s", parent);
	free(path);
	return NULL;
}

const char *place_fast(void)
{
	const char *told = getenv("TMPDIR");

	if (told && *told)
		return told;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static bool write_file(const char *dir, const char *name, const char *env, const char *format)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		fail_errno(NULL, "making %s", path);
		return false;
	}
	/* $ stands for the directory. */
	for (; *format; format++)
		*format == '$' ? fputs(dir, f) : fputc(*format, f);
	bool good = fclose(f) == 0 && setenv(env, path, 1) == 0;
	if (!good)
		fail_errno(NULL, "writing %s", path);
	return good;
}

bool place_configure(const char *dir)
{
	static const char hufu[] = "log { to = \"file:$/hufu.log\" level = \"warning\" }\n"
	                           "token \"bench\" {\n\tstore = \"sqlite:$/bench.db\"\n"
	                           "\thost_secret = \"file:$/host.key\"\n\tdevices = { \"soft\" }\n}\n"
	                           "device \"soft\" { driver = \"soft\" domain = \"soft\" }\n";
	static const char softhsm[] = "directories.tokendir = $/tokens\nobjectstore.backend = file\nlog.level = ERROR\n";
	char tokens[4096];

	snprintf(tokens, sizeof tokens, "%s/tokens", dir);
	if (mkdir(tokens, 0700)) {
		fail_errno(NULL, "making %s", tokens);
		return false;
	}
	return write_file(dir, "hufu.conf", "HUFU_CONF", hufu) && write_file(dir, "softhsm2.conf", "SOFTHSM2_CONF", softhsm);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void place_remove(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
