/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/channel.h"

#define CHUNK 65536
#define NEVER UINT64_MAX

/* What is wrong with one direction. Offsets are the connection's own: bytes of this direction since its beginning. */
struct faults {
	uint64_t reset, close, hole, stall; /* after so many bytes; NEVER */
	uint64_t flip, cut, insert;         /* at this byte; NEVER */
	unsigned flip_bit;
	uint64_t cut_len, insert_len;
	uint64_t delay_ns;
	bool trickle;
	uint64_t trickle_ns;
};

static const struct faults no_faults = {.reset = NEVER, .close = NEVER, .hole = NEVER, .stall = NEVER, .flip = NEVER, .cut = NEVER,
                                        .insert = NEVER};

struct flow {
	int from, to;
	struct faults faults;
	uint64_t seen;             /* bytes that came */
	uint8_t data[CHUNK];
	size_t len, at;
	uint64_t due_ns;           /* not before */
	bool ended, passed_end;    /* the sender has ended; and the receiver knows */
};

enum { UP, DOWN };

struct relay {
	struct relay *next;
	struct flow flows[2];
	bool mute, dead;
};

struct proxy {
	char address[160], machine[160];
	int listener, wake;
	pthread_t thread;
	pthread_mutex_t lock;      /* all: the thread lets go of it in poll alone */
	bool stop, mute;
	struct faults faults[2];   /* of connections to come */
	struct relay *relays;
	size_t nrelays;
	uint64_t accepted, passed[2];
};

/* -- connections ------------------------------------------------------------------------- */

/* With a reset, or in good order. */
static void relay_end(struct relay *r, bool reset)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (r->dead)
		return;
	for (int i = 0; i < 2; i++) {
		if (r->flows[i].from < 0)
			continue;
		if (reset)
			(void)setsockopt(r->flows[i].from, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(r->flows[i].from);
	}
	r->dead = true;
}

static void take_connection(struct proxy *p)
{
	char why[200];
	int machine = -1;
	const int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0)
		return;
	channel_tune(client);
	p->accepted++;
	if (!p->mute && channel_dial(p->machine, clock_now_ns() + 5 * NS_PER_S, &machine, why, sizeof(why)) != HUFU_OK) {
		close(client);
		return;
	}
	struct relay *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->mute = p->mute;
	r->flows[UP].from = r->flows[DOWN].to = client;
	r->flows[UP].to = r->flows[DOWN].from = machine;
	r->flows[UP].faults = p->faults[UP];
	r->flows[DOWN].faults = p->faults[DOWN];
	r->next = p->relays;
	p->relays = r;
	p->nrelays++;
}

static void reap(struct proxy *p)
{
	for (struct relay **at = &p->relays; *at;) {
		struct relay *r = *at;
		if (!r->dead) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		p->nrelays--;
		free(r);
	}
}

/* -- bytes ----------------------------------------------------------------------------------- */

static void remove_bytes(struct flow *f, size_t at, size_t n)
{
	memmove(f->data + at, f->data + at + n, f->len - at - n);
	f->len -= n;
}

/* What came, from byte first of the flow on, with its faults. Half the buffer is free for what is inserted. */
static void spoil(struct flow *f, uint64_t first)
{
	struct faults *x = &f->faults;
	const uint64_t end = first + f->len;

	if (x->hole < end)
		f->len = x->hole > first ? (size_t)(x->hole - first) : 0;
	if (x->flip >= first && x->flip < first + f->len)
		f->data[x->flip - first] ^= (uint8_t)(1u << x->flip_bit);
	if (x->insert >= first && x->insert < first + f->len) {
		const size_t at = (size_t)(x->insert - first), n = (size_t)x->insert_len;
		memmove(f->data + at + n, f->data + at, f->len - at);
		memset(f->data + at, 0xff, n);
		f->len += n;
		x->insert = NEVER;
	}
	if (x->cut < first + f->len && x->cut + x->cut_len > first) {
		const uint64_t from = x->cut > first ? x->cut - first : 0;
		const uint64_t to = x->cut + x->cut_len - first < f->len ? x->cut + x->cut_len - first : f->len;
		remove_bytes(f, (size_t)from, (size_t)(to - from));
	}
}

/* How many bytes may be read, so that an end comes at its byte. */
static size_t room(const struct flow *f)
{
	uint64_t most = CHUNK / 2;
	const uint64_t ends[] = {f->faults.reset, f->faults.close, f->faults.stall};

	for (int i = 0; i < 3; i++)
		if (ends[i] != NEVER && ends[i] - f->seen < most)
			most = ends[i] > f->seen ? ends[i] - f->seen : 0;
	return (size_t)most;
}

static void flow_read(struct proxy *p, struct relay *r, int which)
{
	struct flow *f = &r->flows[which];
	const ssize_t n = recv(f->from, f->data, room(f), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		relay_end(r, true);
		return;
	}
	if (n == 0) {
		f->ended = true;
		return;
	}
	const uint64_t first = f->seen;
	f->seen += (uint64_t)n;
	p->passed[which] += (uint64_t)n;
	f->at = 0;
	f->len = r->mute ? 0 : (size_t)n;
	spoil(f, first);
	f->due_ns = clock_now_ns() + f->faults.delay_ns;
}

