/* SPDX-License-Identifier: Apache-2.0 */
/* Which engine a configuration asks for. */
#include "base/log.h"
#include "store/internal.h"

static const struct engine_kind *postgres; /* NULL: this program has none */

void store_engine_register(const struct engine_kind *kind)
{
	postgres = kind;
}

void store_servers(const struct store_conf *conf, store_report_fn report, void *arg)
{
	if (conf->engine == CONF_STORE_POSTGRES && postgres && postgres->servers)
		postgres->servers(conf, report, arg);
}

enum hufu_err engine_open(const struct store_conf *conf, struct engine **engine)
{
	if (conf->engine == CONF_STORE_SQLITE)
		return engine_sqlite.open(conf, engine);
	if (!postgres) {
		log_error("store = \"postgres:...\": programs reach a database by hufud alone. Say store = \"net\", and name the machines");
		return HUFU_ERR_CONFIG;
	}
	return conf->state_dir && conf->name ? cache_open(conf, postgres, engine) : postgres->open(conf, engine);
}
