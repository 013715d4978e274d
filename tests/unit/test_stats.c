/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: what a process counts is read by others of its user, goes when the
 * process goes, is never in the way of its calls, and a reader is not fooled by files that others wrote.
 */
#include "stats/internal.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char run_dir[64];
static struct conf conf;

static void setup(void)
{
	snprintf(run_dir, sizeof run_dir, "/tmp/test_stats.XXXXXX");
	if (!mkdtemp(run_dir))
		abort();
	conf = (struct conf){.run_dir = run_dir};
	stats_configure(&conf);
}

static void teardown(void)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *list = opendir(run_dir);
	while (list && (entry = readdir(list))) {
		snprintf(path, sizeof path, "%s/%s", run_dir, entry->d_name);
		(void)remove(path);
	}
	if (list)
		closedir(list);
	rmdir(run_dir);
	stats_configure(NULL);
}

static struct stats_device *new_device(const char *name)
{
	struct conf_device device = conf_device_defaults();
	char copy[80], driver[] = "/opt/vendor/libcard.so", domain[] = "cards";
	snprintf(copy, sizeof copy, "%s", name);
	device.name = copy;
	device.driver = driver;
	device.domain = domain;
	struct stats_device *s = stats_device_new("trading", &device);
	if (!s)
		abort();
	return s;
}

struct seen {
	unsigned n;
	struct stats_view last;
};

static void on_view(const struct stats_view *view, void *arg)
{
	struct seen *seen = arg;
	seen->n++;
	seen->last = *view;
}

static struct seen seen;

static unsigned read_all(void)
{
	seen.n = 0;
	CU_ASSERT_EQUAL(stats_read_all(&conf, on_view, &seen), HUFU_OK);
	return seen.n;
}

/* The one file in run_dir; 0: none, or several. */
static unsigned files(char *path, size_t len)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *list = opendir(run_dir);
	while (list && (entry = readdir(list)))
		if (entry->d_name[0] != '.') {
			n++;
			snprintf(path, len, "%s/%s", run_dir, entry->d_name);
		}
	if (list)
		closedir(list);
	return n;
}

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *list = opendir("/proc/self/fd");
	while (list && readdir(list))
		n++;
	if (list)
		closedir(list);
	return n;
}

/* -- buckets ----------------------------------------------------------------------- */

static void test_buckets(void)
{
	CU_ASSERT_EQUAL(stats_bucket(0), 0);
	CU_ASSERT_EQUAL(stats_bucket(256), 0);
	CU_ASSERT_EQUAL(stats_bucket_end_ns(0), 320);
	CU_ASSERT_EQUAL(stats_bucket_end_ns(3), 512);
	CU_ASSERT_EQUAL(stats_bucket_end_ns(7), 1024);
	for (unsigned i = 0; i + 1 < STATS_BUCKETS; i++) {
		CU_ASSERT_EQUAL(stats_bucket(stats_bucket_end_ns(i) - 1), i);
		CU_ASSERT_EQUAL(stats_bucket(stats_bucket_end_ns(i)), i + 1);
	}
	CU_ASSERT_EQUAL(stats_bucket(UINT64_MAX), STATS_BUCKETS - 1);
}

static void test_percentiles(void)
{
	uint32_t histogram[STATS_BUCKETS] = {0};
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 500), 0);
	histogram[4] = 98;
	histogram[20] = 1;
	histogram[40] = 1;
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 0), stats_bucket_end_ns(4));
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 500), stats_bucket_end_ns(4));
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 980), stats_bucket_end_ns(4));
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 990), stats_bucket_end_ns(20));
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 1000), stats_bucket_end_ns(40));
	for (unsigned i = 0; i < STATS_BUCKETS; i++)
		histogram[i] = UINT32_MAX;
	CU_ASSERT_EQUAL(stats_percentile_ns(histogram, 500), stats_bucket_end_ns(63));
}

/* -- the writer ---------------------------------------------------------------------- */

