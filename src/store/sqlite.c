/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's statements, errors and transactions. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"

#define BUSY_PAUSE_MAX_MS 50u

static const char *const statements[STMT_COUNT] = {
	[STMT_BEGIN_READ] = "BEGIN",
	/* At once: a read that turns into a write could not wait for another writer. */
	[STMT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_DATA_VERSION] = "PRAGMA data_version",
	[STMT_TOKEN_READ] = "SELECT id, label, mac FROM token WHERE one = 1",
	[STMT_TOKEN_WRITE] = "INSERT OR REPLACE INTO token VALUES(1, ?1, ?2, ?3)",
	[STMT_ROLE_READ] = "SELECT epoch, tries, settled, failed_ns, iterations, salt, wrapped, mac FROM role WHERE role = ?1",
	[STMT_ROLE_WRITE] = "INSERT OR REPLACE INTO role VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[STMT_OBJECT_READ] = "SELECT seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body"
	                     " FROM object WHERE uuid = ?1",
	[STMT_OBJECT_NEXT] = "SELECT seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body"
	                     " FROM object ORDER BY seq",
	[STMT_OBJECT_VERSION] = "SELECT version FROM object WHERE uuid = ?1",
	/* ?1 to ?2: all uuids that begin as the op id says. */
	[STMT_OBJECT_OF_OP] = "SELECT uuid FROM object WHERE uuid BETWEEN ?1 AND ?2",
	[STMT_OBJECT_INSERT] = "INSERT INTO object(uuid, private, version, material, host_mac, token_mac, lookup, copies, body)"
	                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[STMT_OBJECT_UPDATE] = "UPDATE object SET version = ?3, material = ?4, host_mac = ?5, token_mac = ?6, lookup = ?7,"
	                       " copies = ?8, body = ?9 WHERE uuid = ?1 AND private = ?2",
	[STMT_OBJECT_DELETE] = "DELETE FROM object WHERE seq = ?1",
	[STMT_LOOKUP_INSERT] = "INSERT OR IGNORE INTO lookup VALUES(?1, ?2)",
	[STMT_LOOKUP_DELETE] = "DELETE FROM lookup WHERE hash = ?1 AND object = ?2",
	[STMT_LOOKUP_PROBE] = "SELECT 1 FROM lookup WHERE hash = ?1 AND object = ?2",
	[STMT_LOOKUP_COUNT] = "SELECT count(*) FROM lookup",
	/* ?1: public rows' hash, ?2: private rows', NULL to leave them out. */
	[STMT_FIND] = "SELECT o.seq, o.private, o.uuid FROM lookup l CROSS JOIN object o ON o.seq = l.object"
	              " WHERE l.hash IN (?1, ?2) ORDER BY l.object",
	/* The index holds all that is asked for: no row is read. */
	[STMT_FIND_ALL] = "SELECT uuid FROM object INDEXED BY object_uuid WHERE private <= ?1 ORDER BY seq",
	[STMT_CLEAR_OBJECTS] = "DELETE FROM object",
	[STMT_CLEAR_LOOKUP] = "DELETE FROM lookup",
	[STMT_DOMAIN_NEXT] = "SELECT name, identity, enrolled, point, proof, host_mac, token_mac FROM domain ORDER BY name",
	[STMT_DOMAIN_WRITE] = "INSERT OR REPLACE INTO domain VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_CLEAR_DOMAINS] = "DELETE FROM domain",
	[STMT_CREDENTIAL_NEXT] = "SELECT domain, name, changed, refused, sealed, host_mac, token_mac FROM credential"
	                         " ORDER BY domain, name",
	[STMT_CREDENTIAL_WRITE] = "INSERT OR REPLACE INTO credential VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[STMT_CREDENTIAL_DELETE] = "DELETE FROM credential WHERE domain = ?1 AND name = ?2",
	[STMT_CLEAR_CREDENTIALS] = "DELETE FROM credential",
};

/* -- errors --------------------------------------------------------------------- */

