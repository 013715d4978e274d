/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: listeners, connections, frames. It knows the protocol and nothing
 * of what is served: who is let in and which service answers is said by rules
 * (machine.c has those of the cipher machine, host.c those of one device).
 *
 * A worker is a thread with an event loop; a connection belongs to one of them, and all that touches it runs there, so that
 * connections need no locks. Answers come from any thread and are handed over by a stack and one wake-up for many. The owner's
 * thread (main) accepts, and calls all functions here.
 */
#ifndef HUFUD_SERVER_H
#define HUFUD_SERVER_H

#include "base/conf.h"
#include "hufud/service.h"

struct event_base;
struct server;

struct server_rules {
	/*
	 * HELLO was read: fills in the session's identity and tenant, and of HELLO_OK token and domain. Gives the service; NULL: refused,
	 * and hello_ok->status says why (its text may be put in why).
	 */
	const struct service *(*admit)(void *arg, struct session *, const struct wire_hello *, struct wire_hello_ok *, char *why,
	                               size_t why_len);
	/* A session that was admitted has ended, all its requests are answered. */
	void (*leave)(void *arg, struct session *);
	/* May this be? False: request->outcome says why not, and nothing of it is run. Whatever began is ended after its answer. */
	bool (*begin)(void *arg, struct request *);
	void (*end)(void *arg, struct request *);
	/* What began is about to be answered, on the thread that answers; may change that. may_wait: it is no loop's. */
	void (*answer)(void *arg, struct request *, bool may_wait);
	/* After a change of the rules: does the session still stand? */
	bool (*stands)(void *arg, const struct session *);
	void (*load)(void *arg, const struct session *, struct wire_load *);
	void *arg;
};

/* The settings are copied. Threads are not started yet. */
enum hufu_err server_new(struct event_base *, const struct conf_machine *, const struct server_rules *,
                         struct server **) MUST_CHECK;
/* All its threads have ended (server_stop, or never started). */
void server_free(struct server *);
/* Takes the context over; new connections are made with it. NULL: Unix sockets alone. */
void server_set_tls(struct server *, struct channel_context *);
/* When its certificate ends, seconds since 1970; 0: there is none. */
int64_t server_tls_not_after(const struct server *);
/* One more socket that listens; closed by server_free. */
enum hufu_err server_listen(struct server *, int fd) MUST_CHECK;
enum hufu_err server_start(struct server *) MUST_CHECK;
/* Limits of time and number, for all connections from now on; every session is asked whether it still stands. */
void server_reconfigure(struct server *, const struct conf_machine *);

/* All connections over TLS are told to come anew (GOAWAY drain), once what is under way is answered: certificates count again. */
void server_renew(struct server *);

/*
 * Accepts no more, tells all clients (GOAWAY drain), ends each connection once what is under way is answered; what is left
 * after drain_ms is cut off. done is called once, in the owner's loop: no connection is left; or, all false, a service has
 * not answered for 5 seconds more.
 */
void server_drain(struct server *, uint32_t drain_ms, void (*done)(void *arg, bool all), void *arg);
/* Ends all threads. False: a service still has requests that it has not answered, and nothing that it uses may be freed. */
bool server_stop(struct server *) MUST_CHECK;

/*
 * One request of the machine's own, without a connection, through a worker's loop (each in turn) and the service: so that the
 * watchdog is fed by work. done is called on that worker. session and body live until then; false: a former one is still under way.
 */
bool server_ask(struct server *, struct session *, const struct service *, const struct wire_header *, const uint8_t *body,
                void (*done)(void *arg, enum hufu_err), void *arg) MUST_CHECK;

/* -- what it tells ------------------------------------------------------------------- */

#define SERVER_OPS 32              /* of struct server_counts: server_op_name */
#define SERVER_RESULTS 16          /* by enum hufu_group */
#define SERVER_BUCKETS 20
extern const double server_bucket_s[SERVER_BUCKETS]; /* upper bounds, the last one infinity */

struct server_counts {
	uint64_t accepted, refused_handshakes, refused_hellos, protocol_errors, timeouts, revoked;
	uint64_t bytes_in, bytes_out, wakeups, answers_posted, progress;
	uint64_t duration[SERVER_OPS][SERVER_BUCKETS]; /* not cumulative */
	uint64_t duration_ns[SERVER_OPS];
};
size_t server_op_index(uint16_t wire_op);
const char *server_op_name(size_t op); /* "sign"; NULL: none of this number */
const char *server_result_name(size_t group);

struct server_state {
	uint32_t connections, in_flight, workers;
	uint64_t slowest_beat_ns;      /* how long ago the worker that has been silent longest came round */
	bool draining;
};
void server_state(struct server *, struct server_state *);
void server_counts(struct server *, struct server_counts *);

#endif
