/* SPDX-License-Identifier: Apache-2.0 */
/* hufu help, hufu version: made of the table of commands. */
#include "tools/keykind.h"
#include "tools/report.h"

#include "config.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

const struct opt help_opts[] = {
	{"words", 0, NULL, "print bare words, for shell completion"},
	{"types", 0, NULL, "print the types of keys that key generate knows"},
	{0},
};

static int title(const struct command *c, char *out, size_t len)
{
	return snprintf(out, len, "%s%s%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", c->targets ? " " : "",
	                c->targets ? c->targets : "");
}

static bool print_option(const struct opt *opt, void *arg)
{
	char left[48];

	(void)arg;
	if (opt->letter)
		snprintf(left, sizeof left, "-%c, --%s%s%s", opt->letter, opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
	else
		snprintf(left, sizeof left, "    --%s%s%s", opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
	printf("  %-28s %s\n", left, opt->help);
	return true;
}

static bool print_word(const struct opt *opt, void *arg)
{
	(void)arg;
	printf("--%s\n", opt->name);
	return true;
}

static void explain(const struct command *c)
{
	char text[96];

	title(c, text, sizeof text);
	printf("usage: hufu %s [OPTION]...\n%s\n\n", text, c->summary);
	opts_each(c, print_option, NULL);
}

static void list(const char *noun)
{
	char text[96];

	for (const struct command *c = commands; c->noun; c++)
		if (!noun || !strcmp(noun, c->noun)) {
			title(c, text, sizeof text);
			printf("  %-32s %s\n", text, c->summary);
		}
}

/* The next word after those given, or the options of a whole command. */
static void words(const char *noun, const char *verb)
{
	const char *last = "";

	for (const struct command *c = commands; c->noun; c++) {
		if (!noun) {
			if (strcmp(last, c->noun))
				puts(c->noun);
			last = c->noun;
		} else if (!strcmp(noun, c->noun)) {
			if (c->verb && !verb)
				puts(c->verb);
			else if (!c->verb || !strcmp(verb, c->verb))
				opts_each(c, print_word, NULL);
		}
	}
}

static void key_types(void)
{
	for (const struct key_kind *k = key_kinds; k->name; k++)
		printf("%s%s%s%s\n", k->name, k->sizes ? "[:" : "", k->sizes ? k->sizes : "", k->sizes ? "]" : "");
}

enum status cmd_help(const struct args *args)
{
	const char *noun = arg_target(args, 0), *verb = arg_target(args, 1);
	bool known = !noun;

	if (arg_has(args, "types")) {
		key_types();
		return ST_OK;
	}
	if (arg_has(args, "words")) {
		words(noun, verb);
		return ST_OK;
	}
	for (const struct command *c = commands; noun && c->noun; c++) {
		if (strcmp(noun, c->noun))
			continue;
		known = true;
		if (!c->verb || (verb && !strcmp(verb, c->verb))) {
			explain(c);
			return ST_OK;
		}
	}
	if (!known || verb)
		return fail(ST_USAGE, "hufu help lists the commands.", "there is no command \"%s%s%s\"", noun, verb ? " " : "",
		            verb ? verb : "");
	printf("usage: hufu NOUN VERB [TARGET]... [OPTION]...\n\n");
	list(noun);
	if (!noun)
		printf("\nhufu help NOUN VERB explains one. Tokens and keys are named by label or by RFC 7512 URI.\n"
		       "Exit codes: 0 done, 1 usage, 2 not found, 3 PIN or login, 4 unavailable, 5 partly done,\n"
		       "6 integrity (bad signature, bad tag), 7 refused by policy, 8 certificates expire. More: hufu(1).\n");
	return ST_OK;
}

enum status cmd_version(const struct args *args)
{
	if (args->json)
		return out_json(json_pack("{s:s,s:s,s:s}", "schema", "hufu-version/1", "version", PACKAGE_VERSION, "libcrypto",
		                          OpenSSL_version(OPENSSL_VERSION)));
	printf("hufu %s (%s)\n", PACKAGE_VERSION, OpenSSL_version(OPENSSL_VERSION));
	return ST_OK;
}
