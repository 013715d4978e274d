/* SPDX-License-Identifier: Apache-2.0 */
#include "hufud/ticket.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "rand/seal.h"

/* client || token id || u64 epoch || u64 end || u8 role || token key */
#define PLAIN_LEN (32 + 16 + 8 + 8 + 1 + 32)
_Static_assert(PLAIN_LEN + SEAL_OVERHEAD <= TICKET_MAX, "a ticket has its bounds");

static void sealing_key(const struct tenant *tenant, struct sm3_hmac_key *key)
{
	uint8_t secret[32];

	tenant_key(tenant, "tickets", secret);
	sm3_hmac_key_init(key, secret, sizeof(secret));
	secret_wipe(secret, sizeof(secret));
}

/* The key is the tenant's alone, and used for nothing else: there is nothing to bind beside it. */
enum hufu_err ticket_seal(const struct tenant *tenant, const struct ticket *ticket, struct writer *out)
{
	uint8_t sealed[PLAIN_LEN + SEAL_OVERHEAD];
	struct sm3_hmac_key key;
	struct writer plain;

	writer_init(&plain, true);
	write_bytes(&plain, ticket->client, sizeof(ticket->client));
	write_bytes(&plain, ticket->token_id, sizeof(ticket->token_id));
	write_u64(&plain, ticket->epoch);
	write_u64(&plain, (uint64_t)ticket->ends);
	write_u8(&plain, ticket->role);
	write_bytes(&plain, ticket->token_key, sizeof(ticket->token_key));
	sealing_key(tenant, &key);
	enum hufu_err err = plain.bad ? HUFU_ERR_NO_MEMORY : seal_close(&key, NULL, 0, plain.data, plain.len, sealed);
	secret_wipe(&key, sizeof(key));
	writer_clear(&plain);
	if (err != HUFU_OK)
		return err;
	write_bytes(out, sealed, sizeof(sealed));
	return out->bad ? HUFU_ERR_NO_MEMORY : HUFU_OK;
}

static bool read_plain(const uint8_t plain[PLAIN_LEN], struct ticket *ticket)
{
	struct reader r = reader_of(plain, PLAIN_LEN);

	read_copy(&r, ticket->client, sizeof(ticket->client));
	read_copy(&r, ticket->token_id, sizeof(ticket->token_id));
	ticket->epoch = read_u64(&r);
	ticket->ends = (int64_t)read_u64(&r);
	ticket->role = read_u8(&r);
	read_copy(&r, ticket->token_key, sizeof(ticket->token_key));
	return reader_done(&r) && ticket->role <= STORE_USER;
}

enum hufu_err ticket_open(const struct tenant *tenant, const struct channel_peer *peer, const uint8_t *sealed, size_t len,
                          struct ticket *ticket)
{
	uint8_t plain[PLAIN_LEN];
	struct sm3_hmac_key key;

	if (len != PLAIN_LEN + SEAL_OVERHEAD)
		return HUFU_ERR_EXPIRED;
	sealing_key(tenant, &key);
	bool ok = seal_open(&key, NULL, 0, sealed, len, plain) && read_plain(plain, ticket);
	secret_wipe(&key, sizeof(key));
	secret_wipe(plain, sizeof(plain));
	ok = ok && secret_equal(ticket->client, peer->key_id, sizeof(ticket->client)) && ticket->ends > clock_wall_s();
	if (!ok)
		secret_wipe(ticket, sizeof(*ticket));
	return ok ? HUFU_OK : HUFU_ERR_EXPIRED;
}
