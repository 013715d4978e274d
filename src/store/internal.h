/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's own files share; its tests look in here too. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/kind.h"
#include "store/ring.h"
#include "store/row.h"

#define HOST_SECRET_LEN 32
#define PIN_SALT_LEN 32
#define PIN_ITERATIONS_MIN 1u
#define PIN_ITERATIONS_MAX 10000000u

/* Statements, prepared at first use and kept as long as the connection. */
enum stmt {
	STMT_BEGIN_READ,
	STMT_BEGIN_WRITE,
	STMT_COMMIT,
	STMT_DATA_VERSION,
	STMT_TOKEN_READ,
	STMT_TOKEN_WRITE,
	STMT_ROLE_READ,
	STMT_ROLE_WRITE,
	STMT_OBJECT_READ,
	STMT_OBJECT_NEXT,
	STMT_OBJECT_VERSION,
	STMT_OBJECT_OF_OP,
	STMT_OBJECT_INSERT,
	STMT_OBJECT_UPDATE,
	STMT_OBJECT_DELETE,
	STMT_LOOKUP_INSERT,
	STMT_LOOKUP_DELETE,
	STMT_LOOKUP_PROBE,
	STMT_LOOKUP_COUNT,
	STMT_FIND,
	STMT_FIND_ALL,
	STMT_CLEAR_OBJECTS,
	STMT_CLEAR_LOOKUP,
	STMT_DOMAIN_NEXT,
	STMT_DOMAIN_WRITE,
	STMT_CLEAR_DOMAINS,
	STMT_CREDENTIAL_NEXT,
	STMT_CREDENTIAL_WRITE,
	STMT_CREDENTIAL_DELETE,
	STMT_CLEAR_CREDENTIALS,
	STMT_COUNT
};

enum tx { TX_READ, TX_WRITE };

/* In secret memory. */
struct keys {
	uint8_t host_secret[HOST_SECRET_LEN];
	size_t host_secret_len;     /* 0: there is none */
	struct ring host;           /* of the token id the file had when it was last looked at */
	bool unlocked;
	uint8_t token_key[TOKEN_KEY_LEN];
	struct ring token;
};

/* A file as it was, to notice that another stands in its place. */
struct file_mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

/* How long a call may still wait. Counted in sleeps too: tests may hold the clock. */
struct deadline {
	uint64_t at_ns;
	uint32_t left_ms;
};

/* A sealed store: its rows are read and written here, under its rings. */
struct sealed {
	struct store base;          /* first: sealed_of */
	pthread_mutex_t lock;       /* all below; never held while a PIN is stretched */
	struct store_conf conf;     /* its strings are ours */
	sqlite3 *db;                /* NULL: opened at the next call */
	sqlite3_stmt *stmts[STMT_COUNT];
	struct file_mark mark;
	bool read_only;
	bool immutable;             /* read-only, and nobody can be writing: SQLite takes no locks */
	bool suspect;               /* SQLite reported damage or I/O errors: reopen */
	bool known;                 /* token_id, label and keys->host stand */
	uint8_t token_id[TOKEN_ID_LEN];
	char label[STORE_LABEL_LEN];
	struct keys *keys;
	struct deadline deadline;   /* of the running call */
	uint64_t changes;
	int64_t data_version;
};

static inline struct sealed *sealed_of(struct store *base)
{
	return (struct sealed *)base;
}

/* What store_sealed is made of, each in the file of its subject. */
enum hufu_err sealed_init(const struct store_conf *, const uint8_t *so_pin, size_t so_pin_len, const char label[STORE_LABEL_LEN])
	MUST_CHECK;
enum hufu_err sealed_open(const struct store_conf *, struct store **) MUST_CHECK;
void sealed_close(struct store *);
enum hufu_err sealed_token(struct store *, struct store_token *) MUST_CHECK;
enum hufu_err sealed_login(struct store *, enum store_role, const uint8_t *pin, size_t pin_len) MUST_CHECK;
void sealed_logout(struct store *);
bool sealed_unlocked(struct store *);
enum hufu_err sealed_init_pin(struct store *, const uint8_t *pin, size_t pin_len) MUST_CHECK;
enum hufu_err sealed_set_pin(struct store *, enum store_role, const uint8_t *old, size_t old_len, const uint8_t *pin,
                             size_t pin_len) MUST_CHECK;
enum hufu_err sealed_role_epoch(struct store *, enum store_role, uint64_t *epoch) MUST_CHECK;
enum hufu_err sealed_token_key(struct store *, uint8_t key[STORE_TOKEN_KEY_LEN]) MUST_CHECK;
enum hufu_err sealed_unlock(struct store *, const uint8_t token_id[16], const uint8_t key[STORE_TOKEN_KEY_LEN]) MUST_CHECK;
enum hufu_err sealed_insert_all(struct store *, const struct store_draft *, size_t n, uint8_t (*uuids)[16]) MUST_CHECK;
enum hufu_err sealed_get(struct store *, const uint8_t uuid[16], struct store_row **) MUST_CHECK;
enum hufu_err sealed_update(struct store *, const uint8_t uuid[16], uint64_t version, const struct store_draft *) MUST_CHECK;
enum hufu_err sealed_delete(struct store *, const uint8_t uuid[16], uint64_t version) MUST_CHECK;
enum hufu_err sealed_version(struct store *, const uint8_t uuid[16], uint64_t *version) MUST_CHECK;
enum hufu_err sealed_find(struct store *, const struct store_attr *, size_t nattrs, bool with_private, uint8_t (**uuids)[16],
                          size_t *n) MUST_CHECK;
