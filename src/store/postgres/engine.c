/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine PostgreSQL: what is asked, transactions, and commits whose answer
 * was lost.
 *
 * Writers hold an advisory lock to the end of their transaction, so that they
 * come one after another (and READ COMMITTED is as good as SERIALIZABLE). It also
 * tells what became of a commit: whoever has got the lock knows that nobody's
 * commit is on its way any more.
 */
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/postgres/postgres.h"
#include "store/postgres/register.h"

#define OID_BYTEA 17
#define OID_INT8 20

/* Of the namespace, not of the database alone: tokens beside each other do not wait for one another. */
#define WRITERS_LOCK "SELECT pg_advisory_xact_lock(1752524405, current_schema()::regnamespace::oid::int)"

/* -- asking ------------------------------------------------------------------------ */

static enum hufu_err send_failed(struct postgres *pg)
{
	log_warning("store %s: %s", pg->base.name, PQerrorMessage(pg->conn));
	pg_disconnect(pg);
	return HUFU_ERR_STORE_IO;
}

static const char *shape_of(enum ask ask)
{
	return ask == ASK_OBJECT_NEXT ? "i" : ask_shapes[ask].args; /* it comes in portions: after which */
}

static enum hufu_err prepare(struct postgres *pg, enum ask ask, const char *name)
{
	Oid types[ASK_CELLS_MAX];
	PGresult *result;
	const char *shape = shape_of(ask);
	int n = 0;

	for (; shape[n]; n++)
		types[n] = shape[n] == 'i' ? OID_INT8 : OID_BYTEA;
	if (PQsendPrepare(pg->conn, name, pg_statements[ask], n, types) != 1)
		return send_failed(pg);
	enum hufu_err err = pg_result(pg, &result);
	PQclear(result);
	pg->prepared[ask] = !err;
	return err;
}

/* Parameters in binary: numbers of 8 bytes, big-endian. */
static enum hufu_err send(struct postgres *pg, enum ask ask, const char *name, const struct cell *args)
{
	uint64_t numbers[ASK_CELLS_MAX];
	const char *values[ASK_CELLS_MAX];
	int lens[ASK_CELLS_MAX], formats[ASK_CELLS_MAX], n = 0;

	for (const char *shape = shape_of(ask); shape[n]; n++) {
		const struct cell *cell = &args[n];
		formats[n] = 1;
		numbers[n] = htobe64((uint64_t)cell->number);
		values[n] = cell->type == CELL_NONE   ? NULL :
		            cell->type == CELL_NUMBER ? (const char *)&numbers[n] :
		            cell->bytes.len           ? (const char *)cell->bytes.p : "";
		lens[n] = cell->type == CELL_NUMBER ? 8 : (int)cell->bytes.len;
	}
	return PQsendQueryPrepared(pg->conn, name, n, values, lens, formats, 1) == 1 ? HUFU_OK : send_failed(pg);
}

/* Of ours, not of the database's, which was not asked: the connection is as good as it was. */
static enum hufu_err out_of_time(const struct postgres *pg)
{
	log_warning("store %s: the time of a call was over before the database had answered it all. Raise the token's deadline",
	            pg->base.name);
	return HUFU_ERR_STORE_BUSY;
}

static enum hufu_err query(struct postgres *pg, enum ask ask, const struct cell *args)
{
	char name[16];
	enum hufu_err err = HUFU_OK;

	snprintf(name, sizeof(name), "ask%d", (int)ask);
	PQclear(pg->results[ask]);
	pg->results[ask] = NULL;
	pg->rows[ask] = 0;
	if (!pg->conn)
		return HUFU_ERR_STORE_IO; /* lost within this transaction */
	if (clock_now_ns() >= pg->until_ns)
		return out_of_time(pg);
	pg->deadline = deadline_in(PG_WAIT_MS);
	if (pg->deadline.at_ns > pg->until_ns)
		pg->deadline.at_ns = pg->until_ns;
	if (!pg->prepared[ask])
		err = prepare(pg, ask, name);
	if (!err)
		err = send(pg, ask, name, args);
	return err ? err : pg_result(pg, &pg->results[ask]);
}

