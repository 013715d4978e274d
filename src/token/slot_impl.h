/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about slots share. */
#ifndef TOKEN_SLOT_IMPL_H
#define TOKEN_SLOT_IMPL_H

#include "base/conf_states.h"
#include "pool/pool.h"
#include "token/slot.h"

#include <pthread.h>
#include <stdatomic.h>

#define SLOTS_MAX 1024
#define SLOT_NAME_MAX 64

struct slot {
	CK_SLOT_ID id;
	char name[SLOT_NAME_MAX + 1];
	/* Of the section as it was at C_Initialize; for stores of token_dir: the defaults, with name and store. */
	struct conf_token conf;
	char *own_store;                 /* conf.store, where it is ours */
	_Atomic bool seen;               /* its store was there once */
	bool told_present;               /* as C_WaitForSlotEvent knows it; slots.events_lock */
	pthread_mutex_t lock;            /* making what follows */
	_Atomic(struct pool *) pool;     /* made when first asked for */
	struct token *token;             /* opened when first asked for */
};

extern struct slots {
	const struct conf *conf;         /* of C_Initialize */
	pthread_mutex_t lock;            /* adding */
	struct slot *slot[SLOTS_MAX];    /* never freed before slots_stop */
	_Atomic size_t n;
} slots;

/* -- slot.c ---------------------------------------------------------------- */

bool slot_store_exists(const struct slot *);

/* -- slot_event.c ------------------------------------------------------------- */

/*
 * Is its token there? It is as long as its store answers, even when no device is
 * up. One that was never initialised counts as there: C_InitToken finds it.
 */
bool slot_present(struct slot *);
/* From now on changes are events. */
void slot_event_begin(struct slot *);
void slot_event_before_fork(void);
void slot_event_after_fork_parent(void);
void slot_event_after_fork_child(void);

/* -- slot_conf.c ------------------------------------------------------------- */

/* The configuration in force for devices: slots.conf, until slots_reconfigure gives another. */
void slot_conf_start(void);
void slot_conf_stop(void);
/* Makes slot->pool from it. Caller holds slot->lock, or the core exclusively. */
enum hufu_err slot_new_pool(struct slot *) MUST_CHECK;
void slot_conf_before_fork(void);
void slot_conf_after_fork_parent(void);
void slot_conf_after_fork_child(void);

#endif
