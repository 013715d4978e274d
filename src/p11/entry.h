/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every entry point does: is the library initialised, is the session
 * there, are the arguments more than nonsense; then the core is called.
 *
 * Codes in the order of PKCS#11 3.1 5.1: CKR_CRYPTOKI_NOT_INITIALIZED, then
 * CKR_SESSION_HANDLE_INVALID, then CKR_ARGUMENTS_BAD, then what the core says.
 */
#ifndef P11_ENTRY_H
#define P11_ENTRY_H

#include "hufu/pkcs11-sm.h"
#include "token/session.h"

#include <stdbool.h>

/* The module is built with hidden visibility; C_ functions alone are seen. */
#define EXPORT __attribute__((visibility("default")))

/* An entry without a session: CKR_OK, or the code to return. entry_end is due after CKR_OK. */
CK_RV entry_begin(void);
CK_RV entry_end(CK_RV);

/* An entry with a session, entered: CKR_OK, or the code to return. entry_leave is due after CKR_OK. */
CK_RV entry_session(CK_SESSION_HANDLE, struct session **);
CK_RV entry_leave(struct session *, CK_RV);

/*
 * The application's own mutexes (PKCS#11 3.1 5.4.1), of which one serialises
 * all entries but C_WaitForSlotEvent. What args points to is copied.
 */
CK_RV entry_mutex_new(const CK_C_INITIALIZE_ARGS *, void **mutex);
void entry_mutex_free(const CK_C_INITIALIZE_ARGS *, void *mutex);
/* From now on; mutex NULL: none. */
void entry_mutex_use(const CK_C_INITIALIZE_ARGS *, void *mutex);
/* Called in place of entry_end by C_Finalize when it has succeeded. */
void entry_mutex_drop(void);

/* A length that no object in memory has, or bytes that are not there. */
bool bad_input(const void *data, CK_ULONG len);
bool bad_template(const CK_ATTRIBUTE *, CK_ULONG n);

/* CKR_ARGUMENTS_BAD, as the end of an operation: any error but CKR_BUFFER_TOO_SMALL ends it (PKCS#11 3.1 5.8 to 5.15). */
CK_RV bad_arguments(struct session *, enum op_kind);

/* What no mechanism of ours does: the session counts all the same. */
CK_RV entry_unsupported(CK_SESSION_HANDLE, bool bad);

#endif
