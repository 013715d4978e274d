/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's own files share; its tests look in here too. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <pthread.h>

#include "store/engine.h"
#include "store/kind.h"
#include "store/ring.h"
#include "store/row.h"

#define HOST_SECRET_LEN 32
#define PIN_SALT_LEN 32
#define PIN_ITERATIONS_MIN 1u
#define PIN_ITERATIONS_MAX 10000000u

/* In secret memory. */
struct keys {
	uint8_t host_secret[HOST_SECRET_LEN];
	size_t host_secret_len;     /* 0: there is none */
	struct ring host;           /* of the token id the file had when it was last looked at */
	bool unlocked;
	uint8_t token_key[TOKEN_KEY_LEN];
	struct ring token;
};

/* -- head.c: which state of the store is the newest -------------------------- */

#define STORE_ID_LEN 16
/* Revisions that the journal keeps: how far behind a machine may be and still see that all follows. */
#define JOURNAL_KEPT 1024

struct head {
	uint8_t id[STORE_ID_LEN];
	uint64_t revision;          /* 0: none yet */
	uint64_t changed_s;
	uint8_t chain[SM3_DIGEST_LEN];
};

/* What a transaction changes; the journal's changed is a list of these, an object's with its uuid behind it. */
enum changed { CHANGED_ALL = 1, CHANGED_TOKEN, CHANGED_ROLES, CHANGED_OBJECT, CHANGED_DOMAINS, CHANGED_CREDENTIALS };

struct change {
	struct sm3 digest;
	struct writer changed;
	bool any;
	struct head next;           /* once change_end has written it */
};

