/* SPDX-License-Identifier: Apache-2.0 */
/* The report as files, and as a table for people. */
#include "tools/qualify/judge.h"
#include "tools/report.h"
#include "tools/table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHOWN_MAX 800

/* -- files --------------------------------------------------------------------------------- */

static FILE *create(const char *dir, const char *name)
{
	char *path = NULL;
	FILE *f = asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : fopen(path, "we");

	free(path);
	return f;
}

static bool finish(FILE *f)
{
	return f && !(ferror(f) | fclose(f));
}

static bool write_json(const struct judge *j, const char *dir)
{
	FILE *f = create(dir, "report.json");

	if (f && (json_dumpf(j->report, f, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) || fputc('\n', f) == EOF))
		return fclose(f), false;
	return finish(f);
}

static bool write_page(const struct judge *j, const char *dir)
{
	FILE *f = create(dir, "report.html");

	if (f)
		write_html(j->report, f);
	return finish(f);
}

static bool write_profile(const struct judge *j, const char *dir)
{
	char name[NAME_MAX];

	if (!j->profile)
		return true;
	snprintf(name, sizeof name, "%.200s.conf", j->name);
	FILE *f = create(dir, name);
	if (f) {
		fprintf(f, "# What hufu driver qualify saw of %s, over the profile %s.\n"
		           "# The arguments of SDF_Internal{En,De}crypt_ECC cannot be seen: they are as that profile has them.\n",
		        j->name, json_string_value(json_object_get(j->report, "profile")));
		sdf_profile_print(j->profile, f);
	}
	return finish(f);
}

enum status write_report(const struct judge *j, const char *dir)
{
	if (mkdir(dir, 0755) && errno != EEXIST)
		return fail_errno("--report names a directory.", "making %s", dir);
	if (!write_json(j, dir) || !write_page(j, dir) || !write_profile(j, dir))
		return fail_errno("--report names a directory.", "writing to %s", dir);
	note("the report is %s/report.html%s%s%s", dir, j->profile ? ", the profile " : "", j->profile ? j->name : "",
	     j->profile ? ".conf" : "");
	return ST_OK;
}

/* -- the terminal ------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void add_chapter(struct table *table, const json_t *chapter)
{
	char checks[24], faults[24], quirks[24], seconds[24];

	snprintf(checks, sizeof checks, "%zu", json_array_size(json_object_get(chapter, "checks")));
	snprintf(faults, sizeof faults, "%zu", chapter_count(chapter, RESULT_fault));
	snprintf(quirks, sizeof quirks, "%zu", chapter_count(chapter, RESULT_quirk));
	snprintf(seconds, sizeof seconds, "%.1f", json_real_value(json_object_get(chapter, "seconds")));
	table_row(table, (const char *const[]){text_of(chapter, "id"), text_of(chapter, "result"), checks, faults, quirks, seconds,
	                                       text_of(chapter, "title")});
}

/* The library had a hand in it: nothing that a terminal would obey. */
static const char *clean(const json_t *object, const char *key, char *out, size_t out_len)
{
	const char *text = text_of(object, key);

	return text_clean(text, strlen(text), out, out_len);
}

/* Findings of one kind, a line each. */
static void list(const json_t *report, enum result result, const char *title)
{
	char text[SHOWN_MAX], id[64];
	json_t *chapter, *check;
	size_t i, k;
	bool any = false;

	json_array_foreach(json_object_get(report, "chapters"), i, chapter)
		json_array_foreach(json_object_get(chapter, "checks"), k, check) {
			if (strcmp(text_of(check, "result"), result_name(result)) != 0)
				continue;
			printf("%s%s/%s: %s\n", any ? "" : title, text_of(chapter, "id"), clean(check, "id", id, sizeof id),
			       clean(check, "text", text, sizeof text));
			any = true;
		}
}

enum status print_report(const struct judge *j)
{
	static const char *const titles[] = {"CHAPTER", "RESULT", "CHECKS", "FAULTS", "QUIRKS", "SECONDS", "WHAT", NULL};
	json_t *chapter;
	struct table table;
	size_t i;

	if (j->args->json)
		return out_json(json_incref(j->report));
	table_init(&table, titles);
	json_array_foreach(json_object_get(j->report, "chapters"), i, chapter)
		add_chapter(&table, chapter);
	enum status status = table_print(&table, stdout, "No chapter was examined.");
	table_clear(&table);
	list(j->report, RESULT_fault, "\nFaults\n");
	list(j->report, RESULT_quirk, "\nQuirks\n");
	list(j->report, RESULT_skipped, "\nNot tried\n");
	return status;
}
