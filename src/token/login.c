/* SPDX-License-Identifier: Apache-2.0 */
/* Logins and PINs (PKCS#11 5.5.5 to 5.5.7, 5.6.8 to 5.6.10). A login belongs to all sessions of the process with the token. */
#include "base/log.h"
#include "token/domains.h"
#include "token/object.h"
#include "token/operation.h"
#include "token/residents.h"
#include "token/rv.h"
#include "token/session.h"

static enum store_role role_of(enum login login)
{
	return login == LOGIN_SO ? STORE_SO : STORE_USER;
}

/* PKCS#11 3.1 5.6.8: a context-specific login is for the Init that it follows. NULL: none waits. */
static struct operation *waiting_last(const struct session *s)
{
	struct operation *last = NULL;
	for (int kind = 0; kind < OP_KINDS; kind++) {
		struct operation *op = s->ops[kind];
		if (op && operation_wants_login(op) && (!last || operation_is_later(op, last)))
			last = op;
	}
	return last;
}

/* A PIN, and whether nobody typed it: see store_login_sparing. */
struct given_pin {
	const CK_BYTE *pin;
	CK_ULONG len;
	bool sparing;
};

static CK_RV try_pin(struct store *store, enum store_role role, const struct given_pin *given)
{
	return rv_of((given->sparing ? store_login_sparing : store_login)(store, role, given->pin, given->len));
}

/* The PIN of whoever is logged in, for one operation that waits for it. */
static CK_RV login_context(struct session *s, const struct given_pin *given)
{
	struct operation *waiting = waiting_last(s);
	enum login login = token_login(s->token);
	if (!waiting)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (login == LOGIN_NONE)
		return CKR_USER_NOT_LOGGED_IN;
	CK_RV rv = try_pin(s->token->store, role_of(login), given);
	if (rv == CKR_OK)
		operation_authorise(waiting);
	return rv;
}

/* What stands against this login now; under the token's lock. */
static CK_RV objection(const struct token *token, enum login wanted)
{
	enum login now = token_login(token);
	if (now == wanted)
		return CKR_USER_ALREADY_LOGGED_IN;
	if (now != LOGIN_NONE)
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	if (wanted == LOGIN_SO && token->sessions != token->rw_sessions)
		return CKR_SESSION_READ_ONLY_EXISTS;
	return CKR_OK;
}

static CK_RV objection_locked(struct token *token, enum login wanted)
{
	pthread_mutex_lock(&token->lock);
	CK_RV rv = objection(token, wanted);
	pthread_mutex_unlock(&token->lock);
	return rv;
}

/* hufu's roles have no names but their types' own. */
static bool username_fits(const CK_BYTE *user, CK_ULONG len)
{
	return len == 0 || user == NULL;
}

static CK_RV login_all(struct token *token, enum login wanted, const struct given_pin *given)
{
	CK_RV rv = objection_locked(token, wanted);
	if (rv != CKR_OK)
		return rv;
	rv = try_pin(token->store, role_of(wanted), given);
	if (rv != CKR_OK)
		return rv;
	domains_login(token, wanted); /* before anybody uses a key under this login */
	if (wanted == LOGIN_USER) /* whose keys they are */
		residents_login(token);
	domains_keep_refusals(token);
	pthread_mutex_lock(&token->lock);
	rv = objection(token, wanted); /* a R/O session may have been opened meanwhile */
	if (rv == CKR_OK) {
		atomic_store(&token->login, wanted);
	} else {
		store_logout(token->store);
		domains_logout(token);
		residents_logout(token);
	}
	pthread_mutex_unlock(&token->lock);
	return rv;
}

static CK_RV log_in(struct session *s, CK_USER_TYPE type, const struct given_pin *given)
{
	struct token *token = s->token;
	CK_RV rv;

	if (!given->pin) /* no protected authentication path: a PIN must come */
		return CKR_ARGUMENTS_BAD;
	rv = token_refresh(token, true); /* the token may be another by now, and nobody logged in to that */
	if (rv != CKR_OK)
		return rv;
	/* Stretching the PIN takes its time; a logout in it would leave the store open with nobody logged in. */
	pthread_mutex_lock(&token->login_lock);
	if (type == CKU_CONTEXT_SPECIFIC)
		rv = login_context(s, given);
	else
		rv = login_all(token, type == CKU_SO ? LOGIN_SO : LOGIN_USER, given);
	pthread_mutex_unlock(&token->login_lock);
	return rv;
}

CK_RV session_login(struct session *s, CK_USER_TYPE type, const CK_BYTE *pin, CK_ULONG pin_len, const CK_BYTE *user, CK_ULONG user_len)
{
	if (type != CKU_SO && type != CKU_USER && type != CKU_CONTEXT_SPECIFIC)
		return CKR_USER_TYPE_INVALID;
	if (!username_fits(user, user_len))
		return CKR_USER_TYPE_INVALID;
	return log_in(s, type, &(struct given_pin){pin, pin_len, false});
}

CK_RV session_login_sparing(struct session *s, CK_USER_TYPE type, const CK_BYTE *pin, CK_ULONG pin_len)
{
	return log_in(s, type, &(struct given_pin){pin, pin_len, true});
}

CK_RV session_check_user_pin(struct session *s, const CK_BYTE *pin, CK_ULONG pin_len)
{
	struct token *token = s->token;
	CK_RV rv = token_refresh(token, true);
	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&token->login_lock);
	if (token_login(token) == LOGIN_USER)
		rv = rv_of(store_login(token->store, STORE_USER, pin, pin_len)); /* as login_context */
	else
		rv = CKR_USER_NOT_LOGGED_IN;
	pthread_mutex_unlock(&token->login_lock);
	return rv;
}

static CK_RV logout_all(struct token *token)
{
	pthread_mutex_lock(&token->login_lock);
	pthread_mutex_lock(&token->lock);
	CK_RV rv = token_login(token) == LOGIN_NONE ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
	token_logout(token);
	pthread_mutex_unlock(&token->lock);
	pthread_mutex_unlock(&token->login_lock);
	return rv;
}

CK_RV session_logout(struct session *s)
{
	CK_RV rv = logout_all(s->token);
	if (rv != CKR_OK)
		return rv;
	for (int kind = 0; kind < OP_KINDS; kind++)
		if (s->ops[kind] && operation_uses_private(s->ops[kind]))
			operation_end(s->ops[kind]);
	find_free(s->find); /* it may hold uuids of private objects */
	s->find = NULL;
	return CKR_OK;
}

CK_RV session_init_pin(struct session *s, const CK_BYTE *pin, CK_ULONG pin_len)
{
	if (!pin)
		return CKR_ARGUMENTS_BAD;
	if (token_login(s->token) != LOGIN_SO)
		return CKR_USER_NOT_LOGGED_IN;
	return rv_of(store_init_pin(s->token->store, pin, pin_len));
}

/* Without a login it is the user's PIN that changes (5.5.7). */
CK_RV session_set_pin(struct session *s, const CK_BYTE *old, CK_ULONG old_len, const CK_BYTE *pin, CK_ULONG pin_len)
{
	if (!old || !pin)
		return CKR_ARGUMENTS_BAD;
	if (!session_rw(s))
		return CKR_SESSION_READ_ONLY;
	return rv_of(store_set_pin(s->token->store, role_of(token_login(s->token)), old, old_len, pin, pin_len));
}
