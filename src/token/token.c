/* SPDX-License-Identifier: Apache-2.0 */
#include "token/token.h"
#include "base/clock.h"
#include "rand/rand.h"
#include "token/domains.h"
#include "token/handle.h"
#include "token/object.h"
#include "token/residents.h"
#include "token/rv.h"

#include <stdlib.h>

/* DESIGN 4, shared knowledge: another process's changes are seen within this time. */
#define REFRESH_NS (100 * NS_PER_MS)

CK_RV token_open(CK_SLOT_ID slot, const struct conf_token *conf, const struct store_conf *store, struct pool *pool, struct token **out)
{
	enum hufu_err err = rand_start();
	if (err != HUFU_OK)
		return rv_of(err);
	struct token *token = calloc(1, sizeof *token);
	if (!token)
		return CKR_HOST_MEMORY;
	CK_RV rv = CKR_HOST_MEMORY;
	token->slot = slot;
	token->conf = conf;
	token->pool = pool;
	pthread_mutex_init(&token->login_lock, NULL);
	pthread_mutex_init(&token->lock, NULL);
	pthread_mutex_init(&token->residents_lock, NULL);
	atomic_init(&token->residents_due_ns, CLOCK_NEVER);
	token->handles = handle_map_new();
	if (!token->handles)
		goto fail;
	rv = rv_of(store_open(store, &token->store));
	if (rv == CKR_OK)
		rv = rv_of(store_change_counter(token->store, &token->change_counter));
	if (rv != CKR_OK)
		goto fail;
	atomic_store(&token->checked_ns, clock_now_ns());
	*out = token;
	return CKR_OK;
fail:
	token_close(token);
	return rv;
}

void token_close(struct token *token)
{
	if (!token)
		return;
	if (token->handles)
		object_drop_all(token);
	if (token->store) {
		domains_keep_refusals(token);
		store_logout(token->store);
		domains_logout(token);
		residents_logout(token);
		store_close(token->store);
	}
	handle_map_free(token->handles);
	free(token->session_objects);
	pthread_mutex_destroy(&token->residents_lock);
	pthread_mutex_destroy(&token->lock);
	pthread_mutex_destroy(&token->login_lock);
	free(token);
}

/* A ticket was renewed: devices want to be told the new one while the former is good still. */
static void renew_login(struct token *token)
{
	if (token->conf->engine == CONF_STORE_NET && token_login(token) != LOGIN_NONE)
		domains_renew(token);
}

CK_RV token_refresh(struct token *token, bool now)
{
	uint64_t checked = atomic_load_explicit(&token->checked_ns, memory_order_relaxed), t = clock_now_ns();
	if (!now && t - checked < REFRESH_NS)
		return CKR_OK;
	uint64_t counter;
	enum hufu_err err = store_change_counter(token->store, &counter);
	if (err != HUFU_OK)
		return rv_of(err);
	pthread_mutex_lock(&token->lock);
	bool changed = counter != token->change_counter;
	if (changed) {
		token->change_counter = counter;
		atomic_fetch_add(&token->epoch, 1);
		if (!store_unlocked(token->store)) /* another process has renewed the token: whom we knew, it does not */
			token_logout(token);
	}
	atomic_store(&token->checked_ns, t);
	pthread_mutex_unlock(&token->lock);
	if (changed)
		renew_login(token);
	return CKR_OK;
}

bool token_in_use(struct token *token)
{
	pthread_mutex_lock(&token->lock);
	bool in_use = token->sessions != 0;
	pthread_mutex_unlock(&token->lock);
	return in_use;
}

void token_logout(struct token *token)
{
	if (atomic_exchange(&token->login, LOGIN_NONE) == LOGIN_NONE)
		return;
	atomic_fetch_add(&token->login_epoch, 1);
	domains_keep_refusals(token);
	store_logout(token->store);
	domains_logout(token);
	residents_logout(token);
	object_drop_private(token);
}
