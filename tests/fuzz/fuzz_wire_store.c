/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: any body, as a request to a token or as an answer of one, is refused or within the bounds of base/object_row.h; and
 * a request that was taken, sent again, is the same.
 */
#include "base/secret.h"
#include "hufu/driver.h"
#include "wire/store_op.h"

#include "fuzz.h"

#include <string.h>

static unsigned sum_of(const uint8_t *p, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return sum;
}

static unsigned touch_attrs(const struct store_attr *attrs, size_t n)
{
	unsigned sum = 0;

	if (n > STORE_ATTRS_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (attrs[i].len > STORE_VALUE_MAX)
			abort();
		sum += sum_of(attrs[i].value, attrs[i].len);
	}
	return sum;
}

static void touch_request(const struct wire_store *r)
{
	volatile unsigned sum = touch_attrs(r->attrs, r->nattrs);

	if (r->ndrafts > WIRE_DRAFTS_MAX || r->pin_len > STORE_PIN_MAX || r->old_pin_len > STORE_PIN_MAX ||
	    r->ticket_len > WIRE_TICKET_MAX)
		abort();
	sum += sum_of(r->pin, r->pin_len) + sum_of(r->old_pin, r->old_pin_len) + sum_of(r->ticket, r->ticket_len);
	for (size_t i = 0; i < r->ndrafts; i++) {
		const struct store_draft *d = &r->drafts[i];
		if (d->ncopies > STORE_COPIES_MAX)
			abort();
		sum += touch_attrs(d->attrs, d->nattrs);
		for (size_t k = 0; k < d->ncopies; k++)
			sum += sum_of(d->copies[k].data, d->copies[k].len);
	}
	(void)sum;
}

static void check_same(const struct wire_store *a, const struct wire_store *b)
{
	if (a->op != b->op || a->role != b->role || a->ndrafts != b->ndrafts || a->nattrs != b->nattrs ||
	    a->version != b->version ||
	    a->skip != b->skip || a->pin_len != b->pin_len || memcmp(a->uuid, b->uuid, sizeof(a->uuid)) != 0)
		abort();
	for (size_t i = 0; i < a->ndrafts; i++)
		if (a->drafts[i].nattrs != b->drafts[i].nattrs || a->drafts[i].ncopies != b->drafts[i].ncopies)
			abort();
}

static void fuzz_request(uint16_t op, const uint8_t *data, size_t len)
{
	struct wire_store *taken, *again;
	struct writer w;

	if (wire_store_take(op, data, len, &taken) != HUFU_OK)
		return;
	touch_request(taken);
	writer_init(&w, true);
	if (wire_store_put(&w, 1, 0, WIRE_BODY_MAX, taken) != HUFU_OK)
		abort();
	/* A uuid of zeros is none where it travels, and so are such ids of ops. */
	if (wire_store_take(op, w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &again) == HUFU_OK) {
		check_same(taken, again);
		wire_store_free(again);
	}
	writer_clear(&w);
	wire_store_free(taken);
}

static void fuzz_reply(uint16_t op, const uint8_t *data, size_t len)
{
	struct wire_store_reply *reply;

	if (wire_store_get_reply(op, data, len, &reply) != HUFU_OK)
		return;
	volatile unsigned sum = reply->status.err == HUFU_OK ? sum_of((const uint8_t *)reply->uuids, reply->nuuids * 16) : 0;
	sum += sum_of(reply->ticket, reply->ticket_len);
	if (op == WIRE_STORE_GET && reply->status.err == HUFU_OK) {
		struct store_row *row = wire_store_row(reply, "machines");
		if (!row)
			abort();
		sum += touch_attrs(row->attrs, row->nattrs);
		secret_free(row);
	}
	(void)sum;
	wire_store_reply_free(reply);
}

/* The first byte says which operation, and its highest bit that it is an answer. */
static void fuzz_one(const uint8_t *data, size_t len)
{
	uint16_t op;

	if (!len)
		return;
	op = (uint16_t)(WIRE_OP_STORE + (data[0] & 0x7f));
	if (data[0] & 0x80)
		fuzz_reply(op, data + 1, len - 1);
	else
		fuzz_request(op, data + 1, len - 1);
}
