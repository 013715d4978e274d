/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of hufu.conf as data, and the one place where their text becomes values. */
#include "base/conf_internal.h"

#include "base/log.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct conf_key top_keys[] = {
	{"token_dir", CONF_PATH, offsetof(struct conf, token_dir), .prefix = ""},
	{"run_dir", CONF_PATH, offsetof(struct conf, run_dir), .prefix = ""},
	{"states", CONF_PATH, offsetof(struct conf, states), .prefix = ""},
};

static const struct conf_key log_keys[] = {
	{"to", CONF_LOG_TO, offsetof(struct conf, log_to)},
	{"level", CONF_LEVEL, offsetof(struct conf, log_level)},
};

#define POOL(member) offsetof(struct conf_token, pool.member)
#define POOL_KEYS \
	{"attempts", CONF_NUMBER, POOL(attempts), .min = 1, .max = 8}, \
	{"attempt_min_ms", CONF_NUMBER, POOL(attempt_min_ms), .min = 1, .max = 60000}, \
	{"attempt_max_ms", CONF_NUMBER, POOL(attempt_max_ms), .min = 1, .max = 60000}, \
	{"generate_deadline_ms", CONF_NUMBER, POOL(generate_deadline_ms), .min = 10, .max = 600000}, \
	{"retry_percent", CONF_NUMBER, POOL(retry_percent), .min = 0, .max = 100}, \
	{"retry_floor", CONF_NUMBER, POOL(retry_floor), .min = 0, .max = 100000}, \
	{"hedge", CONF_CHOICE, POOL(hedge), .choices = {"off", "suspect"}}, \
	{"hedge_percent", CONF_NUMBER, POOL(hedge_percent), .min = 0, .max = 100}, \
	{"eject_soft_errors", CONF_NUMBER, POOL(eject_soft_errors), .min = 1, .max = 1000}, \
	{"backoff_min_ms", CONF_NUMBER, POOL(backoff_min_ms), .min = 1, .max = 600000}, \
	{"backoff_max_ms", CONF_NUMBER, POOL(backoff_max_ms), .min = 1, .max = 3600000}, \
	{"slow_start_ms", CONF_NUMBER, POOL(slow_start_ms), .min = 0, .max = 3600000}, \
	{"slow_start_percent", CONF_NUMBER, POOL(slow_start_percent), .min = 1, .max = 100}, \
	{"deep_probe_s", CONF_NUMBER, POOL(deep_probe_s), .min = 0, .max = 86400}, \
	{"verify_after", CONF_CHOICE, POOL(verify_after), .choices = {"always", "sample", "never", "auto"}}, \
	{"generate", CONF_CHOICE, POOL(generate), .choices = {"device", "host"}}, \
	{"hardware_only", CONF_CHOICE, POOL(hardware_only), .choices = {"auto", "yes", "no"}}, \
	{"software_fallback", CONF_BOOL, POOL(software_fallback)}, \
	{"local_below", CONF_NUMBER, POOL(local_below), .min = 0, .max = 1048576}, \
	{"keyless", CONF_CHOICE, POOL(keyless), .choices = {"local", "device"}}

#define TOKEN_KEYS \
	{"devices", CONF_DEVICES, 0}, \
	{"sm2_key_type", CONF_SM2_VIEW, offsetof(struct conf_token, sm2_view)}, \
	{"alias", CONF_CHOICE, offsetof(struct conf_token, alias), \
	 .choices = {"none", "sansec", "tass", "koal", "westone", "ibm", "luna", "xipki"}}, \
	{"policy", CONF_POLICY, offsetof(struct conf_token, policy)}, \
	{"des3", CONF_DES3_USE, offsetof(struct conf_token, des3)}, \
	{"host_secret", CONF_PATH, offsetof(struct conf_token, host_secret), .prefix = "file:"}, \
	{"allow_short_pin", CONF_BOOL, offsetof(struct conf_token, allow_short_pin)}, \
	{"pin_min", CONF_NUMBER, offsetof(struct conf_token, pin_min), .min = 4, .max = 128}, \
	{"user_tries", CONF_NUMBER, offsetof(struct conf_token, user_tries), .min = 1, .max = 100}, \
	{"pin_iterations", CONF_NUMBER, offsetof(struct conf_token, pin_iterations), .min = 100000, .max = 10000000}, \
	{"deadline_ms", CONF_NUMBER, offsetof(struct conf_token, deadline_ms), .min = 10, .max = 600000}, \
	POOL_KEYS

