/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows from one engine to another, as they are: sealed and MACed. Whole stores
 * (migration, backup of a database into a file), and what the journal says has
 * changed (the cache of a machine).
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/internal.h"

static enum hufu_err run(struct engine *e, enum ask ask, const struct cell *args)
{
	struct cell columns[ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = e->kind->ask(e, ask, args);

	return err ? err : e->kind->next(e, ask, columns, &found);
}

static enum hufu_err first(struct engine *e, enum ask ask, const struct cell *args, struct cell *columns, bool *found)
{
	enum hufu_err err = e->kind->ask(e, ask, args);

	return err ? err : e->kind->next(e, ask, columns, found);
}

/* All that read gives, columns for arguments. */
static enum hufu_err copy_rows(struct engine *from, struct engine *to, enum ask read, enum ask write, const struct cell *args)
{
	struct cell cells[ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = first(from, read, args, cells, &found);

	while (!err && found) {
		err = run(to, write, cells);
		if (!err)
			err = from->kind->next(from, read, cells, &found);
	}
	return err;
}

static enum hufu_err copy_roles(struct engine *from, struct engine *to)
{
	struct cell cells[1 + ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = HUFU_OK;

	for (int role = STORE_SO; !err && role <= STORE_USER; role++) {
		cells[0] = cell_number(role);
		err = first(from, ASK_ROLE_READ, &cells[0], &cells[1], &found);
		if (!err && found)
			err = run(to, ASK_ROLE_WRITE, cells);
	}
	return err;
}

/* An object's row names its entries of the index. */
static enum hufu_err each_lookup(struct engine *e, enum ask ask, const struct cell *object)
{
	struct view lookup = object[7].bytes;
	enum hufu_err err = HUFU_OK;

	for (size_t at = 0; !err && at + LOOKUP_LEN <= lookup.len; at += LOOKUP_LEN) {
		const struct cell args[] = {cell_bytes(lookup.p + at, LOOKUP_LEN), object[0]};
		err = run(e, ask, args);
	}
	return err;
}

static enum hufu_err put_object(struct engine *to, const struct cell *object)
{
	enum hufu_err err = run(to, ASK_OBJECT_PUT, object);

	return err ? err : each_lookup(to, ASK_LOOKUP_INSERT, object);
}

static enum hufu_err copy_objects(struct engine *from, struct engine *to)
{
	struct cell cells[ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = first(from, ASK_OBJECT_NEXT, NULL, cells, &found);

	while (!err && found) {
		err = put_object(to, cells);
		if (!err)
			err = from->kind->next(from, ASK_OBJECT_NEXT, cells, &found);
	}
	return err;
}

static enum hufu_err copy_domains(struct engine *from, struct engine *to)
{
	enum hufu_err err = run(to, ASK_CLEAR_DOMAINS, NULL);

	return err ? err : copy_rows(from, to, ASK_DOMAIN_NEXT, ASK_DOMAIN_WRITE, NULL);
}

static enum hufu_err copy_credentials(struct engine *from, struct engine *to)
{
	enum hufu_err err = run(to, ASK_CLEAR_CREDENTIALS, NULL);

	return err ? err : copy_rows(from, to, ASK_CREDENTIAL_NEXT, ASK_CREDENTIAL_WRITE, NULL);
}

enum hufu_err copy_all(struct engine *from, struct engine *to)
{
	static const enum ask clear[] = {ASK_CLEAR_OBJECTS, ASK_CLEAR_LOOKUP, ASK_CLEAR_JOURNAL};
	const struct cell from_the_first = cell_number(0);
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; !err && i < sizeof(clear) / sizeof(clear[0]); i++)
		err = run(to, clear[i], NULL);
	if (!err)
		err = copy_rows(from, to, ASK_TOKEN_READ, ASK_TOKEN_WRITE, NULL);
	if (!err)
		err = copy_roles(from, to);
	if (!err)
		err = copy_objects(from, to);
	if (!err)
		err = copy_domains(from, to);
	if (!err)
		err = copy_credentials(from, to);
	return err ? err : copy_rows(from, to, ASK_JOURNAL_NEXT, ASK_JOURNAL_WRITE, &from_the_first);
}

/* -- what has changed ------------------------------------------------------------------ */

static enum hufu_err follow_object(struct engine *from, struct engine *to, const uint8_t uuid[UUID_LEN])
{
	struct cell cells[ASK_CELLS_MAX], arg = cell_bytes(uuid, UUID_LEN);
	bool found;
	enum hufu_err err = first(to, ASK_OBJECT_READ, &arg, cells, &found);

