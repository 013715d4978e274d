/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts of devices: a socket each, which stays whatever becomes of the host, so
 * that a device whose host is being started anew is late, not gone. All on the loop's thread.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hufud/host.h"
#include "hufud/notify.h"
#include "wire/channel.h"

#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 15000u
#define LIVED_NS (30 * NS_PER_S)   /* as long as this, and the next end is a new story */
#define END_NS (3 * NS_PER_S)      /* for a host to end by itself */

struct child {
	struct child *next;
	struct supervisor *supervisor;
	char *name, *path;             /* of the device, of its socket */
	char *settings;                /* what it was started with: another one wants it anew */
	int listener;
	pid_t pid;                     /* 0: there is none */
	int pidfd;
	struct event *ended, *again;
	uint64_t started_ns;
	uint32_t backoff_ms;
	bool leaving;                  /* its end is wanted */
};

struct supervisor {
	struct event_base *base;
	char *conf_path;
	struct child *children;
};

bool supervisor_is_wanted(const struct conf *conf)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (conf_device_is_hosted(&conf->devices[i]))
			return true;
	return false;
}

bool supervisor_has_guests(const struct conf *conf)
{
	return !conf->machine.given && conf->nidentities;
}

/* -- a host's process ------------------------------------------------------------------ */

/* In the child, between fork and exec: nothing that takes a lock. */
static void become_host(const struct child *child, pid_t parent)
{
	char name[] = "hufud", host[] = "--host", config[] = "--config";
	char *const argv[] = {name, host, child->name, config, child->supervisor->conf_path, NULL};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	if (child->listener == HOST_FD ? fcntl(HOST_FD, F_SETFD, 0) != 0 : dup2(child->listener, HOST_FD) != HOST_FD)
		_exit(EXIT_FAILURE);
	(void)close_range(HOST_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execv("/proc/self/exe", argv); /* this program, though the file at its path may be a newer one */
	_exit(EXIT_FAILURE);
}

static void on_ended(evutil_socket_t fd, short what, void *arg);

static bool watch(struct child *child)
{
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	child->ended = child->pidfd >= 0 ? event_new(child->supervisor->base, child->pidfd, EV_READ, on_ended, child) : NULL;
	return child->ended && event_add(child->ended, NULL) == 0;
}

static void unwatch(struct child *child)
{
	if (child->ended)
		event_free(child->ended);
	if (child->pidfd >= 0)
		close(child->pidfd);
	child->ended = NULL;
	child->pidfd = -1;
}

static void start_later(struct child *child)
{
	const struct timeval tv = {.tv_sec = child->backoff_ms / 1000, .tv_usec = (suseconds_t)(child->backoff_ms % 1000 * 1000)};

	event_add(child->again, &tv);
	child->backoff_ms = child->backoff_ms * 2 < BACKOFF_MAX_MS ? child->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void start(struct child *child)
{
	const pid_t self = getpid();

	child->started_ns = clock_now_ns();
	child->pid = fork();
	if (child->pid == 0)
		become_host(child, self);
	if (child->pid > 0 && watch(child))
		return;
	log_device(HUFU_LOG_ERROR, child->name, "its host cannot be started: %s. It is tried again", strerrordesc_np(errno));
	unwatch(child);
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
	}
	child->pid = 0;
	start_later(child);
}

static void tell_end(const struct child *child, int status)
{
	if (child->leaving)
		log_device(HUFU_LOG_INFO, child->name, "its host has ended");
	else if (WIFSIGNALED(status))
		log_device(HUFU_LOG_WARNING, child->name, "its host was ended by signal %d (%s): a new one is started",
		           WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == HOST_EXIT_CONFIG)
		log_device(HUFU_LOG_ERROR, child->name, "it cannot be hosted as configured. Mend its section, and reload (SIGHUP)");
	else
		log_device(WEXITSTATUS(status) ? HUFU_LOG_WARNING : HUFU_LOG_INFO, child->name,
		           "its host ended with status %d: a new one is started", WEXITSTATUS(status));
}

static void child_free(struct child *child);

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	int status = 0;

	(void)fd;
	(void)what;
	unwatch(child);
	(void)waitpid(child->pid, &status, 0);
	child->pid = 0;
	tell_end(child, status);
	if (child->leaving) {
		child_free(child);
		return;
	}
	if (clock_now_ns() - child->started_ns > LIVED_NS)
		child->backoff_ms = BACKOFF_MIN_MS;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != HOST_EXIT_CONFIG)
		start_later(child);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg);
}

/* -- its socket ------------------------------------------------------------------------------ */

/*
 * Who may is the host's to say, by the kernel's word of who it is: where there are guests the file is open to all. Where there are none
 * its mode tells programs of others that the device is not for them.
 */
