/* SPDX-License-Identifier: Apache-2.0 */
/* One examiner: started, fed, watched, and ended when it says nothing for too long. */
#include "base/clock.h"
#include "tools/libexec.h"
#include "tools/qualify/judge.h"
#include "tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_BYTES_MAX (8u << 20)  /* of one chapter */
#define CHECKS_MAX 500
#define PRINTED_MAX 2000
#define BOARD_EVERY_MS 200      /* how often the board is looked at */
#define STRAYS_MAX 10000

/* A place on the board: since when its thread is in the call that it is in. */
struct place {
	uint32_t calls;
	uint64_t since_ns;
};

struct child {
	struct judge *judge;
	const struct chapter *chapter;
	json_t *doc;                /* the chapter of the report */
	pid_t pid;
	int request, lines, prints;
	struct board *board;
	int board_fd;
	char *line;                 /* LINE_BYTES_MAX */
	size_t line_len, total, nchecks, nprinted;
	char printed[PRINTED_MAX];
	enum sdf_concurrency concurrency; /* the profile's before the chapter */
	bool open_exclusive;
	struct place places[BOARD_THREADS];
	uint64_t heard_ns, looked_ns;
	bool ended, hung, babbled, killed, adopts;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

/* What is ignored stays so: SIGHUP under nohup, SIGINT of a job in the background. */
static void catch_signal(int sig)
{
	if (signal(sig, on_signal) == SIG_IGN)
		signal(sig, SIG_IGN);
}

/* -- the chapter's part of the report ------------------------------------------------------- */

void chapter_add(json_t *chapter, enum result result, const char *id, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	json_array_append_new(
	        json_object_get(chapter, "checks"),
	        json_pack("{s:s,s:s,s:o}", "id", id, "result", result_name(result), "text", json_text(text, strlen(text))));
}

/* -- lines, which may say anything ------------------------------------------------------------- */

static void take_check(struct child *c, const json_t *line)
{
	const char *id = json_string_value(json_object_get(line, "id")), *text = json_string_value(json_object_get(line, "text"));
	const char *result = json_string_value(json_object_get(line, "result"));

	if (!id || !text || !result || ++c->nchecks > CHECKS_MAX)
		return;
	for (int r = 0; r < RESULTS_COUNT; r++)
		if (!strcmp(result, result_name((enum result)r)))
			chapter_add(c->doc, (enum result)r, id, "%s", text);
}

static json_t *member(json_t *object, const char *key, json_t *(*make)(void))
{
	json_t *value = json_object_get(object, key);

	if (!value) {
		value = make();
		json_object_set_new(object, key, value);
	}
	return value;
}

static void take_row(struct child *c, const json_t *line)
{
	const char *table = json_string_value(json_object_get(line, "table"));
	json_t *cells = json_object_get(line, "cells"), *cell;
	size_t i;

	if (!table || !json_is_array(cells))
		return;
	json_array_foreach(cells, i, cell)
		if (!json_is_string(cell))
			return;
	json_array_append(member(member(c->doc, "tables", json_object), table, json_array), cells);
}

static void take_point(struct child *c, const json_t *line)
{
	const char *plot = json_string_value(json_object_get(line, "plot")),
	           *series = json_string_value(json_object_get(line, "series"));
	json_t *x = json_object_get(line, "x"), *y = json_object_get(line, "y");

	if (!plot || !series || !json_is_number(x) || !json_is_number(y))
		return;
	json_array_append_new(member(member(member(c->doc, "plots", json_object), plot, json_object), series, json_array),
	                      json_pack("[f,f]", json_number_value(x), json_number_value(y)));
}

static void take_fact(struct child *c, const json_t *line)
{
	const char *key = json_string_value(json_object_get(line, "key"));

	if (key && c->judge->profile && !learn(c->judge->profile, key, json_object_get(line, "value")))
		chapter_add(c->doc, RESULT_info, "profile", "\"%s\" was seen out of a profile's range, and left out", key);
}

static void show_progress(const struct child *c, const json_t *line)
{
	json_int_t done = json_integer_value(json_object_get(line, "done")), of = json_integer_value(json_object_get(line, "of"));

	if (isatty(STDERR_FILENO) && of > 0)
		fprintf(stderr, "\r%s %lld of %lld\033[K", c->chapter->title, (long long)done, (long long)of);
}

static void take_line(struct child *c, const char *text, size_t len)
{
	json_t *line = json_loadb(text, len, 0, NULL);
	const char *type = json_string_value(json_object_get(line, "t"));

	if (!type)
		c->babbled = true;
	else if (!strcmp(type, "check"))
		take_check(c, line);
	else if (!strcmp(type, "row"))
		take_row(c, line);
	else if (!strcmp(type, "point"))
		take_point(c, line);
	else if (!strcmp(type, "fact"))
		take_fact(c, line);
	else if (!strcmp(type, "at"))
		show_progress(c, line);
	else if (!strcmp(type, "end"))
		c->ended = true;
	json_decref(line);
}

/* False: no more will come, or no more is wanted. */
static bool read_lines(struct child *c)
{
	ssize_t n = read(c->lines, c->line + c->line_len, LINE_BYTES_MAX - c->line_len);
	char *end, *from = c->line;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	c->heard_ns = clock_now_ns();
	c->line_len += (size_t)n;
	c->total += (size_t)n;
	while ((end = memchr(from, '\n', (size_t)(c->line + c->line_len - from)))) {
		take_line(c, from, (size_t)(end - from));
		from = end + 1;
	}
	c->line_len -= (size_t)(from - c->line);
	memmove(c->line, from, c->line_len);
	c->babbled |= c->line_len == LINE_BYTES_MAX || c->total > OUTPUT_BYTES_MAX;
	return !c->babbled;
}

/* The first of what it prints is kept. */
static bool read_prints(struct child *c)
{
	char more[4096];
	ssize_t n = read(c->prints, more, sizeof more);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	size_t keep = PRINTED_MAX - c->nprinted;
	keep = keep < (size_t)n ? keep : (size_t)n;
	memcpy(c->printed + c->nprinted, more, keep);
	c->nprinted += keep;
	return true;
}

/* -- watching ---------------------------------------------------------------------------------- */

/* The function that the thread at this place has been in for too long; NULL: none. */
static const char *stuck_in(const struct child *c, size_t i)
{
	uint32_t function = atomic_load_explicit(&c->board->threads[i].function, memory_order_acquire);
	uint32_t calls = atomic_load(&c->board->threads[i].calls);
	bool same = calls == c->places[i].calls && c->looked_ns - c->places[i].since_ns >= c->judge->timeout_s * NS_PER_S;

	return same ? function_name(function) : NULL;
}

/* A call that begins is a sign of life, as a line is. True: one thread is stuck, though others may go on, or nothing moves. */
static bool look_at_board(struct child *c)
{
	bool stuck = false;

	c->looked_ns = clock_now_ns();
	for (size_t i = 0; i < BOARD_THREADS; i++) {
		stuck |= stuck_in(c, i) != NULL;
		uint32_t calls = atomic_load(&c->board->threads[i].calls);
		if (calls == c->places[i].calls)
			continue;
		c->places[i] = (struct place){calls, c->looked_ns};
		c->heard_ns = c->looked_ns;
	}
	return stuck || c->looked_ns - c->heard_ns >= c->judge->timeout_s * NS_PER_S;
}

static void watch(struct child *c)
{
	struct pollfd fds[2] = {{c->lines, POLLIN, 0}, {c->prints, POLLIN, 0}};

	c->heard_ns = clock_now_ns();
	while (fds[0].fd >= 0 && !c->ended && !interrupted) {
		c->hung = look_at_board(c);
		if (c->hung)
			return;
		int n = poll(fds, 2, BOARD_EVERY_MS);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && fds[1].revents && !read_prints(c))
			fds[1].fd = -1;
		if (n > 0 && fds[0].revents && !read_lines(c))
			fds[0].fd = -1;
	}
}

