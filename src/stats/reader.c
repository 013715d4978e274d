/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of counters, as others wrote them. Nothing in them is believed: a file
 * may be cut, grow, be a link or a pipe, or hold anything. It is copied with a bound
 * (a mapping of it could be cut under the reader), and what is no sound value is left out.
 */
#include "stats/internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- values ------------------------------------------------------------------------ */

/* For people, who see it on a terminal: no control characters, no other alphabet's tricks. */
static void copy_text(char *to, const char *from, size_t len)
{
	size_t n = strnlen(from, len - 1);
	for (size_t i = 0; i < n; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
	to[n] = 0;
}

/* The names that a configuration can give; false: none of them. */
static bool copy_name(char to[STATS_NAME], const char from[STATS_NAME])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strnlen(from, STATS_NAME);
	if (n == 0 || n == STATS_NAME)
		return false;
	memcpy(to, from, n + 1);
	return strspn(to, allowed) == n;
}

#define GET(field) atomic_load_explicit(&(field), memory_order_relaxed)

static void sum_slots(const struct stats_device *s, struct stats_view *view)
{
	uint64_t started = 0;
	for (size_t i = 0; i < STATS_SLOTS; i++) {
		/* ended first: what ends in between is in flight rather than less than nothing */
		view->ops += GET(s->slots[i].ended);
		started += GET(s->slots[i].started);
		view->errors += GET(s->slots[i].errors);
		view->bytes += GET(s->slots[i].bytes);
	}
	uint64_t in_flight = started - view->ops;
	view->in_flight = in_flight <= UINT32_MAX ? (uint32_t)in_flight : 0;
}

static void copy_events(const struct stats_device *s, struct stats_view *view)
{
	uint32_t n = GET(s->nevents), have = n < STATS_EVENTS ? n : STATS_EVENTS;
	view->nevents = 0;
	for (uint32_t i = 0; i < have; i++) {
		const struct stats_event *from = &s->events[(n - have + i) % STATS_EVENTS];
		if (from->from >= STATS_STATES || from->to >= STATS_STATES)
			continue;
		struct stats_event *to = &view->events[view->nevents++];
		*to = *from;
		copy_text(to->text, from->text, sizeof to->text);
	}
}

static bool copy_enums(const struct stats_device *s, struct stats_view *view)
{
	view->state = GET(s->state);
	view->admin = GET(s->admin);
	view->isolation = GET(s->isolation);
	return view->state < STATS_STATES && view->admin < STATS_ADMINS && view->isolation <= CONF_ISOLATION_PROCESS;
}

static void copy_numbers(const struct stats_device *s, struct stats_view *view)
{
	view->priority = GET(s->priority);
	view->weight = GET(s->weight);
	view->leases = GET(s->leases);
	view->leases_max = GET(s->leases_max);
	view->queued = GET(s->queued);
	view->software = GET(s->software) != 0;
	view->since_wall_ms = GET(s->since_wall_ms);
	view->until_wall_ms = GET(s->until_wall_ms);
	view->latency_ns = GET(s->latency_ns);
	for (size_t i = 0; i < STATS_COUNTS; i++)
		view->counts[i] = GET(s->counts[i]);
	for (size_t verb = 0; verb < STATS_VERBS; verb++)
		for (size_t i = 0; i < STATS_BUCKETS; i++)
			view->histogram[verb][i] = GET(s->histogram[verb][i]);
}

static bool parse_block(const struct stats_device *s, struct stats_view *view)
{
	if (!copy_name(view->token, s->token) || !copy_name(view->device, s->device) || !copy_name(view->domain, s->domain) ||
	    !copy_enums(s, view))
		return false;
	copy_text(view->driver, s->driver, sizeof view->driver);
	view->ops = view->errors = view->bytes = 0;
	sum_slots(s, view);
	copy_numbers(s, view);
	copy_events(s, view);
	return true;
}

