/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The copies of a key: made when it is made, one for every enrolled domain that
 * it may be in, and later for domains that were enrolled since or were out then.
 *
 * A copy travels between domains encrypted for the other one, from WRAP to UNWRAP,
 * where devices do that; else as the clear value, from EXPORT to IMPORT, in
 * secret memory. A key that is hardware-only does the latter only if it may be
 * wrapped by anybody anyway (CKA_EXTRACTABLE).
 *
 * A key that a device keeps (HUFU_COPY_INDEX), or that a key which it keeps opens
 * (RECIPE), stays in its domain: only a value that is brought in goes to others.
 */
#ifndef TOKEN_COPIES_H
#define TOKEN_COPIES_H

#include "token/attr.h"
#include "token/domains.h"

struct object;
struct session;

/* What a key's attributes allow its copies. */
struct copy_policy {
	bool hardware_only, extractable;
};

struct copies {
	struct targets targets;         /* whose names the copies point to */
	enum hufu_key_type type;
	bool hardware_only;             /* as the policy said that they were made by */
	struct pool_copy list[STORE_COPIES_MAX]; /* data in secret memory */
	size_t n;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
	uint8_t sample[32];             /* what a fixed op with the key gives, by which copies are known to be of one key */
	size_t sample_len;              /* 0: not asked for, or no device does such an op */
	bool on_host;                   /* made by software that is no device of the token */
	bool left_device;               /* made by a device; its value was on this host since */
};

struct copy_policy copy_policy_of(const struct attrs *);
/* May the clear value be on this host on its way from one domain to another? */
bool copies_may_travel(struct copy_policy);

/*
 * A clear value, taken in by every domain that takes it: at least one, and the
 * codes of the first otherwise. copies_clear, whatever the code.
 */
CK_RV copies_import(struct token *, struct copy_policy, enum hufu_key_type, const uint8_t *value, size_t len, struct copies *);
/* A new key, of op: verb, mechanism, new_type, new_len, param, op_id. */
CK_RV copies_generate(struct token *, struct copy_policy, const struct hufu_op *, struct copies *);
/*
 * A key that one of the devices with the unwrapping key opens itself, so that its value is never on this host; of wanted:
 * key, mechanism, param, in, new_type. CKR_FUNCTION_NOT_SUPPORTED: none does. CKR_ENCRYPTED_DATA_INVALID and kin.
 */
CK_RV copies_unwrap(struct token *, struct copy_policy, const struct pool_request *wanted, struct copies *);
void copies_clear(struct copies *);

/*
 * A key of the store that is about to be used: gives it the copies that it lacks and
 * may have, and replaces *key, as it is then, under its handle. Looks once a change of
 * what is enrolled, or once a minute while one is missing; takes a second at most;
 * whatever fails, the key stays as it is.
 */
void copies_complete(struct session *, struct object **key);

#endif
