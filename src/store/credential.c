/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of devices. A row is MACed by both rings, so that it can be listed
 * without a login; its value is sealed by the token ring, for its domain and name alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "store/internal.h"

#define AAD_MAX (1 + TOKEN_ID_LEN + 1 + STORE_DOMAIN_MAX + STORE_CREDENTIAL_NAME_MAX)

/* A row as it stands on disk. */
struct credential_image {
	struct view domain, name, sealed, host_mac, token_mac;
	uint64_t set_s;
	bool refused;
};

static bool columns(const struct cell *cells, struct credential_image *c)
{
	int64_t set = cells[2].number, refused = cells[3].number;

	c->set_s = (uint64_t)set;
	c->refused = refused != 0;
	return set >= 0 && (refused == 0 || refused == 1) && cell_is(&cells[0], 1, STORE_DOMAIN_MAX, &c->domain) &&
	       !memchr(c->domain.p, 0, c->domain.len) && cell_is(&cells[1], 1, STORE_CREDENTIAL_NAME_MAX, &c->name) &&
	       !memchr(c->name.p, 0, c->name.len) &&
	       cell_is(&cells[4], SEAL_OVERHEAD + 1, SEAL_OVERHEAD + STORE_CREDENTIAL_MAX, &c->sealed) &&
	       cell_is(&cells[5], MAC_LEN, MAC_LEN, &c->host_mac) && cell_is(&cells[6], MAC_LEN, MAC_LEN, &c->token_mac);
}

/* -- what is bound ------------------------------------------------------------ */

static void write_view(struct writer *w, struct view v)
{
	write_u32(w, (uint32_t)v.len);
	write_bytes(w, v.p, v.len);
}

/* False: out of memory. */
static bool mac_of(const struct sealed *s, const struct ring *ring, enum ring_use use, const struct credential_image *c,
                   uint8_t mac[MAC_LEN])
{
	struct writer w;

	writer_init(&w, false);
	write_u8(&w, (uint8_t)use);
	write_bytes(&w, s->token_id, TOKEN_ID_LEN);
	write_view(&w, c->domain);
	write_view(&w, c->name);
	write_u64(&w, c->set_s);
	write_u8(&w, c->refused);
	write_view(&w, c->sealed);
	if (use == USE_CREDENTIAL_HOST)
		write_view(&w, c->token_mac);
	bool ok = !w.bad;
	if (ok)
		sm3_hmac(&ring->mac, w.data, w.len, mac);
	writer_clear(&w);
	return ok;
}

static bool mac_is(const struct sealed *s, const struct ring *ring, enum ring_use use, const struct credential_image *c,
                   struct view stored)
{
	uint8_t mac[MAC_LEN];

	return mac_of(s, ring, use, c, mac) && secret_equal(mac, stored.p, MAC_LEN);
}

static bool is_good(const struct sealed *s, const struct credential_image *c)
{
	if (!mac_is(s, &s->keys->host, USE_CREDENTIAL_HOST, c, c->host_mac))
		return false;
	return !s->keys->unlocked || mac_is(s, &s->keys->token, USE_CREDENTIAL_TOKEN, c, c->token_mac);
}

/* The domain's length keeps it apart from the name. */
static size_t aad_of(const struct sealed *s, const struct credential_image *c, uint8_t aad[AAD_MAX])
{
	uint8_t *p = aad;

	*p++ = USE_CREDENTIAL;
	memcpy(p, s->token_id, TOKEN_ID_LEN);
	p += TOKEN_ID_LEN;
	*p++ = (uint8_t)c->domain.len;
	memcpy(p, c->domain.p, c->domain.len);
	p += c->domain.len;
	memcpy(p, c->name.p, c->name.len);
	return (size_t)(p - aad) + c->name.len;
}

/* -- reading ------------------------------------------------------------------ */

static enum hufu_err open_value(const struct sealed *s, const struct credential_image *c, struct store_credential *out)
{
	uint8_t aad[AAD_MAX];
	size_t aad_len = aad_of(s, c, aad), len = c->sealed.len - SEAL_OVERHEAD;
	uint8_t *value = secret_alloc(len);

	if (!value)
		return HUFU_ERR_NO_MEMORY;
	if (!seal_open(&s->keys->token.seal, aad, aad_len, c->sealed.p, c->sealed.len, value)) {
		secret_free(value);
		return HUFU_ERR_STORE_CORRUPT;
	}
	out->value = value;
	out->len = len;
	return HUFU_OK;
}

