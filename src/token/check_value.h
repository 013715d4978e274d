/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CKA_CHECK_VALUE of secret keys (PKCS#11 3.1 4.10.2): the first three bytes of
 * a block of zeros encrypted in ECB mode; for keys that encrypt no blocks, of
 * the SHA-1 of their value (6.8.2), or of its SM3 where the key is of the SM
 * algorithms.
 */
#ifndef TOKEN_CHECK_VALUE_H
#define TOKEN_CHECK_VALUE_H

#include "token/token.h"

#define CHECK_VALUE_LEN 3

/* Of a value at hand, on this host. False: no memory, or no such cipher in this host's libcrypto. */
bool check_value_of(CK_KEY_TYPE, const uint8_t *value, size_t len, uint8_t kcv[CHECK_VALUE_LEN]);
/* Of a key in devices. False: no device tells. */
bool check_value_ask(struct token *, CK_KEY_TYPE, struct pool_key *, bool may_export, uint8_t kcv[CHECK_VALUE_LEN]);

#endif
