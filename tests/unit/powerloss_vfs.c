/* SPDX-License-Identifier: Apache-2.0 */
#include "powerloss_vfs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define FILES_MAX 8

enum event_kind { EVENT_CREATE, EVENT_WRITE, EVENT_TRUNCATE, EVENT_DELETE, EVENT_SYNC };

struct event {
	enum event_kind kind;
	int file;
	bool durable;            /* a deletion whose directory was synced */
	sqlite3_int64 offset;    /* or the length that it is cut to */
	int len;
	uint8_t *data;
};

struct image {
	bool there;
	size_t len, cap;
	uint8_t *data;
};

static struct {
	char prefix[512];
	bool on;
	char *names[FILES_MAX];
	struct image base[FILES_MAX];
	int nfiles;
	struct event *events;
	size_t n, cap;
	enum powerloss_fault fault;
	unsigned after;
	bool failed;
} disk;

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* -- images ------------------------------------------------------------------------ */

static void image_resize(struct image *im, size_t len)
{
	if (len > im->cap) {
		im->cap = 2 * len + 4096;
		im->data = must(realloc(im->data, im->cap));
	}
	if (len > im->len)
		memset(im->data + im->len, 0, len - im->len);
	im->len = len;
}

static void image_write(struct image *im, size_t offset, const uint8_t *data, size_t len)
{
	if (offset + len > im->len)
		image_resize(im, offset + len);
	if (len)
		memcpy(im->data + offset, data, len);
}

static void image_load(struct image *im, const char *path)
{
	uint8_t buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY);

	im->there = fd >= 0;
	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		image_write(im, im->len, buf, (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void image_save(const struct image *im, const char *path)
{
	unlink(path);
	if (!im->there)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || (im->len && write(fd, im->data, im->len) != (ssize_t)im->len) || close(fd) != 0)
		abort();
}

/* -- recording ------------------------------------------------------------------------ */

/* -1: not one of ours. */
static int file_of(const char *path)
{
	size_t len = strlen(disk.prefix), path_len = path ? strlen(path) : 0;

	if (!disk.on || path_len < len || strncmp(path, disk.prefix, len) != 0)
		return -1;
	if (path_len >= 4 && strcmp(path + path_len - 4, "-shm") == 0)
		return -1;
	for (int i = 0; i < disk.nfiles; i++)
		if (strcmp(disk.names[i], path) == 0)
			return i;
	if (disk.nfiles == FILES_MAX)
		abort();
	disk.names[disk.nfiles] = must(strdup(path));
	return disk.nfiles++;
}

static void record(enum event_kind kind, int file, bool durable, sqlite3_int64 offset, const void *data, int len)
{
	if (!disk.on || file < 0)
		return;
	if (disk.n == disk.cap) {
		disk.cap = 2 * disk.cap + 64;
		disk.events = must(realloc(disk.events, disk.cap * sizeof(*disk.events)));
	}
	struct event *e = &disk.events[disk.n++];
	*e = (struct event){.kind = kind, .file = file, .durable = durable, .offset = offset, .len = len};
	if (len) {
		e->data = must(malloc((size_t)len));
		memcpy(e->data, data, (size_t)len);
	}
}

void powerloss_start(const char *prefix)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};

	powerloss_stop();
	snprintf(disk.prefix, sizeof(disk.prefix), "%s", prefix);
	disk.on = true;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char path[600];
		snprintf(path, sizeof(path), "%s%s", prefix, suffixes[i]);
		image_load(&disk.base[file_of(path)], path);
	}
}

void powerloss_stop(void)
{
	for (size_t i = 0; i < disk.n; i++)
		free(disk.events[i].data);
	for (int i = 0; i < disk.nfiles; i++) {
		free(disk.names[i]);
		free(disk.base[i].data);
	}
	free(disk.events);
	memset(&disk, 0, sizeof(disk));
}

size_t powerloss_now(void)
{
	return disk.n;
}

/* -- replay ------------------------------------------------------------------------------ */

static uint32_t next(uint32_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 17, *x ^= *x << 5;
	return *x;
}

static void apply_torn(struct image *im, const struct event *e, uint32_t *seed)
{
	/* Sectors are the disk's, wherever the write begins. */
	for (sqlite3_int64 at = e->offset; at < e->offset + e->len;) {
		sqlite3_int64 end = (at / SECTOR + 1) * SECTOR;
		if (end > e->offset + e->len)
			end = e->offset + e->len;
		if (next(seed) & 1)
			image_write(im, (size_t)at, e->data + (at - e->offset), (size_t)(end - at));
		at = end;
	}
}

static void apply(struct image *im, const struct event *e)
{
	switch (e->kind) {
	case EVENT_CREATE:
		im->there = true;
		break;
	case EVENT_WRITE:
		im->there = true;
		image_write(im, (size_t)e->offset, e->data, (size_t)e->len);
		break;
	case EVENT_TRUNCATE:
		image_resize(im, (size_t)e->offset);
		break;
	case EVENT_DELETE:
		im->there = false;
		im->len = 0;
		break;
	case EVENT_SYNC:
		break;
	}
}

/* Is the event certain to be on the disk at that point? */
static bool is_durable(size_t i, size_t at)
{
	const struct event *e = &disk.events[i];

	if (e->kind == EVENT_DELETE)
		return e->durable;
	for (size_t k = i + 1; k < at; k++)
		if (disk.events[k].kind == EVENT_SYNC && disk.events[k].file == e->file)
			return true;
	return false;
}

