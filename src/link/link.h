/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's link to one cipher machine: a few connections, pipelined, shared by
 * all threads of the process. Used by driver/net and store/net.
 *
 * No thread of its own. Whoever waits for an answer reads: one waiter at a time
 * reads a connection for all (the others sleep until their answer is there or
 * the reader's place falls to them), and one writer at a time flushes what all
 * have queued. So a link works where the application forbids threads, and its
 * calls return by their deadlines whatever the machine does.
 *
 * Every call knows the generation of the connection it went out on: when that
 * dies, what had not been written is GONE, what had is LOST, unless a GOAWAY said
 * that it was not executed (GONE). Nothing dead is used again. While answers are
 * outstanding a silent connection is asked by PING (every 250 ms, or four times in ping_ms) and given up after ping_ms; so no
 * call waits for the kernel's time-outs. Handshakes: at most connects_per_s, with jitter; sessions of TLS are resumed.
 *
 * The role TOKEN (a device's option role = "token", set by the configuration where the token's store is "net"): what the machine
 * keeps is named by a copy of kind HUFU_COPY_INDEX, the 16 bytes of its row's uuid; what it made for a session is a sealed one
 * (HUFU_COPY_BLOB). Driver net sends either as it is. The login comes to it as the credential "ticket" (HUFU_VERB_LOGIN, again
 * with each renewal): it keeps it in secret memory, sends it with every op that has a key or a subject (wire_extra.ticket),
 * and forgets it at HUFU_VERB_LOGOUT. What is refused for its ticket ends in HUFU_ERR_EXPIRED.
 *
 * Thread-safe. After a fork the child calls link_after_fork_child once: it has
 * new connections, and the parent's are left alone. Their sockets are closed in
 * the child in any case, also of links that it does not go on with.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdatomic.h>

#include "base/conf.h"
#include "base/err.h"
#include "wire/channel.h"
#include "wire/op.h"

struct link;

struct link_conf {
	const char *device;        /* for the log */
	const char *address;       /* wire/channel.h */
	const char *name;          /* what the certificate must be for; NULL: the address's host, or, with a pin, anything */
	const char *pin;           /* SHA-256 of the certificate, 64 hex digits, or NULL */
	const char *profile, *ca, *cert, *key, *crl, *enc_cert, *enc_key;
	const char *token;         /* the virtual machine; "" the only one */
	enum wire_role role;
	uint32_t connections;      /* 1..16, default 2: a lost segment does not hold up all */
	uint32_t connects_per_s;   /* default 20 */
	uint32_t ping_ms;          /* without a sign of life while answers are outstanding: dead; default 1000 */
	uint32_t idle_ms;          /* a ping of an idle connection when it is used next; default 15000 */
	uint32_t window;           /* requests at once on a connection, at most what the machine grants; default 256 */
	uid_t server_uid;          /* Unix sockets: whom the peer must be; root always is right; (uid_t)-1: this user */
	const char *domain_id;     /* that the machine's domain must have, 32 hex digits, or NULL: the first one seen is kept */
};
/*
 * From a device's section (options of driver net, hufu.conf(5)): views into it. HUFU_ERR_CONFIG after a logged message.
 * get as in struct hufu_conf.
 */
enum hufu_err link_conf_of(const struct hufu_conf *, struct link_conf *) MUST_CHECK;

/* Copies conf; loads certificates; makes no connection. HUFU_ERR_CONFIG after a message. */
enum hufu_err link_new(const struct link_conf *, struct link **) MUST_CHECK;
void link_free(struct link *); /* nobody is calling */

/* One request. The caller's; the link writes frame no more once it was sent. */
struct link_call {
	struct writer frame;       /* a whole REQUEST (wire/op.h): the link gives it its id, and what is left of its time. In secret memory
	                              where it holds secrets */
	uint64_t deadline_ns;
	bool bulk;                 /* goes by a connection of its own kind, so that small ones do not wait behind it */
	/* answer */
	enum hufu_err err;         /* of the way: HUFU_OK where an answer came, whatever it says; GONE, LOST, DENIED; BUSY: no room or no
	                              time for it, not sent; DATA_LEN: over max_body */
	uint8_t *body;             /* secret memory, link_call_clear */
	size_t len;
	/* the link's own */
	struct link_waiter *waiter;
	struct link_call *next;
	uint64_t id, end;
	_Atomic bool cancelled;
};
/* Sends all, waits for all; each has its own err. Returns by the latest deadline. */
void link_run(struct link *, struct link_call *calls, size_t n);
void link_call_clear(struct link_call *);
/*
 * Makes a run that another thread waits in return early, LOST, and tells the machine (CANCEL). The calls are there until it has
 * returned.
 */
void link_cancel(struct link *, struct link_call *calls, size_t n);

/* Connects if there is no connection, and asks: is it there? (PING). */
enum hufu_err link_probe(struct link *, uint64_t deadline_ns) MUST_CHECK;

struct link_state {
	bool up;
	uint32_t max_body, window;
	uint64_t start;            /* of the machine: another one says that it was started anew */
	uint8_t domain_id[16];     /* of its proof, which was verified; all zero: none */
	char machine[65], token[65], profile[129];
	int64_t not_after;         /* of the machine's certificate */
	uint32_t connections;
	uint64_t handshakes, resumed, lost, pings;
};
void link_state(struct link *, struct link_state *);

void link_before_fork(struct link *);
void link_after_fork_parent(struct link *);
void link_after_fork_child(struct link *);

#endif
