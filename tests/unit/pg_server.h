/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of the test's own: in a directory of its own, on a Unix socket, of an unprivileged user. */
#ifndef PG_SERVER_H
#define PG_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pg_server {
	char dir[96], data[128], bin[128];
	pid_t pid;                  /* 0: not running */
	pid_t frozen[64];           /* with pid, while it is frozen */
	size_t nfrozen;
};

/* False: this machine has no PostgreSQL to start. */
bool pg_found(void);
/* Makes the cluster and starts it; gone, with its directory, when the process that made it exits. Aborts on failure. */
void pg_make(struct pg_server *);
void pg_start(struct pg_server *);
/* SIGQUIT: as in a crash, without a checkpoint; SIGKILL: the postmaster and, by that, all of it. Waits for its end. */
void pg_stop(struct pg_server *, int signal);
/* All of its processes stop, as with a disk that hangs; or go on. */
void pg_freeze(struct pg_server *, bool frozen);
/* "host=... user=hufu dbname=postgres", with the schema first in the search path. */
void pg_conninfo(const struct pg_server *, const char *schema, char *out, size_t len);
/* All statements of sql, aborting on failure. */
void pg_sql(const struct pg_server *, const char *schema, const char *sql);
/* The answer's first column, -1 for none. */
int64_t pg_ask(const struct pg_server *, const char *schema, const char *sql);

#endif
