/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind op.h share: each message's encoder and decoder stand in one file. */
#ifndef WIRE_OP_INTERNAL_H
#define WIRE_OP_INTERNAL_H

#include "wire/body.h"
#include "wire/hufu.pb-c.h"
#include "wire/op.h"

/* protobuf-c's packing only reads. */
static inline ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
	return (ProtobufCBinaryData){.len = data ? len : 0, .data = (uint8_t *)(uintptr_t)data};
}
static inline char *text_of(const char *text)
{
	return (char *)(uintptr_t)(text ? text : "");
}
static inline const uint8_t *data_of(const ProtobufCBinaryData *bytes)
{
	return bytes->len ? bytes->data : NULL;
}
static inline bool makes_key(enum hufu_verb verb)
{
	return verb == HUFU_VERB_GENERATE || verb == HUFU_VERB_IMPORT || verb == HUFU_VERB_UNWRAP;
}
/* False: it does not fit. */
bool text_get(const char *text, char *out, size_t cap);
/* Exactly len bytes; none at all leave out zero where that is allowed. */
bool bytes_get(const ProtobufCBinaryData *, uint8_t *out, size_t len, bool may_lack);

void status_put(const struct wire_status *, Hufu__Wire__Status *);
void load_put(const struct wire_load *, Hufu__Wire__Load *);
/* NULL, and what contradicts itself, is CORRUPT. */
enum hufu_err status_get(const Hufu__Wire__Status *);
void load_get(const Hufu__Wire__Load *, struct wire_load *); /* NULL: nothing known */

union op_params {
	struct hufu_param_iv iv;
	struct hufu_param_gcm gcm;
	struct hufu_param_ccm ccm;
	struct hufu_param_zuc zuc;
	struct hufu_param_mac mac;
	struct hufu_param_rsa_gen rsa_gen;
	struct hufu_param_curve curve;
	struct hufu_param_pss pss;
	struct hufu_param_oaep oaep;
	struct hufu_param_agree agree;
	struct hufu_param_sm2_agree sm2_agree;
	struct hufu_param_find find;
};
/* *message is param, or NULL where the op has none. HUFU_ERR_UNSUPPORTED: it is not known which it takes. */
enum hufu_err param_put(const struct hufu_op *op, Hufu__Wire__Param *param, Hufu__Wire__Param **message) MUST_CHECK;
/* Sets op->param to param, which points into the message, or to NULL where the op may go without. */
enum hufu_err param_get(struct hufu_op *op, const Hufu__Wire__Param *, union op_params *param) MUST_CHECK;

/* FIND writes a struct into out; on the wire it is a message. */
enum hufu_err resident_put(const struct hufu_op *, Hufu__Wire__Resident *) MUST_CHECK;
bool resident_get(struct hufu_op *, const Hufu__Wire__Resident *);

#endif
