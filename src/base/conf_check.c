/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a file may belong to: whoever can write the configuration, or replace
 * it, has our keys.
 */
#include "base/conf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool owner_is_trusted(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

static bool check_stat(const char *path, const struct stat *st, char *err, size_t err_len)
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(err, err_len, "%s is not a regular file. Name one", path);
		return false;
	}
	if (!owner_is_trusted(st)) {
		snprintf(err, err_len, "%s belongs to user %u. Make it belong to root or to user %u", path, st->st_uid, geteuid());
		return false;
	}
	if (st->st_mode & (S_IWGRP | S_IWOTH)) {
		snprintf(err, err_len, "%s may be written by others than its owner. Run chmod go-w %s", path, path);
		return false;
	}
	return true;
}

/* In a sticky directory others may add files, but not replace ours. */
static bool check_directory_of(const char *path, char *err, size_t err_len)
{
	char copy[PATH_MAX];
	struct stat st;
	if (strlen(path) >= sizeof(copy)) {
		snprintf(err, err_len, "the path is too long. It may have %zu bytes", sizeof(copy) - 1);
		return false;
	}
	memcpy(copy, path, strlen(path) + 1);
	const char *dir = dirname(copy);
	if (stat(dir, &st) != 0) {
		snprintf(err, err_len, "%s cannot be looked at: %s. Make the directory readable", dir, strerrordesc_np(errno));
		return false;
	}
	if (!owner_is_trusted(&st)) {
		snprintf(err, err_len, "the directory %s belongs to user %u. Make it belong to root or to user %u", dir,
		         st.st_uid, geteuid());
		return false;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX)) {
		snprintf(err, err_len, "the directory %s may be written by others than its owner. Run chmod go-w %s", dir, dir);
		return false;
	}
	return true;
}

/* Both the directory of a symbolic link and that of the file it leads to decide what is read. */
static bool check_directories(const char *path, char *err, size_t err_len)
{
	char *target = realpath(path, NULL);
	if (!target) {
		snprintf(err, err_len, "%s cannot be found: %s. Check the path", path, strerrordesc_np(errno));
		return false;
	}
	bool good = check_directory_of(path, err, err_len) && check_directory_of(target, err, err_len);
	free(target);
	return good;
}

int conf_open_checked(const char *path, char *err, size_t err_len)
{
	struct stat st;
	if (path[0] != '/') {
		snprintf(err, err_len, "%s is not an absolute path. Begin it with /", path);
		return -1;
	}
	/* A FIFO or a device must not block the application, nor become its terminal. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		snprintf(err, err_len, "%s cannot be opened: %s. Check the path and its mode", path, strerrordesc_np(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && check_stat(path, &st, err, err_len) && check_directories(path, err, err_len))
		return fd;
	close(fd);
	return -1;
}

enum hufu_err conf_check_file(const char *path, char *err, size_t err_len)
{
	int fd = conf_open_checked(path, err, err_len);
	if (fd < 0)
		return HUFU_ERR_CONFIG;
	close(fd);
	return HUFU_OK;
}

void conf_sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	int dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	(void)fsync(dir);
	close(dir);
}
