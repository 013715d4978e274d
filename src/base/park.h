/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread with other things to do than to wait: where a call would wait for a
 * card or a machine, it parks in the way that a face has set for its thread
 * (src/ossl/pause.c, a job of OpenSSL's). The pool is the one place that asks for it
 * (pool_request.may_park): what is waited for goes on without the thread.
 */
#ifndef BASE_PARK_H
#define BASE_PARK_H

/* One wait, ended by one post; whichever of the two comes last may free it. */
struct park {
	/* From any thread, once; never blocks. */
	void (*post)(struct park *);
	/* By whoever took it, once: until the post. Another thread may come back from it. */
	void (*wait)(struct park *);
};

struct park_way {
	/* NULL: no memory. */
	struct park *(*take)(const struct park_way *);
};

/* The calling thread's; NULL: it waits as everybody does. */
const struct park_way *park_way(void);
/* Gives the former one. */
const struct park_way *park_set_way(const struct park_way *);

#endif
