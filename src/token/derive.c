/* SPDX-License-Identifier: Apache-2.0 */
/* C_DeriveKey (PKCS#11 3.1 5.18.5). */
#include "token/operation.h"

CK_RV key_derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *templ, CK_ULONG n,
                 CK_OBJECT_HANDLE *handle)
{
	(void)s;
	(void)m;
	(void)base;
	(void)templ;
	(void)n;
	(void)handle;
	return CKR_MECHANISM_INVALID;
}