/* Compare and set: the row was as it had been read. */
static enum hufu_err check_update(struct postgres *pg)
{
	return strcmp(PQcmdTuples(pg->results[ASK_OBJECT_UPDATE]), "1") == 0 ? HUFU_OK : HUFU_ERR_CONFLICT;
}

static void note_revision(struct postgres *pg, const struct cell *args)
{
	pg->written = (uint64_t)args[0].number;
	memcpy(pg->chain, args[5].bytes.p, SM3_DIGEST_LEN);
}

static enum hufu_err postgres_ask(struct engine *engine, enum ask ask, const struct cell *args)
{
	struct postgres *pg = postgres_of(engine);
	static const struct cell from_the_first = {.type = CELL_NUMBER, .number = INT64_MIN};
	enum hufu_err err = query(pg, ask, ask == ASK_OBJECT_NEXT ? &from_the_first : args);

	if (!err && ask == ASK_OBJECT_UPDATE)
		err = check_update(pg);
	if (!err && ask == ASK_JOURNAL_WRITE)
		note_revision(pg, args);
	return err;
}

static void column(const PGresult *result, int row, int n, struct cell *cell)
{
	const uint8_t *p = (const uint8_t *)PQgetvalue(result, row, n);
	uint64_t be;

	*cell = (struct cell){.type = CELL_OTHER};
	if (PQgetisnull(result, row, n))
		return;
	if (PQftype(result, n) == OID_BYTEA) {
		*cell = cell_bytes(p, (size_t)PQgetlength(result, row, n));
	} else if (PQftype(result, n) == OID_INT8 && PQgetlength(result, row, n) == 8) {
		memcpy(&be, p, sizeof(be));
		*cell = cell_number((int64_t)be64toh(be));
	}
}

/* All objects do not fit into memory: the next portion begins behind the last that was given. */
static enum hufu_err next_portion(struct postgres *pg)
{
	struct cell last;

	column(pg->results[ASK_OBJECT_NEXT], PQntuples(pg->results[ASK_OBJECT_NEXT]) - 1, 0, &last);
	return query(pg, ASK_OBJECT_NEXT, &last);
}

static enum hufu_err postgres_next(struct engine *engine, enum ask ask, struct cell *columns, bool *found)
{
	struct postgres *pg = postgres_of(engine);
	enum hufu_err err = HUFU_OK;

	*found = false;
	if (!pg->results[ask])
		return HUFU_ERR_STORE_IO;
	if (ask == ASK_OBJECT_NEXT && pg->rows[ask] && pg->rows[ask] == PQntuples(pg->results[ask]))
		err = next_portion(pg);
	if (err || pg->rows[ask] >= PQntuples(pg->results[ask]))
		return err;
	if ((size_t)PQnfields(pg->results[ask]) != strlen(ask_shapes[ask].columns))
		return HUFU_ERR_STORE_CORRUPT;
	for (int i = 0; i < PQnfields(pg->results[ask]); i++)
		column(pg->results[ask], pg->rows[ask], i, &columns[i]);
	pg->rows[ask]++;
	*found = true;
	return HUFU_OK;
}

/* -- transactions -------------------------------------------------------------------- */

static enum hufu_err begin_once(struct postgres *pg, enum tx tx)
{
	enum hufu_err err = pg->conn ? HUFU_OK : pg_connect(pg);
	if (err)
		return err;
	pg->deadline = deadline_in(PG_WAIT_MS);
	pg->written = 0;
	err = pg_exec(pg, tx == TX_WRITE ? "BEGIN; " WRITERS_LOCK : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	pg->in_tx = pg->conn != NULL;
	return err;
}

/* A connection that died since it was used last is no reason to fail: nothing was asked yet. */
static enum hufu_err postgres_begin(struct engine *engine, enum tx tx, struct deadline deadline)
{
	struct postgres *pg = postgres_of(engine);
	bool fresh = !pg->conn;

