/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_edit.h"
#include "base/clock.h"
#include "base/conf_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 100
#define LOCK_EVERY_NS (50 * NS_PER_MS)

struct edit {
	char *path;               /* the file itself, no link to it */
	char *fresh;              /* what is to take its place; NULL: not made, or in its place */
	int old, new;             /* -1: not open */
	struct stat st;
	char *err;
	size_t err_len;
};

static enum hufu_err failed(struct edit *e, const char *what, const char *path)
{
	int number = errno;
	bool denied = number == EACCES || number == EPERM || number == EROFS;
	bool full = number == ENOSPC || number == EDQUOT;
	snprintf(e->err, e->err_len, "%s %s: %s. %s", path, what, strerrordesc_np(number),
	         denied ? "Run this as the file's owner, and see that its directory may be written"
	         : full ? "Free space on the disk" : "Check the disk");
	return denied ? HUFU_ERR_STORE_READ_ONLY : full ? HUFU_ERR_STORE_FULL : HUFU_ERR_STORE_IO;
}

/* False: somebody put another file in its place while we waited for the lock. */
static bool is_still_there(const struct edit *e)
{
	struct stat now;
	return stat(e->path, &now) == 0 && now.st_ino == e->st.st_ino && now.st_dev == e->st.st_dev;
}

/* Opens and locks the file that stands at path when the lock is ours. */
static enum hufu_err edit_lock(struct edit *e)
{
	for (unsigned i = 0; i < LOCK_TRIES; i++) {
		e->old = conf_open_checked(e->path, e->err, e->err_len);
		if (e->old < 0)
			return HUFU_ERR_CONFIG;
		if (fstat(e->old, &e->st) != 0)
			return failed(e, "cannot be looked at", e->path);
		bool locked = flock(e->old, LOCK_EX | LOCK_NB) == 0;
		if (locked && is_still_there(e))
			return HUFU_OK;
		close(e->old);
		e->old = -1;
		if (!locked)
			nanosleep(&(struct timespec){.tv_nsec = (long)LOCK_EVERY_NS}, NULL);
	}
	snprintf(e->err, e->err_len, "%s is being changed by another program. Try again", e->path);
	return HUFU_ERR_STORE_BUSY;
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return false;
		text += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool copy_all(int from, int to, char *last)
{
	char block[8192];
	ssize_t n;
	while ((n = read(from, block, sizeof(block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !write_all(to, block, (size_t)n))
			return false;
		*last = block[n - 1];
	}
	return true;
}

/* Whoever could read or write the old file can the new one, and nobody else, before there is anything in it. */
static enum hufu_err edit_open_new(struct edit *e)
{
	if (asprintf(&e->fresh, "%s.XXXXXX", e->path) < 0) {
		e->fresh = NULL;
		return HUFU_ERR_NO_MEMORY;
	}
	e->new = mkostemp(e->fresh, O_CLOEXEC);
	if (e->new < 0) {
		enum hufu_err err = failed(e, "cannot be made", e->fresh);
		free(e->fresh);
		e->fresh = NULL;
		return err;
	}
	struct stat st;
	if (fstat(e->new, &st) != 0 ||
	    ((st.st_uid != e->st.st_uid || st.st_gid != e->st.st_gid) && fchown(e->new, e->st.st_uid, e->st.st_gid) != 0) ||
	    fchmod(e->new, e->st.st_mode & 07777) != 0)
		return failed(e, "cannot be given the owner and mode of the configuration", e->fresh);
	return HUFU_OK;
}

static enum hufu_err edit_write(struct edit *e, const char *text)
{
	char last = '\n';
	if (!copy_all(e->old, e->new, &last) || (last != '\n' && !write_all(e->new, "\n", 1)) ||
	    !write_all(e->new, text, strlen(text)) || fsync(e->new) != 0)
		return failed(e, "cannot be written", e->fresh);
	return HUFU_OK;
}

/* As every program will read it. */
static enum hufu_err edit_verify(struct edit *e, conf_report_fn report, void *arg)
{
	struct conf *conf = NULL;
	enum hufu_err err = conf_load_file(e->fresh, report, arg, &conf);
	conf_free(conf);
	if (err != HUFU_OK)
		snprintf(e->err, e->err_len, "%s would not load with the new text, so it stays as it is", e->path);
	return err;
}

static enum hufu_err edit_replace(struct edit *e)
{
	if (rename(e->fresh, e->path) != 0)
		return failed(e, "cannot be replaced", e->path);
	free(e->fresh);
	e->fresh = NULL;
	conf_sync_directory_of(e->path);
	return HUFU_OK;
}

static void edit_clear(struct edit *e)
{
	if (e->fresh)
		unlink(e->fresh);
	if (e->new >= 0)
		close(e->new);
	if (e->old >= 0)
		close(e->old);
	free(e->fresh);
	free(e->path);
}

enum hufu_err conf_append(const struct conf *conf, const char *text, conf_report_fn report, void *arg, char *err, size_t err_len)
{
	struct edit e = {.old = -1, .new = -1, .err = err, .err_len = err_len};
	err[0] = '\0';
	e.path = conf->path ? realpath(conf->path, NULL) : NULL;
	if (!e.path) {
		snprintf(err, err_len, "there is no configuration file to add to. Make one");
		return HUFU_ERR_CONFIG;
	}
	enum hufu_err result = edit_lock(&e);
	if (result == HUFU_OK)
		result = edit_open_new(&e);
	if (result == HUFU_OK)
		result = edit_write(&e, text);
	if (result == HUFU_OK)
		result = edit_verify(&e, report, arg);
	if (result == HUFU_OK)
		result = edit_replace(&e);
	edit_clear(&e);
	return result;
}

/* -- places ----------------------------------------------------------------- */

static int line_at(const char *text, size_t at)
{
	int line = 1;
	for (size_t i = 0; i < at && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

static bool is_name(char c)
{
	return c && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c);
}

/* As a word of its own. Names need no escapes. */
static bool names(const char *text, const struct outline_key *key, const char *device)
{
	size_t len = strlen(device);
	for (size_t i = key->from; i + len <= key->to; i++)
		if (strncmp(text + i, device, len) == 0 && !is_name(text[i + len]) && (i == 0 || !is_name(text[i - 1])))
			return true;
	return false;
}

static size_t find_places(const struct outline *outline, const char *text, const char *device, struct conf_place *places,
                          size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < outline->nsections; i++) {
		const struct outline_section *s = &outline->sections[i];
		if (strcmp(s->kind, "device") != 0 || !s->title || strcmp(s->title, device) != 0)
			continue;
		if (n++ < cap)
			places[n - 1] = (struct conf_place){s->line, line_at(text, s->to), true};
	}
	for (size_t i = 0; i < outline->nkeys; i++) {
		const struct outline_key *key = &outline->keys[i];
		if (strcmp(key->name, "devices") != 0 || !names(text, key, device))
			continue;
		if (n++ < cap)
			places[n - 1] = (struct conf_place){key->line, line_at(text, key->to), false};
	}
	return n;
}

size_t conf_device_places(const char *text, const char *device, struct conf_place *places, size_t cap)
{
	struct conf_reporter reporter = {.name = ""};
	struct outline outline = {0};
	char *copy = strdup(text);
	size_t n = 0;
	if (copy && outline_read(copy, &conf_form, &reporter, &outline))
		n = find_places(&outline, copy, device, places, cap);
	if (!conf_problems_tell(&reporter, NULL, NULL))
		n = 0; /* the lines of a file with mistakes may be others than they seem */
	outline_clear(&outline);
	free(copy);
	return n;
}
