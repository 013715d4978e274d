/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files (GM/T 0018-2023 6.7): of a size that is said when they are made, in a
 * directory of the user alone. A write is on the disk, whole, when it returns:
 * the new file is written beside the old one and put in its place. Callers in
 * any process take turns by a lock on the directory.
 */
#include "base/log.h"
#include "base/secret.h"
#include "sdf/internal.h"
#include "sm/sm3.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_0018 128u       /* 6.7.1 */
#define STEM_MAX 200u
#define FRESH "new~"             /* no name of the application's comes to this */

/* -- names -------------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
}

/*
 * Whatever bytes the application has for a name: letters, digits and a few signs
 * stand for themselves, others as %XX, behind "f-". One too long for the file
 * system is the hexadecimal of its SM3, behind "h-".
 */
static void stem_of(const unsigned char *name, size_t len, char stem[STEM_MAX + 8])
{
	uint8_t digest[SM3_DIGEST_LEN];
	size_t n = (size_t)snprintf(stem, 3, "f-");
	for (size_t i = 0; i < len && n + 3 <= STEM_MAX; i++)
		n += (size_t)snprintf(stem + n, 4, is_plain(name[i]) ? "%c" : "%%%02X", name[i]);
	if (n + 3 <= STEM_MAX)
		return;
	sm3(name, len, digest);
	n = (size_t)snprintf(stem, 3, "h-");
	for (size_t i = 0; i < sizeof digest; i++)
		n += (size_t)snprintf(stem + n, 3, "%02x", digest[i]);
}

/* -- the directory -------------------------------------------------------------------------- */

/* Gives what open gives. */
static int refuse(const char *why)
{
	log_error("files of the section sdf, %s: %s", face_conf()->files, why);
	return -1;
}

/* What lies in it is the user's, so nobody else may have a say. */
static const char *objection(int fd)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return strerrordesc_np(errno);
	if (st.st_uid != geteuid())
		return "the directory belongs to another user. Give it to this one (chown)";
	return st.st_mode & 077 ? "others may look into the directory. Take their rights away (chmod 700)" : NULL;
}

static bool lock(int fd)
{
	int result;
	do
		result = flock(fd, LOCK_EX);
	while (result != 0 && errno == EINTR);
	return result == 0;
}

/* Locked until it is closed; -1: *missing, or after a message. */
static int open_directory(bool make, bool *missing)
{
	const char *path = face_conf()->files;
	*missing = false;
	if (make && mkdir(path, 0700) != 0 && errno != EEXIST)
		return refuse(strerrordesc_np(errno));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*missing = fd < 0 && !make && errno == ENOENT;
	if (fd < 0)
		return *missing ? -1 : refuse(strerrordesc_np(errno));
	const char *why = objection(fd);
	if (!why && lock(fd))
		return fd;
	close(fd);
	return refuse(why ? why : strerrordesc_np(errno));
}

/* Bytes of all files that lie there, but for what somebody left who died while writing. */
static off_t used_space(int dir)
{
	off_t used = 0;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d && fd >= 0)
		close(fd);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		struct stat st;
		bool counts = strcmp(e->d_name, FRESH) != 0 && fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (counts && S_ISREG(st.st_mode))
			used += st.st_size;
	}
	if (d)
		closedir(d);
	return used;
}

/* -- a file -------------------------------------------------------------------------------------- */

struct file {
	int dir;
	char stem[STEM_MAX + 8];
};

static int begin(struct file *f, const unsigned char *name, size_t len, bool make)
{
	if (!face_conf()->files)
		return SDR_NOTSUPPORT;
	if (!name || len == 0 || len > NAME_MAX_0018)
		return SDR_INARGERR;
	bool missing;
	f->dir = open_directory(make, &missing);
	if (f->dir < 0)
		return missing ? SDR_FILENOEXIST : SDR_FILEWERR;
	stem_of(name, len, f->stem);
	return SDR_OK;
}

