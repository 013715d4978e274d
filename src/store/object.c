/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: rows that are made, read, changed and deleted. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "store/internal.h"

const char *uuid_text(const uint8_t uuid[UUID_LEN], char text[2 * UUID_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < UUID_LEN; i++) {
		text[2 * i] = hex[uuid[i] >> 4];
		text[2 * i + 1] = hex[uuid[i] & 15];
	}
	text[2 * UUID_LEN] = '\0';
	return text;
}

static enum hufu_err row_corrupt(const struct sealed *s, const uint8_t uuid[UUID_LEN])
{
	char text[2 * UUID_LEN + 1];

	log_error("store %s: object %s fails its check and is refused: somebody changed it, or the disk did. Delete it, or restore "
	          "the file from a backup",
	          s->engine->name, uuid_text(uuid, text));
	return HUFU_ERR_STORE_CORRUPT;
}

static const struct ring *ring_of(const struct sealed *s, bool private_object)
{
	return private_object ? &s->keys->token : &s->keys->host;
}

/* -- reading --------------------------------------------------------------------------- */

bool object_columns(const struct cell *cells, struct row_image *row)
{
	struct view uuid;
	int64_t private_object = cells[2].number, version = cells[3].number, material = cells[4].number;

	*row = (struct row_image){.seq = cells[0].number};
	if (!cell_is(&cells[1], UUID_LEN, UUID_LEN, &uuid))
		return false;
	memcpy(row->uuid, uuid.p, UUID_LEN);
	row->private_object = private_object == 1;
	row->version = (uint64_t)version;
	row->material = (uint64_t)material;
	return (private_object == 0 || private_object == 1) && version > 0 && material > 0 &&
	       cell_is(&cells[5], 0, MAC_LEN, &row->host_mac) && cell_is(&cells[6], 0, MAC_LEN, &row->token_mac) &&
	       cell_is(&cells[7], 0, (size_t)STORE_ATTRS_MAX * LOOKUP_LEN, &row->lookup) && row->lookup.len % LOOKUP_LEN == 0 &&
	       cell_is(&cells[8], 0, ROW_COPIES_MAX, &row->copies) &&
	       cell_is(&cells[9], 0, ROW_BODY_MAX + SEAL_OVERHEAD, &row->body);
}

static bool mac_is(struct view stored, const uint8_t mac[MAC_LEN])
{
	return stored.len == MAC_LEN && secret_equal(stored.p, mac, MAC_LEN);
}

static bool token_mac_good(const struct sealed *s, const struct row_image *row)
{
	uint8_t mac[MAC_LEN];

	row_token_mac(&s->keys->token, s->token_id, row, mac);
	return mac_is(row->token_mac, mac);
}

static bool host_mac_good(const struct sealed *s, const struct row_image *row)
{
	uint8_t mac[MAC_LEN];

	row_host_mac(&s->keys->host, s->token_id, row, mac);
	return mac_is(row->host_mac, mac);
}

enum row_state object_check(const struct sealed *s, const struct row_image *row)
{
	bool unlocked = s->keys->unlocked;

	if (row->private_object && !unlocked)
		return ROW_UNCHECKED;
	if (row->private_object)
		return row->host_mac.len == 0 && token_mac_good(s, row) ? ROW_GOOD : ROW_BAD;
	if (!host_mac_good(s, row))
		return ROW_BAD;
	return row->token_mac.len && unlocked && !token_mac_good(s, row) ? ROW_BAD : ROW_GOOD;
}

/* Memory of a struct store_row, given out from front to back: structs first, so that they are aligned. */
struct block {
	uint8_t *p;
	size_t left;
};

static void *block_take(struct block *b, size_t len)
{
	void *p = b->p;

	if (len > b->left)
		return NULL;
	b->p += len;
	b->left -= len;
	return p;
}

static bool open_body(const struct sealed *s, const struct row_image *row, uint8_t *out)
{
	struct writer aad;

	if (!row->private_object) {
		memcpy(out, row->body.p, row->body.len);
		return true;
	}
	writer_init(&aad, false);
	row_body_aad(&aad, s->token_id, row);
	bool ok = !aad.bad && seal_open(&s->keys->token.seal, aad.data, aad.len, row->body.p, row->body.len, out);
	writer_clear(&aad);
	return ok;
}

