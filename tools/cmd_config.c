/* SPDX-License-Identifier: Apache-2.0 */
/* hufu config check, hufu config show: the reader that the module uses. */
#include "base/conf.h"
#include "tools/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct found {
	json_t *list;
	bool json;
};

static void problem(void *arg, const char *message)
{
	struct found *found = arg;

	if (!found->json)
		printf("%s\n", message);
	json_array_append_new(found->list, json_text(message, strlen(message)));
}

static enum hufu_err load(const char *path, struct found *found, struct conf **conf)
{
	char *absolute = path ? realpath(path, NULL) : NULL;
	enum hufu_err err =
		path ? conf_load_file(absolute ? absolute : path, problem, found, conf) : conf_load(problem, found, conf);

	free(absolute);
	return err;
}

enum status cmd_config_check(const struct args *args)
{
	struct found found = {json_array(), args->json};
	struct conf *conf = NULL;
	enum hufu_err err = load(arg_target(args, 0), &found, &conf);
	const char *path = conf ? conf->path : NULL;
	enum status status = ST_OK;

	if (args->json)
		status = out_json(json_pack("{s:s,s:s?,s:b,s:O}", "schema", "hufu-config-check/1", "path", path, "good", !err,
		                            "problems", found.list));
	else if (!err)
		printf("The configuration is good: %s.\n", path ? path : "no file, hufu's defaults");
	json_decref(found.list);
	conf_free(conf);
	return status ? status : err ? ST_USAGE : ST_OK;
}

static enum status print_json(const struct conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *memory = open_memstream(&text, &len);

	if (!memory)
		return fail_memory();
	conf_print(conf, memory);
	fclose(memory);
	enum status status =
		out_json(json_pack("{s:s,s:s?,s:o}", "schema", "hufu-config/1", "path", conf->path, "text", json_text(text, len)));
	free(text);
	return status;
}

enum status cmd_config_show(const struct args *args)
{
	struct found found = {json_array(), args->json};
	struct conf *conf = NULL;
	enum hufu_err err = load(arg_target(args, 0), &found, &conf);
	enum status status = err ? fail_err(err, "reading the configuration") : ST_OK;

	if (status == ST_OK && args->json)
		status = print_json(conf);
	else if (status == ST_OK)
		conf_print(conf, stdout);
	json_decref(found.list);
	conf_free(conf);
	return status;
}
