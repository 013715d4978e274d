/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects (PKCS#11 section 4).
 *
 * A struct object is an immutable snapshot, counted by reference: changing an
 * attribute publishes a new snapshot under the same handle, so an operation
 * that runs keeps the key it began with. Token objects are loaded from the
 * store when first used and checked for change at every find and login and
 * within 100 ms elsewhere (token_refresh).
 */
#ifndef TOKEN_OBJECT_H
#define TOKEN_OBJECT_H

#include "token/attr.h"
#include "token/copies.h"
#include "token/session.h"

/* Immutable policy bits, bound into the seal of a key's copies (store_draft.policy). */
#define OBJECT_POLICY_SENSITIVE 0x1u     /* was created sensitive */
#define OBJECT_POLICY_NEVER_EXTRACTABLE 0x2u
#define OBJECT_POLICY_LOCAL 0x4u         /* generated on this token */
#define OBJECT_POLICY_WRAP_WITH_TRUSTED 0x8u
#define OBJECT_POLICY_HARDWARE_ONLY 0x10u /* never a copy in a domain that software is part of */

struct object {
	_Atomic uint32_t refs;
	struct token *token;
	CK_OBJECT_HANDLE handle;
	uint8_t uuid[16];
	uint64_t version;               /* of the store's row; 0 for session objects */
	uint64_t epoch;                 /* of the token when it was last known to be current (atomic access) */
	CK_SESSION_HANDLE session;      /* owner of a session object, 0 for token objects */
	uint32_t born;                  /* libcrypto_epoch() of the process that made it: another's here is from before a fork */
	bool private_object;
	bool by_login;                  /* may count as trusted or as a wrapping key */
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;           /* CK_UNAVAILABLE_INFORMATION for non-keys */
	uint32_t policy;
	struct attrs attrs;             /* all but the key material */
	struct pool_key *key;           /* keys with material: a reference; NULL else */
	_Atomic uint64_t copies_of, copies_due_ns; /* copies.c: domains_generation that they were compared with; when next */
};

/* Empty, with one reference; attrs in secret memory when private_object. NULL: out of memory. */
struct object *object_new(struct token *, bool private_object);
struct object *object_hold(struct object *);
void object_rele(struct object *);

/* What a row of the store says, as a snapshot; its key goes to the pool. */
CK_RV object_from_row(struct token *, CK_OBJECT_HANDLE, const struct store_row *, struct object **);
/* The device key type of a class and PKCS#11 key type; false: no such key material. */
bool object_material_type(CK_OBJECT_CLASS, CK_KEY_TYPE, enum hufu_key_type *);
/*
 * The pool's key of an object whose class, type, uuid and attributes are there.
 * A public key is made of its point, whatever copies there are.
 */
enum hufu_err object_attach_key(struct object *, uint64_t version, const struct pool_copy *, size_t n) MUST_CHECK;
/* May software serve its key while all hardware is out? */
bool object_falls_back(const struct object *);
/*
 * A new session object: gets its handle, is listed with its session. Takes over
 * the reference, also when it fails. CKR_USER_NOT_LOGGED_IN: the login that it
 * was made under has ended.
 */
CK_RV object_adopt(struct object *, CK_OBJECT_HANDLE *);

/* Visible to this session now, or CKR_OBJECT_HANDLE_INVALID (keys: the caller's code, CKR_KEY_HANDLE_INVALID and kin). A reference. */
CK_RV object_find(struct session *, CK_OBJECT_HANDLE, CK_RV invalid, struct object **);

struct curve;
struct key_form;

/* -- making objects -------------------------------------------------------- */

enum origin { ORIGIN_CREATE, ORIGIN_GENERATE, ORIGIN_UNWRAP, ORIGIN_DERIVE };

/*
 * A template checked against the rules of its class and origin (the footnotes
 * of table 10 and of the classes), with defaults filled in, before any key is
 * made. Made by object_plan, used up by object_commit, freed by plan_free.
 */
struct plan {
	enum origin origin;
	bool on_token, private_object;
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;
	const struct curve *curve;      /* that the template names; or NULL */
	struct attrs attrs;             /* complete but for what the material decides */
	struct attrs material;          /* CKA_VALUE and kin of ORIGIN_CREATE, secret; else empty */
};

/*
 * object_class and key_type: what the mechanism makes (CK_UNAVAILABLE_INFORMATION:
 * the template must say). CKR_TEMPLATE_INCOMPLETE, TEMPLATE_INCONSISTENT,
 * ATTRIBUTE_READ_ONLY, ATTRIBUTE_TYPE_INVALID, ATTRIBUTE_VALUE_INVALID,
 * SESSION_READ_ONLY, USER_NOT_LOGGED_IN, TOKEN_WRITE_PROTECTED.
 */
CK_RV object_plan(struct session *, enum origin, CK_OBJECT_CLASS, CK_KEY_TYPE, const CK_ATTRIBUTE *templ, CK_ULONG n, struct plan **);
void plan_free(struct plan *);
/* CKA_CLASS and the key type of a plan that no template made, and what its attributes leave out. False: out of memory. */
bool plan_set_defaults(struct plan *) MUST_CHECK;

/* What is known of a key beside its plan. */
struct material {
	const struct copies *copies;    /* with its public part, which is all of a public key */
	size_t value_len;               /* secret keys: CKA_VALUE_LEN */
	CK_MECHANISM_TYPE mechanism;    /* CKA_KEY_GEN_MECHANISM; CK_UNAVAILABLE_INFORMATION unless generated */
	uint8_t check_value[3];         /* secret keys */
	bool have_check_value;
	bool always_sensitive, never_extractable; /* derived and unwrapped keys: as the mechanism says */
};

/* Stores or lists it, gives the handle. op_id: of the request that made it (16 bytes) or NULL. The plan is freed by the caller. */
CK_RV object_commit(struct session *, const struct plan *, const struct material *, const uint8_t *op_id, CK_OBJECT_HANDLE *);

/* Both halves of a pair, or none. */
CK_RV object_commit_pair(struct session *, const struct plan *pub, const struct plan *priv, const struct material *,
                         const uint8_t *op_id, CK_OBJECT_HANDLE *hpub, CK_OBJECT_HANDLE *hpriv);
/* The rows of a key that a device keeps, which no session made: a pair, or one key (pub NULL). HUFU_ERR_CONFLICT: store_insert's. */
enum hufu_err object_commit_resident(struct token *, const struct plan *pub, const struct plan *key, const struct material *,
                                     const uint8_t op_id[16]) MUST_CHECK;
/* Takes back what object_commit has just made, destroyable or not: the other half of its pair failed. */
CK_RV object_undo(struct session *, CK_OBJECT_HANDLE);

/* CKA_VALUE and kin of a plan -> copies, which are cleared by the caller whatever the code. In key_import.c. */
CK_RV material_import(struct session *, const struct plan *, struct copies *, struct material *m);
/*
 * The same of a key of RSA or of a curve whose form is at hand, for a plan of its type. A public half that the form
 * tells must be the private one's: CKR_ATTRIBUTE_VALUE_INVALID.
 */
CK_RV material_import_form(struct session *, const struct plan *, const struct key_form *, struct copies *, struct material *m);
/* The check value of a secret key that devices have made; it is in use for a moment before it is stored, under this id. */
void material_ask_check_value(struct token *, const uint8_t uuid[16], const struct plan *, struct material *);
/* The clear value of a key that may be read or wrapped: EXPORT through the pool; secret_free it. CKR_KEY_UNEXTRACTABLE where no copy can give it. */
CK_RV key_export(struct object *, uint8_t **value, size_t *len);
/* The same of the pool's key, by a device of this domain (NULL: any), until then (0: the token's deadline); the pool's errors. */
enum hufu_err key_export_clear(struct pool *, struct pool_key *, const char *domain, uint64_t deadline_ns, uint8_t **value,
                               size_t *len) MUST_CHECK;

/* -- C_ calls -------------------------------------------------------------- */

CK_RV object_create(struct session *, const CK_ATTRIBUTE *, CK_ULONG n, CK_OBJECT_HANDLE *);
CK_RV object_copy(struct session *, CK_OBJECT_HANDLE, const CK_ATTRIBUTE *, CK_ULONG n, CK_OBJECT_HANDLE *);
CK_RV object_destroy(struct session *, CK_OBJECT_HANDLE);
CK_RV object_size(struct session *, CK_OBJECT_HANDLE, CK_ULONG *);
CK_RV object_get_attributes(struct session *, CK_OBJECT_HANDLE, CK_ATTRIBUTE *, CK_ULONG n);
CK_RV object_set_attributes(struct session *, CK_OBJECT_HANDLE, const CK_ATTRIBUTE *, CK_ULONG n);
CK_RV find_init(struct session *, const CK_ATTRIBUTE *, CK_ULONG n);
CK_RV find_next(struct session *, CK_OBJECT_HANDLE *, CK_ULONG max, CK_ULONG *n);
CK_RV find_final(struct session *);
void find_free(struct find *);

/* -- for session.c and token.c --------------------------------------------- */

/* Session objects of one session (0: of all) are destroyed. */
void object_drop_session(struct token *, CK_SESSION_HANDLE);
/* Logout: private handles die, private session objects are destroyed, loaded private keys forgotten. Caller holds token->lock. */
void object_drop_private(struct token *);
/* C_InitToken, C_Finalize: every handle dies. */
void object_drop_all(struct token *);

#endif
