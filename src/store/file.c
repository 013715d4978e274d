/* SPDX-License-Identifier: Apache-2.0 */
/* Files beside SQLite's: making them durable, putting them in place at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

enum hufu_err file_fail(const char *path, const char *doing, int error)
{
	char text[128];

	log_error("%s cannot be %s: %s. Check the disk, and that this user may read and write the file and its directory", path,
	          doing, strerror_r(error, text, sizeof(text)));
	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return HUFU_ERR_STORE_FULL;
	case EROFS:
	case EACCES:
	case EPERM:
		return HUFU_ERR_STORE_READ_ONLY;
	case ENOMEM:
		return HUFU_ERR_NO_MEMORY;
	default:
		return HUFU_ERR_STORE_IO;
	}
}

char *file_beside(const char *path, const char *suffix)
{
	char *out;

	return asprintf(&out, "%s%s", path, suffix) < 0 ? NULL : out;
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

enum hufu_err file_make_parent(const char *path)
{
	char *dir = parent_of(path);
	enum hufu_err err = HUFU_OK;

	if (!dir)
		return HUFU_ERR_NO_MEMORY;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST && access(dir, F_OK) != 0)
		err = file_fail(dir, "made", errno);
	free(dir);
	return err;
}

static enum hufu_err open_parent(const char *path, int *fd)
{
	char *dir = parent_of(path);

	if (!dir)
		return HUFU_ERR_NO_MEMORY;
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum hufu_err err = *fd < 0 ? file_fail(dir, "opened", errno) : HUFU_OK;
	free(dir);
	return err;
}

enum hufu_err file_check_parent(const char *path)
{
	int fd;
	enum hufu_err err = open_parent(path, &fd);

	if (!err)
		close(fd);
	return err;
}

static enum hufu_err sync_parent(const char *path)
{
	int fd;
	enum hufu_err err = open_parent(path, &fd);
	if (err)
		return err;
	/* EINVAL: a file system whose directories need no fsync. */
	if (fsync(fd) != 0 && errno != EINVAL)
		err = file_fail(path, "made durable", errno);
	close(fd);
	return err;
}

enum hufu_err file_lock_parent(const char *path, uint32_t deadline_ms, int *fd)
{
	struct deadline deadline = deadline_in(deadline_ms);
	enum hufu_err err = open_parent(path, fd);
	if (err)
		return err;
	while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
		/* Not every network file system locks directories; the rename below them is safe without. */
		if (errno != EWOULDBLOCK && errno != EINTR)
			return HUFU_OK;
		if (deadline_pause(&deadline, 20))
			continue;
		log_warning("store %s: another process keeps its directory locked. Try again", path);
		close(*fd);
		return HUFU_ERR_STORE_BUSY;
	}
	return HUFU_OK;
}

enum hufu_err file_create(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0)
		return HUFU_OK;
	return errno == EEXIST ? HUFU_ERR_EXISTS : file_fail(path, "made", errno);
}

void file_give(int fd, const char *name, const char *owner)
{
	struct stat st;
	char *dir = owner ? NULL : parent_of(name);
	const char *of = owner ? owner : dir;

	if (geteuid() == 0 && of && stat(of, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
		log_info("%s cannot be given to the owner of %s", name, of);
	free(dir);
}

/* rename() that never replaces; by a second link where the file system has no such flag. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return link(from, to) != 0 ? -1 : unlink(from);
}

enum hufu_err file_publish(const char *from, const char *to)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return file_fail(from, "opened", errno);
	enum hufu_err err = fsync(fd) != 0 ? file_fail(from, "made durable", errno) : HUFU_OK;
	close(fd);
	if (err)
		return err;
	if (rename_new(from, to) != 0)
		return errno == EEXIST ? HUFU_ERR_EXISTS : file_fail(to, "put in place", errno);
	return sync_parent(to);
}

void file_remove_leftovers(const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *name = file_beside(path, suffixes[i]);
		if (name)
			unlink(name);
		free(name);
	}
}

void file_remove_db(const char *path)
{
	unlink(path);
	file_remove_leftovers(path);
}

struct file_mark file_mark_of(const struct stat *st)
{
	return (struct file_mark){.dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .mtime = st->st_mtim};
}

bool file_mark_equal(const struct file_mark *a, const struct file_mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}
