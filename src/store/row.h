/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A row as bytes. What is decoded may have been written by an enemy: every
 * count and length is checked against what is there and against the bounds of
 * store.h, and nothing may be left over. No function here logs.
 *
 *	body    u8 1 | u64 class | u64 key type | u32 policy | u16 n |
 *	        n x (u64 type | u8 flags | u32 len | value)
 *	copies  empty, or u8 1 | u8 n | n x (u32 kind | u8 len | domain | u32 len | sealed)
 *
 * The body of a private row is sealed as a whole. Copies are always sealed, one
 * by one.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "base/buf.h"
#include "store/ring.h"
#include "store/store.h"

#define ROW_FORMAT 1
/* All attributes of a row together, and all copies. */
#define ROW_BODY_MAX (4u << 20)
#define ROW_COPIES_MAX (4u << 20)
#define ROW_ATTR_MIN (8 + 1 + 4) /* an encoded attribute without its value */

/* Bytes that somebody else owns. */
struct view {
	const uint8_t *p;
	size_t len;
};

/* What a row says of itself, bound into the seals of its copies. */
struct row_head {
	uint64_t object_class, key_type;
	uint32_t policy;
};

struct sealed_copy {
	uint32_t kind;
	struct view domain, data;
};

/* A row as it stands on disk. */
struct row_image {
	int64_t seq;                /* where; not bound, for it says nothing */
	uint8_t uuid[UUID_LEN];
	uint64_t version;
	uint64_t material;          /* version of the copies */
	bool private_object;
	struct view body, copies;
	struct view lookup;         /* its index entries, LOOKUP_LEN bytes each: they go with it */
	struct view host_mac, token_mac; /* MAC_LEN bytes, or none */
};

/* Within the bounds, and no pointer missing: HUFU_ERR_ARGUMENT, HUFU_ERR_DATA_LEN. */
enum hufu_err row_check(const struct store_draft *) MUST_CHECK;

void row_encode_body(struct writer *, const struct store_draft *);
/* attrs: views into body, at most cap of them. */
bool row_decode_body(struct view body, struct row_head *, struct store_attr *attrs, size_t cap, size_t *nattrs) MUST_CHECK;
void row_encode_copies(struct writer *, const struct sealed_copy *, size_t n);
bool row_decode_copies(struct view copies, struct sealed_copy out[STORE_COPIES_MAX], size_t *n) MUST_CHECK;

/* The token ring's MAC binds the row; the host ring's the row and the token ring's MAC (or that there is none). */
void row_token_mac(const struct ring *token, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *, uint8_t mac[MAC_LEN]);
void row_host_mac(const struct ring *host, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *, uint8_t mac[MAC_LEN]);

/* What the seals of the body and of a copy are bound to. */
void row_body_aad(struct writer *, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *);
void row_copy_aad(struct writer *, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *, const struct row_head *,
                  uint32_t kind, struct view domain);

#endif