static bool open_copy(const struct sealed *s, const struct row_image *row, const struct row_head *head,
                      const struct sealed_copy *sealed, struct block *b, struct store_copy *copy)
{
	struct writer aad;
	size_t len = sealed->data.len - SEAL_OVERHEAD;
	uint8_t *data = block_take(b, len);
	char *domain = block_take(b, sealed->domain.len + 1);

	if (!data || !domain)
		return false;
	writer_init(&aad, false);
	row_copy_aad(&aad, s->token_id, row, head, sealed->kind, sealed->domain);
	bool ok = !aad.bad &&
	          seal_open(&ring_of(s, row->private_object)->seal, aad.data, aad.len, sealed->data.p, sealed->data.len, data);
	writer_clear(&aad);
	memcpy(domain, sealed->domain.p, sealed->domain.len);
	domain[sealed->domain.len] = '\0';
	*copy = (struct store_copy){.kind = sealed->kind, .domain = domain, .data = data, .len = len};
	return ok;
}

/* What a row needs at most, before it is known how many attributes lie in a sealed body. */
struct row_size {
	size_t body_len, nattrs, ncopies, copies_len;
};

static bool measure(const struct row_image *row, struct sealed_copy copies[STORE_COPIES_MAX], struct row_size *size)
{
	size_t overhead = row->private_object ? SEAL_OVERHEAD : 0;

	*size = (struct row_size){0};
	if (row->body.len <= overhead || !row_decode_copies(row->copies, copies, &size->ncopies))
		return false;
	size->body_len = row->body.len - overhead;
	size->nattrs = size->body_len / ROW_ATTR_MIN;
	if (size->nattrs > STORE_ATTRS_MAX)
		size->nattrs = STORE_ATTRS_MAX;
	for (size_t i = 0; i < size->ncopies; i++)
		size->copies_len += copies[i].data.len + copies[i].domain.len + 1;
	return true;
}

static bool fill(const struct sealed *s, const struct row_image *image, const struct row_size *size,
                 const struct sealed_copy *sealed, struct block *b, struct store_row *row)
{
	struct row_head head;

	row->attrs = block_take(b, size->nattrs * sizeof(*row->attrs));
	row->copies = block_take(b, size->ncopies * sizeof(*row->copies));
	uint8_t *body = block_take(b, size->body_len);
	if (!row->attrs || !row->copies || !body || !open_body(s, image, body) ||
	    !row_decode_body((struct view){body, size->body_len}, &head, row->attrs, size->nattrs, &row->nattrs))
		return false;
	for (; row->ncopies < size->ncopies; row->ncopies++)
		if (!open_copy(s, image, &head, &sealed[row->ncopies], b, &row->copies[row->ncopies]))
			return false;
	memcpy(row->uuid, image->uuid, UUID_LEN);
	row->version = image->version;
	row->private_object = image->private_object;
	row->by_login = image->token_mac.len != 0;
	row->object_class = head.object_class;
	row->key_type = head.key_type;
	row->policy = head.policy;
	return true;
}

enum hufu_err object_open(const struct sealed *s, const struct row_image *image, struct store_row **out)
{
	struct sealed_copy sealed[STORE_COPIES_MAX];
	struct row_size size;

	if (!measure(image, sealed, &size))
		return HUFU_ERR_STORE_CORRUPT;
	struct block b = {.left = sizeof(struct store_row) + size.nattrs * sizeof(struct store_attr) +
	                          size.ncopies * sizeof(struct store_copy) + size.body_len + size.copies_len};
	b.p = secret_alloc(b.left);
	if (!b.p)
		return HUFU_ERR_NO_MEMORY;
	struct store_row *row = block_take(&b, sizeof(*row));
	if (!fill(s, image, &size, sealed, &b, row)) {
		secret_free(row);
		return HUFU_ERR_STORE_CORRUPT;
	}
	*out = row;
	return HUFU_OK;
}

