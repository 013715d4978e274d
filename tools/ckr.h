/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 return codes for people: name, a sentence, what to do, exit code. */
#ifndef CKR_H
#define CKR_H

#include "hufu/pkcs11.h"
#include "tools/tool.h"

struct ckr {
	CK_RV rv;
	const char *name;
	const char *sentence;
	const char *next;    /* NULL: nothing beyond the sentence */
	enum status status;
};

/* NULL: not in the specification. */
const struct ckr *ckr_find(CK_RV);

#endif
