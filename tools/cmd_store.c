/* SPDX-License-Identifier: Apache-2.0 */
/* hufu store backup, hufu store verify: straight on the file, not through PKCS#11. */
#include "store/store.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/storefile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt store_opts[] = {
	{"path", 0, "FILE", "the store's file itself, such as a backup"},
	{"host-secret", 0, "FILE", "its host secret, in place of the configured one"},
	{0},
};

/* The core takes absolute paths; the file itself does not exist yet. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX], *out = NULL;

	if (path[0] == '/')
		return strdup(path);
	if (!getcwd(cwd, sizeof cwd) || asprintf(&out, "%s/%s", cwd, path) < 0)
		return NULL;
	return out;
}

enum status cmd_store_backup(const struct args *args)
{
	struct storefile file = {0};
	const char *token = args->ntargets == 2 ? arg_target(args, 0) : NULL;
	char *path = absolute(arg_target(args, args->ntargets - 1));
	enum status status = path ? storefile_open(args, token, false, &file) : fail_memory();

	if (status == ST_OK) {
		enum hufu_err err = store_backup(file.store, path);
		status = err ? fail_err(err, "backing up %s to %s", storefile_name(&file), path) : ST_OK;
	}
	if (status == ST_OK && args->json)
		status = out_json(json_pack("{s:s,s:s,s:s,s:s?}", "schema", "hufu-store-backup/1", "store", storefile_name(&file),
		                            "backup", path, "host_secret", file.conf.host_secret));
	else if (status == ST_OK)
		printf("%s is copied to %s.\n%s%s%s", storefile_name(&file), path,
		       file.conf.host_secret ? "It opens only with its host secret: keep " : "",
		       file.conf.host_secret ? file.conf.host_secret : "",
		       file.conf.host_secret ? " safe as well, elsewhere.\n" : "");
	storefile_clear(&file);
	free(path);
	return status;
}

static void finding(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

static enum status login(const struct args *args, struct storefile *file)
{
	struct pin_wish wish = {.what = "pin", .prompt = "user's PIN"};
	struct pin pin;

	if (!pin_given(args, &wish) && !arg_has(args, "login"))
		return ST_OK;
	enum status status = pin_read(args, &wish, &pin);
	if (status)
		return status;
	enum hufu_err err = store_login(file->store, STORE_USER, pin.bytes, pin.len);
	pin_clear(&pin);
	return err ? fail_err(err, "logging in to %s", storefile_name(file)) : ST_OK;
}

static enum status show(const struct args *args, const struct storefile *file, const struct store_report *r, bool good)
{
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I}", "schema", "hufu-store-verify/1", "store",
		                          storefile_name(file), "good", good, "rows", (json_int_t)r->rows, "rows_private",
		                          (json_int_t)r->rows_private, "rows_bad", (json_int_t)r->rows_bad, "copies",
		                          (json_int_t)r->copies, "copies_bad", (json_int_t)r->copies_bad, "rows_unchecked",
		                          (json_int_t)r->rows_unchecked));
	printf("%s: %llu objects, %llu of them private, %llu key copies; %llu objects and %llu copies bad.\n", storefile_name(file),
	       (unsigned long long)r->rows, (unsigned long long)r->rows_private, (unsigned long long)r->copies,
	       (unsigned long long)r->rows_bad, (unsigned long long)r->copies_bad);
	if (r->rows_unchecked)
		note("%llu objects can be checked only with the user's PIN (--login, --pin-file, ...)",
		     (unsigned long long)r->rows_unchecked);
	return ST_OK;
}

enum status cmd_store_verify(const struct args *args)
{
	struct storefile file = {0};
	struct store_report report = {0};
	enum status status = storefile_open(args, arg_target(args, 0), false, &file);

	if (status == ST_OK)
		status = login(args, &file);
	if (status == ST_OK) {
		enum hufu_err err = store_verify(file.store, finding, NULL, &report);
		status = show(args, &file, &report, err == HUFU_OK);
		if (err)
			status = fail_err(err, "verifying %s", storefile_name(&file));
	}
	storefile_clear(&file);
	return status;
}
