/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cipher machine on the loopback, as hufu bench net measures it: operations with so many in flight on one connection, and from so
 * many threads, each beside the same without a wire; handshakes; connections that do nothing.
 */
#ifndef LAB_NET_H
#define LAB_NET_H

#include "base/err.h"
#include "hufu/driver.h"
#include "pool/pool.h"
#include "tools/lab/lab.h"
#include "wire/channel.h"

#include <sys/types.h>

#define NET_COPY_MAX 1024

/* What the verb was told of the machine. */
struct net_place {
	const char *address, *ca, *cert, *key, *token;
	pid_t pid;                  /* hufud's: of whose time and memory is asked */
	uint64_t ns;                /* for one measurement */
};

/* One SM2 key, as the machine sealed it and as this process's soft device did. */
struct net_key {
	struct pool *pool;
	struct pool_key *key;       /* of the pool */
	uint8_t copy[NET_COPY_MAX];
	size_t copy_len;
	uint8_t point[64];
};

enum net_op { NET_SIGN, NET_RANDOM, NET_OPS };
#define NET_RANDOM_LEN 54 /* so much of random numbers comes in a frame of 88 bytes */
extern const char *const net_op_names[NET_OPS];

/* -- samples (net_measure.c) ------------------------------------------------------------ */

/* One thread's, or one connection's. */
struct net_samples {
	uint32_t *ns;               /* latencies */
	size_t n, max;
	uint64_t from_ns, to_ns;    /* what begins and ends between counts; the first one, too, if it ends later */
	uint64_t last_ns;           /* when the last one that counts ended */
	uint64_t done, all;         /* that count; whatever was done from first to last */
};
bool samples_make(struct net_samples *, uint64_t from_ns, uint64_t to_ns, size_t max);
void samples_add(struct net_samples *, uint64_t begun_ns, uint64_t now_ns);

/* Of both processes, while it is measured. */
struct net_cost {
	uint64_t from_ns, own_ns, machine_ns;
};
struct net_cost cost_now(pid_t machine);
/* {per_s, p50_us, p99_us, p999_us, client_us, machine_us}; frees the samples. before, after: around all that was done. */
json_t *samples_report(struct net_samples *, size_t n, const struct net_cost *before, const struct net_cost *after);

/* -- one connection, without the client's link (net_remote.c) ------------------------------- */

struct net_remote;
/* TLS, HELLO, and its answer. */
struct net_remote *remote_open(const struct net_place *, struct channel_context *);
void remote_close(struct net_remote *);
struct channel_context *remote_context(const struct net_place *);
/* Keeps so many requests under way until the samples' time is over. */
bool remote_run(struct net_remote *, const struct net_key *, enum net_op, unsigned window, struct net_samples *);
/* Sizes of the last request and answer, with their headers. */
void remote_frames(const struct net_remote *, size_t *request, size_t *answer);

/* -- handshakes and idle connections (net_connect.c) -------------------------------------------- */

/* {full_per_s, resumed_per_s}: TLS alone, one after the other, as openssl s_time does. */
json_t *net_handshakes(const struct net_place *);
/* {connections, machine_bytes, client_bytes, per_s}: memory of one connection that does nothing. */
json_t *net_idle(const struct net_place *, unsigned connections);

#endif
