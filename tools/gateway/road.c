/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto as the server has it: its openssl.cnf in a context of our own. */
#include "tools/gateway/gateway.h"

#include "tools/report.h"

#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTION_HINT                                                                                                            \
	"It wants openssl_conf = init; [init] providers = all; [all] default = d, hufu = h; [d] activate = 1; [h] activate = 1: " \
	"see hufu-provider(7)."

/* -- the file ------------------------------------------------------------------------- */

static enum status config_name(const struct args *args, struct road *road)
{
	const char *given = arg_get(args, "config");
	char *usual = given ? NULL : CONF_get1_default_config_file(); /* OPENSSL_CONF, else the library's */

	road->config = given ? strdup(given) : usual && usual[0] ? strdup(usual) : NULL;
	OPENSSL_free(usual);
	if (!road->config || access(road->config, R_OK) == 0)
		return ST_OK;
	if (given || getenv("OPENSSL_CONF"))
		return fail_errno("Name the server's own with --config.", "reading %s", road->config);
	free(road->config);
	road->config = NULL;
	return ST_OK;
}

static enum status config_load(struct road *road)
{
	/* A file that sets up no provider leaves libcrypto to load the default one by itself. */
	if (!road->config || OSSL_LIB_CTX_load_config(road->context, road->config))
		return ST_OK;
	return ossl_fail(ST_UNAVAILABLE, "A server would start without its settings, or not at all: correct them.", "reading %s", road->config);
}

/* The values of the section that lists the providers; owned by the CONF. */
static STACK_OF(CONF_VALUE) *providers_section(CONF *conf)
{
	const char *start = NCONF_get_string(conf, NULL, "openssl_conf");
	const char *list = start ? NCONF_get_string(conf, start, "providers") : NULL;

	return list ? NCONF_get_section(conf, list) : NULL;
}

static int place_of(const STACK_OF(CONF_VALUE) *list, const char *name)
{
	for (int i = 0; i < sk_CONF_VALUE_num(list); i++)
		if (!strcmp(sk_CONF_VALUE_value(list, i)->name, name))
			return i;
	return -1;
}

/* Whoever comes first does what nobody asked of a particular one. */
static void config_order(const struct road *road, struct remarks *remarks)
{
	CONF *conf = NCONF_new_ex(road->context, NULL);
	long line;

	if (conf && NCONF_load(conf, road->config, &line) > 0) {
		const STACK_OF(CONF_VALUE) *list = providers_section(conf);
		int base = list ? place_of(list, "default") : -1, hufu = list ? place_of(list, "hufu") : -1;
		if (hufu >= 0 && base > hufu)
			advise(remarks, "Let the line of the default provider come before hufu's.",
			       "%s has hufu before the default provider, so work without a token's key may go through hufu, too", road->config);
	}
	NCONF_free(conf);
	ERR_clear_error();
}

/* -- providers --------------------------------------------------------------------------- */

static void providers_by_hand(const struct args *args, struct road *road)
{
	if (!arg_has(args, "provider-path") || OSSL_PROVIDER_available(road->context, "hufu"))
		return;
	road->base = OSSL_PROVIDER_load(road->context, "default");
	road->hufu = OSSL_PROVIDER_load(road->context, "hufu");
}

static enum status providers_are_there(struct road *road)
{
	const char *file = road->config ? road->config : "openssl.cnf, of which there is none,";

	if (!OSSL_PROVIDER_available(road->context, "hufu") && ERR_peek_error() == 0)
		return fail(ST_UNAVAILABLE, SECTION_HINT " With --provider-path=DIR it is tried without.", "%s loads no provider \"hufu\"", file);
	if (!OSSL_PROVIDER_available(road->context, "hufu"))
		return ossl_fail(ST_UNAVAILABLE, SECTION_HINT " With --provider-path=DIR it is tried without.",
		                 "%s loads no provider \"hufu\"", file);
	if (!OSSL_PROVIDER_available(road->context, "default"))
		return fail(ST_UNAVAILABLE, SECTION_HINT,
		            "%s loads hufu without the default provider, which has to be named once another is: TLS cannot work without it",
		            file);
	return ST_OK;
}

static void read_version(struct road *road)
{
	OSSL_PROVIDER *hufu = OSSL_PROVIDER_try_load(road->context, "hufu", 1);
	char *version = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION, &version, 0),
		OSSL_PARAM_construct_end(),
	};

	if (hufu && OSSL_PROVIDER_get_params(hufu, params) && version)
		snprintf(road->version, sizeof road->version, "%s", version);
	OSSL_PROVIDER_unload(hufu);
}

enum status road_open(const struct args *args, struct road *road, struct remarks *remarks)
{
	*road = (struct road){.context = OSSL_LIB_CTX_new()};
	if (!road->context)
		return fail_memory();
	enum status status = config_name(args, road);
	/* Before the file: its sections may name providers by name alone, which are looked for in the directory. */
	if (status == ST_OK && arg_has(args, "provider-path") &&
	    !OSSL_PROVIDER_set_default_search_path(road->context, arg_get(args, "provider-path")))
		status = fail_memory();
	if (status == ST_OK)
		status = config_load(road);
	if (status == ST_OK) {
		providers_by_hand(args, road);
		status = providers_are_there(road);
	}
	if (status == ST_OK && road->config)
		config_order(road, remarks);
	if (status == ST_OK)
		read_version(road);
	return status;
}

void road_close(struct road *road)
{
	if (road->hufu)
		OSSL_PROVIDER_unload(road->hufu);
	if (road->base)
		OSSL_PROVIDER_unload(road->base);
	OSSL_LIB_CTX_free(road->context);
	free(road->config);
	*road = (struct road){0};
}
