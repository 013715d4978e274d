/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding, by keyed hashes of values. The first attribute's matches are walked,
 * the others probed for each: the time depends on those matches alone. The
 * index is not trusted: who can write it can hide a row or propose a wrong one,
 * and store_get refuses that.
 */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

struct query {
	size_t n;
	uint8_t (*public_hash)[LOOKUP_LEN], (*private_hash)[LOOKUP_LEN];
	bool with_private;
};

struct found {
	uint8_t (*uuids)[UUID_LEN];
	size_t n, cap;
};

static enum hufu_err found_add(struct found *f, struct view uuid)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 16;
		uint8_t(*grown)[UUID_LEN] = reallocarray(f->uuids, cap, UUID_LEN);
		if (!grown)
			return HUFU_ERR_NO_MEMORY;
		f->uuids = grown;
		f->cap = cap;
	}
	memcpy(f->uuids[f->n++], uuid.p, UUID_LEN);
	return HUFU_OK;
}

static enum hufu_err query_init(struct query *q, const struct sealed *s, const struct store_attr *attrs, size_t n)
{
	q->n = n;
	q->public_hash = calloc(n, LOOKUP_LEN);
	q->private_hash = calloc(n, LOOKUP_LEN);
	if (!q->public_hash || !q->private_hash)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		const struct store_attr *a = &attrs[i];
		ring_lookup(&s->keys->host, a->type, a->value, a->len, q->public_hash[i]);
		if (q->with_private)
			ring_lookup(&s->keys->token, a->type, a->value, a->len, q->private_hash[i]);
	}
	return HUFU_OK;
}

static void query_clear(struct query *q)
{
	free(q->public_hash);
	free(q->private_hash);
}

/* Does the object have all the other attributes too? */
static enum hufu_err probe_rest(struct sealed *s, const struct query *q, int64_t seq, bool private_object, bool *all)
{
	enum hufu_err err = HUFU_OK;

	*all = true;
	for (size_t i = 1; !err && *all && i < q->n; i++) {
		const uint8_t *hash = private_object ? q->private_hash[i] : q->public_hash[i];
		struct cell there, args[] = {cell_bytes(hash, LOOKUP_LEN), cell_number(seq)};
		err = db_row(s, ASK_LOOKUP_PROBE, args, &there, all);
	}
	return err;
}

static enum hufu_err candidate(struct sealed *s, const struct query *q, const struct cell *cells, struct found *f)
{
	struct view uuid;
	bool all, private_object = cells[1].number != 0;

	if ((private_object && !q->with_private) || !cell_is(&cells[2], UUID_LEN, UUID_LEN, &uuid))
		return HUFU_OK;
	enum hufu_err err = probe_rest(s, q, cells[0].number, private_object, &all);
	return !err && all ? found_add(f, uuid) : err;
}

static enum hufu_err find_matching(struct sealed *s, const struct query *q, struct found *f)
{
	bool row;
	enum hufu_err err;
	struct cell cells[3], args[] = {cell_bytes(q->public_hash[0], LOOKUP_LEN), {.type = CELL_NONE}};

	if (q->with_private)
		args[1] = cell_bytes(q->private_hash[0], LOOKUP_LEN);
	for (err = db_row(s, ASK_FIND, args, cells, &row); !err && row; err = db_next(s, ASK_FIND, cells, &row)) {
		err = candidate(s, q, cells, f);
		if (err)
			return err;
	}
	return err;
}

static enum hufu_err find_all(struct sealed *s, bool with_private, struct found *f)
{
	bool row;
	enum hufu_err err;
	struct view uuid;
	struct cell cell, arg = cell_number(with_private);

	for (err = db_row(s, ASK_FIND_ALL, &arg, &cell, &row); !err && row; err = db_next(s, ASK_FIND_ALL, &cell, &row)) {
		if (cell_is(&cell, UUID_LEN, UUID_LEN, &uuid))
			err = found_add(f, uuid);
		if (err)
			return err;
	}
	return err;
}

static enum hufu_err find_in_tx(struct sealed *s, const struct store_attr *attrs, size_t n, bool with_private, struct found *f)
{
	struct query q = {.with_private = with_private && s->keys->unlocked};

	if (!n)
		return find_all(s, q.with_private, f);
	enum hufu_err err = query_init(&q, s, attrs, n);
	if (!err)
		err = find_matching(s, &q, f);
	query_clear(&q);
	return err;
}

enum hufu_err sealed_find(struct store *base, const struct store_attr *attrs, size_t nattrs, bool with_private,
                         uint8_t (**uuids)[16], size_t *n)
{
	struct sealed *s = sealed_of(base);
	struct found f = {0};
	enum hufu_err err = nattrs > STORE_ATTRS_MAX ? HUFU_ERR_DATA_LEN : sealed_enter(s, TX_READ);
	if (err)
		return err;
	err = sealed_leave(s, TX_READ, find_in_tx(s, attrs, nattrs, with_private, &f));
	if (err) {
		free(f.uuids);
		return err;
	}
	*uuids = f.uuids;
	*n = f.n;
	return HUFU_OK;
}
