/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASYNC_JOBs (ASYNC_start_job(3)): what waits for a device does not keep the
 * thread, but pauses the job; the job's descriptor becomes readable when the answer
 * is there, or the time is up. Outside a job, and where nothing has to be waited for, nothing changes.
 *
 *	bool pause_run(&pause, run, arg)
 *		run(arg) finds key and session, and then
 *		pause_begin(&pause, session);
 *		... one operation of the core on the session ...
 *		pause_end(&pause);
 *
 * The operation goes on without the job. If the application frees the job's
 * ASYNC_WAIT_CTX, the job is never resumed: its stack stays as it is for good (libcrypto does
 * not free it), its session is closed, and its descriptor, once the operation is over. So what the operation
 * reads and writes must be the job's: on libcrypto's stack, or allocated by it and not freed by others.
 */
#ifndef OSSL_PAUSE_H
#define OSSL_PAUSE_H

#include <stdbool.h>

#include "base/park.h"
#include "token/session.h"

struct pause {
	struct park_way way;                    /* first */
	const struct park_way *before;
	struct stack *stack;                    /* NULL: not in a job that can be paused */
	struct session *session;
};

/* run(arg), in a job that can be paused on a stack of our own (stack.h). False: no memory, it did not run. */
bool pause_run(struct pause *, void (*run)(void *), void *arg);
/* In run: the calling thread parks so. The session is entered, and left alone meanwhile. */
void pause_begin(struct pause *, struct session *);
void pause_end(struct pause *);
/* Are jobs paused, or lost in a pause? The core cannot end while their operations run. */
bool pause_any(void);

#endif
