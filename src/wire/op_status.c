/* SPDX-License-Identifier: Apache-2.0 */
/* Status and load: what every answer begins with, and what an error means to the other side. */
#include "wire/op_internal.h"

#include <string.h>

#define STATUS_FIELDS 2u /* status and load are fields 1 and 2 of every reply */

bool text_get(const char *text, char *out, size_t cap)
{
	size_t len = strnlen(text, cap);

	memset(out, 0, cap);
	if (len == cap)
		return false;
	memcpy(out, text, len);
	return true;
}

bool bytes_get(const ProtobufCBinaryData *bytes, uint8_t *out, size_t len, bool may_lack)
{
	memset(out, 0, len);
	if (bytes->len != len)
		return may_lack && !bytes->len;
	memcpy(out, bytes->data, len);
	return true;
}

/* -- out ------------------------------------------------------------------------ */

static uint8_t certainty_of(enum hufu_err err)
{
	if (err == HUFU_OK)
		return HUFU__WIRE__CERTAINTY__EXECUTED;
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		return HUFU__WIRE__CERTAINTY__UNKNOWN;
	case HUFU_GROUP_HOST: /* a store that failed may have written before */
		return err == HUFU_ERR_STORE_IO || err == HUFU_ERR_STORE_CORRUPT ? HUFU__WIRE__CERTAINTY__UNKNOWN
		                                                                 : HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_NO_KEY:
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_GONE:
		break;
	}
	return HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
}

static uint8_t scope_of(enum hufu_err err)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_NO_KEY:
		return HUFU__WIRE__SCOPE__KEY;
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_GONE:
		return HUFU__WIRE__SCOPE__MACHINE;
	case HUFU_GROUP_HOST:
		return err >= HUFU_ERR_STORE_IO && err <= HUFU_ERR_STORE_MISSING ? HUFU__WIRE__SCOPE__DOMAIN : HUFU__WIRE__SCOPE__MACHINE;
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
	case HUFU_GROUP_BUG:
		break;
	}
	return HUFU__WIRE__SCOPE__OP;
}

struct wire_status wire_status_of(enum hufu_err err)
{
	return (struct wire_status){.err = err, .certainty = certainty_of(err), .scope = scope_of(err)};
}

void status_put(const struct wire_status *status, Hufu__Wire__Status *message)
{
	hufu__wire__status__init(message);
	message->error = (uint32_t)status->err;
	message->certainty = (Hufu__Wire__Certainty)status->certainty;
	message->scope = (Hufu__Wire__Scope)status->scope;
	message->text = text_of(status->text);
	message->vendor_code = status->vendor_code;
	message->retry_ms = status->retry_ms;
}

void load_put(const struct wire_load *load, Hufu__Wire__Load *message)
{
	hufu__wire__load__init(message);
	message->in_flight = load->in_flight;
	message->queue = load->queue;
	message->capacity = load->capacity;
	message->draining = load->draining;
}

enum hufu_err wire_put_status(struct writer *out, uint64_t id, uint16_t op, const struct wire_status *status,
                              const struct wire_load *load)
{
	struct wire_header header = {.type = WIRE_REPLY, .id = id, .op = op};
	Hufu__Wire__PlainReply reply = HUFU__WIRE__PLAIN_REPLY__INIT;
	Hufu__Wire__Status status_message;
	Hufu__Wire__Load load_message;

	status_put(status, &status_message);
	reply.status = &status_message;
	if (load) {
		load_put(load, &load_message);
		reply.load = &load_message;
	}
	return wire_pack(out, &header, &reply.base);
}

/* -- in --------------------------------------------------------------------------- */

/* The last number of each group; a newer machine may know more. */
static const uint8_t last_numbers[] = {
	[HUFU_GROUP_CALLER] = HUFU_ERR_PIN_LAST & 0xff,
	[HUFU_GROUP_UNSUPPORTED] = HUFU_ERR_UNSUPPORTED & 0xff,
	[HUFU_GROUP_NO_KEY] = HUFU_ERR_NO_KEY & 0xff,
	[HUFU_GROUP_DENIED] = HUFU_ERR_DENIED & 0xff,
	[HUFU_GROUP_EXPIRED] = HUFU_ERR_EXPIRED & 0xff,
	[HUFU_GROUP_BUSY] = HUFU_ERR_BUSY & 0xff,
	[HUFU_GROUP_GONE] = HUFU_ERR_GONE & 0xff,
	[HUFU_GROUP_LOST] = HUFU_ERR_LOST & 0xff,
	[HUFU_GROUP_CORRUPT] = HUFU_ERR_CORRUPT & 0xff,
};
#define NGROUPS (sizeof(last_numbers) / sizeof(last_numbers[0]))

enum hufu_err wire_err_in(uint32_t code, uint8_t certainty)
{
	bool had_no_effect = certainty == HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
	uint32_t group = code >> 8, number = code & 0xff;

	if (code == HUFU_OK)
		return certainty == HUFU__WIRE__CERTAINTY__EXECUTED ? HUFU_OK : HUFU_ERR_CORRUPT;
	if (group == HUFU_GROUP_BUG)
		return HUFU_ERR_LOST;
	if (group == HUFU_GROUP_OK || group >= NGROUPS)
		return had_no_effect ? HUFU_ERR_BUSY : HUFU_ERR_LOST;
	if (group == HUFU_GROUP_LOST || group == HUFU_GROUP_CORRUPT)
		return had_no_effect ? HUFU_ERR_BUSY : (enum hufu_err)(group << 8 | 1);
	/* These groups promise that there was no effect: the op will run elsewhere. */
	if (group != HUFU_GROUP_CALLER && certainty == HUFU__WIRE__CERTAINTY__UNKNOWN)
		return HUFU_ERR_LOST;
	return (enum hufu_err)(group << 8 | (number >= 1 && number <= last_numbers[group] ? number : 1));
}

enum hufu_err status_get(const Hufu__Wire__Status *status)
{
	if (!status || status->certainty < HUFU__WIRE__CERTAINTY__EXECUTED || status->certainty > HUFU__WIRE__CERTAINTY__UNKNOWN)
		return HUFU_ERR_CORRUPT;
	return wire_err_in(status->error, (uint8_t)status->certainty);
}

void load_get(const Hufu__Wire__Load *message, struct wire_load *load)
{
	if (!load)
		return;
	*load = (struct wire_load){0};
	if (message)
		*load = (struct wire_load){.in_flight = message->in_flight, .queue = message->queue, .capacity = message->capacity,
		                           .draining = message->draining};
}

enum hufu_err wire_get_status(const uint8_t *body, size_t len, struct wire_load *load)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__plain_reply__descriptor, body, wire_prefix(body, len, STATUS_FIELDS), &message);

	load_get(NULL, load);
	if (err != HUFU_OK)
		return err;
	const Hufu__Wire__PlainReply *reply = (const void *)message;
	load_get(reply->load, load);
	err = status_get(reply->status);
	wire_free(message);
	return err;
}
