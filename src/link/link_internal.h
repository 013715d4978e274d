/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of a link share.
 *
 * Locks, in this order: link.lock (which connections there are, who dials);
 * conn.lock (all of a connection but the channel); conn.io (the channel, which
 * is used by one thread at a time: held for a call that does not block). Nobody
 * blocks with any of them held.
 *
 * A connection has two places: whoever holds the reader's may wait for bytes to
 * come and hands out what came, whoever holds the writer's sends what all have
 * queued. A thread that waits for an answer takes each place that is free; when
 * it leaves it wakes one other waiter, which takes it over.
 */
#ifndef LINK_LINK_INTERNAL_H
#define LINK_LINK_INTERNAL_H

#include <pthread.h>

#include "base/clock.h"
#include "link/link.h"

#define LINK_CONNECTIONS_MAX 16
#define LINK_BULK LINK_CONNECTIONS_MAX      /* the slot of the connection for bulk */
#define LINK_SLOTS (LINK_CONNECTIONS_MAX + 1)
#define LINK_BUCKETS 64                     /* of calls by id */
#define LINK_PING_BIT (1ull << 63)          /* ids of PINGs; a connection does not live to number as many requests */
#define LINK_IN_CAP (64u * 1024)

/* One thread that waits, on its stack. Of conn.lock. One post for each sleep, which the sleeper takes before it goes on. */
struct link_waiter {
	_Atomic uint32_t posted;   /* a futex */
	bool sleeping;
	_Atomic bool done;         /* it has no more calls without an outcome: nobody else comes to it any more */
	size_t remaining;          /* calls of its without an outcome */
	bool for_credit;           /* waits for room in the window instead */
	uint64_t end;              /* up to here the connection's bytes are its own business: conn.queued after its last frame */
	struct link_waiter *next, **at; /* at NULL: not among conn.waiters */
	struct link_waiter *next_woken;
};

/* A frame that is on its way in. */
struct link_frame {
	struct wire_header header;
	uint8_t *body;             /* secret memory; NULL: nobody wants it, it is passed over */
	size_t got;
	bool begun;
};

struct link_conn {
	struct link *link;
	struct link_conn *_Atomic next; /* link.all; of link.lock, but a forked child reads it without */
	_Atomic unsigned holders;
	struct channel *channel;
	int fd;
	struct wire_hello_ok hello;
	uint8_t domain_id[16];
	int64_t not_after;

	pthread_mutex_t io;        /* the channel */
	pthread_mutex_t lock;      /* all below */
	bool dead, draining;       /* draining: no new requests, the old ones' answers are waited for */
	_Atomic bool closed;       /* either, for those who choose without the lock; so are the next two */
	_Atomic uint32_t in_flight; /* requests without a reply, those that were given up too: what the window counts */
	_Atomic uint64_t used_ns;
	bool reading, writing;     /* the places */
	_Atomic uint32_t window;
	uint32_t pending;          /* calls that are waited for, PINGs too */
	uint64_t last_id, last_ping;
	struct link_call *calls[LINK_BUCKETS];
	struct link_waiter *waiters, *woken; /* woken: to be posted by whoever lets go of the lock */

	struct writer queue;       /* frames that nobody has begun to send */
	uint32_t pongs;            /* in the queue */
	struct writer sending;     /* what the holder of the writer's place sends */
	size_t sending_at;
	uint64_t queued, sent;     /* bytes since the beginning: queued, and taken by the channel */
	uint64_t offered;          /* beyond sent while the writer is at it: so much the channel may have taken, or not */

	uint64_t heard_ns;         /* the last byte, or when there began to be something to wait for */
	uint64_t asked_ns;         /* the last PING */
	uint64_t unanswered_ns;    /* the first PING since the last byte; 0: none */

	uint8_t *in;               /* the reader's: LINK_IN_CAP bytes of secret memory */
	size_t in_len;
	struct link_frame frame;
};

