/* SPDX-License-Identifier: Apache-2.0 */
#include "machines.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tls_util.h"

#define PATH 256
#define PROGRAM "./hufud"
#define NOPTIONS 12

static struct {
	char dir[64];
	struct tls_ca *ca;
	struct {
		pid_t pid;
		unsigned port;
		char address[2][PATH], ca[PATH], cert[PATH], key[PATH];
		const char *options[2][NOPTIONS];
	} machine[MACHINES_MAX];
} rig;

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! machines: %s\n", what);
	exit(99);
}

static FILE *make(const char *name, mode_t mode)
{
	char path[PATH];

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	need(file != NULL, path);
	return file;
}

/* One that was free a moment ago. */
static unsigned free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && bind(fd, (void *)&in, len) == 0 && getsockname(fd, (void *)&in, &len) == 0, "no port");
	close(fd);
	return ntohs(in.sin_port);
}

static void write_master(void)
{
	FILE *file = make("master.key", 0600);

	need(fwrite("thirty-two bytes of a master key", 1, 32, file) == 32 && fclose(file) == 0, "the master key");
}

static void write_conf(size_t nth)
{
	char name[32];

	snprintf(name, sizeof(name), "hufud%zu.conf", nth);
	FILE *file = make(name, 0600);
	fprintf(file,
	        "log { to = \"file:%s/hufud%zu.log\" level = notice }\n"
	        "machine { name = m%zu listen = { \"%s\", \"%s\" } master = \"file:%s/master.key\" ca = \"%s\" cert = \"%s\" key = \"%s\" }\n"
	        "device soft { driver = soft }\n"
	        "token bank { devices = { soft } }\n"
	        "identity local { user = %u tokens = bank roles = devices }\n"
	        "identity remote { dns = client tokens = bank roles = devices }\n",
	        rig.dir, nth, nth, rig.machine[nth].address[0], rig.machine[nth].address[1], rig.dir, rig.machine[nth].ca,
	        rig.machine[nth].cert, rig.machine[nth].key, getuid());
	need(fclose(file) == 0, name);
}

static void name_files(size_t nth)
{
	snprintf(rig.machine[nth].ca, PATH, "%s", rig.ca->path);
	snprintf(rig.machine[nth].cert, PATH, "%s", tls_path(rig.ca, "machine", "pem"));
	snprintf(rig.machine[nth].key, PATH, "%s", tls_path(rig.ca, "machine", "key"));
	snprintf(rig.machine[nth].address[0], PATH, "unix:%s/m%zu", rig.dir, nth);
	snprintf(rig.machine[nth].address[1], PATH, "127.0.0.1:%u", rig.machine[nth].port);
}

bool machines_begin(void)
{
	static const struct tls_ask asks[] = {
		{.file = "machine", .subject = "machine", .names = "DNS:machine,IP:127.0.0.1", .usage = "serverAuth"},
		{.file = "client", .subject = "client", .names = "DNS:client", .usage = "clientAuth"},
	};

	if (access(PROGRAM, X_OK) != 0)
		return false;
	snprintf(rig.dir, sizeof(rig.dir), "/tmp/hufu-machines-XXXXXX");
	need(mkdtemp(rig.dir) != NULL, "no directory");
	rig.ca = tls_ca_new("machines");
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		tls_make(rig.ca, &asks[i]);
	write_master();
	for (size_t i = 0; i < MACHINES_MAX; i++) {
		rig.machine[i].port = free_port();
		name_files(i);
		write_conf(i);
	}
	atexit(machines_end);
	return true;
}

void machine_start(size_t nth)
{
	char conf[PATH];
	pid_t parent = getpid();

	snprintf(conf, sizeof(conf), "%s/hufud%zu.conf", rig.dir, nth);
	fflush(NULL);
	pid_t pid = fork();
	need(pid >= 0, "no process");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			execl(PROGRAM, "hufud", "-c", conf, (char *)NULL);
		_exit(127);
	}
	rig.machine[nth].pid = pid;
}

void machine_kill(size_t nth)
{
	if (!rig.machine[nth].pid)
		return;
	kill(rig.machine[nth].pid, SIGKILL);
	waitpid(rig.machine[nth].pid, NULL, 0);
	rig.machine[nth].pid = 0;
}

void machine_stop(size_t nth)
{
	int status = 0;

	kill(rig.machine[nth].pid, SIGSTOP);
	need(waitpid(rig.machine[nth].pid, &status, WUNTRACED) == rig.machine[nth].pid && WIFSTOPPED(status), "it did not stop");
}

void machine_go_on(size_t nth)
{
	kill(rig.machine[nth].pid, SIGCONT);
}

const char *const *machine_options(size_t nth, bool tls)
{
	static char cert[PATH], key[PATH];
	const char **options = rig.machine[nth].options[tls];
	size_t n = 0;

	snprintf(cert, sizeof(cert), "%s", tls_path(rig.ca, "client", "pem"));
	snprintf(key, sizeof(key), "%s", tls_path(rig.ca, "client", "key"));
	options[n++] = "address";
	options[n++] = rig.machine[nth].address[tls];
	if (tls) {
		options[n++] = "ca";
		options[n++] = rig.machine[nth].ca;
		options[n++] = "cert";
		options[n++] = cert;
		options[n++] = "key";
		options[n++] = key;
		options[n++] = "name";
		options[n++] = "machine";
	}
	options[n] = NULL;
	return options;
}

void machine_device(char out[MACHINES_TEXT], size_t nth, bool tls, const char *name, const char *more)
{
	size_t len = (size_t)snprintf(out, MACHINES_TEXT, "device \"%s\" { driver = net %s", name, more);

	for (const char *const *option = machine_options(nth, tls); *option; option += 2)
		len += (size_t)snprintf(out + len, MACHINES_TEXT - len, " %s = \"%s\"", option[0], option[1]);
	snprintf(out + len, MACHINES_TEXT - len, " }\n");
}

static void print_log(size_t nth)
{
	char path[PATH], line[512];

	snprintf(path, sizeof(path), "%s/hufud%zu.log", rig.dir, nth);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		printf("# m%zu: %s", nth, line);
	if (file)
		fclose(file);
	unlink(path);
}

void machines_end(void)
{
	char path[PATH];

	if (!rig.ca)
		return;
	for (size_t i = 0; i < MACHINES_MAX; i++) {
		machine_kill(i);
		print_log(i);
		unlink(rig.machine[i].address[0] + strlen("unix:"));
		snprintf(path, sizeof(path), "%s/hufud%zu.conf", rig.dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/master.key", rig.dir);
	unlink(path);
	rmdir(rig.dir);
	tls_ca_free(rig.ca);
	rig.ca = NULL;
}
