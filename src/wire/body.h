/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: protobuf in and out, in memory that is wiped. Unpacking takes at most
 * what the body could hold (WIRE_UNPACK_FACTOR times its length, and 1.5 MiB for
 * many small fields), in one piece of secret memory; nothing that was in a frame stays behind.
 */
#ifndef WIRE_BODY_H
#define WIRE_BODY_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/frame.h"

#define WIRE_UNPACK_FACTOR 2u

/* Header and body, appended to out (secret or not, the caller's choice); header->body_len is filled in. HUFU_ERR_DATA_LEN, NO_MEMORY. */
enum hufu_err wire_pack(struct writer *out, struct wire_header *, const ProtobufCMessage *body) MUST_CHECK;
/*
 * *message is freed by wire_free. HUFU_ERR_CORRUPT: malformed, a field twice that is no list, or nested or repeated beyond any use.
 * Strings are UTF-8 without NUL. All is copied out of in.
 */
enum hufu_err wire_unpack(const ProtobufCMessageDescriptor *, const uint8_t *in, size_t len, ProtobufCMessage **message) MUST_CHECK;
/* The bytes of the fields at the beginning whose numbers are at most last; 0 where none is, or they are malformed. */
size_t wire_prefix(const uint8_t *in, size_t len, uint32_t last);
void wire_free(ProtobufCMessage *); /* wipes; NULL is ignored */

#endif
