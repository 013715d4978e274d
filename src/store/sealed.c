/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a sealed store, and what other processes did to it. */
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

enum hufu_err sealed_new(const struct store_conf *conf, struct sealed **store)
{
	if (!conf->path || conf->path[0] != '/')
		return HUFU_ERR_ARGUMENT;
	struct sealed *s = calloc(1, sizeof(*s));
	if (!s)
		return HUFU_ERR_NO_MEMORY;
	s->base.kind = &store_sealed;
	pthread_mutex_init(&s->lock, NULL);
	enum hufu_err err = conf_copy(&s->conf, conf);
	s->keys = secret_alloc(sizeof(*s->keys));
	if (!err && !s->keys)
		err = HUFU_ERR_NO_MEMORY;
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
	db_close(s, false);
	pthread_mutex_destroy(&s->lock);
	secret_free(s->keys);
	free((char *)s->conf.path);
	free((char *)s->conf.host_secret);
	free((char *)s->conf.vfs);
	free(s);
}

enum hufu_err sealed_open(const struct store_conf *conf, struct store **store)
{
	struct sealed *s;
	enum hufu_err err = sealed_new(conf, &s);
	if (err)
		return err;
	if (access(conf->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		err = HUFU_ERR_STORE_MISSING; /* before anything is said of the host secret, made with the token */
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
	bool row;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	sqlite3_stmt *stmt = stmt_get(s, STMT_DATA_VERSION);
	err = stmt_step(s, stmt, &row);
	if (!err && row && sqlite3_column_int64(stmt, 0) != s->data_version) {
		s->data_version = sqlite3_column_int64(stmt, 0);
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
	.credentials = sealed_credentials, .backup = sealed_backup, .verify = sealed_verify,
	.before_fork = sealed_before_fork, .after_fork_parent = sealed_after_fork_parent,
	.after_fork_child = sealed_after_fork_child,
};
