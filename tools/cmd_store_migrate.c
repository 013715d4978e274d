/* SPDX-License-Identifier: Apache-2.0 */
/* hufu store migrate: a token's rows, as they are, from one engine to another. */
#include "store/store.h"
#include "tools/report.h"
#include "tools/storefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As the configuration has it: sqlite:/path, postgres:CONNINFO, postgres://... */
static enum status target_of(const char *word, struct store_conf *to)
{
	if (!strncmp(word, "sqlite:/", 8)) {
		to->engine = CONF_STORE_SQLITE;
		to->path = word + 7;
		return ST_OK;
	}
	if (strncmp(word, "postgres:", 9))
		return fail(ST_USAGE, "Write sqlite:/path or postgres:CONNINFO.", "\"%s\" is no store", word);
	to->engine = CONF_STORE_POSTGRES;
	to->conninfo = strncmp(word, "postgres://", 11) ? word + 9 : word;
	to->path = NULL;
	return ST_OK;
}

static void finding(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

/* What the host's keys can check: all but private objects, whose MACs came along. */
static enum status check(const struct store_conf *to, const struct store_status *before, struct store_report *report)
{
	struct store *store;
	struct store_status after;
	enum hufu_err err = store_open(to, &store);

	if (err)
		return fail_err(err, "opening the new store");
	err = store_verify(store, finding, NULL, report);
	if (!err)
		err = store_status(store, &after);
	store_close(store);
	if (err)
		return fail_err(err, "verifying the new store");
	if (after.revision != before->revision || memcmp(after.chain, before->chain, sizeof after.chain))
		return fail(ST_PARTIAL, "Stop what uses the token, remove the new store and migrate again.",
		            "the store was changed while it was copied");
	return ST_OK;
}

/* Nothing may have been changed since: a key made in the old store would be in nobody's. */
static enum status migrate(const struct storefile *file, const struct store_conf *to, struct store_report *report)
{
	struct store_status before, after;
	enum hufu_err err = store_status(file->store, &before);

	if (!err && before.rolled_back)
		return fail(ST_INTEGRITY, "If it was restored on purpose: hufu store accept-head.",
		            "an older state of the store stands in its place, which would not be noticed any more where it is copied to");
	if (!err)
		err = store_migrate(file->store, to);
	if (err)
		return fail_err(err, "copying %s", storefile_name(file));
	err = store_status(file->store, &after);
	if (err)
		return fail_err(err, "asking %s", storefile_name(file));
	return check(to, &after, report);
}

static enum status show(const struct args *args, const struct storefile *file, const char *word, const struct store_report *r)
{
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:s,s:I}", "schema", "hufu-store-migrate/1", "from", storefile_name(file), "to", word,
		                          "rows", (json_int_t)r->rows));
	printf("%llu objects are in %s.\nSay store = \"%s\" in the token's section, wherever it is used.\n", (unsigned long long)r->rows,
	       word, word);
	return ST_OK;
}

enum status cmd_store_migrate(const struct args *args)
{
	struct storefile file = {0};
	struct store_report report = {0};
	const char *token = args->ntargets == 2 ? arg_target(args, 0) : NULL, *word = arg_target(args, args->ntargets - 1);
	enum status status = storefile_open(args, token, false, &file);

	if (status == ST_OK) {
		struct store_conf to = file.conf;
		to.head = NULL;
		status = target_of(word, &to);
		if (status == ST_OK)
			status = migrate(&file, &to, &report);
		if (status == ST_OK)
			status = show(args, &file, word, &report);
	}
	storefile_clear(&file);
	return status;
}
