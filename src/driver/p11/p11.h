/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any PKCS#11 module as a device: a token in one of its slots.
 *
 * PKCS#11 keeps the login, and the objects that are not on the token, with the
 * application and not with a session. So each device holds one session of its own
 * open, the keeper: the login lives with it, and so do the session objects that
 * keys are loaded as, which any session may use. Leases are further sessions.
 *
 * What is known of a connection (session and object handles) bears the number of
 * the connection, which no other one of this process has. When the module says
 * that a session, an object or the login is gone, the device connects anew, once
 * an op, and what bears the old number is had again.
 *
 * Keys that hufu has made or taken in leave the token wrapped under a key that is
 * kept there, wrap_key, the same one in all tokens of the domain.
 */
#ifndef DRIVER_P11_P11_H
#define DRIVER_P11_P11_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "alias/alias.h"
#include "base/err.h"
#include "hufu/driver.h"
#include "hufu/pkcs11-sm.h"

/* -- module.c: shared objects -------------------------------------------------- */

/* One that is loaded, however many devices use it. Never unloaded. */
struct p11_module {
	struct p11_module *next;
	dev_t dev;
	ino_t ino;
	CK_FUNCTION_LIST *functions;
	bool serial;                /* one call at a time */
	pthread_mutex_t call_lock;
	pthread_mutex_t init_lock;  /* what follows */
	unsigned users;             /* open devices */
	pid_t pid;                  /* where C_Initialize was called; 0: nowhere */
	bool ours;                  /* it was we who initialised it */
};

/* Loads and initialises. HUFU_ERR_CONFIG after a message, HUFU_ERR_GONE: it does not initialise. */
enum hufu_err p11_module_open(const struct hufu_host *, const char *device, const char *path, bool serial,
                              struct p11_module **) MUST_CHECK;
/* The last user's finalises it, if it was we who initialised it. */
void p11_module_close(struct p11_module *);
/* After CKR_CRYPTOKI_NOT_INITIALIZED: somebody in this process has finalised it. */
CK_RV p11_module_initialise_again(struct p11_module *) MUST_CHECK;

/* For modules that take one call at a time. */
void p11_enter(struct p11_module *);
CK_RV p11_leave(struct p11_module *, CK_RV);
#define P11_CALL(module, function, ...) (p11_enter(module), p11_leave((module), (module)->functions->function(__VA_ARGS__)))

/* -- devices and leases ------------------------------------------------------------ */

/* How the module's form of a result differs from ours. */
enum p11_form { P11_AS_IS, P11_DER };

/* What the token offers of what we translate. */
struct p11_offer {
	const struct p11_row *row;
	CK_MECHANISM_TYPE type;     /* the module's number */
	enum p11_form form;
};

struct p11_found;                   /* a resident key; find.c */

struct hufu_device {
	const struct hufu_host *host;
	char *name;
	struct p11_module *module;
	CK_SLOT_ID slot;
	const struct alias_profile *alias;
	char *wrap_key;             /* NULL: keys do not leave the token */
	CK_TOKEN_INFO token;
	uint32_t max_leases;
	struct p11_offer *offers;
	size_t noffers;
	struct hufu_capability *caps;
	size_t ncaps;
	const struct hufu_driver *soft; /* reads keys in the clear, for IMPORT; NULL: nothing is taken in */
	struct hufu_device *soft_device;

	_Atomic uint64_t connection; /* its number; 0: none */
	_Atomic bool logged_in;      /* what is private may be made */
	pthread_mutex_t lock;        /* what follows, and calls with the keeper */
	CK_SESSION_HANDLE keeper;
	bool login_ours;             /* nobody else was logged in before */
	uint8_t *pin;                /* secret memory; NULL: none was given, or it was refused */
	size_t pin_len;
	CK_OBJECT_HANDLE kek;        /* wrap_key, once looked for */
	CK_MECHANISM_TYPE kek_type;  /* how it wraps; our number */
	bool kek_seen, kek_missing;  /* once; and that it is not there has been logged */
	struct p11_found *found;
	size_t nfound;
};

