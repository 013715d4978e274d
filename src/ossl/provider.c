/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/provider.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "config.h"
#include "ossl/desk.h"
#include "ossl/param.h"
#include "ossl/tls_group.h"

/* -- what is asked of the provider itself ------------------------------------------ */

static const OSSL_PARAM *gettable_params(void *provider)
{
	static const OSSL_PARAM params[] = {
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0),
		OSSL_PARAM_END,
	};
	(void)provider;
	return params;
}

static bool set_text(OSSL_PARAM params[], const char *name, const char *value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return !p || OSSL_PARAM_set_utf8_ptr(p, value);
}

static int get_params(void *provider, OSSL_PARAM params[])
{
	OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

	(void)provider;
	return set_text(params, OSSL_PROV_PARAM_NAME, "hufu: keys in cipher devices") &&
	       set_text(params, OSSL_PROV_PARAM_VERSION, PACKAGE_VERSION) &&
	       set_text(params, OSSL_PROV_PARAM_BUILDINFO, PACKAGE_STRING) && (!status || param_set_int(status, 1));
}

static const OSSL_ALGORITHM *query_operation(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_ASYM_CIPHER: return asym_cipher_algorithms;
	case OSSL_OP_CIPHER: return cipher_algorithms;
	case OSSL_OP_DIGEST: return digest_algorithms;
	case OSSL_OP_KEYEXCH: return keyexch_algorithms;
	case OSSL_OP_KEYMGMT: return keymgmt_algorithms;
	case OSSL_OP_MAC: return mac_algorithms;
	case OSSL_OP_RAND: return rand_algorithms;
	case OSSL_OP_SIGNATURE: return signature_algorithms;
	case OSSL_OP_STORE: return store_algorithms;
	case OSSL_OP_ENCODER: return encoder_algorithms;
	case OSSL_OP_DECODER: return decoder_algorithms;
	default:
		return NULL;
	}
}

static void teardown(void *arg)
{
	struct provider *provider = arg;

	desks_leave();
	upcalls_free((struct upcalls *)(uintptr_t)provider->upcalls);
	free(provider);
}

/* -- its beginning ------------------------------------------------------------------- */

static const OSSL_DISPATCH functions[] = {
	FUNCTION(OSSL_FUNC_PROVIDER_TEARDOWN, teardown),
	FUNCTION(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, gettable_params),
	FUNCTION(OSSL_FUNC_PROVIDER_GET_PARAMS, get_params),
	FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query_operation),
	FUNCTION(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, tls_group_list),
	FUNCTION(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, reason_strings),
	END_OF_FUNCTIONS,
};

/* The provider's section of openssl.cnf, as text; what it does not say stays NULL. */
static bool read_settings(struct provider *provider, const OSSL_DISPATCH *in)
{
	char *conf = NULL, *pin_source = NULL, *credential = NULL, *token = NULL, *sm2_id = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_ptr("conf", &conf, 0),
		OSSL_PARAM_construct_utf8_ptr("pin-source", &pin_source, 0),
		OSSL_PARAM_construct_utf8_ptr("credential", &credential, 0),
		OSSL_PARAM_construct_utf8_ptr("token", &token, 0),
		OSSL_PARAM_construct_utf8_ptr("sm2-id", &sm2_id, 0),
		OSSL_PARAM_construct_end(),
	};

	while (in->function_id && in->function_id != OSSL_FUNC_CORE_GET_PARAMS)
		in++;
	if (!in->function_id || !OSSL_FUNC_core_get_params(in)(provider->handle, params))
		return false;
	provider->settings = (struct settings){
		.conf = conf, .pin_source = pin_source, .credential = credential, .token = token, .sm2_id = sm2_id,
	};
	return true;
}

/* Opens nothing, and asks libcrypto for nothing that it may be in the middle of: it may be reading its configuration. */
__attribute__((visibility("default")))
int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context)
{
	struct provider *provider = calloc(1, sizeof *provider);

	if (!provider)
		return 0;
	provider->handle = handle;
	provider->upcalls = upcalls_new(in);
	if (!provider->upcalls || !read_settings(provider, in)) {
		upcalls_free((struct upcalls *)(uintptr_t)provider->upcalls);
		free(provider);
		return 0;
	}
	desks_join();
	*out = functions;
	*context = provider;
	return 1;
}
