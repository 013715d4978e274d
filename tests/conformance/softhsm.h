/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SoftHSM as the device in tests: tokens of its own in a private directory,
 * made and changed through the module as an application would.
 */
#ifndef CONFORMANCE_SOFTHSM_H
#define CONFORMANCE_SOFTHSM_H

#include "hufu/pkcs11-sm.h"

#include <stdbool.h>
#include <stdint.h>

#define SOFTHSM_PIN "a token's pin"

/* NULL: it is not installed. Makes the private directory, and sets SOFTHSM2_CONF. */
const char *softhsm_module(void);
/* The module itself; initialised by softhsm_start, for what follows. */
extern CK_FUNCTION_LIST *softhsm;
void softhsm_start(void);
void softhsm_stop(void);

/* A new token; its directory's path in path. */
void softhsm_token(const char *label, char path[256]);
/* A session with it, the user logged in. */
CK_SESSION_HANDLE softhsm_session(const char *label);
CK_OBJECT_HANDLE softhsm_aes(CK_SESSION_HANDLE, const char *label, uint8_t id, const uint8_t value[32]);
/* A pair on the token; curve: the DER of an OID. */
void softhsm_ec(CK_SESSION_HANDLE, const char *label, uint8_t id, const void *curve, size_t curve_len);
void softhsm_edwards(CK_SESSION_HANDLE, const char *label, uint8_t id, const void *curve, size_t curve_len);
void softhsm_rsa(CK_SESSION_HANDLE, const char *label, uint8_t id);

#endif
