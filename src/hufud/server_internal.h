/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the server share. */
#ifndef HUFUD_SERVER_INTERNAL_H
#define HUFUD_SERVER_INTERNAL_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "hufud/server.h"
#include "pool/bucket.h"

#define WORKER_BLOCK 65536u        /* read at once from a connection */
#define TURN_NS (2 * NS_PER_MS)    /* a connection's work before others have theirs */
#define OUT_HIGH (1u << 20)        /* answers that a client has not taken: no more is read from it */
#define LINGER_MS 1000u            /* for the peer to take what was sent before a connection is closed */
#define TICK_MS 500u               /* PROGRESS, and the sign of life */

struct worker;
struct connection;

struct limits {
	uint32_t hello_ms, frame_ms, idle_s, max_body, window;
};

/* -- request.c ------------------------------------------------------------------------ */

/* A request with what the server keeps of it; one block of secret memory with its body. */
struct job {
	struct request request;
	struct worker *worker;
	struct connection *connection; /* NULL: the machine's own */
	struct job *next;              /* on the worker's stack of answers */
	TAILQ_ENTRY(job) entry;        /* of its connection, in order of arrival */
	_Atomic uint32_t extend_ms;    /* asked for by request_progress */
	uint64_t progress_ns;          /* when PROGRESS is due */
	bool begun;                    /* rules->end is owed */
	void (*done)(void *arg, enum hufu_err);
	void *arg;
	uint8_t body[];
};
TAILQ_HEAD(jobs, job);

struct job *job_new(struct worker *, struct session *, const struct wire_header *, const uint8_t *body);
/* On the worker's thread: the answer goes out. */
void job_finish(struct job *);

/* -- connection.c ---------------------------------------------------------------------- */

enum connection_state {
	CONNECTION_HANDSHAKE,
	CONNECTION_HELLO,
	CONNECTION_OPEN,
	CONNECTION_LEAVING,        /* GOAWAY was sent: answers go out, new requests are passed over */
	CONNECTION_LINGER,         /* all is sent; until the peer has taken it */
	CONNECTION_DEAD            /* waits for the answers of services alone */
};

struct connection {
	struct session session;
	struct worker *worker;
	struct channel *channel;
	const struct service *service; /* NULL: not admitted */
	enum connection_state state;
	LIST_ENTRY(connection) entry;  /* of the worker's */
	LIST_ENTRY(connection) busy_entry;
	LIST_ENTRY(connection) dirty_entry;
	TAILQ_ENTRY(connection) ready_entry;
	bool is_busy, is_dirty, is_ready;
	bool cut;                      /* LEAVING: nothing after the GOAWAY is sent or heard */
	bool outdated;                 /* HANDSHAKE: by certificates and lists that were changed meanwhile; then it has to come anew */
	bool wants_read, wants_write;  /* events that are added */
	bool tls_wants_write;          /* to go on with handshake or reading */
	bool progress;                 /* the client knows PROGRESS */
	struct event read, write, timer;
	uint64_t timer_ns;             /* when the timer comes */
	uint64_t born_ns, frame_ns, heard_ns, sent_ns, linger_ns; /* frame_ns 0: no frame has begun */
	uint64_t ends_ns;              /* the client's certificate does */
	uint64_t last_id;
	uint32_t window, max_body, outstanding; /* as HELLO_OK had them */
	size_t bodies;                 /* bytes of requests under way */
	struct jobs jobs;
	struct writer in;              /* a frame that is not whole yet, or what waits for the next turn */
	struct writer out;
	size_t out_at;                 /* gone of it */
};
LIST_HEAD(connections, connection);
TAILQ_HEAD(turns, connection);

/* Takes the channel over, and frees it where memory is out. */
void connection_new(struct worker *, struct channel *);
/* What is read, and what it is waited for: when the worker settles. After whatever was done to it. */
void connection_touch(struct connection *);
void connection_settle(struct connection *);
/* For the next frame; it goes out when the worker settles. */
struct writer *connection_out(struct connection *);
void connection_flush(struct connection *);
/* Reads what there is, for a while. */
void connection_turn(struct connection *);
/* As much as one client may leave with us: no more is read from it. */
bool connection_is_full(const struct connection *);
/* GOAWAY; then the end, once all is answered; after what made no sense at once. */
void connection_leave(struct connection *, enum wire_goaway, const char *text);
/* Its certificate was looked at by rules that are no more. */
void connection_renew(struct connection *);
void connection_end(struct connection *);
/* DEAD, and its requests are answered: gone for good. */
void connection_reap(struct connection *);

