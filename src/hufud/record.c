/* SPDX-License-Identifier: Apache-2.0 */
#include "hufud/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hufud/access.h"
#include "hufud/tenant.h"
#include "wire/hufu.pb-c.h"
#include "wire/store_op.h"

#define RETRY_MS 1000u                 /* of a request that is refused while the trail cannot be written */
#define WAIT_NS (5 * NS_PER_S)         /* for a record, whatever is left of its request's time */

struct kind {
	enum audit_class class;
	const char *event;             /* NULL: not recorded */
};

/* Who polls, or asks what there is, learns nothing of keys: that would bury all else. */
static struct kind kind_of(uint16_t op)
{
	static const struct kind verbs[] = {
		[HUFU_VERB_RANDOM] = {AUDIT_OP, "random"}, [HUFU_VERB_GENERATE] = {AUDIT_KEY, "generate"},
		[HUFU_VERB_IMPORT] = {AUDIT_KEY, "import"}, [HUFU_VERB_EXPORT] = {AUDIT_KEY, "export"},
		[HUFU_VERB_ENCRYPT] = {AUDIT_OP, "encrypt"}, [HUFU_VERB_DECRYPT] = {AUDIT_OP, "decrypt"},
		[HUFU_VERB_SIGN] = {AUDIT_OP, "sign"}, [HUFU_VERB_VERIFY] = {AUDIT_OP, "verify"},
		[HUFU_VERB_WRAP] = {AUDIT_KEY, "wrap"}, [HUFU_VERB_UNWRAP] = {AUDIT_KEY, "unwrap"},
		[HUFU_VERB_DERIVE] = {AUDIT_OP, "derive"},
	};
	static const struct kind stores[] = {
		[WIRE_STORE_INIT - WIRE_OP_STORE] = {AUDIT_LOGIN, "init-token"}, [WIRE_STORE_LOGIN - WIRE_OP_STORE] = {AUDIT_LOGIN, "login"},
		[WIRE_STORE_RENEW - WIRE_OP_STORE] = {AUDIT_LOGIN, "renew"}, [WIRE_STORE_LOGOUT - WIRE_OP_STORE] = {AUDIT_LOGIN, "logout"},
		[WIRE_STORE_INIT_PIN - WIRE_OP_STORE] = {AUDIT_LOGIN, "init-pin"},
		[WIRE_STORE_SET_PIN - WIRE_OP_STORE] = {AUDIT_LOGIN, "set-pin"}, [WIRE_STORE_INSERT - WIRE_OP_STORE] = {AUDIT_KEY, "insert"},
		[WIRE_STORE_GET - WIRE_OP_STORE] = {AUDIT_OP, "get"}, [WIRE_STORE_UPDATE - WIRE_OP_STORE] = {AUDIT_KEY, "update"},
		[WIRE_STORE_DELETE - WIRE_OP_STORE] = {AUDIT_KEY, "delete"}, [WIRE_STORE_FIND - WIRE_OP_STORE] = {AUDIT_OP, "find"},
	};

	if (op >= WIRE_OP_STORE && op < WIRE_OP_STORE + sizeof(stores) / sizeof(stores[0]))
		return stores[op - WIRE_OP_STORE];
	if (op > WIRE_OP_VERB && op < WIRE_OP_VERB + sizeof(verbs) / sizeof(verbs[0]))
		return verbs[op - WIRE_OP_VERB];
	return (struct kind){AUDIT_OP, NULL};
}

/* -- records ------------------------------------------------------------------------------ */

static const uint8_t *unless_zero(const uint8_t id[16])
{
	static const uint8_t zero[16];

	return memcmp(id, zero, sizeof(zero)) ? id : NULL;
}

static const char *peer_text(const struct channel_peer *peer, char out[64])
{
	if (!peer->local)
		return peer->subject;
	snprintf(out, 64, "uid:%u pid:%d", (unsigned)peer->uid, (int)peer->pid);
	return out;
}

static struct audit_record record_of(const struct request *req, struct kind kind, char peer[64])
{
	const struct session *session = req->session;

