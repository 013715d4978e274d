/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency and errors over time, as SVG: a panel a case, all of one scale. Time is
 * cut into slices; of each the median, the 90th percentile and the slowest call
 * are drawn over the moment when those calls were due.
 */
#include "tools/bench/failover.h"
#include "tools/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH 960
#define LEFT 64
#define RIGHT 200               /* the legend's */
#define TOP 56
#define PANEL 190               /* with its title and the names of its axis */
#define HEIGHT 130
#define TITLE 22
#define SLICES 60
#define LOW_MS 1.0              /* the scale is logarithmic */
#define HIGH_MS 10000.0

/* Attributes, not CSS: small renderers know those. */
#define P50 "fill=\"none\" stroke=\"#1b5e9e\" stroke-width=\"1.6\""
#define P90 "fill=\"none\" stroke=\"#5fa8d3\" stroke-width=\"1.6\""
#define SLOWEST "fill=\"none\" stroke=\"#c8803c\" stroke-width=\"1.6\""
#define GRID "stroke=\"#dddddd\""
#define AXIS "stroke=\"#666666\""
#define FAULT "stroke=\"#aa3333\" stroke-dasharray=\"4 2\""
#define BACK "stroke=\"#2a7d2a\" stroke-width=\"2\""
#define ERROR "fill=\"#d00000\""
#define TITLE_TEXT "font-size=\"13\" font-weight=\"bold\""

struct slice {
	double *ms;
	size_t n, errors;
};

struct panel {
	const struct failover_case *c;
	double top;                 /* y of the plotting area */
	struct slice slices[SLICES];
};

/* -- coordinates ------------------------------------------------------------------------ */

static double x_of(const struct failover_case *c, double ms)
{
	return LEFT + (ms - c->quiet_ms) / (c->stop_ms - c->quiet_ms) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct panel *p, double ms)
{
	double share = log10((ms < LOW_MS ? LOW_MS : ms > HIGH_MS ? HIGH_MS : ms) / LOW_MS) / log10(HIGH_MS / LOW_MS);

	return p->top + HEIGHT * (1 - share);
}

static double slice_ms(const struct failover_case *c, size_t i)
{
	return c->quiet_ms + (c->stop_ms - c->quiet_ms) * ((double)i + 0.5) / SLICES;
}

/* -- slices -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool fill(struct panel *p)
{
	const struct failover_case *c = p->c;
	double *ms = calloc(c->ncalls + 1, sizeof *ms);
	double width = (c->stop_ms - c->quiet_ms) / SLICES;

	p->slices[0].ms = ms; /* of all: freed with it */
	for (size_t s = 0; ms && s < SLICES; s++) {
		struct slice *slice = &p->slices[s];
		double from = c->quiet_ms + width * (double)s;
		slice->ms = ms;
		for (size_t i = 0; i < c->ncalls; i++) {
			const struct call_seen *call = &c->calls[i];
			if (call->from_ms < from || call->from_ms >= from + width)
				continue;
			slice->errors += call->ended_ms < 0 || call->rv != 0;
			if (call->ended_ms >= 0 && call->class != CALL_MAKE_KEY)
				slice->ms[slice->n++] = call_ms(call);
		}
		qsort(slice->ms, slice->n, sizeof *ms, by_size);
		ms += slice->n;
	}
	return ms != NULL;
}

/* -- drawing ---------------------------------------------------------------------------------- */

static void segment(FILE *f, const char *style, double x1, double y1, double x2, double y2)
{
	fprintf(f, "<line %s x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style, x1, y1, x2, y2);
}

static void rectangle(FILE *f, const char *style, double x, double y, double width, double height)
{
	fprintf(f, "<rect %s x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", style, x, y, width, height);
}

/* Nothing in it needs to be escaped. */
static __attribute__((format(printf, 5, 6))) void text(FILE *f, const char *style, double x, double y, const char *fmt, ...)
{
	va_list ap;

	fprintf(f, "<text %s x=\"%.1f\" y=\"%.1f\">", style, x, y);
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputs("</text>\n", f);
}

static void curve(FILE *f, const struct panel *p, double share, const char *style)
{
	fprintf(f, "<polyline %s points=\"", style);
	for (size_t i = 0; i < SLICES; i++) {
		const struct slice *s = &p->slices[i];
		if (s->n)
			fprintf(f, "%.1f,%.1f ", x_of(p->c, slice_ms(p->c, i)),
			        y_of(p, s->ms[(size_t)((double)(s->n - 1) * share)]));
	}
	fputs("\"/>\n", f);
}

static void y_axis(FILE *f, const struct panel *p)
{
	static const char *const names[] = {"1 ms", "10 ms", "100 ms", "1 s", "10 s"};
	double ms = LOW_MS;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++, ms *= 10) {
		segment(f, GRID, LEFT, y_of(p, ms), WIDTH - RIGHT, y_of(p, ms));
		text(f, "text-anchor=\"end\"", LEFT - 6, y_of(p, ms) + 4, "%s", names[i]);
	}
	text(f, "text-anchor=\"middle\" transform=\"rotate(-90)\"", -(p->top + HEIGHT / 2), 14, "latency");
}

