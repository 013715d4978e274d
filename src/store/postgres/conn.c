/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to PostgreSQL: making it, waiting on it, what its errors mean. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/postgres/postgres.h"

/* libpq's messages end in a line feed and may have several lines. */
static const char *message_of(const PGconn *conn, char text[256])
{
	snprintf(text, 256, "%s", conn ? PQerrorMessage(conn) : "out of memory");
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = p[1] ? ';' : '\0';
	return text;
}

/* -- connecting ------------------------------------------------------------------- */

/*
 * What conninfo says wins over what stands before it. A dead server is noticed by the kernel (tcp_user_timeout,
 * keepalives), and by us, who wait PG_WAIT_MS for an answer.
 */
static PGconn *connect_with(const char *conninfo, const char *host, const char *port)
{
	const char *keys[] = {"target_session_attrs", "connect_timeout", "tcp_user_timeout", "keepalives_idle", "keepalives_interval",
	                      "keepalives_count", "fallback_application_name", "client_encoding", "dbname", "host", "port", NULL};
	const char *values[] = {"read-write", "2", "2000", "5", "2", "3", "hufu", "UTF8", conninfo, host, port, NULL};

	if (!host)
		keys[9] = NULL;
	return PQconnectdbParams(keys, values, 1);
}

/*
 * A machine that died amid a change keeps the writers' lock for idle_in_transaction_session_timeout.
 * Commits are durable whatever the database's default is: an administrator may ask for more (remote_apply), not for less.
 */
static const char session[] =
	"SET statement_timeout = 2000; SET lock_timeout = 1500; SET idle_in_transaction_session_timeout = 3000;"
	"SET bytea_output = 'hex'; SELECT set_config('synchronous_commit', 'on', false)"
	" WHERE current_setting('synchronous_commit') IN ('off', 'local')";

static enum hufu_err begin_session(struct postgres *pg)
{
	if (PQsetnonblocking(pg->conn, 1) != 0)
		return HUFU_ERR_NO_MEMORY;
	pg->deadline = deadline_in(PG_WAIT_MS);
	return pg_exec(pg, session);
}

/* Where it was found last: a black hole earlier in the list costs its time-out once. */
static PGconn *connect_anywhere(struct postgres *pg)
{
	const char *colon = strrchr(pg->base.place, ':');
	char host[sizeof(pg->base.place)];

	if (colon) {
		snprintf(host, sizeof(host), "%.*s", (int)(colon - pg->base.place), pg->base.place);
		PGconn *conn = connect_with(pg->conf->conninfo, host, colon + 1);
		if (PQstatus(conn) == CONNECTION_OK)
			return conn;
		PQfinish(conn);
	}
	return connect_with(pg->conf->conninfo, NULL, NULL);
}

static void drop_notice(void *arg, const char *text)
{
	(void)arg, (void)text;
}

enum hufu_err pg_connect(struct postgres *pg)
{
	char text[256];

	pg->conn = connect_anywhere(pg);
	if (PQstatus(pg->conn) != CONNECTION_OK) {
		log_warning("store %s: no server that takes changes can be reached: %s", pg->base.name, message_of(pg->conn, text));
		pg_disconnect(pg);
		return HUFU_ERR_STORE_IO;
	}
	pg->silent = false;
	PQsetNoticeProcessor(pg->conn, drop_notice, NULL);
	pg->base.connected++;
	/* With hostaddr= or a list, PQhost is the one that was taken; of a socket the directory. */
	snprintf(pg->base.place, sizeof(pg->base.place), "%.200s:%.16s", PQhost(pg->conn), PQport(pg->conn));
	enum hufu_err err = begin_session(pg);
	if (err)
		pg_disconnect(pg); /* without its time-outs, and perhaps without durable commits, it is none */
	return err;
}

void pg_disconnect(struct postgres *pg)
{
	for (size_t i = 0; i < ASK_COUNT; i++) {
		PQclear(pg->results[i]);
		pg->results[i] = NULL;
		pg->prepared[i] = false;
	}
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->in_tx = false;
}

/* -- waiting ------------------------------------------------------------------------ */

static enum hufu_err lost(struct postgres *pg, const char *why)
{
	char text[256];

	log_warning("store %s: the connection to %s is given up: %s", pg->base.name, pg->base.place,
	            why ? why : message_of(pg->conn, text));
	pg_disconnect(pg);
	return HUFU_ERR_STORE_IO;
}

/* Until the socket is ready for one of events. */
static enum hufu_err wait_ready(struct postgres *pg, short events)
{
	struct pollfd fd = {.fd = PQsocket(pg->conn), .events = events};
	int n;

	do {
		uint64_t now = clock_now_ns();
		uint64_t left = now < pg->deadline.at_ns ? pg->deadline.at_ns - now : 0;
		if (!left) {
			pg->silent = true;
			return lost(pg, "it does not answer in time");
		}
		n = poll(&fd, 1, (int)((left + NS_PER_MS - 1) / NS_PER_MS));
	} while (n == 0 || (n < 0 && errno == EINTR));
	return n < 0 ? lost(pg, strerror(errno)) : HUFU_OK;
}

