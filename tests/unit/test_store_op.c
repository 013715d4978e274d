/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: requests to a token, and its answers, come out as they went in; what is beyond the bounds of a row, lacks what its
 * operation needs, or was cut anywhere, is refused; and copies of keys do not travel with rows.
 */
#include "unit.h"

#include "base/secret.h"
#include "hufu/driver.h"
#include "wire/store_op.h"

static const uint8_t uuid[16] = {1, 2, 3}, value[3] = {7, 8, 9}, secret[40] = {5};
static const struct store_attr attrs[] = {{.type = 3, .value = value, .len = 3, .indexed = true},
                                          {.type = 0x80000001, .value = NULL, .len = 0}};
static const struct store_copy copies[] = {{.kind = HUFU_COPY_BLOB, .data = secret, .len = sizeof(secret)}};
static const struct store_draft draft = {
	.private_object = true, .object_class = 3, .key_type = 0x8048465500000001, .policy = 5, .attrs = attrs, .nattrs = 2,
	.copies = copies, .ncopies = 1, .unproven = true, .op_id = {4}, .request = {6},
};

static enum hufu_err put_and_take(const struct wire_store *r, struct wire_store **taken)
{
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_store_put(&w, 9, 77, WIRE_BODY_DEFAULT, r), HUFU_OK);
	enum hufu_err err = wire_store_take(r->op, w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, taken);
	writer_clear(&w);
	return err;
}

static void requests_come_through(void)
{
	struct wire_store r = {.op = WIRE_STORE_INSERT, .ticket = secret, .ticket_len = 30, .role = STORE_USER, .pin = value,
	                       .pin_len = 3,
	                       .old_pin = value, .old_pin_len = 2, .op_id = {1}, .drafts = &draft, .ndrafts = 1, .uuid = {1, 2, 3},
	                       .version = 1ull << 40, .attrs = attrs, .nattrs = 2, .with_private = true, .skip = 65536};
	struct wire_store *t;

	CU_ASSERT_EQUAL_FATAL(put_and_take(&r, &t), HUFU_OK);
	CU_ASSERT(t->op == r.op && t->role == STORE_USER && t->version == r.version && t->with_private && t->skip == r.skip);
	CU_ASSERT(t->ticket_len == 30 && memcmp(t->ticket, secret, 30) == 0 && t->pin_len == 3 && t->old_pin_len == 2);
	CU_ASSERT(memcmp(t->op_id, r.op_id, 16) == 0 && memcmp(t->uuid, uuid, 16) == 0);
	CU_ASSERT(t->nattrs == 2 && t->attrs[0].indexed && t->attrs[1].len == 0 && t->attrs[1].type == attrs[1].type);
	const struct store_draft *d = t->drafts;
	CU_ASSERT(t->ndrafts == 1 && d->private_object && d->unproven && d->object_class == 3 && d->key_type == draft.key_type &&
	          d->policy == 5);
	CU_ASSERT(memcmp(d->op_id, draft.op_id, 16) == 0 && memcmp(d->request, draft.request, 32) == 0);
	CU_ASSERT(d->ncopies == 1 && d->copies[0].kind == HUFU_COPY_BLOB && d->copies[0].len == sizeof(secret) &&
	          !d->copies[0].domain);
	CU_ASSERT_EQUAL(memcmp(d->copies[0].data, secret, sizeof(secret)), 0);
	CU_ASSERT(d->nattrs == 2 && d->attrs[0].len == 3 && memcmp(d->attrs[0].value, value, 3) == 0);
	wire_store_free(t);
}

static void what_is_needed(void)
{
	static const uint16_t lacking[] = {WIRE_STORE_INIT + 0x100, WIRE_STORE_LOGIN, WIRE_STORE_RENEW, WIRE_STORE_LOGOUT,
	                                   WIRE_STORE_INIT_PIN, WIRE_STORE_INSERT, WIRE_STORE_GET, WIRE_STORE_UPDATE,
	                                   WIRE_STORE_DELETE, WIRE_STORE_VERSION};
	struct wire_store *t;

	for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++) {
		struct wire_store r = {.op = lacking[i]};
		CU_ASSERT_EQUAL(put_and_take(&r, &t), lacking[i] >= WIRE_STORE_END ? HUFU_ERR_UNSUPPORTED : HUFU_ERR_ARGUMENT);
	}
	struct wire_store r = {.op = WIRE_STORE_TOKEN, .role = (enum store_role)2};
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_ARGUMENT);
}

