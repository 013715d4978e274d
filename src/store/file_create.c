/* SPDX-License-Identifier: Apache-2.0 */
/* Making an SQLite file: built beside its place, and put there whole. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/internal.h"
#include "store/sqlite.h"

enum hufu_err sqlite_there(struct engine *engine)
{
	bool missing = access(sqlite_of(engine)->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);

	return missing ? HUFU_ERR_STORE_MISSING : HUFU_OK;
}

/* Everything in the one file, nothing left in a log beside it. */
static enum hufu_err flush(struct sqlite *s)
{
	int left = 0;
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

static enum hufu_err build(struct sqlite *s, engine_fill_fn fill, void *arg)
{
	s->deadline = deadline_in(s->deadline_ms);
	enum hufu_err err = db_open(s, &schema_current);
	if (!err)
		err = db_exec(s, "BEGIN IMMEDIATE");
	if (!err)
		err = fill(arg, &s->base);
	if (!err)
		err = s->base.kind->commit(&s->base, TX_WRITE);
	if (!err)
		err = flush(s);
	db_close(s, false);
	return err;
}

static enum hufu_err build_and_publish(struct sqlite *s, const char *path, engine_fill_fn fill, void *arg)
{
	int fd;

	file_remove_db(s->path); /* of somebody who died here */
	enum hufu_err err = file_create(s->path, &fd);
	if (err)
		return err;
	if (s->relaxed)
		file_give(fd, s->path, NULL); /* a machine's copy, that the machine's user is to use */
	close(fd);
	err = build(s, fill, arg);
	if (!err) {
		file_remove_leftovers(path); /* a log without its file: it would be replayed into ours */
		err = file_publish(s->path, path);
	}
	file_remove_db(s->path);
	return err;
}

static enum hufu_err create_locked(const struct sqlite *s, engine_fill_fn fill, void *arg)
{
	char *part = file_beside(s->path, ".init");
	struct sqlite beside = {
		.base = {.kind = s->base.kind, .name = part}, .path = part, .vfs = s->vfs, .deadline_ms = s->deadline_ms, .relaxed = s->relaxed,
	};
	enum hufu_err err = part ? build_and_publish(&beside, s->path, fill, arg) : HUFU_ERR_NO_MEMORY;

	free(part);
	return err;
}

enum hufu_err sqlite_create(struct engine *engine, engine_fill_fn fill, void *arg)
{
	struct sqlite *s = sqlite_of(engine);
	int lock;
	enum hufu_err err = file_make_parent(s->path);
	if (!err)
		err = file_lock_parent(s->path, s->deadline_ms, &lock);
	if (err)
		return err;
	err = sqlite_there(engine) == HUFU_ERR_STORE_MISSING ? create_locked(s, fill, arg) : HUFU_ERR_EXISTS;
	close(lock);
	return err;
}
