/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that are neither requests with a body nor their answers. */
#include "wire/op_internal.h"

static enum hufu_err put_empty(struct writer *out, const struct wire_header *header)
{
	uint8_t *frame = write_space(out, WIRE_HEADER_LEN);

	if (!frame)
		return HUFU_ERR_NO_MEMORY;
	wire_header_put(header, frame);
	return HUFU_OK;
}

enum hufu_err wire_plain_put(struct writer *out, enum wire_type type, uint64_t id)
{
	const struct wire_header header = {.type = (uint8_t)type, .id = id};

	return put_empty(out, &header);
}

enum hufu_err wire_request_put(struct writer *out, uint64_t id, uint16_t op, uint32_t deadline_ms)
{
	const struct wire_header header = {.type = WIRE_REQUEST, .id = id, .op = op, .deadline_ms = deadline_ms};

	return put_empty(out, &header);
}

/* -- GOAWAY ------------------------------------------------------------------------- */

enum hufu_err wire_goaway_put(struct writer *out, uint64_t last_id, enum wire_goaway reason, const char *text)
{
	struct wire_header header = {.type = WIRE_GOAWAY};
	Hufu__Wire__GoAway message = HUFU__WIRE__GO_AWAY__INIT;

	message.last_id = last_id;
	message.reason = (uint32_t)reason;
	message.text = text_of(text);
	return wire_pack(out, &header, &message.base);
}

enum hufu_err wire_goaway_get(const uint8_t *body, size_t len, uint64_t *last_id, uint32_t *reason)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__go_away__descriptor, body, len, &message);

	if (err != HUFU_OK)
		return err;
	*last_id = ((const Hufu__Wire__GoAway *)(const void *)message)->last_id;
	*reason = ((const Hufu__Wire__GoAway *)(const void *)message)->reason;
	wire_free(message);
	return HUFU_OK;
}

/* -- PROGRESS ------------------------------------------------------------------------- */

enum hufu_err wire_progress_put(struct writer *out, uint64_t id, uint32_t extend_ms)
{
	struct wire_header header = {.type = WIRE_PROGRESS, .id = id};
	Hufu__Wire__Progress message = HUFU__WIRE__PROGRESS__INIT;

	message.extend_ms = extend_ms;
	return wire_pack(out, &header, &message.base);
}

enum hufu_err wire_progress_get(const uint8_t *body, size_t len, uint32_t *extend_ms)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__progress__descriptor, body, len, &message);

	if (err != HUFU_OK)
		return err;
	*extend_ms = ((const Hufu__Wire__Progress *)(const void *)message)->extend_ms;
	wire_free(message);
	return HUFU_OK;
}

/* -- CREDIT ------------------------------------------------------------------------------ */

enum hufu_err wire_credit_put(struct writer *out, uint32_t window)
{
	struct wire_header header = {.type = WIRE_CREDIT};
	Hufu__Wire__Credit message = HUFU__WIRE__CREDIT__INIT;

	message.window = window;
	return wire_pack(out, &header, &message.base);
}

enum hufu_err wire_credit_get(const uint8_t *body, size_t len, uint32_t *window)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__credit__descriptor, body, len, &message);

	if (err != HUFU_OK)
		return err;
	*window = ((const Hufu__Wire__Credit *)(const void *)message)->window;
	wire_free(message);
	return HUFU_OK;
}
