/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/storefile.h"
#include "base/log.h"
#include "tools/report.h"

#include <dirent.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORE_SUFFIX ".db"
#define WHOLE_MS 3600000 /* all of a database is read in one transaction; each answer is still waited for 2 s */

static void problem(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

static struct store_conf settings(const struct conf_token *token, const char *path)
{
	struct store_conf conf = store_conf_of(token);

	if (path) {
		conf.engine = CONF_STORE_SQLITE;
		conf.path = path;
	}
	return conf;
}

/* The label a URI gives, or the word itself. */
static enum status wanted(const char *token, char label[STORE_LABEL_LEN + 1])
{
	P11KitUri *uri;

	if (!token || strncmp(token, "pkcs11:", 7)) {
		snprintf(label, STORE_LABEL_LEN + 1, "%s", token ? token : "");
		return ST_OK;
	}
	uri = p11_kit_uri_new();
	bool good = uri && p11_kit_uri_parse(token, P11_KIT_URI_FOR_TOKEN, uri) == P11_KIT_URI_OK;
	if (good) {
		const CK_TOKEN_INFO *info = p11_kit_uri_get_token_info(uri);
		text_clean(info->label, sizeof info->label, label, STORE_LABEL_LEN + 1);
	}
	p11_kit_uri_free(uri);
	return good ? ST_OK : fail(ST_USAGE, "Name the token by label.", "bad token URI \"%s\"", token);
}

/* Stores that are not initialised, or cannot be opened, have no label. */
static void label_of(const struct store_conf *conf, char label[STORE_LABEL_LEN + 1])
{
	struct store *store;
	struct store_token info;

	label[0] = 0;
	if (store_open(conf, &store))
		return;
	if (store_token(store, &info) == HUFU_OK)
		text_clean(info.label, sizeof info.label, label, STORE_LABEL_LEN + 1);
	store_close(store);
}

struct search {
	struct storefile *file;
	const char *name;           /* NULL: any */
	const char *label;
	bool by_label;
	unsigned matches;
};

/* path is taken over. */
static void consider(struct search *s, const struct conf_token *token, const char *name, char *path)
{
	struct store_conf conf = settings(token, path);
	char label[STORE_LABEL_LEN + 1];
	bool fits = !s->name || (!s->by_label && !strcmp(s->name, name));

	if (!fits && s->by_label) {
		label_of(&conf, label);
		fits = label[0] && !strcmp(s->label, label);
	}
	if (!fits) {
		free(path);
		return;
	}
	s->matches++;
	free(s->file->path);
	s->file->path = path;
	s->file->conf = conf;
	s->file->token = token;
}

static void consider_section(struct search *s, const struct conf_token *token)
{
	consider(s, token, token->name, token->engine == CONF_STORE_SQLITE ? strdup(token->store) : NULL);
}

static void consider_dir(struct search *s, const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name), suffix = strlen(STORE_SUFFIX);
		char *path = NULL, *name;
		if (len <= suffix || strcmp(entry->d_name + len - suffix, STORE_SUFFIX))
			continue;
		if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
			path = NULL;
		name = strndup(entry->d_name, len - suffix);
		consider(s, &s->file->config->defaults, name ? name : "", path);
		free(name);
	}
	if (d)
		closedir(d);
}

/* By name first: no file is opened for it; then by label. */
static enum status search(struct storefile *file, const char *token)
{
	char label[STORE_LABEL_LEN + 1];
	struct search s = {.file = file, .name = token, .label = label};
	enum status status = wanted(token, label);

	for (int round = 0; status == ST_OK && s.matches == 0 && round < 2; round++) {
		s.by_label = round == 1;
		for (size_t i = 0; i < file->config->ntokens; i++)
			consider_section(&s, &file->config->tokens[i]);
		if (file->config->token_dir)
			consider_dir(&s, file->config->token_dir);
	}
	if (status)
		return status;
	if (s.matches > 1)
		return fail(ST_USAGE, "Name the token, or its file with --path.", "%u stores fit", s.matches);
	return s.matches ? ST_OK
	                 : fail(ST_NOT_FOUND, "Name the token, or its file with --path; hufu config show lists them.",
	                        "there is no such store");
}

enum status storefile_find(const char *token, const char *path, const char *host_secret, struct storefile *file)
{
	enum hufu_err err = conf_load(problem, NULL, &file->config);
	enum status status = err ? fail_err(err, "reading the configuration") : ST_OK;

	/* A backup has the settings of the token it was taken from, if that is named, or if there is only one. */
	if (status == ST_OK && (!path || token || file->config->ntokens == 1))
		status = search(file, token);
	else if (status == ST_OK)
		file->conf = settings(file->token = &file->config->defaults, NULL);
	if (status)
		return status;
	if (path) {
		free(file->path);
		file->path = realpath(path, NULL);
		if (!file->path)
			return fail_errno(NULL, "looking for %s", path);
	}
	if (host_secret)
		file->conf.host_secret = host_secret;
	if (file->path) {
		file->conf.engine = CONF_STORE_SQLITE;
		file->conf.path = file->path;
	}
	if (file->conf.engine == CONF_STORE_NET)
		return fail(ST_USAGE, "Say it on one of them, with HUFU_CONF naming hufud's configuration.",
		            "the objects of token \"%s\" live on machines", file->token->name);
	return ST_OK;
}

/* Only where hufud keeps something, and this user may, too. */
static void be_machine(struct storefile *file)
{
	const struct conf_machine *machine = &file->config->machine;

	if (file->conf.engine != CONF_STORE_POSTGRES || !machine->state_dir || access(machine->state_dir, W_OK | X_OK))
		return;
	file->conf.state_dir = machine->state_dir;
	file->conf.stale_s = machine->stale_s;
}

enum status storefile_open(const struct args *args, const char *token, bool as_machine, struct storefile *file)
{
	char why[256];
	enum status status = storefile_find(token, arg_get(args, "path"), arg_get(args, "host-secret"), file);

	/* What the core has to say belongs to whoever sits here; HUFU_LOG still overrides. */
	if (log_configure("stderr", HUFU_LOG_WARNING, why, sizeof why))
		note("%s", why);
	if (status)
		return status;
	if (as_machine)
		be_machine(file);
	else if (file->conf.engine == CONF_STORE_POSTGRES)
		file->conf.deadline_ms = WHOLE_MS;
	enum hufu_err err = store_open(&file->conf, &file->store);
	return err ? fail_err(err, "opening the store %s", storefile_name(file)) : ST_OK;
}

const char *storefile_name(const struct storefile *file)
{
	return file->conf.path ? file->conf.path : file->conf.conninfo;
}

void storefile_clear(struct storefile *file)
{
	if (file->store)
		store_close(file->store);
	conf_free(file->config);
	free(file->path);
	*file = (struct storefile){0};
}
