/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_internal.h"

#include "base/log.h"

#include <string.h>

/* As conf_outline.c reads it: ${ is refused in double quotes. */
static void print_string(FILE *out, const char *text)
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
	print_string(out, text);
	putc('\n', out);
}

static const char *level_name(enum hufu_level level)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
	return names[level];
}

static void print_token_settings(const struct conf *conf, const struct conf_token *token, FILE *out)
{
	const char *comma = "";
	if (token->ndevices) {
		fprintf(out, "\tdevices = {");
		for (size_t i = 0; i < token->ndevices; i++) {
			fprintf(out, "%s", comma);
			print_string(out, conf->devices[token->devices[i]].name);
			comma = ", ";
		}
		fprintf(out, "}\n");
	}
	fprintf(out, "\tsm2_key_type = %s\n", token->sm2_view == CONF_SM2_EC ? "ec" : "vendor");
	fprintf(out, "\tpolicy = %s\n", token->policy == CONF_POLICY_STRICT ? "strict" : "standard");
	fprintf(out, "\tdes3 = %s\n", token->des3 == CONF_DES3_READ ? "read" : "off");
	print_setting(out, "\t", "host_secret", "file:", token->host_secret);
	fprintf(out, "\tallow_short_pin = %s\n", token->allow_short_pin ? "true" : "false");
	fprintf(out, "\tpin_min = %u\n\tuser_tries = %u\n\tpin_iterations = %u\n\tdeadline_ms = %u\n", token->pin_min,
	        token->user_tries, token->pin_iterations, token->deadline_ms);
}

void conf_print(const struct conf *conf, FILE *out)
{
	fprintf(out, "# %s\n", conf->path ? conf->path : "no file: the embedded default");
	print_setting(out, "", "token_dir", "", conf->token_dir);
	fprintf(out, "\nlog {\n");
	print_setting(out, "\t", "to", "", conf->log_to);
	fprintf(out, "\tlevel = %s\n}\n", level_name(conf->log_level));
	for (size_t i = 0; i < conf->ndevices; i++) {
		const struct conf_device *device = &conf->devices[i];
		fprintf(out, "\ndevice \"%s\" {\n", device->name);
		print_setting(out, "\t", "driver", "", device->driver);
		print_setting(out, "\t", "domain", "", device->domain);
		fprintf(out, "\tweight = %u\n", device->weight);
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
}
