/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies by protobuf-c, which copies every field into memory of its own. Here
 * a body is walked over once before: what is malformed, repeated or no text is
 * refused, and what unpacking will take is added up. All of it then comes out of
 * one piece of secret memory, which is wiped as one.
 */
#include "wire/body.h"

#include <string.h>

#include "base/secret.h"

#define DEPTH_MAX 8u
#define ALIGN 16u
/* Elements of lists take more than their bytes; a body of many small ones is no longer than this. */
#define SMALL_BODY 262144u
#define UNPACK_SMALL_FACTOR 16u
#define UNPACK_ANY 8192u
#define UNKNOWN_MAX 64u /* fields of later versions, copied as well */

/* -- packing ------------------------------------------------------------------ */

enum hufu_err wire_pack(struct writer *out, struct wire_header *header, const ProtobufCMessage *body)
{
	size_t len = protobuf_c_message_get_packed_size(body);

	if (len > WIRE_BODY_MAX)
		return HUFU_ERR_DATA_LEN;
	header->body_len = (uint32_t)len;
	uint8_t *frame = write_space(out, WIRE_HEADER_LEN + len);
	if (!frame)
		return HUFU_ERR_NO_MEMORY;
	wire_header_put(header, frame);
	protobuf_c_message_pack(body, frame + WIRE_HEADER_LEN);
	return HUFU_OK;
}

/* -- the walk ------------------------------------------------------------------- */

#define VARINT_MAX 10u
#define FIELD_MAX (2 * VARINT_MAX) /* tag and length, or tag and number */
#define SLAB 16u
#define NOTE_LEN 40u

enum wire_encoding { VARINT = 0, FIXED64 = 1, DELIMITED = 2, FIXED32 = 5 };

struct field {
	uint32_t number;
	enum wire_encoding encoding;
	const uint8_t *data; /* DELIMITED: what it holds */
	size_t len;
};

/* At most ten bytes, of which the last holds one bit. */
static bool read_varint(struct reader *r, uint64_t *value)
{
	*value = 0;
	for (size_t i = 0; i < VARINT_MAX && i < r->left; i++) {
		uint8_t byte = r->p[i];

		*value |= (uint64_t)(byte & 0x7f) << 7 * i;
		if (byte & 0x80)
			continue;
		r->p += i + 1;
		r->left -= i + 1;
		return i < VARINT_MAX - 1 || byte <= 1;
	}
	return false;
}

