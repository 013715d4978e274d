/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 2048

enum sink { SINK_NONE, SINK_STDERR, SINK_SYSLOG, SINK_FILE };

/* Where lines go. Counted, so that a write to a slow disk holds no lock and log_configure need not wait for it. */
struct target {
	unsigned refs;
	enum sink sink;
	int fd;
	dev_t dev;
	ino_t ino;
	char path[]; /* SINK_FILE */
};

static struct target syslog_target = {.refs = 1, .sink = SINK_SYSLOG, .fd = -1};

static struct {
	pthread_mutex_t lock;        /* the target and its count; never held while writing */
	pthread_mutex_t syslog_lock; /* no fork while the C library's own syslog lock is ours */
	struct target *target;
	atomic_bool read_env;        /* HUFU_LOG was looked at */
	atomic_bool to_forced, level_forced; /* by HUFU_LOG */
	atomic_bool nowhere;         /* the target is SINK_NONE */
	atomic_int level;
} logger = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.syslog_lock = PTHREAD_MUTEX_INITIALIZER,
	.target = &syslog_target,
	.level = HUFU_LOG_NOTICE,
};

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[HUFU_LOG_ERROR] = {"error", LOG_ERR},
	[HUFU_LOG_WARNING] = {"warning", LOG_WARNING},
	[HUFU_LOG_NOTICE] = {"notice", LOG_NOTICE},
	[HUFU_LOG_INFO] = {"info", LOG_INFO},
	[HUFU_LOG_DEBUG] = {"debug", LOG_DEBUG},
};
#define NLEVELS (sizeof(levels) / sizeof(levels[0]))

bool log_level_parse(const char *name, enum hufu_level *level)
{
	for (size_t i = 0; i < NLEVELS; i++) {
		if (strcmp(name, levels[i].name) == 0) {
			*level = (enum hufu_level)i;
			return true;
		}
	}
	return false;
}

/* -- targets -------------------------------------------------------------- */

static struct target *target_hold(void)
{
	pthread_mutex_lock(&logger.lock);
	struct target *target = logger.target;
	target->refs++;
	pthread_mutex_unlock(&logger.lock);
	return target;
}

/* Does fd still stand for the file we opened? A program that became a daemon may have closed it and opened another. */
static bool target_fd_is_ours(const struct target *target)
{
	struct stat st;
	return target->fd >= 0 && fstat(target->fd, &st) == 0 && st.st_dev == target->dev && st.st_ino == target->ino;
}

static void target_rele_locked(struct target *target)
{
	if (--target->refs || target == &syslog_target)
		return;
	if (target_fd_is_ours(target))
		close(target->fd);
	free(target);
}

static void target_rele(struct target *target)
{
	pthread_mutex_lock(&logger.lock);
	target_rele_locked(target);
	pthread_mutex_unlock(&logger.lock);
}

/* Never a FIFO or a terminal: those could block the caller for good. */
static int log_file_open(const char *path, struct stat *st)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return -1;
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static struct target *target_new(enum sink sink, const char *path)
{
	size_t len = strlen(path) + 1;
	struct target *target = malloc(sizeof(*target) + len);
	if (!target)
		return NULL;
	*target = (struct target){.refs = 1, .sink = sink, .fd = -1};
	memcpy(target->path, path, len);
	return target;
}

static struct target *target_open_file(const char *path, char *err, size_t err_len)
{
	struct stat st;
	int fd = log_file_open(path, &st);
	if (fd < 0) {
		const char *why = errno == ELOOP ? "it is a symbolic link" :
		                  errno == EINVAL ? "it is not a regular file" : strerrordesc_np(errno);
		snprintf(err, err_len, "the log file %s cannot be opened: %s. Name a regular file that this user may write",
		         path, why);
		return NULL;
	}
	struct target *target = target_new(SINK_FILE, path);
	if (!target) {
		close(fd);
		snprintf(err, err_len, "memory is out");
		return NULL;
	}
	target->fd = fd;
	target->dev = st.st_dev;
	target->ino = st.st_ino;
	return target;
}

