/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what: certificate (or uid) to identity, identity to tokens, roles
 * and operations, at a rate. Read anew on SIGHUP: a session whose identity is
 * gone, or that lost its token, ends (GOAWAY revoked).
 *
 * Thread-safe; access_reload exchanges the rules at once, and the former ones live as long as somebody holds them.
 */
#ifndef HUFUD_ACCESS_H
#define HUFUD_ACCESS_H

#include "base/conf.h"
#include "wire/channel.h"
#include "wire/op.h"

struct access;
struct identity;

enum access_role { ACCESS_DEVICES = 1, ACCESS_USER = 2, ACCESS_SO = 4, ACCESS_OPERATOR = 8, ACCESS_AUDITOR = 16 };

enum hufu_err access_new(const struct conf *, struct access **) MUST_CHECK;
void access_free(struct access *);
enum hufu_err access_reload(struct access *, const struct conf *) MUST_CHECK;

/* The identity of a peer, held; NULL: nobody's. why: one line, for the log and the peer. */
const struct identity *access_identify(struct access *, const struct channel_peer *, char *why, size_t why_len);
void access_rele(struct access *, const struct identity *);
const char *access_name(const struct identity *);
uint32_t access_roles(const struct identity *);
/* Which token: the one named if it may, or the only one it may; NULL with why. */
const char *access_token(const struct identity *, const struct conf *, const char *wanted, char *why, size_t why_len);
/* Is the peer still this identity's, and may that still what it might at access_identify? Limits of number hold for all sessions at once, whenever they change. */
bool access_stands(struct access *, const struct channel_peer *, const struct identity *, const char *token);

/* One connection more; false: as many as it may. */
bool access_connect(const struct identity *);
void access_disconnect(const struct identity *);
/* One request: OK; HUFU_ERR_BUSY with *retry_ms: over its rate, or as many in flight as it may. access_end after the answer. */
enum hufu_err access_begin(const struct identity *, uint64_t now_ns, uint32_t *retry_ms) MUST_CHECK;
void access_end(const struct identity *);

/* What rules call an operation of the wire (conf_machine.h); NULL: none is about it: who may log in, look and ask is said by roles. */
const char *access_operation(uint16_t wire_op);
/*
 * This operation with a key of this label; NULL: without one, or none is known, and rules that name a key do not fit. What is not
 * allowed is counted, and answered UNSUPPORTED, NOT_EXECUTED, scope OP: DENIED would have the client's pool take the machine out
 * of service. No identity, the machine itself: all.
 */
bool access_allows(const struct identity *, uint16_t wire_op, const char *key_label);
/* Storing under one label what stood under another: may it, and does no rule that names a key lose hold of this one by it? */
bool access_keeps(const struct identity *, const char *from, const char *to);

/* What there is to tell of an identity. */
struct access_use {
	const char *name;
	uint32_t connections, in_flight;
	uint64_t limited, refused; /* requests: over a limit; by rules */
};
void access_each(struct access *, void (*)(void *arg, const struct access_use *), void *arg);

#endif
