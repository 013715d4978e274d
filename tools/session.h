/* SPDX-License-Identifier: Apache-2.0 */
/* A module, a token of it, a session, a login: what an object command needs. */
#ifndef SESSION_H
#define SESSION_H

#include "tools/module.h"
#include "tools/pin.h"
#include "tools/selector.h"

struct session {
	struct module module;
	struct selector selector;
	struct slot slot;
	CK_FUNCTION_LIST *f;        /* of module */
	CK_SESSION_HANDLE handle;   /* 0: none open */
	char label[40];             /* of the token, for messages */
	bool logged_in;
};

enum login {
	LOGIN_WISH,                 /* as the user, when an option asks for it */
	LOGIN_USER,                 /* as the user, wherever the token wants a login */
	LOGIN_SO
};

/*
 * Loads the module, finds the one token meant, opens a session, logs in. rw:
 * read and write. target: of a token (SELECT_TOKEN) or an object, may be NULL.
 * Close it after success and failure alike.
 */
enum status session_open(const struct args *, const char *target, enum selector_kind, bool rw, enum login,
                         struct session *) MUST_USE;
void session_close(struct session *);

/* The steps, for commands that need them apart. */
enum status session_find_token(const struct args *, const char *target, enum selector_kind, struct session *) MUST_USE;
enum status session_begin(struct session *, bool rw) MUST_USE;
enum status session_login(const struct args *, struct session *, enum login) MUST_USE;
/* The same; the PIN is the caller's to clear, empty where none was needed: for who logs in elsewhere, too. */
enum status session_login_keep(const struct args *, struct session *, enum login, struct pin *) MUST_USE;

#endif