void store_row_free(struct store_row *row)
{
	secret_free(row);
}

/* Within a transaction. The image is good until the same is asked again. */
static enum hufu_err load(struct sealed *s, const uint8_t uuid[UUID_LEN], struct row_image *image, struct store_row **row)
{
	bool found;
	struct cell cells[ASK_CELLS_MAX], arg = cell_bytes(uuid, UUID_LEN);
	enum hufu_err err = db_row(s, ASK_OBJECT_READ, &arg, cells, &found);
	if (err || !found)
		return err ? err : HUFU_ERR_NOT_FOUND;
	if (!object_columns(cells, image))
		return row_corrupt(s, uuid);
	enum row_state state = object_check(s, image);
	if (state == ROW_UNCHECKED)
		return HUFU_ERR_LOCKED;
	err = state == ROW_BAD ? HUFU_ERR_STORE_CORRUPT : object_open(s, image, row);
	return err == HUFU_ERR_STORE_CORRUPT ? row_corrupt(s, uuid) : err;
}

enum hufu_err sealed_get(struct store *base, const uint8_t uuid[16], struct store_row **row)
{
	struct sealed *s = sealed_of(base);
	struct row_image image;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	*row = NULL;
	err = sealed_leave(s, TX_READ, load(s, uuid, &image, row));
	if (err) {
		store_row_free(*row);
		*row = NULL;
	}
	return err;
}

enum hufu_err sealed_version(struct store *base, const uint8_t uuid[16], uint64_t *version)
{
	struct sealed *s = sealed_of(base);
	bool found;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	struct cell cell, arg = cell_bytes(uuid, UUID_LEN);
	err = db_row(s, ASK_OBJECT_VERSION, &arg, &cell, &found);
	if (!err && !found)
		err = HUFU_ERR_NOT_FOUND;
	if (!err)
		*version = (uint64_t)cell.number;
	return sealed_leave(s, TX_READ, err);
}

/* -- composing a row ------------------------------------------------------------------------ */

/* The bytes that a row_image has views of. */
struct composed {
	struct row_image row;
	struct writer body, copies, lookup;
	uint8_t host_mac[MAC_LEN], token_mac[MAC_LEN];
};

static void composed_clear(struct composed *c)
{
	writer_clear(&c->body);
	writer_clear(&c->copies);
	writer_clear(&c->lookup);
}

static struct view view_of(const struct writer *w)
{
	return (struct view){w->data, w->len};
}

/* Appends in, sealed. */
static enum hufu_err write_sealed(struct writer *w, const struct sm3_hmac_key *key, const struct writer *aad, struct view in)
{
	uint8_t *sealed = malloc(in.len + SEAL_OVERHEAD);
	enum hufu_err err = sealed && !aad->bad ? HUFU_OK : HUFU_ERR_NO_MEMORY;

	if (!err)
		err = seal_close(key, aad->data, aad->len, in.p, in.len, sealed);
	if (!err)
		write_bytes(w, sealed, in.len + SEAL_OVERHEAD);
	free(sealed);
	return err;
}

static enum hufu_err compose_body(const struct sealed *s, const struct store_draft *d, struct composed *c)
{
	struct writer plain, aad;
	enum hufu_err err = HUFU_OK;

	writer_init(&plain, d->private_object);
	writer_init(&aad, false);
	row_encode_body(&plain, d);
	row_body_aad(&aad, s->token_id, &c->row);
	if (plain.bad)
		err = HUFU_ERR_NO_MEMORY;
	else if (d->private_object)
		err = write_sealed(&c->body, &s->keys->token.seal, &aad, view_of(&plain));
	else
		write_bytes(&c->body, plain.data, plain.len);
	writer_clear(&plain);
	writer_clear(&aad);
	c->row.body = view_of(&c->body);
	return c->body.bad ? HUFU_ERR_NO_MEMORY : err;
}