static void replay_event(struct image *im, size_t i, size_t at, enum powerloss_fate fate, uint32_t *seed)
{
	const struct event *e = &disk.events[i];
	bool keep = fate != POWERLOSS_LOST && (fate == POWERLOSS_KEPT || next(seed) & 1);

	if (is_durable(i, at) || (keep && (fate != POWERLOSS_TORN || e->kind != EVENT_WRITE)))
		apply(im, e);
	else if (fate == POWERLOSS_TORN && e->kind == EVENT_WRITE)
		apply_torn(im, e, seed);
}

void powerloss_replay(size_t at, enum powerloss_fate fate, uint32_t seed, const char *to)
{
	seed = seed * 2654435761u | 1;
	for (int f = 0; f < disk.nfiles; f++) {
		char path[600];
		struct image im = {.there = disk.base[f].there};
		image_write(&im, 0, disk.base[f].data ? disk.base[f].data : (const uint8_t *)"", disk.base[f].len);
		for (size_t i = 0; i < at; i++)
			if (disk.events[i].file == f)
				replay_event(&im, i, at, fate, &seed);
		snprintf(path, sizeof(path), "%s%s", to, disk.names[f] + strlen(disk.prefix));
		image_save(&im, path);
		free(im.data);
	}
}

/* -- failing ----------------------------------------------------------------------------------- */

void powerloss_fail(enum powerloss_fault fault, unsigned after)
{
	disk.fault = fault;
	disk.after = after;
	disk.failed = false;
}

bool powerloss_failed(void)
{
	return disk.failed;
}

static bool fails(enum powerloss_fault fault)
{
	if (disk.fault != fault)
		return false;
	if (disk.after) {
		disk.after--;
		return false;
	}
	return disk.failed = true;
}

/* -- files ----------------------------------------------------------------------------------------- */

struct file {
	sqlite3_file base;
	int id;                 /* of its name; -1: not recorded */
	bool read_only;
	sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;

static struct file *file_from(sqlite3_file *f)
{
	return (struct file *)f;
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return file_from(f)->real;
}

static int file_close(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);

	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *buf, int n, sqlite3_int64 offset)
{
	if (fails(POWERLOSS_BAD_READ))
		return SQLITE_IOERR_READ;
	return real_of(f)->pMethods->xRead(real_of(f), buf, n, offset);
}

static int file_write(sqlite3_file *f, const void *buf, int n, sqlite3_int64 offset)
{
	if (fails(POWERLOSS_FULL))
		return SQLITE_FULL;
	if (fails(POWERLOSS_IO_ERROR))
		return SQLITE_IOERR_WRITE;
	record(EVENT_WRITE, file_from(f)->id, false, offset, buf, n);
	return real_of(f)->pMethods->xWrite(real_of(f), buf, n, offset);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	record(EVENT_TRUNCATE, file_from(f)->id, false, size, NULL, 0);
	return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int file_sync(sqlite3_file *f, int flags)
{
	if (fails(POWERLOSS_BAD_SYNC))
		return SQLITE_IOERR_FSYNC;
	int rc = real_of(f)->pMethods->xSync(real_of(f), flags);
	if (rc == SQLITE_OK)
		record(EVENT_SYNC, file_from(f)->id, false, 0, NULL, 0);
	return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int file_check_lock(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	if (file_from(f)->read_only)
		return SQLITE_CANTOPEN; /* nothing can be made beside it */
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int file_shm_unmap(sqlite3_file *f, int delete)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), delete);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* -- the VFS ------------------------------------------------------------------------------------------ */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = file_from(f);
	bool created = name && access(name, F_OK) != 0;

	(void)vfs;
	memset(file, 0, sizeof(*file));
	file->real = (sqlite3_file *)(file + 1);
	file->read_only = disk.fault == POWERLOSS_READ_ONLY;
	if (file->read_only && flags & SQLITE_OPEN_CREATE)
		return SQLITE_CANTOPEN;
	if (file->read_only)
		flags = (flags & ~SQLITE_OPEN_READWRITE) | SQLITE_OPEN_READONLY;
	int rc = real_vfs->xOpen(real_vfs, name, file->real, flags, out_flags);
	file->id = file_of(name);
	if (rc == SQLITE_OK && created && flags & SQLITE_OPEN_CREATE)
		record(EVENT_CREATE, file->id, false, 0, NULL, 0);
	if (file->real->pMethods)
		file->base.pMethods = &methods;
	return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir)
{
	(void)vfs;
	int rc = real_vfs->xDelete(real_vfs, name, sync_dir);
	if (rc == SQLITE_OK)
		record(EVENT_DELETE, file_of(name), sync_dir != 0, 0, NULL, 0);
	return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs;
	return real_vfs->xAccess(real_vfs, name, flags, out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	return real_vfs->xFullPathname(real_vfs, name, n, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	return real_vfs->xRandomness(real_vfs, n, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return real_vfs->xSleep(real_vfs, us);
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	return real_vfs->xCurrentTime(real_vfs, out);
}

static int vfs_error(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	return real_vfs->xGetLastError(real_vfs, n, out);
}

void powerloss_register(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1,
		.zName = POWERLOSS_VFS,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_error,
	};

	if (real_vfs)
		return;
	real_vfs = must(sqlite3_vfs_find(NULL));
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.mxPathname = real_vfs->mxPathname;
	if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
		abort();
}
