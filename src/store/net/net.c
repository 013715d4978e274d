/* SPDX-License-Identifier: Apache-2.0 */
/* A net store's life, and what it need ask no machine for. */
#include "store/net/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/secret.h"

/* -- links --------------------------------------------------------------------------- */

static const char *get_option(const struct hufu_conf *conf, const char *key)
{
	const struct conf_device *device = conf->priv;

	for (char **option = device->options; option && option[0]; option += 2)
		if (strcmp(option[0], key) == 0)
			return option[1];
	return NULL;
}

static enum hufu_err add_machine(struct net *net, const struct conf_device *device)
{
	const struct hufu_conf conf = {.size = sizeof(conf), .name = device->name, .get = get_option, .priv = device};
	struct link_conf link;

	if (net->nlinks == NET_MACHINES_MAX) {
		log_error("a token has more than %d machines. Take some away", NET_MACHINES_MAX);
		return HUFU_ERR_CONFIG;
	}
	enum hufu_err err = link_conf_of(&conf, &link);
	link.role = WIRE_TOKEN;
	if (err == HUFU_OK)
		err = link_new(&link, &net->links[net->nlinks]);
	net->nlinks += err == HUFU_OK;
	return err;
}

static void net_close(struct store *base)
{
	struct net *net = net_of(base);

	for (size_t i = 0; i < net->nlinks; i++)
		link_free(net->links[i]);
	secret_free(net->ticket);
	pthread_mutex_destroy(&net->lock);
	free(net);
}

static enum hufu_err net_new(const struct store_conf *conf, struct net **out)
{
	struct net *net = calloc(1, sizeof(*net));
	enum hufu_err err = conf->nmachines ? HUFU_OK : HUFU_ERR_CONFIG;

	if (!net)
		return HUFU_ERR_NO_MEMORY;
	net->base.kind = &store_net;
	net->deadline_ms = conf->deadline_ms;
	pthread_mutex_init(&net->lock, NULL);
	for (size_t i = 0; i < conf->nmachines && err == HUFU_OK; i++)
		err = add_machine(net, conf->machines[i]);
	if (err != HUFU_OK) {
		net_close(&net->base);
		return err;
	}
	strncpy(net->domain, conf->machines[0]->domain, sizeof(net->domain) - 1);
	*out = net;
	return HUFU_OK;
}

static enum hufu_err net_open(const struct store_conf *conf, struct store **store)
{
	struct store_token token;
	struct net *net;
	enum hufu_err err = net_new(conf, &net);

	if (err != HUFU_OK)
		return err;
	err = net_token(&net->base, &token); /* HUFU_ERR_STORE_MISSING: it was not made yet */
	if (err != HUFU_OK) {
		net_close(&net->base);
		return err;
	}
	*store = &net->base;
	return HUFU_OK;
}

static enum hufu_err net_init(const struct store_conf *conf, const uint8_t *so_pin, size_t so_pin_len,
                              const char label[STORE_LABEL_LEN])
{
	struct wire_store r = {.op = WIRE_STORE_INIT, .pin = so_pin, .pin_len = so_pin_len};
	struct wire_store_reply *reply;
	struct net *net;
	enum hufu_err err = net_new(conf, &net);

	if (err != HUFU_OK)
		return err;
	memcpy(r.label, label, sizeof(r.label));
	err = net_ask(net, &r, net_deadline(net), &reply, NULL);
	wire_store_reply_free(reply);
	net_close(&net->base);
	return err;
}

/* -- the machines' domain, the only one there is: proven with each connection (link.h), so nothing is left to enrol ------ */

static enum hufu_err net_domain_add(struct store *base, const struct store_domain *domain)
{
	(void)base;
	(void)domain;
	return HUFU_ERR_EXISTS;
}

static void identity_of(const struct net *net, uint8_t identity[16])
{
	struct link_state state;

	link_state(net->links[atomic_load(&net->preferred)], &state);
	memcpy(identity, state.domain_id, sizeof(state.domain_id));
}

static enum hufu_err net_domains(struct store *base, struct store_domain **list, size_t *n)
{
	struct net *net = net_of(base);
	struct store_domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return HUFU_ERR_NO_MEMORY;
	memcpy(domain->name, net->domain, sizeof(domain->name));
	identity_of(net, domain->identity);
	domain->has_proof = true;
	*list = domain;
	*n = 1;
	return HUFU_OK;
}

static enum hufu_err net_copy_domains(struct store *base, char (*names)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n)
{
	if (cap)
		memcpy(names[0], net_of(base)->domain, sizeof(names[0]));
	*n = 1;
	return HUFU_OK;
}

/* -- what is the machines' own affair: credentials of their devices, the care of their store ----------------------------- */

static enum hufu_err net_credential_set(struct store *base, const struct store_credential *credential)
{
	(void)base;
	(void)credential;
	return HUFU_ERR_UNSUPPORTED;
}

/* A ticket that was refused has died: the next look at the changes says so. */
static enum hufu_err net_credential_refuse(struct store *base, const struct store_credential *credential)
{
	(void)base;
	(void)credential;
	return HUFU_OK;
}

static enum hufu_err net_credential_remove(struct store *base, const char *domain, const char *credential)
{
	(void)base;
	(void)domain;
	(void)credential;
	return HUFU_ERR_UNSUPPORTED;
}

static enum hufu_err net_backup(struct store *base, const char *path)
{
	(void)base;
	(void)path;
	return HUFU_ERR_UNSUPPORTED;
}

static enum hufu_err net_verify(struct store *base, store_report_fn report, void *arg, struct store_report *counts)
{
	(void)base;
	(void)report;
	(void)arg;
	(void)counts;
	return HUFU_ERR_UNSUPPORTED;
}

/* -- fork ---------------------------------------------------------------------------------------------------------------- */

static void net_before_fork(struct store *base)
{
	struct net *net = net_of(base);

	for (size_t i = 0; i < net->nlinks; i++)
		link_before_fork(net->links[i]);
	pthread_mutex_lock(&net->lock);
}

static void net_after_fork_parent(struct store *base)
{
	struct net *net = net_of(base);

	pthread_mutex_unlock(&net->lock);
	for (size_t i = 0; i < net->nlinks; i++)
		link_after_fork_parent(net->links[i]);
}

static void net_after_fork_child(struct store *base)
{
	struct net *net = net_of(base);

	pthread_mutex_init(&net->lock, NULL);
	net->lent = net->ticket;
	for (size_t i = 0; i < net->nlinks; i++)
		link_after_fork_child(net->links[i]);
}

const struct store_kind store_net = {
	.init = net_init, .open = net_open, .close = net_close, .token = net_token, .login = net_login, .logout = net_logout,
	.unlocked = net_unlocked, .init_pin = net_init_pin, .set_pin = net_set_pin, .insert_all = net_insert_all, .get = net_get,
	.update = net_update, .remove = net_remove, .version = net_version, .find = net_find,
	.change_counter = net_change_counter, .domain_add = net_domain_add, .domain_prove = net_domain_add, .domains = net_domains,
	.copy_domains = net_copy_domains, .credential_set = net_credential_set, .credential_refuse = net_credential_refuse,
	.credential_remove = net_credential_remove, .credentials = net_credentials, .backup = net_backup, .verify = net_verify,
	.before_fork = net_before_fork, .after_fork_parent = net_after_fork_parent, .after_fork_child = net_after_fork_child,
};
