/* SPDX-License-Identifier: Apache-2.0 */
/* Plots as SVG, drawn by gnuplot where it is installed. */
#include "tools/qualify/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SVG_BYTES_MAX (4u << 20)
#define WIDE_RANGE 64           /* of x: a logarithmic axis */

/* A title between quotes of gnuplot's, with nothing in it that it would read as more. */
static void put_title(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text; text++)
		putc(strchr("\"\\`@{}^_$%\n", *text) ? ' ' : *text, f);
	putc('"', f);
}

static double ratio(const json_t *series)
{
	double least = INFINITY, most = 0;
	const char *name;
	json_t *points, *point;
	size_t i;

	json_object_foreach((json_t *)(size_t)series, name, points)
		json_array_foreach(points, i, point) {
			double x = json_number_value(json_array_get(point, 0));
			least = fmin(least, x);
			most = fmax(most, x);
		}
	return least > 0 ? most / least : 0;
}

static void put_script(FILE *f, const char *name, const json_t *series)
{
	const char *label, *comma = "plot ";
	json_t *points, *point;
	size_t i, k = 0;

	fputs("set terminal svg size 760,320 background '#ffffff'\nset grid\nset key outside right\nset yrange [0:*]\nset title ",
	      f);
	put_title(f, name);
	fputs(ratio(series) > WIDE_RANGE ? "\nset logscale x 2\n" : "\n", f);
	json_object_foreach((json_t *)(size_t)series, label, points) {
		fprintf(f, "$d%zu << EOD\n", k++);
		json_array_foreach(points, i, point) fprintf(f, "%.9g %.9g\n", json_number_value(json_array_get(point, 0)),
		                                             json_number_value(json_array_get(point, 1)));
		fputs("EOD\n", f);
	}
	k = 0;
	json_object_foreach((json_t *)(size_t)series, label, points) {
		fprintf(f, "%s$d%zu using 1:2 with linespoints title ", comma, k++);
		put_title(f, label);
		comma = ", ";
	}
	fputs("\n", f);
}

static void become_gnuplot(int in, int out)
{
	char *argv[] = {(char[]){"gnuplot"}, (char[]){"-d"}, NULL};
	int null = open("/dev/null", O_WRONLY);

	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
		execvp(argv[0], argv);
	_exit(127);
}

/* All of it; NULL: too much. */
static char *read_all(int fd)
{
	char *text = malloc(SVG_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;

	while (text && len < SVG_BYTES_MAX && n > 0) {
		n = read(fd, text + len, SVG_BYTES_MAX - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (text)
		text[len] = 0;
	return text;
}

/* Without the prologue, which has no place inside a page. malloc. */
static char *element(char *text)
{
	char *from = text ? strstr(text, "<svg") : NULL, *to = from ? strstr(from, "</svg>") : NULL;
	char *svg = to ? strndup(from, (size_t)(to - from) + strlen("</svg>")) : NULL;

	free(text);
	return svg;
}

char *plot_svg(const char *name, const json_t *series)
{
	FILE *script = tmpfile(); /* read from its start, so that neither waits for the other */
	int out[2], status;

	if (!script || pipe2(out, O_CLOEXEC))
		return NULL;
	put_script(script, name, series);
	fflush(script);
	lseek(fileno(script), 0, SEEK_SET);
	pid_t pid = fork();
	if (pid == 0)
		become_gnuplot(fileno(script), out[1]);
	close(out[1]);
	char *text = pid > 0 ? read_all(out[0]) : NULL;
	close(out[0]);
	fclose(script);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return element(text);
}
