/* SPDX-License-Identifier: Apache-2.0 */
/* ASYNC_JOBs as an event-driven server runs them: many in one thread, each resumed when its descriptor is readable. */
#ifndef CONFORMANCE_PROVIDER_JOBS_H
#define CONFORMANCE_PROVIDER_JOBS_H

#include "tests/conformance/provider.h"

#include <openssl/async.h>

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
