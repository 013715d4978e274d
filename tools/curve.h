/* SPDX-License-Identifier: Apache-2.0 */
/* The curves of CKK_EC, as people, PKCS#11 and libcrypto name them. */
#ifndef CURVE_H
#define CURVE_H

#include "hufu/pkcs11-sm.h"

#include <stddef.h>

#define CURVE_OID_MAX 16

/* "P-256", "secp256r1", "prime256v1" or a dotted OID: CKA_EC_PARAMS. The length, 0: libcrypto knows no such curve. */
CK_ULONG curve_oid(const char *name, unsigned char der[CURVE_OID_MAX]);
/* Of CKA_EC_PARAMS: libcrypto's name. NULL: unknown. */
const char *curve_libcrypto_name(const unsigned char *params, CK_ULONG len);
/* Of CKA_EC_PARAMS: "P-256", or else libcrypto's name. NULL: unknown. */
const char *curve_name(const unsigned char *params, CK_ULONG len);
/* Of the order; 0: unknown. */
CK_ULONG curve_nbits(const unsigned char *params, CK_ULONG len);

#endif
