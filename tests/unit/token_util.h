/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token in a directory of its own for the tests of src/token: one soft
 * device, the user logged in, a R/W session entered.
 */
#ifndef TOKEN_UTIL_H
#define TOKEN_UTIL_H

#include "sm_util.h"

#include "token/object.h"
#include "token/operation.h"

extern struct session *session;
extern const CK_BBOOL yes, no;

#define USER_PIN "correct horse battery"

/* As the first and the last case of a program: everything between relies on it. */
void token_up(void);
/* As well, with two devices of one domain, so that parts of an operation go to either. */
void token_up_with_two(void);
/* As well, under policy "strict". */
void token_up_strict(void);
/* As well, taking in keys of triple DES. */
void token_up_des3(void);
/* As well, over these sections of the configuration and the devices that they declare: "\"a\", \"b\"". Lives as long as the token. */
void token_up_on(const char *sections, const char *devices);
/* The session closed, the library stopped, no secret left, the directory gone. */
void token_down(void);

/* The code, or a failure that names both. */
bool rv_is(CK_RV got, CK_RV want, const char *call, const char *file, unsigned line);
#define IS(call, want) rv_is((call), (want), #call, __FILE__, __LINE__)
#define OK(call) IS(call, CKR_OK)

/* Objects of the session, of these values; every use allowed, extractable, not sensitive. more: further attributes. */
CK_OBJECT_HANDLE make_secret(CK_KEY_TYPE, const void *value, size_t len, const CK_ATTRIBUTE *more, CK_ULONG nmore);
CK_OBJECT_HANDLE make_sm2_private(const uint8_t d[32], const CK_ATTRIBUTE *more, CK_ULONG nmore);
CK_OBJECT_HANDLE make_sm2_public(const uint8_t point[64], const CK_ATTRIBUTE *more, CK_ULONG nmore);
/* d and its point: GB/T 32918.5-2017 A.2. */
extern const uint8_t standard_d[32], standard_point[64];

/* Keys that the programs share, made by token_up. */
extern CK_OBJECT_HANDLE sm4_key, zuc_key, hmac_key, sm2_private, sm2_public;
extern const uint8_t sm4_value[16];

CK_MECHANISM mechanism(CK_MECHANISM_TYPE, const void *param, CK_ULONG len);

/* Init and one call. */
CK_RV crypt_at_once(enum op_kind, const CK_MECHANISM *, CK_OBJECT_HANDLE, const uint8_t *in, size_t len, uint8_t *out,
                    CK_ULONG *out_len);
/* Init, updates that end at the places given (the last may be less than len), final; the output bit by bit. */
CK_RV crypt_in_parts(enum op_kind, const CK_MECHANISM *, CK_OBJECT_HANDLE, const uint8_t *in, size_t len, const size_t *cuts,
                     size_t ncuts,
                     uint8_t *out, CK_ULONG *out_len);

#endif
