/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/context.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static _Atomic(OSSL_LIB_CTX *) context;
#define LEFT_MAX 8
/* Where those who look for leaks still find it: never read, so a compiler would do without. */
__attribute__((used)) static _Atomic(OSSL_LIB_CTX *) left[LEFT_MAX];
static _Atomic unsigned nleft;
static _Atomic uint32_t epoch = 1;
static atomic_bool ended;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Never freed: of a fork it is the parent's too, and at exit others' handlers may still come here. */
static void leave(void)
{
	OSSL_LIB_CTX *mine = atomic_exchange(&context, NULL);

	if (mine)
		atomic_store(&left[atomic_fetch_add(&nleft, 1) % LEFT_MAX], mine);
}

/* Stores only, as in a signal handler. */
static void forget(void)
{
	leave();
	atomic_fetch_add(&epoch, 1);
}

static void end(void)
{
	atomic_store(&ended, true);
	leave();
}

static void watch(void)
{
	(void)pthread_atfork(NULL, NULL, forget);
	(void)OPENSSL_atexit(end);
}

OSSL_LIB_CTX *libcrypto_context(void)
{
	OSSL_LIB_CTX *found = atomic_load_explicit(&context, memory_order_acquire);
	if (found)
		return found;
	pthread_once(&once, watch);
	if (atomic_load(&ended))
		return NULL;
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
