/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolled domains. A row is MACed by both rings, so that it can be listed
 * without a login and counts as the officer's word under one; its proof is
 * sealed by the token ring.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "store/internal.h"

#define PROOF_HEAD_LEN 4 /* u32 kind, before the copy */
#define CHALLENGE_LEN 16
#define SECRET_HEAD_LEN (4 + 2 * CHALLENGE_LEN) /* by a secret key then u32 its type, challenge, answer */
#define PROOF_MAX (PROOF_HEAD_LEN + SECRET_HEAD_LEN + STORE_VALUE_MAX)

/* A row as it stands on disk. */
struct domain_image {
	struct view name, identity, point, proof, host_mac, token_mac;
	uint64_t enrolled_s;
};

static bool columns(const struct cell *cells, struct domain_image *d)
{
	int64_t enrolled = cells[2].number;

	d->enrolled_s = (uint64_t)enrolled;
	return enrolled >= 0 && cell_is(&cells[0], 1, STORE_DOMAIN_MAX, &d->name) && !memchr(d->name.p, 0, d->name.len) &&
	       cell_is(&cells[1], 16, 16, &d->identity) && cell_is(&cells[3], 0, 64, &d->point) &&
	       cell_is(&cells[4], 0, PROOF_MAX + SEAL_OVERHEAD, &d->proof) && cell_is(&cells[5], MAC_LEN, MAC_LEN, &d->host_mac) &&
	       cell_is(&cells[6], MAC_LEN, MAC_LEN, &d->token_mac) &&
	       (d->point.len == 64 ? d->proof.len > SEAL_OVERHEAD + PROOF_HEAD_LEN :
	                             !d->point.len && (!d->proof.len || d->proof.len > SEAL_OVERHEAD + PROOF_HEAD_LEN + SECRET_HEAD_LEN));
}

/* -- what is bound ------------------------------------------------------------ */

static void write_view(struct writer *w, struct view v)
{
	write_u32(w, (uint32_t)v.len);
	write_bytes(w, v.p, v.len);
}

/* False: out of memory. */
static bool mac_of(const struct sealed *s, const struct ring *ring, enum ring_use use, const struct domain_image *d,
                   uint8_t mac[MAC_LEN])
{
	struct writer w;

	writer_init(&w, false);
	write_u8(&w, (uint8_t)use);
	write_bytes(&w, s->token_id, TOKEN_ID_LEN);
	write_view(&w, d->name);
	write_view(&w, d->identity);
	write_u64(&w, d->enrolled_s);
	write_view(&w, d->point);
	write_view(&w, d->proof);
	if (use == USE_DOMAIN_HOST)
		write_view(&w, d->token_mac);
	bool ok = !w.bad;
	if (ok)
		sm3_hmac(&ring->mac, w.data, w.len, mac);
	writer_clear(&w);
	return ok;
}

static bool mac_is(const struct sealed *s, const struct ring *ring, enum ring_use use, const struct domain_image *d,
                   struct view stored)
{
	uint8_t mac[MAC_LEN];

	return mac_of(s, ring, use, d, mac) && secret_equal(mac, stored.p, MAC_LEN);
}

static bool is_good(const struct sealed *s, const struct domain_image *d)
{
	if (!mac_is(s, &s->keys->host, USE_DOMAIN_HOST, d, d->host_mac))
		return false;
	return !s->keys->unlocked || mac_is(s, &s->keys->token, USE_DOMAIN_TOKEN, d, d->token_mac);
}

static void proof_aad(const struct sealed *s, struct view name, uint8_t aad[1 + TOKEN_ID_LEN + STORE_DOMAIN_MAX])
{
	aad[0] = USE_PROOF;
	memcpy(aad + 1, s->token_id, TOKEN_ID_LEN);
	memcpy(aad + 1 + TOKEN_ID_LEN, name.p, name.len);
}

/* -- reading ------------------------------------------------------------------ */

static enum hufu_err open_proof(const struct sealed *s, const struct domain_image *d, struct store_domain *out)
{
	uint8_t aad[1 + TOKEN_ID_LEN + STORE_DOMAIN_MAX];
	size_t len = d->proof.len - SEAL_OVERHEAD;
	uint8_t *plain = secret_alloc(len);

