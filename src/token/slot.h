/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots: one a token section, one a store in token_dir, one spare.
 *
 * A slot's id is 31 bits of SM3 of its name, so it stays whatever the order of
 * the configuration; a spare slot's name is that of the token to come, so its
 * id outlives C_InitToken. Listing makes no file, thread or connection.
 */
#ifndef TOKEN_SLOT_H
#define TOKEN_SLOT_H

#include "hufu/pkcs11-sm.h"

#include <stdbool.h>

struct conf_token;
struct slot;
struct token;

/* C_GetSlotList: ids may be NULL; CKR_BUFFER_TOO_SMALL with *n set. A NULL ids call looks for new tokens in token_dir. */
CK_RV slot_list(bool token_present, CK_SLOT_ID *ids, CK_ULONG *n);
CK_RV slot_info(CK_SLOT_ID, CK_SLOT_INFO *);
/* The slot of a token section, or of a store in token_dir. CKR_SLOT_ID_INVALID. */
CK_RV slot_by_name(const char *name, CK_SLOT_ID *);
/* Its section, with devices of core_conf; stays until core_stop. NULL: no such slot. */
const struct conf_token *slot_section(CK_SLOT_ID);
CK_RV slot_token_info(CK_SLOT_ID, CK_TOKEN_INFO *);
/* What its store says of a token: label, serial number, flags; the rest is left alone. No lock of the core is taken: for who has entered a session. */
CK_RV slot_describe_token(const struct token *, CK_TOKEN_INFO *);
CK_RV slot_mechanisms(CK_SLOT_ID, CK_MECHANISM_TYPE *list, CK_ULONG *n);
CK_RV slot_mechanism_info(CK_SLOT_ID, CK_MECHANISM_TYPE, CK_MECHANISM_INFO *);
/* C_InitToken. CKR_SESSION_EXISTS while this process has a session with it. */
CK_RV slot_init_token(CK_SLOT_ID, const CK_BYTE *pin, CK_ULONG pin_len, const CK_BYTE label[32]);

/*
 * For session.c: the token of a slot, opened. CKR_SLOT_ID_INVALID, CKR_TOKEN_NOT_PRESENT (its store went away),
 * CKR_TOKEN_NOT_RECOGNIZED (not initialised yet).
 */
CK_RV slot_token(CK_SLOT_ID, struct token **);

/* One slot whose token went away or came back since it was last told; CKR_NO_EVENT. */
CK_RV slot_event(CK_SLOT_ID *);

/*
 * For reload.c, one caller at a time, who holds the core: devices as they are now to be. conf and what is in states are
 * taken over; NULL: as before.
 */
struct conf;
struct conf_states;
void slots_reconfigure(struct conf *, struct conf_states *);

/* For core.c, which holds its lock for writing. */
CK_RV slots_start(const struct conf *);
void slots_stop(void);

/* fork: the stores and pools of all slots. */
void slots_before_fork(void);
void slots_before_fork_close(void);
void slots_after_fork_parent(void);
void slots_after_fork_child(void);

#endif