static const struct conf_key defaults_keys[] = {TOKEN_KEYS};

static const struct conf_key token_keys[] = {
	{"store", CONF_STORE, 0}, /* of the struct conf_token: engine and store */
	TOKEN_KEYS,
};

static const struct conf_key device_keys[] = {
	{"driver", CONF_DRIVER, offsetof(struct conf_device, driver)},
	{"domain", CONF_NAME, offsetof(struct conf_device, domain)},
	{"weight", CONF_NUMBER, offsetof(struct conf_device, weight), .min = 1, .max = 1000},
	{"priority", CONF_NUMBER, offsetof(struct conf_device, priority), .min = 0, .max = 99},
	{"isolation", CONF_CHOICE, offsetof(struct conf_device, isolation), .choices = {"auto", "direct", "thread", "process"}},
	{"sessions", CONF_NUMBER, offsetof(struct conf_device, sessions), .min = 0, .max = 100000},
	{"share", CONF_NUMBER, offsetof(struct conf_device, share), .min = 1, .max = 100},
	{"queue", CONF_NUMBER, offsetof(struct conf_device, queue), .min = 0, .max = 1000000},
	{"connects_per_s", CONF_NUMBER, offsetof(struct conf_device, connects_per_s), .min = 1, .max = 100000},
	{"hung_max", CONF_NUMBER, offsetof(struct conf_device, hung_max), .min = 0, .max = 1000},
	{"token", CONF_NAME, offsetof(struct conf_device, token)},
};

static const struct conf_key sdf_keys[] = {
	{"token", CONF_NAME, offsetof(struct conf_sdf, token)},
	{"login", CONF_PATH, offsetof(struct conf_sdf, login), .prefix = "file:"},
	{"files", CONF_PATH, offsetof(struct conf_sdf, files), .prefix = ""},
	{"vendor", CONF_TEXT, offsetof(struct conf_sdf, vendor)},
	{"model", CONF_TEXT, offsetof(struct conf_sdf, model)},
	{"serial", CONF_TEXT, offsetof(struct conf_sdf, serial)},
	{"lengths", CONF_CHOICE, offsetof(struct conf_sdf, lengths), .choices = {"checked", "written"}},
	{"debug", CONF_BOOL, offsetof(struct conf_sdf, debug)},
};

static const struct conf_key sdf_key_keys[] = {
	{"sign", CONF_TEXT, offsetof(struct conf_sdf_key, sign)},
	{"encrypt", CONF_TEXT, offsetof(struct conf_sdf_key, encrypt)},
	{"rsa_sign", CONF_TEXT, offsetof(struct conf_sdf_key, rsa_sign)},
	{"rsa_encrypt", CONF_TEXT, offsetof(struct conf_sdf_key, rsa_encrypt)},
	{"password", CONF_TEXT, offsetof(struct conf_sdf_key, password)},
};

static const struct conf_key sdf_kek_keys[] = {
	{"key", CONF_TEXT, offsetof(struct conf_sdf_kek, key)},
};

