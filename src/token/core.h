/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library as a whole: configuration, slots, beginning and end, fork.
 *
 * Locks, outermost first: the core's, a session's, a slot's, that of a token's logins, a token's, the
 * handle table's, the store's, the pool's. A thread holds at most one session,
 * and a call on a session takes no lock of the core.
 */
#ifndef TOKEN_CORE_H
#define TOKEN_CORE_H

#include "base/conf.h"
#include "hufu/pkcs11-sm.h"

/* C_Initialize. CKR_CRYPTOKI_ALREADY_INITIALIZED; in a forked child that inherited a running library: OK once, state kept. */
CK_RV core_start(bool threads_forbidden);
/* The same with this configuration; NULL: where conf_load finds it. */
CK_RV core_start_with(const char *conf_path, bool threads_forbidden);
/* As it was at the start; stays until core_stop. */
const struct conf *core_conf(void);
/* C_Finalize: wakes C_WaitForSlotEvent, closes all sessions, forgets every secret. Memory that late calls may touch stays. */
CK_RV core_stop(void);
/* One atomic read: every entry asks it first. */
bool core_running(void);
/* CKF_LIBRARY_CANT_CREATE_OS_THREADS was given. */
bool core_threads_forbidden(void);

/*
 * The configuration and the slots stay while held. Shared: many at once.
 * CKR_CRYPTOKI_NOT_INITIALIZED: nothing is held.
 */
CK_RV core_hold(void);
CK_RV core_hold_exclusive(void);
/* Shared, at once: false where it would wait, or the library does not run. For whoever must not keep a start, stop or fork waiting. */
bool core_try_hold(void);
void core_rele(void);

/* C_WaitForSlotEvent: a slot whose token went away or came back. Blocking ends with the library: CKR_CRYPTOKI_NOT_INITIALIZED. */
CK_RV core_wait_event(bool block, CK_SLOT_ID *slot);

#endif
