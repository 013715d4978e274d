/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page: no script, nothing fetched. Every word from the library is escaped. */
#include "tools/qualify/judge.h"

#include <stdlib.h>
#include <string.h>

static const char style[] =
	"body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}"
	"table{border-collapse:collapse;margin:.6em 0}td,th{border:1px solid #ccc;padding:.2em "
	".6em;text-align:left;vertical-align:top}"
	"th{background:#f2f2f2}h2{margin-top:2em;border-bottom:1px solid #ccc}pre{background:#f6f6f6;padding:.6em;overflow:auto}"
	".pass{color:#1a6b1a}.fault{color:#b00020;font-weight:bold}.quirk{color:#8a5a00}.info{color:#333}.skipped{color:#777}";

static void put(FILE *f, const char *text)
{
	for (; text && *text; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			putc(*text, f);
		}
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void cell(FILE *f, const char *tag, const char *text)
{
	fprintf(f, "<%s>", tag);
	put(f, text);
	fprintf(f, "</%s>", tag);
}

static void put_result(FILE *f, const char *result)
{
	fputs("<td class=\"", f);
	put(f, result);
	fputs("\">", f);
	put(f, result);
	fputs("</td>", f);
}

static void put_head(FILE *f, const json_t *report)
{
	static const char *const rows[][2] = {{"library", "Library"}, {"kind", "Kind"}, {"profile", "Profile it was held against"},
	                                      {"date", "Examined"}, {"hufu", "By hufu"}};

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>", f);
	put(f, text_of(report, "name"));
	fprintf(f, "</title><style>%s</style></head><body>\n<h1>Qualification of ", style);
	put(f, text_of(report, "name"));
	fputs("</h1>\n<table>", f);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		fputs("<tr>", f);
		cell(f, "th", rows[i][1]);
		cell(f, "td", text_of(report, rows[i][0]));
		fputs("</tr>\n", f);
	}
	fputs("</table>\n<p>A <b class=\"fault\">fault</b> is what neither the standard nor the profile lets a program expect. A "
	      "<b class=\"quirk\">quirk</b> differs from the standard, and is harmless or told of in the profile. Clauses are "
	      "those of "
	      "GM/T 0059-2018.</p>\n",
	      f);
}

static void put_summary(FILE *f, const json_t *report)
{
	json_t *chapter;
	size_t i;

	fputs("<table><tr><th>Chapter</th><th>Clause</th><th>Result</th><th>Faults</th><th>Quirks</th><th>Seconds</th></tr>\n", f);
	json_array_foreach(json_object_get(report, "chapters"), i, chapter) {
		fputs("<tr><td><a href=\"#", f);
		put(f, text_of(chapter, "id"));
		fputs("\">", f);
		put(f, text_of(chapter, "title"));
		fputs("</a></td>", f);
		cell(f, "td", text_of(chapter, "clause"));
		put_result(f, text_of(chapter, "result"));
		fprintf(f, "<td>%zu</td><td>%zu</td><td>%.1f</td></tr>\n", chapter_count(chapter, RESULT_fault),
		        chapter_count(chapter, RESULT_quirk), json_real_value(json_object_get(chapter, "seconds")));
	}
	fputs("</table>\n", f);
}

static void put_checks(FILE *f, const json_t *chapter)
{
	json_t *check;
	size_t i;

	fputs("<table>\n", f);
	json_array_foreach(json_object_get(chapter, "checks"), i, check) {
		fputs("<tr>", f);
		put_result(f, text_of(check, "result"));
		cell(f, "td", text_of(check, "id"));
		cell(f, "td", text_of(check, "text"));
		fputs("</tr>\n", f);
	}
	fputs("</table>\n", f);
}

/* The first row of a table is its titles. */
static void put_table(FILE *f, const char *name, const json_t *rows)
{
	json_t *row, *text;
	size_t i, k;

	fputs("<details><summary>", f);
	put(f, name);
	fputs("</summary><table>\n", f);
	json_array_foreach(rows, i, row) {
		fputs("<tr>", f);
		json_array_foreach(row, k, text)
			cell(f, i ? "td" : "th", json_string_value(text));
		fputs("</tr>\n", f);
	}
	fputs("</table></details>\n", f);
}

static void put_numbers(FILE *f, const json_t *series)
{
	const char *name;
	json_t *points, *point;
	size_t i;

	fputs("<table><tr><th>Series</th><th>x</th><th>y</th></tr>\n", f);
	json_object_foreach((json_t *)(size_t)series, name, points)
		json_array_foreach(points, i, point) {
			fputs("<tr>", f);
			cell(f, "td", name);
			fprintf(f, "<td>%.6g</td><td>%.6g</td></tr>\n", json_number_value(json_array_get(point, 0)),
			        json_number_value(json_array_get(point, 1)));
		}
	fputs("</table>\n", f);
}

static void put_plot(FILE *f, const char *name, const json_t *series)
{
	char *svg = plot_svg(name, series);

	fputs("<h3>", f);
	put(f, name);
	fputs("</h3>\n", f);
	if (svg)
		fprintf(f, "%s\n", svg);
	else
		fputs("<p>With gnuplot installed (Debian: gnuplot-nox) this is drawn as a plot.</p>\n", f);
	fputs(svg ? "<details><summary>Numbers</summary>" : "", f);
	put_numbers(f, series);
	fputs(svg ? "</details>\n" : "", f);
	free(svg);
}

static void put_chapter(FILE *f, const json_t *chapter)
{
	const char *name, *printed = text_of(chapter, "printed");
	json_t *value;

	fputs("<h2 id=\"", f);
	put(f, text_of(chapter, "id"));
	fputs("\">", f);
	put(f, text_of(chapter, "title"));
	fputs("</h2>\n", f);
	put_checks(f, chapter);
	json_object_foreach(json_object_get(chapter, "plots"), name, value)
		put_plot(f, name, value);
	json_object_foreach(json_object_get(chapter, "tables"), name, value)
		put_table(f, name, value);
	if (printed) {
		fputs("<p>Meanwhile the library printed:</p>\n<pre>", f);
		put(f, printed);
		fputs("</pre>\n", f);
	}
}

void write_html(const json_t *report, FILE *f)
{
	json_t *chapter;
	size_t i;

	put_head(f, report);
	put_summary(f, report);
	json_array_foreach(json_object_get(report, "chapters"), i, chapter)
		put_chapter(f, chapter);
	fputs("</body></html>\n", f);
}
