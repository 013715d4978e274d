/* SPDX-License-Identifier: Apache-2.0 */
#include "token/session.h"
#include "base/log.h"
#include "token/core.h"
#include "token/object.h"
#include "token/operation.h"
#include "token/rv.h"
#include "token/slot.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 256u
#define CHUNKS ((SESSIONS_MAX + CHUNK) / CHUNK)
#define INDEX_BITS 16
#define GENERATIONS 0x7fffu

/* Chunks are never freed: a late call with a dead handle finds memory that says so. */
struct place {
	struct session session;
	uint32_t generation;             /* of the last handle given out here; under table.lock */
	uint32_t next_free;              /* index + 1; under table.lock */
};

static struct {
	pthread_mutex_t lock;
	uint32_t used;
	uint32_t free_first, free_last;  /* first in, first out */
	_Atomic unsigned nparked;
} table = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic(struct place *) chunks[CHUNKS];

static struct place *place_at(uint32_t index)
{
	struct place *chunk = atomic_load_explicit(&chunks[index / CHUNK], memory_order_acquire);
	return chunk ? &chunk[index % CHUNK] : NULL;
}

static uint32_t index_of(CK_SESSION_HANDLE handle)
{
	return (uint32_t)(handle & ((1u << INDEX_BITS) - 1)) - 1;
}

static struct session *session_of(CK_SESSION_HANDLE handle)
{
	if (handle > INT32_MAX || (handle & ((1u << INDEX_BITS) - 1)) == 0)
		return NULL;
	struct place *p = place_at(index_of(handle));
	return p ? &p->session : NULL;
}

/* -- places ------------------------------------------------------------------ */

static struct place *place_grow(void)
{
	uint32_t index = table.used;
	if (index >= SESSIONS_MAX)
		return NULL;
	if (!place_at(index)) {
		struct place *chunk = calloc(CHUNK, sizeof *chunk);
		if (!chunk)
			return NULL;
		for (uint32_t i = 0; i < CHUNK; i++)
			pthread_mutex_init(&chunk[i].session.lock, NULL);
		atomic_store_explicit(&chunks[index / CHUNK], chunk, memory_order_release);
	}
	table.used++;
	return place_at(index);
}

/* A place of one's own and the handle to come; CKR_SESSION_COUNT when all are taken. */
static CK_RV place_take(struct place **out, CK_SESSION_HANDLE *handle)
{
	pthread_mutex_lock(&table.lock);
	uint32_t index = table.free_first ? table.free_first - 1 : table.used;
	struct place *p = table.free_first ? place_at(index) : place_grow();
	if (p && table.free_first) {
		table.free_first = p->next_free;
		if (!table.free_first)
			table.free_last = 0;
	}
	if (p) {
		p->generation = p->generation % GENERATIONS + 1;
		*handle = (CK_SESSION_HANDLE)p->generation << INDEX_BITS | (index + 1);
	}
	pthread_mutex_unlock(&table.lock);
	*out = p;
	return p ? CKR_OK : CKR_SESSION_COUNT;
}

static void place_give(CK_SESSION_HANDLE handle)
{
	uint32_t index = index_of(handle);
	pthread_mutex_lock(&table.lock);
	place_at(index)->next_free = 0;
	if (table.free_last)
		place_at(table.free_last - 1)->next_free = index + 1;
	else
		table.free_first = index + 1;
	table.free_last = index + 1;
	pthread_mutex_unlock(&table.lock);
}

static uint32_t places_used(void)
{
	pthread_mutex_lock(&table.lock);
	uint32_t used = table.used;
	pthread_mutex_unlock(&table.lock);
	return used;
}

/* -- entering ---------------------------------------------------------------- */

static void end_operations(struct session *s, bool (*which)(const struct operation *))
{
	for (int kind = 0; kind < OP_KINDS; kind++)
		if (s->ops[kind] && (!which || which(s->ops[kind])))
			operation_end(s->ops[kind]);
}

/* A logout since the last call ended what used private keys. */
static void catch_up_with_logout(struct session *s)
{
	uint64_t epoch = atomic_load_explicit(&s->token->login_epoch, memory_order_acquire);
	if (s->login_epoch == epoch)
		return;
	s->login_epoch = epoch;
	end_operations(s, operation_uses_private);
}

CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **out)
{
	if (!core_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	struct session *s = session_of(handle);
	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	pthread_mutex_lock(&s->lock);
	if (s->handle != handle) {
		pthread_mutex_unlock(&s->lock);
		return core_running() ? CKR_SESSION_HANDLE_INVALID : CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	catch_up_with_logout(s);
	*out = s;
	return CKR_OK;
}

void session_leave(struct session *s)
{
	pthread_mutex_unlock(&s->lock);
}

/* -- waiting without a thread ------------------------------------------------- */

void session_park(struct session *s)
{
	s->parked = true;
	atomic_fetch_add(&table.nparked, 1);
	pthread_mutex_unlock(&s->lock);
}

void session_unpark(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	s->parked = false;
	atomic_fetch_sub(&table.nparked, 1);
}

unsigned sessions_parked(void)
{
	return atomic_load(&table.nparked);
}

/* -- opening and closing ------------------------------------------------------ */

/* Counts the session in, by the rules of 5.6.1; under the token's lock. */
static CK_RV admit(struct token *token, CK_FLAGS flags)
{
	CK_RV rv = CKR_OK;
	pthread_mutex_lock(&token->lock);
	if (!(flags & CKF_RW_SESSION) && token_login(token) == LOGIN_SO)
		rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
	else {
		token->sessions++;
		if (flags & CKF_RW_SESSION)
			token->rw_sessions++;
	}
	pthread_mutex_unlock(&token->lock);
	return rv;
}

/* The caller's last look at the token: once nobody is counted, it may be renewed. */
static void dismiss(struct token *token, CK_FLAGS flags)
{
	pthread_mutex_lock(&token->lock);
	if (token->sessions == 1) /* 5.6.2: closing an application's last session with a token logs it out */
		token_logout(token);
	token->sessions--;
	if (flags & CKF_RW_SESSION)
		token->rw_sessions--;
	pthread_mutex_unlock(&token->lock);
}

static CK_RV check_flags(struct token *token, CK_FLAGS flags)
{
	struct store_token info;
	if (!(flags & CKF_RW_SESSION))
		return CKR_OK;
	enum hufu_err err = store_token(token->store, &info);
	if (err != HUFU_OK)
		return rv_of(err);
	return info.read_only ? CKR_TOKEN_WRITE_PROTECTED : CKR_OK;
}

static CK_RV open_on(struct token *token, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
	struct place *p;
	CK_SESSION_HANDLE h;

	CK_RV rv = check_flags(token, flags);
	if (rv == CKR_OK)
		rv = admit(token, flags);
	if (rv != CKR_OK)
		return rv;
	rv = place_take(&p, &h);
	if (rv != CKR_OK) {
		dismiss(token, flags);
		return rv;
	}
	struct session *s = &p->session;
	pthread_mutex_lock(&s->lock);
	s->token = token;
	s->flags = flags;
	s->login_epoch = atomic_load(&token->login_epoch);
	s->handle = h;
	pthread_mutex_unlock(&s->lock);
	*handle = h;
	return CKR_OK;
}

CK_RV session_open(CK_SLOT_ID slot, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
	struct token *token;
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = slot_token(slot, &token);
	if (rv == CKR_OK && !(flags & CKF_SERIAL_SESSION))
		rv = CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	if (rv == CKR_OK && (flags & CKF_ASYNC_SESSION))
		rv = CKR_SESSION_ASYNC_NOT_SUPPORTED;
	if (rv == CKR_OK)
		rv = open_on(token, flags, handle);
	core_rele();
	return rv;
}

/* Takes an entered session apart and leaves it. */
static void close_entered(struct session *s)
{
	struct token *token = s->token;
	CK_SESSION_HANDLE handle = s->handle;
	CK_FLAGS flags = s->flags;

	for (int kind = 0; kind < OP_KINDS; kind++) {
		operation_free(s->ops[kind]);
		s->ops[kind] = NULL;
	}
	find_free(s->find);
	s->find = NULL;
	s->handle = 0;
	s->token = NULL;
	object_drop_session(token, handle);
	dismiss(token, flags);
	pthread_mutex_unlock(&s->lock); /* C_Finalize waits here before the token goes */
	place_give(handle);
}

CK_RV session_close(CK_SESSION_HANDLE handle)
{
	struct session *s;
	CK_RV rv = session_enter(handle, &s);
	if (rv != CKR_OK)
		return rv;
	close_entered(s);
	return CKR_OK;
}

/* token NULL: of all tokens. */
static void close_of(const struct token *token)
{
	uint32_t used = places_used();
	for (uint32_t i = 0; i < used; i++) {
		struct session *s = &place_at(i)->session;
		pthread_mutex_lock(&s->lock);
		if (s->handle && !s->parked && (!token || s->token == token))
			close_entered(s);
		else
			pthread_mutex_unlock(&s->lock);
	}
}

CK_RV session_close_all(CK_SLOT_ID slot)
{
	struct token *token;
	CK_RV rv = core_hold();
	if (rv != CKR_OK)
		return rv;
	rv = slot_token(slot, &token);
	if (rv == CKR_OK)
		close_of(token);
	core_rele();
	/* Not initialised: nobody can have a session with it. */
	return rv == CKR_TOKEN_NOT_RECOGNIZED ? CKR_OK : rv;
}

void session_close_everything(void)
{
	close_of(NULL);
}

CK_RV session_info(struct session *s, CK_SESSION_INFO *info)
{
	bool rw = session_rw(s);
	memset(info, 0, sizeof *info);
	info->slotID = s->token->slot;
	info->flags = s->flags;
	switch (token_login(s->token)) {
	case LOGIN_NONE: info->state = rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION; break;
	case LOGIN_USER: info->state = rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS; break;
	case LOGIN_SO: info->state = CKS_RW_SO_FUNCTIONS; break;
	}
	return CKR_OK;
}

/* 3.0 5.6.5: cancels what the flags name; a flag whose operation is not active is no error. */
CK_RV session_cancel(struct session *s, CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS flag;
		enum op_kind kind;
	} rows[] = {
		{CKF_ENCRYPT, OP_ENCRYPT}, {CKF_DECRYPT, OP_DECRYPT}, {CKF_DIGEST, OP_DIGEST},
		{CKF_SIGN, OP_SIGN}, {CKF_VERIFY, OP_VERIFY},
		{CKF_SIGN_RECOVER, OP_SIGN_RECOVER}, {CKF_VERIFY_RECOVER, OP_VERIFY_RECOVER},
		{CKF_MESSAGE_ENCRYPT, OP_MESSAGE_ENCRYPT}, {CKF_MESSAGE_DECRYPT, OP_MESSAGE_DECRYPT},
		{CKF_MESSAGE_SIGN, OP_MESSAGE_SIGN}, {CKF_MESSAGE_VERIFY, OP_MESSAGE_VERIFY},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (flags & rows[i].flag)
			operation_end(s->ops[rows[i].kind]);
	if (flags & CKF_FIND_OBJECTS) {
		find_free(s->find);
		s->find = NULL;
	}
	return CKR_OK;
}

/* -- fork -------------------------------------------------------------------- */

/* The core is held exclusively: no session is being opened. Waits for the calls that run. */
void session_before_fork(void)
{
	uint32_t used = places_used();
	for (uint32_t i = 0; i < used; i++)
		pthread_mutex_lock(&place_at(i)->session.lock);
	pthread_mutex_lock(&table.lock);
}

void session_after_fork_parent(void)
{
	uint32_t used = table.used;
	pthread_mutex_unlock(&table.lock);
	for (uint32_t i = 0; i < used; i++)
		pthread_mutex_unlock(&place_at(i)->session.lock);
}

/* DESIGN 4, fork: encryption and decryption stay with the parent, all else goes on on both sides. */
static bool drops_in_child(enum op_kind kind)
{
	return kind == OP_ENCRYPT || kind == OP_DECRYPT || kind == OP_MESSAGE_ENCRYPT || kind == OP_MESSAGE_DECRYPT;
}

void session_after_fork_child(void)
{
	pthread_mutex_init(&table.lock, NULL);
	atomic_store(&table.nparked, 0);
	for (uint32_t i = 0; i < table.used; i++) {
		struct session *s = &place_at(i)->session;
		pthread_mutex_init(&s->lock, NULL);
		s->parked = false;
		for (int kind = 0; kind < OP_KINDS; kind++)
			if (s->ops[kind] && drops_in_child((enum op_kind)kind))
				operation_end(s->ops[kind]);
	}
}