static enum hufu_err seal_copy(const struct sealed *s, const struct store_draft *d, const struct composed *c,
                               const struct store_copy *copy, struct writer *sealed)
{
	struct row_head head = {d->object_class, d->key_type, d->policy};
	struct view domain = {(const uint8_t *)copy->domain, strlen(copy->domain)};
	struct writer aad;

	writer_init(&aad, false);
	row_copy_aad(&aad, s->token_id, &c->row, &head, copy->kind, domain);
	enum hufu_err err =
		write_sealed(sealed, &ring_of(s, d->private_object)->seal, &aad, (struct view){copy->data, copy->len});
	writer_clear(&aad);
	return sealed->bad ? HUFU_ERR_NO_MEMORY : err;
}

static enum hufu_err compose_copies(const struct sealed *s, const struct store_draft *d, struct composed *c)
{
	struct writer data[STORE_COPIES_MAX];
	struct sealed_copy sealed[STORE_COPIES_MAX];
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; i < d->ncopies; i++)
		writer_init(&data[i], false);
	for (size_t i = 0; !err && i < d->ncopies; i++) {
		const struct store_copy *copy = &d->copies[i];
		err = seal_copy(s, d, c, copy, &data[i]);
		sealed[i] = (struct sealed_copy){
			copy->kind, {(const uint8_t *)copy->domain, strlen(copy->domain)}, view_of(&data[i])};
	}
	if (!err)
		row_encode_copies(&c->copies, sealed, d->ncopies);
	for (size_t i = 0; i < d->ncopies; i++)
		writer_clear(&data[i]);
	c->row.copies = view_of(&c->copies);
	return c->copies.bad ? HUFU_ERR_NO_MEMORY : err;
}

static bool lookup_has(struct view lookup, const uint8_t entry[LOOKUP_LEN])
{
	for (size_t at = 0; at + LOOKUP_LEN <= lookup.len; at += LOOKUP_LEN)
		if (memcmp(lookup.p + at, entry, LOOKUP_LEN) == 0)
			return true;
	return false;
}

static enum hufu_err compose_lookup(const struct sealed *s, const struct store_draft *d, struct composed *c)
{
	for (size_t i = 0; i < d->nattrs; i++) {
		const struct store_attr *a = &d->attrs[i];
		uint8_t entry[LOOKUP_LEN];
		if (!a->indexed)
			continue;
		ring_lookup(ring_of(s, d->private_object), a->type, a->value, a->len, entry);
		if (!lookup_has(view_of(&c->lookup), entry))
			write_bytes(&c->lookup, entry, sizeof(entry));
	}
	c->row.lookup = view_of(&c->lookup);
	return c->lookup.bad ? HUFU_ERR_NO_MEMORY : HUFU_OK;
}

/* Last: over all the rest. */
static void compose_macs(const struct sealed *s, const struct store_draft *d, struct composed *c)
{
	c->row.host_mac = c->row.token_mac = (struct view){0};
	if (s->keys->unlocked && (d->private_object || !d->unproven)) {
		row_token_mac(&s->keys->token, s->token_id, &c->row, c->token_mac);
		c->row.token_mac = (struct view){c->token_mac, MAC_LEN};
	}
	if (!c->row.private_object) {
		row_host_mac(&s->keys->host, s->token_id, &c->row, c->host_mac);
		c->row.host_mac = (struct view){c->host_mac, MAC_LEN};
	}
}

/* c->row has uuid, version, material; kept: copies that stay as they are. Cleared by the caller on any outcome. */
static enum hufu_err compose(const struct sealed *s, const struct store_draft *d, struct view kept, struct composed *c)
{
	writer_init(&c->body, false);
	writer_init(&c->copies, false);
	writer_init(&c->lookup, false);
	c->row.private_object = d->private_object;
	enum hufu_err err = compose_body(s, d, c);
	if (!err)
		err = compose_copies(s, d, c);
	if (!err && !d->ncopies)
		c->row.copies = kept;
	if (!err)
		err = compose_lookup(s, d, c);
	if (!err)
		compose_macs(s, d, c);
	return err;
}

/* -- writing -------------------------------------------------------------------------------- */

