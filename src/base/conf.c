/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to struct conf: the outline (conf_outline.c) says where everything
 * stands and is held against the keys there are (conf_vet.c); what is sound goes
 * through libconfuse (conf_values.c), and each value is converted (conf_keys.c).
 */
#include "base/conf_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* PINs of a token without a host secret: a thief of the store can try them all. */
#define PIN_MIN_WITHOUT_SECRET 12

struct load {
	struct conf_reporter *reporter;
	struct outline outline;
	struct cfg_t *values;
	struct conf *conf;
	bool no_memory;
};

struct conf_pool conf_pool_defaults(void)
{
	return (struct conf_pool){
		.attempts = 3, .attempt_min_ms = 50, .attempt_max_ms = 1000, .generate_deadline_ms = 60000,
		.retry_percent = 20, .retry_floor = 10, .hedge = CONF_HEDGE_OFF, .hedge_percent = 2,
		.eject_soft_errors = 3, .backoff_min_ms = 500, .backoff_max_ms = 15000,
		.slow_start_ms = 10000, .slow_start_percent = 10, .deep_probe_s = 60,
		.verify_after = CONF_VERIFY_AUTO, .generate = CONF_GENERATE_DEVICE,
		.hardware_only = CONF_HARDWARE_AUTO, .software_fallback = true, .keyless = CONF_KEYLESS_LOCAL,
	};
}

struct conf_device conf_device_defaults(void)
{
	return (struct conf_device){
		.weight = 100, .priority = CONF_PRIORITY_AUTO, .isolation = CONF_ISOLATION_AUTO, .share = 100, .queue = 1024,
		.connects_per_s = 20, .hung_max = 8,
	};
}

struct conf *conf_new(const char *path)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	if (!conf)
		return NULL;
	conf->path = path ? strdup(path) : NULL;
	conf->log_to = strdup("syslog");
	conf->log_level = HUFU_LOG_NOTICE;
	conf->defaults = (struct conf_token){
		.sm2_view = CONF_SM2_VENDOR,
		.des3 = CONF_DES3_OFF,
		.policy = CONF_POLICY_STANDARD,
		.pin_min = 4,
		.user_tries = 10,
		.pin_iterations = 100000,
		.deadline_ms = 5000,
		.pool = conf_pool_defaults(),
	};
	if (conf_machine_defaults(conf) && conf->log_to && (conf->path || !path))
		return conf;
	conf_free(conf);
	return NULL;
}

static void token_clear(struct conf_token *token)
{
	free(token->name);
	free(token->store);
	free(token->devices);
	free(token->host_secret);
}

static void device_clear(struct conf_device *device)
{
	free(device->name);
	free(device->driver);
	free(device->domain);
	free(device->token);
	free(device->host_dir);
	for (char **option = device->options; option && *option; option++)
		free(*option);
	free(device->options);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->ntokens; i++)
		token_clear(&conf->tokens[i]);
	for (size_t i = 0; i < conf->ndevices; i++)
		device_clear(&conf->devices[i]);
	token_clear(&conf->defaults);
	conf_sdf_clear(&conf->sdf);
	conf_machine_clear(conf);
	free(conf->tokens);
	free(conf->devices);
	free(conf->path);
	free(conf->log_to);
	free(conf->token_dir);
	free(conf->run_dir);
	free(conf->states);
	free(conf);
}

static struct conf_device *device_add(struct conf *conf, const char *name)
{
	struct conf_device *devices = reallocarray(conf->devices, conf->ndevices + 1, sizeof(*devices));
	if (!devices)
		return NULL;
	conf->devices = devices;
	struct conf_device *device = &devices[conf->ndevices++];
	*device = conf_device_defaults();
	device->name = strdup(name);
	device->domain = strdup(name);
	device->options = calloc(1, sizeof(char *));
	return device->name && device->domain && device->options ? device : NULL;
}

static size_t device_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->ndevices; i++)
		if (strcmp(conf->devices[i].name, name) == 0)
			return i;
	return SIZE_MAX;
}

