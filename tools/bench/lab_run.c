/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/bench.h"
#include "tools/bench/failover.h"
#include "tools/libexec.h"
#include "tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: only its output goes to the pipe. */
static void become(const char *path, const char *verb, const char *dir, const char *const *words)
{
	char *argv[LAB_WORDS_MAX + 4] = {(char *)(size_t)path, (char *)(size_t)verb};
	char *place = NULL;
	int n = 2;

	if (asprintf(&place, "dir=%s", dir) < 0)
		_exit(127);
	argv[n++] = place;
	for (size_t i = 0; words[i] && i < LAB_WORDS_MAX; i++)
		argv[n++] = (char *)(size_t)words[i];
	/* What an administrator set for other programs is not for the lab. */
	unsetenv("HUFU_CONF");
	unsetenv("HUFU_LOG");
	execv(path, argv);
	_exit(127);
}

static json_t *collect(int fd, pid_t pid)
{
	json_error_t error;
	FILE *f = fdopen(fd, "r");
	json_t *doc = f ? json_loadf(f, 0, &error) : NULL;
	int status = 0;

	if (f)
		fclose(f);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (doc && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return doc;
	json_decref(doc);
	if (WIFSIGNALED(status))
		note("the case was ended by signal %d and is left out", WTERMSIG(status));
	else
		note("the case could not be run and is left out");
	return NULL;
}

/* A pipe that holds the password, to its end: it is shorter than what a pipe takes at once. -1 after a message. */
static int pipe_of(const struct pin *password)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC)) {
		note("making a pipe: %s", strerror(errno));
		return -1;
	}
	bool written = write(ends[1], password->bytes, password->len) == (ssize_t)password->len;
	close(ends[1]);
	if (written)
		return ends[0];
	note("writing to a pipe: %s", strerror(errno));
	close(ends[0]);
	return -1;
}

/* in: the program's standard input, or -1: ours. */
static json_t *run(const char *path, const char *dir, const char *verb, const char *const *words, int in)
{
	int up[2];

	fflush(NULL);
	if (pipe(up)) {
		note("making a pipe: %s", strerror(errno));
		return NULL;
	}
	pid_t pid = fork();
	if (pid == 0 && close(up[0]) == 0 && dup2(up[1], STDOUT_FILENO) >= 0 && close(up[1]) == 0 &&
	    (in < 0 || dup2(in, STDIN_FILENO) >= 0))
		become(path, verb, dir, words);
	if (pid == 0)
		_exit(127);
	close(up[1]);
	if (pid > 0)
		return collect(up[0], pid);
	note("starting %s: %s", path, strerror(errno));
	close(up[0]);
	return NULL;
}

json_t *lab_run_with(const char *parent, const char *verb, const char *const *words, const struct pin *password)
{
	char path[PATH_MAX];
	json_t *doc = NULL;

	if (!libexec_find("hufu-lab", path, sizeof path))
		return NULL;
	char *dir = place_make(parent);
	if (!dir)
		return NULL;
	int in = password ? pipe_of(password) : -1;
	if (!password || in >= 0)
		doc = run(path, dir, verb, words, in);
	if (in >= 0)
		close(in);
	place_remove(dir);
	free(dir);
	return doc;
}

json_t *lab_run(const char *parent, const char *verb, const char *const *words)
{
	return lab_run_with(parent, verb, words, NULL);
}
