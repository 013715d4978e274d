/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operation of the core with a key's private half: enters a session, begins,
 * does it whole, leaves. When the key's handle or the login has become stale it is
 * tried once more. In an ASYNC_JOB whoever waits for a device pauses the job
 * (pause.h). 1, or 0 after an error that names key, token and reason.
 */
#ifndef OSSL_WORK_H
#define OSSL_WORK_H

#include "ossl/key.h"

/* *out_len: room, then the length; out may be NULL only where the operation allows to ask for the size: it does not here. */
int work_sign(struct key *, const CK_MECHANISM *, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
/* The same, but raises no error: where another mechanism may serve as well. work_failed tells what is left of it. */
CK_RV work_sign_silently(struct key *, const CK_MECHANISM *, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len);
int work_decrypt(struct key *, const CK_MECHANISM *, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len);
/* The same, but what does not decrypt raises no error: its code, for constant-time handling (TLS's RSA key exchange). */
CK_RV work_decrypt_silently(struct key *, const CK_MECHANISM *, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len);
/*
 * The shared secret of an agreement, out of a session object that is destroyed at once: CKK_GENERIC_SECRET of len bytes,
 * extractable. out may be handed to others: it is what EVP_PKEY_derive gives.
 */
int work_derive(struct key *, const CK_MECHANISM *, uint8_t *out, size_t len);
/* Raises what the core answered while it did that ("sign") with the key. Always 0. */
int work_failed(const struct key *, CK_RV, const char *what);
/* Can the token do this, and may the key (CKA_ALLOWED_MECHANISMS, CKA_SIGN, ...)? No error is raised but of a key that is not to be had. */
bool work_can(struct key *, CK_MECHANISM_TYPE, CK_FLAGS use);

#endif
