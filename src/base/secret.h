/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secret memory: locked (mlock), kept out of core dumps, wiped when freed,
 * guarded against overruns of the arena. Falls back to unlocked memory, with
 * one warning in the log, where RLIMIT_MEMLOCK is too small: the application's
 * limits are not ours to raise.
 *
 * Thread-safe. After fork the child locks its pages again (secret_after_fork).
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, 16-byte aligned; NULL when memory is out. */
void *secret_alloc(size_t len) __attribute__((malloc));
/* Wipes; NULL is ignored. */
void secret_free(void *);
/* Not removed by the compiler. */
void secret_wipe(void *, size_t len);
/* Constant time in the contents. */
bool secret_equal(const void *a, const void *b, size_t len);

/* Bytes in use, for leak checks in tests and hufu status. */
size_t secret_in_use(void);

/* pthread_atfork handlers: the face registers them, in its own order. */
void secret_before_fork(void);
void secret_after_fork_parent(void);
void secret_after_fork_child(void);

#endif
