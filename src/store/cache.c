/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine's copy of a store that lives in a database elsewhere: an SQLite file
 * of the same rows, sealed and MACed as they are. Reads are answered from it.
 * While the database answers, each read asks it for its head first, so that what
 * any machine has acknowledged is seen; while it does not, the copy is good for
 * stale_s, and changes are refused at once. Where the copy cannot be kept (a full
 * disk), the database is read itself.
 *
 * A thread, the watcher, has connections of its own: it follows the database's
 * notices and finds out whether it answers, so that nobody's call has to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/internal.h"
#include "store/sqlite.h"

#define POLL_MS 1000u
#define RETRY_MIN_MS 100u
#define RETRY_MAX_MS 2000u
/* A primary that is replaced or started again is waited for that long after it fell, by changes alone. */
#define GRACE_MS 1000u
#define FIRST_TRY_MS 4000u      /* a start with the database away, before the copy is used */
#define FILL_MS 3600000u        /* the first copy of a large store; nobody waits for it, and each answer comes within 2 s */
#define MIRROR_MS 2000u         /* for the copy's lock: both sides write to it */

/* One thread's ways to the database and to the copy. */
struct side {
	struct engine *remote, *mirror;
	bool copy_failed;               /* the last time that it followed: the database has answered, the copy was in the way */
};

struct cache {
	struct engine base;             /* first: cache_of */
	const struct store_conf *conf;
	struct store_conf mirror_conf;
	char *path;
	struct side calls, watcher;
	struct engine *now;             /* who answers the running transaction */
	pthread_t thread;
	int wake[2];
	bool running;                   /* of the callers' side, which is one at a time */
	bool told_stale;

	pthread_mutex_t lock;           /* all below */
	pthread_cond_t changed;
	bool stop, tried, up;
	bool lame;                      /* the copy cannot be kept: the watcher tries on */
	uint64_t down_ns;               /* since when it is not up */
	uint64_t current_ns;            /* when the copy was known to be all there is; 0 never */
	struct journal_mark mark;       /* of the copy */
	void (*news)(void *arg);
	void *news_arg;
	char place[sizeof(((struct engine *)0)->place)];
};

static struct cache *cache_of(struct engine *engine)
{
	return (struct cache *)engine;
}

/* -- how it stands --------------------------------------------------------------------- */

/* The file's time says when it was current, for the next start. lame: it is not. */
static void set_up(struct cache *c, const struct engine *remote, bool lame)
{
	pthread_mutex_lock(&c->lock);
	if (!c->up && c->tried)
		log_notice("store %s: the database answers again (%s)", c->base.name, remote->place);
	if (!lame && c->lame)
		log_notice("store %s: the copy %s is kept up again", c->base.name, c->path);
	if (lame && !c->lame)
		log_error("store %s: the copy %s cannot be kept up, so there is none should the database be away. Make room for it, "
		          "and see that it is this user's", c->base.name, c->path);
	c->up = c->tried = true;
	c->lame = lame;
	if (!lame)
		c->current_ns = clock_now_ns();
	memcpy(c->place, remote->place, sizeof(c->place));
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	if (!lame)
		utimensat(AT_FDCWD, c->path, NULL, 0);
}