static struct target *target_parse(const char *to, char *err, size_t err_len)
{
	if (strcmp(to, "syslog") == 0)
		return &syslog_target;
	if (strncmp(to, "file:/", 6) == 0)
		return target_open_file(to + 5, err, err_len);
	bool to_stderr = strcmp(to, "stderr") == 0;
	if (!to_stderr && strcmp(to, "none") != 0) {
		snprintf(err, err_len, "\"%s\" is no place for the log. Use syslog, stderr, none or file:/absolute/path", to);
		return NULL;
	}
	struct target *target = target_new(to_stderr ? SINK_STDERR : SINK_NONE, "");
	if (!target)
		snprintf(err, err_len, "memory is out");
	return target;
}

static void target_install(struct target *target)
{
	pthread_mutex_lock(&logger.lock);
	struct target *old = logger.target;
	if (target == &syslog_target)
		target->refs++;
	logger.target = target;
	atomic_store(&logger.nowhere, target->sink == SINK_NONE);
	target_rele_locked(old);
	pthread_mutex_unlock(&logger.lock);
}

static void level_install(enum hufu_level level)
{
	atomic_store(&logger.level, (int)level);
}

/* -- configuration ---------------------------------------------------------- */

/* "file:/path,debug": the target, then optionally a level. */
static enum hufu_err apply_override(const char *spec, char *err, size_t err_len)
{
	char to[4096];
	size_t len = strcspn(spec, ",");
	enum hufu_level level = HUFU_LOG_NOTICE;
	bool has_level = spec[len] == ',';
	if (len >= sizeof(to) || (has_level && !log_level_parse(spec + len + 1, &level))) {
		snprintf(err, err_len, "HUFU_LOG=%s is not understood. Use stderr,debug or file:/path,info or the like", spec);
		return HUFU_ERR_CONFIG;
	}
	memcpy(to, spec, len);
	to[len] = '\0';
	struct target *target = target_parse(to, err, err_len);
	if (!target)
		return HUFU_ERR_CONFIG;
	target_install(target);
	atomic_store(&logger.to_forced, true);
	atomic_store(&logger.level_forced, has_level);
	if (has_level)
		level_install(level);
	return HUFU_OK;
}

static void __attribute__((format(printf, 3, 0))) log_vmsg(enum hufu_level level, const char *device, const char *fmt, va_list ap);

/* For log_init, which log_msg would call again. */
static void __attribute__((format(printf, 2, 3))) log_early(enum hufu_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, NULL, fmt, ap);
	va_end(ap);
}

/* HUFU_LOG, at the first use. A thread that comes meanwhile logs to syslog rather than wait: no lock, nothing to undo at fork. */
static void log_init(void)
{
	if (atomic_load_explicit(&logger.read_env, memory_order_relaxed) || atomic_exchange(&logger.read_env, true))
		return;
	const char *spec = secure_getenv("HUFU_LOG");
	char err[512];
	if (spec && *spec && apply_override(spec, err, sizeof(err)) != HUFU_OK)
		log_early(HUFU_LOG_WARNING, "%s", err);
}

enum hufu_err log_configure(const char *to, enum hufu_level level, char *err, size_t err_len)
{
	log_init();
	if (!atomic_load(&logger.to_forced)) {
		struct target *target = target_parse(to, err, err_len);
		if (!target)
			return HUFU_ERR_CONFIG;
		target_install(target);
	}
	if (!atomic_load(&logger.level_forced))
		level_install(level);
	return HUFU_OK;
}

/* As before the first use: HUFU_LOG is read again. */
void log_close(void)
{
	target_install(&syslog_target);
	level_install(HUFU_LOG_NOTICE);
	atomic_store(&logger.to_forced, false);
	atomic_store(&logger.level_forced, false);
	atomic_store(&logger.read_env, false);
}

bool log_wants(enum hufu_level level)
{
	log_init();
	return (unsigned)level < NLEVELS && (int)level <= atomic_load_explicit(&logger.level, memory_order_relaxed) &&
	       !atomic_load_explicit(&logger.nowhere, memory_order_relaxed);
}

/* -- the line ------------------------------------------------------------------ */

/* The length of a valid UTF-8 sequence that may be shown as it is, 0 for none (RFC 3629 4). */
static size_t utf8_shown(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t point = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (s[i] & 0x3f);
	}
	bool overlong = (len == 3 && point < 0x800) || (len == 4 && point < 0x10000);
	bool surrogate = point >= 0xd800 && point < 0xe000;
	bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
	/* Line separators and the marks that turn text around would let a label forge what a reader sees. */
	bool deceptive = (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
	return overlong || surrogate || control || deceptive || point > 0x10ffff ? 0 : len;
}

