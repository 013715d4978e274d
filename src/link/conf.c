/* SPDX-License-Identifier: Apache-2.0 */
/* The options of driver net in a device's section: hufu.conf(5). */
#include "link/link_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool link_hex(const char *text, uint8_t *out, size_t len)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static const char *get(const struct hufu_conf *conf, const char *key)
{
	const char *value = conf->get(conf, key);

	return value && value[0] ? value : NULL;
}

static bool get_number(const struct hufu_conf *conf, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
	char *end;
	const char *text = get(conf, key);

	if (!text)
		return true;
	const unsigned long n = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n >= min && n <= max) {
		*out = (uint32_t)n;
		return true;
	}
	log_device(HUFU_LOG_ERROR, conf->name, "%s = \"%s\" is no number from %u to %u", key, text, min, max);
	return false;
}

static bool get_role(const struct hufu_conf *conf, enum wire_role *role)
{
	static const char *const names[] = {[WIRE_DEVICES] = "devices", [WIRE_TOKEN] = "token", [WIRE_HOST] = "host"};
	const char *text = get(conf, "role");

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!text || strcmp(text, names[i]) == 0) {
			*role = (enum wire_role)i;
			return true;
		}
	}
	log_device(HUFU_LOG_ERROR, conf->name, "role = \"%s\" is neither \"devices\" nor \"token\" nor \"host\"", text);
	return false;
}

enum hufu_err link_conf_of(const struct hufu_conf *conf, struct link_conf *out)
{
	uint32_t uid = UINT32_MAX;

	*out = (struct link_conf){
		.device = conf->name, .address = get(conf, "address"), .name = get(conf, "name"), .pin = get(conf, "pin"),
		.profile = get(conf, "profile"), .ca = get(conf, "ca"), .cert = get(conf, "cert"), .key = get(conf, "key"),
		.crl = get(conf, "crl"), .enc_cert = get(conf, "enc_cert"), .enc_key = get(conf, "enc_key"), .token = get(conf, "tenant"),
		.domain_id = get(conf, "domain_id"),
	};
	if (!out->address) {
		log_device(HUFU_LOG_ERROR, conf->name, "address is missing. Write host:port, [v6]:port or unix:/path");
		return HUFU_ERR_CONFIG;
	}
	const bool good = get_role(conf, &out->role) && get_number(conf, "connections", 1, LINK_CONNECTIONS_MAX, &out->connections) &&
	                  get_number(conf, "ping_ms", 20, 3600000, &out->ping_ms) &&
	                  get_number(conf, "idle_ms", 100, 86400000, &out->idle_ms) &&
	                  get_number(conf, "window", 1, 65536, &out->window) && get_number(conf, "server_uid", 0, UINT32_MAX - 1, &uid);
	out->server_uid = (uid_t)uid;
	return good ? HUFU_OK : HUFU_ERR_CONFIG;
}
