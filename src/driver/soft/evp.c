/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/soft/evp.h"

#include <openssl/x509.h>

#include "crypto/context.h"

enum hufu_err soft_evp_init(struct soft_evp *evp, EVP_PKEY *pkey)
{
	evp->epoch = libcrypto_epoch();
	evp->pkey = pkey;
	return pkey ? HUFU_OK : HUFU_ERR_KEY_VALUE;
}

void soft_evp_clear(struct soft_evp *evp)
{
	for (size_t use = 0; use < SOFT_EVP_USES; use++)
		for (size_t i = 0; i < SOFT_EVP_SLOTS; i++)
			EVP_PKEY_CTX_free(evp->idle[use][i]);
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

enum hufu_err soft_evp_take(struct soft_evp *evp, unsigned use, soft_evp_init_fn init, EVP_PKEY_CTX **out)
{
	EVP_PKEY_CTX **idle = evp->idle[use];

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

void soft_evp_put(struct soft_evp *evp, unsigned use, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX **idle = evp->idle[use];

	for (size_t i = 0; i < SOFT_EVP_SLOTS; i++) {
		EVP_PKEY_CTX *none = NULL;

		if (!__atomic_load_n(&idle[i], __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(&idle[i], &none, ctx, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return;
	}
	EVP_PKEY_CTX_free(ctx);
}

/* -- DER ------------------------------------------------------------------- */

EVP_PKEY *soft_evp_from_pkcs8(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	PKCS8_PRIV_KEY_INFO *info = len <= INT32_MAX ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len) : NULL;
	EVP_PKEY *pkey = info && p == der + len ? EVP_PKCS82PKEY_ex(info, libcrypto_context(), NULL) : NULL;

	PKCS8_PRIV_KEY_INFO_free(info);
	return pkey;
}

EVP_PKEY *soft_evp_from_spki(const uint8_t *der, size_t len)
{
	const uint8_t *p = der;
	EVP_PKEY *pkey = len <= INT32_MAX ? d2i_PUBKEY_ex(NULL, &p, (long)len, libcrypto_context(), NULL) : NULL;

	if (!pkey || p == der + len)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

enum hufu_err soft_evp_give_pkcs8(struct hufu_op *op, const EVP_PKEY *pkey)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
	enum hufu_err err = len > 0 ? soft_room(op, (size_t)len) : HUFU_ERR_NO_MEMORY;
	uint8_t *p = op->out;

	if (err == HUFU_OK && i2d_PKCS8_PRIV_KEY_INFO(info, &p) != len)
		err = HUFU_ERR_NO_MEMORY;
	PKCS8_PRIV_KEY_INFO_free(info);
	return err;
}

enum hufu_err soft_evp_give_spki(struct hufu_op *op, const EVP_PKEY *pkey)
{
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);

	if (len <= 0)
		return HUFU_ERR_NO_MEMORY;
	soft_give_public(op, der, (size_t)len);
	OPENSSL_free(der);
	return HUFU_OK;
}
