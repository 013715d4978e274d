/* SPDX-License-Identifier: Apache-2.0 */
/* hufu-qualify: one chapter over one library, for hufu driver qualify (qualify.h says how they talk). */
#include "base/log.h"
#include "base/secret.h"
#include "tools/qualify/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __has_feature /* clang */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WITH_SHADOW
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* gcc */
#define WITH_SHADOW
#endif

#define REQUEST_MAX (1u << 20)
#define PASSWORD_MAX 1024
#define INDEXES_LOOKED_AT 64
#define FILE_BYTES_MAX (64u << 20)
#define DATA_BYTES_MAX (4ull << 30)

/* -- what is asked -------------------------------------------------------------------- */

static bool read_line(char *line, size_t cap)
{
	for (size_t len = 0; len < cap; len++) {
		ssize_t n = read(STDIN_FILENO, line + len, 1);
		if (n < 0 && errno == EINTR)
			n = read(STDIN_FILENO, line + len, 1);
		if (n != 1)
			return false;
		if (line[len] == '\n') {
			line[len] = 0;
			return true;
		}
	}
	return false;
}

/* What follows the line. */
static bool read_password(struct request *request)
{
	uint8_t *bytes = secret_alloc(PASSWORD_MAX);
	ssize_t n;

	if (!bytes)
		return false;
	while ((n = read(STDIN_FILENO, bytes + request->password_len, PASSWORD_MAX - request->password_len)) > 0)
		request->password_len += (size_t)n;
	request->password = request->password_len ? bytes : NULL;
	return n == 0;
}

static uint32_t number(const struct request *request, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(request->doc, key));
}

static bool read_request(struct request *request)
{
	char *line = malloc(REQUEST_MAX);

	*request = (struct request){0};
	if (line && read_line(line, REQUEST_MAX))
		request->doc = json_loads(line, 0, NULL);
	free(line);
	request->library = json_string_value(json_object_get(request->doc, "library"));
	request->chapter = json_string_value(json_object_get(request->doc, "chapter"));
	request->open_config = json_string_value(json_object_get(request->doc, "open_config"));
	request->index = number(request, "index");
	request->kek = number(request, "kek");
	request->threads = number(request, "threads");
	request->idle_s = number(request, "idle_s");
	request->full = json_is_true(json_object_get(request->doc, "full"));
	return request->library && request->chapter && read_password(request);
}

/* -- privileges ------------------------------------------------------------------------- */

static bool limit(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit l;

	if (getrlimit(what, &l))
		return false;
	l.rlim_cur = l.rlim_max < most ? l.rlim_max : most;
	l.rlim_max = l.rlim_cur;
	return setrlimit(what, &l) == 0;
}

static bool become(const struct request *request)
{
	json_t *uid = json_object_get(request->doc, "uid"), *gid = json_object_get(request->doc, "gid");

	if (!uid)
		return true;
	return setgroups(0, NULL) == 0 && setgid((gid_t)json_integer_value(gid)) == 0 &&
	       setuid((uid_t)json_integer_value(uid)) == 0 && (json_integer_value(uid) == 0 || setuid(0) != 0);
}

/*
 * A library that hangs must not be left behind by a judge who was killed. After
 * setuid(2), which takes the wish back; a judge who was gone before does not send the signal any more.
 */
static bool end_with_judge(const struct request *request)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	       getppid() == (pid_t)json_integer_value(json_object_get(request->doc, "judge"));
}

/* A library can do no more than this user, leaves no core with keys in it, and fills neither disk nor memory. */
static bool shed(const struct request *request)
{
	bool good = become(request) && end_with_judge(request) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && limit(RLIMIT_CORE, 0) &&
	            limit(RLIMIT_FSIZE, FILE_BYTES_MAX);

	/* A sanitizer's shadow counts as data, and is larger than any limit. */
#ifndef WITH_SHADOW
	good = good && limit(RLIMIT_DATA, DATA_BYTES_MAX);
#endif
	prctl(PR_SET_DUMPABLE, 0);
	return good && chdir("/") == 0;
}

/* -- the chapter ---------------------------------------------------------------------------- */

static const struct {
	const char *chapter;
	examine_fn *examine;
	bool bare;                  /* opens for itself */
} parts[] = {
	{"symbols", examine_symbols, true},
	{"layouts", examine_layouts, false},
	{"open", examine_open, true},
	{"answers", examine_answers, false},
	{"cross", examine_cross, false},
	{"chaining", examine_chaining, false},
	{"rights", examine_rights, false},
	{"errors", examine_errors, false},
	{"sizes", examine_sizes, false},
	{"threads", examine_threads, false},
	{"threads-devices", examine_threads_devices, false},
	{"reconnect", examine_reconnect, false},
	{"late", examine_late, false},
	{"leaks", examine_leaks, false},
	{"random", examine_random, false},
	{"performance", examine_performance, false},
	{"idle", examine_idle, false},
	{"misuse", examine_misuse, true},
};

static bool pair_at(struct card *card, void *session, uint32_t index, bool sign)
{
	uint32_t code = card_export(card, session, index, sign, sign ? card->sign_point : card->encrypt_point);

	/* The struct may be of another width than the profile says: the chapter on layouts finds out. */
	return code == SDR_OK || code == CARD_STRANGE;
}

static void find_pairs(struct card *card, void *session)
{
	uint32_t first = card->request->index ? card->request->index : 1;
	uint32_t last = card->request->index ? card->request->index : INDEXES_LOOKED_AT;

	for (uint32_t i = first; i <= last && !(card->sign_index && card->encrypt_index); i++) {
		tell_at(i, last);
		if (!card->sign_index && pair_at(card, session, i, true))
			card->sign_index = i;
		if (!card->encrypt_index && pair_at(card, session, i, false))
			card->encrypt_index = i;
	}
}

static bool prepare(struct card *card)
{
	void *session;
	uint32_t code = card_open(card, &card->device);

	if (code == SDR_OK && card->device)
		code = card_session(card, card->device, &session);
	if (code != SDR_OK || !card->device || !session) {
		tell(RESULT_fault, "open", "no session to work with: %s", code_text(card, code));
		return false;
	}
	find_pairs(card, session);
	card_close_session(card, session);
	return true;
}

static void report(void *arg, const char *message)
{
	(void)arg;
	tell(RESULT_fault, "profile", "%s", message);
}

static void examine(const struct request *request)
{
	const char *text = json_string_value(json_object_get(request->doc, "profile"));
	struct sdf_profile *profile = NULL;
	struct card *card;

	if (!text || sdf_profile_parse(text, "profile", report, NULL, &profile))
		return;
	card = card_load(request, profile);
	for (size_t i = 0; card && i < sizeof parts / sizeof *parts; i++)
		if (!strcmp(parts[i].chapter, request->chapter) && (parts[i].bare || prepare(card)))
			parts[i].examine(card);
	/* Nothing is closed or freed: the process ends, and whatever the library still does ends with it. */
}

int main(void)
{
	struct request request;
	int lines = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);

	/* The library's prints go where errors go. */
	if (lines < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 1;
	tell_to(lines);
	struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, BOARD_FD, 0);
	if (board == MAP_FAILED || close(BOARD_FD))
		return 1;
	board_use(board);
	if (!read_request(&request) || !shed(&request)) {
		tell(RESULT_fault, "start", "the examiner cannot give up its privileges: %s", strerror(errno));
		return 1;
	}
	if (json_is_true(json_object_get(request.doc, "driver")))
		examine_driver(&request);
	else
		examine(&request);
	tell_end();
	_exit(0); /* no destructors of the library's */
}
