/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 128-EEA3 and 128-EIA3, GM/T 0001.2 and 0001.3, whole and in parts of any
 * length. The kernels continue at words only: what is left of one is kept here.
 */
#include "driver/soft/state.h"

#include "sm/zuc.h"

/* Where a message ends: the bits that count, and the bytes that hold one of them. */
struct span {
	uint64_t nbits;  /* 0: as many as come */
	uint64_t done;   /* bytes that came */
};

struct eea3 {
	struct zuc_eea3 zuc;
	struct span span;
	uint32_t word;    /* the keystream of which done % 4 bytes are used */
};

struct eia3 {
	struct zuc_eia3 zuc;
	struct span span;
	uint8_t held[4];  /* came, not yet a whole word */
	size_t nheld;
};

static uint64_t span_bytes(const struct span *span)
{
	return span->nbits ? span->nbits / 8 + (span->nbits % 8 != 0) : UINT64_MAX;
}

/* How many of len more bytes lie inside the message. */
static size_t span_take(const struct span *span, size_t len)
{
	uint64_t end = span_bytes(span);
	uint64_t left = span->done < end ? end - span->done : 0;

	return left < len ? (size_t)left : len;
}

/* Bytes of whole words inside the message; the bits that follow them are its end. */
static uint64_t span_words(const struct span *span)
{
	return span->nbits ? span->nbits / 32 * 4 : UINT64_MAX;
}

/* Bytes that came inside the message and fill no whole word of it. */
static size_t span_held(const struct span *span)
{
	uint64_t end = span_bytes(span), live = span->done < end ? span->done : end;
	uint64_t whole = live / 4 * 4, words = span_words(span);

	return (size_t)(live - (whole < words ? whole : words));
}

static enum hufu_err span_check_end(const struct span *span)
{
	return !span->nbits || span->done >= span_bytes(span) ? HUFU_OK : HUFU_ERR_DATA_LEN;
}

static enum hufu_err check_op(const struct hufu_op *op)
{
	const struct hufu_param_zuc *param = op->param;

	if (op->in_len && !op->in)
		return HUFU_ERR_DATA_LEN;
	if (soft_starts(op) && (!param || param->bearer > 31 || param->direction > 1))
		return HUFU_ERR_PARAM;
	return soft_check_copy(op->key);
}

static void put_zuc(struct hufu_op *op, const struct zuc *zuc)
{
	for (int i = 0; i < 16; i++)
		put_u32(op, zuc->lfsr[i]);
	put_u32(op, zuc->r1);
	put_u32(op, zuc->r2);
}

/* GM/T 0001.1 5.3: cells of the LFSR hold 1 to 2^31 - 1. */
static void read_zuc(struct reader *r, struct zuc *zuc)
{
	for (int i = 0; i < 16; i++) {
		zuc->lfsr[i] = read_u32(r);
		if (zuc->lfsr[i] == 0 || zuc->lfsr[i] > INT32_MAX)
			r->bad = true;
	}
	zuc->r1 = read_u32(r);
	zuc->r2 = read_u32(r);
}

static void put_span(struct hufu_op *op, const struct span *span)
{
	put_u64(op, span->nbits);
	put_u64(op, span->done);
}

static void read_span(struct reader *r, struct span *span)
{
	span->nbits = read_u64(r);
	span->done = read_u64(r);
	if (span->done > UINT64_MAX / 16)
		r->bad = true;
}

/* -- EEA3 ------------------------------------------------------------------ */

/* XORs bytes of the held word. */
static void apply_word(struct eea3 *e, unsigned at, const uint8_t *in, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = in[i] ^ (uint8_t)(e->word >> (24 - 8 * (at + i)));
}

static void eea3_update(struct eea3 *e, const uint8_t *in, uint8_t *out, size_t len)
{
	size_t live = span_take(&e->span, len), left = live;
	uint8_t *end = out + live;
	unsigned used = e->span.done % 4;
	size_t head = used ? 4 - used : 0;

	if (head > left)
		head = left;
	apply_word(e, used, in, out, head);
	in += head;
	out += head;
	left -= head;
	if (left >= 4)
		zuc_eea3_update(&e->zuc, in, out, 8 * (uint64_t)(left / 4 * 4));
	in += left / 4 * 4;
	out += left / 4 * 4;
	if (left % 4) {
		zuc_words(&e->zuc.zuc, &e->word, 1);
		apply_word(e, 0, in, out, left % 4);
	}
	if (live && e->span.nbits % 8 && e->span.done + live == span_bytes(&e->span))
		end[-1] &= (uint8_t)(0xff << (8 - e->span.nbits % 8));
	if (len > live)
		memset(end, 0, len - live);
	e->span.done += len;
}

static enum hufu_err eea3_restore(const struct hufu_op *op, struct eea3 *e)
{
	struct reader r = state_read(op);

	read_zuc(&r, &e->zuc.zuc);
	e->word = read_u32(&r);
	read_span(&r, &e->span);
	return reader_done(&r) ? HUFU_OK : HUFU_ERR_DATA;
}

static void eea3_save(struct hufu_op *op, const struct eea3 *e)
{
	state_begin(op);
	put_zuc(op, &e->zuc.zuc);
	put_u32(op, e->word);
	put_span(op, &e->span);
}

static enum hufu_err eea3_begin(const struct hufu_op *op, struct eea3 *e)
{
	const struct hufu_param_zuc *param = op->param;