static void set_down(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	if (c->up || !c->tried) {
		c->down_ns = clock_now_ns();
		log_error("store %s: the database does not answer. What is known is used for %u s; changes are refused", c->base.name,
		          c->conf->stale_s);
	}
	c->up = false;
	c->tried = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

static void wake_watcher(const struct cache *c)
{
	ssize_t ignored = write(c->wake[1], "", 1);

	(void)ignored; /* a full pipe wakes it, too */
}

static bool is_up(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	uint64_t until = clock_now_ns() + FIRST_TRY_MS * NS_PER_MS;
	while (!c->tried && clock_wait(&c->changed, &c->lock, until))
		;
	bool up = c->up;
	if (up)
		memcpy(c->calls.remote->place, c->place, sizeof(c->place));
	pthread_mutex_unlock(&c->lock);
	return up;
}

/* For changes: a moment's patience with a database that has just fallen. */
static bool comes_up(struct cache *c)
{
	bool up = is_up(c);

	pthread_mutex_lock(&c->lock);
	uint64_t until = c->down_ns + GRACE_MS * NS_PER_MS;
	while (!c->up && clock_wait(&c->changed, &c->lock, until))
		;
	up = c->up;
	pthread_mutex_unlock(&c->lock);
	return up && is_up(c);
}

static uint64_t age_s(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	uint64_t now = clock_now_ns(), age = c->current_ns ? (now - c->current_ns) / NS_PER_S : UINT64_MAX;
	pthread_mutex_unlock(&c->lock);
	return age;
}

/* -- following --------------------------------------------------------------------------- */

struct filling {
	struct engine *remote;
	struct journal_mark mark;
};

static enum hufu_err fill_mirror(void *arg, struct engine *mirror)
{
	struct filling *f = arg;

	return copy_follow(f->remote, mirror, &f->mark);
}

static enum hufu_err follow_in_tx(struct side *side, struct journal_mark *mark)
{
	enum hufu_err err = side->mirror->kind->begin(side->mirror, TX_WRITE, deadline_in(MIRROR_MS));
	if (!err)
		err = copy_follow(side->remote, side->mirror, mark);
	if (!err)
		return side->mirror->kind->commit(side->mirror, TX_WRITE);
	side->mirror->kind->rollback(side->mirror);
	return err;
}

/* The copy is made where there is none, and anew where it is of no use. Within a transaction of the remote. */
static enum hufu_err follow_remote(struct cache *c, struct side *side, struct journal_mark *mark)
{
	struct filling filling = {.remote = side->remote};
	enum hufu_err err = side->mirror->kind->there(side->mirror);

	if (!err)
		err = follow_in_tx(side, mark);
	if (err == HUFU_ERR_STORE_CORRUPT || err == HUFU_ERR_STORE_VERSION) {
		log_warning("store %s: the copy %s is of no use and is made anew", c->base.name, c->path);
		side->mirror->kind->disconnect(side->mirror);
		file_remove_db(c->path);
		err = HUFU_ERR_STORE_MISSING;
	}
	if (err != HUFU_ERR_STORE_MISSING)
		return err;
	err = side->mirror->kind->create(side->mirror, fill_mirror, &filling);
	*mark = filling.mark;
	return err == HUFU_ERR_EXISTS ? follow_in_tx(side, mark) : err;
}

static enum hufu_err follow(struct cache *c, struct side *side)
{
	struct journal_mark mark;
	uint32_t ms = side == &c->watcher ? FILL_MS : c->conf->deadline_ms;

	side->copy_failed = false;
	enum hufu_err err = side->remote->kind->begin(side->remote, TX_READ, deadline_in(ms));
	if (err) {
		side->remote->kind->rollback(side->remote);
		return err;
	}
	err = follow_remote(c, side, &mark);
	/* Which of the two it was: a database that answers to the end was not. */
	side->copy_failed = side->remote->kind->commit(side->remote, TX_READ) == HUFU_OK && err;
	if (err)
		return err;
	pthread_mutex_lock(&c->lock);
	c->mark = mark;
	pthread_mutex_unlock(&c->lock);
	return HUFU_OK;
}

static void cache_tell(struct engine *engine, void (*fn)(void *arg), void *arg)
{
	struct cache *c = cache_of(engine);

	pthread_mutex_lock(&c->lock);
	c->news = fn;
	c->news_arg = arg;
	pthread_mutex_unlock(&c->lock);
}

/* What changed is looked at though nobody asks: the head is remembered, an old one raises its alarm. */
static void tell_news(struct cache *c, struct journal_mark *told)
{
	pthread_mutex_lock(&c->lock);
	bool any = c->news && !journal_same(told, &c->mark);
	if (any)
		*told = c->mark;
	void (*news)(void *) = c->news;
	void *arg = c->news_arg;
	pthread_mutex_unlock(&c->lock);
	if (any)
		news(arg);
}

/* -- the watcher ---------------------------------------------------------------------------- */

static bool stopping(struct cache *c, uint32_t pause_ms)
{
	pthread_mutex_lock(&c->lock);
	uint64_t until = clock_now_ns() + pause_ms * NS_PER_MS;
	while (pause_ms && !c->stop && clock_wait(&c->changed, &c->lock, until))
		;
	bool stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return stop;
}

static void drain_wake(const struct cache *c)
{
	char bytes[64];

	while (read(c->wake[0], bytes, sizeof(bytes)) > 0)
		;
}

/* A database without tables answers, too. */
static void *watch(void *arg)
{
	struct cache *c = arg;
	struct engine *remote = c->watcher.remote;
	struct journal_mark told = {0};
	uint32_t retry_ms = 0;

	while (!stopping(c, retry_ms)) {
		drain_wake(c);
		enum hufu_err err = follow(c, &c->watcher);
		const bool lame = c->watcher.copy_failed;
		if (!err || err == HUFU_ERR_STORE_MISSING || lame) {
			set_up(c, remote, lame);
			tell_news(c, &told);
			retry_ms = lame ? RETRY_MAX_MS : 0;
			if (!lame)
				err = remote->kind->wait(remote, c->wake[0], POLL_MS);
			(void)err; /* the next round finds out */
			continue;
		}
		set_down(c);
		retry_ms = retry_ms ? retry_ms * 2 : RETRY_MIN_MS;
		if (retry_ms > RETRY_MAX_MS)
			retry_ms = RETRY_MAX_MS;
	}
	return NULL;
}

/* When was the copy that the last run left current? */
static void adopt_copy(struct cache *c)
{
	struct stat st;
	int64_t now = clock_wall_s();

	if (stat(c->path, &st) != 0)
		return;
	uint64_t age = now > st.st_mtime ? (uint64_t)(now - st.st_mtime) : 0;
	uint64_t up = clock_now_ns();
	c->current_ns = up > age * NS_PER_S ? up - age * NS_PER_S : 1; /* before the boot: as old as the boot at least */
	if (up <= age * NS_PER_S && age > c->conf->stale_s)
		c->current_ns = 0;
}

static enum hufu_err start(struct cache *c)
{
	if (c->running)
		return HUFU_OK;
	c->stop = c->tried = c->up = false;
	adopt_copy(c);
	if (pthread_create(&c->thread, NULL, watch, c) != 0)
		return HUFU_ERR_NO_MEMORY;
	c->running = true;
	return HUFU_OK;
}

static void stop(struct cache *c)
{
	if (!c->running)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->lock);
	wake_watcher(c);
	pthread_join(c->thread, NULL);
	c->running = false;
}

