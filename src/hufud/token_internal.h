/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the role TOKEN share; its tests look in here too. */
#ifndef HUFUD_TOKEN_INTERNAL_H
#define HUFUD_TOKEN_INTERNAL_H

#include "base/object_row.h"
#include "hufud/tenant_internal.h"
#include "hufud/ticket.h"
#include "hufud/token.h"
#include "wire/store_op.h"

/* -- token_side.c: the stores, and who may read them -------------------------------- */

/*
 * Two handles on one store: the shut one serves whoever has no ticket, the open one whoever has. What a ticket opens
 * is shut again when the last one that this machine gave or took has ended.
 */
struct caller {
	struct token_side *side;
	struct store *store;       /* the handle that is this caller's */
	bool user, so;             /* by a ticket */
	uint64_t epoch;            /* the ticket's */
};

/*
 * HUFU_ERR_STORE_MISSING: there is no token yet; EXPIRED: the ticket is none of this client's, or died. ticket NULL: anybody. Waits
 * for the store, unless what it knows of it is fresh.
 */
enum hufu_err caller_of(struct request *, const uint8_t *ticket, size_t len, struct caller *) MUST_CHECK;
/* caller_of from memory alone; HUFU_ERR_BUSY: it would have to wait. */
enum hufu_err caller_from_memory(struct request *, const uint8_t *ticket, size_t len, struct caller *) MUST_CHECK;

/* Differs from an earlier one when the store was changed, by whomever. */
uint64_t side_changes(struct token_side *);
/* What this process itself has changed is seen at once. */
void side_changed(struct token_side *);
struct row_cache *side_rows(struct token_side *);
struct tenant *side_tenant(struct token_side *);

enum hufu_err side_init(struct request *, const struct wire_store *) MUST_CHECK;
/* For whom there is a caller. */
void side_token(struct token_side *, struct store_token *);
/* ticket: appended; empty where the request brought one of this role already, and its PIN alone was to be checked. */
enum hufu_err side_login(struct request *, const struct wire_store *, struct writer *ticket, uint32_t *ticket_s) MUST_CHECK;
enum hufu_err side_renew(struct request *, const struct wire_store *, struct writer *ticket, uint32_t *ticket_s) MUST_CHECK;
void side_logout(struct request *, const struct wire_store *);
enum hufu_err side_init_pin(struct request *, const struct wire_store *) MUST_CHECK;
/* ticket: for whoever came with one of this role; else empty. */
enum hufu_err side_set_pin(struct request *, const struct wire_store *, struct writer *ticket, uint32_t *ticket_s) MUST_CHECK;

/* -- token_login.c: logins that were answered ------------------------------------------ */

/*
 * A LOGIN whose answer was lost comes again, with the same op id: it is the same try, and has the same answer. And tickets
 * that were given back.
 */
struct login_memory;
/* What a PIN is tried for: that of one token, until it is changed. */
struct login_target {
	uint8_t token_id[16];
	uint64_t epoch;
};
enum hufu_err login_memory_new(struct login_memory **) MUST_CHECK;
void login_memory_free(struct login_memory *);
enum login_state { LOGIN_NEW, LOGIN_UNDER_WAY, LOGIN_ANSWERED };
/* LOGIN_NEW: the caller answers it (login_answer). LOGIN_ANSWERED: *err is what it was. */
enum login_state login_begin(struct login_memory *, const struct channel_peer *, const struct login_target *,
                             const struct wire_store *,
                             enum hufu_err *err);
void login_answer(struct login_memory *, const struct channel_peer *, const struct login_target *, const struct wire_store *,
                  enum hufu_err);
void login_retire(struct login_memory *, const uint8_t *ticket, size_t len, int64_t ends);
bool login_is_retired(struct login_memory *, const uint8_t *ticket, size_t len);

/* -- token_rows.c: objects ----------------------------------------------------------------- */

