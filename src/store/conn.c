/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to SQLite. The application may use the same library, so
 * nothing global is set (no sqlite3_config, no sqlite3_shutdown); and the file
 * may be an enemy's, so all that could be made to act is switched off.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

/* A WAL that one large transaction blew up does not stay that large. */
#define WAL_KEPT_BYTES "4194304"

static void limits_set(sqlite3 *db)
{
	static const struct {
		int id, value;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH, 2 * (ROW_BODY_MAX + ROW_COPIES_MAX)},
		{SQLITE_LIMIT_SQL_LENGTH, 4096},
		{SQLITE_LIMIT_COLUMN, 32},
		{SQLITE_LIMIT_EXPR_DEPTH, 16},
		{SQLITE_LIMIT_COMPOUND_SELECT, 2},
		{SQLITE_LIMIT_VDBE_OP, 4096},
		{SQLITE_LIMIT_FUNCTION_ARG, 4},
		{SQLITE_LIMIT_ATTACHED, 0},
		{SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1},
		{SQLITE_LIMIT_VARIABLE_NUMBER, 16},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1},
		{SQLITE_LIMIT_WORKER_THREADS, 0},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		sqlite3_limit(db, limits[i].id, limits[i].value);
}

static int switches_set(sqlite3 *db)
{
	static const struct {
		int op, on;
	} switches[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
		{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
	};

	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		int rc = sqlite3_db_config(db, switches[i].op, switches[i].on, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

int db_harden(sqlite3 *db)
{
	limits_set(db);
	sqlite3_extended_result_codes(db, 1);
	int rc = switches_set(db);
	if (rc != SQLITE_OK)
		return rc;
	return sqlite3_exec(db,
	                    "PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
	                    "PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 0; PRAGMA journal_size_limit = " WAL_KEPT_BYTES,
	                    NULL, NULL, NULL);
}

/* "file:/path?immutable=1", all but plain characters as %XX. */
static char *immutable_uri(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-";
	static const char hex[] = "0123456789ABCDEF";
	struct writer w;
	size_t len;

	writer_init(&w, false);
	write_bytes(&w, "file:", 5);
	for (const char *p = path; *p; p++) {
		uint8_t c = (uint8_t)*p;
		if (strchr(plain, *p))
			write_u8(&w, c);
		else
			write_bytes(&w, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
	write_bytes(&w, "?immutable=1", sizeof("?immutable=1"));
	return (char *)writer_take(&w, &len);
}

/* An SQLite result code. On failure s->db may stand for its message. */
static int connect_to(struct sqlite *s, bool immutable)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	char *uri = NULL;

	if (immutable) {
		uri = immutable_uri(s->path);
		if (!uri)
			return SQLITE_NOMEM;
		flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_URI;
	}
	int rc = sqlite3_open_v2(uri ? uri : s->path, &s->db, flags, s->vfs);
	free(uri);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_handler(s->db, db_busy, s);
	if (rc == SQLITE_OK)
		rc = db_harden(s->db);
	if (rc == SQLITE_OK && s->relaxed)
		rc = sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
	if (rc == SQLITE_OK) /* the first look into the file */
		rc = sqlite3_exec(s->db, "PRAGMA schema_version", NULL, NULL, NULL);
	s->immutable = immutable;
	s->base.read_only = rc == SQLITE_OK && (immutable || sqlite3_db_readonly(s->db, "main") == 1);
	return rc;
}

/* Is there a write-ahead log with something in it? */
static bool wal_in_use(const struct sqlite *s)
{
	struct stat st;
	char *wal = file_beside(s->path, "-wal");
	bool in_use = !wal || (stat(wal, &st) == 0 && st.st_size > 0);

	free(wal);
	return in_use;
}

/*
 * Where nothing can be made beside the file (read-only media), SQLite cannot
 * open a WAL database, unless told that nobody writes it. That is so as long as
 * there is no log, which db_stale looks at again and again.
 */
static enum hufu_err connect_any(struct sqlite *s)
{
	int rc = connect_to(s, false);
	bool no_shm = (rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_READONLY;

	if (no_shm && access(s->path, R_OK) == 0) {
		if (wal_in_use(s)) {
			log_error("store %s: it was not closed cleanly, and what its log holds cannot be read where nothing can be "
			          "written beside it. Open it once where that can be",
			          s->path);
			return HUFU_ERR_STORE_READ_ONLY;
		}
		db_close(s, true);
		rc = connect_to(s, true);
	}
	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

static int text_is_wal(void *arg, int n, char **values, char **names)
{
	(void)names;
	*(bool *)arg = n == 1 && values[0] && strcmp(values[0], "wal") == 0;
	return 0;
}

static enum hufu_err wal_set(struct sqlite *s)
{
	bool wal = false;
	int rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", text_is_wal, &wal, NULL);

	if (rc != SQLITE_OK)
		return db_fail(s, rc);
	if (wal)
		return HUFU_OK;
	log_error("store %s: its file system cannot share memory between processes, which SQLite's WAL needs. Put it on a "
	          "local disk",
	          s->path);
	return HUFU_ERR_STORE_IO;
}

/* Is it a file, and which? */
static enum hufu_err mark_file(struct sqlite *s)
{
	struct stat st;

	if (stat(s->path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR ? HUFU_ERR_STORE_MISSING : file_fail(s->path, "looked at", errno);
	if (!S_ISREG(st.st_mode)) {
		log_error("store %s: it is not a regular file. Name one, or a path where none is yet", s->path);
		return HUFU_ERR_STORE_CORRUPT;
	}
	s->mark = file_mark_of(&st);
	return HUFU_OK;
}

enum hufu_err db_open(struct sqlite *s, const struct schema *create)
{
	enum hufu_err err = mark_file(s);
	if (err)
		return err;
	err = connect_any(s);
	if (!err && !create)
		err = schema_ready(s, &schema_current); /* before anything is written to what may not be ours */
	if (!err && !s->base.read_only)
		err = wal_set(s);
	if (!err && create)
		err = schema_create(s, create);
	if (err)
		db_close(s, true);
	s->base.connected++;
	return err;
}

void db_close(struct sqlite *s, bool keep_wal)
{
	for (size_t i = 0; i < ASK_COUNT; i++) {
		sqlite3_finalize(s->stmts[i]);
		s->stmts[i] = NULL;
	}
	if (s->db && keep_wal)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(s->db);
	s->db = NULL;
	s->suspect = false;
}

bool db_stale(const struct sqlite *s)
{
	struct stat st;

	if (stat(s->path, &st) != 0 || st.st_dev != s->mark.dev || st.st_ino != s->mark.ino)
		return true;
	if (!s->immutable)
		return false;
	struct file_mark now = file_mark_of(&st);
	return !file_mark_equal(&now, &s->mark) || wal_in_use(s);
}