size_t conf_soft_device(struct conf *conf)
{
	size_t found = device_find(conf, "soft");
	if (found != SIZE_MAX)
		return found;
	struct conf_device *device = device_add(conf, "soft");
	if (!device || !(device->driver = strdup("soft")))
		return SIZE_MAX;
	return conf->ndevices - 1;
}

/* -- sections ------------------------------------------------------------------- */

static const char *value_of(struct load *l, const struct outline_key *key)
{
	return values_get(l->values, &l->outline, key, 0);
}

static void fill_one(struct load *l, const struct conf_key *key, const struct outline_key *at, unsigned index, void *object)
{
	const char *text = values_get(l->values, &l->outline, at, index);
	char why[PATH_MAX + 256];
	if (text && !conf_convert(key, text, object, why, sizeof(why)))
		conf_problem(l->reporter, at->line, "%s", why);
}

/* Fills object from one section; what that does not set stays as it is. */
static void fill(struct load *l, size_t section, void *object)
{
	const struct conf_section *known = outline_section_of(&l->outline, section);
	for (size_t i = 0; i < known->nkeys; i++) {
		const struct conf_key *key = &known->keys[i];
		const struct outline_key *at = outline_find(&l->outline, section, key->name);
		unsigned n = !at || key->type == CONF_DEVICES ? 0 :
		             key->type == CONF_TEXTS ? values_count(l->values, &l->outline, at) : 1;
		for (unsigned nth = 0; nth < n; nth++)
			fill_one(l, key, at, nth, object);
	}
}

/* Runs load for each section of this kind. */
static void each_section(struct load *l, enum conf_section_id id, void (*load)(struct load *, size_t section))
{
	for (size_t i = 0; i < l->outline.nsections && !l->no_memory; i++)
		if (!l->outline.sections[i].dropped && outline_section_of(&l->outline, i) == &conf_sections[id])
			load(l, i);
}

static void load_log(struct load *l, size_t section)
{
	fill(l, section, l->conf);
}

/* -- devices -------------------------------------------------------------------- */

static bool driver_has_option(const char *driver, const char *name)
{
	const char *const *options = conf_driver_options(driver);
	if (!options)
		return true;
	while (*options && strcmp(*options, name) != 0)
		options++;
	return *options != NULL;
}

static void refuse_option(struct load *l, const struct outline_key *key, const char *driver)
{
	char list[512];

	conf_key_list(&conf_sections[CONF_DEVICE], list, sizeof(list));
	size_t len = strlen(list);
	for (const char *const *option = conf_driver_options(driver); *option && len < sizeof(list); option++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, ", %s", *option);
	conf_problem(l->reporter, key->line, "driver \"%s\" has no key \"%s\". The keys of a section device are %s", driver, key->name,
	             list);
}

static bool option_is_good(struct load *l, const struct outline_key *key, const char *driver, const char *value)
{
	if (!driver_has_option(driver, key->name)) {
		refuse_option(l, key, driver);
		return false;
	}
	/* One that fails on purpose stands around one that works. */
	if (conf_driver_is_fault(driver) && strcmp(key->name, "wraps") == 0 && strcmp(value, "soft") != 0 && value[0] != '/') {
		conf_problem(l->reporter, key->line, "wraps = \"%s\" cannot be wrapped. Write soft or the absolute path of a "
		             "driver's .so", value);
		return false;
	}
	return true;
}

static void add_option(struct load *l, struct conf_device *device, size_t n, const char *name, const char *value)
{
	char **options = reallocarray(device->options, 2 * n + 3, sizeof(char *));
	if (!options) {
		l->no_memory = true;
		return;
	}
	device->options = options;
	options[2 * n] = strdup(name);
	options[2 * n + 1] = options[2 * n] ? strdup(value) : NULL;
	options[2 * n + 2] = NULL;
	l->no_memory |= !options[2 * n + 1];
}

