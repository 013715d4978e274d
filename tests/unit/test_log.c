/* SPDX-License-Identifier: Apache-2.0 */
/* The log: where lines go, what they look like, and what they must not do to the application. */
#include "base/log.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

static char dir[] = "/tmp/hufu-test-XXXXXX";
static char path[64], to[80], err[512], text[1 << 20];

/* What the log file holds now. */
static const char *logged(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static void start_file(enum hufu_level level)
{
	log_close();
	unlink(path);
	CU_ASSERT_EQUAL_FATAL(log_configure(to, level, err, sizeof(err)), HUFU_OK);
}

static size_t count(const char *in, char c)
{
	size_t n = 0;
	for (; *in; in++)
		n += *in == c;
	return n;
}

static void test_file(void)
{
	struct stat st;
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(to, sizeof(to), "file:%s", path);
	start_file(HUFU_LOG_INFO);
	log_error("first %d", 1);
	log_info("second");
	log_debug("third");
	log_device(HUFU_LOG_WARNING, "card1", "hot: %s", "60 C");
	CU_ASSERT_EQUAL(count(logged(), '\n'), 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "] error: first 1\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "] info: second\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "] warning: device card1: hot: 60 C\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "third"));
	CU_ASSERT_EQUAL(stat(path, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	CU_ASSERT_TRUE(log_wants(HUFU_LOG_INFO));
	CU_ASSERT_FALSE(log_wants(HUFU_LOG_DEBUG));
	CU_ASSERT_FALSE(log_wants((enum hufu_level)77));
}

static void test_escape(void)
{
	start_file(HUFU_LOG_NOTICE);
	log_notice("label %s", "a\nhufu[1] error: forged\r\x1b[2J\x7f\t");
	log_notice("label %s", "\xe8\x99\x8e\xe7\xac\xa6 \xc3\xa9 \xf0\x9f\x90\x85"); /* valid UTF-8 stays */
	log_notice("label %s", "\xc2\x9b|\xe2\x80\xae|\xe2\x80\xa8|\xff|\xc0\xaf|\xed\xa0\x80|\xe8\x99"); /* C1, marks, invalid */
	CU_ASSERT_EQUAL(count(logged(), '\n'), 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "notice: label a\\x0ahufu[1] error: forged\\x0d\\x1b[2J\\x7f\\x09\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "notice: label \xe8\x99\x8e\xe7\xac\xa6 \xc3\xa9 \xf0\x9f\x90\x85\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "notice: label \\xc2\\x9b|\\xe2\\x80\\xae|\\xe2\\x80\\xa8|\\xff|\\xc0\\xaf|"
	                                    "\\xed\\xa0\\x80|\\xe8\\x99\n"));
}

static void test_long(void)
{
	static char big[10000];
	start_file(HUFU_LOG_NOTICE);
	memset(big, 1, sizeof(big) - 1);
	log_notice("%s", big);
	log_notice("next");
	CU_ASSERT_EQUAL(count(logged(), '\n'), 2);
	CU_ASSERT_TRUE(strlen(text) < 5000);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "notice: next\n"));
}

