/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, in the first schema (namespace) of the search path: one token a
 * schema. They are those of SQLite (schema.c) and hold the same rows, byte for
 * byte. A number is a bigint, all else bytea.
 */
#include <stdio.h>

#include "base/log.h"
#include "store/internal.h"
#include "store/postgres/postgres.h"

/*
 * The op id is the first UUID_OP_LEN (10) bytes of what it makes: that one op makes one object is so in the database, too,
 * whoever writes. hufu_object.seq is counted by us: writers come one after another.
 */
static const char tables[] =
	"CREATE TABLE hufu_schema(version bigint NOT NULL);"
	"CREATE TABLE hufu_token(one bigint PRIMARY KEY CHECK(one = 1), id bytea NOT NULL, label bytea NOT NULL, mac bytea NOT NULL);"
	"CREATE TABLE hufu_role(role bigint PRIMARY KEY CHECK(role IN (0, 1)), epoch bigint NOT NULL, tries bigint NOT NULL,"
	" settled bigint NOT NULL, failed_ns bigint NOT NULL, iterations bigint NOT NULL, salt bytea NOT NULL,"
	" wrapped bytea NOT NULL, mac bytea NOT NULL);"
	"CREATE TABLE hufu_object(seq bigint PRIMARY KEY, uuid bytea NOT NULL UNIQUE, private bigint NOT NULL,"
	" version bigint NOT NULL, material bigint NOT NULL, host_mac bytea NOT NULL, token_mac bytea NOT NULL,"
	" lookup bytea NOT NULL, copies bytea NOT NULL, body bytea NOT NULL);"
	"CREATE UNIQUE INDEX hufu_object_op ON hufu_object(substring(uuid FROM 1 FOR 10));"
	"CREATE TABLE hufu_lookup(hash bytea NOT NULL, object bigint NOT NULL, PRIMARY KEY(hash, object));"
	"CREATE TABLE hufu_domain(name bytea PRIMARY KEY, identity bytea NOT NULL, enrolled bigint NOT NULL, point bytea NOT NULL,"
	" proof bytea NOT NULL, host_mac bytea NOT NULL, token_mac bytea NOT NULL);"
	"CREATE TABLE hufu_credential(domain bytea NOT NULL, name bytea NOT NULL, changed bigint NOT NULL, refused bigint NOT NULL,"
	" sealed bytea NOT NULL, host_mac bytea NOT NULL, token_mac bytea NOT NULL, PRIMARY KEY(domain, name));"
	"CREATE TABLE hufu_journal(revision bigint PRIMARY KEY, id bytea NOT NULL, time bigint NOT NULL, digest bytea NOT NULL,"
	" changed bytea NOT NULL, chain bytea NOT NULL, mac bytea NOT NULL)";

#define JOURNAL "SELECT revision, id, time, digest, changed, chain, mac FROM hufu_journal"
#define OBJECT "SELECT seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body FROM hufu_object"