/* Encodings 3 and 4 are groups, which proto3 has not. */
static bool read_field(struct reader *r, struct field *field)
{
	uint64_t tag, value;

	if (!read_varint(r, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
		return false;
	*field = (struct field){.number = (uint32_t)(tag >> 3), .encoding = tag & 7};
	switch (field->encoding) {
	case VARINT:
		return read_varint(r, &value);
	case FIXED64:
		return read_bytes(r, 8) != NULL;
	case FIXED32:
		return read_bytes(r, 4) != NULL;
	case DELIMITED:
		if (!read_varint(r, &value) || value > r->left)
			return false;
		field->len = (size_t)value;
		field->data = read_bytes(r, field->len);
		return true;
	}
	return false;
}

/* RFC 3629, of at most four bytes, the shortest form, no surrogates; and no NUL, which would end it early. */
static bool is_text(const uint8_t *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint8_t lead = s[i++];
		unsigned more = lead < 0x80 ? 0 : lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

		if (lead == 0 || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || len - i < more)
			return false;
		if ((lead == 0xe0 && s[i] < 0xa0) || (lead == 0xed && s[i] > 0x9f) || (lead == 0xf0 && s[i] < 0x90) ||
		    (lead == 0xf4 && s[i] > 0x8f))
			return false;
		for (; more; more--)
			if ((s[i++] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static size_t piece(size_t len)
{
	return (len + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

struct survey {
	size_t need; /* what protobuf_c_message_unpack will allocate, and never less */
	unsigned nunknown;
};

static bool survey(struct survey *, const ProtobufCMessageDescriptor *, const uint8_t *in, size_t len, unsigned depth);

/* An element: a pointer, a pointer with a length, or, where numbers are packed, at most one a byte. */
static size_t element(const struct field *field, const ProtobufCFieldDescriptor *descriptor)
{
	bool is_packed = field->encoding == DELIMITED && descriptor->type != PROTOBUF_C_TYPE_MESSAGE &&
	                 descriptor->type != PROTOBUF_C_TYPE_STRING && descriptor->type != PROTOBUF_C_TYPE_BYTES;

	return is_packed ? sizeof(uint64_t) * field->len : sizeof(ProtobufCBinaryData);
}

/* descriptor NULL: not known */
static bool survey_field(struct survey *sum, const struct field *field, const ProtobufCFieldDescriptor *descriptor, unsigned depth)
{
	if (!descriptor) {
		sum->need += sizeof(ProtobufCMessageUnknownField) + piece(field->len + FIELD_MAX);
		return ++sum->nunknown <= UNKNOWN_MAX;
	}
	sum->need += descriptor->label == PROTOBUF_C_LABEL_REPEATED ? element(field, descriptor) : 0;
	if (descriptor->type == PROTOBUF_C_TYPE_MESSAGE)
		return field->encoding == DELIMITED && survey(sum, descriptor->descriptor, field->data, field->len, depth + 1);
	sum->need += field->encoding == DELIMITED ? piece(field->len + 1) : 0;
	return descriptor->type != PROTOBUF_C_TYPE_STRING || (field->encoding == DELIMITED && is_text(field->data, field->len));
}

/* A field given twice means the last of them, or both in one, depending on who reads: refused. */
static bool is_second(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *descriptor, uint64_t *seen)
{
	if (!descriptor || descriptor->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	uint64_t bit = (uint64_t)1 << (descriptor - message->fields);
	bool second = *seen & bit;

	*seen |= bit;
	return second;
}

/* Of more than 16 fields protobuf-c takes notes in slabs that double; of lists, and of what is unknown, it makes an array each. */
static bool survey(struct survey *sum, const ProtobufCMessageDescriptor *message, const uint8_t *in, size_t len, unsigned depth)
{
	struct reader r = reader_of(in, len);
	uint64_t seen = 0;
	size_t nfields = 0;

	if (depth > DEPTH_MAX || message->n_fields > 64)
		return false;
	sum->need += piece(message->sizeof_message) + ALIGN;
	while (r.left) {
		struct field field;

		if (!read_field(&r, &field))
			return false;
		const ProtobufCFieldDescriptor *descriptor = protobuf_c_message_descriptor_get_field(message, field.number);
		if (is_second(message, descriptor, &seen) || !survey_field(sum, &field, descriptor, depth))
			return false;
		nfields++;
	}
	sum->need += nfields > SLAB ? 2 * (nfields + SLAB) * NOTE_LEN : 0;
	for (unsigned i = 0; i < message->n_fields; i++)
		sum->need += message->fields[i].label == PROTOBUF_C_LABEL_REPEATED ? ALIGN : 0;
	return true;
}

size_t wire_prefix(const uint8_t *in, size_t len, uint32_t last)
{
	struct reader r = reader_of(in, len);
	size_t prefix = 0;
	struct field field;

	while (r.left && read_field(&r, &field) && field.number <= last)
		prefix = len - r.left;
	return prefix;
}

/* -- one piece of memory ---------------------------------------------------------- */

/* Stands before the message, which is what protobuf-c allocates first. */
struct arena {
	size_t used, cap; /* of bytes */
	uint64_t aligned[]; /* protobuf-c needs no more */
};
_Static_assert(sizeof(struct arena) % ALIGN == 0, "what follows is aligned");

static void *arena_alloc(void *arg, size_t len)
{
	struct arena *arena = arg;

	if (len > arena->cap - arena->used || piece(len) > arena->cap - arena->used)
		return NULL;
	void *p = (uint8_t *)arena->aligned + arena->used;
	arena->used += piece(len);
	return p;
}

static void arena_keep(void *arg, void *p)
{
	(void)arg;
	(void)p;
}

static size_t most(size_t len)
{
	return WIRE_UNPACK_FACTOR * len + UNPACK_SMALL_FACTOR * (len < SMALL_BODY ? len : SMALL_BODY) + UNPACK_ANY;
}

enum hufu_err wire_unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *in, size_t len, ProtobufCMessage **message)
{
	struct survey sum = {0};

	*message = NULL;
	if (len > WIRE_BODY_MAX || !survey(&sum, descriptor, in, len, 0) || sum.need > most(len))
		return HUFU_ERR_CORRUPT;
	struct arena *arena = secret_alloc(sizeof(*arena) + sum.need);
	if (!arena)
		return HUFU_ERR_NO_MEMORY;
	arena->cap = sum.need;
	ProtobufCAllocator allocator = {arena_alloc, arena_keep, arena};
	*message = protobuf_c_message_unpack(descriptor, &allocator, len, in);
	if (!*message)
		secret_free(arena);
	return *message ? HUFU_OK : HUFU_ERR_CORRUPT;
}

void wire_free(ProtobufCMessage *message)
{
	if (message)
		secret_free((uint8_t *)message - sizeof(struct arena));
}
