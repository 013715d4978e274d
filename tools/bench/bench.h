/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hufu bench: the same operations on several implementations, in one run.
 *
 * Each implementation lives in a worker process of its own, so that modules do
 * not meet and a crash costs one column. The parent asks them in turn, round by
 * round, so that all see the same machine; a cell's value is the median of its
 * rounds. Nothing passes or fails by time.
 */
#ifndef BENCH_H
#define BENCH_H

#include "tools/tool.h"

#include <jansson.h>
#include <stdint.h>

enum bench_op {
	BENCH_SM2_SIGN,
	BENCH_SM2_VERIFY,
	BENCH_SM4_CBC,
	BENCH_SM4_CTR,
	BENCH_SM3,
	BENCH_ZUC,
	BENCH_ECDSA_SIGN,           /* P-256 */
	BENCH_ECDSA_SIGN_TOKEN,     /* with a token key; the others' are session keys */
	BENCH_RSA_SIGN,             /* 2048 bits, PKCS #1 v1.5 */
	BENCH_RSA_SIGN_TOKEN,
	BENCH_AES_CBC,              /* 128 bits */
	BENCH_AES_GCM,
	BENCH_SHA256,
	BENCH_RANDOM,               /* those before need no token */
	BENCH_SESSION,
	BENCH_CREATE,
	BENCH_FIND,
	BENCH_INITIALIZE
};

struct bench_cell {
	enum bench_op op;
	const char *name;           /* "sm4-cbc" */
	size_t size;                /* bytes; BENCH_FIND, BENCH_INITIALIZE: objects on the token */
	unsigned threads;
	bool time;                  /* shown as microseconds, not as operations per second */
};

#define BENCH_CELLS_MAX 96
#define BENCH_SIZE_MAX 16384

/* Where a worker's own token lies, and what it is to load. */
struct bench_place {
	const char *module;         /* path of a PKCS#11 module; NULL: hufu's */
	const char *dir;            /* empty, its own */
	const struct args *args;    /* not NULL: the user's token of --token, with the PIN options */
};

/*
 * An implementation, as its worker runs it. Errors go to stderr at once. A
 * thread's context belongs to that thread.
 */
struct bench_impl {
	void *(*open)(const struct bench_place *);                          /* NULL: not to be had */
	void (*close)(void *);
	bool (*offers)(void *, const struct bench_cell *);
	/* Brings about what the cell is about (so many objects); not timed. May be NULL. */
	bool (*prepare)(void *, const struct bench_cell *);
	void *(*thread_open)(void *, const struct bench_cell *);            /* NULL: failed */
	/* n operations. What of its time does not belong to them is added to *aside_ns. */
	bool (*run)(void *thread, const struct bench_cell *, uint64_t n, uint64_t *aside_ns);
	void (*thread_close)(void *thread);
};

extern const struct bench_impl bench_p11, bench_libcrypto, bench_kernel;

/* -- workers ------------------------------------------------------------------ */

struct bench_worker {
	const char *name;           /* impl of the result: "hufu", "kernel", "libcrypto", "softhsm" */
	const struct bench_impl *impl;
	struct bench_place place;
	bool objects;               /* finds and C_Initialize alone; else all but those */
	size_t objects_max;         /* cells with more are left out */
	int pid, to, from;          /* pid 0: not running (any more) */
	bool offers[BENCH_CELLS_MAX];
};

/* Forks; false, with the reason on stderr, when the implementation is not to be had. */
bool worker_start(struct bench_worker *, const struct bench_cell *cells, size_t ncells);
bool worker_prepare(struct bench_worker *, size_t cell);
/* Nanoseconds of one operation (with several threads: of the wall clock); 0: failed, and the worker is stopped. */
double worker_measure(struct bench_worker *, size_t cell, uint64_t target_ns);
void worker_stop(struct bench_worker *);

/* -- places -------------------------------------------------------------------- */

/* A fresh directory under parent; malloc. NULL: reported. */
char *place_make(const char *parent);
/* Configurations of hufu and SoftHSM for tokens in dir, named by HUFU_CONF and SOFTHSM2_CONF. */
bool place_configure(const char *dir);
/* With all that lies in it. */
void place_remove(const char *dir);
/* For what is not about disks: TMPDIR, else in memory where the system has it, else /tmp. */
const char *place_fast(void);

/* -- results -------------------------------------------------------------------- */

struct bench_result {
	const struct bench_cell *cells;
	size_t ncells;
	const char *const *names;   /* of the implementations; the first is the one compared */
	size_t nimpls;
	/* [impl][cell], 0: none. Medians: of the times, and of the ratio to and the difference from the first's, round by round. */
	double (*ns)[BENCH_CELLS_MAX], (*ratio)[BENCH_CELLS_MAX], (*less)[BENCH_CELLS_MAX];
	unsigned rounds;
	double seconds;
	const char *dir;            /* where the tokens that are written to lay */
	double pool_ns;             /* that the pool adds to a call; 0: not measured */
};

enum status bench_report(const struct args *, const struct bench_result *) MUST_USE;
/* Processor, system, versions: member "machine" of every result. */
json_t *bench_machine(void);

#endif
