/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/search.h"

#include <stdlib.h>
#include <string.h>

#include "token/slot.h"

#define BATCH 64u

static const struct {
	unsigned what;
	CK_OBJECT_CLASS object_class;
} classes[] = {
	{SEARCH_PRIVATE, CKO_PRIVATE_KEY},
	{SEARCH_PUBLIC, CKO_PUBLIC_KEY},
	{SEARCH_CERTIFICATES, CKO_CERTIFICATE},
	{SEARCH_SECRET, CKO_SECRET_KEY},
};
#define NCLASSES (sizeof classes / sizeof *classes)

/* -- tokens ------------------------------------------------------------------------------ */

struct tokens {
	CK_SLOT_ID *slots;
	CK_ULONG n;
	CK_ULONG npins;                 /* that have a user PIN: the others have nothing private */
};

bool search_token_has_label(const CK_TOKEN_INFO *info, const char *label)
{
	size_t len = label ? strlen(label) : 0, room = sizeof info->label;

	if (!label)
		return true;
	if (len > room || memcmp(info->label, label, len) != 0)
		return false;
	while (len < room && info->label[len] == ' ')
		len++;
	return len == room;
}

/* What of the slots listed is a token that the URI means. */
static void keep_meant(const struct search *search, struct tokens *tokens, const char *label)
{
	CK_TOKEN_INFO info;
	CK_ULONG n = 0;

	tokens->npins = 0;
	for (CK_ULONG i = 0; i < tokens->n; i++)
		if (slot_token_info(tokens->slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) &&
		    search_token_has_label(&info, label) &&
		    (!search->uri || uri_matches_token(search->uri, tokens->slots[i], &info))) {
			tokens->slots[n++] = tokens->slots[i];
			tokens->npins += (info.flags & CKF_USER_PIN_INITIALIZED) != 0;
		}
	tokens->n = n;
}

static int list_tokens(const struct search *search, struct tokens *tokens)
{
	CK_RV rv = slot_list(true, NULL, &tokens->n);

	*tokens = (struct tokens){.n = tokens->n + 8}; /* that may come meanwhile */
	tokens->slots = calloc(tokens->n, sizeof *tokens->slots);
	if (!tokens->slots)
		return fail(search->provider, REASON_INTERNAL, "no memory");
	if (rv == CKR_OK)
		rv = slot_list(true, tokens->slots, &tokens->n);
	if (rv != CKR_OK)
		return fail_rv(search->provider, rv, "list the tokens");
	keep_meant(search, tokens, NULL);
	/* The provider's own token is meant by who names none, if there is a choice. */
	if (tokens->npins > 1 && (!search->uri || !uri_names_token(search->uri)))
		keep_meant(search, tokens, search->provider->settings.token);
	if (tokens->n)
		return 1;
	return fail(search->provider, REASON_NO_TOKEN, "no token is what %s says: see \"hufu token list\"",
	            search->uri ? uri_text(search->uri) : "the configuration");
}

struct desk *search_token(const struct provider *provider, struct uri *uri)
{
	struct search search = {.provider = provider, .uri = uri};
	struct tokens tokens = {0};
	struct desk *desk = NULL;

	if (desks_start(provider) && list_tokens(&search, &tokens)) {
		if (tokens.n == 1)
			desk = desk_of(provider, tokens.slots[0]);
		else
			fail(provider, REASON_NO_TOKEN, "%lu tokens are there: name one with token=LABEL in pkcs11_uri, or as token in the "
			     "provider's section of openssl.cnf", tokens.n);
	}
	free(tokens.slots);
	return desk;
}

/* -- objects -------------------------------------------------------------------------------- */

static bool add(struct search *search, struct desk *desk, CK_OBJECT_HANDLE handle, unsigned what)
{
	if (search->n == search->cap) {
		size_t cap = search->cap ? 2 * search->cap : 16;
		struct finding *bigger = reallocarray(search->findings, cap, sizeof *bigger);
		if (!bigger)
			return fail(search->provider, REASON_INTERNAL, "no memory");
		search->findings = bigger;
		search->cap = cap;
	}
	search->findings[search->n++] = (struct finding){desk, handle, what};
	return true;
}

static bool is_usable(struct session *session, CK_OBJECT_HANDLE handle)
{
	static const CK_KEY_TYPE types[] = {CKK_RSA, CKK_EC, CKK_HUFU_SM2, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY};
	struct object *object;
	bool usable;

	if (object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object) != CKR_OK)
		return false;
	usable = object->object_class == CKO_SECRET_KEY;
	if (object->object_class == CKO_CERTIFICATE)
		usable = attrs_ulong(&object->attrs, CKA_CERTIFICATE_TYPE, CKC_X_509) == CKC_X_509 && attrs_get(&object->attrs, CKA_VALUE);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		usable |= object->object_class != CKO_CERTIFICATE && object->key_type == types[i];
	object_rele(object);
	return usable;
}

static int collect(struct search *search, struct desk *desk, struct session *session, unsigned what)
{
	CK_OBJECT_HANDLE handles[BATCH];
	CK_ULONG n;

	do {
		CK_RV rv = find_next(session, handles, BATCH, &n);
		if (rv != CKR_OK)
			return fail_rv(search->provider, rv, "look for %s on the token \"%s\"", uri_text(search->uri), desk_token(desk));
		for (CK_ULONG i = 0; i < n; i++)
			if (is_usable(session, handles[i]) && !add(search, desk, handles[i], what))
				return 0;
	} while (n == BATCH);
	return 1;
}

