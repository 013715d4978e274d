/* SPDX-License-Identifier: Apache-2.0 */
/* A thread with a loop, and the ways into it from other threads. */
#include "hufud/server_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"

#define FINISH_NS (10 * NS_PER_S)  /* for lanes to come back, at the end */

static _Thread_local struct worker *here;

struct worker *worker_here(void)
{
	return here;
}

/* -- from other threads ------------------------------------------------------------------ */

static void wake(struct worker *worker)
{
	const uint64_t one = 1;
	/* It fails when the counter is full: then the worker is as awake as can be. */
	while (write(worker->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Only who finds the stack empty wakes the worker: one wake-up for as many answers as come before it looks. */
void worker_post(struct job *job)
{
	struct worker *worker = job->worker;
	struct job *top = atomic_load_explicit(&worker->answered, memory_order_relaxed);
	do
		job->next = top;
	while (!atomic_compare_exchange_weak_explicit(&worker->answered, &top, job, memory_order_release, memory_order_relaxed));
	if (!top)
		wake(worker);
}

bool worker_tell(struct worker *worker, const struct command *what)
{
	struct command *command = malloc(sizeof(*command));
	if (!command)
		return false;
	*command = *what;
	pthread_mutex_lock(&worker->lock);
	bool first = STAILQ_EMPTY(&worker->commands);
	STAILQ_INSERT_TAIL(&worker->commands, command, entry);
	pthread_mutex_unlock(&worker->lock);
	if (first)
		wake(worker);
	return true;
}

/* -- on the worker's thread ---------------------------------------------------------------- */

void worker_queue(struct connection *c)
{
	struct worker *worker = c->worker;
	if (c->is_ready)
		return;
	if (TAILQ_EMPTY(&worker->ready))
		event_active(worker->next_turn, EV_TIMEOUT, 1);
	c->is_ready = true;
	TAILQ_INSERT_TAIL(&worker->ready, c, ready_entry);
}

void worker_settle(struct worker *worker)
{
	struct connection *c;
	while ((c = LIST_FIRST(&worker->dirty))) {
		connection_settle(c);
		LIST_REMOVE(c, dirty_entry);
		c->is_dirty = false;
		if (c->state == CONNECTION_DEAD && !c->outstanding)
			connection_reap(c);
	}
}

/* One turn each, for those that are there now: whoever is not done queues again, behind sockets that became ready. */
static void on_next_turn(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct connection *c;
	size_t turns = 0;
	(void)fd;
	(void)what;
	TAILQ_FOREACH(c, &worker->ready, ready_entry)
		turns++;
	while (turns-- && (c = TAILQ_FIRST(&worker->ready))) { /* counted: any of them may be gone before its turn */
		TAILQ_REMOVE(&worker->ready, c, ready_entry);
		c->is_ready = false;
		connection_turn(c);
		worker_settle(worker);
	}
	if (!TAILQ_EMPTY(&worker->ready))
		event_active(worker->next_turn, EV_TIMEOUT, 1);
}

static void finish_answered(struct worker *worker)
{
	struct job *job = atomic_exchange_explicit(&worker->answered, NULL, memory_order_acquire), *first = NULL, *next;
	for (; job; job = next) { /* the last that was pushed is on top */
		next = job->next;
		job->next = first;
		first = job;
	}
	for (job = first; job; job = next) {
		next = job->next;
		count(&worker->counts.answers_posted, 1);
		job_finish(job);
	}
}

/* -- commands -------------------------------------------------------------------------------- */

static void leave_all(struct worker *worker)
{
	struct connection *c;
	worker->draining = true;
	LIST_FOREACH(c, &worker->connections, entry)
		connection_leave(c, WIRE_GOAWAY_DRAIN, "the machine is being stopped");
}

static void end_all(struct worker *worker)
{
	struct connection *c;
	LIST_FOREACH(c, &worker->connections, entry)
		connection_end(c);
}

static void recheck_all(struct worker *worker)
{
	const struct server_rules *rules = &worker->server->rules;
	struct connection *c;
	LIST_FOREACH(c, &worker->connections, entry) {
		if (!c->service || c->state != CONNECTION_OPEN || rules->stands(rules->arg, &c->session))
			continue;
		count(&worker->counts.revoked, 1);
		log_notice("connection %llu is ended: it may no longer be, after the change of the configuration",
		           (unsigned long long)c->session.id);
		connection_leave(c, WIRE_GOAWAY_REVOKED, "the identity's rights were changed");
	}
}

static void renew_all(struct worker *worker)
{
	struct connection *c;
	LIST_FOREACH(c, &worker->connections, entry) {
		if (c->state == CONNECTION_HANDSHAKE)
			c->outdated = true; /* nobody knows yet who it is */
		else if (c->state != CONNECTION_DEAD && !channel_peer(c->channel)->local)
			connection_renew(c);
	}
}

static void ask(struct worker *worker, const struct command *command)
{
	struct job *job = job_new(worker, command->session, &command->header, command->body);
	if (!job) {
		command->done(command->arg, HUFU_ERR_NO_MEMORY);
		return;
	}
	job->done = command->done;
	job->arg = command->arg;
	command->service->run(&job->request);
}

static void adopt(struct worker *worker, struct channel *channel)
{
	if (!worker->draining) {
		connection_new(worker, channel);
		return;
	}
	channel_free(channel);
	atomic_fetch_sub(&worker->server->connections, 1);
}

static void obey(struct worker *worker, const struct command *command)
{
	struct connection *c;
	switch (command->type) {
	case COMMAND_ADOPT:
		adopt(worker, command->channel);
		break;
	case COMMAND_LIMITS:
		worker->limits = command->limits;
		LIST_FOREACH(c, &worker->connections, entry)
			connection_touch(c);
		break;
	case COMMAND_RECHECK:
		recheck_all(worker);
		break;
	case COMMAND_RENEW:
		renew_all(worker);
		break;
	case COMMAND_DRAIN:
		leave_all(worker);
		break;
	case COMMAND_CUT:
		end_all(worker);
		break;
	case COMMAND_ASK:
		ask(worker, command);
		break;
	case COMMAND_STOP:
		event_base_loopbreak(worker->base);
		break;
	}
}

static void obey_all(struct worker *worker)
{
	struct commands commands = STAILQ_HEAD_INITIALIZER(commands);
	pthread_mutex_lock(&worker->lock);
	STAILQ_CONCAT(&commands, &worker->commands);
	pthread_mutex_unlock(&worker->lock);
	struct command *command;
	while ((command = STAILQ_FIRST(&commands))) {
		STAILQ_REMOVE_HEAD(&commands, entry);
		obey(worker, command);
		free(command);
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	uint64_t n;
	(void)what;
	/* Before what was posted is looked at: whoever posts afterwards wakes again. */
	while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
	count(&worker->counts.wakeups, 1);
	finish_answered(worker);
	obey_all(worker);
	worker_settle(worker);
}

/* -- the tick ----------------------------------------------------------------------------------- */

static void tell_progress(struct connection *c, uint64_t now)
{
	struct job *job;
	TAILQ_FOREACH(job, &c->jobs, entry) {
		if (job->progress_ns > now)
			continue;
		uint32_t extend = atomic_load_explicit(&job->extend_ms, memory_order_relaxed);
		job->progress_ns = now + TICK_MS * NS_PER_MS;
		count(&c->worker->counts.progress, 1);
		if (wire_progress_put(connection_out(c), job->request.id, extend ? extend : 4 * TICK_MS) != HUFU_OK)
			c->out.bad = true;
	}
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	uint64_t now = clock_now_ns();
	struct connection *c;
	(void)fd;
	(void)what;
	atomic_store_explicit(&worker->beat_ns, now, memory_order_relaxed);
	LIST_FOREACH(c, &worker->busy, busy_entry)
		if (c->progress && !c->cut && (c->state == CONNECTION_OPEN || c->state == CONNECTION_LEAVING))
			tell_progress(c, now);
	worker_settle(worker);
}

/* -- beginning and end ------------------------------------------------------------------------------ */

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;
	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

static bool prepare(struct worker *worker)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	worker->block = secret_alloc(WORKER_BLOCK);
	worker->base = base_new();
	if (!worker->block || !worker->base || worker->wake_fd < 0)
		return false;
	worker->wake = event_new(worker->base, worker->wake_fd, EV_READ | EV_PERSIST, on_wake, worker);
	worker->tick = event_new(worker->base, -1, EV_PERSIST, on_tick, worker);
	worker->next_turn = event_new(worker->base, -1, 0, on_next_turn, worker);
	return worker->wake && worker->tick && worker->next_turn && event_add(worker->wake, NULL) == 0 &&
	       event_add(worker->tick, &tick) == 0;
}

enum hufu_err worker_new(struct server *server, const struct limits *limits, struct worker **out)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker)
		return HUFU_ERR_NO_MEMORY;
	worker->server = server;
	worker->limits = *limits;
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&worker->lock, NULL);
	STAILQ_INIT(&worker->commands);
	LIST_INIT(&worker->connections);
	LIST_INIT(&worker->busy);
	LIST_INIT(&worker->dirty);
	TAILQ_INIT(&worker->ready);
	writer_init(&worker->spare, true);
	if (!prepare(worker)) {
		worker_free(worker);
		return HUFU_ERR_NO_MEMORY;
	}
	*out = worker;
	return HUFU_OK;
}

