/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request is to the parts of hufud: the server (server.h) reads it from
 * a connection, access.h says whether it may be, a service answers it.
 *
 * A service is chosen at HELLO by role: devices.c runs ops on copies that
 * clients hold, token.c serves tokens that live here, host.c lends one driver
 * to local processes.
 */
#ifndef HUFUD_SERVICE_H
#define HUFUD_SERVICE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "wire/channel.h"
#include "wire/op.h"

struct tenant;   /* a token section: its pool, its store, its limits; tenant.h */
struct identity; /* access.h */

/* One connection as services see it; lives as long as its requests. */
struct session {
	const struct channel_peer *peer;
	const struct identity *identity;
	struct tenant *tenant;
	enum wire_role role;
	uint64_t process;          /* Hello.process */
	uint32_t max_body;
	uint64_t id;               /* for the log */
};

struct request {
	struct session *session;
	uint64_t id;               /* of the frame */
	uint16_t op;
	uint64_t deadline_ns;      /* never 0: without one the token's deadline */
	uint64_t arrived_ns;
	const uint8_t *body;       /* secret memory; the server's, until request_answer */
	size_t len;
	_Atomic bool cancelled;    /* CANCEL came, or the connection ended: nobody waits any more */
	struct writer reply;       /* the service's to fill: a whole frame, in secret memory */
	struct wire_status outcome; /* for counters and audit: what reply says */
	/* for audit and counters, set by services where known */
	uint8_t key_uuid[16];
	uint64_t mechanism;
	uint8_t op_id[16];
	uint32_t attempts;
	const char *served_by;
	bool denied;               /* by the identity's rules */
	const char *detail;        /* fixed words, or NULL */
	const uint8_t (*made)[16]; /* the objects, where there is not just one; until request_answer */
	size_t nmade;
	void *work;                /* the service's own */
};

/*
 * Exactly once for each request, from any thread: sends reply, or, where it is empty or bad, outcome alone. The request is gone.
 * What must be in the audit trail before its answer goes out (record.h) waits here for that, and is answered from a lane.
 */
void request_answer(struct request *);
/* PROGRESS for a request that takes long; from any thread. */
void request_progress(struct request *, uint32_t extend_ms);

struct service {
	const char *name;
	/*
	 * On the loop's thread: must not block, nor compute for more than a millisecond; what would goes to the tenant's lanes
	 * (tenant_later), and answers from there. body is hostile.
	 */
	void (*run)(struct request *);
	/* HELLO was read, access is granted: what HELLO_OK is to say beside what the server knows (domain point and proof). */
	enum hufu_err (*hello)(struct session *, const struct wire_hello *, struct wire_hello_ok *);
	/* The connection has ended, all its requests are answered. NULL: there is nothing to do then. */
	void (*bye)(struct session *);
};
extern const struct service service_devices, service_token, service_host;

#endif
