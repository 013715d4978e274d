/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, and the workers as a whole. All of it on the owner's thread. */
#include "hufud/server_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "rand/rand.h"

#define AGAIN_MS 20u               /* after which a listener that had to wait looks again */
#define ACCEPT_AT_ONCE 64
#define UNANSWERED_NS (5 * NS_PER_S) /* after the cut, for services to answer what nobody waits for */

struct listener {
	struct listener *next;
	struct server *server;
	int fd;
	bool local;                    /* a Unix socket */
	struct event *event;
};

/* -- accepting ------------------------------------------------------------------------------ */

static struct worker *least_busy(const struct server *server)
{
	struct worker *best = server->workers[0];
	for (size_t i = 1; i < server->nworkers; i++)
		if (atomic_load(&server->workers[i]->nconnections) < atomic_load(&best->nconnections))
			best = server->workers[i];
	return best;
}

static void hand_over(struct listener *listener, int fd)
{
	struct server *server = listener->server;
	struct command command = {.type = COMMAND_ADOPT};

	if (!listener->local)
		channel_tune(fd);
	if ((!listener->local && !server->tls) ||
	    channel_new(listener->local ? NULL : server->tls, fd, NULL, NULL, &command.channel) != HUFU_OK) {
		close(fd);
		return;
	}
	atomic_fetch_add(&server->connections, 1);
	if (worker_tell(least_busy(server), &command))
		return;
	channel_free(command.channel);
	atomic_fetch_sub(&server->connections, 1);
}

/* Handshakes cost: as many as handshakes_per_s, and those of 100 ms at once. */
static bool may_accept(struct server *server)
{
	uint64_t now = clock_now_ns();
	double most = server->handshakes_per_s / 10.0 + 1;
	server->tokens += (double)(now - server->tokens_ns) / 1e9 * server->handshakes_per_s;
	server->tokens_ns = now;
	if (server->tokens > most)
		server->tokens = most;
	return server->tokens >= 1 && atomic_load(&server->connections) < server->connections_max;
}

static void pause_listeners(struct server *server)
{
	const struct timeval tv = {.tv_usec = AGAIN_MS * 1000};
	for (struct listener *l = server->listeners; l; l = l->next)
		event_del(l->event);
	event_add(server->again, &tv);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	(void)fd;
	(void)what;
	if (!may_accept(server)) {
		pause_listeners(server);
		return;
	}
	for (struct listener *l = server->listeners; l; l = l->next)
		event_add(l->event, NULL);
}

static bool passing(int error)
{
	/* accept(2): errors of the network that were pending on the new socket; the next one may be well. */
	return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN || error == ENOPROTOOPT ||
	       error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH || error == EOPNOTSUPP || error == ENETUNREACH;
}

/* Told once, until it is over: it is tried again 50 times a second. */
static void wait_for_room(struct server *server, int error)
{
	if (!server->starved)
		log_warning("connections cannot be accepted: %s. Raise LimitNOFILE=, or lower connections_max", strerrordesc_np(error));
	server->starved = true;
	pause_listeners(server);
}

static void on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	struct server *server = listener->server;
	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		if (!may_accept(server)) {
			pause_listeners(server);
			return;
		}
		int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client < 0 && passing(errno))
			continue;
		if (client < 0) {
			if (errno != EAGAIN)
				wait_for_room(server, errno);
			return;
		}
		server->starved = false;
		server->tokens -= 1;
		hand_over(listener, client);
	}
}

enum hufu_err server_listen(struct server *server, int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int domain = 0;
	socklen_t len = sizeof(domain);
	if (!listener)
		return HUFU_ERR_NO_MEMORY;
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 || evutil_make_socket_nonblocking(fd) != 0) {
		free(listener);
		return HUFU_ERR_ARGUMENT;
	}
	*listener = (struct listener){.next = server->listeners, .server = server, .fd = fd, .local = domain == AF_UNIX};
	listener->event = event_new(server->base, fd, EV_READ | EV_PERSIST, on_listener, listener);
	if (!listener->event) {
		free(listener);
		return HUFU_ERR_NO_MEMORY;
	}
	server->listeners = listener;
	return HUFU_OK;
}

static void stop_listening(struct server *server)
{
	struct listener *listener;
	event_del(server->again);
	while ((listener = server->listeners)) {
		server->listeners = listener->next;
		event_free(listener->event);
		close(listener->fd);
		free(listener);
	}
}

/* -- beginning and end -------------------------------------------------------------------------- */

static void set_limits(struct server *server, const struct conf_machine *conf)
{
	server->limits = (struct limits){.hello_ms = conf->hello_ms, .frame_ms = conf->frame_ms, .idle_s = conf->idle_s,
	                                 .max_body = conf->max_body, .window = conf->window};
	server->connections_max = conf->connections_max;
	server->handshakes_per_s = conf->handshakes_per_s;
}

static void on_drain_timer(evutil_socket_t fd, short what, void *arg);

enum hufu_err server_new(struct event_base *base, const struct conf_machine *conf, const struct server_rules *rules,
                         struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	if (!server)
		return HUFU_ERR_NO_MEMORY;
	server->base = base;
	server->rules = *rules;
	server->nworkers_wanted = conf->workers;
	snprintf(server->name, sizeof(server->name), "%s", conf->name ? conf->name : "hufud");
	set_limits(server, conf);
	server->tokens_ns = clock_now_ns();
	server->tokens = 1;
	server->again = event_new(base, -1, 0, on_again, server);
	server->drain_timer = event_new(base, -1, EV_PERSIST, on_drain_timer, server);
	enum hufu_err err = server->again && server->drain_timer ? rand_bytes(&server->start, sizeof(server->start)) :
	                                                           HUFU_ERR_NO_MEMORY;
	if (err != HUFU_OK) {
		server_free(server);
		return err;
	}
	*out = server;
	return HUFU_OK;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->again)
		stop_listening(server);
	for (size_t i = 0; i < server->nworkers; i++)
		worker_free(server->workers[i]);
	free(server->workers);
	if (server->again)
		event_free(server->again);
	if (server->drain_timer)
		event_free(server->drain_timer);
	channel_context_free(server->tls);
	free(server);
}

