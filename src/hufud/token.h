/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role TOKEN: a tenant's objects live on the machines, in a store that they
 * may share; clients log in, get a ticket (ticket.h), and name keys by their rows.
 *
 * What a hostile client can and cannot do is in docs/PROTOCOL.md, "Tokens"; in short, with
 * a user's ticket: use keys as their attributes allow and no other way, have the value of those that
 * it could wrap under a key of its own anyway, and of those that it makes itself.
 */
#ifndef HUFUD_TOKEN_H
#define HUFUD_TOKEN_H

#include "hufud/tenant.h"

/* What a tenant keeps for this role: its stores, what of them is remembered, logins that were answered. */
struct token_side;
/* Opens nothing yet. */
enum hufu_err token_side_new(struct tenant *, const struct conf *, struct token_side **) MUST_CHECK;
/* NULL is ignored. */
void token_side_free(struct token_side *);
/* From time to time: what tickets have opened is shut when the last of them has ended, though nobody asks any more. NULL is ignored. */
void token_side_tend(struct token_side *);
/* The tenant's; NULL: it has no store. */
struct token_side *tenant_token(struct tenant *);

/*
 * For devices.c, with which this role shares its ops: the key that a request names by a row (HUFU_COPY_INDEX), which
 * the caller gives back (pool_key_rele). May it be used so, by whoever holds this ticket: the row's attributes, the token's
 * policy. HUFU_ERR_KEY_USE; KEY_TYPE; NO_KEY: there is no such row; EXPIRED: it is private, and there is no good ticket;
 * the store's. May wait for the store: on a lane.
 */
enum hufu_err token_key_get(struct request *, const struct wire_op *, const struct hufu_key *, struct pool_key **) MUST_CHECK;
/* Would token_key_get answer from memory? */
bool token_key_at_hand(struct request *, const struct wire_op *);

#endif
