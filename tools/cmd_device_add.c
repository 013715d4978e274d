/* SPDX-License-Identifier: Apache-2.0 */
/* hufu device add: a section of the configuration, checked as the module reads it, and the device tried before it counts. */
#include "base/conf_edit.h"
#include "tools/probe.h"
#include "tools/report.h"
#include "tools/wish.h"

#include <stdlib.h>
#include <string.h>

const struct opt device_add_opts[] = {
	{"token", 't', "TOKEN", "the token that the device is to serve, by its name in the configuration"},
	{"save", 0, NULL, "write it into the configuration: running programs take it up"},
	{"no-probe", 0, NULL, "do not try the device"},
	{"timeout", 0, "SECONDS", "how long trying it may take, default 10"},
	{0},
};

struct addition {
	const char *name;
	char *section;            /* as it will stand in the file */
	struct conf *old, *new;   /* without and with it */
	size_t device;            /* in new */
	struct probe probe;
	bool probed, saved;
};

static void problem(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

/* "driver=soft": the key must be a word, or it could be anything. The value is quoted. */
static enum status write_setting(FILE *out, const char *word)
{
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	if (len == 0 || word[len] != '=')
		return fail(ST_USAGE, "hufu device add card1 driver=soft domain=cards", "\"%s\" is not KEY=VALUE", word);
	fprintf(out, "\t%.*s = ", (int)len, word);
	conf_print_string(out, word + len + 1);
	putc('\n', out);
	return ST_OK;
}

static enum status write_section(const struct args *args, struct addition *a)
{
	const char *token = arg_get(args, "token");
	enum status status = ST_OK;
	size_t len;
	FILE *out = open_memstream(&a->section, &len);

	if (!out)
		return fail_memory();
	fputs("device ", out);
	conf_print_string(out, a->name);
	fputs(" {\n", out);
	for (int i = 1; status == ST_OK && i < args->ntargets; i++)
		status = write_setting(out, arg_target(args, i));
	if (token) {
		fputs("\ttoken = ", out);
		conf_print_string(out, token);
		putc('\n', out);
	}
	fputs("}\n", out);
	return fclose(out) && status == ST_OK ? fail_memory() : status;
}

static bool find(const struct conf *conf, const char *name, size_t *device)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (!strcmp(conf->devices[i].name, name)) {
			*device = i;
			return true;
		}
	return false;
}

/* The present text with the section behind it, by the reader that the module uses. */
static enum status check(struct addition *a)
{
	char *before = conf_text(a->old, problem, NULL), *all = NULL;
	size_t taken;

	if (a->old->path && find(a->old, a->name, &taken)) {
		free(before);
		return fail(ST_POLICY, "Choose another name; a removed device comes back with hufu device undrain.",
		            "%s has a device \"%s\" already", a->old->path, a->name);
	}
	if (asprintf(&all, "%s\n%s", before ? before : "", a->section) < 0)
		all = NULL;
	const char *path = a->old->path ? a->old->path : "hufu.conf";
	enum hufu_err err = all ? conf_parse(all, path, problem, NULL, &a->new) : HUFU_ERR_NO_MEMORY;
	free(before);
	free(all);
	if (err)
		return fail(ST_USAGE, "hufu.conf(5) lists the keys of a section device.", "the device cannot be added like this");
	return find(a->new, a->name, &a->device) ? ST_OK : fail(ST_USAGE, NULL, "the section makes no device");
}

static bool serves_somebody(const struct addition *a)
{
	for (size_t i = 0; i <= a->new->ntokens; i++) {
		const struct conf_token *token = i < a->new->ntokens ? &a->new->tokens[i] : &a->new->defaults;
		for (size_t k = 0; k < token->ndevices; k++)
			if (token->devices[k] == a->device)
				return true;
	}
	return false;
}

static enum status try(const struct args *args, struct addition *a)
{
	unsigned long seconds;
	enum status status = arg_number(args, "timeout", 1, 3600, 10, &seconds);