struct link {
	struct link *_Atomic next; /* of all in the process, see link.c */
	struct link_conf conf;
	char *text;                /* what conf points to */
	char name[256];
	uint8_t pin[32], domain[16];
	bool pinned, domain_known;
	pthread_mutex_t lock;      /* all below */
	pthread_cond_t dialed;
	bool is_unix;
	struct channel_context *context; /* the dialling thread's; NULL: Unix socket, or to be made anew */
	uint64_t stamp;            /* of the files it was made of */
	char known[80];            /* where address led when it was last good: tried first; "" nothing. The dialling thread's, too */
	struct link_conn *slots[LINK_SLOTS];
	struct link_conn *_Atomic all;
	bool dialing;
	uint64_t dials;            /* ended ones */
	enum hufu_err dial_err;    /* of the last */
	bool dial_by_time;         /* it ended because its caller's time did */
	uint64_t dial_next_ns;     /* when the next would be due if there were no burst */
	uint64_t spread_ns;        /* no connection is made beside those there are before this time */
	uint64_t process;
	char dial_why[256];        /* as last logged; the dialling thread's */
	struct link_state state;   /* of the last handshake, and its counters */
	_Atomic uint64_t pings, lost;
	_Atomic int dial_fd;       /* of the connection that is being made; -1: none */
};

/* -- link.c, conf.c ------------------------------------------------------------------ */

/*
 * By the thread that dials: the files are read where none was before (a forked child), and again where they have changed, so that
 * a certificate that was renewed, or a new revocation list, counts from the next connection on. False: there is no context.
 */
bool link_context_refresh(struct link *) MUST_CHECK;
/* Exactly len bytes. */
bool link_hex(const char *text, uint8_t *out, size_t len) MUST_CHECK;

/* -- conn.c ------------------------------------------------------------------------- */

/* Of a channel that is established; *out has one holder. The channel is the connection's, after an error the caller's. */
enum hufu_err conn_new(struct link *, struct channel *, struct link_conn **out) MUST_CHECK;
void conn_hold(struct link_conn *);
/* One of link.all, with link.lock; false: its last holder is about to take it out. */
bool conn_try_hold(struct link_conn *) MUST_CHECK;
void conn_rele(struct link_conn *);
/* Queues as many of the calls as there is room for, gives back how many; sends what can be sent at once. */
size_t conn_submit(struct link_conn *, struct link_waiter *, struct link_call *calls, size_t n);
/* Until the waiter's calls have outcomes, or the time has come: what has none then is given up, LOST. */
void conn_wait(struct link_conn *, struct link_waiter *, struct link_call *calls, size_t n, uint64_t deadline_ns);
/* Until there is room in the window; false: not in time, or the connection takes no more. */
bool conn_wait_credit(struct link_conn *, uint64_t deadline_ns);
/* If it is one that waits here. */
void conn_cancel(struct link_conn *, struct link_call *);
bool conn_is_waited_on(struct link_conn *);
/* Is it there? Asked by PING. HUFU_ERR_GONE: no answer in time. */
enum hufu_err conn_ask(struct link_conn *, uint64_t deadline_ns) MUST_CHECK;
/* What has come while nobody looked: an end, a GOAWAY. */
void conn_look(struct link_conn *);
/* Ends it: what was not sent is GONE, all else LOST. */
void conn_die_locked(struct link_conn *, enum hufu_level, const char *why);

/* Takes no new requests. */
void conn_drain_locked(struct link_conn *);

/* Outcome of a call that was waited for. */
void call_done_locked(struct link_conn *, struct link_call *, enum hufu_err);
struct link_call *call_find_locked(struct link_conn *, uint64_t id);
void wake_for_credit_locked(struct link_conn *);

/* -- waiter.c ------------------------------------------------------------------------ */

void waiter_init(struct link_waiter *);
void waiter_enter_locked(struct link_conn *, struct link_waiter *);
void waiter_leave_locked(struct link_waiter *);
/* If it sleeps; by whoever lets go of the lock. */
void waiter_wake_locked(struct link_conn *, struct link_waiter *);
/* Until somebody wakes us, with our answers or to take a place. Lets go of the lock; true: done, and it was not taken again. */
bool waiter_sleep_locked(struct link_conn *, struct link_waiter *, uint64_t until_ns) MUST_CHECK;
void conn_lock(struct link_conn *);
void conn_unlock(struct link_conn *);

/* -- frames.c ------------------------------------------------------------------------ */

/* Takes what is in conn.in; false: it makes no sense, and the connection is dead. */
bool frames_take_locked(struct link_conn *);

/* -- dial.c ---------------------------------------------------------------------------- */

enum link_kind { LINK_SMALL, LINK_LARGE, LINK_SPARE };
/*
 * A connection that may be used, held: the one with the least to do, or a new one. One thread dials at a time, the others
 * wait for it. SPARE: after one more was made, if there may be one more.
 */
enum hufu_err link_connect(struct link *, enum link_kind, uint64_t deadline_ns, struct link_conn **conn) MUST_CHECK;

#endif