/* -- transactions ------------------------------------------------------------------------------ */

/* The database failed us: nobody tries again before the watcher has found it to answer. */
static void fell(struct cache *c, enum hufu_err err)
{
	if (err != HUFU_ERR_STORE_IO && err != HUFU_ERR_STORE_READ_ONLY)
		return;
	set_down(c);
	wake_watcher(c);
}

static enum hufu_err catch_up(struct cache *c)
{
	struct engine *remote = c->calls.remote;
	struct cell cells[ASK_CELLS_MAX];
	struct journal_mark there = {0};
	bool found;

	c->calls.copy_failed = false;
	enum hufu_err err = remote->kind->glance(remote, cells, &found);

	if (!err && found && !journal_head(cells, &there))
		err = HUFU_ERR_STORE_CORRUPT;
	if (err)
		return err;
	pthread_mutex_lock(&c->lock);
	bool same = there.revision && journal_same(&there, &c->mark);
	pthread_mutex_unlock(&c->lock);
	return same ? HUFU_OK : follow(c, &c->calls);
}

static enum hufu_err begin_cached(struct cache *c, struct deadline deadline)
{
	uint64_t age = age_s(c);

	c->base.cached = c->base.read_only = true;
	if (age > c->conf->stale_s) {
		if (!c->told_stale)
			log_error("store %s: the database does not answer, and what is known is older than stale_s (%u s)", c->base.name,
			          c->conf->stale_s);
		c->told_stale = true;
		return HUFU_ERR_STORE_IO;
	}
	return c->calls.mirror->kind->begin(c->calls.mirror, TX_READ, deadline);
}

