/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema, its version (PRAGMA user_version) and the way from older ones.
 * What a file says of itself must equal this, word for word: a trigger, a view
 * or a column more is somebody else's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

#define APPLICATION_ID 0x68756675 /* "hufu" */
#define BACKUPS_MAX 10            /* of migrations that were tried again */

#define DOMAIN_TABLE \
	"CREATE TABLE domain(name BLOB NOT NULL PRIMARY KEY, identity BLOB NOT NULL, enrolled INTEGER NOT NULL," \
	" point BLOB NOT NULL, proof BLOB NOT NULL, host_mac BLOB NOT NULL, token_mac BLOB NOT NULL) STRICT, WITHOUT ROWID"

#define CREDENTIAL_TABLE \
	"CREATE TABLE credential(domain BLOB NOT NULL, name BLOB NOT NULL, changed INTEGER NOT NULL, refused INTEGER NOT NULL," \
	" sealed BLOB NOT NULL, host_mac BLOB NOT NULL, token_mac BLOB NOT NULL, PRIMARY KEY(domain, name)) STRICT, WITHOUT ROWID"

#define JOURNAL_TABLE \
	"CREATE TABLE journal(revision INTEGER PRIMARY KEY, id BLOB NOT NULL, time INTEGER NOT NULL, digest BLOB NOT NULL," \
	" changed BLOB NOT NULL, chain BLOB NOT NULL, mac BLOB NOT NULL) STRICT"

/*
 * Small columns first: what a lookup asks for lies on the row's first page.
 * lookup has no foreign key to object: SQLite would search it at every delete,
 * and object.lookup already names the entries that go with a row.
 */
static const struct schema_object objects[] = {
	{"table", "token",
	 "CREATE TABLE token(one INTEGER PRIMARY KEY CHECK(one = 1), id BLOB NOT NULL, label BLOB NOT NULL,"
	 " mac BLOB NOT NULL) STRICT"},
	{"table", "role",
	 "CREATE TABLE role(role INTEGER PRIMARY KEY CHECK(role IN (0, 1)), epoch INTEGER NOT NULL, tries INTEGER NOT NULL,"
	 " settled INTEGER NOT NULL, failed_ns INTEGER NOT NULL, iterations INTEGER NOT NULL, salt BLOB NOT NULL,"
	 " wrapped BLOB NOT NULL, mac BLOB NOT NULL) STRICT"},
	{"table", "object",
	 "CREATE TABLE object(seq INTEGER PRIMARY KEY, uuid BLOB NOT NULL, private INTEGER NOT NULL, version INTEGER NOT NULL,"
	 " material INTEGER NOT NULL, host_mac BLOB NOT NULL, token_mac BLOB NOT NULL, lookup BLOB NOT NULL,"
	 " copies BLOB NOT NULL, body BLOB NOT NULL) STRICT"},
	{"index", "object_uuid", "CREATE UNIQUE INDEX object_uuid ON object(uuid, private)"},
	{"table", "lookup",
	 "CREATE TABLE lookup(hash BLOB NOT NULL, object INTEGER NOT NULL, PRIMARY KEY(hash, object)) STRICT, WITHOUT ROWID"},
	{"table", "domain", DOMAIN_TABLE},
	{"table", "credential", CREDENTIAL_TABLE},
	{"table", "journal", JOURNAL_TABLE},
	{0},
};

/*
 * From 1, without domains: src/token enrols those of its copies at the next login. From 2, without credentials. From 3,
 * without a journal: the first change begins it.
 */
static const struct schema_step steps[] = {
	{1, DOMAIN_TABLE},
	{2, CREDENTIAL_TABLE},
	{3, JOURNAL_TABLE},
	{0},
};

const struct schema schema_current = {.version = STORE_SCHEMA_VERSION, .objects = objects, .steps = steps};

static enum hufu_err pragma_read(struct sqlite *s, const char *sql, int64_t *value)
{
	sqlite3_stmt *stmt;
	bool row;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return db_fail(s, rc);
	enum hufu_err err = stmt_step(s, stmt, &row);
	*value = !err && row ? sqlite3_column_int64(stmt, 0) : 0;
	sqlite3_finalize(stmt);
	return err;
}

static enum hufu_err version_write(struct sqlite *s, int version)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return db_exec(s, sql);
}

/* -- making ------------------------------------------------------------------------ */

enum hufu_err schema_create(struct sqlite *s, const struct schema *schema)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
	enum hufu_err err = db_exec(s, "BEGIN IMMEDIATE");
	if (!err)
		err = db_exec(s, sql);
	for (const struct schema_object *o = schema->objects; !err && o->type; o++)
		err = db_exec(s, o->sql);
	if (!err)
		err = version_write(s, schema->version);
	return err ? err : db_exec(s, "COMMIT");
}

/* -- comparing --------------------------------------------------------------------- */

static bool is(sqlite3_stmt *stmt, int column, const char *want)
{
	const char *have = (const char *)sqlite3_column_text(stmt, column);

	return have && strcmp(have, want) == 0;
}

/* Which of ours this row of sqlite_schema is; -1: none. */
static int known_object(sqlite3_stmt *stmt, const struct schema *schema)
{
	for (int i = 0; schema->objects[i].type; i++) {
		const struct schema_object *o = &schema->objects[i];
		if (is(stmt, 0, o->type) && is(stmt, 1, o->name) && is(stmt, 2, o->sql))
			return i;
	}
	return -1;
}

