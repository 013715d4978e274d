/* SPDX-License-Identifier: Apache-2.0 */
/* A request as an op, all of it checked: nothing that a driver relies on is left to the client. */
#include "wire/op_internal.h"

#include <string.h>

#include "base/secret.h"
#include "hufu/mechanisms.h"

#define BEYOND_INPUT 65536u /* no output but a random one is longer than its input by more (hufu/driver.h) */
#define NEW_LEN_MAX 4096u
#define TICKET_LEN_MAX 1024u

/* With the space for what comes out behind it. */
struct taken {
	struct wire_op wire;
	union op_params param;
	uint8_t space[];
};

/* -- what an op brings ------------------------------------------------------------------ */

static bool is_key_type(uint32_t type)
{
	return type >= HUFU_KEY_SM2_PRIVATE && type <= HUFU_KEY_MONTGOMERY_PUBLIC;
}

static bool needs_key(enum hufu_verb verb)
{
	switch (verb) {
	case HUFU_VERB_EXPORT:
	case HUFU_VERB_ENCRYPT:
	case HUFU_VERB_DECRYPT:
	case HUFU_VERB_SIGN:
	case HUFU_VERB_VERIFY:
	case HUFU_VERB_WRAP:
	case HUFU_VERB_UNWRAP:
	case HUFU_VERB_DERIVE:
	case HUFU_VERB_EVICT:
		return true;
	case HUFU_VERB_RANDOM:
	case HUFU_VERB_GENERATE:
	case HUFU_VERB_IMPORT:
	case HUFU_VERB_FIND:
	case HUFU_VERB_LOGIN:
	case HUFU_VERB_LOGOUT:
		break;
	}
	return false;
}

static bool needs_subject(const struct hufu_op *op)
{
	return op->verb == HUFU_VERB_WRAP || (op->verb == HUFU_VERB_DERIVE && op->mechanism == CKM_HUFU_SM2_KEY_AGREEMENT);
}

static bool get_key(const Hufu__Wire__Key *message, struct hufu_key *key)
{
	*key = (struct hufu_key){.size = sizeof(*key), .version = message->version, .type = (enum hufu_key_type)message->type,
	                         .copy_kind = message->copy_kind ? (enum hufu_copy_kind)message->copy_kind : HUFU_COPY_BLOB,
	                         .blob = data_of(&message->copy), .blob_len = message->copy.len,
	                         .hardware_only = message->hardware_only};
	return bytes_get(&message->uuid, key->uuid, sizeof(key->uuid), false) && is_key_type(message->type) &&
	       message->copy_kind <= HUFU_COPY_LIVE;
}

static bool get_keys(struct wire_op *wire, const Hufu__Wire__Op *message)
{
	wire->has_key = message->key != NULL;
	wire->has_subject = message->subject != NULL;
	return (!message->key || get_key(message->key, &wire->key)) && (!message->subject || get_key(message->subject, &wire->subject)) &&
	       wire->has_key == needs_key(wire->op.verb) && wire->has_subject == needs_subject(&wire->op);
}

/* A part but the last makes a state, a part but the first has one; what is whole has none. */
static bool phase_is_sound(const Hufu__Wire__Op *message)
{
	bool begins = message->phase == HUFU_PHASE_FIRST || message->phase == HUFU_PHASE_NEXT;
	bool goes_on = message->phase == HUFU_PHASE_NEXT || message->phase == HUFU_PHASE_LAST;

	return message->phase <= HUFU_PHASE_LAST && begins == (message->want_state != 0) && goes_on == (message->state.len != 0) &&
	       message->state.len <= HUFU_STATE_MAX;
}

static bool get_plain(struct wire_op *wire, const Hufu__Wire__Op *message)
{
	struct hufu_op *op = &wire->op;
	bool makes = makes_key(op->verb);

	*op = (struct hufu_op){.size = sizeof(*op), .verb = op->verb, .mechanism = message->mechanism,
	                       .phase = (enum hufu_phase)message->phase, .new_type = (enum hufu_key_type)message->new_type,
	                       .new_len = message->new_len, .in = data_of(&message->in), .in_len = message->in.len,
	                       .in2 = data_of(&message->in2), .in2_len = message->in2.len, .copy_kind = HUFU_COPY_BLOB,
	                       .state_in = data_of(&message->state), .state_in_len = message->state.len, .attempt = message->attempt,
	                       .repeatable = message->repeatable, .outcome = HUFU_ERR_BUG};
	wire->extra = (struct wire_extra){.ticket = data_of(&message->ticket), .ticket_len = message->ticket.len,
	                                  .traceparent = message->traceparent[0] ? message->traceparent : NULL,
	                                  .hardware_only = message->hardware_only};
	return phase_is_sound(message) && makes == is_key_type(message->new_type) && (makes || !message->new_type) &&
	       message->new_len <= NEW_LEN_MAX && message->ticket.len <= TICKET_LEN_MAX && (makes || op->verb == HUFU_VERB_FIND ||
	       !message->want_pub) && bytes_get(&message->op_id, op->op_id, sizeof(op->op_id), true);
}

static enum hufu_err get_op(struct taken *taken, const Hufu__Wire__Op *message)
{
	if (!get_plain(&taken->wire, message) || !get_keys(&taken->wire, message))
		return HUFU_ERR_ARGUMENT;
	return param_get(&taken->wire.op, message->param, &taken->param);
}

/* -- what comes out ----------------------------------------------------------------------- */

