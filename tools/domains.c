/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/domains.h"
#include "base/log.h"
#include "tools/pin.h"
#include "tools/report.h"

#include <string.h>

enum status domains_load(const char *token, struct domains *d)
{
	char why[256];
	enum status status = storefile_find(token, NULL, NULL, &d->file);

	/* What the core has to say belongs to whoever sits here; HUFU_LOG still overrides. */
	if (log_configure("stderr", HUFU_LOG_WARNING, why, sizeof why))
		note("%s", why);
	if (status)
		return status;
	enum hufu_err err = store_open(&d->file.conf, &d->file.store);
	if (err == HUFU_OK)
		err = store_domains(d->file.store, &d->enrolled, &d->nenrolled);
	return err ? fail_err(err, "reading the store %s", d->file.conf.path) : ST_OK;
}

void domains_clear(struct domains *d)
{
	store_domains_free(d->enrolled, d->nenrolled);
	storefile_clear(&d->file);
}

static enum status log_in(const struct args *args, struct domains *d, enum store_role role)
{
	struct pin_wish user = {.what = "pin", .prompt = "user's PIN"}, so = {.what = "so-pin", .prompt = "security officer's PIN"};
	struct pin pin;
	enum status status = pin_read(args, role == STORE_SO ? &so : &user, &pin);

	if (status)
		return status;
	enum hufu_err err = store_login(d->file.store, role, pin.bytes, pin.len);
	pin_clear(&pin);
	if (err)
		return fail_err(err, "logging in to %s", d->file.conf.path);
	store_domains_free(d->enrolled, d->nenrolled);
	d->enrolled = NULL;
	err = store_domains(d->file.store, &d->enrolled, &d->nenrolled);
	if (err == HUFU_OK)
		err = store_copy_domains(d->file.store, d->copies, STORE_DOMAINS_MAX, &d->ncopies);
	d->copies_known = err == HUFU_OK;
	return err ? fail_err(err, "reading the domains of %s", d->file.conf.path) : ST_OK;
}

enum status domains_login(const struct args *args, struct domains *d)
{
	return log_in(args, d, STORE_USER);
}

enum status domains_login_either(const struct args *args, struct domains *d)
{
	bool so = arg_has(args, "so") || pin_given(args, &(struct pin_wish){.what = "so-pin"});

	return log_in(args, d, so ? STORE_SO : STORE_USER);
}

enum status domains_find(const struct domains *d, const char *word, const char **domain)
{
	const struct conf_token *token = d->file.token;
	const struct conf_device *devices = d->file.config->devices;

	*domain = NULL;
	for (size_t i = 0; i < token->ndevices; i++)
		if (!strcmp(devices[token->devices[i]].name, word))
			*domain = devices[token->devices[i]].domain;
	for (size_t i = 0; i < token->ndevices; i++)
		if (!strcmp(devices[token->devices[i]].domain, word))
			*domain = word;
	for (size_t i = 0; i < d->nenrolled; i++)
		if (!strcmp(d->enrolled[i].name, word))
			*domain = word;
	return *domain ? ST_OK : fail(ST_NOT_FOUND, "hufu domain list shows the token's domains and their devices.",
	                              "the token has no domain and no device \"%s\"", word);
}

static enum status lend_credentials(struct domains *d, struct pool *pool)
{
	struct store_credential *list;
	enum hufu_err worst = HUFU_OK;
	size_t n;
	enum hufu_err err = store_credentials(d->file.store, &list, &n);

	if (err)
		return fail_err(err, "reading the credentials in %s", d->file.conf.path);
	for (size_t i = 0; i < n; i++) {
		if (list[i].refused)
			note("credential \"%s\" of domain \"%s\" is not presented: a device refused it. Set the right one.", list[i].name,
			     list[i].domain);
		else if (list[i].value)
			err = pool_add_credential(pool, list[i].domain, list[i].name, list[i].set_s, list[i].value,
			                          list[i].len);
		worst = err ? err : worst;
	}
	store_credentials_free(list, n);
	return worst ? fail_err(worst, "presenting the credentials") : ST_OK;
}

/* A device's tries may be counted: whoever runs a command again does not present it again. */
static void keep_refusals(struct domains *d, struct pool *pool)
{
	struct store_credential *list;
	size_t n;

	if (!pool_refused_credential(pool, NULL, NULL, 0, NULL, 0) || store_credentials(d->file.store, &list, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct store_credential *c = &list[i];
		if (c->refused || !c->value || !pool_refused_credential(pool, c->domain, c->name, c->set_s, c->value, c->len))
			continue;
		enum hufu_err err = store_credential_refuse(d->file.store, c);
		note("a device refused credential \"%s\" of domain \"%s\". Set the right one (hufu device password set)%s%s.", c->name,
		     c->domain, err ? "; that it was refused cannot be noted: " : "", err ? err_text(err) : "");
	}
	store_credentials_free(list, n);
}

void domains_pool_free(struct domains *d, struct pool *pool)
{
	keep_refusals(d, pool);
	pool_free(pool);
}

enum status domains_pool(struct domains *d, struct pool **pool)
{
	static char nobody[] = "";
	struct conf_token token = *d->file.token;

	token.name = token.name ? token.name : nobody;
	enum hufu_err err = pool_new(d->file.config, &token, pool);
	if (err)
		return fail_err(err, "making a pool of the token's devices");
	enum status status = lend_credentials(d, *pool);
	if (status)
		pool_free(*pool);
	return status;
}
