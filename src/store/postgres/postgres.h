/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine PostgreSQL, as its own files share it. Linked by hufud and the
 * tool alone: programs that load the module get no libpq from us.
 *
 * Queries are sent without blocking and waited for with poll, PG_WAIT_MS at
 * most; the server gives them up by itself then (statement_timeout), so that
 * nothing has to be cancelled over a network that does not answer.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include <libpq-fe.h>

#include "store/engine.h"

#define PG_WAIT_MS 2000u
#define PG_GLANCE_MS 1000u /* a reader has a copy to go on with */
#define PG_SCHEMA_VERSION 1
/* First half of the key of the writers' lock; the second is the oid of the schema (namespace) that the tables are in. */
#define PG_LOCK_CLASS 0x68756675 /* "hufu" */

struct postgres {
	struct engine base;             /* first: postgres_of */
	const struct store_conf *conf;
	PGconn *conn;                   /* NULL: connected at the next begin */
	uint64_t until_ns;              /* of the running transaction */
	struct deadline deadline;       /* of the running query */
	bool in_tx, schema_known;
	bool silent;                    /* the connection was given up for want of an answer: another would get none */
	bool prepared[ASK_COUNT];
	PGresult *results[ASK_COUNT];   /* of what was asked last */
	int rows[ASK_COUNT];            /* how many of them were given */
	uint64_t written;               /* the revision that the transaction writes, 0 none; and its chain */
	uint8_t chain[SM3_DIGEST_LEN];
};

static inline struct postgres *postgres_of(struct engine *engine)
{
	return (struct postgres *)engine;
}

/* -- conn.c --------------------------------------------------------------------- */

/* To a server that takes writes, trying base.place first. Blocks 2 s a host at most. HUFU_ERR_STORE_IO, logged. */
enum hufu_err pg_connect(struct postgres *) MUST_CHECK;
void pg_disconnect(struct postgres *);
/* Waits for the answer to what was sent. *result is the caller's, PQclear; on error the log has why. */
enum hufu_err pg_result(struct postgres *, PGresult **result) MUST_CHECK;
/* Plain statements, without results. */
enum hufu_err pg_exec(struct postgres *, const char *sql) MUST_CHECK;
/* One number; *found false: no row, or NULL. */
enum hufu_err pg_number(struct postgres *, const char *sql, int64_t *number, bool *found) MUST_CHECK;

/* -- servers.c ------------------------------------------------------------------ */

void pg_servers(const struct store_conf *, store_report_fn, void *arg);

/* -- tables.c ------------------------------------------------------------------- */

/* HUFU_ERR_STORE_MISSING; STORE_VERSION: made by a newer hufu. */
enum hufu_err pg_tables_there(struct postgres *) MUST_CHECK;
/* Within a transaction. */
enum hufu_err pg_tables_make(struct postgres *) MUST_CHECK;
extern const char *const pg_statements[ASK_COUNT];

#endif
