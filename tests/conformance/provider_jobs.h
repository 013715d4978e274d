/* SPDX-License-Identifier: Apache-2.0 */
/* ASYNC_JOBs as an event-driven server runs them: many in one thread, each resumed when its descriptor is readable. */
#ifndef CONFORMANCE_PROVIDER_JOBS_H
#define CONFORMANCE_PROVIDER_JOBS_H

#include "tests/conformance/provider.h"

#include <openssl/async.h>

#define JOBS 16u

/* -- a card whose operations wait at a gate, or machines, which have none ---------------- */

/* The first case: provider_up with the provider linked in, over the token on the card, or on machines (HUFU_FACE_MACHINES). */
void jobs_up(void);
/* While it is closed no signature and no decryption is answered. */
void gate_set(bool closed);
/* In the child; it is open. */
void gate_after_fork(void);
#define NEEDS_GATE() do { if (face_machines()) UNIT_SKIP("machines have no gate"); } while (0)

#ifdef __SANITIZE_THREAD__
#define JOBS_MAIN(name, cases) int main(void) \
{ \
	(void)unit_main; \
	(void)cases; \
	puts("1..0 # SKIP ThreadSanitizer cannot follow libcrypto's jobs from stack to stack: see tests/unit/test_park"); \
	return 0; \
}
#else
#define JOBS_MAIN(name, cases) UNIT_MAIN(name, cases)
#endif

/* -- jobs ---------------------------------------------------------------------------------- */

/* One job: run(arg) in it, what it gave. */
struct task {
	int (*run)(void *arg);
	void *arg;
	ASYNC_JOB *job;
	ASYNC_WAIT_CTX *wait;
	int status;                     /* ASYNC_PAUSE, ASYNC_FINISH, ... of the last start */
	int ret;
};

/* Starts it, or goes on with it. True: it is paused. */
bool task_start(struct task *);
/* Its descriptor; -1: it has none. */
int task_fd(const struct task *);
/* True: readable within this time. */
bool task_is_ready(const struct task *, int timeout_ms);
/* Goes on with each as its descriptor says, until all have finished. How many of them gave 1. */
unsigned tasks_finish(struct task *, unsigned n);
/* What the application frees with a job, or with one that it gives up. */
void task_clear(struct task *);

#define JOBS_STACK 32768u               /* libcrypto 3.0, async_posix.c */
/* In a job, at its beginning: how many bytes of its stack are used once run(arg) has given 1; else all. */
size_t jobs_stack_used(int (*run)(void *arg), void *arg);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define JOBS_NEED_PLAIN_STACK() UNIT_SKIP("sanitizers take much more")
#else
#define JOBS_NEED_PLAIN_STACK() ((void)0)
#endif

/* A digest or message signed by a key of the token's, in a job. */
struct signing {
	EVP_PKEY *key;
	const char *md;                 /* NULL: none */
	size_t len;
	uint8_t sig[512];
};
int sign_in_job(void *signing);
/* By the default provider. */
bool signature_is_right(const struct signing *, EVP_PKEY *public);

#endif
