/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A card's library, as its vendor might ship it. There is no card: what stands
 * for it are 32 bytes of a file, and libcrypto. Yours takes its place.
 *
 * A session is used by one thread at a time; handles of keys belong to the
 * connection, serve all its sessions, and end with it. SM2 values are
 * big-endian: a private key 32 bytes, a point x || y, a signature r || s.
 */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARD_SECRET_LEN 32
#define CARD_SESSIONS 16
#define CARD_DATA_MAX 65536 /* of one call */
#define CARD_SM4_LEN 16
#define CARD_SM2_LEN 32
#define CARD_POINT_LEN 64
#define CARD_SEAL_LEN 29    /* a sealed key is longer than its value by */

enum card_status {
	CARD_OK,
	CARD_SESSIONS_USED_UP,
	CARD_WRONG_COPY,  /* sealed by another card, or changed */
	CARD_WRONG_VALUE, /* not the private key of any pair */
	CARD_NO_MEMORY,
	CARD_FAILED       /* the operation did not take place */
};

enum card_kind { CARD_SM4 = 1, CARD_SM2 };

struct card;
struct card_session;
struct card_key;

/* secret: what keys are sealed under that leave the card; cards with the same one are of use to each other. */
enum card_status card_connect(const uint8_t secret[CARD_SECRET_LEN], struct card **);
/* Ends its keys as well. No session is left. */
void card_disconnect(struct card *);
/* The same for cards with the same secret, which it does not tell. */
enum card_status card_group(struct card *, uint8_t group[16]);

enum card_status card_begin(struct card *, struct card_session **);
void card_end(struct card_session *);

enum card_status card_random(struct card_session *, uint8_t *out, size_t len);
/* A new key, of the card's choice where value is NULL; its sealed form -> copy, the point of a pair -> point. */
enum card_status card_make(struct card_session *, enum card_kind, const uint8_t *value, uint8_t *copy, uint8_t point[CARD_POINT_LEN]);
enum card_status card_load(struct card_session *, enum card_kind, const uint8_t *copy, size_t copy_len, struct card_key **);
void card_unload(struct card_session *, struct card_key *);
/* Whole blocks; iv NULL: ECB, else CBC. */
enum card_status card_sm4(struct card_session *, struct card_key *, bool encrypt, const uint8_t *iv, const uint8_t *in, size_t len,
                          uint8_t *out);
enum card_status card_sign(struct card_session *, struct card_key *, const uint8_t e[32], uint8_t sig[64]);

#endif