	if (!err && found)
		err = each_lookup(to, ASK_LOOKUP_DELETE, cells);
	if (!err && found)
		err = run(to, ASK_OBJECT_DELETE, &arg);
	if (!err)
		err = first(from, ASK_OBJECT_READ, &arg, cells, &found);
	return err || !found ? err : put_object(to, cells);
}

/* One revision's changes; *all: the whole store is to be copied. A hostile list copies too much or too little, never more. */
static enum hufu_err follow_changes(struct engine *from, struct engine *to, struct view changed, bool *all)
{
	struct reader r = reader_of(changed.p, changed.len);
	enum hufu_err err = HUFU_OK;

	while (!err && !*all && !r.bad && r.left) {
		const uint8_t *uuid;
		switch (read_u8(&r)) {
		case CHANGED_TOKEN:
			err = copy_rows(from, to, ASK_TOKEN_READ, ASK_TOKEN_WRITE, NULL);
			break;
		case CHANGED_ROLES:
			err = copy_roles(from, to);
			break;
		case CHANGED_OBJECT:
			uuid = read_bytes(&r, UUID_LEN);
			err = r.bad ? HUFU_OK : follow_object(from, to, uuid);
			break;
		case CHANGED_DOMAINS:
			err = copy_domains(from, to);
			break;
		case CHANGED_CREDENTIALS:
			err = copy_credentials(from, to);
			break;
		default:
			*all = true;
			break;
		}
	}
	*all |= r.bad;
	return err;
}

bool journal_head(const struct cell *cells, struct journal_mark *mark)
{
	struct view chain;

	*mark = (struct journal_mark){.revision = cells[0].number};
	if (!cell_is(&cells[5], SM3_DIGEST_LEN, SM3_DIGEST_LEN, &chain))
		return false;
	memcpy(mark->chain, chain.p, SM3_DIGEST_LEN);
	return true;
}

bool journal_same(const struct journal_mark *a, const struct journal_mark *b)
{
	return a->revision == b->revision && memcmp(a->chain, b->chain, SM3_DIGEST_LEN) == 0;
}

static enum hufu_err mark_of(struct engine *e, struct journal_mark *mark)
{
	struct cell cells[ASK_CELLS_MAX];
	bool found;
	enum hufu_err err = first(e, ASK_HEAD, NULL, cells, &found);

	*mark = (struct journal_mark){0};
	if (!err && found && !journal_head(cells, mark))
		err = HUFU_ERR_STORE_CORRUPT;
	return err;
}

/* Revisions behind at, which from must have as to has it: *all where it has not. */
static enum hufu_err follow_journal(struct engine *from, struct engine *to, const struct journal_mark *at, bool *all)
{
	struct cell cells[ASK_CELLS_MAX], before = cell_number(at->revision - 1);
	struct journal_mark mark;
	struct view changed;
	bool found;
	enum hufu_err err = first(from, ASK_JOURNAL_NEXT, &before, cells, &found);

	*all = !err && (!found || !journal_head(cells, &mark) || !journal_same(&mark, at));
	while (!err && !*all) {
		err = from->kind->next(from, ASK_JOURNAL_NEXT, cells, &found);
		if (err || !found)
			return err;
		if (cell_is(&cells[4], 0, SIZE_MAX, &changed))
			err = follow_changes(from, to, changed, all);
		if (!err && !*all)
			err = run(to, ASK_JOURNAL_WRITE, cells);
	}
	return err;
}

enum hufu_err copy_follow(struct engine *from, struct engine *to, struct journal_mark *now)
{
	struct journal_mark at;
	bool all;
	enum hufu_err err = mark_of(from, now);
	if (!err)
		err = mark_of(to, &at);
	if (err || journal_same(now, &at))
		return err;
	err = follow_journal(from, to, &at, &all);
	if (!err && all)
		err = copy_all(from, to);
	if (err || now->revision <= JOURNAL_KEPT)
		return err;
	const struct cell oldest = cell_number(now->revision - JOURNAL_KEPT);
	return run(to, ASK_JOURNAL_TRIM, &oldest);
}

/* -- whole stores ------------------------------------------------------------------------- */

static enum hufu_err fill_from(void *arg, struct engine *to)
{
	return copy_all(arg, to);
}

enum hufu_err copy_into(struct engine *from, const struct store_conf *conf)
{
	struct engine *to;
	enum hufu_err err = engine_open(conf, &to);
	if (err)
		return err;
	err = to->kind->create(to, fill_from, from);
	to->kind->close(to);
	return err;
}
