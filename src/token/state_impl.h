/* SPDX-License-Identifier: Apache-2.0 */
/* One operation as bytes: what state.c seals. Apart from it so that the fuzzer reaches the reader. */
#ifndef TOKEN_STATE_IMPL_H
#define TOKEN_STATE_IMPL_H

#include "token/operation_impl.h"

/* What an operation may keep waiting (decryption of GCM) and still be saved. */
#define STATE_HELD_MAX ((size_t)1 << 20)
/* A parameter, the longest AAD included, and what waits. */
#define STATE_MAX ((size_t)PARAM_AAD_MAX + 4 * STATE_HELD_MAX)

bool state_saveable(const struct operation *);
void state_write(const struct operation *, struct writer *);
/*
 * op: zeroed. Its key is not attached yet, key_uuid says which. CKR_SAVED_STATE_INVALID;
 * whatever the code, operation_free gives back all of it.
 */
CK_RV state_read(struct token *, struct reader *, struct operation *op);

#endif
