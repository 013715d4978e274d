/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that devices keep, made there by their vendors' tools, as objects of the token.
 *
 * When the user logs in, each enrolled domain of hardware is asked for them. One that
 * is new becomes a row, once, whatever processes ask: a private key whose copy is an
 * index in that domain (CKA_HUFU_RESIDENT names it), with its public key beside it; or
 * a secret key. Those that were there before are compared: a key that is not found any more
 * stays and says so when it is used; where another stands in its place, that is a new
 * key, and the old one is refused, with an alarm. Those that are as they were prove the
 * domain of every device that joins. One that a device does not tell of is tried all the same where there are
 * others of its domain: they may keep it still. A pair that a device made for good when this token asked it to
 * (a private key whose only copy is an index) is known by its public key.
 *
 * A login waits a second for it at most. What was not answered then is asked for at a later search.
 */
#ifndef TOKEN_RESIDENTS_H
#define TOKEN_RESIDENTS_H

#include "token/token.h"

struct object;

/* The token key is at hand, and the proofs are lent. What fails is logged. */
void residents_login(struct token *);
/* Domains that could not be asked are asked again, once in a while. */
void residents_look_again(struct token *);
/* The login has ended. Caller holds token->lock, or nobody else knows the token. */
void residents_logout(struct token *);

/* CKR_DEVICE_ERROR, logged: the device does not have this key any more. */
CK_RV residents_check(const struct object *);
/* It is refused: may be destroyed, whatever CKA_DESTROYABLE says. */
bool residents_is_lost(const struct object *);

#endif