static bool parse_header(const uint8_t *bytes, size_t len, struct stats_view *view)
{
	struct stats_header header;
	if (len < STATS_HEADER_SPACE)
		return false;
	memcpy(&header, bytes, sizeof header);
	if (memcmp(header.magic, STATS_MAGIC, sizeof header.magic) != 0 || header.version != STATS_VERSION ||
	    header.block_len != sizeof(struct stats_device) || header.pid <= 0)
		return false;
	view->pid = header.pid;
	view->started_wall_ms = header.started_wall_ms;
	copy_text(view->program, header.program, sizeof view->program);
	return true;
}

bool stats_parse(const uint8_t *bytes, size_t len, void (*each)(const struct stats_view *, void *arg), void *arg)
{
	struct stats_view *view = calloc(1, sizeof *view);
	struct stats_device *s = aligned_alloc(_Alignof(struct stats_device), sizeof *s);
	bool ok = view && s && parse_header(bytes, len, view);
	size_t blocks = ok ? (len - STATS_HEADER_SPACE) / sizeof *s : 0;
	for (size_t i = 0; i < blocks && i < STATS_DEVICES_MAX; i++) {
		memcpy(s, bytes + STATS_HEADER_SPACE + i * sizeof *s, sizeof *s);
		if (GET(s->in_use) == 1 && parse_block(s, view))
			each(view, arg);
	}
	free(s);
	free(view);
	return ok;
}

/* -- files ------------------------------------------------------------------------- */

static bool is_stats_name(const char *name)
{
	size_t n = strlen(name), suffix = strlen(STATS_SUFFIX);
	return n > suffix && name[0] != '.' && strcmp(name + n - suffix, STATS_SUFFIX) == 0;
}

/* The file of a live process, or -1. One that nobody locks is taken away. */
static int open_live(int dir, const char *name, uid_t owner)
{
	struct stat st;
	/* O_NONBLOCK: a pipe of that name must not keep us waiting for somebody who writes */
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != owner) {
		close(fd);
		return -1;
	}
	/* Shared, so that two readers do not take each other for the owner. */
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		return fd;
	(void)unlinkat(dir, name, 0);
	close(fd);
	return -1;
}

static size_t read_up_to(int fd, uint8_t *bytes, size_t max)
{
	size_t len = 0;
	while (len < max) {
		ssize_t n = pread(fd, bytes + len, max - len, (off_t)len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	return len;
}

struct reading {
	uint8_t *bytes;          /* STATS_FILE_MAX; NULL: only the dead are looked for */
	void (*each)(const struct stats_view *, void *arg);
	void *arg;
};

static void read_file(int dir, const char *name, uid_t owner, const struct reading *reading)
{
	int fd = open_live(dir, name, owner);
	if (fd < 0)
		return;
	if (reading->bytes) {
		size_t len = read_up_to(fd, reading->bytes, STATS_FILE_MAX);
		(void)!stats_parse(reading->bytes, len, reading->each, reading->arg); /* not one of ours: not shown */
	}
	close(fd);
}

static void read_dir(int dir, uid_t owner, void *arg)
{
	struct dirent *entry;
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = again < 0 ? NULL : fdopendir(again);
	if (!list) {
		if (again >= 0)
			close(again);
		return;
	}
	while ((entry = readdir(list)))
		if (is_stats_name(entry->d_name))
			read_file(dir, entry->d_name, owner, arg);
	closedir(list);
}

void stats_reclaim(int dir)
{
	struct reading none = {0};
	read_dir(dir, geteuid(), &none);
}

enum hufu_err stats_read_all(const struct conf *conf, void (*each)(const struct stats_view *, void *arg), void *arg)
{
	struct reading reading = {.bytes = malloc(STATS_FILE_MAX), .each = each, .arg = arg};
	if (!reading.bytes)
		return HUFU_ERR_NO_MEMORY;
	stats_dirs(conf ? conf->run_dir : NULL, read_dir, &reading);
	free(reading.bytes);
	return HUFU_OK;
}