static const struct {
	enum hufu_err err;
	const char *advice;
} advices[] = {
	{HUFU_ERR_STORE_BUSY, "Another process keeps it locked: see which (fuser), or raise the token's deadline"},
	{HUFU_ERR_STORE_FULL, "Free some space on its disk; nothing that was acknowledged is lost"},
	{HUFU_ERR_STORE_READ_ONLY, "Make the file, its directory and its disk writable for this user, or only read"},
	{HUFU_ERR_STORE_CORRUPT, "It is damaged or no store: see what hufu store verify says, and restore it from a backup"},
	{HUFU_ERR_STORE_IO, "Check the disk, and that this user may read and write the file and its directory"},
	{HUFU_ERR_NO_MEMORY, "Memory is out"},
};

/* A full disk, a quota and RLIMIT_FSIZE look like I/O errors to SQLite. */
static enum hufu_err io_err(int error)
{
	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		return HUFU_ERR_STORE_FULL;
	return error == EROFS ? HUFU_ERR_STORE_READ_ONLY : HUFU_ERR_STORE_IO;
}

static enum hufu_err err_of(int rc, int error)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return HUFU_ERR_STORE_BUSY;
	case SQLITE_FULL:
		return HUFU_ERR_STORE_FULL;
	case SQLITE_READONLY:
		return HUFU_ERR_STORE_READ_ONLY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_CONSTRAINT:
	case SQLITE_ERROR: /* our statements fit our schema: the file does not */
	case SQLITE_TOOBIG:
		return HUFU_ERR_STORE_CORRUPT;
	case SQLITE_NOMEM:
		return HUFU_ERR_NO_MEMORY;
	case SQLITE_IOERR:
		return rc == SQLITE_IOERR_NOMEM ? HUFU_ERR_NO_MEMORY : io_err(error);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_NOLFS:
		return io_err(error);
	default:
		return log_bug();
	}
}

/* Of a file that SQLite has open, the log (journal) too: sqlite3_system_errno may have been overtaken by a later call. */
static int errno_of(sqlite3 *db, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
		return 0;
	return file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK ? error : 0;
}

/* Why the system refused, 0 if it did not. */
static int system_errno(sqlite3 *db, int rc)
{
	if (!db || ((rc & 0xff) != SQLITE_IOERR && (rc & 0xff) != SQLITE_CANTOPEN))
		return 0;
	int error = errno_of(db, SQLITE_FCNTL_JOURNAL_POINTER);
	if (!error)
		error = errno_of(db, SQLITE_FCNTL_FILE_POINTER);
	return error ? error : sqlite3_system_errno(db);
}

enum hufu_err db_fail(struct sealed *s, int rc)
{
	int error = system_errno(s->db, rc);
	enum hufu_err err = err_of(rc, error);
	const char *advice = "";
	char text[128];

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].err == err)
			advice = advices[i].advice;
	log_msg(err == HUFU_ERR_STORE_BUSY ? HUFU_LOG_WARNING : HUFU_LOG_ERROR, "store %s: %s (%s, SQLite %d%s%s). %s",
	        s->conf.path, err_text(err), s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), rc, error ? ", " : "",
	        error ? strerror_r(error, text, sizeof(text)) : "", advice);
	if (err == HUFU_ERR_STORE_IO || err == HUFU_ERR_STORE_CORRUPT)
		s->suspect = true;
	return err;
}

/* -- waiting -------------------------------------------------------------------- */

struct deadline deadline_in(uint32_t ms)
{
	return (struct deadline){.at_ns = clock_now_ns() + ms * NS_PER_MS, .left_ms = ms};
}

bool deadline_pause(struct deadline *d, uint32_t ms)
{
	struct timespec ts;

	if (!d->left_ms || clock_now_ns() >= d->at_ns)
		return false;
	if (ms > d->left_ms)
		ms = d->left_ms;
	d->left_ms -= ms;
	/* 1/2 to 3/2 of it, by the clock's last bits: as random as this needs to be. */
	clock_gettime(CLOCK_MONOTONIC, &ts);
	clock_sleep_ns(ms * NS_PER_MS / 2 + ms * NS_PER_MS / 1024 * ((uint64_t)ts.tv_nsec & 1023));
	return true;
}

int db_busy(void *arg, int count)
{
	struct sealed *s = arg;
	uint32_t ms = count < 6 ? 1u << count : BUSY_PAUSE_MAX_MS;

	return deadline_pause(&s->deadline, ms);
}

