/* SPDX-License-Identifier: Apache-2.0 */
/* The engine SQLite, as its own files share it; tests look in here too. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "store/engine.h"

/* A file as it was, to notice that another stands in its place. */
struct file_mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct sqlite {
	struct engine base;         /* first: sqlite_of */
	const char *path;           /* base.name */
	const char *vfs;
	uint32_t deadline_ms;
	sqlite3 *db;                /* NULL: opened at the next begin */
	sqlite3_stmt *stmts[ASK_COUNT]; /* prepared at first use and kept as long as the connection */
	struct file_mark mark;
	bool immutable;             /* read-only, and nobody can be writing: SQLite takes no locks */
	bool relaxed;               /* a copy: a power loss may take what was committed last, not the file */
	bool suspect;               /* SQLite reported damage or I/O errors: reopen */
	struct deadline deadline;   /* of the running transaction */
};

static inline struct sqlite *sqlite_of(struct engine *engine)
{
	return (struct sqlite *)engine;
}

/* -- conn.c ----------------------------------------------------------------------- */

/* create: NULL, or the schema to make in an empty file. */
struct schema;
enum hufu_err db_open(struct sqlite *, const struct schema *create) MUST_CHECK;
/* keep_wal: no checkpoint and nothing deleted, as before a fork. */
void db_close(struct sqlite *, bool keep_wal);
/* Has another file taken its place, or has a writer come to one that we took for immutable? */
bool db_stale(const struct sqlite *);
/* The limits and switches under which we dare to read a hostile file. */
int db_harden(sqlite3 *) MUST_CHECK;

/* -- sqlite.c --------------------------------------------------------------------- */

/* SQLite's busy handler: waits within the transaction's deadline. */
int db_busy(void *sqlite, int count);
/* What SQLite's rc means, logged. */
enum hufu_err db_fail(struct sqlite *, int rc);
enum hufu_err db_exec(struct sqlite *, const char *sql) MUST_CHECK;
/* *row: there is one. row NULL: none is expected. A statement that is NULL (it could not be prepared) fails. */
enum hufu_err stmt_step(struct sqlite *, sqlite3_stmt *, bool *row) MUST_CHECK;

/* -- file_create.c ------------------------------------------------------------------ */

enum hufu_err sqlite_there(struct engine *) MUST_CHECK;
enum hufu_err sqlite_create(struct engine *, engine_fill_fn, void *arg) MUST_CHECK;

/* -- file_care.c -------------------------------------------------------------------- */

enum hufu_err backup_to(struct sqlite *, const char *path) MUST_CHECK;
enum hufu_err sqlite_backup(struct engine *, const char *path) MUST_CHECK;
enum hufu_err sqlite_check(struct engine *, store_report_fn, void *arg) MUST_CHECK;
void sqlite_tidy(struct engine *);

/* -- schema.c ----------------------------------------------------------------------- */

struct schema_object {
	const char *type, *name, *sql;
};

/* From one version to the next. */
struct schema_step {
	int from;
	const char *sql;
};

struct schema {
	int version;
	const struct schema_object *objects; /* ends with type NULL */
	const struct schema_step *steps;     /* ends with sql NULL */
};

extern const struct schema schema_current;

enum hufu_err schema_create(struct sqlite *, const struct schema *) MUST_CHECK;
/* Ours, of this version (migrated if older), and with nothing added: triggers and views do not run here. */
enum hufu_err schema_ready(struct sqlite *, const struct schema *) MUST_CHECK;

/* -- file.c ------------------------------------------------------------------------- */

bool file_mark_equal(const struct file_mark *, const struct file_mark *);
struct file_mark file_mark_of(const struct stat *);
/* What SQLite keeps beside path; and path with it. */
void file_remove_leftovers(const char *path);
void file_remove_db(const char *path);

#endif
