/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The user's login, when an operation or a search needs one. The PIN comes from, in
 * this order: the URI's pin-source, its pin-value, the provider's credential, its
 * pin-source, the application's passphrase callback (its UI method). One PIN is
 * tried once: a wrong one from a file is not tried again before the file has changed,
 * lest a server that restarts lock the PIN.
 */
#ifndef OSSL_LOGIN_H
#define OSSL_LOGIN_H

#include "ossl/uri.h"

struct login_from {
	const struct uri *uri;          /* or NULL */
	OSSL_PASSPHRASE_CALLBACK *ask;  /* or NULL: nobody can be asked */
	void *ask_arg;
};

/* 1: the user is logged in, or was. 0 after an error. The session is entered. */
int login_user(const struct provider *, struct desk *, struct session *, const struct login_from *);

#endif