	if (!soft_starts(op))
		return eea3_restore(op, e);
	zuc_eea3_init(&e->zuc, op->key->blob, param->count, param->bearer, param->direction);
	e->span.nbits = param->nbits;
	return HUFU_OK;
}

static enum hufu_err eea3(const struct hufu_host *host, struct hufu_op *op)
{
	struct eea3 e = {0};
	enum hufu_err err = check_op(op);

	(void)host;
	if (err == HUFU_OK)
		err = soft_room(op, op->in_len);
	if (err == HUFU_OK)
		err = eea3_begin(op, &e);
	if (err == HUFU_OK && soft_ends(op)) {
		struct span end = {.nbits = e.span.nbits, .done = e.span.done + op->in_len};
		err = span_check_end(&end);
	}
	if (err == HUFU_OK && op->in_len)
		eea3_update(&e, op->in, op->out, op->in_len);
	if (err == HUFU_OK && !soft_ends(op))
		eea3_save(op, &e);
	secret_wipe(&e, sizeof(e));
	return err;
}

/* -- EIA3 ------------------------------------------------------------------ */

static void eia3_word(struct eia3 *e)
{
	zuc_eia3_update(&e->zuc, e->held, 32);
	e->nheld = 0;
}

/* Whole words of the message go to the kernel; less than a word waits, since in the end some of its bits may not count. */
static void eia3_update(struct eia3 *e, const uint8_t *in, size_t len)
{
	size_t live = span_take(&e->span, len), at = 0;
	uint64_t words = span_words(&e->span), came = e->span.done;

	while (at < live && e->nheld) {
		e->held[e->nheld++] = in[at++];
		if (e->nheld == 4 && came + at <= words)
			eia3_word(e);
	}
	if (at < live && came + at < words) {
		uint64_t whole = (live - at) / 4 * 4;
		if (whole > words - (came + at))
			whole = words - (came + at);
		if (whole)
			zuc_eia3_update(&e->zuc, in + at, 8 * whole);
		at += (size_t)whole;
	}
	while (at < live)
		e->held[e->nheld++] = in[at++];
	e->span.done += len;
}

static enum hufu_err eia3_restore(const struct hufu_op *op, struct eia3 *e)
{
	struct reader r = state_read(op);

	read_zuc(&r, &e->zuc.zuc);
	e->zuc.tag = read_u32(&r);
	e->zuc.word0 = read_u32(&r);
	e->zuc.word1 = read_u32(&r);
	read_span(&r, &e->span);
	read_copy(&r, e->held, sizeof(e->held));
	e->nheld = span_held(&e->span);
	return reader_done(&r) ? HUFU_OK : HUFU_ERR_DATA;
}

static void eia3_save(struct hufu_op *op, const struct eia3 *e)
{
	state_begin(op);
	put_zuc(op, &e->zuc.zuc);
	put_u32(op, e->zuc.tag);
	put_u32(op, e->zuc.word0);
	put_u32(op, e->zuc.word1);
	put_span(op, &e->span);
	put_bytes(op, e->held, sizeof(e->held));
}

static enum hufu_err eia3_begin(const struct hufu_op *op, struct eia3 *e)
{
	const struct hufu_param_zuc *param = op->param;

	if (!soft_starts(op))
		return eia3_restore(op, e);
	zuc_eia3_init(&e->zuc, op->key->blob, param->count, param->bearer, param->direction);
	e->span.nbits = param->nbits;
	return HUFU_OK;
}

static enum hufu_err eia3_end(struct hufu_op *op, struct eia3 *e)
{
	uint8_t mac[4];
	enum hufu_err err = span_check_end(&e->span);

	if (err != HUFU_OK)
		return err;
	zuc_eia3_update(&e->zuc, e->held, e->span.nbits ? e->span.nbits % 32 : 8 * (uint64_t)e->nheld);
	zuc_eia3_final(&e->zuc, mac);
	err = soft_give_mac(op, mac, sizeof(mac));
	secret_wipe(mac, sizeof(mac));
	return err;
}

static enum hufu_err eia3(const struct hufu_host *host, struct hufu_op *op)
{
	struct eia3 e = {0};
	enum hufu_err err = check_op(op);

	(void)host;
	if (err == HUFU_OK)
		err = eia3_begin(op, &e);
	if (err == HUFU_OK)
		eia3_update(&e, op->in, op->in_len);
	if (err == HUFU_OK && soft_ends(op))
		err = eia3_end(op, &e);
	else if (err == HUFU_OK)
		eia3_save(op, &e);
	secret_wipe(&e, sizeof(e));
	return err;
}

const struct soft_row soft_zuc_rows[] = {
	{CKM_HUFU_ZUC_EEA3, HUFU_VERB_ENCRYPT, HUFU_KEY_ZUC, true, eea3, 128, 128},
	{CKM_HUFU_ZUC_EEA3, HUFU_VERB_DECRYPT, HUFU_KEY_ZUC, true, eea3, 128, 128},
	{CKM_HUFU_ZUC_EIA3, HUFU_VERB_SIGN, HUFU_KEY_ZUC, true, eia3, 128, 128},
	{CKM_HUFU_ZUC_EIA3, HUFU_VERB_VERIFY, HUFU_KEY_ZUC, true, eia3, 128, 128},
	{0, 0, 0, false, NULL, 0, 0},
};