static bool is_lame(struct cache *c)
{
	pthread_mutex_lock(&c->lock);
	bool lame = c->lame;
	pthread_mutex_unlock(&c->lock);
	return lame;
}

/* All that the database has acknowledged: in the copy, or, where that cannot be kept, in the database. */
static enum hufu_err begin_current(struct cache *c, struct deadline deadline)
{
	const bool lame = is_lame(c);
	enum hufu_err err = lame ? HUFU_OK : catch_up(c);

	if (!err && !lame && c->now->kind->begin(c->now, TX_READ, deadline) == HUFU_OK)
		return HUFU_OK;
	if (!err || c->calls.copy_failed) {
		c->now->kind->rollback(c->now);
		c->now = c->calls.remote;
		err = c->now->kind->begin(c->now, TX_READ, deadline);
	}
	fell(c, err);
	return err;
}

static enum hufu_err begin_read(struct cache *c, struct deadline deadline)
{
	c->now = c->calls.mirror;
	enum hufu_err err = is_up(c) ? begin_current(c, deadline) : HUFU_ERR_STORE_IO;
	if (err == HUFU_ERR_STORE_IO || err == HUFU_ERR_STORE_READ_ONLY || err == HUFU_ERR_STORE_BUSY) {
		c->now->kind->rollback(c->now);
		c->now = c->calls.mirror;
		return begin_cached(c, deadline);
	}
	c->base.cached = c->base.read_only = c->told_stale = false;
	return err;
}

static enum hufu_err begin_write(struct cache *c, struct deadline deadline)
{
	c->now = c->calls.remote;
	c->base.cached = c->base.read_only = false;
	if (!comes_up(c)) {
		log_warning("store %s: the database does not answer, so nothing can be changed", c->base.name);
		return HUFU_ERR_STORE_IO;
	}
	enum hufu_err err = c->now->kind->begin(c->now, TX_WRITE, deadline);
	fell(c, err);
	return err;
}

static enum hufu_err cache_begin(struct engine *engine, enum tx tx, struct deadline deadline)
{
	struct cache *c = cache_of(engine);
	enum hufu_err err = start(c);
	if (!err)
		err = tx == TX_READ ? begin_read(c, deadline) : begin_write(c, deadline);
	c->base.connected = c->calls.mirror->connected;
	return err;
}

static enum hufu_err cache_ask(struct engine *engine, enum ask ask, const struct cell *args)
{
	struct engine *now = cache_of(engine)->now;

	return now->kind->ask(now, ask, args);
}

static enum hufu_err cache_next(struct engine *engine, enum ask ask, struct cell *columns, bool *found)
{
	struct engine *now = cache_of(engine)->now;

	return now->kind->next(now, ask, columns, found);
}

static enum hufu_err cache_commit(struct engine *engine, enum tx tx)
{
	struct cache *c = cache_of(engine);
	enum hufu_err err = c->now->kind->commit(c->now, tx);

	if (tx == TX_WRITE)
		fell(c, err);
	return err;
}

static void cache_rollback(struct engine *engine)
{
	struct engine *now = cache_of(engine)->now;

	if (now)
		now->kind->rollback(now);
}

/* -- life ------------------------------------------------------------------------------------------ */