	pg->until_ns = deadline.at_ns;
	enum hufu_err err = begin_once(pg, tx);
	if (err && !pg->conn && !fresh && !pg->silent)
		err = begin_once(pg, tx);
	if (!err && !pg->schema_known)
		err = pg_tables_there(pg);
	pg->schema_known |= !err;
	return err;
}

static void postgres_rollback(struct engine *engine)
{
	struct postgres *pg = postgres_of(engine);
	enum hufu_err ignored = HUFU_OK;

	pg->deadline = deadline_in(PG_WAIT_MS); /* whatever became of the last query's */
	if (pg->conn && pg->in_tx)
		ignored = pg_exec(pg, "ROLLBACK"); /* or the connection is gone, and the transaction with it */
	(void)ignored;
	pg->in_tx = false;
}

/*
 * The answer to a commit was lost. Under the writers' lock nothing is on its way any more: the journal has our
 * revision with our chain, or it never will.
 */
static enum hufu_err find_out(struct postgres *pg, uint64_t revision, const uint8_t chain[SM3_DIGEST_LEN])
{
	struct cell cells[ASK_CELLS_MAX], before = cell_number((int64_t)revision - 1);
	struct view found_chain;
	bool found;
	struct deadline deadline = deadline_in(PG_WAIT_MS);
	enum hufu_err err;

	pg->until_ns = CLOCK_NEVER;
	do
		err = begin_once(pg, TX_WRITE);
	while (err && !pg->conn && deadline_pause(&deadline, 100));
	if (!err)
		err = postgres_ask(&pg->base, ASK_JOURNAL_NEXT, &before);
	if (!err)
		err = postgres_next(&pg->base, ASK_JOURNAL_NEXT, cells, &found);
	bool there = !err && found && cell_is(&cells[5], SM3_DIGEST_LEN, SM3_DIGEST_LEN, &found_chain) &&
	             (uint64_t)cells[0].number == revision && memcmp(found_chain.p, chain, SM3_DIGEST_LEN) == 0;
	postgres_rollback(&pg->base);
	if (err)
		log_error("store %s: what became of a change cannot be found out now. Who asked for it may ask again", pg->base.name);
	else
		log_notice("store %s: a change whose answer was lost %s", pg->base.name, there ? "was made" : "was not made");
	return there ? HUFU_OK : HUFU_ERR_STORE_IO;
}

static enum hufu_err postgres_commit(struct engine *engine, enum tx tx)
{
	struct postgres *pg = postgres_of(engine);
	uint64_t revision = pg->written;
	uint8_t chain[SM3_DIGEST_LEN];

	memcpy(chain, pg->chain, sizeof(chain));
	if (!pg->conn)
		return HUFU_ERR_STORE_IO;
	if (PQtransactionStatus(pg->conn) == PQTRANS_INERROR) { /* COMMIT would be a ROLLBACK there, and no error */
		postgres_rollback(engine);
		return HUFU_ERR_STORE_IO;
	}
	pg->deadline = deadline_in(PG_WAIT_MS);
	enum hufu_err err = pg_exec(pg, tx == TX_WRITE && revision ? "NOTIFY hufu; COMMIT" : "COMMIT");
	pg->in_tx = err && pg->conn;
	if (err && !pg->conn && tx == TX_WRITE && revision)
		return find_out(pg, revision, chain);
	if (err)
		postgres_rollback(engine);
	return err;
}

/* -- life ------------------------------------------------------------------------------- */

static enum hufu_err postgres_there(struct engine *engine)
{
	struct postgres *pg = postgres_of(engine);
	enum hufu_err err = pg->conn ? HUFU_OK : pg_connect(pg);
	if (err)
		return err;
	pg->deadline = deadline_in(PG_WAIT_MS);
	return pg_tables_there(pg);
}

static enum hufu_err create_in_tx(struct postgres *pg, engine_fill_fn fill, void *arg)
{
	enum hufu_err err = pg_tables_there(pg);
	if (!err)
		return HUFU_ERR_EXISTS;
	if (err == HUFU_ERR_STORE_MISSING)
		err = pg_tables_make(pg);
	return err ? err : fill(arg, &pg->base);
}

/* Tables and rows are one transaction. */
static enum hufu_err postgres_create(struct engine *engine, engine_fill_fn fill, void *arg)
{
	struct postgres *pg = postgres_of(engine);
	pg->until_ns = CLOCK_NEVER;
	enum hufu_err err = begin_once(pg, TX_WRITE);
	if (!err)
		err = create_in_tx(pg, fill, arg);
	if (!err)
		return postgres_commit(engine, TX_WRITE);
	postgres_rollback(engine);
	return err;
}

static void postgres_close(struct engine *engine)
{
	if (engine)
		pg_disconnect(postgres_of(engine));
	free(engine);
}

static void postgres_disconnect(struct engine *engine)
{
	pg_disconnect(postgres_of(engine));
}

static void postgres_status(struct engine *engine, struct store_status *status)
{
	status->engine = "postgres";
	snprintf(status->place, sizeof(status->place), "%s", engine->place);
}

static enum hufu_err postgres_glance(struct engine *engine, struct cell *columns, bool *found)
{
	struct postgres *pg = postgres_of(engine);
	bool fresh = !pg->conn;
	enum hufu_err err = fresh ? pg_connect(pg) : HUFU_OK;

