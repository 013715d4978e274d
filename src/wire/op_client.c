/* SPDX-License-Identifier: Apache-2.0 */
/* An op as a request, and what its answer says. */
#include "wire/op_internal.h"

#include <string.h>

#include "base/secret.h"

/* -- request ------------------------------------------------------------------------ */

static void put_key(const struct hufu_key *key, Hufu__Wire__Key *message)
{
	hufu__wire__key__init(message);
	message->uuid = bytes_of(key->uuid, sizeof(key->uuid));
	message->version = key->version;
	message->type = (uint32_t)key->type;
	message->copy_kind = (uint32_t)key->copy_kind;
	message->hardware_only = key->hardware_only;
	message->copy = bytes_of(key->blob, key->blob_len);
}

static void put_op(const struct hufu_op *op, const struct wire_extra *extra, Hufu__Wire__Op *message)
{
	static const uint8_t none[sizeof(op->op_id)];

	message->mechanism = op->mechanism;
	message->phase = (uint32_t)op->phase;
	message->new_type = (uint32_t)op->new_type;
	message->new_len = op->new_len;
	message->in = bytes_of(op->in, op->in_len);
	message->in2 = bytes_of(op->in2, op->in2_len);
	message->out_cap = op->out ? op->out_cap : 0;
	message->want_pub = op->pub && (makes_key(op->verb) || op->verb == HUFU_VERB_FIND);
	message->want_state = op->state_out && (op->phase == HUFU_PHASE_FIRST || op->phase == HUFU_PHASE_NEXT);
	message->state = bytes_of(op->state_in, op->state_in_len);
	if (memcmp(op->op_id, none, sizeof(none)) != 0)
		message->op_id = bytes_of(op->op_id, sizeof(op->op_id));
	message->attempt = op->attempt;
	message->repeatable = op->repeatable;
	message->ticket = bytes_of(extra->ticket, extra->ticket_len);
	message->traceparent = text_of(extra->traceparent);
	message->hardware_only = extra->hardware_only;
}

/* A length without bytes would arrive as none. */
static bool inputs_are_sound(const struct hufu_op *op)
{
	return (op->in || !op->in_len) && (op->in2 || !op->in2_len) && (op->state_in || !op->state_in_len) &&
	       (!op->key || op->key->blob || !op->key->blob_len) && (!op->subject || op->subject->blob || !op->subject->blob_len);
}

enum hufu_err wire_op_put(struct writer *out, uint64_t id, uint32_t deadline_ms, uint32_t max_body, const struct hufu_op *op,
                          const struct wire_extra *extra)
{
	static const struct wire_extra nothing;
	struct wire_header header = {.type = WIRE_REQUEST, .id = id, .op = (uint16_t)(WIRE_OP_VERB + op->verb),
	                             .deadline_ms = deadline_ms};
	Hufu__Wire__Op message = HUFU__WIRE__OP__INIT;
	Hufu__Wire__Key key, subject;
	Hufu__Wire__Param param;
	size_t begin = out->len;

	extra = extra ? extra : &nothing;
	if (!inputs_are_sound(op))
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = param_put(op, &param, &message.param);
	if (err != HUFU_OK)
		return err;
	if (op->key)
		put_key(op->key, message.key = &key);
	if (op->subject)
		put_key(op->subject, message.subject = &subject);
	put_op(op, extra, &message);
	err = wire_pack(out, &header, &message.base);
	if (err == HUFU_OK && header.body_len > max_body) {
		out->len = begin;
		return HUFU_ERR_DATA_LEN;
	}
	return err;
}

/* -- answer --------------------------------------------------------------------------- */

/* Into space of ours, of which it may take all. */
static bool take(const ProtobufCBinaryData *bytes, uint8_t *to, size_t cap, size_t *len)
{
	if (bytes->len > (to ? cap : 0))
		return false;
	if (bytes->len)
		memcpy(to, bytes->data, bytes->len);
	*len = bytes->len;
	return true;
}

bool resident_get(struct hufu_op *op, const Hufu__Wire__Resident *message)
{
	struct hufu_resident *resident = (void *)op->out;

	if (!message || !resident || op->out_cap < sizeof(*resident) || message->type < HUFU_KEY_SM2_PRIVATE ||
	    message->type > HUFU_KEY_MONTGOMERY_PUBLIC)
		return false;
	memset(resident, 0, sizeof(*resident));
	resident->size = op->out_len = sizeof(*resident);
	resident->type = (enum hufu_key_type)message->type;
	resident->verbs = message->verbs;
	resident->nbits = message->nbits;
	return text_get(message->label, resident->label, sizeof(resident->label)) &&
	       take(&message->id, resident->id, sizeof(resident->id), &resident->id_len) &&
	       take(&message->copy, resident->copy, sizeof(resident->copy), &resident->copy_len);
}

static bool get_results(struct hufu_op *op, const Hufu__Wire__OpReply *reply)
{
	if (op->verb == HUFU_VERB_FIND) {
		if (reply->out.len || !resident_get(op, reply->resident))
			return false;
	} else if (!take(&reply->out, op->out, op->out_cap, &op->out_len)) {
		return false;
	}
	if (makes_key(op->verb)) {
		if (reply->copy_kind < HUFU_COPY_BLOB || reply->copy_kind > HUFU_COPY_LIVE)
			return false;
		op->copy_kind = (enum hufu_copy_kind)reply->copy_kind;
	}
	return (!op->pub || take(&reply->pub, op->pub, HUFU_PUB_MAX, &op->pub_len)) &&
	       take(&reply->state, op->state_out, HUFU_STATE_MAX, &op->state_out_len);
}

static void no_results(struct hufu_op *op)
{
	if (op->out)
		secret_wipe(op->out, op->out_len);
	op->out_len = op->pub_len = op->state_out_len = 0;
}

void wire_op_get_reply(struct hufu_op *op, const uint8_t *body, size_t len, struct wire_load *load)
{
	ProtobufCMessage *message;

	load_get(NULL, load);
	op->out_len = op->pub_len = op->state_out_len = 0;
	op->outcome = wire_unpack(&hufu__wire__op_reply__descriptor, body, len, &message);
	if (op->outcome != HUFU_OK)
		return;
	const Hufu__Wire__OpReply *reply = (const void *)message;
	load_get(reply->load, load);
	op->outcome = status_get(reply->status);
	if (op->outcome == HUFU_OK && !get_results(op, reply)) {
		no_results(op);
		op->outcome = HUFU_ERR_CORRUPT;
	}
	if (op->outcome == HUFU_ERR_BUFFER) {
		op->out_len = reply->out_len;
		op->outcome = reply->out_len > op->out_cap && reply->out_len <= WIRE_BODY_MAX ? HUFU_ERR_BUFFER : HUFU_ERR_CORRUPT;
		op->out_len = op->outcome == HUFU_ERR_BUFFER ? op->out_len : 0;
	}
	wire_free(message);
}
