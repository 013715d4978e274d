/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu device password: what the devices of a domain want to be told before they let their keys be used. Kept
 * sealed in the token's store; running programs present it from their next login on.
 */
#include "base/clock.h"
#include "tools/domains.h"
#include "tools/fleet_text.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/table.h"

#include <stdio.h>
#include <string.h>

const struct opt device_password_opts[] = {
	{"name", 0, "NAME", "which of the device's passwords, as its driver calls it, default user; of driver sdf * (all indexes)"},
	{"so", 0, NULL, "log in as the security officer"},
	{"password-file", 0, "FILE", "read the password from FILE (first line; mode 0600)"},
	{"password-fd", 0, "N", "read the password from descriptor N (one line)"},
	{"password-credential", 0, "NAME", "read the password from systemd credential NAME"},
	{0},
};

/* What the drivers at hand call the one that all their devices have. */
static const char *default_name(const struct domains *d, const char *domain)
{
	const struct conf_token *token = d->file.token;

	for (size_t i = 0; i < token->ndevices; i++) {
		const struct conf_device *device = &d->file.config->devices[token->devices[i]];
		if (!strcmp(device->domain, domain) && !strcmp(device->driver, "sdf"))
			return "*";
	}
	return "user";
}

static enum status name_it(const char *domain, const char *name, struct store_credential *c)
{
	if (!*name || strlen(name) > STORE_CREDENTIAL_NAME_MAX)
		return fail(ST_USAGE, NULL, "a password's name has 1 to %d bytes", STORE_CREDENTIAL_NAME_MAX);
	snprintf(c->domain, sizeof c->domain, "%s", domain);
	snprintf(c->name, sizeof c->name, "%s", name);
	return ST_OK;
}

static enum status done(const struct args *args, const struct store_credential *c, const char *what, const char *then)
{
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:o,s:o}", "schema", "hufu-device-password/1", "done", what, "domain",
		                          json_text(c->domain, strlen(c->domain)), "name", json_text(c->name, strlen(c->name))));
	printf("Password \"%s\" of domain \"%s\" is %s.%s\n", c->name, c->domain, what, then);
	return ST_OK;
}

static enum status set(const struct args *args, struct domains *d, struct store_credential *c)
{
	char prompt[200];
	struct pin_wish wish = {.what = "password", .prompt = prompt, .twice = true};
	struct pin pin;

	snprintf(prompt, sizeof prompt, "password \"%s\" of domain \"%s\"", c->name, c->domain);
	enum status status = pin_read(args, &wish, &pin);
	if (status)
		return status;
	c->value = pin.bytes;
	c->len = pin.len;
	c->set_s = (uint64_t)clock_wall_s();
	enum hufu_err err = store_credential_set(d->file.store, c);
	pin_clear(&pin);
	c->value = NULL;
	return err ? fail_err(err, "keeping the password in %s", d->file.conf.path) :
	             done(args, c, "set", " Programs present it from their next login on.");
}

static enum status drop(const struct args *args, struct domains *d, struct store_credential *c)
{
	enum hufu_err err = store_credential_remove(d->file.store, c->domain, c->name);

	if (err == HUFU_ERR_NOT_FOUND)
		return fail(ST_NOT_FOUND, "hufu device password list shows what there is.", "domain \"%s\" has no password \"%s\"",
		            c->domain, c->name);
	return err ? fail_err(err, "removing the password from %s", d->file.conf.path) : done(args, c, "removed", "");
}

static enum status change(const struct args *args, const char *token, const char *word, const char *name,
                          enum status (*how)(const struct args *, struct domains *, struct store_credential *))
{
	struct domains d = {0};
	struct store_credential c = {.set_s = 0};
	const char *domain;
	enum status status = domains_load(token, &d);

	if (status == ST_OK)
		status = domains_find(&d, word, &domain);
	if (status == ST_OK)
		status = name_it(domain, name ? name : default_name(&d, domain), &c);
	if (status == ST_OK)
		status = domains_login_either(args, &d);
	if (status == ST_OK)
		status = how(args, &d, &c);
	domains_clear(&d);
	return status;
}

/* -- list ------------------------------------------------------------------------- */

static void show(const struct store_credential *c, struct table *table, json_t *list)
{
	char since[80];
	const char *state = c->refused ? "refused" : "kept";

	since_text(c->set_s * 1000, since, sizeof since);
	table_row(table, (const char *const[]){c->domain, c->name, state, since});
	json_array_append_new(list, json_pack("{s:o,s:o,s:b,s:o}", "domain", json_text(c->domain, strlen(c->domain)), "name",
	                                      json_text(c->name, strlen(c->name)), "refused", c->refused, "set_at",
	                                      time_json(c->set_s * 1000)));
}

static enum status list_all(const struct args *args, const char *token)
{
	static const char *const titles[] = {"DOMAIN", "NAME", "STATE", "SET", NULL};
	struct domains d = {0};
	struct store_credential *list = NULL;
	size_t n = 0;
	struct table table;
	json_t *json = json_array();
	enum status status = domains_load(token, &d);
	enum hufu_err err = status ? HUFU_OK : store_credentials(d.file.store, &list, &n);

	if (err)
		status = fail_err(err, "reading the passwords in %s", d.file.conf.path);
	table_init(&table, titles);
	for (size_t i = 0; i < n; i++)
		show(&list[i], &table, json);
	if (status == ST_OK && args->json)
		status = out_json(json_pack("{s:s,s:s,s:O}", "schema", "hufu-device-password-list/1", "store", d.file.conf.path,
		                            "passwords", json));
	else if (status == ST_OK)
		status = table_print(&table, stdout, "The token keeps no password of a device.");
	table_clear(&table);
	json_decref(json);
	store_credentials_free(list, n);
	domains_clear(&d);
	return status;
}

/* -- all ---------------------------------------------------------------------------- */

enum status cmd_device_password(const struct args *args)
{
	const char *verb = arg_target(args, 0), *last = arg_target(args, args->ntargets - 1);
	const char *token = args->ntargets == 3 ? arg_target(args, 1) : NULL, *name = arg_get(args, "name");

	if (!strcmp(verb, "list") && args->ntargets <= 2)
		return list_all(args, arg_target(args, 1));
	if (!strcmp(verb, "set") && args->ntargets >= 2)
		return change(args, token, last, name, set);
	if (!strcmp(verb, "remove") && args->ntargets >= 2)
		return change(args, token, last, name, drop);
	return fail(ST_USAGE, "hufu device password set [TOKEN] DOMAIN, list [TOKEN], or remove [TOKEN] DOMAIN; a device's name "
	            "stands for its domain.", "that is not how device password is used");
}