static void load_options(struct load *l, size_t section, struct conf_device *device)
{
	size_t n = 0;
	for (size_t i = 0; i < l->outline.nkeys && !l->no_memory; i++) {
		const struct outline_key *key = &l->outline.keys[i];
		if (key->section != section || key->dropped || conf_key_find(&conf_sections[CONF_DEVICE], key->name))
			continue;
		const char *value = value_of(l, key);
		if (value && option_is_good(l, key, device->driver, value))
			add_option(l, device, n++, key->name, value);
	}
}

static void load_device(struct load *l, size_t section)
{
	const struct outline_section *at = &l->outline.sections[section];
	const struct outline_key *driver = outline_find(&l->outline, section, "driver");
	struct conf_device *device = device_add(l->conf, at->title);
	if (!device) {
		l->no_memory = true;
		return;
	}
	device->line = at->line;
	fill(l, section, device);
	if (!driver)
		conf_problem(l->reporter, at->line, "device \"%s\" has no driver. Add driver = soft, or the absolute path of a "
		             "driver's .so", at->title);
	if (!device->driver)
		return;
	/* It serves the tokens that name no device, and must be what they expect. */
	if (strcmp(device->name, "soft") == 0 && strcmp(device->driver, "soft") != 0)
		conf_problem(l->reporter, driver->line, "the name \"soft\" is kept for a device of driver soft. Give this device "
		             "another name");
	load_options(l, section, device);
}

/* -- tokens ----------------------------------------------------------------------- */

static bool token_has(const struct conf_token *token, size_t device)
{
	for (size_t i = 0; i < token->ndevices; i++)
		if (token->devices[i] == device)
			return true;
	return false;
}

static void give_device(struct load *l, struct conf_token *token, size_t device)
{
	size_t *devices = reallocarray(token->devices, token->ndevices + 1, sizeof(*devices));
	if (!devices) {
		l->no_memory = true;
		return;
	}
	token->devices = devices;
	devices[token->ndevices++] = device;
}

static void add_device_by_name(struct load *l, struct conf_token *token, int line, const char *name)
{
	size_t found = device_find(l->conf, name);
	if (found == SIZE_MAX) {
		if (!l->outline.cut) /* else it may stand in what was not read */
			conf_problem(l->reporter, line, "there is no device \"%s\". Add device \"%s\" { ... }, or name another",
			             name, name);
		return;
	}
	if (token_has(token, found))
		conf_problem(l->reporter, line, "device \"%s\" is named twice. Take one away", name);
	else
		give_device(l, token, found);
}

static void load_devices(struct load *l, size_t section, struct conf_token *token)
{
	const struct outline_key *key = outline_find(&l->outline, section, "devices");
	if (!key)
		return;
	free(token->devices);
	token->devices = NULL;
	token->ndevices = 0;
	unsigned n = values_count(l->values, &l->outline, key);
	for (unsigned i = 0; i < n; i++)
		add_device_by_name(l, token, key->line, values_get(l->values, &l->outline, key, i));
	if (!n)
		conf_problem(l->reporter, key->line, "devices names none. Name one, or take the line away to use the device soft");
}

static void check_bounds(struct load *l, size_t section, const struct conf_pool *pool)
{
	const struct outline_key *max = outline_find(&l->outline, section, "attempt_max_ms");
	const struct outline_key *backoff = outline_find(&l->outline, section, "backoff_max_ms");
	int line = l->outline.sections[section].line;
	if (pool->attempt_max_ms < pool->attempt_min_ms)
		conf_problem(l->reporter, max ? max->line : line, "attempt_max_ms = %u is less than attempt_min_ms = %u. Give the "
		             "larger of the two to attempt_max_ms", pool->attempt_max_ms, pool->attempt_min_ms);
	if (pool->backoff_max_ms < pool->backoff_min_ms)
		conf_problem(l->reporter, backoff ? backoff->line : line, "backoff_max_ms = %u is less than backoff_min_ms = %u. "
		             "Give the larger of the two to backoff_max_ms", pool->backoff_max_ms, pool->backoff_min_ms);
}

