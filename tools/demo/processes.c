/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of a demonstration. */
#include "tools/demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/libexec.h"
#include "tools/report.h"

#define WORDS_MAX 32
#define START_NS (20 * NS_PER_S)
#define LOOK_NS (20 * NS_PER_MS)

static void to_nowhere(int fd)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		dup2(null, fd);
}

static enum status wait_for(pid_t pid, const char *what)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(NULL, "waiting for %s", what);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ST_OK;
	return fail(WIFEXITED(status) ? (enum status)WEXITSTATUS(status) : ST_UNAVAILABLE, NULL, "%s did not succeed", what);
}

enum status demo_run(const char *const *words)
{
	char *argv[WORDS_MAX + 2] = {"hufu"};
	int n = 1;

	for (; *words && n <= WORDS_MAX; words++)
		argv[n++] = (char *)(size_t)*words;
	fflush(NULL);
	const pid_t pid = fork();
	if (pid < 0)
		return fail_errno(NULL, "starting hufu");
	if (pid == 0) {
		to_nowhere(STDOUT_FILENO);
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	return wait_for(pid, argv[1]);
}

/* Free when it was asked: another program may still take it before hufud does, which says so. */
static enum status free_port(unsigned *port, int *fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || bind(*fd, (struct sockaddr *)&address, len) || getsockname(*fd, (struct sockaddr *)&address, &len))
		return fail_errno(NULL, "looking for a free port of 127.0.0.1");
	*port = ntohs(address.sin_port);
	return ST_OK;
}

enum status free_ports(struct machine machines[2])
{
	int fds[2] = {-1, -1};
	enum status status = free_port(&machines[0].port, &fds[0]);

	if (status == ST_OK)
		status = free_port(&machines[1].port, &fds[1]);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return status;
}

static bool answers(unsigned port)
{
	const struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	                                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static enum status wait_until_up(struct machine *machine)
{
	const uint64_t until = clock_now_ns() + START_NS;
	int status;

	while (!answers(machine->port)) {
		if (waitpid(machine->pid, &status, WNOHANG) == machine->pid) {
			machine->pid = 0;
			return fail(ST_UNAVAILABLE, "Look at what it said above.", "%s ended at once", machine->name);
		}
		if (clock_now_ns() > until)
			return fail(ST_UNAVAILABLE, NULL, "%s does not answer on port %u", machine->name, machine->port);
		clock_sleep_ns(LOOK_NS);
	}
	return ST_OK;
}

enum status machine_start(const char *dir, struct machine *machine)
{
	char program[4096], conf[4096];

	if (!program_find("hufud", program, sizeof program))
		return ST_NOT_FOUND;
	snprintf(conf, sizeof conf, "%s/%s.conf", dir, machine->name);
	const pid_t parent = getpid();
	machine->pid = fork();
	if (machine->pid < 0) {
		machine->pid = 0;
		return fail_errno(NULL, "starting %s", machine->name);
	}
	if (machine->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		unsetenv("HUFU_CONF");
		if (getppid() == parent)
			execl(program, "hufud", "--config", conf, (char *)NULL);
		_exit(127);
	}
	return wait_until_up(machine);
}

static void end(struct machine *machine, int signal)
{
	if (!machine->pid)
		return;
	kill(machine->pid, signal);
	while (waitpid(machine->pid, NULL, 0) < 0 && errno == EINTR)
		;
	machine->pid = 0;
}

void machine_kill(struct machine *machine)
{
	end(machine, SIGKILL);
}

void machine_stop(struct machine *machine)
{
	end(machine, SIGTERM);
}
