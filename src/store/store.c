/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a store, and what other processes did to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"
#include "store/internal.h"

static enum hufu_err conf_copy(struct store_conf *to, const struct store_conf *from)
{
	*to = *from;
	to->path = strdup(from->path);
	to->host_secret = from->host_secret ? strdup(from->host_secret) : NULL;
	to->vfs = from->vfs ? strdup(from->vfs) : NULL;
	bool ok = to->path && !to->host_secret == !from->host_secret && !to->vfs == !from->vfs;
	return ok ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

enum hufu_err store_new(const struct store_conf *conf, struct store **store)
{
	if (!conf->path || conf->path[0] != '/')
		return HUFU_ERR_ARGUMENT;
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return HUFU_ERR_NO_MEMORY;
	pthread_mutex_init(&s->lock, NULL);
	enum hufu_err err = conf_copy(&s->conf, conf);
	s->keys = secret_alloc(sizeof(*s->keys));
	if (!err && !s->keys)
		err = HUFU_ERR_NO_MEMORY;
	if (err) {
		store_free(s);
		return err;
	}
	*store = s;
	return HUFU_OK;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	db_close(s, false);
	pthread_mutex_destroy(&s->lock);
	secret_free(s->keys);
	free((char *)s->conf.path);
	free((char *)s->conf.host_secret);
	free((char *)s->conf.vfs);
	free(s);
}

enum hufu_err store_open(const struct store_conf *conf, struct store **store)
{
	struct store *s;
	enum hufu_err err = store_new(conf, &s);
	if (err)
		return err;
	if (access(conf->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		err = HUFU_ERR_STORE_MISSING; /* before anything is said of the host secret, made with the token */
	if (!err)
		err = host_secret_load(conf->host_secret, s->keys);
	if (!err)
		err = store_enter(s, TX_READ);
	if (!err)
		err = store_leave(s, TX_READ, HUFU_OK);
	if (err) {
		store_free(s);
		return err;
	}
	*store = s;
	return HUFU_OK;
}

void store_close(struct store *s)
{
	store_free(s);
}

enum hufu_err store_change_counter(struct store *s, uint64_t *counter)
{
	bool row;
	enum hufu_err err = store_enter(s, TX_READ);
	if (err)
		return err;
	sqlite3_stmt *stmt = stmt_get(s, STMT_DATA_VERSION);
	err = stmt_step(s, stmt, &row);
	if (!err && row && sqlite3_column_int64(stmt, 0) != s->data_version) {
		s->data_version = sqlite3_column_int64(stmt, 0);
		s->changes++;
	}
	*counter = s->changes;
	return store_leave(s, TX_READ, err);
}