static void load_defaults(struct load *l, size_t section)
{
	l->conf->defaults.line = l->outline.sections[section].line;
	fill(l, section, &l->conf->defaults);
	check_bounds(l, section, &l->conf->defaults.pool);
	load_devices(l, section, &l->conf->defaults);
}

/* A copy that owns its memory. */
static bool token_inherit(const struct conf_token *defaults, struct conf_token *token)
{
	*token = *defaults;
	token->name = token->store = NULL;
	token->host_secret = defaults->host_secret ? strdup(defaults->host_secret) : NULL;
	token->devices = defaults->ndevices ? calloc(defaults->ndevices, sizeof(*token->devices)) : NULL;
	if (token->devices)
		memcpy(token->devices, defaults->devices, defaults->ndevices * sizeof(*token->devices));
	else
		token->ndevices = 0;
	return token->ndevices == defaults->ndevices && !token->host_secret == !defaults->host_secret;
}

static struct conf_token *token_add(struct conf *conf, const char *name)
{
	struct conf_token *tokens = reallocarray(conf->tokens, conf->ntokens + 1, sizeof(*tokens));
	if (!tokens)
		return NULL;
	conf->tokens = tokens;
	struct conf_token *token = &tokens[conf->ntokens++];
	bool inherited = token_inherit(&conf->defaults, token);
	token->name = strdup(name);
	return inherited && token->name ? token : NULL;
}

/* Without a host secret whoever copies the store can try every PIN at leisure. */
static void settle_pin_min(struct load *l, struct conf_token *token, int line)
{
	if (token->host_secret || token->allow_short_pin || token->pin_min >= PIN_MIN_WITHOUT_SECRET)
		return;
	if (line)
		conf_problem(l->reporter, line, "pin_min = %u needs a host secret. Add host_secret = \"file:/path\" or "
		             "allow_short_pin = true, or make it %d", token->pin_min, PIN_MIN_WITHOUT_SECRET);
	token->pin_min = PIN_MIN_WITHOUT_SECRET;
}

/* The section's line of pin_min, or where it is inherited the section's own; 0: set nowhere. */
static int pin_min_line(const struct load *l, size_t section)
{
	const struct outline_key *own = outline_find(&l->outline, section, "pin_min");
	if (own)
		return own->line;
	for (size_t i = 0; i < l->outline.nkeys; i++) {
		const struct outline_key *key = &l->outline.keys[i];
		if (!key->dropped && strcmp(key->name, "pin_min") == 0 &&
		    outline_section_of(&l->outline, key->section) == &conf_sections[CONF_DEFAULTS])
			return l->outline.sections[section].line;
	}
	return 0;
}

/* Devices that name a token join it, whether it names them or not. */
static void join_token(struct load *l, size_t section)
{
	const struct outline_key *key = outline_find(&l->outline, section, "token");
	size_t device = device_find(l->conf, l->outline.sections[section].title);
	const char *name = key && device != SIZE_MAX ? l->conf->devices[device].token : NULL;
	if (!name)
		return;
	for (size_t i = 0; i < l->conf->ntokens; i++) {
		struct conf_token *token = &l->conf->tokens[i];
		if (strcmp(token->name, name) != 0)
			continue;
		if (!token_has(token, device))
			give_device(l, token, device);
		return;
	}
	if (!l->outline.cut)
		conf_problem(l->reporter, key->line, "there is no token \"%s\". Add token \"%s\" { ... }, or name another", name,
		             name);
}

static size_t count_options(const struct conf_device *device)
{
	size_t n = 0;
	while (device->options[2 * n])
		n++;
	return n;
}

static bool has_option(const struct conf_device *device, const char *name)
{
	for (char **option = device->options; *option; option += 2)
		if (strcmp(*option, name) == 0)
			return true;
	return false;
}

/*
 * A machine that keeps the token's objects: it is asked in the role "token", and all of them are one domain, named
 * after the token where the section names none.
 */