/* -- frames.c ---------------------------------------------------------------------------- */

/* Reads frames of in, as many as there are and time allows; how many bytes were used. */
size_t frames_read(struct connection *, const uint8_t *in, size_t len, uint64_t until_ns);
/* Does in begin with a frame that is whole, or never will be? */
bool frames_waiting(const struct connection *, const uint8_t *in, size_t len);
/* Is anything that comes still looked at? */
bool frames_wanted(const struct connection *);

/* -- worker.c ------------------------------------------------------------------------------ */

enum command_type {
	COMMAND_ADOPT, COMMAND_LIMITS, COMMAND_RECHECK, COMMAND_RENEW, COMMAND_DRAIN, COMMAND_CUT, COMMAND_ASK, COMMAND_STOP
};

struct command {
	STAILQ_ENTRY(command) entry;
	enum command_type type;
	struct channel *channel;       /* ADOPT: the worker's from now on */
	struct limits limits;
	struct session *session;
	const struct service *service;
	struct wire_header header;
	const uint8_t *body;
	void (*done)(void *arg, enum hufu_err);
	void *arg;
};
STAILQ_HEAD(commands, command);

/* Counted by one thread, read by others. */
struct worker_counts {
	_Atomic uint64_t accepted, refused_handshakes, refused_hellos, protocol_errors, timeouts, revoked;
	_Atomic uint64_t bytes_in, bytes_out, wakeups, answers_posted, progress;
	_Atomic uint64_t duration[SERVER_OPS][SERVER_BUCKETS];
	_Atomic uint64_t duration_ns[SERVER_OPS];
};
static inline void count(_Atomic uint64_t *counter, uint64_t by)
{
	/* One writer: no locked instruction is needed. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

struct worker {
	struct server *server;
	struct event_base *base;
	pthread_t thread;
	bool started;
	int wake_fd;
	struct event *wake, *tick;
	_Atomic(struct job *) answered; /* a stack, pushed to by all threads */
	pthread_mutex_t lock;
	struct commands commands;
	struct connections connections, busy, dirty;
	struct turns ready;
	struct event *next_turn;
	struct limits limits;
	bool draining;
	uint8_t *block;                /* secret memory of WORKER_BLOCK bytes */
	struct writer spare;           /* an empty buffer, lent to whoever writes */
	_Atomic uint32_t nconnections, in_flight;
	_Atomic uint64_t beat_ns;
	struct bucket refusals;        /* certificates that were refused, told at once */
	struct worker_counts counts;
};

enum hufu_err worker_new(struct server *, const struct limits *, struct worker **) MUST_CHECK;
void worker_free(struct worker *);
enum hufu_err worker_start(struct worker *) MUST_CHECK;
void worker_join(struct worker *);
/* After it was joined: what was posted since is finished. True: nothing is under way any more. */
bool worker_finish(struct worker *) MUST_CHECK;
/* From any thread; false: memory is out. */
bool worker_tell(struct worker *, const struct command *) MUST_CHECK;
/* It has input that waits for its next turn. */
void worker_queue(struct connection *);
void worker_post(struct job *);
/* The worker that this thread is; NULL: none. */
struct worker *worker_here(void);
/* At the end of each event: what is to be sent is sent, what is dead goes. */
void worker_settle(struct worker *);

/* -- server.c ---------------------------------------------------------------------------------- */

struct server {
	struct event_base *base;       /* the owner's */
	struct server_rules rules;
	struct channel_context *tls;
	uint64_t start;                /* drawn anew whenever the machine starts */
	char name[65];
	struct limits limits;
	uint32_t connections_max, handshakes_per_s, nworkers_wanted;
	struct listener *listeners;
	struct event *again;           /* accepting goes on */
	double tokens;                 /* handshakes that may begin now */
	uint64_t tokens_ns;
	bool starved;                  /* accept failed when it was last tried */
	struct worker **workers;
	size_t nworkers, next_asked;
	atomic_bool asking;
	_Atomic uint64_t sessions;     /* numbers given */
	_Atomic uint32_t connections;
	atomic_bool draining;
	struct event *drain_timer;
	uint64_t drain_until_ns;
	bool cut;
	void (*drained)(void *arg, bool all);
	void *drained_arg;
};

/* -- metrics.c ------------------------------------------------------------------------------- */

void metrics_op(struct worker *, uint16_t wire_op, uint64_t duration_ns);

#endif