static void test_published(void)
{
	setup();
	struct stats_device *s = new_device("card0");
	atomic_fetch_add(&s->slots[3].started, 5);
	atomic_fetch_add(&s->slots[4].ended, 3); /* ended by another thread than began it */
	atomic_fetch_add(&s->slots[4].errors, 1);
	stats_add(s, STATS_RETRIES, 7);
	atomic_fetch_add(&s->histogram[2][9], 3);
	for (unsigned i = 0; i < STATS_EVENTS + 2; i++) {
		char text[16];
		snprintf(text, sizeof text, "event %u", i);
		stats_event(s, 1, 2, HUFU_OK, text);
	}
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT_EQUAL(seen.last.pid, getpid());
	CU_ASSERT_STRING_EQUAL(seen.last.token, "trading");
	CU_ASSERT_STRING_EQUAL(seen.last.device, "card0");
	CU_ASSERT_STRING_EQUAL(seen.last.driver, "libcard.so");
	CU_ASSERT_STRING_EQUAL(seen.last.domain, "cards");
	CU_ASSERT_EQUAL(seen.last.ops, 3);
	CU_ASSERT_EQUAL(seen.last.in_flight, 2);
	CU_ASSERT_EQUAL(seen.last.errors, 1);
	CU_ASSERT_EQUAL(seen.last.counts[STATS_RETRIES], 7);
	CU_ASSERT_EQUAL(seen.last.histogram[2][9], 3);
	CU_ASSERT_EQUAL(seen.last.nevents, STATS_EVENTS);
	CU_ASSERT_STRING_EQUAL(seen.last.events[0].text, "event 2");
	CU_ASSERT_STRING_EQUAL(seen.last.events[STATS_EVENTS - 1].text, "event 33");
	stats_device_free(s);
	teardown();
}

static void test_file(void)
{
	struct stat st;
	char path[PATH_MAX];
	setup();
	unsigned before = descriptors();
	CU_ASSERT_EQUAL(files(path, sizeof path), 0);
	struct stats_device *a = new_device("a"), *b = new_device("b");
	CU_ASSERT_EQUAL(files(path, sizeof path), 1);
	CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	CU_ASSERT_EQUAL((size_t)st.st_size, STATS_HEADER_SPACE + 2 * sizeof *a);
	CU_ASSERT((size_t)st.st_blocks * 512 >= (size_t)st.st_size);
	stats_device_free(a);
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT_STRING_EQUAL(seen.last.device, "b");
	struct stats_device *c = new_device("c");
	CU_ASSERT_PTR_EQUAL(a, c);
	stats_device_free(c);
	stats_device_free(b);
	CU_ASSERT_EQUAL(files(path, sizeof path), 0);
	CU_ASSERT_EQUAL(descriptors(), before);
	teardown();
}

static void test_more_than_fit(void)
{
	struct stats_device *all[STATS_DEVICES_MAX + 2];
	setup();
	for (unsigned i = 0; i < STATS_DEVICES_MAX + 2; i++)
		all[i] = new_device("many");
	CU_ASSERT_EQUAL(read_all(), STATS_DEVICES_MAX);
	for (unsigned i = 0; i < STATS_DEVICES_MAX + 2; i++)
		stats_device_free(all[i]);
	CU_ASSERT_EQUAL(read_all(), 0);
	teardown();
}

static void expect_private(const char *why)
{
	char path[PATH_MAX];
	struct stats_device *s = new_device("lonely");
	stats_add(s, STATS_BUSY, 1);
	stats_event(s, 0, 1, HUFU_OK, why);
	CU_ASSERT_EQUAL(files(path, sizeof path), 0);
	stats_device_free(s);
}

static void test_directories(void)
{
	setup();
	chmod(run_dir, 0750);
	expect_private("a directory that others may enter");
	rmdir(run_dir);
	CU_ASSERT(symlink("/tmp", run_dir) == 0);
	struct stats_device *s = new_device("lonely");
	CU_ASSERT_EQUAL(read_all(), 0);
	stats_device_free(s);
	unlink(run_dir);
	s = new_device("makes its directory");
	struct stat st;
	CU_ASSERT(stat(run_dir, &st) == 0 && (st.st_mode & 07777) == 0700);
	stats_device_free(s);
	stats_configure(NULL);
	expect_private("nothing configured");
	teardown();
}