static void flow_write(struct relay *r, struct flow *f)
{
	const size_t most = f->faults.trickle ? 1 : f->len - f->at;
	const ssize_t n = send(f->to, f->data + f->at, most, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		relay_end(r, true);
		return;
	}
	f->at += (size_t)n;
	if (f->faults.trickle)
		f->due_ns = clock_now_ns() + f->faults.trickle_ns;
	if (f->at == f->len)
		f->at = f->len = 0;
}

/* Ends that are due, once all before them has been passed on. */
static void flow_ends(struct relay *r, struct flow *f)
{
	if (f->len > 0 || r->dead)
		return;
	if (f->seen >= f->faults.reset)
		relay_end(r, true);
	else if (f->seen >= f->faults.close)
		relay_end(r, false);
	else if (f->ended && r->mute)
		relay_end(r, false);
	else if (f->ended && !f->passed_end && f->seen <= f->faults.hole) {
		(void)shutdown(f->to, SHUT_WR);
		f->passed_end = true;
	}
	if (!r->dead && r->flows[UP].passed_end && r->flows[DOWN].passed_end)
		relay_end(r, false);
}

static void relay_work(struct proxy *p, struct relay *r, uint64_t now)
{
	for (int i = 0; i < 2 && !r->dead; i++) {
		struct flow *f = &r->flows[i];
		if (f->len == 0 && !f->ended && f->from >= 0 && room(f) > 0)
			flow_read(p, r, i);
		if (!r->dead && f->len > 0 && f->due_ns <= now + f->faults.delay_ns / 1000)
			flow_write(r, f);
		flow_ends(r, f);
	}
}

/* -- the loop --------------------------------------------------------------------------------------- */

/* What the flow waits for: an event of a socket, or a time. */
static void flow_wants(const struct flow *f, struct pollfd *in, struct pollfd *out, uint64_t *until_ns)
{
	if (f->len == 0 && !f->ended && room(f) > 0)
		in->events |= POLLIN;
	else if (f->len > 0 && f->due_ns > clock_now_ns())
		*until_ns = f->due_ns < *until_ns ? f->due_ns : *until_ns;
	else if (f->len > 0)
		out->events |= POLLOUT;
}

/* The first two are the listener and the wake-up, then two for each relay: client and machine. */
static size_t gather(struct proxy *p, struct pollfd *fds, uint64_t *until_ns)
{
	size_t n = 2;

	fds[0] = (struct pollfd){.fd = p->listener, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p->wake, .events = POLLIN};
	for (struct relay *r = p->relays; r; r = r->next, n += 2) {
		fds[n] = (struct pollfd){.fd = r->flows[UP].from};
		fds[n + 1] = (struct pollfd){.fd = r->flows[DOWN].from};
		flow_wants(&r->flows[UP], &fds[n], &fds[n + 1], until_ns);
		flow_wants(&r->flows[DOWN], &fds[n + 1], &fds[n], until_ns);
		/* A socket that is asked for nothing still tells of its reset, again and again: the stalled do not look. */
		for (size_t i = n; i < n + 2; i++)
			if (fds[i].events == 0)
				fds[i].fd = -1;
	}
	return n;
}

