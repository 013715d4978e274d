/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy.h"

#define PATIENCE 6000 /* pauses of 10 ms: only a failure takes them all */

static struct {
	char dir[96], program[PATH_MAX];
	pid_t owner;
	size_t n;
	struct tls_ca *ca;
	struct {
		pid_t pid;
		unsigned port;
		char address[32];
		struct proxy *line;
	} machine[MACHINES_MAX];
	/* A child is killed when the thread ends that made it: one thread makes them all. */
	pthread_t keeper;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t wanted;             /* a machine to start, or NOTHING */
	bool stop;
} cluster = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
#define NOTHING SIZE_MAX

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! cluster: %s\n", what);
	fflush(stdout);
	_exit(99);
}

static void pause_10ms(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

size_t cluster_size(void)
{
	return cluster.n;
}

struct tls_ca *cluster_ca(void)
{
	return cluster.ca;
}

const char *cluster_line(size_t i)
{
	return proxy_address(cluster.machine[i].line);
}

const char *cluster_address(size_t i)
{
	return cluster.machine[i].address;
}

/* -- files ------------------------------------------------------------------------------- */

static FILE *create(const char *name, char path[160])
{
	snprintf(path, 160, "%s/%s", cluster.dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	need(f != NULL, path);
	return f;
}

static void write_master(void)
{
	char path[160];
	FILE *f = create("master.key", path);

	need(fwrite("one key for all of these machine", 1, 32, f) == 32 && fclose(f) == 0, path);
}

static void write_conf(size_t i, const char *machine_more, const char *sections)
{
	char name[32], path[160];

	snprintf(name, sizeof(name), "m%zu.conf", i);
	FILE *f = create(name, path);
	fprintf(f, "log { to = \"file:%s/m%zu.log\" level = notice }\n", cluster.dir, i);
	fprintf(f, "machine { name = m%zu listen = \"%s\" master = \"file:%s/master.key\" state_dir = \"%s/state%zu\"\n", i,
	        cluster.machine[i].address, cluster.dir, cluster.dir, i);
	fprintf(f, "ca = \"%s\" cert = \"%s\" key = \"%s\" %s }\n", cluster.ca->path, tls_path(cluster.ca, "machine", "pem"),
	        tls_path(cluster.ca, "machine", "key"), machine_more);
	fprintf(f, "device \"soft\" { driver = soft }\n%s", sections);
	need(fclose(f) == 0, path);
}

void cluster_conf(const char *machine_more, const char *sections)
{
	for (size_t i = 0; i < cluster.n; i++)
		write_conf(i, machine_more, sections);
}

/* -- processes ----------------------------------------------------------------------------- */

static void run(size_t i, pid_t parent)
{
	char conf[160];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	snprintf(conf, sizeof(conf), "%s/m%zu.conf", cluster.dir, i);
	execl(cluster.program, "hufud", "-c", conf, (char *)NULL);
	_exit(127);
}

static void *keep(void *arg)
{
	pthread_mutex_lock(&cluster.lock);
	while (!cluster.stop) {
		const size_t i = cluster.wanted;
		if (i != NOTHING) {
			const pid_t parent = getpid(), pid = fork();
			if (pid == 0)
				run(i, parent);
			cluster.machine[i].pid = pid;
			cluster.wanted = NOTHING;
			pthread_cond_broadcast(&cluster.changed);
		} else {
			pthread_cond_wait(&cluster.changed, &cluster.lock);
		}
	}
	pthread_mutex_unlock(&cluster.lock);
	return arg;
}

static bool listens(unsigned port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

void cluster_start(size_t i)
{
	fflush(NULL);
	pthread_mutex_lock(&cluster.lock);
	cluster.wanted = i;
	pthread_cond_broadcast(&cluster.changed);
	while (cluster.wanted != NOTHING)
		pthread_cond_wait(&cluster.changed, &cluster.lock);
	const pid_t pid = cluster.machine[i].pid;
	pthread_mutex_unlock(&cluster.lock);
	need(pid > 0, "fork");
	for (int tries = 0; !listens(cluster.machine[i].port); tries++) {
		need(tries < PATIENCE && waitpid(pid, NULL, WNOHANG) == 0, "a machine does not start");
		pause_10ms();
	}
}

void cluster_start_all(void)
{
	for (size_t i = 0; i < cluster.n; i++)
		cluster_start(i);
}

void cluster_signal(size_t i, int signal)
{
	need(kill(cluster.machine[i].pid, signal) == 0, "kill");
}

/* Stopping takes a moment: until then the process may take and leave locks. */
static bool is_stopped(pid_t pid)
{
	char path[32], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	const bool read = f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1;
	if (f)
		fclose(f);
	return read && state == 'T';
}

/* SQLite's write-ahead log ("WAL-mode File Format", 2.3.1): bytes 120 to 122 of the -shm file are WRITE, CKPT and RECOVER. */
static bool holds_a_store(pid_t pid)
{
	char line[256];
	int holder;
	unsigned long first;
	bool holds = false;
	FILE *f = fopen("/proc/locks", "re");

	while (f && !holds && fgets(line, sizeof(line), f))
		holds = sscanf(line, "%*d: POSIX ADVISORY WRITE %d %*s %lu", &holder, &first) == 2 && holder == pid && first >= 120 &&
		        first <= 122;
	if (f)
		fclose(f);
	return holds;
}

void cluster_freeze(size_t i)
{
	const pid_t pid = cluster.machine[i].pid;

	for (int tries = 0; tries < PATIENCE; tries++) {
		cluster_signal(i, SIGSTOP);
		for (int moments = 0; moments < PATIENCE && !is_stopped(pid); moments++)
			pause_10ms();
		if (!holds_a_store(pid))
			return;
		cluster_signal(i, SIGCONT);
		pause_10ms();
	}
	need(false, "a machine changes its store all the time");
}

bool cluster_wait(size_t i)
{
	int status = -1;

	if (!cluster.machine[i].pid)
		return true;
	while (waitpid(cluster.machine[i].pid, &status, 0) < 0 && errno == EINTR)
		;
	cluster.machine[i].pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool cluster_stop_all(void)
{
	bool well = true;

	for (size_t i = 0; i < cluster.n; i++)
		if (cluster.machine[i].pid)
			cluster_signal(i, SIGTERM);
	for (size_t i = 0; i < cluster.n; i++)
		well &= cluster_wait(i);
	return well;
}

/* -- lines and clients ---------------------------------------------------------------------- */

void cluster_tell(size_t i, const char *command)
{
	need(proxy_command(cluster.machine[i].line, command, NULL, 0), command);
}

static bool log_has(const char *path, const char *text)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}

bool cluster_logged(size_t i, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/m%zu.log", cluster.dir, i);
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (log_has(path, text))
			return true;
		pause_10ms();
	}
	return false;
}

void cluster_device_as(FILE *f, size_t i, const char *name, const char *tenant, const char *more, const char *certificate, const char *ca)
{
	fprintf(f, "device \"%s\" { driver = \"net\" address = \"%s\" name = \"machine\" tenant = \"%s\" ca = \"%s\" cert = \"%s\" key = \"%s\" %s }\n",
	        name, cluster_line(i), tenant, ca, tls_path(cluster.ca, certificate, "pem"), tls_path(cluster.ca, certificate, "key"), more);
}

void cluster_device(FILE *f, size_t i, const char *name, const char *tenant, const char *more)
{
	cluster_device_as(f, i, name, tenant, more, "client", cluster.ca->path);
}

/* -- once ---------------------------------------------------------------------------------------- */

/* Below those that the kernel gives to whoever connects: nobody takes it while its machine is down. */
static unsigned free_port(void)
{
	static unsigned at;
	int taken, fd;

	if (!at)
		at = 10000 + (unsigned)getpid() * 16 % 20000;
	do {
		const struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)++at), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		need(at < 32768, "no free port");
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		need(fd >= 0, "socket");
		taken = bind(fd, (const struct sockaddr *)&in, sizeof(in));
		close(fd);
	} while (taken);
	return at;
}

