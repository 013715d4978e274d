/* SPDX-License-Identifier: Apache-2.0 */
/* The key that the machines of a domain share, from a file or from systemd's credentials. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "hufud/tenant.h"

static enum hufu_err refuse(const char *path, const char *why)
{
	log_error("the master key %s: %s", path, why);
	return HUFU_ERR_CONFIG;
}

/* systemd.exec(5), CREDENTIALS: $CREDENTIALS_DIRECTORY/NAME. False: there is none. */
static bool path_of(const char *where, char *path, size_t cap)
{
	static const char file[] = "file:", credential[] = "credential:";
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	int len = -1;

	if (strncmp(where, file, sizeof(file) - 1) == 0)
		len = snprintf(path, cap, "%s", where + sizeof(file) - 1);
	else if (strncmp(where, credential, sizeof(credential) - 1) == 0 && directory)
		len = snprintf(path, cap, "%s/%s", directory, where + sizeof(credential) - 1);
	return len > 0 && (size_t)len < cap && path[0] == '/';
}

/* Of root's files root has decided who reads them; and systemd's credentials may be root's, with this user in an ACL, which looks so. */
static mode_t not_allowed(const struct stat *st)
{
	return st->st_uid == 0 && geteuid() != 0 ? S_IWGRP | S_IRWXO : S_IRWXG | S_IRWXO;
}

static enum hufu_err read_checked(const char *path, int fd, uint8_t master[MASTER_LEN])
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return refuse(path, "it is no regular file. Name one of 32 bytes");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return refuse(path, "it belongs to another user. Make it belong to root or to this one (chown)");
	if (st.st_mode & not_allowed(&st))
		return refuse(path, "others may read or write it. Take their rights away (chmod 600), and take it for known to them");
	if (st.st_size != MASTER_LEN)
		return refuse(path, "it is not 32 bytes long. Make one with: head -c 32 /dev/urandom, and give all machines of the domain the same");
	if (pread(fd, master, MASTER_LEN, 0) != MASTER_LEN)
		return refuse(path, "it cannot be read. Check the disk");
	return HUFU_OK;
}

enum hufu_err master_load(const char *where, uint8_t master[MASTER_LEN])
{
	char path[PATH_MAX];

	if (!path_of(where, path, sizeof(path)))
		return refuse(where, "there is no such place. Write file:/absolute/path, or credential:NAME with LoadCredential=NAME:... "
		              "in the unit");
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0)
		return refuse(path, errno == ENOENT ? "it is missing. Restore it from where it is kept: without it no copy that clients hold can be opened"
		                    : errno == EACCES ? "this user may not read it. Give it to this one (chown)"
		                    : "it cannot be opened. Name a file that is no link");
	enum hufu_err err = read_checked(path, fd, master);
	close(fd);
	if (err != HUFU_OK)
		secret_wipe(master, MASTER_LEN);
	return err;
}
