/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/io.h"
#include "base/secret.h"
#include "tools/report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status input_open(const struct args *args, const char *path, const char *what, struct input *in)
{
	bool standard = !path || !strcmp(path, "-");
	struct stat st;

	*in = (struct input){.fd = STDIN_FILENO, .name = standard ? "standard input" : path};
	if (!standard)
		in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0)
		return fail_errno(NULL, "opening %s", path);
	if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode))
		return fail(ST_USAGE, NULL, "%s is a directory", in->name);
	posix_fadvise(in->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	progress_begin(&in->progress, args, what, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
	return ST_OK;
}

enum status input_read(struct input *in, void *buf, size_t cap, size_t *got)
{
	*got = 0;
	while (*got < cap) {
		ssize_t n = read(in->fd, (char *)buf + *got, cap - *got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(NULL, "reading %s", in->name);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	progress_add(&in->progress, *got);
	return ST_OK;
}

void input_close(struct input *in)
{
	progress_end(&in->progress);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	in->fd = -1;
}

enum status input_all(const char *path, size_t max, unsigned char **data, size_t *len)
{
	struct input in;
	enum status status = input_open(&(struct args){0}, path, NULL, &in);

	*len = 0;
	*data = secret_alloc(max + 1);
	if (status == ST_OK && !*data)
		status = fail_memory();
	if (status == ST_OK)
		status = input_read(&in, *data, max + 1, len);
	if (status == ST_OK && *len > max)
		status = fail(ST_USAGE, NULL, "%s is longer than %zu bytes, the most that fits here", in.name, max);
	input_close(&in);
	if (status) {
		secret_free(*data);
		*data = NULL;
	}
	return status;
}

/* An interrupted command leaves no half file: the one output that may be open. */
static char doomed[4096];

static void remove_doomed(int sig)
{
	if (doomed[0])
		unlink(doomed);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void guard(const char *temp)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
	struct sigaction sa = {.sa_handler = remove_doomed};

	if (strlen(temp) >= sizeof doomed)
		return;
	memcpy(doomed, temp, strlen(temp) + 1);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &sa, NULL);
}

/* The mode of the file that it replaces, or what the umask leaves of 0666. */
static mode_t final_mode(const char *target)
{
	struct stat st;
	mode_t mask = umask(0);

	umask(mask);
	return stat(target, &st) == 0 ? st.st_mode & 0777 : 0666 & ~mask;
}

static enum status open_beside(struct output *out)
{
	if (asprintf(&out->temp, "%s.XXXXXX", out->target) < 0) {
		out->temp = NULL;
		return fail_memory();
	}
	out->fd = mkostemp(out->temp, O_CLOEXEC);
	if (out->fd < 0) {
		free(out->temp);
		out->temp = NULL;
		return fail_errno("Check the directory and its permissions.", "making %s", out->path);
	}
	guard(out->temp);
	return ST_OK;
}

static enum status open_path(const char *path, bool binary, struct output *out)
{
	struct stat st;

	*out = (struct output){.fd = STDOUT_FILENO};
	if (!path || !strcmp(path, "-")) {
		if (binary && isatty(STDOUT_FILENO))
			return fail(ST_USAGE, "Give --out FILE, or send standard output to a file or pipe.",
			            "the result is binary, not for a terminal");
		return ST_OK;
	}
	out->path = path;
	bool exists = stat(path, &st) == 0;
	if (exists && !S_ISREG(st.st_mode)) {
		out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return out->fd < 0 ? fail_errno(NULL, "opening %s", path) : ST_OK;
	}
	out->target = exists ? realpath(path, NULL) : strdup(path);
	return out->target ? open_beside(out) : fail_memory();
}

enum status output_open(const struct args *args, bool binary, struct output *out)
{
	return open_path(arg_get(args, "out"), binary, out);
}

enum status output_write(struct output *out, const void *data, size_t len)
{
	while (len) {
		ssize_t n = write(out->fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(NULL, "writing %s", out->path ? out->path : "standard output");
		data = (const char *)data + n;
		len -= (size_t)n;
	}
	return ST_OK;
}

enum status output_commit(struct output *out)
{
	if (!out->temp)
		return ST_OK;
	if (fchmod(out->fd, final_mode(out->target)) || fsync(out->fd) || rename(out->temp, out->target))
		return fail_errno(NULL, "finishing %s", out->path);
	doomed[0] = 0;
	free(out->temp);
	out->temp = NULL;
	return ST_OK;
}

void output_close(struct output *out)
{
	if (out->temp)
		unlink(out->temp);
	doomed[0] = 0;
	if (out->fd > STDERR_FILENO)
		close(out->fd);
	free(out->temp);
	free(out->target);
	*out = (struct output){.fd = -1};
}

enum status output_all_to(const char *path, bool binary, const void *data, size_t len)
{
	struct output out;
	enum status status = open_path(path, binary, &out);

	if (status == ST_OK)
		status = output_write(&out, data, len);
	if (status == ST_OK)
		status = output_commit(&out);
	output_close(&out);
	return status;
}

enum status output_all(const struct args *args, bool binary, const void *data, size_t len)
{
	return output_all_to(arg_get(args, "out"), binary, data, len);
}