enum hufu_err sealed_change_counter(struct store *, uint64_t *counter) MUST_CHECK;
enum hufu_err sealed_domain_add(struct store *, const struct store_domain *) MUST_CHECK;
enum hufu_err sealed_domain_prove(struct store *, const struct store_domain *) MUST_CHECK;
enum hufu_err sealed_domains(struct store *, struct store_domain **, size_t *n) MUST_CHECK;
enum hufu_err sealed_copy_domains(struct store *, char (*names)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n) MUST_CHECK;
enum hufu_err sealed_credential_set(struct store *, const struct store_credential *) MUST_CHECK;
enum hufu_err sealed_credential_refuse(struct store *, const struct store_credential *) MUST_CHECK;
enum hufu_err sealed_credential_remove(struct store *, const char *domain, const char *name) MUST_CHECK;
enum hufu_err sealed_credentials(struct store *, struct store_credential **, size_t *n) MUST_CHECK;
enum hufu_err sealed_backup(struct store *, const char *path) MUST_CHECK;
enum hufu_err sealed_verify(struct store *, store_report_fn, void *arg, struct store_report *) MUST_CHECK;
void sealed_before_fork(struct store *);
void sealed_after_fork_parent(struct store *);
void sealed_after_fork_child(struct store *);

/* -- sealed.c, conn.c, sqlite.c -------------------------------------------------- */

/* No connection and no host secret yet. *store is freed by sealed_free. */
enum hufu_err sealed_new(const struct store_conf *, struct sealed **) MUST_CHECK;
void sealed_free(struct sealed *);

/* create: NULL, or the schema to make in an empty file. */
struct schema;
enum hufu_err db_open(struct sealed *, const struct schema *create) MUST_CHECK;
/* keep_wal: no checkpoint and nothing deleted, as before a fork. */
void db_close(struct sealed *, bool keep_wal);
/* Has another file taken its place, or has a writer come to one that we took for immutable? */
bool db_stale(const struct sealed *);
/* SQLite's busy handler: waits within the call's deadline. */
int db_busy(void *store, int count);
/* The limits and switches under which we dare to read a hostile file. */
int db_harden(sqlite3 *) MUST_CHECK;
/* What SQLite's rc means, logged. */
enum hufu_err db_fail(struct sealed *, int rc);
enum hufu_err db_exec(struct sealed *, const char *sql) MUST_CHECK;

/* Lock, connection, transaction, and a look at whether the token was renewed meanwhile. On error nothing is held. */
enum hufu_err sealed_enter(struct sealed *, enum tx) MUST_CHECK;
/* Commits when err is HUFU_OK, rolls back otherwise, unlocks. Gives err, or what went wrong in the commit. */
enum hufu_err sealed_leave(struct sealed *, enum tx, enum hufu_err err) MUST_CHECK;

struct deadline deadline_in(uint32_t ms);
/* Sleeps about ms, with jitter so that processes do not wake together. False: there is no time left. */
bool deadline_pause(struct deadline *, uint32_t ms);

/* Reset and unbound. NULL (logged) makes stmt_step fail. */
sqlite3_stmt *stmt_get(struct sealed *, enum stmt);
/* *row: there is one. row NULL: none is expected. */
enum hufu_err stmt_step(struct sealed *, sqlite3_stmt *, bool *row) MUST_CHECK;
enum hufu_err stmt_run(struct sealed *, enum stmt) MUST_CHECK;
void stmt_bind_view(sqlite3_stmt *, int n, struct view);
/* A BLOB of min..max bytes; false when the column holds anything else. */
bool stmt_blob(sqlite3_stmt *, int column, size_t min, size_t max, struct view *) MUST_CHECK;

/* -- schema.c ------------------------------------------------------------------- */

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

enum hufu_err schema_create(struct sealed *, const struct schema *) MUST_CHECK;
/* Ours, of this version (migrated if older), and with nothing added: triggers and views do not run here. */
enum hufu_err schema_ready(struct sealed *, const struct schema *) MUST_CHECK;

/* -- token.c --------------------------------------------------------------------- */

struct role_row {
	uint64_t epoch;             /* new with every PIN */
	uint32_t tries;             /* counted since the last right PIN */
	uint32_t settled;           /* of those, found wrong: the rest are being looked at, or died */
	uint64_t failed_ns;         /* CLOCK_MONOTONIC of the last count */
	uint32_t iterations;
	uint8_t salt[PIN_SALT_LEN];
	uint8_t wrapped[TOKEN_KEY_LEN + SEAL_OVERHEAD];
	bool pin_set;
};

