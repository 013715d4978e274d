/* SPDX-License-Identifier: Apache-2.0 */
#include "store/row.h"

#include <string.h>

#define FLAG_INDEXED 1u
#define BODY_HEAD_LEN (1 + 8 + 8 + 4 + 2)
#define COPIES_HEAD_LEN 2
#define COPY_HEAD_LEN (4 + 1 + 4)

static enum hufu_err check_attrs(const struct store_draft *d)
{
	size_t total = BODY_HEAD_LEN;

	if (d->nattrs > STORE_ATTRS_MAX)
		return HUFU_ERR_DATA_LEN;
	if (d->nattrs && !d->attrs)
		return HUFU_ERR_ARGUMENT;
	for (size_t i = 0; i < d->nattrs; i++) {
		const struct store_attr *a = &d->attrs[i];
		if (a->len && !a->value)
			return HUFU_ERR_ARGUMENT;
		if (a->len > STORE_VALUE_MAX)
			return HUFU_ERR_DATA_LEN;
		total += ROW_ATTR_MIN + a->len;
	}
	return total > ROW_BODY_MAX ? HUFU_ERR_DATA_LEN : HUFU_OK;
}

static enum hufu_err check_copies(const struct store_draft *d)
{
	size_t total = COPIES_HEAD_LEN;

	if (d->ncopies > STORE_COPIES_MAX)
		return HUFU_ERR_DATA_LEN;
	if (d->ncopies && !d->copies)
		return HUFU_ERR_ARGUMENT;
	for (size_t i = 0; i < d->ncopies; i++) {
		const struct store_copy *c = &d->copies[i];
		size_t domain_len = c->domain ? strlen(c->domain) : 0;
		if (!domain_len || domain_len > STORE_DOMAIN_MAX || (c->len && !c->data))
			return HUFU_ERR_ARGUMENT;
		if (c->len > STORE_VALUE_MAX)
			return HUFU_ERR_DATA_LEN;
		total += COPY_HEAD_LEN + domain_len + c->len + SEAL_OVERHEAD;
	}
	return total > ROW_COPIES_MAX ? HUFU_ERR_DATA_LEN : HUFU_OK;
}

enum hufu_err row_check(const struct store_draft *d)
{
	enum hufu_err err = check_attrs(d);
	return err ? err : check_copies(d);
}

/* -- body -------------------------------------------------------------------- */

void row_encode_body(struct writer *w, const struct store_draft *d)
{
	write_u8(w, ROW_FORMAT);
	write_u64(w, d->object_class);
	write_u64(w, d->key_type);
	write_u32(w, d->policy);
	write_u16(w, (uint16_t)d->nattrs);
	for (size_t i = 0; i < d->nattrs; i++) {
		const struct store_attr *a = &d->attrs[i];
		write_u64(w, a->type);
		write_u8(w, a->indexed ? FLAG_INDEXED : 0);
		write_u32(w, (uint32_t)a->len);
		write_bytes(w, a->value, a->len);
	}
}

static bool read_attr(struct reader *r, struct store_attr *a)
{
	a->type = read_u64(r);
	uint8_t flags = read_u8(r);
	a->indexed = flags & FLAG_INDEXED;
	a->len = read_u32(r);
	a->value = read_bytes(r, a->len);
	return !r->bad && !(flags & ~FLAG_INDEXED) && a->len <= STORE_VALUE_MAX;
}

bool row_decode_body(struct view body, struct row_head *head, struct store_attr *attrs, size_t cap, size_t *nattrs)
{
	struct reader r = reader_of(body.p, body.len);

	if (body.len > ROW_BODY_MAX || read_u8(&r) != ROW_FORMAT)
		return false;
	head->object_class = read_u64(&r);
	head->key_type = read_u64(&r);
	head->policy = read_u32(&r);
	size_t n = read_u16(&r);
	if (r.bad || n > STORE_ATTRS_MAX || n > cap)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_attr(&r, &attrs[i]))
			return false;
	*nattrs = n;
	return reader_done(&r);
}

/* -- copies ------------------------------------------------------------------ */

