/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: where a token's objects live. One SQLite file a token.
 *
 * What stands on disk is hostile: every row carries a MAC, every secret is
 * sealed, a row that fails is refused and reported, never repaired. A store that
 * was put back to an older state as a whole is noticed (store_status) and not
 * changed any more. Not seen: that whoever can write the file took a row away, or
 * put back one of old.
 *
 * Two rings of keys. The host ring, derived from the host secret and the token
 * id, is at hand without a login; the token ring, derived from the random token
 * key, only after one. Public rows are MACed by the host ring, and by the token
 * ring as well when they were made under a login; private rows are sealed and
 * MACed by the token ring alone.
 *
 * Thread-safe. A call blocks at most deadline_ms (HUFU_ERR_STORE_BUSY). What a
 * call acknowledged is durable: WAL, synchronous=FULL. PKCS#11 types do not come
 * down here: attributes are numbers and bytes.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/conf_store.h"
#include "base/err.h"
#include "base/object_row.h"

#define STORE_SCHEMA_VERSION 4

struct store;
struct conf_token;
struct conf_device;

struct store_conf {
	enum conf_store_engine engine;
	const char *path;          /* SQLITE: absolute */
	const char *conninfo;      /* POSTGRES: as libpq takes it, keywords or a URI */
	const struct conf_device *const *machines; /* NET: devices of driver net, of one domain */
	size_t nmachines;
	const char *host_secret;   /* absolute path of a 32-byte file, made (0600) by store_init; NULL: none */
	uint32_t pin_min;          /* characters (of UTF-8); the caller has raised it to 12 where the rule asks for that */
	uint32_t user_tries;       /* before the user's role locks */
	uint32_t pin_iterations;   /* PBKDF2, of PINs set from now on: 1..10000000; the configuration holds it to >= 100000 */
	uint32_t deadline_ms;
	const char *name;          /* POSTGRES: the token, for the log and the names of files in state_dir */
	const char *state_dir;     /* POSTGRES: where this machine keeps a copy and remembers the head; NULL: nowhere */
	uint32_t stale_s;          /* how long the copy is good for while the database does not answer */
	const char *head;          /* file that remembers the newest head seen; NULL: beside path, PATH.head */
	const char *vfs;           /* SQLite VFS, NULL the default: tests record and replay power loss */
};

/* From a token's section: views into it; all but machines, which are the configuration's. */
struct store_conf store_conf_of(const struct conf_token *);

/*
 * Makes the token (no file yet: STORE_MISSING before), or empties and renews it
 * when so_pin is the SO's (HUFU_ERR_PIN otherwise). The directory is made 0700
 * if only its last component is missing. All objects are gone, the user has no
 * PIN. HUFU_ERR_PIN_LEN: pin_min characters..STORE_PIN_MAX bytes.
 * HUFU_ERR_CONFIG: the host secret is of no use (missing though the store is
 * there, open to others, not 32 bytes); store_open too.
 */
enum hufu_err store_init(const struct store_conf *, const uint8_t *so_pin, size_t so_pin_len,
                         const char label[STORE_LABEL_LEN]) MUST_CHECK;

/* HUFU_ERR_STORE_MISSING: no file (none is made). Older schemas are migrated after a copy beside them. */
enum hufu_err store_open(const struct store_conf *, struct store **) MUST_CHECK;
void store_close(struct store *);
enum hufu_err store_token(struct store *, struct store_token *) MUST_CHECK;

/*
 * Tries are counted durably before the check. HUFU_ERR_PIN, PIN_LOCKED (for the
 * SO: within delay_s), PIN_UNSET. STORE_READ_ONLY where no try can be counted.
 * Stretching a PIN takes a tenth of a second and holds nothing up. On success
 * the token ring is at hand until store_logout; a second login of the same process only checks the PIN.
 */
enum hufu_err store_login(struct store *, enum store_role, const uint8_t *pin, size_t pin_len) MUST_CHECK;
/*
 * The same with a PIN that nobody typed, of any number of processes that start at once, and again and again: they do not lock
 * the user. HUFU_ERR_PIN_LAST: others were wrong, and one more would; neither looked at nor counted.
 */
enum hufu_err store_login_sparing(struct store *, enum store_role, const uint8_t *pin, size_t pin_len) MUST_CHECK;
void store_logout(struct store *);
/* Is the token ring at hand? It goes, too, when another process renews the token. */
bool store_unlocked(struct store *);
/* Needs the ring (the SO's login): sets the user's PIN and clears the lock. */
enum hufu_err store_init_pin(struct store *, const uint8_t *pin, size_t pin_len) MUST_CHECK;
enum hufu_err store_set_pin(struct store *, enum store_role, const uint8_t *old, size_t old_len, const uint8_t *pin,
                            size_t pin_len) MUST_CHECK;

