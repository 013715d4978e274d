/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects that the token shows without anybody having made them (PKCS#11 3.1
 * 4.3, 4.12, 4.13): of these there is a profile. hufu's tokens have no clock,
 * counter or user interface, and no mechanism of theirs has attributes, so
 * there are no hardware feature and no mechanism objects.
 */
#ifndef TOKEN_BUILTIN_H
#define TOKEN_BUILTIN_H

#include "token/object.h"

/* Makes them on first demand. They are kept with the session objects of no session. */
CK_RV builtin_make(struct token *);
bool builtin_is(const struct object *);

#endif
