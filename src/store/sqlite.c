/* SPDX-License-Identifier: Apache-2.0 */
/* The engine SQLite: statements, errors and transactions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

#define BUSY_PAUSE_MAX_MS 50u

static const char *const statements[ASK_COUNT] = {
	[ASK_HEAD] = "SELECT revision, id, time, digest, changed, chain, mac FROM journal ORDER BY revision DESC LIMIT 1",
	[ASK_JOURNAL_NEXT] = "SELECT revision, id, time, digest, changed, chain, mac FROM journal WHERE revision > ?1"
	                     " ORDER BY revision",
	[ASK_JOURNAL_WRITE] = "INSERT INTO journal VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ASK_JOURNAL_TRIM] = "DELETE FROM journal WHERE revision <= ?1",
	[ASK_CHANGES] = "PRAGMA data_version",
	[ASK_TOKEN_READ] = "SELECT id, label, mac FROM token WHERE one = 1",
	[ASK_TOKEN_WRITE] = "INSERT OR REPLACE INTO token VALUES(1, ?1, ?2, ?3)",
	[ASK_ROLE_READ] = "SELECT epoch, tries, settled, failed_ns, iterations, salt, wrapped, mac FROM role WHERE role = ?1",
	[ASK_ROLE_WRITE] = "INSERT OR REPLACE INTO role VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[ASK_OBJECT_READ] = "SELECT seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body"
	                     " FROM object WHERE uuid = ?1",
	[ASK_OBJECT_NEXT] = "SELECT seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body"
	                     " FROM object ORDER BY seq",
	[ASK_OBJECT_VERSION] = "SELECT version FROM object WHERE uuid = ?1",
	/* ?1 to ?2: all uuids that begin as the op id says. */
	[ASK_OBJECT_OF_OP] = "SELECT uuid FROM object WHERE uuid BETWEEN ?1 AND ?2",
	[ASK_OBJECT_INSERT] = "INSERT INTO object(uuid, private, version, material, host_mac, token_mac, lookup, copies, body)"
	                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING seq",
	[ASK_OBJECT_PUT] = "INSERT INTO object VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[ASK_OBJECT_UPDATE] = "UPDATE object SET version = ?3, material = ?4, host_mac = ?5, token_mac = ?6, lookup = ?7,"
	                       " copies = ?8, body = ?9 WHERE uuid = ?1 AND private = ?2",
	[ASK_OBJECT_DELETE] = "DELETE FROM object WHERE uuid = ?1",
	[ASK_LOOKUP_INSERT] = "INSERT OR IGNORE INTO lookup VALUES(?1, ?2)",
	[ASK_LOOKUP_DELETE] = "DELETE FROM lookup WHERE hash = ?1 AND object = ?2",
	[ASK_LOOKUP_PROBE] = "SELECT 1 FROM lookup WHERE hash = ?1 AND object = ?2",
	[ASK_LOOKUP_COUNT] = "SELECT count(*) FROM lookup",
	/* ?1: public rows' hash, ?2: private rows', NULL to leave them out. */
	[ASK_FIND] = "SELECT o.seq, o.private, o.uuid FROM lookup l CROSS JOIN object o ON o.seq = l.object"
	              " WHERE l.hash IN (?1, ?2) ORDER BY l.object",
	/* The index holds all that is asked for: no row is read. */
	[ASK_FIND_ALL] = "SELECT uuid FROM object INDEXED BY object_uuid WHERE private <= ?1 ORDER BY seq",
	[ASK_CLEAR_OBJECTS] = "DELETE FROM object",
	[ASK_CLEAR_LOOKUP] = "DELETE FROM lookup",
	[ASK_CLEAR_JOURNAL] = "DELETE FROM journal",
	[ASK_DOMAIN_NEXT] = "SELECT name, identity, enrolled, point, proof, host_mac, token_mac FROM domain ORDER BY name",
	[ASK_DOMAIN_WRITE] = "INSERT OR REPLACE INTO domain VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ASK_CLEAR_DOMAINS] = "DELETE FROM domain",
	[ASK_CREDENTIAL_NEXT] = "SELECT domain, name, changed, refused, sealed, host_mac, token_mac FROM credential"
	                         " ORDER BY domain, name",
	[ASK_CREDENTIAL_WRITE] = "INSERT OR REPLACE INTO credential VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[ASK_CREDENTIAL_DELETE] = "DELETE FROM credential WHERE domain = ?1 AND name = ?2 RETURNING 1",
	[ASK_CLEAR_CREDENTIALS] = "DELETE FROM credential",
	[ASK_JOURNAL_NAMES] = "SELECT 1 FROM journal WHERE instr(changed, ?1) > 0 LIMIT 1",
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

