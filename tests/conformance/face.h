/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the PKCS#11 face: the built module, loaded as an application
 * would, over a private directory with a configuration of its own.
 *
 * Its tokens: "test" (SM2 keys shown as CKK_HUFU_SM2), "other" (as CKK_EC),
 * "strict" (of that policy),
 * "spare-..." in token_dir. Nothing is initialised until asked for. With HUFU_FACE_MACHINES=N
 * in the environment the three live on N machines (face_machine.h).
 */
#ifndef CONFORMANCE_FACE_H
#define CONFORMANCE_FACE_H

#include "hufu/pkcs11-sm.h"
#include "tests/conformance/face_machine.h"
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdint.h>

#define SO_PIN "the officer's pin"
#define USER_PIN "the user's pin"
#define PIN(text) (CK_UTF8CHAR_PTR)(text), sizeof(text) - 1

/* The 3.2 list of the module. NULL before face_load. */
extern CK_FUNCTION_LIST_3_2 *p11;

/* Loads the module; idempotent. */
void face_load(void);
/* A symbol of the module, NULL: not exported. */
void *face_symbol(const char *name);
/* The private directory. */
const char *face_dir(void);

/* Loads, and C_Initialize with CKF_OS_LOCKING_OK unless it is. */
void face_start(void);
/* C_Finalize, if initialised. */
void face_stop(void);
/* A configured token's slot: face_slot("test"). */
CK_SLOT_ID face_slot(const char *name);
/* Starts; the slot of the token, with both PINs set. Made once; sessions of the token are closed. */
CK_SLOT_ID face_token(const char *name);
/* A session with the token "test", public or with the user logged in; all its other sessions are closed. */
CK_SESSION_HANDLE face_public(CK_FLAGS flags);
CK_SESSION_HANDLE face_user(void);

const char *face_rv_name(CK_RV);
/* Every code of the specification; false: a number that no caller could understand. */
bool face_rv_known(CK_RV);

/* -- claims: IS goes on after a failure, NEED ends the case ------------------- */

bool face_check(CK_RV got, CK_RV want, const char *call, const char *file, unsigned line, bool fatal);
#define IS(call, want) face_check((call), (want), #call, __FILE__, __LINE__, false)
#define OK(call) IS(call, CKR_OK)
#define NEED(call) face_check((call), CKR_OK, #call, __FILE__, __LINE__, true)

/* -- templates ------------------------------------------------------------------ */

#define ATTR(type, variable) {(type), &(variable), sizeof(variable)}
#define BYTES(type, array, len) {(type), (array), (len)}
extern CK_BBOOL yes, no;

/* -- keys of session s, session objects unless token ----------------------------- */

/* A secret key of this value that may do everything. */
CK_OBJECT_HANDLE face_secret(CK_SESSION_HANDLE s, CK_KEY_TYPE type, const CK_BYTE *value, CK_ULONG len);
void face_sm2_pair(CK_SESSION_HANDLE s, CK_BBOOL token, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv);
/* The pair of GB/T 32918.5 A.2. */
void face_standard_pair(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *pub, CK_OBJECT_HANDLE *priv);
#define STANDARD_D "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
#define STANDARD_POINT "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020" \
                       "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"

#endif
