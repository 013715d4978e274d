/* SPDX-License-Identifier: Apache-2.0 */
/* Tenants over devices of the emulator, for tests of the cipher machine without a server. */
#ifndef TENANT_UTIL_H
#define TENANT_UTIL_H

#include "unit.h"

#include "base/secret.h"
#include "hufu/mechanisms.h"
#include "hufud/tenant_internal.h"

#define TENANT_CONF(devices, sections) \
	"machine { listen = \"unix:/run/h.sock\" master = \"file:/m\" lanes = 4 }\n" \
	"identity \"all\" { user = \"0\" tokens = { \"*\" } roles = { devices } }\n" sections \
	"token \"bank\" { devices = { " devices " } }\n token \"mint\" { devices = { " devices " } }\n"

static const uint8_t tenant_master[MASTER_LEN] = {0x6d, 0x61, 0x73, 0x74, 0x65, 0x72};

static inline void tenant_say(void *arg, const char *message)
{
	(void)arg;
	printf("# %s\n", message);
	fflush(stdout);
}

static inline struct conf *tenant_conf_of(const char *text)
{
	struct conf *conf;

	if (conf_parse(text, "t.conf", tenant_say, NULL, &conf) != HUFU_OK)
		abort();
	return conf;
}

static inline const struct conf_token *tenant_section(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ntokens; i++)
		if (strcmp(conf->tokens[i].name, name) == 0)
			return &conf->tokens[i];
	abort();
}

static inline struct tenant *tenant_of(const struct conf *conf, const char *name, const uint8_t master[MASTER_LEN])
{
	struct tenant *tenant;

	if (tenant_new(conf, tenant_section(conf, name), master, &tenant) != HUFU_OK)
		abort();
	return tenant;
}

#endif
