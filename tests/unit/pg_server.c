/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DIE_UNLESS(x) do { if (!(x)) { printf("# %s:%d: %s\n", __FILE__, __LINE__, #x); fflush(stdout); abort(); } } while (0)

static struct pg_server *to_remove;
static pid_t maker;

static bool find_bin(char bin[128])
{
	glob_t found;
	bool there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0;

	if (there) {
		const char *path = found.gl_pathv[found.gl_pathc - 1];
		snprintf(bin, 128, "%.*s", (int)(strrchr(path, '/') - path), path);
	}
	globfree(&found);
	return there;
}

bool pg_found(void)
{
	char bin[128];

	return find_bin(bin);
}

/* PostgreSQL does not run as root. */
static const struct passwd *user(void)
{
	const struct passwd *pw = getpwnam("postgres");

	return pw ? pw : getpwnam("nobody");
}

static void become_user(const struct passwd *pw)
{
	if (geteuid() == 0 && (!pw || setgroups(0, NULL) || setgid(pw->pw_gid) || setuid(pw->pw_uid)))
		_exit(97);
}

static pid_t run(const struct pg_server *s, const char *program, char *argv[])
{
	char path[192], log[160];
	const struct passwd *pw = user();
	pid_t parent = getpid();

	snprintf(path, sizeof(path), "%s/%s", s->bin, program);
	snprintf(log, sizeof(log), "%s/log", s->dir);
	pid_t pid = fork();
	if (pid)
		return pid;
	become_user(pw);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives the test */
	if (getppid() != parent)
		_exit(98);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	dup2(fd, 1);
	dup2(fd, 2);
	argv[0] = path; /* by which it finds its other programs and files: they need not be in PATH */
	if (chdir(s->dir) == 0)
		execv(path, argv);
	_exit(99);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void at_exit(void)
{
	if (getpid() != maker || !to_remove)
		return;
	if (to_remove->pid)
		pg_stop(to_remove, SIGKILL);
	nftw(to_remove->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void pg_make(struct pg_server *s)
{
	const struct passwd *pw = user();
	int status;

	memset(s, 0, sizeof(*s));
	DIE_UNLESS(find_bin(s->bin));
	snprintf(s->dir, sizeof(s->dir), "/tmp/hufu-pg-XXXXXX");
	DIE_UNLESS(mkdtemp(s->dir));
	DIE_UNLESS(geteuid() != 0 || (pw && chown(s->dir, pw->pw_uid, pw->pw_gid) == 0));
	chmod(s->dir, 0755);
	snprintf(s->data, sizeof(s->data), "%s/data", s->dir);
	to_remove = s;
	maker = getpid();
	atexit(at_exit);
	char *argv[] = {"initdb", "-D", s->data, "-U", "hufu", "-A", "trust", "-N", "-E", "UTF8", "--locale=C", NULL};
	pid_t pid = run(s, "initdb", argv);
	DIE_UNLESS(waitpid(pid, &status, 0) == pid && status == 0);
	pg_start(s);
}

static bool answers(const struct pg_server *s)
{
	char conninfo[256];

	pg_conninfo(s, "public", conninfo, sizeof(conninfo));
	PGconn *conn = PQconnectdb(conninfo);
	bool ok = PQstatus(conn) == CONNECTION_OK;
	PQfinish(conn);
	return ok;
}

void pg_start(struct pg_server *s)
{
	char *argv[] = {"postgres", "-D", s->data, "-k", s->dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
	                "max_connections=60", "-c", "shared_buffers=16MB", NULL};
	struct timespec pause = {.tv_nsec = 50000000};

	s->pid = run(s, "postgres", argv);
	for (int i = 0; i < 600 && !answers(s); i++) {
		DIE_UNLESS(waitpid(s->pid, NULL, WNOHANG) == 0);
		nanosleep(&pause, NULL);
	}
	DIE_UNLESS(answers(s));
}

/* Backends notice that their postmaster is gone and end; until then a new one would find its shared memory in use. */
void pg_stop(struct pg_server *s, int signal)
{
	char pidfile[160];
	struct timespec pause = {.tv_nsec = 50000000};

	kill(s->pid, signal);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	snprintf(pidfile, sizeof(pidfile), "%s/postmaster.pid", s->data);
	unlink(pidfile);
	snprintf(pidfile, sizeof(pidfile), "%s/.s.PGSQL.5432", s->dir);
	unlink(pidfile);
	nanosleep(&pause, NULL);
}

/* Each is in a session of its own, so no signal reaches all. The postmaster first: it starts no more. */
void pg_freeze(struct pg_server *s, bool frozen)
{
	char conninfo[256];

	if (frozen) {
		pg_conninfo(s, "public", conninfo, sizeof(conninfo));
		PGconn *conn = PQconnectdb(conninfo);
		PGresult *result = PQexec(conn, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
		s->nfrozen = 0;
		for (int i = 0; i < PQntuples(result) && s->nfrozen < sizeof(s->frozen) / sizeof(s->frozen[0]); i++)
			s->frozen[s->nfrozen++] = (pid_t)strtol(PQgetvalue(result, i, 0), NULL, 10);
		PQclear(result);
		PQfinish(conn);
	}
	kill(s->pid, frozen ? SIGSTOP : SIGCONT);
	for (size_t i = 0; i < s->nfrozen; i++)
		kill(s->frozen[i], frozen ? SIGSTOP : SIGCONT);
}

void pg_conninfo(const struct pg_server *s, const char *schema, char *out, size_t len)
{
	snprintf(out, len, "host=%s user=hufu dbname=postgres options=-csearch_path=%s", s->dir, schema);
}

static PGresult *ask_server(const struct pg_server *s, const char *schema, const char *sql, PGconn **conn)
{
	char conninfo[256];

	pg_conninfo(s, schema, conninfo, sizeof(conninfo));
	*conn = PQconnectdb(conninfo);
	PGresult *result = PQexec(*conn, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		printf("# %s: %s", sql, PQerrorMessage(*conn));
	DIE_UNLESS(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
	return result;
}

void pg_sql(const struct pg_server *s, const char *schema, const char *sql)
{
	PGconn *conn;

	PQclear(ask_server(s, schema, sql, &conn));
	PQfinish(conn);
}

int64_t pg_ask(const struct pg_server *s, const char *schema, const char *sql)
{
	PGconn *conn;
	PGresult *result = ask_server(s, schema, sql, &conn);
	int64_t n = PQntuples(result) && !PQgetisnull(result, 0, 0) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1;

	PQclear(result);
	PQfinish(conn);
	return n;
}