static int wait_ms(uint64_t until_ns)
{
	const uint64_t now = clock_now_ns();

	if (until_ns == NEVER)
		return -1;
	return until_ns <= now ? 0 : (int)((until_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

static void turn(struct proxy *p)
{
	uint64_t until_ns = NEVER, count;
	struct pollfd *fds = calloc(2 * p->nrelays + 2, sizeof(*fds));

	if (!fds)
		abort();
	const size_t n = gather(p, fds, &until_ns);
	pthread_mutex_unlock(&p->lock);
	(void)poll(fds, n, wait_ms(until_ns));
	pthread_mutex_lock(&p->lock);
	if (fds[1].revents)
		(void)!read(p->wake, &count, sizeof(count));
	for (struct relay *r = p->relays; r; r = r->next)
		relay_work(p, r, clock_now_ns());
	if (p->listener >= 0 && fds[0].revents)
		take_connection(p);
	reap(p);
	free(fds);
}

static void *run(void *arg)
{
	struct proxy *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop)
		turn(p);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* -- commands ------------------------------------------------------------------------------------------ */

static bool set_fault(struct faults *x, const char *what, uint64_t seen, uint64_t a, uint64_t b)
{
	const uint64_t at = a == NEVER ? NEVER : seen + a;

	if (strcmp(what, "reset") == 0)
		x->reset = at;
	else if (strcmp(what, "close") == 0)
		x->close = at;
	else if (strcmp(what, "hole") == 0)
		x->hole = at;
	else if (strcmp(what, "stall") == 0)
		x->stall = at;
	else if (strcmp(what, "flip") == 0 && b < 8)
		x->flip = at, x->flip_bit = (unsigned)b;
	else if (strcmp(what, "cut") == 0)
		x->cut = at, x->cut_len = b;
	else if (strcmp(what, "insert") == 0 && b <= CHUNK / 2)
		x->insert = at, x->insert_len = b;
	else if (strcmp(what, "delay") == 0)
		x->delay_ns = a * NS_PER_MS;
	else if (strcmp(what, "trickle") == 0)
		x->trickle = true, x->trickle_ns = a * 1000;
	else
		return false;
	return true;
}

static bool set_direction(struct proxy *p, int which, bool old, bool fresh, const char *what, uint64_t a, uint64_t b)
{
	bool good = true;

	if (fresh)
		good = set_fault(&p->faults[which], what, 0, a, b);
	for (struct relay *r = p->relays; r && old; r = r->next)
		good &= set_fault(&r->flows[which].faults, what, r->flows[which].seen, a, b);
	return good;
}

static bool fault_command(struct proxy *p, const char *line, bool old, bool fresh)
{
	char what[16], direction[8];
	uint64_t a = 0, b = 0;

	if (sscanf(line, "%15s %7s %" SCNu64 " %" SCNu64, what, direction, &a, &b) < 3)
		return false;
	const bool both = strcmp(direction, "both") == 0, up = both || strcmp(direction, "up") == 0;
	const bool down = both || strcmp(direction, "down") == 0;
	return (up || down) && (!up || set_direction(p, UP, old, fresh, what, a, b)) &&
	       (!down || set_direction(p, DOWN, old, fresh, what, a, b));
}

static void pass(struct proxy *p)
{
	p->faults[UP] = p->faults[DOWN] = no_faults;
	p->mute = false;
	for (struct relay *r = p->relays; r; r = r->next)
		r->flows[UP].faults = r->flows[DOWN].faults = no_faults;
}

static bool listen_again(struct proxy *p)
{
	char why[200];

	return p->listener >= 0 || channel_listen(p->address, &p->listener, why, sizeof(why)) == HUFU_OK;
}

static void refuse(struct proxy *p)
{
	if (p->listener >= 0)
		close(p->listener);
	p->listener = -1;
}

static bool command_locked(struct proxy *p, const char *line, char *answer, size_t cap)
{
	const bool old_only = strncmp(line, "old ", 4) == 0, new_only = strncmp(line, "new ", 4) == 0;

	if (old_only || new_only)
		return fault_command(p, line + 4, old_only, new_only);
	if (strcmp(line, "pass") == 0) {
		pass(p);
	} else if (strcmp(line, "refuse") == 0) {
		refuse(p);
	} else if (strcmp(line, "listen") == 0) {
		return listen_again(p);
	} else if (strcmp(line, "mute") == 0) {
		p->mute = true;
	} else if (strcmp(line, "kill") == 0) {
		for (struct relay *r = p->relays; r; r = r->next)
			relay_end(r, true);
	} else if (strcmp(line, "stats") == 0) {
		snprintf(answer, cap, "connections %" PRIu64 " up %" PRIu64 " down %" PRIu64, p->accepted, p->passed[UP], p->passed[DOWN]);
	} else {
		return fault_command(p, line, true, true);
	}
	return true;
}

bool proxy_command(struct proxy *p, const char *line, char *answer, size_t cap)
{
	char unwanted[128] = "";
	const uint64_t one = 1;

	if (!answer) {
		answer = unwanted;
		cap = sizeof(unwanted);
	}
	answer[0] = '\0';
	pthread_mutex_lock(&p->lock);
	const bool good = command_locked(p, line, answer, cap);
	reap(p);
	pthread_mutex_unlock(&p->lock);
	(void)!write(p->wake, &one, sizeof(one));
	return good;
}

/* -- life ------------------------------------------------------------------------------------------------- */

/* "host:0" becomes the port that was given. */
static void note_address(struct proxy *p, const char *listen)
{
	struct sockaddr_in in = {0};
	socklen_t len = sizeof(in);

	snprintf(p->address, sizeof(p->address), "%s", listen);
	const char *colon = strrchr(p->address, ':');
	if (strncmp(listen, "unix:", 5) != 0 && colon && getsockname(p->listener, (struct sockaddr *)&in, &len) == 0)
		snprintf(p->address + (colon - p->address), sizeof(p->address) - (size_t)(colon - p->address), ":%u", ntohs(in.sin_port));
}

struct proxy *proxy_start(const char *listen, const char *machine)
{
	char why[200];
	struct proxy *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	if (channel_listen(listen, &p->listener, why, sizeof(why)) != HUFU_OK) {
		fprintf(stderr, "fault-proxy: %s\n", why);
		free(p);
		return NULL;
	}
	note_address(p, listen);
	snprintf(p->machine, sizeof(p->machine), "%s", machine);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pass(p);
	pthread_mutex_init(&p->lock, NULL);
	if (p->wake < 0 || pthread_create(&p->thread, NULL, run, p) != 0)
		abort();
	return p;
}

void proxy_stop(struct proxy *p)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	(void)!write(p->wake, &one, sizeof(one));
	pthread_join(p->thread, NULL);
	for (struct relay *r = p->relays; r; r = r->next)
		relay_end(r, true);
	reap(p);
	refuse(p);
	close(p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

const char *proxy_address(const struct proxy *p)
{
	return p->address;
}
