/* SPDX-License-Identifier: Apache-2.0 */
/* What the specification asks of certificate objects beyond the table of their attributes (PKCS#11 3.1 4.6). */
#ifndef TOKEN_CERTIFICATE_H
#define TOKEN_CERTIFICATE_H

#include "token/attr.h"

/*
 * Value and URL belong together, a check value is right or computed.
 * CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCOMPLETE.
 */
CK_RV certificate_complete(struct attrs *);

#endif
