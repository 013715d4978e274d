/* SPDX-License-Identifier: Apache-2.0 */
/* hufu driver qualify: what the judge knows, and its steps. */
#ifndef QUALIFY_JUDGE_H
#define QUALIFY_JUDGE_H

#include "driver/sdf/profile.h"
#include "tools/pin.h"
#include "tools/qualify/qualify.h"
#include "tools/tool.h"

#include <jansson.h>
#include <sys/types.h>

/*
 * The report, as report.json has it (schema hufu-qualify/1):
 *   {"schema", "library", "name", "kind", "profile", "hufu", "date", "settings": {..., "conf": [NAME...]},
 *    "counts": {"pass": n, ...}, "chapters": [{"id", "title", "clause", "result", "seconds",
 *                  "checks": [{"id", "result", "text"}], "tables": {NAME: [[CELL...]...]},
 *                  "plots": {NAME: {SERIES: [[x, y]...]}}, "printed": "..."}]}
 */
struct judge {
	const struct args *args;
	char *library, *name;           /* absolute path; its stem, for files */
	bool driver;                    /* a driver of hufu's */
	struct sdf_profile *profile;    /* as given, then as learnt; NULL for a driver */
	struct pin password;
	unsigned long timeout_s;
	uid_t uid;
	gid_t gid;
	bool change_user;
	json_t *avoid;                  /* functions that did not come back */
	json_t *settings;               /* what the examiner is told besides */
	json_t *report;
	bool stopped;                   /* by the user */
};

/* Runs one chapter and adds it to the report. ST_UNAVAILABLE after a message: the examiner cannot be started. */
enum status judge_chapter(struct judge *, const struct chapter *) MUST_USE;
/* The chapter of the report, or NULL. */
json_t *report_chapter(const json_t *report, const char *id);
/* How many checks of this result. */
size_t chapter_count(const json_t *chapter, enum result);
/* Adds a finding of the judge's own. */
void chapter_add(json_t *chapter, enum result, const char *id, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What the examiner saw goes into the profile, if it is of the profile's range. False: it is not. */
bool learn(struct sdf_profile *, const char *key, const json_t *value);

/* Does this shared library of the host's kind export the name? */
bool elf_exports(const void *bytes, size_t len, const char *name);

/* The files in dir. */
enum status write_report(const struct judge *, const char *dir) MUST_USE;
/* One page, with everything in it. */
void write_html(const json_t *report, FILE *);
/* A plot as SVG text, by gnuplot; NULL: it is not installed, or failed. free it. */
char *plot_svg(const char *name, const json_t *series);
enum status print_report(const struct judge *) MUST_USE;

#endif