static bool listen_at(struct child *child)
{
	char address[PATH_MAX], why[512];

	snprintf(address, sizeof(address), "unix:%s", child->path);
	if (channel_listen(address, &child->listener, why, sizeof(why)) != HUFU_OK) {
		log_device(HUFU_LOG_ERROR, child->name, "its host has no socket: %s", why);
		return false;
	}
	return true;
}

/* hufud's umask is narrower than what others need to come to their devices. */
static void make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		(void)chmod(path, mode);
}

/*
 * The directory of sockets, and the one that it is in, where they are missing: all of it open to be entered below
 * /run/hufu; elsewhere that one is a user's own, where programs publish their counters and nobody else may look.
 */
static void make_directories(const char *path)
{
	char dir[PATH_MAX], parent[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	snprintf(parent, sizeof(parent), "%s", dir);
	char *slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		make_directory(parent, strcmp(parent, "/run/hufu") == 0 ? 0755 : 0700);
	}
	make_directory(dir, 0755);
}

/* -- children ---------------------------------------------------------------------------------- */

/* All that makes a host what it is; the rest of its section is its users'. */
static char *settings_of(const struct conf *conf, const struct conf_device *device)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f, "%s\n%s\n", device->driver, device->domain);
	for (char **option = device->options; option && option[0]; option += 2)
		fprintf(f, "%s\n%s\n", option[0], option[1]);
	for (size_t i = 0; supervisor_has_guests(conf) && i < conf->nidentities; i++) {
		fprintf(f, "%s\n", conf->identities[i].user ? conf->identities[i].user : "");
		for (char **role = conf->identities[i].roles; role && *role; role++)
			fprintf(f, "%s\n", *role);
	}
	return fclose(f) == 0 ? text : NULL;
}

/* It has no process any more. */
static void child_free(struct child *child)
{
	struct child **at = &child->supervisor->children;

	while (*at && *at != child)
		at = &(*at)->next;
	if (*at)
		*at = child->next;
	unwatch(child);
	if (child->again)
		event_free(child->again);
	if (child->listener >= 0) {
		close(child->listener);
		(void)unlink(child->path);
	}
	free(child->settings);
	free(child->path);
	free(child->name);
	free(child);
}

static void child_new(struct supervisor *s, const struct conf *conf, const struct conf_device *device)
{
	struct child *child = calloc(1, sizeof(*child));
	char path[PATH_MAX];

	if (!child)
		return;
	if (!conf_host_socket(device, path, sizeof(path))) {
		log_device(HUFU_LOG_ERROR, device->name, "the path of its host's socket is too long. Give the machine a shorter "
		           "host_dir");
		free(child);
		return;
	}
	*child = (struct child){.supervisor = s, .listener = -1, .pidfd = -1, .backoff_ms = BACKOFF_MIN_MS,
	                        .name = strdup(device->name), .settings = settings_of(conf, device), .path = strdup(path)};
	child->again = evtimer_new(s->base, on_again, child);
	if (!child->name || !child->settings || !child->path || !child->again) {
		child_free(child);
		return;
	}
	child->next = s->children;
	s->children = child;
	make_directories(child->path);
	if (listen_at(child)) {
		(void)chmod(child->path, supervisor_has_guests(conf) ? 0666 : 0600);
		start(child);
	} else {
		child_free(child);
	}
}

/* It ends by itself, or is ended by supervisor_free. */
static void child_leave(struct child *child)
{
	child->leaving = true;
	event_del(child->again);
	if (child->pid)
		kill(child->pid, SIGTERM);
	else
		child_free(child);
}

static struct child *find_child(const struct supervisor *s, const char *name)
{
	struct child *child = s->children;

	while (child && strcmp(child->name, name) != 0)
		child = child->next;
	return child;
}

static const struct conf_device *find_device(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (strcmp(conf->devices[i].name, name) == 0 && conf_device_is_hosted(&conf->devices[i]))
			return &conf->devices[i];
	return NULL;
}

/* The socket stays; the host that uses it ends, and the next one reads the section anew. */
static void child_restart(struct child *child, const struct conf *conf, const struct conf_device *device)
{
	char *settings = settings_of(conf, device);

	if (!settings)
		return;
	free(child->settings);
	child->settings = settings;
	child->backoff_ms = BACKOFF_MIN_MS;
	if (child->pid)
		kill(child->pid, SIGTERM);
	else
		start_later(child);
}

/* One whose host was told to end, and has not yet, has its socket still: the next host takes that over. */
static void want_child(struct supervisor *s, const struct conf *conf, const struct conf_device *device)
{
	struct child *child = find_child(s, device->name);

	if (!child)
		child_new(s, conf, device);
	else if (child->leaving) {
		child->leaving = false;
		child_restart(child, conf, device);
	}
}