static enum hufu_err open_credential(const struct sealed *s, const struct credential_image *c, struct store_credential *out)
{
	*out = (struct store_credential){.set_s = c->set_s, .refused = c->refused};
	memcpy(out->domain, c->domain.p, c->domain.len);
	memcpy(out->name, c->name.p, c->name.len);
	return s->keys->unlocked ? open_value(s, c, out) : HUFU_OK;
}

static void report_bad(const struct sealed *s, const struct cell *cells)
{
	struct view domain;
	bool named = cell_is(&cells[0], 1, STORE_DOMAIN_MAX, &domain);

	log_error("store %s: the row of a credential for domain %.*s fails its check and is refused: somebody changed it, or the disk "
	          "did. Set it anew (hufu device password set)",
	          s->engine->name, named ? (int)domain.len : 1, named ? (const char *)domain.p : "?");
}

/* The next good one; *found false: there is none any more. nbad: of those that were passed by. */
static enum hufu_err next_good(struct sealed *s, struct credential_image *c, bool *found, uint64_t *nbad)
{
	struct cell cells[ASK_CELLS_MAX];

	for (;;) {
		enum hufu_err err = db_next(s, ASK_CREDENTIAL_NEXT, cells, found);
		if (err || !*found)
			return err;
		if (columns(cells, c) && is_good(s, c))
			return HUFU_OK;
		++*nbad;
		report_bad(s, cells);
	}
}

static enum hufu_err read_all(struct sealed *s, struct store_credential *list, size_t *n, uint64_t *nbad)
{
	struct credential_image image;
	bool found;
	enum hufu_err err = db_ask(s, ASK_CREDENTIAL_NEXT, NULL);

	while (!err) {
		err = next_good(s, &image, &found, nbad);
		if (err || !found || *n == STORE_CREDENTIALS_MAX)
			return err;
		err = open_credential(s, &image, &list[*n]);
		if (err)
			return err;
		++*n;
	}
	return err;
}

enum hufu_err sealed_credentials(struct store *base, struct store_credential **out, size_t *n)
{
	struct sealed *s = sealed_of(base);
	struct store_credential *list = calloc(STORE_CREDENTIALS_MAX, sizeof(*list));
	uint64_t nbad = 0;

	*n = 0;
	*out = NULL;
	if (!list)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (!err)
		err = sealed_leave(s, TX_READ, read_all(s, list, n, &nbad));
	if (err) {
		store_credentials_free(list, *n);
		*n = 0;
		return err;
	}
	*out = list;
	return HUFU_OK;
}

void store_credentials_free(struct store_credential *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		secret_free(list[i].value);
	free(list);
}

enum hufu_err credentials_check(struct sealed *s, uint64_t *n, uint64_t *nbad)
{
	struct credential_image image;
	struct store_credential opened;
	bool found;
	enum hufu_err err = db_ask(s, ASK_CREDENTIAL_NEXT, NULL);

	while (!err) {
		err = next_good(s, &image, &found, nbad);
		if (err || !found)
			return err;
		++*n;
		err = open_credential(s, &image, &opened);
		secret_free(opened.value);
		if (err == HUFU_ERR_STORE_CORRUPT) {
			++*nbad;
			err = HUFU_OK;
		}
	}
	return err;
}

/* -- writing ------------------------------------------------------------------ */

/* What a new row is made of. */
struct composed {
	struct credential_image row;
	uint8_t sealed[STORE_CREDENTIAL_MAX + SEAL_OVERHEAD], host_mac[MAC_LEN], token_mac[MAC_LEN];
};

static enum hufu_err compose(const struct sealed *s, const struct store_credential *c, struct composed *out)
{
	uint8_t aad[AAD_MAX];

	out->row = (struct credential_image){
		.domain = {(const uint8_t *)c->domain, strlen(c->domain)}, .name = {(const uint8_t *)c->name, strlen(c->name)},
		.set_s = c->set_s, .refused = c->refused, .sealed = {out->sealed, c->len + SEAL_OVERHEAD},
	};
	size_t aad_len = aad_of(s, &out->row, aad);
	enum hufu_err err = seal_close(&s->keys->token.seal, aad, aad_len, c->value, c->len, out->sealed);
	if (!err && !mac_of(s, &s->keys->token, USE_CREDENTIAL_TOKEN, &out->row, out->token_mac))
		err = HUFU_ERR_NO_MEMORY;
	out->row.token_mac = (struct view){out->token_mac, MAC_LEN};
	if (!err && !mac_of(s, &s->keys->host, USE_CREDENTIAL_HOST, &out->row, out->host_mac))
		err = HUFU_ERR_NO_MEMORY;
	out->row.host_mac = (struct view){out->host_mac, MAC_LEN};
	return err;
}

