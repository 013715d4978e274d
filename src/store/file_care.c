/* SPDX-License-Identifier: Apache-2.0 */
/* Care of an SQLite file: copies, its own check, leaving nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

static enum hufu_err copy_fail(const struct sqlite *s, const char *path, sqlite3 *to, int rc)
{
	log_error("store %s: its copy %s cannot be written: %s (SQLite %d). Check the place it goes to", s->path, path,
	          to ? sqlite3_errmsg(to) : sqlite3_errstr(rc), rc);
	if ((rc & 0xff) == SQLITE_FULL)
		return HUFU_ERR_STORE_FULL;
	return (rc & 0xff) == SQLITE_BUSY ? HUFU_ERR_STORE_BUSY : HUFU_ERR_STORE_IO;
}

/* All pages within one read of the source: what was committed then, whatever writers do meanwhile. */
static int copy_pages(struct sqlite *s, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", s->db, "main");

	if (!backup)
		return sqlite3_extended_errcode(to);
	int rc = sqlite3_backup_step(backup, -1);
	int end = sqlite3_backup_finish(backup);
	return rc == SQLITE_DONE ? end : rc;
}

/* into: an empty file. */
static enum hufu_err copy_to_file(struct sqlite *s, const char *into)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(into, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, s->vfs);

	if (rc == SQLITE_OK)
		rc = db_harden(to);
	if (rc == SQLITE_OK)
		rc = copy_pages(s, to);
	enum hufu_err err = rc == SQLITE_OK ? HUFU_OK : copy_fail(s, into, to, rc);
	sqlite3_close(to);
	return err;
}

static enum hufu_err copy_and_publish(struct sqlite *s, const char *part, const char *path)
{
	int fd;

	file_remove_db(part); /* of somebody who died here */
	enum hufu_err err = file_create(part, &fd);
	if (err)
		return err;
	close(fd);
	err = copy_to_file(s, part);
	if (!err)
		err = file_publish(part, path);
	file_remove_db(part);
	return err;
}

enum hufu_err backup_to(struct sqlite *s, const char *path)
{
	char *part = file_beside(path, ".hufu-part");
	if (!part)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = access(path, F_OK) == 0 ? HUFU_ERR_EXISTS : copy_and_publish(s, part, path);
	free(part);
	return err;
}

enum hufu_err sqlite_backup(struct engine *engine, const char *path)
{
	return backup_to(sqlite_of(engine), path);
}

struct finding {
	store_report_fn report;
	void *arg;
};

static int integrity_line(void *arg, int n, char **values, char **names)
{
	const struct finding *finding = arg;
	char message[512];

	(void)names;
	if (n == 1 && values[0] && strcmp(values[0], "ok") == 0)
		return 0;
	snprintf(message, sizeof(message), "the file: %.400s", n == 1 && values[0] ? values[0] : "no answer");
	finding->report(finding->arg, message);
	return 0;
}

enum hufu_err sqlite_check(struct engine *engine, store_report_fn report, void *arg)
{
	struct sqlite *s = sqlite_of(engine);
	struct finding finding = {report, arg};
	int rc = sqlite3_exec(s->db, "PRAGMA integrity_check(100)", integrity_line, &finding, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

/* Old objects leave the log too, unless a reader holds it: then later. */
void sqlite_tidy(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);

	if (s->db)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}
