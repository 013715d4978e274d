/* SPDX-License-Identifier: Apache-2.0 */
/* hufu status: one screen that says what is in force. */
#include "base/conf.h"
#include "tools/module.h"
#include "tools/report.h"
#include "tools/table.h"
#include "tools/token_text.h"

#include <stdlib.h>
#include <string.h>

struct problems {
	json_t *list;
	bool json;
};

static void problem(void *arg, const char *message)
{
	struct problems *p = arg;

	if (!p->json)
		field(json_array_size(p->list) ? "" : "Problems", "%s", message);
	json_array_append_new(p->list, json_text(message, strlen(message)));
}

static void text_module(const struct module *m)
{
	char maker[40], what[40];

	field("Module", "%s", m->path);
	field("", "%s %u.%u by %s, PKCS#11 %u.%u",
	      text_clean(m->info.libraryDescription, sizeof m->info.libraryDescription, what, sizeof what),
	      m->info.libraryVersion.major, m->info.libraryVersion.minor,
	      text_clean(m->info.manufacturerID, sizeof m->info.manufacturerID, maker, sizeof maker), m->interface.major,
	      m->interface.minor);
}

static json_t *json_module(const struct module *m)
{
	return json_pack("{s:s,s:o,s:o,s:[i,i]}", "path", m->path, "description",
	                 json_padded(m->info.libraryDescription, sizeof m->info.libraryDescription), "manufacturer",
	                 json_padded(m->info.manufacturerID, sizeof m->info.manufacturerID), "pkcs11", m->interface.major,
	                 m->interface.minor);
}

static void text_tokens(const struct slot *slots, CK_ULONG n)
{
	char label[40], state[64];

	for (CK_ULONG i = 0; i < n; i++) {
		text_clean(slots[i].token.label, sizeof slots[i].token.label, label, sizeof label);
		field(i ? "" : "Tokens", "%s%sslot 0x%lx: %s", label, label[0] ? ", " : "", slots[i].id,
		      token_state(&slots[i], state, sizeof state));
	}
	if (n == 0)
		field("Tokens", "none: the module has no slot");
}

static enum status show(const struct args *args, const struct module *m, const struct slot *slots, CK_ULONG n)
{
	struct problems problems = {.list = json_array(), .json = args->json};
	struct conf *conf = NULL;

	if (!args->json) {
		text_module(m);
		text_tokens(slots, n);
	}
	/* The tool reads the file that the module reads; another maker's module has its own. */
	enum hufu_err err = conf_load(problem, &problems, &conf);
	const char *path = conf && conf->path ? conf->path : NULL, *log = conf ? conf->log_to : NULL;
	enum status status = ST_OK;
	if (!args->json) {
		field("Configuration", "%s", err ? "not usable" : path ? path : "none: hufu's defaults");
		field("Log", "%s", log ? log : "syslog");
		json_decref(problems.list);
	} else {
		json_t *tokens = json_array();
		for (CK_ULONG i = 0; i < n; i++)
			json_array_append_new(tokens, token_json(&slots[i]));
		status = out_json(json_pack("{s:s,s:o,s:o,s:{s:b,s:s?},s:s,s:o}", "schema", "hufu-status/1", "module",
		                            json_module(m), "tokens", tokens, "configuration", "usable", !err, "path", path, "log",
		                            log ? log : "syslog", "problems", problems.list));
	}
	conf_free(conf);
	return status ? status : err ? ST_UNAVAILABLE : ST_OK;
}

enum status cmd_status(const struct args *args)
{
	struct module m;
	struct slot *slots = NULL;
	CK_ULONG n = 0;
	enum status status = module_open(args, &m);

	if (status == ST_OK)
		status = module_slots(&m, &slots, &n);
	if (status == ST_OK)
		status = show(args, &m, slots, n);
	free(slots);
	module_close(&m);
	return status;
}
