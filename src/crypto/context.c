/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/context.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

static _Atomic(OSSL_LIB_CTX *) context;
static _Atomic uint32_t epoch = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Stores only, as in a signal handler. */
static void forget(void)
{
	atomic_store(&context, NULL);
	atomic_fetch_add(&epoch, 1);
}

static void watch_forks(void)
{
	(void)pthread_atfork(NULL, NULL, forget);
}

OSSL_LIB_CTX *libcrypto_context(void)
{
	OSSL_LIB_CTX *found = atomic_load_explicit(&context, memory_order_acquire);
	if (found)
		return found;
	pthread_once(&once, watch_forks);
	OSSL_LIB_CTX *mine = OSSL_LIB_CTX_new();
	if (mine && !atomic_compare_exchange_strong(&context, &found, mine)) {
		OSSL_LIB_CTX_free(mine);
		return found;
	}
	return mine;
}

uint32_t libcrypto_epoch(void)
{
	return atomic_load_explicit(&epoch, memory_order_relaxed);
}