static void bounds(void)
{
	static struct store_attr many[STORE_ATTRS_MAX + 1];
	static struct store_copy too_many[STORE_COPIES_MAX + 1];
	static struct store_draft drafts[WIRE_DRAFTS_MAX + 1];
	static uint8_t long_value[STORE_VALUE_MAX + 1];
	struct store_attr long_attr = {.type = 1, .value = long_value, .len = sizeof(long_value)};
	struct store_draft d = draft;
	struct wire_store r = {.op = WIRE_STORE_INSERT, .drafts = &d, .ndrafts = 1}, *t;

	for (size_t i = 0; i <= STORE_ATTRS_MAX; i++)
		many[i] = attrs[0];
	d.attrs = many;
	d.nattrs = STORE_ATTRS_MAX + 1;
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_DATA_LEN);
	d.attrs = &long_attr;
	d.nattrs = 1;
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_DATA_LEN);
	d = draft;
	for (size_t i = 0; i <= STORE_COPIES_MAX; i++)
		too_many[i] = copies[0];
	d.copies = too_many;
	d.ncopies = STORE_COPIES_MAX + 1;
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_DATA_LEN);
	r.drafts = drafts;
	r.ndrafts = WIRE_DRAFTS_MAX + 1;
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_DATA_LEN);
	r = (struct wire_store){.op = WIRE_STORE_TOKEN, .pin = long_value, .pin_len = STORE_PIN_MAX + 1};
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_PIN_LEN);
	r = (struct wire_store){.op = WIRE_STORE_TOKEN, .ticket = long_value, .ticket_len = WIRE_TICKET_MAX + 1};
	CU_ASSERT_EQUAL(put_and_take(&r, &t), HUFU_ERR_DATA_LEN);
	struct writer w;
	writer_init(&w, true);
	r = (struct wire_store){.op = WIRE_STORE_FIND, .attrs = &long_attr, .nattrs = 1};
	CU_ASSERT_EQUAL(wire_store_put(&w, 1, 0, 65536, &r), HUFU_ERR_DATA_LEN);
	writer_clear(&w);
}

/* Every cut, and every bit of the head: refused, or another request, but never read beyond its end. */
static void cut_and_flipped(void)
{
	struct wire_store r = {.op = WIRE_STORE_INSERT, .ticket = secret, .ticket_len = 30, .drafts = &draft, .ndrafts = 1}, *t;
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_store_put(&w, 9, 0, WIRE_BODY_DEFAULT, &r), HUFU_OK);
	uint8_t *body = w.data + WIRE_HEADER_LEN;
	for (size_t len = 0; len < w.len - WIRE_HEADER_LEN; len++) {
		enum hufu_err err = wire_store_take(r.op, body, len, &t);
		CU_ASSERT(err != HUFU_OK || t->ndrafts == 0 || t->drafts != NULL);
		if (err == HUFU_OK)
			wire_store_free(t);
		for (unsigned bit = 0; bit < 8; bit++) {
			body[len] ^= (uint8_t)(1u << bit);
			if (wire_store_take(r.op, body, w.len - WIRE_HEADER_LEN, &t) == HUFU_OK)
				wire_store_free(t);
			body[len] ^= (uint8_t)(1u << bit);
		}
	}
	writer_clear(&w);
}

/* -- answers --------------------------------------------------------------------------- */

static enum hufu_err put_and_get(uint16_t op, const struct wire_store_reply *reply, struct wire_store_reply **got)
{
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL_FATAL(wire_store_put_reply(&w, 9, op, reply), HUFU_OK);
	enum hufu_err err = wire_store_get_reply(op, w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, got);
	writer_clear(&w);
	return err;
}

