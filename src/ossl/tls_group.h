/* SPDX-License-Identifier: Apache-2.0 */
/* The groups of TLS, for a library context where this provider comes before the default one (provider-base(7), "CAPABILITIES"). */
#ifndef OSSL_TLS_GROUP_H
#define OSSL_TLS_GROUP_H

#include "ossl/provider.h"

/* OSSL_FUNC_PROVIDER_GET_CAPABILITIES. */
int tls_group_list(void *provider, const char *capability, OSSL_CALLBACK *each, void *arg);

#endif