static void make_certificates(void)
{
	static const struct tls_ask asks[] = {
		{.file = "machine", .subject = "machine", .names = "DNS:machine,IP:127.0.0.1", .usage = "serverAuth"},
		{.file = "client", .subject = "client", .names = "DNS:client", .usage = "clientAuth"},
	};

	cluster.ca = tls_ca_new("cluster");
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		tls_make(cluster.ca, &asks[i]);
}

static void end(void)
{
	if (getpid() != cluster.owner)
		return;
	for (size_t i = 0; i < cluster.n; i++) {
		if (cluster.machine[i].pid)
			cluster_signal(i, SIGKILL);
		(void)cluster_wait(i);
		proxy_stop(cluster.machine[i].line);
	}
	pthread_mutex_lock(&cluster.lock);
	cluster.stop = true;
	pthread_cond_broadcast(&cluster.changed);
	pthread_mutex_unlock(&cluster.lock);
	pthread_join(cluster.keeper, NULL);
	tls_ca_free(cluster.ca);
}

static void make_machine(size_t i)
{
	char listen[32], state[160];

	cluster.machine[i].port = free_port();
	snprintf(cluster.machine[i].address, sizeof(cluster.machine[i].address), "127.0.0.1:%u", cluster.machine[i].port);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", free_port());
	cluster.machine[i].line = proxy_start(listen, cluster.machine[i].address);
	need(cluster.machine[i].line != NULL, "a line");
	snprintf(state, sizeof(state), "%s/state%zu", cluster.dir, i);
	need(mkdir(state, 0700) == 0, state);
}

bool cluster_begin(const char *dir, size_t n)
{
	const char *build = getenv("top_builddir");

	snprintf(cluster.program, sizeof(cluster.program), "%s/hufud", build ? build : ".");
	if (access(cluster.program, X_OK) != 0)
		return false;
	snprintf(cluster.dir, sizeof(cluster.dir), "%s", dir);
	cluster.owner = getpid();
	cluster.n = n;
	cluster.wanted = NOTHING;
	write_master();
	make_certificates();
	for (size_t i = 0; i < n; i++)
		make_machine(i);
	need(pthread_create(&cluster.keeper, NULL, keep, NULL) == 0, "pthread_create");
	atexit(end);
	return true;
}
