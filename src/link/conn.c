/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: who reads, who writes, who waits for what. */
#include "link/link_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/secret.h"

#define ASK_NS (250 * NS_PER_MS)
#define SHORT_NS (10 * NS_PER_MS)  /* until somebody who waits in vain for a place looks again; see wait_turn */
#define RECEIVE_MOST 64
#define WHY_LEN 256
#define KEEP_CAP (256u * 1024)     /* buffers that grew beyond it are given back */

/* -- life -------------------------------------------------------------------------------- */

enum hufu_err conn_new(struct link *link, struct channel *channel, struct link_conn **out)
{
	struct link_conn *c = calloc(1, sizeof(*c));
	uint8_t *in = c ? secret_alloc(LINK_IN_CAP) : NULL;

	if (!in) {
		free(c);
		return HUFU_ERR_NO_MEMORY;
	}
	c->in = in;
	c->link = link;
	c->channel = channel;
	c->fd = channel_fd(channel);
	atomic_init(&c->holders, 1);
	pthread_mutex_init(&c->io, NULL);
	pthread_mutex_init(&c->lock, NULL);
	writer_init(&c->queue, true);
	writer_init(&c->sending, true);
	c->used_ns = c->heard_ns = clock_now_ns();
	pthread_mutex_lock(&link->lock);
	atomic_store(&c->next, atomic_load(&link->all));
	atomic_store(&link->all, c);
	pthread_mutex_unlock(&link->lock);
	*out = c;
	return HUFU_OK;
}

static void unlist(struct link_conn *c)
{
	struct link_conn *_Atomic *at = &c->link->all;

	pthread_mutex_lock(&c->link->lock);
	while (atomic_load(at) != c)
		at = &atomic_load(at)->next;
	atomic_store(at, atomic_load(&c->next));
	pthread_mutex_unlock(&c->link->lock);
}

void conn_hold(struct link_conn *c)
{
	atomic_fetch_add(&c->holders, 1);
}

bool conn_try_hold(struct link_conn *c)
{
	unsigned holders = atomic_load(&c->holders);

	while (holders > 0)
		if (atomic_compare_exchange_weak(&c->holders, &holders, holders + 1))
			return true;
	return false;
}

