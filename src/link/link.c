/* SPDX-License-Identifier: Apache-2.0 */
/* A link as its users see it: calls, probes, state, forks. */
#include "link/link_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"

#define LINK_HELD_MAX 64 /* connections that calls may wait on, those that drain too */
#define LOOK_NS (20 * NS_PER_MS) /* idle for longer: it may have ended meanwhile, and a look costs less than a lost request */

/* -- configuration ----------------------------------------------------------------------- */

static const size_t texts[] = {
	offsetof(struct link_conf, device), offsetof(struct link_conf, address), offsetof(struct link_conf, name),
	offsetof(struct link_conf, pin), offsetof(struct link_conf, profile), offsetof(struct link_conf, ca),
	offsetof(struct link_conf, cert), offsetof(struct link_conf, key), offsetof(struct link_conf, crl),
	offsetof(struct link_conf, enc_cert), offsetof(struct link_conf, enc_key), offsetof(struct link_conf, token),
	offsetof(struct link_conf, domain_id),
};

static const char **text_at(struct link_conf *conf, size_t i)
{
	return (const char **)(void *)((char *)conf + texts[i]);
}

/* All that conf points to, in one block. */
static bool copy_texts(struct link *link)
{
	size_t len = 0, at = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		len += *text_at(&link->conf, i) ? strlen(*text_at(&link->conf, i)) + 1 : 0;
	link->text = malloc(len + 1);
	for (size_t i = 0; link->text && i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char **text = text_at(&link->conf, i);
		if (!*text)
			continue;
		const size_t n = strlen(*text) + 1;
		memcpy(link->text + at, *text, n);
		*text = link->text + at;
		at += n;
	}
	return link->text != NULL;
}

static void set_defaults(struct link_conf *conf)
{
	static const struct {
		size_t at;
		uint32_t value, max;
	} numbers[] = {
		{offsetof(struct link_conf, connections), 2, LINK_CONNECTIONS_MAX}, {offsetof(struct link_conf, connects_per_s), 20, 1000000},
		{offsetof(struct link_conf, ping_ms), 1000, 3600000}, {offsetof(struct link_conf, idle_ms), 15000, UINT32_MAX},
		{offsetof(struct link_conf, window), WIRE_WINDOW_DEFAULT, 65536},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t *value = (uint32_t *)(void *)((char *)conf + numbers[i].at);
		if (*value == 0)
			*value = numbers[i].value;
		if (*value > numbers[i].max)
			*value = numbers[i].max;
	}
	if (!conf->token)
		conf->token = "";
	if (!conf->device)
		conf->device = "machine";
}

/* Where no name is given: that of the address; with a pin the certificate is known, whatever name it has. */
static bool set_name(struct link *link)
{
	if (link->conf.name)
		return (size_t)snprintf(link->name, sizeof(link->name), "%s", link->conf.name) < sizeof(link->name);
	return link->pinned || channel_address_host(link->conf.address, link->name, sizeof(link->name));
}

static enum hufu_err check_conf(struct link *link)
{
	const char *unix_path = NULL;
	const struct link_conf *conf = &link->conf;

	if (!conf->address || !channel_address_valid(conf->address, &unix_path)) {
		log_device(HUFU_LOG_ERROR, conf->device, "address = \"%s\" is no address. Write host:port, [v6]:port or unix:/path",
		           conf->address ? conf->address : "");
		return HUFU_ERR_CONFIG;
	}
	link->is_unix = unix_path != NULL;
	link->pinned = conf->pin != NULL;
	link->domain_known = conf->domain_id != NULL;
	if ((conf->pin && !link_hex(conf->pin, link->pin, sizeof(link->pin))) ||
	    (conf->domain_id && !link_hex(conf->domain_id, link->domain, sizeof(link->domain)))) {
		log_device(HUFU_LOG_ERROR, conf->device, "pin must have 64 hex digits (SHA-256 of the certificate), domain_id 32");
		return HUFU_ERR_CONFIG;
	}
	if (strlen(conf->token) >= sizeof(((struct wire_hello *)NULL)->token) || (!link->is_unix && !set_name(link))) {
		log_device(HUFU_LOG_ERROR, conf->device, "tenant or name is too long. They may have 64 and 255 bytes");
		return HUFU_ERR_CONFIG;
	}
	return HUFU_OK;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3u; /* FNV-1a, by words */
}

