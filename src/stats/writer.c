/* SPDX-License-Identifier: Apache-2.0 */
/*
 * This process's own file. Space for a block is allocated before it is touched
 * (a full disk shows here, not as SIGBUS later); the mapping has room for all
 * from the start, so that blocks stay where they are.
 */
#include "stats/internal.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_TRIES 4

static struct {
	pthread_mutex_t lock;
	bool publish;            /* stats_configure was given a configuration */
	bool told;               /* that nothing is published */
	char *run_dir;
	uint8_t *map;            /* NULL: no file */
	bool shared;             /* the mapping is that of the file; a forked child's is private at first */
	int fd;                  /* holds the lock */
	dev_t dev;
	ino_t ino;
	char path[PATH_MAX];
	size_t allocated;        /* blocks the file has room for */
	uint64_t used;           /* a bit a block */
	_Atomic bool unpublished; /* a forked child's blocks: not yet in a file of its own */
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

_Static_assert(STATS_DEVICES_MAX == 64, "a bit of writer.used a block");
_Static_assert(sizeof(struct stats_header) <= STATS_HEADER_SPACE, "the header has room");
_Static_assert(STATS_HEADER_SPACE % _Alignof(struct stats_device) == 0, "blocks are aligned");

static uint64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void stats_configure(const struct conf *conf)
{
	pthread_mutex_lock(&writer.lock);
	free(writer.run_dir);
	writer.run_dir = conf && conf->run_dir ? strdup(conf->run_dir) : NULL;
	writer.publish = conf && !conf->run_dir == !writer.run_dir;
	writer.told = false;
	pthread_mutex_unlock(&writer.lock);
}

/* -- the file --------------------------------------------------------------------- */

static struct stats_device *block(size_t i)
{
	return (struct stats_device *)(void *)(writer.map + STATS_HEADER_SPACE + i * sizeof(struct stats_device));
}

/* Programs that become daemons close every descriptor they find, and open others of the same number. */
static bool fd_is_ours(void)
{
	struct stat st;
	return writer.fd >= 0 && fstat(writer.fd, &st) == 0 && st.st_dev == writer.dev && st.st_ino == writer.ino;
}

/*
 * A file of this name, locked. Until the lock is ours another process may think
 * that its owner died, and take the file away or hold its lock to do so.
 */
static int create_locked(int dir, const char *name)
{
	struct stat st;
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1) {
		writer.dev = st.st_dev;
		writer.ino = st.st_ino;
		return fd;
	}
	(void)unlinkat(dir, name, 0);
	close(fd);
	return -1;
}

static int create_file(void)
{
	char path[PATH_MAX - 64];
	int dir = stats_dir_make(writer.run_dir, path, sizeof path), fd = -1;
	if (dir < 0)
		return -1;
	stats_reclaim(dir);
	for (int i = 0; fd < 0 && i < NAME_TRIES; i++) {
		uint64_t nonce = 0;
		if (getrandom(&nonce, sizeof nonce, GRND_NONBLOCK) != sizeof nonce)
			nonce = wall_ms() + (uint64_t)i;
		char name[64];
		snprintf(name, sizeof name, "%ld-%016llx" STATS_SUFFIX, (long)getpid(), (unsigned long long)nonce);
		snprintf(writer.path, sizeof writer.path, "%s/%s", path, name);
		fd = create_locked(dir, name);
	}
	close(dir);
	return fd;
}

/* The name that ps shows. */
static void read_program(char *program, size_t len)
{
	int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, program, len - 1);
	if (fd >= 0)
		close(fd);
	program[n > 0 ? n : 0] = 0;
	program[strcspn(program, "\n")] = 0;
}

static void write_header(uint8_t *map)
{
	struct stats_header header = {
		.magic = STATS_MAGIC, .version = STATS_VERSION, .block_len = sizeof(struct stats_device),
		.pid = getpid(), .started_wall_ms = wall_ms(),
	};
	read_program(header.program, sizeof header.program);
	memcpy(map, &header, sizeof header);
}