enum hufu_err rows_insert(const struct caller *, struct request *, const struct wire_store *, uint8_t (*uuids)[16]) MUST_CHECK;
enum hufu_err rows_get(const struct caller *, const uint8_t uuid[16], struct store_row **) MUST_CHECK;
enum hufu_err rows_update(const struct caller *, struct request *, const struct wire_store *) MUST_CHECK;
enum hufu_err rows_delete(const struct caller *, struct request *, const struct wire_store *) MUST_CHECK;
/* *uuids: free() it. */
enum hufu_err rows_find(const struct caller *, const struct wire_store *, uint8_t (**uuids)[16], size_t *n) MUST_CHECK;

/* -- token_key.c: keys of rows ---------------------------------------------------------------- */

/* The version of a row as it is now, or was before its store went down. */
enum hufu_err key_version(const struct caller *, const uint8_t uuid[16], uint64_t *version) MUST_CHECK;

/* -- token_rules.c: what clients may do to rows, whatever their token layer says -------------- */

/* HUFU_ERR_KEY_USE. */
enum hufu_err rules_new(const struct caller *, const struct conf_token *, const struct store_draft *) MUST_CHECK;
/* later: the same object, or a copy of it. */
enum hufu_err rules_change(const struct caller *, const struct conf_token *, const struct store_row *now,
                           const struct store_draft *later) MUST_CHECK;
enum hufu_err rules_copy(const struct caller *, const struct conf_token *, const struct store_row *from,
                         const struct store_draft *) MUST_CHECK;
/* CKA_LABEL, as rules of access may name it: empty where there is none, and where it is none that a rule could name. */
void rules_label(const struct store_attr *, size_t nattrs, char label[CONF_RULE_LABEL_MAX + 1]);
/* The type of a key's material; false: a row of this class and key type holds none. */
bool rules_key_type(uint64_t object_class, uint64_t key_type, enum hufu_key_type *);

/* What an op may do with a key, as its row says. */
struct facts {
	enum hufu_key_type type;
	uint64_t object_class;
	uint32_t uses;             /* bits of facts_use */
	bool private_object, by_login;
	bool sensitive, extractable, trusted, wrap_with_trusted, hardware_only, local, of_password, templates;
	char label[CONF_RULE_LABEL_MAX + 1];
};
enum facts_use { USE_ENCRYPT = 1, USE_DECRYPT = 2, USE_SIGN = 4, USE_VERIFY = 8, USE_WRAP = 16, USE_UNWRAP = 32, USE_DERIVE = 64,
                USE_RECOVER = 128,
                 HAS_ENCRYPTED = 256, HAS_DECRYPTED = 512, HAS_WRAPPED = 1024, HAS_UNWRAPPED = 2048 };
/* HUFU_ERR_KEY_TYPE: it is no key. */
enum hufu_err facts_of(const struct store_row *, struct facts *) MUST_CHECK;
/* HUFU_ERR_KEY_USE. is_subject: it is what is wrapped, or the second key of an agreement. */
enum hufu_err facts_allow(const struct facts *, const struct conf_token *, const struct hufu_op *, bool is_subject) MUST_CHECK;

/* -- row_cache.c: keys of rows, as the pool knows them ------------------------------------------ */

struct row_cache;
enum hufu_err row_cache_new(struct row_cache **) MUST_CHECK;
void row_cache_free(struct row_cache *);
/* False: it is not there, or was read before changes. *key is held. */
bool row_cache_get(struct row_cache *, const uint8_t uuid[16], uint64_t changes, struct facts *, struct pool_key **key,
                   uint64_t *version);
/* The same, however old. */
bool row_cache_get_stale(struct row_cache *, const uint8_t uuid[16], struct facts *, struct pool_key **key, uint64_t *version);
/* It was read when the store was as changes says; or it was asked, and is as it was. Holds key for itself. */
void row_cache_put(struct row_cache *, const uint8_t uuid[16], uint64_t version, uint64_t changes, const struct facts *,
                   struct pool_key *key);
void row_cache_confirm(struct row_cache *, const uint8_t uuid[16], uint64_t version, uint64_t changes);
void row_cache_drop(struct row_cache *, const uint8_t uuid[16]);
void row_cache_drop_all(struct row_cache *);

#endif