static void report_foreign(const struct sqlite *s, sqlite3_stmt *stmt)
{
	const char *type = (const char *)sqlite3_column_text(stmt, 0), *name = (const char *)sqlite3_column_text(stmt, 1);

	log_error("store %s: its %.32s %.64s is not as hufu makes it. Somebody else changed the schema: restore it from a backup",
	          s->path, type ? type : "entry", name ? name : "without a name");
}

static enum hufu_err compare_rows(struct sqlite *s, sqlite3_stmt *stmt, const struct schema *schema)
{
	uint32_t seen = 0, all = 0;
	bool row;
	enum hufu_err err;

	for (int i = 0; schema->objects[i].type; i++)
		all |= 1u << i;
	for (;;) {
		err = stmt_step(s, stmt, &row);
		if (err || !row)
			break;
		int i = known_object(stmt, schema);
		if (i < 0 || seen & 1u << i) {
			report_foreign(s, stmt);
			return HUFU_ERR_STORE_CORRUPT;
		}
		seen |= 1u << i;
	}
	if (err || seen == all)
		return err;
	log_error("store %s: tables are missing. Restore it from a backup", s->path);
	return HUFU_ERR_STORE_CORRUPT;
}

static enum hufu_err schema_compare(struct sqlite *s, const struct schema *schema)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(s->db, "SELECT type, name, sql FROM sqlite_schema", -1, &stmt, NULL);
	if (rc != SQLITE_OK)
		return db_fail(s, rc);
	enum hufu_err err = compare_rows(s, stmt, schema);
	sqlite3_finalize(stmt);
	return err;
}

/* -- migrating --------------------------------------------------------------------- */

/* As it was, beside it: PATH.v1, or PATH.v1.2 where an earlier try left one. */
static enum hufu_err keep_copy(struct sqlite *s, int version)
{
	enum hufu_err err = HUFU_ERR_EXISTS;

	for (int i = 1; err == HUFU_ERR_EXISTS && i <= BACKUPS_MAX; i++) {
		char suffix[32];
		snprintf(suffix, sizeof(suffix), i == 1 ? ".v%d" : ".v%d.%d", version, i);
		char *path = file_beside(s->path, suffix);
		if (!path)
			return HUFU_ERR_NO_MEMORY;
		err = backup_to(s, path);
		if (!err)
			log_notice("store %s: made by an older hufu (schema %d), a copy is kept as %s", s->path, version,
			           path);
		free(path);
	}
	if (err == HUFU_ERR_EXISTS)
		log_error("store %s: it cannot be brought to the present schema: %d copies from earlier tries stand beside it. "
		          "Move them away",
		          s->path, BACKUPS_MAX);
	return err;
}

static enum hufu_err step_from(struct sqlite *s, const struct schema *schema, int64_t version)
{
	for (const struct schema_step *step = schema->steps; step->sql; step++)
		if (step->from == version)
			return db_exec(s, step->sql);
	log_error("store %s: its schema %lld is none that hufu ever had. Restore it from a backup", s->path,
	          (long long)version);
	return HUFU_ERR_STORE_CORRUPT;
}

static enum hufu_err migrate_in_tx(struct sqlite *s, const struct schema *schema)
{
	int64_t version; /* again: another process may have been faster */
	enum hufu_err err = pragma_read(s, "PRAGMA user_version", &version);

	for (; !err && version < schema->version; version++)
		err = step_from(s, schema, version);
	if (!err)
		err = version_write(s, schema->version);
	return err ? err : schema_compare(s, schema);
}

static enum hufu_err migrate(struct sqlite *s, const struct schema *schema, int version)
{
	if (s->base.read_only) {
		log_error("store %s: made by an older hufu, and it cannot be written. Open it once where it can be", s->path);
		return HUFU_ERR_STORE_READ_ONLY;
	}
	enum hufu_err err = keep_copy(s, version);
	if (!err)
		err = db_exec(s, "BEGIN IMMEDIATE");
	if (err)
		return err;
	err = migrate_in_tx(s, schema);
	if (!err)
		err = db_exec(s, "COMMIT");
	if (!sqlite3_get_autocommit(s->db)) /* on an error; SQLite may have rolled back by itself */
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

enum hufu_err schema_ready(struct sqlite *s, const struct schema *schema)
{
	int64_t id, version;
	enum hufu_err err = pragma_read(s, "PRAGMA application_id", &id);
	if (!err)
		err = pragma_read(s, "PRAGMA user_version", &version);
	if (err)
		return err;
	if (id != APPLICATION_ID) {
		log_error("store %s: it is no hufu store. Name another file, or remove this one if nothing needs it", s->path);
		return HUFU_ERR_STORE_CORRUPT;
	}
	if (version > schema->version) {
		log_error("store %s: made by a newer hufu (schema %lld, this one knows up to %d). Use that, or restore an "
		          "older backup",
		          s->path, (long long)version, schema->version);
		return HUFU_ERR_STORE_VERSION;
	}
	if (version < schema->version)
		return migrate(s, schema, (int)version);
	return schema_compare(s, schema);
}