	pg->until_ns = clock_now_ns() + PG_GLANCE_MS * NS_PER_MS;
	if (!err)
		err = query(pg, ASK_HEAD, NULL);
	if (err && !pg->conn && !fresh && !pg->silent)
		return postgres_glance(engine, columns, found); /* a connection that died since is none */
	return err ? err : postgres_next(engine, ASK_HEAD, columns, found);
}

/* -- news --------------------------------------------------------------------------------- */

/* Listening begins with the first call on a connection. */
static enum hufu_err listen_once(struct postgres *pg, uint64_t *listening)
{
	enum hufu_err err = pg->conn ? HUFU_OK : pg_connect(pg);
	if (err || *listening == pg->base.connected)
		return err;
	pg->deadline = deadline_in(PG_WAIT_MS);
	err = pg_exec(pg, "LISTEN hufu");
	if (!err)
		*listening = pg->base.connected;
	return err;
}

static bool take_notices(struct postgres *pg)
{
	bool any = false;

	for (PGnotify *notice = PQnotifies(pg->conn); notice; notice = PQnotifies(pg->conn)) {
		PQfreemem(notice);
		any = true;
	}
	return any;
}

static enum hufu_err postgres_wait(struct engine *engine, int wake_fd, uint32_t ms)
{
	struct postgres *pg = postgres_of(engine);
	enum hufu_err err = listen_once(pg, &engine->listening);
	if (err || take_notices(pg))
		return err;
	struct pollfd fds[2] = {{.fd = PQsocket(pg->conn), .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	if (poll(fds, 2, (int)ms) > 0 && fds[0].revents && PQconsumeInput(pg->conn) != 1) {
		pg_disconnect(pg);
		return HUFU_ERR_STORE_IO;
	}
	take_notices(pg);
	return HUFU_OK;
}

static enum hufu_err postgres_open(const struct store_conf *conf, struct engine **engine);

static const struct engine_kind engine_postgres = {
	.open = postgres_open, .close = postgres_close, .there = postgres_there, .create = postgres_create,
	.disconnect = postgres_disconnect, .begin = postgres_begin, .ask = postgres_ask, .next = postgres_next,
	.commit = postgres_commit, .rollback = postgres_rollback, .status = postgres_status, .wait = postgres_wait,
	.glance = postgres_glance, .servers = pg_servers,
};

static enum hufu_err postgres_open(const struct store_conf *conf, struct engine **engine)
{
	if (!conf->conninfo)
		return HUFU_ERR_ARGUMENT;
	struct postgres *pg = calloc(1, sizeof(*pg));
	if (!pg)
		return HUFU_ERR_NO_MEMORY;
	pg->base.kind = &engine_postgres;
	pg->base.name = conf->name ? conf->name : conf->conninfo;
	pg->conf = conf;
	*engine = &pg->base;
	return HUFU_OK;
}

void store_postgres_register(void)
{
	store_engine_register(&engine_postgres);
}
