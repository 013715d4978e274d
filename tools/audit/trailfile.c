/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit/trailfile.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/names.h"

/* -- files --------------------------------------------------------------------------- */

void trail_files_clear(struct trail_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct trail_files){0};
}

static enum status add(struct trail_files *files, const char *dir, const char *name)
{
	char **names = reallocarray(files->names, files->n + 1, sizeof(*names));
	char *path = NULL;

	if (names)
		files->names = names;
	if (!names || asprintf(&path, "%s%s", dir, name) < 0)
		return fail_memory();
	names[files->n++] = path;
	return ST_OK;
}

/* The N of "FILE.N"; 0: it is no such name. */
static unsigned long long number_of(const char *name, const char *file)
{
	const size_t len = strlen(file);
	const char *digits = name + len + 1;

	if (strncmp(name, file, len) != 0 || name[len] != '.' || digits[0] < '1' || digits[0] > '9' ||
	    strspn(digits, "0123456789") != strlen(digits))
		return 0;
	return strtoull(digits, NULL, 10);
}

static int by_number(const void *a, const void *b)
{
	const char *x = strrchr(*(char *const *)a, '.'), *y = strrchr(*(char *const *)b, '.');
	const unsigned long long nx = strtoull(x + 1, NULL, 10), ny = strtoull(y + 1, NULL, 10);

	return (nx > ny) - (nx < ny);
}

static enum status add_former(struct trail_files *files, const char *path)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	char *dir = strndup(path, (size_t)(file - path));
	DIR *d = dir ? opendir(dir[0] ? dir : ".") : NULL;
	enum status status = dir ? ST_OK : fail_memory();
	const struct dirent *entry;

	while (status == ST_OK && d && (entry = readdir(d)))
		if (number_of(entry->d_name, file))
			status = add(files, dir, entry->d_name);
	if (files->n)
		qsort(files->names, files->n, sizeof(*files->names), by_number);
	if (d)
		closedir(d);
	free(dir);
	return status;
}

enum status trail_files(const struct args *args, struct trail_files *files)
{
	enum status status = ST_OK;

	*files = (struct trail_files){0};
	if (args->ntargets == 1)
		status = add_former(files, arg_target(args, 0));
	for (int i = 0; status == ST_OK && i < args->ntargets; i++)
		status = add(files, "", arg_target(args, i));
	return status;
}

/* -- records ---------------------------------------------------------------------------- */

struct reading {
	const char *name;
	unsigned long line;
	bool last_file, more;
	enum status status;
	bool (*fn)(void *arg, const json_t *record);
	void *arg;
};

static void take_line(struct reading *r, const char *text, size_t len)
{
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	r->line++;
	if (json_is_object(record))
		r->more = r->fn(r->arg, record);
	else
		r->status = fail(ST_INTEGRITY, "hufu audit verify says what was done to it.", "%s:%lu is no audit record", r->name, r->line);
	json_decref(record);
}

static void read_file(struct reading *r, FILE *file)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;

	while (r->more && (len = getline(&text, &cap, file)) > 0)
		if (text[len - 1] == '\n' || !r->last_file)
			take_line(r, text, (size_t)len);
	if (ferror(file))
		r->status = fail_errno(NULL, "reading %s", r->name);
	free(text);
}

enum status trail_each(const struct trail_files *files, bool (*fn)(void *arg, const json_t *record), void *arg)
{
	struct reading r = {.more = true, .fn = fn, .arg = arg};

	for (size_t i = 0; i < files->n && r.more; i++) {
		FILE *file = fopen(files->names[i], "re");
		r.name = files->names[i];
		r.line = 0;
		r.last_file = i + 1 == files->n;
		if (!file)
			return fail_errno("Name the file that hufud.conf says (audit, file).", "%s", files->names[i]);
		read_file(&r, file);
		fclose(file);
	}
	return r.status;
}

/* -- one record -------------------------------------------------------------------------- */

const char *record_text(const json_t *record, const char *member, char buf[24])
{
	const json_t *value = json_object_get(record, member);

	buf[0] = '\0';
	if (json_is_integer(value))
		snprintf(buf, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return json_is_string(value) ? json_string_value(value) : buf;
}

/* A column, the last one of no width; a longer text pushes the others away rather than being cut. */
static void column(const json_t *record, const char *member, int width)
{
	char buf[24], clean[512];
	const char *text = record_text(record, member, buf);

	printf("%-*s%s", width, text[0] ? text_clean(text, strlen(text), clean, sizeof(clean)) : "-", width ? "  " : "\n");
}

static void mechanism_column(const json_t *record)
{
	char buf[24], name[NAME_LEN];
	const char *text = record_text(record, "mech", buf);

	printf("%-22s  ", text[0] ? mech_name(strtoul(text, NULL, 0), name) : "-");
}

void record_print_head(void)
{
	printf("%-27s  %-10s  %-14s  %-16s  %-12s  %-32s  %-22s  %-8s  %-24s  %s\n", "TIME", "EVENT", "RESULT", "IDENTITY", "TOKEN", "KEY",
	       "MECHANISM", "DEVICE", "PEER", "DETAIL");
}

void record_print(const json_t *record)
{
	column(record, "ts", 27);
	column(record, "event", 10);
	column(record, "result", 14);
	column(record, "identity", 16);
	column(record, "token", 12);
	column(record, "key", 32);
	mechanism_column(record);
	column(record, "device", 8);
	column(record, "peer", 24);
	column(record, "detail", 0);
}
