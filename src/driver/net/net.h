/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver for network cipher machines (hufud, docs/PROTOCOL.md): a device is
 * a link to one machine, an op a request. What is in a copy is the machine's
 * business. The machine itself tries its own devices in turn and checks what
 * they sign; the client's pool has other machines to try.
 */
#ifndef DRIVER_NET_NET_H
#define DRIVER_NET_NET_H

#include <pthread.h>

#include "hufu/driver.h"
#include "link/link.h"

#define NET_BATCH 16 /* requests of one lease on their way at once */

struct net_row {                   /* as the machine told it */
	uint64_t mechanism, max_in;
	uint32_t verbs;
	bool multi_part;
};

struct hufu_device {
	const struct hufu_host *host;
	struct link *link;
	enum wire_role role;
	struct hufu_device_info info;
	struct hufu_capability *caps;
	struct net_row *rows;      /* as many as caps */
	uint32_t max_body;         /* of a request */
	pthread_rwlock_t ticket_lock;
	uint8_t *ticket;           /* role TOKEN: of the login; secret memory, or NULL */
	size_t ticket_len;
	char name[];
};

struct hufu_lease {
	struct hufu_device *device;
	pthread_mutex_t lock;      /* of n: cancel comes from another thread */
	size_t n;                  /* calls that run waits for, 0 none */
	struct link_call calls[NET_BATCH];
};

/* Runs them at once, n at most NET_BATCH; none is larger than a request takes. */
void net_run_requests(struct hufu_lease *, struct hufu_op *const *ops, size_t n);

/* -- what is larger than a request takes: split.c --------------------------------- */

/* Is it larger, and can it be had in pieces? */
bool net_must_split(const struct hufu_device *, const struct hufu_op *);
void net_run_split(struct hufu_lease *, struct hufu_op *);
/* Sets caps' max_in: what cannot be had in pieces has to fit. */
void net_limit_capabilities(struct hufu_device *);

#endif