static void test_no_room(void)
{
	struct rlimit limit, small;
	setup();
	getrlimit(RLIMIT_FSIZE, &limit);
	small = limit;
	small.rlim_cur = 1000;
	setrlimit(RLIMIT_FSIZE, &small); /* SIGXFSZ would end us */
	expect_private("no room");
	setrlimit(RLIMIT_FSIZE, &limit);
	teardown();
}

/* The application closed all descriptors and opened one of its own under our number. */
static void test_descriptor_taken(void)
{
	setup();
	int next = open("/dev/null", O_RDONLY);
	close(next);
	struct stats_device *a = new_device("a");
	int theirs[2];
	CU_ASSERT(pipe(theirs) == 0);
	CU_ASSERT(dup2(theirs[0], next) == next);
	struct stats_device *b = new_device("b");
	stats_device_free(a);
	stats_device_free(b);
	CU_ASSERT(fcntl(next, F_GETFD) >= 0);
	close(next);
	close(theirs[0]);
	close(theirs[1]);
	teardown();
}

static void *count(void *arg)
{
	struct stats_device *s = arg;
	for (unsigned i = 0; i < 10000; i++) {
		atomic_fetch_add_explicit(&s->slots[i % STATS_SLOTS].started, 1, memory_order_relaxed);
		stats_add(s, STATS_RETRIES, 1);
		if (i % 1000 == 0)
			stats_event(s, 1, 1, HUFU_OK, "counting");
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	setup();
	struct stats_device *s = new_device("card0");
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, count, s);
	for (unsigned i = 0; i < 20; i++) {
		struct stats_device *other = new_device("comes and goes");
		stats_device_free(other);
		CU_ASSERT_EQUAL(read_all(), 1);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT_EQUAL(seen.last.counts[STATS_RETRIES], 40000);
	CU_ASSERT_EQUAL(seen.last.in_flight, 40000);
	stats_device_free(s);
	teardown();
}

/* -- the dead and the forked ------------------------------------------------------------ */

static int wait_status(pid_t pid)
{
	int status = -1;
	waitpid(pid, &status, 0);
	return status;
}

static void test_dead(void)
{
	char path[PATH_MAX];
	UNIT_FORKS();
	setup();
	pid_t pid = fork();
	if (pid == 0) {
		new_device("card0");
		kill(getpid(), SIGKILL);
	}
	wait_status(pid);
	CU_ASSERT_EQUAL(files(path, sizeof path), 1);
	CU_ASSERT_EQUAL(read_all(), 0);
	CU_ASSERT_EQUAL(files(path, sizeof path), 0);
	pid = fork();
	if (pid == 0) {
		new_device("card0");
		kill(getpid(), SIGKILL);
	}
	wait_status(pid);
	struct stats_device *s = new_device("card1"); /* a writer cleans up, too */
	CU_ASSERT_EQUAL(files(path, sizeof path), 1);
	CU_ASSERT_EQUAL(read_all(), 1);
	stats_device_free(s);
	teardown();
}

static int child(struct stats_device *s)
{
	stats_add(s, STATS_RETRIES, 100);
	if (read_all() != 1 || seen.last.pid != getppid() || seen.last.counts[STATS_RETRIES] != 7)
		return 1; /* the parent's file, and nothing of ours in it */
	stats_publish();
	stats_publish();
	if (read_all() != 2)
		return 2;
	stats_add(s, STATS_RETRIES, 1);
	struct stats_device *more = new_device("card1");
	if (read_all() != 3)
		return 3;
	stats_device_free(more);
	stats_device_free(s);
	return read_all() == 1 ? 0 : 4;
}

static void test_fork(void)
{
	UNIT_FORKS();
	setup();
	struct stats_device *s = new_device("card0");
	stats_add(s, STATS_RETRIES, 7);
	stats_before_fork();
	pid_t pid = fork();
	if (pid == 0) {
		stats_after_fork_child();
		_exit(child(s));
	}
	stats_after_fork_parent();
	CU_ASSERT_EQUAL(wait_status(pid), 0);
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT_EQUAL(seen.last.counts[STATS_RETRIES], 7);
	stats_device_free(s);
	teardown();
}

/* -- hostile files ------------------------------------------------------------------------ */

/* A file with one sound block, to spoil. */
struct sample {
	uint8_t *bytes;
	size_t len;
	struct stats_header *header;
	struct stats_device *s;
};

static struct sample sample_new(void)
{
	struct sample f = {.len = STATS_HEADER_SPACE + sizeof *f.s};
	f.bytes = aligned_alloc(64, f.len);
	memset(f.bytes, 0, f.len);
	f.header = (struct stats_header *)(void *)f.bytes;
	f.s = (struct stats_device *)(void *)(f.bytes + STATS_HEADER_SPACE);
	*f.header = (struct stats_header){.magic = STATS_MAGIC, .version = STATS_VERSION, .block_len = sizeof *f.s, .pid = 1};
	snprintf(f.s->token, sizeof f.s->token, "t");
	snprintf(f.s->device, sizeof f.s->device, "d");
	snprintf(f.s->domain, sizeof f.s->domain, "d");
	f.s->in_use = 1;
	return f;
}

static unsigned parse(const struct sample *f, size_t len)
{
	seen.n = 0;
	bool ok = stats_parse(f->bytes, len, on_view, &seen);
	return ok ? seen.n : UINT_MAX;
}

static void test_parse(void)
{
	struct sample f = sample_new();
	CU_ASSERT_EQUAL(parse(&f, f.len), 1);
	CU_ASSERT_EQUAL(parse(&f, f.len - 1), 0);
	CU_ASSERT_EQUAL(parse(&f, STATS_HEADER_SPACE - 1), UINT_MAX);
	CU_ASSERT_EQUAL(parse(&f, 0), UINT_MAX);
	memset(f.header->program, 'x', sizeof f.header->program);
	f.header->program[3] = '\033';
	memset(f.s->driver, 0x9b, sizeof f.s->driver);
	f.s->nevents = UINT32_MAX;
	f.s->events[5].from = 99;
	memset(f.s->events[6].text, '\n', sizeof f.s->events[6].text);
	CU_ASSERT_EQUAL(parse(&f, f.len), 1);
	CU_ASSERT(strncmp(seen.last.program, "xxx?x", 5) == 0);
	CU_ASSERT_EQUAL(strlen(seen.last.driver), STATS_NAME - 1);
	CU_ASSERT_EQUAL(seen.last.nevents, STATS_EVENTS - 1);
	f.s->slots[0].ended = 5; /* more than began */
	CU_ASSERT_EQUAL(parse(&f, f.len), 1);
	CU_ASSERT_EQUAL(seen.last.in_flight, 0);
	free(f.bytes);
}

static void test_parse_refused(void)
{
	struct sample f = sample_new();
	f.s->state = STATS_STATES;
	CU_ASSERT_EQUAL(parse(&f, f.len), 0);
	f.s->state = 0;
	f.s->admin = STATS_ADMINS;
	CU_ASSERT_EQUAL(parse(&f, f.len), 0);
	f.s->admin = 0;
	f.s->isolation = 9;
	CU_ASSERT_EQUAL(parse(&f, f.len), 0);
	f.s->isolation = 0;
	memset(f.s->device, 'x', sizeof f.s->device);
	CU_ASSERT_EQUAL(parse(&f, f.len), 0);
	snprintf(f.s->device, sizeof f.s->device, "a\033[2J");
	CU_ASSERT_EQUAL(parse(&f, f.len), 0);
	snprintf(f.s->device, sizeof f.s->device, "d");
	CU_ASSERT_EQUAL(parse(&f, f.len), 1);
	f.header->pid = -1;
	CU_ASSERT_EQUAL(parse(&f, f.len), UINT_MAX);
	f.header->pid = 1;
	f.header->version++;
	CU_ASSERT_EQUAL(parse(&f, f.len), UINT_MAX);
	f.header->version--;
	f.header->block_len--;
	CU_ASSERT_EQUAL(parse(&f, f.len), UINT_MAX);
	free(f.bytes);
}

static void put(const char *name, const void *bytes, size_t len)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", run_dir, name);
	FILE *f = fopen(path, "w");
	if (!f || fwrite(bytes, 1, len, f) != len)
		abort();
	fclose(f);
}

