/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object handles: a table of chunks that are never freed, so that a handle is
 * looked up without a lock, and a map from a token object's uuid to its handle.
 *
 * A handle is 32 bits: generation above, index + 1 below. An entry holds one
 * reference of the current snapshot, or none while a token object has not been
 * loaded yet.
 */
#ifndef TOKEN_HANDLE_H
#define TOKEN_HANDLE_H

#include "token/object.h"

#define HANDLES_MAX ((1u << 22) - 1)

struct handle_map;
struct handle_map *handle_map_new(void);
void handle_map_free(struct handle_map *);

/* For a token object known by uuid: its handle, made if there is none. Caller holds token->lock. 0: out of memory or handles. */
CK_OBJECT_HANDLE handle_of_uuid(struct token *, const uint8_t uuid[16]);
/* For a session object: a new handle, holding the caller's reference. 0 as above. */
CK_OBJECT_HANDLE handle_new(struct object *);

/*
 * The snapshot under a handle, with a reference. False: no such handle, or of
 * another token. True with *obj NULL: a token object not loaded yet, uuid says which.
 * Lock-free.
 */
bool handle_get(struct token *, CK_OBJECT_HANDLE, struct object **obj, uint8_t uuid[16]);
/* Publishes a snapshot (takes over the caller's reference); the older one is released once no reader looks at it. NULL forgets what was loaded. Caller holds token->lock. */
void handle_put(CK_OBJECT_HANDLE, struct object *);
/* The handle is dead from now on; gives the reference back. Caller holds token->lock. */
void handle_kill(struct token *, CK_OBJECT_HANDLE);
/* Every handle of the token that f wants dead. Caller holds token->lock. */
void handle_kill_if(struct token *, bool (*f)(const struct object *, void *arg), void *arg);

/* The logout count (token->login_epoch) at which the handle was given out: a private row loads only under the same one. */
uint64_t handle_login_epoch(CK_OBJECT_HANDLE);

void handle_before_fork(void);
void handle_after_fork_parent(void);
void handle_after_fork_child(void);

#endif