static void *loop(void *arg)
{
	struct worker *worker = arg;
	here = worker;
	pthread_setname_np(pthread_self(), "hufud-worker");
	atomic_store(&worker->beat_ns, clock_now_ns());
	if (event_base_dispatch(worker->base) < 0)
		log_error("a loop of the server broke; connections on it are dead. Restart hufud");
	return NULL;
}

enum hufu_err worker_start(struct worker *worker)
{
	worker->started = pthread_create(&worker->thread, NULL, loop, worker) == 0;
	return worker->started ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

void worker_join(struct worker *worker)
{
	if (worker->started)
		pthread_join(worker->thread, NULL);
	worker->started = false;
}

bool worker_finish(struct worker *worker)
{
	uint64_t until = clock_now_ns() + FINISH_NS;
	for (;;) {
		finish_answered(worker);
		worker_settle(worker);
		if (!atomic_load(&worker->in_flight))
			return true;
		if (clock_now_ns() >= until)
			return false;
		usleep(1000);
	}
}

static void drop_commands(struct worker *worker)
{
	struct command *command;
	while ((command = STAILQ_FIRST(&worker->commands))) {
		STAILQ_REMOVE_HEAD(&worker->commands, entry);
		if (command->type == COMMAND_ADOPT)
			channel_free(command->channel);
		free(command);
	}
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	struct event *events[] = {worker->wake, worker->tick, worker->next_turn};
	end_all(worker);
	worker_settle(worker);
	drop_commands(worker);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (worker->base)
		event_base_free(worker->base);
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	writer_clear(&worker->spare);
	secret_free(worker->block);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}