struct hufu_lease {
	struct hufu_device *device;
	CK_SESSION_HANDLE session;
	uint64_t connection;        /* that the session belongs to */
	bool lost;                  /* the op has met a session, object or login that is gone */
};

/* -- error.c -------------------------------------------------------------------------- */

/* A session, an object or the login is gone: connecting anew may help. */
bool p11_is_loss(CK_RV);
enum hufu_err p11_err(CK_RV) MUST_CHECK;
/* The same, noted in the lease. */
enum hufu_err p11_answer(struct hufu_lease *, CK_RV) MUST_CHECK;
/*
 * The same of a call that was given the handle of an object of the connection: if that has ended meanwhile, the module
 * may have given the handle to another object.
 */
enum hufu_err p11_answer_of_object(struct hufu_lease *, CK_RV) MUST_CHECK;

/* -- session.c: the connection ---------------------------------------------------------- */

/* If there is no connection yet. */
enum hufu_err p11_connect(struct hufu_device *) MUST_CHECK;
/* Unless it has been done since: the connection of this number is no good. */
enum hufu_err p11_reconnect(struct hufu_device *, uint64_t connection) MUST_CHECK;
void p11_disconnect(struct hufu_device *);
/* HUFU_ERR_GONE: the slot holds another token than when the device was opened. */
enum hufu_err p11_same_token(struct hufu_device *) MUST_CHECK;
/* The lease's session, of the connection that there is now. */
enum hufu_err p11_refresh(struct hufu_lease *) MUST_CHECK;
enum hufu_err p11_open_session(struct hufu_device *, CK_SESSION_HANDLE *) MUST_CHECK;
void p11_close_session(struct hufu_device *, CK_SESSION_HANDLE);
/* -- mechanism.c: what is translated ------------------------------------------------------- */

/* A verb. The lease is fresh; what is lost on the way it notes there. */
typedef enum hufu_err (*p11_fn)(struct hufu_lease *, const struct p11_offer *, struct hufu_op *);

struct p11_row {
	uint64_t mechanism;
	enum hufu_verb verb;
	enum hufu_key_type key;     /* that op->key must have; 0: none, or any */
	CK_FLAGS flag;              /* CKF_SIGN: of C_GetMechanismInfo; 0: without a mechanism */
	p11_fn run;
	uint32_t min_nbits, max_nbits;
};

/* A mechanism with its parameter. May not be moved: it points into itself. */
struct p11_mechanism {
	CK_MECHANISM m;
	union {
		CK_AES_CTR_PARAMS ctr;
		CK_GCM_PARAMS gcm;
		CK_CCM_PARAMS ccm;
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
		CK_BYTE iv[16];
	};
};

/* Fills offers and caps, of what the token says that it has. */
enum hufu_err p11_offer_all(struct hufu_device *) MUST_CHECK;
const struct p11_offer *p11_offer_find(const struct hufu_device *, uint64_t mechanism, enum hufu_verb);
/* The module's number; false: it has none. */
bool p11_number(const struct hufu_device *, uint64_t own, CK_MECHANISM_TYPE *);
/* HUFU_ERR_PARAM: what PKCS#11 cannot say. */
enum hufu_err p11_mechanism(const struct p11_offer *, const struct hufu_op *, struct p11_mechanism *) MUST_CHECK;
/* Of a MAC that is not cut short. 0: no MAC. */
size_t p11_mac_len(uint64_t mechanism);

/* -- object.c: attributes and objects ------------------------------------------------------- */

struct p11_template {
	CK_ATTRIBUTE list[20];
	CK_ULONG n;
	CK_ULONG numbers[4];        /* what some of list point to */
	size_t nnumbers;
};

void p11_add(struct p11_template *, CK_ATTRIBUTE_TYPE, const void *value, size_t len);
void p11_add_number(struct p11_template *, CK_ATTRIBUTE_TYPE, CK_ULONG);
void p11_add_flag(struct p11_template *, CK_ATTRIBUTE_TYPE, bool);
/* Class and key type, of a session object, and what it may do. Private keys and secrets: sensitive; may they leave? */
enum hufu_err p11_add_key(struct p11_template *, const struct hufu_device *, enum hufu_key_type, bool extractable) MUST_CHECK;

