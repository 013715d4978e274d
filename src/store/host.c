/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host secret: what a thief of the store's file, or of its backup, lacks to
 * guess PINs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "store/internal.h"

static enum hufu_err refuse(const char *path, const char *why)
{
	log_error("host secret %s: %s", path, why);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err check(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return refuse(path, "it is not a regular file. Name one, or restore it from the backup");
	/* Root looks after other users' tokens and believes them what it believes nobody else. */
	if (geteuid() != 0 && st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(path, "it belongs to another user. Give it to this one (chown)");
	/* systemd's credentials may be root's with this user in an ACL, which looks like a group's right to read. */
	if (st->st_mode & (st->st_uid == 0 && geteuid() != 0 ? 027 : 077))
		return refuse(path,
		              "others may read or write it. Take their rights away (chmod 600), and take it for known to them");
	if (st->st_size != HOST_SECRET_LEN)
		return refuse(path, "it is not 32 bytes long. Restore it from the backup: without it no PIN opens the token");
	return HUFU_OK;
}

static enum hufu_err read_checked(const char *path, int fd, struct keys *keys)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return file_fail(path, "looked at", errno);
	enum hufu_err err = check(path, &st);
	if (err)
		return err;
	if (pread(fd, keys->host_secret, HOST_SECRET_LEN, 0) != HOST_SECRET_LEN)
		return file_fail(path, "read", errno ? errno : EIO);
	keys->host_secret_len = HOST_SECRET_LEN;
	return HUFU_OK;
}

enum hufu_err host_secret_load(const char *path, struct keys *keys)
{
	if (!path)
		return HUFU_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return refuse(path, "it is missing, and the store was made with it. Restore it from the backup");
	if (fd < 0 && errno == EACCES)
		return refuse(path, "this user may not read it. Give it to this one (chown)");
	if (fd < 0)
		return file_fail(path, "opened", errno);
	enum hufu_err err = read_checked(path, fd, keys);
	close(fd);
	return err;
}

static enum hufu_err write_new(const char *path)
{
	uint8_t *secret = secret_alloc(HOST_SECRET_LEN);
	int fd = -1;
	enum hufu_err err = secret ? rand_bytes(secret, HOST_SECRET_LEN) : HUFU_ERR_NO_MEMORY;

	unlink(path); /* of somebody who died here */
	if (!err)
		err = file_create(path, &fd);
	if (!err && write(fd, secret, HOST_SECRET_LEN) != HOST_SECRET_LEN)
		err = file_fail(path, "written", errno ? errno : ENOSPC);
	if (fd >= 0)
		close(fd);
	secret_free(secret);
	return err;
}

/* Whole or not at all: written beside, then put in place. */
static enum hufu_err make(const char *path, uint32_t deadline_ms)
{
	int lock;
	char *fresh = file_beside(path, ".new");
	if (!fresh)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = file_lock_parent(path, deadline_ms, &lock);
	if (err) {
		free(fresh);
		return err;
	}
	err = write_new(fresh);
	if (!err)
		err = file_publish(fresh, path);
	if (err)
		unlink(fresh);
	close(lock);
	free(fresh);
	return err == HUFU_ERR_EXISTS ? HUFU_OK : err; /* another process was faster: its secret counts */
}

enum hufu_err host_secret_make(const struct store_conf *conf, struct keys *keys)
{
	struct stat st;
	const char *path = conf->host_secret;
	if (!path)
		return HUFU_OK;
	enum hufu_err err = file_make_parent(path);
	if (!err && stat(path, &st) != 0 && errno == ENOENT)
		err = make(path, conf->deadline_ms);
	return err ? err : host_secret_load(path, keys);
}