/* A sealed store: its rows are read and written here, under its rings. */
struct sealed {
	struct store base;          /* first: sealed_of */
	pthread_mutex_t lock;       /* all below; never held while a PIN is stretched */
	struct store_conf conf;     /* its strings are ours */
	struct engine *engine;
	bool known;                 /* token_id, label and keys->host stand */
	uint8_t token_id[TOKEN_ID_LEN];
	char label[STORE_LABEL_LEN];
	struct keys *keys;
	struct change change;       /* of the running transaction */
	struct head head;           /* as it was at the last look */
	struct head newest;         /* of those that were right; revision 0: none */
	char *memory;               /* file of the newest that this machine has seen */
	bool looked;
	bool rolled_back;           /* head does not follow from known */
	bool accepting;             /* the officer is about to say that it may be so */
	uint64_t changes;           /* those seen by the change counter, from what follows */
	int64_t data_version;
	uint64_t revision;
	uint64_t connected;
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
enum hufu_err sealed_login(struct store *, enum store_role, const uint8_t *pin, size_t pin_len, bool sparing) MUST_CHECK;
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
enum hufu_err sealed_migrate(struct store *, const struct store_conf *to) MUST_CHECK;
enum hufu_err sealed_status(struct store *, struct store_status *) MUST_CHECK;
enum hufu_err sealed_accept_head(struct store *, const uint8_t *so_pin, size_t so_pin_len) MUST_CHECK;
void sealed_before_fork(struct store *);
void sealed_after_fork_parent(struct store *);
void sealed_after_fork_child(struct store *);

/* -- sealed.c -------------------------------------------------------------------- */

/* No connection and no host secret yet. *store is freed by sealed_free. */
enum hufu_err sealed_new(const struct store_conf *, struct sealed **) MUST_CHECK;
void sealed_free(struct sealed *);

/* Lock, connection, transaction, and a look at whether the token was renewed meanwhile. On error nothing is held. */
enum hufu_err sealed_enter(struct sealed *, enum tx) MUST_CHECK;
/* Commits when err is HUFU_OK, rolls back otherwise, unlocks. Gives err, or what went wrong in the commit. */
enum hufu_err sealed_leave(struct sealed *, enum tx, enum hufu_err err) MUST_CHECK;

/* -- head.c ----------------------------------------------------------------------- */

/* A transaction for writing begins, asks for something, has asked for all, has committed. */
void change_begin(struct sealed *);
void change_note(struct sealed *, enum ask, const struct cell *args);
enum hufu_err change_end(struct sealed *) MUST_CHECK;
void change_done(struct sealed *);
/* As change_done, of a store that was just made. */
void head_forget(const struct sealed *);
void head_made(struct sealed *);
/*
 * Is the store as new as it was known to be? HUFU_ERR_STORE_READ_ONLY for writers where it is not. Within a transaction. *doubt,
 * false before the first look: what is known may be of after this transaction began, and another one tells.
 */
enum hufu_err head_look(struct sealed *, enum tx, bool *doubt) MUST_CHECK;

/* -- copy.c ----------------------------------------------------------------------- */

struct journal_mark {
	int64_t revision;
	uint8_t chain[SM3_DIGEST_LEN];
};

/* Of the columns of ASK_HEAD; false: no journal looks like this. */
bool journal_head(const struct cell *columns, struct journal_mark *) MUST_CHECK;
bool journal_same(const struct journal_mark *, const struct journal_mark *);
/* Rows as they are, in place of all that to has; both within transactions. */
enum hufu_err copy_all(struct engine *from, struct engine *to) MUST_CHECK;
/* Likewise, only what has changed where the journal tells that. *now: the mark of both. */
enum hufu_err copy_follow(struct engine *from, struct engine *to, struct journal_mark *now) MUST_CHECK;
/* To a new store. HUFU_ERR_EXISTS. */
enum hufu_err copy_into(struct engine *from, const struct store_conf *) MUST_CHECK;

/* -- cache.c: reads from a copy in conf->state_dir, changes by the remote engine ------ */

enum hufu_err cache_open(const struct store_conf *, const struct engine_kind *remote, struct engine **) MUST_CHECK;

/* -- ask.c: as struct engine_kind has them ------------------------------------------ */

enum hufu_err db_ask(struct sealed *, enum ask, const struct cell *args) MUST_CHECK;
enum hufu_err db_next(struct sealed *, enum ask, struct cell *columns, bool *found) MUST_CHECK;
/* The first row of what is asked; the others by db_next. */
enum hufu_err db_row(struct sealed *, enum ask, const struct cell *args, struct cell *columns, bool *found) MUST_CHECK;
/* What gives no row. */
enum hufu_err db_run(struct sealed *, enum ask, const struct cell *args) MUST_CHECK;

/* -- token.c --------------------------------------------------------------------- */

struct role_row {
	uint64_t epoch;             /* new with every PIN */
	uint32_t tries;             /* counted since the last right PIN */
	uint32_t settled;           /* of those, found wrong: the rest are being looked at, or died */
	uint64_t failed_ns;         /* when the last one was counted: CLOCK_MONOTONIC; of a database that machines share, the time of day */
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
	bool sparing;                   /* said beforehand: see store_login_sparing */
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
uint32_t pin_delay_s(const struct sealed *, const struct role_row *);

/* -- object.c ---------------------------------------------------------------------- */

/* What the keys at hand say about a row. */
enum row_state {
	ROW_GOOD,
	ROW_UNCHECKED,              /* private, and no login */
	ROW_BAD
};

/* Columns of ASK_OBJECT_READ and ASK_OBJECT_NEXT: views. False: no row looks like this. */
bool object_columns(const struct cell *, struct row_image *) MUST_CHECK;
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
/* Is there a directory to put path into? */
enum hufu_err file_check_parent(const char *path) MUST_CHECK;
/* An exclusive lock on path's directory, given back by close. */
enum hufu_err file_lock_parent(const char *path, uint32_t deadline_ms, int *fd) MUST_CHECK;
/* A new file of ours, 0600. HUFU_ERR_EXISTS. */
enum hufu_err file_create(const char *path, int *fd) MUST_CHECK;
/* What root makes for whoever owns this: a file beside it, or, NULL, the directory that name is in. */
void file_give(int fd, const char *name, const char *owner);
/* Makes from stand durably as to, which must not be there yet: HUFU_ERR_EXISTS. */
enum hufu_err file_publish(const char *from, const char *to) MUST_CHECK;

/* "0123...", for the log. */
const char *uuid_text(const uint8_t uuid[UUID_LEN], char text[2 * UUID_LEN + 1]);

#endif