static bool write_all(int fd, const uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* Of a file that is there; what it holds may be a secret. */
static int read_whole(const struct file *f, uint8_t **data, size_t *len)
{
	struct stat st;
	int fd = openat(f->dir, f->stem, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? SDR_FILENOEXIST : SDR_FILEWERR;
	int result = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)FILES_MAX ? SDR_OK : SDR_FILESIZEERR;
	*len = result == SDR_OK ? (size_t)st.st_size : 0;
	*data = result == SDR_OK ? secret_alloc(*len ? *len : 1) : NULL;
	if (result == SDR_OK && !*data)
		result = SDR_NOBUFFER;
	if (result == SDR_OK && pread(fd, *data, *len, 0) != (ssize_t)*len)
		result = SDR_FILEWERR;
	close(fd);
	if (result != SDR_OK)
		secret_free(*data);
	return result;
}

/* Beside it, and then in its place, each of them safe on the disk before the next. */
static int put_whole(const struct file *f, const uint8_t *data, size_t len)
{
	unlinkat(f->dir, FRESH, 0); /* of somebody who died here */
	int fd = openat(f->dir, FRESH, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write_all(fd, data, len) && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	good = good && renameat(f->dir, FRESH, f->dir, f->stem) == 0 && fsync(f->dir) == 0;
	if (!good)
		log_error("files of the section sdf, %s: a file cannot be written: %s", face_conf()->files, strerrordesc_np(errno));
	return good ? SDR_OK : SDR_FILEWERR;
}

/* -- calls ------------------------------------------------------------------------------------------ */

static int create(const unsigned char *name, size_t name_len, size_t size)
{
	struct file f;
	if (size > FILES_MAX)
		return SDR_FILESIZEERR;
	int result = begin(&f, name, name_len, true);
	if (result != SDR_OK)
		return result;
	if (faccessat(f.dir, f.stem, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		result = SDR_FILEEXISTS;
	else if (used_space(f.dir) > (off_t)(FILES_MAX - size))
		result = SDR_FILESIZEERR;
	uint8_t *zeros = result == SDR_OK ? secret_alloc(size ? size : 1) : NULL;
	if (result == SDR_OK)
		result = zeros ? put_whole(&f, zeros, size) : SDR_NOBUFFER;
	secret_free(zeros);
	close(f.dir);
	return result;
}

int sdf_face_create_file(void *handle, unsigned char *name, unsigned int name_len, unsigned int size)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	return result == SDR_OK ? face_leave(session, create(name, name_len, size)) : result;
}

static int read_part(const unsigned char *name, size_t name_len, size_t offset, unsigned int *len, unsigned char *buffer)
{
	struct file f;
	uint8_t *data;
	size_t have;
	if (!len || !buffer)
		return SDR_OUTARGERR;
	int result = begin(&f, name, name_len, false);
	if (result != SDR_OK)
		return result;
	result = read_whole(&f, &data, &have);
	close(f.dir);
	if (result != SDR_OK)
		return result;
	if (offset <= have) {
		size_t n = have - offset < *len ? have - offset : *len; /* 6.7.2: as much as there is */
		memcpy(buffer, data + offset, n);
		*len = (unsigned int)n;
	}
	secret_free(data);
	return offset <= have ? SDR_OK : SDR_FILEOFSERR;
}

int sdf_face_read_file(void *handle, unsigned char *name, unsigned int name_len, unsigned int offset, unsigned int *len,
                       unsigned char *buffer)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	return result == SDR_OK ? face_leave(session, read_part(name, name_len, offset, len, buffer)) : result;
}

/* A file keeps its size: what would reach over its end is refused. */
static int change(const struct file *f, size_t offset, size_t len, const unsigned char *buffer)
{
	uint8_t *data;
	size_t have;
	int result = read_whole(f, &data, &have);
	if (result != SDR_OK)
		return result;
	if (offset > have)
		result = SDR_FILEOFSERR;
	else if (len > have - offset)
		result = SDR_FILESIZEERR;
	if (result == SDR_OK && len) {
		memcpy(data + offset, buffer, len);
		result = put_whole(f, data, have);
	}
	secret_free(data);
	return result;
}

static int write_part(const unsigned char *name, size_t name_len, size_t offset, size_t len, const unsigned char *buffer)
{
	struct file f;
	if (!buffer && len)
		return SDR_INARGERR;
	int result = begin(&f, name, name_len, false);
	if (result != SDR_OK)
		return result;
	result = change(&f, offset, len, buffer);
	close(f.dir);
	return result;
}

int sdf_face_write_file(void *handle, unsigned char *name, unsigned int name_len, unsigned int offset, unsigned int len,
                        unsigned char *buffer)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	return result == SDR_OK ? face_leave(session, write_part(name, name_len, offset, len, buffer)) : result;
}

static int delete(const unsigned char *name, size_t name_len)
{
	struct file f;
	int result = begin(&f, name, name_len, false);
	if (result != SDR_OK)
		return result;
	if (unlinkat(f.dir, f.stem, 0) != 0)
		result = errno == ENOENT ? SDR_FILENOEXIST : SDR_FILEWERR;
	else if (fsync(f.dir) != 0)
		result = SDR_FILEWERR;
	close(f.dir);
	return result;
}

int sdf_face_delete_file(void *handle, unsigned char *name, unsigned int name_len)
{
	struct face_session *session;
	int result = face_enter(handle, &session);
	return result == SDR_OK ? face_leave(session, delete(name, name_len)) : result;
}