static enum hufu_err cache_there(struct engine *engine)
{
	struct cache *c = cache_of(engine);
	enum hufu_err err = start(c);
	if (err)
		return err;
	if (is_up(c))
		return c->calls.remote->kind->there(c->calls.remote);
	err = c->calls.mirror->kind->there(c->calls.mirror);
	return err == HUFU_ERR_STORE_MISSING ? HUFU_ERR_STORE_IO : err; /* who knows */
}

static enum hufu_err cache_create(struct engine *engine, engine_fill_fn fill, void *arg)
{
	struct cache *c = cache_of(engine);
	enum hufu_err err = c->calls.remote->kind->create(c->calls.remote, fill, arg);

	wake_watcher(c);
	return err;
}

static void cache_disconnect(struct engine *engine)
{
	struct cache *c = cache_of(engine);
	struct engine *const all[] = {c->calls.remote, c->calls.mirror, c->watcher.remote, c->watcher.mirror};

	stop(c);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			all[i]->kind->disconnect(all[i]);
}

/* Closing the copy writes what its log holds into it, which makes it no newer. */
static void keep_time(struct cache *c)
{
	const uint64_t age = age_s(c);
	const struct timespec then = {.tv_sec = clock_wall_s() - (time_t)age};

	if (age != UINT64_MAX)
		utimensat(AT_FDCWD, c->path, (const struct timespec[2]){then, then}, 0);
}

static void cache_close(struct engine *engine)
{
	struct cache *c = cache_of(engine);
	struct engine *const all[] = {c->calls.remote, c->calls.mirror, c->watcher.remote, c->watcher.mirror};

	stop(c);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			all[i]->kind->close(all[i]);
	keep_time(c);
	for (size_t i = 0; i < 2; i++)
		if (c->wake[i] >= 0)
			close(c->wake[i]);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->changed);
	free(c->path);
	free(c);
}

static void cache_status(struct engine *engine, struct store_status *status)
{
	struct cache *c = cache_of(engine);

	c->calls.remote->kind->status(c->calls.remote, status);
	status->cached = c->base.cached;
	status->cache_age_s = age_s(c);
}

static const struct engine_kind engine_cache = {
	.close = cache_close, .there = cache_there, .create = cache_create, .disconnect = cache_disconnect, .begin = cache_begin,
	.ask = cache_ask, .next = cache_next, .commit = cache_commit, .rollback = cache_rollback,
	.status = cache_status, .tell = cache_tell,
};

static enum hufu_err side_open(struct cache *c, const struct engine_kind *remote, struct side *side)
{
	enum hufu_err err = remote->open(c->conf, &side->remote);

	if (!err)
		err = engine_sqlite.open(&c->mirror_conf, &side->mirror);
	if (!err)
		sqlite_of(side->mirror)->relaxed = true;
	return err;
}

static enum hufu_err cache_init(struct cache *c, const struct engine_kind *remote)
{
	if (asprintf(&c->path, "%s/%s.cache.db", c->conf->state_dir, c->conf->name) < 0) {
		c->path = NULL;
		return HUFU_ERR_NO_MEMORY;
	}
	c->mirror_conf = (struct store_conf){.path = c->path, .deadline_ms = c->conf->deadline_ms};
	if (pipe2(c->wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = side_open(c, remote, &c->calls);
	return err ? err : side_open(c, remote, &c->watcher);
}

enum hufu_err cache_open(const struct store_conf *conf, const struct engine_kind *remote, struct engine **engine)
{
	struct cache *c = calloc(1, sizeof(*c));
	if (!c)
		return HUFU_ERR_NO_MEMORY;
	c->base.kind = &engine_cache;
	c->base.name = conf->name;
	c->conf = conf;
	c->wake[0] = c->wake[1] = -1;
	pthread_mutex_init(&c->lock, NULL);
	clock_cond_init(&c->changed);
	enum hufu_err err = cache_init(c, remote);
	if (err) {
		cache_close(&c->base);
		return err;
	}
	*engine = &c->base;
	return HUFU_OK;
}
