/* SPDX-License-Identifier: Apache-2.0 */
/* New connections: who makes them, how many a second, and what is checked before they are used. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "link/link_internal.h"

#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "crypto/context.h"
#include "sm/sm2.h"
#include "sm/sm3.h"

#define SPREAD_AT 16 /* requests on a connection: the next one is made, if there may be one */
#define SPREAD_PAUSE_NS (5 * NS_PER_S) /* after it could not be made */

/* A connection that is being made. */
struct dial {
	struct link *link;
	uint64_t deadline_ns;
	struct channel *channel;
	struct wire_hello hello;
	struct wire_hello_ok ok;
	uint8_t domain_id[16];
	char why[256];
};

__attribute__((format(printf, 3, 4))) static enum hufu_err fail(struct dial *d, enum hufu_err err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->why, sizeof(d->why), fmt, args);
	va_end(args);
	return err;
}

/* -- bytes, until the deadline ------------------------------------------------------------ */

static enum hufu_err wait_for(struct dial *d, enum channel_want want)
{
	struct pollfd p = {.fd = channel_fd(d->channel), .events = want == CHANNEL_READ ? POLLIN : POLLOUT};
	const uint64_t now = clock_now_ns();

	if (now >= d->deadline_ns)
		return fail(d, HUFU_ERR_GONE, "the machine was too slow to begin");
	const uint64_t ms = (d->deadline_ns - now) / NS_PER_MS + 1;
	(void)poll(&p, 1, ms > 60000 ? 60000 : (int)ms);
	return HUFU_OK;
}

static enum hufu_err channel_failed(struct dial *d, enum hufu_err err)
{
	const char *why = channel_why(d->channel);

	return fail(d, err == HUFU_ERR_DENIED ? err : HUFU_ERR_GONE, "%s", why[0] ? why : "the machine closed the connection");
}

static enum hufu_err shake_hands(struct dial *d)
{
	for (;;) {
		enum channel_want want;
		enum hufu_err err = channel_handshake(d->channel, &want);
		if (err)
			return channel_failed(d, err);
		if (want == CHANNEL_READY)
			return HUFU_OK;
		err = wait_for(d, want);
		if (err)
			return err;
	}
}

static enum hufu_err send_all(struct dial *d, const uint8_t *data, size_t len)
{
	while (len > 0) {
		enum channel_want want;
		size_t n;
		enum hufu_err err = channel_write(d->channel, data, len, &n, &want);
		if (err)
			return channel_failed(d, err);
		data += n;
		len -= n;
		if (n == 0 && (err = wait_for(d, CHANNEL_WRITE)))
			return err;
	}
	return HUFU_OK;
}

/* Not a byte more than this: what follows is the connection's. */
static enum hufu_err receive_all(struct dial *d, uint8_t *data, size_t len)
{
	while (len > 0) {
		enum channel_want want;
		size_t n;
		enum hufu_err err = channel_read(d->channel, data, len, &n, &want);
		if (err || (n == 0 && want == CHANNEL_READY))
			return channel_failed(d, err);
		data += n;
		len -= n;
		if (n == 0 && (err = wait_for(d, CHANNEL_READ)))
			return err;
	}
	return HUFU_OK;
}

/* -- HELLO -------------------------------------------------------------------------------------- */