const char *const pg_statements[ASK_COUNT] = {
	[ASK_HEAD] = JOURNAL " ORDER BY revision DESC LIMIT 1",
	[ASK_JOURNAL_NEXT] = JOURNAL " WHERE revision > $1 ORDER BY revision",
	[ASK_JOURNAL_WRITE] = "INSERT INTO hufu_journal VALUES($1, $2, $3, $4, $5, $6, $7)",
	[ASK_JOURNAL_TRIM] = "DELETE FROM hufu_journal WHERE revision <= $1",
	[ASK_CHANGES] = "SELECT coalesce(max(revision), 0) FROM hufu_journal",
	[ASK_TOKEN_READ] = "SELECT id, label, mac FROM hufu_token WHERE one = 1",
	[ASK_TOKEN_WRITE] = "INSERT INTO hufu_token VALUES(1, $1, $2, $3)"
	                    " ON CONFLICT(one) DO UPDATE SET id = $1, label = $2, mac = $3",
	[ASK_ROLE_READ] = "SELECT epoch, tries, settled, failed_ns, iterations, salt, wrapped, mac FROM hufu_role WHERE role = $1",
	[ASK_ROLE_WRITE] = "INSERT INTO hufu_role VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT(role) DO UPDATE SET epoch = $2,"
	                   " tries = $3, settled = $4, failed_ns = $5, iterations = $6, salt = $7, wrapped = $8, mac = $9",
	[ASK_OBJECT_READ] = OBJECT " WHERE uuid = $1",
	[ASK_OBJECT_NEXT] = OBJECT " WHERE seq > $1 ORDER BY seq LIMIT 64",
	[ASK_OBJECT_VERSION] = "SELECT version FROM hufu_object WHERE uuid = $1",
	[ASK_OBJECT_OF_OP] = "SELECT uuid FROM hufu_object WHERE uuid BETWEEN $1 AND $2",
	[ASK_OBJECT_INSERT] = "INSERT INTO hufu_object(seq, uuid, private, version, material, host_mac, token_mac, lookup, copies, body)"
	                      " SELECT coalesce(max(seq), 0) + 1, $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM hufu_object RETURNING seq",
	[ASK_OBJECT_PUT] = "INSERT INTO hufu_object VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	[ASK_OBJECT_UPDATE] = "UPDATE hufu_object SET version = $3, material = $4, host_mac = $5, token_mac = $6, lookup = $7,"
	                      " copies = $8, body = $9 WHERE uuid = $1 AND private = $2 AND version = $3 - 1",
	[ASK_OBJECT_DELETE] = "DELETE FROM hufu_object WHERE uuid = $1",
	[ASK_LOOKUP_INSERT] = "INSERT INTO hufu_lookup VALUES($1, $2) ON CONFLICT DO NOTHING",
	[ASK_LOOKUP_DELETE] = "DELETE FROM hufu_lookup WHERE hash = $1 AND object = $2",
	[ASK_LOOKUP_PROBE] = "SELECT 1::bigint FROM hufu_lookup WHERE hash = $1 AND object = $2",
	[ASK_LOOKUP_COUNT] = "SELECT count(*) FROM hufu_lookup",
	[ASK_FIND] = "SELECT o.seq, o.private, o.uuid FROM hufu_lookup l JOIN hufu_object o ON o.seq = l.object"
	             " WHERE l.hash IN ($1, $2) ORDER BY l.object",
	[ASK_FIND_ALL] = "SELECT uuid FROM hufu_object WHERE private <= $1 ORDER BY seq",
	[ASK_CLEAR_OBJECTS] = "DELETE FROM hufu_object",
	[ASK_CLEAR_LOOKUP] = "DELETE FROM hufu_lookup",
	[ASK_CLEAR_JOURNAL] = "DELETE FROM hufu_journal",
	[ASK_DOMAIN_NEXT] = "SELECT name, identity, enrolled, point, proof, host_mac, token_mac FROM hufu_domain ORDER BY name",
	[ASK_DOMAIN_WRITE] = "INSERT INTO hufu_domain VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(name) DO UPDATE SET identity = $2,"
	                     " enrolled = $3, point = $4, proof = $5, host_mac = $6, token_mac = $7",
	[ASK_CLEAR_DOMAINS] = "DELETE FROM hufu_domain",
	[ASK_CREDENTIAL_NEXT] = "SELECT domain, name, changed, refused, sealed, host_mac, token_mac FROM hufu_credential"
	                        " ORDER BY domain, name",
	[ASK_CREDENTIAL_WRITE] = "INSERT INTO hufu_credential VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(domain, name) DO UPDATE SET"
	                         " changed = $3, refused = $4, sealed = $5, host_mac = $6, token_mac = $7",
	[ASK_CREDENTIAL_DELETE] = "DELETE FROM hufu_credential WHERE domain = $1 AND name = $2 RETURNING 1::bigint",
	[ASK_CLEAR_CREDENTIALS] = "DELETE FROM hufu_credential",
	[ASK_JOURNAL_NAMES] = "SELECT 1::bigint FROM hufu_journal WHERE position($1::bytea IN changed) > 0 LIMIT 1",
};

enum hufu_err pg_tables_there(struct postgres *pg)
{
	int64_t oid, version;
	bool found;
	enum hufu_err err = pg_number(pg, "SELECT to_regclass('hufu_schema')::oid::bigint", &oid, &found);
	if (err)
		return err;
	if (!found)
		return HUFU_ERR_STORE_MISSING;
	err = pg_number(pg, "SELECT version FROM hufu_schema", &version, &found);
	if (err || (found && version == PG_SCHEMA_VERSION))
		return err;
	if (found && version > PG_SCHEMA_VERSION) {
		log_error("store %s: made by a newer hufu (schema %lld, this one knows up to %d). Use that", pg->base.name,
		          (long long)version, PG_SCHEMA_VERSION);
		return HUFU_ERR_STORE_VERSION;
	}
	log_error("store %s: its tables are not as hufu makes them. Restore them from a backup", pg->base.name);
	return HUFU_ERR_STORE_CORRUPT;
}

static enum hufu_err namespace_there(struct postgres *pg)
{
	int64_t oid;
	bool found;
	enum hufu_err err = pg_number(pg, "SELECT current_schema()::regnamespace::oid::bigint", &oid, &found);

	if (err || found)
		return err;
	log_error("store %s: there is no schema of its search path. Make it (CREATE SCHEMA), or name another", pg->base.name);
	return HUFU_ERR_CONFIG;
}

enum hufu_err pg_tables_make(struct postgres *pg)
{
	char sql[80];
	enum hufu_err err = namespace_there(pg);
	if (!err)
		err = pg_exec(pg, tables);
	snprintf(sql, sizeof(sql), "INSERT INTO hufu_schema VALUES(%d)", PG_SCHEMA_VERSION);
	return err ? err : pg_exec(pg, sql);
}
