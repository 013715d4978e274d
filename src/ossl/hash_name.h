/* SPDX-License-Identifier: Apache-2.0 */
/* Hash functions by the names that libcrypto's providers give them, as parameters ("digest", "mgf1-digest", ...) have them. */
#ifndef OSSL_HASH_NAME_H
#define OSSL_HASH_NAME_H

#include <openssl/params.h>

#include "crypto/hash.h"
#include "ossl/error.h"

/* "SHA256", "SHA-256", "SHA2-256", in either case; HASH_NONE: none of ours. */
enum hash_id hash_of_name(const char *name);
/* "SHA2-256": the first of the default provider's names. "" for HASH_NONE. */
const char *hash_provider_name(enum hash_id);
/* The parameter of this name, where it is among them. 0 after an error: no text, or no hash function of ours. */
int hash_param(const struct provider *, const OSSL_PARAM params[], const char *name, enum hash_id *);

#endif
