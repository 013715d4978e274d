/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an object shows of itself: C_GetAttributeValue and C_FindObjects ask
 * here. It differs from what is stored where the token's configuration says so
 * (the key type of SM2 keys), where the truth depends on more (CKA_TRUSTED), and
 * for key material and where it lives.
 */
#ifndef TOKEN_SHOW_H
#define TOKEN_SHOW_H

#include "token/object.h"

struct shown {
	const void *value;
	size_t len;
	CK_ULONG number;                /* value may point to these */
	CK_BBOOL flag;
	uint8_t *exported;
};

/* CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, or what an export failed with. */
CK_RV show(struct object *, CK_ATTRIBUTE_TYPE, struct shown *);
void shown_clear(struct shown *);
/* Does it show exactly this value? What it does not reveal it does not match. */
bool shows(struct object *, const CK_ATTRIBUTE *);

#endif
