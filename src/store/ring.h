/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring: the keys derived, by labels, from one secret and the token's id.
 * Rings live in secret memory. No function here logs.
 */
#ifndef STORE_RING_H
#define STORE_RING_H

#include "base/err.h"
#include "rand/seal.h"
#include "sm/sm3.h"

#define TOKEN_ID_LEN 16
#define TOKEN_KEY_LEN 32
#define UUID_LEN 16
#define MAC_LEN SM3_DIGEST_LEN
#define LOOKUP_LEN 16

/* First byte of all that is MACed or bound to a seal: no two uses can be taken for each other. */
enum ring_use { USE_ROW_TOKEN = 1, USE_ROW_HOST, USE_BODY, USE_COPY, USE_TOKEN, USE_ROLE, USE_PIN,
                USE_DOMAIN_TOKEN, USE_DOMAIN_HOST, USE_PROOF,
                USE_CREDENTIAL_TOKEN, USE_CREDENTIAL_HOST, USE_CREDENTIAL,
                USE_HEAD };

struct ring {
	struct sm3_hmac_key seal;   /* one-time SM4-GCM keys */
	struct sm3_hmac_key mac;    /* of rows */
	struct sm3_hmac_key lookup; /* the search index, a key an attribute derived from it */
	struct sm3_hmac_key uuid;   /* object ids from op ids */
};

/* name ("host", "token") sets rings of one secret apart. */
void ring_init(struct ring *, const char *name, const void *secret, size_t len, const uint8_t token_id[TOKEN_ID_LEN]);
/* The index entry of an attribute's value: equal for equal values, says nothing about others. */
void ring_lookup(const struct ring *, uint64_t type, const uint8_t *value, size_t len, uint8_t out[LOOKUP_LEN]);
/*
 * The uuid of what an op makes: its first UUID_OP_LEN bytes follow from the op id, the rest from the op id and the digest
 * of the request, so that one op id cannot make two objects, nor another request have what it made.
 */
#define UUID_OP_LEN 10
void ring_uuid(const struct ring *, const uint8_t op_id[16], const uint8_t request[SM3_DIGEST_LEN], uint8_t uuid[UUID_LEN]);

#endif
