/* SPDX-License-Identifier: Apache-2.0 */
/* A store of its own for each test, and objects whose contents follow from a number. */
#ifndef STORE_UTIL_H
#define STORE_UTIL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "store/internal.h"
#include "store/sqlite.h"
#include "store/store.h"

#define SO_PIN "quis custodiet"
#define USER_PIN "open sesame"
#define LABEL "test token                      "

enum { ATTR_LABEL = 0x3, ATTR_ID = 0x102, ATTR_CLASS = 0x0, ATTR_VALUE = 0x11 };

#ifdef STORE_OVER_POSTGRES
/* The same tests over a real database: each place is a schema of one server. */
#define ON_FILES_ONLY() UNIT_SKIP("of SQLite's files")
#include "pg_server.h"
extern struct pg_server pg;
#else
#define ON_FILES_ONLY() ((void)0)
#endif

struct place {
	char dir[128], path[192], secret[192];
	char conninfo[256], schema[32]; /* over PostgreSQL */
	struct store_conf conf;
	struct store *store;
};

/* A fresh directory; the token is made, its user has a PIN, and it is open without a login. */
void place_init(struct place *);
/* Only the directory and the configuration. */
void place_empty(struct place *);
/* Closes and removes all. */
void place_clear(struct place *);
void place_reopen(struct place *);
/* The file under a store. */
static inline struct sqlite *file_of(struct store *s)
{
	return sqlite_of(sealed_of(s)->engine);
}

void place_login(struct place *);
/* What this machine remembers of the newest state is gone. */
void forget_head(const struct place *);

enum hufu_err login(struct store *, enum store_role, const char *pin);
enum hufu_err init(const struct place *, const char *so_pin);

/* The sample of a number: a draft and what it points at. round changes what an update changes. */
struct sample {
	char label[32], value[600];
	uint64_t class_value;
	uint8_t id[20], key[48], blob[64];
	struct store_attr attrs[4];
	struct store_copy copies[2];
	struct store_draft draft;
};

void sample_init(struct sample *, unsigned number, unsigned round, bool private_object);
/* Is the row all of the sample, and nothing else? with_copies: its ring is at hand. */
bool sample_is(const struct sample *, const struct store_row *, bool with_copies);
enum hufu_err sample_insert(struct store *, unsigned number, bool private_object, uint8_t uuid[16]);
/* HUFU_OK when the object of that uuid is there and whole, as of that round. */
enum hufu_err sample_check(struct store *, unsigned number, unsigned round, bool private_object, const uint8_t uuid[16]);

/* A connection of somebody who knows SQLite and not our keys. All statements of sql are run. */
void tamper(const char *path, const char *sql);
/* The answer's first column, -1 for none. */
int64_t ask(const char *path, const char *sql);

void copy_file(const char *from, const char *to);
size_t read_file(const char *path, uint8_t *out, size_t cap);
void write_file(const char *path, const uint8_t *data, size_t len);

/* The log goes to a file in the place: what was said since, in one place to look. */
void log_catch(const struct place *);
bool log_has(const struct place *, const char *text);

/* Runs fn in a child; its exit status, or 128 + the signal that ended it. */
int in_child(int (*fn)(void *), void *arg);

#endif
