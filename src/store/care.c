/* SPDX-License-Identifier: Apache-2.0 */
/* Backups, and looking whether all is well. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/internal.h"

/* -- backup ------------------------------------------------------------------------------ */

static enum hufu_err copy_fail(const struct sealed *s, const char *path, sqlite3 *to, int rc)
{
	log_error("store %s: its copy %s cannot be written: %s (SQLite %d). Check the place it goes to", s->conf.path, path,
	          to ? sqlite3_errmsg(to) : sqlite3_errstr(rc), rc);
	if ((rc & 0xff) == SQLITE_FULL)
		return HUFU_ERR_STORE_FULL;
	return (rc & 0xff) == SQLITE_BUSY ? HUFU_ERR_STORE_BUSY : HUFU_ERR_STORE_IO;
}

/* All pages within one read of the source: what was committed then, whatever writers do meanwhile. */
static int copy_pages(struct sealed *s, sqlite3 *to)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", s->db, "main");

	if (!backup)
		return sqlite3_extended_errcode(to);
	int rc = sqlite3_backup_step(backup, -1);
	int end = sqlite3_backup_finish(backup);
	return rc == SQLITE_DONE ? end : rc;
}

/* into: an empty file. */
static enum hufu_err copy_into(struct sealed *s, const char *into)
{
	sqlite3 *to = NULL;
	int rc = sqlite3_open_v2(into, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, s->conf.vfs);

	if (rc == SQLITE_OK)
		rc = db_harden(to);
	if (rc == SQLITE_OK)
		rc = copy_pages(s, to);
	enum hufu_err err = rc == SQLITE_OK ? HUFU_OK : copy_fail(s, into, to, rc);
	sqlite3_close(to);
	return err;
}

static enum hufu_err copy_and_publish(struct sealed *s, const char *part, const char *path)
{
	int fd;

	file_remove_db(part); /* of somebody who died here */
	enum hufu_err err = file_create(part, &fd);
	if (err)
		return err;
	close(fd);
	err = copy_into(s, part);
	if (!err)
		err = file_publish(part, path);
	file_remove_db(part);
	return err;
}

enum hufu_err backup_to(struct sealed *s, const char *path)
{
	char *part = file_beside(path, ".hufu-part");
	if (!part)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = access(path, F_OK) == 0 ? HUFU_ERR_EXISTS : copy_and_publish(s, part, path);
	free(part);
	return err;
}

enum hufu_err sealed_backup(struct store *base, const char *path)
{
	struct sealed *s = sealed_of(base);
	if (!path || path[0] != '/')
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = sealed_enter(s, TX_READ);
	return err ? err : sealed_leave(s, TX_READ, backup_to(s, path));
}

/* -- verify ------------------------------------------------------------------------------- */

struct verification {
	struct sealed *s;
	store_report_fn report;
	void *arg;
	struct store_report *counts;
	uint64_t lookups;           /* index entries that rows lay claim to */
	bool bad;
};

static void __attribute__((format(printf, 2, 3))) found_bad(struct verification *v, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	v->bad = true;
	if (!v->report)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	v->report(v->arg, message);
}

static int integrity_line(void *arg, int n, char **values, char **names)
{
	struct verification *v = arg;

	(void)names;
	if (n != 1 || !values[0] || strcmp(values[0], "ok") != 0)
		found_bad(v, "the file: %.400s", n == 1 && values[0] ? values[0] : "no answer");
	return 0;
}

static enum hufu_err verify_file(struct verification *v)
{
	int rc = sqlite3_exec(v->s->db, "PRAGMA integrity_check(100)", integrity_line, v, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(v->s, rc);
}

static enum hufu_err verify_role(struct verification *v, enum store_role role, const char *name)
{
	struct role_row row;
	enum hufu_err err = role_read(v->s, role, &row);

	if (err == HUFU_ERR_STORE_CORRUPT)
		found_bad(v, "the %s's PIN: its row fails its check", name);
	return err == HUFU_ERR_STORE_CORRUPT ? HUFU_OK : err;
}

/* Each index entry that the row names is there; that no others are, the count says. */
static enum hufu_err verify_lookup(struct verification *v, const struct row_image *row, const char *name)
{
	for (size_t at = 0; at < row->lookup.len; at += LOOKUP_LEN) {
		bool found;
		sqlite3_stmt *stmt = stmt_get(v->s, STMT_LOOKUP_PROBE);
		stmt_bind_view(stmt, 1, (struct view){row->lookup.p + at, LOOKUP_LEN});
		sqlite3_bind_int64(stmt, 2, row->seq);
		enum hufu_err err = stmt_step(v->s, stmt, &found);
		if (err)
			return err;
		if (!found)
			found_bad(v, "object %s: an index entry is missing, so that it is not found", name);
		v->lookups++;
	}
	return HUFU_OK;
}

/* The row's MAC was good: what it seals must open. */
static enum hufu_err verify_contents(struct verification *v, const struct row_image *row, const char *name, size_t ncopies)
{
	struct store_row *opened = NULL;
	enum hufu_err err = object_open(v->s, row, &opened);

