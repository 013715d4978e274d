/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's login, when an operation or a search needs one. The PIN comes from, in
 * this order: the URI's pin-source, its pin-value, the provider's credential, its
 * pin-source, the application's passphrase callback (its UI method). The first that
 * is there counts: a file that cannot be read is an error.
 *
 * A server that starts again and again must not lock the PIN. So a PIN that nobody typed
 * is tried once: when the token has refused it, not again before somebody has logged in
 * with the right one, or the security officer has set a new one. And the last try before the PIN is
 * locked is left to people, however many processes start at once.
 */
#ifndef OSSL_LOGIN_H
#define OSSL_LOGIN_H

#include "ossl/uri.h"

struct login_from {
	const struct uri *uri;          /* or NULL */
	OSSL_PASSPHRASE_CALLBACK *ask;  /* or NULL: nobody can be asked */
	void *ask_arg;
};

enum login_result { LOGIN_FAILED, LOGIN_DONE, LOGIN_NO_PIN };

/* 1: the user is logged in, or was. 0 after an error. The session is entered. */
int login_user(const struct provider *, struct desk *, struct session *, const struct login_from *);
/* The same, but that there is no PIN to be had raises no error: for a search that can do with what is public. */
enum login_result login_user_if_possible(const struct provider *, struct desk *, struct session *, const struct login_from *);
/* For the operation that the session has begun with a key that wants a login each time (CKA_ALWAYS_AUTHENTICATE). */
int login_for_operation(const struct provider *, struct desk *, struct session *, const struct login_from *);

#endif
