/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto, in a context of our own: the application may use the same library,
 * its configuration may even load this module through it, and neither may see
 * the other's providers.
 *
 * A forked child gets a new context: a lock of the old one may have been held by
 * a thread that the child does not have. What was made in the old one is left
 * alone there, never freed: libcrypto_epoch tells the two apart. The states of
 * hashes alone go on in a child, as its sessions do: to use, copy and free them
 * takes no lock.
 *
 * Thread-safe. The context is made at the first use and kept until the process
 * ends: libcrypto tears itself down at exit, before or after us. From then on
 * its locks are gone, and threads that still run must not come to them.
 */
#ifndef CRYPTO_CONTEXT_H
#define CRYPTO_CONTEXT_H

#include <openssl/types.h>
#include <stdint.h>

/* NULL: out of memory, or libcrypto has torn itself down: what was made in the context can be freed, no more. */
OSSL_LIB_CTX *libcrypto_context(void);
/* 1, and one more in every child. */
uint32_t libcrypto_epoch(void);

#endif