/* Nobody locks them, so a reader takes away what is a file, and leaves what is none. */
static void test_hostile_files(void)
{
	char path[PATH_MAX];
	setup();
	put("1-1.stats", "garbage", 7);
	put("1-2.stats", "", 0);
	put("notes.txt", "mine", 4);
	snprintf(path, sizeof path, "%s/1-3.stats", run_dir);
	CU_ASSERT(symlink("/etc/passwd", path) == 0);
	snprintf(path, sizeof path, "%s/1-4.stats", run_dir);
	CU_ASSERT(mkfifo(path, 0600) == 0);
	snprintf(path, sizeof path, "%s/1-5.stats", run_dir);
	CU_ASSERT(mkdir(path, 0700) == 0);
	struct stats_device *s = new_device("card0");
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT_EQUAL(files(path, sizeof path), 5); /* ours, notes, link, pipe, directory */
	stats_device_free(s);
	CU_ASSERT(access("/etc/passwd", F_OK) == 0);
	teardown();
}

/* Cut and grown while its owner lives: the reader takes what there is, within its bound. */
static void test_file_changes(void)
{
	char path[PATH_MAX];
	setup();
	struct stats_device *s = new_device("card0");
	CU_ASSERT_EQUAL(files(path, sizeof path), 1);
	CU_ASSERT(truncate(path, 64 << 20) == 0);
	CU_ASSERT_EQUAL(read_all(), 1);
	CU_ASSERT(truncate(path, 100) == 0);
	CU_ASSERT_EQUAL(read_all(), 0);
	CU_ASSERT(truncate(path, (off_t)(STATS_HEADER_SPACE + sizeof *s)) == 0);
	stats_device_free(s);
	teardown();
}