static void rows_without_copies(void)
{
	struct store_attr list[] = {attrs[0], attrs[1]};
	struct store_copy copy = copies[0];
	struct store_row row = {.uuid = {1, 2, 3}, .version = 12, .private_object = true, .by_login = true, .object_class = 3,
	                        .key_type = 4,
	                        .policy = 9, .attrs = list, .nattrs = 2, .copies = &copy, .ncopies = 1};
	struct wire_store_reply reply = {.row = &row}, *got;
	struct writer w;

	writer_init(&w, true);
	CU_ASSERT_EQUAL(wire_store_put_reply(&w, 9, WIRE_STORE_GET, &reply), HUFU_OK);
	CU_ASSERT_PTR_NULL(memmem(w.data, w.len, secret, sizeof(secret)));
	writer_clear(&w);
	CU_ASSERT_EQUAL_FATAL(put_and_get(WIRE_STORE_GET, &reply, &got), HUFU_OK);
	struct store_row *came = wire_store_row(got, "machines");
	CU_ASSERT_PTR_NOT_NULL_FATAL(came);
	CU_ASSERT(came->version == 12 && came->private_object && came->by_login && came->object_class == 3 &&
	          came->key_type == 4 && came->policy == 9);
	CU_ASSERT(came->nattrs == 2 && came->attrs[0].len == 3 && memcmp(came->attrs[0].value, value, 3) == 0);
	CU_ASSERT(came->ncopies == 1 && came->copies[0].kind == HUFU_COPY_INDEX && came->copies[0].len == 16);
	CU_ASSERT_EQUAL(memcmp(came->copies[0].data, uuid, 16), 0);
	secret_free(came);
	wire_store_reply_free(got);
}

static void answers_are_whole(void)
{
	static const uint16_t wanting[] = {WIRE_STORE_TOKEN, WIRE_STORE_RENEW, WIRE_STORE_INSERT, WIRE_STORE_GET,
	                                   WIRE_STORE_VERSION};
	struct wire_store_reply reply = {.counter = 1}, *got;

	for (size_t i = 0; i < sizeof(wanting) / sizeof(wanting[0]); i++) {
		uint16_t other = wanting[i] == WIRE_STORE_TOKEN ? WIRE_STORE_LOGOUT : wanting[i]; /* TOKEN is put whole */
		struct writer w;
		writer_init(&w, true);
		CU_ASSERT_EQUAL(wire_store_put_reply(&w, 9, other, &reply), HUFU_OK);
		CU_ASSERT_EQUAL_FATAL(wire_store_get_reply(wanting[i], w.data + WIRE_HEADER_LEN, w.len - WIRE_HEADER_LEN, &got),
		                      HUFU_OK);
		CU_ASSERT_EQUAL(got->status.err, HUFU_ERR_CORRUPT);
		wire_store_reply_free(got);
		writer_clear(&w);
	}
	CU_ASSERT_EQUAL_FATAL(put_and_get(WIRE_STORE_CHANGES, &reply, &got), HUFU_OK);
	CU_ASSERT(got->status.err == HUFU_OK && got->counter == 1 && !got->logged_in);
	wire_store_reply_free(got);
}

/* The store's codes are for its caller; the machine's own troubles are reasons to ask another. */
static void codes(void)
{
	static const struct {
		enum hufu_err put, got;
	} rows[] = {
		{HUFU_ERR_NOT_FOUND, HUFU_ERR_NOT_FOUND}, {HUFU_ERR_CONFLICT, HUFU_ERR_CONFLICT},
		{HUFU_ERR_LOCKED, HUFU_ERR_LOCKED},
		{HUFU_ERR_STORE_MISSING, HUFU_ERR_STORE_MISSING}, {HUFU_ERR_STORE_IO, HUFU_ERR_STORE_IO},
		{HUFU_ERR_PIN, HUFU_ERR_PIN},
		{HUFU_ERR_EXPIRED, HUFU_ERR_EXPIRED}, {HUFU_ERR_KEY_USE, HUFU_ERR_KEY_USE}, {HUFU_ERR_BUSY, HUFU_ERR_BUSY},
		{HUFU_ERR_NO_MEMORY, HUFU_ERR_BUSY}, {HUFU_ERR_CONFIG, HUFU_ERR_BUSY},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_store_reply reply = {.status = wire_status_of(rows[i].put)}, *got;
		reply.status.certainty = 1; /* not executed */
		CU_ASSERT_EQUAL_FATAL(put_and_get(WIRE_STORE_GET, &reply, &got), HUFU_OK);
		CU_ASSERT_EQUAL(got->status.err, rows[i].got);
		wire_store_reply_free(got);
	}
}

static const struct unit_case cases[] = {
	{"a request comes through with all that it has", requests_come_through},
	{"an operation without what it needs is refused, and one that is none", what_is_needed},
	{"what is beyond the bounds of a row is refused", bounds},
	{"a request that was cut, or changed in a bit, is refused or another", cut_and_flipped},
	{"a row comes without its copies, and its uuid stands for them", rows_without_copies},
	{"an answer that lacks what was asked for is corrupt", answers_are_whole},
	{"the store's codes come through, the machine's own do not", codes},
	{0},
};

int main(void)
{
	return unit_main("store_op", cases);
}