/* -- what a login is worth on other machines (hufud/ticket.h); of stores that this process keeps, else HUFU_ERR_UNSUPPORTED -- */

#define STORE_TOKEN_KEY_LEN 32
/* Counts the PINs that the role has had: it is another after each that was set. */
enum hufu_err store_role_epoch(struct store *, enum store_role, uint64_t *epoch) MUST_CHECK;
/* What the login has opened, for store_unlock. HUFU_ERR_LOCKED. key: secret memory. */
enum hufu_err store_token_key(struct store *, uint8_t key[STORE_TOKEN_KEY_LEN]) MUST_CHECK;
/* As if logged in, by the key of a login to the token with this id; believed. HUFU_ERR_EXPIRED: it is another token by now. */
enum hufu_err store_unlock(struct store *, const uint8_t token_id[16], const uint8_t key[STORE_TOKEN_KEY_LEN]) MUST_CHECK;

/* -- rows ------------------------------------------------------------------ */

/*
 * The same op_id again gives the uuid of the first insert and HUFU_OK: exactly one row, and none when that was removed since;
 * for another request it is HUFU_ERR_CONFLICT. HUFU_ERR_DATA_LEN: beyond the bounds.
 */
enum hufu_err store_insert(struct store *, const struct store_draft *, uint8_t uuid[16]) MUST_CHECK;
/* All rows or none. */
enum hufu_err store_insert_all(struct store *, const struct store_draft *, size_t n, uint8_t (*uuids)[16]) MUST_CHECK;
/* HUFU_ERR_NOT_FOUND; LOCKED: private, and no login; STORE_CORRUPT: its MAC failed (reported in the log). */
enum hufu_err store_get(struct store *, const uint8_t uuid[16], struct store_row **) MUST_CHECK;
void store_row_free(struct store_row *);
/*
 * HUFU_ERR_CONFLICT: version is not the present one. Copies are replaced only
 * when draft has any. HUFU_ERR_ARGUMENT: private_object, object_class, key_type
 * or policy would change. op_id is not looked at.
 */
enum hufu_err store_update(struct store *, const uint8_t uuid[16], uint64_t version, const struct store_draft *) MUST_CHECK;
/*
 * HUFU_ERR_NOT_FOUND when it is gone already; LOCKED; CONFLICT: version is not the present one (0: whichever it is). A
 * damaged row goes too. Content is overwritten (secure_delete).
 */
enum hufu_err store_delete(struct store *, const uint8_t uuid[16], uint64_t version) MUST_CHECK;
/* The present version, without reading the row. */
enum hufu_err store_version(struct store *, const uint8_t uuid[16], uint64_t *version) MUST_CHECK;

/*
 * Rows that hold every one of the indexed attributes given (all rows for none),
 * oldest first; private ones only with the ring at hand and with_private. Time
 * depends on the matches of the rarest attribute (attrs come rarest first), not
 * on the number of rows. *uuids: n * 16 bytes, free() it.
 */
enum hufu_err store_find(struct store *, const struct store_attr *attrs, size_t nattrs, bool with_private,
                         uint8_t (**uuids)[16], size_t *n) MUST_CHECK;

/* Differs from an earlier answer when another process, or this one, has changed the store. Cheap: no row is read. */
enum hufu_err store_change_counter(struct store *, uint64_t *counter) MUST_CHECK;

/* -- domains ---------------------------------------------------------------- */

#define STORE_DOMAINS_MAX STORE_COPIES_MAX

/* A domain that the security officer has enrolled: only there do copies go. */
struct store_domain {
	char name[STORE_DOMAIN_MAX + 1];
	uint8_t identity[16];      /* hufu_device_info.domain_id of the device that was asked; all zero: unknown */
	uint64_t enrolled_s;       /* since 1970 */
	bool has_proof;            /* false: its devices make neither SM2 pairs nor SM4 keys */
	uint8_t point[64];         /* public point of the proof; all zero where it is by a secret key */
	uint32_t proof_kind;       /* enum hufu_copy_kind */
	uint8_t *proof;            /* copy of a key made there, in secret memory; NULL where the token ring is not at hand */
	size_t proof_len;
	bool secret;               /* the key is a secret one, which encrypts challenge to answer; else an SM2 private key */
	uint32_t secret_type;      /* its enum hufu_key_type, and what it is asked, where the token ring is at hand */
	uint8_t challenge[16], answer[16];
};