static void file_close(void)
{
	if (writer.map)
		munmap(writer.map, STATS_FILE_MAX);
	if (fd_is_ours())
		close(writer.fd);
	if (writer.shared)
		(void)unlink(writer.path);
	writer.map = NULL;
	writer.shared = false;
	writer.fd = -1;
	writer.allocated = 0;
}

/* Beyond RLIMIT_FSIZE the kernel would send the application SIGXFSZ. */
static int allocate_space(int fd, size_t from, size_t len)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < from + len)
		return EFBIG;
	return posix_fallocate(fd, (off_t)from, (off_t)len);
}

/* A file with room for this many blocks, mapped: anywhere, or in place of the private mapping at. */
static bool file_open(size_t blocks, void *at)
{
	size_t len = STATS_HEADER_SPACE + blocks * sizeof(struct stats_device);
	int fd = create_file();
	if (fd < 0)
		return false;
	bool ok = allocate_space(fd, 0, len) == 0;
	/* What the private blocks have counted goes into the file before it takes their place. */
	ok = ok && (!at || pwrite(fd, at, len, 0) == (ssize_t)len);
	void *map = ok ? mmap(at, STATS_FILE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | (at ? MAP_FIXED : 0), fd, 0) : MAP_FAILED;
	if (map == MAP_FAILED) {
		(void)unlink(writer.path);
		close(fd);
		return false;
	}
	writer.fd = fd;
	writer.map = map;
	writer.shared = true;
	writer.allocated = blocks;
	write_header(map);
	return true;
}

static bool file_ready(void)
{
	if (writer.map)
		return true;
	if (writer.publish && file_open(0, NULL))
		return true;
	if (writer.publish && !writer.told)
		log_info("counters are not published: %s. Make %s for this user, closed to others (hufu.conf(5), run_dir)",
		         strerror(errno), writer.run_dir ? writer.run_dir : STATS_SYSTEM_DIR "/UID");
	writer.told = true;
	return false;
}

/* Makes room for block i: at most the next one. */
static bool allocate(size_t i)
{
	if (i < writer.allocated)
		return true;
	size_t from = STATS_HEADER_SPACE + i * sizeof(struct stats_device);
	if (writer.shared && (!fd_is_ours() || allocate_space(writer.fd, from, sizeof(struct stats_device)) != 0))
		return false;
	writer.allocated = i + 1;
	return true;
}

static struct stats_device *take_block(void)
{
	if (!file_ready() || writer.used == UINT64_MAX)
		return NULL;
	size_t i = (size_t)__builtin_ctzll(~writer.used);
	if (!allocate(i))
		return NULL;
	writer.used |= 1ull << i;
	memset(block(i), 0, sizeof(struct stats_device));
	return block(i);
}

/* -- blocks ----------------------------------------------------------------------- */

static void set_name(char name[STATS_NAME], const char *text)
{
	snprintf(name, STATS_NAME, "%s", text ? text : "");
}

/* A driver that is a file goes by the file's name. */
static const char *driver_name(const char *driver)
{
	const char *slash = driver ? strrchr(driver, '/') : NULL;
	return slash ? slash + 1 : driver;
}

static void describe(struct stats_device *s, const char *token, const struct conf_device *device)
{
	set_name(s->token, token);
	set_name(s->device, device->name);
	set_name(s->driver, driver_name(device->driver));
	set_name(s->domain, device->domain);
	atomic_store(&s->isolation, device->isolation);
	atomic_store(&s->priority, device->priority);
	atomic_store(&s->weight, device->weight);
	atomic_store(&s->leases_max, device->sessions);
	atomic_store(&s->since_wall_ms, wall_ms());
	atomic_store_explicit(&s->in_use, 1, memory_order_release);
}