struct spaces {
	size_t out, pub, state;
};

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static enum hufu_err spaces_of(enum hufu_verb verb, const Hufu__Wire__Op *message, uint32_t max_body, struct spaces *spaces)
{
	size_t fits = max_body > WIRE_ROOM ? max_body - WIRE_ROOM : 0;
	size_t asked = message->out_cap < SIZE_MAX ? (size_t)message->out_cap : SIZE_MAX;

	if (verb == HUFU_VERB_RANDOM && asked > smaller(fits, WIRE_RANDOM_MAX))
		return HUFU_ERR_DATA_LEN;
	spaces->out = smaller(asked, smaller(fits, message->in.len + BEYOND_INPUT));
	/* A key's driver writes its public part without asking, and FIND its struct, which stays here. */
	spaces->pub = makes_key(verb) || verb == HUFU_VERB_FIND ? HUFU_PUB_MAX : 0;
	if (verb == HUFU_VERB_FIND)
		spaces->out = sizeof(struct hufu_resident);
	spaces->state = message->want_state ? HUFU_STATE_MAX : 0;
	return HUFU_OK;
}

static void lend_spaces(struct taken *taken, const struct spaces *spaces)
{
	struct hufu_op *op = &taken->wire.op;

	op->out = spaces->out ? taken->space : NULL;
	op->out_cap = spaces->out;
	op->pub = spaces->pub ? taken->space + spaces->out : NULL;
	op->state_out = spaces->state ? taken->space + spaces->out + spaces->pub : NULL;
}

/* -- both ----------------------------------------------------------------------------------- */

static enum hufu_err take(enum hufu_verb verb, const Hufu__Wire__Op *message, uint32_t max_body, struct taken **out)
{
	struct spaces spaces;
	enum hufu_err err = spaces_of(verb, message, max_body, &spaces);

	if (err != HUFU_OK)
		return err;
	struct taken *taken = secret_alloc(sizeof(*taken) + spaces.out + spaces.pub + spaces.state);
	if (!taken)
		return HUFU_ERR_NO_MEMORY;
	taken->wire.op.verb = verb;
	err = get_op(taken, message);
	if (err != HUFU_OK) {
		secret_free(taken);
		return err;
	}
	lend_spaces(taken, &spaces);
	*out = taken;
	return HUFU_OK;
}

enum hufu_err wire_op_take(uint16_t op, const uint8_t *body, size_t len, uint32_t max_body, struct wire_op **out)
{
	int verb = op - (int)WIRE_OP_VERB;
	ProtobufCMessage *message;
	struct taken *taken;

	*out = NULL;
	if (verb < HUFU_VERB_RANDOM || verb > HUFU_VERB_LOGOUT)
		return HUFU_ERR_UNSUPPORTED;
	enum hufu_err err = wire_unpack(&hufu__wire__op__descriptor, body, len, &message);
	if (err != HUFU_OK)
		return err;
	err = take((enum hufu_verb)verb, (const void *)message, max_body, &taken);
	if (err != HUFU_OK) {
		wire_free(message);
		return err;
	}
	taken->wire.priv = message;
	*out = &taken->wire;
	return HUFU_OK;
}

void wire_op_free(struct wire_op *wire)
{
	if (!wire)
		return;
	wire_free(wire->priv);
	secret_free(wire); /* first member of what was allocated */
}

/* -- the answer ------------------------------------------------------------------------------- */

enum hufu_err resident_put(const struct hufu_op *op, Hufu__Wire__Resident *message)
{
	const struct hufu_resident *resident = (const void *)op->out;

	hufu__wire__resident__init(message);
	if (!resident || op->out_len != sizeof(*resident) || resident->id_len > sizeof(resident->id) ||
	    resident->copy_len > sizeof(resident->copy) || strnlen(resident->label, sizeof(resident->label)) == sizeof(resident->label))
		return HUFU_ERR_CORRUPT;
	message->type = (uint32_t)resident->type;
	message->verbs = resident->verbs;
	message->nbits = resident->nbits;
	message->label = text_of(resident->label);
	message->id = bytes_of(resident->id, resident->id_len);
	message->copy = bytes_of(resident->copy, resident->copy_len);
	return HUFU_OK;
}

static void put_results(const struct hufu_op *op, Hufu__Wire__OpReply *reply)
{
	if (op->verb != HUFU_VERB_FIND)
		reply->out = bytes_of(op->out, op->out_len);
	reply->pub = bytes_of(op->pub, op->pub_len);
	reply->state = bytes_of(op->state_out, op->state_out_len);
	reply->copy_kind = makes_key(op->verb) ? (uint32_t)op->copy_kind : 0;
}

enum hufu_err wire_op_put_reply(struct writer *out, uint64_t id, const struct hufu_op *op, const struct wire_status *status,
                                const struct wire_load *load, uint64_t served_us)
{
	struct wire_header header = {.type = WIRE_REPLY, .id = id, .op = (uint16_t)(WIRE_OP_VERB + op->verb)};
	Hufu__Wire__OpReply reply = HUFU__WIRE__OP_REPLY__INIT;
	Hufu__Wire__Status status_message;
	Hufu__Wire__Load load_message;
	Hufu__Wire__Resident resident;

	status_put(status, &status_message);
	reply.status = &status_message;
	if (load) {
		load_put(load, &load_message);
		reply.load = &load_message;
	}
	if (status->err == HUFU_OK && op->verb == HUFU_VERB_FIND) {
		enum hufu_err err = resident_put(op, &resident);
		if (err != HUFU_OK)
			return err;
		reply.resident = &resident;
	}
	if (status->err == HUFU_OK)
		put_results(op, &reply);
	reply.out_len = status->err == HUFU_ERR_BUFFER ? op->out_len : 0;
	reply.served_us = served_us;
	return wire_pack(out, &header, &reply.base);
}