	if (!plain)
		return HUFU_ERR_NO_MEMORY;
	proof_aad(s, d->name, aad);
	if (!seal_open(&s->keys->token.seal, aad, 1 + TOKEN_ID_LEN + d->name.len, d->proof.p, d->proof.len, plain)) {
		secret_free(plain);
		return HUFU_ERR_STORE_CORRUPT;
	}
	struct reader r = reader_of(plain, len);
	out->proof_kind = read_u32(&r);
	if (out->secret) {
		out->secret_type = read_u32(&r);
		read_copy(&r, out->challenge, CHALLENGE_LEN);
		read_copy(&r, out->answer, CHALLENGE_LEN);
	}
	size_t head_len = PROOF_HEAD_LEN + (out->secret ? SECRET_HEAD_LEN : 0);
	out->proof_len = len - head_len;
	memmove(plain, plain + head_len, out->proof_len);
	out->proof = plain;
	return HUFU_OK;
}

static enum hufu_err open_domain(const struct sealed *s, const struct domain_image *d, struct store_domain *out)
{
	*out = (struct store_domain){.enrolled_s = d->enrolled_s, .has_proof = d->proof.len != 0,
	                             .secret = d->proof.len != 0 && !d->point.len};
	memcpy(out->name, d->name.p, d->name.len);
	memcpy(out->identity, d->identity.p, sizeof(out->identity));
	if (!out->has_proof)
		return HUFU_OK;
	if (!out->secret)
		memcpy(out->point, d->point.p, sizeof(out->point));
	return s->keys->unlocked ? open_proof(s, d, out) : HUFU_OK;
}

static void report_bad(const struct sealed *s, const struct cell *cells)
{
	struct view name;
	bool named = cell_is(&cells[0], 1, STORE_DOMAIN_MAX, &name);

	log_error("store %s: the row of the enrolled domain %.*s fails its check and is refused: somebody changed it, or the disk "
	          "did. Log in as security officer to enrol it again",
	          s->engine->name, named ? (int)name.len : 1, named ? (const char *)name.p : "?");
}

/* The next good one; *found false: there is none any more. nbad: of those that were passed by. */
static enum hufu_err next_good(struct sealed *s, struct domain_image *d, bool *found, uint64_t *nbad)
{
	struct cell cells[ASK_CELLS_MAX];

	for (;;) {
		enum hufu_err err = db_next(s, ASK_DOMAIN_NEXT, cells, found);
		if (err || !*found)
			return err;
		if (columns(cells, d) && is_good(s, d))
			return HUFU_OK;
		++*nbad;
		report_bad(s, cells);
	}
}

static enum hufu_err read_all(struct sealed *s, struct store_domain *list, size_t *n)
{
	struct domain_image image;
	bool found;
	uint64_t nbad = 0;
	enum hufu_err err = db_ask(s, ASK_DOMAIN_NEXT, NULL);

	while (!err) {
		err = next_good(s, &image, &found, &nbad);
		if (err || !found || *n == STORE_DOMAINS_MAX)
			return err;
		err = open_domain(s, &image, &list[*n]);
		if (err)
			return err;
		++*n;
	}
	return err;
}

enum hufu_err sealed_domains(struct store *base, struct store_domain **out, size_t *n)
{
	struct sealed *s = sealed_of(base);
	struct store_domain *list = calloc(STORE_DOMAINS_MAX, sizeof(*list));

	*n = 0;
	*out = NULL;
	if (!list)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (!err)
		err = sealed_leave(s, TX_READ, read_all(s, list, n));
	if (err) {
		store_domains_free(list, *n);
		*n = 0;
		return err;
	}
	*out = list;
	return HUFU_OK;
}

void store_domains_free(struct store_domain *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		secret_free(list[i].proof);
	free(list);
}

enum hufu_err domains_check(struct sealed *s, uint64_t *n, uint64_t *nbad)
{
	struct domain_image image;
	struct store_domain opened;
	bool found;
	enum hufu_err err = db_ask(s, ASK_DOMAIN_NEXT, NULL);

