/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies as the core stores them: version (u8), form (u8), index (u32), then
 * what the form has. They are sealed there; here they are read as foreign input
 * all the same.
 */
#include "driver/sdf/sdf.h"

#include "base/buf.h"
#include "sm/bytes.h"

#define VERSION 1
#define HEAD_LEN 6

size_t copy_len(const struct copy *copy)
{
	return HEAD_LEN + copy->len;
}

size_t copy_write(const struct copy *copy, uint8_t *out)
{
	out[0] = VERSION;
	out[1] = (uint8_t)copy->form;
	store_be32(out + 2, copy->index);
	if (copy->len)
		memcpy(out + HEAD_LEN, copy->bytes, copy->len);
	return copy_len(copy);
}

static bool is_index(enum copy_form form)
{
	return form < COPY_UNDER_KEK;
}

enum hufu_err copy_give(struct hufu_op *op, const struct copy *copy)
{
	enum hufu_err err = soft_room(op, copy_len(copy));

	if (err != HUFU_OK)
		return err;
	(void)copy_write(copy, op->out);
	if (is_index(copy->form))
		op->copy_kind = HUFU_COPY_INDEX;
	return HUFU_OK;
}

static bool len_fits(const struct copy *copy)
{
	switch (copy->form) {
	case COPY_SIGN:
	case COPY_ENCRYPT:
	case COPY_PAIR:
		return copy->len == SDF_POINT_LEN;
	case COPY_KEK:
		return copy->len == 0;
	case COPY_RSA_SIGN:
	case COPY_RSA_ENCRYPT:
		return copy->len == 32;
	case COPY_UNDER_KEK:
		return copy->len >= 1 && copy->len <= 2 * SDF_KEY_MAX;
	case COPY_UNDER_ISK:
		return copy->len > 96 && copy->len <= 96 + SDF_KEY_MAX;
	}
	return false;
}

enum hufu_err copy_read(const struct hufu_key *key, struct copy *copy)
{
	struct reader r = reader_of(key->blob, key->blob ? key->blob_len : 0);
	bool version = read_u8(&r) == VERSION;

	copy->form = (enum copy_form)read_u8(&r);
	copy->index = read_u32(&r);
	copy->len = r.left;
	copy->bytes = read_bytes(&r, r.left);
	if (!version || !reader_done(&r) || copy->index < 1 || copy->index > SDF_INDEX_MAX || !len_fits(copy))
		return HUFU_ERR_NO_KEY;
	return is_index(copy->form) == (key->copy_kind == HUFU_COPY_INDEX) ? HUFU_OK : HUFU_ERR_NO_KEY;
}