/* The token row as it is now: adopts a new id and drops the token ring when it changed. Within a transaction. */
enum hufu_err token_notice(struct sealed *) MUST_CHECK;
enum hufu_err token_write(struct sealed *, const uint8_t id[TOKEN_ID_LEN], const char label[STORE_LABEL_LEN]) MUST_CHECK;
enum hufu_err role_read(struct sealed *, enum store_role, struct role_row *) MUST_CHECK;
enum hufu_err role_write(struct sealed *, enum store_role, const struct role_row *) MUST_CHECK;
void token_unlock(struct sealed *, const uint8_t token_key[TOKEN_KEY_LEN]);
void token_lock(struct sealed *);

/* -- pin.c ------------------------------------------------------------------------ */

/* A PIN that was right: in secret memory. */
struct pin_proof {
	uint8_t token_id[TOKEN_ID_LEN];
	struct role_row row;
	uint8_t token_key[TOKEN_KEY_LEN];
};

enum hufu_err pin_check_len(const struct store_conf *, const uint8_t *pin, size_t len) MUST_CHECK;
/* Counts the try, stretches the PIN with nothing held, settles the count. */
enum hufu_err pin_prove(struct sealed *, enum store_role, const uint8_t *pin, size_t len, struct pin_proof *) MUST_CHECK;
/* A role row that opens token_key by this PIN. Slow; holds nothing. */
enum hufu_err pin_wrap(const struct store_conf *, const struct keys *, const uint8_t token_id[TOKEN_ID_LEN], enum store_role,
                       const uint8_t *pin, size_t len, const uint8_t token_key[TOKEN_KEY_LEN], struct role_row *) MUST_CHECK;
/* Seconds until the officer's next try is looked at. */
uint32_t pin_delay_s(const struct role_row *);

/* -- object.c ---------------------------------------------------------------------- */

/* What the keys at hand say about a row. */
enum row_state {
	ROW_GOOD,
	ROW_UNCHECKED,              /* private, and no login */
	ROW_BAD
};

/* Columns of STMT_OBJECT_READ and STMT_OBJECT_NEXT: views until the next step. False: no row looks like this. */
bool object_columns(sqlite3_stmt *, struct row_image *) MUST_CHECK;
enum row_state object_check(const struct sealed *, const struct row_image *);
/* Of a row that is ROW_GOOD. HUFU_ERR_STORE_CORRUPT, not logged: what it holds cannot be read all the same. */
enum hufu_err object_open(const struct sealed *, const struct row_image *, struct store_row **) MUST_CHECK;

/* -- domain.c --------------------------------------------------------------------- */

/* Rows whose MACs fail are counted, and named in the log. */
enum hufu_err domains_check(struct sealed *, uint64_t *n, uint64_t *nbad) MUST_CHECK;

/* -- credential.c ------------------------------------------------------------------ */

/* As domains_check. */
enum hufu_err credentials_check(struct sealed *, uint64_t *n, uint64_t *nbad) MUST_CHECK;

/* -- host.c, file.c ------------------------------------------------------------------ */

/* HUFU_ERR_CONFIG after a logged message. */
enum hufu_err host_secret_load(const char *path, struct keys *) MUST_CHECK;
/* Makes it first if it is missing. Locks its directory meanwhile. */
enum hufu_err host_secret_make(const struct store_conf *, struct keys *) MUST_CHECK;

/* What errno says about path, logged; HUFU_ERR_STORE_*. */
enum hufu_err file_fail(const char *path, const char *doing, int error);
/* path with suffix; free(). NULL: no memory. */
char *file_beside(const char *path, const char *suffix);
enum hufu_err file_make_parent(const char *path) MUST_CHECK;
/* An exclusive lock on path's directory, given back by close. */
enum hufu_err file_lock_parent(const char *path, uint32_t deadline_ms, int *fd) MUST_CHECK;
/* A new file of ours, 0600. HUFU_ERR_EXISTS. */
enum hufu_err file_create(const char *path, int *fd) MUST_CHECK;
/* Makes from stand durably as to, which must not be there yet: HUFU_ERR_EXISTS. */
enum hufu_err file_publish(const char *from, const char *to) MUST_CHECK;
/* What SQLite keeps beside path; and path with it. */
void file_remove_leftovers(const char *path);
void file_remove_db(const char *path);
bool file_mark_equal(const struct file_mark *, const struct file_mark *);
struct file_mark file_mark_of(const struct stat *);

/* "0123...", for the log. */
const char *uuid_text(const uint8_t uuid[UUID_LEN], char text[2 * UUID_LEN + 1]);

/* -- care.c ---------------------------------------------------------------------------- */

enum hufu_err backup_to(struct sealed *, const char *path) MUST_CHECK;

#endif
