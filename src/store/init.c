/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a token, and making it anew. A new file is built beside its place and
 * put there whole; an existing one is emptied in one transaction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
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

/* -- a new file -------------------------------------------------------------------------- */

/* Everything in the one file, nothing left in a log beside it. */
static enum hufu_err flush(struct sealed *s)
{
	int left = 0;
	int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, NULL);

	return rc == SQLITE_OK ? HUFU_OK : db_fail(s, rc);
}

static enum hufu_err build(struct sealed *s, const struct fresh *f)
{
	enum hufu_err err = db_open(s, &schema_current);
	if (!err)
		err = db_exec(s, "BEGIN IMMEDIATE");
	if (!err)
		err = fresh_write(s, f);
	if (!err)
		err = db_exec(s, "COMMIT");
	if (!err)
		err = flush(s);
	db_close(s, false);
	return err;
}

/* s has path with a suffix for its path: nobody else knows it. */
static enum hufu_err build_and_publish(struct sealed *s, const char *path, const struct fresh *f)
{
	int fd;

	file_remove_db(s->conf.path); /* of somebody who died here */
	enum hufu_err err = file_create(s->conf.path, &fd);
	if (err)
		return err;
	close(fd);
	s->deadline = deadline_in(s->conf.deadline_ms);
	err = build(s, f);
	if (!err) {
		file_remove_leftovers(path); /* a log without its file: it would be replayed into ours */
		err = file_publish(s->conf.path, path);
	}
	file_remove_db(s->conf.path);
	return err;
}

static enum hufu_err create(const struct store_conf *conf, const uint8_t *pin, size_t len, const char label[STORE_LABEL_LEN])
{
	struct sealed *s = NULL;
	struct fresh *fresh = NULL;
	struct store_conf beside = *conf;
	char *path = file_beside(conf->path, ".init");
	enum hufu_err err = path ? HUFU_OK : HUFU_ERR_NO_MEMORY;

	beside.path = path;
	if (!err)
		err = sealed_new(&beside, &s);
	if (!err)
		err = host_secret_load(conf->host_secret, s->keys);
	if (!err)
		err = fresh_new(s, pin, len, label, &fresh);
	if (!err)
		err = build_and_publish(s, conf->path, fresh);
	secret_free(fresh);
	sealed_free(s);
	free(path);
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
		err = stmt_run(s, STMT_CLEAR_OBJECTS);
	if (!err)
		err = stmt_run(s, STMT_CLEAR_LOOKUP);
	if (!err)
		err = stmt_run(s, STMT_CLEAR_DOMAINS);
	if (!err)
		err = stmt_run(s, STMT_CLEAR_CREDENTIALS);
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
	if (!err) /* the old objects leave the log too, unless a reader holds it: then later */
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
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

static bool missing(const char *path)
{
	return access(path, F_OK) != 0 && errno == ENOENT;
}

/* The host secret has a directory lock of its own, so it comes first. */
static enum hufu_err host_secret_ready(const struct store_conf *conf)
{
	struct keys *keys = secret_alloc(sizeof(*keys));
	enum hufu_err err = keys ? host_secret_make(conf, keys) : HUFU_ERR_NO_MEMORY;

	secret_free(keys);
	return err;
}

enum hufu_err sealed_init(const struct store_conf *conf, const uint8_t *so_pin, size_t so_pin_len, const char label[STORE_LABEL_LEN])
{
	int lock;

	if (!conf->path || conf->path[0] != '/' || !label)
		return HUFU_ERR_ARGUMENT;
	enum hufu_err err = pin_check_len(conf, so_pin, so_pin_len);
	if (!err)
		err = file_make_parent(conf->path);
	if (!err && missing(conf->path))
		err = host_secret_ready(conf);
	if (!err)
		err = file_lock_parent(conf->path, conf->deadline_ms, &lock);
	if (err)
		return err;
	err = missing(conf->path) ? create(conf, so_pin, so_pin_len, label) : renew(conf, so_pin, so_pin_len, label);
	if (err == HUFU_ERR_EXISTS) /* made meanwhile by a process that the lock did not reach */
		err = renew(conf, so_pin, so_pin_len, label);
	close(lock);
	return err;
}
