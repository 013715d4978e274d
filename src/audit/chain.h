/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chain of an audit trail: records as lines of JSON, each with the SM3 of
 * the line before ("prev") and an HMAC-SM3 of itself ("mac") under a key that
 * is replaced by its own HMAC after every record. docs/AUDIT.md.
 */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include "base/buf.h"
#include "base/err.h"
#include "sm/sm2.h"
#include "sm/sm3.h"

#define CHAIN_KEY_LEN 32
#define CHAIN_LINE_MAX 8192

/* Where a chain stands; in secret memory. */
struct chain {
	uint64_t seq;              /* of the record to come, from 1 */
	uint8_t head[SM3_DIGEST_LEN]; /* SM3 of the last line; zero before the first */
	uint8_t key[CHAIN_KEY_LEN]; /* for the record to come */
};

void chain_begin(struct chain *, const uint8_t seed[CHAIN_KEY_LEN]);
/*
 * Appends the next line to out, with its line end: members is JSON without its braces, one object's members.
 * signer: of a checkpoint, NULL else. HUFU_ERR_DATA_LEN, NO_MEMORY, RANDOM: the chain stands where it stood.
 */
enum hufu_err chain_append(struct chain *, const char *members, const struct sm2_private *signer, struct writer *out) MUST_CHECK;

/* What a line says of its place. */
struct chain_line {
	uint64_t seq;
	uint8_t prev[SM3_DIGEST_LEN], mac[SM3_DIGEST_LEN];
	bool checkpoint;
	uint8_t signature[SM2_SIG_LEN];
	size_t signed_len;         /* bytes from the line's start that the signature covers */
	size_t mac_len;            /* that the MAC covers */
	uint8_t hash[SM3_DIGEST_LEN]; /* of the whole */
};
/* line: without its end. False: it has not the form of a record. */
bool chain_parse(const char *line, size_t len, struct chain_line *) MUST_CHECK;
/* Is the MAC right under this key? */
bool chain_authentic(const struct chain_line *, const char *line, const uint8_t key[CHAIN_KEY_LEN]) MUST_CHECK;
bool chain_signed_by(const struct chain_line *, const char *line, const struct sm2_public *) MUST_CHECK;
/* After this line. */
void chain_follow(struct chain *, const struct chain_line *);
/* The key of the next record. */
void chain_evolve(uint8_t key[CHAIN_KEY_LEN]);

void chain_hex(const uint8_t *in, size_t len, char *out);
bool chain_unhex(const char *in, size_t len, uint8_t *out) MUST_CHECK;

#endif
