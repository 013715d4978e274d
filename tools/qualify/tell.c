/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/qualify/tell.h"
#include "base/clock.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVERY_NS (100 * NS_PER_MS)

static int to = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t shown_ns;

void tell_to(int fd)
{
	to = fd;
}

static void write_all(const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(to, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1);
		text += n;
		len -= (size_t)n;
	}
}

/* Takes the object over. */
static void send_line(json_t *line)
{
	char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
	size_t len = text ? strlen(text) : 0;

	/* Out of memory, most likely the library's doing: the judge sees an end without a word. */
	if (!text)
		_exit(1);
	text[len] = '\n'; /* in place of the NUL: a line is one write */
	pthread_mutex_lock(&lock);
	write_all(text, len + 1);
	pthread_mutex_unlock(&lock);
	free(text);
	json_decref(line);
}

/* Vendors' names come in any character set: what is not UTF-8 becomes '?'. */
static json_t *string_of(const char *text)
{
	json_t *string = json_string(text);
	char *ascii = string ? NULL : strdup(text);

	for (char *c = ascii; c && *c; c++)
		*c = *c & 0x80 ? '?' : *c;
	if (ascii)
		string = json_string(ascii);
	free(ascii);
	return string;
}

void tell(enum result result, const char *id, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	send_line(json_pack("{s:s,s:s,s:s,s:o}", "t", "check", "id", id, "result", result_name(result), "text", string_of(text)));
}

void tell_fact(const char *key, json_t *value)
{
	send_line(json_pack("{s:s,s:s,s:o}", "t", "fact", "key", key, "value", value));
}

void tell_number(const char *key, uint32_t value)
{
	tell_fact(key, json_integer(value));
}

void tell_flag(const char *key, bool value)
{
	tell_fact(key, json_boolean(value));
}

void tell_row(const char *table, ...)
{
	json_t *cells = json_array();
	const char *cell;
	va_list ap;

	va_start(ap, table);
	while ((cell = va_arg(ap, const char *)))
		json_array_append_new(cells, string_of(cell));
	va_end(ap);
	send_line(json_pack("{s:s,s:s,s:o}", "t", "row", "table", table, "cells", cells));
}

void tell_point(const char *plot, const char *series, double x, double y)
{
	send_line(json_pack("{s:s,s:s,s:s,s:f,s:f}", "t", "point", "plot", plot, "series", series, "x", x, "y", y));
}

void tell_at(uint64_t done, uint64_t of)
{
	uint64_t now = clock_now_ns(), shown = atomic_load(&shown_ns);

	if (now - shown < EVERY_NS || !atomic_compare_exchange_strong(&shown_ns, &shown, now))
		return;
	send_line(json_pack("{s:s,s:I,s:I}", "t", "at", "done", (json_int_t)done, "of", (json_int_t)of));
}

void tell_not_loaded(const char *path)
{
	const char *why = dlerror();

	tell(RESULT_fault, "load", "it cannot be loaded: %s%s", why ? why : "no reason was given",
	     access(path, R_OK) ? ". It is loaded without privileges: open the way to it, or name another user by --user" : "");
}

void tell_end(void)
{
	send_line(json_pack("{s:s}", "t", "end"));
}