/* Copies text with control characters as \xNN; cuts what does not fit. */
static size_t escape(const char *text, char *out, size_t cap)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t len = utf8_shown(s);
		if (n + (len ? len : 4) > cap)
			break;
		if (len) {
			memcpy(out + n, s, len);
			n += len;
			s += len;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = digits[*s >> 4];
		out[n++] = digits[*s & 15];
		s++;
	}
	return n;
}

/* A write to a closed pipe must not kill the application that we are a guest of. */
static void write_without_sigpipe(int fd, const char *line, size_t len)
{
	sigset_t pipe_set, old, pending;
	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	sigpending(&pending);
	bool was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_set, &old);
	if (write(fd, line, len) < 0 && errno == EPIPE && !was_pending)
		while (sigtimedwait(&pipe_set, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void write_stderr(enum hufu_level level, const char *text, size_t len)
{
	char line[LINE_MAX_LEN + 32];
	int n = snprintf(line, sizeof(line), "hufu: %s: %.*s\n", levels[level].name, (int)len, text);
	write_without_sigpipe(STDERR_FILENO, line, (size_t)n);
}

static void write_file(const struct target *target, enum hufu_level level, const char *text, size_t len)
{
	char line[LINE_MAX_LEN + 96], when[32];
	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	int n = snprintf(line, sizeof(line), "%s.%03ldZ hufu[%ld] %s: %.*s\n", when, ts.tv_nsec / 1000000, (long)getpid(),
	                 levels[level].name, (int)len, text);
	struct stat st;
	bool ours = target_fd_is_ours(target);
	int fd = ours ? target->fd : log_file_open(target->path, &st);
	if (fd < 0)
		return;
	ssize_t written = write(fd, line, (size_t)n); /* a full disk loses a line: there is nobody to tell */
	(void)written;
	if (!ours)
		close(fd);
}

static void write_syslog(enum hufu_level level, const char *text, size_t len)
{
	pthread_mutex_lock(&logger.syslog_lock);
	syslog(LOG_AUTHPRIV | levels[level].priority, "hufu: %.*s", (int)len, text);
	pthread_mutex_unlock(&logger.syslog_lock);
}

static void log_vmsg(enum hufu_level level, const char *device, const char *fmt, va_list ap)
{
	int saved_errno = errno;
	char raw[LINE_MAX_LEN], text[LINE_MAX_LEN];
	int prefix = device ? snprintf(raw, sizeof(raw), "device %.80s: ", device) : 0;
	if (vsnprintf(raw + prefix, sizeof(raw) - (size_t)prefix, fmt, ap) < 0)
		raw[prefix] = '\0';
	size_t len = escape(raw, text, sizeof(text));

	struct target *target = target_hold();
	switch (target->sink) {
	case SINK_NONE:
		break;
	case SINK_STDERR:
		write_stderr(level, text, len);
		break;
	case SINK_SYSLOG:
		write_syslog(level, text, len);
		break;
	case SINK_FILE:
		write_file(target, level, text, len);
		break;
	}
	target_rele(target);
	errno = saved_errno;
}

void log_msg(enum hufu_level level, const char *fmt, ...)
{
	if (!log_wants(level))
		return;
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, NULL, fmt, ap);
	va_end(ap);
}

void log_device(enum hufu_level level, const char *device, const char *fmt, ...)
{
	if (!log_wants(level))
		return;
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, device, fmt, ap);
	va_end(ap);
}

enum hufu_err log_bug_at(const char *file, int line)
{
	log_error("a fault in hufu itself at %s:%d. Please report it with this line", file, line);
	return HUFU_ERR_BUG;
}

/* -- fork -------------------------------------------------------------------------- */

void log_before_fork(void)
{
	pthread_mutex_lock(&logger.syslog_lock);
	pthread_mutex_lock(&logger.lock);
}

void log_after_fork(void)
{
	pthread_mutex_unlock(&logger.lock);
	pthread_mutex_unlock(&logger.syslog_lock);
}
