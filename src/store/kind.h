/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of store behind store.h: the sealed store, whose rows this process
 * reads and writes (internal.h), and the net store, whose calls cipher machines
 * answer (net/). Each function keeps the promise that store.h makes for the one
 * of its name; a kind's struct begins with its struct store.
 */
#ifndef STORE_KIND_H
#define STORE_KIND_H

#include "store/store.h"

struct store {
	const struct store_kind *kind;
};

struct store_kind {
	enum hufu_err (*init)(const struct store_conf *, const uint8_t *so_pin, size_t so_pin_len, const char label[STORE_LABEL_LEN]);
	/* *store is set, with its kind, where the answer is HUFU_OK. */
	enum hufu_err (*open)(const struct store_conf *, struct store **);
	void (*close)(struct store *);
	enum hufu_err (*token)(struct store *, struct store_token *);
	enum hufu_err (*login)(struct store *, enum store_role, const uint8_t *pin, size_t pin_len, bool sparing);
	void (*logout)(struct store *);
	bool (*unlocked)(struct store *);
	enum hufu_err (*init_pin)(struct store *, const uint8_t *pin, size_t pin_len);
	enum hufu_err (*set_pin)(struct store *, enum store_role, const uint8_t *old, size_t old_len, const uint8_t *pin,
	                         size_t pin_len);
	/* NULL: not of this kind. */
	enum hufu_err (*role_epoch)(struct store *, enum store_role, uint64_t *epoch);
	enum hufu_err (*token_key)(struct store *, uint8_t key[STORE_TOKEN_KEY_LEN]);
	enum hufu_err (*unlock)(struct store *, const uint8_t token_id[16], const uint8_t key[STORE_TOKEN_KEY_LEN]);

	enum hufu_err (*insert_all)(struct store *, const struct store_draft *, size_t n, uint8_t (*uuids)[16]);
	enum hufu_err (*get)(struct store *, const uint8_t uuid[16], struct store_row **); /* one block of secret memory */
	enum hufu_err (*update)(struct store *, const uint8_t uuid[16], uint64_t version, const struct store_draft *);
	enum hufu_err (*remove)(struct store *, const uint8_t uuid[16], uint64_t version);
	enum hufu_err (*version)(struct store *, const uint8_t uuid[16], uint64_t *version);
	enum hufu_err (*find)(struct store *, const struct store_attr *, size_t nattrs, bool with_private, uint8_t (**uuids)[16],
	                      size_t *n);
	enum hufu_err (*change_counter)(struct store *, uint64_t *counter);

	enum hufu_err (*domain_add)(struct store *, const struct store_domain *);
	enum hufu_err (*domain_prove)(struct store *, const struct store_domain *);
	enum hufu_err (*domains)(struct store *, struct store_domain **, size_t *n);
	enum hufu_err (*copy_domains)(struct store *, char (*names)[STORE_DOMAIN_MAX + 1], size_t cap, size_t *n);
	enum hufu_err (*credential_set)(struct store *, const struct store_credential *);
	enum hufu_err (*credential_refuse)(struct store *, const struct store_credential *);
	enum hufu_err (*credential_remove)(struct store *, const char *domain, const char *name);
	enum hufu_err (*credentials)(struct store *, struct store_credential **, size_t *n);

	enum hufu_err (*backup)(struct store *, const char *path);
	enum hufu_err (*verify)(struct store *, store_report_fn, void *arg, struct store_report *);

	/* NULL: this kind has none, HUFU_ERR_UNSUPPORTED. */
	enum hufu_err (*migrate)(struct store *, const struct store_conf *to);
	enum hufu_err (*status)(struct store *, struct store_status *);
	enum hufu_err (*accept_head)(struct store *, const uint8_t *so_pin, size_t so_pin_len);

	void (*before_fork)(struct store *);
	void (*after_fork_parent)(struct store *);
	void (*after_fork_child)(struct store *);
};

extern const struct store_kind store_sealed, store_net;

#endif
