/* SPDX-License-Identifier: Apache-2.0 */
/* The token's own row, its roles, who is logged in. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "store/internal.h"

static void token_mac(const struct ring *host, const uint8_t id[TOKEN_ID_LEN], const char label[STORE_LABEL_LEN],
                      uint8_t mac[MAC_LEN])
{
	uint8_t data[1 + TOKEN_ID_LEN + STORE_LABEL_LEN] = {USE_TOKEN};

	memcpy(data + 1, id, TOKEN_ID_LEN);
	memcpy(data + 1 + TOKEN_ID_LEN, label, STORE_LABEL_LEN);
	sm3_hmac(&host->mac, data, sizeof(data), mac);
}

/* -- the row ----------------------------------------------------------------------- */

struct token_row {
	struct view id, label, mac;
};

static enum hufu_err token_read(struct sealed *s, struct token_row *token)
{
	bool row;
	struct cell cells[3];
	enum hufu_err err = db_row(s, ASK_TOKEN_READ, NULL, cells, &row);
	if (err)
		return err;
	if (row && cell_is(&cells[0], TOKEN_ID_LEN, TOKEN_ID_LEN, &token->id) &&
	    cell_is(&cells[1], STORE_LABEL_LEN, STORE_LABEL_LEN, &token->label) &&
	    cell_is(&cells[2], MAC_LEN, MAC_LEN, &token->mac))
		return HUFU_OK;
	log_error("store %s: the token's row is missing or damaged. Restore the file from a backup", s->engine->name);
	return HUFU_ERR_STORE_CORRUPT;
}

/* Seen for the first time, or renewed by somebody: what was derived for the old id goes. */
static enum hufu_err adopt(struct sealed *s, const struct token_row *token)
{
	uint8_t mac[MAC_LEN];

	if (s->known)
		log_notice("store %s: the token was initialised anew; logins of the old one have ended", s->engine->name);
	s->known = false;
	token_lock(s);
	ring_init(&s->keys->host, "host", s->keys->host_secret, s->keys->host_secret_len, token->id.p);
	memcpy(s->token_id, token->id.p, TOKEN_ID_LEN);
	memcpy(s->label, token->label.p, STORE_LABEL_LEN);
	token_mac(&s->keys->host, s->token_id, s->label, mac);
	if (!secret_equal(mac, token->mac.p, MAC_LEN)) {
		log_error("store %s: the token's row fails its check: the host secret (%s) is another than it was made with, "
		          "or the file was changed. Restore what belongs together from a backup",
		          s->engine->name, s->conf.host_secret ? s->conf.host_secret : "none");
		return HUFU_ERR_STORE_CORRUPT;
	}
	s->known = true;
	return HUFU_OK;
}

enum hufu_err token_notice(struct sealed *s)
{
	struct token_row token;
	enum hufu_err err = token_read(s, &token);
	if (!err && (!s->known || memcmp(token.id.p, s->token_id, TOKEN_ID_LEN) != 0))
		err = adopt(s, &token);
	return err;
}

enum hufu_err token_write(struct sealed *s, const uint8_t id[TOKEN_ID_LEN], const char label[STORE_LABEL_LEN])
{
	uint8_t mac[MAC_LEN];

	token_mac(&s->keys->host, id, label, mac);
	const struct cell args[] = {cell_bytes(id, TOKEN_ID_LEN), cell_bytes(label, STORE_LABEL_LEN), cell_bytes(mac, sizeof(mac))};
	return db_run(s, ASK_TOKEN_WRITE, args);
}

/* -- roles --------------------------------------------------------------------------- */

static struct view wrapped_of(const struct role_row *r)
{
	return (struct view){r->wrapped, r->pin_set ? sizeof(r->wrapped) : 0};
}

static enum hufu_err role_mac(const struct sealed *s, enum store_role role, const struct role_row *r, uint8_t mac[MAC_LEN])
{
	struct writer w;