static enum hufu_err flush(struct postgres *pg)
{
	for (;;) {
		int left = PQflush(pg->conn);
		if (left <= 0)
			return left < 0 ? lost(pg, NULL) : HUFU_OK;
		enum hufu_err err = wait_ready(pg, POLLIN | POLLOUT);
		if (err)
			return err;
		if (PQconsumeInput(pg->conn) != 1)
			return lost(pg, NULL);
	}
}

static enum hufu_err until_idle(struct postgres *pg)
{
	while (PQisBusy(pg->conn)) {
		enum hufu_err err = wait_ready(pg, POLLIN);
		if (err)
			return err;
		if (PQconsumeInput(pg->conn) != 1)
			return lost(pg, NULL);
	}
	return HUFU_OK;
}

/* -- errors --------------------------------------------------------------------------- */

/* Appendix A of PostgreSQL's documentation; a code, or the class that it begins with. */
static const struct {
	const char *state;
	enum hufu_err err;
	bool reconnect;             /* another server, or this one later, may do better */
} meanings[] = {
	{"23505", HUFU_ERR_CONFLICT, false},       /* unique_violation */
	{"25006", HUFU_ERR_STORE_READ_ONLY, true}, /* read_only_sql_transaction: a standby by now */
	{"40", HUFU_ERR_STORE_BUSY, false},        /* serialization_failure, deadlock_detected */
	{"55P03", HUFU_ERR_STORE_BUSY, false},     /* lock_not_available */
	{"57014", HUFU_ERR_STORE_BUSY, false},     /* query_canceled: statement_timeout */
	{"42P01", HUFU_ERR_STORE_MISSING, false},  /* undefined_table */
	{"57P", HUFU_ERR_STORE_IO, true},          /* shutdown, crash */
	{"53100", HUFU_ERR_STORE_FULL, false},     /* disk_full */
	{"53", HUFU_ERR_STORE_IO, false},
	{"08", HUFU_ERR_STORE_IO, true},
	{"58", HUFU_ERR_STORE_IO, false},
	{"42501", HUFU_ERR_STORE_READ_ONLY, false}, /* insufficient_privilege */
	{"", HUFU_ERR_STORE_CORRUPT, false},       /* our statements fit our tables: these do not */
};

static enum hufu_err refused(struct postgres *pg, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	size_t i = 0;

	if (!state)
		return lost(pg, NULL);
	while (strncmp(state, meanings[i].state, strlen(meanings[i].state)) != 0)
		i++;
	if (meanings[i].err == HUFU_ERR_STORE_MISSING)
		return meanings[i].err;
	log_msg(meanings[i].err == HUFU_ERR_STORE_BUSY ? HUFU_LOG_WARNING : HUFU_LOG_ERROR, "store %s: %s (%s, PostgreSQL %s)",
	        pg->base.name, err_text(meanings[i].err), text ? text : "no reason given", state);
	if (meanings[i].reconnect)
		pg_disconnect(pg);
	return meanings[i].err;
}

/* The last result is kept: statements of one string come one after another, and an error ends them. */
static enum hufu_err collect(struct postgres *pg, PGresult **last)
{
	for (;;) {
		enum hufu_err err = until_idle(pg);
		if (err)
			return err;
		PGresult *result = PQgetResult(pg->conn);
		if (!result)
			return HUFU_OK;
		PQclear(*last);
		*last = result;
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_FATAL_ERROR && PQstatus(pg->conn) != CONNECTION_OK)
			return lost(pg, NULL);
	}
}

enum hufu_err pg_result(struct postgres *pg, PGresult **result)
{
	*result = NULL;
	enum hufu_err err = flush(pg);
	if (!err)
		err = collect(pg, result);
	if (err) {
		PQclear(*result);
		*result = NULL;
		return err;
	}
	ExecStatusType status = PQresultStatus(*result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return HUFU_OK;
	err = refused(pg, *result);
	PQclear(*result);
	*result = NULL;
	return err;
}

enum hufu_err pg_exec(struct postgres *pg, const char *sql)
{
	PGresult *result;

	if (PQsendQuery(pg->conn, sql) != 1)
		return lost(pg, NULL);
	enum hufu_err err = pg_result(pg, &result);
	PQclear(result);
	return err;
}

enum hufu_err pg_number(struct postgres *pg, const char *sql, int64_t *number, bool *found)
{
	PGresult *result;

	*found = false;
	if (PQsendQuery(pg->conn, sql) != 1)
		return lost(pg, NULL);
	enum hufu_err err = pg_result(pg, &result);
	if (!err && PQntuples(result) == 1 && PQnfields(result) == 1 && !PQgetisnull(result, 0, 0))
		*found = sscanf(PQgetvalue(result, 0, 0), "%ld", number) == 1;
	PQclear(result);
	return err;
}
