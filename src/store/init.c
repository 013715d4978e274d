/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a token, and making it anew: an existing one is emptied in one
 * transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "rand/rand.h"
#include "store/internal.h"

/* All that a fresh token begins with. In secret memory. */
struct fresh {
	uint8_t id[TOKEN_ID_LEN];
	uint8_t token_key[TOKEN_KEY_LEN];
	char label[STORE_LABEL_LEN];
	struct role_row so, user;
};

static enum hufu_err fresh_new(const struct sealed *s, const uint8_t *pin, size_t len, const char label[STORE_LABEL_LEN],
                               struct fresh **out)
{
	struct fresh *f = secret_alloc(sizeof(*f));
	if (!f)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = rand_bytes(f->id, sizeof(f->id));
	if (!err)
		err = rand_bytes(f->token_key, sizeof(f->token_key));
	if (!err)
		err = pin_wrap(&s->conf, s->keys, f->id, STORE_SO, pin, len, f->token_key, &f->so);
	if (err) {
		secret_free(f);
		return err;
	}
	memcpy(f->label, label, sizeof(f->label));
	f->so.epoch = f->user.epoch = 1;
	f->user.iterations = s->conf.pin_iterations;
	*out = f;
	return HUFU_OK;
}

/* Within a transaction, on empty tables or over the old rows. From here on s has the keys of the new token. */
static enum hufu_err fresh_write(struct sealed *s, const struct fresh *f)
{
	token_lock(s);
	memcpy(s->token_id, f->id, TOKEN_ID_LEN);
	s->known = false; /* until the next look: this may yet be rolled back */
	ring_init(&s->keys->host, "host", s->keys->host_secret, s->keys->host_secret_len, f->id);
	enum hufu_err err = token_write(s, f->id, f->label);
	if (!err)
		err = role_write(s, STORE_SO, &f->so);
	if (!err)
		err = role_write(s, STORE_USER, &f->user);
	return err;
}

/* -- a new one -------------------------------------------------------------------------- */

struct filling {
	struct sealed *s;
	const struct fresh *fresh;
};

static enum hufu_err fill(void *arg, struct engine *engine)
{
	const struct filling *f = arg;
	struct engine *own = f->s->engine;

	f->s->engine = engine; /* where it is made is not yet where it will be */
	change_begin(f->s);
	f->s->head = (struct head){0};
	enum hufu_err err = fresh_write(f->s, f->fresh);
	if (!err)
		err = change_end(f->s);
	f->s->engine = own;
	if (!err)
		head_forget(f->s);
	return err;
}

static enum hufu_err create(struct sealed *s, const uint8_t *pin, size_t len, const char label[STORE_LABEL_LEN])
{
	struct fresh *fresh = NULL;
	enum hufu_err err = host_secret_make(&s->conf, s->keys);
	if (!err)
		err = fresh_new(s, pin, len, label, &fresh);
	if (!err)
		err = s->engine->kind->create(s->engine, fill, &(struct filling){s, fresh});
	if (!err)
		head_made(s);
	secret_free(fresh);
	return err;
}

/* -- an existing one ----------------------------------------------------------------------- */

static enum hufu_err renew_in_tx(struct sealed *s, const struct pin_proof *proof, const struct fresh *f)
{
	struct role_row so;
	enum hufu_err err = role_read(s, STORE_SO, &so);

	/* Changed or renewed by another since we checked the PIN. */
	if (!err && (so.epoch != proof->row.epoch || memcmp(s->token_id, proof->token_id, TOKEN_ID_LEN) != 0))
		err = HUFU_ERR_PIN;
	if (!err)
		err = db_run(s, ASK_CLEAR_OBJECTS, NULL);
	if (!err)
		err = db_run(s, ASK_CLEAR_LOOKUP, NULL);
	if (!err)
		err = db_run(s, ASK_CLEAR_DOMAINS, NULL);
	if (!err)
		err = db_run(s, ASK_CLEAR_CREDENTIALS, NULL);
	return err ? err : fresh_write(s, f);
}

static enum hufu_err renew_proven(struct sealed *s, const uint8_t *pin, size_t len, const char label[STORE_LABEL_LEN],
                                  const struct pin_proof *proof)
{
	struct fresh *fresh = NULL;
	enum hufu_err err = fresh_new(s, pin, len, label, &fresh);
	if (!err)
		err = sealed_enter(s, TX_WRITE);
	if (!err)
		err = sealed_leave(s, TX_WRITE, renew_in_tx(s, proof, fresh));
	secret_free(fresh);
	if (!err && s->engine->kind->tidy)
		s->engine->kind->tidy(s->engine);
	return err;
}

static enum hufu_err renew(const struct store_conf *conf, const uint8_t *pin, size_t len, const char label[STORE_LABEL_LEN])
{
	struct store *base;
	enum hufu_err err = sealed_open(conf, &base);
	if (err)
		return err;
	struct sealed *s = sealed_of(base);
	struct pin_proof *proof = secret_alloc(sizeof(*proof));
	err = proof ? pin_prove(s, STORE_SO, pin, len, proof) : HUFU_ERR_NO_MEMORY;
	if (!err)
		err = renew_proven(s, pin, len, label, proof);
	secret_free(proof);
	sealed_close(base);
	return err;
}

/* HUFU_ERR_EXISTS: there is one. */
static enum hufu_err create_if_missing(const struct store_conf *conf, const uint8_t *pin, size_t len,
                                       const char label[STORE_LABEL_LEN])
{
	struct sealed *s;
	enum hufu_err err = sealed_new(conf, &s);
	if (err)
		return err;
	err = s->engine->kind->there(s->engine);
	if (err == HUFU_ERR_STORE_MISSING)
		err = create(s, pin, len, label);
	else if (!err)
		err = HUFU_ERR_EXISTS;
	sealed_free(s);
	return err;
}

enum hufu_err sealed_init(const struct store_conf *conf, const uint8_t *so_pin, size_t so_pin_len, const char label[STORE_LABEL_LEN])
{
	if (!label)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = pin_check_len(conf, so_pin, so_pin_len);
	if (!err)
		err = create_if_missing(conf, so_pin, so_pin_len, label);
	return err == HUFU_ERR_EXISTS ? renew(conf, so_pin, so_pin_len, label) : err;
}