/* Seconds from the fault's beginning. */
static void x_axis(FILE *f, const struct panel *p)
{
	const struct failover_case *c = p->c;
	double span = c->stop_ms - c->quiet_ms, step = span > 10000 ? 2000 : span > 4000 ? 1000 : span > 2000 ? 500 : 250;

	for (int i = -(int)((c->begin_ms - c->quiet_ms) / step); c->begin_ms + i * step <= c->stop_ms; i++) {
		double x = x_of(c, c->begin_ms + i * step);
		segment(f, AXIS, x, p->top + HEIGHT, x, p->top + HEIGHT + 4);
		text(f, "text-anchor=\"middle\"", x, p->top + HEIGHT + 16, "%g s", i * step / 1000);
	}
}

static void moment(FILE *f, const struct panel *p, double ms, const char *style, const char *name)
{
	double x = x_of(p->c, ms);

	segment(f, style, x, p->top, x, p->top + HEIGHT);
	if (name)
		text(f, "fill=\"#aa3333\"", x + 3, p->top + 11, "%s", name);
}

static void fault_area(FILE *f, const struct panel *p)
{
	double x = x_of(p->c, p->c->begin_ms);

	rectangle(f, "fill=\"#f8e8e8\"", x, p->top, x_of(p->c, p->c->end_ms) - x, HEIGHT);
}

static void errors(FILE *f, const struct panel *p)
{
	for (size_t i = 0; i < SLICES; i++)
		if (p->slices[i].errors)
			rectangle(f, ERROR, x_of(p->c, slice_ms(p->c, i)) - 2.5, p->top + HEIGHT - 9, 5, 8);
}

static void figures(FILE *f, const struct panel *p)
{
	const struct failover_case *c = p->c;
	double x = WIDTH - RIGHT + 12, y = p->top + 12;

	text(f, "", x, y, "%zu calls, %zu keys", c->ops - c->keys, c->keys);
	text(f, "", x, y + 18, "%zu errors, %zu lost, %zu twice", c->caller_errors, c->lost + c->wrong, c->duplicated);
	if (c->fault) {
		text(f, "", x, y + 36, "p99 %+.1f ms (promised %.0f)", c->p99_added_ms, c->fault->p99_ms);
		text(f, "", x, y + 54, "max %+.1f ms (promised %.0f)", c->max_added_ms, c->fault->max_ms);
	} else {
		text(f, "", x, y + 36, "longest call %.0f ms (deadline %u)", c->longest_ms, c->deadline_ms);
		if (c->service_ms >= 0)
			text(f, "", x, y + 54, "served after %.0f ms (promised %d)", c->service_ms, ALL_DOWN_BACK_MS);
		else
			text(f, "", x, y + 54, "not served any more");
	}
}

static void draw(FILE *f, const struct panel *p)
{
	char title[64];

	case_title(p->c, title, sizeof title);
	text(f, TITLE_TEXT, LEFT, p->top - 6, "%s", title);
	fault_area(f, p);
	y_axis(f, p);
	x_axis(f, p);
	curve(f, p, 1, SLOWEST);
	curve(f, p, 0.9, P90);
	curve(f, p, 0.5, P50);
	errors(f, p);
	moment(f, p, p->c->begin_ms, FAULT, "fails");
	moment(f, p, p->c->end_ms, FAULT, "fault over");
	if (p->c->recovered_ms >= 0)
		moment(f, p, p->c->recovered_ms, BACK, NULL);
	figures(f, p);
}

static void head(FILE *f, size_t n)
{
	static const struct {
		const char *style, *name;
	} legend[] = {{P50, "median"}, {P90, "90 % are faster"}, {SLOWEST, "slowest"}, {BACK, "the device serves again"}};
	size_t height = TOP + n * PANEL + 10;

	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	           "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
	           "viewBox=\"0 0 %d %zu\" font-family=\"sans-serif\" font-size=\"11\">\n<title>hufu bench failover</title>\n",
	        WIDTH, height, WIDTH, height);
	rectangle(f, "fill=\"#ffffff\"", 0, 0, WIDTH, (double)height);
	text(f, TITLE_TEXT, LEFT, 18, "Latency of calls while a device fails and returns, over time from its failure");
	for (size_t i = 0; i < sizeof legend / sizeof *legend; i++) {
		double x = LEFT + 160 * (double)i;
		segment(f, legend[i].style, x, 30, x + 20, 30);
		text(f, "", x + 26, 34, "%s", legend[i].name);
	}
	rectangle(f, ERROR, LEFT + 660, 26, 5, 8);
	text(f, "", LEFT + 672, 34, "errors");
}

static bool write_plot(FILE *f, const struct failover_case *cases, size_t n)
{
	head(f, n);
	for (size_t i = 0; i < n; i++) {
		struct panel panel = {.c = &cases[i], .top = (double)(TOP + TITLE + i * PANEL)};
		bool good = fill(&panel);
		if (good)
			draw(f, &panel);
		free(panel.slices[0].ms);
		if (!good)
			return false;
	}
	fputs("</svg>\n", f);
	return true;
}

enum status failover_plot(const char *path, const struct failover_case *cases, size_t n)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return fail_errno("Name another file with --plot.", "making %s", path);
	bool good = write_plot(f, cases, n);
	if (fclose(f))
		return fail_errno(NULL, "writing %s", path);
	return good ? ST_OK : fail_memory();
}
