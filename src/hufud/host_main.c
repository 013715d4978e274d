/* SPDX-License-Identifier: Apache-2.0 */
/* A host's process: one device, one socket, as long as hufud lives. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "hufud/access.h"
#include "hufud/host_internal.h"
#include "hufud/server.h"
#include "rand/rand.h"

#define DRAIN_MS 2000u
#define NO_DEADLINE_NS (60 * NS_PER_S) /* of a request that has none */

struct process {
	const struct conf_device *device;
	struct access *access;         /* NULL: nobody else may */
	struct event_base *base;
	struct server *server;
	struct event *term, *interrupt;
};

/* -- who may ------------------------------------------------------------------------- */

/* The device is this user's, root's, and whoever's the configuration says. A machine's own is its own: others have its tenants. */
static bool is_allowed(struct process *process, const struct channel_peer *peer)
{
	char why[256];

	if (!peer->local)
		return false;
	if (peer->uid == geteuid() || peer->uid == 0)
		return true;
	const struct identity *identity = process->access ? access_identify(process->access, peer, why, sizeof(why)) : NULL;
	bool allowed = identity && access_roles(identity) & ACCESS_DEVICES;
	if (identity)
		access_rele(process->access, identity);
	return allowed;
}

static const struct service *admit(void *arg, struct session *session, const struct wire_hello *hello, struct wire_hello_ok *ok,
                                   char *why, size_t why_len)
{
	struct process *process = arg;

	if (hello->role != WIRE_HOST) {
		ok->status = wire_status_of(HUFU_ERR_UNSUPPORTED);
		snprintf(why, why_len, "device %s is lent in the role host alone", process->device->name);
	} else if (!is_allowed(process, session->peer)) {
		ok->status = wire_status_of(HUFU_ERR_DENIED);
		snprintf(why, why_len, "user %u may not use device %s. Add identity \"name\" { user = \"%u\" roles = { devices } ... }",
		         (unsigned)session->peer->uid, process->device->name, (unsigned)session->peer->uid);
	} else {
		ok->status = wire_status_of(service_host.hello(session, hello, ok));
		snprintf(ok->token, sizeof(ok->token), "%.64s", process->device->name);
		if (ok->status.err == HUFU_OK)
			return &service_host;
		snprintf(why, why_len, "no memory");
	}
	ok->status.text = why;
	return NULL;
}

static void leave(void *arg, struct session *session)
{
	(void)arg;
	(void)session;
}

static bool begin(void *arg, struct request *req)
{
	(void)arg;
	if (!req->deadline_ns)
		req->deadline_ns = req->arrived_ns + NO_DEADLINE_NS;
	return true;
}

static void end(void *arg, struct request *req)
{
	(void)arg;
	(void)req;
}

static bool stands(void *arg, const struct session *session)
{
	return is_allowed(arg, session->peer);
}

static void load(void *arg, const struct session *session, struct wire_load *out)
{
	(void)arg;
	(void)session;
	host_load(out);
}

/* -- its life --------------------------------------------------------------------------- */

/* Nothing of the library can be trusted to end: the process does. */
static _Noreturn void hung(const char *device, const char *what)
{
	log_device(HUFU_LOG_ERROR, device, "its library hangs in %s: its process ends, and a new one is started", what);
	_exit(HOST_EXIT_HUNG);
}

static void on_drained(void *arg, bool all)
{
	struct process *process = arg;

	if (!all)
		hung(process->device->name, "a call at the end");
	event_base_loopbreak(process->base);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct process *process = arg;

	(void)fd;
	(void)what;
	server_drain(process->server, DRAIN_MS, on_drained, process);
}

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* Connections stay as long as the client likes: with the last of them its logins end. */
static struct conf_machine machine_of(const struct conf *conf)
{
	struct conf_machine machine = conf->machine;

	machine.workers = 1;
	machine.idle_s = UINT32_MAX;
	machine.max_body = WIRE_BODY_MAX;
	machine.window = HOST_QUEUE;
	return machine;
}

static enum hufu_err start(struct process *process, const struct conf *conf)
{
	const struct server_rules rules = {.admit = admit, .leave = leave, .begin = begin, .end = end, .stands = stands, .load = load,
	                                   .arg = process};
	const struct conf_machine machine = machine_of(conf);
	enum hufu_err err = supervisor_has_guests(conf) ? access_new(conf, &process->access) : HUFU_OK;

	process->base = event_base_new();
	if (err == HUFU_OK && !process->base)
		err = HUFU_ERR_NO_MEMORY;
	if (err == HUFU_OK)
		err = server_new(process->base, &machine, &rules, &process->server);
	if (err == HUFU_OK)
		err = server_listen(process->server, HOST_FD);
	if (err != HUFU_OK)
		return err;
	process->term = evsignal_new(process->base, SIGTERM, on_signal, process);
	process->interrupt = evsignal_new(process->base, SIGINT, on_signal, process);
	if (!process->term || !process->interrupt || event_add(process->term, NULL) != 0 || event_add(process->interrupt, NULL) != 0)
		return HUFU_ERR_NO_MEMORY;
	return server_start(process->server);
}

static void clear(struct process *process)
{
	if (process->server && !server_stop(process->server))
		hung(process->device->name, "a call at the end");
	server_free(process->server);
	if (process->term)
		event_free(process->term);
	if (process->interrupt)
		event_free(process->interrupt);
	if (process->base)
		event_base_free(process->base);
	access_free(process->access);
}

static const struct conf_device *find_device(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (strcmp(conf->devices[i].name, name) == 0)
			return &conf->devices[i];
	log_error("there is no device \"%s\" to host", name);
	return NULL;
}

static const struct hufu_driver *find_driver(const struct conf_device *device)
{
	char why[512];
	const struct hufu_driver *driver = driver_find(device->driver, why, sizeof(why));

	if (!driver)
		log_device(HUFU_LOG_ERROR, device->name, "%s", why);
	/* Those who use it cannot look into the object, and take it for hardware. */
	if (!driver || device->driver[0] != '/' || !(driver->flags & HUFU_DRIVER_SOFTWARE))
		return driver;
	log_device(HUFU_LOG_ERROR, device->name, "its driver keeps keys in memory: it is no device for a process of its own. "
	           "Set isolation = thread");
	return NULL;
}

static int serve(struct process *process, const struct conf *conf)
{
	const struct hufu_driver *driver = find_driver(process->device);

	if (!driver || rand_start() != HUFU_OK || host_start(process->device, driver, HOST_GRACE_NS, hung) != HUFU_OK)
		return HOST_EXIT_CONFIG;
	enum hufu_err err = start(process, conf);
	if (err == HUFU_OK) {
		log_device(HUFU_LOG_INFO, process->device->name, "is hosted by process %d", (int)getpid());
		event_base_dispatch(process->base);
	}
	clear(process);
	host_stop();
	rand_stop();
	return err == HUFU_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int host_main(struct conf *conf, const char *name)
{
	struct process process = {.device = find_device(conf, name)};
	int status = HOST_EXIT_CONFIG;

	if (process.device && !is_listening(HOST_FD))
		log_error("a device's host is started by hufud, which gives it a socket: run hufud without --host");
	else if (process.device)
		status = serve(&process, conf);
	conf_free(conf);
	return status;
}
