/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens in words and in JSON. */
#ifndef TOKEN_TEXT_H
#define TOKEN_TEXT_H

#include "tools/module.h"

#include <jansson.h>

/* "ready", "no user PIN", "user PIN locked", "not initialised", "empty slot", ... */
const char *token_state(const struct slot *, char *out, size_t len);
/* {"slot","label","state","flags":[...],...} */
json_t *token_json(const struct slot *);
/* Names of the flags that are set, ended by NULL; at most 32. */
void token_flags(CK_FLAGS, const char *names[33]);

#endif