#define ROW_CELLS(row) { \
	cell_bytes((row)->uuid, UUID_LEN), cell_number((row)->private_object), cell_number((int64_t)(row)->version), \
	cell_number((int64_t)(row)->material), cell_view((row)->host_mac), cell_view((row)->token_mac), \
	cell_view((row)->lookup), cell_view((row)->copies), cell_view((row)->body)}

/* row->seq is where it stands now. */
static enum hufu_err insert_row(struct sealed *s, struct row_image *row)
{
	const struct cell args[] = ROW_CELLS(row);
	struct cell seq;
	bool found;
	enum hufu_err err = db_row(s, ASK_OBJECT_INSERT, args, &seq, &found);

	row->seq = seq.number;
	return !err && !found ? log_bug() : err;
}

static enum hufu_err update_row(struct sealed *s, const struct row_image *row)
{
	const struct cell args[] = ROW_CELLS(row);

	return db_run(s, ASK_OBJECT_UPDATE, args);
}

/* For every entry of lookup that except lacks. */
static enum hufu_err write_lookup(struct sealed *s, enum ask ask, struct view lookup, struct view except, int64_t seq)
{
	enum hufu_err err = HUFU_OK;

	for (size_t at = 0; !err && at < lookup.len; at += LOOKUP_LEN) {
		const uint8_t *entry = lookup.p + at;
		if (lookup_has(except, entry))
			continue;
		const struct cell args[] = {cell_bytes(entry, LOOKUP_LEN), cell_number(seq)};
		err = db_run(s, ask, args);
	}
	return err;
}

static enum hufu_err op_id_of(const struct store_draft *d, uint8_t op_id[16])
{
	static const uint8_t none[16];

	if (memcmp(d->op_id, none, sizeof(none)) == 0)
		return rand_bytes(op_id, 16);
	memcpy(op_id, d->op_id, 16);
	return HUFU_OK;
}

/* Has this op id made an object already? Of another request: HUFU_ERR_CONFLICT. */
static enum hufu_err find_made(struct sealed *s, const uint8_t uuid[16], bool *found)
{
	struct view made;
	uint8_t from[UUID_LEN] = {0}, to[UUID_LEN];

	memset(to, 0xff, sizeof(to));
	memcpy(from, uuid, UUID_OP_LEN);
	memcpy(to, uuid, UUID_OP_LEN);
	struct cell cell, args[] = {cell_bytes(from, UUID_LEN), cell_bytes(to, UUID_LEN)};
	enum hufu_err err = db_row(s, ASK_OBJECT_OF_OP, args, &cell, found);
	if (err || !*found)
		return err;
	bool same = cell_is(&cell, UUID_LEN, UUID_LEN, &made) && memcmp(made.p, uuid, UUID_LEN) == 0;
	return same ? HUFU_OK : HUFU_ERR_CONFLICT;
}

/*
 * An op may be repeated that has come to its end long ago: a line held its first attempt up, another machine made the object, and
 * somebody has removed it since. It was made, and is not made again, as far back as the journal goes.
 */
static enum hufu_err find_removed(struct sealed *s, const struct store_draft *d, const uint8_t uuid[16], bool *found)
{
	static const uint8_t none[16];
	struct cell cell, arg = cell_bytes(uuid, UUID_LEN);

	*found = false;
	return memcmp(d->op_id, none, sizeof(none)) == 0 ? HUFU_OK : db_row(s, ASK_JOURNAL_NAMES, &arg, &cell, found);
}

/* The object's id comes from the op id: a second row of one op cannot exist, whoever repeats it. */
static enum hufu_err insert_in_tx(struct sealed *s, const struct store_draft *d, uint8_t uuid[16])
{
	bool found;
	uint8_t op_id[16];
	struct composed c = {.row = {.version = 1, .material = 1}};