#define MACHINE(member) offsetof(struct conf_machine, member)
static const struct conf_key machine_keys[] = {
	{"name", CONF_NAME, MACHINE(name)},
	{"listen", CONF_TEXTS, MACHINE(listen), .check = conf_check_listen},
	{"profile", CONF_TEXT, MACHINE(profile), .check = conf_check_profile},
	{"ca", CONF_PATH, MACHINE(ca), .prefix = ""},
	{"cert", CONF_PATH, MACHINE(cert), .prefix = ""},
	{"key", CONF_PATH, MACHINE(key), .prefix = ""},
	{"crl", CONF_PATH, MACHINE(crl), .prefix = ""},
	{"enc_cert", CONF_PATH, MACHINE(enc_cert), .prefix = ""},
	{"enc_key", CONF_PATH, MACHINE(enc_key), .prefix = ""},
	{"master", CONF_TEXT, MACHINE(master), .check = conf_check_master},
	{"http", CONF_TEXT, MACHINE(http), .check = conf_check_local},
	{"host_dir", CONF_PATH, MACHINE(host_dir), .prefix = ""},
	{"state_dir", CONF_PATH, MACHINE(state_dir), .prefix = ""},
	{"workers", CONF_NUMBER, MACHINE(workers), .min = 0, .max = 256},
	{"lanes", CONF_NUMBER, MACHINE(lanes), .min = 1, .max = 1024},
	{"connections_max", CONF_NUMBER, MACHINE(connections_max), .min = 1, .max = 1000000},
	{"handshakes_per_s", CONF_NUMBER, MACHINE(handshakes_per_s), .min = 1, .max = 1000000},
	{"hello_ms", CONF_NUMBER, MACHINE(hello_ms), .min = 100, .max = 60000},
	{"frame_ms", CONF_NUMBER, MACHINE(frame_ms), .min = 100, .max = 600000},
	{"idle_s", CONF_NUMBER, MACHINE(idle_s), .min = 1, .max = 86400},
	{"drain_ms", CONF_NUMBER, MACHINE(drain_ms), .min = 0, .max = 600000},
	{"ticket_s", CONF_NUMBER, MACHINE(ticket_s), .min = 1, .max = 604800},
	{"max_body", CONF_NUMBER, MACHINE(max_body), .min = 65536, .max = 16777216},
	{"window", CONF_NUMBER, MACHINE(window), .min = 1, .max = 65536},
	{"stale_s", CONF_NUMBER, MACHINE(stale_s), .min = 0, .max = 31536000},
};

#define IDENTITY(member) offsetof(struct conf_identity, member)
static const struct conf_key identity_keys[] = {
	{"subject", CONF_TEXT, IDENTITY(subject)},
	{"certificate", CONF_TEXT, IDENTITY(certificate), .check = conf_check_certificate},
	{"dns", CONF_TEXT, IDENTITY(dns)},
	{"user", CONF_TEXT, IDENTITY(user)},
	{"tokens", CONF_TEXTS, IDENTITY(tokens)},
	{"roles", CONF_TEXTS, IDENTITY(roles), .check = conf_check_role},
	{"allow", CONF_TEXTS, IDENTITY(allow), .check = conf_check_operation},
	{"deny", CONF_TEXTS, IDENTITY(deny), .check = conf_check_operation},
	{"rate", CONF_NUMBER, IDENTITY(rate), .min = 0, .max = 10000000},
	{"burst", CONF_NUMBER, IDENTITY(burst), .min = 0, .max = 10000000},
	{"connections", CONF_NUMBER, IDENTITY(connections), .min = 1, .max = 1000000},
	{"in_flight", CONF_NUMBER, IDENTITY(in_flight), .min = 1, .max = 1000000},
};

#define AUDIT(member) offsetof(struct conf_audit, member)
static const struct conf_key audit_keys[] = {
	{"file", CONF_PATH, AUDIT(file), .prefix = ""},
	{"syslog", CONF_BOOL, AUDIT(syslog)},
	{"operations", CONF_BOOL, AUDIT(operations)},
	{"when_full", CONF_CHOICE, AUDIT(when_full), .choices = {"closed", "buffer", "open"}},
	{"buffer", CONF_NUMBER, AUDIT(buffer), .min = 100, .max = 10000000},
	{"buffer_ms", CONF_NUMBER, AUDIT(buffer_ms), .min = 0, .max = 3600000},
	{"checkpoint_s", CONF_NUMBER, AUDIT(checkpoint_s), .min = 1, .max = 86400},
	{"checkpoint_records", CONF_NUMBER, AUDIT(checkpoint_records), .min = 1, .max = 10000000},
	{"rotate_mb", CONF_NUMBER, AUDIT(rotate_mb), .min = 0, .max = 1048576},
	{"key", CONF_PATH, AUDIT(key), .prefix = ""},
};

#define KEYS(array) (array), sizeof(array) / sizeof((array)[0])
const struct conf_section conf_sections[CONF_NSECTIONS] = {
	[CONF_TOP] = {"", false, KEYS(top_keys)},
	[CONF_LOG] = {"log", false, KEYS(log_keys)},
	[CONF_DEFAULTS] = {"defaults", false, KEYS(defaults_keys)},
	[CONF_TOKEN] = {"token", true, KEYS(token_keys)},
	[CONF_DEVICE] = {"device", true, KEYS(device_keys)},
	[CONF_SDF] = {"sdf", false, KEYS(sdf_keys)},
	[CONF_SDF_KEY] = {"sdf_key", true, KEYS(sdf_key_keys)},
	[CONF_SDF_KEK] = {"sdf_kek", true, KEYS(sdf_kek_keys)},
	[CONF_MACHINE] = {"machine", false, KEYS(machine_keys)},
	[CONF_IDENTITY] = {"identity", true, KEYS(identity_keys)},
	[CONF_AUDIT] = {"audit", false, KEYS(audit_keys)},
};