	writer_init(&w, false);
	write_u8(&w, USE_ROLE);
	write_bytes(&w, s->token_id, TOKEN_ID_LEN);
	write_u8(&w, (uint8_t)role);
	write_u64(&w, r->epoch);
	write_u32(&w, r->tries);
	write_u32(&w, r->settled);
	write_u64(&w, r->failed_ns);
	write_u32(&w, r->iterations);
	write_bytes(&w, r->salt, sizeof(r->salt));
	write_bytes(&w, wrapped_of(r).p, wrapped_of(r).len);
	if (!w.bad)
		sm3_hmac(&s->keys->host.mac, w.data, w.len, mac);
	enum hufu_err err = w.bad ? HUFU_ERR_NO_MEMORY : HUFU_OK;
	writer_clear(&w);
	return err;
}

/* A column within 0..max. */
static bool column_u64(const struct cell *cell, uint64_t max, uint64_t *value)
{
	*value = (uint64_t)cell->number;
	return cell->number >= 0 && *value <= max;
}

static bool role_columns(const struct cell *cells, struct role_row *r, struct view *mac)
{
	uint64_t tries, settled, iterations;
	struct view salt, wrapped;
	bool ok = column_u64(&cells[0], INT64_MAX, &r->epoch) && column_u64(&cells[1], UINT32_MAX, &tries) &&
	          column_u64(&cells[2], UINT32_MAX, &settled) && column_u64(&cells[3], INT64_MAX, &r->failed_ns) &&
	          column_u64(&cells[4], PIN_ITERATIONS_MAX, &iterations) && cell_is(&cells[5], PIN_SALT_LEN, PIN_SALT_LEN, &salt) &&
	          cell_is(&cells[6], 0, sizeof(r->wrapped), &wrapped) && cell_is(&cells[7], MAC_LEN, MAC_LEN, mac);
	if (!ok || iterations < PIN_ITERATIONS_MIN || (wrapped.len && wrapped.len != sizeof(r->wrapped)))
		return false;
	r->tries = (uint32_t)tries;
	r->settled = (uint32_t)settled;
	r->iterations = (uint32_t)iterations;
	memcpy(r->salt, salt.p, PIN_SALT_LEN);
	r->pin_set = wrapped.len != 0;
	if (r->pin_set)
		memcpy(r->wrapped, wrapped.p, wrapped.len);
	return true;
}

enum hufu_err role_read(struct sealed *s, enum store_role role, struct role_row *r)
{
	bool row;
	uint8_t mac[MAC_LEN];
	struct view stored;
	struct cell cells[ASK_CELLS_MAX], arg = cell_number(role);

	*r = (struct role_row){0};
	enum hufu_err err = db_row(s, ASK_ROLE_READ, &arg, cells, &row);
	if (err)
		return err;
	bool good = row && role_columns(cells, r, &stored);
	if (good)
		err = role_mac(s, role, r, mac);
	if (err || (good && secret_equal(mac, stored.p, MAC_LEN)))
		return err;
	log_error("store %s: the row of the %s's PIN was changed by somebody else or is damaged. Restore the file from a backup",
	          s->engine->name, role == STORE_SO ? "security officer" : "user");
	return HUFU_ERR_STORE_CORRUPT;
}

enum hufu_err role_write(struct sealed *s, enum store_role role, const struct role_row *r)
{
	uint8_t mac[MAC_LEN];
	enum hufu_err err = role_mac(s, role, r, mac);
	if (err)
		return err;
	const struct cell args[] = {
		cell_number(role), cell_number((int64_t)r->epoch), cell_number(r->tries), cell_number(r->settled),
		cell_number((int64_t)r->failed_ns), cell_number(r->iterations), cell_bytes(r->salt, sizeof(r->salt)),
		cell_view(wrapped_of(r)), cell_bytes(mac, sizeof(mac)),
	};
	return db_run(s, ASK_ROLE_WRITE, args);
}

/* -- logins ----------------------------------------------------------------------------- */

void token_unlock(struct sealed *s, const uint8_t token_key[TOKEN_KEY_LEN])
{
	memcpy(s->keys->token_key, token_key, TOKEN_KEY_LEN);
	ring_init(&s->keys->token, "token", token_key, TOKEN_KEY_LEN, s->token_id);
	s->keys->unlocked = true;
}

