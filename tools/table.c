/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/table.h"
#include "tools/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

size_t text_width(const char *text)
{
	mbstate_t state = {0};
	size_t left = strlen(text), width = 0;

	while (left) {
		wchar_t wide;
		size_t n = mbrtowc(&wide, text, left, &state);
		/* The locale cannot say: a byte is taken for a cell. */
		if (n == 0 || n == (size_t)-1 || n == (size_t)-2)
			return width + left;
		int cells = wcwidth(wide);
		width += cells > 0 ? (size_t)cells : 0;
		text += n;
		left -= n;
	}
	return width;
}

void table_row(struct table *t, const char *const *cells)
{
	if (t->nrows == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 16;
		char *(*rows)[TABLE_COLUMNS] = reallocarray(t->rows, cap, sizeof *rows);
		if (!rows) {
			t->bad = true;
			return;
		}
		t->rows = rows;
		t->cap = cap;
	}
	char **row = t->rows[t->nrows++];
	for (size_t c = 0; c < TABLE_COLUMNS; c++)
		row[c] = NULL;
	for (size_t c = 0; c < t->ncols; c++) {
		size_t len = strlen(cells[c]);
		row[c] = malloc(len + 1);
		if (!row[c]) {
			t->bad = true;
			return;
		}
		text_clean(cells[c], len, row[c], len + 1);
	}
}

void table_init(struct table *t, const char *const *titles)
{
	*t = (struct table){0};
	while (titles[t->ncols])
		t->ncols++;
	table_row(t, titles);
}

static void put_cell(FILE *out, const char *text, size_t width, bool last)
{
	size_t own = text_width(text);

	fputs(text, out);
	if (!last)
		fprintf(out, "%*s", (int)(width > own ? width - own : 0) + 2, "");
}

enum status table_print(const struct table *t, FILE *out, const char *empty)
{
	size_t width[TABLE_COLUMNS] = {0};

	if (t->bad)
		return fail_memory();
	if (t->nrows <= 1) {
		fprintf(out, "%s\n", empty);
		return ST_OK;
	}
	for (size_t r = 0; r < t->nrows; r++)
		for (size_t c = 0; c < t->ncols; c++) {
			size_t w = text_width(t->rows[r][c]);
			width[c] = w > width[c] ? w : width[c];
		}
	for (size_t r = 0; r < t->nrows; r++) {
		for (size_t c = 0; c < t->ncols; c++)
			put_cell(out, t->rows[r][c], width[c], c + 1 == t->ncols);
		putc('\n', out);
	}
	return fflush(out) ? fail_errno(NULL, "writing the result") : ST_OK;
}

void table_clear(struct table *t)
{
	for (size_t r = 0; r < t->nrows; r++)
		for (size_t c = 0; c < TABLE_COLUMNS; c++)
			free(t->rows[r][c]);
	free(t->rows);
	*t = (struct table){0};
}

void field(const char *name, const char *fmt, ...)
{
	va_list ap;

	printf("%-14s ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}