struct stats_device *stats_device_new(const char *token, const struct conf_device *device)
{
	pthread_mutex_lock(&writer.lock);
	struct stats_device *s = take_block();
	if (!s) {
		s = aligned_alloc(_Alignof(struct stats_device), sizeof *s);
		if (s)
			memset(s, 0, sizeof *s);
	}
	if (s)
		describe(s, token, device);
	pthread_mutex_unlock(&writer.lock);
	return s;
}

static bool in_map(const struct stats_device *s)
{
	uintptr_t at = (uintptr_t)s, map = (uintptr_t)writer.map;
	return writer.map && at >= map && at < map + STATS_FILE_MAX;
}

void stats_device_free(struct stats_device *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&writer.lock);
	if (in_map(s)) {
		atomic_store(&s->in_use, 0);
		writer.used &= ~(1ull << (s - block(0)));
		if (!writer.used)
			file_close();
	} else {
		free(s);
	}
	pthread_mutex_unlock(&writer.lock);
}

void stats_event(struct stats_device *s, uint32_t from, uint32_t to, enum hufu_err err, const char *text)
{
	pthread_mutex_lock(&writer.lock); /* rare, and whole events are worth more than haste */
	uint32_t n = atomic_load_explicit(&s->nevents, memory_order_relaxed);
	struct stats_event *event = &s->events[n % STATS_EVENTS];
	event->wall_ms = wall_ms();
	event->from = from;
	event->to = to;
	event->err = (uint32_t)err;
	snprintf(event->text, sizeof event->text, "%s", text ? text : "");
	atomic_store_explicit(&s->nevents, n + 1, memory_order_release);
	pthread_mutex_unlock(&writer.lock);
}

/* -- fork --------------------------------------------------------------------------- */

void stats_before_fork(void)
{
	pthread_mutex_lock(&writer.lock);
}

void stats_after_fork_parent(void)
{
	pthread_mutex_unlock(&writer.lock);
}

/* What the parent counted, and what its threads were about, is not the child's. */
static void copy_identity(struct stats_device *to, struct stats_device *from)
{
	memcpy(to, from, offsetof(struct stats_device, leases));
	atomic_store(&to->leases_max, atomic_load(&from->leases_max));
	atomic_store(&to->software, atomic_load(&from->software));
	atomic_store(&to->since_wall_ms, atomic_load(&from->since_wall_ms));
	atomic_store(&to->latency_ns, atomic_load(&from->latency_ns));
}

/* Private memory takes the place of the parent's file, where the blocks are: nobody's pointer changes. */
static void go_private(void)
{
	uint8_t *map = mmap(NULL, STATS_FILE_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return; /* the child counts into the parent's file: wrong numbers, no failing call */
	for (size_t i = 0; i < STATS_DEVICES_MAX; i++)
		if (writer.used >> i & 1)
			copy_identity((struct stats_device *)(void *)(map + ((uint8_t *)block(i) - writer.map)), block(i));
	if (mremap(map, STATS_FILE_MAX, STATS_FILE_MAX, MREMAP_MAYMOVE | MREMAP_FIXED, writer.map) == MAP_FAILED)
		munmap(map, STATS_FILE_MAX);
}

void stats_after_fork_child(void)
{
	pthread_mutex_init(&writer.lock, NULL);
	if (!writer.map || !writer.shared)
		return;
	go_private();
	if (fd_is_ours())
		close(writer.fd); /* the lock stays with the parent's */
	writer.fd = -1;
	writer.shared = false;
	writer.told = false;
	atomic_store(&writer.unpublished, true);
}

void stats_publish(void)
{
	if (!atomic_load_explicit(&writer.unpublished, memory_order_relaxed) || !atomic_exchange(&writer.unpublished, false))
		return;
	pthread_mutex_lock(&writer.lock);
	if (writer.map && !writer.shared && writer.publish)
		(void)file_open(writer.allocated, writer.map); /* or they stay private */
	pthread_mutex_unlock(&writer.lock);
}
