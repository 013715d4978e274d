/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token in use: its store, its pool, who is logged in, its objects' handles.
 * Lives from the first session (or C_GetTokenInfo) to C_Finalize.
 */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include "base/conf.h"
#include "hufu/pkcs11-sm.h"
#include "pool/pool.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

enum login { LOGIN_NONE = 0, LOGIN_USER, LOGIN_SO };

struct object;
struct handle_map;

/* The enrolled domains, as the store told at an epoch (domains.h). */
struct enrolled {
	bool known;
	uint64_t epoch;
	size_t n;
	char names[STORE_DOMAINS_MAX][STORE_DOMAIN_MAX + 1];
	uint8_t identities[STORE_DOMAINS_MAX][16];
};

struct token {
	CK_SLOT_ID slot;
	const struct conf_token *conf;
	struct store *store;
	struct pool *pool;
	_Atomic int login;              /* enum login, of all sessions of the process */
	_Atomic uint64_t login_epoch;   /* bumped by every logout: what a login lent is void */
	_Atomic uint64_t epoch;         /* bumped when the store was changed: cached objects ask their version again */
	_Atomic uint64_t domains_generation; /* bumped when what is enrolled was seen to have changed */
	_Atomic uint64_t copies_log_ns; /* when a missing copy may be told of again */
	_Atomic uint64_t checked_ns;    /* when the store was last asked for changes */
	uint64_t change_counter;        /* under lock */

	pthread_mutex_t login_lock;     /* one login or logout at a time; taken before lock, and only by who has entered a session */
	pthread_mutex_t lock;           /* what follows */
	CK_ULONG sessions, rw_sessions;
	struct handle_map *handles;     /* uuid -> object handle */
	struct session_object {         /* this process's session objects */
		CK_OBJECT_HANDLE handle;
		CK_SESSION_HANDLE session;
	} *session_objects;
	size_t nsession_objects, cap_session_objects;
	struct enrolled enrolled;
	struct lost_resident {          /* resident keys that their devices do not keep any more (residents.h) */
		uint8_t uuid[16];
		bool changed;           /* another key stands in its place */
		bool refused;           /* so it is, or there is no other device that may keep it still */
	} *lost;
	size_t nlost;

	pthread_mutex_t residents_lock; /* one look at them at a time; taken after login_lock, before lock */
	uint64_t looked, looked_of;     /* under it: the domains, as they are enrolled (domains_generation), that have been asked */
	_Atomic uint64_t residents_due_ns; /* when those that have not may be asked again */
	_Atomic uint64_t lost_log_ns;   /* when a lost one may be told of again */
};

/* Has another process changed the store? Asked at most every 100 ms unless now. Bumps epoch; ends a login of a token that was renewed. */
CK_RV token_refresh(struct token *, bool now);

/* Opens the store and, for a token in use, all that goes with it. pool stays the slot's. CKR_TOKEN_NOT_RECOGNIZED: not initialised. */
CK_RV token_open(CK_SLOT_ID, const struct conf_token *, const struct store_conf *, struct pool *, struct token **);
void token_close(struct token *);
/* Has this process a session with it? */
bool token_in_use(struct token *);
/* Ends the login of all its sessions, if there is one. Caller holds token->lock. */
void token_logout(struct token *);

static inline enum login token_login(const struct token *token)
{
	return (enum login)atomic_load_explicit(&((struct token *)(uintptr_t)token)->login, memory_order_acquire);
}

#endif
