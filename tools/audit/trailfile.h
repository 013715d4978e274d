/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an audit trail (docs/AUDIT.md), read record by record. */
#ifndef TOOLS_AUDIT_TRAILFILE_H
#define TOOLS_AUDIT_TRAILFILE_H

#include "tools/report.h"

/* Those of the command line; one alone stands for what it once held, too: its FILE.N, oldest first. */
struct trail_files {
	char **names;
	size_t n;
};
enum status trail_files(const struct args *, struct trail_files *) MUST_USE;
void trail_files_clear(struct trail_files *);

/*
 * Calls fn for each record, until it says false. A line that is no record is told and makes the status ST_INTEGRITY; half a
 * line at the end of the last file is one that is being written.
 */
enum status trail_each(const struct trail_files *, bool (*fn)(void *arg, const json_t *record), void *arg) MUST_USE;

/* A member's text; numbers as such; "" where there is none. buf: for numbers. */
const char *record_text(const json_t *record, const char *member, char buf[24]);
/* For people, on one line. */
void record_print(const json_t *record);
void record_print_head(void);

#endif
