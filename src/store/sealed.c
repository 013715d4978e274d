/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a sealed store, and what other processes did to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "store/internal.h"

static bool text_copy(const char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static enum hufu_err conf_copy(struct store_conf *to, const struct store_conf *from)
{
	*to = *from;
	bool ok = text_copy(&to->path, from->path); /* all of them, in any case: what stays is from's */
	ok &= text_copy(&to->conninfo, from->conninfo);
	ok &= text_copy(&to->host_secret, from->host_secret);
	ok &= text_copy(&to->head, from->head);
	ok &= text_copy(&to->name, from->name);
	ok &= text_copy(&to->state_dir, from->state_dir);
	ok &= text_copy(&to->vfs, from->vfs);
	return ok ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* Beside a file; of a database in this machine's directory, or, without one, nowhere. */
static enum hufu_err memory_place(struct sealed *s)
{
	const struct store_conf *c = &s->conf;

	if (c->head)
		s->memory = strdup(c->head);
	else if (c->engine == CONF_STORE_SQLITE)
		s->memory = file_beside(c->path, ".head");
	else if (!c->state_dir || !c->name)
		return HUFU_OK;
	else if (asprintf(&s->memory, "%s/%s.head", c->state_dir, c->name) < 0)
		s->memory = NULL;
	return s->memory ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

enum hufu_err sealed_new(const struct store_conf *conf, struct sealed **store)
{
	struct sealed *s = calloc(1, sizeof(*s));
	if (!s)
		return HUFU_ERR_NO_MEMORY;
	s->base.kind = &store_sealed;
	pthread_mutex_init(&s->lock, NULL);
	enum hufu_err err = conf_copy(&s->conf, conf);
	s->keys = secret_alloc(sizeof(*s->keys));
	if (!err && !s->keys)
		err = HUFU_ERR_NO_MEMORY;
	if (!err)
		err = engine_open(&s->conf, &s->engine);
	if (!err)
		err = memory_place(s);
	if (err) {
		sealed_free(s);
		return err;
	}
	*store = s;
	return HUFU_OK;
}

void sealed_free(struct sealed *s)
{
	if (!s)
		return;
	if (s->engine)
		s->engine->kind->close(s->engine);
	pthread_mutex_destroy(&s->lock);
	secret_free(s->keys);
	free((char *)s->conf.path);
	free((char *)s->conf.conninfo);
	free((char *)s->conf.host_secret);
	free((char *)s->conf.head);
	free((char *)s->conf.name);
	free((char *)s->conf.state_dir);
	free((char *)s->conf.vfs);
	writer_clear(&s->change.changed);
	free(s->memory);
	free(s);
}

/* -- transactions ---------------------------------------------------------------- */

#define WRITER_PAUSE_MAX_MS 50u

static enum hufu_err lock_by(struct sealed *s, uint32_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	uint64_t ns = (uint64_t)ts.tv_nsec + ms * NS_PER_MS;
	ts.tv_sec += (time_t)(ns / NS_PER_S);
	ts.tv_nsec = (long)(ns % NS_PER_S);
	if (pthread_mutex_timedlock(&s->lock, &ts) == 0)
		return HUFU_OK;
	log_warning("store %s: another thread of this process has been using it for %u ms. Raise the token's deadline",
	            s->engine->name, ms);
	return HUFU_ERR_STORE_BUSY;
}

/*
 * With the lock, on error too. A writer waits for those of other processes without it: the readers of this one need not wait
 * with him, however long somebody who was stopped amid a change keeps the store locked.
 */
static enum hufu_err begin_locked(struct sealed *s, enum tx tx, struct deadline *deadline)
{
	for (uint32_t pause_ms = 1;; pause_ms = pause_ms < WRITER_PAUSE_MAX_MS / 2 ? 2 * pause_ms : WRITER_PAUSE_MAX_MS) {
		deadline->once = tx == TX_WRITE && deadline->left_ms && clock_now_ns() + pause_ms * NS_PER_MS < deadline->at_ns;
		enum hufu_err err = s->engine->kind->begin(s->engine, tx, *deadline);
		if (err != HUFU_ERR_STORE_BUSY || !deadline->once || clock_now_ns() >= deadline->at_ns)
			return err;
		s->engine->kind->rollback(s->engine);
		pthread_mutex_unlock(&s->lock);
		(void)deadline_pause(deadline, pause_ms);
		pthread_mutex_lock(&s->lock);
	}
}

enum hufu_err sealed_enter(struct sealed *s, enum tx tx)
{
	struct deadline deadline = deadline_in(s->conf.deadline_ms);
	bool doubt = false;
	enum hufu_err err = lock_by(s, s->conf.deadline_ms);
	if (err)
		return err;
	do {
		if (doubt)
			s->engine->kind->rollback(s->engine);
		err = begin_locked(s, tx, &deadline);
		if (!err)
			err = token_notice(s);
		if (!err)
			err = head_look(s, tx, &doubt);
	} while (!err && doubt);
	if (tx == TX_WRITE)
		change_begin(s);
	return err ? sealed_leave(s, tx, err) : HUFU_OK;
}

enum hufu_err sealed_leave(struct sealed *s, enum tx tx, enum hufu_err err)
{
	if (!err && tx == TX_WRITE)
		err = change_end(s);
	if (err)
		s->engine->kind->rollback(s->engine);
	else
		err = s->engine->kind->commit(s->engine, tx);
	if (!err && tx == TX_WRITE) {
		change_done(s);
		s->changes++;
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

/* -- life ------------------------------------------------------------------------- */

static void look_again(void *arg)
{
	struct sealed *s = arg;
	enum hufu_err err = sealed_enter(s, TX_READ);

	if (!err)
		err = sealed_leave(s, TX_READ, HUFU_OK);
	(void)err; /* logged, and whoever asks next meets it */
}

enum hufu_err sealed_open(const struct store_conf *conf, struct store **store)
{
	struct sealed *s;
	enum hufu_err err = sealed_new(conf, &s);
	if (err)
		return err;
	err = s->engine->kind->there(s->engine); /* before anything is said of the host secret, made with the token */
	if (!err)
		err = host_secret_load(conf->host_secret, s->keys);
	if (!err)
		err = sealed_enter(s, TX_READ);
	if (!err)
		err = sealed_leave(s, TX_READ, HUFU_OK);
	if (err) {
		sealed_free(s);
		return err;
	}
	if (s->engine->kind->tell)
		s->engine->kind->tell(s->engine, look_again, s);
	*store = &s->base;
	return HUFU_OK;
}

void sealed_close(struct store *base)
{
	sealed_free(sealed_of(base));
}

enum hufu_err sealed_change_counter(struct store *base, uint64_t *counter)
{
	struct sealed *s = sealed_of(base);
	struct cell version;
	bool found;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	err = db_row(s, ASK_CHANGES, NULL, &version, &found);
	if (!err && (version.number != s->data_version || s->engine->connected != s->connected || s->head.revision != s->revision)) {
		s->data_version = version.number;
		s->revision = s->head.revision;
		s->connected = s->engine->connected;
		s->changes++;
	}
	*counter = s->changes;
	return sealed_leave(s, TX_READ, err);
}

const struct store_kind store_sealed = {
	.init = sealed_init, .open = sealed_open, .close = sealed_close, .token = sealed_token, .login = sealed_login,
	.logout = sealed_logout, .unlocked = sealed_unlocked, .init_pin = sealed_init_pin, .set_pin = sealed_set_pin,
	.role_epoch = sealed_role_epoch, .token_key = sealed_token_key, .unlock = sealed_unlock,
	.insert_all = sealed_insert_all, .get = sealed_get, .update = sealed_update, .remove = sealed_delete,
	.version = sealed_version, .find = sealed_find, .change_counter = sealed_change_counter,
	.domain_add = sealed_domain_add, .domain_prove = sealed_domain_prove, .domains = sealed_domains,
	.copy_domains = sealed_copy_domains, .credential_set = sealed_credential_set,
	.credential_refuse = sealed_credential_refuse, .credential_remove = sealed_credential_remove,
	.credentials = sealed_credentials, .backup = sealed_backup, .verify = sealed_verify, .migrate = sealed_migrate, .status = sealed_status,
	.accept_head = sealed_accept_head,
	.before_fork = sealed_before_fork, .after_fork_parent = sealed_after_fork_parent,
	.after_fork_child = sealed_after_fork_child,
};