/* A child of this process; 0: it has none, or the kernel does not say. */
static pid_t some_child(void)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid;
	pid_t found = f && fscanf(f, "%d", &pid) == 1 ? pid : 0;

	if (f)
		fclose(f);
	return found;
}

static int wait_for_end(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What left the examiner's group is adopted when its parents are gone. */
static void end_strays(const struct child *c)
{
	pid_t pid;

	for (int i = 0; c->adopts && i < STRAYS_MAX && (pid = some_child()) > 0; i++) {
		kill(pid, SIGKILL);
		(void)wait_for_end(pid);
	}
}

static int end_examiner(struct child *c)
{
	int status = 0;
	/* One that closed its pipe is ending, as fast as the machine can; one that said all it had to is not waited for. */
	uint64_t until = clock_now_ns() + (c->ended ? 1 : c->judge->timeout_s) * NS_PER_S;

	while (!c->hung && !c->babbled && !interrupted && clock_now_ns() < until) {
		if (waitpid(c->pid, &status, WNOHANG) == c->pid) {
			kill(-c->pid, SIGKILL);
			return status;
		}
		usleep(10000);
	}
	c->killed = true;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	return wait_for_end(c->pid);
}

/* With everything that the library may have started. */
static int end(struct child *c)
{
	int status = end_examiner(c);

	end_strays(c);
	return status;
}

static const char *now_in(const struct child *c, size_t i)
{
	return function_name(atomic_load(&c->board->threads[i].function));
}

/* Functions that threads are stuck in, or just in, "SDF_A, SDF_B". False: in none. */
static bool where(struct child *c, const char *(*in)(const struct child *, size_t), bool avoid, char *text, size_t len)
{
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < BOARD_THREADS; i++) {
		const char *name = in(c, i);
		if (!name || strstr(text, name) || used + strlen(name) + 3 > len)
			continue;
		used += (size_t)snprintf(text + used, len - used, "%s%s", used ? ", " : "", name);
		if (avoid)
			json_array_append_new(c->judge->avoid, json_string(name));
	}
	return used;
}

