/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the codes of the lower floors become PKCS#11's. */
#ifndef TOKEN_RV_H
#define TOKEN_RV_H

#include "base/err.h"
#include "hufu/pkcs11-sm.h"

/* Exhaustive. The lower floor has logged what a person must know. */
CK_RV rv_of(enum hufu_err);

#endif