enum hufu_err db_fail(struct sqlite *s, int rc)
{
	int error = system_errno(s->db, rc);
	enum hufu_err err = err_of(rc, error);
	const char *advice = "";
	char text[128];

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].err == err)
			advice = advices[i].advice;
	log_msg(err == HUFU_ERR_STORE_BUSY ? HUFU_LOG_WARNING : HUFU_LOG_ERROR, "store %s: %s (%s, SQLite %d%s%s). %s",
	        s->path, err_text(err), s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), rc, error ? ", " : "",
	        error ? strerror_r(error, text, sizeof(text)) : "", advice);
	if (err == HUFU_ERR_STORE_IO || err == HUFU_ERR_STORE_CORRUPT)
		s->suspect = true;
	return err;
}

/* -- waiting -------------------------------------------------------------------- */

int db_busy(void *arg, int count)
{
	struct sqlite *s = arg;
	uint32_t ms = count < 6 ? 1u << count : BUSY_PAUSE_MAX_MS;

	return deadline_pause(&s->deadline, ms);
}

/* -- statements ------------------------------------------------------------------ */

/* Reset and unbound. NULL makes stmt_step fail. */
static sqlite3_stmt *stmt_get(struct sqlite *s, enum ask ask)
{
	if (s->stmts[ask]) {
		sqlite3_reset(s->stmts[ask]);
		sqlite3_clear_bindings(s->stmts[ask]);
		return s->stmts[ask];
	}
	if (sqlite3_prepare_v3(s->db, statements[ask], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[ask], NULL) != SQLITE_OK)
		return NULL;
	return s->stmts[ask];
}

enum hufu_err stmt_step(struct sqlite *s, sqlite3_stmt *stmt, bool *row)
{
	int rc = stmt ? sqlite3_step(stmt) : sqlite3_extended_errcode(s->db);

	if (row)
		*row = rc == SQLITE_ROW;
	if (rc == SQLITE_DONE || (rc == SQLITE_ROW && row))
		return HUFU_OK;
	return rc == SQLITE_ROW ? log_bug() : db_fail(s, rc);
}

static void bind(sqlite3_stmt *stmt, int n, const struct cell *cell)
{
	if (cell->type == CELL_NUMBER)
		sqlite3_bind_int64(stmt, n, cell->number);
	else if (cell->type == CELL_BYTES && cell->bytes.len)
		sqlite3_bind_blob64(stmt, n, cell->bytes.p, cell->bytes.len, SQLITE_STATIC);
	else if (cell->type == CELL_BYTES)
		sqlite3_bind_zeroblob(stmt, n, 0);
}

static enum hufu_err sqlite_ask(struct engine *engine, enum ask ask, const struct cell *args)
{
	struct sqlite *s = sqlite_of(engine);
	sqlite3_stmt *stmt = stmt_get(s, ask);

	for (int i = 0; stmt && ask_shapes[ask].args[i]; i++)
		bind(stmt, i + 1, &args[i]);
	return stmt ? HUFU_OK : db_fail(s, sqlite3_extended_errcode(s->db));
}

static void column(sqlite3_stmt *stmt, int n, struct cell *cell)
{
	*cell = (struct cell){.type = CELL_OTHER};
	switch (sqlite3_column_type(stmt, n)) {
	case SQLITE_INTEGER:
		*cell = cell_number(sqlite3_column_int64(stmt, n));
		break;
	case SQLITE_BLOB: /* the pointer before the length: it may convert */
		cell->bytes.p = sqlite3_column_blob(stmt, n);
		cell->bytes.len = (size_t)sqlite3_column_bytes(stmt, n);
		cell->type = CELL_BYTES;
		break;
	}
}