	while (!err) {
		err = next_good(s, &image, &found, nbad);
		if (err || !found)
			return err;
		++*n;
		err = open_domain(s, &image, &opened);
		secret_free(opened.proof);
		if (err == HUFU_ERR_STORE_CORRUPT) {
			++*nbad;
			err = HUFU_OK;
		}
	}
	return err;
}

/* -- adding ------------------------------------------------------------------- */

/* What a new row is made of. */
struct composed_domain {
	struct domain_image row;
	struct writer plain;
	uint8_t *sealed;
	uint8_t host_mac[MAC_LEN], token_mac[MAC_LEN];
};

static enum hufu_err seal_proof(const struct sealed *s, const struct store_domain *d, struct composed_domain *c)
{
	uint8_t aad[1 + TOKEN_ID_LEN + STORE_DOMAIN_MAX];

	write_u32(&c->plain, d->proof_kind);
	if (d->secret) {
		write_u32(&c->plain, d->secret_type);
		write_bytes(&c->plain, d->challenge, sizeof(d->challenge));
		write_bytes(&c->plain, d->answer, sizeof(d->answer));
	}
	write_bytes(&c->plain, d->proof, d->proof_len);
	c->sealed = malloc(c->plain.len + SEAL_OVERHEAD);
	if (c->plain.bad || !c->sealed)
		return HUFU_ERR_NO_MEMORY;
	proof_aad(s, c->row.name, aad);
	c->row.point = (struct view){d->point, d->secret ? 0 : sizeof(d->point)};
	c->row.proof = (struct view){c->sealed, c->plain.len + SEAL_OVERHEAD};
	return seal_close(&s->keys->token.seal, aad, 1 + TOKEN_ID_LEN + c->row.name.len, c->plain.data, c->plain.len, c->sealed);
}

static enum hufu_err compose(const struct sealed *s, const struct store_domain *d, struct composed_domain *c)
{
	enum hufu_err err = HUFU_OK;

	c->row.name = (struct view){(const uint8_t *)d->name, strlen(d->name)};
	c->row.identity = (struct view){d->identity, sizeof(d->identity)};
	c->row.enrolled_s = d->enrolled_s;
	if (d->has_proof)
		err = seal_proof(s, d, c);
	if (!err && !mac_of(s, &s->keys->token, USE_DOMAIN_TOKEN, &c->row, c->token_mac))
		err = HUFU_ERR_NO_MEMORY;
	c->row.token_mac = (struct view){c->token_mac, MAC_LEN};
	if (!err && !mac_of(s, &s->keys->host, USE_DOMAIN_HOST, &c->row, c->host_mac))
		err = HUFU_ERR_NO_MEMORY;
	c->row.host_mac = (struct view){c->host_mac, MAC_LEN};
	return err;
}

static enum hufu_err write_domain(struct sealed *s, const struct domain_image *row)
{
	const struct cell args[] = {
		cell_view(row->name), cell_view(row->identity), cell_number((int64_t)row->enrolled_s), cell_view(row->point),
		cell_view(row->proof), cell_view(row->host_mac), cell_view(row->token_mac),
	};
	return db_run(s, ASK_DOMAIN_WRITE, args);
}

/* Is there room for one of this name? A row that fails its check gives its place. */
static enum hufu_err find_place(struct sealed *s, struct view name)
{
	struct domain_image image;
	bool found;
	uint64_t nbad = 0;
	enum hufu_err err = db_ask(s, ASK_DOMAIN_NEXT, NULL);

	for (size_t n = 0;; n++) {
		if (!err)
			err = next_good(s, &image, &found, &nbad);
		if (err || !found)
			return err ? err : n < STORE_DOMAINS_MAX ? HUFU_OK : HUFU_ERR_STORE_FULL;
		if (image.name.len == name.len && memcmp(image.name.p, name.p, name.len) == 0)
			return HUFU_ERR_EXISTS;
	}
}

/* Sealed and written, in place of what has its name. */
static enum hufu_err put(struct sealed *s, const struct store_domain *d)
{
	struct composed_domain c = {0};

	writer_init(&c.plain, true);
	enum hufu_err err = compose(s, d, &c);
	if (!err)
		err = write_domain(s, &c.row);
	writer_clear(&c.plain);
	free(c.sealed);
	return err;
}