void row_encode_copies(struct writer *w, const struct sealed_copy *copies, size_t n)
{
	if (!n)
		return;
	write_u8(w, ROW_FORMAT);
	write_u8(w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		write_u32(w, copies[i].kind);
		write_u8(w, (uint8_t)copies[i].domain.len);
		write_bytes(w, copies[i].domain.p, copies[i].domain.len);
		write_u32(w, (uint32_t)copies[i].data.len);
		write_bytes(w, copies[i].data.p, copies[i].data.len);
	}
}

static bool read_copy_entry(struct reader *r, struct sealed_copy *c)
{
	c->kind = read_u32(r);
	c->domain.len = read_u8(r);
	c->domain.p = read_bytes(r, c->domain.len);
	c->data.len = read_u32(r);
	c->data.p = read_bytes(r, c->data.len);
	if (r->bad || !c->domain.len || c->domain.len > STORE_DOMAIN_MAX || memchr(c->domain.p, 0, c->domain.len))
		return false;
	return c->data.len >= SEAL_OVERHEAD && c->data.len <= STORE_VALUE_MAX + SEAL_OVERHEAD;
}

bool row_decode_copies(struct view copies, struct sealed_copy out[STORE_COPIES_MAX], size_t *n)
{
	struct reader r = reader_of(copies.p, copies.len);

	*n = 0;
	if (!copies.len)
		return true;
	if (copies.len > ROW_COPIES_MAX || read_u8(&r) != ROW_FORMAT)
		return false;
	size_t count = read_u8(&r);
	if (!count || count > STORE_COPIES_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_copy_entry(&r, &out[i]))
			return false;
	*n = count;
	return reader_done(&r);
}

/* -- what is bound ------------------------------------------------------------ */

static void mac_u64(struct sm3_hmac *h, uint64_t v)
{
	uint8_t be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (uint8_t)(v >> (56 - 8 * i));
	sm3_hmac_update(h, be, sizeof(be));
}

/* With its length, so that bytes cannot move from one field to the next. */
static void mac_view(struct sm3_hmac *h, struct view v)
{
	mac_u64(h, v.len);
	if (v.len)
		sm3_hmac_update(h, v.p, v.len);
}

static void mac_row(struct sm3_hmac *h, const struct ring *ring, enum ring_use use, const uint8_t token_id[TOKEN_ID_LEN],
                    const struct row_image *row)
{
	uint8_t private_object = row->private_object, tag = (uint8_t)use;

	sm3_hmac_init(h, &ring->mac);
	sm3_hmac_update(h, &tag, 1);
	sm3_hmac_update(h, token_id, TOKEN_ID_LEN);
	sm3_hmac_update(h, row->uuid, UUID_LEN);
	mac_u64(h, row->version);
	mac_u64(h, row->material);
	sm3_hmac_update(h, &private_object, 1);
	mac_view(h, row->body);
	mac_view(h, row->copies);
	mac_view(h, row->lookup);
}

void row_token_mac(const struct ring *token, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *row,
                   uint8_t mac[MAC_LEN])
{
	struct sm3_hmac h;

	mac_row(&h, token, USE_ROW_TOKEN, token_id, row);
	sm3_hmac_final(&h, mac);
}

void row_host_mac(const struct ring *host, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *row, uint8_t mac[MAC_LEN])
{
	struct sm3_hmac h;

	mac_row(&h, host, USE_ROW_HOST, token_id, row);
	mac_view(&h, row->token_mac);
	sm3_hmac_final(&h, mac);
}

void row_body_aad(struct writer *w, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *row)
{
	write_u8(w, USE_BODY);
	write_bytes(w, token_id, TOKEN_ID_LEN);
	write_bytes(w, row->uuid, UUID_LEN);
	write_u64(w, row->version);
}

void row_copy_aad(struct writer *w, const uint8_t token_id[TOKEN_ID_LEN], const struct row_image *row, const struct row_head *head,
                  uint32_t kind, struct view domain)
{
	write_u8(w, USE_COPY);
	write_bytes(w, token_id, TOKEN_ID_LEN);
	write_bytes(w, row->uuid, UUID_LEN);
	write_u64(w, row->material);
	write_u64(w, head->object_class);
	write_u64(w, head->key_type);
	write_u32(w, head->policy);
	write_u32(w, kind);
	write_u8(w, (uint8_t)domain.len);
	write_bytes(w, domain.p, domain.len);
}
