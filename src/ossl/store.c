/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects by URI (provider-storemgmt(7)). Private keys are handed over as ours, by
 * reference; public keys and certificates as DER, out of which the default provider makes its own.
 *
 * The search waits for the first load: until then the application says what it expects, and who is asked for a PIN.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdlib.h>
#include <string.h>

#include "ossl/filter.h"
#include "ossl/pause.h"
#include "ossl/search.h"
#include "ossl/uri_form.h"

struct store {
	struct search search;
	struct filter filter;
	bool searched;
	size_t next;                    /* among what was found */
};

static void *open_uri(void *provider, const char *text)
{
	struct store *store = calloc(1, sizeof *store);

	if (!store)
		return fail(provider, REASON_INTERNAL, "no memory"), NULL;
	store->search.provider = provider;
	store->search.uri = uri_parse(provider, text);
	if (store->search.uri)
		return store;
	free(store);
	return NULL;
}

static int close_store(void *context)
{
	struct store *store = context;

	search_clear(&store->search);
	filter_clear(&store->filter);
	uri_rele(store->search.uri);
	free(store);
	return 1;
}

static int set_params(void *context, const OSSL_PARAM params[])
{
	struct store *store = context;

	return !params || filter_set(&store->filter, store->search.provider, params);
}

static int at_end(void *context)
{
	const struct store *store = context;

	return store->searched && store->next >= store->search.n;
}

/* -- the search ------------------------------------------------------------------------ */

/* Who asks for the public key of what is a private one by name gets its public half. */
static unsigned wanted(const struct store *store)
{
	unsigned what = filter_wants(&store->filter);

	if (store->filter.expect == OSSL_STORE_INFO_PUBKEY && !uri_wants_class(store->search.uri, CKO_PUBLIC_KEY))
		what = SEARCH_PRIVATE;
	return what;
}

/* An application that wants a key takes the first: the wrong one, if its URI names several. */
static bool is_ambiguous(const struct store *store)
{
	return store->filter.expect == OSSL_STORE_INFO_PKEY && store->search.n > 1 &&
	       (uri_names_object(store->search.uri) || store->filter.label);
}

static int run_search(struct store *store, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	struct search *search = &store->search;

	store->searched = true;
	search->what = wanted(store);
	search->public_will_do = store->filter.expect == 0;
	search->label = store->filter.label;
	search->ask = ask;
	search->ask_arg = ask_arg;
	if (search->what && search_run(search) && (!is_ambiguous(store) || search_fail_several(search)))
		return 1;
	store->next = search->n;
	return 0;
}

/* -- handing over ------------------------------------------------------------------------ */

/*
 * Early libcryptos (3.0.3, and so Tongsuo 8.4) ask the default provider's key management to load a reference, whoever gave it, and
 * ours is not called. They leave the choice to decoders, ours among them, where they are given data: the key's URI.
 */
static int give_uri(const struct key *key, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_PKEY;
	uint8_t der[URI_FORM_MAX];
	char *uri = uri_with_pin_source(key->name, key->uri);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)key_kind_name(key->kind), 0),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)(uintptr_t)URI_FORM_STRUCTURE, 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, uri ? uri_form_write(uri, der) : 0),
		OSSL_PARAM_construct_end(),
	};

	free(uri);
	return params[3].data_size && take(params, take_arg);
}

static int give_key(struct key *key, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_PKEY;
	struct key *given = key_hold(key);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)key_kind_name(key->kind), 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &given, sizeof given),
		OSSL_PARAM_construct_end(),
	};
	int taken = take(params, take_arg);

	if (!taken && given)
		taken = give_uri(key, take, take_arg);
	key_rele(given); /* NULL, if keymgmt_load has taken it */
	key_rele(key);
	return taken;
}

static int give_public(const struct key *key, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_PKEY;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)key_kind_name(key->kind), 0),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)(uintptr_t)"SubjectPublicKeyInfo", 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, key->spki, key->spki_len),
		OSSL_PARAM_construct_end(),
	};

	return take(params, take_arg);
}

