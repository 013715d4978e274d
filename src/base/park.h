/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a thread waits for news: on a futex or a condition, as everybody does; or
 * in a way of its own, that a face has set, because the thread has other things to
 * do (a job of OpenSSL's: src/ossl/pause.c).
 *
 * A place that waits asks for a park of the thread's way before it lets others
 * know of itself, posts to it where it would signal, and waits on it where it would sleep.
 */
#ifndef BASE_PARK_H
#define BASE_PARK_H

#include <stdbool.h>
#include <stdint.h>

struct park_way {
	/* A park of this thread's, or NULL: none is to be had, wait as everybody does. */
	void *(*take)(void);
	/* From any thread; never blocks. More posts than waits are one. */
	void (*post)(void *park);
	/* In the thread (or job) that took it: until a post that no wait has seen, or until then (CLOCK_MONOTONIC). False: the time is up. */
	bool (*wait)(void *park, uint64_t until_ns);
	/* Nobody posts to it any more. */
	void (*give)(void *park);
};

/* The calling thread's; NULL: as everybody. */
const struct park_way *park_way(void);
/* Gives the former one. */
const struct park_way *park_set_way(const struct park_way *);

#endif