/* The label that is wanted beside the URI's. False: it names another. */
static bool add_label(const struct search *search, CK_ATTRIBUTE *templ, size_t *n)
{
	size_t len = search->label ? strlen(search->label) : 0;

	if (!search->label)
		return true;
	for (size_t i = 0; i < *n; i++)
		if (templ[i].type == CKA_LABEL)
			return templ[i].ulValueLen == len && memcmp(templ[i].pValue, search->label, len) == 0;
	templ[(*n)++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)(uintptr_t)search->label, len};
	return true;
}

static int find_class(struct search *search, struct desk *desk, struct session *session, size_t i)
{
	CK_ATTRIBUTE templ[1 + URI_TEMPLATE_MAX + 1] = {
		{CKA_CLASS, (void *)(uintptr_t)&classes[i].object_class, sizeof classes[i].object_class},
	};
	size_t n = 1 + uri_template(search->uri, templ + 1);

	if (!(search->what & classes[i].what) || !add_label(search, templ, &n))
		return 1;
	CK_RV rv = find_init(session, templ, n);
	if (rv != CKR_OK)
		return fail_rv(search->provider, rv, "look for %s on the token \"%s\"", uri_text(search->uri), desk_token(desk));
	int done = collect(search, desk, session, classes[i].what);
	find_final(session);
	return done;
}

static int prepare_login(struct search *search, struct desk *desk, struct session *session, bool only_token)
{
	const struct login_from from = {search->uri, search->ask, search->ask_arg};

	if (!(search->what & (SEARCH_PRIVATE | SEARCH_SECRET)) || !only_token)
		return 1;
	if (!search->public_will_do)
		return login_user(search->provider, desk, session, &from);
	return login_user_if_possible(search->provider, desk, session, &from) != LOGIN_FAILED;
}

static int find_on_token(struct search *search, CK_SLOT_ID slot, bool only_token)
{
	struct desk *desk = desk_of(search->provider, slot);
	CK_RV rv;

	if (!desk)
		return 0;
	struct session *session = desk_take(desk, &rv);
	if (!session)
		return fail_rv(search->provider, rv, "open a session on the token \"%s\"", desk_token(desk));
	int done = prepare_login(search, desk, session, only_token);
	for (size_t i = 0; done && i < NCLASSES; i++)
		done = find_class(search, desk, session, i);
	desk_give(desk, session);
	return done;
}

/* -- all of it -------------------------------------------------------------------------------- */

static int fail_nothing(const struct search *search, const struct tokens *tokens)
{
	if ((search->what & (SEARCH_PRIVATE | SEARCH_SECRET)) && tokens->npins > 1)
		return fail(search->provider, REASON_NO_OBJECT, "nothing is what %s says, without a login; and nobody logs in where a URI means "
		            "several tokens: name one with token=LABEL", uri_text(search->uri));
	return fail(search->provider, REASON_NO_OBJECT, "no object is what %s says: see \"hufu key list\"", uri_text(search->uri));
}

int search_run(struct search *search)
{
	struct tokens tokens = {0};

	for (size_t i = 0; i < NCLASSES; i++)
		if (!uri_wants_class(search->uri, classes[i].object_class))
			search->what &= ~classes[i].what;
	int done = desks_start(search->provider) && list_tokens(search, &tokens);
	for (CK_ULONG i = 0; done && i < tokens.n; i++)
		done = find_on_token(search, tokens.slots[i], tokens.npins <= 1);
	if (done && !search->n)
		done = fail_nothing(search, &tokens);
	free(tokens.slots);
	return done;
}

void search_clear(struct search *search)
{
	free(search->findings);
	search->findings = NULL;
	search->n = search->cap = 0;
}

/* -- as keys ------------------------------------------------------------------------------------ */

static struct key *public_key(const struct search *search, struct session *session, CK_OBJECT_HANDLE handle)
{
	uint8_t spki[HUFU_PUB_MAX];
	struct key_form form;
	struct object *object;
	CK_RV rv = object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object);

	if (rv != CKR_OK)
		return fail_rv(search->provider, rv, "read what %s says", uri_text(search->uri)), NULL;
	size_t len = key_spki_of(object, spki);
	object_rele(object);
	if (!len || !key_form_read_public(spki, len, &form) || key_kind_of(&form) == KEY_KINDS)
		return fail(search->provider, REASON_KEY_TYPE, "a public key that is what %s says is of a type that OpenSSL does not have",
		            uri_text(search->uri)), NULL;
	return key_of_spki(search->provider, key_kind_of(&form), spki, len);
}

struct key *search_key(const struct search *search, const struct finding *finding)
{
	CK_RV rv;
	struct session *session = desk_take(finding->desk, &rv);
	struct key *key;

	if (!session)
		return fail_rv(search->provider, rv, "open a session on the token \"%s\"", desk_token(finding->desk)), NULL;
	if (finding->what == SEARCH_PRIVATE)
		key = key_of_object(search->provider, finding->desk, session, finding->handle, search->uri);
	else
		key = public_key(search, session, finding->handle);
	desk_give(finding->desk, session);
	return key;
}

static char *name_of(const struct finding *finding)
{
	CK_RV rv;
	struct session *session = desk_take(finding->desk, &rv);
	char *name = session ? uri_of_object(session, finding->handle) : NULL;

	if (session)
		desk_give(finding->desk, session);
	return name;
}

int search_fail_several(const struct search *search)
{
	char *first = name_of(&search->findings[0]), *second = name_of(&search->findings[1]);

	fail(search->provider, REASON_SEVERAL_OBJECTS, "%s means %zu keys, %s and %s among them: name one by token, object and id",
	     uri_text(search->uri), search->n, first ? first : "one", second ? second : "another");
	free(first);
	free(second);
	return 0;
}

struct key *search_only(struct search *search, unsigned what)
{
	search->what = what;
	if (!search_run(search))
		return NULL;
	if (search->n > 1)
		return search_fail_several(search), NULL;
	return search_key(search, &search->findings[0]);
}
