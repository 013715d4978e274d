/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a frame. */
#include "wire/frame.h"

#include "base/buf.h"

void wire_header_put(const struct wire_header *header, uint8_t out[WIRE_HEADER_LEN])
{
	const uint64_t words[3] = {
		(uint64_t)WIRE_MAGIC << 48 | (uint64_t)WIRE_VERSION << 40 | (uint64_t)header->type << 32 | header->body_len,
		header->id,
		(uint64_t)header->op << 48 | (uint64_t)header->flags << 32 | header->deadline_ms,
	};

	for (size_t i = 0; i < WIRE_HEADER_LEN; i++)
		out[i] = (uint8_t)(words[i / 8] >> (56 - 8 * (i % 8)));
}

enum hufu_err wire_header_get(const uint8_t in[WIRE_HEADER_LEN], uint32_t max_body, struct wire_header *header)
{
	struct reader r = reader_of(in, WIRE_HEADER_LEN);
	const uint16_t magic = read_u16(&r);
	const uint8_t version = read_u8(&r);

	header->type = read_u8(&r);
	header->body_len = read_u32(&r);
	header->id = read_u64(&r);
	header->op = read_u16(&r);
	header->flags = read_u16(&r);
	header->deadline_ms = read_u32(&r);
	if (!reader_done(&r) || magic != WIRE_MAGIC || version != WIRE_VERSION || header->type < WIRE_HELLO ||
	    header->type > WIRE_CREDIT || header->body_len > max_body)
		return HUFU_ERR_CORRUPT;
	return HUFU_OK;
}