bool conf_driver_is_fault(const char *driver)
{
	return strcmp(driver, "fault") == 0 || strcmp(driver, "fault-soft") == 0 || strcmp(driver, "fault-hang") == 0;
}

const struct conf_form conf_form = {
	.sections = conf_sections, .nsections = CONF_NSECTIONS,
	.names = "log, defaults, token, device, sdf, sdf_key, sdf_kek, machine, identity and audit",
	.open = &conf_sections[CONF_DEVICE],
};

const char *const *conf_driver_options(const char *driver)
{
	static const char *const soft[] = {NULL};
	static const char *const fault[] = {"wraps", "script", "sessions_max", "service", "domain_id", "split", "permanent", "shelf",
	                                    "resident", "seed", "password", NULL};
	static const char *const sdf[] = {"library", "profile", "open_config", "kek_index", "isk_index", "indexes", "keks",
	                                  "rsa_indexes", "opt_in", NULL};
	static const char *const p11[] = {"module", "slot", "label", "serial", "alias", "wrap_key", "sessions_max", "locking", NULL};
	static const char *const net[] = {"address", "name", "pin", "profile", "ca", "cert", "key", "crl", "enc_cert", "enc_key",
	                                  "tenant", "role", "connections", "ping_ms", "idle_ms", "window", "server_uid",
	                                  "domain_id", NULL};
	if (strcmp(driver, "soft") == 0)
		return soft;
	if (strcmp(driver, "net") == 0)
		return net;
	if (strcmp(driver, "sdf") == 0)
		return sdf;
	if (strcmp(driver, "p11") == 0)
		return p11;
	if (conf_driver_is_fault(driver))
		return fault;
	return NULL;
}

const struct conf_section *conf_section_find(const struct conf_form *form, const char *kind)
{
	for (size_t i = 1; i < form->nsections; i++)
		if (strcmp(form->sections[i].kind, kind) == 0)
			return &form->sections[i];
	return NULL;
}

const struct conf_key *conf_key_find(const struct conf_section *section, const char *name)
{
	for (size_t i = 0; i < section->nkeys; i++)
		if (strcmp(section->keys[i].name, name) == 0)
			return &section->keys[i];
	return NULL;
}

void conf_key_list(const struct conf_section *section, char *out, size_t cap)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < section->nkeys && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? ", " : "", section->keys[i].name);
}

/* -- conversions: each says why not, and what to write instead ----------------- */

static bool set_text(const char *text, void *member, char *why, size_t why_len)
{
	char *copy = strdup(text);
	if (!copy) {
		snprintf(why, why_len, "memory is out");
		return false;
	}
	free(*(char **)member);
	*(char **)member = copy;
	return true;
}

static bool convert_path(const struct conf_key *key, const char *text, void *member, char *why, size_t why_len)
{
	size_t prefix = strlen(key->prefix);
	if (strncmp(text, key->prefix, prefix) != 0 || text[prefix] != '/') {
		snprintf(why, why_len, "%s = \"%s\" does not begin with %s/. Write %s = \"%s/path\"", key->name, text,
		         key->prefix, key->name, key->prefix);
		return false;
	}
	if (strlen(text + prefix) >= PATH_MAX) {
		snprintf(why, why_len, "the path of %s is too long. It may have %d bytes", key->name, PATH_MAX - 1);
		return false;
	}
	return set_text(text + prefix, member, why, why_len);
}

/* What libpq takes as a secret does not belong into a file that is shown (hufu config show) and copied. */
static bool has_password(const char *conninfo)
{
	const char *scheme = strstr(conninfo, "://"), *at = scheme ? strchr(scheme, '@') : NULL;

	return strstr(conninfo, "password") || (at && memchr(scheme + 3, ':', (size_t)(at - scheme - 3)));
}