/* A chapter that was not let to its end takes nothing back of the worst that it told before it began. */
static void forget_assumptions(const struct child *c)
{
	if (!c->judge->profile)
		return;
	c->judge->profile->concurrency = c->concurrency;
	c->judge->profile->open_exclusive = c->open_exclusive;
}

static void judge_end(struct child *c, int status)
{
	bool crowd = c->chapter->flags & CHAPTER_CROWD, may = c->chapter->flags & CHAPTER_MAY_CRASH;
	char in[256];

	if (interrupted) {
		chapter_add(c->doc, RESULT_skipped, "stopped", "stopped by the user");
		forget_assumptions(c);
	} else if (c->babbled) {
		chapter_add(c->doc, RESULT_fault, "output", "what came from the examiner is no report: the library wrote over it");
	} else if (c->hung) {
		bool known = where(c, stuck_in, !crowd, in, sizeof in);
		chapter_add(c->doc, RESULT_fault, "hang", "%s did not return within %lu s; the chapter ends here%s",
		            known ? in : "the library", c->judge->timeout_s,
		            known && !crowd ? ", and the function is not called in those that follow" : "");
	} else if (c->ended) {
		; /* whatever became of it after that */
	} else if (c->killed) {
		chapter_add(c->doc, RESULT_fault, "output", "the library closed the examiner's way to tell what it sees");
	} else if (WIFSIGNALED(status)) {
		bool known = where(c, now_in, !crowd, in, sizeof in);
		chapter_add(c->doc, may ? RESULT_quirk : RESULT_fault, "crash",
		            "the process was ended by signal %d (%s) %s%s; the chapter ends here",
		            WTERMSIG(status), strsignal(WTERMSIG(status)), known ? "in " : "outside of any call", in);
	} else {
		chapter_add(c->doc, RESULT_fault, "exit", "the library ended the process with status %d", WEXITSTATUS(status));
	}
	if (c->nprinted)
		json_object_set_new(c->doc, "printed", json_text(c->printed, c->nprinted));
}

/* -- starting -------------------------------------------------------------------------------------- */

static void become_examiner(const struct child *c, const char *path, int request, int lines, int prints)
{
	char *argv[] = {(char *)(size_t)path, NULL};
	int fds[] = {request, lines, prints, c->board_fd};

	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	/* From above 3, where nothing is overwritten before it was copied. */
	for (int i = 0; i < 4; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 4; i++)
		if (fds[i] < 0 || dup2(fds[i], i) < 0)
			_exit(127);
	execv(path, argv);
	_exit(127);
}

static enum status start(struct child *c)
{
	int request[2], lines[2], prints[2];
	char path[PATH_MAX];

