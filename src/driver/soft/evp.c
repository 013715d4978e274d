/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/soft/evp.h"

#include "crypto/context.h"

enum hufu_err soft_evp_init(struct soft_evp *evp, EVP_PKEY *pkey)
{
	evp->epoch = libcrypto_epoch();
	evp->pkey = pkey;
	return pkey ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

void soft_evp_clear(struct soft_evp *evp)
{
	for (size_t i = 0; i < SOFT_EVP_SLOTS; i++)
		EVP_PKEY_CTX_free(evp->idle[i]);
	EVP_PKEY_free(evp->pkey);
	*evp = (struct soft_evp){0};
}

/* -- contexts -------------------------------------------------------------- */

static enum hufu_err make(const struct soft_evp *evp, soft_evp_init_fn init, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libcrypto_context(), evp->pkey, NULL);

	/* The algorithm is known by the key: nothing but memory can be missing. */
	if (!ctx || init(ctx) != 1) {
		EVP_PKEY_CTX_free(ctx);
		return HUFU_ERR_NO_MEMORY;
	}
	*out = ctx;
	return HUFU_OK;
}

enum hufu_err soft_evp_take(struct soft_evp *evp, soft_evp_init_fn init, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX **idle = evp->idle;

	for (size_t i = 0; i < SOFT_EVP_SLOTS; i++) {
		/* Looking comes first: a write would take the line from the other threads. */
		if (!__atomic_load_n(&idle[i], __ATOMIC_RELAXED))
			continue;
		*out = __atomic_exchange_n(&idle[i], NULL, __ATOMIC_ACQ_REL);
		if (*out)
			return HUFU_OK;
	}
	return make(evp, init, out);
}

void soft_evp_put(struct soft_evp *evp, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX **idle = evp->idle;

	for (size_t i = 0; i < SOFT_EVP_SLOTS; i++) {
		EVP_PKEY_CTX *none = NULL;

		if (!__atomic_load_n(&idle[i], __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&idle[i], &none, ctx, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
	}
	EVP_PKEY_CTX_free(ctx);
}