static enum hufu_err add_in_tx(struct sealed *s, const struct store_domain *d)
{
	struct view name = {(const uint8_t *)d->name, strlen(d->name)};

	if (!s->keys->unlocked)
		return HUFU_ERR_LOCKED;
	enum hufu_err err = find_place(s, name);
	return err ? err : put(s, d);
}

/* The row as it is, with this proof. */
static enum hufu_err prove_in_tx(struct sealed *s, const struct store_domain *d)
{
	struct domain_image image;
	struct store_domain row;
	bool found;
	uint64_t nbad = 0;

	if (!s->keys->unlocked)
		return HUFU_ERR_LOCKED;
	enum hufu_err err = db_ask(s, ASK_DOMAIN_NEXT, NULL);
	do {
		if (!err)
			err = next_good(s, &image, &found, &nbad);
		if (err || !found)
			return err ? err : HUFU_ERR_NOT_FOUND;
	} while (image.name.len != strlen(d->name) || memcmp(image.name.p, d->name, image.name.len) != 0);
	if (image.proof.len)
		return HUFU_ERR_EXISTS;
	err = open_domain(s, &image, &row);
	if (err)
		return err;
	struct store_domain proven = *d;
	memcpy(proven.identity, row.identity, sizeof(proven.identity));
	proven.enrolled_s = row.enrolled_s;
	return put(s, &proven);
}

static bool is_sound(const struct store_domain *d)
{
	size_t name_len = strnlen(d->name, sizeof(d->name));

	return name_len && name_len <= STORE_DOMAIN_MAX && d->enrolled_s <= INT64_MAX &&
	       (!d->has_proof || (d->proof && d->proof_len && d->proof_len <= STORE_VALUE_MAX));
}

enum hufu_err sealed_domain_prove(struct store *base, const struct store_domain *d)
{
	struct sealed *s = sealed_of(base);
	if (!is_sound(d) || !d->has_proof)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = sealed_enter(s, TX_WRITE);

	return err ? err : sealed_leave(s, TX_WRITE, prove_in_tx(s, d));
}

enum hufu_err sealed_domain_add(struct store *base, const struct store_domain *d)
{
	struct sealed *s = sealed_of(base);
	if (!is_sound(d))
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = sealed_enter(s, TX_WRITE);

	return err ? err : sealed_leave(s, TX_WRITE, add_in_tx(s, d));
}

/* -- of copies that are there --------------------------------------------------- */

struct names {
	char (*list)[STORE_DOMAIN_MAX + 1];
	size_t cap, n;
};

static void note_name(struct names *names, struct view name)
{
	for (size_t i = 0; i < names->n && i < names->cap; i++)
		if (strlen(names->list[i]) == name.len && memcmp(names->list[i], name.p, name.len) == 0)
			return;
	if (names->n < names->cap) {
		memcpy(names->list[names->n], name.p, name.len);
		names->list[names->n][name.len] = '\0';
	}
	names->n++;
}

static enum hufu_err note_all(struct sealed *s, struct names *names)
{
	struct row_image row;
	struct sealed_copy copies[STORE_COPIES_MAX];
	size_t n;
	bool found;
	struct cell cells[ASK_CELLS_MAX];
	enum hufu_err err = db_ask(s, ASK_OBJECT_NEXT, NULL);

	for (;;) {
		if (!err)
			err = db_next(s, ASK_OBJECT_NEXT, cells, &found);
		if (err || !found)
			return err;
		if (!object_columns(cells, &row) || object_check(s, &row) != ROW_GOOD || !row_decode_copies(row.copies, copies, &n))
			continue;
		for (size_t i = 0; i < n; i++)
			note_name(names, copies[i].domain);
	}
}

enum hufu_err sealed_copy_domains(struct store *base, char (*list)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n)
{
	struct sealed *s = sealed_of(base);
	struct names names = {.list = list, .cap = cap};
	enum hufu_err err = sealed_enter(s, TX_READ);

	if (!err)
		err = sealed_leave(s, TX_READ, note_all(s, &names));
	*n = names.n;
	return err;
}
