/* SPDX-License-Identifier: Apache-2.0 */
/* An object about to be published: in the store, or among the session objects. */
#ifndef TOKEN_DRAFT_H
#define TOKEN_DRAFT_H

#include "token/object.h"

struct draft {
	bool on_token, private_object;
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;
	uint32_t policy;
	const struct attrs *attrs;
	const struct pool_copy *copies; /* of the key; none for a public key, whose point is an attribute */
	size_t ncopies;
	bool unproven;                  /* draft_unproven, of the object that this one copies */
	const uint8_t *op_id;           /* 16 bytes, or NULL */
	uint8_t request[32];            /* digest of what the op id stands for */
};

/* May this session make such an object? CKR_USER_NOT_LOGGED_IN, CKR_SESSION_READ_ONLY. */
CK_RV draft_allowed(struct session *, bool on_token, bool private_object);
/*
 * The attributes of an object as a template changes them, into an empty list.
 * Trust that does not count (it was not set under a login) is not carried over,
 * lest a later change under one make it count. False: out of memory.
 */
bool draft_change(struct attrs *, const struct object *, const CK_ATTRIBUTE *, CK_ULONG n) MUST_CHECK;
/*
 * What was made without a login stays so, whoever changes or copies it: a
 * planted wrapping key would else become one that counts by being given a
 * label. The SO's trust, in the new attributes, vouches for it.
 */
bool draft_unproven(const struct object *, const struct attrs *);
/* CKA_UNIQUE_ID, a random UUID as text (RFC 9562). */
CK_RV draft_set_unique_id(struct attrs *);
CK_RV draft_publish(struct session *, const struct draft *, CK_OBJECT_HANDLE *);
/* The row of a token object takes on these attributes; its copies stay. HUFU_ERR_CONFLICT: it has changed since. */
enum hufu_err draft_update(const struct object *, const struct attrs *) MUST_CHECK;
/* The same with other copies, all of them, and attributes as they are. */
enum hufu_err draft_update_copies(const struct object *, const struct pool_copy *, size_t n) MUST_CHECK;
/* A snapshot of a session object: attributes as given, key shared with the older one. NULL: out of memory. */
struct object *draft_snapshot(const struct object *older, const struct attrs *);

#endif