	if (status || arg_has(args, "no-probe"))
		return status;
	status = probe_device(a->new, a->device, true, seconds, &a->probe);
	a->probed = true;
	return status ? status : probe_status(a->name, &a->probe);
}

/* A device of this name was removed once: that wish stands in another file, and would take this one away, too. */
static enum status forget_removal(struct addition *a)
{
	struct fleet fleet = {.conf = a->new};
	struct conf_states states = {0};
	enum status status = ST_OK;

	if (conf_states_load(a->new, problem, NULL, &states) == HUFU_OK && conf_states_wish(&states, a->name) != CONF_WISH_ENABLED)
		status = wish_set(&fleet, a->name, CONF_WISH_ENABLED, "added anew");
	conf_states_clear(&states);
	return status;
}

static enum status save(struct addition *a)
{
	char why[1024], *section = NULL;

	if (!a->old->path)
		return fail(ST_UNAVAILABLE, "hufu config show prints one to begin with; HUFU_CONF names it.",
		            "there is no configuration file to write to");
	if (asprintf(&section, "\n%s", a->section) < 0)
		return fail_memory();
	enum hufu_err err = conf_append(a->old, section, problem, NULL, why, sizeof why);
	free(section);
	if (err)
		return fail(err == HUFU_ERR_STORE_READ_ONLY || err == HUFU_ERR_CONFIG ? ST_POLICY : ST_UNAVAILABLE, NULL, "%s",
		            why);
	a->saved = true;
	conf_free(a->new);
	a->new = NULL;
	err = conf_load(problem, NULL, &a->new);
	if (err || !find(a->new, a->name, &a->device))
		return fail_err(err ? err : HUFU_ERR_CONFLICT, "reading what was written to %s", a->old->path);
	return forget_removal(a);
}

static bool has_domain(const struct addition *a, const struct conf_token *token)
{
	for (size_t i = 0; i < token->ndevices; i++)
		if (token->devices[i] != a->device &&
		    !strcmp(a->new->devices[token->devices[i]].domain, a->new->devices[a->device].domain))
			return true;
	return false;
}

/* Until then it has no keys, and gets none. */
static void tell_new_domain(const struct addition *a)
{
	for (size_t i = 0; i < a->new->ntokens; i++) {
		const struct conf_token *token = &a->new->tokens[i];
		bool uses = false;
		for (size_t k = 0; k < token->ndevices; k++)
			uses |= token->devices[k] == a->device;
		if (uses && !has_domain(a, token))
			note("its domain \"%s\" is new to token \"%s\": keys get copies there once it is enrolled (hufu domain enroll)",
			     a->new->devices[a->device].domain, token->name);
	}
}

static enum status print(const struct args *args, const struct addition *a)
{
	const char *path = a->old->path;

	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:s?,s:o,s:b,s:b,s:b}", "schema", "hufu-device-add/1", "device", a->name,
		                          "path", path, "section", json_text(a->section, strlen(a->section)), "probed", a->probed,
		                          "saved", a->saved, "serves_a_token", serves_somebody(a)));
	fputs(a->section, stdout);
	if (a->saved)
		note("written to %s; running programs take the device up while they work", path);
	else
		note("%s, and the device lasts (--save does it)",
		     path ? "add this to the configuration" : "write this into a configuration file");
	tell_new_domain(a);
	if (!serves_somebody(a))
		note("no token has it: --token TOKEN gives it to one, or name it in a token's devices");
	return ST_OK;
}

enum status cmd_device_add(const struct args *args)
{
	struct addition a = {.name = arg_target(args, 0)};
	enum status status = write_section(args, &a);
	enum hufu_err err = status ? HUFU_OK : conf_load(problem, NULL, &a.old);

	if (status == ST_OK && err)
		status = fail_err(err, "reading the configuration");
	if (status == ST_OK)
		status = check(&a);
	if (status == ST_OK)
		status = try(args, &a);
	if (status == ST_OK && arg_has(args, "save"))
		status = save(&a);
	if (status == ST_OK)
		status = print(args, &a);
	conf_free(a.old);
	conf_free(a.new);
	free(a.section);
	return status;
}