void conn_rele(struct link_conn *c)
{
	if (atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	unlist(c);
	channel_free(c->channel);
	secret_free(c->in);
	secret_free(c->frame.body);
	writer_clear(&c->queue);
	writer_clear(&c->sending);
	pthread_mutex_destroy(&c->io);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* -- calls that are waited for -------------------------------------------------------------- */

static struct link_call **bucket(struct link_conn *c, uint64_t id)
{
	return &c->calls[id % LINK_BUCKETS];
}

struct link_call *call_find_locked(struct link_conn *c, uint64_t id)
{
	struct link_call *call = *bucket(c, id);

	while (call && call->id != id)
		call = call->next;
	return call;
}

static void call_enter_locked(struct link_conn *c, struct link_waiter *w, struct link_call *call)
{
	struct link_call **at = bucket(c, call->id);

	call->waiter = w;
	call->next = *at;
	*at = call;
	w->remaining++;
	c->pending++;
}

void call_done_locked(struct link_conn *c, struct link_call *call, enum hufu_err err)
{
	struct link_call **at = bucket(c, call->id);
	struct link_waiter *w = call->waiter;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	c->pending--;
	call->err = err;
	call->waiter = NULL;
	if (--w->remaining > 0)
		return;
	waiter_leave_locked(w);
	waiter_wake_locked(c, w);
	atomic_store(&w->done, true);
}

void wake_for_credit_locked(struct link_conn *c)
{
	for (struct link_waiter *w = c->waiters; w; w = w->next)
		if (w->for_credit)
			waiter_wake_locked(c, w);
}

void conn_drain_locked(struct link_conn *c)
{
	c->draining = true;
	atomic_store(&c->closed, true);
}

void conn_die_locked(struct link_conn *c, enum hufu_level level, const char *why)
{
	if (c->dead)
		return;
	c->dead = true;
	atomic_store(&c->closed, true);
	atomic_fetch_add(&c->link->lost, 1);
	log_device(level, c->link->conf.device, "the connection is lost: %s (%u requests outstanding)", why, c->in_flight);
	(void)shutdown(c->fd, SHUT_RDWR); /* whoever waits on it wakes up */
	for (size_t i = 0; i < LINK_BUCKETS; i++) {
		for (struct link_call *call = c->calls[i], *next; call; call = next) {
			next = call->next;
			/* A request that did not go out to its last byte cannot have been carried out. */
			call_done_locked(c, call, call->end > c->offered ? HUFU_ERR_GONE : HUFU_ERR_LOST);
		}
	}
	wake_for_credit_locked(c);
}

/* -- writing ------------------------------------------------------------------------------------ */

static bool has_unsent(const struct link_conn *c)
{
	return c->sent < c->queued;
}

static void writer_reuse(struct writer *w)
{
	if (w->cap > KEEP_CAP) {
		writer_clear(w);
		writer_init(w, true);
		return;
	}
	secret_wipe(w->data, w->len);
	w->len = 0;
}

/* With conn.io: the channel's text is written anew by its next failure. */
static void copy_why(char why[WHY_LEN], const struct link_conn *c, enum hufu_err err)
{
	if (err)
		snprintf(why, WHY_LEN, "%s", channel_why(c->channel));
}

/* The writer's place is ours, c->lock held; it is let go of for the sending itself. What does not go at once stays. */
static void send_locked(struct link_conn *c)
{
	while (!c->dead && has_unsent(c)) {
		enum channel_want want = CHANNEL_READY;
		char why[WHY_LEN];
		size_t n = 0;
		if (c->sending_at == c->sending.len) {
			const struct writer sent = c->sending;
			c->sending = c->queue;
			c->queue = sent;
			writer_reuse(&c->queue);
			c->pongs = 0;
			c->sending_at = 0;
		}
		c->offered = c->sent + (c->sending.len - c->sending_at);
		conn_unlock(c);
		pthread_mutex_lock(&c->io);
		enum hufu_err err = channel_write(c->channel, c->sending.data + c->sending_at, c->sending.len - c->sending_at, &n, &want);
		copy_why(why, c, err);
		pthread_mutex_unlock(&c->io);
		conn_lock(c);
		c->sending_at += n;
		c->sent += n;
		c->offered = c->sent;
		if (err) {
			conn_die_locked(c, HUFU_LOG_INFO, why);
			return;
		}
		if (n == 0)
			return;
	}
}

static void flush_locked(struct link_conn *c)
{
	if (c->writing || c->dead)
		return; /* whoever writes takes ours along */
	c->writing = true;
	send_locked(c);
	c->writing = false;
}

/* -- reading ------------------------------------------------------------------------------------- */

/* The reader's place is ours, no lock held. What one recv gives, and all that libssl makes of it; false: there was nothing. */
static bool receive(struct link_conn *c)
{
	bool some = false;

	for (bool more = true; more;) {
		enum channel_want want = CHANNEL_READY;
		char why[WHY_LEN];
		size_t n = 0;
		pthread_mutex_lock(&c->io);
		enum hufu_err err = channel_read(c->channel, c->in + c->in_len, LINK_IN_CAP - c->in_len, &n, &want);
		more = err == HUFU_OK && n > 0 && channel_pending(c->channel);
		copy_why(why, c, err);
		pthread_mutex_unlock(&c->io);
		conn_lock(c);
		if (n > 0) {
			c->heard_ns = clock_now_ns();
			c->unanswered_ns = 0;
			c->in_len += n;
			more &= frames_take_locked(c);
		} else if (err) {
			conn_die_locked(c, err == HUFU_ERR_DENIED ? HUFU_LOG_ERROR : HUFU_LOG_INFO, why);
		} else if (want == CHANNEL_READY) {
			conn_die_locked(c, HUFU_LOG_INFO, "the machine closed it");
		}
		some |= n > 0;
		conn_unlock(c);
	}
	return some;
}

/* Until there is nothing left: an end may stand behind answers that nobody waits for. One that never stops is not waited for. */
static void receive_all(struct link_conn *c)
{
	for (int i = 0; i < RECEIVE_MOST && receive(c); i++)
		;
}

/* -- silence ---------------------------------------------------------------------------------------- */

static uint64_t patience(const struct link_conn *c)
{
	return c->link->conf.ping_ms * NS_PER_MS;
}

static uint64_t asking_interval(const struct link_conn *c)
{
	return patience(c) / 4 < ASK_NS ? patience(c) / 4 : ASK_NS;
}

static void queue_ping_locked(struct link_conn *c, uint64_t id)
{
	if (wire_plain_put(&c->queue, WIRE_PING, id) != HUFU_OK) {
		conn_die_locked(c, HUFU_LOG_WARNING, "memory is out");
		return;
	}
	c->queued += WIRE_HEADER_LEN;
	c->asked_ns = clock_now_ns();
	if (c->unanswered_ns == 0)
		c->unanswered_ns = c->asked_ns;
	atomic_fetch_add(&c->link->pings, 1);
}

/*
 * Gives back when to look again. Silence counts from the first PING that nobody answered, not from the last byte: a machine that
 * works for a minute on what was asked says nothing by itself. What was given up keeps counting, so that many calls with little
 * patience each find out together.
 */
static uint64_t mind_silence_locked(struct link_conn *c, uint64_t now)
{
	const uint64_t interval = asking_interval(c);
	const uint64_t last = c->heard_ns > c->asked_ns ? c->heard_ns : c->asked_ns;

	if (c->pending == 0 && c->in_flight == 0)
		return CLOCK_NEVER;
	if (c->unanswered_ns != 0 && now >= c->unanswered_ns + patience(c) - interval) {
		conn_die_locked(c, HUFU_LOG_WARNING, "no sign of life, though it was asked for one");
		return now;
	}
	if (now < last + interval)
		return last + interval;
	queue_ping_locked(c, LINK_PING_BIT | ++c->last_ping);
	flush_locked(c);
	return now + interval;
}

/* -- waiting ----------------------------------------------------------------------------------------- */

static bool is_done(const struct link_conn *c, const struct link_waiter *w)
{
	if (w->for_credit)
		return c->dead || c->draining || c->in_flight < c->window;
	return w->remaining == 0;
}

/* One of those who stay takes over what we leave: the latest, who will have to wait for longest, and so passes on least often. */
static void pass_on_locked(struct link_conn *c)
{
	struct link_waiter *w = c->waiters;

	while (w && !w->sleeping)
		w = w->next;
	if (w && (!c->reading || (!c->writing && has_unsent(c))))
		waiter_wake_locked(c, w);
}

static int poll_ms(uint64_t now, uint64_t until)
{
	if (until <= now)
		return 0;
	const uint64_t ms = (until - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 60000 ? 60000 : (int)ms;
}

/* Waits for the socket in the places that are ours, and does what can be done in them. No lock held. */
static void work(struct link_conn *c, bool read, bool write, uint64_t now, uint64_t until)
{
	struct pollfd p = {.fd = c->fd, .events = (short)((read ? POLLIN : 0) | (write ? POLLOUT : 0))};
	const int n = poll(&p, 1, poll_ms(now, until));

	if (n <= 0)
		return; /* the time has come, or a signal of the application's */
	if (write && (p.revents & (POLLOUT | POLLERR | POLLHUP))) {
		conn_lock(c);
		send_locked(c);
		conn_unlock(c);
	}
	if (read && (p.revents & (POLLIN | POLLERR | POLLHUP)))
		(void)receive(c);
}

/*
 * One turn in the places that are free. The writer's is taken only when something is left that did not go at once. A reader whose
 * own bytes are held by another writer must look now and then whether that one has left: nobody can wake it out of poll.
 */
static void work_locked(struct link_conn *c, const struct link_waiter *w, uint64_t now, uint64_t until)
{
	const bool read = !c->reading, write = !c->writing && has_unsent(c);

	if (read && !write && w->end > c->sent && until > now + SHORT_NS)
		until = now + SHORT_NS;
	c->reading |= read;
	c->writing |= write;
	conn_unlock(c);
	work(c, read, write, now, until);
	conn_lock(c);
	if (read)
		c->reading = false;
	if (write)
		c->writing = false;
	flush_locked(c); /* answers to PINGs, and what others queued while we wrote */
}

/* While nobody waited nobody read: the answer to an old PING may be here already. */
static void catch_up_locked(struct link_conn *c)
{
	if (c->reading || c->unanswered_ns == 0 || c->dead)
		return;
	c->reading = true;
	conn_unlock(c);
	receive_all(c);
	conn_lock(c);
	c->reading = false;
}

static bool places_are_taken(const struct link_conn *c)
{
	return c->reading && (c->writing || !has_unsent(c));
}

/* Lets go of the lock. */
static void wait_and_unlock(struct link_conn *c, struct link_waiter *w, uint64_t deadline_ns)
{
	waiter_enter_locked(c, w);
	catch_up_locked(c);
	while (!is_done(c, w) && !c->dead) {
		const uint64_t now = clock_now_ns();
		if (now >= deadline_ns)
			break;
		if (places_are_taken(c)) {
			if (waiter_sleep_locked(c, w, deadline_ns))
				return;
			continue;
		}
		const uint64_t look = mind_silence_locked(c, now);
		if (!c->dead)
			work_locked(c, w, now, look < deadline_ns ? look : deadline_ns);
	}
	waiter_leave_locked(w);
	pass_on_locked(c);
	conn_unlock(c);
}

/* -- calls ---------------------------------------------------------------------------------------------- */

/* docs/PROTOCOL.md, "Frames": the id is at 8, the time left at 20. */
static void address_frame(struct link_call *call, uint64_t now, uint8_t header[WIRE_HEADER_LEN])
{
	struct wire_header h = {0};
	const uint64_t left_ms = call->deadline_ns > now ? (call->deadline_ns - now) / NS_PER_MS : 0;

	if (wire_header_get(call->frame.data, UINT32_MAX, &h) != HUFU_OK)
		(void)log_bug();
	h.id = call->id;
	h.deadline_ms = left_ms == 0 ? 1 : left_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)left_ms;
	wire_header_put(&h, header);
}

/* False: memory is out, and nothing of it stands in the queue. */
static bool queue_call_locked(struct link_conn *c, struct link_waiter *w, struct link_call *call, uint64_t now)
{
	uint8_t header[WIRE_HEADER_LEN];

	call->id = ++c->last_id;
	address_frame(call, now, header);
	write_bytes(&c->queue, header, sizeof(header));
	write_bytes(&c->queue, call->frame.data + WIRE_HEADER_LEN, call->frame.len - WIRE_HEADER_LEN);
	if (c->queue.bad) {
		conn_die_locked(c, HUFU_LOG_ERROR, "memory is out");
		return false;
	}
	c->queued += call->frame.len;
	call->end = w->end = c->queued;
	if (c->in_flight++ == 0 && c->pending == 0)
		c->heard_ns = now; /* from now on silence means something */
	call_enter_locked(c, w, call);
	waiter_enter_locked(c, w);
	return true;
}

size_t conn_submit(struct link_conn *c, struct link_waiter *w, struct link_call *calls, size_t n)
{
	size_t taken = 0;

	conn_lock(c);
	const uint64_t now = clock_now_ns();
	atomic_store_explicit(&c->used_ns, now, memory_order_relaxed);
	for (; taken < n && !c->dead && !c->draining && c->in_flight < c->window; taken++) {
		struct link_call *call = &calls[taken];
		if (atomic_load_explicit(&call->cancelled, memory_order_relaxed))
			call->err = HUFU_ERR_GONE;
		else if (now >= call->deadline_ns)
			call->err = HUFU_ERR_BUSY; /* nobody waits for it any more: better not sent than LOST */
		else if (call->frame.len - WIRE_HEADER_LEN > c->hello.max_body)
			call->err = HUFU_ERR_DATA_LEN;
		else if (!queue_call_locked(c, w, call, now))
			break;
	}
	flush_locked(c);
	conn_unlock(c);
	return taken;
}

/* What has no outcome yet gets one: the machine is told, and its answer will be passed over. */
static void give_up_locked(struct link_conn *c, struct link_call *calls, size_t n)
{
	bool some = false;

	for (size_t i = 0; i < n; i++) {
		struct link_call *call = &calls[i];
		if (!call->waiter)
			continue;
		if (!(call->id & LINK_PING_BIT) && !c->dead && wire_plain_put(&c->queue, WIRE_CANCEL, call->id) == HUFU_OK) {
			c->queued += WIRE_HEADER_LEN;
			some = true;
		}
		call_done_locked(c, call, HUFU_ERR_LOST);
	}
	if (some)
		flush_locked(c);
}

void conn_wait(struct link_conn *c, struct link_waiter *w, struct link_call *calls, size_t n, uint64_t deadline_ns)
{
	conn_lock(c);
	if (atomic_load(&w->done)) {
		pass_on_locked(c); /* bytes of others that we took along, and that did not go at once */
		conn_unlock(c);
		return;
	}
	wait_and_unlock(c, w, deadline_ns);
	if (atomic_load(&w->done))
		return;
	conn_lock(c);
	give_up_locked(c, calls, n);
	conn_unlock(c);
}

bool conn_wait_credit(struct link_conn *c, uint64_t deadline_ns)
{
	struct link_waiter w;

	waiter_init(&w);
	w.for_credit = true;
	conn_lock(c);
	wait_and_unlock(c, &w, deadline_ns);
	const bool room = !atomic_load(&c->closed) && atomic_load(&c->in_flight) < c->window;
	return room;
}

static bool is_waited_for_locked(struct link_conn *c, const struct link_call *call)
{
	for (size_t i = 0; i < LINK_BUCKETS; i++)
		for (const struct link_call *other = c->calls[i]; other; other = other->next)
			if (other == call)
				return true;
	return false;
}

/*
 * The thread that waits for it may be in poll, out of which the answer to a PING brings it. Or it was just woken to take over a
 * place, and, its call having ended, does not come for it: another one is to.
 */
void conn_cancel(struct link_conn *c, struct link_call *call)
{
	conn_lock(c);
	const bool mine = is_waited_for_locked(c, call);
	if (mine)
		give_up_locked(c, call, 1);
	if (mine && !c->dead) {
		queue_ping_locked(c, LINK_PING_BIT | ++c->last_ping);
		flush_locked(c);
		pass_on_locked(c);
	}
	conn_unlock(c);
}

bool conn_is_waited_on(struct link_conn *c)
{
	conn_lock(c);
	const bool waited_on = c->pending > 0;
	conn_unlock(c);
	return waited_on;
}

enum hufu_err conn_ask(struct link_conn *c, uint64_t deadline_ns)
{
	struct link_call call = {.deadline_ns = deadline_ns};
	struct link_waiter w;

	waiter_init(&w);
	conn_lock(c);
	if (c->dead) {
		call.err = HUFU_ERR_GONE;
	} else {
		atomic_store_explicit(&c->used_ns, clock_now_ns(), memory_order_relaxed);
		if (c->in_flight == 0 && c->pending == 0)
			c->heard_ns = c->used_ns;
		call.id = LINK_PING_BIT | ++c->last_ping;
		queue_ping_locked(c, call.id);
		call.end = w.end = c->queued;
		call_enter_locked(c, &w, &call);
		flush_locked(c);
		wait_and_unlock(c, &w, deadline_ns);
		conn_lock(c);
		give_up_locked(c, &call, 1);
	}
	conn_unlock(c);
	return call.err == HUFU_OK ? HUFU_OK : HUFU_ERR_GONE;
}

void conn_look(struct link_conn *c)
{
	conn_lock(c);
	const bool mine = !c->reading && !c->dead;
	c->reading |= mine;
	conn_unlock(c);
	if (!mine)
		return; /* somebody looks anyway */
	receive_all(c);
	conn_lock(c);
	c->reading = false;
	flush_locked(c);
	pass_on_locked(c);
	conn_unlock(c);
}
