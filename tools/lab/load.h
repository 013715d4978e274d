/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steady load, open loop: each call has its time, and waits for no other's end
 * as long as there is an idle client. Where none was, latency counts from that
 * time, so that a device that keeps callers waiting cannot hide it by keeping
 * them from calling; where a client slept until then, from its waking: how late
 * the machine wakes it is the machine's doing, and told apart.
 */
#ifndef LAB_LOAD_H
#define LAB_LOAD_H

#include "tools/lab/lab.h"

#include <pthread.h>
#include <stdatomic.h>

#define LOAD_INPUT 64
#define LOAD_CLIENTS_MAX 128

enum load_class { LOAD_SIGN, LOAD_ENCRYPT, LOAD_MAKE_KEY };
/* What libcrypto, or for a key the store, says of the answer. */
enum load_verdict { LOAD_UNJUDGED, LOAD_GOOD, LOAD_WRONG, LOAD_MISSING, LOAD_DOUBLE };

struct load_call {
	enum load_class class;
	uint64_t due_ns, taken_ns, begun_ns; /* taken: a client waits for due, or is late already */
	_Atomic uint64_t ended_ns;  /* 0: not returned */
	CK_RV rv;
	enum load_verdict verdict;
	uint64_t seed;              /* of its input */
	uint8_t out[LOAD_INPUT];
};

struct load {
	const struct bed *bed;
	struct load_call *calls;
	size_t n;
	_Atomic size_t next;
	_Atomic unsigned running;   /* clients */
	pthread_t clients[LOAD_CLIENTS_MAX];
	CK_SESSION_HANDLE sessions[LOAD_CLIENTS_MAX];
	unsigned nclients;
};

/* Appends calls from begin_ns to end_ns, rate a second, evenly but for jitter. keys: make keys, else sign and encrypt in turn. */
bool load_plan(struct load *, bool keys, uint64_t begin_ns, uint64_t end_ns, unsigned rate, uint64_t *seed);
bool load_start(struct load *, const struct bed *, unsigned nclients);
/* Waits for the calls to end, for so long at most. False: some have not returned. */
bool load_wait(struct load *, uint64_t until_ns);
/* Every answer; after the load has ended. */
bool load_judge(struct load *);
/* [[class, from, ended, rv, verdict, late], ...], microseconds from begin_ns; ended null: it has not returned; late: it woke so. */
json_t *load_json(const struct load *, uint64_t begin_ns);
void load_clear(struct load *);

#endif