void token_lock(struct sealed *s)
{
	s->keys->unlocked = false;
	secret_wipe(s->keys->token_key, TOKEN_KEY_LEN);
	secret_wipe(&s->keys->token, sizeof(s->keys->token));
}

enum hufu_err sealed_login(struct store *base, enum store_role role, const uint8_t *pin, size_t pin_len, bool sparing)
{
	struct sealed *s = sealed_of(base);
	struct pin_proof *proof = secret_alloc(sizeof(*proof));
	if (!proof)
		return HUFU_ERR_NO_MEMORY;
	proof->sparing = sparing;
	enum hufu_err err = pin_prove(s, role, pin, pin_len, proof);
	if (!err)
		err = sealed_enter(s, TX_READ);
	if (!err) {
		/* Renewed since: that PIN was another token's. */
		if (memcmp(proof->token_id, s->token_id, TOKEN_ID_LEN) != 0)
			err = HUFU_ERR_PIN;
		else
			token_unlock(s, proof->token_key);
		err = sealed_leave(s, TX_READ, err);
	}
	secret_free(proof);
	return err;
}

void sealed_logout(struct store *base)
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_lock(&s->lock);
	token_lock(s);
	pthread_mutex_unlock(&s->lock);
}

bool sealed_unlocked(struct store *base)
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_lock(&s->lock);
	bool unlocked = s->keys->unlocked;
	pthread_mutex_unlock(&s->lock);
	return unlocked;
}

/* -- a login elsewhere ------------------------------------------------------------------- */

enum hufu_err sealed_role_epoch(struct store *base, enum store_role role, uint64_t *epoch)
{
	struct sealed *s = sealed_of(base);
	struct role_row r;
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	err = role_read(s, role, &r);
	*epoch = r.epoch;
	return sealed_leave(s, TX_READ, err);
}

enum hufu_err sealed_token_key(struct store *base, uint8_t key[STORE_TOKEN_KEY_LEN])
{
	struct sealed *s = sealed_of(base);
	pthread_mutex_lock(&s->lock);
	bool unlocked = s->keys->unlocked;
	if (unlocked)
		memcpy(key, s->keys->token_key, STORE_TOKEN_KEY_LEN);
	pthread_mutex_unlock(&s->lock);
	return unlocked ? HUFU_OK : HUFU_ERR_LOCKED;
}

enum hufu_err sealed_unlock(struct store *base, const uint8_t token_id[TOKEN_ID_LEN], const uint8_t key[STORE_TOKEN_KEY_LEN])
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	if (memcmp(token_id, s->token_id, TOKEN_ID_LEN) != 0)
		err = HUFU_ERR_EXPIRED;
	else
		token_unlock(s, key);
	return sealed_leave(s, TX_READ, err);
}

/* -- what is known of it ------------------------------------------------------------------ */

static enum hufu_err role_info(struct sealed *s, enum store_role role, struct store_role_info *info)
{
	struct role_row r;
	enum hufu_err err = role_read(s, role, &r);
	if (err)
		return err;
	*info = (struct store_role_info){.pin_set = r.pin_set, .tries_left = UINT32_MAX, .tries_max = UINT32_MAX};
	if (role == STORE_USER) {
		info->tries_max = s->conf.user_tries;
		info->tries_left = r.tries < info->tries_max ? info->tries_max - r.tries : 0;
	} else {
		info->delay_s = pin_delay_s(s, &r);
	}
	return HUFU_OK;
}

enum hufu_err sealed_token(struct store *base, struct store_token *token)
{
	struct sealed *s = sealed_of(base);
	enum hufu_err err = sealed_enter(s, TX_READ);
	if (err)
		return err;
	memcpy(token->id, s->token_id, TOKEN_ID_LEN);
	memcpy(token->label, s->label, STORE_LABEL_LEN);
	token->read_only = s->engine->read_only;
	err = role_info(s, STORE_SO, &token->roles[STORE_SO]);
	if (!err)
		err = role_info(s, STORE_USER, &token->roles[STORE_USER]);
	return sealed_leave(s, TX_READ, err);
}
