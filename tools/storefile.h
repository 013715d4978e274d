/* SPDX-License-Identifier: Apache-2.0 */
/* Which file a token's store is. */
#ifndef STOREFILE_H
#define STOREFILE_H

#include "base/conf.h"
#include "store/store.h"
#include "tools/tool.h"

struct storefile {
	struct conf *config;
	const struct conf_token *token; /* of config; its defaults for one in token_dir, or a backup of none that is named */
	struct store_conf conf;     /* its strings live in config, in paths or in argv */
	char *path;
	struct store *store;        /* NULL: not opened */
};

/*
 * token: the name of a section or of a file in token_dir, a label, or a URI
 * with token=; NULL: the only one. path, host_secret: from options, or NULL.
 */
enum status storefile_find(const char *token, const char *path, const char *host_secret, struct storefile *) MUST_USE;
/*
 * Finds and opens the store that the arguments name. as_machine: a database as this machine's hufud sees it, with its
 * copy and what it remembers, where this user may; else the database itself.
 */
enum status storefile_open(const struct args *, const char *token, bool as_machine, struct storefile *) MUST_USE;
/* For people: a path, or where the database is. */
const char *storefile_name(const struct storefile *);
void storefile_clear(struct storefile *);

#endif