static enum hufu_err sqlite_next(struct engine *engine, enum ask ask, struct cell *columns, bool *found)
{
	struct sqlite *s = sqlite_of(engine);
	enum hufu_err err = stmt_step(s, s->stmts[ask], found);

	for (int i = 0; !err && *found && ask_shapes[ask].columns[i]; i++)
		column(s->stmts[ask], i, &columns[i]);
	return err;
}

enum hufu_err db_exec(struct sqlite *s, const char *sql)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

/* -- transactions ---------------------------------------------------------------- */

/* Running statements would keep a transaction open. */
static void reset_all(struct sqlite *s)
{
	for (size_t i = 0; i < ASK_COUNT; i++)
		sqlite3_reset(s->stmts[i]);
}

/* A writer from the beginning: a read that turns into a write could not wait for another writer. */
static enum hufu_err begin_write(struct sqlite *s)
{
	const struct deadline deadline = s->deadline;

	if (deadline.once)
		s->deadline.left_ms = 0;
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	s->deadline = deadline;
	if (rc == SQLITE_OK)
		return HUFU_OK;
	return deadline.once && (rc & 0xff) == SQLITE_BUSY ? HUFU_ERR_STORE_BUSY : db_fail(s, rc);
}

static enum hufu_err sqlite_begin(struct engine *engine, enum tx tx, struct deadline deadline)
{
	struct sqlite *s = sqlite_of(engine);
	enum hufu_err err = HUFU_OK;

	s->deadline = deadline;
	if (s->db && db_stale(s))
		db_close(s, true);
	if (!s->db)
		err = db_open(s, NULL);
	if (err)
		return err;
	if (tx == TX_WRITE && engine->read_only) {
		log_error("store %s: it can only be read, so nothing can be changed and no PIN try be counted: no login. "
		          "Make the file, its directory and its disk writable for this user",
		          s->path);
		return HUFU_ERR_STORE_READ_ONLY;
	}
	return tx == TX_WRITE ? begin_write(s) : db_exec(s, "BEGIN");
}

/* After a commit, and where SQLite has rolled back by itself, there is nothing to roll back. */
static void sqlite_rollback(struct engine *engine)
{
	struct sqlite *s = sqlite_of(engine);

	if (!s->db)
		return;
	reset_all(s);
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (s->suspect)
		db_close(s, true);
}

static enum hufu_err sqlite_commit(struct engine *engine, enum tx tx)
{
	struct sqlite *s = sqlite_of(engine);

	(void)tx;
	reset_all(s);
	enum hufu_err err = db_exec(s, "COMMIT");
	sqlite_rollback(engine);
	return err;
}

/* -- life -------------------------------------------------------------------------- */

static enum hufu_err sqlite_open(const struct store_conf *conf, struct engine **engine)
{
	if (!conf->path || conf->path[0] != '/')
		return HUFU_ERR_ARGUMENT;
	struct sqlite *s = calloc(1, sizeof(*s));
	if (!s)
		return HUFU_ERR_NO_MEMORY;
	s->base.kind = &engine_sqlite;
	s->base.name = s->path = conf->path;
	s->vfs = conf->vfs;
	s->deadline_ms = conf->deadline_ms;
	*engine = &s->base;
	return HUFU_OK;
}

static void sqlite_close(struct engine *engine)
{
	if (engine)
		db_close(sqlite_of(engine), false);
	free(engine);
}

static void sqlite_status(struct engine *engine, struct store_status *status)
{
	(void)engine;
	status->engine = "sqlite";
}

static void sqlite_disconnect(struct engine *engine)
{
	db_close(sqlite_of(engine), true);
}

const struct engine_kind engine_sqlite = {
	.open = sqlite_open, .close = sqlite_close, .there = sqlite_there, .create = sqlite_create,
	.disconnect = sqlite_disconnect, .begin = sqlite_begin, .ask = sqlite_ask, .next = sqlite_next,
	.commit = sqlite_commit, .rollback = sqlite_rollback, .check = sqlite_check, .backup = sqlite_backup,
	.tidy = sqlite_tidy, .status = sqlite_status,
};
