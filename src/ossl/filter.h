/* SPDX-License-Identifier: Apache-2.0 */
/* What an application wants of a store beside the URI: OSSL_STORE_expect(3), OSSL_STORE_find(3). */
#ifndef OSSL_FILTER_H
#define OSSL_FILTER_H

#include <openssl/types.h>

#include "ossl/provider.h"

struct filter {
	int expect;                     /* OSSL_STORE_INFO_...; 0: anything */
	char *label;
	X509_NAME *subject, *issuer;
	BIGNUM *serial;
};

const OSSL_PARAM *filter_settable(void *provider);
/* 0 after an error. */
int filter_set(struct filter *, const struct provider *, const OSSL_PARAM params[]);
void filter_clear(struct filter *);
/* SEARCH_...: what may be wanted. */
unsigned filter_wants(const struct filter *);
/* Has this certificate (DER) the names and the serial number that are wanted? */
bool filter_takes(const struct filter *, const uint8_t *der, size_t len);

#endif