static int give_certificate(const struct object *object, OSSL_CALLBACK *take, void *take_arg)
{
	int type = OSSL_OBJECT_CERT;
	const CK_ATTRIBUTE *value = attrs_get(&object->attrs, CKA_VALUE);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
		OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(uintptr_t)"CERTIFICATE", 0),
		OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, value->pValue, value->ulValueLen),
		OSSL_PARAM_construct_end(),
	};

	return take(params, take_arg);
}

/* A reference. NULL after an error: it was destroyed since the search. */
static struct object *object_of(const struct store *store, const struct finding *finding)
{
	CK_RV rv;
	struct session *session = desk_take(finding->desk, &rv);
	struct object *object = NULL;

	if (session) {
		rv = object_find(session, finding->handle, CKR_OBJECT_HANDLE_INVALID, &object);
		desk_give(finding->desk, session);
	}
	if (rv == CKR_OK)
		return object;
	return fail_rv(store->search.provider, rv, "read what %s says", uri_text(store->search.uri)), NULL;
}

/* The next certificate that the filter takes; what it does not take is passed over. */
static int load_certificate(struct store *store, const struct finding *finding, OSSL_CALLBACK *take, void *take_arg, bool *passed)
{
	struct object *object = object_of(store, finding);

	if (!object)
		return 0;
	const CK_ATTRIBUTE *value = attrs_get(&object->attrs, CKA_VALUE);
	*passed = value && !filter_takes(&store->filter, value->pValue, value->ulValueLen);
	int done = value && !*passed && give_certificate(object, take, take_arg);
	object_rele(object);
	return done;
}

static int load_key(const struct store *store, const struct finding *finding, OSSL_CALLBACK *take, void *take_arg)
{
	struct key *key = search_key(&store->search, finding);

	if (!key)
		return 0;
	if (key_is_private(key) && store->filter.expect != OSSL_STORE_INFO_PUBKEY)
		return give_key(key, take, take_arg);
	int taken = give_public(key, take, take_arg);
	key_rele(key);
	return taken;
}

static int load_next(struct store *store, OSSL_CALLBACK *take, void *take_arg)
{
	bool passed = true;
	int done = 0;

	while (passed && store->next < store->search.n) {
		const struct finding *finding = &store->search.findings[store->next++];
		passed = false;
		if (finding->what == SEARCH_CERTIFICATES)
			done = load_certificate(store, finding, take, take_arg, &passed);
		else
			done = load_key(store, finding, take, take_arg);
	}
	return done;
}

/* What libcrypto gives with a call. */
struct loading {
	struct store *store;
	OSSL_CALLBACK *take;
	void *take_arg;
	OSSL_PASSPHRASE_CALLBACK *ask;
	void *ask_arg;
	int done;
};

static void load_on_stack(void *arg)
{
	struct loading *l = arg;

	if (l->store->searched || run_search(l->store, l->ask, l->ask_arg))
		l->done = load_next(l->store, l->take, l->take_arg);
}

/* A server may choose its key in the midst of a handshake, and so in a job. */
static int load(void *context, OSSL_CALLBACK *take, void *take_arg, OSSL_PASSPHRASE_CALLBACK *ask, void *ask_arg)
{
	struct loading loading = {context, take, take_arg, ask, ask_arg, 0};
	struct pause pause;

	return pause_run(&pause, load_on_stack, &loading) ? loading.done :
	       fail(loading.store->search.provider, REASON_INTERNAL, "no memory");
}

static const OSSL_DISPATCH functions[] = {
	FUNCTION(OSSL_FUNC_STORE_OPEN, open_uri),
	FUNCTION(OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, filter_settable),
	FUNCTION(OSSL_FUNC_STORE_SET_CTX_PARAMS, set_params),
	FUNCTION(OSSL_FUNC_STORE_LOAD, load),
	FUNCTION(OSSL_FUNC_STORE_EOF, at_end),
	FUNCTION(OSSL_FUNC_STORE_CLOSE, close_store),
	END_OF_FUNCTIONS,
};

const OSSL_ALGORITHM store_algorithms[] = {
	ALGORITHM("pkcs11", functions, "objects of hufu's tokens (RFC 7512)"),
	{NULL, NULL, NULL, NULL},
};
