/* SPDX-License-Identifier: Apache-2.0 */
/* Tables for people: columns as wide as their widest cell, in terminal cells. */
#ifndef TABLE_H
#define TABLE_H

#include "tools/tool.h"

#include <stdio.h>

#define TABLE_COLUMNS 16

struct table {
	size_t ncols, nrows, cap;
	char *(*rows)[TABLE_COLUMNS]; /* rows[0]: the titles */
	bool bad;                     /* out of memory: nothing is printed */
};

/* Titles end with NULL. */
void table_init(struct table *, const char *const *titles);
/* One cell each, ncols of them; copied, control characters made '?'. */
void table_row(struct table *, const char *const *cells);
/* Nothing but the titles: prints empty and no table. */
enum status table_print(const struct table *, FILE *, const char *empty) MUST_USE;
void table_clear(struct table *);

/* Cells of a terminal that the text takes. */
size_t text_width(const char *);

/* "name   value" lines of one record: names right of a common margin. */
void field(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