/* Its host said that it cannot be as it is configured: what it lacked may be there by now, though the section is the same. */
static bool has_given_up(const struct child *child)
{
	return !child->pid && !evtimer_pending(child->again, NULL);
}

static void revisit(struct child *child, const struct conf *conf)
{
	const struct conf_device *device = find_device(conf, child->name);
	char *settings = device ? settings_of(conf, device) : NULL;

	if (!device)
		child_leave(child);
	else if (settings && (strcmp(settings, child->settings) != 0 || has_given_up(child)))
		child_restart(child, conf, device);
	free(settings);
}

void supervisor_reconfigure(struct supervisor *s, const struct conf *conf)
{
	struct child *next;

	for (struct child *child = s->children; child; child = next) {
		next = child->next;
		if (!child->leaving)
			revisit(child, conf);
	}
	for (struct child *child = s->children; child; child = child->next)
		(void)chmod(child->path, supervisor_has_guests(conf) ? 0666 : 0600);
	for (size_t i = 0; i < conf->ndevices; i++)
		if (conf_device_is_hosted(&conf->devices[i]))
			want_child(s, conf, &conf->devices[i]);
}

/* -- the whole -------------------------------------------------------------------------------------- */

enum hufu_err supervisor_new(struct event_base *base, const struct conf *conf, const char *path, struct supervisor **out)
{
	struct supervisor *s = calloc(1, sizeof(*s));

	if (!s)
		return HUFU_ERR_NO_MEMORY;
	*s = (struct supervisor){.base = base, .conf_path = strdup(path)};
	if (!s->conf_path) {
		supervisor_free(s);
		return HUFU_ERR_NO_MEMORY;
	}
	supervisor_reconfigure(s, conf);
	*out = s;
	return HUFU_OK;
}

/* By itself, and if not, by force: it holds nothing that the kernel does not give back. */
static void end_child(struct child *child, uint64_t until_ns)
{
	while (child->pid && waitpid(child->pid, NULL, WNOHANG) == 0) {
		if (clock_now_ns() >= until_ns)
			kill(child->pid, SIGKILL);
		clock_sleep_ns(10 * NS_PER_MS);
	}
	child_free(child);
}

void supervisor_free(struct supervisor *s)
{
	if (!s)
		return;
	for (struct child *child = s->children; child; child = child->next)
		if (child->pid)
			kill(child->pid, SIGTERM);
	const uint64_t until = clock_now_ns() + END_NS;
	while (s->children)
		end_child(s->children, until);
	free(s->conf_path);
	free(s);
}

/* -- hufud for devices alone ------------------------------------------------------------------------ */

struct keeper {
	struct event_base *base;
	struct supervisor *supervisor;
	const char *path;
	struct event *signals[3];
};

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *keeper = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(keeper->base);
}

static void tell_log(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *keeper = arg;
	struct conf *conf = NULL;

	(void)fd;
	(void)what;
	notify_reloading();
	bool good = conf_load_file(keeper->path, tell_log, NULL, &conf) == HUFU_OK;
	if (good)
		supervisor_reconfigure(keeper->supervisor, conf);
	else
		log_error("%s was not taken over: what was in force stays", keeper->path);
	conf_free(conf);
	notify_ready(good ? "hosting" : "hosting; the last reload was refused");
}

static enum hufu_err keep(struct keeper *keeper, const struct conf *conf)
{
	const struct {
		int number;
		event_callback_fn fn;
	} signals[] = {{SIGTERM, on_end}, {SIGINT, on_end}, {SIGHUP, on_hup}};

	for (size_t i = 0; i < 3; i++) {
		keeper->signals[i] = evsignal_new(keeper->base, signals[i].number, signals[i].fn, keeper);
		if (!keeper->signals[i] || event_add(keeper->signals[i], NULL) != 0)
			return HUFU_ERR_NO_MEMORY;
	}
	enum hufu_err err = supervisor_new(keeper->base, conf, keeper->path, &keeper->supervisor);
	if (err != HUFU_OK)
		return err;
	notify_ready("hosting");
	event_base_dispatch(keeper->base);
	notify_stopping();
	return HUFU_OK;
}

int supervisor_main(struct conf *conf, const char *path)
{
	struct keeper keeper = {.base = event_base_new(), .path = path};
	enum hufu_err err = keeper.base ? keep(&keeper, conf) : HUFU_ERR_NO_MEMORY;

	supervisor_free(keeper.supervisor);
	for (size_t i = 0; i < 3; i++)
		if (keeper.signals[i])
			event_free(keeper.signals[i]);
	if (keeper.base)
		event_base_free(keeper.base);
	conf_free(conf);
	return err == HUFU_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