static bool convert_postgres(const char *text, struct conf_token *token, char *why, size_t why_len)
{
	/* A URI keeps its scheme, keywords lose the prefix. */
	const char *conninfo = strncmp(text, "postgres://", 11) == 0 ? text : text + sizeof("postgres:") - 1;

	if (!*conninfo || has_password(conninfo)) {
		snprintf(why, why_len, *conninfo ? "store holds a password. Keep that in a file of its own: passfile=/path, or certificates" :
		                                   "store = \"postgres:\" names no database. Write postgres:host=... dbname=...");
		return false;
	}
	token->engine = CONF_STORE_POSTGRES;
	return set_text(conninfo, &token->store, why, why_len);
}

static bool convert_store(const char *text, struct conf_token *token, char *why, size_t why_len)
{
	static const struct conf_key file = {.name = "store", .prefix = "sqlite:"};

	if (strncmp(text, "postgres:", 9) == 0)
		return convert_postgres(text, token, why, why_len);
	token->engine = strcmp(text, "net") == 0 ? CONF_STORE_NET : CONF_STORE_SQLITE;
	return token->engine == CONF_STORE_NET || convert_path(&file, text, &token->store, why, why_len);
}

static bool convert_number(const struct conf_key *key, const char *text, uint32_t *member, char *why, size_t why_len)
{
	uint64_t value = 0;
	size_t len = strspn(text, "0123456789");
	for (size_t i = 0; i < len && value <= UINT32_MAX; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	if (!len || text[len] || value < key->min || value > key->max) {
		snprintf(why, why_len, "%s = \"%s\" is out of range. Give a whole number from %u to %u", key->name, text,
		         key->min, key->max);
		return false;
	}
	*member = (uint32_t)value;
	return true;
}

/* Whatever follows 0x or stands alone must be digits to the end: strtoul would take a sign and spaces too. */
static bool convert_code(const struct conf_key *key, const char *text, uint32_t *member, char *why, size_t why_len)
{
	bool hex = strncmp(text, "0x", 2) == 0;
	const char *digits = hex ? text + 2 : text;
	size_t len = strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");
	uint64_t value = len && len <= 10 && !digits[len] ? strtoull(digits, NULL, hex ? 16 : 10) : UINT64_MAX;
	if (value > key->max) {
		snprintf(why, why_len, "%s = \"%s\" is no number from 0 to 0x%x. Write it with digits, or as 0x...", key->name, text,
		         key->max);
		return false;
	}
	*member = (uint32_t)value;
	return true;
}

static bool convert_bool(const struct conf_key *key, const char *text, bool *member, char *why, size_t why_len)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true}, {"yes", true}, {"on", true}, {"false", false}, {"no", false}, {"off", false}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].word) == 0) {
			*member = words[i].value;
			return true;
		}
	}
	snprintf(why, why_len, "%s = \"%s\" is neither true nor false. Write true or false", key->name, text);
	return false;
}

static bool convert_sm2_view(const char *text, enum conf_sm2_view *member, char *why, size_t why_len)
{
	bool vendor = strcmp(text, "vendor") == 0;
	if (!vendor && strcmp(text, "ec") != 0) {
		snprintf(why, why_len, "sm2_key_type = \"%s\" is unknown. Write vendor (CKK_HUFU_SM2) or ec (CKK_EC with the SM2 "
		         "curve)", text);
		return false;
	}
	*member = vendor ? CONF_SM2_VENDOR : CONF_SM2_EC;
	return true;
}

static bool convert_policy(const char *text, enum conf_policy *member, char *why, size_t why_len)
{
	bool strict = strcmp(text, "strict") == 0;
	if (!strict && strcmp(text, "standard") != 0) {
		snprintf(why, why_len, "policy = \"%s\" is unknown. Write standard, or strict (a key that wraps never decrypts)", text);
		return false;
	}
	*member = strict ? CONF_POLICY_STRICT : CONF_POLICY_STANDARD;
	return true;
}

static bool convert_des3(const char *text, enum conf_des3 *member, char *why, size_t why_len)
{
	bool off = strcmp(text, "off") == 0;
	if (!off && strcmp(text, "read") != 0) {
		snprintf(why, why_len, "des3 = \"%s\" is unknown. Write off, or read (keys are taken in, and decrypt)", text);
		return false;
	}
	*member = off ? CONF_DES3_OFF : CONF_DES3_READ;
	return true;
}

static bool convert_level(const char *text, enum hufu_level *member, char *why, size_t why_len)
{
	if (log_level_parse(text, member))
		return true;
	snprintf(why, why_len, "level = \"%s\" is unknown. Write error, warning, notice, info or debug", text);
	return false;
}

