/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ossl.h"
#include "tools/report.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define PROVIDER "hufu"

/* -- errors ---------------------------------------------------------------------------- */

/* The newest error is libcrypto's summary; the provider's, which says why, lies beneath it. */
const char *ossl_why(char *out, size_t out_len, enum reason *provider_reason)
{
	const char *data;
	int flags;
	bool ours = false;
	unsigned long code;

	snprintf(out, out_len, "no reason given");
	*provider_reason = (enum reason)0;
	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags))) {
		const char *reason = ERR_reason_error_string(code);
		bool told = (flags & ERR_TXT_STRING) && data[0];
		if (ours)
			continue;
		ours = ERR_GET_LIB(code) >= ERR_LIB_USER && told;
		if (ours) {
			*provider_reason = (enum reason)ERR_GET_REASON(code);
			snprintf(out, out_len, "%s", data);
		} else {
			snprintf(out, out_len, "%s%s%s", reason ? reason : "unknown error", told ? ": " : "", told ? data : "");
		}
	}
	return out;
}

enum status ossl_fail(enum status status, const char *next, const char *fmt, ...)
{
	char what[512], why[1024];
	enum reason reason;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return fail(status, next, "%s: %s", what, ossl_why(why, sizeof why, &reason));
}

/* -- the provider ---------------------------------------------------------------------- */

/* The build's directory of libraries, if this program stands in one. */
static const char *modules_dir(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *slash = NULL;

	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
	}
	if (!slash)
		return HUFU_OSSL_MODULES_PATH;
	size_t room = (size_t)(path + PATH_MAX - slash);
	if ((size_t)snprintf(slash, room, "/.libs/" PROVIDER ".so") >= room || access(path, R_OK))
		return HUFU_OSSL_MODULES_PATH;
	*strrchr(path, '/') = '\0';
	return path;
}

enum status ossl_open(struct ossl *o)
{
	char path[PATH_MAX];
	const char *dir = modules_dir(path);

	*o = (struct ossl){.context = OSSL_LIB_CTX_new()};
	if (!o->context)
		return fail_memory();
	o->base = OSSL_PROVIDER_load(o->context, "default");
	if (o->base && OSSL_PROVIDER_set_default_search_path(o->context, dir))
		o->hufu = OSSL_PROVIDER_load(o->context, PROVIDER);
	return o->hufu ? ST_OK
	               : ossl_fail(ST_UNAVAILABLE, "It is installed with hufu.", "the OpenSSL provider \"" PROVIDER "\" in %s", dir);
}

void ossl_close(struct ossl *o)
{
	if (o->hufu)
		OSSL_PROVIDER_unload(o->hufu);
	if (o->base)
		OSSL_PROVIDER_unload(o->base);
	OSSL_LIB_CTX_free(o->context);
	*o = (struct ossl){0};
}

/* -- keys ------------------------------------------------------------------------------ */

/* UI_METHOD's reader: it answers with the PIN what it is asked. */
static int answer(UI *ui, UI_STRING *question)
{
	const struct pin *pin = UI_get0_user_data(ui);

	switch (UI_get_string_type(question)) {
	case UIT_PROMPT:
	case UIT_VERIFY:
		return pin->len && UI_set_result_ex(ui, question, (const char *)pin->bytes, (int)pin->len) == 0;
	case UIT_NONE:
	case UIT_BOOLEAN:
	case UIT_INFO:
	case UIT_ERROR:
		break;
	}
	return 1;
}

static EVP_PKEY *load(struct ossl *o, const char *uri, UI_METHOD *method, const struct pin *pin)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, o->context, NULL, method, (void *)(size_t)pin, NULL, NULL, NULL);
	OSSL_STORE_INFO *info = NULL;
	EVP_PKEY *key = NULL;

	if (store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
		while (!info && !OSSL_STORE_eof(store))
			info = OSSL_STORE_load(store);
	if (info)
		key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return key;
}

enum status ossl_private_key(struct ossl *o, const char *uri, const struct pin *pin, EVP_PKEY **key)
{
	UI_METHOD *method = UI_create_method("PIN");

	*key = NULL;
	if (!method || UI_method_set_reader(method, answer))
		return fail_memory();
	ERR_clear_error();
	*key = load(o, uri, method, pin);
	UI_destroy_method(method);
	return *key ? ST_OK
	            : ossl_fail(ST_UNAVAILABLE, "The provider knows the tokens of hufu's own configuration (hufu config show).",
	                        "the OpenSSL provider does not find %s", uri);
}
