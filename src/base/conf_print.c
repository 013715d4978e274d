/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_edit.h"
#include "base/conf_internal.h"

#include "base/log.h"

#include <string.h>

/* As conf_outline.c reads it: ${ is refused in double quotes. */
void conf_print_string(FILE *out, const char *text)
{
	char quote = strstr(text, "${") ? '\'' : '"';
	putc(quote, out);
	for (; *text; text++) {
		if (*text == quote || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc(quote, out);
}

static void print_setting(FILE *out, const char *indent, const char *key, const char *prefix, const char *value)
{
	char text[8192];
	if (!value)
		return;
	snprintf(text, sizeof(text), "%s%s", prefix, value);
	fprintf(out, "%s%s = ", indent, key);
	conf_print_string(out, text);
	putc('\n', out);
}

static const char *level_name(enum hufu_level level)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	return names[level];
}

static void print_choice(FILE *out, const char *key, const char *const choices[], unsigned value)
{
	fprintf(out, "\t%s = %s\n", key, choices[value]);
}

static const char *yes_no(bool value)
{
	return value ? "true" : "false";
}

static void print_pool(const struct conf_pool *pool, FILE *out)
{
	static const char *const hedge[] = {"off", "suspect"}, *const verify[] = {"always", "sample", "never"};
	static const char *const generate[] = {"device", "host"}, *const hardware[] = {"auto", "yes", "no"};
	static const char *const keyless[] = {"local", "device"};
	fprintf(out, "\tattempts = %u\n\tattempt_min_ms = %u\n\tattempt_max_ms = %u\n\tgenerate_deadline_ms = %u\n",
	        pool->attempts, pool->attempt_min_ms, pool->attempt_max_ms, pool->generate_deadline_ms);
	fprintf(out, "\tretry_percent = %u\n\tretry_floor = %u\n", pool->retry_percent, pool->retry_floor);
	print_choice(out, "hedge", hedge, pool->hedge);
	fprintf(out, "\thedge_percent = %u\n\teject_soft_errors = %u\n\tbackoff_min_ms = %u\n\tbackoff_max_ms = %u\n",
	        pool->hedge_percent, pool->eject_soft_errors, pool->backoff_min_ms, pool->backoff_max_ms);
	fprintf(out, "\tslow_start_ms = %u\n\tslow_start_percent = %u\n\tdeep_probe_s = %u\n", pool->slow_start_ms,
	        pool->slow_start_percent, pool->deep_probe_s);
	print_choice(out, "verify_after", verify, pool->verify_after);
	print_choice(out, "generate", generate, pool->generate);
	print_choice(out, "hardware_only", hardware, pool->hardware_only);
	fprintf(out, "\tsoftware_fallback = %s\n\tlocal_below = %u\n", yes_no(pool->software_fallback), pool->local_below);
	print_choice(out, "keyless", keyless, pool->keyless);
}

static void print_device_settings(const struct conf_device *device, FILE *out)
{
	static const char *const isolation[] = {"auto", "direct", "thread", "process"};
	fprintf(out, "\tweight = %u\n", device->weight);
	if (device->priority != CONF_PRIORITY_AUTO)
		fprintf(out, "\tpriority = %u\n", device->priority);
	print_choice(out, "isolation", isolation, device->isolation);
	fprintf(out, "\tsessions = %u\n\tshare = %u\n\tqueue = %u\n\tconnects_per_s = %u\n\thung_max = %u\n",
	        device->sessions, device->share, device->queue, device->connects_per_s, device->hung_max);
	print_setting(out, "\t", "token", "", device->token);
}

static void print_token_settings(const struct conf *conf, const struct conf_token *token, FILE *out)
{
	static const char *const alias[] = {"none", "sansec", "tass", "koal", "westone", "ibm", "luna", "xipki"};
	const char *comma = "";
	if (token->ndevices) {
		fprintf(out, "\tdevices = {");
		for (size_t i = 0; i < token->ndevices; i++) {
			fprintf(out, "%s", comma);
			conf_print_string(out, conf->devices[token->devices[i]].name);
			comma = ", ";
		}
		fprintf(out, "}\n");
	}
	fprintf(out, "\tsm2_key_type = %s\n", token->sm2_view == CONF_SM2_EC ? "ec" : "vendor");
	print_choice(out, "alias", alias, token->alias);
	fprintf(out, "\tpolicy = %s\n", token->policy == CONF_POLICY_STRICT ? "strict" : "standard");
	fprintf(out, "\tdes3 = %s\n", token->des3 == CONF_DES3_READ ? "read" : "off");
	print_setting(out, "\t", "host_secret", "file:", token->host_secret);
	fprintf(out, "\tallow_short_pin = %s\n", yes_no(token->allow_short_pin));
	fprintf(out, "\tpin_min = %u\n\tuser_tries = %u\n\tpin_iterations = %u\n\tdeadline_ms = %u\n", token->pin_min,
	        token->user_tries, token->pin_iterations, token->deadline_ms);
	print_pool(&token->pool, out);
}

static void print_sdf(const struct conf_sdf *sdf, FILE *out)
{
	static const char *const lengths[] = {"checked", "written"};
	if (!sdf->line && !sdf->nkeys && !sdf->nkeks)
		return;
	fprintf(out, "\nsdf {\n");
	print_setting(out, "\t", "token", "", sdf->token);
	print_setting(out, "\t", "login", "file:", sdf->login);
	print_setting(out, "\t", "files", "", sdf->files);
	print_setting(out, "\t", "vendor", "", sdf->vendor);
	print_setting(out, "\t", "model", "", sdf->model);
	print_setting(out, "\t", "serial", "", sdf->serial);
	print_choice(out, "lengths", lengths, sdf->lengths);
	fprintf(out, "\tdebug = %s\n}\n", yes_no(sdf->debug));
	for (size_t i = 0; i < sdf->nkeys; i++) {
		const struct conf_sdf_key *key = &sdf->keys[i];
		fprintf(out, "\nsdf_key \"%u\" {\n", key->index);
		print_setting(out, "\t", "sign", "", key->sign);
		print_setting(out, "\t", "encrypt", "", key->encrypt);
		print_setting(out, "\t", "rsa_sign", "", key->rsa_sign);
		print_setting(out, "\t", "rsa_encrypt", "", key->rsa_encrypt);
		print_setting(out, "\t", "password", "", key->password);
		fprintf(out, "}\n");
	}
	for (size_t i = 0; i < sdf->nkeks; i++) {
		fprintf(out, "\nsdf_kek \"%u\" {\n", sdf->keks[i].index);
		print_setting(out, "\t", "key", "", sdf->keks[i].key);
		fprintf(out, "}\n");
	}
}

void conf_print(const struct conf *conf, FILE *out)
{
	fprintf(out, "# %s\n", conf->path ? conf->path : "no file: the embedded default");
	print_setting(out, "", "token_dir", "", conf->token_dir);
	print_setting(out, "", "run_dir", "", conf->run_dir);
	print_setting(out, "", "states", "", conf->states);
	fprintf(out, "\nlog {\n");
	print_setting(out, "\t", "to", "", conf->log_to);
	fprintf(out, "\tlevel = %s\n}\n", level_name(conf->log_level));
	for (size_t i = 0; i < conf->ndevices; i++) {
		const struct conf_device *device = &conf->devices[i];
		fprintf(out, "\ndevice \"%s\" {\n", device->name);
		print_setting(out, "\t", "driver", "", device->driver);
		print_setting(out, "\t", "domain", "", device->domain);
		print_device_settings(device, out);
		for (char **option = device->options; *option; option += 2)
			print_setting(out, "\t", option[0], "", option[1]);
		fprintf(out, "}\n");
	}
	fprintf(out, "\ndefaults {\n");
	print_token_settings(conf, &conf->defaults, out);
	fprintf(out, "}\n");
	for (size_t i = 0; i < conf->ntokens; i++) {
		fprintf(out, "\ntoken \"%s\" {\n", conf->tokens[i].name);
		print_setting(out, "\t", "store", "sqlite:", conf->tokens[i].store);
		print_token_settings(conf, &conf->tokens[i], out);
		fprintf(out, "}\n");
	}
	print_sdf(&conf->sdf, out);
}
