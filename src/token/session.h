/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions (PKCS#11 5.6) and logins.
 *
 * session_enter finds a session without a common lock (slots of chunks that are
 * never freed) and locks it; every other function here and in object.h and
 * operation.h takes a session that the caller has entered. One call at a time
 * runs on a session; calls on different sessions share no lock on the way of a
 * crypto call.
 */
#ifndef TOKEN_SESSION_H
#define TOKEN_SESSION_H

#include "token/token.h"

#define SESSIONS_MAX 65535

struct operation;
struct find;

/* One slot of a session for each operation that may run beside the others (5.8 to 5.15, 3.0 5.9). */
enum op_kind {
	OP_ENCRYPT, OP_DECRYPT, OP_DIGEST, OP_SIGN, OP_VERIFY, OP_SIGN_RECOVER, OP_VERIFY_RECOVER,
	OP_MESSAGE_ENCRYPT, OP_MESSAGE_DECRYPT, OP_MESSAGE_SIGN, OP_MESSAGE_VERIFY,
	OP_KINDS
};

struct session {
	pthread_mutex_t lock;
	CK_SESSION_HANDLE handle;       /* 0: this slot is free */
	struct token *token;
	uint64_t login_epoch;           /* of the token, when operations of private keys were last looked over */
	CK_FLAGS flags;
	bool parked;                    /* see session_park */
	struct operation *ops[OP_KINDS]; /* NULL: none was ever begun; kept and reused; see operation.h */
	uint64_t ninits;                /* operations that were begun: a context-specific login is for the last one that waits */
	struct find *find;              /* NULL: no search is active */
};

/* CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID. */
CK_RV session_enter(CK_SESSION_HANDLE, struct session **);
void session_leave(struct session *);

/*
 * Around a wait of the call that has entered it (pool.h, may_park), which may end in another thread: in between the
 * session is not locked, so a fork need not wait for it, and is left alone. Nobody else may enter it, which is for the
 * caller to see to, nor may the core end.
 */
void session_park(struct session *);
void session_unpark(struct session *);
/* How many there are; in a forked child none, since what they wait for is the parent's. */
unsigned sessions_parked(void);

CK_RV session_open(CK_SLOT_ID, CK_FLAGS, CK_SESSION_HANDLE *);
CK_RV session_close(CK_SESSION_HANDLE);
CK_RV session_close_all(CK_SLOT_ID);
CK_RV session_info(struct session *, CK_SESSION_INFO *);
CK_RV session_cancel(struct session *, CK_FLAGS);

/* C_Login, C_LoginUser (username may be NULL with 0). CKU_CONTEXT_SPECIFIC authorises the pending operation of an always-authenticate key. */
CK_RV session_login(struct session *, CK_USER_TYPE, const CK_BYTE *pin, CK_ULONG pin_len, const CK_BYTE *user, CK_ULONG user_len);
/* The same with a PIN that nobody typed: see store_login_sparing. CKR_FUNCTION_REJECTED: it was not tried. */
CK_RV session_login_sparing(struct session *, CK_USER_TYPE, const CK_BYTE *pin, CK_ULONG pin_len);
CK_RV session_logout(struct session *);
/* Is this the PIN of the user, who is logged in? Counts as a try. CKR_USER_NOT_LOGGED_IN. */
CK_RV session_check_user_pin(struct session *, const CK_BYTE *pin, CK_ULONG pin_len);
CK_RV session_init_pin(struct session *, const CK_BYTE *pin, CK_ULONG pin_len);
CK_RV session_set_pin(struct session *, const CK_BYTE *old, CK_ULONG old_len, const CK_BYTE *pin, CK_ULONG pin_len);

static inline bool session_rw(const struct session *s)
{
	return s->flags & CKF_RW_SESSION;
}

/* C_Finalize: every session of every token. */
void session_close_everything(void);

/* fork */
void session_before_fork(void);
void session_after_fork_parent(void);
/* Drops active encryption and decryption: one keystream must not run twice. */
void session_after_fork_child(void);

#endif