static void settle_machine(struct load *l, const struct conf_token *token, struct conf_device *device)
{
	for (const struct conf_token *other = l->conf->tokens; other < l->conf->tokens + l->conf->ntokens; other++)
		if (other != token && token_has(other, (size_t)(device - l->conf->devices)))
			conf_problem(l->reporter, device->line, "device \"%s\" serves token \"%s\" too, but keeps the objects of token "
			             "\"%s\". Write a section device for each", device->name, other->name, token->name);
	if (!has_option(device, "role"))
		add_option(l, device, count_options(device), "role", "token");
	if (strcmp(device->domain, device->name) == 0) {
		free(device->domain);
		device->domain = strdup(token->name);
		l->no_memory |= !device->domain;
	}
}

static void settle_net(struct load *l, const struct conf_token *token)
{
	const char *domain = NULL;
	if (token->engine != CONF_STORE_NET || l->outline.cut)
		return;
	for (size_t i = 0; i < token->ndevices && !l->no_memory; i++) {
		struct conf_device *device = &l->conf->devices[token->devices[i]];
		if (!device->driver || strcmp(device->driver, "net") != 0)
			continue;
		settle_machine(l, token, device);
		if (domain && device->domain && strcmp(domain, device->domain) != 0)
			conf_problem(l->reporter, device->line, "device \"%s\" is of domain \"%s\", another machine of token \"%s\" of "
			             "\"%s\". Machines with one token are one domain", device->name, device->domain, token->name,
			             domain);
		domain = device->domain;
	}
	if (!domain && !l->no_memory)
		conf_problem(l->reporter, token->line, "token \"%s\" is to live on machines (store = \"net\"), but none of its devices "
		             "is of driver net. Add device \"a\" { driver = net  address = \"host:port\" ... } to its devices",
		             token->name);
}

static void settle_devices(struct load *l, struct conf_token *token)
{
	if (token->ndevices)
		return;
	size_t soft = conf_soft_device(l->conf);
	token->devices = malloc(sizeof(*token->devices));
	if (soft == SIZE_MAX || !token->devices) {
		l->no_memory = true;
		return;
	}
	token->devices[token->ndevices++] = soft;
}

static void check_store(struct load *l, const struct conf_token *token, const struct outline_key *key)
{
	if (!key && l->conf->machine.given)
		return; /* its objects live with its clients */
	if (!key) {
		conf_problem(l->reporter, token->line, "token \"%s\" has no store. Add store = \"sqlite:/path/of/%s.db\"",
		             token->name, token->name);
		return;
	}
	for (const struct conf_token *other = l->conf->tokens; token->store && other < token; other++)
		if (other->store && other->engine == token->engine && strcmp(other->store, token->store) == 0)
			conf_problem(l->reporter, key->line, "the store is that of token \"%s\" already. Give each token a store "
			             "of its own", other->name);
}

static void load_token(struct load *l, size_t section)
{
	struct conf_token *token = token_add(l->conf, l->outline.sections[section].title);
	if (!token) {
		l->no_memory = true;
		return;
	}
	token->line = l->outline.sections[section].line;
	fill(l, section, token);
	check_store(l, token, outline_find(&l->outline, section, "store"));
	load_devices(l, section, token);
	check_bounds(l, section, &token->pool);
	settle_pin_min(l, token, pin_min_line(l, section));
}

/* -- the GM/T 0018 face -------------------------------------------------------------- */

static void load_sdf(struct load *l, size_t section)
{
	l->conf->sdf.line = l->outline.sections[section].line;
	fill(l, section, &l->conf->sdf);
}

static void load_sdf_key(struct load *l, size_t section)
{
	const struct outline_section *at = &l->outline.sections[section];
	struct conf_sdf_key *key = conf_sdf_add_key(&l->conf->sdf, at->title, at->line, l->reporter);
	l->no_memory |= !key;
	if (!key)
		return;
	fill(l, section, key);
	conf_sdf_check_key(&l->conf->sdf, key, l->reporter);
}

