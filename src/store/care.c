/* SPDX-License-Identifier: Apache-2.0 */
/* Backups, and looking whether all is well. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/internal.h"

/* -- backup ------------------------------------------------------------------------------ */

static enum hufu_err backup_now(struct sealed *s, const char *path)
{
	const struct engine_kind *kind = s->engine->kind;
	const struct store_conf file = {.path = path, .deadline_ms = s->conf.deadline_ms};

	if (kind->backup)
		return kind->backup(s->engine, path);
	enum hufu_err err = file_check_parent(path);
	return err ? err : copy_into(s->engine, &file);
}

enum hufu_err sealed_backup(struct store *base, const char *path)
{
	struct sealed *s = sealed_of(base);
	if (!path || path[0] != '/')
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = sealed_enter(s, TX_READ);
	return err ? err : sealed_leave(s, TX_READ, backup_now(s, path));
}

enum hufu_err sealed_migrate(struct store *base, const struct store_conf *to)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = sealed_enter(s, TX_READ);
	return err ? err : sealed_leave(s, TX_READ, copy_into(s->engine, to));
}

/* -- verify ------------------------------------------------------------------------------- */

struct verification {
	struct sealed *s;
	store_report_fn report;
	void *arg;
	struct store_report *counts;
	uint64_t lookups;           /* index entries that rows lay claim to */
	bool bad;
};

static void __attribute__((format(printf, 2, 3))) found_bad(struct verification *v, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	v->bad = true;
	if (!v->report)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	v->report(v->arg, message);
}

static void engine_found_bad(void *arg, const char *message)
{
	found_bad(arg, "%s", message);
}

static enum hufu_err verify_engine(struct verification *v)
{
	const struct engine_kind *kind = v->s->engine->kind;

	return kind->check ? kind->check(v->s->engine, engine_found_bad, v) : HUFU_OK;
}

static enum hufu_err verify_role(struct verification *v, enum store_role role, const char *name)
{
	struct role_row row;
	enum hufu_err err = role_read(v->s, role, &row);

	if (err == HUFU_ERR_STORE_CORRUPT)
		found_bad(v, "the %s's PIN: its row fails its check", name);
	return err == HUFU_ERR_STORE_CORRUPT ? HUFU_OK : err;
}

/* Each index entry that the row names is there; that no others are, the count says. */
static enum hufu_err verify_lookup(struct verification *v, const struct row_image *row, const char *name)
{
	for (size_t at = 0; at < row->lookup.len; at += LOOKUP_LEN) {
		bool found;
		struct cell there, args[] = {cell_bytes(row->lookup.p + at, LOOKUP_LEN), cell_number(row->seq)};
		enum hufu_err err = db_row(v->s, ASK_LOOKUP_PROBE, args, &there, &found);
		if (err)
			return err;
		if (!found)
			found_bad(v, "object %s: an index entry is missing, so that it is not found", name);
		v->lookups++;
	}
	return HUFU_OK;
}

/* The row's MAC was good: what it seals must open. */
static enum hufu_err verify_contents(struct verification *v, const struct row_image *row, const char *name, size_t ncopies)
{
	struct store_row *opened = NULL;
	enum hufu_err err = object_open(v->s, row, &opened);

	store_row_free(opened);
	if (err != HUFU_ERR_STORE_CORRUPT)
		return err;
	found_bad(v, "object %s: its contents cannot be opened", name);
	v->counts->rows_bad++;
	v->counts->copies_bad += ncopies;
	return HUFU_OK;
}

static enum hufu_err verify_object(struct verification *v, const struct cell *cells)
{
	struct row_image row;
	struct sealed_copy copies[STORE_COPIES_MAX];
	size_t ncopies = 0;
	char name[2 * UUID_LEN + 1];
	bool shaped = object_columns(cells, &row) && row_decode_copies(row.copies, copies, &ncopies);
	enum row_state state = shaped ? object_check(v->s, &row) : ROW_BAD;

	uuid_text(row.uuid, name);
	v->counts->rows++;
	v->counts->rows_private += row.private_object;
	v->counts->copies += ncopies;
	v->counts->rows_unchecked += state == ROW_UNCHECKED;
	if (state == ROW_BAD) {
		v->counts->rows_bad++;
		found_bad(v, "object %s: its row fails its check", name);
	}
	enum hufu_err err = shaped ? verify_lookup(v, &row, name) : HUFU_OK;
	return !err && state == ROW_GOOD ? verify_contents(v, &row, name, ncopies) : err;
}

static enum hufu_err verify_objects(struct verification *v)
{
	bool row;
	enum hufu_err err;
	struct cell cells[ASK_CELLS_MAX];

	for (err = db_row(v->s, ASK_OBJECT_NEXT, NULL, cells, &row); !err && row; err = db_next(v->s, ASK_OBJECT_NEXT, cells, &row)) {
		err = verify_object(v, cells);
		if (err)
			return err;
	}
	return err;
}

static enum hufu_err verify_index(struct verification *v)
{
	bool row;
	struct cell count;
	enum hufu_err err = db_row(v->s, ASK_LOOKUP_COUNT, NULL, &count, &row);

	if (!err && row && (uint64_t)count.number != v->lookups)
		found_bad(v, "the index: it has %lld entries, the objects account for %llu",
		          (long long)count.number, (unsigned long long)v->lookups);
	return err;
}

static enum hufu_err verify_domains(struct verification *v)
{
	enum hufu_err err = domains_check(v->s, &v->counts->domains, &v->counts->domains_bad);

	if (!err && v->counts->domains_bad)
		found_bad(v, "enrolled domains: %llu rows fail their check", (unsigned long long)v->counts->domains_bad);
	return err;
}

static enum hufu_err verify_credentials(struct verification *v)
{
	enum hufu_err err = credentials_check(v->s, &v->counts->credentials, &v->counts->credentials_bad);

	if (!err && v->counts->credentials_bad)
		found_bad(v, "credentials of devices: %llu rows fail their check", (unsigned long long)v->counts->credentials_bad);
	return err;
}

static enum hufu_err verify_all(struct verification *v)
{
	enum hufu_err err = verify_engine(v);
	if (!err)
		err = verify_role(v, STORE_SO, "security officer");
	if (!err)
		err = verify_role(v, STORE_USER, "user");
	if (!err)
		err = verify_domains(v);
	if (!err)
		err = verify_credentials(v);
	if (!err)
		err = verify_objects(v);
	return err ? err : verify_index(v);
}

enum hufu_err sealed_verify(struct store *base, store_report_fn report, void *arg, struct store_report *counts)
{
	struct sealed *s = sealed_of(base);
	struct verification v = {.s = s, .report = report, .arg = arg, .counts = counts};

	*counts = (struct store_report){0};
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	err = verify_all(&v);
	if (err == HUFU_ERR_STORE_CORRUPT)
		found_bad(&v, "%s is damaged: not all of it can be read", s->engine->name);
	if (!err && v.bad) {
		log_error("store %s: verification found damage. Restore it from a backup", s->engine->name);
		err = HUFU_ERR_STORE_CORRUPT;
	}
	return sealed_leave(s, TX_READ, err);
}