	if (d->private_object && !s->keys->unlocked)
		return HUFU_ERR_LOCKED;
	enum hufu_err err = op_id_of(d, op_id);
	if (err)
		return err;
	ring_uuid(&s->keys->host, op_id, d->request, uuid);
	err = find_made(s, uuid, &found);
	if (!err && !found)
		err = find_removed(s, d, uuid, &found);
	if (err || found)
		return err;
	memcpy(c.row.uuid, uuid, UUID_LEN);
	err = compose(s, d, (struct view){0}, &c);
	if (!err)
		err = insert_row(s, &c.row);
	if (!err)
		err = write_lookup(s, ASK_LOOKUP_INSERT, c.row.lookup, (struct view){0}, c.row.seq);
	composed_clear(&c);
	return err;
}

enum hufu_err sealed_insert_all(struct store *base, const struct store_draft *d, size_t n, uint8_t (*uuids)[16])
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = HUFU_OK;

	for (size_t i = 0; !err && i < n; i++)
		err = row_check(&d[i]);
	if (!err)
		err = sealed_enter(s, TX_WRITE);
	if (err)
		return err;
	for (size_t i = 0; !err && i < n; i++)
		err = insert_in_tx(s, &d[i], uuids[i]);
	return sealed_leave(s, TX_WRITE, err);
}

static bool same_head(const struct store_row *row, const struct store_draft *d)
{
	return row->private_object == d->private_object && row->object_class == d->object_class && row->key_type == d->key_type &&
	       row->policy == d->policy;
}

static enum hufu_err replace_row(struct sealed *s, const struct row_image *old, const struct store_draft *d)
{
	struct composed c = {.row = {.seq = old->seq, .version = old->version + 1, .material = old->material + (d->ncopies > 0)}};

	memcpy(c.row.uuid, old->uuid, UUID_LEN);
	enum hufu_err err = compose(s, d, old->copies, &c);
	if (!err)
		err = update_row(s, &c.row);
	if (!err)
		err = write_lookup(s, ASK_LOOKUP_DELETE, old->lookup, c.row.lookup, old->seq);
	if (!err)
		err = write_lookup(s, ASK_LOOKUP_INSERT, c.row.lookup, old->lookup, old->seq);
	composed_clear(&c);
	return err;
}

static enum hufu_err update_in_tx(struct sealed *s, const uint8_t uuid[16], uint64_t version, const struct store_draft *d)
{
	struct row_image image;
	struct store_row *row = NULL;
	enum hufu_err err = load(s, uuid, &image, &row);

	if (!err && row->version != version)
		err = HUFU_ERR_CONFLICT;
	if (!err && !same_head(row, d))
		err = HUFU_ERR_ARGUMENT;
	if (!err)
		err = replace_row(s, &image, d);
	store_row_free(row);
	return err;
}

enum hufu_err sealed_update(struct store *base, const uint8_t uuid[16], uint64_t version, const struct store_draft *d)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = row_check(d);
	if (!err)
		err = sealed_enter(s, TX_WRITE);
	return err ? err : sealed_leave(s, TX_WRITE, update_in_tx(s, uuid, version, d));
}

/* A row that fails its check can be deleted too: there is no other way to be rid of it. */
static enum hufu_err delete_in_tx(struct sealed *s, const uint8_t uuid[16], uint64_t version)
{
	bool found;
	struct row_image row;
	struct cell cells[ASK_CELLS_MAX], arg = cell_bytes(uuid, UUID_LEN);
	enum hufu_err err = db_row(s, ASK_OBJECT_READ, &arg, cells, &found);
	if (err || !found)
		return err ? err : HUFU_ERR_NOT_FOUND;
	if (!object_columns(cells, &row))
		row.lookup = (struct view){0};
	if (version && row.version != version)
		return HUFU_ERR_CONFLICT;
	if (row.private_object && !s->keys->unlocked)
		return HUFU_ERR_LOCKED;
	err = write_lookup(s, ASK_LOOKUP_DELETE, row.lookup, (struct view){0}, row.seq);
	if (err)
		return err;
	return db_run(s, ASK_OBJECT_DELETE, &arg);
}

enum hufu_err sealed_delete(struct store *base, const uint8_t uuid[16], uint64_t version)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = sealed_enter(s, TX_WRITE);

	return err ? err : sealed_leave(s, TX_WRITE, delete_in_tx(s, uuid, version));
}
