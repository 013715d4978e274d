/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New pairs, made by the token's devices (OSSL_FUNC_keymgmt_gen). Parameters beside the default provider's:
 *
 *	pkcs11_uri        which token, and CKA_LABEL and CKA_ID of both halves
 *	pkcs11_key_usage  as X.509 names uses, with spaces between: digitalSignature, dataEncipherment, keyEncipherment,
 *	                  keyAgreement; without it all that the type of key can do
 *
 * Without pkcs11_uri the pair is no token object: it ends with the EVP_PKEY, and wants no login.
 */
#ifndef OSSL_MAKER_H
#define OSSL_MAKER_H

#include "ossl/key.h"

struct maker *maker_new(const struct provider *, enum key_kind, int selection, const OSSL_PARAM params[]);
/* Functions of the dispatch table; the context is the maker. */
int maker_set_template(void *maker, void *key);
int maker_set_params(void *maker, const OSSL_PARAM params[]);
const OSSL_PARAM *maker_settable_rsa(void *maker, void *provider);
const OSSL_PARAM *maker_settable_ec(void *maker, void *provider);
const OSSL_PARAM *maker_settable_other(void *maker, void *provider);
void *maker_make(void *maker, OSSL_CALLBACK *progress, void *progress_arg);
void maker_free(void *maker);

#endif