	if (!libexec_find(EXAMINER, path, sizeof path))
		return ST_UNAVAILABLE;
	c->board_fd = memfd_create("board", MFD_CLOEXEC);
	if (c->board_fd < 0 || ftruncate(c->board_fd, sizeof *c->board))
		return fail_errno(NULL, "making shared memory");
	c->board = mmap(NULL, sizeof *c->board, PROT_READ, MAP_SHARED, c->board_fd, 0);
	if (c->board == MAP_FAILED || pipe2(request, O_CLOEXEC) || pipe2(lines, O_CLOEXEC) || pipe2(prints, O_CLOEXEC))
		return fail_errno(NULL, "making pipes to the examiner");
	fflush(NULL);
	/* Children that were there before, of a shell that became this process, could not be told from strays. */
	c->adopts = !some_child() && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
	c->pid = fork();
	if (c->pid == 0)
		become_examiner(c, path, request[0], lines[1], prints[1]);
	if (c->pid > 0)
		setpgid(c->pid, c->pid); /* here as well as there: whichever comes first */
	close(request[0]);
	close(lines[1]);
	close(prints[1]);
	c->request = request[1];
	c->lines = lines[0];
	c->prints = prints[0];
	return c->pid < 0 ? fail_errno(NULL, "starting %s", path) : ST_OK;
}

static char *profile_text(const struct sdf_profile *profile)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	sdf_profile_print(profile, f);
	return fclose(f) ? NULL : text;
}

static char *request_line(const struct judge *j, const struct chapter *chapter)
{
	json_t *doc = json_copy(j->settings);
	char *text = j->profile ? profile_text(j->profile) : NULL;

	json_object_set_new(doc, "library", json_string(j->library));
	json_object_set_new(doc, "chapter", json_string(chapter->id));
	json_object_set_new(doc, "driver", json_boolean(j->driver));
	json_object_set_new(doc, "judge", json_integer(getpid()));
	json_object_set(doc, "avoid", j->avoid);
	if (text)
		json_object_set_new(doc, "profile", json_string(text));
	if (j->change_user) {
		json_object_set_new(doc, "uid", json_integer(j->uid));
		json_object_set_new(doc, "gid", json_integer(j->gid));
	}
	free(text);
	text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	return text;
}

static bool write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* An examiner that is gone already is seen to by watch(). */
static void feed(struct child *c)
{
	char *line = request_line(c->judge, c->chapter);

	if (line && write_all(c->request, line, strlen(line)) && write_all(c->request, "\n", 1))
		(void)!write_all(c->request, c->judge->password.bytes, c->judge->password.len);
	free(line);
	close(c->request);
}

static void close_all(struct child *c)
{
	close(c->lines);
	close(c->prints);
	close(c->board_fd);
	munmap(c->board, sizeof *c->board);
	free(c->line);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static const char *verdict(const json_t *doc)
{
	return chapter_count(doc, RESULT_fault)   ? "fault"
	       : chapter_count(doc, RESULT_quirk) ? "quirk"
	       : chapter_count(doc, RESULT_pass)  ? "pass"
	       : chapter_count(doc, RESULT_info)  ? "info"
	                                          : "skipped";
}

enum status judge_chapter(struct judge *j, const struct chapter *chapter)
{
	struct child c = {.judge = j, .chapter = chapter, .line = malloc(LINE_BYTES_MAX)};
	uint64_t begun = clock_now_ns();

	if (j->profile) {
		c.concurrency = j->profile->concurrency;
		c.open_exclusive = j->profile->open_exclusive;
	}
	c.doc = json_pack("{s:s,s:s,s:s,s:[]}", "id", chapter->id, "title", chapter->title, "clause", chapter->clause, "checks");
	if (!c.line || !c.doc)
		return fail_memory();
	signal(SIGPIPE, SIG_IGN);
	catch_signal(SIGINT);
	catch_signal(SIGTERM);
	catch_signal(SIGHUP);
	enum status status = start(&c);
	if (status)
		return status;
	feed(&c);
	watch(&c);
	judge_end(&c, end(&c));
	json_object_set_new(c.doc, "result", json_string(verdict(c.doc)));
	json_object_set_new(c.doc, "seconds", json_real((double)(clock_now_ns() - begun) / 1e9));
	json_array_append_new(json_object_get(j->report, "chapters"), c.doc);
	j->stopped = interrupted;
	close_all(&c);
	return ST_OK;
}