static bool convert_log_to(const char *text, void *member, char *why, size_t why_len)
{
	bool word = strcmp(text, "syslog") == 0 || strcmp(text, "stderr") == 0 || strcmp(text, "none") == 0;
	if (!word && strncmp(text, "file:/", 6) != 0) {
		snprintf(why, why_len, "to = \"%s\" is no place for the log. Write syslog, stderr, none or file:/absolute/path",
		         text);
		return false;
	}
	return set_text(text, member, why, why_len);
}

static bool convert_name(const struct conf_key *key, const char *text, void *member, char *why, size_t why_len)
{
	if (!conf_name_valid(text)) {
		snprintf(why, why_len, "%s = \"%s\" is no name. Use 1 to %d letters, digits, dots, dashes or underscores",
		         key->name, text, CONF_NAME_MAX);
		return false;
	}
	return set_text(text, member, why, why_len);
}

/* "a", "a or b", "a, b or c". */
static void list_choices(const struct conf_key *key, char *out, size_t cap)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; key->choices[i] && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s", !i ? "" : key->choices[i + 1] ? ", " : " or ", key->choices[i]);
}

static bool convert_choice(const struct conf_key *key, const char *text, void *member, char *why, size_t why_len)
{
	char list[256];
	for (unsigned i = 0; key->choices[i]; i++) {
		if (strcmp(text, key->choices[i]) == 0) {
			memcpy(member, &i, sizeof(i)); /* an enum, whichever */
			return true;
		}
	}
	list_choices(key, list, sizeof(list));
	snprintf(why, why_len, "%s = \"%s\" is unknown. Write %s", key->name, text, list);
	return false;
}

static bool convert_driver(const char *text, void *member, char *why, size_t why_len)
{
	if (!conf_driver_options(text) && text[0] != '/') {
		snprintf(why, why_len, "driver = \"%s\" is unknown. Write soft, sdf, p11, net, fault or the absolute path of a driver's .so",
		         text);
		return false;
	}
	return set_text(text, member, why, why_len);
}

static bool convert_text(const struct conf_key *key, const char *text, void *member, char *why, size_t why_len)
{
	return (!key->check || key->check(text, why, why_len)) && set_text(text, member, why, why_len);
}

static bool convert_texts(const struct conf_key *key, const char *text, char ***member, char *why, size_t why_len)
{
	size_t n = 0;
	if (key->check && !key->check(text, why, why_len))
		return false;
	while (*member && (*member)[n])
		n++;
	char **list = reallocarray(*member, n + 2, sizeof(*list));
	if (!list) {
		snprintf(why, why_len, "memory is out");
		return false;
	}
	*member = list;
	list[n] = list[n + 1] = NULL;
	return set_text(text, &list[n], why, why_len);
}

bool conf_convert(const struct conf_key *key, const char *text, void *object, char *why, size_t why_len)
{
	void *member = (uint8_t *)object + key->offset;
	switch (key->type) {
	case CONF_NAME:
		return convert_name(key, text, member, why, why_len);
	case CONF_PATH:
		return convert_path(key, text, member, why, why_len);
	case CONF_STORE:
		return convert_store(text, member, why, why_len);
	case CONF_NUMBER:
		return convert_number(key, text, member, why, why_len);
	case CONF_CODE:
		return convert_code(key, text, member, why, why_len);
	case CONF_BOOL:
		return convert_bool(key, text, member, why, why_len);
	case CONF_SM2_VIEW:
		return convert_sm2_view(text, member, why, why_len);
	case CONF_POLICY:
		return convert_policy(text, member, why, why_len);
	case CONF_DES3_USE:
		return convert_des3(text, member, why, why_len);
	case CONF_LEVEL:
		return convert_level(text, member, why, why_len);
	case CONF_LOG_TO:
		return convert_log_to(text, member, why, why_len);
	case CONF_DRIVER:
		return convert_driver(text, member, why, why_len);
	case CONF_CHOICE:
		return convert_choice(key, text, member, why, why_len);
	case CONF_TEXT:
		return convert_text(key, text, member, why, why_len);
	case CONF_TEXTS:
		return convert_texts(key, text, member, why, why_len);
	case CONF_DEVICES:
		break; /* names mean something only beside the devices */
	}
	return log_bug() == HUFU_OK;
}