bool p11_key_kind(const struct hufu_device *, enum hufu_key_type, CK_OBJECT_CLASS *, CK_KEY_TYPE *);
/* 0: none of ours. */
enum hufu_key_type p11_key_type(const struct hufu_device *, CK_OBJECT_CLASS, CK_KEY_TYPE);

/* The value, at most cap bytes; false: it is not shown, or longer, or the module lies about its length. */
bool p11_get(struct hufu_device *, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE, void *out, size_t cap, size_t *len);
bool p11_get_number(struct hufu_device *, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE, CK_ULONG *);
bool p11_get_flag(struct hufu_device *, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_ATTRIBUTE_TYPE);
/* At most max of them; *n is how many there are, or max + 1: more. */
CK_RV p11_search(struct hufu_device *, CK_SESSION_HANDLE, struct p11_template *, CK_OBJECT_HANDLE *, size_t max,
                 size_t *n) MUST_CHECK;

/* The public key's attributes; they point into the bytes, which live as long. HUFU_ERR_KEY_VALUE. */
struct p11_public {
	struct p11_template templ;
	uint8_t bytes[2][1032];
};
enum hufu_err p11_public_template(const struct hufu_device *, enum hufu_key_type, const uint8_t *pub, size_t len,
                                  struct p11_public *) MUST_CHECK;
/* The public part, as hufu writes it, of an object that shows it: a public key, or a private one. */
enum hufu_err p11_public_of(struct hufu_device *, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, enum hufu_key_type private_type,
                            uint8_t pub[HUFU_PUB_MAX], size_t *len) MUST_CHECK;

/* -- key.c: keys as objects ------------------------------------------------------------------- */

/* The object that the key is, loaded if it was not. */
enum hufu_err p11_key_load(struct hufu_lease *, struct hufu_key *, CK_OBJECT_HANDLE *) MUST_CHECK;
enum hufu_err p11_evict(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
/* The object has gone with the connection. */
void p11_forget(struct hufu_key *);

/* -- make.c: new keys ------------------------------------------------------------------------- */

enum hufu_err p11_generate_secret(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_generate_pair(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_import(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;

/* -- wrap.c: keys outside of the token -------------------------------------------------------- */

/* The object as a copy -> op->out. HUFU_ERR_NO_KEY: wrap_key is not there, or not before a login. */
enum hufu_err p11_wrap(struct hufu_lease *, CK_OBJECT_HANDLE, struct hufu_op *) MUST_CHECK;
/* What p11_wrap wrote, as an object of the keeper's. Caller holds device->lock. */
enum hufu_err p11_unwrap_locked(struct hufu_lease *, const struct hufu_key *, CK_OBJECT_HANDLE *) MUST_CHECK;

/* -- crypt.c: what is done with keys -------------------------------------------------------------- */

enum hufu_err p11_random(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_encrypt(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_decrypt(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_sign(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_verify(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
/* RSA PKCS #1 v1.5, unpadded here: rsa_pkcs1.c */
enum hufu_err p11_decrypt_pkcs1(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
/* One call of the module's: with as much room as the op gives. */
enum hufu_err p11_decrypt_with(struct hufu_lease *, CK_MECHANISM *, CK_OBJECT_HANDLE, const uint8_t *in, size_t in_len,
                               uint8_t *out, size_t cap, size_t *out_len) MUST_CHECK;

/* -- session.c, find.c: verbs without a mechanism ------------------------------------------------------ */

enum hufu_err p11_login(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_logout(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
enum hufu_err p11_find(struct hufu_lease *, const struct p11_offer *, struct hufu_op *) MUST_CHECK;
/* The object that the copy of a resident key names. Caller holds device->lock. */
enum hufu_err p11_resident_locked(struct hufu_lease *, const struct hufu_key *, CK_OBJECT_HANDLE *) MUST_CHECK;
/* Caller holds device->lock. */
void p11_forget_found(struct hufu_device *);

#endif