/* The program's name, for the machine's log. Strings of protobuf are UTF-8, and names of files anything. */
static void name_client(char *out, size_t cap)
{
	snprintf(out, cap, "%.40s hufu/%s", program_invocation_short_name, PACKAGE_VERSION);
	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static enum hufu_err say_hello(struct dial *d)
{
	const struct link_conf *conf = &d->link->conf;
	struct wire_hello *hello = &d->hello;
	struct writer out;
	enum hufu_err err;

	*hello = (struct wire_hello){.version_min = WIRE_VERSION, .version_max = WIRE_VERSION, .max_body = WIRE_BODY_MAX,
	                             .features = WIRE_FEATURE_PROGRESS | WIRE_FEATURE_TRACE, .process = d->link->process,
	                             .role = conf->role};
	snprintf(hello->token, sizeof(hello->token), "%s", conf->token);
	name_client(hello->client, sizeof(hello->client));
	if (RAND_bytes_ex(libcrypto_context(), hello->nonce, sizeof(hello->nonce), 0) != 1)
		return fail(d, HUFU_ERR_RANDOM, "there are no random numbers");
	writer_init(&out, false);
	err = wire_hello_put(&out, hello);
	if (!err)
		err = send_all(d, out.data, out.len);
	writer_clear(&out);
	return err;
}

/* What a machine that does not want us says of it, as what has become of the connection. */
static enum hufu_err refusal(enum hufu_err told)
{
	switch (hufu_err_group(told)) {
	case HUFU_GROUP_BUSY:
		return HUFU_ERR_BUSY;
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_EXPIRED:
		return HUFU_ERR_DENIED;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_GONE:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_HOST:
	case HUFU_GROUP_BUG:
		break;
	}
	return HUFU_ERR_GONE;
}

static enum hufu_err goaway_instead(struct dial *d, const uint8_t *body, size_t len)
{
	uint64_t last_id;
	uint32_t reason = WIRE_GOAWAY_PROTOCOL;

	if (wire_goaway_get(body, len, &last_id, &reason) != HUFU_OK)
		return fail(d, HUFU_ERR_GONE, "the machine's answer to HELLO makes no sense");
	if (reason == WIRE_GOAWAY_EXPIRED || reason == WIRE_GOAWAY_REVOKED)
		return fail(d, HUFU_ERR_DENIED, "the machine refuses our certificate: it has %s",
		            reason == WIRE_GOAWAY_EXPIRED ? "expired" : "been revoked");
	return fail(d, HUFU_ERR_GONE, "the machine takes no connections (GOAWAY, reason %u)", reason);
}

static enum hufu_err hear_hello(struct dial *d)
{
	uint8_t head[WIRE_HEADER_LEN], body[WIRE_HELLO_MAX];
	struct wire_header header;
	enum hufu_err err = receive_all(d, head, sizeof(head));

	if (err)
		return err;
	if (wire_header_get(head, sizeof(body), &header) != HUFU_OK)
		return fail(d, HUFU_ERR_GONE, "what answers is no cipher machine of ours");
	err = receive_all(d, body, header.body_len);
	if (err)
		return err;
	if (header.type == WIRE_GOAWAY)
		return goaway_instead(d, body, header.body_len);
	if (header.type != WIRE_HELLO_OK || wire_hello_ok_get(body, header.body_len, &d->ok) != HUFU_OK)
		return fail(d, HUFU_ERR_GONE, "the machine's answer to HELLO makes no sense");
	if (d->ok.status.err)
		return fail(d, refusal(d->ok.status.err), "the machine refuses us: %s", err_text(d->ok.status.err));
	if (d->ok.version != WIRE_VERSION || d->ok.window == 0)
		return fail(d, HUFU_ERR_GONE, "the machine chose version %u and a window of %u", d->ok.version, d->ok.window);
	return HUFU_OK;
}

/* -- whom we talk to ------------------------------------------------------------------------------- */

static enum hufu_err check_owner(struct dial *d)
{
	const struct channel_peer *peer = channel_peer(d->channel);
	const uid_t wanted = d->link->conf.server_uid == (uid_t)-1 ? geteuid() : d->link->conf.server_uid;

	if (!peer->local || peer->uid == 0 || peer->uid == wanted)
		return HUFU_OK;
	return fail(d, HUFU_ERR_DENIED, "user %u listens on %s, and not user %u or root. Set server_uid if that is right", peer->uid,
	            d->link->conf.address, wanted);
}

/* The signature covers this channel and both nonces: nobody can have had it made elsewhere. */
static bool proof_holds(const struct dial *d)
{
	struct sm2_public key;
	uint8_t e[32];

	wire_domain_digest(channel_peer(d->channel)->binding, &d->hello, &d->ok, e);
	return sm2_public_init(&key, d->ok.domain_point) == SM2_OK && sm2_verify(&key, e, d->ok.domain_proof) == SM2_OK;
}

static enum hufu_err check_domain(struct dial *d)
{
	static const uint8_t none[64];
	const struct link *link = d->link;
	uint8_t digest[32];

	if (secret_equal(d->ok.domain_point, none, sizeof(none))) {
		if (link->conf.role == WIRE_HOST && !link->domain_known)
			return HUFU_OK;
		return fail(d, HUFU_ERR_DENIED, "the machine shows no domain, and this link wants one");
	}
	if (!proof_holds(d))
		return fail(d, HUFU_ERR_DENIED, "the machine cannot prove the domain that it says it is of");
	sm3(d->ok.domain_point, sizeof(d->ok.domain_point), digest);
	memcpy(d->domain_id, digest, sizeof(d->domain_id));
	if (link->domain_known && !secret_equal(d->domain_id, link->domain, sizeof(link->domain)))
		return fail(d, HUFU_ERR_DENIED, "the machine is of another domain than before, or than is configured (domain_id): it has "
		            "another master key");
	return HUFU_OK;
}

/* -- one dial ---------------------------------------------------------------------------------------- */

/*
 * Where the machine was the last time it is looked for first: a resolver that is down, not being asked, delays no reconnection.
 * Whoever may be there by now, it is the certificate that tells.
 */
static enum hufu_err dial_socket(struct dial *d, int *fd)
{
	struct link *link = d->link;
	const uint64_t now = clock_now_ns();

	if (link->known[0] && now < d->deadline_ns &&
	    channel_dial(link->known, now + (d->deadline_ns - now) / 2, fd, d->why, sizeof(d->why)) == HUFU_OK)
		return HUFU_OK;
	link->known[0] = '\0';
	return channel_dial(link->conf.address, d->deadline_ns, fd, d->why, sizeof(d->why));
}

static enum hufu_err open_channel(struct dial *d)
{
	struct link *link = d->link;
	int fd = -1;

	if (!link->is_unix && !link_context_refresh(link))
		return fail(d, HUFU_ERR_GONE, "TLS cannot be set up");
	enum hufu_err err = dial_socket(d, &fd);
	if (err)
		return err;
	err = channel_new(link->context, fd, link->name[0] ? link->name : NULL, link->pinned ? link->pin : NULL, &d->channel);
	if (err) {
		close(fd);
		return fail(d, err, "no channel can be made");
	}
	atomic_store(&link->dial_fd, fd);
	return HUFU_OK;
}

static enum hufu_err dial_once(struct dial *d, struct link_conn **conn)
{
	enum hufu_err err;

	if ((err = open_channel(d)) || (err = shake_hands(d)) || (err = check_owner(d)) || (err = say_hello(d)) ||
	    (err = hear_hello(d)) || (err = check_domain(d)))
		return err;
	return conn_new(d->link, d->channel, conn);
}

static void conn_describe(struct link_conn *conn, const struct dial *d)
{
	const uint32_t window = d->link->conf.window;

	conn->hello = d->ok;
	conn->window = d->ok.window < window ? d->ok.window : window;
	conn->not_after = channel_peer(d->channel)->not_after;
	memcpy(conn->domain_id, d->domain_id, sizeof(conn->domain_id));
}

static void note_success_locked(struct link *link, const struct dial *d)
{
	static const uint8_t none[16];
	struct link_state *s = &link->state;
	const struct channel_peer *peer = channel_peer(d->channel);

	s->max_body = d->ok.max_body;
	s->window = d->ok.window;
	s->start = d->ok.start;
	s->not_after = peer->not_after;
	memcpy(s->domain_id, d->domain_id, sizeof(s->domain_id));
	memcpy(s->machine, d->ok.machine, sizeof(s->machine));
	memcpy(s->token, d->ok.token, sizeof(s->token));
	memcpy(s->profile, peer->profile, sizeof(s->profile));
	s->handshakes++;
	s->resumed += peer->resumed;
	if (!link->domain_known && memcmp(d->domain_id, none, sizeof(none)) != 0) {
		memcpy(link->domain, d->domain_id, sizeof(link->domain));
		link->domain_known = true;
	}
}

/* Once for each reason, not for each of twenty attempts a second. Without the lock: a log may have to wait, and forks for it. */
static void tell(struct link *link, const struct dial *d, enum hufu_err err)
{
	if (!err && link->dial_why[0])
		log_device(HUFU_LOG_NOTICE, link->conf.device, "connected to %s again", link->conf.address);
	if (err && strcmp(link->dial_why, d->why) != 0)
		log_device(err == HUFU_ERR_DENIED ? HUFU_LOG_ERROR : HUFU_LOG_WARNING, link->conf.device, "no connection to %s: %s",
		           link->conf.address, d->why);
	snprintf(link->dial_why, sizeof(link->dial_why), "%s", err ? d->why : "");
}

/* -- how many a second --------------------------------------------------------------------------------- */

/* Half an interval at most, so that clients that lost a machine together do not come back together. */
static uint64_t jitter(uint64_t interval)
{
	uint32_t draw = 0;

	(void)RAND_bytes_ex(libcrypto_context(), (uint8_t *)&draw, sizeof(draw), 0);
	return interval / 2 * (draw % 1024) / 1024;
}

/* When a dial may begin: connects_per_s on the whole, as many at once after a rest. */
static uint64_t dial_due_locked(const struct link *link, uint64_t now)
{
	const uint64_t interval = NS_PER_S / link->conf.connects_per_s;
	const uint64_t burst = interval * (link->conf.connects_per_s - 1);

	return link->dial_next_ns > now + burst ? link->dial_next_ns - burst + jitter(interval) : now;
}

static void dial_spend_locked(struct link *link, uint64_t now)
{
	const uint64_t interval = NS_PER_S / link->conf.connects_per_s;

	link->dial_next_ns = (link->dial_next_ns > now ? link->dial_next_ns : now) + interval;
}

/* Half of the caller's time at most, and what a machine is waited for in any case: the rest is for asking another machine. */
static uint64_t dial_until(const struct link *link, uint64_t now, uint64_t deadline_ns)
{
	const uint64_t left = deadline_ns > now ? deadline_ns - now : 0, patience = link->conf.ping_ms * NS_PER_MS;
	const uint64_t time = left / 2 > patience ? left / 2 : patience;

	return time < left ? now + time : deadline_ns;
}

/* Lets go of the lock meanwhile. */
static enum hufu_err dial_locked(struct link *link, unsigned slot, uint64_t deadline_ns)
{
	const uint64_t begun = clock_now_ns();
	struct dial d = {.link = link, .deadline_ns = dial_until(link, begun, deadline_ns)};
	struct link_conn *conn = NULL;

	link->dialing = true;
	dial_spend_locked(link, begun);
	pthread_mutex_unlock(&link->lock);
	enum hufu_err err = dial_once(&d, &conn);
	/* Before it may be closed: of the same number could be a file of the application's, which a forked child would close. */
	atomic_store(&link->dial_fd, -1);
	if (err) {
		channel_free(d.channel);
		link->stamp ^= err == HUFU_ERR_DENIED; /* what is in the files may help the next time, */
		link->known[0] = '\0';                 /* and another address */
	} else {
		if (!channel_peer_address(channel_fd(d.channel), link->known, sizeof(link->known)) ||
		    strcmp(link->known, link->conf.address) == 0)
			link->known[0] = '\0';
		conn_describe(conn, &d);
		conn_look(conn); /* what came behind HELLO_OK in the same record */
	}
	tell(link, &d, err);
	pthread_mutex_lock(&link->lock);
	if (!err) {
		note_success_locked(link, &d);
		link->slots[slot] = conn;
	}
	link->dialing = false;
	link->dials++;
	link->dial_err = err;
	link->dial_by_time = err && clock_now_ns() >= d.deadline_ns && d.deadline_ns < begun + link->conf.ping_ms * NS_PER_MS;
	pthread_cond_broadcast(&link->dialed);
	return err;
}

/* -- which ----------------------------------------------------------------------------------------------- */

struct choice {
	struct link_conn *best;    /* of those there are */
	unsigned slot;             /* a free one; LINK_SLOTS: none */
	struct link_conn *closed[LINK_SLOTS]; /* taken out by one choice: to be released without the lock, before the next */
	unsigned nclosed;
};

static void release_closed(struct choice *choice)
{
	for (unsigned i = 0; i < choice->nclosed; i++)
		conn_rele(choice->closed[i]);
	choice->nclosed = 0;
}

static void look_at_locked(struct link *link, unsigned slot, struct choice *choice)
{
	struct link_conn *c = link->slots[slot];

	if (c && atomic_load(&c->closed)) {
		choice->closed[choice->nclosed++] = c;
		c = link->slots[slot] = NULL;
	}
	if (!c) {
		if (choice->slot == LINK_SLOTS)
			choice->slot = slot;
		return;
	}
	if (!choice->best || atomic_load_explicit(&c->in_flight, memory_order_relaxed) <
	                     atomic_load_explicit(&choice->best->in_flight, memory_order_relaxed))
		choice->best = c;
}

static void choose_locked(struct link *link, enum link_kind kind, struct choice *choice)
{
	choice->best = NULL;
	choice->slot = LINK_SLOTS;
	if (kind == LINK_LARGE) {
		look_at_locked(link, LINK_BULK, choice);
		return;
	}
	for (unsigned i = 0; i < link->conf.connections; i++)
		look_at_locked(link, i, choice);
}

/* Is the one there is good enough? */
static bool is_enough_locked(const struct link *link, const struct choice *choice, enum link_kind kind)
{
	if (choice->slot == LINK_SLOTS)
		return true;
	if (kind == LINK_SPARE || !choice->best)
		return false;
	if (link->dialing || atomic_load_explicit(&choice->best->in_flight, memory_order_relaxed) < SPREAD_AT)
		return true;
	const uint64_t now = clock_now_ns();
	return now < link->spread_ns || dial_due_locked(link, now) > now;
}

/* What others who waited for the same dial take from it: its result, unless it was only that its caller had no time. */
static enum hufu_err await_dial_locked(struct link *link, uint64_t deadline_ns)
{
	const uint64_t before = link->dials;

	while (link->dialing && link->dials == before)
		if (!clock_wait(&link->dialed, &link->lock, deadline_ns))
			return HUFU_ERR_GONE;
	return link->dial_err && !link->dial_by_time ? link->dial_err : HUFU_OK;
}

/* What is not needed at once may take a quarter of the caller's time. */
static enum hufu_err dial_beside_locked(struct link *link, const struct choice *choice, uint64_t now, uint64_t deadline_ns)
{
	if (!choice->best)
		return dial_locked(link, choice->slot, deadline_ns);
	enum hufu_err err = dial_locked(link, choice->slot, now + (deadline_ns - now) / 4);
	if (err)
		link->spread_ns = clock_now_ns() + SPREAD_PAUSE_NS;
	return err;
}

/* Lets go of the lock meanwhile: whoever holds a connection last takes the lock to end it. */
static void choose_anew_locked(struct link *link, enum link_kind kind, struct choice *choice)
{
	if (choice->nclosed > 0) {
		pthread_mutex_unlock(&link->lock);
		release_closed(choice);
		pthread_mutex_lock(&link->lock);
	}
	choose_locked(link, kind, choice);
}

static enum hufu_err connect_locked(struct link *link, enum link_kind kind, uint64_t deadline_ns, struct choice *choice)
{
	enum hufu_err err = HUFU_OK;

	for (;;) {
		choose_anew_locked(link, kind, choice);
		/* One that could not be made is no failure while another is there. */
		if (is_enough_locked(link, choice, kind) || err)
			return choice->best && kind != LINK_SPARE ? HUFU_OK : err;
		const uint64_t now = clock_now_ns(), due = dial_due_locked(link, now);
		if (now >= deadline_ns || (!link->dialing && due >= deadline_ns))
			return HUFU_ERR_GONE;
		if (link->dialing)
			err = await_dial_locked(link, deadline_ns);
		else if (due > now)
			(void)clock_wait(&link->dialed, &link->lock, due);
		else
			err = dial_beside_locked(link, choice, now, deadline_ns);
		if (kind == LINK_SPARE)
			kind = LINK_SMALL; /* one, and no more */
	}
}

enum hufu_err link_connect(struct link *link, enum link_kind kind, uint64_t deadline_ns, struct link_conn **conn)
{
	struct choice choice = {0};

	*conn = NULL;
	pthread_mutex_lock(&link->lock);
	enum hufu_err err = connect_locked(link, kind, deadline_ns, &choice);
	if (!err && choice.best) {
		conn_hold(choice.best);
		*conn = choice.best;
	}
	pthread_mutex_unlock(&link->lock);
	release_closed(&choice);
	return err;
}
