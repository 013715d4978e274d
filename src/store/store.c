/* SPDX-License-Identifier: Apache-2.0 */
/* Which kind of store answers. */
#include "base/conf.h"
#include "base/log.h"
#include "store/kind.h"

static enum hufu_err kind_of(const struct store_conf *conf, const struct store_kind **kind)
{
	switch (conf->engine) {
	case CONF_STORE_SQLITE:
	case CONF_STORE_POSTGRES:
		*kind = &store_sealed;
		return HUFU_OK;
	case CONF_STORE_NET:
		*kind = &store_net;
		return HUFU_OK;
	}
	return log_bug();
}

struct store_conf store_conf_of(const struct conf_token *token)
{
	bool file = token->engine == CONF_STORE_SQLITE;

	return (struct store_conf){
		.engine = token->engine, .path = file ? token->store : NULL, .conninfo = file ? NULL : token->store,
		.name = token->name,
		.host_secret = token->host_secret, .pin_min = token->pin_min, .user_tries = token->user_tries,
		.pin_iterations = token->pin_iterations, .deadline_ms = token->deadline_ms,
	};
}

enum hufu_err store_init(const struct store_conf *conf, const uint8_t *so_pin, size_t so_pin_len, const char label[STORE_LABEL_LEN])
{
	const struct store_kind *kind;
	enum hufu_err err = kind_of(conf, &kind);

	return err ? err : kind->init(conf, so_pin, so_pin_len, label);
}

enum hufu_err store_open(const struct store_conf *conf, struct store **store)
{
	const struct store_kind *kind;
	enum hufu_err err = kind_of(conf, &kind);

	return err ? err : kind->open(conf, store);
}

void store_close(struct store *s)
{
	if (s)
		s->kind->close(s);
}

enum hufu_err store_token(struct store *s, struct store_token *token)
{
	return s->kind->token(s, token);
}

enum hufu_err store_login(struct store *s, enum store_role role, const uint8_t *pin, size_t pin_len)
{
	return s->kind->login(s, role, pin, pin_len, false);
}

enum hufu_err store_login_sparing(struct store *s, enum store_role role, const uint8_t *pin, size_t pin_len)
{
	return s->kind->login(s, role, pin, pin_len, true);
}

void store_logout(struct store *s)
{
	s->kind->logout(s);
}

bool store_unlocked(struct store *s)
{
	return s->kind->unlocked(s);
}

enum hufu_err store_init_pin(struct store *s, const uint8_t *pin, size_t pin_len)
{
	return s->kind->init_pin(s, pin, pin_len);
}

enum hufu_err store_set_pin(struct store *s, enum store_role role, const uint8_t *old, size_t old_len, const uint8_t *pin,
                            size_t pin_len)
{
	return s->kind->set_pin(s, role, old, old_len, pin, pin_len);
}

/* -- rows ------------------------------------------------------------------ */

enum hufu_err store_insert(struct store *s, const struct store_draft *d, uint8_t uuid[16])
{
	return s->kind->insert_all(s, d, 1, (uint8_t(*)[16])uuid);
}

enum hufu_err store_insert_all(struct store *s, const struct store_draft *d, size_t n, uint8_t (*uuids)[16])
{
	return s->kind->insert_all(s, d, n, uuids);
}

enum hufu_err store_role_epoch(struct store *s, enum store_role role, uint64_t *epoch)
{
	return s->kind->role_epoch ? s->kind->role_epoch(s, role, epoch) : HUFU_ERR_UNSUPPORTED;
}

enum hufu_err store_token_key(struct store *s, uint8_t key[STORE_TOKEN_KEY_LEN])
{
	return s->kind->token_key ? s->kind->token_key(s, key) : HUFU_ERR_UNSUPPORTED;
}

enum hufu_err store_unlock(struct store *s, const uint8_t token_id[16], const uint8_t key[STORE_TOKEN_KEY_LEN])
{
	return s->kind->unlock ? s->kind->unlock(s, token_id, key) : HUFU_ERR_UNSUPPORTED;
}

enum hufu_err store_get(struct store *s, const uint8_t uuid[16], struct store_row **row)
{
	return s->kind->get(s, uuid, row);
}

enum hufu_err store_update(struct store *s, const uint8_t uuid[16], uint64_t version, const struct store_draft *d)
{
	return s->kind->update(s, uuid, version, d);
}

enum hufu_err store_delete(struct store *s, const uint8_t uuid[16], uint64_t version)
{
	return s->kind->remove(s, uuid, version);
}

enum hufu_err store_version(struct store *s, const uint8_t uuid[16], uint64_t *version)
{
	return s->kind->version(s, uuid, version);
}

enum hufu_err store_find(struct store *s, const struct store_attr *attrs, size_t nattrs, bool with_private,
                         uint8_t (**uuids)[16], size_t *n)
{
	return s->kind->find(s, attrs, nattrs, with_private, uuids, n);
}

enum hufu_err store_change_counter(struct store *s, uint64_t *counter)
{
	return s->kind->change_counter(s, counter);
}

/* -- domains and credentials ------------------------------------------------ */

enum hufu_err store_domain_add(struct store *s, const struct store_domain *domain)
{
	return s->kind->domain_add(s, domain);
}

enum hufu_err store_domain_prove(struct store *s, const struct store_domain *domain)
{
	return s->kind->domain_prove(s, domain);
}

enum hufu_err store_domains(struct store *s, struct store_domain **list, size_t *n)
{
	return s->kind->domains(s, list, n);
}

enum hufu_err store_copy_domains(struct store *s, char (*names)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n)
{
	return s->kind->copy_domains(s, names, cap, n);
}

enum hufu_err store_credential_set(struct store *s, const struct store_credential *credential)
{
	return s->kind->credential_set(s, credential);
}

enum hufu_err store_credential_refuse(struct store *s, const struct store_credential *credential)
{
	return s->kind->credential_refuse(s, credential);
}

enum hufu_err store_credential_remove(struct store *s, const char *domain, const char *name)
{
	return s->kind->credential_remove(s, domain, name);
}

enum hufu_err store_credentials(struct store *s, struct store_credential **list, size_t *n)
{
	return s->kind->credentials(s, list, n);
}

/* -- care and fork ----------------------------------------------------------- */

enum hufu_err store_backup(struct store *s, const char *path)
{
	return s->kind->backup(s, path);
}

enum hufu_err store_verify(struct store *s, store_report_fn report, void *arg, struct store_report *counts)
{
	return s->kind->verify(s, report, arg, counts);
}

enum hufu_err store_migrate(struct store *s, const struct store_conf *to)
{
	return s->kind->migrate ? s->kind->migrate(s, to) : HUFU_ERR_UNSUPPORTED;
}

enum hufu_err store_status(struct store *s, struct store_status *status)
{
	return s->kind->status ? s->kind->status(s, status) : HUFU_ERR_UNSUPPORTED;
}

enum hufu_err store_accept_head(struct store *s, const uint8_t *so_pin, size_t so_pin_len)
{
	return s->kind->accept_head ? s->kind->accept_head(s, so_pin, so_pin_len) : HUFU_ERR_UNSUPPORTED;
}

void store_before_fork(struct store *s)
{
	s->kind->before_fork(s);
}

void store_after_fork_parent(struct store *s)
{
	s->kind->after_fork_parent(s);
}

void store_after_fork_child(struct store *s)
{
	s->kind->after_fork_child(s);
}