	store_row_free(opened);
	if (err != HUFU_ERR_STORE_CORRUPT)
		return err;
	found_bad(v, "object %s: its contents cannot be opened", name);
	v->counts->rows_bad++;
	v->counts->copies_bad += ncopies;
	return HUFU_OK;
}

static enum hufu_err verify_object(struct verification *v, sqlite3_stmt *stmt)
{
	struct row_image row;
	struct sealed_copy copies[STORE_COPIES_MAX];
	size_t ncopies = 0;
	char name[2 * UUID_LEN + 1];
	bool shaped = object_columns(stmt, &row) && row_decode_copies(row.copies, copies, &ncopies);
	enum row_state state = shaped ? object_check(v->s, &row) : ROW_BAD;

	uuid_text(row.uuid, name);
	v->counts->rows++;
	v->counts->rows_private += row.private_object;
	v->counts->copies += ncopies;
	v->counts->rows_unchecked += state == ROW_UNCHECKED;
	if (state == ROW_BAD) {
		v->counts->rows_bad++;
		found_bad(v, "object %s: its row fails its check", name);
	}
	enum hufu_err err = shaped ? verify_lookup(v, &row, name) : HUFU_OK;
	return !err && state == ROW_GOOD ? verify_contents(v, &row, name, ncopies) : err;
}

static enum hufu_err verify_objects(struct verification *v)
{
	bool row;
	enum hufu_err err;
	sqlite3_stmt *stmt = stmt_get(v->s, STMT_OBJECT_NEXT);

	for (;;) {
		err = stmt_step(v->s, stmt, &row);
		if (err || !row)
			return err;
		err = verify_object(v, stmt);
		if (err)
			return err;
	}
}

static enum hufu_err verify_index(struct verification *v)
{
	bool row;
	sqlite3_stmt *stmt = stmt_get(v->s, STMT_LOOKUP_COUNT);
	enum hufu_err err = stmt_step(v->s, stmt, &row);

	if (!err && row && (uint64_t)sqlite3_column_int64(stmt, 0) != v->lookups)
		found_bad(v, "the index: it has %lld entries, the objects account for %llu",
		          (long long)sqlite3_column_int64(stmt, 0), (unsigned long long)v->lookups);
	return err;
}

static enum hufu_err verify_domains(struct verification *v)
{
	enum hufu_err err = domains_check(v->s, &v->counts->domains, &v->counts->domains_bad);

	if (!err && v->counts->domains_bad)
		found_bad(v, "enrolled domains: %llu rows fail their check", (unsigned long long)v->counts->domains_bad);
	return err;
}

static enum hufu_err verify_credentials(struct verification *v)
{
	enum hufu_err err = credentials_check(v->s, &v->counts->credentials, &v->counts->credentials_bad);

	if (!err && v->counts->credentials_bad)
		found_bad(v, "credentials of devices: %llu rows fail their check", (unsigned long long)v->counts->credentials_bad);
	return err;
}

static enum hufu_err verify_all(struct verification *v)
{
	enum hufu_err err = verify_file(v);
	if (!err)
		err = verify_role(v, STORE_SO, "security officer");
	if (!err)
		err = verify_role(v, STORE_USER, "user");
	if (!err)
		err = verify_domains(v);
	if (!err)
		err = verify_credentials(v);
	if (!err)
		err = verify_objects(v);
	return err ? err : verify_index(v);
}

enum hufu_err sealed_verify(struct store *base, store_report_fn report, void *arg, struct store_report *counts)
{
	struct sealed *s = sealed_of(base);
	struct verification v = {.s = s, .report = report, .arg = arg, .counts = counts};

	*counts = (struct store_report){0};
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	err = verify_all(&v);
	if (err == HUFU_ERR_STORE_CORRUPT)
		found_bad(&v, "the file is damaged: SQLite cannot read all of it");
	if (!err && v.bad) {
		log_error("store %s: verification found damage. Restore it from a backup", s->conf.path);
		err = HUFU_ERR_STORE_CORRUPT;
	}
	return sealed_leave(s, TX_READ, err);
}
