/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to a token that lives on the machine (role TOKEN), both sides: what
 * store/store.h offers a client's token layer, one operation a call. Every count and
 * length is checked, since both sides are hostile to each other.
 *
 * Copies of keys do not travel: a row says whether it has any, and the client
 * names them by the row's uuid (HUFU_COPY_INDEX). What a machine has made for the
 * client (GENERATE, IMPORT, UNWRAP) is sealed for the tenant; a draft brings it along.
 */
#ifndef WIRE_STORE_OP_H
#define WIRE_STORE_OP_H

#include "base/object_row.h"
#include "wire/op.h"

#define WIRE_TICKET_MAX 512
#define WIRE_DRAFTS_MAX 8
#define WIRE_UUIDS_MAX 65536 /* of one answer to FIND */

enum wire_store_operation {
	WIRE_STORE_TOKEN = WIRE_OP_STORE, /* -> token */
	WIRE_STORE_INIT,      /* pin (the SO's), label */
	WIRE_STORE_LOGIN,     /* role, pin, sparing, op_id -> ticket. With a ticket of this role: checks the PIN alone, no new ticket */
	WIRE_STORE_RENEW,     /* ticket -> ticket */
	WIRE_STORE_LOGOUT,    /* ticket; from now on this machine does not take it */
	WIRE_STORE_INIT_PIN,  /* ticket (SO's), pin */
	WIRE_STORE_SET_PIN,   /* role, old_pin, pin; with a ticket of this role -> ticket */
	WIRE_STORE_INSERT,    /* ticket, drafts -> uuids */
	WIRE_STORE_GET,       /* ticket, uuid -> row */
	WIRE_STORE_UPDATE,    /* ticket, uuid, version, one draft */
	WIRE_STORE_DELETE,    /* ticket, uuid, version */
	WIRE_STORE_VERSION,   /* uuid -> version */
	WIRE_STORE_FIND,      /* ticket, attrs, with_private, skip -> uuids, more */
	WIRE_STORE_CHANGES,   /* ticket -> counter, logged_in */
	WIRE_STORE_END
};
/* May it be sent again when nobody knows what became of it? */
bool wire_store_repeatable(uint16_t op);

struct wire_store {
	uint16_t op;
	const uint8_t *ticket;         /* or NULL */
	size_t ticket_len;
	enum store_role role;
	const uint8_t *pin, *old_pin;
	size_t pin_len, old_pin_len;
	char label[STORE_LABEL_LEN];
	uint8_t op_id[16];
	const struct store_draft *drafts; /* copies without a domain: NULL */
	size_t ndrafts;
	uint8_t uuid[16];
	uint64_t version;
	const struct store_attr *attrs;
	size_t nattrs;
	bool with_private;
	bool sparing;
	uint64_t skip;
	void *priv;                    /* wire_store_take's */
};
/* Appends the whole frame. HUFU_ERR_DATA_LEN: over max_body. */
enum hufu_err wire_store_put(struct writer *out, uint64_t id, uint32_t deadline_ms, uint32_t max_body, const struct wire_store *)
	MUST_CHECK;
/*
 * *request is freed by wire_store_free; it points into memory of its own, secret. HUFU_ERR_CORRUPT: no body at all; ARGUMENT,
 * DATA_LEN, PIN_LEN: beyond the bounds.
 */
enum hufu_err wire_store_take(uint16_t op, const uint8_t *body, size_t len, struct wire_store **request) MUST_CHECK;
void wire_store_free(struct wire_store *);

struct wire_store_reply {
	struct wire_status status;
	struct wire_load load;
	struct store_token token;
	const uint8_t *ticket;
	size_t ticket_len;
	uint32_t ticket_s;
	const uint8_t (*uuids)[16];
	size_t nuuids;
	bool more;
	const struct store_row *row;   /* its copies are counted and not sent */
	uint64_t version, counter;
	bool logged_in;
	void *priv;                    /* wire_store_get_reply's */
};
enum hufu_err wire_store_put_reply(struct writer *out, uint64_t id, uint16_t op, const struct wire_store_reply *) MUST_CHECK;
/*
 * *reply is freed by wire_store_reply_free. status.err is what the call ended with: HUFU_OK only where all is there that op
 * answers with; else HUFU_ERR_CORRUPT. HOST codes are the store's, and nothing but those.
 */
enum hufu_err wire_store_get_reply(uint16_t op, const uint8_t *body, size_t len, struct wire_store_reply **reply) MUST_CHECK;
void wire_store_reply_free(struct wire_store_reply *);
/*
 * The row of a reply as store_get gives it, one block of secret memory, with one copy for the machines' domain where it has any.
 * NULL: no memory.
 */
struct store_row *wire_store_row(const struct wire_store_reply *, const char *domain);

#endif
