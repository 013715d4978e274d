/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/face_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
	pid_t owner, pids[FACE_MACHINES_MAX];
	char dir[64];
	size_t n;
} machines;

size_t face_machines(void)
{
	const char *text = getenv("HUFU_FACE_MACHINES");
	long n = text ? strtol(text, NULL, 10) : 0;

	return n < 0 ? 0 : n > FACE_MACHINES_MAX ? FACE_MACHINES_MAX : (size_t)n;
}

static void path_of(char *path, size_t cap, size_t i, const char *what)
{
	snprintf(path, cap, "%s/machine%zu.%s", machines.dir, i, what);
}

/* -- what they are told -------------------------------------------------------------------- */

static bool write_master(const char *dir)
{
	char path[128];
	snprintf(path, sizeof path, "%s/master.key", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool ok = fd >= 0 && write(fd, "one key for all machines of this", 32) == 32;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_conf(size_t i, const char *const *tokens, const char *const *options, size_t n)
{
	char path[128], sock[128];
	path_of(path, sizeof path, i, "conf");
	path_of(sock, sizeof sock, i, "sock");
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	fchmod(fileno(f), 0600);
	fprintf(f, "log { to = \"none\" }\nmachine { name = \"machine%zu\" listen = \"unix:%s\" master = \"file:%s/master.key\" "
	           "lanes = 8 drain_ms = 100 }\n", i, sock, machines.dir);
	fprintf(f, "identity \"test\" { user = \"%ld\" tokens = { \"*\" } roles = { devices, user, so } connections = 4096 "
	           "in_flight = 65536 }\n", (long)getuid());
	fprintf(f, "device \"soft\" { driver = \"soft\" }\n");
	for (size_t k = 0; k < n; k++)
		fprintf(f, "token \"%s\" { store = \"sqlite:%s/%s.db\" devices = {\"soft\"} allow_short_pin = true %s }\n",
		        tokens[k],
		        machines.dir, tokens[k], options[k]);
	return fclose(f) == 0;
}

void face_machines_print(FILE *f, const char *dir, const char *token, const char *options)
{
	fprintf(f, "token \"%s\" { store = \"net\" devices = {", token);
	for (size_t i = 0; i < face_machines(); i++)
		fprintf(f, "%s \"%s-%zu\"", i ? "," : "", token, i);
	fprintf(f, " } %s }\n", options);
	for (size_t i = 0; i < face_machines(); i++)
		fprintf(f, "device \"%s-%zu\" { driver = \"net\" address = \"unix:%s/machine%zu.sock\" tenant = \"%s\" }\n",
		        token, i,
		        dir, i, token);
}

/* -- processes ------------------------------------------------------------------------------- */

/* A program of this build, not libtool's script around it: its pid is to be the machine's. */
static void run(size_t i)
{
	const char *build = getenv("top_builddir");
	char conf[128], program[PATH_MAX];
	path_of(conf, sizeof conf, i, "conf");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unsetenv("HUFU_CONF");
	snprintf(program, sizeof program, "%s/hufud", build ? build : ".");
	execl(program, "hufud", "-c", conf, (char *)NULL);
	fprintf(stderr, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

static bool answers(size_t i)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	path_of(to.sun_path, sizeof to.sun_path, i, "sock");
	bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Only one that does not come takes all this time. */
static bool wait_for(size_t i)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	for (int tries = 0; tries < 3000; tries++) {
		if (answers(i))
			return true;
		if (waitpid(machines.pids[i], NULL, WNOHANG) == machines.pids[i])
			break;
		nanosleep(&pause, NULL);
	}
	printf("# machine %zu does not start\n", i);
	return false;
}

static bool start(size_t i)
{
	fflush(NULL);
	machines.pids[i] = fork();
	if (machines.pids[i] == 0)
		run(i);
	return machines.pids[i] > 0 && wait_for(i);
}

bool face_machines_start(const char *dir, const char *const *tokens, const char *const *options, size_t n)
{
	machines.owner = getpid();
	machines.n = face_machines();
	snprintf(machines.dir, sizeof machines.dir, "%s", dir);
	atexit(face_machines_stop);
	bool ok = write_master(dir);
	for (size_t i = 0; i < machines.n && ok; i++)
		ok = write_conf(i, tokens, options, n) && start(i);
	return ok;
}

void face_machine_kill(size_t i)
{
	if (machines.pids[i] <= 0)
		return;
	kill(machines.pids[i], SIGKILL);
	waitpid(machines.pids[i], NULL, 0);
	machines.pids[i] = 0;
}

bool face_machine_restart(size_t i)
{
	char sock[128];
	face_machine_kill(i);
	path_of(sock, sizeof sock, i, "sock");
	unlink(sock);
	return start(i);
}

void face_machines_stop(void)
{
	if (getpid() != machines.owner)
		return;
	for (size_t i = 0; i < machines.n; i++)
		if (machines.pids[i] > 0)
			kill(machines.pids[i], SIGTERM);
	for (size_t i = 0; i < machines.n; i++)
		if (machines.pids[i] > 0)
			waitpid(machines.pids[i], NULL, 0);
	machines.n = 0;
}
