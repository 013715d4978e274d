/* SPDX-License-Identifier: Apache-2.0 */
/* Keys made of passwords, for C_GenerateKey. */
#ifndef TOKEN_DERIVE_H
#define TOKEN_DERIVE_H

#include "token/mech.h"

/* CKM_PKCS5_PBKD2 (PKCS#11 3.1 6.40.3). The plan stays the caller's. */
CK_RV key_from_password(struct session *, const struct mech *, const CK_MECHANISM *, struct plan *, CK_OBJECT_HANDLE *);

#endif
