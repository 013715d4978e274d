/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct hufu_op as messages, both ways: the client's and the machine's side of
 * a request stand here together. Only what hufu/driver.h says an op brings is
 * sent, only what it says comes back is taken; every length is checked, since
 * both sides are hostile to each other.
 */
#ifndef WIRE_OP_H
#define WIRE_OP_H

#include "base/buf.h"
#include "base/err.h"
#include "hufu/driver.h"
#include "wire/frame.h"

/* -- codes ------------------------------------------------------------------ */

/* What the other side must know of an outcome (Status of hufu.proto). */
struct wire_status {
	enum hufu_err err;
	uint8_t certainty, scope;  /* enum values of hufu.proto */
	uint32_t retry_ms;
	uint64_t vendor_code;
	const char *text;          /* or NULL */
};
struct wire_load {
	uint32_t in_flight, queue, capacity;
	bool draining;
};
/* The certainty that a group implies: GONE, BUSY, caller's errors: not executed; LOST: unknown. */
struct wire_status wire_status_of(enum hufu_err);
/*
 * What a client makes of a code: unknown codes of a known group are the group's
 * first; unknown groups, and HOST of the machine, are BUSY when nothing was executed, else LOST. A machine's own BUG is LOST.
 */
enum hufu_err wire_err_in(uint32_t code, uint8_t certainty);

/* -- a client's side ----------------------------------------------------------- */

/* What goes along with an op beside itself. */
struct wire_extra {
	const uint8_t *ticket;
	size_t ticket_len;
	const char *traceparent;   /* or NULL */
	bool hardware_only;        /* of a key that is made */
};
/* Appends the whole frame. HUFU_ERR_DATA_LEN: over max_body; UNSUPPORTED: the mechanism's parameter is not known here. */
enum hufu_err wire_op_put(struct writer *out, uint64_t id, uint32_t deadline_ms, uint32_t max_body, const struct hufu_op *,
                          const struct wire_extra *) MUST_CHECK;
/* Fills in outcome, out, pub, state_out, their lengths, copy_kind. An answer that does not fit the op is HUFU_ERR_CORRUPT, and nothing of it is used. */
void wire_op_get_reply(struct hufu_op *, const uint8_t *body, size_t len, struct wire_load *);

/* -- a machine's side ------------------------------------------------------------ */

/* An op that came in; all it points to is its own, in secret memory. */
struct wire_op {
	struct hufu_op op;         /* key and subject NULL: see below */
	struct hufu_key key, subject; /* loaded NULL */
	bool has_key, has_subject;
	struct wire_extra extra;
	void *priv;
};
/*
 * op.in, param and kin are set, out, pub and state_out have space, out for as much as was asked for, and no more than hufu/driver.h
 * says can come and the answer holds within max_body; RANDOM beyond WIRE_RANDOM_MAX is DATA_LEN. CORRUPT: no body at all;
 * UNSUPPORTED: no verb, or no mechanism whose parameter is known; ARGUMENT, PARAM: a value that hufu/driver.h rules out.
 */
enum hufu_err wire_op_take(uint16_t op, const uint8_t *body, size_t len, uint32_t max_body, struct wire_op **) MUST_CHECK;
void wire_op_free(struct wire_op *);
/* The whole frame: outcome, out, pub, state_out of an op that was run. */
enum hufu_err wire_op_put_reply(struct writer *out, uint64_t id, const struct hufu_op *, const struct wire_status *,
                                const struct wire_load *, uint64_t served_us) MUST_CHECK;
/* An answer without anything but its status, to whatever operation. */
enum hufu_err wire_put_status(struct writer *out, uint64_t id, uint16_t op, const struct wire_status *, const struct wire_load *) MUST_CHECK;
/* Any reply's status and load, whatever else it holds (both stand first in all replies). */
enum hufu_err wire_get_status(const uint8_t *body, size_t len, struct wire_load *) MUST_CHECK;

/* -- WIRE_OP_INFO ------------------------------------------------------------------- */

enum hufu_err wire_info_put_reply(struct writer *out, uint64_t id, const struct hufu_device_info *, uint32_t driver_flags,
                                  const struct wire_load *) MUST_CHECK;
/* caps: one block, free(). Rows beyond 1,024, or of verbs or numbers that make no sense, are CORRUPT. */
enum hufu_err wire_info_get_reply(const uint8_t *body, size_t len, struct hufu_device_info *, struct hufu_capability **caps,
                                  uint32_t *driver_flags, struct wire_load *) MUST_CHECK;

/* -- the beginning ------------------------------------------------------------------ */

enum wire_role { WIRE_DEVICES = 0, WIRE_TOKEN, WIRE_HOST };

struct wire_hello {
	uint32_t version_min, version_max, max_body;
	uint64_t features, process;
	enum wire_role role;
	char token[65], client[65];
	uint8_t nonce[WIRE_NONCE_LEN];
};
struct wire_hello_ok {
	struct wire_status status;
	uint32_t version, max_body, window;
	uint64_t features, start;
	char machine[65], token[65], profile[129];
	uint8_t nonce[WIRE_NONCE_LEN];
	uint8_t domain_point[64], domain_proof[64]; /* all zero: the machine has no domain of its own (HOST) */
	char why[129];             /* status.text as it came in, for the log */
};
enum hufu_err wire_hello_put(struct writer *out, const struct wire_hello *) MUST_CHECK;
enum hufu_err wire_hello_get(const uint8_t *body, size_t len, struct wire_hello *) MUST_CHECK;
enum hufu_err wire_hello_ok_put(struct writer *out, const struct wire_hello_ok *) MUST_CHECK;
enum hufu_err wire_hello_ok_get(const uint8_t *body, size_t len, struct wire_hello_ok *) MUST_CHECK; /* status.text NULL: see why */
/* What domain_proof signs: SM3 of a label, the channel's binding (32 bytes, zero on Unix sockets), both nonces, role and token. */
void wire_domain_digest(const uint8_t binding[32], const struct wire_hello *, const struct wire_hello_ok *, uint8_t e[32]);

/* -- small frames ---------------------------------------------------------------------- */

enum hufu_err wire_plain_put(struct writer *out, enum wire_type, uint64_t id) MUST_CHECK;       /* PING, PONG, CANCEL */
enum hufu_err wire_request_put(struct writer *out, uint64_t id, uint16_t op, uint32_t deadline_ms) MUST_CHECK; /* INFO, PROBE: no body */
enum hufu_err wire_goaway_put(struct writer *out, uint64_t last_id, enum wire_goaway, const char *text) MUST_CHECK;
enum hufu_err wire_goaway_get(const uint8_t *body, size_t len, uint64_t *last_id, uint32_t *reason) MUST_CHECK;
enum hufu_err wire_progress_put(struct writer *out, uint64_t id, uint32_t extend_ms) MUST_CHECK;
enum hufu_err wire_progress_get(const uint8_t *body, size_t len, uint32_t *extend_ms) MUST_CHECK;
enum hufu_err wire_credit_put(struct writer *out, uint32_t window) MUST_CHECK;
enum hufu_err wire_credit_get(const uint8_t *body, size_t len, uint32_t *window) MUST_CHECK;

#endif