/* Changes when one of the files does. */
static uint64_t stamp_of(const struct link_conf *c)
{
	const char *const paths[] = {c->ca, c->cert, c->key, c->crl, c->enc_cert, c->enc_key};
	uint64_t stamp = 0xcbf29ce484222325u;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct stat st;
		if (!paths[i] || stat(paths[i], &st) != 0)
			continue;
		stamp = mix(mix(stamp, st.st_ino), (uint64_t)st.st_size);
		stamp = mix(mix(stamp, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
	}
	return stamp;
}

static enum hufu_err context_new(struct link *link, struct channel_context **context)
{
	const struct link_conf *c = &link->conf;
	const struct channel_conf conf = {.profile = c->profile, .ca = c->ca, .cert = c->cert, .key = c->key, .crl = c->crl,
	                                  .enc_cert = c->enc_cert, .enc_key = c->enc_key};

	return channel_context_new(&conf, context);
}

bool link_context_refresh(struct link *link)
{
	const uint64_t stamp = stamp_of(&link->conf);
	struct channel_context *fresh = NULL;

	if (link->context && stamp == link->stamp)
		return true;
	/* Files that do not go together may be in the middle of their renewal: what was good is used until they do. */
	if (context_new(link, &fresh) == HUFU_OK) {
		channel_context_free(link->context);
		link->context = fresh;
	}
	link->stamp = stamp;
	return link->context != NULL;
}

/* Machines tell by it which connections are one process's. Not libcrypto's: a forked child may find its locks held by nobody. */
static void draw_process(struct link *link)
{
	if (getrandom(&link->process, sizeof(link->process), GRND_NONBLOCK) != sizeof(link->process))
		link->process = (uint64_t)getpid() << 32 ^ clock_now_ns();
}

static void locks_init(struct link *link)
{
	pthread_mutex_init(&link->lock, NULL);
	clock_cond_init(&link->dialed);
}

/* -- forks ---------------------------------------------------------------------------------------- */

static struct link *_Atomic links;
static pthread_mutex_t links_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t links_once = PTHREAD_ONCE_INIT;

/* The parent's connections are closed in a child, once, and not ended: the machine hears nothing of it. */
static void leave_sockets(struct link *link)
{
	const int fd = atomic_exchange(&link->dial_fd, -1);

	if (fd >= 0)
		close(fd);
	for (struct link_conn *c = link->all; c; c = c->next) {
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
}

/*
 * Links that nobody goes on with in the child too: with a copy of its socket there, a connection would outlive the parent. No lock
 * is held over the fork, since other handlers wait for threads that may be about to take it: a list changes by one store, so that
 * what the child sees of it is whole.
 */
static void after_fork_child(void)
{
	pthread_mutex_init(&links_lock, NULL);
	for (struct link *link = atomic_load(&links); link; link = atomic_load(&link->next))
		leave_sockets(link);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, after_fork_child);
}

static void enlist(struct link *link)
{
	pthread_once(&links_once, watch_forks);
	pthread_mutex_lock(&links_lock);
	atomic_store(&link->next, atomic_load(&links));
	atomic_store(&links, link);
	pthread_mutex_unlock(&links_lock);
}

static void delist(struct link *link)
{
	pthread_mutex_lock(&links_lock);
	struct link *_Atomic *at = &links;
	while (atomic_load(at) != link)
		at = &atomic_load(at)->next;
	atomic_store(at, atomic_load(&link->next));
	pthread_mutex_unlock(&links_lock);
}

/* -- beginning and end ------------------------------------------------------------------------------ */

enum hufu_err link_new(const struct link_conf *conf, struct link **out)
{
	struct link *link = calloc(1, sizeof(*link));
	enum hufu_err err;

	if (!link)
		return HUFU_ERR_NO_MEMORY;
	locks_init(link);
	atomic_init(&link->dial_fd, -1);
	enlist(link);
	link->conf = *conf;
	set_defaults(&link->conf);
	draw_process(link);
	err = copy_texts(link) ? check_conf(link) : HUFU_ERR_NO_MEMORY;
	if (!err && !link->is_unix) {
		link->stamp = stamp_of(&link->conf);
		err = context_new(link, &link->context);
	}
	if (err) {
		link_free(link);
		return err;
	}
	*out = link;
	return HUFU_OK;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	delist(link);
	for (size_t i = 0; i < LINK_SLOTS; i++)
		if (link->slots[i])
			conn_rele(link->slots[i]);
	channel_context_free(link->context);
	pthread_mutex_destroy(&link->lock);
	pthread_cond_destroy(&link->dialed);
	free(link->text);
	free(link);
}

/* -- calls ---------------------------------------------------------------------------------- */

static void finish_all(struct link_call *calls, size_t n, enum hufu_err err)
{
	for (size_t i = 0; i < n; i++)
		calls[i].err = err;
}

static uint64_t latest_deadline(const struct link_call *calls, size_t n)
{
	uint64_t latest = 0;

	for (size_t i = 0; i < n; i++)
		if (calls[i].deadline_ns > latest)
			latest = calls[i].deadline_ns;
	return latest;
}

/* False: it has been away for so long that it may be gone, and did not answer; it is given up. */
static bool still_there(struct link_conn *c, uint64_t deadline_ns)
{
	const struct link_conf *conf = &c->link->conf;
	const uint64_t now = clock_now_ns(), used = atomic_load_explicit(&c->used_ns, memory_order_relaxed);
	const uint64_t idle = now > used ? now - used : 0, patience = now + conf->ping_ms * NS_PER_MS;

	if (idle < LOOK_NS)
		return true;
	conn_look(c);
	/* One that somebody waits on is asked already, with the link's patience: ours may be too short for it. */
	if (!atomic_load(&c->closed) && idle >= conf->idle_ms * NS_PER_MS && !conn_is_waited_on(c) &&
	    conn_ask(c, patience < deadline_ns ? patience : deadline_ns) != HUFU_OK) {
		conn_lock(c);
		conn_die_locked(c, HUFU_LOG_INFO, "it was idle, and did not answer");
		conn_unlock(c);
	}
	return !atomic_load(&c->closed);
}

static enum hufu_err connect_alive(struct link *link, enum link_kind kind, uint64_t deadline_ns, struct link_conn **conn)
{
	for (;;) {
		enum hufu_err err = link_connect(link, kind, deadline_ns, conn);
		if (err || still_there(*conn, deadline_ns))
			return err;
		conn_rele(*conn);
	}
}

/* How many of them have an outcome. */
static size_t run_on(struct link_conn *conn, struct link_call *calls, size_t n, uint64_t deadline_ns)
{
	struct link_waiter w;

	waiter_init(&w);
	size_t done = conn_submit(conn, &w, calls, n);
	if (done > 0) {
		conn_wait(conn, &w, calls, done, deadline_ns);
	} else if (!conn_wait_credit(conn, deadline_ns) && clock_now_ns() >= deadline_ns) {
		finish_all(calls, n, HUFU_ERR_BUSY);
		done = n;
	}
	return done;
}

/* All of one kind. */
static void run_kind(struct link *link, enum link_kind kind, struct link_call *calls, size_t n)
{
	const uint64_t deadline_ns = latest_deadline(calls, n);

	while (n > 0) {
		struct link_conn *conn;
		enum hufu_err err = connect_alive(link, kind, deadline_ns, &conn);
		if (err) {
			finish_all(calls, n, err);
			return;
		}
		const size_t done = run_on(conn, calls, n, deadline_ns);
		conn_rele(conn);
		calls += done;
		n -= done;
	}
}

static bool is_whole(const struct link_call *call)
{
	return !call->frame.bad && call->frame.len >= WIRE_HEADER_LEN;
}

static void call_begin(struct link_call *call)
{
	call->err = HUFU_OK;
	call->body = NULL;
	call->len = 0;
	call->waiter = NULL;
}

void link_run(struct link *link, struct link_call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		call_begin(&calls[i]);
	for (size_t i = 0, k; i < n; i += k) {
		for (k = 1; i + k < n && calls[i + k].bulk == calls[i].bulk && is_whole(&calls[i]) == is_whole(&calls[i + k]); k++)
			;
		if (is_whole(&calls[i]))
			run_kind(link, calls[i].bulk ? LINK_LARGE : LINK_SMALL, &calls[i], k);
		else
			finish_all(&calls[i], k, HUFU_ERR_NO_MEMORY); /* of the writer, where the frame was to be */
	}
}

void link_call_clear(struct link_call *call)
{
	secret_free(call->body);
	writer_clear(&call->frame);
	call->body = NULL;
	call->len = 0;
}

/*
 * Which connection a call went out on nobody notes, for the sake of the many that are not cancelled: all are looked through. The
 * flag is for one that has not gone out yet.
 */
void link_cancel(struct link *link, struct link_call *calls, size_t n)
{
	struct link_conn *held[LINK_HELD_MAX];
	size_t nheld = 0;

	for (size_t i = 0; i < n; i++)
		atomic_store(&calls[i].cancelled, true);
	pthread_mutex_lock(&link->lock);
	for (struct link_conn *c = link->all; c && nheld < LINK_HELD_MAX; c = c->next)
		if (conn_try_hold(c))
			held[nheld++] = c;
	pthread_mutex_unlock(&link->lock);
	for (size_t i = 0; i < nheld; i++) {
		for (size_t k = 0; k < n; k++)
			conn_cancel(held[i], &calls[k]);
		conn_rele(held[i]);
	}
}

/* -- probes, state ------------------------------------------------------------------------------ */

enum hufu_err link_probe(struct link *link, uint64_t deadline_ns)
{
	struct link_conn *conn, *spare;
	enum hufu_err err = connect_alive(link, LINK_SMALL, deadline_ns, &conn);

	if (err)
		return err;
	err = conn_ask(conn, deadline_ns);
	conn_rele(conn);
	/* Whoever probes has time to make the connection that callers will want when there is more to do. */
	if (!err && link_connect(link, LINK_SPARE, deadline_ns, &spare) == HUFU_OK && spare)
		conn_rele(spare);
	return err;
}

void link_state(struct link *link, struct link_state *state)
{
	pthread_mutex_lock(&link->lock);
	*state = link->state;
	for (size_t i = 0; i < LINK_SLOTS; i++)
		state->connections += link->slots[i] && !atomic_load(&link->slots[i]->closed);
	pthread_mutex_unlock(&link->lock);
	state->up = state->connections > 0;
	state->pings = atomic_load(&link->pings);
	state->lost = atomic_load(&link->lost);
}

void link_before_fork(struct link *link)
{
	pthread_mutex_lock(&link->lock);
}

void link_after_fork_parent(struct link *link)
{
	pthread_mutex_unlock(&link->lock);
}

#define LEFT_MAX 8
/* Where those who look for leaks still find them: never read, so a compiler would do without. */
__attribute__((used)) static struct channel_context *left[LEFT_MAX];
static unsigned nleft;

/*
 * What is in the parent's connections, and in what they are made with, may have been in the middle of a change by a thread
 * that this process does not have, and its locks be held for good; it is left alone, but for the plaintext that came in.
 */
void link_after_fork_child(struct link *link)
{
	leave_sockets(link);
	for (struct link_conn *c = link->all; c; c = c->next)
		secret_free(c->in);
	link->all = NULL;
	memset(link->slots, 0, sizeof(link->slots));
	link->dialing = false;
	link->known[0] = '\0';
	left[nleft++ % LEFT_MAX] = link->context;
	link->context = NULL;
	draw_process(link);
	locks_init(link);
}
