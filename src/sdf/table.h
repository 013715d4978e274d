/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles of the face: what an application holds is a number that is looked up
 * here, never a pointer that is followed. A place keeps its memory for ever and
 * its lock with it, so that a late call with a dead handle finds that it is dead.
 *
 * Locks, outermost first: the face's, a device's, a session's, that of a key or
 * an agreement, a table's; the core's below all of them. One place of a kind is
 * entered at a time by a thread.
 */
#ifndef SDF_TABLE_H
#define SDF_TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum handle_kind { HANDLE_DEVICE = 1, HANDLE_SESSION, HANDLE_KEY, HANDLE_KINDS };

/* A handle for object, which the table holds from now on; NULL: memory is out, or there are as many as there may be. */
void *table_new(enum handle_kind, void *object);
/* The object, with its lock taken; NULL: no such handle. */
void *table_enter(enum handle_kind, void *handle);
void table_leave(enum handle_kind, void *handle);
/* Of one who has entered it: the handle is dead, the object the caller's again. */
void table_close(enum handle_kind, void *handle);

/* Runs f on each object while its lock is held; where it gives true, the handle dies, and f has freed the object. */
void table_each(enum handle_kind, bool (*f)(void *object, void *arg), void *arg);

/* fork: with every object at rest. */
void table_before_fork(void);
void table_after_fork_parent(void);
void table_after_fork_child(void);

#endif
