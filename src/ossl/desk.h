/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desk: where operations of this process get a session of the core. One
 * desk a slot, for all providers of the process; it keeps the sessions that are
 * not in use. All functions are thread-safe; a forked child goes on with what
 * its parent had (the core's sessions and logins stay valid there).
 */
#ifndef OSSL_DESK_H
#define OSSL_DESK_H

#include "ossl/error.h"
#include "token/session.h"

struct desk;

/* The provider is there, or goes: the last one ends the core. Nothing is started yet. */
void desks_join(void);
void desks_leave(void);

/* The core, started if it was not, with the provider's settings. 0 after an error: another configuration is in force, or it is wrong. */
int desks_start(const struct provider *);
/* The desk of a slot; lives as long as the core. NULL after an error. The core runs. */
struct desk *desk_of(const struct provider *, CK_SLOT_ID);
CK_SLOT_ID desk_slot(const struct desk *);
/* The token's label, without its padding, for messages. */
const char *desk_token(const struct desk *);

/* A read-write session that nobody else has, entered. NULL with the reason in *rv. */
struct session *desk_take(struct desk *, CK_RV *rv);
/* Leaves it. Its operation, if one is active, is ended. */
void desk_give(struct desk *, struct session *);

#endif
