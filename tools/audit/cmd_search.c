/* SPDX-License-Identifier: Apache-2.0 */
/* hufu audit search, hufu audit tail: what stands in a trail, as it stands there. */
#include "tools/audit/trailfile.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 200 /* for new records */

const struct opt audit_search_opts[] = {
	{"event", 0, "EVENT", "sign, login, generate, start, ..."},
	{"identity", 0, "NAME", "who, as the configuration calls it"},
	{"token", 0, "NAME", "the token's section"},
	{"key", 0, "HEX", "the key's uuid, or its beginning"},
	{"result", 0, "RESULT", "ok, an error's name, or \"error\" for all but ok"},
	{"since", 0, "TIME", "2026-11-21T22:30, or any beginning of such a time; UTC"},
	{"until", 0, "TIME", "the same, inclusive"},
	{0},
};
const struct opt audit_tail_opts[] = {
	{"lines", 'n', "N", "how many records, default 10"},
	{"follow", 'f', NULL, "wait for more, until interrupted"},
	{0},
};

/* -- how records are shown ---------------------------------------------------------------- */

/* With -o json an object a line: there may be more than anybody wants to hold, and --follow has no end. */
static void show(const struct args *args, const json_t *record)
{
	if (!args->json) {
		record_print(record);
		return;
	}
	json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* -- search -------------------------------------------------------------------------------- */

/* "2026", "2026-11-21T22:3", ...: a beginning of the form of "ts". */
static enum status check_time(const struct args *args, const char *option)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.ddddddZ";
	const char *text = arg_get(args, option);
	size_t len = text ? strlen(text) : 0, i = 0;

	for (; i < len && i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			break;
	if (text && len == 20 && text[19] == 'Z' && i == 19)
		return ST_OK;
	return i == len ? ST_OK : fail(ST_USAGE, "Write it as 2026-11-21T22:30:00, or less of that.", "--%s %s", option, text);
}

static bool is_text(const struct args *args, const char *option, const json_t *record, const char *member)
{
	const char *wanted = arg_get(args, option);
	char buf[24];

	return !wanted || strcmp(wanted, record_text(record, member, buf)) == 0;
}

static bool is_key(const struct args *args, const json_t *record)
{
	const char *wanted = arg_get(args, "key");
	char buf[24];

	return !wanted || (wanted[0] && strncasecmp(wanted, record_text(record, "key", buf), strlen(wanted)) == 0);
}

static bool is_result(const struct args *args, const json_t *record)
{
	const char *wanted = arg_get(args, "result");
	char buf[24];

	if (wanted && strcmp(wanted, "error") == 0)
		return strcmp(record_text(record, "result", buf), "ok") != 0;
	return is_text(args, "result", record, "result");
}

/* Text of this form sorts as time does; seconds may be ended by "Z". */
static bool is_in_time(const struct args *args, const json_t *record)
{
	const char *since = arg_get(args, "since"), *until = arg_get(args, "until");
	char buf[24];
	const char *ts = record_text(record, "ts", buf);
	size_t since_len = since ? strcspn(since, "Z") : 0, until_len = until ? strcspn(until, "Z") : 0;

	return (!since || strncmp(ts, since, since_len) >= 0) && (!until || strncmp(ts, until, until_len) <= 0);
}

static bool search_one(void *arg, const json_t *record)
{
	const struct args *args = arg;

	if (is_text(args, "event", record, "event") && is_text(args, "identity", record, "identity") &&
	    is_text(args, "token", record, "token") && is_key(args, record) && is_result(args, record) && is_in_time(args, record))
		show(args, record);
	return !ferror(stdout);
}

enum status cmd_audit_search(const struct args *args)
{
	struct trail_files files = {0};
	enum status status = check_time(args, "since");

	if (status == ST_OK)
		status = check_time(args, "until");
	if (status == ST_OK)
		status = trail_files(args, &files);
	if (status == ST_OK && !args->json)
		record_print_head();
	if (status == ST_OK)
		status = trail_each(&files, search_one, (void *)(uintptr_t)args);
	trail_files_clear(&files);
	return status;
}

/* -- tail ------------------------------------------------------------------------------------ */

struct tail {
	const struct args *args;
	const char *path;
	FILE *file;
	char *text;                /* what has come of a line */
	size_t len, cap;
	off_t at;                  /* read so far */
};

static enum status tail_open(struct tail *tail)
{
	tail->file = fopen(tail->path, "re");
	tail->at = 0;
	tail->len = 0;
	return tail->file ? ST_OK : fail_errno("Name the file that hufud.conf says (audit, file).", "%s", tail->path);
}

static enum status show_line(const struct tail *tail, const char *text, size_t len)
{
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	enum status status = ST_OK;

	if (json_is_object(record))
		show(tail->args, record);
	else
		status = fail(ST_INTEGRITY, "hufu audit verify says what was done to it.", "%s: a line is no audit record", tail->path);
	json_decref(record);
	return status;
}

/* Where the last n lines begin: those that are whole. */
static off_t last_lines(FILE *file, unsigned long n)
{
	off_t *begins = calloc(n + 1, sizeof(*begins)), at = 0, from = 0;
	char *text = NULL;
	size_t cap = 0;
	unsigned long seen = 0;
	ssize_t len;

	while (begins && (len = getline(&text, &cap, file)) > 0 && text[len - 1] == '\n') {
		begins[seen++ % (n + 1)] = at;
		at += len;
	}
	if (begins)
		from = n == 0 ? at : seen > n ? begins[(seen - n) % (n + 1)] : 0;
	free(begins);
	free(text);
	return from;
}

/* All the whole lines that there are. */
static enum status show_new(struct tail *tail)
{
	enum status status = ST_OK;
	ssize_t len;

	clearerr(tail->file);
	fseeko(tail->file, tail->at, SEEK_SET);
	while ((len = getline(&tail->text, &tail->cap, tail->file)) > 0 && tail->text[len - 1] == '\n') {
		enum status shown = show_line(tail, tail->text, (size_t)len);
		status = shown ? shown : status;
		tail->at += len;
	}
	return status;
}

/* The trail goes on in a new file of this name. */
static bool was_rotated(const struct tail *tail)
{
	struct stat mine, now;

	return fstat(fileno(tail->file), &mine) == 0 && stat(tail->path, &now) == 0 && (mine.st_ino != now.st_ino || mine.st_dev != now.st_dev);
}

static enum status follow(struct tail *tail)
{
	const struct timespec wait = {.tv_nsec = LOOK_MS * 1000000l};
	enum status status = ST_OK;

	while (!fflush(stdout) && !ferror(stdout) && status == ST_OK) {
		nanosleep(&wait, NULL);
		const bool rotated = was_rotated(tail);
		status = show_new(tail);
		if (status == ST_OK && rotated) {
			fclose(tail->file);
			status = tail_open(tail);
		}
	}
	return status;
}

enum status cmd_audit_tail(const struct args *args)
{
	struct tail tail = {.args = args, .path = arg_target(args, 0)};
	unsigned long n = 0;
	enum status status = arg_number(args, "lines", 0, 1000000, 10, &n);

	if (status == ST_OK)
		status = tail_open(&tail);
	if (status != ST_OK)
		return status;
	if (!args->json)
		record_print_head();
	tail.at = last_lines(tail.file, n);
	status = show_new(&tail);
	if (status == ST_OK && arg_has(args, "follow"))
		status = follow(&tail);
	if (tail.file)
		fclose(tail.file);
	free(tail.text);
	return status;
}
