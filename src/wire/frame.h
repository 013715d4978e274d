/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of the cipher machine's protocol (docs/PROTOCOL.md, "Frames"):
 * a header of 24 bytes, big-endian, and a body of protobuf (hufu.proto, store.proto).
 *
 *    0    2    3    4             8                16    18     20            24
 *   | HF | ver| type| body length | request id      | op  | flags| deadline ms |
 *
 * Encoder and decoder stand here together; nobody else reads or writes a header.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/err.h"

#define WIRE_MAGIC 0x4846u
#define WIRE_VERSION 1u
#define WIRE_HEADER_LEN 24u
#define WIRE_BODY_MAX (16u << 20)     /* of a request or answer, whatever was negotiated */
#define WIRE_BODY_DEFAULT (2u << 20)
#define WIRE_HELLO_MAX 4096u          /* of any body before HELLO_OK */
#define WIRE_ROOM 16384u              /* what a request or answer takes beside its data, at most */
#define WIRE_RANDOM_MAX 65536u        /* random bytes of one request */
#define WIRE_WINDOW_DEFAULT 256u
#define WIRE_NONCE_LEN 32u

enum wire_type {
	WIRE_HELLO = 1,
	WIRE_HELLO_OK,  /* an error in its status ends the connection */
	WIRE_REQUEST,
	WIRE_REPLY,
	WIRE_CANCEL,    /* of the request with this id; best effort; no body */
	WIRE_PROGRESS,
	WIRE_PING,      /* both ways; no body; answered by PONG with the same id, before anything that waits */
	WIRE_PONG,
	WIRE_GOAWAY,
	WIRE_CREDIT
};

/* Operations of a request. What is unknown is answered UNSUPPORTED, NOT_EXECUTED. */
enum wire_operation {
	WIRE_OP_INFO = 1,       /* Empty -> InfoReply */
	WIRE_OP_PROBE,          /* Empty -> PlainReply: can the devices behind it serve? */
	WIRE_OP_VERB = 0x0100,  /* + enum hufu_verb: Op -> OpReply */
	WIRE_OP_STORE = 0x0200  /* store.proto, wire/store_op.h; login and tickets too */
};

/* Bits of Hello.features. */
#define WIRE_FEATURE_PROGRESS 0x1u
#define WIRE_FEATURE_TRACE 0x2u

enum wire_goaway { WIRE_GOAWAY_DRAIN = 0, WIRE_GOAWAY_PROTOCOL, WIRE_GOAWAY_IDLE, WIRE_GOAWAY_EXPIRED, WIRE_GOAWAY_REVOKED };

struct wire_header {
	uint8_t type;          /* enum wire_type */
	uint32_t body_len;
	uint64_t id;           /* of requests: counted up from 1 on each connection */
	uint16_t op;
	uint16_t flags;        /* none yet: sent as 0, not looked at */
	uint32_t deadline_ms;  /* left of the request's time when it was written; 0: none */
};

void wire_header_put(const struct wire_header *, uint8_t out[WIRE_HEADER_LEN]);
/* HUFU_ERR_CORRUPT: magic, version or type, or a body longer than max_body; nothing after it can be understood. */
enum hufu_err wire_header_get(const uint8_t in[WIRE_HEADER_LEN], uint32_t max_body, struct wire_header *) MUST_CHECK;

#endif