static void load_sdf_kek(struct load *l, size_t section)
{
	const struct outline_section *at = &l->outline.sections[section];
	struct conf_sdf_kek *kek = conf_sdf_add_kek(&l->conf->sdf, at->title, at->line, l->reporter);
	l->no_memory |= !kek;
	if (!kek)
		return;
	fill(l, section, kek);
	conf_sdf_check_kek(kek, l->reporter);
}

/* -- the cipher machine --------------------------------------------------------------- */

static void load_machine(struct load *l, size_t section)
{
	l->conf->machine.given = true;
	l->conf->machine.line = l->outline.sections[section].line;
	fill(l, section, &l->conf->machine);
}

static void load_identity(struct load *l, size_t section)
{
	const struct outline_section *at = &l->outline.sections[section];
	struct conf_identity *identity = conf_machine_add_identity(l->conf, at->title, at->line);
	l->no_memory |= !identity;
	if (!identity)
		return;
	fill(l, section, identity);
	if (!outline_find(&l->outline, section, "burst"))
		identity->burst = identity->rate;
}

static void load_audit(struct load *l, size_t section)
{
	l->conf->audit.given = true;
	l->conf->audit.line = l->outline.sections[section].line;
	fill(l, section, &l->conf->audit);
}

/* After the tokens, which inherit what was written and not what was made of it. */
static void settle_defaults(struct load *l, size_t section)
{
	settle_pin_min(l, &l->conf->defaults, l->conf->token_dir ? pin_min_line(l, section) : 0);
}

/* Beside the configuration, so that whoever owns that owns this. */
static void settle_states(struct load *l)
{
	struct conf *conf = l->conf;
	if (!conf->states && conf->path && asprintf(&conf->states, "%s.states", conf->path) < 0) {
		conf->states = NULL;
		l->no_memory = true;
	}
}

static void load_all(struct load *l)
{
	fill(l, OUTLINE_TOP, l->conf);
	each_section(l, CONF_LOG, load_log);
	each_section(l, CONF_MACHINE, load_machine);
	each_section(l, CONF_DEVICE, load_device);
	each_section(l, CONF_DEFAULTS, load_defaults);
	each_section(l, CONF_TOKEN, load_token);
	each_section(l, CONF_DEVICE, join_token);
	for (size_t i = 0; i < l->conf->ntokens && !l->no_memory; i++)
		settle_devices(l, &l->conf->tokens[i]);
	for (size_t i = 0; i < l->conf->ntokens && !l->no_memory; i++)
		settle_net(l, &l->conf->tokens[i]);
	each_section(l, CONF_DEFAULTS, settle_defaults);
	settle_pin_min(l, &l->conf->defaults, 0); /* when there was no section */
	if (l->conf->token_dir)
		settle_devices(l, &l->conf->defaults);
	settle_states(l);
	each_section(l, CONF_SDF, load_sdf);
	each_section(l, CONF_SDF_KEY, load_sdf_key);
	each_section(l, CONF_SDF_KEK, load_sdf_kek);
	conf_sdf_check(l->conf, l->outline.cut, l->reporter);
	each_section(l, CONF_IDENTITY, load_identity);
	each_section(l, CONF_AUDIT, load_audit);
	l->no_memory |= !conf_machine_settle(l->conf, l->outline.cut, l->reporter) || !conf_host_settle(l->conf);
}

enum hufu_err conf_read(char *text, const char *path, struct conf_reporter *reporter, struct conf **conf)
{
	struct load l = {.reporter = reporter, .conf = conf_new(path)};
	l.no_memory = !l.conf || !outline_read(text, &conf_form, reporter, &l.outline);
	if (!l.no_memory) {
		outline_vet(&l.outline, text, reporter);
		l.values = values_read(&l.outline, text, reporter);
	}
	if (l.values)
		load_all(&l);
	values_free(l.values);
	outline_clear(&l.outline);
	*conf = l.conf;
	return l.no_memory ? HUFU_ERR_NO_MEMORY : HUFU_OK;
}