static void test_wrong_owner(void)
{
	char path[PATH_MAX];
	if (geteuid() != 0)
		UNIT_SKIP("only root gives files away");
	setup();
	struct stats_device *s = new_device("card0");
	CU_ASSERT_EQUAL(files(path, sizeof path), 1);
	CU_ASSERT(chown(path, 12345, 12345) == 0);
	CU_ASSERT_EQUAL(read_all(), 0);
	stats_device_free(s);
	teardown();
}

static const struct unit_case cases[] = {
	{"a bucket ends where the next begins, and the last takes all beyond", test_buckets},
	{"a percentile is the end of the bucket that it falls into", test_percentiles},
	{"what a process counts is read, the last events oldest first", test_published},
	{"the file is 0600, allocated, and gone with the last device", test_file},
	{"devices beyond those that fit are counted privately", test_more_than_fit},
	{"a directory is made 0700; one that is a link or open to others publishes nothing", test_directories},
	{"no room for a file ends in private counters, not in a signal", test_no_room},
	{"a descriptor that the application took over is not closed", test_descriptor_taken},
	{"threads count, devices come and go, and nothing is lost", test_threads},
	{"the file of a killed process is taken away by readers and writers", test_dead},
	{"a forked child counts privately, then in a file of its own", test_fork},
	{"a file's texts end and hold no control characters, its sums are sound", test_parse},
	{"blocks with impossible values are left out, files of another form refused", test_parse_refused},
	{"garbage, links, pipes and directories neither hold nor mislead a reader", test_hostile_files},
	{"a file that grows or is cut is read within bounds", test_file_changes},
	{"a file that belongs to somebody else is not shown", test_wrong_owner},
	{0},
};
UNIT_MAIN("stats", cases)