static enum hufu_err write_row(struct sealed *s, const struct store_credential *c)
{
	struct composed composed;
	enum hufu_err err = compose(s, c, &composed);

	if (err)
		return err;
	const struct credential_image *row = &composed.row;
	const struct cell args[] = {
		cell_view(row->domain), cell_view(row->name), cell_number((int64_t)row->set_s), cell_number(row->refused),
		cell_view(row->sealed), cell_view(row->host_mac), cell_view(row->token_mac),
	};
	return db_run(s, ASK_CREDENTIAL_WRITE, args);
}

/* The good row of this name, in list; NULL: there is none. */
static struct store_credential *find(struct store_credential *list, size_t n, const struct store_credential *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].domain, wanted->domain) == 0 && strcmp(list[i].name, wanted->name) == 0)
			return &list[i];
	return NULL;
}

typedef enum hufu_err (*change_fn)(struct sealed *, const struct store_credential *, struct store_credential *list, size_t n);

static enum hufu_err change_in_tx(struct sealed *s, const struct store_credential *c, change_fn change)
{
	struct store_credential *list = calloc(STORE_CREDENTIALS_MAX, sizeof(*list));
	uint64_t nbad = 0;
	size_t n = 0;

	if (!list)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = s->keys->unlocked ? read_all(s, list, &n, &nbad) : HUFU_ERR_LOCKED;
	if (!err)
		err = change(s, c, list, n);
	store_credentials_free(list, n);
	return err;
}

static bool is_name(const char *text, size_t space)
{
	size_t len = strnlen(text, space);

	return len && len < space;
}

static enum hufu_err change(struct sealed *s, const struct store_credential *c, change_fn how)
{
	if (!is_name(c->domain, sizeof(c->domain)) || !is_name(c->name, sizeof(c->name)))
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = sealed_enter(s, TX_WRITE);

	return err ? err : sealed_leave(s, TX_WRITE, change_in_tx(s, c, how));
}

/* Later than the one in its place, whatever the clock says: by this the same value counts as set anew. */
static enum hufu_err set(struct sealed *s, const struct store_credential *c, struct store_credential *list, size_t n)
{
	const struct store_credential *old = find(list, n, c);
	struct store_credential anew = *c;

	if (!old && n == STORE_CREDENTIALS_MAX)
		return HUFU_ERR_STORE_FULL;
	if (old && anew.set_s <= old->set_s && old->set_s < INT64_MAX)
		anew.set_s = old->set_s + 1;
	return write_row(s, &anew);
}

enum hufu_err sealed_credential_set(struct store *base, const struct store_credential *c)
{
	struct sealed *s = sealed_of(base);
	if (!c->value || !c->len || c->len > STORE_CREDENTIAL_MAX || c->set_s > INT64_MAX)
		return HUFU_ERR_ARGUMENT;
	return change(s, c, set);
}

/* What was presented, not what was set since, were it the same value. */
static enum hufu_err refuse(struct sealed *s, const struct store_credential *c, struct store_credential *list, size_t n)
{
	struct store_credential *row = find(list, n, c);

	if (!row)
		return HUFU_ERR_NOT_FOUND;
	if (row->set_s != c->set_s || row->len != c->len || !secret_equal(row->value, c->value, c->len))
		return HUFU_ERR_CONFLICT;
	row->refused = true;
	return write_row(s, row);
}

enum hufu_err sealed_credential_refuse(struct store *base, const struct store_credential *c)
{
	struct sealed *s = sealed_of(base);
	return c->value ? change(s, c, refuse) : HUFU_ERR_ARGUMENT;
}

/* A row that fails its check goes, too. */
static enum hufu_err remove_row(struct sealed *s, const struct store_credential *c, struct store_credential *list, size_t n)
{
	const struct cell args[] = {cell_bytes(c->domain, strlen(c->domain)), cell_bytes(c->name, strlen(c->name))};
	struct cell gone;
	bool found;

	(void)list, (void)n;
	enum hufu_err err = db_row(s, ASK_CREDENTIAL_DELETE, args, &gone, &found);
	return err || found ? err : HUFU_ERR_NOT_FOUND;
}

enum hufu_err sealed_credential_remove(struct store *base, const char *domain, const char *name)
{
	struct sealed *s = sealed_of(base);
	struct store_credential c = {.set_s = 0};

	if (strlen(domain) >= sizeof(c.domain) || strlen(name) >= sizeof(c.name))
		return HUFU_ERR_ARGUMENT;
	memcpy(c.domain, domain, strlen(domain));
	memcpy(c.name, name, strlen(name));
	return change(s, &c, remove_row);
}