	return (struct audit_record){
		.class = req->denied ? AUDIT_ADMIN : kind.class, /* what is denied is told, whether or not operations are recorded */
		.event = kind.event, .identity = access_name(session->identity), .peer = peer_text(session->peer, peer),
		.token = tenant_name(session->tenant), .key_uuid = unless_zero(req->key_uuid), .op_id = unless_zero(req->op_id),
		.mechanism = req->mechanism, .result = req->outcome.err, .attempts = req->attempts, .device = req->served_by,
		.served_us = (clock_now_ns() - req->arrived_ns) / 1000,
		.detail = req->denied ? "denied by the identity's rules" : req->detail,
	};
}

/* One for each object that was made; a line is durable only after those before it. */
static enum hufu_err write_record(struct audit *audit, const struct request *req, struct audit_record *record, bool may_wait)
{
	uint64_t deadline = clock_now_ns() + WAIT_NS;
	enum hufu_err err = HUFU_OK;

	for (size_t i = 1; i < req->nmade && !err; i++) {
		record->key_uuid = req->made[i];
		err = audit_post(audit, record);
	}
	if (req->nmade)
		record->key_uuid = req->made[0];
	if (!err)
		err = may_wait || record->class == AUDIT_OP ? audit_write(audit, record, deadline) : audit_post(audit, record);
	return err;
}

/* It may have been done, and nobody is told that it was. */
static void withhold(struct request *req)
{
	bool done = req->outcome.certainty != HUFU__WIRE__CERTAINTY__NOT_EXECUTED;

	writer_clear(&req->reply);
	writer_init(&req->reply, true);
	req->outcome = wire_status_of(HUFU_ERR_STORE_IO);
	req->outcome.certainty = done ? HUFU__WIRE__CERTAINTY__UNKNOWN : HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
	req->outcome.text = "the audit trail could not be written";
}

void record_request(struct audit *audit, struct request *req, bool may_wait)
{
	struct kind kind = kind_of(req->op);
	char peer[64];

	if (!audit || !kind.event)
		return;
	struct audit_record record = record_of(req, kind, peer);
	/* A denied operation is no different to its client for want of a record. */
	if (write_record(audit, req, &record, may_wait && !req->denied) != HUFU_OK && !req->denied)
		withhold(req);
}

bool record_may(struct audit *audit, struct request *req)
{
	struct kind kind = kind_of(req->op);

	if (!kind.event || audit_may(audit, kind.class))
		return true;
	req->outcome = wire_status_of(HUFU_ERR_BUSY);
	req->outcome.retry_ms = RETRY_MS;
	req->outcome.text = "the audit trail cannot be written";
	return false;
}

/* -- the machine ---------------------------------------------------------------------------- */

static void post(struct audit *audit, const struct audit_record *record)
{
	if (audit_post(audit, record) != HUFU_OK)
		log_warning("no audit record could be made of \"%s\"", record->event);
}

void record_refusal(struct audit *audit, const struct session *session, const char *why)
{
	char peer[64];
	const struct audit_record record = {.class = AUDIT_ADMIN, .event = "refuse", .peer = peer_text(session->peer, peer),
	                                    .identity = session->identity ? access_name(session->identity) : NULL,
	                                    .result = HUFU_ERR_DENIED, .detail = why};

	post(audit, &record);
}

static struct audit_record event_of(const char *event, enum hufu_err result, const char *detail, char peer[64])
{
	const struct channel_peer self = {.local = true, .uid = getuid(), .pid = getpid()};

	return (struct audit_record){.class = AUDIT_ADMIN, .event = event, .peer = peer_text(&self, peer), .result = result, .detail = detail};
}

enum hufu_err record_event(struct audit *audit, const char *event, enum hufu_err result, const char *detail)
{
	char peer[64];
	const struct audit_record record = event_of(event, result, detail, peer);

	return audit_write(audit, &record, clock_now_ns() + WAIT_NS);
}

void record_note(struct audit *audit, const char *event, enum hufu_err result, const char *detail)
{
	char peer[64];
	const struct audit_record record = event_of(event, result, detail, peer);

	post(audit, &record);
}
