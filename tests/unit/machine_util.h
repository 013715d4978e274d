/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cipher machine that does what a test tells it to: the test gives a function
 * that serves one connection, after its HELLO, in a thread of the connection's.
 */
#ifndef MACHINE_UTIL_H
#define MACHINE_UTIL_H

#include <pthread.h>
#include <stdatomic.h>

#include "sm/sm2.h"
#include "wire/channel.h"
#include "wire/op.h"

#define MACHINE_WAIT_MS 60000 /* only a failure gets there */

struct machine;
struct served {
	struct machine *machine;
	struct channel *channel;
	unsigned nth;              /* connection of the machine, from 0 */
	struct wire_hello hello;
	uint8_t *in;               /* bytes that came and are not taken */
	size_t in_len, in_at;
	unsigned reads;            /* channel_read that gave bytes: over TLS records, each of one write of the client's */
};

struct machine {
	/* set by the test */
	void (*serve)(struct served *);
	bool (*greet)(struct served *, struct wire_hello_ok *); /* may change the answer to HELLO; false: end here. NULL: as it is */
	void *arg;
	uint32_t window;
	/* machine_start's */
	char address[128], dir[64];
	struct channel_context *context; /* the test's; NULL: a Unix socket */
	int listener;
	pthread_t thread;
	struct sm2_private key;
	uint64_t start;
	atomic_uint accepted, running;
	atomic_bool stop;
};

/* Listens: on TLS where there is a context. */
void machine_start(struct machine *, struct channel_context *);
/* Stops to listen; connections go on until they end by themselves. */
void machine_deafen(struct machine *);
/* Waits until all connections have ended. */
void machine_stop(struct machine *);

/* The next frame; body is valid until the next call. False: the connection has ended. */
bool served_take(struct served *, struct wire_header *, const uint8_t **body);
/* The next frame of this type; others are passed over, but PINGs are answered. */
bool served_take_type(struct served *, enum wire_type, struct wire_header *, const uint8_t **body);
/* False: the connection has ended. */
bool served_send(struct served *, const void *, size_t);
bool served_frame(struct served *, enum wire_type, uint64_t id, const void *body, size_t len);
bool served_put(struct served *, struct writer *); /* and empties it */
/* Answers each request with its own body, PINGs with PONGs, until the end. */
void serve_echo(struct served *);
/* Answers PINGs and nothing else. */
void serve_mute(struct served *);

#endif