void server_set_tls(struct server *server, struct channel_context *tls)
{
	channel_context_free(server->tls);
	server->tls = tls;
}

int64_t server_tls_not_after(const struct server *server)
{
	return server->tls ? channel_context_not_after(server->tls) : 0;
}

static size_t cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n > 0 ? (size_t)n : 1;
}

enum hufu_err server_start(struct server *server)
{
	size_t wanted = server->nworkers_wanted ? server->nworkers_wanted : cores();
	server->workers = calloc(wanted, sizeof(struct worker *));
	if (!server->workers)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < wanted; i++) {
		enum hufu_err err = worker_new(server, &server->limits, &server->workers[i]);
		if (err == HUFU_OK)
			server->nworkers++;
		if (err == HUFU_OK)
			err = worker_start(server->workers[i]);
		if (err != HUFU_OK)
			return err;
	}
	for (struct listener *l = server->listeners; l; l = l->next)
		event_add(l->event, NULL);
	return HUFU_OK;
}

static void tell_all(struct server *server, const struct command *command)
{
	for (size_t i = 0; i < server->nworkers; i++)
		if (!worker_tell(server->workers[i], command))
			log_error("memory is out: a worker was not told what to do");
}

bool server_stop(struct server *server)
{
	bool all = true;
	tell_all(server, &(struct command){.type = COMMAND_STOP});
	for (size_t i = 0; i < server->nworkers; i++) {
		worker_join(server->workers[i]);
		all &= worker_finish(server->workers[i]);
	}
	return all;
}

void server_renew(struct server *server)
{
	tell_all(server, &(struct command){.type = COMMAND_RENEW});
}

void server_reconfigure(struct server *server, const struct conf_machine *conf)
{
	set_limits(server, conf);
	tell_all(server, &(struct command){.type = COMMAND_LIMITS, .limits = server->limits});
	tell_all(server, &(struct command){.type = COMMAND_RECHECK});
}

/* -- drain ------------------------------------------------------------------------------------------ */

static void on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	(void)fd;
	(void)what;
	uint32_t left = atomic_load(&server->connections);
	bool late = clock_now_ns() >= server->drain_until_ns;
	if (!left || (late && server->cut)) {
		event_del(server->drain_timer);
		server->drained(server->drained_arg, !left);
	} else if (late) {
		log_warning("%u connections did not end in time and are cut off", left);
		server->cut = true;
		server->drain_until_ns += UNANSWERED_NS;
		tell_all(server, &(struct command){.type = COMMAND_CUT});
	}
}

void server_drain(struct server *server, uint32_t drain_ms, void (*done)(void *arg, bool all), void *arg)
{
	const struct timeval tv = {.tv_usec = 10000};
	if (atomic_exchange(&server->draining, true))
		return;
	stop_listening(server);
	server->drained = done;
	server->drained_arg = arg;
	server->drain_until_ns = clock_now_ns() + drain_ms * NS_PER_MS;
	tell_all(server, &(struct command){.type = COMMAND_DRAIN});
	event_add(server->drain_timer, &tv);
}

/* -- the machine's own requests ------------------------------------------------------------------------ */

struct asked {
	struct server *server;
	void (*done)(void *arg, enum hufu_err);
	void *arg;
};

static void on_asked(void *arg, enum hufu_err err)
{
	struct asked asked = *(struct asked *)arg;
	free(arg);
	atomic_store(&asked.server->asking, false);
	asked.done(asked.arg, err);
}

bool server_ask(struct server *server, struct session *session, const struct service *service, const struct wire_header *header,
                const uint8_t *body, void (*done)(void *arg, enum hufu_err), void *arg)
{
	if (atomic_exchange(&server->asking, true))
		return false;
	struct asked *asked = malloc(sizeof(*asked));
	struct command command = {.type = COMMAND_ASK, .session = session, .service = service, .header = *header, .body = body,
	                          .done = on_asked, .arg = asked};
	if (asked)
		*asked = (struct asked){.server = server, .done = done, .arg = arg};
	if (asked && worker_tell(server->workers[server->next_asked++ % server->nworkers], &command))
		return true;
	free(asked);
	atomic_store(&server->asking, false);
	return false;
}

/* -- what it tells -------------------------------------------------------------------------------------- */

void server_state(struct server *server, struct server_state *state)
{
	uint64_t now = clock_now_ns();
	*state = (struct server_state){.connections = atomic_load(&server->connections), .workers = (uint32_t)server->nworkers,
	                               .draining = atomic_load(&server->draining)};
	for (size_t i = 0; i < server->nworkers; i++) {
		struct worker *worker = server->workers[i];
		uint64_t beat = atomic_load_explicit(&worker->beat_ns, memory_order_relaxed);
		state->in_flight += atomic_load_explicit(&worker->in_flight, memory_order_relaxed);
		if (beat && now > beat && now - beat > state->slowest_beat_ns)
			state->slowest_beat_ns = now - beat;
	}
}