static void test_refused(void)
{
	char place[96];
	CU_ASSERT_EQUAL(log_configure("printer", HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	CU_ASSERT_STRING_EQUAL(err, "\"printer\" is no place for the log. Use syslog, stderr, none or file:/absolute/path");
	CU_ASSERT_EQUAL(log_configure("file:log", HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	snprintf(place, sizeof(place), "file:%s", dir);
	CU_ASSERT_EQUAL(log_configure(place, HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	snprintf(place, sizeof(place), "file:%s/none/log", dir);
	CU_ASSERT_EQUAL(log_configure(place, HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "No such file or directory. Name a regular file"));
	snprintf(place, sizeof(place), "%s/link", dir);
	CU_ASSERT_EQUAL(symlink(path, place), 0);
	snprintf(place, sizeof(place), "file:%s/link", dir);
	CU_ASSERT_EQUAL(log_configure(place, HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "it is a symbolic link"));
	unlink(place + 5);
	CU_ASSERT_EQUAL(mkfifo(place + 5, 0600), 0);
	CU_ASSERT_EQUAL(log_configure(place, HUFU_LOG_INFO, err, sizeof(err)), HUFU_ERR_CONFIG);
	unlink(place + 5);
	log_notice("still here");
	CU_ASSERT_PTR_NOT_NULL(strstr(logged(), "still here"));
}

/* The application became a daemon: it closed all descriptors and opened its own. */
static void test_closed_fd(void)
{
	struct stat st, ours;
	char own[80], content[8];
	start_file(HUFU_LOG_NOTICE);
	CU_ASSERT_EQUAL(stat(path, &ours), 0);
	int stolen = -1;
	for (int fd = 3; fd < 64 && stolen < 0; fd++)
		if (fstat(fd, &st) == 0 && st.st_ino == ours.st_ino && st.st_dev == ours.st_dev)
			stolen = fd;
	CU_ASSERT_TRUE_FATAL(stolen >= 0);
	snprintf(own, sizeof(own), "%s/own", dir);
	int fd = open(own, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CU_ASSERT_EQUAL(dup2(fd, stolen), stolen);
	log_notice("found the way");
	log_close();
	CU_ASSERT_PTR_NOT_NULL(strstr(logged(), "found the way"));
	CU_ASSERT_EQUAL(pread(stolen, content, sizeof(content), 0), 0);
	CU_ASSERT_EQUAL(close(stolen), 0); /* log_close left it open: it is not ours */
	close(fd);
	unlink(own);
}

static void with_env(const char *value)
{
	log_close();
	setenv("HUFU_LOG", value, 1);
}

static void test_env(void)
{
	char spec[128];
	unlink(path);
	snprintf(spec, sizeof(spec), "%s,debug", to);
	with_env(spec);
	log_debug("before the configuration");
	CU_ASSERT_EQUAL(log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)), HUFU_OK);
	log_debug("after it");
	CU_ASSERT_PTR_NOT_NULL(strstr(logged(), "debug: before the configuration\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "debug: after it\n"));

	with_env("none");
	CU_ASSERT_FALSE(log_wants(HUFU_LOG_ERROR));
	CU_ASSERT_EQUAL(log_configure(to, HUFU_LOG_DEBUG, err, sizeof(err)), HUFU_OK);
	CU_ASSERT_FALSE(log_wants(HUFU_LOG_ERROR));

	unlink(path);
	with_env(to); /* without a level, the configuration's holds */
	CU_ASSERT_EQUAL(log_configure("none", HUFU_LOG_ERROR, err, sizeof(err)), HUFU_OK);
	log_warning("unwanted");
	log_error("wanted");
	CU_ASSERT_PTR_NOT_NULL(strstr(logged(), "error: wanted\n"));
	CU_ASSERT_PTR_NULL(strstr(text, "unwanted"));
	unsetenv("HUFU_LOG");
	log_close();
}

/* In a child with stderr on a pipe that nobody reads. */
static void test_sigpipe(void)
{
	int fd[2], status = -1;
	fflush(stdout);
	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	log_before_fork();
	pid_t pid = fork();
	log_after_fork();
	if (pid == 0) {
		sigset_t pending;
		signal(SIGPIPE, SIG_DFL);
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		errno = 42;
		if (log_configure("stderr", HUFU_LOG_INFO, err, sizeof(err)) != HUFU_OK)
			_exit(2);
		log_error("nobody reads this");
		sigpending(&pending);
		_exit(errno == 42 && !sigismember(&pending, SIGPIPE) ? 0 : 1);
	}
	close(fd[0]);
	close(fd[1]);
	waitpid(pid, &status, 0);
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *write_many(void *arg)
{
	for (int i = 0; i < 500; i++)
		log_notice("thread %d line %d end", (int)(uintptr_t)arg, i);
	return NULL;
}

static void test_threads(void)
{
	pthread_t thread[4];
	start_file(HUFU_LOG_NOTICE);
	for (uintptr_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&thread[i], NULL, write_many, (void *)i), 0);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(log_configure(to, HUFU_LOG_NOTICE, err, sizeof(err)), HUFU_OK);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	CU_ASSERT_EQUAL(count(logged(), '\n'), 2000);
	size_t ends = 0;
	for (const char *p = text; (p = strstr(p, " end\n")); p++)
		ends++;
	CU_ASSERT_EQUAL(ends, 2000);
}

/* In place of the C library's. */
static char syslog_line[512];
static int syslog_priority;

void syslog(int priority, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	syslog_priority = priority;
	vsnprintf(syslog_line, sizeof(syslog_line), fmt, ap);
	va_end(ap);
}

static void test_syslog(void)
{
	log_close();
	log_error("100%% of %s", "it\n");
	if (!syslog_line[0])
		UNIT_SKIP("syslog is another function in this build");
	CU_ASSERT_STRING_EQUAL(syslog_line, "hufu: 100% of it\\x0a");
	CU_ASSERT_EQUAL(syslog_priority, LOG_AUTHPRIV | LOG_ERR);
	CU_ASSERT_EQUAL(log_configure("syslog", HUFU_LOG_DEBUG, err, sizeof(err)), HUFU_OK);
	log_device(HUFU_LOG_DEBUG, "card\r1", "x");
	CU_ASSERT_STRING_EQUAL(syslog_line, "hufu: device card\\x0d1: x");
	CU_ASSERT_EQUAL(syslog_priority, LOG_AUTHPRIV | LOG_DEBUG);
}

static void test_bug(void)
{
	start_file(HUFU_LOG_ERROR);
	CU_ASSERT_EQUAL(log_bug_at("some/file.c", 7), HUFU_ERR_BUG);
	CU_ASSERT_PTR_NOT_NULL(strstr(logged(),
	                              "error: a fault in hufu itself at some/file.c:7. Please report it with this line\n"));
	log_close();
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static const struct unit_case cases[] = {
	{"a file gets one line a message, up to the level, readable by its owner only", test_file},
	{"control characters and deceptive marks are escaped, other UTF-8 is not", test_escape},
	{"a long message is cut and stays one line", test_long},
	{"what cannot be a log is refused with advice, and the old log stays", test_refused},
	{"a descriptor that the application closed and opened again is left alone", test_closed_fd},
	{"HUFU_LOG overrides the configuration", test_env},
	{"a closed stderr costs the application no SIGPIPE and no errno", test_sigpipe},
	{"four threads write whole lines while the log is configured anew", test_threads},
	{"syslog gets lines of its facility, before any configuration too", test_syslog},
	{"a bug is logged with file and line", test_bug},
	{0},
};
UNIT_MAIN("log", cases)
