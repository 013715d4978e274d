/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libcrypto's core does for the provider: BIOs, and errors.
 *
 * Errors on OpenSSL's queue: one of our reasons, and a sentence that says what
 * was wrong, where, and what to do next. Never a PIN, never a key.
 */
#ifndef OSSL_ERROR_H
#define OSSL_ERROR_H

#include "ossl/provider.h"
#include "ossl/reason.h"

struct upcalls;
/* Of the functions that libcrypto gave OSSL_provider_init. NULL: no memory. */
struct upcalls *upcalls_new(const OSSL_DISPATCH *in);
void upcalls_free(struct upcalls *);
/* Up to len bytes, or to the end. */
size_t bio_read(const struct provider *, OSSL_CORE_BIO *, void *data, size_t len);
/* A line, ended by a zero, its line end kept; 0 at the end. */
size_t bio_gets(const struct provider *, OSSL_CORE_BIO *, char *line, size_t room);
int bio_write(const struct provider *, OSSL_CORE_BIO *, const void *data, size_t len);
/* OSSL_FUNC_PROVIDER_GET_REASON_STRINGS. */
const OSSL_ITEM *reason_strings(void *provider);

/* Raises it. Always 0, the failure of every function of a provider. */
int fail(const struct provider *, enum reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
/*
 * Raises what the core answered while it did that ("sign with the key \"tls\"
 * of the token \"gateway\""): the reason that stands for the code, its name, what
 * to do. Always 0.
 */
int fail_rv(const struct provider *, CK_RV, const char *what, ...) __attribute__((format(printf, 3, 4)));

#endif
