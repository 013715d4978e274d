/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets: what a login at one machine is worth at all machines of the domain.
 *
 * A ticket is sealed (SM4-GCM) under a key that only machines with this master
 * have. It binds the client's key (channel_peer.key_id), the token's id, the
 * role and its epoch, and an end; and it carries the token key, so that a machine
 * that never saw the PIN, or was started anew, can open what the login opened.
 * It dies with the role's epoch (a PIN that was set, a token that was renewed) and
 * with the client's key. Clients keep it in secret memory and see nothing of it.
 */
#ifndef HUFUD_TICKET_H
#define HUFUD_TICKET_H

#include "base/buf.h"
#include "hufud/tenant.h"

#define TICKET_MAX 256

struct ticket {                    /* in secret memory */
	uint8_t client[32];        /* key_id */
	uint8_t token_id[16];
	uint64_t epoch;            /* store_role_epoch */
	int64_t ends;              /* seconds since 1970 */
	uint8_t role;              /* enum store_role */
	uint8_t token_key[32];
};
enum hufu_err ticket_seal(const struct tenant *, const struct ticket *, struct writer *out) MUST_CHECK;
/* HUFU_ERR_EXPIRED: it has ended, is another client's, another token's, of another epoch, or no ticket at all. */
enum hufu_err ticket_open(const struct tenant *, const struct channel_peer *, const uint8_t *sealed, size_t len, struct ticket *)
	MUST_CHECK;

#endif