static enum hufu_err lock_by(struct sealed *s, uint32_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	uint64_t ns = (uint64_t)ts.tv_nsec + ms * NS_PER_MS;
	ts.tv_sec += (time_t)(ns / NS_PER_S);
	ts.tv_nsec = (long)(ns % NS_PER_S);
	if (pthread_mutex_timedlock(&s->lock, &ts) == 0)
		return HUFU_OK;
	log_warning("store %s: another thread of this process has been using it for %u ms. Raise the token's deadline",
	            s->conf.path, ms);
	return HUFU_ERR_STORE_BUSY;
}

/* -- statements ------------------------------------------------------------------ */

sqlite3_stmt *stmt_get(struct sealed *s, enum stmt id)
{
	if (s->stmts[id]) {
		sqlite3_reset(s->stmts[id]);
		sqlite3_clear_bindings(s->stmts[id]);
		return s->stmts[id];
	}
	/* A failure is reported by stmt_step, which is always next. */
	if (sqlite3_prepare_v3(s->db, statements[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[id], NULL) != SQLITE_OK)
		return NULL;
	return s->stmts[id];
}

enum hufu_err stmt_step(struct sealed *s, sqlite3_stmt *stmt, bool *row)
{
	int rc = stmt ? sqlite3_step(stmt) : sqlite3_extended_errcode(s->db);

	if (row)
		*row = rc == SQLITE_ROW;
	if (rc == SQLITE_DONE || (rc == SQLITE_ROW && row))
		return HUFU_OK;
	return rc == SQLITE_ROW ? log_bug() : db_fail(s, rc);
}

enum hufu_err stmt_run(struct sealed *s, enum stmt id)
{
	return stmt_step(s, stmt_get(s, id), NULL);
}

void stmt_bind_view(sqlite3_stmt *stmt, int n, struct view v)
{
	if (v.len)
		sqlite3_bind_blob64(stmt, n, v.p, v.len, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob(stmt, n, 0);
}

bool stmt_blob(sqlite3_stmt *stmt, int column, size_t min, size_t max, struct view *v)
{
	if (sqlite3_column_type(stmt, column) != SQLITE_BLOB)
		return false;
	v->p = sqlite3_column_blob(stmt, column);
	v->len = (size_t)sqlite3_column_bytes(stmt, column);
	return v->len >= min && v->len <= max && (v->p || !v->len);
}

enum hufu_err db_exec(struct sealed *s, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

/* -- transactions ---------------------------------------------------------------- */

/* Running statements would keep a transaction open. */
static void reset_all(struct sealed *s)
{
	for (size_t i = 0; i < STMT_COUNT; i++)
		sqlite3_reset(s->stmts[i]);
}

/* A no-op after a commit, and where SQLite has rolled back by itself. */
static void rollback(struct sealed *s)
{
	reset_all(s);
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static enum hufu_err enter_locked(struct sealed *s, enum tx tx)
{
	enum hufu_err err = HUFU_OK;

	if (s->db && db_stale(s))
		db_close(s, true);
	if (!s->db)
		err = db_open(s, NULL);
	if (err)
		return err;
	if (tx == TX_WRITE && s->read_only) {
		log_error("store %s: it can only be read, so nothing can be changed and no PIN try be counted: no login. "
		          "Make the file, its directory and its disk writable for this user",
		          s->conf.path);
		return HUFU_ERR_STORE_READ_ONLY;
	}
	err = stmt_run(s, tx == TX_WRITE ? STMT_BEGIN_WRITE : STMT_BEGIN_READ);
	if (!err)
		err = token_notice(s);
	return err;
}

enum hufu_err sealed_enter(struct sealed *s, enum tx tx)
{
	struct deadline deadline = deadline_in(s->conf.deadline_ms);
	enum hufu_err err = lock_by(s, s->conf.deadline_ms);
	if (err)
		return err;
	s->deadline = deadline;
	err = enter_locked(s, tx);
	return err ? sealed_leave(s, tx, err) : HUFU_OK;
}

enum hufu_err sealed_leave(struct sealed *s, enum tx tx, enum hufu_err err)
{
	if (s->db && !err) {
		reset_all(s);
		err = stmt_run(s, STMT_COMMIT);
		if (!err && tx == TX_WRITE)
			s->changes++;
	}
	if (s->db)
		rollback(s);
	if (s->db && s->suspect)
		db_close(s, true);
	pthread_mutex_unlock(&s->lock);
	return err;
}
