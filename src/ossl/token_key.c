/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/token_key.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "ossl/pause.h"
#include "ossl/search.h"
#include "ossl/param.h"
#include "token/object.h"

struct token_key {
	_Atomic unsigned refs;
	const struct provider *provider;
	struct uri *uri;
	struct desk *desk;
	_Atomic CK_OBJECT_HANDLE handle;
	CK_KEY_TYPE type;
	size_t len;
};

/* -- its life ---------------------------------------------------------------------- */

static CK_RV read_kind(struct token_key *key)
{
	CK_RV rv;
	CK_ULONG len = 0;
	CK_ATTRIBUTE type = {CKA_KEY_TYPE, &key->type, sizeof key->type}, value_len = {CKA_VALUE_LEN, &len, sizeof len};
	struct session *session = desk_take(key->desk, &rv);

	if (!session)
		return rv;
	rv = object_get_attributes(session, key->handle, &type, 1);
	if (rv == CKR_OK && object_get_attributes(session, key->handle, &value_len, 1) == CKR_OK)
		key->len = len;
	desk_give(key->desk, session);
	return rv;
}

static struct token_key *key_of(const struct search *search)
{
	struct token_key *key = calloc(1, sizeof *key);

	if (!key)
		return fail(search->provider, REASON_INTERNAL, "no memory"), NULL;
	*key = (struct token_key){.refs = 1, .provider = search->provider, .uri = uri_hold(search->uri),
	                          .desk = search->findings[0].desk,
	                          .handle = search->findings[0].handle};
	CK_RV rv = read_kind(key);
	if (rv == CKR_OK)
		return key;
	token_key_fail(key, rv, "read");
	token_key_rele(key);
	return NULL;
}

struct finder {
	struct search search;
	struct token_key *key;
};

static void find(void *arg)
{
	struct finder *finder = arg;

	if (!search_run(&finder->search))
		return;
	if (finder->search.n > 1)
		search_fail_several(&finder->search);
	else
		finder->key = key_of(&finder->search);
}

struct token_key *token_key_find(const struct provider *provider, const char *text)
{
	struct finder finder = {.search = {.provider = provider, .uri = uri_parse(provider, text), .what = SEARCH_SECRET}};
	struct pause pause;

	if (!finder.search.uri)
		return NULL;
	if (!pause_run(&pause, find, &finder))
		fail(provider, REASON_INTERNAL, "no memory");
	search_clear(&finder.search);
	uri_rele(finder.search.uri);
	return finder.key;
}

int token_key_param(const struct provider *provider, const OSSL_PARAM params[], struct token_key **key)
{
	const OSSL_PARAM *p = params ? OSSL_PARAM_locate_const(params, PARAM_URI) : NULL;
	char text[URI_MAX];

	if (!p)
		return 1;
	if (!param_text(p, text, sizeof text))
		return fail(provider, REASON_PARAMETER, PARAM_URI ": a URI of at most %d bytes is wanted", URI_MAX - 1);
	struct token_key *found = token_key_find(provider, text);
	if (!found)
		return 0;
	token_key_rele(*key);
	*key = found;
	return 1;
}

struct token_key *token_key_hold(struct token_key *key)
{
	if (key)
		atomic_fetch_add(&key->refs, 1);
	return key;
}

void token_key_rele(struct token_key *key)
{
	if (!key || atomic_fetch_sub(&key->refs, 1) > 1)
		return;
	uri_rele(key->uri);
	free(key);
}

CK_KEY_TYPE token_key_type(const struct token_key *key)
{
	return key->type;
}

size_t token_key_len(const struct token_key *key)
{
	return key->len;
}

struct desk *token_key_desk(const struct token_key *key)
{
	return key->desk;
}

/* -- at work ------------------------------------------------------------------------- */

int token_key_fail(const struct token_key *key, CK_RV rv, const char *what)
{
	return fail_rv(key->provider, rv, "%s with the key %s of the token \"%s\"", what, uri_text(key->uri),
	               desk_token(key->desk));
}

static bool is_stale(CK_RV rv)
{
	return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN;
}

/* Once more by its URI, which logs in. The session is left meanwhile: a thread enters one at a time. 0 after an error. */
static int renew(struct token_key *key)
{
	struct search search = {.provider = key->provider, .uri = key->uri, .what = SEARCH_SECRET};
	int good = search_run(&search);

	if (good && (search.n > 1 || search.findings[0].desk != key->desk))
		good = fail(key->provider, REASON_NO_OBJECT, "the key %s is not where it was", uri_text(key->uri));
	if (good)
		atomic_store(&key->handle, search.findings[0].handle);
	search_clear(&search);
	return good;
}

struct attempt {
	struct token_key *key;
	const struct token_work *work;
	struct pause pause;
	int good;
};

static CK_RV take(struct token_key *key, const struct token_work *work, struct session **session)
{
	CK_RV rv;

	*session = desk_take(key->desk, &rv);
	if (!*session)
		return rv;
	rv = work->begin(*session, atomic_load(&key->handle), work->arg);
	if (rv == CKR_OK)
		return CKR_OK;
	desk_give(key->desk, *session);
	*session = NULL;
	return rv;
}

/* A session on which it is begun, entered. NULL after an error. */
static struct session *begun(struct token_key *key, const struct token_work *work)
{
	struct session *session;
	CK_RV rv;

	if (work->seat && seat_is_kept(work->seat)) {
		session = seat_enter(work->seat, &rv);
	} else {
		rv = take(key, work, &session);
		if (is_stale(rv)) {
			if (!renew(key))
				return NULL;
			rv = take(key, work, &session);
		}
	}
	if (rv != CKR_OK)
		token_key_fail(key, rv, work->what);
	return rv == CKR_OK ? session : NULL;
}

static void run_attempt(void *arg)
{
	struct attempt *attempt = arg;
	const struct token_work *work = attempt->work;
	struct session *session = begun(attempt->key, work);
	CK_RV rv = CKR_OK;

	if (!session)
		return;
	if (work->run) {
		pause_begin(&attempt->pause, session);
		rv = work->run(session, work->arg);
		pause_end(&attempt->pause);
	}
	if (work->seat)
		seat_keep(work->seat, attempt->key->desk, session);
	else
		desk_give(attempt->key->desk, session);
	attempt->good = rv == CKR_OK ? 1 : token_key_fail(attempt->key, rv, work->what);
}

int token_key_work(struct token_key *key, const struct token_work *work)
{
	struct attempt attempt = {.key = key, .work = work};

	if (!pause_run(&attempt.pause, run_attempt, &attempt))
		return fail(key->provider, REASON_INTERNAL, "no memory");
	return attempt.good;
}
