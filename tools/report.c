/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/report.h"
#include "tools/ckr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool as_json;
static FILE *messages;

void report_to(FILE *out)
{
	messages = out;
}

static FILE *out_messages(void)
{
	return messages ? messages : stderr;
}

void report_json(bool on)
{
	as_json = on;
}

static void report(enum status status, const char *ckr, const char *what, const char *why, const char *next)
{
	FILE *out = out_messages();

	fprintf(out, "hufu: %s", what);
	if (ckr)
		fprintf(out, ": %s", ckr);
	if (why)
		fprintf(out, ": %s", why);
	fputs(".\n", out);
	if (next)
		fprintf(out, "      %s\n", next);
	if (!as_json)
		return;

	json_t *error = json_pack("{s:i,s:o,s:s*,s:s*,s:s*}", "status", (int)status, "message", json_text(what, strlen(what)),
	                          "ckr", ckr, "reason", why, "next", next);
	json_t *doc = json_pack("{s:s,s:o}", "schema", "hufu-error/1", "error", error);
	if (doc && json_dumpf(doc, stdout, JSON_COMPACT) == 0)
		putchar('\n');
	json_decref(doc);
}

enum status fail(enum status status, const char *next, const char *fmt, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	report(status, NULL, what, NULL, next);
	return status;
}

static enum status status_of_errno(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return ST_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
	case EEXIST:
		return ST_POLICY;
	default:
		return ST_UNAVAILABLE;
	}
}

enum status fail_errno(const char *next, const char *fmt, ...)
{
	int err = errno;
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	report(status_of_errno(err), NULL, what, strerror(err), next);
	return status_of_errno(err);
}

enum status fail_rv(CK_RV rv, const char *fmt, ...)
{
	const struct ckr *code = ckr_find(rv);
	char what[1024], name[32];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(name, sizeof name, "CKR 0x%08lx", rv);
	report(code ? code->status : ST_UNAVAILABLE, code ? code->name : name, what,
	       code ? code->sentence : "a code of the vendor's own",
	       code ? code->next : "Look the code up in the module's manual.");
	return code ? code->status : ST_UNAVAILABLE;
}

static const struct {
	enum hufu_err err;
	enum status status;
	const char *next;
} core_errors[] = {
	{HUFU_ERR_PIN, ST_AUTH, "Every wrong try counts towards the lock."},
	{HUFU_ERR_PIN_LOCKED, ST_AUTH, "The security officer unlocks it: hufu pin unlock."},
	{HUFU_ERR_PIN_UNSET, ST_AUTH, "The security officer sets it: hufu pin unlock."},
	{HUFU_ERR_PIN_LAST, ST_AUTH, "Log in once by hand: a right PIN makes the count whole again."},
	{HUFU_ERR_CONFIG, ST_UNAVAILABLE, "hufu config check lists what is wrong in the configuration."},
	{HUFU_ERR_STORE_FULL, ST_UNAVAILABLE, "Free space on the disk."},
	{HUFU_ERR_STORE_READ_ONLY, ST_POLICY, "Check owner and permissions of the file and its directory."},
	{HUFU_ERR_STORE_BUSY, ST_UNAVAILABLE, "Try again when the other process is done."},
	{HUFU_ERR_STORE_CORRUPT, ST_INTEGRITY, "Keep the file, and restore the newest backup that hufu store verify finds good."},
	{HUFU_ERR_STORE_VERSION, ST_UNAVAILABLE, "Use the newer hufu."},
	{HUFU_ERR_STORE_MISSING, ST_NOT_FOUND, "hufu token init makes it."},
	{HUFU_ERR_NOT_FOUND, ST_NOT_FOUND, NULL},
	{HUFU_ERR_EXISTS, ST_POLICY, "Nothing is overwritten: choose another name."},
};

enum status fail_err(enum hufu_err err, const char *fmt, ...)
{
	char what[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < sizeof core_errors / sizeof *core_errors; i++)
		if (core_errors[i].err == err) {
			report(core_errors[i].status, NULL, what, err_text(err), core_errors[i].next);
			return core_errors[i].status;
		}
	report(ST_UNAVAILABLE, NULL, what, err_text(err), NULL);
	return ST_UNAVAILABLE;
}

enum status fail_memory(void)
{
	return fail(ST_UNAVAILABLE, "Free some memory, or raise the limit, and try again.", "out of memory");
}

void note(const char *fmt, ...)
{
	va_list ap;

	fputs("hufu: ", out_messages());
	va_start(ap, fmt);
	vfprintf(out_messages(), fmt, ap);
	va_end(ap);
	fputc('\n', out_messages());
}

enum status out_json(json_t *doc)
{
	if (!doc)
		return fail_memory();
	int bad = json_dumpf(doc, stdout, JSON_INDENT(2)) || putchar('\n') == EOF || fflush(stdout);
	json_decref(doc);
	return bad ? fail_errno(NULL, "writing the result") : ST_OK;
}

enum status out_line(json_t *doc)
{
	if (!doc)
		return fail_memory();
	int bad = json_dumpf(doc, stdout, JSON_COMPACT) || putchar('\n') == EOF || fflush(stdout);
	json_decref(doc);
	return bad ? fail_errno(NULL, "writing the result") : ST_OK;
}

/* Length of the UTF-8 sequence at p (RFC 3629), 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80                   ? 1
	           : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	           : (p[0] & 0xf0) == 0xe0       ? 3
	           : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
	                                         : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* no overlong forms, no surrogates, nothing above U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* Bytes of others (labels, names) must not drive the terminal: C0, DEL and C1 become '?'. */
static bool is_control(const unsigned char *p, size_t n)
{
	return (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

char *text_clean(const void *data, size_t len, char *out, size_t out_len)
{
	const unsigned char *p = data;
	size_t used = 0;

	while (len && (p[len - 1] == ' ' || p[len - 1] == 0))
		len--;
	while (len) {
		size_t n = utf8_len(p, len);
		bool bad = n == 0 || is_control(p, n);
		size_t take = n ? n : 1, put = bad ? 1 : n;
		if (used + put >= out_len)
			break;
		memcpy(out + used, bad ? (const unsigned char *)"?" : p, put);
		used += put;
		p += take;
		len -= take;
	}
	out[used] = 0;
	return out;
}

json_t *json_text(const void *data, size_t len)
{
	json_t *s = json_stringn(data, len);

	if (s)
		return s;
	char *clean = malloc(len + 1);
	if (!clean)
		return NULL;
	s = json_string(text_clean(data, len, clean, len + 1));
	free(clean);
	return s;
}

json_t *json_padded(const void *data, size_t len)
{
	const char *p = data;

	while (len && (p[len - 1] == ' ' || p[len - 1] == 0))
		len--;
	return json_text(p, len);
}
