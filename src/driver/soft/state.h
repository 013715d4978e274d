/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State blobs: two letters, mechanism (u32), verb (u8), then fields in a fixed order,
 * integers big-endian. Read as foreign input: C_SetOperationState may have
 * brought them.
 */
#ifndef DRIVER_SOFT_STATE_H
#define DRIVER_SOFT_STATE_H

#include "base/buf.h"
#include "driver/soft/soft.h"

static inline void put_bytes(struct hufu_op *op, const void *data, size_t len)
{
	memcpy(op->state_out + op->state_out_len, data, len);
	op->state_out_len += len;
}

static inline void put_u8(struct hufu_op *op, uint8_t x)
{
	put_bytes(op, &x, 1);
}

static inline void put_u32(struct hufu_op *op, uint32_t x)
{
	uint8_t bytes[4] = {(uint8_t)(x >> 24), (uint8_t)(x >> 16), (uint8_t)(x >> 8), (uint8_t)x};

	put_bytes(op, bytes, sizeof(bytes));
}

static inline void put_u64(struct hufu_op *op, uint64_t x)
{
	put_u32(op, (uint32_t)(x >> 32));
	put_u32(op, (uint32_t)x);
}


/* A verification's state is no signature's: the verb is part of what it opens with. */
static inline void state_begin(struct hufu_op *op)
{
	op->state_out_len = 0;
	put_u8(op, 'S');
	put_u8(op, 'F');
	put_u32(op, (uint32_t)op->mechanism);
	put_u8(op, (uint8_t)op->verb);
}

/* The fields of this op's state; the reader is bad when the state is another's. */
static inline struct reader state_read(const struct hufu_op *op)
{
	struct reader r = reader_of(op->state_in, op->state_in ? op->state_in_len : 0);

	if (read_u8(&r) != 'S' || read_u8(&r) != 'F' || read_u32(&r) != (uint32_t)op->mechanism ||
	    read_u8(&r) != (uint8_t)op->verb)
		r.bad = true;
	return r;
}

#endif
