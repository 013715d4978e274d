/* SPDX-License-Identifier: Apache-2.0 */
/* Where files of counters lie: directories that belong to one user and are closed to all others. */
#include "stats/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -1, or it is a directory of owner's that nobody else can enter. */
static int open_private(int at, const char *name, uid_t owner)
{
	struct stat st;
	int dir = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -1;
	if (fstat(dir, &st) == 0 && st.st_uid == owner && (st.st_mode & 077) == 0)
		return dir;
	close(dir);
	errno = EPERM; /* what the log says of it */
	return -1;
}

static bool system_path(char *path, size_t len)
{
	int n = snprintf(path, len, STATS_SYSTEM_DIR "/%u", (unsigned)geteuid());
	return n > 0 && (size_t)n < len;
}

/* XDG base directory specification: a relative path is to be ignored. */
static bool session_path(char *path, size_t len)
{
	const char *base = secure_getenv("XDG_RUNTIME_DIR");
	if (!base || base[0] != '/')
		return false;
	int n = snprintf(path, len, "%s/hufu", base);
	return n > 0 && (size_t)n < len;
}

static int make_private(const char *path)
{
	(void)mkdir(path, 0700); /* there already, or it cannot be: the open tells */
	return open_private(AT_FDCWD, path, geteuid());
}

static int make_in_system(char *path, size_t path_len)
{
	if (geteuid() == 0)
		(void)mkdir(STATS_SYSTEM_DIR, 0755);
	return system_path(path, path_len) ? make_private(path) : -1;
}

int stats_dir_make(const char *run_dir, char *path, size_t path_len)
{
	if (run_dir) {
		int n = snprintf(path, path_len, "%s", run_dir);
		return n > 0 && (size_t)n < path_len ? make_private(path) : -1;
	}
	int dir = make_in_system(path, path_len);
	if (dir < 0 && session_path(path, path_len))
		dir = make_private(path);
	return dir;
}

/* -- for readers ---------------------------------------------------------------- */

static void visit(int at, const char *name, uid_t owner, void (*each)(int dir, uid_t owner, void *arg), void *arg)
{
	int dir = open_private(at, name, owner);
	if (dir < 0)
		return;
	each(dir, owner, arg);
	close(dir);
}

/* "0", "1000": what a number of a user prints as. */
static bool parse_uid(const char *name, uid_t *uid)
{
	char again[16];
	char *end;
	unsigned long n = strtoul(name, &end, 10);
	if (end == name || *end || n > UINT32_MAX)
		return false;
	*uid = (uid_t)n;
	snprintf(again, sizeof again, "%lu", n);
	return strcmp(again, name) == 0;
}

/* Root sees every user's. */
static void visit_all_users(void (*each)(int dir, uid_t owner, void *arg), void *arg)
{
	DIR *users = opendir(STATS_SYSTEM_DIR);
	struct dirent *entry;
	uid_t uid;
	if (!users)
		return;
	while ((entry = readdir(users)))
		if (parse_uid(entry->d_name, &uid))
			visit(dirfd(users), entry->d_name, uid, each, arg);
	closedir(users);
}

/* Root looks into a directory of whomever the configuration made it for. */
static uid_t owner_of(const char *path)
{
	struct stat st;
	return geteuid() == 0 && stat(path, &st) == 0 ? st.st_uid : geteuid();
}

void stats_dirs(const char *run_dir, void (*each)(int dir, uid_t owner, void *arg), void *arg)
{
	char path[PATH_MAX];
	if (run_dir) {
		visit(AT_FDCWD, run_dir, owner_of(run_dir), each, arg);
		return;
	}
	if (geteuid() == 0)
		visit_all_users(each, arg);
	else if (system_path(path, sizeof path))
		visit(AT_FDCWD, path, geteuid(), each, arg);
	if (session_path(path, sizeof path))
		visit(AT_FDCWD, path, geteuid(), each, arg);
}