/* proof is sealed on its way to disk. HUFU_ERR_LOCKED without a login; EXISTS: its name is taken; STORE_FULL: STORE_DOMAINS_MAX. */
enum hufu_err store_domain_add(struct store *, const struct store_domain *) MUST_CHECK;
/* The proof of one that was enrolled without, by its name; the rest stays. HUFU_ERR_NOT_FOUND; EXISTS: it has one; LOCKED. */
enum hufu_err store_domain_prove(struct store *, const struct store_domain *) MUST_CHECK;
/* In order of their names, also without a login. What fails its MAC is reported in the log and left out. store_domains_free(). */
enum hufu_err store_domains(struct store *, struct store_domain **, size_t *n) MUST_CHECK;
void store_domains_free(struct store_domain *, size_t n);
/* For which domains are there copies? Reads every row. Counts those beyond cap too. */
enum hufu_err store_copy_domains(struct store *, char (*names)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n) MUST_CHECK;

/* -- credentials of devices --------------------------------------------------- */

#define STORE_CREDENTIALS_MAX 64
#define STORE_CREDENTIAL_NAME_MAX 64
#define STORE_CREDENTIAL_MAX 4096

/* What the devices of a domain want to be told (hufu/driver.h, HUFU_VERB_LOGIN). */
struct store_credential {
	char domain[STORE_DOMAIN_MAX + 1], name[STORE_CREDENTIAL_NAME_MAX + 1];
	uint64_t set_s;            /* since 1970; each time that it is set it is later than before */
	bool refused;              /* a device did not take it: it is presented to none until it is set anew */
	uint8_t *value;            /* secret memory; NULL where the token ring is not at hand */
	size_t len;                /* 1..STORE_CREDENTIAL_MAX */
};

/* In place of what has its domain and name; sealed on its way to disk. HUFU_ERR_LOCKED without a login; STORE_FULL. */
enum hufu_err store_credential_set(struct store *, const struct store_credential *) MUST_CHECK;
/* Notes that it was refused. HUFU_ERR_NOT_FOUND; CONFLICT: it was set anew since; LOCKED. */
enum hufu_err store_credential_refuse(struct store *, const struct store_credential *) MUST_CHECK;
/* HUFU_ERR_NOT_FOUND, LOCKED. */
enum hufu_err store_credential_remove(struct store *, const char *domain, const char *name) MUST_CHECK;
/* By domain and name, also without a login. What fails its MAC is reported in the log and left out. store_credentials_free(). */
enum hufu_err store_credentials(struct store *, struct store_credential **, size_t *n) MUST_CHECK;
void store_credentials_free(struct store_credential *, size_t n);

/* -- care ------------------------------------------------------------------ */

/* A consistent copy of a live store into a new file (0600; absolute; HUFU_ERR_EXISTS). The host secret is not in it. */
enum hufu_err store_backup(struct store *, const char *path) MUST_CHECK;

/*
 * Copies all rows as they are, sealed, to a new store: HUFU_ERR_EXISTS where there is one. to names the same host secret.
 * What is changed meanwhile is not in it.
 */
enum hufu_err store_migrate(struct store *, const struct store_conf *to) MUST_CHECK;

struct store_report {
	uint64_t rows, rows_private, rows_bad, copies, copies_bad, rows_unchecked; /* unchecked: need a login */
	uint64_t domains, domains_bad, credentials, credentials_bad;
};
typedef void (*store_report_fn)(void *arg, const char *message);
/* Integrity of the file, every MAC and every seal that the rings at hand can check. STORE_CORRUPT if anything is bad. */
enum hufu_err store_verify(struct store *, store_report_fn, void *arg, struct store_report *) MUST_CHECK;

/* -- state ------------------------------------------------------------------- */

struct store_status {
	const char *engine;        /* "sqlite", "postgres", "net" */
	char place[256];           /* where it answers: a host and port; "" the file that conf names */
	uint8_t id[16];            /* of the store, for its life; all zero before its first change */
	uint64_t revision;         /* counts changes */
	uint64_t changed_s;        /* the last of them, since 1970 */
	uint8_t chain[32];         /* SM3 over all of them */
	uint64_t remembered;       /* the newest revision that this machine has seen */
	bool rolled_back;          /* an older state, or another branch, stands in its place: read only until it is accepted */
	bool read_only;
	bool cached;               /* the database does not answer: this is of the machine's own copy */
	uint64_t cache_age_s;      /* since that was certainly all there is */
};
enum hufu_err store_status(struct store *, struct store_status *) MUST_CHECK;
/* A line for each server that conf names: "host:port primary", "standby", or what keeps it from being reached. Blocks 2 s a server. */
void store_servers(const struct store_conf *, store_report_fn, void *arg);
/* The officer's word that an older state is wanted, as after a restore. HUFU_ERR_PIN and the like, as store_login. */
enum hufu_err store_accept_head(struct store *, const uint8_t *so_pin, size_t so_pin_len) MUST_CHECK;

/* -- fork: SQLite must not live across it ---------------------------------- */

/* Waits for a running transaction, closes the file (no checkpoint), keeps the lock. */
void store_before_fork(struct store *);
/* Both sides reopen at their next call. */
void store_after_fork_parent(struct store *);
void store_after_fork_child(struct store *);

#endif
